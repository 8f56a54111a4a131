/*
 * sender_call.c
 *		Calls on senders: creating, changing and deleting them.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/uuid.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "queue.h"
#include "sender_setting.h"
#include "statement.h"
#include "suppression.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_create_sender);
PG_FUNCTION_INFO_V1(lt_update_sender);
PG_FUNCTION_INFO_V1(lt_delete_sender);

static Statement delete_sender = STATEMENT(
	"SELECT leadterra.delete_sender($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

/* Raises the error for settings with failures, or that do not fit each other. */
static void
check_settings(const SettingValues *settings, ErrorList *errors)
{
	const char *status = TextDatumGetCString(settings->values[SENDER_STATUS]);

	if (strcmp(status, "warming") == 0 && settings->nulls[SENDER_RAMP_FROM])
		error_list_add(errors, ERROR_NO_INDEX, "rampFrom", "missing",
					   "a sender that is warming needs rampFrom");
	setting_raise(errors);
}

/* SQL: lt_create_sender(email, settings) */
Datum
lt_create_sender(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *id = palloc(sizeof(pg_uuid_t));
	Datum		workspace = context_enter("senders:create");
	Datum		email = PointerGetDatum(suppression_email_argument(fcinfo));
	SettingPatch patch;
	SettingValues settings;
	ErrorList	errors;

	error_list_init(&errors);
	setting_read(fcinfo, 1, sender_settings, SENDER_SETTINGS, &patch, &errors);
	setting_defaults(sender_settings, SENDER_SETTINGS, &settings);
	setting_apply(&patch, SENDER_SETTINGS, &settings);
	check_settings(&settings, &errors);
	uuid7_generate(id);
	statement_connect();
	context_ensure_workspace();
	if (!sender_insert(workspace, UUIDPGetDatum(id), email, &settings))
		error_raise(ERROR_SENDER_EXISTS, "sender \"%s\" exists", TextDatumGetCString(email));
	statement_finish();
	PG_RETURN_UUID_P(id);
}

/* SQL: lt_update_sender(sender_id, settings) */
Datum
lt_update_sender(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("senders:update");
	Datum		id;
	SenderRow	before;
	SettingPatch patch;
	SettingValues settings;
	ErrorList	errors;

	error_if_null(0, "sender_id");
	id = PG_GETARG_DATUM(0);
	error_list_init(&errors);
	setting_read(fcinfo, 1, sender_settings, SENDER_SETTINGS, &patch, &errors);
	statement_connect();
	sender_lock(workspace, id, &before);
	settings = before.settings;
	setting_apply(&patch, SENDER_SETTINGS, &settings);
	check_settings(&settings, &errors);
	sender_update(workspace, id, &before, &settings);
	queue_notify();
	statement_finish();
	PG_RETURN_VOID();
}

/* SQL: lt_delete_sender(sender_id, move_to) */
Datum
lt_delete_sender(PG_FUNCTION_ARGS)
{
	Datum		workspace = context_enter("senders:delete");

	statement_connect();
	statement_execute_call(&delete_sender, workspace, fcinfo);
	/* Others may have what waited for it. */
	queue_notify();
	statement_finish();
	PG_RETURN_VOID();
}
