/*
 * template.c
 *		Fuzz target: finding tokens in a text, filling them in, and what is no token.
 *
 * An input is the text, the address, a string, and custom fields as JSON.  What
 * is rendered is compared with what a slow and simple reading of tokens gives, and
 * custom fields with what the server says they are.  Fallbacks and filters have a
 * model in test/pgtap/template_property.sql.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "character.h"
#include "fuzz.h"
#include "json.h"
#include "template.h"
#include "template_check.h"
#include "template_reference.h"

#define STATUS (-1)
#define SEED 42
#define URL "https://example.com/?a=1&b=2"
#define ADDRESS "A & B\n1 Street"

#define set_field(field, value) (nulls[field] = false, fields[field] = (value))

static const pg_uuid_t assigned_to = {{0x01, 0x97, 0xc0, 0x43}};

/* Says whether a name has something to read, up to a bar. */
static bool
has_name(const char *text, const char *end, TemplateFormat format)
{
	while (text < end && *text != '|')
	{
		unsigned int code_point;
		int			length = 0;
		CharacterKind kind;

		if (format == TEMPLATE_HTML && *text == '&')
			length = template_read_reference(text, end, &code_point);
		if (length == 0)
			length = character_read(text, end - text, &code_point);
		kind = character_kind(code_point);
		if (kind == CHARACTER_SHOWN || kind == CHARACTER_JOINED)
			return true;
		text += length;
	}
	return false;
}

/* Says whether a token starts at a place, and where it ends. */
static bool
is_token(const char *text, const char *end, TemplateFormat format, const char **token_end)
{
	if (end - text < 2 || text[0] != '{' || text[1] != '{')
		return false;
	for (const char *p = text + 2; p + 1 < end; p++)
	{
		*token_end = p + 2;
		if (p[0] == '}' && p[1] == '}')
			return has_name(text + 2, p, format);
		if (*p == '{' || *p == '}')
			return false;
	}
	return false;
}

/* A token lies inside the text, and is made of what it should be. */
static void
check_token(const TemplateToken *token, const char *text, const char *end, TemplateFormat format)
{
	const char *token_end;

	FUZZ_CHECK(token->start >= text && token->end <= end);
	FUZZ_CHECK(is_token(token->start, end, format, &token_end));
	FUZZ_CHECK(token->end == token_end);
	FUZZ_CHECK(token->name.length > 0 && token->name.length <= token->end - token->start - 4);
	FUZZ_CHECK(token->name.data[0] != ' ' && token->name.data[token->name.length - 1] != ' ');
	FUZZ_CHECK(memchr(token->start, '|', token->end - token->start) != NULL ||
			   (!token->has_fallback && !token->encodes && token->nchoices == 0));
	FUZZ_CHECK(fuzz_is_utf8(token->name.data, token->name.length));
	FUZZ_CHECK(fuzz_is_utf8(token->fallback.data, token->fallback.length));
	FUZZ_CHECK(!token->is_random || (!token->has_fallback && !token->encodes));
	for (int i = 0; i < token->nchoices; i++)
		FUZZ_CHECK(token->is_random && fuzz_is_utf8(token->choices[i].data, token->choices[i].length));
}

/* Goes through a text as preflight does: its tokens are those of a message, and it ends. */
static void
check_findings(LeadString text, TemplateFormat format)
{
	const char *end = text.data + text.length;
	const char *at = text.data;
	TemplateCheck check;
	TemplateFinding finding;
	TemplateToken token;

	template_check_begin(&check, text.data, text.length, format);
	while (template_check_next(&check, &finding))
	{
		FUZZ_CHECK(finding.is_token || finding.flaw != TEMPLATE_SOUND);
		FUZZ_CHECK(finding.excerpt.data >= text.data && finding.excerpt.length > 0);
		FUZZ_CHECK(finding.excerpt.data + finding.excerpt.length <= end);
		FUZZ_CHECK(fuzz_is_utf8(finding.excerpt.data, finding.excerpt.length));
		if (!finding.is_token)
			continue;
		FUZZ_CHECK(template_next_token(at, end, format, &token));
		FUZZ_CHECK(token.start == finding.token.start && token.end == finding.token.end);
		at = token.end;
	}
	FUZZ_CHECK(!template_next_token(at, end, format, &token));
}

