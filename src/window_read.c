/*
 * window_read.c
 *		Schedules, as callers give them and as rows have them.
 *
 * A schedule is {"startDate", "endDate", "schedules": [{"name", "timing": {"from", "to"},
 * "days": {"0" to "6"}, "timezone"}]}.  Nothing else may stand in it: a misspelled day
 * would send when nobody wants it.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "compat.h"
#include "error.h"
#include "json.h"
#include "window.h"

/* Bytes of the name of a window at most. */
#define NAME_MAX_BYTES 1000

/* A field that is read, and where what is wrong with it goes. */
typedef struct WindowField
{
	const char *path;			/* of the object that it is in */
	const char *name;
	JsonbValue	value;
	ErrorList  *errors;
} WindowField;

/* Lists a field as wrong, whose message begins with its name. */
static void
fail(const WindowField *field, const char *code, const char *message)
{
	error_list_add(field->errors, ERROR_NO_INDEX, psprintf("%s.%s", field->path, field->name),
				   code, psprintf("%s %s", field->name, message));
}

/* Finds a field of an object; false if there is none. */
static bool
find_field(JsonbContainer *object, const char *path, const char *name, WindowField *field,
		   ErrorList *errors)
{
	field->path = path;
	field->name = name;
	field->errors = errors;
	return getKeyJsonValueFromContainer(object, name, strlen(name), &field->value) != NULL;
}

/* Finds a field that there must be. */
static bool
require_field(JsonbContainer *object, const char *path, const char *name, WindowField *field,
			  ErrorList *errors)
{
	if (find_field(object, path, name, field, errors))
		return true;
	fail(field, "missing", "is missing");
	return false;
}

/* Returns the object, or the array, that a field is; NULL, and it is listed, if it is none. */
static JsonbContainer *
field_container(const WindowField *field, bool object)
{
	JsonbContainer *container = json_container(&field->value, object);

	if (container == NULL)
		fail(field, "wrong_type", object ? "must be an object" : "must be an array");
	return container;
}

/* Lists the keys of an object that are none of some, which end with a NULL. */
static void
check_keys(JsonbContainer *object, const char *path, const char *const *names,
		   ErrorList *errors)
{
	JsonbIterator *iterator = json_iterate(object);
	JsonbValue	key;
	JsonbValue	value;

	while (json_next_pair(&iterator, &key, &value))
	{
		int			i = 0;

		while (names[i] != NULL && (strlen(names[i]) != (size_t) key.val.string.len ||
									memcmp(names[i], key.val.string.val, key.val.string.len) != 0))
			i++;
		if (names[i] == NULL)
			error_list_add(errors, ERROR_NO_INDEX,
						   psprintf("%s.%.*s", path, key.val.string.len, key.val.string.val),
						   "unknown_field", "a schedule has no such field");
	}
}

/* Reads a day, which may be left out, null or empty: then it stays as it is. */
static void
read_date(JsonbContainer *object, const char *name, const char *other_name, DateADT *day,
		  ErrorList *errors)
{
	WindowField field;

	if ((!find_field(object, "schedule", name, &field, errors) &&
		 !find_field(object, "schedule", other_name, &field, errors)) ||
		field.value.type == jbvNull)
		return;
	if (field.value.type != jbvString)
		fail(&field, "wrong_type", "must be a date, as a string");
	else if (field.value.val.string.len == 0)
		return;
	else if (!json_date(&field.value, day))
		fail(&field, "invalid_value", "must be a date in the form YYYY-MM-DD");
}

/* Reads a time of the day as a minute; -1 if it is none. */
static int
read_minute(JsonbContainer *timing, const char *path, const char *name, ErrorList *errors)
{
	WindowField field;
	int			part[2];		/* hour, minute */
	bool		may_be_midnight = strcmp(name, "to") == 0;

	if (!require_field(timing, path, name, &field, errors))
		return -1;
	if (field.value.type != jbvString)
		fail(&field, "wrong_type", "must be a time of the day, as a string");
	else if (!json_digits(&field.value, "00:00", part) || part[1] >= MINS_PER_HOUR ||
			 part[0] * MINS_PER_HOUR + part[1] >= HOURS_PER_DAY * MINS_PER_HOUR + may_be_midnight)
		fail(&field, "invalid_value", may_be_midnight ?
			 "must be a time of the day in the form HH:MM, or 24:00" :
			 "must be a time of the day in the form HH:MM");
	else
		return part[0] * MINS_PER_HOUR + part[1];
	return -1;
}

/* Reads from when to when a window is open. */
static void
read_timing(JsonbContainer *object, const char *path, WindowSchedule *schedule,
			ErrorList *errors)
{
	static const char *const names[] = {"from", "to", NULL};
	WindowField field;
	JsonbContainer *timing;

	if (!require_field(object, path, "timing", &field, errors) ||
		(timing = field_container(&field, true)) == NULL)
		return;

	path = psprintf("%s.timing", path);
	schedule->from = read_minute(timing, path, "from", errors);
	schedule->to = read_minute(timing, path, "to", errors);
	if (schedule->from >= 0 && schedule->from == schedule->to)
		fail(&field, "invalid_value", "must end at another time than it begins");
	/* A night. */
	if (schedule->from > schedule->to)
		schedule->to += HOURS_PER_DAY * MINS_PER_HOUR;
	check_keys(timing, path, names, errors);
}

