/*
 * test_config.c
 *		Configurations that are taken, and what is said of others.
 */
#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "address.h"
#include "is.h"

static char *folder;

/* Makes a file with a mode, and returns its name. */
static char *
make_file(const char *name, const char *text, int mode)
{
	char	   *path = g_build_filename(folder, name, NULL);

	g_file_set_contents(path, text, -1, NULL);
	chmod(path, (mode_t) mode);
	return path;
}

/* Reads a text in which FOLDER stands for the folder of the test. */
static Config *
parse(const char *text, GError **error)
{
	g_auto(GStrv) parts = g_strsplit(text, "FOLDER", -1);
	g_autofree char *whole = g_strjoinv(folder, parts);

	return config_parse(whole, strlen(whole), "file", error);
}

static const char everything[] =
	"# A comment.\n"
	"[worker]\n"
	"name = mail-1\n"
	"state = /var/lib/x\n"
	"[database]\n"
	"connection = dbname=leadterra user=worker host='/a b'\n"
	"password-file = FOLDER/password\n"
	"schema = api\n"
	"workspace = ws_01jd3wkrq8fm5a6j9xw0c7e2hn\n"
	"[return-path]\n"
	"address = bounces@acme.example\n"
	"key-file = FOLDER/key\n"
	"[transport office]\n"
	"host = smtp.example.com\n"
	"user = ann@acme.example\n"
	"password-file = FOLDER/password\n"
	"ca-file = FOLDER/key\n"
	"connections = 7\n"
	"timeout = 5\n"
	"from = Ann \"A\" Lee <ann@acme.example>\n"
	"[transport default]\n"
	"host = ::1\n"
	"port = 2525\n"
	"tls = none\n"
	"from = bo@acme.example\n"
	"ca-file =\n"
	"[mailbox replies]\n"
	"host = imap.example.com\n"
	"user = ann\n"
	"password-file = FOLDER/password\n"
	"folder = A/B\n"
	"every = 5\n"
	"workspace = 0193079C-E2E8-7D0A-A324-9DE018C70A35\n"
	"[webhooks]\n"
	"connections = 3\n"
	"allow = 127.0.0.1/32, fd00::/8\n"
	"[verification]\n"
	"name-server = 127.0.0.1:5353\n";

static void
test_everything(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(Config) config = parse(everything, &error);
	const ConfigTransport *transport;
	const ConfigMailbox *mailbox;

	if (!ok(config != NULL, "everything that there is"))
	{
		printf("# %s\n", error->message);
		return;
	}
	is(config->name, "mail-1", "name");
	is(config->state, "/var/lib/x", "state");
	is(config->connection, "dbname=leadterra user=worker host='/a b'", "connection");
	is(config->database_password, "secret", "password, without the newline");
	is(config->schema, "api", "schema");
	is(config->workspace, "019347c9-e2e8-7d0a-a349-3de018770a35", "workspace in its short form");
	ok(config->return_path != NULL, "return path");
	ok(config->transports->len == 2 && config->mailboxes->len == 1, "transports and mailboxes");
	transport = g_ptr_array_index(config->transports, 0);
	is(transport->name, "office", "name of a transport");
	ok(transport->tls == TLS_STARTTLS && transport->port == 587, "TLS unless it says otherwise");
	ok(transport->connections == 7 && transport->timeout == 5, "numbers");
	is(transport->user, "ann@acme.example", "user");
	is(transport->password, "secret", "password");
	is(transport->from_name, "Ann \"A\" Lee", "name of the sender");
	is(transport->from_address, "ann@acme.example", "address of the sender");
	transport = g_ptr_array_index(config->transports, 1);
	ok(transport->tls == TLS_NONE && transport->port == 2525, "no TLS");
	ok(transport->connections == 4 && transport->timeout == 60, "numbers that are left out");
	ok(transport->user == NULL && transport->password == NULL && transport->ca_file == NULL,
	   "what is left out, or empty");
	is(transport->from_address, "bo@acme.example", "an address alone");
	ok(transport->from_name == NULL, "which has no name");
	mailbox = g_ptr_array_index(config->mailboxes, 0);
	ok(mailbox->tls == TLS_IMPLICIT && mailbox->port == 993 && mailbox->every == 5 &&
	   mailbox->timeout == 60, "numbers of a mailbox");
	is(mailbox->folder, "A/B", "folder");
	is(mailbox->workspace, "0193079c-e2e8-7d0a-a324-9de018c70a35", "workspace as a UUID");
	ok(config->has_webhooks && config->webhook_connections == 3 &&
	   config->webhook_allow->len == 2, "webhooks");
	ok(config->has_verification, "verification");
	is(config->name_server, "127.0.0.1:5353", "name server");
	config_wipe_transports(config);
	config_wipe_mailboxes(config);
	transport = g_ptr_array_index(config->transports, 0);
	ok(transport->password == NULL && mailbox->password == NULL, "passwords are wiped");
}

static void
test_least(void)
{
	g_autoptr(Config) config = parse("[verification]\n", NULL);

	if (!ok(config != NULL, "the least that there is"))
		return;
	is(config->name, g_get_host_name(), "the name is the host's");
	is(config->schema, "public", "the schema is public");
	is(config->connection, "", "libpq knows the rest");
	ok(config->workspace == NULL && config->database_password == NULL &&
	   config->return_path == NULL && !config->has_webhooks, "nothing else is there");
}

#define HOST "[transport t]\nhost = h\n"
#define USER "user = u\npassword-file = FOLDER/password\n"

