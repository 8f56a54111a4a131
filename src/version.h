/*
 * version.h
 *		Whether the library fits the extension of the database.
 */
#ifndef LEADTERRA_VERSION_H
#define LEADTERRA_VERSION_H

#include "access/tupdesc.h"

extern void version_require(void);
extern void version_require_columns(TupleDesc row, int ncolumns);
extern void version_refuse(const char *symbol) pg_attribute_noreturn();

#endif							/* LEADTERRA_VERSION_H */
