/*
 * test_secret.c
 *		Which files are taken for secrets.
 */
#include "secret.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tap.h"

static char *folder;

/* Makes a file, and says what becomes of it as a secret, to be freed; null: it was read. */
static char *
refuse(const char *text, gssize length, int mode)
{
	g_autofree char *path = g_build_filename(folder, "secret", NULL);
	g_autoptr(GError) error = NULL;
	char	   *secret;

	(void) unlink(path);
	g_file_set_contents(path, text, length, NULL);
	chmod(path, (mode_t) mode);
	secret = secret_read(path, NULL, &error);
	secret_free(secret);
	return error ? g_strdup(error->message) : NULL;
}

/* Reads a file that has to be taken. */
static void
check(const char *text, gsize length, const char *expected, gsize expected_length,
	  const char *name)
{
	g_autofree char *path = g_build_filename(folder, "secret", NULL);
	char	   *secret;
	gsize		read = 0;

	(void) unlink(path);
	g_file_set_contents(path, text, (gssize) length, NULL);
	chmod(path, 0400);
	secret = secret_read(path, &read, NULL);
	ok(secret && read == expected_length && memcmp(secret, expected, read + 1) == 0,
	   "%s", name);
	secret_free(secret);
}

static void
test_modes(void)
{
	static const int modes[] = {0601, 0602, 0604, 0610, 0620, 0640, 0644, 0660, 0666, 0777};

	for (gsize i = 0; i < G_N_ELEMENTS(modes); i++)
	{
		g_autofree char *message = refuse("secret", -1, modes[i]);
		g_autofree char *name = g_strdup_printf("mode %04o", (unsigned int) modes[i]);

		ok(message && strstr(message, "mode"), "%s", name);
	}
}

static void
test_kinds(void)
{
	g_autofree char *path = g_build_filename(folder, "secret", NULL);
	g_autoptr(GError) error = NULL;

	(void) unlink(path);
	ok(secret_read(folder, NULL, &error) == NULL && strstr(error->message, "regular"), "a folder");
	g_clear_error(&error);
	ok(secret_read("/dev/zero", NULL, &error) == NULL && strstr(error->message, "regular"),
	   "a device");
	g_clear_error(&error);
	(void) mkfifo(path, 0600);
	ok(secret_read(path, NULL, &error) == NULL && strstr(error->message, "regular"), "a pipe");
	g_clear_error(&error);
	(void) unlink(path);
	ok(secret_read(path, NULL, &error) == NULL && strstr(error->message, path),
	   "a file that is not there");
}

static void
test_sizes(void)
{
	g_autofree char *large = g_strnfill(SECRET_MAX + 1, 'x');
	g_autofree char *message = NULL;
	g_autofree char *empty = refuse("", 0, 0600);
	g_autofree char *newline = refuse("\n", 1, 0600);

	message = refuse(large, SECRET_MAX + 1, 0600);
	ok(message && strstr(message, "too large"), "a file that is too large");
	ok(empty && strstr(empty, "empty"), "an empty file");
	ok(newline && strstr(newline, "empty"), "a file with nothing but a newline");
	large[SECRET_MAX] = '\0';
	check(large, SECRET_MAX, large, SECRET_MAX, "the largest that there may be");
}

/* Only root can give a file away. */
static void
test_owner(void)
{
	g_autofree char *path = g_build_filename(folder, "secret", NULL);
	g_autoptr(GError) error = NULL;

	if (geteuid() != 0)
	{
		ok(true, "a file of somebody else # SKIP only root can make one");
		return;
	}
	(void) unlink(path);
	g_file_set_contents(path, "secret", -1, NULL);
	chmod(path, 0600);
	ok(chown(path, 65534, 65534) == 0 && secret_read(path, NULL, &error) == NULL &&
	   strstr(error->message, "owner"), "a file of somebody else");
}

/* What systemd makes may have the mask of an access list for the bits of its group. */
static void
test_credential(void)
{
	g_autofree char *message = NULL;

	g_setenv("CREDENTIALS_DIRECTORY", folder, TRUE);
	message = refuse("secret", -1, 0440);
	ok(geteuid() == 0 ? message == NULL : message != NULL, "a credential of systemd");
	g_clear_pointer(&message, g_free);
	message = refuse("secret", -1, 0444);
	ok(message && strstr(message, "mode"), "which all may read");
	g_unsetenv("CREDENTIALS_DIRECTORY");
}

int
main(void)
{
	folder = g_dir_make_tmp("test_secret.XXXXXX", NULL);
	check("secret\n", 7, "secret", 6, "a newline at the end is no part of it");
	check("secret\n\n", 8, "secret\n", 7, "a second one is");
	check(" a b\r", 5, " a b\r", 5, "and so is other space");
	check("a\0b\n", 4, "a\0b", 3, "and NUL");
	test_modes();
	test_kinds();
	test_sizes();
	test_owner();
	test_credential();
	{
		g_autofree char *path = g_build_filename(folder, "secret", NULL);

		(void) unlink(path);
	}
	(void) rmdir(folder);
	g_free(folder);
	return done_testing();
}
