/*
 * smtp.h
 *		Mails on their way to servers, several at once, over connections that stay open.
 */
#ifndef LEADTERRA_WORKER_SMTP_H
#define LEADTERRA_WORKER_SMTP_H

#include <poll.h>
#include <stdbool.h>

#include <glib.h>

#include "answer.h"
#include "config.h"
#include "mail.h"

/* All connections of the process. */
typedef struct Smtp Smtp;

/* How a mail ended.  Strings are valid until the next call. */
typedef struct SmtpOutcome
{
	void	   *data;			/* what it was started with */
	AnswerKind	kind;
	const char *reason;			/* the server's answer, or what went wrong; null: sent */
} SmtpOutcome;

Smtp	   *smtp_new(void);
void		smtp_free(Smtp *smtp);

/* Seconds that one mail may take at most by a transport. */
int			smtp_time_max(const ConfigTransport *transport);

/* Starts to send a mail, which is taken over; data comes back with the outcome. */
void		smtp_start(Smtp *smtp, const ConfigTransport *transport, Mail *mail, void *data);

/* Goes on with all mails; false: none has ended. */
bool		smtp_next(Smtp *smtp, SmtpOutcome *outcome);

/* Sleeps until there is something to do for a mail or on a descriptor, or the time has come. */
void		smtp_wait(Smtp *smtp, const struct pollfd *others, guint nothers, int timeout_ms);

#endif
