/*
 * fuzz_mail.c
 *		Fuzz target: mails that are composed.  An input has the fields of a message, and a line
 *		with "%%" between any two of them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "mail.h"
#include "text.h"

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)
#define LINE_LIMIT 998

/* Takes the next field off an input. */
static char *
take(char **input)
{
	char	   *field = *input;
	char	   *end = field ? strstr(field, "\n%%\n") : NULL;

	if (end)
		*end = '\0';
	*input = end ? end + 4 : NULL;
	return g_utf8_make_valid(field ? field : "", -1);
}

/* Lines end in CRLF and are not too long. */
static void
check_lines(const GByteArray *content)
{
	guint		length = 0;

	for (guint i = 0; i < content->len; i++)
	{
		guint8		byte = content->data[i];

		CHECK(byte != 0);
		CHECK((byte == '\n') == (i > 0 && content->data[i - 1] == '\r'));
		length = byte == '\n' ? 0 : length + 1;
		CHECK(length <= LINE_LIMIT + 1);
	}
	CHECK(content->len > 2 && content->data[content->len - 1] == '\n');
}

/* A header has these names in this order, each at most once, and then that of the step. */
static void
check_header(const GByteArray *content, const char *own)
{
	static const char *const names[] = {
		"From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe",
		"List-Unsubscribe-Post", "", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"
	};
	g_autofree char *copy = g_strndup((const char *) content->data, content->len);
	char	   *end = strstr(copy, "\r\n\r\n");
	g_auto(GStrv) lines = NULL;
	gsize		place = 0;

	CHECK(end);
	*end = '\0';
	lines = g_strsplit(copy, "\r\n", -1);
	for (char **line = lines; *line; line++)
	{
		char	   *colon = strchr(*line, ':');

		CHECK(line[0][strspn(*line, " \t")] != '\0');
		if (line[0][0] == ' ' || line[0][0] == '\t')
			continue;
		CHECK(colon);
		*colon = '\0';
		while (place < G_N_ELEMENTS(names) && strcmp(*line, names[place][0] ? names[place] : own))
			place++;
		CHECK(place++ < G_N_ELEMENTS(names));
	}
}

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	g_autofree char *copy = g_strndup((const char *) data, size);
	char	   *rest = copy;
	g_autoptr(Message) message = g_new0(Message, 1);
	g_autoptr(Mail) mail = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;

	message->message_id = g_strdup("0190a6e0-0000-7000-8000-000000000001");
	message->subject = take(&rest);
	message->sender_name = take(&rest);
	message->email = take(&rest);
	message->sender_email = take(&rest);
	message->reply_to = take(&rest);
	message->unsubscribe_url = take(&rest);
	message->headers = g_new0(char *, 3);
	message->headers[0] = take(&rest);
	message->headers[1] = take(&rest);
	message->body_text = rest && rest[0] == 'T' ? take(&rest) : NULL;
	message->body_html = take(&rest);
	text = text_of_html(message->body_html, strlen(message->body_html));
	CHECK(g_utf8_validate(text, -1, NULL) && strchr(text, '\r') == NULL);
	if (!mail_compose(message, "ann@acme.example", "Ann", NULL, &mail, &error))
	{
		CHECK(error && mail == NULL);
		return 0;
	}
	check_lines(mail->content);
	check_header(mail->content, message->headers[0]);
	CHECK(strpbrk(mail->to, "\r\n <>") == NULL && strpbrk(mail->from, "\r\n <>") == NULL);
	for (guint i = 0; i < mail->content->len; i++)
		CHECK(mail->utf8 || mail->content->data[i] < 0x80);
	return 0;
}
