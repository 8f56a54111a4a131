-- 0.1.0 to 0.2.0: changes to tables and types, each as sql/20_table/ has it.

-- A claim and what it hands out change a row, so a version that is no longer seen should be
-- reused in its page.
CREATE TABLE leadterra.webhooks (
    workspace_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    url text NOT NULL CHECK (starts_with(url, 'https://') AND octet_length(url) <= 2048),
    events text[] NOT NULL CHECK (
        events <@ leadterra.webhook_events() AND cardinality(events) > 0),
    campaign_id uuid,
    secret text NOT NULL CHECK (secret ~ '^whsec_[A-Za-z0-9+/]{43}=$'),
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'disabled')),
    disabled_reason text CHECK (disabled_reason IN ('gone', 'given_up')),
    disabled_at timestamptz,
    created_at timestamptz NOT NULL,
    given_up smallint NOT NULL DEFAULT 0 CHECK (given_up >= 0),
    resting_until timestamptz,
    last_lease_id uuid,
    PRIMARY KEY (workspace_id, webhook_id),
    CHECK ((status = 'disabled') = (disabled_at IS NOT NULL)
        AND (disabled_at IS NULL) = (disabled_reason IS NULL))
) WITH (fillfactor = 70);
SELECT leadterra.add_table('leadterra.webhooks');
COMMENT ON TABLE leadterra.webhooks IS 'Addresses that are told of what happens.';
COMMENT ON COLUMN leadterra.webhooks.webhook_id IS 'Id of the webhook.';
COMMENT ON COLUMN leadterra.webhooks.url IS 'Where deliveries go.';
COMMENT ON COLUMN leadterra.webhooks.events IS 'What it is told of.';
COMMENT ON COLUMN leadterra.webhooks.campaign_id IS
    'The campaign that it is told of; null: all of the workspace.';
COMMENT ON COLUMN leadterra.webhooks.secret IS 'What deliveries are signed with.';
COMMENT ON COLUMN leadterra.webhooks.status IS 'active or disabled.';
COMMENT ON COLUMN leadterra.webhooks.disabled_reason IS
    'gone (it answered 410) or given_up (deliveries failed for good); null: it is active.';
COMMENT ON COLUMN leadterra.webhooks.disabled_at IS 'Since when it is disabled; null: it is not.';
COMMENT ON COLUMN leadterra.webhooks.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.webhooks.given_up IS
    'Deliveries in a row that were given up, with none that succeeded since.';
COMMENT ON COLUMN leadterra.webhooks.resting_until IS
    'Until when nothing goes to it, after a failure; null: the last delivery succeeded.';
COMMENT ON COLUMN leadterra.webhooks.last_lease_id IS
    'The last lease that had something for it; null: there was none.';

-- A row is written by whoever does what it tells of, and tells of one thing or, for
-- message.sent, of a whole lease.  It has ids alone: what is said of a person is looked up
-- when it is delivered, so there is nothing here to forget.  The id of a delivery is the
-- id of the row, whose low twenty bits are zero, plus the number of what it is about, from 0.
CREATE TABLE leadterra.webhook_outbox (
    workspace_id uuid NOT NULL,
    outbox_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event text NOT NULL,
    campaign_id uuid,
    lease_id uuid,
    message_ids uuid[],
    event_id uuid,
    reason text,
    size integer NOT NULL CHECK (size BETWEEN 1 AND 1000000),
    handed integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, outbox_id),
    CHECK (handed BETWEEN 0 AND size)
);
CREATE INDEX webhook_outbox_open ON leadterra.webhook_outbox (workspace_id, webhook_id, outbox_id)
    WHERE handed < size;
SELECT leadterra.add_table('leadterra.webhook_outbox');
COMMENT ON TABLE leadterra.webhook_outbox IS
'What happened that a webhook wants to be told of: one row a webhook.';
COMMENT ON COLUMN leadterra.webhook_outbox.outbox_id IS
    'Id of the row; its low twenty bits are zero.';
COMMENT ON COLUMN leadterra.webhook_outbox.webhook_id IS 'The webhook.';
COMMENT ON COLUMN leadterra.webhook_outbox.event IS
    'What happened; of campaign.finished it is found out later whether it did.';
COMMENT ON COLUMN leadterra.webhook_outbox.campaign_id IS 'The campaign; null: it is unknown.';
COMMENT ON COLUMN leadterra.webhook_outbox.lease_id IS
    'The lease whose messages were sent; null: it is about none.';
