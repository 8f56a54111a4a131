/*
 * forecast_run.c
 *		What workers would claim from a campaign, if they did as soon as they may.
 *
 * Time goes from one moment at which something may be handed out to the next.  At each,
 * claims follow each other until none gets anything, by the rules of message_turn.c,
 * sender_claim.c and queue_take.c; what they get is sent at once, and queues the next step.
 * A claim costs a few steps in heaps, whatever it gets.  One of a sender with a gap gets a
 * single message: of a large campaign, several in a row are counted as one claim.
 */
#include "postgres.h"

#include <limits.h>

#include "miscadmin.h"

#include "compat.h"
#include "due.h"
#include "forecast.h"

/* Messages of a claim at most, as of one that workers make. */
#define CLAIM_MAX 10000

/* Messages up to which each claim of a sender with a gap is gone through. */
#define EXACT_MAX 1000000

/* Claims after which a forecast ends: not for ever, whatever the settings. */
#define TURNS_MAX 2000000

/* The sources of what no sender has begun: new leads, then the other messages of each step. */
#define NEW_LEADS 0

/* A claim, and what it got. */
typedef struct ForecastClaim
{
	Forecast   *forecast;
	ForecastSender *sender;		/* NULL: the campaign has no pool */
	int			most_new;		/* new leads that it may still get */
	int			wanted;			/* messages that it may still get */
	int			taken;
	int			new_leads;
	int64		by_step[QUEUE_STEPS_MAX];
} ForecastClaim;

/* Ranges, by when they are due. */
static int
compare_ranges(const pairingheap_node *left, const pairingheap_node *right, void *unused)
{
	const ForecastRange *a = pairingheap_const_container(ForecastRange, node, left);
	const ForecastRange *b = pairingheap_const_container(ForecastRange, node, right);

	(void) unused;
	if (a->due_at != b->due_at)
		return a->due_at < b->due_at ? 1 : -1;
	return a->number < b->number ? 1 : -1;
}

/* Says which of two senders is to be taken first. */
static int
compare_senders(const ForecastSender *a, const ForecastSender *b)
{
	if (a->free_at != b->free_at)
		return a->free_at < b->free_at ? 1 : -1;
	/* They stand in the order of their ids, in which a claim takes them. */
	return a < b ? 1 : -1;
}

static int
compare_free(const pairingheap_node *left, const pairingheap_node *right, void *unused)
{
	(void) unused;
	return compare_senders(pairingheap_const_container(ForecastSender, free_node, left),
						   pairingheap_const_container(ForecastSender, free_node, right));
}

static int
compare_ready(const pairingheap_node *left, const pairingheap_node *right, void *unused)
{
	(void) unused;
	return compare_senders(pairingheap_const_container(ForecastSender, begun_node, left),
						   pairingheap_const_container(ForecastSender, begun_node, right));
}

static int
compare_waking(const pairingheap_node *left, const pairingheap_node *right, void *unused)
{
	const ForecastSender *a = pairingheap_const_container(ForecastSender, begun_node, left);
	const ForecastSender *b = pairingheap_const_container(ForecastSender, begun_node, right);

	(void) unused;
	if (a->wakes_at != b->wakes_at)
		return a->wakes_at < b->wakes_at ? 1 : -1;
	return 0;
}

static void
init_heap(pairingheap *heap, pairingheap_comparator compare)
{
	*heap = (pairingheap) {.ph_compare = compare};
}

/* Prepares a forecast of which limits, steps and senders were read. */
void
forecast_init(Forecast *forecast, TimestampTz now)
{
	forecast->now = now;
	forecast->opened = forecast->closes = DT_NOBEGIN;
	forecast->today = (ForecastZone) {
		.zone = window_zone(forecast->limits.window), .ends = DT_NOBEGIN
	};
	for (int i = 0; i <= forecast->steps.count; i++)
		init_heap(&forecast->sources[i], compare_ranges);
	for (int i = 0; i < forecast->nsenders; i++)
		init_heap(&forecast->senders[i].begun, compare_ranges);
	init_heap(&forecast->free, compare_free);
	init_heap(&forecast->ready, compare_ready);
	init_heap(&forecast->waking, compare_waking);
	forecast_days_init(&forecast->days, forecast->limits.window, forecast->steps.count, now);
}

