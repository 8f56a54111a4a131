-- error: raising the errors of src/error.c from SQL and PL/pgSQL.

CREATE FUNCTION leadterra.raise_error(code text, message text)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_raise_error';

COMMENT ON FUNCTION leadterra.raise_error(text, text) IS
'Raise the error with a stable code, its SQLSTATE and a message.';
