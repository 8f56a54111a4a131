/*
 * json.c
 *		Typed readers over jsonb containers.
 *
 * Strings and nested containers that these functions return point into the
 * jsonb that is read; nothing is copied.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "compat.h"
#include "json.h"

/* Returns the container of an object, or array, value; NULL for others. */
JsonbContainer *
json_container(const JsonbValue *value, bool object)
{
	JsonbContainer *container;

	if (value->type != jbvBinary)
		return NULL;
	container = value->val.binary.data;
	if (object ? !JsonContainerIsObject(container) :
		!JsonContainerIsArray(container) || JsonContainerIsScalar(container))
		return NULL;
	return container;
}

/* Returns the array that a whole document is; NULL for another one. */
JsonbContainer *
json_array(JsonbContainer *root)
{
	return JsonContainerIsArray(root) && !JsonContainerIsScalar(root) ? root : NULL;
}

/* Returns the array that an object has under a key; NULL if it has none. */
JsonbContainer *
json_member_array(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	if (getKeyJsonValueFromContainer(object, key, strlen(key), &value) == NULL)
		return NULL;
	return json_container(&value, false);
}

/* Starts to read an array or object; the json_next_ functions go on. */
JsonbIterator *
json_iterate(JsonbContainer *container)
{
	JsonbIterator *iterator = JsonbIteratorInit(container);
	JsonbValue	whole;

	(void) JsonbIteratorNext(&iterator, &whole, true);
	return iterator;
}

/* Reads the next element of an array; false, and the iterator freed, at its end. */
bool
json_next_element(JsonbIterator **iterator, JsonbValue *element)
{
	return JsonbIteratorNext(iterator, element, true) == WJB_ELEM;
}

/* Reads the next pair of an object; false, and the iterator freed, at its end. */
bool
json_next_pair(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value)
{
	if (JsonbIteratorNext(iterator, key, true) != WJB_KEY)
		return false;
	(void) JsonbIteratorNext(iterator, value, true);
	return true;
}

/* Orders keys as jsonb does: by length, then by bytes. */
int
json_compare_keys(const JsonbValue *a, const JsonbValue *b)
{
	if (a->val.string.len != b->val.string.len)
		return a->val.string.len < b->val.string.len ? -1 : 1;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

/* Reads a number without a fraction (1.0 has none) as an integer. */
JsonResult
json_integer(const JsonbValue *value, int32 *result)
{
	char	   *digits;
	char	   *end;
	long long	number;

	if (value->type != jbvNumeric)
		return JSON_WRONG_TYPE;

	digits = numeric_normalize(value->val.numeric);
	errno = 0;
	number = strtoll(digits, &end, 10);
	if (*end != '\0')
		return JSON_WRONG_TYPE;
	if (errno != 0 || number < PG_INT32_MIN || number > PG_INT32_MAX)
		return JSON_INVALID;
	*result = (int32) number;
	return JSON_OK;
}

/* Returns the value of a hexadecimal digit, -1 for another character. */
int
json_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/*
 * Reads a string of digits in a form such as 00:00, in which each 0 stands for one.
 * Returns the numbers between what stands there else; false for a string of another form.
 */
bool
json_digits(const JsonbValue *value, const char *form, int *numbers)
{
	if (value->val.string.len != (int) strlen(form))
		return false;
	*numbers = 0;
	for (int i = 0; form[i] != '\0'; i++)
	{
		char		c = value->val.string.val[i];

		if (form[i] != '0')
		{
			if (c != form[i])
				return false;
			*++numbers = 0;
		}
		else if (c < '0' || c > '9')
			return false;
		else
			*numbers = *numbers * 10 + c - '0';
	}
	return true;
}

/* Reads a string of the form YYYY-MM-DD as a date; false if it is none. */
bool
json_date(const JsonbValue *value, DateADT *date)
{
	int			part[3];		/* year, month, day */

	if (!json_digits(value, "0000-00-00", part) ||
		part[0] < 1 || part[1] < 1 || part[1] > MONTHS_PER_YEAR ||
		part[2] < 1 || part[2] > day_tab[isleap(part[0])][part[1] - 1])
		return false;
	*date = date2j(part[0], part[1], part[2]) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* Reads a string as a UUID in its standard form (RFC 9562, section 4). */
JsonResult
json_uuid(const JsonbValue *value, pg_uuid_t *result)
{
	const char *text = value->val.string.val;

	if (value->type != jbvString)
		return JSON_WRONG_TYPE;
	if (value->val.string.len != 36)
		return JSON_INVALID;

	for (int i = 0, byte = 0; i < 36;)
	{
		int			high;
		int			low;

		if (i == 8 || i == 13 || i == 18 || i == 23)
		{
			if (text[i++] != '-')
				return JSON_INVALID;
			continue;
		}
		high = json_hex_digit(text[i]);
		low = json_hex_digit(text[i + 1]);
		if (high < 0 || low < 0)
			return JSON_INVALID;
		result->data[byte++] = high << 4 | low;
		i += 2;
	}
	return JSON_OK;
}

/*
 * Says whether two values are written alike: unlike the operator for jsonb,
 * 1.0 differs from 1, because a message shows a number as it was given.
 */
bool
json_values_equal(const JsonbValue *a, const JsonbValue *b)
{
	if (a->type != b->type)
		return false;
	switch (a->type)
	{
		case jbvNull:
			return true;
		case jbvBool:
			return a->val.boolean == b->val.boolean;
		case jbvString:
			return a->val.string.len == b->val.string.len &&
				memcmp(a->val.string.val, b->val.string.val, a->val.string.len) == 0;
		case jbvNumeric:
			return VARSIZE_ANY(a->val.numeric) == VARSIZE_ANY(b->val.numeric) &&
				memcmp(a->val.numeric, b->val.numeric, VARSIZE_ANY(a->val.numeric)) == 0;
		case jbvBinary:
			return a->val.binary.len == b->val.binary.len &&
				memcmp(a->val.binary.data, b->val.binary.data, a->val.binary.len) == 0;
		default:
			elog(ERROR, "unexpected jsonb value type %d", (int) a->type);
	}
}

/* Digits before the point at most, and behind it: those of the greatest and smallest doubles. */
#define DIGITS_MAX 308
#define SCALE_MAX 400

/* Makes a number that is kept until the session ends. */
static Datum
permanent_number(char *text)
{
	MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);
	Datum		number = DirectFunctionCall3(numeric_in, CStringGetDatum(text),
											 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));

	MemoryContextSwitchTo(old_context);
	return number;
}

