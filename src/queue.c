/*
 * queue.c
 *		The queue: batches of leads at the same step, and ranges of them that wait.
 *
 * A batch is one row with an array of lead ids, written once; a message is a
 * position in it.  See sql/20_table/queue.sql for the layout.  Taking what is due is
 * in queue_take.c, what workers hold in queue_lease.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "error.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

/*
 * After how many batches of the first step, of all campaigns, a backend folds counts: a prime,
 * so that who enrolls in several in turn comes to each.
 */
#define FOLD_AFTER 61

PG_FUNCTION_INFO_V1(lt_batch_is_valid);
PG_FUNCTION_INFO_V1(lt_range_is_valid);
PG_FUNCTION_INFO_V1(lt_enqueue);
PG_FUNCTION_INFO_V1(lt_message_id);
PG_FUNCTION_INFO_V1(lt_message_batch);
PG_FUNCTION_INFO_V1(lt_message_position);
PG_FUNCTION_INFO_V1(lt_count_members);
PG_FUNCTION_INFO_V1(lt_least_id);
PG_FUNCTION_INFO_V1(lt_greatest_id);

/* The range of a new batch has the batch's id, as has the count of one of the first step. */
#define BATCH_STATEMENT(counted) STATEMENT( \
	"WITH batch AS (" \
	" INSERT INTO leadterra.batches" \
	" (workspace_id, batch_id, campaign_id, step, size, waiting_since, lead_ids, after_lease_id)" \
	" VALUES ($1, $2, $3, $4, $5, $6, $7, $10))" \
	counted \
	" INSERT INTO leadterra.waiting" \
	" (workspace_id, campaign_id, step, waiting_since, range_id, batch_id, first, last," \
	" sender_id, due_at)" \
	" VALUES ($1, $3, $4, $6, $2, $2, 1, $5, $8, $9)", \
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, INT2OID, INT2OID, TIMESTAMPTZOID, UUIDARRAYOID, \
	UUIDOID, TIMESTAMPTZOID, UUIDOID)

static Statement insert_batch = BATCH_STATEMENT("");

static Statement insert_first_batch = BATCH_STATEMENT(
	", counted AS ("
	" INSERT INTO leadterra.enrolled_counts (workspace_id, campaign_id, count_id, leads)"
	" VALUES ($1, $3, $2, $5))");

static Statement fold_counts = STATEMENT(
	"SELECT leadterra.fold_counts($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement insert_waiting = STATEMENT(
	"INSERT INTO leadterra.waiting"
	" (workspace_id, campaign_id, step, waiting_since, range_id, batch_id,"
	" first, last, attempt, tried_at, losses, lost_at, error, due_at, sender_id)"
	" SELECT $1, $2, u.step, u.waiting_since, u.range_id, u.batch_id,"
	" u.first, u.last, u.attempt, u.tried_at, $11, $12, $13, u.due_at,"
	" CASE WHEN u.due_at IS NULL THEN '00000000-0000-0000-0000-000000000000' ELSE $15 END"
	" FROM unnest($3, $4, $5, $6, $7, $8, $9, $10, $14)"
	" AS u (step, waiting_since, range_id, batch_id, first, last, attempt, tried_at, due_at)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, INT2ARRAYOID, TIMESTAMPTZARRAYOID, UUIDARRAYOID, UUIDARRAYOID,
	INT2ARRAYOID, INT2ARRAYOID, INT2ARRAYOID, TIMESTAMPTZARRAYOID,
	INT2OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZARRAYOID, UUIDOID);

/* One that is noted already has ended, whatever ends it again. */
static Statement insert_exceptions = STATEMENT(
	"INSERT INTO leadterra.exceptions"
	" (workspace_id, campaign_id, lead_id, step, batch_id, position,"
	" state, reason, attempt, created_at)"
	" SELECT $1, $2, u.lead_id, u.step, u.batch_id, u.position, u.state, u.reason, u.attempt, $3"
	" FROM unnest($4, $5, $6, $7, $8, $9, $10)"
	" AS u (lead_id, step, batch_id, position, attempt, state, reason)"
	" ON CONFLICT DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TIMESTAMPTZOID, UUIDARRAYOID, INT2ARRAYOID, UUIDARRAYOID,
	INT2ARRAYOID, INT2ARRAYOID, TEXTARRAYOID, TEXTARRAYOID);

