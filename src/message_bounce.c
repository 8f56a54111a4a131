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
#include "statement.h"
#include "suppression.h"
#include "uuid7.h"

/*
 * Enhanced status codes (RFC 3463, RFC 7505) that say that there is no such address, or
 * that it takes no mail any more.  Others of class 5 are about the message, the sender
 * or a mailbox that is full.
 */
static const char *const address_statuses[] = {
	"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"
};

/* Returns the length of an enhanced status code that a text begins with, 0 if with none. */
static size_t
status_length(const char *text)
{
	size_t		length = 1;

	if (text[0] != '2' && text[0] != '4' && text[0] != '5')
		return 0;
	for (int part = 0; part < 2; part++)
	{
		size_t		digits = strspn(&text[length] + (text[length] == '.'), "0123456789");

		if (text[length] != '.' || digits < 1 || digits > 3)
			return 0;
		length += 1 + digits;
	}
	/* An address of a host has a part more, a sentence may end here. */
	if (isalnum((unsigned char) text[length]) ||
		(text[length] == '.' && isdigit((unsigned char) text[length + 1])))
		return 0;
	return length;
}

/*
 * Says whether a server's answer says that the address is no good: by the first
 * enhanced status code that it has.
 */
bool
message_is_bounce(const char *answer)
{
	bool		in_word = false;

	for (const char *c = answer; *c; c++)
	{
		size_t		length = in_word ? 0 : status_length(c);

		for (size_t i = 0; length > 0 && i < lengthof(address_statuses); i++)
		{
			if (strlen(address_statuses[i]) == length &&
				strncmp(c, address_statuses[i], length) == 0)
				return true;
		}
		if (length > 0)
			return false;
		in_word = isalnum((unsigned char) *c) || *c == '.';
	}
	return false;
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
