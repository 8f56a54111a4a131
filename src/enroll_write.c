/*
 * enroll_write.c
 *		Writing what a bulk call asks for.
 *
 * The candidates of a call are worked on in the order of their addresses:
 *
 *	1. leave out those that are suppressed;
 *	2. look the others up in one pass: lead, fields, enrollment.  Where a sample
 *	   has no lead, the rest is taken to have none either;
 *	3. insert the leads that are missing.  What is there after all is left out
 *	   by ON CONFLICT DO NOTHING, and looked up;
 *	4. change the leads that differ.  Where known leads are to be enrolled, lock
 *	   them all first.  A lead that was deleted meanwhile goes back to 3;
 *	5. enroll, in the order of lead ids, and queue step one.  Where leads are
 *	   added, those that differ change after it: a lead that others have enrolled
 *	   meanwhile is not changed.
 *
 * Each step takes its locks in one order in every session, and the steps come
 * in one order, so that calls with the same leads wait for each other and do
 * not deadlock.  Two cases are left, both while others delete leads, as merging
 * and forgetting do.  A lead that was deleted, or deleted and made again, while
 * step 4 held others goes back to 3 or 4, where this call may wait for one that
 * waits for those.  And a lead that was only to be kept and has changed since the
 * look-up needs the stronger lock: this call may wait for one that waits for a
 * deletion which waits for what it keeps.  The server then cancels one of them,
 * and its caller can try again.  (A
 * subtransaction to let go of the locks would burden every call.)  All
 * locks of step 4 have one strength, because two statements of two strengths
 * would take them in two orders.  A lead that nothing changes in is neither
 * locked nor written: had the call come before what others change meanwhile,
 * it would have left the same.  (Step 3 may wait for whoever is changing a lead
 * that a sample took for missing.)
 *
 * Steps go over the candidates in parts and free what a part needed: memory
 * grows with the entries, by little.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "context.h"
#include "enroll.h"
#include "enrollment.h"
#include "list.h"
#include "queue.h"
#include "statement.h"
#include "uuid7.h"

/* Candidates that one statement handles. */
#define PART_MAX 1000

/* Times that steps 3 and 4 go over leads which others delete meanwhile. */
#define ROUNDS_MAX 100

typedef bool (*CandidateTest) (const EnrollCandidate *candidate);
typedef void (*PartStep) (const EnrollCall *call, EnrollCandidate **part, int count);

static bool
has_email(const EnrollCandidate *candidate)
{
	return candidate->email.data != NULL;
}

static bool
is_kept(const EnrollCandidate *candidate)
{
	return has_email(candidate) && !candidate->suppressed;
}

static bool
is_missing(const EnrollCandidate *candidate)
{
	return is_kept(candidate) && !candidate->known && !candidate->existing_only;
}

static bool
is_nameless(const EnrollCandidate *candidate)
{
	return !has_email(candidate);
}

static bool
is_created(const EnrollCandidate *candidate)
{
	return candidate->known && candidate->created;
}

static bool
needs_lock(const EnrollCandidate *candidate)
{
	return candidate->known && !candidate->created && !candidate->locked &&
		(candidate->differs || enroll_is_wanted(candidate));
}

static bool
needs_lock_to_enroll(const EnrollCandidate *candidate)
{
	return needs_lock(candidate) && enroll_is_wanted(candidate);
}

static bool
needs_change(const EnrollCandidate *candidate)
{
	return candidate->known && !candidate->created && candidate->differs;
}

static bool
needs_change_enrolled(const EnrollCandidate *candidate)
{
	return needs_change(candidate) && candidate->enrolled;
}

/* Says whether a test holds for any candidate. */
static bool
has_any(const EnrollCall *call, CandidateTest test)
{
	for (int i = 0; i < call->ncandidates; i++)
	{
		if (test(&call->candidates[i]))
			return true;
	}
	return false;
}

/*
 * Runs a step over an array of candidates in parts, in a memory context that
 * is reset after each part.
 */
