-- enroll: leads that are there already: enrolling and moving them.

CREATE FUNCTION @extschema@.lt_enroll_list(list_id uuid, campaign_id uuid)
RETURNS @extschema@.lt_enroll_list_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enroll_list';

COMMENT ON FUNCTION @extschema@.lt_enroll_list(uuid, uuid) IS
'Enroll the leads of a list in a campaign

All in one transaction. The leads stay on the list, and their records are not changed. A
lead that was taken out of the campaign is active again where it stood.

Parameters:
- list_id: the list
- campaign_id: the campaign
Returns: counts; leads without an address and suppressed ones are left out.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found, PT409
wrong_isolation.';

CREATE FUNCTION leadterra.enroll_leads(workspace uuid, campaign_id uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enroll_leads';

COMMENT ON FUNCTION leadterra.enroll_leads(uuid, uuid, uuid[]) IS
'Enroll leads in a campaign and return those that are in it now

Those without an address, suppressed or deleted are not.';

-- Which leads of an array are in a list, or in a campaign and not removed from it.
CREATE FUNCTION leadterra.find_members(
    workspace uuid, campaign_id uuid, list_id uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT coalesce(array_agg(u.lead_id ORDER BY u.lead_id), '{}')
    FROM (SELECT DISTINCT lead_id FROM unnest(find_members.lead_ids) AS u (lead_id)) u
    CROSS JOIN LATERAL (
        SELECT
        FROM leadterra.list_members m
        WHERE m.workspace_id = find_members.workspace AND m.list_id = find_members.list_id
          AND m.lead_id = u.lead_id
        UNION ALL
        SELECT
        FROM leadterra.enrollments e
        WHERE e.workspace_id = find_members.workspace AND e.campaign_id = find_members.campaign_id
          AND e.lead_id = u.lead_id AND e.status <> 'removed'
        OFFSET 0
    ) x;
END;

COMMENT ON FUNCTION leadterra.find_members(uuid, uuid, uuid, uuid[]) IS
'List which leads are in a campaign, and not removed from it, or in a list.';

CREATE FUNCTION leadterra.move_members(
    workspace uuid,
    lead_ids uuid[],
    from_campaign_id uuid,
    from_list_id uuid,
    to_campaign_id uuid,
    to_list_id uuid
)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved uuid[];
BEGIN
    PERFORM leadterra.require_read_committed('moving leads');
    IF lead_ids IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lead_ids" must not be null');
    END IF;
    PERFORM leadterra.limit_entries('lead_ids', cardinality(lead_ids));
    IF num_nonnulls(from_campaign_id, from_list_id) <> 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'either from_campaign_id or from_list_id must be given, and not both');
    ELSIF num_nonnulls(to_campaign_id, to_list_id) <> 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'either to_campaign_id or to_list_id must be given, and not both');
    ELSIF from_campaign_id = to_campaign_id OR from_list_id = to_list_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'leads cannot be moved to where they are');
    END IF;

    -- Neither is deleted before this commits.
    PERFORM leadterra.keep_list(workspace, l.list_id)
    FROM (
        SELECT l.list_id
        FROM unnest(ARRAY[from_list_id, to_list_id]) AS l (list_id)
        WHERE l.list_id IS NOT NULL
        ORDER BY l.list_id
    ) l;
    PERFORM leadterra.keep_campaign(workspace, c.campaign_id)
    FROM (
        SELECT c.campaign_id
        FROM unnest(ARRAY[from_campaign_id, to_campaign_id]) AS c (campaign_id)
        WHERE c.campaign_id IS NOT NULL
        ORDER BY c.campaign_id
    ) c;

    moved := leadterra.find_members(workspace, from_campaign_id, from_list_id, lead_ids);
    IF to_campaign_id IS NOT NULL THEN
        moved := leadterra.enroll_leads(workspace, to_campaign_id, moved);
    ELSE
        moved := leadterra.keep_leads(workspace, moved);
        PERFORM leadterra.add_to_list(workspace, to_list_id, moved);
    END IF;
    IF from_list_id IS NOT NULL THEN
        PERFORM leadterra.remove_from_list(workspace, from_list_id, moved);
    ELSE
        PERFORM leadterra.remove_enrollments(workspace, from_campaign_id, moved);
    END IF;
    RETURN moved;
END;
$$;

COMMENT ON FUNCTION leadterra.move_members(uuid, uuid[], uuid, uuid, uuid, uuid) IS
'Do what lt_move_leads says, in a workspace, and return the leads that were moved.';

CREATE FUNCTION leadterra.move_leads(
    workspace uuid,
    lead_ids uuid[],
    from_campaign_id uuid,
    from_list_id uuid,
    to_campaign_id uuid,
    to_list_id uuid
)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN cardinality(leadterra.move_members(
        workspace, lead_ids, from_campaign_id, from_list_id, to_campaign_id, to_list_id));
END;
$$;

COMMENT ON FUNCTION leadterra.move_leads(uuid, uuid[], uuid, uuid, uuid, uuid) IS
'Do what lt_move_leads says, in a workspace.';

CREATE FUNCTION leadterra.move_noted(
    workspace uuid,
    lead_ids uuid[],
    from_campaign_id uuid,
    from_list_id uuid,
    to_campaign_id uuid,
    to_list_id uuid
)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.insert_done_job(
        workspace, 'move_leads', to_campaign_id, to_list_id, leadterra.move_members(
            workspace, lead_ids, from_campaign_id, from_list_id, to_campaign_id, to_list_id));
END;
$$;

COMMENT ON FUNCTION leadterra.move_noted(uuid, uuid[], uuid, uuid, uuid, uuid) IS
'Do what lt_move_leads_noted says, in a workspace.';

CREATE FUNCTION @extschema@.lt_move_leads(
    lead_ids uuid[],
    from_campaign_id uuid DEFAULT NULL,
    from_list_id uuid DEFAULT NULL,
    to_campaign_id uuid DEFAULT NULL,
    to_list_id uuid DEFAULT NULL
)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_move_leads';

COMMENT ON FUNCTION @extschema@.lt_move_leads(uuid[], uuid, uuid, uuid, uuid) IS
'Move leads from a campaign or a list to another campaign or list

Leads that are not in the first are passed over. On the way to a campaign, so are those
without an address and suppressed ones, which stay where they were. A lead that is in both
leaves the first. Leaving a campaign is as by lt_remove_leads. In another campaign a lead
begins at step one.

Parameters:
- lead_ids: at most a million leads
- from_campaign_id: the campaign that they leave; either this or from_list_id
- from_list_id: the list that they leave
- to_campaign_id: the campaign that they come to; either this or to_list_id
- to_list_id: the list that they come to
Returns: how many were moved.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found, PT409
wrong_isolation, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_move_leads_noted(
    lead_ids uuid[],
    from_campaign_id uuid DEFAULT NULL,
    from_list_id uuid DEFAULT NULL,
    to_campaign_id uuid DEFAULT NULL,
    to_list_id uuid DEFAULT NULL
)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_move_leads_noted';

COMMENT ON FUNCTION @extschema@.lt_move_leads_noted(uuid[], uuid, uuid, uuid, uuid) IS
'Move leads as lt_move_leads does, and note it as a background job that is done

The job has the type move_leads, the campaign or list that they came to, and those that moved.

Parameters:
- lead_ids: at most a million leads
- from_campaign_id: the campaign that they leave; either this or from_list_id
- from_list_id: the list that they leave
- to_campaign_id: the campaign that they come to; either this or to_list_id
- to_list_id: the list that they come to
Returns: the id of the job.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found, PT409
wrong_isolation, PT413 too_many_entries.';
