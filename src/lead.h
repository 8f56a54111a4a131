/*
 * lead.h
 *		The table of leads.
 */
#ifndef LEADTERRA_LEAD_H
#define LEADTERRA_LEAD_H

#include "utils/array.h"

#include "lead_patch.h"

/* A lead and a patch that makes it, or changes it. */
typedef struct LeadChange
{
	pg_uuid_t	lead_id;
	LeadString	email;
	const LeadPatch *patch;
} LeadChange;

extern uint64 lead_insert(Datum workspace, const LeadChange *leads, int count);
extern uint64 lead_update(Datum workspace, const LeadChange *leads, int count);
extern bool lead_update_one(Datum workspace, const LeadString *email, const LeadPatch *patch);
extern bool lead_update_by_id(Datum workspace, Datum lead_id, const LeadPatch *patch);
extern text *lead_read(Datum workspace, const pg_uuid_t *lead_id, Datum *fields, bool *nulls);
extern bool lead_delete(Datum workspace, Datum lead_id);
extern uint64 lead_delete_many(Datum workspace, Datum emails);
extern uint64 lead_keep(Datum workspace, const LeadString *emails, int count);
extern uint64 lead_lock(Datum workspace, const LeadString *emails, int count);
extern bool lead_keep_one(Datum workspace, const pg_uuid_t *lead_id, LeadString *email);
extern bool lead_email(Datum workspace, const pg_uuid_t *lead_id, LeadString *email);
extern Datum lead_emails(const LeadString *emails, int count);
extern bool lead_limit(Datum workspace, int64 created, bool dry_run, int64 *remaining);
extern Datum lead_normalize_emails(ArrayType *given);

#endif							/* LEADTERRA_LEAD_H */
