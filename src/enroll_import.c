/*
 * enroll_import.c
 *		Imports: making leads of rows, enrolling them, and what an import notes.
 *
 * An import reads a table of the caller's, and so runs as the caller: that part of it
 * is SQL.  These are the steps in between that write, for whom is found out here.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "storage/lmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "email.h"
#include "enroll.h"
#include "error.h"
#include "lead_cell.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_lock_start_of_imports);
PG_FUNCTION_INFO_V1(lt_lock_open_import);
PG_FUNCTION_INFO_V1(lt_insert_import);
PG_FUNCTION_INFO_V1(lt_count_import);
PG_FUNCTION_INFO_V1(lt_lock_import);
PG_FUNCTION_INFO_V1(lt_advance_import);
PG_FUNCTION_INFO_V1(lt_finish_import);
PG_FUNCTION_INFO_V1(lt_import_runs);
PG_FUNCTION_INFO_V1(lt_import_row);
PG_FUNCTION_INFO_V1(lt_import_report);

#define SCOPE "leads:create"

/* Columns of leadterra.import_report(). */
#define REPORT_COLUMNS 6

static Statement lock_open_import = STATEMENT(
	"SELECT leadterra.lock_open_import($1, $2, $3, $4, $5, $6)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTOID, OIDOID, JSONBOID, BOOLOID);

static Statement insert_import = STATEMENT(
	"INSERT INTO leadterra.imports AS i"
	" (workspace_id, campaign_id, source, source_file, mapping, repair)"
	" VALUES ($1, $2, $3, $4, $5, $6)"
	" RETURNING i",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, TEXTOID, OIDOID, JSONBOID, BOOLOID);

/* The statement of the client's, which is one until the import ends, tells whether it runs. */
static Statement count_import = STATEMENT(
	"UPDATE leadterra.imports i"
	" SET rows_total = rows_done + $3, updated_at = leadterra.clock(), run_rows = rows_done,"
	" run_at = leadterra.clock(), process = pg_backend_pid(), statement_at = statement_timestamp()"
	" WHERE workspace_id = $1 AND import_id = $2"
	" RETURNING i",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, INT8OID);

static Statement lock_import = STATEMENT(
	"SELECT leadterra.lock_import($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

static Statement advance_import = STATEMENT(
	"WITH rejects AS ("
	" INSERT INTO leadterra.import_rejects"
	" (workspace_id, import_id, row_number, reason, field, code, lead)"
	" SELECT $1, $2, (r ->> 'row_number')::bigint, r ->> 'reason',"
	" r ->> 'field', r ->> 'code', nullif(r -> 'lead', 'null')"
	" FROM jsonb_array_elements($7) r)"
	" UPDATE leadterra.imports i"
	" SET position = $3, position_xmin = $4,"
	" rows_done = rows_done + $5 + $6 + jsonb_array_length($7),"
	" enrolled = enrolled + $5, updated = updated + $6,"
	" rejected = rejected + jsonb_array_length($7),"
	" updated_at = leadterra.clock()"
	" WHERE workspace_id = $1 AND import_id = $2"
	" RETURNING i",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TIDOID, XIDOID, INT8OID, INT8OID, JSONBOID);

static Statement finish_import = STATEMENT(
	"SELECT leadterra.finish_import($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

static Statement import_runs = STATEMENT(
	"SELECT true"
	" FROM leadterra.imports i"
	" CROSS JOIN LATERAL pg_stat_get_activity(i.process) a"
	" WHERE i.workspace_id = $1 AND i.import_id = $2"
	" AND a.query_start = i.statement_at AND a.state = 'active'",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

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

/* SQL: leadterra.lock_open_import(campaign_id, source, source_file, mapping, repair) */
Datum
lt_lock_open_import(PG_FUNCTION_ARGS)
{
	return statement_call(&lock_open_import, context_enter(SCOPE), fcinfo);
}

/* SQL: leadterra.insert_import(campaign_id, source, source_file, mapping, repair) */
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

/* SQL: leadterra.import_runs(import_id) */
Datum
lt_import_runs(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("leads:read"), PG_GETARG_DATUM(0)};
	bool		runs;

	statement_connect();
	runs = statement_read(&import_runs, values) > 0;
	statement_finish();
	PG_RETURN_BOOL(runs);
}

/* SQL: leadterra.import_row(keys, cells) */
Datum
lt_import_row(PG_FUNCTION_ARGS)
{
	JsonbParseState *state = NULL;
	Datum	   *keys;
	Datum	   *cells;
	bool	   *nulls;
	int			nkeys;
	int			ncells;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false, TYPALIGN_INT,
					  &keys, NULL, &nkeys);
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), JSONBOID, -1, false, TYPALIGN_INT,
					  &cells, &nulls, &ncells);
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < Min(nkeys, ncells); i++)
	{
		JsonbValue	key = {.type = jbvString};
		JsonbValue	value;
		Jsonb	   *cell;

		if (nulls[i])
			continue;
		cell = DatumGetJsonbP(cells[i]);
		if (!JsonbExtractScalar(&cell->root, &value))
			JsonbToJsonbValue(cell, &value);
		if (value.type == jbvNull)
			continue;
		key.val.string.val = VARDATA_ANY(DatumGetPointer(keys[i]));
		key.val.string.len = VARSIZE_ANY_EXHDR(DatumGetPointer(keys[i]));
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * Says of each entry whether what it has is not to be kept: that of a suppressed
 * person.  The call looks nobody up whose entry is invalid.
 */
static bool *
find_suppressed(const EnrollCall *call)
{
	bool	   *suppressed = palloc0(sizeof(bool) * Max(call->nentries, 1));
	SuppressionCheck *checks = palloc0(sizeof(SuppressionCheck) * Max(call->nentries, 1));
	int		   *indexes = palloc(sizeof(int) * Max(call->nentries, 1));
	int			count = 0;

	for (int i = 0; i < call->nentries; i++)
	{
		const EnrollEntry *entry = &call->entries[i];
		LeadString	email;

		if (entry->candidate)
			suppressed[i] = entry->candidate->suppressed;
		else if (entry->email.data &&
				 lead_repair_email(entry->email.data, entry->email.length, &email))
		{
			checks[count] = (SuppressionCheck) {.email = email.data, .length = email.length};
			indexes[count++] = i;
		}
	}
	suppression_check(call->workspace, call->blocklist, checks, count);
	for (int i = 0; i < count; i++)
		suppressed[indexes[i]] = checks[i].suppressed;
	return suppressed;
}

/* Puts what became of a row into the result. */
static void
report_row(ReturnSetInfo *result, const EnrollEntry *entry, int index, const JsonbValue *lead)
{
	Datum		values[REPORT_COLUMNS];
	bool		nulls[REPORT_COLUMNS] = {false};
	bool		skipped = entry->outcome == ENROLL_SKIPPED;

	values[0] = Int32GetDatum(index);
	values[1] = BoolGetDatum(entry->outcome == ENROLL_ENROLLED);
	nulls[2] = nulls[4] = !skipped;
	nulls[3] = entry->field == NULL;
	nulls[5] = lead == NULL;
	if (!nulls[2])
		values[2] = CStringGetTextDatum(entry->reason);
	if (!nulls[3])
		values[3] = CStringGetTextDatum(entry->field);
	if (!nulls[4])
		values[4] = CStringGetTextDatum(entry->code ? entry->code : entry->reason);
	if (!nulls[5])
		values[5] = JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, lead)));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: leadterra.import_report(campaign_id, leads, repair) */
Datum
lt_import_report(PG_FUNCTION_ARGS)
{
	EnrollCall	call = {.mode = ENROLL_UPSERT, .format = LEAD_ROW, .skip_invalid = true};
	ReturnSetInfo *result = statement_begin_rows(fcinfo, REPORT_COLUMNS);
	JsonbContainer *leads;
	bool	   *suppressed;

	call.workspace = call.blocklist = context_enter(SCOPE);
	context_require_read_committed("importing");
	call.target = campaign_argument(fcinfo, 0);
	leads = enroll_leads_argument(fcinfo, 1);
	call.repair = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);

	statement_connect();
	call.running = campaign_keep(call.workspace, call.target) == CAMPAIGN_RUNNING;
	enroll_read(&call, leads);
	enroll_write(&call);
	suppressed = find_suppressed(&call);
	for (int i = 0; i < call.nentries; i++)
	{
		bool		shown = call.entries[i].outcome == ENROLL_SKIPPED && !suppressed[i];

		report_row(result, &call.entries[i], i,
				   shown ? getIthJsonbValueFromContainer(leads, i) : NULL);
	}
	statement_finish();
	return (Datum) 0;
}
