-- context: workspaces, and the keys that open them.

CREATE TABLE leadterra.workspaces (
    workspace_id uuid PRIMARY KEY,
    name text,
    created_at timestamptz NOT NULL DEFAULT now()
);
SELECT leadterra.add_table('leadterra.workspaces');
COMMENT ON TABLE leadterra.workspaces IS 'One row a workspace; the first call that writes makes the default one.';

-- A key is looked up before its workspace is known: the one index that does not
-- begin with the workspace.
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
CREATE INDEX api_keys_by_hash ON leadterra.api_keys (key_hash);
SELECT leadterra.add_table('leadterra.api_keys');
COMMENT ON TABLE leadterra.api_keys IS 'API keys, as SHA-256 hashes alone.';
