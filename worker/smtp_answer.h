/*
 * smtp_answer.h
 *		Reads what a mail server answers (RFC 5321 section 4.2).
 */
#ifndef LEADTERRA_WORKER_SMTP_ANSWER_H
#define LEADTERRA_WORKER_SMTP_ANSWER_H

#include <glib.h>

/* Bytes of an answer, and of what is kept of it. */
#define SMTP_ANSWER_MAX ((gsize) 64 * 1024)
#define SMTP_ANSWER_KEPT 1000

typedef enum SmtpAnswer
{
	SMTP_ANSWER_MORE,			/* the rest of it is still to come */
	SMTP_ANSWER_WHOLE,
	SMTP_ANSWER_BROKEN			/* this is no answer, or too long */
} SmtpAnswer;

/*
 * Takes the first answer off bytes that came: lines "250-..." up to one "250 ...".  Sets its
 * code, and its text in one line, "550 5.1.1 No such user", which is to be freed: valid UTF-8
 * of SMTP_ANSWER_KEPT bytes and not many more.
 */
SmtpAnswer	smtp_answer_take(GString *input, int *code, char **text);

/* Returns the code of a line, 100 to 599; 0: it has none. */
int			smtp_answer_code(const char *line, gsize length);

/* Returns the text of an answer in one line, as above. */
char	   *smtp_answer_text(const char *answer, gsize length);

#endif
