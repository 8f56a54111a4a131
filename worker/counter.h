/*
 * counter.h
 *		What a task did, in one line a minute.
 */
#ifndef LEADTERRA_WORKER_COUNTER_H
#define LEADTERRA_WORKER_COUNTER_H

#include <glib.h>

typedef enum Counter
{
	/* sending */
	COUNTER_SENT,
	COUNTER_BOUNCED,
	COUNTER_FAILED,
	COUNTER_DEFERRED,
	COUNTER_RETRIED,
	COUNTER_GIVEN_BACK,
	COUNTER_LOST,
	COUNTER_CONNECTIONS,

	/* mailboxes */
	COUNTER_BOUNCES,
	COUNTER_COMPLAINTS,
	COUNTER_REPLIES,
	COUNTER_UNKNOWN,
	COUNTER_PASSED_OVER,

	/* webhooks */
	COUNTER_DELIVERED,
	COUNTER_NOT_DELIVERED,

	/* verification */
	COUNTER_INVALID,
	COUNTER_RISKY,

	COUNTERS
} Counter;

void		counter_add(Counter counter, guint64 n);

/* Writes what was counted since the last line, where that is a minute ago and there is any. */
void		counter_print(void);

/* The same at once: for the end of a task. */
void		counter_print_rest(void);

#endif
