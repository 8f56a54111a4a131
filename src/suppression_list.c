/*
 * suppression_list.c
 *		Keeping block lists: what is on them, and making them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "compat.h"
#include "context.h"
#include "email.h"
#include "error.h"
#include "statement.h"
#include "suppression.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_suppress);
PG_FUNCTION_INFO_V1(lt_unsuppress);
PG_FUNCTION_INFO_V1(lt_create_blocklist);
PG_FUNCTION_INFO_V1(lt_delete_blocklist);
PG_FUNCTION_INFO_V1(lt_block);
PG_FUNCTION_INFO_V1(lt_unblock);
PG_FUNCTION_INFO_V1(lt_read_entry);

/* What an array argument of entries holds. */
typedef struct EntryList
{
	Datum	   *entries;		/* texts, normalized; there is room for twice as many */
	int			count;
	int			invalid;
} EntryList;

/* In the order of their keys, so that two calls cannot deadlock. */
static Statement insert_entries = STATEMENT(
	"INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)"
	" SELECT $1, $2, u.entry, $4"
	" FROM (SELECT DISTINCT entry COLLATE \"C\" AS entry FROM unnest($3) AS u (entry)) u"
	" ORDER BY u.entry"
	" ON CONFLICT (workspace_id, blocklist_id, entry) DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTARRAYOID, TEXTOID);

/* The same, looked up one by one, and joined by nothing but their keys: see list.c. */
static Statement delete_entries = STATEMENT(
	"WITH doomed AS ("
	" SELECT s.workspace_id, s.blocklist_id, s.entry"
	" FROM (SELECT DISTINCT entry COLLATE \"C\" AS entry"
	" FROM unnest($3) AS u (entry) ORDER BY entry) u"
	" CROSS JOIN LATERAL ("
	" SELECT s.workspace_id, s.blocklist_id, s.entry FROM leadterra.suppressions s"
	" WHERE s.workspace_id = $1 AND s.blocklist_id = $2 AND s.entry = u.entry"
	" FOR UPDATE) s)"
	" DELETE FROM leadterra.suppressions s"
	" USING doomed d"
	" WHERE s.workspace_id = d.workspace_id AND s.blocklist_id = d.blocklist_id"
	" AND s.entry = d.entry",
	SPI_OK_DELETE, UUIDOID, UUIDOID, TEXTARRAYOID);

static Statement insert_list = STATEMENT(
	"INSERT INTO leadterra.blocklists (workspace_id, blocklist_id, name)"
	" VALUES ($1, $2, $3)",
	SPI_OK_INSERT, UUIDOID, UUIDOID, TEXTOID);

/* Whoever deletes it waits. */
static Statement keep_list = STATEMENT(
	"SELECT FROM leadterra.blocklists"
	" WHERE workspace_id = $1 AND blocklist_id = $2"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement delete_list = STATEMENT(
	"DELETE FROM leadterra.blocklists"
	" WHERE workspace_id = $1 AND blocklist_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* Normalizes an entry given by a caller and checks it. */
static EmailStatus
parse_entry(text *given, text **entry)
{
	size_t		length;
	char	   *normal = email_normalize(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &length);
	EmailStatus status = email_check_entry(normal, length);

	*entry = cstring_to_text_with_len(normal, length);
	pfree(normal);
	return status;
}

/*
 * Reads an array argument of entries.  Those that are invalid are left out, and
 * added to a list of failures where there is one; or kept, but for nulls, where
 * entries are only looked for: most match nothing.
 */
static EntryList
parse_entries(ArrayType *given, const char *argument, ErrorList *errors, bool keep_invalid)
{
	EntryList	list = {0};
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;

	error_limit_entries(argument, ArrayGetNItems(ARR_NDIM(given), ARR_DIMS(given)));
	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	list.entries = palloc(sizeof(Datum) * Max(2 * nelements, 1));
	for (int i = 0; i < nelements; i++)
	{
		text	   *entry = NULL;
		EmailStatus status = EMAIL_EMPTY;

		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			status = parse_entry(DatumGetTextPP(elements[i]), &entry);
		if (status != EMAIL_OK)
		{
			list.invalid++;
			if (errors)
				error_list_add(errors, i, NULL, email_status_code(status),
							   email_status_message(status));
		}
		if (entry && (status == EMAIL_OK || keep_invalid))
			list.entries[list.count++] = PointerGetDatum(entry);
	}
	return list;
}

/* Makes a text[] of entries. */
static Datum
entries_array(const EntryList *list)
{
	bool		isnull;

	return statement_array(list->entries, NULL, list->count, TEXTOID, &isnull);
}

static bool
is_default(Datum workspace, Datum blocklist)
{
	return memcmp(DatumGetUUIDP(workspace), DatumGetUUIDP(blocklist), UUID_LEN) == 0;
}

static void
raise_not_found(Datum blocklist)
{
	error_raise(ERROR_BLOCKLIST_NOT_FOUND, "block list \"%s\" does not exist",
				error_uuid(blocklist));
}

/* Keeps a block list from being deleted; raises PT404 if there is none.  Runs in SPI. */
void
suppression_keep_list(Datum workspace, Datum blocklist)
{
	Datum		values[] = {workspace, blocklist};

	if (!is_default(workspace, blocklist) && statement_execute(&keep_list, values, NULL) == 0)
		raise_not_found(blocklist);
}

/* Puts entries on a list, unless they are there; returns how many are new.  Runs in SPI. */
static int
add_entries(Datum workspace, Datum blocklist, Datum entries, Datum reason)
{
	Datum		values[] = {workspace, blocklist, entries, reason};

	return (int) statement_execute(&insert_entries, values, NULL);
}

/* Adds entries that are not there to a workspace's default list; returns how many.  Runs in SPI. */
int
suppression_add(Datum workspace, Datum *entries, int count, const char *reason)
{
	bool		isnull;

	return add_entries(workspace, workspace,
					   statement_array(entries, NULL, count, TEXTOID, &isnull),
					   CStringGetTextDatum(reason));
}

/* SQL: lt_suppress(emails, reason) */
Datum
lt_suppress(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("blocklists:create");
	ErrorList	errors;
	EntryList	list;
	int			added = 0;
	Datum		columns[3];
	bool		nulls[3] = {false};
	Datum		result;

	error_if_null(0, "emails");
	error_if_null(1, "reason");
	error_limit_text(fcinfo, 1, "reason");
	error_list_init(&errors);
	list = parse_entries(PG_GETARG_ARRAYTYPE_P(0), "emails", &errors, false);
	if (list.invalid > 0)
		error_list_raise(ERROR_INVALID_SUPPRESSIONS, &errors,
						 "An entry is an address, a domain, or \"*.\" and a domain.",
						 "%d of %d entries to suppress are invalid", list.invalid,
						 list.count + list.invalid);

	statement_connect();
	if (list.count > 0)
	{
		context_ensure_workspace();
		added = add_entries(workspace, workspace, entries_array(&list), PG_GETARG_DATUM(1));
	}
	columns[0] = Int32GetDatum(added);
	columns[1] = Int32GetDatum(list.count - added);
	columns[2] = Int32GetDatum(list.count);
	result = statement_result(fcinfo, columns, nulls, lengthof(columns));
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* Returns the argument that names a block list; null is the default one. */
static Datum
blocklist_argument(FunctionCallInfo fcinfo, int number)
{
	return PG_ARGISNULL(number) ? context_workspace() : PG_GETARG_DATUM(number);
}

/* SQL: lt_block(values, blocklist_id, reason) */
Datum
lt_block(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("blocklists:create");
	Datum		blocklist = blocklist_argument(fcinfo, 1);
	ErrorList	errors;
	EntryList	list;
	Datum		columns[4];
	bool		nulls[4] = {false};
	Datum		result;

	error_if_null(0, "entries");
	error_if_null(2, "reason");
	error_limit_text(fcinfo, 2, "reason");
	error_list_init(&errors);
	list = parse_entries(PG_GETARG_ARRAYTYPE_P(0), "entries", &errors, false);
	nulls[3] = list.invalid == 0;
	columns[3] = DirectFunctionCall1(jsonb_in,
									 CStringGetDatum(psprintf("[%s]", errors.items.data)));
	statement_connect();
	context_ensure_workspace();
	suppression_keep_list(workspace, blocklist);
	columns[0] = Int32GetDatum(add_entries(workspace, blocklist, entries_array(&list),
										   PG_GETARG_DATUM(2)));
	columns[1] = Int32GetDatum(list.count);
	columns[2] = Int32GetDatum(list.invalid);
	result = statement_result(fcinfo, columns, nulls, lengthof(columns));
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* Adds the entries that stand for addresses in a list if they are kept as hashes. */
static void
add_hashed(Datum workspace, EntryList *list)
{
	bytea	   *key = suppression_find_key(workspace);
	int			given = list->count;

	for (int i = 0; key && i < given; i++)
	{
		text	   *entry = DatumGetTextPP(list->entries[i]);
		int			length = VARSIZE_ANY_EXHDR(entry);

		CHECK_FOR_INTERRUPTS();
		if (memchr(VARDATA_ANY(entry), '@', length))
			list->entries[list->count++] =
				suppression_hashed_entry(key, VARDATA_ANY(entry), length);
	}
}

/* Takes entries in an argument off a list; returns how many were on it. */
static Datum
remove_entries(FunctionCallInfo fcinfo, const char *argument, Datum blocklist)
{
	Datum		values[3] = {context_enter("blocklists:delete"), blocklist};
	EntryList	list;
	uint64		deleted;

	error_if_null(0, argument);
	statement_connect();
	suppression_keep_list(values[0], blocklist);
	list = parse_entries(PG_GETARG_ARRAYTYPE_P(0), argument, NULL, true);
	if (is_default(values[0], blocklist))
		add_hashed(values[0], &list);
	values[2] = entries_array(&list);
	deleted = statement_execute(&delete_entries, values, NULL);
	statement_finish();
	PG_RETURN_INT32((int32) deleted);
}

/* SQL: lt_unsuppress(emails) */
Datum
lt_unsuppress(PG_FUNCTION_ARGS)
{
	return remove_entries(fcinfo, "emails", context_workspace());
}

/* SQL: lt_unblock(values, blocklist_id) */
Datum
lt_unblock(PG_FUNCTION_ARGS)
{
	return remove_entries(fcinfo, "entries", blocklist_argument(fcinfo, 1));
}

/* SQL: lt_create_blocklist(name) */
Datum
lt_create_blocklist(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		values[] = {context_enter("blocklists:create"), UUIDPGetDatum(id),
	error_name_argument(fcinfo, 0, "block list")};

	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	statement_execute(&insert_list, values, NULL);
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_delete_blocklist(blocklist_id) */
Datum
lt_delete_blocklist(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {context_enter("blocklists:delete")};

	error_if_null(0, "blocklist_id");
	values[1] = PG_GETARG_DATUM(0);
	if (is_default(values[0], values[1]))
		error_raise(ERROR_INVALID_REQUEST, "the default block list cannot be deleted");
	statement_connect();
	/* A trigger takes its entries along, once nobody who keeps it is still adding to it. */
	if (statement_execute(&delete_list, values, NULL) == 0)
		raise_not_found(values[1]);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: leadterra.read_entry(given) */
Datum
lt_read_entry(PG_FUNCTION_ARGS)
{
	text	   *entry;

	if (parse_entry(PG_GETARG_TEXT_PP(0), &entry) != EMAIL_OK)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(entry);
}
