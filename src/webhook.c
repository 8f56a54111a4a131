/*
 * webhook.c
 *		Telling webhooks of what happens; what becomes of that is SQL.
 *
 * A row for each webhook is written in the transaction of what happened, and tells of a lease as
 * a whole.  A webhook may be deleted meanwhile: no lock keeps it, for that would change its
 * row with every lease.  What is written for one that is gone is removed by lt_maintain.
 *
 * Whether a campaign is finished is found out later, by whoever delivers that: two
 * transactions that take away the last of its work do not see each other.  So each
 * of them writes a row, unless it sees that work waits.  A claim that skips all
 * that it took always does: two of them may see what the other takes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "digest.h"
#include "error.h"
#include "statement.h"
#include "webhook.h"

PG_FUNCTION_INFO_V1(lt_create_webhook);
PG_FUNCTION_INFO_V1(lt_update_webhook);
PG_FUNCTION_INFO_V1(lt_delete_webhook);
PG_FUNCTION_INFO_V1(lt_resume_webhook);
PG_FUNCTION_INFO_V1(lt_redeliver);
PG_FUNCTION_INFO_V1(lt_claim_deliveries);
PG_FUNCTION_INFO_V1(lt_finish_delivery);
PG_FUNCTION_INFO_V1(lt_next_delivery);
PG_FUNCTION_INFO_V1(lt_delivery_id);
PG_FUNCTION_INFO_V1(lt_delivery_outbox);
PG_FUNCTION_INFO_V1(lt_delivery_number);
PG_FUNCTION_INFO_V1(lt_hmac_sha256);

/* Columns of lt_webhook. */
#define WEBHOOK_COLUMNS 7

/* The low bits of the id of a delivery are its number. */
#define NUMBER_BITS 20
#define NUMBER_MAX ((1 << NUMBER_BITS) - 1)

static Statement tell = STATEMENT(
	"INSERT INTO leadterra.webhook_outbox (workspace_id, outbox_id, webhook_id, event,"
	" campaign_id, reason, lease_id, message_ids, event_id, size, created_at)"
	" SELECT $1, leadterra.delivery_outbox(leadterra.uuidv7()), w.webhook_id, $3,"
	" $2, $4, $5, $6, $7, $8, $9"
	" FROM leadterra.webhooks w"
	" WHERE w.workspace_id = $1 AND w.status = 'active' AND $3 = ANY (w.events)"
	" AND (w.campaign_id IS NULL OR w.campaign_id = $2)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID, TEXTOID, UUIDOID, UUIDARRAYOID, UUIDOID, INT4OID,
	TIMESTAMPTZOID);

