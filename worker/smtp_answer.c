/*
 * smtp_answer.c
 *		Reads what a mail server answers (RFC 5321 section 4.2).
 */
#include "smtp_answer.h"

#include <string.h>

#include "../src/standard.h"

int
smtp_answer_code(const char *line, gsize length)
{
	if (length < 3 || line[0] < '1' || line[0] > '5' || !g_ascii_isdigit(line[1]) ||
		!g_ascii_isdigit(line[2]) || (length > 3 && line[3] != ' ' && line[3] != '-'))
		return 0;
	return (line[0] - '0') * 100 + (line[1] - '0') * 10 + line[2] - '0';
}

/* Returns the length of the status that a text begins with, and a space; 0 if with none. */
static gsize
status_length(const char *text)
{
	gsize		length;

	return standard_find_status(text, &length) == text && text[length] == ' ' ? length + 1 : 0;
}

char *
smtp_answer_text(const char *answer, gsize length)
{
	g_autofree char *copy = g_strndup(answer, length);
	g_auto(GStrv) lines = g_strsplit(copy, "\n", -1);
	g_autoptr(GString) joined = g_string_new(NULL);
	const char *first = NULL;

	g_string_append_printf(joined, "%.3s", copy);
	for (char **line = lines; *line && joined->len < SMTP_ANSWER_KEPT; line++)
	{
		const char *text = strlen(g_strchomp(*line)) > 4 ? *line + 4 : "";
		gsize		status = first ? status_length(text) : 0;

		/* Servers repeat the status in each line. */
		if (status > 0 && strncmp(text, first, status) == 0)
			text += status;
		else if (first == NULL)
			first = text;
		if (text[0] != '\0')
			g_string_append_printf(joined, " %s", text);
	}
	g_string_truncate(joined, MIN(joined->len, SMTP_ANSWER_KEPT));
	return g_utf8_make_valid(joined->str, (gssize) strlen(joined->str));
}

SmtpAnswer
smtp_answer_take(GString *input, int *code, char **text)
{
	gsize		start = 0;
	const char *newline;

	while ((newline = memchr(input->str + start, '\n', input->len - start)))
	{
		const char *line = input->str + start;
		gsize		length = (gsize) (newline - line);

		*code = smtp_answer_code(line, length - (length > 0 && line[length - 1] == '\r'));
		if (*code == 0)
			return SMTP_ANSWER_BROKEN;
		start += length + 1;
		if (length > 3 && line[3] == '-')
			continue;
		*text = smtp_answer_text(input->str, start);
		g_string_erase(input, 0, (gssize) start);
		return SMTP_ANSWER_WHOLE;
	}
	return input->len > SMTP_ANSWER_MAX ? SMTP_ANSWER_BROKEN : SMTP_ANSWER_MORE;
}
