/*
 * lead_field.h
 *		The fields of a lead: one list, from which follows whatever knows them.
 */
#ifndef LEADTERRA_LEAD_FIELD_H
#define LEADTERRA_LEAD_FIELD_H

#include "utils/uuid.h"

#include "json.h"

/*
 * The standard fields, one an X: what C calls it, its column, its type, its name in
 * lead objects and tokens, the second service's name for it, which these may use too,
 * and what a lead object of the second service may say of it.
 *
 * A new one wants its column in the table, in the view lt_leads and in the result of
 * lt_list_leads(), and its names in the documentation: test/pgtap/lead_field.sql and
 * scripts/check tell what is missing.
 */
#define LEAD_FIELD_LIST(X) \
	X(FIRST_NAME, "first_name", STRING, "firstName", "first_name", NULLABLE) \
	X(LAST_NAME, "last_name", STRING, "lastName", "last_name", NULLABLE) \
	X(COMPANY, "company", STRING, "company", "company_name", NULLABLE) \
	X(JOB_TITLE, "job_title", STRING, "jobTitle", "job_title", NULLABLE) \
	X(PHONE, "phone", STRING, "phone", "phone", NULLABLE) \
	X(WEBSITE, "website", STRING, "website", "website", NULLABLE) \
	X(PERSONALIZATION, "personalization", STRING, "personalization", "personalization", NULLABLE) \
	X(VALUE, "lead_value", STRING, "leadValue", "pl_value_lead", NULLABLE) \
	X(INTEREST_STATUS, "interest_status", INTEGER, "interestStatus", "lt_interest_status", \
	  NOT_NULL) \
	X(ASSIGNED_TO, "assigned_to", UUID, "assignedTo", "assigned_to", NULLABLE) \
	X(VERIFICATION_STATUS, "verification_status", VERDICT, "verificationStatus", \
	  "verification_status", ABSENT)

/* The types of fields, as SQL has them; lead_field.c has what else they are. */
#define LEAD_SQL_STRING "text"
#define LEAD_SQL_INTEGER "integer"
#define LEAD_SQL_UUID "uuid"
#define LEAD_SQL_VERDICT "integer"

/* The fields of a lead: the standard ones, then all custom fields as one. */
#define LEAD_FIELD_ID(id, ...) LEAD_##id,
typedef enum LeadField
{
	LEAD_FIELD_LIST(LEAD_FIELD_ID)
	LEAD_CUSTOM
} LeadField;

#define LEAD_FIELDS (LEAD_CUSTOM + 1)

/* The same as columns of the table, in that order. */
#define LEAD_COLUMN(id, column, ...) column ", "
#define LEAD_COLUMNS LEAD_FIELD_LIST(LEAD_COLUMN) "custom"

/* The verdict on an address that is not mailed. */
#define LEAD_VERIFICATION_INVALID (-1)

/* A string in memory that somebody else owns. */
typedef struct LeadString
{
	const char *data;
	int			length;
} LeadString;

/* The value of a standard field. */
typedef union LeadValue
{
	LeadString	string;
	int32		integer;
	pg_uuid_t	uuid;
} LeadValue;

/* What fields of one type have in common. */
typedef struct LeadType
{
	const char *description;	/* of what a value in an object must be */
	Oid			column_type;
	bool		is_number;		/* in an object */
	JsonResult	(*read) (const JsonbValue *json, LeadValue *value);
	bool		(*equals) (const LeadValue *value, Datum column);
	Datum		(*to_column) (const LeadValue *value);
	LeadString	(*print) (Datum column);
} LeadType;

/* What a lead object of the second service may say of a field. */
typedef enum LeadClosedUse
{
	LEAD_NULLABLE,
	LEAD_NOT_NULL,
	LEAD_ABSENT					/* nothing: it has no such field */
} LeadClosedUse;

/* What there is to know of a standard field. */
typedef struct LeadFieldInfo
{
	const char *column;
	const LeadType *type;
	LeadString	name;			/* in lead objects and tokens */
	LeadString	alias;			/* the second service's name, maybe the same */
	LeadClosedUse closed_use;
} LeadFieldInfo;

extern const LeadFieldInfo lead_fields[LEAD_CUSTOM];

extern Datum lead_text(const LeadString *string);
extern int	lead_compare(const void *left, const void *right);
extern bool lead_is_blank(const LeadString *value);
extern bool lead_name_is(const char *given, int length, const char *name);
extern LeadField lead_find_field(const char *name, int length, bool *is_alias);
extern LeadString lead_normalize_email(const char *email, int length);

#endif							/* LEADTERRA_LEAD_FIELD_H */