/*
 * A message that is queued again is due since it first was, and has the sender of the
 * message before it.
 */
static Statement requeue = STATEMENT(
	"WITH ended AS ("
	" DELETE FROM leadterra.exceptions"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND lead_id = $3 AND ($4 IS NULL OR reason = $4)"
	" RETURNING step, batch_id, position)"
	" INSERT INTO leadterra.waiting"
	" (workspace_id, campaign_id, step, waiting_since, range_id, batch_id, first, last,"
	" sender_id, due_at)"
	" SELECT $1, $2, e.step, b.waiting_since, $5, e.batch_id, e.position, e.position,"
	" coalesce(h.sender_id, leadterra.nobody()),"
	" CASE WHEN h.sender_id IS NOT NULL THEN b.waiting_since END"
	" FROM ended e"
	" CROSS JOIN LATERAL ("
	" SELECT b.waiting_since, b.after_lease_id FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = e.batch_id"
	" OFFSET 0) b"
	" LEFT JOIN LATERAL ("
	" SELECT leadterra.sender_heir($1, l.sender_id) AS sender_id FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.lease_id = b.after_lease_id AND l.sender_id IS NOT NULL"
	" OFFSET 0) h ON true",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, TEXTOID, UUIDOID);

/* SQL: leadterra.batch_is_valid(batch_id, size, lead_ids) */
Datum
lt_batch_is_valid(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *batch_id = PG_GETARG_UUID_P(0);
	int			size = PG_GETARG_INT16(1);
	int			count;
	const void *lead_ids = statement_elements(PG_GETARG_DATUM(2), &count);

	PG_RETURN_BOOL(lead_ids && count == size && size >= 1 && size <= QUEUE_BATCH_MAX &&
				   (batch_id->data[14] & 0x03) == 0 && batch_id->data[15] == 0);
}

/* Says whether positions are such as a batch may have, and an attempt is one that there is. */
bool
queue_is_range(int first, int last, int attempt)
{
	return first >= 1 && first <= last && last <= QUEUE_BATCH_MAX &&
		lease_is_attempt(attempt);
}

/*
 * SQL: leadterra.range_is_valid(step, first, last, attempt, losses, lost_at, sender_id, due_at)
 */
Datum
lt_range_is_valid(PG_FUNCTION_ARGS)
{
	for (int i = 0; i <= 4; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_BOOL(false);
	}
	if (PG_ARGISNULL(6) || (queue_has_sender(PG_GETARG_UUID_P(6)) && PG_ARGISNULL(7)))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(PG_GETARG_INT16(0) >= 1 && PG_GETARG_INT16(0) <= QUEUE_STEPS_MAX &&
				   queue_is_range(PG_GETARG_INT16(1), PG_GETARG_INT16(2), PG_GETARG_INT16(3)) &&
				   PG_GETARG_INT16(4) >= 0 && (PG_GETARG_INT16(4) == 0) == PG_ARGISNULL(5));
}

/* Adds a range to others, or goes on with the last one. */
void
queue_add_range(QueueRanges *ranges, const QueueRange *range)
{
	QueueRange *last = ranges->count > 0 ? &ranges->items[ranges->count - 1] : NULL;

	ranges->nmessages += range->last - range->first + 1;
	if (last && last->last + 1 == range->first &&
		last->attempt == range->attempt && last->step == range->step &&
		last->is_begun == range->is_begun &&
		last->tried_at == range->tried_at &&
		memcmp(&last->batch_id, &range->batch_id, UUID_LEN) == 0)
	{
		last->last = range->last;
		return;
	}
	if (ranges->count == ranges->room)
	{
		ranges->room = Max(2 * ranges->room, 16);
		ranges->items = ranges->count == 0 ? palloc(sizeof(QueueRange) * ranges->room) :
			repalloc_huge(ranges->items, sizeof(QueueRange) * ranges->room);
	}
	ranges->items[ranges->count++] = *range;
}

