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
SELECT leadterra.add_table('leadterra.leads');
COMMENT ON TABLE leadterra.leads IS 'People, one row an address; email is normalized, fields that are not standard are in custom.';

-- See src/lead_limit.c.
CREATE TABLE leadterra.lead_limits (
    workspace_id uuid PRIMARY KEY,
    lead_limit bigint NOT NULL CHECK (lead_limit >= 0),
    lead_count bigint CHECK (lead_count >= 0),
    count_mark xid8
);
SELECT leadterra.add_table('leadterra.lead_limits');
COMMENT ON TABLE leadterra.lead_limits IS
'How many leads a workspace may have; no row: any number. lead_count is how many there are, where that is known.';
