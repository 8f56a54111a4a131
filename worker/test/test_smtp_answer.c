/*
 * test_smtp_answer.c
 *		What mail servers answer, in pieces.
 */
#include "smtp_answer.h"

#include <string.h>

#include "is.h"

/* Bytes that come, and what is taken of them: "MORE", "BROKEN" or a code and a text. */
static const struct
{
	const char *bytes;
	const char *taken;
	const char *rest;
}			answers[] = {
	{"", "MORE", ""},
	{"250 ok", "MORE", "250 ok"},
	{"250 ok\r\n", "250: 250 ok", ""},
	{"250 ok\n", "250: 250 ok", ""},
	{"250\r\n", "250: 250", ""},
	{"250 \r\n", "250: 250", ""},
	{"250 ok\r\n354 go", "250: 250 ok", "354 go"},
	{"550-5.1.1 The account\r\n", "MORE", "550-5.1.1 The account\r\n"},
	{"550-5.1.1 The account\r\n550 5.1.1 is none\r\n", "550: 550 5.1.1 The account is none", ""},
	{"550-5.1.1 The\r\n550-5.1.2 other\r\n550 one\r\n", "550: 550 5.1.1 The 5.1.2 other one", ""},
	{"550-\r\n550-\r\n550 x\r\n", "550: 550 x", ""},
	{"550-5.1.1 x\r\n550 5.1.1\r\n", "550: 550 5.1.1 x 5.1.1", ""},
	{"550 \xff\xfe\r\n", "550: 550 \xef\xbf\xbd\xef\xbf\xbd", ""},
	{"550 a\rb\r\n", "550: 550 a\rb", ""},
	{"\r\n", "BROKEN", "\r\n"},
	{"hello\r\n", "BROKEN", "hello\r\n"},
	{"2500 ok\r\n", "BROKEN", "2500 ok\r\n"},
	{"650 ok\r\n", "BROKEN", "650 ok\r\n"},
	{"25 ok\r\n", "BROKEN", "25 ok\r\n"},
	{"250-a\r\nb\r\n", "BROKEN", "250-a\r\nb\r\n"}
};

/* Takes an answer, and says what it is. */
static char *
take(GString *input)
{
	g_autofree char *text = NULL;
	int			code = 0;

	switch (smtp_answer_take(input, &code, &text))
	{
		case SMTP_ANSWER_MORE:
			return g_strdup("MORE");
		case SMTP_ANSWER_BROKEN:
			return g_strdup("BROKEN");
		case SMTP_ANSWER_WHOLE:
			break;
	}
	return g_strdup_printf("%d: %s", code, text);
}

static void
test_answers(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(answers); i++)
	{
		g_autoptr(GString) input = g_string_new(answers[i].bytes);
		g_autofree char *taken = take(input);
		g_autofree char *name = g_strescape(answers[i].bytes, NULL);

		is(taken, answers[i].taken, name);
		is(input->str, answers[i].rest, "and what is left");
	}
}

static void
test_large(void)
{
	g_autofree char *line = g_strnfill(SMTP_ANSWER_MAX, 'x');
	g_autoptr(GString) input = g_string_new("550 ");
	g_autofree char *first = NULL;
	g_autofree char *second = NULL;

	g_string_append(input, line);
	first = take(input);
	is(first, "BROKEN", "a line without an end");
	g_string_append(input, "\r\n");
	second = take(input);
	ok(strlen(second) == strlen("550: ") + SMTP_ANSWER_KEPT, "a long line is cut");
}

int
main(void)
{
	g_autoptr(GString) nul = g_string_new_len("550 a\0b\r\n", 9);
	g_autofree char *taken = take(nul);

	is(taken, "550: 550 a", "an answer with a NUL ends there");
	test_answers();
	test_large();
	return done_testing();
}
