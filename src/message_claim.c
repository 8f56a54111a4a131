/*
 * message_claim.c
 *		Claims: handing due messages of a campaign to a worker.
 *
 * A claim serves one campaign: of those with due messages the one that was
 * served longest ago, so that campaigns take turns.  It takes ranges from the
 * queue, looks at the lead, the enrollment and the suppression list of each
 * message as they are now, renders what may be sent, and notes the rest as
 * skipped.  A lease is made of all that was taken.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "email.h"
#include "error.h"
#include "lead.h"
#include "message.h"
#include "queue.h"
#include "statement.h"
#include "suppression.h"
#include "template.h"

PG_FUNCTION_INFO_V1(lt_claim_messages);

/* Messages of a claim at most. */
#define CLAIM_MAX 10000

/* Columns of lt_message. */
#define CLAIM_COLUMNS 9

/*
 * A claim looks for no more once it has skipped so many messages, nor sweeps more once
 * it has given back so many: what it did is kept, and the next one goes on from there.
 */
#define SKIPS_MAX 2000
#define SWEEPS_MAX 100
#define SWEPT_MESSAGES_MAX 20000

/* Milliseconds that a claim waits for others. */
#define WAIT_MAX 1000

/* How long what another session is changing goes back for: not to be claimed again and again. */
#define BUSY_WAIT (5 * USECS_PER_SEC)

static Statement find_campaigns = STATEMENT(
	"SELECT h.campaign_id"
	" FROM leadterra.queue_heads($1) h"
	" WHERE h.due_at <= $2"
	" GROUP BY h.campaign_id"
	" ORDER BY (SELECT l.lease_id FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.campaign_id = h.campaign_id"
	" ORDER BY l.lease_id DESC LIMIT 1) NULLS FIRST, h.campaign_id",
	SPI_OK_SELECT, UUIDOID, TIMESTAMPTZOID);

/*
 * Keeps the campaign from being deleted; start and pause do not wait.  One that is
 * just being deleted has nothing.
 */
static Statement find_due_steps = STATEMENT(
	"SELECT c.started_at, s.step, s.until, s.subject, s.body_html"
	" FROM (SELECT started_at FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'running'"
	" FOR KEY SHARE SKIP LOCKED) c"
	" CROSS JOIN LATERAL ("
	" SELECT step, $3 - delay_days * interval '24 hours' AS until, subject, body_html"
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" AND step BETWEEN 1 AND " CppAsString2(QUEUE_STEPS_MAX)
	" OFFSET 0) s"
	" WHERE c.started_at <= s.until AND EXISTS ("
	" SELECT FROM leadterra.waiting w"
	" WHERE w.workspace_id = $1 AND w.campaign_id = $2 AND w.step = s.step AND w.waiting_since <= s.until)"
	" ORDER BY s.step",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* The texts of a step of the campaign that is claimed from. */
typedef struct ClaimTexts
{
	Template   *subject;
	Template   *body;
} ClaimTexts;

/* A claim. */
typedef struct Claim
{
	Datum		workspace;
	TimestampTz now;
	TimestampTz expires_at;
	int			wanted;
	Datum		worker;
	bool		no_worker;
	bool		took;			/* ranges, which it holds */
	bool		has_waited;		/* for others, or must not */
	int			passed_over;	/* messages that it skipped, of all campaigns */
	ReturnSetInfo *result;

	/* of the campaign that is claimed from */
	Datum		campaign;
	int			nsteps;
	ClaimTexts	texts[QUEUE_STEPS_MAX];
	QueueSource sources[QUEUE_STEPS_MAX];
	QueueTaker	taker;
	MessageLinks links;
	bool		has_links;
	QueueLease	lease;
	int			handed;
	int			nskipped;		/* numbers of messages that are not handed out */
	int			room;
	int		   *skipped;
	int			nexceptions;	/* of the chunk */
	QueueException *exceptions;
	int			nbusy;			/* messages of the chunk that go back */
	QueueWaiting *busy;
	StringInfoData subject;
	StringInfoData body;
} Claim;

/*
 * Gives back what workers let run out.  Whoever holds those leases may be waited for
 * by one that this claim would wait for.
 */
static void
sweep_leases(Claim *claim)
{
	pg_uuid_t	lease_ids[SWEEPS_MAX];
	int			found = queue_lease_find_expired(claim->workspace, claim->now, lease_ids, SWEEPS_MAX);
	QueueLease	lease;
	QueueSteps	steps;
	int			swept = 0;

	for (int i = 0; i < found && swept < SWEPT_MESSAGES_MAX; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!queue_lease_lock_expired(&lease, claim->workspace, &lease_ids[i], claim->now))
			continue;
		campaign_read_steps(claim->workspace, UUIDPGetDatum(&lease.campaign), &steps);
		queue_lease_lose(&lease, &steps, claim->now);
		swept += lease.nmessages;
		claim->has_waited = true;
	}
}

