/*
 * counter.c
 *		What a task did, in one line a minute.
 */
#include "counter.h"

#include "log.h"

#define INTERVAL ((gint64) 60 * G_USEC_PER_SEC)

static const char *const names[COUNTERS] = {
	[COUNTER_SENT] = "sent",
	[COUNTER_BOUNCED] = "bounced",
	[COUNTER_FAILED] = "failed",
	[COUNTER_DEFERRED] = "deferred",
	[COUNTER_RETRIED] = "to be tried again",
	[COUNTER_GIVEN_BACK] = "given back",
	[COUNTER_LOST] = "lost",
	[COUNTER_CONNECTIONS] = "connections opened",
	[COUNTER_BOUNCES] = "bounces",
	[COUNTER_COMPLAINTS] = "complaints",
	[COUNTER_REPLIES] = "replies",
	[COUNTER_UNKNOWN] = "unknown",
	[COUNTER_PASSED_OVER] = "passed over",
	[COUNTER_DELIVERED] = "delivered",
	[COUNTER_NOT_DELIVERED] = "not delivered",
	[COUNTER_INVALID] = "invalid",
	[COUNTER_RISKY] = "risky"
};

static guint64 counters[COUNTERS];
static gint64 printed_at;

void
counter_add(Counter counter, guint64 n)
{
	counters[counter] += n;
	/* A minute begins with what is first counted in it. */
	if (printed_at == 0)
		printed_at = g_get_monotonic_time();
}

void
counter_print(void)
{
	if (printed_at != 0 && g_get_monotonic_time() - printed_at >= INTERVAL)
		counter_print_rest();
}

void
counter_print_rest(void)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (int i = 0; i < COUNTERS; i++)
	{
		if (counters[i] == 0)
			continue;
		g_string_append_printf(line, "%s%" G_GUINT64_FORMAT " %s", line->len > 0 ? ", " : "",
							   counters[i], names[i]);
		counters[i] = 0;
	}
	if (line->len > 0)
		log_line("%s", line->str);
	printed_at = 0;
}
