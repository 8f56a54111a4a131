/*
 * sender.c
 *		Senders: how much one may send, and what its address is.
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/array.h"

#include "compat.h"
#include "sender.h"
#include "statement.h"

static Statement find_emails = STATEMENT(
	"SELECT (SELECT s.email FROM leadterra.senders s"
	" WHERE s.workspace_id = $1 AND s.sender_id = u.sender_id)"
	" FROM unnest($2) WITH ORDINALITY AS u (sender_id, number)"
	" ORDER BY u.number",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID);

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

/*
 * Returns the addresses of senders, one each, 0 where there is no such sender; those that
 * were deleted have theirs.  Runs in SPI.
 */
Datum *
sender_find_emails(Datum workspace, const pg_uuid_t *sender_ids, int count)
{
	Datum		values[] = {workspace, statement_uuids(sender_ids, sizeof(pg_uuid_t), count)};
	Datum	   *emails = palloc(sizeof(Datum) * (count + 1));
	uint64		found = statement_read(&find_emails, values);

	for (uint64 i = 0; i < found; i++)
	{
		bool		isnull;

		emails[i] = statement_value(i, 1, &isnull);
		if (isnull)
			emails[i] = (Datum) 0;
	}
	return emails;
}
