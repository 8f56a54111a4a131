-- queue: messages, kept as batches of leads that stand at the same step.

-- A batch is written once.  A message is a position in it, and its id is the
-- batch's id, whose low ten bits are zero, plus that position.  Nothing is
-- written per message: what no worker has had yet are ranges of batches, and
-- what a worker holds is a lease on ranges.  When a message is due follows from
-- the time since which it waits and from the campaign (start, delay of the
-- step), so starting and pausing touch nothing here.
CREATE TABLE leadterra.batches (
    workspace_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL,
    size smallint NOT NULL CHECK (size BETWEEN 1 AND 1000),
    waiting_since timestamptz NOT NULL,
    lead_ids uuid[] NOT NULL,
    PRIMARY KEY (workspace_id, batch_id)
);
-- Random bits do not compress; trying costs ten times what storing them does.
ALTER TABLE leadterra.batches ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX batches_by_step ON leadterra.batches (workspace_id, campaign_id, step, waiting_since) INCLUDE (size);
SELECT pg_extension_config_dump('leadterra.batches', '');
COMMENT ON TABLE leadterra.batches IS 'Up to 1,000 leads of one campaign that came to a step together.';

-- A range is deleted when it is used up, and never updated: how far a range is
-- used stands in the leases that took a part of it, so that claims of a few
-- messages leave no dead rows in front of the next.
CREATE TABLE leadterra.waiting (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL,
    waiting_since timestamptz NOT NULL,
    range_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    first smallint NOT NULL,
    last smallint NOT NULL CHECK (last >= first),
    attempt smallint NOT NULL DEFAULT 1,
    error text,
    PRIMARY KEY (workspace_id, campaign_id, step, waiting_since, range_id)
);
SELECT pg_extension_config_dump('leadterra.waiting', '');
COMMENT ON TABLE leadterra.waiting IS 'Ranges of batches (positions from 1) that no worker holds; attempt is the one to come, error that of the last.';

-- The ranges of a lease are four arrays; its messages are their positions in
-- that order.  Bit n of settled (completed) says that message n is done with (was
-- completed); null stands for all zeros, or in a closed lease for all ones.
CREATE TABLE leadterra.leases (
    workspace_id uuid NOT NULL,
    lease_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    worker text,
    state text NOT NULL CHECK (state IN ('open', 'closed', 'lost')),
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    sent integer NOT NULL DEFAULT 0,
    settled bytea,
    completed bytea,
    batch_ids uuid[] NOT NULL,
    firsts smallint[] NOT NULL,
    lasts smallint[] NOT NULL,
    attempts smallint[] NOT NULL,
    partial_range_id uuid,
    partial_last smallint,
    PRIMARY KEY (workspace_id, lease_id)
) WITH (fillfactor = 70);
ALTER TABLE leadterra.leases ALTER COLUMN batch_ids SET STORAGE EXTERNAL;
CREATE INDEX leases_by_campaign ON leadterra.leases (workspace_id, campaign_id, lease_id);
CREATE INDEX leases_open ON leadterra.leases (workspace_id, expires_at) WHERE state = 'open';
CREATE INDEX leases_partial ON leadterra.leases (workspace_id, partial_range_id, partial_last) WHERE partial_range_id IS NOT NULL;
SELECT pg_extension_config_dump('leadterra.leases', '');
COMMENT ON TABLE leadterra.leases IS 'Claims of workers on ranges of batches; partial_last is how far the last range is used, if not up.';

CREATE TABLE leadterra.exceptions (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    step smallint NOT NULL,
    batch_id uuid NOT NULL,
    "position" smallint NOT NULL,
    state text NOT NULL CHECK (state IN ('failed', 'skipped')),
    reason text NOT NULL,
    attempt smallint NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, lead_id, step)
);
SELECT pg_extension_config_dump('leadterra.exceptions', '');
COMMENT ON TABLE leadterra.exceptions IS 'Messages that were not sent, with the reason: the sequence of their lead ended there.';

CREATE FUNCTION leadterra.message_id(batch_id uuid, "position" bigint)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_id';

COMMENT ON FUNCTION leadterra.message_id(uuid, bigint) IS
'Return the id of the message at a position, from 1, of a batch.';

CREATE FUNCTION leadterra.count_members(lead_ids uuid[], first integer, last integer, members uuid[])
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_count_members';

COMMENT ON FUNCTION leadterra.count_members(uuid[], integer, integer, uuid[]) IS
'Count the ids from one position to another that are in a sorted array.';
