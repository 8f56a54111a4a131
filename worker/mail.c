/*
 * mail.c
 *		Composes the mail of a message.
 *
 * The header is written here, the body by GMime.  Nothing that came from a lead's record makes a
 * second header or ends the body, and no line is longer than SMTP takes.
 */
#include "mail.h"

#include <gmime/gmime.h>
#include <string.h>

#include "../src/standard.h"
#include "mail_address.h"
#include "mail_header.h"
#include "mime.h"
#include "text.h"

/* Characters of a line of a body, and of a link that stands in a header. */
#define BODY_LINE_MAX 76
#define URL_MAX 900

/* Returns a Message-ID; null and an error where the id of the message is no UUID. */
static char *
make_id(const char *message_id, const char *domain, GError **error)
{
	g_autofree char *id = NULL;

	if (message_id == NULL || !g_uuid_string_is_valid(message_id))
	{
		g_set_error(error, MAIL_ERROR, 0, "the id of a message is no UUID");
		return NULL;
	}
	id = g_ascii_strdown(message_id, -1);
	return g_strdup_printf("<%s@%s>", id, domain);
}

/* Appends In-Reply-To and References, if there are any. */
static bool
append_references(GString *header, char *const *references, const char *domain, GError **error)
{
	g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GPtrArray) last = g_ptr_array_new();

	for (; references && *references; references++)
	{
		char	   *id = make_id(*references, domain, error);

		if (id == NULL)
			return false;
		g_ptr_array_add(all, id);
	}
	if (all->len == 0)
		return true;
	g_ptr_array_add(last, all->pdata[all->len - 1]);
	mail_header_tokens(header, "In-Reply-To", last);
	mail_header_tokens(header, "References", all);
	return true;
}

/* Appends by what a mailbox unsubscribes (RFC 2369, and by one click RFC 8058: https alone). */
static bool
append_unsubscribe(GString *header, const char *url, GError **error)
{
	g_autofree char *escaped = g_uri_escape_string(url, ":/?#[]@!$&'()*+,;=%", FALSE);
	g_autofree char *bracketed = g_strdup_printf("<%s>", escaped);
	g_autoptr(GPtrArray) tokens = g_ptr_array_new();

	if (strlen(bracketed) > URL_MAX)
	{
		g_set_error(error, MAIL_ERROR, 0, "the link to unsubscribe is longer than %d characters",
					URL_MAX);
		return false;
	}
	g_ptr_array_add(tokens, bracketed);
	mail_header_tokens(header, "List-Unsubscribe", tokens);
	if (g_ascii_strncasecmp(url, "https://", 8) == 0)
		mail_header_text(header, "List-Unsubscribe-Post", "List-Unsubscribe=One-Click");
	return true;
}

/* Appends the headers of the step. */
static bool
append_own(GString *header, char *const *headers, GError **error)
{
	for (; headers && headers[0] && headers[1]; headers += 2)
	{
		if (!standard_is_header_name(headers[0], strlen(headers[0])))
		{
			g_set_error(error, MAIL_ERROR, 0, "a step cannot set a header of this name");
			return false;
		}
		mail_header_text(header, headers[0], headers[1]);
	}
	return true;
}

/* Addresses of a mail, as SMTP takes them. */
typedef struct Addresses
{
	char	   *from;
	const char *from_name;
	char	   *to;
	char	   *reply_to;
} Addresses;

static void
clear_addresses(Addresses *addresses)
{
	g_free(addresses->from);
	g_free(addresses->to);
	g_free(addresses->reply_to);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Addresses, clear_addresses)

static bool
read_addresses(const Message *message, const char *from_address, const char *from_name,
			   Addresses *addresses, bool *utf8, GError **error)
{
	bool		has_sender = message->sender_email && message->sender_email[0];

	addresses->from_name = has_sender ? message->sender_name : from_name;
	if (!has_sender && from_address == NULL)
	{
		g_set_error(error, MAIL_ERROR, 0, "neither the message nor its transport has a sender");
		return false;
	}
	addresses->from = mail_address(has_sender ? message->sender_email : from_address, utf8, error);
	if (addresses->from == NULL)
		return false;
	addresses->to = mail_address(message->email, utf8, error);
	if (addresses->to == NULL)
		return false;
	if (message->reply_to == NULL || message->reply_to[0] == '\0')
		return true;
	addresses->reply_to = mail_address(message->reply_to, utf8, error);
	return addresses->reply_to != NULL;
}

/* Returns the header without that of the body; null and an error. */
static char *
make_header(const Message *message, const Addresses *addresses, GError **error)
{
	g_autoptr(GString) header = g_string_new(NULL);
	g_autoptr(GPtrArray) ids = g_ptr_array_new_with_free_func(g_free);
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *date = g_mime_utils_header_format_date(now);
	const char *domain = mail_address_domain(addresses->from);
	char	   *id = make_id(message->message_id, domain, error);

	if (id == NULL)
		return NULL;
	g_ptr_array_add(ids, id);
	mail_header_mailbox(header, "From", addresses->from_name, addresses->from);
	mail_header_mailbox(header, "To", NULL, addresses->to);
	if (addresses->reply_to)
		mail_header_mailbox(header, "Reply-To", NULL, addresses->reply_to);
	mail_header_text(header, "Subject", message->subject ? message->subject : "");
	mail_header_text(header, "Date", date);
	mail_header_tokens(header, "Message-ID", ids);
	if (!append_references(header, message->references, domain, error))
		return NULL;
	if (message->unsubscribe_url && message->unsubscribe_url[0] &&
		!append_unsubscribe(header, message->unsubscribe_url, error))
		return NULL;
	if (!append_own(header, message->headers, error))
		return NULL;
	g_string_append(header, "MIME-Version: 1.0\r\n");
	return g_string_free(g_steal_pointer(&header), FALSE);
}

