/*
 * test_mail.c
 *		What is composed, byte by byte; compare_mail.py has it read by another program.
 */
#include <string.h>

#include "mail.h"
#include "is.h"

#define ID "0190a6e0-0000-7000-8000-000000000001"

static Message *
new_message(void)
{
	Message    *message = g_new0(Message, 1);

	message->message_id = g_strdup(ID);
	message->email = g_strdup("leo@example.com");
	message->subject = g_strdup("Hi");
	message->body_html = g_strdup("<p>Hi</p>");
	message->sender_email = g_strdup("ann@acme.example");
	return message;
}

static void
set(char **place, const char *value)
{
	g_free(*place);
	*place = g_strdup(value);
}

/* Composes a mail that is fine, and returns it with its content as a string. */
static Mail *
compose(const Message *message)
{
	Mail	   *mail;
	g_autoptr(GError) error = NULL;

	if (!mail_compose(message, NULL, NULL, NULL, &mail, &error))
		g_error("%s", error->message);
	g_byte_array_append(mail->content, (const guint8 *) "", 1);
	return mail;
}

static bool
has(const Mail *mail, const char *text)
{
	return strstr((const char *) mail->content->data, text) != NULL;
}

static void
test_refused(void)
{
	static const char *const addresses[] = {
		"", "leo", "leo@", "@example.com", "leo@exa mple.com", "leo@example.com\r\nRCPT TO:<x@y>",
		"<leo@example.com>", "le\"o@example.com", "leo@example..com", ".leo@example.com",
		"leo@example.com.", "l,o@example.com", "leo@b\303\274\342\200\213 .example",
		"a\377@example.com", "a@b@example.com", "l\303\251o\302\240x@example.com",
		"l\303\251o\342\200\256x@example.com"
	};
	g_autofree char *local = g_strnfill(65, 'a');
	g_autofree char *long_local = g_strconcat(local, "@example.com", NULL);
	Mail	   *mail;

	for (gsize i = 0; i <= G_N_ELEMENTS(addresses); i++)
	{
		g_autoptr(Message) message = new_message();
		g_autoptr(GError) error = NULL;

		set(&message->email, i < G_N_ELEMENTS(addresses) ? addresses[i] : long_local);
		ok(!mail_compose(message, NULL, NULL, NULL, &mail, &error) && error && mail == NULL,
		   "no address");
	}
}

static void
test_never_sent(void)
{
	g_autoptr(Message) message = new_message();
	GError	   *errors[5] = {NULL};
	Mail	   *mail;

	set(&message->sender_email, NULL);
	ok(!mail_compose(message, NULL, NULL, NULL, &mail, &errors[0]), "no sender");
	ok(mail_compose(message, "bo@acme.example", "Bo", NULL, &mail, NULL), "that of the transport");
	is(mail->from, "bo@acme.example", "is the sender");
	mail_free(mail);
	set(&message->sender_email, "ann@acme.example");
	set(&message->reply_to, "nobody");
	ok(!mail_compose(message, NULL, NULL, NULL, &mail, &errors[1]), "a reply goes to an address");
	set(&message->reply_to, NULL);
	message->headers = g_strsplit("BCC,x@example.com", ",", -1);
	ok(!mail_compose(message, NULL, NULL, NULL, &mail, &errors[2]), "a header that is set here");
	g_strfreev(message->headers);
	message->headers = g_strsplit("X-A: b\r\nBcc,x@example.com", ",", -1);
	ok(!mail_compose(message, NULL, NULL, NULL, &mail, &errors[3]), "a header whose name is none");
	g_strfreev(message->headers);
	message->headers = NULL;
	set(&message->message_id, "1");
	ok(!mail_compose(message, NULL, NULL, NULL, &mail, &errors[4]), "an id that is none");
	for (gsize i = 0; i < G_N_ELEMENTS(errors); i++)
		g_clear_error(&errors[i]);
}

