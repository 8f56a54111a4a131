/*
 * event.c
 *		What became of messages that were sent: the table of events.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "event.h"
#include "statement.h"
#include "uuid7.h"
#include "webhook.h"

PG_FUNCTION_INFO_V1(lt_set_soft_bounce_limit);

/* Soft bounces of an address that suppress it, unless a workspace says otherwise, or at most. */
#define SOFT_BOUNCES 5
#define SOFT_BOUNCES_MAX 1000

/* A message may have several replies and clicks at several links, and bounce softly, then hard. */
static Statement insert_event = STATEMENT(
	"INSERT INTO leadterra.events (workspace_id, campaign_id, type, message_id, digest, event_id,"
	" lead_id, data, created_at)"
	" VALUES ($1, $2, $3, $4, CASE $3"
	" WHEN 'replied' THEN encode(sha256(convert_to($7::text, 'UTF8')), 'hex')"
	" WHEN 'clicked' THEN encode(sha256(convert_to(coalesce($7 ->> 'url', ''), 'UTF8')), 'hex')"
	" WHEN 'bounced' THEN $7 ->> 'bounceType' ELSE '' END, $5, $6, $7, $8)"
	" ON CONFLICT DO NOTHING"
	" RETURNING " WEBHOOK_EVENTS("$1", "$2") ", $7 ->> 'classification' = 'unsubscribe'",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, TEXTOID, UUIDOID, UUIDOID, UUIDOID, JSONBOID,
	TIMESTAMPTZOID);

