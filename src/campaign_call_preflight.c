/*
 * campaign_call_preflight.c
 *		What is wrong with a campaign's texts, before it is started.
 *
 * An error is what will be mailed and nobody can mean.  A warning may be meant.  All
 * but the counts of values follows from the texts and from settings of the workspace;
 * a start looks at that much, and warns.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "campaign_call.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"
#include "template.h"
#include "template_check.h"

PG_FUNCTION_INFO_V1(lt_preflight);

/* Columns of its result. */
#define PREFLIGHT_COLUMNS 8

/* Flaws of a text that are told of, and bytes of a text that are shown. */
#define FLAWS_MAX 100
#define EXCERPT_MAX 60

/* What a row says: what is wrong with a place, then what is found out about tokens and texts. */
enum
{
	KIND_TOKEN = TEMPLATE_SOUND,
	KIND_UNKNOWN = TEMPLATE_RANDOM_EMPTY + 1,
	KIND_UNKNOWN_FALLBACK,
	KIND_WITHOUT_VALUE,
	KIND_URL_UNSET,
	KIND_URL_UNUSED,
	KIND_URL_MISSING,
	KIND_ADDRESS_UNSET,
	KIND_ADDRESS_UNUSED,
	KIND_ADDRESS_MISSING,
	KIND_SUBJECT_MISSING
};

static const struct
{
	const char *severity;
	const char *code;
	const char *message;
}			kinds[] =
{
	[KIND_TOKEN] = {"info", "token", NULL},
	[TEMPLATE_BRACES] = {"error", "braces", "These braces are no token and will be mailed."},
	[TEMPLATE_ENCODED_BRACES] = {"error", "encoded_braces",
		"These braces are encoded, so they are no token and will be mailed."
	},
	[TEMPLATE_SINGLE_BRACES] = {"warning", "single_braces",
		"A token has two braces, and choices are {{random|one|two}}: these will be mailed."
	},
	[TEMPLATE_OTHER_LANGUAGE] = {"error", "other_language",
		"This is of another template language, and does nothing here."
	},
	[TEMPLATE_MARKUP] = {"error", "token_markup",
		"There is HTML in the name of the token, so it has no value."
	},
	[TEMPLATE_FALLBACK_FILTER] = {"error", "fallback_filter",
		"This is a fallback and no filter: it will be mailed as it stands."
	},
	[TEMPLATE_FALLBACK_QUOTED] = {"warning", "fallback_quoted",
		"The quotation marks are part of the fallback and will be mailed."
	},
	[TEMPLATE_FILTER_UNKNOWN] = {"error", "filter_unknown",
		"There are two filters, default and urlencode: any other does nothing."
	},
	[TEMPLATE_RANDOM_EMPTY] = {"error", "random_empty", "There is nothing to choose from."},
	[KIND_UNKNOWN] = {"error", "token_unknown", "No lead has a value, and there is no fallback."},
	[KIND_UNKNOWN_FALLBACK] = {"warning", "token_unknown",
		"No lead has a value: all get the fallback."
	},
	[KIND_WITHOUT_VALUE] = {"warning", "token_without_value", NULL},
	[KIND_URL_UNSET] = {"error", "unsubscribe_url_unset",
		"The workspace has no address for links: see lt_set_unsubscribe_url."
	},
	[KIND_URL_UNUSED] = {"warning", "unsubscribe_url_unset",
		"The workspace has no address for links: see lt_set_unsubscribe_url."
	},
	[KIND_URL_MISSING] = {"warning", "unsubscribe_link_missing",
		"The body has no link to unsubscribe: {{unsubscribeUrl}}."
	},
	[KIND_ADDRESS_UNSET] = {"error", "postal_address_unset",
		"The workspace has no postal address: see lt_set_postal_address."
	},
	[KIND_ADDRESS_UNUSED] = {"warning", "postal_address_unset",
		"The workspace has no postal address: see lt_set_postal_address."
	},
	[KIND_ADDRESS_MISSING] = {"warning", "postal_address_missing",
		"The body has no postal address: {{postalAddress}}."
	},
	[KIND_SUBJECT_MISSING] = {"error", "subject_missing",
		"The subject is blank, and no step before has one that the thread goes by."
	},
};

