/*
 * statement.c
 *		Running the SQL of the extension through SPI.
 *
 * A statement is prepared once in a backend, with a generic plan, and the plan
 * is kept.  The plan cache revalidates it when a table changes: under the
 * search_path of that moment, so every SQL function that gets here is declared
 * with its own, and under the planner settings of statement_plan.c.
 *
 * Statements run as the owner of the extension, whoever calls: roles that make
 * calls need no rights on tables.  Who calls is found out before, by
 * context_enter(), in C that runs as the caller; every statement names the
 * workspace that this found.
 *
 * Results live in SPI memory: what is to outlive statement_finish() is copied.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/plannodes.h"
#include "storage/bufmgr.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/syscache.h"

#include "compat.h"
#include "statement.h"
#include "version.h"

/* The schema of the tables, whose owner statements run as. */
#define TABLE_SCHEMA "leadterra"

/* The path under which names in statements are looked up. */
#define SEARCH_PATH "pg_catalog, pg_temp"

/* Octets of a statement that the context of an error shows. */
#define TEXT_SHOWN 60

/* Who runs what comes next. */
typedef struct User
{
	Oid			id;
	int			context;		/* SECURITY_ flags */
	Oid			caller;
	const Statement *statement;
} User;

/*
 * Whose call a statement runs for, while one runs, and as whom.  A trigger that
 * somebody put on a table may make calls too: those are the caller's.
 */
static Oid	caller_id = InvalidOid;
static Oid	owner_id = InvalidOid;

/* Connects to SPI; statement_finish() ends it. */
void
statement_connect(void)
{
	version_require();
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

/* Ends the connection and frees all that was allocated in it. */
void
statement_finish(void)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

/*
 * Goes on as the owner of the tables, with a statement or NULL, and returns who it was
 * before, who has to come back by become_caller(), after an error too.  Nobody may
 * become another role meanwhile.
 *
 * The owner's rights must not reach code of the caller's, which a name in front of
 * ours would run: a function that was declared without the path is refused.
 */
static User
become_owner(const Statement *statement)
{
	User		before = {.caller = caller_id};
	HeapTuple	schema;

	if (strcmp(namespace_search_path, SEARCH_PATH) != 0)
		elog(ERROR, "a function that runs statements was declared without SET search_path = %s",
			 SEARCH_PATH);
	GetUserIdAndSecContext(&before.id, &before.context);
	schema = SearchSysCache1(NAMESPACENAME, CStringGetDatum(TABLE_SCHEMA));
	if (!HeapTupleIsValid(schema))
		elog(ERROR, "schema \"%s\" does not exist", TABLE_SCHEMA);
	caller_id = statement_caller();
	owner_id = ((Form_pg_namespace) GETSTRUCT(schema))->nspowner;
	ReleaseSysCache(schema);
	before.statement = statement_plan_next(statement);
	SetUserIdAndSecContext(owner_id, before.context | SECURITY_LOCAL_USERID_CHANGE);
	return before;
}

/* Goes on as who it was before become_owner(). */
static void
become_caller(const User *before)
{
	SetUserIdAndSecContext(before->id, before->context);
	caller_id = before->caller;
	(void) statement_plan_next(before->statement);
}

/* Returns the role that makes the call at hand. */
Oid
statement_caller(void)
{
	return OidIsValid(caller_id) && GetUserId() == owner_id ? caller_id : GetUserId();
}

/*
 * Returns the size of a table: 0 for what has no storage, such as a view, and
 * InvalidBlockNumber, which is larger than all, for one that is gone.
 */
static BlockNumber
table_blocks(Oid relid)
{
	Relation	relation = try_relation_open(relid, AccessShareLock);
	BlockNumber blocks = 0;

	if (relation == NULL)
		return InvalidBlockNumber;
	if (RELKIND_HAS_STORAGE(relation->rd_rel->relkind))
		blocks = RelationGetNumberOfBlocks(relation);
	relation_close(relation, AccessShareLock);
	return blocks;
}

/* Notes the tables of a new plan, unless it leaves the planner no choice. */
static void
note_tables(Statement *statement, SPIPlanPtr plan)
{
	CachedPlanSource *source = linitial(SPI_plan_get_plan_sources(plan));
	ListCell   *cell;

	statement->ntables = 0;
	if (statement->result == SPI_OK_INSERT && list_length(source->relationOids) == 1)
		return;
	foreach(cell, source->relationOids)
	{
		StatementTable *table = &statement->tables[statement->ntables];

		/* Rules and policies may add tables of their own; some will do. */
		if (statement->ntables == STATEMENT_MAX_TABLES)
			break;
		statement->ntables++;
		table->relation = lfirst_oid(cell);
		table->blocks = table_blocks(table->relation);
	}
}

/*
 * Says whether a plan was made for tables of half their size or less.  On
 * tables that are nearly empty every index with the workspace in front looks
 * alike to the planner, and the one it picks may read a whole workspace for
 * each row; nothing but an ANALYZE would tell the plan cache that they grew.
 */
static bool
has_outgrown_plan(const Statement *statement)
{
	for (int i = 0; i < statement->ntables; i++)
	{
		const StatementTable *table = &statement->tables[i];

		if (table_blocks(table->relation) > 2 * (uint64) table->blocks)
			return true;
	}
	return false;
}

/*
 * Prepares a statement at its first use, and when its tables have doubled.  A
 * plan that runs is kept: a trigger on a table may have made this call.
 */
static void
prepare(Statement *statement)
{
	SPIPlanPtr	plan;

	if (statement->plan)
	{
		if (statement->running > 0 || !has_outgrown_plan(statement))
			return;
		SPI_freeplan(statement->plan);
		statement->plan = NULL;
	}

	plan = SPI_prepare_cursor(statement->text, statement->nparameters, statement->types,
							  CURSOR_OPT_GENERIC_PLAN);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare failed: %s: %s",
			 SPI_result_code_string(SPI_result), statement->text);
	note_tables(statement, plan);
	if (SPI_keepplan(plan) != 0)
		elog(ERROR, "SPI_keepplan failed");
	statement->plan = plan;
}

