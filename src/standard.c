/*
 * standard.c
 *		What standards of mail say, in plain C: the worker is built with it, too.
 *
 * The engine and the worker have to agree: a header that a step may have is one that a mail
 * gets, and what the one takes for a bounce the other does.
 */
#include "standard.h"

#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))

/*
 * Enhanced status codes (RFC 3463, RFC 7505) that say that there is no such address, or
 * that it takes no mail any more.  Others of class 5 are about the message, the sender
 * or a mailbox that is full.
 */
static const char *const address_statuses[] = {
	"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"
};

/* Names of headers that delivery sets, and what those begin with of which it sets all. */
static const char *const reserved_names[] = {
	"Auto-Submitted", "Authentication-Results", "Bcc", "Cc", "Date", "Delivered-To",
	"DKIM-Signature", "DomainKey-Signature", "Envelope-To", "From", "In-Reply-To", "Message-ID",
	"MIME-Version", "Received", "Received-SPF", "References", "Reply-To", "Return-Path",
	"Sender", "Subject", "To"
};
static const char *const reserved_prefixes[] = {
	"ARC-", "Content-", "List-Unsubscribe", "Resent-", "X-Original-"
};

/* Says whether a byte is one of some characters; the end of a string is none. */
static bool
is_one_of(char byte, const char *characters)
{
	return byte != '\0' && strchr(characters, byte) != NULL;
}

/* Returns the length of an enhanced status code that a text begins with, 0 if with none. */
static size_t
status_length(const char *text)
{
	size_t		length = 1;

	if (!is_one_of(text[0], "245"))
		return 0;
	for (int part = 0; part < 2; part++)
	{
		size_t		digits = strspn(&text[length] + (text[length] == '.'), DIGITS);

		if (text[length] != '.' || digits < 1 || digits > 3)
			return 0;
		length += 1 + digits;
	}
	/* An address of a host has a part more, a sentence may end here. */
	if (is_one_of(text[length], LETTERS DIGITS) ||
		(text[length] == '.' && is_one_of(text[length + 1], DIGITS)))
		return 0;
	return length;
}

const char *
standard_find_status(const char *text, size_t *length)
{
	bool		in_word = false;

	for (; *text; text++)
	{
		*length = in_word ? 0 : status_length(text);
		if (*length > 0)
			return text;
		in_word = is_one_of(*text, LETTERS DIGITS ".");
	}
	return NULL;
}

bool
standard_is_address_status(const char *status, size_t length)
{
	for (size_t i = 0; i < COUNT(address_statuses); i++)
	{
		if (strlen(address_statuses[i]) == length &&
			strncmp(status, address_statuses[i], length) == 0)
			return true;
	}
	return false;
}

/* Makes a letter of ASCII a small one. */
static char
lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char) (byte - 'A' + 'a') : byte;
}

/* Says whether a name begins with another, in any letter case. */
static bool
has_prefix(const char *name, size_t length, const char *prefix)
{
	size_t		size = strlen(prefix);

	if (length < size)
		return false;
	for (size_t i = 0; i < size; i++)
	{
		if (lower(name[i]) != lower(prefix[i]))
			return false;
	}
	return true;
}

bool
standard_is_header_name(const char *name, size_t length)
{
	if (length < 1 || length > STANDARD_HEADER_NAME_MAX)
		return false;
	for (size_t i = 0; i < length; i++)
	{
		if (name[i] <= ' ' || name[i] > '~' || name[i] == ':')
			return false;
	}
	for (size_t i = 0; i < COUNT(reserved_names); i++)
	{
		if (length == strlen(reserved_names[i]) && has_prefix(name, length, reserved_names[i]))
			return false;
	}
	for (size_t i = 0; i < COUNT(reserved_prefixes); i++)
	{
		if (has_prefix(name, length, reserved_prefixes[i]))
			return false;
	}
	return true;
}