/* Returns the number of a zone. */
int
forecast_zone(Forecast *forecast, pg_tz *zone)
{
	for (int i = 0; i < forecast->nzones; i++)
	{
		if (forecast->zones[i].zone == zone)
			return i;
	}
	if (forecast->nzones == forecast->zones_room)
	{
		forecast->zones_room = Max(2 * forecast->zones_room, 16);
		forecast->zones = forecast->zones ?
			repalloc(forecast->zones, sizeof(ForecastZone) * forecast->zones_room) :
			palloc(sizeof(ForecastZone) * forecast->zones_room);
	}
	forecast->zones[forecast->nzones] = (ForecastZone) {.zone = zone, .ends = DT_NOBEGIN};
	return forecast->nzones++;
}

/* Returns a zone as it is at a time, which never is one before the last. */
static const ForecastZone *
zone_at(ForecastZone *zone, TimestampTz time)
{
	if (time >= zone->ends)
	{
		zone->day = window_zone_day(zone->zone, time);
		zone->ends = window_zone_time(zone->zone, zone->day + 1, 0);
	}
	return zone;
}

/*
 * Adds messages of a step that wait, with which a sender goes on unless it is nobody; new
 * are those that nobody has had of the first step.  What is never due, or has no step any
 * more, is left out.
 */
void
forecast_add(Forecast *forecast, int sender, int step, bool is_new,
			 TimestampTz due_at, int64 count)
{
	ForecastRange *range = forecast->spare;

	if (step < 1 || step > forecast->steps.count || count <= 0 || TIMESTAMP_IS_NOEND(due_at))
		return;
	if (range)
		forecast->spare = (ForecastRange *) range->node.next_sibling;
	else
		range = palloc(sizeof(ForecastRange));
	*range = (ForecastRange) {
		.due_at = due_at, .number = forecast->numbers++, .count = count, .step = step
	};
	forecast_count_due(&forecast->days, step, due_at, count);
	pairingheap_add(sender != FORECAST_NOBODY ? &forecast->senders[sender].begun :
					&forecast->sources[is_new ? NEW_LEADS : step], &range->node);
}

/* Returns the first range of a heap; NULL if there is none. */
static ForecastRange *
first_range(const pairingheap *heap)
{
	return heap->ph_root ? pairingheap_container(ForecastRange, node, heap->ph_root) : NULL;
}

/* Takes a sender out of the heaps that it stands in. */
static void
remove_sender(Forecast *forecast, ForecastSender *sender)
{
	if (sender->is_free)
		pairingheap_remove(&forecast->free, &sender->free_node);
	if (sender->is_ready)
		pairingheap_remove(&forecast->ready, &sender->begun_node);
	if (sender->is_waking)
		pairingheap_remove(&forecast->waking, &sender->begun_node);
	sender->is_free = sender->is_ready = sender->is_waking = false;
}

/* Puts a sender into the heaps that it belongs in, free from a time on. */
static void
add_sender(Forecast *forecast, ForecastSender *sender, TimestampTz free_at)
{
	const ForecastRange *range = first_range(&sender->begun);

	sender->free_at = free_at;
	if (TIMESTAMP_IS_NOEND(free_at))
		return;
	if (sender->takes_new)
		pairingheap_add(&forecast->free, &sender->free_node);
	sender->is_free = sender->takes_new;
	if (range == NULL)
		return;
	sender->wakes_at = Max(free_at, range->due_at);
	sender->is_ready = sender->wakes_at <= forecast->now;
	sender->is_waking = !sender->is_ready;
	pairingheap_add(sender->is_ready ? &forecast->ready : &forecast->waking, &sender->begun_node);
}

