/*
 * lead_read.c
 *		Reading lead objects as callers give them.
 *
 * Nothing is copied: what is read points into the jsonb.  Every failure of an
 * entry is listed, with its field and without its value.
 */
#include "postgres.h"

#include "compat.h"
#include "email.h"
#include "lead.h"

PG_FUNCTION_INFO_V1(lt_is_verification_status);

/* Names of the standard fields, and those that the second service has for them. */
static const struct
{
	const char *name;
	const char *alias;
}			field_names[LEAD_CUSTOM] =
{
	[LEAD_FIRST_NAME] = {"firstName", "first_name"},
	[LEAD_LAST_NAME] = {"lastName", "last_name"},
	[LEAD_COMPANY] = {"company", "company_name"},
	[LEAD_JOB_TITLE] = {"jobTitle", "job_title"},
	[LEAD_PHONE] = {"phone", NULL},
	[LEAD_WEBSITE] = {"website", NULL},
	[LEAD_PERSONALIZATION] = {"personalization", NULL},
	[LEAD_VALUE] = {"leadValue", "pl_value_lead"},
	[LEAD_INTEREST_STATUS] = {"interestStatus", "lt_interest_status"},
	[LEAD_ASSIGNED_TO] = {"assignedTo", "assigned_to"},
	[LEAD_VERIFICATION_STATUS] = {"verificationStatus", "verification_status"},
};

/* Says whether a number is a verdict on an address, or that one is being waited for. */
static bool
is_verification_status(int32 status)
{
	static const int32 known[] = {1, 11, 12, -1, -2, -3, -4};

	for (size_t i = 0; i < lengthof(known); i++)
	{
		if (status == known[i])
			return true;
	}
	return false;
}

/* SQL: leadterra.is_verification_status(status) */
Datum
lt_is_verification_status(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(is_verification_status(PG_GETARG_INT32(0)));
}

/* Lists a failure of the entry that is read. */
static void
fail(LeadReader *reader, const char *field, const char *code, const char *message)
{
	error_list_add(reader->errors, reader->index, field, code, message);
	if (reader->reason == NULL)
		reader->reason = field && strcmp(field, "email") == 0 ? "invalid_email" : code;
}

/* Says whether a value has nothing to read. */
bool
lead_is_blank(const LeadString *value)
{
	for (int i = 0; i < value->length; i++)
	{
		/* The terminator of the list would match a zero byte, which no text has. */
		if (strchr(ERROR_BLANKS, value->data[i]) == NULL)
			return false;
	}
	return true;
}

/* Says whether a name that was given is another, which may be NULL. */
bool
lead_name_is(const char *given, int length, const char *name)
{
	return name && (int) strlen(name) == length && memcmp(name, given, length) == 0;
}

/* Returns the name that a format has for a standard field. */
static const char *
field_name(LeadFormat format, LeadField field)
{
	return format == LEAD_CLOSED && field_names[field].alias ? field_names[field].alias :
		field_names[field].name;
}

/* Returns the standard field that has a name, LEAD_CUSTOM if none. */
LeadField
lead_find_field(const char *name, int length, bool *is_alias)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		*is_alias = lead_name_is(name, length, field_names[i].alias);
		if (*is_alias || lead_name_is(name, length, field_names[i].name))
			return i;
	}
	return LEAD_CUSTOM;
}

static bool
key_is(const JsonbValue *key, const char *name)
{
	return lead_name_is(key->val.string.val, key->val.string.len, name);
}

/*
 * Returns the standard field that a key is in a format, LEAD_CUSTOM if none.  A
 * closed lead has one name for each field, and no verdict on its own address.
 */
static LeadField
find_key(LeadFormat format, const JsonbValue *key, bool *is_alias)
{
	LeadField	field = lead_find_field(key->val.string.val, key->val.string.len, is_alias);

	if (format == LEAD_CLOSED && field != LEAD_CUSTOM &&
		(field == LEAD_VERIFICATION_STATUS || !key_is(key, field_name(format, field))))
		return LEAD_CUSTOM;
	return field;
}

/* Reads the value of a standard field into a patch. */
static void
read_field(LeadReader *reader, LeadField field, const JsonbValue *value, LeadPatch *patch)
{
	const char *name = field_name(reader->format, field);
	const char *type = "a string";
	JsonResult	result = JSON_OK;
	/* Of the second service's fields it is the one that cannot be null. */
	bool		nullable = !(reader->format == LEAD_CLOSED && field == LEAD_INTEREST_STATUS);

	patch->given |= 1 << field;
	patch->cleared &= ~(1 << field);
	if (value->type == jbvNull && nullable)
	{
		patch->cleared |= 1 << field;
		return;
	}

	if (field == LEAD_INTEREST_STATUS)
	{
		type = "an integer of 32 bits";
		result = json_integer(value, &patch->interest_status);
	}
	else if (field == LEAD_VERIFICATION_STATUS)
	{
		type = "a verification status";
		result = json_integer(value, &patch->verification_status);
		if (result == JSON_OK && !is_verification_status(patch->verification_status))
			result = JSON_INVALID;
	}
	else if (field == LEAD_ASSIGNED_TO)
	{
		type = "a UUID";
		result = json_uuid(value, &patch->assigned_to);
	}
	else if (value->type == jbvString)
	{
		patch->strings[field].data = value->val.string.val;
		patch->strings[field].length = value->val.string.len;
	}
	else
		result = JSON_WRONG_TYPE;

	if (result != JSON_OK)
		fail(reader, name, result == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
			 psprintf("%s must be %s%s", name, type, nullable ? " or null" : ""));
}

