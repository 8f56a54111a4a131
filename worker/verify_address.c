/*
 * verify_address.c
 *		What an address says of itself, and what becomes of its status.
 *
 * Nobody is asked whether a mailbox exists: mail servers take such questions for the work of
 * spammers, and many answer yes to all. So nothing is ever found to be verified here.
 */
#include "verify_address.h"

#include <string.h>

#include "mail_address.h"

/* Bytes of a list of domains at most. */
#define LIST_MAX ((gsize) 64 * 1024 * 1024)

/* Local parts that stand for no person: RFC 2142, and what is usual. */
static const char *const roles[] = {
	"abuse", "accounting", "accounts", "admin", "administration", "administrator", "all",
	"billing", "board", "bookings", "bounce", "bounces", "careers", "contact", "contactus",
	"customerservice", "daemon", "dev", "devnull", "dns", "editor", "enquiries", "enquiry",
	"events", "everyone", "feedback", "finance", "ftp", "hello", "help", "helpdesk",
	"hostmaster", "hr", "info", "information", "inquiries", "invoice", "invoices", "it", "jobs",
	"kontakt", "legal", "list", "list-request", "mail", "mailer-daemon", "mailerdaemon",
	"maildaemon", "marketing", "media", "news", "newsletter", "no-reply", "noc", "noreply",
	"null", "office", "operations", "orders", "postmaster", "pr", "press", "privacy", "purchasing",
	"recruiting", "reservations", "root", "sales", "security", "service", "spam", "staff",
	"subscribe", "support", "sysadmin", "tech", "team", "undisclosed-recipients", "unsubscribe",
	"usenet", "uucp", "webmaster", "www",
};

/* Returns the domain of an address, or "". */
const char *
verify_domain(const char *email)
{
	const char *domain = mail_address_domain(email);

	return domain ? domain : "";
}

/* Says whether an address stands for no person; what stands behind a + does not matter. */
bool
verify_is_role(const char *email)
{
	gsize		length = strcspn(email, "+@");

	for (size_t i = 0; i < G_N_ELEMENTS(roles); i++)
	{
		if (strlen(roles[i]) == length && g_ascii_strncasecmp(email, roles[i], length) == 0)
			return true;
	}
	return false;
}

/*
 * Reads a list of domains, one a line; what follows # is a remark.  Null: there is no such file,
 * or it is too large.
 */
GHashTable *
verify_read_disposable(const char *file, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	GHashTable *domains;
	gsize		length;

	if (!g_file_get_contents(file, &text, &length, error))
		return NULL;
	if (length > LIST_MAX)
	{
		g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "%s has more than %d MB", file,
					(int) (LIST_MAX / 1024 / 1024));
		return NULL;
	}
	domains = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
	{
		(*line)[strcspn(*line, "#")] = '\0';
		g_strstrip(*line);
		if (**line)
			g_hash_table_add(domains, g_ascii_strdown(*line, -1));
	}
	return domains;
}

/* Says whether a domain, or one above it, is on the list; null: none is. */
bool
verify_is_disposable(GHashTable *disposable, const char *domain)
{
	g_autofree char *lower = g_ascii_strdown(domain, -1);

	for (const char *at = lower; disposable && at; at = strchr(at, '.'))
	{
		at += *at == '.';
		if (g_hash_table_contains(disposable, at))
			return true;
	}
	return false;
}

/*
 * Returns the status that a lead should have.  That it takes no mail is a fact.  That it is
 * risky is a guess, and another verifier that looked closer knows better; so does whoever
 * said something where nothing was found out.
 */
int
verify_status(const char *email, DnsMail mail, GHashTable *disposable, int status)
{
	bool		is_open = status == VERIFY_UNKNOWN || status == VERIFY_PENDING ||
		status == VERIFY_PENDING_JOB;

	if (mail == DNS_REFUSES || mail == DNS_NOTHING || mail == DNS_NO_DOMAIN)
		return VERIFY_INVALID;
	if (!is_open)
		return status;
	if (mail == DNS_ADDRESS || verify_is_role(email) ||
		verify_is_disposable(disposable, verify_domain(email)))
		return VERIFY_RISKY;
	return VERIFY_UNKNOWN;
}
