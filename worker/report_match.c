/*
 * report_match.c
 *		Which message of ours a mail that came is about.
 */
#include "report_match.h"

#include <string.h>

#define UUID_LENGTH 36
/* What ends an address in a header. */
#define AROUND_ADDRESS " \t\r\n,;:<>()[]\""

bool
report_match_address(Report *report, const ReturnPath *return_path, const char *text)
{
	char		address[321];
	char		id[UUID_LENGTH + 1];

	if (return_path == NULL || text == NULL)
		return false;
	while (*(text += strspn(text, AROUND_ADDRESS)))
	{
		gsize		length = strcspn(text, AROUND_ADDRESS);

		if (length < sizeof(address))
		{
			memcpy(address, text, length);
			address[length] = '\0';
			if (return_path_read(return_path, address, id))
			{
				strcpy(report->message_id, id);
				report->proven = true;
				return true;
			}
		}
		text += length;
	}
	return false;
}

void
report_match_ids(Report *report, const char *text)
{
	bool		is_version_7 = false;

	if (text == NULL || report->message_id[0])
		return;
	/* Programs make such Message-IDs of their own; those of version 7 are rather ours. */
	while ((text = strchr(text, '<')) != NULL)
	{
		char		id[UUID_LENGTH + 1];
		gsize		length = strnlen(++text, UUID_LENGTH);

		memcpy(id, text, length);
		id[length] = '\0';
		if (length < UUID_LENGTH || text[UUID_LENGTH] != '@' || !g_uuid_string_is_valid(id) ||
			(is_version_7 && id[14] != '7'))
			continue;
		is_version_7 = id[14] == '7';
		for (gsize i = 0; i < UUID_LENGTH; i++)
			report->message_id[i] = g_ascii_tolower(id[i]);
		report->message_id[UUID_LENGTH] = '\0';
	}
}
