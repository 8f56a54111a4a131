/*
 * smtp_connection.c
 *		A connection to a server, over which one mail after the other goes.
 *
 * libcurl connects, with TLS and AUTH, and carries the bytes; the rest of the protocol (RFC
 * 5321) is here.  libcurl's own way to send a mail waits for the answer to the end of the data
 * and lets all other transfers wait for it, too: with ten connections no mail would go faster
 * than with one.  And a recipient who is refused costs no connection here.
 */
#include "smtp_connection.h"

#include <string.h>

#include "counter.h"
#include "smtp_answer.h"

/* Bytes of a piece of a mail. */
#define PIECE ((gsize) 32 * 1024)

static void
set_until(SmtpConnection *connection)
{
	connection->until = g_get_monotonic_time() +
		(gint64) connection->transport->timeout * G_USEC_PER_SEC;
}

/* The mail has ended, by an answer or without one. */
static void
end_mail(SmtpConnection *connection, AnswerStage stage, const char *answer, const char *why)
{
	if (connection->owner == NULL || connection->has_ended)
		return;
	connection->has_ended = true;
	connection->is_sent = answer == NULL && why == NULL;
	connection->stage = stage;
	g_free(connection->line);
	g_free(connection->why);
	connection->line = g_strdup(answer);
	connection->why = why ? g_utf8_make_valid(why, -1) : NULL;
}

/* What is waited for, as a stage of the protocol. */
static AnswerStage
stage_of(const SmtpConnection *connection)
{
	switch (connection->state)
	{
		case SMTP_CONNECTING:
			return ANSWER_AT_CONNECT;
		case SMTP_RCPT:
			return ANSWER_AT_RCPT;
		case SMTP_DATA:
			return ANSWER_AT_DATA;
		case SMTP_CONTENT:
			return ANSWER_AT_END;
		default:
			return ANSWER_AT_MAIL;
	}
}

/* What is waited for, in words. */
static const char *
stage_name(const SmtpConnection *connection)
{
	switch (connection->state)
	{
		case SMTP_CONNECTING:
			return "connecting";
		case SMTP_RCPT:
			return "RCPT";
		case SMTP_DATA:
			return "DATA";
		case SMTP_CONTENT:
			return "the data";
		case SMTP_RSET:
			return "RSET";
		default:
			return "MAIL";
	}
}

void
smtp_connection_break(SmtpConnection *connection, const char *why)
{
	end_mail(connection, stage_of(connection), NULL, why);
	connection->state = SMTP_BROKEN;
}

/* Notes what the server answers while libcurl connects. */
static size_t
note_header(char *bytes, size_t size, size_t count, void *data)
{
	SmtpConnection *connection = data;
	gsize		length = size * count;
	int			code = smtp_answer_code(bytes, length);
	g_autofree char *line = g_strndup(bytes, MIN(length, SMTP_ANSWER_KEPT));

	/* After the greeting, and after STARTTLS, the extensions are told anew. */
	if (code == 220)
		connection->has_size = connection->has_8bit = connection->has_utf8 = false;
	if (code == 250 && length > 4)
	{
		connection->has_size |= g_ascii_strncasecmp(line + 4, "SIZE", 4) == 0;
		connection->has_8bit |= g_ascii_strncasecmp(line + 4, "8BITMIME", 8) == 0;
		connection->has_utf8 |= g_ascii_strncasecmp(line + 4, "SMTPUTF8", 8) == 0;
	}
	if (code >= 400)
	{
		g_free(connection->line);
		connection->line = smtp_answer_text(bytes, length);
	}
	return length;
}

