/*
 * forecast_assume.c
 *		What a caller of a forecast assumes: other settings, more leads, other senders.
 *
 * Settings are those of lt_set_sending that say when and how much is sent, and some of
 * those of senders; what they may be stands in the tables of these.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "campaign_sending.h"
#include "compat.h"
#include "error.h"
#include "forecast.h"
#include "json.h"
#include "sender_setting.h"
#include "setting.h"

/* Leads that may be assumed. */
#define NEW_LEADS_MAX 10000000

StaticAssertDecl(CAMPAIGN_POOL == 0 && CAMPAIGN_BOUNCE_LIMIT == FORECAST_LIMITS,
				 "settings of campaigns that limit what is sent");

/* Settings beside those of campaigns. */
enum
{
	ASSUME_NEW_LEADS = FORECAST_LIMITS,
	ASSUME_SENDERS,
	ASSUME_START_AT,
	ASSUME_SETTINGS
};

static const Setting more_settings[] = {
	{"newLeads", .kind = SETTING_NUMBER, .most = NEW_LEADS_MAX, .fallback = "0"},
	{"senders", .kind = SETTING_LIST},
	{"startAt", .kind = SETTING_TIME}
};

/* Settings of a sender that is assumed. */
enum
{
	ASSUME_DAILY_LIMIT,
	ASSUME_GAP,
	ASSUME_ZONE,
	ASSUME_COUNT,
	ASSUME_SENDER_SETTINGS
};

static const Setting count_setting = {
	"count", .kind = SETTING_NUMBER, .most = FORECAST_SENDERS_MAX, .fallback = "1"
};

/* Reads an entry of the list of senders. */
static void
read_sender(const JsonbValue *element, const char *path, ForecastAssumedSender *sender,
			ErrorList *errors)
{
	JsonbContainer *object = json_container(element, true);
	const Setting settings[ASSUME_SENDER_SETTINGS] = {
		[ASSUME_DAILY_LIMIT] = sender_settings[SENDER_DAILY_LIMIT],
		[ASSUME_GAP] = sender_settings[SENDER_GAP_SECONDS],
		[ASSUME_ZONE] = sender_settings[SENDER_TIME_ZONE],
		[ASSUME_COUNT] = count_setting
	};
	SettingPatch patch;
	SettingValues values;

	if (object == NULL)
	{
		error_list_add(errors, ERROR_NO_INDEX, path, "not_an_object",
					   "an entry of senders must be an object");
		return;
	}
	setting_read_object(object, path, settings, ASSUME_SENDER_SETTINGS, &patch, errors);
	setting_defaults(settings, ASSUME_SENDER_SETTINGS, &values);
	setting_apply(&patch, ASSUME_SENDER_SETTINGS, &values);
	sender->daily_limit = values.nulls[ASSUME_DAILY_LIMIT] ? -1 :
		DatumGetInt32(values.values[ASSUME_DAILY_LIMIT]);
	sender->gap_seconds = DatumGetInt32(values.values[ASSUME_GAP]);
	sender->zone = window_zone_require(TextDatumGetCString(values.values[ASSUME_ZONE]));
	sender->count = DatumGetInt32(values.values[ASSUME_COUNT]);
}

/* Reads the list of senders. */
static void
read_senders(Jsonb *list, ForecastAssumed *assumed, ErrorList *errors)
{
	JsonbIterator *iterator = json_iterate(&list->root);
	JsonbValue	element;
	int			total = 0;
	int			n = 0;

	assumed->senders = palloc0(sizeof(ForecastAssumedSender) * Max(JB_ROOT_COUNT(list), 1));
	while (json_next_element(&iterator, &element))
	{
		ForecastAssumedSender *sender = &assumed->senders[n];

		read_sender(&element, psprintf("senders[%d]", n++), sender, errors);
		total = Min(total + sender->count, FORECAST_SENDERS_MAX + 1);
	}
	assumed->nsenders = n;
	if (total > FORECAST_SENDERS_MAX)
		error_list_add(errors, ERROR_NO_INDEX, "senders", "invalid_value",
					   psprintf("senders must be at most %d", FORECAST_SENDERS_MAX));
}

/* Reads an argument of a function, from 0, that says what a caller assumes. */
void
forecast_read_assumed(FunctionCallInfo fcinfo, int number, ForecastAssumed *assumed)
{
	Setting		settings[ASSUME_SETTINGS];
	SettingPatch *patch = &assumed->limits;
	ErrorList	errors;

	memset(assumed, 0, sizeof(ForecastAssumed));
	memcpy(settings, campaign_settings, sizeof(Setting) * FORECAST_LIMITS);
	memcpy(&settings[FORECAST_LIMITS], more_settings, sizeof(more_settings));
	error_list_init(&errors);
	setting_read(fcinfo, number, settings, ASSUME_SETTINGS, patch, &errors);
	if (patch->given[ASSUME_NEW_LEADS])
		assumed->new_leads = DatumGetInt32(patch->to.values[ASSUME_NEW_LEADS]);
	assumed->start_at = DT_NOBEGIN;
	if (patch->given[ASSUME_START_AT] && !patch->to.nulls[ASSUME_START_AT])
		assumed->start_at = DatumGetTimestampTz(patch->to.values[ASSUME_START_AT]);
	if (patch->given[ASSUME_SENDERS] && !patch->to.nulls[ASSUME_SENDERS])
	{
		assumed->has_senders = true;
		read_senders(DatumGetJsonbP(patch->to.values[ASSUME_SENDERS]), assumed, &errors);
	}
	setting_raise(&errors);
}
