/*
 * test_text.c
 *		Plain text of HTML.
 */
#include <string.h>

#include "is.h"
#include "text.h"

static const struct
{
	const char *name;
	const char *html;
	const char *text;
}			texts[] = {
	{"nothing", "", ""},
	{"space alone", " \n&nbsp;<br><p></p>", ""},
	{"a word", "Hi", "Hi\n"},
	{"paragraphs", "<p>One\n two</p><p>Three</p>", "One two\n\nThree\n"},
	{"line breaks", "One<br>two<br/><br/>three<br><br><br><br>four", "One\ntwo\n\nthree\n\nfour\n"},
	{"blocks", "<div>One<div>two</div></div><div>three</div>", "One\ntwo\nthree\n"},
	{"inline elements", "a<b>b</b><i> c</i> <span>d</span>", "ab c d\n"},
	{"a list", "x<ul><li>One</li><li>two</ul>y", "x\n\n* One\n* two\n\ny\n"},
	{"a numbered list", "<ol><li>One<li>two<ul><li>in</ul><li>three</ol>",
	"1. One\n2. two\n  * in\n3. three\n"},
	{"an item without a list", "<li>One", "* One\n"},
	{"a quotation", "a<blockquote>b<br>c</blockquote>d", "a\n\n> b\n> c\n\nd\n"},
	{"a table", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"},
	{"a link", "See <a href=\"https://example.com/?a=1&amp;b=2\">this  page</a>.",
	"See this page <https://example.com/?a=1&b=2>.\n"},
	{"a link that shows itself", "<a href='https://example.com/'>https://example.com/</a>",
	"https://example.com/\n"},
	{"a link that shows its host", "<a href=https://example.com>example.com</a>", "example.com\n"},
	{"a link to an address", "<a href='mailto:a@b.example'>a@b.example</a>", "a@b.example\n"},
	{"a link of an image", "<a href='https://example.com/'><img src=x alt='Our  logo'></a>",
	"Our logo <https://example.com/>\n"},
	{"a link without a text", "<a href='https://example.com/'><img src=x></a>",
	"<https://example.com/>\n"},
	{"a link that is none", "<a href='javascript:x'>a</a> <a href='#b'>b</a> <a name=c>c</a>",
	"a b c\n"},
	{"a link that ends nowhere", "<a href='https://example.com/'>a", "a <https://example.com/>\n"},
	{"a link in a link", "<a href='x:1'>a <a href='x:2'>b</a></a>", "a <x:1> b <x:2>\n"},
	{"entities", "&lt;&amp;&gt;&quot;&apos;&euro;&hellip;&Auml;&ouml;&#228;&#xE4;&#XE4",
	"<&>\"'\342\202\254\342\200\246\303\204\303\266\303\244\303\244\303\244\n"},
	{"what is no entity", "a & b &; &x; &#; &#x; &unknown; AT&T &amp",
	"a & b &; &x; &#; &#x; &unknown; AT&T &amp\n"},
	{"numbers of no character", "&#0;&#55296;&#x110000;&#99999999999;&#146;",
	"\357\277\275\357\277\275\357\277\275\357\277\275\342\200\231\n"},
	{"no-break spaces", "a&nbsp;&nbsp;b\302\240c", "a b c\n"},
	{"comments", "a<!-- x > y -- z --><!doctype html><?xml x?><![if !mso]>b<![endif]>c<!-->d<!--",
	"abcd\n"},
	{"conditional comments", "a<!--[if mso]><p>x</p><![endif]-->b", "ab\n"},
	{"scripts and styles",
		"a<script>if (a</b) '</p>'</script>b<STYLE>p > a {}</Style >c<title>t</title>d",
	"abcd\n"},
	{"a script that ends nowhere", "a<script>b</scripty>c", "a\n"},
	{"a head", "<html><head><meta x><title>t</title>y</head><body>z", "z\n"},
	{"a head that ends nowhere", "<head><meta x>y<body>z", "z\n"},
	{"a preheader", "<div style=\"display:none;font-size:1px;line-height:1px;"
		"max-height:0;max-width:0;opacity:0;overflow:hidden;mso-hide:all\">In short"
	"&#847;&zwnj;&nbsp;</div><p>Hi</p>", "Hi\n"},
	{"hidden elements",
		"a<div style='DISPLAY : none'>b<div>c</div>d</div>e<p hidden>f<p>g",
	"ae\n\ng\n"},
	{"hidden cells", "<td style=display:none>a</td><td>b</td>", "b\n"},
	{"hidden images", "<img style=display:none alt=a>b", "b\n"},
	{"a style that hides nothing", "<p style='display:block'>a", "a\n"},
	{"preformatted text", "<pre>a  b\n\n  c\n</pre>d  e", "a  b\n\n  c\n\nd e\n"},
	{"a long line of preformatted text",
		"<pre>aaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaa aaaa",
	"aaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaa aaaaaaaaaaaaaaaaaaaaaaaaa aaaa\n"},
	{"a rule", "a<hr>b", "a\n\n----\n\nb\n"},
	{"less-than signs", "a < b <3 <- c<", "a < b <3 <- c<\n"},
	{"attributes with signs", "<p title='a>b' x=\">\" y=/>c", "c\n"},
	{"a tag that ends nowhere", "a<p title='b", "a\n"},
	{"end tags that end nothing", "</p></div></ul></blockquote></pre></a></x></>a", "a\n"},
	{"controls", "a\001b\033[1mc\r\nd\177e", "a b [1mc d e\n"},
	{"what is no UTF-8", "a\377b", "a\357\277\275b\n"},
	{"soft hyphens", "hy&shy;phen\342\200\213s", "hyphens\n"},
};

static void
test_wrapping(void)
{
	g_autoptr(GString) html = g_string_new("<p>");
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;
	bool		fits = true;

	for (int i = 0; i < 200; i++)
		g_string_append(html, i % 7 == 0 ? "w\303\266rter " : "and ");
	text = text_of_html(html->str, html->len);
	lines = g_strsplit(text, "\n", -1);
	for (char **line = lines; *line; line++)
		fits = fits && g_utf8_strlen(*line, -1) <= 78;
	ok(fits && g_strv_length(lines) > 10, "lines have at most 78 characters");
}

/* Reads a text that repeats something; the time says whether that is done in one go. */
static void
test_hostile(const char *beginning, const char *repeated)
{
	g_autoptr(GString) html = g_string_new(beginning);
	g_autofree char *text = NULL;
	gint64		start = g_get_monotonic_time();
	g_autofree char *name = g_strdup_printf("a million bytes of %s", repeated);

	for (int i = 0; html->len < 1000000; i++)
	{
		g_string_append(html, repeated);
		if (g_str_has_suffix(repeated, "="))
			g_string_append_printf(html, "%d ", i);
	}
	text = text_of_html(html->str, html->len);
	ok(g_utf8_validate(text, -1, NULL) &&
	   g_get_monotonic_time() - start < 60 * G_USEC_PER_SEC, "%s", name);
}

int
main(void)
{
	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
	{
		g_autofree char *text = text_of_html(texts[i].html, strlen(texts[i].html));

		is(text, texts[i].text, texts[i].name);
	}
	{
		g_autofree char *text = text_of_html("a\0b", 3);

		is(text, "a\357\277\275b\n", "NUL");
	}
	test_wrapping();
	test_hostile("", "<b>");
	test_hostile("", "<blockquote><ul><li>x");
	test_hostile("<a ", "a=");
	test_hostile("", "<p><i>x</b>");
	test_hostile("", "<a href='x:y'>");
	test_hostile("", "<!--");
	test_hostile("", "<script>");
	test_hostile("", "</script");
	test_hostile("", "&zz");
	test_hostile("", "&#146");
	test_hostile("", "<div style=display:none>");
	test_hostile("", "<p title=\"x");
	test_hostile("", "<");
	test_hostile("", "x");
	test_hostile("", "<br>");
	test_hostile("<a href=x:y>", "w ");
	return done_testing();
}
