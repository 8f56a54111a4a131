/*
 * due.c
 *		When messages are due.
 *
 * A message waits since it came to its step.  It is due when the delay of the step
 * has run, from then or from the start of its campaign, whichever is later.  This
 * file says so once, in both directions: when a message is due that waits since a
 * time, and since when a message waits that is due at one.  It reads no table: the
 * rule of a step is read by those who own them.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "due.h"

PG_FUNCTION_INFO_V1(lt_due_at);

/* Makes a rule of what rows say, which may be anything. */
DueRule
due_rule(TimestampTz started_at, int delay_minutes)
{
	return (DueRule) {started_at, Max(0, Min(delay_minutes, DUE_DELAY_MINUTES_MAX))};
}

/* Returns the time so long after another: infinity where no timestamp is as late, or as early. */
TimestampTz
due_after(TimestampTz time, int64 microseconds)
{
	TimestampTz sum;

	if (TIMESTAMP_NOT_FINITE(time))
		return time;
	if (pg_add_s64_overflow(time, microseconds, &sum) || !IS_VALID_TIMESTAMP(sum))
		return microseconds < 0 ? DT_NOBEGIN : DT_NOEND;
	return sum;
}

/* Returns when a message is due that waits since a time. */
TimestampTz
due_at(const DueRule *rule, TimestampTz waiting_since)
{
	return due_after(Max(waiting_since, rule->started_at), rule->delay_minutes * USECS_PER_MINUTE);
}

/*
 * Returns since when a message waits that is due at a time.  What has waited for longer
 * is due by then too, unless the delay still runs from the start of the campaign.
 */
TimestampTz
due_since(const DueRule *rule, TimestampTz time)
{
	return due_after(time, -rule->delay_minutes * USECS_PER_MINUTE);
}

/* SQL: leadterra.due_at(waiting_since, started_at, delay_minutes) */
Datum
lt_due_at(PG_FUNCTION_ARGS)
{
	DueRule		rule;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	rule = due_rule(PG_ARGISNULL(1) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_INT32(2));
	PG_RETURN_TIMESTAMPTZ(due_at(&rule, PG_GETARG_TIMESTAMPTZ(0)));
}
