-- uuid7: identifiers that sort by the time at which they were made.

CREATE FUNCTION @extschema@.lt_uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION @extschema@.lt_uuidv7() IS
'Make a UUID of version 7, which sorts by time

Values made by one session rise strictly, even if the clock steps back. RFC 9562, section 5.7.';

-- The text of a PL/pgSQL body is read when it runs: it names nothing in the schema
-- of the calls, which may have been renamed by then.
CREATE FUNCTION leadterra.uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION leadterra.uuidv7() IS 'Return a UUID that sorts by time: lt_uuidv7 for PL/pgSQL.';


