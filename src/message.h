/*
 * message.h
 *		Messages on their way: claims, settling, events, links.
 */
#ifndef LEADTERRA_MESSAGE_H
#define LEADTERRA_MESSAGE_H

#include "executor/spi.h"
#include "fmgr.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

#include "lead.h"
#include "queue.h"

/* What the links of a workspace are made with. */
typedef struct MessageLinks
{
	Datum		workspace;
	LeadString	base;			/* NULL: the workspace has none */
	LeadString	key;
	bytea	   *address_key;
} MessageLinks;

/* What the token of a link says. */
typedef struct MessageToken
{
	pg_uuid_t	workspace;
	pg_uuid_t	message_id;
	Datum		entry;			/* that stands for the address that it was sent to */
} MessageToken;

/* What is said of a mailbox. */
typedef enum MessageNews
{
	MESSAGE_NO_NEWS,
	MESSAGE_REFUSED,			/* it took nothing for now */
	MESSAGE_ACCEPTED
} MessageNews;

/* What is done where something is said of a message. */
typedef struct MessageEffect
{
	const char *status;			/* of the enrollment; NULL: as it is */
	const char *suppression;	/* reason for which addresses are suppressed; NULL: none is */
	bool		of_address;		/* it tells of the address, and not of the person */
	bool		is_automatic;	/* it is a reply where the campaign says so */
	MessageNews news;
} MessageEffect;

/* What is said of a message. */
typedef struct MessageReport
{
	Datum		workspace;
	const pg_uuid_t *message_id;
	const char *type;			/* of the event that it is */
	Jsonb	   *data;			/* of that */
	const pg_uuid_t *reply;		/* is known, and only now it is told what it is; NULL: none is */
	const char *classification;	/* of that */
	MessageEffect effect;
	Datum		entry;			/* stands for the address that it went to; 0: none is said */
	bool		is_proven;		/* the entry counts even where the lead is known */
} MessageReport;

/* What a message goes on with that continues a thread. */
typedef struct MessageThread
{
	int			step;			/* whose subject it has; 0: none has one */
	int			variant;		/* of that step; 0: the step's own */
	int			count;
	pg_uuid_t  *message_ids;	/* earlier ones of the same lead, newest first */
} MessageThread;

/* A message that is claimed, and what is known of its lead. */
typedef struct Message
{
	QueueRange	place;			/* of one position */
	int			number;			/* in the lease */
	const char *status;			/* of the enrollment; NULL: the lead has left */
	bool		busy;			/* another session is changing the enrollment */
	bool		invalid;		/* the address is none in normal form */
	bool		suppressed;
	pg_uuid_t	lead_id;
	text	   *email;			/* NULL: none */
	Datum		fields[LEAD_FIELDS];
	bool		nulls[LEAD_FIELDS];
	const MessageThread *thread;	/* NULL: it continues none */
} Message;

/* Columns of steps that have texts, and how many they are. */
#define MESSAGE_TEXT_COLUMNS "subject, body_html, body_text, preheader, headers, variants"
#define MESSAGE_TEXTS 6

/* The texts of a campaign's steps. */
typedef struct MessageTexts MessageTexts;

/* What a message says. */
typedef struct MessageText
{
	LeadString	subject;
	LeadString	body_html;
	LeadString	body_text;		/* NULL: none */
	Jsonb	   *headers;		/* NULL: none */
	Datum		references;		/* text[]; 0: none */
	LeadString	unsubscribe_url;	/* NULL: the workspace has no address for it */
	int			variant;		/* from 1; 0: the step has none */
} MessageText;

/* message_find.c: what is known of messages */
extern Message *message_find(Datum workspace, Datum campaign, const QueueRanges *ranges, int number,
							 SPITupleTable **result);
extern bool message_has_ended(const Message *message);
extern void message_lock_ended(Datum workspace, Datum campaign, Message *messages, int count);

/* message_text.c: what they say */
extern MessageTexts *message_texts_begin(Datum workspace, Datum campaign);
extern void message_texts_link(MessageTexts *texts);
extern void message_texts_add(MessageTexts *texts, int step, const Datum *columns,
							  const bool *nulls);
extern bool message_has_step(MessageTexts *texts, int number);

/* message_render.c: and to whom */
extern bool message_render(MessageTexts *texts, const Message *message,
						   const pg_uuid_t *message_id, MessageText *rendered);

/* message_thread.c: what they go on with */
extern void message_find_threads(MessageTexts *texts, Message *messages, int count);

/* message_link.c: links by which people unsubscribe */
extern void message_links_read(MessageLinks *links, Datum workspace);
extern LeadString message_link(const MessageLinks *links, const pg_uuid_t *message_id,
							   const text *email);
extern bool message_link_parse(const text *token, MessageToken *parsed);

/* message_report.c, message_bounce.c: what becomes of them */
extern bool message_report(const MessageReport *report);
extern bool message_is_bounce(const char *answer);
extern void message_bounce(const QueueLease *lease, const int *numbers, int count,
						   const char *reason);

#endif							/* LEADTERRA_MESSAGE_H */