/* Compiles a text; the copy stays until SPI is finished. */
static Template *
compile(Datum text_value, TemplateFormat format)
{
	text	   *copy = DatumGetTextPCopy(text_value);

	return template_compile(VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy), format);
}

/* Finds the steps of a campaign with due messages; false if it has none, or does not run. */
static bool
open_campaign(Claim *claim, Datum campaign, bool wait)
{
	Datum		parameters[] = {claim->workspace, campaign, TimestampTzGetDatum(claim->now)};
	uint64		found = statement_execute(&find_due_steps, parameters, NULL);

	if (found == 0)
		return false;
	claim->campaign = campaign;
	claim->handed = claim->nskipped = claim->room = 0;
	claim->has_links = false;
	claim->nsteps = Min(found, QUEUE_STEPS_MAX);
	memset(&claim->taker, 0, sizeof(claim->taker));
	memset(claim->sources, 0, sizeof(claim->sources));
	for (int i = 0; i < claim->nsteps; i++)
	{
		Datum		values[5];
		bool		nulls[5];

		statement_row(i, values, nulls);
		claim->taker.started_at = DatumGetTimestampTz(values[0]);
		claim->sources[i].step = DatumGetInt16(values[1]);
		claim->sources[i].until = DatumGetTimestampTz(values[2]);
		claim->texts[i].subject = compile(values[3], TEMPLATE_LINE);
		claim->texts[i].body = compile(values[4], TEMPLATE_HTML);
		claim->has_links |= template_has_unsubscribe_url(claim->texts[i].subject) ||
			template_has_unsubscribe_url(claim->texts[i].body);
	}
	if (claim->has_links)
		message_links_read(&claim->links, claim->workspace);
	claim->taker.workspace = claim->workspace;
	claim->taker.campaign = campaign;
	claim->taker.nsources = claim->nsteps;
	claim->taker.sources = claim->sources;
	queue_lease_init(&claim->lease, claim->workspace, campaign);
	if (wait)
	{
		queue_wait(&claim->taker, &claim->sources[0], WAIT_MAX);
		claim->has_waited = true;
	}
	return true;
}

/* Says of each message whether its address is one, and is suppressed. */
static void
check_addresses(const Claim *claim, Message *messages, int count)
{
	SuppressionCheck *checks = palloc0(sizeof(SuppressionCheck) * count);
	int		   *checked = palloc(sizeof(int) * count);
	int			nchecks = 0;

	for (int i = 0; i < count; i++)
	{
		text	   *email;

		if (messages[i].status == NULL || messages[i].nulls[MESSAGE_EMAIL])
			continue;
		email = DatumGetTextPP(messages[i].values[MESSAGE_EMAIL]);
		messages[i].invalid = !email_is_normal(VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email));
		if (messages[i].invalid)
			continue;
		checked[nchecks] = i;
		checks[nchecks].email = VARDATA_ANY(email);
		checks[nchecks++].length = VARSIZE_ANY_EXHDR(email);
	}
	suppression_check(claim->workspace, claim->workspace, checks, nchecks);
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
	if (message->nulls[MESSAGE_EMAIL])
		return "no_email";
	if (message_has_ended(message))
		return message->status;
	if (message->invalid ||
		(!message->nulls[MESSAGE_FIELDS + LEAD_VERIFICATION_STATUS] &&
		 DatumGetInt32(message->values[MESSAGE_FIELDS + LEAD_VERIFICATION_STATUS]) == LEAD_VERIFICATION_INVALID))
		return "invalid_email";
	return message->suppressed ? "suppressed" : NULL;
}

/* Returns the place of the step of a message among the due ones of the campaign, for which it was taken. */
static int
find_step(const Claim *claim, const Message *message)
{
	for (int i = 0; i < claim->nsteps; i++)
	{
		if (claim->sources[i].step == message->place.step)
			return i;
	}
	elog(ERROR, "a message was taken of a step that is not due");
}

