/*
 * config.h
 *		The configuration of the worker: a key file, and the files of secrets that it names.
 */
#ifndef LEADTERRA_WORKER_CONFIG_H
#define LEADTERRA_WORKER_CONFIG_H

#include <glib.h>
#include <stdbool.h>

#include "return_path.h"

/* What messages without a transport are sent by. */
#define CONFIG_DEFAULT_TRANSPORT "default"

typedef enum Tls
{
	TLS_NONE,
	TLS_STARTTLS,				/* required */
	TLS_IMPLICIT
} Tls;

/* A server, and an account there. */
typedef struct ConfigTransport
{
	char	   *name;
	char	   *host;
	int			port;
	Tls			tls;
	char	   *user;			/* null: no login */
	char	   *password;		/* null without a user */
	char	   *ca_file;		/* null: that of the system */
	int			connections;
	int			timeout;		/* seconds for each answer */
	char	   *from_address;	/* of messages without a sender; null: they are not sent */
	char	   *from_name;		/* null: none */
} ConfigTransport;

typedef struct ConfigMailbox
{
	char	   *name;
	char	   *host;
	int			port;
	Tls			tls;
	char	   *user;
	char	   *password;
	char	   *ca_file;		/* null: that of the system */
	int			timeout;		/* seconds without a byte */
	char	   *folder;
	int			every;			/* seconds */
	char	   *workspace;		/* null: that of the configuration, or of the role */
} ConfigMailbox;

typedef struct Config
{
	char	   *name;			/* who holds leases */
	char	   *state;			/* folder where tasks keep what they know */

	char	   *connection;		/* of libpq, without a password */
	char	   *database_password;	/* null: libpq finds one, or needs none */
	char	   *schema;			/* where the calls are */
	char	   *workspace;		/* null: that of the role, or all */

	ReturnPath *return_path;	/* null: bounces go to the sender */
	GPtrArray  *transports;		/* of ConfigTransport */
	GPtrArray  *mailboxes;		/* of ConfigMailbox */

	bool		has_webhooks;
	int			webhook_connections;
	char	   *webhook_ca_file;	/* null: that of the system */
	GArray	   *webhook_allow;	/* of AddressNetwork: not public, and allowed all the same */

	bool		has_verification;
	char	   *disposable_file;	/* null: none */
	char	   *name_server;	/* address, or address:port; null: those of the system */
} Config;

/* What the command line says. */
typedef struct Options
{
	const char *file;
	bool		once;			/* a dry run is one, too */
	bool		dry_run;
	bool		check;
} Options;

/*
 * Reads a configuration from its text.  The name of the file is for messages.  Null and an
 * error, which names file, group and key.
 */
Config	   *config_parse(const char *text, gsize length, const char *file, GError **error);

/* The same, from a file. */
Config	   *config_read(const char *file, GError **error);

/* Frees a configuration, and wipes its secrets. */
void		config_free(Config *config);

/* Wipes the passwords of transports, or of mailboxes, for a process that needs none of them. */
void		config_wipe_transports(Config *config);
void		config_wipe_mailboxes(Config *config);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

#endif
