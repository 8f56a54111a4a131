/*
 * typeid.h
 *		UUIDs in 26 digits of base 32, as TypeIDs, API keys and links have them.
 */
#ifndef LEADTERRA_TYPEID_H
#define LEADTERRA_TYPEID_H

#include "utils/uuid.h"

#define TYPEID_DIGITS 26

extern void typeid_write(const pg_uuid_t *uuid, char digits[TYPEID_DIGITS]);
extern bool typeid_read(const char digits[TYPEID_DIGITS], pg_uuid_t *uuid);

#endif							/* LEADTERRA_TYPEID_H */
