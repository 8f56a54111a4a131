-- leadterra: the install script, made from the files in sql/ in two passes: all
-- tables and types, then all functions and views.  The Makefile has the order.
-- What users call lives in the schema chosen at CREATE EXTENSION; tables and
-- helpers live in "leadterra".

\echo Use "CREATE EXTENSION leadterra" to load this file. \quit

-- Nothing in these scripts may depend on what stands in the caller's schemas.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Addresses are read as UTF-8 (RFC 6531), and so is what jsonb holds.
DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'extension "leadterra" needs a database with encoding UTF8, not %',
            getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported';
    END IF;
END;
$$;

CREATE SCHEMA leadterra;
COMMENT ON SCHEMA leadterra IS
'Tables and helpers of the extension leadterra; call the lt_ functions and views instead.';

