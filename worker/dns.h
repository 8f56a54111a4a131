/*
 * dns.h
 *		Whether a domain takes mail, as far as DNS says.
 */
#ifndef LEADTERRA_WORKER_DNS_H
#define LEADTERRA_WORKER_DNS_H

#include <stdbool.h>

#include <glib.h>

typedef enum DnsMail
{
	DNS_UNKNOWN,				/* no answer, or none that can be believed */
	DNS_EXCHANGER,				/* it names mail servers */
	DNS_ADDRESS,				/* it names none, but has an address: RFC 5321 section 5.1 */
	DNS_REFUSES,				/* it takes no mail, and says so: RFC 7505 */
	DNS_NOTHING,				/* it has neither */
	DNS_NO_DOMAIN				/* it does not exist */
} DnsMail;

/* What one answer says. */
typedef enum DnsAnswer
{
	DNS_ANSWER_BAD,				/* it is broken, or an error of the server */
	DNS_ANSWER_FOUND,			/* there is a record of the type */
	DNS_ANSWER_NULL_MX,			/* the only record says that mail is not taken */
	DNS_ANSWER_NONE,			/* the domain has other records */
	DNS_ANSWER_NO_DOMAIN
} DnsAnswer;

typedef struct Dns Dns;

extern Dns *dns_new(const char *name_server);
extern void dns_free(Dns *dns);
extern bool dns_is_reachable(Dns *dns);
extern DnsMail dns_find_mail(Dns *dns, const char *domain);
extern DnsAnswer dns_read(const unsigned char *bytes, gsize length, int type);

#endif
