/*
 * template.c
 *		Templates of messages: the tokens in a text, and filling them in.
 *
 * A token is {{name}} or {{name|fallback}}, with spaces allowed around both.
 * Neither holds a brace or a control character, and the name is not empty and
 * holds no "|".  Braces that are not well formed are text.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "template.h"

/* Where the value of a token comes from, beyond the fields of a lead. */
#define SOURCE_EMAIL (LEAD_FIELDS)
#define SOURCE_UNSUBSCRIBE_URL (LEAD_FIELDS + 1)

/* Text, and the token behind it. */
typedef struct TemplatePart
{
	LeadString	text;
	bool		has_token;		/* false: the end of the template */
	int			source;			/* a LeadField, or one of the above */
	LeadString	name;			/* of a custom field */
	LeadString	fallback;
} TemplatePart;

struct Template
{
	TemplateFormat format;
	bool		has_unsubscribe_url;
	int			nparts;
	int			room;
	TemplatePart *parts;
};

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

/* Returns where the value of a token comes from. */
static int
find_source(const TemplateToken *token)
{
	bool		is_alias;

	if (lead_name_is(token->name, token->name_length, "email"))
		return SOURCE_EMAIL;
	if (lead_name_is(token->name, token->name_length, TEMPLATE_UNSUBSCRIBE_URL))
		return SOURCE_UNSUBSCRIBE_URL;
	return lead_find_field(token->name, token->name_length, &is_alias);
}

static TemplatePart *
add_part(Template *template)
{
	if (template->nparts == template->room)
	{
		template->room *= 2;
		template->parts = repalloc_huge(template->parts, sizeof(TemplatePart) * template->room);
	}
	return &template->parts[template->nparts++];
}

/* Compiles a text, which has to stay. */
Template *
template_compile(const char *text, int length, TemplateFormat format)
{
	Template   *template = palloc0(sizeof(Template));
	const char *end = text + length;
	TemplateToken token;

	template->format = format;
	template->room = 8;
	template->parts = palloc(sizeof(TemplatePart) * template->room);
	while (template_next_token(text, end, &token))
	{
		int			source = find_source(&token);

		*add_part(template) = (TemplatePart) {
			.text = {text, token.start - text}, .has_token = true, .source = source,
				.name = {token.name, token.name_length},
				.fallback = {token.fallback ? token.fallback : "", token.fallback_length}
		};
		template->has_unsubscribe_url |= source == SOURCE_UNSUBSCRIBE_URL;
		text = token.end;
	}
	*add_part(template) = (TemplatePart) {.text = {text, end - text}};
	return template;
}

/* Says whether a template has the token for the link of the message. */
bool
template_has_unsubscribe_url(const Template *template)
{
	return template->has_unsubscribe_url;
}

static LeadString
string_of(char *text)
{
	return (LeadString) {text, strlen(text)};
}

/* A value that no message holds. */
static const LeadString too_large = {"", TEMPLATE_OUTPUT_MAX + 1};

/* Returns a custom field as text, empty where there is none. */
static LeadString
custom_value(const LeadString *name, TemplateValues *values)
{
	JsonbValue	value;
	Size		size = 0;

	/* It may be large and compressed. */
	if (values->custom == NULL)
		values->custom = DatumGetJsonbP(values->fields[LEAD_CUSTOM]);
	if (!JsonContainerIsObject(&values->custom->root) ||
		getKeyJsonValueFromContainer(&values->custom->root, name->data, name->length, &value) == NULL)
		return (LeadString) {NULL, 0};
	switch (value.type)
	{
		case jbvString:
			return (LeadString) {value.val.string.val, value.val.string.len};
		case jbvNumeric:
			if (!json_text_size(&value, &size))
				return too_large;
			return string_of(DatumGetCString(DirectFunctionCall1(numeric_out,
																 NumericGetDatum(value.val.numeric))));
		case jbvBool:
			return string_of(value.val.boolean ? "true" : "false");
		case jbvBinary:
			/* What is too large anyway may not even fit the memory once printed. */
			if (value.val.binary.len > TEMPLATE_OUTPUT_MAX || !json_text_size(&value, &size))
				return too_large;
			return string_of(JsonbToCString(NULL, value.val.binary.data, value.val.binary.len));
		default:
			return (LeadString) {NULL, 0};
	}
}

