/*
 * sender_claim.c
 *		Which sender has the messages of a claim.
 *
 * A pool is gone through in the order in which its senders became free.  Where nobody has
 * begun with the messages, the first will do.  A message that was begun has its sender, and
 * there may be many free senders that have none, or many such messages whose senders are
 * not free.  So senders and messages are gone through side by side, until either is at its
 * end: that costs as much as the shorter one.
 *
 * What a claim hands out is counted in its own transaction, under the lock of the sender's
 * row: no two claims have one sender.  A claim never waits for a sender.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "common/pg_prng.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "due.h"
#include "queue.h"
#include "sender.h"
#include "sender_walk.h"
#include "statement.h"
#include "window.h"

/* Senders that a claim finds to be full, at most: it notes that for the next one. */
#define FULL_MAX 100

/* Columns of lock_sender. */
enum
{
	SENDER_EMAIL,
	SENDER_NAME,
	SENDER_REPLY_TO,
	SENDER_TRANSPORT,
	SENDER_IS_WARMING,
	SENDER_LIMIT,
	SENDER_RAMP_FROM,
	SENDER_RAMP_STEP,
	SENDER_RAMP_SINCE,
	SENDER_GAP,
	SENDER_JITTER,
	SENDER_ZONE,
	SENDER_USED_ON,
	SENDER_USED,
	SENDER_FREE_AT,
	SENDER_BEGINS,
	SENDER_COLUMNS
};

#define SELECT_SENDER(begins) \
	"SELECT email, name, reply_to, transport, status = 'warming', daily_limit," \
	" ramp_from, ramp_step, ramp_since, gap_seconds, gap_jitter_seconds, time_zone," \
	" used_on, used, free_at, " begins \
	" FROM leadterra.senders" \
	" WHERE workspace_id = $1 AND sender_id = $2"

/* Whether it takes new leads is asked here: it may have left the pool since it was found. */
static Statement lock_free_sender = STATEMENT(
	SELECT_SENDER(
		"EXISTS (SELECT FROM leadterra.pool_senders p"
		" WHERE p.workspace_id = $1 AND p.pool_id = $5 AND p.sender_id = $2 AND NOT p.has_left)")
	" AND free_at <= $3 AND deleted_at IS NULL AND status <> 'paused'"
	" AND ($4 IS NULL OR coalesce(transport, '" SENDER_DEFAULT_TRANSPORT "') = ANY ($4))"
	" FOR NO KEY UPDATE SKIP LOCKED",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID, TEXTARRAYOID, UUIDOID);

static Statement lock_sender = STATEMENT(
	SELECT_SENDER("false")
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Whoever is paused or deleted stays so. */
static Statement update_sender = STATEMENT(
	"WITH changed AS ("
	" UPDATE leadterra.senders"
	" SET used_on = $3, used = $4,"
	" free_at = CASE WHEN deleted_at IS NULL AND status <> 'paused' THEN $5 ELSE free_at END"
	" WHERE workspace_id = $1 AND sender_id = $2"
	" RETURNING workspace_id, sender_id, free_at)"
	" UPDATE leadterra.pool_senders p"
	" SET free_at = c.free_at"
	" FROM changed c"
	" WHERE p.workspace_id = c.workspace_id AND p.sender_id = c.sender_id",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, DATEOID, INT4OID, TIMESTAMPTZOID);

/* Says whether what goes by no transport of its own is for a claim that names these. */
bool
sender_is_default_named(Datum transports)
{
	Datum	   *names;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(transports), TEXTOID, -1, false, TYPALIGN_INT,
					  &names, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i] && strcmp(TextDatumGetCString(names[i]), SENDER_DEFAULT_TRANSPORT) == 0)
			return true;
	}
	return false;
}

/* Returns a column that is a number, or another where it is null. */
static int
integer_or(const Datum *values, const bool *nulls, int column, int other)
{
	return nulls[column] ? other : DatumGetInt32(values[column]);
}