/* Reads on which days of the week a window is open. */
static void
read_days(JsonbContainer *object, const char *path, WindowSchedule *schedule,
		  ErrorList *errors)
{
	static const char *const names[] = {"0", "1", "2", "3", "4", "5", "6", NULL};
	WindowField days_field;
	JsonbContainer *days;

	if (!require_field(object, path, "days", &days_field, errors) ||
		(days = field_container(&days_field, true)) == NULL)
		return;

	path = psprintf("%s.days", path);
	schedule->days = 0;
	for (int day = 0; names[day] != NULL; day++)
	{
		WindowField field;

		if (!find_field(days, path, names[day], &field, errors))
			continue;
		if (field.value.type != jbvBool)
			fail(&field, "wrong_type", "must be true or false");
		/* What is wrong here is listed; that no day is left is not said, too. */
		if (field.value.type != jbvBool || field.value.val.boolean)
			schedule->days |= 1 << day;
	}
	if (schedule->days == 0)
		fail(&days_field, "invalid_value", "must have a day that is true, from 0 (Sunday) to 6");
	check_keys(days, path, names, errors);
}

/* Reads the zone of a window. */
static void
read_zone(JsonbContainer *object, const char *path, WindowSchedule *schedule,
		  ErrorList *errors)
{
	WindowField field;

	if (!require_field(object, path, "timezone", &field, errors))
		return;
	if (field.value.type != jbvString)
	{
		fail(&field, "wrong_type", "must be a string");
		return;
	}
	schedule->zone = window_zone_find(pnstrdup(field.value.val.string.val,
											   field.value.val.string.len));
	if (schedule->zone == NULL)
		fail(&field, "invalid_value", "must be the name of a time zone, such as Europe/Berlin");
}

/* Reads one of the windows. */
static void
read_schedule(JsonbContainer *object, const char *path, WindowSchedule *schedule,
			  ErrorList *errors)
{
	static const char *const names[] = {"name", "timing", "days", "timezone", NULL};
	WindowField field;

	if (find_field(object, path, "name", &field, errors) && field.value.type != jbvNull)
	{
		if (field.value.type != jbvString)
			fail(&field, "wrong_type", "must be a string");
		else if (field.value.val.string.len > NAME_MAX_BYTES)
			fail(&field, "invalid_value",
				 "must have at most " CppAsString2(NAME_MAX_BYTES) " bytes");
	}
	read_timing(object, path, schedule, errors);
	read_days(object, path, schedule, errors);
	read_zone(object, path, schedule, errors);
	check_keys(object, path, names, errors);
}

/* Reads the array of windows. */
static void
read_schedules(JsonbContainer *array, Window *window, ErrorList *errors)
{
	JsonbIterator *iterator = json_iterate(array);
	JsonbValue	element;

	while (json_next_element(&iterator, &element))
	{
		const char *path = psprintf("schedule.schedules[%d]", window->count);
		WindowSchedule *schedule = &window->schedules[window->count++];
		JsonbContainer *object = json_container(&element, true);

		if (object == NULL)
			error_list_add(errors, ERROR_NO_INDEX, path, "not_an_object",
						   "an entry of schedules must be an object");
		else
			read_schedule(object, path, schedule, errors);
	}
}

/* Cuts a schedule at its first and last day, which are those of its first zone. */
static void
set_days(Window *window, DateADT start, DateADT end)
{
	pg_tz	   *zone = window->schedules[0].zone;

	window->begins = DATE_IS_NOBEGIN(start) ? DT_NOBEGIN : window_zone_time(zone, start, 0);
	window->ends = DATE_IS_NOEND(end) ? DT_NOEND : window_zone_time(zone, end + 1, 0);
}

/* Reads a schedule; what comes back is of use if nothing was listed as wrong. */
static Window *
read_window(const JsonbValue *value, ErrorList *errors)
{
	static const char *const names[] = {
		"startDate", "endDate", "start_date", "end_date", "schedules", NULL
	};
	JsonbContainer *object = json_container(value, true);
	JsonbContainer *array;
	WindowField field;
	Window	   *window;
	DateADT		start = DATEVAL_NOBEGIN;
	DateADT		end = DATEVAL_NOEND;

	if (object == NULL)
	{
		error_list_add(errors, ERROR_NO_INDEX, "schedule", "not_an_object",
					   "a schedule must be an object");
		return NULL;
	}
	check_keys(object, "schedule", names, errors);
	read_date(object, "startDate", "start_date", &start, errors);
	read_date(object, "endDate", "end_date", &end, errors);
	if (!require_field(object, "schedule", "schedules", &field, errors) ||
		(array = field_container(&field, false)) == NULL)
		return NULL;
	if (JsonContainerSize(array) < 1 || JsonContainerSize(array) > WINDOW_SCHEDULES_MAX)
	{
		fail(&field, "invalid_value",
			 "must have from 1 to " CppAsString2(WINDOW_SCHEDULES_MAX) " entries");
		return NULL;
	}
	if (end < start)
		error_list_add(errors, ERROR_NO_INDEX, "schedule.endDate", "invalid_value",
					   "endDate must not be before startDate");

	window = palloc0(offsetof(Window, schedules) +
					 JsonContainerSize(array) * sizeof(WindowSchedule));
	read_schedules(array, window, errors);
	if (errors->total == 0)
		set_days(window, start, end);
	return window;
}

/* Lists all that is wrong with a schedule that a caller gave. */
void
window_check(const JsonbValue *schedule, ErrorList *errors)
{
	(void) read_window(schedule, errors);
}

/* Reads the schedule of a row, which anybody may have written. */
Window *
window_read(Jsonb *schedule)
{
	JsonbValue	value;
	ErrorList	errors;
	Window	   *window;

	JsonbToJsonbValue(schedule, &value);
	error_list_init(&errors);
	window = read_window(&value, &errors);
	if (errors.total > 0)
		error_list_raise(ERROR_BROKEN_ROW, &errors, NULL,
						 "the schedule of a campaign is broken: %s", errors.first);
	return window;
}
