/*
 * queue_count.c
 *		What the queue tells those who count messages: its leases, and its batches.
 *
 * A row that is none that a claim made is left out.  All is read under the caller's
 * snapshot, so that what one statement finds belongs to what the next one does.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

/* Columns of the statements that read leases. */
enum
{
	OUTCOME_ID,
	OUTCOME_EXPIRES,
	OUTCOME_CLOSED,
	OUTCOME_CLAIMED,
	OUTCOME_SENDER,
	OUTCOME_IS_CLOSED,
	OUTCOME_COMPLETED,
	OUTCOME_VARIANTS,
	OUTCOME_BATCHES,
	OUTCOME_FIRSTS,
	OUTCOME_LASTS,
	OUTCOME_ATTEMPTS,
	OUTCOME_COLUMNS
};

#define OUTCOME_LIST \
	"l.lease_id, l.expires_at, l.closed_at, l.claimed_at, l.sender_id, l.state = 'closed'," \
	" l.completed, l.variants, l.batch_ids, l.firsts, l.lasts, l.attempts"

/* In the order in which they were claimed. */
static Statement find_leases = STATEMENT(
	"SELECT " OUTCOME_LIST " FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.campaign_id = $2"
	" ORDER BY l.lease_id",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_these_leases = STATEMENT(
	"SELECT l.* FROM unnest($3) AS u (lease_id)"
	" CROSS JOIN LATERAL ("
	" SELECT " OUTCOME_LIST " FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.lease_id = u.lease_id AND l.campaign_id = $2"
	" OFFSET 0) l",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID);

static Statement find_batches = STATEMENT(
	"SELECT b.batch_id, b.step, b.size, b.waiting_since FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_these_batches = STATEMENT(
	"SELECT b.batch_id, b.step, b.size, b.waiting_since"
	" FROM (SELECT DISTINCT u.batch_id FROM unnest($3) AS u (batch_id)) u"
	" CROSS JOIN LATERAL ("
	" SELECT b.batch_id, b.step, b.size, b.waiting_since FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = u.batch_id AND b.campaign_id = $2"
	" OFFSET 0) b",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID);

static Statement count_exceptions = STATEMENT(
	"SELECT x.step, x.state = 'failed',"
	" CASE WHEN $3 THEN leadterra.zone_day($4, x.created_at) END, count(*)"
	" FROM leadterra.exceptions x"
	" WHERE x.workspace_id = $1 AND x.campaign_id = $2"
	" GROUP BY 1, 2, 3",
	SPI_OK_SELECT, UUIDOID, UUIDOID, BOOLOID, TEXTOID);

static Statement count_these_exceptions = STATEMENT(
	"SELECT x.step, x.state = 'failed',"
	" CASE WHEN $3 THEN leadterra.zone_day($4, x.created_at) END, count(*)"
	" FROM leadterra.exceptions x"
	" WHERE x.workspace_id = $1 AND x.campaign_id = $2 AND x.batch_id = ANY ($5)"
	" GROUP BY 1, 2, 3",
	SPI_OK_SELECT, UUIDOID, UUIDOID, BOOLOID, TEXTOID, UUIDARRAYOID);

/* Begins to read leases of a campaign: those given, or all where these are NULL.  Runs in SPI. */
void
queue_begin_outcomes(QueueOutcomes *outcomes, Datum workspace, Datum campaign,
					 const Datum *lease_ids, TimestampTz now)
{
	Datum		values[] = {workspace, campaign, lease_ids ? *lease_ids : (Datum) 0};

	outcomes->now = now;
	outcomes->context = AllocSetContextCreate(CurrentMemoryContext, "leadterra lease",
											  ALLOCSET_SMALL_SIZES);
	statement_begin_read(&outcomes->rows, lease_ids ? &find_these_leases : &find_leases, values);
}

/*
 * Says when what was completed in a lease counts as sent: when it was handed out, where
 * that is known and counts for limits, or else when the lease ended.  While it is open, that
 * is now.
 */
static TimestampTz
find_sent_at(const Datum *values, const bool *nulls, TimestampTz now)
{
	TimestampTz ended = nulls[OUTCOME_CLOSED] ? now : DatumGetTimestampTz(values[OUTCOME_CLOSED]);

	if (!nulls[OUTCOME_CLAIMED])
		return DatumGetTimestampTz(values[OUTCOME_CLAIMED]);
	/* It may have been found long after it ran out. */
	return Min(ended, DatumGetTimestampTz(values[OUTCOME_EXPIRES]));
}

/* Reads the row of a lease; false unless it is such as a claim makes. */
static bool
read_outcome(const Datum *values, const bool *nulls, TimestampTz now, QueueOutcome *outcome)
{
	bytea	   *completed = nulls[OUTCOME_COMPLETED] ? NULL :
		DatumGetByteaPP(values[OUTCOME_COMPLETED]);
	bytea	   *variants = nulls[OUTCOME_VARIANTS] ? NULL :
		DatumGetByteaPP(values[OUTCOME_VARIANTS]);

	if (!queue_lease_read_arrays(&outcome->ranges, &values[OUTCOME_BATCHES], true) ||
		!queue_lease_bytes_are_valid(outcome->ranges.nmessages, NULL, completed, variants))
		return false;
	outcome->lease_id = *DatumGetUUIDP(values[OUTCOME_ID]);
	outcome->sender = (pg_uuid_t) {0};
	if (!nulls[OUTCOME_SENDER])
		outcome->sender = *DatumGetUUIDP(values[OUTCOME_SENDER]);
	outcome->sent_at = find_sent_at(values, nulls, now);
	outcome->all_completed = completed == NULL && DatumGetBool(values[OUTCOME_IS_CLOSED]);
	outcome->completed = completed ? (const uint8 *) VARDATA_ANY(completed) : NULL;
	outcome->variants = variants ? (const uint8 *) VARDATA_ANY(variants) : NULL;
	return true;
}

/*
 * Reads the next lease, which stays until the one after it is read; false if there is
 * none.  Runs in SPI.
 */
bool
queue_read_outcome(QueueOutcomes *outcomes, QueueOutcome *outcome)
{
	Datum		values[OUTCOME_COLUMNS];
	bool		nulls[OUTCOME_COLUMNS];

	while (statement_read_next(&outcomes->rows, values, nulls))
	{
		MemoryContext caller_context;
		bool		is_valid;

		MemoryContextReset(outcomes->context);
		caller_context = MemoryContextSwitchTo(outcomes->context);
		is_valid = read_outcome(values, nulls, outcomes->now, outcome);
		MemoryContextSwitchTo(caller_context);
		if (is_valid)
			return true;
	}
	MemoryContextDelete(outcomes->context);
	return false;
}

/*
 * Finds batches of a campaign: those given, or all where these are NULL.  Of one that is
 * gone there is none.  Runs in SPI.
 */
void
queue_find_batches(Datum workspace, Datum campaign, const Datum *batch_ids, QueueBatches *batches)
{
	Datum		parameters[] = {workspace, campaign, batch_ids ? *batch_ids : (Datum) 0};
	Datum		values[4];
	bool		nulls[4];
	StatementRows rows;

	*batches = (QueueBatches) {.room = 1024, .items = palloc(sizeof(QueueBatch) * 1024)};
	statement_begin_read(&rows, batch_ids ? &find_these_batches : &find_batches, parameters);
	while (statement_read_next(&rows, values, nulls))
	{
		QueueBatch *batch;

		if (batches->count == batches->room)
		{
			batches->room *= 2;
			batches->items = repalloc_huge(batches->items, sizeof(QueueBatch) * batches->room);
		}
		batch = &batches->items[batches->count++];
		batch->batch_id = *DatumGetUUIDP(values[0]);
		batch->step = DatumGetInt16(values[1]);
		batch->size = Max(Min(DatumGetInt16(values[2]), QUEUE_BATCH_MAX), 0);
		batch->since = DatumGetTimestampTz(values[3]);
	}
	/* The id comes first in it. */
	qsort(batches->items, batches->count, sizeof(QueueBatch), uuid7_compare);
	for (int64 i = 0; i < batches->count; i++)
	{
		batches->items[i].start = batches->nmessages;
		batches->nmessages += batches->items[i].size;
	}
}

/* Returns a batch by its id; NULL if it is none of those that were found. */
const QueueBatch *
queue_batch_of(const QueueBatches *batches, const pg_uuid_t *batch_id)
{
	return bsearch(batch_id, batches->items, batches->count, sizeof(QueueBatch), uuid7_compare);
}

/*
 * Begins to count messages of a campaign that were not sent, of batches or, where these are
 * NULL, of all; by days of a zone, or together where it is NULL.  Runs in SPI.
 */
void
queue_begin_exceptions(StatementRows *rows, Datum workspace, Datum campaign,
					   const Datum *batch_ids, const char *zone)
{
	Datum		parameters[] = {workspace, campaign, BoolGetDatum(zone != NULL),
		CStringGetTextDatum(zone ? zone : ""), batch_ids ? *batch_ids : (Datum) 0};

	statement_begin_read(rows, batch_ids ? &count_these_exceptions : &count_exceptions, parameters);
}

/* Reads the next of these counts; false if there is none.  Runs in SPI. */
bool
queue_read_exceptions(StatementRows *rows, QueueExceptionCount *found)
{
	Datum		values[4];
	bool		nulls[4];

	if (!statement_read_next(rows, values, nulls))
		return false;
	*found = (QueueExceptionCount) {
		.step = DatumGetInt16(values[0]), .is_failed = DatumGetBool(values[1]),
			.day = nulls[2] ? 0 : DatumGetDateADT(values[2]), .count = DatumGetInt64(values[3])
	};
	return true;
}
