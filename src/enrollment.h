/*
 * enrollment.h
 *		Which lead is in which campaign.
 */
#ifndef LEADTERRA_ENROLLMENT_H
#define LEADTERRA_ENROLLMENT_H

#include "utils/uuid.h"

extern void enrollment_insert_created(Datum workspace, Datum campaign, Datum lead_ids);
extern uint64 enrollment_insert_known(Datum workspace, Datum campaign, Datum lead_ids);
extern uint64 enrollment_find(Datum workspace, Datum campaign, Datum emails, bool stable);
extern uint64 enrollment_lock_free(Datum workspace, Datum campaign, Datum lead_ids);
extern bool enrollment_change(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
							  const char *from, const char *to);
extern bool enrollment_end(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
						   const char *status);

#endif							/* LEADTERRA_ENROLLMENT_H */
