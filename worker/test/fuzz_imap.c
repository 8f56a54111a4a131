/*
 * fuzz_imap.c
 *		Any bytes as what an IMAP server says.
 */
#include <string.h>

#include "imap_response.h"

int			LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

/* Reads one response in every way; it has what was asked for within itself. */
static void
read_response(const char *response, gsize length)
{
	GArray	   *uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	guint32		number;
	ImapMail	mail;

	(void) imap_read_kind(response, length, "L1");
	(void) imap_read_code(response, length, "UIDNEXT", &number);
	imap_read_search(response, length, uids);
	for (guint i = 0; i < uids->len; i++)
	{
		if (g_array_index(uids, guint32, i) == 0)
			__builtin_trap();
	}
	(void) imap_read_fetch(response, length, &mail);
	if (mail.length >= length || (mail.data == NULL && mail.length > 0))
		__builtin_trap();
	g_free(mail.data);
	g_array_unref(uids);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const char *bytes = (const char *) data;

	while (size > 0)
	{
		ImapScan	whole = {.at = 0};
		ImapScan	pieces = {.at = 0};
		ImapScanned state = imap_scan(&whole, bytes, size);
		ImapScanned piece = IMAP_MORE;

		/* Bytes that come one by one make the same response. */
		for (size_t given = 1; given <= size && piece == IMAP_MORE; given++)
			piece = imap_scan(&pieces, bytes, given);
		if (piece != state || (state == IMAP_COMPLETE && pieces.at != whole.at))
			__builtin_trap();
		if (state != IMAP_COMPLETE)
		{
			read_response(bytes, size);
			break;
		}
		if (whole.at > size)
			__builtin_trap();
		read_response(bytes, whole.at);
		bytes += whole.at;
		size -= whole.at;
	}
	return 0;
}
