/*
 * mail_header.c
 *		Writes headers of a mail, each one header whatever is in it.
 *
 * Values come from the records of leads.  So controls and line breaks become spaces, lines are
 * folded, and what would be read as an encoded word is encoded itself (RFC 2047, RFC 5322).
 */
#include "mail_header.h"

#include <stdbool.h>
#include <string.h>

/* Characters of a line that are asked for; of an encoded word and of a line at most. */
#define LINE_WANTED 76
#define WORD_MAX 75
#define TOKEN_MAX 900

/* Returns a value as one line of valid UTF-8 without space around it. */
static char *
clean(const char *value)
{
	g_autofree char *valid = g_utf8_make_valid(value, -1);
	GString    *line = g_string_sized_new(strlen(valid));

	for (const char *c = valid; *c; c = g_utf8_next_char(c))
	{
		gunichar	character = g_utf8_get_char(c);

		if (g_unichar_iscntrl(character) || character == 0x2028 || character == 0x2029)
			g_string_append_c(line, ' ');
		else
			g_string_append_unichar(line, character);
	}
	return g_strstrip(g_string_free(line, FALSE));
}

/* Says whether a line can stand as it is, folded at its spaces. */
static bool
is_plain(const char *line)
{
	gsize		word = 0;

	for (const char *c = line; *c; c++)
	{
		word = *c == ' ' ? 0 : word + 1;
		if (*c < ' ' || *c > '~' || word > TOKEN_MAX)
			return false;
	}
	return strstr(line, "=?") == NULL && strstr(line, "  ") == NULL;
}

/* Returns how many characters are on the last line of what was written. */
static gsize
column(const GString *output)
{
	const char *line = g_strrstr_len(output->str, output->len, "\n");

	return output->str + output->len - (line ? line + 1 : output->str);
}

/*
 * Appends a token after a space, on a new line where it does not fit.  The first one stays
 * behind the name, for a line of a header without a value is easily taken for an empty one.
 */
static void
append_token(GString *output, const char *token, gsize length)
{
	bool		is_first = output->str[output->len - 1] == ':';

	if (!is_first && column(output) + 1 + length > LINE_WANTED)
		g_string_append(output, "\r\n");
	g_string_append_c(output, ' ');
	g_string_append_len(output, token, length);
}

/* Appends a line that is plain. */
static void
append_plain(GString *output, const char *line)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);

	for (char **word = words; *word; word++)
		append_token(output, *word, strlen(*word));
}

/* Says whether a byte stands for itself in an encoded word of any header. */
static bool
is_safe(char byte)
{
	return g_ascii_isalnum(byte) || strchr("!*+-/", byte) != NULL;
}

/* Appends a text as encoded words in UTF-8; no character is in two of them. */
static void
append_encoded(GString *output, const char *text)
{
	static const char beginning[] = "=?UTF-8?Q?";
	g_autoptr(GString) word = g_string_new(beginning);
	gsize		used = column(output) + 1;
	gsize		room = used < LINE_WANTED / 2 ? LINE_WANTED - used : WORD_MAX;

	for (const char *next; *text; text = next)
	{
		char		encoded[6 * 3 + 1] = "";
		gsize		length = 0;

		next = g_utf8_next_char(text);
		for (const char *c = text; c < next; c++)
		{
			if (is_safe(*c) || *c == ' ')
				encoded[length++] = *c == ' ' ? '_' : *c;
			else
				length += g_snprintf(&encoded[length], 4, "=%02X", (guchar) *c);
		}
		if (word->len + length + 2 > room)
		{
			g_string_append(word, "?=");
			append_token(output, word->str, word->len);
			g_string_assign(word, beginning);
			room = WORD_MAX;
		}
		g_string_append_len(word, encoded, length);
	}
	g_string_append(word, "?=");
	append_token(output, word->str, word->len);
}

void
mail_header_text(GString *output, const char *name, const char *value)
{
	g_autofree char *line = clean(value);

	g_string_append_printf(output, "%s:", name);
	if (is_plain(line))
		append_plain(output, line);
	else
		append_encoded(output, line);
	g_string_append(output, "\r\n");
}

/* Appends a display name: a quoted string where it is ASCII and short. */
static void
append_display_name(GString *output, const char *display_name)
{
	g_autofree char *line = clean(display_name);
	g_autoptr(GString) quoted = g_string_new("\"");

	if (line[0] == '\0')
		return;
	if (!is_plain(line) || strlen(line) > LINE_WANTED / 2)
	{
		append_encoded(output, line);
		return;
	}
	for (const char *c = line; *c; c++)
	{
		if (*c == '"' || *c == '\\')
			g_string_append_c(quoted, '\\');
		g_string_append_c(quoted, *c);
	}
	g_string_append_c(quoted, '"');
	append_token(output, quoted->str, quoted->len);
}

void
mail_header_mailbox(GString *output, const char *name, const char *display_name,
					const char *address)
{
	g_autofree char *bracketed = g_strdup_printf("<%s>", address);

	g_string_append_printf(output, "%s:", name);
	if (display_name)
		append_display_name(output, display_name);
	append_token(output, bracketed, strlen(bracketed));
	g_string_append(output, "\r\n");
}

void
mail_header_tokens(GString *output, const char *name, GPtrArray *tokens)
{
	g_string_append_printf(output, "%s:", name);
	for (guint i = 0; i < tokens->len; i++)
		append_token(output, tokens->pdata[i], strlen(tokens->pdata[i]));
	g_string_append(output, "\r\n");
}
