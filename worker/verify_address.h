/*
 * verify_address.h
 *		What an address says of itself, and what becomes of its status.
 */
#ifndef LEADTERRA_WORKER_VERIFY_ADDRESS_H
#define LEADTERRA_WORKER_VERIFY_ADDRESS_H

#include <stdbool.h>

#include <glib.h>

#include "dns.h"

/* Statuses of lt_set_verification. */
typedef enum VerifyStatus
{
	VERIFY_UNKNOWN = 0,			/* null there */
	VERIFY_VERIFIED = 1,
	VERIFY_PENDING = 11,
	VERIFY_PENDING_JOB = 12,
	VERIFY_INVALID = -1,
	VERIFY_RISKY = -2
} VerifyStatus;

extern const char *verify_domain(const char *email);
extern bool verify_is_role(const char *email);
extern GHashTable *verify_read_disposable(const char *file, GError **error);
extern bool verify_is_disposable(GHashTable *disposable, const char *domain);
extern int	verify_status(const char *email, DnsMail mail, GHashTable *disposable, int status);

#endif
