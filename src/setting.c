/*
 * setting.c
 *		Settings as callers give them: a merge patch (RFC 7396), by a table of what
 *		there is.
 *
 * What a patch leaves out stays as it is, and null goes back to what is there without
 * any.  All that is wrong with it is listed, by the names that the caller used.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "character.h"
#include "compat.h"
#include "email.h"
#include "error.h"
#include "json.h"
#include "setting.h"
#include "window.h"

/* Bytes of a text at most. */
#define TEXT_MAX_BYTES 1000

/* A setting that is read: how the caller calls it, and where its failure goes. */
typedef struct Reader
{
	const Setting *setting;
	const char *name;
	const JsonbValue *value;
	ErrorList  *errors;
} Reader;

/* Lists what is read as wrong; the message goes on behind its name. */
static bool
fail(const Reader *reader, const char *code, const char *message)
{
	error_list_add(reader->errors, ERROR_NO_INDEX, reader->name, code,
				   psprintf("%s %s", reader->name, message));
	return false;
}

/* Says whether the value is a string; lists it if not. */
static bool
is_string(const Reader *reader)
{
	return reader->value->type == jbvString || fail(reader, "wrong_type", "must be a string");
}

/* Makes a text of a string. */
static Datum
make_text(const char *data, int length)
{
	return PointerGetDatum(cstring_to_text_with_len(data, length));
}

/* Reads a text of one line: it may stand in the header of a mail. */
static bool
read_text(const Reader *reader, Datum *result)
{
	const char *data = reader->value->val.string.val;
	int			length = reader->value->val.string.len;
	bool		is_line = true;

	if (!is_string(reader))
		return false;
	for (int i = 0; i < length; i++)
		is_line &= (unsigned char) data[i] >= ' ' && data[i] != 0x7f;
	if (!is_line || length > TEXT_MAX_BYTES || character_is_blank(data, length))
		return fail(reader, "invalid_value",
					"must be one line of at most " CppAsString2(TEXT_MAX_BYTES)
					" bytes that is not blank");
	*result = make_text(data, length);
	return true;
}

static bool
read_address(const Reader *reader, Datum *result)
{
	char	   *normal;
	size_t		length;
	EmailStatus status;

	if (!is_string(reader))
		return false;
	normal = email_normalize(reader->value->val.string.val, reader->value->val.string.len, &length);
	status = email_check(normal, length);
	if (status != EMAIL_OK)
		return fail(reader, email_status_code(status),
					psprintf("is no address: %s", email_status_message(status)));
	*result = make_text(normal, length);
	return true;
}

static bool
read_choice(const Reader *reader, Datum *result)
{
	StringInfoData message;

	if (!is_string(reader))
		return false;
	initStringInfo(&message);
	for (const char *const *choice = reader->setting->choices; *choice; choice++)
	{
		if (strlen(*choice) == (size_t) reader->value->val.string.len &&
			memcmp(*choice, reader->value->val.string.val, reader->value->val.string.len) == 0)
		{
			*result = CStringGetTextDatum(*choice);
			return true;
		}
		appendStringInfo(&message, "%s%s", message.len == 0 ? "must be one of " : ", ", *choice);
	}
	return fail(reader, "invalid_value", message.data);
}

/* Reads the name of a time zone, in any letter case. */
static bool
read_zone(const Reader *reader, Datum *result)
{
	pg_tz	   *zone;

	if (!is_string(reader))
		return false;
	zone = window_zone_find(pnstrdup(reader->value->val.string.val,
									 reader->value->val.string.len));
	if (zone == NULL)
		return fail(reader, "invalid_value",
					"must be the name of a time zone, such as Europe/Berlin");
	*result = CStringGetTextDatum(pg_get_timezone_name(zone));
	return true;
}

static bool
read_number(const Reader *reader, Datum *result)
{
	int32		number = 0;
	JsonResult	status = json_integer(reader->value, &number);

	if (status != JSON_OK || number < 0 || number > reader->setting->most)
		return fail(reader, status == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
					psprintf("must be a whole number from 0 to %d", reader->setting->most));
	*result = Int32GetDatum(number);
	return true;
}

static bool
read_share(const Reader *reader, Datum *result)
{
	float8		share = 0;

	if (reader->value->type == jbvNumeric)
		share = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
												   NumericGetDatum(reader->value->val.numeric)));
	if (share <= 0 || share > 1)
		return fail(reader, reader->value->type == jbvNumeric ? "invalid_value" : "wrong_type",
					"must be a number that is more than 0 and at most 1");
	*result = Float8GetDatum(share);
	return true;
}

