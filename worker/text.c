/*
 * text.c
 *		Readable plain text of HTML.
 *
 * Words are put into lines as they come.  Elements say where lines and paragraphs end, and which
 * text nobody sees, such as a preheader.
 */
#include "text.h"

#include <stdbool.h>
#include <string.h>

#include "html.h"

#define LINE_WIDTH 78
/* Levels of lists and of quotations that are shown. */
#define LEVEL_MAX 8
#define URL_MAX 2000

typedef enum Role
{
	ROLE_LINE,					/* begins and ends a line */
	ROLE_PARAGRAPH,				/* has an empty line before and after it */
	ROLE_BREAK,
	ROLE_RULE,
	ROLE_SPACE,					/* stands apart from what is before it */
	ROLE_ITEM,
	ROLE_LIST,
	ROLE_QUOTE,
	ROLE_LINK,
	ROLE_IMAGE,
	ROLE_PRE,
	ROLE_HIDDEN,				/* nobody sees what it has */
	ROLE_VOID,					/* has no content, and no end */
	ROLE_INLINE
} Role;

static const struct
{
	const char *name;
	Role		role;
}			elements[] = {
	{"a", ROLE_LINK}, {"address", ROLE_LINE}, {"area", ROLE_VOID}, {"article", ROLE_PARAGRAPH},
	{"aside", ROLE_PARAGRAPH}, {"audio", ROLE_HIDDEN}, {"base", ROLE_VOID},
	{"blockquote", ROLE_QUOTE}, {"body", ROLE_LINE}, {"br", ROLE_BREAK}, {"caption", ROLE_LINE},
	{"center", ROLE_LINE}, {"col", ROLE_VOID}, {"dd", ROLE_LINE}, {"div", ROLE_LINE},
	{"dl", ROLE_PARAGRAPH}, {"dt", ROLE_LINE}, {"embed", ROLE_VOID}, {"fieldset", ROLE_LINE},
	{"figure", ROLE_PARAGRAPH}, {"footer", ROLE_PARAGRAPH}, {"form", ROLE_LINE},
	{"h1", ROLE_PARAGRAPH}, {"h2", ROLE_PARAGRAPH}, {"h3", ROLE_PARAGRAPH},
	{"h4", ROLE_PARAGRAPH}, {"h5", ROLE_PARAGRAPH}, {"h6", ROLE_PARAGRAPH},
	{"head", ROLE_HIDDEN}, {"header", ROLE_PARAGRAPH}, {"hr", ROLE_RULE}, {"img", ROLE_IMAGE},
	{"input", ROLE_VOID}, {"li", ROLE_ITEM}, {"link", ROLE_VOID}, {"main", ROLE_LINE},
	{"meta", ROLE_VOID}, {"nav", ROLE_PARAGRAPH}, {"object", ROLE_HIDDEN}, {"ol", ROLE_LIST},
	{"p", ROLE_PARAGRAPH}, {"param", ROLE_VOID}, {"pre", ROLE_PRE}, {"section", ROLE_PARAGRAPH},
	{"select", ROLE_HIDDEN}, {"source", ROLE_VOID}, {"svg", ROLE_HIDDEN}, {"table", ROLE_LINE},
	{"td", ROLE_SPACE}, {"template", ROLE_HIDDEN}, {"th", ROLE_SPACE}, {"tr", ROLE_LINE},
	{"track", ROLE_VOID}, {"ul", ROLE_LIST}, {"video", ROLE_HIDDEN}, {"wbr", ROLE_VOID}
};

typedef struct Writer
{
	GString    *output;
	GString    *word;			/* begun, and not yet in a line */
	int			column;			/* of the last line; 0: nothing is on it */
	int			newlines;		/* wanted before the next word */
	bool		space;			/* there is space before the next word */
	int			pre;
	int			quotes;
	int			lists;
	int			items[LEVEL_MAX + 1];	/* number of the last item of each list; -1: not numbered */
	const char *marker;			/* stands before the next word; "" where it has a number */
	char	   *url;			/* of the link that is open */
	GString    *link;			/* its text */
	char		hidden[HTML_NAME_MAX + 1];	/* the element that nobody sees, or "" */
	int			depth;			/* how many of its name are open */
} Writer;

static Role
find_role(const char *name)
{
	for (gsize i = 0; i < G_N_ELEMENTS(elements); i++)
	{
		if (strcmp(elements[i].name, name) == 0)
			return elements[i].role;
	}
	return ROLE_INLINE;
}

/* Returns how many columns a text takes. */
static int
text_width(const char *text)
{
	int			width = 0;

	for (; *text; text = g_utf8_next_char(text))
	{
		gunichar	character = g_utf8_get_char(text);

		width += g_unichar_iszerowidth(character) ? 0 : g_unichar_iswide(character) ? 2 : 1;
	}
	return width;
}

static void
append(Writer *writer, const char *text)
{
	g_string_append(writer->output, text);
	writer->column += text_width(text);
}

