/*
 * email.c
 *		Syntax of e-mail addresses, and of entries of block lists, in normal form.
 *
 * The syntax is RFC 5321 and RFC 6531 restricted to what a campaign can mail:
 * a dot-atom local part and a domain of at least two labels.  Quoted local
 * parts, comments and address literals are valid mail and refused here.
 *
 * Plain C.  In normal form (email_normal.c) a domain is ASCII: what is not could not
 * be brought into it.
 */
#include "email.h"

#include <string.h>

#define LOCAL_MAX_LENGTH 64		/* RFC 5321, section 4.5.3.1.1 */
#define LABEL_MAX_LENGTH 63		/* RFC 1035, section 2.3.4 */

static const struct
{
	const char *code;
	const char *message;
}			email_statuses[] =
{
	[EMAIL_OK] = {"ok", "address is valid"},
	[EMAIL_EMPTY] = {"email_empty", "address is empty"},
	[EMAIL_TOO_LONG] = {"email_too_long", "addresses have at most 254 octets"},
	[EMAIL_NO_AT] = {"email_no_at", "address has no @"},
	[EMAIL_MANY_AT] = {"email_many_at", "address has more than one @"},
	[EMAIL_QUOTED_LOCAL] = {"email_quoted_local", "quoted local parts are not supported"},
	[EMAIL_COMMENT] = {"email_comment", "comments in addresses are not supported"},
	[EMAIL_ADDRESS_LITERAL] = {"email_address_literal", "address literals are not supported"},
	[EMAIL_LOCAL_EMPTY] = {"email_local_empty", "nothing stands before the @"},
	[EMAIL_LOCAL_TOO_LONG] = {"email_local_too_long", "part before the @ is longer than 64 octets"},
	[EMAIL_LOCAL_DOT] = {"email_local_dot",
		"part before the @ starts or ends with a dot or has two in a row"
	},
	[EMAIL_LOCAL_CHARACTER] = {"email_local_character",
		"part before the @ has a character that is not allowed"
	},
	[EMAIL_LOCAL_WILDCARD] = {"email_local_wildcard",
		"no mailbox is a star; the domain alone stands for all that are at it"
	},
	[EMAIL_DOMAIN_EMPTY] = {"email_domain_empty", "domain is empty"},
	[EMAIL_DOMAIN_ONE_LABEL] = {"email_domain_one_label", "domain has no dot"},
	[EMAIL_DOMAIN_NUMERIC] = {"email_domain_numeric", "last label of the domain is a number"},
	[EMAIL_LABEL_EMPTY] = {"email_label_empty", "domain has an empty label"},
	[EMAIL_LABEL_TOO_LONG] = {"email_label_too_long", "domain has a label longer than 63 octets"},
	[EMAIL_LABEL_HYPHEN] = {"email_label_hyphen",
		"domain has a label that starts or ends with a hyphen"
	},
	[EMAIL_LABEL_CHARACTER] = {"email_label_character",
		"domain has a character that is not allowed"
	},
	[EMAIL_LABEL_IDNA] = {"email_label_idna", "domain has a label that IDNA2008 does not allow"},
};

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c);
}

/* Checks a local part: dot-atom (RFC 5322, section 3.2.3; RFC 6531, section 3.3). */
static EmailStatus
check_local(const char *local, size_t length)
{
	if (length == 0)
		return EMAIL_LOCAL_EMPTY;
	if (length > LOCAL_MAX_LENGTH)
		return EMAIL_LOCAL_TOO_LONG;
	if (local[0] == '.' || local[length - 1] == '.')
		return EMAIL_LOCAL_DOT;
	if (length == 1 && local[0] == '*')
		return EMAIL_LOCAL_WILDCARD;

	for (size_t i = 0; i < length;)
	{
		size_t		step = 1;

		if (local[i] == '.' && local[i + 1] == '.')
			return EMAIL_LOCAL_DOT;
		if (local[i] & 0x80)
			step = email_character_length(local + i, length - i, false);
		else if (!is_letter_or_digit(local[i]) &&
				 (local[i] == '\0' || strchr(".!#$%&'*+-/=?^_`{|}~", local[i]) == NULL))
			step = 0;
		if (step == 0)
			return EMAIL_LOCAL_CHARACTER;
		i += step;
	}
	return EMAIL_OK;
}

