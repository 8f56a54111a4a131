-- http: published calls on leads.

CREATE FUNCTION leadterra.http_lead_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.enter(scope);
    found_id uuid;
BEGIN
    BEGIN
        found_id := leadterra.read_id(given);
    EXCEPTION WHEN SQLSTATE 'PT400' THEN
        found_id := NULL;
    END;
    PERFORM FROM leadterra.leads l WHERE l.workspace_id = workspace AND l.lead_id = found_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('lead_not_found', format('lead "%s" does not exist', given));
    END IF;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_lead_id(text, text) IS
'Read a parameter that names a lead, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_lead_email(lead_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    email text;
BEGIN
    SELECT l.email INTO email
    FROM leadterra.leads l
    WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = http_lead_email.lead_id;
    IF email IS NULL THEN
        PERFORM leadterra.raise_error('lead_not_found',
            format('lead "%s" has no address', lead_id));
    END IF;
    RETURN email;
END;
$$;

COMMENT ON FUNCTION leadterra.http_lead_email(uuid) IS
'Return the address of a lead, or raise PT404 lead_not_found: without one it has no message.';

CREATE FUNCTION leadterra.http_show_lead(lead_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        jsonb_build_object('id', @extschema@.lt_typeid('lead', l.lead_id), 'email', l.email)
        || (SELECT jsonb_object_agg(f.name, to_jsonb(l) -> f.column_name)
            FROM leadterra.lead_fields() f)
        || jsonb_build_object(
            'customFields', l.custom, 'createdAt', leadterra.http_time(l.created_at),
            'updatedAt', leadterra.http_time(l.updated_at))
    FROM leadterra.leads l
    WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = http_show_lead.lead_id;
END;

COMMENT ON FUNCTION leadterra.http_show_lead(uuid) IS
'Return a lead as the first service shows it, with its fields by their names in lead objects.';

CREATE FUNCTION leadterra.http_list_leads(
    email text DEFAULT NULL,
    search text DEFAULT NULL,
    after text DEFAULT NULL,
    "limit" integer DEFAULT 100)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(leadterra.http_show_lead(f.lead_id) ORDER BY f.place)
            FILTER (WHERE f.lead_id IS NOT NULL),
        -- It ends with a full page, or with a row that says how far it looked.
        (array_agg(f.next_after)
            FILTER (WHERE f.place = http_list_leads."limit" OR f.lead_id IS NULL))[1])
    FROM @extschema@.lt_find_leads(
        search => http_list_leads.search,
        emails => CASE WHEN http_list_leads.email IS NOT NULL
            THEN (leadterra.suppression_keys(http_list_leads.email))[1:1] END,
        after => http_list_leads.after,
        max_leads => leadterra.http_limit(http_list_leads."limit", 200))
        WITH ORDINALITY AS f (lead_id, next_after, place);
END;

COMMENT ON FUNCTION leadterra.http_list_leads(text, text, text, integer) IS
'Answer GET /v1/leads

Parameters:
  email   of the lead with this address alone
  search  of those whose addresses begin so
  after   next of the page before
  limit   of the page, up to 200

Returns: a page of leads.';

CREATE FUNCTION leadterra.http_get_lead(lead_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_show_lead(http_get_lead.lead_id);
END;

COMMENT ON FUNCTION leadterra.http_get_lead(uuid) IS
'Answer GET /v1/leads/:id

Returns: the lead.';

CREATE FUNCTION leadterra.http_change_lead(lead_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_change_lead(
        http_change_lead.lead_id, leadterra.http_v2_members(http_change_lead.body, NULL));
    SELECT leadterra.http_show_lead(http_change_lead.lead_id);
END;

COMMENT ON FUNCTION leadterra.http_change_lead(uuid, jsonb) IS
'Answer PATCH /v1/leads/:id

Parameters:
  body  a lead object without its address: what it leaves out stays, null clears it

Returns: the lead.

Errors: those of lt_change_lead.';

CREATE FUNCTION leadterra.http_delete_lead(lead_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_delete_lead(http_delete_lead.lead_id);
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('lead', http_delete_lead.lead_id), 'deleted', true);
END;

COMMENT ON FUNCTION leadterra.http_delete_lead(uuid) IS
'Answer DELETE /v1/leads/:id

Returns: its id, and that it is deleted.

Errors: those of lt_delete_lead.';

CREATE FUNCTION leadterra.http_lead_campaigns(lead_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'campaignId', @extschema@.lt_typeid('camp', c.campaign_id), 'name', c.name,
            'campaignStatus', c.campaign_status, 'status', c.status,
            'enrolledAt', leadterra.http_time(c.enrolled_at))
            ORDER BY c.enrolled_at DESC, c.campaign_id DESC),
        NULL)
    FROM @extschema@.lt_lead_campaigns(http_lead_campaigns.lead_id) c;
END;

COMMENT ON FUNCTION leadterra.http_lead_campaigns(uuid) IS
'Answer GET /v1/leads/:id/campaigns

Returns: all campaigns of the lead, the latest first.';

CREATE FUNCTION leadterra.http_campaign_leads(
    campaign_id uuid,
    status text DEFAULT NULL,
    after text DEFAULT NULL,
    "limit" integer DEFAULT 100)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'id', @extschema@.lt_typeid('lead', l.lead_id), 'email', l.email,
            'firstName', l.first_name, 'lastName', l.last_name, 'company', l.company,
            'status', l.status, 'enrolledAt', leadterra.http_time(l.enrolled_at))
            ORDER BY l.place) FILTER (WHERE l.lead_id IS NOT NULL),
        -- It ends with a full page, or with a row that says how far it looked.
        (array_agg(@extschema@.lt_typeid('lead', l.next_after))
            FILTER (WHERE l.place = http_campaign_leads."limit" OR l.lead_id IS NULL))[1])
    FROM @extschema@.lt_campaign_leads(
        http_campaign_leads.campaign_id, http_campaign_leads.status,
        leadterra.http_cursor(http_campaign_leads.after),
        leadterra.http_limit(http_campaign_leads."limit", 1000))
        WITH ORDINALITY AS l (
            lead_id, email, first_name, last_name, company, status, enrolled_at, next_after, place);
