/*
 * sender_setting.h
 *		Settings of senders, and their rows.
 */
#ifndef LEADTERRA_SENDER_SETTING_H
#define LEADTERRA_SENDER_SETTING_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/date.h"

#include "setting.h"

/* The settings of a sender. */
typedef enum SenderSetting
{
	SENDER_NAME,
	SENDER_REPLY_TO,
	SENDER_STATUS,
	SENDER_DAILY_LIMIT,
	SENDER_RAMP_FROM,
	SENDER_RAMP_STEP,
	SENDER_GAP_SECONDS,
	SENDER_GAP_JITTER_SECONDS,
	SENDER_TIME_ZONE,
	SENDER_TRANSPORT,
	SENDER_SETTINGS
} SenderSetting;

/* The row of a sender. */
typedef struct SenderRow
{
	SettingValues settings;
	bool		is_unused;		/* it has never handed out anything */
	DateADT		used_on;
	int			used;			/* on that local day */
} SenderRow;

extern const Setting sender_settings[];

extern void sender_raise_not_found(Datum sender) pg_attribute_noreturn();
extern bool sender_insert(Datum workspace, Datum id, Datum email, const SettingValues *settings);
extern void sender_lock(Datum workspace, Datum id, SenderRow *row);
extern void sender_update(Datum workspace, Datum id, const SenderRow *before,
						  const SettingValues *settings);

#endif							/* LEADTERRA_SENDER_SETTING_H */
