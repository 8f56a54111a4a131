/*
 * message_claim.c
 *		Claims: handing due messages of a campaign to a worker, and when there are any.
 *
 * A claim serves one campaign: of those with due messages the one that was
 * served longest ago, so that campaigns take turns.  It takes ranges from the
 * queue, looks at the lead, the enrollment and the suppression list of each
 * message as they are now, has message_text.c render what may be sent, and notes the
 * rest as skipped.  A lease is made of all that was taken.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "due.h"
#include "email.h"
#include "error.h"
#include "lead.h"
#include "lease.h"
#include "message.h"
#include "message_turn.h"
#include "queue.h"
#include "sender.h"
#include "statement.h"
#include "suppression.h"
#include "window.h"

PG_FUNCTION_INFO_V1(lt_claim_messages);
PG_FUNCTION_INFO_V1(lt_next_due);

/* Messages of a claim at most. */
#define CLAIM_MAX 10000

/* Columns of lt_message. */
enum
{
	CLAIM_LEASE_ID,
	CLAIM_MESSAGE_ID,
	CLAIM_CAMPAIGN_ID,
	CLAIM_LEAD_ID,
	CLAIM_STEP,
	CLAIM_ATTEMPT,
	CLAIM_EMAIL,
	CLAIM_SUBJECT,
	CLAIM_BODY_HTML,
	CLAIM_SENDER_ID,
	CLAIM_SENDER_EMAIL,
	CLAIM_SENDER_NAME,
	CLAIM_REPLY_TO,
	CLAIM_TRANSPORT,
	CLAIM_VARIANT,
	CLAIM_BODY_TEXT,
	CLAIM_HEADERS,
	CLAIM_REFERENCES,
	CLAIM_SEND_UNTIL,
	CLAIM_UNSUBSCRIBE_URL,
	CLAIM_COLUMNS
};

/*
 * A claim looks for no more once it has skipped so many messages, nor sweeps more once
 * it has given back so many: what it did is kept, and the next one goes on from there.
 */
#define SKIPS_MAX 2000
#define SWEEPS_MAX 100
#define SWEPT_MESSAGES_MAX 20000

/* How long what another session is changing goes back for: not to be claimed again and again. */
#define BUSY_WAIT (5 * USECS_PER_SEC)

/* Sorted here, for that costs more than all else where few campaigns are due. */
static Statement find_campaigns = STATEMENT(
	"SELECT h.campaign_id, (SELECT l.lease_id FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.campaign_id = h.campaign_id"
	" ORDER BY l.lease_id DESC LIMIT 1)"
	" FROM leadterra.queue_heads($1) h"
	" WHERE h.due_at <= $2",
	SPI_OK_SELECT, UUIDOID, TIMESTAMPTZOID);

static Statement find_next = STATEMENT(
	"SELECT due_at FROM leadterra.next_due($1)",
	SPI_OK_SELECT, UUIDOID);

/* Messages that are handled together, and those of them that are left out. */
typedef struct ClaimChunk
{
	MessageTurn *turn;
	int			count;
	Message    *messages;
	int			nexceptions;
	QueueException *exceptions;
	int			nbusy;			/* that go back */
	QueueWaiting *busy;
} ClaimChunk;

/*
 * Gives back what workers let run out.  Whoever holds those leases may be waited for
 * by one that this claim would wait for.
 */
static void
sweep_leases(MessageClaim *claim)
{
	pg_uuid_t	lease_ids[SWEEPS_MAX];
	int			found = queue_lease_find_expired(claim->workspace, claim->now,
												 lease_ids, SWEEPS_MAX);
	QueueLease	lease;
	QueueSteps	steps;
	int			swept = 0;

	for (int i = 0; i < found && swept < SWEPT_MESSAGES_MAX; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!queue_lease_lock_expired(&lease, claim->workspace, &lease_ids[i], claim->now))
			continue;
		campaign_read_steps(claim->workspace, UUIDPGetDatum(&lease.campaign), &steps);
		sender_keep_next(claim->workspace, &lease.next_sender);
		queue_lease_lose(&lease, &steps, claim->now);
		if (!TIMESTAMP_IS_NOBEGIN(lease.claimed_at))
			campaign_count_sent(claim->workspace, UUIDPGetDatum(&lease.campaign), lease.sent);
		swept += lease.ranges.nmessages;
		claim->has_waited = true;
	}
}

