/*
 * fuzz_report.c
 *		Fuzz target: mails that came, and SMTP answers.  Its corpus is test/fixture.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "report.h"

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

/* A text is valid, without controls but line breaks where it may have them, and short. */
static void
check_text(const char *text, glong length, bool has_lines)
{
	if (text == NULL)
		return;
	CHECK(g_utf8_validate(text, -1, NULL));
	CHECK(text[0] != '\0' && g_utf8_strlen(text, -1) <= length);
	for (; *text; text = g_utf8_next_char(text))
		CHECK(!g_unichar_iscntrl(g_utf8_get_char(text)) || (has_lines && *text == '\n'));
}

static void
check(const char *content, gsize size, const ReturnPath *return_path)
{
	g_autoptr(Report) report = report_read(content, size, return_path);
	bool		replies = report->kind == REPORT_REPLY || report->kind == REPORT_AUTO_REPLY;

	check_text(report->email, 254, false);
	check_text(report->snippet, 500, true);
	CHECK(report->reason == NULL || strlen(report->reason) > 0);
	check_text(report->reason, 1000, false);
	CHECK(report->message_id[0] == '\0' || g_uuid_string_is_valid(report->message_id));
	CHECK(!report->proven || (return_path && report->message_id[0]));
	CHECK(report->snippet == NULL || replies);
	CHECK(report->kind != REPORT_REPLY || (report->message_id[0] && report->reason == NULL));
	CHECK(!report->unsubscribe || report->kind == REPORT_REPLY);
	CHECK(report->email == NULL || strchr(report->email, '@'));
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static ReturnPath *return_path;
	g_autofree char *line = g_strndup((const char *) data, size);

	if (return_path == NULL)
		return_path = return_path_new("bounces@acme.example", "0123456789abcdef", 16, NULL);
	for (int stage = ANSWER_AT_CONNECT; stage <= ANSWER_AT_END; stage++)
		CHECK(answer_kind(stage, line) != ANSWER_SENT || line[0] == '2');
	check((const char *) data, size, return_path);
	check((const char *) data, size, NULL);
	return 0;
}
