/*
 * report.c
 *		What a mail that came is.
 *
 * A mail is a bounce or a complaint by its form (RFC 3464, RFC 5965, and what servers wrote before
 * those), and then never a reply.  What answers by itself (RFC 3834) is no bounce, whatever it
 * says.  Nothing but an enhanced status makes a bounce hard.
 */
#include "report.h"

#include <string.h>

#include "answer.h"
#include "mail_address.h"
#include "report_match.h"
#include "report_part.h"
#include "report_reply.h"

#define REASON_MAX 1000

/* What the subject has where a server without RFC 3464 did not deliver a mail, or not yet. */
static const char *const failure_subjects[] = {
	"delivery failure", "delivery has failed", "delivery status notification (failure)",
	"failure notice", "mail delivery failed", "mail delivery failure", "mail system error",
	"message not delivered", "nondeliverable", "returned mail", "undeliverable",
	"undelivered mail", "unzustellbar"
};
static const char *const delay_subjects[] = {
	"delayed", "delivery status notification (delay)", "warning: could not send"
};

/* Beginnings of subjects by which people are told that somebody is away. */
static const char *const vacation_subjects[] = {
	"abwesend", "abwesenheit", "absence", "auto reply", "auto-reply", "automatic reply",
	"automatische antwort", "autoreply", "fuera de", "on vacation", "out of office",
	"out of the office", "r\303\251ponse automatique", "respuesta autom\303\241tica",
	"risposta automatica", "vacation"
};

static bool
has_any(const char *text, const char *const *words, gsize count)
{
	for (gsize i = 0; i < count; i++)
	{
		if (strstr(text, words[i]))
			return true;
	}
	return false;
}

#define HAS_ANY(text, words) has_any(text, words, G_N_ELEMENTS(words))

/* Returns the values of a header in lower case, to be freed. */
static char *
lower_header(GMimeMessage *message, const char *name)
{
	g_autofree char *values = report_header(message, name);

	return g_utf8_strdown(values, -1);
}

/* Says whether a mail has a header. */
static bool
has_header(GMimeMessage *message, const char *name)
{
	g_autofree char *values = report_header(message, name);

	return values[0] != '\0';
}

/* Says whether a mail has no sender that could be answered. */
static bool
has_null_sender(GMimeMessage *message)
{
	g_autofree char *path = report_header(message, "Return-Path");

	return strcmp(path, "<>") == 0;
}

/* Says whether a mail is from a mail server. */
static bool
is_from_server(GMimeMessage *message)
{
	g_autofree char *from = lower_header(message, "From");

	return strstr(from, "mailer-daemon") || strstr(from, "postmaster@");
}

/* Says whether a mail was written by a program that answers by itself. */
static bool
is_automatic(GMimeMessage *message)
{
	g_autofree char *submitted = lower_header(message, "Auto-Submitted");
	g_autofree char *precedence = lower_header(message, "Precedence");
	g_autofree char *suppress = lower_header(message, "X-Auto-Response-Suppress");
	g_autofree char *subject = lower_header(message, "Subject");
	g_auto(GStrv) submissions = g_strsplit(submitted, "\n", -1);

	for (char **value = submissions; *value; value++)
	{
		if (strcspn(*value, " ;(") != 2 || !g_str_has_prefix(*value, "no"))
			return true;
	}
	if (has_header(message, "X-Autoreply") || has_header(message, "X-Autorespond") ||
		has_header(message, "X-Autoresponder") || has_header(message, "X-Auto-Reply") ||
		strstr(precedence, "auto_reply") || strstr(precedence, "auto-reply") ||
		strstr(precedence, "bulk") || strstr(precedence, "junk") || strstr(suppress, "all") ||
		strstr(suppress, "oof"))
		return true;
	for (gsize i = 0; i < G_N_ELEMENTS(vacation_subjects); i++)
	{
		if (g_str_has_prefix(subject, vacation_subjects[i]))
			return suppress[0] || precedence[0] || has_null_sender(message) ||
				has_header(message, "X-MS-Exchange-Inbox-Rules-Loop");
	}
	return false;
}

/* Returns a text as one line of at most so many characters. */
static char *
make_line(const char *text, glong length)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	g_autoptr(GString) line = g_string_new(NULL);

	for (const char *c = valid; *c && length > 0; c = g_utf8_next_char(c))
	{
		gunichar	character = g_utf8_get_char(c);
		bool		is_space = g_unichar_isspace(character) || g_unichar_iscntrl(character);

		if (is_space && (line->len == 0 || line->str[line->len - 1] == ' '))
			continue;
		g_string_append_unichar(line, is_space ? ' ' : character);
		length--;
	}
	return g_strchomp(g_string_free(g_steal_pointer(&line), FALSE));
}

/* Returns what follows the type in a field such as "rfc822; ann@example.com". */
static const char *
skip_type(const char *value)
{
	const char *semicolon = value ? strchr(value, ';') : NULL;

	return semicolon ? semicolon + 1 + strspn(semicolon + 1, " \t") : value;
}

