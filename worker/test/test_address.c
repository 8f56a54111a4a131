/*
 * test_address.c
 *		Which addresses are public, at both edges of every network that is not.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "address.h"
#include "tap.h"

/* The last address before a network, its first, its last, and the one after it; "": none. */
typedef struct Edge
{
	const char *name;
	const char *before;
	const char *first;
	const char *last;
	const char *after;
} Edge;

static const Edge closed[] = {
	{"this host", "", "0.0.0.0", "0.255.255.255", "1.0.0.0"},
	{"private 10/8", "9.255.255.255", "10.0.0.0", "10.255.255.255", "11.0.0.0"},
	{"shared by customers", "100.63.255.255", "100.64.0.0", "100.127.255.255", "100.128.0.0"},
	{"loopback", "126.255.255.255", "127.0.0.0", "127.255.255.255", "128.0.0.0"},
	{"link-local", "169.253.255.255", "169.254.0.0", "169.254.255.255", "169.255.0.0"},
	{"metadata of clouds", "", "169.254.169.254", "169.254.169.254", ""},
	{"private 172.16/12", "172.15.255.255", "172.16.0.0", "172.31.255.255", "172.32.0.0"},
	{"protocol assignments", "191.255.255.255", "192.0.0.0", "192.0.0.255", "192.0.1.0"},
	{"documentation 1", "192.0.1.255", "192.0.2.0", "192.0.2.255", "192.0.3.0"},
	{"relays of 6to4", "192.88.98.255", "192.88.99.0", "192.88.99.255", "192.88.100.0"},
	{"private 192.168/16", "192.167.255.255", "192.168.0.0", "192.168.255.255", "192.169.0.0"},
	{"benchmarks", "198.17.255.255", "198.18.0.0", "198.19.255.255", "198.20.0.0"},
	{"documentation 2", "198.51.99.255", "198.51.100.0", "198.51.100.255", "198.51.101.0"},
	{"documentation 3", "203.0.112.255", "203.0.113.0", "203.0.113.255", "203.0.114.0"},
	{"multicast", "223.255.255.255", "224.0.0.0", "239.255.255.255", ""},
	{"reserved", "", "240.0.0.0", "255.255.255.254", ""},
	{"broadcast", "", "255.255.255.255", "255.255.255.255", ""},

	{"unspecified, of IPv6", "", "::", "::", ""},
	{"loopback, of IPv6", "", "::1", "::1", ""},
	{"IPv4-compatible", "", "::8.8.8.8", "::ffff:ffff", ""},
	{"IPv4-mapped", "", "::ffff:0:0", "::ffff:255.255.255.255", ""},
	{"IPv4-mapped, public inside", "", "::ffff:8.8.8.8", "::ffff:8.8.8.8", ""},
	{"translated, this host inside", "", "64:ff9b::", "64:ff9b::0.255.255.255", "64:ff9b::1.0.0.0"},
	{"translated, private inside", "64:ff9b::9.255.255.255", "64:ff9b::10.0.0.0",
	"64:ff9b::10.255.255.255", "64:ff9b::11.0.0.0"},
	{"translated, loopback inside", "", "64:ff9b::127.0.0.1", "64:ff9b::127.255.255.255", ""},
	{"translated, metadata inside", "", "64:ff9b::169.254.169.254", "64:ff9b::169.254.169.254", ""},
	{"translated, not all of it", "", "64:ff9b:0:0:0:1:808:808", "64:ff9b:0:0:0:1:808:808", ""},
	{"translated within a site", "", "64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:808:808", ""},
	{"discard only", "", "100::", "100::ffff:ffff:ffff:ffff", ""},
	{"below what is public", "", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
	"1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2000::"},
	{"Teredo and other assignments", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001::",
	"2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"},
	{"Teredo, private inside", "", "2001:0:808:808:0:0:f5ff:fffe", "2001:0:a00:1::", ""},
	{"documentation of IPv6", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::",
	"2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"},
	{"6to4", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2002::",
	"2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"},
	{"6to4, private inside", "", "2002:a00:1::1", "2002:c0a8:1::1", ""},
	{"documentation of IPv6, 2", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff::",
	"3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"},
	{"above what is public", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "4000::", "5f00::", ""},
	{"unique local", "", "fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"link-local, of IPv6", "", "fe80::", "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"site-local", "", "fec0::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
	{"multicast, of IPv6", "", "ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""},
};

static const char *const open_addresses[] = {
	"1.1.1.1", "8.8.8.8", "93.184.216.34", "100.128.0.1", "172.15.0.1", "192.0.1.1",
	"223.255.255.255", "2606:4700:4700::1111", "2a00:1450:4001:80e::200e", "64:ff9b::8.8.8.8",
};

static bool
reaches(const char *text, const GArray *allowed)
{
	struct sockaddr_storage storage = {.ss_family = AF_UNSPEC};
	struct sockaddr_in *in = (struct sockaddr_in *) &storage;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &storage;

	if (inet_pton(AF_INET, text, &in->sin_addr) == 1)
		storage.ss_family = AF_INET;
	else if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1)
		storage.ss_family = AF_INET6;
	else
	{
		printf("Bail out! %s is no address\n", text);
		return false;
	}
	return address_may_be_reached((struct sockaddr *) &storage, allowed);
}

static void
check_edges(void)
{
	for (size_t i = 0; i < G_N_ELEMENTS(closed); i++)
	{
		const Edge *edge = &closed[i];

		ok((edge->before[0] == '\0' || reaches(edge->before, NULL)) &&
		   (edge->after[0] == '\0' || reaches(edge->after, NULL)), "%s: around it", edge->name);
		ok(!reaches(edge->first, NULL), "%s: the first, %s", edge->name, edge->first);
		ok(!reaches(edge->last, NULL), "%s: the last, %s", edge->name, edge->last);
	}
	for (size_t i = 0; i < G_N_ELEMENTS(open_addresses); i++)
		ok(reaches(open_addresses[i], NULL), "%s is public", open_addresses[i]);
}

static void
check_networks(void)
{
	static const char *const right[] = {
		"127.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "192.168.4.4/30", "fd00::/8", "::1", "::/0",
		"2001:db8::8000/113",
	};
	static const char *const wrong[] = {
		"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.1/8",
		"10/8", "localhost", "127.0.0.1/ 8", " 127.0.0.1", "fd00::/129", "fd00::1/8", "::1/0",
		"fe80::1%lo", "0x7f.1", "2001:db8::8000/112",
	};
	AddressNetwork network;

	for (size_t i = 0; i < G_N_ELEMENTS(right); i++)
		ok(address_network_read(right[i], &network), "\"%s\" is a network", right[i]);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		ok(!address_network_read(wrong[i], &network), "\"%s\" is none", wrong[i]);
}

static void
check_allowed(void)
{
	g_autoptr(GArray) allowed = g_array_new(FALSE, FALSE, sizeof(AddressNetwork));
	static const char *const texts[] = {"127.0.0.1/32", "192.168.4.4/30", "fd00::/9"};
	AddressNetwork network;
	struct sockaddr_un unix_address = {.sun_family = AF_UNIX};

	for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
	{
		address_network_read(texts[i], &network);
		g_array_append_val(allowed, network);
	}
	ok(reaches("127.0.0.1", allowed), "an address that is allowed");
	ok(!reaches("127.0.0.2", allowed), "and its neighbor, which is not");
	ok(reaches("192.168.4.4", allowed) && reaches("192.168.4.7", allowed), "a network");
	ok(!reaches("192.168.4.3", allowed) && !reaches("192.168.4.8", allowed), "and around it");
	ok(reaches("fd7f::1", allowed) && !reaches("fd80::1", allowed), "a network of IPv6");
	ok(!reaches("::ffff:127.0.0.1", allowed), "IPv4 in IPv6 is another network");
	ok(!reaches("64:ff9b::127.0.0.1", allowed), "translated is another one, too");
	ok(reaches("8.8.8.8", allowed), "what is public stays so");
	ok(!address_may_be_reached((struct sockaddr *) &unix_address, allowed), "a socket in a file");
}

int
main(void)
{
	check_edges();
	check_networks();
	check_allowed();
	return done_testing();
}