COMMENT ON COLUMN leadterra.webhook_outbox.message_ids IS
    'Messages that it is about; null: those of the lease, or none.';
COMMENT ON COLUMN leadterra.webhook_outbox.event_id IS
    'The row of leadterra.events that it is about; null: there is none.';
COMMENT ON COLUMN leadterra.webhook_outbox.reason IS
    'Why a campaign paused by itself; null otherwise.';
COMMENT ON COLUMN leadterra.webhook_outbox.size IS
    'How many things it may be about: messages of a lease, those that were not sent too.';
COMMENT ON COLUMN leadterra.webhook_outbox.handed IS
    'How many of them were made deliveries, or passed over.';
COMMENT ON COLUMN leadterra.webhook_outbox.created_at IS 'When it happened.';

-- Deliveries that were begun and have not ended.  Of one that a worker has, due_at is when its
-- lease runs out.
CREATE TABLE leadterra.webhook_deliveries (
    workspace_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    due_at timestamptz NOT NULL,
    attempt smallint NOT NULL CHECK (attempt BETWEEN 0 AND 6),
    lease_id uuid,
    losses smallint NOT NULL DEFAULT 0 CHECK (losses >= 0),
    lost_at timestamptz,
    PRIMARY KEY (workspace_id, delivery_id)
) WITH (fillfactor = 70);
CREATE INDEX webhook_deliveries_due
    ON leadterra.webhook_deliveries (workspace_id, webhook_id, due_at);
CREATE INDEX webhook_deliveries_leased
    ON leadterra.webhook_deliveries (workspace_id, webhook_id, due_at) WHERE lease_id IS NOT NULL;
SELECT leadterra.add_table('leadterra.webhook_deliveries');
COMMENT ON TABLE leadterra.webhook_deliveries IS
'Deliveries that workers have, or that are to be tried again.';
COMMENT ON COLUMN leadterra.webhook_deliveries.delivery_id IS 'Id of the delivery.';
COMMENT ON COLUMN leadterra.webhook_deliveries.webhook_id IS 'The webhook.';
COMMENT ON COLUMN leadterra.webhook_deliveries.due_at IS
    'When it is handed out next; while a worker has it, when its lease runs out.';
COMMENT ON COLUMN leadterra.webhook_deliveries.attempt IS
    'The last attempt, or the one at hand, from 1; 0: there was none.';
COMMENT ON COLUMN leadterra.webhook_deliveries.lease_id IS
    'The lease of the worker that has it; null: none has.';
COMMENT ON COLUMN leadterra.webhook_deliveries.losses IS
    'Leases in a row that had it and ran out with nothing said of it.';
COMMENT ON COLUMN leadterra.webhook_deliveries.lost_at IS 'When the last of these ran out.';

-- One row an attempt.
CREATE TABLE leadterra.webhook_log (
    workspace_id uuid NOT NULL,
    delivery_id uuid NOT NULL,
    lease_id uuid NOT NULL,
    webhook_id uuid NOT NULL,
    event text NOT NULL,
    attempt smallint NOT NULL,
    succeeded boolean NOT NULL,
    status_code integer,
    error text,
    milliseconds integer,
    finished_at timestamptz NOT NULL,
    retry_at timestamptz,
    PRIMARY KEY (workspace_id, delivery_id, lease_id)
);
CREATE INDEX webhook_log_by_webhook
    ON leadterra.webhook_log (workspace_id, webhook_id, finished_at);
CREATE INDEX webhook_log_succeeded
    ON leadterra.webhook_log (workspace_id, webhook_id, finished_at) WHERE succeeded;
SELECT leadterra.add_table('leadterra.webhook_log');
COMMENT ON TABLE leadterra.webhook_log IS
'Attempts at deliveries: all that failed, and the last that succeeded.';
COMMENT ON COLUMN leadterra.webhook_log.delivery_id IS 'The delivery.';
COMMENT ON COLUMN leadterra.webhook_log.lease_id IS 'The lease that it was tried under.';
COMMENT ON COLUMN leadterra.webhook_log.webhook_id IS 'The webhook.';
COMMENT ON COLUMN leadterra.webhook_log.event IS 'What happened.';
COMMENT ON COLUMN leadterra.webhook_log.attempt IS 'Which attempt it was, from 1.';
COMMENT ON COLUMN leadterra.webhook_log.succeeded IS 'Whether the answer was 2xx.';
COMMENT ON COLUMN leadterra.webhook_log.status_code IS
    'The HTTP status of the answer; null: none came.';
