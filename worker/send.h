/*
 * send.h
 *		Claims messages, sends them, and says what became of them.
 */
#ifndef LEADTERRA_WORKER_SEND_H
#define LEADTERRA_WORKER_SEND_H

#include "config.h"

/* Sends until the worker is asked to stop, or until nothing is due.  Returns an exit status. */
int			send_run(const Config *config, const Options *options);

#endif
