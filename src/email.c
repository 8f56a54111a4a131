/*
 * email.c
 *		Syntax and normal form of e-mail addresses and domains.
 *
 * The syntax is RFC 5321 and RFC 6531 restricted to what a campaign can mail:
 * a dot-atom local part and a domain of at least two labels.  Quoted local
 * parts, comments and address literals are valid mail and refused here.
 *
 * The normal form is the address without white space around it and in ASCII
 * lower case.  Nothing else is folded: "first.last+tag@" stays what it is,
 * because only the provider knows whether it is the same mailbox.
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
	[EMAIL_TOO_LONG] = {"email_too_long", "address is longer than 254 octets"},
	[EMAIL_NO_AT] = {"email_no_at", "address has no @"},
	[EMAIL_MANY_AT] = {"email_many_at", "address has more than one @"},
	[EMAIL_QUOTED_LOCAL] = {"email_quoted_local", "quoted local parts are not supported"},
	[EMAIL_COMMENT] = {"email_comment", "comments in addresses are not supported"},
	[EMAIL_ADDRESS_LITERAL] = {"email_address_literal", "address literals are not supported"},
	[EMAIL_LOCAL_EMPTY] = {"email_local_empty", "nothing stands before the @"},
	[EMAIL_LOCAL_TOO_LONG] = {"email_local_too_long", "part before the @ is longer than 64 octets"},
	[EMAIL_LOCAL_DOT] = {"email_local_dot", "part before the @ starts or ends with a dot or has two in a row"},
	[EMAIL_LOCAL_CHARACTER] = {"email_local_character", "part before the @ has a character that is not allowed"},
	[EMAIL_DOMAIN_EMPTY] = {"email_domain_empty", "domain is empty"},
	[EMAIL_DOMAIN_ONE_LABEL] = {"email_domain_one_label", "domain has no dot"},
	[EMAIL_DOMAIN_NUMERIC] = {"email_domain_numeric", "last label of the domain is a number"},
	[EMAIL_LABEL_EMPTY] = {"email_label_empty", "domain has an empty label"},
	[EMAIL_LABEL_TOO_LONG] = {"email_label_too_long", "domain has a label longer than 63 octets"},
	[EMAIL_LABEL_HYPHEN] = {"email_label_hyphen", "domain has a label that starts or ends with a hyphen"},
	[EMAIL_LABEL_CHARACTER] = {"email_label_character", "domain has a character that is not allowed"},
};

/*
 * Code points above ASCII that no mailbox or domain shows as a character:
 * controls, spaces, invisible and directional marks, private use, and the dots
 * that IDNA (UTS #46) reads as a separator of labels.
 */
static const struct
{
	unsigned int first;
	unsigned int last;
}			refused_code_points[] =
{
	{0x80, 0xa0}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c}, {0x115f, 0x1160},
	{0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180b, 0x180f}, {0x2000, 0x200b},
	{0x200e, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
	{0x3002, 0x3002}, {0x3164, 0x3164}, {0xd800, 0xf8ff}, {0xfdd0, 0xfdef},
	{0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xff0e, 0xff0e}, {0xff61, 0xff61},
	{0xffa0, 0xffa0}, {0xfff0, 0xffff}, {0xe0000, 0x10ffff},
};

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

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

/*
 * Writes the normal form of a text: without ASCII white space around it, in
 * ASCII lower case.  The output has room for as much; returns its length.
 */
size_t
email_normalize(char *output, const char *text, size_t length)
{
	while (length > 0 && is_space(text[0]))
	{
		text++;
		length--;
	}
	while (length > 0 && is_space(text[length - 1]))
		length--;
	for (size_t i = 0; i < length; i++)
		output[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i];
	return length;
}

/*
 * Returns the length of the UTF-8 sequence (RFC 3629) above ASCII at the start
 * of a text; 0 where there is none or its code point is refused.
 */
static size_t
utf8_length(const char *text, size_t length)
{
	static const unsigned int smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = text[0];
	size_t		need = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
	unsigned int code_point;

	if (lead < 0xc2 || lead > 0xf4 || need > length)
		return 0;
	code_point = lead & (0xff >> (need + 1));
	for (size_t i = 1; i < need; i++)
	{
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code_point = code_point << 6 | (text[i] & 0x3f);
	}
	if (code_point < smallest[need] || code_point > 0x10ffff)
		return 0;
	for (size_t i = 0; i < sizeof(refused_code_points) / sizeof(refused_code_points[0]); i++)
	{
		if (code_point >= refused_code_points[i].first && code_point <= refused_code_points[i].last)
			return 0;
	}
	return need;
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

	for (size_t i = 0; i < length;)
	{
		size_t		step = 1;

		if (local[i] == '.' && local[i + 1] == '.')
			return EMAIL_LOCAL_DOT;
		if (local[i] & 0x80)
			step = utf8_length(local + i, length - i);
		else if (!is_letter_or_digit(local[i]) &&
				 (local[i] == '\0' || strchr(".!#$%&'*+-/=?^_`{|}~", local[i]) == NULL))
			step = 0;
		if (step == 0)
			return EMAIL_LOCAL_CHARACTER;
		i += step;
	}
	return EMAIL_OK;
}

/* Checks a label of a domain: letters, digits, inner hyphens, or a U-label. */
static EmailStatus
check_label(const char *label, size_t length)
{
	if (length == 0)
		return EMAIL_LABEL_EMPTY;
	if (length > LABEL_MAX_LENGTH)
		return EMAIL_LABEL_TOO_LONG;
	if (label[0] == '-' || label[length - 1] == '-')
		return EMAIL_LABEL_HYPHEN;

	for (size_t i = 0; i < length;)
	{
		size_t		step = 1;

		if (label[i] & 0x80)
			step = utf8_length(label + i, length - i);
		else if (!is_letter_or_digit(label[i]) && label[i] != '-')
			step = 0;
		if (step == 0)
			return EMAIL_LABEL_CHARACTER;
		i += step;
	}
	return EMAIL_OK;
}

/*
 * Checks a domain of at least min_labels labels, the last of which is not all
 * digits.
 */
EmailStatus
email_check_domain(const char *domain, size_t length, int min_labels)
{
	const char *label = domain;
	const char *end = domain + length;
	int			labels = 0;
	bool		numeric;

	if (length == 0)
		return EMAIL_DOMAIN_EMPTY;
	if (domain[0] == '[')
		return EMAIL_ADDRESS_LITERAL;
	if (length > EMAIL_MAX_LENGTH)
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

/* Checks an address from which white space around it was trimmed. */
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
		status = email_check_domain(at + 1, address + length - at - 1, 2);
	if (status == EMAIL_OK && length > EMAIL_MAX_LENGTH)
		status = EMAIL_TOO_LONG;
	return status;
}

/*
 * Says whether a text is an address in its normal form.  What a row of a table has
 * may have been written by hand; in any other form, entries of block lists miss it.
 */
bool
email_is_normal(const char *address, size_t length)
{
	for (size_t i = 0; i < length; i++)
	{
		if (address[i] >= 'A' && address[i] <= 'Z')
			return false;
	}
	return email_check(address, length) == EMAIL_OK;
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
