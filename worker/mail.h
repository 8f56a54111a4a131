/*
 * mail.h
 *		Composes the mail of a message.
 */
#ifndef LEADTERRA_WORKER_MAIL_H
#define LEADTERRA_WORKER_MAIL_H

#include <glib.h>
#include <stdbool.h>

#include "message.h"
#include "return_path.h"

typedef struct Mail
{
	char	   *from;			/* of the envelope: the return path */
	char	   *to;				/* of the envelope */
	bool		utf8;			/* a local part is not ASCII: needs SMTPUTF8 */
	GByteArray *content;		/* lines end in CRLF; dots are not doubled, libcurl does that */
} Mail;

/*
 * Composes what is sent.  The sender is that of the message, or else from_address and from_name,
 * which may be null where messages have senders.  Without a return path, bounces go to the
 * sender.  Message-ID is <message_id@domain of the sender>, so it is the same in each attempt.
 * False and an error: this message can never be sent.
 */
extern bool mail_compose(const Message *message, const char *from_address, const char *from_name,
						 const ReturnPath *return_path, Mail **mail, GError **error);
extern void mail_free(Mail *mail);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Mail, mail_free)

#endif