/* Reads a sender that was locked, as it is at a time; false if it may have no more today. */
static bool
read_sender(Datum workspace, const pg_uuid_t *sender_id, TimestampTz now, Sender *sender)
{
	Datum		values[SENDER_COLUMNS];
	bool		nulls[SENDER_COLUMNS];
	SenderLimit rule;
	pg_tz	   *zone;
	DateADT		used_on;
	int			limit;

	statement_row(0, values, nulls);
	zone = window_zone_require(TextDatumGetCString(values[SENDER_ZONE]));
	rule = (SenderLimit) {
		integer_or(values, nulls, SENDER_LIMIT, -1), DatumGetBool(values[SENDER_IS_WARMING]),
			integer_or(values, nulls, SENDER_RAMP_FROM, 0), DatumGetInt32(values[SENDER_RAMP_STEP]),
			integer_or(values, nulls, SENDER_RAMP_SINCE, 0)
	};
	*sender = (Sender) {
		.workspace = workspace, .sender_id = *sender_id, .email = values[SENDER_EMAIL],
			.name = values[SENDER_NAME], .reply_to = values[SENDER_REPLY_TO],
			.transport = values[SENDER_TRANSPORT], .no_name = nulls[SENDER_NAME],
			.no_reply_to = nulls[SENDER_REPLY_TO], .no_transport = nulls[SENDER_TRANSPORT],
			.today = window_zone_day(zone, now),
			.free_at = DatumGetTimestampTz(values[SENDER_FREE_AT]),
			.begins = DatumGetBool(values[SENDER_BEGINS])
	};
	used_on = nulls[SENDER_USED_ON] ? DATEVAL_NOBEGIN : DatumGetDateADT(values[SENDER_USED_ON]);
	/* Whoever had it before us may have read the clock after us, and after midnight. */
	if (used_on == sender->today + 1)
		sender->today = used_on;
	sender->today_began = window_zone_time(zone, sender->today, 0);
	sender->tomorrow = window_zone_time(zone, sender->today + 1, 0);
	/* A day that is not over where the zone was before counts as this one. */
	if (used_on >= sender->today)
		sender->used = DatumGetInt32(values[SENDER_USED]);
	sender->gap = DatumGetInt32(values[SENDER_GAP]);
	if (DatumGetInt32(values[SENDER_JITTER]) > 0)
		sender->gap += pg_prng_uint64_range(&pg_global_prng_state, 0,
											DatumGetInt32(values[SENDER_JITTER]));
	limit = sender_limit(&rule, sender->today);
	sender->left = limit < 0 ? INT_MAX : limit - sender->used;
	sender->most = DatumGetInt32(values[SENDER_GAP]) + DatumGetInt32(values[SENDER_JITTER]) > 0 ?
		Min(sender->left, 1) : sender->left;
	return sender->left > 0;
}

/* Writes what a sender has used, and when it is free. */
static void
write_sender(const Sender *sender, int used, TimestampTz free_at)
{
	Datum		values[] = {sender->workspace, UUIDPGetDatum(&sender->sender_id),
	DateADTGetDatum(sender->today), Int32GetDatum(used), TimestampTzGetDatum(free_at)};

	statement_execute(&update_sender, values, NULL);
}

/*
 * Locks a sender, unless another session has it, it is not free, or it is of no use to the
 * claim.  One that has no more today is free tomorrow.
 */
static bool
try_lock(const SenderPool *pool, const pg_uuid_t *sender_id, int *nfull, Sender *sender)
{
	Datum		values[] = {pool->workspace, UUIDPGetDatum(sender_id),
	TimestampTzGetDatum(pool->now), pool->transports, pool->pool};
	bool		nulls[] = {false, false, false, pool->any_transport, false};

	if (statement_execute(&lock_free_sender, values, nulls) == 0)
		return false;
	if (read_sender(pool->workspace, sender_id, pool->now, sender))
		return true;
	write_sender(sender, sender->used, sender->tomorrow);
	(*nfull)++;
	return false;
}

/* A sender that could have a message which it began, and since when it is free. */
typedef struct Candidate
{
	pg_uuid_t	sender_id;
	TimestampTz free_at;
} Candidate;

static int
compare_candidates(const void *left, const void *right)
{
	const Candidate *a = left;
	const Candidate *b = right;

	if (a->free_at != b->free_at)
		return a->free_at < b->free_at ? -1 : 1;
	return memcmp(&a->sender_id, &b->sender_id, UUID_LEN);
}

/* A search for a sender that goes on with messages. */
typedef struct Search
{
	const SenderPool *pool;
	bool		notes_first;	/* it looks at all of the pool */
	bool		has_first;
	int			nfull;
	int			count;			/* of candidates */
	int			room;
	Candidate  *candidates;
} Search;

/* Notes the first sender of a pool, of a row of free_senders. */
static void
see_first(Search *search, TimestampTz free_at)
{
	if (search->notes_first && !search->has_first)
		sender_note_first(search->pool, free_at);
	search->has_first = true;
}

/* Locks the first of some free senders that has messages to go on with; false if none has. */
static bool
lock_with_messages(Search *search, int found, Sender *sender)
{
	SPITupleTable *rows = SPI_tuptable;
	bool		locked = false;

	for (int i = 0; i < found && !locked; i++)
	{
		Datum		values[WALK_FREE_COLUMNS];
		bool		nulls[WALK_FREE_COLUMNS];

		SPI_tuptable = rows;
		statement_row(i, values, nulls);
		see_first(search, DatumGetTimestampTz(values[WALK_FREE_AT]));
		if (!nulls[WALK_FREE_DUE] &&
			DatumGetTimestampTz(values[WALK_FREE_DUE]) <= search->pool->now)
			locked = try_lock(search->pool, DatumGetUUIDP(values[WALK_FREE_SENDER]),
							  &search->nfull, sender);
	}
	return locked;
}

