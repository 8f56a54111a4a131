/*
 * report_part.c
 *		The parts of a mail that came.
 *
 * Whoever knows an address sends what they like: mails within mails a thousand times over,
 * charsets that are none, fields without end.  So much is read of each, and no more.
 */
#include "report_part.h"

#include <stdbool.h>
#include <string.h>

#include "mime.h"
#include "text.h"

#define PARTS_MAX 100
#define HEADERS_MAX 1000
#define HEADER_MAX 16384

typedef struct Walk
{
	ReportParts *parts;
	char	   *html;
	int			count;
} Walk;

GMimeMessage *
report_parse(const char *content, gsize size)
{
	GMimeStream *stream;
	GMimeParser *parser;
	GMimeMessage *message;

	mime_start();
	stream = g_mime_stream_mem_new_with_buffer(content, size);
	parser = g_mime_parser_new_with_stream(stream);
	message = g_mime_parser_construct_message(parser, NULL);
	g_object_unref(parser);
	g_object_unref(stream);
	return message;
}

/* Returns bytes as a text: what is not valid is replaced, NUL too. */
static char *
make_text(const char *bytes, gsize length)
{
	return g_utf8_make_valid(bytes, MIN(length, REPORT_TEXT_MAX));
}

/* Returns the length at which bytes are cut, between characters if they are UTF-8. */
static gsize
cut_length(const GByteArray *bytes)
{
	gsize		length = MIN(bytes->len, REPORT_TEXT_MAX);

	for (int i = 0; i < 3 && length > 0 && length < bytes->len; i++)
		length -= (bytes->data[length] & 0xc0) == 0x80;
	return length;
}

/*
 * Returns bytes of a charset as a text.  Where the charset is none, or not what they are, they
 * are UTF-8, or else what most programs write that know no better.
 */
static char *
convert(const GByteArray *bytes, const char *charset)
{
	const char *data = bytes->len > 0 ? (const char *) bytes->data : "";
	gsize		length = cut_length(bytes);
	bool		is_utf8 = g_utf8_validate_len(data, length, NULL);
	gsize		written = 0;
	g_autofree char *converted = NULL;

	if (charset && !(is_utf8 && g_ascii_strcasecmp(charset, "utf-8") == 0))
		converted = g_convert(data, length, "UTF-8", g_mime_charset_iconv_name(charset), NULL,
							  &written, NULL);
	if (converted == NULL && !is_utf8)
		converted = g_convert(data, length, "UTF-8", "WINDOWS-1252", NULL, &written, NULL);
	return converted ? make_text(converted, written) : make_text(data, length);
}

/* Returns the content of a part, decoded. */
static char *
read_part(GMimePart *part)
{
	GMimeDataWrapper *content = g_mime_part_get_content(part);
	GMimeStream *stream;
	char	   *text;

	if (content == NULL)
		return NULL;
	stream = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, stream);
	text = convert(g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream)),
				   g_mime_object_get_content_type_parameter(GMIME_OBJECT(part), "charset"));
	g_object_unref(stream);
	return text;
}

/* Keeps the header of the mail that a report is about. */
static void
keep_original(Walk *walk, GMimeMessagePart *part)
{
	GMimeMessage *message = g_mime_message_part_get_message(part);
	g_autofree char *headers = NULL;

	if (message == NULL || walk->parts->original)
		return;
	headers = g_mime_object_get_headers(GMIME_OBJECT(message), NULL);
	walk->parts->original = headers ? make_text(headers, strlen(headers)) : NULL;
}

/* Keeps the content of a part where it is the first of its kind. */
static void
keep(char **place, GMimePart *part)
{
	if (*place == NULL)
		*place = read_part(part);
}

static void
visit_part(Walk *walk, GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));

	if (g_mime_content_type_is_type(type, "message", "delivery-status") ||
		g_mime_content_type_is_type(type, "message", "global-delivery-status"))
		keep(&walk->parts->status, part);
	else if (g_mime_content_type_is_type(type, "message", "feedback-report"))
		keep(&walk->parts->feedback, part);
	else if (g_mime_content_type_is_type(type, "text", "rfc822-headers") ||
			 g_mime_content_type_is_type(type, "text", "rfc822") ||
			 g_mime_content_type_is_type(type, "message", "global-headers"))
		keep(&walk->parts->original, part);
	else if (g_mime_part_is_attachment(part))
		return;
	else if (g_mime_content_type_is_type(type, "text", "html"))
		keep(&walk->html, part);
	else if (g_mime_content_type_is_type(type, "text", "plain"))
		keep(&walk->parts->text, part);
}

