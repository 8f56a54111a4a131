/*
 * lease.h
 *		Leases: work that a worker holds for a while, whatever the work is.
 */
#ifndef LEADTERRA_LEASE_H
#define LEADTERRA_LEASE_H

#include "datatype/timestamp.h"
#include "fmgr.h"

/* Characters that are kept of what a worker says went wrong. */
#define LEASE_ERROR_MAX 1000

/* Attempts at any work, after which it has failed. */
#define LEASE_ATTEMPTS_MAX 5

/*
 * Leases on work that ran out with nothing reported before it is handed out alone, and
 * before it has failed: that is twice alone.
 */
#define LEASE_LOSSES_ALONE 4
#define LEASE_LOSSES_MAX (LEASE_LOSSES_ALONE + 2)

/* What is said of what a worker let run out, and of what it did so too often. */
#define LEASE_EXPIRED "lease expired"
#define LEASE_KILLER "its workers died: its lease ran out again with nothing else in it"

/* How often work is tried: waits, in minutes, before each attempt but the first. */
typedef struct LeaseRetries
{
	int			count;
	const int  *minutes;
} LeaseRetries;

extern TimestampTz lease_end(FunctionCallInfo fcinfo, int number, TimestampTz now);
extern bool lease_has_run_out(TimestampTz expires_at, TimestampTz now);
extern void lease_raise_lost(Datum lease_id) pg_attribute_noreturn();
extern bool lease_is_attempt(int attempt);
extern int	lease_most(int losses, int wanted);
extern int	lease_lose(int losses, bool others_completed);
extern bool lease_retry_at(const LeaseRetries *retries, int attempts, TimestampTz now,
						   TimestampTz *at);
extern text *lease_error(const text *error);

#endif							/* LEADTERRA_LEASE_H */
