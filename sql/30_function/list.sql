-- list: lists and their members.

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_2_list_members()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    WITH doomed AS (
        SELECT m.*
        FROM (SELECT d.workspace_id, d.lead_id FROM deleted d ORDER BY d.workspace_id, d.lead_id) k
        CROSS JOIN LATERAL (
            SELECT m.workspace_id, m.list_id, m.lead_id
            FROM leadterra.list_members m
            WHERE m.workspace_id = k.workspace_id AND m.lead_id = k.lead_id
            ORDER BY m.list_id
            FOR UPDATE
        ) m
    )
    DELETE FROM leadterra.list_members m
    USING doomed d
    WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id AND m.lead_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_2_list_members() IS
'Take leads that are deleted off every list.';

CREATE TRIGGER leads_deleted_2_list_members AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_2_list_members();

CREATE FUNCTION leadterra.lists_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting lists');
    -- In the order in which deleting leads locks them, whatever that of the rows.
    PERFORM FROM leadterra.list_members m
    JOIN deleted d ON d.workspace_id = m.workspace_id AND d.list_id = m.list_id
    ORDER BY m.lead_id, m.list_id
    FOR UPDATE OF m;
    DELETE FROM leadterra.list_members m USING deleted d
    WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.lists_deleted() IS 'Delete the members of lists that are deleted.';

CREATE TRIGGER lists_deleted AFTER DELETE ON leadterra.lists
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.lists_deleted();

CREATE FUNCTION leadterra.enter_list(scope text, list_id uuid)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_list';

COMMENT ON FUNCTION leadterra.enter_list(text, uuid) IS
'Begin a call on a list that needs a scope, and return the list

Errors: those of leadterra.enter, PT404 list_not_found.';

CREATE FUNCTION leadterra.keep_list(workspace uuid, list_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_keep_list';

COMMENT ON FUNCTION leadterra.keep_list(uuid, uuid) IS
'Keep a list of a workspace from being deleted until commit, or raise PT404 list_not_found.';

CREATE FUNCTION leadterra.add_to_list(workspace uuid, list_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)
    SELECT add_to_list.workspace, add_to_list.list_id, u.lead_id
    FROM unnest(add_to_list.lead_ids) AS u (lead_id)
    ORDER BY u.lead_id
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.add_to_list(uuid, uuid, uuid[]) IS
'Put leads on a list, unless they are on it.';

CREATE FUNCTION leadterra.remove_from_list(workspace uuid, list_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- Locked in one order, so that two calls do not deadlock.
    PERFORM FROM leadterra.list_members m
    WHERE m.workspace_id = workspace AND m.list_id = remove_from_list.list_id
      AND m.lead_id = ANY (lead_ids)
    ORDER BY m.lead_id
    FOR UPDATE;
    DELETE FROM leadterra.list_members m
    WHERE m.workspace_id = workspace AND m.list_id = remove_from_list.list_id
      AND m.lead_id = ANY (lead_ids);
END;
$$;

COMMENT ON FUNCTION leadterra.remove_from_list(uuid, uuid, uuid[]) IS
'Take leads off a list.';

CREATE FUNCTION leadterra.hand_over_lists(workspace uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id, added_at)
    SELECT hand_over_lists.workspace, m.list_id, hand_over_lists.heir, m.added_at
    FROM leadterra.list_members m
    WHERE m.workspace_id = hand_over_lists.workspace AND m.lead_id = hand_over_lists.source
    ORDER BY m.list_id
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.hand_over_lists(uuid, uuid, uuid) IS
'Put a lead on the lists that another is on, unless it is on them.';

CREATE FUNCTION @extschema@.lt_create_list(name text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_list';

COMMENT ON FUNCTION @extschema@.lt_create_list(text) IS
'Create a list of leads

Parameters:
- name: a name for people, at most 1,000 bytes
Returns: the id of the list.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_rename_list(list_id uuid, name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_rename_list';

COMMENT ON FUNCTION @extschema@.lt_rename_list(uuid, text) IS
'Rename a list

Parameters:
- list_id: the list
- name: a name for people, at most 1,000 bytes
Errors: PT400 invalid_request, PT404 list_not_found.';

CREATE FUNCTION @extschema@.lt_delete_list(list_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_list';

COMMENT ON FUNCTION @extschema@.lt_delete_list(uuid) IS
'Delete a list

Its leads stay in the workspace and in their campaigns.

Parameters:
- list_id: the list
Errors: PT400 invalid_request, PT404 list_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_remove_from_list(list_id uuid, lead_ids uuid[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_remove_from_list';

COMMENT ON FUNCTION @extschema@.lt_remove_from_list(uuid, uuid[]) IS
'Take leads off a list

The leads stay in the workspace, and their enrollments are not touched.

Parameters:
- list_id: the list
- lead_ids: at most a million leads
Returns: how many were on it.
Errors: PT400 invalid_request, PT404 list_not_found, PT413 too_many_entries.';

-- A plan that is kept, by a caller that has it inlined or by the server since 18,
-- may be from when tables were empty, and read all leads for each.
CREATE FUNCTION @extschema@.lt_list_leads(
    list_id uuid,
    after uuid DEFAULT NULL,
    max_leads integer DEFAULT 100)
RETURNS TABLE (
    lead_id uuid,
    email text,
    first_name text,
    last_name text,
    company text,
    job_title text,
    phone text,
    website text,
    personalization text,
    lead_value text,
    interest_status integer,
    assigned_to uuid,
    verification_status integer,
    custom jsonb,
    added_at timestamptz
)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
BEGIN ATOMIC
    SELECT
        l.lead_id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.phone, l.website,
        l.personalization, l.lead_value, l.interest_status, l.assigned_to, l.verification_status,
        l.custom, m.added_at
    -- First of all, whatever the plan.
    FROM (SELECT leadterra.enter_list('leads:read', lt_list_leads.list_id) AS list_id OFFSET 0) r
    CROSS JOIN LATERAL (
        SELECT m.lead_id, m.added_at
        FROM leadterra.list_members m
        WHERE m.workspace_id = leadterra.current_workspace()
          AND m.list_id = r.list_id
          AND m.lead_id > coalesce(lt_list_leads.after, '00000000-0000-0000-0000-000000000000')
        ORDER BY m.lead_id
        LIMIT leadterra.row_limit('max_leads', lt_list_leads.max_leads)
    ) m
    CROSS JOIN LATERAL (
        SELECT l.*
        FROM leadterra.leads l
        WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = m.lead_id
        OFFSET 0
    ) l
    ORDER BY m.lead_id;
END;

COMMENT ON FUNCTION @extschema@.lt_list_leads(uuid, uuid, integer) IS
'List the leads of a list, a page at a time

Parameters:
- list_id: the list
- after: the last lead_id of the page before; null: from the first lead
- max_leads: how many at most, 1 to 10,000
Returns: leads in the order of their ids. A page that is not full is the last.
Errors: PT400 invalid_request, PT404 list_not_found.';

CREATE TRIGGER lists_truncated BEFORE TRUNCATE ON leadterra.lists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();
