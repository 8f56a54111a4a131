/*
 * queue_close.c
 *		What becomes of the messages of a lease.
 *
 * A lease closes once: when everything is settled, or when it has run out.  That
 * queues the next step for what was completed in it, in one batch a step.  What
 * failed, or is not settled in time, waits again for one attempt more, or has
 * failed for good.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "queue.h"
#include "statement.h"

/* Wait before attempts two to five: a minute, then four times as long each. */
#define BACKOFF_FIRST (USECS_PER_MINUTE)
#define BACKOFF_FACTOR 4

static Statement find_batches = STATEMENT(
	"SELECT b.step, b.lead_ids"
	" FROM unnest($2) WITH ORDINALITY AS u (batch_id, number)"
	" LEFT JOIN LATERAL ("
	" SELECT b.step, b.lead_ids FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = u.batch_id"
	" OFFSET 0) b ON true"
	" ORDER BY u.number",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID);

/* A range of a lease with what its batch says of it. */
typedef struct LeasedBatch
{
	int			step;			/* 0: the batch is gone */
	const pg_uuid_t *lead_ids;	/* of the whole batch */
} LeasedBatch;

/* Finds the batches of the ranges of a lease. */
static LeasedBatch *
find_leased_batches(const QueueLease *lease)
{
	LeasedBatch *batches = palloc(sizeof(LeasedBatch) * Max(lease->nranges, 1));
	Datum	   *ids = palloc(sizeof(Datum) * Max(lease->nranges, 1));
	Datum		values[2] = {lease->workspace};
	bool		isnull;

	for (int i = 0; i < lease->nranges; i++)
		ids[i] = UUIDPGetDatum(&lease->ranges[i].batch_id);
	values[1] = statement_array(ids, NULL, lease->nranges, UUIDOID, &isnull);
	if (statement_execute(&find_batches, values, NULL) != (uint64) lease->nranges)
		elog(ERROR, "batches of a lease were not found one by one");
	for (int i = 0; i < lease->nranges; i++)
	{
		Datum		columns[2];
		bool		nulls[2];

		statement_row(i, columns, nulls);
		batches[i].step = nulls[0] ? 0 : DatumGetInt16(columns[0]);
		if (!nulls[0])
			batches[i].lead_ids = (const pg_uuid_t *) ARR_DATA_PTR(DatumGetArrayTypeP(columns[1]));
	}
	return batches;
}

/* Queues the next step for what was completed in a lease: a batch a step. */
static void
queue_follow_ups(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
				 TimestampTz now)
{
	pg_uuid_t  *lead_ids = palloc(sizeof(pg_uuid_t) * Max(lease->nmessages, 1));

	for (int step = 1; step < steps->count; step++)
	{
		int			count = 0;
		int			number = 0;

		for (int i = 0; i < lease->nranges; i++)
		{
			for (int position = lease->ranges[i].first; position <= lease->ranges[i].last; position++, number++)
			{
				if (batches[i].step == step && queue_lease_is_completed(lease, number))
					lead_ids[count++] = batches[i].lead_ids[position - 1];
			}
		}
		queue_enqueue(lease->workspace, UUIDPGetDatum(&lease->campaign), step + 1, now, lead_ids, count);
		if (count > 0 && steps->delay_days[step] == 0)
			queue_notify();
	}
}

/* Returns since when a message waits that is to be tried again. */
static TimestampTz
retry_since(const QueueSteps *steps, int step, int attempt, TimestampTz now)
{
	int64		wait = BACKOFF_FIRST;

	for (int i = 2; i < attempt; i++)
		wait *= BACKOFF_FACTOR;
	return now + wait - (step <= steps->count ? steps->delay_days[step - 1] : 0) * USECS_PER_DAY;
}

/*
 * Gives back messages of a lease, in order, which is one attempt more; those
 * that had their last one, or no batch to go back to, have failed.
 */
static void
give_back(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
		  const bool *given, const char *error, bool permanent, TimestampTz now)
{
	QueueRange *ranges = palloc(sizeof(QueueRange) * lease->nmessages);
	int		   *range_steps = palloc(sizeof(int) * lease->nmessages);
	TimestampTz *since = palloc(sizeof(TimestampTz) * lease->nmessages);
	QueueException *failed = palloc(sizeof(QueueException) * lease->nmessages);
	int			nranges = 0;
	int			nfailed = 0;
	int			number = 0;

	for (int i = 0; i < lease->nranges; i++)
	{
		const QueueRange *range = &lease->ranges[i];
		bool		last_one = permanent || range->attempt >= QUEUE_ATTEMPTS_MAX;
		QueueRange *open = NULL;

		for (int position = range->first; position <= range->last; position++, number++)
		{
			if (!given[number] || batches[i].step == 0)
				open = NULL;
			else if (last_one)
				failed[nfailed++] = (QueueException) {
					.lead_id = batches[i].lead_ids[position - 1], .batch_id = range->batch_id,
						.position = position, .step = batches[i].step, .attempt = range->attempt,
						.reason = error
				};
			else if (open)
				open->last = position;
			else
			{
				open = &ranges[nranges];
				*open = (QueueRange) {range->batch_id, position, position, range->attempt + 1};
				range_steps[nranges] = batches[i].step;
				since[nranges++] = retry_since(steps, batches[i].step, open->attempt, now);
			}
		}
	}
	if (nranges > 0)
		queue_put_back(lease, ranges, range_steps, since, nranges, error);
	queue_except(lease->workspace, UUIDPGetDatum(&lease->campaign), "failed", now, failed, nfailed);
}

/*
 * Writes what is settled of a locked lease, and closes it if that is all.  Runs
 * in SPI.
 */
void
queue_lease_save(QueueLease *lease, const QueueSteps *steps, TimestampTz now)
{
	bool		done = lease->nsettled == lease->nmessages;

	queue_lease_write(lease, done ? "closed" : NULL, now);
	if (done && lease->sent > 0 && steps->count > 1)
		queue_follow_ups(lease, steps, find_leased_batches(lease), now);
}

/*
 * Gives messages of a locked lease back, by their numbers, of which none is
 * settled: to be tried again, or for good.  Runs in SPI.
 */
void
queue_lease_fail(QueueLease *lease, const QueueSteps *steps, const int *numbers,
				 int count, const char *error, bool permanent, TimestampTz now)
{
	bool	   *given = palloc0(sizeof(bool) * lease->nmessages);

	for (int i = 0; i < count; i++)
	{
		given[numbers[i]] = true;
		queue_lease_settle(lease, numbers[i], false);
	}
	give_back(lease, steps, find_leased_batches(lease), given, error, permanent, now);
	queue_lease_save(lease, steps, now);
}

/*
 * Closes a locked lease that has run out: gives back what is not settled.  Runs
 * in SPI.
 */
void
queue_lease_lose(QueueLease *lease, const QueueSteps *steps, TimestampTz now)
{
	LeasedBatch *batches = find_leased_batches(lease);
	bool	   *given = palloc(sizeof(bool) * lease->nmessages);

	for (int i = 0; i < lease->nmessages; i++)
		given[i] = !queue_lease_is_settled(lease, i);
	queue_lease_write(lease, "lost", now);
	give_back(lease, steps, batches, given, "lease expired", false, now);
	queue_follow_ups(lease, steps, batches, now);
}
