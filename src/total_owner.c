/*
 * total_owner.c
 *		Whom a message counts for: the variant and the sender with which it was sent.
 *
 * What happened to a message counts for the lease that had it last when that was recorded.
 * So a message that was refused counts for the lease in which it was, and nothing that
 * happens later to a message, such as being sent again, changes whom it has counted for.
 * Ids of leases and events are in the order in which they were made.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "compat.h"
#include "total.h"
#include "uuid7.h"

#define FIRST_ROOM 64

/* Begins with messages of batches that no lease had. */
void
total_owner_init(TotalOwners *owners, const QueueBatches *batches)
{
	*owners = (TotalOwners) {.batches = batches};
}

/* Makes room for an owner of each message; number 0 is nobody. */
static void
make_owners(TotalOwners *owners)
{
	Size		size = sizeof(uint32) * Max(owners->batches->nmessages, 1);

	owners->numbers = MemoryContextAllocExtended(CurrentMemoryContext, size,
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	owners->room = owners->earlier_room = FIRST_ROOM;
	owners->items = palloc0(sizeof(TotalOwner) * FIRST_ROOM);
	owners->earlier = palloc(sizeof(TotalEarlier) * FIRST_ROOM);
	owners->count = 1;
}

/* Adds a lease as the owner of those of its messages that have a variant. */
static uint32
add_owner(TotalOwners *owners, const QueueOutcome *outcome, int variant)
{
	if (owners->count == owners->room)
	{
		owners->room *= 2;
		owners->items = repalloc_huge(owners->items, sizeof(TotalOwner) * owners->room);
	}
	owners->items[owners->count] = (TotalOwner) {
		.lease_id = outcome->lease_id,
			.key = {.variant = variant, .sender = outcome->sender}
	};
	return owners->count++;
}

/*
 * Notes the owner of a message, beside one that it had.  Where its step has variants, a lease
 * that has none for it has skipped it.
 */
static void
set_owner(TotalOwners *owners, int64 message, uint32 number)
{
	uint32		before = owners->numbers[message];

	if (owners->items[before].key.variant > 0 && owners->items[number].key.variant == 0)
		return;
	owners->numbers[message] = number;
	if (before == 0)
		return;
	if (owners->nearlier == owners->earlier_room)
	{
		owners->earlier_room *= 2;
		owners->earlier = repalloc_huge(owners->earlier,
										sizeof(TotalEarlier) * owners->earlier_room);
	}
	owners->earlier[owners->nearlier++] = (TotalEarlier) {message, before};
	owners->is_sorted = false;
}

/* Notes that a lease had messages, after the leases that were claimed before it. */
void
total_owner_note(TotalOwners *owners, const QueueOutcome *outcome)
{
	const QueueLeaseArrays *ranges = &outcome->ranges;
	uint32		numbers[QUEUE_VARIANTS_MAX + 1] = {0};
	int			number = 0;

	if (owners->numbers == NULL && outcome->variants == NULL && !queue_has_sender(&outcome->sender))
		return;
	if (owners->numbers == NULL)
		make_owners(owners);
	for (int i = 0; i < ranges->count; i++)
	{
		const QueueBatch *batch = queue_batch_of(owners->batches, &ranges->batch_ids[i]);
		int			first = ranges->firsts[i];
		int			last = batch ? Min(ranges->lasts[i], batch->size) : 0;

		for (int position = first; position <= last; position++)
		{
			int			variant = 0;

			if (outcome->variants)
				variant = outcome->variants[number + position - first];
			if (numbers[variant] == 0)
				numbers[variant] = add_owner(owners, outcome, variant);
			set_owner(owners, batch->start + position - 1, numbers[variant]);
		}
		number += ranges->lasts[i] - first + 1;
	}
}

static int
compare_earlier(const void *left, const void *right)
{
	const TotalEarlier *a = left;
	const TotalEarlier *b = right;

	if (a->message != b->message)
		return a->message < b->message ? -1 : 1;
	return a->number < b->number ? -1 : a->number > b->number;
}

/* Returns how many of the earlier owners stand before one of a message with a number. */
static int64
count_before(const TotalOwners *owners, int64 message, uint32 number)
{
	TotalEarlier key = {message, number};
	int64		low = 0;
	int64		high = owners->nearlier;

	while (low < high)
	{
		int64		middle = low + (high - low) / 2;

		if (compare_earlier(&owners->earlier[middle], &key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Returns who had a message last before an event. */
static uint32
owner_before(TotalOwners *owners, int64 message, const pg_uuid_t *event_id)
{
	uint32		number = owners->numbers[message];
	int64		place;

	if (number == 0 || uuid7_compare(&owners->items[number].lease_id, event_id) < 0)
		return number;
	if (!owners->is_sorted)
		qsort(owners->earlier, owners->nearlier, sizeof(TotalEarlier), compare_earlier);
	owners->is_sorted = true;
	for (place = count_before(owners, message, number);
		 place > 0 && owners->earlier[place - 1].message == message; place--)
	{
		number = owners->earlier[place - 1].number;
		if (uuid7_compare(&owners->items[number].lease_id, event_id) < 0)
			return number;
	}
	return 0;
}

/* Returns whom an event counts for: step, variant and sender. */
TotalKey
total_owner_find(TotalOwners *owners, const EventFirst *event)
{
	int			position;
	pg_uuid_t	batch_id = queue_message_batch(&event->message_id, &position);
	const QueueBatch *batch = queue_batch_of(owners->batches, &batch_id);
	TotalKey	key = {0};

	if (batch == NULL)
		return key;
	if (owners->numbers && position <= batch->size)
		key = owners->items[owner_before(owners, batch->start + position - 1,
										 &event->event_id)].key;
	key.step = batch->step;
	return key;
}
