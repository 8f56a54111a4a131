/*
 * template_token.c
 *		Reading the tokens of a text.
 *
 * A token is {{name}}, with fallback and filters behind bars.  It holds no brace, and
 * its name is not blank.
 *
 *		{{name|fallback}}			the fallback as it is written, bars too
 *		{{name|default: 'fallback'}}	what is in the quotes; also default('fallback'),
 *									default 'fallback' and || 'fallback'
 *		{{name|urlencode}}			as part of a URL; beside a fallback too
 *		{{random|one|two}}			one of them
 *
 * White space around a name counts for nothing.  Within, it is one space, unless
 * plain spaces are all there is.  In HTML, character references are characters.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "character.h"
#include "compat.h"
#include "template_reference.h"
#include "template_token.h"

/* What reads a token: a place in it, and where that ends. */
typedef struct Reader
{
	const char *at;
	const char *end;
	TemplateFormat format;
} Reader;

/* What stands between two bars. */
typedef enum SegmentKind
{
	SEGMENT_TEXT,
	SEGMENT_DEFAULT,
	SEGMENT_ENCODE
} SegmentKind;

typedef struct Segment
{
	SegmentKind kind;
	const char *start;
	const char *end;
	LeadString	quoted;			/* of a default */
} Segment;

/* Says whether a string is a word, in any letter case. */
static bool
is_word(const LeadString *string, const char *word)
{
	return string->length == (int) strlen(word) &&
		pg_strncasecmp(string->data, word, string->length) == 0;
}

/* Reads the next character without going on; returns its length. */
static int
peek(const Reader *reader, unsigned int *code_point)
{
	int			length = 0;

	if (reader->format == TEMPLATE_HTML && *reader->at == '&')
		length = template_read_reference(reader->at, reader->end, code_point);
	return length > 0 ? length :
		(int) character_read(reader->at, reader->end - reader->at, code_point);
}

/* Says whether a character counts for nothing around a name. */
static bool
is_around(unsigned int code_point)
{
	CharacterKind kind = character_kind(code_point);

	return kind == CHARACTER_SPACE || kind == CHARACTER_HIDDEN;
}

static void
skip_space(Reader *reader)
{
	unsigned int code_point;

	while (reader->at < reader->end)
	{
		int			length = peek(reader, &code_point);

		if (!is_around(code_point))
			break;
		reader->at += length;
	}
}

/* Returns what there is up to a place without the white space around it. */
static LeadString
trim(Reader reader, const char *stop)
{
	const char *start;
	const char *end;

	reader.end = stop;
	skip_space(&reader);
	start = end = reader.at;
	while (reader.at < reader.end)
	{
		unsigned int code_point;

		reader.at += peek(&reader, &code_point);
		if (!is_around(code_point))
			end = reader.at;
	}
	return (LeadString) {start, end - start};
}

/* Says whether a string has characters that read_string() would make others. */
static bool
has_other_spelling(const LeadString *string, TemplateFormat format)
{
	Reader		reader = {string->data, string->data + string->length, format};

	while (reader.at < reader.end)
	{
		unsigned int code_point;
		int			length = peek(&reader, &code_point);

		if ((*reader.at == '&' && length > 1) ||
			(character_kind(code_point) == CHARACTER_SPACE && *reader.at != ' '))
			return true;
		reader.at += length;
	}
	return false;
}

/*
 * Returns a string with references as the characters that they stand for, but for
 * hidden ones, and, in a name, each run of white space as one space.
 */
static LeadString
read_string(const LeadString *string, TemplateFormat format, bool is_name)
{
	Reader		reader = {string->data, string->data + string->length, format};
	char	   *result;
	int			length = 0;

	if (!has_other_spelling(string, format))
		return *string;
	/* No reference is shorter than its character. */
	result = palloc(string->length);
	while (reader.at < reader.end)
	{
		unsigned int code_point;
		int			step = peek(&reader, &code_point);
		bool		is_reference = *reader.at == '&' && step > 1;
		CharacterKind kind = character_kind(code_point);

		if (is_name && kind == CHARACTER_SPACE)
		{
			if (length == 0 || result[length - 1] != ' ')
				result[length++] = ' ';
		}
		else if (!is_reference)
		{
			memcpy(result + length, reader.at, step);
			length += step;
		}
		else if (kind != CHARACTER_HIDDEN)
		{
			unicode_to_utf8(code_point, (unsigned char *) result + length);
			length += pg_utf_mblen((unsigned char *) result + length);
		}
		reader.at += step;
	}
	return (LeadString) {result, length};
}

/* Returns the family of a quotation mark, by the mark that ASCII has for it; 0: it is none. */
static char
quote_family(unsigned int code_point)
{
	switch (code_point)
	{
		case '\'':
		case '`':
		case 0xb4:
		case 0x2018:
		case 0x2019:
		case 0x201a:
		case 0x201b:
		case 0x2032:
		case 0x2039:
		case 0x203a:
			return '\'';
		case '"':
		case 0xab:
		case 0xbb:
		case 0x201c:
		case 0x201d:
		case 0x201e:
		case 0x201f:
		case 0x2033:
			return '"';
		default:
			return 0;
	}
}

