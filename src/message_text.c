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
	MessageLinks links;			/* without a base where it has none */
	bool		has_postal_address;
	LeadString	postal_address;
	StringInfoData subject;		/* of the message at hand */
	StringInfoData body_html;
};

/* Begins with no texts; those that come stay in the context of the caller. */
MessageTexts *
message_texts_begin(Datum workspace, Datum campaign)
{
	MessageTexts *texts = palloc0(sizeof(MessageTexts));

	texts->workspace = workspace;
	texts->campaign = campaign;
	texts->context = CurrentMemoryContext;
	initStringInfo(&texts->subject);
	initStringInfo(&texts->body_html);
	return texts;
}

/* Lets messages have links, for which their workspace has an address.  Runs in SPI. */
void
message_texts_link(MessageTexts *texts)
{
	if (texts->links.base.data == NULL)
		message_links_read(&texts->links, texts->workspace);
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

/* Reads the postal address of the workspace where a template shows it. */
static void
read_postal_address(MessageTexts *texts, const Template *template)
{
	text	   *address;

	if (texts->has_postal_address || !template_has_postal_address(template))
		return;
	address = context_postal_address(texts->workspace);
	if (address)
		texts->postal_address = (LeadString) {VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address)};
	texts->has_postal_address = true;
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
	read_postal_address(texts, step->subject);
	read_postal_address(texts, step->body);
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

/*
 * Renders a message; false if it gets too large.  What it says stays until the next is
 * rendered.  Runs in SPI.
 */
bool
message_render(MessageTexts *texts, const Message *message, const pg_uuid_t *message_id,
			   MessageText *rendered)
{
	const StepTexts *step = find_step(texts, message->place.step);
	TemplateValues values = {
		.email = {VARDATA_ANY(message->email), VARSIZE_ANY_EXHDR(message->email)},
		.fields = message->fields,
		.nulls = message->nulls,
		.unsubscribe_url = message_link(&texts->links, message_id, message->email),
		.postal_address = texts->postal_address,
		.seed = hash_message(texts, message)
	};

	rendered->unsubscribe_url = values.unsubscribe_url;
	return render(step->subject, &values, &texts->subject, &rendered->subject) &&
		render(step->body, &values, &texts->body_html, &rendered->body_html);
}
