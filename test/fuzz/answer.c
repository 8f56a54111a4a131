/*
 * answer.c
 *		Fuzz target: what a mail server's answer says of an address.
 *
 * An input is an answer.
 */
#include "postgres.h"

#include "fuzz.h"
#include "message.h"

#define DIGITS "0123456789"

/* Says whether a word is an enhanced status code, maybe with dots behind it. */
static bool
is_status(const char *word, int length)
{
	char	   *copy = pnstrdup(word, length);
	size_t		subject = strlen(copy) < 2 ? 0 : strspn(copy + 2, DIGITS);
	size_t		detail;

	if (copy[0] == '\0' || strchr("245", copy[0]) == NULL || copy[1] != '.' || subject < 1 || subject > 3 || copy[2 + subject] != '.')
		return false;
	detail = strspn(copy + 3 + subject, DIGITS);
	copy += 3 + subject + detail;
	return detail >= 1 && detail <= 3 && (copy[0] == '\0' || (copy[0] == '.' && strspn(copy + 1, DIGITS) == 0));
}

/* Says the same as message_is_bounce(), word by word. */
static bool
is_bounce(const char *answer)
{
	static const char *const statuses[] = {"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"};

	for (const char *word = answer; *word; word++)
	{
		int			length = 0;

		while (isalnum((unsigned char) word[length]) || word[length] == '.')
			length++;
		for (size_t i = 0; i < lengthof(statuses) && is_status(word, length); i++)
		{
			size_t		size = strlen(statuses[i]);

			if (strncmp(word, statuses[i], size) == 0 && !isdigit((unsigned char) word[size]))
				return true;
		}
		if (is_status(word, length))
			return false;
		word += Max(length - 1, 0);
	}
	return false;
}

void
fuzz_answer(const char *data, int length)
{
	char	   *answer = pnstrdup(data, length);

	FUZZ_CHECK(message_is_bounce(answer) == is_bounce(answer));
}
