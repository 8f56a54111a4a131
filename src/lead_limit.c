/*
 * lead_limit.c
 *		How many leads a workspace may have.
 *
 * A workspace with a limit has a counter of its leads.  A call that makes leads
 * adds them to it as the last thing that it does: until it commits, the others
 * wait there, and nowhere else.  Deleting leads takes them off, last too.
 *
 * The counter is null until there is a limit, and is set by counting.  What was
 * running before the limit was there adds nothing to the counter, so that a count
 * is kept only once all of it has ended; until then each call counts.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "compat.h"
#include "error.h"
#include "lead.h"
#include "statement.h"

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

static Statement count_leads = STATEMENT(
	"SELECT count(*) FROM leadterra.leads"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement add_to_count = STATEMENT(
	"UPDATE leadterra.workspaces SET lead_count = $2"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID, INT8OID);

/* The mark is a transaction id; one of another cluster may not have come yet. */
static Statement set_count = STATEMENT(
	"UPDATE leadterra.workspaces SET"
	" lead_count = CASE WHEN count_mark <= pg_snapshot_xmin(pg_current_snapshot()) THEN $2 END,"
	" count_mark = CASE WHEN count_mark <= pg_snapshot_xmax(pg_current_snapshot()) THEN count_mark"
	" ELSE pg_snapshot_xmax(pg_current_snapshot()) END"
	" WHERE workspace_id = $1",
	SPI_OK_UPDATE, UUIDOID, INT8OID);

static int64
count_all(Datum workspace)
{
	bool		isnull;

	statement_execute(&count_leads, &workspace, NULL);
	return DatumGetInt64(statement_value(0, 1, &isnull));
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
	Datum		values[2] = {workspace};
	Datum		columns[2];
	bool		nulls[2];
	bool		adds = created > 0 && !dry_run;
	int64		before;

	if (statement_execute(&find_limit, values, NULL) == 0 ||
		(adds && statement_execute(&lock_limit, values, NULL) == 0))
		return false;
	statement_row(0, columns, nulls);
	before = nulls[1] ? count_all(workspace) - (adds ? created : 0) : DatumGetInt64(columns[1]);
	*remaining = DatumGetInt64(columns[0]) - before - created;
	if (*remaining < 0 && created > 0)
		raise_full(created, *remaining + created);
	*remaining = Max(*remaining, 0);
	if (adds)
	{
		values[1] = Int64GetDatum(before + created);
		statement_execute(nulls[1] ? &set_count : &add_to_count, values, NULL);
	}
	return true;
}
