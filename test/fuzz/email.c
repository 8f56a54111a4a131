/*
 * email.c
 *		Fuzz target: normal form and syntax of addresses, and of entries of block lists.
 */
#include "postgres.h"

#include <idn2.h>

#include "lib/stringinfo.h"

#include "character.h"
#include "email.h"
#include "fuzz.h"
#include "lead_cell.h"

#define LOCAL_MAX 64
#define LABEL_MAX 63

/* A label that is not encoded here is as libidn2 would give it back, or it takes none. */
static void
check_alabel(const char *label, int length)
{
	uint8	   *found;

	if (idn2_lookup_u8((uint8 *) pnstrdup(label, length), &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return;
	FUZZ_CHECK((int) strlen((char *) found) == length && memcmp(found, label, length) == 0);
	idn2_free(found);
}

/* What a domain that passed is made of. */
static void
check_domain(const char *domain, int length)
{
	int			label = 0;

	FUZZ_CHECK(length > 0 && length <= EMAIL_MAX_LENGTH);
	for (int i = 0; i <= length; i++)
	{
		if (i < length && domain[i] != '.')
		{
			FUZZ_CHECK(strchr("abcdefghijklmnopqrstuvwxyz0123456789-", domain[i]) != NULL);
			label++;
			continue;
		}
		FUZZ_CHECK(label > 0 && label <= LABEL_MAX);
		FUZZ_CHECK(domain[i - 1] != '-' && domain[i - label] != '-');
		check_alabel(domain + i - label, label);
		label = 0;
	}
}

/* Each entry that matches an address is one. */
static void
check_entries(const char *address, int length)
{
	const char *domain = (const char *) memchr(address, '@', length) + 1;
	StringInfoData wildcard;

	FUZZ_CHECK(email_check_entry(address, length) == EMAIL_OK);
	length -= domain - address;
	FUZZ_CHECK(email_check_entry(domain, length) == EMAIL_OK);
	initStringInfo(&wildcard);
	for (const char *dot = domain; (dot = memchr(dot, '.', domain + length - dot)) != NULL; dot++)
	{
		resetStringInfo(&wildcard);
		appendStringInfoChar(&wildcard, '*');
		appendBinaryStringInfo(&wildcard, dot, domain + length - dot);
		FUZZ_CHECK(email_check_entry(wildcard.data, wildcard.len) == EMAIL_OK);
	}
}

/* What an address that passed is made of. */
static void
check_address(const char *address, int length)
{
	const char *at = memchr(address, '@', length);

	FUZZ_CHECK(length <= EMAIL_MAX_LENGTH);
	FUZZ_CHECK(!fuzz_has_control(address, length));
	FUZZ_CHECK(fuzz_is_utf8(address, length));
	FUZZ_CHECK(memchr(address, ' ', length) == NULL);
	FUZZ_CHECK(at != NULL && at > address && at - address <= LOCAL_MAX);
	check_domain(at + 1, address + length - at - 1);
	FUZZ_CHECK(email_is_normal(address, length));
	check_entries(address, length);
}

/* An entry that passed matches an address. */
static void
check_entry(const char *entry, int length)
{
	StringInfoData address;

	initStringInfo(&address);
	if (memchr(entry, '@', length) == NULL)
		appendStringInfoString(&address, entry[0] == '*' ? "a@b" : "a@");
	if (address.len > 2)
	{
		entry++;
		length--;
	}
	appendBinaryStringInfo(&address, entry, length);
	FUZZ_CHECK(email_check(address.data, address.len) == EMAIL_OK);
	check_address(address.data, address.len);
}

/* Checks that what was taken from a text shows nothing. */
static void
check_taken(const char *taken, const char *end)
{
	while (taken < end)
	{
		unsigned int code_point;

		taken += character_read(taken, end - taken, &code_point);
		FUZZ_CHECK(character_kind(code_point) != CHARACTER_SHOWN);
	}
}

/* Nothing is left around a text that was trimmed, and nothing else was taken. */
static void
check_trimmed(const char *data, int length)
{
	const char *start = data;
	int			trimmed = character_trim(&start, length);
	const char *again = start;

	FUZZ_CHECK(start >= data && trimmed >= 0 && start + trimmed <= data + length);
	FUZZ_CHECK(character_trim(&again, trimmed) == (size_t) trimmed && again == start);
	check_taken(data, start);
	check_taken(start + trimmed, data + length);
}

void
fuzz_email(const char *data, int length)
{
	LeadString	found;
	char	   *normal;
	char	   *again;
	size_t		normal_length;
	size_t		again_length;
	EmailStatus status = email_check(data, length);
	EmailStatus entry_status = email_check_entry(data, length);

	FUZZ_CHECK(email_status_code(status) != NULL && email_status_message(status) != NULL);
	FUZZ_CHECK(email_status_code(entry_status) != NULL && email_status_message(entry_status) != NULL);

	/* The server checks what clients send before a function sees it. */
	if (!fuzz_is_utf8(data, length))
		return;
	check_trimmed(data, length);
	if (lead_repair_email(data, length, &found))
		check_address(found.data, found.length);
	FUZZ_CHECK(!email_is_normal(data, length) || status == EMAIL_OK);
	normal = email_normalize(data, length, &normal_length);
	FUZZ_CHECK(fuzz_is_utf8(normal, normal_length));
	for (size_t i = 0; i < normal_length; i++)
		FUZZ_CHECK(normal[i] < 'A' || normal[i] > 'Z');
	status = email_check(normal, normal_length);
	entry_status = email_check_entry(normal, normal_length);
	if (status == EMAIL_OK)
		check_address(normal, normal_length);
	if (entry_status == EMAIL_OK)
		check_entry(normal, normal_length);
	if (status != EMAIL_OK && entry_status != EMAIL_OK)
		return;
	again = email_normalize(normal, normal_length, &again_length);
	FUZZ_CHECK(again_length == normal_length && memcmp(again, normal, normal_length) == 0);
}
