/*
 * fuzz_smtp_answer.c
 *		Fuzz target: what mail servers answer.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "smtp_answer.h"

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GString    *input = g_string_new_len((const char *) data, (gssize) size);
	char	   *text = NULL;
	int			code;

	while (smtp_answer_take(input, &code, &text) == SMTP_ANSWER_WHOLE)
	{
		CHECK(code >= 100 && code < 600);
		CHECK(g_utf8_validate(text, -1, NULL) && !strchr(text, '\n'));
		/* A byte that is no text becomes a character of three. */
		CHECK(strlen(text) <= 3 * SMTP_ANSWER_KEPT);
		CHECK(input->len < size);
		(void) answer_kind(ANSWER_AT_RCPT, text);
		g_clear_pointer(&text, g_free);
	}
	g_string_free(input, TRUE);
	return 0;
}
