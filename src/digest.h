/*
 * digest.h
 *		Random bytes and keyed hashes.
 */
#ifndef LEADTERRA_DIGEST_H
#define LEADTERRA_DIGEST_H

#include "common/sha2.h"

extern void digest_random(void *buffer, Size length);
extern void digest_hmac(const void *key, Size key_length, const void *data, Size length,
						uint8 digest[PG_SHA256_DIGEST_LENGTH]);

#endif							/* LEADTERRA_DIGEST_H */
