/*
 * send_claim.c
 *		What is due, and claims of it.
 */
#include "send_claim.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* The order of columns. */
enum
{
	LEASE_ID,
	MESSAGE_ID,
	EMAIL,
	SUBJECT,
	BODY_HTML,
	BODY_TEXT,
	SENDER_EMAIL,
	SENDER_NAME,
	REPLY_TO,
	TRANSPORT,
	HEADERS,
	REFERENCES,
	UNSUBSCRIBE_URL,
	ATTEMPT,
	SEND_UNTIL,
	MICROSECONDS_LEFT
};

static const char claim_messages[] =
	"SELECT m.lease_id, m.message_id, m.email, m.subject, m.body_html, m.body_text,"
	" m.sender_email, m.sender_name, m.reply_to, m.transport,"
	" (SELECT string_agg(translate(h.key, E'\\r\\n', '  ') || E'\\n'"
	" || translate(h.value, E'\\r\\n', '  '), E'\\n') FROM jsonb_each_text(m.headers) h),"
	" array_to_string(m.message_references, ' '), m.unsubscribe_url, m.attempt,"
	" (extract(epoch FROM m.send_until) * 1000000)::bigint,"
	" (extract(epoch FROM m.send_until - clock_timestamp()) * 1000000)::bigint"
	" FROM lt_claim_messages($1::integer, $2::interval, NULL, $3, string_to_array($4, E'\\n')) m";

static const char due_workspaces[] = "SELECT workspace_id FROM lt_due_workspaces(10000)";

static const char next_due[] =
	"SELECT ceil(1000 * extract(epoch FROM"
	" least(lt_next_due(), now() + '1 minute') - clock_timestamp()))::integer";

/* Returns a column of a row, to be freed; null where it is NULL. */
static char *
take(const PGresult *rows, int row, int column)
{
	return PQgetisnull(rows, row, column) ? NULL : g_strdup(PQgetvalue(rows, row, column));
}

static Message *
read_message(const PGresult *rows, int row, const char *workspace)
{
	Message    *message = g_new0(Message, 1);

	message->workspace = g_strdup(workspace);
	message->lease_id = take(rows, row, LEASE_ID);
	message->message_id = take(rows, row, MESSAGE_ID);
	message->email = take(rows, row, EMAIL);
	message->subject = take(rows, row, SUBJECT);
	message->body_html = take(rows, row, BODY_HTML);
	message->body_text = take(rows, row, BODY_TEXT);
	message->sender_email = take(rows, row, SENDER_EMAIL);
	message->sender_name = take(rows, row, SENDER_NAME);
	message->reply_to = take(rows, row, REPLY_TO);
	message->transport = take(rows, row, TRANSPORT);
	if (!PQgetisnull(rows, row, HEADERS))
		message->headers = g_strsplit(PQgetvalue(rows, row, HEADERS), "\n", -1);
	if (!PQgetisnull(rows, row, REFERENCES))
		message->references = g_strsplit(PQgetvalue(rows, row, REFERENCES), " ", -1);
	message->unsubscribe_url = take(rows, row, UNSUBSCRIBE_URL);
	message->attempt = atoi(PQgetvalue(rows, row, ATTEMPT));
	message->send_until = PQgetisnull(rows, row, SEND_UNTIL) ? G_MAXINT64 :
		g_ascii_strtoll(PQgetvalue(rows, row, SEND_UNTIL), NULL, 10);
	return message;
}

/* Finds the transport that a message names; null: there is none. */
static SendTransport *
find_transport(const GPtrArray *transports, const char *name)
{
	for (guint i = 0; i < transports->len; i++)
	{
		SendTransport *transport = g_ptr_array_index(transports, i);

		if (strcmp(transport->config->name, name ? name : CONFIG_DEFAULT_TRANSPORT) == 0)
			return transport;
	}
	return NULL;
}

SendLease *
send_claim(const SendClaim *claim, Database *database)
{
	g_autofree char *most = g_strdup_printf("%u", claim->most);
	g_autofree char *interval = g_strdup_printf("%d seconds", claim->seconds);
	const char *values[] = {most, interval, claim->worker, claim->names};
	char		sqlstate[6];
	/* The server's clock begins later, so the lease lasts longer than it is counted here. */
	gint64		now = g_get_monotonic_time();
	PGresult   *rows = database_run(database, claim->workspace, claim_messages,
									G_N_ELEMENTS(values), values, sqlstate);
	SendLease  *lease = NULL;

	for (int row = 0; rows && row < PQntuples(rows); row++)
	{
		Message    *message = read_message(rows, row, claim->workspace);

		/* All of a lease is of one campaign and one sender. */
		if (lease == NULL)
			lease = send_lease_new(claim->workspace, message->lease_id,
								   find_transport(claim->transports, message->transport),
								   claim->seconds, now);
		if (!PQgetisnull(rows, row, MICROSECONDS_LEFT))
			lease->send_until = MIN(lease->send_until, now +
									g_ascii_strtoll(PQgetvalue(rows, row, MICROSECONDS_LEFT),
													NULL, 10));
		g_queue_push_tail(&lease->waiting, message);
	}
	PQclear(rows);
	return lease;
}

GPtrArray *
send_find_workspaces(const Config *config, Database *database, bool *is_all)
{
	GPtrArray  *workspaces;
	char		sqlstate[6];
	PGresult   *result;

	if (!database_serves_all(database, "lt_due_workspaces(integer)", is_all))
		return NULL;
	workspaces = g_ptr_array_new_with_free_func(g_free);
	if (!*is_all)
	{
		g_ptr_array_add(workspaces, g_strdup(config->workspace));
		return workspaces;
	}
	result = database_run(database, NULL, due_workspaces, 0, NULL, sqlstate);
	if (result == NULL)
		return (g_ptr_array_unref(workspaces), NULL);
	for (int row = 0; row < PQntuples(result); row++)
		g_ptr_array_add(workspaces, g_strdup(PQgetvalue(result, row, 0)));
	PQclear(result);
	return workspaces;
}

bool
send_find_due(const char *workspace, Database *database, int *milliseconds)
{
	char		sqlstate[6];
	PGresult   *result = database_run(database, workspace, next_due, 0, NULL, sqlstate);
	bool		is_there = result != NULL;

	if (is_there)
		*milliseconds = atoi(PQgetvalue(result, 0, 0));
	PQclear(result);
	return is_there;
}