/*
 * Checks a label of a domain: letters, digits and inner hyphens.  One that is not
 * ASCII says by its characters why it is none.
 */
static EmailStatus
check_label(const char *label, size_t length)
{
	bool		ascii = true;

	if (length == 0)
		return EMAIL_LABEL_EMPTY;
	for (size_t i = 0; i < length;)
	{
		size_t		step = 1;

		if (label[i] & 0x80)
		{
			ascii = false;
			step = email_character_length(label + i, length - i, true);
		}
		else if (!is_letter_or_digit(label[i]) && label[i] != '-')
			step = 0;
		if (step == 0)
			return EMAIL_LABEL_CHARACTER;
		i += step;
	}
	if (!ascii)
		return EMAIL_LABEL_IDNA;
	if (length > LABEL_MAX_LENGTH)
		return EMAIL_LABEL_TOO_LONG;
	if (label[0] == '-' || label[length - 1] == '-')
		return EMAIL_LABEL_HYPHEN;
	return EMAIL_OK;
}

/*
 * Checks a domain of at least min_labels labels, the last of which is not all
 * digits, and of at most max_length octets.
 */
static EmailStatus
check_domain(const char *domain, size_t length, int min_labels, size_t max_length)
{
	const char *label = domain;
	const char *end = domain + length;
	int			labels = 0;
	bool		numeric;

	if (length == 0)
		return EMAIL_DOMAIN_EMPTY;
	if (domain[0] == '[')
		return EMAIL_ADDRESS_LITERAL;
	if (length > max_length)
		return EMAIL_TOO_LONG;

	for (;;)
	{
		const char *dot = memchr(label, '.', end - label);
		size_t		label_length = (dot ? dot : end) - label;
		EmailStatus status = check_label(label, label_length);

		if (status != EMAIL_OK)
			return status;
		labels++;
		if (dot == NULL)
			break;
		label = dot + 1;
	}

	if (labels < min_labels)
		return EMAIL_DOMAIN_ONE_LABEL;
	numeric = true;
	for (const char *p = label; p < end && numeric; p++)
		numeric = is_digit(*p);
	return numeric ? EMAIL_DOMAIN_NUMERIC : EMAIL_OK;
}

/* Checks an address in normal form. */
EmailStatus
email_check(const char *address, size_t length)
{
	const char *at;
	EmailStatus status;

	if (length == 0)
		return EMAIL_EMPTY;
	if (address[0] == '"')
		return EMAIL_QUOTED_LOCAL;
	if (memchr(address, '(', length) || memchr(address, ')', length))
		return EMAIL_COMMENT;
	at = memchr(address, '@', length);
	if (at == NULL)
		return EMAIL_NO_AT;
	if (memchr(at + 1, '@', address + length - at - 1))
		return EMAIL_MANY_AT;

	status = check_local(address, at - address);
	if (status == EMAIL_OK)
		status = check_domain(at + 1, address + length - at - 1, 2, EMAIL_MAX_LENGTH);
	if (status == EMAIL_OK && length > EMAIL_MAX_LENGTH)
		status = EMAIL_TOO_LONG;
	return status;
}

/*
 * Checks an entry of a block list in normal form: an address, a domain of at least two
 * labels, or "*." and a domain of at least one.  It is none if it matches no address
 * that email_check() takes: at a domain, the shortest has two octets more, and below a
 * wildcard four.
 */
EmailStatus
email_check_entry(const char *entry, size_t length)
{
	if (length == 0)
		return EMAIL_EMPTY;
	if (memchr(entry, '@', length))
		return email_check(entry, length);
	if (length > 2 && entry[0] == '*' && entry[1] == '.')
		return check_domain(entry + 2, length - 2, 1, EMAIL_MAX_LENGTH - strlen("a@b."));
	return check_domain(entry, length, 2, EMAIL_MAX_LENGTH - strlen("a@"));
}

/* Returns the stable code of a refusal. */
const char *
email_status_code(EmailStatus status)
{
	return email_statuses[status].code;
}

/* Returns what is wrong, without the address. */
const char *
email_status_message(EmailStatus status)
{
	return email_statuses[status].message;
}
