/*
 * http.c
 *		Calls over HTTP: reading paths and what a URL encodes, and answers that are kept.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "compat.h"
#include "context.h"
#include "error.h"
#include "json.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(lt_url_decode);
PG_FUNCTION_INFO_V1(lt_path_matches);
PG_FUNCTION_INFO_V1(lt_open_answer);
PG_FUNCTION_INFO_V1(lt_store_answer);

static Statement open_answer = STATEMENT(
	"SELECT leadterra.open_answer($1, $2, $3)",
	SPI_OK_SELECT, UUIDOID, TEXTOID, BYTEAOID);

static Statement store_answer = STATEMENT(
	"UPDATE leadterra.answers SET answer = $3"
	" WHERE workspace_id = $1 AND idempotency_key = $2"
	" RETURNING NULL::void",
	SPI_OK_UPDATE_RETURNING, UUIDOID, TEXTOID, JSONBOID);

/*
 * SQL: leadterra.url_decode(encoded)
 *
 * Decodes a part of a query as forms encode it (WHATWG URL, section 5.1).  A "%" that
 * two hexadecimal digits do not follow is an error, as are bytes that are not UTF-8.
 */
Datum
lt_url_decode(PG_FUNCTION_ARGS)
{
	text	   *encoded = PG_GETARG_TEXT_PP(0);
	const char *from = VARDATA_ANY(encoded);
	const char *end = from + VARSIZE_ANY_EXHDR(encoded);
	text	   *decoded = palloc(VARHDRSZ + (end - from));
	char	   *to = VARDATA(decoded);
	bool		malformed = false;

	while (from < end && !malformed)
	{
		int			high = 0;
		int			low = 0;

		if (*from != '%')
		{
			*to++ = *from == '+' ? ' ' : *from;
			from++;
			continue;
		}
		malformed = end - from < 3 ||
			(high = json_hex_digit(from[1])) < 0 || (low = json_hex_digit(from[2])) < 0;
		if (!malformed)
			*to++ = (char) (high << 4 | low);
		from += 3;
	}
	SET_VARSIZE(decoded, to - (char *) decoded);
	if (malformed || !pg_verify_mbstr(PG_UTF8, VARDATA(decoded), VARSIZE(decoded) - VARHDRSZ, true))
		error_raise(ERROR_INVALID_REQUEST, "the path or query of the request is malformed");
	PG_RETURN_TEXT_P(decoded);
}

/*
 * SQL: leadterra.path_matches(pattern, path)
 *
 * "{" and what follows up to "}" stands for a segment that is not empty.
 */
Datum
lt_path_matches(PG_FUNCTION_ARGS)
{
	text	   *pattern = PG_GETARG_TEXT_PP(0);
	text	   *path = PG_GETARG_TEXT_PP(1);
	const char *wanted = VARDATA_ANY(pattern);
	const char *wanted_end = wanted + VARSIZE_ANY_EXHDR(pattern);
	const char *given = VARDATA_ANY(path);
	const char *given_end = given + VARSIZE_ANY_EXHDR(path);

	while (wanted < wanted_end)
	{
		const char *segment = given;

		if (*wanted != '{')
		{
			if (given == given_end || *wanted++ != *given++)
				PG_RETURN_BOOL(false);
			continue;
		}
		while (wanted < wanted_end && *wanted++ != '}')
			;
		while (given < given_end && *given != '/')
			given++;
		if (given == segment)
			PG_RETURN_BOOL(false);
	}
	PG_RETURN_BOOL(given == given_end);
}

/* SQL: leadterra.open_answer(idempotency_key, request_hash) */
Datum
lt_open_answer(PG_FUNCTION_ARGS)
{
	return statement_call(&open_answer, context_workspace(), fcinfo);
}

/* SQL: leadterra.store_answer(idempotency_key, answer) */
Datum
lt_store_answer(PG_FUNCTION_ARGS)
{
	return statement_call(&store_answer, context_workspace(), fcinfo);
}
