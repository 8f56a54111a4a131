/*
 * test_return_path.c
 *		Addresses that bounces go to.
 */
#include <string.h>

#include "return_path.h"
#include "is.h"

static const char key[] = "0123456789abcdef";
static const char message[] = "0190a6e0-0000-7000-8000-0123456789ab";

/* Made by another program from the same key and id. */
static const char expected[] =
	"bounces+agiknyaaabyabaaaaerukz4jvpfo5m73u5ymdoq@xn--acm-dma.example";

static void
test_refused(void)
{
	static const struct
	{
		const char *address;
		gsize		key_length;
	}			refused[] = {
		{"bounces", 16}, {"@acme.example", 16}, {"bounces@", 16}, {NULL, 16},
		{"b\303\266unces@acme.example", 16}, {"bounces@acme.example", 15},
		{"twenty-five-characters-xx@acme.example", 16},
	};

	for (gsize i = 0; i < G_N_ELEMENTS(refused); i++)
	{
		g_autoptr(GError) error = NULL;

		ok(return_path_new(refused[i].address, key, refused[i].key_length, &error) == NULL &&
		   error != NULL, "is no return path");
	}
}

static void
test_address(const ReturnPath *return_path)
{
	g_autofree char *address = return_path_address(return_path, message);
	g_autofree char *upper = g_ascii_strup(address, -1);
	char		id[37];

	is(address, expected, "an address");
	ok(return_path_read(return_path, address, id), "is read");
	is(id, message, "the id is the same");
	ok(return_path_read(return_path, upper, id), "in upper case, too");
	is(id, message, "and gives the same id");
	ok(return_path_address(return_path, "no-uuid") == NULL, "what is no id has no address");
}

/* Whatever character is another one, the address is not ours. */
static void
test_forged(const ReturnPath *return_path)
{
	char	   *address = return_path_address(return_path, message);
	char		id[37];

	for (gsize i = 0; i < strlen(address); i++)
	{
		char		original = address[i];
		bool		read;

		address[i] = original == 'b' ? 'c' : 'b';
		read = return_path_read(return_path, address, id);
		if (read || id[0] != '\0')
			ok(false, "%s", address);
		address[i] = '\0';
		if (return_path_read(return_path, address, id))
			ok(false, "an address that was cut");
		address[i] = original;
	}
	ok(true, "no other address is ours");
	g_free(address);
}

static void
test_other_key(const ReturnPath *return_path)
{
	g_autoptr(ReturnPath) other = return_path_new("bounces@acm\303\251.example",
												  "0123456789abcdeF", 16, NULL);
	g_autofree char *address = return_path_address(other, message);
	char		id[37];

	ok(!return_path_read(return_path, address, id), "an address by another key is not ours");
	ok(!return_path_read(return_path, "bounces@xn--acm-dma.example", id),
	   "nor is one without a token");
}

int
main(void)
{
	g_autoptr(ReturnPath) return_path =
		return_path_new("bounces@acm\303\251.example", key, 16, NULL);

	test_refused();
	test_address(return_path);
	test_forged(return_path);
	test_other_key(return_path);
	return done_testing();
}
