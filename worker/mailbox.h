/*
 * mailbox.h
 *		Reads mailboxes, and tells the database what comes back of what was sent.
 */
#ifndef LEADTERRA_WORKER_MAILBOX_H
#define LEADTERRA_WORKER_MAILBOX_H

#include "config.h"

extern int	mailbox_run(const Config *config, const Options *options);

#endif
