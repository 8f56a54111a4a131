/*
 * forecast.c
 *		What a campaign will send on which day, if workers claim what they may.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/timestamp.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "forecast.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_forecast);

/* Columns of its result, and rows at most. */
#define FORECAST_COLUMNS 4
#define FORECAST_ROWS_MAX 100000

/* Puts the rows of a step on a day into the result, if it has anything. */
static int
return_row(ReturnSetInfo *result, DateADT day, int step, int64 messages, int64 backlog)
{
	Datum		values[FORECAST_COLUMNS] = {DateADTGetDatum(day), Int32GetDatum(step),
	Int64GetDatum(messages), Int64GetDatum(backlog)};
	bool		nulls[FORECAST_COLUMNS] = {false};

	if (messages == 0 && backlog == 0)
		return 0;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return 1;
}

/* Puts the days of a forecast into the result. */
static void
return_days(ReturnSetInfo *result, const ForecastDays *days)
{
	int64		backlog[QUEUE_STEPS_MAX] = {0};
	int			nrows = 0;

	for (int day = 0; day <= days->last && nrows + days->nsteps <= FORECAST_ROWS_MAX; day++)
	{
		/* A zone may skip a day. */
		bool		is_none = day > 0 && days->ends[day] == days->ends[day - 1];

		for (int i = 0; i < days->nsteps && !is_none; i++)
		{
			Size		place = (Size) day * days->nsteps + i;

			backlog[i] += days->due[place] - days->sent[place];
			nrows += return_row(result, days->first + day, i + 1, days->sent[place], backlog[i]);
		}
	}
}

/* SQL: lt_forecast(campaign_id, assume) */
Datum
lt_forecast(PG_FUNCTION_ARGS)
{
	ForecastSubject subject = {.workspace = context_enter("campaigns:read")};
	ReturnSetInfo *result = statement_begin_rows(fcinfo, FORECAST_COLUMNS);
	Forecast   *forecast;

	subject.campaign = campaign_argument(fcinfo, 0);
	forecast_read_assumed(fcinfo, 1, &subject.assumed);
	statement_connect();
	campaign_require(subject.workspace, subject.campaign, true);
	subject.now = context_clock();
	subject.start = Max(subject.now, subject.assumed.start_at);
	/* The clock of a test may show a time that has no day. */
	if (!TIMESTAMP_NOT_FINITE(subject.now))
	{
		forecast = palloc(sizeof(Forecast));
		forecast_read(forecast, &subject);
		forecast_run(forecast, subject.start);
		return_days(result, &forecast->days);
	}
	statement_finish();
	return (Datum) 0;
}
