/*
 * suppression.h
 *		Who may not be mailed: block lists, one of which is the default.
 *
 * The default list of a workspace has the id of the workspace.
 */
#ifndef LEADTERRA_SUPPRESSION_H
#define LEADTERRA_SUPPRESSION_H

#include "fmgr.h"

/* What the entry of an address that was forgotten begins with; no address has a colon. */
#define SUPPRESSION_FORGOTTEN "hmac:"

/* A normalized address and what the look-up says of it. */
typedef struct SuppressionCheck
{
	const char *email;
	int			length;
	bool		suppressed;
} SuppressionCheck;

/* suppression.c: looking up */
extern text *suppression_email_argument(FunctionCallInfo fcinfo);
extern void suppression_check(Datum workspace, Datum blocklist, SuppressionCheck *checks, int count);
extern bytea *suppression_address_key(Datum workspace);
extern bytea *suppression_ensure_address_key(Datum workspace);
extern Datum suppression_forgotten_entry(const bytea *key, const char *email, int length);

/* suppression_list.c: keeping lists */
extern void suppression_add(Datum workspace, const char *email, int length, const char *reason);
extern void suppression_keep_list(Datum workspace, Datum blocklist);
extern void suppression_add_all(Datum workspace, Datum entries, const char *reason);

#endif							/* LEADTERRA_SUPPRESSION_H */
