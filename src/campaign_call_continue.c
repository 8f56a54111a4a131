/*
 * campaign_call_continue.c
 *		Letting leads that had finished a campaign go on with steps that were added.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "queue.h"
#include "sender.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_continue_campaign);

/* Leads that go on in a call, or a few more; and leases that it looks at. */
#define CONTINUED_MAX 10000

/* Lets those go on who had finished in a lease; returns how many they are. */
static int
continue_lease(Datum workspace, const pg_uuid_t *lease_id, const QueueSteps *steps, TimestampTz now)
{
	QueueLease	lease;
	int			continued = 0;

	if (queue_lease_lock_ended(&lease, workspace, lease_id))
	{
		sender_keep_next(workspace, &lease.next_sender);
		continued = queue_lease_continue(&lease, steps, now);
	}
	/* Also where the row is broken, which would be found again. */
	queue_lease_set_steps(workspace, lease_id, steps->count);
	return continued;
}

/* Lets a slice of those go on who had finished a campaign; returns how many are left. */
static int64
continue_campaign(Datum workspace, Datum campaign)
{
	pg_uuid_t  *lease_ids = palloc(sizeof(pg_uuid_t) * CONTINUED_MAX);
	int			continued = 0;
	int			found;
	QueueSteps	steps;

	campaign_read_steps(workspace, campaign, &steps);
	found = queue_find_finished(workspace, campaign, steps.count, lease_ids, CONTINUED_MAX);
	for (int i = 0; i < found && continued < CONTINUED_MAX; i++)
	{
		CHECK_FOR_INTERRUPTS();
		continued += continue_lease(workspace, &lease_ids[i], &steps, context_time());
	}
	return queue_count_finished(workspace, campaign, steps.count);
}

/* SQL: lt_continue_campaign(campaign_id) */
Datum
lt_continue_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:update");
	Datum		campaign = campaign_argument(fcinfo, 0);
	int64		left = 0;

	/* Of two at once the second sees what the first has queued. */
	context_require_read_committed("continuing a campaign");
	statement_connect();
	if (campaign_lock(workspace, campaign) != CAMPAIGN_DRAFT)
		left = continue_campaign(workspace, campaign);
	statement_finish();
	PG_RETURN_INT64(left);
}
