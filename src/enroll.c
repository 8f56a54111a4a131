/*
 * enroll.c
 *		Bulk enrollment: the calls.
 *
 * A call reads its entries (enroll_read.c), writes what they ask for
 * (enroll_write.c), and counts or reports what became of each.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "enroll.h"
#include "error.h"
#include "queue.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_bulk_upsert);
PG_FUNCTION_INFO_V1(lt_bulk_upsert_report);
PG_FUNCTION_INFO_V1(lt_remove_leads);
PG_FUNCTION_INFO_V1(lt_restart_leads);
PG_FUNCTION_INFO_V1(lt_enter_lead);

/* Columns of a report. */
#define REPORT_COLUMNS 6

static Statement find_enrolled = STATEMENT(
	"SELECT e.lead_id, e.status"
	" FROM unnest($3) AS u (email)"
	" CROSS JOIN LATERAL ("
	" SELECT l.lead_id FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.email = u.email"
	" OFFSET 0) l"
	" CROSS JOIN LATERAL ("
	" SELECT e.lead_id, e.status FROM leadterra.enrollments e"
	" WHERE e.workspace_id = $1 AND e.campaign_id = $2 AND e.lead_id = l.lead_id"
	" OFFSET 0) e"
	" ORDER BY e.lead_id",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTARRAYOID);

static Statement change_status = STATEMENT(
	"UPDATE leadterra.enrollments SET status = $5"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND lead_id = $3"
	" AND status = ANY (string_to_array($4, ','))",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID);

/*
 * Changes the status of an enrollment from one, or one of several with commas
 * between them, to another; false if it has none of them by now.  One statement
 * a lead is by index whatever the planner thinks of the table, and callers choose
 * the order of locks.  Runs in SPI.
 */
bool
enroll_change_status(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
					 const char *from, const char *to)
{
	Datum		values[] = {workspace, campaign, UUIDPGetDatum(lead_id),
	CStringGetTextDatum(from), CStringGetTextDatum(to)};
	bool		changed = statement_execute(&change_status, values, NULL) > 0;

	pfree(DatumGetPointer(values[3]));
	pfree(DatumGetPointer(values[4]));
	return changed;
}

/* Returns the array of leads in an argument: itself, or its member "leads". */
JsonbContainer *
enroll_leads_argument(FunctionCallInfo fcinfo, int number)
{
	JsonbContainer *root;
	JsonbContainer *array;

	error_if_null(number, "leads");
	root = &PG_GETARG_JSONB_P(number)->root;
	if (JsonContainerIsObject(root))
		array = json_member_array(root, "leads");
	else
		array = json_array(root);
	if (array == NULL)
		error_raise(ERROR_INVALID_REQUEST,
					"leads must be an array, or an object with an array \"leads\"");
	return array;
}

/* Returns whether the argument on_invalid says to skip invalid entries. */
static bool
on_invalid_argument(FunctionCallInfo fcinfo)
{
	char	   *mode = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (mode == NULL || (strcmp(mode, "error") != 0 && strcmp(mode, "skip") != 0))
		error_raise(ERROR_INVALID_REQUEST, "argument \"on_invalid\" must be \"error\" or \"skip\", not %s",
					mode ? psprintf("\"%s\"", mode) : "null");
	return strcmp(mode, "skip") == 0;
}

/* Makes a bulk call with the arguments of a function.  Leaves SPI connected. */
static void
run_call(FunctionCallInfo fcinfo, Enrollment *call)
{
	JsonbContainer *leads;

	memset(call, 0, sizeof(*call));
	call->mode = ENROLL_UPSERT;
	call->workspace = call->blocklist = context_enter("leads:create");
	context_require_read_committed("enrolling leads");
	call->target = campaign_argument(fcinfo, 0);
	leads = enroll_leads_argument(fcinfo, 1);
	error_limit_entries("leads", JsonContainerSize(leads));
	call->skip_invalid = on_invalid_argument(fcinfo);
	error_if_null(3, "dry_run");
	call->dry_run = PG_GETARG_BOOL(3);

	statement_connect();
	call->running = campaign_require(call->workspace, call->target,
									 call->dry_run ? CAMPAIGN_READ : CAMPAIGN_KEEP) == CAMPAIGN_RUNNING;
	enroll_read(call, leads);
	enroll_write(call);
}

