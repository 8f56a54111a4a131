/*
 * window_zone.c
 *		The local clocks of zones, as the server knows them.
 *
 * A clock may skip a time or show it twice; that of Apia once skipped a day, and some
 * went back over midnight.  So nothing here asks what a clock shows alone: a time has
 * come as soon as the clock shows it, or has passed it, and stays so when the clock goes
 * back.  Local days follow each other without a gap or an overlap.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "error.h"
#include "window.h"

PG_FUNCTION_INFO_V1(lt_is_zone);
PG_FUNCTION_INFO_V1(lt_zone_day);
PG_FUNCTION_INFO_V1(lt_zone_day_start);

/* Days from 1970, from which zones count, to 2000, from which timestamps do. */
#define EPOCH_DAYS (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE)

/* No clock is ahead of UTC by as much (RFC 9636, section 3.2). */
#define AHEAD_MAX (26 * SECS_PER_HOUR)

/* The days around those that timestamps have. */
#define DAY_MIN ((DateADT) (DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE - 2))
#define DAY_MAX ((DateADT) (TIMESTAMP_END_JULIAN - POSTGRES_EPOCH_JDATE + 2))

/* Names with digits, of which IANA makes no more, but for those that begin with Etc/GMT. */
static const char *const names_with_digits[] = {
	"CST6CDT", "EST5EDT", "GMT+0", "GMT-0", "GMT0", "MST7MDT", "PST8PDT"
};

/* Says whether a name is "Etc/GMT" and hours, as Etc/GMT+5. */
static bool
is_hours_name(const char *name)
{
	const char *hours = name + strlen("Etc/GMT");

	if (pg_strncasecmp(name, "Etc/GMT", strlen("Etc/GMT")) != 0)
		return false;
	if (*hours == '+' || *hours == '-')
		hours++;
	return strspn(hours, "0123456789") == strlen(hours) && strlen(hours) <= 2;
}

/*
 * Says whether a text may be the name of a zone of IANA.  The server takes more for a
 * zone: the machine's own, copies of all in folders, and rules such as UTC+3, which is
 * three hours behind UTC, and which each backend would keep for as long as it lives.
 * Rules have digits, and so names have none.
 */
static bool
may_be_name(const char *name)
{
	if (name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-")])
		return false;
	if (pg_strcasecmp(name, "localtime") == 0 || pg_strcasecmp(name, "posixrules") == 0 ||
		pg_strncasecmp(name, "posix/", 6) == 0 || pg_strncasecmp(name, "right/", 6) == 0)
		return false;
	if (strpbrk(name, "0123456789") == NULL || is_hours_name(name))
		return true;
	for (size_t i = 0; i < lengthof(names_with_digits); i++)
	{
		if (pg_strcasecmp(name, names_with_digits[i]) == 0)
			return true;
	}
	return false;
}

/* Returns the zone of a name, in any letter case; NULL if there is none. */
pg_tz *
window_zone_find(const char *name)
{
	pg_tz	   *zone;

	if (!may_be_name(name))
		return NULL;
	zone = pg_tzset(name);
	/* Of a rule, the server has the name in capital letters. */
	if (zone == NULL || !pg_tz_acceptable(zone) ||
		(is_hours_name(name) && strncmp(pg_get_timezone_name(zone), "Etc", 3) != 0))
		return NULL;
	return zone;
}

/* Returns the zone that a row names. */
pg_tz *
window_zone_require(const char *name)
{
	pg_tz	   *zone = window_zone_find(name);

	if (zone == NULL)
		error_raise(ERROR_BROKEN_ROW, "time zone \"%s\" is unknown", name);
	return zone;
}

/* Returns how far a clock is ahead of UTC at a time, and when that changes next, if ever. */
static pg_time_t
offset_at(pg_tz *zone, pg_time_t time, pg_time_t *changes_at)
{
	long		before;
	long		after;
	int			before_isdst;
	int			after_isdst;
	int			result = pg_next_dst_boundary(&time, &before, &before_isdst, changes_at,
											  &after, &after_isdst, zone);

	if (result < 0)
		elog(ERROR, "no offset of time zone \"%s\" at " INT64_FORMAT,
			 pg_get_timezone_name(zone), time);
	if (result == 0)
		*changes_at = PG_INT64_MAX;
	return before;
}

/* Returns the first time at which a clock shows, or has passed, a local time. */
static pg_time_t
first_time(pg_tz *zone, pg_time_t local)
{
	pg_time_t	time = local - AHEAD_MAX;

	for (;;)
	{
		pg_time_t	changes_at;
		pg_time_t	shown_at = local - offset_at(zone, time, &changes_at);

		if (shown_at < changes_at)
			return Max(time, shown_at);
		time = changes_at;
	}
}

/* Returns the day of a number of seconds since 1970. */
static int64
day_of(pg_time_t seconds)
{
	return seconds / SECS_PER_DAY - (seconds % SECS_PER_DAY < 0);
}

/* Returns the day that it is somewhere at a time. */
DateADT
window_zone_day(pg_tz *zone, TimestampTz time)
{
	pg_time_t	seconds;
	pg_time_t	changes_at;
	int64		day;

	if (TIMESTAMP_IS_NOBEGIN(time))
		return DATEVAL_NOBEGIN;
	if (TIMESTAMP_IS_NOEND(time))
		return DATEVAL_NOEND;

	seconds = time / USECS_PER_SEC - (time % USECS_PER_SEC < 0) + EPOCH_DAYS * SECS_PER_DAY;
	day = day_of(seconds + offset_at(zone, seconds, &changes_at));
	/* The next day has come, and then the clock went back. */
	if (first_time(zone, (day + 1) * SECS_PER_DAY) <= seconds)
		day++;
	/* The first timestamp is of a day that is none, west of Greenwich. */
	return Max(day - EPOCH_DAYS, DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE);
}

/*
 * Returns the first time at which the clock shows, or has passed, a minute of a day,
 * which may be one of the next day; an infinite one where no timestamp is as early, or as late.
 */
TimestampTz
window_zone_time(pg_tz *zone, DateADT day, int minute)
{
	pg_time_t	local = ((int64) day + EPOCH_DAYS) * SECS_PER_DAY + minute * SECS_PER_MINUTE;
	int64		seconds;

	if (day < DAY_MIN)
		return DT_NOBEGIN;
	if (day > DAY_MAX)
		return DT_NOEND;
	seconds = first_time(zone, local) - EPOCH_DAYS * SECS_PER_DAY;
	if (seconds < MIN_TIMESTAMP / USECS_PER_SEC)
		return DT_NOBEGIN;
	if (seconds >= END_TIMESTAMP / USECS_PER_SEC)
		return DT_NOEND;
	return seconds * USECS_PER_SEC;
}

/* SQL: leadterra.is_zone(zone) */
Datum
lt_is_zone(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(window_zone_find(text_to_cstring(PG_GETARG_TEXT_PP(0))) != NULL);
}

/* SQL: leadterra.zone_day(zone, at) */
Datum
lt_zone_day(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = window_zone_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_DATEADT(window_zone_day(zone, PG_GETARG_TIMESTAMPTZ(1)));
}

/* SQL: leadterra.zone_day_start(zone, day) */
Datum
lt_zone_day_start(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = window_zone_require(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_TIMESTAMPTZ(window_zone_time(zone, PG_GETARG_DATEADT(1), 0));
}
