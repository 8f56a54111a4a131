/*
 * sender.c
 *		How much a sender may send.
 */
#include "postgres.h"

#include <limits.h>

#include "sender.h"

/*
 * Returns how many messages a sender may have on a local day; -1: any number.  While it is
 * warming these are so many on the first day, and so many more on each day after it.
 */
int
sender_limit(const SenderLimit *limit, DateADT day)
{
	int64		ramp;

	if (!limit->is_warming)
		return limit->limit;
	ramp = limit->ramp_from + (int64) limit->ramp_step * Max((int64) day - limit->ramp_since, 0);
	if (limit->limit >= 0)
		ramp = Min(ramp, limit->limit);
	return Min(Max(ramp, 0), INT_MAX);
}