static Statement find_reply = STATEMENT(
	"SELECT message_id FROM leadterra.events"
	" WHERE workspace_id = $1 AND type = 'replied' AND event_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* Its digest is of what was reported first, so that this is known when it is reported again. */
static Statement classify = STATEMENT(
	"UPDATE leadterra.events SET data = data || jsonb_build_object('classification', $5)"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND type = 'replied' AND message_id = $3"
	" AND event_id = $4 AND data ->> 'classification' IS DISTINCT FROM $5",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, UUIDOID, UUIDOID, TEXTOID);

static Statement find_limit = STATEMENT(
	"SELECT soft_bounces FROM leadterra.bounce_limits"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement set_limit = STATEMENT(
	"INSERT INTO leadterra.bounce_limits (workspace_id, soft_bounces)"
	" VALUES ($1, $2)"
	" ON CONFLICT (workspace_id) DO UPDATE SET soft_bounces = excluded.soft_bounces",
	SPI_OK_INSERT, UUIDOID, INT4OID);

/* Those of the last 30 days and this one. */
static Statement add_soft_bounce = STATEMENT(
	"INSERT INTO leadterra.soft_bounces AS b (workspace_id, lead_id, bounced_at)"
	" VALUES ($1, $2, ARRAY[$3])"
	" ON CONFLICT (workspace_id, lead_id) DO UPDATE SET bounced_at = ARRAY("
	" SELECT t FROM unnest(b.bounced_at) AS u (t)"
	" WHERE t > $3 - interval '30 days'"
	" ORDER BY t) || $3"
	" RETURNING cardinality(bounced_at)",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static Statement delete_soft_bounces = STATEMENT(
	"DELETE FROM leadterra.soft_bounces"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* What webhooks are told of by an event of a type. */
static const struct
{
	const char *type;
	const char *event;
}			told[] =
{
	{"bounced", "message.bounced"},
	{"clicked", "message.clicked"},
	{"complained", "message.complained"},
	{"replied", "reply.received"},
	{"unsubscribed", "lead.unsubscribed"}
};

/* Tells webhooks of an event that was kept, as the statement that kept it returned. */
static void
tell(WebhookNews *news, const char *type)
{
	Datum		values[2];
	bool		nulls[2];
	const char *webhooks;
	bool		is_unsubscribe;

	statement_row(0, values, nulls);
	webhooks = webhook_read_events(values[0], nulls[0]);
	is_unsubscribe = !nulls[1] && DatumGetBool(values[1]) && strcmp(type, "replied") == 0;
	for (size_t i = 0; i < lengthof(told); i++)
	{
		news->event = told[i].event;
		if ((strcmp(told[i].type, type) == 0 ||
			 (is_unsubscribe && strcmp(told[i].type, "unsubscribed") == 0)) &&
			webhook_wants(webhooks, news->event))
			webhook_tell(news);
	}
}

/* Keeps an event, and tells webhooks of it; false if it is known.  Runs in SPI. */
bool
event_insert(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
			 const pg_uuid_t *lead_id, const char *type, Jsonb *data)
{
	pg_uuid_t	event_id;
	Datum		values[] = {workspace, campaign, CStringGetTextDatum(type),
		UUIDPGetDatum(message_id), UUIDPGetDatum(&event_id), UUIDPGetDatum(lead_id),
	JsonbPGetDatum(data), TimestampTzGetDatum(context_clock())};

	uuid7_generate(&event_id);
	if (statement_execute(&insert_event, values, NULL) == 0)
		return false;
	tell(&(WebhookNews) {
		.workspace = workspace, .campaign = DatumGetUUIDP(campaign), .message_ids = message_id,
			.event_id = &event_id, .size = 1
	}, type);
	return true;
}

/* Finds the message that a reply answers; false if there is no such reply.  Runs in SPI. */
bool
event_find_reply(Datum workspace, const pg_uuid_t *reply_id, pg_uuid_t *message_id)
{
	Datum		values[] = {workspace, UUIDPGetDatum(reply_id)};
	bool		isnull;

	if (statement_execute(&find_reply, values, NULL) == 0)
		return false;
	*message_id = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	return true;
}

/* Keeps what a reply is; false if that is known, or the reply is gone.  Runs in SPI. */
bool
event_classify(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
			   const pg_uuid_t *reply_id, const char *classification)
{
	Datum		values[] = {workspace, campaign, UUIDPGetDatum(message_id),
	UUIDPGetDatum(reply_id), CStringGetTextDatum(classification)};

	return statement_execute(&classify, values, NULL) > 0;
}

/* Returns how many soft bounces suppress an address in a workspace; 0: no number does. */
static int
soft_bounce_limit(Datum workspace)
{
	bool		isnull;
	Datum		limit;

	if (statement_execute(&find_limit, &workspace, NULL) == 0)
		return SOFT_BOUNCES;
	limit = statement_value(0, 1, &isnull);
	return isnull ? 0 : DatumGetInt32(limit);
}

/*
 * Counts a soft bounce of a lead, which its caller keeps from being deleted, and says
 * whether it is one too many: then they are forgotten.  Runs in SPI.
 */
bool
event_add_soft_bounce(Datum workspace, const pg_uuid_t *lead_id)
{
	Datum		values[] = {workspace, UUIDPGetDatum(lead_id),
	TimestampTzGetDatum(context_clock())};
	int			limit = soft_bounce_limit(workspace);
	bool		isnull;

	if (limit <= 0)
		return false;
	statement_execute(&add_soft_bounce, values, NULL);
	if (DatumGetInt32(statement_value(0, 1, &isnull)) < limit)
		return false;
	event_forget_soft_bounces(workspace, lead_id);
	return true;
}

/* Forgets the soft bounces of a lead.  Runs in SPI. */
void
event_forget_soft_bounces(Datum workspace, const pg_uuid_t *lead_id)
{
	Datum		values[] = {workspace, UUIDPGetDatum(lead_id)};

	statement_execute(&delete_soft_bounces, values, NULL);
}

/* SQL: lt_set_soft_bounce_limit(soft_bounces) */
Datum
lt_set_soft_bounce_limit(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("workspaces:update"), PG_GETARG_DATUM(0)};
	bool		nulls[] = {false, PG_ARGISNULL(0)};

	if (!nulls[1] && (PG_GETARG_INT32(0) < 1 || PG_GETARG_INT32(0) > SOFT_BOUNCES_MAX))
		error_raise(ERROR_INVALID_REQUEST, "argument \"soft_bounces\" must be from 1 to %d, not %d",
					SOFT_BOUNCES_MAX, PG_GETARG_INT32(0));
	statement_connect();
	context_ensure_workspace();
	statement_execute(&set_limit, values, nulls);
	statement_finish();
	PG_RETURN_VOID();
}
