/*
 * config_value.c
 *		Reads the values of a group of a key file into a struct, by a table.
 */
#include "config_value.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "secret.h"

/* Characters of a workspace's id in its short form: ws_, and 26 of these digits. */
#define WORKSPACE_PREFIX "ws_"
#define WORKSPACE_DIGITS 26
static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";

G_DEFINE_QUARK(leadterra-config-error, config_error)

bool
config_fail(GError **error, const char *file, const char *group, const char *key,
			const char *format,...)
{
	g_autofree char *what = NULL;
	va_list		args;

	va_start(args, format);
	what = g_strdup_vprintf(format, args);
	va_end(args);
	if (key)
		g_set_error(error, CONFIG_ERROR, 0, "%s: [%s] %s: %s", file, group, key, what);
	else
		g_set_error(error, CONFIG_ERROR, 0, "%s: [%s]: %s", file, group, what);
	return false;
}

/* Reads a whole number; false: it is none, or out of bounds. */
static bool
read_number(const char *text, const ConfigKey *key, int *number)
{
	gint64		value;

	if (!g_ascii_string_to_signed(text, 10, key->least, key->most, &value, NULL))
		return false;
	*number = (int) value;
	return true;
}

static bool
read_tls(const char *text, Tls *tls)
{
	static const char *const names[] = {"none", "starttls", "implicit", NULL};

	for (int i = 0; names[i]; i++)
	{
		if (strcmp(text, names[i]) == 0)
		{
			*tls = (Tls) i;
			return true;
		}
	}
	return false;
}

/* Reads the 128 bits that digits stand for; false: they do not. */
static bool
read_digits(const char *text, guint8 bytes[16])
{
	/* Two bits more than a UUID has, which are the first. */
	if (strlen(text) != WORKSPACE_DIGITS || text[0] > '7')
		return false;
	memset(bytes, 0, 16);
	for (int i = 0; i < WORKSPACE_DIGITS; i++)
	{
		const char *digit = strchr(digits, text[i]);
		int			carry;

		if (digit == NULL)
			return false;
		carry = (int) (digit - digits);
		for (int byte = 15; byte >= 0; byte--)
		{
			carry |= bytes[byte] << 5;
			bytes[byte] = (guint8) carry;
			carry >>= 8;
		}
	}
	return true;
}

/* Returns a workspace's id as a UUID, to be freed; null: it is none. */
static char *
read_workspace(const char *text)
{
	guint8		b[16];

	if (g_uuid_string_is_valid(text))
		return g_ascii_strdown(text, -1);
	if (!g_str_has_prefix(text, WORKSPACE_PREFIX) ||
		!read_digits(text + strlen(WORKSPACE_PREFIX), b))
		return NULL;
	return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
						   b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
						   b[11], b[12], b[13], b[14], b[15]);
}

/* Where messages of an error come from. */
typedef struct Place
{
	const char *file;
	const char *group;
	const ConfigKey *key;
	GError	  **error;
} Place;

/* Takes one value, which is not empty. */
static bool
take_value(const Place *place, const char *text, void *target)
{
	const ConfigKey *key = place->key;
	char	  **string = target;

	switch (key->kind)
	{
		case CONFIG_TEXT:
			*string = g_strdup(text);
			return true;
		case CONFIG_NUMBER:
			return read_number(text, key, target) ||
				config_fail(place->error, place->file, place->group, key->name,
							"it must be a whole number from %d to %d", key->least, key->most);
		case CONFIG_TLS:
			return read_tls(text, target) ||
				config_fail(place->error, place->file, place->group, key->name,
							"it must be none, starttls or implicit");
		case CONFIG_FILE:
			*string = g_strdup(text);
			return access(text, R_OK) == 0 ||
				config_fail(place->error, place->file, place->group, key->name,
							"\"%s\" cannot be read", text);
		case CONFIG_WORKSPACE:
			*string = read_workspace(text);
			return *string ||
				config_fail(place->error, place->file, place->group, key->name,
							"it must be the id of a workspace");
		case CONFIG_SECRET:
			break;
	}
	return true;
}

/* Reads a secret, which is text. */
static bool
take_secret(const Place *place, const char *name, char **secret)
{
	g_autoptr(GError) problem = NULL;
	gsize		length;

	*secret = secret_read(name, &length, &problem);
	if (*secret == NULL)
		return config_fail(place->error, place->file, place->group, place->key->name, "%s",
						   problem->message);
	return strlen(*secret) == length ||
		config_fail(place->error, place->file, place->group, place->key->name,
					"there is a NUL in \"%s\"", name);
}

/* Returns the value of a key, to be freed; null: there is none, or an error was set. */
static char *
find_value(GKeyFile *keys, const Place *place, GError **problem)
{
	char	   *value = g_key_file_get_value(keys, place->group, place->key->name, NULL);

	if (value == NULL)
		return NULL;
	g_strstrip(value);
	/* Else part of it would be taken for what it is not. */
	if (strstr(value, " #") || strstr(value, "\t#"))
		config_fail(problem, place->file, place->group, place->key->name,
					"comments have lines of their own");
	else if (value[0] != '\0')
		return value;
	g_free(value);
	return NULL;
}

/* Refuses keys that the table does not have. */
static bool
check_keys(GKeyFile *keys, const char *file, const char *group, const ConfigKey *table,
		   GError **error)
{
	g_auto(GStrv) names = g_key_file_get_keys(keys, group, NULL, NULL);

	for (char **name = names; name && *name; name++)
	{
		const ConfigKey *key = table;

		while (key->name && strcmp(key->name, *name) != 0)
			key++;
		if (key->name == NULL)
			return config_fail(error, file, group, *name, "there is no such key");
	}
	return true;
}

bool
config_read_group(GKeyFile *keys, const char *file, const char *group, const ConfigKey *table,
				  void *target, GError **error)
{
	if (!check_keys(keys, file, group, table, error))
		return false;
	for (const ConfigKey *key = table; key->name; key++)
	{
		Place		place = {file, group, key, error};
		void	   *at = (char *) target + key->place;
		GError	   *problem = NULL;
		g_autofree char *value = find_value(keys, &place, &problem);

		if (problem)
		{
			g_propagate_error(error, problem);
			return false;
		}
		if (value == NULL && key->is_needed)
			return config_fail(error, file, group, key->name, "it is missing");
		if (value == NULL)
		{
			if (key->kind == CONFIG_NUMBER || key->kind == CONFIG_TLS)
				*(int *) at = key->otherwise;
		}
		else if (!(key->kind == CONFIG_SECRET ? take_secret(&place, value, at) :
				   take_value(&place, value, at)))
			return false;
	}
	return true;
}

void
config_clear_group(const ConfigKey *table, void *target)
{
	for (const ConfigKey *key = table; key->name; key++)
	{
		char	  **string = (char **) ((char *) target + key->place);

		if (key->kind == CONFIG_NUMBER || key->kind == CONFIG_TLS)
			continue;
		if (key->kind == CONFIG_SECRET)
			secret_free(*string);
		else
			g_free(*string);
		*string = NULL;
	}
}
