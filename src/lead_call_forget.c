/*
 * lead_call_forget.c
 *		Forgetting a person; what that takes is SQL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"

#include "compat.h"
#include "context.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_forget);

static Statement forget = STATEMENT(
	"SELECT leadterra.forget($1, $2, $3)",
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
