/*
 * mailbox_look.c
 *		Looks at what is new in one mailbox.
 *
 * A mailbox may be full of other mail.  Of each new mail a few headers are fetched, a hundred
 * mails at a time, and only what may be about a message of ours is fetched as a whole.  What
 * was looked at is remembered by its UID, mail by mail; what broke off is looked at again.
 */
#include "mailbox_look.h"

#include <string.h>

#include "counter.h"
#include "log.h"
#include "mailbox_event.h"
#include "stop.h"

/* Mails whose headers are fetched at once. */
#define LOT 100

/* How often the connection may break at one mail before that is passed over. */
#define STUCK_ALONE 2
#define STUCK_MAX 4

/* The headers that tell what may be ours. */
#define HEADERS \
	"[HEADER.FIELDS (RETURN-PATH FROM TO CC DELIVERED-TO X-ORIGINAL-TO ENVELOPE-TO CONTENT-TYPE" \
	" IN-REPLY-TO REFERENCES X-FAILED-RECIPIENTS)]"

/* A mail, or as much of it as counts: reports come first in it. */
#define WHOLE "[]<0.10485760>"

G_DEFINE_QUARK(leadterra-mailbox-error, mailbox_error)

/*
 * Says whether a mail may be about a message of ours, by its headers: it has a UUID before an
 * @, as our Message-IDs do, or a token of a return path; or it is a report, whatever is in it.
 */
bool
mailbox_may_be_ours(const char *headers, gsize length)
{
	static GRegex *pattern = NULL;

	if (pattern == NULL)
		pattern = g_regex_new("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}@"
							  "|[+][a-z2-7]{39}@"
							  "|multipart/report"
							  "|^x-failed-recipients:"
							  "|^return-path:\\s*<>"
							  "|^from:.*(mailer-daemon|postmaster)",
							  G_REGEX_RAW | G_REGEX_CASELESS | G_REGEX_MULTILINE | G_REGEX_OPTIMIZE,
							  0, NULL);
	return g_regex_match_full(pattern, headers, (gssize) length, 0, 0, NULL, NULL);
}

/* What is done with a mail that was fetched. */
typedef struct Reading
{
	Mailbox    *mailbox;
	bool		is_later;		/* the database cannot take it now */
} Reading;

static void
print(const Mailbox *mailbox, guint32 uid, const MailboxEvent *event)
{
	log_line("%s: mail %u: message %s %s%s%s", mailbox->name, uid, event->message_id, event->type,
			 event->bounce_type ? ", " : event->classification ? ", " : "",
			 event->bounce_type ? event->bounce_type :
			 event->classification ? event->classification : "");
}

/* Reads a whole mail, and tells the database of it. */
static void
read_mail(const ImapMail *mail, void *data)
{
	Reading    *reading = data;
	Mailbox    *mailbox = reading->mailbox;
	g_auto(MailboxEvent) event = {.type = NULL};
	g_autoptr(GError) error = NULL;

	if (!mailbox_event_read(mail->data, mail->length, mailbox->return_path, &event, &error))
	{
		log_line("%s: mail %u is passed over: %s", mailbox->name, mail->uid, error->message);
		counter_add(COUNTER_PASSED_OVER, 1);
		return;
	}
	if (event.type == NULL)
		return;
	if (mailbox->is_dry_run)
	{
		print(mailbox, mail->uid, &event);
		return;
	}
	switch (mailbox_event_record(&event, mailbox->database, mailbox->workspace))
	{
		case MAILBOX_RECORDED:
			counter_add(strcmp(event.type, "bounced") == 0 ? COUNTER_BOUNCES :
						strcmp(event.type, "complained") == 0 ? COUNTER_COMPLAINTS :
						COUNTER_REPLIES, 1);
			break;
		case MAILBOX_UNKNOWN:
			counter_add(COUNTER_UNKNOWN, 1);
			break;
		case MAILBOX_REFUSED:
			log_line("%s: mail %u is passed over: the database does not take what it says",
					 mailbox->name, mail->uid);
			counter_add(COUNTER_PASSED_OVER, 1);
			break;
		case MAILBOX_LATER:
			reading->is_later = true;
			break;
	}
}

/* Adds a mail to those that are to be fetched as a whole. */
static void
choose(const ImapMail *mail, void *data)
{
	GHashTable *chosen = data;

	if (mailbox_may_be_ours(mail->data, mail->length))
		g_hash_table_add(chosen, GUINT_TO_POINTER(mail->uid));
}

/* Everything before a UID has been looked at. */
static bool
remember(Mailbox *mailbox, guint32 next, GError **error)
{
	mailbox->state.next = next;
	return mailbox->is_dry_run ||
		mailbox_state_write(mailbox->state_file, mailbox->state_account, &mailbox->state, error);
}

