/*
 * forecast_day.c
 *		What becomes due, and is handed out, on the days of a forecast.
 *
 * Both are counted by the campaign's day and by step.  What is due and not handed out by
 * the end of a day is the difference of the sums.
 */
#include "postgres.h"

#include "compat.h"
#include "forecast.h"
#include "window.h"

/* Begins to count from the day that it is at a time. */
void
forecast_days_init(ForecastDays *days, const Window *window, int nsteps, TimestampTz now)
{
	Size		counts = (Size) FORECAST_DAYS_MAX * Max(nsteps, 1) * sizeof(int64);

	*days = (ForecastDays) {
		.window = window, .first = window_day(window, now), .nsteps = nsteps,
			.ends = palloc(sizeof(TimestampTz) * FORECAST_DAYS_MAX),
			.due = palloc0(counts), .sent = palloc0(counts)
	};
}

/* Returns the number, from 0, of the day that it is at a time; FORECAST_DAYS_MAX: a later one. */
int
forecast_day(ForecastDays *days, TimestampTz time)
{
	int			low = 0;
	int			high;

	while (days->nknown < FORECAST_DAYS_MAX &&
		   (days->nknown == 0 || days->ends[days->nknown - 1] <= time))
	{
		days->ends[days->nknown] = window_day_start(days->window, days->first + days->nknown + 1);
		days->nknown++;
	}
	high = days->nknown;
	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (days->ends[middle] <= time)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Adds to the count of a day; what is of later days is left out. */
static void
count_on(ForecastDays *days, int64 *counts, int step, TimestampTz time, int64 count)
{
	int			day = forecast_day(days, time);

	if (day == FORECAST_DAYS_MAX)
		return;
	counts[(Size) day * days->nsteps + step - 1] += count;
	days->last = Max(days->last, day);
}

/* Counts messages of a step that become due at a time. */
void
forecast_count_due(ForecastDays *days, int step, TimestampTz due_at, int64 count)
{
	count_on(days, days->due, step, due_at, count);
}

/* Counts messages of a step that are handed out. */
void
forecast_count_sent(ForecastDays *days, int step, TimestampTz now, int64 count)
{
	count_on(days, days->sent, step, now, count);
}
