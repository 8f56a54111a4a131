/*
 * monitor.c
 *		What goes on in all workspaces, for roles that serve or watch all of them.
 *
 * Row-level security shows a role one workspace at most.  These calls run as the
 * owner of the extension, whom it does not bind: a role that may execute one sees
 * what that returns, and nothing else.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "compat.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_due_workspaces);
PG_FUNCTION_INFO_V1(lt_due_deliveries);
PG_FUNCTION_INFO_V1(lt_health);

static Statement due_workspaces = STATEMENT(
	"SELECT workspace_id, due_at FROM leadterra.due_workspaces($1)",
	SPI_OK_SELECT, INT4OID);

static Statement due_deliveries = STATEMENT(
	"SELECT workspace_id, due_at FROM leadterra.due_deliveries($1)",
	SPI_OK_SELECT, INT4OID);

static Statement health = STATEMENT(
	"SELECT workspaces, campaigns_running, campaigns_due, oldest_due_seconds, leases_open,"
	" leases_expired, jobs_pending, jobs_in_progress, jobs_expired, jobs_failed,"
	" oldest_finished_seconds"
	" FROM leadterra.health()",
	SPI_OK_SELECT);

/* Lists what is due in all workspaces: so many at most as the argument says. */
static Datum
return_due(FunctionCallInfo fcinfo, Statement *statement)
{
	Datum		max = PG_GETARG_DATUM(0);
	bool		isnull = PG_ARGISNULL(0);

	statement_connect();
	return statement_return_rows(fcinfo, statement_execute(statement, &max, &isnull));
}

/* SQL: lt_due_workspaces(max) */
Datum
lt_due_workspaces(PG_FUNCTION_ARGS)
{
	return return_due(fcinfo, &due_workspaces);
}

/* SQL: lt_due_deliveries(max) */
Datum
lt_due_deliveries(PG_FUNCTION_ARGS)
{
	return return_due(fcinfo, &due_deliveries);
}

/* SQL: lt_health() */
Datum
lt_health(PG_FUNCTION_ARGS)
{
	statement_connect();
	return statement_return_rows(fcinfo, statement_execute(&health, NULL, NULL));
}
