-- total: counts that outlive what was counted.

CREATE TABLE leadterra.totals (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
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
    PRIMARY KEY (workspace_id, campaign_id)
);
SELECT leadterra.add_table('leadterra.totals');
COMMENT ON TABLE leadterra.totals IS
'What lt_maintain has counted of a campaign before it removed it.';
COMMENT ON COLUMN leadterra.totals.campaign_id IS 'The campaign.';
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
