/*
 * sender_walk.c
 *		Going through senders and what they have begun.
 *
 * Both are gone through side by side, until either is at its end: see sender_claim.c.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "queue.h"
#include "sender_walk.h"
#include "statement.h"

/* How long a backend goes on from where the first sender of a pool became free. */
#define LOOK_AGAIN_WAIT USECS_PER_SEC

/* Senders in the order in which they are free, and when the first message of each is due. */
static Statement free_senders = STATEMENT(
	"SELECT p.sender_id, p.free_at, p.has_left, ("
	" SELECT w.due_at FROM leadterra.waiting w"
	" WHERE w.workspace_id = $1 AND w.campaign_id = $2 AND w.sender_id = p.sender_id"
	" AND w.due_at IS NOT NULL AND NOT ($6 AND " QUEUE_IS_NEW ")"
	" ORDER BY w.due_at"
	" LIMIT 1)"
	" FROM leadterra.pool_senders p"
	" WHERE p.workspace_id = $1 AND p.pool_id = $3 AND p.free_at >= $4 AND p.free_at <= $5"
	" ORDER BY p.free_at, p.sender_id",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID, BOOLOID);

/* Messages that were begun in the order in which they are due, and when their senders are free. */
#define DUE_SENDERS \
	"SELECT w.sender_id, w.due_at, (" \
	" SELECT s.free_at FROM leadterra.senders s" \
	" WHERE s.workspace_id = $1 AND s.sender_id = w.sender_id)" \
	" FROM leadterra.waiting w" \
	" WHERE w.workspace_id = $1 AND w.campaign_id = $2 AND w.due_at IS NOT NULL" \
	" AND w.due_at <= $3 AND NOT ($4 AND " QUEUE_IS_NEW ")" \
	" ORDER BY w.due_at"

static Statement due_senders = STATEMENT(
	DUE_SENDERS,
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID, BOOLOID);

static Statement first_due_sender = STATEMENT(
	DUE_SENDERS " LIMIT 1",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID, BOOLOID);

/*
 * When the first sender of a pool becomes free, as this backend found it, and when it looks
 * again, by the time of the machine.  While an old snapshot is open, entries of what
 * senders were stay in the index in front of what they are, more with every claim.  What
 * becomes free is free since then, and no earlier; but the pool may be all used up until
 * a time to come.
 */
static pg_uuid_t first_pool;
static TimestampTz first_free;
static TimestampTz look_again_at;

/* Returns from when on senders of a pool are to be looked for. */
TimestampTz
sender_horizon(const SenderPool *pool)
{
	if (memcmp(&first_pool, DatumGetUUIDP(pool->pool), UUID_LEN) != 0 ||
		GetCurrentTimestamp() >= look_again_at)
		return DT_NOBEGIN;
	return first_free;
}

/* Notes when the first sender of a pool becomes free, once it was looked for everywhere. */
void
sender_note_first(const SenderPool *pool, TimestampTz free_at)
{
	first_pool = *DatumGetUUIDP(pool->pool);
	first_free = free_at;
	look_again_at = GetCurrentTimestamp() + LOOK_AGAIN_WAIT;
}

/* Opens the senders of a pool that are free by a time. */
SenderWalk
sender_walk_free(const SenderPool *pool, TimestampTz since, TimestampTz until)
{
	Datum		parameters[] = {pool->workspace, pool->campaign, pool->pool,
	TimestampTzGetDatum(since), TimestampTzGetDatum(until), BoolGetDatum(pool->no_new)};

	return (SenderWalk) {.portal = statement_open(&free_senders, parameters)};
}

/* Opens the messages that senders have begun and that are due by a time. */
SenderWalk
sender_walk_due(const SenderPool *pool, TimestampTz until)
{
	Datum		parameters[] = {pool->workspace, pool->campaign, TimestampTzGetDatum(until),
	BoolGetDatum(pool->no_new)};

	return (SenderWalk) {.portal = statement_open(&due_senders, parameters)};
}

/* Goes on, by so many at most, and returns how many there were. */
int
sender_walk_on(SenderWalk *walk, int count)
{
	int			found = walk->ended ? 0 : (int) statement_fetch(walk->portal, count);

	walk->ended = found < count;
	return found;
}

void
sender_walk_end(SenderWalk *walk)
{
	SPI_cursor_close(walk->portal);
}

/* Finds the first message that senders have begun, whenever it is due; false if there is none. */
bool
sender_walk_first_due(const SenderPool *pool)
{
	Datum		parameters[] = {pool->workspace, pool->campaign, TimestampTzGetDatum(DT_NOEND),
	BoolGetDatum(pool->no_new)};

	return statement_read(&first_due_sender, parameters) > 0;
}