/* Moves the senders that have something to go on with by now to those that are ready. */
static void
wake_senders(Forecast *forecast)
{
	while (forecast->waking.ph_root)
	{
		ForecastSender *sender = pairingheap_container(ForecastSender, begun_node,
													   forecast->waking.ph_root);

		if (sender->wakes_at > forecast->now)
			break;
		pairingheap_remove_first(&forecast->waking);
		pairingheap_add(&forecast->ready, &sender->begun_node);
		sender->is_waking = false;
		sender->is_ready = true;
	}
}

/* Returns how many messages a sender may still have on the day that it is there. */
static int
sender_left(Forecast *forecast, ForecastSender *sender)
{
	const ForecastZone *zone = zone_at(&forecast->zones[sender->zone], forecast->now);
	int			limit = sender_limit(&sender->limit, zone->day);

	if (sender->used_on < zone->day)
		sender->used = 0;
	return limit < 0 ? INT_MAX : Max(limit - sender->used, 0);
}

/* Puts off a sender that may have no more today: to tomorrow, or for good. */
static void
put_off(Forecast *forecast, ForecastSender *sender)
{
	const SenderLimit *limit = &sender->limit;
	bool		grows = limit->is_warming && limit->ramp_step > 0 && limit->limit != 0;
	bool		is_barred = sender->used == 0 && !grows;

	remove_sender(forecast, sender);
	add_sender(forecast, sender, is_barred ? DT_NOEND : forecast->zones[sender->zone].ends);
	forecast->turns++;
}

/* Returns the sender free for longest that takes new leads; NULL if none is free. */
static ForecastSender *
first_free(Forecast *forecast)
{
	while (forecast->free.ph_root)
	{
		ForecastSender *sender = pairingheap_container(ForecastSender, free_node,
													   forecast->free.ph_root);

		if (sender->free_at > forecast->now)
			break;
		if (sender_left(forecast, sender) > 0)
			return sender;
		put_off(forecast, sender);
	}
	return NULL;
}

/* Returns the sender free for longest that has something to go on with; NULL if none is free. */
static ForecastSender *
first_ready(Forecast *forecast)
{
	while (forecast->ready.ph_root)
	{
		ForecastSender *sender = pairingheap_container(ForecastSender, begun_node,
													   forecast->ready.ph_root);

		if (sender_left(forecast, sender) > 0)
			return sender;
		put_off(forecast, sender);
	}
	return NULL;
}

/* Returns the sender that a claim is for; NULL if none can have anything. */
static ForecastSender *
choose_sender(Forecast *forecast, bool has_new)
{
	ForecastSender *sender = NULL;

	if (has_new && forecast->limits.new_leads_first)
		sender = first_free(forecast);
	if (sender == NULL)
		sender = first_ready(forecast);
	if (sender == NULL && has_new)
		sender = first_free(forecast);
	return sender;
}

/* Returns how many messages a sender may have in a claim: those in a row end with what is open. */
static int
sender_most(Forecast *forecast, ForecastSender *sender)
{
	TimestampTz end = Min(forecast->closes, forecast->today.ends);
	int			left = sender_left(forecast, sender);

	if (sender->gap == 0)
		return left;
	end = Min(end, forecast->zones[sender->zone].ends);
	if (forecast->run > 1 && !TIMESTAMP_IS_NOEND(end))
		left = Min(left, (end - 1 - forecast->now) / sender->gap + 1);
	return Min(left, forecast->run);
}

/* Returns a source of a claim by its number, the last one being what its sender goes on with. */
static pairingheap *
source_of(const ForecastClaim *claim, int number)
{
	Forecast   *forecast = claim->forecast;

	if (number <= forecast->steps.count)
		return &forecast->sources[number];
	return claim->sender ? &claim->sender->begun : NULL;
}

