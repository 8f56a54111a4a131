/*
 * verify.c
 *		Finds out which addresses take mail, as far as that can be known from here.
 *
 * A job has up to a few thousand leads. Each of their domains is looked up once, and once more
 * at the end if nothing was found out.  Own bounces need no look: their addresses are
 * suppressed.
 */
#include "verify.h"

#include <stdlib.h>
#include <string.h>

#include "counter.h"
#include "database.h"
#include "dns.h"
#include "log.h"
#include "stop.h"
#include "verify_address.h"

/* Milliseconds between two looks for jobs whose lease ran out, and while one cannot be done. */
#define IDLE 60000
#define RETRY 5000

/* Microseconds after which a lease is extended. */
#define PROGRESS ((gint64) 60 * G_USEC_PER_SEC)

/* The leads of the oldest job; a job whose leads are gone has one row without a lead. */
static const char claim[] =
	"SELECT j.lease_id, l.lead_id, l.email, coalesce(l.verification_status, 0)"
	" FROM lt_claim_job('10 minutes', $1, 'verify_leads') j"
	" LEFT JOIN LATERAL (SELECT l.lead_id, l.email, l.verification_status"
	" FROM unnest(j.lead_ids) AS u (lead_id)"
	" JOIN lt_leads l ON l.lead_id = u.lead_id"
	" WHERE l.email IS NOT NULL) l ON true";

static const char progress[] = "SELECT lt_job_progress($1::uuid, $2::integer, '10 minutes')";

static const char set_statuses[] =
	"SELECT lt_set_verification($1::uuid[], ARRAY(SELECT nullif(u.status, 0)"
	" FROM unnest($2::integer[]) WITH ORDINALITY AS u (status, i) ORDER BY u.i))";

static const char finish[] = "SELECT lt_finish_job($1::uuid, $2)";

typedef struct Verifier
{
	Database   *database;
	const char *workspace;		/* null: that of the role */
	const char *worker;
	Dns		   *dns;
	GHashTable *disposable;		/* null: no list */
} Verifier;

/* A job at hand. */
typedef struct Job
{
	const PGresult *leads;
	const char *lease_id;
	GHashTable *domains;		/* what is known of each: DnsMail */
	guint		done;
	gint64		told_at;		/* when its lease was extended last */
} Job;

/* The columns of a claim. */
enum
{
	LEASE_ID,
	LEAD_ID,
	EMAIL,
	STATUS
};

static const char *
domain_of(const Job *job, int row)
{
	return verify_domain(PQgetvalue(job->leads, row, EMAIL));
}

/* Extends the lease if that is due; false: another worker has the job. */
static bool
keep_lease(const Verifier *verifier, Job *job)
{
	g_autofree char *percent = NULL;
	const char *values[] = {job->lease_id, NULL};
	char		sqlstate[6] = "";
	PGresult   *result;
	bool		is_ours;

	if (g_get_monotonic_time() - job->told_at < PROGRESS)
		return true;
	job->told_at = g_get_monotonic_time();
	percent = g_strdup_printf("%u", MIN(99, job->done * 50 /
										MAX(g_hash_table_size(job->domains), 1)));
	values[1] = percent;
	result = database_run(verifier->database, verifier->workspace, progress, 2, values, sqlstate);
	is_ours = result != NULL || database_error_passes(sqlstate);
	PQclear(result);
	return is_ours;
}

/* Looks up the domains of which nothing is known; false: the job is to be left. */
static bool
look_up(const Verifier *verifier, Job *job, guint *unknown)
{
	GHashTableIter iter;
	void	   *domain;
	void	   *known;

	*unknown = 0;
	g_hash_table_iter_init(&iter, job->domains);
	while (g_hash_table_iter_next(&iter, &domain, &known))
	{
		DnsMail		mail = (DnsMail) GPOINTER_TO_INT(known);

		job->done++;
		if (mail != DNS_UNKNOWN)
			continue;
		if (stop_asked() || !keep_lease(verifier, job))
			return false;
		mail = dns_find_mail(verifier->dns, domain);
		g_hash_table_iter_replace(&iter, GINT_TO_POINTER((int) mail));
		*unknown += mail == DNS_UNKNOWN;
	}
	return true;
}

