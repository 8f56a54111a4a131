/*
 * apart.c
 *		Runs what reads a stranger's bytes in a process of its own.
 *
 * A mail that crashes its reader, or keeps it busy for ever, costs that process, which has
 * little time and memory.  The caller goes on with the next mail.
 */
#include "apart.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Seconds of the processor, and of the clock. */
#define CPU_SECONDS 20
#define SECONDS 60

/* Bytes of memory; whoever watches a program for errors needs far more. */
#define MEMORY ((rlim_t) 2 * 1024 * 1024 * 1024)

/* Bytes of what is said about a mail. */
#define RESULT_MAX ((gsize) 256 * 1024)

G_DEFINE_QUARK(leadterra-apart-error, apart_error)

static void
set_limits(void)
{
	struct rlimit cpu = {CPU_SECONDS, CPU_SECONDS};
	struct rlimit core = {0, 0};

	setrlimit(RLIMIT_CPU, &cpu);
	setrlimit(RLIMIT_CORE, &core);
#ifndef __SANITIZE_ADDRESS__
	setrlimit(RLIMIT_AS, &(struct rlimit) {MEMORY, MEMORY});
#endif
}

/* Does the work, writes what is known, and ends without a trace of what the parent has open. */
static G_NORETURN void
work(ApartFunction function, void *data, int output, pid_t parent)
{
	GVariant   *value;
	const char *bytes;
	gsize		left;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	/* Whoever stops the worker waits for this mail. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	set_limits();
	value = function(data);
	if (value == NULL)
		_exit(0);
	bytes = g_variant_get_data(value);
	for (left = g_variant_get_size(value); left > 0;)
	{
		ssize_t		written = write(output, bytes, left);

		if (written < 0 && errno != EINTR)
			_exit(1);
		if (written > 0)
		{
			bytes += written;
			left -= (gsize) written;
		}
	}
	_exit(0);
}

/* Reads until the other end is closed; false: it takes too long, or says too much. */
static bool
read_all(int input, GByteArray *result)
{
	gint64		until = g_get_monotonic_time() + (gint64) SECONDS * G_USEC_PER_SEC;
	struct pollfd entry = {.fd = input, .events = POLLIN};

	for (;;)
	{
		guint8		bytes[4096];
		gint64		left = (until - g_get_monotonic_time()) / 1000;
		int			ready = left <= 0 ? 0 : poll(&entry, 1, (int) left);
		ssize_t		count;

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return false;
		count = read(input, bytes, sizeof(bytes));
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0 || result->len > RESULT_MAX)
			return false;
		if (count == 0)
			return true;
		g_byte_array_append(result, bytes, (guint) count);
	}
}

/*
 * Runs a function in a process of its own, and returns its value, of a type in GVariant's
 * words.  Null without an error: it had none.  With one: it crashed, or took too much.
 */
GVariant *
apart_run(ApartFunction function, void *data, const char *type, GError **error)
{
	g_autoptr(GByteArray) result = g_byte_array_new();
	pid_t		parent = getpid();
	int			ends[2];
	int			status = 0;
	bool		is_read;
	pid_t		pid;

	if (pipe(ends) != 0)
	{
		g_set_error(error, APART_ERROR, 0, "pipe: %s", g_strerror(errno));
		return NULL;
	}
	pid = fork();
	if (pid == 0)
		work(function, data, ends[1], parent);
	close(ends[1]);
	is_read = pid > 0 && read_all(ends[0], result);
	close(ends[0]);
	if (pid < 0)
	{
		g_set_error(error, APART_ERROR, 0, "fork: %s", g_strerror(errno));
		return NULL;
	}
	if (!is_read)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!is_read || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
	{
		g_set_error(error, APART_ERROR, 0, "its reader %s",
					!is_read ? "took too long" : WIFSIGNALED(status) ?
					strsignal(WTERMSIG(status)) : "failed");
		return NULL;
	}
	if (result->len == 0)
		return NULL;

	/* What a crash left is taken for nothing: a value that is not in normal form is made one. */
	{
		g_autoptr(GBytes) bytes = g_byte_array_free_to_bytes(g_steal_pointer(&result));
		g_autoptr(GVariant) raw = g_variant_ref_sink(
			g_variant_new_from_bytes(G_VARIANT_TYPE(type), bytes, FALSE));

		return g_variant_get_normal_form(raw);
	}
}
