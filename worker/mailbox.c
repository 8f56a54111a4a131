/*
 * mailbox.c
 *		Reads mailboxes, and tells the database what comes back of what was sent.
 *
 * Each mailbox has a time at which it is looked at next.  One that cannot be read is tried
 * again later and later, and keeps no other waiting for longer than its server may be silent.
 */
#include "mailbox.h"

#include <string.h>

#include "counter.h"
#include "log.h"
#include "mailbox_look.h"
#include "stop.h"

/* Seconds after which a mailbox that cannot be read is tried again, at first and at most. */
#define RETRY_FIRST 5
#define RETRY_MAX (15 * 60)

/* A mailbox, and when it is looked at. */
typedef struct Visit
{
	Mailbox		mailbox;
	int			every;			/* seconds */
	gint64		due_at;			/* of the monotonic clock */
	int			retry;			/* seconds; 0: the last look was a success */
} Visit;

/* Returns a mailbox of the configuration, with what is known of it from earlier. */
static Visit *
new_visit(const Config *config, const ConfigMailbox *from, Database *database, bool is_dry_run)
{
	Visit	   *visit = g_new0(Visit, 1);
	Mailbox    *mailbox = &visit->mailbox;
	g_autofree char *file = g_strdup_printf("mailbox-%s", from->name);
	g_autoptr(GError) error = NULL;

	mailbox->name = from->name;
	mailbox->workspace = from->workspace ? from->workspace : config->workspace;
	mailbox->return_path = config->return_path;
	mailbox->database = database;
	mailbox->is_dry_run = is_dry_run;
	mailbox->state_file = g_build_filename(config->state, file, NULL);
	mailbox->state_account = g_strdup_printf("%s %s %s", from->host, from->user, from->folder);
	mailbox->imap = imap_new(from);
	visit->every = from->every;
	if (!mailbox_state_read(mailbox->state_file, mailbox->state_account, &mailbox->state, &error))
		log_line("%s: it is read from its first mail: %s", mailbox->name, error->message);
	return visit;
}

static void
free_visit(void *pointer)
{
	Visit	   *visit = pointer;

	imap_free(visit->mailbox.imap);
	g_free(visit->mailbox.state_file);
	g_free(visit->mailbox.state_account);
	g_free(visit);
}

/* Looks at a mailbox, and says when it is looked at again; false: it could not be read. */
static bool
make_visit(Visit *visit)
{
	g_autoptr(GError) error = NULL;
	bool		is_read = mailbox_look(&visit->mailbox, &error);

	if (is_read || stop_asked())
		visit->retry = 0;
	else
	{
		visit->retry = visit->retry ? MIN(visit->retry * 2, RETRY_MAX) : RETRY_FIRST;
		log_line("%s: %s; tried again in %d s", visit->mailbox.name, error->message, visit->retry);
	}
	visit->due_at = g_get_monotonic_time() +
		(gint64) (visit->retry ? visit->retry : visit->every) * G_USEC_PER_SEC;
	return is_read;
}

/* Looks at all mailboxes that are due; false: one of them could not be read. */
static bool
make_visits(const GPtrArray *visits)
{
	bool		are_read = true;

	for (guint i = 0; i < visits->len && !stop_asked(); i++)
	{
		Visit	   *visit = g_ptr_array_index(visits, i);

		if (visit->due_at <= g_get_monotonic_time())
			are_read &= make_visit(visit);
	}
	return are_read;
}

/* Sleeps until the next mailbox is due. */
static void
sleep_until_due(const GPtrArray *visits)
{
	gint64		due_at = G_MAXINT64;
	gint64		left;

	for (guint i = 0; i < visits->len; i++)
		due_at = MIN(due_at, ((Visit *) g_ptr_array_index(visits, i))->due_at);
	left = due_at - g_get_monotonic_time();
	if (left > 0)
		stop_wait((int) MIN(left / 1000 + 1, G_MAXINT), 0, NULL);
}

/* Reads all mailboxes of the configuration until the worker is asked to stop, or once. */
int
mailbox_run(const Config *config, const Options *options)
{
	Database   *database = database_new(config, "mailbox");
	g_autoptr(GPtrArray) visits = g_ptr_array_new_with_free_func(free_visit);
	bool		are_read = true;

	for (guint i = 0; i < config->mailboxes->len; i++)
		g_ptr_array_add(visits, new_visit(config, g_ptr_array_index(config->mailboxes, i), database,
										  options->dry_run));
	while (!stop_asked())
	{
		are_read = make_visits(visits);
		counter_print();
		if (options->once)
			break;
		sleep_until_due(visits);
	}
	database_free(database);
	return are_read ? 0 : 1;
}
