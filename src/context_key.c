/*
 * context_key.c
 *		API keys, and opening a workspace for a transaction.
 *
 * A key is "sk_live_" and 32 random bytes in base 62.  What is stored is its
 * SHA-256, by which it is found: how long that takes tells nothing of other keys.
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

PG_FUNCTION_INFO_V1(lt_random_api_key);
PG_FUNCTION_INFO_V1(lt_authenticate);
PG_FUNCTION_INFO_V1(lt_use_workspace);

#define KEY_PREFIX "sk_live_"
#define KEY_BYTES 32

/* Digits in base 62 that 32 bytes need. */
#define KEY_DIGITS 43

/* A key without any scope must not have all of them, which an empty setting means. */
static Statement find_key = STATEMENT(
	"SELECT k.workspace_id, coalesce(nullif(array_to_string(k.scopes, ','), ''), ',')"
	" FROM leadterra.api_keys k"
	" WHERE k.key_hash = sha256(convert_to($1, 'UTF8')) AND k.revoked_at IS NULL",
	SPI_OK_SELECT, TEXTOID);

static Statement find_workspace = STATEMENT(
	"SELECT FROM leadterra.workspaces"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

/* SQL: leadterra.random_api_key() */
Datum
lt_random_api_key(PG_FUNCTION_ARGS)
{
	static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
	uint8		bytes[KEY_BYTES];
	char		key[sizeof(KEY_PREFIX) + KEY_DIGITS] = KEY_PREFIX;

	digest_random(bytes, sizeof(bytes));
	for (int i = KEY_DIGITS - 1; i >= 0; i--)
	{
		int			rest = 0;

		for (int j = 0; j < KEY_BYTES; j++)
		{
			int			value = rest << 8 | bytes[j];

			bytes[j] = value / 62;
			rest = value % 62;
		}
		key[strlen(KEY_PREFIX) + i] = digits[rest];
	}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(key, strlen(KEY_PREFIX) + KEY_DIGITS));
}

/* Sets a setting until the transaction ends, whoever the caller is. */
static void
set_local(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
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
	Datum		key;
	bool		isnull;

	if (PG_ARGISNULL(0))
		error_raise(ERROR_AUTHENTICATION, "the API key is missing");
	key = PG_GETARG_DATUM(0);
	statement_connect();
	if (statement_execute(&find_key, &key, NULL) != 1)
		error_raise(ERROR_AUTHENTICATION, "the API key is unknown or revoked");
	*workspace = *DatumGetUUIDP(statement_value(0, 1, &isnull));
	open_workspace(UUIDPGetDatum(workspace), TextDatumGetCString(statement_value(0, 2, &isnull)));
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