static void
set_options(SmtpConnection *connection)
{
	const ConfigTransport *transport = connection->transport;
	CURL	   *curl = connection->curl;
	bool		is_ipv6 = strchr(transport->host, ':') != NULL;
	g_autofree char *url = g_strdup_printf("%s://%s%s%s:%d",
										   transport->tls == TLS_IMPLICIT ? "smtps" : "smtp",
										   is_ipv6 ? "[" : "", transport->host,
										   is_ipv6 ? "]" : "", transport->port);

	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_CONNECT_ONLY, 1L);
	/* An empty one keeps libcurl from those of the environment, too. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_USE_SSL,
					 (long) (transport->tls == TLS_NONE ? CURLUSESSL_NONE : CURLUSESSL_ALL));
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (transport->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, transport->ca_file);
	if (transport->user)
	{
		curl_easy_setopt(curl, CURLOPT_USERNAME, transport->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, transport->password);
	}
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long) transport->timeout);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long) transport->timeout);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	/* For libcurl this connection is idle from now on: no other handle is to close it. */
	curl_easy_setopt(curl, CURLOPT_MAXAGE_CONN, (long) G_MAXINT32);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, note_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, connection);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, connection->curl_error);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, connection);
}

SmtpConnection *
smtp_connection_new(CURLM *multi, const ConfigTransport *transport)
{
	SmtpConnection *connection = g_new0(SmtpConnection, 1);

	connection->transport = transport;
	connection->multi = multi;
	connection->output = g_byte_array_new();
	connection->input = g_string_new(NULL);
	connection->curl = curl_easy_init();
	if (connection->curl == NULL)
		g_error("libcurl has no memory");
	set_options(connection);
	curl_multi_add_handle(multi, connection->curl);
	counter_add(COUNTER_CONNECTIONS, 1);
	return connection;
}

void
smtp_connection_free(SmtpConnection *connection)
{
	size_t		sent;

	/* After a refusal the answer to RSET may be on its way: nobody waits for it. */
	if (connection->state == SMTP_IDLE ||
		(connection->state == SMTP_RSET && connection->output->len == 0))
		(void) curl_easy_send(connection->curl, "QUIT\r\n", 6, &sent);
	curl_multi_remove_handle(connection->multi, connection->curl);
	curl_easy_cleanup(connection->curl);
	g_byte_array_unref(connection->output);
	g_string_free(connection->input, TRUE);
	g_free(connection->line);
	g_free(connection->why);
	g_free(connection);
}

/* Puts a command into the output. */
static void
say(SmtpConnection *connection, SmtpState state, const char *command)
{
	g_byte_array_append(connection->output, (const guint8 *) command, (guint) strlen(command));
	connection->state = state;
	set_until(connection);
}

/* Nothing that ends a command stands in an address: it was composed so. */
static bool
is_safe(const char *address)
{
	return strpbrk(address, "\r\n<>") == NULL;
}

static void
begin_mail(SmtpConnection *connection)
{
	const Mail *mail = connection->mail;
	g_autoptr(GString) command = g_string_new(NULL);

	connection->content_at = 0;
	connection->is_at_line = true;
	connection->is_complete = false;
	if (!is_safe(mail->from) || !is_safe(mail->to))
	{
		end_mail(connection, ANSWER_AT_MAIL, "553 5.1.3 not an address", NULL);
		return;
	}
	if (mail->utf8 && !connection->has_utf8)
	{
		end_mail(connection, ANSWER_AT_MAIL,
				 "553 5.6.7 the server takes no address that is not ASCII", NULL);
		return;
	}
	g_string_printf(command, "MAIL FROM:<%s>", mail->from);
	if (connection->has_size)
		g_string_append_printf(command, " SIZE=%u", mail->content->len);
	if (mail->utf8)
		g_string_append(command, connection->has_8bit ? " BODY=8BITMIME SMTPUTF8" : " SMTPUTF8");
	g_string_append(command, "\r\n");
	say(connection, SMTP_MAIL, command->str);
}

void
smtp_connection_give(SmtpConnection *connection, const Mail *mail, void *owner)
{
	connection->mail = mail;
	connection->owner = owner;
	connection->has_ended = connection->is_sent = false;
	connection->is_used = connection->state != SMTP_CONNECTING;
	if (connection->state == SMTP_IDLE)
		begin_mail(connection);
}