/* SQL: lt_bulk_upsert(campaign_id, leads, on_invalid, dry_run) */
Datum
lt_bulk_upsert(PG_FUNCTION_ARGS)
{
	Enrollment	call;
	int			counts[] = {[ENROLL_SKIPPED] = 0, [ENROLL_ENROLLED] = 0, [ENROLL_UPDATED] = 0};
	Datum		values[4];
	bool		nulls[lengthof(values)] = {false};
	Datum		result;

	run_call(fcinfo, &call);
	for (int i = 0; i < call.nentries; i++)
		counts[call.entries[i].outcome]++;
	values[0] = Int32GetDatum(counts[ENROLL_ENROLLED]);
	values[1] = Int32GetDatum(counts[ENROLL_UPDATED]);
	values[2] = Int32GetDatum(counts[ENROLL_SKIPPED]);
	values[3] = Int32GetDatum(counts[ENROLL_ENROLLED] + counts[ENROLL_UPDATED]);
	result = statement_result(fcinfo, values, nulls, lengthof(values));
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* Puts the row of an entry into the result of a report. */
static void
report_entry(ReturnSetInfo *result, const Enrollment *call, int index)
{
	static const char *const outcomes[] = {
		[ENROLL_SKIPPED] = "skipped", [ENROLL_ENROLLED] = "enrolled", [ENROLL_UPDATED] = "updated"
	};
	const EnrollEntry *entry = &call->entries[index];
	const EnrollCandidate *candidate = entry->candidate;
	bool		kept = entry->outcome != ENROLL_SKIPPED;
	bool		creates = kept && candidate->created && candidate->first == index;
	Datum		values[REPORT_COLUMNS];
	bool		nulls[REPORT_COLUMNS] = {false};

	values[0] = Int32GetDatum(index);
	nulls[1] = entry->email.data == NULL;
	if (!nulls[1])
		values[1] = PointerGetDatum(cstring_to_text_with_len(entry->email.data,
															 entry->email.length));
	nulls[2] = !kept || !candidate->known;
	if (!nulls[2])
		values[2] = UUIDPGetDatum(&candidate->lead_id);
	values[3] = CStringGetTextDatum(outcomes[entry->outcome]);
	values[4] = BoolGetDatum(creates);
	nulls[5] = entry->reason == NULL;
	if (!nulls[5])
		values[5] = CStringGetTextDatum(entry->reason);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: lt_bulk_upsert_report(campaign_id, leads, on_invalid, dry_run) */
Datum
lt_bulk_upsert_report(PG_FUNCTION_ARGS)
{
	Enrollment	call;
	ReturnSetInfo *result = statement_begin_rows(fcinfo, REPORT_COLUMNS);

	run_call(fcinfo, &call);
	for (int i = 0; i < call.nentries; i++)
		report_entry(result, &call, i);
	statement_finish();
	return (Datum) 0;
}

/* What becomes of a lead of a campaign; false if nothing does. */
typedef bool (*LeadChanger) (Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *status);

/*
 * Changes the leads of a campaign that have the addresses in an argument, in
 * the order of their ids, and returns how many.
 */
static Datum
change_enrolled(FunctionCallInfo fcinfo, LeadChanger change)
{
	Datum		values[3] = {context_enter("leads:update"), campaign_argument(fcinfo, 0)};
	uint64		found;
	SPITupleTable *enrolled;
	int32		changed = 0;

	error_if_null(1, "emails");
	values[2] = lead_normalize_emails(PG_GETARG_ARRAYTYPE_P(1));
	statement_connect();
	campaign_require(values[0], values[1], CAMPAIGN_KEEP);
	found = statement_execute(&find_enrolled, values, NULL);
	enrolled = SPI_tuptable;
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		lead_id = SPI_getbinval(enrolled->vals[i], enrolled->tupdesc, 1, &isnull);
		Datum		status = SPI_getbinval(enrolled->vals[i], enrolled->tupdesc, 2, &isnull);

		changed += change(values[0], values[1], DatumGetUUIDP(lead_id), TextDatumGetCString(status));
	}
	statement_finish();
	PG_RETURN_INT32(changed);
}

static bool
remove_lead(Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *status)
{
	return strcmp(status, "active") == 0 &&
		enroll_change_status(workspace, campaign, lead_id, "active", "removed");
}

/* SQL: lt_remove_leads(campaign_id, emails) */
Datum
lt_remove_leads(PG_FUNCTION_ARGS)
{
	return change_enrolled(fcinfo, remove_lead);
}

static bool
restart_lead(Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *status)
{
	bool		changed = false;

	if (strcmp(status, "removed") == 0)
		return false;
	if (strcmp(status, "active") != 0)
		changed = enroll_change_status(workspace, campaign, lead_id, status, "active");
	if (queue_requeue(workspace, campaign, lead_id, NULL))
	{
		queue_notify();
		changed = true;
	}
	return changed;
}

/* SQL: lt_restart_leads(campaign_id, emails) */
Datum
lt_restart_leads(PG_FUNCTION_ARGS)
{
	return change_enrolled(fcinfo, restart_lead);
}

/* SQL: leadterra.enter_lead(scope, campaign_id, email) */
Datum
lt_enter_lead(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter_argument(fcinfo)};
	pg_uuid_t  *lead_id = palloc(sizeof(pg_uuid_t));
	text	   *given;
	LeadString	email;
	bool		isnull;

	values[1] = campaign_argument(fcinfo, 1);
	error_if_null(2, "email");
	given = PG_GETARG_TEXT_PP(2);
	email = lead_normalize_email(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	values[2] = lead_emails(&email, 1);
	statement_connect();
	campaign_require(values[0], values[1], CAMPAIGN_READ_STABLE);
	if (statement_read(&find_enrolled, values) == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%.*s\" is not in the campaign", email.length, email.data);
	*lead_id = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	statement_finish();
	PG_RETURN_UUID_P(lead_id);
}
