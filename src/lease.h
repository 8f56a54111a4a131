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

/* What is said of what a worker let run out. */
#define LEASE_EXPIRED "lease expired"

/* How often work is tried: waits, in minutes, before each attempt but the first. */
typedef struct LeaseRetries
{
	int			count;
	const int  *minutes;
} LeaseRetries;

extern TimestampTz lease_end(FunctionCallInfo fcinfo, int number, TimestampTz now);
extern bool lease_has_run_out(TimestampTz expires_at, TimestampTz now);
extern void lease_raise_lost(Datum lease_id) pg_attribute_noreturn();
extern bool lease_retry_at(const LeaseRetries *retries, int attempts, TimestampTz now, TimestampTz *at);
extern text *lease_error(const text *error);

#endif							/* LEADTERRA_LEASE_H */
