-- suppression: addresses, domains and wildcards that are not mailed, in one or
-- more block lists.

-- The default list is the suppression list.  It has the id of the workspace, and
-- no row here, so that nothing has to be made before the first entry.
CREATE TABLE leadterra.blocklists (
    workspace_id uuid NOT NULL,
    blocklist_id uuid NOT NULL CHECK (blocklist_id <> workspace_id),
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, blocklist_id)
);
SELECT leadterra.add_table('leadterra.blocklists');
COMMENT ON TABLE leadterra.blocklists IS 'Block lists beside the default one, which imports may be checked against.';

CREATE TABLE leadterra.suppressions (
    workspace_id uuid NOT NULL,
    blocklist_id uuid NOT NULL,
    entry text COLLATE "C" NOT NULL,
    reason text NOT NULL CHECK (octet_length(reason) <= 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Of the list and of an address's domain, or else the entry; the same for all that were forgotten.
    domain_hash bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
        CASE WHEN starts_with(entry, 'hmac:') THEN 'hmac:' ELSE substr(entry, strpos(entry, '@') + 1) END,
        uuid_hash_extended(blocklist_id, 0))) STORED,
    PRIMARY KEY (workspace_id, blocklist_id, entry)
);
-- What a call searches first: most lists have nothing of most domains.  The
-- workspace stands behind, or the planner would take this index, which is the
-- smaller one, for look-ups that the primary key is for.
CREATE INDEX suppressions_by_domain ON leadterra.suppressions (domain_hash, workspace_id);
SELECT leadterra.add_table('leadterra.suppressions');
COMMENT ON TABLE leadterra.suppressions IS 'Entries of block lists: an address, a domain (example.com) or a wildcard (*.example.com), normalized, or hmac: and the keyed hash of an address that was forgotten.';

-- Made when the first address is forgotten, and never changed: the hashes would match
-- nobody any more.
CREATE TABLE leadterra.address_keys (
    workspace_id uuid PRIMARY KEY,
    address_key bytea NOT NULL DEFAULT leadterra.random_key()
);
SELECT leadterra.add_table('leadterra.address_keys');
COMMENT ON TABLE leadterra.address_keys IS
'The key by which a workspace hashes the addresses that it has forgotten; no row: it has forgotten nobody.';

CREATE TYPE @extschema@.lt_suppress_result AS (
    suppressed integer,
    already_suppressed integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_suppress_result IS 'Counts of lt_suppress: entries added, entries that were there, and their sum.';

CREATE TYPE @extschema@.lt_block_result AS (
    added integer,
    valid integer,
    invalid integer
);
COMMENT ON TYPE @extschema@.lt_block_result IS 'Counts of lt_block: entries that are new to the list, values that are entries, and values that are none.';
