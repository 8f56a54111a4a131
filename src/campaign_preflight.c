/*
 * campaign_preflight.c
 *		What a campaign's texts lack, before it is started.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"
#include "template.h"

PG_FUNCTION_INFO_V1(lt_preflight);

/* Uses of tokens in the steps of a campaign, column by column. */
typedef struct TokenUses
{
	int			count;
	int			room;
	Datum	   *steps;
	Datum	   *tokens;
	Datum	   *fallbacks;
} TokenUses;

static Statement find_texts = STATEMENT(
	"SELECT step::integer, subject, body_html FROM leadterra.steps"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" ORDER BY step",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement count_missing = STATEMENT(
	"WITH uses AS ("
	" SELECT u.step, u.token, bool_and(u.has_fallback) AS has_fallback, min(u.place) AS place"
	" FROM unnest($3, $4, $5) WITH ORDINALITY AS u (step, token, has_fallback, place)"
	" GROUP BY u.step, u.token),"
	" missing AS ("
	" SELECT t.token, count(*) AS leads"
	" FROM (SELECT DISTINCT token FROM uses) t"
	" CROSS JOIN leadterra.enrollments e"
	" JOIN leadterra.leads l ON l.workspace_id = e.workspace_id AND l.lead_id = e.lead_id"
	" WHERE e.workspace_id = $1 AND e.campaign_id = $2 AND e.status = 'active'"
	" AND coalesce(btrim(CASE"
	" WHEN t.token = 'email' THEN l.email"
	" WHEN t.token IN ('firstName', 'first_name') THEN l.first_name"
	" WHEN t.token IN ('lastName', 'last_name') THEN l.last_name"
	" WHEN t.token IN ('company', 'company_name') THEN l.company"
	" WHEN t.token IN ('jobTitle', 'job_title') THEN l.job_title"
	" WHEN t.token = 'phone' THEN l.phone"
	" WHEN t.token = 'website' THEN l.website"
	" WHEN t.token = 'personalization' THEN l.personalization"
	" WHEN t.token = 'leadValue' THEN l.lead_value"
	" WHEN t.token = 'interestStatus' THEN l.interest_status::text"
	" WHEN t.token = 'assignedTo' THEN l.assigned_to::text"
	" ELSE l.custom ->> t.token END, E' \\t\\n\\r\\f\\v'), '') = ''"
	" GROUP BY t.token)"
	" SELECT u.step, u.token, u.has_fallback, coalesce(m.leads, 0)"
	" FROM uses u LEFT JOIN missing m ON m.token = u.token"
	" ORDER BY u.step, u.place",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT4ARRAYOID, TEXTARRAYOID, BOOLARRAYOID);

/* Adds a use of a token. */
static void
add_use(TokenUses *uses, Datum step, const TemplateToken *token)
{
	if (uses->count == uses->room)
	{
		uses->room *= 2;
		uses->steps = repalloc(uses->steps, sizeof(Datum) * uses->room);
		uses->tokens = repalloc(uses->tokens, sizeof(Datum) * uses->room);
		uses->fallbacks = repalloc(uses->fallbacks, sizeof(Datum) * uses->room);
	}
	uses->steps[uses->count] = step;
	uses->tokens[uses->count] = PointerGetDatum(cstring_to_text_with_len(token->name,
																		 token->name_length));
	uses->fallbacks[uses->count] = BoolGetDatum(token->fallback != NULL);
	uses->count++;
}

/* Adds the uses of tokens in a text. */
static void
add_uses(TokenUses *uses, Datum step, text *template)
{
	const char *position = VARDATA_ANY(template);
	const char *end = position + VARSIZE_ANY_EXHDR(template);
	TemplateToken token;

	while (template_next_token(position, end, &token))
	{
		add_use(uses, step, &token);
		position = token.end;
	}
}

/* Collects the uses of tokens in the steps of a campaign.  Runs in SPI. */
static void
collect_uses(TokenUses *uses, Datum *key)
{
	uint64		nsteps = statement_read(&find_texts, key);

	uses->count = 0;
	uses->room = 64;
	uses->steps = palloc(sizeof(Datum) * uses->room);
	uses->tokens = palloc(sizeof(Datum) * uses->room);
	uses->fallbacks = palloc(sizeof(Datum) * uses->room);
	for (uint64 i = 0; i < nsteps; i++)
	{
		Datum		values[3];
		bool		nulls[3];

		statement_row(i, values, nulls);
		add_uses(uses, values[0], DatumGetTextPP(values[1]));
		add_uses(uses, values[0], DatumGetTextPP(values[2]));
	}
}

/* SQL: lt_preflight(campaign_id) */
Datum
lt_preflight(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Datum		parameters[5] = {context_workspace(), campaign_argument(fcinfo)};
	TokenUses	uses;
	bool		isnull;
	uint64		nrows;

	InitMaterializedSRF(fcinfo, 0);
	statement_connect();
	campaign_require(parameters[0], parameters[1], CAMPAIGN_READ);
	collect_uses(&uses, parameters);
	if (uses.count > 0)
	{
		parameters[2] = statement_array(uses.steps, NULL, uses.count, INT4OID, &isnull);
		parameters[3] = statement_array(uses.tokens, NULL, uses.count, TEXTOID, &isnull);
		parameters[4] = statement_array(uses.fallbacks, NULL, uses.count, BOOLOID, &isnull);
		nrows = statement_read(&count_missing, parameters);
		for (uint64 i = 0; i < nrows; i++)
		{
			Datum		values[4];
			bool		nulls[4];

			statement_row(i, values, nulls);
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		}
	}
	statement_finish();
	return (Datum) 0;
}
