/*
 * campaign_call_step.c
 *		Reading the steps that a caller gives.
 *
 * What is null is as if it were left out.  Names of the second service are aliases; where
 * both are given, ours counts.  All that is wrong is told at once.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "campaign.h"
#include "campaign_call.h"
#include "compat.h"
#include "due.h"
#include "error.h"
#include "json.h"
#include "standard.h"

/* A step or a variant that is read, and where what is wrong with it is told. */
typedef struct StepReader
{
	JsonbContainer *object;
	int			index;			/* of the step */
	int			variant;		/* -1: it is the step itself */
	ErrorList  *errors;
} StepReader;

/* A name that a field goes by, and the second service's; NULL: it has none. */
typedef struct StepField
{
	const char *name;
	const char *alias;
} StepField;

static const StepField subject_field = {"subject", NULL};
static const StepField body_html_field = {"bodyHtml", NULL};
static const StepField body_text_field = {"bodyText", NULL};
static const StepField preheader_field = {"preheader", NULL};
static const StepField headers_field = {"headers", NULL};
static const StepField delay_minutes_field = {"delayDays", NULL};
static const StepField delay_field = {"delay", NULL};
static const StepField unit_field = {"delayUnit", "delay_unit"};
static const StepField variants_field = {"variants", NULL};
static const StepField variant_body_field = {"bodyHtml", "body"};
static const StepField weight_field = {"weight", NULL};
static const StepField disabled_field = {"disabled", "v_disabled"};

static const StepField *const step_fields[] = {
	&subject_field, &body_html_field, &body_text_field, &preheader_field, &headers_field,
	&delay_minutes_field, &delay_field, &unit_field, &variants_field
};
static const StepField *const variant_fields[] = {
	&subject_field, &variant_body_field, &body_text_field, &weight_field, &disabled_field
};

/* Notes what is wrong with a field. */
static void
add_error(const StepReader *reader, const char *name, const char *code, const char *message)
{
	error_list_add(reader->errors, reader->index,
				   reader->variant < 0 ? name :
				   psprintf("variants[%d].%s", reader->variant, name), code, message);
}

/* Finds a field; false if it is left out. */
static bool
find_field(const StepReader *reader, const StepField *field, JsonbValue *value)
{
	const char *names[] = {field->name, field->alias};

	for (size_t i = 0; i < lengthof(names) && names[i]; i++)
	{
		if (getKeyJsonValueFromContainer(reader->object, names[i], strlen(names[i]), value))
			return value->type != jbvNull;
	}
	return false;
}

/* Finds a field that is a string; false if it is left out, or none. */
static bool
find_string(const StepReader *reader, const StepField *field, JsonbValue *value)
{
	if (!find_field(reader, field, value))
		return false;
	if (value->type != jbvString)
		add_error(reader, field->name, "wrong_type", psprintf("%s must be a string", field->name));
	return value->type == jbvString;
}

/* Reads a field that is a whole number from 0 to another; false if it is left out. */
static bool
find_number(const StepReader *reader, const StepField *field, int most, int32 *number)
{
	JsonbValue	value;
	JsonResult	result;

	if (!find_field(reader, field, &value))
		return false;
	result = json_integer(&value, number);
	if (result != JSON_OK || *number < 0 || *number > most)
	{
		add_error(reader, field->name, result == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
				  psprintf("%s must be a whole number from 0 to %d", field->name, most));
		*number = 0;
	}
	return true;
}

/* Says whether a key is the name of one of some fields. */
static bool
is_among(const JsonbValue *key, const StepField *const *fields, int count)
{
	const char *given = key->val.string.val;
	int			length = key->val.string.len;

	for (int i = 0; i < count; i++)
	{
		if (lead_name_is(given, length, fields[i]->name) ||
			(fields[i]->alias && lead_name_is(given, length, fields[i]->alias)))
			return true;
	}
	return false;
}

/* Lists the keys that mean nothing: a misspelled delay would send a follow-up too early. */
static void
check_keys(const StepReader *reader, const StepField *const *fields, int count)
{
	JsonbIterator *iterator = json_iterate(reader->object);
	JsonbValue	key;
	JsonbValue	value;

	while (json_next_pair(&iterator, &key, &value))
	{
		if (!is_among(&key, fields, count))
			add_error(reader, pnstrdup(key.val.string.val, key.val.string.len), "unknown_field",
					  reader->variant < 0 ? "a step has no such field" :
					  "a variant has no such field");
	}
}

/* Reads a text of a step; null where it is left out. */
static void
read_text(const StepReader *reader, const StepField *field, CampaignSteps *steps,
		  CampaignStepColumn column)
{
	JsonbValue	value;
	bool		is_given = find_string(reader, field, &value);

	steps->nulls[column][reader->index] = !is_given;
	if (is_given)
		steps->values[column][reader->index] =
			PointerGetDatum(cstring_to_text_with_len(value.val.string.val, value.val.string.len));
}