/* Says of each message whether its address is one, and is suppressed. */
static void
check_addresses(Datum workspace, Message *messages, int count)
{
	SuppressionCheck *checks = palloc0(sizeof(SuppressionCheck) * count);
	int		   *checked = palloc(sizeof(int) * count);
	int			nchecks = 0;

	for (int i = 0; i < count; i++)
	{
		const text *email = messages[i].email;

		if (email == NULL)
			continue;
		messages[i].invalid = !email_is_normal(VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email));
		if (messages[i].invalid)
			continue;
		checked[nchecks] = i;
		checks[nchecks].email = VARDATA_ANY(email);
		checks[nchecks++].length = VARSIZE_ANY_EXHDR(email);
	}
	suppression_check(workspace, workspace, checks, nchecks);
	for (int i = 0; i < nchecks; i++)
		messages[checked[i]].suppressed = checks[i].suppressed;
}

/* What is said of a message whose lead is not in the campaign any more. */
static const char *const deleted = "deleted";

/* Says why a message is not sent, NULL if it is. */
static const char *
skip_reason(const Message *message)
{
	if (message->status == NULL)
		return deleted;
	if (message->email == NULL)
		return "no_email";
	if (message_has_ended(message))
		return message->status;
	if (message->invalid ||
		(!message->nulls[LEAD_VERIFICATION_STATUS] &&
		 DatumGetInt32(message->fields[LEAD_VERIFICATION_STATUS]) == LEAD_VERIFICATION_INVALID))
		return "invalid_email";
	return message->suppressed ? "suppressed" : NULL;
}

/* Sets a column of a message that is handed out; null where it has no string. */
static void
set_string(Datum *values, bool *nulls, int column, const LeadString *string)
{
	nulls[column] = string->data == NULL;
	if (string->data)
		values[column] = lead_text(string);
}

/* Sets the columns that tell of the sender of a message. */
static void
set_sender(Datum *values, bool *nulls, const Sender *sender)
{
	values[CLAIM_SENDER_ID] = UUIDPGetDatum(&sender->sender_id);
	values[CLAIM_SENDER_EMAIL] = sender->email;
	values[CLAIM_SENDER_NAME] = sender->name;
	values[CLAIM_REPLY_TO] = sender->reply_to;
	values[CLAIM_TRANSPORT] = sender->transport;
	nulls[CLAIM_SENDER_ID] = nulls[CLAIM_SENDER_EMAIL] = false;
	nulls[CLAIM_SENDER_NAME] = sender->no_name;
	nulls[CLAIM_REPLY_TO] = sender->no_reply_to;
	nulls[CLAIM_TRANSPORT] = sender->no_transport;
}

