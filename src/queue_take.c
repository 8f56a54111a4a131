/*
 * queue_take.c
 *		Taking what is due in a campaign from the queue.
 *
 * Each step with due messages is a source of ranges, oldest first; the taker
 * merges them by due time.  A range is locked when it is looked at, and one
 * that another claim has locked is passed over.  Claims do not change a range
 * but delete it when it is used up: its next free position follows from the
 * lease that last took a part of it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "due.h"
#include "error.h"
#include "queue.h"
#include "statement.h"

/* Columns of free_ranges. */
enum
{
	RANGE_SINCE,
	RANGE_ID,
	RANGE_BATCH,
	RANGE_FIRST,
	RANGE_LAST,
	RANGE_ATTEMPT,
	RANGE_TRIED,
	RANGE_LOSSES,
	RANGE_LOST,
	RANGE_STEP,
	RANGE_DUE,
	RANGE_PLACE,
	RANGE_COLUMNS
};

#define SELECT_RANGES \
	"SELECT waiting_since, range_id, batch_id, first, last, attempt, tried_at," \
	" losses, lost_at, step, due_at, ctid" \
	" FROM leadterra.waiting" \
	" WHERE workspace_id = $1 AND campaign_id = $2"

#define NO_SENDER "'00000000-0000-0000-0000-000000000000'"

