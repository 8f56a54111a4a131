/*
 * sender_pool.c
 *		Calls on pools of senders.
 *
 * Who is in which pool is changed by one session at a time in a workspace.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/uuid.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_create_pool);
PG_FUNCTION_INFO_V1(lt_rename_pool);
PG_FUNCTION_INFO_V1(lt_set_pool_senders);
PG_FUNCTION_INFO_V1(lt_delete_pool);

static Statement insert_pool = STATEMENT(
	"INSERT INTO leadterra.pools (workspace_id, pool_id, name)"
	" VALUES ($1, $2, $3)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID);

static Statement rename_pool = STATEMENT(
	"UPDATE leadterra.pools SET name = $3"
	" WHERE workspace_id = $1 AND pool_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TEXTOID);

static Statement set_senders = STATEMENT(
	"SELECT leadterra.set_pool_senders($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID);

static Statement delete_pool = STATEMENT(
	"SELECT leadterra.delete_pool($1, $2)",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* SQL: lt_create_pool(name) */
Datum
lt_create_pool(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		values[] = {context_enter("senders:create"), UUIDPGetDatum(id),
	error_name_argument(fcinfo, 0, "pool")};

	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	statement_execute(&insert_pool, values, NULL);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_rename_pool(pool_id, name) */
Datum
lt_rename_pool(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter("senders:update")};

	error_if_null(0, "pool_id");
	values[1] = PG_GETARG_DATUM(0);
	values[2] = error_name_argument(fcinfo, 1, "pool");
	statement_connect();
	if (statement_execute(&rename_pool, values, NULL) == 0)
		error_raise(ERROR_POOL_NOT_FOUND, "pool \"%s\" does not exist", error_uuid(values[1]));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_set_pool_senders(pool_id, sender_ids) */
Datum
lt_set_pool_senders(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("senders:update");

	statement_connect();
	statement_execute_call(&set_senders, workspace, fcinfo);
	queue_notify();
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_pool(pool_id) */
Datum
lt_delete_pool(PG_FUNCTION_ARGS)
{
	return statement_call(&delete_pool, context_enter("senders:delete"), fcinfo);
}
