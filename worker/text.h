/*
 * text.h
 *		Readable plain text of HTML.
 */
#ifndef LEADTERRA_WORKER_TEXT_H
#define LEADTERRA_WORKER_TEXT_H

#include <glib.h>

/*
 * Returns the text of UTF-8 HTML, to be freed: paragraphs with empty lines between them, links as
 * "text <url>", lines of about 78 characters that end in LF.  What nobody sees is left out.
 * Valid UTF-8 without controls, whatever the HTML is.
 */
extern char *text_of_html(const char *html, gsize length);

#endif
