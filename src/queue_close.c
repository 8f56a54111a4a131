/*
 * queue_close.c
 *		What becomes of the messages of a lease.
 *
 * A lease closes once: when everything is settled, or when it has run out.  That
 * queues the next step for what was completed in it, in one batch a step.  What
 * failed waits again for one attempt more, or has failed for good.  What was put off,
 * given back, or not settled in time waits for the same attempt.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "due.h"
#include "lease.h"
#include "queue.h"
#include "statement.h"
#include "webhook.h"

/* Waits before attempts two to five. */
static const int retry_minutes[] = {1, 4, 16, 64};
static const LeaseRetries retries = {lengthof(retry_minutes), retry_minutes};

StaticAssertDecl(lengthof(retry_minutes) == LEASE_ATTEMPTS_MAX - 1, "attempts of messages");

/* How long a message waits that was lost alone, where all workers seem to die. */
#define LOST_WAIT (60 * USECS_PER_MINUTE)

static Statement find_batches = STATEMENT(
	"SELECT b.step, b.lead_ids, b.waiting_since"
	" FROM unnest($2) WITH ORDINALITY AS u (batch_id, number)"
	" LEFT JOIN LATERAL ("
	" SELECT b.step, b.lead_ids, b.waiting_since FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = u.batch_id AND b.campaign_id = $3"
	" OFFSET 0) b ON true"
	" ORDER BY u.number",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, UUIDOID);

/* A range of a lease with what its batch says of it. */
typedef struct LeasedBatch
{
	int			step;			/* 0: the batch is gone */
	const pg_uuid_t *lead_ids;	/* of the whole batch */
	TimestampTz since;			/* it waited */
} LeasedBatch;

/* Messages of a lease that go back, and all that decides what becomes of them. */
typedef struct LeaseReturn
{
	const QueueLease *lease;
	const QueueSteps *steps;
	const LeasedBatch *batches;
	const bool *given;			/* a flag a message */
	QueueVerdict verdict;
	QueueLosses losses;			/* from now on */
	TimestampTz now;
} LeaseReturn;

/*
 * Reads what the batch of a range says.  One of another form than batches have, or
 * without these positions, is as good as gone.
 */
static LeasedBatch
read_leased_batch(const QueueRange *range, const Datum *columns, const bool *nulls)
{
	LeasedBatch batch = {0, NULL, DT_NOBEGIN};
	int			step = nulls[0] ? 0 : DatumGetInt16(columns[0]);
	int			count;

	if (step < 1 || step > QUEUE_STEPS_MAX)
		return batch;
	batch.lead_ids = statement_elements(columns[1], &count);
	if (batch.lead_ids && range->last <= count)
		batch.step = step;
	batch.since = DatumGetTimestampTz(columns[2]);
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
		Datum		columns[3];
		bool		nulls[3];

		statement_row(i, columns, nulls);
		batches[i] = read_leased_batch(&lease->ranges.items[i], columns, nulls);
	}
	return batches;
}

/*
 * Queues the step after one for what was completed of that in a lease, and returns for how
 * many leads.
 */
static int
queue_follow_up(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
				int step, TimestampTz since, TimestampTz now)
{
	pg_uuid_t  *lead_ids = palloc(sizeof(pg_uuid_t) * Max(lease->ranges.nmessages, 1));
	QueueEnqueued queued = {
		lease->workspace, UUIDPGetDatum(&lease->campaign), step + 1, since,
		&lease->next_sender, due_at(&steps->rules[step], since), &lease->lease_id
	};
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
	queue_enqueue(&queued, lead_ids, count);
	if (count > 0 && queued.due_at <= now)
		queue_notify();
	pfree(lead_ids);
	return count;
}

/* Queues the next step for what was completed in a lease: a batch a step. */
static void
queue_follow_ups(const QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches,
				 TimestampTz now)
{
	for (int step = 1; step < steps->count; step++)
		queue_follow_up(lease, steps, batches, step, now, now);
}

/* Says since when a message waits in order to be due at a time. */
static void
wait_until(const QueueSteps *steps, TimestampTz time, QueueWaiting *again)
{
	again->since = again->step <= steps->count ?
		due_since(&steps->rules[again->step - 1], time) : time;
	again->due_at = time;
}

/* Lets a message stand where it stood. */
static void
wait_as_before(const QueueSteps *steps, TimestampTz since, QueueWaiting *again)
{
	again->since = since;
	again->due_at = again->step <= steps->count ?
		due_at(&steps->rules[again->step - 1], since) : since;
}

