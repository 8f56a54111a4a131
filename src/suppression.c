/*
 * suppression.c
 *		Who may not be mailed: looking addresses up in a block list.
 *
 * An address a@x.example.com is suppressed by the entries "a@x.example.com",
 * "x.example.com", "*.example.com" and "*.com".  These are its keys.  The
 * look-up collects the keys of all addresses, each once.  It asks the table
 * which of the domains and wildcards it has anything of, which for most is
 * nothing, and for the keys of those; each time for all of them together.
 *
 * An address that is not kept stands in the default list as a keyed hash, and
 * counts whatever list is asked.  Where there is none, no hash is computed.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "fmgr.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "compat.h"
#include "context.h"
#include "email.h"
#include "error.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_suppression_keys);
PG_FUNCTION_INFO_V1(lt_hashed_entry);

/* Part of an address; a wildcard "*.com" is kept as ".com", where it stands. */
typedef struct Key
{
	const char *data;
	uint32		length;
	bool		wildcard;
} Key;

typedef struct KeyEntry
{
	Key			key;
	uint32		hash;
	char		status;
	bool		has_entries;	/* the table may have it, or addresses at it */
	bool		listed;			/* the table has it */
} KeyEntry;

#define SH_PREFIX keyset
#define SH_ELEMENT_TYPE KeyEntry
#define SH_KEY_TYPE Key
#define SH_KEY key
#define SH_HASH_KEY(table, key) hash_bytes((const unsigned char *) (key).data, (key).length)
#define SH_EQUAL(table, a, b) \
	((a).length == (b).length && (a).wildcard == (b).wildcard && \
	 memcmp((a).data, (b).data, (a).length) == 0)
#define SH_SCOPE static inline
#define SH_STORE_HASH
#define SH_GET_HASH(table, entry) (entry)->hash
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* What a look-up finds of a list. */
typedef struct Listed
{
	bool		any;			/* any of the keys */
	bool		any_hashed;
} Listed;

/* Fewer keys are looked up for less than it takes to try to read the list. */
#define WHOLE_LIST_MIN 100

/*
 * Of the keys k, those that are entries of a list: the first entry from each on,
 * if it is that key.  By its equation alone the planner may take the other index
 * for as good, and read all of the workspace.
 */
#define AT_KEYS(blocklist) \
	" CROSS JOIN LATERAL (" \
	" SELECT s.entry FROM leadterra.suppressions s" \
	" WHERE s.workspace_id = $1 AND s.blocklist_id = " blocklist " AND s.entry >= k.entry" \
	" ORDER BY s.entry" \
	" LIMIT 1) s" \
	" WHERE s.entry = k.entry"

/* Domains and wildcards that there are entries of, by the hash of suppressions_by_domain. */
static Statement find_domains = STATEMENT(
	"SELECT d.number"
	" FROM unnest($2) WITH ORDINALITY AS d (hash, number)"
	" CROSS JOIN LATERAL ("
	" SELECT FROM leadterra.suppressions s"
	" WHERE s.workspace_id = $1 AND s.domain_hash = d.hash"
	" LIMIT 1) s",
	SPI_OK_SELECT, UUIDOID, INT8ARRAYOID);

static Statement find_entries = STATEMENT(
	"SELECT k.entry"
	" FROM unnest($3) AS k (entry)"
	AT_KEYS("$2"),
	SPI_OK_SELECT, UUIDOID, UUIDOID, TEXTARRAYOID);

/*
 * The last row, if any, is a null that says that addresses stand as hashes.  The
 * order is that of the primary key, which the planner shall take.
 */
static Statement read_list = STATEMENT(
	"(SELECT s.entry FROM leadterra.suppressions s"
	" WHERE s.workspace_id = $1 AND s.blocklist_id = $2"
	" ORDER BY s.entry"
	" LIMIT $3)"
	" UNION ALL"
	" (SELECT NULL FROM leadterra.suppressions s"
	" WHERE s.workspace_id = $1 AND s.domain_hash = $4"
	" LIMIT 1)",
	SPI_OK_SELECT, UUIDOID, UUIDOID, INT8OID, INT8OID);

