/*
 * config.c
 *		The configuration of the worker: a key file, and the files of secrets that it names.
 */
#include "config.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "address.h"
#include "config_value.h"
#include "mail_address.h"
#include "secret.h"

#define FILE_MAX (1024 * 1024)
#define NAME_MAX_BYTES 100

/* What is in the file, but not in Config as it is there. */
typedef struct Raw
{
	Config	   *config;
	GKeyFile   *keys;
	const char *file;
	GError	  **error;
} Raw;

typedef struct RawReturnPath
{
	char	   *address;
	char	   *key_file;
} RawReturnPath;

typedef struct RawWebhooks
{
	int			connections;
	char	   *ca_file;
	char	   *allow;
} RawWebhooks;

/* Each transport and mailbox begins with its struct, which the table is about. */
typedef struct RawTransport
{
	ConfigTransport transport;
	char	   *from;
} RawTransport;

#define NUMBER(name, type, field, least, most, otherwise) \
	{name, CONFIG_NUMBER, offsetof(type, field), false, least, most, otherwise}
#define OTHER(name, kind, type, field) {name, kind, offsetof(type, field), false, 0, 0, 0}
#define NEEDED(name, kind, type, field) {name, kind, offsetof(type, field), true, 0, 0, 0}
#define END {NULL, CONFIG_TEXT, 0, false, 0, 0, 0}

static const ConfigKey worker_keys[] = {
	OTHER("name", CONFIG_TEXT, Config, name),
	OTHER("state", CONFIG_TEXT, Config, state),
	END
};

static const ConfigKey database_keys[] = {
	OTHER("connection", CONFIG_TEXT, Config, connection),
	OTHER("password-file", CONFIG_SECRET, Config, database_password),
	OTHER("schema", CONFIG_TEXT, Config, schema),
	OTHER("workspace", CONFIG_WORKSPACE, Config, workspace),
	END
};

static const ConfigKey return_path_keys[] = {
	NEEDED("address", CONFIG_TEXT, RawReturnPath, address),
	NEEDED("key-file", CONFIG_TEXT, RawReturnPath, key_file),
	END
};

/* Port 0 stands for that of the protocol. */
static const ConfigKey transport_keys[] = {
	NEEDED("host", CONFIG_TEXT, RawTransport, transport.host),
	NUMBER("port", RawTransport, transport.port, 1, 65535, 0),
	{"tls", CONFIG_TLS, offsetof(RawTransport, transport.tls), false, 0, 0, TLS_STARTTLS},
	OTHER("user", CONFIG_TEXT, RawTransport, transport.user),
	OTHER("password-file", CONFIG_SECRET, RawTransport, transport.password),
	OTHER("ca-file", CONFIG_FILE, RawTransport, transport.ca_file),
	NUMBER("connections", RawTransport, transport.connections, 1, 100, 4),
	NUMBER("timeout", RawTransport, transport.timeout, 1, 600, 60),
	OTHER("from", CONFIG_TEXT, RawTransport, from),
	END
};

static const ConfigKey mailbox_keys[] = {
	NEEDED("host", CONFIG_TEXT, ConfigMailbox, host),
	NUMBER("port", ConfigMailbox, port, 1, 65535, 0),
	{"tls", CONFIG_TLS, offsetof(ConfigMailbox, tls), false, 0, 0, TLS_IMPLICIT},
	NEEDED("user", CONFIG_TEXT, ConfigMailbox, user),
	NEEDED("password-file", CONFIG_SECRET, ConfigMailbox, password),
	OTHER("ca-file", CONFIG_FILE, ConfigMailbox, ca_file),
	NUMBER("timeout", ConfigMailbox, timeout, 1, 600, 60),
	OTHER("folder", CONFIG_TEXT, ConfigMailbox, folder),
	NUMBER("every", ConfigMailbox, every, 1, 86400, 60),
	OTHER("workspace", CONFIG_WORKSPACE, ConfigMailbox, workspace),
	END
};

