/*
 * total.h
 *		What became of messages, counted by day, step, variant and sender: what is there,
 *		and what lt_maintain counted before it removed it.
 */
#ifndef LEADTERRA_TOTAL_H
#define LEADTERRA_TOTAL_H

#include "pgtime.h"
#include "utils/date.h"
#include "utils/hsearch.h"
#include "utils/uuid.h"

#include "event.h"
#include "queue.h"

/* What is counted. */
typedef enum TotalCount
{
	TOTAL_SENT,
	TOTAL_DELIVERED,			/* from here on in the order of EventKind */
	TOTAL_OPENED,
	TOTAL_CLICKED,
	TOTAL_REPLIED,
	TOTAL_BOUNCED,
	TOTAL_COMPLAINED,
	TOTAL_UNSUBSCRIBED,
	TOTAL_FAILED,
	TOTAL_SKIPPED,
	TOTAL_ENROLLED,
	TOTAL_CONTACTED,			/* sent of step 1 */
	TOTAL_COUNTS
} TotalCount;

/* Of whom and when something is counted, zeros where that is not told apart.  It is hashed. */
typedef struct TotalKey
{
	DateADT		day;
	int16		step;			/* 0: its batch is gone */
	int16		variant;		/* 0: none */
	pg_uuid_t	sender;			/* none: all zeros */
} TotalKey;

typedef struct TotalRow
{
	TotalKey	key;
	int64		counts[TOTAL_COUNTS];
} TotalRow;

/* Counts of a campaign, and what they tell apart. */
typedef struct Totals
{
	Datum		workspace;
	Datum		campaign;
	pg_tz	   *zone;			/* of days; NULL: these are not told apart */
	bool		by_step;		/* steps, variants and senders are */
	HTAB	   *rows;
	QueueBatches batches;		/* whose messages are counted */
	DateADT		day;			/* the last that was found, and when it begins and ends */
	TimestampTz day_begins;
	TimestampTz day_ends;
} Totals;

/* A lease that had messages with a variant. */
typedef struct TotalOwner
{
	pg_uuid_t	lease_id;
	TotalKey	key;			/* its sender, and the variant */
} TotalOwner;

/* One that had a message before another. */
typedef struct TotalEarlier
{
	int64		message;
	uint32		number;
} TotalEarlier;

/* Who had messages of batches. */
typedef struct TotalOwners
{
	const QueueBatches *batches;
	uint32	   *numbers;		/* of the last of each message of these; NULL: none has any */
	int64		count;
	int64		room;
	TotalOwner *items;			/* by these numbers */
	int64		nearlier;
	int64		earlier_room;
	bool		is_sorted;
	TotalEarlier *earlier;
} TotalOwners;

/* total.c */
extern void total_init(Totals *totals, Datum workspace, Datum campaign, const char *zone,
					   bool by_step);
extern DateADT total_day(Totals *totals, TimestampTz time);
extern void total_add(Totals *totals, TotalKey key, TotalCount what, int64 number);
extern void total_add_sent(Totals *totals, const QueueOutcome *outcome);
extern void total_add_exceptions(Totals *totals, const Datum *batch_ids);
extern void total_add_events(Totals *totals, TotalOwners *owners, Datum firsts, Datum lasts);
extern void total_count_campaign(Totals *totals);
extern const TotalRow **total_rows(const Totals *totals, int *count);

/* total_owner.c: whom a message counts for */
extern void total_owner_init(TotalOwners *owners, const QueueBatches *batches);
extern void total_owner_note(TotalOwners *owners, const QueueOutcome *outcome);
extern TotalKey total_owner_find(TotalOwners *owners, const EventFirst *event);

#endif							/* LEADTERRA_TOTAL_H */
