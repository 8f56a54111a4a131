-- lead: the people of a workspace, one row an address.

-- The fill factor leaves room for one more version of every fourth row in its
-- page, so that a changed field needs no new index entries (HOT).
CREATE TABLE leadterra.leads (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    email text COLLATE "C",
    first_name text,
    last_name text,
    company text,
    job_title text,
    phone text,
    website text,
    personalization text,
    lead_value text,
    interest_status integer,
    assigned_to uuid,
    verification_status integer,
    custom jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(custom) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, lead_id),
    UNIQUE (workspace_id, email)
) WITH (fillfactor = 80);
-- Addresses that are known to be invalid; campaigns count their messages as skipped.
CREATE INDEX leads_invalid ON leadterra.leads (workspace_id, lead_id)
    WHERE verification_status = -1;
SELECT leadterra.add_table('leadterra.leads');
COMMENT ON TABLE leadterra.leads IS
'People, one row an address; email is normalized, fields that are not standard are in custom.';
COMMENT ON COLUMN leadterra.leads.lead_id IS 'Id of the lead.';
COMMENT ON COLUMN leadterra.leads.email IS
    'Address in normal form, its domain in A-labels; null: the person has none.';
COMMENT ON COLUMN leadterra.leads.first_name IS 'First name.';
COMMENT ON COLUMN leadterra.leads.last_name IS 'Last name.';
COMMENT ON COLUMN leadterra.leads.company IS 'Company.';
COMMENT ON COLUMN leadterra.leads.job_title IS 'Job title.';
COMMENT ON COLUMN leadterra.leads.phone IS 'Phone number, as given.';
COMMENT ON COLUMN leadterra.leads.website IS 'Website, as given.';
COMMENT ON COLUMN leadterra.leads.personalization IS 'A text for this person.';
COMMENT ON COLUMN leadterra.leads.lead_value IS 'Value of the lead, as given.';
COMMENT ON COLUMN leadterra.leads.interest_status IS
    'Interest: 1 interested, 2 to 4 on the way, negative not; null: unknown.';
COMMENT ON COLUMN leadterra.leads.assigned_to IS 'Who owns the lead: an id of the caller.';
COMMENT ON COLUMN leadterra.leads.verification_status IS
    'Verdict: 1 valid, 11 and 12 pending, -1 invalid, -2 risky, -3 catch-all, -4 job change.';
COMMENT ON COLUMN leadterra.leads.custom IS 'Fields that are not standard ones, an object.';
COMMENT ON COLUMN leadterra.leads.created_at IS 'When the lead was made.';
COMMENT ON COLUMN leadterra.leads.updated_at IS 'When a field last changed.';

-- See src/lead_limit.c.
CREATE TABLE leadterra.lead_limits (
    workspace_id uuid PRIMARY KEY,
    lead_limit bigint NOT NULL CHECK (lead_limit >= 0),
    lead_count bigint CHECK (lead_count >= 0),
    count_mark xid8
);
SELECT leadterra.add_table('leadterra.lead_limits');
COMMENT ON TABLE leadterra.lead_limits IS
'How many leads a workspace may have; no row: any number.';
COMMENT ON COLUMN leadterra.lead_limits.lead_limit IS 'How many leads there may be.';
COMMENT ON COLUMN leadterra.lead_limits.lead_count IS 'How many there are; null: not known yet.';
COMMENT ON COLUMN leadterra.lead_limits.count_mark IS
    'Transactions before this one have ended: the count has all.';
