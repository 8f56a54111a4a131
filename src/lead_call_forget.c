/*
 * lead_call_forget.c
 *		Forgetting a person, and showing all that is kept of one; what that takes is SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "context.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_forget);
PG_FUNCTION_INFO_V1(lt_export_person);

static Statement forget = STATEMENT(
	"SELECT leadterra.forget($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, TEXTOID, TEXTOID);

static Statement export_person = STATEMENT(
	"SELECT leadterra.export_person($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, TEXTOID, TEXTOID);

/* SQL: lt_forget(email) */
Datum
lt_forget(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter("leads:delete")};
	text	   *email = suppression_email_argument(fcinfo);
	bool		known;
	bool		isnull;

	context_require_read_committed("forgetting a lead");
	statement_connect();
	context_ensure_workspace();
	values[1] = PointerGetDatum(email);
	values[2] = suppression_hashed_entry(suppression_ensure_key(values[0]),
										 VARDATA(email), VARSIZE(email) - VARHDRSZ);
	statement_execute(&forget, values, NULL);
	known = DatumGetBool(statement_value(0, 1, &isnull));
	statement_finish();
	PG_RETURN_BOOL(known);
}

/* SQL: lt_export_person(email) */
Datum
lt_export_person(PG_FUNCTION_ARGS)
{
	Datum		values[3] = {context_enter("leads:delete")};
	text	   *email = suppression_email_argument(fcinfo);
	bytea	   *key;
	Datum		exported;
	bool		isnull;

	statement_connect();
	key = suppression_read_key(values[0]);
	values[1] = PointerGetDatum(email);
	/* Where no address was hashed, there is no entry. */
	values[2] = key == NULL ? CStringGetTextDatum(SUPPRESSION_HASHED) :
		suppression_hashed_entry(key, VARDATA(email), VARSIZE(email) - VARHDRSZ);
	statement_read(&export_person, values);
	exported = statement_return(0, 1, &isnull);
	statement_finish();
	PG_RETURN_DATUM(exported);
}
