/*
 * lead_limit.c
 *		How many leads a workspace may have.
 *
 * A workspace with a limit has a counter of its leads.  A call that makes leads
 * adds them to it when all else is written but a job and the names of a campaign's
 * custom fields, in this order: until it commits, the others wait there.  Deleting
 * leads takes them off, last.
 *
 * The counter is null until there is a limit, and is set by counting.  What looked
 * for the limit before it was there adds nothing to the counter, so that a count
 * is kept only once all of it has ended; until then each call counts.  It had a
 * transaction id by then, for the leads that it made or deleted: below the mark,
 * the next id to be given out when the first call saw the limit.
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type.h"
#include "utils/xid8.h"

#include "compat.h"
#include "error.h"
#include "lead.h"
#include "statement.h"

/* Leads that a workspace may be said to have: what was written by hand must not overflow. */
#define COUNT_MAX (PG_INT64_MAX / 2)

/* Without a limit this is all that a call pays. */
static Statement find_limit = STATEMENT(
	"SELECT lead_limit, lead_count FROM leadterra.workspaces"
	" WHERE workspace_id = $1 AND lead_limit IS NOT NULL",
	SPI_OK_SELECT, UUIDOID);

static Statement lock_limit = STATEMENT(
	"SELECT lead_limit, lead_count FROM leadterra.workspaces"
	" WHERE workspace_id = $1 AND lead_limit IS NOT NULL"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID);

/* One snapshot says which leads there are and which transactions have ended. */
static Statement count_leads = STATEMENT(
	"SELECT count(*), pg_snapshot_xmin(pg_current_snapshot()) FROM leadterra.leads"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement add_to_count = STATEMENT(
	"UPDATE leadterra.workspaces SET lead_count = $2"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID, INT8OID);

/* The mark is a transaction id; one of another cluster may not have come yet. */
static Statement set_count = STATEMENT(
	"UPDATE leadterra.workspaces SET"
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

	if (statement_execute(&find_limit, values, NULL) == 0 ||
		(adds && statement_execute(&lock_limit, values, NULL) == 0))
		return false;
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