/* Keeps a recipient where it is an address, and there is none. */
static void
keep_email(Report *report, const char *value)
{
	g_autofree char *copy = g_strdup(skip_type(value));
	g_autofree char *lower = NULL;
	char	   *start = copy;
	bool		utf8 = false;

	if (copy == NULL || report->email)
		return;
	start += strspn(start, " \t<");
	start[strcspn(start, " \t>,\n")] = '\0';
	lower = g_utf8_strdown(start, -1);
	report->email = mail_address(lower, &utf8, NULL);
}

/* Says what a refusal is by the status of a report and what the other server said. */
static void
judge(Report *report, const char *status, const char *diagnostic)
{
	AnswerStatus said = answer_status(status ? status : "");
	AnswerStatus found = answer_status(diagnostic ? diagnostic : "");

	report->kind = REPORT_BOUNCE;
	if (said == ANSWER_STATUS_POLICY || found == ANSWER_STATUS_POLICY)
		report->kind = REPORT_OTHER;
	/* Both say so, or one does and the other says nothing. */
	report->hard = (said == ANSWER_STATUS_ADDRESS || found == ANSWER_STATUS_ADDRESS) &&
		(said == ANSWER_STATUS_ADDRESS || said == ANSWER_STATUS_NONE) &&
		(found == ANSWER_STATUS_ADDRESS || found == ANSWER_STATUS_NONE);
}

/* Reads what became of one recipient. */
static void
read_recipient(Report *report, GHashTable *fields)
{
	const char *action = g_hash_table_lookup(fields, "action");
	const char *status = g_hash_table_lookup(fields, "status");
	const char *diagnostic = skip_type(g_hash_table_lookup(fields, "diagnostic-code"));
	g_autofree char *reason = NULL;

	if (action && g_ascii_strncasecmp(action, "failed", 6) == 0)
		judge(report, status, diagnostic);
	else if (action && g_ascii_strncasecmp(action, "delayed", 7) == 0)
		report->kind = REPORT_DELAY;
	else
		return;
	keep_email(report, g_hash_table_lookup(fields, "final-recipient"));
	keep_email(report, g_hash_table_lookup(fields, "original-recipient"));
	if (diagnostic && (status == NULL || answer_status(diagnostic) != ANSWER_STATUS_NONE))
		reason = g_strdup(diagnostic);
	else if (status)
		reason = g_strdup_printf("%s %s", status, diagnostic ? diagnostic : "");
	if (reason)
		report->reason = make_line(reason, REASON_MAX);
}

/* Reads a delivery status (RFC 3464): that of the first recipient who was not reached. */
static void
read_status(Report *report, const ReturnPath *return_path, const char *text)
{
	g_autoptr(GHashTable) first = report_new_fields();

	text = report_read_fields(text, first);
	report_match_address(report, return_path, g_hash_table_lookup(first, "x-postfix-sender"));
	/* Some put no empty line behind the fields of the mail as a whole. */
	read_recipient(report, first);
	while (*text && report->kind == REPORT_OTHER && report->reason == NULL)
	{
		g_autoptr(GHashTable) fields = report_new_fields();

		text = report_read_fields(text, fields);
		read_recipient(report, fields);
	}
}

/* Reads a complaint (RFC 5965); other feedback says nothing of a recipient's will. */
static void
read_feedback(Report *report, const ReturnPath *return_path, const char *text)
{
	g_autoptr(GHashTable) fields = report_new_fields();
	const char *type;

	report_read_fields(text, fields);
	type = g_hash_table_lookup(fields, "feedback-type");
	if (type == NULL || g_ascii_strncasecmp(type, "not-spam", 8) == 0 ||
		g_ascii_strncasecmp(type, "auth-failure", 12) == 0 ||
		g_ascii_strncasecmp(type, "dmarc", 5) == 0)
		return;
	report->kind = REPORT_COMPLAINT;
	report_match_address(report, return_path, g_hash_table_lookup(fields, "original-mail-from"));
	keep_email(report, g_hash_table_lookup(fields, "original-rcpt-to"));
	keep_email(report, g_hash_table_lookup(fields, "removal-recipient"));
}

/* Finds the message by the header of the mail that a report is about. */
static void
match_original(Report *report, const ReturnPath *return_path, const char *original)
{
	g_autoptr(GHashTable) fields = report_new_fields();

	report_read_fields(original, fields);
	if (!report->proven)
		report_match_address(report, return_path, g_hash_table_lookup(fields, "return-path"));
	report_match_ids(report, g_hash_table_lookup(fields, "message-id"));
}

/*
 * Returns the header of a mail that is copied into a text: from its first line on that only a
 * header has.
 */
static const char *
find_copy(const char *text)
{
	for (const char *line = text; line; line = strchr(line, '\n'))
	{
		line += *line == '\n';
		if (g_ascii_strncasecmp(line, "Return-Path:", 12) == 0 ||
			g_ascii_strncasecmp(line, "Received:", 9) == 0 ||
			g_ascii_strncasecmp(line, "Message-ID:", 11) == 0)
			return line;
	}
	return NULL;
}