void
smtp_connection_take(SmtpConnection *connection)
{
	connection->mail = NULL;
	connection->owner = NULL;
	connection->has_ended = false;
	connection->idle_since = g_get_monotonic_time();
}

/* Returns what libcurl says of an error. */
static const char *
curl_text(const SmtpConnection *connection, CURLcode code)
{
	return connection->curl_error[0] ? connection->curl_error : curl_easy_strerror(code);
}

void
smtp_connection_open(SmtpConnection *connection, CURLcode code)
{
	if (code != CURLE_OK)
	{
		g_autofree char *line = g_steal_pointer(&connection->line);

		/* What the server said tells more. */
		end_mail(connection, ANSWER_AT_CONNECT, line, line ? NULL : curl_text(connection, code));
		connection->state = SMTP_BROKEN;
		return;
	}
	g_clear_pointer(&connection->line, g_free);
	connection->curl_error[0] = '\0';
	connection->state = SMTP_IDLE;
	connection->idle_since = g_get_monotonic_time();
	if (connection->mail)
		begin_mail(connection);
}

/* Puts the next piece of the mail into the output, a dot doubled where it begins a line. */
static void
fill_output(SmtpConnection *connection)
{
	const GByteArray *content = connection->mail->content;

	g_byte_array_set_size(connection->output, 0);
	connection->output_at = 0;
	while (connection->content_at < content->len && connection->output->len < PIECE)
	{
		const guint8 *from = content->data + connection->content_at;
		gsize		left = MIN(content->len - connection->content_at, PIECE);
		const guint8 *newline = memchr(from, '\n', left);
		gsize		length = newline ? (gsize) (newline - from) + 1 : left;

		if (connection->is_at_line && *from == '.')
			g_byte_array_append(connection->output, (const guint8 *) ".", 1);
		g_byte_array_append(connection->output, from, (guint) length);
		connection->content_at += length;
		connection->is_at_line = newline != NULL;
	}
	if (connection->content_at < content->len)
		return;
	if (!connection->is_at_line)
		g_byte_array_append(connection->output, (const guint8 *) "\r\n", 2);
	g_byte_array_append(connection->output, (const guint8 *) ".\r\n", 3);
	connection->is_complete = true;
}

/* The next mail, or none, can be begun. */
static void
become_idle(SmtpConnection *connection)
{
	connection->state = SMTP_IDLE;
	connection->idle_since = g_get_monotonic_time();
}

/* Says whether all of the mail was sent, up to the dot. */
static bool
is_out(const SmtpConnection *connection)
{
	return connection->is_complete && connection->output_at >= connection->output->len;
}

/* Goes on after a refusal: what was said of the mail is to be forgotten. */
static void
refuse(SmtpConnection *connection, int code, const char *answer)
{
	AnswerStage stage = stage_of(connection);

	end_mail(connection, stage, answer, NULL);
	if (code == 421)
		connection->state = SMTP_BROKEN;
	else if (connection->state == SMTP_CONTENT && is_out(connection))
		become_idle(connection);
	/* Whoever answers before the end reads no more of it. */
	else if (connection->state == SMTP_CONTENT)
		connection->state = SMTP_BROKEN;
	else
		say(connection, SMTP_RSET, "RSET\r\n");
}

/* Takes an answer of less than 400. */
static void
accept_answer(SmtpConnection *connection, int code)
{
	g_autofree char *command = NULL;

	switch (connection->state)
	{
		case SMTP_MAIL:
			command = g_strdup_printf("RCPT TO:<%s>\r\n", connection->mail->to);
			say(connection, SMTP_RCPT, command);
			return;
		case SMTP_RCPT:
			say(connection, SMTP_DATA, "DATA\r\n");
			return;
		case SMTP_DATA:
			if (code != 354)
				break;
			connection->state = SMTP_CONTENT;
			set_until(connection);
			return;
		case SMTP_CONTENT:
			if (!is_out(connection))
				break;
			end_mail(connection, ANSWER_AT_END, NULL, NULL);
			become_idle(connection);
			return;
		case SMTP_RSET:
			become_idle(connection);
			if (connection->mail && !connection->has_ended)
				begin_mail(connection);
			return;
		default:
			break;
	}
	smtp_connection_break(connection, "the server answers what was not asked");
}

