/*
 * stop.c
 *		How a task is told to stop: the other end of a pipe is closed.
 */
#include "stop.h"

#include <glib.h>
#include <string.h>

static int	watched = -1;
static bool is_asked;

void
stop_watch(int descriptor)
{
	watched = descriptor;
	is_asked = false;
}

bool
stop_asked(void)
{
	struct pollfd entry = {.fd = watched, .events = POLLIN};

	if (!is_asked && watched >= 0)
		is_asked = poll(&entry, 1, 0) > 0;
	return is_asked;
}

void
stop_wait(int timeout_ms, int n, const struct pollfd *descriptors)
{
	g_autofree struct pollfd *entries = g_new0(struct pollfd, n + 1);

	if (n > 0)
		memcpy(entries, descriptors, sizeof(struct pollfd) * (gsize) n);
	entries[n] = (struct pollfd) {.fd = watched, .events = POLLIN};
	/* A signal ends it early, which callers cannot tell from the rest. */
	(void) poll(entries, (nfds_t) n + 1, timeout_ms);
}

int
stop_descriptor(void)
{
	return watched;
}