static bool
read_flag(const Reader *reader, Datum *result)
{
	if (reader->value->type != jbvBool)
		return fail(reader, "wrong_type", "must be true or false");
	*result = BoolGetDatum(reader->value->val.boolean);
	return true;
}

static bool
read_id(const Reader *reader, Datum *result)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	JsonResult	status = json_uuid(reader->value, id);

	if (status != JSON_OK)
		return fail(reader, status == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
					"must be a UUID");
	*result = UUIDPGetDatum(id);
	return true;
}

/* Reads a schedule, which lists by itself what is wrong with it. */
static bool
read_schedule(const Reader *reader, Datum *result)
{
	int			before = reader->errors->total;

	window_check(reader->value, reader->errors);
	if (reader->errors->total > before)
		return false;
	*result = JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, reader->value)));
	return true;
}

/* Reads how far a clock is ahead of UTC, as "Z" or "+00:00", in seconds; false if it is none. */
static bool
read_distance(const JsonbValue *value, int *seconds)
{
	int			part[3];		/* nothing, then hours, minutes */

	*seconds = 0;
	if (value->val.string.len == 0)
		return false;
	if (value->val.string.len == 1 && *value->val.string.val == 'Z')
		return true;
	if (!json_digits(value, *value->val.string.val == '-' ? "-00:00" : "+00:00", part) ||
		part[1] >= HOURS_PER_DAY || part[2] >= MINS_PER_HOUR)
		return false;
	*seconds = (part[1] * MINS_PER_HOUR + part[2]) * SECS_PER_MINUTE;
	if (*value->val.string.val == '-')
		*seconds = -*seconds;
	return true;
}

/* Returns so much of a string, which goes on behind it. */
static JsonbValue
cut(JsonbValue *value, int length)
{
	JsonbValue	part = *value;

	part.val.string.len = Min(length, value->val.string.len);
	value->val.string.val += part.val.string.len;
	value->val.string.len -= part.val.string.len;
	return part;
}

/* Reads a string as a time (RFC 3339, section 5.6); false if it is none. */
static bool
parse_time(const JsonbValue *value, TimestampTz *time)
{
	JsonbValue	rest = *value;
	JsonbValue	date_part = cut(&rest, strlen("0000-00-00"));
	JsonbValue	time_part = cut(&rest, strlen("T00:00:00"));
	int64		unit = USECS_PER_SEC;
	int64		fraction = 0;
	DateADT		date;
	int			part[4];		/* nothing, then hour, minute, second */
	int			distance;

	if (!json_date(&date_part, &date) || !json_digits(&time_part, "T00:00:00", part) ||
		part[1] >= HOURS_PER_DAY || part[2] >= MINS_PER_HOUR || part[3] >= SECS_PER_MINUTE)
		return false;
	if (rest.val.string.len > 0 && *rest.val.string.val == '.')
	{
		cut(&rest, 1);
		while (rest.val.string.len > 0 && isdigit((unsigned char) *rest.val.string.val))
		{
			unit /= 10;
			fraction += unit * (*cut(&rest, 1).val.string.val - '0');
		}
		if (unit == USECS_PER_SEC)
			return false;
	}
	if (!read_distance(&rest, &distance))
		return false;
	*time = (date * (int64) SECS_PER_DAY + part[1] * SECS_PER_HOUR + part[2] * SECS_PER_MINUTE +
			 part[3] - distance) * USECS_PER_SEC + fraction;
	return true;
}

static bool
read_time(const Reader *reader, Datum *result)
{
	TimestampTz time;

	if (!is_string(reader))
		return false;
	if (!parse_time(reader->value, &time))
		return fail(reader, "invalid_value", "must be a time, such as 2030-01-31T09:00:00Z");
	*result = TimestampTzGetDatum(time);
	return true;
}

static bool
read_list(const Reader *reader, Datum *result)
{
	if (json_container(reader->value, false) == NULL)
		return fail(reader, "wrong_type", "must be an array");
	*result = JsonbPGetDatum(JsonbValueToJsonb(unconstify(JsonbValue *, reader->value)));
	return true;
}

