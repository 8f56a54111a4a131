-- enroll: the bulk call, and what is done with the leads of a campaign.

CREATE FUNCTION @extschema@.lt_bulk_upsert(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS @extschema@.lt_bulk_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bulk_upsert';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert(uuid, jsonb, text, boolean) IS
'Enroll leads in a campaign and update the leads that are known

leads is an array of lead objects, or an object with such an array as "leads". Addresses match trimmed and in lower case; an omitted field keeps its value, null clears it, keys that are not standard fields become custom fields. Suppressed addresses are skipped. An invalid entry fails the call with PT422 invalid_leads, or is skipped with on_invalid => ''skip''. With dry_run nothing is written. Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409 wrong_isolation, PT413 too_many_entries (more than a million), PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_bulk_upsert_report(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS TABLE (
    index integer,
    email text,
    lead_id uuid,
    outcome text,
    new_to_workspace boolean,
    reason text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bulk_upsert_report';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert_report(uuid, jsonb, text, boolean) IS
'Do what lt_bulk_upsert does and return one row an entry

index counts from 0. outcome is enrolled, updated or skipped; reason says why an entry was skipped (suppressed, invalid_email, wrong_type, ...) or that it repeats an address of the call (duplicate_in_payload). With dry_run the id of a lead that does not exist yet is null. Errors: those of lt_bulk_upsert, PT400 invalid_request and so on.';

CREATE FUNCTION @extschema@.lt_remove_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_remove_leads';

COMMENT ON FUNCTION @extschema@.lt_remove_leads(uuid, text[]) IS
'Take active leads out of a campaign and return how many

Their queued messages are skipped; the leads stay in the workspace and may be enrolled again, at the position they had. Leads that replied, bounced or unsubscribed keep that state and are not counted. Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries (more than a million).';

CREATE FUNCTION @extschema@.lt_restart_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_restart_leads';

COMMENT ON FUNCTION @extschema@.lt_restart_leads(uuid, text[]) IS
'Let leads go on whose sequence ended before its last step, and return how many

A lead that replied, bounced or unsubscribed is active again, and a message that failed or was skipped is queued again, as its first attempt. Leads that were removed, and active ones of which nothing failed or was skipped, are not counted. An address that is suppressed is skipped again: see lt_unsuppress. Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries (more than a million).';

CREATE FUNCTION leadterra.enter_lead(scope text, campaign_id uuid, email text)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_lead';

COMMENT ON FUNCTION leadterra.enter_lead(text, uuid, text) IS
'Begin a call on a lead of a campaign that needs a scope, and return the lead with an address, or raise what leadterra.enter does, or PT404 campaign_not_found or lead_not_found.';
