/*
 * campaign_call.h
 *		What the calls on campaigns share.
 */
#ifndef LEADTERRA_CAMPAIGN_CALL_H
#define LEADTERRA_CAMPAIGN_CALL_H

#include "campaign.h"
#include "template.h"

/* A text of a step. */
typedef struct CampaignText
{
	int			step;
	const char *place;			/* in it */
	LeadString	string;
	TemplateFormat format;
	bool		has_url;		/* it shows the link of the message */
	bool		has_address;	/* it shows the postal address */
} CampaignText;

/* What a lead may get of a step: its texts, by their numbers; -1: it has none. */
typedef struct CampaignMail
{
	int			step;
	int			subject;
	int			body;
	int			text;
	int			preheader;
	const char *place;			/* of the body */
} CampaignMail;

/* All texts of a campaign. */
typedef struct CampaignTexts
{
	int			count;
	int			room;
	CampaignText *items;
	int			nmails;
	int			mail_room;
	CampaignMail *mails;
} CampaignTexts;

extern void campaign_read_texts(Datum workspace, Datum campaign, CampaignTexts *texts);
extern CampaignSteps *campaign_steps_argument(FunctionCallInfo fcinfo, int number);
extern void campaign_warn_of_texts(Datum workspace, Datum campaign, const char *name);
extern int64 campaign_count_values(Datum workspace, Datum campaign, const TemplateValues *settings,
								   const TemplateField *fields, int nfields, int64 *missing);

#endif							/* LEADTERRA_CAMPAIGN_CALL_H */
