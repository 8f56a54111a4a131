/*
 * database.c
 *		The connection of a task to the database.
 *
 * Calls wait for their answers, and nothing waits for long: the server gives up a statement
 * after a while, and a server that is gone is noticed.
 */
#include "database.h"

#include <stdlib.h>
#include <string.h>

#include "log.h"

/* Seconds after which it tries to connect again, at first and at most. */
#define RETRY_FIRST 1
#define RETRY_MAX 60

/* What every session begins with; a role or a database may have other settings. */
static const char begin_session[] =
	"SELECT pg_catalog.set_config('search_path', pg_catalog.quote_ident($1), false),"
	" pg_catalog.set_config('statement_timeout', '30s', false),"
	" pg_catalog.set_config('default_transaction_isolation', 'read committed', false),"
	" pg_catalog.set_config('default_transaction_read_only', 'off', false),"
	" pg_catalog.set_config('jit', 'off', false)";

static const char serves_all[] =
	"SELECT coalesce(current_setting('leadterra.workspace_id', true), '') = ''"
	" AND has_function_privilege($1::text, 'EXECUTE')"
	" AND has_function_privilege('lt_use_workspace(uuid)', 'EXECUTE')";

static const char use_workspace[] = "SELECT lt_use_workspace($1::pg_catalog.uuid)";

struct Database
{
	const Config *config;
	char	   *name;			/* how the server shows the session */
	char	   *channel;		/* to listen on; null: none */
	PGconn	   *connection;		/* null: not connected */
	int			backoff;		/* seconds; 0: the last attempt was a success */
	gint64		retry_at;
	bool		was_notified;
	bool		knows_all;		/* the next is known of this connection */
	bool		serves_all;
};

Database *
database_new(const Config *config, const char *task)
{
	Database   *database = g_new0(Database, 1);

	database->config = config;
	database->name = g_strdup_printf("leadterra-worker %s", task);
	return database;
}

static void
disconnect(Database *database)
{
	PQfinish(database->connection);
	database->connection = NULL;
	database->knows_all = false;
}

/* Closes the connection, and says when the next one may be opened. */
static void
rest(Database *database)
{
	disconnect(database);
	database->backoff = CLAMP(database->backoff * 2, RETRY_FIRST, RETRY_MAX);
	database->retry_at = g_get_monotonic_time() + (gint64) database->backoff * G_USEC_PER_SEC;
}

void
database_free(Database *database)
{
	disconnect(database);
	g_free(database->name);
	g_free(database->channel);
	g_free(database);
}

void
database_listen(Database *database, const char *channel)
{
	g_free(database->channel);
	database->channel = g_strdup(channel);
	disconnect(database);
}

gint64
database_retry_at(const Database *database)
{
	return database->retry_at;
}

/* Logs what libpq or the server said, in one line and without the end of it. */
static void
log_message(const char *text)
{
	g_autofree char *copy = g_strdup(text);

	log_line("database: %s", g_strstrip(copy));
}

static void
log_notice(void *data, const PGresult *result)
{
	(void) data;
	log_message(PQresultErrorMessage(result));
}

/* Runs a statement; true: it was a success. */
static bool
run_simple(Database *database, const char *sql, const char *value)
{
	PGresult   *result = PQexecParams(database->connection, sql, value ? 1 : 0, NULL,
									  value ? &value : NULL, NULL, NULL, 0);
	ExecStatusType status = PQresultStatus(result);
	bool		is_done = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;

	if (!is_done)
		log_message(PQresultErrorMessage(result));
	PQclear(result);
	return is_done;
}

/* Begins a session: what it needs before the first call. */
static bool
begin(Database *database)
{
	g_autofree char *listen = NULL;
	char	   *channel;

	if (!run_simple(database, begin_session, database->config->schema))
		return false;
	if (database->channel == NULL)
		return true;
	channel = PQescapeIdentifier(database->connection, database->channel,
								 strlen(database->channel));
	listen = g_strconcat("LISTEN ", channel, NULL);
	PQfreemem(channel);
	/* What was told of before is not known. */
	database->was_notified = true;
	return run_simple(database, listen, NULL);
}

/* Opens a connection; what the configuration says comes before these. */
static PGconn *
open_connection(const Database *database)
{
	const Config *config = database->config;
	const char *keywords[] = {
		"connect_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"tcp_user_timeout", "dbname", "client_encoding", "fallback_application_name",
		config->database_password ? "password" : NULL, NULL
	};
	const char *values[] = {
		"10", "30", "10", "3", "30000", config->connection, "UTF8", database->name,
		config->database_password, NULL
	};

	return PQconnectdbParams(keywords, values, 1);
}

bool
database_connect(Database *database)
{
	gint64		now = g_get_monotonic_time();

	if (database->connection && PQstatus(database->connection) == CONNECTION_OK)
		return true;
	disconnect(database);
	if (now < database->retry_at)
		return false;
	database->connection = open_connection(database);
	if (PQstatus(database->connection) != CONNECTION_OK)
		log_message(PQerrorMessage(database->connection));
	else
	{
		PQsetNoticeReceiver(database->connection, log_notice, NULL);
		if (begin(database))
		{
			if (database->backoff > 0)
				log_line("database: connected again");
			database->backoff = 0;
			return true;
		}
	}
	rest(database);
	return false;
}

