-- enrollment: which lead is in which campaign.

CREATE TABLE leadterra.enrollments (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'replied', 'bounced', 'unsubscribed', 'removed')),
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, campaign_id, lead_id)
);
CREATE INDEX enrollments_ended ON leadterra.enrollments (workspace_id, campaign_id, status, lead_id)
    WHERE status <> 'active';
SELECT leadterra.add_table('leadterra.enrollments');
COMMENT ON TABLE leadterra.enrollments IS 'One row a lead and campaign.';
COMMENT ON COLUMN leadterra.enrollments.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.enrollments.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.enrollments.status IS
    'active, or how the sequence ended: replied, bounced, unsubscribed or removed.';
COMMENT ON COLUMN leadterra.enrollments.enrolled_at IS 'When it came to the campaign.';

CREATE TYPE @extschema@.lt_lead_page AS (
    lead_id uuid,
    email text,
    first_name text,
    last_name text,
    company text,
    status text,
    enrolled_at timestamptz,
    next_after uuid
);
COMMENT ON TYPE @extschema@.lt_lead_page IS 'A lead as lt_campaign_leads lists it.';
COMMENT ON COLUMN @extschema@.lt_lead_page.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_lead_page.email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_lead_page.first_name IS 'Its first name.';
COMMENT ON COLUMN @extschema@.lt_lead_page.last_name IS 'Its last name.';
COMMENT ON COLUMN @extschema@.lt_lead_page.company IS 'Its company.';
COMMENT ON COLUMN @extschema@.lt_lead_page.status IS
    'active, or how the sequence ended: replied, bounced, unsubscribed or removed.';
COMMENT ON COLUMN @extschema@.lt_lead_page.enrolled_at IS 'When it came to the campaign.';
COMMENT ON COLUMN @extschema@.lt_lead_page.next_after IS
    'Where to go on after this row.';

-- Deleting a lead leaves its id in the batches, which are never updated.  One
-- row a DELETE and campaign says which ids in batches count no more; a counter
-- in the campaign's row would make a pause wait for a delete.
CREATE TABLE leadterra.deletions (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    deletion_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    lead_ids uuid[] NOT NULL CHECK (
        CASE WHEN array_ndims(lead_ids) = 1 THEN array_position(lead_ids, NULL) IS NULL
        ELSE false END),
    PRIMARY KEY (workspace_id, campaign_id, deletion_id)
);
SELECT leadterra.add_table('leadterra.deletions');
COMMENT ON TABLE leadterra.deletions IS 'Which enrolled leads a DELETE took out of a campaign.';
COMMENT ON COLUMN leadterra.deletions.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.deletions.deletion_id IS 'Id of this entry, by time.';
COMMENT ON COLUMN leadterra.deletions.lead_ids IS
    'Leads that were enrolled when they were deleted.';
