/*
 * webhook_transfer.c
 *		Posts what a webhook gets to its URL, several at once.
 *
 * The URL is a stranger's, and so is whoever answers.  A connection goes to a public address
 * alone (see address.c): that is decided when its socket is opened, whatever the name of the
 * host stood for before, and a connection that is used again was opened so.  There are no
 * redirects, no proxies and no other protocols, and of what is answered only the status counts.
 */
#include "webhook_transfer.h"

#include <string.h>
#include <unistd.h>

#include <curl/curl.h>

#include "address.h"

/* Connections that are kept open for the next delivery. */
#define CONNECTIONS_KEPT 32

/* Bytes of the headers, and of the body, that are read of an answer. */
#define ANSWER_MAX ((gsize) 64 * 1024)

struct WebhookTransfers
{
	CURLM	   *multi;
	const GArray *allowed;		/* AddressNetwork */
	const char *ca_file;		/* null: that of the system */
	GHashTable *running;		/* of Transfer, to be freed where they never end */
};

typedef struct Transfer
{
	CURL	   *curl;
	struct curl_slist *headers;
	char	   *body;
	void	   *data;
	const GArray *allowed;
	gsize		header_bytes;
	gsize		body_bytes;
	bool		is_refused;		/* an address that is not public was */
} Transfer;

static void
free_transfer(void *pointer)
{
	Transfer   *transfer = pointer;

	curl_easy_cleanup(transfer->curl);
	curl_slist_free_all(transfer->headers);
	g_free(transfer->body);
	g_free(transfer);
}

/* allowed, an array of AddressNetwork, and ca_file belong to the caller, and outlive it. */
WebhookTransfers *
webhook_transfers_new(const GArray *allowed, const char *ca_file)
{
	WebhookTransfers *transfers = g_new0(WebhookTransfers, 1);

	transfers->multi = curl_multi_init();
	if (transfers->multi == NULL)
		g_error("libcurl has no memory");
	curl_multi_setopt(transfers->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);
	curl_multi_setopt(transfers->multi, CURLMOPT_MAXCONNECTS, (long) CONNECTIONS_KEPT);
	transfers->allowed = allowed;
	transfers->ca_file = ca_file;
	transfers->running = g_hash_table_new_full(NULL, NULL, NULL, free_transfer);
	return transfers;
}

/* Breaks off what is running. */
void
webhook_transfers_free(WebhookTransfers *transfers)
{
	GHashTableIter iter;
	void	   *transfer;

	g_hash_table_iter_init(&iter, transfers->running);
	while (g_hash_table_iter_next(&iter, &transfer, NULL))
		curl_multi_remove_handle(transfers->multi, ((Transfer *) transfer)->curl);
	g_hash_table_unref(transfers->running);
	curl_multi_cleanup(transfers->multi);
	g_free(transfers);
}

static curl_socket_t
open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address)
{
	Transfer   *transfer = data;

	if (purpose != CURLSOCKTYPE_IPCXN ||
		!address_may_be_reached(&address->addr, transfer->allowed))
	{
		transfer->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Counts bytes; what is over the limit breaks the transfer off. */
static size_t
count_header(char *bytes, size_t size, size_t count, void *data)
{
	Transfer   *transfer = data;

	(void) bytes;
	transfer->header_bytes += size * count;
	return transfer->header_bytes <= ANSWER_MAX ? size * count : 0;
}

static size_t
count_body(char *bytes, size_t size, size_t count, void *data)
{
	Transfer   *transfer = data;

	(void) bytes;
	transfer->body_bytes += size * count;
	return transfer->body_bytes <= ANSWER_MAX ? size * count : 0;
}

/* Sets what is the same for all. */
static void
set_options(CURL *curl, const WebhookTransfers *transfers)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
	/* An empty one keeps libcurl from those of the environment, too. */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
	curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long) CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
	if (transfers->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, transfers->ca_file);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long) WEBHOOK_TIMEOUT);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	/* Otherwise all wait for a name server that is silent about one name. */
	curl_easy_setopt(curl, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, count_header);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, count_body);
}

/* Returns the headers of a request, of lines "Name: value". */
static struct curl_slist *
read_headers(const char *text)
{
	g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
	struct curl_slist *headers = NULL;

	for (char **line = lines; *line; line++)
	{
		if (**line && strchr(*line, '\r') == NULL)
			headers = curl_slist_append(headers, *line);
	}
	/* libcurl would wait for a leave that many servers never give. */
	return curl_slist_append(headers, "Expect:");
}