/* Renders a message; false if it gets too large. */
static bool
render(Claim *claim, const Message *message, const pg_uuid_t *message_id)
{
	text	   *email = DatumGetTextPP(message->values[MESSAGE_EMAIL]);
	TemplateValues values = {
		.email = {VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email)},
		.fields = message->values + MESSAGE_FIELDS,
		.nulls = message->nulls + MESSAGE_FIELDS
	};
	const ClaimTexts *texts = &claim->texts[find_step(claim, message)];

	if (claim->has_links)
		values.unsubscribe_url = message_link(&claim->links, message_id);
	resetStringInfo(&claim->subject);
	resetStringInfo(&claim->body);
	return template_render(texts->subject, &values, &claim->subject) &&
		template_render(texts->body, &values, &claim->body);
}

/* Puts a message into the result. */
static void
hand_out(const Claim *claim, const Message *message, const pg_uuid_t *message_id)
{
	Datum		values[CLAIM_COLUMNS] = {UUIDPGetDatum(&claim->lease.lease_id), UUIDPGetDatum(message_id), claim->campaign,
		message->values[MESSAGE_LEAD_ID],
		Int32GetDatum(DatumGetInt16(message->values[MESSAGE_STEP])),
		Int32GetDatum(message->place.attempt),
		message->values[MESSAGE_EMAIL],
		PointerGetDatum(cstring_to_text_with_len(claim->subject.data, claim->subject.len)),
	PointerGetDatum(cstring_to_text_with_len(claim->body.data, claim->body.len))};
	bool		nulls[CLAIM_COLUMNS] = {false};

	tuplestore_putvalues(claim->result->setResult, claim->result->setDesc, values, nulls);
}

/* Makes room for the numbers of more messages that are not handed out. */
static void
reserve_skipped(Claim *claim, int count)
{
	int			wanted = claim->nskipped + count;

	if (wanted <= claim->room)
		return;
	wanted = Max(wanted, 2 * claim->room);
	claim->skipped = claim->room == 0 ? palloc(sizeof(int) * wanted) :
		repalloc_huge(claim->skipped, sizeof(int) * wanted);
	claim->room = wanted;
}

/* Notes that a message is not sent. */
static void
note_exception(Claim *claim, const Message *message, const char *state, const char *reason)
{
	claim->exceptions[claim->nexceptions++] = (QueueException) {
		.lead_id = *DatumGetUUIDP(message->values[MESSAGE_LEAD_ID]),
			.batch_id = message->place.batch_id, .position = message->place.first,
			.step = DatumGetInt16(message->values[MESSAGE_STEP]),
			.attempt = message->place.attempt, .state = state, .reason = reason
	};
}

/* Notes that a message goes back, and is due again in a while. */
static void
note_busy(Claim *claim, const Message *message)
{
	const QueueSource *source = &claim->sources[find_step(claim, message)];

	claim->busy[claim->nbusy++] = (QueueWaiting) {message->place, source->step, source->until + BUSY_WAIT};
}

/* Hands out a message; false if it is left out. */
static bool
handle_message(Claim *claim, const Message *message)
{
	pg_uuid_t	message_id = queue_message_id(&message->place.batch_id, message->place.first);
	const char *reason = skip_reason(message);

	if (message->busy)
		note_busy(claim, message);
	else if (reason)
	{
		/* Nobody will ask what became of one that was deleted. */
		if (reason != deleted)
			note_exception(claim, message, "skipped", reason);
	}
	else if (!render(claim, message, &message_id))
		note_exception(claim, message, "failed", "message too large");
	else
	{
		hand_out(claim, message, &message_id);
		return true;
	}
	return false;
}

/* Handles the messages of a chunk, and writes what became of those left out. */
static void
handle_chunk(Claim *claim, Message *messages, int count)
{
	MemoryContext message_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra message",
														  ALLOCSET_DEFAULT_SIZES);

	check_addresses(claim, messages, count);
	claim->nexceptions = claim->nbusy = 0;
	claim->exceptions = palloc(sizeof(QueueException) * count);
	claim->busy = palloc(sizeof(QueueWaiting) * count);
	for (int i = 0; i < count; i++)
	{
		MemoryContext chunk_context = MemoryContextSwitchTo(message_context);

		CHECK_FOR_INTERRUPTS();
		if (handle_message(claim, &messages[i]))
			claim->handed++;
		else
		{
			claim->skipped[claim->nskipped++] = messages[i].number;
			claim->passed_over++;
		}
		MemoryContextSwitchTo(chunk_context);
		MemoryContextReset(message_context);
	}
	queue_except(claim->workspace, claim->campaign, claim->now, claim->exceptions, claim->nexceptions);
	queue_put_back(&claim->lease, claim->busy, claim->nbusy, NULL);
}

