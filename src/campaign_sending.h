/*
 * campaign_sending.h
 *		When, how much and by whom a campaign sends: its settings.
 */
#ifndef LEADTERRA_CAMPAIGN_SENDING_H
#define LEADTERRA_CAMPAIGN_SENDING_H

#include "pgtime.h"

#include "setting.h"

/* The settings of a campaign. */
typedef enum CampaignSetting
{
	CAMPAIGN_POOL,
	CAMPAIGN_SCHEDULE,
	CAMPAIGN_DAILY_LIMIT,
	CAMPAIGN_DAILY_NEW_LEADS,
	CAMPAIGN_NEW_LEADS_FIRST,
	CAMPAIGN_BOUNCE_LIMIT,
	CAMPAIGN_STOP_ON_AUTO_REPLY,
	CAMPAIGN_SETTINGS
} CampaignSetting;

/* The settings that a campaign has. */
typedef struct CampaignSending
{
	SettingValues settings;
	bool		is_draft;
	pg_tz	   *zone;			/* of its days; NULL: unknown, for its row is broken */
} CampaignSending;

extern const Setting campaign_settings[];

extern void campaign_lock_sending(Datum workspace, Datum campaign, CampaignSending *sending);
extern void campaign_set_sending(Datum workspace, Datum campaign, const CampaignSending *before,
								 const SettingValues *settings);
extern bool campaign_stops_on_auto_reply(Datum workspace, Datum campaign);

#endif							/* LEADTERRA_CAMPAIGN_SENDING_H */
