-- total: counts that outlive what was counted.

-- What is not told apart has 0, or an id of zeros.  A message counts for its step, variant
-- and sender; what lt_maintain removes first is the lease, which tells variant and sender.
-- What happened to its messages by then is taken from those of none in advance: counts of
-- none may be less than 0, until the batch goes, too.
CREATE TABLE leadterra.totals (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    day date NOT NULL,
    step smallint NOT NULL,
    variant smallint NOT NULL DEFAULT 0,
    sender_id uuid NOT NULL DEFAULT leadterra.nobody(),
    enrolled bigint NOT NULL DEFAULT 0,
    sent bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    opened bigint NOT NULL DEFAULT 0,
    bounced bigint NOT NULL DEFAULT 0,
    replied bigint NOT NULL DEFAULT 0,
    unsubscribed bigint NOT NULL DEFAULT 0,
    clicked bigint NOT NULL DEFAULT 0,
    complained bigint NOT NULL DEFAULT 0,
    -- Enrolled leads, whom every list of campaigns counts, stand together.
    PRIMARY KEY (workspace_id, campaign_id, sender_id, variant, step, day)
);
SELECT leadterra.add_table('leadterra.totals');
COMMENT ON TABLE leadterra.totals IS
'What lt_maintain has counted of a campaign before it removed it, and leads that were merged.';
COMMENT ON COLUMN leadterra.totals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.totals.day IS
    'When it was, in the zone of the first schedule that the campaign had then, or in UTC.';
COMMENT ON COLUMN leadterra.totals.step IS 'The step.';
COMMENT ON COLUMN leadterra.totals.variant IS 'The variant, from 1; 0: none.';
COMMENT ON COLUMN leadterra.totals.sender_id IS 'The sender; all zeros: none.';
COMMENT ON COLUMN leadterra.totals.enrolled IS 'Leads of removed batches of step one.';
COMMENT ON COLUMN leadterra.totals.sent IS 'Messages of removed leases that were sent.';
COMMENT ON COLUMN leadterra.totals.skipped IS 'Removed messages that were skipped.';
COMMENT ON COLUMN leadterra.totals.failed IS 'Removed messages that failed.';
COMMENT ON COLUMN leadterra.totals.delivered IS 'Removed messages that were delivered.';
COMMENT ON COLUMN leadterra.totals.opened IS 'Removed messages that were opened.';
COMMENT ON COLUMN leadterra.totals.bounced IS 'Removed messages that bounced.';
COMMENT ON COLUMN leadterra.totals.replied IS 'Removed messages that were replied to.';
COMMENT ON COLUMN leadterra.totals.unsubscribed IS 'Removed messages that led to an unsubscribe.';
COMMENT ON COLUMN leadterra.totals.clicked IS 'Removed messages with a link that was clicked.';
COMMENT ON COLUMN leadterra.totals.complained IS 'Removed messages that were complained about.';
