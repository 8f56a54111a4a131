/*
 * test_report.c
 *		What mails that came are: those of test/fixture, and hostile ones that are made here.
 *
 * It runs in the folder of the worker.
 */
#include <string.h>

#include "report.h"
#include "is.h"

#define OURS "0190a6e0-0000-7000-8000-000000000001"
#define RETURN_PATH "bounces+agiknyaaabyabaaaaaaaaaaaagbh6s3fr5hcrmy@acme.example"

#define PROVEN 1
#define HARD 2
#define UNSUBSCRIBE 4
#define UNKNOWN 8				/* none of our messages */

static const struct
{
	const char *name;
	ReportKind	kind;
	int			flags;
	const char *email;
	const char *reason;			/* what it begins with */
	const char *snippet;
}			reports[] = {
	{"auto-reply", REPORT_AUTO_REPLY, 0, NULL, NULL, "I am away until 10 January."},
	{"auto-reply-null-sender", REPORT_AUTO_REPLY, PROVEN, NULL,
	NULL, "550 5.1.1 is what you get: leo is away."},
	{"auto-reply-precedence", REPORT_AUTO_REPLY, 0, NULL, NULL, "Away."},
	{"auto-reply-subject", REPORT_AUTO_REPLY, 0, NULL, NULL, "Weg."},
	{"auto-reply-twice", REPORT_AUTO_REPLY, 0, NULL, NULL, "Away."},
	{"auto-reply-x", REPORT_AUTO_REPLY, 0, NULL, NULL, "Away."},
	{"bounce-contradiction", REPORT_BOUNCE, PROVEN, "leo@example.com",
	"552 5.2.2 The mailbox is full", NULL},
	{"bounce-contradiction-status", REPORT_BOUNCE, PROVEN, "leo@example.com",
	"550 5.1.1 No such user", NULL},
	{"bounce-exchange", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com",
	"550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup", NULL},
	{"bounce-exim", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com",
	"550 5.1.1 The account does not exist", NULL},
	{"bounce-exim-no-status", REPORT_BOUNCE, PROVEN, "leo@example.com", NULL, NULL},
	{"bounce-exim-plain", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com",
	"host mail.example.com [192.0.2.7]: 550 5.1.1 No such mailbox", NULL},
	{"bounce-expired", REPORT_BOUNCE, PROVEN, "leo@example.com",
	"4.4.7 delivery time expired", NULL},
	{"bounce-gmail", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com",
	"550 5.1.1 The email account that you tried to reach does not exist.", NULL},
	{"bounce-office365-access", REPORT_BOUNCE, PROVEN, "leo@example.com",
	"550 5.4.1 Recipient", NULL},
	{"bounce-office365-policy", REPORT_OTHER, PROVEN, "leo@example.com",
	"550 5.7.1 TRANSPORT", NULL},
	{"bounce-plain", REPORT_BOUNCE, PROVEN, NULL, NULL, NULL},
	{"bounce-policy-hidden", REPORT_OTHER, PROVEN, "leo@example.com",
	"550 5.7.26 This mail", NULL},
	{"bounce-postfix", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com",
	"550 5.1.1 <leo@example.com>: Recipient address rejected: User unknown", NULL},
	{"bounce-postfix-headers", REPORT_BOUNCE, 0, "leo@example.com",
	"552 5.2.2 <leo@example.com>: mailbox full", NULL},
	{"bounce-qmail", REPORT_BOUNCE, HARD, NULL, "Remote host said: 550 5.1.1 No such user", NULL},
	{"bounce-qmail-number", REPORT_BOUNCE, HARD, NULL,
	"Sorry, no mailbox here by that name. (#5.1.1)", NULL},
	{"bounce-sendmail", REPORT_BOUNCE, PROVEN | HARD, "leo@example.com", "550 5.1.2 <leo", NULL},
	{"bounce-utf8", REPORT_BOUNCE, PROVEN | HARD, "j\303\266rg@xn--bcher-kva.example",
	"5.1.1", NULL},
	{"complaint", REPORT_COMPLAINT, PROVEN, "leo@example.com", NULL, NULL},
	{"complaint-message-id", REPORT_COMPLAINT, 0, "leo@example.com", NULL, NULL},
	{"complaint-return-path", REPORT_COMPLAINT, PROVEN, "leo@example.com", NULL, NULL},
	{"delay-exim", REPORT_DELAY, PROVEN, NULL, NULL, NULL},
	{"delay-postfix", REPORT_DELAY, PROVEN, "leo@example.com",
	"4.4.1 connect to mail.example.com[192.0.2.7]:25: Connection timed out", NULL},
	{"delivered", REPORT_OTHER, PROVEN, NULL, NULL, NULL},
	{"empty", REPORT_OTHER, UNKNOWN, NULL, NULL, NULL},
	{"forged-bounce", REPORT_BOUNCE, HARD, "leo@example.com", "550 5.1.1", NULL},
	{"forged-return-path", REPORT_OTHER, UNKNOWN, NULL, NULL, NULL},
	{"garbage-header", REPORT_REPLY, 0, NULL, NULL, "Gr\303\274\303\237e \357\277\275 \303\277"},
	{"no-body", REPORT_REPLY, PROVEN, NULL, NULL, NULL},
	{"no-boundary", REPORT_BOUNCE, PROVEN, NULL, NULL, NULL},
	{"no-header", REPORT_OTHER, UNKNOWN, NULL, NULL, NULL},
	{"not-spam", REPORT_OTHER, 0, NULL, NULL, NULL},
	{"other", REPORT_OTHER, UNKNOWN, NULL, NULL, NULL},
	{"other-references", REPORT_OTHER, UNKNOWN, NULL, NULL, NULL},
	{"read-receipt", REPORT_OTHER, 0, NULL, NULL, NULL},
	{"read-receipt-automatic", REPORT_OTHER, 0, NULL, NULL, NULL},
	{"reply-abmelden", REPORT_REPLY, UNSUBSCRIBE, NULL, NULL, "Bitte abmelden"},
	{"reply-about-qmail", REPORT_REPLY, 0, NULL, NULL,
	"I got: This is the qmail-send program at mx.example.net."},
	{"reply-about-stop", REPORT_REPLY, 0, NULL, NULL, "Stop by on Friday."},
	{"reply-alternative", REPORT_REPLY, 0, NULL, NULL, "The plain one."},
	{"reply-apple", REPORT_REPLY, 0, NULL, NULL, "And again."},
	{"reply-bad-charset", REPORT_REPLY, 0, NULL, NULL, "Gr\303\274\303\237e"},
	{"reply-below", REPORT_REPLY, 0, NULL, NULL, "I am fine, thanks."},
	{"reply-forwarded-bounce", REPORT_REPLY, 0, NULL, NULL, "I got this, look."},
	{"reply-german", REPORT_REPLY, 0, NULL, NULL, "Gr\303\274\303\237e, gern."},
	{"reply-gmail", REPORT_REPLY, 0, NULL, NULL, "Sounds good, tell me more.\n\nLeo"},
	{"reply-latin1", REPORT_REPLY, 0, NULL, NULL, "Gr\303\274\303\237e"},
	{"reply-no-auto", REPORT_REPLY, 0, NULL, NULL, "By hand."},
	{"reply-no-unsubscribe", REPORT_REPLY, 0, NULL, NULL, "How do I unsubscribe my colleague?"},
	{"reply-outlook", REPORT_REPLY, 0, NULL, NULL, "Let\342\200\231s talk on Friday."},
	{"reply-return-path", REPORT_REPLY, PROVEN, NULL, NULL, "By the return path."},
	{"reply-separator", REPORT_REPLY, 0, NULL, NULL, "Call me."},
	{"reply-stop", REPORT_REPLY, UNSUBSCRIBE, NULL, NULL, "STOP!\n\nLeo"},
	{"reply-underscores", REPORT_REPLY, 0, NULL, NULL, "Call me."},
	{"reply-unsubscribe", REPORT_REPLY, UNSUBSCRIBE, NULL, NULL, "Unsubscribe."},
	{"reply-unsubscribe-subject", REPORT_REPLY, UNSUBSCRIBE, NULL, NULL, NULL},
	{"reply-vacation-subject", REPORT_REPLY, 0, NULL, NULL, "We sell them."},
	{"reply-wrapped", REPORT_REPLY, 0, NULL, NULL, "Yes."},
};

