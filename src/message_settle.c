/*
 * message_settle.c
 *		What workers say of the messages that they claimed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "lease.h"
#include "message.h"
#include "queue.h"
#include "sender.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_complete_messages);
PG_FUNCTION_INFO_V1(lt_fail_messages);
PG_FUNCTION_INFO_V1(lt_bounce_messages);
PG_FUNCTION_INFO_V1(lt_defer_messages);
PG_FUNCTION_INFO_V1(lt_release_lease);
PG_FUNCTION_INFO_V1(lt_extend_lease);

static void
raise_broken(Datum lease_id)
{
	error_raise(ERROR_BROKEN_ROW, "the row of lease \"%s\" is broken", error_uuid(lease_id));
}

/*
 * Locks the lease that an argument names; false if its worker has settled it as
 * a whole.
 */
static bool
lock_lease(FunctionCallInfo fcinfo, Datum workspace, QueueLease *lease, TimestampTz *now)
{
	Datum		lease_id = PG_GETARG_DATUM(0);
	QueueLeaseState state = queue_lease_lock(lease, workspace, lease_id, now);

	if (state == QUEUE_LEASE_BROKEN)
		raise_broken(lease_id);
	if (state == QUEUE_LEASE_LOST || state == QUEUE_LEASE_EXPIRED)
		lease_raise_lost(lease_id);
	return state == QUEUE_LEASE_OPEN;
}

/* Returns the numbers in a lease of the messages in an array argument. */
static int *
find_numbers(FunctionCallInfo fcinfo, int argument, QueueLease *lease, int *count)
{
	ArrayType  *given = PG_GETARG_ARRAYTYPE_P(argument);
	Datum	   *elements;
	bool	   *nulls;
	int		   *numbers;

	error_limit_entries("message_ids", ArrayGetNItems(ARR_NDIM(given), ARR_DIMS(given)));
	deconstruct_array(given, UUIDOID, UUID_LEN, false, TYPALIGN_CHAR, &elements, &nulls, count);
	numbers = palloc(sizeof(int) * Max(*count, 1));
	for (int i = 0; i < *count; i++)
	{
		if (nulls[i])
			error_raise(ERROR_INVALID_REQUEST, "argument \"message_ids\" must not have nulls");
		numbers[i] = queue_lease_find(lease, DatumGetUUIDP(elements[i]));
		if (numbers[i] < 0)
			error_raise(ERROR_MESSAGE_NOT_FOUND, "message \"%s\" is not in the lease",
						error_uuid(elements[i]));
	}
	return numbers;
}

/* Counts what was sent under a lease that is closed, if that counts for a limit. */
static void
count_closed(const QueueLease *lease)
{
	if (queue_lease_is_done(lease) && !TIMESTAMP_IS_NOBEGIN(lease->claimed_at))
		campaign_count_sent(lease->workspace, UUIDPGetDatum(&lease->campaign), lease->sent);
}

/* Finds out what the messages of a lease go on with: the steps of its campaign, and the sender. */
static void
read_next(QueueLease *lease, QueueSteps *steps)
{
	campaign_read_steps(lease->workspace, UUIDPGetDatum(&lease->campaign), steps);
	sender_keep_next(lease->workspace, &lease->next_sender);
}

/* Settles messages as completed: those given, or all; returns how many were open. */
static int
complete(QueueLease *lease, const int *numbers, int count)
{
	int			settled = 0;

	for (int i = 0; i < count; i++)
		settled += queue_lease_settle(lease, numbers ? numbers[i] : i, true);
	return settled;
}

/* SQL: lt_complete_messages(lease_id, message_ids) */
Datum
lt_complete_messages(PG_FUNCTION_ARGS)
{
	TimestampTz now;
	QueueLease	lease;
	QueueSteps	steps = {0};
	bool		open;
	int		   *numbers = NULL;
	int			count;
	int			settled = 0;
	Datum		workspace = context_enter("messages:update");

	error_if_null(0, "lease_id");
	statement_connect();
	open = lock_lease(fcinfo, workspace, &lease, &now);
	count = lease.ranges.nmessages;
	if (!PG_ARGISNULL(1))
		numbers = find_numbers(fcinfo, 1, &lease, &count);
	if (open)
		settled = complete(&lease, numbers, count);
	/* A worker may complete its messages one by one: this is for the last. */
	if (settled > 0 && queue_lease_is_done(&lease))
		read_next(&lease, &steps);
	if (settled > 0)
	{
		queue_lease_save(&lease, &steps, now);
		count_closed(&lease);
	}
	statement_finish();
	PG_RETURN_INT32(settled);
}

