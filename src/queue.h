/*
 * queue.h
 *		The queue: batches of leads at the same step, ranges of them that wait,
 *		and leases of workers on ranges.
 */
#ifndef LEADTERRA_QUEUE_H
#define LEADTERRA_QUEUE_H

#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "storage/itemptr.h"
#include "utils/date.h"
#include "utils/uuid.h"

#include "due.h"
#include "lease.h"
#include "statement.h"

/* Messages of a batch; a position in it fits ten bits. */
#define QUEUE_BATCH_MAX 1000

/* Days after the first attempt at a message until which it may be deferred. */
#define QUEUE_DEFER_DAYS 5

/* Steps of a campaign. */
#define QUEUE_STEPS_MAX 100

/* Variants of a step; one fits a byte. */
#define QUEUE_VARIANTS_MAX 26

/* In SQL, what queue_is_new() says of a range that waits. */
#define QUEUE_IS_NEW "step = 1 AND attempt = 1 AND losses = 0 AND tried_at IS NULL"

/* Messages of a lease; a claim takes less. */
#define QUEUE_LEASE_MAX 1000000

/* Positions of a batch, from 1, and which attempt to send them it is. */
typedef struct QueueRange
{
	pg_uuid_t	batch_id;
	int			first;
	int			last;
	int			attempt;
	int			step;			/* that it was taken for; 0: its batch says it */
	bool		is_begun;		/* it is of a sender, or counted for limits before */
	TimestampTz tried_at;		/* when it first failed or was deferred; DT_NOBEGIN: never */
} QueueRange;

/* How often ranges were in leases that ran out with nothing reported on them. */
typedef struct QueueLosses
{
	int			count;
	TimestampTz last;			/* when the last of these leases ran out; DT_NOBEGIN: none did */
} QueueLosses;

/* Ranges: their messages are the positions, in that order, with numbers from 0. */
typedef struct QueueRanges
{
	int			count;
	int			room;
	QueueRange *items;
	int			nmessages;
} QueueRanges;

/* A range that waits, for the sender of the lease that it comes from if it has one. */
typedef struct QueueWaiting
{
	QueueRange	range;
	int			step;
	TimestampTz since;
	TimestampTz due_at;			/* where it is begun */
} QueueWaiting;

/* The steps of a campaign, as the queue needs them. */
typedef struct QueueSteps
{
	int			count;
	DueRule		rules[QUEUE_STEPS_MAX]; /* of step n + 1 */
	const char *webhooks;		/* events that its webhooks want; NULL: it has none */
} QueueSteps;

/* A range of a lease, and the number of its first message. */
typedef struct QueuePlace
{
	QueueRange	range;
	int			number;
} QueuePlace;

/* A lease on ranges. */
typedef struct QueueLease
{
	Datum		workspace;
	pg_uuid_t	lease_id;
	pg_uuid_t	campaign;
	QueueRanges ranges;
	QueueLosses losses;			/* of all of its ranges */
	pg_uuid_t	sender;			/* of its messages; none: all zeros */
	pg_uuid_t	next_sender;	/* that goes on with them */
	TimestampTz claimed_at;		/* by which they count for limits; DT_NOBEGIN: they do not */
	QueuePlace *places;			/* by batch, made when a message is looked for */
	TimestampTz expires_at;
	int			sent;			/* messages that were completed */
	int			nsettled;		/* messages that are done with */
	uint8	   *settled;		/* bits; as long as completed */
	uint8	   *completed;
	const uint8 *variants;		/* of each message, 0: none; NULL: no step has any */
	TimestampTz closed_at;		/* DT_NOBEGIN: it is open */
	int			nsteps;			/* of its campaign when it was closed; 0: it is open */
	pg_uuid_t	partial_range;	/* what the last range is a part of */
	int			partial_last;	/* 0: that is used up */
} QueueLease;

/* The arrays of a lease that hold its ranges, and how many messages they have. */
typedef struct QueueLeaseArrays
{
	int			count;
	const pg_uuid_t *batch_ids;
	const int16 *firsts;
	const int16 *lasts;
	const int16 *attempts;
	const TimestampTz *tried_at;	/* NULL: none of them ever was */
	int			nmessages;
} QueueLeaseArrays;

/* What a lease tells of messages that were sent. */
typedef struct QueueOutcome
{
	pg_uuid_t	lease_id;
	pg_uuid_t	sender;			/* of its messages; none: all zeros */
	TimestampTz sent_at;		/* when those that were completed count as sent */
	QueueLeaseArrays ranges;
	bool		all_completed;
	const uint8 *completed;		/* bits; NULL: all, or none */
	const uint8 *variants;		/* of each message, 0: none; NULL: none has one */
} QueueOutcome;

/* Leases of a campaign that are read one after the other. */
typedef struct QueueOutcomes
{
	StatementRows rows;
	TimestampTz now;
	MemoryContext context;		/* of what is read of one */
} QueueOutcomes;

