/*
 * message_text.c
 *		What messages say: the texts of a campaign's steps, filled in for a lead.
 *
 * Whoever claims adds the texts that it has read.  They are found by the number of their
 * step, and compiled once a claim, when the first message needs them.
 *
 * What is left to chance follows from lead, campaign and step: so it is the same in every
 * attempt, and what one step has says nothing of another.  The variant and the texts of
 * {{random}} come from different hashes, and so say nothing of each other either.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "message.h"
#include "template.h"

PG_FUNCTION_INFO_V1(lt_message_variant);

/* Bytes of a rendered header; mail servers take less. */
#define HEADER_MAX 10000

/* Seeds of the hashes of messages. */
enum
{
	SEED_RANDOM,
	SEED_VARIANT
};

/* Columns of MESSAGE_TEXT_COLUMNS. */
enum
{
	TEXT_SUBJECT,
	TEXT_BODY_HTML,
	TEXT_BODY_TEXT,
	TEXT_PREHEADER,
	TEXT_HEADERS,
	TEXT_VARIANTS
};

StaticAssertDecl(TEXT_VARIANTS + 1 == MESSAGE_TEXTS, "every column has its number");

/* The texts of a variant, or of a step that has none. */
typedef struct VariantTexts
{
	Template   *subject;		/* NULL: it is not compiled yet */
	Template   *body_start;		/* what stands before the preheader; NULL: there is none */
	Template   *body;
	Template   *body_text;		/* NULL: it has none */
} VariantTexts;

/* The texts of a step. */
typedef struct StepTexts
{
	Datum		columns[MESSAGE_TEXTS];
	bool		nulls[MESSAGE_TEXTS];
	bool		is_compiled;
	Template   *preheader;
	CampaignHeaders *headers;	/* NULL: it has none */
	Template  **header_values;
	CampaignVariants *variants; /* NULL: it has none */
	VariantTexts *texts;		/* of each of them, or of the step */
} StepTexts;

/* The texts of a campaign, and what they are filled in with beside its leads. */
struct MessageTexts
{
	Datum		workspace;
	Datum		campaign;
	MemoryContext context;		/* of all that stays */
	StepTexts  *steps[QUEUE_STEPS_MAX];
	MessageLinks links;			/* without a base where it has none */
	bool		has_postal_address;
	LeadString	postal_address;
	StringInfoData subject;		/* of the message at hand */
	StringInfoData body_html;
	StringInfoData body_text;
	StringInfoData line;
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
	initStringInfo(&texts->body_text);
	initStringInfo(&texts->line);
	return texts;
}

/* Lets messages have links, for which their workspace has an address.  Runs in SPI. */
void
message_texts_link(MessageTexts *texts)
{
	message_links_read(&texts->links, texts->workspace);
}

/* Adds the texts of a step, of a row that has to stay. */
void
message_texts_add(MessageTexts *texts, int step, const Datum *columns, const bool *nulls)
{
	StepTexts  *added = palloc0(sizeof(StepTexts));

	memcpy(added->columns, columns, sizeof(added->columns));
	memcpy(added->nulls, nulls, sizeof(added->nulls));
	texts->steps[step - 1] = added;
}

/* Raises the error for a row that no call wrote. */
static void
raise_broken(const MessageTexts *texts, int step)
{
	error_raise(ERROR_BROKEN_ROW, "step %d of campaign \"%s\" is broken", step,
				error_uuid(texts->campaign));
}

/* Compiles a text, and reads the postal address of the workspace where it shows that. */
static Template *
compile(MessageTexts *texts, const LeadString *string, TemplateFormat format)
{
	Template   *template = template_compile(string->data, string->length, format);
	text	   *address;

	if (texts->has_postal_address || !template_has_postal_address(template))
		return template;
	address = context_postal_address(texts->workspace);
	if (address)
		texts->postal_address = (LeadString) {VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address)};
	texts->has_postal_address = true;
	return template;
}

