/*
 * template_check.c
 *		What in a text will be mailed as it stands, though nobody means it.
 *
 * People bring texts from other systems, and editors encode what they paste.  What
 * looks like a token of such a system, and is none here, is told with the place.
 * The style sheets and scripts of a body have braces and brackets of their own.
 */
#include "postgres.h"

#include "compat.h"
#include "template_check.h"

/* Bytes of a block in another language at most: what ends later did not begin there. */
#define BLOCK_MAX 400

/* Bytes that are looked at for the brace that one at hand belongs to. */
#define EXCERPT_MAX 100

/* Blocks of other languages: how they begin and end, and whether a name has to follow. */
static const struct
{
	const char *open;
	const char *close;
	bool		is_named;
	bool		may_be_code;	/* of a style sheet or script */
}			blocks[] =
{
	{"{%", "%}", false, false},	/* Liquid, Jinja, Twig */
	{"{#", "#}", false, true},
	{"<%", "%>", false, false},	/* ERB, Adobe Campaign */
	{"%%", "%%", true, false},	/* Salesforce */
	{"*|", "|*", true, false},	/* Mailchimp */
	{"[[", "]]", true, true},	/* Mailjet, MODX */
	{"[%", "%]", false, false},	/* SendGrid */
	{"${", "}", true, true},	/* FreeMarker, Responsys */
};

/* Names of filters that other languages have, and that nobody means as a fallback. */
static const char *const filters[] = {
	"camelcase", "capfirst", "capitalise", "capitalize", "default", "default_if_none", "downcase",
	"e", "escape", "escape_once", "escapejs", "fallback", "force_escape", "html", "lower",
	"lowercase", "lstrip", "newline_to_br", "nl2br", "proper", "propercase", "raw", "rstrip",
	"safe", "safehtml", "slugify", "strip", "strip_html", "striptags", "title", "title_case",
	"titlecase", "trim", "ucfirst", "ucwords", "upcase", "upper", "uppercase", "uri_escape",
	"urlize",
};

/* The same of filters whose names are words: what follows has to be an argument. */
static const char *const filters_of_arguments[] = {
	"append", "date", "date_format", "first", "format", "join", "last", "prepend", "remove",
	"replace", "round", "slice", "split", "truncate", "truncatechars", "truncatewords",
};

/* Words that begin a block of Handlebars, behind "#" or "/". */
static const char *const handlebars[] = {"if", "unless", "each", "with"};

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_name_character(char c)
{
	return is_letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '=' || c == '@';
}

/* Says whether a text begins with a string, in any letter case. */
static bool
begins(const char *text, const char *end, const char *string)
{
	size_t		length = strlen(string);

	return (size_t) (end - text) >= length && pg_strncasecmp(text, string, length) == 0;
}

/* Finds a string within a number of bytes; returns the place behind it, or NULL. */
static const char *
find_behind(const char *text, const char *end, const char *string, int limit)
{
	const char *stop = text + Min(end - text, limit);

	for (; text < stop; text++)
	{
		if (begins(text, end, string))
			return text + strlen(string);
	}
	return NULL;
}

/* Returns the length of a block of another language that begins at a place, 0 if none does. */
static int
block_length(const char *text, const char *end, bool in_code)
{
	/* Most places are told from a block by one character. */
	if (*text == '\0' || strchr("{<%*[$", *text) == NULL)
		return 0;
	for (size_t i = 0; i < lengthof(blocks); i++)
	{
		const char *inner = text + strlen(blocks[i].open);
		const char *behind;

		if (!begins(text, end, blocks[i].open) || (in_code && blocks[i].may_be_code))
			continue;
		if (blocks[i].is_named &&
			(inner == end || !(is_letter(*inner) || (*inner != '\0' && strchr("[=@", *inner)))))
			continue;
		behind = find_behind(inner, end, blocks[i].close, BLOCK_MAX);
		if (behind && (!blocks[i].is_named || memchr(inner, '\n', behind - inner) == NULL))
			return behind - text;
	}
	return 0;
}

