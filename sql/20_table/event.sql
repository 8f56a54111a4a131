-- event: what became of messages that were sent.

-- An event is known by what it says: reported again it changes nothing.  A
-- message may have several replies and clicks, which differ in their digest.
CREATE TABLE leadterra.events (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN (
        'delivered', 'opened', 'clicked', 'bounced', 'replied', 'unsubscribed', 'complained')),
    message_id uuid NOT NULL,
    digest text NOT NULL,
    event_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, type, message_id, digest)
);

-- Replies are few among what is reported, and read newest first.
CREATE INDEX events_replied ON leadterra.events (workspace_id, created_at DESC, event_id DESC)
    WHERE type = 'replied';
SELECT leadterra.add_table('leadterra.events');
COMMENT ON TABLE leadterra.events IS 'What became of messages that were sent.';
COMMENT ON COLUMN leadterra.events.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.events.type IS 
    'delivered, opened, clicked, bounced, replied, unsubscribed or complained.';
COMMENT ON COLUMN leadterra.events.message_id IS 'The message.';
COMMENT ON COLUMN leadterra.events.digest IS
    'What tells the event from others of this type and message.';
COMMENT ON COLUMN leadterra.events.event_id IS 'Id of the event.';
COMMENT ON COLUMN leadterra.events.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.events.data IS 'What was reported with it, an object.';
COMMENT ON COLUMN leadterra.events.created_at IS 'When it was recorded.';

-- A row is changed by each soft bounce, and goes with a delivery or a reply: most leads
-- never have one.
CREATE TABLE leadterra.soft_bounces (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    bounced_at timestamptz[] NOT NULL,
    PRIMARY KEY (workspace_id, lead_id)
);
SELECT leadterra.add_table('leadterra.soft_bounces');
COMMENT ON TABLE leadterra.soft_bounces IS
'Soft bounces of leads since their last delivery or reply.';
COMMENT ON COLUMN leadterra.soft_bounces.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.soft_bounces.bounced_at IS
    'When they were recorded, of the 30 days before the last one.';

CREATE TABLE leadterra.bounce_limits (
    workspace_id uuid PRIMARY KEY,
    soft_bounces integer CHECK (soft_bounces BETWEEN 1 AND 1000)
);
SELECT leadterra.add_table('leadterra.bounce_limits');
COMMENT ON TABLE leadterra.bounce_limits IS
'What lt_set_soft_bounce_limit has set; a workspace without a row has the usual limit.';
COMMENT ON COLUMN leadterra.bounce_limits.soft_bounces IS
    'Soft bounces that suppress an address; null: no number does.';