/* Makes the id of a batch: its low ten bits are zero. */
static void
make_batch_id(pg_uuid_t *id)
{
	uuid7_generate(id);
	id->data[14] &= 0xfc;
	id->data[15] = 0;
}

/* Now and then makes one of the counts of a campaign. */
static void
fold(const QueueEnqueued *queued)
{
	static int	nbatches = 0;
	Datum		values[] = {queued->workspace, queued->campaign};

	if (++nbatches < FOLD_AFTER)
		return;
	nbatches = 0;
	statement_execute(&fold_counts, values, NULL);
}

/*
 * Queues a step of a campaign for leads, in the order given, and returns the last batch.
 * Runs in SPI.
 */
pg_uuid_t
queue_enqueue(const QueueEnqueued *queued, const pg_uuid_t *lead_ids, int count)
{
	static const pg_uuid_t none;
	pg_uuid_t	batch_id = {0};
	const pg_uuid_t *sender = queued->sender ? queued->sender : &none;

	for (int start = 0; start < count; start += QUEUE_BATCH_MAX)
	{
		int			size = Min(count - start, QUEUE_BATCH_MAX);
		Datum		values[10] = {queued->workspace, UUIDPGetDatum(&batch_id), queued->campaign,
			Int16GetDatum(queued->step), Int16GetDatum(size), TimestampTzGetDatum(queued->since),
			(Datum) 0, UUIDPGetDatum(sender), TimestampTzGetDatum(queued->due_at),
			UUIDPGetDatum(queued->after_lease)};
		bool		nulls[10] = {[8] = !queue_has_sender(sender),[9] = queued->after_lease == NULL};

		make_batch_id(&batch_id);
		values[6] = statement_uuids(&lead_ids[start], UUID_LEN, size);
		statement_execute(queued->step == 1 ? &insert_first_batch : &insert_batch, values, nulls);
		if (queued->step == 1)
			fold(queued);
		pfree(DatumGetPointer(values[6]));
	}
	return batch_id;
}

/*
 * Queues again the message of a lead that was not sent, for that reason or,
 * where it is NULL, for any; false if there is none.  Runs in SPI.
 */
bool
queue_requeue(Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *reason)
{
	pg_uuid_t	range_id;
	Datum		values[] = {workspace, campaign, UUIDPGetDatum(lead_id),
		reason ? CStringGetTextDatum(reason) : (Datum) 0, UUIDPGetDatum(&range_id)};
	bool		nulls[] = {false, false, false, reason == NULL, false};

	uuid7_generate(&range_id);
	return statement_execute(&requeue, values, nulls) > 0;
}

/*
 * Puts ranges back that a lease held.  The error, of the last attempt, may be
 * NULL.  Runs in SPI.
 */
