/*
 * event.c
 *		What became of messages that were sent: the table of events.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "event.h"
#include "statement.h"
#include "uuid7.h"

/* A message may be replied to several times, and bounce softly and then hard. */
static Statement insert_event = STATEMENT(
	"INSERT INTO leadterra.events (workspace_id, campaign_id, type, message_id, digest, event_id,"
	" lead_id, data, created_at)"
	" VALUES ($1, $2, $3, $4, CASE $3"
	" WHEN 'replied' THEN encode(sha256(convert_to($7::text, 'UTF8')), 'hex')"
	" WHEN 'bounced' THEN $7 ->> 'bounceType' ELSE '' END, $5, $6, $7, $8)"
	" ON CONFLICT DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID, UUIDOID, UUIDOID, UUIDOID, JSONBOID, TIMESTAMPTZOID);

/* Keeps an event; false if it is known.  Runs in SPI. */
bool
event_insert(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
			 const pg_uuid_t *lead_id, const char *type, Jsonb *data)
{
	pg_uuid_t	event_id;
	Datum		values[] = {workspace, campaign, CStringGetTextDatum(type), UUIDPGetDatum(message_id),
		UUIDPGetDatum(&event_id), UUIDPGetDatum(lead_id), JsonbPGetDatum(data),
	TimestampTzGetDatum(context_clock())};

	uuid7_generate(&event_id);
	return statement_execute(&insert_event, values, NULL) > 0;
}
