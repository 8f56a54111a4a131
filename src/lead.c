/*
 * lead.c
 *		Leads: merging what a caller gives into rows, and the table of leads.
 *
 * Rows go to SQL as one array a column.  Reading lead objects is in
 * lead_read.c.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "context.h"
#include "email.h"
#include "lead.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_update_lead);
PG_FUNCTION_INFO_V1(lt_delete_lead);
PG_FUNCTION_INFO_V1(lt_delete_leads);

static const Oid field_types[LEAD_FIELDS] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	INT4OID, UUIDOID, JSONBOID
};

#define FIELD_ARRAY_TYPES \
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, \
	TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, UUIDARRAYOID, JSONBARRAYOID

/*
 * Addresses that another session makes at the same time are left out, not
 * updated: ON CONFLICT DO UPDATE after a look-up deadlocks, DO NOTHING in the
 * order of addresses does not.
 */
static Statement insert_leads = STATEMENT(
	"INSERT INTO leadterra.leads (workspace_id, lead_id, email, " LEAD_COLUMNS ")"
	" SELECT $1, u.lead_id, u.email, u.c1, u.c2, u.c3, u.c4, u.c5, u.c6, u.c7, u.c8, u.c9, u.c10,"
	" coalesce(u.c11, '{}')"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	" AS u (lead_id, email, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11)"
	" ON CONFLICT (workspace_id, email) DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDARRAYOID, TEXTARRAYOID, FIELD_ARRAY_TYPES);

static Statement update_leads = STATEMENT(
	"UPDATE leadterra.leads l"
	" SET (" LEAD_COLUMNS ", updated_at) ="
	" (u.c1, u.c2, u.c3, u.c4, u.c5, u.c6, u.c7, u.c8, u.c9, u.c10, coalesce(u.c11, '{}'), now())"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
	" AS u (lead_id, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11)"
	" WHERE l.workspace_id = $1 AND l.lead_id = u.lead_id",
	SPI_OK_UPDATE, UUIDOID, UUIDARRAYOID, FIELD_ARRAY_TYPES);

/*
 * Locks are taken in the order of addresses: a lateral join goes through them
 * one by one.  Two strengths, of which a call uses one: leads that are only
 * enrolled need to stay, and no more.
 */
#define LOCK_LEADS(strength) \
	"SELECT u.position, l.*" \
	" FROM unnest($2) WITH ORDINALITY AS u (email, position)" \
	" CROSS JOIN LATERAL (" \
	" SELECT lead_id, " LEAD_COLUMNS \
	" FROM leadterra.leads l" \
	" WHERE l.workspace_id = $1 AND l.email = u.email" \
	" FOR " strength ") l"

static Statement lock_leads_to_change = STATEMENT(
	LOCK_LEADS("NO KEY UPDATE"), SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

static Statement lock_leads_to_keep = STATEMENT(
	LOCK_LEADS("KEY SHARE"), SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

static Statement delete_lead = STATEMENT(
	"DELETE FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

static Statement delete_leads = STATEMENT(
	"WITH doomed AS ("
	" SELECT lead_id FROM leadterra.leads"
	" WHERE workspace_id = $1 AND email = ANY ($2)"
	" ORDER BY email"
	" FOR UPDATE)"
	" DELETE FROM leadterra.leads l"
	" USING doomed d"
	" WHERE l.workspace_id = $1 AND l.lead_id = d.lead_id",
	SPI_OK_DELETE, UUIDOID, TEXTARRAYOID);

/* Sets a row to one without any field. */
void
lead_row_init(LeadRow *row)
{
	memset(row, 0, sizeof(*row));
	memset(row->nulls, true, sizeof(row->nulls));
}

/* Fills a row from lead_id and LEAD_COLUMNS of a result; it shares their memory. */
void
lead_row_read(LeadRow *row, const Datum *values, const bool *nulls)
{
	row->lead_id = *DatumGetUUIDP(values[0]);
	memcpy(row->values, values + 1, sizeof(row->values));
	memcpy(row->nulls, nulls + 1, sizeof(row->nulls));
}

/* Frees a value that was read, if reading made a copy of it. */
static void
free_copy(void *value, Datum original)
{
	if (value != DatumGetPointer(original))
		pfree(value);
}

/* Says whether a string is that of a row, which may be compressed or elsewhere. */
static bool
string_differs(const LeadString *string, Datum value)
{
	text	   *old;
	bool		differs;

	if (toast_raw_datum_size(value) - VARHDRSZ != (Size) string->length)
		return true;
	old = DatumGetTextPP(value);
	differs = memcmp(string->data, VARDATA_ANY(old), string->length) != 0;
	free_copy(old, value);
	return differs;
}

/* Says whether a patch changes a standard field of a row. */
static bool
field_differs(const LeadPatch *patch, const LeadRow *row, int field)
{
	bool		cleared = patch->cleared & (1 << field);

	if (!(patch->given & (1 << field)))
		return false;
	if (cleared || row->nulls[field])
		return cleared != row->nulls[field];

	switch (field)
	{
		case LEAD_INTEREST_STATUS:
			return DatumGetInt32(row->values[field]) != patch->interest_status;
		case LEAD_ASSIGNED_TO:
			return memcmp(DatumGetUUIDP(row->values[field]), &patch->assigned_to, UUID_LEN) != 0;
		default:
			return string_differs(&patch->strings[field], row->values[field]);
	}
}

/* Says whether a patch changes the custom fields of a row. */
static bool
custom_differs(const LeadPatch *patch, const LeadRow *row)
{
	Jsonb	   *old = NULL;
	bool		differs = false;

	if (patch->ncustom == 0)
		return false;
	if (!row->nulls[LEAD_CUSTOM])
		old = DatumGetJsonbP(row->values[LEAD_CUSTOM]);

	for (int i = 0; i < patch->ncustom && !differs; i++)
	{
		const JsonbPair *custom = &patch->custom[i];
		JsonbValue	value;
		bool		removes = custom->value.type == jbvNull;
		bool		has = old && getKeyJsonValueFromContainer(&old->root, custom->key.val.string.val,
															  custom->key.val.string.len, &value);

		differs = removes ? has : !has || !json_values_equal(&custom->value, &value);
	}
	if (old)
		free_copy(old, row->values[LEAD_CUSTOM]);
	return differs;
}

/* Says whether a patch changes anything in a row. */
bool
lead_differs(const LeadPatch *patch, const LeadRow *row)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		if (field_differs(patch, row, i))
			return true;
	}
	return custom_differs(patch, row);
}

/* Adds a pair to an object that is built. */
static void
push_pair(JsonbParseState **state, JsonbValue *key, JsonbValue *value)
{
	pushJsonbValue(state, WJB_KEY, key);
	pushJsonbValue(state, WJB_VALUE, value);
}

/*
 * Merges custom fields into an object (RFC 7396 at the top level), reading
 * both in the order of their keys.  Returns NULL for an empty object.
 */
static Jsonb *
merge_custom(const LeadPatch *patch, JsonbContainer *old)
{
	JsonbParseState *state = NULL;
	JsonbIterator *iterator = old ? json_iterate(old) : NULL;
	JsonbValue	key;
	JsonbValue	value;
	bool		has_old = iterator && json_next_pair(&iterator, &key, &value);
	JsonbValue *object;
	int			i = 0;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (has_old || i < patch->ncustom)
	{
		JsonbPair  *custom = i < patch->ncustom ? &patch->custom[i] : NULL;
		int			order = !custom ? -1 : !has_old ? 1 : json_compare_keys(&key, &custom->key);

		if (order < 0)
			push_pair(&state, &key, &value);
		else if (custom->value.type != jbvNull)
			push_pair(&state, &custom->key, &custom->value);

		if (order >= 0)
			i++;
		if (order <= 0)
			has_old = json_next_pair(&iterator, &key, &value);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return object->val.object.nPairs > 0 ? JsonbValueToJsonb(object) : NULL;
}

/* Returns a field of a patch, which is not cleared, as a value of its type. */
static Datum
patch_value(const LeadPatch *patch, int field)
{
	switch (field)
	{
		case LEAD_INTEREST_STATUS:
			return Int32GetDatum(patch->interest_status);
		case LEAD_ASSIGNED_TO:
			return UUIDPGetDatum(&patch->assigned_to);
		default:
			return PointerGetDatum(cstring_to_text_with_len(patch->strings[field].data,
															patch->strings[field].length));
	}
}

/* Puts what a patch gives into a row, which then shares the patch's memory. */
void
lead_merge(const LeadPatch *patch, LeadRow *row)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		if (!(patch->given & (1 << i)))
			continue;
		row->nulls[i] = patch->cleared & (1 << i);
		if (!row->nulls[i])
			row->values[i] = patch_value(patch, i);
	}

	if (custom_differs(patch, row))
	{
		JsonbContainer *old = NULL;
		Jsonb	   *merged;

		if (!row->nulls[LEAD_CUSTOM])
			old = &DatumGetJsonbP(row->values[LEAD_CUSTOM])->root;
		merged = merge_custom(patch, old);
		row->nulls[LEAD_CUSTOM] = merged == NULL;
		if (merged)
			row->values[LEAD_CUSTOM] = JsonbPGetDatum(merged);
	}
}

/* Returns an address in normal form: trimmed, in ASCII lower case. */
LeadString
lead_normalize_email(const char *email, int length)
{
	char	   *normal = palloc(length + 1);

	return (LeadString) {normal, email_normalize(normal, email, length)};
}

/* Returns the size in bytes of a row as a parameter of a statement. */
Size
lead_row_size(const LeadRow *row)
{
	Size		size = 0;

	for (int i = 0; i < LEAD_FIELDS; i++)
	{
		if (!row->nulls[i] && (i < LEAD_STRINGS || i == LEAD_CUSTOM))
			size += toast_raw_datum_size(row->values[i]);
	}
	return size;
}

/* Makes a text[] of addresses. */
Datum
lead_emails(const LeadString *emails, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * count);
	bool		isnull;

	for (int i = 0; i < count; i++)
		values[i] = PointerGetDatum(cstring_to_text_with_len(emails[i].data, emails[i].length));
	return statement_array(values, NULL, count, TEXTOID, &isnull);
}

