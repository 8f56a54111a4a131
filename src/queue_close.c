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
#include "due.h"
#include "lease.h"
#include "queue.h"
#include "statement.h"

/* Waits before attempts two to five. */
static const int retry_minutes[] = {1, 4, 16, 64};
static const LeaseRetries retries = {lengthof(retry_minutes), retry_minutes};

StaticAssertDecl(lengthof(retry_minutes) == QUEUE_ATTEMPTS_MAX - 1, "attempts of messages");

static Statement find_batches = STATEMENT(
	"SELECT b.step, b.lead_ids"
	" FROM unnest($2) WITH ORDINALITY AS u (batch_id, number)"
	" LEFT JOIN LATERAL ("
	" SELECT b.step, b.lead_ids FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = u.batch_id AND b.campaign_id = $3"
	" OFFSET 0) b ON true"
	" ORDER BY u.number",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, UUIDOID);

/* A range of a lease with what its batch says of it. */
typedef struct LeasedBatch
{
	int			step;			/* 0: the batch is gone */
	const pg_uuid_t *lead_ids;	/* of the whole batch */
} LeasedBatch;

/*
 * Reads what the batch of a range says.  One of another form than batches have, or
 * without these positions, is as good as gone.
 */
static LeasedBatch
read_leased_batch(const QueueRange *range, const Datum *columns, const bool *nulls)
{
	LeasedBatch batch = {0, NULL};
	int			step = nulls[0] ? 0 : DatumGetInt16(columns[0]);
	int			count;

	if (step < 1 || step > QUEUE_STEPS_MAX)
		return batch;
	batch.lead_ids = statement_elements(columns[1], &count);
	if (batch.lead_ids && range->last <= count)
		batch.step = step;
	return batch;
}

/* Finds the batches of the ranges of a lease. */
static LeasedBatch *
find_leased_batches(const QueueLease *lease)
{
	LeasedBatch *batches = palloc(sizeof(LeasedBatch) * Max(lease->ranges.count, 1));
	Datum		values[] = {lease->workspace,
		statement_uuids(&lease->ranges.items->batch_id, sizeof(QueueRange), lease->ranges.count),
	UUIDPGetDatum(&lease->campaign)};

	if (statement_execute(&find_batches, values, NULL) != (uint64) lease->ranges.count)
		elog(ERROR, "batches of a lease were not found one by one");
	for (int i = 0; i < lease->ranges.count; i++)
	{
		Datum		columns[2];
		bool		nulls[2];

		statement_row(i, columns, nulls);
		batches[i] = read_leased_batch(&lease->ranges.items[i], columns, nulls);
	}
	return batches;
}

/* Queues the next step for what was completed in a lease: a batch a step. */
static void
queue_follow_ups(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
				 TimestampTz now)
{
	pg_uuid_t  *lead_ids = palloc(sizeof(pg_uuid_t) * Max(lease->ranges.nmessages, 1));

	for (int step = 1; step < steps->count; step++)
	{
		int			count = 0;
		int			number = 0;

		for (int i = 0; i < lease->ranges.count; i++)
		{
			const QueueRange *range = &lease->ranges.items[i];

			for (int position = range->first; position <= range->last; position++, number++)
			{
				if (batches[i].step == step && queue_lease_is_completed(lease, number))
					lead_ids[count++] = batches[i].lead_ids[position - 1];
			}
		}
		queue_enqueue(lease->workspace, UUIDPGetDatum(&lease->campaign), step + 1, now, lead_ids, count);
		if (count > 0 && due_at(&steps->rules[step], now) <= now)
			queue_notify();
	}
}

/* Returns since when a message of a step waits in order to be due at a time. */
static TimestampTz
wait_since(const QueueSteps *steps, int step, TimestampTz time)
{
	return step <= steps->count ? due_since(&steps->rules[step - 1], time) : time;
}

/*
 * Gives back messages of a lease, in order, which is one attempt more; those
 * that had their last one, or no batch to go back to, have failed.
 */
static void
give_back(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
		  const bool *given, const char *error, bool permanent, TimestampTz now)
{
	QueueWaiting *waiting = palloc(sizeof(QueueWaiting) * lease->ranges.nmessages);
	QueueException *failed = palloc(sizeof(QueueException) * lease->ranges.nmessages);
	int			nwaiting = 0;
	int			nfailed = 0;
	int			number = 0;

	for (int i = 0; i < lease->ranges.count; i++)
	{
		const QueueRange *range = &lease->ranges.items[i];
		TimestampTz retry_at;
		bool		last_one = permanent || !lease_retry_at(&retries, range->attempt, now, &retry_at);
		QueueRange *open = NULL;

		for (int position = range->first; position <= range->last; position++, number++)
		{
			if (!given[number] || batches[i].step == 0)
				open = NULL;
			else if (last_one)
				failed[nfailed++] = (QueueException) {
					.lead_id = batches[i].lead_ids[position - 1], .batch_id = range->batch_id,
						.position = position, .step = batches[i].step, .attempt = range->attempt,
						.state = "failed", .reason = error
				};
			else if (open)
				open->last = position;
			else
			{
				waiting[nwaiting].step = batches[i].step;
				open = &waiting[nwaiting].range;
				*open = (QueueRange) {range->batch_id, position, position, range->attempt + 1, 0};
				waiting[nwaiting++].since = wait_since(steps, batches[i].step, retry_at);
			}
		}
	}
	queue_put_back(lease, waiting, nwaiting, error);
	queue_except(lease->workspace, UUIDPGetDatum(&lease->campaign), now, failed, nfailed);
}

/* Writes what is settled of a locked lease; batches may be NULL: not found yet. */
static void
save(QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches, TimestampTz now)
{
	bool		done = queue_lease_is_done(lease);

	queue_lease_write(lease, done ? "closed" : "open", now);
	if (done && lease->sent > 0 && steps->count > 1)
		queue_follow_ups(lease, steps, batches ? batches : find_leased_batches(lease), now);
}

/*
 * Writes what is settled of a locked lease, and closes it if that is all: then
 * the steps of its campaign are needed.  Runs in SPI.
 */
void
queue_lease_save(QueueLease *lease, const QueueSteps *steps, TimestampTz now)
{
	save(lease, steps, NULL, now);
}

/*
 * Gives messages of a locked lease back, by their numbers, of which none is
 * settled: to be tried again, or for good.  Runs in SPI.
 */
void
queue_lease_fail(QueueLease *lease, const QueueSteps *steps, const int *numbers,
				 int count, const char *error, bool permanent, TimestampTz now)
{
	LeasedBatch *batches = find_leased_batches(lease);
	bool	   *given = palloc0(sizeof(bool) * lease->ranges.nmessages);

	for (int i = 0; i < count; i++)
	{
		given[numbers[i]] = true;
		queue_lease_settle(lease, numbers[i], false);
	}
	give_back(lease, steps, batches, given, error, permanent, now);
	save(lease, steps, batches, now);
}

/*
 * Closes a locked lease that has run out: gives back what is not settled.  Runs
 * in SPI.
 */
void
queue_lease_lose(QueueLease *lease, const QueueSteps *steps, TimestampTz now)
{
	LeasedBatch *batches = find_leased_batches(lease);
	bool	   *given = palloc(sizeof(bool) * lease->ranges.nmessages);

	for (int i = 0; i < lease->ranges.nmessages; i++)
		given[i] = !queue_lease_is_settled(lease, i);
	queue_lease_write(lease, "lost", now);
	give_back(lease, steps, batches, given, LEASE_EXPIRED, false, now);
	queue_follow_ups(lease, steps, batches, now);
}
