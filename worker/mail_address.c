/*
 * mail_address.c
 *		Addresses as SMTP takes them: those that the engine takes, and no more.
 *
 * Local parts are dot-atoms (RFC 5321, section 4.1.2, and RFC 6531), never quoted.  A domain is
 * in A-labels, so that SMTPUTF8 is needed for a local part alone.
 */
#include "mail_address.h"

#include <idn2.h>
#include <string.h>

/* RFC 5321, section 4.5.3.1. */
#define ADDRESS_MAX 254
#define LOCAL_PART_MAX 64

GQuark
mail_error_quark(void)
{
	return g_quark_from_static_string("leadterra-mail");
}

/* Says whether all of a text may stand in an address without quotes. */
static bool
is_plain(const char *text, gsize length)
{
	for (const char *c = text; c < text + length; c = g_utf8_next_char(c))
	{
		gunichar	character = g_utf8_get_char(c);

		if (character <= ' ' || character == 0x7f || strchr("\"(),:;<>@[\\]", *c) ||
			(character >= 0x80 && (!g_unichar_isprint(character) || g_unichar_isspace(character))))
			return false;
	}
	return true;
}

/* Says whether a text has parts with dots between them, and none is empty. */
static bool
has_parts(const char *text, gsize length)
{
	return length > 0 && text[0] != '.' && text[length - 1] != '.' &&
		g_strstr_len(text, length, "..") == NULL;
}

/* Returns a domain in A-labels, null where it is none. */
static char *
encode_domain(const char *domain)
{
	char	   *found = NULL;
	char	   *encoded;

	if (g_str_is_ascii(domain))
		return g_strdup(domain);
	if (idn2_to_ascii_8z(domain, &found, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
		return NULL;
	encoded = g_strdup(found);
	idn2_free(found);
	return encoded;
}

const char *
mail_address_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return at && at[1] ? at + 1 : NULL;
}

char *
mail_address(const char *text, bool *utf8, GError **error)
{
	const char *domain = text && g_utf8_validate(text, -1, NULL) ? mail_address_domain(text) : NULL;
	gsize		local_length = domain ? domain - text - 1 : 0;
	g_autofree char *encoded = NULL;
	g_autofree char *local_part = NULL;

	if (domain && local_length <= LOCAL_PART_MAX && has_parts(text, local_length) &&
		is_plain(text, local_length) && has_parts(domain, strlen(domain)) &&
		is_plain(domain, strlen(domain)))
		encoded = encode_domain(domain);
	if (encoded == NULL || local_length + 1 + strlen(encoded) > ADDRESS_MAX)
	{
		g_autofree char *shown = g_utf8_make_valid(text ? text : "", text ? strnlen(text, 100) : 0);

		g_set_error(error, MAIL_ERROR, 0, "\"%s\" is no address that mail can be sent to", shown);
		return NULL;
	}
	local_part = g_strndup(text, local_length);
	if (!g_str_is_ascii(local_part))
		*utf8 = true;
	return g_strconcat(local_part, "@", encoded, NULL);
}