static void
run_parts(const EnrollCall *call, EnrollCandidate **candidates, int count, PartStep step)
{
	MemoryContext part_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra part",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller_context = MemoryContextSwitchTo(part_context);

	for (int start = 0; start < count; start += PART_MAX)
	{
		CHECK_FOR_INTERRUPTS();
		step(call, candidates + start, Min(count - start, PART_MAX));
		MemoryContextReset(part_context);
	}
	MemoryContextSwitchTo(caller_context);
	MemoryContextDelete(part_context);
}

/* Lists the candidates for which a test holds. */
static EnrollCandidate **
select_candidates(const EnrollCall *call, CandidateTest test, int *count)
{
	EnrollCandidate **selected = palloc(sizeof(EnrollCandidate *) * Max(call->ncandidates, 1));

	*count = 0;
	for (int i = 0; i < call->ncandidates; i++)
	{
		if (test(&call->candidates[i]))
			selected[(*count)++] = &call->candidates[i];
	}
	return selected;
}

/* Runs a step over the candidates for which a test holds. */
static void
run_step(const EnrollCall *call, CandidateTest test, PartStep step)
{
	int			count;
	EnrollCandidate **selected = select_candidates(call, test, &count);

	run_parts(call, selected, count, step);
	pfree(selected);
}

/* Returns candidates as what is to be written of them. */
static LeadChange *
part_changes(EnrollCandidate **part, int count)
{
	LeadChange *changes = palloc(sizeof(LeadChange) * count);

	for (int i = 0; i < count; i++)
		changes[i] = (LeadChange) {part[i]->lead_id, part[i]->email, part[i]->patch};
	return changes;
}

/* Step 3: inserts the leads of candidates that have none. */
static void
insert_missing(const EnrollCall *call, EnrollCandidate **part, int count)
{
	bool		complete;

	for (int i = 0; i < count; i++)
	{
		uuid7_generate(&part[i]->lead_id);
		/* A lead that was deleted since the look-up took its enrollment along. */
		part[i]->has_enrollment = part[i]->removed = false;
	}
	complete = lead_insert(call->workspace, part_changes(part, count), count) == (uint64) count;
	for (int i = 0; i < count; i++)
	{
		part[i]->known = complete;
		part[i]->created = true;
	}
	if (!complete)
		enroll_find(call, part, count);
}

static void
raise_kept_out(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("leads cannot be written to table \"%s\"", "leadterra.leads"),
			 errhint("A trigger or a rule on the table may keep them out.")));
}

/* Step 3: inserts the leads of candidates without an address, which are all new. */
static void
insert_nameless(const EnrollCall *call, EnrollCandidate **part, int count)
{
	for (int i = 0; i < count; i++)
	{
		uuid7_generate(&part[i]->lead_id);
		part[i]->known = part[i]->created = true;
	}
	if (lead_insert(call->workspace, part_changes(part, count), count) != (uint64) count)
		raise_kept_out();
}

/*
 * Step 4: changes leads.  If one is gone, looks again what there is; one that is
 * there all the same is as a trigger wants it.
 */
static void
change_leads(const EnrollCall *call, EnrollCandidate **part, int count)
{
	LeadChange *changes = part_changes(part, count);
	bool		complete = lead_update(call->workspace, changes, count) == (uint64) count;

	for (int i = 0; i < count; i++)
	{
		part[i]->known = part[i]->locked = complete;
		part[i]->differs = false;
	}
	if (complete)
		return;
	enroll_find(call, part, count);
	for (int i = 0; i < count; i++)
	{
		if (part[i]->known && memcmp(&part[i]->lead_id, &changes[i].lead_id, UUID_LEN) == 0)
		{
			part[i]->locked = true;
			part[i]->differs = false;
		}
	}
}

/*
 * Step 4: locks leads and looks at them again.  One that is gone is unknown
 * again.  One that is only kept, and differs since another session changed it,
 * is not taken as locked: what keeps it from being deleted does not keep it
 * from changing.
 */
