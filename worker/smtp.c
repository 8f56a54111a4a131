/*
 * smtp.c
 *		Mails on their way to servers, several at once, over connections that stay open.
 */
#include "smtp.h"

#include <string.h>

#include "smtp_connection.h"

/* Microseconds after which a connection that nobody uses is closed. */
#define IDLE_MAX ((gint64) 30 * G_USEC_PER_SEC)

/* How often a server may be silent, or be connected to, for one mail. */
#define TIMEOUTS_MAX 5

/* A mail on its way. */
typedef struct Transfer
{
	const ConfigTransport *transport;
	Mail	   *mail;
	void	   *data;
	gint64		until;			/* when all of it has to be done */
	bool		is_again;		/* the connection that it had was of no use */

	/* How it ended. */
	AnswerKind	kind;
	char	   *reason;
} Transfer;

struct Smtp
{
	CURLM	   *multi;
	GPtrArray  *connections;	/* of SmtpConnection */
	GQueue		ended;			/* of Transfer */
	Transfer   *told;			/* whose outcome was given last */
};

static void
free_connection(void *connection)
{
	smtp_connection_free(connection);
}

static void
free_transfer(Transfer *transfer)
{
	if (transfer == NULL)
		return;
	mail_free(transfer->mail);
	g_free(transfer->reason);
	g_free(transfer);
}

Smtp *
smtp_new(void)
{
	Smtp	   *smtp = g_new0(Smtp, 1);

	smtp->multi = curl_multi_init();
	if (smtp->multi == NULL)
		g_error("libcurl has no memory");
	/* For libcurl they are idle: it is to close none. */
	curl_multi_setopt(smtp->multi, CURLMOPT_MAXCONNECTS, (long) G_MAXINT32);
	smtp->connections = g_ptr_array_new_with_free_func(free_connection);
	g_queue_init(&smtp->ended);
	return smtp;
}

void
smtp_free(Smtp *smtp)
{
	for (guint i = 0; i < smtp->connections->len; i++)
	{
		SmtpConnection *connection = g_ptr_array_index(smtp->connections, i);

		free_transfer(connection->owner);
	}
	g_ptr_array_unref(smtp->connections);
	curl_multi_cleanup(smtp->multi);
	for (Transfer *transfer; (transfer = g_queue_pop_head(&smtp->ended));)
		free_transfer(transfer);
	free_transfer(smtp->told);
	g_free(smtp);
}

int
smtp_time_max(const ConfigTransport *transport)
{
	return transport->timeout * TIMEOUTS_MAX;
}

/* Gives a mail to a connection that is free, or will be at once, or to a new one. */
static void
give(Smtp *smtp, Transfer *transfer, bool fresh)
{
	SmtpConnection *chosen = NULL;

	for (guint i = 0; i < smtp->connections->len && !fresh; i++)
	{
		SmtpConnection *connection = g_ptr_array_index(smtp->connections, i);

		if (connection->transport != transfer->transport || connection->owner)
			continue;
		if (connection->state == SMTP_IDLE ||
			(connection->state == SMTP_RSET && chosen == NULL))
			chosen = connection;
		if (connection->state == SMTP_IDLE)
			break;
	}
	if (chosen == NULL)
	{
		chosen = smtp_connection_new(smtp->multi, transfer->transport);
		g_ptr_array_add(smtp->connections, chosen);
	}
	smtp_connection_give(chosen, transfer->mail, transfer);
}

void
smtp_start(Smtp *smtp, const ConfigTransport *transport, Mail *mail, void *data)
{
	Transfer   *transfer = g_new0(Transfer, 1);

	transfer->transport = transport;
	transfer->mail = mail;
	transfer->data = data;
	transfer->until = g_get_monotonic_time() +
		(gint64) smtp_time_max(transport) * G_USEC_PER_SEC;
	give(smtp, transfer, false);
}

/*
 * Says whether a server only had enough of a connection that it had kept: nothing of the mail
 * was taken, and by a new connection it may be.
 */