static Statement find_hashed = STATEMENT(
	"SELECT k.number"
	" FROM unnest($2) WITH ORDINALITY AS k (entry, number)"
	AT_KEYS("$1"),
	SPI_OK_SELECT, UUIDOID, TEXTARRAYOID);

/*
 * Steps through the keys of a normalized address, the most specific first: the
 * address, its domain, the wildcards over it.  key->data is NULL at the start.
 * What somebody wrote into the table of leads by hand may be any text.
 */
static bool
next_key(const char *email, uint32 length, Key *key)
{
	const char *end = email + length;
	const char *found = NULL;
	bool		whole = key->data == email;

	if (key->data == NULL)
	{
		*key = (Key) {email, length, false};
		return true;
	}
	if (whole)
		found = memchr(email, '@', length);
	else if (key->length > 0)
		found = memchr(key->data + 1, '.', key->length - 1);
	if (found == NULL)
		return false;
	if (whole)
		found++;
	*key = (Key) {found, end - found, !whole};
	return true;
}

/* Returns a key as the entry that the table would have. */
static Datum
key_entry(const Key *key)
{
	text	   *entry = palloc(VARHDRSZ + key->wildcard + key->length);

	SET_VARSIZE(entry, VARHDRSZ + key->wildcard + key->length);
	if (key->wildcard)
		*VARDATA(entry) = '*';
	memcpy(VARDATA(entry) + key->wildcard, key->data, key->length);
	return PointerGetDatum(entry);
}

/* Collects the keys of addresses, each once. */
static keyset_hash *
collect_keys(const SuppressionCheck *checks, int count)
{
	keyset_hash *keys = keyset_create(CurrentMemoryContext, count * 3, NULL);

	for (int i = 0; i < count; i++)
	{
		Key			key = {NULL, 0, false};
		bool		found = false;

		/* Where a wildcard is known, so are those less specific. */
		while (!(found && key.wildcard) && next_key(checks[i].email, checks[i].length, &key))
		{
			KeyEntry   *entry = keyset_insert(keys, key, &found);

			entry->has_entries = entry->listed = false;
		}
	}
	return keys;
}

/*
 * Marks the keys that are among the entries found, and notes whether there are
 * addresses that stand as hashes; returns how many entries are of the list.
 */
static uint64
mark_found(keyset_hash *keys, uint64 nfound, Listed *listed)
{
	uint64		nentries = 0;

	for (uint64 i = 0; i < nfound; i++)
	{
		bool		isnull;
		Datum		value = statement_value(i, 1, &isnull);
		text	   *found;
		Key			key;
		KeyEntry   *entry;

		if (isnull)
		{
			listed->any_hashed = true;
			continue;
		}
		nentries++;
		found = DatumGetTextPP(value);
		key = (Key) {VARDATA_ANY(found), VARSIZE_ANY_EXHDR(found), false};
		/* An address may start with a star too. */
		if (key.length > 0 && key.data[0] == '*' && memchr(key.data, '@', key.length) == NULL)
			key = (Key) {key.data + 1, key.length - 1, true};
		entry = keyset_lookup(keys, key);
		if (entry)
			entry->listed = listed->any = true;
	}
	SPI_freetuptable(SPI_tuptable);
	return nentries;
}

static int
compare_entries(const void *left, const void *right)
{
	text	   *a = DatumGetTextPP(*(const Datum *) left);
	text	   *b = DatumGetTextPP(*(const Datum *) right);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b),
							   Min(VARSIZE_ANY_EXHDR(a), VARSIZE_ANY_EXHDR(b)));

	return order ? order : (int) VARSIZE_ANY_EXHDR(a) - (int) VARSIZE_ANY_EXHDR(b);
}

/* Returns the key that stands for the domain of a key in the index: of an address, its domain. */
static Key
domain_of(Key key)
{
	const char *at = memchr(key.data, '@', key.length);

	return at ? (Key) {at + 1, key.data + key.length - at - 1, false} : key;
}

/* Returns the hash of a domain or wildcard in the index suppressions_by_domain. */
static int64
domain_hash(Datum blocklist, const char *domain, int length)
{
	uint64		seed = hash_bytes_extended(DatumGetUUIDP(blocklist)->data, UUID_LEN, 0);

	return (int64) hash_bytes_extended((const unsigned char *) domain, length, seed);
}

