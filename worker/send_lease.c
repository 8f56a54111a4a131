/*
 * send_lease.c
 *		A lease: messages of one campaign that go by one transport.
 *
 * What was sent is said in small lots, and soon: what was not yet said is sent again if this
 * process is killed.
 */
#include "send_lease.h"

#include <string.h>

#include "counter.h"
#include "log.h"

/* When a server that asks to wait is tried again. */
#define DEFER "15 minutes"

#define REASON_MAX 1000

static const char complete[] =
	"SELECT lt_complete_messages($1::uuid, $2::uuid[])";
static const char bounce[] =
	"SELECT lt_bounce_messages($1::uuid, $2::uuid[], $3)";
static const char fail[] =
	"SELECT lt_fail_messages($1::uuid, $2::uuid[], $3, true)";
static const char retry[] =
	"SELECT lt_fail_messages($1::uuid, $2::uuid[], $3, false)";
static const char defer[] =
	"SELECT lt_defer_messages($1::uuid, $2::uuid[], '" DEFER "', $3)";
static const char extend[] =
	"SELECT lt_extend_lease($1::uuid, $2::interval)";
static const char release[] = "SELECT lt_release_lease($1::uuid)";

/* A message that was not sent. */
typedef struct Refused
{
	char	   *message_id;
	AnswerKind	kind;
	char	   *reason;
} Refused;

static void
free_refused(void *pointer)
{
	Refused    *refused = pointer;

	g_free(refused->message_id);
	g_free(refused->reason);
	g_free(refused);
}

static void
free_message(void *message)
{
	message_free(message);
}

SendLease *
send_lease_new(const char *workspace, const char *id, SendTransport *transport, int seconds,
			   gint64 claimed_at)
{
	SendLease  *lease = g_new0(SendLease, 1);

	lease->workspace = g_strdup(workspace);
	lease->id = g_strdup(id);
	lease->transport = transport;
	lease->seconds = seconds;
	lease->ends_at = claimed_at + (gint64) seconds * G_USEC_PER_SEC;
	lease->send_until = G_MAXINT64;
	lease->sent = g_ptr_array_new_with_free_func(g_free);
	g_queue_init(&lease->waiting);
	g_queue_init(&lease->refused);
	return lease;
}

void
send_lease_free(SendLease *lease)
{
	g_queue_clear_full(&lease->waiting, free_message);
	g_queue_clear_full(&lease->refused, free_refused);
	g_ptr_array_unref(lease->sent);
	g_free(lease->workspace);
	g_free(lease->id);
	g_free(lease);
}

guint
send_lease_unsettled(const SendLease *lease)
{
	return lease->sent->len + lease->refused.length;
}

void
send_lease_note(SendLease *lease, const char *message_id, AnswerKind kind, const char *reason)
{
	Refused    *refused;

	if (lease->is_lost)
		return;
	if (send_lease_unsettled(lease) == 0)
		lease->unsettled_since = g_get_monotonic_time();
	if (kind == ANSWER_SENT)
	{
		g_ptr_array_add(lease->sent, g_strdup(message_id));
		return;
	}
	log_line("message %s: %s", message_id, reason);
	refused = g_new0(Refused, 1);
	refused->message_id = g_strdup(message_id);
	refused->kind = kind;
	refused->reason = g_utf8_make_valid(reason, (gssize) strnlen(reason, REASON_MAX));
	g_queue_push_tail(&lease->refused, refused);
}

bool
send_lease_is_due(const SendLease *lease, gint64 now)
{
	guint		unsettled = send_lease_unsettled(lease);

	/* With the last one the lease is closed, and the next step of the campaign begins. */
	return unsettled > 0 &&
		(unsettled >= SEND_LOT || now - lease->unsettled_since >= SEND_LOT_WAIT ||
		 (lease->on_the_way == 0 && lease->waiting.length == 0));
}

/*
 * Calls a function of the lease, whose id is the first value.  False: it was not done, and is
 * to be tried again unless the lease is lost.
 */
static bool
call(SendLease *lease, Database *database, const char *sql, int n, const char *const *values)
{
	char		sqlstate[6];
	PGresult   *result = database_run(database, lease->workspace, sql, n, values, sqlstate);

	if (result)
	{
		PQclear(result);
		return true;
	}
	/* What can never be said runs out. */
	if (!database_error_passes(sqlstate))
	{
		if (!lease->is_lost)
			log_line("lease %s was lost, with %u messages of unknown outcome", lease->id,
					 send_lease_unsettled(lease));
		counter_add(COUNTER_LOST, send_lease_unsettled(lease) + lease->waiting.length);
		lease->is_lost = true;
	}
	return false;
}

/* Says which messages were sent. */
static bool
settle_sent(SendLease *lease, Database *database)
{
	g_autoptr(GString) ids = g_string_new("{");
	const char *values[2] = {lease->id};
	guint		count = lease->sent->len;

	for (guint i = 0; i < count; i++)
		g_string_append_printf(ids, "%s%s", i > 0 ? "," : "",
							   (char *) g_ptr_array_index(lease->sent, i));
	g_string_append_c(ids, '}');
	values[1] = ids->str;
	if (count > 0 && !call(lease, database, complete, 2, values))
		return false;
	g_ptr_array_set_size(lease->sent, 0);
	counter_add(COUNTER_SENT, count);
	return true;
}

/* Says what became of a message that was not sent. */
static bool
settle_refused(SendLease *lease, Database *database, const Refused *refused)
{
	g_autofree char *ids = g_strdup_printf("{%s}", refused->message_id);
	const char *values[] = {lease->id, ids, refused->reason};
	const char *sql = refused->kind == ANSWER_BOUNCED ? bounce :
		refused->kind == ANSWER_FAILED ? fail :
		refused->kind == ANSWER_DEFERRED ? defer : retry;

	if (!call(lease, database, sql, 3, values))
		return false;
	counter_add(refused->kind == ANSWER_BOUNCED ? COUNTER_BOUNCED :
				refused->kind == ANSWER_FAILED ? COUNTER_FAILED :
				refused->kind == ANSWER_DEFERRED ? COUNTER_DEFERRED : COUNTER_RETRIED, 1);
	return true;
}

void
send_lease_settle(SendLease *lease, Database *database)
{
	Refused    *refused;

	/* What was sent comes first: it would be sent again. */
	if (lease->is_lost || !settle_sent(lease, database))
		return;
	while ((refused = g_queue_peek_head(&lease->refused)))
	{
		if (!settle_refused(lease, database, refused))
			return;
		free_refused(g_queue_pop_head(&lease->refused));
	}
}

void
send_lease_extend(SendLease *lease, Database *database)
{
	g_autofree char *interval = g_strdup_printf("%d seconds", lease->seconds);
	const char *values[] = {lease->id, interval};
	gint64		now = g_get_monotonic_time();

	if (call(lease, database, extend, 2, values))
		lease->ends_at = now + (gint64) lease->seconds * G_USEC_PER_SEC;
}

bool
send_lease_release(SendLease *lease, Database *database)
{
	const char *values[] = {lease->id};

	if (!call(lease, database, release, 1, values))
		return lease->is_lost;
	counter_add(COUNTER_GIVEN_BACK, lease->waiting.length);
	return true;
}