static Statement find_waiting = STATEMENT(
	"SELECT FROM leadterra.waiting"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" LIMIT 1",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement create_webhook = STATEMENT(
	"SELECT webhook_id, url, events, campaign_id, status, created_at, secret"
	" FROM leadterra.create_webhook($1, $2, $3, $4)",
	SPI_OK_SELECT, UUIDOID, TEXTOID, TEXTARRAYOID, UUIDOID);

static Statement update_webhook = STATEMENT(
	"SELECT leadterra.update_webhook($1, $2, $3, $4)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTOID, TEXTARRAYOID);

static Statement delete_webhook = STATEMENT(
	"SELECT leadterra.delete_webhook($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement resume_webhook = STATEMENT(
	"SELECT leadterra.resume_webhook($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement redeliver = STATEMENT(
	"SELECT leadterra.redeliver($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement claim_deliveries = STATEMENT(
	"SELECT lease_id, delivery_id, url, headers, body"
	" FROM leadterra.claim_deliveries($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, INT4OID, INTERVALOID);

static Statement finish_delivery = STATEMENT(
	"SELECT leadterra.finish_delivery($1, $2, $3, $4, $5, $6)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID, INT4OID, TEXTOID, INT4OID);

static Statement next_delivery = STATEMENT(
	"SELECT leadterra.next_delivery($1)",
	SPI_OK_SELECT, UUIDOID);

/* Reads what a statement has of WEBHOOK_EVENTS, as a string that stays; NULL: no webhook. */
const char *
webhook_read_events(Datum events, bool isnull)
{
	return isnull ? NULL : TextDatumGetCString(events);
}

/* Says whether an event is among those that are wanted; no event is a part of another. */
bool
webhook_wants(const char *events, const char *event)
{
	return events && strstr(events, event) != NULL;
}

/* Tells the webhooks that want to know it of what happened.  Runs in SPI. */
void
webhook_tell(const WebhookNews *news)
{
	Datum		values[] = {news->workspace, UUIDPGetDatum(news->campaign),
		CStringGetTextDatum(news->event), (Datum) 0, UUIDPGetDatum(news->lease_id), (Datum) 0,
		UUIDPGetDatum(news->event_id), Int32GetDatum(news->size),
	TimestampTzGetDatum(context_clock())};
	bool		nulls[] = {false, news->campaign == NULL, false, news->reason == NULL,
		news->lease_id == NULL, news->message_ids == NULL, news->event_id == NULL, false, false
	};

	if (news->reason)
		values[3] = CStringGetTextDatum(news->reason);
	if (news->message_ids)
		values[5] = statement_uuids(news->message_ids, UUID_LEN, news->size);
	if (statement_execute(&tell, values, nulls) > 0)
		Async_Notify("leadterra_deliveries", "");
}

/*
 * Tells that a campaign may be finished, after a lease of it has ended: always, or unless
 * something is seen to wait.  Runs in SPI.
 */
void
webhook_tell_finished(Datum workspace, const pg_uuid_t *campaign, bool always)
{
	Datum		values[] = {workspace, UUIDPGetDatum(campaign)};
	WebhookNews news = {
		.workspace = workspace, .campaign = campaign, .event = "campaign.finished", .size = 1
	};

	if (always || statement_execute(&find_waiting, values, NULL) == 0)
		webhook_tell(&news);
}

/* SQL: lt_create_webhook(url, events, campaign_id) */
Datum
lt_create_webhook(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("webhooks:create");
	Datum		values[WEBHOOK_COLUMNS];
	bool		nulls[WEBHOOK_COLUMNS];
	Datum		result;

	statement_connect();
	context_ensure_workspace();
	statement_execute_call(&create_webhook, workspace, fcinfo);
	statement_row(0, values, nulls);
	result = statement_result(fcinfo, values, nulls, WEBHOOK_COLUMNS);
	statement_finish();
	return result;
}

/* SQL: lt_update_webhook(webhook_id, url, events) */
Datum
lt_update_webhook(PG_FUNCTION_ARGS)
{
	return statement_call(&update_webhook, context_enter("webhooks:update"), fcinfo);
}

/* SQL: lt_delete_webhook(webhook_id) */
Datum
lt_delete_webhook(PG_FUNCTION_ARGS)
{
	return statement_call(&delete_webhook, context_enter("webhooks:delete"), fcinfo);
}

/* SQL: lt_resume_webhook(webhook_id) */
Datum
lt_resume_webhook(PG_FUNCTION_ARGS)
{
	return statement_call(&resume_webhook, context_enter("webhooks:update"), fcinfo);
}

/* SQL: lt_redeliver(delivery_id) */
Datum
lt_redeliver(PG_FUNCTION_ARGS)
{
	return statement_call(&redeliver, context_enter("webhooks:update"), fcinfo);
}

/* SQL: lt_claim_deliveries(max_deliveries, lease_for) */
Datum
lt_claim_deliveries(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter_claim("messages:update");

	statement_connect();
	return statement_return_rows(fcinfo,
								 statement_execute_call(&claim_deliveries, workspace, fcinfo));
}

/* SQL: lt_finish_delivery(lease_id, delivery_id, status_code, error, milliseconds) */
Datum
lt_finish_delivery(PG_FUNCTION_ARGS)
{
	return statement_call(&finish_delivery, context_enter("messages:update"), fcinfo);
}

/* SQL: lt_next_delivery() */
Datum
lt_next_delivery(PG_FUNCTION_ARGS)
{
	return statement_call(&next_delivery, context_enter("messages:read"), fcinfo);
}

/* SQL: leadterra.delivery_id(outbox_id, number) */
Datum
lt_delivery_id(PG_FUNCTION_ARGS)
{
	int			number = PG_GETARG_INT32(1);
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	if (number < 0 || number > NUMBER_MAX)
		error_raise(ERROR_INVALID_REQUEST, "there is no delivery of the number %d", number);
	*id = *PG_GETARG_UUID_P(0);
	id->data[13] |= number >> 16;
	id->data[14] |= number >> 8 & 0xff;
	id->data[15] |= number & 0xff;
	PG_RETURN_UUID_P(id);
}

/* SQL: leadterra.delivery_outbox(delivery_id) */
Datum
lt_delivery_outbox(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	*id = *PG_GETARG_UUID_P(0);
	id->data[13] &= 0xf0;
	id->data[14] = id->data[15] = 0;
	PG_RETURN_UUID_P(id);
}

/* SQL: leadterra.delivery_number(delivery_id) */
Datum
lt_delivery_number(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *id = PG_GETARG_UUID_P(0);

	PG_RETURN_INT32((id->data[13] & 0x0f) << 16 | id->data[14] << 8 | id->data[15]);
}

/* SQL: leadterra.hmac_sha256(key, data) */
Datum
lt_hmac_sha256(PG_FUNCTION_ARGS)
{
	bytea	   *key = PG_GETARG_BYTEA_PP(0);
	bytea	   *data = PG_GETARG_BYTEA_PP(1);
	bytea	   *digest = palloc(VARHDRSZ + PG_SHA256_DIGEST_LENGTH);

	SET_VARSIZE(digest, VARHDRSZ + PG_SHA256_DIGEST_LENGTH);
	digest_hmac(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key),
				VARDATA_ANY(data), VARSIZE_ANY_EXHDR(data), (uint8 *) VARDATA(digest));
	PG_RETURN_BYTEA_P(digest);
}
