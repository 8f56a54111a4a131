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
PG_FUNCTION_INFO_V1(lt_merge_custom);
PG_FUNCTION_INFO_V1(lt_delete_lead);
PG_FUNCTION_INFO_V1(lt_delete_leads);

static const Oid field_types[LEAD_FIELDS] = {
	TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID,
	INT4OID, UUIDOID, INT4OID, JSONBOID
};

#define FIELD_ARRAY_TYPES \
	TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, \
	TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID, UUIDARRAYOID, INT4ARRAYOID, JSONBARRAYOID

/*
 * Addresses that another session makes at the same time are left out, not
 * updated: ON CONFLICT DO UPDATE after a look-up deadlocks, DO NOTHING in the
 * order of addresses does not.
 */
static Statement insert_leads = STATEMENT(
	"INSERT INTO leadterra.leads (workspace_id, lead_id, email, " LEAD_COLUMNS ")"
	" SELECT $1, u.lead_id, u.email, u.c1, u.c2, u.c3, u.c4, u.c5, u.c6, u.c7, u.c8, u.c9, u.c10,"
	" u.c11, coalesce(u.c12, '{}')"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
	" AS u (lead_id, email, c1, c2, c3, c4, c5, c6, c7, c8, c9, c10, c11, c12)"
	" ON CONFLICT (workspace_id, email) DO NOTHING",
	SPI_OK_INSERT, UUIDOID, UUIDARRAYOID, TEXTARRAYOID, FIELD_ARRAY_TYPES);

/*
 * Applies patches to rows as they are when they are locked, so that two calls
 * which change different fields of a lead both keep theirs.
 *
 * Rows are locked in the order of addresses, as given, by a nested loop.  The
 * last condition is always true; the planner takes it for rare, and so starts
 * from the rows given.  Where it starts from a small table all the same, leads
 * are changed one by one.  (The id, which tells a lead from one that replaced it, is
 * compared so that it is no column to join by.)
 */
#define PATCHED(field, column) \
	column " = CASE WHEN u.given & (1 << " CppAsString2(field) ") <> 0 THEN u." column \
	" ELSE l." column " END"
#define FILLED(field, column) \
	column " = CASE WHEN u.given & (1 << " CppAsString2(field) ") <> 0 THEN u." column \
	" ELSE coalesce(l." column ", u." column ") END"

static Statement update_leads = STATEMENT(
	"UPDATE leadterra.leads l SET "
	PATCHED(0, "first_name") ", " PATCHED(1, "last_name") ", " PATCHED(2, "company") ", "
	PATCHED(3, "job_title") ", " PATCHED(4, "phone") ", " PATCHED(5, "website") ", "
	PATCHED(6, "personalization") ", " PATCHED(7, "lead_value") ", "
	PATCHED(8, "interest_status") ", " FILLED(9, "assigned_to") ", "
	FILLED(10, "verification_status") ","
	" custom = CASE WHEN u.custom IS NULL THEN l.custom"
	" ELSE leadterra.merge_custom(l.custom, u.custom) END,"
	" updated_at = now()"
	" FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
	" AS u (lead_id, email, " LEAD_COLUMNS ", given)"
	" WHERE l.workspace_id = $1 AND l.email = u.email"
	" AND l.lead_id IS NOT DISTINCT FROM u.lead_id AND u.given % 1 = 0",
	SPI_OK_UPDATE, UUIDOID, UUIDARRAYOID, TEXTARRAYOID, FIELD_ARRAY_TYPES, INT4ARRAYOID);

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

static Statement find_lead = STATEMENT(
	"SELECT lead_id, " LEAD_COLUMNS
	" FROM leadterra.leads"
	" WHERE workspace_id = $1 AND email = $2",
	SPI_OK_SELECT, UUIDOID, TEXTOID);

