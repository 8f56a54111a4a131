/*
 * html.c
 *		Reads HTML token by token, in a time that grows with its length alone.
 *
 * A tree is not made: parsers that do so stop at some depth, and take minutes for a tag with
 * a million attributes.  Names of characters are those that libxml2 knows.
 */
#include "html.h"

#include <libxml/HTMLparser.h>
#include <string.h>

#define SPACE " \t\n\f\r"

/* Elements whose content is no HTML. */
static const char *const raw_elements[] = {
	"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"
};

/* What 128 to 159 stand for: windows-1252, as all browsers read them. */
static const gunichar windows[] = {
	0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0xfffd, 0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0xfffd, 0x017e, 0x0178
};

/* Reads a name of an element, and returns the place behind it. */
static const char *
read_name(const char *text, char name[HTML_NAME_MAX + 1])
{
	gsize		length = strcspn(text, SPACE "/>");
	gsize		kept = MIN(length, HTML_NAME_MAX);

	for (gsize i = 0; i < kept; i++)
		name[i] = g_ascii_tolower(text[i]);
	name[kept] = '\0';
	return text + length;
}

/*
 * Reads an attribute, from a place at which one may begin, and returns the place behind it;
 * null at the end of the tag.
 */
static const char *
read_attribute(const char *text, const char **name, gsize *name_length, const char **value,
			   gsize *value_length)
{
	const char *behind;

	text += strspn(text, SPACE "/");
	if (*text == '>' || *text == '\0')
		return NULL;
	*name = text;
	*name_length = 1 + strcspn(text + 1, SPACE "/>=");
	text += *name_length;
	*value = text;
	*value_length = 0;
	behind = text + strspn(text, SPACE);
	if (*behind != '=')
		return text;
	behind++;
	behind += strspn(behind, SPACE);
	if (*behind == '"' || *behind == '\'')
	{
		const char *end = strchr(behind + 1, *behind);

		*value = behind + 1;
		*value_length = end ? (gsize) (end - *value) : strlen(*value);
		return *value + *value_length + (end != NULL);
	}
	*value = behind;
	*value_length = strcspn(behind, SPACE ">");
	return behind + *value_length;
}

/* Returns the place behind the attributes of a tag, at its end. */
static const char *
skip_attributes(const char *text)
{
	const char *next;
	const char *ignored;
	gsize		length;

	while ((next = read_attribute(text, &ignored, &length, &ignored, &length)) != NULL)
		text = next;
	return text + strspn(text, SPACE "/");
}

/* Returns the place behind a comment or a declaration. */
static const char *
skip_comment(const char *text)
{
	const char *end = NULL;

	if (g_str_has_prefix(text, "<!-->"))
		return text + strlen("<!-->");
	if (g_str_has_prefix(text, "<!--"))
	{
		end = strstr(text + strlen("<!--"), "-->");
		return end ? end + strlen("-->") : text + strlen(text);
	}
	end = strchr(text, '>');
	return end ? end + 1 : text + strlen(text);
}

/* Returns the place of the end tag of an element whose content is no HTML. */
static const char *
skip_raw(const char *text, const char *name)
{
	gsize		length = strlen(name);

	while ((text = strstr(text, "</")) != NULL)
	{
		if (g_ascii_strncasecmp(text + 2, name, length) == 0 &&
			(text[2 + length] == '\0' || strchr(SPACE "/>", text[2 + length])))
			return text;
		text += 2;
	}
	return NULL;
}

/* Says whether markup begins at a place: no other "<" is more than text. */
static bool
is_markup(const char *text)
{
	return text[0] == '<' &&
		(g_ascii_isalpha(text[1]) || text[1] == '!' || text[1] == '?' || text[1] == '/');
}

/* Reads a tag, and returns the place behind it. */
static const char *
read_tag(const char *text, HtmlToken *token)
{
	token->kind = text[1] == '/' ? HTML_CLOSE : HTML_OPEN;
	token->start = read_name(text + (token->kind == HTML_CLOSE ? 2 : 1), token->name);
	text = skip_attributes(token->start);
	token->length = text - token->start;
	return *text == '>' ? text + 1 : text;
}

