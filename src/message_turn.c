/*
 * message_turn.c
 *		The turn of a campaign in a claim: what there is to take, and how much of it.
 *
 * That is what is due, in an open window, as far as the limits of a day go.  Where the
 * campaign has a pool, one sender is found that is free, and has what it goes on with and
 * what nobody has begun.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "due.h"
#include "message_turn.h"
#include "queue.h"
#include "sender.h"
#include "statement.h"
#include "webhook.h"
#include "window.h"

/* Milliseconds that a claim waits for others. */
#define WAIT_MAX 1000

/* Columns of keep_due_steps. */
enum
{
	DUE_STEP,
	DUE_STARTED,
	DUE_DELAY,
	DUE_LINK,
	DUE_WEBHOOKS,
	DUE_IS_LIMITED,
	DUE_TEXTS,					/* and those behind it */
	DUE_COLUMNS = DUE_TEXTS + MESSAGE_TEXTS
};

/*
 * Keeps the campaign from being deleted; start and pause do not wait.  One that is
 * just being deleted has nothing.  Whether the workspace has links, what webhooks want, and
 * whether the campaign has limits is said here, so that one that has none costs no statement.
 * A column more is a third of a percent of what a claim of one message costs, so there are
 * few.
 */
static Statement keep_due_steps = STATEMENT(
	"SELECT h.step, c.started_at, h.delay_minutes,"
	" (SELECT unsubscribe_url FROM leadterra.links WHERE workspace_id = $1), "
	WEBHOOK_EVENTS("$1", "$2")
	", c.is_limited, " MESSAGE_TEXT_COLUMNS
	" FROM (SELECT started_at, num_nonnulls(pool_id, schedule, daily_limit, daily_new_leads,"
	" bounce_limit) > 0 AS is_limited"
	" FROM leadterra.campaigns c"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'running'"
	" FOR KEY SHARE SKIP LOCKED) c"
	" LEFT JOIN LATERAL leadterra.campaign_heads($1, $2, c.started_at) h ON h.due_at <= $3",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* What a sender goes on with may be of any step. */
static Statement find_texts = STATEMENT(
	"SELECT h.step, h.delay_minutes, " MESSAGE_TEXT_COLUMNS
	" FROM leadterra.steps h"
	" WHERE h.workspace_id = $1 AND h.campaign_id = $2"
	" AND h.step BETWEEN 1 AND " CppAsString2(QUEUE_STEPS_MAX),
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * Adds the messages of a step with which no sender has begun, of a row of keep_due_steps;
 * unless it has none, or none may be handed out today.
 */
static void
add_step(MessageTurn *turn, const Datum *values, const bool *nulls)
{
	int			step = nulls[DUE_STEP] ? 0 : DatumGetInt16(values[DUE_STEP]);
	QueueSource *source = &turn->sources[turn->taker.nsources];

	if (step < 1 || step > QUEUE_STEPS_MAX || (step == 1 && turn->taker.most_new <= 0))
		return;
	turn->taker.nsources++;
	source->step = step;
	source->rule = due_rule(DatumGetTimestampTz(values[DUE_STARTED]),
							DatumGetInt32(values[DUE_DELAY]));
	/* Where there is not enough for all, those who have begun come first. */
	if (turn->limits.has_pool || campaign_has_limits(&turn->limits))
		source->priority = (source->step == 1) != turn->limits.new_leads_first;
	turn->rules[source->step - 1] = source->rule;
	message_texts_add(turn->texts, source->step, &values[DUE_TEXTS], &nulls[DUE_TEXTS]);
}

static int
compare_steps(const void *left, const void *right)
{
	return ((const QueueSource *) left)->step - ((const QueueSource *) right)->step;
}

/*
 * Adds the messages that the sender of a turn goes on with, which may be of all steps; or
 * those that were handed out before, and so are no new leads.
 */
static void
add_begun(MessageTurn *turn, TimestampTz started_at)
{
	Datum		parameters[] = {turn->claim->workspace, turn->campaign};
	uint64		found = statement_execute(&find_texts, parameters, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[2 + MESSAGE_TEXTS];
		bool		nulls[2 + MESSAGE_TEXTS];
		int			step;

		statement_row(i, values, nulls);
		step = DatumGetInt16(values[0]);
		turn->rules[step - 1] = due_rule(started_at, DatumGetInt32(values[1]));
		message_texts_add(turn->texts, step, &values[2], &nulls[2]);
	}
	turn->taker.begun_apart = !turn->limits.has_pool;
	turn->taker.sender = turn->lease.sender = turn->lease.next_sender = turn->sender.sender_id;
	turn->sources[turn->taker.nsources++] = (QueueSource) {
		.priority = turn->limits.new_leads_first
	};
}

/*
 * Locks a sender for a campaign with a pool; false if none is free that has work.  Those
 * who have begun come first, unless the campaign says otherwise.
 */
static bool
lock_sender(MessageTurn *turn, bool has_new)
{
	const MessageClaim *claim = turn->claim;
	SenderPool	pool = {
		claim->workspace, turn->campaign, UUIDPGetDatum(&turn->limits.pool), claim->transports,
		claim->any_transport, turn->taker.most_new == 0, claim->now
	};
	SenderWork	first = turn->limits.new_leads_first ? SENDER_NEW : SENDER_BEGUN;

	if (!((first == SENDER_NEW && has_new && sender_lock_free(&pool, SENDER_NEW, &turn->sender)) ||
		  sender_lock_free(&pool, SENDER_BEGUN, &turn->sender) ||
		  (first == SENDER_BEGUN && has_new &&
		   sender_lock_free(&pool, SENDER_NEW, &turn->sender))))
		return false;
	/* One that has left the pool goes on with what it began, and no more. */
	if (!turn->sender.begins)
		turn->taker.nsources = 0;
	turn->wanted = Min(turn->wanted, turn->sender.most);
	turn->send_until = Min(turn->send_until, turn->sender.tomorrow);
	return true;
}

/* Says whether the limits of a campaign allow a claim now, and how much of it. */
static bool
apply_limits(MessageTurn *turn)
{
	CampaignLimits *limits = &turn->limits;
	MessageClaim *claim = turn->claim;
	TimestampTz opens;

	window_find(limits->window, claim->now, &opens, &turn->send_until);
	if (opens > claim->now || !campaign_lock_usage(limits, claim->now))
		return false;
	turn->wanted = Min(claim->wanted, campaign_messages_left(limits));
	turn->taker.most_new = campaign_new_leads_left(limits);
	return turn->wanted > 0;
}

/* Waits for what others hold of the first step of a turn. */
static void
wait_for_others(MessageTurn *turn)
{
	if (turn->sources[0].step > 0)
		queue_wait(&turn->taker, &turn->sources[0], WAIT_MAX);
	turn->claim->has_waited = true;
}

/* Adds what is due of a campaign with which no sender has begun, of rows of keep_due_steps. */
static void
add_steps(MessageTurn *turn, SPITupleTable *rows, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		Datum		values[DUE_COLUMNS];
		bool		nulls[DUE_COLUMNS];

		SPI_tuptable = rows;
		statement_row(i, values, nulls);
		add_step(turn, values, nulls);
	}
	/* Of those that are due at the same time, the first step goes first. */
	qsort(turn->sources, turn->taker.nsources, sizeof(QueueSource), compare_steps);
}

/* Begins with a turn in which there is nothing yet. */
static void
init_turn(MessageTurn *turn, MessageClaim *claim, Datum campaign)
{
	memset(turn, 0, sizeof(MessageTurn));
	turn->claim = claim;
	turn->campaign = campaign;
	turn->texts = message_texts_begin(claim->workspace, campaign);
	turn->taker.workspace = claim->workspace;
	turn->taker.campaign = campaign;
	turn->taker.now = claim->now;
	turn->taker.sources = turn->sources;
	queue_lease_init(&turn->lease, claim->workspace, campaign);
}

/*
 * Begins the turn of a campaign; false if it has no due messages, does not run, or may not
 * send now.
 */
bool
message_turn_open(MessageTurn *turn, MessageClaim *claim, Datum campaign, bool wait)
{
	Datum		parameters[] = {claim->workspace, campaign, TimestampTzGetDatum(claim->now)};
	uint64		found = statement_execute(&keep_due_steps, parameters, NULL);
	SPITupleTable *rows = SPI_tuptable;
	Datum		values[DUE_COLUMNS];
	bool		nulls[DUE_COLUMNS];

	if (found == 0)
		return false;
	statement_row(0, values, nulls);
	if (nulls[DUE_STARTED])
		return false;
	init_turn(turn, claim, campaign);
	campaign_find_limits(claim->workspace, campaign, DatumGetBool(values[DUE_IS_LIMITED]),
						 &turn->limits);
	/* Of a campaign without these all that waits has a step. */
	if (nulls[DUE_STEP] && !turn->limits.has_pool && turn->limits.daily_new_leads < 0)
		return false;
	if (!turn->limits.has_pool && !claim->has_default)
		return false;
	if (!apply_limits(turn))
		return false;
	turn->webhooks = webhook_read_events(values[DUE_WEBHOOKS], nulls[DUE_WEBHOOKS]);
	if (!nulls[DUE_LINK])
		message_texts_link(turn->texts);
	add_steps(turn, rows, found);
	if (turn->limits.has_pool && !lock_sender(turn, turn->taker.nsources > 0))
		return false;
	if (turn->limits.has_pool || turn->limits.daily_new_leads >= 0)
		add_begun(turn, DatumGetTimestampTz(values[DUE_STARTED]));
	if (turn->taker.nsources == 0)
		return false;
	if (turn->limits.has_pool || turn->limits.has_bounce_limit ||
		campaign_has_limits(&turn->limits))
		turn->lease.claimed_at = claim->now;
	if (wait)
		wait_for_others(turn);
	return true;
}

/* Writes what a turn has taken: a lease, and what was used of limits. */
void
message_turn_close(MessageTurn *turn)
{
	const MessageClaim *claim = turn->claim;

	queue_take_end(&turn->taker, &turn->lease);
	if (turn->lease.ranges.nmessages == 0)
		return;
	if (turn->has_variants)
		turn->lease.variants = turn->variants;
	queue_lease_insert(&turn->lease, turn->skipped, turn->nskipped, claim->worker,
					   claim->no_worker, claim->now, claim->expires_at);
	if (queue_lease_is_done(&turn->lease) && webhook_wants(turn->webhooks, "campaign.finished"))
		webhook_tell_finished(claim->workspace, &turn->lease.campaign, true);
	if (turn->limits.has_pool)
		sender_use(&turn->sender, turn->handed, claim->now);
	campaign_use(&turn->limits, turn->handed, turn->handed_new);
}
