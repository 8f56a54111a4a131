/*
 * suppression.h
 *		Who may not be mailed.
 */
#ifndef LEADTERRA_SUPPRESSION_H
#define LEADTERRA_SUPPRESSION_H

/* A normalized address and what the look-up says of it. */
typedef struct SuppressionCheck
{
	const char *email;
	int			length;
	bool		suppressed;
} SuppressionCheck;

extern void suppression_add(Datum workspace, const char *email, int length, const char *reason);
extern void suppression_check(Datum workspace, SuppressionCheck *checks, int count);

#endif							/* LEADTERRA_SUPPRESSION_H */