/* Returns the length of a name in capitals between percent signs, as of ActiveCampaign; 0: none. */
static int
percent_name_length(const char *text, const char *end)
{
	const char *p = text + 1;

	while (p < end && ((*p >= 'A' && *p <= 'Z') || *p == '_'))
		p++;
	return p < end && *p == '%' && p - text > 4 ? p + 1 - text : 0;
}

/* Returns the length of a brace that opens, encoded or not, at a place; 0: there is none. */
static int
brace_length(const char *text, const char *end)
{
	static const char *const spellings[] = {"{", "%7B", "&#123;", "&#x7b;", "&lcub;", "&lbrace;"};

	for (size_t i = 0; i < lengthof(spellings); i++)
	{
		if (begins(text, end, spellings[i]))
			return strlen(spellings[i]);
	}
	return 0;
}

/* Returns the length of two braces of which one at least is encoded; 0: they are not there. */
static int
encoded_braces_length(const char *text, const char *end)
{
	int			first = brace_length(text, end);
	int			second = first > 0 ? brace_length(text + first, end) : 0;

	return second > 0 && first + second > 2 ? first + second : 0;
}

/* Returns the length of single braces around a name or choices; 0: they are not there. */
static int
single_braces_length(const char *text, const char *end)
{
	const char *p = text + 1;
	bool		has_bar = false;
	bool		is_name = p < end && is_letter(*p);

	for (; p < end && p - text <= BLOCK_MAX && *p != '{' && *p != '}'; p++)
	{
		has_bar |= *p == '|';
		is_name &= is_name_character(*p);
		if (*p == ';' || *p == '\n')
			return 0;
	}
	if (p == end || *p != '}' || (p + 1 < end && p[1] == '}'))
		return 0;
	return has_bar || is_name ? p + 1 - text : 0;
}

/* Returns how much of a text is shown of braces that open at a place and do not close well. */
static int
open_braces_length(const char *text, const char *end)
{
	const char *p = text;

	while (p < end && *p == '{')
		p++;
	while (p < end && p - text < EXCERPT_MAX && strchr("{}<>\"\n", *p) == NULL)
		p++;
	/* No character is cut. */
	while (p < end && (*p & 0xc0) == 0x80)
		p++;
	while (p < end && *p == '}')
		p++;
	return p - text;
}

/* Returns where the excerpt of two braces that close begins. */
static const char *
closing_braces_start(const char *text, const char *closing)
{
	const char *p = closing;

	while (p > text && closing - p < EXCERPT_MAX && p[-1] != '}' && p[-1] != '>' && p[-1] != '\n')
	{
		if (*--p == '{')
			return p;
	}
	return closing;
}

/* Enters a style sheet or a script that begins at a place. */
static void
enter_code(TemplateCheck *check)
{
	static const char *const elements[][2] = {{"<style", "</style"}, {"<script", "</script"}};

	for (size_t i = 0; i < lengthof(elements); i++)
	{
		if (begins(check->at, check->end, elements[i][0]))
		{
			const char *behind = find_behind(check->at, check->end, elements[i][1],
											 check->end - check->at);

			check->code_end = behind ? behind : check->end;
		}
	}
}

/* Looks at a place between tokens; returns how many bytes have a flaw. */
static int
check_place(TemplateCheck *check, const char *start, const char *stop, TemplateFinding *finding)
{
	const char *at = check->at;
	bool		in_code = at < check->code_end;
	int			length;

	finding->excerpt.data = at;
	if ((length = block_length(at, check->end, in_code)) > 0 ||
		(*at == '%' && !in_code && (length = percent_name_length(at, stop)) > 0))
		finding->flaw = TEMPLATE_OTHER_LANGUAGE;
	else if ((*at == '{' || *at == '%' || *at == '&') &&
			 (length = encoded_braces_length(at, stop)) > 0)
	{
		finding->flaw = TEMPLATE_ENCODED_BRACES;
		length += open_braces_length(at + length, check->end);
	}
	else if (*at == '{' && at + 1 < check->end && at[1] == '{')
	{
		/* Those of a token too, where there is one more brace. */
		finding->flaw = TEMPLATE_BRACES;
		length = open_braces_length(at, check->end);
	}
	else if (*at == '{' && !in_code && (length = single_braces_length(at, stop)) > 0)
		finding->flaw = TEMPLATE_SINGLE_BRACES;
	else if (*at == '}' && at + 1 < stop && at[1] == '}' && !in_code)
	{
		finding->flaw = TEMPLATE_BRACES;
		finding->excerpt.data = closing_braces_start(start, at);
		length = 2;
	}
	finding->excerpt.length = at + length - finding->excerpt.data;
	return length;
}

