/*
 * message_event.c
 *		What workers and recipients say of messages that were sent: the calls.
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

#include "compat.h"
#include "context.h"
#include "email.h"
#include "error.h"
#include "event.h"
#include "lead_read.h"
#include "message.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_record_event);
PG_FUNCTION_INFO_V1(lt_classify_reply);
PG_FUNCTION_INFO_V1(lt_unsubscribe);

/* Bytes of the text of an event's data at most. */
#define DATA_MAX ((Size) 16 * 1024 * 1024)

static const MessageEffect no_effect = {.status = NULL};
static const MessageEffect delivery_effect = {.news = MESSAGE_ACCEPTED};
static const MessageEffect reply_effect = {.status = "replied", .news = MESSAGE_ACCEPTED};
static const MessageEffect auto_reply_effect = {.is_automatic = true};
static const MessageEffect soft_bounce_effect = {.of_address = true, .news = MESSAGE_REFUSED};
static const MessageEffect bounce_effect = {.status = "bounced", .of_address = true};
static const MessageEffect hard_bounce_effect = {
	.status = "bounced", .suppression = "hard_bounce", .of_address = true
};
static const MessageEffect unsubscribe_effect = {
	.status = "unsubscribed", .suppression = "unsubscribed"
};
static const MessageEffect complaint_effect = {
	.status = "unsubscribed", .suppression = "complained"
};

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
static MessageEffect
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

/*
 * Returns what a reply of a kind does, NULL if nobody has told which; one out of office is none,
 * unless the campaign says so.
 */
static MessageEffect
reply_of(const char *classification)
{
	static const struct
	{
		const char *classification;
		const MessageEffect *effect;
	}			effects[] =
	{
		{"interested", &reply_effect},
		{"not_interested", &reply_effect},
		{"out_of_office", &auto_reply_effect},
		{"bounce", &bounce_effect},
		{"unsubscribe", &unsubscribe_effect},
	};

	if (classification == NULL)
		return reply_effect;
	for (size_t i = 0; i < lengthof(effects); i++)
	{
		if (strcmp(classification, effects[i].classification) == 0)
			return *effects[i].effect;
	}
	error_raise(ERROR_INVALID_EVENT, "classification \"%s\" is unknown", classification);
}

/* Returns what a reply does. */
static MessageEffect
replied(JsonbContainer *data)
{
	(void) data_string(data, "threadSnippet");
	return reply_of(data_string(data, "classification"));
}

/* Returns what an event does. */
static MessageEffect
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
 * Returns the address that a message went to, as the data says it; 0 where it does
 * not.  There is no way to check that, so it counts where nothing else is known.
 */
static Datum
data_email(JsonbContainer *data)
{
	char	   *given = data_string(data, "email");
	LeadString	email;
	EmailStatus status;

	if (given == NULL)
		return (Datum) 0;
	email = lead_normalize_email(given, strlen(given));
	status = email_check(email.data, email.length);
	if (status != EMAIL_OK)
		error_raise(ERROR_INVALID_EVENT, "email of data is invalid: %s",
					email_status_message(status));
	return lead_text(&email);
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
	MessageReport report = {.workspace = context_enter("messages:update")};
	JsonbContainer *data;
	bool		is_new;

	error_if_null(0, "message_id");
	error_if_null(1, "type");
	error_if_null(2, "data");
	report.message_id = PG_GETARG_UUID_P(0);
	report.type = text_to_cstring(PG_GETARG_TEXT_PP(1));
	report.data = PG_GETARG_JSONB_P(2);
	data = &report.data->root;
	if (!JsonContainerIsObject(data))
		error_raise(ERROR_INVALID_EVENT, "data must be an object");
	limit_data(report.data);
	report.effect = find_effect(report.type, data);
	if (report.effect.suppression)
	{
		report.entry = data_email(data);
		/* Who forgets a lead that is gone by then would not find it. */
		report.data = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(report.data),
														 CStringGetTextDatum("email")));
	}

	statement_connect();
	is_new = message_report(&report);
	statement_finish();
	PG_RETURN_BOOL(is_new);
}

/* SQL: lt_classify_reply(reply_id, classification) */
Datum
lt_classify_reply(PG_FUNCTION_ARGS)
{
	MessageReport report = {.workspace = context_enter("replies:update"), .type = "replied"};
	pg_uuid_t	message_id;
	bool		is_new;

	error_if_null(0, "reply_id");
	error_if_null(1, "classification");
	report.reply = PG_GETARG_UUID_P(0);
	report.classification = text_to_cstring(PG_GETARG_TEXT_PP(1));
	report.effect = reply_of(report.classification);

	statement_connect();
	if (!event_find_reply(report.workspace, report.reply, &message_id))
		error_raise(ERROR_REPLY_NOT_FOUND, "reply \"%s\" does not exist",
					error_uuid(UUIDPGetDatum(report.reply)));
	report.message_id = &message_id;
	is_new = message_report(&report);
	statement_finish();
	PG_RETURN_BOOL(is_new);
}

/* SQL: lt_unsubscribe(token) */
Datum
lt_unsubscribe(PG_FUNCTION_ARGS)
{
	MessageToken token;
	MessageReport report = {
		.type = "unsubscribed", .effect = unsubscribe_effect, .is_proven = true
	};
	bool		is_new;

	error_if_null(0, "token");
	statement_connect();
	if (!message_link_parse(PG_GETARG_TEXT_PP(0), &token))
		error_raise(ERROR_INVALID_TOKEN, "token is not one of a message");
	report.workspace = UUIDPGetDatum(&token.workspace);
	report.message_id = &token.message_id;
	report.entry = token.entry;
	report.data = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}")));
	is_new = message_report(&report);
	statement_finish();
	PG_RETURN_BOOL(is_new);
}
