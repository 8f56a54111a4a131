/*
 * campaign_bounce.c
 *		Campaigns with a limit of bounces, which pause by themselves past it.
 *
 * A campaign without such a limit writes nothing.  What is sent is counted when a lease
 * closes; what was sent under open ones stands in these.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "statement.h"
#include "webhook.h"

/* Below so many messages a share says nothing. */
#define BOUNCE_SAMPLE 20

static Statement count_sent = STATEMENT(
	"UPDATE leadterra.campaign_usage u SET sent = u.sent + $3"
	" FROM leadterra.campaigns c"
	" WHERE u.workspace_id = $1 AND u.campaign_id = $2"
	" AND c.workspace_id = $1 AND c.campaign_id = $2 AND c.bounce_limit IS NOT NULL",
	SPI_OK_UPDATE, UUIDOID, UUIDOID, INT4OID);

/* Whoever starts the campaign has it before the counts, too. */
static Statement lock_limit = STATEMENT(
	"SELECT bounce_limit FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND bounce_limit IS NOT NULL"
	" FOR NO KEY UPDATE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement count_bounced = STATEMENT(
	"INSERT INTO leadterra.campaign_usage AS u (workspace_id, campaign_id, refused, bounced)"
	" VALUES ($1, $2, $3, $4)"
	" ON CONFLICT (workspace_id, campaign_id) DO UPDATE"
	" SET refused = u.refused + excluded.refused, bounced = u.bounced + excluded.bounced"
	" RETURNING u.bounced, u.refused + u.sent + ("
	" SELECT coalesce(sum(l.sent), 0)::bigint FROM leadterra.leases l"
	" WHERE l.workspace_id = $1 AND l.campaign_id = $2 AND l.state = 'open'"
	" AND l.claimed_at IS NOT NULL)",
	SPI_OK_INSERT_RETURNING, UUIDOID, UUIDOID, INT4OID, INT4OID);

static Statement pause_for_bounces = STATEMENT(
	"UPDATE leadterra.campaigns"
	" SET status = 'paused', paused_at = $3, pause_reason = 'bounce_limit'"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'running'"
	" RETURNING " WEBHOOK_EVENTS("$1", "$2"),
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TIMESTAMPTZOID);

/* Counts messages that were sent under a lease that closes.  Runs in SPI. */
void
campaign_count_sent(Datum workspace, Datum campaign, int messages)
{
	Datum		values[] = {workspace, campaign, Int32GetDatum(messages)};

	if (messages > 0)
		statement_execute(&count_sent, values, NULL);
}

/*
 * Counts messages that bounced, of which some were refused while they were sent, and pauses
 * the campaign where these are too many.  Runs in SPI.
 */
void
campaign_count_bounces(Datum workspace, Datum campaign, int refused, int bounced,
					   TimestampTz now)
{
	Datum		values[] = {workspace, campaign, Int32GetDatum(refused), Int32GetDatum(bounced)};
	double		limit;
	Datum		counts[2];
	bool		nulls[2];

	if (statement_execute(&lock_limit, values, NULL) == 0)
		return;
	limit = DatumGetFloat8(statement_value(0, 1, &nulls[0]));
	statement_execute(&count_bounced, values, NULL);
	statement_row(0, counts, nulls);
	if (DatumGetInt64(counts[1]) >= BOUNCE_SAMPLE &&
		DatumGetInt64(counts[0]) > limit * DatumGetInt64(counts[1]))
	{
		values[2] = TimestampTzGetDatum(now);
		statement_execute(&pause_for_bounces, values, NULL);
		campaign_tell(workspace, campaign, "campaign.paused", "bounce_limit");
	}
}
