/*
 * send_transport.h
 *		A transport, and whether it can be used now.
 */
#ifndef LEADTERRA_WORKER_SEND_TRANSPORT_H
#define LEADTERRA_WORKER_SEND_TRANSPORT_H

#include <stdbool.h>

#include <glib.h>

#include "config.h"

typedef struct SendTransport
{
	const ConfigTransport *config;
	guint		held;			/* messages that wait for it, or are on the way */
	guint		on_the_way;
	guint		most;			/* at once: fewer where the server wants no more connections */
	gint64		fewer_until;	/* by the monotonic clock; 0: not fewer */
	gint64		rests_until;	/* 0: it does not rest */
	int			rest;			/* seconds that it rested last; 0: it works */
} SendTransport;

SendTransport *send_transport_new(const ConfigTransport *config);

/* Says whether mails may be started by it. */
bool		send_transport_works(SendTransport *transport, gint64 now);

/* Returns how many messages are to be claimed for it now. */
guint		send_transport_room(SendTransport *transport, gint64 now);

/* The account or the server is at fault, as a mail found that is not on the way any more. */
void		send_transport_fail(SendTransport *transport, const char *reason, gint64 now);

/* It works. */
void		send_transport_serve(SendTransport *transport);

#endif
