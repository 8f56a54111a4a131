/*
 * webhook.c
 *		Delivers what webhooks are told.
 *
 * The database says what is due, to whom, and whether it is tried again; it signs, too.  As
 * much is claimed as can be started at once, so a lease lasts longer than what is under it.
 * What could not be reported, because the database was away, is reported when it is back: or
 * else it is delivered once more, which receivers have to expect.
 */
#include "webhook.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "counter.h"
#include "database.h"
#include "log.h"
#include "stop.h"
#include "webhook_transfer.h"

/* Milliseconds between two looks where nothing tells of work, and while some is going on. */
#define IDLE 60000
#define BUSY 1000

/* Outcomes that are kept while the database is away. */
#define REPORTS_MAX 10000

static const char due_workspaces[] = "SELECT workspace_id FROM lt_due_deliveries(100)";

static const char claim[] =
	"SELECT d.lease_id, d.delivery_id, d.url,"
	" (SELECT string_agg(h.key || ': ' || h.value, E'\\n')"
	" FROM jsonb_each_text(d.headers) h), d.body"
	" FROM lt_claim_deliveries($1::integer) d";

static const char finish[] =
	"SELECT lt_finish_delivery($1::uuid, $2::uuid, $3::integer, $4, $5::integer)";

/* Milliseconds until the next one is due; null: nothing waits. */
static const char next_due[] =
	"SELECT greatest(0, least(3600000,"
	" ceil(1000 * extract(epoch FROM lt_next_delivery() - now()))))::integer";

/* A delivery that was claimed, and what became of it. */
typedef struct Delivery
{
	char	   *workspace;		/* null: that of the role */
	char	   *lease_id;
	char	   *delivery_id;
	char	   *host;			/* all of the URL that is ever shown: the rest may be a secret */
	int			status;			/* 0: no answer came */
	const char *error;			/* null without a status, too: it was not tried */
	int			milliseconds;
} Delivery;

typedef struct Webhooks
{
	Database   *database;
	const char *workspace;		/* the configured one; null: that of the role, or all */
	WebhookTransfers *transfers;
	GQueue		reports;		/* of Delivery: ended, and not reported yet */
	guint		running;
	guint		connections;
	bool		is_dry_run;
	gint64		look_at;		/* when to claim next, by the monotonic clock */
} Webhooks;

static void
free_delivery(void *pointer)
{
	Delivery   *delivery = pointer;

	g_free(delivery->workspace);
	g_free(delivery->lease_id);
	g_free(delivery->delivery_id);
	g_free(delivery->host);
	g_free(delivery);
}

/* Returns the host of a URL. */
static char *
read_host(const char *url)
{
	CURLU	   *parts = curl_url();
	char	   *host = NULL;
	char	   *result;

	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK)
		(void) curl_url_get(parts, CURLUPART_HOST, &host, 0);
	result = g_utf8_make_valid(host ? host : "an invalid URL", -1);
	curl_free(host);
	curl_url_cleanup(parts);
	return result;
}

/* Tells the database what became of a delivery; false: it is to be told again. */
static bool
report(Webhooks *webhooks, const Delivery *delivery)
{
	g_autofree char *status = delivery->status ? g_strdup_printf("%d", delivery->status) : NULL;
	g_autofree char *milliseconds = g_strdup_printf("%d", delivery->milliseconds);
	const char *values[] = {delivery->lease_id, delivery->delivery_id, status, delivery->error,
	status || delivery->error ? milliseconds : NULL};
	char		sqlstate[6] = "";
	PGresult   *result = database_run(webhooks->database, delivery->workspace, finish,
									  G_N_ELEMENTS(values), values, sqlstate);

	PQclear(result);
	return result != NULL || !database_error_passes(sqlstate);
}

/* Reports what has ended, in its order, as long as the database is there. */
static void
report_all(Webhooks *webhooks)
{
	while (!g_queue_is_empty(&webhooks->reports))
	{
		if (!report(webhooks, g_queue_peek_head(&webhooks->reports)) &&
			g_queue_get_length(&webhooks->reports) < REPORTS_MAX)
			break;
		free_delivery(g_queue_pop_head(&webhooks->reports));
	}
}

/* Starts what a row of a claim has; or shows it, and gives it back. */
static void
start(Webhooks *webhooks, const char *workspace, const PGresult *result, int row)
{
	const char *url = PQgetvalue(result, row, 2);
	Delivery   *delivery = g_new0(Delivery, 1);

	delivery->workspace = g_strdup(workspace);
	delivery->lease_id = g_strdup(PQgetvalue(result, row, 0));
	delivery->delivery_id = g_strdup(PQgetvalue(result, row, 1));
	delivery->host = read_host(url);
	if (webhooks->is_dry_run || stop_asked())
	{
		if (webhooks->is_dry_run)
			log_line("delivery %s to %s: %s", delivery->delivery_id, delivery->host,
					 PQgetvalue(result, row, 4));
		g_queue_push_tail(&webhooks->reports, delivery);
		return;
	}
	webhook_transfers_start(webhooks->transfers, url, PQgetvalue(result, row, 3),
							PQgetvalue(result, row, 4), (gsize) PQgetlength(result, row, 4),
							delivery);
	webhooks->running++;
}

/* Claims what can be started in a workspace; false: the database is not there. */
static bool
claim_in(Webhooks *webhooks, const char *workspace)
{
	g_autofree char *count = g_strdup_printf("%u", webhooks->connections - webhooks->running);
	const char *values[] = {count};
	char		sqlstate[6] = "";
	PGresult   *result = database_run(webhooks->database, workspace, claim, 1, values, sqlstate);

	if (result == NULL)
		return false;
	for (int row = 0; row < PQntuples(result); row++)
		start(webhooks, workspace, result, row);
	PQclear(result);
	return true;
}

