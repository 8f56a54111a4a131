-- context: workspaces, and the keys that open them.

CREATE TABLE leadterra.workspaces (
    workspace_id uuid PRIMARY KEY,
    name text,
    created_at timestamptz NOT NULL DEFAULT now(),
    link_key bytea NOT NULL DEFAULT leadterra.random_key(),
    address_key bytea NOT NULL DEFAULT leadterra.random_key(),
    unsubscribe_url text CHECK (octet_length(unsubscribe_url) <= 1000),
    lead_limit bigint CHECK (lead_limit >= 0),
    lead_count bigint CHECK (lead_count >= 0),
    count_mark xid8
);
SELECT leadterra.add_table('leadterra.workspaces');
COMMENT ON TABLE leadterra.workspaces IS 'One row a workspace; the first call that writes makes the default one. link_key signs the links in messages, address_key hashes addresses that were forgotten. lead_limit is how many leads there may be (null: any number), lead_count how many there are, where that is known.';

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
