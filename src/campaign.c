/*
 * campaign.c
 *		Campaigns: the table.
 *
 * Start and pause change the campaign's row and nothing else; what may be sent
 * follows from that row.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"
#include "webhook.h"

PG_FUNCTION_INFO_V1(lt_enter_campaign);
PG_FUNCTION_INFO_V1(lt_keep_campaign);

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
	"INSERT INTO leadterra.campaigns (workspace_id, campaign_id, name, is_counted)"
	" VALUES ($1, $2, $3, true)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID);

static Statement copy_campaign = STATEMENT(
	"INSERT INTO leadterra.campaigns (workspace_id, campaign_id, name, owner, variables, pool_id,"
	" schedule, daily_limit, daily_new_leads, new_leads_first, bounce_limit, stop_on_auto_reply,"
	" is_counted)"
	" SELECT workspace_id, $3, coalesce($4, name || ' (copy)'), owner, variables, pool_id,"
	" schedule, daily_limit, daily_new_leads, new_leads_first, bounce_limit, stop_on_auto_reply,"
	" true"
	" FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, TEXTOID);

static Statement start_campaign = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET status = 'running', started_at = coalesce(started_at, $3), resumed_at = $3,"
	" paused_at = NULL, pause_reason = NULL"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" RETURNING " WEBHOOK_EVENTS("$1", "$2"),
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* Of a campaign that has limits. */
static Statement restart_usage = STATEMENT(
	"UPDATE leadterra.campaign_usage"
	" SET sent = 0, refused = 0, bounced = 0"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID);

static Statement pause_campaign = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET status = 'paused', paused_at = $3"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'running'"
	" RETURNING " WEBHOOK_EVENTS("$1", "$2"),
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TIMESTAMPTZOID);

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
void
campaign_raise_not_found(Datum campaign)
{
	error_raise(ERROR_CAMPAIGN_NOT_FOUND, "campaign \"%s\" does not exist",
				error_uuid(campaign));
}

/*
 * Keeps a campaign of a workspace from being deleted, if there is one; false if there is
 * none.  Runs in SPI.
 */
bool
campaign_try_keep(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	return statement_execute(&keep_campaign, values, NULL) > 0;
}

/* Returns the status of the campaign that a statement has found; raises PT404 if none was. */
static CampaignStatus
status_of(Datum campaign, uint64 found)
{
	bool		isnull;
	char	   *status;

	if (found == 0)
		campaign_raise_not_found(campaign);
	status = TextDatumGetCString(statement_value(0, 1, &isnull));
	return strcmp(status, "draft") == 0 ? CAMPAIGN_DRAFT :
		strcmp(status, "running") == 0 ? CAMPAIGN_RUNNING : CAMPAIGN_PAUSED;
}

/*
 * Returns the status of a campaign, under the caller's snapshot if stable.  Raises
 * PT404 if there is none, as those below do.  Runs in SPI.
 */
CampaignStatus
campaign_require(Datum workspace, Datum campaign, bool stable)
{
	Datum		values[] = {workspace, campaign};

	return status_of(campaign, stable ? statement_read(&find_campaign, values) :
					 statement_execute(&find_campaign, values, NULL));
}

/* Keeps a campaign from being deleted; start and pause go on.  Runs in SPI. */
CampaignStatus
campaign_keep(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	return status_of(campaign, statement_execute(&keep_campaign, values, NULL));
}

/* Locks a campaign against changes; leads are still enrolled.  Runs in SPI. */
CampaignStatus
campaign_lock(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	return status_of(campaign, statement_execute(&lock_campaign, values, NULL));
}

/* Locks a campaign that is to be deleted, against everybody who keeps it.  Runs in SPI. */
CampaignStatus
campaign_lock_doomed(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	return status_of(campaign, statement_execute(&lock_doomed_campaign, values, NULL));
}

