/*
 * campaign_call_preflight.c
 *		What a campaign's texts lack, before it is started.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"
#include "template.h"

PG_FUNCTION_INFO_V1(lt_preflight);

/* Columns of its result. */
#define PREFLIGHT_COLUMNS 4

/* A use of a token in the steps of a campaign; the name points into a text. */
typedef struct TokenUse
{
	int			place;			/* among the uses, in the order of the texts */
	int			step;
	const char *name;
	int			name_length;
	bool		has_fallback;
	int64		missing;		/* leads without a value for it */
} TokenUse;

typedef struct TokenUses
{
	int			count;
	int			room;
	TokenUse   *uses;
} TokenUses;

static Statement find_texts = STATEMENT(
	"SELECT step::integer, subject, body_html FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" ORDER BY step",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

#define TOKEN_VALUE(id, column, type, name, alias, ...) \
	" WHEN t.token IN ('" name "', '" alias "') THEN l." column "::text"

/*
 * Concatenating nothing to custom unpacks it once a lead, not once a token.
 * OFFSET 0 keeps tokens from being looked for in leads of other campaigns.
 */
static Statement count_missing = STATEMENT(
	"SELECT t.number, count(*)"
	" FROM leadterra.enrollments e"
	" CROSS JOIN LATERAL ("
	" SELECT l.*, l.custom || '{}' AS fields"
	" FROM leadterra.leads l"
	" WHERE l.workspace_id = e.workspace_id AND l.lead_id = e.lead_id"
	" OFFSET 0) l"
	" CROSS JOIN unnest($3) WITH ORDINALITY AS t (token, number)"
	" WHERE e.workspace_id = $1 AND e.campaign_id = $2 AND e.status = 'active'"
	" AND coalesce(btrim(CASE"
	" WHEN t.token = 'email' THEN l.email"
	LEAD_FIELD_LIST(TOKEN_VALUE)
	" WHEN t.token = '" TEMPLATE_UNSUBSCRIBE_URL "' THEN ("
	" SELECT k.unsubscribe_url FROM leadterra.links k WHERE k.workspace_id = $1)"
	" ELSE l.fields ->> t.token END, $4), '') = ''"
	" GROUP BY t.number",
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID);

/* Adds the uses of tokens in a text. */
static void
add_uses(TokenUses *uses, int step, text *template)
{
	const char *position = VARDATA_ANY(template);
	const char *end = position + VARSIZE_ANY_EXHDR(template);
	TemplateToken token;

	while (template_next_token(position, end, &token))
	{
		if (uses->count == uses->room)
		{
			uses->room *= 2;
			uses->uses = repalloc_huge(uses->uses, sizeof(TokenUse) * uses->room);
		}
		uses->uses[uses->count] = (TokenUse) {
			.place = uses->count, .step = step,
				.name = token.name, .name_length = token.name_length,
				.has_fallback = token.fallback != NULL
		};
		uses->count++;
		position = token.end;
	}
}

static int
compare_names(const TokenUse *a, const TokenUse *b)
{
	if (a->name_length != b->name_length)
		return a->name_length < b->name_length ? -1 : 1;
	return memcmp(a->name, b->name, a->name_length);
}

/* Orders uses by token, then by place. */
static int
compare_uses(const void *left, const void *right)
{
	const TokenUse *a = left;
	const TokenUse *b = right;
	int			order = compare_names(a, b);

	return order ? order : a->place < b->place ? -1 : 1;
}

/* Orders uses by place, and so by step. */
static int
compare_places(const void *left, const void *right)
{
	const TokenUse *a = left;
	const TokenUse *b = right;

	return a->place < b->place ? -1 : 1;
}

/*
 * Collects the uses of tokens in the steps of a campaign, by token: one for
 * all uses in a step.  Runs in SPI.
 */
static void
collect_uses(TokenUses *uses, const Datum *key)
{
	uint64		nsteps = statement_read(&find_texts, key);
	int			kept = 0;

	uses->count = 0;
	uses->room = 64;
	uses->uses = palloc(sizeof(TokenUse) * uses->room);
	for (uint64 i = 0; i < nsteps; i++)
	{
		Datum		values[3];
		bool		nulls[3];

		statement_row(i, values, nulls);
		add_uses(uses, DatumGetInt32(values[0]), DatumGetTextPP(values[1]));
		add_uses(uses, DatumGetInt32(values[0]), DatumGetTextPP(values[2]));
	}

	qsort(uses->uses, uses->count, sizeof(TokenUse), compare_uses);
	for (int i = 0; i < uses->count; i++)
	{
		TokenUse   *use = &uses->uses[i];
		TokenUse   *last = kept > 0 ? &uses->uses[kept - 1] : NULL;

		if (last && last->step == use->step && compare_names(last, use) == 0)
			last->has_fallback = last->has_fallback && use->has_fallback;
		else
			uses->uses[kept++] = *use;
	}
	uses->count = kept;
}

/* Counts for uses, given by token, the active leads without a value. */
static void
count_leads(TokenUses *uses, Datum *key)
{
	Datum	   *tokens = palloc(sizeof(Datum) * uses->count);
	int		   *first_uses = palloc(sizeof(int) * uses->count);
	int			ntokens = 0;
	Datum		parameters[4] = {key[0], key[1], (Datum) 0, CStringGetTextDatum(ERROR_BLANKS)};
	bool		isnull;
	uint64		nrows;

	for (int i = 0; i < uses->count; i++)
	{
		const TokenUse *use = &uses->uses[i];

		if (i > 0 && compare_names(use - 1, use) == 0)
			continue;
		first_uses[ntokens] = i;
		tokens[ntokens++] = PointerGetDatum(cstring_to_text_with_len(use->name, use->name_length));
	}
	parameters[2] = statement_array(tokens, NULL, ntokens, TEXTOID, &isnull);

	nrows = statement_read(&count_missing, parameters);
	for (uint64 row = 0; row < nrows; row++)
	{
		int			i = first_uses[DatumGetInt64(statement_value(row, 1, &isnull)) - 1];
		int64		missing = DatumGetInt64(statement_value(row, 2, &isnull));

		do
			uses->uses[i++].missing = missing;
		while (i < uses->count && compare_names(&uses->uses[i - 1], &uses->uses[i]) == 0);
	}
}

/* SQL: lt_preflight(campaign_id) */
Datum
lt_preflight(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result;
	Datum		key[] = {context_enter("campaigns:read"), campaign_argument(fcinfo, 0)};
	TokenUses	uses;

	result = statement_begin_rows(fcinfo, PREFLIGHT_COLUMNS);
	statement_connect();
	campaign_require(key[0], key[1], true);
	collect_uses(&uses, key);
	if (uses.count > 0)
		count_leads(&uses, key);

	qsort(uses.uses, uses.count, sizeof(TokenUse), compare_places);
	for (int i = 0; i < uses.count; i++)
	{
		const TokenUse *use = &uses.uses[i];
		Datum		values[PREFLIGHT_COLUMNS] = {Int32GetDatum(use->step),
			PointerGetDatum(cstring_to_text_with_len(use->name, use->name_length)),
		BoolGetDatum(use->has_fallback), Int64GetDatum(use->missing)};
		bool		nulls[PREFLIGHT_COLUMNS] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	statement_finish();
	return (Datum) 0;
}
