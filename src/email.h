/*
 * email.h
 *		Syntax and normal form of e-mail addresses, and of entries of block lists.
 */
#ifndef LEADTERRA_EMAIL_H
#define LEADTERRA_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

/* Octets of the longest address (RFC 5321, section 4.5.3.1.3, less brackets). */
#define EMAIL_MAX_LENGTH 254

/* Why an address or a domain is refused. */
typedef enum EmailStatus
{
	EMAIL_OK,
	EMAIL_EMPTY,
	EMAIL_TOO_LONG,
	EMAIL_NO_AT,
	EMAIL_MANY_AT,
	EMAIL_QUOTED_LOCAL,
	EMAIL_COMMENT,
	EMAIL_ADDRESS_LITERAL,
	EMAIL_LOCAL_EMPTY,
	EMAIL_LOCAL_TOO_LONG,
	EMAIL_LOCAL_DOT,
	EMAIL_LOCAL_CHARACTER,
	EMAIL_LOCAL_WILDCARD,
	EMAIL_DOMAIN_EMPTY,
	EMAIL_DOMAIN_ONE_LABEL,
	EMAIL_DOMAIN_NUMERIC,
	EMAIL_LABEL_EMPTY,
	EMAIL_LABEL_TOO_LONG,
	EMAIL_LABEL_HYPHEN,
	EMAIL_LABEL_CHARACTER,
	EMAIL_LABEL_IDNA
} EmailStatus;

/* email_character.c: characters above ASCII */
extern size_t email_character_length(const char *text, size_t length, bool in_domain);

/* email.c: syntax */
extern EmailStatus email_check(const char *address, size_t length);
extern EmailStatus email_check_entry(const char *entry, size_t length);
extern const char *email_status_code(EmailStatus status);
extern const char *email_status_message(EmailStatus status);

/* email_normal.c: the normal form */
extern char *email_normalize(const char *text, size_t length, size_t *normal_length);
extern bool email_is_normal(const char *address, size_t length);

#endif							/* LEADTERRA_EMAIL_H */
