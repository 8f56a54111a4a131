/*
 * template.c
 *		Fuzz target: finding tokens in a text and filling them in.
 *
 * An input is the text, the address, a string, and custom fields as JSON.  What
 * is rendered is compared with what a slow and simple reading of the rules in
 * src/template.c gives, and custom fields with what the server says they are.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/uuid.h"

#include "fuzz.h"
#include "json.h"
#include "template.h"

#define STATUS (-1)
#define URL "https://example.com/?a=1&b=2"

#define set_field(field, value) (nulls[field] = false, fields[field] = (value))

static const pg_uuid_t assigned_to = {{0x01, 0x97, 0xc0, 0x43}};

/* Says whether a token starts at a place, and where it and its name end. */
static bool
is_token(const char *text, const char *end, const char **token_end, const char **name_end)
{
	bool		has_name = false;
	bool		in_name = true;

	if (end - text < 2 || text[0] != '{' || text[1] != '{')
		return false;
	*name_end = NULL;
	for (const char *p = text + 2; p + 1 < end; p++)
	{
		if (p[0] == '}' && p[1] == '}')
		{
			*token_end = p + 2;
			if (in_name)
				*name_end = p;
			return has_name;
		}
		if (strchr("{}\x7f", *p) || (unsigned char) *p < ' ')
			return false;
		if (*p == '|' && in_name)
		{
			in_name = false;
			*name_end = p;
		}
		else if (*p != ' ' && in_name)
			has_name = true;
	}
	return false;
}

/* A token lies inside the text, and has the form that it should have. */
static void
check_token(const TemplateToken *token, const char *text, const char *end)
{
	const char *token_end;
	const char *name_end;

	FUZZ_CHECK(token->start >= text && token->end <= end);
	FUZZ_CHECK(is_token(token->start, end, &token_end, &name_end));
	FUZZ_CHECK(token->end == token_end);
	FUZZ_CHECK(token->name >= token->start + 2 && token->name_length > 0);
	FUZZ_CHECK(token->name + token->name_length <= name_end);
	FUZZ_CHECK(token->name[0] != ' ' && token->name[token->name_length - 1] != ' ');
	FUZZ_CHECK((token->fallback == NULL) == (name_end == token->end - 2));
	if (token->fallback != NULL)
	{
		FUZZ_CHECK(token->fallback > name_end && token->fallback_length >= 0);
		FUZZ_CHECK(token->fallback + token->fallback_length <= token->end - 2);
	}
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
append_html(StringInfo output, LeadString value)
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
			default:
				appendStringInfoChar(output, value.data[i]);
		}
	}
}

/* Goes through the tokens of a text; returns what a body of it should be. */
static char *
expected_body(LeadString text, const TemplateValues *values, bool *has_unsubscribe_url)
{
	const char *end = text.data + text.length;
	const char *at = text.data;
	StringInfoData output;
	TemplateToken token;

	initStringInfo(&output);
	*has_unsubscribe_url = false;
	for (;;)
	{
		bool		found = template_next_token(at, end, &token);
		const char *stop = found ? token.start : end;
		const char *ignored;
		LeadString	value;

		if (found)
			check_token(&token, at, end);
		/* No token that is well formed stays in the text before it. */
		for (; at < stop; at++)
		{
			FUZZ_CHECK(!is_token(at, end, &ignored, &ignored));
			appendStringInfoChar(&output, *at);
		}
		if (!found)
			return output.data;

		value = value_of((LeadString) {token.name, token.name_length}, values);
		if (lead_is_blank(&value))
			appendBinaryStringInfo(&output, token.fallback ? token.fallback : "",
								   token.fallback_length);
		else
			append_html(&output, value);
		*has_unsubscribe_url |= lead_name_is(token.name, token.name_length,
											 TEMPLATE_UNSUBSCRIBE_URL);
		at = token.end;
	}
}

/* Renders a text behind what is there already, which stays. */
static StringInfo
render(LeadString text, TemplateFormat format, TemplateValues *values, bool has_unsubscribe_url)
{
	StringInfo	output = makeStringInfo();
	Template   *template = template_compile(text.data, text.length, format);

	FUZZ_CHECK(template_has_unsubscribe_url(template) == has_unsubscribe_url);
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
	bool		has_unsubscribe_url;
	TemplateValues values = {
		.email = email, .fields = fields, .nulls = nulls, .unsubscribe_url = {URL, strlen(URL)}
	};
	JsonbValue	custom_root;
	Size		size = 0;
	StringInfo	output;
	char	   *expected;

	/* A database in UTF-8 has nothing else; the table has custom fields as objects alone. */
	if (!fuzz_is_utf8(text.data, text.length) || !fuzz_is_utf8(email.data, email.length) ||
		!fuzz_is_utf8(string.data, string.length))
		return;
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

	expected = expected_body(text, &values, &has_unsubscribe_url);
	output = render(text, TEMPLATE_HTML, &values, has_unsubscribe_url);
	FUZZ_CHECK(strcmp(output->data + 1, expected) == 0);

	output = render(text, TEMPLATE_LINE, &values, has_unsubscribe_url);
	FUZZ_CHECK(!fuzz_has_control(output->data + 1, output->len - 1));
	FUZZ_CHECK(strstr(output->data, "\u2028") == NULL && strstr(output->data, "\u2029") == NULL);
	FUZZ_CHECK(fuzz_is_utf8(output->data, output->len));
}