/* The hash, in the index, of what stands for all addresses that are hashed. */
static int64
hashed_hash(Datum workspace)
{
	return domain_hash(workspace, SUPPRESSION_HASHED, strlen(SUPPRESSION_HASHED));
}

typedef struct Domain
{
	int64		hash;
	KeyEntry   *entry;			/* NULL: of all addresses that are hashed */
} Domain;

static int
compare_domains(const void *left, const void *right)
{
	int64		a = ((const Domain *) left)->hash;
	int64		b = ((const Domain *) right)->hash;

	return (a > b) - (a < b);
}

/* Lists the domains and wildcards among keys, in the order of the index. */
static Domain *
list_domains(Datum workspace, Datum blocklist, keyset_hash *keys, int *count)
{
	Domain	   *domains = palloc(sizeof(Domain) * (keys->members + 1));
	keyset_iterator iterator;
	KeyEntry   *entry;

	*count = 0;
	domains[(*count)++] = (Domain) {hashed_hash(workspace), NULL};
	keyset_start_iterate(keys, &iterator);
	while ((entry = keyset_iterate(keys, &iterator)) != NULL)
	{
		text	   *value;

		if (domain_of(entry->key).data != entry->key.data)
			continue;
		value = DatumGetTextPP(key_entry(&entry->key));
		domains[(*count)++] = (Domain) {
			domain_hash(blocklist, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value)), entry
		};
	}
	/* Neighbors in the index, one after the other, are found for less. */
	qsort(domains, *count, sizeof(Domain), compare_domains);
	return domains;
}

/* Marks the domains and wildcards that the list has entries of; returns whether there are any. */
static bool
find_listed_domains(Datum workspace, Datum blocklist, keyset_hash *keys, Listed *listed)
{
	int			count;
	Domain	   *domains = list_domains(workspace, blocklist, keys, &count);
	Datum	   *hashes = palloc(sizeof(Datum) * count);
	Datum		values[] = {workspace, (Datum) 0};
	bool		any = false;
	bool		isnull;
	uint64		nfound;

	for (int i = 0; i < count; i++)
		hashes[i] = Int64GetDatum(domains[i].hash);
	values[1] = statement_array(hashes, NULL, count, INT8OID, &isnull);
	nfound = statement_execute(&find_domains, values, NULL);
	for (uint64 i = 0; i < nfound; i++)
	{
		KeyEntry   *entry = domains[DatumGetInt64(statement_value(i, 1, &isnull)) - 1].entry;

		if (entry == NULL)
			listed->any_hashed = true;
		else
			any = entry->has_entries = true;
	}
	SPI_freetuptable(SPI_tuptable);
	return any;
}

/* Looks the keys up whose domains the list has entries of, and marks those that it has. */
static void
find_listed_keys(Datum workspace, Datum blocklist, keyset_hash *keys, Listed *listed)
{
	Datum	   *entries = palloc(sizeof(Datum) * keys->members);
	int			nentries = 0;
	keyset_iterator iterator;
	KeyEntry   *entry;
	Datum		values[3] = {workspace, blocklist};
	bool		isnull;

	keyset_start_iterate(keys, &iterator);
	while ((entry = keyset_iterate(keys, &iterator)) != NULL)
	{
		KeyEntry   *domain = keyset_lookup(keys, domain_of(entry->key));

		/* Of what was written by hand, with another @, not all is a key. */
		if (domain && domain->has_entries)
			entries[nentries++] = key_entry(&entry->key);
	}
	qsort(entries, nentries, sizeof(Datum), compare_entries);
	values[2] = statement_array(entries, NULL, nentries, TEXTOID, &isnull);
	mark_found(keys, statement_execute(&find_entries, values, NULL), listed);
}

/*
 * Marks the keys that the list has.  Where there are many keys, a list that is
 * not longer is read instead: that takes one search of the index and not one a
 * key.  Of a longer list nothing is marked by then that it has not.
 */
