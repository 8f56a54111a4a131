/*
 * test_webhook_transfer.c
 *		Where a delivery goes to, whatever its URL says.
 *
 * Names are resolved and connections made by functions of this file, which libcurl calls in
 * place of the system's.  So nothing leaves the machine, and it is known what would have.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "address.h"
#include "tap.h"
#include "webhook_transfer.h"

/* What every name stands for now: addresses, each before a space. */
static const char *answers = "";

/* Where connections were asked for, in the same form. */
static GString *asked;

static void
add_answer(struct addrinfo **last, const char *text, int port)
{
	struct
	{
		struct addrinfo info;
		struct sockaddr_storage address;
	}		   *entry = calloc(1, sizeof(*entry));
	struct sockaddr_in *in = (struct sockaddr_in *) &entry->address;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &entry->address;

	entry->info.ai_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	entry->info.ai_socktype = SOCK_STREAM;
	entry->info.ai_addr = (struct sockaddr *) &entry->address;
	entry->address.ss_family = (sa_family_t) entry->info.ai_family;
	if (entry->info.ai_family == AF_INET)
	{
		entry->info.ai_addrlen = sizeof(*in);
		in->sin_port = htons((uint16_t) port);
		inet_pton(AF_INET, text, &in->sin_addr);
	}
	else
	{
		entry->info.ai_addrlen = sizeof(*in6);
		in6->sin6_port = htons((uint16_t) port);
		inet_pton(AF_INET6, text, &in6->sin6_addr);
	}
	*last = &entry->info;
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
			struct addrinfo **result)
{
	unsigned char bytes[16];
	bool		is_number = inet_pton(AF_INET, name, bytes) == 1 ||
		inet_pton(AF_INET6, name, bytes) == 1;
	g_auto(GStrv) all = g_strsplit(is_number ? name : answers, " ", -1);
	struct addrinfo **last = result;

	(void) hints;
	*result = NULL;
	for (char **text = all; *text; text++)
	{
		if (**text == '\0')
			continue;
		add_answer(last, *text, service ? atoi(service) : 0);
		last = &(*last)->ai_next;
	}
	return *result ? 0 : EAI_NONAME;
}

void
freeaddrinfo(struct addrinfo *first)
{
	while (first)
	{
		struct addrinfo *next = first->ai_next;

		free(first);
		first = next;
	}
}

int
connect(int descriptor, const struct sockaddr *address, socklen_t length)
{
	char		text[INET6_ADDRSTRLEN] = "";

	(void) descriptor, (void) length;
	if (address->sa_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *) address)->sin_addr, text, sizeof(text));
	else
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr, text, sizeof(text));
	g_string_append_printf(asked, "%s ", text);
	errno = ECONNREFUSED;
	return -1;
}

/* Delivers to a URL; returns why that failed.  Where it went to is in asked. */
static const char *
deliver(WebhookTransfers *transfers, const char *url)
{
	WebhookOutcome outcome = {.error = "it did not end"};
	gint64		until = g_get_monotonic_time() + 5 * G_USEC_PER_SEC;

	g_string_truncate(asked, 0);
	webhook_transfers_start(transfers, url, "X-A: b\nX-C: d", "{}", 2, NULL);
	while (!webhook_transfers_next(transfers, &outcome) && g_get_monotonic_time() < until)
		webhook_transfers_wait(transfers, NULL, 0, 100);
	return outcome.error ? outcome.error : "there was an answer";
}

/* A delivery that must go nowhere. */
static void
check_refused(WebhookTransfers *transfers, const char *url, const char *name)
{
	const char *error = deliver(transfers, url);

	ok(strcmp(error, "the address is not public") == 0 && asked->len == 0,
	   "%s: %s, connected to \"%s\"", name, error, asked->str);
}

/* Kinds of addresses that are not public, behind a name, and as what a URL may call them. */
static void
check_kinds(void)
{
	static const char *const kinds[] = {
		"127.0.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254",
		"100.64.0.1", "192.0.0.8", "192.0.2.1", "198.18.0.1", "224.0.0.1", "255.255.255.255",
		"::1", "::", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "fc00::1", "fe80::1", "ff02::1",
		"2001:db8::1", "64:ff9b::127.0.0.1", "2002:7f00:1::1", "2001:0:7f00:1::1",
		"127.0.0.1 ::1 10.0.0.1",
	};
	static const char *const urls[] = {
		"https://localhost/",
		"https://127.0.0.1/",
		"https://127.1/",
		"https://2130706433/",
		"https://0x7f000001/",
		"https://0177.0.0.1/",
		"https://[::1]/",
		"https://[::ffff:127.0.0.1]/",
		"https://[fe80::1]/",
		"https://a@127.0.0.1:8443/",
		"https://169.254.169.254/latest/",
		"https://[64:ff9b::10.0.0.1]/",
		"https://0/",
		"https://127.0.0.1./",
	};

	for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
	{
		WebhookTransfers *transfers = webhook_transfers_new(NULL, NULL);

		answers = kinds[i];
		check_refused(transfers, "https://name.example/", kinds[i]);
		webhook_transfers_free(transfers);
	}
	answers = "127.0.0.1";
	for (size_t i = 0; i < G_N_ELEMENTS(urls); i++)
	{
		WebhookTransfers *transfers = webhook_transfers_new(NULL, NULL);

		check_refused(transfers, urls[i], urls[i]);
		webhook_transfers_free(transfers);
	}
}