/* What no sender has begun, of a step; without what was counted for limits before, if asked. */
static Statement free_ranges = STATEMENT(
	SELECT_RANGES
	" AND sender_id = " NO_SENDER " AND step = $3 AND waiting_since <= $4"
	" AND (NOT $5 OR due_at IS NULL)"
	" ORDER BY waiting_since, range_id"
	" FOR UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT2OID, TIMESTAMPTZOID, BOOLOID);

/* What a sender goes on with, or where there is none, what was counted for limits before. */
static Statement ranges_of_sender = STATEMENT(
	SELECT_RANGES
	" AND sender_id = $3 AND due_at <= $4"
	" ORDER BY due_at"
	" FOR UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* The first one, and no other: whoever waits for one that goes would go on to the next. */
static Statement wait_for_range = STATEMENT(
	"SELECT FROM leadterra.waiting"
	" WHERE workspace_id = $1 AND ctid = ("
	" SELECT ctid FROM leadterra.waiting"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND sender_id = " NO_SENDER
	" AND step = $3 AND waiting_since <= $4"
	" ORDER BY waiting_since, range_id"
	" LIMIT 1)"
	" FOR UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT2OID, TIMESTAMPTZOID);

static Statement find_partial = STATEMENT(
	"SELECT partial_last FROM leadterra.leases"
	" WHERE workspace_id = $1 AND partial_range_id = $2"
	" ORDER BY partial_last DESC"
	" LIMIT 1",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * By the places of rows, which stay while they are locked: a join by their key
 * would be turned around where the planner has no statistics, and compare each
 * with all that waits.
 */
static Statement delete_used = STATEMENT(
	"DELETE FROM leadterra.waiting w"
	" USING unnest($2) AS u (place)"
	" WHERE w.workspace_id = $1 AND w.ctid = u.place",
	SPI_OK_DELETE, UUIDOID, TIDARRAYOID);

/* Notes that the range of a source is used up. */
static void
note_used(QueueTaker *taker, QueueSource *source)
{
	if (taker->nused == taker->room)
	{
		taker->room = Max(2 * taker->room, 16);
		taker->used = taker->nused == 0 ? palloc(sizeof(ItemPointerData) * taker->room) :
			repalloc_huge(taker->used, sizeof(ItemPointerData) * taker->room);
	}
	taker->used[taker->nused++] = source->place;
	source->has_range = source->begun = false;
}

/*
 * Waits for the first range of a source that other claims have locked, and locks
 * it, unless they hold it for longer than so many milliseconds.  A claim that holds
 * ranges may not: another could wait for it.  Runs in SPI.
 */
void
queue_wait(const QueueTaker *taker, const QueueSource *source, int milliseconds)
{
	Datum		parameters[] = {taker->workspace, taker->campaign,
	Int16GetDatum(source->step), TimestampTzGetDatum(due_since(&source->rule, taker->now))};
	MemoryContext caller_context = CurrentMemoryContext;
	ResourceOwner caller_owner = CurrentResourceOwner;
	int			caller_timeout = LockTimeout;
	ErrorData  *volatile error = NULL;

	/* Two waits at most: for those who wait in front of us, and for who holds it. */
	milliseconds /= 2;
	/* A time-out is an error, and what an error leaves behind goes with a subtransaction. */
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller_context);
	PG_TRY();
	{
		if (caller_timeout == 0 || caller_timeout > milliseconds)
			LockTimeout = milliseconds;
		statement_execute(&wait_for_range, parameters, NULL);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* Also of a cancel: whoever catches that ends subtransactions of his own. */
		MemoryContextSwitchTo(caller_context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	LockTimeout = caller_timeout;
	MemoryContextSwitchTo(caller_context);
	CurrentResourceOwner = caller_owner;
	if (error && error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
		ReThrowError(error);
}

/* Leaves out the positions of a locked range that leases have had. */
static void
skip_taken(const QueueTaker *taker, QueueSource *source)
{
	Datum		values[] = {taker->workspace, UUIDPGetDatum(&source->range_id)};
	bool		isnull;

	/* A range of one position has no parts. */
	if (source->rest.first == source->rest.last)
		return;
	if (statement_execute(&find_partial, values, NULL) > 0)
		source->rest.first = Max(source->rest.first,
								 DatumGetInt16(statement_value(0, 1, &isnull)) + 1);
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Looks at a range that was locked: is there anything of it to take?  Nobody can
 * ever take a broken one, so it goes.
 */
static bool
look_at_range(QueueTaker *taker, QueueSource *source)
{
	bool		broken = !queue_is_range(source->rest.first, source->rest.last,
										 source->rest.attempt);

	if (!broken)
		skip_taken(taker, source);
	else
		ereport(WARNING,
				(errcode(error_sqlstate(ERROR_BROKEN_ROW)),
				 errmsg("range \"%s\" of campaign \"%s\" is broken, and dropped",
						error_uuid(UUIDPGetDatum(&source->range_id)),
						error_uuid(taker->campaign))));
	if (!broken && source->rest.first <= source->rest.last)
		return true;
	note_used(taker, source);
	return false;
}

/* Begins to look for what there is to take from a source. */
static Portal
open_source(const QueueTaker *taker, const QueueSource *source)
{
	Datum		parameters[] = {taker->workspace, taker->campaign,
		Int16GetDatum(source->step), TimestampTzGetDatum(due_since(&source->rule, taker->now)),
	BoolGetDatum(taker->begun_apart)};

	if (source->step > 0)
		return statement_open(&free_ranges, parameters);
	parameters[2] = UUIDPGetDatum(&taker->sender);
	parameters[3] = TimestampTzGetDatum(taker->now);
	return statement_open(&ranges_of_sender, parameters);
}

/* Locks the next row of a source that waits; false if there is none. */
static bool
fetch_row(QueueTaker *taker, QueueSource *source)
{
	Datum		values[RANGE_COLUMNS];
	bool		nulls[RANGE_COLUMNS];

	if (source->portal == NULL)
		source->portal = open_source(taker, source);
	if (statement_fetch(source->portal, 1) == 0)
		return false;
	statement_row(0, values, nulls);
	source->due_at = source->step == 0 ? DatumGetTimestampTz(values[RANGE_DUE]) :
		due_at(&source->rule, DatumGetTimestampTz(values[RANGE_SINCE]));
	source->range_id = *DatumGetUUIDP(values[RANGE_ID]);
	source->rest.batch_id = *DatumGetUUIDP(values[RANGE_BATCH]);
	source->rest.first = DatumGetInt16(values[RANGE_FIRST]);
	source->rest.last = DatumGetInt16(values[RANGE_LAST]);
	source->rest.attempt = DatumGetInt16(values[RANGE_ATTEMPT]);
	source->rest.step = DatumGetInt16(values[RANGE_STEP]);
	source->rest.is_begun = source->step == 0;
	source->rest.tried_at = nulls[RANGE_TRIED] ? DT_NOBEGIN :
		DatumGetTimestampTz(values[RANGE_TRIED]);
	source->losses.count = Max(DatumGetInt16(values[RANGE_LOSSES]), 0);
	source->losses.last = nulls[RANGE_LOST] ? DT_NOBEGIN : DatumGetTimestampTz(values[RANGE_LOST]);
	source->place = *(ItemPointer) DatumGetPointer(values[RANGE_PLACE]);
	SPI_freetuptable(SPI_tuptable);
	return true;
}

/* Says whether the messages of a range are the first of their leads, and nobody has had them. */
bool
queue_is_new(const QueueRange *range, int losses)
{
	return range->step == 1 && range->attempt == 1 && losses == 0 &&
		TIMESTAMP_IS_NOBEGIN(range->tried_at);
}

/* Says whether a source is at messages that are new, of which no more may be taken. */
static bool
is_held(const QueueTaker *taker, const QueueSource *source)
{
	return taker->most_new == 0 && queue_is_new(&source->rest, source->losses.count);
}

/* Locks the next range of a source. */
static void
fetch_range(QueueTaker *taker, QueueSource *source)
{
	while (!source->has_range && !source->exhausted)
	{
		CHECK_FOR_INTERRUPTS();
		if (!fetch_row(taker, source))
			source->exhausted = true;
		else if (!is_held(taker, source))
			source->has_range = look_at_range(taker, source);
	}
}

/* Says whether a source is to be taken from before another: what is of both has a range. */
static bool
comes_before(const QueueSource *source, const QueueSource *other)
{
	if (source->priority != other->priority)
		return source->priority < other->priority;
	return source->due_at < other->due_at;
}

/* Returns the source to take from first; NULL if none has a range. */
static QueueSource *
first_source(QueueTaker *taker)
{
	QueueSource *first = NULL;

	for (int i = 0; i < taker->nsources; i++)
	{
		QueueSource *source = &taker->sources[i];

		fetch_range(taker, source);
		if (source->has_range && (first == NULL || comes_before(source, first)))
			first = source;
	}
	return first;
}

/* Returns the source to take from next; NULL if there is none or it was lost more or less often. */
static QueueSource *
next_source(QueueTaker *taker)
{
	QueueSource *source = first_source(taker);

	if (source == NULL)
		return NULL;
	if (!taker->has_losses)
		taker->losses = source->losses;
	taker->has_losses = true;
	taker->ended_early = source->losses.count != taker->losses.count;
	if (taker->ended_early)
		return NULL;
	taker->losses.last = Max(taker->losses.last, source->losses.last);
	return source;
}

/* Returns how many messages of a number are still to be taken, of which so many are. */
static int
count_wanted(const QueueTaker *taker, int wanted, int taken)
{
	return (taker->has_losses ? lease_most(taker->losses.count, wanted) : wanted) - taken;
}

/*
 * Counts the messages of a range that is taken as new ones, and leaves out what is too much:
 * nothing more is taken then, for a lease notes how far one range is used.
 */
static void
take_new(QueueTaker *taker, QueueRange *part)
{
	if (part->last - part->first + 1 >= taker->most_new)
	{
		part->last = part->first + taker->most_new - 1;
		taker->ended = true;
	}
	taker->most_new -= part->last - part->first + 1;
}

/*
 * Takes messages that are due, adds their ranges to others, and returns how many.
 * So many are wanted, of which some were taken before and handed out; fewer are taken if
 * no more are due, or may stand in the same lease.  Runs in SPI.
 */
int
queue_take(QueueTaker *taker, int handed, int wanted, QueueRanges *ranges)
{
	int			taken = 0;
	QueueSource *source;

	while (!taker->ended && count_wanted(taker, wanted, handed + taken) > 0 &&
		   (source = next_source(taker)) != NULL)
	{
		QueueRange	part = source->rest;

		part.last = Min(part.last, part.first + count_wanted(taker, wanted, handed + taken) - 1);
		if (queue_is_new(&part, source->losses.count))
			take_new(taker, &part);
		taken += part.last - part.first + 1;
		queue_add_range(ranges, &part);
		source->rest.first = part.last + 1;
		source->begun = true;
		if (source->rest.first > source->rest.last)
			note_used(taker, source);
	}
	return taken;
}

/*
 * Ends a taker: deletes the ranges that are used up, and notes in the lease how
 * far the last one is used if it is not.  Runs in SPI.
 */
void
queue_take_end(QueueTaker *taker, QueueLease *lease)
{
	Datum		values[2] = {taker->workspace};
	Datum	   *places = palloc(sizeof(Datum) * Max(taker->nused, 1));
	bool		isnull;

	if (taker->has_losses)
		lease->losses = taker->losses;
	for (int i = 0; i < taker->nsources; i++)
	{
		QueueSource *source = &taker->sources[i];

		if (source->portal)
			SPI_cursor_close(source->portal);
		if (source->begun)
		{
			lease->partial_range = source->range_id;
			lease->partial_last = source->rest.first - 1;
		}
	}
	if (taker->nused == 0)
		return;

	for (int i = 0; i < taker->nused; i++)
		places[i] = PointerGetDatum(&taker->used[i]);
	values[1] = statement_array(places, NULL, taker->nused, TIDOID, &isnull);
	if (statement_execute(&delete_used, values, NULL) != (uint64) taker->nused)
		elog(ERROR, "a range that was locked is gone");
}
