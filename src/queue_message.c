/*
 * queue_message.c
 *		What a message is about, by its id.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_enter_message);

/* Columns of what these statements and lt_enter_message return. */
#define MESSAGE_COLUMNS 5

/* The message at a position of a batch, which one that was written by hand may have no lead at. */
#define MESSAGE_AT_POSITION \
	"SELECT campaign_id, step::integer, batch_id, $3, lead_ids[$3] FROM leadterra.batches" \
	" WHERE workspace_id = $1 AND batch_id = $2 AND $3 <= size AND lead_ids[$3] IS NOT NULL"

static Statement find_message = STATEMENT(
	MESSAGE_AT_POSITION,
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID);

static Statement keep_message = STATEMENT(
	MESSAGE_AT_POSITION
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID);

/*
 * Reads the row that a statement has of a message, under the caller's snapshot if stable;
 * false if there is none.
 */
static bool
read_row(Statement *statement, bool stable, Datum workspace, const pg_uuid_t *message_id,
		 Datum *found, bool *nulls)
{
	int			position;
	pg_uuid_t	batch_id = queue_message_batch(message_id, &position);
	Datum		key[] = {workspace, UUIDPGetDatum(&batch_id), Int32GetDatum(position)};

	if ((stable ? statement_read(statement, key) : statement_execute(statement, key, NULL)) == 0)
		return false;
	statement_row(0, found, nulls);
	return true;
}

/* Reads the campaign and the lead of the message that a statement looks for; false if none. */
static bool
read_message(Statement *statement, Datum workspace, const pg_uuid_t *message_id,
			 pg_uuid_t *campaign, pg_uuid_t *lead_id)
{
	Datum		found[MESSAGE_COLUMNS];
	bool		nulls[MESSAGE_COLUMNS];

	if (!read_row(statement, false, workspace, message_id, found, nulls))
		return false;
	*campaign = *DatumGetUUIDP(found[0]);
	*lead_id = *DatumGetUUIDP(found[MESSAGE_COLUMNS - 1]);
	return true;
}

/* Finds the campaign and the lead of a message; false if there is none.  Runs in SPI. */
bool
queue_find_message(Datum workspace, const pg_uuid_t *message_id,
				   pg_uuid_t *campaign, pg_uuid_t *lead_id)
{
	return read_message(&find_message, workspace, message_id, campaign, lead_id);
}

/* The same, and keeps its batch from being removed.  Runs in SPI. */
bool
queue_keep_message(Datum workspace, const pg_uuid_t *message_id,
				   pg_uuid_t *campaign, pg_uuid_t *lead_id)
{
	return read_message(&keep_message, workspace, message_id, campaign, lead_id);
}

/* SQL: leadterra.enter_message(scope, message_id) */
Datum
lt_enter_message(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter_argument(fcinfo);
	pg_uuid_t  *message_id;
	Datum		found[MESSAGE_COLUMNS];
	bool		nulls[MESSAGE_COLUMNS];
	Datum		result;

	error_if_null(1, "message_id");
	message_id = PG_GETARG_UUID_P(1);
	statement_connect();
	if (!read_row(&find_message, true, workspace, message_id, found, nulls))
		error_raise(ERROR_MESSAGE_NOT_FOUND, "message \"%s\" does not exist",
					error_uuid(UUIDPGetDatum(message_id)));
	result = statement_result(fcinfo, found, nulls, MESSAGE_COLUMNS);
	statement_finish();
	return result;
}
