/*
 * smtp_connection.h
 *		A connection to a server, over which one mail after the other goes.
 */
#ifndef LEADTERRA_WORKER_SMTP_CONNECTION_H
#define LEADTERRA_WORKER_SMTP_CONNECTION_H

#include <stdbool.h>

#include <curl/curl.h>

#include "answer.h"
#include "config.h"
#include "mail.h"

typedef enum SmtpState
{
	SMTP_CONNECTING,			/* up to the answer to EHLO or AUTH */
	SMTP_IDLE,
	SMTP_MAIL,					/* waits for the answer to this */
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_CONTENT,				/* and to the end of the mail's data */
	SMTP_RSET,
	SMTP_BROKEN					/* it is of no use any more */
} SmtpState;

typedef struct SmtpConnection
{
	const ConfigTransport *transport;
	CURLM	   *multi;
	CURL	   *curl;
	char		curl_error[CURL_ERROR_SIZE];
	SmtpState	state;
	void	   *owner;			/* whose mail it has; null: nobody's */
	bool		has_size;		/* extensions of the server */
	bool		has_8bit;
	bool		has_utf8;
	bool		is_used;		/* the mail at hand is not what it was made for */

	const Mail *mail;			/* at hand, or to be begun after RSET; null: none */
	gsize		content_at;		/* how much of it was put into the output */
	bool		is_at_line;		/* a line begins there */
	bool		is_complete;	/* all of it was */
	GByteArray *output;
	gsize		output_at;
	GString    *input;
	gint64		until;			/* for the next answer, by the monotonic clock */
	gint64		idle_since;

	/* How the mail ended. */
	bool		has_ended;
	bool		is_sent;
	AnswerStage stage;
	char	   *line;			/* the first answer of 400 or more; null: none came */
	char	   *why;			/* no answer came; null: one did */
} SmtpConnection;

/* Begins to connect.  The transport belongs to the caller. */
SmtpConnection *smtp_connection_new(CURLM *multi, const ConfigTransport *transport);

/* Closes it, with QUIT where that is in order. */
void		smtp_connection_free(SmtpConnection *connection);

/* Says what became of the attempt to connect, which libcurl has made. */
void		smtp_connection_open(SmtpConnection *connection, CURLcode code);

/* Gives it a mail, which belongs to the caller; it is sent once that is possible. */
void		smtp_connection_give(SmtpConnection *connection, const Mail *mail, void *owner);

/* Takes the mail back. */
void		smtp_connection_take(SmtpConnection *connection);

/* Goes on as far as it can without waiting. */
void		smtp_connection_move(SmtpConnection *connection);

/* Breaks it off. */
void		smtp_connection_break(SmtpConnection *connection, const char *why);

#endif
