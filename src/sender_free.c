/*
 * sender_free.c
 *		When senders are free for messages of a campaign.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "sender.h"
#include "sender_walk.h"
#include "statement.h"

#define FIRST_FREE \
	"SELECT free_at FROM leadterra.pool_senders" \
	" WHERE workspace_id = $1 AND pool_id = $2 AND free_at >= $3"

/* When the first sender of a pool is free, and the first one that takes new leads. */
static Statement find_first = STATEMENT(
	"SELECT (" FIRST_FREE " ORDER BY free_at LIMIT 1),"
	" (" FIRST_FREE " AND NOT has_left ORDER BY free_at LIMIT 1)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* Finds when the first senders of a pool are free.  Runs in SPI. */
void
sender_find_first(const SenderPool *pool, SenderFirst *first)
{
	Datum		parameters[] = {pool->workspace, pool->pool,
	TimestampTzGetDatum(sender_horizon(pool))};
	Datum		values[2];
	bool		nulls[2];

	statement_read(&find_first, parameters);
	statement_row(0, values, nulls);
	*first = (SenderFirst) {
		*DatumGetUUIDP(pool->pool),
			nulls[0] ? DT_NOEND : DatumGetTimestampTz(values[0]),
			nulls[1] ? DT_NOEND : DatumGetTimestampTz(values[1])
	};
}

/* The earliest time at which a sender of a pool could go on with messages of a campaign. */
typedef struct Earliest
{
	TimestampTz first_free;		/* nobody is free before */
	TimestampTz found;
	bool		decided;		/* nothing that is still to come is earlier */
} Earliest;

static void
look_at_free(Earliest *earliest, int found)
{
	for (int i = 0; i < found && !earliest->decided; i++)
	{
		Datum		values[WALK_FREE_COLUMNS];
		bool		nulls[WALK_FREE_COLUMNS];
		TimestampTz free_at;

		statement_row(i, values, nulls);
		free_at = DatumGetTimestampTz(values[WALK_FREE_AT]);
		earliest->decided = free_at >= earliest->found;
		if (!nulls[WALK_FREE_DUE])
			earliest->found = Min(earliest->found,
								  Max(free_at, DatumGetTimestampTz(values[WALK_FREE_DUE])));
	}
}

static void
look_at_due(Earliest *earliest, int found)
{
	for (int i = 0; i < found && !earliest->decided; i++)
	{
		Datum		values[WALK_DUE_COLUMNS];
		bool		nulls[WALK_DUE_COLUMNS];
		TimestampTz due_at;

		statement_row(i, values, nulls);
		due_at = DatumGetTimestampTz(values[WALK_DUE_AT]);
		if (!nulls[WALK_DUE_FREE_AT])
			earliest->found = Min(earliest->found,
								  Max(due_at, DatumGetTimestampTz(values[WALK_DUE_FREE_AT])));
		earliest->decided = Max(due_at, earliest->first_free) >= earliest->found;
	}
}

/* Looks for the earliest time among all messages and senders, side by side. */
static void
look_at_all(Earliest *earliest, const SenderPool *pool)
{
	SenderWalk	messages = sender_walk_due(pool, DT_NOEND);
	SenderWalk	senders = sender_walk_free(pool, sender_horizon(pool), DT_NOEND);

	for (int count = 4; !earliest->decided && !senders.ended; count = Min(2 * count, 1024))
	{
		look_at_due(earliest, sender_walk_on(&messages, count));
		if (messages.ended)
			break;
		look_at_free(earliest, sender_walk_on(&senders, count));
	}
	sender_walk_end(&senders);
	sender_walk_end(&messages);
}

/*
 * Finds the earliest time at which a sender may go on with messages of a campaign; infinity:
 * there is no such time.  The first senders of its pool are known: often the first message
 * is decisive.  Runs in SPI.
 */
TimestampTz
sender_find_free(const SenderPool *pool, const SenderFirst *first)
{
	Earliest	earliest = {.first_free = first->any, .found = DT_NOEND};

	if (TIMESTAMP_IS_NOEND(first->any) || !sender_walk_first_due(pool))
		return DT_NOEND;
	look_at_due(&earliest, 1);
	if (!earliest.decided)
		look_at_all(&earliest, pool);
	return earliest.found;
}
