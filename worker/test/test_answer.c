/*
 * test_answer.c
 *		What SMTP answers mean.
 */
#include <glib.h>

#include "answer.h"
#include "tap.h"

static const struct
{
	AnswerStage stage;
	const char *line;
	AnswerKind	kind;
}			answers[] = {
	{ANSWER_AT_CONNECT, NULL, ANSWER_TRANSPORT},
	{ANSWER_AT_CONNECT, "421 4.3.2 try later", ANSWER_TRANSPORT},
	{ANSWER_AT_CONNECT, "554 5.7.1 you are on a list", ANSWER_TRANSPORT},
	{ANSWER_AT_CONNECT, "535 5.7.8 bad credentials", ANSWER_TRANSPORT},
	{ANSWER_AT_CONNECT, "550 5.1.1 no such user", ANSWER_TRANSPORT},
	{ANSWER_AT_MAIL, NULL, ANSWER_RETRY},
	{ANSWER_AT_MAIL, "421 4.7.0 too many", ANSWER_DEFERRED},
	{ANSWER_AT_MAIL, "451 4.3.0 local error", ANSWER_DEFERRED},
	{ANSWER_AT_MAIL, "530 5.7.0 Must issue STARTTLS", ANSWER_TRANSPORT},
	{ANSWER_AT_MAIL, "530 5.7.0 Authentication required", ANSWER_TRANSPORT},
	{ANSWER_AT_MAIL, "503 5.5.1 nested MAIL", ANSWER_RETRY},
	{ANSWER_AT_MAIL, "550 5.7.1 sender refused", ANSWER_FAILED},
	{ANSWER_AT_MAIL, "550 5.1.1 no such sender", ANSWER_FAILED},
	{ANSWER_AT_MAIL, "552 5.3.4 too large", ANSWER_FAILED},
	{ANSWER_AT_MAIL, "555 5.5.4 SMTPUTF8 unknown", ANSWER_FAILED},
	{ANSWER_AT_RCPT, NULL, ANSWER_RETRY},
	{ANSWER_AT_RCPT, "550 5.1.1 no such user", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "550-5.1.1 The email account does not exist", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "550-5.1.1 first\r\n550 5.7.1 second", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "550 5.1.2 bad host", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "553 5.1.3 bad syntax", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "551 5.1.6 moved", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "556 5.1.10 null MX", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "550 5.2.1 disabled", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "511 sorry, no mailbox here by that name (#5.1.1)", ANSWER_BOUNCED},
	{ANSWER_AT_RCPT, "550 5.1.11 unassigned", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "550 5.1.1.1 is a host", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "550 v5.1.1 is a version", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "550 5.7.1 blocked; see 5.1.1", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "550 5.4.1 access denied", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "552 5.2.2 mailbox full", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "452 4.2.2 mailbox full", ANSWER_DEFERRED},
	{ANSWER_AT_RCPT, "450 4.2.0 greylisted", ANSWER_DEFERRED},
	{ANSWER_AT_RCPT, "450 5.1.1 not yet", ANSWER_DEFERRED},
	{ANSWER_AT_RCPT, "421 4.7.28 rate", ANSWER_DEFERRED},
	{ANSWER_AT_RCPT, "550 No such user here", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "550", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "551 User not local", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "552 full", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "553 not allowed", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "571 blocked", ANSWER_FAILED},
	{ANSWER_AT_RCPT, "250 2.1.5 ok", ANSWER_RETRY},
	{ANSWER_AT_DATA, "451 4.7.1 later", ANSWER_DEFERRED},
	{ANSWER_AT_DATA, "554 5.5.1 no valid recipients", ANSWER_FAILED},
	{ANSWER_AT_DATA, "354 go on", ANSWER_RETRY},
	{ANSWER_AT_END, NULL, ANSWER_RETRY},
	{ANSWER_AT_END, "250 2.0.0 queued", ANSWER_SENT},
	{ANSWER_AT_END, "250", ANSWER_SENT},
	{ANSWER_AT_END, "354 go on", ANSWER_RETRY},
	{ANSWER_AT_END, "550 5.1.1 no such user", ANSWER_BOUNCED},
	{ANSWER_AT_END, "554 5.7.1 spam", ANSWER_FAILED},
	{ANSWER_AT_END, "552 5.3.4 too large", ANSWER_FAILED},
	{ANSWER_AT_END, "451 4.3.0 later", ANSWER_DEFERRED},
	{ANSWER_AT_END, "", ANSWER_RETRY},
	{ANSWER_AT_END, "25", ANSWER_RETRY},
	{ANSWER_AT_END, "2500 what", ANSWER_RETRY},
	{ANSWER_AT_END, "600 what", ANSWER_RETRY},
	{ANSWER_AT_END, "OK 250", ANSWER_RETRY},
	{ANSWER_AT_END, "250x", ANSWER_RETRY},
};

static const struct
{
	const char *text;
	AnswerStatus status;
}			statuses[] = {
	{"", ANSWER_STATUS_NONE},
	{"smtp; 550 unknown", ANSWER_STATUS_NONE},
	{"5.0.0", ANSWER_STATUS_NONE},
	{"5.1.1", ANSWER_STATUS_ADDRESS},
	{"smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound", ANSWER_STATUS_ADDRESS},
	{"said: 554 5.7.1 no", ANSWER_STATUS_POLICY},
	{"5.7.26", ANSWER_STATUS_POLICY},
	{"5.2.2", ANSWER_STATUS_OTHER},
	{"4.4.7", ANSWER_STATUS_OTHER},
	{"host 5.1.1.9 said 5.2.2", ANSWER_STATUS_OTHER},
};

int
main(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(answers); i++)
	{
		g_autofree char *name = g_strdup_printf("stage %d: %s", answers[i].stage,
												answers[i].line ? answers[i].line : "(none)");

		g_strdelimit(name, "\r\n#", ' ');
		ok(answer_kind(answers[i].stage, answers[i].line) == answers[i].kind, "%s", name);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(statuses); i++)
		ok(answer_status(statuses[i].text) == statuses[i].status, "%s", statuses[i].text);
	return done_testing();
}
