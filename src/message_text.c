/*
 * message_text.c
 *		What messages say: the texts of a campaign's steps, filled in for a lead.
 *
 * Whoever claims adds the texts that it has read.  They are found by the number of their
 * step, and compiled once a claim, when the first message needs them.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "context.h"
#include "message.h"
#include "template.h"

/* The texts of a step. */
typedef struct StepTexts
{
	bool		is_known;
	Datum		columns[MESSAGE_TEXTS];
	bool		is_compiled;
	Template   *subject;
	Template   *body;
} StepTexts;

/* The texts of a campaign, and what they are filled in with beside its leads. */
struct MessageTexts
{
	Datum		workspace;
	Datum		campaign;
	MemoryContext context;		/* of all that stays */
	StepTexts	steps[QUEUE_STEPS_MAX];
	bool		has_links;
	MessageLinks links;
	bool		has_postal_address;
	LeadString	postal_address;
};

/* Begins with no texts; those that come stay in the context of the caller. */
MessageTexts *
message_texts_begin(Datum workspace, Datum campaign)
{
	MessageTexts *texts = palloc0(sizeof(MessageTexts));

	texts->workspace = workspace;
	texts->campaign = campaign;
	texts->context = CurrentMemoryContext;
	return texts;
}

/* Adds the texts of a step, of a row that has to stay. */
void
message_texts_add(MessageTexts *texts, int step, const Datum *columns)
{
	StepTexts  *added = &texts->steps[step - 1];

	added->is_known = true;
	memcpy(added->columns, columns, sizeof(added->columns));
}

/* Compiles a text. */
static Template *
compile(Datum value, TemplateFormat format)
{
	text	   *copy = DatumGetTextPP(value);

	return template_compile(VARDATA_ANY(copy), VARSIZE_ANY_EXHDR(copy), format);
}

/* Reads what a template shows of the workspace. */
static void
read_settings(MessageTexts *texts, const Template *template)
{
	if (template_has_unsubscribe_url(template) && !texts->has_links)
	{
		message_links_read(&texts->links, texts->workspace);
		texts->has_links = true;
	}
	if (template_has_postal_address(template) && !texts->has_postal_address)
	{
		text	   *address = context_postal_address(texts->workspace);

		if (address)
			texts->postal_address = (LeadString) {VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address)};
		texts->has_postal_address = true;
	}
}

/* Returns the texts of a step, ready to be filled in. */
static const StepTexts *
find_step(MessageTexts *texts, int number)
{
	StepTexts  *step = &texts->steps[number - 1];
	MemoryContext caller_context;

	if (step->is_compiled)
		return step;
	if (!step->is_known)
		elog(ERROR, "a message was taken of a step that is not due");
	caller_context = MemoryContextSwitchTo(texts->context);
	step->subject = compile(step->columns[0], TEMPLATE_LINE);
	step->body = compile(step->columns[1], TEMPLATE_HTML);
	read_settings(texts, step->subject);
	read_settings(texts, step->body);
	step->is_compiled = true;
	MemoryContextSwitchTo(caller_context);
	return step;
}

/* Returns a hash of lead, campaign and step. */
static uint64
hash_message(const MessageTexts *texts, const Message *message)
{
	uint8		key[2 * UUID_LEN + 1];

	memcpy(key, &message->lead_id, UUID_LEN);
	memcpy(key + UUID_LEN, DatumGetUUIDP(texts->campaign), UUID_LEN);
	key[2 * UUID_LEN] = message->place.step;
	return hash_bytes_extended(key, sizeof(key), 0);
}

/* Renders a message; false if it gets too large.  Runs in SPI. */
bool
message_render(MessageTexts *texts, const Message *message, const pg_uuid_t *message_id,
			   MessageText *rendered)
{
	const StepTexts *step = find_step(texts, message->place.step);
	TemplateValues values = {
		.email = {VARDATA_ANY(message->email), VARSIZE_ANY_EXHDR(message->email)},
		.fields = message->fields,
		.nulls = message->nulls,
		.postal_address = texts->postal_address,
		.seed = hash_message(texts, message)
	};

	if (texts->has_links)
		values.unsubscribe_url = message_link(&texts->links, message_id, message->email);
	resetStringInfo(&rendered->subject);
	resetStringInfo(&rendered->body);
	return template_render(step->subject, &values, &rendered->subject) &&
		template_render(step->body, &values, &rendered->body);
}
