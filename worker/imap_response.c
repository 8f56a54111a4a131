/*
 * imap_response.c
 *		Reads what an IMAP server answers, as far as it is asked for here.
 *
 * A response is a line, and a line that ends in {N} goes on behind the N bytes that follow it,
 * a literal.  A mail is a literal: whoever wrote it may have put anything into it, so a line
 * is never looked for there.
 */
#include "imap_response.h"

#include <string.h>

/* Lists in lists at most. */
#define DEPTH_MAX 20

/* A part of a response that is still to be read. */
typedef struct Cursor
{
	const char *at;
	const char *end;
} Cursor;

/* Says whether a line is free text, which has no literals: +, a tag, or a status. */
static bool
is_text(const char *line, gsize length)
{
	static const char *const statuses[] = {"* OK ", "* NO ", "* BAD ", "* BYE ", "* PREAUTH "};

	if (length < 2 || memcmp(line, "* ", 2) != 0)
		return true;
	for (size_t i = 0; i < G_N_ELEMENTS(statuses); i++)
	{
		gsize		size = strlen(statuses[i]);

		if (length >= size && g_ascii_strncasecmp(line, statuses[i], size) == 0)
			return true;
	}
	return false;
}

/*
 * Reads the length of the literal that a line announces at its end, {N} or {N+}; false: none.
 * A length that no response may have is returned as one above the limit.
 */
static bool
read_literal(const char *line, const char *end, gsize *length)
{
	const char *at = end;

	*length = 0;
	if (at == line || *--at != '}')
		return false;
	if (at > line && at[-1] == '+')
		at--;
	end = at;
	while (at > line && g_ascii_isdigit(at[-1]))
		at--;
	if (at == end || at == line || at[-1] != '{')
		return false;
	for (; at < end && *length <= IMAP_RESPONSE_MAX; at++)
		*length = *length * 10 + (gsize) (*at - '0');
	return true;
}

/*
 * Looks for the end of the response that the bytes begin with; scan is {0} for a new one.
 * Called again with more bytes, it goes on where it was.
 */
ImapScanned
imap_scan(ImapScan *scan, const char *bytes, gsize length)
{
	while (scan->at < length)
	{
		const char *end = memchr(bytes + scan->at, '\n', length - scan->at);
		const char *line = bytes + scan->line;
		gsize		literal;

		if (end == NULL)
		{
			scan->at = length;
			break;
		}
		scan->at = (gsize) (end - bytes) + 1;
		if (scan->at > IMAP_RESPONSE_MAX)
			return IMAP_BROKEN;
		if (end > line && end[-1] == '\r')
			end--;
		if (is_text(bytes, length) || !read_literal(line, end, &literal))
			return IMAP_COMPLETE;
		if (literal > IMAP_RESPONSE_MAX - scan->at)
			return IMAP_BROKEN;
		scan->at += literal;
		scan->line = scan->at;
	}
	return scan->at > IMAP_RESPONSE_MAX ? IMAP_BROKEN : IMAP_MORE;
}

/* Says whether the cursor stands at a word, in any letter case, and goes behind it. */
static bool
skip(Cursor *cursor, const char *word)
{
	gsize		size = strlen(word);

	if ((gsize) (cursor->end - cursor->at) < size ||
		g_ascii_strncasecmp(cursor->at, word, size) != 0)
		return false;
	cursor->at += size;
	return true;
}

/* Reads a number that is not 0; false: there is none, or it has more than 32 bits. */
static bool
read_number(Cursor *cursor, guint32 *number)
{
	guint64		value = 0;
	const char *start = cursor->at;

	for (; cursor->at < cursor->end && g_ascii_isdigit(*cursor->at); cursor->at++)
	{
		value = value * 10 + (guint64) (*cursor->at - '0');
		if (value > G_MAXUINT32)
			return false;
	}
	*number = (guint32) value;
	return cursor->at > start && value > 0;
}

/* Says what kind of response it is; a tag that is not that of the command ends no command. */
ImapKind
imap_read_kind(const char *response, gsize length, const char *tag)
{
	Cursor		cursor = {response, response + length};

	if (skip(&cursor, "+"))
		return IMAP_CONTINUATION;
	if (!skip(&cursor, tag) || !skip(&cursor, " "))
		return IMAP_UNTAGGED;
	if (skip(&cursor, "OK"))
		return IMAP_OK;
	return skip(&cursor, "NO") ? IMAP_NO : IMAP_BAD;
}

/* Reads a number that a status has: * OK [UIDNEXT 17] ...; false: it is another response. */
bool
imap_read_code(const char *response, gsize length, const char *name, guint32 *number)
{
	Cursor		cursor = {response, response + length};

	return skip(&cursor, "* OK [") && skip(&cursor, name) && skip(&cursor, " ") &&
		read_number(&cursor, number);
}

