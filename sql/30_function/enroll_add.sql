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

COMMENT ON FUNCTION @extschema@.lt_add_leads(
    jsonb, uuid, uuid, uuid, uuid, boolean, boolean, boolean, boolean) IS
'Add up to 1,000 leads to a campaign or a list, as the second service''s bulk call does

A lead object has email, first_name, last_name, company_name, job_title, phone, website,
personalization, pl_value_lead, lt_interest_status, assigned_to and custom_variables, and
nothing else. A lead that is in the campaign or list already is not changed. One that the
workspace knows is merged as by lt_bulk_upsert.

Each entry is counted once, by the first that applies: incomplete (for a list: neither
address nor name) or invalid; repeated in the call; on the block list; in the campaign or
list already; skipped by a flag; uploaded.

Parameters:
- leads: an array of 1 to 1,000 lead objects
- campaign_id: the campaign; either this or list_id
- list_id: the list, which may hold leads without an address
- blocklist_id: the block list to check against; null: the suppression list
- assigned_to: for leads that name nobody; null: the campaign''s owner, where nobody has them
- verify_leads_on_import: make a background job that verifies the addresses
- skip_if_in_workspace: leave out leads that the workspace knows
- skip_if_in_campaign: leave out leads that are in any campaign
- skip_if_in_list: leave out leads that are on any list
Returns: an object of counters, which add up to total_sent, and the leads uploaded.
Errors: PT400 invalid_request (a malformed call or lead), PT400 too_many_leads, PT400
too_many_variables, PT402 plan_limit_reached, PT404 blocklist_not_found, PT404
campaign_not_found, PT404 list_not_found, PT409 wrong_isolation.';
