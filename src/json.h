/*
 * json.h
 *		Typed readers over jsonb containers.
 */
#ifndef LEADTERRA_JSON_H
#define LEADTERRA_JSON_H

#include "utils/date.h"
#include "utils/jsonb.h"
#include "utils/uuid.h"

/* What became of reading a value as a type. */
typedef enum JsonResult
{
	JSON_OK,
	JSON_WRONG_TYPE,
	JSON_INVALID				/* of the right type, out of its range or form */
} JsonResult;

extern JsonbContainer *json_container(const JsonbValue *value, bool object);
extern JsonbContainer *json_array(JsonbContainer *root);
extern JsonbContainer *json_member_array(JsonbContainer *object, const char *key);
extern JsonbIterator *json_iterate(JsonbContainer *container);
extern bool json_next_element(JsonbIterator **iterator, JsonbValue *element);
extern bool json_next_pair(JsonbIterator **iterator, JsonbValue *key, JsonbValue *value);
extern int	json_compare_keys(const JsonbValue *a, const JsonbValue *b);
extern JsonResult json_integer(const JsonbValue *value, int32 *result);
extern int	json_hex_digit(char c);
extern bool json_digits(const JsonbValue *value, const char *form, int *numbers);
extern bool json_date(const JsonbValue *value, DateADT *date);
extern JsonResult json_uuid(const JsonbValue *value, pg_uuid_t *result);
extern bool json_text_size(const JsonbValue *value, Size *size);
extern bool json_values_equal(const JsonbValue *a, const JsonbValue *b);

#endif							/* LEADTERRA_JSON_H */