COMMENT ON COLUMN leadterra.webhook_log.error IS 'What went wrong, as the worker says it.';
COMMENT ON COLUMN leadterra.webhook_log.milliseconds IS 'How long it took; null: unknown.';
COMMENT ON COLUMN leadterra.webhook_log.finished_at IS 'When that was reported.';
COMMENT ON COLUMN leadterra.webhook_log.retry_at IS
    'When it is tried again; null: it succeeded, or was given up.';

CREATE TYPE @extschema@.lt_webhook AS (
    webhook_id uuid,
    url text,
    events text[],
    campaign_id uuid,
    status text,
    created_at timestamptz,
    secret text
);
COMMENT ON TYPE @extschema@.lt_webhook IS 'A webhook as lt_create_webhook returns it.';
COMMENT ON COLUMN @extschema@.lt_webhook.webhook_id IS 'Id of the webhook.';
COMMENT ON COLUMN @extschema@.lt_webhook.url IS 'Where deliveries go.';
COMMENT ON COLUMN @extschema@.lt_webhook.events IS 'What it is told of.';
COMMENT ON COLUMN @extschema@.lt_webhook.campaign_id IS
    'The campaign that it is told of; null: all of the workspace.';
COMMENT ON COLUMN @extschema@.lt_webhook.status IS 'active.';
COMMENT ON COLUMN @extschema@.lt_webhook.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_webhook.secret IS
    'What deliveries are signed with; it is shown this once.';

CREATE TYPE @extschema@.lt_delivery AS (
    lease_id uuid,
    delivery_id uuid,
    url text,
    headers jsonb,
    body text
);
COMMENT ON TYPE @extschema@.lt_delivery IS 'A delivery for a worker.';
COMMENT ON COLUMN @extschema@.lt_delivery.lease_id IS 'What its end is reported under.';
COMMENT ON COLUMN @extschema@.lt_delivery.delivery_id IS
    'Id of the delivery, the same in every attempt.';
COMMENT ON COLUMN @extschema@.lt_delivery.url IS 'Where it is posted to.';
COMMENT ON COLUMN @extschema@.lt_delivery.headers IS 'Names and values of its headers.';
COMMENT ON COLUMN @extschema@.lt_delivery.body IS 'Its body, whose bytes in UTF-8 are signed.';

-- A fact of this database alone: no publication has it.
CREATE TABLE leadterra.closed_workspaces (
    workspace_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('draining', 'closed', 'coming', 'deleted')),
    since timestamptz NOT NULL
);
SELECT leadterra.add_table('leadterra.closed_workspaces');
COMMENT ON TABLE leadterra.closed_workspaces IS
    'Workspaces that move, or were deleted, and what calls may do in them.';
COMMENT ON COLUMN leadterra.closed_workspaces.state IS
    'draining (nothing is claimed), closed (nothing is written), coming (nothing is read either)
or deleted.';
COMMENT ON COLUMN leadterra.closed_workspaces.since IS 'Since when.';

ALTER TABLE leadterra.campaigns ADD COLUMN is_counted boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN leadterra.campaigns.is_counted IS
    'Whether leadterra.enrolled_counts has all of it: false before lt_maintain came to old ones.';

-- How many were enrolled, without a walk through batches: a row a batch of the first step, so
-- that nobody waits for anybody, and now and then one for many.  A row is never updated.
CREATE TABLE leadterra.enrolled_counts (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    count_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    leads bigint NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, count_id)
);
SELECT leadterra.add_table('leadterra.enrolled_counts');
COMMENT ON TABLE leadterra.enrolled_counts IS
'Leads in the batches of the first step of a campaign: the sum of its rows.';
COMMENT ON COLUMN leadterra.enrolled_counts.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.enrolled_counts.count_id IS 'Id of the row.';
COMMENT ON COLUMN leadterra.enrolled_counts.leads IS
    'How many leads; less than 0 where batches were removed.';

ALTER TABLE leadterra.jobs
    DROP CONSTRAINT jobs_type_check,
    ADD CONSTRAINT jobs_type_check CHECK (type IN ('verify_leads', 'move_leads')) NOT VALID;
COMMENT ON COLUMN leadterra.jobs.type IS
    'What is to be done: verify_leads; move_leads was done when it was made.';
COMMENT ON COLUMN leadterra.jobs.campaign_id IS 'The campaign that the leads came to.';
COMMENT ON COLUMN leadterra.jobs.list_id IS 'The list that the leads came to.';
