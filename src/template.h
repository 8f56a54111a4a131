/*
 * template.h
 *		Templates of messages: the tokens in a text.
 */
#ifndef LEADTERRA_TEMPLATE_H
#define LEADTERRA_TEMPLATE_H

/* Characters of a text without anything to read: it counts as no value. */
#define TEMPLATE_BLANKS " \t\n\v\f\r"

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

extern bool template_next_token(const char *text, const char *end, TemplateToken *token);

#endif							/* LEADTERRA_TEMPLATE_H */
