/*
 * campaign_sending.c
 *		When, how much and by whom a campaign sends: its settings.
 *
 * What a campaign with limits has used of them is a row of its own, which is there as long
 * as it has any.  The first limit counts what was handed out before.  So nobody claims
 * from a campaign while its settings change.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "campaign_sending.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"
#include "window.h"

/* Messages a day at most, so that no sum of them overflows. */
#define MESSAGES_MAX 1000000000

/* Columns of the settings. */
#define SETTING_COLUMNS \
	"pool_id, schedule, daily_limit, daily_new_leads, new_leads_first, bounce_limit," \
	" stop_on_auto_reply"

const Setting campaign_settings[CAMPAIGN_SETTINGS] = {
	[CAMPAIGN_POOL] = {"poolId", .kind = SETTING_ID},
	[CAMPAIGN_SCHEDULE] = {"schedule", "campaign_schedule", .kind = SETTING_SCHEDULE},
	[CAMPAIGN_DAILY_LIMIT] = {
		"dailyLimit", "daily_limit", .kind = SETTING_NUMBER, .most = MESSAGES_MAX
	},
	[CAMPAIGN_DAILY_NEW_LEADS] = {
		"dailyNewLeads", "daily_max_leads", .kind = SETTING_NUMBER, .most = MESSAGES_MAX
	},
	[CAMPAIGN_NEW_LEADS_FIRST] = {
		"newLeadsFirst", "prioritize_new_leads", .kind = SETTING_FLAG, .fallback = "false"
	},
	[CAMPAIGN_BOUNCE_LIMIT] = {"bounceLimit", .kind = SETTING_SHARE},
	[CAMPAIGN_STOP_ON_AUTO_REPLY] = {
		"stopOnAutoReply", "stop_on_auto_reply", .kind = SETTING_FLAG, .fallback = "false"
	}
};

/* Against claims, too, which keep the campaign: they go on to another one. */
static Statement lock_sending = STATEMENT(
	"SELECT " SETTING_COLUMNS ", status = 'draft',"
	" coalesce(schedule #>> '{schedules,0,timezone}', 'UTC')"
	" FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement update_sending = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET pool_id = $3, schedule = $4, daily_limit = $5, daily_new_leads = $6,"
	" new_leads_first = $7, bounce_limit = $8, stop_on_auto_reply = $9"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, UUIDOID, JSONBOID, INT4OID, INT4OID, BOOLOID, FLOAT8OID,
	BOOLOID);

