/*
 * error.c
 *		Fuzz target: messages of errors, and lists of failures as JSON.
 *
 * An input is a text, and the name of a field.
 */
#include "postgres.h"

#include "error.h"
#include "fuzz.h"

/* Bytes of a message at most, and what shows that it was cut off. */
#define MESSAGE_MAX (300 + 3)

/* The texts of errors are one line each, of limited length. */
static void
check_message(const char *text)
{
	const char *message = error_text("value \"%s\" is wrong", text);

	FUZZ_CHECK(strlen(message) <= MESSAGE_MAX);
	FUZZ_CHECK(!fuzz_has_control(message, strlen(message)));
	FUZZ_CHECK(fuzz_is_utf8(message, strlen(message)));
}

void
fuzz_error(const char *data, int length)
{
	const char *end = data + length;
	LeadString	part = fuzz_next_part(&data, end);
	char	   *text = pnstrdup(part.data, part.length);
	char	   *field;
	const char *detail;
	ErrorList	list;

	part = fuzz_next_part(&data, end);
	field = pnstrdup(part.data, part.length);
	if (!fuzz_is_utf8(text, strlen(text)) || !fuzz_is_utf8(field, strlen(field)))
		return;
	check_message(text);

	error_list_init(&list);
	for (int i = 0; i < 3; i++)
		error_list_add(&list, i, i == 1 ? NULL : field, "wrong_type", text);
	detail = error_list_detail(ERROR_INVALID_LEADS, &list);
	FUZZ_CHECK(list.total == 3);
	FUZZ_CHECK(fuzz_jsonb((LeadString) {detail, strlen(detail)}) != NULL);
	check_message(list.first);
}
