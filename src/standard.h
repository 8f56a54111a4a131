/*
 * standard.h
 *		What standards of mail say, in plain C: the worker is built with it, too.
 */
#ifndef LEADTERRA_STANDARD_H
#define LEADTERRA_STANDARD_H

#include <stdbool.h>
#include <stddef.h>

/* Characters of the name of a header. */
#define STANDARD_HEADER_NAME_MAX 76

/* Returns the first enhanced status code in a text, and its length; NULL: there is none. */
extern const char *standard_find_status(const char *text, size_t *length);

/* Says whether a status says that there is no such address, or that it takes no mail any more. */
extern bool standard_is_address_status(const char *status, size_t length);

/* Says whether a step may have a header of a name (RFC 5322, section 3.6.8). */
extern bool standard_is_header_name(const char *name, size_t length);

#endif							/* LEADTERRA_STANDARD_H */
