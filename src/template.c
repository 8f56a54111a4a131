/*
 * template.c
 *		Templates of messages: texts with tokens, and filling them in.
 *
 * What a token is stands in template_token.c.  A text is compiled once for all
 * messages of a claim; rendering copies.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "template.h"

/* Where the value of a token comes from, beyond the fields of a lead. */
enum
{
	SOURCE_EMAIL = LEAD_FIELDS,
	SOURCE_UNSUBSCRIBE_URL,
	SOURCE_POSTAL_ADDRESS,
	SOURCE_RANDOM
};

/* Text, and the token behind it. */
typedef struct TemplatePart
{
	LeadString	text;
	bool		has_token;		/* false: the end of the template */
	bool		encodes;		/* the value, for a URL */
	TemplateField field;
	LeadString	fallback;
	int			number;			/* of a random text */
	int			nchoices;
	const LeadString *choices;
} TemplatePart;

struct Template
{
	TemplateFormat format;
	bool		has_postal_address;
	int			nparts;
	int			room;
	TemplatePart *parts;
};

/* Says where the value of a token of a name comes from; the name has to stay. */
TemplateField
template_field(const LeadString *name)
{
	TemplateField field = {.name = *name};
	bool		is_alias;

	if (lead_name_is(name->data, name->length, "email"))
		field.source = SOURCE_EMAIL;
	else if (lead_name_is(name->data, name->length, TEMPLATE_UNSUBSCRIBE_URL))
		field.source = SOURCE_UNSUBSCRIBE_URL;
	else if (lead_name_is(name->data, name->length, TEMPLATE_POSTAL_ADDRESS))
		field.source = SOURCE_POSTAL_ADDRESS;
	else
		field.source = lead_find_field(name->data, name->length, &is_alias);
	return field;
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
	int			nrandom = 0;
	TemplateToken token;

	template->format = format;
	template->room = 8;
	template->parts = palloc(sizeof(TemplatePart) * template->room);
	while (template_next_token(text, end, format, &token))
	{
		TemplateField field = template_field(&token.name);

		if (token.is_random)
			field.source = SOURCE_RANDOM;
		nrandom += token.is_random;
		*add_part(template) = (TemplatePart) {
			.text = {text, token.start - text}, .has_token = true, .encodes = token.encodes,
				.field = field,
				.fallback = {token.has_fallback ? token.fallback.data : "", token.fallback.length},
				.number = nrandom, .nchoices = token.nchoices, .choices = token.choices
		};
		template->has_postal_address |= field.source == SOURCE_POSTAL_ADDRESS;
		text = token.end;
	}
	*add_part(template) = (TemplatePart) {.text = {text, end - text}};
	return template;
}

/* Says whether a template has the token for the postal address of the workspace. */
bool
template_has_postal_address(const Template *template)
{
	return template->has_postal_address;
}

static LeadString
string_of(char *text)
{
	return (LeadString) {text, strlen(text)};
}

/* A value that no message holds. */
static const LeadString too_large = {"", TEMPLATE_OUTPUT_MAX + 1};

/* Finds a custom field; false if there is none. */
static bool
find_custom(const LeadString *name, TemplateValues *values, JsonbValue *value)
{
	/* It may be large and compressed. */
	if (values->custom == NULL)
		values->custom = DatumGetJsonbP(values->fields[LEAD_CUSTOM]);
	return JsonContainerIsObject(&values->custom->root) &&
		getKeyJsonValueFromContainer(&values->custom->root,
									 name->data, name->length, value) != NULL;
}

/* Returns a custom field as text, empty where there is none. */
static LeadString
custom_value(const LeadString *name, TemplateValues *values)
{
	JsonbValue	value;
	Size		size = 0;
	Datum		digits;

	if (!find_custom(name, values, &value))
		return (LeadString) {NULL, 0};
	switch (value.type)
	{
		case jbvString:
			return (LeadString) {value.val.string.val, value.val.string.len};
		case jbvNumeric:
			if (!json_text_size(&value, &size))
				return too_large;
			digits = DirectFunctionCall1(numeric_out, NumericGetDatum(value.val.numeric));
			return string_of(DatumGetCString(digits));
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
find_value(const TemplateField *field, TemplateValues *values)
{
	switch (field->source)
	{
		case SOURCE_EMAIL:
			return values->email;
		case SOURCE_UNSUBSCRIBE_URL:
			return values->unsubscribe_url;
		case SOURCE_POSTAL_ADDRESS:
			return values->postal_address;
		default:
			if (values->nulls[field->source])
				return (LeadString) {NULL, 0};
			if (field->source == LEAD_CUSTOM)
				return custom_value(&field->name, values);
			return lead_fields[field->source].type->print(values->fields[field->source]);
	}
}

/* Says whether a token shows its value, and not its fallback. */
bool
template_has_value(const TemplateField *field, TemplateValues *values)
{
	LeadString	value;
	JsonbValue	custom;

	if (field->source != LEAD_CUSTOM || values->nulls[LEAD_CUSTOM])
		value = find_value(field, values);
	else if (!find_custom(&field->name, values, &custom) || custom.type == jbvNull)
		return false;
	else if (custom.type != jbvString)
		return true;
	else
		value = (LeadString) {custom.val.string.val, custom.val.string.len};
	return !lead_is_blank(&value);
}

/* Returns the choice of a token for a message, empty where it has none. */
static LeadString
choose(const Template *template, const TemplatePart *part, uint64 seed)
{
	uint32		number = 2 * part->number + (template->format == TEMPLATE_LINE);

	if (part->nchoices == 0)
		return (LeadString) {"", 0};
	return part->choices[hash_bytes_uint32_extended(number, seed) % part->nchoices];
}

/* Returns what stands for a character in HTML, text or attribute; NULL: itself. */
static const char *
html_entity(char c, const char *line_break)
{
	switch (c)
	{
		case '\n':
			return line_break;
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

/* Appends a value to HTML, with something for its line breaks where that is not NULL. */
void
template_escape(StringInfo output, const LeadString *value, const char *line_break)
{
	int			start = 0;

	for (int i = 0; i < value->length; i++)
	{
		const char *entity = html_entity(value->data[i], line_break);

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

/* Appends the value of a token, or what stands for it. */
static void
append_value(const Template *template, const TemplatePart *part, const LeadString *value,
			 StringInfo output)
{
	if (lead_is_blank(value))
		appendBinaryStringInfo(output, part->fallback.data, part->fallback.length);
	else if (part->encodes)
		template_encode(output, value);
	else if (template->format == TEMPLATE_HTML)
		template_escape(output, value, part->field.source == SOURCE_POSTAL_ADDRESS ? "<br>" : NULL);
	else
		appendBinaryStringInfo(output, value->data, value->length);
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
		bool		is_random = part->field.source == SOURCE_RANDOM;
		LeadString	value;

		/* Whoever wrote the step by hand may have made it any length. */
		if (part->text.length > TEMPLATE_OUTPUT_MAX || part->fallback.length > TEMPLATE_OUTPUT_MAX)
			return false;
		appendBinaryStringInfo(output, part->text.data, part->text.length);
		if (!part->has_token)
			continue;
		value = is_random ? choose(template, part, values->seed) : find_value(&part->field, values);
		if (output->len - start > TEMPLATE_OUTPUT_MAX || value.length > TEMPLATE_OUTPUT_MAX)
			return false;
		if (is_random)
			appendBinaryStringInfo(output, value.data, value.length);
		else
			append_value(template, part, &value, output);
	}
	if (template->format == TEMPLATE_LINE)
		flatten(output, start);
	return output->len - start <= TEMPLATE_OUTPUT_MAX;
}
