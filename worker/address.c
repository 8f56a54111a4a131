/*
 * address.c
 *		Which addresses of the network are public.
 *
 * Whoever makes a webhook chooses its URL, and a worker often stands inside a network that
 * its users do not.  So a delivery goes to no address but a public one, as the registries of
 * special-purpose addresses have them (RFC 6890 and its updates), unless the configuration
 * allows the network.  The address is that of the socket, never what a name stood for before.
 */
#include "address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Network4
{
	uint32_t	address;
	int			length;
} Network4;

#define IPV4(a, b, c, d) \
	((uint32_t) (a) << 24 | (uint32_t) (b) << 16 | (uint32_t) (c) << 8 | (uint32_t) (d))

/* What is not public in IPv4. */
static const Network4 special4[] = {
	{IPV4(0, 0, 0, 0), 8},		/* this host, RFC 791 */
	{IPV4(10, 0, 0, 0), 8},		/* private, RFC 1918 */
	{IPV4(100, 64, 0, 0), 10},	/* shared by a provider's customers, RFC 6598 */
	{IPV4(127, 0, 0, 0), 8},	/* loopback */
	{IPV4(169, 254, 0, 0), 16}, /* link-local, and metadata of cloud services, RFC 3927 */
	{IPV4(172, 16, 0, 0), 12},	/* private */
	{IPV4(192, 0, 0, 0), 24},	/* protocol assignments, RFC 6890 */
	{IPV4(192, 0, 2, 0), 24},	/* documentation, RFC 5737 */
	{IPV4(192, 88, 99, 0), 24}, /* relays of 6to4, RFC 7526 */
	{IPV4(192, 168, 0, 0), 16}, /* private */
	{IPV4(198, 18, 0, 0), 15},	/* benchmarks, RFC 2544 */
	{IPV4(198, 51, 100, 0), 24},	/* documentation */
	{IPV4(203, 0, 113, 0), 24}, /* documentation */
	{IPV4(224, 0, 0, 0), 4},	/* multicast */
	{IPV4(240, 0, 0, 0), 4},	/* reserved, and broadcast */
};

/* What is not public of 2000::/3, the only part of IPv6 that is. */
static const AddressNetwork special6[] = {
	{AF_INET6, {0x20, 0x01}, 23},	/* protocol assignments, RFC 2928; Teredo, which hides IPv4 */
	{AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32},	/* documentation, RFC 3849 */
	{AF_INET6, {0x20, 0x02}, 16},	/* 6to4, which hides IPv4, RFC 3056 */
	{AF_INET6, {0x3f, 0xff}, 20},	/* documentation, RFC 9637 */
};

static const AddressNetwork global6 = {AF_INET6, {0x20}, 3};

/* An address of IPv4 for hosts that have IPv6 alone, RFC 6052: the last four bytes. */
static const AddressNetwork translated = {AF_INET6, {0x00, 0x64, 0xff, 0x9b}, 96};

/* Says whether the first bits of two addresses are the same. */
static bool
same_bits(const unsigned char *one, const unsigned char *other, int length)
{
	int			rest = length % 8;
	unsigned char mask = (unsigned char) (0xff00 >> rest);

	if (memcmp(one, other, (size_t) length / 8) != 0)
		return false;
	return rest == 0 || ((one[length / 8] ^ other[length / 8]) & mask) == 0;
}

/*
 * Reads a network, such as 192.0.2.0/24 or fd00::/8; without a length it is one address.
 * False: it is none, or has bits behind its length, by which somebody meant something else.
 */
bool
address_network_read(const char *text, AddressNetwork *network)
{
	g_auto(GStrv) parts = g_strsplit(text, "/", 2);
	guint64		length;
	int			bits;

	memset(network, 0, sizeof(*network));
	if (parts[0] == NULL)
		return false;
	network->family = strchr(parts[0], ':') ? AF_INET6 : AF_INET;
	bits = network->family == AF_INET6 ? 128 : 32;
	if (inet_pton(network->family, parts[0], network->bytes) != 1)
		return false;
	length = (guint64) bits;
	if (parts[1] && !g_ascii_string_to_unsigned(parts[1], 10, 0, (guint64) bits, &length, NULL))
		return false;
	network->length = (int) length;
	for (int bit = network->length; bit < bits; bit++)
	{
		if (network->bytes[bit / 8] & (0x80 >> bit % 8))
			return false;
	}
	return true;
}

static bool
is_public4(const unsigned char *bytes)
{
	uint32_t	address = IPV4(bytes[0], bytes[1], bytes[2], bytes[3]);

	for (size_t i = 0; i < G_N_ELEMENTS(special4); i++)
	{
		if ((address ^ special4[i].address) >> (32 - special4[i].length) == 0)
			return false;
	}
	return true;
}

static bool
is_public6(const unsigned char *bytes)
{
	if (same_bits(bytes, translated.bytes, translated.length))
		return is_public4(bytes + 12);
	if (!same_bits(bytes, global6.bytes, global6.length))
		return false;
	for (size_t i = 0; i < G_N_ELEMENTS(special6); i++)
	{
		if (same_bits(bytes, special6[i].bytes, special6[i].length))
			return false;
	}
	return true;
}

/*
 * Says whether a socket may be opened to an address: a public one, or one of the networks
 * that are allowed, an array of AddressNetwork.
 */
bool
address_may_be_reached(const struct sockaddr *address, const GArray *allowed)
{
	const unsigned char *bytes;

	if (address->sa_family == AF_INET)
		bytes = (const unsigned char *) &((const struct sockaddr_in *) address)->sin_addr;
	else if (address->sa_family == AF_INET6)
		bytes = (const unsigned char *) &((const struct sockaddr_in6 *) address)->sin6_addr;
	else
		return false;

	for (guint i = 0; allowed && i < allowed->len; i++)
	{
		const AddressNetwork *network = &g_array_index(allowed, AddressNetwork, i);

		if (network->family == address->sa_family &&
			same_bits(bytes, network->bytes, network->length))
			return true;
	}
	return address->sa_family == AF_INET ? is_public4(bytes) : is_public6(bytes);
}