/* Reads a delay with its unit, in minutes; false if it is left out. */
static bool
read_delay(const StepReader *reader, int32 *minutes)
{
	static const struct
	{
		const char *name;
		int			minutes;
	}			units[] = {
		{"days", MINS_PER_HOUR * HOURS_PER_DAY}, {"hours", MINS_PER_HOUR}, {"minutes", 1}
	};
	JsonbValue	value;
	int			unit = 0;

	if (find_string(reader, &unit_field, &value))
	{
		while (unit < (int) lengthof(units) &&
			   !lead_name_is(value.val.string.val, value.val.string.len, units[unit].name))
			unit++;
		if (!find_field(reader, &delay_field, &value))
			add_error(reader, "delayUnit", "invalid_value", "there is no delay that has this unit");
	}
	if (unit == lengthof(units))
	{
		add_error(reader, "delayUnit", "invalid_value", "delayUnit must be minutes, hours or days");
		unit = 0;
	}
	if (!find_number(reader, &delay_field, DUE_DELAY_MINUTES_MAX / units[unit].minutes, minutes))
		return false;
	*minutes *= units[unit].minutes;
	return true;
}

/* Reads the delay of a step, in either form. */
static void
read_step_delay(const StepReader *reader, CampaignSteps *steps)
{
	int32		days;
	int32		minutes;
	bool		has_days = find_number(reader, &delay_minutes_field, DUE_DELAY_DAYS_MAX, &days);
	bool		has_delay = read_delay(reader, &minutes);

	if (has_days && has_delay)
		add_error(reader, "delay", "invalid_value", "delayDays and delay are not given together");
	if (has_days)
		minutes = days * MINS_PER_HOUR * HOURS_PER_DAY;
	steps->nulls[CAMPAIGN_DELAY][reader->index] = !has_days && !has_delay;
	steps->values[CAMPAIGN_DELAY][reader->index] = Int32GetDatum(minutes);
}

/* Reads a header, and adds it to an object; what is wrong with it is told. */
static void
read_header(const StepReader *reader, JsonbValue *key, JsonbValue *value, JsonbParseState **headers)
{
	LeadString	name = {key->val.string.val, key->val.string.len};
	const char *field = psprintf("headers.%.*s", name.length, name.data);

	if (value->type == jbvNull)
		return;
	if (value->type != jbvString)
		add_error(reader, field, "wrong_type", "a header must be a string");
	if (!standard_is_header_name(name.data, name.length))
		add_error(reader, field, "invalid_value",
				  "a step has no header of this name: it is none, or delivery sets it");
	pushJsonbValue(headers, WJB_KEY, key);
	pushJsonbValue(headers, WJB_VALUE, value);
}

/* Reads the headers of a step; null where there are none. */
static void
read_headers(const StepReader *reader, CampaignSteps *steps)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbContainer *object;
	CampaignHeaders checked;
	JsonbValue	value;
	JsonbValue	key;
	Jsonb	   *headers;
	int			nerrors = reader->errors->total;

	steps->nulls[CAMPAIGN_HEADERS][reader->index] = true;
	if (!find_field(reader, &headers_field, &value))
		return;
	object = json_container(&value, true);
	if (object == NULL || JsonContainerSize(object) > CAMPAIGN_HEADERS_MAX)
	{
		add_error(reader, "headers", object ? "invalid_value" : "wrong_type",
				  psprintf("headers must be an object of at most %d", CAMPAIGN_HEADERS_MAX));
		return;
	}
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	iterator = json_iterate(object);
	while (json_next_pair(&iterator, &key, &value))
		read_header(reader, &key, &value, &state);
	headers = JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	if (reader->errors->total == nerrors && !campaign_read_headers(headers, &checked))
		add_error(reader, "headers", "invalid_value", "a header is given twice");
	steps->nulls[CAMPAIGN_HEADERS][reader->index] = JB_ROOT_COUNT(headers) == 0;
	steps->values[CAMPAIGN_HEADERS][reader->index] = JsonbPGetDatum(headers);
}

