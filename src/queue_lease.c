/*
 * queue_lease.c
 *		Leases: what workers hold of the queue.
 *
 * A lease is a row, made by a claim.  It is changed under its row lock: by its
 * worker, who settles messages, and by a sweep once it has run out.  What follows
 * from that for the queue is in queue_close.c.
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

PG_FUNCTION_INFO_V1(lt_lease_is_valid);

/* The arrays of a lease that hold its ranges, and how many messages they have. */
typedef struct LeaseArrays
{
	int			count;
	const pg_uuid_t *batch_ids;
	const int16 *firsts;
	const int16 *lasts;
	const int16 *attempts;
	int			nmessages;
} LeaseArrays;

/* Columns of the statements that lock a lease. */
enum
{
	LEASE_ID,
	LEASE_CAMPAIGN,
	LEASE_STATE,
	LEASE_EXPIRES,
	LEASE_SETTLED,
	LEASE_COMPLETED,
	LEASE_BATCHES,
	LEASE_FIRSTS,
	LEASE_LASTS,
	LEASE_ATTEMPTS,
	LEASE_COLUMNS
};

#define SELECT_LEASE \
	"SELECT lease_id, campaign_id, state, expires_at, settled, completed," \
	" batch_ids, firsts, lasts, attempts" \
	" FROM leadterra.leases"

static Statement insert_lease = STATEMENT(
	"INSERT INTO leadterra.leases (workspace_id, lease_id, campaign_id, worker, state, expires_at,"
	" closed_at, settled, completed, batch_ids, firsts, lasts, attempts, partial_range_id, partial_last)"
	" VALUES ($1, $2, $3, $4, CASE WHEN $6 IS NULL THEN 'open' ELSE 'closed' END, $5,"
	" $6, $7, $8, $9, $10, $11, $12, $13, $14)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID,
	BYTEAOID, BYTEAOID, UUIDARRAYOID, INT2ARRAYOID, INT2ARRAYOID, INT2ARRAYOID, UUIDOID, INT2OID);

