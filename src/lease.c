/*
 * lease.c
 *		Leases: work that a worker holds for a while, whatever the work is.
 *
 * A worker takes work for a time that it names, and nobody else gets it until then.
 * It may ask for more time, says that the work is done or what went wrong, and has
 * lost it when the time is over.  Each kind of work has its own table and its own
 * waits between attempts; what is the same for all of them is here.
 *
 * A lease that ran out says nothing about the work in it: the worker, its machine or
 * its network may have died of anything.  So that costs no attempt.  But work that kills
 * its workers has to be found among the rest.  What was lost is handed out in leases of
 * its own, which get smaller, until it is alone in one.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "due.h"
#include "error.h"
#include "lease.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_lease_end);
PG_FUNCTION_INFO_V1(lt_require_lease);
PG_FUNCTION_INFO_V1(lt_lease_retry_at);
PG_FUNCTION_INFO_V1(lt_lease_error);
PG_FUNCTION_INFO_V1(lt_is_attempt);
PG_FUNCTION_INFO_V1(lt_lease_most);
PG_FUNCTION_INFO_V1(lt_lease_lose);
PG_FUNCTION_INFO_V1(lt_lease_loss);

/*
 * Returns when a lease ends that is taken now, by the argument that says how
 * long: more than nothing and at most a week.
 */
TimestampTz
lease_end(FunctionCallInfo fcinfo, int number, TimestampTz now)
{
	Interval	nothing = {0};
	Interval	week = {.day = 7};
	Datum		lease_for = PG_GETARG_DATUM(number);

	error_if_null(number, "lease_for");
	if (DatumGetBool(DirectFunctionCall2(interval_le, lease_for, IntervalPGetDatum(&nothing))) ||
		DatumGetBool(DirectFunctionCall2(interval_gt, lease_for, IntervalPGetDatum(&week))))
		error_raise(ERROR_INVALID_REQUEST,
					"argument \"lease_for\" must be more than nothing and at most a week");
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_pl_interval,
												   TimestampTzGetDatum(now), lease_for));
}

/* Says whether a lease is over at a time, which is to be read once its row is locked. */
bool
lease_has_run_out(TimestampTz expires_at, TimestampTz now)
{
	return expires_at <= now;
}

/* Raises the error of a worker that does not have what it names, or not any more. */
void
lease_raise_lost(Datum lease_id)
{
	error_raise(ERROR_LEASE_LOST, "lease \"%s\" has run out or does not exist",
				error_uuid(lease_id));
}

/* Says whether there is such an attempt. */
bool
lease_is_attempt(int attempt)
{
	return attempt >= 1 && attempt <= LEASE_ATTEMPTS_MAX;
}

/* Returns how much of wanted work is handed out in one lease that was lost so often. */
int
lease_most(int losses, int wanted)
{
	static const int most[] = {100, 10, 1};

	if (losses < LEASE_LOSSES_ALONE - 2)
		return wanted;
	return Min(wanted, most[Min(losses, LEASE_LOSSES_ALONE) - (LEASE_LOSSES_ALONE - 2)]);
}

/*
 * Returns how often work has been lost that was lost so often, and now once more:
 * LEASE_LOSSES_MAX means that it has failed.  It stays below that unless others completed
 * their work meanwhile: where all workers die, what they had is not to blame.
 */
int
lease_lose(int losses, bool others_completed)
{
	losses = Max(losses, 0);
	return others_completed ? Min(losses, LEASE_LOSSES_MAX - 1) + 1 :
		Min(losses + 1, LEASE_LOSSES_MAX - 1);
}

/*
 * Finds when work is tried again of which so many attempts were made; false if it was
 * tried often enough.
 */
bool
lease_retry_at(const LeaseRetries *retries, int attempts, TimestampTz now, TimestampTz *at)
{
	if (attempts < 1)
	{
		*at = now;
		return true;
	}
	if (attempts > retries->count)
		return false;
	*at = due_after(now, retries->minutes[attempts - 1] * USECS_PER_MINUTE);
	return true;
}

/* Returns what is kept of what a worker says went wrong. */
text *
lease_error(const text *error)
{
	const char *start = VARDATA_ANY(error);

	return cstring_to_text_with_len(start, pg_mbcharcliplen(start, VARSIZE_ANY_EXHDR(error),
															LEASE_ERROR_MAX));
}

/* SQL: leadterra.lease_end(now, lease_for) */
Datum
lt_lease_end(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(lease_end(fcinfo, 1, PG_GETARG_TIMESTAMPTZ(0)));
}

/* SQL: leadterra.require_lease(lease_id, is_held, expires_at) */
Datum
lt_require_lease(PG_FUNCTION_ARGS)
{
	error_if_null(0, "lease_id");
	if (PG_ARGISNULL(1) || !PG_GETARG_BOOL(1) ||
		(!PG_ARGISNULL(2) && lease_has_run_out(PG_GETARG_TIMESTAMPTZ(2), context_clock())))
		lease_raise_lost(PG_GETARG_DATUM(0));
	PG_RETURN_VOID();
}

/* SQL: leadterra.lease_retry_at(wait_minutes, attempts, now) */
Datum
lt_lease_retry_at(PG_FUNCTION_ARGS)
{
	LeaseRetries retries;
	TimestampTz at;

	retries.minutes = statement_elements(PG_GETARG_DATUM(0), &retries.count);
	if (retries.minutes == NULL)
		error_raise(ERROR_INVALID_REQUEST,
					"argument \"wait_minutes\" must be a plain list without nulls");
	if (!lease_retry_at(&retries, PG_GETARG_INT32(1), PG_GETARG_TIMESTAMPTZ(2), &at))
		PG_RETURN_NULL();
	PG_RETURN_TIMESTAMPTZ(at);
}

/* SQL: leadterra.lease_error(error) */
Datum
lt_lease_error(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(lease_error(PG_GETARG_TEXT_PP(0)));
}

/* SQL: leadterra.is_attempt(attempt) */
Datum
lt_is_attempt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(lease_is_attempt(PG_GETARG_INT16(0)));
}

/* SQL: leadterra.lease_most(losses, wanted) */
Datum
lt_lease_most(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(lease_most(PG_GETARG_INT16(0), PG_GETARG_INT32(1)));
}

/* SQL: leadterra.lease_lose(losses, others_completed) */
Datum
lt_lease_lose(PG_FUNCTION_ARGS)
{
	int			losses = lease_lose(PG_GETARG_INT16(0), PG_GETARG_BOOL(1));

	if (losses >= LEASE_LOSSES_MAX)
		PG_RETURN_NULL();
	PG_RETURN_INT16(losses);
}

/* SQL: leadterra.lease_loss(has_failed) */
Datum
lt_lease_loss(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(PG_GETARG_BOOL(0) ? LEASE_KILLER : LEASE_EXPIRED));
}
