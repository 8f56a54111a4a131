/*
 * imap_response.h
 *		Reads what an IMAP server answers (RFC 3501, RFC 9051).
 */
#ifndef LEADTERRA_WORKER_IMAP_RESPONSE_H
#define LEADTERRA_WORKER_IMAP_RESPONSE_H

#include <stdbool.h>

#include <glib.h>

/* Bytes of one response at most. */
#define IMAP_RESPONSE_MAX ((gsize) 32 * 1024 * 1024)

/* Finds where responses end in bytes that come in pieces. */
typedef struct ImapScan
{
	gsize		at;				/* how far it has looked */
	gsize		line;			/* where the line begins that is looked at */
} ImapScan;

typedef enum ImapScanned
{
	IMAP_MORE,					/* the rest of the response is still to come */
	IMAP_COMPLETE,				/* the response ends at scan->at */
	IMAP_BROKEN					/* this is no response, or too long */
} ImapScanned;

typedef enum ImapKind
{
	IMAP_UNTAGGED,
	IMAP_CONTINUATION,
	IMAP_OK,					/* the end of a command */
	IMAP_NO,
	IMAP_BAD
} ImapKind;

/* What is known of a mail. */
typedef struct ImapMail
{
	guint32		uid;			/* 0: the server did not say */
	char	   *data;			/* a section, ended by NUL too; null: none */
	gsize		length;
} ImapMail;

extern ImapScanned imap_scan(ImapScan *scan, const char *bytes, gsize length);
extern ImapKind imap_read_kind(const char *response, gsize length, const char *tag);
extern bool imap_read_code(const char *response, gsize length, const char *name, guint32 *number);
extern void imap_read_search(const char *response, gsize length, GArray *uids);
extern bool imap_read_fetch(const char *response, gsize length, ImapMail *mail);

#endif
