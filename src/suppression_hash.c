/*
 * suppression_hash.c
 *		Addresses that are kept as keyed hashes.
 *
 * An address that was forgotten, or that somebody opted out of whose address is not
 * known any more, stands in the default list as "hmac:" and the first 16 bytes of an
 * HMAC-SHA256 in hex.  The key is the workspace's own and never changes.  Half of the hash is
 * what RFC 2104 asks for at least, and fits a link: without the key nobody finds an
 * address that has a given hash, and of a billion addresses two have one hash with a chance
 * of less than one in 10^20.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "compat.h"
#include "digest.h"
#include "statement.h"
#include "suppression.h"

PG_FUNCTION_INFO_V1(lt_hash_address);

static Statement find_key = STATEMENT(
	"SELECT address_key FROM leadterra.address_keys"
	" WHERE workspace_id = $1",
	SPI_OK_SELECT, UUIDOID);

static Statement ensure_key = STATEMENT(
	"INSERT INTO leadterra.address_keys (workspace_id)"
	" VALUES ($1)"
	" ON CONFLICT DO NOTHING",
	SPI_OK_INSERT, UUIDOID);

static bytea *
copy_key(uint64 found)
{
	bool		isnull;

	return found == 0 ? NULL : DatumGetByteaPCopy(statement_value(0, 1, &isnull));
}

/* Reads the key of the workspace's hashes; NULL: it has none.  Runs in SPI. */
bytea *
suppression_find_key(Datum workspace)
{
	return copy_key(statement_execute(&find_key, &workspace, NULL));
}

/* The same under the caller's snapshot. */
bytea *
suppression_read_key(Datum workspace)
{
	return copy_key(statement_read(&find_key, &workspace));
}

/* The same for who is about to hash: of two that come first one makes the key.  Runs in SPI. */
bytea *
suppression_ensure_key(Datum workspace)
{
	bytea	   *key = suppression_find_key(workspace);

	if (key)
		return key;
	statement_execute(&ensure_key, &workspace, NULL);
	key = suppression_find_key(workspace);
	if (key == NULL)
		elog(ERROR, "a workspace has no key for addresses");
	return key;
}

/* Hashes a normalized address. */
void
suppression_hash(const bytea *key, const char *email, int length,
				 uint8 hash[SUPPRESSION_HASH_LENGTH])
{
	uint8		digest[PG_SHA256_DIGEST_LENGTH];

	digest_hmac(VARDATA_ANY(key), VARSIZE_ANY_EXHDR(key), email, length, digest);
	memcpy(hash, digest, SUPPRESSION_HASH_LENGTH);
}

/* Makes the entry that stands for the addresses with a hash. */
Datum
suppression_hash_entry(const uint8 hash[SUPPRESSION_HASH_LENGTH])
{
	const int	prefix = strlen(SUPPRESSION_HASHED);
	const int	length = prefix + 2 * SUPPRESSION_HASH_LENGTH;
	text	   *entry = palloc(VARHDRSZ + length);

	SET_VARSIZE(entry, VARHDRSZ + length);
	memcpy(VARDATA(entry), SUPPRESSION_HASHED, prefix);
	hex_encode((const char *) hash, SUPPRESSION_HASH_LENGTH, VARDATA(entry) + prefix);
	return PointerGetDatum(entry);
}

/* Makes the entry that stands for a normalized address. */
Datum
suppression_hashed_entry(const bytea *key, const char *email, int length)
{
	uint8		hash[SUPPRESSION_HASH_LENGTH];

	suppression_hash(key, email, length, hash);
	return suppression_hash_entry(hash);
}

/* SQL: leadterra.hash_address(workspace, address) */
Datum
lt_hash_address(PG_FUNCTION_ARGS)
{
	MemoryContext caller_context = CurrentMemoryContext;
	text	   *email = PG_GETARG_TEXT_PP(1);
	bytea	   *key;
	Datum		entry;

	statement_connect();
	key = suppression_ensure_key(PG_GETARG_DATUM(0));
	MemoryContextSwitchTo(caller_context);
	entry = suppression_hashed_entry(key, VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email));
	statement_finish();
	PG_RETURN_DATUM(entry);
}
