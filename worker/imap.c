/*
 * imap.c
 *		Reads a mailbox by IMAP, and changes nothing in it.
 *
 * libcurl connects, speaks TLS and logs in.  What follows is said here, because libcurl takes
 * lines of a mail for lines of the server where a command of its user's returns one, and its
 * own way to fetch a mail marks it as seen.  The folder is opened by EXAMINE: then the server
 * itself refuses every change.
 */
#include "imap.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <curl/curl.h>

#include "stop.h"

/* A command may take so many times as long as the server may be silent. */
#define COMMAND_TIMEOUTS 10

struct Imap
{
	const ConfigMailbox *account;
	CURL	   *curl;			/* null: not connected */
	GByteArray *input;			/* what has been received and not read yet */
	unsigned	tag;			/* of the last command */
	char		curl_error[CURL_ERROR_SIZE];
};

/* What becomes of an untagged response. */
typedef void (*ResponseFunction) (const char *response, gsize length, void *data);

G_DEFINE_QUARK(leadterra-imap-error, imap_error)

Imap *
imap_new(const ConfigMailbox *account)
{
	Imap	   *imap = g_new0(Imap, 1);

	imap->account = account;
	imap->input = g_byte_array_new();
	return imap;
}

static void
disconnect(Imap *imap)
{
	g_clear_pointer(&imap->curl, curl_easy_cleanup);
	g_byte_array_set_size(imap->input, 0);
}

void
imap_free(Imap *imap)
{
	disconnect(imap);
	g_byte_array_unref(imap->input);
	g_free(imap);
}

static int
progress(void *data, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	(void) data, (void) a, (void) b, (void) c, (void) d;
	return stop_asked() ? 1 : 0;
}

/* Sets what libcurl has to know to log in. */
static void
set_options(Imap *imap)
{
	const ConfigMailbox *account = imap->account;
	CURL	   *curl = imap->curl;
	bool		is_v6 = strchr(account->host, ':') != NULL;
	g_autofree char *url = g_strdup_printf(is_v6 ? "%s://[%s]:%d/" : "%s://%s:%d/",
										   account->tls == TLS_IMPLICIT ? "imaps" : "imap",
										   account->host, account->port);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "imap,imaps");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_USERNAME, account->user);
	curl_easy_setopt(curl, CURLOPT_PASSWORD, account->password);
	curl_easy_setopt(curl, CURLOPT_USE_SSL,
					 (long) (account->tls == TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	if (account->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, account->ca_file);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long) account->timeout);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) account->timeout * 2);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, imap->curl_error);
}

/* Says what libcurl said, and closes the connection. */
static bool
fail(Imap *imap, CURLcode code, GError **error)
{
	if (stop_asked())
		g_set_error_literal(error, IMAP_ERROR, IMAP_ERROR_STOPPED, "stopped");
	else
		g_set_error_literal(error, IMAP_ERROR, IMAP_ERROR_CONNECTION,
							imap->curl_error[0] ? imap->curl_error : curl_easy_strerror(code));
	disconnect(imap);
	return false;
}

static bool
break_off(Imap *imap, const char *why, GError **error)
{
	g_set_error_literal(error, IMAP_ERROR, IMAP_ERROR_CONNECTION, why);
	disconnect(imap);
	return false;
}

static bool
connect_to_server(Imap *imap, GError **error)
{
	CURLcode	code;

	imap->curl = curl_easy_init();
	imap->curl_error[0] = '\0';
	if (imap->curl == NULL)
		return fail(imap, CURLE_FAILED_INIT, error);
	set_options(imap);
	code = curl_easy_perform(imap->curl);
	if (code != CURLE_OK)
		return fail(imap, code, error);
	imap->curl_error[0] = '\0';
	return true;
}

