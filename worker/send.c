/*
 * send.c
 *		Claims messages, sends them, and says what became of them.
 *
 * One loop: mails go on, what became of them is told to the database, what waits is started,
 * and a little more is claimed than is on the way.  While nobody can be told, nothing new is
 * started.  So what is sent twice after this process is killed is what was on the way, and
 * SEND_LOT messages at most that were sent in the fifth of a second before.
 */
#include "send.h"

#include "counter.h"
#include "database.h"
#include "log.h"
#include "mail.h"
#include "send_claim.h"
#include "send_dry.h"
#include "send_lease.h"
#include "send_transport.h"
#include "smtp.h"
#include "stop.h"

/* Seconds that a lease lasts beside the time that a mail may take. */
#define LEASE_SPARE 120

/* Seconds before the end of a lease, and of what may be sent, in which nothing is started. */
#define LEASE_MARGIN 10
#define UNTIL_MARGIN 2

/* Milliseconds of waiting: after a look in vain while something is due, and at most. */
#define IDLE_FIRST 100
#define IDLE_MAX 5000
#define WAIT_MAX 60000

/* Milliseconds between two looks for workspaces with something due. */
#define LOOK_AGAIN 1000

/* Looks in vain after which a run that is not to last gives up. */
#define LOOKS_MAX 3

/* Seconds that it goes on at most when it is to stop; then it is killed. */
#define STOP_MAX 55

typedef struct Send
{
	const Config *config;
	bool		is_once;
	Database   *database;
	Smtp	   *smtp;
	GPtrArray  *transports;		/* of SendTransport */
	GPtrArray  *leases;			/* of SendLease */
	int			lease_seconds;
	guint		unsettled;		/* messages that ended, and the database does not know of */

	GPtrArray  *workspaces;		/* of the round of claims at hand; null: none */
	guint		next;			/* of these */
	bool		is_all;			/* the role serves all workspaces */
	bool		has_claimed;	/* in this round */
	gint64		look_at;		/* when the next round begins */
	int			idle;			/* milliseconds; 0: the last round was not in vain */
	int			looks;			/* in vain, in a row */
	bool		is_done;		/* of a run that is not to last */
	bool		is_alone;		/* the database is not there */
	gint64		stopping_since; /* 0: it does not stop */
} Send;

/* A message on the way. */
typedef struct Sending
{
	SendLease  *lease;
	Message    *message;
} Sending;

static void
free_lease(void *lease)
{
	send_lease_free(lease);
}

/* Counts what is held, by transports. */
static void
count_held(Send *send)
{
	send->unsettled = 0;
	for (guint i = 0; i < send->transports->len; i++)
		((SendTransport *) g_ptr_array_index(send->transports, i))->held = 0;
	for (guint i = 0; i < send->leases->len; i++)
	{
		SendLease  *lease = g_ptr_array_index(send->leases, i);

		send->unsettled += send_lease_unsettled(lease);
		if (lease->transport)
			lease->transport->held += lease->waiting.length + lease->on_the_way;
	}
}

/* Notes how a mail ended. */
static void
take_outcome(Send *send, const SmtpOutcome *outcome)
{
	Sending    *sending = outcome->data;
	SendLease  *lease = sending->lease;
	SendTransport *transport = lease->transport;

	lease->on_the_way--;
	transport->on_the_way--;
	if (outcome->kind == ANSWER_TRANSPORT)
	{
		send_transport_fail(transport, outcome->reason, g_get_monotonic_time());
		g_queue_push_head(&lease->waiting, g_steal_pointer(&sending->message));
	}
	else
	{
		send_transport_serve(transport);
		send_lease_note(lease, sending->message->message_id, outcome->kind, outcome->reason);
		send->unsettled++;
	}
	message_free(sending->message);
	g_free(sending);
}

