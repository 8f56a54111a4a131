/*
 * lead_limit.c
 *		How many leads a workspace may have.
 *
 * A workspace with a limit has a row, with a counter of its leads.  A call that makes
 * leads adds them to it when all else is written but a job and the names of a campaign's
 * custom fields, in this order: until it commits, the others wait there.  Deleting
 * leads takes them off, last.
 *
 * The counter of a new limit is null, and is set by counting.  What looked for the limit
 * before it was there adds nothing to the counter, so that a count is kept only once all
 * of it has ended; until then each call counts.  It had a transaction id by then, for the
 * leads that it made or deleted: below the mark, the next id to be given out when the
 * first call saw the limit.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/xid8.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "lead.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_set_lead_limit);

/* Leads that a workspace may be said to have: what was written by hand must not overflow. */
#define COUNT_MAX (PG_INT64_MAX / 2)

/* Without a limit this is all that a call pays. */
static Statement find_limit = STATEMENT(
	"SELECT lead_limit, lead_count FROM leadterra.lead_limits"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement lock_limit = STATEMENT(
	"SELECT lead_limit, lead_count FROM leadterra.lead_limits"
	" WHERE workspace_id = $1"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID);

/* A trigger takes the count away where there was a limit. */
static Statement set_limit = STATEMENT(
	"INSERT INTO leadterra.lead_limits (workspace_id, lead_limit)"
	" VALUES ($1, $2)"
	" ON CONFLICT (workspace_id) DO UPDATE SET lead_limit = excluded.lead_limit",
	SPI_OK_INSERT, UUIDOID, INT8OID);

static Statement remove_limit = STATEMENT(
	"DELETE FROM leadterra.lead_limits"
	" WHERE workspace_id = $1",
	SPI_OK_DELETE, UUIDOID);

/* One snapshot says which leads there are and which transactions have ended. */
static Statement count_leads = STATEMENT(
	"SELECT count(*), pg_snapshot_xmin(pg_current_snapshot()) FROM leadterra.leads"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement add_to_count = STATEMENT(
	"UPDATE leadterra.lead_limits SET lead_count = $2"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID, INT8OID);

/* The mark is a transaction id; one of another cluster may not have come yet. */
static Statement set_count = STATEMENT(
	"UPDATE leadterra.lead_limits SET"
	" lead_count = CASE WHEN count_mark <= $3 THEN $2 END,"
	" count_mark = CASE WHEN count_mark <= $4 THEN count_mark ELSE $4 END"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID, INT8OID, XID8OID, XID8OID);

/* Counts the leads of a workspace; all transactions before the oldest have ended. */
static int64
count_all(Datum workspace, Datum *oldest)
{
	Datum		columns[2];
	bool		nulls[2];

	statement_execute(&count_leads, &workspace, NULL);
	statement_row(0, columns, nulls);
	*oldest = columns[1];
	return DatumGetInt64(columns[0]);
}

/* Raises PT402 for a number of new leads, which are more than there is room for. */
static void
raise_full(int64 created, int64 room)
{
	room = Max(room, 0);
	ereport(ERROR,
			(errcode(error_sqlstate(ERROR_PLAN_LIMIT)),
			 errmsg_internal("the plan has room for %lld more leads, not for %lld",
							 (long long) room, (long long) created),
			 errdetail_internal("%s", error_number_detail(ERROR_PLAN_LIMIT, "remaining", room))));
}

/*
 * Counts leads that a call has made in a workspace, or would make, and raises
 * PT402 if they pass its limit.  Returns false if there is no limit, and otherwise
 * how many leads more there may be.  Runs in SPI.
 */
bool
lead_limit(Datum workspace, int64 created, bool dry_run, int64 *remaining)
{
	Datum		values[4] = {workspace};
	Datum		columns[2];
	bool		nulls[2];
	bool		adds = created > 0 && !dry_run;
	int64		before;

	do
	{
		if (statement_execute(&find_limit, values, NULL) == 0)
			return false;
		/* One that was taken away meanwhile may have been set again. */
	} while (adds && statement_execute(&lock_limit, values, NULL) == 0);
	statement_row(0, columns, nulls);
	before = nulls[1] ? count_all(workspace, &values[2]) - (adds ? created : 0) :
		Max(0, Min(DatumGetInt64(columns[1]), COUNT_MAX));
	*remaining = DatumGetInt64(columns[0]) - before - created;
	if (*remaining < 0 && created > 0)
		raise_full(created, *remaining + created);
	*remaining = Max(*remaining, 0);
	if (adds)
	{
		values[1] = Int64GetDatum(before + created);
		values[3] = FullTransactionIdGetDatum(ReadNextFullTransactionId());
		statement_execute(nulls[1] ? &set_count : &add_to_count, values, NULL);
	}
	return true;
}

/* SQL: lt_set_lead_limit(lead_limit) */
Datum
lt_set_lead_limit(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {context_workspace()};

	context_require_open(DatumGetUUIDP(values[0]), CONTEXT_WRITES);
	if (!PG_ARGISNULL(0) && PG_GETARG_INT64(0) < 0)
		error_raise(ERROR_INVALID_REQUEST, "argument \"lead_limit\" must be from 0, not %lld",
					(long long) PG_GETARG_INT64(0));
	statement_connect();
	context_ensure_workspace();
	if (PG_ARGISNULL(0))
		statement_execute(&remove_limit, values, NULL);
	else
	{
		values[1] = PG_GETARG_DATUM(0);
		statement_execute(&set_limit, values, NULL);
	}
	statement_finish();
	PG_RETURN_VOID();
}