/* Goes to the next bar, or to the end. */
static void
skip_to_bar(Reader *reader)
{
	const char *bar = memchr(reader->at, '|', reader->end - reader->at);

	reader->at = bar ? bar : reader->end;
}

/*
 * Reads what stands in quotes, of the same family, up to a bar or the end; goes to
 * there.  A quote that something else follows is part of it, as in 'it's'.
 */
static bool
read_quoted(Reader *reader, bool in_parentheses, LeadString *quoted)
{
	Reader		inner = *reader;
	unsigned int code_point;
	char		family;

	if (inner.at == inner.end)
		return false;
	inner.at += peek(&inner, &code_point);
	family = quote_family(code_point);
	if (family == 0)
		return false;
	quoted->data = inner.at;
	while (inner.at < inner.end)
	{
		const char *place = inner.at;

		inner.at += peek(&inner, &code_point);
		if (quote_family(code_point) == family)
		{
			Reader		rest = inner;

			skip_space(&rest);
			if (in_parentheses && rest.at < rest.end && *rest.at == ')')
			{
				rest.at++;
				skip_space(&rest);
			}
			if (rest.at == rest.end || *rest.at == '|')
			{
				quoted->length = place - quoted->data;
				reader->at = rest.at;
				return true;
			}
		}
	}
	return false;
}

/* Reads default and a fallback in quotes; goes to the bar behind it, or to the end. */
static bool
read_default(Reader *reader, LeadString *fallback)
{
	static const char word[] = "default";
	Reader		inner = *reader;
	bool		in_parentheses;

	skip_space(&inner);
	if (inner.end - inner.at < (int) sizeof(word) ||
		pg_strncasecmp(inner.at, word, sizeof(word) - 1) != 0)
		return false;
	inner.at += sizeof(word) - 1;
	skip_space(&inner);
	in_parentheses = inner.at < inner.end && *inner.at == '(';
	if (inner.at < inner.end && (*inner.at == ':' || *inner.at == '('))
	{
		inner.at++;
		skip_space(&inner);
	}
	if (!read_quoted(&inner, in_parentheses, fallback))
		return false;
	reader->at = inner.at;
	return true;
}

/* Says whether there is urlencode, or Liquid's url_encode, up to a place. */
static bool
is_urlencode(const Reader *reader, const char *stop)
{
	LeadString	word = trim(*reader, stop);

	return is_word(&word, "urlencode") || is_word(&word, "url_encode");
}

/* Appends a value as part of a URL: all but the unreserved characters of RFC 3986 encoded. */
void
template_encode(StringInfo output, const LeadString *value)
{
	static const char digits[] = "0123456789ABCDEF";

	enlargeStringInfo(output, 3 * value->length);
	for (int i = 0; i < value->length; i++)
	{
		unsigned char c = value->data[i];

		if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			c == '-' || c == '.' || c == '_' || c == '~')
			appendStringInfoCharMacro(output, c);
		else
		{
			appendStringInfoCharMacro(output, '%');
			appendStringInfoCharMacro(output, digits[c >> 4]);
			appendStringInfoCharMacro(output, digits[c & 0xf]);
		}
	}
}

/* Returns a string of the template as part of a URL. */
static LeadString
encode(const LeadString *string, TemplateFormat format)
{
	LeadString	value = read_string(string, format, false);
	StringInfoData output;

	initStringInfo(&output);
	template_encode(&output, &value);
	return (LeadString) {output.data, output.len};
}

/* Returns how many segments there are at most: a bar may be part of one. */
static int
count_segments(const Reader *reader)
{
	int			count = 1;

	for (const char *p = reader->at; p < reader->end; p++)
		count += *p == '|';
	return count;
}

/* Reads the choices of a random text; urlencode as the last one is none. */
static void
read_choices(Reader *reader, TemplateToken *token)
{
	bool		encodes = false;

	token->choices = palloc(sizeof(LeadString) * count_segments(reader));
	for (;;)
	{
		Reader		choice = *reader;

		skip_to_bar(reader);
		encodes = reader->at == reader->end && token->nchoices > 0 &&
			is_urlencode(&choice, reader->at);
		if (!encodes)
			token->choices[token->nchoices++] = trim(choice, reader->at);
		if (reader->at == reader->end)
			break;
		reader->at++;
	}
	for (int i = 0; encodes && i < token->nchoices; i++)
		token->choices[i] = encode(&token->choices[i], reader->format);
}