/* Puts a message into the result. */
static void
hand_out(const MessageTurn *turn, const Message *message, const pg_uuid_t *message_id)
{
	const MessageClaim *claim = turn->claim;
	const MessageText *text = &claim->rendered;
	Datum		values[CLAIM_COLUMNS];
	bool		nulls[CLAIM_COLUMNS];

	memset(nulls, true, sizeof(nulls));
	memset(nulls, false, sizeof(bool) * (CLAIM_EMAIL + 1));
	values[CLAIM_LEASE_ID] = UUIDPGetDatum(&turn->lease.lease_id);
	values[CLAIM_MESSAGE_ID] = UUIDPGetDatum(message_id);
	values[CLAIM_CAMPAIGN_ID] = turn->campaign;
	values[CLAIM_LEAD_ID] = UUIDPGetDatum(&message->lead_id);
	values[CLAIM_STEP] = Int32GetDatum(message->place.step);
	values[CLAIM_ATTEMPT] = Int32GetDatum(message->place.attempt);
	values[CLAIM_EMAIL] = PointerGetDatum(message->email);
	set_string(values, nulls, CLAIM_SUBJECT, &text->subject);
	set_string(values, nulls, CLAIM_BODY_HTML, &text->body_html);
	values[CLAIM_VARIANT] = Int32GetDatum(text->variant);
	nulls[CLAIM_VARIANT] = text->variant == 0;
	set_string(values, nulls, CLAIM_BODY_TEXT, &text->body_text);
	values[CLAIM_HEADERS] = JsonbPGetDatum(text->headers);
	nulls[CLAIM_HEADERS] = text->headers == NULL;
	values[CLAIM_REFERENCES] = text->references;
	nulls[CLAIM_REFERENCES] = text->references == (Datum) 0;
	set_string(values, nulls, CLAIM_UNSUBSCRIBE_URL, &text->unsubscribe_url);
	if (turn->limits.has_pool)
		set_sender(values, nulls, &turn->sender);
	nulls[CLAIM_SEND_UNTIL] = TIMESTAMP_IS_NOEND(turn->send_until);
	values[CLAIM_SEND_UNTIL] = TimestampTzGetDatum(turn->send_until);
	tuplestore_putvalues(claim->result->setResult, claim->result->setDesc, values, nulls);
}

/* Makes room for what is noted of each message by its number. */
static void
reserve_numbers(MessageTurn *turn)
{
	int			wanted = Max(turn->lease.ranges.nmessages, 2 * turn->room);

	if (turn->lease.ranges.nmessages <= turn->room)
		return;
	turn->skipped = turn->room == 0 ? palloc(sizeof(int) * wanted) :
		repalloc_huge(turn->skipped, sizeof(int) * wanted);
	turn->variants = turn->room == 0 ? palloc(wanted) : repalloc_huge(turn->variants, wanted);
	memset(turn->variants + turn->room, 0, wanted - turn->room);
	turn->room = wanted;
}

/* Notes that a message is not sent. */
static void
note_exception(ClaimChunk *chunk, const Message *message, const char *state, const char *reason)
{
	chunk->exceptions[chunk->nexceptions++] = (QueueException) {
		.lead_id = message->lead_id,
			.batch_id = message->place.batch_id, .position = message->place.first,
			.step = message->place.step,
			.attempt = message->place.attempt, .state = state, .reason = reason
	};
}

/* Notes that a message goes back, and is due again in a while. */
static void
note_busy(ClaimChunk *chunk, const Message *message)
{
	const DueRule *rule = &chunk->turn->rules[message->place.step - 1];
	TimestampTz again = chunk->turn->claim->now + BUSY_WAIT;

	chunk->busy[chunk->nbusy++] = (QueueWaiting) {
		message->place, message->place.step, due_since(rule, again), again
	};
}

/* Notes the variant that a message was handed out with. */
static void
note_variant(MessageTurn *turn, const Message *message)
{
	turn->variants[message->number] = turn->claim->rendered.variant;
	turn->has_variants |= turn->claim->rendered.variant > 0;
}

/* Hands out a message; false if it is left out. */
static bool
handle_message(ClaimChunk *chunk, const Message *message)
{
	pg_uuid_t	message_id = queue_message_id(&message->place.batch_id, message->place.first);
	const char *reason = skip_reason(message);

	if (message->busy)
		note_busy(chunk, message);
	else if (reason)
	{
		/* Nobody will ask what became of one that was deleted. */
		if (reason != deleted)
			note_exception(chunk, message, "skipped", reason);
	}
	else if (!message_render(chunk->turn->texts, message, &message_id,
							 &chunk->turn->claim->rendered))
		note_exception(chunk, message, "failed", "message too large");
	else
	{
		hand_out(chunk->turn, message, &message_id);
		note_variant(chunk->turn, message);
		return true;
	}
	return false;
}