/*
 * Says whether a statement that joins rows given by a function with a table goes
 * through the rows given one by one, and so in their order.  Which side a nested
 * loop begins with is the planner's choice where it takes both for a row or two.
 */
bool
statement_follows_rows(Statement *statement)
{
	User		before = become_owner(statement);
	CachedPlan *cached = NULL;
	const Plan *plan;

	PG_TRY();
	{
		prepare(statement);
		cached = SPI_plan_get_cached_plan(statement->plan);
	}
	PG_FINALLY();
	{
		become_caller(&before);
	}
	PG_END_TRY();
	if (cached == NULL)
		return false;
	plan = linitial_node(PlannedStmt, cached->stmt_list)->planTree;
	while (outerPlan(plan))
		plan = outerPlan(plan);
	ReleaseCachedPlan(cached, CurrentResourceOwner);
	return IsA(plan, FunctionScan);
}

/*
 * Goes on with the error at hand, of whose context the text of a statement would fill
 * a screen: the beginning of it will do.
 */
static void
rethrow(const Statement *statement, MemoryContext context)
{
	ErrorData  *error;
	const char *text;

	/* Where memory is short there is none for a copy. */
	if (geterrcode() == ERRCODE_OUT_OF_MEMORY || strlen(statement->text) <= TEXT_SHOWN)
		PG_RE_THROW();
	MemoryContextSwitchTo(context);
	error = CopyErrorData();
	text = error->context ? strstr(error->context, statement->text) : NULL;
	if (text == NULL)
		PG_RE_THROW();
	FlushErrorState();
	error->context = psprintf("%.*s...%s", (int) (text - error->context) + TEXT_SHOWN,
							  error->context, text + strlen(statement->text));
	ReThrowError(error);
}

