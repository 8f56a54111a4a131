/*
 * context_key.c
 *		API keys, and opening a workspace for a transaction.
 *
 * A key is "sk_live_", the workspace in 26 digits of base 32, and 32 random bytes in
 * base 62.  What is stored is its SHA-256, by which it is found in its workspace: how
 * long that takes tells nothing of other keys, nor which workspaces there are, and
 * neither does the error.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "compat.h"
#include "context.h"
#include "digest.h"
#include "error.h"
#include "statement.h"
#include "typeid.h"

PG_FUNCTION_INFO_V1(lt_random_api_key);
PG_FUNCTION_INFO_V1(lt_authenticate);
PG_FUNCTION_INFO_V1(lt_use_workspace);

#define KEY_PREFIX "sk_live_"
#define KEY_BYTES 32

/* Digits in base 62 that 32 bytes need. */
#define KEY_DIGITS 43

/* Where the workspace stands in a key, and where the random digits do. */
#define WORKSPACE_AT strlen(KEY_PREFIX)
#define DIGITS_AT (WORKSPACE_AT + TYPEID_DIGITS)
#define KEY_LENGTH (DIGITS_AT + KEY_DIGITS)

/* A key without any scope must not have all of them, which an empty setting means. */
static Statement find_key = STATEMENT(
	"SELECT coalesce(nullif(array_to_string(k.scopes, ','), ''), ',')"
	" FROM leadterra.api_keys k"
	" WHERE k.workspace_id = $1 AND k.key_hash = sha256(convert_to($2, 'UTF8'))"
	" AND k.revoked_at IS NULL",
	SPI_OK_SELECT, UUIDOID, TEXTOID);

static Statement find_workspace = STATEMENT(
	"SELECT FROM leadterra.workspaces"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

/* SQL: leadterra.random_api_key(workspace) */
Datum
lt_random_api_key(PG_FUNCTION_ARGS)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8		bytes[KEY_BYTES];
	char		key[sizeof(KEY_PREFIX) + TYPEID_DIGITS + KEY_DIGITS] = KEY_PREFIX;

	digest_random(bytes, sizeof(bytes));
	typeid_write(PG_GETARG_UUID_P(0), key + WORKSPACE_AT);
	for (int i = KEY_DIGITS - 1; i >= 0; i--)
	{
		int			rest = 0;

		for (int j = 0; j < KEY_BYTES; j++)
		{
			int			value = rest << 8 | bytes[j];

			bytes[j] = value / 62;
			rest = value % 62;
		}
		key[DIGITS_AT + i] = digits[rest];
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key, KEY_LENGTH));
}

/* Reads the workspace of a key; false if it is none that lt_random_api_key() made. */
static bool
read_workspace(const text *key, pg_uuid_t *workspace)
{
	const char *data = VARDATA_ANY(key);

	return VARSIZE_ANY_EXHDR(key) == KEY_LENGTH &&
		memcmp(data, KEY_PREFIX, strlen(KEY_PREFIX)) == 0 &&
		typeid_read(data + WORKSPACE_AT, workspace);
}

/* Sets a setting until the transaction ends, whoever the caller is. */
static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

/* Lets the transaction work in a workspace from here on, within scopes. */
static void
open_workspace(Datum id, const char *scopes)
{
	set_local(CONTEXT_WORKSPACE_SETTING, error_uuid(id));
	set_local(CONTEXT_SCOPES_SETTING, scopes);
}

/* SQL: lt_authenticate(api_key) */
Datum
lt_authenticate(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *workspace = palloc(sizeof(pg_uuid_t));
	Datum		parameters[2] = {UUIDPGetDatum(workspace)};
	bool		isnull;

	if (PG_ARGISNULL(0))
		error_raise(ERROR_AUTHENTICATION, "the API key is missing");
	parameters[1] = PG_GETARG_DATUM(0);
	statement_connect();
	if (!read_workspace(PG_GETARG_TEXT_PP(0), workspace) ||
		statement_execute(&find_key, parameters, NULL) != 1)
		error_raise(ERROR_AUTHENTICATION, "the API key is unknown or revoked");
	open_workspace(parameters[0], TextDatumGetCString(statement_value(0, 1, &isnull)));
	statement_finish();
	PG_RETURN_UUID_P(workspace);
}

/* SQL: lt_use_workspace(workspace_id) */
Datum
lt_use_workspace(PG_FUNCTION_ARGS)
{
	Datum		id;

	error_if_null(0, "workspace_id");
	id = PG_GETARG_DATUM(0);
	statement_connect();
	if (statement_execute(&find_workspace, &id, NULL) == 0)
		error_raise(ERROR_WORKSPACE_NOT_FOUND, "workspace \"%s\" does not exist", error_uuid(id));
	open_workspace(id, "");
	statement_finish();
	PG_RETURN_VOID();
}