static void
mark_listed(Datum workspace, Datum blocklist, keyset_hash *keys, Listed *listed)
{
	Datum		values[] = {workspace, blocklist, Int64GetDatum(keys->members + 1),
	Int64GetDatum(hashed_hash(workspace))};

	if (keys->members >= WHOLE_LIST_MIN &&
		mark_found(keys, statement_execute(&read_list, values, NULL), listed) <= keys->members)
		return;
	if (find_listed_domains(workspace, blocklist, keys, listed))
		find_listed_keys(workspace, blocklist, keys, listed);
}

/* Marks addresses whose hashes are entries. */
static void
check_hashed(Datum workspace, SuppressionCheck *checks, int count)
{
	bytea	   *key = suppression_find_key(workspace);
	Datum	   *entries = palloc(sizeof(Datum) * count);
	Datum		values[2] = {workspace};
	uint64		nfound;
	bool		isnull;

	if (key == NULL)
		return;
	for (int i = 0; i < count; i++)
		entries[i] = suppression_hashed_entry(key, checks[i].email, checks[i].length);
	values[1] = statement_array(entries, NULL, count, TEXTOID, &isnull);
	nfound = statement_execute(&find_hashed, values, NULL);
	for (uint64 i = 0; i < nfound; i++)
		checks[DatumGetInt64(statement_value(i, 1, &isnull)) - 1].suppressed = true;
	SPI_freetuptable(SPI_tuptable);
}

/*
 * Says of each of count normalized addresses whether a block list of a workspace
 * has it, or its hash.  Runs in SPI; takes three statements at most, and two more
 * where addresses stand as hashes, whatever the count.
 */
void
suppression_check(Datum workspace, Datum blocklist, SuppressionCheck *checks, int count)
{
	keyset_hash *keys;
	Listed		listed = {false, false};

	if (count == 0)
		return;
	keys = collect_keys(checks, count);
	mark_listed(workspace, blocklist, keys, &listed);
	for (int i = 0; listed.any && i < count; i++)
	{
		Key			key = {NULL, 0, false};

		while (!checks[i].suppressed && next_key(checks[i].email, checks[i].length, &key))
			checks[i].suppressed = keyset_lookup(keys, key)->listed;
	}
	keyset_destroy(keys);
	if (listed.any_hashed)
		check_hashed(workspace, checks, count);
}

/* Returns the argument "email", the first, in normal form; raises PT400 if it is no address. */
text *
suppression_email_argument(FunctionCallInfo fcinfo)
{
	text	   *given;
	char	   *email;
	size_t		length;
	EmailStatus status;

	error_if_null(0, "email");
	given = PG_GETARG_TEXT_PP(0);
	email = email_normalize(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &length);
	status = email_check(email, length);
	if (status != EMAIL_OK)
		error_raise(ERROR_INVALID_EMAIL, "invalid e-mail address: %s",
					email_status_message(status));
	return cstring_to_text_with_len(email, length);
}

/* SQL: leadterra.suppression_keys(email) */
Datum
lt_suppression_keys(PG_FUNCTION_ARGS)
{
	text	   *email = suppression_email_argument(fcinfo);
	Datum	   *entries;
	int			count = 0;
	Key			key = {NULL, 0, false};
	bool		isnull;

	/* One key more than labels, and a label has at least one octet and a dot. */
	entries = palloc(sizeof(Datum) * EMAIL_MAX_LENGTH);
	while (next_key(VARDATA(email), VARSIZE(email) - VARHDRSZ, &key))
		entries[count++] = key_entry(&key);
	return statement_array(entries, NULL, count, TEXTOID, &isnull);
}

/* SQL: leadterra.hashed_entry(email) */
Datum
lt_hashed_entry(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	text	   *email = suppression_email_argument(fcinfo);
	Datum		workspace = context_workspace();
	bytea	   *key;
	Datum		entry = (Datum) 0;

	statement_connect();
	key = suppression_read_key(workspace);
	if (key)
	{
		MemoryContextSwitchTo(caller_context);
		entry = suppression_hashed_entry(key, VARDATA(email), VARSIZE(email) - VARHDRSZ);
	}
	statement_finish();
	if (entry == (Datum) 0)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(entry);
}
