-- version: whether the library fits the extension.

CREATE FUNCTION leadterra.require_version()
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_require_version';

COMMENT ON FUNCTION leadterra.require_version() IS
'Raise PT503 version_mismatch unless library and extension are of one version.';
