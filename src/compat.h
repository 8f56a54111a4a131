/*
 * compat.h
 *		Differences between the server versions that are supported.
 */
#ifndef LEADTERRA_COMPAT_H
#define LEADTERRA_COMPAT_H

#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "leadterra needs PostgreSQL 15 or newer"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* What a check hook keeps is freed by the server, with free() before 16. */
#if PG_VERSION_NUM < 160000
#define guc_malloc(elevel, size) malloc(size)
#endif

/* The local part of the virtual transaction id; wants storage/proc.h. */
#if PG_VERSION_NUM < 170000
#define MyLocalTransactionId (MyProc->lxid)
#else
#define MyLocalTransactionId (MyProc->vxid.lxid)
#endif

/* What a hook of the planner is given beside the query, and passes on. */
#if PG_VERSION_NUM < 190000
#define PLANNER_HOOK_MORE
#define PLANNER_HOOK_PASS
#else
#define PLANNER_HOOK_MORE , struct ExplainState *explain
#define PLANNER_HOOK_PASS , explain
#endif

/* fmgr.h declares it since 16. */
#if PG_VERSION_NUM < 160000
extern PGDLLEXPORT void _PG_init(void);
#endif

#endif							/* LEADTERRA_COMPAT_H */
