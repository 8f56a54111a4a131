-- http: the second service's calls on lists of leads.

CREATE FUNCTION leadterra.http_list_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.enter_list(scope, leadterra.read_id(given));
EXCEPTION WHEN SQLSTATE 'PT400' OR SQLSTATE 'PT404' THEN
    PERFORM leadterra.raise_error('list_not_found', format('list "%s" does not exist', given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_list_id(text, text) IS
'Read a parameter that names a list, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_v2_show_list(list_id uuid)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object(
            'id', l.list_id, 'organization_id', l.workspace_id, 'name', l.name,
            'has_enrichment_task', false, 'owned_by', NULL,
            'timestamp_created', leadterra.http_time(l.created_at))
        FROM leadterra.lists l
        WHERE l.workspace_id = leadterra.current_workspace()
          AND l.list_id = http_v2_show_list.list_id);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_list(uuid) IS
'Return a list as the second service has it.';

CREATE FUNCTION leadterra.http_v2_list_body(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM
        leadterra.http_v2_members(body, '{name, has_enrichment_task, owned_by}'),
        leadterra.http_v2_fixed(body, '{"has_enrichment_task": false, "owned_by": null}');
    RETURN body;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_list_body(jsonb) IS
'Return the body of a request that has fields of a list, and no others.';

CREATE FUNCTION leadterra.http_v2_create_list(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH created AS MATERIALIZED (
        SELECT @extschema@.lt_create_list(leadterra.http_v2_require(
            leadterra.http_v2_list_body(http_v2_create_list.body), 'name', 'string') #>> '{}')
            AS list_id
    )
    SELECT leadterra.http_v2_show_list(c.list_id) FROM created c;
END;

COMMENT ON FUNCTION leadterra.http_v2_create_list(jsonb) IS
'Answer POST /api/v2/lead-lists

Parameters:
  body  has name

Returns: the list.

Errors: those of lt_create_list.';

CREATE FUNCTION leadterra.http_v2_lists(
    search text DEFAULT NULL,
    has_enrichment_task boolean DEFAULT NULL,
    starting_after text DEFAULT NULL,
    "limit" integer DEFAULT 10)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    wanted constant integer := leadterra.http_limit("limit", 100);
    is_time constant boolean := coalesce(starting_after ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}T', false);
    earlier_than constant timestamptz := coalesce(
        CASE WHEN is_time THEN leadterra.http_v2_time('starting_after', starting_after) END,
        'infinity');
    before constant uuid := coalesce(
        CASE WHEN NOT is_time THEN leadterra.http_cursor(starting_after) END,
        'ffffffff-ffff-ffff-ffff-ffffffffffff');
    lists uuid[];
BEGIN
    lists := ARRAY(
        SELECT l.list_id
        FROM leadterra.lists l
        WHERE l.workspace_id = workspace AND l.list_id < before AND l.created_at < earlier_than
          AND (search IS NULL OR strpos(lower(l.name), lower(search)) > 0)
          -- None has one.
          AND has_enrichment_task IS NOT TRUE
        ORDER BY l.list_id DESC
        LIMIT wanted);
    RETURN leadterra.http_v2_page(
        (SELECT jsonb_agg(leadterra.http_v2_show_list(l.list_id) ORDER BY l.place)
         FROM unnest(lists) WITH ORDINALITY AS l (list_id, place)),
        lists[wanted]::text);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_lists(text, boolean, text, integer) IS
'Answer GET /api/v2/lead-lists

Parameters:
  search               of those with this in their names, in any letter case
  has_enrichment_task  true: none, for no list has one
  starting_after       next_starting_after of the page before, or the time_created of its last
                       list
  limit                of the page, up to 100

Returns: a page of lists, the newest first.';

CREATE FUNCTION leadterra.http_v2_list(list_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_show_list(http_v2_list.list_id);
END;

COMMENT ON FUNCTION leadterra.http_v2_list(uuid) IS
'Answer GET /api/v2/lead-lists/:id

Returns: the list.';

CREATE FUNCTION leadterra.http_v2_change_list(list_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT leadterra.http_v2_given(
            leadterra.http_v2_list_body(http_v2_change_list.body), 'name', 'string') AS name
    ), changed AS MATERIALIZED (
        SELECT CASE WHEN g.name IS NOT NULL THEN @extschema@.lt_rename_list(
            http_v2_change_list.list_id, g.name #>> '{}') END
        FROM given g
    )
    SELECT leadterra.http_v2_show_list(http_v2_change_list.list_id) FROM changed;
END;

COMMENT ON FUNCTION leadterra.http_v2_change_list(uuid, jsonb) IS
'Answer PATCH /api/v2/lead-lists/:id

Parameters:
  body  may have name

Returns: the list.

Errors: those of lt_rename_list.';

CREATE FUNCTION leadterra.http_v2_delete_list(list_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH shown AS MATERIALIZED (
        SELECT leadterra.http_v2_show_list(http_v2_delete_list.list_id) AS list
    ), deleted AS MATERIALIZED (
        SELECT s.list, @extschema@.lt_delete_list(http_v2_delete_list.list_id) FROM shown s
    )
    SELECT d.list FROM deleted d;
END;

COMMENT ON FUNCTION leadterra.http_v2_delete_list(uuid) IS
'Answer DELETE /api/v2/lead-lists/:id

Returns: the list as it was.

Errors: those of lt_delete_list.';