/* Something to say of a campaign's texts; strings point into them. */
typedef struct PreflightRow
{
	int			number;			/* among the rows, in the order of the texts */
	int			kind;
	int			step;			/* 0: of the workspace */
	const char *place;
	LeadString	subject;		/* the name of a token, or what stands there */
	bool		has_fallback;	/* every use of the token */
	int64		missing;		/* leads without a value for it */
} PreflightRow;

/* What is said of a campaign's texts. */
typedef struct Preflight
{
	int			count;
	int			room;
	PreflightRow *rows;
	TemplateValues settings;	/* those of the workspace */
	bool		uses_url;
	bool		uses_address;
	int			last_step;		/* whose subjects were looked at */
	bool		has_all_subjects;	/* all of them are something */
	bool		has_subject;	/* and all of a step before */
} Preflight;

static Statement find_url = STATEMENT(
	"SELECT unsubscribe_url FROM leadterra.links"
	" WHERE workspace_id = $1 AND unsubscribe_url IS NOT NULL",
	SPI_OK_SELECT, UUIDOID);

static PreflightRow *
add_row(Preflight *preflight, int kind, int step, const char *place)
{
	PreflightRow *row;

	if (preflight->count == preflight->room)
	{
		preflight->room *= 2;
		preflight->rows = repalloc_huge(preflight->rows, sizeof(PreflightRow) * preflight->room);
	}
	row = &preflight->rows[preflight->count];
	*row = (PreflightRow) {
		.number = preflight->count++, .kind = kind, .step = step, .place = place
	};
	return row;
}

static bool
is_name(const LeadString *string, const char *name)
{
	return lead_name_is(string->data, string->length, name);
}

/* Says whether a token has a value, or might have, that leads and settings decide on. */
static bool
is_counted(const TemplateFinding *finding)
{
	return finding->is_token && !finding->token.is_random &&
		finding->flaw != TEMPLATE_MARKUP && finding->flaw != TEMPLATE_OTHER_LANGUAGE;
}

/* Adds what there is to say of a text by itself. */
static void
add_text(Preflight *preflight, CampaignText *string)
{
	TemplateCheck check;
	TemplateFinding finding;
	int			nflaws = 0;

	template_check_begin(&check, string->string.data, string->string.length, string->format);
	while (template_check_next(&check, &finding))
	{
		if (finding.flaw != TEMPLATE_SOUND && nflaws++ < FLAWS_MAX)
			add_row(preflight, finding.flaw, string->step, string->place)->subject =
				finding.excerpt;
		if (is_counted(&finding))
		{
			PreflightRow *row = add_row(preflight, KIND_TOKEN, string->step, string->place);

			row->subject = finding.token.name;
			row->has_fallback = finding.token.has_fallback;
			string->has_url |= is_name(&row->subject, TEMPLATE_UNSUBSCRIBE_URL);
			string->has_address |= is_name(&row->subject, TEMPLATE_POSTAL_ADDRESS);
		}
	}
	preflight->uses_url |= string->has_url;
	preflight->uses_address |= string->has_address;
}

/* Adds what a mail lacks, whatever each of its texts has; the body as text counts, too. */
static void
add_mail(Preflight *preflight, const CampaignTexts *texts, const CampaignMail *mail)
{
	const int	numbers[] = {mail->body, mail->text, mail->preheader};
	bool		has_url = false;
	bool		has_address = false;

	for (size_t i = 0; i < lengthof(numbers); i++)
	{
		has_url |= numbers[i] >= 0 && texts->items[numbers[i]].has_url;
		has_address |= numbers[i] >= 0 && texts->items[numbers[i]].has_address;
	}
	if (!has_url)
		add_row(preflight, KIND_URL_MISSING, mail->step, mail->place);
	if (!has_address)
		add_row(preflight, KIND_ADDRESS_MISSING, mail->step, mail->place);
}

