-- enroll: adding leads to a campaign or a list.

CREATE FUNCTION @extschema@.lt_add_leads(
    leads jsonb,
    campaign_id uuid DEFAULT NULL,
    list_id uuid DEFAULT NULL,
    blocklist_id uuid DEFAULT NULL,
    assigned_to uuid DEFAULT NULL,
    verify_leads_on_import boolean DEFAULT false,
    skip_if_in_workspace boolean DEFAULT false,
    skip_if_in_campaign boolean DEFAULT false,
    skip_if_in_list boolean DEFAULT false
)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_add_leads';

COMMENT ON FUNCTION @extschema@.lt_add_leads(jsonb, uuid, uuid, uuid, uuid, boolean, boolean, boolean, boolean) IS
'Add up to 1,000 leads to a campaign or a list, leaving alone those that are in it

A lead has email, first_name, last_name, company_name, job_title, phone, website, personalization, pl_value_lead, lt_interest_status, assigned_to and custom_variables, and nothing else. Each is counted once, by the first that applies: incomplete (a list: neither address nor name) or invalid address; repeated in the call; on the block list (by default the suppression list); in this campaign or list already, and then not changed; skipped for being in the workspace, in any campaign, or in any list, as the flags say; uploaded. A lead that is known is merged as by lt_bulk_upsert. assigned_to is for leads that name nobody, without it the campaign''s owner for those that have nobody. verify_leads_on_import makes a background job. Returns the counters, which add up to total_sent, and the leads that were uploaded. Errors: PT400 invalid_request (a malformed call or lead), PT400 too_many_leads, PT402 plan_limit_reached, PT404 blocklist_not_found, PT404 campaign_not_found, PT404 list_not_found, PT409 wrong_isolation.';