static void
hold_leads(const EnrollCall *call, EnrollCandidate **part, int count, bool change)
{
	LeadString *emails = enroll_emails(part, count);
	uint64		nfound = change ? lead_lock(call->workspace, emails, count) :
		lead_keep(call->workspace, emails, count);

	for (int i = 0; i < count; i++)
		part[i]->known = false;
	for (uint64 i = 0; i < nfound; i++)
	{
		Datum		values[2 + LEAD_FIELDS];
		bool		nulls[2 + LEAD_FIELDS];
		EnrollCandidate *candidate;

		statement_row(i, values, nulls);
		candidate = part[DatumGetInt64(values[0]) - 1];
		candidate->known = true;
		/* Another session may have replaced the lead since the look-up. */
		if (memcmp(&candidate->lead_id, DatumGetUUIDP(values[1]), UUID_LEN) != 0)
			candidate->has_enrollment = candidate->removed = false;
		candidate->lead_id = *DatumGetUUIDP(values[1]);
		candidate->differs = lead_differs(candidate->patch, values + 2, nulls + 2);
		candidate->locked = change || !candidate->differs;
	}
	SPI_freetuptable(SPI_tuptable);
	/* Another session may have put it meanwhile where it is skipped for being. */
	if (enroll_skips_by_target(call))
		enroll_find(call, part, count);
}

static void
lock_leads(const EnrollCall *call, EnrollCandidate **part, int count)
{
	hold_leads(call, part, count, true);
}

static void
keep_leads(const EnrollCall *call, EnrollCandidate **part, int count)
{
	hold_leads(call, part, count, false);
}

/* Step 5: enrolls leads that this call made. */
static void
enroll_created_leads(const EnrollCall *call, EnrollCandidate **part, int count)
{
	Datum		lead_ids = enroll_lead_ids(part, count);

	if (call->is_list)
		list_insert_created(call->workspace, call->target, lead_ids);
	else
		enrollment_insert_created(call->workspace, call->target, lead_ids);
	for (int i = 0; i < count; i++)
		part[i]->enrolled = part[i]->queued = true;
}

static int
compare_lead_ids(const void *left, const void *right)
{
	const EnrollCandidate *a = *(EnrollCandidate *const *) left;
	const EnrollCandidate *b = *(EnrollCandidate *const *) right;

	return uuid7_compare(&a->lead_id, &b->lead_id);
}

/*
 * Step 5: enrolls leads that were known.  Those that another session enrolled
 * meanwhile are not returned, and are updates.
 */
