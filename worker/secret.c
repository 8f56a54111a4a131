/*
 * secret.c
 *		Files of secrets, which nobody else can read.
 */
#include "secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Says whether systemd made a file for this service (LoadCredential=).  Where its file system
 * has access lists, whom the service runs as has one, and the bits of the group are its mask.
 */
static bool
is_credential(const char *file, const struct stat *status)
{
	const char *folder = g_getenv("CREDENTIALS_DIRECTORY");
	g_autofree char *of = g_path_get_dirname(file);

	return folder && strcmp(folder, of) == 0 && status->st_uid == 0 && status->st_gid == 0 &&
		(status->st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)) == 0;
}

/* Says what is wrong with a file, null: nothing. */
static const char *
find_fault(const char *file, const struct stat *status)
{
	if (!S_ISREG(status->st_mode))
		return "it is no regular file";
	if (status->st_uid != 0 && status->st_uid != geteuid())
		return "its owner is neither root nor who runs this";
	if ((status->st_mode & (S_IRWXG | S_IRWXO)) != 0 && !is_credential(file, status))
		return "others than its owner may use it: its mode must be 0600 or 0400";
	if (status->st_size > SECRET_MAX)
		return "it is too large";
	return NULL;
}

static char *
fail(int descriptor, const char *file, const char *why, GError **error)
{
	g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_FAILED, "\"%s\" cannot be read: %s", file, why);
	if (descriptor >= 0)
		(void) close(descriptor);
	return NULL;
}

char *
secret_read(const char *file, gsize *length, GError **error)
{
	/* A pipe would keep it waiting. */
	int			descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat status;
	const char *fault;
	char	   *secret;
	gsize		size = 0;
	gssize		got;

	if (descriptor < 0 || fstat(descriptor, &status) != 0)
		return fail(descriptor, file, g_strerror(errno), error);
	fault = find_fault(file, &status);
	if (fault)
		return fail(descriptor, file, fault, error);
	/* One byte more, so that a file that has grown meanwhile is seen to. */
	secret = g_malloc0(SECRET_MAX + 2);
	while ((got = read(descriptor, secret + size, SECRET_MAX + 1 - size)) > 0)
		size += (gsize) got;
	if (got == 0 && size > 0 && size <= SECRET_MAX && secret[size - 1] == '\n')
		secret[--size] = '\0';
	if (got == 0 && size > 0 && size <= SECRET_MAX)
	{
		(void) close(descriptor);
		if (length)
			*length = size;
		return secret;
	}
	fault = got < 0 ? g_strerror(errno) : size == 0 ? "it is empty" : "it is too large";
	explicit_bzero(secret, SECRET_MAX + 1);
	g_free(secret);
	return fail(descriptor, file, fault, error);
}

void
secret_free(char *secret)
{
	/* All of it: a key may have zeros in it. */
	if (secret)
		explicit_bzero(secret, SECRET_MAX + 1);
	g_free(secret);
}
