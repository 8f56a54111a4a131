/*
 * mailbox_state.h
 *		How far a mailbox has been read, in a file.
 */
#ifndef LEADTERRA_WORKER_MAILBOX_STATE_H
#define LEADTERRA_WORKER_MAILBOX_STATE_H

#include <stdbool.h>

#include <glib.h>

typedef struct MailboxState
{
	guint32		uid_validity;	/* 0: it has never been read */
	guint32		next;			/* the first UID that has not been looked at */
} MailboxState;

extern bool mailbox_state_read(const char *file, const char *account, MailboxState *state,
							   GError **error);
extern bool mailbox_state_write(const char *file, const char *account, const MailboxState *state,
								GError **error);

#endif
