-- http: the second service's calls on its block list, which is the suppression list.
--
-- An entry has no id there that a caller could ask for.  One is made of it: a UUID of
-- version 8 (RFC 9562) with the hash of its domain, by which there is an index, and 56 bits
-- of a hash of its own.

CREATE FUNCTION leadterra.http_v2_entry_key(entry text, domain_hash bigint)
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT concat(
        left(h.domain, 12), '8', substr(h.domain, 13, 3), '8', substr(h.domain, 16),
        left(h.own, 14))::uuid
    FROM (SELECT
        encode(int8send(http_v2_entry_key.domain_hash), 'hex') AS domain,
        encode(int8send(hashtextextended(
            http_v2_entry_key.entry COLLATE "C", http_v2_entry_key.domain_hash)), 'hex') AS own) h;
END;

COMMENT ON FUNCTION leadterra.http_v2_entry_key(text, bigint) IS
'Return the id of an entry of the suppression list.';

CREATE FUNCTION leadterra.http_v2_entry_domain(entry_id uuid)
RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT ('x' || left(h.hex, 12) || substr(h.hex, 14, 3) || substr(h.hex, 18, 1))::bit(64)::bigint
    FROM (SELECT encode(uuid_send(http_v2_entry_domain.entry_id), 'hex') AS hex) h;
END;

COMMENT ON FUNCTION leadterra.http_v2_entry_domain(uuid) IS
'Return the hash of the domain that an id of an entry has in it.';

CREATE FUNCTION leadterra.http_v2_find_entry(entry_id uuid)
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT s.entry
        FROM leadterra.suppressions s
        WHERE s.domain_hash = leadterra.http_v2_entry_domain(entry_id)
          AND s.workspace_id = leadterra.current_workspace()
          AND s.blocklist_id = leadterra.current_workspace()
          AND leadterra.http_v2_entry_key(s.entry, s.domain_hash) = entry_id
        LIMIT 1);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_find_entry(uuid) IS
'Return the entry that has an id; null where there is none.';

CREATE FUNCTION leadterra.http_entry_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    entry_id uuid;
BEGIN
    PERFORM leadterra.enter(scope);
    BEGIN
        entry_id := leadterra.read_id(given);
    EXCEPTION WHEN SQLSTATE 'PT400' THEN
        entry_id := NULL;
    END;
    IF leadterra.http_v2_find_entry(entry_id) IS NULL THEN
        PERFORM leadterra.raise_error('entry_not_found',
            format('entry "%s" does not exist', given));
    END IF;
    RETURN entry_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_entry_id(text, text) IS
'Read a parameter that names an entry of the suppression list by its id

Errors: PT403 insufficient_scope, PT404 entry_not_found.';

CREATE FUNCTION leadterra.http_v2_show_entry(entry text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'id', leadterra.http_v2_entry_key(s.entry, s.domain_hash),
            'organization_id', s.workspace_id, 'bl_value', s.entry,
            'is_domain', strpos(s.entry, '@') = 0,
            'timestamp_created', leadterra.http_time(s.created_at))
        FROM leadterra.suppressions s
        WHERE s.workspace_id = leadterra.current_workspace()
          AND s.blocklist_id = leadterra.current_workspace()
          AND s.entry = http_v2_show_entry.entry);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_entry(text) IS
'Return an entry of the suppression list as the second service has it.';

CREATE FUNCTION leadterra.http_v2_values(body jsonb)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant jsonb := leadterra.http_v2_require(
        leadterra.http_v2_members(body, '{bl_values}'), 'bl_values', 'array');
