/*
 * email.c
 *		Fuzz target: normal form and syntax of addresses and domains.
 */
#include "postgres.h"

#include "email.h"
#include "fuzz.h"

#define LOCAL_MAX 64
#define LABEL_MAX 63

/* What a domain that passed is made of. */
static void
check_domain(const char *domain, int length)
{
	int			label = 0;

	FUZZ_CHECK(length > 0 && length <= EMAIL_MAX_LENGTH);
	FUZZ_CHECK(!fuzz_has_control(domain, length));
	FUZZ_CHECK(fuzz_is_utf8(domain, length));
	for (int i = 0; i <= length; i++)
	{
		if (i < length && domain[i] != '.')
		{
			FUZZ_CHECK(strchr(" \"'()<>[]\\,;:@", domain[i]) == NULL);
			label++;
			continue;
		}
		FUZZ_CHECK(label > 0 && label <= LABEL_MAX);
		FUZZ_CHECK(domain[i - 1] != '-' && domain[i - label] != '-');
		label = 0;
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
	FUZZ_CHECK(email_check_domain(at + 1, address + length - at - 1, 2) == EMAIL_OK);
	check_domain(at + 1, address + length - at - 1);
}

void
fuzz_email(const char *data, int length)
{
	char	   *normal = palloc(length);
	char	   *again;
	int			normal_length = email_normalize(normal, data, length);
	EmailStatus status;

	FUZZ_CHECK(normal_length <= length);
	for (int i = 0; i < normal_length; i++)
		FUZZ_CHECK(normal[i] < 'A' || normal[i] > 'Z');
	again = palloc(normal_length);
	FUZZ_CHECK((int) email_normalize(again, normal, normal_length) == normal_length);
	FUZZ_CHECK(memcmp(again, normal, normal_length) == 0);

	status = email_check(again, normal_length);
	FUZZ_CHECK(email_status_code(status) != NULL && email_status_message(status) != NULL);
	if (status == EMAIL_OK)
		check_address(again, normal_length);

	status = email_check_domain(again, normal_length, 1);
	FUZZ_CHECK(email_status_code(status) != NULL && email_status_message(status) != NULL);
	if (status == EMAIL_OK)
	{
		EmailStatus of_two = email_check_domain(again, normal_length, 2);

		check_domain(again, normal_length);
		FUZZ_CHECK(of_two == EMAIL_OK || of_two == EMAIL_DOMAIN_ONE_LABEL);
		FUZZ_CHECK((of_two == EMAIL_OK) == (memchr(again, '.', normal_length) != NULL));
	}
	else
		FUZZ_CHECK(email_check_domain(again, normal_length, 2) != EMAIL_OK);
}