/* A name that changes its mind. */
static void
check_name(void)
{
	WebhookTransfers *transfers = webhook_transfers_new(NULL, NULL);
	const char *error;

	answers = "93.184.216.34";
	error = deliver(transfers, "https://mind.example/");
	ok(strcmp(error, "no connection") == 0 && strcmp(asked->str, "93.184.216.34 ") == 0,
	   "a name is public: %s, connected to \"%s\"", error, asked->str);
	webhook_transfers_free(transfers);

	/* libcurl would remember for a minute what a name stood for. */
	transfers = webhook_transfers_new(NULL, NULL);
	answers = "10.0.0.1";
	check_refused(transfers, "https://mind.example/", "and changes its mind");
	webhook_transfers_free(transfers);

	transfers = webhook_transfers_new(NULL, NULL);
	answers = "10.0.0.1 93.184.216.34 127.0.0.1";
	deliver(transfers, "https://both.example/");
	ok(strcmp(asked->str, "93.184.216.34 ") == 0,
	   "of several only the public one is connected to: \"%s\"", asked->str);
	answers = "";
	error = deliver(transfers, "https://nobody.example/");
	ok(strcmp(error, "the host is not known") == 0, "a name that nobody knows: %s", error);
	webhook_transfers_free(transfers);
}

static void
check_allowed(void)
{
	g_autoptr(GArray) allowed = g_array_new(FALSE, FALSE, sizeof(AddressNetwork));
	AddressNetwork network;
	WebhookTransfers *transfers;

	address_network_read("10.0.0.0/24", &network);
	g_array_append_val(allowed, network);
	transfers = webhook_transfers_new(allowed, NULL);
	answers = "10.0.0.7";
	deliver(transfers, "https://allowed.example/");
	ok(strcmp(asked->str, "10.0.0.7 ") == 0, "a network that is allowed: \"%s\"", asked->str);
	answers = "10.0.1.7";
	check_refused(transfers, "https://beside.example/", "and the one beside it");
	webhook_transfers_free(transfers);
}

/* Nothing of the environment leads elsewhere, and nothing but https is spoken. */
static void
check_other_ways(void)
{
	static const char *const urls[] = {
		"http://name.example/",	  "file:///etc/passwd",	  "ftp://name.example/",
		"gopher://name.example/", "dict://name.example/", "ldap://name.example/",
		"smtp://name.example/",	  "scp://name.example/",
	};
	WebhookTransfers *transfers;

	setenv("https_proxy", "http://192.168.1.1:3128", 1);
	setenv("HTTPS_PROXY", "http://192.168.1.1:3128", 1);
	setenv("ALL_PROXY", "socks5h://127.0.0.1:1080", 1);
	transfers = webhook_transfers_new(NULL, NULL);
	answers = "93.184.216.34";
	deliver(transfers, "https://name.example/");
	ok(strcmp(asked->str, "93.184.216.34 ") == 0, "no proxy: \"%s\"", asked->str);
	for (size_t i = 0; i < G_N_ELEMENTS(urls); i++)
	{
		const char *error = deliver(transfers, urls[i]);

		ok(strcmp(error, "the URL is not one of https") == 0 && asked->len == 0, "%s: %s", urls[i],
		   error);
	}
	ok(strcmp(deliver(transfers, "https://"), "the URL is not valid") == 0 && asked->len == 0,
	   "no host");
	ok(strcmp(deliver(transfers, ""), "there was an answer") != 0 && asked->len == 0, "no URL");
	webhook_transfers_free(transfers);
}

int
main(void)
{
	WebhookTransfers *transfers;

	curl_global_init(CURL_GLOBAL_ALL);
	asked = g_string_new(NULL);
	check_kinds();
	check_name();
	check_allowed();
	check_other_ways();

	transfers = webhook_transfers_new(NULL, NULL);
	webhook_transfers_start(transfers, "https://name.example/", "", "", 0, NULL);
	webhook_transfers_free(transfers);
	ok(true, "what is running is broken off");
	g_string_free(asked, TRUE);
	curl_global_cleanup();
	return done_testing();
}
