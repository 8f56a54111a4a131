/*
 * statement_plan.c
 *		The settings under which statements are planned.
 *
 * A plan that is kept outlives the call that first needed it, and the settings
 * that the session had then; neither may decide what it looks like.  The settings
 * here hold while the planner works on a statement, and not while the statement
 * runs: triggers, and functions that it calls, have the session's.
 */
#include "postgres.h"

#include "optimizer/planner.h"
#include "utils/guc.h"
#include "utils/plancache.h"

#include "compat.h"
#include "statement.h"

static const struct
{
	const char *name;
	const char *value;
}			settings[] = {
	/* Rows are found by index, at every size of a table. */
	{"enable_seqscan", "off"},
	/* These would change leads, and lock them, in other orders than by address. */
	{"enable_bitmapscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	/* What is left, which a session may have turned off. */
	{"enable_hashagg", "on"},
	{"enable_incremental_sort", "on"},
	{"enable_indexonlyscan", "on"},
	{"enable_indexscan", "on"},
	{"enable_material", "on"},
	{"enable_memoize", "on"},
	{"enable_nestloop", "on"},
	{"enable_sort", "on"},
	{"enable_tidscan", "on"},
	/* Compiling takes longer than most of them run. */
	{"jit", "off"},
	/*
	 * How far the planner looks, and what it takes for cheap, is as it comes.  The
	 * plans that are wanted are the same on every disk.
	 */
	{"constraint_exclusion", "partition"},
	{"from_collapse_limit", "8"},
	{"geqo", "off"},
	{"join_collapse_limit", "8"},
	{"cpu_index_tuple_cost", "0.005"},
	{"cpu_operator_cost", "0.0025"},
	{"cpu_tuple_cost", "0.01"},
	{"effective_cache_size", "4GB"},
	{"hash_mem_multiplier", "2"},
	{"random_page_cost", "4"},
	{"recursive_worktable_factor", "10"},
	{"seq_page_cost", "1"},
	{"work_mem", "4MB"}
};

static const Statement *at_hand = NULL;
static planner_hook_type previous_planner = NULL;

/*
 * Says which statement is planned under the settings from here on, or NULL, and
 * returns which one was before.
 */
const Statement *
statement_plan_next(const Statement *statement)
{
	const Statement *before = at_hand;

	at_hand = statement;
	return before;
}

/* Says whether a text is that of the statement at hand: the very one, not its like. */
static bool
is_at_hand(const char *text)
{
	CachedPlanSource *source;

	if (at_hand == NULL || at_hand->plan == NULL)
		return false;
	source = linitial(SPI_plan_get_plan_sources(at_hand->plan));
	return source->query_string == text;
}

/*
 * Stands before the planner, so that it does not matter when and why the plan
 * cache wants a plan.  Without the values of parameters the plan is generic also
 * in a session that forces custom ones.
 *
 * After an error the settings end with the transaction, or its part, that ends.
 */
static PlannedStmt *
plan(Query *query, const char *text, int options, ParamListInfo values PLANNER_HOOK_MORE)
{
	planner_hook_type planner = previous_planner ? previous_planner : standard_planner;
	PlannedStmt *result;
	int			level;

	if (!is_at_hand(text))
		return planner(query, text, options, values PLANNER_HOOK_PASS);
	level = NewGUCNestLevel();
	for (size_t i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i].name, settings[i].value, PGC_USERSET,
								 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	result = planner(query, text, options, NULL PLANNER_HOOK_PASS);
	AtEOXact_GUC(true, level);
	return result;
}

/* Comes between the plan cache and the planner; once, when the module is loaded. */
void
statement_plan_init(void)
{
	previous_planner = planner_hook;
	planner_hook = plan;
}