static Statement find_email = STATEMENT(
	"SELECT email FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2 AND email IS NOT NULL",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement delete_lead = STATEMENT(
	"DELETE FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* In the order of addresses, looked up one by one, and joined by nothing but their keys: see list.c. */
static Statement delete_leads = STATEMENT(
	"WITH doomed AS ("
	" SELECT l.workspace_id, l.lead_id"
	" FROM (SELECT DISTINCT email COLLATE \"C\" AS email FROM unnest($2) AS u (email) ORDER BY email) u"
	" CROSS JOIN LATERAL ("
	" SELECT l.workspace_id, l.lead_id FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.email = u.email"
	" FOR UPDATE) l)"
	" DELETE FROM leadterra.leads l"
	" USING doomed d"
	" WHERE l.workspace_id = d.workspace_id AND l.lead_id = d.lead_id",
	SPI_OK_DELETE, UUIDOID, TEXTARRAYOID);

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

/* Says whether a patch changes a standard field, given its value. */
static bool
field_differs(const LeadPatch *patch, int field, Datum value, bool isnull)
{
	bool		cleared = patch->cleared & (1 << field);

	if (!(patch->given & (1 << field)))
		return isnull && patch->filled & (1 << field);
	if (cleared || isnull)
		return cleared != isnull;

	switch (field)
	{
		case LEAD_INTEREST_STATUS:
			return DatumGetInt32(value) != patch->interest_status;
		case LEAD_VERIFICATION_STATUS:
			return DatumGetInt32(value) != patch->verification_status;
		case LEAD_ASSIGNED_TO:
			return memcmp(DatumGetUUIDP(value), &patch->assigned_to, UUID_LEN) != 0;
		default:
			return string_differs(&patch->strings[field], value);
	}
}

/* Says whether a patch changes the custom fields. */
static bool
custom_differs(const LeadPatch *patch, Datum custom)
{
	Jsonb	   *old;
	bool		differs = false;

	if (patch->ncustom == 0)
		return false;

	old = DatumGetJsonbP(custom);
	differs = !JsonContainerIsObject(&old->root);
	for (int i = 0; i < patch->ncustom && !differs; i++)
	{
		const JsonbPair *pair = &patch->custom[i];
		JsonbValue	value;
		bool		has = getKeyJsonValueFromContainer(&old->root, pair->key.val.string.val,
													   pair->key.val.string.len, &value);

		if (pair->value.type == jbvNull)
			differs = has;
		else
			differs = !has || !json_values_equal(&pair->value, &value);
	}
	free_copy(old, custom);
	return differs;
}

/* Says whether a patch changes anything in a row, given its LEAD_COLUMNS. */
bool
lead_differs(const LeadPatch *patch, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		if (field_differs(patch, i, values[i], nulls[i]))
			return true;
	}
	return custom_differs(patch, values[LEAD_CUSTOM]);
}

/* Adds a pair to an object that is built. */
static void
push_pair(JsonbParseState **state, JsonbValue *key, JsonbValue *value)
{
	pushJsonbValue(state, WJB_KEY, key);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* An object of no more than this has a text below the limit, whatever is in it. */
#define CUSTOM_SAFE (4 * 1024 * 1024)

/* Holds the custom fields that a lead shall have to their limit. */
static Jsonb *
limit_custom(Jsonb *custom)
{
	JsonbValue	value;
	Size		size = 0;

	JsonbToJsonbValue(custom, &value);
	if (VARSIZE(custom) > CUSTOM_SAFE && (!json_text_size(&value, &size) || size > LEAD_CUSTOM_MAX))
		error_raise(ERROR_INVALID_REQUEST, "custom fields of a lead take more than 256 MB as text");
	return custom;
}

/* Makes an object of the custom fields of a patch, with or without nulls. */
static Jsonb *
custom_object(const LeadPatch *patch, bool with_nulls)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < patch->ncustom; i++)
	{
		JsonbPair  *pair = &patch->custom[i];

		if (with_nulls || pair->value.type != jbvNull)
			push_pair(&state, &pair->key, &pair->value);
	}
	return limit_custom(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * SQL: leadterra.merge_custom(custom, patch)
 *
 * Merges as RFC 7396 says, at the top level alone, reading both objects in the
 * order of their keys.
 */
Datum
lt_merge_custom(PG_FUNCTION_ARGS)
{
	JsonbIterator *olds = json_iterate(&PG_GETARG_JSONB_P(0)->root);
	JsonbIterator *news = json_iterate(&PG_GETARG_JSONB_P(1)->root);
	JsonbValue	old_key;
	JsonbValue	old_value;
	JsonbValue	new_key;
	JsonbValue	new_value;
	bool		has_old = json_next_pair(&olds, &old_key, &old_value);
	bool		has_new = json_next_pair(&news, &new_key, &new_value);
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (has_old || has_new)
	{
		int			order = !has_new ? -1 : !has_old ? 1 : json_compare_keys(&old_key, &new_key);

		if (order < 0)
			push_pair(&state, &old_key, &old_value);
		else if (new_value.type != jbvNull)
			push_pair(&state, &new_key, &new_value);

		if (order <= 0)
			has_old = json_next_pair(&olds, &old_key, &old_value);
		if (order >= 0)
			has_new = json_next_pair(&news, &new_key, &new_value);
	}
	PG_RETURN_JSONB_P(limit_custom(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL))));
}

