/*
 * context.c
 *		The current workspace, the time, and what a call asks of its transaction.
 *
 * The workspace is a setting that superusers alone may change and that RESET
 * ALL leaves alone: whoever could change it would read another workspace.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "digest.h"
#include "error.h"
#include "json.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_current_workspace);
PG_FUNCTION_INFO_V1(lt_require_read_committed);
PG_FUNCTION_INFO_V1(lt_clock);
PG_FUNCTION_INFO_V1(lt_random_key);

#define KEY_LENGTH 32

/* The workspace of a database that never heard of workspaces. */
static pg_uuid_t default_workspace = {{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80}};

static char *workspace_setting;
static pg_uuid_t *workspace = &default_workspace;

/* The time that tests set; NULL: that of the machine. */
static char *now_setting;
static TimestampTz *test_time;

static Statement make_workspace = STATEMENT(
	"INSERT INTO leadterra.workspaces (workspace_id)"
	" VALUES ($1)"
	" ON CONFLICT DO NOTHING",
	SPI_OK_INSERT, UUIDOID);

/* Checks a new value of the setting and parses it for assign_workspace(). */
static bool
check_workspace(char **value, void **extra, GucSource source)
{
	JsonbValue	text = {.type = jbvString};
	pg_uuid_t	parsed;

	(void) source;
	if (**value == '\0')
		return true;

	text.val.string.val = *value;
	text.val.string.len = strlen(*value);
	if (json_uuid(&text, &parsed) != JSON_OK)
	{
		GUC_check_errdetail("A workspace is a UUID.");
		return false;
	}
	*extra = guc_malloc(LOG, sizeof(parsed));
	if (*extra == NULL)
		return false;
	memcpy(*extra, &parsed, sizeof(parsed));
	return true;
}

static void
assign_workspace(const char *value, void *extra)
{
	(void) value;
	workspace = extra ? (pg_uuid_t *) extra : &default_workspace;
}

/* Parses the time that a test sets. */
static bool
check_now(char **value, void **extra, GucSource source)
{
	(void) source;
	if (**value == '\0')
		return true;

	/* What a time is depends on settings that are not there at a start. */
	if (!IsTransactionState())
	{
		GUC_check_errdetail("It can be set in a session only.");
		return false;
	}
	*extra = guc_malloc(LOG, sizeof(TimestampTz));
	if (*extra == NULL)
		return false;
	*(TimestampTz *) *extra = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in,
																	  CStringGetDatum(*value),
																	  ObjectIdGetDatum(InvalidOid),
																	  Int32GetDatum(-1)));
	return true;
}

static void
assign_now(const char *value, void *extra)
{
	(void) value;
	test_time = extra;
}

/* Defines the settings of the extension. */
void
context_init(void)
{
	DefineCustomStringVariable("leadterra.now",
							   "Sets the time that the queue takes for the present, for tests.",
							   "Empty is the time of the machine.",
							   &now_setting,
							   "",
							   PGC_SUSET,
							   GUC_NOT_IN_SAMPLE,
							   check_now,
							   assign_now,
							   NULL);
	DefineCustomStringVariable("leadterra.workspace_id",
							   "Sets the workspace that calls and views work in.",
							   "Empty is the default workspace.",
							   &workspace_setting,
							   "",
							   PGC_SUSET,
							   GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE,
							   check_workspace,
							   assign_workspace,
							   NULL);
	MarkGUCPrefixReserved("leadterra");
}

/* Returns the current workspace as a parameter of a statement. */
Datum
context_workspace(void)
{
	return UUIDPGetDatum(workspace);
}

/* Returns the time at which the transaction began, from which delays run. */
TimestampTz
context_time(void)
{
	return test_time ? *test_time : GetCurrentTransactionStartTimestamp();
}

/* Returns the time at this moment, by which messages are due and leases expire. */
TimestampTz
context_clock(void)
{
	return test_time ? *test_time : GetCurrentTimestamp();
}

/*
 * Makes the row of the current workspace unless it is there.  Calls that may
 * be the first to write do it; the others find a campaign, and so a workspace.
 */
void
context_make_workspace(void)
{
	Datum		values[] = {context_workspace()};

	statement_execute(&make_workspace, values, NULL);
}

/*
 * Raises an error unless the transaction sees what has just been committed.
 * Under a fixed snapshot a lead that another session made would be looked for
 * in vain for ever, and one deleted meanwhile enrolled.
 */
void
context_require_read_committed(const char *action)
{
	if (IsolationUsesXactSnapshot())
		error_raise(ERROR_WRONG_ISOLATION,
					"%s needs isolation level READ COMMITTED", action);
}

/* SQL: lt_current_workspace() */
Datum
lt_current_workspace(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *copy = palloc(sizeof(pg_uuid_t));

	*copy = *workspace;
	PG_RETURN_UUID_P(copy);
}

/* SQL: leadterra.require_read_committed(action) */
Datum
lt_require_read_committed(PG_FUNCTION_ARGS)
{
	context_require_read_committed(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* SQL: leadterra.clock() */
Datum
lt_clock(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(context_clock());
}

/* SQL: leadterra.random_key() */
Datum
lt_random_key(PG_FUNCTION_ARGS)
{
	bytea	   *key = palloc(VARHDRSZ + KEY_LENGTH);

	SET_VARSIZE(key, VARHDRSZ + KEY_LENGTH);
	digest_random(VARDATA(key), KEY_LENGTH);
	PG_RETURN_BYTEA_P(key);
}
