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
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_complete_messages);
PG_FUNCTION_INFO_V1(lt_fail_messages);
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
		campaign_read_steps(lease.workspace, UUIDPGetDatum(&lease.campaign), &steps);
	if (settled > 0)
		queue_lease_save(&lease, &steps, now);
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

/* SQL: lt_fail_messages(lease_id, message_ids, error, permanent) */
Datum
lt_fail_messages(PG_FUNCTION_ARGS)
{
	TimestampTz now;
	QueueLease	lease;
	QueueSteps	steps;
	bool		open;
	Datum		workspace = context_enter("messages:update");
	const char *error;
	int		   *numbers;
	int			count;

	error_if_null(0, "lease_id");
	error_if_null(1, "message_ids");
	error_if_null(2, "error");
	error_if_null(3, "permanent");
	error = text_to_cstring(lease_error(PG_GETARG_TEXT_PP(2)));
	statement_connect();
	open = lock_lease(fcinfo, workspace, &lease, &now);
	numbers = find_numbers(fcinfo, 1, &lease, &count);
	count = open ? leave_open(&lease, numbers, count) : 0;
	if (count > 0)
	{
		campaign_read_steps(lease.workspace, UUIDPGetDatum(&lease.campaign), &steps);
		queue_lease_fail(&lease, &steps, numbers, count, error, PG_GETARG_BOOL(3), now);
	}
	statement_finish();
	PG_RETURN_INT32(count);
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
