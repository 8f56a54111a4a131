-- email: the normal form of addresses.

CREATE FUNCTION leadterra.normalize_email(email text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_normalize_email';

COMMENT ON FUNCTION leadterra.normalize_email(text) IS
'Return the normal form of an address, a domain or a wildcard

A text that is none of them is only trimmed and in ASCII lower case.';
