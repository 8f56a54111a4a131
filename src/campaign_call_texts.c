/*
 * campaign_call_texts.c
 *		The texts of a campaign, and the mails that are made of them.
 *
 * A mail is what one lead gets of a step: a variant, or the step where it has none.  What
 * no mail shows is left out: variants that are disabled, and texts of a step in whose place
 * all others have their own.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "campaign_call.h"
#include "compat.h"
#include "error.h"
#include "statement.h"

/* Columns of find_texts. */
enum
{
	TEXT_STEP,
	TEXT_SUBJECT,
	TEXT_BODY_HTML,
	TEXT_BODY_TEXT,
	TEXT_PREHEADER,
	TEXT_HEADERS,
	TEXT_VARIANTS,
	TEXT_COLUMNS
};

static Statement find_texts = STATEMENT(
	"SELECT step::integer, subject, body_html, body_text, preheader, headers, variants"
	" FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" ORDER BY step",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* A row of that. */
typedef struct StepRow
{
	Datum		values[TEXT_COLUMNS];
	bool		nulls[TEXT_COLUMNS];
	int			step;
} StepRow;

/* Adds a text; returns its number, -1 where it is none. */
static int
add_text(CampaignTexts *texts, const StepRow *row, const char *place, LeadString string,
		 TemplateFormat format)
{
	if (string.data == NULL)
		return -1;
	if (texts->count == texts->room)
	{
		texts->room *= 2;
		texts->items = repalloc_huge(texts->items, sizeof(CampaignText) * texts->room);
	}
	texts->items[texts->count] = (CampaignText) {
		.step = row->step, .place = place, .string = string, .format = format
	};
	return texts->count++;
}

/* Adds a text of a step itself; returns its number, -1 where it has none. */
static int
add_column(CampaignTexts *texts, const StepRow *row, int column, const char *place,
		   TemplateFormat format)
{
	text	   *string;

	if (row->nulls[column])
		return -1;
	string = DatumGetTextPP(row->values[column]);
	return add_text(texts, row, place,
					(LeadString) {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)}, format);
}

/* Raises the error for a row that no call wrote. */
static void
raise_broken(const StepRow *row)
{
	error_raise(ERROR_BROKEN_ROW, "step %d is broken", row->step);
}

/* Adds the headers of a step. */
static void
add_headers(CampaignTexts *texts, const StepRow *row)
{
	CampaignHeaders headers;

	if (row->nulls[TEXT_HEADERS])
		return;
	if (!campaign_read_headers(DatumGetJsonbP(row->values[TEXT_HEADERS]), &headers))
		raise_broken(row);
	for (int i = 0; i < headers.count; i++)
	{
		const LeadString *name = &headers.names[i];

		add_text(texts, row, psprintf("header %.*s", name->length, name->data),
				 headers.values[i], TEMPLATE_LINE);
	}
}

/* Says whether a variant that is sent has the text of its step in a place. */
static bool
is_shown(const CampaignVariants *variants, Size place)
{
	for (int i = 0; i < variants->count; i++)
	{
		const CampaignVariant *variant = &variants->items[i];

		if (variant->weight > 0 &&
			((const LeadString *) ((const char *) variant + place))->data == NULL)
			return true;
	}
	return variants->count == 0;
}

/* Adds a mail, which has these texts. */
static void
add_mail(CampaignTexts *texts, const StepRow *row, CampaignMail mail)
{
	if (texts->nmails == texts->mail_room)
	{
		texts->mail_room *= 2;
		texts->mails = repalloc_huge(texts->mails, sizeof(CampaignMail) * texts->mail_room);
	}
	if (mail.subject < 0 || mail.body < 0)
		raise_broken(row);
	texts->mails[texts->nmails++] = mail;
}

/* Adds the mail of a variant, with what of it is its own. */
static void
add_variant(CampaignTexts *texts, const StepRow *row, const CampaignVariant *variant, int number,
			CampaignMail mail)
{
	if (variant->subject.data)
		mail.subject = add_text(texts, row, psprintf("variant %d subject", number),
								variant->subject, TEMPLATE_LINE);
	if (variant->body_html.data || variant->body_text.data)
		mail.place = psprintf("variant %d body", number);
	if (variant->body_html.data)
		mail.body = add_text(texts, row, mail.place, variant->body_html, TEMPLATE_HTML);
	if (variant->body_text.data)
		mail.text = add_text(texts, row, psprintf("variant %d text", number), variant->body_text,
							 TEMPLATE_TEXT);
	add_mail(texts, row, mail);
}

/* Adds the texts of a step, and its mails. */
static void
add_step(CampaignTexts *texts, const StepRow *row)
{
	CampaignVariants variants = {0};
	CampaignMail mail = {.step = row->step, .subject = -1, .body = -1, .text = -1, .place = "body"};

	if (!row->nulls[TEXT_VARIANTS] &&
		!campaign_read_variants(DatumGetJsonbP(row->values[TEXT_VARIANTS]), &variants))
		raise_broken(row);
	if (is_shown(&variants, offsetof(CampaignVariant, subject)))
		mail.subject = add_column(texts, row, TEXT_SUBJECT, "subject", TEMPLATE_LINE);
	if (is_shown(&variants, offsetof(CampaignVariant, body_html)))
		mail.body = add_column(texts, row, TEXT_BODY_HTML, "body", TEMPLATE_HTML);
	if (is_shown(&variants, offsetof(CampaignVariant, body_text)))
		mail.text = add_column(texts, row, TEXT_BODY_TEXT, "text", TEMPLATE_TEXT);
	mail.preheader = add_column(texts, row, TEXT_PREHEADER, "preheader", TEMPLATE_LINE);
	add_headers(texts, row);
	if (variants.count == 0)
		add_mail(texts, row, mail);
	for (int i = 0; i < variants.count; i++)
	{
		if (variants.items[i].weight > 0)
			add_variant(texts, row, &variants.items[i], i + 1, mail);
	}
}

/* Reads the texts of a campaign, in the order of its steps, and its mails.  Runs in SPI. */
void
campaign_read_texts(Datum workspace, Datum campaign, CampaignTexts *texts)
{
	Datum		key[] = {workspace, campaign};
	uint64		nsteps = statement_read(&find_texts, key);

	*texts = (CampaignTexts) {.room = 16, .mail_room = 16};
	texts->items = palloc(sizeof(CampaignText) * texts->room);
	texts->mails = palloc(sizeof(CampaignMail) * texts->mail_room);
	for (uint64 i = 0; i < nsteps; i++)
	{
		StepRow		row;

		statement_row(i, row.values, row.nulls);
		row.step = DatumGetInt32(row.values[TEXT_STEP]);
		add_step(texts, &row);
	}
}
