/*
 * message_text.c
 *		What messages say: the texts of a campaign's steps.
 *
 * Whoever claims adds the texts that it has read; those that a thread goes back to are
 * looked up.  They are found by the number of their step, and compiled once a claim, when
 * the first message needs them.
 *
 * What is left to chance follows from lead, campaign and step: so it is the same in every
 * attempt, and what one step has says nothing of another.  The variant and the texts of
 * {{random}} come from different hashes, and so say nothing of each other either.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
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
#include "message_text.h"
#include "statement.h"
#include "template.h"

PG_FUNCTION_INFO_V1(lt_message_variant);

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

/* Those that are known already come again. */
static Statement find_texts = STATEMENT(
	"SELECT " MESSAGE_TEXT_COLUMNS ", step FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" AND step BETWEEN 1 AND " CppAsString2(QUEUE_STEPS_MAX),
	SPI_OK_SELECT, UUIDOID, UUIDOID);

StaticAssertDecl(TEXT_VARIANTS + 1 == MESSAGE_TEXTS, "every column has its number");

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

/* Returns a text of a row; without data where it has none. */
static LeadString
step_string(const StepTexts *step, int column)
{
	text	   *string;

	if (step->nulls[column])
		return (LeadString) {NULL, 0};
	string = DatumGetTextPP(step->columns[column]);
	return (LeadString) {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
}

static int
count_variants(const StepTexts *step)
{
	return step->variants ? step->variants->count : 0;
}

/* Returns the subject of a variant, from 1, or, by 0, that of its step. */
static LeadString
find_subject(const StepTexts *step, int variant)
{
	LeadString	own = {NULL, 0};

	if (variant > 0)
		own = step->variants->items[variant - 1].subject;
	return own.data ? own : step_string(step, TEXT_SUBJECT);
}

/* Says whether a subject is there, and blank. */
static bool
is_blank_subject(const StepTexts *step, int variant)
{
	LeadString	subject = find_subject(step, variant);

	return subject.data && lead_is_blank(&subject);
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
	step->texts = palloc0(sizeof(VariantTexts) * (count_variants(step) + 1));
	for (int i = 0; number > 1 && i <= count_variants(step); i++)
		step->may_continue |= is_blank_subject(step, i);
	step->is_compiled = true;
}

/* Looks up the texts of all steps of which none are known. */
static void
look_up(MessageTexts *texts)
{
	Datum		key[] = {texts->workspace, texts->campaign};
	uint64		found = statement_execute(&find_texts, key, NULL);

	for (uint64 i = 0; i < found; i++)
	{
		Datum		columns[MESSAGE_TEXTS + 1];
		bool		nulls[MESSAGE_TEXTS + 1];
		int			step;

		statement_row(i, columns, nulls);
		step = DatumGetInt16(columns[MESSAGE_TEXTS]);
		if (texts->steps[step - 1] == NULL)
			message_texts_add(texts, step, columns, nulls);
	}
}

/* Says whether there is a step.  Runs in SPI. */
bool
message_has_step(MessageTexts *texts, int number)
{
	if (number < 1 || number > QUEUE_STEPS_MAX)
		return false;
	if (texts->steps[number - 1] == NULL)
		look_up(texts);
	return texts->steps[number - 1] != NULL;
}

/* Returns the texts of a step.  Runs in SPI. */
const StepTexts *
message_find_step(MessageTexts *texts, int number)
{
	MemoryContext caller_context;

	if (texts->steps[number - 1] && texts->steps[number - 1]->is_compiled)
		return texts->steps[number - 1];
	caller_context = MemoryContextSwitchTo(texts->context);
	if (texts->steps[number - 1] == NULL)
		look_up(texts);
	if (texts->steps[number - 1] == NULL)
		raise_broken(texts, number);
	compile_step(texts, texts->steps[number - 1], number);
	MemoryContextSwitchTo(caller_context);
	return texts->steps[number - 1];
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

/* Compiles the texts of a variant, from 1, or, by 0, of its step. */
static void
compile_variant(MessageTexts *texts, const StepTexts *step, int number, int variant,
				VariantTexts *compiled)
{
	LeadString	subject = find_subject(step, variant);
	LeadString	body_html = step_string(step, TEXT_BODY_HTML);
	LeadString	body_text = step_string(step, TEXT_BODY_TEXT);

	if (variant > 0)
	{
		const CampaignVariant *own = &step->variants->items[variant - 1];

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

/* Returns the texts of a variant of a step, from 1, or, by 0, the step's own.  Runs in SPI. */
const VariantTexts *
message_find_variant(MessageTexts *texts, int number, int variant)
{
	const StepTexts *step = message_find_step(texts, number);
	VariantTexts *found = &step->texts[variant];
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
uint64
message_hash(const pg_uuid_t *lead_id, const pg_uuid_t *campaign, int step, MessageSeed seed)
{
	uint8		key[2 * UUID_LEN + 1];

	memcpy(key, lead_id, UUID_LEN);
	memcpy(key + UUID_LEN, campaign, UUID_LEN);
	key[2 * UUID_LEN] = step;
	return hash_bytes_extended(key, sizeof(key), seed);
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

/* Returns the variant, from 1, that a lead gets of a step; 0: the step has none.  Runs in SPI. */
int
message_variant(MessageTexts *texts, const pg_uuid_t *lead_id, int step)
{
	const StepTexts *found = message_find_step(texts, step);

	if (found->variants == NULL)
		return 0;
	return choose_variant(found->variants, message_hash(lead_id, DatumGetUUIDP(texts->campaign),
														step, MESSAGE_SEED_VARIANT));
}

/* Says whether a step has a variant, 0 its own texts, whose subject is not blank.  Runs in SPI. */
bool
message_has_subject(MessageTexts *texts, int step, int variant)
{
	const StepTexts *found = message_find_step(texts, step);
	LeadString	subject = find_subject(found, variant);

	return subject.data && !lead_is_blank(&subject);
}

/*
 * Returns the variant of an earlier message, of which a lease keeps one.  Where the step has
 * no such any more, as it never should, it is the one by the hash.  Runs in SPI.
 */
int
message_sent_variant(MessageTexts *texts, const pg_uuid_t *lead_id, int step, int kept)
{
	const StepTexts *found = message_find_step(texts, step);

	return kept <= count_variants(found) && find_subject(found, kept).data ? kept :
		message_variant(texts, lead_id, step);
}

/* Says whether a message continues a thread.  Runs in SPI. */
bool
message_continues(MessageTexts *texts, const Message *message)
{
	int			step = message->place.step;
	const StepTexts *found = message_find_step(texts, step);

	return found->may_continue &&
		is_blank_subject(found, message_variant(texts, &message->lead_id, step));
}

/* SQL: leadterra.message_variant(lead_id, campaign_id, step, variants) */
Datum
lt_message_variant(PG_FUNCTION_ARGS)
{
	CampaignVariants variants;

	if (!campaign_read_variants(PG_GETARG_JSONB_P(3), &variants))
		PG_RETURN_NULL();
	PG_RETURN_INT32(choose_variant(&variants,
								   message_hash(PG_GETARG_UUID_P(0), PG_GETARG_UUID_P(1),
												PG_GETARG_INT32(2), MESSAGE_SEED_VARIANT)));
}
