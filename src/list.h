/*
 * list.h
 *		Lists of leads.
 */
#ifndef LEADTERRA_LIST_H
#define LEADTERRA_LIST_H

extern void list_keep(Datum workspace, Datum list);
extern void list_insert_created(Datum workspace, Datum list, Datum lead_ids);
extern uint64 list_insert_known(Datum workspace, Datum list, Datum lead_ids);

#endif							/* LEADTERRA_LIST_H */
