/*
 * mime.h
 *		GMime, as the worker uses it.
 */
#ifndef LEADTERRA_WORKER_MIME_H
#define LEADTERRA_WORKER_MIME_H

/* Starts the library, once a process. */
extern void mime_start(void);

#endif
