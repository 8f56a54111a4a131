/*
 * mail_address.h
 *		Addresses as SMTP takes them.
 */
#ifndef LEADTERRA_WORKER_MAIL_ADDRESS_H
#define LEADTERRA_WORKER_MAIL_ADDRESS_H

#include <glib.h>
#include <stdbool.h>

#define MAIL_ERROR (mail_error_quark())

/* Errors of this domain say that a mail can never be sent. */
extern GQuark mail_error_quark(void);

/*
 * Returns an address with its domain in A-labels, to be freed.  Sets *utf8 where the local part
 * is not ASCII, and else leaves it alone.  Null and an error: it is no address.
 */
extern char *mail_address(const char *text, bool *utf8, GError **error);

/* Returns the domain of an address; null where it has none. */
extern const char *mail_address_domain(const char *address);

#endif
