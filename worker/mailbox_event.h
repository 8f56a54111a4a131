/*
 * mailbox_event.h
 *		What a mail that came says of a message, and how the database is told.
 */
#ifndef LEADTERRA_WORKER_MAILBOX_EVENT_H
#define LEADTERRA_WORKER_MAILBOX_EVENT_H

#include <stdbool.h>

#include "database.h"
#include "report.h"

/* An event as lt_record_event takes it; strings are the event's. */
typedef struct MailboxEvent
{
	char	   *type;			/* null: the mail says nothing */
	char	   *message_id;
	char	   *bounce_type;
	char	   *bounce_reason;
	char	   *classification;
	char	   *snippet;
	char	   *email;			/* only where it is proven that the mail was ours */
} MailboxEvent;

typedef enum MailboxRecorded
{
	MAILBOX_RECORDED,
	MAILBOX_UNKNOWN,			/* nothing is known of the message */
	MAILBOX_REFUSED,			/* the database does not take it, now or later */
	MAILBOX_LATER				/* it may take it later */
} MailboxRecorded;

extern bool mailbox_event_read(const char *content, gsize length, const ReturnPath *return_path,
							   MailboxEvent *event, GError **error);
extern void mailbox_event_clear(MailboxEvent *event);
extern MailboxRecorded mailbox_event_record(const MailboxEvent *event, Database *database,
											const char *workspace);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(MailboxEvent, mailbox_event_clear)

#endif
