/*
 * dns.c
 *		Whether a domain takes mail, as far as DNS says.
 *
 * Answers come from name servers of strangers: only the functions of libresolv take them to
 * pieces, and what they refuse counts for nothing.
 */
#include "dns.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that the resolver waits for the first answer, and how often it asks each server. */
#define TIMEOUT 2
#define TRIES 2

/* Bytes of an answer at most, by TCP too. */
#define ANSWER_MAX 65535

struct Dns
{
	struct __res_state state;
	unsigned char answer[ANSWER_MAX];
};

/*
 * Reads the address of a name server, such as 127.0.0.1 or 127.0.0.1:5353, into the state
 * instead of those of /etc/resolv.conf; false: it is none.
 */
static bool
set_name_server(res_state state, const char *name_server)
{
	g_auto(GStrv) parts = g_strsplit(name_server, ":", 2);
	struct sockaddr_in address = {.sin_family = AF_INET};
	guint64		port = NAMESERVER_PORT;

	if (parts[0] == NULL || inet_pton(AF_INET, parts[0], &address.sin_addr) != 1 ||
		(parts[1] && !g_ascii_string_to_unsigned(parts[1], 10, 1, 65535, &port, NULL)))
		return false;
	address.sin_port = htons((uint16_t) port);
	state->nscount = 1;
	state->nsaddr_list[0] = address;
	return true;
}

/*
 * Returns what asks a name server, null: those of the system.  Returns null if that is no
 * address of one, or the system has no resolver.
 */
Dns *
dns_new(const char *name_server)
{
	Dns		   *dns = g_new0(Dns, 1);

	if (res_ninit(&dns->state) != 0)
	{
		g_free(dns);
		return NULL;
	}
	if (name_server && !set_name_server(&dns->state, name_server))
	{
		dns_free(dns);
		return NULL;
	}
	dns->state.retrans = TIMEOUT;
	dns->state.retry = TRIES;
	/* A name is asked for as it is, and what another name server might say is no answer. */
	dns->state.options &= ~(unsigned long) (RES_DNSRCH | RES_DEFNAMES);
	return dns;
}

void
dns_free(Dns *dns)
{
	res_nclose(&dns->state);
	g_free(dns);
}

/* Says whether a record of MX says that mail is not taken: preference, and the root. */
static bool
is_null_mx(const ns_rr *record)
{
	return ns_rr_rdlen(*record) == 3 && ns_rr_rdata(*record)[2] == 0;
}

/* Says what an answer to a question for records of a type says. */
DnsAnswer
dns_read(const unsigned char *bytes, gsize length, int type)
{
	ns_msg		message;
	int			code;
	int			found = 0;
	int			null_mx = 0;

	if (length > ANSWER_MAX || ns_initparse(bytes, (int) length, &message) != 0 ||
		!ns_msg_getflag(message, ns_f_qr) || ns_msg_getflag(message, ns_f_tc))
		return DNS_ANSWER_BAD;
	code = ns_msg_getflag(message, ns_f_rcode);
	if (code == ns_r_nxdomain)
		return DNS_ANSWER_NO_DOMAIN;
	if (code != ns_r_noerror)
		return DNS_ANSWER_BAD;
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++)
	{
		ns_rr		record;

		if (ns_parserr(&message, ns_s_an, i, &record) != 0)
			return DNS_ANSWER_BAD;
		if (ns_rr_class(record) != ns_c_in || (int) ns_rr_type(record) != type)
			continue;
		found++;
		if (type == ns_t_mx && ns_rr_rdlen(record) < 3)
			return DNS_ANSWER_BAD;
		if (type == ns_t_mx && is_null_mx(&record))
			null_mx++;
	}
	if (found == 0)
		return DNS_ANSWER_NONE;
	return null_mx == found ? DNS_ANSWER_NULL_MX : DNS_ANSWER_FOUND;
}

/* Asks for records of a type. */
static DnsAnswer
ask(Dns *dns, const char *domain, int type)
{
	unsigned char question[NS_PACKETSZ];
	int			length = res_nmkquery(&dns->state, ns_o_query, domain, ns_c_in, type, NULL, 0, NULL,
									  question, sizeof(question));

	/* res_nquery() would keep the answers of errors to itself. */
	if (length > 0)
		length = res_nsend(&dns->state, question, length, dns->answer, sizeof(dns->answer));
	return length > 0 ? dns_read(dns->answer, (gsize) length, type) : DNS_ANSWER_BAD;
}

/* Says whether anybody answers: the servers of the root are known everywhere. */
bool
dns_is_reachable(Dns *dns)
{
	return ask(dns, ".", ns_t_ns) != DNS_ANSWER_BAD;
}

/*
 * Says whether a domain takes mail.  domain: in A-labels.  May take as long as all name servers
 * are silent.
 */
DnsMail
dns_find_mail(Dns *dns, const char *domain)
{
	static const int types[] = {ns_t_a, ns_t_aaaa};

	switch (ask(dns, domain, ns_t_mx))
	{
		case DNS_ANSWER_BAD:
			return DNS_UNKNOWN;
		case DNS_ANSWER_FOUND:
			return DNS_EXCHANGER;
		case DNS_ANSWER_NULL_MX:
			return DNS_REFUSES;
		case DNS_ANSWER_NO_DOMAIN:
			return DNS_NO_DOMAIN;
		case DNS_ANSWER_NONE:
			break;
	}
	for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
	{
		switch (ask(dns, domain, types[i]))
		{
			case DNS_ANSWER_BAD:
				return DNS_UNKNOWN;
			case DNS_ANSWER_FOUND:
				return DNS_ADDRESS;
			case DNS_ANSWER_NO_DOMAIN:
				return DNS_NO_DOMAIN;
			default:
				break;
		}
	}
	return DNS_NOTHING;
}
