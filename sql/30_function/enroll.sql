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

Entries apply in order, as if each were a call of its own. Addresses match trimmed, in
lower case, and with their domains in A-labels. An omitted field keeps its value, null
clears it, and keys that are no standard fields become custom fields. Suppressed addresses
are skipped. Nobody is enrolled twice, and no position in a sequence is reset.

Parameters:
- campaign_id: the campaign, in any state
- leads: an array of at most a million lead objects, or an object that has it as "leads"
- on_invalid: error: an invalid entry fails the call; skip: it is left out
- dry_run: say what would happen, and write nothing
Returns: counts of entries.
Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409
wrong_isolation, PT413 too_many_entries, PT422 invalid_leads.';

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
    reason text,
    field text,
    code text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bulk_upsert_report';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert_report(uuid, jsonb, text, boolean) IS
'Do what lt_bulk_upsert does and return one row an entry

Parameters:
- campaign_id: the campaign, in any state
- leads: an array of at most a million lead objects, or an object that has it as "leads"
- on_invalid: error: an invalid entry fails the call; skip: it is left out
- dry_run: say what would happen, and write nothing
Returns: index of the entry, from 0; its address; the lead (null: it has none yet); outcome
(enrolled, updated or skipped); whether the lead is new to the workspace; the reason: why
it was skipped (suppressed, invalid_email, wrong_type and so on), or duplicate_in_payload;
field and code of what is invalid first, as PT422 lists them. Where nothing is, the code
is the reason.
Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409
wrong_isolation, PT413 too_many_entries, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_remove_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_remove_leads';

COMMENT ON FUNCTION @extschema@.lt_remove_leads(uuid, text[]) IS
'Take active leads out of a campaign

Their queued messages are skipped. The leads stay in the workspace and may be enrolled
again, at the position they had. Leads that replied, bounced or unsubscribed keep that
state and are not counted.

Parameters:
- campaign_id: the campaign
- emails: at most a million addresses
Returns: how many were taken out.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_restart_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_restart_leads';

COMMENT ON FUNCTION @extschema@.lt_restart_leads(uuid, text[]) IS
'Let leads go on whose sequence ended before its last step

A lead that replied, bounced or unsubscribed is active again. A message that failed or was
skipped is queued again, as its first attempt. Leads that were removed, and active ones of
which nothing failed or was skipped, are not counted. An address that is suppressed is
skipped again: see lt_unsuppress.

Parameters:
- campaign_id: the campaign
- emails: at most a million addresses
Returns: how many go on.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries.';

CREATE FUNCTION leadterra.enter_lead(scope text, campaign_id uuid, email text)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_lead';

COMMENT ON FUNCTION leadterra.enter_lead(text, uuid, text) IS
'Begin a call on a lead of a campaign that needs a scope, and return the lead

Errors: those of leadterra.enter, PT404 campaign_not_found, PT404 lead_not_found.';
