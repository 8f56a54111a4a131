/*
 * sender_walk.h
 *		Going through senders in the order in which they become free, and through what they
 *		have begun in the order in which it is due.
 */
#ifndef LEADTERRA_SENDER_WALK_H
#define LEADTERRA_SENDER_WALK_H

#include "utils/portal.h"

#include "sender.h"

/* Columns of senders. */
enum
{
	WALK_FREE_SENDER,
	WALK_FREE_AT,
	WALK_FREE_LEFT,				/* the pool */
	WALK_FREE_DUE,				/* its first message */
	WALK_FREE_COLUMNS
};

/* Columns of messages. */
enum
{
	WALK_DUE_SENDER,
	WALK_DUE_AT,
	WALK_DUE_FREE_AT,			/* its sender */
	WALK_DUE_COLUMNS
};

/* Senders that are free, or messages that are due, as far as they were looked at. */
typedef struct SenderWalk
{
	Portal		portal;
	bool		ended;
} SenderWalk;

extern TimestampTz sender_horizon(const SenderPool *pool);
extern void sender_note_first(const SenderPool *pool, TimestampTz free_at);
extern SenderWalk sender_walk_free(const SenderPool *pool, TimestampTz since, TimestampTz until);
extern SenderWalk sender_walk_due(const SenderPool *pool, TimestampTz until);
extern bool sender_walk_first_due(const SenderPool *pool);
extern int	sender_walk_on(SenderWalk *walk, int count);
extern void sender_walk_end(SenderWalk *walk);

#endif							/* LEADTERRA_SENDER_WALK_H */