/* Ends the line, or leaves one empty; nothing before the first word. */
static void
begin_line(Writer *writer)
{
	while (writer->output->len > 0 && writer->output->str[writer->output->len - 1] == ' ')
		g_string_truncate(writer->output, writer->output->len - 1);
	if (writer->output->len > 0)
		g_string_append_c(writer->output, '\n');
	writer->column = 0;
}

/* Appends what a line begins with: signs of quotation, indentation, the marker of an item. */
static void
append_margin(Writer *writer)
{
	for (int i = 0; i < MIN(writer->quotes, LEVEL_MAX); i++)
		append(writer, "> ");
	for (int i = writer->marker ? 1 : 0; i < MIN(writer->lists, LEVEL_MAX); i++)
		append(writer, "  ");
	if (writer->marker)
	{
		int			number = writer->items[CLAMP(writer->lists, 0, LEVEL_MAX)];
		g_autofree char *numbered = g_strdup_printf("%d. ", number);

		append(writer, number > 0 ? numbered : writer->marker);
		writer->marker = NULL;
	}
}

/* Puts the word that was begun into a line. */
static void
end_word(Writer *writer)
{
	int			width = text_width(writer->word->str);

	if (writer->word->len == 0)
		return;
	if (writer->output->len > 0 && writer->newlines > 0)
	{
		for (int i = 0; i < writer->newlines; i++)
			begin_line(writer);
	}
	else if (writer->column > 0 && writer->space && writer->column + 1 + width > LINE_WIDTH)
		begin_line(writer);
	else if (writer->column > 0 && writer->space)
		append(writer, " ");
	if (writer->column == 0)
		append_margin(writer);
	append(writer, writer->word->str);
	if (writer->url)
	{
		if (writer->space && writer->link->len > 0)
			g_string_append_c(writer->link, ' ');
		g_string_append(writer->link, writer->word->str);
	}
	writer->newlines = 0;
	writer->space = false;
	g_string_truncate(writer->word, 0);
}

/* Wants a new line before the next word, or two. */
static void
want_lines(Writer *writer, int count)
{
	end_word(writer);
	writer->newlines = MAX(writer->newlines, count);
	writer->space = false;
}

/* Writes text: its words, in PRE its lines. */
static void
write_text(Writer *writer, const char *text)
{
	for (; *text; text = g_utf8_next_char(text))
	{
		gunichar	character = g_utf8_get_char(text);

		/* Soft hyphens and characters without width keep mailboxes from showing what follows. */
		if (character == 0xad || character == 0x34f || character == 0x200b || character == 0xfeff)
			continue;
		if (writer->pre && character == '\n')
		{
			end_word(writer);
			writer->newlines = MIN(writer->newlines + 1, 2);
			writer->space = false;
		}
		else if (writer->pre && character == ' ')
			g_string_append_c(writer->word, ' ');
		else if (g_unichar_isspace(character))
		{
			end_word(writer);
			writer->space = true;
		}
		else
			g_string_append_unichar(writer->word, character);
	}
}

/* Says whether a link shows more than its text does. */
static bool
is_news(const char *url, const char *text)
{
	const char *behind = strstr(url, "://");
	gsize		length = strlen(url);

	if (url[0] == '\0' || url[0] == '#' || length > URL_MAX ||
		g_ascii_strncasecmp(url, "javascript:", 11) == 0 ||
		g_ascii_strncasecmp(url, "data:", 5) == 0)
		return false;
	for (const char *c = url; *c; c++)
	{
		if (*c <= ' ' && *c > 0)
			return false;
	}
	return strcmp(url, text) != 0 && (behind == NULL || strcmp(behind + 3, text) != 0);
}

/* Ends a link: its address stands behind its text, on one line. */
static void
end_link(Writer *writer)
{
	g_autofree char *url = NULL;

	end_word(writer);
	url = g_steal_pointer(&writer->url);
	if (url && is_news(url, writer->link->str))
	{
		bool		space = writer->space;

		writer->space = writer->column > 0;
		g_string_printf(writer->word, "<%s>", url);
		end_word(writer);
		writer->space = space;
	}
	g_string_truncate(writer->link, 0);
}

static void
begin_link(Writer *writer, const HtmlToken *token)
{
	g_autofree char *href = html_attribute(token, "href");

	end_link(writer);
	if (href == NULL)
		return;
	g_strstrip(href);
	writer->url = g_strdup(g_ascii_strncasecmp(href, "mailto:", 7) == 0 ? href + 7 : href);
}

static void
write_attribute(Writer *writer, const HtmlToken *token, const char *name)
{
	g_autofree char *value = html_attribute(token, name);

	if (value)
		write_text(writer, value);
}

static void
begin_item(Writer *writer)
{
	int			level = CLAMP(writer->lists, 0, LEVEL_MAX);

	want_lines(writer, 1);
	if (writer->items[level] >= 0 && writer->lists > 0 && writer->items[level] < G_MAXINT)
		writer->items[level]++;
	writer->marker = "* ";
}

static void
begin_list(Writer *writer, bool numbered)
{
	want_lines(writer, writer->lists > 0 ? 1 : 2);
	writer->lists++;
	if (writer->lists <= LEVEL_MAX)
		writer->items[writer->lists] = numbered ? 0 : -1;
}

