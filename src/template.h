/*
 * template.h
 *		Templates of messages: the tokens in a text, and filling them in.
 */
#ifndef LEADTERRA_TEMPLATE_H
#define LEADTERRA_TEMPLATE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "template_token.h"

/* Bytes of a rendered text at most; mail providers take less. */
#define TEMPLATE_OUTPUT_MAX (16 * 1024 * 1024)

/* Tokens whose values are not the lead's: the link of the message, and where the workspace is. */
#define TEMPLATE_UNSUBSCRIBE_URL "unsubscribeUrl"
#define TEMPLATE_POSTAL_ADDRESS "postalAddress"

/* A compiled template; it points into its text. */
typedef struct Template Template;

/* Where the value of a token comes from. */
typedef struct TemplateField
{
	int			source;			/* a LeadField, or one of template.c */
	LeadString	name;
} TemplateField;

/* What tokens are filled in from. */
typedef struct TemplateValues
{
	LeadString	email;
	const Datum *fields;		/* LEAD_COLUMNS */
	const bool *nulls;
	LeadString	unsubscribe_url;
	LeadString	postal_address;
	uint64		seed;			/* what random texts follow from: the same in every attempt */
	Jsonb	   *custom;			/* NULL: not read yet */
} TemplateValues;

extern TemplateField template_field(const LeadString *name);
extern bool template_has_value(const TemplateField *field, TemplateValues *values);
extern Template *template_compile(const char *text, int length, TemplateFormat format);
extern bool template_has_postal_address(const Template *template);
extern bool template_render(const Template *template, TemplateValues *values, StringInfo output);
extern void template_escape(StringInfo output, const LeadString *value, const char *line_break);

/* template_preheader.c */
extern int	template_preheader_place(const char *body, int length);
extern void template_append_preheader(StringInfo output, const LeadString *preheader);

#endif							/* LEADTERRA_TEMPLATE_H */