/*
 * Adds a subject that is blank where a thread has none to go by: that is, where some lead may
 * have got none before.
 */
static void
add_subject(Preflight *preflight, const CampaignText *subject)
{
	bool		is_blank = lead_is_blank(&subject->string);

	if (subject->step != preflight->last_step)
	{
		preflight->has_subject |= preflight->has_all_subjects;
		preflight->has_all_subjects = true;
		preflight->last_step = subject->step;
	}
	preflight->has_all_subjects &= !is_blank;
	if (is_blank && !preflight->has_subject)
		add_row(preflight, KIND_SUBJECT_MISSING, subject->step, subject->place);
}

/* Adds what there is to say of the texts, and then of the mails, of each step. */
static void
add_steps(Preflight *preflight, const CampaignTexts *texts)
{
	int			mail = 0;

	for (int i = 0; i < texts->count; i++)
	{
		int			step = texts->items[i].step;

		add_text(preflight, &texts->items[i]);
		if (i + 1 < texts->count && texts->items[i + 1].step == step)
			continue;
		for (; mail < texts->nmails && texts->mails[mail].step == step; mail++)
		{
			add_subject(preflight, &texts->items[texts->mails[mail].subject]);
			add_mail(preflight, texts, &texts->mails[mail]);
		}
	}
}

/* Orders rows by what they say, and where: the same ones stand together. */
static int
compare_rows(const void *left, const void *right)
{
	const PreflightRow *a = left;
	const PreflightRow *b = right;
	int			order = a->kind - b->kind;

	if (order == 0)
		order = a->subject.length - b->subject.length;
	if (order == 0 && a->subject.length > 0)
		order = memcmp(a->subject.data, b->subject.data, a->subject.length);
	if (order == 0)
		order = a->step - b->step;
	if (order == 0)
		order = strcmp(a->place, b->place);
	return order ? order : a->number - b->number;
}

/* Orders rows by the place in the texts. */
static int
compare_numbers(const void *left, const void *right)
{
	return ((const PreflightRow *) left)->number - ((const PreflightRow *) right)->number;
}

static bool
is_same_subject(const PreflightRow *a, const PreflightRow *b)
{
	return a->kind == b->kind && a->subject.length == b->subject.length &&
		(a->subject.length == 0 ||
		 memcmp(a->subject.data, b->subject.data, a->subject.length) == 0);
}

/* Makes one row of those that say the same of a place; the rows come in that order. */
static void
merge_rows(Preflight *preflight)
{
	int			kept = 0;

	qsort(preflight->rows, preflight->count, sizeof(PreflightRow), compare_rows);
	for (int i = 0; i < preflight->count; i++)
	{
		PreflightRow *row = &preflight->rows[i];
		PreflightRow *last = kept > 0 ? &preflight->rows[kept - 1] : NULL;

		if (last && is_same_subject(last, row) &&
			last->step == row->step && strcmp(last->place, row->place) == 0)
			last->has_fallback = last->has_fallback && row->has_fallback;
		else
			preflight->rows[kept++] = *row;
	}
	preflight->count = kept;
}

/* Reads the settings of the workspace that tokens show. */
static void
read_settings(Preflight *preflight, const Datum *key)
{
	text	   *address = context_postal_address(key[0]);

	if (address)
		preflight->settings.postal_address =
			(LeadString) {VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address)};
	/* The token of a message stands behind it: no link is blank. */
	if (statement_read(&find_url, key) > 0)
		preflight->settings.unsubscribe_url = (LeadString) {"/", 1};
}

