/*
 * tap.h
 *		Tests that print TAP.
 */
#ifndef LEADTERRA_WORKER_TAP_H
#define LEADTERRA_WORKER_TAP_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

static int	tap_count;
static int	tap_failed;

/* Tests one thing. */
static inline bool
ok(bool passed, const char *name)
{
	printf("%sok %d - %s\n", passed ? "" : "not ", ++tap_count, name);
	tap_failed += !passed;
	return passed;
}

/* Tests that two strings are the same; null is a string of its own. */
static inline bool
is(const char *got, const char *expected, const char *name)
{
	bool		passed = ok(g_strcmp0(got, expected) == 0, name);

	if (!passed)
		printf("#      got: %s\n# expected: %s\n", got ? got : "(null)",
			   expected ? expected : "(null)");
	return passed;
}

/* Ends the tests, and returns the exit status. */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed > 0;
}

#endif
