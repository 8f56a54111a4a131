-- suppression: what is not mailed.

CREATE FUNCTION leadterra.blocklists_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.suppressions s USING deleted d
    WHERE s.workspace_id = d.workspace_id AND s.blocklist_id = d.blocklist_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.blocklists_deleted() IS
'Delete the entries of block lists that are deleted.';

CREATE TRIGGER blocklists_deleted AFTER DELETE ON leadterra.blocklists
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.blocklists_deleted();

CREATE FUNCTION @extschema@.lt_suppress(emails text[], reason text DEFAULT 'manual')
RETURNS @extschema@.lt_suppress_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_suppress';

COMMENT ON FUNCTION @extschema@.lt_suppress(text[], text) IS
'Put addresses, domains and wildcards on the suppression list

An entry is an address, a domain ("example.com", that domain alone) or a wildcard
("*.example.com", its subdomains at any depth). Letter case and surrounding white space do
not matter, and a domain is kept in A-labels ("xn--bcher-kva.example"), however it is
spelled. An entry that is on the list keeps its reason and time. What matches no address
that can be enrolled, such as "*@example.com", is no entry. One invalid entry fails the
whole call, and nothing is written.

Parameters:
- emails: at most a million entries
- reason: why, at most 1,000 bytes
Returns: how many were added, how many were there, and both together.
Errors: PT400 invalid_request, PT413 too_many_entries, PT422 invalid_suppressions.';