/* Counts that the connection broke at the mail that is next. */
static void
count_stuck(Mailbox *mailbox, const GError *error)
{
	if (!g_error_matches(error, IMAP_ERROR, IMAP_ERROR_CONNECTION))
		return;
	if (mailbox->stuck_at != mailbox->state.next)
		mailbox->stuck_times = 0;
	mailbox->stuck_at = mailbox->state.next;
	mailbox->stuck_times++;
}

/*
 * Finds those of some mails that may be ours.  Where the server does not give the headers of
 * one of them, it refuses all: then each is looked at as a whole.
 */
static bool
choose_some(Mailbox *mailbox, const guint32 *uids, guint count, GHashTable *chosen, GError **error)
{
	g_autoptr(GError) problem = NULL;

	if (count > 1 && imap_fetch(mailbox->imap, uids, count, HEADERS, choose, chosen, &problem))
		return true;
	if (problem && !g_error_matches(problem, IMAP_ERROR, IMAP_ERROR_REFUSED))
	{
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	for (guint i = 0; i < count; i++)
		g_hash_table_add(chosen, GUINT_TO_POINTER(uids[i]));
	return true;
}

/* Fetches one mail, and tells the database of it; false: not now. */
static bool
look_at_one(Mailbox *mailbox, guint32 uid, GError **error)
{
	Reading		reading = {.mailbox = mailbox};
	g_autoptr(GError) problem = NULL;

	if (imap_fetch(mailbox->imap, &uid, 1, WHOLE, read_mail, &reading, &problem))
	{
		if (!reading.is_later)
			return true;
		g_set_error_literal(error, MAILBOX_ERROR, 0, "the database cannot take what it says now");
		return false;
	}
	if (!g_error_matches(problem, IMAP_ERROR, IMAP_ERROR_REFUSED))
	{
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	log_line("%s: mail %u is passed over: %s", mailbox->name, uid, problem->message);
	counter_add(COUNTER_PASSED_OVER, 1);
	return true;
}

/* Looks at some mails, in the order of their UIDs. */
static bool
look_at_some(Mailbox *mailbox, const guint32 *uids, guint count, GError **error)
{
	g_autoptr(GHashTable) chosen = g_hash_table_new(NULL, NULL);

	mailbox->state.next = uids[0];
	if (!choose_some(mailbox, uids, count, chosen, error))
		return false;
	for (guint i = 0; i < count; i++)
	{
		if (!g_hash_table_contains(chosen, GUINT_TO_POINTER(uids[i])))
			continue;
		mailbox->state.next = uids[i];
		if (!look_at_one(mailbox, uids[i], error))
		{
			g_autoptr(GError) ignored = NULL;

			(void) remember(mailbox, uids[i], &ignored);
			return false;
		}
	}
	/* No mail has the greatest UID and one more. */
	return remember(mailbox, MAX(uids[count - 1], uids[count - 1] + 1), error);
}

/* Looks at mails; a mail at which the connection breaks again and again is passed over. */
static bool
look_at_all(Mailbox *mailbox, const GArray *uids, GError **error)
{
	for (guint done = 0; done < uids->len && !stop_asked();)
	{
		const guint32 *some = &g_array_index(uids, guint32, done);
		guint		count = MIN(uids->len - done, LOT);
		int			times = mailbox->stuck_at >= some[0] && mailbox->stuck_at <= some[count - 1] ?
			mailbox->stuck_times : 0;

		if (times >= STUCK_MAX && mailbox->stuck_at == some[0])
		{
			log_line("%s: mail %u is passed over: the connection breaks at it", mailbox->name,
					 some[0]);
			counter_add(COUNTER_PASSED_OVER, 1);
			done++;
			continue;
		}
		/* It is one of these: they are fetched alone. */
		if (times >= STUCK_ALONE)
			count = 1;
		if (!look_at_some(mailbox, some, count, error))
			return false;
		done += count;
	}
	return true;
}

/*
 * Looks at what is new, and at all where the server has given new UIDs.  False: it broke off,
 * and goes on where it was when it is called again.
 */
bool
mailbox_look(Mailbox *mailbox, GError **error)
{
	guint32		uid_validity;
	guint32		uid_next = 0;
	g_autoptr(GArray) uids = NULL;
	g_autoptr(GError) problem = NULL;

	if (!imap_open(mailbox->imap, &uid_validity, &uid_next, error))
		return false;
	if (uid_validity != mailbox->state.uid_validity)
		mailbox->state = (MailboxState) {.uid_validity = uid_validity, .next = 1};
	if (uid_next != 0 && uid_next <= mailbox->state.next)
		return true;
	uids = imap_search(mailbox->imap, mailbox->state.next, error);
	if (uids == NULL)
		return false;
	if (!look_at_all(mailbox, uids, &problem))
	{
		count_stuck(mailbox, problem);
		g_propagate_error(error, g_steal_pointer(&problem));
		return false;
	}
	return true;
}
