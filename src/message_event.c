/*
 * message_event.c
 *		What workers and recipients say of messages that were sent.
 *
 * An event is kept once however often it is reported.  A reply, a bounce, an
 * unsubscribe or a complaint ends the sequence of its lead; a hard bounce, an
 * unsubscribe or a complaint keeps the address from being mailed by any campaign, and so
 * do soft bounces if there are too many.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "enrollment.h"
#include "error.h"
#include "event.h"
#include "lead.h"
#include "message.h"
#include "queue.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_record_event);
PG_FUNCTION_INFO_V1(lt_unsubscribe);

/* Bytes of the text of an event's data at most. */
#define DATA_MAX ((Size) 16 * 1024 * 1024)

/* What an event says of the mailbox. */
typedef enum EventNews
{
	EVENT_NO_NEWS,
	EVENT_REFUSED,				/* it took nothing for now */
	EVENT_ACCEPTED
} EventNews;

/* What an event does to the lead of its message. */
typedef struct EventEffect
{
	const char *status;			/* of the enrollment; NULL: as it is */
	const char *suppression;	/* reason for which its address is suppressed; NULL: it is not */
	EventNews	news;
} EventEffect;

static const EventEffect no_effect = {NULL, NULL, EVENT_NO_NEWS};
static const EventEffect delivery_effect = {NULL, NULL, EVENT_ACCEPTED};
static const EventEffect reply_effect = {"replied", NULL, EVENT_ACCEPTED};
static const EventEffect soft_bounce_effect = {NULL, NULL, EVENT_REFUSED};
static const EventEffect bounce_effect = {"bounced", NULL, EVENT_NO_NEWS};
static const EventEffect hard_bounce_effect = {"bounced", "hard_bounce", EVENT_NO_NEWS};
static const EventEffect unsubscribe_effect = {"unsubscribed", "unsubscribed", EVENT_NO_NEWS};
static const EventEffect complaint_effect = {"unsubscribed", "complained", EVENT_NO_NEWS};

/* Returns a member of the data as a string, NULL where it has none. */
static char *
data_string(JsonbContainer *data, const char *name)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(data, name, strlen(name), &value) == NULL ||
		value.type == jbvNull)
		return NULL;
	if (value.type != jbvString)
		error_raise(ERROR_INVALID_EVENT, "%s must be a string", name);
	return pnstrdup(value.val.string.val, value.val.string.len);
}

/* Returns what a bounce does. */
static EventEffect
bounced(JsonbContainer *data)
{
	char	   *type = data_string(data, "bounceType");

	(void) data_string(data, "bounceReason");
	if (type && strcmp(type, "hard") == 0)
		return hard_bounce_effect;
	if (type && strcmp(type, "soft") == 0)
		return soft_bounce_effect;
	error_raise(ERROR_INVALID_EVENT, "bounceType must be \"hard\" or \"soft\"");
}

/* Returns what a reply does; one out of office is none. */
static EventEffect
replied(JsonbContainer *data)
{
	static const struct
	{
		const char *classification;
		const EventEffect *effect;
	}			effects[] =
	{
		{"interested", &reply_effect},
		{"not_interested", &reply_effect},
		{"out_of_office", &no_effect},
		{"bounce", &bounce_effect},
		{"unsubscribe", &unsubscribe_effect},
	};
	char	   *classification = data_string(data, "classification");

	(void) data_string(data, "threadSnippet");
	if (classification == NULL)
		return reply_effect;
	for (size_t i = 0; i < lengthof(effects); i++)
	{
		if (strcmp(classification, effects[i].classification) == 0)
			return *effects[i].effect;
	}
	error_raise(ERROR_INVALID_EVENT, "classification \"%s\" is unknown", classification);
}

/* Returns what an event does. */
static EventEffect
find_effect(const char *type, JsonbContainer *data)
{
	if (strcmp(type, "delivered") == 0)
		return delivery_effect;
	if (strcmp(type, "opened") == 0)
		return no_effect;
	if (strcmp(type, "clicked") == 0)
	{
		(void) data_string(data, "url");
		return no_effect;
	}
	if (strcmp(type, "bounced") == 0)
		return bounced(data);
	if (strcmp(type, "replied") == 0)
		return replied(data);
	if (strcmp(type, "unsubscribed") == 0)
		return unsubscribe_effect;
	if (strcmp(type, "complained") == 0)
		return complaint_effect;
	error_raise(ERROR_INVALID_EVENT, "type of event \"%s\" is unknown", type);
}

/*
 * Counts soft bounces of a lead: too many suppress its address, and what it accepts
 * makes up for them.
 */