/* Returns the name of the member that holds custom fields. */
static const char *
custom_member(LeadFormat format)
{
	return format == LEAD_CLOSED ? "custom_variables" : "customFields";
}

/* Adds a custom field, which was given at the top or under a member. */
static void
add_custom(LeadReader *reader, const char *member, const JsonbValue *key, const JsonbValue *value)
{
	JsonbPair  *pair;

	reader->custom_size += key->val.string.len;
	if (!json_text_size(value, &reader->custom_size))
		fail(reader, psprintf("%s%s%.*s", member ? member : "", member ? "." : "", key->val.string.len, key->val.string.val),
			 "number_out_of_range", "a number must be of the range of a double");
	if (reader->ncustom == reader->room)
	{
		reader->room = Max(2 * reader->room, 16);
		reader->custom = reader->custom == NULL ? palloc(sizeof(JsonbPair) * reader->room) :
			repalloc_huge(reader->custom, sizeof(JsonbPair) * reader->room);
	}
	pair = &reader->custom[reader->ncustom];
	pair->key = *key;
	pair->value = *value;
	pair->order = reader->ncustom++;
}

/* Reads the member that holds custom fields. */
static void
read_custom_fields(LeadReader *reader, JsonbContainer *object)
{
	bool		closed = reader->format == LEAD_CLOSED;
	const char *member = custom_member(reader->format);
	JsonbContainer *fields;
	JsonbIterator *iterator;
	JsonbValue	key;
	JsonbValue	value;

	if (!getKeyJsonValueFromContainer(object, member, strlen(member), &value) ||
		(value.type == jbvNull && !closed))
		return;
	fields = json_container(&value, true);
	if (fields == NULL)
	{
		fail(reader, member, "wrong_type", psprintf("%s must be an object%s", member, closed ? "" : " or null"));
		return;
	}

	iterator = json_iterate(fields);

	while (json_next_pair(&iterator, &key, &value))
	{
		bool		is_alias;
		const char *code = NULL;
		const char *problem = NULL;

		if (lead_find_field(key.val.string.val, key.val.string.len, &is_alias) != LEAD_CUSTOM ||
			key_is(&key, "email") || key_is(&key, member))
		{
			code = "reserved_field";
			problem = "must not have the name of a standard field";
		}
		else if (closed && value.type == jbvBinary)
		{
			code = "wrong_type";
			problem = "must hold strings, numbers, booleans or nulls";
		}
		if (code)
			fail(reader, psprintf("%s.%.*s", member, key.val.string.len, key.val.string.val),
				 code, psprintf("%s %s", member, problem));
		else
			add_custom(reader, member, &key, &value);
	}
}

/* Orders custom fields by key, then as they were given. */
static int
compare_custom(const void *left, const void *right)
{
	const JsonbPair *a = left;
	const JsonbPair *b = right;
	int			order = json_compare_keys(&a->key, &b->key);

	return order ? order : a->order < b->order ? -1 : a->order > b->order;
}

/* Sorts custom fields and keeps the last of each key; returns how many. */
static int
sort_custom(JsonbPair *custom, int count)
{
	int			kept = 0;

	if (count > 1)
		qsort(custom, count, sizeof(JsonbPair), compare_custom);
	for (int i = 0; i < count; i++)
	{
		if (i + 1 == count || json_compare_keys(&custom[i].key, &custom[i + 1].key) != 0)
			custom[kept++] = custom[i];
	}
	return kept;
}

/* Notes why an entry is left out, which is no failure of its form. */
static void
leave_out(LeadReader *reader, const char *reason)
{
	if (reader->reason == NULL)
		reader->reason = reason;
}

/* Reads the address of an entry. */
static void
read_email(LeadReader *reader, const JsonbValue *value, LeadString *email)
{
	EmailStatus status = EMAIL_EMPTY;

	if (value && value->type != jbvNull && value->type != jbvString)
	{
		fail(reader, "email", "wrong_type", "email must be a string");
		return;
	}
	if (value && value->type == jbvString)
	{
		*email = lead_normalize_email(value->val.string.val, value->val.string.len);
		status = email_check(email->data, email->length);
	}
	if (status == EMAIL_OK)
		return;

	if (reader->format == LEAD_OPEN && email->data == NULL)
		fail(reader, "email", "email_missing", "email is missing");
	else if (reader->format == LEAD_OPEN)
		fail(reader, "email", email_status_code(status), email_status_message(status));
	else if (status == EMAIL_EMPTY && reader->email_optional)
		*email = (LeadString) {NULL, 0};
	else
		leave_out(reader, "invalid_email");
}