/* Executes a statement and checks its result code. */
static uint64
execute(Statement *statement, const Datum *values, const bool *nulls, bool read_only)
{
	MemoryContext caller_context = CurrentMemoryContext;
	User		before = become_owner(statement);
	char		markers[STATEMENT_MAX_PARAMETERS];
	volatile int result = 0;
	volatile int running = 0;

	PG_TRY();
	{
		prepare(statement);
		for (int i = 0; i < statement->nparameters; i++)
			markers[i] = nulls && nulls[i] ? 'n' : ' ';
		running = 1;
		statement->running++;
		result = SPI_execute_plan(statement->plan, unconstify(Datum *, values), markers,
								  read_only, 0);
	}
	PG_CATCH();
	{
		statement->running -= running;
		become_caller(&before);
		rethrow(statement, caller_context);
	}
	PG_END_TRY();
	statement->running -= running;
	become_caller(&before);
	/* SPI leaves its own context behind, which lives until it is finished. */
	MemoryContextSwitchTo(caller_context);
	if (result != statement->result)
		elog(ERROR, "unexpected result %s: %s", SPI_result_code_string(result), statement->text);
	return SPI_processed;
}

/*
 * Runs a statement under a new snapshot, for functions declared VOLATILE.
 * nulls may be NULL where no parameter is null.  Returns the number of rows.
 */
uint64
statement_execute(Statement *statement, const Datum *values, const bool *nulls)
{
	return execute(statement, values, nulls, false);
}

/* Runs a SELECT under the caller's snapshot, for functions declared STABLE. */
uint64
statement_read(Statement *statement, const Datum *values)
{
	return execute(statement, values, NULL, true);
}

/* Starts a SELECT, under a new snapshot or that of the caller. */
static Portal
open_cursor(Statement *statement, const Datum *values, bool read_only)
{
	User		before = become_owner(statement);
	Portal		portal = NULL;

	PG_TRY();
	{
		prepare(statement);
		portal = SPI_cursor_open(NULL, statement->plan, unconstify(Datum *, values), NULL,
								 read_only);
	}
	PG_FINALLY();
	{
		become_caller(&before);
	}
	PG_END_TRY();
	if (portal == NULL)
		elog(ERROR, "SPI_cursor_open failed: %s", statement->text);
	return portal;
}

/*
 * Starts a SELECT whose rows are locked or read as they are fetched, by
 * statement_fetch(); SPI_cursor_close() ends it.
 */
Portal
statement_open(Statement *statement, const Datum *values)
{
	return open_cursor(statement, values, false);
}

/* The same under the caller's snapshot, for functions declared STABLE. */
Portal
statement_open_read(Statement *statement, const Datum *values)
{
	return open_cursor(statement, values, true);
}

/* Fetches up to a number of rows more, and returns how many these are. */
uint64
statement_fetch(Portal portal, int count)
{
	MemoryContext caller_context = CurrentMemoryContext;
	User		before = become_owner(NULL);

	PG_TRY();
	{
		SPI_cursor_fetch(portal, true, count);
	}
	PG_FINALLY();
	{
		become_caller(&before);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller_context);
	return SPI_processed;
}