/* Says whether a number lies between the least and the greatest double. */
static bool
number_in_range(Datum number)
{
	static Datum least = (Datum) 0;
	static Datum greatest = (Datum) 0;

	if (greatest == (Datum) 0)
	{
		least = permanent_number("-1e308");
		greatest = permanent_number("1e308");
	}
	return DatumGetBool(DirectFunctionCall2(numeric_lt, number, greatest)) &&
		DatumGetBool(DirectFunctionCall2(numeric_gt, number, least));
}

/* How long the text of a string is, with quotes and escapes. */
static Size
string_text_size(const char *data, int length)
{
	Size		size = length + 2;

	for (int i = 0; i < length; i++)
	{
		if ((unsigned char) data[i] < ' ')
			size += 5;
		else if (data[i] == '"' || data[i] == '\\')
			size++;
	}
	return size;
}

/* Adds how long the text of a scalar is, at most; false if it is a number out of range. */
static bool
add_scalar_size(const JsonbValue *value, Size *size)
{
	int32		scale;

	/* What separates it from the next, and a key from its value. */
	*size += 2;
	switch (value->type)
	{
		case jbvString:
			*size += string_text_size(value->val.string.val, value->val.string.len);
			return true;
		case jbvNumeric:
			scale = DatumGetInt32(DirectFunctionCall1(numeric_scale,
													  NumericGetDatum(value->val.numeric)));
			*size += DIGITS_MAX + scale + strlen("-.");
			return scale <= SCALE_MAX && number_in_range(NumericGetDatum(value->val.numeric));
		default:
			*size += strlen("false");
			return true;
	}
}

/*
 * Adds how long the text of a value is, at most.  A number takes a few bytes
 * where its text takes a hundred thousand; returns false if there is one that no
 * double could hold, which others could not read, either.
 */
bool
json_text_size(const JsonbValue *value, Size *size)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	part;

	if (value->type != jbvBinary)
		return add_scalar_size(value, size);
	iterator = JsonbIteratorInit(value->val.binary.data);
	while ((token = JsonbIteratorNext(&iterator, &part, false)) != WJB_DONE)
	{
		CHECK_FOR_INTERRUPTS();
		/* A bracket, and what separates it from the next. */
		if (token != WJB_KEY && token != WJB_VALUE && token != WJB_ELEM)
			*size += 2;
		else if (!add_scalar_size(&part, size))
			return false;
	}
	return true;
}
