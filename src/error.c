/*
 * error.c
 *		The one table of SQLSTATEs and stable codes, and the texts of errors.
 *
 * SQLSTATE PTxyz is the HTTP status xyz, which PostgREST honors.  It makes the
 * message the reason phrase of the response, so a message never carries a
 * control character.  DETAIL is a JSON object with the stable code.
 */
#include "postgres.h"

#include "access/detoast.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/uuid.h"

#include "character.h"
#include "compat.h"
#include "error.h"

PG_FUNCTION_INFO_V1(lt_raise_error);
PG_FUNCTION_INFO_V1(lt_limit_entries);
PG_FUNCTION_INFO_V1(lt_row_limit);

/* Bytes of a name, or of a remark, at most. */
#define NAME_MAX_BYTES	1000

/* Rows of a page at most. */
#define ROWS_MAX		10000

/* A message ends here, in bytes; what is quoted in it may be of any length. */
#define MESSAGE_MAX		300

/* The name of a field in a list ends here: callers choose those of members. */
#define FIELD_MAX		64

/* Failures that a list keeps with their texts; the rest is only counted. */
#define LIST_MAX		1000

/* The remarks are in the reference, which scripts/reference makes. */
static const struct
{
	char		status[4];
	const char *code;
}			error_kinds[] =
{
	/* a null or malformed argument */
	[ERROR_INVALID_REQUEST] = {"400", "invalid_request"},
	/* a text that is no address */
	[ERROR_INVALID_EMAIL] = {"400", "invalid_email"},
	/* an unknown type of event, or data that does not fit it */
	[ERROR_INVALID_EVENT] = {"400", "invalid_event"},
	/* a link that is unknown or altered */
	[ERROR_INVALID_TOKEN] = {"400", "invalid_token"},
	/* starting a campaign without leads */
	[ERROR_NO_LEADS_ENROLLED] = {"400", "no_leads_enrolled"},
	/* starting a campaign without steps */
	[ERROR_NO_SEQUENCE_STEPS] = {"400", "no_sequence_steps"},
	/* more leads than a call of lt_add_leads takes: 1,000 */
	[ERROR_TOO_MANY_LEADS] = {"400", "too_many_leads"},
	/* more names of custom fields than a campaign knows: 10,000, of a megabyte in all */
	[ERROR_TOO_MANY_VARIABLES] = {"400", "too_many_variables"},
	/* no key has opened a workspace, or it is unknown or revoked */
	[ERROR_AUTHENTICATION] = {"401", "authentication_failed"},
	/* more leads than the workspace may have; DETAIL has how many are remaining */
	[ERROR_PLAN_LIMIT] = {"402", "plan_limit_reached"},
	/* the key lacks a scope */
	[ERROR_SCOPE] = {"403", "insufficient_scope"},
	/* no workspace has that id */
	[ERROR_WORKSPACE_NOT_FOUND] = {"404", "workspace_not_found"},
	/* no key of the workspace has that id */
	[ERROR_API_KEY_NOT_FOUND] = {"404", "api_key_not_found"},
	/* no campaign of the workspace has that id */
	[ERROR_CAMPAIGN_NOT_FOUND] = {"404", "campaign_not_found"},
	/* no lead of the workspace, or of the campaign, is the one asked for */
	[ERROR_LEAD_NOT_FOUND] = {"404", "lead_not_found"},
	/* no list of the workspace has that id */
	[ERROR_LIST_NOT_FOUND] = {"404", "list_not_found"},
	/* no block list of the workspace has that id */
	[ERROR_BLOCKLIST_NOT_FOUND] = {"404", "blocklist_not_found"},
	/* the message is unknown, not in the lease, or past its keep */
	[ERROR_MESSAGE_NOT_FOUND] = {"404", "message_not_found"},
	/* no reply of the workspace has that id, or it is past its keep */
	[ERROR_REPLY_NOT_FOUND] = {"404", "reply_not_found"},
	/* no sender of the workspace has that id, or it was deleted */
	[ERROR_SENDER_NOT_FOUND] = {"404", "sender_not_found"},
	/* no pool of the workspace has that id */
	[ERROR_POOL_NOT_FOUND] = {"404", "pool_not_found"},
	/* no webhook of the workspace has that id */
	[ERROR_WEBHOOK_NOT_FOUND] = {"404", "webhook_not_found"},
	/* no delivery of the workspace has that id, or what it tells of was deleted */
	[ERROR_DELIVERY_NOT_FOUND] = {"404", "delivery_not_found"},
	/* no background job of the workspace has that id */
	[ERROR_JOB_NOT_FOUND] = {"404", "job_not_found"},
	/* no entry of the suppression list has that id */
	[ERROR_ENTRY_NOT_FOUND] = {"404", "entry_not_found"},
	/* the campaign has to be paused first */
	[ERROR_CAMPAIGN_RUNNING] = {"409", "campaign_running"},
	/* a message to the lead is with a worker: try again once it is settled */
	[ERROR_LEAD_LEASED] = {"409", "lead_leased"},
	/* the lease has run out or does not exist: nothing was changed */
	[ERROR_LEASE_LOST] = {"409", "lease_lost"},
	/* a campaign draws on the pool */
	[ERROR_POOL_IN_USE] = {"409", "pool_in_use"},
	/* a campaign that was started with a pool goes on with one */
	[ERROR_POOL_NEEDED] = {"409", "pool_needed"},
	/* a sender of the workspace has that address */
	[ERROR_SENDER_EXISTS] = {"409", "sender_exists"},
	/* the sender that is to take over is warming or paused */
	[ERROR_SENDER_NOT_ACTIVE] = {"409", "sender_not_active"},
	/* number and delays of steps are fixed once a campaign has started */
	[ERROR_SEQUENCE_FIXED] = {"409", "sequence_fixed"},
	/* a workspace has that id */
	[ERROR_WORKSPACE_EXISTS] = {"409", "workspace_exists"},
	/* the workspace has to be closed first */
	[ERROR_WORKSPACE_OPEN] = {"409", "workspace_open"},
	/* the call needs READ COMMITTED */
	[ERROR_WRONG_ISOLATION] = {"409", "wrong_isolation"},
	/* a link of a workspace that was deleted */
	[ERROR_WORKSPACE_DELETED] = {"410", "workspace_deleted"},
	/* more entries than one call takes: a million, or 10,000 senders of a pool */
	[ERROR_TOO_MANY_ENTRIES] = {"413", "too_many_entries"},
	/* lead objects are invalid; DETAIL lists up to 1,000 failures */
	[ERROR_INVALID_LEADS] = {"422", "invalid_leads"},
	/* entries are invalid; DETAIL lists up to 1,000 failures */
	[ERROR_INVALID_SUPPRESSIONS] = {"422", "invalid_suppressions"},
	/* the key was sent with another request */
	[ERROR_IDEMPOTENCY_KEY] = {"422", "idempotency_key_reused"},
	/* a row was written by hand in a form that no call makes */
	[ERROR_BROKEN_ROW] = {"500", "broken_row"},
	/* library and extension are of different versions: upgrade, or reconnect */
	[ERROR_VERSION_MISMATCH] = {"503", "version_mismatch"},
	/* the workspace is closed while it moves: the same call succeeds later */
	[ERROR_WORKSPACE_MOVING] = {"503", "workspace_moving"},
};

