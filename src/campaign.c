/*
 * campaign.c
 *		Campaigns: creating, changing, starting, pausing and deleting them.
 *
 * Start and pause change the campaign's row and nothing else; what may be sent
 * follows from that row.  The counts of a campaign's state come from the view
 * leadterra.campaign_states.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "json.h"
#include "statement.h"
#include "template.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_create_campaign);
PG_FUNCTION_INFO_V1(lt_set_steps);
PG_FUNCTION_INFO_V1(lt_start_campaign);
PG_FUNCTION_INFO_V1(lt_pause_campaign);
PG_FUNCTION_INFO_V1(lt_rename_campaign);
PG_FUNCTION_INFO_V1(lt_set_campaign_owner);
PG_FUNCTION_INFO_V1(lt_copy_campaign);
PG_FUNCTION_INFO_V1(lt_delete_campaign);
PG_FUNCTION_INFO_V1(lt_enter_campaign);
PG_FUNCTION_INFO_V1(lt_keep_campaign);

/* Steps as a caller gives them, column by column. */
typedef struct StepList
{
	int			count;
	Datum		subjects[QUEUE_STEPS_MAX];
	Datum		bodies[QUEUE_STEPS_MAX];
	Datum		delays[QUEUE_STEPS_MAX];
	bool		no_delay[QUEUE_STEPS_MAX];	/* nothing was said of it */
} StepList;

/* Columns of find_state: those of lt_campaign_state, then the number of steps. */
enum
{
	STATE_ID,
	STATE_NAME,
	STATE_STATUS,
	STATE_CREATED_AT,
	STATE_STARTED_AT,
	STATE_PAUSED_AT,
	STATE_LEADS_ENROLLED,
	STATE_QUEUED_MESSAGES,
	STATE_STEPS,
	STATE_COLUMNS
};