/* Puts off messages of a range; returns why they have failed if that is not possible any more. */
static const char *
defer(const LeaseReturn *back, QueueWaiting *again, TimestampTz *at)
{
	TimestampTz last = due_after(again->range.tried_at, QUEUE_DEFER_DAYS * USECS_PER_DAY);

	*at = Min(back->verdict.again_at, last);
	if (back->now < last)
		return NULL;
	return text_to_cstring(lease_error(cstring_to_text(psprintf("deferred for %d days: %s",
																QUEUE_DEFER_DAYS,
																back->verdict.reason))));
}

/*
 * Says when messages of a range wait again, if they do: returns NULL then, and otherwise
 * why they have failed.
 */
static const char *
decide(const LeaseReturn *back, const QueueRange *range, const LeasedBatch *batch,
	   QueueWaiting *again)
{
	QueueFate	fate = back->verdict.fate;
	bool		is_untried = TIMESTAMP_IS_NOBEGIN(range->tried_at);
	bool		has_to_rest = fate == QUEUE_LOSE && back->losses.count == back->lease->losses.count;
	const char *failure = NULL;
	TimestampTz at = has_to_rest ? due_after(back->now, LOST_WAIT) : back->now;

	*again = (QueueWaiting) {.range = *range, .step = batch->step};
	again->range.is_begun = queue_has_sender(&back->lease->next_sender) ||
		!TIMESTAMP_IS_NOBEGIN(back->lease->claimed_at);
	if (is_untried && (fate == QUEUE_RETRY || fate == QUEUE_DEFER))
		again->range.tried_at = back->now;
	if (fate == QUEUE_FAIL ||
		(fate == QUEUE_RETRY && !lease_retry_at(&retries, again->range.attempt++, back->now, &at)))
		failure = back->verdict.reason;
	else if (fate == QUEUE_DEFER)
		failure = defer(back, again, &at);
	else if (fate == QUEUE_LOSE && back->losses.count >= LEASE_LOSSES_MAX)
		failure = LEASE_KILLER;
	/* What is as it was stands where it stood, and not behind all that became due since. */
	if (again->range.attempt == 1 && TIMESTAMP_IS_NOBEGIN(again->range.tried_at) && !has_to_rest)
		wait_as_before(back->steps, batch->since, again);
	else
		wait_until(back->steps, at, again);
	return failure;
}

/*
 * Tells webhooks, who want these events, of those messages of a lease that have failed.  Runs
 * in SPI.
 */
void
queue_tell_failed(const QueueLease *lease, const char *webhooks,
				  const QueueException *exceptions, int count)
{
	pg_uuid_t  *message_ids;
	int			nfailed = 0;

	/* Every chunk of every claim comes here. */
	if (count == 0 || !webhook_wants(webhooks, "message.failed"))
		return;
	message_ids = palloc(sizeof(pg_uuid_t) * count);
	for (int i = 0; i < count; i++)
	{
		if (strcmp(exceptions[i].state, "failed") == 0)
			message_ids[nfailed++] = queue_message_id(&exceptions[i].batch_id,
													  exceptions[i].position);
	}
	if (nfailed > 0)
		webhook_tell(&(WebhookNews) {
			.workspace = lease->workspace, .campaign = &lease->campaign,
				.event = "message.failed", .message_ids = message_ids, .size = nfailed
		});
	pfree(message_ids);
}

/* Tells webhooks of a lease that has ended. */
static void
tell_closed(const QueueLease *lease, const QueueSteps *steps)
{
	if (lease->sent > 0 && webhook_wants(steps->webhooks, "message.sent"))
		webhook_tell(&(WebhookNews) {
			.workspace = lease->workspace, .campaign = &lease->campaign,
				.event = "message.sent", .lease_id = &lease->lease_id,
				.size = lease->ranges.nmessages
		});
	if (webhook_wants(steps->webhooks, "campaign.finished"))
		webhook_tell_finished(lease->workspace, &lease->campaign, false);
}

/*
 * Gives back messages of a lease, in order; those that have no batch to go back to are
 * dropped.  Returns how many were the first of their leads, and nobody had had them before.
 */