StaticAssertDecl(lengthof(error_kinds) == ERROR_WORKSPACE_MOVING + 1,
				 "every kind of error stands in the table");

/* Returns the SQLSTATE of a kind: "PT" and the HTTP status. */
int
error_sqlstate(ErrorKind kind)
{
	const char *status = error_kinds[kind].status;

	return MAKE_SQLSTATE('P', 'T', status[0], status[1], status[2]);
}

/* Copies text with control characters (C0, DEL, C1) escaped, so that it is one line. */
static const char *
escape_controls(const char *text)
{
	StringInfoData escaped;

	initStringInfo(&escaped);
	for (const unsigned char *p = (const unsigned char *) text; *p; p++)
	{
		if (*p == '\n')
			appendStringInfoString(&escaped, "\\n");
		else if (*p == '\r')
			appendStringInfoString(&escaped, "\\r");
		else if (*p == '\t')
			appendStringInfoString(&escaped, "\\t");
		else if (*p < 0x20 || *p == 0x7f)
			appendStringInfo(&escaped, "\\x%02x", *p);
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			appendStringInfo(&escaped, "\\x%02x", *++p);
		else
			appendStringInfoChar(&escaped, *p);
	}
	return escaped.data;
}

/* Cuts a text off, between characters, where it is longer than a limit in bytes. */
static const char *
clip(const char *text, int limit)
{
	int			length = strlen(text);

	if (length <= limit)
		return text;
	return psprintf("%.*s...", pg_mbcliplen(text, length, limit), text);
}

/* Formats the message of an error: one line of at most MESSAGE_MAX bytes. */
const char *
error_text(const char *format,...)
{
	char		raw[MESSAGE_MAX + MAX_MULTIBYTE_CHAR_LEN + 1];
	va_list		args;

	va_start(args, format);
	vsnprintf(raw, sizeof(raw), format, args);
	va_end(args);

	/* Escapes make a text longer, so it is cut before, and after. */
	return clip(escape_controls(clip(raw, MESSAGE_MAX)), MESSAGE_MAX);
}

/* Returns a UUID as text. */
const char *
error_uuid(Datum uuid)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, uuid));
}

/* Returns the DETAIL of a kind. */
const char *
error_detail(ErrorKind kind)
{
	return psprintf("{\"code\": \"%s\"}", error_kinds[kind].code);
}

/* Returns the DETAIL of a kind with a number in it. */
const char *
error_number_detail(ErrorKind kind, const char *name, int64 number)
{
	return psprintf("{\"code\": \"%s\", \"%s\": %lld}",
					error_kinds[kind].code, name, (long long) number);
}

