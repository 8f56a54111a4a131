-- uuid7: identifiers that sort by the time at which they were made.

-- The text of a PL/pgSQL body is read when it runs: it names nothing in the schema
-- of the calls, which may have been renamed by then.
CREATE FUNCTION leadterra.uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION leadterra.uuidv7() IS
'Return a UUID that sorts by time: lt_uuidv7 for PL/pgSQL.';

CREATE FUNCTION leadterra.uuid7_time(id uuid)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuid7_time';

COMMENT ON FUNCTION leadterra.uuid7_time(uuid) IS
'Return when a UUID of version 7 was made, to the millisecond.';
