/*
 * report_reply.c
 *		What a reply says.
 */
#include "report_reply.h"

#include <glib.h>
#include <string.h>

#define SNIPPET_MAX 500
/* Lines that are looked at, and characters of a line. */
#define LINES_MAX 2000
#define LINE_MAX_SHOWN 1000
/* Lines that "On Monday, Ann wrote:" takes at most, and the header that Outlook writes. */
#define ATTRIBUTION_LINES 3
#define HEADER_LINES 5

/* How programs begin what they say of the mail that they quote, and a word that it has. */
static const char *const attribution_beginnings[] = {
	"On ", "Am ", "Le ", "El ", "Il ", "Op ", "Em ", "Den ", "W dniu ", "Dnia "
};
static const char *const attribution_words[] = {
	" wrote", " schrieb", " a \303\251crit", " escribi\303\263", " ha scritto", " schreef",
	" escreveu", " skrev", " napisa\305\202"
};

/* Lines of the header that Outlook writes above the mail that it quotes. */
static const char *const header_beginnings[] = {"From:", "Von:", "De:", "De :", "Da:", "Van:"};
static const char *const header_others[] = {
	"Sent:", "Date:", "Gesendet:", "Datum:", "Envoy\303\251", "Enviado", "Inviato", "Verzonden:"
};

/* All that the first line says where no more mail is wanted. */
static const char *const unsubscribe_lines[] = {
	"abbestellen", "abmelden", "afmelden", "bitte abmelden", "cancel subscription",
	"darme de baja", "d\303\251sabonner", "d\303\251sinscription", "disiscrivimi",
	"leave me alone", "me d\303\251sinscrire", "no more emails", "no more emails please",
	"opt me out", "opt out", "opt-out", "please opt me out", "please remove",
	"please remove me", "please remove me from your list",
	"please remove me from your mailing list", "please stop", "please stop emailing me",
	"please take me off your list", "please unsubscribe", "please unsubscribe me", "remove",
	"remove me", "remove me from your list", "remove me from your mailing list",
	"remove me please", "stop", "stop emailing me", "stop please", "take me off",
	"take me off your list", "uitschrijven", "unsubscribe", "unsubscribe me",
	"unsubscribe me please", "unsubscribe please"
};

static bool
begins_with_any(const char *line, const char *const *beginnings, gsize count)
{
	for (gsize i = 0; i < count; i++)
	{
		if (g_str_has_prefix(line, beginnings[i]))
			return true;
	}
	return false;
}

#define BEGINS_WITH(line, list) begins_with_any(line, list, G_N_ELEMENTS(list))

/* Says whether lines say who wrote what follows: "On Monday, Ann wrote:". */
static bool
is_attribution(char *const *lines)
{
	g_autoptr(GString) joined = g_string_new(NULL);

	if (!BEGINS_WITH(lines[0], attribution_beginnings))
		return false;
	for (int i = 0; i < ATTRIBUTION_LINES && lines[i]; i++)
	{
		g_string_append_printf(joined, " %s", lines[i]);
		if (!g_str_has_suffix(lines[i], ":"))
			continue;
		for (gsize j = 0; j < G_N_ELEMENTS(attribution_words); j++)
		{
			if (strstr(joined->str, attribution_words[j]))
				return true;
		}
	}
	return false;
}

/* Says whether lines are the header that Outlook writes. */
static bool
is_header(char *const *lines)
{
	const char *first = lines[0] + strspn(lines[0], "*");

	if (!BEGINS_WITH(first, header_beginnings))
		return false;
	for (int i = 1; i < HEADER_LINES && lines[i]; i++)
	{
		if (BEGINS_WITH(lines[i] + strspn(lines[i], "*"), header_others))
			return true;
	}
	return false;
}

/* Says whether a line separates: "-----Original Message-----", or underscores. */
static bool
is_separator(const char *line)
{
	gsize		length = strlen(line);
	gsize		dashes = strspn(line, "-");

	if (strcmp(line, "Begin forwarded message:") == 0 ||
		(length >= 20 && strspn(line, "_") == length))
		return true;
	return dashes >= 5 && dashes < length && g_str_has_suffix(line, "-----");
}

/* Returns the lines of a text without space around them and controls in them. */
static GStrv
split_lines(const char *text)
{
	GPtrArray  *lines = g_ptr_array_new();

	while (*text && lines->len < LINES_MAX)
	{
		gsize		length = strcspn(text, "\n");
		g_autofree char *valid = g_utf8_make_valid(text, MIN(length, LINE_MAX_SHOWN));
		GString    *line = g_string_new(NULL);

		for (const char *c = valid; *c; c = g_utf8_next_char(c))
		{
			gunichar	character = g_utf8_get_char(c);

			g_string_append_unichar(line, g_unichar_iscntrl(character) ||
									g_unichar_isspace(character) ? ' ' : character);
		}
		g_ptr_array_add(lines, g_strstrip(g_string_free(line, FALSE)));
		text += length + (text[length] == '\n');
	}
	g_ptr_array_add(lines, NULL);
	return (GStrv) g_ptr_array_free(lines, FALSE);
}

char *
report_snippet(const char *text)
{
	g_auto(GStrv) lines = split_lines(text);
	g_autoptr(GString) snippet = g_string_new(NULL);
	bool		in_attribution = false;

	for (char **line = lines; *line; line++)
	{
		bool		attributes = is_attribution(line);

		if (snippet->len > 0 && (line[0][0] == '>' || attributes))
			break;
		if (is_header(line) || is_separator(*line) || strcmp(*line, "--") == 0)
			break;
		/* Who answers below what they quote has the attribution first. */
		in_attribution = attributes || (in_attribution && line[0][0] != '>' && line[0][0] != '\0');
		if (in_attribution || line[0][0] == '>' || (snippet->len == 0 && line[0][0] == '\0'))
			continue;
		g_string_append_printf(snippet, "%s\n", *line);
	}
	g_strchomp(snippet->str);
	if (snippet->str[0] == '\0')
		return NULL;
	return g_utf8_substring(snippet->str, 0, MIN(g_utf8_strlen(snippet->str, -1), SNIPPET_MAX));
}

bool
report_is_unsubscribe(const char *text)
{
	g_autofree char *first = g_strndup(text, strcspn(text, "\n"));
	g_autofree char *lower = g_utf8_strdown(first, -1);
	g_autoptr(GString) words = g_string_new(NULL);

	for (const char *c = lower; *c; c++)
	{
		if (!strchr(".,!\"'*_()[]", *c))
			g_string_append_c(words, *c);
	}
	g_strstrip(words->str);
	for (gsize i = 0; i < G_N_ELEMENTS(unsubscribe_lines); i++)
	{
		if (strcmp(words->str, unsubscribe_lines[i]) == 0)
			return true;
	}
	return false;
}
