/*
 * total_remove.c
 *		Counting what lt_maintain is about to remove.
 *
 * What is removed is no more counted by who asks, and what these functions return is added
 * to leadterra.totals in its place.  A lease goes before its batches do, and with it what
 * tells for whom its messages count.  What happened to them so far is taken from those that
 * count for nobody, and added where it was counted: their events are kept with the batch, and
 * are counted for nobody from then on.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "context.h"
#include "statement.h"
#include "total.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_count_leases);
PG_FUNCTION_INFO_V1(lt_count_batches);

/* Counts in the order of their columns, which stand behind the key. */
static const TotalCount columns[] = {
	TOTAL_ENROLLED, TOTAL_SENT, TOTAL_SKIPPED, TOTAL_FAILED, TOTAL_DELIVERED, TOTAL_OPENED,
	TOTAL_BOUNCED, TOTAL_REPLIED, TOTAL_UNSUBSCRIBED, TOTAL_CLICKED, TOTAL_COMPLAINED
};

enum
{
	COLUMN_DAY,
	COLUMN_STEP,
	COLUMN_VARIANT,
	COLUMN_SENDER,
	COLUMN_COUNTS,
	COLUMNS = COLUMN_COUNTS + lengthof(columns)
};

/* Leases that are to be removed, and the batches that they have messages of. */
typedef struct Removal
{
	int			nleases;
	pg_uuid_t  *lease_ids;		/* in order */
	int			nbatches;
	int			room;
	pg_uuid_t  *batch_ids;
	bool		has_owners;		/* a sender or variants */
} Removal;

