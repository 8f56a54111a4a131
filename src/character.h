/*
 * character.h
 *		Characters of a text, and which of them show nothing.
 *
 * Plain C without the server's headers.
 */
#ifndef LEADTERRA_CHARACTER_H
#define LEADTERRA_CHARACTER_H

#include <stdbool.h>
#include <stddef.h>

/* What there is to see of a character. */
typedef enum CharacterKind
{
	CHARACTER_SHOWN,
	CHARACTER_SPACE,			/* white space, of Unicode's property White_Space */
	CHARACTER_HIDDEN,			/* controls, what has no width, and letters that are blank */
	CHARACTER_JOINED			/* not seen by itself: part of the character before it */
} CharacterKind;

extern size_t character_read(const char *text, size_t length, unsigned int *code_point);
extern CharacterKind character_kind(unsigned int code_point);
extern bool character_is_blank(const char *text, size_t length);
extern size_t character_trim(const char **text, size_t length);

#endif							/* LEADTERRA_CHARACTER_H */
