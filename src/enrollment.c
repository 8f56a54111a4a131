/*
 * enrollment.c
 *		Which lead is in which campaign: the table of enrollments.
 *
 * What goes with leads and campaigns that are deleted is in
 * sql/30_function/enrollment.sql.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "enrollment.h"
#include "statement.h"

/* Leads of this transaction are seen by nobody else: enrolling them meets no conflict. */
static Statement insert_created = STATEMENT(
	"INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, enrolled_at)"
	" SELECT $1, $2, u.lead_id, $4"
	" FROM unnest($3) AS u (lead_id)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, UUIDARRAYOID, TIMESTAMPTZOID);

static Statement insert_known = STATEMENT(
	"INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, enrolled_at)"
	" SELECT $1, $2, u.lead_id, $4"
	" FROM unnest($3) AS u (lead_id)"
	" ON CONFLICT (workspace_id, campaign_id, lead_id) DO NOTHING"
	" RETURNING lead_id",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, UUIDARRAYOID, TIMESTAMPTZOID);

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

static Statement lock_free = STATEMENT(
	"SELECT u.number, e.status"
	" FROM unnest($3) WITH ORDINALITY AS u (lead_id, number)"
	" CROSS JOIN LATERAL ("
	" SELECT e.status FROM leadterra.enrollments e"
	" WHERE e.workspace_id = $1 AND e.campaign_id = $2 AND e.lead_id = u.lead_id"
	" FOR SHARE SKIP LOCKED) e",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID);

static Statement change_status = STATEMENT(
	"UPDATE leadterra.enrollments SET status = $5"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND lead_id = $3"
	" AND status = ANY (string_to_array($4, ','))",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, UUIDOID, TEXTOID, TEXTOID);

/*
 * Enrolls leads, a uuid[], that this transaction has made, at the time since which
 * their first step waits.  Runs in SPI.
 */
void
enrollment_insert_created(Datum workspace, Datum campaign, Datum lead_ids)
{
	Datum		values[] = {workspace, campaign, lead_ids, TimestampTzGetDatum(context_time())};

	statement_execute(&insert_created, values, NULL);
}

/*
 * Enrolls leads, a uuid[] in order, and returns how many; the result has their ids.
 * The others were enrolled before, in whatever state.  Runs in SPI.
 */
uint64
enrollment_insert_known(Datum workspace, Datum campaign, Datum lead_ids)
{
	Datum		values[] = {workspace, campaign, lead_ids, TimestampTzGetDatum(context_time())};

	return statement_execute(&insert_known, values, NULL);
}

/*
 * Finds the leads of a campaign, in whatever state, that have addresses, a text[],
 * under the caller's snapshot if that is to be stable.  The result has the id and the
 * status of each, in the order of ids.  Runs in SPI.
 */
uint64
enrollment_find(Datum workspace, Datum campaign, Datum emails, bool stable)
{
	Datum		values[] = {workspace, campaign, emails};

	return stable ? statement_read(&find_enrolled, values) :
		statement_execute(&find_enrolled, values, NULL);
}

/*
 * Keeps enrollments of leads, a uuid[], from changing until commit, and returns how
 * many; the result has the place of the lead, from 1, and the status of each.  Those
 * that another session is changing are left out.  Runs in SPI.
 */
uint64
enrollment_lock_free(Datum workspace, Datum campaign, Datum lead_ids)
{
	Datum		values[] = {workspace, campaign, lead_ids};

	return statement_execute(&lock_free, values, NULL);
}

/*
 * Changes the status of an enrollment from one, or one of several with commas
 * between them, to another; false if it has none of them by now.  One statement
 * a lead is by index whatever the planner thinks of the table, and callers choose
 * the order of locks.  Runs in SPI.
 */
bool
enrollment_change(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
				  const char *from, const char *to)
{
	Datum		values[] = {workspace, campaign, UUIDPGetDatum(lead_id),
	CStringGetTextDatum(from), CStringGetTextDatum(to)};
	bool		changed = statement_execute(&change_status, values, NULL) > 0;

	pfree(DatumGetPointer(values[3]));
	pfree(DatumGetPointer(values[4]));
	return changed;
}

/*
 * Ends the sequence of a lead, unless it has ended for that or a stronger reason; returns
 * whether it does.  Runs in SPI.
 */
bool
enrollment_end(Datum workspace, Datum campaign, const pg_uuid_t *lead_id, const char *status)
{
	const char *weaker = strcmp(status, "replied") == 0 ? "active,removed" :
		strcmp(status, "bounced") == 0 ? "active,removed,replied" :
		"active,removed,replied,bounced";

	return enrollment_change(workspace, campaign, lead_id, weaker, status);
}
