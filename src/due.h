/*
 * due.h
 *		When messages are due.
 *
 * Whoever asks when a message is due, which messages are, or since when one has to
 * wait in order to be, asks here, or the SQL functions in sql/30_function/due.sql.
 */
#ifndef LEADTERRA_DUE_H
#define LEADTERRA_DUE_H

#include "datatype/timestamp.h"

/* Days, of 24 hours, that a step may be due after the one before; and minutes. */
#define DUE_DELAY_DAYS_MAX 3650
#define DUE_DELAY_MINUTES_MAX (DUE_DELAY_DAYS_MAX * MINS_PER_HOUR * HOURS_PER_DAY)

/* What decides when the messages of a step are due. */
typedef struct DueRule
{
	TimestampTz started_at;		/* of the campaign; DT_NOBEGIN: not yet */
	int			delay_minutes;
} DueRule;

extern TimestampTz due_after(TimestampTz time, int64 microseconds);
extern DueRule due_rule(TimestampTz started_at, int delay_minutes);
extern TimestampTz due_at(const DueRule *rule, TimestampTz waiting_since);
extern TimestampTz due_since(const DueRule *rule, TimestampTz time);

#endif							/* LEADTERRA_DUE_H */
