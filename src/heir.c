/*
 * heir.c
 *		Which leads became part of which: the table of heirs.
 *
 * A merge writes it, in sql/30_function/heir.sql.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "compat.h"
#include "heir.h"
#include "statement.h"

static Statement find_heir = STATEMENT(
	"SELECT heir_id, entry FROM leadterra.lead_heirs"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/* In the order of an index, or a plan from when the table was small may take the other one. */
static Statement find_entries = STATEMENT(
	"SELECT entry FROM leadterra.lead_heirs"
	" WHERE workspace_id = $1 AND heir_id BETWEEN $2 AND $2 AND entry IS NOT NULL"
	" ORDER BY heir_id",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

/*
 * Finds the lead that one which is gone became part of, and the entry that stands for
 * the address that was given up, 0 if the heir has it; false if there is none.  Runs in SPI.
 */
bool
heir_find(Datum workspace, const pg_uuid_t *lead_id, pg_uuid_t *heir, Datum *entry)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lead_id)};
	Datum		values[2];
	bool		nulls[2];

	if (statement_execute(&find_heir, parameters, NULL) == 0)
		return false;
	statement_row(0, values, nulls);
	*heir = *DatumGetUUIDP(values[0]);
	*entry = nulls[1] ? (Datum) 0 : values[1];
	return true;
}

/*
 * Finds the entries that stand for addresses which were given up for that of a lead, and
 * returns how many; the result has them.  Runs in SPI.
 */
uint64
heir_entries(Datum workspace, const pg_uuid_t *heir)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(heir)};

	return statement_execute(&find_entries, parameters, NULL);
}
