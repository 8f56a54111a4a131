/*
 * mime.c
 *		GMime, as the worker uses it.
 */
#include "mime.h"

#include <gmime/gmime.h>
#include <stdbool.h>

void
mime_start(void)
{
	static bool started = false;

	if (!started)
		g_mime_init();
	started = true;
}