/* A batch, without its leads. */
typedef struct QueueBatch
{
	pg_uuid_t	batch_id;
	int16		step;
	int16		size;
	TimestampTz since;			/* it waited */
	int64		start;			/* messages of those before it */
} QueueBatch;

/* Batches by their ids. */
typedef struct QueueBatches
{
	int64		count;
	int64		room;
	QueueBatch *items;
	int64		nmessages;
} QueueBatches;

/* Messages of a step that were not sent. */
typedef struct QueueExceptionCount
{
	int			step;
	bool		is_failed;		/* not skipped */
	DateADT		day;			/* on which that was; 0 where days are not told apart */
	int64		count;
} QueueExceptionCount;

/* What a lease is found to be. */
typedef enum QueueLeaseState
{
	QUEUE_LEASE_LOST,			/* unknown, or swept */
	QUEUE_LEASE_BROKEN,			/* its row is none that a claim made */
	QUEUE_LEASE_EXPIRED,		/* run out, to be swept */
	QUEUE_LEASE_OPEN,
	QUEUE_LEASE_CLOSED			/* settled as a whole */
} QueueLeaseState;

/* What is queued for leads. */
typedef struct QueueEnqueued
{
	Datum		workspace;
	Datum		campaign;
	int			step;
	TimestampTz since;			/* it waits */
	const pg_uuid_t *sender;	/* that goes on with them; NULL: none */
	TimestampTz due_at;			/* where there is one */
	const pg_uuid_t *after_lease;	/* that it follows from; NULL: none */
} QueueEnqueued;

/* A message that is not sent, and why. */
typedef struct QueueException
{
	pg_uuid_t	lead_id;
	pg_uuid_t	batch_id;
	int			position;
	int			step;
	int			attempt;
	const char *state;			/* "failed" or "skipped" */
	const char *reason;
} QueueException;

/* What becomes of messages of a lease that are not sent. */
typedef enum QueueFate
{
	QUEUE_RETRY,				/* tried again, which is one attempt more */
	QUEUE_DEFER,				/* tried again at a time, which is none */
	QUEUE_RELEASE,				/* given back as they were */
	QUEUE_LOSE,					/* the same, but the lease ran out */
	QUEUE_FAIL					/* failed for good */
} QueueFate;

/* That, and why: NULL, where nothing is to be said of it. */
typedef struct QueueVerdict
{
	QueueFate	fate;
	const char *reason;
	TimestampTz again_at;		/* of what is deferred */
	bool		is_bounce;		/* which webhooks are told of by themselves */
} QueueVerdict;

/*
 * Messages to take from, and where in them the taker is: those of a step with which no
 * sender has begun, or those of all steps that one goes on with, or that were counted.
 */
typedef struct QueueSource
{
	int			step;			/* 0: all */
	DueRule		rule;			/* of that */
	int			priority;		/* sources of a lower one come first */
	Portal		portal;
	bool		exhausted;
	bool		has_range;		/* one that is locked, and not used up */
	bool		begun;			/* this claim took a part of it */
	ItemPointerData place;		/* of its row */
	TimestampTz due_at;
	pg_uuid_t	range_id;
	QueueRange	rest;
	QueueLosses losses;
} QueueSource;

/*
 * Takes what is due in a campaign, by due time, and locks it.  All that it takes was lost
 * equally often: it ends before what was not.
 */
typedef struct QueueTaker
{
	Datum		workspace;
	Datum		campaign;
	pg_uuid_t	sender;			/* that the messages are for; none: all zeros */
	TimestampTz now;			/* by which messages are due */
	int			most_new;		/* messages of step 1 that nobody has had */
	bool		begun_apart;	/* what was counted is a source of its own */
	int			nsources;
	QueueSource *sources;
	bool		has_losses;		/* it has taken something */
	QueueLosses losses;
	bool		ended;			/* nothing more is taken */
	bool		ended_early;
	int			nused;			/* ranges that are used up */
	int			room;
	ItemPointerData *used;
} QueueTaker;

/* Bits of a lease, one a message. */
static inline int
queue_lease_bytes(int nmessages)
{
	return (nmessages + 7) / 8;
}

static inline bool
queue_has_sender(const pg_uuid_t *sender)
{
	static const pg_uuid_t none;

	return memcmp(sender, &none, UUID_LEN) != 0;
}

static inline bool
queue_bit_is_set(const uint8 *bits, int number)
{
	return bits[number / 8] & 1 << number % 8;
}

/* Says whether a message of a lease was completed. */
static inline bool
queue_is_completed(const QueueOutcome *outcome, int number)
{
	return outcome->completed ? queue_bit_is_set(outcome->completed, number) :
		outcome->all_completed;
}

/* queue.c: batches and what waits */
extern pg_uuid_t queue_enqueue(const QueueEnqueued *queued, const pg_uuid_t *lead_ids, int count);
extern bool queue_requeue(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
						  const char *reason);
extern void queue_put_back(const QueueLease *lease, const QueueWaiting *waiting, int count,
						   const QueueLosses *losses, const char *error);