/* Returns a text of a step; without data where it has none. */
static LeadString
step_string(const StepTexts *step, int column)
{
	text	   *string;

	if (step->nulls[column])
		return (LeadString) {NULL, 0};
	string = DatumGetTextPP(step->columns[column]);
	return (LeadString) {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
}

/* Compiles what all variants of a step share, and reads which they are. */
static void
compile_step(MessageTexts *texts, StepTexts *step, int number)
{
	LeadString	preheader = step_string(step, TEXT_PREHEADER);

	if (preheader.data)
		step->preheader = compile(texts, &preheader, TEMPLATE_LINE);
	if (!step->nulls[TEXT_HEADERS])
	{
		step->headers = palloc(sizeof(CampaignHeaders));
		if (!campaign_read_headers(DatumGetJsonbP(step->columns[TEXT_HEADERS]), step->headers))
			raise_broken(texts, number);
		step->header_values = palloc(sizeof(Template *) * Max(step->headers->count, 1));
		for (int i = 0; i < step->headers->count; i++)
			step->header_values[i] = compile(texts, &step->headers->values[i], TEMPLATE_LINE);
	}
	if (!step->nulls[TEXT_VARIANTS])
	{
		step->variants = palloc(sizeof(CampaignVariants));
		if (!campaign_read_variants(DatumGetJsonbP(step->columns[TEXT_VARIANTS]), step->variants))
			raise_broken(texts, number);
	}
	step->texts = palloc0(sizeof(VariantTexts) * (step->variants ? step->variants->count : 1));
	step->is_compiled = true;
}

/* Returns the texts of a step. */
static StepTexts *
find_step(MessageTexts *texts, int number)
{
	StepTexts  *step = texts->steps[number - 1];
	MemoryContext caller_context;

	if (step == NULL)
		elog(ERROR, "a message was taken of a step that is not due");
	if (!step->is_compiled)
	{
		caller_context = MemoryContextSwitchTo(texts->context);
		compile_step(texts, step, number);
		MemoryContextSwitchTo(caller_context);
	}
	return step;
}

/* Compiles a body, in two parts where a preheader comes between them. */
static void
compile_body(MessageTexts *texts, const StepTexts *step, const LeadString *body,
			 VariantTexts *compiled)
{
	LeadString	rest = *body;

	if (step->preheader)
	{
		int			place = template_preheader_place(body->data, body->length);

		compiled->body_start = compile(texts, &(LeadString) {body->data, place}, TEMPLATE_HTML);
		rest = (LeadString) {body->data + place, body->length - place};
	}
	compiled->body = compile(texts, &rest, TEMPLATE_HTML);
}

/* Compiles the texts of a variant, from 1, or, by 0, of a step without any. */
static void
compile_variant(MessageTexts *texts, const StepTexts *step, int number, int variant,
				VariantTexts *compiled)
{
	LeadString	subject = step_string(step, TEXT_SUBJECT);
	LeadString	body_html = step_string(step, TEXT_BODY_HTML);
	LeadString	body_text = step_string(step, TEXT_BODY_TEXT);

	if (variant > 0)
	{
		const CampaignVariant *own = &step->variants->items[variant - 1];

		subject = own->subject.data ? own->subject : subject;
		body_html = own->body_html.data ? own->body_html : body_html;
		body_text = own->body_text.data ? own->body_text : body_text;
	}
	if (subject.data == NULL || body_html.data == NULL)
		raise_broken(texts, number);
	compile_body(texts, step, &body_html, compiled);
	if (body_text.data)
		compiled->body_text = compile(texts, &body_text, TEMPLATE_TEXT);
	compiled->subject = compile(texts, &subject, TEMPLATE_LINE);
}

/* Returns the texts of a variant, from 1, or, by 0, of a step without any. */
static const VariantTexts *
find_variant(MessageTexts *texts, const StepTexts *step, int number, int variant)
{
	VariantTexts *found = &step->texts[Max(variant, 1) - 1];
	MemoryContext caller_context;

	if (found->subject == NULL)
	{
		caller_context = MemoryContextSwitchTo(texts->context);
		compile_variant(texts, step, number, variant, found);
		MemoryContextSwitchTo(caller_context);
	}
	return found;
}

/* Returns a hash of lead, campaign and step. */
static uint64
hash_message(const pg_uuid_t *lead_id, const pg_uuid_t *campaign, int step, uint64 seed)
{
	uint8		key[2 * UUID_LEN + 1];

	memcpy(key, lead_id, UUID_LEN);
	memcpy(key + UUID_LEN, campaign, UUID_LEN);
	key[2 * UUID_LEN] = step;
	return hash_bytes_extended(key, sizeof(key), seed);
}

/* Returns the seed of a text, so that its random texts say nothing of those of others. */
static uint64
text_seed(const char *name, int length, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) name, length, seed);
}

/* Chooses the variant of a message, from 1, by their weights. */
static int
choose_variant(const CampaignVariants *variants, uint64 hash)
{
	int			total = 0;
	int			place;
	int			number = 0;

	for (int i = 0; i < variants->count; i++)
		total += variants->items[i].weight;
	place = hash % total;
	while (place >= variants->items[number].weight)
		place -= variants->items[number++].weight;
	return number + 1;
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
	const pg_uuid_t *campaign = DatumGetUUIDP(texts->campaign);
	const StepTexts *step = find_step(texts, number);
	const VariantTexts *variant;
	TemplateValues values = {
		.email = {VARDATA_ANY(message->email), VARSIZE_ANY_EXHDR(message->email)},
		.fields = message->fields,
		.nulls = message->nulls,
		.unsubscribe_url = message_link(&texts->links, message_id, message->email),
		.seed = hash_message(&message->lead_id, campaign, number, SEED_RANDOM)
	};

	memset(rendered, 0, sizeof(MessageText));
	rendered->unsubscribe_url = values.unsubscribe_url;
	if (step->variants)
		rendered->variant = choose_variant(step->variants, hash_message(&message->lead_id, campaign,
																		number, SEED_VARIANT));
	variant = find_variant(texts, step, number, rendered->variant);
	values.postal_address = texts->postal_address;
	return render(variant->subject, &values, &texts->subject, &rendered->subject) &&
		render_body(texts, step, variant, &values, &rendered->body_html) &&
		(variant->body_text == NULL ||
		 render(variant->body_text, &values, &texts->body_text, &rendered->body_text)) &&
		(step->headers == NULL || render_headers(texts, step, &values, &rendered->headers));
}

/* SQL: leadterra.message_variant(lead_id, campaign_id, step, variants) */
Datum
lt_message_variant(PG_FUNCTION_ARGS)
{
	CampaignVariants variants;

	if (!campaign_read_variants(PG_GETARG_JSONB_P(3), &variants))
		PG_RETURN_NULL();
	PG_RETURN_INT32(choose_variant(&variants,
								   hash_message(PG_GETARG_UUID_P(0), PG_GETARG_UUID_P(1),
												PG_GETARG_INT32(2), SEED_VARIANT)));
}
