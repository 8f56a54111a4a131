/*
 * email_normal.c
 *		Normal form of e-mail addresses, and of entries of block lists.
 *
 * It has no white space of any kind around it (character.c) and is in ASCII lower case.  A
 * domain is as SMTP wants it, in A-labels (UTS #46, by libidn2, without transitional
 * mappings).  A local part is in NFC, as the server has it.  Nothing else is folded:
 * "first.last+tag@" and other letters' case stay, because only the provider knows
 * whether it is the same mailbox.
 *
 * What is ASCII goes past all of that: a label "xn--..." stays as it is.  Where libidn2
 * takes it, it would give it back unchanged; where not, as with "xn--i-7iq.ws", mail
 * goes there all the same.
 */
#include "postgres.h"

#if !__has_include(<idn2.h>)
#error "leadterra needs libidn2 with its header, on Debian and Ubuntu the package libidn2-dev"
#endif
#include <idn2.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "compat.h"
#include "email.h"
#include "character.h"

/*
 * Octets of the longest text whose normal form may be an address.  Characters of four
 * octets may become one (UTS #46); NFC makes of three one (UAX #15, section 11).
 */
#define TEXT_MAX_LENGTH (4 * EMAIL_MAX_LENGTH)

static bool
is_ascii(const char *text, size_t length)
{
	char		bits = 0;

	for (size_t i = 0; i < length; i++)
		bits |= text[i];
	return (bits & 0x80) == 0;
}

/* Writes a text in ASCII lower case; returns whether it is ASCII. */
static bool
lower_ascii(char *output, const char *text, size_t length)
{
	char		bits = 0;

	for (size_t i = 0; i < length; i++)
	{
		bits |= text[i];
		output[i] = text[i] >= 'A' && text[i] <= 'Z' ? text[i] + ('a' - 'A') : text[i];
	}
	return (bits & 0x80) == 0;
}

static void
append_lower(StringInfo output, const char *text, size_t length)
{
	enlargeStringInfo(output, length);
	lower_ascii(output->data + output->len, text, length);
	output->len += length;
}

static text *
to_nfc(text *given)
{
	return DatumGetTextPP(DirectFunctionCall2(unicode_normalize_func, PointerGetDatum(given),
											  CStringGetTextDatum("NFC")));
}

/*
 * Appends a local part.  Small letters compose with marks that capital ones do not
 * compose with, such as h and a line below.
 */
static void
append_local(StringInfo output, const char *local, size_t length)
{
	text	   *normal;

	if (!is_ascii(local, length))
	{
		normal = to_nfc(cstring_to_text_with_len(local, length));
		lower_ascii(VARDATA_ANY(normal), VARDATA_ANY(normal), VARSIZE_ANY_EXHDR(normal));
		normal = to_nfc(normal);
		local = VARDATA_ANY(normal);
		length = VARSIZE_ANY_EXHDR(normal);
	}
	append_lower(output, local, length);
}

/* Says whether a domain may have all characters of a label: libidn2 drops some, maps others. */
static bool
has_characters(const char *label, size_t length)
{
	for (size_t i = 0; i < length;)
	{
		size_t		step = label[i] & 0x80 ?
			email_character_length(label + i, length - i, true) : 1;

		if (step == 0)
			return false;
		i += step;
	}
	return true;
}

/*
 * Writes the A-label of a label, with a null behind it; returns false if it has none.
 * What looks a domain up need not know all rules of context, and what registers it does.
 */
static bool
encode_label(char output[IDN2_LABEL_MAX_LENGTH + 1], const char *label)
{
	const int	flags = IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL;
	uint8	   *found;
	int			status = idn2_lookup_u8((const uint8 *) label, &found, flags);

	if (status == IDN2_OK)
	{
		strlcpy(output, (char *) found, IDN2_LABEL_MAX_LENGTH + 1);
		idn2_free(found);
		if (strncmp(output, "xn--", 4) == 0)
			status = idn2_register_u8(NULL, (uint8 *) output, NULL, 0);
	}
	if (status == IDN2_MALLOC)
		ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
	return status == IDN2_OK;
}