/* Adds the senders of some messages to the candidates, if they are free. */
static void
add_candidates(Search *search, int found)
{
	for (int i = 0; i < found; i++)
	{
		Datum		values[WALK_DUE_COLUMNS];
		bool		nulls[WALK_DUE_COLUMNS];

		statement_row(i, values, nulls);
		if (nulls[WALK_DUE_FREE_AT] ||
			DatumGetTimestampTz(values[WALK_DUE_FREE_AT]) > search->pool->now)
			continue;
		if (search->count == search->room)
		{
			search->room = Max(2 * search->room, 16);
			search->candidates = search->count == 0 ?
				palloc(sizeof(Candidate) * search->room) :
				repalloc(search->candidates, sizeof(Candidate) * search->room);
		}
		search->candidates[search->count++] = (Candidate) {
			*DatumGetUUIDP(values[WALK_DUE_SENDER]),
				DatumGetTimestampTz(values[WALK_DUE_FREE_AT])
		};
	}
}

/* Locks the candidate that is free for longest; false if none can be had. */
static bool
lock_candidate(Search *search, Sender *sender)
{
	qsort(search->candidates, search->count, sizeof(Candidate), compare_candidates);
	for (int i = 0; i < search->count && search->nfull < FULL_MAX; i++)
	{
		const Candidate *candidate = &search->candidates[i];

		if (i > 0 && memcmp(&candidate->sender_id, &candidate[-1].sender_id, UUID_LEN) == 0)
			continue;
		if (try_lock(search->pool, &candidate->sender_id, &search->nfull, sender))
			return true;
	}
	return false;
}

/* Locks the free sender, free for longest, that has messages to go on with. */
static bool
lock_begun(Search *search, Sender *sender)
{
	const SenderPool *pool = search->pool;
	TimestampTz since = sender_horizon(pool);
	SenderWalk	senders = {.portal = NULL};
	SenderWalk	messages = sender_walk_due(pool, pool->now);
	bool		locked = false;

	search->notes_first = TIMESTAMP_IS_NOBEGIN(since);
	for (int count = 4; !locked && search->nfull < FULL_MAX; count = Min(2 * count, 1024))
	{
		add_candidates(search, sender_walk_on(&messages, count));
		if (messages.ended)
		{
			locked = lock_candidate(search, sender);
			break;
		}
		/* As a rule there are few such messages, and these alone are looked at. */
		if (senders.portal == NULL)
			senders = sender_walk_free(pool, since, pool->now);
		locked = lock_with_messages(search, sender_walk_on(&senders, count), sender);
		if (senders.ended)
			break;
	}
	if (senders.portal)
		sender_walk_end(&senders);
	sender_walk_end(&messages);
	return locked;
}

/* Locks the sender of a pool that is free for longest, for messages with which none has begun. */
static bool
lock_new(Search *search, Sender *sender)
{
	const SenderPool *pool = search->pool;
	TimestampTz since = sender_horizon(pool);
	SenderWalk	senders = sender_walk_free(pool, since, pool->now);
	bool		locked = false;

	search->notes_first = TIMESTAMP_IS_NOBEGIN(since);
	while (!locked && search->nfull < FULL_MAX && sender_walk_on(&senders, 1) > 0)
	{
		Datum		values[WALK_FREE_COLUMNS];
		bool		nulls[WALK_FREE_COLUMNS];

		statement_row(0, values, nulls);
		see_first(search, DatumGetTimestampTz(values[WALK_FREE_AT]));
		if (!DatumGetBool(values[WALK_FREE_LEFT]))
			locked = try_lock(pool, DatumGetUUIDP(values[WALK_FREE_SENDER]), &search->nfull,
							  sender) && sender->begins;
	}
	sender_walk_end(&senders);
	return locked;
}

/*
 * Locks the sender of a pool that is free for longest among those that may have messages
 * of a campaign; false if there is none, or others hold them.  Runs in SPI.
 */
bool
sender_lock_free(const SenderPool *pool, SenderWork work, Sender *sender)
{
	Search		search = {.pool = pool};

	return work == SENDER_NEW ? lock_new(&search, sender) : lock_begun(&search, sender);
}

/* Counts messages that a locked sender was given, and says when it is free again.  Runs in SPI. */
void
sender_use(const Sender *sender, int messages, TimestampTz now)
{
	TimestampTz free_at = messages < sender->left ?
		due_after(now, sender->gap * USECS_PER_SEC) : sender->tomorrow;

	if (messages > 0)
		write_sender(sender, sender->used + messages, free_at);
}

/*
 * Gives a sender back what it was given at a time and has not sent: if that was on its
 * local day, it may send as many more, and is free.  But it may have sent others since,
 * and a gap is kept to these.  Runs in SPI.
 */
void
sender_give_back(Datum workspace, const pg_uuid_t *sender_id, TimestampTz claimed_at,
				 int messages, TimestampTz now)
{
	Datum		values[] = {workspace, UUIDPGetDatum(sender_id)};
	Sender		sender;

	if (messages == 0 || statement_execute(&lock_sender, values, NULL) == 0)
		return;
	(void) read_sender(workspace, sender_id, now, &sender);
	if (sender.used >= messages && claimed_at >= sender.today_began)
		write_sender(&sender, sender.used - messages,
					 Min(sender.free_at, due_after(now, sender.gap * USECS_PER_SEC)));
}
