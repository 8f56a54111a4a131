/*
 * space.h
 *		Characters that show nothing: white space, and what has no width.
 *
 * Plain C without the server's headers.
 */
#ifndef LEADTERRA_SPACE_H
#define LEADTERRA_SPACE_H

#include <stddef.h>

extern size_t space_length(const char *text, size_t length);
extern size_t space_trim(const char **text, size_t length);

#endif							/* LEADTERRA_SPACE_H */
