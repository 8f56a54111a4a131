-- typeid: UUIDs as people see them.

CREATE FUNCTION @extschema@.lt_typeid(prefix text, id uuid)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_typeid';

COMMENT ON FUNCTION @extschema@.lt_typeid(text, uuid) IS
'Return a UUID as a TypeID: a prefix, "_", and 26 characters

TypeIDs with one prefix sort as their UUIDs do (TypeID specification, version 0.3).

Parameters:
- prefix: at most 63 lower-case letters, and underscores between them; an empty one is left
  out with its "_"
- id: the UUID
Returns: the TypeID.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_from_typeid(id text)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_from_typeid';

COMMENT ON FUNCTION @extschema@.lt_from_typeid(text) IS
'Return the UUID of a TypeID, whatever its prefix, or of the text of a UUID

Parameters:
- id: a TypeID, or a UUID as text
Returns: the UUID.
Errors: PT400 invalid_request.';
