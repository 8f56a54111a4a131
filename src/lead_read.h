/*
 * lead_read.h
 *		Reading lead objects as callers give them.
 */
#ifndef LEADTERRA_LEAD_READ_H
#define LEADTERRA_LEAD_READ_H

#include "error.h"
#include "lead_patch.h"

/* What lead objects look like. */
typedef enum LeadFormat
{
	LEAD_OPEN,					/* any key that is no standard field is a custom one */
	LEAD_ROW,					/* the same, made of the cells of a row (lead_cell.c) */
	LEAD_CLOSED					/* the keys of the second service, and no others */
} LeadFormat;

/* Reads one lead object and reports what is wrong with it. */
typedef struct LeadReader
{
	LeadFormat	format;
	bool		email_optional; /* where there is a name; LEAD_CLOSED alone */
	bool		repair;			/* the address, if it is in a text around it; LEAD_ROW alone */
	ErrorList  *errors;			/* where failures are listed */
	int			index;			/* the entry's place in the list */
	const char *reason;			/* of the first failure; NULL: valid */
	const char *field;			/* of it, as the list has it; may be NULL */
	const char *code;			/* of it; NULL: the entry is left out without one */
	int			ncustom;		/* custom fields of the entry so far */
	int			room;			/* for them, kept from entry to entry */
	JsonbPair  *custom;
	Size		custom_size;	/* of their text, at most */
} LeadReader;

extern bool lead_read_entry(LeadReader *reader, const JsonbValue *entry,
							LeadString *email, LeadPatch *patch);

#endif							/* LEADTERRA_LEAD_READ_H */