/* Returns the value of a token by its name; custom fields as the server has them. */
static LeadString
value_of(LeadString name, const TemplateValues *values)
{
	LOCAL_FCINFO(fcinfo, 2);
	bool		is_alias;
	LeadField	field = lead_find_field(name.data, name.length, &is_alias);
	Oid			output;
	bool		is_varlena;
	char	   *value = "";
	text	   *key;
	Datum		found;

	if (lead_name_is(name.data, name.length, "email"))
		return values->email;
	if (lead_name_is(name.data, name.length, TEMPLATE_UNSUBSCRIBE_URL))
		return values->unsubscribe_url;
	if (lead_name_is(name.data, name.length, TEMPLATE_POSTAL_ADDRESS))
		return values->postal_address;
	if (values->nulls[field])
		return (LeadString) {"", 0};
	if (field != LEAD_CUSTOM)
	{
		getTypeOutputInfo(lead_fields[field].type->column_type, &output, &is_varlena);
		value = OidOutputFunctionCall(output, values->fields[field]);
	}
	else
	{
		InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
		fcinfo->args[0] = (NullableDatum) {values->fields[field], false};
		key = cstring_to_text_with_len(name.data, name.length);
		fcinfo->args[1] = (NullableDatum) {PointerGetDatum(key), false};
		found = jsonb_object_field_text(fcinfo);
		if (!fcinfo->isnull)
			value = TextDatumGetCString(found);
	}
	return (LeadString) {value, strlen(value)};
}

static void
append_html(StringInfo output, LeadString value, bool has_lines)
{
	for (int i = 0; i < value.length; i++)
	{
		switch (value.data[i])
		{
			case '&':
				appendStringInfoString(output, "&amp;");
				break;
			case '<':
				appendStringInfoString(output, "&lt;");
				break;
			case '>':
				appendStringInfoString(output, "&gt;");
				break;
			case '"':
				appendStringInfoString(output, "&quot;");
				break;
			case '\'':
				appendStringInfoString(output, "&#39;");
				break;
			case '\n':
				appendStringInfoString(output, has_lines ? "<br>" : "\n");
				break;
			default:
				appendStringInfoChar(output, value.data[i]);
		}
	}
}

/* Appends a value as part of a URL. */
static void
append_url(StringInfo output, LeadString value)
{
	for (int i = 0; i < value.length; i++)
	{
		unsigned char c = value.data[i];

		if (c < 0x80 && (isalnum(c) || strchr("-._~", c)))
			appendStringInfoChar(output, c);
		else
			appendStringInfo(output, "%%%02X", c);
	}
}

/* Appends what a token shows in a body; random texts are numbered. */
static void
append_token(StringInfo output, const TemplateToken *token, const TemplateValues *values, int number)
{
	LeadString	value;

	if (token->is_random)
	{
		if (token->nchoices == 0)
			return;
		value = token->choices[hash_bytes_uint32_extended(2 * number, SEED) % token->nchoices];
		appendBinaryStringInfo(output, value.data, value.length);
		return;
	}
	value = value_of(token->name, values);
	if (lead_is_blank(&value))
		appendBinaryStringInfo(output, token->has_fallback ? token->fallback.data : "", token->fallback.length);
	else if (token->encodes)
		append_url(output, value);
	else
		append_html(output, value, lead_name_is(token->name.data, token->name.length, TEMPLATE_POSTAL_ADDRESS));
}

