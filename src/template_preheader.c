/*
 * template_preheader.c
 *		What mailboxes show of a mail beside its subject.
 *
 * They show how its body begins.  So a preheader is the first text of the body, in an
 * element that nobody sees who opens the mail.  Characters without width and no-break
 * spaces behind it keep what follows from being shown, too.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "compat.h"
#include "template.h"

/* Characters that mailboxes show at most, and what takes the place of one. */
#define SHOWN_MAX 150
#define PADDING "&#847;&zwnj;&nbsp;"

/* Says whether a text begins with a string, in any letter case. */
static bool
begins(const char *text, const char *end, const char *string)
{
	size_t		length = strlen(string);

	return (size_t) (end - text) >= length && pg_strncasecmp(text, string, length) == 0;
}

/* Returns the place behind the end of a comment, from the hyphens on that it begins with. */
static const char *
skip_comment(const char *text, const char *end)
{
	for (; end - text >= 3; text++)
	{
		if (memcmp(text, "-->", 3) == 0)
			return text + 3;
	}
	return end;
}

/* Returns the place behind a tag that begins at a place; NULL where it has no end. */
static const char *
skip_tag(const char *text, const char *end)
{
	char		quote = 0;

	for (; text < end; text++)
	{
		if (quote)
			quote = *text == quote ? 0 : quote;
		else if (*text == '>')
			return text + 1;
		else if (*text == '"' || *text == '\'')
			quote = *text;
	}
	return NULL;
}

/* Returns how many bytes of a body stand before its preheader: those up to <body>, or none. */
int
template_preheader_place(const char *body, int length)
{
	static const char name[] = "<body";
	const char *end = body + length;
	const char *text = body;

	while ((text = memchr(text, '<', end - text)) != NULL)
	{
		const char *behind = text + strlen(name);

		if (begins(text, end, "<!--"))
			text = skip_comment(text + 2, end);
		else if (begins(text, end, name) && behind < end &&
				 (*behind == '>' || *behind == '/' || isspace((unsigned char) *behind)))
		{
			behind = skip_tag(behind, end);
			return behind ? behind - body : 0;
		}
		else
			text++;
	}
	return 0;
}

/* Appends the element of a preheader, which is one line of text. */
void
template_append_preheader(StringInfo output, const LeadString *preheader)
{
	int			shown = pg_mbstrlen_with_len(preheader->data, preheader->length);

	appendStringInfoString(output, "<div style=\"display:none;font-size:1px;line-height:1px;"
						   "max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all\">");
	template_escape(output, preheader, NULL);
	for (; shown < SHOWN_MAX; shown++)
		appendStringInfoString(output, PADDING);
	appendStringInfoString(output, "</div>");
}
