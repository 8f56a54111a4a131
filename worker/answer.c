/*
 * answer.c
 *		What an SMTP answer means for a message (RFC 5321, RFC 3463).
 *
 * The code of three digits says whether to try again, for that is what the protocol goes by.
 * Only an enhanced status says that an address is no good: "550" alone is given for spam, for
 * a sender without a name in DNS, and for much else, and an address is suppressed for years.
 */
#include "answer.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "../src/standard.h"

AnswerStatus
answer_status(const char *text)
{
	gsize		length;
	const char *status = standard_find_status(text, &length);

	if (status == NULL || (length == 5 && strncmp(status, "5.0.0", 5) == 0))
		return ANSWER_STATUS_NONE;
	if (standard_is_address_status(status, length))
		return ANSWER_STATUS_ADDRESS;
	return strncmp(status, "5.7.", 4) == 0 ? ANSWER_STATUS_POLICY : ANSWER_STATUS_OTHER;
}

/* Returns the code of three digits that a line begins with; 0 where it has none. */
static int
read_code(const char *line)
{
	if (strspn(line, "0123456789") != 3 || line[0] < '2' || line[0] > '5')
		return 0;
	return line[3] == '\0' || strchr(" -\r\n", line[3]) ? atoi(line) : 0;
}

/* Says what a refusal for good means. */
static AnswerKind
judge_refusal(AnswerStage stage, int code, const char *line)
{
	switch (code)
	{
		case 503:
			/* A session went wrong; another one may not. */
			return ANSWER_RETRY;
		case 530:
		case 534:
		case 535:
		case 538:
			/* The account is to log in, or cannot (RFC 4954). */
			return ANSWER_TRANSPORT;
		default:
			/* At MAIL, a server knows no recipient yet. */
			if (stage != ANSWER_AT_MAIL && answer_status(line) == ANSWER_STATUS_ADDRESS)
				return ANSWER_BOUNCED;
			return ANSWER_FAILED;
	}
}

AnswerKind
answer_kind(AnswerStage stage, const char *line)
{
	int			code = line ? read_code(line) : 0;

	if (stage == ANSWER_AT_CONNECT)
		return ANSWER_TRANSPORT;
	if (code >= 500)
		return judge_refusal(stage, code, line);
	if (code >= 400)
		return ANSWER_DEFERRED;
	return stage == ANSWER_AT_END && code >= 200 && code < 300 ? ANSWER_SENT : ANSWER_RETRY;
}