/* Waits until the socket is ready, at most until a time; false: it is not. */
static bool
wait_for_socket(Imap *imap, short events, gint64 until, GError **error)
{
	struct pollfd entry = {.events = events};
	curl_socket_t socket = CURL_SOCKET_BAD;
	gint64		left = MIN(until - g_get_monotonic_time(),
						   (gint64) imap->account->timeout * G_USEC_PER_SEC);

	if (left <= 0 ||
		curl_easy_getinfo(imap->curl, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
		socket == CURL_SOCKET_BAD)
		return break_off(imap, left <= 0 ? "the answer takes too long" : "not connected", error);
	entry.fd = socket;
	stop_wait((int) (left / 1000) + 1, 1, &entry);
	if (stop_asked())
		return fail(imap, CURLE_ABORTED_BY_CALLBACK, error);
	/* stop_wait() does not say what it woke up for. */
	if (poll(&entry, 1, 0) == 0)
		return break_off(imap, "no answer", error);
	return true;
}

static bool
send_all(Imap *imap, const char *text, gint64 until, GError **error)
{
	gsize		left = strlen(text);

	while (left > 0)
	{
		size_t		sent = 0;
		CURLcode	code = curl_easy_send(imap->curl, text, left, &sent);

		if (code == CURLE_AGAIN)
		{
			if (!wait_for_socket(imap, POLLOUT, until, error))
				return false;
		}
		else if (code != CURLE_OK)
			return fail(imap, code, error);
		text += sent;
		left -= sent;
	}
	return true;
}

/* Receives some bytes. */
static bool
receive(Imap *imap, gint64 until, GError **error)
{
	char		bytes[16384];
	size_t		received = 0;
	CURLcode	code;

	/* TLS may have some that the socket knows nothing of. */
	while ((code = curl_easy_recv(imap->curl, bytes, sizeof(bytes), &received)) == CURLE_AGAIN)
	{
		if (!wait_for_socket(imap, POLLIN, until, error))
			return false;
	}
	if (code != CURLE_OK)
		return fail(imap, code, error);
	if (received == 0)
		return break_off(imap, "the server closed the connection", error);
	g_byte_array_append(imap->input, (const guint8 *) bytes, (guint) received);
	return true;
}

/* Waits for a whole response; length: that of it, at the beginning of the input. */
static bool
receive_response(Imap *imap, gint64 until, gsize *length, GError **error)
{
	ImapScan	scan = {.at = 0};

	for (;;)
	{
		switch (imap_scan(&scan, (const char *) imap->input->data, imap->input->len))
		{
			case IMAP_COMPLETE:
				*length = scan.at;
				return true;
			case IMAP_BROKEN:
				return break_off(imap, "the server's answer is too long", error);
			case IMAP_MORE:
				if (!receive(imap, until, error))
					return false;
		}
	}
}

/* Says why the server refused a command; its text is for people, and may hold anything. */
static bool
refuse(const char *response, gsize length, GError **error)
{
	g_autofree char *text = g_utf8_make_valid(response, (gssize) MIN(length, 300));

	for (char *at = text; *at; at++)
	{
		if (g_ascii_iscntrl(*at))
			*at = ' ';
	}
	g_set_error(error, IMAP_ERROR, IMAP_ERROR_REFUSED, "the server answers: %s", g_strstrip(text));
	return false;
}

/* Gives a command, and each response to a function until the server says that it is done. */
static bool
run(Imap *imap, const char *command, ResponseFunction function, void *data, GError **error)
{
	g_autofree char *tag = g_strdup_printf("L%u", ++imap->tag);
	g_autofree char *line = g_strdup_printf("%s %s\r\n", tag, command);
	gint64		until = g_get_monotonic_time() +
		(gint64) imap->account->timeout * COMMAND_TIMEOUTS * G_USEC_PER_SEC;
	gsize		length = 0;

	if (!send_all(imap, line, until, error))
		return false;
	for (;;)
	{
		const char *response;

		if (!receive_response(imap, until, &length, error))
			return false;
		response = (const char *) imap->input->data;
		switch (imap_read_kind(response, length, tag))
		{
			case IMAP_UNTAGGED:
				function(response, length, data);
				break;
			case IMAP_CONTINUATION:
				return break_off(imap, "the server asks for something", error);
			case IMAP_OK:
				g_byte_array_remove_range(imap->input, 0, (guint) length);
				return true;
			case IMAP_NO:
			case IMAP_BAD:
				(void) refuse(response, length, error);
				g_byte_array_remove_range(imap->input, 0, (guint) length);
				return false;
		}
		g_byte_array_remove_range(imap->input, 0, (guint) length);
	}
}

/* Returns a folder's name as the server knows it: in modified UTF-7, and in quotes. */
static char *
quote_folder(const char *folder, GError **error)
{
	g_autofree char *name = g_convert(folder, -1, "UTF-7-IMAP", "UTF-8", NULL, NULL, error);
	GString    *quoted;

	if (name == NULL)
		return NULL;
	quoted = g_string_new("\"");
	for (const char *at = name; *at; at++)
	{
		if (*at == '"' || *at == '\\')
			g_string_append_c(quoted, '\\');
		g_string_append_c(quoted, *at);
	}
	g_string_append_c(quoted, '"');
	return g_string_free(quoted, FALSE);
}

/* What the server says of a folder. */
typedef struct FolderState
{
	guint32		uid_validity;
	guint32		uid_next;
} FolderState;

static void
read_folder(const char *response, gsize length, void *data)
{
	FolderState *state = data;

	(void) imap_read_code(response, length, "UIDVALIDITY", &state->uid_validity);
	(void) imap_read_code(response, length, "UIDNEXT", &state->uid_next);
}

/*
 * Opens the folder, by a connection that is there or a new one.  uid_validity: while it stays
 * the same, UIDs stand for the same mails.  uid_next: the UID that the next mail will have at
 * least; 0: the server did not say.
 */
bool
imap_open(Imap *imap, guint32 *uid_validity, guint32 *uid_next, GError **error)
{
	g_autofree char *folder = quote_folder(imap->account->folder, error);
	g_autofree char *command = g_strdup_printf("EXAMINE %s", folder);
	bool		is_old = imap->curl != NULL;

	if (folder == NULL)
		return false;
	for (;;)
	{
		FolderState state = {.uid_validity = 0};
		g_autoptr(GError) problem = NULL;

		if (imap->curl == NULL && !connect_to_server(imap, error))
			return false;
		if (run(imap, command, read_folder, &state, &problem))
		{
			*uid_validity = state.uid_validity;
			*uid_next = state.uid_next;
			return state.uid_validity != 0 ||
				break_off(imap, "the server gives the folder no UIDVALIDITY", error);
		}
		/* Servers close connections that are silent for long, and say nothing. */
		if (!is_old || !g_error_matches(problem, IMAP_ERROR, IMAP_ERROR_CONNECTION))
		{
			g_propagate_error(error, g_steal_pointer(&problem));
			return false;
		}
		is_old = false;
	}
}

static void
read_search(const char *response, gsize length, void *data)
{
	imap_read_search(response, length, data);
}

static int
compare_uids(const void *one, const void *other)
{
	guint32		a = *(const guint32 *) one;
	guint32		b = *(const guint32 *) other;

	return (a > b) - (a < b);
}

/* Returns the UIDs of all mails from one on, in their order. */
GArray *
imap_search(Imap *imap, guint32 first, GError **error)
{
	g_autofree char *command = g_strdup_printf("UID SEARCH UID %u:*", first);
	g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(guint32));
	GArray	   *uids;

	if (!run(imap, command, read_search, found, error))
		return NULL;
	g_array_sort(found, compare_uids);
	uids = g_array_new(FALSE, FALSE, sizeof(guint32));
	for (guint i = 0; i < found->len; i++)
	{
		guint32		uid = g_array_index(found, guint32, i);

		/* The last mail is one of first:*, however small its UID. */
		if (uid >= first && (uids->len == 0 || g_array_index(uids, guint32, uids->len - 1) != uid))
			g_array_append_val(uids, uid);
	}
	return uids;
}