/* Tells the database what became of messages, once there are some or they waited. */
static void
settle(Send *send)
{
	gint64		now = g_get_monotonic_time();
	bool		are_many = send->unsettled >= SEND_LOT;

	for (guint i = 0; i < send->leases->len; i++)
	{
		SendLease  *lease = g_ptr_array_index(send->leases, i);

		if (are_many || lease->gives_back || send_lease_is_due(lease, now))
			send_lease_settle(lease, send->database);
	}
	count_held(send);
}

/* Sees to the time of a lease: what ends, what goes on, what is not sent any more. */
static void
keep_lease(Send *send, SendLease *lease)
{
	gint64		now = g_get_monotonic_time();
	gint64		needed = lease->transport == NULL ? 0 :
		(gint64) (smtp_time_max(lease->transport->config) + LEASE_MARGIN + LEASE_SPARE / 2) *
		G_USEC_PER_SEC;

	if (now >= lease->ends_at && !lease->is_lost)
	{
		log_line("lease %s ran out, with %u messages of unknown outcome", lease->id,
				 send_lease_unsettled(lease));
		counter_add(COUNTER_LOST, send_lease_unsettled(lease) + lease->waiting.length);
		lease->is_lost = true;
	}
	if (lease->is_lost)
		return;
	if (send->stopping_since > 0 || lease->transport == NULL ||
		!send_transport_works(lease->transport, now) ||
		lease->send_until - now < (gint64) UNTIL_MARGIN * G_USEC_PER_SEC)
		lease->gives_back = true;
	/* What is on the way has its time from when it was started. */
	if (!lease->gives_back && lease->ends_at - now < needed)
		send_lease_extend(lease, send->database);
}

/* Says whether nothing is left to do for a lease; gives back what is to be. */
static bool
has_ended(Send *send, SendLease *lease)
{
	if (lease->on_the_way > 0)
		return false;
	if (lease->is_lost)
		return true;
	if (send_lease_unsettled(lease) > 0)
		return false;
	return lease->waiting.length == 0 ||
		(lease->gives_back && send_lease_release(lease, send->database));
}

/* Keeps leases, and drops those that have ended. */
static void
keep_leases(Send *send)
{
	for (guint i = send->leases->len; i-- > 0;)
	{
		SendLease  *lease = g_ptr_array_index(send->leases, i);

		keep_lease(send, lease);
		if (!has_ended(send, lease))
			continue;
		/* More may be due after it. */
		if (!lease->gives_back && !lease->is_lost)
			send->look_at = 0;
		g_ptr_array_remove_index(send->leases, i);
	}
	count_held(send);
}

/* Starts a message; one that makes no mail has failed. */
static void
start(Send *send, SendLease *lease)
{
	const ConfigTransport *config = lease->transport->config;
	Message    *message = g_queue_pop_head(&lease->waiting);
	g_autoptr(GError) error = NULL;
	Mail	   *mail;
	Sending    *sending;

	if (!mail_compose(message, config->from_address, config->from_name,
					  send->config->return_path, &mail, &error))
	{
		send_lease_note(lease, message->message_id, ANSWER_FAILED, error->message);
		send->unsettled++;
		message_free(message);
		return;
	}
	sending = g_new0(Sending, 1);
	sending->lease = lease;
	sending->message = message;
	lease->on_the_way++;
	lease->transport->on_the_way++;
	smtp_start(send->smtp, config, mail, sending);
}

/* Says whether a message of a lease may be started. */
static bool
may_start(const Send *send, const SendLease *lease, gint64 now)
{
	gint64		needed;

	if (lease->is_lost || lease->gives_back || lease->waiting.length == 0 ||
		send->unsettled >= SEND_LOT || database_socket(send->database) < 0 ||
		lease->transport->on_the_way >= lease->transport->most)
		return false;
	needed = (gint64) (smtp_time_max(lease->transport->config) + LEASE_MARGIN) * G_USEC_PER_SEC;
	return lease->ends_at - now >= needed &&
		lease->send_until - now >= (gint64) UNTIL_MARGIN * G_USEC_PER_SEC;
}

