/*
 * leadterra.c
 *		The module: magic block and initialization of the domains that need it.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "context.h"
#include "statement.h"

#if PG_VERSION_NUM >= 180000
PG_MODULE_MAGIC_EXT(.name = "leadterra", .version = LEADTERRA_VERSION);
#else
PG_MODULE_MAGIC;
#endif

void
_PG_init(void)
{
	statement_plan_init();
	context_init();
}