BEGIN
    IF jsonb_array_length(given) NOT BETWEEN 1 AND 1000 THEN
        PERFORM leadterra.raise_error('invalid_request', '"bl_values" must have 1 to 1000 values');
    ELSIF jsonb_path_exists(given, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', '"bl_values" must hold strings');
    END IF;
    RETURN ARRAY(
        SELECT v.given
        FROM jsonb_array_elements_text(given) WITH ORDINALITY AS v (given, place)
        ORDER BY v.place);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_values(jsonb) IS
'Return the 1 to 1,000 values that a request wants blocked.';

CREATE FUNCTION leadterra.http_v2_value(body jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant text := leadterra.http_v2_require(
        leadterra.http_v2_members(body, '{bl_value}'), 'bl_value', 'string') #>> '{}';
BEGIN
    IF leadterra.read_entry(given) IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"bl_value" must be an address or a domain, not "%s"', given));
    END IF;
    RETURN given;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_value(jsonb) IS
'Return the one value that a request wants blocked.';

CREATE FUNCTION leadterra.http_v2_add_entry(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT leadterra.http_v2_value(http_v2_add_entry.body) AS value
    ), added AS MATERIALIZED (
        SELECT leadterra.read_entry(g.value) AS entry, @extschema@.lt_block(ARRAY[g.value])
        FROM given g
    )
    SELECT leadterra.http_v2_show_entry(a.entry) FROM added a;
END;

COMMENT ON FUNCTION leadterra.http_v2_add_entry(jsonb) IS
'Answer POST /api/v2/block-lists-entries

Parameters:
  body  has bl_value: an address, a domain or a wildcard

Returns: the entry, also where it was there before.

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_v2_add_entries(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT leadterra.http_v2_values(http_v2_add_entries.body) AS texts
    ), added AS MATERIALIZED (
        SELECT g.texts, b.valid, b.invalid
        FROM given g
        CROSS JOIN LATERAL @extschema@.lt_block(g.texts) b
    )
    SELECT jsonb_build_object(
        'items', coalesce((
            SELECT jsonb_agg(leadterra.http_v2_show_entry(e.entry) ORDER BY e.place)
            FROM (
                SELECT leadterra.read_entry(v.given) AS entry, min(v.place) AS place
                FROM unnest(a.texts) WITH ORDINALITY AS v (given, place)
                GROUP BY 1
            ) e
            WHERE e.entry IS NOT NULL), '[]'),
        'valid_count', a.valid, 'invalid_count', a.invalid)
    FROM added a;
END;

COMMENT ON FUNCTION leadterra.http_v2_add_entries(jsonb) IS
'Answer POST /api/v2/block-lists-entries/bulk-create

Parameters:
  body  has bl_values, 1 to 1,000; those that are no entries are counted and left out

Returns: the entries, also those that were there before, and how many values were which.

Errors: PT400 invalid_request.';

-- Hashes of addresses are left out: they stand for people who were forgotten.
CREATE FUNCTION leadterra.http_v2_entries(
    domains_only boolean DEFAULT false,
    search text DEFAULT NULL,
    starting_after text DEFAULT NULL,
    "limit" integer DEFAULT 10)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    wanted constant integer := leadterra.http_limit("limit", 100);
    prefix constant text := coalesce(lower(search COLLATE "C"), '');
    begins_at text := coalesce(starting_after, '');
    entries text[];
BEGIN
    IF begins_at ~ '^[-0-9a-fA-F]{36}$' THEN
        begins_at := leadterra.http_v2_find_entry(leadterra.http_cursor(starting_after));
        IF begins_at IS NULL THEN
            PERFORM leadterra.raise_error('entry_not_found',
                format('entry "%s" does not exist', starting_after));
        END IF;
    END IF;
    entries := ARRAY(
        SELECT s.entry
        FROM leadterra.suppressions s
        WHERE s.workspace_id = workspace AND s.blocklist_id = workspace
          AND s.entry > begins_at AND s.entry >= prefix
          -- No character of an entry is behind this one.
          AND s.entry < prefix || U&'\+10FFFF' AND starts_with(s.entry, prefix)
          AND NOT starts_with(s.entry, 'hmac:')
          AND (NOT domains_only OR strpos(s.entry, '@') = 0)
        ORDER BY s.workspace_id, s.blocklist_id, s.entry
        LIMIT wanted);
    RETURN leadterra.http_v2_page(
        (SELECT jsonb_agg(leadterra.http_v2_show_entry(e.entry) ORDER BY e.place)
         FROM unnest(entries) WITH ORDINALITY AS e (entry, place)),
        entries[wanted]);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_entries(boolean, text, text, integer) IS
'Answer GET /api/v2/block-lists-entries

Parameters:
  domains_only    without addresses
  search          what they begin with, in any letter case
  starting_after  next_starting_after of the page before, or the id of its last entry
  limit           of the page, up to 100

Returns: a page of entries in their order.

Errors: PT404 entry_not_found.';

CREATE FUNCTION leadterra.http_v2_entry(entry_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_show_entry(leadterra.http_v2_find_entry(http_v2_entry.entry_id));
END;

COMMENT ON FUNCTION leadterra.http_v2_entry(uuid) IS
'Answer GET /api/v2/block-lists-entries/:id

Returns: the entry.';

CREATE FUNCTION leadterra.http_v2_drop_entry(entry_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH shown AS MATERIALIZED (
        SELECT leadterra.http_v2_show_entry(
            leadterra.http_v2_find_entry(http_v2_drop_entry.entry_id)) AS entry
    ), deleted AS MATERIALIZED (
        SELECT s.entry, @extschema@.lt_unblock(ARRAY[s.entry ->> 'bl_value']) FROM shown s
    )
    SELECT d.entry FROM deleted d;
END;

COMMENT ON FUNCTION leadterra.http_v2_drop_entry(uuid) IS
'Answer DELETE /api/v2/block-lists-entries/:id

Returns: the entry as it was.';
