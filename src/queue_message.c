/*
 * queue_message.c
 *		What a message is about, by its id.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "compat.h"
#include "queue.h"
#include "statement.h"

static Statement keep_batch = STATEMENT(
	"SELECT campaign_id, lead_ids[$3] FROM leadterra.batches"
	" WHERE workspace_id = $1 AND batch_id = $2 AND $3 <= size"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID);

/*
 * Finds the campaign and the lead of a message, and keeps its batch from being removed;
 * false if there is none.  A batch that was written by hand may have no lead there.
 * Runs in SPI.
 */
bool
queue_keep_message(Datum workspace, const pg_uuid_t *message_id, pg_uuid_t *campaign, pg_uuid_t *lead_id)
{
	int			position;
	pg_uuid_t	batch_id = queue_message_batch(message_id, &position);
	Datum		key[] = {workspace, UUIDPGetDatum(&batch_id), Int32GetDatum(position)};
	Datum		found[2];
	bool		nulls[2];

	if (statement_execute(&keep_batch, key, NULL) == 0)
		return false;
	statement_row(0, found, nulls);
	if (nulls[1])
		return false;
	*campaign = *DatumGetUUIDP(found[0]);
	*lead_id = *DatumGetUUIDP(found[1]);
	return true;
}
