/*
 * config_value.h
 *		Reads the values of a group of a key file into a struct, by a table.
 */
#ifndef LEADTERRA_WORKER_CONFIG_VALUE_H
#define LEADTERRA_WORKER_CONFIG_VALUE_H

#include <glib.h>
#include <stdbool.h>

#include "config.h"

#define CONFIG_ERROR (config_error_quark())
GQuark		config_error_quark(void);

typedef enum ConfigKind
{
	CONFIG_TEXT,				/* char * */
	CONFIG_NUMBER,				/* int */
	CONFIG_TLS,					/* Tls */
	CONFIG_FILE,				/* char *: a file that can be read */
	CONFIG_SECRET,				/* char *: what such a file has in it */
	CONFIG_WORKSPACE			/* char *: a UUID, written as that or as ws_... */
} ConfigKind;

typedef struct ConfigKey
{
	const char *name;			/* null ends a table */
	ConfigKind	kind;
	gsize		place;			/* in the struct */
	bool		is_needed;
	int			least;			/* of numbers */
	int			most;
	int			otherwise;		/* without it, of numbers and of TLS */
} ConfigKey;

/*
 * Reads all keys of a group, which may be missing, and refuses others.  The file is for
 * messages.  False and an error: what was read until then is in the struct.
 */
bool		config_read_group(GKeyFile *keys, const char *file, const char *group,
							  const ConfigKey *table, void *target, GError **error);

/* Frees what the keys of a table have in a struct, and wipes secrets. */
void		config_clear_group(const ConfigKey *table, void *target);

/* Sets an error about a key, or with null about the group; returns false. */
bool		config_fail(GError **error, const char *file, const char *group, const char *key,
						const char *format,...) G_GNUC_PRINTF(5, 6);

#endif
