/*
 * heir.h
 *		Which leads became part of which.
 */
#ifndef LEADTERRA_HEIR_H
#define LEADTERRA_HEIR_H

#include "utils/uuid.h"

extern bool heir_find(Datum workspace, const pg_uuid_t *lead_id, pg_uuid_t *heir, Datum *entry);
extern uint64 heir_entries(Datum workspace, const pg_uuid_t *heir);

#endif							/* LEADTERRA_HEIR_H */