/* Keeps of the numbers those of messages that are open, each once. */
static int
leave_open(QueueLease *lease, int *numbers, int count)
{
	bool	   *seen = palloc0(sizeof(bool) * Max(lease->ranges.nmessages, 1));
	int			kept = 0;

	for (int i = 0; i < count; i++)
	{
		if (seen[numbers[i]] || queue_lease_is_settled(lease, numbers[i]))
			continue;
		seen[numbers[i]] = true;
		numbers[kept++] = numbers[i];
	}
	return kept;
}

/* A call that says what became of messages of a lease that were not sent. */
typedef struct Report
{
	Datum		workspace;
	TimestampTz now;
	QueueLease	lease;
	QueueSteps	steps;
	int			count;			/* of the messages that are open */
	int		   *numbers;
} Report;

/*
 * Keeps the campaign of the lease that an argument names from being deleted.  Whoever
 * deletes it takes enrollments and leases along, and so has to wait before that.
 */
static void
keep_campaign(FunctionCallInfo fcinfo, Datum workspace)
{
	pg_uuid_t	campaign;

	if (!queue_lease_campaign(workspace, PG_GETARG_DATUM(0), &campaign) ||
		!campaign_try_keep(workspace, UUIDPGetDatum(&campaign)))
		lease_raise_lost(PG_GETARG_DATUM(0));
}

/* Begins a report on the messages that the second argument names. */
static void
begin_report(FunctionCallInfo fcinfo, Report *report, Datum workspace)
{
	bool		open = lock_lease(fcinfo, workspace, &report->lease, &report->now);

	report->workspace = workspace;
	report->numbers = find_numbers(fcinfo, 1, &report->lease, &report->count);
	report->count = open ? leave_open(&report->lease, report->numbers, report->count) : 0;
	if (report->count > 0)
		read_next(&report->lease, &report->steps);
}

/* Ends a report: says what becomes of the messages, and returns how many they are. */
static int32
end_report(Report *report, const QueueVerdict *verdict)
{
	if (report->count > 0)
		queue_lease_return(&report->lease, &report->steps, report->numbers, report->count,
						   verdict, report->now);
	if (report->count > 0)
		count_closed(&report->lease);
	return report->count;
}

/* Does what a report of bounces says. */
static int32
report_bounces(FunctionCallInfo fcinfo, Datum workspace, const char *reason)
{
	Report		report;
	int32		count;

	statement_connect();
	keep_campaign(fcinfo, workspace);
	begin_report(fcinfo, &report, workspace);
	if (report.count > 0)
		message_bounce(&report.lease, report.numbers, report.count, reason);
	count = end_report(&report, &(QueueVerdict) {
		.fate = QUEUE_FAIL, .reason = reason, .is_bounce = true
	});
	if (count > 0)
		campaign_count_bounces(workspace, UUIDPGetDatum(&report.lease.campaign), count, count,
							   report.now);
	statement_finish();
	return count;
}

/* SQL: lt_fail_messages(lease_id, message_ids, error, permanent) */
Datum
lt_fail_messages(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");
	QueueVerdict verdict = {.fate = QUEUE_RETRY};
	Report		report;
	int32		count;

	error_if_null(0, "lease_id");
	error_if_null(1, "message_ids");
	error_if_null(2, "error");
	error_if_null(3, "permanent");
	verdict.reason = text_to_cstring(lease_error(PG_GETARG_TEXT_PP(2)));
	if (PG_GETARG_BOOL(3) && message_is_bounce(verdict.reason))
		PG_RETURN_INT32(report_bounces(fcinfo, workspace, verdict.reason));
	if (PG_GETARG_BOOL(3))
		verdict.fate = QUEUE_FAIL;
	statement_connect();
	begin_report(fcinfo, &report, workspace);
	count = end_report(&report, &verdict);
	statement_finish();
	PG_RETURN_INT32(count);
}

