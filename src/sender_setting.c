/*
 * sender_setting.c
 *		Settings of senders, and their rows.
 *
 * Whoever changes a sender, or who is in which pool, holds the lock of the sender's row.
 * When it is free again is kept in its row and, for claims to go by, with each of its
 * pools.  What becomes free is free since now, never since before: claims remember up to
 * where they have looked.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "sender.h"
#include "sender_setting.h"
#include "statement.h"
#include "window.h"

PG_FUNCTION_INFO_V1(lt_sender_limit);

/* Messages a day, so that no sum of them overflows. */
#define MESSAGES_MAX 1000000000

/* Columns of the settings. */
#define SETTING_COLUMNS \
	"name, reply_to, status, daily_limit, ramp_from, ramp_step, gap_seconds," \
	" gap_jitter_seconds, time_zone, transport"

static const char *const statuses[] = {"active", "warming", "paused", NULL};

const Setting sender_settings[SENDER_SETTINGS] = {
	[SENDER_NAME] = {"name", .kind = SETTING_TEXT},
	[SENDER_REPLY_TO] = {"replyTo", .kind = SETTING_ADDRESS},
	[SENDER_STATUS] = {
		"status", .kind = SETTING_CHOICE, .choices = statuses, .fallback = "active"
	},
	[SENDER_DAILY_LIMIT] = {"dailyLimit", .kind = SETTING_NUMBER, .most = MESSAGES_MAX},
	[SENDER_RAMP_FROM] = {"rampFrom", .kind = SETTING_NUMBER, .most = MESSAGES_MAX},
	[SENDER_RAMP_STEP] = {
		"rampStep", .kind = SETTING_NUMBER, .most = MESSAGES_MAX, .fallback = "0"
	},
	[SENDER_GAP_SECONDS] = {
		"gapSeconds", .kind = SETTING_NUMBER, .most = SECS_PER_DAY, .fallback = "0"
	},
	[SENDER_GAP_JITTER_SECONDS] = {
		"gapJitterSeconds", .kind = SETTING_NUMBER, .most = SECS_PER_DAY, .fallback = "0"
	},
	[SENDER_TIME_ZONE] = {"timeZone", .kind = SETTING_ZONE, .fallback = "UTC"},
	[SENDER_TRANSPORT] = {"transport", .kind = SETTING_TEXT}
};

/* One that was deleted may have had the same address. */
static Statement insert_sender = STATEMENT(
	"INSERT INTO leadterra.senders (workspace_id, sender_id, email, " SETTING_COLUMNS ","
	" ramp_since, free_at)"
	" VALUES ($1, $2, $14, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,"
	" CASE WHEN $5 = 'warming' THEN $13 END, CASE WHEN $5 = 'paused' THEN 'infinity' ELSE $15 END)"
	" ON CONFLICT (workspace_id, email) WHERE deleted_at IS NULL DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID, INT4OID,
	INT4OID, INT4OID, TEXTOID, TEXTOID, DATEOID, TEXTOID, TIMESTAMPTZOID);