/* Takes messages and handles them; false if no more are due.  What it needs for that is freed. */
static bool
claim_chunk(Claim *claim)
{
	QueueLease	chunk = {0};
	Message *messages;
	SPITupleTable *found;
	MemoryContext chunk_context;
	MemoryContext caller_context;

	if (queue_take(&claim->taker, claim->wanted - claim->handed, &chunk) == 0)
		return false;
	claim->took = true;
	for (int i = 0; i < chunk.nranges; i++)
		queue_lease_add(&claim->lease, &chunk.ranges[i]);
	reserve_skipped(claim, chunk.nmessages);

	chunk_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra chunk", ALLOCSET_DEFAULT_SIZES);
	caller_context = MemoryContextSwitchTo(chunk_context);
	messages = message_find(claim->workspace, claim->campaign, &chunk,
							claim->lease.nmessages - chunk.nmessages, &found);
	message_lock_ended(claim->workspace, claim->campaign, messages, chunk.nmessages);
	handle_chunk(claim, messages, chunk.nmessages);
	SPI_freetuptable(found);
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(chunk_context);
	pfree(chunk.ranges);
	return true;
}

/* Claims from a campaign; false if nothing was handed out, and there may be more. */
static bool
claim_campaign(Claim *claim, Datum campaign, bool wait)
{
	if (!open_campaign(claim, campaign, wait && !claim->has_waited && !claim->took))
		return false;
	while (claim->handed < claim->wanted && claim->passed_over < SKIPS_MAX && claim_chunk(claim))
		;
	queue_take_end(&claim->taker, &claim->lease);
	if (claim->lease.nmessages > 0)
		queue_lease_insert(&claim->lease, claim->skipped, claim->nskipped, claim->worker,
						   claim->no_worker, claim->now, claim->expires_at);
	return claim->handed > 0 || claim->passed_over >= SKIPS_MAX;
}

/*
 * Claims from campaigns in their turn until one has something.  Where others
 * hold all that is due, it waits a while for the first of them: they may take a part
 * and leave the rest.  It does not wait once it holds ranges itself, all of whose
 * messages it skipped, nor twice.
 */
static void
claim_in_turn(Claim *claim)
{
	Datum		parameters[] = {claim->workspace, TimestampTzGetDatum(claim->now)};
	uint64		found = statement_execute(&find_campaigns, parameters, NULL);
	pg_uuid_t  *campaigns = palloc(sizeof(pg_uuid_t) * Max(found, 1));

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		campaigns[i] = *DatumGetUUIDP(statement_value(i, 1, &isnull));
	}
	for (int pass = 0; pass <= 1; pass++)
	{
		for (uint64 i = 0; i < found; i++)
		{
			if (claim_campaign(claim, UUIDPGetDatum(&campaigns[i]), pass == 1))
				return;
		}
	}
}

/* SQL: lt_claim_messages(max_messages, lease_for, campaign_id, worker) */
Datum
lt_claim_messages(PG_FUNCTION_ARGS)
{
	Claim		claim;

	claim.workspace = context_enter("messages:update");
	context_require_read_committed("claiming messages");
	error_if_null(0, "max_messages");
	claim.wanted = PG_GETARG_INT32(0);
	if (claim.wanted < 1 || claim.wanted > CLAIM_MAX)
		error_raise(ERROR_INVALID_REQUEST, "argument \"max_messages\" must be from 1 to %d, not %d",
					CLAIM_MAX, claim.wanted);
	claim.now = context_clock();
	claim.expires_at = context_lease_end(fcinfo, 1, claim.now);
	claim.took = false;
	claim.has_waited = false;
	claim.passed_over = 0;
	error_limit_text(fcinfo, 3, "worker");
	claim.no_worker = PG_ARGISNULL(3);
	claim.worker = claim.no_worker ? (Datum) 0 : PG_GETARG_DATUM(3);

	claim.result = statement_begin_rows(fcinfo, CLAIM_COLUMNS);
	statement_connect();
	initStringInfo(&claim.subject);
	initStringInfo(&claim.body);
	sweep_leases(&claim);
	if (PG_ARGISNULL(2))
		claim_in_turn(&claim);
	else
	{
		campaign_require(claim.workspace, PG_GETARG_DATUM(2), CAMPAIGN_READ);
		if (!claim_campaign(&claim, PG_GETARG_DATUM(2), false))
			claim_campaign(&claim, PG_GETARG_DATUM(2), true);
	}
	statement_finish();
	return (Datum) 0;
}
