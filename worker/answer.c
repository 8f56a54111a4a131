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

/*
 * There is no such address, or it takes no mail any more (RFC 3463, RFC 7505).  The engine has
 * the same ones.
 */
static const char *const address_statuses[] = {
	"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"
};

/* Returns the length of an enhanced status code that a text begins with, 0 if with none. */
static gsize
status_length(const char *text)
{
	gsize		length = 1;

	if (text[0] != '2' && text[0] != '4' && text[0] != '5')
		return 0;
	for (int part = 0; part < 2; part++)
	{
		gsize		digits = strspn(&text[length] + (text[length] == '.'), "0123456789");

		if (text[length] != '.' || digits < 1 || digits > 3)
			return 0;
		length += 1 + digits;
	}
	/* An address of a host has a part more, a sentence may end here. */
	if (g_ascii_isalnum(text[length]) ||
		(text[length] == '.' && g_ascii_isdigit(text[length + 1])))
		return 0;
	return length;
}

/* Says what an enhanced status code means. */
static AnswerStatus
judge(const char *status, gsize length)
{
	for (gsize i = 0; i < G_N_ELEMENTS(address_statuses); i++)
	{
		if (strlen(address_statuses[i]) == length &&
			strncmp(status, address_statuses[i], length) == 0)
			return ANSWER_STATUS_ADDRESS;
	}
	if (strncmp(status, "5.7.", 4) == 0)
		return ANSWER_STATUS_POLICY;
	return length == 5 && strncmp(status, "5.0.0", 5) == 0 ? ANSWER_STATUS_NONE :
		ANSWER_STATUS_OTHER;
}

AnswerStatus
answer_status(const char *text)
{
	bool		in_word = false;

	for (const char *c = text; *c; c++)
	{
		gsize		length = in_word ? 0 : status_length(c);

		if (length > 0)
			return judge(c, length);
		in_word = g_ascii_isalnum(*c) || *c == '.';
	}
	return ANSWER_STATUS_NONE;
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
