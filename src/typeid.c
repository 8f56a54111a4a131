/*
 * typeid.c
 *		UUIDs as people see them: a prefix that says of what, and 26 characters.
 *
 * The TypeID specification, version 0.3: the suffix is the UUID in Crockford's
 * base 32, in lower case, most significant bits first, behind two zero bits.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "compat.h"
#include "error.h"
#include "json.h"
#include "typeid.h"

PG_FUNCTION_INFO_V1(lt_typeid);
PG_FUNCTION_INFO_V1(lt_from_typeid);

#define PREFIX_MAX 63

static const char alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

/* Says whether a prefix is one: letters and, between them, underscores. */
static bool
is_prefix(const char *prefix, int length)
{
	if (length > PREFIX_MAX)
		return false;
	for (int i = 0; i < length; i++)
	{
		bool		is_letter = prefix[i] >= 'a' && prefix[i] <= 'z';

		if (!is_letter && (prefix[i] != '_' || i == 0 || i == length - 1))
			return false;
	}
	return true;
}

/* Returns five bits of a UUID, counted from the end of its suffix. */
static int
read_bits(const pg_uuid_t *uuid, int place)
{
	int			bits = 0;

	for (int bit = place * 5 + 4; bit >= place * 5; bit--)
	{
		int			byte = UUID_LEN - 1 - bit / 8;

		bits = bits << 1 | (byte >= 0 && uuid->data[byte] >> bit % 8 & 1);
	}
	return bits;
}

/* Writes a UUID in digits, the most significant first. */
void
typeid_write(const pg_uuid_t *uuid, char digits[TYPEID_DIGITS])
{
	for (int i = 0; i < TYPEID_DIGITS; i++)
		digits[i] = alphabet[read_bits(uuid, TYPEID_DIGITS - 1 - i)];
}

/* SQL: lt_typeid(prefix, id) */
Datum
lt_typeid(PG_FUNCTION_ARGS)
{
	text	   *prefix = PG_GETARG_TEXT_PP(0);
	int			length = VARSIZE_ANY_EXHDR(prefix);
	const pg_uuid_t *uuid = PG_GETARG_UUID_P(1);
	text	   *result;
	char	   *suffix;

	if (!is_prefix(VARDATA_ANY(prefix), length))
		error_raise(ERROR_INVALID_REQUEST,
					"prefix \"%s\" must be at most %d lower-case letters, "
					"and underscores between them",
					text_to_cstring(prefix), PREFIX_MAX);
	result = palloc(VARHDRSZ + length + 1 + TYPEID_DIGITS);
	suffix = VARDATA(result);
	memcpy(suffix, VARDATA_ANY(prefix), length);
	suffix += length;
	if (length > 0)
		*suffix++ = '_';
	typeid_write(uuid, suffix);
	SET_VARSIZE(result, VARHDRSZ + (suffix - VARDATA(result)) + TYPEID_DIGITS);
	PG_RETURN_TEXT_P(result);
}

/* Reads a UUID in digits; false if they are none that typeid_write() makes. */
bool
typeid_read(const char digits[TYPEID_DIGITS], pg_uuid_t *uuid)
{
	memset(uuid, 0, sizeof(*uuid));
	for (int i = 0; i < TYPEID_DIGITS; i++)
	{
		const char *digit = memchr(alphabet, digits[i], 32);

		/* 128 bits leave three for the first digit. */
		if (digit == NULL || (i == 0 && digit - alphabet > 7))
			return false;
		for (int j = 0; j < 5; j++)
		{
			int			bit = (TYPEID_DIGITS - 1 - i) * 5 + j;

			if ((digit - alphabet) >> j & 1)
				uuid->data[UUID_LEN - 1 - bit / 8] |= 1 << bit % 8;
		}
	}
	return true;
}

/* SQL: lt_from_typeid(id) */
Datum
lt_from_typeid(PG_FUNCTION_ARGS)
{
	text	   *id = PG_GETARG_TEXT_PP(0);
	const char *data = VARDATA_ANY(id);
	int			length = VARSIZE_ANY_EXHDR(id);
	int			prefix = length - TYPEID_DIGITS;
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	JsonbValue	plain = {.type = jbvString};

	plain.val.string.val = unconstify(char *, data);
	plain.val.string.len = length;
	if (json_uuid(&plain, uuid) == JSON_OK)
		PG_RETURN_UUID_P(uuid);
	if (prefix >= 0 && typeid_read(data + prefix, uuid) &&
		(prefix == 0 || (prefix > 1 && data[prefix - 1] == '_' && is_prefix(data, prefix - 1))))
		PG_RETURN_UUID_P(uuid);
	error_raise(ERROR_INVALID_REQUEST, "\"%s\" is neither a TypeID nor a UUID",
				text_to_cstring(id));
}