static bool
is_stale(const SmtpConnection *connection)
{
	return connection->stage == ANSWER_AT_MAIL && connection->is_used &&
		connection->state == SMTP_BROKEN &&
		(connection->line == NULL || g_str_has_prefix(connection->line, "421"));
}

/* Takes a mail that has ended off its connection. */
static void
take_ended(Smtp *smtp, SmtpConnection *connection)
{
	Transfer   *transfer = connection->owner;

	if (!transfer->is_again && !connection->is_sent && is_stale(connection))
	{
		smtp_connection_take(connection);
		transfer->is_again = true;
		give(smtp, transfer, true);
		return;
	}
	transfer->kind = connection->is_sent ? ANSWER_SENT :
		answer_kind(connection->stage, connection->line);
	transfer->reason = g_strdup(connection->line ? connection->line : connection->why);
	smtp_connection_take(connection);
	g_queue_push_tail(&smtp->ended, transfer);
}

/* Moves a connection on; false: it is to be closed. */
static bool
move(Smtp *smtp, SmtpConnection *connection)
{
	const Transfer *transfer = connection->owner;
	gint64		now = g_get_monotonic_time();

	smtp_connection_move(connection);
	if (transfer && !connection->has_ended && now > transfer->until)
		smtp_connection_break(connection, "it takes too long");
	if (connection->owner && connection->has_ended)
		take_ended(smtp, connection);
	if (connection->state == SMTP_BROKEN)
		return false;
	return connection->owner || connection->state == SMTP_CONNECTING ||
		now - connection->idle_since < IDLE_MAX;
}

/* Takes up what libcurl says of connections that it has made. */
static void
take_connected(Smtp *smtp)
{
	CURLMsg    *message;
	int			count;

	curl_multi_perform(smtp->multi, &count);
	while ((message = curl_multi_info_read(smtp->multi, &count)))
	{
		SmtpConnection *connection;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **) &connection);
		smtp_connection_open(connection, message->data.result);
	}
}

bool
smtp_next(Smtp *smtp, SmtpOutcome *outcome)
{
	if (g_queue_is_empty(&smtp->ended))
	{
		take_connected(smtp);
		/* Backwards: a new one is added at the end, and takes no place of others. */
		for (guint i = smtp->connections->len; i-- > 0;)
		{
			if (!move(smtp, g_ptr_array_index(smtp->connections, i)))
				g_ptr_array_remove_index(smtp->connections, i);
		}
	}
	free_transfer(smtp->told);
	smtp->told = g_queue_pop_head(&smtp->ended);
	if (smtp->told == NULL)
		return false;
	*outcome = (SmtpOutcome) {smtp->told->data, smtp->told->kind, smtp->told->reason};
	return true;
}

void
smtp_wait(Smtp *smtp, const struct pollfd *others, guint nothers, int timeout_ms)
{
	guint		count = 0;
	g_autofree struct curl_waitfd *entries = g_new0(struct curl_waitfd,
													nothers + smtp->connections->len);

	for (guint i = 0; i < nothers; i++)
		entries[count++] = (struct curl_waitfd) {.fd = others[i].fd, .events = CURL_WAIT_POLLIN};
	for (guint i = 0; i < smtp->connections->len; i++)
	{
		const SmtpConnection *connection = g_ptr_array_index(smtp->connections, i);
		curl_socket_t socket = CURL_SOCKET_BAD;

		if (connection->state == SMTP_CONNECTING ||
			curl_easy_getinfo(connection->curl, CURLINFO_ACTIVESOCKET, &socket) != CURLE_OK ||
			socket == CURL_SOCKET_BAD)
			continue;
		entries[count++] = (struct curl_waitfd) {
			.fd = socket,
			.events = connection->output->len > 0 ? CURL_WAIT_POLLIN | CURL_WAIT_POLLOUT :
				CURL_WAIT_POLLIN
		};
	}
	curl_multi_poll(smtp->multi, entries, count, timeout_ms, NULL);
}