/* Returns an argument of a function, from 0, which names a campaign. */
Datum
campaign_argument(FunctionCallInfo fcinfo, int number)
{
	error_if_null(number, "campaign_id");
	return PG_GETARG_DATUM(number);
}

/* Makes a campaign.  Runs in SPI. */
void
campaign_insert(Datum workspace, Datum campaign, Datum name)
{
	Datum		values[] = {workspace, campaign, name};

	statement_execute(&insert_campaign, values, NULL);
}

/*
 * Makes a campaign with the settings of another, which its caller keeps; a name of 0 is
 * that of the other and "(copy)".  Runs in SPI.
 */
void
campaign_copy(Datum workspace, Datum campaign, Datum copy, Datum name)
{
	Datum		values[] = {workspace, campaign, copy, name};
	bool		nulls[] = {false, false, false, name == (Datum) 0};

	statement_execute(&copy_campaign, values, nulls);
}

/*
 * Tells webhooks that a campaign was started or paused, by a statement that returned what
 * they want; it paused by itself for a reason that is not NULL.  Runs in SPI.
 */
void
campaign_tell(Datum workspace, Datum campaign, const char *event, const char *reason)
{
	bool		isnull = true;
	Datum		events = SPI_processed > 0 ? statement_value(0, 1, &isnull) : (Datum) 0;

	if (webhook_wants(webhook_read_events(events, isnull), event))
		webhook_tell(&(WebhookNews) {
			.workspace = workspace, .campaign = DatumGetUUIDP(campaign), .event = event,
				.reason = reason, .size = 1
		});
}

/* Lets a campaign run from a time on, from which its bounces count anew.  Runs in SPI. */
void
campaign_start(Datum workspace, Datum campaign, TimestampTz now)
{
	Datum		values[] = {workspace, campaign, TimestampTzGetDatum(now)};

	statement_execute(&start_campaign, values, NULL);
	campaign_tell(workspace, campaign, "campaign.started", NULL);
	statement_execute(&restart_usage, values, NULL);
}

/* Holds a campaign that runs.  Runs in SPI. */
void
campaign_pause(Datum workspace, Datum campaign, TimestampTz now)
{
	Datum		values[] = {workspace, campaign, TimestampTzGetDatum(now)};

	statement_execute(&pause_campaign, values, NULL);
	campaign_tell(workspace, campaign, "campaign.paused", NULL);
}

/* Gives a campaign a name; raises PT404 if there is none.  Runs in SPI. */
void
campaign_rename(Datum workspace, Datum campaign, Datum name)
{
	Datum		values[] = {workspace, campaign, name};

	if (statement_execute(&rename_campaign, values, NULL) == 0)
		campaign_raise_not_found(campaign);
}

/* Gives a campaign an owner, 0 for nobody; raises PT404 if there is none.  Runs in SPI. */
void
campaign_set_owner(Datum workspace, Datum campaign, Datum owner)
{
	Datum		values[] = {workspace, campaign, owner};
	bool		nulls[] = {false, false, owner == (Datum) 0};

	if (statement_execute(&set_owner, values, nulls) == 0)
		campaign_raise_not_found(campaign);
}

/* Deletes a campaign; triggers take along what belongs to it.  Runs in SPI. */
void
campaign_delete(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};

	statement_execute(&delete_campaign, values, NULL);
}

/* SQL: leadterra.enter_campaign(scope, campaign_id) */
Datum
lt_enter_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter_argument(fcinfo);
	Datum		campaign = campaign_argument(fcinfo, 1);

	statement_connect();
	campaign_require(workspace, campaign, true);
	statement_finish();
	PG_RETURN_DATUM(campaign);
}

/* SQL: leadterra.keep_campaign(workspace, campaign_id) */
Datum
lt_keep_campaign(PG_FUNCTION_ARGS)
{
	Datum		campaign = campaign_argument(fcinfo, 1);

	statement_connect();
	campaign_keep(PG_GETARG_DATUM(0), campaign);
	statement_finish();
	PG_RETURN_VOID();
}