/* Handles the messages of a chunk, and writes what became of those left out. */
static void
handle_chunk(ClaimChunk *chunk)
{
	MessageTurn *turn = chunk->turn;
	MessageClaim *claim = turn->claim;
	MemoryContext message_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra message",
														  ALLOCSET_DEFAULT_SIZES);

	check_addresses(claim->workspace, chunk->messages, chunk->count);
	message_find_threads(turn->texts, chunk->messages, chunk->count);
	chunk->exceptions = palloc(sizeof(QueueException) * chunk->count);
	chunk->busy = palloc(sizeof(QueueWaiting) * chunk->count);
	for (int i = 0; i < chunk->count; i++)
	{
		MemoryContext chunk_context = MemoryContextSwitchTo(message_context);

		CHECK_FOR_INTERRUPTS();
		if (handle_message(chunk, &chunk->messages[i]))
		{
			turn->handed++;
			turn->handed_new += queue_is_new(&chunk->messages[i].place, turn->taker.losses.count);
		}
		else
		{
			turn->skipped[turn->nskipped++] = chunk->messages[i].number;
			claim->passed_over++;
		}
		MemoryContextSwitchTo(chunk_context);
		MemoryContextReset(message_context);
	}
	queue_except(claim->workspace, turn->campaign, claim->now,
				 chunk->exceptions, chunk->nexceptions);
	queue_tell_failed(&turn->lease, turn->webhooks, chunk->exceptions, chunk->nexceptions);
	queue_put_back(&turn->lease, chunk->busy, chunk->nbusy, &turn->taker.losses, NULL);
}

/* Takes messages and handles them; false if no more are due.  What it needs for that is freed. */
static bool
claim_chunk(MessageTurn *turn)
{
	MessageClaim *claim = turn->claim;
	QueueRanges taken = {0};
	ClaimChunk	chunk = {.turn = turn};
	SPITupleTable *found;
	MemoryContext chunk_context;
	MemoryContext caller_context;

	turn->taker.most_new = campaign_new_leads_left(&turn->limits) - turn->handed_new;
	chunk.count = queue_take(&turn->taker, turn->handed, turn->wanted, &taken);
	if (chunk.count == 0)
		return false;
	claim->took = true;
	for (int i = 0; i < taken.count; i++)
		queue_add_range(&turn->lease.ranges, &taken.items[i]);
	reserve_numbers(turn);

	chunk_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra chunk",
										  ALLOCSET_DEFAULT_SIZES);
	caller_context = MemoryContextSwitchTo(chunk_context);
	chunk.messages = message_find(claim->workspace, turn->campaign, &taken,
								  turn->lease.ranges.nmessages - chunk.count, &found);
	message_lock_ended(claim->workspace, turn->campaign, chunk.messages, chunk.count);
	handle_chunk(&chunk);
	SPI_freetuptable(found);
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(chunk_context);
	pfree(taken.items);
	return true;
}

/* Says whether a turn that handed out nothing is to be followed by another. */
static bool
goes_on(const MessageTurn *turn)
{
	/* What may not stand in the same lease, or what another sender has. */
	return turn->handed == 0 && turn->claim->passed_over < SKIPS_MAX &&
		(turn->taker.ended_early || (turn->limits.has_pool && turn->lease.ranges.nmessages > 0));
}

/*
 * Claims from a campaign; false if nothing was handed out, and there may be more.  Where
 * all messages of a lease were skipped, and there are others that may not stand in it,
 * the next lease is made.
 */
static bool
claim_campaign(MessageClaim *claim, Datum campaign, bool wait)
{
	MessageTurn	turn;

	do
	{
		if (!message_turn_open(&turn, claim, campaign, wait && !claim->has_waited && !claim->took))
			return false;
		while (turn.handed < turn.wanted && claim->passed_over < SKIPS_MAX && claim_chunk(&turn))
			;
		message_turn_close(&turn);
	} while (goes_on(&turn));
	return turn.handed > 0 || claim->passed_over >= SKIPS_MAX;
}

