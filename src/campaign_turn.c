/*
 * campaign_turn.c
 *		When a campaign may send, and how much: its windows, its limits of a day and
 *		its senders.
 *
 * A campaign without any of these is left alone.  What is handed out is counted in the
 * transaction of the claim, under the lock of one row a campaign.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "due.h"
#include "sender.h"
#include "statement.h"
#include "window.h"

PG_FUNCTION_INFO_V1(lt_claimable_at);
PG_FUNCTION_INFO_V1(lt_least_claimable_at);

/* Pools of which a query keeps when their senders are free. */
#define POOLS_MAX 64

static Statement find_limits = STATEMENT(
	"SELECT " CAMPAIGN_LIMIT_COLUMNS
	" FROM leadterra.campaigns c"
	" WHERE c.workspace_id = $1 AND c.campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_zone = STATEMENT(
	"SELECT leadterra.schedule_zone(schedule) FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_usage = STATEMENT(
	"SELECT used_on, handed, new_leads FROM leadterra.campaign_usage"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* What was handed out before, and waits again with no sender. */
static Statement find_begun = STATEMENT(
	"SELECT due_at FROM leadterra.waiting"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND sender_id = leadterra.nobody()"
	" AND due_at IS NOT NULL AND NOT (" QUEUE_IS_NEW ")"
	" ORDER BY due_at"
	" LIMIT 1",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement ensure_usage = STATEMENT(
	"INSERT INTO leadterra.campaign_usage (workspace_id, campaign_id)"
	" VALUES ($1, $2)"
	" ON CONFLICT DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDOID);

static Statement lock_usage = STATEMENT(
	"SELECT used_on, handed, new_leads FROM leadterra.campaign_usage"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Others are not waited for: whoever claims has other campaigns. */
static Statement lock_free_usage = STATEMENT(
	"SELECT used_on, handed, new_leads FROM leadterra.campaign_usage"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" FOR NO KEY UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement update_usage = STATEMENT(
	"UPDATE leadterra.campaign_usage"
	" SET used_on = $3, handed = $4, new_leads = $5"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, DATEOID, INT4OID, INT4OID);

/* Returns the zone of the days of a campaign; raises PT404 if there is none.  Runs in SPI. */
char *
campaign_require_zone(Datum workspace, Datum campaign)
{
	Datum		values[] = {workspace, campaign};
	bool		isnull;

	if (statement_read(&find_zone, values) == 0)
		campaign_raise_not_found(campaign);
	return TextDatumGetCString(statement_value(0, 1, &isnull));
}

/* Reads what a row says of the limits of a campaign, of the columns CAMPAIGN_LIMIT_COLUMNS. */
void
campaign_read_limits(Datum workspace, Datum campaign, const Datum *values, const bool *nulls,
					 CampaignLimits *limits)
{
	*limits = (CampaignLimits) {
		.workspace = workspace, .campaign = campaign, .has_pool = !nulls[0],
			.daily_limit = nulls[2] ? -1 : DatumGetInt32(values[2]),
			.daily_new_leads = nulls[3] ? -1 : DatumGetInt32(values[3]),
			.new_leads_first = DatumGetBool(values[4]), .has_bounce_limit = !nulls[5]
	};
	if (limits->has_pool)
		limits->pool = *DatumGetUUIDP(values[0]);
	if (!nulls[1])
		limits->window = window_read(DatumGetJsonbP(values[1]));
}

/* Finds the limits of a campaign, if it has any; one that is gone has none.  Runs in SPI. */
void
campaign_find_limits(Datum workspace, Datum campaign, bool is_limited, CampaignLimits *limits)
{
	Datum		key[] = {workspace, campaign};
	Datum		values[CAMPAIGN_LIMITS] = {0};
	bool		nulls[CAMPAIGN_LIMITS];

	memset(nulls, true, sizeof(nulls));
	if (is_limited && statement_execute(&find_limits, key, NULL) > 0)
		statement_row(0, values, nulls);
	campaign_read_limits(workspace, campaign, values, nulls, limits);
}

/* Says whether a campaign has a limit of a day. */
bool
campaign_has_limits(const CampaignLimits *limits)
{
	return limits->daily_limit >= 0 || limits->daily_new_leads >= 0;
}

/* Reads what was used of the limits, of the last result: what was used on an earlier day is not. */
static void
read_usage(CampaignLimits *limits, TimestampTz now)
{
	Datum		values[3];
	bool		nulls[3];

	limits->today = window_day(limits->window, now);
	limits->handed = limits->new_leads = 0;
	if (SPI_processed == 0)
		return;
	statement_row(0, values, nulls);
	if (nulls[0] || DatumGetDateADT(values[0]) < limits->today)
		return;
	/* Whoever had it before us may have read the clock after us, and after midnight. */
	if (DatumGetDateADT(values[0]) == limits->today + 1)
		limits->today++;
	limits->handed = DatumGetInt32(values[1]);
	limits->new_leads = DatumGetInt32(values[2]);
}

/* Returns how many more a limit allows. */
static int
left_of(int limit, int used)
{
	return limit < 0 ? INT_MAX : Max(limit - used, 0);
}

/* Returns how many messages a campaign may hand out today, as far as its limits go. */
int
campaign_messages_left(const CampaignLimits *limits)
{
	return left_of(limits->daily_limit, limits->handed);
}

/* Returns how many of these may be the first of their leads. */
int
campaign_new_leads_left(const CampaignLimits *limits)
{
	return left_of(limits->daily_new_leads, limits->new_leads);
}

/*
 * Locks what a campaign has used of its limits, if it has any, and reads it; false if
 * another session holds it.  Runs in SPI.
 */
bool
campaign_lock_usage(CampaignLimits *limits, TimestampTz now)
{
	Datum		values[] = {limits->workspace, limits->campaign};

	if (!campaign_has_limits(limits))
		return true;
	if (statement_execute(&find_usage, values, NULL) == 0)
		statement_execute(&ensure_usage, values, NULL);
	if (statement_execute(&lock_free_usage, values, NULL) == 0)
		return false;
	read_usage(limits, now);
	return true;
}

static void
write_usage(const CampaignLimits *limits)
{
	Datum		values[] = {limits->workspace, limits->campaign, DateADTGetDatum(limits->today),
	Int32GetDatum(limits->handed), Int32GetDatum(limits->new_leads)};

	statement_execute(&update_usage, values, NULL);
}

/* Counts messages that were handed out, of which some were the first of their leads. */
void
campaign_use(CampaignLimits *limits, int messages, int new_leads)
{
	if (!campaign_has_limits(limits) || messages == 0)
		return;
	limits->handed += messages;
	limits->new_leads += new_leads;
	write_usage(limits);
}

/*
 * Takes back what was counted of messages that were handed out at a time and are given
 * back unsent, if that was today.  Runs in SPI.
 */
void
campaign_give_back(Datum workspace, Datum campaign, TimestampTz claimed_at, int messages,
				   int new_leads, TimestampTz now)
{
	Datum		key[] = {workspace, campaign};
	CampaignLimits limits;

	campaign_find_limits(workspace, campaign, messages > 0, &limits);
	if (!campaign_has_limits(&limits) || statement_execute(&lock_usage, key, NULL) == 0)
		return;
	read_usage(&limits, now);
	if (claimed_at < window_day_start(limits.window, limits.today))
		return;
	limits.handed = Max(limits.handed - messages, 0);
	limits.new_leads = Max(limits.new_leads - new_leads, 0);
	write_usage(&limits);
}

/* Returns where a campaign draws its senders from, for whoever asks when they are free. */
static SenderPool
campaign_pool(const CampaignLimits *limits, bool no_new, TimestampTz now)
{
	return (SenderPool) {
		limits->workspace, limits->campaign, UUIDPGetDatum(&limits->pool), (Datum) 0, true,
			no_new, now
	};
}

/* What a call site keeps, in fn_extra, while a query asks for campaign after campaign. */
typedef struct TurnCache
{
	uint64		completed;		/* transactions of its snapshot */
	CommandId	command;
	pg_uuid_t	workspace;
	TimestampTz least;			/* that was found */
	int			npools;			/* the last POOLS_MAX of them are there */
	SenderFirst pools[POOLS_MAX];
} TurnCache;

/* Returns what a call site keeps, which holds for one snapshot and workspace. */
static TurnCache *
find_cache(FunctionCallInfo fcinfo, Datum workspace)
{
	TurnCache  *cache = fcinfo->flinfo->fn_extra;
	Snapshot	snapshot = GetActiveSnapshot();

	if (cache == NULL)
		cache = fcinfo->flinfo->fn_extra =
			MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(TurnCache));
	else if (cache->completed == snapshot->snapXactCompletionCount &&
			 cache->command == snapshot->curcid &&
			 memcmp(&cache->workspace, DatumGetUUIDP(workspace), UUID_LEN) == 0)
		return cache;
	cache->completed = snapshot->snapXactCompletionCount;
	cache->command = snapshot->curcid;
	cache->workspace = *DatumGetUUIDP(workspace);
	cache->least = DT_NOEND;
	cache->npools = 0;
	return cache;
}

/* Finds when the first senders of a pool are free: campaigns may share one, looked at once. */
static const SenderFirst *
first_of(TurnCache *cache, const SenderPool *pool)
{
	SenderFirst *first;

	for (int i = 0; i < Min(cache->npools, POOLS_MAX); i++)
	{
		if (memcmp(&cache->pools[i].pool, DatumGetUUIDP(pool->pool), UUID_LEN) == 0)
			return &cache->pools[i];
	}
	first = &cache->pools[cache->npools % POOLS_MAX];
	sender_find_first(pool, first);
	cache->npools++;
	return first;
}

/* Finds when a sender is free for a message that is due at a time, if there have to be any. */
static TimestampTz
find_free(TurnCache *cache, const CampaignLimits *limits, int step, TimestampTz due_at,
		  bool no_new, TimestampTz now)
{
	SenderPool	pool = campaign_pool(limits, no_new, now);

	if (!limits->has_pool)
		return due_at;
	if (step > 0)
		return Max(first_of(cache, &pool)->begins, due_at);
	return sender_find_free(&pool, first_of(cache, &pool));
}

/* Finds when a message that is due at a time may go, as far as senders and limits of a day go. */
static TimestampTz
allowed_at(TurnCache *cache, CampaignLimits *limits, int step, TimestampTz due_at,
		   TimestampTz now)
{
	Datum		key[] = {limits->workspace, limits->campaign};
	TimestampTz at = find_free(cache, limits, step, due_at, false, now);
	TimestampTz tomorrow;
	bool		isnull;

	if (!campaign_has_limits(limits))
		return at;
	statement_read(&find_usage, key);
	read_usage(limits, now);
	tomorrow = Max(at, window_day_start(limits->window, limits->today + 1));
	if (campaign_messages_left(limits) == 0)
		return tomorrow;
	if (step > 1 || campaign_new_leads_left(limits) > 0)
		return at;
	/* What was handed out before, and not given back, is no new lead. */
	if (step == 0)
		return Min(find_free(cache, limits, step, due_at, true, now), tomorrow);
	if (!limits->has_pool && statement_read(&find_begun, key) > 0)
		return Min(DatumGetTimestampTz(statement_value(0, 1, &isnull)), tomorrow);
	return tomorrow;
}

/* Returns when a message may go that could at a time, but for the window. */
static TimestampTz
open_at(const CampaignLimits *limits, TimestampTz at, TimestampTz now)
{
	TimestampTz opens;
	TimestampTz closes;

	/* What has been due for longer than the window is closed is not due before it opens. */
	window_find(limits->window, Max(at, now), &opens, &closes);
	return opens > now ? opens : at;
}

/* Returns a time before which a message of a campaign with a pool may not go. */
static TimestampTz
not_before(TurnCache *cache, const CampaignLimits *limits, int step, TimestampTz due_at,
		   TimestampTz now)
{
	SenderPool	pool = campaign_pool(limits, false, now);
	const SenderFirst *first = first_of(cache, &pool);

	return open_at(limits, step > 0 ? Max(first->begins, due_at) : first->any, now);
}

/* Says whether a caller that row-level security binds asks about another workspace. */
static bool
is_foreign(Datum workspace)
{
	Oid			table = get_relname_relid("campaigns", get_namespace_oid("leadterra", false));

	return check_enable_rls(table, InvalidOid, true) == RLS_ENABLED &&
		memcmp(DatumGetUUIDP(workspace), DatumGetUUIDP(context_workspace()), UUID_LEN) != 0;
}

/* SQL: leadterra.claimable_at(workspace_id, campaign_id, step, due_at) */
Datum
lt_claimable_at(PG_FUNCTION_ARGS)
{
	Datum		key[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};
	TimestampTz at = DT_NOEND;
	TimestampTz now = context_clock();
	Datum		values[CAMPAIGN_LIMITS];
	bool		nulls[CAMPAIGN_LIMITS];
	CampaignLimits limits;

	if (is_foreign(key[0]))
		PG_RETURN_NULL();
	statement_connect();
	if (statement_read(&find_limits, key) > 0)
	{
		statement_row(0, values, nulls);
		campaign_read_limits(key[0], key[1], values, nulls, &limits);
		at = allowed_at(find_cache(fcinfo, key[0]), &limits, PG_GETARG_INT32(2),
						PG_GETARG_TIMESTAMPTZ(3), now);
		at = open_at(&limits, at, now);
	}
	statement_finish();
	PG_RETURN_TIMESTAMPTZ(at);
}

/*
 * SQL: leadterra.least_claimable_at(workspace_id, campaign_id, pool_id, schedule,
 * daily_limit, daily_new_leads, step, due_at)
 */
Datum
lt_least_claimable_at(PG_FUNCTION_ARGS)
{
	TimestampTz now = context_clock();
	TimestampTz at = DT_NOBEGIN;
	/* The last two say in which order a claim goes, and what pauses a campaign. */
	Datum		values[CAMPAIGN_LIMITS] = {fcinfo->args[2].value, fcinfo->args[3].value,
	fcinfo->args[4].value, fcinfo->args[5].value, BoolGetDatum(false)};
	bool		nulls[CAMPAIGN_LIMITS] = {PG_ARGISNULL(2), PG_ARGISNULL(3), PG_ARGISNULL(4),
	PG_ARGISNULL(5), false, true};
	CampaignLimits limits;
	TurnCache  *cache;
	int			step;
	TimestampTz due_at;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(6))
		PG_RETURN_NULL();
	step = PG_GETARG_INT32(6);
	/* What senders go on with needs a pool, and any other message a step. */
	if (step == 0 ? PG_ARGISNULL(2) : PG_ARGISNULL(7))
		PG_RETURN_NULL();
	due_at = PG_ARGISNULL(7) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(7);
	statement_connect();
	cache = find_cache(fcinfo, PG_GETARG_DATUM(0));
	campaign_read_limits(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), values, nulls, &limits);
	if (limits.has_pool)
		at = not_before(cache, &limits, step, due_at, now);
	/* Another one is as early, and this one is not now: that is all a query wants to know. */
	if (at <= now || at < cache->least)
	{
		at = allowed_at(cache, &limits, step, due_at, now);
		at = open_at(&limits, at, now);
		cache->least = Min(cache->least, at);
	}
	statement_finish();
	PG_RETURN_TIMESTAMPTZ(at);
}
