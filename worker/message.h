/*
 * message.h
 *		A message as it was claimed.
 */
#ifndef LEADTERRA_WORKER_MESSAGE_H
#define LEADTERRA_WORKER_MESSAGE_H

#include <glib.h>

/* All strings are UTF-8 without NUL, made by GLib, and belong to the struct. */
typedef struct Message
{
	char	   *workspace;		/* null: that of the role */
	char	   *lease_id;
	char	   *message_id;		/* a UUID in its usual text form */
	char	   *email;
	char	   *subject;
	char	   *body_html;
	char	   *body_text;		/* null: made from body_html */
	char	   *sender_email;	/* null: no pool; then the address of the transport */
	char	   *sender_name;
	char	   *reply_to;
	char	   *transport;
	char	  **headers;		/* name, value, name, value, null; or null */
	char	  **references;		/* ids of the messages it refers to, oldest first, null; or null */
	char	   *unsubscribe_url;
	gint64		send_until;		/* microseconds since 1970; G_MAXINT64: no end */
	int			attempt;
} Message;

/* Frees a message and all that it has; null is none. */
extern void message_free(Message *message);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Message, message_free)

#endif
