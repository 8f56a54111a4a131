/*
 * queue_lease_lock.c
 *		Locking the row of a lease, and reading it.
 *
 * Whoever wrote it, by hand or in a restore, may have written anything.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_lease_is_valid);

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
	LEASE_TRIED,
	LEASE_LOSSES,
	LEASE_LOST,
	LEASE_SENDER,
	LEASE_CLAIMED,
	LEASE_VARIANTS,
	LEASE_CLOSED,
	LEASE_STEPS,
	LEASE_COLUMNS
};

#define SELECT_LEASE \
	"SELECT lease_id, campaign_id, state, expires_at, settled, completed," \
	" batch_ids, firsts, lasts, attempts, tried_at, losses, lost_at, sender_id, claimed_at," \
	" variants, closed_at, steps" \
	" FROM leadterra.leases"

static Statement lock_lease = STATEMENT(
	SELECT_LEASE
	" WHERE workspace_id = $1 AND lease_id = $2"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* What another session holds is being settled, extended or swept. */
static Statement lock_expired = STATEMENT(
	SELECT_LEASE
	" WHERE workspace_id = $1 AND lease_id = $2"
	" FOR NO KEY UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * Reads the arrays of a lease: batches, firsts, lasts, attempts, and when they were
 * first tried.  False unless they are such as a claim makes: of one length, of positions
 * that a batch may have, and of attempts that there are.
 */
bool
queue_lease_read_arrays(QueueLeaseArrays *arrays, const Datum *values, bool never_tried)
{
	int			nfirsts;
	int			nlasts;
	int			nattempts;
	int			ntried;

	arrays->batch_ids = statement_elements(values[0], &arrays->count);
	arrays->firsts = statement_elements(values[1], &nfirsts);
	arrays->lasts = statement_elements(values[2], &nlasts);
	arrays->attempts = statement_elements(values[3], &nattempts);
	if (!arrays->batch_ids || !arrays->firsts || !arrays->lasts || !arrays->attempts ||
		arrays->count == 0 || arrays->count != nfirsts ||
		arrays->count != nlasts || arrays->count != nattempts)
		return false;
	arrays->tried_at = never_tried ? NULL : statement_elements(values[4], &ntried);
	if (!never_tried && (!arrays->tried_at || arrays->count != ntried))
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
	Size		length = queue_lease_bytes(nmessages);

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

/* Says whether the variants of a lease are one a message, such as a step may have. */
static bool
variants_are_valid(int nmessages, const bytea *variants)
{
	if (variants == NULL)
		return true;
	if (VARSIZE_ANY_EXHDR(variants) != (Size) nmessages)
		return false;
	for (int i = 0; i < nmessages; i++)
	{
		if (((const uint8 *) VARDATA_ANY(variants))[i] > QUEUE_VARIANTS_MAX)
			return false;
	}
	return true;
}

/* Says whether what a lease has of each message is as much as it has messages. */
bool
queue_lease_bytes_are_valid(int nmessages, const bytea *settled, const bytea *completed,
							const bytea *variants)
{
	return bits_are_valid(nmessages, settled, completed) &&
		variants_are_valid(nmessages, variants);
}

/* Arguments of leadterra.lease_is_valid() */
enum
{
	ARGUMENT_STATE,
	ARGUMENT_CLOSED,
	ARGUMENT_SENT,
	ARGUMENT_SETTLED,
	ARGUMENT_COMPLETED,
	ARGUMENT_BATCHES,
	ARGUMENT_TRIED = ARGUMENT_BATCHES + 4,
	ARGUMENT_LOSSES,
	ARGUMENT_PARTIAL_RANGE,
	ARGUMENT_PARTIAL_LAST,
	ARGUMENT_VARIANTS
};

/* Says whether the columns of a lease that are no arrays fit each other. */
static bool
columns_are_valid(FunctionCallInfo fcinfo)
{
	char	   *state = text_to_cstring(PG_GETARG_TEXT_PP(ARGUMENT_STATE));
	bool		is_open = strcmp(state, "open") == 0;

	return (is_open || strcmp(state, "closed") == 0 || strcmp(state, "lost") == 0) &&
		is_open == PG_ARGISNULL(ARGUMENT_CLOSED) &&
		PG_GETARG_INT32(ARGUMENT_SENT) >= 0 && PG_GETARG_INT16(ARGUMENT_LOSSES) >= 0 &&
		PG_ARGISNULL(ARGUMENT_PARTIAL_RANGE) == PG_ARGISNULL(ARGUMENT_PARTIAL_LAST) &&
		(PG_ARGISNULL(ARGUMENT_PARTIAL_LAST) ||
		 (PG_GETARG_INT16(ARGUMENT_PARTIAL_LAST) >= 1 &&
		  PG_GETARG_INT16(ARGUMENT_PARTIAL_LAST) < QUEUE_BATCH_MAX));
}

/*
 * SQL: leadterra.lease_is_valid(state, closed_at, sent, settled, completed, batch_ids, firsts,
 * lasts, attempts, tried_at, losses, partial_range_id, partial_last, variants)
 */
Datum
lt_lease_is_valid(PG_FUNCTION_ARGS)
{
	QueueLeaseArrays arrays;
	Datum		values[ARGUMENT_TRIED - ARGUMENT_BATCHES + 1];
	const bytea *settled;
	const bytea *completed;
	const bytea *variants;

	for (int i = ARGUMENT_STATE; i <= ARGUMENT_LOSSES; i++)
	{
		if (PG_ARGISNULL(i) && i != ARGUMENT_CLOSED && i != ARGUMENT_SETTLED &&
			i != ARGUMENT_COMPLETED && i != ARGUMENT_TRIED)
			PG_RETURN_BOOL(false);
	}
	for (size_t i = 0; i < lengthof(values); i++)
		values[i] = PG_GETARG_DATUM(ARGUMENT_BATCHES + i);
	if (!columns_are_valid(fcinfo) ||
		!queue_lease_read_arrays(&arrays, values, PG_ARGISNULL(ARGUMENT_TRIED)))
		PG_RETURN_BOOL(false);
	settled = PG_ARGISNULL(ARGUMENT_SETTLED) ? NULL : PG_GETARG_BYTEA_PP(ARGUMENT_SETTLED);
	completed = PG_ARGISNULL(ARGUMENT_COMPLETED) ? NULL : PG_GETARG_BYTEA_PP(ARGUMENT_COMPLETED);
	variants = PG_ARGISNULL(ARGUMENT_VARIANTS) ? NULL : PG_GETARG_BYTEA_PP(ARGUMENT_VARIANTS);
	PG_RETURN_BOOL(queue_lease_bytes_are_valid(arrays.nmessages, settled, completed, variants));
}

/* Copies the bits of a lease, which are of the right length; null is none. */
static uint8 *
copy_bits(const QueueLease *lease, const bytea *stored)
{
	uint8	   *bits = palloc0(queue_lease_bytes(lease->ranges.nmessages) + 1);

	if (stored)
		memcpy(bits, VARDATA_ANY(stored), queue_lease_bytes(lease->ranges.nmessages));
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
	bytea	   *completed = nulls[LEASE_COMPLETED] ? NULL :
		DatumGetByteaPP(values[LEASE_COMPLETED]);
	bytea	   *variants = nulls[LEASE_VARIANTS] ? NULL : DatumGetByteaPP(values[LEASE_VARIANTS]);
	QueueLeaseArrays arrays;

	if (!queue_lease_read_arrays(&arrays, &values[LEASE_BATCHES], nulls[LEASE_TRIED]) ||
		!queue_lease_bytes_are_valid(arrays.nmessages, settled, completed, variants))
		return false;

	memset(lease, 0, sizeof(QueueLease));
	lease->workspace = workspace;
	lease->lease_id = *DatumGetUUIDP(values[LEASE_ID]);
	lease->campaign = *DatumGetUUIDP(values[LEASE_CAMPAIGN]);
	lease->ranges.count = lease->ranges.room = arrays.count;
	lease->ranges.nmessages = arrays.nmessages;
	lease->ranges.items = palloc(sizeof(QueueRange) * arrays.count);
	for (int i = 0; i < arrays.count; i++)
		lease->ranges.items[i] = (QueueRange) {
			.batch_id = arrays.batch_ids[i], .first = arrays.firsts[i], .last = arrays.lasts[i],
				.attempt = arrays.attempts[i], .is_begun = !nulls[LEASE_SENDER],
				.tried_at = arrays.tried_at ? arrays.tried_at[i] : DT_NOBEGIN
		};
	if (!nulls[LEASE_SENDER])
		lease->sender = lease->next_sender = *DatumGetUUIDP(values[LEASE_SENDER]);
	lease->claimed_at = nulls[LEASE_CLAIMED] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[LEASE_CLAIMED]);
	lease->losses = (QueueLosses) {Max(DatumGetInt16(values[LEASE_LOSSES]), 0),
	nulls[LEASE_LOST] ? DT_NOBEGIN : DatumGetTimestampTz(values[LEASE_LOST])};
	lease->expires_at = DatumGetTimestampTz(values[LEASE_EXPIRES]);
	lease->settled = copy_bits(lease, settled);
	lease->completed = copy_bits(lease, completed);
	lease->variants = variants ? (const uint8 *) VARDATA_ANY(variants) : NULL;
	lease->closed_at = nulls[LEASE_CLOSED] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[LEASE_CLOSED]);
	lease->nsteps = nulls[LEASE_STEPS] ? 0 : DatumGetInt16(values[LEASE_STEPS]);
	for (int i = 0; i < lease->ranges.nmessages; i++)
	{
		lease->nsettled += queue_bit_is_set(lease->settled, i);
		lease->sent += queue_bit_is_set(lease->completed, i);
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
	return lease_has_run_out(lease->expires_at, now) ? QUEUE_LEASE_EXPIRED : QUEUE_LEASE_OPEN;
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

/*
 * Locks and reads a lease that has ended, closed or lost; false if there is none, or its
 * row is broken.  Runs in SPI.
 */
bool
queue_lease_lock_ended(QueueLease *lease, Datum workspace, const pg_uuid_t *lease_id)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lease_id)};
	Datum		values[LEASE_COLUMNS];
	bool		nulls[LEASE_COLUMNS];

	if (statement_execute(&lock_lease, parameters, NULL) == 0)
		return false;
	statement_row(0, values, nulls);
	if (nulls[LEASE_CLOSED] || !read_lease(lease, workspace, values, nulls))
		return false;
	/* Where it says nothing of that, all was. */
	for (int i = 0; i < lease->ranges.nmessages && nulls[LEASE_COMPLETED]; i++)
		queue_lease_settle(lease, i, true);
	return true;
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
				 errmsg("lease \"%s\" has run out, and its row is broken",
						error_uuid(parameters[1]))));
	return state == QUEUE_LEASE_EXPIRED;
}
