/*
 * context.c
 *		The current workspace, what a call may do in it, the time, and what it asks
 *		of its transaction.
 *
 * The workspace is a setting that superusers alone may change and that RESET
 * ALL leaves alone: whoever could change it would read another workspace.  Where
 * it is empty, a role that row-level security binds works in the workspace that
 * leadterra.grant_to() bound it to, or in none; any other works in the default one.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_db_role_setting.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "context.h"
#include "digest.h"
#include "error.h"
#include "json.h"
#include "statement.h"
#include "version.h"

PG_FUNCTION_INFO_V1(lt_current_workspace);
PG_FUNCTION_INFO_V1(lt_workspace);
PG_FUNCTION_INFO_V1(lt_enter);
PG_FUNCTION_INFO_V1(lt_see);
PG_FUNCTION_INFO_V1(lt_require_read_committed);
PG_FUNCTION_INFO_V1(lt_require_commit);
PG_FUNCTION_INFO_V1(lt_clock);
PG_FUNCTION_INFO_V1(lt_random_key);

#define KEY_LENGTH 32

/* The workspace of a database that never heard of workspaces. */
static pg_uuid_t default_workspace = {{0, 0, 0, 0, 0, 0, 0x70, 0, 0x80}};

static char *workspace_setting;
static pg_uuid_t *workspace;	/* NULL: the setting is empty */

/* What the key of the caller allows, with commas between; empty: everything. */
static char *scopes_setting;

/* The time that tests set; NULL: that of the machine. */
static char *now_setting;
static TimestampTz *test_time;

