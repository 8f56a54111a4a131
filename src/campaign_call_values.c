/*
 * campaign_call_values.c
 *		How many leads of a campaign have no value for a token.
 *
 * One pass over the leads answers it for all tokens, by what decides in a message.
 * Enrollments and leads are both read in the order of their ids.  Where the leads of
 * a page of enrollments lie close together, as those of an import do, they are read
 * as one range of the index, which is a sixtieth of the pages that looking each of
 * them up reads.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "campaign_call.h"
#include "compat.h"
#include "statement.h"

/* Enrollments of a page. */
#define PAGE_MAX 1000

/* Columns of find_range and find_leads. */
enum
{
	VALUE_LEAD_ID,
	VALUE_EMAIL,
	VALUE_FIELDS,
	VALUE_COLUMNS = VALUE_FIELDS + LEAD_FIELDS
};

static Statement find_enrolled = STATEMENT(
	"SELECT lead_id FROM leadterra.enrollments"
	" WHERE workspace_id = $1 AND campaign_id = $2 AND status = 'active' AND lead_id > $3"
	" ORDER BY lead_id"
	" LIMIT " CppAsString2(PAGE_MAX),
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID);

static Statement find_range = STATEMENT(
	"SELECT lead_id, email, " LEAD_COLUMNS
	" FROM leadterra.leads"
	" WHERE workspace_id = $1 AND lead_id BETWEEN $2 AND $3"
	" ORDER BY lead_id"
	" LIMIT $4",
	SPI_OK_SELECT, UUIDOID, UUIDOID, UUIDOID, INT8OID);

static Statement find_leads = STATEMENT(
	"SELECT u.lead_id, l.*"
	" FROM unnest($2) AS u (lead_id)"
	" CROSS JOIN LATERAL ("
	" SELECT l.email, " LEAD_COLUMNS " FROM leadterra.leads l"
	" WHERE l.workspace_id = $1 AND l.lead_id = u.lead_id"
	" OFFSET 0) l",
	SPI_OK_SELECT, UUIDOID, UUIDARRAYOID);

/* A count that goes on. */
typedef struct ValueCount
{
	Datum		workspace;
	const TemplateValues *settings;
	const TemplateField *fields;
	int			nfields;
	int64	   *missing;
	int64		leads;
	pg_uuid_t	page[PAGE_MAX];
	int			npage;
} ValueCount;

/* Counts the lead of a row. */
static void
count_lead(ValueCount *count, const Datum *row, const bool *nulls)
{
	TemplateValues values = *count->settings;

	values.fields = row + VALUE_FIELDS;
	values.nulls = nulls + VALUE_FIELDS;
	if (!nulls[VALUE_EMAIL])
	{
		text	   *email = DatumGetTextPP(row[VALUE_EMAIL]);

		values.email = (LeadString) {VARDATA_ANY(email), VARSIZE_ANY_EXHDR(email)};
	}
	count->leads++;
	for (int i = 0; i < count->nfields; i++)
		count->missing[i] += !template_has_value(&count->fields[i], &values);
}

/* Counts the leads of the last result that are on the page: those of both, which have one order. */
static void
count_rows(ValueCount *count, uint64 nrows, MemoryContext lead_context)
{
	SPITupleTable *rows = SPI_tuptable;
	int			place = 0;

	for (uint64 i = 0; i < nrows && place < count->npage; i++)
	{
		Datum		values[VALUE_COLUMNS];
		bool		nulls[VALUE_COLUMNS];
		MemoryContext old_context;
		int			order;

		statement_row(i, values, nulls);
		while ((order = memcmp(&count->page[place], DatumGetUUIDP(values[VALUE_LEAD_ID]),
							   UUID_LEN)) < 0)
		{
			if (++place == count->npage)
				break;
		}
		if (order != 0)
			continue;
		place++;
		old_context = MemoryContextSwitchTo(lead_context);
		count_lead(count, values, nulls);
		MemoryContextSwitchTo(old_context);
		MemoryContextReset(lead_context);
	}
	SPI_freetuptable(rows);
}

/* Reads the next page of enrollments; false if there is none. */
static bool
read_page(ValueCount *count, Datum campaign, const pg_uuid_t *after)
{
	Datum		parameters[] = {count->workspace, campaign, UUIDPGetDatum(after)};
	bool		isnull;

	count->npage = statement_read(&find_enrolled, parameters);
	for (int i = 0; i < count->npage; i++)
		count->page[i] = *DatumGetUUIDP(statement_value(i, 1, &isnull));
	SPI_freetuptable(SPI_tuptable);
	return count->npage > 0;
}

/* Counts the leads of a page of enrollments. */
static void
count_page(ValueCount *count, MemoryContext lead_context)
{
	int64		limit = 2 * count->npage;
	Datum		range[] = {count->workspace, UUIDPGetDatum(&count->page[0]),
	UUIDPGetDatum(&count->page[count->npage - 1]), Int64GetDatum(limit)};
	uint64		found = statement_read(&find_range, range);

	if (found == (uint64) limit)
	{
		Datum		parameters[] = {count->workspace,
		statement_uuids(count->page, sizeof(pg_uuid_t), count->npage)};

		/* Others lie between. */
		SPI_freetuptable(SPI_tuptable);
		found = statement_read(&find_leads, parameters);
	}
	count_rows(count, found, lead_context);
}

/*
 * Counts for each of some tokens the active leads of a campaign that have no value
 * for it, and returns how many active leads there are.  Runs in SPI.
 */
int64
campaign_count_values(Datum workspace, Datum campaign, const TemplateValues *settings,
					  const TemplateField *fields, int nfields, int64 *missing)
{
	ValueCount	count = {
		.workspace = workspace, .settings = settings, .fields = fields, .nfields = nfields,
		.missing = missing
	};
	MemoryContext lead_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra lead",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext page_context = AllocSetContextCreate(CurrentMemoryContext, "leadterra page",
													   ALLOCSET_DEFAULT_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(page_context);
	pg_uuid_t	after = {0};

	while (read_page(&count, campaign, &after))
	{
		CHECK_FOR_INTERRUPTS();
		after = count.page[count.npage - 1];
		count_page(&count, lead_context);
		MemoryContextReset(page_context);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(page_context);
	MemoryContextDelete(lead_context);
	return count.leads;
}
