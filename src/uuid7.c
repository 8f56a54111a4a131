/*
 * uuid7.c
 *		UUIDs of version 7 (RFC 9562, section 5.7).
 *
 * 48 bits of milliseconds and 12 bits of the fraction of the millisecond
 * (section 6.2, method 3) make one counter of ticks of 244 ns.  It rises with
 * every value that a backend makes, by at least one, so that values are
 * monotonic in a backend whatever the clock does.  62 random bits follow.
 */
#include "postgres.h"

#include <time.h>

#include "fmgr.h"
#include "utils/timestamp.h"

#include "digest.h"
#include "uuid7.h"

PG_FUNCTION_INFO_V1(lt_uuidv7);
PG_FUNCTION_INFO_V1(lt_uuid7_time);

#define RANDOM_BYTES 8

/* Returns 8 random bytes; one call of the generator serves 128 values. */
static const uint8 *
random_bytes(void)
{
	static uint8 pool[128 * RANDOM_BYTES];
	static int	used = sizeof(pool);

	if (used == sizeof(pool))
	{
		digest_random(pool, sizeof(pool));
		used = 0;
	}
	used += RANDOM_BYTES;
	return pool + used - RANDOM_BYTES;
}

/* Returns the next tick: the clock's, or one more than the last. */
static uint64
next_tick(void)
{
	static uint64 last = 0;
	struct timespec now;
	uint64		tick;

	clock_gettime(CLOCK_REALTIME, &now);
	tick = ((uint64) now.tv_sec * 1000 + now.tv_nsec / 1000000) << 12;
	tick |= ((uint64) (now.tv_nsec % 1000000) << 12) / 1000000;
	last = tick > last ? tick : last + 1;
	return last;
}

/* Makes a UUID. */
void
uuid7_generate(pg_uuid_t *uuid)
{
	uint64		tick = next_tick();

	for (int i = 0; i < 6; i++)
		uuid->data[i] = tick >> (52 - 8 * i);
	uuid->data[6] = 0x70 | ((tick >> 8) & 0x0f);
	uuid->data[7] = tick & 0xff;
	memcpy(uuid->data + 8, random_bytes(), RANDOM_BYTES);
	uuid->data[8] = 0x80 | (uuid->data[8] & 0x3f);
}

/* Orders UUIDs as SQL does: those that were made here by time. */
int
uuid7_compare(const void *left, const void *right)
{
	return memcmp(left, right, UUID_LEN);
}

/* SQL: lt_uuidv7() */
Datum
lt_uuidv7(PG_FUNCTION_ARGS)
{
	pg_uuid_t  *uuid = palloc(sizeof(pg_uuid_t));

	uuid7_generate(uuid);
	PG_RETURN_UUID_P(uuid);
}

/* SQL: leadterra.uuid7_time(id) */
Datum
lt_uuid7_time(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *id = PG_GETARG_UUID_P(0);
	int64		milliseconds = 0;

	for (int i = 0; i < 6; i++)
		milliseconds = milliseconds << 8 | id->data[i];
	PG_RETURN_TIMESTAMPTZ(milliseconds * 1000 -
						  (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
}
