/*
 * html.h
 *		Reads HTML token by token, in a time that grows with its length alone.
 */
#ifndef LEADTERRA_WORKER_HTML_H
#define LEADTERRA_WORKER_HTML_H

#include <glib.h>
#include <stdbool.h>

#define HTML_NAME_MAX 15

typedef enum HtmlKind
{
	HTML_TEXT,
	HTML_OPEN,
	HTML_CLOSE
} HtmlKind;

typedef struct HtmlToken
{
	HtmlKind	kind;
	char		name[HTML_NAME_MAX + 1];	/* of a tag, in lower case, cut */
	const char *start;			/* of the text, or of the attributes of a tag */
	gsize		length;
} HtmlToken;

typedef struct Html
{
	const char *place;
	char		raw[HTML_NAME_MAX + 1];	/* the element whose content is no HTML, or "" */
} Html;

/*
 * Reads the next token of valid UTF-8; false at the end.  Comments are left out, and so is what
 * stands in elements whose content is no HTML: scripts, styles, the title.
 */
extern bool html_next(Html *html, HtmlToken *token);

/* Returns an attribute of a tag, to be freed; null where it has none. */
extern char *html_attribute(const HtmlToken *token, const char *name);

/* Appends text in which references to characters are replaced; controls become spaces. */
extern void html_append_text(GString *output, const char *text, gsize length);

#endif
