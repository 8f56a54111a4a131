/*
 * campaign_lead.c
 *		What leads get of the campaign that they are added to, and leave in it: its
 *		owner, and the names of their custom fields.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "campaign.h"
#include "compat.h"
#include "error.h"
#include "statement.h"

/* Names of custom fields that a campaign knows, and their bytes. */
#define VARIABLES_MAX 10000
#define VARIABLES_BYTES_MAX (1024 * 1024)

static Statement find_owner = STATEMENT(
	"SELECT owner FROM leadterra.campaigns"
	" WHERE workspace_id = $1 AND campaign_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * Written only where one is new, so that calls do not wait for each other.  What is
 * new is found by a hash: to look for each name in an array goes with the square.
 */
static Statement add_variables = STATEMENT(
	"UPDATE leadterra.campaigns SET variables = ARRAY("
	" SELECT v FROM unnest(variables) AS k (v)"
	" UNION SELECT v FROM unnest($3) AS n (v)"
	" ORDER BY v)"
	" WHERE workspace_id = $1 AND campaign_id = $2"
	" AND EXISTS (SELECT v FROM unnest($3) AS n (v)"
	" EXCEPT SELECT v FROM unnest(variables) AS k (v))"
	" RETURNING cardinality(variables),"
	" (SELECT sum(octet_length(v)) FROM unnest(variables) AS k (v))",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, TEXTARRAYOID);

/* Reads who owns a campaign; false if nobody does.  Runs in SPI. */
bool
campaign_owner(Datum workspace, Datum campaign, pg_uuid_t *owner)
{
	Datum		values[] = {workspace, campaign};
	Datum		value;
	bool		isnull;

	if (statement_execute(&find_owner, values, NULL) == 0)
		return false;
	value = statement_value(0, 1, &isnull);
	if (!isnull)
		*owner = *DatumGetUUIDP(value);
	return !isnull;
}

/*
 * Lets a campaign know the names of custom fields, a text[].  The last that a
 * call does, behind the counter of leads: others wait for the row until it commits.  Runs in SPI.
 */
void
campaign_add_variables(Datum workspace, Datum campaign, Datum names)
{
	Datum		values[] = {workspace, campaign, names};
	Datum		sizes[2];
	bool		nulls[2];

	if (statement_execute(&add_variables, values, NULL) == 0)
		return;
	statement_row(0, sizes, nulls);
	if (DatumGetInt32(sizes[0]) > VARIABLES_MAX || DatumGetInt64(sizes[1]) > VARIABLES_BYTES_MAX)
		error_raise(ERROR_TOO_MANY_VARIABLES,
					"the campaign would have %d custom fields, "
					"more than %d or of more than %d bytes",
					DatumGetInt32(sizes[0]), VARIABLES_MAX, VARIABLES_BYTES_MAX);
}