static void
visit(Walk *walk, GMimeObject *object)
{
	if (object == NULL || ++walk->count > PARTS_MAX)
		return;
	if (GMIME_IS_MESSAGE_PART(object))
		keep_original(walk, GMIME_MESSAGE_PART(object));
	else if (GMIME_IS_PART(object))
		visit_part(walk, GMIME_PART(object));
	else if (GMIME_IS_MULTIPART(object))
	{
		GMimeMultipart *multipart = GMIME_MULTIPART(object);
		int			count = g_mime_multipart_get_count(multipart);

		for (int i = 0; i < count && walk->count <= PARTS_MAX; i++)
			visit(walk, g_mime_multipart_get_part(multipart, i));
	}
}

/* Says whether a text has more than space. */
static gboolean
has_words(const char *text)
{
	return text && text[strspn(text, " \t\r\n")] != '\0';
}

void
report_find_parts(GMimeMessage *message, ReportParts *parts)
{
	Walk		walk = {.parts = parts};

	*parts = (ReportParts) {.status = NULL};
	visit(&walk, g_mime_message_get_mime_part(message));
	if (walk.html && !has_words(parts->text))
	{
		g_free(parts->text);
		parts->text = text_of_html(walk.html, strlen(walk.html));
	}
	g_free(walk.html);
}

void
report_clear_parts(ReportParts *parts)
{
	g_free(parts->status);
	g_free(parts->feedback);
	g_free(parts->original);
	g_free(parts->text);
}

char *
report_header(GMimeMessage *message, const char *name)
{
	GMimeHeaderList *list = g_mime_object_get_header_list(GMIME_OBJECT(message));
	int			count = MIN(g_mime_header_list_get_count(list), HEADERS_MAX);
	g_autoptr(GString) values = g_string_new(NULL);

	for (int i = 0; i < count && values->len < HEADER_MAX; i++)
	{
		GMimeHeader *header = g_mime_header_list_get_header_at(list, i);
		const char *value = NULL;
		g_autofree char *valid = NULL;

		if (g_ascii_strcasecmp(g_mime_header_get_name(header), name) == 0)
			value = g_mime_header_get_value(header);
		if (value == NULL)
			continue;
		valid = g_utf8_make_valid(value, MIN(strlen(value), HEADER_MAX));
		g_strdelimit(valid, "\r\n", ' ');
		g_string_append_printf(values, "%s%s", values->len > 0 ? "\n" : "", g_strstrip(valid));
	}
	return g_string_free(g_steal_pointer(&values), FALSE);
}

GHashTable *
report_new_fields(void)
{
	return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

/* Adds a field that was unfolded, unless there is one of its name. */
static void
add_field(GHashTable *fields, const GString *field)
{
	const char *colon = strchr(field->str, ':');
	g_autofree char *name = NULL;

	if (colon == NULL || g_hash_table_size(fields) >= HEADERS_MAX)
		return;
	name = g_ascii_strdown(field->str, colon - field->str);
	g_strstrip(name);
	if (!g_hash_table_contains(fields, name))
		g_hash_table_insert(fields, g_steal_pointer(&name), g_strstrip(g_strdup(colon + 1)));
}

const char *
report_read_fields(const char *text, GHashTable *fields)
{
	g_autoptr(GString) field = g_string_new(NULL);

	while (*text)
	{
		gsize		length = strcspn(text, "\n");
		const char *line = text;
		gsize		shown = length > 0 && line[length - 1] == '\r' ? length - 1 : length;

		text += length + (text[length] == '\n');
		if (strspn(line, " \t") >= shown)
			break;
		if (line[0] != ' ' && line[0] != '\t')
		{
			add_field(fields, field);
			g_string_truncate(field, 0);
		}
		if (field->len < HEADER_MAX)
			g_string_append_len(field, line, MIN(shown, HEADER_MAX));
	}
	add_field(fields, field);
	return text;
}
