/*
 * character.c
 *		Characters of a text, and which of them show nothing.
 *
 * This is the one place that knows white space and what is invisible.  White space
 * is Unicode's property White_Space; of the rest, code points that are ignorable by
 * default, and blanks that count as letters there (U+115F, U+2800, U+3164).
 */
#include "character.h"

/* In the order of code points; what stands in no row is shown. */
static const struct
{
	unsigned int first;
	unsigned int last;
	CharacterKind kind;
}			unseen[] =
{
	{0x0, 0x8, CHARACTER_HIDDEN}, {0x9, 0xd, CHARACTER_SPACE}, {0xe, 0x1f, CHARACTER_HIDDEN},
	{0x20, 0x20, CHARACTER_SPACE}, {0x7f, 0x84, CHARACTER_HIDDEN}, {0x85, 0x85, CHARACTER_SPACE},
	{0x86, 0x9f, CHARACTER_HIDDEN}, {0xa0, 0xa0, CHARACTER_SPACE}, {0xad, 0xad, CHARACTER_HIDDEN},
	{0x34f, 0x34f, CHARACTER_JOINED}, {0x61c, 0x61c, CHARACTER_HIDDEN},
	{0x115f, 0x1160, CHARACTER_HIDDEN}, {0x1680, 0x1680, CHARACTER_SPACE},
	{0x17b4, 0x17b5, CHARACTER_HIDDEN}, {0x180b, 0x180d, CHARACTER_JOINED},
	{0x180e, 0x180e, CHARACTER_HIDDEN}, {0x180f, 0x180f, CHARACTER_JOINED},
	{0x2000, 0x200a, CHARACTER_SPACE}, {0x200b, 0x200f, CHARACTER_HIDDEN},
	{0x2028, 0x2029, CHARACTER_SPACE}, {0x202a, 0x202e, CHARACTER_HIDDEN},
	{0x202f, 0x202f, CHARACTER_SPACE}, {0x205f, 0x205f, CHARACTER_SPACE},
	{0x2060, 0x206f, CHARACTER_HIDDEN}, {0x2800, 0x2800, CHARACTER_HIDDEN},
	{0x3000, 0x3000, CHARACTER_SPACE}, {0x3164, 0x3164, CHARACTER_HIDDEN},
	{0xfe00, 0xfe0f, CHARACTER_JOINED}, {0xfeff, 0xfeff, CHARACTER_HIDDEN},
	{0xffa0, 0xffa0, CHARACTER_HIDDEN}, {0xfff0, 0xfffb, CHARACTER_HIDDEN},
	{0x1bca0, 0x1bca3, CHARACTER_HIDDEN}, {0x1d173, 0x1d17a, CHARACTER_HIDDEN},
	{0xe0000, 0xe0fff, CHARACTER_JOINED},
};

/*
 * Reads the first character of a text in UTF-8 (RFC 3629), which is not empty.  Returns
 * its length; a byte that begins none is U+FFFD.
 */
size_t
character_read(const char *text, size_t length, unsigned int *code_point)
{
	static const unsigned int smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned char lead = text[0];
	unsigned int read;
	size_t		need = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;

	*code_point = lead;
	if (need == 1)
		return 1;
	*code_point = 0xfffd;
	if (lead < 0xc2 || lead > 0xf4 || need > length)
		return 1;
	read = lead & (0xff >> (need + 1));
	for (size_t i = 1; i < need; i++)
	{
		if ((text[i] & 0xc0) != 0x80)
			return 1;
		read = read << 6 | (text[i] & 0x3f);
	}
	if (read < smallest[need] || read > 0x10ffff)
		return 1;
	*code_point = read;
	return need;
}

/* Says what there is to see of a character. */
CharacterKind
character_kind(unsigned int code_point)
{
	size_t		low = 0;
	size_t		high = sizeof(unseen) / sizeof(unseen[0]);

	if (code_point > 0x20 && code_point < 0x7f)
		return CHARACTER_SHOWN;
	while (low < high)
	{
		size_t		middle = (low + high) / 2;

		if (code_point > unseen[middle].last)
			low = middle + 1;
		else if (code_point < unseen[middle].first)
			high = middle;
		else
			return unseen[middle].kind;
	}
	return CHARACTER_SHOWN;
}

/* Says whether a text shows nothing. */
bool
character_is_blank(const char *text, size_t length)
{
	for (size_t i = 0; i < length;)
	{
		unsigned int code_point;

		i += character_read(text + i, length - i, &code_point);
		if (character_kind(code_point) == CHARACTER_SHOWN)
			return false;
	}
	return true;
}

/* Says whether a character goes from around a text: control characters are an error there. */
static bool
is_around(unsigned int code_point)
{
	CharacterKind kind = character_kind(code_point);

	return kind == CHARACTER_SPACE || (kind == CHARACTER_HIDDEN && code_point >= 0xa0);
}

/*
 * Takes away what shows nothing on both sides of a text: moves its beginning, and
 * returns its length.
 */
size_t
character_trim(const char **text, size_t length)
{
	unsigned int code_point;

	while (length > 0)
	{
		size_t		step = character_read(*text, length, &code_point);

		if (!is_around(code_point))
			break;
		*text += step;
		length -= step;
	}
	while (length > 0)
	{
		size_t		start = length - 1;

		while (start > 0 && length - start < 4 && ((*text)[start] & 0xc0) == 0x80)
			start--;
		if (character_read(*text + start, length - start, &code_point) != length - start ||
			!is_around(code_point))
			break;
		length = start;
	}
	return length;
}
