/*
 * message_preview.c
 *		What a step of a campaign says to one lead, before anything is sent.
 *
 * It is rendered as a claim renders it, from the lead as it is now.  There is no message yet,
 * so it has no link to unsubscribe: whoever looked at it would follow that.
 */
#include "postgres.h"

#include "fmgr.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "lead.h"
#include "message.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_preview_message);

/* Columns of the result. */
enum
{
	PREVIEW_SUBJECT,
	PREVIEW_BODY_HTML,
	PREVIEW_BODY_TEXT,
	PREVIEW_HEADERS,
	PREVIEW_VARIANT,
	PREVIEW_COLUMNS
};

/* Puts a string into a column, null where there is none. */
static void
set_string(const LeadString *string, Datum *value, bool *isnull)
{
	*isnull = string->data == NULL;
	if (!*isnull)
		*value = lead_text(string);
}

/* SQL: lt_preview_message(campaign_id, step, lead_id) */
Datum
lt_preview_message(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:read");
	Datum		campaign = campaign_argument(fcinfo, 0);
	MessageTexts *texts;
	Message		message = {.status = "active"};
	pg_uuid_t	no_message = {{0}};
	MessageText rendered;
	Datum		values[PREVIEW_COLUMNS];
	bool		nulls[PREVIEW_COLUMNS] = {false};
	Datum		result;

	error_if_null(1, "step");
	error_if_null(2, "lead_id");
	message.place.step = PG_GETARG_INT32(1);
	message.lead_id = *PG_GETARG_UUID_P(2);
	statement_connect();
	campaign_require(workspace, campaign, true);
	texts = message_texts_begin(workspace, campaign);
	if (!message_has_step(texts, message.place.step))
		error_raise(ERROR_INVALID_REQUEST, "campaign \"%s\" has no step %d",
					error_uuid(campaign), message.place.step);
	message.email = lead_read(workspace, &message.lead_id, message.fields, message.nulls);
	if (message.email == NULL)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%s\" does not exist, or has no address",
					error_uuid(PG_GETARG_DATUM(2)));
	message_find_threads(texts, &message, 1);
	if (!message_render(texts, &message, &no_message, &rendered))
		error_raise(ERROR_INVALID_REQUEST, "the message gets too large");

	set_string(&rendered.subject, &values[PREVIEW_SUBJECT], &nulls[PREVIEW_SUBJECT]);
	set_string(&rendered.body_html, &values[PREVIEW_BODY_HTML], &nulls[PREVIEW_BODY_HTML]);
	set_string(&rendered.body_text, &values[PREVIEW_BODY_TEXT], &nulls[PREVIEW_BODY_TEXT]);
	values[PREVIEW_HEADERS] = JsonbPGetDatum(rendered.headers);
	nulls[PREVIEW_HEADERS] = rendered.headers == NULL;
	values[PREVIEW_VARIANT] = Int32GetDatum(rendered.variant);
	nulls[PREVIEW_VARIANT] = rendered.variant == 0;
	result = statement_result(fcinfo, values, nulls, PREVIEW_COLUMNS);
	statement_finish();
	return result;
}
