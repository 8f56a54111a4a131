/*
 * enroll_add.c
 *		Adding leads to a campaign or a list, as the second service's bulk call
 *		does: what it asks for, and its answer.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "enroll.h"
#include "error.h"
#include "job.h"
#include "list.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_add_leads);

/* Leads of a call. */
#define LEADS_MAX 1000

/* What is said of a lead whose address a job is to verify. */
#define VERIFICATION_PENDING_JOB 12

/* The arguments of lt_add_leads(). */
enum
{
	ARGUMENT_LEADS,
	ARGUMENT_CAMPAIGN_ID,
	ARGUMENT_LIST_ID,
	ARGUMENT_BLOCKLIST_ID,
	ARGUMENT_ASSIGNED_TO,
	ARGUMENT_VERIFY,
	ARGUMENT_SKIP_IN_WORKSPACE,
	ARGUMENT_SKIP_IN_CAMPAIGN,
	ARGUMENT_SKIP_IN_LIST
};

/* What became of an entry: the first that applies.  They are the counters of the answer. */
typedef enum AddOutcome
{
	ADD_UPLOADED,
	ADD_BLOCKED,
	ADD_DUPLICATED,
	ADD_SKIPPED,
	ADD_INVALID,
	ADD_INCOMPLETE,
	ADD_REPEATED
} AddOutcome;

static const char *const counter_names[] = {
	[ADD_UPLOADED] = "leads_uploaded",
	[ADD_BLOCKED] = "in_blocklist",
	[ADD_DUPLICATED] = "duplicated_leads",
	[ADD_SKIPPED] = "skipped_count",
	[ADD_INVALID] = "invalid_email_count",
	[ADD_INCOMPLETE] = "incomplete_count",
	[ADD_REPEATED] = "duplicate_email_count"
};

/* Fields of a lead that the answer has, beside its address. */
static const LeadField summary_fields[] = {LEAD_FIRST_NAME, LEAD_LAST_NAME, LEAD_PHONE};

/* Leads that were known have more fields than the call gave. */
static Statement find_summaries = STATEMENT(
	"SELECT u.position, l.first_name, l.last_name, l.phone"
	" FROM unnest($2) WITH ORDINALITY AS u (lead_id, position)"
	" CROSS JOIN LATERAL ("
	" SELECT l.first_name, l.last_name, l.phone"
	" FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.lead_id = u.lead_id"
	" OFFSET 0) l",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID);

/* Returns an argument that is true or false. */
static bool
flag_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	error_if_null(number, name);
	return PG_GETARG_BOOL(number);
}

/* Returns the argument that holds the leads. */
static JsonbContainer *
leads_argument(FunctionCallInfo fcinfo)
{
	JsonbContainer *leads = enroll_leads_argument(fcinfo, ARGUMENT_LEADS);

	if (JsonContainerSize(leads) == 0)
		error_raise(ERROR_INVALID_REQUEST, "leads must not be empty");
	if (JsonContainerSize(leads) > LEADS_MAX)
		error_raise(ERROR_TOO_MANY_LEADS,
					"%u leads are more than %d", JsonContainerSize(leads), LEADS_MAX);
	return leads;
}

/* Reads what leads are added to, and keeps it from being deleted.  Runs in SPI. */
static void
open_target(FunctionCallInfo fcinfo, EnrollCall *call)
{
	call->is_list = PG_ARGISNULL(ARGUMENT_CAMPAIGN_ID);
	call->target = PG_GETARG_DATUM(call->is_list ? ARGUMENT_LIST_ID : ARGUMENT_CAMPAIGN_ID);
	if (call->is_list)
		list_keep(call->workspace, call->target);
	else
		call->running = campaign_keep(call->workspace, call->target) == CAMPAIGN_RUNNING;
	if (!PG_ARGISNULL(ARGUMENT_BLOCKLIST_ID))
	{
		call->blocklist = PG_GETARG_DATUM(ARGUMENT_BLOCKLIST_ID);
		suppression_keep_list(call->workspace, call->blocklist);
	}
}

/* Makes it as if each entry that names no assignee had named one. */
static void
assign(LeadPatch *patch, const pg_uuid_t *assignee)
{
	if (!lead_has_value(patch, LEAD_ASSIGNED_TO))
		lead_give(patch, LEAD_ASSIGNED_TO)->uuid = *assignee;
}

/* Assigns a lead that has no assignee, and of which the entry says nothing, or null. */
static void
assign_to_owner(LeadPatch *patch, const pg_uuid_t *owner)
{
	if (lead_is_given(patch, LEAD_ASSIGNED_TO))
		assign(patch, owner);
	else
		lead_fill(patch, LEAD_ASSIGNED_TO)->uuid = *owner;
}

