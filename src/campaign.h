/*
 * campaign.h
 *		Campaigns and their steps.
 */
#ifndef LEADTERRA_CAMPAIGN_H
#define LEADTERRA_CAMPAIGN_H

#include "fmgr.h"

#include "queue.h"

/* What a caller of campaign_require() does with the campaign. */
typedef enum CampaignUse
{
	CAMPAIGN_READ_STABLE,		/* look at it, under the caller's snapshot */
	CAMPAIGN_READ,				/* look at it */
	CAMPAIGN_KEEP,				/* keep it from being deleted; start and pause go on */
	CAMPAIGN_CHANGE,			/* keep others from changing it */
	CAMPAIGN_DELETE				/* keep others from using it */
} CampaignUse;

typedef enum CampaignStatus
{
	CAMPAIGN_DRAFT,
	CAMPAIGN_RUNNING,
	CAMPAIGN_PAUSED
} CampaignStatus;

extern Datum campaign_argument(FunctionCallInfo fcinfo, int number);
extern void campaign_read_steps(Datum workspace, Datum campaign, QueueSteps *steps);
extern bool campaign_owner(Datum workspace, Datum campaign, pg_uuid_t *owner);
extern void campaign_add_variables(Datum workspace, Datum campaign, Datum names);
extern CampaignStatus campaign_require(Datum workspace, Datum campaign, CampaignUse use);

#endif							/* LEADTERRA_CAMPAIGN_H */