static Statement lock_lease = STATEMENT(
	SELECT_LEASE
	" WHERE workspace_id = $1 AND lease_id = $2"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_expired = STATEMENT(
	"SELECT lease_id FROM leadterra.leases"
	" WHERE workspace_id = $1 AND state = 'open' AND expires_at <= $2 AND expires_at >= $3"
	" ORDER BY expires_at"
	" LIMIT $4",
	SPI_OK_SELECT, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID);

/* What another session holds is being settled, extended or swept. */
static Statement lock_expired = STATEMENT(
	SELECT_LEASE
	" WHERE workspace_id = $1 AND lease_id = $2"
	" FOR NO KEY UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * No statement that looks for one lease names its state: the planner would take
 * the index of open leases for the smallest, and go through all that were open
 * since the oldest snapshot.
 */
static Statement write_lease = STATEMENT(
	"UPDATE leadterra.leases SET sent = $3, settled = $4, completed = $5, state = $6, closed_at = $7"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, INT4OID, BYTEAOID, BYTEAOID, TEXTOID, TIMESTAMPTZOID);

static Statement extend_lease = STATEMENT(
	"UPDATE leadterra.leases SET expires_at = $3"
	" WHERE workspace_id = $1 AND lease_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TIMESTAMPTZOID);

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

static bool
bit_is_set(const uint8 *bits, int number)
{
	return bits[number / 8] & 1 << number % 8;
}

static void
set_bit(uint8 *bits, int number)
{
	bits[number / 8] |= 1 << number % 8;
}

static int
count_bytes(const QueueLease *lease)
{
	return (lease->ranges.nmessages + 7) / 8;
}

/* Starts a lease that a claim makes. */
void
queue_lease_init(QueueLease *lease, Datum workspace, Datum campaign)
{
	memset(lease, 0, sizeof(QueueLease));
	lease->workspace = workspace;
	lease->campaign = *DatumGetUUIDP(campaign);
	uuid7_generate(&lease->lease_id);
}

/* Makes a bytea of the bits of a lease; null where all or none are set. */
static Datum
bits_datum(const QueueLease *lease, const uint8 *bits, bool is_default, bool *isnull)
{
	bytea	   *value;

	*isnull = is_default;
	if (*isnull)
		return (Datum) 0;
	value = palloc(VARHDRSZ + count_bytes(lease));
	SET_VARSIZE(value, VARHDRSZ + count_bytes(lease));
	memcpy(VARDATA(value), bits, count_bytes(lease));
	return PointerGetDatum(value);
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
	Datum		values[14] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
		UUIDPGetDatum(&lease->campaign), worker, TimestampTzGetDatum(expires_at),
	TimestampTzGetDatum(now)};
	bool		nulls[14] = {false};
	const QueueRanges *ranges = &lease->ranges;
	Size		stride = sizeof(QueueRange);

	nulls[3] = no_worker;
	nulls[5] = !closed;
	lease->settled = palloc0(count_bytes(lease) + 1);
	lease->completed = palloc0(count_bytes(lease) + 1);
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
	statement_execute(&insert_lease, values, nulls);
}

/*
 * Reads the arrays of a lease; false unless they are such as a claim makes: of one
 * length, of positions that a batch may have, and of attempts that there are.
 */
static bool
read_arrays(LeaseArrays *arrays, Datum batch_ids, Datum firsts, Datum lasts, Datum attempts)
{
	int			nfirsts;
	int			nlasts;
	int			nattempts;

	arrays->batch_ids = statement_elements(batch_ids, &arrays->count);
	arrays->firsts = statement_elements(firsts, &nfirsts);
	arrays->lasts = statement_elements(lasts, &nlasts);
	arrays->attempts = statement_elements(attempts, &nattempts);
	if (!arrays->batch_ids || !arrays->firsts || !arrays->lasts || !arrays->attempts ||
		arrays->count == 0 || arrays->count != nfirsts || arrays->count != nlasts || arrays->count != nattempts)
		return false;

	arrays->nmessages = 0;
	for (int i = 0; i < arrays->count; i++)
	{
		if (!queue_is_range(arrays->firsts[i], arrays->lasts[i], arrays->attempts[i]))
			return false;
		arrays->nmessages += arrays->lasts[i] - arrays->firsts[i] + 1;
		if (arrays->nmessages > QUEUE_LEASE_MAX)
			return false;
	}
	return true;
}

/*
 * Says whether the bits of a lease are as many as its messages, rounded up to bytes,
 * and what was completed is settled.
 */
static bool
bits_are_valid(int nmessages, const bytea *settled, const bytea *completed)
{
	Size		length = (nmessages + 7) / 8;

	if ((settled && VARSIZE_ANY_EXHDR(settled) != length) ||
		(completed && VARSIZE_ANY_EXHDR(completed) != length))
		return false;
	for (Size i = 0; completed && i < length; i++)
	{
		/* Where a closed lease says nothing of it, all is settled. */
		if (settled && VARDATA_ANY(completed)[i] & ~VARDATA_ANY(settled)[i])
			return false;
	}
	return true;
}

/* SQL: leadterra.lease_is_valid(batch_ids, firsts, lasts, attempts, settled, completed) */
Datum
lt_lease_is_valid(PG_FUNCTION_ARGS)
{
	LeaseArrays arrays;

	for (int i = 0; i < 4; i++)
	{
		if (PG_ARGISNULL(i))
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(read_arrays(&arrays, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2), PG_GETARG_DATUM(3)) &&
				   bits_are_valid(arrays.nmessages, PG_ARGISNULL(4) ? NULL : PG_GETARG_BYTEA_PP(4),
								  PG_ARGISNULL(5) ? NULL : PG_GETARG_BYTEA_PP(5)));
}

/* Copies the bits of a lease, which are of the right length; null is none. */
static uint8 *
copy_bits(const QueueLease *lease, const bytea *stored)
{
	uint8	   *bits = palloc0(count_bytes(lease) + 1);

	if (stored)
		memcpy(bits, VARDATA_ANY(stored), count_bytes(lease));
	return bits;
}

/*
 * Reads the row of a lease; false unless it is such as a claim makes.  How many were
 * sent is counted, and not taken from the row.
 */
static bool
read_lease(QueueLease *lease, Datum workspace, const Datum *values, const bool *nulls)
{
	bytea	   *settled = nulls[LEASE_SETTLED] ? NULL : DatumGetByteaPP(values[LEASE_SETTLED]);
	bytea	   *completed = nulls[LEASE_COMPLETED] ? NULL : DatumGetByteaPP(values[LEASE_COMPLETED]);
	LeaseArrays arrays;

	if (!read_arrays(&arrays, values[LEASE_BATCHES], values[LEASE_FIRSTS], values[LEASE_LASTS], values[LEASE_ATTEMPTS]) ||
		!bits_are_valid(arrays.nmessages, settled, completed))
		return false;

	memset(lease, 0, sizeof(QueueLease));
	lease->workspace = workspace;
	lease->lease_id = *DatumGetUUIDP(values[LEASE_ID]);
	lease->campaign = *DatumGetUUIDP(values[LEASE_CAMPAIGN]);
	lease->ranges.count = lease->ranges.room = arrays.count;
	lease->ranges.nmessages = arrays.nmessages;
	lease->ranges.items = palloc(sizeof(QueueRange) * arrays.count);
	for (int i = 0; i < arrays.count; i++)
		lease->ranges.items[i] = (QueueRange) {arrays.batch_ids[i], arrays.firsts[i], arrays.lasts[i], arrays.attempts[i], 0};
	lease->settled = copy_bits(lease, settled);
	lease->completed = copy_bits(lease, completed);
	for (int i = 0; i < lease->ranges.nmessages; i++)
	{
		lease->nsettled += bit_is_set(lease->settled, i);
		lease->sent += bit_is_set(lease->completed, i);
	}
	return true;
}

/* Reads a locked lease, of the last result, unless it is lost. */
static QueueLeaseState
read_state(QueueLease *lease, Datum workspace, TimestampTz now)
{
	Datum		values[LEASE_COLUMNS];
	bool		nulls[LEASE_COLUMNS];
	char	   *state;

	statement_row(0, values, nulls);
	state = TextDatumGetCString(values[LEASE_STATE]);
	if (strcmp(state, "lost") == 0)
		return QUEUE_LEASE_LOST;
	if (!read_lease(lease, workspace, values, nulls))
		return QUEUE_LEASE_BROKEN;
	if (strcmp(state, "closed") == 0)
		return QUEUE_LEASE_CLOSED;
	return lease_has_run_out(DatumGetTimestampTz(values[LEASE_EXPIRES]), now) ? QUEUE_LEASE_EXPIRED : QUEUE_LEASE_OPEN;
}

/*
 * Locks a lease and reads it unless it is lost, at a time that is read once it is
 * locked.  It has run out when its time has come, swept or not.  Runs in SPI.
 */
QueueLeaseState
queue_lease_lock(QueueLease *lease, Datum workspace, Datum lease_id, TimestampTz *now)
{
	Datum		parameters[] = {workspace, lease_id};

	if (statement_execute(&lock_lease, parameters, NULL) == 0)
		return QUEUE_LEASE_LOST;
	*now = context_clock();
	return read_state(lease, workspace, *now);
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

/* Says whether a message is done with. */
bool
queue_lease_is_settled(const QueueLease *lease, int number)
{
	return bit_is_set(lease->settled, number);
}

/* Says whether a message was completed. */
bool
queue_lease_is_completed(const QueueLease *lease, int number)
{
	return bit_is_set(lease->completed, number);
}

/* Settles a message; false if it is settled already. */
bool
queue_lease_settle(QueueLease *lease, int number, bool completed)
{
	if (bit_is_set(lease->settled, number))
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
 * is not "open".  Runs in SPI.
 */
void
queue_lease_write(const QueueLease *lease, const char *state, TimestampTz now)
{
	bool		all_sent = lease->sent == lease->ranges.nmessages;
	Datum		values[7] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
	Int32GetDatum(lease->sent)};
	bool		nulls[7] = {false};

	values[3] = bits_datum(lease, lease->settled, all_sent, &nulls[3]);
	values[4] = bits_datum(lease, lease->completed, all_sent, &nulls[4]);
	values[5] = CStringGetTextDatum(state);
	values[6] = TimestampTzGetDatum(now);
	nulls[6] = strcmp(state, "open") == 0;
	if (statement_execute(&write_lease, values, nulls) != 1)
		elog(ERROR, "a lease that was locked is gone");
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

/*
 * Locks and reads a lease that has run out; false if another session is just
 * changing it, or has.  Runs in SPI.
 */
bool
queue_lease_lock_expired(QueueLease *lease, Datum workspace, const pg_uuid_t *lease_id,
						 TimestampTz now)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lease_id)};
	QueueLeaseState state;

	if (statement_execute(&lock_expired, parameters, NULL) == 0)
		return false;
	state = read_state(lease, workspace, now);
	/* Nothing can be given back; the row stays for who wrote it. */
	if (state == QUEUE_LEASE_BROKEN)
		ereport(WARNING,
				(errcode(error_sqlstate(ERROR_BROKEN_ROW)),
				 errmsg("lease \"%s\" has run out, and its row is broken", error_uuid(parameters[1]))));
	return state == QUEUE_LEASE_EXPIRED;
}

/* Sets the time at which a locked lease runs out.  Runs in SPI. */
void
queue_lease_extend(const QueueLease *lease, TimestampTz expires_at)
{
	Datum		values[] = {lease->workspace, UUIDPGetDatum(&lease->lease_id),
	TimestampTzGetDatum(expires_at)};

	statement_execute(&extend_lease, values, NULL);
}
