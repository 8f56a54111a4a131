/*
 * test_dns.c
 *		Answers of name servers, as bytes.
 */
#include <arpa/nameser.h>
#include <string.h>

#include "dns.h"
#include "tap.h"

/* Header: id, flags and code, and the numbers of questions and records. */
#define HEADER(flags, code, answers) "\0\1" flags code "\0\1\0" answers "\0\0\0\0"
#define RESPONSE "\x81"
#define QUESTION "\7example\3org\0\0\x0f\0\1"
#define NAME "\xc0\x0c"
#define RECORD(type, size) NAME "\0" type "\0\1\0\0\0\x3c\0" size
#define MX(size) RECORD("\x0f", size)

typedef struct Case
{
	const char *name;
	const char *bytes;
	gsize		length;
	int			type;
	DnsAnswer	answer;
} Case;

#define CASE(name, bytes, type, answer) {name, bytes, sizeof(bytes) - 1, type, answer}

static const Case cases[] = {
	CASE("a mail server", HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\7") "\0\12\4mail\xc0\x0c",
		 ns_t_mx, DNS_ANSWER_BAD),
	CASE("a mail server, with the right length",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\x09") "\0\12\4mail\xc0\x0c", ns_t_mx,
		 DNS_ANSWER_FOUND),
	CASE("two mail servers",
		 HEADER(RESPONSE, "\x80", "\2")
			 QUESTION MX("\x09") "\0\12\4mail\xc0\x0c" MX("\x04") "\0\24\xc0\x0c",
		 ns_t_mx, DNS_ANSWER_FOUND),
	CASE("mail is not taken", HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\3") "\0\0\0", ns_t_mx,
		 DNS_ANSWER_NULL_MX),
	CASE("mail is not taken, with another preference",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\3") "\0\12\0", ns_t_mx, DNS_ANSWER_NULL_MX),
	CASE("mail is not taken, and taken",
		 HEADER(RESPONSE, "\x80", "\2") QUESTION MX("\3") "\0\0\0" MX("\x04") "\0\24\xc0\x0c",
		 ns_t_mx, DNS_ANSWER_FOUND),
	CASE("a record that is too short for a mail server",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\2") "\0\0", ns_t_mx, DNS_ANSWER_BAD),
	CASE("an address", HEADER(RESPONSE, "\x80", "\1") QUESTION RECORD("\1", "\4") "\1\2\3\4",
		 ns_t_a, DNS_ANSWER_FOUND),
	CASE("an address, where a mail server was asked for",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION RECORD("\1", "\4") "\1\2\3\4", ns_t_mx,
		 DNS_ANSWER_NONE),
	CASE("another name for it, and a mail server",
		 HEADER(RESPONSE, "\x80", "\2")
			 QUESTION RECORD("\5", "\2") "\xc0\x0c" MX("\x04") "\0\24\xc0\x0c",
		 ns_t_mx, DNS_ANSWER_FOUND),
	CASE("no record", HEADER(RESPONSE, "\x80", "\0") QUESTION, ns_t_mx, DNS_ANSWER_NONE),
	CASE("no domain", HEADER(RESPONSE, "\x83", "\0") QUESTION, ns_t_mx, DNS_ANSWER_NO_DOMAIN),
	CASE("a failure of the server", HEADER(RESPONSE, "\x82", "\0") QUESTION, ns_t_mx,
		 DNS_ANSWER_BAD),
	CASE("refused", HEADER(RESPONSE, "\x85", "\0") QUESTION, ns_t_mx, DNS_ANSWER_BAD),
	CASE("cut off by the server", HEADER("\x83", "\x80", "\0") QUESTION, ns_t_mx, DNS_ANSWER_BAD),
	CASE("a question", HEADER("\1", "\0", "\0") QUESTION, ns_t_mx, DNS_ANSWER_BAD),
	CASE("fewer records than it says", HEADER(RESPONSE, "\x80", "\2") QUESTION MX("\3") "\0\0\0",
		 ns_t_mx, DNS_ANSWER_BAD),
	CASE("a record that ends behind the answer",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION MX("\x40") "\0\0\0", ns_t_mx, DNS_ANSWER_BAD),
	CASE("a name that points at itself",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION "\xc0\x1d\0\x0f\0\1\0\0\0\x3c\0\3\0\0\0", ns_t_mx,
		 DNS_ANSWER_BAD),
	CASE("a name that points behind the answer",
		 HEADER(RESPONSE, "\x80", "\1") QUESTION "\xff\xff\0\x0f\0\1\0\0\0\x3c\0\3\0\0\0", ns_t_mx,
		 DNS_ANSWER_BAD),
	CASE("half a header", "\0\1\x81\x80\0\1", ns_t_mx, DNS_ANSWER_BAD),
	CASE("nothing", "", ns_t_mx, DNS_ANSWER_BAD),
	CASE("more behind it", HEADER(RESPONSE, "\x80", "\0") QUESTION "more", ns_t_mx, DNS_ANSWER_BAD),
};

int
main(void)
{
	static const char *const wrong[] = {"", "localhost", "127.0.0.1:0", "127.0.0.1:65536", "::1",
	"127.0.0.1:53:53"};
	Dns		   *dns = dns_new("127.0.0.1:5353");

	for (size_t i = 0; i < G_N_ELEMENTS(cases); i++)
	{
		/* In memory of its own, so that what reads behind it is seen. */
		unsigned char *bytes = g_memdup2(cases[i].bytes, cases[i].length);
		DnsAnswer	answer = dns_read(bytes, cases[i].length, cases[i].type);

		ok(answer == cases[i].answer, "%s: %d", cases[i].name, (int) answer);
		g_free(bytes);
	}
	ok(dns != NULL, "a name server with a port");
	dns_free(dns);
	for (size_t i = 0; i < G_N_ELEMENTS(wrong); i++)
		ok(dns_new(wrong[i]) == NULL, "\"%s\" is no name server", wrong[i]);
	return done_testing();
}
