/*
 * answer.h
 *		What an SMTP answer means for a message (RFC 5321, RFC 3463).
 */
#ifndef LEADTERRA_WORKER_ANSWER_H
#define LEADTERRA_WORKER_ANSWER_H

#include <stdbool.h>

/* Which command an answer was to, or what was waited for when the connection broke. */
typedef enum
{
	ANSWER_AT_CONNECT,			/* up to MAIL: connection, greeting, EHLO, TLS, AUTH */
	ANSWER_AT_MAIL,
	ANSWER_AT_RCPT,
	ANSWER_AT_DATA,				/* to DATA itself */
	ANSWER_AT_END				/* to the end of the mail's data */
} AnswerStage;

typedef enum
{
	ANSWER_SENT,				/* lt_complete_messages */
	ANSWER_BOUNCED,				/* the address takes no mail: lt_bounce_messages */
	ANSWER_FAILED,				/* will always fail: lt_fail_messages, permanent */
	ANSWER_DEFERRED,			/* not now: lt_defer_messages, no attempt is counted */
	ANSWER_RETRY,				/* nobody knows: lt_fail_messages, tried again */
	ANSWER_TRANSPORT			/* account or server at fault: given back, the transport rests */
} AnswerKind;

/*
 * Says what an answer means.  The line is the first of 400 or more, such as "550 5.1.1 No such
 * user", with more lines of the same answer behind it or without; null: none came, for the
 * connection broke or time ran out.  An answer of 200 at the end of the data is success.
 */
extern AnswerKind answer_kind(AnswerStage stage, const char *line);

/* What the first enhanced status code (RFC 3463) in a text says, as in the engine. */
typedef enum
{
	ANSWER_STATUS_NONE,			/* there is none, or it says nothing (5.0.0) */
	ANSWER_STATUS_ADDRESS,		/* the address is no good, or takes no mail any more */
	ANSWER_STATUS_POLICY,		/* about the sender or what was sent (5.7.x) */
	ANSWER_STATUS_OTHER			/* a mailbox that is full, a network, what passes, success */
} AnswerStatus;

extern AnswerStatus answer_status(const char *text);

#endif