/* Says whether the first messages of a source are due, and may be claimed. */
static bool
is_claimable(const ForecastClaim *claim, int number)
{
	const pairingheap *source = source_of(claim, number);
	const ForecastRange *range = source ? first_range(source) : NULL;

	return range && range->due_at <= claim->forecast->now &&
		(number != NEW_LEADS || claim->most_new > 0) &&
		(number > claim->forecast->steps.count || claim->sender == NULL ||
		 claim->sender->takes_new);
}

/* Returns which source comes first: a lower number before a higher one, and else by due time. */
static int
priority(const Forecast *forecast, int number)
{
	const CampaignLimits *limits = &forecast->limits;

	if (!limits->has_pool && !campaign_has_limits(limits))
		return 0;
	/* What was counted as new before stands with those who have begun. */
	return (number == NEW_LEADS ||
			(number == 1 && (limits->has_pool || limits->daily_new_leads < 0))) !=
		limits->new_leads_first;
}

/* Returns the source that a claim takes from next; NULL if nothing is due. */
static pairingheap *
first_source(const ForecastClaim *claim)
{
	const Forecast *forecast = claim->forecast;
	pairingheap *first = NULL;
	int			first_priority = 0;

	for (int i = 0; i <= forecast->steps.count + 1; i++)
	{
		pairingheap *source = source_of(claim, i);
		int			its_priority = priority(forecast, i);

		if (is_claimable(claim, i) &&
			(first == NULL || its_priority < first_priority ||
			 (its_priority == first_priority &&
			  first_range(source)->due_at < first_range(first)->due_at)))
		{
			first = source;
			first_priority = its_priority;
		}
	}
	return first;
}

/* Takes messages from a source; false if nothing more is to be taken in this claim. */
static bool
take_from(ForecastClaim *claim, pairingheap *source)
{
	Forecast   *forecast = claim->forecast;
	ForecastRange *range = first_range(source);
	bool		is_new = source == &forecast->sources[NEW_LEADS];
	int			count = Min(range->count, claim->wanted);

	if (is_new)
		count = Min(count, claim->most_new);
	claim->taken += count;
	claim->wanted -= count;
	claim->by_step[range->step - 1] += count;
	if (is_new)
	{
		claim->new_leads += count;
		claim->most_new -= count;
	}
	range->count -= count;
	if (range->count == 0)
	{
		pairingheap_remove_first(source);
		range->node.next_sibling = (pairingheap_node *) forecast->spare;
		forecast->spare = range;
	}
	return claim->wanted > 0 && !(is_new && claim->most_new == 0);
}

/* Counts what a claim got, and queues the next steps. */
static void
close_claim(ForecastClaim *claim)
{
	Forecast   *forecast = claim->forecast;
	int			sender = claim->sender ? claim->sender - forecast->senders : FORECAST_NOBODY;

	for (int i = 0; i < forecast->steps.count; i++)
	{
		if (claim->by_step[i] == 0)
			continue;
		forecast_count_sent(&forecast->days, i + 1, forecast->now, claim->by_step[i]);
		if (i + 1 < forecast->steps.count)
			forecast_add(forecast, sender, i + 2, false,
						 due_at(&forecast->steps.rules[i + 1], forecast->now), claim->by_step[i]);
	}
	if (campaign_has_limits(&forecast->limits))
	{
		forecast->used_on = forecast->today.day;
		forecast->limits.handed += claim->taken;
		forecast->limits.new_leads += claim->new_leads;
	}
}

/* Counts what a sender got, of what it might have had, and says when it is free again. */
static void
use_sender(Forecast *forecast, ForecastSender *sender, int taken)
{
	int			left = sender_left(forecast, sender);
	const ForecastZone *zone = &forecast->zones[sender->zone];

	sender->used_on = zone->day;
	if (left < INT_MAX)
		sender->used += taken;
	add_sender(forecast, sender, taken < left ?
			   due_after(forecast->now, taken * sender->gap) : zone->ends);
}

