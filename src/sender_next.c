/*
 * sender_next.c
 *		Who goes on with what a sender began: itself, or who took over from it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "compat.h"
#include "sender.h"
#include "statement.h"

/* Whoever deletes it moves what waits for it, and is waited for. */
static Statement keep_sender = STATEMENT(
	"SELECT deleted_at IS NULL FROM leadterra.senders"
	" WHERE workspace_id = $1 AND sender_id = $2"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_heir = STATEMENT(
	"SELECT coalesce(leadterra.sender_heir($1, $2), leadterra.nobody())",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * Keeps a sender from being deleted that goes on with messages.  If it is deleted, that is
 * its heir, and where there is none anybody: all zeros.  Runs in SPI.
 */
void
sender_keep_next(Datum workspace, pg_uuid_t *sender_id)
{
	static const pg_uuid_t nobody;
	Datum		values[] = {workspace, UUIDPGetDatum(sender_id)};
	bool		isnull;

	while (memcmp(sender_id, &nobody, UUID_LEN) != 0 &&
		   !(statement_execute(&keep_sender, values, NULL) > 0 &&
			 DatumGetBool(statement_value(0, 1, &isnull))))
	{
		statement_execute(&find_heir, values, NULL);
		*sender_id = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	}
}