/* Returns an address in normal form: trimmed, in ASCII lower case. */
LeadString
lead_normalize_email(const char *email, int length)
{
	char	   *normal = palloc(length + 1);

	return (LeadString) {normal, email_normalize(normal, email, length)};
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

/* Returns a field of a patch as a value of its type; null where it has none. */
static Datum
patch_value(const LeadPatch *patch, int field, bool *isnull)
{
	*isnull = !(((patch->given & ~patch->cleared) | patch->filled) & (1 << field));
	if (*isnull)
		return (Datum) 0;
	switch (field)
	{
		case LEAD_INTEREST_STATUS:
			return Int32GetDatum(patch->interest_status);
		case LEAD_VERIFICATION_STATUS:
			return Int32GetDatum(patch->verification_status);
		case LEAD_ASSIGNED_TO:
			return UUIDPGetDatum(&patch->assigned_to);
		default:
			return PointerGetDatum(cstring_to_text_with_len(patch->strings[field].data,
															patch->strings[field].length));
	}
}

/*
 * Makes the parameters of statements that write leads: the workspace, then
 * arrays of ids, addresses and fields.  Custom fields are an object, with null
 * for those that are to be removed where the leads exist.
 */
static void
lead_parameters(Datum workspace, const LeadChange *leads, int count, bool exist,
				Datum *parameters, bool *nulls)
{
	Datum	   *column = palloc(sizeof(Datum) * count);
	bool	   *column_nulls = palloc(sizeof(bool) * count);

	parameters[0] = workspace;
	nulls[0] = nulls[1] = false;
	parameters[1] = statement_uuids(&leads->lead_id, sizeof(LeadChange), count);
	for (int i = 0; i < count; i++)
	{
		const LeadString *email = &leads[i].email;

		column_nulls[i] = email->data == NULL;
		if (!column_nulls[i])
			column[i] = PointerGetDatum(cstring_to_text_with_len(email->data, email->length));
	}
	parameters[2] = statement_array(column, column_nulls, count, TEXTOID, &nulls[2]);

	for (int field = 0; field < LEAD_FIELDS; field++)
	{
		for (int i = 0; i < count; i++)
		{
			const LeadPatch *patch = leads[i].patch;

			if (field != LEAD_CUSTOM)
				column[i] = patch_value(patch, field, &column_nulls[i]);
			else if (!(column_nulls[i] = patch->ncustom == 0))
				column[i] = JsonbPGetDatum(custom_object(patch, exist));
		}
		parameters[3 + field] = statement_array(column, column_nulls, count, field_types[field],
												&nulls[3 + field]);
	}
}

/*
 * Inserts leads, given in the order of their addresses, and returns how many
 * went in: the others have the address of a lead that is there.
 */
uint64
lead_insert(Datum workspace, const LeadChange *leads, int count)
{
	Datum		parameters[3 + LEAD_FIELDS];
	bool		nulls[3 + LEAD_FIELDS];

	lead_parameters(workspace, leads, count, false, parameters, nulls);
	return statement_execute(&insert_leads, parameters, nulls);
}

/* Changes leads in the order in which they are given, whatever the plan. */
static uint64
update_one_by_one(Datum workspace, const LeadChange *leads, int count)
{
	uint64		updated = 0;

	for (int i = 0; i < count; i++)
		updated += lead_update(workspace, &leads[i], 1);
	return updated;
}

/*
 * Changes leads, given in the order of their addresses, and returns how many:
 * the others are gone.
 */
uint64
lead_update(Datum workspace, const LeadChange *leads, int count)
{
	Datum		parameters[4 + LEAD_FIELDS];
	bool		nulls[4 + LEAD_FIELDS];
	Datum	   *given = palloc(sizeof(Datum) * count);

	if (count > 1 && !statement_follows_rows(&update_leads))
		return update_one_by_one(workspace, leads, count);
	lead_parameters(workspace, leads, count, true, parameters, nulls);
	for (int i = 0; i < count; i++)
		given[i] = Int32GetDatum(leads[i].patch->given);
	parameters[3 + LEAD_FIELDS] = statement_array(given, NULL, count, INT4OID,
												  &nulls[3 + LEAD_FIELDS]);
	return statement_execute(&update_leads, parameters, nulls);
}

/*
 * Locks the leads with these addresses, given in order, to change them or only
 * to keep them from being deleted.  Returns how many there are; the result has
 * the place of the address, from 1, the id and LEAD_COLUMNS of each.
 */
uint64
lead_lock(Datum workspace, const LeadString *emails, int count, bool change)
{
	Datum		values[] = {workspace, lead_emails(emails, count)};

	return statement_execute(change ? &lock_leads_to_change : &lock_leads_to_keep, values, NULL);
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

/* Returns the address of a lead; false if it is gone or has none.  Runs in SPI. */
bool
lead_email(Datum workspace, const pg_uuid_t *lead_id, LeadString *email)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lead_id)};
	text	   *value;
	bool		isnull;

	if (statement_execute(&find_email, parameters, NULL) == 0)
		return false;
	value = DatumGetTextPP(statement_value(0, 1, &isnull));
	*email = (LeadString) {VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)};
	return true;
}