static void
enroll_known_leads(const EnrollCall *call, EnrollCandidate **part, int count)
{
	Datum		lead_ids = enroll_lead_ids(part, count);
	uint64		returned = call->is_list ?
		list_insert_known(call->workspace, call->target, lead_ids) :
		enrollment_insert_known(call->workspace, call->target, lead_ids);

	for (uint64 i = 0; i < returned; i++)
	{
		EnrollCandidate key;
		EnrollCandidate *wanted = &key;
		EnrollCandidate **found;
		bool		isnull;

		key.lead_id = *DatumGetUUIDP(statement_value(i, 1, &isnull));
		found = bsearch(&wanted, part, count, sizeof(EnrollCandidate *), compare_lead_ids);
		if (found == NULL)
			elog(ERROR, "a lead was enrolled that was not asked for");
		(*found)->enrolled = (*found)->queued = true;
	}
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Step 5: enrolls leads again that were removed from the campaign.  Their
 * messages, which were skipped for that, wait again.
 */
static void
enroll_back(const EnrollCall *call, EnrollCandidate **part, int count)
{
	for (int i = 0; i < count; i++)
	{
		part[i]->enrolled = enrollment_change(call->workspace, call->target,
											  &part[i]->lead_id, "removed", "active");
		/* A claim may have skipped its message meanwhile. */
		if (part[i]->enrolled &&
			queue_requeue(call->workspace, call->target, &part[i]->lead_id, "removed") &&
			call->running)
			queue_notify();
	}
}

static bool
is_back(const EnrollCandidate *candidate)
{
	return candidate->known && candidate->removed && enroll_is_wanted(candidate);
}

static bool
is_new_to_campaign(const EnrollCandidate *candidate)
{
	return candidate->known && !candidate->created && !candidate->has_enrollment &&
		enroll_is_wanted(candidate);
}

/* Runs a step over the candidates for which a test holds, by lead id. */
static void
run_step_by_id(const EnrollCall *call, CandidateTest test, PartStep step)
{
	int			count;
	EnrollCandidate **selected = select_candidates(call, test, &count);

	qsort(selected, count, sizeof(EnrollCandidate *), compare_lead_ids);
	run_parts(call, selected, count, step);
	pfree(selected);
}

/* Queues step one for the leads that were enrolled in a campaign, in the order of entries. */
static void
queue_enrolled(const EnrollCall *call)
{
	pg_uuid_t  *lead_ids = MemoryContextAllocHuge(CurrentMemoryContext,
												  sizeof(pg_uuid_t) * Max(call->ncandidates, 1));
	int			count = 0;

	for (int i = 0; i < call->nentries; i++)
	{
		const EnrollCandidate *candidate = call->entries[i].candidate;

		if (candidate && candidate->first == i && candidate->queued)
			lead_ids[count++] = candidate->lead_id;
	}
	queue_enqueue(&(QueueEnqueued) {
		.workspace = call->workspace, .campaign = call->target, .step = 1, .since = context_time()
	}, lead_ids, count);
	if (count > 0 && call->running)
		queue_notify();
	pfree(lead_ids);
}

/* Steps 3 to 5. */
static void
write_candidates(const EnrollCall *call)
{
	bool		change_first = call->mode != ENROLL_ADD;
	int			rounds = 0;

	run_step(call, is_nameless, insert_nameless);
	do
	{
		if (rounds++ == ROUNDS_MAX)
			raise_kept_out();
		run_step(call, is_missing, insert_missing);
		if (has_any(call, needs_lock_to_enroll))
			run_step(call, needs_lock, has_any(call, needs_change) || enroll_skips_by_target(call) ?
					 lock_leads : keep_leads);
		if (change_first)
			run_step(call, needs_change, change_leads);
	} while (has_any(call, is_missing) || has_any(call, needs_lock) ||
			 (change_first && has_any(call, needs_change)));

	run_step(call, is_created, enroll_created_leads);
	/*
	 * In this order: an insert may wait for a call that brings a lead back, which
	 * then must not wait for what this one has brought back.
	 */
	run_step_by_id(call, is_new_to_campaign, enroll_known_leads);
	run_step_by_id(call, is_back, enroll_back);
	if (!change_first)
		run_step(call, needs_change_enrolled, change_leads);
	if (!call->is_list)
		queue_enrolled(call);
}

/* Holds a call to the limit of the workspace, and notes how many leads more there may be. */
static void
check_limit(EnrollCall *call)
{
	int64		created = 0;

	for (int i = 0; i < call->ncandidates; i++)
		created += !call->candidates[i].suppressed && call->candidates[i].created;
	if (created > 0 || call->mode == ENROLL_ADD)
		call->limited = lead_limit(call->workspace, created, call->dry_run, &call->remaining);
}

/* Says of each candidate whether writing would enroll it. */
static void
predict(const EnrollCall *call)
{
	for (int i = 0; i < call->ncandidates; i++)
	{
		EnrollCandidate *candidate = &call->candidates[i];

		candidate->created = !candidate->known;
		candidate->enrolled = enroll_is_wanted(candidate);
	}
}

/* Says of each entry what became of it. */
static void
settle_entries(const EnrollCall *call)
{
	for (int i = 0; i < call->nentries; i++)
	{
		EnrollEntry *entry = &call->entries[i];
		const EnrollCandidate *candidate = entry->candidate;

		if (candidate == NULL)
			entry->outcome = ENROLL_SKIPPED;
		else if (candidate->suppressed)
		{
			entry->outcome = ENROLL_SKIPPED;
			entry->reason = "suppressed";
		}
		else if (!candidate->known && !call->dry_run)
		{
			entry->outcome = ENROLL_SKIPPED;
			entry->reason = "deleted";
		}
		else if (candidate->first == i && candidate->enrolled)
			entry->outcome = ENROLL_ENROLLED;
		else
			entry->outcome = ENROLL_UPDATED;
	}
}

/*
 * Writes what the candidates of a call ask for, or finds out what it would
 * write if the call is a dry run.  Runs in SPI.
 */
void
enroll_write(EnrollCall *call)
{
	run_step(call, is_kept, enroll_check_suppression);
	run_step(call, is_kept, enroll_find_known);
	if (call->dry_run)
		predict(call);
	else
		write_candidates(call);
	check_limit(call);
	settle_entries(call);
}