/* Adds a member to an object that is built. */
static void
push_member(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key = {.type = jbvString,.val.string = {strlen(name), (char *) name}};

	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* Reads a text of a variant; it must have one where the step has none. */
static void
read_variant_text(const StepReader *reader, const StepField *field, bool is_needed,
				  JsonbParseState **state)
{
	JsonbValue	value;

	if (find_string(reader, field, &value))
		push_member(state, field->name, &value);
	else if (is_needed && !find_field(reader, field, &value))
		add_error(reader, field->name, "missing",
				  psprintf("%s is missing, here and in the step", field->name));
}

/* Reads a variant, and adds it to an array; returns its weight, 0 where it is disabled. */
static int
read_variant(const StepReader *reader, const CampaignSteps *steps, JsonbParseState **state)
{
	JsonbValue	value;
	int32		weight = 1;
	bool		is_disabled = false;

	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	read_variant_text(reader, &subject_field, steps->nulls[CAMPAIGN_SUBJECT][reader->index], state);
	read_variant_text(reader, &variant_body_field,
					  steps->nulls[CAMPAIGN_BODY_HTML][reader->index], state);
	read_variant_text(reader, &body_text_field, false, state);
	if (find_number(reader, &weight_field, CAMPAIGN_WEIGHT_MAX, &weight))
	{
		value.type = jbvNumeric;
		value.val.numeric = int64_to_numeric(weight);
		push_member(state, "weight", &value);
	}
	if (find_field(reader, &disabled_field, &value))
	{
		if (value.type != jbvBool)
			add_error(reader, "disabled", "wrong_type", "disabled must be true or false");
		else
			is_disabled = value.val.boolean;
		push_member(state, "disabled", &value);
	}
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
	check_keys(reader, variant_fields, lengthof(variant_fields));
	return is_disabled ? 0 : weight;
}

/* Reads the variants of a step, whose own texts have been read; null where there are none. */
static void
read_variants(const StepReader *reader, CampaignSteps *steps)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator;
	JsonbContainer *array;
	JsonbValue	value;
	StepReader	variant = *reader;
	int			nerrors = reader->errors->total;
	int			total = 0;

	steps->nulls[CAMPAIGN_VARIANTS][reader->index] = true;
	if (!find_field(reader, &variants_field, &value))
		return;
	array = json_container(&value, false);
	if (array == NULL || JsonContainerSize(array) < 1 ||
		JsonContainerSize(array) > QUEUE_VARIANTS_MAX)
	{
		add_error(reader, "variants", array ? "invalid_value" : "wrong_type",
				  psprintf("variants must be an array of 1 to %d", QUEUE_VARIANTS_MAX));
		return;
	}
	pushJsonbValue(&state, WJB_BEGIN_ARRAY, NULL);
	iterator = json_iterate(array);
	while (json_next_element(&iterator, &value))
	{
		variant.object = json_container(&value, true);
		variant.variant++;
		if (variant.object)
			total += read_variant(&variant, steps, &state);
		else
			add_error(reader, psprintf("variants[%d]", variant.variant), "not_an_object",
					  "a variant must be an object");
	}
	if (reader->errors->total == nerrors && total == 0)
		add_error(reader, "variants", "invalid_value",
				  "no variant has a weight and is not disabled");
	steps->nvariants[reader->index] = variant.variant + 1;
	steps->nulls[CAMPAIGN_VARIANTS][reader->index] = false;
	steps->values[CAMPAIGN_VARIANTS][reader->index] =
		JsonbPGetDatum(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_ARRAY, NULL)));
}

/* Notes a text that a step must have where its variants do not stand for it. */
static void
require_text(const StepReader *reader, const StepField *field)
{
	JsonbValue	value;

	if (!find_field(reader, field, &value))
		add_error(reader, field->name, "missing", psprintf("%s is missing", field->name));
}

/* Reads a step. */
static void
read_step(const StepReader *reader, CampaignSteps *steps)
{
	JsonbValue	value;

	read_text(reader, &subject_field, steps, CAMPAIGN_SUBJECT);
	read_text(reader, &body_html_field, steps, CAMPAIGN_BODY_HTML);
	if (!find_field(reader, &variants_field, &value))
	{
		require_text(reader, &subject_field);
		require_text(reader, &body_html_field);
	}
	read_text(reader, &body_text_field, steps, CAMPAIGN_BODY_TEXT);
	read_text(reader, &preheader_field, steps, CAMPAIGN_PREHEADER);
	read_headers(reader, steps);
	read_step_delay(reader, steps);
	read_variants(reader, steps);
	check_keys(reader, step_fields, lengthof(step_fields));
}

/* Reads an argument of a function, from 0, that is an array of steps. */
CampaignSteps *
campaign_steps_argument(FunctionCallInfo fcinfo, int number)
{
	CampaignSteps *steps = palloc0(sizeof(CampaignSteps));
	JsonbContainer *array = NULL;
	JsonbIterator *iterator;
	JsonbValue	element;
	ErrorList	errors;

	if (!PG_ARGISNULL(number))
		array = json_array(&PG_GETARG_JSONB_P(number)->root);
	if (array == NULL)
		error_raise(ERROR_INVALID_REQUEST, "steps must be an array");
	if (JsonContainerSize(array) > QUEUE_STEPS_MAX)
		error_raise(ERROR_INVALID_REQUEST, "%u steps are more than %d",
					JsonContainerSize(array), QUEUE_STEPS_MAX);

	error_list_init(&errors);
	iterator = json_iterate(array);
	while (json_next_element(&iterator, &element))
	{
		StepReader	reader = {json_container(&element, true), steps->count++, -1, &errors};

		if (reader.object)
			read_step(&reader, steps);
		else
			error_list_add(&errors, reader.index, NULL, "not_an_object",
						   "a step must be an object");
	}
	if (errors.total > 0)
		error_list_raise(ERROR_INVALID_REQUEST, &errors, NULL, "steps are invalid");
	return steps;
}