CREATE FUNCTION @extschema@.lt_unsuppress(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unsuppress';

COMMENT ON FUNCTION @extschema@.lt_unsuppress(text[]) IS
'Take entries off the suppression list

Taking off an address does not undo an entry for its domain. It takes off the hash of the
address too, which is there where the address was forgotten.

Parameters:
- emails: at most a million entries, as they are on the list
Returns: how many were on it.
Errors: PT400 invalid_request, PT413 too_many_entries.';

CREATE FUNCTION leadterra.read_entry(given text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_read_entry';

COMMENT ON FUNCTION leadterra.read_entry(text) IS
'Return an entry of a block list in normal form; null where a text is none.';

CREATE FUNCTION leadterra.suppression_keys(email text)
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_suppression_keys';

COMMENT ON FUNCTION leadterra.suppression_keys(text) IS
'List the suppression entries that would match an address, the most specific first.';

CREATE FUNCTION leadterra.hashed_entry(email text)
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_hashed_entry';

COMMENT ON FUNCTION leadterra.hashed_entry(text) IS
'Return the entry that stands for an address if it is kept as a hash

Null in a workspace that has hashed no address.';

CREATE FUNCTION leadterra.hash_address(workspace uuid, address text)
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_hash_address';

COMMENT ON FUNCTION leadterra.hash_address(uuid, text) IS
'Return the entry that stands for an address in normal form if it is kept as a hash.';

CREATE FUNCTION @extschema@.lt_is_suppressed(email text)
RETURNS TABLE (entry text, reason text, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT s.entry, s.reason, s.created_at
    FROM (SELECT leadterra.enter('blocklists:read') AS workspace_id OFFSET 0) w
    -- The scope comes first, whatever the plan.
    CROSS JOIN LATERAL unnest(CASE WHEN w.workspace_id IS NOT NULL THEN
        leadterra.suppression_keys(lt_is_suppressed.email)
            || leadterra.hashed_entry(lt_is_suppressed.email) END)
        WITH ORDINALITY AS k (entry, rank)
    -- One by one, the first from each on, as in src/suppression.c: by an equation or
    -- a join it may read the whole list where there are no statistics.
    CROSS JOIN LATERAL (
        SELECT s.entry, s.reason, s.created_at
        FROM leadterra.suppressions s
        WHERE s.workspace_id = w.workspace_id AND s.blocklist_id = w.workspace_id
          AND s.entry >= k.entry
        ORDER BY s.entry
        LIMIT 1
    ) s
    WHERE s.entry = k.entry
    ORDER BY k.rank
    LIMIT 1;
END;

COMMENT ON FUNCTION @extschema@.lt_is_suppressed(text) IS
'Return the suppression entry that matches an address

Where several match it is the most specific: the address, then its domain, then the longest
wildcard, then the hash of the address, which is there where it was forgotten, or opted out
of when it was not known any more.

Parameters:
- email: the address
Returns: the entry, its reason and time; no row: the address is not suppressed.
Errors: PT400 invalid_email, PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_list_suppressions(
    search text DEFAULT NULL, after text DEFAULT NULL, max_entries integer DEFAULT 100)
RETURNS TABLE (entry text, reason text, created_at timestamptz)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.enter('blocklists:read');
    wanted CONSTANT integer := leadterra.row_limit('max_entries', lt_list_suppressions.max_entries);
    prefix CONSTANT text := coalesce(lower(lt_list_suppressions.search COLLATE "C"), '');
BEGIN
    RETURN QUERY
    SELECT s.entry, s.reason, s.created_at
    FROM leadterra.suppressions s
    WHERE s.workspace_id = workspace AND s.blocklist_id = workspace
      AND s.entry >= prefix AND s.entry > coalesce(lt_list_suppressions.after, '')
      -- No character of an entry is behind this one.
      AND s.entry < prefix || chr(1114111)
      AND starts_with(s.entry, prefix)
    ORDER BY s.entry
    LIMIT wanted;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_list_suppressions(text, text, integer) IS
'List entries of the suppression list, a page at a time

lt_is_suppressed finds the one that matches an address.

Parameters:
- search: what they begin with, in any letter case; domains have their A-labels; null: anything
- after: the last entry of the page before; null: from the first
- max_entries: how many at most, 1 to 10,000
Returns: entries in their order. A page that is not full is the last.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_create_blocklist(name text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_blocklist';

COMMENT ON FUNCTION @extschema@.lt_create_blocklist(text) IS
'Create a block list beside the default one

lt_add_leads can check an import against it. What is sent is checked against the default
list alone, which is the suppression list.

Parameters:
- name: a name for people, at most 1,000 bytes
Returns: the id of the list.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_delete_blocklist(blocklist_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_blocklist';

COMMENT ON FUNCTION @extschema@.lt_delete_blocklist(uuid) IS
'Delete a block list with its entries

Parameters:
- blocklist_id: the list
Errors: PT400 invalid_request (null, or the default list), PT404 blocklist_not_found.';

CREATE FUNCTION @extschema@.lt_block(
    entries text[], blocklist_id uuid DEFAULT NULL, reason text DEFAULT 'manual')
RETURNS @extschema@.lt_block_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_block';

COMMENT ON FUNCTION @extschema@.lt_block(text[], uuid, text) IS
'Put addresses, domains and wildcards on a block list

Does what lt_suppress does, for any block list. A text that is no entry is counted and
left out, and the result says why.

Parameters:
- entries: at most a million, as in lt_suppress
- blocklist_id: the list; null: the suppression list
- reason: why, at most 1,000 bytes
Returns: how many were added, how many texts are entries, how many are none, and why.
Errors: PT400 invalid_request, PT404 blocklist_not_found, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_unblock(entries text[], blocklist_id uuid DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unblock';

COMMENT ON FUNCTION @extschema@.lt_unblock(text[], uuid) IS
'Take entries off a block list

Parameters:
- entries: at most a million, as they are on the list
- blocklist_id: the list; null: the suppression list
Returns: how many were on it.
Errors: PT400 invalid_request, PT404 blocklist_not_found, PT413 too_many_entries.';

-- It is the person who did that, at whichever address.
CREATE FUNCTION leadterra.hand_over_suppression(
    workspace uuid, source text, source_entry text, heir text, heir_entry text, given_up text[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    SELECT hand_over_suppression.workspace, hand_over_suppression.workspace, t.entry, o.reason
    FROM (
        SELECT s.reason
        FROM unnest(hand_over_suppression.given_up || ARRAY[
            hand_over_suppression.source, hand_over_suppression.source_entry,
            hand_over_suppression.heir, hand_over_suppression.heir_entry]) AS k (entry)
        CROSS JOIN LATERAL (
            SELECT s.entry, s.reason, s.created_at
            FROM leadterra.suppressions s
            WHERE s.workspace_id = hand_over_suppression.workspace
              AND s.blocklist_id = hand_over_suppression.workspace
              AND s.entry >= k.entry
            ORDER BY s.entry
            LIMIT 1
        ) s
        WHERE s.entry = k.entry AND s.reason IN ('unsubscribed', 'complained')
        ORDER BY s.created_at, s.entry
        LIMIT 1
    ) o
    CROSS JOIN unnest(hand_over_suppression.given_up || CASE WHEN hand_over_suppression.heir IS NULL
        THEN ARRAY[hand_over_suppression.source]
        ELSE ARRAY[hand_over_suppression.heir, hand_over_suppression.source_entry] END) AS t (entry)
    WHERE t.entry IS NOT NULL
      -- Where the address itself is there, its hash adds nothing.
      AND NOT (t.entry = hand_over_suppression.source_entry AND EXISTS (
          SELECT FROM leadterra.suppressions s
          WHERE s.workspace_id = hand_over_suppression.workspace
            AND s.blocklist_id = hand_over_suppression.workspace
            AND s.entry = hand_over_suppression.source))
    ORDER BY t.entry COLLATE "C"
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.hand_over_suppression(uuid, text, text, text, text, text[]) IS
'Where either of two leads that are merged has opted out, suppress all their addresses

These are given with the entries of their hashes, and with those of addresses that either
gave up before.';

CREATE FUNCTION leadterra.forget_address(workspace uuid, address text, entry text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    VALUES (workspace, workspace, forget_address.entry, 'forgotten')
    ON CONFLICT DO NOTHING;
    DELETE FROM leadterra.suppressions s
    USING (
        SELECT b.blocklist_id FROM leadterra.blocklists b WHERE b.workspace_id = workspace
        UNION ALL
        SELECT workspace
    ) b
    WHERE s.workspace_id = workspace AND s.blocklist_id = b.blocklist_id AND s.entry = address;
END;
$$;

COMMENT ON FUNCTION leadterra.forget_address(uuid, text, text) IS
'Put the entry of a forgotten address on the suppression list, and take it off all lists.';

CREATE TRIGGER blocklists_truncated BEFORE TRUNCATE ON leadterra.blocklists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();
