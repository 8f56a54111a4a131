/*
 * forecast_read.c
 *		What a forecast begins with: settings of the campaign, what waits, who may send.
 *
 * All is read under one snapshot, so that no message is there twice or not at all.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "campaign_sending.h"
#include "compat.h"
#include "due.h"
#include "forecast.h"
#include "statement.h"

/* Columns of find_campaign behind those of the limits. */
enum
{
	CAMPAIGN_IS_DRAFT = CAMPAIGN_LIMITS,
	CAMPAIGN_STARTED_AT,
	CAMPAIGN_USED_ON,
	CAMPAIGN_HANDED,
	CAMPAIGN_NEW_LEADS,
	CAMPAIGN_COLUMNS
};

static Statement find_campaign = STATEMENT(
	"SELECT " CAMPAIGN_LIMIT_COLUMNS ", c.status = 'draft', c.started_at,"
	" u.used_on, u.handed, u.new_leads"
	" FROM leadterra.campaigns c"
	" LEFT JOIN leadterra.campaign_usage u"
	" ON u.workspace_id = c.workspace_id AND u.campaign_id = c.campaign_id"
	" WHERE c.workspace_id = $1 AND c.campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement count_usage = STATEMENT(
	"SELECT handed, new_leads FROM leadterra.count_usage($1, $2, $3, 'infinity')",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static Statement require_pool = STATEMENT(
	"SELECT leadterra.require_pool($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_delays = STATEMENT(
	"SELECT step, delay_minutes FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" ORDER BY step",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Columns of find_senders. */
enum
{
	SENDER_ID,
	SENDER_TAKES_NEW,
	SENDER_CAN_SEND,
	SENDER_IS_WARMING,
	SENDER_LIMIT,
	SENDER_RAMP_FROM,
	SENDER_RAMP_STEP,
	SENDER_RAMP_SINCE,
	SENDER_GAP,
	SENDER_JITTER,
	SENDER_ZONE,
	SENDER_USED_ON,
	SENDER_USED,
	SENDER_FREE_AT,
	SENDER_COLUMNS
};

static Statement find_senders = STATEMENT(
	"SELECT sender_id, takes_new, can_send, is_warming, daily_limit, ramp_from, ramp_step,"
	" ramp_since, gap_seconds, gap_jitter_seconds, time_zone, used_on, used, free_at"
	" FROM leadterra.forecast_senders($1, $2, $3)"
	" ORDER BY sender_id",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

/* Columns of find_waiting. */
enum
{
	WAITING_SENDER,
	WAITING_STEP,
	WAITING_SINCE,
	WAITING_DUE,
	WAITING_IS_NEW,
	WAITING_MESSAGES,
	WAITING_COLUMNS
};

static Statement find_waiting = STATEMENT(
	"SELECT sender_id, step, waiting_since, due_at, is_new, messages"
	" FROM leadterra.forecast_waiting($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Columns of find_leased. */
enum
{
	LEASED_SENDER,
	LEASED_STEP,
	LEASED_SINCE,
	LEASED_IS_LOST,
	LEASED_OPEN,
	LEASED_ACTIVE,
	LEASED_COMPLETED,
	LEASED_COLUMNS
};

static Statement find_leased = STATEMENT(
	"SELECT sender_id, step, waiting_since, is_lost, open, active, completed"
	" FROM leadterra.forecast_leased($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* The number of a sender, by its id. */
typedef struct SenderNumber
{
	pg_uuid_t	sender_id;
	int			number;
} SenderNumber;

/* What is read, and into which forecast. */
typedef struct ForecastReader
{
	Forecast   *forecast;
	const ForecastSubject *subject;
	HTAB	   *numbers;		/* of senders; NULL: there are none */
} ForecastReader;

/*
 * Reads what was used of limits, as lt_set_sending would have it: what was counted under
 * limits of a day goes on, if days are the same, and else what was handed out counts.
 */
static void
read_usage(const ForecastReader *reader, const CampaignLimits *before, const Datum *values,
		   const bool *nulls)
{
	const ForecastSubject *subject = reader->subject;
	Forecast   *forecast = reader->forecast;
	CampaignLimits *limits = &forecast->limits;
	Datum		key[3] = {subject->workspace, subject->campaign};
	bool		isnull;

	forecast->used_on = DATEVAL_NOBEGIN;
	if (!campaign_has_limits(limits))
		return;
	if (campaign_has_limits(before) && window_zone(before->window) == window_zone(limits->window))
	{
		if (!nulls[CAMPAIGN_USED_ON])
			forecast->used_on = DatumGetDateADT(values[CAMPAIGN_USED_ON]);
		limits->handed = nulls[CAMPAIGN_USED_ON] ? 0 : DatumGetInt32(values[CAMPAIGN_HANDED]);
		limits->new_leads = nulls[CAMPAIGN_USED_ON] ? 0 : DatumGetInt32(values[CAMPAIGN_NEW_LEADS]);
		return;
	}
	forecast->used_on = window_day(limits->window, subject->now);
	key[2] = TimestampTzGetDatum(window_day_start(limits->window, forecast->used_on));
	statement_read(&count_usage, key);
	limits->handed = DatumGetInt32(statement_value(0, 1, &isnull));
	limits->new_leads = DatumGetInt32(statement_value(0, 2, &isnull));
}

/* Reads the limits of the campaign, with those that are assumed; returns when it starts. */
static TimestampTz
read_limits(const ForecastReader *reader)
{
	const ForecastSubject *subject = reader->subject;
	const ForecastAssumed *assumed = &subject->assumed;
	CampaignLimits *limits = &reader->forecast->limits;
	Datum		key[] = {subject->workspace, subject->campaign, (Datum) 0};
	Datum		values[CAMPAIGN_COLUMNS];
	bool		nulls[CAMPAIGN_COLUMNS];
	CampaignLimits before;

	if (statement_read(&find_campaign, key) != 1)
		elog(ERROR, "campaign without a row");
	statement_row(0, values, nulls);
	campaign_read_limits(key[0], key[1], values, nulls, &before);
	for (int i = 0; i < FORECAST_LIMITS; i++)
	{
		if (assumed->limits.given[i])
		{
			values[i] = assumed->limits.to.values[i];
			nulls[i] = assumed->limits.to.nulls[i];
		}
	}
	campaign_read_limits(key[0], key[1], values, nulls, limits);
	if (assumed->limits.given[CAMPAIGN_POOL] && limits->has_pool)
	{
		key[1] = UUIDPGetDatum(&limits->pool);
		statement_read(&require_pool, key);
	}
	limits->has_pool |= assumed->has_senders;
	read_usage(reader, &before, values, nulls);
	if (DatumGetBool(values[CAMPAIGN_IS_DRAFT]) || nulls[CAMPAIGN_STARTED_AT])
		return subject->start;
	return DatumGetTimestampTz(values[CAMPAIGN_STARTED_AT]);
}

/* Reads the steps of the campaign. */
static void
read_steps(const ForecastReader *reader, TimestampTz started_at)
{
	Datum		key[] = {reader->subject->workspace, reader->subject->campaign};
	QueueSteps *steps = &reader->forecast->steps;
	uint64		found = Min(statement_read(&find_delays, key), QUEUE_STEPS_MAX);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[2];
		bool		nulls[2];

		statement_row(i, values, nulls);
		if (DatumGetInt16(values[0]) != steps->count + 1)
			break;
		steps->rules[steps->count++] = due_rule(started_at, DatumGetInt32(values[1]));
	}
}

/* Returns a column that is a number, or another where it is null. */
static int
integer_or(const Datum *values, const bool *nulls, int column, int other)
{
	return nulls[column] ? other : DatumGetInt32(values[column]);
}

/* Reads a row of find_senders. */
static ForecastSender
read_sender(Forecast *forecast, const Datum *values, const bool *nulls)
{
	pg_tz	   *zone = window_zone_require(TextDatumGetCString(values[SENDER_ZONE]));

	return (ForecastSender) {
		.limit = {
			integer_or(values, nulls, SENDER_LIMIT, -1), DatumGetBool(values[SENDER_IS_WARMING]),
			integer_or(values, nulls, SENDER_RAMP_FROM, 0), DatumGetInt32(values[SENDER_RAMP_STEP]),
			integer_or(values, nulls, SENDER_RAMP_SINCE, 0)
		},
		.gap = Max(DatumGetInt32(values[SENDER_GAP]), 0) * USECS_PER_SEC +
			Max(DatumGetInt32(values[SENDER_JITTER]), 0) * USECS_PER_SEC / 2,
		.zone = forecast_zone(forecast, zone),
		.takes_new = DatumGetBool(values[SENDER_TAKES_NEW]),
		.used_on = integer_or(values, nulls, SENDER_USED_ON, DATEVAL_NOBEGIN),
		.used = DatumGetInt32(values[SENDER_USED]),
		.free_at = DatumGetBool(values[SENDER_CAN_SEND]) ?
			DatumGetTimestampTz(values[SENDER_FREE_AT]) : DT_NOEND
	};
}

/* Makes the senders that are assumed. */
static void
assume_senders(const ForecastReader *reader)
{
	const ForecastAssumed *assumed = &reader->subject->assumed;
	Forecast   *forecast = reader->forecast;

	forecast->senders = palloc(sizeof(ForecastSender) * FORECAST_SENDERS_MAX);
	for (int i = 0; i < assumed->nsenders; i++)
	{
		const ForecastAssumedSender *sender = &assumed->senders[i];

		for (int n = 0; n < sender->count; n++)
			forecast->senders[forecast->nsenders++] = (ForecastSender) {
				.limit = {.limit = sender->daily_limit},
					.gap = sender->gap_seconds * USECS_PER_SEC,
					.zone = forecast_zone(forecast, sender->zone), .takes_new = true,
					.used_on = DATEVAL_NOBEGIN, .free_at = reader->subject->now
			};
	}
}

/* Reads the senders that the campaign may have. */
static void
read_senders(ForecastReader *reader)
{
	Forecast   *forecast = reader->forecast;
	Datum		key[] = {reader->subject->workspace, reader->subject->campaign,
		UUIDPGetDatum(&forecast->limits.pool)};
	HASHCTL		control = {.keysize = UUID_LEN, .entrysize = sizeof(SenderNumber),
		.hcxt = CurrentMemoryContext};
	uint64		found;

	found = statement_read(&find_senders, key);
	reader->numbers = hash_create("leadterra senders", Max(found, 1), &control,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	forecast->senders = MemoryContextAllocHuge(CurrentMemoryContext,
											   sizeof(ForecastSender) * Max(found, 1));
	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[SENDER_COLUMNS];
		bool		nulls[SENDER_COLUMNS];
		SenderNumber *number;

		statement_row(i, values, nulls);
		number = hash_search(reader->numbers, DatumGetUUIDP(values[SENDER_ID]), HASH_ENTER, NULL);
		number->number = forecast->nsenders;
		forecast->senders[forecast->nsenders++] = read_sender(forecast, values, nulls);
	}
}

/* Returns the number of the sender of a row, which goes on with what it began. */
static int
sender_number(const ForecastReader *reader, Datum sender, bool isnull)
{
	const SenderNumber *number;

	if (isnull || reader->numbers == NULL)
		return FORECAST_NOBODY;
	number = hash_search(reader->numbers, DatumGetUUIDP(sender), HASH_FIND, NULL);
	return number ? number->number : FORECAST_NOBODY;
}

/* Adds messages that wait, and counts all that they may become. */
static void
add(const ForecastReader *reader, int sender, int step, bool is_new, TimestampTz due_at,
	int64 count)
{
	Forecast   *forecast = reader->forecast;

	forecast_add(forecast, sender, step, is_new, due_at, count);
	if (step >= 1 && step <= forecast->steps.count)
		forecast->total += Max(count, 0) * (forecast->steps.count - step + 1);
}

/* Adds messages of a step that wait since a time. */
static void
add_since(const ForecastReader *reader, int sender, int step, bool is_new, TimestampTz since,
		  int64 count)
{
	const QueueSteps *steps = &reader->forecast->steps;

	if (step >= 1 && step <= steps->count)
		add(reader, sender, step, is_new, due_at(&steps->rules[step - 1], since), count);
}

/* Reads what waits. */
static void
read_waiting(const ForecastReader *reader)
{
	Datum		key[] = {reader->subject->workspace, reader->subject->campaign};
	uint64		found = statement_read(&find_waiting, key);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[WAITING_COLUMNS];
		bool		nulls[WAITING_COLUMNS];
		int			sender;
		int64		count;

		statement_row(i, values, nulls);
		sender = sender_number(reader, values[WAITING_SENDER], nulls[WAITING_SENDER]);
		count = DatumGetInt64(values[WAITING_MESSAGES]);
		if (sender != FORECAST_NOBODY && !nulls[WAITING_DUE])
			add(reader, sender, DatumGetInt16(values[WAITING_STEP]), false,
				DatumGetTimestampTz(values[WAITING_DUE]), count);
		else
			add_since(reader, FORECAST_NOBODY, DatumGetInt16(values[WAITING_STEP]),
					  DatumGetBool(values[WAITING_IS_NEW]),
					  DatumGetTimestampTz(values[WAITING_SINCE]), count);
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Reads what workers hold.  What they have not reported on is sent now, which limits have
 * counted before; if their lease has run out, it waits again, and is not new.
 */
static void
read_leased(const ForecastReader *reader)
{
	Forecast   *forecast = reader->forecast;
	TimestampTz now = reader->subject->now;
	Datum		key[] = {reader->subject->workspace, reader->subject->campaign,
	TimestampTzGetDatum(now)};
	uint64		found = statement_read(&find_leased, key);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[LEASED_COLUMNS];
		bool		nulls[LEASED_COLUMNS];
		int			sender;
		int			step;
		int64		goes_on;

		statement_row(i, values, nulls);
		sender = sender_number(reader, values[LEASED_SENDER], nulls[LEASED_SENDER]);
		step = DatumGetInt16(values[LEASED_STEP]);
		goes_on = DatumGetInt64(values[LEASED_COMPLETED]);
		if (step < 1 || step > forecast->steps.count)
			continue;
		if (DatumGetBool(values[LEASED_IS_LOST]))
			add_since(reader, sender, step, false, DatumGetTimestampTz(values[LEASED_SINCE]),
					  DatumGetInt64(values[LEASED_ACTIVE]));
		else
		{
			forecast_count_due(&forecast->days, step, now, DatumGetInt64(values[LEASED_OPEN]));
			forecast_count_sent(&forecast->days, step, now, DatumGetInt64(values[LEASED_OPEN]));
			goes_on += DatumGetInt64(values[LEASED_ACTIVE]);
		}
		add_since(reader, sender, step + 1, false, now, goes_on);
	}
}

/* Reads what there is. */
void
forecast_read(Forecast *forecast, const ForecastSubject *subject)
{
	ForecastReader reader = {forecast, subject, NULL};

	memset(forecast, 0, sizeof(Forecast));
	read_steps(&reader, read_limits(&reader));
	if (subject->assumed.has_senders)
		assume_senders(&reader);
	else if (forecast->limits.has_pool)
		read_senders(&reader);
	forecast_init(forecast, subject->now);
	read_waiting(&reader);
	read_leased(&reader);
	add_since(&reader, FORECAST_NOBODY, 1, true, subject->now, subject->assumed.new_leads);
}