/* Starts what waits, as many as go at once. */
static void
start_waiting(Send *send)
{
	gint64		now = g_get_monotonic_time();

	for (guint i = 0; i < send->leases->len; i++)
	{
		SendLease  *lease = g_ptr_array_index(send->leases, i);

		while (may_start(send, lease, now))
			start(send, lease);
	}
}

/* Says which transports have room, and how much of it all of them have. */
static char *
find_room(const Send *send, guint *most)
{
	g_autoptr(GString) names = g_string_new(NULL);
	gint64		now = g_get_monotonic_time();

	*most = G_MAXUINT;
	for (guint i = 0; i < send->transports->len; i++)
	{
		SendTransport *transport = g_ptr_array_index(send->transports, i);
		guint		room = send_transport_room(transport, now);

		if (room == 0)
			continue;
		g_string_append_printf(names, "%s%s", names->len > 0 ? "\n" : "",
							   transport->config->name);
		*most = MIN(*most, room);
	}
	return names->len > 0 ? g_string_free(g_steal_pointer(&names), FALSE) : NULL;
}

/* Ends a round of claims, and says when the next one begins. */
static void
end_round(Send *send)
{
	int			milliseconds = LOOK_AGAIN;
	bool		is_due = send->workspaces->len > 0;

	if (!send->has_claimed && !send->is_all &&
		send_find_due(g_ptr_array_index(send->workspaces, 0), send->database, &milliseconds))
		is_due = milliseconds <= 0;
	g_clear_pointer(&send->workspaces, g_ptr_array_unref);
	if (send->has_claimed)
	{
		send->idle = send->looks = 0;
		return;
	}
	/* Others have it, or it is for a transport that rests, or behind much that was skipped. */
	if (is_due)
	{
		send->idle = CLAMP(send->idle * 2, IDLE_FIRST, IDLE_MAX);
		milliseconds = send->idle;
		send->looks++;
	}
	send->look_at = g_get_monotonic_time() + (gint64) milliseconds * 1000;
	if (send->is_once && send->leases->len == 0)
		send->is_done = !is_due || send->looks >= LOOKS_MAX;
}

/* Begins a round of claims: one in each workspace. */
static bool
begin_round(Send *send)
{
	send->workspaces = send_find_workspaces(send->config, send->database, &send->is_all);
	send->next = 0;
	send->has_claimed = false;
	return send->workspaces != NULL;
}

/* Claims once, if there is room for more; true: the next claim may come at once. */
static bool
claim_more(Send *send)
{
	guint		most;
	g_autofree char *names = NULL;
	SendClaim	claim;
	SendLease  *lease;

	if (send->stopping_since > 0 || g_get_monotonic_time() < send->look_at ||
		database_socket(send->database) < 0 || send->unsettled >= SEND_LOT)
		return false;
	names = find_room(send, &most);
	if (names == NULL)
	{
		/* None works: a run that is not to last has nothing to wait for. */
		if (send->leases->len == 0)
		{
			send->look_at = g_get_monotonic_time() + (gint64) LOOK_AGAIN * 1000;
			send->is_done = send->is_once;
		}
		return false;
	}
	if (send->workspaces == NULL && !begin_round(send))
		return false;
	if (send->next >= send->workspaces->len)
	{
		end_round(send);
		return send->has_claimed;
	}
	claim = (SendClaim) {
		.workspace = g_ptr_array_index(send->workspaces, send->next++), .most = most,
		.seconds = send->lease_seconds, .worker = send->config->name, .names = names,
		.transports = send->transports
	};
	lease = send_claim(&claim, send->database);
	if (lease == NULL)
		return true;
	g_ptr_array_add(send->leases, lease);
	/* One that is to be given back at once was in vain. */
	keep_lease(send, lease);
	send->has_claimed |= !lease->gives_back;
	count_held(send);
	return true;
}

