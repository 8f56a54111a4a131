/*
 * campaign.h
 *		Campaigns and their steps.
 */
#ifndef LEADTERRA_CAMPAIGN_H
#define LEADTERRA_CAMPAIGN_H

#include "fmgr.h"
#include "utils/jsonb.h"

#include "lead_field.h"
#include "queue.h"
#include "window.h"

typedef enum CampaignStatus
{
	CAMPAIGN_DRAFT,
	CAMPAIGN_RUNNING,
	CAMPAIGN_PAUSED
} CampaignStatus;

/* The greatest weight of a variant. */
#define CAMPAIGN_WEIGHT_MAX 1000

/* Headers of a step. */
#define CAMPAIGN_HEADERS_MAX 50

/* What a step says, in the order of the parameters of statements. */
typedef enum CampaignStepColumn
{
	CAMPAIGN_SUBJECT,
	CAMPAIGN_BODY_HTML,
	CAMPAIGN_BODY_TEXT,
	CAMPAIGN_PREHEADER,
	CAMPAIGN_HEADERS,
	CAMPAIGN_VARIANTS,
	CAMPAIGN_DELAY,				/* in minutes; null: nothing was said of it */
	CAMPAIGN_STEP_COLUMNS
} CampaignStepColumn;

/* Steps as a caller gives them, column by column. */
typedef struct CampaignSteps
{
	int			count;
	Datum		values[CAMPAIGN_STEP_COLUMNS][QUEUE_STEPS_MAX];
	bool		nulls[CAMPAIGN_STEP_COLUMNS][QUEUE_STEPS_MAX];
	int			nvariants[QUEUE_STEPS_MAX];
} CampaignSteps;

/* Columns of a campaign that say when and how much it may send. */
#define CAMPAIGN_LIMIT_COLUMNS \
	"c.pool_id, c.schedule, c.daily_limit, c.daily_new_leads, c.new_leads_first," \
	" c.bounce_limit"
#define CAMPAIGN_LIMITS 6

/* When and how much a campaign may send, and what it used of that. */
typedef struct CampaignLimits
{
	Datum		workspace;
	Datum		campaign;
	bool		has_pool;
	pg_uuid_t	pool;
	const Window *window;		/* NULL: always */
	int			daily_limit;	/* messages; -1: any number */
	int			daily_new_leads;
	bool		new_leads_first;
	bool		has_bounce_limit;
	DateADT		today;			/* of those that have a limit */
	int			handed;			/* messages today */
	int			new_leads;
} CampaignLimits;

/* A variant of a step; strings without data are the step's own. */
typedef struct CampaignVariant
{
	LeadString	subject;
	LeadString	body_html;
	LeadString	body_text;
	int			weight;			/* 0: it is disabled, or never chosen */
} CampaignVariant;

typedef struct CampaignVariants
{
	int			count;
	CampaignVariant items[QUEUE_VARIANTS_MAX];
} CampaignVariants;

/* Headers of a step, each name with its template. */
typedef struct CampaignHeaders
{
	int			count;
	LeadString	names[CAMPAIGN_HEADERS_MAX];
	LeadString	values[CAMPAIGN_HEADERS_MAX];
} CampaignHeaders;

/* campaign.c: the tables */
extern Datum campaign_argument(FunctionCallInfo fcinfo, int number);
extern void campaign_raise_not_found(Datum campaign) pg_attribute_noreturn();
extern CampaignStatus campaign_require(Datum workspace, Datum campaign, bool stable);
extern CampaignStatus campaign_keep(Datum workspace, Datum campaign);
extern CampaignStatus campaign_lock(Datum workspace, Datum campaign);
extern CampaignStatus campaign_lock_doomed(Datum workspace, Datum campaign);
extern bool campaign_try_keep(Datum workspace, Datum campaign);
extern void campaign_insert(Datum workspace, Datum campaign, Datum name);
extern void campaign_copy(Datum workspace, Datum campaign, Datum copy, Datum name);
extern void campaign_start(Datum workspace, Datum campaign, TimestampTz now);
extern void campaign_pause(Datum workspace, Datum campaign, TimestampTz now);
extern void campaign_tell(Datum workspace, Datum campaign, const char *event, const char *reason);
extern void campaign_rename(Datum workspace, Datum campaign, Datum name);
extern void campaign_set_owner(Datum workspace, Datum campaign, Datum owner);
extern void campaign_delete(Datum workspace, Datum campaign);

/* campaign_turn.c: when and how much it may send */
extern char *campaign_require_zone(Datum workspace, Datum campaign);
extern void campaign_read_limits(Datum workspace, Datum campaign, const Datum *values,
								 const bool *nulls, CampaignLimits *limits);
extern void campaign_find_limits(Datum workspace, Datum campaign, bool is_limited,
								 CampaignLimits *limits);
extern bool campaign_has_limits(const CampaignLimits *limits);
extern int	campaign_messages_left(const CampaignLimits *limits);
extern int	campaign_new_leads_left(const CampaignLimits *limits);
extern bool campaign_lock_usage(CampaignLimits *limits, TimestampTz now);
extern void campaign_use(CampaignLimits *limits, int messages, int new_leads);
extern void campaign_give_back(Datum workspace, Datum campaign, TimestampTz claimed_at,
							   int messages, int new_leads, TimestampTz now);

/* campaign_bounce.c: what pauses it */
extern void campaign_count_sent(Datum workspace, Datum campaign, int messages);
extern void campaign_count_bounces(Datum workspace, Datum campaign, int refused, int bounced,
								   TimestampTz now);

/* campaign_step.c: the steps */
extern void campaign_read_steps(Datum workspace, Datum campaign, QueueSteps *steps);
extern void campaign_insert_steps(Datum workspace, Datum campaign, CampaignSteps *steps);
extern void campaign_copy_steps(Datum workspace, Datum campaign, Datum copy);
extern void campaign_replace_steps(Datum workspace, Datum campaign, CampaignSteps *steps);
extern void campaign_fit_steps(Datum workspace, Datum campaign, CampaignSteps *steps);
extern bool campaign_read_variants(const Jsonb *stored, CampaignVariants *variants);
extern bool campaign_read_headers(const Jsonb *stored, CampaignHeaders *headers);

/* campaign_lead.c: what is between a campaign and its leads */
extern bool campaign_owner(Datum workspace, Datum campaign, pg_uuid_t *owner);
extern void campaign_add_variables(Datum workspace, Datum campaign, Datum names);

#endif							/* LEADTERRA_CAMPAIGN_H */