static int
give_back(const LeaseReturn *back)
{
	const QueueRanges *ranges = &back->lease->ranges;
	QueueWaiting *waiting = palloc(sizeof(QueueWaiting) * ranges->nmessages);
	QueueException *failed = palloc(sizeof(QueueException) * ranges->nmessages);
	int			nwaiting = 0;
	int			nfailed = 0;
	int			nnew = 0;
	int			number = 0;

	for (int i = 0; i < ranges->count; i++)
	{
		const QueueRange *range = &ranges->items[i];
		const LeasedBatch *batch = &back->batches[i];
		QueueRange	taken = {
			.step = batch->step, .attempt = range->attempt, .tried_at = range->tried_at
		};
		bool		is_new = queue_is_new(&taken, back->lease->losses.count);
		QueueWaiting again = {0};
		const char *failure = batch->step > 0 ? decide(back, range, batch, &again) : NULL;
		QueueRange *open = NULL;

		for (int position = range->first; position <= range->last; position++, number++)
		{
			nnew += is_new && back->given[number];
			if (!back->given[number] || batch->step == 0)
				open = NULL;
			else if (failure)
				failed[nfailed++] = (QueueException) {
					.lead_id = batch->lead_ids[position - 1], .batch_id = range->batch_id,
						.position = position, .step = batch->step, .attempt = range->attempt,
						.state = "failed", .reason = failure
				};
			else if (open)
				open->last = position;
			else
			{
				waiting[nwaiting] = again;
				open = &waiting[nwaiting++].range;
				open->first = open->last = position;
			}
		}
	}
	queue_put_back(back->lease, waiting, nwaiting, &back->losses, back->verdict.reason);
	queue_except(back->lease->workspace, UUIDPGetDatum(&back->lease->campaign), back->now,
				 failed, nfailed);
	if (!back->verdict.is_bounce)
		queue_tell_failed(back->lease, back->steps->webhooks, failed, nfailed);
	return nnew;
}

/* Writes what is settled of a locked lease; batches may be NULL: not found yet. */
static void
save(QueueLease *lease, const QueueSteps *steps, const LeasedBatch *batches, TimestampTz now)
{
	bool		done = queue_lease_is_done(lease);

	queue_lease_write(lease, done ? "closed" : "open", steps->count, now);
	if (done && lease->sent > 0 && steps->count > 1)
		queue_follow_ups(lease, steps, batches ? batches : find_leased_batches(lease), now);
	if (done)
		tell_closed(lease, steps);
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
 * settled.  Whoever reports on them has outlived them.  Returns how many were the first
 * of their leads, and nobody had had them before.  Runs in SPI.
 */
int
queue_lease_return(QueueLease *lease, const QueueSteps *steps, const int *numbers,
				   int count, const QueueVerdict *verdict, TimestampTz now)
{
	LeasedBatch *batches = find_leased_batches(lease);
	bool	   *given = palloc0(sizeof(bool) * lease->ranges.nmessages);
	LeaseReturn back = {lease, steps, batches, given, *verdict, {0, DT_NOBEGIN}, now};
	int			nnew;

	if (verdict->fate == QUEUE_RELEASE)
		back.losses = lease->losses;
	for (int i = 0; i < count; i++)
	{
		given[numbers[i]] = true;
		queue_lease_settle(lease, numbers[i], false);
	}
	nnew = give_back(&back);
	save(lease, steps, batches, now);
	return nnew;
}

/* Counts the loss of a lease that has run out. */
static QueueLosses
count_loss(const QueueLease *lease)
{
	bool		others_completed = lease->losses.count + 1 >= LEASE_LOSSES_MAX &&
		queue_lease_find_completed(lease->workspace, lease->losses.last);

	return (QueueLosses) {lease_lose(lease->losses.count, others_completed), lease->expires_at};
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
	LeaseReturn back = {
		lease, steps, batches, given, {.fate = QUEUE_LOSE, .reason = LEASE_EXPIRED},
		count_loss(lease), now
	};

	for (int i = 0; i < lease->ranges.nmessages; i++)
		given[i] = !queue_lease_is_settled(lease, i);
	queue_lease_write(lease, "lost", steps->count, now);
	(void) give_back(&back);
	queue_follow_ups(lease, steps, batches, now);
	tell_closed(lease, steps);
}

/*
 * Queues the step after the last there was when a locked lease ended, for those who had
 * completed that in it; returns how many they are.  The delay runs from then.  Runs in SPI.
 */
int
queue_lease_continue(QueueLease *lease, const QueueSteps *steps, TimestampTz now)
{
	if (lease->nsteps < 1 || lease->nsteps >= steps->count)
		return 0;
	return queue_follow_up(lease, steps, find_leased_batches(lease), lease->nsteps,
						   lease->closed_at, now);
}