bool
html_next(Html *html, HtmlToken *token)
{
	const char *text = html->place;

	if (html->raw[0])
	{
		const char *end = skip_raw(text, html->raw);

		text = end ? end : text + strlen(text);
		html->raw[0] = '\0';
	}
	while (is_markup(text) && !g_ascii_isalpha(text[1]) &&
		   !(text[1] == '/' && g_ascii_isalpha(text[2])))
		text = skip_comment(text);
	html->place = text;
	if (*text == '\0')
		return false;
	if (is_markup(text))
	{
		html->place = read_tag(text, token);
		for (gsize i = 0; token->kind == HTML_OPEN && i < G_N_ELEMENTS(raw_elements); i++)
		{
			if (strcmp(token->name, raw_elements[i]) == 0)
				strcpy(html->raw, token->name);
		}
		return true;
	}
	token->kind = HTML_TEXT;
	token->name[0] = '\0';
	token->start = text;
	do
		text += 1 + strcspn(text + 1, "<");
	while (*text && !is_markup(text));
	token->length = text - token->start;
	html->place = text;
	return true;
}

char *
html_attribute(const HtmlToken *token, const char *name)
{
	const char *text = token->start;
	const char *next;
	const char *found;
	const char *value;
	gsize		found_length;
	gsize		length;

	while ((next = read_attribute(text, &found, &found_length, &value, &length)) != NULL)
	{
		if (found_length == strlen(name) && g_ascii_strncasecmp(found, name, found_length) == 0)
		{
			GString    *decoded = g_string_new(NULL);

			html_append_text(decoded, value, length);
			return g_string_free(decoded, FALSE);
		}
		text = next;
	}
	return NULL;
}

/* Reads a number, and returns the character that it stands for. */
static gunichar
read_number(const char *text, gsize length)
{
	int			base = length > 0 && g_ascii_tolower(text[0]) == 'x' ? 16 : 10;
	guint32		number = 0;

	for (gsize i = base == 16; i < length; i++)
		number = MIN(number * base + g_ascii_xdigit_value(text[i]), 0x110000);
	if (number >= 0x80 && number < 0xa0)
		return windows[number - 0x80];
	return number > 0 && g_unichar_validate(number) ? number : 0xfffd;
}

/*
 * Reads a reference from behind its ampersand on.  Returns its length, 0 where it is none, and
 * the character.
 */
static gsize
read_reference(const char *text, gsize length, gunichar *character)
{
	bool		is_number = length > 0 && text[0] == '#';
	bool		is_hex = is_number && length > 1 && g_ascii_tolower(text[1]) == 'x';
	gsize		digits = is_number ? 1 + is_hex : 0;
	gsize		behind = digits;
	char		name[HTML_NAME_MAX + 1];
	const htmlEntityDesc *entity;

	while (behind < length && behind < HTML_NAME_MAX &&
		   (is_hex ? g_ascii_isxdigit(text[behind]) : is_number ? g_ascii_isdigit(text[behind]) :
			g_ascii_isalnum(text[behind])))
		behind++;
	if (behind == digits)
		return 0;
	if (is_number)
		*character = read_number(text + 1, behind - 1);
	else
	{
		memcpy(name, text, behind);
		name[behind] = '\0';
		entity = htmlEntityLookup((const xmlChar *) name);
		if (entity == NULL || behind == length || text[behind] != ';')
			return 0;
		*character = entity->value;
	}
	return behind + (behind < length && text[behind] == ';');
}

void
html_append_text(GString *output, const char *text, gsize length)
{
	const char *end = text + length;

	while (text < end)
	{
		gunichar	character = g_utf8_get_char(text);
		gsize		reference = 0;

		if (character == '&')
			reference = read_reference(text + 1, end - text - 1, &character);
		text = reference > 0 ? text + 1 + reference : g_utf8_next_char(text);
		if (g_unichar_iscntrl(character) && character != '\n')
			character = ' ';
		g_string_append_unichar(output, character);
	}
}
