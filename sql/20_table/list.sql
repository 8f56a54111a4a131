-- list: leads that are kept together, in a campaign or not.

CREATE TABLE leadterra.lists (
    workspace_id uuid NOT NULL,
    list_id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, list_id)
);
SELECT leadterra.add_table('leadterra.lists');
COMMENT ON TABLE leadterra.lists IS 'One row a list.';

CREATE TABLE leadterra.list_members (
    workspace_id uuid NOT NULL,
    list_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, list_id, lead_id)
);
CREATE INDEX list_members_by_lead ON leadterra.list_members (workspace_id, lead_id);
SELECT leadterra.add_table('leadterra.list_members');
COMMENT ON TABLE leadterra.list_members IS 'One row a lead and list.';