/* Says whether a string is one of some words. */
static bool
is_among(const char *string, int length, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
	{
		if ((int) strlen(words[i]) == length && pg_strncasecmp(string, words[i], length) == 0)
			return true;
	}
	return false;
}

/* Says whether a fallback looks like a filter of another language. */
static bool
looks_like_filter(const LeadString *fallback)
{
	const char *end = fallback->data + fallback->length;
	const char *p = fallback->data;
	int			length;
	bool		has_arguments;

	while (p < end && (is_letter(*p) || (*p >= '0' && *p <= '9')))
		p++;
	length = p - fallback->data;
	while (p < end && *p == ' ')
		p++;
	has_arguments = p < end && (*p == ':' || *p == '(');
	if (is_among(fallback->data, length, filters, lengthof(filters)))
		return p == end || has_arguments || *p == '|' || begins(fallback->data, end, "default ");
	return has_arguments &&
		is_among(fallback->data, length, filters_of_arguments, lengthof(filters_of_arguments));
}

/* Says whether a name begins or ends a block of Handlebars. */
static bool
is_handlebars(const LeadString *name)
{
	const char *end = name->data + name->length;
	const char *p = name->data + 1;

	if (name->data[0] != '#' && name->data[0] != '/')
		return false;
	while (p < end && is_letter(*p))
		p++;
	return (p == end || *p == ' ') &&
		is_among(name->data + 1, p - name->data - 1, handlebars, lengthof(handlebars));
}

/* Returns what is wrong with a token. */
static TemplateFlaw
token_flaw(const TemplateToken *token, TemplateFormat format)
{
	if (token->is_random && token->nchoices == 0)
		return TEMPLATE_RANDOM_EMPTY;
	if (is_handlebars(&token->name))
		return TEMPLATE_OTHER_LANGUAGE;
	if (format == TEMPLATE_HTML && memchr(token->name.data, '<', token->name.length))
		return TEMPLATE_MARKUP;
	if (token->passed_over.data)
		return TEMPLATE_FILTER_UNKNOWN;
	if (token->is_plain && looks_like_filter(&token->fallback))
		return TEMPLATE_FALLBACK_FILTER;
	if (token->is_plain && template_is_quoted(&token->fallback, format))
		return TEMPLATE_FALLBACK_QUOTED;
	return TEMPLATE_SOUND;
}

/* Starts at the beginning of a text. */
void
template_check_begin(TemplateCheck *check, const char *text, int length, TemplateFormat format)
{
	*check = (TemplateCheck) {.at = text, .end = text + length, .format = format, .code_end = text};
	check->has_token = template_next_token(text, check->end, format, &check->token);
}

/* Goes on to the next token, or place with a flaw; false at the end of the text. */
bool
template_check_next(TemplateCheck *check, TemplateFinding *finding)
{
	const char *start = check->at;
	const char *stop = check->has_token ? check->token.start : check->end;

	*finding = (TemplateFinding) {.flaw = TEMPLATE_SOUND};
	while (check->at < stop)
	{
		int			length;

		if (check->format == TEMPLATE_HTML && *check->at == '<' && check->at >= check->code_end)
			enter_code(check);
		length = check_place(check, start, stop, finding);
		if (length > 0)
		{
			/* A block may go on behind a token in it. */
			check->at = Min(check->at + length, stop);
			return true;
		}
		check->at++;
	}
	if (!check->has_token)
		return false;
	finding->is_token = true;
	finding->token = check->token;
	finding->flaw = token_flaw(&check->token, check->format);
	finding->excerpt = (LeadString) {check->token.start, check->token.end - check->token.start};
	check->at = check->token.end;
	check->has_token = template_next_token(check->at, check->end, check->format, &check->token);
	return true;
}
