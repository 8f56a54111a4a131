/*
 * stop.h
 *		How a task is told to stop: the other end of a pipe is closed.
 *
 * The parent process has that end.  It closes it, or dies.
 */
#ifndef LEADTERRA_WORKER_STOP_H
#define LEADTERRA_WORKER_STOP_H

#include <poll.h>
#include <stdbool.h>

/* Takes the end of the pipe that is to be watched. */
void		stop_watch(int descriptor);

/* Says whether the task is to stop. */
bool		stop_asked(void);

/* Sleeps until one of the descriptors is ready, the time has come, or a stop is asked for. */
void		stop_wait(int timeout_ms, int n, const struct pollfd *descriptors);

/* A descriptor that can be read once a stop is asked for. */
int			stop_descriptor(void);

#endif