/* Collects what is said without a look at leads: equal rows once, tokens first.  Runs in SPI. */
static void
collect(Preflight *preflight, const Datum *key)
{
	CampaignTexts texts;

	*preflight = (Preflight) {.room = 64};
	preflight->rows = palloc(sizeof(PreflightRow) * preflight->room);
	read_settings(preflight, key);
	campaign_read_texts(key[0], key[1], &texts);
	add_steps(preflight, &texts);
	if (!preflight->uses_url && preflight->settings.unsubscribe_url.data == NULL)
		add_row(preflight, KIND_URL_UNUSED, 0, "workspace");
	if (!preflight->uses_address && preflight->settings.postal_address.data == NULL)
		add_row(preflight, KIND_ADDRESS_UNUSED, 0, "workspace");
	merge_rows(preflight);
}

/* Says of a token whether what it shows is a setting that the workspace lacks. */
static int
unset_kind(const Preflight *preflight, const PreflightRow *row)
{
	if (is_name(&row->subject, TEMPLATE_UNSUBSCRIBE_URL) &&
		preflight->settings.unsubscribe_url.data == NULL)
		return row->has_fallback ? KIND_URL_UNUSED : KIND_URL_UNSET;
	if (is_name(&row->subject, TEMPLATE_POSTAL_ADDRESS) &&
		preflight->settings.postal_address.data == NULL)
		return row->has_fallback ? KIND_ADDRESS_UNUSED : KIND_ADDRESS_UNSET;
	return KIND_TOKEN;
}

/* Returns what is to be said of a token, by how many leads have no value for it. */
static int
token_kind(const Preflight *preflight, const PreflightRow *row, int64 leads)
{
	int			kind = unset_kind(preflight, row);

	if (kind != KIND_TOKEN || row->missing == 0)
		return kind;
	if (row->missing == leads)
		return row->has_fallback ? KIND_UNKNOWN_FALLBACK : KIND_UNKNOWN;
	return row->has_fallback ? KIND_TOKEN : KIND_WITHOUT_VALUE;
}

/* Counts leads without a value for each token; returns how many leads there are.  Runs in SPI. */
static int64
count_leads(Preflight *preflight, const Datum *key)
{
	TemplateField *fields = palloc(sizeof(TemplateField) * preflight->count);
	int64	   *missing = palloc0(sizeof(int64) * preflight->count);
	int			nfields = 0;
	int			field = -1;
	int64		leads;

	for (int i = 0; i < preflight->count && preflight->rows[i].kind == KIND_TOKEN; i++)
	{
		if (i == 0 || !is_same_subject(&preflight->rows[i - 1], &preflight->rows[i]))
			fields[nfields++] = template_field(&preflight->rows[i].subject);
	}
	if (nfields == 0)
		return 0;
	leads = campaign_count_values(key[0], key[1], &preflight->settings, fields, nfields, missing);
	for (int i = 0; i < preflight->count && preflight->rows[i].kind == KIND_TOKEN; i++)
	{
		if (i == 0 || !is_same_subject(&preflight->rows[i - 1], &preflight->rows[i]))
			field++;
		preflight->rows[i].missing = missing[field];
	}
	return leads;
}

/* Returns the name that somebody who wrote another one may mean; NULL: none. */
static const char *
similar_name(const LeadString *name)
{
	static const char *const others[] = {
		"email", TEMPLATE_UNSUBSCRIBE_URL, TEMPLATE_POSTAL_ADDRESS
	};

	for (size_t i = 0; i < LEAD_CUSTOM + lengthof(others); i++)
	{
		const char *known = i < LEAD_CUSTOM ? lead_fields[i].name.data : others[i - LEAD_CUSTOM];
		const char *p = known;
		int			k = 0;

		/* Letter case, and what may separate words, aside. */
		while (k < name->length)
		{
			if (strchr(" _-.", name->data[k]) == NULL &&
				pg_tolower(*p++) != pg_tolower(name->data[k]))
				break;
			k++;
		}
		if (k == name->length && *p == '\0')
			return is_name(name, known) ? NULL : known;
	}
	return NULL;
}

