/*
 * log.h
 *		What the worker says, on standard error: a line an entry.
 */
#ifndef LEADTERRA_WORKER_LOG_H
#define LEADTERRA_WORKER_LOG_H

#include <glib.h>

/* Names the task of this process, which its lines begin with. */
void		log_start(const char *task);

/* Writes a line.  Controls in it are replaced, so that what others sent makes no line. */
void		log_line(const char *format,...) G_GNUC_PRINTF(1, 2);

#endif