/* Returns the argument that is the name of a thing: not null, not blank. */
Datum
error_name_argument(FunctionCallInfo fcinfo, int number, const char *thing)
{
	char	   *name = PG_ARGISNULL(number) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(number));

	if (character_is_blank(name, strlen(name)))
		error_raise(ERROR_INVALID_REQUEST, "name of a %s must not be null or blank", thing);
	if (strlen(name) > NAME_MAX_BYTES)
		error_raise(ERROR_INVALID_REQUEST,
					"name of a %s must have at most %d bytes", thing, NAME_MAX_BYTES);
	return PG_GETARG_DATUM(number);
}

/* Raises PT400 for an argument that is a longer text than is kept with one of many rows. */
void
error_limit_text(FunctionCallInfo fcinfo, int number, const char *name)
{
	if (!PG_ARGISNULL(number) &&
		toast_raw_datum_size(PG_GETARG_DATUM(number)) - VARHDRSZ > NAME_MAX_BYTES)
		error_raise(ERROR_INVALID_REQUEST,
					"argument \"%s\" must have at most %d bytes", name, NAME_MAX_BYTES);
}

/* Raises PT413 for an array argument of too many entries. */
void
error_limit_entries(const char *name, uint32 count)
{
	if (count > ERROR_ENTRIES_MAX)
		error_raise(ERROR_TOO_MANY_ENTRIES, "argument \"%s\" has %u entries, more than %d",
					name, count, ERROR_ENTRIES_MAX);
}

/* Returns the name of a field as lists have it. */
const char *
error_field(const char *name)
{
	return clip(name, FIELD_MAX);
}

/* Starts an empty list in the current memory context. */
void
error_list_init(ErrorList *list)
{
	list->total = 0;
	list->first = NULL;
	initStringInfo(&list->items);
}

/*
 * Adds the failure of the entry at an index (from 0), or of a field of the one object
 * that there is (ERROR_NO_INDEX).  The field of an entry may be NULL.
 * Neither field nor message may name a value: DETAIL reaches server logs.
 */
void
error_list_add(ErrorList *list, int index, const char *field,
			   const char *code, const char *message)
{
	if (list->total++ >= LIST_MAX)
		return;

	if (list->total == 1)
		list->first = index == ERROR_NO_INDEX ?
			psprintf("field \"%s\": %s", error_field(field), message) : field ?
			psprintf("%d, field \"%s\": %s", index, error_field(field), message) :
			psprintf("%d: %s", index, message);
	appendStringInfoString(&list->items, list->total > 1 ? ", {" : "{");
	if (index != ERROR_NO_INDEX)
		appendStringInfo(&list->items, "\"index\": %d, ", index);
	if (field)
	{
		appendStringInfoString(&list->items, "\"field\": ");
		escape_json(&list->items, error_field(field));
		appendStringInfoString(&list->items, ", ");
	}
	appendStringInfoString(&list->items, "\"code\": ");
	escape_json(&list->items, code);
	appendStringInfoString(&list->items, ", \"message\": ");
	escape_json(&list->items, message);
	appendStringInfoChar(&list->items, '}');
}

/* Returns the DETAIL of a list. */
const char *
error_list_detail(ErrorKind kind, const ErrorList *list)
{
	return psprintf("{\"code\": \"%s\", \"total\": %d, \"errors\": [%s]}",
					error_kinds[kind].code, list->total, list->items.data);
}

/* SQL: leadterra.raise_error(code, message) */
Datum
lt_raise_error(PG_FUNCTION_ARGS)
{
	const char *code = text_to_cstring(PG_GETARG_TEXT_PP(0));

	for (size_t kind = 0; kind < lengthof(error_kinds); kind++)
	{
		if (strcmp(error_kinds[kind].code, code) == 0)
			error_raise(kind, "%s", text_to_cstring(PG_GETARG_TEXT_PP(1)));
	}
	error_raise(ERROR_INVALID_REQUEST, "error code \"%s\" is unknown", code);
}

/* SQL: leadterra.limit_entries(name, count) */
Datum
lt_limit_entries(PG_FUNCTION_ARGS)
{
	error_limit_entries(text_to_cstring(PG_GETARG_TEXT_PP(0)), Max(PG_GETARG_INT32(1), 0));
	PG_RETURN_VOID();
}

/* SQL: leadterra.row_limit(name, wanted) */
Datum
lt_row_limit(PG_FUNCTION_ARGS)
{
	char	   *name = PG_ARGISNULL(0) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(0));

	error_if_null(1, name);
	if (PG_GETARG_INT32(1) < 1 || PG_GETARG_INT32(1) > ROWS_MAX)
		error_raise(ERROR_INVALID_REQUEST, "argument \"%s\" must be from 1 to %d, not %d",
					name, ROWS_MAX, PG_GETARG_INT32(1));
	PG_RETURN_INT32(PG_GETARG_INT32(1));
}
