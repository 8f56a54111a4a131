/*
 * template_token.h
 *		Tokens as they stand in a text.
 */
#ifndef LEADTERRA_TEMPLATE_TOKEN_H
#define LEADTERRA_TEMPLATE_TOKEN_H

#include "lib/stringinfo.h"

#include "lead_field.h"

/* What a text is. */
typedef enum TemplateFormat
{
	TEMPLATE_LINE,				/* a header: values as they are, no line breaks */
	TEMPLATE_HTML,				/* values escaped, character references read in tokens */
	TEMPLATE_TEXT				/* values as they are */
} TemplateFormat;

/* A token; strings point into the text where they stand there as they are. */
typedef struct TemplateToken
{
	const char *start;			/* of the braces */
	const char *end;			/* behind the braces */
	LeadString	name;			/* white space around it gone, references read */
	bool		encodes;		/* the value, for a URL */
	bool		has_fallback;
	bool		is_plain;		/* the fallback stands behind a bar alone */
	LeadString	fallback;		/* as it goes into the text */
	LeadString	passed_over;	/* a filter that is none; NULL: none */
	bool		is_random;		/* there is no value, but choices */
	int			nchoices;
	LeadString *choices;		/* as they go into the text */
} TemplateToken;

extern bool template_next_token(const char *text, const char *end, TemplateFormat format,
								TemplateToken *token);
extern bool template_is_quoted(const LeadString *string, TemplateFormat format);
extern void template_encode(StringInfo output, const LeadString *value);

#endif							/* LEADTERRA_TEMPLATE_TOKEN_H */
