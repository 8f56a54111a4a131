/*
 * campaign_call.h
 *		What the calls on campaigns share.
 */
#ifndef LEADTERRA_CAMPAIGN_CALL_H
#define LEADTERRA_CAMPAIGN_CALL_H

#include "template.h"

extern void campaign_warn_of_texts(Datum workspace, Datum campaign, const char *name);
extern int64 campaign_count_values(Datum workspace, Datum campaign, const TemplateValues *settings,
								   const TemplateField *fields, int nfields, int64 *missing);

#endif							/* LEADTERRA_CAMPAIGN_CALL_H */
