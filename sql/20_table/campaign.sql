-- campaign: campaigns and their steps.

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
-- What is due is looked for in these alone.
CREATE INDEX campaigns_running ON leadterra.campaigns (workspace_id, campaign_id) WHERE status = 'running';
SELECT leadterra.add_table('leadterra.campaigns');
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
SELECT leadterra.add_table('leadterra.steps');
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

CREATE TYPE @extschema@.lt_stats AS (
    campaign_id uuid,
    total_enrolled bigint,
    sent bigint,
    delivered bigint,
    bounced bigint,
    replied bigint,
    unsubscribed bigint,
    skipped bigint,
    failed bigint,
    queued bigint,
    open_rate double precision,
    reply_rate double precision
);
COMMENT ON TYPE @extschema@.lt_stats IS 'Counts of a campaign; the rates are shares of delivered, from 0 to 1.';
