-- http: the second service's calls on leads.
--
-- There a lead is of one campaign or list.  Here it is of the workspace, and is shown in
-- the campaign or list that was asked for, or else in the latest that it came to.

CREATE FUNCTION leadterra.http_v2_latest_campaign(lead_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    RETURN (
        SELECT e.campaign_id
        FROM leadterra.campaigns c
        CROSS JOIN LATERAL (
            SELECT e.campaign_id, e.enrolled_at
            FROM leadterra.enrollments e
            WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id
              AND e.lead_id = http_v2_latest_campaign.lead_id AND e.status <> 'removed'
            OFFSET 0
        ) e
        WHERE c.workspace_id = leadterra.current_workspace()
        ORDER BY e.enrolled_at DESC, e.campaign_id DESC
        LIMIT 1);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_latest_campaign(uuid) IS
'Return the campaign that a lead came to last and was not taken out of; null: none.';

CREATE FUNCTION leadterra.http_v2_latest_list(lead_id uuid)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT m.list_id
        FROM leadterra.list_members m
        WHERE m.workspace_id = leadterra.current_workspace()
          AND m.lead_id = http_v2_latest_list.lead_id
        ORDER BY m.added_at DESC, m.list_id DESC
        LIMIT 1);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_latest_list(uuid) IS
'Return the list that a lead came to last; null: none.';

CREATE FUNCTION leadterra.http_v2_lead_state(campaign_id uuid, lead_id uuid)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT CASE e.status WHEN 'replied' THEN 3 WHEN 'bounced' THEN -1
            WHEN 'unsubscribed' THEN -2 WHEN 'removed' THEN -3 ELSE 1 END
        FROM leadterra.enrollments e
        WHERE e.workspace_id = leadterra.current_workspace()
          AND e.campaign_id = http_v2_lead_state.campaign_id
          AND e.lead_id = http_v2_lead_state.lead_id);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_lead_state(uuid, uuid) IS
'Return the number of a lead''s state in a campaign; null: it is not in it.';