/* Claims once at the time of a forecast; false if there is nothing to be had. */
static bool
claim_once(Forecast *forecast)
{
	ForecastClaim claim = {
		.forecast = forecast,
			.most_new = campaign_new_leads_left(&forecast->limits),
			.wanted = Min(campaign_messages_left(&forecast->limits), CLAIM_MAX)
	};
	bool		has_new = false;
	pairingheap *source;

	if (claim.wanted == 0)
		return false;
	for (int i = 0; i <= forecast->steps.count && !has_new; i++)
		has_new = is_claimable(&claim, i);
	if (forecast->limits.has_pool)
	{
		claim.sender = choose_sender(forecast, has_new);
		if (claim.sender == NULL)
			return false;
		claim.wanted = Min(claim.wanted, sender_most(forecast, claim.sender));
		remove_sender(forecast, claim.sender);
	}
	while ((source = first_source(&claim)) != NULL && take_from(&claim, source))
		;
	close_claim(&claim);
	if (claim.sender)
		use_sender(forecast, claim.sender, claim.taken);
	forecast->turns++;
	return claim.taken > 0;
}

/* Returns when something may be handed out again, but for windows; DT_NOEND: never. */
static TimestampTz
next_time(const Forecast *forecast)
{
	const CampaignLimits *limits = &forecast->limits;
	TimestampTz time = DT_NOEND;

	for (int i = 0; i <= forecast->steps.count; i++)
	{
		const ForecastRange *range = first_range(&forecast->sources[i]);

		if (range && (i != NEW_LEADS || campaign_new_leads_left(limits) > 0))
			time = Min(time, range->due_at);
		else if (range && limits->daily_new_leads > 0)
			time = Min(time, Max(range->due_at, forecast->today.ends));
	}
	if (limits->has_pool)
	{
		time = forecast->free.ph_root ?
			Max(time, pairingheap_container(ForecastSender, free_node,
											forecast->free.ph_root)->free_at) : DT_NOEND;
		if (forecast->ready.ph_root)
			time = forecast->now;
		else if (forecast->waking.ph_root)
			time = Min(time, pairingheap_container(ForecastSender, begun_node,
												   forecast->waking.ph_root)->wakes_at);
	}
	if (campaign_messages_left(limits) == 0)
		time = limits->daily_limit == 0 ? DT_NOEND : Max(time, forecast->today.ends);
	return Max(time, forecast->now);
}

/* Goes on to a time, or to the next window after it; false if there is none in time. */
static bool
go_on(Forecast *forecast, TimestampTz time)
{
	if (TIMESTAMP_IS_NOEND(time))
		return false;
	if (time >= forecast->closes)
		window_find(forecast->limits.window, time, &forecast->opened, &forecast->closes);
	time = Max(time, forecast->opened);
	if (forecast_day(&forecast->days, time) == FORECAST_DAYS_MAX)
		return false;
	forecast->now = time;
	if (zone_at(&forecast->today, time)->day > forecast->used_on)
		forecast->limits.handed = forecast->limits.new_leads = 0;
	wake_senders(forecast);
	return true;
}

/*
 * Goes through what is to come, from a time on.  Where that takes too many claims, it ends
 * with the last day that is complete.
 */
void
forecast_run(Forecast *forecast, TimestampTz start)
{
	TimestampTz time = Max(start, forecast->now);

	forecast->run = 1 + forecast->total / EXACT_MAX;
	for (int i = 0; i < forecast->nsenders; i++)
		add_sender(forecast, &forecast->senders[i], forecast->senders[i].free_at);
	while (go_on(forecast, time))
	{
		while (claim_once(forecast))
		{
			CHECK_FOR_INTERRUPTS();
			if (forecast->turns < TURNS_MAX)
				continue;
			forecast->days.last = Max(forecast_day(&forecast->days, forecast->now) - 1, 0);
			return;
		}
		CHECK_FOR_INTERRUPTS();
		time = next_time(forecast);
	}
}
