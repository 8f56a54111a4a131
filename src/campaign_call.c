/*
 * campaign_call.c
 *		Calls on campaigns: creating, changing, starting, pausing and deleting them.
 *
 * The counts of a campaign's state come from the view leadterra.campaign_states.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "campaign_call.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_create_campaign);
PG_FUNCTION_INFO_V1(lt_set_steps);
PG_FUNCTION_INFO_V1(lt_start_campaign);
PG_FUNCTION_INFO_V1(lt_pause_campaign);
PG_FUNCTION_INFO_V1(lt_rename_campaign);
PG_FUNCTION_INFO_V1(lt_set_campaign_owner);
PG_FUNCTION_INFO_V1(lt_copy_campaign);
PG_FUNCTION_INFO_V1(lt_delete_campaign);

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

static Statement find_state = STATEMENT(
	"SELECT campaign_id, name, status, created_at, started_at, paused_at,"
	" leads_enrolled, queued_messages, steps"
	" FROM leadterra.campaign_states"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* SQL: lt_create_campaign(name, steps) */
Datum
lt_create_campaign(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		workspace = context_enter("campaigns:create");
	Datum		name = error_name_argument(fcinfo, 0, "campaign");
	CampaignSteps *steps = campaign_steps_argument(fcinfo, 1);

	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	campaign_insert(workspace, UUIDPGetDatum(id), name);
	campaign_insert_steps(workspace, UUIDPGetDatum(id), steps);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_set_steps(campaign_id, steps) */
Datum
lt_set_steps(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	CampaignSteps *steps = campaign_steps_argument(fcinfo, 1);

	statement_connect();
	switch (campaign_lock(workspace, campaign))
	{
		case CAMPAIGN_DRAFT:
			campaign_replace_steps(workspace, campaign, steps);
			break;
		case CAMPAIGN_PAUSED:
			campaign_fit_steps(workspace, campaign, steps);
			campaign_replace_steps(workspace, campaign, steps);
			break;
		case CAMPAIGN_RUNNING:
			error_raise(ERROR_CAMPAIGN_RUNNING, "steps of a running campaign cannot be changed");
	}
	statement_finish();
	PG_RETURN_VOID();
}

/* Reads the state of a campaign, which exists; the result lives in SPI memory. */
static void
read_state(Datum workspace, Datum campaign, Datum *values, bool *nulls)
{
	Datum		key[] = {workspace, campaign};

	if (statement_execute(&find_state, key, NULL) != 1)
		elog(ERROR, "campaign without a state");
	statement_row(0, values, nulls);
}

/* Ends SPI and returns the state of a campaign as the result of a function. */
static Datum
return_state(FunctionCallInfo fcinfo, Datum workspace, Datum campaign)
{
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];
	Datum		result;

	read_state(workspace, campaign, values, nulls);
	result = statement_result(fcinfo, values, nulls, STATE_STEPS);
	statement_finish();
	return result;
}

/* SQL: lt_start_campaign(campaign_id) */
Datum
lt_start_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	Datum		values[STATE_COLUMNS];
	bool		nulls[STATE_COLUMNS];

	statement_connect();
	if (campaign_lock(workspace, campaign) != CAMPAIGN_RUNNING)
	{
		read_state(workspace, campaign, values, nulls);
		if (DatumGetInt64(values[STATE_STEPS]) == 0)
			error_raise(ERROR_NO_SEQUENCE_STEPS, "campaign \"%s\" has no steps",
						TextDatumGetCString(values[STATE_NAME]));
		if (DatumGetInt64(values[STATE_LEADS_ENROLLED]) == 0)
			error_raise(ERROR_NO_LEADS_ENROLLED, "campaign \"%s\" has no leads",
						TextDatumGetCString(values[STATE_NAME]));
		campaign_start(workspace, campaign, context_time());
		queue_notify();
		campaign_warn_of_texts(workspace, campaign, TextDatumGetCString(values[STATE_NAME]));
	}
	return return_state(fcinfo, workspace, campaign);
}

/* SQL: lt_pause_campaign(campaign_id) */
Datum
lt_pause_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);

	statement_connect();
	if (campaign_lock(workspace, campaign) == CAMPAIGN_RUNNING)
		campaign_pause(workspace, campaign, context_time());
	return return_state(fcinfo, workspace, campaign);
}

/* SQL: lt_rename_campaign(campaign_id, name) */
Datum
lt_rename_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	Datum		name = error_name_argument(fcinfo, 1, "campaign");

	statement_connect();
	campaign_rename(workspace, campaign, name);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_set_campaign_owner(campaign_id, owner) */
Datum
lt_set_campaign_owner(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);

	statement_connect();
	campaign_set_owner(workspace, campaign, PG_ARGISNULL(1) ? (Datum) 0 : PG_GETARG_DATUM(1));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_copy_campaign(campaign_id, name) */
Datum
lt_copy_campaign(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		workspace = context_enter("campaigns:create");
	Datum		campaign = campaign_argument(fcinfo, 0);
	Datum		name = PG_ARGISNULL(1) ? (Datum) 0 : error_name_argument(fcinfo, 1, "campaign");

	uuid7_generate(id);
	statement_connect();
	/* Nobody deletes it between the two statements. */
	campaign_keep(workspace, campaign);
	campaign_copy(workspace, campaign, UUIDPGetDatum(id), name);
	campaign_copy_steps(workspace, campaign, UUIDPGetDatum(id));
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_delete_campaign(campaign_id) */
Datum
lt_delete_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:delete");
	Datum		campaign = campaign_argument(fcinfo, 0);

	statement_connect();
	if (campaign_lock_doomed(workspace, campaign) == CAMPAIGN_RUNNING)
		error_raise(ERROR_CAMPAIGN_RUNNING, "a running campaign cannot be deleted");
	campaign_delete(workspace, campaign);
	statement_finish();
	PG_RETURN_VOID();
}