/* Writes what was found out of each lead, where that is something new. */
static bool
write_statuses(const Verifier *verifier, const Job *job)
{
	g_autoptr(GString) leads = g_string_new("{");
	g_autoptr(GString) statuses = g_string_new("{");
	const char *values[2];
	char		sqlstate[6];
	PGresult   *result;

	for (int row = 0; row < PQntuples(job->leads); row++)
	{
		int			old = atoi(PQgetvalue(job->leads, row, STATUS));
		DnsMail		mail;
		int			status;

		if (PQgetisnull(job->leads, row, LEAD_ID))
			continue;
		mail = (DnsMail) GPOINTER_TO_INT(g_hash_table_lookup(job->domains, domain_of(job, row)));
		status = verify_status(PQgetvalue(job->leads, row, EMAIL), mail, verifier->disposable, old);
		counter_add(status == VERIFY_INVALID ? COUNTER_INVALID :
					status == VERIFY_RISKY ? COUNTER_RISKY : COUNTER_UNKNOWN, 1);
		if (status == old)
			continue;
		g_string_append_printf(leads, "%s%s", leads->len > 1 ? "," : "",
							   PQgetvalue(job->leads, row, LEAD_ID));
		g_string_append_printf(statuses, "%s%d", statuses->len > 1 ? "," : "", status);
	}
	g_string_append_c(leads, '}');
	g_string_append_c(statuses, '}');
	values[0] = leads->str;
	values[1] = statuses->str;
	result = database_run(verifier->database, verifier->workspace, set_statuses, 2, values,
						  sqlstate);
	PQclear(result);
	return result != NULL;
}

/* Says how the job ended; why: null, it is done. */
static void
finish_job(const Verifier *verifier, const Job *job, const char *why)
{
	const char *values[] = {job->lease_id, why};
	char		sqlstate[6];

	PQclear(database_run(verifier->database, verifier->workspace, finish, 2, values, sqlstate));
}

/* Does a job.  One that is left halfway is handed out again when its lease has run out. */
static void
do_job(const Verifier *verifier, Job *job)
{
	guint		unknown;

	for (int row = 0; row < PQntuples(job->leads); row++)
	{
		const char *domain = domain_of(job, row);

		/* A domain in brackets is an address of a host. */
		if (domain[0] != '\0' && domain[0] != '[')
			g_hash_table_insert(job->domains, (void *) domain, GINT_TO_POINTER(DNS_UNKNOWN));
	}
	if (!look_up(verifier, job, &unknown) || (unknown > 0 && !look_up(verifier, job, &unknown)))
		return;
	if (unknown == g_hash_table_size(job->domains) && unknown > 0 &&
		!dns_is_reachable(verifier->dns))
		finish_job(verifier, job, "no name server answers");
	else if (write_statuses(verifier, job))
		finish_job(verifier, job, NULL);
}

/* Claims a job and does it; false: there is none, or the database is not there. */
static bool
do_next(const Verifier *verifier)
{
	const char *values[] = {verifier->worker};
	char		sqlstate[6];
	PGresult   *result = database_run(verifier->database, verifier->workspace, claim, 1, values,
									  sqlstate);
	Job			job = {.leads = result, .told_at = g_get_monotonic_time()};
	bool		is_some = result && PQntuples(result) > 0;

	if (is_some)
	{
		job.lease_id = PQgetvalue(result, 0, LEASE_ID);
		job.domains = g_hash_table_new(g_str_hash, g_str_equal);
		do_job(verifier, &job);
		g_hash_table_unref(job.domains);
	}
	PQclear(result);
	return is_some;
}

/* Sleeps until a job may be there. */
static void
wait_for_job(Database *database, bool is_ready)
{
	struct pollfd entry = {.fd = database_socket(database), .events = POLLIN};

	/* What came with the answer to a statement is not in the socket any more. */
	if (database_notified(database))
		return;
	stop_wait(is_ready ? IDLE : RETRY, entry.fd >= 0 && is_ready ? 1 : 0, &entry);
	(void) database_notified(database);
}

/* Does jobs until the worker is asked to stop, or until none waits. */
int
verify_run(const Config *config, const Options *options)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(GHashTable) disposable = NULL;
	Verifier	verifier = {.workspace = config->workspace, .worker = config->name};

	if (options->dry_run)
	{
		log_line("jobs are not done in a dry run");
		return 0;
	}
	if (config->disposable_file)
		disposable = verify_read_disposable(config->disposable_file, &error);
	verifier.dns = dns_new(config->name_server);
	if (error || verifier.dns == NULL)
	{
		log_line("%s", error ? error->message : "there is no resolver");
		return 1;
	}
	verifier.disposable = disposable;
	verifier.database = database_new(config, "verify");
	database_listen(verifier.database, "leadterra_jobs");
	while (!stop_asked())
	{
		bool		is_ready = database_connect(verifier.database);

		/* Where nobody answers, a job would only be in vain. */
		if (is_ready && !dns_is_reachable(verifier.dns))
		{
			log_line("no name server answers");
			is_ready = false;
		}
		if (is_ready && do_next(&verifier))
			continue;
		counter_print();
		if (options->once)
			break;
		wait_for_job(verifier.database, is_ready);
	}
	database_free(verifier.database);
	dns_free(verifier.dns);
	return 0;
}
