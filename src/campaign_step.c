/*
 * campaign_step.c
 *		The steps of campaigns: the table, and what may stand in it.
 *
 * Headers and variants are stored as callers give them, under one spelling and without
 * what was left out.  The check of the table and whoever renders read them here, and so
 * agree on what they may be.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "due.h"
#include "error.h"
#include "json.h"
#include "standard.h"
#include "statement.h"
#include "webhook.h"

PG_FUNCTION_INFO_V1(lt_step_is_valid);

#define STEP_TEXTS "subject, body_html, body_text, preheader, headers, variants"

static Statement find_delays = STATEMENT(
	"SELECT step, delay_minutes, " WEBHOOK_EVENTS("$1", "$2")
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND step >= 1"
	" ORDER BY step"
	" LIMIT " CppAsString2(QUEUE_STEPS_MAX),
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_fixed = STATEMENT(
	"SELECT step::integer, delay_minutes, CASE jsonb_typeof(variants)"
	" WHEN 'array' THEN jsonb_array_length(variants) ELSE 0 END"
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" ORDER BY step",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement copy_steps = STATEMENT(
	"INSERT INTO leadterra.steps"
	" (workspace_id, campaign_id, step, delay_minutes, " STEP_TEXTS ")"
	" SELECT workspace_id, $3, step, delay_minutes, " STEP_TEXTS
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID);

static Statement insert_steps = STATEMENT(
	"INSERT INTO leadterra.steps"
	" (workspace_id, campaign_id, step, delay_minutes, " STEP_TEXTS ")"
	" SELECT $1, $2, u.step, coalesce(u.delay_minutes, CASE u.step WHEN 1 THEN 0 ELSE 1440 END),"
	" " STEP_TEXTS
	" FROM unnest($3, $4, $5, $6, $7, $8, $9) WITH ORDINALITY"
	" AS u (" STEP_TEXTS ", delay_minutes, step)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
	JSONBARRAYOID, JSONBARRAYOID, INT4ARRAYOID);

static Statement delete_steps = STATEMENT(
	"DELETE FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/*
 * Reads the steps of a campaign, whose delays are fixed: those from the first one on
 * without a gap; and what webhooks want of it.  Its start is left out of the rules: what has
 * been claimed came after it.  Runs in SPI.
 */
void
campaign_read_steps(Datum workspace, Datum campaign, QueueSteps *steps)
{
	Datum		values[] = {workspace, campaign};
	uint64		found = statement_execute(&find_delays, values, NULL);

	steps->count = 0;
	steps->webhooks = NULL;
	for (uint64 i = 0; i < found; i++)
	{
		Datum		columns[3];
		bool		nulls[3];

		statement_row(i, columns, nulls);
		if (i == 0)
			steps->webhooks = webhook_read_events(columns[2], nulls[2]);
		if (DatumGetInt16(columns[0]) != steps->count + 1)
			break;
		steps->rules[steps->count++] = due_rule(DT_NOBEGIN, DatumGetInt32(columns[1]));
	}
}

/* Gives a campaign that has none steps.  Runs in SPI. */
void
campaign_insert_steps(Datum workspace, Datum campaign, CampaignSteps *steps)
{
	static const Oid types[CAMPAIGN_STEP_COLUMNS] = {
		[CAMPAIGN_SUBJECT] = TEXTOID, [CAMPAIGN_BODY_HTML] = TEXTOID,
		[CAMPAIGN_BODY_TEXT] = TEXTOID, [CAMPAIGN_PREHEADER] = TEXTOID,
		[CAMPAIGN_HEADERS] = JSONBOID, [CAMPAIGN_VARIANTS] = JSONBOID, [CAMPAIGN_DELAY] = INT4OID
	};
	Datum		values[2 + CAMPAIGN_STEP_COLUMNS] = {workspace, campaign};
	bool		nulls[2 + CAMPAIGN_STEP_COLUMNS] = {false};

	if (steps->count == 0)
		return;
	for (int i = 0; i < CAMPAIGN_STEP_COLUMNS; i++)
		values[2 + i] = statement_array(steps->values[i], steps->nulls[i], steps->count, types[i],
										&nulls[2 + i]);
	statement_execute(&insert_steps, values, nulls);
}

/* Gives a campaign that has none the steps of another, which its caller keeps.  Runs in SPI. */
void
campaign_copy_steps(Datum workspace, Datum campaign, Datum copy)
{
	Datum		values[] = {workspace, campaign, copy};

	statement_execute(&copy_steps, values, NULL);
}

/* Gives a campaign steps in place of those that it has.  Runs in SPI. */
void
campaign_replace_steps(Datum workspace, Datum campaign, CampaignSteps *steps)
{
	Datum		values[] = {workspace, campaign};

	statement_execute(&delete_steps, values, NULL);
	campaign_insert_steps(workspace, campaign, steps);
}

/* Raises an error where what is given in the place of a step lets go of what is fixed. */
static void
fit_step(CampaignSteps *steps, int i, Datum delay, int nvariants)
{
	if (steps->nvariants[i] < nvariants)
		error_raise(ERROR_SEQUENCE_FIXED,
					"step %d has %d variants: once a campaign has started, "
					"they are disabled and never removed", i + 1, nvariants);
	if (!steps->nulls[CAMPAIGN_DELAY][i] &&
		DatumGetInt32(steps->values[CAMPAIGN_DELAY][i]) != DatumGetInt32(delay))
		error_raise(ERROR_SEQUENCE_FIXED,
					"the delay of step %d is %d minutes: "
					"once a campaign has started, it is fixed", i + 1, DatumGetInt32(delay));
	steps->values[CAMPAIGN_DELAY][i] = delay;
	steps->nulls[CAMPAIGN_DELAY][i] = false;
}

