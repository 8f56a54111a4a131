/*
 * event.h
 *		What became of messages that were sent.
 */
#ifndef LEADTERRA_EVENT_H
#define LEADTERRA_EVENT_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What may have happened to a message, as it is counted. */
typedef enum EventKind
{
	EVENT_DELIVERED,
	EVENT_OPENED,
	EVENT_CLICKED,
	EVENT_REPLIED,
	EVENT_BOUNCED,
	EVENT_COMPLAINED,
	EVENT_UNSUBSCRIBED,
	EVENT_KINDS
} EventKind;

/* Messages of a campaign: ranges of ids, as two arrays. */
typedef struct EventRanges
{
	Datum		workspace;
	Datum		campaign;
	Datum		firsts;
	Datum		lasts;
} EventRanges;

/* That something happened to a message, by the first event that says so. */
typedef struct EventFirst
{
	EventKind	kind;
	pg_uuid_t	message_id;
	pg_uuid_t	event_id;		/* zeros where it was not wanted */
	TimestampTz at;				/* when it was recorded; 0 where that was not wanted */
} EventFirst;

typedef void (*EventCounter) (void *counter, const EventFirst *event);

/* event.c: the tables */
extern bool event_insert(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
						 const pg_uuid_t *lead_id, const char *type, Jsonb *data);
extern bool event_find_reply(Datum workspace, const pg_uuid_t *reply_id, pg_uuid_t *message_id);
extern bool event_classify(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
						   const pg_uuid_t *reply_id, const char *classification);
extern bool event_add_soft_bounce(Datum workspace, const pg_uuid_t *lead_id);
extern void event_forget_soft_bounces(Datum workspace, const pg_uuid_t *lead_id);

/* event_count.c: what is counted of it */
extern void event_count(const EventRanges *ranges, bool with_ids, EventCounter count,
						void *counter);

#endif							/* LEADTERRA_EVENT_H */
