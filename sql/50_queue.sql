-- queue: messages, kept as batches of leads that stand at the same step.

-- A batch is written once.  A message is a position in it, and its id is the
-- batch's id, whose low ten bits are zero, plus that position.  Nothing is
-- written per message.  When a message is due follows from the time since
-- which its leads wait and from the campaign (start, delay of the step), so
-- starting and pausing touch no batch.
CREATE TABLE leadterra.batches (
    workspace_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL,
    size smallint NOT NULL CHECK (size BETWEEN 1 AND 1000),
    waiting_since timestamptz NOT NULL DEFAULT now(),
    lead_ids uuid[] NOT NULL,
    PRIMARY KEY (workspace_id, batch_id)
);
-- Random bits do not compress; trying costs ten times what storing them does.
ALTER TABLE leadterra.batches ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX batches_waiting ON leadterra.batches (workspace_id, campaign_id, step, waiting_since) INCLUDE (size);
SELECT pg_extension_config_dump('leadterra.batches', '');
COMMENT ON TABLE leadterra.batches IS 'Up to 1,000 leads of one campaign at the same step, waiting since the same time.';

CREATE FUNCTION leadterra.message_id(batch_id uuid, "position" bigint)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_id';

COMMENT ON FUNCTION leadterra.message_id(uuid, bigint) IS
'Return the id of the message at a position, from 1, of a batch.';

