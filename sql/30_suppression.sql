-- suppression: addresses, domains and wildcards that are never mailed.

CREATE TABLE leadterra.suppressions (
    workspace_id uuid NOT NULL,
    entry text COLLATE "C" NOT NULL,
    reason text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, entry)
);
SELECT pg_extension_config_dump('leadterra.suppressions', '');
COMMENT ON TABLE leadterra.suppressions IS 'Who is never mailed: an address, a domain (example.com) or a wildcard (*.example.com), normalized.';

CREATE TYPE @extschema@.lt_suppress_result AS (
    suppressed integer,
    already_suppressed integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_suppress_result IS 'Counts of lt_suppress: entries added, entries that were there, and their sum.';

CREATE FUNCTION @extschema@.lt_suppress(emails text[], reason text DEFAULT 'manual')
RETURNS @extschema@.lt_suppress_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_suppress';

COMMENT ON FUNCTION @extschema@.lt_suppress(text[], text) IS
'Put addresses, domains and wildcards on the suppression list

An entry is an address, a domain ("example.com", that domain alone) or a wildcard ("*.example.com", its subdomains at any depth); case and surrounding white space do not matter. An entry that is on the list keeps its reason and time. One invalid entry fails the whole call, and nothing is written. Errors: PT400 invalid_request, PT413 too_many_entries (more than a million), PT422 invalid_suppressions.';

CREATE FUNCTION @extschema@.lt_unsuppress(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_unsuppress';

COMMENT ON FUNCTION @extschema@.lt_unsuppress(text[]) IS
'Take entries off the suppression list and return how many were on it

Entries are matched as written: taking off an address does not undo an entry for its domain. Errors: PT400 invalid_request, PT413 too_many_entries (more than a million).';

CREATE FUNCTION leadterra.suppression_keys(email text)
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_suppression_keys';

COMMENT ON FUNCTION leadterra.suppression_keys(text) IS
'List the suppression entries that would match an address, the most specific first.';

CREATE FUNCTION @extschema@.lt_is_suppressed(email text)
RETURNS TABLE (entry text, reason text, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.entry, s.reason, s.created_at
    FROM unnest(leadterra.suppression_keys(lt_is_suppressed.email)) WITH ORDINALITY AS k (entry, rank)
    JOIN leadterra.suppressions s ON s.workspace_id = @extschema@.lt_current_workspace() AND s.entry = k.entry
    ORDER BY k.rank
    LIMIT 1;
END;

COMMENT ON FUNCTION @extschema@.lt_is_suppressed(text) IS
'Return the suppression entry that matches an address, or no row

Where several match, the most specific: the address, then its domain, then the longest wildcard. An invalid address fails with PT400 invalid_email.';