static ReturnPath *return_path;

/* Tests one mail, as it was read. */
static void
check(gsize i, const Report *report, const char *how)
{
	g_autofree char *name = g_strdup_printf("%s%s", reports[i].name, how);
	int			flags = (report->proven ? PROVEN : 0) | (report->hard ? HARD : 0) |
		(report->unsubscribe ? UNSUBSCRIBE : 0) |
		(report->message_id[0] == '\0' ? UNKNOWN : 0);
	bool		same = report->kind == reports[i].kind && flags == reports[i].flags &&
		g_strcmp0(report->email, reports[i].email) == 0 &&
		g_strcmp0(report->snippet, reports[i].snippet) == 0 &&
		(report->reason == NULL) == (reports[i].reason == NULL) &&
		(report->reason == NULL || g_str_has_prefix(report->reason, reports[i].reason)) &&
		((flags & UNKNOWN) || strcmp(report->message_id, OURS) == 0);

	if (!ok(same, "%s", name))
		printf("# kind %d, flags %d, id %s, email %s, reason %s, snippet %s\n", report->kind, flags,
			   report->message_id, report->email, report->reason, report->snippet);
}

/* Tests a mail as it is, and with lines that end in CRLF, as IMAP has them. */
static void
test_fixture(const char *folder, gsize i)
{
	g_autofree char *file = g_strdup_printf("%s/%s.eml", folder, reports[i].name);
	g_autofree char *content = NULL;
	g_autoptr(GString) crlf = g_string_new(NULL);
	g_autoptr(Report) report = NULL;
	g_autoptr(Report) crlf_report = NULL;
	gsize		length;

	if (!g_file_get_contents(file, &content, &length, NULL))
	{
		ok(false, "%s", file);
		return;
	}
	report = report_read(content, length, return_path);
	check(i, report, "");
	for (gsize j = 0; j < length; j++)
		g_string_append_len(crlf, content[j] == '\n' ? "\r\n" : &content[j],
							content[j] == '\n' ? 2 : 1);
	crlf_report = report_read(crlf->str, crlf->len, return_path);
	check(i, crlf_report, " with CRLF");
}

