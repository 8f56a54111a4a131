/*
 * template.c
 *		Templates of messages: the tokens in a text.
 *
 * A token is {{name}} or {{name|fallback}}, with spaces allowed around both.
 * Neither holds a brace or a control character, and the name is not empty and
 * holds no "|".  Braces that are not well formed are text.
 */
#include "postgres.h"

#include "template.h"

/* Finds the text between the spaces around it. */
static void
trim(const char **start, const char **end)
{
	while (*start < *end && **start == ' ')
		(*start)++;
	while (*start < *end && (*end)[-1] == ' ')
		(*end)--;
}

/* Reads the token whose braces start at a place; false if none does. */
static bool
read_token(const char *start, const char *end, TemplateToken *token)
{
	const char *name = start + 2;
	const char *close = name;
	const char *bar;
	const char *name_end;
	const char *fallback_end;

	while (close < end && *close != '{' && *close != '}' &&
		   (unsigned char) *close >= ' ' && *close != 0x7f)
		close++;
	if (close + 1 >= end || close[0] != '}' || close[1] != '}')
		return false;

	bar = memchr(name, '|', close - name);
	name_end = bar ? bar : close;
	trim(&name, &name_end);
	if (name == name_end)
		return false;

	token->start = start;
	token->end = close + 2;
	token->name = name;
	token->name_length = name_end - name;
	token->fallback = NULL;
	token->fallback_length = 0;
	if (bar)
	{
		token->fallback = bar + 1;
		fallback_end = close;
		trim(&token->fallback, &fallback_end);
		token->fallback_length = fallback_end - token->fallback;
	}
	return true;
}

/* Finds the first token of a text; false if it has none. */
bool
template_next_token(const char *text, const char *end, TemplateToken *token)
{
	while ((text = memchr(text, '{', end - text)) != NULL)
	{
		if (end - text >= 2 && text[1] == '{' && read_token(text, end, token))
			return true;
		text++;
	}
	return false;
}
