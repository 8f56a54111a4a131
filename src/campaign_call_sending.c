/*
 * campaign_call_sending.c
 *		The call that says when, how much and by whom a campaign sends.
 */
#include "postgres.h"

#include "fmgr.h"

#include "campaign.h"
#include "campaign_sending.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "setting.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_set_sending);

/* SQL: lt_set_sending(campaign_id, settings) */
Datum
lt_set_sending(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	CampaignSending before;
	SettingPatch patch;
	SettingValues settings;
	ErrorList	errors;

	error_list_init(&errors);
	setting_read(fcinfo, 1, campaign_settings, CAMPAIGN_SETTINGS, &patch, &errors);
	setting_raise(&errors);
	statement_connect();
	campaign_lock_sending(workspace, campaign, &before);
	settings = before.settings;
	setting_apply(&patch, CAMPAIGN_SETTINGS, &settings);
	campaign_set_sending(workspace, campaign, &before, &settings);
	queue_notify();
	statement_finish();
	PG_RETURN_VOID();
}