/* SQL: lt_bounce_messages(lease_id, message_ids, reason) */
Datum
lt_bounce_messages(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");

	error_if_null(0, "lease_id");
	error_if_null(1, "message_ids");
	error_if_null(2, "reason");
	PG_RETURN_INT32(report_bounces(fcinfo, workspace,
								   text_to_cstring(lease_error(PG_GETARG_TEXT_PP(2)))));
}

/* SQL: lt_defer_messages(lease_id, message_ids, wait, error) */
Datum
lt_defer_messages(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");
	Interval	nothing = {0};
	Interval	longest = {.day = QUEUE_DEFER_DAYS};
	Datum		wait = PG_GETARG_DATUM(2);
	QueueVerdict verdict = {.fate = QUEUE_DEFER};
	Report		report;
	int32		count;

	error_if_null(0, "lease_id");
	error_if_null(1, "message_ids");
	error_if_null(2, "wait");
	error_if_null(3, "error");
	if (DatumGetBool(DirectFunctionCall2(interval_le, wait, IntervalPGetDatum(&nothing))) ||
		DatumGetBool(DirectFunctionCall2(interval_gt, wait, IntervalPGetDatum(&longest))))
		error_raise(ERROR_INVALID_REQUEST,
					"argument \"wait\" must be more than nothing and at most %d days",
					QUEUE_DEFER_DAYS);
	verdict.reason = text_to_cstring(lease_error(PG_GETARG_TEXT_PP(3)));
	statement_connect();
	begin_report(fcinfo, &report, workspace);
	verdict.again_at =
		DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												TimestampTzGetDatum(report.now), wait));
	count = end_report(&report, &verdict);
	statement_finish();
	PG_RETURN_INT32(count);
}

/*
 * Gives back the messages of a report.  They were not sent: so they do not count for the
 * limits of the day on which they were claimed.
 */
static void
release(Report *report)
{
	QueueLease *lease = &report->lease;
	Datum		campaign = UUIDPGetDatum(&lease->campaign);
	int			nnew;

	read_next(lease, &report->steps);
	if (!TIMESTAMP_IS_NOBEGIN(lease->claimed_at) && queue_has_sender(&lease->sender))
		sender_give_back(report->workspace, &lease->sender, lease->claimed_at, report->count,
						 report->now);
	nnew = queue_lease_return(lease, &report->steps, report->numbers, report->count,
							  &(QueueVerdict) {.fate = QUEUE_RELEASE}, report->now);
	count_closed(lease);
	if (!TIMESTAMP_IS_NOBEGIN(lease->claimed_at))
		campaign_give_back(report->workspace, campaign, lease->claimed_at, report->count, nnew,
						   report->now);
}

/* SQL: lt_release_lease(lease_id) */
Datum
lt_release_lease(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");
	Report		report = {.workspace = workspace};

	error_if_null(0, "lease_id");
	statement_connect();
	if (lock_lease(fcinfo, workspace, &report.lease, &report.now))
	{
		report.numbers = palloc(sizeof(int) * report.lease.ranges.nmessages);
		for (int i = 0; i < report.lease.ranges.nmessages; i++)
		{
			if (!queue_lease_is_settled(&report.lease, i))
				report.numbers[report.count++] = i;
		}
		release(&report);
		/* Others may take them at once. */
		queue_notify();
	}
	statement_finish();
	PG_RETURN_INT32(report.count);
}

/* SQL: lt_extend_lease(lease_id, lease_for) */
Datum
lt_extend_lease(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");
	TimestampTz now = context_clock();
	TimestampTz expires_at;
	QueueLease	lease;

	error_if_null(0, "lease_id");
	(void) lease_end(fcinfo, 1, now);
	statement_connect();
	if (!lock_lease(fcinfo, workspace, &lease, &now))
		lease_raise_lost(PG_GETARG_DATUM(0));
	expires_at = lease_end(fcinfo, 1, now);
	queue_lease_extend(&lease, expires_at);
	statement_finish();
	PG_RETURN_TIMESTAMPTZ(expires_at);
}
