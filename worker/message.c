/*
 * message.c
 *		A message as it was claimed.
 */
#include "message.h"

void
message_free(Message *message)
{
	if (message == NULL)
		return;
	g_free(message->workspace);
	g_free(message->lease_id);
	g_free(message->message_id);
	g_free(message->email);
	g_free(message->subject);
	g_free(message->body_html);
	g_free(message->body_text);
	g_free(message->sender_email);
	g_free(message->sender_name);
	g_free(message->reply_to);
	g_free(message->transport);
	g_strfreev(message->headers);
	g_strfreev(message->references);
	g_free(message->unsubscribe_url);
	g_free(message);
}
