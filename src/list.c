/*
 * list.c
 *		Lists of leads.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/uuid.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "list.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_create_list);
PG_FUNCTION_INFO_V1(lt_rename_list);
PG_FUNCTION_INFO_V1(lt_delete_list);
PG_FUNCTION_INFO_V1(lt_remove_from_list);
PG_FUNCTION_INFO_V1(lt_enter_list);
PG_FUNCTION_INFO_V1(lt_keep_list);

static Statement insert_list = STATEMENT(
	"INSERT INTO leadterra.lists (workspace_id, list_id, name)"
	" VALUES ($1, $2, $3)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID);

static Statement find_list = STATEMENT(
	"SELECT FROM leadterra.lists"
	" WHERE workspace_id = $1 AND list_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement keep_list = STATEMENT(
	"SELECT FROM leadterra.lists"
	" WHERE workspace_id = $1 AND list_id = $2"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement rename_list = STATEMENT(
	"UPDATE leadterra.lists SET name = $3"
	" WHERE workspace_id = $1 AND list_id = $2",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, TEXTOID);

static Statement delete_list = STATEMENT(
	"DELETE FROM leadterra.lists"
	" WHERE workspace_id = $1 AND list_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* Leads of this transaction are seen by nobody else: adding them meets no conflict. */
static Statement insert_created = STATEMENT(
	"INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)"
	" SELECT $1, $2, u.lead_id"
	" FROM unnest($3) AS u (lead_id)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDARRAYOID);

static Statement insert_known = STATEMENT(
	"INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)"
	" SELECT $1, $2, u.lead_id"
	" FROM unnest($3) AS u (lead_id)"
	" ON CONFLICT (workspace_id, list_id, lead_id) DO NOTHING"
	" RETURNING lead_id",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, UUIDARRAYOID);

/*
 * Locked in the order of ids, one by one by index whatever the planner thinks.
 * Rows to delete are joined by their keys alone: with a parameter in place of the
 * list, the planner may take the list for a row, and compare all of it with each.
 */
static Statement delete_members = STATEMENT(
	"WITH doomed AS ("
	" SELECT m.workspace_id, m.list_id, m.lead_id"
	" FROM (SELECT DISTINCT lead_id FROM unnest($3) AS u (lead_id) ORDER BY lead_id) u"
	" CROSS JOIN LATERAL ("
	" SELECT m.workspace_id, m.list_id, m.lead_id FROM leadterra.list_members m"
	" WHERE m.workspace_id = $1 AND m.list_id = $2 AND m.lead_id = u.lead_id"
	" FOR UPDATE) m)"
	" DELETE FROM leadterra.list_members m"
	" USING doomed d"
	" WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id AND m.lead_id = d.lead_id",
	SPI_OK_DELETE, UUIDOID, UUIDOID, UUIDARRAYOID);

/* Raises the error for an id that is no list of the current workspace. */
static void
raise_not_found(Datum list)
{
	error_raise(ERROR_LIST_NOT_FOUND, "list \"%s\" does not exist", error_uuid(list));
}

/* Keeps a list from being deleted; raises PT404 if there is none.  Runs in SPI. */
void
list_keep(Datum workspace, Datum list)
{
	Datum		values[] = {workspace, list};

	if (statement_execute(&keep_list, values, NULL) == 0)
		raise_not_found(list);
}

/* Puts leads, a uuid[], that this transaction has made on a list.  Runs in SPI. */
void
list_insert_created(Datum workspace, Datum list, Datum lead_ids)
{
	Datum		values[] = {workspace, list, lead_ids};

	statement_execute(&insert_created, values, NULL);
}

/*
 * Puts leads, a uuid[] in order, on a list, and returns how many; the result has their
 * ids.  The others were on it before.  Runs in SPI.
 */
uint64
list_insert_known(Datum workspace, Datum list, Datum lead_ids)
{
	Datum		values[] = {workspace, list, lead_ids};

	return statement_execute(&insert_known, values, NULL);
}

/* SQL: lt_create_list(name) */
Datum
lt_create_list(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		values[] = {context_enter("lists:create"), UUIDPGetDatum(id),
	error_name_argument(fcinfo, 0, "list")};

	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	statement_execute(&insert_list, values, NULL);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* Returns an argument of a function, from 0, which names a list. */
static Datum
list_argument(FunctionCallInfo fcinfo, int number)
{
	error_if_null(number, "list_id");
	return PG_GETARG_DATUM(number);
}

/* SQL: lt_rename_list(list_id, name) */
Datum
lt_rename_list(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter("lists:update"), list_argument(fcinfo, 0)};

	values[2] = error_name_argument(fcinfo, 1, "list");
	statement_connect();
	if (statement_execute(&rename_list, values, NULL) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_list(list_id) */
Datum
lt_delete_list(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("lists:delete"), list_argument(fcinfo, 0)};

	statement_connect();
	if (statement_execute(&delete_list, values, NULL) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_remove_from_list(list_id, lead_ids) */
Datum
lt_remove_from_list(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter("lists:update"), list_argument(fcinfo, 0)};
	ArrayType  *lead_ids;
	uint64		removed;

	error_if_null(1, "lead_ids");
	lead_ids = PG_GETARG_ARRAYTYPE_P(1);
	error_limit_entries("lead_ids", ArrayGetNItems(ARR_NDIM(lead_ids), ARR_DIMS(lead_ids)));
	values[2] = PointerGetDatum(lead_ids);
	statement_connect();
	list_keep(values[0], values[1]);
	removed = statement_execute(&delete_members, values, NULL);
	statement_finish();
	PG_RETURN_INT32((int32) removed);
}

/* SQL: leadterra.enter_list(scope, list_id) */
Datum
lt_enter_list(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {context_enter_argument(fcinfo)};

	values[1] = list_argument(fcinfo, 1);
	statement_connect();
	if (statement_read(&find_list, values) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_DATUM(values[1]);
}

/* SQL: leadterra.keep_list(workspace, list_id) */
Datum
lt_keep_list(PG_FUNCTION_ARGS)
{
	Datum		list = list_argument(fcinfo, 1);

	statement_connect();
	list_keep(PG_GETARG_DATUM(0), list);
	statement_finish();
	PG_RETURN_VOID();
}