/* Returns a column, from 1, of a row, from 0, of the last result. */
Datum
statement_value(uint64 row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

/* The same as a value that outlives SPI. */
Datum
statement_return(uint64 row, int column, bool *isnull)
{
	Form_pg_attribute attribute = TupleDescAttr(SPI_tuptable->tupdesc, column - 1);
	Datum		value = statement_value(row, column, isnull);

	return *isnull ? value : SPI_datumTransfer(value, attribute->attbyval, attribute->attlen);
}

/*
 * Executes a statement whose parameters are a workspace and the arguments of the SQL
 * function at hand.  Who calls was found out before: from there on the owner of the
 * extension acts.
 */
uint64
statement_execute_call(Statement *statement, Datum workspace, FunctionCallInfo fcinfo)
{
	Datum		values[STATEMENT_MAX_PARAMETERS] = {workspace};
	bool		nulls[STATEMENT_MAX_PARAMETERS] = {false};

	Assert(statement->nparameters == 1 + PG_NARGS());
	for (int i = 0; i < PG_NARGS(); i++)
	{
		values[1 + i] = fcinfo->args[i].value;
		nulls[1 + i] = PG_ARGISNULL(i);
	}
	return statement_execute(statement, values, nulls);
}

/* Does the same for a function that is nothing else; returns the one value, null without a row. */
Datum
statement_call(Statement *statement, Datum workspace, FunctionCallInfo fcinfo)
{
	Datum		result = (Datum) 0;
	bool		isnull = true;

	statement_connect();
	if (statement_execute_call(statement, workspace, fcinfo) > 0)
		result = statement_return(0, 1, &isnull);
	statement_finish();
	if (isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}

/* Returns all columns of a row, from 0, of the last result. */
void
statement_row(uint64 row, Datum *values, bool *nulls)
{
	heap_deform_tuple(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, values, nulls);
}

/*
 * Reads an array of values of one size without nulls, from 1 on, as a row of a table
 * has it: what was written by hand may have any form.  Returns the values, which
 * stand one behind the other, and their number; NULL for an array of another form.
 */
const void *
statement_elements(Datum array, int *count)
{
	ArrayType  *elements = DatumGetArrayTypeP(array);

	*count = ArrayGetNItems(ARR_NDIM(elements), ARR_DIMS(elements));
	if (ARR_NDIM(elements) > 1 || ARR_HASNULL(elements) ||
		(*count > 0 && ARR_LBOUND(elements)[0] != 1))
		return NULL;
	return ARR_DATA_PTR(elements);
}

/*
 * Begins the result of a SQL function that returns rows of so many columns; they are
 * put into it by tuplestore_putvalues().
 */
ReturnSetInfo *
statement_begin_rows(FunctionCallInfo fcinfo, int ncolumns)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	version_require_columns(result->setDesc, ncolumns);
	return result;
}

/* Returns the rows of the last result as those of the SQL function at hand, and leaves SPI. */
Datum
statement_return_rows(FunctionCallInfo fcinfo, uint64 found)
{
	ReturnSetInfo *result = statement_begin_rows(fcinfo, SPI_tuptable->tupdesc->natts);

	for (uint64 row = 0; row < found; row++)
		tuplestore_puttuple(result->setResult, SPI_tuptable->vals[row]);
	statement_finish();
	return (Datum) 0;
}

/*
 * Makes the composite result of a SQL function from its columns.  It outlives
 * SPI, which must be connected.
 */
Datum
statement_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls, int ncolumns)
{
	TupleDesc	tupdesc;
	HeapTuple	tuple;

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	version_require_columns(tupdesc, ncolumns);
	tuple = heap_form_tuple(tupdesc, values, nulls);
	return HeapTupleHeaderGetDatum(SPI_returntuple(tuple, tupdesc));
}

/*
 * Makes an array parameter.  Where every value is null the array itself is
 * null: unnest() beside other arrays then fills with nulls, for less.
 */
Datum
statement_array(Datum *values, bool *nulls, int count, Oid type, bool *isnull)
{
	int16		typlen;
	bool		typbyval;
	char		typalign;
	int			lower = 1;

	*isnull = nulls != NULL;
	for (int i = 0; i < count && *isnull; i++)
		*isnull = nulls[i];
	if (*isnull)
		return (Datum) 0;

	get_typlenbyvalalign(type, &typlen, &typbyval, &typalign);
	return PointerGetDatum(construct_md_array(values, nulls, 1, &count, &lower,
											  type, typlen, typbyval, typalign));
}

/*
 * Makes an array parameter of one member of each of many structs: where it is in
 * the first, and how far apart they are.
 */
Datum
statement_uuids(const pg_uuid_t *first, Size stride, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));
	Datum		array;
	bool		isnull;

	for (int i = 0; i < count; i++)
		values[i] = PointerGetDatum((const char *) first + i * stride);
	array = statement_array(values, NULL, count, UUIDOID, &isnull);
	pfree(values);
	return array;
}

/* The same of integers that are small ones in SQL. */
Datum
statement_smallints(const int *first, Size stride, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(count, 1));
	Datum		array;
	bool		isnull;

	for (int i = 0; i < count; i++)
		values[i] = Int16GetDatum(*(const int *) ((const char *) first + i * stride));
	array = statement_array(values, NULL, count, INT2OID, &isnull);
	pfree(values);
	return array;
}