extern void queue_except(Datum workspace, Datum campaign, TimestampTz time,
						 const QueueException *exceptions, int count);
extern void queue_notify(void);
extern bool queue_is_range(int first, int last, int attempt);
extern void queue_add_range(QueueRanges *ranges, const QueueRange *range);
extern pg_uuid_t queue_message_id(const pg_uuid_t *batch_id, int position);
extern pg_uuid_t queue_message_batch(const pg_uuid_t *message_id, int *position);

/* queue_message.c: what a message is about */
extern bool queue_find_message(Datum workspace, const pg_uuid_t *message_id, pg_uuid_t *campaign,
							   pg_uuid_t *lead_id);
extern bool queue_keep_message(Datum workspace, const pg_uuid_t *message_id, pg_uuid_t *campaign,
							   pg_uuid_t *lead_id);

/* queue_take.c: what a claim gets */
extern void queue_wait(const QueueTaker *taker, const QueueSource *source, int milliseconds);
extern bool queue_is_new(const QueueRange *range, int losses);
extern int	queue_take(QueueTaker *taker, int handed, int wanted, QueueRanges *taken);
extern void queue_take_end(QueueTaker *taker, QueueLease *lease);

/* queue_lease.c: what a worker holds */
extern void queue_lease_init(QueueLease *lease, Datum workspace, Datum campaign);
extern void queue_lease_insert(QueueLease *lease, const int *skipped, int nskipped, Datum worker,
							   bool no_worker, TimestampTz now, TimestampTz expires_at);
extern int	queue_lease_find(QueueLease *lease, const pg_uuid_t *message_id);
extern pg_uuid_t queue_lease_message(const QueueLease *lease, int number);
extern bool queue_lease_campaign(Datum workspace, Datum lease_id, pg_uuid_t *campaign);
extern bool queue_lease_is_settled(const QueueLease *lease, int number);
extern bool queue_lease_is_done(const QueueLease *lease);
extern bool queue_lease_settle(QueueLease *lease, int number, bool completed);
extern bool queue_lease_is_completed(const QueueLease *lease, int number);
extern void queue_lease_write(const QueueLease *lease, const char *state, int nsteps,
							  TimestampTz now);
extern void queue_lease_set_steps(Datum workspace, const pg_uuid_t *lease_id, int nsteps);
extern int	queue_lease_find_expired(Datum workspace, TimestampTz now,
									 pg_uuid_t *lease_ids, int most);
extern void queue_lease_extend(const QueueLease *lease, TimestampTz expires_at);
extern bool queue_lease_find_completed(Datum workspace, TimestampTz since);

/* queue_lease_lock.c: the row of it */
extern QueueLeaseState queue_lease_lock(QueueLease *lease, Datum workspace, Datum lease_id,
										TimestampTz *now);
extern bool queue_lease_lock_ended(QueueLease *lease, Datum workspace, const pg_uuid_t *lease_id);
extern bool queue_lease_lock_expired(QueueLease *lease, Datum workspace, const pg_uuid_t *lease_id,
									 TimestampTz now);
extern bool queue_lease_read_arrays(QueueLeaseArrays *arrays, const Datum *values,
									bool never_tried);
extern bool queue_lease_bytes_are_valid(int nmessages, const bytea *settled,
										const bytea *completed, const bytea *variants);

/* queue_count.c: what is counted of it */
extern void queue_begin_outcomes(QueueOutcomes *outcomes, Datum workspace, Datum campaign,
								 const Datum *lease_ids, TimestampTz now);
extern bool queue_read_outcome(QueueOutcomes *outcomes, QueueOutcome *outcome);
extern void queue_find_batches(Datum workspace, Datum campaign, const Datum *batch_ids,
							   QueueBatches *batches);
extern void queue_begin_exceptions(StatementRows *rows, Datum workspace, Datum campaign,
								   const Datum *batch_ids, const char *zone);
extern bool queue_read_exceptions(StatementRows *rows, QueueExceptionCount *found);
extern const QueueBatch *queue_batch_of(const QueueBatches *batches, const pg_uuid_t *batch_id);

/* queue_close.c: what becomes of it */
extern void queue_tell_failed(const QueueLease *lease, const char *webhooks,
							  const QueueException *exceptions, int count);
extern void queue_lease_save(QueueLease *lease, const QueueSteps *steps, TimestampTz now);
extern int	queue_lease_return(QueueLease *lease, const QueueSteps *steps, const int *numbers,
							   int count, const QueueVerdict *verdict, TimestampTz now);
extern void queue_lease_lose(QueueLease *lease, const QueueSteps *steps, TimestampTz now);
extern int	queue_lease_continue(QueueLease *lease, const QueueSteps *steps, TimestampTz now);

/* queue_continue.c: leads that had finished */
extern int	queue_find_finished(Datum workspace, Datum campaign, int nsteps, pg_uuid_t *lease_ids,
								int most);
extern int64 queue_count_finished(Datum workspace, Datum campaign, int nsteps);

#endif							/* LEADTERRA_QUEUE_H */
