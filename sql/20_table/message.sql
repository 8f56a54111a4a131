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
COMMENT ON COLUMN leadterra.links.unsubscribe_url IS
    'What links begin with; null: messages have none.';

CREATE TYPE @extschema@.lt_message AS (
    lease_id uuid,
    message_id uuid,
    campaign_id uuid,
    lead_id uuid,
    step integer,
    attempt integer,
    email text,
    subject text,
    body_html text,
    sender_id uuid,
    sender_email text,
    sender_name text,
    reply_to text,
    transport text,
    variant integer,
    body_text text,
    headers jsonb,
    message_references text[],
    send_until timestamptz,
    unsubscribe_url text
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
COMMENT ON COLUMN @extschema@.lt_message.sender_id IS
    'The account to send from; null: the campaign has no pool.';
COMMENT ON COLUMN @extschema@.lt_message.sender_email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_message.sender_name IS 'Its name; null: it has none.';
COMMENT ON COLUMN @extschema@.lt_message.reply_to IS
    'Where replies go; null: to the address of the sender.';
COMMENT ON COLUMN @extschema@.lt_message.transport IS
    'Which of its transports the worker takes; null: its default.';
COMMENT ON COLUMN @extschema@.lt_message.variant IS
    'Number of the variant, from 1; null: the step has none.';
COMMENT ON COLUMN @extschema@.lt_message.body_text IS
    'Rendered body as text; null: the step has none, and the worker makes it.';
COMMENT ON COLUMN @extschema@.lt_message.headers IS
    'More headers, an object of names and rendered values; null: there are none.';
COMMENT ON COLUMN @extschema@.lt_message.message_references IS
    'Earlier messages of the thread by their ids, oldest first; null: it begins none or a new one.';
COMMENT ON COLUMN @extschema@.lt_message.send_until IS
    'Nothing is to be sent after this time; null: there is no such time.';
COMMENT ON COLUMN @extschema@.lt_message.unsubscribe_url IS
    'The link to unsubscribe; null: the workspace has no address for links.';

CREATE TYPE @extschema@.lt_message_page AS (
    message_id uuid,
    campaign_id uuid,
    step integer,
    lead_id uuid,
    email text,
    due_at timestamptz,
    state text,
    reason text,
    attempt integer,
    lease_id uuid,
    settled_at timestamptz,
    next_after text
);
COMMENT ON TYPE @extschema@.lt_message_page IS 'A message as lt_campaign_messages lists it.';
COMMENT ON COLUMN @extschema@.lt_message_page.message_id IS 'Id of the message.';
COMMENT ON COLUMN @extschema@.lt_message_page.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_message_page.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_message_page.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_message_page.email IS 'Its address; null: the lead was deleted.';
COMMENT ON COLUMN @extschema@.lt_message_page.due_at IS 'When it is, or was, due.';
COMMENT ON COLUMN @extschema@.lt_message_page.state IS
    'queued, retry, leased, sent, failed or skipped, as it is stored.';
COMMENT ON COLUMN @extschema@.lt_message_page.reason IS 'Why it is retry, failed or skipped.';
COMMENT ON COLUMN @extschema@.lt_message_page.attempt IS
    'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN @extschema@.lt_message_page.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN @extschema@.lt_message_page.settled_at IS
    'When its lease was closed, or it was skipped or failed.';
COMMENT ON COLUMN @extschema@.lt_message_page.next_after IS
    'Where to go on after this row.';
