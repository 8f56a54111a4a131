/*
 * compose.c
 *		Composes mails for a test: each file named is a key file that says of what.
 *
 * Writes for each mail "from", "to", "utf8" and the number of bytes, one a line, and then
 * the bytes; or "error", and then what it says.
 */
#include <stdio.h>
#include <string.h>

#include "mail.h"

static char *
get(GKeyFile *file, const char *name)
{
	return g_key_file_get_string(file, "message", name, NULL);
}

static void
compose(GKeyFile *file)
{
	g_autoptr(Message) message = g_new0(Message, 1);
	g_autoptr(Mail) mail = NULL;
	g_autoptr(ReturnPath) return_path = NULL;
	g_autoptr(GError) error = NULL;
	g_autofree char *address = get(file, "return_path");
	g_autofree char *from_address = get(file, "from_address");
	g_autofree char *from_name = get(file, "from_name");

	if (address)
		return_path = return_path_new(address, "0123456789abcdef", 16, &error);
	message->message_id = get(file, "message_id");
	message->email = get(file, "email");
	message->subject = get(file, "subject");
	message->body_html = get(file, "body_html");
	message->body_text = get(file, "body_text");
	message->sender_email = get(file, "sender_email");
	message->sender_name = get(file, "sender_name");
	message->reply_to = get(file, "reply_to");
	message->unsubscribe_url = get(file, "unsubscribe_url");
	message->headers = g_key_file_get_string_list(file, "message", "headers", NULL, NULL);
	message->references = g_key_file_get_string_list(file, "message", "references", NULL, NULL);
	if (error == NULL &&
		mail_compose(message, from_address, from_name, return_path, &mail, &error))
	{
		printf("%s\n%s\n%d\n%u\n", mail->from, mail->to, mail->utf8, mail->content->len);
		fwrite(mail->content->data, 1, mail->content->len, stdout);
	}
	else
		printf("error\n%s\n", error->message);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
	{
		g_autoptr(GKeyFile) file = g_key_file_new();
		g_autoptr(GError) error = NULL;

		if (!g_key_file_load_from_file(file, argv[i], G_KEY_FILE_NONE, &error))
		{
			fprintf(stderr, "%s: %s\n", argv[i], error->message);
			return 1;
		}
		compose(file);
	}
	return 0;
}
