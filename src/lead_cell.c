/*
 * lead_cell.c
 *		What the cells of a table say, where a lead wants something else.
 *
 * The types of columns are somebody else's choice: a file is loaded as texts, and a
 * spreadsheet takes a telephone number for a number.  What a cell means is beyond
 * doubt, and what is not is left as it is, and refused.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/numeric.h"

#include "compat.h"
#include "email.h"
#include "lead_cell.h"
#include "character.h"

PG_FUNCTION_INFO_V1(lt_read_address);

/* Digits of a number in a text; more are no integer that a field could have. */
#define DIGITS_MAX 20

static void
set_string(JsonbValue *value, const char *text, int length)
{
	value->type = jbvString;
	value->val.string.val = unconstify(char *, text);
	value->val.string.len = length;
}

/* Makes a number of a text of digits, with a sign or without. */
static void
read_digits(JsonbValue *value)
{
	const char *text = value->val.string.val;
	int			length = value->val.string.len;
	int			sign = length > 0 && (text[0] == '-' || text[0] == '+');

	if (length == sign || length > sign + DIGITS_MAX)
		return;
	for (int i = sign; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return;
	}
	value->type = jbvNumeric;
	value->val.numeric =
		DatumGetNumeric(DirectFunctionCall3(numeric_in,
											CStringGetDatum(pnstrdup(text, length)),
											ObjectIdGetDatum(InvalidOid),
											Int32GetDatum(-1)));
}

/*
 * Makes of a cell what a field wants: a number of a text of digits, or else a text of
 * a number or a boolean; without white space around it.
 */
void
lead_fit_cell(bool number, JsonbValue *value)
{
	if (value->type == jbvString)
	{
		const char *text = value->val.string.val;
		int			length = character_trim(&text, value->val.string.len);

		set_string(value, text, length);
		if (number)
			read_digits(value);
	}
	else if (!number && value->type == jbvNumeric)
	{
		char	   *digits =
			DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(value->val.numeric)));

		set_string(value, digits, strlen(digits));
	}
	else if (!number && value->type == jbvBool)
	{
		const char *word = value->val.boolean ? "true" : "false";

		set_string(value, word, strlen(word));
	}
}

/* Returns the length of a text without the full stop that ends a sentence. */
static int
leave_stop(const char *text, int length)
{
	bool		one = length > 1 && text[length - 1] == '.' && text[length - 2] != '.';

	return length - one;
}

/*
 * Moves a text to what stands between angle brackets at its end, and returns its
 * length.  Where a second address may stand in front, the text stays as it is.
 */
static int
enter_brackets(const char **text, int length)
{
	for (int i = length - 2; i >= 0 && (*text)[length - 1] == '>'; i--)
	{
		if ((*text)[i] != '<')
			continue;
		for (int j = 0; j < i; j++)
		{
			if (strchr("<>@", (*text)[j]) != NULL)
				return length;
		}
		*text += i + 1;
		return character_trim(text, length - i - 2);
	}
	return length;
}

/*
 * Moves a text behind the scheme of a link to an address, and returns its length
 * without what the link has behind that.
 */
static int
leave_link(const char **text, int length)
{
	static const char scheme[] = "mailto:";
	const char *at;
	const char *query;

	if (length < (int) strlen(scheme) || pg_strncasecmp(*text, scheme, strlen(scheme)) != 0)
		return length;
	*text += strlen(scheme);
	length = character_trim(text, length - strlen(scheme));
	at = memchr(*text, '@', length);
	query = at ? memchr(at, '?', *text + length - at) : NULL;
	return query ? query - *text : length;
}

/*
 * Finds the one address in a text that is none: in a link, between angle brackets
 * behind a name, or at the end of a sentence.  False if there is none that is valid.
 */
bool
lead_repair_email(const char *text, int length, LeadString *email)
{
	LeadString	found;

	length = character_trim(&text, length);
	length = leave_stop(text, length);
	length = enter_brackets(&text, length);
	length = leave_link(&text, length);
	length = leave_stop(text, length);
	found = lead_normalize_email(text, length);
	if (email_check(found.data, found.length) != EMAIL_OK)
		return false;
	*email = found;
	return true;
}

/* SQL: leadterra.read_address(given) */
Datum
lt_read_address(PG_FUNCTION_ARGS)
{
	text	   *given = PG_GETARG_TEXT_PP(0);
	LeadString	email;

	if (!lead_repair_email(VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given), &email))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(lead_text(&email));
}