static Statement find_campaign = STATEMENT(
	"SELECT status FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Does not conflict with start and pause, which change no key. */
static Statement keep_campaign = STATEMENT(
	"SELECT status FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement lock_campaign = STATEMENT(
	"SELECT status FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Strong enough at once: two steps could deadlock with a call that keeps it. */
static Statement lock_doomed_campaign = STATEMENT(
	"SELECT status FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement insert_campaign = STATEMENT(
	"INSERT INTO leadterra.campaigns (workspace_id, campaign_id, name)"
	" VALUES ($1, $2, $3)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID);

static Statement copy_campaign = STATEMENT(
	"INSERT INTO leadterra.campaigns (workspace_id, campaign_id, name, owner, variables)"
	" SELECT workspace_id, $3, coalesce($4, name || ' (copy)'), owner, variables"
	" FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, TEXTOID);

static Statement copy_steps = STATEMENT(
	"INSERT INTO leadterra.steps (workspace_id, campaign_id, step, subject, body_html, delay_days)"
	" SELECT workspace_id, $3, step, subject, body_html, delay_days"
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID);

static Statement insert_steps = STATEMENT(
	"INSERT INTO leadterra.steps (workspace_id, campaign_id, step, subject, body_html, delay_days)"
	" SELECT $1, $2, u.step, u.subject, u.body_html,"
	" coalesce(u.delay_days, CASE u.step WHEN 1 THEN 0 ELSE 1 END)"
	" FROM unnest($3, $4, $5) WITH ORDINALITY AS u (subject, body_html, delay_days, step)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID);

static Statement delete_steps = STATEMENT(
	"DELETE FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* Changes texts alone: a step whose delay is given otherwise is left out. */
static Statement update_steps = STATEMENT(
	"UPDATE leadterra.steps s"
	" SET subject = u.subject, body_html = u.body_html"
	" FROM unnest($3, $4, $5) WITH ORDINALITY AS u (subject, body_html, delay_days, step)"
	" WHERE s.workspace_id = $1 AND s.campaign_id = $2 AND s.step = u.step"
	" AND s.delay_days = coalesce(u.delay_days, s.delay_days)",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID);

static Statement find_steps = STATEMENT(
	"SELECT step FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_delays = STATEMENT(
	"SELECT step, delay_days FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND step >= 1"
	" ORDER BY step"
	" LIMIT " CppAsString2(QUEUE_STEPS_MAX),
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_state = STATEMENT(
	"SELECT campaign_id, name, status, created_at, started_at, paused_at,"
	" leads_enrolled, queued_messages, steps"
	" FROM leadterra.campaign_states"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement start_campaign = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET status = 'running', started_at = coalesce(started_at, $3), paused_at = NULL"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static Statement pause_campaign = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET status = 'paused', paused_at = $3"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'running'",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static Statement rename_campaign = STATEMENT(
	"UPDATE leadterra.campaigns SET name = $3"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TEXTOID);

static Statement set_owner = STATEMENT(
	"UPDATE leadterra.campaigns SET owner = $3"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, UUIDOID);

static Statement delete_campaign = STATEMENT(
	"DELETE FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* Raises the error for an id that is no campaign of the current workspace. */
static void
raise_not_found(Datum campaign)
{
	error_raise(ERROR_CAMPAIGN_NOT_FOUND, "campaign \"%s\" does not exist",
				error_uuid(campaign));
}

/*
 * Finds a campaign of a workspace, locks it as its use asks, and returns its
 * status.  Raises PT404 if there is none.  Runs in SPI.
 */
CampaignStatus
campaign_require(Datum workspace, Datum campaign, CampaignUse use)
{
	Datum		values[] = {workspace, campaign};
	uint64		found = 0;
	bool		isnull;
	char	   *status;

	switch (use)
	{
		case CAMPAIGN_READ_STABLE:
			found = statement_read(&find_campaign, values);
			break;
		case CAMPAIGN_READ:
			found = statement_execute(&find_campaign, values, NULL);
			break;
		case CAMPAIGN_KEEP:
			found = statement_execute(&keep_campaign, values, NULL);
			break;
		case CAMPAIGN_CHANGE:
			found = statement_execute(&lock_campaign, values, NULL);
			break;
		case CAMPAIGN_DELETE:
			found = statement_execute(&lock_doomed_campaign, values, NULL);
			break;
	}
	if (found == 0)
		raise_not_found(campaign);

	status = TextDatumGetCString(statement_value(0, 1, &isnull));
	return strcmp(status, "draft") == 0 ? CAMPAIGN_DRAFT :
		strcmp(status, "running") == 0 ? CAMPAIGN_RUNNING : CAMPAIGN_PAUSED;
}

/*
 * Reads the steps of a campaign, whose number and delays are fixed: those from the
 * first one on without a gap.  Runs in SPI.
 */
void
campaign_read_steps(Datum workspace, Datum campaign, QueueSteps *steps)
{
	Datum		values[] = {workspace, campaign};
	uint64		found = statement_execute(&find_delays, values, NULL);

	steps->count = 0;
	for (uint64 i = 0; i < found; i++)
	{
		Datum		columns[2];
		bool		nulls[2];

		statement_row(i, columns, nulls);
		if (DatumGetInt16(columns[0]) != steps->count + 1)
			break;
		steps->delay_days[steps->count++] = Max(0, Min(DatumGetInt32(columns[1]), QUEUE_DELAY_DAYS_MAX));
	}
}

/* Returns an argument of a function, from 0, which names a campaign. */
Datum
campaign_argument(FunctionCallInfo fcinfo, int number)
{
	error_if_null(number, "campaign_id");
	return PG_GETARG_DATUM(number);
}

/* Reads the subject or body of a step. */
static void
read_step_text(JsonbContainer *step, const char *name, int index, Datum *result, ErrorList *errors)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(step, name, strlen(name), &value) == NULL)
		error_list_add(errors, index, name, "missing", psprintf("%s is missing", name));
	else if (value.type != jbvString)
		error_list_add(errors, index, name, "wrong_type", psprintf("%s must be a string", name));
	else
		*result = PointerGetDatum(cstring_to_text_with_len(value.val.string.val,
														   value.val.string.len));
}

/* Reads the delay of a step; false if it says nothing of one. */
static bool
read_step_delay(JsonbContainer *step, int index, Datum *result, ErrorList *errors)
{
	JsonbValue	value;
	int32		days = 0;
	JsonResult	status;

	if (getKeyJsonValueFromContainer(step, "delayDays", 9, &value) == NULL || value.type == jbvNull)
		return false;

	status = json_integer(&value, &days);
	if (status != JSON_OK || days < 0 || days > QUEUE_DELAY_DAYS_MAX)
		error_list_add(errors, index, "delayDays",
					   status == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
					   psprintf("delayDays must be a whole number from 0 to %d", QUEUE_DELAY_DAYS_MAX));
	*result = Int32GetDatum(days);
	return true;
}

/*
 * Lists the keys of a step that mean nothing: a misspelled delayDays would
 * send a follow-up too early.
 */
static void
check_step_keys(JsonbContainer *step, int index, ErrorList *errors)
{
	JsonbIterator *iterator = json_iterate(step);
	JsonbValue	key;
	JsonbValue	value;

	while (json_next_pair(&iterator, &key, &value))
	{
		char	   *name = pnstrdup(key.val.string.val, key.val.string.len);

		if (strcmp(name, "subject") != 0 && strcmp(name, "bodyHtml") != 0 &&
			strcmp(name, "delayDays") != 0)
			error_list_add(errors, index, name, "unknown_field", "a step has no such field");
	}
}

/* Reads the argument that is an array of steps. */
static StepList *
steps_argument(FunctionCallInfo fcinfo)
{
	StepList   *steps = palloc0(sizeof(StepList));
	JsonbContainer *array = NULL;
	JsonbIterator *iterator;
	JsonbValue	element;
	ErrorList	errors;

	if (!PG_ARGISNULL(1))
		array = json_array(&PG_GETARG_JSONB_P(1)->root);
	if (array == NULL)
		error_raise(ERROR_INVALID_REQUEST, "steps must be an array");
	if (JsonContainerSize(array) > QUEUE_STEPS_MAX)
		error_raise(ERROR_INVALID_REQUEST, "%u steps are more than %d",
					JsonContainerSize(array), QUEUE_STEPS_MAX);

	error_list_init(&errors);
	iterator = json_iterate(array);
	while (json_next_element(&iterator, &element))
	{
		JsonbContainer *step = json_container(&element, true);
		int			i = steps->count++;

		if (step == NULL)
		{
			error_list_add(&errors, i, NULL, "not_an_object", "a step must be an object");
			continue;
		}
		read_step_text(step, "subject", i, &steps->subjects[i], &errors);
		read_step_text(step, "bodyHtml", i, &steps->bodies[i], &errors);
		steps->no_delay[i] = !read_step_delay(step, i, &steps->delays[i], &errors);
		check_step_keys(step, i, &errors);
	}
	if (errors.total > 0)
		error_list_raise(ERROR_INVALID_REQUEST, &errors, NULL, "steps are invalid");
	return steps;
}

/* Runs a statement whose last parameters are the columns of steps. */
static uint64
write_steps(Statement *statement, Datum workspace, Datum campaign, StepList *steps)
{
	Datum		values[5] = {workspace, campaign};
	bool		nulls[5] = {false};

	if (steps->count == 0)
		return 0;
	values[2] = statement_array(steps->subjects, NULL, steps->count, TEXTOID, &nulls[2]);
	values[3] = statement_array(steps->bodies, NULL, steps->count, TEXTOID, &nulls[3]);
	values[4] = statement_array(steps->delays, steps->no_delay, steps->count, INT4OID, &nulls[4]);
	return statement_execute(statement, values, nulls);
}

/* SQL: lt_create_campaign(name, steps) */
Datum
lt_create_campaign(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		values[] = {context_enter("campaigns:create"), UUIDPGetDatum(id), error_name_argument(fcinfo, 0, "campaign")};
	StepList   *steps = steps_argument(fcinfo);

	uuid7_generate(id);
	statement_connect();
	context_make_workspace();
	statement_execute(&insert_campaign, values, NULL);
	write_steps(&insert_steps, values[0], values[1], steps);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_set_steps(campaign_id, steps) */
Datum
lt_set_steps(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("campaigns:update"), campaign_argument(fcinfo, 0)};
	StepList   *steps = steps_argument(fcinfo);

	statement_connect();
	switch (campaign_require(values[0], values[1], CAMPAIGN_CHANGE))
	{
		case CAMPAIGN_DRAFT:
			statement_execute(&delete_steps, values, NULL);
			write_steps(&insert_steps, values[0], values[1], steps);
			break;
		case CAMPAIGN_PAUSED:
			if (statement_execute(&find_steps, values, NULL) != (uint64) steps->count ||
				write_steps(&update_steps, values[0], values[1], steps) != (uint64) steps->count)
				error_raise(ERROR_SEQUENCE_FIXED,
							"number and delays of steps are fixed once a campaign has started");
			break;
		case CAMPAIGN_RUNNING:
			error_raise(ERROR_CAMPAIGN_RUNNING, "steps of a running campaign cannot be changed");
	}
	statement_finish();
	PG_RETURN_VOID();
}

/* Reads the state of a campaign, which exists; the result lives in SPI memory. */
static void
read_state(Datum *key, Datum *values, bool *nulls)
{
	if (statement_execute(&find_state, key, NULL) != 1)
		elog(ERROR, "campaign without a state");
	statement_row(0, values, nulls);
}

/* Ends SPI and returns the state of a campaign as the result of a function. */
static Datum
return_state(FunctionCallInfo fcinfo, Datum *key)
{
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];
	Datum		result;

	read_state(key, values, nulls);
	result = statement_result(fcinfo, values, nulls, STATE_STEPS);
	statement_finish();
	return result;
}

/* SQL: lt_start_campaign(campaign_id) */
Datum
lt_start_campaign(PG_FUNCTION_ARGS)
{
	Datum		key[] = {context_enter("campaigns:update"), campaign_argument(fcinfo, 0),
	TimestampTzGetDatum(context_time())};
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];

	statement_connect();
	if (campaign_require(key[0], key[1], CAMPAIGN_CHANGE) != CAMPAIGN_RUNNING)
	{
		read_state(key, values, nulls);
		if (DatumGetInt64(values[STATE_STEPS]) == 0)
			error_raise(ERROR_NO_SEQUENCE_STEPS, "campaign \"%s\" has no steps",
						TextDatumGetCString(values[STATE_NAME]));
		if (DatumGetInt64(values[STATE_LEADS_ENROLLED]) == 0)
			error_raise(ERROR_NO_LEADS_ENROLLED, "campaign \"%s\" has no leads",
						TextDatumGetCString(values[STATE_NAME]));
		statement_execute(&start_campaign, key, NULL);
		queue_notify();
	}
	return return_state(fcinfo, key);
}

/* SQL: lt_pause_campaign(campaign_id) */
Datum
lt_pause_campaign(PG_FUNCTION_ARGS)
{
	Datum		key[] = {context_enter("campaigns:update"), campaign_argument(fcinfo, 0),
	TimestampTzGetDatum(context_time())};

	statement_connect();
	if (campaign_require(key[0], key[1], CAMPAIGN_CHANGE) == CAMPAIGN_RUNNING)
		statement_execute(&pause_campaign, key, NULL);
	return return_state(fcinfo, key);
}

/* SQL: lt_rename_campaign(campaign_id, name) */
Datum
lt_rename_campaign(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("campaigns:update"), campaign_argument(fcinfo, 0), error_name_argument(fcinfo, 1, "campaign")};

	statement_connect();
	if (statement_execute(&rename_campaign, values, NULL) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_set_campaign_owner(campaign_id, owner) */
Datum
lt_set_campaign_owner(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("campaigns:update"), campaign_argument(fcinfo, 0), PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1)};
	bool		nulls[] = {false, false, PG_ARGISNULL(1)};

	statement_connect();
	if (statement_execute(&set_owner, values, nulls) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_copy_campaign(campaign_id, name) */
Datum
lt_copy_campaign(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		values[4] = {context_enter("campaigns:create"), campaign_argument(fcinfo, 0), UUIDPGetDatum(id)};
	bool		nulls[4] = {false, false, false, PG_ARGISNULL(1)};

	if (!nulls[3])
		values[3] = error_name_argument(fcinfo, 1, "campaign");

	uuid7_generate(id);
	statement_connect();
	/* Nobody deletes it between the two statements. */
	campaign_require(values[0], values[1], CAMPAIGN_KEEP);
	statement_execute(&copy_campaign, values, nulls);
	statement_execute(&copy_steps, values, NULL);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_delete_campaign(campaign_id) */
Datum
lt_delete_campaign(PG_FUNCTION_ARGS)
{
	Datum		key[] = {context_enter("campaigns:delete"), campaign_argument(fcinfo, 0)};

	statement_connect();
	if (campaign_require(key[0], key[1], CAMPAIGN_DELETE) == CAMPAIGN_RUNNING)
		error_raise(ERROR_CAMPAIGN_RUNNING, "a running campaign cannot be deleted");
	statement_execute(&delete_campaign, key, NULL);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: leadterra.enter_campaign(scope, campaign_id) */
Datum
lt_enter_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter_argument(fcinfo);
	Datum		campaign = campaign_argument(fcinfo, 1);

	statement_connect();
	campaign_require(workspace, campaign, CAMPAIGN_READ_STABLE);
	statement_finish();
	PG_RETURN_DATUM(campaign);
}

/* SQL: leadterra.keep_campaign(workspace, campaign_id) */
Datum
lt_keep_campaign(PG_FUNCTION_ARGS)
{
	Datum		campaign = campaign_argument(fcinfo, 1);

	statement_connect();
	campaign_require(PG_GETARG_DATUM(0), campaign, CAMPAIGN_KEEP);
	statement_finish();
	PG_RETURN_VOID();
}
