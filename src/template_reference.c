/*
 * template_reference.c
 *		Character references of HTML, such as &nbsp; and &#160;.
 *
 * Of the names of characters, those of Latin-1, of white space and of quotation marks
 * are known: what editors write into a token by themselves.
 */
#include "postgres.h"

#include "compat.h"
#include "lead_field.h"
#include "template_reference.h"

/* Characters of the longest reference. */
#define REFERENCE_MAX 16

/* Names of U+00A0 to U+00FF, in their order. */
static const char *const latin1_names[] = {
	"nbsp", "iexcl", "cent", "pound", "curren", "yen", "brvbar", "sect",
	"uml", "copy", "ordf", "laquo", "not", "shy", "reg", "macr",
	"deg", "plusmn", "sup2", "sup3", "acute", "micro", "para", "middot",
	"cedil", "sup1", "ordm", "raquo", "frac14", "frac12", "frac34", "iquest",
	"Agrave", "Aacute", "Acirc", "Atilde", "Auml", "Aring", "AElig", "Ccedil",
	"Egrave", "Eacute", "Ecirc", "Euml", "Igrave", "Iacute", "Icirc", "Iuml",
	"ETH", "Ntilde", "Ograve", "Oacute", "Ocirc", "Otilde", "Ouml", "times",
	"Oslash", "Ugrave", "Uacute", "Ucirc", "Uuml", "Yacute", "THORN", "szlig",
	"agrave", "aacute", "acirc", "atilde", "auml", "aring", "aelig", "ccedil",
	"egrave", "eacute", "ecirc", "euml", "igrave", "iacute", "icirc", "iuml",
	"eth", "ntilde", "ograve", "oacute", "ocirc", "otilde", "ouml", "divide",
	"oslash", "ugrave", "uacute", "ucirc", "uuml", "yacute", "thorn", "yuml"
};

StaticAssertDecl(lengthof(latin1_names) == 0x100 - 0xa0, "every character has its name");

static const struct
{
	const char *name;
	unsigned int code_point;
}			other_names[] = {
	{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"grave", '`'},
	{"Tab", '\t'}, {"NewLine", '\n'}, {"ensp", 0x2002}, {"emsp", 0x2003}, {"thinsp", 0x2009},
	{"hairsp", 0x200a}, {"ZeroWidthSpace", 0x200b}, {"zwnj", 0x200c}, {"zwj", 0x200d},
	{"lrm", 0x200e}, {"rlm", 0x200f}, {"NoBreak", 0x2060},
	{"lsquo", 0x2018}, {"rsquo", 0x2019}, {"sbquo", 0x201a}, {"ldquo", 0x201c}, {"rdquo", 0x201d},
	{"bdquo", 0x201e}, {"prime", 0x2032}, {"Prime", 0x2033}, {"lsaquo", 0x2039}, {"rsaquo", 0x203a},
};

/* Returns the character that a name stands for in HTML; 0: it is not known. */
static unsigned int
find_reference(const char *name, int length)
{
	for (size_t i = 0; i < lengthof(latin1_names); i++)
	{
		if (lead_name_is(name, length, latin1_names[i]))
			return 0xa0 + i;
	}
	for (size_t i = 0; i < lengthof(other_names); i++)
	{
		if (lead_name_is(name, length, other_names[i].name))
			return other_names[i].code_point;
	}
	return 0;
}

/* Returns the character that digits stand for; 0: none. */
static unsigned int
read_number(const char *digits, int length)
{
	bool		is_hex = length > 0 && (digits[0] == 'x' || digits[0] == 'X');
	unsigned int number = 0;

	for (int i = is_hex; i < length; i++)
	{
		int			digit = json_hex_digit(digits[i]);

		if (digit < 0 || (!is_hex && digit > 9) || number > 0x10ffff)
			return 0;
		number = number * (is_hex ? 16 : 10) + digit;
	}
	return number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff) ? 0 : number;
}

/* Reads a character reference of HTML, "&" and ";" included; returns its length, 0: none. */
int
template_read_reference(const char *text, const char *end, unsigned int *code_point)
{
	const char *close = memchr(text, ';', Min(end - text, REFERENCE_MAX));
	const char *name = text + 1;

	if (close == NULL)
		return 0;
	if (*name == '#')
		*code_point = read_number(name + 1, close - name - 1);
	else
		*code_point = find_reference(name, close - name);
	return *code_point == 0 ? 0 : close + 1 - text;
}
