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
COMMENT ON TABLE leadterra.blocklists IS
'Block lists beside the default one, which imports may be checked against.';
COMMENT ON COLUMN leadterra.blocklists.blocklist_id IS
    'Id of the list; the default list has the id of its workspace and no row.';
COMMENT ON COLUMN leadterra.blocklists.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.blocklists.created_at IS 'When it was created.';

CREATE TABLE leadterra.suppressions (
    workspace_id uuid NOT NULL,
    blocklist_id uuid NOT NULL,
    entry text COLLATE "C" NOT NULL,
    reason text NOT NULL CHECK (octet_length(reason) <= 1000),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- Of the list and of an address's domain, or else the entry; the same for all that are hashed.
    domain_hash bigint NOT NULL GENERATED ALWAYS AS (hashtextextended(
        CASE WHEN starts_with(entry, 'hmac:') THEN 'hmac:'
        ELSE substr(entry, strpos(entry, '@') + 1) END,
        uuid_hash_extended(blocklist_id, 0))) STORED,
    PRIMARY KEY (workspace_id, blocklist_id, entry)
);
-- What a call searches first: most lists have nothing of most domains.  The
-- workspace stands behind, or the planner would take this index, which is the
-- smaller one, for look-ups that the primary key is for.
CREATE INDEX suppressions_by_domain ON leadterra.suppressions (domain_hash, workspace_id);
SELECT leadterra.add_table('leadterra.suppressions');
COMMENT ON TABLE leadterra.suppressions IS 'Entries of block lists.';
COMMENT ON COLUMN leadterra.suppressions.blocklist_id IS
    'The list; the id of the workspace stands for the suppression list.';
COMMENT ON COLUMN leadterra.suppressions.entry IS
    'An address, a domain or a wildcard, in normal form, or hmac: and a keyed hash.';
COMMENT ON COLUMN leadterra.suppressions.reason IS 'Why it was added, at most 1,000 bytes.';
COMMENT ON COLUMN leadterra.suppressions.created_at IS 'When it was added.';
COMMENT ON COLUMN leadterra.suppressions.domain_hash IS
    'Hash of the list and of the domain of the entry, for look-ups.';

-- Made when the first address is hashed, and never changed: the hashes would match nobody
-- any more, neither those on the suppression list nor those in links that were sent.
CREATE TABLE leadterra.address_keys (
    workspace_id uuid PRIMARY KEY,
    address_key bytea NOT NULL DEFAULT leadterra.random_key()
);
SELECT leadterra.add_table('leadterra.address_keys');
COMMENT ON TABLE leadterra.address_keys IS
'Keys that hash addresses; a workspace without a row has hashed none.';
COMMENT ON COLUMN leadterra.address_keys.address_key IS
    'Key of the hashes of addresses, 32 bytes.';

CREATE TYPE @extschema@.lt_suppress_result AS (
    suppressed integer,
    already_suppressed integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_suppress_result IS 'Counts of lt_suppress.';
COMMENT ON COLUMN @extschema@.lt_suppress_result.suppressed IS 'Entries that were added.';
COMMENT ON COLUMN @extschema@.lt_suppress_result.already_suppressed IS 'Entries that were there.';
COMMENT ON COLUMN @extschema@.lt_suppress_result.total IS 'Both together.';

CREATE TYPE @extschema@.lt_block_result AS (
    added integer,
    valid integer,
    invalid integer,
    errors jsonb
);
COMMENT ON TYPE @extschema@.lt_block_result IS 'Counts of lt_block.';
COMMENT ON COLUMN @extschema@.lt_block_result.added IS 'Entries that were added.';
COMMENT ON COLUMN @extschema@.lt_block_result.valid IS 'Values that are entries.';
COMMENT ON COLUMN @extschema@.lt_block_result.invalid IS 'Values that are none, and were left out.';
COMMENT ON COLUMN @extschema@.lt_block_result.errors IS
    'Index, code and message of each of these, at most 1,000; null where there is none.';
