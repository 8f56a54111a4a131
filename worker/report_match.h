/*
 * report_match.h
 *		Which message of ours a mail that came is about.
 */
#ifndef LEADTERRA_WORKER_REPORT_MATCH_H
#define LEADTERRA_WORKER_REPORT_MATCH_H

#include "report.h"

/* Looks in a text for an address of ours, whose code is right; true where it is found. */
extern bool report_match_address(Report *report, const ReturnPath *return_path, const char *text);

/*
 * Looks in a text for Message-IDs of ours, and takes the last one.  Does nothing where the
 * message is known.
 */
extern void report_match_ids(Report *report, const char *text);

#endif
