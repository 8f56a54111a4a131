/*
 * enroll_find.c
 *		What there is of the leads of a bulk call before it writes.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "enroll.h"
#include "statement.h"
#include "suppression.h"

/* Candidates of a part that are looked up to guess whether the others are known. */
#define SAMPLE_MAX 16

/*
 * OFFSET 0 keeps the subquery as it is, so that each address is looked up by
 * index, and so is the enrollment.  Without statistics the planner takes the
 * rows of a workspace or a campaign for one, and would read them all and compare
 * each with each address.
 */
#define FIND_LEADS(table, key, removed) STATEMENT( \
	"SELECT u.position, l.*," \
	" (SELECT " removed \
	" FROM " table " e" \
	" WHERE e.workspace_id = $1 AND e." key " = $2 AND e.lead_id = l.lead_id)" \
	" FROM unnest($3) WITH ORDINALITY AS u (email, position)" \
	" CROSS JOIN LATERAL (" \
	" SELECT lead_id, " LEAD_COLUMNS \
	" FROM leadterra.leads l" \
	" WHERE l.workspace_id = $1 AND l.email = u.email" \
	" OFFSET 0) l", \
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTARRAYOID)

static Statement find_enrolled = FIND_LEADS("leadterra.enrollments", "campaign_id",
											"e.status = 'removed'");
static Statement find_listed = FIND_LEADS("leadterra.list_members", "list_id", "false");

/*
 * Which of the leads are in any campaign, or in any list, as asked.  Campaigns are
 * gone through one by one: an index of enrollments by lead would cost each call.
 */
static Statement find_elsewhere = STATEMENT(
	"SELECT u.position"
	" FROM unnest($2) WITH ORDINALITY AS u (lead_id, position)"
	" WHERE $3 AND ("
	" SELECT true FROM leadterra.campaigns c"
	" CROSS JOIN LATERAL ("
	" SELECT FROM leadterra.enrollments e"
	" WHERE e.workspace_id = $1 AND e.campaign_id = c.campaign_id AND e.lead_id = u.lead_id"
	" AND e.status <> 'removed'"
	" OFFSET 0) e"
	" WHERE c.workspace_id = $1"
	" LIMIT 1)"
	" OR $4 AND ("
	" SELECT true FROM leadterra.list_members m"
	" WHERE m.workspace_id = $1 AND m.lead_id = u.lead_id"
	" LIMIT 1)",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, BOOLOID, BOOLOID);

/* Says whether a lead is to be enrolled, as far as is known. */
bool
enroll_is_wanted(const EnrollCandidate *candidate)
{
	return (!candidate->has_enrollment || candidate->removed) && !candidate->elsewhere;
}

/* Step 1: marks candidates whose address is suppressed. */
void
enroll_check_suppression(const EnrollCall *call, EnrollCandidate **part, int count)
{
	SuppressionCheck *checks = palloc0(sizeof(SuppressionCheck) * count);

	for (int i = 0; i < count; i++)
	{
		checks[i].email = part[i]->email.data;
		checks[i].length = part[i]->email.length;
	}
	suppression_check(call->workspace, call->blocklist, checks, count);
	for (int i = 0; i < count; i++)
		part[i]->suppressed = checks[i].suppressed;
}

/* Returns the addresses of candidates. */
LeadString *
enroll_emails(EnrollCandidate **part, int count)
{
	LeadString *emails = palloc(sizeof(LeadString) * count);

	for (int i = 0; i < count; i++)
		emails[i] = part[i]->email;
	return emails;
}

/* Makes a uuid[] of the leads of candidates. */
Datum
enroll_lead_ids(EnrollCandidate **part, int count)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(count, 1));
	bool		isnull;

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&part[i]->lead_id);
	return statement_array(ids, NULL, count, UUIDOID, &isnull);
}

/* Says whether a call leaves leads out for being in a campaign or a list. */
bool
enroll_skips_by_target(const EnrollCall *call)
{
	return call->skips.in_campaign || call->skips.in_list;
}

/* Marks known leads that a call leaves out for where else they are. */
static void
check_elsewhere(const EnrollCall *call, EnrollCandidate **part, int count)
{
	EnrollCandidate **known = palloc(sizeof(EnrollCandidate *) * count);
	Datum		parameters[] = {call->workspace, (Datum) 0,
	BoolGetDatum(call->skips.in_campaign), BoolGetDatum(call->skips.in_list)};
	int			nknown = 0;
	uint64		nfound;
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		if (!part[i]->known || part[i]->created || !enroll_is_wanted(part[i]))
			continue;
		part[i]->elsewhere = call->skips.in_workspace;
		known[nknown++] = part[i];
	}
	if (call->skips.in_workspace || !enroll_skips_by_target(call))
		return;
	parameters[1] = enroll_lead_ids(known, nknown);
	nfound = statement_execute(&find_elsewhere, parameters, NULL);
	for (uint64 i = 0; i < nfound; i++)
		known[DatumGetInt64(statement_value(i, 1, &isnull)) - 1]->elsewhere = true;
	SPI_freetuptable(SPI_tuptable);
}

/* Looks candidates up. */
void
enroll_find(const EnrollCall *call, EnrollCandidate **part, int count)
{
	Datum		parameters[] = {call->workspace, call->target,
	lead_emails(enroll_emails(part, count), count)};
	uint64		nfound = statement_execute(call->is_list ? &find_listed : &find_enrolled,
										   parameters, NULL);

	for (uint64 i = 0; i < nfound; i++)
	{
		Datum		values[3 + LEAD_FIELDS];
		bool		nulls[3 + LEAD_FIELDS];
		EnrollCandidate *candidate;
		pg_uuid_t  *lead_id;

		statement_row(i, values, nulls);
		candidate = part[DatumGetInt64(values[0]) - 1];
		lead_id = DatumGetUUIDP(values[1]);
		candidate->known = true;
		/* In step 3 the row may be the one that was inserted. */
		candidate->created = candidate->created &&
			memcmp(&candidate->lead_id, lead_id, UUID_LEN) == 0;
		candidate->lead_id = *lead_id;
		candidate->differs = lead_differs(candidate->patch, values + 2, nulls + 2);
		candidate->has_enrollment = !nulls[2 + LEAD_FIELDS];
		candidate->removed = candidate->has_enrollment && DatumGetBool(values[2 + LEAD_FIELDS]);
	}
	SPI_freetuptable(SPI_tuptable);
	if (call->mode != ENROLL_ADD)
		return;
	check_elsewhere(call, part, count);
	for (int i = 0; i < count; i++)
		part[i]->differs = part[i]->differs && enroll_is_wanted(part[i]);
}

/*
 * Step 2: looks candidates up, unless a sample of them suggests that all are
 * new: then step 3 finds the others, for less than a look-up of all.
 */
void
enroll_find_known(const EnrollCall *call, EnrollCandidate **part, int count)
{
	EnrollCandidate *sample[SAMPLE_MAX];
	int			nsample = Min(count, SAMPLE_MAX);
	bool		any_known = false;

	if (!call->dry_run && call->mode != ENROLL_EXISTING && count > SAMPLE_MAX)
	{
		for (int i = 0; i < nsample; i++)
			sample[i] = part[i * count / nsample];
		enroll_find(call, sample, nsample);
		for (int i = 0; i < nsample; i++)
			any_known = any_known || sample[i]->known;
		if (!any_known)
			return;
	}
	enroll_find(call, part, count);
}

