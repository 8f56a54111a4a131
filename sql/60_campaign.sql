-- campaign: campaigns, their steps, start and pause.

CREATE TABLE leadterra.campaigns (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'running', 'paused')),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    paused_at timestamptz,
    owner uuid,
    variables text[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (workspace_id, campaign_id),
    CHECK (status = 'draft' OR started_at IS NOT NULL)
);
SELECT pg_extension_config_dump('leadterra.campaigns', '');
COMMENT ON TABLE leadterra.campaigns IS 'One row a campaign; started_at is the first start, paused_at is set while it is paused, variables are the custom fields that lt_add_leads has met.';

CREATE TABLE leadterra.steps (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    subject text NOT NULL,
    body_html text NOT NULL,
    delay_days integer NOT NULL CHECK (delay_days BETWEEN 0 AND 3650),
    PRIMARY KEY (workspace_id, campaign_id, step)
);
SELECT pg_extension_config_dump('leadterra.steps', '');
COMMENT ON TABLE leadterra.steps IS 'The messages of a campaign in order, from step 1; delay_days run from the step before, for step 1 from start or enrollment.';

CREATE TYPE @extschema@.lt_campaign_state AS (
    id uuid,
    name text,
    status text,
    created_at timestamptz,
    started_at timestamptz,
    paused_at timestamptz,
    leads_enrolled bigint,
    queued_messages bigint
);
COMMENT ON TYPE @extschema@.lt_campaign_state IS 'A campaign with its counts: leads_enrolled less those removed, queued_messages that wait for a worker.';

CREATE FUNCTION @extschema@.lt_create_campaign(name text, steps jsonb DEFAULT '[]')
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_create_campaign';

COMMENT ON FUNCTION @extschema@.lt_create_campaign(text, jsonb) IS
'Create a campaign in state draft and return its id

steps is an array of at most 100 objects with subject and bodyHtml (strings) and delayDays (a whole number from 0 to 3650; omitted, 0 for the first step and 1 for a later one). Errors: PT400 invalid_request for a blank name, PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_set_steps(campaign_id uuid, steps jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_set_steps';

COMMENT ON FUNCTION @extschema@.lt_set_steps(uuid, jsonb) IS
'Replace the steps of a campaign

A draft takes any steps. A paused campaign takes new texts for the steps that it has; a delay that is given must be the one it has. Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409 sequence_fixed.';

CREATE FUNCTION @extschema@.lt_start_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_start_campaign';

COMMENT ON FUNCTION @extschema@.lt_start_campaign(uuid) IS
'Start a draft or resume a paused campaign

Queues the first step for every enrolled lead; a paused campaign goes on where it stopped. Starting a running one changes nothing and returns its state. Errors: PT400 invalid_request, PT400 no_leads_enrolled, PT400 no_sequence_steps, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_pause_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_pause_campaign';

COMMENT ON FUNCTION @extschema@.lt_pause_campaign(uuid) IS
'Hold the queued messages of a running campaign until it is started again

Pausing a draft or paused campaign changes nothing and returns its state. Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_rename_campaign(campaign_id uuid, name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_rename_campaign';

COMMENT ON FUNCTION @extschema@.lt_rename_campaign(uuid, text) IS
'Rename a campaign, whatever its state

Errors: PT400 invalid_request for a blank name, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_set_campaign_owner(campaign_id uuid, owner uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_set_campaign_owner';

COMMENT ON FUNCTION @extschema@.lt_set_campaign_owner(uuid, uuid) IS
'Set who owns a campaign, null for nobody

lt_add_leads assigns leads to the owner that have nobody else. The id is the caller''s own; it is not looked up anywhere. Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_copy_campaign(campaign_id uuid, name text DEFAULT NULL)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_copy_campaign';

COMMENT ON FUNCTION @extschema@.lt_copy_campaign(uuid, text) IS
'Create a draft with the steps, owner and variables of a campaign, without its leads, and return its id

The name is that of the original and "(copy)" where none is given. Errors: PT400 invalid_request for a blank name, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_delete_campaign(campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_delete_campaign';

COMMENT ON FUNCTION @extschema@.lt_delete_campaign(uuid) IS
'Delete a draft or paused campaign with its enrollments and queued messages

Its leads stay in the workspace. Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_preflight(campaign_id uuid)
RETURNS TABLE (step integer, token text, has_fallback boolean, leads_without_value bigint)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_preflight';

COMMENT ON FUNCTION @extschema@.lt_preflight(uuid) IS
'List the tokens of each step and how many active leads have no value for them

A missing, null or blank field is no value. has_fallback says that every use of the token in that step names a fallback. Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.keep_campaign(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_keep_campaign';

COMMENT ON FUNCTION leadterra.keep_campaign(uuid, uuid) IS
'Keep a campaign of a workspace from being deleted until commit, or raise PT404 campaign_not_found.';
