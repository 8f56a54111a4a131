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
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    size smallint NOT NULL,
    waiting_since timestamptz NOT NULL,
    lead_ids uuid[] NOT NULL,
    least_lead_id uuid GENERATED ALWAYS AS (leadterra.least_id(lead_ids)) STORED,
    greatest_lead_id uuid GENERATED ALWAYS AS (leadterra.greatest_id(lead_ids)) STORED,
    after_lease_id uuid,
    PRIMARY KEY (workspace_id, batch_id),
    CONSTRAINT batches_valid CHECK (leadterra.batch_is_valid(batch_id, size, lead_ids))
);
-- Random bits do not compress; trying costs ten times what storing them does.
ALTER TABLE leadterra.batches ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX batches_by_step ON leadterra.batches (workspace_id, campaign_id, step, waiting_since)
    INCLUDE (size);
SELECT leadterra.add_table('leadterra.batches');
COMMENT ON TABLE leadterra.batches IS
'Up to 1,000 leads of one campaign that came to a step together.';
COMMENT ON COLUMN leadterra.batches.batch_id IS 'Id of the batch; its low ten bits are zero.';
COMMENT ON COLUMN leadterra.batches.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.batches.step IS 'The step that its leads stand at.';
COMMENT ON COLUMN leadterra.batches.size IS 'How many leads, 1 to 1,000.';
COMMENT ON COLUMN leadterra.batches.waiting_since IS
    'When they came to the step: delays run from here.';
COMMENT ON COLUMN leadterra.batches.lead_ids IS 'The leads; positions count from 1.';
COMMENT ON COLUMN leadterra.batches.least_lead_id IS 'The least of their ids.';
COMMENT ON COLUMN leadterra.batches.greatest_lead_id IS 'The greatest of their ids.';
COMMENT ON COLUMN leadterra.batches.after_lease_id IS
    'The lease under which the step before was sent, in whose order they stand; null: none.';

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

-- A range is deleted when it is used up, and never updated: how far a range is
-- used stands in the leases that took a part of it, so that claims of a few
-- messages leave no dead rows in front of the next.  The key has what no sender began
-- in front of the rest, which senders go on with: whoever looks for the one does not
-- meet the other, however many senders there are.
CREATE TABLE leadterra.waiting (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    sender_id uuid NOT NULL DEFAULT leadterra.nobody(),
    step smallint NOT NULL,
    waiting_since timestamptz NOT NULL,
    range_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    first smallint NOT NULL,
    last smallint NOT NULL,
    attempt smallint NOT NULL DEFAULT 1,
    error text,
    tried_at timestamptz,
    losses smallint NOT NULL DEFAULT 0,
    lost_at timestamptz,
    due_at timestamptz,
    PRIMARY KEY (workspace_id, campaign_id, sender_id, step, waiting_since, range_id),
    CONSTRAINT waiting_valid CHECK (
        leadterra.range_is_valid(step, first, last, attempt, losses, lost_at, sender_id, due_at))
);
CREATE INDEX waiting_for_senders ON leadterra.waiting (workspace_id, campaign_id, due_at, sender_id)
    WHERE due_at IS NOT NULL;
CREATE INDEX waiting_for_sender ON leadterra.waiting (workspace_id, campaign_id, sender_id, due_at)
    WHERE due_at IS NOT NULL;
SELECT leadterra.add_table('leadterra.waiting');
COMMENT ON TABLE leadterra.waiting IS 'Ranges of batches that no worker holds.';
COMMENT ON COLUMN leadterra.waiting.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.waiting.sender_id IS
    'The sender that goes on with it; all zeros: none has begun.';
COMMENT ON COLUMN leadterra.waiting.step IS 'The step.';
COMMENT ON COLUMN leadterra.waiting.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.waiting.range_id IS 'Id of the range.';
COMMENT ON COLUMN leadterra.waiting.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.waiting.first IS 'First position in the batch, from 1.';
COMMENT ON COLUMN leadterra.waiting.last IS 'Last position in the batch.';
COMMENT ON COLUMN leadterra.waiting.attempt IS 'The attempt to come, 1 to 5.';
COMMENT ON COLUMN leadterra.waiting.error IS
    'Why it waits again: the last attempt failed, or its lease ran out. Null: neither.';
COMMENT ON COLUMN leadterra.waiting.tried_at IS
    'When it first failed or was deferred; null: it never did.';
COMMENT ON COLUMN leadterra.waiting.losses IS
    'Leases in a row that had it and ran out with nothing reported on it.';
COMMENT ON COLUMN leadterra.waiting.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.waiting.due_at IS
    'When it is due, but for windows and limits; null: nobody has begun with it.';

