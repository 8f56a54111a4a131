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
    pool_id uuid,
    schedule jsonb,
    daily_limit integer CHECK (daily_limit >= 0),
    daily_new_leads integer CHECK (daily_new_leads >= 0),
    new_leads_first boolean NOT NULL DEFAULT false,
    bounce_limit double precision CHECK (bounce_limit > 0 AND bounce_limit <= 1),
    stop_on_auto_reply boolean NOT NULL DEFAULT false,
    pause_reason text CHECK (pause_reason IN ('bounce_limit')),
    resumed_at timestamptz,
    is_counted boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, campaign_id),
    CHECK (status = 'draft' OR started_at IS NOT NULL)
);
-- What is due is looked for in these alone.
CREATE INDEX campaigns_running ON leadterra.campaigns (workspace_id, campaign_id)
    WHERE status = 'running';
SELECT leadterra.add_table('leadterra.campaigns');
COMMENT ON TABLE leadterra.campaigns IS 'One row a campaign.';
COMMENT ON COLUMN leadterra.campaigns.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN leadterra.campaigns.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.campaigns.status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.campaigns.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.campaigns.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN leadterra.campaigns.paused_at IS 'Since when it is paused; null: it is not.';
COMMENT ON COLUMN leadterra.campaigns.owner IS
    'Whom lt_add_leads assigns leads to that have nobody: an id of the caller.';
COMMENT ON COLUMN leadterra.campaigns.variables IS
    'Names of custom fields that lt_add_leads has met, sorted.';
COMMENT ON COLUMN leadterra.campaigns.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN leadterra.campaigns.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN leadterra.campaigns.daily_limit IS 'Messages a day at most; null: no limit.';
COMMENT ON COLUMN leadterra.campaigns.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN leadterra.campaigns.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN leadterra.campaigns.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN leadterra.campaigns.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN leadterra.campaigns.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';
COMMENT ON COLUMN leadterra.campaigns.resumed_at IS 'When it was last started; null: never.';
COMMENT ON COLUMN leadterra.campaigns.is_counted IS
    'Whether leadterra.enrolled_counts has all of it: false before lt_maintain came to old ones.';

-- A campaign without limits has no row.
CREATE TABLE leadterra.campaign_usage (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    used_on date,
    handed integer NOT NULL DEFAULT 0 CHECK (handed >= 0),
    new_leads integer NOT NULL DEFAULT 0 CHECK (new_leads >= 0),
    sent bigint NOT NULL DEFAULT 0 CHECK (sent >= 0),
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    bounced bigint NOT NULL DEFAULT 0 CHECK (bounced >= 0),
    PRIMARY KEY (workspace_id, campaign_id)
) WITH (fillfactor = 50);
SELECT leadterra.add_table('leadterra.campaign_usage');
COMMENT ON TABLE leadterra.campaign_usage IS
'What campaigns with limits have used of them, one row a campaign.';
COMMENT ON COLUMN leadterra.campaign_usage.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.campaign_usage.used_on IS
    'The last day on which messages were handed out, in the zone of its first schedule.';
COMMENT ON COLUMN leadterra.campaign_usage.handed IS
    'Messages that were handed out on that day, less those that were given back.';
COMMENT ON COLUMN leadterra.campaign_usage.new_leads IS
    'Those of them that were the first of their leads.';
COMMENT ON COLUMN leadterra.campaign_usage.sent IS 'Messages that were sent since it last started.';
COMMENT ON COLUMN leadterra.campaign_usage.refused IS
    'Messages that were refused for good while they were sent, since it last started.';
COMMENT ON COLUMN leadterra.campaign_usage.bounced IS
    'Messages that bounced, those that were refused too, since it last started.';

CREATE TABLE leadterra.steps (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    subject text,
    body_html text,
    delay_minutes integer NOT NULL CHECK (delay_minutes BETWEEN 0 AND 3650 * 1440),
    body_text text,
    preheader text,
    headers jsonb,
    variants jsonb,
    PRIMARY KEY (workspace_id, campaign_id, step),
    CONSTRAINT steps_valid CHECK (
        leadterra.step_is_valid(subject, body_html, headers, variants))
);
SELECT leadterra.add_table('leadterra.steps');
COMMENT ON TABLE leadterra.steps IS 'The messages of a campaign in order, from step 1.';
COMMENT ON COLUMN leadterra.steps.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.steps.step IS 'Number of the step, 1 to 100.';
COMMENT ON COLUMN leadterra.steps.subject IS
    'Subject, with tokens; null: each variant has its own.';
COMMENT ON COLUMN leadterra.steps.body_html IS
    'Body in HTML, with tokens; null: each variant has its own.';
COMMENT ON COLUMN leadterra.steps.delay_minutes IS
    'Minutes since the step before; for step 1 since enrollment or start. 3,650 days at most.';
COMMENT ON COLUMN leadterra.steps.body_text IS
    'Body as text, with tokens; null: whoever sends makes it of the one in HTML.';
COMMENT ON COLUMN leadterra.steps.preheader IS
    'What mailboxes show beside the subject, with tokens; null: what the body begins with.';
COMMENT ON COLUMN leadterra.steps.headers IS
    'More headers, an object of names and values with tokens; null: none.';
COMMENT ON COLUMN leadterra.steps.variants IS
    'Variants, an array of objects as in lt_set_steps; null: none.';

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
COMMENT ON TYPE @extschema@.lt_campaign_state IS 'A campaign with its counts.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.id IS 'Id of the campaign.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.status IS 'draft, running or paused.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.started_at IS
    'When it was first started; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.paused_at IS
    'Since when it is paused; null: it is not.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.queued_messages IS
    'Messages that wait for a worker; 0 for a draft.';

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
COMMENT ON TYPE @extschema@.lt_stats IS 'Counts of a campaign.';
COMMENT ON COLUMN @extschema@.lt_stats.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_stats.total_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_stats.sent IS
    'Messages that were completed, those of leads that were deleted since too.';
COMMENT ON COLUMN @extschema@.lt_stats.delivered IS 'Messages that were delivered.';
COMMENT ON COLUMN @extschema@.lt_stats.bounced IS 'Messages that bounced.';
COMMENT ON COLUMN @extschema@.lt_stats.replied IS
    'Messages that were replied to; out of office is no reply.';
COMMENT ON COLUMN @extschema@.lt_stats.unsubscribed IS 'Messages that led to an unsubscribe.';
COMMENT ON COLUMN @extschema@.lt_stats.skipped IS
    'Messages that were skipped, or will be: their lead gets no more, or its address is invalid.';
COMMENT ON COLUMN @extschema@.lt_stats.failed IS 'Messages that failed.';
COMMENT ON COLUMN @extschema@.lt_stats.queued IS 
    'Messages that wait for a worker, retries too, less those that will be skipped.';
COMMENT ON COLUMN @extschema@.lt_stats.open_rate IS 
    'Opened by delivered, or by sent where nothing was reported as delivered; 0 to 1.';
COMMENT ON COLUMN @extschema@.lt_stats.reply_rate IS 
    'Replied by delivered, or by sent where nothing was reported as delivered; 0 to 1.';