static const ConfigKey webhook_keys[] = {
	NUMBER("connections", RawWebhooks, connections, 1, 100, 8),
	OTHER("ca-file", CONFIG_FILE, RawWebhooks, ca_file),
	OTHER("allow", CONFIG_TEXT, RawWebhooks, allow),
	END
};

static const ConfigKey verification_keys[] = {
	OTHER("disposable-file", CONFIG_FILE, Config, disposable_file),
	OTHER("name-server", CONFIG_TEXT, Config, name_server),
	END
};

static void
free_transport(void *pointer)
{
	RawTransport *raw = pointer;

	config_clear_group(transport_keys, raw);
	g_free(raw->transport.name);
	g_free(raw->transport.from_address);
	g_free(raw->transport.from_name);
	g_free(raw);
}

static void
free_mailbox(void *pointer)
{
	ConfigMailbox *mailbox = pointer;

	config_clear_group(mailbox_keys, mailbox);
	g_free(mailbox->name);
	g_free(mailbox);
}

/* Passwords are in files alone: what is in here may be shown. */
static bool
check_connection(const Raw *raw)
{
	char	   *message = NULL;
	PQconninfoOption *options = PQconninfoParse(raw->config->connection, &message);
	const char *refused = NULL;

	if (options == NULL)
	{
		/* What libpq says may quote it. */
		PQfreemem(message);
		return config_fail(raw->error, raw->file, "database", "connection",
						   "it is not what libpq takes");
	}
	for (PQconninfoOption *option = options; option->keyword && !refused; option++)
	{
		if (option->val && strstr(option->keyword, "password"))
			refused = option->keyword;
	}
	if (refused)
		config_fail(raw->error, raw->file, "database", "connection",
					"\"%s\" does not stand in here: use password-file", refused);
	PQconninfoFree(options);
	return refused == NULL;
}

static bool
read_database(const Raw *raw)
{
	Config	   *config = raw->config;

	if (!config_read_group(raw->keys, raw->file, "worker", worker_keys, config, raw->error) ||
		!config_read_group(raw->keys, raw->file, "database", database_keys, config, raw->error))
		return false;
	if (config->name == NULL)
		config->name = g_strdup(g_get_host_name());
	if (strlen(config->name) > NAME_MAX_BYTES)
		return config_fail(raw->error, raw->file, "worker", "name", "it is too long");
	if (config->state == NULL)
		config->state = g_strdup(g_getenv("STATE_DIRECTORY") ? g_getenv("STATE_DIRECTORY") :
								 "/var/lib/leadterra-worker");
	if (config->schema == NULL)
		config->schema = g_strdup("public");
	if (config->connection == NULL)
		config->connection = g_strdup("");
	return check_connection(raw);
}

static bool
make_return_path(const Raw *raw, const RawReturnPath *values)
{
	g_autoptr(GError) problem = NULL;
	gsize		length;
	char	   *key = secret_read(values->key_file, &length, &problem);

	if (key)
		raw->config->return_path = return_path_new(values->address, key, length, &problem);
	secret_free(key);
	return raw->config->return_path ||
		config_fail(raw->error, raw->file, "return-path", NULL, "%s", problem->message);
}

static bool
read_return_path(const Raw *raw)
{
	RawReturnPath values = {0};
	bool		is_read = !g_key_file_has_group(raw->keys, "return-path") ||
		(config_read_group(raw->keys, raw->file, "return-path", return_path_keys, &values,
						   raw->error) &&
		 make_return_path(raw, &values));

	config_clear_group(return_path_keys, &values);
	return is_read;
}

/* Reads "Name <address>", or an address alone. */
static bool
read_from(const Raw *raw, const char *group, const char *text, ConfigTransport *transport)
{
	g_autoptr(GError) problem = NULL;
	const char *open = strrchr(text, '<');
	bool		utf8 = false;
	g_autofree char *address = NULL;

	if (open && g_str_has_suffix(open, ">"))
	{
		address = g_strndup(open + 1, strlen(open) - 2);
		transport->from_name = g_strstrip(g_strndup(text, (gsize) (open - text)));
	}
	else
		address = g_strdup(text);
	if (transport->from_name && transport->from_name[0] == '\0')
		g_clear_pointer(&transport->from_name, g_free);
	transport->from_address = mail_address(address, &utf8, &problem);
	return transport->from_address ||
		config_fail(raw->error, raw->file, group, "from", "%s", problem->message);
}