static Statement lock_sender = STATEMENT(
	"SELECT " SETTING_COLUMNS ", used_on, used"
	" FROM leadterra.senders"
	" WHERE workspace_id = $1 AND sender_id = $2 AND deleted_at IS NULL"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Of what decides when it may send, a change sets it free, so that a claim looks at it again. */
static Statement update_sender = STATEMENT(
	"UPDATE leadterra.senders"
	" SET name = $3, reply_to = $4, status = $5, daily_limit = $6, ramp_from = $7,"
	" ramp_step = $8, gap_seconds = $9, gap_jitter_seconds = $10, time_zone = $11,"
	" transport = $12,"
	" ramp_since = CASE"
	" WHEN $5 = 'warming' AND (status <> 'warming' OR ramp_from IS DISTINCT FROM $7) THEN $13"
	" ELSE ramp_since END,"
	" used_on = $14, used = $15,"
	" free_at = CASE"
	" WHEN $5 = 'paused' THEN 'infinity'"
	" WHEN ROW(status, daily_limit, ramp_from, ramp_step, gap_seconds, gap_jitter_seconds,"
	" time_zone) IS DISTINCT FROM ROW($5, $6, $7, $8, $9, $10, $11) THEN $16"
	" ELSE free_at END"
	" WHERE workspace_id = $1 AND sender_id = $2"
	" RETURNING free_at",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, INT4OID, INT4OID,
	INT4OID, INT4OID, INT4OID, TEXTOID, TEXTOID, DATEOID, DATEOID, INT4OID, TIMESTAMPTZOID);

/* One that has been free before stays so; it may have come into a pool since. */
static Statement update_pools = STATEMENT(
	"UPDATE leadterra.pool_senders SET free_at = $3"
	" WHERE workspace_id = $1 AND sender_id = $2 AND free_at <> $3 AND $3 >= $4",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID);

/* What was handed out since a time, what was given back, too. */
static Statement find_handed = STATEMENT(
	"SELECT least(coalesce(sum(u.last - u.first + 1), 0), " CppAsString2(MESSAGES_MAX) ")::integer"
	" FROM leadterra.leases l"
	" CROSS JOIN LATERAL unnest(l.firsts, l.lasts) AS u (first, last)"
	" WHERE l.workspace_id = $1 AND l.sender_id = $2 AND l.claimed_at >= $3",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* Raises the error for an id that is no sender of the current workspace. */
void
sender_raise_not_found(Datum sender)
{
	error_raise(ERROR_SENDER_NOT_FOUND, "sender \"%s\" does not exist", error_uuid(sender));
}

static const char *
zone_name(const SettingValues *settings)
{
	return TextDatumGetCString(settings->values[SENDER_TIME_ZONE]);
}

/* Makes a sender; false if there is one with that address.  Runs in SPI. */
bool
sender_insert(Datum workspace, Datum id, Datum email, const SettingValues *settings)
{
	TimestampTz now = context_clock();
	Datum		values[2 + SENDER_SETTINGS + 3] = {workspace, id};
	bool		nulls[2 + SENDER_SETTINGS + 3] = {false};

	memcpy(values + 2, settings->values, sizeof(Datum) * SENDER_SETTINGS);
	memcpy(nulls + 2, settings->nulls, sizeof(bool) * SENDER_SETTINGS);
	values[12] = DateADTGetDatum(window_zone_day(window_zone_require(zone_name(settings)), now));
	values[13] = email;
	values[14] = TimestampTzGetDatum(now);
	return statement_execute(&insert_sender, values, nulls) > 0;
}

/* Locks a sender against claims and changes; raises PT404 if there is none.  Runs in SPI. */
void
sender_lock(Datum workspace, Datum id, SenderRow *row)
{
	Datum		key[] = {workspace, id};
	Datum		values[SENDER_SETTINGS + 2];
	bool		nulls[SENDER_SETTINGS + 2];

	if (statement_execute(&lock_sender, key, NULL) == 0)
		sender_raise_not_found(id);
	statement_row(0, values, nulls);
	memcpy(row->settings.values, values, sizeof(Datum) * SENDER_SETTINGS);
	memcpy(row->settings.nulls, nulls, sizeof(bool) * SENDER_SETTINGS);
	row->is_unused = nulls[SENDER_SETTINGS];
	row->used_on = DatumGetDateADT(values[SENDER_SETTINGS]);
	row->used = DatumGetInt32(values[SENDER_SETTINGS + 1]);
}

/*
 * Says what a sender has used of its day in another zone than the one it had, which may be
 * unknown.  What it had used of the day that it was counts for the day that it is now.  That
 * may have begun before, and then the leases since tell what else there was: so no day has
 * more than the limit.
 */
static int
used_in_zone(Datum workspace, Datum id, const SenderRow *before, pg_tz *old_zone, pg_tz *zone,
			 TimestampTz now)
{
	TimestampTz start = window_zone_time(zone, window_zone_day(zone, now), 0);
	Datum		values[] = {workspace, id, TimestampTzGetDatum(start)};
	bool		is_today = !before->is_unused &&
		(old_zone == NULL || before->used_on == window_zone_day(old_zone, now));
	int			used = is_today ? before->used : 0;
	bool		isnull;

	statement_execute(&find_handed, values, NULL);
	return Max(used, DatumGetInt32(statement_value(0, 1, &isnull)));
}

/* Gives a locked sender other settings.  Runs in SPI. */
void
sender_update(Datum workspace, Datum id, const SenderRow *before, const SettingValues *settings)
{
	TimestampTz now = context_clock();
	pg_tz	   *zone = window_zone_require(zone_name(settings));
	pg_tz	   *old_zone = window_zone_find(zone_name(&before->settings));
	DateADT		day = window_zone_day(zone, now);
	Datum		values[2 + SENDER_SETTINGS + 4] = {workspace, id};
	bool		nulls[2 + SENDER_SETTINGS + 4] = {false};
	bool		isnull;

	memcpy(values + 2, settings->values, sizeof(Datum) * SENDER_SETTINGS);
	memcpy(nulls + 2, settings->nulls, sizeof(bool) * SENDER_SETTINGS);
	values[12] = DateADTGetDatum(day);
	values[13] = DateADTGetDatum(before->used_on);
	nulls[13] = before->is_unused;
	values[14] = Int32GetDatum(before->used);
	if (zone != old_zone)
	{
		values[13] = DateADTGetDatum(day);
		nulls[13] = false;
		values[14] = Int32GetDatum(used_in_zone(workspace, id, before, old_zone, zone, now));
	}
	values[15] = TimestampTzGetDatum(now);
	statement_execute(&update_sender, values, nulls);
	values[2] = statement_value(0, 1, &isnull);
	values[3] = TimestampTzGetDatum(now);
	statement_execute(&update_pools, values, NULL);
}

/* Returns an argument of a function, from 0, that is a number; another one where it is null. */
static int
integer_argument(FunctionCallInfo fcinfo, int number, int other)
{
	return PG_ARGISNULL(number) ? other : PG_GETARG_INT32(number);
}

/* SQL: leadterra.sender_limit(status, daily_limit, ramp_from, ramp_step, ramp_since, day) */
Datum
lt_sender_limit(PG_FUNCTION_ARGS)
{
	const char *status = PG_ARGISNULL(0) ? "paused" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	SenderLimit rule = {
		integer_argument(fcinfo, 1, -1), strcmp(status, "warming") == 0,
			integer_argument(fcinfo, 2, 0), integer_argument(fcinfo, 3, 0),
			integer_argument(fcinfo, 4, 0)
	};
	int			limit;

	if (PG_ARGISNULL(5))
		PG_RETURN_NULL();
	limit = strcmp(status, "paused") == 0 ? 0 : sender_limit(&rule, PG_GETARG_DATEADT(5));
	if (limit < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(limit);
}
