/*
 * webhook.h
 *		Who is told of what happens, and what they are to be told.
 */
#ifndef LEADTERRA_WEBHOOK_H
#define LEADTERRA_WEBHOOK_H

#include "utils/uuid.h"

/*
 * In SQL: the events that the webhooks of a campaign want, with blanks between; null where
 * there is none.  A statement that runs anyway asks for it: so who has no webhook pays for
 * no other one.
 */
#define WEBHOOK_EVENTS(workspace, campaign) \
	"(SELECT string_agg(array_to_string(w.events, ' '), ' ') FROM leadterra.webhooks w" \
	" WHERE w.workspace_id = " workspace " AND w.status = 'active'" \
	" AND (w.campaign_id IS NULL OR w.campaign_id = " campaign "))"

/* What happened. */
typedef struct WebhookNews
{
	Datum		workspace;
	const pg_uuid_t *campaign;	/* NULL: it is unknown */
	const char *event;
	const char *reason;			/* why a campaign paused by itself; NULL: it did not */
	const pg_uuid_t *lease_id;	/* whose messages were sent; NULL: it is about none */
	const pg_uuid_t *message_ids;	/* that it is about; NULL: those of the lease, or none */
	const pg_uuid_t *event_id;	/* row of events that it is about; NULL: there is none */
	int			size;			/* how many messages; 1 where it is about none */
} WebhookNews;

extern const char *webhook_read_events(Datum events, bool isnull);
extern bool webhook_wants(const char *events, const char *event);
extern void webhook_tell(const WebhookNews *news);
extern void webhook_tell_finished(Datum workspace, const pg_uuid_t *campaign, bool always);

#endif							/* LEADTERRA_WEBHOOK_H */
