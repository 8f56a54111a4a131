/*
 * secret.h
 *		Files of secrets, which nobody else can read.
 */
#ifndef LEADTERRA_WORKER_SECRET_H
#define LEADTERRA_WORKER_SECRET_H

#include <glib.h>

#define SECRET_MAX (64 * 1024)

/*
 * Reads a secret without the newline at its end; the length may be null.  Null and an error
 * where the file is no regular one, others than its owner may read or write it, its owner is
 * neither root nor who runs this, or it is empty or larger than SECRET_MAX.
 */
char	   *secret_read(const char *file, gsize *length, GError **error);

/* Frees a secret of secret_read(), after its memory is overwritten; null is none. */
void		secret_free(char *secret);

#endif