/* A campaign with due messages, and its last lease; all zeros: none. */
typedef struct DueCampaign
{
	pg_uuid_t	lease_id;
	pg_uuid_t	campaign_id;
} DueCampaign;

/* Those that were served longest ago come first, and rows of one campaign together. */
static int
compare_campaigns(const void *left, const void *right)
{
	return memcmp(left, right, sizeof(DueCampaign));
}

/* Finds the campaigns with due messages, in their turn, each once; returns how many. */
static int
list_campaigns(const MessageClaim *claim, DueCampaign **campaigns)
{
	Datum		parameters[] = {claim->workspace, TimestampTzGetDatum(claim->now)};
	uint64		found = statement_execute(&find_campaigns, parameters, NULL);
	DueCampaign *list = palloc0(sizeof(DueCampaign) * Max(found, 1));
	int			count = 0;

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[2];
		bool		nulls[2];

		statement_row(i, values, nulls);
		list[i].campaign_id = *DatumGetUUIDP(values[0]);
		if (!nulls[1])
			list[i].lease_id = *DatumGetUUIDP(values[1]);
	}
	qsort(list, found, sizeof(DueCampaign), compare_campaigns);
	for (uint64 i = 0; i < found; i++)
	{
		if (count == 0 || compare_campaigns(&list[count - 1], &list[i]) != 0)
			list[count++] = list[i];
	}
	*campaigns = list;
	return count;
}

/*
 * Claims from campaigns in their turn until one has something.  Where others
 * hold all that is due, it waits a while for the first of them: they may take a part
 * and leave the rest.  It does not wait once it holds ranges itself, all of whose
 * messages it skipped, nor twice.
 */
static void
claim_in_turn(MessageClaim *claim)
{
	DueCampaign *campaigns;
	int			count = list_campaigns(claim, &campaigns);

	for (int pass = 0; pass <= 1; pass++)
	{
		for (int i = 0; i < count; i++)
		{
			if (claim_campaign(claim, UUIDPGetDatum(&campaigns[i].campaign_id), pass == 1))
				return;
		}
	}
}

/* SQL: lt_claim_messages(max_messages, lease_for, campaign_id, worker, transports) */
Datum
lt_claim_messages(PG_FUNCTION_ARGS)
{
	MessageClaim claim = {.workspace = context_enter_claim("messages:update")};

	context_require_read_committed("claiming messages");
	error_if_null(0, "max_messages");
	claim.wanted = PG_GETARG_INT32(0);
	if (claim.wanted < 1 || claim.wanted > CLAIM_MAX)
		error_raise(ERROR_INVALID_REQUEST, "argument \"max_messages\" must be from 1 to %d, not %d",
					CLAIM_MAX, claim.wanted);
	claim.now = context_clock();
	claim.expires_at = lease_end(fcinfo, 1, claim.now);
	error_limit_text(fcinfo, 3, "worker");
	claim.no_worker = PG_ARGISNULL(3);
	claim.worker = claim.no_worker ? (Datum) 0 : PG_GETARG_DATUM(3);
	claim.any_transport = PG_ARGISNULL(4);
	claim.transports = claim.any_transport ? (Datum) 0 : PG_GETARG_DATUM(4);
	claim.has_default = claim.any_transport || sender_is_default_named(claim.transports);

	claim.result = statement_begin_rows(fcinfo, CLAIM_COLUMNS);
	statement_connect();
	sweep_leases(&claim);
	if (PG_ARGISNULL(2))
		claim_in_turn(&claim);
	else
	{
		campaign_require(claim.workspace, PG_GETARG_DATUM(2), false);
		if (!claim_campaign(&claim, PG_GETARG_DATUM(2), false))
			claim_campaign(&claim, PG_GETARG_DATUM(2), true);
	}
	statement_finish();
	return (Datum) 0;
}

/* SQL: lt_next_due() */
Datum
lt_next_due(PG_FUNCTION_ARGS)
{
	return statement_call(&find_next, context_enter("messages:read"), fcinfo);
}
