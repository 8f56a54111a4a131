/*
 * main.c
 *		leadterra-worker: sends mails, reads what comes back, delivers webhooks and verifies
 *		addresses, for databases with the extension leadterra.
 *
 * The parent process only reads the configuration. Each task is a process of its own, which is
 * started again where it dies: mail that crashes whoever reads it keeps nobody from sending.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "config.h"
#include "counter.h"
#include "log.h"
#include "mailbox.h"
#include "send.h"
#include "stop.h"
#include "verify.h"
#include "webhook.h"

/* Seconds after which a task that ended is started again, at first and at most. */
#define RESTART_FIRST 1
#define RESTART_MAX 60

/* Seconds that tasks have to stop. */
#define STOP_MAX 60

/* A task, and the process that does it. */
typedef struct Task
{
	const char *name;
	int			(*run) (const Config *config, const Options *options);
	bool		is_wanted;
	pid_t		pid;			/* 0: none */
	gint64		started_at;		/* by the monotonic clock */
	gint64		start_at;		/* when it is to be started; G_MAXINT64: never again */
	int			backoff;		/* seconds */
	bool		has_failed;
} Task;

static Task tasks[] = {
	{.name = "send", .run = send_run},
	{.name = "mailbox", .run = mailbox_run},
	{.name = "webhook", .run = webhook_run},
	{.name = "verify", .run = verify_run}
};

static const char help[] =
	"Usage: leadterra-worker --config FILE [--once | --dry-run | --check]\n"
	"\n"
	"Sends the mails of campaigns, reads what comes back of them, delivers webhooks\n"
	"and verifies addresses, as far as the configuration says so.\n"
	"\n"
	"  --config FILE  what to do, and by which servers: see leadterra-worker(1)\n"
	"  --once         ends when nothing is due\n"
	"  --dry-run      prints mails and sends none; nothing is changed\n"
	"  --check        reads the configuration, says what is wrong with it, and ends\n"
	"  --version      prints the version\n"
	"  --help         prints this\n";

/* Reads the command line; ends the program where that is all that is asked for. */
static void
read_options(int argc, char **argv, Options *options)
{
	static const struct option known[] = {
		{"config", required_argument, NULL, 'c'}, {"once", no_argument, NULL, 'o'},
		{"dry-run", no_argument, NULL, 'd'}, {"check", no_argument, NULL, 'k'},
		{"version", no_argument, NULL, 'v'}, {"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}
	};
	int			option;

	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1)
	{
		switch (option)
		{
			case 'c':
				options->file = optarg;
				break;
			case 'o':
				options->once = true;
				break;
			case 'd':
				options->dry_run = options->once = true;
				break;
			case 'k':
				options->check = true;
				break;
			case 'v':
				puts("leadterra-worker " LEADTERRA_VERSION);
				exit(0);
			case 'h':
				fputs(help, stdout);
				exit(0);
			default:
				fputs(help, stderr);
				exit(2);
		}
	}
	if (optind < argc || options->file == NULL)
	{
		fputs(help, stderr);
		exit(2);
	}
}

/* No secret is in a core file, and no other process of the user looks at this one. */
static void
protect(void)
{
	struct rlimit none = {0, 0};

	if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		log_line("core files cannot be turned off: %s", g_strerror(errno));
}

/* Wipes what a task has no use for. */
static void
wipe_others(const Task *task, Config *config)
{
	if (task->run != send_run)
		config_wipe_transports(config);
	if (task->run != mailbox_run)
		config_wipe_mailboxes(config);
}

