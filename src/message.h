/*
 * message.h
 *		Messages on their way: claims, settling, events, links.
 */
#ifndef LEADTERRA_MESSAGE_H
#define LEADTERRA_MESSAGE_H

#include "fmgr.h"
#include "utils/uuid.h"

#include "lead.h"
#include "queue.h"

/* What the links of a workspace are made with. */
typedef struct MessageLinks
{
	Datum		workspace;
	LeadString	base;			/* NULL: the workspace has none */
	LeadString	key;
} MessageLinks;

/* Columns of find_messages. */
enum
{
	MESSAGE_STEP,
	MESSAGE_LEAD_ID,
	MESSAGE_STATUS,
	MESSAGE_EMAIL,
	MESSAGE_FIELDS,
	MESSAGE_RANGE = MESSAGE_FIELDS + LEAD_FIELDS,
	MESSAGE_POSITION,
	MESSAGE_COLUMNS
};

/* A message that is claimed. */
typedef struct Message
{
	QueueRange	place;			/* of one position */
	int			number;			/* in the lease */
	const char *status;			/* of the enrollment; NULL: the lead has left */
	bool		busy;			/* another session is changing the enrollment */
	bool		invalid;		/* the address is none in normal form */
	bool		suppressed;
	Datum		values[MESSAGE_COLUMNS];
	bool		nulls[MESSAGE_COLUMNS];
} Message;

extern Message *message_find(Datum workspace, Datum campaign, const QueueLease *chunk, int number,
							 SPITupleTable **result);
extern bool message_has_ended(const Message *message);
extern void message_lock_ended(Datum workspace, Datum campaign, Message *messages, int count);
extern void message_links_read(MessageLinks *links, Datum workspace);
extern LeadString message_link(const MessageLinks *links, const pg_uuid_t *message_id);
extern bool message_link_parse(const char *token, int length, pg_uuid_t *workspace,
							   pg_uuid_t *message_id);

#endif							/* LEADTERRA_MESSAGE_H */