void
queue_put_back(const QueueLease *lease, const QueueWaiting *waiting, int count,
			   const QueueLosses *losses, const char *error)
{
	Size		stride = sizeof(QueueWaiting);
	pg_uuid_t  *range_ids = palloc(sizeof(pg_uuid_t) * Max(count, 1));
	Datum	   *since = palloc(sizeof(Datum) * Max(count, 1));
	Datum	   *tried = palloc(sizeof(Datum) * Max(count, 1));
	bool	   *never = palloc(sizeof(bool) * Max(count, 1));
	Datum	   *due = palloc(sizeof(Datum) * Max(count, 1));
	bool	   *not_due = palloc(sizeof(bool) * Max(count, 1));
	Datum		values[15] = {lease->workspace, UUIDPGetDatum(&lease->campaign)};
	bool		nulls[15] = {false};

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		uuid7_generate(&range_ids[i]);
		since[i] = TimestampTzGetDatum(waiting[i].since);
		tried[i] = TimestampTzGetDatum(waiting[i].range.tried_at);
		never[i] = TIMESTAMP_IS_NOBEGIN(waiting[i].range.tried_at);
		due[i] = TimestampTzGetDatum(waiting[i].due_at);
		not_due[i] = !waiting[i].range.is_begun;
	}
	values[2] = statement_smallints(&waiting->step, stride, count);
	values[3] = statement_array(since, NULL, count, TIMESTAMPTZOID, &nulls[3]);
	values[4] = statement_uuids(range_ids, UUID_LEN, count);
	values[5] = statement_uuids(&waiting->range.batch_id, stride, count);
	values[6] = statement_smallints(&waiting->range.first, stride, count);
	values[7] = statement_smallints(&waiting->range.last, stride, count);
	values[8] = statement_smallints(&waiting->range.attempt, stride, count);
	values[9] = statement_array(tried, never, count, TIMESTAMPTZOID, &nulls[9]);
	values[10] = Int16GetDatum(losses->count);
	values[11] = TimestampTzGetDatum(losses->last);
	nulls[11] = TIMESTAMP_IS_NOBEGIN(losses->last);
	nulls[12] = error == NULL;
	if (!nulls[12])
		values[12] = CStringGetTextDatum(error);
	values[13] = statement_array(due, not_due, count, TIMESTAMPTZOID, &nulls[13]);
	values[14] = UUIDPGetDatum(&lease->next_sender);
	statement_execute(&insert_waiting, values, nulls);
}

/* Notes messages that are not sent.  Runs in SPI. */
void
queue_except(Datum workspace, Datum campaign, TimestampTz time,
			 const QueueException *exceptions, int count)
{
	Size		stride = sizeof(QueueException);
	Datum	   *states = palloc(sizeof(Datum) * Max(count, 1));
	Datum	   *reasons = palloc(sizeof(Datum) * Max(count, 1));
	Datum		values[10] = {workspace, campaign, TimestampTzGetDatum(time)};
	bool		isnull;

	if (count == 0)
		return;
	for (int i = 0; i < count; i++)
	{
		states[i] = CStringGetTextDatum(exceptions[i].state);
		reasons[i] = CStringGetTextDatum(exceptions[i].reason);
	}
	values[3] = statement_uuids(&exceptions->lead_id, stride, count);
	values[4] = statement_smallints(&exceptions->step, stride, count);
	values[5] = statement_uuids(&exceptions->batch_id, stride, count);
	values[6] = statement_smallints(&exceptions->position, stride, count);
	values[7] = statement_smallints(&exceptions->attempt, stride, count);
	values[8] = statement_array(states, NULL, count, TEXTOID, &isnull);
	values[9] = statement_array(reasons, NULL, count, TEXTOID, &isnull);
	statement_execute(&insert_exceptions, values, NULL);
}

/* Wakes workers that listen, once, when the transaction commits. */
void
queue_notify(void)
{
	Async_Notify("leadterra", NULL);
}

/* Returns the id of the message at a position, from 1, of a batch. */
pg_uuid_t
queue_message_id(const pg_uuid_t *batch_id, int position)
{
	pg_uuid_t	id = *batch_id;

	id.data[14] |= (position - 1) >> 8;
	id.data[15] |= (position - 1) & 0xff;
	return id;
}

/* Returns the batch of a message, and its position. */
pg_uuid_t
queue_message_batch(const pg_uuid_t *message_id, int *position)
{
	pg_uuid_t	id = *message_id;

	*position = 1 + ((id.data[14] & 0x03) << 8 | id.data[15]);
	id.data[14] &= 0xfc;
	id.data[15] = 0;
	return id;
}

/*
 * SQL: leadterra.enqueue(workspace, campaign_id, step, waiting_since, lead_id, sender_id,
 * due_at)
 */
Datum
lt_enqueue(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *batch_id = palloc(sizeof(pg_uuid_t));
	QueueEnqueued queued = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_INT32(2),
	PG_GETARG_TIMESTAMPTZ(3), PG_GETARG_UUID_P(5), PG_GETARG_TIMESTAMPTZ(6), NULL};

	statement_connect();
	*batch_id = queue_enqueue(&queued, PG_GETARG_UUID_P(4), 1);
	statement_finish();
	PG_RETURN_UUID_P(batch_id);
}

