/*
 * message_thread.c
 *		Which earlier messages a message goes on with.
 *
 * A later step with a blank subject continues the thread.  Its batch names the lease that
 * it follows from; the lease has the message before, with its variant, and that one's batch
 * names the lease before that.  All messages of a chunk are followed together, a step at a
 * time, and no further than to the step that has a subject.  Where the way back ends, the
 * variants of the steps before are those that the hash says.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "message.h"
#include "message_text.h"
#include "queue.h"
#include "statement.h"

/* Columns of find_messages_before. */
enum
{
	BEFORE_NUMBER,
	BEFORE_BATCH,
	BEFORE_FIRST,
	BEFORE_LEADS,
	BEFORE_VARIANTS,
	BEFORE_COLUMNS
};

/* The messages of the step before in the lease that each of some batches follows from. */
static Statement find_messages_before = STATEMENT(
	"SELECT u.number, r.batch_id, r.first, b.lead_ids[r.first:r.last],"
	" substring(l.variants, r.start::integer + 1, r.size)"
	" FROM unnest($3) WITH ORDINALITY AS u (batch_id, number)"
	" CROSS JOIN LATERAL ("
	" SELECT b.after_lease_id, b.step FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = u.batch_id AND b.campaign_id = $2"
	" OFFSET 0) o"
	" CROSS JOIN LATERAL ("
	" SELECT l.batch_ids, l.firsts, l.lasts, l.variants FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.lease_id = o.after_lease_id AND l.campaign_id = $2"
	" OFFSET 0) l"
	" CROSS JOIN LATERAL ("
	" SELECT r.batch_id, r.first, r.last, r.size, sum(r.size) OVER (ORDER BY r.number) - r.size"
	" AS start FROM ("
	" SELECT r.batch_id, r.first, r.last, r.number,"
	" greatest(r.last::integer - r.first + 1, 0) AS size"
	" FROM unnest(l.batch_ids, l.firsts, l.lasts) WITH ORDINALITY"
	" AS r (batch_id, first, last, number)) r) r"
	" CROSS JOIN LATERAL ("
	" SELECT b.lead_ids FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = r.batch_id AND b.campaign_id = $2"
	" AND b.step = o.step - 1"
	" OFFSET 0) b",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID);

/* A message whose thread is followed, and the message of it that was found last. */
typedef struct ThreadWalk
{
	Message    *message;
	MessageThread *thread;
	pg_uuid_t	batch_id;		/* of that message */
	int			step;			/* of that message */
	int			number;			/* of the batch among those that are looked up */
	int			variant;		/* of the message before, where it is found */
	bool		found;
} ThreadWalk;

/* Orders walks by batch. */
static int
compare_batches(const void *left, const void *right)
{
	const ThreadWalk *a = *(ThreadWalk *const *) left;
	const ThreadWalk *b = *(ThreadWalk *const *) right;

	return memcmp(&a->batch_id, &b->batch_id, UUID_LEN);
}

/* Orders walks by the number of their batch, and by lead. */
static int
compare_leads(const void *left, const void *right)
{
	const ThreadWalk *a = *(ThreadWalk *const *) left;
	const ThreadWalk *b = *(ThreadWalk *const *) right;

	return a->number != b->number ? a->number - b->number :
		memcmp(&a->message->lead_id, &b->message->lead_id, UUID_LEN);
}

/* Lists the batches of walks, each once, and orders walks by these and by lead. */
static Datum
list_batches(ThreadWalk **walks, int count)
{
	pg_uuid_t  *batch_ids = palloc(sizeof(pg_uuid_t) * count);
	int			nbatches = 0;

	qsort(walks, count, sizeof(ThreadWalk *), compare_batches);
	for (int i = 0; i < count; i++)
	{
		if (nbatches == 0 ||
			memcmp(&batch_ids[nbatches - 1], &walks[i]->batch_id, UUID_LEN) != 0)
			batch_ids[nbatches++] = walks[i]->batch_id;
		walks[i]->number = nbatches;
	}
	qsort(walks, count, sizeof(ThreadWalk *), compare_leads);
	return statement_uuids(batch_ids, UUID_LEN, nbatches);
}

/* Returns the variant that a lease keeps of a message, 0 where it keeps none. */
static int
read_variant(const bytea *variants, int number)
{
	return variants && number < (int) VARSIZE_ANY_EXHDR(variants) ?
		((const uint8 *) VARDATA_ANY(variants))[number] : 0;
}

