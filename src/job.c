/*
 * job.c
 *		Making jobs; what becomes of them is SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "utils/timestamp.h"

#include "context.h"
#include "job.h"
#include "statement.h"
#include "uuid7.h"

static Statement insert_job = STATEMENT(
	"INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, campaign_id, list_id,"
	" created_at, updated_at)"
	" VALUES ($1, $2, 'verify_leads', $3, $4, $5, $6, $6)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDARRAYOID, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/*
 * Makes a job that verifies the addresses of leads, a uuid[], which came into a
 * campaign or a list, and wakes workers.  Runs in SPI.
 */
void
job_create(Datum workspace, Datum lead_ids, Datum target, bool is_list)
{
	pg_uuid_t	job_id;
	Datum		values[] = {workspace, UUIDPGetDatum(&job_id), lead_ids, target, target,
	TimestampTzGetDatum(context_clock())};
	bool		nulls[] = {false, false, false, is_list, !is_list, false};

	uuid7_generate(&job_id);
	statement_execute(&insert_job, values, nulls);
	Async_Notify("leadterra_jobs", "");
}
