/*
 * event_count.c
 *		What is counted of events: a message once for each thing that happened to it.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "event.h"
#include "statement.h"
#include "uuid7.h"

/* Events of a type, of a range of messages. */
#define EVENTS_OF(columns, type) \
	" SELECT v.message_id, " columns " FROM leadterra.events v" \
	" WHERE v.workspace_id = $1 AND v.campaign_id = $2 AND v.type = " type \
	" AND v.message_id BETWEEN r.first AND r.last"

/* Events of ranges of messages, those of a message one behind the other. */
#define FIND_EVENTS(events) \
	STATEMENT( \
		"SELECT v.* FROM unnest($3, $4) AS r (first, last)" \
		" CROSS JOIN LATERAL (" events " ORDER BY message_id OFFSET 0) v", \
		SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID, UUIDARRAYOID, TEXTOID)

#define COLUMNS "v.event_id, v.created_at"

static Statement find_events = FIND_EVENTS(EVENTS_OF(COLUMNS, "$5"));

/* Of these the index tells all. */
static Statement find_messages = FIND_EVENTS(EVENTS_OF("NULL::uuid, NULL::timestamptz", "$5"));

/* Out of office is no reply, and a bounce that came as one is a bounce. */
static Statement find_replied = FIND_EVENTS(
	EVENTS_OF(COLUMNS, "$5")
	" AND coalesce(v.data ->> 'classification', '') NOT IN ('out_of_office', 'bounce')");

static Statement find_bounced = FIND_EVENTS(
	EVENTS_OF(COLUMNS, "$5")
	" UNION ALL" EVENTS_OF(COLUMNS, "'replied'") " AND v.data ->> 'classification' = 'bounce'");

static Statement find_unsubscribed = FIND_EVENTS(
	EVENTS_OF(COLUMNS, "$5")
	" UNION ALL" EVENTS_OF(COLUMNS, "'replied'")
	" AND v.data ->> 'classification' = 'unsubscribe'");

static const struct
{
	const char *type;
	Statement  *statement;		/* NULL: one that is for a type as a whole */
}			kinds[] =
{
	[EVENT_DELIVERED] = {"delivered"},
	[EVENT_OPENED] = {"opened"},
	[EVENT_CLICKED] = {"clicked"},
	[EVENT_REPLIED] = {"replied", &find_replied},
	[EVENT_BOUNCED] = {"bounced", &find_bounced},
	[EVENT_COMPLAINED] = {"complained"},
	[EVENT_UNSUBSCRIBED] = {"unsubscribed", &find_unsubscribed}
};

/* Reads an event of a statement. */
static EventFirst
read_event(EventKind kind, const Datum *values, const bool *nulls)
{
	EventFirst	event = {.kind = kind, .message_id = *DatumGetUUIDP(values[0])};

	if (!nulls[1])
		event.event_id = *DatumGetUUIDP(values[1]);
	if (!nulls[2])
		event.at = DatumGetTimestampTz(values[2]);
	return event;
}

/* Tells of the events of a kind. */
static void
count_kind(const EventRanges *ranges, EventKind kind, Statement *statement, EventCounter count,
		   void *counter)
{
	Datum		parameters[] = {ranges->workspace, ranges->campaign, ranges->firsts,
	ranges->lasts, CStringGetTextDatum(kinds[kind].type)};
	EventFirst	first;
	bool		has_first = false;
	StatementRows rows;
	Datum		values[3];
	bool		nulls[3];

	statement_begin_read(&rows, statement, parameters);
	while (statement_read_next(&rows, values, nulls))
	{
		EventFirst	event = read_event(kind, values, nulls);

		if (has_first && uuid7_compare(&event.message_id, &first.message_id) == 0)
		{
			if (uuid7_compare(&event.event_id, &first.event_id) < 0)
				first = event;
			continue;
		}
		if (has_first)
			count(counter, &first);
		first = event;
		has_first = true;
	}
	if (has_first)
		count(counter, &first);
}

/*
 * Tells of each message of ranges of ids in a campaign what happened to it, each thing once,
 * by the first event that says so, whose id and time are told if they are wanted.  Runs in
 * SPI.
 */
void
event_count(const EventRanges *ranges, bool with_ids, EventCounter count, void *counter)
{
	for (EventKind kind = 0; kind < EVENT_KINDS; kind++)
	{
		Statement  *statement = kinds[kind].statement ? kinds[kind].statement :
			with_ids ? &find_events : &find_messages;

		count_kind(ranges, kind, statement, count, counter);
	}
}
