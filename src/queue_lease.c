/*
 * queue_lease.c
 *		Leases: what workers hold of the queue.
 *
 * A lease is a row, made by a claim.  It is changed under its row lock, which is in
 * queue_lease_lock.c: by its worker, who settles messages, and by a sweep once it has
 * run out.  What follows from that for the queue is in queue_close.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "lease.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

static Statement insert_lease = STATEMENT(
	"INSERT INTO leadterra.leases (workspace_id, lease_id, campaign_id, worker, state, expires_at,"
	" closed_at, settled, completed, batch_ids, firsts, lasts, attempts,"
	" partial_range_id, partial_last, tried_at, losses, lost_at, sender_id, claimed_at,"
	" variants)"
	" VALUES ($1, $2, $3, $4, CASE WHEN $6 IS NULL THEN 'open' ELSE 'closed' END, $5,"
	" $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	BYTEAOID, BYTEAOID, UUIDARRAYOID, INT2ARRAYOID, INT2ARRAYOID, INT2ARRAYOID, UUIDOID, INT2OID,
	TIMESTAMPTZARRAYOID, INT2OID, TIMESTAMPTZOID, UUIDOID, TIMESTAMPTZOID, BYTEAOID);

static Statement find_campaign = STATEMENT(
	"SELECT campaign_id FROM leadterra.leases"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_expired = STATEMENT(
	"SELECT lease_id FROM leadterra.leases"
	" WHERE workspace_id = $1 AND state = 'open' AND expires_at <= $2 AND expires_at >= $3"
	" ORDER BY expires_at"
	" LIMIT $4",
	SPI_OK_SELECT, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID);

/*
 * No statement that looks for one lease names its state: the planner would take
 * the index of open leases for the smallest, and go through all that were open
 * since the oldest snapshot.
 */
static Statement write_lease = STATEMENT(
	"UPDATE leadterra.leases"
	" SET sent = $3, settled = $4, completed = $5, state = $6, closed_at = $7, steps = $8"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, INT4OID, BYTEAOID, BYTEAOID, TEXTOID, TIMESTAMPTZOID,
	INT2OID);

static Statement set_steps = STATEMENT(
	"UPDATE leadterra.leases SET steps = $3"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, INT2OID);

