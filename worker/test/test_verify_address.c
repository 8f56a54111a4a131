/*
 * test_verify_address.c
 *		What is made of an address and what DNS says.
 */
#include <string.h>
#include <unistd.h>

#include "tap.h"
#include "verify_address.h"

typedef struct Case
{
	const char *email;
	DnsMail		mail;
	int			status;
	int			expected;
} Case;

static const Case cases[] = {
	{"ann@example.org", DNS_EXCHANGER, 0, 0},
	{"ann@example.org", DNS_EXCHANGER, 11, 0},
	{"ann@example.org", DNS_EXCHANGER, 12, 0},
	{"ann@example.org", DNS_EXCHANGER, 1, 1},
	{"ann@example.org", DNS_EXCHANGER, -1, -1},
	{"ann@example.org", DNS_EXCHANGER, -3, -3},
	{"ann@example.org", DNS_ADDRESS, 0, -2},
	{"ann@example.org", DNS_ADDRESS, 1, 1},
	{"ann@example.org", DNS_UNKNOWN, 0, 0},
	{"ann@example.org", DNS_UNKNOWN, 11, 0},
	{"ann@example.org", DNS_UNKNOWN, -2, -2},
	{"ann@example.org", DNS_REFUSES, 0, -1},
	{"ann@example.org", DNS_REFUSES, 1, -1},
	{"ann@example.org", DNS_NOTHING, 12, -1},
	{"ann@example.org", DNS_NO_DOMAIN, -4, -1},
	{"Info@example.org", DNS_EXCHANGER, 0, -2},
	{"info+news@example.org", DNS_EXCHANGER, 11, -2},
	{"info@example.org", DNS_UNKNOWN, 0, -2},
	{"info@example.org", DNS_NO_DOMAIN, 0, -1},
	{"infos@example.org", DNS_EXCHANGER, 0, 0},
	{"inf@example.org", DNS_EXCHANGER, 0, 0},
	{"ann@throw.example", DNS_EXCHANGER, 0, -2},
	{"ann@a.b.Throw.example", DNS_EXCHANGER, 0, -2},
	{"ann@nothrow.example", DNS_EXCHANGER, 0, 0},
	{"ann@example", DNS_EXCHANGER, 0, 0},
	{"ann@other.example", DNS_EXCHANGER, 1, 1},
	{"no address", DNS_UNKNOWN, 0, 0},
};

int
main(void)
{
	char		file[] = "/tmp/leadterra-test-XXXXXX";
	const char *text = "# remarks\n\n throw.example \r\nOther.Example # why\n.\n";
	int			descriptor = mkstemp(file);
	g_autoptr(GHashTable) disposable = NULL;
	g_autoptr(GError) error = NULL;

	if (descriptor < 0 || write(descriptor, text, strlen(text)) < 0)
		return 1;
	close(descriptor);
	disposable = verify_read_disposable(file, &error);
	unlink(file);
	ok(disposable && g_hash_table_size(disposable) == 3, "a list of domains");
	ok(verify_is_disposable(disposable, "other.example"), "in any letter case");
	ok(!verify_is_disposable(NULL, "other.example"), "no list");
	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
	{
		int			status = verify_status(cases[i].email, cases[i].mail, disposable,
										   cases[i].status);

		ok(status == cases[i].expected, "%s, which DNS says %d of, from %d: %d", cases[i].email,
		   (int) cases[i].mail, cases[i].status, status);
	}
	ok(verify_read_disposable("/nonexistent", &error) == NULL && error != NULL, "no such file");
	return done_testing();
}
