/*
 * apart.h
 *		Runs what reads a stranger's bytes in a process of its own.
 */
#ifndef LEADTERRA_WORKER_APART_H
#define LEADTERRA_WORKER_APART_H

#include <glib.h>

/* Returns what is known afterwards, a floating value; null: nothing. */
typedef GVariant *(*ApartFunction) (void *data);

extern GVariant *apart_run(ApartFunction function, void *data, const char *type, GError **error);

#define APART_ERROR (apart_error_quark())
extern GQuark apart_error_quark(void);

#endif
