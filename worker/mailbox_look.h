/*
 * mailbox_look.h
 *		Looks at what is new in one mailbox.
 */
#ifndef LEADTERRA_WORKER_MAILBOX_LOOK_H
#define LEADTERRA_WORKER_MAILBOX_LOOK_H

#include <stdbool.h>

#include "database.h"
#include "imap.h"
#include "mailbox_state.h"
#include "return_path.h"

/* A mailbox as it is read; strings belong to the caller. */
typedef struct Mailbox
{
	const char *name;
	const char *workspace;		/* null: that of the role */
	const ReturnPath *return_path;	/* null: nothing is proven */
	Database   *database;
	bool		is_dry_run;
	char	   *state_file;
	char	   *state_account;	/* whose state it is */
	Imap	   *imap;
	MailboxState state;
	guint32		stuck_at;		/* the UID at which the connection broke last */
	int			stuck_times;	/* and how often in a row */
} Mailbox;

extern bool mailbox_may_be_ours(const char *headers, gsize length);
extern bool mailbox_look(Mailbox *mailbox, GError **error);

#define MAILBOX_ERROR (mailbox_error_quark())
extern GQuark mailbox_error_quark(void);

#endif
