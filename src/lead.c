/*
 * lead.c
 *		The table of leads.
 *
 * Rows go to SQL as one array of records, which takes less than an array a column.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "error.h"
#include "lead.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_absorb_lead);

/* A record of a change: the lead, LEAD_COLUMNS, and of each field whether it is given. */
#define CHANGE_FIELD(id, column, type, ...) ", " column " " LEAD_SQL_##type
#define CHANGE_GIVEN(id, column, ...) ", given_" column " boolean"
#define CHANGES(parameter) \
	"unnest(" parameter ") AS u (lead_id uuid, email text" \
	LEAD_FIELD_LIST(CHANGE_FIELD) ", custom jsonb" LEAD_FIELD_LIST(CHANGE_GIVEN) ")"

enum
{
	CHANGE_LEAD_ID,
	CHANGE_EMAIL,
	CHANGE_FIELDS,
	CHANGE_GIVENS = CHANGE_FIELDS + LEAD_FIELDS,
	CHANGE_COLUMNS = CHANGE_GIVENS + LEAD_CUSTOM
};

#define CHANGE_COLUMN(id, column, ...) "u." column ", "

/*
 * Addresses that another session makes at the same time are left out, not
 * updated: ON CONFLICT DO UPDATE after a look-up deadlocks, DO NOTHING in the
 * order of addresses does not.
 */
static Statement insert_leads = STATEMENT(
	"INSERT INTO leadterra.leads (workspace_id, lead_id, email, " LEAD_COLUMNS ")"
	" SELECT $1, u.lead_id, u.email, " LEAD_FIELD_LIST(CHANGE_COLUMN) "coalesce(u.custom, '{}')"
	" FROM " CHANGES("$2")
	" ON CONFLICT (workspace_id, email) DO NOTHING",
	SPI_OK_INSERT, UUIDOID, RECORDARRAYOID);

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
#define PATCHED(id, column, ...) \
	column " = CASE WHEN u.given_" column " THEN u." column \
	" ELSE coalesce(l." column ", u." column ") END, "

#define UPDATE_LEADS \
	"UPDATE leadterra.leads l SET " LEAD_FIELD_LIST(PATCHED) \
	"custom = CASE WHEN u.custom IS NULL THEN l.custom" \
	" ELSE leadterra.merge_custom(l.custom, u.custom) END," \
	" updated_at = now()" \
	" FROM " CHANGES("$2")

static Statement update_leads = STATEMENT(
	UPDATE_LEADS
	" WHERE l.workspace_id = $1 AND l.email = u.email"
	" AND l.lead_id IS NOT DISTINCT FROM u.lead_id AND uuid_cmp(u.lead_id, u.lead_id) = 0",
	SPI_OK_UPDATE, UUIDOID, RECORDARRAYOID);

/* One lead, which may have no address. */
static Statement update_lead = STATEMENT(
	UPDATE_LEADS
	" WHERE l.workspace_id = $1 AND l.lead_id = $3",
	SPI_OK_UPDATE, UUIDOID, RECORDARRAYOID, UUIDOID);

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