/* Returns a text as valid UTF-8 whose lines end in CRLF, the last one too. */
static GString *
normalize_lines(const char *text)
{
	g_autofree char *valid = g_utf8_make_valid(text, -1);
	GString    *lines = g_string_sized_new(strlen(valid) + 2);

	for (const char *c = valid; *c; c++)
	{
		if (*c != '\r' && *c != '\n')
			g_string_append_c(lines, *c);
		else
			g_string_append(lines, "\r\n");
		if (c[0] == '\r' && c[1] == '\n')
			c++;
	}
	if (lines->len == 0 || lines->str[lines->len - 1] != '\n')
		g_string_append(lines, "\r\n");
	return lines;
}

/* Returns the encoding by which lines get through: none where they are short and ASCII. */
static GMimeContentEncoding
choose_encoding(const GString *lines)
{
	gsize		escaped = 0;
	gsize		length = 0;
	bool		is_plain = true;

	for (gsize i = 0; i < lines->len; i++)
	{
		guchar		byte = lines->str[i];

		if (byte == '\n')
			length = 0;
		else if (byte != '\r')
			length++;
		if (byte >= 0x7f || (byte < ' ' && byte != '\t' && byte != '\r' && byte != '\n'))
		{
			escaped++;
			is_plain = false;
		}
		/* Space at the end of a line does not last. */
		if (length > BODY_LINE_MAX || (byte == '\r' && i > 0 && strchr(" \t", lines->str[i - 1])))
			is_plain = false;
	}
	if (is_plain)
		return GMIME_CONTENT_ENCODING_7BIT;
	return escaped > lines->len / 5 ? GMIME_CONTENT_ENCODING_BASE64 :
		GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
}

/* Makes a part of a text. */
static GMimeObject *
make_part(const char *subtype, const char *text)
{
	g_autoptr(GString) lines = normalize_lines(text);
	GMimeContentEncoding encoding = choose_encoding(lines);
	GMimePart  *part = g_mime_part_new_with_type("text", subtype);
	GMimeStream *stream = g_mime_stream_mem_new_with_buffer(lines->str, lines->len);
	GMimeDataWrapper *content =
		g_mime_data_wrapper_new_with_stream(stream, GMIME_CONTENT_ENCODING_DEFAULT);

	g_mime_object_set_content_type_parameter(GMIME_OBJECT(part), "charset", "utf-8");
	g_mime_part_set_content(part, content);
	g_mime_part_set_content_encoding(part, encoding);
	g_object_unref(content);
	g_object_unref(stream);
	return GMIME_OBJECT(part);
}

/* Makes the body: the text, and the HTML if there is one. */
static GMimeObject *
make_body(const Message *message)
{
	const char *html = message->body_html ? message->body_html : "";
	g_autofree char *text = message->body_text ? NULL : text_of_html(html, strlen(html));
	GMimeObject *plain = make_part("plain", message->body_text ? message->body_text : text);
	GMimeObject *rich;
	GMimeMultipart *both;

	if (html[0] == '\0')
		return plain;
	rich = make_part("html", html);
	both = g_mime_multipart_new_with_subtype("alternative");
	g_mime_multipart_add(both, plain);
	g_mime_multipart_add(both, rich);
	g_object_unref(plain);
	g_object_unref(rich);
	return GMIME_OBJECT(both);
}

static void
append_object(GByteArray *content, GMimeObject *object)
{
	GMimeFormatOptions *options = g_mime_format_options_new();
	GMimeStream *stream = g_mime_stream_mem_new();
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(stream));

	g_mime_format_options_set_newline_format(options, GMIME_NEWLINE_FORMAT_DOS);
	g_mime_object_write_to_stream(object, options, stream);
	g_byte_array_append(content, bytes->data, bytes->len);
	g_mime_format_options_free(options);
	g_object_unref(stream);
}

bool
mail_compose(const Message *message, const char *from_address, const char *from_name,
			 const ReturnPath *return_path, Mail **mail, GError **error)
{
	g_auto(Addresses) addresses = {0};
	g_autofree char *header = NULL;
	g_autofree char *envelope = NULL;
	GMimeObject *body;
	bool		utf8 = false;

	mime_start();
	*mail = NULL;
	if (!read_addresses(message, from_address, from_name, &addresses, &utf8, error))
		return false;
	header = make_header(message, &addresses, error);
	if (header == NULL)
		return false;
	envelope = return_path ? return_path_address(return_path, message->message_id) :
		g_strdup(addresses.from);
	body = make_body(message);
	*mail = g_new0(Mail, 1);
	(*mail)->from = g_steal_pointer(&envelope);
	(*mail)->to = g_steal_pointer(&addresses.to);
	(*mail)->utf8 = utf8;
	(*mail)->content = g_byte_array_new();
	g_byte_array_append((*mail)->content, (const guint8 *) header, strlen(header));
	append_object((*mail)->content, body);
	g_object_unref(body);
	return true;
}

void
mail_free(Mail *mail)
{
	if (mail == NULL)
		return;
	g_free(mail->from);
	g_free(mail->to);
	g_byte_array_unref(mail->content);
	g_free(mail);
}