/* Says whether a patch gives a name that has anything to read. */
static bool
has_name(const LeadPatch *patch)
{
	for (int field = LEAD_FIRST_NAME; field <= LEAD_LAST_NAME; field++)
	{
		if (patch->given & ~patch->cleared & (1 << field) &&
			!lead_is_blank(&patch->strings[field]))
			return true;
	}
	return false;
}

/* Reads the members of an entry but its address and customFields. */
static void
read_members(LeadReader *reader, JsonbContainer *object, bool has_email, LeadPatch *patch)
{
	JsonbIterator *iterator = json_iterate(object);
	JsonbValue	key;
	JsonbValue	value;

	while (json_next_pair(&iterator, &key, &value))
	{
		bool		is_alias;
		LeadField	field = find_key(reader->format, &key, &is_alias);

		/* jsonb has shorter keys first: a name before its alias. */
		if (field != LEAD_CUSTOM)
		{
			if (!(is_alias && patch->given & (1 << field)))
				read_field(reader, field, &value, patch);
		}
		else if (key_is(&key, "email"))
		{
			if (!has_email)
				fail(reader, "email", "reserved_field", "email of a lead cannot be changed");
		}
		else if (key_is(&key, custom_member(reader->format)))
			continue;
		else if (reader->format == LEAD_CLOSED)
			fail(reader, pnstrdup(key.val.string.val, key.val.string.len), "unknown_field",
				 "a lead has no such field");
		else
			add_custom(reader, NULL, &key, &value);
	}
}

/*
 * Reads a lead object: its address, in normal form, where the caller wants one
 * (a text that is no address is returned too), and what it changes.  Returns
 * false, with a reason, if the entry is invalid.  Failures are listed; that a
 * closed lead has no address, or none that is valid, is none.
 */
bool
lead_read_entry(LeadReader *reader, const JsonbValue *entry, LeadString *email, LeadPatch *patch)
{
	JsonbContainer *object = json_container(entry, true);
	JsonbValue	member;

	reader->reason = NULL;
	reader->ncustom = 0;
	reader->custom_size = 0;
	memset(patch, 0, sizeof(*patch));
	if (object == NULL)
	{
		fail(reader, NULL, "not_an_object", "a lead must be an object");
		return false;
	}

	if (email)
		read_email(reader, getKeyJsonValueFromContainer(object, "email", 5, &member), email);
	read_custom_fields(reader, object);
	read_members(reader, object, email != NULL, patch);
	if (reader->custom_size > LEAD_CUSTOM_MAX)
		fail(reader, custom_member(reader->format), "custom_too_large", "custom fields take more than 256 MB as text");
	if (reader->email_optional && email->data == NULL && !has_name(patch))
		leave_out(reader, "incomplete");
	if (reader->ncustom > 0)
	{
		Size		size;

		patch->ncustom = sort_custom(reader->custom, reader->ncustom);
		size = sizeof(JsonbPair) * patch->ncustom;
		patch->custom = MemoryContextAllocHuge(CurrentMemoryContext, size);
		memcpy(patch->custom, reader->custom, size);
	}
	return reader->reason == NULL;
}

/*
 * Combines patches of one lead, in order, into one that does what they do one
 * after the other.
 */
void
lead_combine(const LeadPatch *const *patches, int count, LeadPatch *combined)
{
	Size		room = 0;

	memset(combined, 0, sizeof(*combined));
	for (int i = 0; i < count; i++)
		room += patches[i]->ncustom;
	if (room > 0)
		combined->custom = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(JsonbPair) * room);

	for (int i = 0; i < count; i++)
	{
		const LeadPatch *patch = patches[i];

		combined->cleared = (combined->cleared & ~patch->given) | patch->cleared;
		combined->given |= patch->given;
		if (patch->given & (1 << LEAD_INTEREST_STATUS))
			combined->interest_status = patch->interest_status;
		if (patch->given & (1 << LEAD_ASSIGNED_TO))
			combined->assigned_to = patch->assigned_to;
		if (patch->given & (1 << LEAD_VERIFICATION_STATUS))
			combined->verification_status = patch->verification_status;
		for (int field = 0; field < LEAD_STRINGS; field++)
		{
			if (patch->given & (1 << field))
				combined->strings[field] = patch->strings[field];
		}
		for (int j = 0; j < patch->ncustom; j++)
		{
			combined->custom[combined->ncustom] = patch->custom[j];
			combined->custom[combined->ncustom].order = combined->ncustom;
			combined->ncustom++;
		}
	}
	combined->ncustom = sort_custom(combined->custom, combined->ncustom);
}
