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
#include "lead_cell.h"
#include "lead_read.h"

/* Lists a failure of the entry that is read. */
static void
fail(LeadReader *reader, const char *field, const char *code, const char *message)
{
	error_list_add(reader->errors, reader->index, field, code, message);
	if (reader->reason)
		return;
	reader->reason = field && strcmp(field, "email") == 0 ? "invalid_email" : code;
	reader->field = field ? error_field(field) : NULL;
	reader->code = code;
}

/* Returns the name that a format has for a standard field. */
static const char *
field_name(LeadFormat format, LeadField field)
{
	return format == LEAD_CLOSED ? lead_fields[field].alias.data : lead_fields[field].name.data;
}

static bool
key_is(const JsonbValue *key, const char *name)
{
	return lead_name_is(key->val.string.val, key->val.string.len, name);
}

/*
 * Returns the standard field that a key is in a format, LEAD_CUSTOM if none.  A
 * closed lead has one name for each field.
 */
static LeadField
find_key(LeadFormat format, const JsonbValue *key, bool *is_alias)
{
	LeadField	field = lead_find_field(key->val.string.val, key->val.string.len, is_alias);

	if (format == LEAD_CLOSED && field != LEAD_CUSTOM &&
		(lead_fields[field].closed_use == LEAD_ABSENT || !key_is(key, field_name(format, field))))
		return LEAD_CUSTOM;
	return field;
}

/* Reads the value of a standard field into a patch. */
static void
read_field(LeadReader *reader, LeadField field, const JsonbValue *value, LeadPatch *patch)
{
	const LeadFieldInfo *info = &lead_fields[field];
	const char *name = field_name(reader->format, field);
	bool		nullable = !(reader->format == LEAD_CLOSED && info->closed_use == LEAD_NOT_NULL);
	JsonbValue	fitting = *value;
	JsonResult	result;

	if (value->type == jbvNull && nullable)
	{
		lead_clear(patch, field);
		return;
	}
	if (reader->format == LEAD_ROW)
		lead_fit_cell(info->type->is_number, &fitting);
	result = info->type->read(&fitting, lead_give(patch, field));
	if (result != JSON_OK)
		fail(reader, name, result == JSON_WRONG_TYPE ? "wrong_type" : "invalid_value",
			 psprintf("%s must be %s%s", name, info->type->description,
					  nullable ? " or null" : ""));
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
		fail(reader, psprintf("%s%s%.*s", member ? member : "", member ? "." : "",
							  key->val.string.len, key->val.string.val),
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
		fail(reader, member, "wrong_type",
			 psprintf("%s must be an object%s", member, closed ? "" : " or null"));
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

/* Notes why an entry is left out, which is no failure of its form. */
static void
leave_out(LeadReader *reader, const char *reason)
{
	if (reader->reason == NULL)
		reader->reason = reason;
}

/* Reads the address of an entry. */
static void
read_email(LeadReader *reader, JsonbValue *value, LeadString *email)
{
	EmailStatus status = EMAIL_EMPTY;

	if (value && reader->format == LEAD_ROW)
		lead_fit_cell(false, value);
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
	if (status == EMAIL_OK ||
		(reader->repair && email->data &&
		 lead_repair_email(value->val.string.val, value->val.string.len, email)))
		return;

	if (reader->format != LEAD_CLOSED && email->data == NULL)
		fail(reader, "email", "email_missing", "email is missing");
	else if (reader->format != LEAD_CLOSED)
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
	static const LeadField names[] = {LEAD_FIRST_NAME, LEAD_LAST_NAME};

	for (size_t i = 0; i < lengthof(names); i++)
	{
		if (lead_has_value(patch, names[i]) && !lead_is_blank(&patch->values[names[i]].string))
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
			if (!(is_alias && lead_is_given(patch, field)))
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
	reader->field = NULL;
	reader->code = NULL;
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
		fail(reader, custom_member(reader->format), "custom_too_large",
			 "custom fields take more than 256 MB as text");
	if (reader->email_optional && email->data == NULL && !has_name(patch))
		leave_out(reader, "incomplete");
	if (reader->ncustom > 0)
	{
		Size		size;

		patch->ncustom = lead_sort_custom(reader->custom, reader->ncustom);
		size = sizeof(JsonbPair) * patch->ncustom;
		patch->custom = MemoryContextAllocHuge(CurrentMemoryContext, size);
		memcpy(patch->custom, reader->custom, size);
	}
	return reader->reason == NULL;
}
