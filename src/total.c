/*
 * total.c
 *		Counting what became of the messages of a campaign.
 *
 * What is there is counted when somebody asks, from leases, exceptions and events; what
 * lt_maintain has removed stands in leadterra.totals, as it was counted then.  Both are
 * counted here, so that removing something changes no statistics.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "statement.h"
#include "total.h"
#include "uuid7.h"
#include "window.h"

StaticAssertDecl(TOTAL_DELIVERED + (int) EVENT_KINDS == (int) TOTAL_FAILED, "kinds of events");

/* Columns of the statement that finds totals, before their counts. */
enum
{
	FOUND_DAY,
	FOUND_STEP,
	FOUND_VARIANT,
	FOUND_SENDER,
	FOUND_COUNTS
};

/* Counts in the order of TotalCount; leads that were enrolled are for others. */
static Statement find_totals = STATEMENT(
	"SELECT day, step, variant, sender_id, sent, delivered, opened, clicked, replied, bounced,"
	" complained, unsubscribed, failed, skipped"
	" FROM leadterra.totals"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Begins with nothing; days are those of a zone, and not told apart where it is NULL. */
void
total_init(Totals *totals, Datum workspace, Datum campaign, const char *zone, bool by_step)
{
	HASHCTL		control = {.keysize = sizeof(TotalKey), .entrysize = sizeof(TotalRow),
	.hcxt = CurrentMemoryContext};

	*totals = (Totals) {
		.workspace = workspace, .campaign = campaign, .by_step = by_step,
			.zone = zone ? window_zone_require(zone) : NULL
	};
	totals->rows = hash_create("leadterra totals", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Returns the day that it is at a time; 0 where days are not told apart. */
DateADT
total_day(Totals *totals, TimestampTz time)
{
	if (totals->zone == NULL)
		return 0;
	/* Most are of the same day as the one before. */
	if (time < totals->day_begins || time >= totals->day_ends)
	{
		totals->day = window_zone_day(totals->zone, time);
		totals->day_begins = totals->day_ends = 0;
		if (!TIMESTAMP_NOT_FINITE(time))
		{
			totals->day_begins = window_zone_time(totals->zone, totals->day, 0);
			totals->day_ends = window_zone_time(totals->zone, totals->day + 1, 0);
		}
	}
	return totals->day;
}

/* Adds to a count. */
void
total_add(Totals *totals, TotalKey key, TotalCount what, int64 number)
{
	bool		is_first_step = key.step == 1;
	bool		found;
	TotalRow   *row;

	if (number == 0)
		return;
	if (totals->zone == NULL)
		key.day = 0;
	if (!totals->by_step)
		key = (TotalKey) {.day = key.day};
	row = hash_search(totals->rows, &key, HASH_ENTER, &found);
	if (!found)
		memset(row->counts, 0, sizeof(row->counts));
	row->counts[what] += number;
	if (what == TOTAL_SENT && is_first_step)
		row->counts[TOTAL_CONTACTED] += number;
}

/* Counts the messages of a range that were completed, for each variant. */
static void
add_sent_range(Totals *totals, const QueueOutcome *outcome, TotalKey key, int number, int count)
{
	int			sent[QUEUE_VARIANTS_MAX + 1] = {0};

	if (outcome->variants == NULL && outcome->completed == NULL)
		sent[0] = count;
	else
	{
		for (int i = number; i < number + count; i++)
			sent[outcome->variants ? outcome->variants[i] : 0] += queue_is_completed(outcome, i);
	}
	for (size_t i = 0; i < lengthof(sent); i++)
	{
		key.variant = i;
		total_add(totals, key, TOTAL_SENT, sent[i]);
	}
}

/* Adds what was completed in a lease. */
void
total_add_sent(Totals *totals, const QueueOutcome *outcome)
{
	TotalKey	key = {.day = total_day(totals, outcome->sent_at), .sender = outcome->sender};
	int			number = 0;

	if (outcome->completed == NULL && !outcome->all_completed)
		return;
	for (int i = 0; i < outcome->ranges.count; i++)
	{
		const QueueBatch *batch = queue_batch_of(&totals->batches, &outcome->ranges.batch_ids[i]);
		int			count = outcome->ranges.lasts[i] - outcome->ranges.firsts[i] + 1;

		key.step = batch ? batch->step : 0;
		add_sent_range(totals, outcome, key, number, count);
		number += count;
	}
}

/* Adds what was not sent: of batches, or of the whole campaign where these are NULL. */
void
total_add_exceptions(Totals *totals, const Datum *batch_ids)
{
	const char *zone = totals->zone ? pg_get_timezone_name(totals->zone) : NULL;
	QueueExceptionCount found;
	StatementRows rows;

	queue_begin_exceptions(&rows, totals->workspace, totals->campaign, batch_ids, zone);
	while (queue_read_exceptions(&rows, &found))
		total_add(totals, (TotalKey) {.day = found.day, .step = found.step},
				  found.is_failed ? TOTAL_FAILED : TOTAL_SKIPPED, found.count);
}

/* What an event is counted with. */
typedef struct EventCounting
{
	Totals	   *totals;
	TotalOwners *owners;
} EventCounting;

static void
count_event(void *counter, const EventFirst *event)
{
	EventCounting *counting = counter;
	TotalKey	key = total_owner_find(counting->owners, event);

	key.day = total_day(counting->totals, event->at);
	total_add(counting->totals, key, TOTAL_DELIVERED + (int) event->kind, 1);
}

/* Adds what happened to messages of ranges of ids, by whom they count for. */
void
total_add_events(Totals *totals, TotalOwners *owners, Datum firsts, Datum lasts)
{
	EventCounting counting = {totals, owners};
	EventRanges ranges = {totals->workspace, totals->campaign, firsts, lasts};

	event_count(&ranges, totals->zone || owners->numbers, count_event, &counting);
}

/* Adds what was counted before it was removed. */
static void
add_removed(Totals *totals)
{
	Datum		parameters[] = {totals->workspace, totals->campaign};
	Datum		values[FOUND_COUNTS + TOTAL_ENROLLED];
	bool		nulls[FOUND_COUNTS + TOTAL_ENROLLED];
	StatementRows rows;

	statement_begin_read(&rows, &find_totals, parameters);
	while (statement_read_next(&rows, values, nulls))
	{
		TotalKey	key = {
			.day = DatumGetDateADT(values[FOUND_DAY]), .step = DatumGetInt16(values[FOUND_STEP]),
				.variant = DatumGetInt16(values[FOUND_VARIANT]),
				.sender = *DatumGetUUIDP(values[FOUND_SENDER])
		};

		for (int what = 0; what < TOTAL_ENROLLED; what++)
			total_add(totals, key, what, DatumGetInt64(values[FOUND_COUNTS + what]));
	}
}

/* Counts all of a campaign.  Runs in SPI. */
void
total_count_campaign(Totals *totals)
{
	pg_uuid_t	first = {{0}};
	pg_uuid_t	last;
	QueueOutcomes outcomes;
	QueueOutcome outcome;
	TotalOwners owners;

	if (totals->zone || totals->by_step)
		queue_find_batches(totals->workspace, totals->campaign, NULL, &totals->batches);
	total_owner_init(&owners, &totals->batches);
	queue_begin_outcomes(&outcomes, totals->workspace, totals->campaign, NULL, context_clock());
	while (queue_read_outcome(&outcomes, &outcome))
	{
		total_add_sent(totals, &outcome);
		if (totals->by_step)
			total_owner_note(&owners, &outcome);
	}
	memset(&last, 0xff, sizeof(last));
	total_add_events(totals, &owners, statement_uuids(&first, 0, 1), statement_uuids(&last, 0, 1));
	total_add_exceptions(totals, NULL);
	add_removed(totals);
}

/* Orders rows as they are shown. */
static int
compare_rows(const void *left, const void *right)
{
	const TotalKey *a = &(*(const TotalRow *const *) left)->key;
	const TotalKey *b = &(*(const TotalRow *const *) right)->key;

	if (a->day != b->day)
		return a->day < b->day ? -1 : 1;
	if (a->step != b->step)
		return a->step - b->step;
	return a->variant != b->variant ? a->variant - b->variant :
		uuid7_compare(&a->sender, &b->sender);
}

/* Returns what was counted, by day, step, variant and sender. */
const TotalRow **
total_rows(const Totals *totals, int *count)
{
	HASH_SEQ_STATUS scan;
	const TotalRow **rows = palloc(sizeof(TotalRow *) * (hash_get_num_entries(totals->rows) + 1));
	TotalRow   *row;

	*count = 0;
	hash_seq_init(&scan, totals->rows);
	while ((row = hash_seq_search(&scan)) != NULL)
		rows[(*count)++] = row;
	qsort(rows, *count, sizeof(TotalRow *), compare_rows);
	return rows;
}