/* Returns what a row says, for people. */
static const char *
row_message(const PreflightRow *row, int64 leads)
{
	const char *known;

	switch (row->kind)
	{
		case KIND_TOKEN:
			if (leads == 0)
				return "The campaign has no active leads.";
			if (row->missing == 0)
				return "All leads have a value.";
			return psprintf("%lld of %lld leads get the fallback.",
							(long long) row->missing, (long long) leads);
		case KIND_WITHOUT_VALUE:
			return psprintf("%lld of %lld leads have no value, and there is no fallback.",
							(long long) row->missing, (long long) leads);
		case KIND_UNKNOWN:
		case KIND_UNKNOWN_FALLBACK:
			known = similar_name(&row->subject);
			if (known)
				return psprintf("%s The field is called %s.", kinds[row->kind].message, known);
			break;
	}
	return kinds[row->kind].message;
}

/* Returns what a row is about, not too long. */
static char *
row_subject(const PreflightRow *row)
{
	const LeadString *subject = &row->subject;
	int			length = subject->length;

	if (length > EXCERPT_MAX && row->kind > KIND_TOKEN && row->kind <= TEMPLATE_RANDOM_EMPTY)
		length = pg_mbcliplen(subject->data, length, EXCERPT_MAX);
	return psprintf("%.*s%s", length, subject->data ? subject->data : "",
					length < subject->length ? "..." : "");
}

/* Puts a row into the result. */
static void
return_row(ReturnSetInfo *result, const PreflightRow *row, bool is_token, int64 leads)
{
	Datum		values[PREFLIGHT_COLUMNS] = {Int32GetDatum(row->step),
		CStringGetTextDatum(row->place),
		CStringGetTextDatum(kinds[row->kind].severity),
		CStringGetTextDatum(kinds[row->kind].code),
		CStringGetTextDatum(row_subject(row)),
		BoolGetDatum(row->has_fallback),
		Int64GetDatum(row->missing),
	CStringGetTextDatum(row_message(row, leads))};
	bool		nulls[PREFLIGHT_COLUMNS] = {row->step == 0, false, false, false,
	row->subject.data == NULL, !is_token, !is_token, false};

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: lt_preflight(campaign_id) */
Datum
lt_preflight(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	Datum		key[] = {context_enter("campaigns:read"), campaign_argument(fcinfo, 0)};
	Preflight	preflight;
	int64		leads;

	result = statement_begin_rows(fcinfo, PREFLIGHT_COLUMNS);
	statement_connect();
	campaign_require(key[0], key[1], true);
	collect(&preflight, key);
	leads = count_leads(&preflight, key);
	qsort(preflight.rows, preflight.count, sizeof(PreflightRow), compare_numbers);
	for (int i = 0; i < preflight.count; i++)
	{
		PreflightRow *row = &preflight.rows[i];
		bool		is_token = row->kind == KIND_TOKEN;

		if (is_token)
			row->kind = token_kind(&preflight, row, leads);
		return_row(result, row, is_token, leads);
	}
	statement_finish();
	return (Datum) 0;
}

/*
 * Warns, once, of errors in the texts of a campaign that is started, as far as they
 * can be seen without a look at its leads.  Runs in SPI.
 */
void
campaign_warn_of_texts(Datum workspace, Datum campaign, const char *name)
{
	Datum		key[] = {workspace, campaign};
	const PreflightRow *first = NULL;
	Preflight	preflight;
	int			nerrors = 0;

	collect(&preflight, key);
	for (int i = 0; i < preflight.count; i++)
	{
		PreflightRow *row = &preflight.rows[i];

		if (row->kind == KIND_TOKEN)
			row->kind = unset_kind(&preflight, row);
		if (strcmp(kinds[row->kind].severity, "error") != 0)
			continue;
		nerrors++;
		if (first == NULL || row->number < first->number)
			first = row;
	}
	if (first)
		ereport(WARNING,
				(errmsg_internal("%s",
								 error_text("%d error%s in texts, the first \"%s\" (%s) "
											"in the %s of step %d of campaign \"%s\"",
											nerrors, nerrors == 1 ? "" : "s", row_subject(first),
											kinds[first->kind].code, first->place, first->step,
											name)),
				 errhint("See lt_preflight. "
						 "A start looks at texts and settings, and at no values of leads.")));
}
