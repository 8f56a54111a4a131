/*
 * context_close.c
 *		Workspaces that are closed: while they move, and once they are deleted.
 *
 * Nothing locks a workspace that is open.  Who closes one commits, and then waits until
 * every transaction has ended that may have begun before: those that begin later look
 * here, with a snapshot that sees it.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "compat.h"
#include "context.h"
#include "error.h"

PG_FUNCTION_INFO_V1(lt_is_open);
PG_FUNCTION_INFO_V1(lt_require_open);
PG_FUNCTION_INFO_V1(lt_wait_for_transactions);

/* Columns of leadterra.closed_workspaces. */
#define WORKSPACE_ID 1
#define STATE 2

/* How much a workspace is closed; what is closed to one is closed to all above. */
typedef enum Closed
{
	CLOSED_NOT,
	CLOSED_DRAINING,
	CLOSED_CLOSED,
	CLOSED_COMING,
	CLOSED_DELETED
}			Closed;

static const char *const states[] = {
	[CLOSED_DRAINING] = "draining", [CLOSED_CLOSED] = "closed", [CLOSED_COMING] = "coming",
	[CLOSED_DELETED] = "deleted"
};

/* Reads a row; a state that none of the table's is was written by hand. */
static Closed
read_closed(HeapTuple row, TupleDesc columns)
{
	bool		isnull;
	Datum		state = heap_getattr(row, STATE, columns, &isnull);

	for (int i = CLOSED_DRAINING; i <= CLOSED_DELETED && !isnull; i++)
	{
		if (strcmp(TextDatumGetCString(state), states[i]) == 0)
			return i;
	}
	error_raise(ERROR_BROKEN_ROW, "the state of the workspace was written by hand");
}

/*
 * Finds whether a workspace is closed, as it is now, whatever snapshot the transaction
 * has.  A table without a page has no row: that is all that it costs where no workspace
 * has ever been closed.  While the library is newer than the extension there is no table.
 */
static Closed
find_closed(const pg_uuid_t *workspace)
{
	Oid			namespace = get_namespace_oid("leadterra", true);
	Oid			relation = OidIsValid(namespace) ?
		get_relname_relid("closed_workspaces", namespace) : InvalidOid;
	Closed		closed = CLOSED_NOT;
	Relation	table;

	if (!OidIsValid(relation))
		return CLOSED_NOT;
	table = table_open(relation, AccessShareLock);
	if (RelationGetNumberOfBlocks(table) > 0)
	{
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	row;

		ScanKeyInit(&key, WORKSPACE_ID, BTEqualStrategyNumber, F_UUID_EQ,
					UUIDPGetDatum(workspace));
		scan = systable_beginscan(table, get_relname_relid("closed_workspaces_pkey", namespace),
								  true, NULL, 1, &key);
		row = systable_getnext(scan);
		if (HeapTupleIsValid(row))
			closed = read_closed(row, RelationGetDescr(table));
		systable_endscan(scan);
	}
	table_close(table, AccessShareLock);
	return closed;
}

/* Raises an error where a workspace is closed to a use of it. */
void
context_require_open(const pg_uuid_t *workspace, ContextUse use)
{
	static const Closed least[] = {
		[CONTEXT_CLAIMS] = CLOSED_DRAINING, [CONTEXT_WRITES] = CLOSED_CLOSED,
		[CONTEXT_READS] = CLOSED_COMING
	};
	Closed		closed = find_closed(workspace);

	if (closed == CLOSED_DELETED)
		error_raise(ERROR_WORKSPACE_DELETED, "the workspace was deleted");
	if (closed >= least[use])
		error_raise(ERROR_WORKSPACE_MOVING, "the workspace is moving");
}

/* SQL: leadterra.is_open(workspace) */
Datum
lt_is_open(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(find_closed(PG_GETARG_UUID_P(0)) == CLOSED_NOT);
}

/* SQL: leadterra.require_open(workspace) */
Datum
lt_require_open(PG_FUNCTION_ARGS)
{
	context_require_open(PG_GETARG_UUID_P(0), CONTEXT_WRITES);
	PG_RETURN_VOID();
}

/* Says whether a transaction is one of a list that ends in none. */
static bool
is_among(const VirtualTransactionId *transactions, VirtualTransactionId wanted)
{
	for (; VirtualTransactionIdIsValid(*transactions); transactions++)
	{
		if (VirtualTransactionIdEquals(*transactions, wanted))
			return true;
	}
	return false;
}

/*
 * SQL: leadterra.wait_for_transactions(relation)
 *
 * Waits until every transaction of the database has ended that runs now, prepared ones
 * too, but for those of vacuum, and those that wait in here: two that close workspaces at
 * once would wait for each other.  They hold a lock by which they are known, and which
 * nothing in SQL takes.
 */
Datum
lt_wait_for_transactions(PG_FUNCTION_ARGS)
{
	LOCKTAG		tag;
	int			count;
	VirtualTransactionId *running;
	VirtualTransactionId *waiting;

	SET_LOCKTAG_OBJECT(tag, MyDatabaseId, PG_GETARG_OID(0), 0, 0);
	(void) LockAcquire(&tag, ShareLock, false, false);
	running = GetCurrentVirtualXIDs(InvalidTransactionId, false, false,
									PROC_IS_AUTOVACUUM | PROC_IN_VACUUM, &count);
	waiting = GetLockConflicts(&tag, ExclusiveLock, NULL);
	for (int i = 0; i < count; i++)
	{
		if (!is_among(waiting, running[i]))
			(void) VirtualXactLock(running[i], true);
	}
	PG_RETURN_VOID();
}
