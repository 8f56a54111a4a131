/*
 * lead_patch.c
 *		What is to be changed in a lead: combining patches, comparing them with rows,
 *		and merging custom fields.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/jsonb.h"

#include "compat.h"
#include "error.h"
#include "lead_patch.h"

PG_FUNCTION_INFO_V1(lt_merge_custom);

/* An object of no more than this has a text below the limit, whatever is in it. */
#define CUSTOM_SAFE (4 * 1024 * 1024)

#define BIT(field) ((LeadFieldSet) 1 << (field))

/* Says whether a patch says something of a field. */
bool
lead_is_given(const LeadPatch *patch, LeadField field)
{
	return patch->given & BIT(field);
}

/* Says whether a patch gives a field a value. */
bool
lead_has_value(const LeadPatch *patch, LeadField field)
{
	return patch->given & ~patch->cleared & BIT(field);
}

/* Lets a patch give a field the value that the caller puts in. */
LeadValue *
lead_give(LeadPatch *patch, LeadField field)
{
	patch->given |= BIT(field);
	patch->cleared &= ~BIT(field);
	return &patch->values[field];
}

/* Lets a patch set a field to null. */
void
lead_clear(LeadPatch *patch, LeadField field)
{
	patch->given |= BIT(field);
	patch->cleared |= BIT(field);
}

/* Lets a patch that does not give a field fill it, where it is null. */
LeadValue *
lead_fill(LeadPatch *patch, LeadField field)
{
	Assert(!lead_is_given(patch, field));
	patch->filled |= BIT(field);
	return &patch->values[field];
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
int
lead_sort_custom(JsonbPair *custom, int count)
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

/*
 * Combines patches of one lead as they were read, in order, into one that does what
 * they do one after the other.
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

		Assert(patch->filled == 0);
		combined->cleared = (combined->cleared & ~patch->given) | patch->cleared;
		combined->given |= patch->given;
		for (int field = 0; field < LEAD_CUSTOM; field++)
		{
			if (lead_has_value(patch, field))
				combined->values[field] = patch->values[field];
		}
		for (int j = 0; j < patch->ncustom; j++)
		{
			combined->custom[combined->ncustom] = patch->custom[j];
			combined->custom[combined->ncustom].order = combined->ncustom;
			combined->ncustom++;
		}
	}
	combined->ncustom = lead_sort_custom(combined->custom, combined->ncustom);
}

/* Says whether a patch changes a standard field, given its value. */
static bool
field_differs(const LeadPatch *patch, LeadField field, Datum value, bool isnull)
{
	bool		cleared = patch->cleared & BIT(field);

	if (!lead_is_given(patch, field))
		return isnull && patch->filled & BIT(field);
	if (cleared || isnull)
		return cleared != isnull;
	return !lead_fields[field].type->equals(&patch->values[field], value);
}

/* Says whether a patch changes the custom fields. */
static bool
custom_differs(const LeadPatch *patch, Datum custom)
{
	Jsonb	   *old;
	bool		differs = false;

	if (patch->ncustom == 0)
		return false;

	old = DatumGetJsonbP(custom);
	differs = !JsonContainerIsObject(&old->root);
	for (int i = 0; i < patch->ncustom && !differs; i++)
	{
		const JsonbPair *pair = &patch->custom[i];
		JsonbValue	value;
		bool		has = getKeyJsonValueFromContainer(&old->root, pair->key.val.string.val,
													   pair->key.val.string.len, &value);

		if (pair->value.type == jbvNull)
			differs = has;
		else
			differs = !has || !json_values_equal(&pair->value, &value);
	}
	/* It was copied if it was compressed or elsewhere. */
	if (old != (Jsonb *) DatumGetPointer(custom))
		pfree(old);
	return differs;
}

/* Says whether a patch changes anything in a row, given its LEAD_COLUMNS. */
bool
lead_differs(const LeadPatch *patch, const Datum *values, const bool *nulls)
{
	for (int i = 0; i < LEAD_CUSTOM; i++)
	{
		if (field_differs(patch, i, values[i], nulls[i]))
			return true;
	}
	return custom_differs(patch, values[LEAD_CUSTOM]);
}

/* Adds a pair to an object that is built. */
static void
push_pair(JsonbParseState **state, JsonbValue *key, JsonbValue *value)
{
	pushJsonbValue(state, WJB_KEY, key);
	pushJsonbValue(state, WJB_VALUE, value);
}

/* Holds the custom fields that a lead shall have to their limit. */
static Jsonb *
limit_custom(Jsonb *custom)
{
	JsonbValue	value;
	Size		size = 0;

	JsonbToJsonbValue(custom, &value);
	if (VARSIZE(custom) > CUSTOM_SAFE && (!json_text_size(&value, &size) || size > LEAD_CUSTOM_MAX))
		error_raise(ERROR_INVALID_REQUEST, "custom fields of a lead take more than 256 MB as text");
	return custom;
}

/* Makes an object of the custom fields of a patch, with or without nulls. */
static Jsonb *
custom_object(const LeadPatch *patch, bool with_nulls)
{
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < patch->ncustom; i++)
	{
		JsonbPair  *pair = &patch->custom[i];

		if (with_nulls || pair->value.type != jbvNull)
			push_pair(&state, &pair->key, &pair->value);
	}
	return limit_custom(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}

/*
 * Makes LEAD_COLUMNS of a patch: null where it has no value.  Custom fields are an
 * object, with or without null for each that is to be removed.
 */
void
lead_columns(const LeadPatch *patch, bool with_nulls, Datum *values, bool *nulls)
{
	for (int field = 0; field < LEAD_CUSTOM; field++)
	{
		nulls[field] = !(((patch->given & ~patch->cleared) | patch->filled) & BIT(field));
		if (!nulls[field])
			values[field] = lead_fields[field].type->to_column(&patch->values[field]);
	}
	nulls[LEAD_CUSTOM] = patch->ncustom == 0;
	if (!nulls[LEAD_CUSTOM])
		values[LEAD_CUSTOM] = JsonbPGetDatum(custom_object(patch, with_nulls));
}

/*
 * SQL: leadterra.merge_custom(custom, patch)
 *
 * Merges as RFC 7396 says, at the top level alone, reading both objects in the
 * order of their keys.
 */
Datum
lt_merge_custom(PG_FUNCTION_ARGS)
{
	JsonbIterator *olds = json_iterate(&PG_GETARG_JSONB_P(0)->root);
	JsonbIterator *news = json_iterate(&PG_GETARG_JSONB_P(1)->root);
	JsonbValue	old_key;
	JsonbValue	old_value;
	JsonbValue	new_key;
	JsonbValue	new_value;
	bool		has_old = json_next_pair(&olds, &old_key, &old_value);
	bool		has_new = json_next_pair(&news, &new_key, &new_value);
	JsonbParseState *state = NULL;

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (has_old || has_new)
	{
		int			order = !has_new ? -1 : !has_old ? 1 : json_compare_keys(&old_key, &new_key);

		if (order < 0)
			push_pair(&state, &old_key, &old_value);
		else if (new_value.type != jbvNull)
			push_pair(&state, &new_key, &new_value);

		if (order <= 0)
			has_old = json_next_pair(&olds, &old_key, &old_value);
		if (order >= 0)
			has_new = json_next_pair(&news, &new_key, &new_value);
	}
	PG_RETURN_JSONB_P(limit_custom(JsonbValueToJsonb(pushJsonbValue(&state,
																	WJB_END_OBJECT, NULL))));
}
