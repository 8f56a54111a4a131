/*
 * database.h
 *		The connection of a task to the database.
 */
#ifndef LEADTERRA_WORKER_DATABASE_H
#define LEADTERRA_WORKER_DATABASE_H

#include <libpq-fe.h>
#include <stdbool.h>

#include "config.h"

typedef struct Database Database;

/* Makes one that is not connected.  The task is how the server shows it. */
Database   *database_new(const Config *config, const char *task);
void		database_free(Database *database);

/* Listens on a channel, from the next connection on. */
void		database_listen(Database *database, const char *channel);

/*
 * Connects unless it is connected.  False: it could not, which was logged, or it is not yet
 * time to try again.
 */
bool		database_connect(Database *database);

/* When it may try to connect again, by the monotonic clock in microseconds. */
gint64		database_retry_at(const Database *database);

/*
 * Runs one statement with text parameters (null: NULL) as a transaction, in a workspace where
 * one is given, and connects before that if need be.  Returns its rows, to be cleared; or null,
 * and *sqlstate says why: "" where the connection is gone.  Errors are logged, but PT409.
 */
PGresult   *database_run(Database *database, const char *workspace, const char *sql, int n,
						 const char *const *values, char sqlstate[6]);

/*
 * Says whether what failed may be tried again: errors of the connection, of locks and of
 * resources pass, and those of a server that is just stopped or upgraded.
 */
bool		database_error_passes(const char *sqlstate);

/*
 * Finds whether the role serves all workspaces, and the configuration names none: then a
 * function, such as lt_due_workspaces(integer), lists those that have something to do.  It is
 * found out once a connection, of which each task asks for one function.  False: the database
 * is not there.
 */
bool		database_serves_all(Database *database, const char *function, bool *is_all);

/* A descriptor for poll(); -1: it is not connected. */
int			database_socket(const Database *database);

/* Reads what came, and says whether there was a notification since it was asked last. */
bool		database_notified(Database *database);

#endif
