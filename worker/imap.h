/*
 * imap.h
 *		Reads a mailbox by IMAP, and changes nothing in it.
 */
#ifndef LEADTERRA_WORKER_IMAP_H
#define LEADTERRA_WORKER_IMAP_H

#include <stdbool.h>

#include <glib.h>

#include "config.h"
#include "imap_response.h"

typedef struct Imap Imap;

typedef enum ImapError
{
	IMAP_ERROR_CONNECTION,		/* it is of no use any more */
	IMAP_ERROR_REFUSED,			/* the server says no to this command */
	IMAP_ERROR_STOPPED			/* the worker has been asked to stop */
} ImapError;

#define IMAP_ERROR (imap_error_quark())
extern GQuark imap_error_quark(void);

/* Called for each mail; the mail is gone afterwards. */
typedef void (*ImapMailFunction) (const ImapMail *mail, void *data);

/* The account stays the caller's, and lives as long. */
extern Imap *imap_new(const ConfigMailbox *account);
extern void imap_free(Imap *imap);
extern bool imap_open(Imap *imap, guint32 *uid_validity, guint32 *uid_next, GError **error);
extern GArray *imap_search(Imap *imap, guint32 first, GError **error);
extern bool imap_fetch(Imap *imap, const guint32 *uids, guint count, const char *section,
					   ImapMailFunction function, void *data, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Imap, imap_free)

#endif