/* Gives the entries what the call says of all leads. */
static void
fill_entries(FunctionCallInfo fcinfo, EnrollCall *call, bool verify)
{
	pg_uuid_t	owner;
	bool		has_assignee = !PG_ARGISNULL(ARGUMENT_ASSIGNED_TO);
	bool		has_owner = !has_assignee && !call->is_list &&
		campaign_owner(call->workspace, call->target, &owner);

	for (int i = 0; i < call->nentries; i++)
	{
		LeadPatch  *patch = call->entries[i].patch;

		if (patch == NULL)
			continue;
		if (has_assignee)
			assign(patch, PG_GETARG_UUID_P(ARGUMENT_ASSIGNED_TO));
		else if (has_owner)
			assign_to_owner(patch, &owner);
		if (verify && call->entries[i].email.data)
			lead_fill(patch, LEAD_VERIFICATION_STATUS)->integer = VERIFICATION_PENDING_JOB;
	}
}

/* Says what became of an entry. */
static AddOutcome
outcome_of(const EnrollCall *call, int index)
{
	const EnrollEntry *entry = &call->entries[index];
	const EnrollCandidate *candidate = entry->candidate;

	if (candidate == NULL)
		return strcmp(entry->reason, "incomplete") == 0 ? ADD_INCOMPLETE : ADD_INVALID;
	if (candidate->first != index)
		return ADD_REPEATED;
	if (candidate->suppressed)
		return ADD_BLOCKED;
	if (candidate->enrolled)
		return ADD_UPLOADED;
	return candidate->elsewhere ? ADD_SKIPPED : ADD_DUPLICATED;
}

/* Lists the candidates that were uploaded, in the order of their entries. */
static EnrollCandidate **
list_uploaded(const EnrollCall *call, int *count)
{
	EnrollCandidate **uploaded = palloc(sizeof(EnrollCandidate *) * call->nentries);

	*count = 0;
	for (int i = 0; i < call->nentries; i++)
	{
		if (outcome_of(call, i) == ADD_UPLOADED)
			uploaded[(*count)++] = call->entries[i].candidate;
	}
	return uploaded;
}

static int
compare_texts(const void *left, const void *right)
{
	return json_compare_keys(*(JsonbValue *const *) left, *(JsonbValue *const *) right);
}

/* Lets the campaign know the custom fields of the leads that were uploaded. */
static void
add_variables(const EnrollCall *call, EnrollCandidate **uploaded, int count)
{
	const JsonbValue **names;
	Datum	   *texts;
	int			nnames = 0;
	int			ntexts = 0;
	bool		isnull;

	for (int i = 0; i < count; i++)
		nnames += uploaded[i]->patch->ncustom;
	if (nnames == 0)
		return;
	names = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(JsonbValue *) * nnames);
	texts = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * nnames);
	nnames = 0;
	for (int i = 0; i < count; i++)
	{
		for (int j = 0; j < uploaded[i]->patch->ncustom; j++)
			names[nnames++] = &uploaded[i]->patch->custom[j].key;
	}
	qsort(names, nnames, sizeof(JsonbValue *), compare_texts);
	for (int i = 0; i < nnames; i++)
	{
		if (i == 0 || json_compare_keys(names[i], names[i - 1]) != 0)
			texts[ntexts++] = PointerGetDatum(cstring_to_text_with_len(names[i]->val.string.val,
																	   names[i]->val.string.len));
	}
	campaign_add_variables(call->workspace, call->target,
						   statement_array(texts, NULL, ntexts, TEXTOID, &isnull));
}

/* Makes a job that verifies the addresses of the leads that were uploaded. */
static void
insert_job(const EnrollCall *call, EnrollCandidate **uploaded, int count)
{
	EnrollCandidate **leads = palloc(sizeof(EnrollCandidate *) * Max(count, 1));
	int			nleads = 0;

	for (int i = 0; i < count; i++)
	{
		if (uploaded[i]->email.data)
			leads[nleads++] = uploaded[i];
	}
	if (nleads > 0)
		job_insert(call->workspace, enroll_lead_ids(leads, nleads), call->target, call->is_list);
}

/* Add a member to an object that is built. */
static void
push_member(JsonbParseState **state, const char *name, JsonbValue *value)
{
	JsonbValue	key = {.type = jbvString};

	key.val.string.val = unconstify(char *, name);
	key.val.string.len = strlen(name);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_VALUE, value);
}

static void
push_string(JsonbParseState **state, const char *name, const char *data, int length)
{
	JsonbValue	value = {.type = data ? jbvString : jbvNull};

	if (data)
	{
		value.val.string.val = unconstify(char *, data);
		value.val.string.len = length;
	}
	push_member(state, name, &value);
}

static void
push_integer(JsonbParseState **state, const char *name, int64 number)
{
	JsonbValue	value = {.type = jbvNumeric};

	value.val.numeric = int64_to_numeric(number);
	push_member(state, name, &value);
}

static void
push_uuid(JsonbParseState **state, const char *name, Datum uuid)
{
	const char *text = error_uuid(uuid);

	push_string(state, name, text, strlen(text));
}

