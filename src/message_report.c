/*
 * message_report.c
 *		What is said of a message that was sent, and what that does: the one way to it
 *		from events and links.
 *
 * What suppresses does so whatever became of the message, its lead or its campaign, and
 * as often as it is said.  Who opts out does it as a person: at the address that the
 * message went to, at that of the lead, and at those that it gave up in merges.  What bounces
 * is an address alone.  Where the lead is known its address is suppressed by itself, and what
 * it gave up by hashes; where it is not, what the report brings along is.
 *
 * Locks are taken in the order of doc/design.md, and each is shared: whoever deletes
 * the campaign, or merges, deletes or forgets the lead, comes before all of it or after.
 */
#include "postgres.h"

#include "catalog/pg_collation.h"
#include "utils/builtins.h"

#include "campaign.h"
#include "campaign_sending.h"
#include "compat.h"
#include "context.h"
#include "enrollment.h"
#include "error.h"
#include "event.h"
#include "heir.h"
#include "lead.h"
#include "message.h"
#include "queue.h"
#include "statement.h"
#include "suppression.h"
#include "webhook.h"

/* Whom a message that is known went to. */
typedef struct Recipient
{
	pg_uuid_t	campaign;
	pg_uuid_t	lead_id;		/* the lead, or its heir */
	bool		is_there;		/* and has not been deleted */
	LeadString	email;			/* of the lead; NULL: none */
	Datum		given_up;		/* entry of the address it went to; 0: that is the lead's */
} Recipient;

/*
 * Says what is done where a message is reported on: an automatic reply is a reply, and ends
 * the sequence, where its campaign says so.
 */
static MessageEffect
decide_effect(const MessageReport *report)
{
	MessageEffect effect = report->effect;
	pg_uuid_t	campaign;
	pg_uuid_t	lead_id;

	if (effect.is_automatic &&
		queue_find_message(report->workspace, report->message_id, &campaign, &lead_id) &&
		campaign_stops_on_auto_reply(report->workspace, UUIDPGetDatum(&campaign)))
	{
		effect.status = "replied";
		effect.news = MESSAGE_ACCEPTED;
	}
	return effect;
}

/* Says whether something is written for the lead, or its address. */
static bool
has_effect(const MessageEffect *effect)
{
	return effect->status || effect->suppression || effect->news == MESSAGE_REFUSED;
}

/*
 * Finds the message and keeps it from being removed; false if it is not known.  What
 * changes the enrollment keeps the campaign first, as those do who delete it.
 */
static bool
keep_message(const MessageReport *report, Recipient *recipient)
{
	Datum		campaign = UUIDPGetDatum(&recipient->campaign);

	if (has_effect(&report->effect) &&
		!(queue_find_message(report->workspace, report->message_id,
							 &recipient->campaign, &recipient->lead_id) &&
		  campaign_try_keep(report->workspace, campaign)))
		return false;
	return queue_keep_message(report->workspace, report->message_id,
							  &recipient->campaign, &recipient->lead_id);
}

/* Keeps a lead from being deleted or merged, and reads its address; false if it is gone. */
static bool
keep_lead(Datum workspace, const pg_uuid_t *lead_id, Recipient *recipient)
{
	recipient->is_there = lead_keep_one(workspace, lead_id, &recipient->email);
	if (recipient->is_there)
		recipient->lead_id = *lead_id;
	return recipient->is_there;
}

/* Does the same for the lead of the message, or the one that it became part of. */
static void
keep_recipient(Datum workspace, Recipient *recipient)
{
	pg_uuid_t	lead_id = recipient->lead_id;
	pg_uuid_t	heir = lead_id;
	pg_uuid_t	last;

	if (keep_lead(workspace, &lead_id, recipient))
		return;

	/* A merge that was just committed may have another heir. */
	do
	{
		last = heir;
		if (!heir_find(workspace, &lead_id, &heir, &recipient->given_up) ||
			memcmp(&heir, &last, UUID_LEN) == 0)
			return;
	} while (!keep_lead(workspace, &heir, recipient));
}

/* Says whether an entry stands for the address of the recipient. */
static bool
stands_for(Datum workspace, Datum entry, const LeadString *email)
{
	bytea	   *key = suppression_find_key(workspace);

	return email->data && key &&
		DatumGetBool(DirectFunctionCall2Coll(texteq, C_COLLATION_OID, entry,
											 suppression_hashed_entry(key, email->data,
																	  email->length)));
}

/* Lists the entries that an opt-out suppresses; returns how many. */
static int
list_person(const MessageReport *report, const Recipient *recipient, Datum **entries)
{
	uint64		ngiven_up = recipient->is_there ?
		heir_entries(report->workspace, &recipient->lead_id) : 0;
	int			count = 0;
	bool		isnull;

	*entries = palloc(sizeof(Datum) * (ngiven_up + 2));
	for (uint64 i = 0; i < ngiven_up; i++)
		(*entries)[count++] = statement_value(i, 1, &isnull);
	if (recipient->email.data)
		(*entries)[count++] = lead_text(&recipient->email);
	if (report->entry != (Datum) 0 &&
		(report->is_proven ? !stands_for(report->workspace, report->entry, &recipient->email) :
		 recipient->email.data == NULL))
		(*entries)[count++] = report->entry;
	return count;
}

