/*
 * campaign_call_sending.c
 *		The calls that say when, how much and by whom a campaign sends.
 */
#include "postgres.h"

#include "fmgr.h"

#include "campaign.h"
#include "campaign_call.h"
#include "campaign_sending.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "setting.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_set_sending);
PG_FUNCTION_INFO_V1(lt_draft_campaign);

/* Reads an argument of a function, from 0, that has settings of a campaign. */
static void
read_settings(FunctionCallInfo fcinfo, int number, SettingPatch *patch)
{
	ErrorList	errors;

	error_list_init(&errors);
	setting_read(fcinfo, number, campaign_settings, CAMPAIGN_SETTINGS, patch, &errors);
	setting_raise(&errors);
}

/* Changes settings of a campaign.  Runs in SPI. */
static void
change_settings(Datum workspace, Datum campaign, const SettingPatch *patch)
{
	CampaignSending before;
	SettingValues settings;

	campaign_lock_sending(workspace, campaign, &before);
	settings = before.settings;
	setting_apply(patch, CAMPAIGN_SETTINGS, &settings);
	campaign_set_sending(workspace, campaign, &before, &settings);
}

/* SQL: lt_set_sending(campaign_id, settings) */
Datum
lt_set_sending(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	SettingPatch patch;

	read_settings(fcinfo, 1, &patch);
	statement_connect();
	change_settings(workspace, campaign, &patch);
	queue_notify();
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_draft_campaign(name, steps, settings, owner) */
Datum
lt_draft_campaign(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		workspace = context_enter("campaigns:create");
	Datum		name = error_name_argument(fcinfo, 0, "campaign");
	CampaignSteps *steps = campaign_steps_argument(fcinfo, 1);
	SettingPatch patch;

	read_settings(fcinfo, 2, &patch);
	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	campaign_insert(workspace, UUIDPGetDatum(id), name);
	campaign_insert_steps(workspace, UUIDPGetDatum(id), steps);
	change_settings(workspace, UUIDPGetDatum(id), &patch);
	if (!PG_ARGISNULL(3))
		campaign_set_owner(workspace, UUIDPGetDatum(id), PG_GETARG_DATUM(3));
	statement_finish();
	PG_RETURN_UUID_P(id);
}
