/*
 * enroll.h
 *		Bulk enrollment of leads in a campaign.
 */
#ifndef LEADTERRA_ENROLL_H
#define LEADTERRA_ENROLL_H

#include "lead.h"

/* What became of an entry. */
typedef enum EnrollOutcome
{
	ENROLL_SKIPPED,
	ENROLL_ENROLLED,
	ENROLL_UPDATED
} EnrollOutcome;

/* One entry of a call. */
typedef struct EnrollEntry
{
	LeadString	email;			/* normalized; data is NULL where there is no text */
	LeadPatch  *patch;			/* NULL: invalid */
	struct EnrollCandidate *candidate;	/* NULL: invalid */
	const char *reason;			/* why it was skipped, or that it repeats an address */
	EnrollOutcome outcome;
} EnrollEntry;

/* A distinct address among the valid entries, and what is known of its lead. */
typedef struct EnrollCandidate
{
	LeadString	email;
	const LeadPatch *patch;		/* of all its entries */
	int			first;			/* its first entry */
	pg_uuid_t	lead_id;
	bool		suppressed;		/* nothing below counts */
	bool		known;			/* the lead exists */
	bool		created;		/* this call made it */
	bool		locked;			/* it cannot be deleted until commit */
	bool		differs;		/* the patch changes it */
	bool		has_enrollment; /* in whatever state */
	bool		removed;		/* in the state removed */
	bool		enrolled;		/* by this call */
	bool		queued;			/* by this call */
} EnrollCandidate;

/* A call. */
typedef struct Enrollment
{
	Datum		workspace;
	Datum		campaign;
	Datum		blocklist;		/* that keeps addresses out */
	bool		running;		/* the campaign, as far as this call could see */
	bool		skip_invalid;
	bool		dry_run;
	int			nentries;
	EnrollEntry *entries;		/* as given */
	int			ncandidates;
	EnrollCandidate *candidates;	/* by address */
} Enrollment;

extern bool enroll_change_status(Datum workspace, Datum campaign, const pg_uuid_t *lead_id,
								 const char *from, const char *to);
extern void enroll_read(Enrollment *call, JsonbContainer *leads);
extern void enroll_write(Enrollment *call);

#endif							/* LEADTERRA_ENROLL_H */
