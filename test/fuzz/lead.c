/*
 * lead.c
 *		Fuzz target: reading lead objects.
 *
 * An input is one JSON text, or two, which are read as leads in each format and
 * combined.
 */
#include "postgres.h"

#include "catalog/pg_type.h"

#include "email.h"
#include "fuzz.h"
#include "lead_read.h"

/* Custom fields are sorted, each key once. */
static void
check_custom(const LeadPatch *patch)
{
	FUZZ_CHECK(patch->ncustom >= 0);
	for (int i = 1; i < patch->ncustom; i++)
		FUZZ_CHECK(json_compare_keys(&patch->custom[i - 1].key, &patch->custom[i].key) < 0);
}

/*
 * What is read of one lead; the strings of it lie in the jsonb, but those that were made
 * of cells.  Returns whether it is valid.
 */
static bool
check_entry(Jsonb *jsonb, LeadFormat format, bool has_email, bool email_optional,
			LeadPatch *patch)
{
	const char *start = (const char *) jsonb;
	const char *end = start + VARSIZE(jsonb);
	ErrorList	errors;
	LeadReader	reader = {
		.format = format, .repair = format == LEAD_ROW, .errors = &errors, .email_optional = email_optional
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
	FUZZ_CHECK(valid ? reader.code == NULL && reader.field == NULL : reader.code != NULL || format == LEAD_CLOSED);
	detail = error_list_detail(ERROR_INVALID_LEADS, &errors);
	FUZZ_CHECK(fuzz_jsonb((LeadString) {detail, strlen(detail)}) != NULL);

	FUZZ_CHECK((patch->cleared & ~patch->given) == 0 && (patch->filled & patch->given) == 0);
	check_custom(patch);
	for (int field = 0; field < LEAD_CUSTOM; field++)
	{
		const LeadString *string = &patch->values[field].string;

		if (format != LEAD_ROW && valid && lead_fields[field].type->column_type == TEXTOID && lead_has_value(patch, field))
			FUZZ_CHECK(string->data >= start && string->length >= 0 && string->data + string->length <= end);
	}
	if (valid && email.data != NULL)
		FUZZ_CHECK(email_check(email.data, email.length) == EMAIL_OK);
	else if (valid)
		FUZZ_CHECK(!has_email || email_optional);
	return valid;
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
		const LeadPatch *last = lead_is_given(second, field) ? second : first;
		const LeadType *type = lead_fields[field].type;

		FUZZ_CHECK(lead_has_value(&combined, field) == lead_has_value(last, field));
		if (lead_has_value(last, field))
			FUZZ_CHECK(type->equals(&combined.values[field], type->to_column(&last->values[field])));
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
	bool		valid;

	if (first == NULL)
		return;
	check_entry(first, LEAD_CLOSED, true, false, &patch);
	check_entry(first, LEAD_CLOSED, true, true, &patch);
	check_entry(first, LEAD_OPEN, false, false, &patch);
	/* What a call takes, an import takes. */
	valid = check_entry(first, LEAD_OPEN, true, false, &patch);
	FUZZ_CHECK(check_entry(first, LEAD_ROW, true, false, &other) || !valid);
	valid = check_entry(first, LEAD_OPEN, true, false, &patch);
	if (second == NULL || !check_entry(second, LEAD_OPEN, true, false, &other) || !valid)
		return;
	check_combined(&patch, &other);
	check_combined(&other, &patch);
}
