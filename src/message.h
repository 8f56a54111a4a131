/*
 * message.h
 *		Messages on their way: claims, settling, events, links.
 */
#ifndef LEADTERRA_MESSAGE_H
#define LEADTERRA_MESSAGE_H

#include "fmgr.h"
#include "utils/uuid.h"

#include "lead.h"

/* What the links of a workspace are made with. */
typedef struct MessageLinks
{
	Datum		workspace;
	LeadString	base;			/* NULL: the workspace has none */
	LeadString	key;
} MessageLinks;

extern TimestampTz message_expiry(FunctionCallInfo fcinfo, int number, TimestampTz now);
extern void message_links_read(MessageLinks *links, Datum workspace);
extern LeadString message_link(const MessageLinks *links, const pg_uuid_t *message_id);
extern bool message_link_parse(const char *token, int length, pg_uuid_t *workspace,
							   pg_uuid_t *message_id);

#endif							/* LEADTERRA_MESSAGE_H */
