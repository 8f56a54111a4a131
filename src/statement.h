/*
 * statement.h
 *		A prepared SPI statement: its text, its parameter types and the plan
 *		that is kept for the life of the backend.
 */
#ifndef LEADTERRA_STATEMENT_H
#define LEADTERRA_STATEMENT_H

#include "executor/spi.h"
#include "storage/block.h"
#include "utils/uuid.h"

#define STATEMENT_MAX_PARAMETERS 20
#define STATEMENT_MAX_TABLES 8

/* A table that a plan reads, and its size when the plan was made. */
typedef struct StatementTable
{
	Oid			relation;
	BlockNumber blocks;
} StatementTable;

/* Declare one as static data in the module that owns the table. */
typedef struct Statement
{
	const char *text;
	int			result;			/* the SPI_OK_ code it must return */
	int			nparameters;
	Oid			types[STATEMENT_MAX_PARAMETERS];
	SPIPlanPtr	plan;			/* made at first use */
	int			running;		/* executions of it that have not ended */
	int			ntables;
	StatementTable tables[STATEMENT_MAX_TABLES];
} Statement;

/* Rows of a SELECT that are read one after the other. */
typedef struct StatementRows
{
	Portal		portal;
	SPITupleTable *fetched;		/* NULL: none were */
	uint64		count;			/* of these */
	uint64		next;
} StatementRows;

/* Initializes one: SQL text, SPI_OK_ code, types of the parameters. */
#define STATEMENT(sql, code, ...) { \
	.text = (sql), \
	.result = (code), \
	.nparameters = lengthof(((const Oid[]) {__VA_ARGS__})), \
	.types = {__VA_ARGS__} \
}

extern void statement_plan_init(void);
extern const Statement *statement_plan_next(const Statement *statement);
extern Oid	statement_caller(void);
extern void statement_connect(void);
extern void statement_finish(void);
extern uint64 statement_execute(Statement *statement, const Datum *values, const bool *nulls);
extern bool statement_follows_rows(Statement *statement);
extern uint64 statement_read(Statement *statement, const Datum *values);
extern Portal statement_open(Statement *statement, const Datum *values);
extern Portal statement_open_read(Statement *statement, const Datum *values);
extern uint64 statement_fetch(Portal portal, int count);
extern const void *statement_elements(Datum array, int *count);
extern Datum statement_value(uint64 row, int column, bool *isnull);
extern Datum statement_return(uint64 row, int column, bool *isnull);
extern uint64 statement_execute_call(Statement *statement, Datum workspace,
									 FunctionCallInfo fcinfo);
extern Datum statement_call(Statement *statement, Datum workspace, FunctionCallInfo fcinfo);
extern void statement_row(uint64 row, Datum *values, bool *nulls);
extern ReturnSetInfo *statement_begin_rows(FunctionCallInfo fcinfo, int ncolumns);
extern Datum statement_return_rows(FunctionCallInfo fcinfo, uint64 found);
extern Datum statement_result(FunctionCallInfo fcinfo, Datum *values, bool *nulls, int ncolumns);
extern Datum statement_array(Datum *values, bool *nulls, int count, Oid type, bool *isnull);
extern Datum statement_uuids(const pg_uuid_t *first, Size stride, int count);
extern Datum statement_smallints(const int *first, Size stride, int count);

/* statement_rows.c */
extern void statement_begin_read(StatementRows *rows, Statement *statement, const Datum *values);
extern bool statement_read_next(StatementRows *rows, Datum *values, bool *nulls);

#endif							/* LEADTERRA_STATEMENT_H */