/* Makes the array parameters of the fields of rows, from values[0] on. */
static void
field_arrays(const LeadRow *rows, int count, Datum *values, bool *nulls)
{
	Datum	   *column = palloc(sizeof(Datum) * count);
	bool	   *column_nulls = palloc(sizeof(bool) * count);

	for (int field = 0; field < LEAD_FIELDS; field++)
	{
		for (int i = 0; i < count; i++)
		{
			column[i] = rows[i].values[field];
			column_nulls[i] = rows[i].nulls[field];
		}
		values[field] = statement_array(column, column_nulls, count, field_types[field],
										&nulls[field]);
	}
}

/* Makes a uuid[] of the ids of rows. */
static Datum
id_array(const LeadRow *rows, int count)
{
	Datum	   *ids = palloc(sizeof(Datum) * count);
	bool		isnull;

	for (int i = 0; i < count; i++)
		ids[i] = UUIDPGetDatum(&rows[i].lead_id);
	return statement_array(ids, NULL, count, UUIDOID, &isnull);
}

/*
 * Inserts rows, given in the order of their addresses, and returns how many
 * went in: the others have the address of a lead that another session made.
 */
uint64
lead_insert(Datum workspace, const LeadRow *rows, int count)
{
	Datum		values[14] = {workspace, id_array(rows, count)};
	bool		nulls[14] = {false};
	LeadString *emails = palloc(sizeof(LeadString) * count);

	for (int i = 0; i < count; i++)
		emails[i] = rows[i].email;
	values[2] = lead_emails(emails, count);
	field_arrays(rows, count, values + 3, nulls + 3);
	return statement_execute(&insert_leads, values, nulls);
}

