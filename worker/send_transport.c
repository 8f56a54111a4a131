/*
 * send_transport.c
 *		A transport, and whether it can be used now.
 */
#include "send_transport.h"

#include "log.h"

/* Seconds that one rests that is at fault, at first and at most. */
#define REST_FIRST 30
#define REST_MAX (15 * 60)

/* Seconds during which a server gets no more connections than it took. */
#define FEWER 60

/* Messages that are held for each connection: they are to be sent soon. */
#define HELD_EACH 4

SendTransport *
send_transport_new(const ConfigTransport *config)
{
	SendTransport *transport = g_new0(SendTransport, 1);

	transport->config = config;
	transport->most = (guint) config->connections;
	return transport;
}

bool
send_transport_works(SendTransport *transport, gint64 now)
{
	if (transport->fewer_until <= now)
	{
		transport->most = (guint) transport->config->connections;
		transport->fewer_until = 0;
	}
	if (transport->rests_until <= now)
		transport->rests_until = 0;
	return transport->rests_until == 0;
}

guint
send_transport_room(SendTransport *transport, gint64 now)
{
	guint		wanted = HELD_EACH * transport->most;

	if (!send_transport_works(transport, now))
		return 0;
	/* After a fault, one mail tries whether it is over. */
	if (transport->rest > 0)
		return transport->held == 0 ? 1 : 0;
	/* A claim costs the same for one message or for many. */
	return transport->held <= wanted / 2 ? wanted - transport->held : 0;
}

void
send_transport_fail(SendTransport *transport, const char *reason, gint64 now)
{
	if (transport->rests_until > 0)
		return;
	/* Others are on the way: the server takes no more connections at once. */
	if (transport->on_the_way > 0)
	{
		transport->most = transport->on_the_way;
		transport->fewer_until = now + (gint64) FEWER * G_USEC_PER_SEC;
		return;
	}
	transport->rest = CLAMP(transport->rest * 2, REST_FIRST, REST_MAX);
	transport->rests_until = now + (gint64) transport->rest * G_USEC_PER_SEC;
	log_line("transport %s rests for %d seconds: %s", transport->config->name, transport->rest,
			 reason);
}

void
send_transport_serve(SendTransport *transport)
{
	if (transport->rest > 0)
		log_line("transport %s works again", transport->config->name);
	transport->rest = 0;
}
