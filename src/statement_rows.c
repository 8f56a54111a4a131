/*
 * statement_rows.c
 *		Reading many rows, of which few are in memory at a time.
 */
#include "postgres.h"

#include "access/htup_details.h"

#include "compat.h"
#include "statement.h"

/* Rows that are fetched at a time. */
#define FETCHED 1000

/* Starts a SELECT under the caller's snapshot; statement_read_next() reads and ends it. */
void
statement_begin_read(StatementRows *rows, Statement *statement, const Datum *values)
{
	*rows = (StatementRows) {.portal = statement_open_read(statement, values)};
}

/*
 * Reads the next row, whose values stay until the one after it is read; false if there
 * is none.  Other statements may run meanwhile.  Runs in SPI.
 */
bool
statement_read_next(StatementRows *rows, Datum *values, bool *nulls)
{
	if (rows->next == rows->count)
	{
		if (rows->fetched)
			SPI_freetuptable(rows->fetched);
		rows->count = statement_fetch(rows->portal, FETCHED);
		rows->fetched = SPI_tuptable;
		rows->next = 0;
	}
	if (rows->count == 0)
	{
		SPI_freetuptable(rows->fetched);
		SPI_cursor_close(rows->portal);
		return false;
	}
	heap_deform_tuple(rows->fetched->vals[rows->next++], rows->fetched->tupdesc, values, nulls);
	return true;
}