/* Updates rows that are locked. */
void
lead_update(Datum workspace, const LeadRow *rows, int count)
{
	Datum		values[13] = {workspace, id_array(rows, count)};
	bool		nulls[13] = {false};

	field_arrays(rows, count, values + 2, nulls + 2);
	statement_execute(&update_leads, values, nulls);
}

/*
 * Locks the leads with these addresses, given in order, to change them or only
 * to keep them from being deleted.  Returns how many there are.
 */
uint64
lead_lock(Datum workspace, const LeadString *emails, int count, bool change)
{
	Datum		values[] = {workspace, lead_emails(emails, count)};

	return statement_execute(change ? &lock_leads_to_change : &lock_leads_to_keep, values, NULL);
}

/* Reads a lead that lead_lock() found, and the place of its address, from 0. */
void
lead_locked(const SPITupleTable *locked, uint64 number, int *position, LeadRow *row)
{
	Datum		values[2 + LEAD_FIELDS];
	bool		nulls[2 + LEAD_FIELDS];

	heap_deform_tuple(locked->vals[number], locked->tupdesc, values, nulls);
	*position = (int) DatumGetInt64(values[0]) - 1;
	lead_row_read(row, values + 1, nulls + 1);
}

/* Makes a text[] of the addresses in an argument in normal form, without nulls. */
Datum
lead_normalize_emails(ArrayType *given)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	LeadString *emails;
	int			count = 0;

	error_limit_entries("emails", ArrayGetNItems(ARR_NDIM(given), ARR_DIMS(given)));
	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	emails = palloc(sizeof(LeadString) * Max(nelements, 1));
	for (int i = 0; i < nelements; i++)
	{
		text	   *email;

		CHECK_FOR_INTERRUPTS();
		if (nulls[i])
			continue;
		email = DatumGetTextPP(elements[i]);
		emails[count++] = lead_normalize_email(VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email));
	}
	return lead_emails(emails, count);
}