/* Appends a label of a domain; returns false if it is not ASCII and has no A-label. */
static bool
append_label(StringInfo output, const char *label, size_t length)
{
	char		alabel[IDN2_LABEL_MAX_LENGTH + 1];

	if (is_ascii(label, length))
		append_lower(output, label, length);
	else if (has_characters(label, length) && encode_label(alabel, pnstrdup(label, length)))
		appendStringInfoString(output, alabel);
	else
		return false;
	return true;
}

/* Returns the octets of the full stop that a text begins with, 0 if none (UTS #46, section 2.3). */
static size_t
full_stop_length(const char *text, const char *end)
{
	static const char *const full_stops[] = {".", "\u3002", "\uff0e", "\uff61"};

	for (size_t i = 0; i < lengthof(full_stops); i++)
	{
		size_t		length = strlen(full_stops[i]);

		if (length <= (size_t) (end - text) && memcmp(text, full_stops[i], length) == 0)
			return length;
	}
	return 0;
}

/*
 * Appends a domain.  One that has no A-labels stays as it is, for email.c to refuse, and
 * so does the rest of one that is too long by then.
 */
static void
append_domain(StringInfo output, const char *domain, size_t length)
{
	const char *end = domain + length;
	const char *label = domain;
	int			start = output->len;

	while (output->len - start <= EMAIL_MAX_LENGTH)
	{
		const char *stop = label;
		size_t		stop_length = 0;

		while (stop < end && (stop_length = full_stop_length(stop, end)) == 0)
			stop++;
		if (!append_label(output, label, stop - label))
		{
			output->len = start;
			append_lower(output, domain, length);
			return;
		}
		if (stop == end)
			return;
		appendStringInfoChar(output, '.');
		label = stop + stop_length;
	}
	append_lower(output, label, end - label);
}

/* Makes the normal form of a text that is not ASCII, and leaves nothing else behind. */
static char *
normalize_unicode(const char *text, size_t length, size_t *normal_length)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "address",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller_context = MemoryContextSwitchTo(context);
	const char *at = memchr(text, '@', length);
	StringInfoData output;
	char	   *normal;

	initStringInfo(&output);
	if (at)
	{
		append_local(&output, text, at - text);
		appendStringInfoChar(&output, '@');
		length -= at + 1 - text;
		text = at + 1;
	}
	append_domain(&output, text, length);

	MemoryContextSwitchTo(caller_context);
	normal = palloc(output.len + 1);
	memcpy(normal, output.data, output.len);
	*normal_length = output.len;
	MemoryContextDelete(context);
	return normal;
}

/*
 * Makes the normal form of a text, with its length; what is no address and no entry
 * is left as it is where there is none.
 */
char *
email_normalize(const char *text, size_t length, size_t *normal_length)
{
	char	   *normal;

	length = character_trim(&text, length);
	normal = palloc(length + 1);
	if (lower_ascii(normal, text, length) || length > TEXT_MAX_LENGTH)
	{
		*normal_length = length;
		return normal;
	}
	pfree(normal);
	return normalize_unicode(text, length, normal_length);
}

/*
 * Says whether a text is an address in its normal form.  What a row of a table has
 * may have been written by hand; in any other form, entries of block lists miss it.
 */
bool
email_is_normal(const char *address, size_t length)
{
	char		bits = 0;

	for (size_t i = 0; i < length; i++)
	{
		bits |= address[i];
		if (address[i] >= 'A' && address[i] <= 'Z')
			return false;
	}
	if (bits & 0x80)
	{
		size_t		normal_length;
		char	   *normal = email_normalize(address, length, &normal_length);
		bool		same = normal_length == length && memcmp(normal, address, length) == 0;

		pfree(normal);
		if (!same)
			return false;
	}
	return email_check(address, length) == EMAIL_OK;
}
