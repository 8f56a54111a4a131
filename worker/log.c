/*
 * log.c
 *		What the worker says, on standard error: a line an entry.
 */
#include "log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <unistd.h>

/* Bytes of a line; what is longer is cut. */
#define LINE_MAX_BYTES 2000

static const char *task_name = "leadterra-worker";

void
log_start(const char *task)
{
	task_name = task;
}

/* Says whether a character of valid UTF-8 would do something to a terminal or a log. */
static bool
is_control(gunichar character)
{
	return character < 0x20 || (character >= 0x7f && character < 0xa0) ||
		character == 0x2028 || character == 0x2029;
}

void
log_line(const char *format,...)
{
	g_autoptr(GString) line = g_string_new(task_name);
	g_autofree char *text = NULL;
	g_autofree char *valid = NULL;
	va_list		args;

	va_start(args, format);
	text = g_strdup_vprintf(format, args);
	va_end(args);
	valid = g_utf8_make_valid(text, -1);
	g_string_append(line, ": ");
	for (const char *c = valid; *c && line->len < LINE_MAX_BYTES; c = g_utf8_next_char(c))
		g_string_append_unichar(line, is_control(g_utf8_get_char(c)) ? ' ' : g_utf8_get_char(c));
	g_string_append_c(line, '\n');
	/* In one piece, so that lines of tasks do not mix.  Where it cannot be written, so be it. */
	if (write(STDERR_FILENO, line->str, line->len) < 0)
		return;
}
