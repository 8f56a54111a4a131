-- message: what a claim hands to a worker.

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