/* Takes the error of a result, and frees it; logs it unless it is one that callers expect. */
static PGresult *
take_error(Database *database, PGresult *result, char sqlstate[6])
{
	const char *code = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (PQstatus(database->connection) == CONNECTION_OK && code)
		g_strlcpy(sqlstate, code, 6);
	if (strcmp(sqlstate, "PT409") != 0)
		log_message(result ? PQresultErrorMessage(result) : PQerrorMessage(database->connection));
	PQclear(result);
	/* A session that began before an upgrade has the library of then for ever. */
	if (strcmp(sqlstate, "PT503") == 0)
		rest(database);
	return NULL;
}

/*
 * Reads the results of a pipeline up to its end.  Returns those of one of its statements, if
 * all were a success; else the first error.
 */
static PGresult *
read_pipeline(Database *database, int wanted, bool *failed)
{
	PGresult   *kept = NULL;
	int			n = 0;
	bool		was_end = false;

	*failed = false;
	for (;;)
	{
		PGresult   *result = PQgetResult(database->connection);
		ExecStatusType status = PQresultStatus(result);

		if (result == NULL)
		{
			/* Twice in a row: the connection is gone. */
			if (was_end)
			{
				*failed = true;
				return kept;
			}
			was_end = true;
			n++;
			continue;
		}
		was_end = false;
		if (status == PGRES_PIPELINE_SYNC)
		{
			PQclear(result);
			return kept;
		}
		if (!*failed && status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
		{
			PQclear(kept);
			kept = result;
			*failed = true;
		}
		else if (!*failed && n == wanted)
			kept = result;
		else
			PQclear(result);
	}
}

/* Runs a statement in a workspace: all of the transaction goes to the server at once. */
static PGresult *
run_in_workspace(Database *database, const char *workspace, const char *sql, int n,
				 const char *const *values, bool *failed)
{
	PGconn	   *connection = database->connection;
	PGresult   *result = NULL;

	*failed = true;
	if (PQenterPipelineMode(connection) &&
		PQsendQueryParams(connection, "BEGIN", 0, NULL, NULL, NULL, NULL, 0) &&
		PQsendQueryParams(connection, use_workspace, 1, NULL, &workspace, NULL, NULL, 0) &&
		PQsendQueryParams(connection, sql, n, NULL, values, NULL, NULL, 0) &&
		PQsendQueryParams(connection, "COMMIT", 0, NULL, NULL, NULL, NULL, 0) &&
		PQpipelineSync(connection))
		result = read_pipeline(database, 2, failed);
	if (!PQexitPipelineMode(connection))
	{
		/* Nobody knows then what its next answer is to. */
		disconnect(database);
		*failed = true;
		return result;
	}
	if (*failed && PQtransactionStatus(connection) == PQTRANS_INERROR)
		(void) run_simple(database, "ROLLBACK", NULL);
	return result;
}

PGresult *
database_run(Database *database, const char *workspace, const char *sql, int n,
			 const char *const *values, char sqlstate[6])
{
	PGresult   *result;
	bool		failed;

	sqlstate[0] = '\0';
	if (!database_connect(database))
		return NULL;
	if (workspace)
		result = run_in_workspace(database, workspace, sql, n, values, &failed);
	else
	{
		result = PQexecParams(database->connection, sql, n, NULL, values, NULL, NULL, 0);
		failed = PQresultStatus(result) != PGRES_TUPLES_OK;
	}
	return failed ? take_error(database, result, sqlstate) : result;
}

bool
database_error_passes(const char *sqlstate)
{
	static const char *const passing[] = {"08", "25", "40", "53", "55", "57", "58", "PT503"};

	for (gsize i = 0; i < G_N_ELEMENTS(passing); i++)
	{
		if (g_str_has_prefix(sqlstate, passing[i]))
			return true;
	}
	return sqlstate[0] == '\0';
}

bool
database_serves_all(Database *database, const char *function, bool *is_all)
{
	char		sqlstate[6];
	PGresult   *result;

	*is_all = false;
	if (database->config->workspace)
		return true;
	if (!database->knows_all)
	{
		result = database_run(database, NULL, serves_all, 1, &function, sqlstate);
		if (result == NULL)
			return false;
		database->serves_all = PQgetvalue(result, 0, 0)[0] == 't';
		database->knows_all = true;
		PQclear(result);
	}
	*is_all = database->serves_all;
	return true;
}

int
database_socket(const Database *database)
{
	return database->connection ? PQsocket(database->connection) : -1;
}

bool
database_notified(Database *database)
{
	PGnotify   *notification;
	bool		was_notified;

	if (database->connection && !PQconsumeInput(database->connection))
	{
		log_message(PQerrorMessage(database->connection));
		disconnect(database);
	}
	while (database->connection && (notification = PQnotifies(database->connection)))
	{
		database->was_notified = true;
		PQfreemem(notification);
	}
	was_notified = database->was_notified;
	database->was_notified = false;
	return was_notified;
}
