/*
 * lead_call.c
 *		Changing and deleting leads: the calls.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "lead.h"
#include "lead_read.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_update_lead);
PG_FUNCTION_INFO_V1(lt_change_lead);
PG_FUNCTION_INFO_V1(lt_delete_lead);
PG_FUNCTION_INFO_V1(lt_delete_leads);
PG_FUNCTION_INFO_V1(lt_set_verification);

static Statement set_verification = STATEMENT(
	"SELECT leadterra.set_verification($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID, INT4ARRAYOID);

/* Reads a patch of one lead, which points into what the caller gave. */
static void
read_patch(FunctionCallInfo fcinfo, LeadPatch *patch)
{
	ErrorList	errors;
	LeadReader	reader = {.errors = &errors};
	JsonbValue	object;

	JsonbToJsonbValue(PG_GETARG_JSONB_P(1), &object);
	error_list_init(&errors);
	if (!lead_read_entry(&reader, &object, NULL, patch))
		error_list_raise(ERROR_INVALID_LEADS, &errors, NULL, "patch of lead is invalid");
}

/* SQL: lt_update_lead(email, patch) */
Datum
lt_update_lead(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("leads:update");
	LeadString	email;
	LeadPatch	patch;
	text	   *given;

	error_if_null(0, "email");
	error_if_null(1, "patch");
	given = PG_GETARG_TEXT_PP(0);
	email = lead_normalize_email(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	read_patch(fcinfo, &patch);

	statement_connect();
	if (!lead_update_one(workspace, &email, &patch))
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%.*s\" does not exist", email.length, email.data);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_change_lead(lead_id, patch) */
Datum
lt_change_lead(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("leads:update");
	LeadPatch	patch;

	error_if_null(0, "lead_id");
	error_if_null(1, "patch");
	read_patch(fcinfo, &patch);

	statement_connect();
	if (!lead_update_by_id(workspace, PG_GETARG_DATUM(0), &patch))
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%s\" does not exist",
					error_uuid(PG_GETARG_DATUM(0)));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_lead(lead_id) */
Datum
lt_delete_lead(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("leads:delete");

	error_if_null(0, "lead_id");
	statement_connect();
	if (!lead_delete(workspace, PG_GETARG_DATUM(0)))
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%s\" does not exist",
					error_uuid(PG_GETARG_DATUM(0)));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_leads(emails) */
Datum
lt_delete_leads(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("leads:delete");
	Datum		emails;
	uint64		deleted;

	error_if_null(0, "emails");
	emails = lead_normalize_emails(PG_GETARG_ARRAYTYPE_P(0));
	statement_connect();
	deleted = lead_delete_many(workspace, emails);
	statement_finish();
	PG_RETURN_INT32((int32) deleted);
}

/* SQL: lt_set_verification(lead_ids, statuses) */
Datum
lt_set_verification(PG_FUNCTION_ARGS)
{
	return statement_call(&set_verification, context_enter("leads:update"), fcinfo);
}