/* Reads a value that is not null; false if it is wrong, which is listed. */
static bool
read_value(const Reader *reader, Datum *result)
{
	static bool (*const readers[]) (const Reader *, Datum *) = {
		[SETTING_TEXT] = read_text,
		[SETTING_ADDRESS] = read_address,
		[SETTING_CHOICE] = read_choice,
		[SETTING_ZONE] = read_zone,
		[SETTING_NUMBER] = read_number,
		[SETTING_SHARE] = read_share,
		[SETTING_FLAG] = read_flag,
		[SETTING_ID] = read_id,
		[SETTING_SCHEDULE] = read_schedule,
		[SETTING_TIME] = read_time,
		[SETTING_LIST] = read_list
	};

	return readers[reader->setting->kind] (reader, result);
}

/* Sets a setting to what is there without any. */
static void
set_default(const Setting *setting, Datum *value, bool *isnull)
{
	*isnull = setting->fallback == NULL;
	*value = (Datum) 0;
	if (*isnull)
		return;
	switch (setting->kind)
	{
		case SETTING_NUMBER:
			*value = Int32GetDatum(atoi(setting->fallback));
			break;
		case SETTING_FLAG:
			*value = BoolGetDatum(strcmp(setting->fallback, "true") == 0);
			break;
		default:
			*value = CStringGetTextDatum(setting->fallback);
	}
}

/* Finds the setting that a key names, by either name; -1 if there is none. */
static int
find_setting(const Setting *settings, int count, const char *name, bool *is_other)
{
	for (int i = 0; i < count; i++)
	{
		*is_other = settings[i].other_name && strcmp(name, settings[i].other_name) == 0;
		if (*is_other || strcmp(name, settings[i].name) == 0)
			return i;
	}
	return -1;
}

/* Says whether an object has a key. */
static bool
has_key(JsonbContainer *object, const char *key)
{
	JsonbValue	value;

	return getKeyJsonValueFromContainer(object, key, strlen(key), &value) != NULL;
}

/*
 * Reads an object that is a patch; its path stands before the names of settings where it
 * is not NULL.  Where it gives a setting by both of its names, the other one is not looked at.
 */
void
setting_read_object(JsonbContainer *object, const char *path, const Setting *settings, int count,
					SettingPatch *patch, ErrorList *errors)
{
	JsonbIterator *iterator = json_iterate(object);
	JsonbValue	key;
	JsonbValue	value;

	memset(patch, 0, sizeof(SettingPatch));
	while (json_next_pair(&iterator, &key, &value))
	{
		const char *name = pnstrdup(key.val.string.val, key.val.string.len);
		bool		is_other;
		int			i = find_setting(settings, count, name, &is_other);
		Reader		reader = {.name = name, .value = &value, .errors = errors};

		if (path)
			reader.name = psprintf("%s.%s", path, name);
		if (i < 0)
		{
			error_list_add(errors, ERROR_NO_INDEX, reader.name, "unknown_field",
						   "there is no such setting");
			continue;
		}
		if (is_other && has_key(object, settings[i].name))
			continue;
		reader.setting = &settings[i];
		if (value.type == jbvNull)
		{
			patch->given[i] = true;
			set_default(&settings[i], &patch->to.values[i], &patch->to.nulls[i]);
		}
		else
			patch->given[i] = read_value(&reader, &patch->to.values[i]);
	}
}

/* Reads an argument of a function, from 0, that is a patch. */
void
setting_read(FunctionCallInfo fcinfo, int number, const Setting *settings, int count,
			 SettingPatch *patch, ErrorList *errors)
{
	JsonbContainer *object = PG_ARGISNULL(number) ? NULL : &PG_GETARG_JSONB_P(number)->root;

	if (object == NULL || !JsonContainerIsObject(object))
		error_raise(ERROR_INVALID_REQUEST, "settings must be an object");
	setting_read_object(object, NULL, settings, count, patch, errors);
}

/* Raises the error for all that is wrong with a patch, if anything is. */
void
setting_raise(const ErrorList *errors)
{
	if (errors->total > 0)
		error_list_raise(ERROR_INVALID_REQUEST, errors, NULL, "settings are invalid: %s",
						 errors->first);
}

/* Sets all of some settings to what is there without any. */
void
setting_defaults(const Setting *settings, int count, SettingValues *values)
{
	for (int i = 0; i < count; i++)
		set_default(&settings[i], &values->values[i], &values->nulls[i]);
}

/* Puts what a patch gives in place of what was there. */
void
setting_apply(const SettingPatch *patch, int count, SettingValues *values)
{
	for (int i = 0; i < count; i++)
	{
		if (!patch->given[i])
			continue;
		values->values[i] = patch->to.values[i];
		values->nulls[i] = patch->to.nulls[i];
	}
}