static void
count_soft_bounces(EventNews news, Datum workspace, const pg_uuid_t *lead_id)
{
	LeadString	email;

	if (news == EVENT_ACCEPTED)
		event_forget_soft_bounces(workspace, lead_id);
	else if (news == EVENT_REFUSED && lead_keep_email(workspace, lead_id, &email) &&
			 event_add_soft_bounce(workspace, lead_id))
		suppression_add(workspace, email.data, email.length, "soft_bounces");
}

/*
 * Applies an event to a lead.  One that asks for its address to be suppressed is
 * an error if the address is gone: nobody should believe that it was done.
 */
static void
apply_effect(const EventEffect *effect, Datum workspace, Datum campaign, const pg_uuid_t *lead_id)
{
	count_soft_bounces(effect->news, workspace, lead_id);
	if (effect->suppression)
	{
		LeadString	email;

		if (!lead_keep_email(workspace, lead_id, &email))
			error_raise(ERROR_LEAD_NOT_FOUND, "lead of the message has been deleted");
		suppression_add(workspace, email.data, email.length, effect->suppression);
	}
	if (effect->status)
		enrollment_end(workspace, campaign, lead_id, effect->status);
}

/*
 * Finds what a message is about, and keeps that from being removed.  Whoever deletes the
 * campaign takes enrollments along before messages: where one is to be changed he has to
 * wait before that.
 */
static bool
keep_message(Datum workspace, const pg_uuid_t *message_id, const EventEffect *effect,
			 pg_uuid_t *campaign, pg_uuid_t *lead_id)
{
	if (effect->status &&
		!(queue_find_campaign(workspace, message_id, campaign) && campaign_keep(workspace, UUIDPGetDatum(campaign))))
		return false;
	return queue_keep_message(workspace, message_id, campaign, lead_id);
}

/* Records an event; false if it is known.  Runs in SPI. */
static bool
record(Datum workspace, const pg_uuid_t *message_id, const char *type, Jsonb *data,
	   const EventEffect *effect)
{
	pg_uuid_t	campaign;
	pg_uuid_t	lead_id;

	if (!keep_message(workspace, message_id, effect, &campaign, &lead_id))
		error_raise(ERROR_MESSAGE_NOT_FOUND, "message \"%s\" does not exist",
					error_uuid(UUIDPGetDatum(message_id)));
	if (!event_insert(workspace, UUIDPGetDatum(&campaign), message_id, &lead_id, type, data))
		return false;
	apply_effect(effect, workspace, UUIDPGetDatum(&campaign), &lead_id);
	return true;
}

/* Holds what is kept of an event to what a dump, and others, can read. */
static void
limit_data(Jsonb *data)
{
	JsonbValue	value;
	Size		size = 0;

	JsonbToJsonbValue(data, &value);
	if (!json_text_size(&value, &size))
		error_raise(ERROR_INVALID_EVENT, "a number in data must be of the range of a double");
	if (size > DATA_MAX)
		error_raise(ERROR_INVALID_EVENT, "data takes more than 16 MB as text");
}

/* SQL: lt_record_event(message_id, type, data) */
Datum
lt_record_event(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("messages:update");
	char	   *type;
	Jsonb	   *data;
	EventEffect effect;
	bool		recorded;

	error_if_null(0, "message_id");
	error_if_null(1, "type");
	error_if_null(2, "data");
	type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	data = PG_GETARG_JSONB_P(2);
	if (!JsonContainerIsObject(&data->root))
		error_raise(ERROR_INVALID_EVENT, "data must be an object");
	limit_data(data);
	effect = find_effect(type, &data->root);

	statement_connect();
	recorded = record(workspace, PG_GETARG_UUID_P(0), type, data, &effect);
	statement_finish();
	PG_RETURN_BOOL(recorded);
}

/* SQL: lt_unsubscribe(token) */
Datum
lt_unsubscribe(PG_FUNCTION_ARGS)
{
	text	   *token;
	pg_uuid_t	workspace;
	pg_uuid_t	message_id;
	bool		recorded;

	error_if_null(0, "token");
	token = PG_GETARG_TEXT_PP(0);
	statement_connect();
	if (!message_link_parse(VARDATA_ANY(token), VARSIZE_ANY_EXHDR(token), &workspace, &message_id))
		error_raise(ERROR_INVALID_TOKEN, "token is not one of a message");
	recorded = record(UUIDPGetDatum(&workspace), &message_id, "unsubscribed",
					  DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))),
					  &unsubscribe_effect);
	statement_finish();
	PG_RETURN_BOOL(recorded);
}