/* Goes through the tokens of a text; returns what a body of it should be. */
static char *
expected_body(LeadString text, const TemplateValues *values)
{
	const char *end = text.data + text.length;
	const char *at = text.data;
	int			nrandom = 0;
	StringInfoData output;
	TemplateToken token;

	initStringInfo(&output);
	for (;;)
	{
		bool		found = template_next_token(at, end, TEMPLATE_HTML, &token);
		const char *stop = found ? token.start : end;
		const char *ignored;

		if (found)
			check_token(&token, at, end, TEMPLATE_HTML);
		/* No token that is well formed stays in the text before it. */
		for (; at < stop; at++)
		{
			FUZZ_CHECK(!is_token(at, end, TEMPLATE_HTML, &ignored));
			appendStringInfoChar(&output, *at);
		}
		if (!found)
			return output.data;
		nrandom += token.is_random;
		append_token(&output, &token, values, nrandom);
		at = token.end;
	}
}

/* Renders a text behind what is there already, which stays. */
static StringInfo
render(LeadString text, TemplateFormat format, TemplateValues *values)
{
	StringInfo	output = makeStringInfo();
	Template   *template = template_compile(text.data, text.length, format);

	appendStringInfoString(output, "\n");
	FUZZ_CHECK(template_render(template, values, output));
	FUZZ_CHECK(output->data[0] == '\n' && output->len == (int) strlen(output->data));
	return output;
}

void
fuzz_template(const char *data, int length)
{
	const char *end = data + length;
	LeadString	text = fuzz_next_part(&data, end);
	LeadString	email = fuzz_next_part(&data, end);
	LeadString	string = fuzz_next_part(&data, end);
	Jsonb	   *custom = fuzz_jsonb(fuzz_next_part(&data, end));
	Datum		fields[LEAD_FIELDS] = {0};
	bool		nulls[LEAD_FIELDS];
	TemplateValues values = {
		.email = email, .fields = fields, .nulls = nulls, .unsubscribe_url = {URL, strlen(URL)},
		.postal_address = {ADDRESS, strlen(ADDRESS)}, .seed = SEED
	};
	JsonbValue	custom_root;
	Size		size = 0;
	StringInfo	output;
	char	   *expected;

	/* A database in UTF-8 has nothing else; the table has custom fields as objects alone. */
	if (!fuzz_is_utf8(text.data, text.length) || !fuzz_is_utf8(email.data, email.length) ||
		!fuzz_is_utf8(string.data, string.length))
		return;
	check_findings(text, TEMPLATE_LINE);
	check_findings(text, TEMPLATE_HTML);
	if (custom == NULL || !JB_ROOT_IS_OBJECT(custom))
		custom = fuzz_jsonb((LeadString) {"{}", 2});

	memset(nulls, true, sizeof(nulls));
	set_field(LEAD_FIRST_NAME, CStringGetTextDatum(pnstrdup(string.data, string.length)));
	set_field(LEAD_VALUE, fields[LEAD_FIRST_NAME]);
	set_field(LEAD_INTEREST_STATUS, Int32GetDatum(STATUS));
	set_field(LEAD_ASSIGNED_TO, UUIDPGetDatum(&assigned_to));
	set_field(LEAD_CUSTOM, JsonbPGetDatum(custom));

	/* No import takes a number that no double holds; one written by hand may be refused. */
	JsonbToJsonbValue(custom, &custom_root);
	if (!json_text_size(&custom_root, &size))
	{
		template_render(template_compile(text.data, text.length, TEMPLATE_LINE), &values,
						makeStringInfo());
		return;
	}

	expected = expected_body(text, &values);
	output = render(text, TEMPLATE_HTML, &values);
	FUZZ_CHECK(strcmp(output->data + 1, expected) == 0);

	output = render(text, TEMPLATE_LINE, &values);
	FUZZ_CHECK(!fuzz_has_control(output->data + 1, output->len - 1));
	FUZZ_CHECK(strstr(output->data, "\u2028") == NULL && strstr(output->data, "\u2029") == NULL);
	FUZZ_CHECK(fuzz_is_utf8(output->data, output->len));
}
