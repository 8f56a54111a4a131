/*
 * message_turn.h
 *		A claim, and the turn of a campaign in it.
 */
#ifndef LEADTERRA_MESSAGE_TURN_H
#define LEADTERRA_MESSAGE_TURN_H

#include "fmgr.h"
#include "nodes/execnodes.h"

#include "campaign.h"
#include "message.h"
#include "queue.h"
#include "sender.h"

/* A claim: what the call asks for, and what it did in all campaigns. */
typedef struct MessageClaim
{
	Datum		workspace;
	TimestampTz now;
	TimestampTz expires_at;
	int			wanted;
	Datum		worker;
	bool		no_worker;
	Datum		transports;		/* that the worker has */
	bool		any_transport;	/* it did not say */
	bool		has_default;	/* one of them is for what has none of its own */
	bool		took;			/* ranges, which it holds */
	bool		has_waited;		/* for others, or must not */
	int			passed_over;	/* messages that it skipped */
	ReturnSetInfo *result;
	MessageText rendered;		/* the message at hand */
} MessageClaim;

/* The turn of a campaign in a claim, and the lease on what is taken from it. */
typedef struct MessageTurn
{
	MessageClaim *claim;
	Datum		campaign;
	CampaignLimits limits;
	Sender		sender;			/* where the campaign has a pool */
	int			wanted;			/* messages, by all limits */
	TimestampTz send_until;
	MessageTexts *texts;
	const char *webhooks;		/* events that these want; NULL: there is none */
	DueRule		rules[QUEUE_STEPS_MAX]; /* of those steps that may be taken, by number */
	QueueSource sources[QUEUE_STEPS_MAX + 1];
	QueueTaker	taker;
	QueueLease	lease;
	int			handed;
	int			handed_new;		/* that were the first of their leads */
	int			room;			/* for numbers of messages */
	int			nskipped;		/* of those that are not handed out */
	int		   *skipped;
	uint8	   *variants;		/* of each message; 0: none */
	bool		has_variants;
} MessageTurn;

extern bool message_turn_open(MessageTurn *turn, MessageClaim *claim, Datum campaign, bool wait);
extern void message_turn_close(MessageTurn *turn);

#endif							/* LEADTERRA_MESSAGE_TURN_H */
