-- error: raising the errors of src/error.c from SQL and PL/pgSQL.

CREATE FUNCTION leadterra.raise_error(code text, message text)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_raise_error';

COMMENT ON FUNCTION leadterra.raise_error(text, text) IS
'Raise the error with a stable code, its SQLSTATE and a message.';

CREATE FUNCTION leadterra.limit_entries(name text, count integer)
RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_limit_entries';

COMMENT ON FUNCTION leadterra.limit_entries(text, integer) IS
'Refuse an array argument of more than a million entries

Errors: PT413 too_many_entries.';

CREATE FUNCTION leadterra.row_limit(name text, wanted integer)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_row_limit';

COMMENT ON FUNCTION leadterra.row_limit(text, integer) IS
'Return how many rows an argument asks for, from 1 to 10,000

Errors: PT400 invalid_request.';
