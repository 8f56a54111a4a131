/*
 * campaign.h
 *		Campaigns and their steps.
 */
#ifndef LEADTERRA_CAMPAIGN_H
#define LEADTERRA_CAMPAIGN_H

#include "fmgr.h"

#include "queue.h"

typedef enum CampaignStatus
{
	CAMPAIGN_DRAFT,
	CAMPAIGN_RUNNING,
	CAMPAIGN_PAUSED
} CampaignStatus;

/* Steps as a caller gives them, column by column. */
typedef struct CampaignSteps
{
	int			count;
	Datum		subjects[QUEUE_STEPS_MAX];
	Datum		bodies[QUEUE_STEPS_MAX];
	Datum		delays[QUEUE_STEPS_MAX];
	bool		no_delay[QUEUE_STEPS_MAX];	/* nothing was said of it */
} CampaignSteps;

/* campaign.c: the tables */
extern Datum campaign_argument(FunctionCallInfo fcinfo, int number);
extern CampaignStatus campaign_require(Datum workspace, Datum campaign, bool stable);
extern CampaignStatus campaign_keep(Datum workspace, Datum campaign);
extern CampaignStatus campaign_lock(Datum workspace, Datum campaign);
extern CampaignStatus campaign_lock_doomed(Datum workspace, Datum campaign);
extern bool campaign_try_keep(Datum workspace, Datum campaign);
extern void campaign_read_steps(Datum workspace, Datum campaign, QueueSteps *steps);
extern void campaign_insert(Datum workspace, Datum campaign, Datum name, CampaignSteps *steps);
extern void campaign_copy(Datum workspace, Datum campaign, Datum copy, Datum name);
extern void campaign_replace_steps(Datum workspace, Datum campaign, CampaignSteps *steps);
extern bool campaign_change_texts(Datum workspace, Datum campaign, CampaignSteps *steps);
extern void campaign_start(Datum workspace, Datum campaign, TimestampTz now);
extern void campaign_pause(Datum workspace, Datum campaign, TimestampTz now);
extern void campaign_rename(Datum workspace, Datum campaign, Datum name);
extern void campaign_set_owner(Datum workspace, Datum campaign, Datum owner);
extern void campaign_delete(Datum workspace, Datum campaign);

/* campaign_lead.c: what is between a campaign and its leads */
extern bool campaign_owner(Datum workspace, Datum campaign, pg_uuid_t *owner);
extern void campaign_add_variables(Datum workspace, Datum campaign, Datum names);

#endif							/* LEADTERRA_CAMPAIGN_H */