/* Returns rows with all that was counted. */
static void
return_rows(const Totals *totals, ReturnSetInfo *result)
{
	int			count;
	const TotalRow **rows = total_rows(totals, &count);

	for (int i = 0; i < count; i++)
	{
		const TotalKey *key = &rows[i]->key;
		Datum		values[COLUMNS] = {DateADTGetDatum(key->day), Int16GetDatum(key->step),
		Int16GetDatum(key->variant), UUIDPGetDatum(&key->sender)};
		bool		nulls[COLUMNS] = {false};

		for (size_t j = 0; j < lengthof(columns); j++)
			values[COLUMN_COUNTS + j] = Int64GetDatum(rows[i]->counts[columns[j]]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
}

/* Returns the ids of the first messages of batches, or of the last that they may have. */
static Datum
message_ids(const QueueBatches *batches, int position)
{
	pg_uuid_t  *ids = palloc(sizeof(pg_uuid_t) * Max(batches->count, 1));

	for (int64 i = 0; i < batches->count; i++)
		ids[i] = queue_message_id(&batches->items[i].batch_id, position);
	return statement_uuids(ids, sizeof(pg_uuid_t), batches->count);
}

/* Notes the batches of a lease. */
static void
note_batches(Removal *removal, const QueueOutcome *outcome)
{
	int			wanted = removal->nbatches + outcome->ranges.count;

	if (wanted > removal->room)
	{
		removal->room = Max(wanted, 2 * removal->room);
		removal->batch_ids = removal->batch_ids ?
			repalloc_huge(removal->batch_ids, sizeof(pg_uuid_t) * removal->room) :
			palloc(sizeof(pg_uuid_t) * removal->room);
	}
	memcpy(&removal->batch_ids[removal->nbatches], outcome->ranges.batch_ids,
		   sizeof(pg_uuid_t) * outcome->ranges.count);
	removal->nbatches = wanted;
	removal->has_owners |= outcome->variants || queue_has_sender(&outcome->sender);
}

/* Reads which leases are to be removed, and finds their batches. */
static void
find_removed(Totals *totals, Removal *removal, Datum lease_ids)
{
	QueueOutcomes outcomes;
	QueueOutcome outcome;
	Datum		batch_ids;
	int			count;
	const pg_uuid_t *ids = statement_elements(lease_ids, &count);

	*removal = (Removal) {
		.nleases = count, .lease_ids = palloc(sizeof(pg_uuid_t) * Max(count, 1))
	};
	if (ids == NULL)
		elog(ERROR, "leases to remove are no list of ids");
	memcpy(removal->lease_ids, ids, sizeof(pg_uuid_t) * count);
	qsort(removal->lease_ids, count, sizeof(pg_uuid_t), uuid7_compare);
	queue_begin_outcomes(&outcomes, totals->workspace, totals->campaign, &lease_ids,
						 context_clock());
	while (queue_read_outcome(&outcomes, &outcome))
		note_batches(removal, &outcome);
	batch_ids = statement_uuids(removal->batch_ids, sizeof(pg_uuid_t), removal->nbatches);
	queue_find_batches(totals->workspace, totals->campaign, &batch_ids, &totals->batches);
}

/* Who had messages before leases are removed, and who after that. */
typedef struct EventMove
{
	Totals	   *totals;
	TotalOwners before;
	TotalOwners after;
} EventMove;

/* Takes an event from whom it counts for later, and adds it to whom it counted for. */
static void
move_event(void *counter, const EventFirst *event)
{
	EventMove  *move = counter;
	TotalKey	before = total_owner_find(&move->before, event);
	TotalKey	after = total_owner_find(&move->after, event);

	if (memcmp(&before, &after, sizeof(TotalKey)) == 0)
		return;
	before.day = after.day = total_day(move->totals, event->at);
	total_add(move->totals, before, TOTAL_DELIVERED + (int) event->kind, 1);
	total_add(move->totals, after, TOTAL_DELIVERED + (int) event->kind, -1);
}

/* Moves what happened to messages of leases that are to be removed. */
static void
move_events(Totals *totals, const Removal *removal)
{
	EventMove	move = {.totals = totals};
	EventRanges ranges = {totals->workspace, totals->campaign, message_ids(&totals->batches, 1),
	message_ids(&totals->batches, QUEUE_BATCH_MAX)};
	QueueOutcomes outcomes;
	QueueOutcome outcome;

	total_owner_init(&move.before, &totals->batches);
	total_owner_init(&move.after, &totals->batches);
	queue_begin_outcomes(&outcomes, totals->workspace, totals->campaign, NULL, context_clock());
	while (queue_read_outcome(&outcomes, &outcome))
	{
		total_owner_note(&move.before, &outcome);
		if (bsearch(&outcome.lease_id, removal->lease_ids, removal->nleases, sizeof(pg_uuid_t),
					uuid7_compare) == NULL)
			total_owner_note(&move.after, &outcome);
	}
	event_count(&ranges, true, move_event, &move);
}

/* Begins one of the calls below, whose first arguments are the same. */
static ReturnSetInfo *
begin(FunctionCallInfo fcinfo, Totals *totals)
{
	ReturnSetInfo *result = statement_begin_rows(fcinfo, COLUMNS);

	statement_connect();
	total_init(totals, PG_GETARG_DATUM(0), PG_GETARG_DATUM(1),
			   text_to_cstring(PG_GETARG_TEXT_PP(2)), true);
	return result;
}

/* SQL: leadterra.count_leases(workspace, campaign_id, zone, lease_ids) */
Datum
lt_count_leases(PG_FUNCTION_ARGS)
{
	Totals		totals;
	Removal		removal;
	QueueOutcomes outcomes;
	QueueOutcome outcome;
	Datum		lease_ids = PG_GETARG_DATUM(3);
	ReturnSetInfo *result = begin(fcinfo, &totals);

	find_removed(&totals, &removal, lease_ids);
	queue_begin_outcomes(&outcomes, totals.workspace, totals.campaign, &lease_ids,
						 context_clock());
	while (queue_read_outcome(&outcomes, &outcome))
		total_add_sent(&totals, &outcome);
	if (removal.has_owners)
		move_events(&totals, &removal);
	return_rows(&totals, result);
	statement_finish();
	return (Datum) 0;
}

/* SQL: leadterra.count_batches(workspace, campaign_id, zone, batch_ids) */
Datum
lt_count_batches(PG_FUNCTION_ARGS)
{
	Totals		totals;
	TotalOwners owners;
	Datum		batch_ids = PG_GETARG_DATUM(3);
	ReturnSetInfo *result = begin(fcinfo, &totals);

	queue_find_batches(totals.workspace, totals.campaign, &batch_ids, &totals.batches);
	for (int64 i = 0; i < totals.batches.count; i++)
	{
		const QueueBatch *batch = &totals.batches.items[i];
		TotalKey	key = {.day = total_day(&totals, batch->since), .step = batch->step};

		if (batch->step == 1)
			total_add(&totals, key, TOTAL_ENROLLED, batch->size);
	}
	total_owner_init(&owners, &totals.batches);
	total_add_events(&totals, &owners, message_ids(&totals.batches, 1),
					 message_ids(&totals.batches, QUEUE_BATCH_MAX));
	total_add_exceptions(&totals, &batch_ids);
	return_rows(&totals, result);
	statement_finish();
	return (Datum) 0;
}
