/*
 * window.h
 *		Windows of time in which a campaign sends, and the local clocks that they go by.
 *
 * A schedule is an object: days between which it holds, and windows a day in zones.
 * As a Window it is read, and can be asked.  A NULL Window is always open.
 */
#ifndef LEADTERRA_WINDOW_H
#define LEADTERRA_WINDOW_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/jsonb.h"

#include "error.h"

/* Windows of a schedule, on each of its days. */
#define WINDOW_SCHEDULES_MAX 100

/* A window a day. */
typedef struct WindowSchedule
{
	pg_tz	   *zone;
	int			from;			/* minute of the local day, below 1440 */
	int			to;				/* later than from; above 1440: on the next day */
	int			days;			/* a bit per day of the week, the lowest for Sunday */
} WindowSchedule;

/* What a schedule says: the union of its windows, cut at two times. */
typedef struct Window
{
	TimestampTz begins;			/* DT_NOBEGIN: no start */
	TimestampTz ends;			/* exclusive; DT_NOEND: no end */
	int			count;
	WindowSchedule schedules[FLEXIBLE_ARRAY_MEMBER];
} Window;

/* window_zone.c */
extern pg_tz *window_zone_find(const char *name);
extern pg_tz *window_zone_require(const char *name);
extern DateADT window_zone_day(pg_tz *zone, TimestampTz time);
extern TimestampTz window_zone_time(pg_tz *zone, DateADT day, int minute);

/* window_read.c */
extern void window_check(const JsonbValue *schedule, ErrorList *errors);
extern Window *window_read(Jsonb *schedule);

/* window.c */
extern const Window *window_argument(FunctionCallInfo fcinfo, int number);
extern void window_find(const Window *window, TimestampTz time,
						TimestampTz *opens, TimestampTz *closes);
extern pg_tz *window_zone(const Window *window);
extern DateADT window_day(const Window *window, TimestampTz time);
extern TimestampTz window_day_start(const Window *window, DateADT day);

#endif							/* LEADTERRA_WINDOW_H */
