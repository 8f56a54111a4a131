/*
 * enroll_existing.c
 *		Enrolling leads that the workspace has, as they are.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "enroll.h"
#include "error.h"
#include "list.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_enroll_list);
PG_FUNCTION_INFO_V1(lt_enroll_leads);
PG_FUNCTION_INFO_V1(lt_move_leads);
PG_FUNCTION_INFO_V1(lt_move_leads_noted);
PG_FUNCTION_INFO_V1(lt_merge_leads);

/* Leads that are fetched at once. */
#define FETCH_MAX 10000

/* The address of each lead, null where it has none. */
static Statement find_members = STATEMENT(
	"SELECT l.email"
	" FROM leadterra.list_members m"
	" CROSS JOIN LATERAL ("
	" SELECT l.email FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.lead_id = m.lead_id"
	" OFFSET 0) l"
	" WHERE m.workspace_id = $1 AND m.list_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_emails = STATEMENT(
	"SELECT l.email"
	" FROM unnest($2) AS u (lead_id)"
	" CROSS JOIN LATERAL ("
	" SELECT l.email FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.lead_id = u.lead_id"
	" OFFSET 0) l",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID);

static Statement move_leads = STATEMENT(
	"SELECT leadterra.move_leads($1, $2, $3, $4, $5, $6)",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID);

static Statement move_noted = STATEMENT(
	"SELECT leadterra.move_noted($1, $2, $3, $4, $5, $6)",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, UUIDOID, UUIDOID, UUIDOID, UUIDOID);

static Statement merge_leads = STATEMENT(
	"SELECT leadterra.merge_leads($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

/* Adds an entry for each address that was fetched. */
static void
add_entries(EnrollCall *call, int *room)
{
	static LeadPatch no_change;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		Datum		value = statement_value(i, 1, &isnull);
		EnrollEntry *entry;
		text	   *email;

		if (isnull)
			continue;
		if (call->nentries == *room)
		{
			*room *= 2;
			call->entries = repalloc_huge(call->entries, sizeof(EnrollEntry) * *room);
		}
		email = DatumGetTextPCopy(value);
		entry = &call->entries[call->nentries++];
		memset(entry, 0, sizeof(*entry));
		entry->email = (LeadString) {VARDATA(email), VARSIZE(email) - VARHDRSZ};
		entry->patch = &no_change;
	}
}

/*
 * Enrolls the leads whose addresses a statement finds, all but suppressed ones, in
 * the campaign of a call.  Returns how many leads it found; those without an
 * address are not among the entries.  Runs in SPI.
 */
static uint64
enroll_existing(EnrollCall *call, Statement *statement, const Datum *values)
{
	Portal		portal = statement_open(statement, values);
	int			room = FETCH_MAX;
	uint64		found = 0;

	call->mode = ENROLL_EXISTING;
	call->blocklist = call->workspace;
	call->running = campaign_keep(call->workspace, call->target) == CAMPAIGN_RUNNING;
	call->entries = palloc(sizeof(EnrollEntry) * room);
	do
	{
		found += statement_fetch(portal, FETCH_MAX);
		add_entries(call, &room);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	enroll_make_candidates(call);
	enroll_write(call);
	return found;
}

/* SQL: lt_enroll_list(list_id, campaign_id) */
Datum
lt_enroll_list(PG_FUNCTION_ARGS)
{
	EnrollCall	call = {0};
	uint64		found;
	Datum		values[2] = {context_enter("leads:create")};
	int			counts[] = {[ENROLL_SKIPPED] = 0, [ENROLL_ENROLLED] = 0, [ENROLL_UPDATED] = 0};
	int			suppressed = 0;
	Datum		columns[5];
	bool		nulls[5] = {false};
	Datum		result;

	context_require_read_committed("enrolling leads");
	error_if_null(0, "list_id");
	error_if_null(1, "campaign_id");
	call.workspace = values[0];
	call.target = PG_GETARG_DATUM(1);
	values[1] = PG_GETARG_DATUM(0);
	statement_connect();
	list_keep(values[0], values[1]);
	found = enroll_existing(&call, &find_members, values);
	for (int i = 0; i < call.nentries; i++)
	{
		counts[call.entries[i].outcome]++;
		suppressed += call.entries[i].candidate->suppressed;
	}
	columns[0] = Int32GetDatum(counts[ENROLL_ENROLLED]);
	columns[1] = Int32GetDatum(counts[ENROLL_UPDATED]);
	columns[2] = Int32GetDatum(suppressed);
	columns[3] = Int32GetDatum((int32) (found - call.nentries));
	columns[4] = Int32GetDatum(counts[ENROLL_ENROLLED] + counts[ENROLL_UPDATED]);
	result = statement_result(fcinfo, columns, nulls, lengthof(columns));
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* SQL: leadterra.enroll_leads(workspace, campaign_id, lead_ids) */
Datum
lt_enroll_leads(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	EnrollCall	call = {.workspace = PG_GETARG_DATUM(0), .target = PG_GETARG_DATUM(1)};
	Datum		values[] = {call.workspace, PG_GETARG_DATUM(2)};
	EnrollCandidate **enrolled;
	int			count = 0;
	Datum		result;

	statement_connect();
	enroll_existing(&call, &find_emails, values);
	enrolled = palloc(sizeof(EnrollCandidate *) * Max(call.nentries, 1));
	for (int i = 0; i < call.nentries; i++)
	{
		if (call.entries[i].outcome != ENROLL_SKIPPED)
			enrolled[count++] = call.entries[i].candidate;
	}
	MemoryContextSwitchTo(caller_context);
	result = enroll_lead_ids(enrolled, count);
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* SQL: lt_move_leads(lead_ids, from_campaign_id, from_list_id, to_campaign_id, to_list_id) */
Datum
lt_move_leads(PG_FUNCTION_ARGS)
{
	return statement_call(&move_leads, context_enter("leads:update"), fcinfo);
}

/* SQL: lt_move_leads_noted, with the arguments of lt_move_leads */
Datum
lt_move_leads_noted(PG_FUNCTION_ARGS)
{
	return statement_call(&move_noted, context_enter("leads:update"), fcinfo);
}

/* SQL: lt_merge_leads(lead_id, destination_lead_id) */
Datum
lt_merge_leads(PG_FUNCTION_ARGS)
{
	return statement_call(&merge_leads, context_enter("leads:update"), fcinfo);
}
