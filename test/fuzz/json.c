/*
 * json.c
 *		Fuzz target: readers of jsonb, against what the server says of it.
 *
 * An input is one JSON text, or two, which are compared.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"
#include "utils/uuid.h"

#include "error.h"
#include "fuzz.h"
#include "json.h"

/* Digits that json_text_size() lets a number have behind the point, and before it. */
#define SCALE_MAX 400
#define DIGITS_MAX 308

/* Numbers without a fraction, of 32 bits, are integers, and no others. */
static void
check_integer(const JsonbValue *value)
{
	Datum		number = NumericGetDatum(value->val.numeric);
	Datum		whole = DirectFunctionCall2(numeric_trunc, number, Int32GetDatum(0));
	bool		is_whole = DatumGetBool(DirectFunctionCall2(numeric_eq, whole, number));
	int32		integer = 0;
	JsonResult	result = json_integer(value, &integer);
	Datum		expected;

	if (!is_whole)
		FUZZ_CHECK(result == JSON_WRONG_TYPE);
	else if (fuzz_call(numeric_int4, number, (Datum) 0, &expected))
		FUZZ_CHECK(result == JSON_OK && integer == DatumGetInt32(expected));
	else
		FUZZ_CHECK(result == JSON_INVALID);
}

/* Strings that are UUIDs are those that uuid_in() reads, in the one form of them. */
static void
check_uuid(const JsonbValue *value)
{
	pg_uuid_t	uuid;
	char	   *text = pnstrdup(value->val.string.val, value->val.string.len);
	Datum		expected;
	bool		is_uuid = fuzz_call(uuid_in, CStringGetDatum(text), (Datum) 0, &expected);

	if (json_uuid(value, &uuid) == JSON_OK)
		FUZZ_CHECK(is_uuid && memcmp(&uuid, DatumGetUUIDP(expected), UUID_LEN) == 0);
	else if (is_uuid)
		FUZZ_CHECK(pg_strcasecmp(error_uuid(expected), text) != 0);
}

/* Says whether a double could hold each number of a value. */
static bool
fits_double(const JsonbValue *value)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	part;

	if (value->type == jbvNumeric)
	{
		Datum		number = NumericGetDatum(value->val.numeric);
		Datum		text = DirectFunctionCall1(numeric_out, number);
		Datum		ignored;

		return fuzz_call(float8in, text, (Datum) 0, &ignored) &&
			DatumGetInt32(DirectFunctionCall1(numeric_scale, number)) <= SCALE_MAX;
	}
	if (value->type != jbvBinary)
		return true;
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, true)) != WJB_DONE)
	{
		if ((token == WJB_VALUE || token == WJB_ELEM) && !fits_double(&part))
			return false;
	}
	return true;
}

/*
 * The size of a value's text is not less than it takes, and there is one unless
 * there is a number that no double could hold, or only one above 1e308.
 */
static void
check_size(JsonbValue *value)
{
	Size		size = 0;

	if (json_text_size(value, &size))
		FUZZ_CHECK(strlen(fuzz_jsonb_text(value)) <= size);
	else
		FUZZ_CHECK(!fits_double(value) || strlen(fuzz_jsonb_text(value)) > DIGITS_MAX);
}

static void check_value(JsonbValue *value);

/* Members come once each, in order, and are found by their key. */
static void
check_object(JsonbContainer *object)
{
	JsonbIterator *iterator = json_iterate(object);
	JsonbValue	last;
	JsonbValue	key;
	JsonbValue	value;
	JsonbValue	found;
	int			count = 0;

	while (json_next_pair(&iterator, &key, &value))
	{
		char	   *name = pnstrdup(key.val.string.val, key.val.string.len);

		FUZZ_CHECK(count == 0 || json_compare_keys(&last, &key) < 0);
		FUZZ_CHECK(count == 0 || json_compare_keys(&key, &last) > 0);
		FUZZ_CHECK(json_compare_keys(&key, &key) == 0);
		FUZZ_CHECK(getKeyJsonValueFromContainer(object, name, strlen(name), &found) != NULL);
		FUZZ_CHECK(json_values_equal(&found, &value));
		FUZZ_CHECK(json_member_array(object, name) == json_container(&value, false));
		check_value(&value);
		last = key;
		count++;
	}
	FUZZ_CHECK(iterator == NULL && count == JsonContainerSize(object));
}

static void
check_array(JsonbContainer *array)
{
	JsonbIterator *iterator = json_iterate(array);
	JsonbValue	element;
	int			count = 0;

	while (json_next_element(&iterator, &element))
	{
		check_value(&element);
		count++;
	}
	FUZZ_CHECK(iterator == NULL && count == JsonContainerSize(array));
}

/* Checks a value and all that is in it. */
static void
check_value(JsonbValue *value)
{
	JsonbContainer *object = json_container(value, true);
	JsonbContainer *array = json_container(value, false);
	pg_uuid_t	uuid;
	int32		integer;

	FUZZ_CHECK(object == NULL || array == NULL);
	FUZZ_CHECK((object != NULL || array != NULL) == (value->type == jbvBinary));
	FUZZ_CHECK(json_values_equal(value, value));
	check_size(value);
	if (value->type == jbvNumeric)
		check_integer(value);
	else
		FUZZ_CHECK(json_integer(value, &integer) == JSON_WRONG_TYPE);
	if (value->type == jbvString)
		check_uuid(value);
	else
		FUZZ_CHECK(json_uuid(value, &uuid) == JSON_WRONG_TYPE);
	if (object)
		check_object(object);
	if (array)
		check_array(array);
}

/* Reads a text as a member of an object, so that a scalar is a value as any other. */
static bool
read_value(LeadString text, JsonbValue *value)
{
	char	   *whole = psprintf("{\"\": %.*s}", text.length, text.data);
	Jsonb	   *jsonb = fuzz_jsonb((LeadString) {whole, strlen(whole)});

	return jsonb != NULL && getKeyJsonValueFromContainer(&jsonb->root, "", 0, value) != NULL;
}

void
fuzz_json(const char *data, int length)
{
	const char *end = data + length;
	LeadString	text = fuzz_next_part(&data, end);
	Jsonb	   *jsonb = fuzz_jsonb(text);
	JsonbValue	value;
	JsonbValue	other;

	if (jsonb == NULL || !read_value(text, &value))
		return;
	FUZZ_CHECK((json_array(&jsonb->root) != NULL) == (json_container(&value, false) != NULL));
	check_value(&value);
	if (read_value(fuzz_next_part(&data, end), &other))
	{
		bool		equal = json_values_equal(&value, &other);

		FUZZ_CHECK(equal == (strcmp(fuzz_jsonb_text(&value), fuzz_jsonb_text(&other)) == 0));
		FUZZ_CHECK(equal == json_values_equal(&other, &value));
	}
}
