-- uuid7: identifiers that sort by the time at which they were made.

-- The text of a PL/pgSQL body is read when it runs: it names nothing in the schema
-- of the calls, which may have been renamed by then.
CREATE FUNCTION leadterra.uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION leadterra.uuidv7() IS
'Return a UUID that sorts by time: lt_uuidv7 for PL/pgSQL.';
