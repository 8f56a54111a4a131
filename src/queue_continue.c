/*
 * queue_continue.c
 *		Leads that had finished a campaign, and go on with steps that were added.
 *
 * A lease that has ended says how many steps its campaign had then: whoever completed the
 * last of them in it had finished.  It says the new number once these go on.  A lease in
 * which nobody did is left as it is.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "compat.h"
#include "queue.h"
#include "statement.h"

/* Ranges of a lease at the last step that there was, and the number of their first message. */
#define FINISHED_RANGES \
	" CROSS JOIN LATERAL (" \
	" SELECT r.batch_id, r.size, sum(r.size) OVER (ORDER BY r.number) - r.size AS start FROM (" \
	" SELECT r.batch_id, r.number, greatest(r.last::integer - r.first + 1, 0) AS size" \
	" FROM unnest(l.batch_ids, l.firsts, l.lasts) WITH ORDINALITY" \
	" AS r (batch_id, first, last, number)) r) r" \
	" CROSS JOIN LATERAL (" \
	" SELECT FROM leadterra.batches b" \
	" WHERE b.workspace_id = $1 AND b.batch_id = r.batch_id AND b.campaign_id = $2" \
	" AND b.step = l.steps" \
	" OFFSET 0) b"

#define FINISHED_LEASES \
	" FROM leadterra.leases l" \
	FINISHED_RANGES \
	" CROSS JOIN LATERAL (" \
	" SELECT CASE WHEN l.completed IS NULL THEN r.size ELSE (" \
	" SELECT count(*) FROM generate_series(r.start, r.start + r.size - 1) AS m (number)" \
	" WHERE CASE WHEN m.number < 8 * length(l.completed)" \
	" THEN get_bit(l.completed, m.number) = 1 END)" \
	" END AS leads" \
	" OFFSET 0) n" \
	" WHERE l.workspace_id = $1 AND l.campaign_id = $2" \
	" AND l.state <> 'open' AND l.sent > 0 AND l.steps < $3"

static Statement find_finished = STATEMENT(
	"SELECT l.lease_id"
	FINISHED_LEASES
	" GROUP BY l.lease_id"
	" HAVING sum(n.leads) > 0"
	" ORDER BY l.lease_id"
	" LIMIT $4",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID, INT8OID);

static Statement count_finished = STATEMENT(
	"SELECT coalesce(sum(n.leads), 0)::bigint"
	FINISHED_LEASES,
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4OID);

/*
 * Finds leases in which somebody completed the last step there was, up to a number of them,
 * where a campaign has more steps now.  Returns how many.  Runs in SPI.
 */
int
queue_find_finished(Datum workspace, Datum campaign, int nsteps, pg_uuid_t *lease_ids, int most)
{
	Datum		parameters[] = {workspace, campaign, Int32GetDatum(nsteps), Int64GetDatum(most)};
	int			found = (int) statement_execute(&find_finished, parameters, NULL);
	bool		isnull;

	for (int i = 0; i < found; i++)
		lease_ids[i] = *DatumGetUUIDP(statement_value(i, 1, &isnull));
	return found;
}

/* Counts those who completed that step in all of these leases.  Runs in SPI. */
int64
queue_count_finished(Datum workspace, Datum campaign, int nsteps)
{
	Datum		parameters[] = {workspace, campaign, Int32GetDatum(nsteps)};
	bool		isnull;

	if (statement_execute(&count_finished, parameters, NULL) != 1)
		elog(ERROR, "leads that had finished were not counted");
	return DatumGetInt64(statement_value(0, 1, &isnull));
}
