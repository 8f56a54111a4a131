/*
 * enroll.c
 *		Bulk enrollment: the calls.
 *
 * A call reads its entries (enroll_read.c), writes what they ask for
 * (enroll_write.c), and counts or reports what became of each.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "enroll.h"
#include "enrollment.h"
#include "error.h"
#include "queue.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_bulk_upsert);
PG_FUNCTION_INFO_V1(lt_bulk_upsert_report);
PG_FUNCTION_INFO_V1(lt_remove_leads);
PG_FUNCTION_INFO_V1(lt_restart_leads);
PG_FUNCTION_INFO_V1(lt_enter_lead);

/* Columns of a report. */
#define REPORT_COLUMNS 8

/* Returns whether the argument on_invalid says to skip invalid entries. */
static bool
on_invalid_argument(FunctionCallInfo fcinfo)
{
	char	   *mode = PG_ARGISNULL(2) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(2));

	if (mode == NULL || (strcmp(mode, "error") != 0 && strcmp(mode, "skip") != 0))
		error_raise(ERROR_INVALID_REQUEST,
					"argument \"on_invalid\" must be \"error\" or \"skip\", not %s",
					mode ? psprintf("\"%s\"", mode) : "null");
	return strcmp(mode, "skip") == 0;
}

/* Makes a bulk call with the arguments of a function.  Leaves SPI connected. */
static void
run_call(FunctionCallInfo fcinfo, EnrollCall *call)
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
	call->running = (call->dry_run ? campaign_require(call->workspace, call->target, false) :
					 campaign_keep(call->workspace, call->target)) == CAMPAIGN_RUNNING;
	enroll_read(call, leads);
	enroll_write(call);
}

/* SQL: lt_bulk_upsert(campaign_id, leads, on_invalid, dry_run) */
Datum
lt_bulk_upsert(PG_FUNCTION_ARGS)
{
	EnrollCall	call;
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
report_entry(ReturnSetInfo *result, const EnrollCall *call, int index)
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
		values[1] = lead_text(&entry->email);
	nulls[2] = !kept || !candidate->known;
	if (!nulls[2])
		values[2] = UUIDPGetDatum(&candidate->lead_id);
	values[3] = CStringGetTextDatum(outcomes[entry->outcome]);
	values[4] = BoolGetDatum(creates);
	nulls[5] = entry->reason == NULL;
	if (!nulls[5])
		values[5] = CStringGetTextDatum(entry->reason);
	nulls[6] = entry->field == NULL;
	if (!nulls[6])
		values[6] = CStringGetTextDatum(entry->field);
	nulls[7] = nulls[5];
	if (!nulls[7])
		values[7] = CStringGetTextDatum(entry->code ? entry->code : entry->reason);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: lt_bulk_upsert_report(campaign_id, leads, on_invalid, dry_run) */
Datum
lt_bulk_upsert_report(PG_FUNCTION_ARGS)
{
	EnrollCall	call;
	ReturnSetInfo *result = statement_begin_rows(fcinfo, REPORT_COLUMNS);

	run_call(fcinfo, &call);
	for (int i = 0; i < call.nentries; i++)
		report_entry(result, &call, i);
	statement_finish();
	return (Datum) 0;
}

/* What becomes of a lead of a campaign; false if nothing does. */
typedef bool (*LeadChanger) (Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
							 const char *status);

/*
 * Changes the leads of a campaign that have the addresses in an argument, in
 * the order of their ids, and returns how many.
 */
static Datum
change_enrolled(FunctionCallInfo fcinfo, LeadChanger change)
{
	Datum		workspace = context_enter("leads:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	Datum		emails;
	uint64		found;
	SPITupleTable *enrolled;
	int32		changed = 0;

	error_if_null(1, "emails");
	emails = lead_normalize_emails(PG_GETARG_ARRAYTYPE_P(1));
	statement_connect();
	campaign_keep(workspace, campaign);
	found = enrollment_find(workspace, campaign, emails, false);
	enrolled = SPI_tuptable;
	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;
		Datum		lead_id = SPI_getbinval(enrolled->vals[i], enrolled->tupdesc, 1, &isnull);
		Datum		status = SPI_getbinval(enrolled->vals[i], enrolled->tupdesc, 2, &isnull);

		changed += change(workspace, campaign, DatumGetUUIDP(lead_id), TextDatumGetCString(status));
	}
	statement_finish();
	PG_RETURN_INT32(changed);
}

static bool
remove_lead(Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *status)
{
	return strcmp(status, "active") == 0 &&
		enrollment_change(workspace, campaign, lead_id, "active", "removed");
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
		changed = enrollment_change(workspace, campaign, lead_id, status, "active");
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
	Datum		workspace = context_enter_argument(fcinfo);
	Datum		campaign = campaign_argument(fcinfo, 1);
	pg_uuid_t  *lead_id = palloc(sizeof(pg_uuid_t));
	text	   *given;
	LeadString	email;
	bool		isnull;

	error_if_null(2, "email");
	given = PG_GETARG_TEXT_PP(2);
	email = lead_normalize_email(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	statement_connect();
	campaign_require(workspace, campaign, true);
	if (enrollment_find(workspace, campaign, lead_emails(&email, 1), true) == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%.*s\" is not in the campaign",
					email.length, email.data);
	*lead_id = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	statement_finish();
	PG_RETURN_UUID_P(lead_id);
}
