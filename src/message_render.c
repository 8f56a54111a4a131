/*
 * message_render.c
 *		Filling in the texts of a message.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "error.h"
#include "message.h"
#include "message_text.h"
#include "statement.h"
#include "template.h"

/* Bytes of a rendered header; mail servers take less. */
#define HEADER_MAX 10000

/* Returns the seed of a text, so that its random texts say nothing of those of others. */
static uint64
text_seed(const char *name, int length, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) name, length, seed);
}

/* Renders a text of a message; false if it gets too large. */
static bool
render(const Template *template, TemplateValues *values, StringInfo output, LeadString *rendered)
{
	resetStringInfo(output);
	if (!template_render(template, values, output))
		return false;
	*rendered = (LeadString) {output->data, output->len};
	return true;
}

/* Renders what stands in a body before the text, with the preheader; false if it gets too large. */
static bool
render_start(MessageTexts *texts, const StepTexts *step, const VariantTexts *variant,
			 const TemplateValues *message_values)
{
	TemplateValues values = *message_values;
	LeadString	preheader;

	values.seed = text_seed("start", 5, message_values->seed);
	if (!template_render(variant->body_start, &values, &texts->body_html))
		return false;
	values.seed = text_seed("preheader", 9, message_values->seed);
	if (!render(step->preheader, &values, &texts->line, &preheader))
		return false;
	if (!lead_is_blank(&preheader))
		template_append_preheader(&texts->body_html, &preheader);
	return true;
}

/* Renders the body of a message; false if it gets too large. */
static bool
render_body(MessageTexts *texts, const StepTexts *step, const VariantTexts *variant,
			TemplateValues *values, LeadString *rendered)
{
	StringInfo	output = &texts->body_html;

	resetStringInfo(output);
	if ((variant->body_start && !render_start(texts, step, variant, values)) ||
		!template_render(variant->body, values, output))
		return false;
	*rendered = (LeadString) {output->data, output->len};
	return output->len <= TEMPLATE_OUTPUT_MAX;
}

/* Says whether a subject is one of a reply, whoever wrote it so. */
static bool
is_reply(const LeadString *subject)
{
	return subject->length >= 3 && pg_strncasecmp(subject->data, "re:", 3) == 0;
}

/*
 * Renders the subject of a message that continues a thread: that of the step that began it,
 * as that step has it now; false if it gets too large.
 */
static bool
render_thread(MessageTexts *texts, const Message *message, const TemplateValues *message_values,
			  LeadString *rendered)
{
	const MessageThread *thread = message->thread;
	TemplateValues values = *message_values;
	const VariantTexts *variant = message_find_variant(texts, thread->step, thread->variant);
	LeadString	subject;

	values.postal_address = texts->postal_address;
	values.seed = message_hash(&message->lead_id, DatumGetUUIDP(texts->campaign), thread->step,
							   MESSAGE_SEED_RANDOM);
	if (!render(variant->subject, &values, &texts->line, &subject))
		return false;
	resetStringInfo(&texts->subject);
	if (!lead_is_blank(&subject) && !is_reply(&subject))
		appendStringInfoString(&texts->subject, "Re: ");
	appendBinaryStringInfo(&texts->subject, subject.data, subject.length);
	*rendered = (LeadString) {texts->subject.data, texts->subject.len};
	return true;
}

/* Renders the subject of a message; false if it gets too large. */
static bool
render_subject(MessageTexts *texts, const Message *message, const VariantTexts *variant,
			   TemplateValues *values, LeadString *rendered)
{
	if (message->thread && message->thread->step > 0)
		return render_thread(texts, message, values, rendered);
	return render(variant->subject, values, &texts->subject, rendered);
}

/* Returns what a message refers to, oldest first; 0: nothing. */
static Datum
list_references(const MessageThread *thread)
{
	Datum	   *values;
	bool		isnull;

	if (thread == NULL || thread->count == 0)
		return (Datum) 0;
	values = palloc(sizeof(Datum) * thread->count);
	for (int i = 0; i < thread->count; i++)
		values[i] = CStringGetTextDatum(error_uuid(UUIDPGetDatum(
			&thread->message_ids[thread->count - 1 - i])));
	return statement_array(values, NULL, thread->count, TEXTOID, &isnull);
}

/*
 * Renders the headers of a message; false if one gets too large.  Those that are blank
 * are left out; NULL: none is left.
 */
static bool
render_headers(MessageTexts *texts, const StepTexts *step, const TemplateValues *message_values,
			   Jsonb **rendered)
{
	TemplateValues values = *message_values;
	JsonbParseState *state = NULL;
	bool		is_empty = true;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < step->headers->count; i++)
	{
		const LeadString *name = &step->headers->names[i];
		JsonbValue	key = {.type = jbvString,.val.string = {name->length, (char *) name->data}};
		JsonbValue	value = {.type = jbvString};
		LeadString	string;

		values.seed = text_seed(name->data, name->length, message_values->seed);
		if (!render(step->header_values[i], &values, &texts->line, &string) ||
			string.length > HEADER_MAX)
			return false;
		if (lead_is_blank(&string))
			continue;
		value.val.string.val = pnstrdup(string.data, string.length);
		value.val.string.len = string.length;
		pushJsonbValue(&state, WJB_KEY, &key);
		pushJsonbValue(&state, WJB_VALUE, &value);
		is_empty = false;
	}
	*rendered = is_empty ? NULL : JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
	return true;
}

/*
 * Renders a message; false if it gets too large.  What it says stays until the next is
 * rendered, or in the context of the caller.  Runs in SPI.
 */
bool
message_render(MessageTexts *texts, const Message *message, const pg_uuid_t *message_id,
			   MessageText *rendered)
{
	int			number = message->place.step;
	const StepTexts *step = message_find_step(texts, number);
	const VariantTexts *variant;
	TemplateValues values = {
		.email = {VARDATA_ANY(message->email), VARSIZE_ANY_EXHDR(message->email)},
		.fields = message->fields,
		.nulls = message->nulls,
		.unsubscribe_url = message_link(&texts->links, message_id, message->email),
		.seed = message_hash(&message->lead_id, DatumGetUUIDP(texts->campaign), number,
							 MESSAGE_SEED_RANDOM)
	};

	memset(rendered, 0, sizeof(MessageText));
	rendered->unsubscribe_url = values.unsubscribe_url;
	rendered->variant = message_variant(texts, &message->lead_id, number);
	rendered->references = list_references(message->thread);
	variant = message_find_variant(texts, number, rendered->variant);
	values.postal_address = texts->postal_address;
	return render_subject(texts, message, variant, &values, &rendered->subject) &&
		render_body(texts, step, variant, &values, &rendered->body_html) &&
		(variant->body_text == NULL ||
		 render(variant->body_text, &values, &texts->body_text, &rendered->body_text)) &&
		(step->headers == NULL || render_headers(texts, step, &values, &rendered->headers));
}
