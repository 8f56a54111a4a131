-- http: published calls on leads.

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