static Statement change_pool = STATEMENT(
	"SELECT leadterra.change_pool($1, $2, $3, $4)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID, UUIDOID);

/* By what was handed out and sent until now. */
static Statement count_usage = STATEMENT(
	"INSERT INTO leadterra.campaign_usage AS t"
	" (workspace_id, campaign_id, used_on, handed, new_leads, sent, refused, bounced)"
	" SELECT $1, $2, $3, u.handed, u.new_leads, u.sent, u.refused, u.bounced"
	" FROM leadterra.campaigns c"
	" CROSS JOIN LATERAL leadterra.count_usage($1, $2, $4, c.resumed_at) u"
	" WHERE c.workspace_id = $1 AND c.campaign_id = $2"
	" ON CONFLICT (workspace_id, campaign_id) DO UPDATE"
	" SET (used_on, handed, new_leads) = (SELECT"
	" CASE WHEN $5 THEN excluded.used_on ELSE t.used_on END,"
	" CASE WHEN $5 THEN excluded.handed ELSE t.handed END,"
	" CASE WHEN $5 THEN excluded.new_leads ELSE t.new_leads END),"
	" (sent, refused, bounced) = (SELECT"
	" CASE WHEN $6 THEN excluded.sent ELSE t.sent END,"
	" CASE WHEN $6 THEN excluded.refused ELSE t.refused END,"
	" CASE WHEN $6 THEN excluded.bounced ELSE t.bounced END)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, DATEOID, TIMESTAMPTZOID, BOOLOID, BOOLOID);

static Statement delete_usage = STATEMENT(
	"DELETE FROM leadterra.campaign_usage"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

static Statement find_stops_on_auto_reply = STATEMENT(
	"SELECT FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND stop_on_auto_reply",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Locks a campaign against changes and claims; raises PT404 if there is none.  Runs in SPI. */
void
campaign_lock_sending(Datum workspace, Datum campaign, CampaignSending *sending)
{
	Datum		key[] = {workspace, campaign};
	Datum		values[CAMPAIGN_SETTINGS + 2];
	bool		nulls[CAMPAIGN_SETTINGS + 2];

	if (statement_execute(&lock_sending, key, NULL) == 0)
		campaign_raise_not_found(campaign);
	statement_row(0, values, nulls);
	memcpy(sending->settings.values, values, sizeof(Datum) * CAMPAIGN_SETTINGS);
	memcpy(sending->settings.nulls, nulls, sizeof(bool) * CAMPAIGN_SETTINGS);
	sending->is_draft = DatumGetBool(values[CAMPAIGN_SETTINGS]);
	sending->zone = window_zone_find(TextDatumGetCString(values[CAMPAIGN_SETTINGS + 1]));
}

/*
 * Lets a campaign draw on another pool, if it is another.  Once it has begun with senders,
 * these go on with its leads, so there has to be a pool.
 */
static void
set_pool(Datum workspace, Datum campaign, const CampaignSending *before,
		 const SettingValues *settings)
{
	const SettingValues *old = &before->settings;
	Datum		values[] = {workspace, campaign, old->values[CAMPAIGN_POOL],
	settings->values[CAMPAIGN_POOL]};
	bool		nulls[] = {false, false, old->nulls[CAMPAIGN_POOL], settings->nulls[CAMPAIGN_POOL]};

	if (nulls[3])
	{
		if (!nulls[2] && !before->is_draft)
			error_raise(ERROR_POOL_NEEDED, "campaign \"%s\" has been started with a pool",
						error_uuid(campaign));
	}
	else if (nulls[2] ||
			 memcmp(DatumGetUUIDP(values[2]), DatumGetUUIDP(values[3]), UUID_LEN) != 0)
		statement_execute(&change_pool, values, nulls);
}

/* Says whether settings have a limit of a day. */
static bool
have_daily_limits(const SettingValues *settings)
{
	return !settings->nulls[CAMPAIGN_DAILY_LIMIT] || !settings->nulls[CAMPAIGN_DAILY_NEW_LEADS];
}

/* Says whether settings have a limit of bounces. */
static bool
have_bounce_limit(const SettingValues *settings)
{
	return !settings->nulls[CAMPAIGN_BOUNCE_LIMIT];
}

/* Returns the windows of settings; NULL: it is always open. */
static const Window *
window_of(const SettingValues *settings)
{
	return settings->nulls[CAMPAIGN_SCHEDULE] ? NULL :
		window_read(DatumGetJsonbP(settings->values[CAMPAIGN_SCHEDULE]));
}

/*
 * Counts what has been used of limits if they are the first ones of their kind, or if days
 * are those of another zone than before; without any limit there is nothing to count.
 */
static void
set_usage(Datum workspace, Datum campaign, const CampaignSending *before,
		  const SettingValues *settings)
{
	Datum		values[6] = {workspace, campaign};
	const SettingValues *old = &before->settings;
	const Window *window;
	DateADT		today;
	bool		counts_days;
	bool		counts_bounces = have_bounce_limit(settings) && !have_bounce_limit(old);

	if (!have_daily_limits(settings) && !have_bounce_limit(settings))
	{
		statement_execute(&delete_usage, values, NULL);
		return;
	}
	window = window_of(settings);
	counts_days = have_daily_limits(settings) &&
		(!have_daily_limits(old) || before->zone != window_zone(window));
	if (!counts_days && !counts_bounces)
		return;
	today = window_day(window, context_clock());
	values[2] = DateADTGetDatum(today);
	values[3] = TimestampTzGetDatum(window_day_start(window, today));
	values[4] = BoolGetDatum(counts_days);
	values[5] = BoolGetDatum(counts_bounces);
	statement_execute(&count_usage, values, NULL);
}

/* Gives a locked campaign other settings.  Runs in SPI. */
void
campaign_set_sending(Datum workspace, Datum campaign, const CampaignSending *before,
					 const SettingValues *settings)
{
	Datum		values[2 + CAMPAIGN_SETTINGS] = {workspace, campaign};
	bool		nulls[2 + CAMPAIGN_SETTINGS] = {false};

	set_pool(workspace, campaign, before, settings);
	memcpy(values + 2, settings->values, sizeof(Datum) * CAMPAIGN_SETTINGS);
	memcpy(nulls + 2, settings->nulls, sizeof(bool) * CAMPAIGN_SETTINGS);
	statement_execute(&update_sending, values, nulls);
	set_usage(workspace, campaign, before, settings);
}

/* Says whether an automatic reply ends the sequences of a campaign.  Runs in SPI. */
bool
campaign_stops_on_auto_reply(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	return statement_execute(&find_stops_on_auto_reply, values, NULL) > 0;
}
