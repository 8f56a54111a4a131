/*
 * send_dry.c
 *		Prints mails instead of sending them.
 */
#include "send_dry.h"

#include <stdio.h>

#include "log.h"
#include "mail.h"
#include "send_claim.h"
#include "stop.h"

/* Messages of a claim, and of all: they are with nobody else meanwhile. */
#define CLAIM_MOST 100
#define MESSAGES_MAX 1000
#define LEASE_SECONDS 600

/* Prints a mail as it would be, between lines that say for whom it is. */
static void
print_message(const Config *config, const SendLease *lease, const Message *message)
{
	const ConfigTransport *transport = lease->transport->config;
	g_autoptr(Mail) mail = NULL;
	g_autoptr(GError) error = NULL;

	if (!mail_compose(message, transport->from_address, transport->from_name,
					  config->return_path, &mail, &error))
	{
		printf("=== message %s fails: %s\n", message->message_id, error->message);
		return;
	}
	printf("=== message %s by %s: MAIL FROM:<%s> RCPT TO:<%s>\n", message->message_id,
		   transport->name, mail->from, mail->to);
	fwrite(mail->content->data, 1, mail->content->len, stdout);
	printf("=== end\n");
}

/* Prints the messages of a lease; returns how many there were. */
static guint
print_lease(const Config *config, const SendLease *lease)
{
	if (lease->transport == NULL)
		log_line("there is no transport for the messages of lease %s", lease->id);
	for (GList *item = lease->waiting.head; item && lease->transport; item = item->next)
		print_message(config, lease, item->data);
	return lease->waiting.length;
}

/* Claims and prints what is due in a workspace. */
static guint
print_workspace(SendClaim *claim, const Config *config, Database *database, GPtrArray *leases)
{
	guint		count = 0;
	SendLease  *lease;

	while (count < MESSAGES_MAX && !stop_asked() && (lease = send_claim(claim, database)))
	{
		g_ptr_array_add(leases, lease);
		count += print_lease(config, lease);
	}
	return count;
}

int
send_dry(const Config *config, GPtrArray *transports, Database *database)
{
	bool		is_all;
	g_autoptr(GPtrArray) workspaces = send_find_workspaces(config, database, &is_all);
	g_autoptr(GPtrArray) leases = g_ptr_array_new();
	g_autoptr(GString) names = g_string_new(NULL);
	SendClaim	claim = {
		.most = CLAIM_MOST, .seconds = LEASE_SECONDS, .worker = config->name,
		.transports = transports
	};
	guint		count = 0;
	bool		is_given_back = workspaces != NULL;

	for (guint i = 0; i < config->transports->len; i++)
		g_string_append_printf(names, "%s%s", i > 0 ? "\n" : "",
							   ((ConfigTransport *) config->transports->pdata[i])->name);
	claim.names = names->str;
	for (guint i = 0; workspaces && i < workspaces->len && count < MESSAGES_MAX; i++)
	{
		claim.workspace = g_ptr_array_index(workspaces, i);
		count += print_workspace(&claim, config, database, leases);
	}
	fflush(stdout);
	/* Only now: what is given back is due at once. */
	for (guint i = 0; i < leases->len; i++)
	{
		is_given_back &= send_lease_release(leases->pdata[i], database);
		send_lease_free(leases->pdata[i]);
	}
	log_line("%u messages were printed, and given back", count);
	return is_given_back ? 0 : 1;
}
