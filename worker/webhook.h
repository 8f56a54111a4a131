/*
 * webhook.h
 *		Delivers what webhooks are told.
 */
#ifndef LEADTERRA_WORKER_WEBHOOK_H
#define LEADTERRA_WORKER_WEBHOOK_H

#include "config.h"

extern int	webhook_run(const Config *config, const Options *options);

#endif
