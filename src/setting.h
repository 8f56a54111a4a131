/*
 * setting.h
 *		Settings as callers give them: a merge patch, by a table of what there is.
 */
#ifndef LEADTERRA_SETTING_H
#define LEADTERRA_SETTING_H

#include "utils/jsonb.h"

#include "error.h"

/* Settings of a table at most. */
#define SETTINGS_MAX 12

/* What a setting may be. */
typedef enum SettingKind
{
	SETTING_TEXT,				/* of one line, for people */
	SETTING_ADDRESS,			/* kept in normal form */
	SETTING_CHOICE,
	SETTING_ZONE,				/* a time zone, by its name */
	SETTING_NUMBER,				/* a whole one, from 0 on */
	SETTING_SHARE,				/* more than 0, at most 1 */
	SETTING_FLAG,
	SETTING_ID,
	SETTING_SCHEDULE,
	SETTING_TIME,				/* with its distance to UTC */
	SETTING_LIST				/* an array, of what the caller looks at */
} SettingKind;

/* A setting of a table. */
typedef struct Setting
{
	const char *name;
	const char *other_name;		/* of the second service; NULL: it has none */
	SettingKind kind;
	int			most;			/* of a number */
	const char *const *choices; /* NULL behind the last one */
	const char *fallback;		/* what null stands for, as text; NULL: null */
} Setting;

/* A value of each setting of a table, as a row has it. */
typedef struct SettingValues
{
	Datum		values[SETTINGS_MAX];
	bool		nulls[SETTINGS_MAX];
} SettingValues;

/* What a caller gave. */
typedef struct SettingPatch
{
	bool		given[SETTINGS_MAX];
	SettingValues to;
} SettingPatch;

extern void setting_read(FunctionCallInfo fcinfo, int number, const Setting *settings, int count,
						 SettingPatch *patch, ErrorList *errors);
extern void setting_read_object(JsonbContainer *object, const char *path, const Setting *settings,
								int count, SettingPatch *patch, ErrorList *errors);
extern void setting_raise(const ErrorList *errors);
extern void setting_defaults(const Setting *settings, int count, SettingValues *values);
extern void setting_apply(const SettingPatch *patch, int count, SettingValues *values);

#endif							/* LEADTERRA_SETTING_H */
