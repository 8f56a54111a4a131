/*
 * job.h
 *		Work that workers outside of the server do on leads.
 */
#ifndef LEADTERRA_JOB_H
#define LEADTERRA_JOB_H

extern void job_insert(Datum workspace, Datum lead_ids, Datum target, bool is_list);

#endif							/* LEADTERRA_JOB_H */