/*
 * Raises PT409 unless steps may take the place of those of a campaign that was started:
 * messages name steps and variants by their numbers, and wait for a delay that runs.  So
 * these stay, and others come behind them.  A delay that was left out is the one there
 * is.  Runs in SPI.
 */
void
campaign_fit_steps(Datum workspace, Datum campaign, CampaignSteps *steps)
{
	Datum		values[] = {workspace, campaign};
	uint64		found = statement_execute(&find_fixed, values, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		columns[3];
		bool		nulls[3];
		int			step;

		statement_row(i, columns, nulls);
		step = DatumGetInt32(columns[0]);
		if (step > steps->count)
			error_raise(ERROR_SEQUENCE_FIXED,
						"the campaign has %d steps: once it has started, none is removed",
						(int) found);
		/* One of another number was written by hand. */
		if (step >= 1)
			fit_step(steps, step - 1, columns[1], DatumGetInt32(columns[2]));
	}
}

/* Says whether headers have one of a name, in any letter case. */
static bool
has_header(const CampaignHeaders *headers, const LeadString *name)
{
	for (int i = 0; i < headers->count; i++)
	{
		if (headers->names[i].length == name->length &&
			pg_strncasecmp(headers->names[i].data, name->data, name->length) == 0)
			return true;
	}
	return false;
}

/* Reads the headers of a row; false unless they are such as lt_set_steps() writes. */
bool
campaign_read_headers(const Jsonb *stored, CampaignHeaders *headers)
{
	JsonbContainer *object = (JsonbContainer *) &stored->root;
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;

	headers->count = 0;
	if (!JsonContainerIsObject(object) || JsonContainerSize(object) > CAMPAIGN_HEADERS_MAX)
		return false;
	iterator = json_iterate(object);
	while (json_next_pair(&iterator, &key, &value))
	{
		LeadString	name = {key.val.string.val, key.val.string.len};

		if (!standard_is_header_name(name.data, name.length) || has_header(headers, &name) ||
			value.type != jbvString)
			return false;
		headers->names[headers->count] = name;
		headers->values[headers->count++] =
			(LeadString) {value.val.string.val, value.val.string.len};
	}
	return true;
}

/* Reads a text of a variant, if it has one; false if it is none. */
static bool
read_text(JsonbContainer *variant, const char *name, LeadString *string)
{
	JsonbValue	value;

	*string = (LeadString) {NULL, 0};
	if (getKeyJsonValueFromContainer(variant, name, strlen(name), &value) == NULL)
		return true;
	*string = (LeadString) {value.val.string.val, value.val.string.len};
	return value.type == jbvString;
}

/* Reads the weight of a variant, 0 where it is disabled; false if it is none. */
static bool
read_weight(JsonbContainer *variant, int *weight)
{
	JsonbValue	value;
	int32		number = 1;

	if (getKeyJsonValueFromContainer(variant, "weight", 6, &value) &&
		(json_integer(&value, &number) != JSON_OK || number < 0 || number > CAMPAIGN_WEIGHT_MAX))
		return false;
	*weight = number;
	if (getKeyJsonValueFromContainer(variant, "disabled", 8, &value) == NULL)
		return true;
	if (value.type == jbvBool && value.val.boolean)
		*weight = 0;
	return value.type == jbvBool;
}

/*
 * Reads the variants of a row; false unless they are such as lt_set_steps() writes: then
 * one of them at least has a weight.
 */
bool
campaign_read_variants(const Jsonb *stored, CampaignVariants *variants)
{
	JsonbContainer *array = json_array((JsonbContainer *) &stored->root);
	JsonbIterator *iterator;
	JsonbValue	element;
	int			total = 0;

	variants->count = 0;
	if (array == NULL || JsonContainerSize(array) > QUEUE_VARIANTS_MAX)
		return false;
	iterator = json_iterate(array);
	while (json_next_element(&iterator, &element))
	{
		JsonbContainer *object = json_container(&element, true);
		CampaignVariant *variant = &variants->items[variants->count++];

		if (object == NULL || !read_text(object, "subject", &variant->subject) ||
			!read_text(object, "bodyHtml", &variant->body_html) ||
			!read_text(object, "bodyText", &variant->body_text) ||
			!read_weight(object, &variant->weight))
			return false;
		total += variant->weight;
	}
	return total > 0;
}

/* SQL: leadterra.step_is_valid(subject, body_html, headers, variants) */
Datum
lt_step_is_valid(PG_FUNCTION_ARGS)
{
	CampaignHeaders headers;
	CampaignVariants variants = {0};

	if ((!PG_ARGISNULL(2) && !campaign_read_headers(PG_GETARG_JSONB_P(2), &headers)) ||
		(!PG_ARGISNULL(3) && !campaign_read_variants(PG_GETARG_JSONB_P(3), &variants)) ||
		(variants.count == 0 && (PG_ARGISNULL(0) || PG_ARGISNULL(1))))
		PG_RETURN_BOOL(false);
	for (int i = 0; i < variants.count; i++)
	{
		if ((PG_ARGISNULL(0) && variants.items[i].subject.data == NULL) ||
			(PG_ARGISNULL(1) && variants.items[i].body_html.data == NULL))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(true);
}
