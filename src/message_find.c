/*
 * message_find.c
 *		Looking up what there is to know of messages before they are sent.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "compat.h"
#include "enrollment.h"
#include "lead.h"
#include "message.h"
#include "queue.h"
#include "statement.h"

/* Columns of find_messages. */
enum
{
	MESSAGE_STEP,
	MESSAGE_LEAD_ID,
	MESSAGE_STATUS,
	MESSAGE_EMAIL,
	MESSAGE_FIELDS,
	MESSAGE_RANGE = MESSAGE_FIELDS + LEAD_FIELDS,
	MESSAGE_POSITION,
	MESSAGE_COLUMNS
};

/* A row for each position of each range whose batch is there and of the campaign. */
static Statement find_messages = STATEMENT(
	"SELECT b.step, u.lead_id, e.status, l.*, r.number, u.position"
	" FROM unnest($3, $4, $5) WITH ORDINALITY AS r (batch_id, first, last, number)"
	" CROSS JOIN LATERAL ("
	" SELECT b.step, b.lead_ids FROM leadterra.batches b"
	" WHERE b.workspace_id = $1 AND b.batch_id = r.batch_id AND b.campaign_id = $2"
	" OFFSET 0) b"
	" CROSS JOIN LATERAL unnest(b.lead_ids[r.first:r.last])"
	" WITH ORDINALITY AS u (lead_id, position)"
	" LEFT JOIN LATERAL ("
	" SELECT e.status FROM leadterra.enrollments e"
	" WHERE e.workspace_id = $1 AND e.campaign_id = $2 AND e.lead_id = u.lead_id"
	" OFFSET 0) e ON true"
	" LEFT JOIN LATERAL ("
	" SELECT l.email, " LEAD_COLUMNS " FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.lead_id = u.lead_id"
	" OFFSET 0) l ON true",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDARRAYOID, INT2ARRAYOID, INT2ARRAYOID);

/* Returns a status of enrollments as a string that stays; of one that is none, that. */
static const char *
status_name(Datum value)
{
	static const char *const names[] = {"active", "removed", "replied", "bounced", "unsubscribed"};
	text	   *status = DatumGetTextPP(value);

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (strlen(names[i]) == VARSIZE_ANY_EXHDR(status) &&
			memcmp(names[i], VARDATA_ANY(status), VARSIZE_ANY_EXHDR(status)) == 0)
			return names[i];
	}
	return "unknown";
}

/*
 * Returns the message that a row is about; NULL where it is about none: an array
 * that is no list of leads has other elements than its positions, and a range may
 * have been taken for a step that is not that of its batch.
 */
static Message *
row_message(Message *messages, const int *starts, const QueueRanges *ranges,
			const Datum *values, const bool *nulls)
{
	int64		number = DatumGetInt64(values[MESSAGE_RANGE]) - 1;
	int64		position = DatumGetInt64(values[MESSAGE_POSITION]) - 1;
	const QueueRange *range = &ranges->items[number];

	if (nulls[MESSAGE_LEAD_ID] || position > range->last - range->first ||
		DatumGetInt16(values[MESSAGE_STEP]) != range->step)
		return NULL;
	return &messages[starts[number] + position];
}

/* Notes what a row says of the lead of a message, which has no fields if it is deleted. */
static void
read_lead(Message *message, const Datum *values, const bool *nulls)
{
	message->lead_id = *DatumGetUUIDP(values[MESSAGE_LEAD_ID]);
	if (nulls[MESSAGE_STATUS] || nulls[MESSAGE_FIELDS + LEAD_CUSTOM])
		return;
	message->status = status_name(values[MESSAGE_STATUS]);
	if (!nulls[MESSAGE_EMAIL])
		message->email = DatumGetTextPP(values[MESSAGE_EMAIL]);
	memcpy(message->fields, &values[MESSAGE_FIELDS], sizeof(message->fields));
	memcpy(message->nulls, &nulls[MESSAGE_FIELDS], sizeof(message->nulls));
}

/* Lists the messages of ranges, of which nothing is known yet. */
static Message *
list_messages(const QueueRanges *ranges, int number, int *starts)
{
	Message    *messages = palloc0(sizeof(Message) * ranges->nmessages);
	int			next = 0;

	for (int i = 0; i < ranges->count; i++)
	{
		const QueueRange *range = &ranges->items[i];

		starts[i] = next;
		for (int position = range->first; position <= range->last; position++, next++)
		{
			messages[next].place = (QueueRange) {
				range->batch_id, position, position, range->attempt, range->step,
					range->is_begun, range->tried_at
			};
			messages[next].number = number + next;
		}
	}
	return messages;
}

/*
 * Looks up the messages of ranges, of which the first has a number.  Fields point
 * into the result, which the caller frees.  Runs in SPI.
 */
Message *
message_find(Datum workspace, Datum campaign, const QueueRanges *ranges, int number,
			 SPITupleTable **result)
{
	int		   *starts = palloc(sizeof(int) * ranges->count);
	Message    *messages = list_messages(ranges, number, starts);
	Size		stride = sizeof(QueueRange);
	Datum		parameters[] = {workspace, campaign,
		statement_uuids(&ranges->items->batch_id, stride, ranges->count),
		statement_smallints(&ranges->items->first, stride, ranges->count),
	statement_smallints(&ranges->items->last, stride, ranges->count)};
	uint64		found;

	found = statement_execute(&find_messages, parameters, NULL);
	*result = SPI_tuptable;

	for (uint64 i = 0; i < found; i++)
	{
		Datum		values[MESSAGE_COLUMNS];
		bool		nulls[MESSAGE_COLUMNS];
		Message    *message;

		statement_row(i, values, nulls);
		message = row_message(messages, starts, ranges, values, nulls);
		if (message)
			read_lead(message, values, nulls);
	}
	return messages;
}

/* Says whether the lead of a message gets no more. */
bool
message_has_ended(const Message *message)
{
	return message->status && strcmp(message->status, "active") != 0;
}

/*
 * Locks the enrollments that have ended, and looks at them again; what another
 * session is changing is busy.  A call that lets the lead go on waits until the claim
 * has committed, and then finds the message skipped.  The claim itself waits for
 * nobody: it takes these locks in another order than others do.  Runs in SPI.
 */
void
message_lock_ended(Datum workspace, Datum campaign, Message *messages, int count)
{
	Datum	   *lead_ids = palloc(sizeof(Datum) * count);
	Message   **ended = palloc(sizeof(Message *) * count);
	int			nended = 0;
	uint64		found;
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		if (!message_has_ended(&messages[i]))
			continue;
		messages[i].busy = true;
		lead_ids[nended] = UUIDPGetDatum(&messages[i].lead_id);
		ended[nended++] = &messages[i];
	}
	if (nended == 0)
		return;
	found = enrollment_lock_free(workspace, campaign,
								 statement_array(lead_ids, NULL, nended, UUIDOID, &isnull));
	for (uint64 i = 0; i < found; i++)
	{
		Message    *message = ended[DatumGetInt64(statement_value(i, 1, &isnull)) - 1];

		message->busy = false;
		message->status = status_name(statement_value(i, 2, &isnull));
	}
	SPI_freetuptable(SPI_tuptable);
}
