/*
 * lead_field.c
 *		The fields of a lead, and what their types have of their own.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "character.h"
#include "compat.h"
#include "email.h"
#include "error.h"
#include "lead_field.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_is_verification_status);
PG_FUNCTION_INFO_V1(lt_lead_fields);

/* Columns of leadterra.lead_fields(). */
#define FIELD_COLUMNS 4

static JsonResult
read_string(const JsonbValue *json, LeadValue *value)
{
	if (json->type != jbvString)
		return JSON_WRONG_TYPE;
	value->string = (LeadString) {json->val.string.val, json->val.string.len};
	return JSON_OK;
}

/* Compares with the string of a row, which may be compressed or elsewhere. */
static bool
string_equals(const LeadValue *value, Datum column)
{
	text	   *old;
	bool		equal;

	if (toast_raw_datum_size(column) - VARHDRSZ != (Size) value->string.length)
		return false;
	old = DatumGetTextPP(column);
	equal = memcmp(value->string.data, VARDATA_ANY(old), value->string.length) == 0;
	if (old != (text *) DatumGetPointer(column))
		pfree(old);
	return equal;
}

static Datum
string_to_column(const LeadValue *value)
{
	return lead_text(&value->string);
}

static LeadString
print_string(Datum column)
{
	text	   *string = DatumGetTextPP(column);

	return (LeadString) {VARDATA_ANY(string), VARSIZE_ANY_EXHDR(string)};
}

static JsonResult
read_integer(const JsonbValue *json, LeadValue *value)
{
	return json_integer(json, &value->integer);
}

static bool
integer_equals(const LeadValue *value, Datum column)
{
	return DatumGetInt32(column) == value->integer;
}

static Datum
integer_to_column(const LeadValue *value)
{
	return Int32GetDatum(value->integer);
}

static LeadString
print_integer(Datum column)
{
	char	   *digits = DatumGetCString(DirectFunctionCall1(int4out, column));

	return (LeadString) {digits, strlen(digits)};
}

static JsonResult
read_uuid(const JsonbValue *json, LeadValue *value)
{
	return json_uuid(json, &value->uuid);
}

static bool
uuid_equals(const LeadValue *value, Datum column)
{
	return memcmp(DatumGetUUIDP(column), &value->uuid, UUID_LEN) == 0;
}

static Datum
uuid_to_column(const LeadValue *value)
{
	return UUIDPGetDatum(&value->uuid);
}

static LeadString
print_uuid(Datum column)
{
	char	   *digits = DatumGetCString(DirectFunctionCall1(uuid_out, column));

	return (LeadString) {digits, strlen(digits)};
}

/* Says whether a number is a verdict on an address, or that one is being waited for. */
static bool
is_verification_status(int32 status)
{
	static const int32 known[] = {1, 11, 12, -1, -2, -3, -4};

	for (size_t i = 0; i < lengthof(known); i++)
	{
		if (status == known[i])
			return true;
	}
	return false;
}

static JsonResult
read_verdict(const JsonbValue *json, LeadValue *value)
{
	JsonResult	result = json_integer(json, &value->integer);

	return result == JSON_OK && !is_verification_status(value->integer) ? JSON_INVALID : result;
}

static const LeadType string_type = {
	"a string", TEXTOID, false, read_string, string_equals, string_to_column, print_string
};

static const LeadType integer_type = {
	"an integer of 32 bits", INT4OID, true, read_integer, integer_equals, integer_to_column,
	print_integer
};

static const LeadType uuid_type = {
	"a UUID", UUIDOID, false, read_uuid, uuid_equals, uuid_to_column, print_uuid
};

static const LeadType verdict_type = {
	"a verification status", INT4OID, true, read_verdict, integer_equals, integer_to_column,
	print_integer
};

#define TYPE_STRING string_type
#define TYPE_INTEGER integer_type
#define TYPE_UUID uuid_type
#define TYPE_VERDICT verdict_type

#define FIELD_INFO(id, column, type, name, alias, closed_use) \
	[LEAD_##id] = {column, &TYPE_##type, {name, sizeof(name) - 1}, {alias, sizeof(alias) - 1}, \
		LEAD_##closed_use},

const LeadFieldInfo lead_fields[LEAD_CUSTOM] = {
	LEAD_FIELD_LIST(FIELD_INFO)
};

/* SQL: leadterra.is_verification_status(status) */
Datum
lt_is_verification_status(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_verification_status(PG_GETARG_INT32(0)));
}

/* SQL: leadterra.lead_fields() */
Datum
lt_lead_fields(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = statement_begin_rows(fcinfo, FIELD_COLUMNS);

	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		const LeadFieldInfo *field = &lead_fields[i];
		Datum		values[FIELD_COLUMNS] = {CStringGetTextDatum(field->column),
			ObjectIdGetDatum(field->type->column_type),
			CStringGetTextDatum(field->name.data), CStringGetTextDatum(field->alias.data)};
		bool		nulls[FIELD_COLUMNS] = {false};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Makes a text of a string. */
Datum
lead_text(const LeadString *string)
{
	return PointerGetDatum(cstring_to_text_with_len(string->data, string->length));
}

/* Orders strings as collation "C" does. */
int
lead_compare(const void *left, const void *right)
{
	const LeadString *a = left;
	const LeadString *b = right;
	int			order = memcmp(a->data, b->data, Min(a->length, b->length));

	return order != 0 ? order : a->length - b->length;
}

/* Says whether a value has nothing to read. */
bool
lead_is_blank(const LeadString *value)
{
	return character_is_blank(value->data, value->length);
}

/* Says whether a name that was given is another. */
bool
lead_name_is(const char *given, int length, const char *name)
{
	return (int) strlen(name) == length && memcmp(name, given, length) == 0;
}

/* Returns the standard field that has a name, LEAD_CUSTOM if none. */
LeadField
lead_find_field(const char *name, int length, bool *is_alias)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		const LeadFieldInfo *field = &lead_fields[i];

		*is_alias = false;
		if (length == field->name.length && memcmp(name, field->name.data, length) == 0)
			return i;
		*is_alias = true;
		if (length == field->alias.length && memcmp(name, field->alias.data, length) == 0)
			return i;
	}
	return LEAD_CUSTOM;
}

/* Returns an address in normal form. */
LeadString
lead_normalize_email(const char *email, int length)
{
	size_t		normal_length;
	char	   *normal = email_normalize(email, length, &normal_length);

	return (LeadString) {normal, normal_length};
}
