/*
 * stub.c
 *		C symbols of earlier versions.
 *
 * The server looks every symbol up when a function is made, also where it restores
 * one of an earlier version, and a database that is not upgraded yet still names them.
 * So a symbol that a release named stays here, as a function that says what to run.
 */
#include "postgres.h"

#include "fmgr.h"

#include "compat.h"
#include "version.h"

#define STUB(symbol) \
	PG_FUNCTION_INFO_V1(symbol); \
	Datum \
	symbol(PG_FUNCTION_ARGS) \
	{ \
		(void) fcinfo; \
		version_refuse(#symbol); \
	}

/* One line for each symbol: STUB(lt_example) */