/* Takes what a row says of the leads of walks. */
static void
take_row(ThreadWalk **walks, int count, const Datum *values, const bool *nulls)
{
	const bytea *variants = nulls[BEFORE_VARIANTS] ? NULL :
		DatumGetByteaPP(values[BEFORE_VARIANTS]);
	const pg_uuid_t *lead_ids;
	int			first;
	int			nleads;

	for (int i = 0; i < BEFORE_VARIANTS; i++)
	{
		if (nulls[i])
			return;
	}
	/* Whoever wrote it by hand may have written anything. */
	first = DatumGetInt16(values[BEFORE_FIRST]);
	lead_ids = statement_elements(values[BEFORE_LEADS], &nleads);
	if (lead_ids == NULL || first < 1 || first + nleads - 1 > QUEUE_BATCH_MAX)
		return;
	for (int i = 0; i < nleads; i++)
	{
		Message		message = {.lead_id = lead_ids[i]};
		ThreadWalk	key = {.message = &message,.number = DatumGetInt64(values[BEFORE_NUMBER])};
		ThreadWalk *key_pointer = &key;
		ThreadWalk **found = bsearch(&key_pointer, walks, count, sizeof(ThreadWalk *),
									 compare_leads);

		if (found == NULL || (*found)->found)
			continue;
		(*found)->found = true;
		(*found)->batch_id = *DatumGetUUIDP(values[BEFORE_BATCH]);
		(*found)->variant = read_variant(variants, i);
		(*found)->thread->message_ids[(*found)->thread->count++] =
			queue_message_id(&(*found)->batch_id, first + i);
	}
}

/* Finds the message before of each walk. */
static void
find_before(MessageTexts *texts, ThreadWalk **walks, int count)
{
	Datum		parameters[] = {texts->workspace, texts->campaign, list_batches(walks, count)};
	uint64		found = statement_execute(&find_messages_before, parameters, NULL);
	SPITupleTable *rows = SPI_tuptable;

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[BEFORE_COLUMNS];
		bool		nulls[BEFORE_COLUMNS];

		statement_row(i, values, nulls);
		take_row(walks, count, values, nulls);
	}
	SPI_freetuptable(rows);
}

/* Looks for the subject of a thread by the hash, from the step before the last found on. */
static void
find_subject(MessageTexts *texts, ThreadWalk *walk)
{
	for (int step = walk->step - 1; step >= 1; step--)
	{
		int			variant = message_variant(texts, &walk->message->lead_id, step);

		if (!message_has_subject(texts, step, variant))
			continue;
		walk->thread->step = step;
		walk->thread->variant = variant;
		return;
	}
}

/* Says whether a walk goes on from the message that was found, or was not. */
static bool
goes_on(MessageTexts *texts, ThreadWalk *walk)
{
	if (!walk->found)
	{
		find_subject(texts, walk);
		return false;
	}
	walk->step--;
	walk->found = false;
	walk->variant = message_sent_variant(texts, &walk->message->lead_id, walk->step,
										 walk->variant);
	if (!message_has_subject(texts, walk->step, walk->variant))
		return walk->step > 1;
	walk->thread->step = walk->step;
	walk->thread->variant = walk->variant;
	return false;
}

/* Begins to follow the thread of a message. */
static ThreadWalk *
begin_walk(Message *message)
{
	ThreadWalk *walk = palloc0(sizeof(ThreadWalk));

	walk->message = message;
	walk->step = message->place.step;
	walk->batch_id = message->place.batch_id;
	walk->thread = palloc0(sizeof(MessageThread));
	walk->thread->message_ids = palloc(sizeof(pg_uuid_t) * walk->step);
	message->thread = walk->thread;
	return walk;
}

/*
 * Finds the threads of those messages that continue one, in the context of the caller.
 * Runs in SPI.
 */
void
message_find_threads(MessageTexts *texts, Message *messages, int count)
{
	ThreadWalk **walks = NULL;
	int			nwalks = 0;

	for (int i = 0; i < count; i++)
	{
		if (messages[i].status == NULL || !message_continues(texts, &messages[i]))
			continue;
		if (walks == NULL)
			walks = palloc(sizeof(ThreadWalk *) * count);
		walks[nwalks++] = begin_walk(&messages[i]);
	}
	while (nwalks > 0)
	{
		int			nleft = 0;

		find_before(texts, walks, nwalks);
		for (int i = 0; i < nwalks; i++)
		{
			if (goes_on(texts, walks[i]))
				walks[nleft++] = walks[i];
		}
		nwalks = nleft;
	}
}
