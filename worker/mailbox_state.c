/*
 * mailbox_state.c
 *		How far a mailbox has been read, in a file.
 *
 * Not in the mailbox, in which nothing is changed, and not in the database, which the mailbox
 * is no matter of. Where the file is lost, the mailbox is read again from its first mail, and
 * so it is by a second worker with a file of its own: an event that is reported again changes
 * nothing.
 */
#include "mailbox_state.h"

#define GROUP "mailbox"

/* Reads a UID; an error, if any, stays the first. */
static guint32
read_number(GKeyFile *keys, const char *name, GError **error)
{
	guint64		number;

	if (error && *error)
		return 0;
	number = g_key_file_get_uint64(keys, GROUP, name, error);
	return (guint32) MIN(number, G_MAXUINT32);
}

/*
 * Reads how far the mailbox of an account has been read: not at all, where there is no file,
 * or it is about another one.  False: it is there, and cannot be read.
 */
bool
mailbox_state_read(const char *file, const char *account, MailboxState *state, GError **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autoptr(GError) problem = NULL;
	g_autofree char *whose = NULL;

	*state = (MailboxState) {.next = 1};
	if (!g_key_file_load_from_file(keys, file, G_KEY_FILE_NONE, &problem))
	{
		if (g_error_matches(problem, G_FILE_ERROR, G_FILE_ERROR_NOENT))
			return true;
	}
	else
		whose = g_key_file_get_string(keys, GROUP, "account", &problem);
	if (problem == NULL && g_strcmp0(whose, account) == 0)
	{
		state->uid_validity = read_number(keys, "uid-validity", &problem);
		state->next = MAX(read_number(keys, "next", &problem), 1);
	}
	if (problem == NULL)
		return true;
	*state = (MailboxState) {.next = 1};
	g_propagate_error(error, g_steal_pointer(&problem));
	return false;
}

/* Writes it; a crash leaves the file as it was, or as it is now. */
bool
mailbox_state_write(const char *file, const char *account, const MailboxState *state,
					GError **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autofree char *text = NULL;
	gsize		length;

	g_key_file_set_string(keys, GROUP, "account", account);
	g_key_file_set_uint64(keys, GROUP, "uid-validity", state->uid_validity);
	g_key_file_set_uint64(keys, GROUP, "next", state->next);
	text = g_key_file_to_data(keys, &length, NULL);
	return g_file_set_contents_full(file, text, (gssize) length,
									G_FILE_SET_CONTENTS_CONSISTENT | G_FILE_SET_CONTENTS_DURABLE,
									0600, error);
}
