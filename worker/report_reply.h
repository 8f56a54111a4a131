/*
 * report_reply.h
 *		What a reply says.
 */
#ifndef LEADTERRA_WORKER_REPORT_REPLY_H
#define LEADTERRA_WORKER_REPORT_REPLY_H

#include <stdbool.h>

/*
 * Returns what was written above the quotation of the mail that is replied to, or below it where
 * nothing stands above: at most 500 characters, to be freed; null where there is nothing.
 */
extern char *report_snippet(const char *text);

/* Says whether the first line of a text says that no more mail is wanted, and nothing else. */
extern bool report_is_unsubscribe(const char *text);

#endif