/* Does a task, in a process of its own; returns the exit status. */
static int
run_task(const Task *task, Config *config, const Options *options, int stop)
{
	sigset_t	none;
	int			status;

	/* The parent tells it to stop.  Signals to the whole group are not for it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	log_start(task->name);
	stop_watch(stop);
	wipe_others(task, config);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	status = task->run(config, options);
	counter_print_rest();
	curl_global_cleanup();
	config_free(config);
	return status;
}

/* Starts the process of a task. */
static void
start_task(Task *task, Config *config, const Options *options, const int stop[2])
{
	task->started_at = g_get_monotonic_time();
	task->start_at = G_MAXINT64;
	fflush(NULL);
	task->pid = fork();
	if (task->pid == 0)
	{
		int			status;

		close(stop[1]);
		status = run_task(task, config, options, stop[0]);
		fflush(NULL);
		_exit(status);
	}
	if (task->pid > 0)
		return;
	task->pid = 0;
	task->start_at = task->started_at + (gint64) RESTART_MAX * G_USEC_PER_SEC;
	log_line("task %s cannot be started: %s", task->name, g_strerror(errno));
}

/* Notes that the process of a task has ended, and when it is to be started again. */
static void
end_task(Task *task, int status, const Options *options, bool is_stopping)
{
	gint64		now = g_get_monotonic_time();

	task->pid = 0;
	task->has_failed = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
	if (WIFSIGNALED(status))
		log_line("task %s was ended by signal %d", task->name, WTERMSIG(status));
	if (options->once || is_stopping)
		return;
	/* One that worked for long is not one that cannot work. */
	if (now - task->started_at > (gint64) RESTART_MAX * G_USEC_PER_SEC)
		task->backoff = 0;
	task->backoff = CLAMP(task->backoff * 2, RESTART_FIRST, RESTART_MAX);
	task->start_at = now + (gint64) task->backoff * G_USEC_PER_SEC;
	log_line("task %s ended, and is started again in %d seconds", task->name, task->backoff);
}

/* Takes up which processes have ended. */
static void
reap(const Options *options, bool is_stopping)
{
	pid_t		pid;
	int			status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
	{
		for (gsize i = 0; i < G_N_ELEMENTS(tasks); i++)
		{
			if (tasks[i].pid == pid)
				end_task(&tasks[i], status, options, is_stopping);
		}
	}
}

/* Starts the tasks whose time has come; returns when the next one is to be. */
static gint64
start_tasks(Config *config, const Options *options, const int stop[2])
{
	gint64		next = G_MAXINT64;

	for (gsize i = 0; i < G_N_ELEMENTS(tasks); i++)
	{
		if (tasks[i].is_wanted && tasks[i].start_at <= g_get_monotonic_time())
			start_task(&tasks[i], config, options, stop);
		next = tasks[i].is_wanted ? MIN(next, tasks[i].start_at) : next;
	}
	return next;
}

static bool
are_running(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(tasks); i++)
	{
		if (tasks[i].pid > 0)
			return true;
	}
	return false;
}

/* Waits for a signal until a time, at most a minute; returns it, or -1. */
static int
wait_for_signal(const sigset_t *signals, gint64 until)
{
	gint64		left = CLAMP(until - g_get_monotonic_time(), 0, (gint64) 60 * G_USEC_PER_SEC);
	struct timespec timeout = {left / G_USEC_PER_SEC, left % G_USEC_PER_SEC * 1000};

	return sigtimedwait(signals, NULL, &timeout);
}

/* Ends the tasks that do not. */
static void
kill_tasks(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(tasks); i++)
	{
		if (tasks[i].pid > 0)
		{
			log_line("task %s does not stop, and is killed", tasks[i].name);
			kill(tasks[i].pid, SIGKILL);
		}
	}
}

/* Runs tasks until they have ended, or until a signal says to stop. */
static void
supervise(Config *config, const Options *options, const sigset_t *signals, int stop[2])
{
	gint64		stop_until = 0;

	for (;;)
	{
		gint64		next = stop_until;
		int			number;

		if (stop_until == 0)
			next = start_tasks(config, options, stop);
		if (!are_running() && next == G_MAXINT64)
			return;
		number = wait_for_signal(signals, next);
		reap(options, stop_until > 0);
		if (stop_until == 0 && (number == SIGTERM || number == SIGINT || number == SIGHUP))
		{
			close(stop[1]);
			stop_until = g_get_monotonic_time() + (gint64) STOP_MAX * G_USEC_PER_SEC;
		}
		if (stop_until > 0 && !are_running())
			return;
		if (stop_until > 0 && g_get_monotonic_time() >= stop_until)
		{
			kill_tasks();
			stop_until = G_MAXINT64;
		}
	}
}

int
main(int argc, char **argv)
{
	Options		options = {0};
	g_autoptr(GError) error = NULL;
	Config	   *config;
	sigset_t	signals;
	int			stop[2];
	bool		has_failed = false;

	read_options(argc, argv, &options);
	protect();
	config = config_read(options.file, &error);
	if (config == NULL)
	{
		log_line("%s", error->message);
		return 2;
	}
	tasks[0].is_wanted = config->transports->len > 0;
	tasks[1].is_wanted = config->mailboxes->len > 0;
	tasks[2].is_wanted = config->has_webhooks;
	tasks[3].is_wanted = config->has_verification;
	if (!options.check)
	{
		sigemptyset(&signals);
		sigaddset(&signals, SIGTERM);
		sigaddset(&signals, SIGINT);
		sigaddset(&signals, SIGHUP);
		sigaddset(&signals, SIGCHLD);
		sigprocmask(SIG_BLOCK, &signals, NULL);
		if (pipe(stop) != 0)
		{
			log_line("%s", g_strerror(errno));
			return 1;
		}
		supervise(config, &options, &signals, stop);
	}
	for (gsize i = 0; i < G_N_ELEMENTS(tasks); i++)
		has_failed |= tasks[i].has_failed;
	config_free(config);
	return has_failed ? 1 : 0;
}
