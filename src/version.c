/*
 * version.c
 *		Whether the library fits the extension of the database.
 *
 * They differ between the installation of a new library and ALTER EXTENSION UPDATE,
 * and afterwards in sessions that began before and still have the old library.  Calls
 * then fail with PT503: nobody's request is wrong, and later the same one succeeds.
 * What tables call, and what views call, goes on working, so that the database can be
 * dumped, restored and upgraded.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/indexing.h"
#include "catalog/pg_extension.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "error.h"
#include "version.h"

PG_FUNCTION_INFO_V1(lt_require_version);

#define EXTENSION "leadterra"

/*
 * How often functions have changed, from 1 on, and when the versions were compared.
 * The server tells nobody of changes to pg_extension itself, but an upgrade replaces
 * every function.
 */
static uint64 changes;
static uint64 compared_at;

static void
count_change(Datum argument, int cache, uint32 hash)
{
	(void) argument;
	(void) cache;
	(void) hash;
	changes++;
}

static void raise_mismatch(const char *message) pg_attribute_noreturn();

/* Raises PT503 with what to do about it. */
static void
raise_mismatch(const char *message)
{
	ereport(ERROR,
			(errcode(error_sqlstate(ERROR_VERSION_MISMATCH)),
			 errmsg_internal("%s", message),
			 errdetail_internal("%s", error_detail(ERROR_VERSION_MISMATCH)),
			 errhint("Run ALTER EXTENSION " EXTENSION " UPDATE unless that was done, "
					 "and then reconnect.")));
}

/* Returns the version of the extension, NULL where there is none. */
static char *
find_extension_version(void)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_extname, BTEqualStrategyNumber, F_NAMEEQ,
				CStringGetDatum(EXTENSION));
	scan = systable_beginscan(catalog, ExtensionNameIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(catalog), &isnull);

		version = isnull ? NULL : TextDatumGetCString(value);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return version;
}

/* Raises PT503 unless the library is of the version of the extension. */
static void
compare(void)
{
	char	   *version = find_extension_version();

	if (version && strcmp(version, LEADTERRA_VERSION) != 0)
		raise_mismatch(error_text("the library is of version \"%s\", "
								  "the extension of version \"%s\"",
								  LEADTERRA_VERSION, version));
}

/* The same; they are compared once in a backend, and again when a function has changed. */
void
version_require(void)
{
	uint64		now;

	if (compared_at == changes && changes > 0)
		return;
	if (changes == 0)
	{
		CacheRegisterSyscacheCallback(PROCOID, count_change, (Datum) 0);
		changes = 1;
	}
	/* A change that comes in while they are compared is not of the past. */
	now = changes;
	compare();
	compared_at = now;
}

/* Raises PT503 unless a row has as many columns as this library writes. */
void
version_require_columns(TupleDesc row, int ncolumns)
{
	if (row->natts != ncolumns)
		raise_mismatch(error_text("the result has %d columns, and the library writes %d",
								  row->natts, ncolumns));
}

/* Raises PT503 for a function that this library no longer has. */
void
version_refuse(const char *symbol)
{
	raise_mismatch(error_text("the library is of version \"%s\", which has no function \"%s\"",
							  LEADTERRA_VERSION, symbol));
}

/* SQL: leadterra.require_version(): where an upgrade begins, no function has changed yet */
Datum
lt_require_version(PG_FUNCTION_ARGS)
{
	(void) fcinfo;
	compare();
	PG_RETURN_VOID();
}
