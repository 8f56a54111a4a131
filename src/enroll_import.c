/*
 * enroll_import.c
 *		What an import notes: whose it is is found out here, and the rest is SQL.
 *
 * An import reads a table of the caller's, and so runs as the caller.  These are
 * the steps in between that write.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "storage/lmgr.h"

#include "compat.h"
#include "context.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_lock_start_of_imports);
PG_FUNCTION_INFO_V1(lt_lock_open_import);
PG_FUNCTION_INFO_V1(lt_insert_import);
PG_FUNCTION_INFO_V1(lt_count_import);
PG_FUNCTION_INFO_V1(lt_lock_import);
PG_FUNCTION_INFO_V1(lt_advance_import);
PG_FUNCTION_INFO_V1(lt_finish_import);

#define SCOPE "leads:create"

static Statement lock_open_import = STATEMENT(
	"SELECT leadterra.lock_open_import($1, $2, $3, $4, $5)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTOID, OIDOID, JSONBOID);

static Statement insert_import = STATEMENT(
	"INSERT INTO leadterra.imports AS i (workspace_id, campaign_id, source, source_file, mapping)"
	" VALUES ($1, $2, $3, $4, $5)"
	" RETURNING i",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, TEXTOID, OIDOID, JSONBOID);

static Statement count_import = STATEMENT(
	"UPDATE leadterra.imports i SET rows_total = rows_done + $3, updated_at = leadterra.clock()"
	" WHERE workspace_id = $1 AND import_id = $2"
	" RETURNING i",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, INT8OID);

static Statement lock_import = STATEMENT(
	"SELECT leadterra.lock_import($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

static Statement advance_import = STATEMENT(
	"WITH rejects AS ("
	" INSERT INTO leadterra.import_rejects (workspace_id, import_id, row_number, reason, lead)"
	" SELECT $1, $2, (r ->> 'row_number')::bigint, r ->> 'reason', nullif(r -> 'lead', 'null')"
	" FROM jsonb_array_elements($7) r)"
	" UPDATE leadterra.imports i"
	" SET position = $3, position_xmin = $4, rows_done = rows_done + $5 + $6 + jsonb_array_length($7),"
	" enrolled = enrolled + $5, updated = updated + $6, rejected = rejected + jsonb_array_length($7),"
	" updated_at = leadterra.clock()"
	" WHERE workspace_id = $1 AND import_id = $2"
	" RETURNING i",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TIDOID, XIDOID, INT8OID, INT8OID, JSONBOID);

static Statement finish_import = STATEMENT(
	"SELECT leadterra.finish_import($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

/*
 * SQL: leadterra.lock_start_of_imports(workspace, campaign_id)
 *
 * The lock is none that SQL can take: an advisory lock would let everybody who may
 * log in stop everybody's imports.
 */
Datum
lt_lock_start_of_imports(PG_FUNCTION_ARGS)
{
	uint64		hash = hash_bytes_extended(PG_GETARG_UUID_P(1)->data, UUID_LEN, 0);

	LockDatabaseObject(UUIDOID, (Oid) hash, (uint16) (hash >> 32), ExclusiveLock);
	PG_RETURN_VOID();
}

/* SQL: leadterra.lock_open_import(campaign_id, source, source_file, mapping) */
Datum
lt_lock_open_import(PG_FUNCTION_ARGS)
{
	return statement_call(&lock_open_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.insert_import(campaign_id, source, source_file, mapping) */
Datum
lt_insert_import(PG_FUNCTION_ARGS)
{
	return statement_call(&insert_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.count_import(import_id, rows) */
Datum
lt_count_import(PG_FUNCTION_ARGS)
{
	return statement_call(&count_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.lock_import(campaign_id, import_id) */
Datum
lt_lock_import(PG_FUNCTION_ARGS)
{
	return statement_call(&lock_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.advance_import(import_id, chunk_end, last_xmin, enrolled, updated, rejects) */
Datum
lt_advance_import(PG_FUNCTION_ARGS)
{
	return statement_call(&advance_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.finish_import(campaign_id, import_id) */
Datum
lt_finish_import(PG_FUNCTION_ARGS)
{
	return statement_call(&finish_import, context_enter(SCOPE), fcinfo);
}