static void
test_envelope(void)
{
	g_autoptr(Message) message = new_message();
	g_autoptr(ReturnPath) return_path =
		return_path_new("bounces@acme.example", "0123456789abcdef", 16, NULL);
	Mail	   *mail = compose(message);

	is(mail->from, "ann@acme.example", "without a return path the sender has the bounces");
	ok(!mail->utf8, "an ASCII address needs no SMTPUTF8");
	mail_free(mail);
	mail_compose(message, NULL, NULL, return_path, &mail, NULL);
	is(mail->from, "bounces+agiknyaaabyabaaaaaaaaaaaagbh6s3fr5hcrmy@acme.example",
	   "the return path names the message");
	mail_free(mail);
	set(&message->email, "leo@b\303\274cher.example");
	mail = compose(message);
	is(mail->to, "leo@xn--bcher-kva.example", "a domain is in A-labels");
	ok(!mail->utf8 && has(mail, "To: <leo@xn--bcher-kva.example>\r\n"), "and needs no SMTPUTF8");
	mail_free(mail);
	set(&message->email, "l\303\251o@b\303\274cher.example");
	mail = compose(message);
	is(mail->to, "l\303\251o@xn--bcher-kva.example", "a local part stays as it is");
	ok(mail->utf8, "and needs SMTPUTF8");
	mail_free(mail);
	set(&message->email, "leo@example.com");
	set(&message->reply_to, "l\303\251o@example.com");
	mail = compose(message);
	ok(mail->utf8, "so does one in a header");
	mail_free(mail);
}

static void
test_header(void)
{
	g_autoptr(Message) message = new_message();
	Mail	   *mail;

	set(&message->subject, "One\r\nBcc: x@example.com\n\n<p>two");
	set(&message->sender_name, "Ann \"A\" Lee\\");
	set(&message->message_id, "0190A6E0-0000-7000-8000-000000000001");
	set(&message->unsubscribe_url, "http://example.com/u/a b");
	mail = compose(message);
	ok(has(mail, "Message-ID: <" ID "@acme.example>\r\n"), "Message-ID");
	ok(has(mail, "From: \"Ann \\\"A\\\" Lee\\\\\" <ann@acme.example>\r\n"), "a name in quotes");
	ok(!has(mail, "\nBcc:") && has(mail, "\r\nSubject: =?UTF-8?Q?One__Bcc=3A"), "one subject");
	ok(has(mail, "List-Unsubscribe: <http://example.com/u/a%20b>\r\n") && !has(mail, "One-Click"),
	   "one click is for https alone");
	mail_free(mail);
	set(&message->subject, "Plain, with a long line that is folded where it has to be: 76 columns");
	set(&message->unsubscribe_url, "https://example.com/u/a");
	mail = compose(message);
	ok(has(mail, "Subject: Plain, with a long line that is folded where it has to be: 76\r\n"
		   " columns\r\n"),
	   "a plain subject is folded");
	ok(has(mail, "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "one click");
	mail_free(mail);
}

static void
test_body(void)
{
	g_autoptr(Message) message = new_message();
	Mail	   *mail;

	set(&message->body_text, "a\n.b\r\n\r\n.\rc");
	mail = compose(message);
	ok(has(mail, "Content-Transfer-Encoding: 7bit\r\n\r\na\r\n.b\r\n\r\n.\r\nc\r\n"),
	   "lines end in CRLF, and dots stay");
	mail_free(mail);
	set(&message->body_text, NULL);
	set(&message->body_html, "<p>\303\251\303\251\303\251\303\251\303\251</p>");
	mail = compose(message);
	ok(has(mail, "base64\r\n\r\nw6nDqcOpw6nDqQ0K\r\n"), "base64 has lines that end in CRLF");
	mail_free(mail);
	set(&message->body_html, "");
	set(&message->body_text, "x");
	mail = compose(message);
	ok(has(mail, "Content-Type: text/plain; charset=utf-8\r\n") && !has(mail, "multipart"),
	   "without HTML there is one part");
	mail_free(mail);
}

int
main(void)
{
	message_free(NULL);
	mail_free(NULL);
	test_refused();
	test_never_sent();
	test_envelope();
	test_header();
	test_body();
	return done_testing();
}
