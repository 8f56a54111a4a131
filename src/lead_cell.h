/*
 * lead_cell.h
 *		What the cells of a table say, where a lead wants something else.
 */
#ifndef LEADTERRA_LEAD_CELL_H
#define LEADTERRA_LEAD_CELL_H

#include "lead_field.h"

extern void lead_fit_cell(bool number, JsonbValue *value);
extern bool lead_repair_email(const char *text, int length, LeadString *email);

#endif							/* LEADTERRA_LEAD_CELL_H */