static Statement extend_lease = STATEMENT(
	"UPDATE leadterra.leases SET expires_at = $3"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/*
 * Whether a lease was completed since a time: one of the last, which are looked through
 * once a lease that may have killed its worker has run out.
 */
static Statement find_completed = STATEMENT(
	"SELECT FROM ("
	" SELECT state, sent, closed_at FROM leadterra.leases"
	" WHERE workspace_id = $1"
	" ORDER BY lease_id DESC"
	" LIMIT 1000) l"
	" WHERE l.state = 'closed' AND l.sent > 0 AND l.closed_at >= $2"
	" LIMIT 1",
	SPI_OK_SELECT, UUIDOID, TIMESTAMPTZOID);

/*
 * Up to where this backend has swept a workspace, and when it looks at all of
 * it again, by the time of the machine.  While an old snapshot is open, entries
 * of closed leases stay in the index, and a sweep from its start would cost more
 * with every lease.  A lease that is committed only after it ran out waits for
 * the next full sweep.
 */
#define FULL_SWEEP_WAIT (USECS_PER_SEC)
#define FULL_SWEEP_SHARE 50

static pg_uuid_t swept_workspace;
static TimestampTz swept_until;
static TimestampTz full_sweep_at;

static void
set_bit(uint8 *bits, int number)
{
	bits[number / 8] |= 1 << number % 8;
}

/* Starts a lease that a claim makes. */
void
queue_lease_init(QueueLease *lease, Datum workspace, Datum campaign)
{
	memset(lease, 0, sizeof(QueueLease));
	lease->workspace = workspace;
	lease->campaign = *DatumGetUUIDP(campaign);
	lease->losses.last = lease->claimed_at = DT_NOBEGIN;
	uuid7_generate(&lease->lease_id);
}

/* Makes a bytea; null where that stands for the same. */
static Datum
bytes_datum(const uint8 *bytes, Size length, bool is_default, bool *isnull)
{
	bytea	   *value;

	*isnull = is_default;
	if (*isnull)
		return (Datum) 0;
	value = palloc(VARHDRSZ + length);
	SET_VARSIZE(value, VARHDRSZ + length);
	memcpy(VARDATA(value), bytes, length);
	return PointerGetDatum(value);
}

/* Makes a bytea of the bits of a lease; null where all or none are set. */
static Datum
bits_datum(const QueueLease *lease, const uint8 *bits, bool is_default, bool *isnull)
{
	return bytes_datum(bits, queue_lease_bytes(lease->ranges.nmessages), is_default, isnull);
}

/* Makes an array of the times at which ranges were first tried; null where none ever was. */
static Datum
tried_datum(const QueueRanges *ranges, bool *isnull)
{
	Datum	   *values;
	bool		any = false;

	for (int i = 0; i < ranges->count && !any; i++)
		any = !TIMESTAMP_IS_NOBEGIN(ranges->items[i].tried_at);
	*isnull = !any;
	if (!any)
		return (Datum) 0;
	values = palloc(sizeof(Datum) * ranges->count);
	for (int i = 0; i < ranges->count; i++)
		values[i] = TimestampTzGetDatum(ranges->items[i].tried_at);
	return statement_array(values, NULL, ranges->count, TIMESTAMPTZOID, isnull);
}

/*
 * Inserts a lease of the ranges that were added to it.  Messages that are not
 * handed out, by their numbers, are settled; if that is all, it is closed.  Runs
 * in SPI.
 */
void
queue_lease_insert(QueueLease *lease, const int *skipped, int nskipped, Datum worker,
				   bool no_worker, TimestampTz now, TimestampTz expires_at)
{
	bool		closed = nskipped == lease->ranges.nmessages;
	Datum		values[20] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
		UUIDPGetDatum(&lease->campaign), worker, TimestampTzGetDatum(expires_at),
	TimestampTzGetDatum(now)};
	bool		nulls[20] = {false};
	const QueueRanges *ranges = &lease->ranges;
	Size		stride = sizeof(QueueRange);

	nulls[3] = no_worker;
	nulls[5] = !closed;
	lease->settled = palloc0(queue_lease_bytes(lease->ranges.nmessages) + 1);
	lease->completed = palloc0(queue_lease_bytes(lease->ranges.nmessages) + 1);
	for (int i = 0; i < nskipped; i++)
		queue_lease_settle(lease, skipped[i], false);
	values[6] = bits_datum(lease, lease->settled, lease->nsettled == 0, &nulls[6]);
	/* None is completed yet, which a closed lease has to say. */
	values[7] = bits_datum(lease, lease->completed, !closed, &nulls[7]);
	values[8] = statement_uuids(&ranges->items->batch_id, stride, ranges->count);
	values[9] = statement_smallints(&ranges->items->first, stride, ranges->count);
	values[10] = statement_smallints(&ranges->items->last, stride, ranges->count);
	values[11] = statement_smallints(&ranges->items->attempt, stride, ranges->count);
	nulls[12] = nulls[13] = lease->partial_last == 0;
	values[12] = UUIDPGetDatum(&lease->partial_range);
	values[13] = Int16GetDatum(lease->partial_last);
	values[14] = tried_datum(ranges, &nulls[14]);
	values[15] = Int16GetDatum(lease->losses.count);
	values[16] = TimestampTzGetDatum(lease->losses.last);
	nulls[16] = TIMESTAMP_IS_NOBEGIN(lease->losses.last);
	values[17] = UUIDPGetDatum(&lease->sender);
	nulls[17] = !queue_has_sender(&lease->sender);
	values[18] = TimestampTzGetDatum(lease->claimed_at);
	nulls[18] = TIMESTAMP_IS_NOBEGIN(lease->claimed_at);
	values[19] = bytes_datum(lease->variants, ranges->nmessages, lease->variants == NULL,
							 &nulls[19]);
	statement_execute(&insert_lease, values, nulls);
}

/* Orders places by batch and position; a range equals the positions in it. */
static int
compare_places(const void *left, const void *right)
{
	const QueuePlace *a = left;
	const QueuePlace *b = right;
	int			order = memcmp(&a->range.batch_id, &b->range.batch_id, UUID_LEN);

	if (order != 0)
		return order;
	return a->range.last < b->range.first ? -1 : a->range.first > b->range.last ? 1 : 0;
}

/* Returns the number of a message in a lease, -1 if it is not in it. */
int
queue_lease_find(QueueLease *lease, const pg_uuid_t *message_id)
{
	QueuePlace	key;
	QueuePlace *found;
	int			position;

	if (lease->places == NULL)
	{
		int			number = 0;

		lease->places = palloc(sizeof(QueuePlace) * Max(lease->ranges.count, 1));
		for (int i = 0; i < lease->ranges.count; i++)
		{
			const QueueRange *range = &lease->ranges.items[i];

			lease->places[i] = (QueuePlace) {*range, number};
			number += range->last - range->first + 1;
		}
		qsort(lease->places, lease->ranges.count, sizeof(QueuePlace), compare_places);
	}
	key.range.batch_id = queue_message_batch(message_id, &position);
	key.range.first = key.range.last = position;
	found = bsearch(&key, lease->places, lease->ranges.count, sizeof(QueuePlace), compare_places);
	return found ? found->number + position - found->range.first : -1;
}