/* A password goes over no network in the clear. */
static bool
may_log_in(const char *host, Tls tls)
{
	return tls != TLS_NONE || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
		g_str_has_prefix(host, "127.");
}

/* What stands behind the kind of a group; null and an error: no name. */
static const char *
read_name(const Raw *raw, const char *group, bool is_file)
{
	const char *name = strchr(group, ' ') + 1;

	if (name[0] == '\0' || name[0] == ' ' || strlen(name) > NAME_MAX_BYTES ||
		(is_file && (strchr(name, '/') || name[0] == '.')))
	{
		config_fail(raw->error, raw->file, group, NULL, "this is no name");
		return NULL;
	}
	return name;
}

static bool
read_transport(const Raw *raw, const char *group)
{
	RawTransport *values = g_new0(RawTransport, 1);
	ConfigTransport *transport = &values->transport;
	const char *name = read_name(raw, group, false);

	g_ptr_array_add(raw->config->transports, values);
	if (name == NULL ||
		!config_read_group(raw->keys, raw->file, group, transport_keys, values, raw->error))
		return false;
	transport->name = g_strdup(name);
	if (transport->port == 0)
		transport->port = transport->tls == TLS_NONE ? 25 :
			transport->tls == TLS_STARTTLS ? 587 : 465;
	if ((transport->user == NULL) != (transport->password == NULL))
		return config_fail(raw->error, raw->file, group, NULL,
						   "user and password-file go together");
	if (transport->user && !may_log_in(transport->host, transport->tls))
		return config_fail(raw->error, raw->file, group, "tls",
						   "a password is not sent without TLS");
	return values->from == NULL || read_from(raw, group, values->from, transport);
}

static bool
read_mailbox(const Raw *raw, const char *group)
{
	ConfigMailbox *mailbox = g_new0(ConfigMailbox, 1);
	const char *name = read_name(raw, group, true);

	g_ptr_array_add(raw->config->mailboxes, mailbox);
	if (name == NULL ||
		!config_read_group(raw->keys, raw->file, group, mailbox_keys, mailbox, raw->error))
		return false;
	mailbox->name = g_strdup(name);
	if (mailbox->port == 0)
		mailbox->port = mailbox->tls == TLS_IMPLICIT ? 993 : 143;
	if (mailbox->folder == NULL)
		mailbox->folder = g_strdup("INBOX");
	return may_log_in(mailbox->host, mailbox->tls) ||
		config_fail(raw->error, raw->file, group, "tls", "a password is not sent without TLS");
}

/* Reads networks, with commas or spaces between them. */
static bool
read_networks(const Raw *raw, const char *text)
{
	g_auto(GStrv) networks = g_strsplit_set(text, ", \t", -1);

	for (char **network = networks; *network; network++)
	{
		AddressNetwork read;

		if (**network == '\0')
			continue;
		if (!address_network_read(*network, &read))
			return config_fail(raw->error, raw->file, "webhooks", "allow",
							   "\"%s\" is no network", *network);
		g_array_append_val(raw->config->webhook_allow, read);
	}
	return true;
}

static bool
read_webhooks(const Raw *raw)
{
	Config	   *config = raw->config;
	RawWebhooks values = {0};
	bool		is_read;

	config->has_webhooks = g_key_file_has_group(raw->keys, "webhooks");
	is_read = config_read_group(raw->keys, raw->file, "webhooks", webhook_keys, &values,
								raw->error) &&
		(values.allow == NULL || read_networks(raw, values.allow));
	config->webhook_connections = values.connections;
	config->webhook_ca_file = g_steal_pointer(&values.ca_file);
	config_clear_group(webhook_keys, &values);
	return is_read;
}

static bool
read_verification(const Raw *raw)
{
	raw->config->has_verification = g_key_file_has_group(raw->keys, "verification");
	return config_read_group(raw->keys, raw->file, "verification", verification_keys,
							 raw->config, raw->error);
}

