/*
 * forecast.h
 *		Who gets how many mails on which day: a campaign that is gone through in time.
 *
 * What waits, who may send, and how much, is read once; what workers would claim is then
 * counted on arrays, by sender and not by message.
 */
#ifndef LEADTERRA_FORECAST_H
#define LEADTERRA_FORECAST_H

#include "datatype/timestamp.h"
#include "lib/pairingheap.h"
#include "pgtime.h"
#include "utils/date.h"

#include "campaign.h"
#include "queue.h"
#include "sender.h"
#include "setting.h"
#include "window.h"

/* Days that a forecast has at most. */
#define FORECAST_DAYS_MAX 3660

/* Senders that a caller may assume. */
#define FORECAST_SENDERS_MAX 10000

/* Stands for a sender where there is none. */
#define FORECAST_NOBODY (-1)

/* Messages of a step that wait, and are due together. */
typedef struct ForecastRange
{
	pairingheap_node node;
	TimestampTz due_at;
	uint64		number;			/* among those that are due at a time, the first comes first */
	int64		count;
	int			step;
} ForecastRange;

/* A zone, and the day that it is there at the time of the forecast. */
typedef struct ForecastZone
{
	pg_tz	   *zone;
	DateADT		day;
	TimestampTz ends;			/* the day; DT_NOBEGIN: it is yet to be found */
} ForecastZone;

/* A sender, with what it goes on with. */
typedef struct ForecastSender
{
	SenderLimit limit;
	int64		gap;			/* microseconds between two messages, on average */
	int			zone;			/* number of it */
	bool		takes_new;		/* and does not only go on with what it began */
	DateADT		used_on;		/* DATEVAL_NOBEGIN: never */
	int			used;			/* on that day */
	TimestampTz free_at;		/* DT_NOEND: never */
	pairingheap begun;			/* ranges */
	bool		is_free;		/* stands in that heap */
	bool		is_ready;		/* stands in that heap */
	bool		is_waking;		/* stands in that heap */
	TimestampTz wakes_at;		/* has the first of what it goes on with, and is free */
	pairingheap_node free_node;
	pairingheap_node begun_node;	/* in one of the two others */
} ForecastSender;

/* What becomes due and is handed out on each day, by step. */
typedef struct ForecastDays
{
	const Window *window;
	DateADT		first;
	int			nsteps;
	int			nknown;			/* days whose ends were found */
	TimestampTz *ends;
	int			last;			/* day on which anything happens, from 0; later ones are left out */
	int64	   *due;			/* messages; all steps of a day stand together */
	int64	   *sent;
} ForecastDays;

/* A forecast at a time. */
typedef struct Forecast
{
	CampaignLimits limits;		/* of the campaign, and what of them is used on its day */
	DateADT		used_on;		/* the day of that */
	QueueSteps	steps;
	int			nsenders;
	ForecastSender *senders;
	int			nzones;
	int			zones_room;
	ForecastZone *zones;
	ForecastZone today;			/* of the campaign */
	TimestampTz now;
	TimestampTz opened;			/* the window that is open now, or was the last one */
	TimestampTz closes;
	int			run;			/* messages of a sender with a gap that are counted together */
	int64		total;			/* messages that are there, and all that may follow */
	int64		turns;			/* how often something was claimed, or looked for */
	uint64		numbers;		/* that were given */
	pairingheap sources[QUEUE_STEPS_MAX + 1];	/* what none has begun: new leads, then by step */
	pairingheap free;			/* senders that take new leads, by when they are free */
	pairingheap ready;			/* senders that have what they go on with now, in the same order */
	pairingheap waking;			/* senders that will have, by when */
	ForecastRange *spare;		/* ranges that are used up, one behind the other */
	ForecastDays days;
} Forecast;

/* Settings of a campaign that say when and how much it sends: the first of each list of them. */
#define FORECAST_LIMITS 5

/* Senders that a caller assumes, all alike. */
typedef struct ForecastAssumedSender
{
	int			daily_limit;	/* -1: there is none */
	int			gap_seconds;
	pg_tz	   *zone;
	int			count;
} ForecastAssumedSender;

/* What a caller assumes. */
typedef struct ForecastAssumed
{
	SettingPatch limits;		/* of the campaign; what stands behind these is read below */
	int			new_leads;		/* that are enrolled now */
	TimestampTz start_at;		/* DT_NOBEGIN: nothing is said of it */
	bool		has_senders;	/* in place of those of the pool */
	int			nsenders;
	ForecastAssumedSender *senders;
} ForecastAssumed;

/* What a forecast is to be of: the campaign as it is, but for what a caller assumes. */
typedef struct ForecastSubject
{
	Datum		workspace;
	Datum		campaign;
	TimestampTz now;
	TimestampTz start;			/* from which it runs */
	ForecastAssumed assumed;
} ForecastSubject;

/* forecast_day.c: what is counted */
extern void forecast_days_init(ForecastDays *days, const Window *window, int nsteps,
							   TimestampTz now);
extern int	forecast_day(ForecastDays *days, TimestampTz time);
extern void forecast_count_due(ForecastDays *days, int step, TimestampTz due_at, int64 count);
extern void forecast_count_sent(ForecastDays *days, int step, TimestampTz now, int64 count);

/* forecast_run.c: what workers would claim */
extern void forecast_init(Forecast *forecast, TimestampTz now);
extern int	forecast_zone(Forecast *forecast, pg_tz *zone);
extern void forecast_add(Forecast *forecast, int sender, int step, bool is_new,
						 TimestampTz due_at, int64 count);
extern void forecast_run(Forecast *forecast, TimestampTz start);

/* forecast_assume.c: what a caller assumes */
extern void forecast_read_assumed(FunctionCallInfo fcinfo, int number, ForecastAssumed *assumed);

/* forecast_read.c: what there is */
extern void forecast_read(Forecast *forecast, const ForecastSubject *subject);

#endif							/* LEADTERRA_FORECAST_H */