/* Takes an answer. */
static void
take_answer(SmtpConnection *connection, int code, const char *answer)
{
	switch (connection->state)
	{
		case SMTP_MAIL:
		case SMTP_RCPT:
		case SMTP_DATA:
		case SMTP_CONTENT:
			if (code >= 400)
				refuse(connection, code, answer);
			else if (code >= 200 && (code < 300 || connection->state == SMTP_DATA))
				accept_answer(connection, code);
			else
				smtp_connection_break(connection, "the server answers what was not asked");
			return;
		case SMTP_RSET:
			if (code < 300)
				accept_answer(connection, code);
			else
				smtp_connection_break(connection, "the server does not take RSET");
			return;
		default:
			/* It says that it closes the connection. */
			smtp_connection_break(connection, "the server closed the connection");
	}
}

/* Takes the answers that are complete. */
static void
take_answers(SmtpConnection *connection)
{
	while (connection->state != SMTP_BROKEN)
	{
		g_autofree char *answer = NULL;
		int			code;

		switch (smtp_answer_take(connection->input, &code, &answer))
		{
			case SMTP_ANSWER_WHOLE:
				take_answer(connection, code, answer);
				break;
			case SMTP_ANSWER_MORE:
				return;
			case SMTP_ANSWER_BROKEN:
				smtp_connection_break(connection, "the server does not speak SMTP");
		}
	}
}

/* Receives what is there; false: nothing, for now or for ever. */
static bool
receive(SmtpConnection *connection)
{
	char		bytes[4096];
	size_t		received = 0;
	CURLcode	code = curl_easy_recv(connection->curl, bytes, sizeof(bytes), &received);

	if (code == CURLE_AGAIN)
		return false;
	if (code != CURLE_OK || received == 0)
	{
		g_autofree char *why = g_strdup_printf("the connection was closed before an answer to %s",
											   stage_name(connection));

		smtp_connection_break(connection, why);
		return false;
	}
	g_string_append_len(connection->input, bytes, (gssize) received);
	take_answers(connection);
	return true;
}

/* Sends what is in the output; false: not all of it could be. */
static bool
send_output(SmtpConnection *connection)
{
	GByteArray *output = connection->output;

	while (connection->output_at < output->len)
	{
		size_t		sent = 0;
		CURLcode	code = curl_easy_send(connection->curl, output->data + connection->output_at,
										  output->len - connection->output_at, &sent);

		if (code == CURLE_AGAIN)
			return false;
		if (code != CURLE_OK)
		{
			/* It may have said why, and then closed the connection. */
			while (connection->state != SMTP_BROKEN && receive(connection))
				;
			smtp_connection_break(connection, "the connection was closed");
			return false;
		}
		connection->output_at += sent;
		set_until(connection);
	}
	g_byte_array_set_size(output, 0);
	connection->output_at = 0;
	return true;
}

void
smtp_connection_move(SmtpConnection *connection)
{
	if (connection->state == SMTP_CONNECTING)
		return;
	while (connection->state != SMTP_BROKEN)
	{
		bool		is_sent = send_output(connection);

		if (is_sent && connection->state == SMTP_CONTENT && !connection->is_complete)
		{
			fill_output(connection);
			continue;
		}
		if (connection->state == SMTP_BROKEN || !receive(connection))
			break;
	}
	if (connection->state != SMTP_BROKEN && connection->state != SMTP_IDLE &&
		g_get_monotonic_time() > connection->until)
	{
		g_autofree char *why = g_strdup_printf("no answer to %s within %d seconds",
											   stage_name(connection),
											   connection->transport->timeout);

		smtp_connection_break(connection, why);
	}
}
