/*
 * report_part.h
 *		The parts of a mail that came.
 */
#ifndef LEADTERRA_WORKER_REPORT_PART_H
#define LEADTERRA_WORKER_REPORT_PART_H

#include <glib.h>
#include <gmime/gmime.h>

/* What is read of a text at most, in bytes. */
#define REPORT_TEXT_MAX (256 * 1024)

/* Texts are valid UTF-8 without NUL, cut at that length; each is null where there is none. */
typedef struct ReportParts
{
	char	   *status;			/* message/delivery-status */
	char	   *feedback;		/* message/feedback-report */
	char	   *original;		/* header of the mail that a report is about */
	char	   *text;			/* that a reader sees */
} ReportParts;

/* Parses a mail, with its header alone where it is broken; null where it has none. */
extern GMimeMessage *report_parse(const char *content, gsize size);

/* Finds the parts, each the first of its kind; none within a mail within the mail. */
extern void report_find_parts(GMimeMessage *message, ReportParts *parts);
extern void report_clear_parts(ReportParts *parts);

/* Returns all values of a header, one a line, to be freed; "" where there is none. */
extern char *report_header(GMimeMessage *message, const char *name);

/*
 * Reads the fields up to an empty line: names in lower case, the first value of each.  Returns
 * the place behind that line.
 */
extern const char *report_read_fields(const char *text, GHashTable *fields);
extern GHashTable *report_new_fields(void);

#endif
