/*
 * template.h
 *		Templates of messages: the tokens in a text, and filling them in.
 */
#ifndef LEADTERRA_TEMPLATE_H
#define LEADTERRA_TEMPLATE_H

#include "lib/stringinfo.h"
#include "utils/jsonb.h"

#include "lead_field.h"

/* Bytes of a rendered text at most; mail providers take less. */
#define TEMPLATE_OUTPUT_MAX (16 * 1024 * 1024)

/* The token whose value is a link of the message. */
#define TEMPLATE_UNSUBSCRIBE_URL "unsubscribeUrl"

/* A token as it stands in a template; the strings point into it. */
typedef struct TemplateToken
{
	const char *start;			/* of the braces */
	const char *end;			/* behind the braces */
	const char *name;
	int			name_length;
	const char *fallback;		/* NULL: none */
	int			fallback_length;
} TemplateToken;

/* What a template makes. */
typedef enum TemplateFormat
{
	TEMPLATE_LINE,				/* a header: values as they are, no line breaks */
	TEMPLATE_HTML				/* values escaped */
} TemplateFormat;

/* A compiled template; it points into its text. */
typedef struct Template Template;

/* What tokens are filled in from. */
typedef struct TemplateValues
{
	LeadString	email;
	const Datum *fields;		/* LEAD_COLUMNS */
	const bool *nulls;
	LeadString	unsubscribe_url;
	Jsonb	   *custom;			/* NULL: not read yet */
} TemplateValues;

extern bool template_next_token(const char *text, const char *end, TemplateToken *token);
extern Template *template_compile(const char *text, int length, TemplateFormat format);
extern bool template_has_unsubscribe_url(const Template *template);
extern bool template_render(const Template *template, TemplateValues *values, StringInfo output);

#endif							/* LEADTERRA_TEMPLATE_H */
