/*
 * queue.c
 *		The queue: batches of leads that wait at the same step.
 *
 * A batch is one row with an array of lead ids, written once; a message is a
 * position in it.  See sql/50_queue.sql for the layout.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "error.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_message_id);

static Statement insert_batch = STATEMENT(
	"INSERT INTO leadterra.batches (workspace_id, batch_id, campaign_id, step, size, lead_ids)"
	" VALUES ($1, $2, $3, $4, $5, $6)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDOID, INT2OID, INT2OID, UUIDARRAYOID);

/* Makes the id of a batch: its low ten bits are zero. */
static void
make_batch_id(pg_uuid_t *id)
{
	uuid7_generate(id);
	id->data[14] &= 0xfc;
	id->data[15] = 0;
}

/*
 * Queues a step of a campaign for leads, from now on, in the order given.
 * Runs in SPI.
 */
void
queue_enqueue(Datum workspace, Datum campaign, int step, const pg_uuid_t *lead_ids, int count)
{
	Datum		elements[QUEUE_BATCH_MAX];

	for (int start = 0; start < count; start += QUEUE_BATCH_MAX)
	{
		int			size = Min(count - start, QUEUE_BATCH_MAX);
		pg_uuid_t	batch_id;
		Datum		values[6] = {workspace, UUIDPGetDatum(&batch_id), campaign,
		Int16GetDatum(step), Int16GetDatum(size)};
		bool		isnull;

		make_batch_id(&batch_id);
		for (int i = 0; i < size; i++)
			elements[i] = UUIDPGetDatum(&lead_ids[start + i]);
		values[5] = statement_array(elements, NULL, size, UUIDOID, &isnull);
		statement_execute(&insert_batch, values, NULL);
		pfree(DatumGetPointer(values[5]));
	}
}

/* SQL: leadterra.message_id(batch_id, position) */
Datum
lt_message_id(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *batch_id = PG_GETARG_UUID_P(0);
	int64		position = PG_GETARG_INT64(1);
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));

	if (position < 1 || position > QUEUE_BATCH_MAX)
		error_raise(ERROR_INVALID_REQUEST, "a batch has no position " INT64_FORMAT, position);

	*id = *batch_id;
	id->data[14] |= (position - 1) >> 8;
	id->data[15] |= (position - 1) & 0xff;
	PG_RETURN_UUID_P(id);
}
