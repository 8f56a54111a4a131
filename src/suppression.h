/*
 * suppression.h
 *		Who may not be mailed: block lists, one of which is the default.
 *
 * The default list of a workspace has the id of the workspace.
 */
#ifndef LEADTERRA_SUPPRESSION_H
#define LEADTERRA_SUPPRESSION_H

#include "fmgr.h"

/* What the entry of an address that is kept as a hash begins with; no address has a colon. */
#define SUPPRESSION_HASHED "hmac:"

/* Bytes of such a hash: see suppression_hash.c. */
#define SUPPRESSION_HASH_LENGTH 16

/* A normalized address and what the look-up says of it. */
typedef struct SuppressionCheck
{
	const char *email;
	int			length;
	bool		suppressed;
} SuppressionCheck;

/* suppression.c: looking up */
extern text *suppression_email_argument(FunctionCallInfo fcinfo);
extern void suppression_check(Datum workspace, Datum blocklist,
							  SuppressionCheck *checks, int count);

/* suppression_hash.c: addresses that are kept as hashes */
extern bytea *suppression_find_key(Datum workspace);
extern bytea *suppression_read_key(Datum workspace);
extern bytea *suppression_ensure_key(Datum workspace);
extern void suppression_hash(const bytea *key, const char *email, int length,
							 uint8 hash[SUPPRESSION_HASH_LENGTH]);
extern Datum suppression_hash_entry(const uint8 hash[SUPPRESSION_HASH_LENGTH]);
extern Datum suppression_hashed_entry(const bytea *key, const char *email, int length);

/* suppression_list.c: keeping lists */
extern int	suppression_add(Datum workspace, Datum *entries, int count, const char *reason);
extern void suppression_keep_list(Datum workspace, Datum blocklist);

#endif							/* LEADTERRA_SUPPRESSION_H */