/* Lists the entry that stands for the address that was mailed; returns how many: one or none. */
static int
list_address(const MessageReport *report, const Recipient *recipient, Datum **entries)
{
	Datum		entry = recipient->is_there && recipient->given_up != (Datum) 0 ?
		recipient->given_up :
		recipient->email.data ? lead_text(&recipient->email) : report->entry;

	*entries = palloc(sizeof(Datum));
	**entries = entry;
	return entry != (Datum) 0;
}

/*
 * Suppresses what a report asks for; returns whether anything was not.  It is an error if
 * nothing is known of the address: nobody should believe that it was done.
 */
static bool
suppress(const MessageReport *report, const Recipient *recipient)
{
	Datum	   *entries;
	int			count = report->effect.of_address ? list_address(report, recipient, &entries) :
		list_person(report, recipient, &entries);

	if (count == 0)
		error_raise(ERROR_LEAD_NOT_FOUND, "lead of the message has been deleted");
	return suppression_add(report->workspace, entries, count, report->effect.suppression) > 0;
}

/*
 * Counts soft bounces of the lead's address: too many suppress it, and what it accepts
 * makes up for them.  Nothing is counted of an address that was given up.
 */
static void
count_soft_bounces(const MessageReport *report, const Recipient *recipient)
{
	Datum		entry;

	if (report->effect.news == MESSAGE_ACCEPTED)
		event_forget_soft_bounces(report->workspace, &recipient->lead_id);
	if (report->effect.news != MESSAGE_REFUSED || !recipient->is_there ||
		recipient->email.data == NULL || recipient->given_up != (Datum) 0 ||
		!event_add_soft_bounce(report->workspace, &recipient->lead_id))
		return;
	entry = lead_text(&recipient->email);
	(void) suppression_add(report->workspace, &entry, 1, "soft_bounces");
}

/* Tells webhooks that somebody unsubscribed, where no event that is kept does. */
static void
tell_unsubscribed(const MessageReport *report, const pg_uuid_t *campaign)
{
	if (strcmp(report->effect.suppression, "unsubscribed") == 0)
		webhook_tell(&(WebhookNews) {
			.workspace = report->workspace, .campaign = campaign, .event = "lead.unsubscribed",
				.message_ids = report->message_id, .size = 1
		});
}

/* Does what is said of a message that is known. */
static bool
apply(const MessageReport *report, Recipient *recipient)
{
	const MessageEffect *effect = &report->effect;
	Datum		campaign = UUIDPGetDatum(&recipient->campaign);
	Datum		unused;
	bool		is_new;
	bool		is_first;		/* the event is recorded only now */

	if (has_effect(effect))
		keep_recipient(report->workspace, recipient);
	else
		(void) heir_find(report->workspace, &recipient->lead_id, &recipient->lead_id, &unused);
	is_new = report->reply ?
		event_classify(report->workspace, campaign, report->message_id, report->reply,
					   report->classification) :
		event_insert(report->workspace, campaign, report->message_id, &recipient->lead_id,
					 report->type, report->data);
	is_first = is_new;
	if (!is_new && effect->suppression == NULL)
		return false;
	if (is_new)
		count_soft_bounces(report, recipient);
	if (effect->suppression && suppress(report, recipient))
	{
		if (!is_new || report->reply)
			tell_unsubscribed(report, &recipient->campaign);
		is_new = true;
	}
	/* The lead has another address than the one that bounced. */
	if (effect->status && !(effect->of_address && recipient->given_up != (Datum) 0))
		is_new |= enrollment_end(report->workspace, campaign, &recipient->lead_id, effect->status);
	if (is_first && effect->status && strcmp(effect->status, "bounced") == 0)
		campaign_count_bounces(report->workspace, campaign, 0, 1, context_clock());
	return is_new;
}

/*
 * Records what is said of a message, and does what that asks for; returns whether
 * anything was new.  Raises PT404 if nothing is known that it could be done to.  Runs in SPI.
 */
bool
message_report(const MessageReport *said)
{
	MessageReport report = *said;
	Recipient	recipient = {.email.data = NULL};

	report.effect = decide_effect(said);
	if (keep_message(&report, &recipient))
		return apply(&report, &recipient);
	if (report.effect.suppression == NULL || report.entry == (Datum) 0)
		error_raise(ERROR_MESSAGE_NOT_FOUND, "message \"%s\" does not exist",
					error_uuid(UUIDPGetDatum(report.message_id)));
	if (!suppress(&report, &recipient))
		return false;
	tell_unsubscribed(&report, NULL);
	return true;
}
