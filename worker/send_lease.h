/*
 * send_lease.h
 *		A lease: messages of one campaign that go by one transport.
 */
#ifndef LEADTERRA_WORKER_SEND_LEASE_H
#define LEADTERRA_WORKER_SEND_LEASE_H

#include <stdbool.h>

#include <glib.h>

#include "answer.h"
#include "database.h"
#include "message.h"
#include "send_transport.h"

/* Messages that were sent, and wait to be said so, at most; and microseconds that they wait. */
#define SEND_LOT 20
#define SEND_LOT_WAIT (G_USEC_PER_SEC / 5)

typedef struct SendLease
{
	char	   *workspace;		/* null: that of the role */
	char	   *id;
	SendTransport *transport;
	int			seconds;		/* that it lasts from when it was claimed or extended */
	gint64		ends_at;		/* by the monotonic clock, as all times here */
	gint64		send_until;		/* nothing is to be sent after this; G_MAXINT64: no end */
	GQueue		waiting;		/* of Message: not yet on the way */
	guint		on_the_way;
	GPtrArray  *sent;			/* ids that the database does not know of yet */
	GQueue		refused;		/* what else it does not know of yet */
	gint64		unsettled_since;
	bool		gives_back;		/* what waits is not sent */
	bool		is_lost;		/* others have it, or may have it */
} SendLease;

SendLease  *send_lease_new(const char *workspace, const char *id, SendTransport *transport,
						   int seconds, gint64 claimed_at);
void		send_lease_free(SendLease *lease);

/* Notes what became of a message. */
void		send_lease_note(SendLease *lease, const char *message_id, AnswerKind kind,
							const char *reason);

/* How many messages the database does not know the outcome of. */
guint		send_lease_unsettled(const SendLease *lease);

/* Says whether it has to be settled now. */
bool		send_lease_is_due(const SendLease *lease, gint64 now);

/* Tells the database what became of messages; what could not be told stays. */
void		send_lease_settle(SendLease *lease, Database *database);

/* Asks for more time. */
void		send_lease_extend(SendLease *lease, Database *database);

/* Gives back what is not settled; true: that is done. */
bool		send_lease_release(SendLease *lease, Database *database);

#endif
