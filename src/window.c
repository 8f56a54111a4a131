/*
 * window.c
 *		When windows of time open and close.
 *
 * A window of a local day opens at the first time at which the clock shows, or has
 * passed, the minute at which it begins, and closes at the first one of the minute at
 * which it ends.  So one that the clock skips is none, and one whose beginning the
 * clock shows twice opens once.  Windows of a schedule may overlap, and are of zones of
 * their own: what they cover together is asked.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "window.h"

PG_FUNCTION_INFO_V1(lt_window_opens);
PG_FUNCTION_INFO_V1(lt_window_closes);
PG_FUNCTION_INFO_V1(lt_schedule_zone);

/* No clock skips the window of a day of the week for so many days. */
#define LOOK_DAYS 35

/* What is open for longer counts as closed then, and open again. */
#define RUN_MAX (8 * USECS_PER_DAY)

/* One window after another of a schedule. */
typedef struct WindowCursor
{
	const WindowSchedule *schedule;
	DateADT		day;			/* the next one to look at */
	TimestampTz opens;
	TimestampTz closes;			/* DT_NOEND: there is none any more */
} WindowCursor;

/* What a call site keeps: the schedule that it asked last. */
typedef struct WindowCache
{
	Jsonb	   *schedule;			/* stands behind the window */
	Window		window;
} WindowCache;

/* Starts at the first window that closes after a time. */
static void
start_cursor(WindowCursor *cursor, const WindowSchedule *schedule, TimestampTz time)
{
	cursor->schedule = schedule;
	/* It may be that of a night. */
	cursor->day = window_zone_day(schedule->zone, time) - 1;
	cursor->opens = DT_NOBEGIN;
	cursor->closes = DT_NOBEGIN;
}

/* Goes on to the first window that closes after a time. */
static void
advance_cursor(WindowCursor *cursor, TimestampTz time)
{
	const WindowSchedule *schedule = cursor->schedule;

	if (cursor->closes > time)
		return;
	for (int i = 0; i < LOOK_DAYS; i++)
	{
		DateADT		day = cursor->day++;

		if (!(schedule->days & 1 << j2day(day + POSTGRES_EPOCH_JDATE)))
			continue;
		cursor->opens = window_zone_time(schedule->zone, day, schedule->from);
		cursor->closes = window_zone_time(schedule->zone, day, schedule->to);
		if (cursor->closes > time && cursor->closes > cursor->opens)
			return;
	}
	cursor->opens = DT_NOEND;
	cursor->closes = DT_NOEND;
}

/* Returns when what is open at a time is closed first, or that the schedule ends then. */
static TimestampTz
end_of_run(const Window *window, WindowCursor *cursors, TimestampTz time)
{
	TimestampTz limit = time < END_TIMESTAMP - RUN_MAX ? time + RUN_MAX : DT_NOEND;
	TimestampTz end = time;
	TimestampTz before;

	limit = Min(limit, window->ends);
	do
	{
		before = end;
		for (int i = 0; i < window->count; i++)
		{
			advance_cursor(&cursors[i], end);
			if (cursors[i].opens <= end)
				end = cursors[i].closes;
		}
	} while (end > before && end < limit);
	return Min(end, limit);
}

/*
 * Finds the first time from a time on at which a window is open, which is that time
 * itself where one is, and when it closes; windows that overlap or touch are one.
 * DT_NOEND for both means that none opens any more.  Infinite times stay as they are,
 * but for the past of a schedule that has a first day.
 */
void
window_find(const Window *window, TimestampTz time, TimestampTz *opens, TimestampTz *closes)
{
	WindowCursor cursors[WINDOW_SCHEDULES_MAX];

	if (window == NULL)
	{
		*opens = time;
		*closes = DT_NOEND;
		return;
	}

	time = Max(time, window->begins);
	*opens = TIMESTAMP_IS_NOBEGIN(time) ? time : DT_NOEND;
	*closes = *opens;
	if (TIMESTAMP_NOT_FINITE(time) || time >= window->ends)
		return;

	for (int i = 0; i < window->count; i++)
	{
		start_cursor(&cursors[i], &window->schedules[i], time);
		advance_cursor(&cursors[i], time);
		*opens = Min(*opens, Max(cursors[i].opens, time));
	}
	if (*opens >= window->ends)
		*opens = DT_NOEND;
	if (!TIMESTAMP_IS_NOEND(*opens))
		*closes = end_of_run(window, cursors, *opens);
}

/* Returns the zone whose days are those of a campaign: that of its first window, or UTC. */
pg_tz *
window_zone(const Window *window)
{
	return window == NULL ? window_zone_require("UTC") : window->schedules[0].zone;
}

/* Returns the day of a campaign that it is at a time. */
DateADT
window_day(const Window *window, TimestampTz time)
{
	return window_zone_day(window_zone(window), time);
}

/* Returns when a day of a campaign begins. */
TimestampTz
window_day_start(const Window *window, DateADT day)
{
	return window_zone_time(window_zone(window), day, 0);
}

/*
 * Returns the schedule that is an argument, read; NULL where it is null.  A view asks
 * for row after row with the same one: it is read once, and kept in fn_extra.
 */
const Window *
window_argument(FunctionCallInfo fcinfo, int number)
{
	WindowCache *cache = fcinfo->flinfo->fn_extra;
	Jsonb	   *schedule;
	Window	   *window;
	Size		schedule_size;
	Size		window_size;

	if (PG_ARGISNULL(number))
		return NULL;
	schedule = PG_GETARG_JSONB_P(number);
	schedule_size = VARSIZE(schedule);
	if (cache != NULL && VARSIZE(cache->schedule) == schedule_size &&
		memcmp(cache->schedule, schedule, schedule_size) == 0)
		return &cache->window;

	window = window_read(schedule);
	window_size = offsetof(WindowCache, window.schedules) + window->count * sizeof(WindowSchedule);
	if (cache != NULL)
		pfree(cache);
	fcinfo->flinfo->fn_extra = NULL;
	cache = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, window_size + schedule_size);
	memcpy(&cache->window, window, window_size - offsetof(WindowCache, window));
	cache->schedule = memcpy((char *) cache + window_size, schedule, schedule_size);
	fcinfo->flinfo->fn_extra = cache;
	return &cache->window;
}

/* SQL: leadterra.window_opens(schedule, at) */
Datum
lt_window_opens(PG_FUNCTION_ARGS)
{
	TimestampTz opens;
	TimestampTz closes;

	if (PG_ARGISNULL(1))
		PG_RETURN_NULL();
	window_find(window_argument(fcinfo, 0), PG_GETARG_TIMESTAMPTZ(1), &opens, &closes);
	PG_RETURN_TIMESTAMPTZ(opens);
}

/* SQL: leadterra.window_closes(schedule, at) */
Datum
lt_window_closes(PG_FUNCTION_ARGS)
{
	TimestampTz opens;
	TimestampTz closes;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	window_find(window_argument(fcinfo, 0), PG_GETARG_TIMESTAMPTZ(1), &opens, &closes);
	PG_RETURN_TIMESTAMPTZ(closes);
}

/* SQL: leadterra.schedule_zone(schedule) */
Datum
lt_schedule_zone(PG_FUNCTION_ARGS)
{
	pg_tz	   *zone = window_zone(window_argument(fcinfo, 0));

	PG_RETURN_TEXT_P(cstring_to_text(pg_get_timezone_name(zone)));
}