static Statement ensure_workspace = STATEMENT(
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
	workspace = extra;
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
	DefineCustomStringVariable(CONTEXT_SCOPES_SETTING,
							   "Sets what calls may do, with commas between.",
							   "Empty is everything.",
							   &scopes_setting,
							   "",
							   PGC_SUSET,
							   GUC_NO_RESET_ALL | GUC_NOT_IN_SAMPLE,
							   NULL,
							   NULL,
							   NULL);
	DefineCustomStringVariable(CONTEXT_WORKSPACE_SETTING,
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

/* Finds the workspace in the settings of a role; false if there is none. */
static bool
find_in_settings(Datum settings, pg_uuid_t *found)
{
	const Size	prefix = strlen(CONTEXT_WORKSPACE_SETTING "=");
	Datum	   *elements;
	int			nelements;
	bool		has = false;

	deconstruct_array(DatumGetArrayTypeP(settings), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &nelements);
	for (int i = 0; i < nelements; i++)
	{
		char	   *setting = TextDatumGetCString(elements[i]);
		JsonbValue	text = {.type = jbvString};

		if (strncmp(setting, CONTEXT_WORKSPACE_SETTING "=", prefix) != 0)
			continue;
		text.val.string.val = setting + prefix;
		text.val.string.len = strlen(setting + prefix);
		has = json_uuid(&text, found) == JSON_OK;
	}
	return has;
}

/*
 * Finds the workspace that a role is bound to in this database.  Its settings
 * are applied where it logs in; a pool that sets the role applies none.
 */
static bool
find_role_workspace(Oid role, pg_uuid_t *found)
{
	Relation	catalog = table_open(DbRoleSettingRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		has = false;

	ScanKeyInit(&keys[0], Anum_pg_db_role_setting_setdatabase, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(MyDatabaseId));
	ScanKeyInit(&keys[1], Anum_pg_db_role_setting_setrole, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(role));
	scan = systable_beginscan(catalog, DbRoleSettingDatidRolidIndexId, true, NULL, 2, keys);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		settings = heap_getattr(tuple, Anum_pg_db_role_setting_setconfig,
											RelationGetDescr(catalog), &isnull);

		has = !isnull && find_in_settings(settings, found);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return has;
}

/*
 * Returns the workspace of a role where the setting is empty; NULL: none.  It is
 * looked up once a transaction and role.
 */
static pg_uuid_t *
role_workspace(void)
{
	static Oid	role = InvalidOid;
	static LocalTransactionId transaction = InvalidLocalTransactionId;
	static bool has;
	static pg_uuid_t found;
	Oid			caller = statement_caller();

	if (role != caller ||
		transaction != MyLocalTransactionId || transaction == InvalidLocalTransactionId)
	{
		Oid			namespace = get_namespace_oid("leadterra", true);
		Oid			table = OidIsValid(namespace) ? get_relname_relid("workspaces", namespace) :
			InvalidOid;

		has = true;
		found = default_workspace;
		if (OidIsValid(table) && check_enable_rls(table, caller, true) == RLS_ENABLED)
			has = find_role_workspace(caller, &found);
		role = caller;
		transaction = MyLocalTransactionId;
	}
	return has ? &found : NULL;
}

/* Returns the current workspace; NULL: there is none. */
static pg_uuid_t *
find_workspace(void)
{
	return workspace ? workspace : role_workspace();
}

/* Copies a workspace: a trigger may change the setting, or the role, in the middle of a call. */
static pg_uuid_t *
copy_workspace(const pg_uuid_t *current)
{
	pg_uuid_t  *copy = palloc(sizeof(pg_uuid_t));

	*copy = *current;
	return copy;
}

/* Returns the current workspace as a parameter of a statement; raises PT401 if there is none. */
Datum
context_workspace(void)
{
	pg_uuid_t  *current = find_workspace();

	if (current == NULL)
		error_raise(ERROR_AUTHENTICATION, "no API key has opened a workspace");
	return UUIDPGetDatum(copy_workspace(current));
}

/* Says whether a list of scopes, with commas between, has one of this length. */
static bool
has_scope(const char *scopes, const char *scope, Size length)
{
	for (const char *start = scopes; *start;)
	{
		Size		given = strcspn(start, ",");

		if (given == length && memcmp(start, scope, length) == 0)
			return true;
		start += given + (start[given] == ',');
	}
	return false;
}

/*
 * Says whether scopes allow one: itself, "all" in place of its action, of its
 * resource, or of both.
 */
static bool
allows(const char *scopes, const char *scope)
{
	const char *colon = strchr(scope, ':');
	const char *action = colon ? colon + 1 : scope;
	char	   *resource_all = psprintf("%.*sall", (int) (action - scope), scope);
	char	   *all_action = psprintf("all:%s", action);

	/* Without a colon it is none. */
	return colon && (has_scope(scopes, scope, strlen(scope)) ||
		has_scope(scopes, resource_all, strlen(resource_all)) ||
		has_scope(scopes, all_action, strlen(all_action)) ||
		has_scope(scopes, "all:all", strlen("all:all")));
}

/* Says whether what needs a scope only reads. */
static bool
reads(const char *scope)
{
	const char *colon = strchr(scope, ':');

	return colon && strcmp(colon, ":read") == 0;
}

/*
 * Returns the current workspace to what needs a scope.  Raises PT401 if there is
 * none, PT403 if the key of the caller does not allow it, PT503 while it is closed.
 */
static Datum
enter(const char *scope)
{
	Datum		current = context_workspace();

	if (scopes_setting[0] != '\0' && !allows(scopes_setting, scope))
		error_raise(ERROR_SCOPE, "the API key needs the scope \"%s\"", scope);
	context_require_open(DatumGetUUIDP(current), reads(scope) ? CONTEXT_READS : CONTEXT_WRITES);
	return current;
}

/* Begins a call that needs a scope, and returns the current workspace. */
Datum
context_enter(const char *scope)
{
	version_require();
	return enter(scope);
}

/* Begins a call that hands out work, as context_enter() does any other. */
Datum
context_enter_claim(const char *scope)
{
	Datum		workspace = context_enter(scope);

	context_require_open(DatumGetUUIDP(workspace), CONTEXT_CLAIMS);
	return workspace;
}

/* The same, with the scope that is the first argument of the SQL function at hand. */
Datum
context_enter_argument(FunctionCallInfo fcinfo)
{
	error_if_null(0, "scope");
	return context_enter(text_to_cstring(PG_GETARG_TEXT_PP(0)));
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
context_ensure_workspace(void)
{
	Datum		values[] = {context_workspace()};

	statement_execute(&ensure_workspace, values, NULL);
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
	pg_uuid_t  *current = find_workspace();

	if (current == NULL)
		PG_RETURN_NULL();
	PG_RETURN_UUID_P(copy_workspace(current));
}

/* SQL: leadterra.current_workspace() */
Datum
lt_workspace(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(context_workspace());
}

/* SQL: leadterra.enter(scope) */
Datum
lt_enter(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(context_enter_argument(fcinfo));
}

/* SQL: leadterra.see(scope) */
Datum
lt_see(PG_FUNCTION_ARGS)
{
	if (find_workspace() == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(enter(text_to_cstring(PG_GETARG_TEXT_PP(0))));
}

/* SQL: leadterra.require_read_committed(action) */
Datum
lt_require_read_committed(PG_FUNCTION_ARGS)
{
	context_require_read_committed(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	PG_RETURN_VOID();
}

/* SQL: leadterra.require_commit(action) */
Datum
lt_require_commit(PG_FUNCTION_ARGS)
{
	if (!SPI_inside_nonatomic_context())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("%s commits, and cannot be done in a transaction block or a function",
						text_to_cstring(PG_GETARG_TEXT_PP(0))),
				 errhint("Call it as a statement of its own. "
						 "A driver that opens transactions by itself has a setting for that, "
						 "mostly called autocommit.")));
	PG_RETURN_TIMESTAMPTZ(context_clock());
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
