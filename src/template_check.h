/*
 * template_check.h
 *		What in a text will be mailed as it stands, though nobody means it.
 */
#ifndef LEADTERRA_TEMPLATE_CHECK_H
#define LEADTERRA_TEMPLATE_CHECK_H

#include "template_token.h"

/* What is wrong with a place in a text. */
typedef enum TemplateFlaw
{
	TEMPLATE_SOUND,				/* nothing: it is a token */
	TEMPLATE_BRACES,			/* two braces that are no token */
	TEMPLATE_ENCODED_BRACES,	/* the same, encoded */
	TEMPLATE_SINGLE_BRACES,		/* around what may be a name or choices */
	TEMPLATE_OTHER_LANGUAGE,	/* a block of another template language */
	TEMPLATE_MARKUP,			/* a name with HTML in it */
	TEMPLATE_FALLBACK_FILTER,	/* a fallback that looks like a filter */
	TEMPLATE_FALLBACK_QUOTED,	/* a fallback in quotes */
	TEMPLATE_FILTER_UNKNOWN,	/* a filter that is none, beside a default */
	TEMPLATE_RANDOM_EMPTY		/* nothing to choose from */
} TemplateFlaw;

/* A token, or a place with a flaw, in a text. */
typedef struct TemplateFinding
{
	TemplateFlaw flaw;
	bool		is_token;
	TemplateToken token;
	LeadString	excerpt;		/* what it is about */
} TemplateFinding;

/* Goes through a text. */
typedef struct TemplateCheck
{
	const char *at;
	const char *end;
	TemplateFormat format;
	const char *code_end;		/* of the style or script that it is in */
	bool		has_token;		/* the next one was read */
	TemplateToken token;
} TemplateCheck;

extern void template_check_begin(TemplateCheck *check, const char *text, int length,
								 TemplateFormat format);
extern bool template_check_next(TemplateCheck *check, TemplateFinding *finding);

#endif							/* LEADTERRA_TEMPLATE_CHECK_H */
