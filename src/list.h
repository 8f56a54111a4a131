/*
 * list.h
 *		Lists of leads.
 */
#ifndef LEADTERRA_LIST_H
#define LEADTERRA_LIST_H

extern void list_keep(Datum workspace, Datum list);

#endif							/* LEADTERRA_LIST_H */
