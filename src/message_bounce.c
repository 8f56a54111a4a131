/*
 * message_bounce.c
 *		Messages that were refused for good while they were sent.
 *
 * They are bounces as much as those that come back later: an event is kept, the
 * address is suppressed, and the sequence of the lead ends.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "enrollment.h"
#include "event.h"
#include "heir.h"
#include "lead.h"
#include "message.h"
#include "queue.h"
#include "standard.h"
#include "statement.h"
#include "suppression.h"
#include "uuid7.h"

/*
 * Says whether a server's answer says that the address is no good: by the first
 * enhanced status code that it has.
 */
bool
message_is_bounce(const char *answer)
{
	size_t		length;
	const char *status = standard_find_status(answer, &length);

	return status && standard_is_address_status(status, length);
}

/* Makes the data of the event of a bounce. */
static Jsonb *
make_data(const char *reason)
{
	const char *const members[] = {"bounceType", "hard", "bounceReason", reason};
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (size_t i = 0; i < lengthof(members); i++)
	{
		JsonbValue	value = {.type = jbvString};

		value.val.string.val = unconstify(char *, members[i]);
		value.val.string.len = strlen(members[i]);
		pushJsonbValue(&state, i % 2 == 0 ? WJB_KEY : WJB_VALUE, &value);
	}
	return JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL));
}

/*
 * Suppresses the addresses of leads, which it keeps: nothing is written of the address of
 * one that goes meanwhile, for it may be forgotten.  Of a lead that was merged into another
 * it is the address that was given up, or else that lead stands in its place from then on.
 */
static void
suppress(Datum workspace, pg_uuid_t *lead_ids, int count)
{
	LeadString *emails = palloc(sizeof(LeadString) * count);
	Datum	   *entries = palloc(sizeof(Datum) * count);
	int			known = 0;
	int			nentries = 0;
	uint64		nkept;
	bool		isnull;

	for (int i = 0; i < count; i++)
	{
		pg_uuid_t	heir;
		Datum		given_up;

		if (!lead_email(workspace, &lead_ids[i], &emails[known]) &&
			heir_find(workspace, &lead_ids[i], &heir, &given_up))
		{
			if (given_up != (Datum) 0)
				entries[nentries++] = given_up;
			else
				lead_ids[i] = heir;
		}
		known += lead_email(workspace, &lead_ids[i], &emails[known]);
	}
	qsort(emails, known, sizeof(LeadString), lead_compare);
	nkept = known > 0 ? lead_keep(workspace, emails, known) : 0;
	for (uint64 i = 0; i < nkept; i++)
	{
		int64		place = DatumGetInt64(statement_value(i, 1, &isnull));

		entries[nentries++] = lead_text(&emails[place - 1]);
	}
	if (nentries > 0)
		(void) suppression_add(workspace, entries, nentries, "hard_bounce");
}

/*
 * Notes that messages of a lease, by their numbers, were refused for good.  Its campaign
 * is kept: then nobody who holds one of these leads or enrollments waits for the lease.
 * Runs in SPI.
 */
void
message_bounce(const QueueLease *lease, const int *numbers, int count, const char *reason)
{
	Datum		campaign = UUIDPGetDatum(&lease->campaign);
	Jsonb	   *data = make_data(reason);
	pg_uuid_t  *lead_ids = palloc(sizeof(pg_uuid_t) * count);
	int			found = 0;

	for (int i = 0; i < count; i++)
	{
		pg_uuid_t	message_id = queue_lease_message(lease, numbers[i]);
		pg_uuid_t	batch_campaign;

		if (!queue_keep_message(lease->workspace, &message_id, &batch_campaign, &lead_ids[found]) ||
			memcmp(&batch_campaign, &lease->campaign, UUID_LEN) != 0)
			continue;
		event_insert(lease->workspace, campaign, &message_id, &lead_ids[found++], "bounced", data);
	}
	if (found == 0)
		return;
	suppress(lease->workspace, lead_ids, found);
	qsort(lead_ids, found, sizeof(pg_uuid_t), uuid7_compare);
	for (int i = 0; i < found; i++)
		enrollment_end(lease->workspace, campaign, &lead_ids[i], "bounced");
}
