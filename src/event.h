/*
 * event.h
 *		What became of messages that were sent.
 */
#ifndef LEADTERRA_EVENT_H
#define LEADTERRA_EVENT_H

#include "utils/jsonb.h"
#include "utils/uuid.h"

extern bool event_insert(Datum workspace, Datum campaign, const pg_uuid_t *message_id,
						 const pg_uuid_t *lead_id, const char *type, Jsonb *data);
extern bool event_add_soft_bounce(Datum workspace, const pg_uuid_t *lead_id);
extern void event_forget_soft_bounces(Datum workspace, const pg_uuid_t *lead_id);

#endif							/* LEADTERRA_EVENT_H */