static void
end_list(Writer *writer)
{
	want_lines(writer, writer->lists > 1 ? 1 : 2);
	writer->lists = MAX(writer->lists - 1, 0);
	writer->marker = NULL;
}

/* Says whether nobody sees an element, by its attributes. */
static bool
is_hidden(const HtmlToken *token)
{
	g_autofree char *hidden = html_attribute(token, "hidden");
	g_autofree char *style = html_attribute(token, "style");
	g_autoptr(GString) squeezed = g_string_new(NULL);

	for (const char *c = style; c && *c; c++)
	{
		if (!g_ascii_isspace(*c))
			g_string_append_c(squeezed, g_ascii_tolower(*c));
	}
	return hidden || strstr(squeezed->str, "display:none") ||
		strstr(squeezed->str, "visibility:hidden");
}

static void
open_element(Writer *writer, const HtmlToken *token, Role role)
{
	switch (role)
	{
		case ROLE_LINE:
			want_lines(writer, 1);
			break;
		case ROLE_PARAGRAPH:
			want_lines(writer, 2);
			break;
		case ROLE_BREAK:
			end_word(writer);
			writer->newlines = MIN(writer->newlines + 1, 2);
			writer->space = false;
			break;
		case ROLE_RULE:
			want_lines(writer, 2);
			g_string_append(writer->word, "----");
			want_lines(writer, 2);
			break;
		case ROLE_SPACE:
			end_word(writer);
			writer->space = true;
			break;
		case ROLE_ITEM:
			begin_item(writer);
			break;
		case ROLE_LIST:
			begin_list(writer, strcmp(token->name, "ol") == 0);
			break;
		case ROLE_QUOTE:
			want_lines(writer, 2);
			writer->quotes++;
			break;
		case ROLE_LINK:
			begin_link(writer, token);
			break;
		case ROLE_IMAGE:
			write_attribute(writer, token, "alt");
			break;
		case ROLE_PRE:
			want_lines(writer, 2);
			writer->pre++;
			break;
		case ROLE_HIDDEN:
		case ROLE_VOID:
		case ROLE_INLINE:
			break;
	}
}

static void
close_element(Writer *writer, Role role)
{
	switch (role)
	{
		case ROLE_LINE:
		case ROLE_ITEM:
			want_lines(writer, 1);
			break;
		case ROLE_PARAGRAPH:
			want_lines(writer, 2);
			break;
		case ROLE_LIST:
			end_list(writer);
			break;
		case ROLE_QUOTE:
			want_lines(writer, 2);
			writer->quotes = MAX(writer->quotes - 1, 0);
			break;
		case ROLE_LINK:
			end_link(writer);
			break;
		case ROLE_PRE:
			want_lines(writer, 2);
			writer->pre = MAX(writer->pre - 1, 0);
			break;
		default:
			break;
	}
}

/*
 * Goes over a tag in an element that nobody sees; true where the tag stands behind it.  A
 * paragraph, an item and a head end without an end tag, too.
 */
static bool
leave_hidden(Writer *writer, const HtmlToken *token, Role role)
{
	bool		same = strcmp(token->name, writer->hidden) == 0;
	bool		open = token->kind == HTML_OPEN;

	if (open && ((same && (role == ROLE_ITEM || strcmp(token->name, "p") == 0)) ||
				 (strcmp(writer->hidden, "p") == 0 && role <= ROLE_PARAGRAPH) ||
				 (strcmp(writer->hidden, "head") == 0 && strcmp(token->name, "body") == 0)))
	{
		writer->hidden[0] = '\0';
		return true;
	}
	if (same)
		writer->depth += open ? 1 : -1;
	if (writer->depth == 0)
		writer->hidden[0] = '\0';
	return false;
}

static void
write_token(Writer *writer, const HtmlToken *token)
{
	Role		role = find_role(token->name);
	bool		has_content = role != ROLE_VOID && role != ROLE_BREAK && role != ROLE_RULE &&
		role != ROLE_IMAGE;

	if (writer->hidden[0] && (token->kind == HTML_TEXT || !leave_hidden(writer, token, role)))
		return;
	if (token->kind == HTML_TEXT)
	{
		g_autoptr(GString) text = g_string_new(NULL);

		html_append_text(text, token->start, token->length);
		write_text(writer, text->str);
	}
	else if (token->kind == HTML_CLOSE)
		close_element(writer, role);
	else if (role != ROLE_HIDDEN && !is_hidden(token))
		open_element(writer, token, role);
	else if (has_content)
	{
		strcpy(writer->hidden, token->name);
		writer->depth = 1;
	}
}

char *
text_of_html(const char *html, gsize length)
{
	g_autofree char *valid = g_utf8_make_valid(html, length);
	g_autoptr(GString) word = g_string_new(NULL);
	g_autoptr(GString) link = g_string_new(NULL);
	Writer		writer = {.output = g_string_new(NULL), .word = word, .link = link};
	Html		reader = {.place = valid};
	HtmlToken	token;

	while (html_next(&reader, &token))
		write_token(&writer, &token);
	end_link(&writer);
	if (writer.output->len > 0)
		begin_line(&writer);
	return g_string_free(writer.output, FALSE);
}