/* Splits what stands behind the name and its bar; returns the number of segments. */
static int
split(Reader *reader, bool is_doubled, Segment *segments)
{
	for (int count = 0;;)
	{
		Segment    *segment = &segments[count++];
		Reader		inner = *reader;

		skip_space(&inner);
		segment->start = reader->at;
		if (read_default(&inner, &segment->quoted) ||
			(is_doubled && count == 1 && read_quoted(&inner, false, &segment->quoted)))
		{
			segment->kind = SEGMENT_DEFAULT;
			reader->at = inner.at;
		}
		else
		{
			skip_to_bar(reader);
			segment->kind = is_urlencode(&inner, reader->at) ? SEGMENT_ENCODE : SEGMENT_TEXT;
		}
		segment->end = reader->at;
		if (reader->at == reader->end)
			return count;
		reader->at++;
	}
}

/* Takes the fallback of segments of which one is a default, and notes what has no effect. */
static bool
take_default(const Segment *segments, int count, TemplateFormat format, TemplateToken *token)
{
	bool		encodes_fallback = false;

	for (int i = 0; i < count; i++)
	{
		const Segment *segment = &segments[i];
		LeadString	text = trim((Reader) {segment->start, segment->end, format}, segment->end);

		if (segment->kind == SEGMENT_ENCODE)
		{
			token->encodes = true;
			encodes_fallback = token->has_fallback;
		}
		else if (segment->kind == SEGMENT_DEFAULT && !token->has_fallback)
		{
			token->has_fallback = true;
			token->fallback = segment->quoted;
		}
		else if (text.length > 0 && token->passed_over.data == NULL)
			token->passed_over = text;
	}
	return encodes_fallback;
}

/* Takes the fallback of segments without a default: what stands between filters, bars too. */
static bool
take_plain(const Segment *segments, int count, TemplateFormat format, TemplateToken *token)
{
	int			first = 0;
	int			last = count;
	const char *start;
	const char *end;

	while (first < last && segments[first].kind == SEGMENT_ENCODE)
		first++;
	while (last > first && segments[last - 1].kind == SEGMENT_ENCODE)
		last--;
	token->encodes = last - first < count;
	if (first == last)
		return false;
	start = segments[first].start;
	end = segments[last - 1].end;
	token->has_fallback = token->is_plain = true;
	token->fallback = trim((Reader) {start, end, format}, end);
	/* Whoever writes out a space means it. */
	if (token->fallback.length == 0 && memchr(start, '&', end - start))
		token->fallback = (LeadString) {start, end - start};
	return last < count;
}

/* Reads what stands behind the name and its bar: fallback and filters. */
static void
read_filters(Reader *reader, TemplateToken *token)
{
	bool		is_doubled = reader->at < reader->end && *reader->at == '|';
	bool		has_default = false;
	bool		encodes_fallback;
	Segment    *segments;
	int			count;

	reader->at += is_doubled;
	segments = palloc(sizeof(Segment) * count_segments(reader));
	count = split(reader, is_doubled, segments);
	for (int i = 0; i < count; i++)
		has_default |= segments[i].kind == SEGMENT_DEFAULT;
	encodes_fallback = (has_default ? take_default : take_plain) (segments, count,
																  reader->format, token);
	if (encodes_fallback)
		token->fallback = encode(&token->fallback, reader->format);
	pfree(segments);
}

/* Reads the token whose braces start at a place; false if none does. */
static bool
read_token(const char *start, const char *end, TemplateFormat format, TemplateToken *token)
{
	Reader		reader = {start + 2, start + 2, format};
	const char *bar;
	LeadString	name;

	while (reader.end < end && *reader.end != '{' && *reader.end != '}')
		reader.end++;
	if (end - reader.end < 2 || reader.end[0] != '}' || reader.end[1] != '}')
		return false;
	bar = memchr(reader.at, '|', reader.end - reader.at);
	name = trim(reader, bar ? bar : reader.end);
	if (name.length == 0)
		return false;

	*token = (TemplateToken) {.start = start, .end = reader.end + 2};
	token->name = read_string(&name, format, true);
	token->is_random = is_word(&token->name, "random");
	if (bar == NULL)
		return true;
	reader.at = bar + 1;
	if (token->is_random)
		read_choices(&reader, token);
	else
		read_filters(&reader, token);
	return true;
}

/* Finds the first token of a text; false if it has none. */
bool
template_next_token(const char *text, const char *end, TemplateFormat format, TemplateToken *token)
{
	while ((text = memchr(text, '{', end - text)) != NULL)
	{
		if (end - text >= 2 && text[1] == '{' && read_token(text, end, format, token))
			return true;
		text++;
	}
	return false;
}

/* Says whether a string begins and ends with quotation marks of one family. */
bool
template_is_quoted(const LeadString *string, TemplateFormat format)
{
	Reader		reader = {string->data, string->data + string->length, format};
	unsigned int code_point = 0;
	char		first;

	if (string->length == 0)
		return false;
	reader.at += peek(&reader, &code_point);
	first = quote_family(code_point);
	if (first == 0 || reader.at == reader.end)
		return false;
	while (reader.at < reader.end)
		reader.at += peek(&reader, &code_point);
	return quote_family(code_point) == first;
}
