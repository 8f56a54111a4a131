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
    PRIMARY KEY (workspace_id, campaign_id)
);
SELECT leadterra.add_table('leadterra.totals');
COMMENT ON TABLE leadterra.totals IS 'What lt_maintain has counted of a campaign before it removed it.';