/* Starts one.  headers: lines "Name: value". */
void
webhook_transfers_start(WebhookTransfers *transfers, const char *url, const char *headers,
						const char *body, gsize length, void *data)
{
	Transfer   *transfer = g_new0(Transfer, 1);

	transfer->curl = curl_easy_init();
	if (transfer->curl == NULL)
		g_error("libcurl has no memory");
	transfer->headers = read_headers(headers);
	transfer->body = g_memdup2(body, length);
	transfer->data = data;
	transfer->allowed = transfers->allowed;
	set_options(transfer->curl, transfers);
	curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
	curl_easy_setopt(transfer->curl, CURLOPT_HTTPHEADER, transfer->headers);
	curl_easy_setopt(transfer->curl, CURLOPT_POST, 1L);
	curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) length);
	curl_easy_setopt(transfer->curl, CURLOPT_POSTFIELDS, length > 0 ? transfer->body : "");
	curl_easy_setopt(transfer->curl, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(transfer->curl, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(transfer->curl, CURLOPT_WRITEDATA, transfer);
	curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
	g_hash_table_add(transfers->running, transfer);
	curl_multi_add_handle(transfers->multi, transfer->curl);
}

/*
 * Says why there was no answer, in words that tell nothing of the worker's network: whoever
 * made the webhook reads them.
 */
static const char *
error_text(const Transfer *transfer, CURLcode code)
{
	switch (code)
	{
		case CURLE_COULDNT_CONNECT:
			return transfer->is_refused ? "the address is not public" : "no connection";
		case CURLE_COULDNT_RESOLVE_HOST:
			return "the host is not known";
		case CURLE_OPERATION_TIMEDOUT:
			return "no answer within 10 seconds";
		case CURLE_PEER_FAILED_VERIFICATION:
			return "the certificate is not valid";
		case CURLE_SSL_CONNECT_ERROR:
			return "no connection by TLS";
		case CURLE_UNSUPPORTED_PROTOCOL:
			return "the URL is not one of https";
		case CURLE_URL_MALFORMAT:
			return "the URL is not valid";
		case CURLE_WRITE_ERROR:
			return "the answer is too long";
		case CURLE_GOT_NOTHING:
		case CURLE_RECV_ERROR:
		case CURLE_SEND_ERROR:
		case CURLE_PARTIAL_FILE:
			return "the connection was closed";
		default:
			return "the answer is not valid";
	}
}

/* Moves all on; true: one has ended.  outcome->error stands as long as the program does. */
bool
webhook_transfers_next(WebhookTransfers *transfers, WebhookOutcome *outcome)
{
	CURLMsg    *message;
	int			count;

	curl_multi_perform(transfers->multi, &count);
	while ((message = curl_multi_info_read(transfers->multi, &count)))
	{
		CURL	   *curl = message->easy_handle;
		CURLcode	code = message->data.result;
		Transfer   *transfer;
		long		status = 0;
		curl_off_t	duration = 0;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **) &transfer);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME_T, &duration);
		*outcome = (WebhookOutcome) {
			.data = transfer->data, .milliseconds = (int) MIN(duration / 1000, G_MAXINT)
		};
		/* Who has said what became of it may say more than is read. */
		if (code == CURLE_OK || (code == CURLE_WRITE_ERROR && transfer->body_bytes > ANSWER_MAX))
			outcome->status = (int) status;
		else
			outcome->error = error_text(transfer, code);
		curl_multi_remove_handle(transfers->multi, curl);
		g_hash_table_remove(transfers->running, transfer);
		return true;
	}
	return false;
}

/* Waits until one of them can go on, something is there on another descriptor, or time is up. */
void
webhook_transfers_wait(WebhookTransfers *transfers, const struct pollfd *others, guint nothers,
					   int timeout_ms)
{
	struct curl_waitfd *entries = g_new0(struct curl_waitfd, nothers);

	for (guint i = 0; i < nothers; i++)
	{
		entries[i].fd = others[i].fd;
		entries[i].events = CURL_WAIT_POLLIN;
	}
	curl_multi_poll(transfers->multi, entries, nothers, timeout_ms, NULL);
	g_free(entries);
}
