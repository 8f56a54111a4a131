/*
 * message_text.h
 *		The texts of a campaign's steps, compiled, for whoever renders them.
 */
#ifndef LEADTERRA_MESSAGE_TEXT_H
#define LEADTERRA_MESSAGE_TEXT_H

#include "lib/stringinfo.h"

#include "campaign.h"
#include "message.h"
#include "template.h"

/* Seeds of the hashes of messages. */
typedef enum MessageSeed
{
	MESSAGE_SEED_RANDOM,
	MESSAGE_SEED_VARIANT
} MessageSeed;

/* The texts of a variant, or of a step that has none. */
typedef struct VariantTexts
{
	Template   *subject;		/* NULL: it is not compiled yet */
	Template   *body_start;		/* what stands before the preheader; NULL: there is none */
	Template   *body;
	Template   *body_text;		/* NULL: it has none */
} VariantTexts;

/* The texts of a step. */
typedef struct StepTexts
{
	Datum		columns[MESSAGE_TEXTS];
	bool		nulls[MESSAGE_TEXTS];
	bool		is_compiled;
	bool		may_continue;	/* a thread: a subject of it is blank */
	Template   *preheader;
	CampaignHeaders *headers;	/* NULL: it has none */
	Template  **header_values;
	CampaignVariants *variants; /* NULL: it has none */
	VariantTexts *texts;		/* of the step, and of each of them */
} StepTexts;

/* The texts of a campaign, and what they are filled in with beside its leads. */
struct MessageTexts
{
	Datum		workspace;
	Datum		campaign;
	MemoryContext context;		/* of all that stays */
	StepTexts  *steps[QUEUE_STEPS_MAX];
	MessageLinks links;			/* without a base where it has none */
	bool		has_postal_address;
	LeadString	postal_address;
	StringInfoData subject;		/* of the message at hand */
	StringInfoData body_html;
	StringInfoData body_text;
	StringInfoData line;
};

extern const StepTexts *message_find_step(MessageTexts *texts, int number);
extern const VariantTexts *message_find_variant(MessageTexts *texts, int number, int variant);
extern uint64 message_hash(const pg_uuid_t *lead_id, const pg_uuid_t *campaign, int step,
						   MessageSeed seed);
extern int	message_variant(MessageTexts *texts, const pg_uuid_t *lead_id, int step);
extern int	message_sent_variant(MessageTexts *texts, const pg_uuid_t *lead_id, int step, int kept);
extern bool message_has_subject(MessageTexts *texts, int step, int variant);
extern bool message_continues(MessageTexts *texts, const Message *message);

#endif							/* LEADTERRA_MESSAGE_TEXT_H */
