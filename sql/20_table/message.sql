-- message: what a claim hands to a worker, and what its links are made with.

-- Made with the first address, and its key is never changed: links in messages that were
-- sent are good for ever.
CREATE TABLE leadterra.links (
    workspace_id uuid PRIMARY KEY,
    link_key bytea NOT NULL DEFAULT leadterra.random_key(),
    unsubscribe_url text CHECK (octet_length(unsubscribe_url) <= 1000)
);
SELECT leadterra.add_table('leadterra.links');
COMMENT ON TABLE leadterra.links IS
'What the links of a workspace are made with; no row: it never had any.';
COMMENT ON COLUMN leadterra.links.link_key IS 'Key of the links, 32 bytes.';
COMMENT ON COLUMN leadterra.links.unsubscribe_url IS 'What links begin with; null: messages have none.';

CREATE TYPE @extschema@.lt_message AS (
    lease_id uuid,
    message_id uuid,
    campaign_id uuid,
    lead_id uuid,
    step integer,
    attempt integer,
    email text,
    subject text,
    body_html text
);
COMMENT ON TYPE @extschema@.lt_message IS 'A message to send.';
COMMENT ON COLUMN @extschema@.lt_message.lease_id IS
    'What the message is completed or failed under.';
COMMENT ON COLUMN @extschema@.lt_message.message_id IS
    'Id of the message: the same in every attempt.';
COMMENT ON COLUMN @extschema@.lt_message.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_message.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_message.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_message.attempt IS 'Which attempt this is, 1 to 5.';
COMMENT ON COLUMN @extschema@.lt_message.email IS 'Address to send to.';
COMMENT ON COLUMN @extschema@.lt_message.subject IS 'Rendered subject, one line.';
COMMENT ON COLUMN @extschema@.lt_message.body_html IS 'Rendered body in HTML.';