/* SQL: leadterra.message_id(batch_id, position) */
Datum
lt_message_id(PG_FUNCTION_ARGS)
{
	int64		position = PG_GETARG_INT64(1);
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	if (position < 1 || position > QUEUE_BATCH_MAX)
		error_raise(ERROR_INVALID_REQUEST, "a batch has no position " INT64_FORMAT, position);
	*id = queue_message_id(PG_GETARG_UUID_P(0), position);
	PG_RETURN_UUID_P(id);
}

/* SQL: leadterra.message_batch(message_id) */
Datum
lt_message_batch(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *batch_id = palloc(sizeof(pg_uuid_t));
	int			position;

	*batch_id = queue_message_batch(PG_GETARG_UUID_P(0), &position);
	PG_RETURN_UUID_P(batch_id);
}

/* SQL: leadterra.message_position(message_id) */
Datum
lt_message_position(PG_FUNCTION_ARGS)
{
	int			position;

	(void) queue_message_batch(PG_GETARG_UUID_P(0), &position);
	PG_RETURN_INT32(position);
}

/* Returns the id that is the greatest in an array, or the least, as SQL has it. */
static Datum
extreme_id(FunctionCallInfo fcinfo, int sign)
{
	int			count;
	const pg_uuid_t *ids = statement_elements(PG_GETARG_DATUM(0), &count);
	pg_uuid_t  *extreme;

	if (ids == NULL || count == 0)
		PG_RETURN_NULL();
	extreme = palloc(sizeof(pg_uuid_t));
	*extreme = ids[0];
	for (int i = 1; i < count; i++)
	{
		if (sign * uuid7_compare(&ids[i], extreme) > 0)
			*extreme = ids[i];
	}
	PG_RETURN_UUID_P(extreme);
}

/* SQL: leadterra.least_id(ids) */
Datum
lt_least_id(PG_FUNCTION_ARGS)
{
	return extreme_id(fcinfo, -1);
}

/* SQL: leadterra.greatest_id(ids) */
Datum
lt_greatest_id(PG_FUNCTION_ARGS)
{
	return extreme_id(fcinfo, 1);
}

/*
 * Reads an argument that is a sorted array of ids, or null.  Returns NULL if none of them
 * lies between the ids in two other arguments.
 */
static const pg_uuid_t *
members_between(FunctionCallInfo fcinfo, int number, int least, int greatest, int *count)
{
	const pg_uuid_t *members = PG_ARGISNULL(number) ? NULL :
		statement_elements(PG_GETARG_DATUM(number), count);
	int			low = 0;
	int			high = members ? *count : 0;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (uuid7_compare(&members[middle], PG_GETARG_UUID_P(least)) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return members && low < *count &&
		uuid7_compare(&members[low], PG_GETARG_UUID_P(greatest)) <= 0 ? members : NULL;
}

/*
 * SQL: leadterra.count_members(lead_ids, least_lead_id, greatest_lead_id, first, last,
 * members, more_members)
 */
Datum
lt_count_members(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *ids;
	int			nids;
	const pg_uuid_t *members[2];
	int			nmembers[2] = {0, 0};
	int32		found = 0;

	for (int i = 0; i < 5; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_INT32(0);
	}
	for (int i = 0; i < 2; i++)
		members[i] = members_between(fcinfo, 5 + i, 1, 2, &nmembers[i]);
	if (members[0] == NULL && members[1] == NULL)
		PG_RETURN_INT32(0);
	ids = statement_elements(PG_GETARG_DATUM(0), &nids);
	if (ids == NULL)
		PG_RETURN_INT32(0);
	for (int i = Max(PG_GETARG_INT32(3), 1); i <= Min(PG_GETARG_INT32(4), nids); i++)
	{
		for (int j = 0; j < 2; j++)
		{
			if (members[j] &&
				bsearch(&ids[i - 1], members[j], nmembers[j], UUID_LEN, uuid7_compare))
			{
				found++;
				break;
			}
		}
	}
	PG_RETURN_INT32(found);
}