/* Reads the groups of which there may be several, and refuses those that are unknown. */
static bool
read_named(const Raw *raw)
{
	static const char *const single[] = {
		"worker", "database", "return-path", "webhooks", "verification", NULL
	};
	g_auto(GStrv) groups = g_key_file_get_groups(raw->keys, NULL);

	for (char **group = groups; *group; group++)
	{
		if (g_strv_contains(single, *group))
			continue;
		if (g_str_has_prefix(*group, "transport "))
		{
			if (!read_transport(raw, *group))
				return false;
		}
		else if (g_str_has_prefix(*group, "mailbox "))
		{
			if (!read_mailbox(raw, *group))
				return false;
		}
		else
			return config_fail(raw->error, raw->file, *group, NULL, "there is no such group");
	}
	return true;
}

static bool
has_task(const Raw *raw)
{
	const Config *config = raw->config;

	if (config->transports->len > 0 || config->mailboxes->len > 0 || config->has_webhooks ||
		config->has_verification)
		return true;
	g_set_error(raw->error, CONFIG_ERROR, 0,
				"%s: there is nothing to do: no transport, mailbox, webhooks or verification",
				raw->file);
	return false;
}

/* Loads a key file: valid UTF-8 without NUL. */
static bool
load(GKeyFile *keys, const char *text, gsize length, const char *file, GError **error)
{
	g_autoptr(GError) problem = NULL;

	if (length > FILE_MAX || !g_utf8_validate_len(text, length, NULL))
	{
		g_set_error(error, CONFIG_ERROR, 0, "%s: it is no text in UTF-8, or too large", file);
		return false;
	}
	if (g_key_file_load_from_data(keys, length > 0 ? text : "\n", length > 0 ? length : 1,
								  G_KEY_FILE_NONE, &problem))
		return true;
	g_set_error(error, CONFIG_ERROR, 0, "%s: %s", file, problem->message);
	return false;
}

Config *
config_parse(const char *text, gsize length, const char *file, GError **error)
{
	g_autoptr(GKeyFile) keys = g_key_file_new();
	g_autoptr(Config) config = g_new0(Config, 1);
	Raw			raw = {config, keys, file, error};

	config->transports = g_ptr_array_new_with_free_func(free_transport);
	config->mailboxes = g_ptr_array_new_with_free_func(free_mailbox);
	config->webhook_allow = g_array_new(FALSE, FALSE, sizeof(AddressNetwork));
	if (!load(keys, text, length, file, error) || !read_database(&raw) ||
		!read_return_path(&raw) || !read_named(&raw) || !read_webhooks(&raw) ||
		!read_verification(&raw) || !has_task(&raw))
		return NULL;
	return g_steal_pointer(&config);
}

Config *
config_read(const char *file, GError **error)
{
	g_autofree char *text = NULL;
	gsize		length;

	if (!g_file_get_contents(file, &text, &length, error))
		return NULL;
	return config_parse(text, length, file, error);
}

void
config_wipe_transports(Config *config)
{
	for (guint i = 0; i < config->transports->len; i++)
	{
		ConfigTransport *transport = g_ptr_array_index(config->transports, i);

		secret_free(transport->password);
		transport->password = NULL;
	}
}

void
config_wipe_mailboxes(Config *config)
{
	for (guint i = 0; i < config->mailboxes->len; i++)
	{
		ConfigMailbox *mailbox = g_ptr_array_index(config->mailboxes, i);

		secret_free(mailbox->password);
		mailbox->password = NULL;
	}
}

void
config_free(Config *config)
{
	if (config == NULL)
		return;
	config_clear_group(worker_keys, config);
	config_clear_group(database_keys, config);
	config_clear_group(verification_keys, config);
	g_ptr_array_unref(config->transports);
	g_ptr_array_unref(config->mailboxes);
	if (config->return_path)
		return_path_free(config->return_path);
	g_free(config->webhook_ca_file);
	g_array_unref(config->webhook_allow);
	g_free(config);
}
