/*
 * send_dry.h
 *		Prints mails instead of sending them.
 */
#ifndef LEADTERRA_WORKER_SEND_DRY_H
#define LEADTERRA_WORKER_SEND_DRY_H

#include "config.h"
#include "database.h"

/*
 * Prints the mails that are due as they would be sent, and gives all back.  The transports are
 * SendTransports.  Returns an exit status.
 */
int			send_dry(const Config *config, GPtrArray *transports, Database *database);

#endif