/* Returns the value of a token as text, empty where there is none. */
static LeadString
find_value(const TemplatePart *part, TemplateValues *values)
{
	if (part->source == SOURCE_EMAIL)
		return values->email;
	if (part->source == SOURCE_UNSUBSCRIBE_URL)
		return values->unsubscribe_url;
	if (values->nulls[part->source])
		return (LeadString) {NULL, 0};
	if (part->source == LEAD_CUSTOM)
		return custom_value(&part->name, values);
	return lead_fields[part->source].type->print(values->fields[part->source]);
}

/* Returns what stands for a character in HTML, text or attribute; NULL: itself. */
static const char *
html_entity(char c)
{
	switch (c)
	{
		case '&':
			return "&amp;";
		case '<':
			return "&lt;";
		case '>':
			return "&gt;";
		case '"':
			return "&quot;";
		case '\'':
			return "&#39;";
		default:
			return NULL;
	}
}

static void
append_escaped(StringInfo output, const LeadString *value)
{
	int			start = 0;

	for (int i = 0; i < value->length; i++)
	{
		const char *entity = html_entity(value->data[i]);

		if (entity == NULL)
			continue;
		appendBinaryStringInfo(output, value->data + start, i - start);
		appendStringInfoString(output, entity);
		start = i + 1;
	}
	appendBinaryStringInfo(output, value->data + start, value->length - start);
}

/*
 * Returns the length of a character that breaks a line or controls something:
 * C0, DEL, C1, and the separators U+2028 and U+2029.  0: it is another one.
 */
static int
control_length(const char *text, int length)
{
	const unsigned char *c = (const unsigned char *) text;

	if (c[0] < ' ' || c[0] == 0x7f)
		return 1;
	if (length >= 2 && c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0)
		return 2;
	if (length >= 3 && c[0] == 0xe2 && c[1] == 0x80 && (c[2] == 0xa8 || c[2] == 0xa9))
		return 3;
	return 0;
}

/* Makes a space of each run of control characters: a header is one line. */
static void
flatten(StringInfo output, int start)
{
	char	   *to = output->data + start;
	const char *from = to;
	const char *end = output->data + output->len;
	bool		in_run = false;

	while (from < end)
	{
		int			length = control_length(from, end - from);

		if (length == 0)
			*to++ = *from++;
		else if (!in_run)
			*to++ = ' ';
		in_run = length > 0;
		from += length;
	}
	*to = '\0';
	output->len = to - output->data;
}

/*
 * Appends a template with its tokens filled in; false if it gets too large, as a
 * token that is repeated can make it: such a message must not stop the others.
 */
bool
template_render(const Template *template, TemplateValues *values, StringInfo output)
{
	int			start = output->len;

	for (int i = 0; i < template->nparts; i++)
	{
		const TemplatePart *part = &template->parts[i];
		LeadString	value;

		/* Whoever wrote the step by hand may have made it any length. */
		if (part->text.length > TEMPLATE_OUTPUT_MAX || part->fallback.length > TEMPLATE_OUTPUT_MAX)
			return false;
		appendBinaryStringInfo(output, part->text.data, part->text.length);
		if (!part->has_token)
			continue;
		value = find_value(part, values);
		if (output->len - start > TEMPLATE_OUTPUT_MAX || value.length > TEMPLATE_OUTPUT_MAX)
			return false;
		if (lead_is_blank(&value))
			appendBinaryStringInfo(output, part->fallback.data, part->fallback.length);
		else if (template->format == TEMPLATE_HTML)
			append_escaped(output, &value);
		else
			appendBinaryStringInfo(output, value.data, value.length);
	}
	if (template->format == TEMPLATE_LINE)
		flatten(output, start);
	return output->len - start <= TEMPLATE_OUTPUT_MAX;
}
