/*
 * fuzz_dns.c
 *		Any bytes as the answer of a name server.
 */
#include <arpa/nameser.h>

#include "dns.h"

int			LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	static const int types[] = {ns_t_mx, ns_t_a, ns_t_aaaa, ns_t_ns};
	DnsAnswer	mx = dns_read(data, size, ns_t_mx);

	for (size_t i = 1; i < G_N_ELEMENTS(types); i++)
	{
		DnsAnswer	answer = dns_read(data, size, types[i]);

		/* The records asked for make no difference to whether the domain is there. */
		if ((answer == DNS_ANSWER_NO_DOMAIN) != (mx == DNS_ANSWER_NO_DOMAIN) ||
			answer == DNS_ANSWER_NULL_MX)
			__builtin_trap();
	}
	return 0;
}
