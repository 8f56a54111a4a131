/*
 * is.h
 *		A check that two strings are the same.
 */
#ifndef LEADTERRA_WORKER_IS_H
#define LEADTERRA_WORKER_IS_H

#include <glib.h>

#include "tap.h"

/* Says what the strings are where they differ; null is a string of its own. */
static inline bool
is(const char *got, const char *expected, const char *name)
{
	bool		passed = ok(g_strcmp0(got, expected) == 0, "%s", name);

	if (!passed)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
			   expected ? expected : "(null)");
	return passed;
}

#endif