CREATE FUNCTION leadterra.http_v2_show_lead(
    lead_id uuid, campaign_id uuid DEFAULT NULL, list_id uuid DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    of_campaign constant uuid :=
        coalesce(campaign_id, leadterra.http_v2_latest_campaign(lead_id));
    of_list constant uuid := coalesce(list_id, leadterra.http_v2_latest_list(lead_id));
BEGIN
    RETURN (
        SELECT
            (SELECT jsonb_object_agg(f.alias, to_jsonb(l) -> f.column_name)
             FROM leadterra.lead_fields() f)
            || jsonb_build_object(
                'id', l.lead_id, 'organization', l.workspace_id, 'email', l.email,
                'status', CASE WHEN l.verification_status = -1 THEN -3
                    ELSE coalesce(leadterra.http_v2_lead_state(of_campaign, l.lead_id), 1) END,
                'campaign', of_campaign, 'list_id', of_list,
                'company_domain', split_part(l.email, '@', 2),
                'payload', l.custom || jsonb_strip_nulls(jsonb_build_object(
                    'firstName', l.first_name, 'lastName', l.last_name,
                    'companyName', l.company)),
                'timestamp_created', leadterra.http_time(l.created_at),
                'timestamp_updated', leadterra.http_time(l.updated_at))
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.lead_id = http_v2_show_lead.lead_id);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_show_lead(uuid, uuid, uuid) IS
'Return a lead as the second service has it

Parameters:
  campaign_id  that it is shown in; null: the latest
  list_id      that it is shown on; null: the latest';

CREATE FUNCTION leadterra.http_v2_lead_id(body jsonb, name text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM leadterra.http_v2_require(body, name, 'string');
    RETURN leadterra.http_id(body, name);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_lead_id(jsonb, text) IS
'Return a member of the body of a request that is the id of a lead.';

CREATE FUNCTION leadterra.http_v2_variables(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    variables constant jsonb := leadterra.http_v2_given(body, 'custom_variables', 'object');
    wrong text;
BEGIN
    SELECT v.key INTO wrong
    FROM jsonb_each(variables) AS v
    WHERE jsonb_typeof(v.value) IN ('object', 'array')
    ORDER BY v.key COLLATE "C"
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"custom_variables.%s" must be a string, a number, true, false or null', wrong));
    END IF;
    RETURN variables;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_variables(jsonb) IS
'Return the variables in the body of a request, none of which has members; null: it has none.';

CREATE FUNCTION leadterra.http_v2_lead_patch(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM leadterra.http_v2_members(body, '{first_name, last_name, company_name, job_title,
        phone, website, personalization, pl_value_lead, lt_interest_status, assigned_to,
        custom_variables}');
    RETURN body - 'custom_variables'
        || jsonb_build_object('customFields', leadterra.http_v2_variables(body));
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_lead_patch(jsonb) IS
'Return what the body of a request says of a lead as lt_change_lead takes it.';

CREATE FUNCTION leadterra.http_v2_find_lead(email text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT l.lead_id
        FROM leadterra.leads l
        WHERE l.workspace_id = leadterra.current_workspace()
          AND l.email = leadterra.read_entry(http_v2_find_lead.email));
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_find_lead(text) IS
'Return the lead that has an address; null: there is none.';

CREATE FUNCTION leadterra.http_v2_new_lead(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    about_call constant text[] := '{campaign, list_id, blocklist_id, verify_leads_on_import,
        skip_if_in_workspace, skip_if_in_campaign, skip_if_in_list}';
BEGIN
    PERFORM leadterra.http_v2_members(body, about_call || '{email, first_name, last_name,
        company_name, job_title, phone, website, personalization, pl_value_lead,
        lt_interest_status, assigned_to, custom_variables}');
    RETURN jsonb_build_array(body - about_call);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_new_lead(jsonb) IS
'Return the lead in the body of a request as lt_add_leads takes it.';

CREATE FUNCTION leadterra.http_v2_added_lead(counts jsonb, email text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    lead_id constant uuid :=
        coalesce((counts #>> '{created_leads, 0, id}')::uuid, leadterra.http_v2_find_lead(email));
BEGIN
    IF counts ->> 'in_blocklist' <> '0' THEN
        PERFORM leadterra.raise_error('invalid_request', 'the address is on the block list');
    ELSIF counts ->> 'invalid_email_count' <> '0' THEN
        PERFORM leadterra.raise_error('invalid_request', CASE WHEN email <> ''
            THEN format('"%s" is no address', email) ELSE 'a lead needs an address' END);
    ELSIF lead_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'a lead needs an address or a name');
    END IF;
    RETURN lead_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_added_lead(jsonb, text) IS
'Return the lead that lt_add_leads has added, or that was there, or raise why there is none.';

CREATE FUNCTION leadterra.http_v2_create_lead(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT
            leadterra.http_v2_new_lead(http_v2_create_lead.body) AS leads,
            leadterra.http_id(http_v2_create_lead.body, 'campaign') AS campaign_id,
            leadterra.http_id(http_v2_create_lead.body, 'list_id') AS list_id
    ), added AS MATERIALIZED (
        SELECT g.campaign_id, g.list_id, leadterra.http_v2_added_lead(
            @extschema@.lt_add_leads(
                leads => g.leads,
                campaign_id => g.campaign_id,
                list_id => g.list_id,
                blocklist_id => leadterra.http_id(http_v2_create_lead.body, 'blocklist_id'),
                verify_leads_on_import =>
                    leadterra.http_boolean(http_v2_create_lead.body, 'verify_leads_on_import'),
                skip_if_in_workspace =>
                    leadterra.http_boolean(http_v2_create_lead.body, 'skip_if_in_workspace'),
                skip_if_in_campaign =>
                    leadterra.http_boolean(http_v2_create_lead.body, 'skip_if_in_campaign'),
                skip_if_in_list =>
                    leadterra.http_boolean(http_v2_create_lead.body, 'skip_if_in_list')),
            http_v2_create_lead.body ->> 'email') AS lead_id
        FROM given g
    )
    SELECT leadterra.http_v2_show_lead(a.lead_id,
        CASE WHEN leadterra.http_v2_lead_state(a.campaign_id, a.lead_id) IS NOT NULL
            THEN a.campaign_id END,
        a.list_id)
    FROM added a;
END;

COMMENT ON FUNCTION leadterra.http_v2_create_lead(jsonb) IS
'Answer POST /api/v2/leads

Parameters:
  body  has campaign or list_id, fields of a lead, and the flags of POST /api/v2/leads/add

Returns: the lead, also one that was there before and is not changed.

Errors: those of lt_add_leads, PT400 invalid_request where the lead is left out.';

CREATE FUNCTION leadterra.http_v2_lead(lead_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_show_lead(http_v2_lead.lead_id);
END;

COMMENT ON FUNCTION leadterra.http_v2_lead(uuid) IS
'Answer GET /api/v2/leads/:id

Returns: the lead.';

CREATE FUNCTION leadterra.http_v2_change_lead(lead_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH changed AS MATERIALIZED (
        SELECT @extschema@.lt_change_lead(
            http_v2_change_lead.lead_id, leadterra.http_v2_lead_patch(http_v2_change_lead.body))
    )
    SELECT leadterra.http_v2_show_lead(http_v2_change_lead.lead_id) FROM changed;
END;

COMMENT ON FUNCTION leadterra.http_v2_change_lead(uuid, jsonb) IS
'Answer PATCH /api/v2/leads/:id

Parameters:
  body  has fields of a lead but its address; what it leaves out stays, null clears it

Returns: the lead.

Errors: those of lt_change_lead.';

CREATE FUNCTION leadterra.http_v2_delete_lead(lead_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH shown AS MATERIALIZED (
        SELECT leadterra.http_v2_show_lead(http_v2_delete_lead.lead_id) AS lead
    ), deleted AS MATERIALIZED (
        SELECT s.lead, @extschema@.lt_delete_lead(http_v2_delete_lead.lead_id) FROM shown s
    )
    SELECT d.lead FROM deleted d;
END;

COMMENT ON FUNCTION leadterra.http_v2_delete_lead(uuid) IS
'Answer DELETE /api/v2/leads/:id

Returns: the lead as it was.

Errors: those of lt_delete_lead.';

CREATE FUNCTION leadterra.http_v2_merge_leads(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH given AS MATERIALIZED (
        SELECT
            leadterra.http_v2_lead_id(b.body, 'lead_id') AS lead_id,
            leadterra.http_v2_lead_id(b.body, 'destination_lead_id') AS destination_lead_id
        FROM leadterra.http_v2_members(
            http_v2_merge_leads.body, '{lead_id, destination_lead_id}') AS b (body)
    ), merged AS MATERIALIZED (
        SELECT g.destination_lead_id, @extschema@.lt_merge_leads(g.lead_id, g.destination_lead_id)
        FROM given g
    )
    SELECT leadterra.http_v2_show_lead(m.destination_lead_id) FROM merged m;
END;

COMMENT ON FUNCTION leadterra.http_v2_merge_leads(jsonb) IS
'Answer POST /api/v2/leads/merge

Parameters:
  body  has lead_id, the lead that goes, and destination_lead_id, the one that stays

Returns: the lead that stays.

Errors: those of lt_merge_leads.';