/* Returns the first line of a text that has a status, or else begins with a code of SMTP. */
static char *
find_reason(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", 200);

	for (char **line = lines; *line && line < lines + 199; line++)
	{
		const char *start = *line + strspn(*line, " \t");

		if (answer_status(*line) != ANSWER_STATUS_NONE ||
			((start[0] == '4' || start[0] == '5') && strspn(start, "0123456789") == 3))
			return make_line(*line, REASON_MAX);
	}
	return NULL;
}

/* Reads a bounce that is plain text, such as qmail's, or Exim's with its X-Failed-Recipients. */
static void
read_plain_bounce(Report *report, const ReturnPath *return_path, GMimeMessage *message,
				  const char *text)
{
	g_autofree char *failed = report_header(message, "X-Failed-Recipients");
	const char *copy = find_copy(text);
	g_autofree char *above = g_strndup(text, copy ? (gsize) (copy - text) : strlen(text));

	report->reason = find_reason(above);
	judge(report, NULL, report->reason);
	keep_email(report, failed);
	if (copy)
		match_original(report, return_path, copy);
}

/* Says whether a mail without a delivery status says that one was not delivered, or not yet. */
static ReportKind
judge_plain(GMimeMessage *message, const char *text)
{
	g_autofree char *subject = lower_header(message, "Subject");
	bool		from_server = is_from_server(message);

	if (!from_server && !has_null_sender(message))
		return REPORT_OTHER;
	if (has_header(message, "X-Failed-Recipients") ||
		strstr(text, "This is the qmail-send program at"))
		return REPORT_BOUNCE;
	if (!from_server)
		return REPORT_OTHER;
	return HAS_ANY(subject, delay_subjects) ? REPORT_DELAY :
		HAS_ANY(subject, failure_subjects) ? REPORT_BOUNCE : REPORT_OTHER;
}

/* Says whether a mail is a report by its form (RFC 6522). */
static bool
is_formal(GMimeMessage *message)
{
	GMimeObject *body = g_mime_message_get_mime_part(message);

	return body && g_mime_content_type_is_type(g_mime_object_get_content_type(body),
											   "multipart", "report");
}

/* Says whether a mail may be a report; reports that people forward are none. */
static bool
is_report(GMimeMessage *message)
{
	return is_formal(message) || is_from_server(message) || has_null_sender(message);
}

/* Finds the last message of ours in the thread that a mail continues. */
static void
match_thread(Report *report, GMimeMessage *message)
{
	g_autofree char *references = report_header(message, "References");
	g_autofree char *in_reply_to = report_header(message, "In-Reply-To");
	g_autofree char *thread = g_strconcat(references, " ", in_reply_to, NULL);

	report_match_ids(report, thread);
}

/* Reads what was written, where a mail is a reply to a message of ours, or answers by itself. */
static void
read_reply(Report *report, GMimeMessage *message, const char *text)
{
	g_autofree char *subject = report_header(message, "Subject");

	if (report->kind == REPORT_OTHER && report->reason == NULL && report->message_id[0] &&
		!is_report(message))
		report->kind = REPORT_REPLY;
	if (report->kind == REPORT_REPLY || report->kind == REPORT_AUTO_REPLY)
		report->snippet = report_snippet(text ? text : "");
	if (report->kind == REPORT_REPLY)
		report->unsubscribe = report_is_unsubscribe(subject) ||
			(report->snippet && report_is_unsubscribe(report->snippet));
}

/* Says what kind a mail is, and reads what is of that kind alone. */
static void
read_parts(Report *report, const ReturnPath *return_path, GMimeMessage *message,
		   const ReportParts *parts)
{
	const char *text = parts->text ? parts->text : "";

	if (is_report(message) && (parts->status || parts->feedback))
	{
		if (parts->status)
			read_status(report, return_path, parts->status);
		else
			read_feedback(report, return_path, parts->feedback);
		if (parts->original)
			match_original(report, return_path, parts->original);
		return;
	}
	report->kind = judge_plain(message, text);
	if (report->kind == REPORT_BOUNCE)
		read_plain_bounce(report, return_path, message, text);
	else if (report->kind == REPORT_OTHER && !is_formal(message) && is_automatic(message))
		report->kind = REPORT_AUTO_REPLY;
}

Report *
report_read(const char *content, gsize size, const ReturnPath *return_path)
{
	static const char *const recipient_headers[] = {
		"Delivered-To", "X-Original-To", "Envelope-To", "To"
	};
	Report	   *report = g_new0(Report, 1);
	GMimeMessage *message = report_parse(content, size);
	ReportParts parts;

	if (message == NULL)
		return report;
	report_find_parts(message, &parts);
	for (gsize i = 0; i < G_N_ELEMENTS(recipient_headers) && !report->proven; i++)
	{
		g_autofree char *recipients = report_header(message, recipient_headers[i]);

		report_match_address(report, return_path, recipients);
	}
	read_parts(report, return_path, message, &parts);
	match_thread(report, message);
	read_reply(report, message, parts.text);
	report_clear_parts(&parts);
	g_object_unref(message);
	return report;
}

void
report_free(Report *report)
{
	if (report == NULL)
		return;
	g_free(report->reason);
	g_free(report->email);
	g_free(report->snippet);
	g_free(report);
}
