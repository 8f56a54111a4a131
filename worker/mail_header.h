/*
 * mail_header.h
 *		Writes headers of a mail, each one header whatever is in it.
 */
#ifndef LEADTERRA_WORKER_MAIL_HEADER_H
#define LEADTERRA_WORKER_MAIL_HEADER_H

#include <glib.h>

/* Appends a header whose value is text: encoded words where it is not plain ASCII. */
extern void mail_header_text(GString *output, const char *name, const char *value);

/* Appends a header that has one mailbox.  The display name may be null. */
extern void mail_header_mailbox(GString *output, const char *name, const char *display_name,
								const char *address);

/* Appends a header of tokens, such as Message-IDs, which are not encoded. */
extern void mail_header_tokens(GString *output, const char *name, GPtrArray *tokens);

#endif