/* Every mail of the folder is in the table. */
static void
test_folder(const char *folder)
{
	GDir	   *files = g_dir_open(folder, 0, NULL);
	const char *name;
	gsize		count = 0;

	while (files && (name = g_dir_read_name(files)) != NULL)
		count += g_str_has_suffix(name, ".eml");
	ok(count == G_N_ELEMENTS(reports), "every mail has its expected outcome");
	if (files)
		g_dir_close(files);
}

/* Reads a mail that was made, frees it, and returns what it is. */
static Report *
read_made(GString *mail)
{
	Report	   *report = report_read(mail->str, mail->len, return_path);

	g_string_free(mail, TRUE);
	return report;
}

static GString *
new_mail(const char *header)
{
	GString    *mail = g_string_new("From: leo@example.com\n");

	g_string_append(mail, "In-Reply-To: <" OURS "@acme.example>\n");
	g_string_append(mail, header);
	return mail;
}

static void
test_nested(void)
{
	GString    *parts = new_mail("");
	GString    *mails = new_mail("");
	g_autoptr(Report) report = NULL;

	for (int i = 0; i < 1000; i++)
	{
		g_string_append_printf(parts, "Content-Type: multipart/mixed; boundary=b%d\n\n", i);
		g_string_append_printf(parts, "--b%d\n", i);
		g_string_append(mails, "Content-Type: message/rfc822\n\nSubject: x\n");
	}
	g_string_append(parts, "\nDeep.\n");
	report = read_made(parts);
	ok(report->kind == REPORT_REPLY && report->snippet == NULL, "parts 1,000 deep are not read");
	report_free(report);
	report = read_made(mails);
	ok(report->kind == REPORT_REPLY && report->snippet == NULL, "mails 1,000 deep are not read");
}

static void
test_large(void)
{
	GString    *mail = new_mail("Content-Type: text/plain; charset=utf-8\n\n");
	GString    *headers = new_mail("");
	g_autoptr(Report) report = NULL;

	for (int i = 0; i < 5 * 1024 * 1024 / 2; i++)
		g_string_append(mail, "\303\266");
	report = read_made(mail);
	ok(report->kind == REPORT_REPLY && g_utf8_strlen(report->snippet, -1) == 500,
	   "5 MB have a snippet of 500 characters");
	ok(g_utf8_validate(report->snippet, -1, NULL), "which is valid");
	report_free(report);
	for (int i = 0; i < 100000; i++)
		g_string_append(headers, "In-Reply-To: <x@example.com>\nTo: a@b.example, c@d.example\n");
	g_string_append(headers, "\nMany.\n");
	report = read_made(headers);
	is(report->snippet, "Many.", "200,000 headers");
}

/* Whatever is cut off the end of a mail, or replaced in it, what is read of it is text. */
static void
test_broken(const char *folder)
{
	g_autofree char *file = g_strdup_printf("%s/bounce-postfix.eml", folder);
	g_autofree char *content = NULL;
	gsize		length = 0;
	bool		fine = true;

	if (!g_file_get_contents(file, &content, &length, NULL))
		fine = false;
	for (gsize i = 0; i < length; i++)
	{
		g_autofree char *copy = g_memdup2(content, length);
		g_autoptr(Report) cut = report_read(content, i, return_path);
		g_autoptr(Report) replaced = NULL;

		copy[i] = i % 3 == 0 ? '\0' : i % 3 == 1 ? '\n' : '\377';
		replaced = report_read(copy, length, return_path);
		fine = fine && cut->kind != REPORT_REPLY && replaced->kind != REPORT_REPLY &&
			(replaced->reason == NULL || g_utf8_validate(replaced->reason, -1, NULL)) &&
			(replaced->email == NULL || g_utf8_validate(replaced->email, -1, NULL));
	}
	ok(fine, "a broken bounce is no reply, and what it says is text");
}

static void
test_without_return_path(const char *folder)
{
	g_autofree char *file = g_strdup_printf("%s/bounce-postfix.eml", folder);
	g_autofree char *content = NULL;
	gsize		length = 0;
	g_autoptr(Report) report = NULL;

	g_file_get_contents(file, &content, &length, NULL);
	report = report_read(content, length, NULL);
	ok(!report->proven && report->hard, "without a return path nothing is proven");
	is(report->message_id, OURS, "and the message is found by its Message-ID");
}

int
main(void)
{
	const char *folder = "test/fixture";

	return_path = return_path_new("bounces@acme.example", "0123456789abcdef", 16, NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(reports); i++)
		test_fixture(folder, i);
	test_folder(folder);
	test_nested();
	test_large();
	test_broken(folder);
	test_without_return_path(folder);
	return_path_free(return_path);
	return done_testing();
}
