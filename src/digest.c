/*
 * digest.c
 *		Random bytes and keyed hashes.
 */
#include "postgres.h"

#include "common/hmac.h"

#include "digest.h"

/* Fills a buffer with random bytes that nobody can foretell. */
void
digest_random(void *buffer, Size length)
{
	if (!pg_strong_random(buffer, length))
		ereport(ERROR,
				(errcode(ERRCODE_SYSTEM_ERROR),
				 errmsg("could not generate random bytes")));
}

/* Computes the HMAC-SHA256 of data under a key (RFC 2104). */
void
digest_hmac(const void *key, Size key_length, const void *data, Size length,
			uint8 digest[PG_SHA256_DIGEST_LENGTH])
{
	pg_hmac_ctx *context = pg_hmac_create(PG_SHA256);

	if (context == NULL ||
		pg_hmac_init(context, key, key_length) < 0 ||
		pg_hmac_update(context, data, length) < 0 ||
		pg_hmac_final(context, digest, PG_SHA256_DIGEST_LENGTH) < 0)
		elog(ERROR, "could not compute HMAC: %s", pg_hmac_error(context));
	pg_hmac_free(context);
}
