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
COMMENT ON COLUMN leadterra.lists.list_id IS 'Id of the list.';
COMMENT ON COLUMN leadterra.lists.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.lists.created_at IS 'When it was created.';

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
COMMENT ON COLUMN leadterra.list_members.list_id IS 'The list.';
COMMENT ON COLUMN leadterra.list_members.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.list_members.added_at IS 'When it came to the list.';
