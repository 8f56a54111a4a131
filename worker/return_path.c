/*
 * return_path.c
 *		Where bounces go to: an address that names the message and proves that it was ours.
 */
#include "return_path.h"

#include <string.h>

#include "mail_address.h"

#define ID_LENGTH 16
#define CODE_LENGTH 8
#define TOKEN_BYTES (ID_LENGTH + CODE_LENGTH)
/* 24 bytes are 192 bits, five a character. */
#define TOKEN_LENGTH 39
#define KEY_MIN 16
/* RFC 5321, section 4.5.3.1: 64 octets, less a plus sign and a token. */
#define LOCAL_PART_MAX (64 - 1 - TOKEN_LENGTH)

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

struct ReturnPath
{
	char	   *local_part;
	char	   *domain;
	guchar	   *key;
	gsize		key_length;
};

ReturnPath *
return_path_new(const char *address, const char *key, gsize key_length, GError **error)
{
	bool		utf8 = false;
	g_autofree char *checked = mail_address(address, &utf8, error);
	ReturnPath *return_path;

	if (checked == NULL)
		return NULL;
	if (utf8 || strcspn(checked, "@") > LOCAL_PART_MAX)
	{
		g_set_error(error, MAIL_ERROR, 0,
					"the local part of a return path is ASCII, at most %d characters",
					LOCAL_PART_MAX);
		return NULL;
	}
	if (key_length < KEY_MIN)
	{
		g_set_error(error, MAIL_ERROR, 0, "the key of a return path has at least %d bytes",
					KEY_MIN);
		return NULL;
	}
	return_path = g_new0(ReturnPath, 1);
	return_path->local_part = g_strndup(checked, strcspn(checked, "@"));
	return_path->domain = g_strdup(mail_address_domain(checked));
	return_path->key = g_memdup2(key, key_length);
	return_path->key_length = key_length;
	return return_path;
}

void
return_path_free(ReturnPath *return_path)
{
	if (return_path == NULL)
		return;
	explicit_bzero(return_path->key, return_path->key_length);
	g_free(return_path->key);
	g_free(return_path->local_part);
	g_free(return_path->domain);
	g_free(return_path);
}

/* Reads the bytes of a UUID that is valid. */
static void
read_id(const char *text, guchar bytes[ID_LENGTH])
{
	for (int i = 0; i < ID_LENGTH; text += 2)
	{
		if (*text == '-')
			text++;
		bytes[i++] = g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]);
	}
}

static void
write_id(const guchar bytes[ID_LENGTH], char text[37])
{
	for (int i = 0; i < ID_LENGTH; i++)
	{
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		g_snprintf(text, 3, "%02x", bytes[i]);
		text += 2;
	}
}

/* Makes the code of an id. */
static void
make_code(const ReturnPath *return_path, const guchar id[ID_LENGTH], guchar code[CODE_LENGTH])
{
	static const char purpose[] = "leadterra return path";
	g_autoptr(GHmac) hmac = g_hmac_new(G_CHECKSUM_SHA256, return_path->key,
									   return_path->key_length);
	guchar		digest[32];
	gsize		length = sizeof(digest);

	g_hmac_update(hmac, (const guchar *) purpose, sizeof(purpose));
	g_hmac_update(hmac, id, ID_LENGTH);
	g_hmac_get_digest(hmac, digest, &length);
	memcpy(code, digest, CODE_LENGTH);
}

/* Writes bytes in base32 (RFC 4648), in lower case and without padding. */
static void
encode(const guchar bytes[TOKEN_BYTES], char token[TOKEN_LENGTH + 1])
{
	guint		buffer = 0;
	int			bits = 0;

	for (int i = 0; i < TOKEN_BYTES; i++)
	{
		buffer = buffer << 8 | bytes[i];
		for (bits += 8; bits >= 5; bits -= 5)
			*token++ = alphabet[buffer >> (bits - 5) & 31];
	}
	*token++ = alphabet[buffer << (5 - bits) & 31];
	*token = '\0';
}

/* Reads what encode() wrote, in any letter case; false if that is none. */
static bool
decode(const char *token, guchar bytes[TOKEN_BYTES])
{
	guint		buffer = 0;
	int			bits = 0;
	int			count = 0;

	for (int i = 0; i < TOKEN_LENGTH; i++)
	{
		const char *place = token[i] ? strchr(alphabet, g_ascii_tolower(token[i])) : NULL;

		if (place == NULL)
			return false;
		buffer = buffer << 5 | (guint) (place - alphabet);
		bits += 5;
		if (bits >= 8)
		{
			bits -= 8;
			bytes[count++] = buffer >> bits;
		}
	}
	return (buffer & ((1u << bits) - 1)) == 0;
}

char *
return_path_address(const ReturnPath *return_path, const char *message_id)
{
	guchar		bytes[TOKEN_BYTES];
	char		token[TOKEN_LENGTH + 1];

	if (message_id == NULL || !g_uuid_string_is_valid(message_id))
		return NULL;
	read_id(message_id, bytes);
	make_code(return_path, bytes, &bytes[ID_LENGTH]);
	encode(bytes, token);
	return g_strdup_printf("%s+%s@%s", return_path->local_part, token, return_path->domain);
}

/* Says whether two codes are the same, in a time that does not tell where they differ. */
static bool
same_code(const guchar *left, const guchar *right)
{
	guchar		differences = 0;

	for (int i = 0; i < CODE_LENGTH; i++)
		differences |= left[i] ^ right[i];
	return differences == 0;
}

bool
return_path_read(const ReturnPath *return_path, const char *address, char message_id[37])
{
	gsize		local_length = strlen(return_path->local_part);
	guchar		bytes[TOKEN_BYTES];
	guchar		code[CODE_LENGTH];
	const char *token;

	message_id[0] = '\0';
	if (g_ascii_strncasecmp(address, return_path->local_part, local_length) != 0 ||
		address[local_length] != '+')
		return false;
	token = address + local_length + 1;
	if (!decode(token, bytes) || token[TOKEN_LENGTH] != '@' ||
		g_ascii_strcasecmp(&token[TOKEN_LENGTH + 1], return_path->domain) != 0)
		return false;
	make_code(return_path, bytes, code);
	if (!same_code(code, &bytes[ID_LENGTH]))
		return false;
	write_id(bytes, message_id);
	return true;
}
