/*
 * send_claim.h
 *		What is due, and claims of it.
 */
#ifndef LEADTERRA_WORKER_SEND_CLAIM_H
#define LEADTERRA_WORKER_SEND_CLAIM_H

#include "config.h"
#include "database.h"
#include "send_lease.h"

/* What a claim asks for. */
typedef struct SendClaim
{
	const char *workspace;		/* null: that of the role */
	guint		most;			/* messages */
	int			seconds;		/* that the lease is to last */
	const char *worker;			/* who has it, for people */
	const char *names;			/* of the transports that work, a line each */
	GPtrArray  *transports;		/* of SendTransport */
} SendClaim;

/* Claims messages; null: there are none, or the database is not there. */
SendLease  *send_claim(const SendClaim *claim, Database *database);

/*
 * Returns the workspaces that may have something due, to be freed: one that is null is that of
 * the role.  *is_all: they are those that have.  Null: the database is not there.
 */
GPtrArray  *send_find_workspaces(const Config *config, Database *database, bool *is_all);

/*
 * Finds in how many milliseconds something is due in a workspace, at most a minute; 0 or less:
 * it is.  False: the database is not there.
 */
bool		send_find_due(const char *workspace, Database *database, int *milliseconds);

#endif
