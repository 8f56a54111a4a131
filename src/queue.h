/*
 * queue.h
 *		The queue: batches of leads that wait at the same step.
 */
#ifndef LEADTERRA_QUEUE_H
#define LEADTERRA_QUEUE_H

#include "utils/uuid.h"

/* Messages of a batch; a position in it fits ten bits. */
#define QUEUE_BATCH_MAX 1000

extern void queue_enqueue(Datum workspace, Datum campaign, int step,
						  const pg_uuid_t *lead_ids, int count);

#endif							/* LEADTERRA_QUEUE_H */