/* Reads the fields that the answer has of leads that were known. */
static void
read_summaries(const EnrollCall *call, EnrollCandidate **uploaded, int count, LeadString *summaries)
{
	EnrollCandidate **known = palloc(sizeof(EnrollCandidate *) * Max(count, 1));
	int		   *places = palloc(sizeof(int) * Max(count, 1));
	Datum		parameters[2] = {call->workspace};
	int			nknown = 0;
	uint64		nfound;
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		if (uploaded[i]->created)
			continue;
		known[nknown] = uploaded[i];
		places[nknown++] = i;
	}
	if (nknown == 0)
		return;
	parameters[1] = enroll_lead_ids(known, nknown);
	nfound = statement_execute(&find_summaries, parameters, NULL);
	for (uint64 i = 0; i < nfound; i++)
	{
		int			place = places[DatumGetInt64(statement_value(i, 1, &isnull)) - 1];

		for (size_t j = 0; j < lengthof(summary_fields); j++)
		{
			Datum		value = statement_value(i, 2 + j, &isnull);
			text	   *field = isnull ? NULL : DatumGetTextPP(value);

			if (field)
				summaries[place * lengthof(summary_fields) + j] =
					(LeadString) {VARDATA_ANY(field), VARSIZE_ANY_EXHDR(field)};
		}
	}
}

/* Adds the leads that were uploaded to the answer. */
static void
push_created_leads(JsonbParseState **state, const EnrollCall *call,
				   EnrollCandidate **uploaded, int count)
{
	JsonbValue	key = {.type = jbvString};
	LeadString *summaries = palloc0(sizeof(LeadString) * lengthof(summary_fields) * Max(count, 1));

	read_summaries(call, uploaded, count, summaries);
	key.val.string.val = "created_leads";
	key.val.string.len = strlen(key.val.string.val);
	pushJsonbValue(state, WJB_KEY, &key);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < count; i++)
	{
		const EnrollCandidate *lead = uploaded[i];

		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
		push_integer(state, "index", lead->first);
		push_uuid(state, "id", UUIDPGetDatum(&lead->lead_id));
		push_string(state, "email", lead->email.data, lead->email.length);
		for (size_t j = 0; j < lengthof(summary_fields); j++)
		{
			LeadField	field = summary_fields[j];
			LeadString	text = summaries[i * lengthof(summary_fields) + j];

			if (lead->created && lead_has_value(lead->patch, field))
				text = lead->patch->values[field].string;
			push_string(state, lead_fields[field].alias.data, text.data, text.length);
		}
		pushJsonbValue(state, WJB_END_OBJECT, NULL);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* Makes the answer of a call. */
static Jsonb *
make_answer(const EnrollCall *call, EnrollCandidate **uploaded, int count)
{
	JsonbParseState *state = NULL;
	int			counts[lengthof(counter_names)] = {0};
	JsonbValue	nothing = {.type = jbvNull};

	for (int i = 0; i < call->nentries; i++)
		counts[outcome_of(call, i)]++;
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	push_string(&state, "status", "success", strlen("success"));
	push_integer(&state, "total_sent", call->nentries);
	for (size_t i = 0; i < lengthof(counter_names); i++)
		push_integer(&state, counter_names[i], counts[i]);
	push_uuid(&state, "blocklist_used", call->blocklist);
	if (call->limited && !call->is_list)
		push_integer(&state, "remaining_in_plan", call->remaining);
	else
		push_member(&state, "remaining_in_plan", &nothing);
	push_created_leads(&state, call, uploaded, count);
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * SQL: lt_add_leads(leads, campaign_id, list_id, blocklist_id, assigned_to,
 * verify_leads_on_import, skip_if_in_workspace, skip_if_in_campaign, skip_if_in_list)
 */
Datum
lt_add_leads(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	EnrollCall	call = {.mode = ENROLL_ADD, .format = LEAD_CLOSED, .skip_invalid = true};
	JsonbContainer *leads;
	bool		verify;
	EnrollCandidate **uploaded;
	int			nuploaded;
	Jsonb	   *answer;

	call.workspace = call.blocklist = context_enter("leads:create");
	context_require_read_committed("adding leads");
	verify = flag_argument(fcinfo, ARGUMENT_VERIFY, "verify_leads_on_import");
	call.skips.in_workspace = flag_argument(fcinfo, ARGUMENT_SKIP_IN_WORKSPACE,
											"skip_if_in_workspace");
	call.skips.in_campaign = flag_argument(fcinfo, ARGUMENT_SKIP_IN_CAMPAIGN,
										   "skip_if_in_campaign");
	call.skips.in_list = flag_argument(fcinfo, ARGUMENT_SKIP_IN_LIST, "skip_if_in_list");
	if (PG_ARGISNULL(ARGUMENT_CAMPAIGN_ID) == PG_ARGISNULL(ARGUMENT_LIST_ID))
		error_raise(ERROR_INVALID_REQUEST,
					"either campaign_id or list_id must be given, and not both");
	leads = leads_argument(fcinfo);

	statement_connect();
	open_target(fcinfo, &call);
	enroll_read(&call, leads);
	fill_entries(fcinfo, &call, verify);
	enroll_write(&call);
	uploaded = list_uploaded(&call, &nuploaded);
	if (verify)
		insert_job(&call, uploaded, nuploaded);
	if (!call.is_list)
		add_variables(&call, uploaded, nuploaded);
	MemoryContextSwitchTo(caller_context);
	answer = make_answer(&call, uploaded, nuploaded);
	statement_finish();
	PG_RETURN_JSONB_P(answer);
}