/* Adds the UIDs that a search found, if the response is that. */
void
imap_read_search(const char *response, gsize length, GArray *uids)
{
	Cursor		cursor = {response, response + length};
	guint32		uid;

	if (!skip(&cursor, "* SEARCH"))
		return;
	while (skip(&cursor, " ") && read_number(&cursor, &uid))
		g_array_append_val(uids, uid);
}

/* Reads "a string" in quotes behind the first of them. */
static bool
read_quoted(Cursor *cursor, GString *text)
{
	while (cursor->at < cursor->end && *cursor->at != '"')
	{
		if (*cursor->at == '\\')
			cursor->at++;
		if (cursor->at == cursor->end || *cursor->at == '\r' || *cursor->at == '\n')
			return false;
		g_string_append_c(text, *cursor->at++);
	}
	return skip(cursor, "\"");
}

/* Reads a literal: {N}, the end of the line, and N bytes. */
static bool
read_literal_value(Cursor *cursor, GString *text)
{
	const char *end = memchr(cursor->at, '\n', (gsize) (cursor->end - cursor->at));
	const char *line = cursor->at;
	gsize		length;

	if (end == NULL)
		return false;
	cursor->at = end + 1;
	if (end > line && end[-1] == '\r')
		end--;
	if (!read_literal(line, end, &length) || line[0] != '{' ||
		memchr(line + 1, '{', (gsize) (end - line) - 1) ||
		length > (gsize) (cursor->end - cursor->at))
		return false;
	g_string_append_len(text, cursor->at, (gssize) length);
	cursor->at += length;
	return true;
}

/* Goes behind an atom, such as NIL, 17 or \Seen. */
static bool
skip_atom(Cursor *cursor)
{
	const char *start = cursor->at;

	while (cursor->at < cursor->end && strchr(" ()\"{\r\n", *cursor->at) == NULL)
		cursor->at++;
	return cursor->at > start;
}

/* Reads a value; text gets what a string has, and is left alone by all else.  False: none. */
static bool
read_value(Cursor *cursor, GString *text, bool *is_string)
{
	int			depth = 0;

	*is_string = false;
	do
	{
		g_autoptr(GString) inner = g_string_new(NULL);
		GString    *target = depth == 0 ? text : inner;

		if (depth > 0 && skip(cursor, " "))
			continue;
		if (depth > 0 && skip(cursor, ")"))
			depth--;
		else if (skip(cursor, "("))
		{
			if (++depth > DEPTH_MAX)
				return false;
		}
		else if (skip(cursor, "\""))
		{
			*is_string |= depth == 0;
			if (!read_quoted(cursor, target))
				return false;
		}
		else if (cursor->at < cursor->end && *cursor->at == '{')
		{
			*is_string |= depth == 0;
			if (!read_literal_value(cursor, target))
				return false;
		}
		else if (!skip_atom(cursor))
			return false;
	} while (depth > 0);
	return true;
}

/* Goes behind the name of an item, such as UID, or BODY[HEADER.FIELDS (TO CC)]<0>. */
static bool
skip_name(Cursor *cursor)
{
	const char *start = cursor->at;
	bool		in_brackets = false;

	for (; cursor->at < cursor->end; cursor->at++)
	{
		if (*cursor->at == '[')
			in_brackets = true;
		else if (*cursor->at == ']')
			in_brackets = false;
		else if (*cursor->at == '\r' || *cursor->at == '\n' ||
				 (!in_brackets && (*cursor->at == ' ' || *cursor->at == ')')))
			break;
	}
	return cursor->at > start;
}

/*
 * Reads what a fetch returned of one mail: * 12 FETCH (UID 4827313 BODY[] {342} ...).
 * False: it is another response.  The caller frees mail->data in every case.
 */
bool
imap_read_fetch(const char *response, gsize length, ImapMail *mail)
{
	Cursor		cursor = {response, response + length};
	guint32		number;

	*mail = (ImapMail) {.uid = 0};
	if (!skip(&cursor, "* ") || !read_number(&cursor, &number) || !skip(&cursor, " FETCH ("))
		return false;
	do
	{
		g_autoptr(GString) text = g_string_new(NULL);
		Cursor		name = cursor;
		bool		is_string;

		if (!skip_name(&cursor) || !skip(&cursor, " "))
			return false;
		if (skip(&name, "UID "))
		{
			if (!read_number(&cursor, &mail->uid))
				return false;
			continue;
		}
		if (!read_value(&cursor, text, &is_string))
			return false;
		if (skip(&name, "BODY[") && is_string && mail->data == NULL)
		{
			mail->length = text->len;
			mail->data = g_string_free(g_steal_pointer(&text), FALSE);
		}
	} while (skip(&cursor, " "));
	return skip(&cursor, ")");
}