/* Returns how many milliseconds there is nothing to do, unless something comes. */
static int
time_to_wait(const Send *send)
{
	gint64		now = g_get_monotonic_time();
	gint64		until = now + (gint64) WAIT_MAX * 1000;

	if (send->leases->len > 0 || send->stopping_since > 0)
		until = now + (gint64) LOOK_AGAIN * 1000;
	if (send->unsettled > 0)
		until = MIN(until, now + SEND_LOT_WAIT / 4);
	if (database_socket(send->database) < 0)
		until = MIN(until, MAX(database_retry_at(send->database), now + 10000));
	else if (send->stopping_since == 0)
		until = MIN(until, MAX(send->look_at, now + (gint64) IDLE_FIRST * 1000));
	return (int) ((until - now) / 1000) + 1;
}

/* Waits until there is something to do. */
static void
wait_for_work(Send *send)
{
	struct pollfd others[2];
	guint		count = 0;

	/* What came with an answer to a statement is not in the socket any more. */
	if (database_notified(send->database))
	{
		send->look_at = 0;
		return;
	}
	if (database_socket(send->database) >= 0)
		others[count++] = (struct pollfd) {.fd = database_socket(send->database)};
	if (send->stopping_since == 0)
		others[count++] = (struct pollfd) {.fd = stop_descriptor()};
	smtp_wait(send->smtp, others, count, time_to_wait(send));
	if (database_notified(send->database))
		send->look_at = 0;
}

/* Goes through the loop once; false: it is over. */
static bool
go_on(Send *send)
{
	SmtpOutcome outcome;
	bool		is_more;

	if (stop_asked() && send->stopping_since == 0)
		send->stopping_since = g_get_monotonic_time();
	if (send->leases->len > 0 || send->stopping_since == 0)
		send->is_alone = !database_connect(send->database);
	send->is_done |= send->is_once && send->is_alone && send->leases->len == 0;
	while (smtp_next(send->smtp, &outcome))
		take_outcome(send, &outcome);
	settle(send);
	keep_leases(send);
	is_more = claim_more(send);
	start_waiting(send);
	counter_print();
	if (send->leases->len == 0 && (send->stopping_since > 0 || send->is_done))
		return false;
	if (send->stopping_since > 0 && g_get_monotonic_time() - send->stopping_since >
		(gint64) STOP_MAX * G_USEC_PER_SEC)
		return false;
	if (!is_more)
		wait_for_work(send);
	return true;
}

/* Says whether a transport is at fault. */
static bool
is_at_fault(const Send *send)
{
	for (guint i = 0; i < send->transports->len; i++)
	{
		if (((SendTransport *) g_ptr_array_index(send->transports, i))->rest > 0)
			return true;
	}
	return false;
}

int
send_run(const Config *config, const Options *options)
{
	Send		send = {
		.config = config, .is_once = options->once,
		.database = database_new(config, "send"), .smtp = smtp_new(),
		.transports = g_ptr_array_new_with_free_func(g_free),
		.leases = g_ptr_array_new_with_free_func(free_lease)
	};
	int			status;

	for (guint i = 0; i < config->transports->len; i++)
	{
		const ConfigTransport *transport = g_ptr_array_index(config->transports, i);

		g_ptr_array_add(send.transports, send_transport_new(transport));
		send.lease_seconds = MAX(send.lease_seconds, smtp_time_max(transport) + LEASE_SPARE);
	}
	if (options->dry_run)
		status = send_dry(config, send.transports, send.database);
	else
	{
		database_listen(send.database, "leadterra");
		while (go_on(&send))
			;
		status = send.leases->len > 0 || (send.is_once && (send.is_alone || is_at_fault(&send)));
	}
	smtp_free(send.smtp);
	g_clear_pointer(&send.workspaces, g_ptr_array_unref);
	g_ptr_array_unref(send.leases);
	g_ptr_array_unref(send.transports);
	database_free(send.database);
	return status;
}