static Statement lock_leads = STATEMENT(
	LOCK_LEADS("NO KEY UPDATE"), SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

static Statement keep_leads = STATEMENT(
	LOCK_LEADS("KEY SHARE"), SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

static Statement find_lead = STATEMENT(
	"SELECT lead_id, " LEAD_COLUMNS
	" FROM leadterra.leads"
	" WHERE workspace_id = $1 AND email = $2",
	SPI_OK_SELECT, UUIDOID, TEXTOID);

static Statement find_lead_by_id = STATEMENT(
	"SELECT lead_id, " LEAD_COLUMNS
	" FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement keep_lead = STATEMENT(
	"SELECT email FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2"
	" FOR KEY SHARE",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement find_email = STATEMENT(
	"SELECT email FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2 AND email IS NOT NULL",
	SPI_OK_SELECT, UUIDOID, UUIDOID);

static Statement delete_lead = STATEMENT(
	"DELETE FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id = $2",
	SPI_OK_DELETE, UUIDOID, UUIDOID);

/* In the order of addresses, looked up one by one and joined by their keys alone: see list.c. */
static Statement delete_leads = STATEMENT(
	"WITH doomed AS ("
	" SELECT l.workspace_id, l.lead_id"
	" FROM (SELECT DISTINCT email COLLATE \"C\" AS email"
	" FROM unnest($2) AS u (email) ORDER BY email) u"
	" CROSS JOIN LATERAL ("
	" SELECT l.workspace_id, l.lead_id FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.email = u.email"
	" FOR UPDATE) l)"
	" DELETE FROM leadterra.leads l"
	" USING doomed d"
	" WHERE l.workspace_id = d.workspace_id AND l.lead_id = d.lead_id",
	SPI_OK_DELETE, UUIDOID, TEXTARRAYOID);

/*
 * What a lead takes of another that becomes part of it, by type: what it has not, and
 * with the address the verdict on it.
 */
#define ABSORBED_STRING(column) "leadterra.not_blank(l." column ", s." column ")"
#define ABSORBED_INTEGER(column) "coalesce(l." column ", s." column ")"
#define ABSORBED_UUID(column) ABSORBED_INTEGER(column)
#define ABSORBED_VERDICT(column) "CASE WHEN l.email IS NULL THEN s." column " ELSE l." column " END"
#define ABSORBED(id, column, type, ...) column " = " ABSORBED_##type(column) ", "

static Statement absorb_fields = STATEMENT(
	"UPDATE leadterra.leads l SET " LEAD_FIELD_LIST(ABSORBED)
	"custom = leadterra.merge_custom(s.custom, ("
	" SELECT coalesce(jsonb_object_agg(c.key, c.value), '{}')"
	" FROM jsonb_each(l.custom) AS c (key, value)"
	" WHERE NOT s.custom ? c.key OR leadterra.not_blank(c.value #>> '{}', '') <> '')),"
	" updated_at = now()"
	" FROM leadterra.leads s"
	" WHERE s.workspace_id = $1 AND s.lead_id = $2 AND l.workspace_id = $1 AND l.lead_id = $3"
	" RETURNING CASE WHEN l.email IS NULL THEN s.email END",
	SPI_OK_UPDATE_RETURNING, UUIDOID, UUIDOID, UUIDOID);

static Statement absorb_email = STATEMENT(
	"UPDATE leadterra.leads SET email = $2"
	" WHERE workspace_id = $1 AND lead_id = $3",
	SPI_OK_UPDATE, UUIDOID, TEXTOID, UUIDOID);

/* Makes a text[] of addresses. */
Datum
lead_emails(const LeadString *emails, int count)
{
	Datum	   *values = palloc(sizeof(Datum) * count);
	bool		isnull;

	for (int i = 0; i < count; i++)
		values[i] = lead_text(&emails[i]);
	return statement_array(values, NULL, count, TEXTOID, &isnull);
}

/* Returns what records of changes are, which stays as it is in this session. */
static TupleDesc
change_columns(void)
{
	static TupleDesc columns = NULL;
	MemoryContext caller_context;
	TupleDesc	made;

	if (columns)
		return columns;
	caller_context = MemoryContextSwitchTo(TopMemoryContext);
	made = CreateTemplateTupleDesc(CHANGE_COLUMNS);
	TupleDescInitEntry(made, CHANGE_LEAD_ID + 1, NULL, UUIDOID, -1, 0);
	TupleDescInitEntry(made, CHANGE_EMAIL + 1, NULL, TEXTOID, -1, 0);
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		TupleDescInitEntry(made, CHANGE_FIELDS + i + 1, NULL,
						   lead_fields[i].type->column_type, -1, 0);
		TupleDescInitEntry(made, CHANGE_GIVENS + i + 1, NULL, BOOLOID, -1, 0);
	}
	TupleDescInitEntry(made, CHANGE_FIELDS + LEAD_CUSTOM + 1, NULL, JSONBOID, -1, 0);
	MemoryContextSwitchTo(caller_context);
	return columns = BlessTupleDesc(made);
}

/*
 * Makes the array of changes that a statement reads.  Custom fields are an object,
 * with null for those that are to be removed where the leads exist.
 */
static Datum
change_array(const LeadChange *leads, int count, bool exist)
{
	Datum	   *records = palloc(sizeof(Datum) * count);
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		const LeadString *email = &leads[i].email;
		Datum		values[CHANGE_COLUMNS];
		bool		nulls[CHANGE_COLUMNS] = {false};

		values[CHANGE_LEAD_ID] = UUIDPGetDatum(&leads[i].lead_id);
		nulls[CHANGE_EMAIL] = email->data == NULL;
		if (!nulls[CHANGE_EMAIL])
			values[CHANGE_EMAIL] = lead_text(email);
		lead_columns(leads[i].patch, exist, values + CHANGE_FIELDS, nulls + CHANGE_FIELDS);
		for (int field = 0; field < LEAD_CUSTOM; field++)
			values[CHANGE_GIVENS + field] = BoolGetDatum(lead_is_given(leads[i].patch, field));
		records[i] = HeapTupleGetDatum(heap_form_tuple(change_columns(), values, nulls));
	}
	return statement_array(records, NULL, count, RECORDOID, &isnull);
}

/*
 * Inserts leads, given in the order of their addresses, and returns how many
 * went in: the others have the address of a lead that is there.
 */
uint64
lead_insert(Datum workspace, const LeadChange *leads, int count)
{
	Datum		parameters[] = {workspace, change_array(leads, count, false)};

	return statement_execute(&insert_leads, parameters, NULL);
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
	Datum		parameters[2] = {workspace};

	if (count > 1 && !statement_follows_rows(&update_leads))
		return update_one_by_one(workspace, leads, count);
	parameters[1] = change_array(leads, count, true);
	return statement_execute(&update_leads, parameters, NULL);
}

/*
 * Keeps the leads with these addresses, given in order, from being deleted.  Returns
 * how many there are; the result has the place of the address, from 1, the id and
 * LEAD_COLUMNS of each.
 */
uint64
lead_keep(Datum workspace, const LeadString *emails, int count)
{
	Datum		values[] = {workspace, lead_emails(emails, count)};

	return statement_execute(&keep_leads, values, NULL);
}

/* Locks them against changes, with the same result. */
uint64
lead_lock(Datum workspace, const LeadString *emails, int count)
{
	Datum		values[] = {workspace, lead_emails(emails, count)};

	return statement_execute(&lock_leads, values, NULL);
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

/*
 * Reads the address of a lead by a statement, without data where it has none; false if
 * the lead is not found.
 */
static bool
read_email(Statement *statement, Datum workspace, const pg_uuid_t *lead_id, LeadString *email)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lead_id)};
	Datum		value;
	bool		isnull;

	*email = (LeadString) {NULL, 0};
	if (statement_execute(statement, parameters, NULL) == 0)
		return false;
	value = statement_value(0, 1, &isnull);
	if (!isnull)
	{
		text	   *address = DatumGetTextPP(value);

		*email = (LeadString) {VARDATA_ANY(address), VARSIZE_ANY_EXHDR(address)};
	}
	return true;
}

