/*
 * typeid.c
 *		Fuzz target: TypeIDs there and back.
 *
 * An input is the 16 bytes of a UUID and a prefix; the prefix, or all of it, is
 * read as a TypeID, too.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/uuid.h"

#include "fuzz.h"

#define SUFFIX_LENGTH 26
#define PREFIX_MAX 63

extern Datum lt_typeid(PG_FUNCTION_ARGS);
extern Datum lt_from_typeid(PG_FUNCTION_ARGS);

/* Says whether a text is a prefix by the specification: ([a-z]([a-z_]{0,61}[a-z])?)? */
static bool
is_prefix(const char *text, int length)
{
	return length <= PREFIX_MAX && (int) strspn(text, "abcdefghijklmnopqrstuvwxyz_") == length &&
		(length == 0 || (text[0] != '_' && text[length - 1] != '_'));
}

static Datum
text_datum(const char *data, int length)
{
	return PointerGetDatum(cstring_to_text_with_len(data, length));
}

/* Reads a text as TypeID or UUID; what it reads has to be written like that. */
static void
check_reading(const char *data, int length)
{
	Datum		uuid;
	Datum		written;
	int			prefix = length - SUFFIX_LENGTH - 1;

	if (!fuzz_call(lt_from_typeid, text_datum(data, length), (Datum) 0, &uuid))
		return;
	if (length == UUID_LEN * 2 + 4 && memchr(data, '-', length) != NULL)
	{
		char	   *text = DatumGetCString(DirectFunctionCall1(uuid_out, uuid));

		FUZZ_CHECK(pg_strncasecmp(text, data, length) == 0);
		return;
	}
	FUZZ_CHECK(fuzz_call(lt_typeid, text_datum(data, Max(prefix, 0)), uuid, &written));
	FUZZ_CHECK(VARSIZE_ANY_EXHDR(DatumGetTextPP(written)) == length);
	FUZZ_CHECK(memcmp(VARDATA_ANY(DatumGetTextPP(written)), data, length) == 0);
}

void
fuzz_typeid(const char *data, int length)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));
	char	   *prefix;
	int			prefix_length = length - UUID_LEN;
	Datum		id;
	Datum		back;

	/* No text has a zero byte. */
	if (memchr(data, '\0', length) == NULL)
		check_reading(data, length);
	if (prefix_length < 0 || memchr(data + UUID_LEN, '\0', prefix_length) != NULL)
		return;
	memcpy(uuid->data, data, UUID_LEN);
	prefix = pnstrdup(data + UUID_LEN, prefix_length);
	if (!fuzz_call(lt_typeid, text_datum(prefix, prefix_length), PointerGetDatum(uuid), &id))
	{
		FUZZ_CHECK(!is_prefix(prefix, prefix_length));
		return;
	}
	FUZZ_CHECK(is_prefix(prefix, prefix_length));
	FUZZ_CHECK(VARSIZE_ANY_EXHDR(DatumGetTextPP(id)) ==
			   prefix_length + (prefix_length > 0) + SUFFIX_LENGTH);
	FUZZ_CHECK(fuzz_call(lt_from_typeid, id, (Datum) 0, &back));
	FUZZ_CHECK(memcmp(DatumGetUUIDP(back), uuid, UUID_LEN) == 0);
}