/* Who is told of mails. */
typedef struct Fetch
{
	ImapMailFunction function;
	void	   *data;
} Fetch;

static void
read_mail(const char *response, gsize length, void *data)
{
	const Fetch *fetch = data;
	ImapMail	mail;

	/* Servers tell of changed flags, too, whenever they like. */
	if (imap_read_fetch(response, length, &mail) && mail.uid != 0 && mail.data != NULL)
		fetch->function(&mail, fetch->data);
	g_free(mail.data);
}

/* Writes UIDs that are in order as a set, such as 3:17,20. */
static void
append_set(GString *set, const guint32 *uids, guint count)
{
	for (guint i = 0; i < count;)
	{
		guint		last = i;

		while (last + 1 < count && uids[last + 1] == uids[last] + 1)
			last++;
		g_string_append_printf(set, "%s%u", i > 0 ? "," : "", uids[i]);
		if (last > i)
			g_string_append_printf(set, ":%u", uids[last]);
		i = last + 1;
	}
}

/*
 * Fetches a section of mails, such as HEADER.FIELDS (TO), each to be given to a function.
 * section: what stands in BODY.PEEK[section], and what may stand behind it.  Mails that are
 * gone are left out.
 */
bool
imap_fetch(Imap *imap, const guint32 *uids, guint count, const char *section,
		   ImapMailFunction function, void *data, GError **error)
{
	g_autoptr(GString) command = g_string_new("UID FETCH ");
	Fetch		fetch = {function, data};

	append_set(command, uids, count);
	g_string_append_printf(command, " (UID BODY.PEEK%s)", section);
	return run(imap, command->str, read_mail, &fetch, error);
}
