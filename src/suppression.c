/*
 * suppression.c
 *		The suppression list: addresses, domains and wildcards.
 *
 * An address a@x.example.com is suppressed by the entries "a@x.example.com",
 * "x.example.com", "*.example.com" and "*.com".  These are its keys.  The
 * look-up collects the keys of all addresses, each once, and asks the table for
 * them together; a domain that a thousand addresses share costs one key.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "context.h"
#include "email.h"
#include "error.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_suppress);
PG_FUNCTION_INFO_V1(lt_unsuppress);
PG_FUNCTION_INFO_V1(lt_suppression_keys);

/* Part of an address; a wildcard "*.com" is kept as ".com", where it stands. */
typedef struct Key
{
	const char *data;
	uint32		length;
} Key;

typedef struct KeyEntry
{
	Key			key;
	uint32		hash;
	char		status;
	bool		listed;			/* the table has it */
} KeyEntry;

#define SH_PREFIX keyset
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE Key
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).data, (key).length)
#define SH_EQUAL(table, a, b) \
	((a).length == (b).length && memcmp((a).data, (b).data, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Fewer keys are looked up for less than it takes to try to read the list. */
#define WHOLE_LIST_MIN 100

static Statement find_entries = STATEMENT(
	"SELECT s.entry"
	" FROM unnest($2) AS k (entry)"
	" CROSS JOIN LATERAL ("
	" SELECT s.entry FROM leadterra.suppressions s"
	" WHERE s.workspace_id = $1 AND s.entry = k.entry"
	" OFFSET 0) s",
	SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

static Statement read_list = STATEMENT(
	"SELECT entry FROM leadterra.suppressions"
	" WHERE workspace_id = $1"
	" LIMIT $2",
	SPI_OK_SELECT, UUIDOID, INT8OID);

/* In the order of their keys, so that two calls cannot deadlock. */
static Statement insert_entries = STATEMENT(
	"INSERT INTO leadterra.suppressions (workspace_id, entry, reason)"
	" SELECT DISTINCT $1, u.entry COLLATE \"C\", $3"
	" FROM unnest($2) AS u (entry)"
	" ORDER BY 2"
	" ON CONFLICT (workspace_id, entry) DO NOTHING",
	SPI_OK_INSERT, UUIDOID, TEXTARRAYOID, TEXTOID);

static Statement delete_entries = STATEMENT(
	"WITH doomed AS ("
	" SELECT entry FROM leadterra.suppressions"
	" WHERE workspace_id = $1 AND entry = ANY ($2)"
	" ORDER BY entry"
	" FOR UPDATE)"
	" DELETE FROM leadterra.suppressions s"
	" USING doomed d"
	" WHERE s.workspace_id = $1 AND s.entry = d.entry",
	SPI_OK_DELETE, UUIDOID, TEXTARRAYOID);

/*
 * Steps through the keys of a normalized address, the most specific first: the
 * address, its domain, the wildcards over it.  key->data is NULL at the start.
 */
static bool
next_key(const char *email, uint32 length, Key *key)
{
	const char *end = email + length;

	if (key->data == NULL)
		key->data = email;
	else if (key->data == email)
	{
		key->data = memchr(email, '@', length);
		/* What somebody wrote into the table of leads by hand may have none. */
		if (key->data)
			key->data++;
	}
	else
		key->data = memchr(key->data + 1, '.', end - key->data - 1);

	if (key->data == NULL)
		return false;
	key->length = end - key->data;
	return true;
}

/* Returns a key as the entry that the table would have. */
static Datum
key_entry(const Key *key)
{
	bool		wildcard = key->data[0] == '.';
	text	   *entry = palloc(VARHDRSZ + wildcard + key->length);

	SET_VARSIZE(entry, VARHDRSZ + wildcard + key->length);
	if (wildcard)
		*VARDATA(entry) = '*';
	memcpy(VARDATA(entry) + wildcard, key->data, key->length);
	return PointerGetDatum(entry);
}

/* Collects the keys of addresses, each once. */
static keyset_hash *
collect_keys(const SuppressionCheck *checks, int count)
{
	keyset_hash *keys = keyset_create(CurrentMemoryContext, count * 3, NULL);

	for (int i = 0; i < count; i++)
	{
		Key			key = {NULL, 0};
		bool		found = false;

		/* Where a wildcard is known, so are those less specific. */
		while (!(found && key.data[0] == '.') && next_key(checks[i].email, checks[i].length, &key))
			keyset_insert(keys, key, &found)->listed = false;
	}
	return keys;
}

/* Marks the keys that are among the entries found; returns how many. */
static int
mark_found(keyset_hash *keys, uint64 nfound)
{
	int			nlisted = 0;

	for (uint64 i = 0; i < nfound; i++)
	{
		bool		isnull;
		text	   *found = DatumGetTextPP(statement_value(i, 1, &isnull));
		Key			key = {VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found)};
		KeyEntry   *entry;

		/* An address may start with a star too. */
		if (key.data[0] == '*' && memchr(key.data, '@', key.length) == NULL)
		{
			key.data++;
			key.length--;
		}
		entry = keyset_lookup(keys, key);
		if (entry)
		{
			entry->listed = true;
			nlisted++;
		}
	}
	SPI_freetuptable(SPI_tuptable);
	return nlisted;
}

/* Looks each key up in the table, and marks those that it has. */
static int
look_up_keys(Datum workspace, keyset_hash *keys)
{
	Datum	   *entries = palloc(sizeof(Datum) * keys->members);
	int			nentries = 0;
	keyset_iterator iterator;
	KeyEntry   *entry;
	Datum		values[2] = {workspace};
	bool		isnull;

	keyset_start_iterate(keys, &iterator);
	while ((entry = keyset_iterate(keys, &iterator)) != NULL)
		entries[nentries++] = key_entry(&entry->key);
	values[1] = statement_array(entries, NULL, nentries, TEXTOID, &isnull);
	return mark_found(keys, statement_execute(&find_entries, values, NULL));
}

/*
 * Marks the keys that the table has; returns how many.  Where there are many
 * keys, a list that is not longer is read instead: that takes one search of the
 * index and not one a key.
 */
static int
mark_listed(Datum workspace, keyset_hash *keys)
{
	Datum		values[] = {workspace, Int64GetDatum(keys->members + 1)};
	uint64		nread;

	if (keys->members < WHOLE_LIST_MIN)
		return look_up_keys(workspace, keys);
	nread = statement_execute(&read_list, values, NULL);
	if (nread <= keys->members)
		return mark_found(keys, nread);
	SPI_freetuptable(SPI_tuptable);
	return look_up_keys(workspace, keys);
}

/*
 * Says of each of count normalized addresses whether it is suppressed in a
 * workspace.  Runs in SPI; takes two statements at most, whatever the count.
 */
void
suppression_check(Datum workspace, SuppressionCheck *checks, int count)
{
	keyset_hash *keys;

	if (count == 0)
		return;
	keys = collect_keys(checks, count);
	if (mark_listed(workspace, keys) > 0)
	{
		for (int i = 0; i < count; i++)
		{
			Key			key = {NULL, 0};

			while (!checks[i].suppressed && next_key(checks[i].email, checks[i].length, &key))
				checks[i].suppressed = keyset_lookup(keys, key)->listed;
		}
	}
	keyset_destroy(keys);
}

/*
 * Normalizes an entry given by a caller and checks it: an address, a domain of
 * at least two labels, or "*." and a domain of at least one.
 */
static EmailStatus
parse_entry(text *given, text **entry)
{
	char	   *data;
	size_t		length;

	*entry = palloc(VARHDRSZ + VARSIZE_ANY_EXHDR(given));
	data = VARDATA(*entry);
	length = email_normalize(data, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	SET_VARSIZE(*entry, VARHDRSZ + length);

	if (length == 0)
		return EMAIL_EMPTY;
	if (memchr(data, '@', length))
		return email_check(data, length);
	if (length > 2 && data[0] == '*' && data[1] == '.')
		return email_check_domain(data + 2, length - 2, 1);
	return email_check_domain(data, length, 2);
}

/*
 * Normalizes the entries of an array argument.  With a list, invalid ones are
 * added to it; without, they are left as they are, for they match nothing.
 */
static Datum
parse_entries(ArrayType *given, int *count, ErrorList *errors)
{
	Datum	   *elements;
	bool	   *nulls;
	int			nelements;
	bool		isnull;

	error_limit_entries("emails", ArrayGetNItems(ARR_NDIM(given), ARR_DIMS(given)));
	deconstruct_array(given, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &nelements);
	*count = 0;
	for (int i = 0; i < nelements; i++)
	{
		text	   *entry = NULL;
		EmailStatus status = EMAIL_EMPTY;

		CHECK_FOR_INTERRUPTS();
		if (!nulls[i])
			status = parse_entry(DatumGetTextPP(elements[i]), &entry);
		if (status != EMAIL_OK && errors)
			error_list_add(errors, i, NULL, email_status_code(status), email_status_message(status));
		if (entry)
			elements[(*count)++] = PointerGetDatum(entry);
	}
	return statement_array(elements, NULL, *count, TEXTOID, &isnull);
}

/* Puts a normalized address on the list of a workspace, unless it is there.  Runs in SPI. */
void
suppression_add(Datum workspace, const char *email, int length, const char *reason)
{
	Datum		entry = PointerGetDatum(cstring_to_text_with_len(email, length));
	bool		isnull;
	Datum		values[] = {workspace, statement_array(&entry, NULL, 1, TEXTOID, &isnull),
	CStringGetTextDatum(reason)};

	statement_execute(&insert_entries, values, NULL);
}

/* Puts entries on the list of the current workspace; returns how many are new. */
static int
suppress(Datum entries, text *reason)
{
	Datum		values[] = {context_workspace(), entries, PointerGetDatum(reason)};

	context_make_workspace();
	return (int) statement_execute(&insert_entries, values, NULL);
}

/* SQL: lt_suppress(emails, reason) */
Datum
lt_suppress(PG_FUNCTION_ARGS)
{
	ArrayType  *given;
	ErrorList	errors;
	Datum		entries;
	int			count;
	int			inserted;
	Datum		columns[3];
	bool		nulls[3] = {false};
	Datum		result;

	error_if_null(0, "emails");
	error_if_null(1, "reason");
	given = PG_GETARG_ARRAYTYPE_P(0);
	error_list_init(&errors);
	entries = parse_entries(given, &count, &errors);
	if (errors.total > 0)
		error_list_raise(ERROR_INVALID_SUPPRESSIONS, &errors,
						 "An entry is an address, a domain, or \"*.\" and a domain.",
						 "%d of %d entries to suppress are invalid", errors.total,
						 ArrayGetNItems(ARR_NDIM(given), ARR_DIMS(given)));

	statement_connect();
	inserted = count > 0 ? suppress(entries, PG_GETARG_TEXT_PP(1)) : 0;
	columns[0] = Int32GetDatum(inserted);
	columns[1] = Int32GetDatum(count - inserted);
	columns[2] = Int32GetDatum(count);
	result = statement_result(fcinfo, columns, nulls);
	statement_finish();
	PG_RETURN_DATUM(result);
}

/* SQL: lt_unsuppress(emails) */
Datum
lt_unsuppress(PG_FUNCTION_ARGS)
{
	Datum		values[2];
	int			count;
	uint64		deleted;

	error_if_null(0, "emails");
	values[0] = context_workspace();
	values[1] = parse_entries(PG_GETARG_ARRAYTYPE_P(0), &count, NULL);

	statement_connect();
	deleted = statement_execute(&delete_entries, values, NULL);
	statement_finish();
	PG_RETURN_INT32((int32) deleted);
}

/* SQL: leadterra.suppression_keys(email) */
Datum
lt_suppression_keys(PG_FUNCTION_ARGS)
{
	text	   *given;
	size_t		length;
	char	   *email;
	EmailStatus status;
	Datum	   *entries;
	int			count = 0;
	Key			key = {NULL, 0};
	bool		isnull;

	error_if_null(0, "email");
	given = PG_GETARG_TEXT_PP(0);
	email = palloc(VARSIZE_ANY_EXHDR(given) + 1);
	length = email_normalize(email, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
	status = email_check(email, length);
	if (status != EMAIL_OK)
		error_raise(ERROR_INVALID_EMAIL, "invalid e-mail address: %s",
					email_status_message(status));

	/* One key more than labels, and a label has at least one octet and a dot. */
	entries = palloc(sizeof(Datum) * EMAIL_MAX_LENGTH);
	while (next_key(email, length, &key))
		entries[count++] = key_entry(&key);
	return statement_array(entries, NULL, count, TEXTOID, &isnull);
}
