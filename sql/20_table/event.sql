-- event: what became of messages that were sent.

-- An event is known by what it says: reported again it changes nothing.  A
-- message may have several replies, which differ in their digest.
CREATE TABLE leadterra.events (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('delivered', 'opened', 'bounced', 'replied', 'unsubscribed')),
    message_id uuid NOT NULL,
    digest text NOT NULL,
    event_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, type, message_id, digest)
);

-- Replies are few among what is reported, and read newest first.
CREATE INDEX events_replied ON leadterra.events (workspace_id, created_at DESC, event_id DESC) WHERE type = 'replied';
SELECT leadterra.add_table('leadterra.events');
COMMENT ON TABLE leadterra.events IS 'What became of messages that were sent.';
COMMENT ON COLUMN leadterra.events.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.events.type IS 'delivered, opened, bounced, replied or unsubscribed.';
COMMENT ON COLUMN leadterra.events.message_id IS 'The message.';
COMMENT ON COLUMN leadterra.events.digest IS
    'What tells the event from others of this type and message.';
COMMENT ON COLUMN leadterra.events.event_id IS 'Id of the event.';
COMMENT ON COLUMN leadterra.events.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.events.data IS 'What was reported with it, an object.';
COMMENT ON COLUMN leadterra.events.created_at IS 'When it was recorded.';
