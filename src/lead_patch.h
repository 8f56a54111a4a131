/*
 * lead_patch.h
 *		What is to be changed in a lead.
 */
#ifndef LEADTERRA_LEAD_PATCH_H
#define LEADTERRA_LEAD_PATCH_H

#include "lead_field.h"

/* Bits of standard fields, 1 << LeadField. */
typedef bits32 LeadFieldSet;

StaticAssertDecl(LEAD_CUSTOM <= 32, "a field has no bit");

/* A patch.  Strings point into the jsonb that it was read from. */
typedef struct LeadPatch
{
	LeadFieldSet given;
	LeadFieldSet cleared;		/* of those given: set to null */
	LeadFieldSet filled;		/* set where the lead has none; not given */
	LeadValue	values[LEAD_CUSTOM];	/* of those given and not cleared, and those filled */
	int			ncustom;		/* custom fields; null removes one */
	JsonbPair  *custom;			/* sorted as jsonb sorts keys, each key once */
} LeadPatch;

/*
 * Custom fields of a lead take no more than this as text, which has to fit into
 * a line of a dump.
 */
#define LEAD_CUSTOM_MAX ((Size) 256 * 1024 * 1024)

extern bool lead_is_given(const LeadPatch *patch, LeadField field);
extern bool lead_has_value(const LeadPatch *patch, LeadField field);
extern LeadValue *lead_give(LeadPatch *patch, LeadField field);
extern void lead_clear(LeadPatch *patch, LeadField field);
extern LeadValue *lead_fill(LeadPatch *patch, LeadField field);
extern int	lead_sort_custom(JsonbPair *custom, int count);
extern void lead_combine(const LeadPatch *const *patches, int count, LeadPatch *combined);
extern bool lead_differs(const LeadPatch *patch, const Datum *values, const bool *nulls);
extern void lead_columns(const LeadPatch *patch, bool with_nulls, Datum *values, bool *nulls);

#endif							/* LEADTERRA_LEAD_PATCH_H */