/* Claims in every workspace that has something due; false: the database is not there. */
static bool
claim_in_all(Webhooks *webhooks)
{
	char		sqlstate[6];
	PGresult   *result = database_run(webhooks->database, NULL, due_workspaces, 0, NULL, sqlstate);
	bool		is_there = result != NULL;

	for (int row = 0; is_there && row < PQntuples(result) &&
		 webhooks->running < webhooks->connections; row++)
		(void) claim_in(webhooks, PQgetvalue(result, row, 0));
	PQclear(result);
	return is_there;
}

/* Returns in how many milliseconds to look for work that nothing tells of. */
static int
find_next_due(Webhooks *webhooks, bool is_all)
{
	char		sqlstate[6];
	PGresult   *result;
	int			milliseconds = IDLE;

	/* Of all workspaces it is only known what is due now. */
	if (is_all)
		return BUSY;
	result = database_run(webhooks->database, webhooks->workspace, next_due, 0, NULL, sqlstate);
	if (result && !PQgetisnull(result, 0, 0))
		milliseconds = MIN(atoi(PQgetvalue(result, 0, 0)), IDLE);
	PQclear(result);
	/* A webhook that another worker has, or that rests, has work and gives none. */
	return MAX(milliseconds, BUSY / 10);
}

/* Claims, if there is room for more; returns whether anything was. */
static bool
claim_more(Webhooks *webhooks)
{
	guint		before = webhooks->running;
	gint64		now = g_get_monotonic_time();
	bool		is_all;

	if (stop_asked() || webhooks->running >= webhooks->connections || now < webhooks->look_at)
		return false;
	if (!database_connect(webhooks->database))
	{
		webhooks->look_at = now + (gint64) BUSY * 1000;
		return false;
	}
	(void) database_serves_all(webhooks->database, "lt_due_deliveries(integer)", &is_all);
	if (is_all ? claim_in_all(webhooks) : claim_in(webhooks, webhooks->workspace))
		report_all(webhooks);
	if (webhooks->running == before)
		webhooks->look_at = now + (gint64) find_next_due(webhooks, is_all) * 1000;
	return webhooks->running > before;
}

/* Takes up what has ended. */
static void
take_up(Webhooks *webhooks)
{
	WebhookOutcome outcome;

	while (webhook_transfers_next(webhooks->transfers, &outcome))
	{
		Delivery   *delivery = outcome.data;
		bool		is_success = outcome.status >= 200 && outcome.status < 300;

		delivery->status = outcome.status;
		delivery->error = outcome.error;
		delivery->milliseconds = outcome.milliseconds;
		if (outcome.error)
			log_line("delivery %s to %s failed: %s", delivery->delivery_id, delivery->host,
					 outcome.error);
		else if (!is_success)
			log_line("delivery %s to %s failed: status %d", delivery->delivery_id, delivery->host,
					 outcome.status);
		counter_add(is_success ? COUNTER_DELIVERED : COUNTER_NOT_DELIVERED, 1);
		g_queue_push_tail(&webhooks->reports, delivery);
		webhooks->running--;
	}
	report_all(webhooks);
}

/* Says whether the database told of work, or is away and may have told of some. */
static bool
may_be_told(Webhooks *webhooks)
{
	return database_socket(webhooks->database) < 0 || database_notified(webhooks->database);
}

/* Waits until there is something to do. */
static void
wait_for_work(Webhooks *webhooks)
{
	gint64		left = (webhooks->look_at - g_get_monotonic_time()) / 1000 + 1;
	struct pollfd others[2];
	guint		count = 0;
	int			database = database_socket(webhooks->database);

	/* What came with the answer to a statement, such as a report, is not in the socket any more. */
	if (database >= 0 && database_notified(webhooks->database))
	{
		webhooks->look_at = 0;
		return;
	}
	if (webhooks->running >= webhooks->connections || stop_asked())
		left = IDLE;
	if (webhooks->running > 0 || database < 0 || !g_queue_is_empty(&webhooks->reports))
		left = MIN(left, BUSY);
	if (database >= 0)
		others[count++] = (struct pollfd) {.fd = database, .events = POLLIN};
	if (!stop_asked())
		others[count++] = (struct pollfd) {.fd = stop_descriptor(), .events = POLLIN};
	webhook_transfers_wait(webhooks->transfers, others, count, (int) CLAMP(left, 0, IDLE));
	if (may_be_told(webhooks))
		webhooks->look_at = 0;
}

/* Delivers until the worker is asked to stop, or until nothing is due. */
int
webhook_run(const Config *config, const Options *options)
{
	Webhooks	webhooks = {
		.database = database_new(config, "webhook"),
		.workspace = config->workspace,
		.transfers = webhook_transfers_new(config->webhook_allow, config->webhook_ca_file),
		.reports = G_QUEUE_INIT,
		.connections = (guint) config->webhook_connections,
		.is_dry_run = options->dry_run
	};
	bool		is_once = options->once || options->dry_run;

	database_listen(webhooks.database, "leadterra_deliveries");
	for (;;)
	{
		bool		is_new = claim_more(&webhooks);

		take_up(&webhooks);
		counter_print();
		if (webhooks.running == 0 && (stop_asked() || (is_once && !is_new)))
			break;
		if (!is_new)
			wait_for_work(&webhooks);
	}
	report_all(&webhooks);
	g_queue_clear_full(&webhooks.reports, free_delivery);
	webhook_transfers_free(webhooks.transfers);
	database_free(webhooks.database);
	return 0;
}
