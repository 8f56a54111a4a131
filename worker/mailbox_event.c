/*
 * mailbox_event.c
 *		What a mail that came says of a message, and how the database is told.
 *
 * A mail is read in a process of its own: see apart.c.
 */
#include "mailbox_event.h"

#include <string.h>

#include "apart.h"

/* What comes back from there: the members of a MailboxEvent. */
#define EVENT_TYPE "(ssmsmsmsmsms)"

static const char record_event[] =
	"SELECT lt_record_event($1::uuid, $2, jsonb_strip_nulls(jsonb_build_object("
	"'bounceType', $3::text, 'bounceReason', $4::text, 'classification', $5::text,"
	" 'threadSnippet', $6::text, 'email', $7::text)))";

typedef struct Content
{
	const char *bytes;
	gsize		length;
	const ReturnPath *return_path;
} Content;

/* Returns an event, null where the mail says nothing of a message of ours. */
static GVariant *
read_content(void *data)
{
	const Content *content = data;
	Report	   *report = report_read(content->bytes, content->length, content->return_path);
	const char *type = NULL;
	const char *classification = NULL;
	bool		is_bounce = report->kind == REPORT_BOUNCE;
	GVariant   *event = NULL;

	switch (report->kind)
	{
		case REPORT_OTHER:
		case REPORT_DELAY:
			break;
		case REPORT_BOUNCE:
			type = "bounced";
			break;
		case REPORT_COMPLAINT:
			type = "complained";
			break;
		case REPORT_REPLY:
			type = "replied";
			classification = report->unsubscribe ? "unsubscribe" : NULL;
			break;
		case REPORT_AUTO_REPLY:
			type = "replied";
			classification = "out_of_office";
			break;
	}
	if (type && report->message_id[0])
		event = g_variant_new(EVENT_TYPE, type, report->message_id,
							  is_bounce ? report->hard ? "hard" : "soft" : NULL,
							  is_bounce ? report->reason : NULL, classification,
							  strcmp(type, "replied") == 0 ? report->snippet : NULL,
							  report->proven ? report->email : NULL);
	report_free(report);
	return event;
}

/* Reads a mail; false: whoever read it crashed, or took too much. */
bool
mailbox_event_read(const char *content, gsize length, const ReturnPath *return_path,
				   MailboxEvent *event, GError **error)
{
	Content		what = {content, length, return_path};
	g_autoptr(GError) problem = NULL;
	g_autoptr(GVariant) value = apart_run(read_content, &what, EVENT_TYPE, &problem);

	*event = (MailboxEvent) {.type = NULL};
	if (problem)
	{
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	if (value)
		g_variant_get(value, EVENT_TYPE, &event->type, &event->message_id, &event->bounce_type,
					  &event->bounce_reason, &event->classification, &event->snippet,
					  &event->email);
	return true;
}

void
mailbox_event_clear(MailboxEvent *event)
{
	g_free(event->type);
	g_free(event->message_id);
	g_free(event->bounce_type);
	g_free(event->bounce_reason);
	g_free(event->classification);
	g_free(event->snippet);
	g_free(event->email);
	*event = (MailboxEvent) {.type = NULL};
}

static MailboxRecorded
record(const MailboxEvent *event, Database *database, const char *workspace, const char *email)
{
	const char *values[] = {event->message_id, event->type, event->bounce_type,
	event->bounce_reason, event->classification, event->snippet, email};
	char		sqlstate[6] = "";
	PGresult   *result = database_run(database, workspace, record_event, G_N_ELEMENTS(values),
									  values, sqlstate);

	PQclear(result);
	if (result)
		return MAILBOX_RECORDED;
	if (database_error_passes(sqlstate))
		return MAILBOX_LATER;
	return strcmp(sqlstate, "PT404") == 0 ? MAILBOX_UNKNOWN : MAILBOX_REFUSED;
}

/* Tells the database of an event. */
MailboxRecorded
mailbox_event_record(const MailboxEvent *event, Database *database, const char *workspace)
{
	MailboxRecorded recorded = record(event, database, workspace, event->email);

	/* What a report calls an address may be none; that says nothing of the message. */
	if (recorded == MAILBOX_REFUSED && event->email)
		recorded = record(event, database, workspace, NULL);
	return recorded;
}
