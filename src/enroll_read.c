/*
 * enroll_read.c
 *		From the entries of a bulk call to its candidates.
 *
 * A candidate is a distinct address.  Entries for one address are combined
 * into one patch that does what they would do one after the other, so that a
 * lead is written at most once in a call.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "compat.h"
#include "enroll.h"
#include "error.h"

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

/* Reads and validates all entries. */
static void
read_entries(EnrollCall *call, JsonbContainer *leads)
{
	ErrorList	errors;
	LeadReader	reader = {
		.format = call->format, .repair = call->repair,
		.email_optional = call->is_list, .errors = &errors
	};
	JsonbIterator *iterator = json_iterate(leads);
	JsonbValue	element;
	LeadPatch  *patches;
	int			ninvalid = 0;

	error_list_init(&errors);
	call->entries = palloc0(sizeof(EnrollEntry) * Max(call->nentries, 1));
	patches = palloc(sizeof(LeadPatch) * Max(call->nentries, 1));
	while (json_next_element(&iterator, &element))
	{
		EnrollEntry *entry = &call->entries[reader.index];

		CHECK_FOR_INTERRUPTS();
		if (lead_read_entry(&reader, &element, &entry->email, &patches[reader.index]))
			entry->patch = &patches[reader.index];
		else
			ninvalid++;
		entry->reason = reader.reason;
		entry->field = reader.field;
		entry->code = reader.code;
		reader.index++;
	}

	if (call->format == LEAD_CLOSED && errors.total > 0)
		error_list_raise(ERROR_INVALID_REQUEST, &errors, NULL, "lead %s", errors.first);
	if (ninvalid > 0 && !call->skip_invalid)
		error_list_raise(ERROR_INVALID_LEADS, &errors,
						 "Pass on_invalid => 'skip' to leave invalid entries out.",
						 "%d of %d leads are invalid", ninvalid, call->nentries);
}

/* Orders entries by address, as collation "C" does, then as they were given. */
static int
compare_entries(const void *left, const void *right)
{
	const EnrollEntry *a = *(EnrollEntry *const *) left;
	const EnrollEntry *b = *(EnrollEntry *const *) right;
	int			order = lead_compare(&a->email, &b->email);

	return order ? order : a < b ? -1 : a > b;
}

static bool
same_address(const EnrollEntry *a, const EnrollEntry *b)
{
	return a->email.length == b->email.length &&
		memcmp(a->email.data, b->email.data, a->email.length) == 0;
}

/*
 * Makes the candidate of entries that have one address.  Those behind the first
 * count only where leads are updated.
 */
static void
add_candidate(EnrollCall *call, EnrollEntry **entries, int count)
{
	EnrollCandidate *candidate = &call->candidates[call->ncandidates++];

	candidate->email = entries[0]->email;
	candidate->patch = entries[0]->patch;
	candidate->first = entries[0] - call->entries;
	candidate->existing_only = call->mode == ENROLL_EXISTING;
	if (count > 1 && call->mode == ENROLL_UPSERT)
	{
		const LeadPatch **patches = palloc(sizeof(LeadPatch *) * count);
		LeadPatch  *combined = palloc(sizeof(LeadPatch));

		for (int i = 0; i < count; i++)
			patches[i] = entries[i]->patch;
		lead_combine(patches, count, combined);
		candidate->patch = combined;
	}

	for (int i = 0; i < count; i++)
	{
		entries[i]->candidate = candidate;
		if (i > 0)
			entries[i]->reason = "duplicate_in_payload";
	}
}

/* Makes the candidates of the valid entries of a call. */
void
enroll_make_candidates(EnrollCall *call)
{
	EnrollEntry **valid = MemoryContextAllocHuge(CurrentMemoryContext,
												 sizeof(EnrollEntry *) * Max(call->nentries, 1));
	int			nvalid = 0;

	for (int i = 0; i < call->nentries; i++)
	{
		if (call->entries[i].patch && call->entries[i].email.data)
			valid[nvalid++] = &call->entries[i];
	}
	qsort(valid, nvalid, sizeof(EnrollEntry *), compare_entries);

	call->ncandidates = 0;
	call->candidates = MemoryContextAllocExtended(CurrentMemoryContext,
												  sizeof(EnrollCandidate) * Max(call->nentries, 1),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (int start = 0, end; start < nvalid; start = end)
	{
		end = start + 1;
		while (end < nvalid && same_address(valid[start], valid[end]))
			end++;
		add_candidate(call, valid + start, end - start);
	}
	for (int i = 0; i < call->nentries; i++)
	{
		EnrollEntry *entry = &call->entries[i];

		if (entry->patch && entry->email.data == NULL)
			add_candidate(call, &entry, 1);
	}
	pfree(valid);
}

/*
 * Reads the array of lead objects of a call.  Raises PT422 if one is invalid,
 * unless the call skips those, and PT400 if one has not the form that it must
 * have where leads are added.
 */
void
enroll_read(EnrollCall *call, JsonbContainer *leads)
{
	call->nentries = JsonContainerSize(leads);
	read_entries(call, leads);
	enroll_make_candidates(call);
}