/* Returns the id of a message in a lease by its number. */
pg_uuid_t
queue_lease_message(const QueueLease *lease, int number)
{
	const QueueRange *range = lease->ranges.items;

	for (; number > range->last - range->first; range++)
		number -= range->last - range->first + 1;
	return queue_message_id(&range->batch_id, range->first + number);
}

/* Says whether a message is done with. */
bool
queue_lease_is_settled(const QueueLease *lease, int number)
{
	return queue_bit_is_set(lease->settled, number);
}

/* Says whether a message was completed. */
bool
queue_lease_is_completed(const QueueLease *lease, int number)
{
	return queue_bit_is_set(lease->completed, number);
}

/* Settles a message; false if it is settled already. */
bool
queue_lease_settle(QueueLease *lease, int number, bool completed)
{
	if (queue_bit_is_set(lease->settled, number))
		return false;
	set_bit(lease->settled, number);
	lease->nsettled++;
	if (completed)
	{
		set_bit(lease->completed, number);
		lease->sent++;
	}
	return true;
}

/* Says whether everything is settled. */
bool
queue_lease_is_done(const QueueLease *lease)
{
	return lease->nsettled == lease->ranges.nmessages;
}

/*
 * Writes what is settled of a locked lease, and its state, which closes it if it
 * is not "open": by that many steps, from which it may be continued.  Runs in SPI.
 */
void
queue_lease_write(const QueueLease *lease, const char *state, int nsteps, TimestampTz now)
{
	bool		all_sent = lease->sent == lease->ranges.nmessages;
	Datum		values[8] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
	Int32GetDatum(lease->sent)};
	bool		nulls[8] = {false};

	values[3] = bits_datum(lease, lease->settled, all_sent, &nulls[3]);
	values[4] = bits_datum(lease, lease->completed, all_sent, &nulls[4]);
	values[5] = CStringGetTextDatum(state);
	values[6] = TimestampTzGetDatum(now);
	nulls[6] = strcmp(state, "open") == 0;
	values[7] = Int16GetDatum(nsteps);
	nulls[7] = nulls[6] || lease->sent == 0;
	if (statement_execute(&write_lease, values, nulls) != 1)
		elog(ERROR, "a lease that was locked is gone");
}

/* Notes by how many steps a lease has been continued.  Runs in SPI. */
void
queue_lease_set_steps(Datum workspace, const pg_uuid_t *lease_id, int nsteps)
{
	Datum		values[] = {workspace, UUIDPGetDatum(lease_id), Int16GetDatum(nsteps)};

	statement_execute(&set_steps, values, NULL);
}

/* Reads the campaign of a lease, without a lock: it stays the same; false if none.  Runs in SPI. */
bool
queue_lease_campaign(Datum workspace, Datum lease_id, pg_uuid_t *campaign)
{
	Datum		values[] = {workspace, lease_id};
	bool		isnull;

	if (statement_execute(&find_campaign, values, NULL) == 0)
		return false;
	*campaign = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	return true;
}

/*
 * Finds leases that have run out, up to a number of them, and returns how many.
 * Runs in SPI.
 */
int
queue_lease_find_expired(Datum workspace, TimestampTz now, pg_uuid_t *lease_ids, int most)
{
	TimestampTz start = GetCurrentTimestamp();
	bool		full = start >= full_sweep_at || now < swept_until ||
		memcmp(&swept_workspace, DatumGetUUIDP(workspace), UUID_LEN) != 0;
	Datum		parameters[] = {workspace, TimestampTzGetDatum(now),
	TimestampTzGetDatum(full ? DT_NOBEGIN : swept_until), Int64GetDatum(most)};
	int			found = (int) statement_execute(&find_expired, parameters, NULL);

	for (int i = 0; i < found; i++)
	{
		bool		isnull;

		lease_ids[i] = *DatumGetUUIDP(statement_value(i, 1, &isnull));
	}
	if (found > 0)
		return found;

	swept_workspace = *DatumGetUUIDP(workspace);
	swept_until = now;
	if (full)
	{
		TimestampTz end = GetCurrentTimestamp();

		full_sweep_at = end + Max(FULL_SWEEP_WAIT, FULL_SWEEP_SHARE * (end - start));
	}
	return 0;
}

/* Sets the time at which a locked lease runs out.  Runs in SPI. */
void
queue_lease_extend(const QueueLease *lease, TimestampTz expires_at)
{
	Datum		values[] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
	TimestampTzGetDatum(expires_at)};

	statement_execute(&extend_lease, values, NULL);
}

/* Says whether one of the last leases of a workspace was completed, since a time.  Runs in SPI. */
bool
queue_lease_find_completed(Datum workspace, TimestampTz since)
{
	Datum		values[] = {workspace, TimestampTzGetDatum(since)};

	return statement_execute(&find_completed, values, NULL) > 0;
}
