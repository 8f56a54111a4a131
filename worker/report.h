/*
 * report.h
 *		What a mail that came is.
 */
#ifndef LEADTERRA_WORKER_REPORT_H
#define LEADTERRA_WORKER_REPORT_H

#include <glib.h>
#include <stdbool.h>

#include "return_path.h"

typedef enum
{
	REPORT_OTHER,				/* so is a refusal for a policy, 5.7.x: not about the address */
	REPORT_BOUNCE,
	REPORT_DELAY,				/* still being tried */
	REPORT_COMPLAINT,
	REPORT_REPLY,				/* to a message of ours */
	REPORT_AUTO_REPLY
} ReportKind;

typedef struct Report
{
	ReportKind	kind;
	char		message_id[37];	/* "": not one of ours */
	bool		proven;			/* found by the return path, whose code is right */
	bool		hard;			/* bounces: the address takes no mail */
	char	   *reason;			/* of refusals: "550 5.1.1 ...", at most 1,000 characters; null */
	char	   *email;			/* final recipient of a report, lower case, no type; null */
	char	   *snippet;		/* of replies: the text above the quotation, at most 500; null */
	bool		unsubscribe;	/* a reply that says so, and nothing else */
} Report;

/*
 * Reads a whole mail as a mailbox has it.  The return path may be null: then messages are found
 * by Message-IDs alone, and nothing is proven.  Strings are valid UTF-8.
 */
extern Report *report_read(const char *content, gsize size, const ReturnPath *return_path);
extern void report_free(Report *report);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Report, report_free)

#endif
