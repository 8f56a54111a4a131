/*
 * context.h
 *		What a call runs in: its workspace, its time and its transaction.
 */
#ifndef LEADTERRA_CONTEXT_H
#define LEADTERRA_CONTEXT_H

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/uuid.h"

#define CONTEXT_WORKSPACE_SETTING "leadterra.workspace_id"
#define CONTEXT_SCOPES_SETTING "leadterra.scopes"

/* What a call does in a workspace, from what is closed first. */
typedef enum ContextUse
{
	CONTEXT_CLAIMS,
	CONTEXT_WRITES,
	CONTEXT_READS
}			ContextUse;

extern void context_init(void);
extern Datum context_workspace(void);
extern Datum context_enter(const char *scope);
extern Datum context_enter_claim(const char *scope);
extern Datum context_enter_argument(FunctionCallInfo fcinfo);
extern TimestampTz context_time(void);
extern TimestampTz context_clock(void);
extern void context_ensure_workspace(void);
extern text *context_postal_address(Datum workspace);
extern void context_require_open(const pg_uuid_t *workspace, ContextUse use);
extern void context_require_read_committed(const char *action);

#endif							/* LEADTERRA_CONTEXT_H */
