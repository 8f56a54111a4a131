/*
 * floor.c
 *	  The floor of the benchmark of delivery: mails sent by libcurl, and nothing else.
 *
 *	floor URL CONNECTIONS MAILS FILE
 *
 * Sends so many mails, the content of a file, over so many connections at once, which it
 * keeps open, as leadterra-worker does; without a database, and without composing anything.
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Transfer
{
	CURL	   *curl;
	struct curl_slist *recipients;
	size_t		sent;
} Transfer;

static char content[1 << 20];
static size_t content_size;

static void
fail(const char *what)
{
	fprintf(stderr, "floor: %s\n", what);
	exit(1);
}

static size_t
read_content(char *buffer, size_t size, size_t count, void *data)
{
	Transfer   *transfer = data;
	size_t		length = size * count;

	if (length > content_size - transfer->sent)
		length = content_size - transfer->sent;
	memcpy(buffer, content + transfer->sent, length);
	transfer->sent += length;
	return length;
}

static void
start(CURLM *multi, Transfer *transfer, const char *url)
{
	if (transfer->curl == NULL)
	{
		transfer->curl = curl_easy_init();
		transfer->recipients = curl_slist_append(NULL, "<someone@example.com>");
		curl_easy_setopt(transfer->curl, CURLOPT_URL, url);
		curl_easy_setopt(transfer->curl, CURLOPT_MAIL_FROM, "<bounces@example.com>");
		curl_easy_setopt(transfer->curl, CURLOPT_MAIL_RCPT, transfer->recipients);
		curl_easy_setopt(transfer->curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(transfer->curl, CURLOPT_READFUNCTION, read_content);
		curl_easy_setopt(transfer->curl, CURLOPT_READDATA, transfer);
		curl_easy_setopt(transfer->curl, CURLOPT_PRIVATE, transfer);
	}
	transfer->sent = 0;
	if (curl_multi_add_handle(multi, transfer->curl) != CURLM_OK)
		fail("a transfer does not start");
}

int
main(int argc, char **argv)
{
	int			connections = argc == 5 ? atoi(argv[2]) : 0;
	int			left = argc == 5 ? atoi(argv[3]) : 0;
	int			running = 0;
	FILE	   *file = argc == 5 ? fopen(argv[4], "r") : NULL;
	CURLM	   *multi = curl_multi_init();
	Transfer   *transfers = calloc(connections > 0 ? connections : 1, sizeof(Transfer));

	if (file == NULL || connections < 1 || multi == NULL || transfers == NULL)
		fail("usage: floor URL CONNECTIONS MAILS FILE");
	content_size = fread(content, 1, sizeof(content), file);
	fclose(file);
	for (int i = 0; i < connections && left > 0; i++, left--, running++)
		start(multi, &transfers[i], argv[1]);
	while (running > 0)
	{
		CURLMsg    *message;
		int			ignored;

		curl_multi_perform(multi, &ignored);
		while ((message = curl_multi_info_read(multi, &ignored)) != NULL)
		{
			Transfer   *transfer;

			if (message->data.result != CURLE_OK)
				fail(curl_easy_strerror(message->data.result));
			curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
			curl_multi_remove_handle(multi, transfer->curl);
			running--;
			if (left > 0)
			{
				start(multi, transfer, argv[1]);
				left--;
				running++;
				curl_multi_perform(multi, &ignored);
			}
		}
		if (running > 0)
			curl_multi_poll(multi, NULL, 0, 1000, NULL);
	}
	return 0;
}
