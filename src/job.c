/*
 * job.c
 *		Jobs; what becomes of them is SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "job.h"
#include "statement.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_claim_job);
PG_FUNCTION_INFO_V1(lt_job_progress);
PG_FUNCTION_INFO_V1(lt_finish_job);

static Statement insert_job = STATEMENT(
	"INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, campaign_id, list_id,"
	" created_at, updated_at)"
	" VALUES ($1, $2, 'verify_leads', $3, $4, $5, $6, $6)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDARRAYOID, UUIDOID, UUIDOID, TIMESTAMPTZOID);

static Statement claim_job = STATEMENT(
	"SELECT lease_id, job_id, type, campaign_id, list_id, attempt, progress, lead_ids"
	" FROM leadterra.claim_job($1, $2, $3, $4)",
	SPI_OK_SELECT, UUIDOID, INTERVALOID, TEXTOID, TEXTOID);

static Statement job_progress = STATEMENT(
	"SELECT leadterra.job_progress($1, $2, $3, $4)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID, INTERVALOID);

static Statement finish_job = STATEMENT(
	"SELECT leadterra.finish_job($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTOID);

/*
 * Makes a job that verifies the addresses of leads, a uuid[], which came into a
 * campaign or a list, and wakes workers.  Runs in SPI.
 */
void
job_insert(Datum workspace, Datum lead_ids, Datum target, bool is_list)
{
	pg_uuid_t	job_id;
	Datum		values[] = {workspace, UUIDPGetDatum(&job_id), lead_ids, target, target,
	TimestampTzGetDatum(context_clock())};
	bool		nulls[] = {false, false, false, is_list, !is_list, false};

	uuid7_generate(&job_id);
	statement_execute(&insert_job, values, nulls);
	Async_Notify("leadterra_jobs", "");
}

/* SQL: lt_claim_job(lease_for, worker, type) */
Datum
lt_claim_job(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter_claim("jobs:update");

	error_limit_text(fcinfo, 1, "worker");
	statement_connect();
	return statement_return_rows(fcinfo, statement_execute_call(&claim_job, workspace, fcinfo));
}

/* SQL: lt_job_progress(lease_id, progress, lease_for) */
Datum
lt_job_progress(PG_FUNCTION_ARGS)
{
	return statement_call(&job_progress, context_enter("jobs:update"), fcinfo);
}

/* SQL: lt_finish_job(lease_id, error) */
Datum
lt_finish_job(PG_FUNCTION_ARGS)
{
	return statement_call(&finish_job, context_enter("jobs:update"), fcinfo);
}