-- The ranges of a lease are four arrays; its messages are their positions in
-- that order.  Bit n of settled (completed) says that message n is done with (was
-- completed); null stands for all zeros, or in a closed lease for all ones.
CREATE TABLE leadterra.leases (
    workspace_id uuid NOT NULL,
    lease_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    worker text,
    state text NOT NULL,
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
    tried_at timestamptz[],
    losses smallint NOT NULL DEFAULT 0,
    lost_at timestamptz,
    sender_id uuid,
    claimed_at timestamptz,
    variants bytea,
    steps smallint,
    PRIMARY KEY (workspace_id, lease_id),
    -- One, for the text of each is read again by every statement that writes a lease.
    CONSTRAINT leases_valid CHECK (leadterra.lease_is_valid(
        state, closed_at, sent, settled, completed, batch_ids, firsts, lasts, attempts, tried_at,
        losses,
        partial_range_id, partial_last, variants))
) WITH (fillfactor = 70);
ALTER TABLE leadterra.leases ALTER COLUMN batch_ids SET STORAGE EXTERNAL;
ALTER TABLE leadterra.leases ALTER COLUMN variants SET STORAGE EXTERNAL;
CREATE INDEX leases_by_campaign ON leadterra.leases (workspace_id, campaign_id, lease_id);
CREATE INDEX leases_open ON leadterra.leases (workspace_id, expires_at) WHERE state = 'open';
CREATE INDEX leases_partial ON leadterra.leases (workspace_id, partial_range_id, partial_last)
    WHERE partial_range_id IS NOT NULL;
SELECT leadterra.add_table('leadterra.leases');
COMMENT ON TABLE leadterra.leases IS
'Claims of workers on ranges of batches; partial_last is how far the last range is used.';
COMMENT ON COLUMN leadterra.leases.lease_id IS 'Id of the lease, which its worker shows.';
COMMENT ON COLUMN leadterra.leases.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.leases.worker IS 'A name for people.';
COMMENT ON COLUMN leadterra.leases.state IS
    'open, closed (all is settled) or lost (it ran out and was given back).';
COMMENT ON COLUMN leadterra.leases.expires_at IS 'When it runs out.';
COMMENT ON COLUMN leadterra.leases.closed_at IS 'When it was closed or lost.';
COMMENT ON COLUMN leadterra.leases.sent IS 'Messages that were completed.';
COMMENT ON COLUMN leadterra.leases.settled IS
    'A bit a message: it is done with. Null: none, or in a closed lease all.';
COMMENT ON COLUMN leadterra.leases.completed IS
    'A bit a message: it was sent. Null: none, or in a closed lease all.';
COMMENT ON COLUMN leadterra.leases.batch_ids IS 'Batch of each range.';
COMMENT ON COLUMN leadterra.leases.firsts IS 'First position of each range.';
COMMENT ON COLUMN leadterra.leases.lasts IS 'Last position of each range.';
COMMENT ON COLUMN leadterra.leases.attempts IS 'Attempt of each range.';
COMMENT ON COLUMN leadterra.leases.partial_range_id IS
    'The range that the last one is a part of; null: it is used up.';
COMMENT ON COLUMN leadterra.leases.partial_last IS 'Up to which position that range is used.';
COMMENT ON COLUMN leadterra.leases.tried_at IS
    'When each range first failed or was deferred, -infinity where it never did; null: none did.';
COMMENT ON COLUMN leadterra.leases.losses IS
    'Leases in a row before this one that had its ranges and ran out; the same for all of them.';
COMMENT ON COLUMN leadterra.leases.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.leases.sender_id IS 'The sender of its messages; null: none.';
COMMENT ON COLUMN leadterra.leases.claimed_at IS
    'When its messages were counted for limits of a day; null: they were not.';
COMMENT ON COLUMN leadterra.leases.variants IS
    'A byte a message: the variant that it has, 0 for none; null: no step of it has any.';
COMMENT ON COLUMN leadterra.leases.steps IS
    'Steps of the campaign that it was closed, or continued, by; null: nothing was sent.';

CREATE TABLE leadterra.exceptions (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    batch_id uuid NOT NULL,
    "position" smallint NOT NULL CHECK ("position" BETWEEN 1 AND 1000),
    state text NOT NULL CHECK (state IN ('failed', 'skipped')),
    reason text NOT NULL,
    attempt smallint NOT NULL CHECK (leadterra.is_attempt(attempt)),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, lead_id, step)
);
SELECT leadterra.add_table('leadterra.exceptions');
COMMENT ON TABLE leadterra.exceptions IS
'Messages that were not sent, with the reason: the sequence of their lead ended there.';
COMMENT ON COLUMN leadterra.exceptions.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.exceptions.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.exceptions.step IS 'The step.';
COMMENT ON COLUMN leadterra.exceptions.batch_id IS 'The batch of the message.';
COMMENT ON COLUMN leadterra.exceptions."position" IS 'Its position there, from 1.';
COMMENT ON COLUMN leadterra.exceptions.state IS 'failed or skipped.';
COMMENT ON COLUMN leadterra.exceptions.reason IS 'Why it was not sent.';
COMMENT ON COLUMN leadterra.exceptions.attempt IS 'The last attempt, 1 to 5.';
COMMENT ON COLUMN leadterra.exceptions.created_at IS 'When it ended.';