/* Applies a patch to the lead with an address; false if there is none. */
static bool
update_one(Datum workspace, const LeadString *email, const LeadPatch *patch)
{
	Datum		parameters[] = {workspace,
	PointerGetDatum(cstring_to_text_with_len(email->data, email->length))};
	LeadChange	lead = {.email = *email, .patch = patch};
	Datum		values[1 + LEAD_FIELDS];
	bool		nulls[1 + LEAD_FIELDS];

	if (statement_execute(&find_lead, parameters, NULL) == 0)
		return false;
	statement_row(0, values, nulls);
	if (!lead_differs(patch, values + 1, nulls + 1))
		return true;
	lead.lead_id = *DatumGetUUIDP(values[0]);
	/* Where it is deleted meanwhile, it was changed before. */
	lead_update(workspace, &lead, 1);
	return true;
}

/* SQL: lt_update_lead(email, patch) */
Datum
lt_update_lead(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("leads:update");
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

	statement_connect();
	if (!update_one(workspace, &email, &patch))
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%.*s\" does not exist", email.length, email.data);
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_lead(lead_id) */
Datum
lt_delete_lead(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {context_enter("leads:delete")};

	error_if_null(0, "lead_id");
	values[1] = PG_GETARG_DATUM(0);
	statement_connect();
	if (statement_execute(&delete_lead, values, NULL) == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead \"%s\" does not exist",
					error_uuid(values[1]));
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_leads(emails) */
Datum
lt_delete_leads(PG_FUNCTION_ARGS)
{
	Datum		values[2] = {context_enter("leads:delete")};
	uint64		deleted;

	error_if_null(0, "emails");
	values[1] = lead_normalize_emails(PG_GETARG_ARRAYTYPE_P(0));
	statement_connect();
	deleted = statement_execute(&delete_leads, values, NULL);
	statement_finish();
	PG_RETURN_INT32((int32) deleted);
}