/* Texts, and what is said of them. */
static const struct
{
	const char *text;
	const char *message;
}			faults[] = {
	{"", "there is nothing to do"},
	{"[worker]\nname = x\n", "there is nothing to do"},
	{"[transports]\n", "[transports]: there is no such group"},
	{"[transport]\n", "[transport]: there is no such group"},
	{"[transport ]\nhost = h\n", "this is no name"},
	{"[mailbox ../x]\nhost = h\n", "this is no name"},
	{"[mailbox .x]\nhost = h\n", "this is no name"},
	{HOST "hosts = h\n", "[transport t] hosts: there is no such key"},
	{"[worker]\nnames = x\n" HOST, "[worker] names: there is no such key"},
	{"[transport t]\n", "[transport t] host: it is missing"},
	{"[transport t]\nhost =\n", "[transport t] host: it is missing"},
	{HOST "port = 0\n", "[transport t] port: it must be a whole number from 1 to 65535"},
	{HOST "port = 65536\n", "port: it must be"},
	{HOST "port = 25x\n", "port: it must be"},
	{HOST "connections = 101\n", "connections: it must be a whole number from 1 to 100"},
	{HOST "connections = 4   # many\n", "connections: comments have lines of their own"},
	{HOST "timeout = 0\n", "timeout: it must be"},
	{HOST "timeout = 99999999999999999999\n", "timeout: it must be"},
	{HOST "tls = yes\n", "tls: it must be none, starttls or implicit"},
	{HOST "user = u\n", "user and password-file go together"},
	{HOST "password-file = FOLDER/password\n", "user and password-file go together"},
	{HOST "tls = none\n" USER, "tls: a password is not sent without TLS"},
	{HOST "ca-file = FOLDER/none\n", "ca-file: \"FOLDER/none\" cannot be read"},
	{HOST "from = nobody\n", "[transport t] from: "},
	{HOST "from = X <a@b.example\n", "[transport t] from: "},
	{HOST "user = u\npassword-file = FOLDER/none\n",
	"password-file: \"FOLDER/none\" cannot be read: "},
	{HOST "user = u\npassword-file = FOLDER/open\n", "its mode must be 0600 or 0400"},
	{HOST "user = u\npassword-file = FOLDER/empty\n", "it is empty"},
	{HOST "[mailbox m]\nhost = h\nuser = u\n", "[mailbox m] password-file: it is missing"},
	{HOST "[mailbox m]\nhost = h\ntls = none\n" USER, "[mailbox m] tls: a password is not sent"},
	{HOST "[mailbox m]\nhost = localhost\ntls = none\nworkspace = x\n" USER,
	"[mailbox m] workspace: it must be the id of a workspace"},
	{"[database]\nworkspace = ws_81jd3wkrq8fm5a6j9xw0c7e2hn\n" HOST, "[database] workspace"},
	{"[database]\nworkspace = ws_01jd3wkrq8fm5a6j9xw0c7e2h\n" HOST, "[database] workspace"},
	{"[database]\nworkspace = ws_01jd3wkrq8fm5a6j9xw0c7e2hu\n" HOST, "[database] workspace"},
	{"[database]\nconnection = host=x password=hunter2\n" HOST,
	"[database] connection: \"password\" does not stand in here"},
	{"[database]\nconnection = postgresql://u:hunter2@h/d\n" HOST,
	"[database] connection: \"password\" does not stand in here"},
	{"[database]\nconnection = host\n" HOST, "[database] connection: it is not what libpq takes"},
	{"[return-path]\naddress = a@b.example\n" HOST, "[return-path] key-file: it is missing"},
	{"[return-path]\naddress = a@b.example\nkey-file = FOLDER/short\n" HOST, "[return-path]: "},
	{"[return-path]\naddress = x\nkey-file = FOLDER/key\n" HOST, "[return-path]: "},
	{"[webhooks]\nallow = 127.0.0.1/33\n", "[webhooks] allow: \"127.0.0.1/33\" is no network"},
	{"[verification]\ndisposable-file = FOLDER/none\n", "disposable-file: "},
	{"host = h\n", "file: "},
	{"[transport t]\nhost\n", "file: "},
	{"[transport t\xff]\nhost = h\n", "no text in UTF-8"}
};

static void
test_faults(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(faults); i++)
	{
		g_autoptr(GError) error = NULL;
		g_autoptr(Config) config = parse(faults[i].text, &error);
		g_auto(GStrv) parts = g_strsplit(faults[i].message, "FOLDER", -1);
		g_autofree char *message = g_strjoinv(folder, parts);

		if (!ok(config == NULL && error && strstr(error->message, message) &&
				g_str_has_prefix(error->message, "file: ") &&
				!strstr(error->message, "hunter2"), "%s", message))
			printf("# %s\n", error ? error->message : "it was taken");
	}
}

static void
test_nul(void)
{
	g_autoptr(GError) error = NULL;
	static const char text[] = "[verification]\n\0[x]\n";
	g_autofree char *name = g_build_filename(folder, "nowhere", NULL);

	ok(config_parse(text, sizeof(text) - 1, "file", &error) == NULL, "a file with a NUL");
	g_clear_error(&error);
	ok(config_read(name, &error) == NULL && error != NULL, "a file that is not there");
}

int
main(void)
{
	const char *names[] = {"password", "key", "open", "empty", "short"};

	folder = g_dir_make_tmp("test_config.XXXXXX", NULL);
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
	{
		g_autofree char *path = make_file(names[i], i == 3 ? "" : i == 1 ? "0123456789abcdefg" :
										  i == 4 ? "short" : "secret\n", i == 2 ? 0640 : 0600);

		(void) path;
	}
	test_everything();
	test_least();
	test_faults();
	test_nul();
	for (gsize i = 0; i < G_N_ELEMENTS(names); i++)
	{
		g_autofree char *path = g_build_filename(folder, names[i], NULL);

		(void) unlink(path);
	}
	(void) rmdir(folder);
	g_free(folder);
	return done_testing();
}
