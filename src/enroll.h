/*
 * enroll.h
 *		Bulk enrollment of leads in a campaign: a call, and what it is made of.
 *
 * The calls themselves are in enroll.c, enroll_add.c and enroll_existing.c, and offer
 * nothing here.
 */
#ifndef LEADTERRA_ENROLL_H
#define LEADTERRA_ENROLL_H

#include "fmgr.h"

#include "lead.h"
#include "lead_read.h"

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
	const char *field;			/* that is invalid; may be NULL */
	const char *code;			/* of what is invalid in it; NULL: the reason says all */
	EnrollOutcome outcome;
} EnrollEntry;

/*
 * A distinct address among the valid entries, or one entry without an address,
 * and what is known of its lead.
 */
typedef struct EnrollCandidate
{
	LeadString	email;			/* data is NULL: none */
	const LeadPatch *patch;		/* of all its entries */
	int			first;			/* its first entry */
	pg_uuid_t	lead_id;
	bool		suppressed;		/* nothing below counts */
	bool		known;			/* the lead exists */
	bool		created;		/* this call made it */
	bool		locked;			/* it cannot be deleted until commit */
	bool		differs;		/* the patch changes it */
	bool		has_enrollment; /* in the target, in whatever state */
	bool		removed;		/* in the state removed */
	bool		elsewhere;		/* left out, for where else it is */
	bool		existing_only;	/* not to be made */
	bool		enrolled;		/* by this call */
	bool		queued;			/* by this call */
} EnrollCandidate;

/* What becomes of leads that are there. */
typedef enum EnrollMode
{
	ENROLL_UPSERT,				/* they are updated */
	ENROLL_ADD,					/* they are left alone where they are in the target */
	ENROLL_EXISTING				/* they alone are enrolled, as they are */
} EnrollMode;

/* Leads that are left out for where else they are. */
typedef struct EnrollSkips
{
	bool		in_workspace;
	bool		in_campaign;	/* any */
	bool		in_list;		/* any */
} EnrollSkips;

/* A call.  Its target, a campaign or a list, is where leads are enrolled. */
typedef struct EnrollCall
{
	EnrollMode	mode;
	LeadFormat	format;			/* of the entries */
	bool		repair;			/* addresses with a text around them */
	Datum		workspace;
	Datum		target;
	bool		is_list;
	Datum		blocklist;		/* that keeps addresses out */
	EnrollSkips skips;
	bool		running;		/* the campaign, as far as this call could see */
	bool		limited;		/* how many leads the workspace may have */
	int64		remaining;		/* then, how many more after this call */
	bool		skip_invalid;
	bool		dry_run;
	int			nentries;
	EnrollEntry *entries;		/* as given */
	int			ncandidates;
	EnrollCandidate *candidates;	/* by address; then those without one */
} EnrollCall;

/* enroll_read.c: what is asked for */
extern JsonbContainer *enroll_leads_argument(FunctionCallInfo fcinfo, int number);
extern void enroll_read(EnrollCall *call, JsonbContainer *leads);
extern void enroll_make_candidates(EnrollCall *call);

/* enroll_find.c: what there is */
extern bool enroll_is_wanted(const EnrollCandidate *candidate);
extern LeadString *enroll_emails(EnrollCandidate **part, int count);
extern Datum enroll_lead_ids(EnrollCandidate **part, int count);
extern bool enroll_skips_by_target(const EnrollCall *call);
extern void enroll_check_suppression(const EnrollCall *call, EnrollCandidate **part, int count);
extern void enroll_find(const EnrollCall *call, EnrollCandidate **part, int count);
extern void enroll_find_known(const EnrollCall *call, EnrollCandidate **part, int count);

/* enroll_write.c: making it so */
extern void enroll_write(EnrollCall *call);

#endif							/* LEADTERRA_ENROLL_H */