/* Returns the address of a lead; false if it is gone or has none.  Runs in SPI. */
bool
lead_email(Datum workspace, const pg_uuid_t *lead_id, LeadString *email)
{
	return read_email(&find_email, workspace, lead_id, email);
}

/*
 * Keeps a lead from being deleted, and returns its address, without data where it has
 * none; false if it is gone.  Runs in SPI.
 */
bool
lead_keep_one(Datum workspace, const pg_uuid_t *lead_id, LeadString *email)
{
	return read_email(&keep_lead, workspace, lead_id, email);
}

/* Applies a patch to the lead that a statement finds by a key; false if there is none. */
static bool
update_found(Statement *find, Datum workspace, Datum key, const LeadPatch *patch)
{
	Datum		parameters[3] = {workspace, key};
	LeadChange	lead = {.patch = patch};
	Datum		values[1 + LEAD_FIELDS];
	bool		nulls[1 + LEAD_FIELDS];

	if (statement_execute(find, parameters, NULL) == 0)
		return false;
	statement_row(0, values, nulls);
	if (!lead_differs(patch, values + 1, nulls + 1))
		return true;
	lead.lead_id = *DatumGetUUIDP(values[0]);
	parameters[1] = change_array(&lead, 1, true);
	parameters[2] = values[0];
	/* Where it is deleted meanwhile, it was changed before. */
	statement_execute(&update_lead, parameters, NULL);
	return true;
}

/* Applies a patch to the lead with an address; false if there is none. */
bool
lead_update_one(Datum workspace, const LeadString *email, const LeadPatch *patch)
{
	return update_found(&find_lead, workspace, lead_text(email), patch);
}

/* Applies a patch to a lead; false if there is none. */
bool
lead_update_by_id(Datum workspace, Datum lead_id, const LeadPatch *patch)
{
	return update_found(&find_lead_by_id, workspace, lead_id, patch);
}

/*
 * Reads the fields of a lead, and returns its address; NULL if it is gone or has none.  Runs
 * in SPI.
 */
text *
lead_read(Datum workspace, const pg_uuid_t *lead_id, Datum *fields, bool *nulls)
{
	Datum		parameters[] = {workspace, UUIDPGetDatum(lead_id)};
	Datum		found[1 + LEAD_FIELDS];
	bool		found_nulls[1 + LEAD_FIELDS];
	LeadString	email;

	if (!lead_email(workspace, lead_id, &email) ||
		statement_execute(&find_lead_by_id, parameters, NULL) == 0)
		return NULL;
	statement_row(0, found, found_nulls);
	memcpy(fields, found + 1, sizeof(Datum) * LEAD_FIELDS);
	memcpy(nulls, found_nulls + 1, sizeof(bool) * LEAD_FIELDS);
	return DatumGetTextPP(lead_text(&email));
}

/* Deletes the lead with an id; false if there is none. */
bool
lead_delete(Datum workspace, Datum lead_id)
{
	Datum		parameters[] = {workspace, lead_id};

	return statement_execute(&delete_lead, parameters, NULL) > 0;
}

/* Deletes the leads with addresses, a text[], and returns how many there were. */
uint64
lead_delete_many(Datum workspace, Datum emails)
{
	Datum		parameters[] = {workspace, emails};

	return statement_execute(&delete_leads, parameters, NULL);
}

/*
 * SQL: leadterra.absorb_lead(workspace, source, heir)
 *
 * The address is unique, so the heir gets it when the other lead is gone.
 */
Datum
lt_absorb_lead(PG_FUNCTION_ARGS)
{
	Datum		parameters[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), PG_GETARG_DATUM(2)};
	Datum		email = (Datum) 0;
	bool		isnull = true;

	statement_connect();
	if (statement_execute(&absorb_fields, parameters, NULL) > 0)
		email = statement_value(0, 1, &isnull);
	lead_delete(parameters[0], parameters[1]);
	if (!isnull)
	{
		parameters[1] = email;
		statement_execute(&absorb_email, parameters, NULL);
	}
	statement_finish();
	PG_RETURN_VOID();
}
