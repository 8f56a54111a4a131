/*
 * space.c
 *		Characters that show nothing: white space, and what has no width.
 *
 * This is the one place that says which these are.  Spreadsheets, mail programs and
 * web pages leave them around what people copy, and nobody sees them there.
 */
#include "space.h"

/*
 * Those above ASCII: White_Space of Unicode, format characters (soft hyphen, joiners,
 * marks of direction, the byte order mark), fillers, and the blank of Braille.  What
 * changes the character in front of it, such as a variation selector, is none.
 */
static const struct
{
	unsigned int first;
	unsigned int last;
}			spaces[] =
{
	{0x85, 0x85}, {0xa0, 0xa0}, {0xad, 0xad}, {0x34f, 0x34f}, {0x61c, 0x61c},
	{0x115f, 0x1160}, {0x1680, 0x1680}, {0x17b4, 0x17b5}, {0x180e, 0x180e},
	{0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x2800, 0x2800},
	{0x3000, 0x3000}, {0x3164, 0x3164}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
};

/*
 * Returns the octets of the character that a text in UTF-8 begins with, 0 if there is
 * none or it shows anything.
 */
size_t
space_length(const char *text, size_t length)
{
	const unsigned char *octets = (const unsigned char *) text;
	unsigned int code_point;
	size_t		need;

	if (length == 0)
		return 0;
	if (octets[0] < 0x80)
		return octets[0] == ' ' || (octets[0] >= '\t' && octets[0] <= '\r');
	/* None of them takes more than three octets. */
	need = octets[0] >= 0xe0 ? 3 : 2;
	if (octets[0] < 0xc2 || octets[0] >= 0xf0 || need > length)
		return 0;
	code_point = octets[0] & (0xff >> (need + 1));
	for (size_t i = 1; i < need; i++)
		code_point = code_point << 6 | (octets[i] & 0x3f);
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++)
	{
		if (code_point >= spaces[i].first && code_point <= spaces[i].last)
			return need;
	}
	return 0;
}

/* Returns the octets of the last character of a text, 0 if it shows anything. */
static size_t
last_length(const char *text, size_t length)
{
	size_t		start = length - 1;

	while (start > 0 && length - start < 3 && (text[start] & 0xc0) == 0x80)
		start--;
	return space_length(text + start, length - start) == length - start ? length - start : 0;
}

/*
 * Takes away what shows nothing on both sides of a text: moves its beginning, and
 * returns its length.
 */
size_t
space_trim(const char **text, size_t length)
{
	size_t		step;

	while ((step = space_length(*text, length)) > 0)
	{
		*text += step;
		length -= step;
	}
	while (length > 0 && (step = last_length(*text, length)) > 0)
		length -= step;
	return length;
}