/* Applies a patch to the lead with an address. */
static void
update_one(const LeadString *email, const LeadPatch *patch)
{
	Datum		workspace = context_workspace();
	LeadRow		row;
	int			position;

	statement_connect();
	if (lead_lock(workspace, email, 1, true) == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%.*s\" does not exist", email->length, email->data);
	lead_locked(SPI_tuptable, 0, &position, &row);
	if (lead_differs(patch, &row))
	{
		lead_merge(patch, &row);
		lead_update(workspace, &row, 1);
	}
	statement_finish();
}

/* SQL: lt_update_lead(email, patch) */
Datum
lt_update_lead(PG_FUNCTION_ARGS)
{
	ErrorList	errors;
	LeadReader	reader = {.errors = &errors};
	LeadString	email;
	LeadPatch	patch;
	JsonbValue	object;
	text	   *given;

	error_if_null(0, "email");
	error_if_null(1, "patch");
	given = PG_GETARG_TEXT_PP(0);
	email = lead_normalize_email(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	JsonbToJsonbValue(PG_GETARG_JSONB_P(1), &object);
	error_list_init(&errors);
	if (!lead_read_entry(&reader, &object, NULL, &patch))
		error_list_raise(ERROR_INVALID_LEADS, &errors, NULL, "patch of lead is invalid");

	update_one(&email, &patch);
	PG_RETURN_VOID();
}

/* SQL: lt_delete_lead(lead_id) */
Datum
lt_delete_lead(PG_FUNCTION_ARGS)
{
	Datum		values[2];

	error_if_null(0, "lead_id");
	values[0] = context_workspace();
	values[1] = PG_GETARG_DATUM(0);
	statement_connect();
	if (statement_execute(&delete_lead, values, NULL) == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%s\" does not exist",
					DatumGetCString(DirectFunctionCall1(uuid_out, values[1])));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_leads(emails) */
Datum
lt_delete_leads(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	uint64		deleted;

	error_if_null(0, "emails");
	values[0] = context_workspace();
	values[1] = lead_normalize_emails(PG_GETARG_ARRAYTYPE_P(0));
	statement_connect();
	deleted = statement_execute(&delete_leads, values, NULL);
	statement_finish();
	PG_RETURN_INT32((int32) deleted);
}