END;

COMMENT ON FUNCTION leadterra.http_campaign_leads(uuid, text, text, integer) IS
'Answer GET /v1/campaigns/:id/leads

Parameters:
  status  active, replied, bounced, unsubscribed or removed alone
  after   next of the page before
  limit   of the page, up to 1,000

Returns: a page of leads, which may be short and not the last.';

CREATE FUNCTION leadterra.http_campaign_lead(campaign_id uuid, lead_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('lead', http_campaign_lead.lead_id),
        'email', leadterra.http_lead_email(http_campaign_lead.lead_id),
        'status', (
            SELECT n.status
            FROM leadterra.enrollments n
            WHERE n.workspace_id = leadterra.current_workspace()
              AND n.campaign_id = http_campaign_lead.campaign_id
              AND n.lead_id = http_campaign_lead.lead_id),
        'messages', coalesce(jsonb_agg(jsonb_build_object(
            'step', e.step, 'id', @extschema@.lt_typeid('msg', e.message_id), 'state', e.state,
            'reason', e.reason, 'attempt', e.attempt, 'dueAt', leadterra.http_time(e.due_at),
            'settledAt', leadterra.http_time(e.settled_at))
            ORDER BY e.step), '[]'))
    FROM @extschema@.lt_explain_lead(
        http_campaign_lead.campaign_id, leadterra.http_lead_email(http_campaign_lead.lead_id)) e;
END;

COMMENT ON FUNCTION leadterra.http_campaign_lead(uuid, uuid) IS
'Answer GET /v1/campaigns/:id/leads/:leadId

Returns: the status of the lead in the campaign, and as lt_explain_lead has it for each step, what
became of its message, and why.

Errors: those of lt_explain_lead.';

-- VOLATILE, so that it sees what the call that it is in has written.
CREATE FUNCTION leadterra.count_enrolled(campaign_id uuid)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT s.leads_enrolled
        FROM leadterra.campaign_states s
        WHERE s.workspace_id = leadterra.current_workspace()
          AND s.campaign_id = count_enrolled.campaign_id);
END;
$$;

COMMENT ON FUNCTION leadterra.count_enrolled(uuid) IS
'Return how many leads are enrolled in a campaign.';

CREATE FUNCTION leadterra.http_bulk_leads(
    campaign_id uuid,
    body jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH report AS MATERIALIZED (
        SELECT r.index, r.outcome, r.reason, r.field, r.code
        FROM @extschema@.lt_bulk_upsert_report(
            http_bulk_leads.campaign_id,
            jsonb_build_object('leads',
                leadterra.http_member(http_bulk_leads.body, 'leads', 'array')),
            http_bulk_leads.on_invalid,
            http_bulk_leads.dry_run) r
    ), counts AS MATERIALIZED (
        SELECT
            count(*) FILTER (WHERE r.outcome = 'enrolled') AS enrolled,
            count(*) FILTER (WHERE r.outcome = 'updated') AS updated,
            count(*) FILTER (WHERE r.outcome = 'skipped') AS skipped,
            count(*) FILTER (WHERE r.outcome <> 'skipped') AS total,
            coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(
                        jsonb_build_object('index', r.index, 'field', r.field, 'code', r.code))
                    ORDER BY r.index)
                FILTER (WHERE r.outcome = 'skipped' AND r.reason <> 'suppressed'), '[]') AS errors
        FROM report r
    )
    SELECT jsonb_build_object(
        'enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped, 'total', c.total,
        'data', jsonb_build_object(
            'created', c.enrolled, 'updated', c.updated, 'enrolled', c.total, 'errors', c.errors),
        'result', jsonb_build_object(
            'enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped,
            'totalInCampaign', leadterra.count_enrolled(http_bulk_leads.campaign_id)))
    FROM counts c;
END;

COMMENT ON FUNCTION leadterra.http_bulk_leads(uuid, jsonb, text, boolean) IS
'Answer POST /v1/campaigns/:id/leads/bulk

The answer has the three published shapes at once.

Parameters:
  body        has leads, an array of lead objects
  on_invalid  skip leaves invalid entries out; error refuses them all
  dry_run     writes nothing

Errors: those of lt_bulk_upsert.';

CREATE FUNCTION leadterra.http_add_leads(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_add_leads(
        leads => leadterra.http_member(http_add_leads.body, 'leads', 'array'),
        campaign_id => leadterra.http_id(http_add_leads.body, 'campaign_id'),
        list_id => leadterra.http_id(http_add_leads.body, 'list_id'),
        blocklist_id => leadterra.http_id(http_add_leads.body, 'blocklist_id'),
        assigned_to => leadterra.http_id(http_add_leads.body, 'assigned_to'),
        verify_leads_on_import =>
            leadterra.http_boolean(http_add_leads.body, 'verify_leads_on_import'),
        skip_if_in_workspace => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_workspace'),
        skip_if_in_campaign => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_campaign'),
        skip_if_in_list => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_list'));
END;

COMMENT ON FUNCTION leadterra.http_add_leads(jsonb) IS
'Answer POST /api/v2/leads/add

Parameters:
  body  has the arguments of lt_add_leads; ids may be TypeIDs

Returns: the answer of lt_add_leads.

Errors: those of lt_add_leads.';
