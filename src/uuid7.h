/*
 * uuid7.h
 *		UUIDs of version 7.
 */
#ifndef LEADTERRA_UUID7_H
#define LEADTERRA_UUID7_H

#include "utils/uuid.h"

extern void uuid7_generate(pg_uuid_t *uuid);
extern int	uuid7_compare(const void *left, const void *right);

#endif							/* LEADTERRA_UUID7_H */
