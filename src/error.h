/*
 * error.h
 *		Errors that a caller can cause: one table of kinds, and lists of
 *		failures in an array argument.
 */
#ifndef LEADTERRA_ERROR_H
#define LEADTERRA_ERROR_H

#include "fmgr.h"
#include "lib/stringinfo.h"

/* One kind of error: its SQLSTATE and stable code stand in error.c. */
typedef enum ErrorKind
{
	ERROR_INVALID_REQUEST,
	ERROR_INVALID_EMAIL,
	ERROR_INVALID_EVENT,
	ERROR_INVALID_TOKEN,
	ERROR_NO_LEADS_ENROLLED,
	ERROR_NO_SEQUENCE_STEPS,
	ERROR_TOO_MANY_LEADS,
	ERROR_TOO_MANY_VARIABLES,
	ERROR_AUTHENTICATION,
	ERROR_PLAN_LIMIT,
	ERROR_SCOPE,
	ERROR_WORKSPACE_NOT_FOUND,
	ERROR_API_KEY_NOT_FOUND,
	ERROR_CAMPAIGN_NOT_FOUND,
	ERROR_LEAD_NOT_FOUND,
	ERROR_LIST_NOT_FOUND,
	ERROR_BLOCKLIST_NOT_FOUND,
	ERROR_MESSAGE_NOT_FOUND,
	ERROR_REPLY_NOT_FOUND,
	ERROR_SENDER_NOT_FOUND,
	ERROR_POOL_NOT_FOUND,
	ERROR_WEBHOOK_NOT_FOUND,
	ERROR_DELIVERY_NOT_FOUND,
	ERROR_JOB_NOT_FOUND,
	ERROR_ENTRY_NOT_FOUND,
	ERROR_CAMPAIGN_RUNNING,
	ERROR_LEAD_LEASED,
	ERROR_LEASE_LOST,
	ERROR_POOL_IN_USE,
	ERROR_POOL_NEEDED,
	ERROR_SENDER_EXISTS,
	ERROR_SENDER_NOT_ACTIVE,
	ERROR_SEQUENCE_FIXED,
	ERROR_WORKSPACE_EXISTS,
	ERROR_WORKSPACE_OPEN,
	ERROR_WRONG_ISOLATION,
	ERROR_WORKSPACE_DELETED,
	ERROR_TOO_MANY_ENTRIES,
	ERROR_INVALID_LEADS,
	ERROR_INVALID_SUPPRESSIONS,
	ERROR_IDEMPOTENCY_KEY,
	ERROR_BROKEN_ROW,			/* written by hand, or restored: not the caller's fault */
	ERROR_VERSION_MISMATCH,		/* an upgrade is under way: later the same call succeeds */
	ERROR_WORKSPACE_MOVING		/* so it does here, or where the workspace is then */
} ErrorKind;

/* Failures of single entries, collected to be raised together. */
typedef struct ErrorList
{
	int			total;			/* all failures, also those not kept */
	const char *first;			/* the first one, as text */
	StringInfoData items;		/* JSON objects of the first ones */
} ErrorList;

/* The index of what is no entry of an array. */
#define ERROR_NO_INDEX (-1)

/* Entries of an array argument; more would not fit the memory of a backend. */
#define ERROR_ENTRIES_MAX 1000000

extern int	error_sqlstate(ErrorKind kind);
extern const char *error_text(const char *format,...) pg_attribute_printf(1, 2);
extern const char *error_uuid(Datum uuid);
extern const char *error_detail(ErrorKind kind);
extern const char *error_number_detail(ErrorKind kind, const char *name, int64 number);

extern Datum error_name_argument(FunctionCallInfo fcinfo, int number, const char *thing);
extern void error_limit_text(FunctionCallInfo fcinfo, int number, const char *name);
extern void error_limit_entries(const char *name, uint32 count);
extern const char *error_field(const char *name);
extern void error_list_init(ErrorList *list);
extern void error_list_add(ErrorList *list, int index, const char *field,
						   const char *code, const char *message);
extern const char *error_list_detail(ErrorKind kind, const ErrorList *list);

/*
 * Raise an error of a kind with a printf-like message: one line, lower case,
 * no full stop, values in double quotes.
 */
#define error_raise(kind, ...) \
	ereport(ERROR, \
			(errcode(error_sqlstate(kind)), \
			 errmsg_internal("%s", error_text(__VA_ARGS__)), \
			 errdetail_internal("%s", error_detail(kind))))

/* The same for a list of failures; a NULL hint is left out. */
#define error_list_raise(kind, list, hint, ...) \
	ereport(ERROR, \
			(errcode(error_sqlstate(kind)), \
			 errmsg_internal("%s", error_text(__VA_ARGS__)), \
			 errdetail_internal("%s", error_list_detail(kind, list)), \
			 (hint) ? errhint("%s", (const char *) (hint)) : 0))

/* Raise PT400 if an argument of the SQL function at hand, from 0, is null. */
#define error_if_null(number, name) \
	do { \
		if (PG_ARGISNULL(number)) \
			error_raise(ERROR_INVALID_REQUEST, "argument \"%s\" must not be null", name); \
	} while (0)

#endif							/* LEADTERRA_ERROR_H */
