-- context: workspaces, and the keys that open them.

CREATE TABLE leadterra.workspaces (
    workspace_id uuid PRIMARY KEY,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    postal_address text CHECK (octet_length(postal_address) <= 1000)
);
SELECT leadterra.add_table('leadterra.workspaces');
COMMENT ON TABLE leadterra.workspaces IS
'One row a workspace; the first call that writes makes the default one.';
COMMENT ON COLUMN leadterra.workspaces.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.workspaces.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.workspaces.postal_address IS
    'What the token {{postalAddress}} shows, in lines; null: it has no value.';

CREATE TABLE leadterra.api_keys (
    workspace_id uuid NOT NULL,
    key_id uuid NOT NULL,
    label text NOT NULL,
    key_hash bytea NOT NULL,
    scopes text[] NOT NULL CHECK (cardinality(array_remove(scopes, NULL)) > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    PRIMARY KEY (workspace_id, key_id)
);
CREATE INDEX api_keys_by_hash ON leadterra.api_keys (workspace_id, key_hash);
SELECT leadterra.add_table('leadterra.api_keys');
COMMENT ON TABLE leadterra.api_keys IS 'API keys, as SHA-256 hashes alone.';
COMMENT ON COLUMN leadterra.api_keys.key_id IS 'Id of the key, which opens nothing.';
COMMENT ON COLUMN leadterra.api_keys.label IS 'A name for people.';
COMMENT ON COLUMN leadterra.api_keys.key_hash IS 'SHA-256 of the key, 32 bytes.';
COMMENT ON COLUMN leadterra.api_keys.scopes IS 'What the key may do: RESOURCE:ACTION.';
COMMENT ON COLUMN leadterra.api_keys.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.api_keys.revoked_at IS
    'When it was revoked; null: it opens its workspace.';

-- A fact of this database alone: no publication has it.
CREATE TABLE leadterra.closed_workspaces (
    workspace_id uuid PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('draining', 'closed', 'coming', 'deleted')),
    since timestamptz NOT NULL
);
SELECT leadterra.add_table('leadterra.closed_workspaces');
COMMENT ON TABLE leadterra.closed_workspaces IS
    'Workspaces that move, or were deleted, and what calls may do in them.';
COMMENT ON COLUMN leadterra.closed_workspaces.state IS
    'draining (nothing is claimed), closed (nothing is written), coming (nothing is read either)
or deleted.';
COMMENT ON COLUMN leadterra.closed_workspaces.since IS 'Since when.';
