/*
 * lead.c
 *		Fuzz target: reading lead objects.
 *
 * An input is one JSON text, or two, which are read as leads in each format and
 * combined.
 */
#include "postgres.h"

#include "email.h"
#include "fuzz.h"
#include "lead.h"

/* Custom fields are sorted, each key once. */
static void
check_custom(const LeadPatch *patch)
{
	FUZZ_CHECK(patch->ncustom >= 0);
	for (int i = 1; i < patch->ncustom; i++)
		FUZZ_CHECK(json_compare_keys(&patch->custom[i - 1].key, &patch->custom[i].key) < 0);
}

/* What is read of one lead; the strings of it lie in the jsonb. */
static void
check_entry(Jsonb *jsonb, LeadFormat format, bool has_email, bool email_optional,
			LeadPatch *patch)
{
	const char *start = (const char *) jsonb;
	const char *end = start + VARSIZE(jsonb);
	ErrorList	errors;
	LeadReader	reader = {
		.format = format, .errors = &errors, .email_optional = email_optional
	};
	LeadString	email = {NULL, 0};
	JsonbValue	entry;
	const char *detail;
	bool		valid;

	error_list_init(&errors);
	JsonbToJsonbValue(jsonb, &entry);
	valid = lead_read_entry(&reader, &entry, has_email ? &email : NULL, patch);
	FUZZ_CHECK(valid == (reader.reason == NULL));
	FUZZ_CHECK(!valid || errors.total == 0);
	detail = error_list_detail(ERROR_INVALID_LEADS, &errors);
	FUZZ_CHECK(fuzz_jsonb((LeadString) {detail, strlen(detail)}) != NULL);

	FUZZ_CHECK((patch->cleared & ~patch->given) == 0 && (patch->filled & patch->given) == 0);
	check_custom(patch);
	for (int field = 0; field < LEAD_STRINGS; field++)
	{
		const LeadString *string = &patch->strings[field];

		if (valid && patch->given & ~patch->cleared & 1 << field)
			FUZZ_CHECK(string->data >= start && string->length >= 0 && string->data + string->length <= end);
	}
	if (valid && email.data != NULL)
		FUZZ_CHECK(email_check(email.data, email.length) == EMAIL_OK);
	else if (valid)
		FUZZ_CHECK(!has_email || email_optional);
}

/* What two patches make of a field one after the other, their combination does at once. */
static void
check_combined(const LeadPatch *first, const LeadPatch *second)
{
	const LeadPatch *patches[] = {first, second};
	LeadPatch	combined;

	lead_combine(patches, 2, &combined);
	check_custom(&combined);
	FUZZ_CHECK(combined.given == (first->given | second->given));
	FUZZ_CHECK(combined.ncustom <= first->ncustom + second->ncustom);
	for (int field = 0; field < LEAD_CUSTOM; field++)
	{
		const LeadPatch *last = second->given & 1 << field ? second : first;

		FUZZ_CHECK((combined.cleared & 1 << field) == (last->cleared & 1 << field));
		if (field < LEAD_STRINGS && combined.given & 1 << field)
			FUZZ_CHECK(combined.strings[field].data == last->strings[field].data);
	}
}

void
fuzz_lead(const char *data, int length)
{
	const char *end = data + length;
	Jsonb	   *first = fuzz_jsonb(fuzz_next_part(&data, end));
	Jsonb	   *second = fuzz_jsonb(fuzz_next_part(&data, end));
	LeadPatch	patch;
	LeadPatch	other;

	if (first == NULL)
		return;
	check_entry(first, LEAD_CLOSED, true, false, &patch);
	check_entry(first, LEAD_CLOSED, true, true, &patch);
	check_entry(first, LEAD_OPEN, false, false, &patch);
	check_entry(first, LEAD_OPEN, true, false, &patch);
	if (second == NULL)
		return;
	check_entry(second, LEAD_OPEN, true, false, &other);
	check_combined(&patch, &other);
	check_combined(&other, &patch);
}
