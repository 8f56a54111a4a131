/*
 * context_address.c
 *		The postal address of a workspace, which its mails show.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "character.h"
#include "compat.h"
#include "context.h"
#include "error.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_set_postal_address);

#define ADDRESS_MAX 1000

static Statement find_address = STATEMENT(
	"SELECT postal_address FROM leadterra.workspaces"
	" WHERE workspace_id = $1 AND postal_address IS NOT NULL",
	SPI_OK_SELECT, UUIDOID);

static Statement update_address = STATEMENT(
	"UPDATE leadterra.workspaces SET postal_address = $2"
	" WHERE workspace_id = $1 AND postal_address IS DISTINCT FROM $2",
	SPI_OK_UPDATE, UUIDOID, TEXTOID);

/* Returns the postal address of a workspace, NULL where it has none.  Runs in SPI. */
text *
context_postal_address(Datum workspace)
{
	bool		isnull;
	text	   *address;

	if (statement_read(&find_address, &workspace) == 0)
		return NULL;
	address = DatumGetTextPCopy(statement_value(0, 1, &isnull));
	/* A longer one was written by hand. */
	return VARSIZE_ANY_EXHDR(address) <= ADDRESS_MAX ? address : NULL;
}

/* Returns an address with each line break as one character, and none at its end. */
static text *
normalize(const text *address)
{
	const char *from = VARDATA_ANY(address);
	const char *end = from + VARSIZE_ANY_EXHDR(address);
	text	   *result = palloc(VARHDRSZ + (end - from));
	char	   *start = VARDATA(result);
	char	   *to = start;

	for (; from < end; from++)
	{
		if (*from == '\r')
			*to++ = '\n';
		else if (*from != '\n' || from == VARDATA_ANY(address) || from[-1] != '\r')
			*to++ = *from;
	}
	while (to > start && (to[-1] == '\n' || to[-1] == ' '))
		to--;
	SET_VARSIZE(result, VARHDRSZ + (to - start));
	return result;
}

/* Returns the argument that is an address in normal form. */
static Datum
address_argument(FunctionCallInfo fcinfo)
{
	text	   *address = normalize(PG_GETARG_TEXT_PP(0));
	const char *start = VARDATA(address);
	const char *end = start + VARSIZE(address) - VARHDRSZ;

	if (character_is_blank(start, end - start))
		error_raise(ERROR_INVALID_REQUEST, "address must not be blank");
	if (end - start > ADDRESS_MAX)
		error_raise(ERROR_INVALID_REQUEST, "address must have at most %d bytes", ADDRESS_MAX);
	for (const char *p = start; p < end; p++)
	{
		if (((unsigned char) *p < ' ' && *p != '\n') || *p == 0x7f)
			error_raise(ERROR_INVALID_REQUEST,
						"address has control characters other than line breaks");
	}
	return PointerGetDatum(address);
}

/* SQL: lt_set_postal_address(address) */
Datum
lt_set_postal_address(PG_FUNCTION_ARGS)
{
	Datum		values[] = {context_enter("workspaces:update"), (Datum) 0};
	bool		nulls[] = {false, PG_ARGISNULL(0)};

	if (!PG_ARGISNULL(0))
		values[1] = address_argument(fcinfo);
	statement_connect();
	context_ensure_workspace();
	statement_execute(&update_address, values, nulls);
	statement_finish();
	PG_RETURN_VOID();
}
