/*
 * sender.h
 *		Senders: accounts that mails leave from, and pools of them.
 */
#ifndef LEADTERRA_SENDER_H
#define LEADTERRA_SENDER_H

#include "datatype/timestamp.h"
#include "utils/date.h"
#include "utils/uuid.h"

/* What goes by no transport of its own goes by this one. */
#define SENDER_DEFAULT_TRANSPORT "default"

/* Where a campaign draws its senders from, and what of them a claim can use. */
typedef struct SenderPool
{
	Datum		workspace;
	Datum		campaign;
	Datum		pool;
	Datum		transports;		/* names, of which a sender has to have one */
	bool		any_transport;	/* there are none of these */
	bool		no_new;			/* what nobody has had is not handed out today */
	TimestampTz now;
} SenderPool;

/* When the first senders of a pool are free; infinity: there are none. */
typedef struct SenderFirst
{
	pg_uuid_t	pool;
	TimestampTz any;
	TimestampTz begins;			/* the first one that takes new leads */
} SenderFirst;

/* Messages that a sender is looked for. */
typedef enum SenderWork
{
	SENDER_BEGUN,				/* those that it goes on with */
	SENDER_NEW					/* those with which none has begun */
} SenderWork;

/* What decides how many messages a sender may have on a day. */
typedef struct SenderLimit
{
	int			limit;			/* -1: there is none */
	bool		is_warming;
	int			ramp_from;
	int			ramp_step;
	DateADT		ramp_since;
} SenderLimit;

/* A sender that is locked, to be used by one claim. */
typedef struct Sender
{
	Datum		workspace;
	pg_uuid_t	sender_id;
	Datum		email;
	Datum		name;
	Datum		reply_to;
	Datum		transport;
	bool		no_name;
	bool		no_reply_to;
	bool		no_transport;
	int			gap;			/* seconds, with those at random */
	DateADT		today;			/* its local day */
	TimestampTz today_began;
	TimestampTz tomorrow;		/* begins */
	TimestampTz free_at;
	bool		begins;			/* it takes new leads of the pool */
	int			used;			/* today */
	int			left;			/* messages that it may have today; INT_MAX: any number */
	int			most;			/* in one claim */
} Sender;

/* sender.c */
extern int	sender_limit(const SenderLimit *limit, DateADT day);
extern Datum *sender_find_emails(Datum workspace, const pg_uuid_t *sender_ids, int count);

/* sender_claim.c */
extern bool sender_is_default_named(Datum transports);
extern bool sender_lock_free(const SenderPool *pool, SenderWork work, Sender *sender);
extern void sender_use(const Sender *sender, int messages, TimestampTz now);
extern void sender_give_back(Datum workspace, const pg_uuid_t *sender_id, TimestampTz claimed_at,
							 int messages, TimestampTz now);

/* sender_free.c */
extern void sender_find_first(const SenderPool *pool, SenderFirst *first);
extern TimestampTz sender_find_free(const SenderPool *pool, const SenderFirst *first);

/* sender_next.c */
extern void sender_keep_next(Datum workspace, pg_uuid_t *sender_id);

#endif							/* LEADTERRA_SENDER_H */
