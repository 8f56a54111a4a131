/*
 * campaign_call_stats.c
 *		Calls that say what became of the messages of a campaign.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "campaign.h"
#include "compat.h"
#include "context.h"
#include "sender.h"
#include "statement.h"
#include "total.h"

PG_FUNCTION_INFO_V1(lt_count_campaign);
PG_FUNCTION_INFO_V1(lt_step_stats);
PG_FUNCTION_INFO_V1(lt_daily_stats);

/* Counts in the order of the columns of each. */
static const TotalCount campaign_columns[] = {
	TOTAL_SENT, TOTAL_DELIVERED, TOTAL_OPENED, TOTAL_REPLIED, TOTAL_BOUNCED, TOTAL_UNSUBSCRIBED,
	TOTAL_FAILED, TOTAL_SKIPPED
};

static const TotalCount step_columns[] = {
	TOTAL_SENT, TOTAL_DELIVERED, TOTAL_OPENED, TOTAL_CLICKED, TOTAL_REPLIED, TOTAL_BOUNCED,
	TOTAL_COMPLAINED, TOTAL_UNSUBSCRIBED
};

static const TotalCount daily_columns[] = {
	TOTAL_SENT, TOTAL_CONTACTED, TOTAL_DELIVERED, TOTAL_OPENED, TOTAL_CLICKED, TOTAL_REPLIED,
	TOTAL_BOUNCED, TOTAL_COMPLAINED, TOTAL_UNSUBSCRIBED, TOTAL_FAILED, TOTAL_SKIPPED
};

/* Columns of lt_step_stats and lt_daily_stats before their counts. */
enum
{
	STEP_STEP,
	STEP_VARIANT,
	STEP_SENDER,
	STEP_EMAIL,
	STEP_COUNTS
};

enum
{
	DAILY_DAY,
	DAILY_COUNTS
};

/* Sets columns to counts of a row; false if all of them are 0. */
static bool
set_counts(const TotalRow *row, const TotalCount *columns, size_t count, Datum *values)
{
	bool		any = false;

	for (size_t i = 0; i < count; i++)
	{
		values[i] = Int64GetDatum(row->counts[columns[i]]);
		any |= row->counts[columns[i]] != 0;
	}
	return any;
}

/* SQL: leadterra.count_campaign(campaign_id) */
Datum
lt_count_campaign(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:read");
	Datum		campaign = campaign_argument(fcinfo, 0);
	Datum		values[lengthof(campaign_columns)];
	bool		nulls[lengthof(campaign_columns)] = {false};
	TotalRow	nothing = {.counts = {0}};
	Totals		totals;
	const TotalRow **rows;
	int			count;
	Datum		result;

	statement_connect();
	campaign_require(workspace, campaign, true);
	total_init(&totals, workspace, campaign, NULL, false);
	total_count_campaign(&totals);
	rows = total_rows(&totals, &count);
	(void) set_counts(count > 0 ? rows[0] : &nothing, campaign_columns,
					  lengthof(campaign_columns), values);
	result = statement_result(fcinfo, values, nulls, lengthof(campaign_columns));
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* Puts the counts of a step, a variant and a sender into the result; email may be 0: unknown. */
static void
put_step(ReturnSetInfo *result, const TotalRow *row, Datum email)
{
	Datum		values[STEP_COUNTS + lengthof(step_columns)] = {
		Int32GetDatum(row->key.step), Int32GetDatum(row->key.variant),
		UUIDPGetDatum(&row->key.sender), email
	};
	bool		nulls[STEP_COUNTS + lengthof(step_columns)] = {
		[STEP_VARIANT] = row->key.variant == 0,
		[STEP_SENDER] = !queue_has_sender(&row->key.sender),
		[STEP_EMAIL] = email == (Datum) 0
	};

	if (set_counts(row, step_columns, lengthof(step_columns), &values[STEP_COUNTS]))
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* SQL: lt_step_stats(campaign_id) */
Datum
lt_step_stats(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:read");
	Datum		campaign = campaign_argument(fcinfo, 0);
	ReturnSetInfo *result;
	Totals		totals;
	const TotalRow **rows;
	pg_uuid_t  *senders;
	Datum	   *emails;
	int			count;

	result = statement_begin_rows(fcinfo, STEP_COUNTS + lengthof(step_columns));
	statement_connect();
	campaign_require(workspace, campaign, true);
	total_init(&totals, workspace, campaign, NULL, true);
	total_count_campaign(&totals);
	rows = total_rows(&totals, &count);
	senders = palloc(sizeof(pg_uuid_t) * (count + 1));
	for (int i = 0; i < count; i++)
		senders[i] = rows[i]->key.sender;
	emails = sender_find_emails(workspace, senders, count);
	for (int i = 0; i < count; i++)
		put_step(result, rows[i], emails[i]);
	statement_finish();
	return (Datum) 0;
}

/* SQL: lt_daily_stats(campaign_id) */
Datum
lt_daily_stats(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("campaigns:read");
	Datum		campaign = campaign_argument(fcinfo, 0);
	ReturnSetInfo *result;
	Totals		totals;
	const TotalRow **rows;
	int			count;

	result = statement_begin_rows(fcinfo, DAILY_COUNTS + lengthof(daily_columns));
	statement_connect();
	total_init(&totals, workspace, campaign, campaign_require_zone(workspace, campaign), false);
	total_count_campaign(&totals);
	rows = total_rows(&totals, &count);
	for (int i = 0; i < count; i++)
	{
		Datum		values[DAILY_COUNTS + lengthof(daily_columns)] = {
			DateADTGetDatum(rows[i]->key.day)
		};
		bool		nulls[DAILY_COUNTS + lengthof(daily_columns)] = {false};

		if (set_counts(rows[i], daily_columns, lengthof(daily_columns), &values[DAILY_COUNTS]))
			tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	statement_finish();
	return (Datum) 0;
}
