/*
 * lead.h
 *		Leads: reading lead objects, merging them into rows, the table.
 */
#ifndef LEADTERRA_LEAD_H
#define LEADTERRA_LEAD_H

#include "utils/array.h"
#include "utils/uuid.h"

#include "error.h"
#include "json.h"

/* The fields of a lead: strings first, then the other types, then custom. */
typedef enum LeadField
{
	LEAD_FIRST_NAME,
	LEAD_LAST_NAME,
	LEAD_COMPANY,
	LEAD_JOB_TITLE,
	LEAD_PHONE,
	LEAD_WEBSITE,
	LEAD_PERSONALIZATION,
	LEAD_VALUE,
	LEAD_INTEREST_STATUS,
	LEAD_ASSIGNED_TO,
	LEAD_VERIFICATION_STATUS,
	LEAD_CUSTOM
} LeadField;

#define LEAD_STRINGS LEAD_INTEREST_STATUS
#define LEAD_FIELDS (LEAD_CUSTOM + 1)

/* The same as columns of the table, in that order. */
#define LEAD_COLUMNS \
	"first_name, last_name, company, job_title, phone, website, personalization," \
	" lead_value, interest_status, assigned_to, verification_status, custom"

/* The verdict on an address that is not mailed. */
#define LEAD_VERIFICATION_INVALID (-1)

/* A string in memory that somebody else owns. */
typedef struct LeadString
{
	const char *data;
	int			length;
} LeadString;

/* What is to be changed in a lead.  Strings point into the jsonb it was read from. */
typedef struct LeadPatch
{
	bits16		given;			/* a bit per field, 1 << LeadField */
	bits16		cleared;		/* of those given: set to null */
	bits16		filled;			/* set where the lead has none; not given */
	int32		interest_status;
	int32		verification_status;
	pg_uuid_t	assigned_to;
	LeadString	strings[LEAD_STRINGS];
	int			ncustom;		/* custom fields; null removes one */
	JsonbPair  *custom;			/* sorted as jsonb sorts keys, each key once */
} LeadPatch;

/* What lead objects look like. */
typedef enum LeadFormat
{
	LEAD_OPEN,					/* any key that is no standard field is a custom one */
	LEAD_CLOSED					/* the keys of the second service, and no others */
} LeadFormat;

/*
 * Custom fields of a lead take no more than this as text, which has to fit into
 * a line of a dump.
 */
#define LEAD_CUSTOM_MAX ((Size) 256 * 1024 * 1024)

/* Reads one lead object and reports what is wrong with it. */
typedef struct LeadReader
{
	LeadFormat	format;
	bool		email_optional; /* where there is a name; LEAD_CLOSED alone */
	ErrorList  *errors;			/* where failures are listed */
	int			index;			/* the entry's place in the list */
	const char *reason;			/* of the first failure; NULL: valid */
	int			ncustom;		/* custom fields of the entry so far */
	int			room;			/* for them, kept from entry to entry */
	JsonbPair  *custom;
	Size		custom_size;	/* of their text, at most */
} LeadReader;

/* A lead and a patch that makes it, or changes it. */
typedef struct LeadChange
{
	pg_uuid_t	lead_id;
	LeadString	email;
	const LeadPatch *patch;
} LeadChange;

extern bool lead_is_blank(const LeadString *value);
extern bool lead_name_is(const char *given, int length, const char *name);
extern LeadField lead_find_field(const char *name, int length, bool *is_alias);
extern bool lead_read_entry(LeadReader *reader, const JsonbValue *entry,
							LeadString *email, LeadPatch *patch);
extern void lead_combine(const LeadPatch *const *patches, int count, LeadPatch *combined);
extern bool lead_differs(const LeadPatch *patch, const Datum *values, const bool *nulls);

extern uint64 lead_insert(Datum workspace, const LeadChange *leads, int count);
extern uint64 lead_update(Datum workspace, const LeadChange *leads, int count);
extern uint64 lead_lock(Datum workspace, const LeadString *emails, int count, bool change);
extern bool lead_email(Datum workspace, const pg_uuid_t *lead_id, LeadString *email);
extern Datum lead_emails(const LeadString *emails, int count);
extern bool lead_limit(Datum workspace, int64 created, bool dry_run, int64 *remaining);
extern LeadString lead_normalize_email(const char *email, int length);
extern Datum lead_normalize_emails(ArrayType *given);

#endif							/* LEADTERRA_LEAD_H */
