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
'What the links of a workspace begin with, null for none, and the key that signs them; no row: it never had any.';

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
COMMENT ON TYPE @extschema@.lt_message IS 'A message to send: message_id is the same in every attempt, subject and body_html are rendered.';
