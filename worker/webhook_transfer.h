/*
 * webhook_transfer.h
 *		Posts what a webhook gets to its URL, several at once.
 */
#ifndef LEADTERRA_WORKER_WEBHOOK_TRANSFER_H
#define LEADTERRA_WORKER_WEBHOOK_TRANSFER_H

#include <poll.h>
#include <stdbool.h>

#include <glib.h>

/* Milliseconds that a delivery may take in all. */
#define WEBHOOK_TIMEOUT 10000

typedef struct WebhookTransfers WebhookTransfers;

/* What became of one. */
typedef struct WebhookOutcome
{
	void	   *data;			/* what it was started with */
	int			status;			/* of HTTP; 0: no answer came */
	const char *error;			/* null: there was an answer */
	int			milliseconds;
} WebhookOutcome;

extern WebhookTransfers *webhook_transfers_new(const GArray *allowed, const char *ca_file);
extern void webhook_transfers_free(WebhookTransfers *transfers);
extern void webhook_transfers_start(WebhookTransfers *transfers, const char *url,
									const char *headers, const char *body, gsize length,
									void *data);
extern bool webhook_transfers_next(WebhookTransfers *transfers, WebhookOutcome *outcome);
extern void webhook_transfers_wait(WebhookTransfers *transfers, const struct pollfd *others,
								   guint nothers, int timeout_ms);

#endif
