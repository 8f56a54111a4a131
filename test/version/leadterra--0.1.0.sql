-- leadterra: the install script, made from the files in sql/ in two passes: all
-- tables and types, then all functions and views.  The Makefile has the order.
-- What users call lives in the schema chosen at CREATE EXTENSION; tables and
-- helpers live in "leadterra".

\echo Use "CREATE EXTENSION leadterra" to load this file. \quit

-- Nothing in these scripts may depend on what stands in the caller's schemas.
SET LOCAL search_path TO pg_catalog, pg_temp;

-- Addresses are read as UTF-8 (RFC 6531), and so is what jsonb holds.
DO $$
BEGIN
    IF getdatabaseencoding() <> 'UTF8' THEN
        RAISE EXCEPTION 'extension "leadterra" needs a database with encoding UTF8, not %',
            getdatabaseencoding()
            USING ERRCODE = 'feature_not_supported';
    END IF;
END;
$$;

CREATE SCHEMA leadterra;
COMMENT ON SCHEMA leadterra IS
'Tables and helpers of the extension leadterra; call the lt_ functions and views instead.';

-- What tables call, in their defaults, their CHECKs and their policies; and what
-- makes a table one of the extension.

CREATE FUNCTION @extschema@.lt_uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION @extschema@.lt_uuidv7() IS
'Make a UUID of version 7, which sorts by time

Values made by one session rise strictly, even if the clock steps back (RFC 9562, section
5.7).

Returns: the UUID.';

CREATE FUNCTION leadterra.random_key()
RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_random_key';

COMMENT ON FUNCTION leadterra.random_key() IS 'Return 32 random bytes.';

CREATE FUNCTION @extschema@.lt_current_workspace()
RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_current_workspace';

COMMENT ON FUNCTION @extschema@.lt_current_workspace() IS
'Return the workspace that calls and views work in

It is the setting leadterra.workspace_id. Superusers alone may change that;
lt_authenticate and lt_use_workspace set it for a transaction. Where it is empty, it is the
default workspace, 00000000-0000-7000-8000-000000000000. For a role that row-level security
binds, it is the workspace that the role was bound to.

Returns: the id of the workspace; null: none is open.';

CREATE FUNCTION leadterra.clock()
RETURNS timestamptz
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_clock';

COMMENT ON FUNCTION leadterra.clock() IS
'Return the present: that of the machine, or the setting leadterra.now

Superusers alone may change the setting.';

-- What is written by hand is held to what C makes by checks of arrays in C, which
-- take no time that can be measured.
CREATE FUNCTION leadterra.batch_is_valid(batch_id uuid, size smallint, lead_ids uuid[])
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_batch_is_valid';

COMMENT ON FUNCTION leadterra.batch_is_valid(uuid, smallint, uuid[]) IS
'Say whether a batch has as many leads as it says, and an id for a batch

A batch has from 1 to 1,000 leads. The low ten bits of its id are zero.';

-- A batch is written once, and knows which of its ids are the least and the greatest: so
-- whoever looks for a lead need not read the ids of each batch.
CREATE FUNCTION leadterra.least_id(ids uuid[])
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_least_id';

COMMENT ON FUNCTION leadterra.least_id(uuid[]) IS
'Return the least of some ids; null where that is no plain list of ids, or an empty one.';

CREATE FUNCTION leadterra.greatest_id(ids uuid[])
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_greatest_id';

COMMENT ON FUNCTION leadterra.greatest_id(uuid[]) IS
'Return the greatest of some ids; null where that is no plain list of ids, or an empty one.';

-- The planner puts the value in the place of a call.
CREATE FUNCTION leadterra.nobody()
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '00000000-0000-0000-0000-000000000000'::uuid;
END;

COMMENT ON FUNCTION leadterra.nobody() IS
'Return what stands in a key for no sender: a UUID of all zeros.';

CREATE FUNCTION leadterra.step_is_valid(
    subject text, body_html text, headers jsonb, variants jsonb)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_step_is_valid';

COMMENT ON FUNCTION leadterra.step_is_valid(text, text, jsonb, jsonb) IS
'Say whether a step is such as lt_set_steps writes

None of its headers is one that delivery sets. Of its variants, one at least has a weight and
is not disabled. Where it has no subject or no body in HTML, each of its variants has one.';

CREATE FUNCTION leadterra.range_is_valid(
    step smallint,
    first smallint,
    last smallint,
    attempt smallint,
    losses smallint,
    lost_at timestamptz,
    sender_id uuid,
    due_at timestamptz)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_range_is_valid';

COMMENT ON FUNCTION leadterra.range_is_valid(
    smallint, smallint, smallint, smallint, smallint, timestamptz, uuid, timestamptz) IS
'Say whether a range that waits is such as the queue makes

Its positions are those that a batch may have, its step and its attempt are such as there
are. It says when it was lost if it ever was, and when it is due if it has a sender.';

CREATE FUNCTION leadterra.is_attempt(attempt smallint)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_attempt';

COMMENT ON FUNCTION leadterra.is_attempt(smallint) IS
'Say whether there is such an attempt at work: from the first to the fifth.';

CREATE FUNCTION leadterra.lease_is_valid(
    state text,
    closed_at timestamptz,
    sent integer,
    settled bytea,
    completed bytea,
    batch_ids uuid[],
    firsts smallint[],
    lasts smallint[],
    attempts smallint[],
    tried_at timestamptz[],
    losses smallint,
    partial_range_id uuid,
    partial_last smallint,
    variants bytea)
RETURNS boolean
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_is_valid';

COMMENT ON FUNCTION leadterra.lease_is_valid(
    text, timestamptz, integer, bytea, bytea, uuid[], smallint[], smallint[], smallint[],
    timestamptz[], smallint, uuid, smallint, bytea) IS
'Say whether a lease is such as claims and those who settle them make

It is open, closed or lost, and says since when unless it is open. There are as many bits as
messages, and what was completed is settled. A range that it has a part of is one of two
messages or more. Variants are one a message, each of them 0 or such as a step may have.';

-- A role that is not the owner sees rows of the current workspace alone.  Where
-- there is none, the policy compares with null, and so with nothing.
CREATE FUNCTION leadterra.add_table(name regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee text;
BEGIN
    PERFORM pg_extension_config_dump(add_table.name, '');
    -- Another superuser may upgrade the extension than the one who made it.
    EXECUTE format('ALTER TABLE %s OWNER TO %I', add_table.name,
        (SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'leadterra'));
    -- Default privileges of the database are not for this.
    FOR grantee IN
        SELECT DISTINCT
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END
        FROM pg_class c
        CROSS JOIN aclexplode(c.relacl) a
        WHERE c.oid = add_table.name AND a.grantee <> c.relowner
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM %s', add_table.name, grantee);
    END LOOP;
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', add_table.name);
    EXECUTE format('CREATE POLICY workspace ON %s USING (workspace_id = %s.lt_current_workspace())',
        add_table.name,
        (SELECT x.extnamespace::regnamespace FROM pg_extension x WHERE x.extname = 'leadterra'));
    EXECUTE format('COMMENT ON COLUMN %s.workspace_id IS %L',
        add_table.name, 'The workspace that the row belongs to.');
END;
$$;

COMMENT ON FUNCTION leadterra.add_table(regclass) IS
'Let a new table be dumped with its rows, and show each workspace its own

For scripts of the extension alone.';
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
-- heir: which leads became part of which.

-- A row leads straight to a lead that is there, however many merges came after.
CREATE TABLE leadterra.lead_heirs (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    heir_id uuid NOT NULL CHECK (heir_id <> lead_id),
    entry text COLLATE "C" CHECK (starts_with(entry, 'hmac:')),
    PRIMARY KEY (workspace_id, lead_id)
);
CREATE INDEX lead_heirs_by_heir ON leadterra.lead_heirs (workspace_id, heir_id);
SELECT leadterra.add_table('leadterra.lead_heirs');
COMMENT ON TABLE leadterra.lead_heirs IS
'Leads that were merged into others: what is said later of messages to them is about these.';
COMMENT ON COLUMN leadterra.lead_heirs.lead_id IS 'The lead that is gone.';
COMMENT ON COLUMN leadterra.lead_heirs.heir_id IS 'The lead that it became part of.';
COMMENT ON COLUMN leadterra.lead_heirs.entry IS
    'hmac: and the keyed hash of its address; null: its heir has that address, or it had none.';
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
-- campaign: campaigns and their steps.

CREATE TABLE leadterra.campaigns (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'running', 'paused')),
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    paused_at timestamptz,
    owner uuid,
    variables text[] NOT NULL DEFAULT '{}',
    pool_id uuid,
    schedule jsonb,
    daily_limit integer CHECK (daily_limit >= 0),
    daily_new_leads integer CHECK (daily_new_leads >= 0),
    new_leads_first boolean NOT NULL DEFAULT false,
    bounce_limit double precision CHECK (bounce_limit > 0 AND bounce_limit <= 1),
    stop_on_auto_reply boolean NOT NULL DEFAULT false,
    pause_reason text CHECK (pause_reason IN ('bounce_limit')),
    resumed_at timestamptz,
    PRIMARY KEY (workspace_id, campaign_id),
    CHECK (status = 'draft' OR started_at IS NOT NULL)
);
-- What is due is looked for in these alone.
CREATE INDEX campaigns_running ON leadterra.campaigns (workspace_id, campaign_id)
    WHERE status = 'running';
SELECT leadterra.add_table('leadterra.campaigns');
COMMENT ON TABLE leadterra.campaigns IS 'One row a campaign.';
COMMENT ON COLUMN leadterra.campaigns.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN leadterra.campaigns.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.campaigns.status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.campaigns.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.campaigns.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN leadterra.campaigns.paused_at IS 'Since when it is paused; null: it is not.';
COMMENT ON COLUMN leadterra.campaigns.owner IS
    'Whom lt_add_leads assigns leads to that have nobody: an id of the caller.';
COMMENT ON COLUMN leadterra.campaigns.variables IS
    'Names of custom fields that lt_add_leads has met, sorted.';
COMMENT ON COLUMN leadterra.campaigns.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN leadterra.campaigns.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN leadterra.campaigns.daily_limit IS 'Messages a day at most; null: no limit.';
COMMENT ON COLUMN leadterra.campaigns.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN leadterra.campaigns.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN leadterra.campaigns.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN leadterra.campaigns.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN leadterra.campaigns.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';
COMMENT ON COLUMN leadterra.campaigns.resumed_at IS 'When it was last started; null: never.';

-- A campaign without limits has no row.
CREATE TABLE leadterra.campaign_usage (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    used_on date,
    handed integer NOT NULL DEFAULT 0 CHECK (handed >= 0),
    new_leads integer NOT NULL DEFAULT 0 CHECK (new_leads >= 0),
    sent bigint NOT NULL DEFAULT 0 CHECK (sent >= 0),
    refused bigint NOT NULL DEFAULT 0 CHECK (refused >= 0),
    bounced bigint NOT NULL DEFAULT 0 CHECK (bounced >= 0),
    PRIMARY KEY (workspace_id, campaign_id)
) WITH (fillfactor = 50);
SELECT leadterra.add_table('leadterra.campaign_usage');
COMMENT ON TABLE leadterra.campaign_usage IS
'What campaigns with limits have used of them, one row a campaign.';
COMMENT ON COLUMN leadterra.campaign_usage.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.campaign_usage.used_on IS
    'The last day on which messages were handed out, in the zone of its first schedule.';
COMMENT ON COLUMN leadterra.campaign_usage.handed IS
    'Messages that were handed out on that day, less those that were given back.';
COMMENT ON COLUMN leadterra.campaign_usage.new_leads IS
    'Those of them that were the first of their leads.';
COMMENT ON COLUMN leadterra.campaign_usage.sent IS 'Messages that were sent since it last started.';
COMMENT ON COLUMN leadterra.campaign_usage.refused IS
    'Messages that were refused for good while they were sent, since it last started.';
COMMENT ON COLUMN leadterra.campaign_usage.bounced IS
    'Messages that bounced, those that were refused too, since it last started.';

CREATE TABLE leadterra.steps (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    subject text,
    body_html text,
    delay_minutes integer NOT NULL CHECK (delay_minutes BETWEEN 0 AND 3650 * 1440),
    body_text text,
    preheader text,
    headers jsonb,
    variants jsonb,
    PRIMARY KEY (workspace_id, campaign_id, step),
    CONSTRAINT steps_valid CHECK (
        leadterra.step_is_valid(subject, body_html, headers, variants))
);
SELECT leadterra.add_table('leadterra.steps');
COMMENT ON TABLE leadterra.steps IS 'The messages of a campaign in order, from step 1.';
COMMENT ON COLUMN leadterra.steps.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.steps.step IS 'Number of the step, 1 to 100.';
COMMENT ON COLUMN leadterra.steps.subject IS
    'Subject, with tokens; null: each variant has its own.';
COMMENT ON COLUMN leadterra.steps.body_html IS
    'Body in HTML, with tokens; null: each variant has its own.';
COMMENT ON COLUMN leadterra.steps.delay_minutes IS
    'Minutes since the step before; for step 1 since enrollment or start. 3,650 days at most.';
COMMENT ON COLUMN leadterra.steps.body_text IS
    'Body as text, with tokens; null: whoever sends makes it of the one in HTML.';
COMMENT ON COLUMN leadterra.steps.preheader IS
    'What mailboxes show beside the subject, with tokens; null: what the body begins with.';
COMMENT ON COLUMN leadterra.steps.headers IS
    'More headers, an object of names and values with tokens; null: none.';
COMMENT ON COLUMN leadterra.steps.variants IS
    'Variants, an array of objects as in lt_set_steps; null: none.';

CREATE TYPE @extschema@.lt_campaign_state AS (
    id uuid,
    name text,
    status text,
    created_at timestamptz,
    started_at timestamptz,
    paused_at timestamptz,
    leads_enrolled bigint,
    queued_messages bigint
);
COMMENT ON TYPE @extschema@.lt_campaign_state IS 'A campaign with its counts.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.id IS 'Id of the campaign.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.status IS 'draft, running or paused.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.started_at IS
    'When it was first started; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.paused_at IS
    'Since when it is paused; null: it is not.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_campaign_state.queued_messages IS
    'Messages that wait for a worker; 0 for a draft.';

CREATE TYPE @extschema@.lt_stats AS (
    campaign_id uuid,
    total_enrolled bigint,
    sent bigint,
    delivered bigint,
    bounced bigint,
    replied bigint,
    unsubscribed bigint,
    skipped bigint,
    failed bigint,
    queued bigint,
    open_rate double precision,
    reply_rate double precision
);
COMMENT ON TYPE @extschema@.lt_stats IS 'Counts of a campaign.';
COMMENT ON COLUMN @extschema@.lt_stats.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_stats.total_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_stats.sent IS
    'Messages that were completed, those of leads that were deleted since too.';
COMMENT ON COLUMN @extschema@.lt_stats.delivered IS 'Messages that were delivered.';
COMMENT ON COLUMN @extschema@.lt_stats.bounced IS 'Messages that bounced.';
COMMENT ON COLUMN @extschema@.lt_stats.replied IS
    'Messages that were replied to; out of office is no reply.';
COMMENT ON COLUMN @extschema@.lt_stats.unsubscribed IS 'Messages that led to an unsubscribe.';
COMMENT ON COLUMN @extschema@.lt_stats.skipped IS
    'Messages that were skipped, or will be: their lead gets no more, or its address is invalid.';
COMMENT ON COLUMN @extschema@.lt_stats.failed IS 'Messages that failed.';
COMMENT ON COLUMN @extschema@.lt_stats.queued IS 
    'Messages that wait for a worker, retries too, less those that will be skipped.';
COMMENT ON COLUMN @extschema@.lt_stats.open_rate IS 
    'Opened by delivered, or by sent where nothing was reported as delivered; 0 to 1.';
COMMENT ON COLUMN @extschema@.lt_stats.reply_rate IS 
    'Replied by delivered, or by sent where nothing was reported as delivered; 0 to 1.';
-- queue: messages, kept as batches of leads that stand at the same step.

-- A batch is written once.  A message is a position in it, and its id is the
-- batch's id, whose low ten bits are zero, plus that position.  Nothing is
-- written per message: what no worker has had yet are ranges of batches, and
-- what a worker holds is a lease on ranges.  When a message is due follows from
-- the time since which it waits and from the campaign (start, delay of the
-- step), so starting and pausing touch nothing here.

CREATE TABLE leadterra.batches (
    workspace_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    size smallint NOT NULL,
    waiting_since timestamptz NOT NULL,
    lead_ids uuid[] NOT NULL,
    least_lead_id uuid GENERATED ALWAYS AS (leadterra.least_id(lead_ids)) STORED,
    greatest_lead_id uuid GENERATED ALWAYS AS (leadterra.greatest_id(lead_ids)) STORED,
    after_lease_id uuid,
    PRIMARY KEY (workspace_id, batch_id),
    CONSTRAINT batches_valid CHECK (leadterra.batch_is_valid(batch_id, size, lead_ids))
);
-- Random bits do not compress; trying costs ten times what storing them does.
ALTER TABLE leadterra.batches ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX batches_by_step ON leadterra.batches (workspace_id, campaign_id, step, waiting_since)
    INCLUDE (size);
SELECT leadterra.add_table('leadterra.batches');
COMMENT ON TABLE leadterra.batches IS
'Up to 1,000 leads of one campaign that came to a step together.';
COMMENT ON COLUMN leadterra.batches.batch_id IS 'Id of the batch; its low ten bits are zero.';
COMMENT ON COLUMN leadterra.batches.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.batches.step IS 'The step that its leads stand at.';
COMMENT ON COLUMN leadterra.batches.size IS 'How many leads, 1 to 1,000.';
COMMENT ON COLUMN leadterra.batches.waiting_since IS
    'When they came to the step: delays run from here.';
COMMENT ON COLUMN leadterra.batches.lead_ids IS 'The leads; positions count from 1.';
COMMENT ON COLUMN leadterra.batches.least_lead_id IS 'The least of their ids.';
COMMENT ON COLUMN leadterra.batches.greatest_lead_id IS 'The greatest of their ids.';
COMMENT ON COLUMN leadterra.batches.after_lease_id IS
    'The lease under which the step before was sent, in whose order they stand; null: none.';

-- A range is deleted when it is used up, and never updated: how far a range is
-- used stands in the leases that took a part of it, so that claims of a few
-- messages leave no dead rows in front of the next.  The key has what no sender began
-- in front of the rest, which senders go on with: whoever looks for the one does not
-- meet the other, however many senders there are.
CREATE TABLE leadterra.waiting (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    sender_id uuid NOT NULL DEFAULT leadterra.nobody(),
    step smallint NOT NULL,
    waiting_since timestamptz NOT NULL,
    range_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    first smallint NOT NULL,
    last smallint NOT NULL,
    attempt smallint NOT NULL DEFAULT 1,
    error text,
    tried_at timestamptz,
    losses smallint NOT NULL DEFAULT 0,
    lost_at timestamptz,
    due_at timestamptz,
    PRIMARY KEY (workspace_id, campaign_id, sender_id, step, waiting_since, range_id),
    CONSTRAINT waiting_valid CHECK (
        leadterra.range_is_valid(step, first, last, attempt, losses, lost_at, sender_id, due_at))
);
CREATE INDEX waiting_for_senders ON leadterra.waiting (workspace_id, campaign_id, due_at, sender_id)
    WHERE due_at IS NOT NULL;
CREATE INDEX waiting_for_sender ON leadterra.waiting (workspace_id, campaign_id, sender_id, due_at)
    WHERE due_at IS NOT NULL;
SELECT leadterra.add_table('leadterra.waiting');
COMMENT ON TABLE leadterra.waiting IS 'Ranges of batches that no worker holds.';
COMMENT ON COLUMN leadterra.waiting.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.waiting.sender_id IS
    'The sender that goes on with it; all zeros: none has begun.';
COMMENT ON COLUMN leadterra.waiting.step IS 'The step.';
COMMENT ON COLUMN leadterra.waiting.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.waiting.range_id IS 'Id of the range.';
COMMENT ON COLUMN leadterra.waiting.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.waiting.first IS 'First position in the batch, from 1.';
COMMENT ON COLUMN leadterra.waiting.last IS 'Last position in the batch.';
COMMENT ON COLUMN leadterra.waiting.attempt IS 'The attempt to come, 1 to 5.';
COMMENT ON COLUMN leadterra.waiting.error IS
    'Why it waits again: the last attempt failed, or its lease ran out. Null: neither.';
COMMENT ON COLUMN leadterra.waiting.tried_at IS
    'When it first failed or was deferred; null: it never did.';
COMMENT ON COLUMN leadterra.waiting.losses IS
    'Leases in a row that had it and ran out with nothing reported on it.';
COMMENT ON COLUMN leadterra.waiting.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.waiting.due_at IS
    'When it is due, but for windows and limits; null: nobody has begun with it.';

-- The ranges of a lease are four arrays; its messages are their positions in
-- that order.  Bit n of settled (completed) says that message n is done with (was
-- completed); null stands for all zeros, or in a closed lease for all ones.
CREATE TABLE leadterra.leases (
    workspace_id uuid NOT NULL,
    lease_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    worker text,
    state text NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at timestamptz,
    sent integer NOT NULL DEFAULT 0,
    settled bytea,
    completed bytea,
    batch_ids uuid[] NOT NULL,
    firsts smallint[] NOT NULL,
    lasts smallint[] NOT NULL,
    attempts smallint[] NOT NULL,
    partial_range_id uuid,
    partial_last smallint,
    tried_at timestamptz[],
    losses smallint NOT NULL DEFAULT 0,
    lost_at timestamptz,
    sender_id uuid,
    claimed_at timestamptz,
    variants bytea,
    steps smallint,
    PRIMARY KEY (workspace_id, lease_id),
    -- One, for the text of each is read again by every statement that writes a lease.
    CONSTRAINT leases_valid CHECK (leadterra.lease_is_valid(
        state, closed_at, sent, settled, completed, batch_ids, firsts, lasts, attempts, tried_at,
        losses,
        partial_range_id, partial_last, variants))
) WITH (fillfactor = 70);
ALTER TABLE leadterra.leases ALTER COLUMN batch_ids SET STORAGE EXTERNAL;
ALTER TABLE leadterra.leases ALTER COLUMN variants SET STORAGE EXTERNAL;
CREATE INDEX leases_by_campaign ON leadterra.leases (workspace_id, campaign_id, lease_id);
CREATE INDEX leases_open ON leadterra.leases (workspace_id, expires_at) WHERE state = 'open';
CREATE INDEX leases_partial ON leadterra.leases (workspace_id, partial_range_id, partial_last)
    WHERE partial_range_id IS NOT NULL;
SELECT leadterra.add_table('leadterra.leases');
COMMENT ON TABLE leadterra.leases IS
'Claims of workers on ranges of batches; partial_last is how far the last range is used.';
COMMENT ON COLUMN leadterra.leases.lease_id IS 'Id of the lease, which its worker shows.';
COMMENT ON COLUMN leadterra.leases.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.leases.worker IS 'A name for people.';
COMMENT ON COLUMN leadterra.leases.state IS
    'open, closed (all is settled) or lost (it ran out and was given back).';
COMMENT ON COLUMN leadterra.leases.expires_at IS 'When it runs out.';
COMMENT ON COLUMN leadterra.leases.closed_at IS 'When it was closed or lost.';
COMMENT ON COLUMN leadterra.leases.sent IS 'Messages that were completed.';
COMMENT ON COLUMN leadterra.leases.settled IS
    'A bit a message: it is done with. Null: none, or in a closed lease all.';
COMMENT ON COLUMN leadterra.leases.completed IS
    'A bit a message: it was sent. Null: none, or in a closed lease all.';
COMMENT ON COLUMN leadterra.leases.batch_ids IS 'Batch of each range.';
COMMENT ON COLUMN leadterra.leases.firsts IS 'First position of each range.';
COMMENT ON COLUMN leadterra.leases.lasts IS 'Last position of each range.';
COMMENT ON COLUMN leadterra.leases.attempts IS 'Attempt of each range.';
COMMENT ON COLUMN leadterra.leases.partial_range_id IS
    'The range that the last one is a part of; null: it is used up.';
COMMENT ON COLUMN leadterra.leases.partial_last IS 'Up to which position that range is used.';
COMMENT ON COLUMN leadterra.leases.tried_at IS
    'When each range first failed or was deferred, -infinity where it never did; null: none did.';
COMMENT ON COLUMN leadterra.leases.losses IS
    'Leases in a row before this one that had its ranges and ran out; the same for all of them.';
COMMENT ON COLUMN leadterra.leases.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.leases.sender_id IS 'The sender of its messages; null: none.';
COMMENT ON COLUMN leadterra.leases.claimed_at IS
    'When its messages were counted for limits of a day; null: they were not.';
COMMENT ON COLUMN leadterra.leases.variants IS
    'A byte a message: the variant that it has, 0 for none; null: no step of it has any.';
COMMENT ON COLUMN leadterra.leases.steps IS
    'Steps of the campaign that it was closed, or continued, by; null: nothing was sent.';

CREATE TABLE leadterra.exceptions (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    step smallint NOT NULL CHECK (step BETWEEN 1 AND 100),
    batch_id uuid NOT NULL,
    "position" smallint NOT NULL CHECK ("position" BETWEEN 1 AND 1000),
    state text NOT NULL CHECK (state IN ('failed', 'skipped')),
    reason text NOT NULL,
    attempt smallint NOT NULL CHECK (leadterra.is_attempt(attempt)),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, lead_id, step)
);
SELECT leadterra.add_table('leadterra.exceptions');
COMMENT ON TABLE leadterra.exceptions IS
'Messages that were not sent, with the reason: the sequence of their lead ended there.';
COMMENT ON COLUMN leadterra.exceptions.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.exceptions.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.exceptions.step IS 'The step.';
COMMENT ON COLUMN leadterra.exceptions.batch_id IS 'The batch of the message.';
COMMENT ON COLUMN leadterra.exceptions."position" IS 'Its position there, from 1.';
COMMENT ON COLUMN leadterra.exceptions.state IS 'failed or skipped.';
COMMENT ON COLUMN leadterra.exceptions.reason IS 'Why it was not sent.';
COMMENT ON COLUMN leadterra.exceptions.attempt IS 'The last attempt, 1 to 5.';
COMMENT ON COLUMN leadterra.exceptions.created_at IS 'When it ended.';
-- sender: accounts that mails leave from, and the pools that campaigns draw on.

-- A claim changes what a sender has used and when it is free again, so a version of a row
-- that is no longer seen should be reused in its page.
CREATE TABLE leadterra.senders (
    workspace_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    name text,
    reply_to text COLLATE "C",
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'warming', 'paused')),
    daily_limit integer CHECK (daily_limit >= 0),
    ramp_from integer CHECK (ramp_from >= 0),
    ramp_step integer NOT NULL DEFAULT 0 CHECK (ramp_step >= 0),
    ramp_since date,
    gap_seconds integer NOT NULL DEFAULT 0 CHECK (gap_seconds BETWEEN 0 AND 86400),
    gap_jitter_seconds integer NOT NULL DEFAULT 0 CHECK (gap_jitter_seconds BETWEEN 0 AND 86400),
    time_zone text NOT NULL DEFAULT 'UTC',
    transport text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    heir_id uuid,
    used_on date,
    used integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    free_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, sender_id),
    CONSTRAINT senders_warming CHECK (
        status <> 'warming' OR ramp_from IS NOT NULL AND ramp_since IS NOT NULL),
    CONSTRAINT senders_heir CHECK (
        heir_id IS NULL OR deleted_at IS NOT NULL AND heir_id <> sender_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX senders_by_email ON leadterra.senders (workspace_id, email)
    WHERE deleted_at IS NULL;
SELECT leadterra.add_table('leadterra.senders');
COMMENT ON TABLE leadterra.senders IS
'Accounts that mails leave from; one that was deleted stays, for what it sent.';
COMMENT ON COLUMN leadterra.senders.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN leadterra.senders.email IS 'Its address in normal form.';
COMMENT ON COLUMN leadterra.senders.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN leadterra.senders.reply_to IS
    'Where replies go, an address in normal form; null: to the sender.';
COMMENT ON COLUMN leadterra.senders.status IS 'active, warming or paused.';
COMMENT ON COLUMN leadterra.senders.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN leadterra.senders.ramp_from IS
    'Messages on the first day of warming; null: it has none.';
COMMENT ON COLUMN leadterra.senders.ramp_step IS 'How many more on each later day of warming.';
COMMENT ON COLUMN leadterra.senders.ramp_since IS 'The first day of warming, a local day.';
COMMENT ON COLUMN leadterra.senders.gap_seconds IS 'Seconds between two messages at least.';
COMMENT ON COLUMN leadterra.senders.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN leadterra.senders.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN leadterra.senders.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN leadterra.senders.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.senders.deleted_at IS 'When it was deleted; null: it was not.';
COMMENT ON COLUMN leadterra.senders.heir_id IS
    'Who took over what it had begun when it was deleted; null: any of the pool.';
COMMENT ON COLUMN leadterra.senders.used_on IS
    'The last local day on which messages of it were handed out; null: none were.';
COMMENT ON COLUMN leadterra.senders.used IS
    'Messages that were handed out on that day, less those that were given back.';
COMMENT ON COLUMN leadterra.senders.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused or deleted.';

CREATE TABLE leadterra.pools (
    workspace_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, pool_id)
);
SELECT leadterra.add_table('leadterra.pools');
COMMENT ON TABLE leadterra.pools IS 'Sets of senders that campaigns draw on.';
COMMENT ON COLUMN leadterra.pools.pool_id IS 'Id of the pool.';
COMMENT ON COLUMN leadterra.pools.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.pools.created_at IS 'When it was created.';

-- A claim walks along free_at, which is that of the sender, or when it came into the pool:
-- whoever changes it holds the lock of the sender's row.
CREATE TABLE leadterra.pool_senders (
    workspace_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    free_at timestamptz NOT NULL,
    has_left boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, pool_id, sender_id)
) WITH (fillfactor = 70);
CREATE INDEX pool_senders_free
    ON leadterra.pool_senders (workspace_id, pool_id, free_at, sender_id);
CREATE INDEX pool_senders_by_sender ON leadterra.pool_senders (workspace_id, sender_id);
SELECT leadterra.add_table('leadterra.pool_senders');
COMMENT ON TABLE leadterra.pool_senders IS 'One row a pool and sender.';
COMMENT ON COLUMN leadterra.pool_senders.pool_id IS 'The pool.';
COMMENT ON COLUMN leadterra.pool_senders.sender_id IS 'The sender.';
COMMENT ON COLUMN leadterra.pool_senders.free_at IS
    'As in leadterra.senders; but no time before it came into the pool.';
COMMENT ON COLUMN leadterra.pool_senders.has_left IS
    'Whether it takes no new leads of the pool, and only goes on with those it began.';
-- total: counts that outlive what was counted.

-- What is not told apart has 0, or an id of zeros.  A message counts for its step, variant
-- and sender; what lt_maintain removes first is the lease, which tells variant and sender.
-- What happened to its messages by then is taken from those of none in advance: counts of
-- none may be less than 0, until the batch goes, too.
CREATE TABLE leadterra.totals (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    day date NOT NULL,
    step smallint NOT NULL,
    variant smallint NOT NULL DEFAULT 0,
    sender_id uuid NOT NULL DEFAULT leadterra.nobody(),
    enrolled bigint NOT NULL DEFAULT 0,
    sent bigint NOT NULL DEFAULT 0,
    skipped bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    delivered bigint NOT NULL DEFAULT 0,
    opened bigint NOT NULL DEFAULT 0,
    bounced bigint NOT NULL DEFAULT 0,
    replied bigint NOT NULL DEFAULT 0,
    unsubscribed bigint NOT NULL DEFAULT 0,
    clicked bigint NOT NULL DEFAULT 0,
    complained bigint NOT NULL DEFAULT 0,
    -- Enrolled leads, whom every list of campaigns counts, stand together.
    PRIMARY KEY (workspace_id, campaign_id, sender_id, variant, step, day)
);
SELECT leadterra.add_table('leadterra.totals');
COMMENT ON TABLE leadterra.totals IS
'What lt_maintain has counted of a campaign before it removed it, and leads that were merged.';
COMMENT ON COLUMN leadterra.totals.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.totals.day IS
    'When it was, in the zone of the first schedule that the campaign had then, or in UTC.';
COMMENT ON COLUMN leadterra.totals.step IS 'The step.';
COMMENT ON COLUMN leadterra.totals.variant IS 'The variant, from 1; 0: none.';
COMMENT ON COLUMN leadterra.totals.sender_id IS 'The sender; all zeros: none.';
COMMENT ON COLUMN leadterra.totals.enrolled IS 'Leads of removed batches of step one.';
COMMENT ON COLUMN leadterra.totals.sent IS 'Messages of removed leases that were sent.';
COMMENT ON COLUMN leadterra.totals.skipped IS 'Removed messages that were skipped.';
COMMENT ON COLUMN leadterra.totals.failed IS 'Removed messages that failed.';
COMMENT ON COLUMN leadterra.totals.delivered IS 'Removed messages that were delivered.';
COMMENT ON COLUMN leadterra.totals.opened IS 'Removed messages that were opened.';
COMMENT ON COLUMN leadterra.totals.bounced IS 'Removed messages that bounced.';
COMMENT ON COLUMN leadterra.totals.replied IS 'Removed messages that were replied to.';
COMMENT ON COLUMN leadterra.totals.unsubscribed IS 'Removed messages that led to an unsubscribe.';
COMMENT ON COLUMN leadterra.totals.clicked IS 'Removed messages with a link that was clicked.';
COMMENT ON COLUMN leadterra.totals.complained IS 'Removed messages that were complained about.';
-- event: what became of messages that were sent.

-- An event is known by what it says: reported again it changes nothing.  A
-- message may have several replies and clicks, which differ in their digest.
CREATE TABLE leadterra.events (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN (
        'delivered', 'opened', 'clicked', 'bounced', 'replied', 'unsubscribed', 'complained')),
    message_id uuid NOT NULL,
    digest text NOT NULL,
    event_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, type, message_id, digest)
);

-- Replies are few among what is reported, and read newest first.
CREATE INDEX events_replied ON leadterra.events (workspace_id, created_at DESC, event_id DESC)
    WHERE type = 'replied';
SELECT leadterra.add_table('leadterra.events');
COMMENT ON TABLE leadterra.events IS 'What became of messages that were sent.';
COMMENT ON COLUMN leadterra.events.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.events.type IS 
    'delivered, opened, clicked, bounced, replied, unsubscribed or complained.';
COMMENT ON COLUMN leadterra.events.message_id IS 'The message.';
COMMENT ON COLUMN leadterra.events.digest IS
    'What tells the event from others of this type and message.';
COMMENT ON COLUMN leadterra.events.event_id IS 'Id of the event.';
COMMENT ON COLUMN leadterra.events.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.events.data IS 'What was reported with it, an object.';
COMMENT ON COLUMN leadterra.events.created_at IS 'When it was recorded.';

-- A row is changed by each soft bounce, and goes with a delivery or a reply: most leads
-- never have one.
CREATE TABLE leadterra.soft_bounces (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    bounced_at timestamptz[] NOT NULL,
    PRIMARY KEY (workspace_id, lead_id)
);
SELECT leadterra.add_table('leadterra.soft_bounces');
COMMENT ON TABLE leadterra.soft_bounces IS
'Soft bounces of leads since their last delivery or reply.';
COMMENT ON COLUMN leadterra.soft_bounces.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.soft_bounces.bounced_at IS
    'When they were recorded, of the 30 days before the last one.';

CREATE TABLE leadterra.bounce_limits (
    workspace_id uuid PRIMARY KEY,
    soft_bounces integer CHECK (soft_bounces BETWEEN 1 AND 1000)
);
SELECT leadterra.add_table('leadterra.bounce_limits');
COMMENT ON TABLE leadterra.bounce_limits IS
'What lt_set_soft_bounce_limit has set; a workspace without a row has the usual limit.';
COMMENT ON COLUMN leadterra.bounce_limits.soft_bounces IS
    'Soft bounces that suppress an address; null: no number does.';
-- job: work on leads that is done outside of the database, by workers.

-- A job is leased like messages are, but as a whole: its row says who has it.
-- The lease stays in the row after its end, until the next claim, so that a
-- worker may say again how it ended.
CREATE TABLE leadterra.jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('verify_leads')),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'in-progress', 'success', 'failed')),
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    campaign_id uuid,
    list_id uuid,
    attempt smallint NOT NULL DEFAULT 0 CHECK (attempt = 0 OR leadterra.is_attempt(attempt)),
    worker text,
    lease_id uuid,
    expires_at timestamptz,
    error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    lead_ids uuid[] NOT NULL,
    losses smallint NOT NULL DEFAULT 0 CHECK (losses >= 0),
    lost_at timestamptz,
    PRIMARY KEY (workspace_id, job_id),
    CHECK ((status = 'in-progress') = (expires_at IS NOT NULL)
        AND (expires_at IS NULL OR lease_id IS NOT NULL)),
    CHECK ((status IN ('success', 'failed')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);
-- Random bits do not compress.
ALTER TABLE leadterra.jobs ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX jobs_open ON leadterra.jobs (workspace_id, created_at, job_id)
    WHERE status IN ('pending', 'in-progress');
CREATE INDEX jobs_finished ON leadterra.jobs (workspace_id, finished_at)
    WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_lease ON leadterra.jobs (workspace_id, lease_id)
    WHERE lease_id IS NOT NULL;
SELECT leadterra.add_table('leadterra.jobs');
COMMENT ON TABLE leadterra.jobs IS 'Background jobs on leads.';
COMMENT ON COLUMN leadterra.jobs.job_id IS 'Id of the job.';
COMMENT ON COLUMN leadterra.jobs.type IS 'What is to be done: verify_leads.';
COMMENT ON COLUMN leadterra.jobs.status IS 'pending, in-progress, success or failed.';
COMMENT ON COLUMN leadterra.jobs.progress IS 'Percent, 0 to 100.';
COMMENT ON COLUMN leadterra.jobs.campaign_id IS 'The campaign that the leads were imported into.';
COMMENT ON COLUMN leadterra.jobs.list_id IS 'The list that the leads were imported into.';
COMMENT ON COLUMN leadterra.jobs.attempt IS 'The last attempt, 0 to 5.';
COMMENT ON COLUMN leadterra.jobs.worker IS 'Who has it, or had it last; a name for people.';
COMMENT ON COLUMN leadterra.jobs.lease_id IS 'The last lease.';
COMMENT ON COLUMN leadterra.jobs.expires_at IS
    'When the lease runs out; null unless it is in progress.';
COMMENT ON COLUMN leadterra.jobs.error IS 'Why the last attempt failed.';
COMMENT ON COLUMN leadterra.jobs.created_at IS 'When it was made.';
COMMENT ON COLUMN leadterra.jobs.updated_at IS 'When anything last changed.';
COMMENT ON COLUMN leadterra.jobs.finished_at IS 'When it ended.';
COMMENT ON COLUMN leadterra.jobs.lead_ids IS 'The leads.';
COMMENT ON COLUMN leadterra.jobs.losses IS
    'Leases in a row that ran out with nothing said of its end.';
COMMENT ON COLUMN leadterra.jobs.lost_at IS 'When the last of these ran out.';

CREATE TYPE @extschema@.lt_job AS (
    lease_id uuid,
    job_id uuid,
    type text,
    campaign_id uuid,
    list_id uuid,
    attempt integer,
    progress integer,
    lead_ids uuid[]
);
COMMENT ON TYPE @extschema@.lt_job IS 'A job for a worker.';
COMMENT ON COLUMN @extschema@.lt_job.lease_id IS 'What progress and end are reported under.';
COMMENT ON COLUMN @extschema@.lt_job.job_id IS 'Id of the job.';
COMMENT ON COLUMN @extschema@.lt_job.type IS 'What to do: verify_leads.';
COMMENT ON COLUMN @extschema@.lt_job.campaign_id IS
    'The campaign that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_job.list_id IS 'The list that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_job.attempt IS 'Which attempt this is, 1 to 5.';
COMMENT ON COLUMN @extschema@.lt_job.progress IS 'How far an earlier attempt got, in percent.';
COMMENT ON COLUMN @extschema@.lt_job.lead_ids IS 'The leads; some may have been deleted.';
-- enroll: what bulk calls return.

CREATE TYPE @extschema@.lt_bulk_result AS (
    enrolled integer,
    updated integer,
    skipped integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_bulk_result IS 'Counts of lt_bulk_upsert.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.enrolled IS
    'Entries whose lead was not in the campaign.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.updated IS 'Entries whose lead was in it already.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.skipped IS 'Entries that were left out.';
COMMENT ON COLUMN @extschema@.lt_bulk_result.total IS 'Enrolled and updated together.';

CREATE TYPE @extschema@.lt_enroll_list_result AS (
    enrolled integer,
    already_enrolled integer,
    suppressed integer,
    without_email integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_enroll_list_result IS 'Counts of lt_enroll_list.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.enrolled IS 'Leads new to the campaign.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.already_enrolled IS 'Leads in it already.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.suppressed IS
    'Leads left out for a suppressed address.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.without_email IS
    'Leads left out for want of an address.';
COMMENT ON COLUMN @extschema@.lt_enroll_list_result.total IS 'Leads that are in the campaign now.';
-- enroll: imports of tables, and the rows that they left out.

CREATE TABLE leadterra.imports (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    campaign_id uuid NOT NULL,
    source text NOT NULL,
    source_file oid NOT NULL,
    mapping jsonb,
    repair boolean NOT NULL DEFAULT false,
    position tid NOT NULL DEFAULT '(0,0)',
    position_xmin xid,
    rows_total bigint NOT NULL DEFAULT 0,
    rows_done bigint NOT NULL DEFAULT 0,
    enrolled bigint NOT NULL DEFAULT 0,
    updated bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    updated_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    finished_at timestamptz,
    run_rows bigint NOT NULL DEFAULT 0,
    run_at timestamptz NOT NULL DEFAULT leadterra.clock(),
    process integer NOT NULL DEFAULT pg_backend_pid(),
    statement_at timestamptz NOT NULL DEFAULT statement_timestamp(),
    PRIMARY KEY (workspace_id, import_id)
);
CREATE INDEX imports_campaign ON leadterra.imports (workspace_id, campaign_id);
SELECT leadterra.add_table('leadterra.imports');
COMMENT ON TABLE leadterra.imports IS
'One row an import by lt_import_table; all rows of the table up to position are done.';
COMMENT ON COLUMN leadterra.imports.import_id IS 'Id of the import.';
COMMENT ON COLUMN leadterra.imports.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.imports.source IS 'The table, by name.';
COMMENT ON COLUMN leadterra.imports.source_file IS
    'The file of the table: it changes when the table is rewritten.';
COMMENT ON COLUMN leadterra.imports.mapping IS
    'Keys of leads and names of columns; null: columns go by their names.';
COMMENT ON COLUMN leadterra.imports.repair IS
    'Whether the address is taken out of a text around it.';
COMMENT ON COLUMN leadterra.imports."position" IS 'Where the last row stands that is done.';
COMMENT ON COLUMN leadterra.imports.position_xmin IS 'Which transaction wrote that row.';
COMMENT ON COLUMN leadterra.imports.rows_total IS 'Rows of the table when it began.';
COMMENT ON COLUMN leadterra.imports.rows_done IS 'Rows that are done.';
COMMENT ON COLUMN leadterra.imports.enrolled IS 'Rows that enrolled a lead.';
COMMENT ON COLUMN leadterra.imports.updated IS 'Rows that updated a lead.';
COMMENT ON COLUMN leadterra.imports.rejected IS 'Rows that were left out.';
COMMENT ON COLUMN leadterra.imports.started_at IS 'When it began.';
COMMENT ON COLUMN leadterra.imports.updated_at IS 'When the last chunk was committed.';
COMMENT ON COLUMN leadterra.imports.finished_at IS
    'When it ended; null: it runs, or was interrupted.';
COMMENT ON COLUMN leadterra.imports.run_rows IS
    'Rows that were done when the last call for it began.';
COMMENT ON COLUMN leadterra.imports.run_at IS 'When that was.';
COMMENT ON COLUMN leadterra.imports.process IS 'The process of that call.';
COMMENT ON COLUMN leadterra.imports.statement_at IS 'When the statement of that call began.';

CREATE TABLE leadterra.import_rejects (
    workspace_id uuid NOT NULL,
    import_id uuid NOT NULL,
    row_number bigint NOT NULL,
    reason text NOT NULL,
    field text,
    code text NOT NULL,
    lead jsonb,
    PRIMARY KEY (workspace_id, import_id, row_number)
);
SELECT leadterra.add_table('leadterra.import_rejects');
COMMENT ON TABLE leadterra.import_rejects IS
'Rows that imports left out. Nothing of a suppressed lead is kept.';
COMMENT ON COLUMN leadterra.import_rejects.import_id IS 'The import.';
COMMENT ON COLUMN leadterra.import_rejects.row_number IS 'Number of the row, from 1.';
COMMENT ON COLUMN leadterra.import_rejects.reason IS 'Why it was left out.';
COMMENT ON COLUMN leadterra.import_rejects.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN leadterra.import_rejects.code IS
    'What is invalid about it, as in the errors of PT422; the reason where nothing is.';
COMMENT ON COLUMN leadterra.import_rejects.lead IS
    'The lead object; null where the address is suppressed.';
-- message: what a claim hands to a worker, and what its links are made with.

-- Made with the first address, and its key is never changed: links in messages that were
-- sent are good for ever.
CREATE TABLE leadterra.links (
    workspace_id uuid PRIMARY KEY,
    link_key bytea NOT NULL DEFAULT leadterra.random_key(),
    unsubscribe_url text CHECK (octet_length(unsubscribe_url) <= 1000)
);
SELECT leadterra.add_table('leadterra.links');
COMMENT ON TABLE leadterra.links IS
'What the links of a workspace are made with; no row: it never had any.';
COMMENT ON COLUMN leadterra.links.link_key IS 'Key of the links, 32 bytes.';
COMMENT ON COLUMN leadterra.links.unsubscribe_url IS
    'What links begin with; null: messages have none.';

CREATE TYPE @extschema@.lt_message AS (
    lease_id uuid,
    message_id uuid,
    campaign_id uuid,
    lead_id uuid,
    step integer,
    attempt integer,
    email text,
    subject text,
    body_html text,
    sender_id uuid,
    sender_email text,
    sender_name text,
    reply_to text,
    transport text,
    variant integer,
    body_text text,
    headers jsonb,
    message_references text[],
    send_until timestamptz,
    unsubscribe_url text
);
COMMENT ON TYPE @extschema@.lt_message IS 'A message to send.';
COMMENT ON COLUMN @extschema@.lt_message.lease_id IS
    'What the message is completed or failed under.';
COMMENT ON COLUMN @extschema@.lt_message.message_id IS
    'Id of the message: the same in every attempt.';
COMMENT ON COLUMN @extschema@.lt_message.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_message.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_message.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_message.attempt IS 'Which attempt this is, 1 to 5.';
COMMENT ON COLUMN @extschema@.lt_message.email IS 'Address to send to.';
COMMENT ON COLUMN @extschema@.lt_message.subject IS 'Rendered subject, one line.';
COMMENT ON COLUMN @extschema@.lt_message.body_html IS 'Rendered body in HTML.';
COMMENT ON COLUMN @extschema@.lt_message.sender_id IS
    'The account to send from; null: the campaign has no pool.';
COMMENT ON COLUMN @extschema@.lt_message.sender_email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_message.sender_name IS 'Its name; null: it has none.';
COMMENT ON COLUMN @extschema@.lt_message.reply_to IS
    'Where replies go; null: to the address of the sender.';
COMMENT ON COLUMN @extschema@.lt_message.transport IS
    'Which of its transports the worker takes; null: its default.';
COMMENT ON COLUMN @extschema@.lt_message.variant IS
    'Number of the variant, from 1; null: the step has none.';
COMMENT ON COLUMN @extschema@.lt_message.body_text IS
    'Rendered body as text; null: the step has none, and the worker makes it.';
COMMENT ON COLUMN @extschema@.lt_message.headers IS
    'More headers, an object of names and rendered values; null: there are none.';
COMMENT ON COLUMN @extschema@.lt_message.message_references IS
    'Earlier messages of the thread by their ids, oldest first; null: it begins none or a new one.';
COMMENT ON COLUMN @extschema@.lt_message.send_until IS
    'Nothing is to be sent after this time; null: there is no such time.';
COMMENT ON COLUMN @extschema@.lt_message.unsubscribe_url IS
    'The link to unsubscribe; null: the workspace has no address for links.';

CREATE TYPE @extschema@.lt_message_page AS (
    message_id uuid,
    campaign_id uuid,
    step integer,
    lead_id uuid,
    email text,
    due_at timestamptz,
    state text,
    reason text,
    attempt integer,
    lease_id uuid,
    settled_at timestamptz,
    next_after text
);
COMMENT ON TYPE @extschema@.lt_message_page IS 'A message as lt_campaign_messages lists it.';
COMMENT ON COLUMN @extschema@.lt_message_page.message_id IS 'Id of the message.';
COMMENT ON COLUMN @extschema@.lt_message_page.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_message_page.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_message_page.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_message_page.email IS 'Its address; null: the lead was deleted.';
COMMENT ON COLUMN @extschema@.lt_message_page.due_at IS 'When it is, or was, due.';
COMMENT ON COLUMN @extschema@.lt_message_page.state IS
    'queued, retry, leased, sent, failed or skipped, as it is stored.';
COMMENT ON COLUMN @extschema@.lt_message_page.reason IS 'Why it is retry, failed or skipped.';
COMMENT ON COLUMN @extschema@.lt_message_page.attempt IS
    'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN @extschema@.lt_message_page.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN @extschema@.lt_message_page.settled_at IS
    'When its lease was closed, or it was skipped or failed.';
COMMENT ON COLUMN @extschema@.lt_message_page.next_after IS
    'Where to go on after this row.';
-- http: answers that are kept, for requests that are sent again.

-- What failed is not kept: it did nothing.
CREATE TABLE leadterra.answers (
    workspace_id uuid NOT NULL,
    idempotency_key text NOT NULL,
    request_hash bytea NOT NULL,
    answer jsonb,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, idempotency_key)
);
CREATE INDEX answers_by_age ON leadterra.answers (workspace_id, created_at);
SELECT leadterra.add_table('leadterra.answers');
COMMENT ON TABLE leadterra.answers IS
'Answers to requests with an Idempotency-Key, for a day; request_hash is of path and body.';
COMMENT ON COLUMN leadterra.answers.idempotency_key IS
    'The header Idempotency-Key, at most 255 characters.';
COMMENT ON COLUMN leadterra.answers.request_hash IS 'SHA-256 of path and body.';
COMMENT ON COLUMN leadterra.answers.answer IS 'What was answered.';
COMMENT ON COLUMN leadterra.answers.created_at IS 'When it was answered.';

-- A route that was found, with the arguments of its function.
CREATE TYPE leadterra.route AS (
    path text,
    call text,
    scope text,
    allow text,
    names text[],
    types oidvector,
    needed integer
);
COMMENT ON TYPE leadterra.route IS 'A route of leadterra.routes(), for a request.';
COMMENT ON COLUMN leadterra.route.path IS 'The pattern of the path.';
COMMENT ON COLUMN leadterra.route.call IS 'The function that answers.';
COMMENT ON COLUMN leadterra.route.scope IS 'What a key needs.';
COMMENT ON COLUMN leadterra.route.allow IS
    'The methods of the path, where the request has another; else null.';
COMMENT ON COLUMN leadterra.route.names IS 'Names of the arguments of the function.';
COMMENT ON COLUMN leadterra.route.types IS 'Types of its arguments.';
COMMENT ON COLUMN leadterra.route.needed IS 'How many of them have no default.';
-- error: raising the errors of src/error.c from SQL and PL/pgSQL.

CREATE FUNCTION leadterra.raise_error(code text, message text)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_raise_error';

COMMENT ON FUNCTION leadterra.raise_error(text, text) IS
'Raise the error with a stable code, its SQLSTATE and a message.';

CREATE FUNCTION leadterra.limit_entries(name text, count integer)
RETURNS void
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_limit_entries';

COMMENT ON FUNCTION leadterra.limit_entries(text, integer) IS
'Refuse an array argument of more than a million entries

Errors: PT413 too_many_entries.';

CREATE FUNCTION leadterra.row_limit(name text, wanted integer)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_row_limit';

COMMENT ON FUNCTION leadterra.row_limit(text, integer) IS
'Return how many rows an argument asks for, from 1 to 10,000

Errors: PT400 invalid_request.';
-- version: whether the library fits the extension.

CREATE FUNCTION leadterra.require_version()
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_require_version';

COMMENT ON FUNCTION leadterra.require_version() IS
'Raise PT503 version_mismatch unless library and extension are of one version.';
-- uuid7: identifiers that sort by the time at which they were made.

-- The text of a PL/pgSQL body is read when it runs: it names nothing in the schema
-- of the calls, which may have been renamed by then.
CREATE FUNCTION leadterra.uuidv7()
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuidv7';

COMMENT ON FUNCTION leadterra.uuidv7() IS
'Return a UUID that sorts by time: lt_uuidv7 for PL/pgSQL.';

CREATE FUNCTION leadterra.uuid7_time(id uuid)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_uuid7_time';

COMMENT ON FUNCTION leadterra.uuid7_time(uuid) IS
'Return when a UUID of version 7 was made, to the millisecond.';
-- typeid: UUIDs as people see them.

CREATE FUNCTION @extschema@.lt_typeid(prefix text, id uuid)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_typeid';

COMMENT ON FUNCTION @extschema@.lt_typeid(text, uuid) IS
'Return a UUID as a TypeID: a prefix, "_", and 26 characters

TypeIDs with one prefix sort as their UUIDs do (TypeID specification, version 0.3).

Parameters:
- prefix: at most 63 lower-case letters, and underscores between them; an empty one is left
  out with its "_"
- id: the UUID
Returns: the TypeID.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_from_typeid(id text)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_from_typeid';

COMMENT ON FUNCTION @extschema@.lt_from_typeid(text) IS
'Return the UUID of a TypeID, whatever its prefix, or of the text of a UUID

Parameters:
- id: a TypeID, or a UUID as text
Returns: the UUID.
Errors: PT400 invalid_request.';
-- context: the workspace that a call works in, and the keys that open one.

CREATE FUNCTION leadterra.current_workspace()
RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_workspace';

COMMENT ON FUNCTION leadterra.current_workspace() IS
    'Return the workspace that calls work in, or raise PT401 authentication_failed.';

CREATE FUNCTION leadterra.enter(scope text)
RETURNS uuid
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_enter';

COMMENT ON FUNCTION leadterra.enter(text) IS
'Begin a call that needs a scope, and return the workspace

Errors: PT401 authentication_failed, PT403 insufficient_scope.';

CREATE FUNCTION leadterra.see(scope text)
RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_see';

COMMENT ON FUNCTION leadterra.see(text) IS
'Begin to read a view that needs a scope, and return the workspace

Null if there is none. Errors: PT403 insufficient_scope.';

CREATE FUNCTION leadterra.require_read_committed(action text)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'lt_require_read_committed';

COMMENT ON FUNCTION leadterra.require_read_committed(text) IS
'Raise PT409 wrong_isolation unless the transaction is READ COMMITTED.';

CREATE FUNCTION leadterra.random_api_key(workspace uuid)
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_random_api_key';

COMMENT ON FUNCTION leadterra.random_api_key(uuid) IS
'Return a key that nobody has, with a workspace in it.';

CREATE FUNCTION @extschema@.lt_workspace_slot(workspace_id uuid)
RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
BEGIN ATOMIC
    SELECT (get_byte(uuid_send(lt_workspace_slot.workspace_id), 14) & 3) << 8
        | get_byte(uuid_send(lt_workspace_slot.workspace_id), 15);
END;

COMMENT ON FUNCTION @extschema@.lt_workspace_slot(uuid) IS
'Return the slot of a workspace, by which a gateway may tell which database has it

There are 1,024, in which workspaces are spread evenly. The slot is the last two of the 26
digits that API keys and the tokens of links begin with: the low ten bits of the id.

Parameters:
- workspace_id: any id
Returns: the slot, 0 to 1,023.';

CREATE FUNCTION @extschema@.lt_create_workspace(
    name text DEFAULT NULL, workspace_id uuid DEFAULT NULL)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    made uuid := coalesce(lt_create_workspace.workspace_id, leadterra.uuidv7());
BEGIN
    -- The nil UUID is none, and who calls without a workspace makes the default one.
    IF made IN ('00000000-0000-0000-0000-000000000000', '00000000-0000-7000-8000-000000000000') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('workspace "%s" cannot be created', made));
    END IF;
    INSERT INTO leadterra.workspaces (workspace_id, name)
    VALUES (made, lt_create_workspace.name)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('workspace_exists', format('workspace "%s" exists', made));
    END IF;
    RETURN made;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_create_workspace(text, uuid) IS
'Create a workspace

For the owner of the extension.

Parameters:
- name: a name for people; null: none
- workspace_id: its id, for who keeps a map of workspaces; null: a new UUID of version 7
Returns: the id of the workspace.
Errors: PT400 invalid_request (the nil UUID, or that of the default workspace), PT409
workspace_exists.';

CREATE FUNCTION leadterra.lock_workspace(workspace uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT
    FROM leadterra.workspaces w
    WHERE w.workspace_id = lock_workspace.workspace
    FOR NO KEY UPDATE;
END;

COMMENT ON FUNCTION leadterra.lock_workspace(uuid) IS
'Lock a workspace until commit, for what is to be done in it by one session at a time

Calls that do not ask for this lock go on.';

CREATE FUNCTION @extschema@.lt_set_postal_address(address text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_postal_address';

COMMENT ON FUNCTION @extschema@.lt_set_postal_address(text) IS
'Set the postal address of the workspace, which the token {{postalAddress}} shows

Laws such as CAN-SPAM ask for one in commercial mail. In HTML its lines end in <br>.

Parameters:
- address: one or more lines, at most 1,000 bytes; null: the token has no value
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_create_api_key(label text, scopes text[] DEFAULT '{all:all}')
RETURNS text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
    key constant text := leadterra.random_api_key(workspace);
    wrong text;
BEGIN
    IF coalesce(btrim(lt_create_api_key.label, E' \t\n\v\f\r'), '') = '' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'label of an API key must not be null or blank');
    ELSIF coalesce(cardinality(lt_create_api_key.scopes), 0) = 0 THEN
        PERFORM leadterra.raise_error('invalid_request', 'an API key must have a scope');
    END IF;
    SELECT coalesce(s.scope, 'null') INTO wrong
    FROM unnest(lt_create_api_key.scopes) AS s (scope)
    WHERE (s.scope ~ ('^(all|blocklists|campaigns|jobs|leads|lists|messages|replies|senders'
        '|workspaces):(all|create|read|update|delete)$')) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', format('scope "%s" is unknown', wrong));
    END IF;
    INSERT INTO leadterra.workspaces (workspace_id) VALUES (workspace) ON CONFLICT DO NOTHING;
    INSERT INTO leadterra.api_keys (workspace_id, key_id, label, key_hash, scopes)
    VALUES (workspace, leadterra.uuidv7(), lt_create_api_key.label,
        sha256(convert_to(key, 'UTF8')), lt_create_api_key.scopes);
    RETURN key;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_create_api_key(text, text[]) IS
'Create an API key of the current workspace and return it, this once

It is "sk_live_", the workspace in 26 digits, and 43 random ones. Only a hash of it is
stored. For the owner of the extension.

Parameters:
- label: a name for people
- scopes: a resource (blocklists, campaigns, jobs, leads, lists, messages, replies, senders,
  workspaces or all), ":", and an action (create, read, update, delete or all)
Returns: the key.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_revoke_api_key(key_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF lt_revoke_api_key.key_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "key_id" must not be null');
    END IF;
    UPDATE leadterra.api_keys k SET revoked_at = coalesce(k.revoked_at, now())
    WHERE k.workspace_id = leadterra.current_workspace() AND k.key_id = lt_revoke_api_key.key_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('api_key_not_found',
            format('API key "%s" does not exist', lt_revoke_api_key.key_id));
    END IF;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_revoke_api_key(uuid) IS
'Revoke an API key of the current workspace

Transactions that it has opened go on; the next ones are refused. Revoking it again is
harmless. For the owner of the extension.

Parameters:
- key_id: the id of the key, from lt_api_keys
Errors: PT400 invalid_request, PT404 api_key_not_found.';

CREATE FUNCTION @extschema@.lt_authenticate(api_key text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_authenticate';

COMMENT ON FUNCTION @extschema@.lt_authenticate(text) IS
'Open the workspace of an API key until the transaction ends

Calls and views then work in that workspace, with the scopes of the key.

Parameters:
- api_key: the key, as lt_create_api_key returned it
Returns: the id of the workspace.
Errors: PT401 authentication_failed (missing, malformed, unknown or revoked).';

CREATE FUNCTION @extschema@.lt_use_workspace(workspace_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_use_workspace';

COMMENT ON FUNCTION @extschema@.lt_use_workspace(uuid) IS
'Open a workspace without a key, with every scope, until the transaction ends

For trusted roles that were granted it: it opens any workspace.

Parameters:
- workspace_id: the workspace
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION leadterra.require_commit(action text)
RETURNS timestamptz
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'lt_require_commit';

COMMENT ON FUNCTION leadterra.require_commit(text) IS
'Raise 2D000 unless the procedure that calls can commit; return the present.';

-- A TRUNCATE has no rows to follow, so it is refused, as for a table that a
-- foreign key references.
CREATE FUNCTION leadterra.refuse_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'cannot truncate table "%" of extension "leadterra"', TG_TABLE_NAME
        USING ERRCODE = 'feature_not_supported',
              HINT = 'Use DELETE, which takes along what belongs to its rows.';
END;
$$;

COMMENT ON FUNCTION leadterra.refuse_truncate() IS
'Refuse to truncate a table whose rows take others along.';
-- window: windows of time in which campaigns send, and the days of zones.
--
-- What is asked here depends on the time zones of the server, which an update of it may
-- change: so nothing is IMMUTABLE.  Schedules and zones come from rows, and what is wrong
-- with one is PT500 broken_row.

CREATE FUNCTION leadterra.is_zone(zone text)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_zone';

COMMENT ON FUNCTION leadterra.is_zone(text) IS
'Say whether a text is the name of a time zone of IANA that the server has

The letter case does not matter. Rules, such as UTC+3, and names that only some machines
have, such as localtime, are no names of zones.';

CREATE FUNCTION leadterra.zone_day(zone text, at timestamptz)
RETURNS date
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_zone_day';

COMMENT ON FUNCTION leadterra.zone_day(text, timestamptz) IS
'Return the day that it is in a time zone

Days follow each other: a clock that goes back over midnight brings no day again.';

CREATE FUNCTION leadterra.zone_day_start(zone text, day date)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_zone_day_start';

COMMENT ON FUNCTION leadterra.zone_day_start(text, date) IS
'Return when a day begins in a time zone

It is the first time at which the clock shows, or has passed, its midnight. A day that the
clock skips begins with the next one.';

CREATE FUNCTION leadterra.schedule_zone(schedule jsonb)
RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_schedule_zone';

COMMENT ON FUNCTION leadterra.schedule_zone(jsonb) IS
'Return the time zone of the days of a campaign that has a schedule

That of the first of its windows; UTC for a schedule that is null.';

CREATE FUNCTION leadterra.window_opens(schedule jsonb, at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_window_opens';

COMMENT ON FUNCTION leadterra.window_opens(jsonb, timestamptz) IS
'Return the first time from a time on at which a window of a schedule is open

That time itself where one is, or where the schedule is null; infinity: none opens any more.';

CREATE FUNCTION leadterra.window_closes(schedule jsonb, at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_window_closes';

COMMENT ON FUNCTION leadterra.window_closes(jsonb, timestamptz) IS
'Return when the window closes that window_opens() finds

Windows that overlap or touch are one; what is open for longer than eight days is taken to
close then. Null where the schedule is null: it never closes; infinity: none opens any more.';
-- due: when messages are due.
--
-- due_at() is the rule; campaign_heads() and queue_heads() apply it to what waits.
-- Claims, views and calls ask these, and C that has a range in hand asks src/due.c.

CREATE FUNCTION leadterra.due_at(
    waiting_since timestamptz, started_at timestamptz, delay_minutes integer)
RETURNS timestamptz
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_due_at';

COMMENT ON FUNCTION leadterra.due_at(timestamptz, timestamptz, integer) IS
'Return when a message is due

So many minutes after it began to wait or its campaign was started (null: not yet), whichever
is later; infinity where no time is as late.';

-- The first range of each step of a campaign is found by one search of the index.
CREATE FUNCTION leadterra.campaign_heads(
    workspace_id uuid, campaign_id uuid, started_at timestamptz)
RETURNS TABLE (
    step smallint,
    delay_minutes integer,
    due_at timestamptz,
    subject text,
    body_html text,
    body_text text,
    preheader text,
    headers jsonb,
    variants jsonb
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        s.step,
        s.delay_minutes,
        leadterra.due_at(w.waiting_since, campaign_heads.started_at, s.delay_minutes),
        s.subject,
        s.body_html,
        s.body_text,
        s.preheader,
        s.headers,
        s.variants
    FROM (
        SELECT s.*
        FROM leadterra.steps s
        WHERE s.workspace_id = campaign_heads.workspace_id
          AND s.campaign_id = campaign_heads.campaign_id
        OFFSET 0
    ) s
    CROSS JOIN LATERAL (
        SELECT w.waiting_since
        FROM leadterra.waiting w
        WHERE w.workspace_id = campaign_heads.workspace_id
          AND w.campaign_id = campaign_heads.campaign_id AND w.sender_id = leadterra.nobody()
          AND w.step = s.step
        ORDER BY w.waiting_since
        LIMIT 1
    ) w;
END;

COMMENT ON FUNCTION leadterra.campaign_heads(uuid, uuid, timestamptz) IS
'List the steps of a campaign with messages that wait, and when the first of each is due.';

CREATE FUNCTION leadterra.claimable_at(
    workspace_id uuid, campaign_id uuid, step integer, due_at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claimable_at';

COMMENT ON FUNCTION leadterra.claimable_at(uuid, uuid, integer, timestamptz) IS
'Return when a message may be handed out that is due at a time

The window of its campaign is open then, no limit of a day is used up, and a sender is free.
Step 0 stands for what senders go on with, the first of which is looked for.';

-- Two indexes are gone through together, in the order of campaigns: that of what
-- waits, and that of the campaigns that run.  Where one has nothing of a campaign,
-- the other skips it.  So neither the drafts nor the campaigns that have sent
-- everything are read, however many there are.  What senders go on with is behind the
-- rest of its campaign, and stepped over as a whole.  A row is a step of a campaign whose
-- first range was found; or, with step 0, what senders go on with, or the campaign to go
-- on from.
CREATE FUNCTION leadterra.queue_heads(workspace_id uuid)
RETURNS TABLE (campaign_id uuid, step smallint, due_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH RECURSIVE heads AS (
        SELECT
            leadterra.nobody() AS campaign_id,
            leadterra.nobody() AS sender_id,
            0::smallint AS step,
            NULL::timestamptz AS waiting_since,
            NULL::timestamptz AS started_at,
            false AS is_limited
        UNION ALL
        SELECT
            CASE WHEN c.started_at IS NOT NULL THEN w.campaign_id
            ELSE (
                SELECT c.campaign_id
                FROM leadterra.campaigns c
                WHERE c.workspace_id = queue_heads.workspace_id
                  AND c.campaign_id > w.campaign_id AND c.status = 'running'
                ORDER BY c.campaign_id
                LIMIT 1
            ) END,
            CASE WHEN c.started_at IS NULL OR w.sender_id = leadterra.nobody()
                THEN leadterra.nobody()
            ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END,
            CASE WHEN c.started_at IS NOT NULL AND w.sender_id = leadterra.nobody() THEN w.step
            ELSE 0::smallint END,
            w.waiting_since,
            c.started_at,
            c.is_limited
        FROM heads h
        CROSS JOIN LATERAL (
            SELECT w.campaign_id, w.sender_id, w.step, w.waiting_since
            FROM leadterra.waiting w
            WHERE w.workspace_id = queue_heads.workspace_id
              AND (w.campaign_id, w.sender_id, w.step) > (h.campaign_id, h.sender_id, h.step)
            ORDER BY w.campaign_id, w.sender_id, w.step, w.waiting_since
            LIMIT 1
        ) w
        LEFT JOIN LATERAL (
            SELECT
                c.started_at,
                num_nonnulls(c.pool_id, c.schedule, c.daily_limit, c.daily_new_leads) > 0
                    AS is_limited
            FROM leadterra.campaigns c
            WHERE c.workspace_id = queue_heads.workspace_id
              AND c.campaign_id = w.campaign_id AND c.status = 'running'
            OFFSET 0
        ) c ON true
    )
    SELECT h.campaign_id, h.step, d.due_at
    FROM heads h
    CROSS JOIN LATERAL (
        SELECT CASE WHEN h.is_limited
            THEN leadterra.claimable_at(
                queue_heads.workspace_id, h.campaign_id, s.step,
                leadterra.due_at(h.waiting_since, h.started_at, s.delay_minutes))
            ELSE leadterra.due_at(h.waiting_since, h.started_at, s.delay_minutes) END AS due_at
        FROM leadterra.steps s
        WHERE s.workspace_id = queue_heads.workspace_id
          AND s.campaign_id = h.campaign_id AND s.step = h.step
        UNION ALL
        SELECT leadterra.claimable_at(
            queue_heads.workspace_id, h.campaign_id, 0, h.started_at)
        WHERE h.step = 0
    ) d
    WHERE h.started_at IS NOT NULL;
END;

COMMENT ON FUNCTION leadterra.queue_heads(uuid) IS
'List, for each step of running campaigns with messages that wait, when the first is due

Step 0 stands for what senders go on with.';

-- What a campaign without windows, limits and senders says is due, is.
CREATE FUNCTION leadterra.campaign_due(
    workspace_id uuid, campaign_id uuid, started_at timestamptz, is_limited boolean)
RETURNS TABLE (step smallint, due_at timestamptz, claimable_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        h.step,
        h.due_at,
        CASE WHEN campaign_due.is_limited
            THEN leadterra.claimable_at(
                campaign_due.workspace_id, campaign_due.campaign_id, h.step, h.due_at)
            ELSE h.due_at END
    FROM (
        SELECT h.step, h.due_at
        FROM leadterra.campaign_heads(
            campaign_due.workspace_id, campaign_due.campaign_id, campaign_due.started_at) h
        UNION ALL
        (SELECT 0, w.due_at
         FROM leadterra.waiting w
         WHERE w.workspace_id = campaign_due.workspace_id
           AND w.campaign_id = campaign_due.campaign_id AND w.due_at IS NOT NULL
           AND w.sender_id <> leadterra.nobody() AND campaign_due.is_limited
         ORDER BY w.due_at
         LIMIT 1)
    ) h;
END;

COMMENT ON FUNCTION leadterra.campaign_due(uuid, uuid, timestamptz, boolean) IS
'List what waits in a campaign: when the first of each step is due, and may be handed out

Step 0 stands for what senders go on with.';

CREATE FUNCTION leadterra.next_due(workspace_id uuid)
RETURNS TABLE (due_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT least(
        (SELECT min(h.due_at) FROM leadterra.queue_heads(next_due.workspace_id) h),
        (SELECT min(l.expires_at) FROM leadterra.leases l
         WHERE l.workspace_id = next_due.workspace_id AND l.state = 'open'));
END;

COMMENT ON FUNCTION leadterra.next_due(uuid) IS
'Return when the next message of a workspace is due, or the next lease runs out

Null if nothing waits.';

CREATE FUNCTION @extschema@.lt_next_due()
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT n.due_at
    FROM leadterra.enter('messages:read') AS e (workspace_id)
    CROSS JOIN LATERAL leadterra.next_due(e.workspace_id) n;
END;

COMMENT ON FUNCTION @extschema@.lt_next_due() IS
'Return when the next message is due, or the next lease runs out

Returns: a time; one that has passed means that there is work now; null: nothing waits.';

CREATE FUNCTION leadterra.due_workspaces(max integer)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT w.workspace_id, n.due_at
    FROM leadterra.workspaces w
    CROSS JOIN LATERAL leadterra.next_due(w.workspace_id) n
    WHERE n.due_at <= leadterra.clock()
    ORDER BY n.due_at, w.workspace_id
    LIMIT leadterra.row_limit('max', due_workspaces.max);
END;

COMMENT ON FUNCTION leadterra.due_workspaces(integer) IS 'Do what lt_due_workspaces says.';

CREATE FUNCTION @extschema@.lt_due_workspaces(max integer DEFAULT 100)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_due_workspaces';

COMMENT ON FUNCTION @extschema@.lt_due_workspaces(integer) IS
'List workspaces with due messages or leases that ran out

For workers that serve all workspaces, as a role of lt_grant_worker without a workspace.

Parameters:
- max: how many at most, 1 to 10,000
Returns: workspaces and since when something is due, the longest due first.
Errors: PT400 invalid_request.';
-- lease: work that a worker holds for a while, whatever the work is.
--
-- A claim gives work a lease_id and the time at which the lease ends.  What its
-- worker says is taken after require_lease() alone, once the row is locked.  Work
-- that could not be done waits until lease_retry_at(), or has failed where that is null.
-- Work whose lease ran out is counted by lease_lose(), and costs no attempt.

CREATE FUNCTION leadterra.lease_end(now timestamptz, lease_for interval)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_end';

COMMENT ON FUNCTION leadterra.lease_end(timestamptz, interval) IS
'Return when a lease ends that is taken now

Errors: PT400 invalid_request (it lasts at most a week).';

CREATE FUNCTION leadterra.require_lease(lease_id uuid, is_held boolean, expires_at timestamptz)
RETURNS void
LANGUAGE C VOLATILE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_require_lease';

COMMENT ON FUNCTION leadterra.require_lease(uuid, boolean, timestamptz) IS
'Refuse a lease that has run out, or is none

Errors: PT400 invalid_request if it is null; PT409 lease_lost unless it is held, as its locked
row says, and has not run out.';

CREATE FUNCTION leadterra.lease_retry_at(wait_minutes integer[], attempts integer, now timestamptz)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_retry_at';

COMMENT ON FUNCTION leadterra.lease_retry_at(integer[], integer, timestamptz) IS
'Return when work is tried again after so many attempts

The first wait is that after the first attempt. Null if there is no wait left.';

CREATE FUNCTION leadterra.lease_error(error text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_error';

COMMENT ON FUNCTION leadterra.lease_error(text) IS
'Return what is kept of what a worker says went wrong: 1,000 characters.';

CREATE FUNCTION leadterra.lease_lose(losses smallint, others_completed boolean)
RETURNS smallint
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_lose';

COMMENT ON FUNCTION leadterra.lease_lose(smallint, boolean) IS
'Return how often work was lost that was lost so often before, and now once more

Null: it has failed, after six times. It stays at five where no other work of the workspace
was completed since the loss before: all workers seem to die.';

CREATE FUNCTION leadterra.lease_loss(has_failed boolean)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lease_loss';

COMMENT ON FUNCTION leadterra.lease_loss(boolean) IS
'Return what is noted of work that a worker let run out, and that may have failed by that.';
-- suppression: what is not mailed.

CREATE FUNCTION leadterra.blocklists_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.suppressions s USING deleted d
    WHERE s.workspace_id = d.workspace_id AND s.blocklist_id = d.blocklist_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.blocklists_deleted() IS
'Delete the entries of block lists that are deleted.';

CREATE TRIGGER blocklists_deleted AFTER DELETE ON leadterra.blocklists
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.blocklists_deleted();

CREATE FUNCTION @extschema@.lt_suppress(emails text[], reason text DEFAULT 'manual')
RETURNS @extschema@.lt_suppress_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_suppress';

COMMENT ON FUNCTION @extschema@.lt_suppress(text[], text) IS
'Put addresses, domains and wildcards on the suppression list

An entry is an address, a domain ("example.com", that domain alone) or a wildcard
("*.example.com", its subdomains at any depth). Letter case and surrounding white space do
not matter, and a domain is kept in A-labels ("xn--bcher-kva.example"), however it is
spelled. An entry that is on the list keeps its reason and time. What matches no address
that can be enrolled, such as "*@example.com", is no entry. One invalid entry fails the
whole call, and nothing is written.

Parameters:
- emails: at most a million entries
- reason: why, at most 1,000 bytes
Returns: how many were added, how many were there, and both together.
Errors: PT400 invalid_request, PT413 too_many_entries, PT422 invalid_suppressions.';

CREATE FUNCTION @extschema@.lt_unsuppress(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unsuppress';

COMMENT ON FUNCTION @extschema@.lt_unsuppress(text[]) IS
'Take entries off the suppression list

Taking off an address does not undo an entry for its domain. It takes off the hash of the
address too, which is there where the address was forgotten.

Parameters:
- emails: at most a million entries, as they are on the list
Returns: how many were on it.
Errors: PT400 invalid_request, PT413 too_many_entries.';

CREATE FUNCTION leadterra.suppression_keys(email text)
RETURNS text[]
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_suppression_keys';

COMMENT ON FUNCTION leadterra.suppression_keys(text) IS
'List the suppression entries that would match an address, the most specific first.';

CREATE FUNCTION leadterra.hashed_entry(email text)
RETURNS text
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_hashed_entry';

COMMENT ON FUNCTION leadterra.hashed_entry(text) IS
'Return the entry that stands for an address if it is kept as a hash

Null in a workspace that has hashed no address.';

CREATE FUNCTION leadterra.hash_address(workspace uuid, address text)
RETURNS text
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_hash_address';

COMMENT ON FUNCTION leadterra.hash_address(uuid, text) IS
'Return the entry that stands for an address in normal form if it is kept as a hash.';

CREATE FUNCTION @extschema@.lt_is_suppressed(email text)
RETURNS TABLE (entry text, reason text, created_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT s.entry, s.reason, s.created_at
    FROM (SELECT leadterra.enter('blocklists:read') AS workspace_id OFFSET 0) w
    -- The scope comes first, whatever the plan.
    CROSS JOIN LATERAL unnest(CASE WHEN w.workspace_id IS NOT NULL THEN
        leadterra.suppression_keys(lt_is_suppressed.email)
            || leadterra.hashed_entry(lt_is_suppressed.email) END)
        WITH ORDINALITY AS k (entry, rank)
    -- One by one, the first from each on, as in src/suppression.c: by an equation or
    -- a join it may read the whole list where there are no statistics.
    CROSS JOIN LATERAL (
        SELECT s.entry, s.reason, s.created_at
        FROM leadterra.suppressions s
        WHERE s.workspace_id = w.workspace_id AND s.blocklist_id = w.workspace_id
          AND s.entry >= k.entry
        ORDER BY s.entry
        LIMIT 1
    ) s
    WHERE s.entry = k.entry
    ORDER BY k.rank
    LIMIT 1;
END;

COMMENT ON FUNCTION @extschema@.lt_is_suppressed(text) IS
'Return the suppression entry that matches an address

Where several match it is the most specific: the address, then its domain, then the longest
wildcard, then the hash of the address, which is there where it was forgotten, or opted out
of when it was not known any more.

Parameters:
- email: the address
Returns: the entry, its reason and time; no row: the address is not suppressed.
Errors: PT400 invalid_email, PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_create_blocklist(name text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_blocklist';

COMMENT ON FUNCTION @extschema@.lt_create_blocklist(text) IS
'Create a block list beside the default one

lt_add_leads can check an import against it. What is sent is checked against the default
list alone, which is the suppression list.

Parameters:
- name: a name for people, at most 1,000 bytes
Returns: the id of the list.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_delete_blocklist(blocklist_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_blocklist';

COMMENT ON FUNCTION @extschema@.lt_delete_blocklist(uuid) IS
'Delete a block list with its entries

Parameters:
- blocklist_id: the list
Errors: PT400 invalid_request (null, or the default list), PT404 blocklist_not_found.';

CREATE FUNCTION @extschema@.lt_block(
    entries text[], blocklist_id uuid DEFAULT NULL, reason text DEFAULT 'manual')
RETURNS @extschema@.lt_block_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_block';

COMMENT ON FUNCTION @extschema@.lt_block(text[], uuid, text) IS
'Put addresses, domains and wildcards on a block list

Does what lt_suppress does, for any block list. A text that is no entry is counted and
left out, and the result says why.

Parameters:
- entries: at most a million, as in lt_suppress
- blocklist_id: the list; null: the suppression list
- reason: why, at most 1,000 bytes
Returns: how many were added, how many texts are entries, how many are none, and why.
Errors: PT400 invalid_request, PT404 blocklist_not_found, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_unblock(entries text[], blocklist_id uuid DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unblock';

COMMENT ON FUNCTION @extschema@.lt_unblock(text[], uuid) IS
'Take entries off a block list

Parameters:
- entries: at most a million, as they are on the list
- blocklist_id: the list; null: the suppression list
Returns: how many were on it.
Errors: PT400 invalid_request, PT404 blocklist_not_found, PT413 too_many_entries.';

-- It is the person who did that, at whichever address.
CREATE FUNCTION leadterra.hand_over_suppression(
    workspace uuid, source text, source_entry text, heir text, heir_entry text, given_up text[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    SELECT hand_over_suppression.workspace, hand_over_suppression.workspace, t.entry, o.reason
    FROM (
        SELECT s.reason
        FROM unnest(hand_over_suppression.given_up || ARRAY[
            hand_over_suppression.source, hand_over_suppression.source_entry,
            hand_over_suppression.heir, hand_over_suppression.heir_entry]) AS k (entry)
        CROSS JOIN LATERAL (
            SELECT s.entry, s.reason, s.created_at
            FROM leadterra.suppressions s
            WHERE s.workspace_id = hand_over_suppression.workspace
              AND s.blocklist_id = hand_over_suppression.workspace
              AND s.entry >= k.entry
            ORDER BY s.entry
            LIMIT 1
        ) s
        WHERE s.entry = k.entry AND s.reason IN ('unsubscribed', 'complained')
        ORDER BY s.created_at, s.entry
        LIMIT 1
    ) o
    CROSS JOIN unnest(hand_over_suppression.given_up || CASE WHEN hand_over_suppression.heir IS NULL
        THEN ARRAY[hand_over_suppression.source]
        ELSE ARRAY[hand_over_suppression.heir, hand_over_suppression.source_entry] END) AS t (entry)
    WHERE t.entry IS NOT NULL
      -- Where the address itself is there, its hash adds nothing.
      AND NOT (t.entry = hand_over_suppression.source_entry AND EXISTS (
          SELECT FROM leadterra.suppressions s
          WHERE s.workspace_id = hand_over_suppression.workspace
            AND s.blocklist_id = hand_over_suppression.workspace
            AND s.entry = hand_over_suppression.source))
    ORDER BY t.entry COLLATE "C"
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.hand_over_suppression(uuid, text, text, text, text, text[]) IS
'Where either of two leads that are merged has opted out, suppress all their addresses

These are given with the entries of their hashes, and with those of addresses that either
gave up before.';

CREATE FUNCTION leadterra.forget_address(workspace uuid, address text, entry text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    VALUES (workspace, workspace, forget_address.entry, 'forgotten')
    ON CONFLICT DO NOTHING;
    DELETE FROM leadterra.suppressions s
    USING (
        SELECT b.blocklist_id FROM leadterra.blocklists b WHERE b.workspace_id = workspace
        UNION ALL
        SELECT workspace
    ) b
    WHERE s.workspace_id = workspace AND s.blocklist_id = b.blocklist_id AND s.entry = address;
END;
$$;

COMMENT ON FUNCTION leadterra.forget_address(uuid, text, text) IS
'Put the entry of a forgotten address on the suppression list, and take it off all lists.';

CREATE TRIGGER blocklists_truncated BEFORE TRUNCATE ON leadterra.blocklists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();
-- lead: changing and deleting leads.

-- Where a limit is changed the next calls count the leads: see src/lead_limit.c.
CREATE FUNCTION leadterra.lead_limit_set()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.lead_count := NULL;
    NEW.count_mark := NULL;
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION leadterra.lead_limit_set() IS
'Forget how many leads there are: the next call counts them under the new limit.';

CREATE TRIGGER lead_limit_set BEFORE UPDATE OF lead_limit ON leadterra.lead_limits
FOR EACH ROW EXECUTE FUNCTION leadterra.lead_limit_set();

CREATE FUNCTION @extschema@.lt_set_lead_limit(lead_limit bigint)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_lead_limit';

COMMENT ON FUNCTION @extschema@.lt_set_lead_limit(bigint) IS
'Set how many leads the current workspace may have

A call that would make more fails with PT402 plan_limit_reached. Leads that are there stay,
also where they are more. For the owner of the extension.

Parameters:
- lead_limit: the number of leads, from 0; null: any number
Errors: PT400 invalid_request.';

-- Last, for those that make leads wait here too.  Where the number is unknown, this
-- keeps it from being counted meanwhile.
CREATE FUNCTION leadterra.leads_deleted_4_lead_count()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    UPDATE leadterra.lead_limits m SET lead_count = m.lead_count - k.leads
    FROM (SELECT d.workspace_id, count(*) AS leads FROM deleted d GROUP BY d.workspace_id) k
    WHERE m.workspace_id = k.workspace_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_4_lead_count() IS
'Take leads that are deleted off the counter of a workspace with a limit.';

CREATE TRIGGER leads_deleted_4_lead_count AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_4_lead_count();

CREATE FUNCTION leadterra.merge_custom(custom jsonb, patch jsonb)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_merge_custom';

COMMENT ON FUNCTION leadterra.merge_custom(jsonb, jsonb) IS
'Merge a patch into custom fields at the top level: null removes a field (RFC 7396).';

CREATE FUNCTION leadterra.is_verification_status(status integer)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_verification_status';

COMMENT ON FUNCTION leadterra.is_verification_status(integer) IS
'Say whether a number is a verdict on an address, or that one is being waited for.';

CREATE FUNCTION leadterra.lead_fields()
RETURNS TABLE (column_name text, type regtype, name text, alias text)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lead_fields';

COMMENT ON FUNCTION leadterra.lead_fields() IS
'List the standard fields of leads

These are their columns, and their names in lead objects and tokens.';

-- Who locks several leads begins with those that have no address, by id, and goes
-- on in the order of addresses.  A merge gives an address to a lead that had none:
-- who has waited for that one holds it out of its place, lets go of all by the end
-- of a block, and begins again.
CREATE FUNCTION leadterra.begin_again()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a lead was given an address' USING ERRCODE = 'LT001';
END;
$$;

COMMENT ON FUNCTION leadterra.begin_again() IS
'Raise LT001, for a block of locks on leads to begin again

One of them has another place in their order by now.';

CREATE FUNCTION @extschema@.lt_update_lead(email text, patch jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_update_lead';

COMMENT ON FUNCTION @extschema@.lt_update_lead(text, jsonb) IS
'Change fields of one lead

Parameters:
- email: its address, which cannot be changed
- patch: a lead object as in lt_bulk_upsert: an omitted field keeps its value, null clears it
Errors: PT400 invalid_request, PT404 lead_not_found, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_delete_lead(lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_lead';

COMMENT ON FUNCTION @extschema@.lt_delete_lead(uuid) IS
'Delete one lead and take it out of every campaign

The suppression list is not touched.

Parameters:
- lead_id: the lead
Errors: PT400 invalid_request, PT404 lead_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_delete_leads(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_leads';

COMMENT ON FUNCTION @extschema@.lt_delete_leads(text[]) IS
'Delete the leads with these addresses

They leave every campaign. The suppression list is not touched.

Parameters:
- emails: at most a million addresses; those without a lead are passed over
Returns: how many leads there were.
Errors: PT400 invalid_request, PT409 wrong_isolation, PT413 too_many_entries.';

-- Leads are locked in the order in which lt_bulk_upsert locks them, that of
-- addresses, so that the two wait for each other and do not deadlock: see
-- leadterra.begin_again().
CREATE FUNCTION leadterra.set_verification(workspace uuid, lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
DECLARE
    unknown integer;
    verdict record;
    changed integer;
BEGIN
    IF lead_ids IS NULL OR statuses IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null',
                CASE WHEN lead_ids IS NULL THEN 'lead_ids' ELSE 'statuses' END));
    END IF;
    PERFORM
        leadterra.limit_entries('lead_ids', cardinality(lead_ids)),
        leadterra.limit_entries('statuses', cardinality(statuses));
    IF cardinality(lead_ids) <> cardinality(statuses) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('arguments "lead_ids" and "statuses" must be of one length, not %s and %s',
                cardinality(lead_ids), cardinality(statuses)));
    END IF;
    PERFORM FROM unnest(lead_ids) AS u (lead_id) WHERE u.lead_id IS NULL;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lead_ids" must not have nulls');
    END IF;
    SELECT u.status INTO unknown
    FROM unnest(statuses) AS u (status)
    WHERE NOT leadterra.is_verification_status(u.status)
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('verification status "%s" is unknown', unknown));
    END IF;

    -- One row may be asked for in the order of ids, and sorting is off, because a
    -- plan from when the table was small may find a lead by "=" through the index
    -- of addresses, reading all leads of the workspace.
    LOOP
        BEGIN
            changed := 0;
            FOR verdict IN
                SELECT l.tid, v.status
                FROM (
                    SELECT u.lead_id, u.status, l.email
                    FROM (
                        SELECT DISTINCT ON (u.lead_id) u.lead_id, u.status
                        FROM unnest(lead_ids, statuses) WITH ORDINALITY
                            AS u (lead_id, status, number)
                        ORDER BY u.lead_id, u.number DESC
                    ) u
                    CROSS JOIN LATERAL (
                        SELECT l.email, l.verification_status
                        FROM leadterra.leads l
                        WHERE l.workspace_id = workspace
                          AND l.lead_id BETWEEN u.lead_id AND u.lead_id
                        ORDER BY l.lead_id
                        LIMIT 1
                    ) l
                    WHERE l.verification_status IS DISTINCT FROM u.status
                    ORDER BY l.email NULLS FIRST, u.lead_id
                    OFFSET 0
                ) v
                CROSS JOIN LATERAL (
                    SELECT l.ctid AS tid, l.email, l.verification_status
                    FROM leadterra.leads l
                    WHERE l.workspace_id = workspace AND l.lead_id BETWEEN v.lead_id AND v.lead_id
                    ORDER BY l.lead_id
                    LIMIT 1
                    FOR NO KEY UPDATE
                ) l
                WHERE CASE WHEN l.email IS DISTINCT FROM v.email THEN leadterra.begin_again()
                    ELSE l.verification_status IS DISTINCT FROM v.status END
            LOOP
                UPDATE leadterra.leads l
                SET verification_status = verdict.status, updated_at = now()
                WHERE l.workspace_id = workspace AND l.ctid = verdict.tid;
                changed := changed + 1;
            END LOOP;
            RETURN changed;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.set_verification(uuid, uuid[], integer[]) IS
'Do what lt_set_verification says, in a workspace.';

CREATE FUNCTION @extschema@.lt_set_verification(lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_verification';

COMMENT ON FUNCTION @extschema@.lt_set_verification(uuid[], integer[]) IS
'Set the verification statuses of leads

A claim skips messages to invalid addresses. The other statuses hold nothing back.

Parameters:
- lead_ids: at most a million leads; of an id that is repeated the last counts, and ids
  without a lead are passed over
- statuses: one for each: 1 (verified), 11 (pending), 12 (pending job), -1 (invalid), -2
  (risky), -3 (catch-all), -4 (job change) or null (unknown)
Returns: how many were changed.
Errors: PT400 invalid_request, PT413 too_many_entries.';

CREATE TRIGGER leads_truncated BEFORE TRUNCATE ON leadterra.leads
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE FUNCTION leadterra.lock_lead(workspace uuid, lead_id uuid)
RETURNS leadterra.leads
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    found_lead leadterra.leads;
BEGIN
    -- In the order of ids for their index to be used: see lt_set_verification.
    SELECT l.* INTO found_lead
    FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id BETWEEN lock_lead.lead_id AND lock_lead.lead_id
    ORDER BY l.lead_id
    LIMIT 1
    FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('lead_not_found',
            format('lead "%s" does not exist', lock_lead.lead_id));
    END IF;
    RETURN found_lead;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_lead(uuid, uuid) IS
'Lock a lead to delete it and return it, or raise PT404 lead_not_found.';

CREATE FUNCTION leadterra.lock_lead(workspace uuid, email text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    found_id uuid;
BEGIN
    -- One that is gone may have given its address to another.
    LOOP
        SELECT l.lead_id INTO found_id
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.email = lock_lead.email
        FOR UPDATE;
        EXIT WHEN FOUND;
        PERFORM FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.email = lock_lead.email;
        EXIT WHEN NOT FOUND;
    END LOOP;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_lead(uuid, text) IS
'Lock the lead with an address to delete it and return its id; null if there is none.';

-- Planned for each call: a plan that was kept from small tables may take the other
-- index of leads, and read all of them for each.
CREATE FUNCTION leadterra.keep_leads(workspace uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- In the order in which calls lock leads: see leadterra.begin_again().
    LOOP
        BEGIN
            RETURN ARRAY(
                SELECT k.lead_id
                FROM (
                    SELECT u.lead_id, l.email
                    FROM unnest(lead_ids) AS u (lead_id)
                    CROSS JOIN LATERAL (
                        SELECT l.email
                        FROM leadterra.leads l
                        WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
                        OFFSET 0
                    ) l
                    ORDER BY l.email NULLS FIRST, u.lead_id
                    OFFSET 0
                ) o
                CROSS JOIN LATERAL (
                    SELECT l.lead_id, l.email
                    FROM leadterra.leads l
                    WHERE l.workspace_id = workspace AND l.lead_id = o.lead_id
                    FOR KEY SHARE
                ) k
                WHERE CASE WHEN k.email IS DISTINCT FROM o.email THEN leadterra.begin_again()
                    ELSE true END);
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.keep_leads(uuid, uuid[]) IS
'Keep leads from being deleted until commit, and return those that there are.';

CREATE FUNCTION leadterra.not_blank(given text, fallback text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN btrim(not_blank.given, E' \t\n\v\f\r') <> '' THEN not_blank.given
        ELSE coalesce(not_blank.fallback, not_blank.given) END;
END;

COMMENT ON FUNCTION leadterra.not_blank(text, text) IS
'Return a text, or another one where it has nothing to read.';

CREATE FUNCTION leadterra.absorb_lead(workspace uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_absorb_lead';

COMMENT ON FUNCTION leadterra.absorb_lead(uuid, uuid, uuid) IS
'Give what a lead has to another where that has nothing, and delete it; both are locked.';

CREATE FUNCTION leadterra.delete_lead(workspace uuid, lead_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id = delete_lead.lead_id;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_lead(uuid, uuid) IS 'Delete a lead of a workspace.';
-- heir: what becomes of merged leads.

CREATE FUNCTION leadterra.hand_over_heirs(workspace uuid, source uuid, heir uuid, entry text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    -- Where the source had the address of one that it is the heir of, that is given up now.
    UPDATE leadterra.lead_heirs h
    SET heir_id = heir, entry = coalesce(h.entry, hand_over_heirs.entry)
    WHERE h.workspace_id = workspace AND h.heir_id = source;
    INSERT INTO leadterra.lead_heirs (workspace_id, lead_id, heir_id, entry)
    VALUES (workspace, source, heir, hand_over_heirs.entry)
    ON CONFLICT (workspace_id, lead_id) DO UPDATE
    SET heir_id = excluded.heir_id, entry = excluded.entry;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_heirs(uuid, uuid, uuid, text) IS
'Let a lead be the heir of another, which is about to be deleted, and of those it is the heir of

The entry stands for the address that is given up; null: none is.';

CREATE FUNCTION leadterra.merged_leads(workspace uuid, heir uuid)
RETURNS TABLE (lead_id uuid, entry text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    SELECT h.lead_id, h.entry
    FROM leadterra.lead_heirs h
    WHERE h.workspace_id = merged_leads.workspace
      AND h.heir_id BETWEEN merged_leads.heir AND merged_leads.heir
    ORDER BY h.heir_id;
END;

COMMENT ON FUNCTION leadterra.merged_leads(uuid, uuid) IS
'List the leads that became part of a lead.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_3_heirs()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.lead_heirs h USING deleted d
    WHERE h.workspace_id = d.workspace_id AND h.heir_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_3_heirs() IS
'Delete what leads to leads that are deleted.';

CREATE TRIGGER leads_deleted_3_heirs AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_3_heirs();
-- list: lists and their members.

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_2_list_members()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    WITH doomed AS (
        SELECT m.*
        FROM (SELECT d.workspace_id, d.lead_id FROM deleted d ORDER BY d.workspace_id, d.lead_id) k
        CROSS JOIN LATERAL (
            SELECT m.workspace_id, m.list_id, m.lead_id
            FROM leadterra.list_members m
            WHERE m.workspace_id = k.workspace_id AND m.lead_id = k.lead_id
            ORDER BY m.list_id
            FOR UPDATE
        ) m
    )
    DELETE FROM leadterra.list_members m
    USING doomed d
    WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id AND m.lead_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_2_list_members() IS
'Take leads that are deleted off every list.';

CREATE TRIGGER leads_deleted_2_list_members AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_2_list_members();

CREATE FUNCTION leadterra.lists_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting lists');
    -- In the order in which deleting leads locks them, whatever that of the rows.
    PERFORM FROM leadterra.list_members m
    JOIN deleted d ON d.workspace_id = m.workspace_id AND d.list_id = m.list_id
    ORDER BY m.lead_id, m.list_id
    FOR UPDATE OF m;
    DELETE FROM leadterra.list_members m USING deleted d
    WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.lists_deleted() IS 'Delete the members of lists that are deleted.';

CREATE TRIGGER lists_deleted AFTER DELETE ON leadterra.lists
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.lists_deleted();

CREATE FUNCTION leadterra.enter_list(scope text, list_id uuid)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_list';

COMMENT ON FUNCTION leadterra.enter_list(text, uuid) IS
'Begin a call on a list that needs a scope, and return the list

Errors: those of leadterra.enter, PT404 list_not_found.';

CREATE FUNCTION leadterra.keep_list(workspace uuid, list_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_keep_list';

COMMENT ON FUNCTION leadterra.keep_list(uuid, uuid) IS
'Keep a list of a workspace from being deleted until commit, or raise PT404 list_not_found.';

CREATE FUNCTION leadterra.add_to_list(workspace uuid, list_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)
    SELECT add_to_list.workspace, add_to_list.list_id, u.lead_id
    FROM unnest(add_to_list.lead_ids) AS u (lead_id)
    ORDER BY u.lead_id
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.add_to_list(uuid, uuid, uuid[]) IS
'Put leads on a list, unless they are on it.';

CREATE FUNCTION leadterra.remove_from_list(workspace uuid, list_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- Locked in one order, so that two calls do not deadlock.
    PERFORM FROM leadterra.list_members m
    WHERE m.workspace_id = workspace AND m.list_id = remove_from_list.list_id
      AND m.lead_id = ANY (lead_ids)
    ORDER BY m.lead_id
    FOR UPDATE;
    DELETE FROM leadterra.list_members m
    WHERE m.workspace_id = workspace AND m.list_id = remove_from_list.list_id
      AND m.lead_id = ANY (lead_ids);
END;
$$;

COMMENT ON FUNCTION leadterra.remove_from_list(uuid, uuid, uuid[]) IS
'Take leads off a list.';

CREATE FUNCTION leadterra.hand_over_lists(workspace uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id, added_at)
    SELECT hand_over_lists.workspace, m.list_id, hand_over_lists.heir, m.added_at
    FROM leadterra.list_members m
    WHERE m.workspace_id = hand_over_lists.workspace AND m.lead_id = hand_over_lists.source
    ORDER BY m.list_id
    ON CONFLICT DO NOTHING;
END;

COMMENT ON FUNCTION leadterra.hand_over_lists(uuid, uuid, uuid) IS
'Put a lead on the lists that another is on, unless it is on them.';

CREATE FUNCTION @extschema@.lt_create_list(name text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_list';

COMMENT ON FUNCTION @extschema@.lt_create_list(text) IS
'Create a list of leads

Parameters:
- name: a name for people, at most 1,000 bytes
Returns: the id of the list.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_delete_list(list_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_list';

COMMENT ON FUNCTION @extschema@.lt_delete_list(uuid) IS
'Delete a list

Its leads stay in the workspace and in their campaigns.

Parameters:
- list_id: the list
Errors: PT400 invalid_request, PT404 list_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_remove_from_list(list_id uuid, lead_ids uuid[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_remove_from_list';

COMMENT ON FUNCTION @extschema@.lt_remove_from_list(uuid, uuid[]) IS
'Take leads off a list

The leads stay in the workspace, and their enrollments are not touched.

Parameters:
- list_id: the list
- lead_ids: at most a million leads
Returns: how many were on it.
Errors: PT400 invalid_request, PT404 list_not_found, PT413 too_many_entries.';

-- A plan that is kept, by a caller that has it inlined or by the server since 18,
-- may be from when tables were empty, and read all leads for each.
CREATE FUNCTION @extschema@.lt_list_leads(
    list_id uuid,
    after uuid DEFAULT NULL,
    max_leads integer DEFAULT 100)
RETURNS TABLE (
    lead_id uuid,
    email text,
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
    custom jsonb,
    added_at timestamptz
)
LANGUAGE sql STABLE PARALLEL UNSAFE
SET plan_cache_mode = force_custom_plan
BEGIN ATOMIC
    SELECT
        l.lead_id, l.email, l.first_name, l.last_name, l.company, l.job_title, l.phone, l.website,
        l.personalization, l.lead_value, l.interest_status, l.assigned_to, l.verification_status,
        l.custom, m.added_at
    -- First of all, whatever the plan.
    FROM (SELECT leadterra.enter_list('leads:read', lt_list_leads.list_id) AS list_id OFFSET 0) r
    CROSS JOIN LATERAL (
        SELECT m.lead_id, m.added_at
        FROM leadterra.list_members m
        WHERE m.workspace_id = leadterra.current_workspace()
          AND m.list_id = r.list_id
          AND m.lead_id > coalesce(lt_list_leads.after, '00000000-0000-0000-0000-000000000000')
        ORDER BY m.lead_id
        LIMIT leadterra.row_limit('max_leads', lt_list_leads.max_leads)
    ) m
    CROSS JOIN LATERAL (
        SELECT l.*
        FROM leadterra.leads l
        WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = m.lead_id
        OFFSET 0
    ) l
    ORDER BY m.lead_id;
END;

COMMENT ON FUNCTION @extschema@.lt_list_leads(uuid, uuid, integer) IS
'List the leads of a list, a page at a time

Parameters:
- list_id: the list
- after: the last lead_id of the page before; null: from the first lead
- max_leads: how many at most, 1 to 10,000
Returns: leads in the order of their ids. A page that is not full is the last.
Errors: PT400 invalid_request, PT404 list_not_found.';

CREATE TRIGGER lists_truncated BEFORE TRUNCATE ON leadterra.lists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();
-- enrollment: which lead is in which campaign, and what goes with leads and campaigns.

-- Triggers stand in for foreign keys.  From enrollments and batches, those would
-- nearly double the cost of enrolling; and pg_restore in parallel loads the tables of
-- an extension in any order.  Each domain has a trigger for its own tables, and the
-- triggers of one table run, and lock, in the order of the numbers in their names.
-- Those of enrollments are the first.  They look for enrollments that were committed
-- after the statement's snapshot, hence READ COMMITTED, and lock them by campaign and
-- lead, so that two deletions do not deadlock.  Enrollments are found by campaign and
-- lead too, one look-up for each pair: an index by lead would cost every enrollment,
-- and deletions are few.
CREATE FUNCTION leadterra.leads_deleted_1_enrollments()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting leads');
    WITH doomed AS (
        SELECT e.*
        FROM (
            SELECT d.workspace_id, c.campaign_id, d.lead_id
            FROM deleted d
            JOIN leadterra.campaigns c ON c.workspace_id = d.workspace_id
            ORDER BY c.campaign_id, d.lead_id
        ) k
        CROSS JOIN LATERAL (
            SELECT e.workspace_id, e.campaign_id, e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = k.workspace_id AND e.campaign_id = k.campaign_id
              AND e.lead_id = k.lead_id
            FOR UPDATE
        ) e
    ), gone AS (
        DELETE FROM leadterra.enrollments e
        USING doomed d
        WHERE e.workspace_id = d.workspace_id
          AND e.campaign_id = d.campaign_id
          AND e.lead_id = d.lead_id
        RETURNING e.workspace_id, e.campaign_id, e.lead_id
    )
    INSERT INTO leadterra.deletions (workspace_id, campaign_id, lead_ids)
    SELECT workspace_id, campaign_id, array_agg(lead_id)
    FROM gone
    GROUP BY workspace_id, campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_1_enrollments() IS
'Delete the enrollments of leads that are deleted, and note which they were.';

CREATE TRIGGER leads_deleted_1_enrollments AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_1_enrollments();

CREATE FUNCTION leadterra.campaigns_deleted_1_enrollments()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting campaigns');
    PERFORM FROM leadterra.enrollments e
    JOIN deleted d ON d.workspace_id = e.workspace_id AND d.campaign_id = e.campaign_id
    ORDER BY e.campaign_id, e.lead_id
    FOR UPDATE OF e;
    DELETE FROM leadterra.enrollments e USING deleted d
    WHERE e.workspace_id = d.workspace_id AND e.campaign_id = d.campaign_id;
    -- Whoever was deleting leads of it has ended.
    DELETE FROM leadterra.deletions x USING deleted d
    WHERE x.workspace_id = d.workspace_id AND x.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_1_enrollments() IS
'Delete the enrollments of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_1_enrollments AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_1_enrollments();

CREATE FUNCTION leadterra.lock_enrollments(workspace uuid, lead_id uuid)
RETURNS SETOF uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT c.campaign_id
    FROM (
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = lock_enrollments.workspace
        ORDER BY c.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT
        FROM leadterra.enrollments e
        WHERE e.workspace_id = lock_enrollments.workspace AND e.campaign_id = c.campaign_id
          AND e.lead_id = lock_enrollments.lead_id
        FOR UPDATE
    ) e;
END;

COMMENT ON FUNCTION leadterra.lock_enrollments(uuid, uuid) IS
'Lock the enrollments of a lead, by campaign, and return the campaigns.';

CREATE FUNCTION leadterra.remove_enrollments(workspace uuid, campaign_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- Locked in one order, so that two calls do not deadlock.
    PERFORM FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = remove_enrollments.campaign_id
      AND e.lead_id = ANY (lead_ids) AND e.status = 'active'
    ORDER BY e.lead_id
    FOR NO KEY UPDATE;
    UPDATE leadterra.enrollments e SET status = 'removed'
    WHERE e.workspace_id = workspace AND e.campaign_id = remove_enrollments.campaign_id
      AND e.lead_id = ANY (lead_ids) AND e.status = 'active';
END;
$$;

COMMENT ON FUNCTION leadterra.remove_enrollments(uuid, uuid, uuid[]) IS
'Take leads that are active in a campaign out of it.';

CREATE FUNCTION leadterra.hand_over_enrollment(
    workspace uuid, campaign_id uuid, source uuid, heir uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, status, enrolled_at)
    SELECT workspace, e.campaign_id, heir, e.status, e.enrolled_at
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id
      AND e.lead_id = source
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- It is the person who did that.
    UPDATE leadterra.enrollments e SET status = s.status
    FROM leadterra.enrollments s
    WHERE s.workspace_id = workspace AND s.campaign_id = hand_over_enrollment.campaign_id
      AND s.lead_id = source AND s.status IN ('replied', 'unsubscribed')
      AND e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id
      AND e.lead_id = heir AND e.status = 'active';
    RETURN false;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_enrollment(uuid, uuid, uuid, uuid) IS
'Enroll a lead in the state of another, which is about to be deleted

Returns true; false where it was enrolled: then it has replied or unsubscribed if the other
has.';

-- Of a status that few have, most of what is looked at is passed over: the last row says
-- how far the page looked.  An index has those that ended.
CREATE FUNCTION @extschema@.lt_campaign_leads(
    campaign_id uuid,
    status text DEFAULT NULL,
    after uuid DEFAULT NULL,
    max_leads integer DEFAULT 100
)
RETURNS SETOF @extschema@.lt_lead_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    campaign CONSTANT uuid := leadterra.enter_campaign('leads:read', lt_campaign_leads.campaign_id);
    workspace CONSTANT uuid := leadterra.current_workspace();
    wanted CONSTANT integer := leadterra.row_limit('max_leads', lt_campaign_leads.max_leads);
    start CONSTANT uuid :=
        coalesce(lt_campaign_leads.after, '00000000-0000-0000-0000-000000000000');
    only_status CONSTANT text := lt_campaign_leads.status;
    look_at CONSTANT integer :=
        CASE WHEN only_status = 'active' THEN greatest(wanted, 1000) ELSE wanted END;
    seen uuid[];
    found bigint;
BEGIN
    IF only_status NOT IN ('active', 'replied', 'bounced', 'unsubscribed', 'removed') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('status "%s" is not one of an enrollment', only_status));
    END IF;
    IF only_status <> 'active' THEN
        SELECT array_agg(e.lead_id) INTO seen
        FROM (
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign
              AND e.status = only_status AND e.status <> 'active' AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at
        ) e;
    ELSE
        SELECT array_agg(e.lead_id) INTO seen
        FROM (
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at
        ) e;
    END IF;
    RETURN QUERY
    SELECT e.lead_id, l.email, l.first_name, l.last_name, l.company,
        e.status, e.enrolled_at, e.lead_id
    FROM unnest(seen) WITH ORDINALITY AS u (lead_id, number)
    CROSS JOIN LATERAL (
        SELECT e.lead_id, e.status, e.enrolled_at
        FROM leadterra.enrollments e
        WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id = u.lead_id
          AND (only_status IS NULL OR e.status = only_status)
        OFFSET 0
    ) e
    CROSS JOIN LATERAL (
        SELECT l.email, l.first_name, l.last_name, l.company
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
        OFFSET 0
    ) l
    ORDER BY u.number
    LIMIT wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found < wanted AND cardinality(seen) = look_at THEN
        RETURN QUERY
        SELECT NULL::uuid, NULL, NULL, NULL, NULL, NULL, NULL::timestamptz, seen[look_at];
    END IF;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_campaign_leads(uuid, text, uuid, integer) IS
'List the leads of a campaign, a page at a time

A page reads little, however large the campaign is: it stops after a bounded number of
leads with another status. Then it is shorter than asked, and its last row is null but for
next_after.

Parameters:
- campaign_id: the campaign
- status: active, replied, bounced, unsubscribed or removed; null: all
- after: next_after of the last row of the page before; null: from the first lead
- max_leads: how many at most, 1 to 10,000
Returns: leads in the order of their ids. No row means that there are no more.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_lead_campaigns(lead_id uuid)
RETURNS TABLE (
    campaign_id uuid,
    name text,
    campaign_status text,
    status text,
    enrolled_at timestamptz
)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    workspace uuid;
BEGIN
    PERFORM leadterra.enter('leads:read');
    workspace := leadterra.current_workspace();
    PERFORM FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id = lt_lead_campaigns.lead_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('lead_not_found',
            format('lead "%s" does not exist', lt_lead_campaigns.lead_id));
    END IF;
    RETURN QUERY
    SELECT c.campaign_id, c.name, c.status, e.status, e.enrolled_at
    FROM leadterra.campaigns c
    CROSS JOIN LATERAL (
        SELECT e.status, e.enrolled_at
        FROM leadterra.enrollments e
        WHERE e.workspace_id = workspace AND e.campaign_id = c.campaign_id
          AND e.lead_id = lt_lead_campaigns.lead_id
        OFFSET 0
    ) e
    WHERE c.workspace_id = workspace
    ORDER BY e.enrolled_at DESC, c.campaign_id DESC;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_lead_campaigns(uuid) IS
'List the campaigns that a lead is or was in, the latest first

lt_explain_lead tells of the messages of one of them.

Parameters:
- lead_id: the lead
Returns: a row a campaign.
Errors: PT400 invalid_request, PT404 lead_not_found.';
-- queue: batches and the messages in them.

CREATE FUNCTION leadterra.message_id(batch_id uuid, "position" bigint)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_id';

COMMENT ON FUNCTION leadterra.message_id(uuid, bigint) IS
'Return the id of the message at a position, from 1, of a batch.';

CREATE FUNCTION leadterra.enter_message(
    scope text, message_id uuid,
    OUT campaign_id uuid, OUT step integer, OUT batch_id uuid, OUT "position" integer,
    OUT lead_id uuid)
RETURNS record
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_message';

COMMENT ON FUNCTION leadterra.enter_message(text, uuid) IS
'Begin a call on a message that needs a scope, and return what the message is about

Errors: those of leadterra.enter, PT404 message_not_found.';

CREATE FUNCTION leadterra.count_members(
    lead_ids uuid[], least_lead_id uuid, greatest_lead_id uuid, first integer, last integer,
    members uuid[], more_members uuid[] DEFAULT NULL)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_count_members';

COMMENT ON FUNCTION leadterra.count_members(uuid[], uuid, uuid, integer, integer, uuid[], uuid[]) IS
'Count the leads of a batch from one position to another that are in either of two sorted arrays

The ids of the batch are read only where one of the arrays has an id between the least and
the greatest of them. None are counted where a list is no plain list of ids.';

-- A claim leaves a range as it is, and notes in the lease how far it is used.
CREATE VIEW leadterra.waiting_ranges WITH (security_invoker = true) AS
SELECT w.*, x.unused
FROM leadterra.waiting w
CROSS JOIN LATERAL (
    SELECT coalesce(max(l.partial_last) + 1, w.first) AS unused
    FROM leadterra.leases l
    WHERE l.workspace_id = w.workspace_id AND l.partial_range_id = w.range_id AND w.first < w.last
) x;
COMMENT ON VIEW leadterra.waiting_ranges IS
'Ranges of all workspaces that wait, and how far workers have had them.';
COMMENT ON COLUMN leadterra.waiting_ranges.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.waiting_ranges.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.waiting_ranges.sender_id IS
    'The sender that goes on with it; all zeros: none.';
COMMENT ON COLUMN leadterra.waiting_ranges.step IS 'The step.';
COMMENT ON COLUMN leadterra.waiting_ranges.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.waiting_ranges.range_id IS 'Id of the range.';
COMMENT ON COLUMN leadterra.waiting_ranges.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.waiting_ranges.first IS 'First position in the batch, from 1.';
COMMENT ON COLUMN leadterra.waiting_ranges.last IS 'Last position in the batch.';
COMMENT ON COLUMN leadterra.waiting_ranges.attempt IS 'The attempt to come, 1 to 5.';
COMMENT ON COLUMN leadterra.waiting_ranges.error IS 'Why it waits again; null: it does not.';
COMMENT ON COLUMN leadterra.waiting_ranges.tried_at IS
    'When it first failed or was deferred; null: it never did.';
COMMENT ON COLUMN leadterra.waiting_ranges.losses IS 'Leases in a row that had it and ran out.';
COMMENT ON COLUMN leadterra.waiting_ranges.lost_at IS 'When the last of these ran out.';
COMMENT ON COLUMN leadterra.waiting_ranges.due_at IS
    'When it is due, but for windows and limits; null: nobody has begun with it.';
COMMENT ON COLUMN leadterra.waiting_ranges.unused IS 'First position that no worker has had.';

-- The planner puts its text in the place of a call.
CREATE FUNCTION leadterra.count_held_back(
    workspace_id uuid, batch_id uuid, first integer, last integer,
    ended_lead_ids uuid[], invalid_lead_ids uuid[], deleted_lead_ids uuid[])
RETURNS TABLE (skipped integer, deleted integer)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        leadterra.count_members(
            b.lead_ids, b.least_lead_id, b.greatest_lead_id,
            count_held_back.first, count_held_back.last,
            count_held_back.ended_lead_ids, count_held_back.invalid_lead_ids),
        leadterra.count_members(
            b.lead_ids, b.least_lead_id, b.greatest_lead_id,
            count_held_back.first, count_held_back.last,
            count_held_back.deleted_lead_ids)
    FROM leadterra.batches b
    WHERE b.workspace_id = count_held_back.workspace_id AND b.batch_id = count_held_back.batch_id
      AND (count_held_back.ended_lead_ids IS NOT NULL
        OR count_held_back.invalid_lead_ids IS NOT NULL
        OR count_held_back.deleted_lead_ids IS NOT NULL);
END;

COMMENT ON FUNCTION
    leadterra.count_held_back(uuid, uuid, integer, integer, uuid[], uuid[], uuid[]) IS
'Count the messages from one position of a batch to another that are never sent

Returns: those that will be skipped, of leads whose sequence has ended or whose address is
invalid, and those of leads that were deleted; no row where none of these lists has any.';

CREATE FUNCTION leadterra.enqueue(
    workspace uuid, campaign_id uuid, step integer, waiting_since timestamptz, lead_id uuid,
    sender_id uuid DEFAULT leadterra.nobody(), due_at timestamptz DEFAULT '-infinity')
RETURNS uuid
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enqueue';

COMMENT ON FUNCTION leadterra.enqueue(
    uuid, uuid, integer, timestamptz, uuid, uuid, timestamptz) IS
'Queue a step of a campaign for one lead, whose delay runs from a time, and return the batch

Where a sender goes on with it, it says when that is due; a sender of all zeros is none.';
-- queue: what goes with campaigns, leads and time.

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_2_queue()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    -- Leases first: whoever settles one may just be making a batch.
    DELETE FROM leadterra.leases l USING deleted d
    WHERE l.workspace_id = d.workspace_id AND l.campaign_id = d.campaign_id;
    DELETE FROM leadterra.waiting w USING deleted d
    WHERE w.workspace_id = d.workspace_id AND w.campaign_id = d.campaign_id;
    DELETE FROM leadterra.exceptions x USING deleted d
    WHERE x.workspace_id = d.workspace_id AND x.campaign_id = d.campaign_id;
    -- Whoever records an event of a message keeps its batch, and is waited for here.
    DELETE FROM leadterra.batches b USING deleted d
    WHERE b.workspace_id = d.workspace_id AND b.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_2_queue() IS
'Delete what is queued of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_2_queue AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_2_queue();

CREATE FUNCTION leadterra.lock_waiting(
    workspace uuid,
    campaign_id uuid,
    sender_id uuid,
    step integer,
    waiting_since timestamptz,
    batch_id uuid,
    "position" bigint)
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT w.due_at
    FROM leadterra.waiting w
    WHERE w.workspace_id = lock_waiting.workspace AND w.campaign_id = lock_waiting.campaign_id
      AND w.sender_id = lock_waiting.sender_id
      AND w.step = lock_waiting.step AND w.waiting_since = lock_waiting.waiting_since
      AND w.batch_id = lock_waiting.batch_id AND lock_waiting."position" BETWEEN w.first AND w.last
    FOR UPDATE;
END;

COMMENT ON FUNCTION leadterra.lock_waiting(
    uuid, uuid, uuid, integer, timestamptz, uuid, bigint) IS
'Lock the range that a message waits in, which claims step over from then on

Returns when it is due for its sender, null where it has none.';

CREATE FUNCTION leadterra.hand_over_exception(
    workspace uuid,
    campaign_id uuid,
    step integer,
    waiting_since timestamptz,
    batch_id uuid,
    source uuid,
    heir uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.waiting w
    WHERE w.workspace_id = workspace AND w.campaign_id = hand_over_exception.campaign_id
      AND w.sender_id = leadterra.nobody() AND w.step = hand_over_exception.step
      AND w.waiting_since = hand_over_exception.waiting_since
      AND w.range_id = hand_over_exception.batch_id;
    INSERT INTO leadterra.exceptions (
        workspace_id, campaign_id, lead_id, step, batch_id, "position",
        state, reason, attempt, created_at)
    SELECT workspace, x.campaign_id, heir, x.step, hand_over_exception.batch_id, 1,
        x.state, x.reason, x.attempt, leadterra.clock()
    FROM leadterra.exceptions x
    WHERE x.workspace_id = workspace AND x.campaign_id = hand_over_exception.campaign_id
      AND x.lead_id = source AND x.step = hand_over_exception.step;
    DELETE FROM leadterra.exceptions x
    WHERE x.workspace_id = workspace AND x.campaign_id = hand_over_exception.campaign_id
      AND x.lead_id = source;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_exception(
    uuid, uuid, integer, timestamptz, uuid, uuid, uuid) IS
'Let a lead have what kept the message to another from being sent

A batch of one was queued for it.';

CREATE FUNCTION leadterra.move_waiting(workspace uuid, sender_id uuid, heir_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    UPDATE leadterra.waiting w
    SET sender_id = coalesce(move_waiting.heir_id, leadterra.nobody()),
        due_at = CASE WHEN move_waiting.heir_id IS NOT NULL THEN w.due_at END
    FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND w.workspace_id = workspace
      AND w.campaign_id = c.campaign_id AND w.sender_id = move_waiting.sender_id;
END;
$$;

COMMENT ON FUNCTION leadterra.move_waiting(uuid, uuid, uuid) IS
'Let another sender go on with what waits for one that is deleted; null: anyone of the pool.';

CREATE FUNCTION leadterra.forget_errors(workspace uuid, campaign_id uuid, lead_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    UPDATE leadterra.exceptions x SET reason = 'forgotten'
    WHERE x.workspace_id = workspace AND x.campaign_id = forget_errors.campaign_id
      AND x.lead_id = forget_errors.lead_id AND x.state = 'failed';
    UPDATE leadterra.waiting w SET error = NULL
    WHERE w.workspace_id = workspace AND w.campaign_id = forget_errors.campaign_id
      AND w.error IS NOT NULL
      AND EXISTS (
          SELECT FROM leadterra.batches b
          WHERE b.workspace_id = workspace AND b.batch_id = w.batch_id
            AND forget_errors.lead_id = ANY (b.lead_ids[w.first:w.last]));
END;
$$;

COMMENT ON FUNCTION leadterra.forget_errors(uuid, uuid, uuid) IS
'Take what servers wrote out of the messages to a lead in a campaign.';

-- A lease is needed while the range that it took a part of waits, or a message that follows
-- from one of its own waits or is leased: that may continue its thread.
CREATE FUNCTION leadterra.lock_old_leases(
    workspace uuid, campaign_id uuid, before timestamptz, slice integer)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN ARRAY(
        WITH followed AS MATERIALIZED (
            SELECT b.after_lease_id
            FROM (
                SELECT w.batch_id
                FROM leadterra.waiting w
                WHERE w.workspace_id = workspace AND w.campaign_id = lock_old_leases.campaign_id
                UNION
                SELECT unnest(l.batch_ids)
                FROM leadterra.leases l
                WHERE l.workspace_id = workspace AND l.campaign_id = lock_old_leases.campaign_id
                  AND l.state = 'open'
            ) u
            JOIN leadterra.batches b ON b.workspace_id = workspace AND b.batch_id = u.batch_id
            WHERE b.after_lease_id IS NOT NULL
        )
        SELECT l.lease_id
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.campaign_id = lock_old_leases.campaign_id
          AND l.state <> 'open' AND l.closed_at < before
          AND (l.partial_range_id IS NULL OR NOT EXISTS (
              SELECT FROM leadterra.waiting w
              WHERE w.workspace_id = workspace AND w.campaign_id = lock_old_leases.campaign_id
                AND w.range_id = l.partial_range_id))
          AND NOT EXISTS (SELECT FROM followed f WHERE f.after_lease_id = l.lease_id)
        ORDER BY l.lease_id
        LIMIT slice
        FOR UPDATE SKIP LOCKED);
END;
$$;

COMMENT ON FUNCTION leadterra.lock_old_leases(uuid, uuid, timestamptz, integer) IS
'Lock leases of a campaign that ended before a time and are not needed any more, a slice of them.';

CREATE FUNCTION leadterra.delete_leases(workspace uuid, lease_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.leases l
    WHERE l.workspace_id = workspace AND l.lease_id = ANY (lease_ids);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_leases(uuid, uuid[]) IS 'Remove leases.';

-- Whoever records an event keeps its batch until commit.  A message of a batch waits again
-- only if an exception is deleted, by whoever restarts its lead.
CREATE FUNCTION leadterra.lock_finished_batches(
    workspace uuid, campaign_id uuid, batch_ids uuid[], before timestamptz, exceptions bigint)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    found bigint;
BEGIN
    IF cardinality(batch_ids) = 0 THEN
        RETURN batch_ids;
    END IF;
    PERFORM FROM leadterra.exceptions x
    WHERE x.workspace_id = workspace AND x.campaign_id = lock_finished_batches.campaign_id
      AND x.batch_id = ANY (lock_finished_batches.batch_ids) AND x.created_at < before
    ORDER BY x.lead_id
    FOR UPDATE;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found <> exceptions THEN
        RETURN '{}';
    END IF;
    RETURN ARRAY(
        SELECT b.batch_id
        FROM leadterra.batches b
        WHERE b.workspace_id = workspace
          AND b.batch_id = ANY (lock_finished_batches.batch_ids)
        ORDER BY b.batch_id
        FOR UPDATE SKIP LOCKED);
END;
$$;

COMMENT ON FUNCTION leadterra.lock_finished_batches(uuid, uuid, uuid[], timestamptz, bigint) IS
'Keep the messages of batches from being restarted, and from getting events, until commit

Returns those of the batches that nobody holds; none where one of their exceptions, of which
there were so many, is gone since, or later than a time.';

CREATE FUNCTION leadterra.delete_batches(workspace uuid, campaign_id uuid, batch_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF cardinality(batch_ids) = 0 THEN
        RETURN;
    END IF;
    DELETE FROM leadterra.exceptions x
    WHERE x.workspace_id = workspace AND x.campaign_id = delete_batches.campaign_id
      AND x.batch_id = ANY (delete_batches.batch_ids);
    DELETE FROM leadterra.batches b
    WHERE b.workspace_id = workspace AND b.batch_id = ANY (delete_batches.batch_ids);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_batches(uuid, uuid, uuid[]) IS
'Remove batches of a campaign with their exceptions.';
-- sender: accounts that mails leave from.

CREATE FUNCTION leadterra.sender_limit(
    status text,
    daily_limit integer,
    ramp_from integer,
    ramp_step integer,
    ramp_since date,
    day date)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_sender_limit';

COMMENT ON FUNCTION leadterra.sender_limit(text, integer, integer, integer, date, date) IS
'Return how many messages a sender may hand out on a local day; null: there is no limit

While it is warming it begins with ramp_from on the first day, and goes up by ramp_step on
each later one, to its limit. While it is paused it may hand out none.';

-- One that was deleted is not responsible for anything. Each is met once, whatever the rows
-- say of heirs.
CREATE FUNCTION leadterra.sender_heir(workspace uuid, sender_id uuid)
RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE heirs AS (
        SELECT s.sender_id, s.deleted_at, s.heir_id
        FROM leadterra.senders s
        WHERE s.workspace_id = sender_heir.workspace AND s.sender_id = sender_heir.sender_id
        UNION
        SELECT s.sender_id, s.deleted_at, s.heir_id
        FROM heirs h
        CROSS JOIN LATERAL (
            SELECT s.sender_id, s.deleted_at, s.heir_id
            FROM leadterra.senders s
            WHERE s.workspace_id = sender_heir.workspace AND s.sender_id = h.heir_id
            OFFSET 0
        ) s
        WHERE h.deleted_at IS NOT NULL
    )
    SELECT h.sender_id FROM heirs h WHERE h.deleted_at IS NULL;
END;

COMMENT ON FUNCTION leadterra.sender_heir(uuid, uuid) IS
'Return who goes on with what a sender began: itself, or who took over when it was deleted

Null: nobody in particular, any of the pool.';

CREATE FUNCTION leadterra.require_sender(workspace uuid, sender_id uuid)
RETURNS leadterra.senders
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    result leadterra.senders;
BEGIN
    SELECT s.* INTO result
    FROM leadterra.senders s
    WHERE s.workspace_id = workspace AND s.sender_id = require_sender.sender_id
      AND s.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('sender_not_found',
            format('sender "%s" does not exist', require_sender.sender_id));
    END IF;
    RETURN result;
END;
$$;

COMMENT ON FUNCTION leadterra.require_sender(uuid, uuid) IS
'Return the row of a sender, or raise PT404 sender_not_found.';

-- In the order of their ids.  Claims step over a sender that is locked.
CREATE FUNCTION leadterra.lock_senders(workspace uuid, sender_ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    SELECT
    FROM leadterra.senders s
    WHERE s.workspace_id = lock_senders.workspace AND s.sender_id = ANY (lock_senders.sender_ids)
    ORDER BY s.sender_id
    FOR UPDATE;
END;

COMMENT ON FUNCTION leadterra.lock_senders(uuid, uuid[]) IS
'Lock senders against claims, changes, and the ends of their leases.';

-- Which messages it may still get: what waits for it, and what comes back of its leases, and
-- of those of whom it took over from.
CREATE FUNCTION leadterra.is_at_work(workspace uuid, campaign_id uuid, sender_id uuid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        EXISTS (
            SELECT FROM leadterra.waiting w
            WHERE w.workspace_id = is_at_work.workspace
              AND w.campaign_id = is_at_work.campaign_id AND w.sender_id = is_at_work.sender_id)
        OR EXISTS (
            SELECT FROM leadterra.leases l
            WHERE l.workspace_id = is_at_work.workspace AND l.state = 'open'
              AND l.campaign_id = is_at_work.campaign_id
              AND leadterra.sender_heir(l.workspace_id, l.sender_id) = is_at_work.sender_id);
END;

COMMENT ON FUNCTION leadterra.is_at_work(uuid, uuid, uuid) IS
'Say whether a sender has begun with leads of a campaign, and messages to them are to come.';

CREATE FUNCTION leadterra.delete_sender(workspace uuid, sender_id uuid, move_to uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    heir leadterra.senders;
BEGIN
    IF sender_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "sender_id" must not be null');
    ELSIF move_to = sender_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'a sender cannot take over from itself');
    END IF;
    PERFORM leadterra.require_read_committed('deleting senders');
    PERFORM leadterra.lock_workspace(workspace);
    PERFORM leadterra.lock_senders(workspace, ARRAY[delete_sender.sender_id, move_to]);
    PERFORM leadterra.require_sender(workspace, delete_sender.sender_id);
    IF move_to IS NOT NULL THEN
        heir := leadterra.require_sender(workspace, move_to);
        IF heir.status <> 'active' THEN
            PERFORM leadterra.raise_error('sender_not_active',
                format('sender "%s" is %s', move_to, heir.status));
        END IF;
        INSERT INTO leadterra.pool_senders (workspace_id, pool_id, sender_id, free_at, has_left)
        SELECT workspace, p.pool_id, move_to, leadterra.free_in_pool(heir.free_at), true
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.sender_id = delete_sender.sender_id
          AND leadterra.is_at_work_in_pool(workspace, p.pool_id, p.sender_id)
        ON CONFLICT ON CONSTRAINT pool_senders_pkey DO NOTHING;
    END IF;
    DELETE FROM leadterra.pool_senders p
    WHERE p.workspace_id = workspace AND p.sender_id = delete_sender.sender_id;
    UPDATE leadterra.senders s
    SET deleted_at = leadterra.clock(), heir_id = move_to, free_at = 'infinity'
    WHERE s.workspace_id = workspace AND s.sender_id = delete_sender.sender_id;
    PERFORM leadterra.move_waiting(workspace, delete_sender.sender_id, move_to);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_sender(uuid, uuid, uuid) IS
'Do what lt_delete_sender says, in a workspace.';

-- Calls delete no row of a sender: this is for who does it by hand.
CREATE FUNCTION leadterra.senders_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.pool_senders p USING deleted d
    WHERE p.workspace_id = d.workspace_id AND p.sender_id = d.sender_id;
    PERFORM leadterra.move_waiting(d.workspace_id, d.sender_id, NULL) FROM deleted d;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.senders_deleted() IS
'Take senders whose rows are deleted out of all pools, and let others go on for them.';

CREATE TRIGGER senders_deleted AFTER DELETE ON leadterra.senders
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.senders_deleted();

CREATE TRIGGER senders_truncated BEFORE TRUNCATE ON leadterra.senders
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

-- Senders with what they hand out today, on the days of their own zones.
CREATE VIEW leadterra.sender_states WITH (security_invoker = true) AS
SELECT
    s.workspace_id, s.sender_id, s.email, s.name, s.reply_to, s.status, s.daily_limit,
    s.ramp_from, s.ramp_step, s.ramp_since, s.gap_seconds, s.gap_jitter_seconds, s.time_zone,
    s.transport, s.created_at, s.free_at,
    d.day AS today,
    d.capacity AS capacity_today,
    d.used AS used_today,
    CASE WHEN d.capacity IS NOT NULL THEN greatest(d.capacity - d.used, 0) END AS remaining_today
FROM leadterra.senders s
CROSS JOIN LATERAL (
    SELECT
        z.day,
        leadterra.sender_limit(
            s.status, s.daily_limit, s.ramp_from, s.ramp_step, s.ramp_since, z.day) AS capacity,
        CASE WHEN s.used_on >= z.day THEN s.used ELSE 0 END AS used
    FROM leadterra.zone_day(s.time_zone, leadterra.clock()) AS z (day)
) d
WHERE s.deleted_at IS NULL;
COMMENT ON VIEW leadterra.sender_states IS
'Senders of all workspaces that are not deleted, with what they may hand out today.';
COMMENT ON COLUMN leadterra.sender_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.sender_states.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN leadterra.sender_states.email IS 'Its address in normal form.';
COMMENT ON COLUMN leadterra.sender_states.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN leadterra.sender_states.reply_to IS 'Where replies go; null: to the sender.';
COMMENT ON COLUMN leadterra.sender_states.status IS 'active, warming or paused.';
COMMENT ON COLUMN leadterra.sender_states.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN leadterra.sender_states.ramp_from IS 'Messages on the first day of warming.';
COMMENT ON COLUMN leadterra.sender_states.ramp_step IS
    'How many more on each later day of warming.';
COMMENT ON COLUMN leadterra.sender_states.ramp_since IS 'The first day of warming, a local day.';
COMMENT ON COLUMN leadterra.sender_states.gap_seconds IS
    'Seconds between two messages at least.';
COMMENT ON COLUMN leadterra.sender_states.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN leadterra.sender_states.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN leadterra.sender_states.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN leadterra.sender_states.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.sender_states.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused.';
COMMENT ON COLUMN leadterra.sender_states.today IS 'The local day that it is.';
COMMENT ON COLUMN leadterra.sender_states.capacity_today IS
    'Messages that it may hand out on that day; null: no limit.';
COMMENT ON COLUMN leadterra.sender_states.used_today IS
    'Messages that were handed out on it, less those that were given back.';
COMMENT ON COLUMN leadterra.sender_states.remaining_today IS
    'Messages that it may still hand out on it; null: no limit.';

CREATE FUNCTION @extschema@.lt_create_sender(email text, settings jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_sender';

COMMENT ON FUNCTION @extschema@.lt_create_sender(text, jsonb) IS
'Create a sender: an account that mails leave from

It sends for the campaigns whose pools it is in. How a worker gets into the account stands in
its own configuration; no secret is in the database.

Parameters:
- email: its address, which no other sender of the workspace has
- settings: an object of name (what mails show), replyTo (an address), status (active,
  warming or paused), dailyLimit (messages on a local day), rampFrom and rampStep (while it is
  warming: so many on the local day on which that was set, so many more on each later one, up
  to dailyLimit), gapSeconds and gapJitterSeconds (between two messages at least, and up to so
  many more at random; 0 to 86400), timeZone (a name such as Europe/Berlin, whose days these
  are), transport (the name of an entry in the configuration of workers); without them it is
  active, without a limit or a gap, and its zone is UTC
Returns: the id of the sender.
Errors: PT400 invalid_email, PT400 invalid_request (DETAIL lists what is wrong with settings),
PT409 sender_exists.';

CREATE FUNCTION @extschema@.lt_update_sender(sender_id uuid, settings jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_update_sender';

COMMENT ON FUNCTION @extschema@.lt_update_sender(uuid, jsonb) IS
'Change settings of a sender

A change of anything that decides when it may send lets it send at once, whatever gap was
running, as far as its limit goes. While it is paused, the messages that it began wait.
Warming begins anew when that is set, also after a pause, and when rampFrom changes. In
another zone, what it has sent on the day that it was counts for the day that it is; and so
does what it sent before, as far as leases since that day began are kept.

Parameters:
- sender_id: the sender
- settings: an object as in lt_create_sender; what it leaves out stays as it is, and null
  goes back to what a sender has without any
Errors: PT400 invalid_request (DETAIL lists what is wrong with settings), PT404
sender_not_found.';

CREATE FUNCTION @extschema@.lt_delete_sender(sender_id uuid, move_to uuid DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_sender';

COMMENT ON FUNCTION @extschema@.lt_delete_sender(uuid, uuid) IS
'Delete a sender

It leaves all pools. Who goes on with the leads that it began is said here; messages that a
worker holds may still be sent by it. What it sent stays known. A new sender may have its
address.

Parameters:
- sender_id: the sender
- move_to: an active sender that goes on with its leads; null: any of the pool
Errors: PT400 invalid_request, PT404 sender_not_found, PT409 sender_not_active, PT409
wrong_isolation.';
-- sender: pools that campaigns draw on, and who is in them.

CREATE FUNCTION leadterra.require_pool(workspace uuid, pool_id uuid)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM leadterra.pools p
    WHERE p.workspace_id = workspace AND p.pool_id = require_pool.pool_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('pool_not_found',
            format('pool "%s" does not exist', require_pool.pool_id));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.require_pool(uuid, uuid) IS
'Raise PT404 pool_not_found unless a pool exists.';

CREATE FUNCTION leadterra.is_at_work_in_pool(workspace uuid, pool_id uuid, sender_id uuid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM leadterra.campaigns c
        WHERE c.workspace_id = is_at_work_in_pool.workspace
          AND c.pool_id = is_at_work_in_pool.pool_id
          AND leadterra.is_at_work(c.workspace_id, c.campaign_id, is_at_work_in_pool.sender_id));
END;

COMMENT ON FUNCTION leadterra.is_at_work_in_pool(uuid, uuid, uuid) IS
'Say the same of the campaigns that draw on a pool.';

-- Claims remember from where on they have found nobody before.
CREATE FUNCTION leadterra.free_in_pool(free_at timestamptz)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT greatest(free_in_pool.free_at, leadterra.clock());
END;

COMMENT ON FUNCTION leadterra.free_in_pool(timestamptz) IS
'Return since when a sender is free in a pool that it comes into now, and may be free for longer.';

CREATE FUNCTION leadterra.set_pool_senders(workspace uuid, pool_id uuid, sender_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    members_max constant integer := 10000;
    missing uuid;
BEGIN
    IF pool_id IS NULL OR sender_ids IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', format('argument "%s" must not be null',
            CASE WHEN pool_id IS NULL THEN 'pool_id' ELSE 'sender_ids' END));
    ELSIF cardinality(sender_ids) > members_max THEN
        PERFORM leadterra.raise_error('too_many_entries', format(
            'argument "sender_ids" has %s entries, more than %s',
            cardinality(sender_ids), members_max));
    ELSIF EXISTS (SELECT FROM unnest(sender_ids) AS u (sender_id) WHERE u.sender_id IS NULL) THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "sender_ids" must not have nulls');
    ELSIF cardinality(sender_ids) <> (
        SELECT count(DISTINCT u.sender_id) FROM unnest(sender_ids) AS u (sender_id)) THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "sender_ids" must name each sender once');
    END IF;
    PERFORM leadterra.require_read_committed('setting the senders of a pool');
    PERFORM leadterra.lock_workspace(workspace);
    PERFORM leadterra.require_pool(workspace, pool_id);
    PERFORM leadterra.lock_senders(workspace, ARRAY(
        SELECT u.sender_id FROM unnest(sender_ids) AS u (sender_id)
        UNION ALL
        SELECT p.sender_id
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.pool_id = set_pool_senders.pool_id));
    SELECT u.sender_id INTO missing
    FROM unnest(sender_ids) AS u (sender_id)
    WHERE NOT EXISTS (
        SELECT FROM leadterra.senders s
        WHERE s.workspace_id = workspace AND s.sender_id = u.sender_id AND s.deleted_at IS NULL)
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.require_sender(workspace, missing);
    END IF;

    INSERT INTO leadterra.pool_senders AS p (workspace_id, pool_id, sender_id, free_at)
    SELECT workspace, set_pool_senders.pool_id, s.sender_id, leadterra.free_in_pool(s.free_at)
    FROM leadterra.senders s
    WHERE s.workspace_id = workspace AND s.sender_id = ANY (sender_ids)
    ON CONFLICT ON CONSTRAINT pool_senders_pkey DO UPDATE SET has_left = false
    WHERE p.has_left;
    UPDATE leadterra.pool_senders p SET has_left = true
    WHERE p.workspace_id = workspace AND p.pool_id = set_pool_senders.pool_id
      AND NOT p.has_left AND p.sender_id <> ALL (sender_ids);
    DELETE FROM leadterra.pool_senders p
    WHERE p.workspace_id = workspace AND p.pool_id = set_pool_senders.pool_id AND p.has_left
      AND NOT leadterra.is_at_work_in_pool(workspace, p.pool_id, p.sender_id);
END;
$$;

COMMENT ON FUNCTION leadterra.set_pool_senders(uuid, uuid, uuid[]) IS
'Do what lt_set_pool_senders says, in a workspace.';

-- Of the senders that go on in a campaign each is in the pool that it had, and has to be in
-- the one that it gets.  Nobody begins there meanwhile, for the caller holds the campaign.
CREATE FUNCTION leadterra.change_pool(
    workspace uuid, campaign_id uuid, old_pool_id uuid, new_pool_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    workers uuid[];
BEGIN
    PERFORM leadterra.require_read_committed('setting the pool of a campaign');
    PERFORM leadterra.lock_workspace(workspace);
    PERFORM leadterra.require_pool(workspace, new_pool_id);
    workers := ARRAY(
        SELECT p.sender_id
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.pool_id = old_pool_id
          AND leadterra.is_at_work(workspace, change_pool.campaign_id, p.sender_id));
    PERFORM leadterra.lock_senders(workspace, workers);
    INSERT INTO leadterra.pool_senders (workspace_id, pool_id, sender_id, free_at, has_left)
    SELECT workspace, new_pool_id, s.sender_id, leadterra.free_in_pool(s.free_at), true
    FROM leadterra.senders s
    WHERE s.workspace_id = workspace AND s.sender_id = ANY (workers) AND s.deleted_at IS NULL
    ON CONFLICT ON CONSTRAINT pool_senders_pkey DO NOTHING;
END;
$$;

COMMENT ON FUNCTION leadterra.change_pool(uuid, uuid, uuid, uuid) IS
'Let a campaign draw on another pool, in which the senders that go on with its leads are, too

It raises PT404 pool_not_found unless there is such a pool.';

CREATE FUNCTION leadterra.delete_pool(workspace uuid, pool_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    IF pool_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "pool_id" must not be null');
    END IF;
    PERFORM leadterra.require_read_committed('deleting pools');
    PERFORM leadterra.lock_workspace(workspace);
    PERFORM leadterra.require_pool(workspace, delete_pool.pool_id);
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.pool_id = delete_pool.pool_id;
    IF FOUND THEN
        PERFORM leadterra.raise_error('pool_in_use',
            format('a campaign draws on pool "%s"', delete_pool.pool_id));
    END IF;
    DELETE FROM leadterra.pools p
    WHERE p.workspace_id = workspace AND p.pool_id = delete_pool.pool_id;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_pool(uuid, uuid) IS
'Do what lt_delete_pool says, in a workspace.';

CREATE FUNCTION leadterra.maintain_pools(workspace uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    m record;
BEGIN
    FOR m IN
        SELECT p.pool_id, p.sender_id
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.has_left
    LOOP
        PERFORM FROM leadterra.senders s
        WHERE s.workspace_id = workspace AND s.sender_id = m.sender_id
        FOR NO KEY UPDATE SKIP LOCKED;
        CONTINUE WHEN NOT FOUND;
        DELETE FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.pool_id = m.pool_id AND p.sender_id = m.sender_id
          AND p.has_left AND NOT leadterra.is_at_work_in_pool(workspace, p.pool_id, p.sender_id);
    END LOOP;
    -- Who restarts a lead may not know yet that its sender is gone.
    PERFORM leadterra.move_waiting(
        workspace, s.sender_id, leadterra.sender_heir(workspace, s.sender_id))
    FROM leadterra.senders s
    WHERE s.workspace_id = workspace AND s.deleted_at IS NOT NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_pools(uuid) IS
'Take senders out of pools that they have left and have finished with, or are gone from.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.pools_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    -- Claims hold a sender while they change its rows here.
    PERFORM FROM leadterra.senders s
    WHERE (s.workspace_id, s.sender_id) IN (
        SELECT p.workspace_id, p.sender_id
        FROM leadterra.pool_senders p
        JOIN deleted d ON d.workspace_id = p.workspace_id AND d.pool_id = p.pool_id)
    ORDER BY s.workspace_id, s.sender_id
    FOR NO KEY UPDATE;
    DELETE FROM leadterra.pool_senders p USING deleted d
    WHERE p.workspace_id = d.workspace_id AND p.pool_id = d.pool_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.pools_deleted() IS
'Take all senders out of pools that are deleted.';

CREATE TRIGGER pools_deleted AFTER DELETE ON leadterra.pools
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.pools_deleted();

CREATE TRIGGER pools_truncated BEFORE TRUNCATE ON leadterra.pools
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE FUNCTION @extschema@.lt_create_pool(name text)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_pool';

COMMENT ON FUNCTION @extschema@.lt_create_pool(text) IS
'Create a pool: a set of senders that campaigns draw on

Parameters:
- name: a name for people, at most 1,000 bytes
Returns: the id of the pool.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_rename_pool(pool_id uuid, name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_rename_pool';

COMMENT ON FUNCTION @extschema@.lt_rename_pool(uuid, text) IS
'Rename a pool

Parameters:
- pool_id: the pool
- name: a name for people, at most 1,000 bytes
Errors: PT400 invalid_request, PT404 pool_not_found.';

CREATE FUNCTION @extschema@.lt_set_pool_senders(pool_id uuid, sender_ids uuid[])
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_pool_senders';

COMMENT ON FUNCTION @extschema@.lt_set_pool_senders(uuid, uuid[]) IS
'Set which senders are in a pool

A sender that leaves gets no new leads of the pool, and goes on with those that it began.

Parameters:
- pool_id: the pool
- sender_ids: its senders from now on, each once, at most 10,000
Errors: PT400 invalid_request, PT404 pool_not_found, PT404 sender_not_found, PT409
wrong_isolation, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_delete_pool(pool_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_pool';

COMMENT ON FUNCTION @extschema@.lt_delete_pool(uuid) IS
'Delete a pool that no campaign draws on

Its senders stay in the workspace.

Parameters:
- pool_id: the pool
Errors: PT400 invalid_request, PT404 pool_not_found, PT409 pool_in_use, PT409
wrong_isolation.';
-- total: counts that outlive what was counted.

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_4_totals()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.totals t USING deleted d
    WHERE t.workspace_id = d.workspace_id AND t.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_4_totals() IS
'Delete the totals of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_4_totals AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_4_totals();

CREATE FUNCTION leadterra.add_to_totals(
    workspace uuid,
    campaign_id uuid,
    day date,
    step integer,
    variant integer DEFAULT 0,
    sender_id uuid DEFAULT leadterra.nobody(),
    enrolled bigint DEFAULT 0,
    sent bigint DEFAULT 0,
    skipped bigint DEFAULT 0,
    failed bigint DEFAULT 0,
    delivered bigint DEFAULT 0,
    opened bigint DEFAULT 0,
    bounced bigint DEFAULT 0,
    replied bigint DEFAULT 0,
    unsubscribed bigint DEFAULT 0,
    clicked bigint DEFAULT 0,
    complained bigint DEFAULT 0)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO leadterra.totals AS t (
        workspace_id, campaign_id, day, step, variant, sender_id, enrolled, sent, skipped, failed,
        delivered, opened, bounced, replied, unsubscribed, clicked, complained)
    VALUES (
        workspace, add_to_totals.campaign_id, add_to_totals.day, add_to_totals.step,
        add_to_totals.variant, add_to_totals.sender_id,
        add_to_totals.enrolled, add_to_totals.sent, add_to_totals.skipped, add_to_totals.failed,
        add_to_totals.delivered, add_to_totals.opened, add_to_totals.bounced,
        add_to_totals.replied, add_to_totals.unsubscribed, add_to_totals.clicked,
        add_to_totals.complained)
    ON CONFLICT ON CONSTRAINT totals_pkey DO UPDATE SET
        enrolled = t.enrolled + excluded.enrolled,
        sent = t.sent + excluded.sent,
        skipped = t.skipped + excluded.skipped,
        failed = t.failed + excluded.failed,
        delivered = t.delivered + excluded.delivered,
        opened = t.opened + excluded.opened,
        bounced = t.bounced + excluded.bounced,
        replied = t.replied + excluded.replied,
        unsubscribed = t.unsubscribed + excluded.unsubscribed,
        clicked = t.clicked + excluded.clicked,
        complained = t.complained + excluded.complained;
END;
$$;

COMMENT ON FUNCTION leadterra.add_to_totals(
    uuid, uuid, date, integer, integer, uuid, bigint, bigint, bigint, bigint, bigint, bigint,
    bigint, bigint, bigint, bigint, bigint) IS
'Add to the counts of a campaign, of a day, a step, a variant and a sender.';

-- Both of these are asked before anything is removed, and what they return is added.
CREATE FUNCTION leadterra.count_leases(
    workspace uuid, campaign_id uuid, zone text, lease_ids uuid[])
RETURNS TABLE (
    day date, step smallint, variant smallint, sender_id uuid, enrolled bigint, sent bigint,
    skipped bigint, failed bigint, delivered bigint, opened bigint, bounced bigint,
    replied bigint, unsubscribed bigint, clicked bigint, complained bigint)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_leases';

COMMENT ON FUNCTION leadterra.count_leases(uuid, uuid, text, uuid[]) IS
'Count what was sent in leases of a campaign that are to be removed, by days of a zone

What happened to their messages so far goes from those of no variant and no sender, which
count for them later, to those that count for them now.';

CREATE FUNCTION leadterra.count_batches(
    workspace uuid, campaign_id uuid, zone text, batch_ids uuid[])
RETURNS TABLE (
    day date, step smallint, variant smallint, sender_id uuid, enrolled bigint, sent bigint,
    skipped bigint, failed bigint, delivered bigint, opened bigint, bounced bigint,
    replied bigint, unsubscribed bigint, clicked bigint, complained bigint)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_batches';

COMMENT ON FUNCTION leadterra.count_batches(uuid, uuid, text, uuid[]) IS
'Count what is known of batches of a campaign that are to be removed, by days of a zone

Of their leases none is left.';
-- event: what becomes of events.

-- Named where events of a range of messages are looked for: the type stands before the
-- message in their key.
CREATE FUNCTION leadterra.event_types()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '{delivered, opened, clicked, bounced, replied, unsubscribed, complained}'::text[];
END;

COMMENT ON FUNCTION leadterra.event_types() IS 'List the types of events.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_3_events()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.events v USING deleted d
    WHERE v.workspace_id = d.workspace_id AND v.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_3_events() IS
'Delete the events of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_3_events AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_3_events();

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_2_soft_bounces()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.soft_bounces b USING deleted d
    WHERE b.workspace_id = d.workspace_id AND b.lead_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_2_soft_bounces() IS
'Delete the soft bounces of leads that are deleted.';

CREATE TRIGGER leads_deleted_2_soft_bounces AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_2_soft_bounces();

CREATE FUNCTION @extschema@.lt_set_soft_bounce_limit(soft_bounces integer)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_soft_bounce_limit';

COMMENT ON FUNCTION @extschema@.lt_set_soft_bounce_limit(integer) IS
'Set how many soft bounces suppress an address of the workspace

They are counted that were recorded within 30 days, with no delivery and no reply between
them. Five suppress an address where this was never called.

Parameters:
- soft_bounces: from 1 to 1,000; null: no number suppresses an address, and none is counted
Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.hand_over_events(workspace uuid, campaign_id uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    UPDATE leadterra.events v SET lead_id = hand_over_events.heir
    WHERE v.workspace_id = hand_over_events.workspace
      AND v.campaign_id = hand_over_events.campaign_id
      AND v.lead_id = hand_over_events.source;
END;

COMMENT ON FUNCTION leadterra.hand_over_events(uuid, uuid, uuid, uuid) IS
'Let another lead have the events of a lead in a campaign.';

-- What is counted stays, what people or servers wrote goes; the digest is of that.
CREATE FUNCTION leadterra.forget_events(workspace uuid, campaign_id uuid, lead_id uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    UPDATE leadterra.events v SET
        data = jsonb_strip_nulls(jsonb_build_object('classification', v.data -> 'classification',
            'bounceType', v.data -> 'bounceType')),
        digest = v.event_id::text
    WHERE v.workspace_id = forget_events.workspace AND v.campaign_id = forget_events.campaign_id
      AND v.lead_id = forget_events.lead_id;
END;

COMMENT ON FUNCTION leadterra.forget_events(uuid, uuid, uuid) IS
'Take what people or servers wrote out of the events of a lead in a campaign.';

CREATE FUNCTION leadterra.delete_events(workspace uuid, campaign_id uuid, batch_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.events v
    USING unnest(batch_ids) AS b (batch_id)
    WHERE v.workspace_id = workspace AND v.campaign_id = delete_events.campaign_id
      AND v.type = ANY (leadterra.event_types())
      AND v.message_id BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_events(uuid, uuid, uuid[]) IS
'Remove the events of messages of batches of a campaign.';
-- campaign: campaigns, their steps, start and pause, and their counts.

CREATE FUNCTION @extschema@.lt_create_campaign(name text, steps jsonb DEFAULT '[]')
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_campaign';

COMMENT ON FUNCTION @extschema@.lt_create_campaign(text, jsonb) IS
'Create a campaign in state draft

Parameters:
- name: a name for people, at most 1,000 bytes
- steps: an array of at most 100 objects. What is null counts as left out.
  - subject, bodyHtml: strings. A later step with a blank subject continues the thread: it
    gets "Re: " and the subject of the nearest step before that has one.
  - bodyText: the body as text; left out: whoever sends makes it of the one in HTML
  - preheader: what mailboxes show beside the subject; it becomes the first text of the body,
    which nobody sees who opens the mail
  - headers: an object of at most 50 headers, each name with a string. A name has at most 76
    characters and is none that delivery sets, such as Subject, Content-Type or
    List-Unsubscribe. What is rendered is one line of at most 10,000 bytes; a blank one is left
    out.
  - delayDays, or delay with delayUnit (minutes, hours or days, of 24 hours; left out: days): a
    whole number, up to 3650 days. It runs before the step. Both left out: 0 for the first
    step, a day for a later one.
  - variants: 1 to 26 objects of subject, bodyHtml, bodyText, weight (0 to 1000; left out: 1)
    and disabled (true or false). What one leaves out is the step''s own, which has to have it
    unless each variant does. One at least has a weight and is not disabled.
  - delay_unit, and of variants body and v_disabled, are the second service''s names for
    delayUnit, bodyHtml and disabled, which go before them.
Returns: the id of the campaign.
Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_set_steps(campaign_id uuid, steps jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_steps';

COMMENT ON FUNCTION @extschema@.lt_set_steps(uuid, jsonb) IS
'Replace the steps of a campaign

A draft takes any steps. A paused campaign takes new texts, and weights of variants. Steps and
variants may be added behind those that it has, and variants be disabled; leads that had
finished go on with added steps by lt_continue_campaign. None is removed: they
are known by their numbers. A step without variants has none, so it may get some. A delay that
is given must be the one there is.

Parameters:
- campaign_id: the campaign
- steps: an array as in lt_create_campaign
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409
sequence_fixed.';

CREATE FUNCTION @extschema@.lt_start_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_start_campaign';

COMMENT ON FUNCTION @extschema@.lt_start_campaign(uuid) IS
'Start a draft or resume a paused campaign

Queues the first step for every enrolled lead. A paused campaign goes on where it stopped.
Starting a running one changes nothing. Raises a WARNING where texts or settings have what
lt_preflight calls an error. It does not look at values of leads, so no token_unknown.

Parameters:
- campaign_id: the campaign
Returns: its state.
Errors: PT400 invalid_request, PT400 no_leads_enrolled, PT400 no_sequence_steps, PT404
campaign_not_found.';

CREATE FUNCTION @extschema@.lt_pause_campaign(campaign_id uuid)
RETURNS @extschema@.lt_campaign_state
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_pause_campaign';

COMMENT ON FUNCTION @extschema@.lt_pause_campaign(uuid) IS
'Hold the queued messages of a running campaign until it is started again

Pausing a draft or a paused campaign changes nothing.

Parameters:
- campaign_id: the campaign
Returns: its state.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_continue_campaign(campaign_id uuid)
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_continue_campaign';

COMMENT ON FUNCTION @extschema@.lt_continue_campaign(uuid) IS
'Let leads that had finished a campaign go on with steps that were added

Call it after lt_set_steps has added steps, until it returns 0. Each call queues the first of
the added steps for about 10,000 leads; its delay runs from when they completed the one before.
Whoever has not finished needs no call. Leads whose history lt_maintain has removed do not go
on. The campaign may run or be paused; in a draft nobody has finished.

Parameters:
- campaign_id: the campaign
Returns: how many leads are left.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_rename_campaign(campaign_id uuid, name text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_rename_campaign';

COMMENT ON FUNCTION @extschema@.lt_rename_campaign(uuid, text) IS
'Rename a campaign, whatever its state

Parameters:
- campaign_id: the campaign
- name: a name for people, at most 1,000 bytes
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_set_campaign_owner(campaign_id uuid, owner uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_campaign_owner';

COMMENT ON FUNCTION @extschema@.lt_set_campaign_owner(uuid, uuid) IS
'Set who owns a campaign

lt_add_leads assigns leads to the owner that have nobody else.

Parameters:
- campaign_id: the campaign
- owner: an id of the caller, which is not looked up anywhere; null: nobody
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_copy_campaign(campaign_id uuid, name text DEFAULT NULL)
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_copy_campaign';

COMMENT ON FUNCTION @extschema@.lt_copy_campaign(uuid, text) IS
'Create a draft with the steps and settings of a campaign, without its leads

Its owner, the names of custom fields and all that lt_set_sending sets are copied, too.

Parameters:
- campaign_id: the campaign
- name: the name of the copy; null: that of the original and "(copy)"
Returns: the id of the copy.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_delete_campaign(campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_campaign';

COMMENT ON FUNCTION @extschema@.lt_delete_campaign(uuid) IS
'Delete a draft or paused campaign with its enrollments and queued messages

Its leads stay in the workspace.

Parameters:
- campaign_id: the campaign
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 campaign_running, PT409
wrong_isolation.';

CREATE FUNCTION @extschema@.lt_preflight(campaign_id uuid)
RETURNS TABLE (
    step integer,
    place text,
    severity text,
    code text,
    token text,
    has_fallback boolean,
    leads_without_value bigint,
    message text
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_preflight';

COMMENT ON FUNCTION @extschema@.lt_preflight(uuid) IS
'Tell what is wrong with the texts of a campaign, and which values its leads lack

Reads every active lead once, whatever the number of tokens. A missing, null or blank field is
no value.

Parameters:
- campaign_id: the campaign
Returns: rows in the order of the texts, each finding once a text, at most 100 flaws a text.
step is null for what is about the workspace. place is subject, body, text, preheader, header
with its name, the same of a variant (variant 2 body), or workspace. Variants that are never
sent are left out. severity is error (nobody can mean what will be mailed), warning (somebody
may), or info. code is the same for programs as message is for people: braces, encoded_braces,
single_braces, other_language, token_markup, fallback_filter, fallback_quoted, filter_unknown,
random_empty, token (all leads have a value, or get the fallback), token_without_value (some
have neither), token_unknown (no lead has a value), unsubscribe_url_unset,
unsubscribe_link_missing, postal_address_unset, postal_address_missing, subject_missing. A link
or an address counts also where the body as text alone has it. token is the name of a token, or
at most 60 bytes of what stands in the text. For tokens, has_fallback says that every use in
that text has one, and leads_without_value counts the active leads without a value.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.keep_campaign(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_keep_campaign';

COMMENT ON FUNCTION leadterra.keep_campaign(uuid, uuid) IS
'Keep a campaign from being deleted until commit, or raise PT404 campaign_not_found.';

CREATE FUNCTION leadterra.keep_free_campaign(workspace uuid, campaign_id uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = keep_free_campaign.campaign_id
    FOR KEY SHARE SKIP LOCKED;
    RETURN FOUND;
END;
$$;

COMMENT ON FUNCTION leadterra.keep_free_campaign(uuid, uuid) IS
'Keep a campaign of a workspace from being deleted until commit

Returns false where there is none, or it is just being deleted.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_5_steps()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.steps s USING deleted d
    WHERE s.workspace_id = d.workspace_id AND s.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_5_steps() IS
'Delete the steps of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_5_steps AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_5_steps();

CREATE FUNCTION leadterra.campaigns_deleted_7_usage()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.campaign_usage u USING deleted d
    WHERE u.workspace_id = d.workspace_id AND u.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_7_usage() IS
'Delete what is counted of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_7_usage AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_7_usage();

CREATE TRIGGER campaigns_truncated BEFORE TRUNCATE ON leadterra.campaigns
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

-- The counts come from batches, from the ranges that wait, and from the few
-- enrollments that ended, so that they cost little for a million leads.  The
-- messages of leads that ended, are deleted, or have an invalid address wait until a
-- claim skips them; they are found among those that wait by the ids of these leads.
CREATE VIEW leadterra.campaign_states WITH (security_invoker = true) AS
SELECT
    c.workspace_id,
    c.campaign_id,
    c.name,
    c.status,
    c.created_at,
    c.started_at,
    c.paused_at,
    c.owner,
    c.variables,
    s.steps,
    b.leads + t.enrolled - d.leads - e.removed AS leads_enrolled,
    CASE WHEN c.status = 'draft' THEN 0
    ELSE w.messages - w.skipped - w.deleted END AS queued_messages,
    CASE WHEN c.status = 'draft' THEN 0 ELSE w.skipped END AS messages_to_skip,
    e.lead_ids AS ended_lead_ids,
    i.lead_ids AS invalid_lead_ids,
    d.lead_ids AS deleted_lead_ids,
    c.pool_id,
    c.schedule,
    c.daily_limit,
    c.daily_new_leads,
    c.new_leads_first,
    c.bounce_limit,
    c.stop_on_auto_reply,
    c.pause_reason
FROM leadterra.campaigns c
LEFT JOIN (
    SELECT l.workspace_id, array_agg(l.lead_id ORDER BY l.lead_id) AS lead_ids
    FROM leadterra.leads l
    WHERE l.verification_status = -1
    GROUP BY l.workspace_id
) i ON i.workspace_id = c.workspace_id
CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.enrolled), 0)::bigint AS enrolled
    FROM leadterra.totals t
    WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
      AND t.sender_id = leadterra.nobody() AND t.variant = 0 AND t.step = 1
) t
CROSS JOIN LATERAL (
    SELECT count(*) AS steps
    FROM leadterra.steps s
    WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
) s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.size), 0) AS leads
    FROM leadterra.batches b
    WHERE b.workspace_id = c.workspace_id AND b.campaign_id = c.campaign_id AND b.step = 1
) b
CROSS JOIN LATERAL (
    SELECT
        count(u.lead_id) AS leads,
        array_agg(u.lead_id ORDER BY u.lead_id) FILTER (WHERE u.lead_id IS NOT NULL) AS lead_ids
    FROM leadterra.deletions d
    CROSS JOIN LATERAL unnest(d.lead_ids) AS u (lead_id)
    WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
) d
CROSS JOIN LATERAL (
    SELECT
        count(*) FILTER (WHERE e.status = 'removed') AS removed,
        array_agg(e.lead_id ORDER BY e.lead_id) AS lead_ids
    FROM leadterra.enrollments e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.status <> 'active'
) e
CROSS JOIN LATERAL (
    SELECT
        coalesce(sum(w.last - w.unused + 1), 0) AS messages,
        coalesce(sum(n.skipped), 0) AS skipped,
        coalesce(sum(n.deleted), 0) AS deleted
    FROM leadterra.waiting_ranges w
    LEFT JOIN LATERAL leadterra.count_held_back(
        w.workspace_id, w.batch_id, w.unused, w.last,
        e.lead_ids, i.lead_ids, d.lead_ids) n ON true
    WHERE w.workspace_id = c.workspace_id AND w.campaign_id = c.campaign_id
) w;
COMMENT ON VIEW leadterra.campaign_states IS 'Campaigns of all workspaces with their counts.';
COMMENT ON COLUMN leadterra.campaign_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.campaign_states.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN leadterra.campaign_states.name IS 'Its name.';
COMMENT ON COLUMN leadterra.campaign_states.status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.campaign_states.steps IS 'How many steps it has.';
COMMENT ON COLUMN leadterra.campaign_states.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN leadterra.campaign_states.queued_messages IS
    'Messages that wait for a worker, less those that will be skipped; 0 for a draft.';
COMMENT ON COLUMN leadterra.campaign_states.messages_to_skip IS
    'Messages that will be skipped when a worker comes to them.';
COMMENT ON COLUMN leadterra.campaign_states.ended_lead_ids IS
    'Leads whose sequence has ended, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.invalid_lead_ids IS
    'Leads of the workspace whose address is invalid, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.deleted_lead_ids IS
    'Leads that were deleted from it, in order; null: none.';
COMMENT ON COLUMN leadterra.campaign_states.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.campaign_states.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN leadterra.campaign_states.paused_at IS
    'Since when it is paused; null: it is not.';
COMMENT ON COLUMN leadterra.campaign_states.owner IS
    'Whom lt_add_leads assigns leads to that have nobody.';
COMMENT ON COLUMN leadterra.campaign_states.variables IS
    'Names of custom fields that lt_add_leads has met.';
COMMENT ON COLUMN leadterra.campaign_states.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN leadterra.campaign_states.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN leadterra.campaign_states.daily_limit IS
    'Messages a day at most; null: no limit.';
COMMENT ON COLUMN leadterra.campaign_states.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN leadterra.campaign_states.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN leadterra.campaign_states.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN leadterra.campaign_states.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN leadterra.campaign_states.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';

CREATE FUNCTION leadterra.enter_campaign(scope text, campaign_id uuid)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_campaign';

COMMENT ON FUNCTION leadterra.enter_campaign(text, uuid) IS
'Begin a call on a campaign that needs a scope, and return the campaign

Errors: those of leadterra.enter, PT404 campaign_not_found.';

CREATE FUNCTION leadterra.campaign_zone(workspace uuid, campaign_id uuid)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT leadterra.schedule_zone(c.schedule)
    FROM leadterra.campaigns c
    WHERE c.workspace_id = campaign_zone.workspace AND c.campaign_id = campaign_zone.campaign_id;
END;

COMMENT ON FUNCTION leadterra.campaign_zone(uuid, uuid) IS
'Return the zone of the days of a campaign.';

CREATE FUNCTION leadterra.count_campaign(
    campaign_id uuid,
    OUT sent bigint,
    OUT delivered bigint,
    OUT opened bigint,
    OUT replied bigint,
    OUT bounced bigint,
    OUT unsubscribed bigint,
    OUT failed bigint,
    OUT skipped bigint)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_campaign';

COMMENT ON FUNCTION leadterra.count_campaign(uuid) IS
'Count what became of the messages of a campaign, those that lt_maintain has removed, too.';

-- It asks for the campaign first, whatever the planner thinks: that is where an unknown one
-- is an error.
CREATE FUNCTION @extschema@.lt_campaign_stats(campaign_id uuid)
RETURNS @extschema@.lt_stats
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        c.campaign_id,
        c.leads_enrolled::bigint,
        n.sent,
        n.delivered,
        n.bounced,
        n.replied,
        n.unsubscribed,
        n.skipped + c.messages_to_skip::bigint,
        n.failed,
        c.queued_messages::bigint,
        least(coalesce(n.opened / a.arrived, 0), 1),
        least(coalesce(n.replied / a.arrived, 0), 1)
    FROM leadterra.enter_campaign('campaigns:read', lt_campaign_stats.campaign_id)
        AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN LATERAL leadterra.count_campaign(c.campaign_id) n
    -- Where no delivery is ever reported, what was sent stands in for it.
    CROSS JOIN LATERAL (
        SELECT coalesce(nullif(n.delivered, 0), nullif(n.sent, 0))::double precision AS arrived
    ) a;
END;

COMMENT ON FUNCTION @extschema@.lt_campaign_stats(uuid) IS
'Return the counts of a campaign

Parameters:
- campaign_id: the campaign
Returns: one row of counts and rates.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_step_stats(campaign_id uuid)
RETURNS TABLE (
    step integer,
    variant integer,
    sender_id uuid,
    sender_email text,
    sent bigint,
    delivered bigint,
    opened bigint,
    clicked bigint,
    replied bigint,
    bounced bigint,
    complained bigint,
    unsubscribed bigint
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_step_stats';

COMMENT ON FUNCTION @extschema@.lt_step_stats(uuid) IS
'Return what became of the messages of a campaign, by step, variant and sender

A message counts for the variant and the sender that it was sent with, whatever became of
these, or of its lead, since. What happened to it counts for those of the lease that had it
last when that was first recorded: one that was refused counts as bounced, and not as sent.
A message counts once for each thing that happened to it, as in lt_campaign_stats, whose
counts are the sums of these.

What is first recorded of a message after lt_maintain has removed its lease counts for its
step alone.

Parameters:
- campaign_id: the campaign
Returns: a row for each of which something is counted, by step, variant and sender.
variant: from 1; null: none. sender_id: null: none. sender_email: its address, also once it
was deleted.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_daily_stats(campaign_id uuid)
RETURNS TABLE (
    day date,
    sent bigint,
    contacted bigint,
    delivered bigint,
    opened bigint,
    clicked bigint,
    replied bigint,
    bounced bigint,
    complained bigint,
    unsubscribed bigint,
    failed bigint,
    skipped bigint
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_daily_stats';

COMMENT ON FUNCTION @extschema@.lt_daily_stats(uuid) IS
'Return what became of the messages of a campaign, day by day

Days are those of the zone of its first schedule, or of UTC. What was sent is of the day on
which it was claimed where the campaign has a pool or limits of a day, as these count it, and
else of the day on which its lease was closed. What happened to a message is of the day on
which that was first recorded, whenever the message was sent.

What lt_maintain has removed keeps its day, also when the zone changes.

Parameters:
- campaign_id: the campaign
Returns: a row for each day of which something is counted, in order. contacted: leads that
were sent their first message; skipped: those that a worker came to, but none that will be.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
-- campaign: when, how much and by whom campaigns send.

-- Of what was claimed without being counted, the id of the lease says when.
CREATE FUNCTION leadterra.count_usage(
    workspace uuid, campaign_id uuid, day_start timestamptz, resumed_at timestamptz)
RETURNS TABLE (handed integer, new_leads integer, sent bigint, refused bigint, bounced bigint)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT h.handed, h.new_leads, l.sent, v.refused, v.bounced
    FROM (
        SELECT
            least(coalesce(sum(r.messages), 0), 1000000000)::integer AS handed,
            least(coalesce(sum(r.messages) FILTER (WHERE r.is_new), 0), 1000000000)::integer
                AS new_leads
        FROM leadterra.leases l
        CROSS JOIN LATERAL (
            SELECT
                greatest(u.last - u.first + 1, 0) AS messages,
                u.attempt = 1 AND EXISTS (
                    SELECT FROM leadterra.batches b
                    WHERE b.workspace_id = l.workspace_id AND b.batch_id = u.batch_id
                      AND b.step = 1) AS is_new
            FROM unnest(l.batch_ids, l.firsts, l.lasts, l.attempts)
                AS u (batch_id, first, last, attempt)
        ) r
        WHERE l.workspace_id = count_usage.workspace AND l.campaign_id = count_usage.campaign_id
          AND coalesce(l.claimed_at, leadterra.uuid7_time(l.lease_id)) >= count_usage.day_start
    ) h
    CROSS JOIN (
        SELECT coalesce(sum(l.sent), 0) AS sent
        FROM leadterra.leases l
        WHERE l.workspace_id = count_usage.workspace AND l.campaign_id = count_usage.campaign_id
          -- What is sent under the others is counted when these close.
          AND (l.closed_at >= count_usage.resumed_at OR l.state = 'open' AND l.claimed_at IS NULL)
    ) l
    CROSS JOIN (
        SELECT
            count(DISTINCT v.message_id) AS bounced,
            count(DISTINCT v.message_id) FILTER (WHERE EXISTS (
                SELECT FROM leadterra.exceptions x
                WHERE x.workspace_id = v.workspace_id AND x.campaign_id = v.campaign_id
                  AND x.lead_id = v.lead_id AND x.state = 'failed'
                  AND leadterra.message_id(x.batch_id, x."position") = v.message_id)) AS refused
        FROM leadterra.events v
        WHERE v.workspace_id = count_usage.workspace AND v.campaign_id = count_usage.campaign_id
          AND v.type = 'bounced' AND v.data ->> 'bounceType' IS DISTINCT FROM 'soft'
          AND v.created_at >= count_usage.resumed_at
    ) v;
END;

COMMENT ON FUNCTION leadterra.count_usage(uuid, uuid, timestamptz, timestamptz) IS
'Count what a campaign has handed out since its day began, and what bounced since it started

What was given back, or skipped, counts as handed out, too. What was sent under leases that
are open stands in these.';

CREATE FUNCTION @extschema@.lt_set_sending(campaign_id uuid, settings jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_sending';

COMMENT ON FUNCTION @extschema@.lt_set_sending(uuid, jsonb) IS
'Set when, how much and by whom a campaign sends, whatever its state

Without any settings it sends always, as much as workers claim, and by whom they choose. Its
days are those of the zone of its first window, or of UTC. The first limit counts what was
handed out before on that day, also what was given back.

Parameters:
- campaign_id: the campaign
- settings: an object; what it leaves out stays as it is, and null takes a setting away:
  poolId (a pool, whose senders mail it; once it has been started with one it goes on with
  that or another), schedule (startDate and endDate, which it may leave out; schedules, an
  array of objects with timing {from, to} as HH:MM, days {"0" for Sunday to "6": boolean} and
  timezone, such as Europe/Berlin), dailyLimit (messages a day), dailyNewLeads (leads a day
  that get their first message), newLeadsFirst (first messages come before later steps),
  bounceLimit (the share of messages that bounced for good, more than 0, at most 1, past which it
  pauses by itself; looked at from 20 messages on since it was last started), stopOnAutoReply
  (an automatic reply ends a sequence). campaign_schedule, daily_limit, daily_max_leads,
  prioritize_new_leads and stop_on_auto_reply are names for the same; the others win
Errors: PT400 invalid_request (DETAIL lists what is wrong with settings), PT404
campaign_not_found, PT404 pool_not_found, PT409 pool_needed, PT409 wrong_isolation.';
-- campaign: why a campaign is sending nothing.

CREATE FUNCTION leadterra.time_text(at timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(time_text.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"');
END;

COMMENT ON FUNCTION leadterra.time_text(timestamptz) IS 'Return a time as sentences have it.';

-- What waits again in a campaign: after a lease that ran out, or to be tried again.  The
-- messages of leads that get no more are left out.
CREATE FUNCTION leadterra.waiting_again(
    workspace_id uuid, campaign_id uuid, started_at timestamptz,
    ended_lead_ids uuid[], invalid_lead_ids uuid[], deleted_lead_ids uuid[])
RETURNS TABLE (is_lost boolean, messages bigint, due_at timestamptz, reason text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        w.is_lost,
        sum(w.messages)::bigint,
        min(w.due_at),
        (array_agg(w.error ORDER BY w.due_at))[1]
    FROM (
        SELECT
            w.losses > 0 AS is_lost,
            w.error,
            (SELECT leadterra.due_at(w.waiting_since, waiting_again.started_at, s.delay_minutes)
             FROM leadterra.steps s
             WHERE s.workspace_id = waiting_again.workspace_id
               AND s.campaign_id = waiting_again.campaign_id AND s.step = w.step) AS due_at,
            w.last - w.unused + 1 - coalesce(n.skipped + n.deleted, 0) AS messages
        FROM leadterra.waiting_ranges w
        LEFT JOIN LATERAL leadterra.count_held_back(
            w.workspace_id, w.batch_id, w.unused, w.last,
            waiting_again.ended_lead_ids, waiting_again.invalid_lead_ids,
            waiting_again.deleted_lead_ids) n ON true
        WHERE w.workspace_id = waiting_again.workspace_id
          AND w.campaign_id = waiting_again.campaign_id
          AND (w.losses > 0 OR w.tried_at IS NOT NULL)
    ) w
    WHERE w.messages > 0
    GROUP BY w.is_lost;
END;

COMMENT ON FUNCTION leadterra.waiting_again(uuid, uuid, timestamptz, uuid[], uuid[], uuid[]) IS
'Count the messages of a campaign that wait again

Returns: a row for those whose lease ran out, and one for those that are tried again; when
the first of them is due, and why that waits.';

CREATE FUNCTION leadterra.held_by(
    workspace_id uuid, campaign_id uuid, step integer, now timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN leadterra.window_opens(c.schedule, held_by.now) > held_by.now THEN 'outside_window'
        WHEN u.handed >= c.daily_limit OR held_by.step = 1 AND u.new_leads >= c.daily_new_leads
            THEN 'campaign_limit'
        -- Who has used up its day is free tomorrow.
        WHEN (
            SELECT bool_and(s.free_at >= leadterra.zone_day_start(
                s.time_zone, leadterra.zone_day(s.time_zone, held_by.now) + 1))
            FROM leadterra.pool_senders p
            JOIN leadterra.senders s
                ON s.workspace_id = p.workspace_id AND s.sender_id = p.sender_id
            WHERE p.workspace_id = c.workspace_id AND p.pool_id = c.pool_id
              AND s.status <> 'paused'
        ) THEN 'senders_full'
        ELSE 'no_free_sender'
    END
    FROM leadterra.campaigns c
    LEFT JOIN leadterra.campaign_usage u
        ON u.workspace_id = c.workspace_id AND u.campaign_id = c.campaign_id
        AND u.used_on >= leadterra.zone_day(leadterra.schedule_zone(c.schedule), held_by.now)
    WHERE c.workspace_id = held_by.workspace_id AND c.campaign_id = held_by.campaign_id;
END;

COMMENT ON FUNCTION leadterra.held_by(uuid, uuid, integer, timestamptz) IS
'Say what keeps messages of a campaign that are due from being handed out.';

-- What a worker would say of a campaign if it could be asked.
CREATE FUNCTION @extschema@.lt_sending_status(campaign_id uuid)
RETURNS TABLE (status text, message text, next_due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        x.status,
        concat_ws(' ',
            CASE x.status
                WHEN 'draft' THEN 'The campaign has not been started.'
                WHEN 'paused' THEN
                    concat(
                        format('The campaign is paused since %s.',
                            leadterra.time_text(c.paused_at)),
                        CASE WHEN c.pause_reason = 'bounce_limit'
                            THEN ' It paused by itself: too many of its messages bounced.' END)
                WHEN 'no_leads' THEN 'Nobody is enrolled in the campaign.'
                WHEN 'due' THEN 'Messages are due and wait for a worker to claim them.'
                WHEN 'outside_window' THEN
                    concat(
                        'Messages are due, and the campaign sends at other times',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(': the next are handed out at %s.',
                                leadterra.time_text(h.claimable_at))
                        ELSE '; there are none to come.' END)
                WHEN 'campaign_limit' THEN
                    format('Messages are due, and the limit of the campaign for today is used up. '
                        'The next are handed out at %s.', leadterra.time_text(h.claimable_at))
                WHEN 'senders_full' THEN
                    concat(
                        'Messages are due, and no sender may send more today.',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(' The next are handed out at %s.',
                                leadterra.time_text(h.claimable_at)) END)
                WHEN 'no_free_sender' THEN
                    concat(
                        'Messages are due, and no sender that may have them is free.',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(' The next is at %s.',
                                leadterra.time_text(h.claimable_at)) END)
                WHEN 'lease_expired' THEN
                    'A worker let its lease run out; the next claim gives its messages back.'
                WHEN 'all_leased' THEN 'All messages that are due are with workers.'
                WHEN 'nothing_due' THEN
                    format('The next message is due at %s.', leadterra.time_text(h.claimable_at))
                ELSE 'Every lead has reached the end of its sequence.'
            END,
            a.message,
            CASE WHEN f.messages > 0 THEN format('Messages that failed: %s.', f.messages) END),
        CASE WHEN c.status = 'running' THEN least(h.claimable_at, l.expires_at) END
    FROM leadterra.enter_campaign('campaigns:read', lt_sending_status.campaign_id)
        AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN leadterra.clock() AS k (now)
    CROSS JOIN LATERAL (
        SELECT
            min(h.due_at) AS due_at,
            min(h.claimable_at) AS claimable_at,
            min(h.step) FILTER (WHERE h.due_at <= k.now) AS step
        FROM leadterra.campaign_due(
            c.workspace_id, c.campaign_id, c.started_at,
            num_nonnulls(c.pool_id, c.schedule, c.daily_limit, c.daily_new_leads) > 0) h
        WHERE c.status = 'running'
    ) h
    CROSS JOIN LATERAL (
        SELECT min(l.expires_at) AS expires_at
        FROM leadterra.leases l
        WHERE l.workspace_id = c.workspace_id AND l.campaign_id = c.campaign_id AND l.state = 'open'
    ) l
    CROSS JOIN LATERAL (
        SELECT string_agg(
            format(
                CASE WHEN w.is_lost THEN
                    'Messages that wait because a lease ran out with nothing reported: '
                    '%s, the next from %s.'
                ELSE
                    'Messages that wait to be tried again: %s, the next from %s, because of: %s'
                END,
                w.messages,
                leadterra.time_text(w.due_at),
                coalesce(
                    regexp_replace(left(w.reason, 200), '\s+', ' ', 'g'),
                    'a worker gave it back')),
            ' ' ORDER BY w.is_lost DESC) AS message
        FROM leadterra.waiting_again(
            c.workspace_id, c.campaign_id, c.started_at,
            c.ended_lead_ids, c.invalid_lead_ids, c.deleted_lead_ids) w
        WHERE c.queued_messages > 0
    ) a
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN c.status <> 'running' THEN c.status
            WHEN c.leads_enrolled = 0 THEN 'no_leads'
            WHEN h.claimable_at <= k.now THEN 'due'
            WHEN h.due_at <= k.now THEN leadterra.held_by(
                c.workspace_id, c.campaign_id, h.step, k.now)
            WHEN l.expires_at <= k.now THEN 'lease_expired'
            WHEN l.expires_at IS NOT NULL THEN 'all_leased'
            WHEN h.due_at IS NOT NULL THEN 'nothing_due'
            ELSE 'finished'
        END AS status
    ) x
    CROSS JOIN LATERAL (
        SELECT CASE WHEN x.status = 'finished' THEN (
            SELECT count(*)
            FROM leadterra.exceptions e
            WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id
              AND e.state = 'failed'
        ) + (
            SELECT coalesce(sum(t.failed), 0)
            FROM leadterra.totals t
            WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
              AND t.sender_id = leadterra.nobody() AND t.variant = 0
        ) END AS messages
    ) f;
END;

COMMENT ON FUNCTION @extschema@.lt_sending_status(uuid) IS
'Say in a word and a sentence why a campaign is sending nothing, or that it could

Of a campaign that is finished it says how many messages failed. Of any other it says what
waits again, from when on and why: a lease ran out with nothing reported, an attempt failed,
or a worker deferred it.

Parameters:
- campaign_id: the campaign
Returns: status: draft, paused, no_leads, due (messages wait for a worker), outside_window,
campaign_limit, senders_full, no_free_sender, lease_expired, all_leased, nothing_due or
finished; sentences; and when something is due next.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
-- forecast: what a campaign will send on which day.
--
-- What there is, is read here, and src/forecast_run.c goes on from it.

CREATE FUNCTION leadterra.forecast_waiting(workspace_id uuid, campaign_id uuid)
RETURNS TABLE (
    sender_id uuid,
    step smallint,
    waiting_since timestamptz,
    due_at timestamptz,
    is_new boolean,
    messages bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        w.sender_id,
        w.step,
        w.waiting_since,
        w.due_at,
        w.step = 1 AND w.attempt = 1 AND w.losses = 0 AND w.tried_at IS NULL,
        (w.last - w.unused + 1 - coalesce(n.skipped + n.deleted, 0))::bigint
    FROM (
        SELECT c.ended_lead_ids, c.invalid_lead_ids, c.deleted_lead_ids
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = forecast_waiting.workspace_id
          AND c.campaign_id = forecast_waiting.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN leadterra.waiting_ranges w
    LEFT JOIN LATERAL leadterra.count_held_back(
        w.workspace_id, w.batch_id, w.unused, w.last,
        c.ended_lead_ids, c.invalid_lead_ids, c.deleted_lead_ids) n ON true
    WHERE w.workspace_id = forecast_waiting.workspace_id
      AND w.campaign_id = forecast_waiting.campaign_id
    ORDER BY w.range_id;
END;

COMMENT ON FUNCTION leadterra.forecast_waiting(uuid, uuid) IS
'List what waits in a campaign, but for what will be skipped, in the order it was queued in

is_new says that nobody has had the first messages of these leads.';

-- A message of an open lease is with a worker, one of a lease that ran out waits again.
CREATE FUNCTION leadterra.forecast_leased(workspace_id uuid, campaign_id uuid, now timestamptz)
RETURNS TABLE (
    sender_id uuid,
    step smallint,
    waiting_since timestamptz,
    is_lost boolean,
    open bigint,
    active bigint,
    completed bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        leadterra.sender_heir(l.workspace_id, l.sender_id),
        b.step,
        b.waiting_since,
        l.expires_at <= forecast_leased.now,
        count(*) FILTER (WHERE NOT p.settled),
        count(*) FILTER (WHERE NOT p.settled AND p.active),
        count(*) FILTER (WHERE p.completed AND p.active)
    FROM leadterra.leases l
    CROSS JOIN LATERAL (
        SELECT u.batch_id, u.first, u.last,
            sum(u.last - u.first + 1) OVER (ORDER BY u.number) - (u.last - u.first + 1) AS start
        FROM unnest(l.batch_ids, l.firsts, l.lasts)
            WITH ORDINALITY AS u (batch_id, first, last, number)
    ) r
    CROSS JOIN LATERAL (
        SELECT b.step, b.lead_ids, b.waiting_since
        FROM leadterra.batches b
        WHERE b.workspace_id = l.workspace_id AND b.batch_id = r.batch_id
        OFFSET 0
    ) b
    CROSS JOIN LATERAL (
        SELECT
            coalesce(get_bit(l.completed, r.start + u.number - 1) = 1, false) AS completed,
            coalesce(get_bit(l.settled, r.start + u.number - 1) = 1, false) AS settled,
            coalesce((
                SELECT e.status = 'active'
                FROM leadterra.enrollments e
                WHERE e.workspace_id = l.workspace_id AND e.campaign_id = l.campaign_id
                  AND e.lead_id = u.lead_id
            ), false)
            AND coalesce((
                SELECT d.verification_status IS DISTINCT FROM -1
                FROM leadterra.leads d
                WHERE d.workspace_id = l.workspace_id AND d.lead_id = u.lead_id
            ), false) AS active
        FROM unnest(b.lead_ids[r.first:r.last]) WITH ORDINALITY AS u (lead_id, number)
    ) p
    WHERE l.workspace_id = forecast_leased.workspace_id
      AND l.campaign_id = forecast_leased.campaign_id AND l.state = 'open'
    GROUP BY l.workspace_id, l.lease_id, l.sender_id, b.step, b.waiting_since, l.expires_at
    ORDER BY l.lease_id, b.step, b.waiting_since;
END;

COMMENT ON FUNCTION leadterra.forecast_leased(uuid, uuid, timestamptz) IS
'Count what workers hold of a campaign, by lease and step

Returns: what they have not reported on, how much of that is of leads that get more, and what
was completed of such leads.';

-- Those of a pool, and those that go on with what they began.
CREATE FUNCTION leadterra.forecast_senders(workspace_id uuid, campaign_id uuid, pool_id uuid)
RETURNS TABLE (
    sender_id uuid,
    takes_new boolean,
    can_send boolean,
    is_warming boolean,
    daily_limit integer,
    ramp_from integer,
    ramp_step integer,
    ramp_since date,
    gap_seconds integer,
    gap_jitter_seconds integer,
    time_zone text,
    used_on date,
    used integer,
    free_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        s.sender_id, m.takes_new, s.deleted_at IS NULL AND s.status <> 'paused',
        s.status = 'warming', s.daily_limit, s.ramp_from, s.ramp_step, s.ramp_since,
        s.gap_seconds, s.gap_jitter_seconds, s.time_zone, s.used_on, s.used, s.free_at
    FROM (
        SELECT m.sender_id, bool_or(m.takes_new) AS takes_new
        FROM (
            SELECT p.sender_id, NOT p.has_left AS takes_new
            FROM leadterra.pool_senders p
            WHERE p.workspace_id = forecast_senders.workspace_id
              AND p.pool_id = forecast_senders.pool_id
            UNION
            SELECT w.sender_id, false
            FROM leadterra.waiting w
            WHERE w.workspace_id = forecast_senders.workspace_id
              AND w.campaign_id = forecast_senders.campaign_id AND w.due_at IS NOT NULL
            UNION
            SELECT leadterra.sender_heir(l.workspace_id, l.sender_id), false
            FROM leadterra.leases l
            WHERE l.workspace_id = forecast_senders.workspace_id
              AND l.campaign_id = forecast_senders.campaign_id AND l.state = 'open'
        ) m
        GROUP BY m.sender_id
    ) m
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.senders s
        WHERE s.workspace_id = forecast_senders.workspace_id AND s.sender_id = m.sender_id
        OFFSET 0
    ) s
    ORDER BY s.free_at, s.sender_id;
END;

COMMENT ON FUNCTION leadterra.forecast_senders(uuid, uuid, uuid) IS
'List the senders that a campaign may have, those that are free for longest first

takes_new says that they are in the pool, and do not only go on with what they began.';

CREATE FUNCTION @extschema@.lt_forecast(campaign_id uuid, assume jsonb DEFAULT '{}')
RETURNS TABLE (day date, step integer, messages bigint, backlog bigint)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_forecast';

COMMENT ON FUNCTION @extschema@.lt_forecast(uuid, jsonb) IS
'Forecast who gets how many mails on which day, by step

It goes through what is to come as if workers claimed all they may as soon as they may, in
claims of 10,000, and sent it at once; as if nobody replied, nothing bounced or failed, and no
other campaign had the same senders. A draft starts now, a campaign that is paused goes on now.
It counts batches and not leads, and writes nothing.

- Windows, limits of a day and order are those of the campaign, senders those of its pool: with
  limits, warming, time zones and gaps, what they have used today, and what each has begun. A gap
  at random counts by its mean.
- What workers hold is sent now, and was counted for limits before. Once their lease has run out
  it waits again.
- Left out is what will be skipped as far as that is known without a look at each lead: of leads
  that have ended in the campaign or were deleted, and whose address was found invalid.
  Suppressed addresses are not known.
- Where more than a million messages are to come, a sender with a gap sends a few in a row at a
  time.
- It ends with the last day on which something is sent or becomes due. So the last day has as its
  backlog what can never be sent. It ends before that after 3,660 days, 100,000 rows or two
  million claims.

Parameters:
- campaign_id: the campaign
- assume: an object, what to go by in place of what there is: the settings poolId, schedule,
  dailyLimit, dailyNewLeads and newLeadsFirst as in lt_set_sending, where null takes one away;
  newLeads (so many more are enrolled now, at most 10,000,000), senders (in place of those of
  the pool, and of all that were begun with: an array of objects with dailyLimit, gapSeconds,
  timeZone and count, 1 if omitted; at most 10,000 in all), startAt (the time from which it
  runs, such as 2030-01-31T09:00:00Z; one that has passed is now)
Returns: rows for the days and steps that have any: day (of the zone of the first window, or of
UTC), step, messages (sent on that day), backlog (due by the end of that day, and not sent).
Errors: PT400 invalid_request (DETAIL lists what is wrong with assume), PT404
campaign_not_found, PT404 pool_not_found.';
-- job: claims of jobs, and how they end.

-- Whoever could not do a job leaves it to the next worker: nothing is waited for.
CREATE FUNCTION leadterra.job_retry_at(attempts integer, now timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT leadterra.lease_retry_at('{0, 0, 0, 0}', job_retry_at.attempts, job_retry_at.now);
END;

COMMENT ON FUNCTION leadterra.job_retry_at(integer, timestamptz) IS
'Return when a job is tried again after so many attempts: at once, and null after the fifth.';

-- Sorting is off for the index of open jobs to be used, whatever the planner
-- thinks of the table.
CREATE FUNCTION leadterra.claim_job(workspace uuid, lease_for interval, worker text, type text)
RETURNS SETOF @extschema@.lt_job
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    at constant timestamptz := leadterra.clock();
    until constant timestamptz := leadterra.lease_end(at, claim_job.lease_for);
    found_job record;
    times_lost smallint;
BEGIN
    PERFORM leadterra.require_read_committed('claiming a job');
    IF claim_job.type <> 'verify_leads' THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('job type "%s" is unknown', claim_job.type));
    END IF;

    LOOP
        SELECT j.job_id, j.status, j.attempt, j.losses, j.lost_at INTO found_job
        FROM leadterra.jobs j
        WHERE j.workspace_id = workspace
          AND j.status IN ('pending', 'in-progress')
          AND (j.status = 'pending' OR j.expires_at <= at)
          AND (claim_job.type IS NULL OR j.type = claim_job.type)
        ORDER BY j.workspace_id, j.created_at, j.job_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;

        -- A lease that ran out costs no attempt.  A job is alone in its lease, and is not
        -- kept waiting: that lasts as long as its worker asked for.
        times_lost := CASE found_job.status
            WHEN 'pending' THEN 0
            ELSE leadterra.lease_lose(found_job.losses, EXISTS (
                SELECT FROM leadterra.jobs j
                WHERE j.workspace_id = workspace AND j.finished_at >= found_job.lost_at
                  AND j.status = 'success'))
        END;
        IF times_lost > 0
            OR times_lost = 0 AND leadterra.job_retry_at(found_job.attempt, at) IS NOT NULL THEN
            RETURN QUERY
            UPDATE leadterra.jobs j SET
                status = 'in-progress',
                attempt = j.attempt + (j.status = 'pending')::integer,
                worker = claim_job.worker,
                lease_id = leadterra.uuidv7(),
                expires_at = until,
                error = CASE WHEN times_lost > 0 THEN leadterra.lease_loss(false) ELSE j.error END,
                updated_at = at,
                losses = times_lost,
                lost_at = CASE WHEN times_lost > 0 THEN j.expires_at END
            WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id
            RETURNING
                j.lease_id, j.job_id, j.type, j.campaign_id, j.list_id,
                j.attempt::integer, j.progress::integer, j.lead_ids;
            RETURN;
        END IF;

        -- Nobody has said how that lease ended, and nobody may any more.
        UPDATE leadterra.jobs j SET
            status = 'failed', lease_id = NULL, expires_at = NULL,
            error = CASE WHEN times_lost IS NULL THEN leadterra.lease_loss(true) ELSE j.error END,
            updated_at = at, finished_at = at
        WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.claim_job(uuid, interval, text, text) IS
'Do what lt_claim_job says, in a workspace.';

CREATE FUNCTION @extschema@.lt_claim_job(
    lease_for interval DEFAULT '5 minutes',
    worker text DEFAULT NULL,
    type text DEFAULT NULL
)
RETURNS SETOF @extschema@.lt_job
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claim_job';

COMMENT ON FUNCTION @extschema@.lt_claim_job(interval, text, text) IS
'Claim the oldest background job that waits

Commit, do the work, call lt_job_progress from time to time, and lt_finish_job in the end.
A job whose lease ran out is handed out again, under a new lease, and no attempt is
counted. After six times in a row it has failed, if another job was done since the time
before. It has failed too after five attempts that ended in an error. The channel
leadterra_jobs tells of new jobs and of those given back, but not of leases that ran out.

Parameters:
- lease_for: how long the worker has, at most a week
- worker: a name for people, at most 1,000 bytes
- type: verify_leads: look at the leads and call lt_set_verification; null: any
Returns: one row; none if nothing waits that no other session is just claiming.
Errors: PT400 invalid_request, PT409 wrong_isolation.';

-- Whether a lease has run out is decided after its row is locked, which may
-- take a while.  It is asked for in the order of leases for their index to be
-- used: see lt_set_verification.
CREATE FUNCTION leadterra.lock_job(
    workspace uuid,
    lease_id uuid,
    accepted text[],
    OUT job_id uuid,
    OUT status text,
    OUT attempt smallint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    expires_at timestamptz;
BEGIN
    SELECT j.job_id, j.status, j.attempt, j.expires_at
    INTO lock_job.job_id, lock_job.status, lock_job.attempt, expires_at
    FROM leadterra.jobs j
    WHERE j.workspace_id = workspace AND j.lease_id BETWEEN lock_job.lease_id AND lock_job.lease_id
    ORDER BY j.lease_id
    LIMIT 1
    FOR UPDATE;
    PERFORM leadterra.require_lease(
        lock_job.lease_id, lock_job.status = ANY (lock_job.accepted), expires_at);
END;
$$;

COMMENT ON FUNCTION leadterra.lock_job(uuid, uuid, text[]) IS
'Lock the job of a lease

Errors: PT409 lease_lost: the lease has run out, or the status of the job is not accepted.';

CREATE FUNCTION leadterra.job_progress(
    workspace uuid, lease_id uuid, progress integer, lease_for interval)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    job record;
    at timestamptz;
    until timestamptz;
BEGIN
    IF job_progress.progress IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "progress" must not be null');
    ELSIF job_progress.progress NOT BETWEEN 0 AND 100 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "progress" must be from 0 to 100, not %s', job_progress.progress));
    END IF;
    job := leadterra.lock_job(workspace, job_progress.lease_id, '{in-progress}');
    at := leadterra.clock();
    until := leadterra.lease_end(at, job_progress.lease_for);
    UPDATE leadterra.jobs j
    SET progress = job_progress.progress, expires_at = until, updated_at = at
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    RETURN until;
END;
$$;

COMMENT ON FUNCTION leadterra.job_progress(uuid, uuid, integer, interval) IS
'Do what lt_job_progress says, in a workspace.';

CREATE FUNCTION @extschema@.lt_job_progress(
    lease_id uuid,
    progress integer,
    lease_for interval DEFAULT '5 minutes')
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_job_progress';

COMMENT ON FUNCTION @extschema@.lt_job_progress(uuid, integer, interval) IS
'Say how far a job is, and give its worker more time

Parameters:
- lease_id: the lease
- progress: percent, 0 to 100; it may be less than before
- lease_for: how long the lease lasts from now, at most a week
Returns: when the lease runs out.
Errors: PT400 invalid_request, PT409 lease_lost (it has run out, is finished, or does not
exist; nothing is changed).';

CREATE FUNCTION leadterra.finish_job(workspace uuid, lease_id uuid, error text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    job record;
    at timestamptz;
    outcome text;
BEGIN
    job := leadterra.lock_job(workspace, finish_job.lease_id,
        CASE WHEN finish_job.error IS NULL THEN '{in-progress, success}'
        ELSE '{in-progress, success, pending, failed}' END::text[]);
    IF job.status <> 'in-progress' THEN
        RETURN false;
    END IF;

    at := leadterra.clock();
    outcome := CASE
        WHEN finish_job.error IS NULL THEN 'success'
        WHEN leadterra.job_retry_at(job.attempt, at) IS NOT NULL THEN 'pending'
        ELSE 'failed'
    END;
    UPDATE leadterra.jobs j SET
        status = outcome,
        progress = CASE outcome WHEN 'success' THEN 100 ELSE j.progress END,
        expires_at = NULL,
        error = leadterra.lease_error(finish_job.error),
        updated_at = at,
        finished_at = CASE WHEN outcome <> 'pending' THEN at END
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    IF outcome = 'pending' THEN
        PERFORM pg_notify('leadterra_jobs', '');
    END IF;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_job(uuid, uuid, text) IS
'Do what lt_finish_job says, in a workspace.';

CREATE FUNCTION @extschema@.lt_finish_job(lease_id uuid, error text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_job';

COMMENT ON FUNCTION @extschema@.lt_finish_job(uuid, text) IS
'Say that a job is done, or why it could not be

Without an error it is a success. With one it waits for another attempt; after the fifth
it has failed. Repeating a call is harmless, until the job is claimed again.

Parameters:
- lease_id: the lease
- error: why; the first 1,000 characters are kept; null: it is done
Returns: whether that was new.
Errors: PT400 invalid_request, PT409 lease_lost (it has run out, or does not exist; nothing
is changed).';

CREATE FUNCTION leadterra.maintain_jobs(workspace uuid, before timestamptz, slice bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    old uuid;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT j.job_id
        FROM leadterra.jobs j
        WHERE j.workspace_id = workspace AND j.finished_at < before
        ORDER BY j.finished_at
        LIMIT slice
        FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM leadterra.jobs j WHERE j.workspace_id = workspace AND j.job_id = old;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_jobs(uuid, timestamptz, bigint) IS
'Remove jobs of a workspace that were finished before a time, at most a slice; return how many.';
-- enroll: the bulk call, and what is done with the leads of a campaign.

CREATE FUNCTION @extschema@.lt_bulk_upsert(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS @extschema@.lt_bulk_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bulk_upsert';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert(uuid, jsonb, text, boolean) IS
'Enroll leads in a campaign and update the leads that are known

Entries apply in order, as if each were a call of its own. Addresses match trimmed, in
lower case, and with their domains in A-labels. An omitted field keeps its value, null
clears it, and keys that are no standard fields become custom fields. Suppressed addresses
are skipped. Nobody is enrolled twice, and no position in a sequence is reset.

Parameters:
- campaign_id: the campaign, in any state
- leads: an array of at most a million lead objects, or an object that has it as "leads"
- on_invalid: error: an invalid entry fails the call; skip: it is left out
- dry_run: say what would happen, and write nothing
Returns: counts of entries.
Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409
wrong_isolation, PT413 too_many_entries, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_bulk_upsert_report(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS TABLE (
    index integer,
    email text,
    lead_id uuid,
    outcome text,
    new_to_workspace boolean,
    reason text,
    field text,
    code text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bulk_upsert_report';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert_report(uuid, jsonb, text, boolean) IS
'Do what lt_bulk_upsert does and return one row an entry

Parameters:
- campaign_id: the campaign, in any state
- leads: an array of at most a million lead objects, or an object that has it as "leads"
- on_invalid: error: an invalid entry fails the call; skip: it is left out
- dry_run: say what would happen, and write nothing
Returns: index of the entry, from 0; its address; the lead (null: it has none yet); outcome
(enrolled, updated or skipped); whether the lead is new to the workspace; the reason: why
it was skipped (suppressed, invalid_email, wrong_type and so on), or duplicate_in_payload;
field and code of what is invalid first, as PT422 lists them. Where nothing is, the code
is the reason.
Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409
wrong_isolation, PT413 too_many_entries, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_remove_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_remove_leads';

COMMENT ON FUNCTION @extschema@.lt_remove_leads(uuid, text[]) IS
'Take active leads out of a campaign

Their queued messages are skipped. The leads stay in the workspace and may be enrolled
again, at the position they had. Leads that replied, bounced or unsubscribed keep that
state and are not counted.

Parameters:
- campaign_id: the campaign
- emails: at most a million addresses
Returns: how many were taken out.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_restart_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_restart_leads';

COMMENT ON FUNCTION @extschema@.lt_restart_leads(uuid, text[]) IS
'Let leads go on whose sequence ended before its last step

A lead that replied, bounced or unsubscribed is active again. A message that failed or was
skipped is queued again, as its first attempt. Leads that were removed, and active ones of
which nothing failed or was skipped, are not counted. An address that is suppressed is
skipped again: see lt_unsuppress.

Parameters:
- campaign_id: the campaign
- emails: at most a million addresses
Returns: how many go on.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries.';

CREATE FUNCTION leadterra.enter_lead(scope text, campaign_id uuid, email text)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enter_lead';

COMMENT ON FUNCTION leadterra.enter_lead(text, uuid, text) IS
'Begin a call on a lead of a campaign that needs a scope, and return the lead

Errors: those of leadterra.enter, PT404 campaign_not_found, PT404 lead_not_found.';
-- enroll: adding leads to a campaign or a list.

CREATE FUNCTION @extschema@.lt_add_leads(
    leads jsonb,
    campaign_id uuid DEFAULT NULL,
    list_id uuid DEFAULT NULL,
    blocklist_id uuid DEFAULT NULL,
    assigned_to uuid DEFAULT NULL,
    verify_leads_on_import boolean DEFAULT false,
    skip_if_in_workspace boolean DEFAULT false,
    skip_if_in_campaign boolean DEFAULT false,
    skip_if_in_list boolean DEFAULT false
)
RETURNS jsonb
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_add_leads';

COMMENT ON FUNCTION @extschema@.lt_add_leads(
    jsonb, uuid, uuid, uuid, uuid, boolean, boolean, boolean, boolean) IS
'Add up to 1,000 leads to a campaign or a list, as the second service''s bulk call does

A lead object has email, first_name, last_name, company_name, job_title, phone, website,
personalization, pl_value_lead, lt_interest_status, assigned_to and custom_variables, and
nothing else. A lead that is in the campaign or list already is not changed. One that the
workspace knows is merged as by lt_bulk_upsert.

Each entry is counted once, by the first that applies: incomplete (for a list: neither
address nor name) or invalid; repeated in the call; on the block list; in the campaign or
list already; skipped by a flag; uploaded.

Parameters:
- leads: an array of 1 to 1,000 lead objects
- campaign_id: the campaign; either this or list_id
- list_id: the list, which may hold leads without an address
- blocklist_id: the block list to check against; null: the suppression list
- assigned_to: for leads that name nobody; null: the campaign''s owner, where nobody has them
- verify_leads_on_import: make a background job that verifies the addresses
- skip_if_in_workspace: leave out leads that the workspace knows
- skip_if_in_campaign: leave out leads that are in any campaign
- skip_if_in_list: leave out leads that are on any list
Returns: an object of counters, which add up to total_sent, and the leads uploaded.
Errors: PT400 invalid_request (a malformed call or lead), PT400 too_many_leads, PT400
too_many_variables, PT402 plan_limit_reached, PT404 blocklist_not_found, PT404
campaign_not_found, PT404 list_not_found, PT409 wrong_isolation.';
-- enroll: which columns of a table an import takes for what.

-- The server folds names that are not quoted, and lt_leads has names of its own: what
-- was exported comes back as it was.
CREATE FUNCTION leadterra.import_names()
RETURNS TABLE (name text, key text, is_key boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT n.name, f.name, n.name IN (f.name, f.alias)
    FROM leadterra.lead_fields() f
    CROSS JOIN LATERAL unnest(ARRAY[f.name, f.alias, f.column_name]) AS n (name)
    UNION
    VALUES
        ('email', 'email', true),
        ('customFields', 'customFields', true),
        ('custom', 'customFields', false);
END;

COMMENT ON FUNCTION leadterra.import_names() IS
'List the names that columns for the keys of a lead object may have

is_key says whether a lead object may have that name too.';

CREATE FUNCTION leadterra.fold_name(name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT lower(replace(fold_name.name, '_', '') COLLATE "C");
END;

COMMENT ON FUNCTION leadterra.fold_name(text) IS
'Return a name without underscores, in ASCII lower case.';

CREATE FUNCTION leadterra.import_goes_by_names(mapping jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT NOT EXISTS (
        SELECT FROM jsonb_object_keys(import_goes_by_names.mapping) AS m (key)
        WHERE leadterra.fold_name(m.key) = 'email');
END;

COMMENT ON FUNCTION leadterra.import_goes_by_names(jsonb) IS
'Say whether columns that a mapping does not name go by their names

They do where it says nothing of the address.';

CREATE FUNCTION leadterra.import_passes_over(source regclass, place smallint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = import_passes_over.source AND a.attnum = import_passes_over.place
          AND a.attname IN ('lead_id', 'created_at', 'updated_at'))
    OR EXISTS (
        SELECT FROM pg_depend d
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = import_passes_over.source
          AND d.refobjsubid = import_passes_over.place
          AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'));
END;

COMMENT ON FUNCTION leadterra.import_passes_over(regclass, smallint) IS
'Say whether a column is no custom field unless a mapping says so

Such are serial and identity columns, and the id and the times that lt_leads shows.';

-- Of two columns for one field the first is it that lead objects may have so, and the other
-- is a custom field.  What the mapping says comes before all.
CREATE FUNCTION leadterra.import_columns(source regclass, mapping jsonb)
RETURNS TABLE (place smallint, name text, key text, is_field boolean)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH mapped AS (
        SELECT m.key, m.value AS name
        FROM jsonb_each_text(import_columns.mapping) m
    ), columns AS (
        SELECT a.attnum AS place, a.attname::text AS name
        FROM pg_attribute a
        WHERE a.attrelid = import_columns.source AND a.attnum > 0 AND NOT a.attisdropped
    ), given AS (
        SELECT c.place, c.name, m.key AS given, true AS is_mapped
        FROM mapped m
        JOIN columns c ON c.name = m.name
        UNION ALL
        SELECT c.place, c.name, c.name, false
        FROM columns c
        WHERE leadterra.import_goes_by_names(import_columns.mapping)
          AND NOT EXISTS (SELECT FROM mapped m WHERE m.name = c.name)
    ), known AS (
        SELECT g.place, g.name, g.given, g.is_mapped, n.key AS field,
            coalesce(n.is_given, false) AS is_key
        FROM given g
        LEFT JOIN LATERAL (
            SELECT n.key, n.is_key AND n.name = g.given AS is_given
            FROM leadterra.import_names() n
            WHERE leadterra.fold_name(n.name) = leadterra.fold_name(g.given)
            ORDER BY 2 DESC
            LIMIT 1
        ) n ON true
    ), ranked AS (
        SELECT k.*,
            row_number() OVER (
                PARTITION BY coalesce(k.field, k.given)
                ORDER BY k.is_mapped DESC, k.is_key DESC, k.place) = 1 AS is_first,
            bool_or(k.is_mapped) OVER (PARTITION BY coalesce(k.field, k.given)) AS is_said
        FROM known k
    ), named AS (
        SELECT r.place, r.name, r.is_mapped,
            CASE
                WHEN NOT r.is_mapped AND (r.is_said OR r.field IS NULL
                    AND leadterra.import_passes_over(import_columns.source, r.place)) THEN NULL
                WHEN r.field IS NOT NULL AND r.is_first AND NOT r.is_key THEN r.field
                ELSE r.given
            END AS key,
            r.is_key OR r.field IS NOT NULL AND r.is_first AS is_field
        FROM ranked r
    )
    SELECT n.place, n.name,
        CASE WHEN n.is_mapped OR NOT EXISTS (
            SELECT FROM mapped m WHERE m.name IS NULL AND m.key IN (n.name, n.key)
        ) THEN n.key END,
        n.is_field
    FROM named n;
END;

COMMENT ON FUNCTION leadterra.import_columns(regclass, jsonb) IS
'List the columns of a table that an import looks at, with their keys in lead objects

A column without a key is left out. Those that are no field are custom fields.';

CREATE FUNCTION leadterra.tell_columns(source regclass, mapping jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken record;
    said text;
    hint text;
BEGIN
    SELECT
        string_agg(c.label, ', ' ORDER BY c.place) FILTER (WHERE c.is_field) AS fields,
        string_agg(c.label, ', ' ORDER BY c.place) FILTER (WHERE NOT c.is_field) AS custom,
        string_agg(c.name, ', ' ORDER BY c.place) FILTER (WHERE c.is_field IS NULL) AS passed_over,
        min(jsonb_build_object(c.name, NULL)::text) FILTER (WHERE NOT c.is_field) AS without,
        min(jsonb_build_object(c.name, c.name)::text)
            FILTER (WHERE c.is_field IS NULL AND NOT coalesce(mapping, '{}') ? c.name) AS along
    INTO taken
    FROM (
        SELECT x.place, x.name,
            CASE WHEN x.key = x.name THEN x.name
            ELSE format('%s as %s', x.name, x.key) END AS label,
            CASE WHEN x.key IS NOT NULL THEN x.is_field END AS is_field
        FROM leadterra.import_columns(source, mapping) x
    ) c;
    said := format('columns of table "%s": %s', source,
        concat_ws('; ', taken.fields,
            'custom fields: ' || taken.custom, 'passed over: ' || taken.passed_over));
    hint := concat_ws(' ',
        'The mapping ' || taken.without || ' leaves a column out.',
        'The mapping ' || taken.along || ' takes one that is passed over.');
    IF hint = '' THEN
        RAISE NOTICE '%', said;
    ELSE
        RAISE NOTICE '%', said USING HINT = hint;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.tell_columns(regclass, jsonb) IS
'Say in a NOTICE what the columns of a table are taken for.';

-- A file loaded into a table of texts has what lt_leads shows as a text.
CREATE FUNCTION leadterra.read_custom(given text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given ~ '^\s*\{' THEN
        RETURN given::jsonb;
    END IF;
    RETURN CASE WHEN given ~ '\S' THEN to_jsonb(given) END;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN to_jsonb(given);
END;
$$;

COMMENT ON FUNCTION leadterra.read_custom(text) IS
'Return the object in a text, or the text where it is none; null where it is blank.';

CREATE FUNCTION leadterra.import_row(keys text[], cells jsonb[])
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_import_row';

COMMENT ON FUNCTION leadterra.import_row(text[], jsonb[]) IS
'Make a lead object of the cells of a row, without those that are null.';

CREATE FUNCTION leadterra.mapping_problem(source regclass, mapping jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text;
BEGIN
    IF jsonb_typeof(mapping) <> 'object' THEN
        RETURN 'argument "mapping" must be an object of lead keys and names of columns';
    END IF;
    SELECT CASE
        WHEN m.is_name THEN format(
            'key "%s" of argument "mapping": table "%s" has no column "%s"', m.key, source, m.name)
        ELSE format('key "%s" of argument "mapping" must be the name of a column', m.key) END
    INTO problem
    FROM (
        SELECT x.key, coalesce(x.value #>> '{}', x.key) AS name,
            x.value = 'null' AS leaves_out,
            jsonb_typeof(x.value) = 'string'
                OR x.value = 'null' AND leadterra.import_goes_by_names(mapping) AS is_name
        FROM jsonb_each(mapping) x
    ) m
    WHERE NOT m.is_name
       OR NOT EXISTS (
           SELECT FROM leadterra.import_columns(source, NULL) c
           WHERE c.name = m.name OR c.key = m.name AND m.leaves_out)
    LIMIT 1;
    IF problem IS NULL AND NOT EXISTS (
        SELECT FROM leadterra.import_columns(source, mapping) c WHERE c.key = 'email') THEN
        problem := format('table "%s" has no column "email"', source)
            || CASE WHEN mapping IS NULL THEN ''
                ELSE ', and argument "mapping" has no such key' END;
    END IF;
    RETURN problem;
END;
$$;

COMMENT ON FUNCTION leadterra.mapping_problem(regclass, jsonb) IS
'Say why a mapping does not fit a table; null: it does.';

CREATE FUNCTION leadterra.import_object(source regclass, mapping jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('leadterra.import_row(%L::text[], ARRAY[%s]::jsonb[])',
        array_agg(c.key ORDER BY c.place, c.key),
        -- A type of somebody's own may have a cast to JSON, or to text, that runs code of
        -- his: what such a column has is taken as its type prints it.
        string_agg(
            CASE WHEN t.typnamespace <> 'pg_catalog'::regnamespace
                THEN format(
                    'CASE WHEN num_nonnulls(t.%1$I) = 1 THEN to_jsonb(format(''%%s'', t.%1$I)) END',
                    c.name)
                WHEN t.typcategory = 'S' AND c.key = 'customFields'
                THEN format('leadterra.read_custom(t.%I::text)', c.name)
                ELSE format('to_jsonb(t.%I)', c.name)
            END, ', ' ORDER BY c.place, c.key))
    FROM leadterra.import_columns(import_object.source, import_object.mapping) c
    JOIN pg_attribute a ON a.attrelid = import_object.source AND a.attnum = c.place
    CROSS JOIN LATERAL (
        WITH RECURSIVE base AS (
            SELECT b.oid, b.typtype, b.typbasetype, b.typnamespace, b.typcategory
            FROM pg_type b
            WHERE b.oid = a.atttypid
            UNION ALL
            SELECT b.oid, b.typtype, b.typbasetype, b.typnamespace, b.typcategory
            FROM base d
            JOIN pg_type b ON b.oid = d.typbasetype
            WHERE d.typtype = 'd'
        )
        SELECT b.typnamespace, b.typcategory FROM base b WHERE b.typtype <> 'd'
    ) t
    WHERE c.key IS NOT NULL;
END;

COMMENT ON FUNCTION leadterra.import_object(regclass, jsonb) IS
'Return the SQL expression that makes a lead object of the row t of a table.';
-- enroll: how far an import is.

CREATE FUNCTION leadterra.import_rate(rows bigint, since timestamptz, until timestamptz)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT import_rate.rows / nullif(extract(epoch FROM import_rate.until - import_rate.since), 0);
END;

COMMENT ON FUNCTION leadterra.import_rate(bigint, timestamptz, timestamptz) IS
'Return how many rows a second were done between two times; null: no time has passed.';

CREATE FUNCTION leadterra.import_time_left(rows bigint, rate numeric)
RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT make_interval(secs =>
        ceil(import_time_left.rows / nullif(import_time_left.rate, 0))::double precision);
END;

COMMENT ON FUNCTION leadterra.import_time_left(bigint, numeric) IS
'Return how long so many rows take at a rate; null: there is none.';

CREATE FUNCTION leadterra.import_progress(i leadterra.imports)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT format(
        'imported %s of %s rows: %s enrolled, %s updated, %s left out',
        to_char(i.rows_done, 'FM999,999,999,999'),
        to_char(greatest(i.rows_total, i.rows_done), 'FM999,999,999,999'),
        to_char(i.enrolled, 'FM999,999,999,999'),
        to_char(i.updated, 'FM999,999,999,999'),
        to_char(i.rejected, 'FM999,999,999,999'));
END;

COMMENT ON FUNCTION leadterra.import_progress(leadterra.imports) IS
'Say how far an import is.';

CREATE FUNCTION leadterra.tell_import(i leadterra.imports, told_at timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rate constant numeric :=
        leadterra.import_rate(i.rows_done - i.run_rows, i.run_at, i.updated_at);
BEGIN
    IF coalesce(rate, 0) = 0 OR i.rows_done >= i.rows_total
        OR leadterra.clock() < told_at + interval '1 second' THEN
        RETURN told_at;
    END IF;
    RAISE NOTICE '%; % a second, % left',
        leadterra.import_progress(i),
        to_char(rate, 'FM999,999,999,999'),
        to_char(leadterra.import_time_left(i.rows_total - i.rows_done, rate), 'FMHH24:MI:SS');
    RETURN leadterra.clock();
END;
$$;

COMMENT ON FUNCTION leadterra.tell_import(leadterra.imports, timestamptz) IS
'Say how far an import is, unless that was said in the last second

Returns when it was said last.';

CREATE FUNCTION leadterra.import_runs(import_id uuid)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_import_runs';

COMMENT ON FUNCTION leadterra.import_runs(uuid) IS
'Say whether a session is at an import: whether the last call for it has not ended.';
-- enroll: importing the rows of a table, a chunk a transaction.

CREATE FUNCTION leadterra.import_report(campaign_id uuid, leads jsonb, repair boolean)
RETURNS TABLE (index integer, is_new boolean, reason text, field text, code text, lead jsonb)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_import_report';

COMMENT ON FUNCTION leadterra.import_report(uuid, jsonb, boolean) IS
'Enroll leads that were made of rows, leave invalid ones out, and say what became of each

Those that are left out have a reason. Unless their address is suppressed they come with
what was given.';

CREATE FUNCTION leadterra.import_leads(
    campaign_id uuid, leads jsonb, repair boolean, rows_before bigint,
    OUT enrolled bigint, OUT updated bigint, OUT rejects jsonb)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        count(*) FILTER (WHERE r.is_new),
        count(*) FILTER (WHERE NOT r.is_new AND r.reason IS NULL),
        coalesce(jsonb_agg(jsonb_build_object(
            'row_number', import_leads.rows_before + r.index + 1, 'reason', r.reason,
            'field', r.field, 'code', r.code, 'lead', r.lead) ORDER BY r.index)
            FILTER (WHERE r.reason IS NOT NULL), '[]')
    FROM leadterra.import_report(import_leads.campaign_id, import_leads.leads,
        import_leads.repair) r;
END;

COMMENT ON FUNCTION leadterra.import_leads(uuid, jsonb, boolean, bigint) IS
'Do that, and count what became of them

rejects is an array of objects, as leadterra.advance_import takes them.';

CREATE FUNCTION leadterra.read_address(given text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_read_address';

COMMENT ON FUNCTION leadterra.read_address(text) IS
'Return the address in a text, in normal form; null: there is none, or it is invalid

It may be in a link, between angle brackets behind a name, or end with a full stop.';

-- Rows that were done must be where they were, and as many: who deleted them
-- and loaded others into the same file would have those passed over.
CREATE FUNCTION leadterra.import_goes_on(i leadterra.imports, source regclass)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    same boolean;
BEGIN
    EXECUTE format(
        'SELECT $2 = 0 OR EXISTS (SELECT FROM ONLY %1$s t WHERE t.ctid = $1 AND t.xmin = $3)'
        ' AND (SELECT count(*) FROM ONLY %1$s t WHERE t.ctid <= $1) = $2', source)
    INTO same USING i.position, i.rows_done, i.position_xmin;
    RETURN same;
END;
$$;

COMMENT ON FUNCTION leadterra.import_goes_on(leadterra.imports, regclass) IS
'Say whether the rows that an import has done are still in their places.';

-- An import reads a table of the caller's as the caller, and notes how far it is as
-- the owner of the extension.  These are what it notes: each begins with the scope,
-- and so does what is called by hand.

-- Of two that start at once the second goes on with what the first made, also if
-- that has come to its end while the second waited.  What they wait for is no row:
-- whoever starts or pauses the campaign would wait too.
CREATE FUNCTION leadterra.lock_open_import(
    workspace uuid, campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    PERFORM leadterra.keep_campaign(workspace, lock_open_import.campaign_id);
    PERFORM leadterra.lock_start_of_imports(workspace, lock_open_import.campaign_id);
    SELECT x.import_id INTO i.import_id
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.campaign_id = lock_open_import.campaign_id
      AND x.source = lock_open_import.source AND x.source_file = lock_open_import.source_file
      AND x.mapping IS NOT DISTINCT FROM lock_open_import.mapping
      AND x.repair = lock_open_import.repair
      AND x.finished_at IS NULL
    ORDER BY x.import_id DESC
    LIMIT 1;
    SELECT x.* INTO i
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.import_id = i.import_id
    FOR UPDATE;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_open_import(uuid, uuid, text, oid, jsonb, boolean) IS
'Return an import into a campaign that is not finished, locked

Others start no import into the campaign until commit.';

CREATE FUNCTION leadterra.lock_start_of_imports(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_start_of_imports';

COMMENT ON FUNCTION leadterra.lock_start_of_imports(uuid, uuid) IS
'Wait for whoever is starting an import into a campaign, and keep others from it until commit.';

CREATE FUNCTION leadterra.lock_open_import(
    campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_open_import';

COMMENT ON FUNCTION leadterra.lock_open_import(uuid, text, oid, jsonb, boolean) IS
    'Do the same in the current workspace.';

CREATE FUNCTION leadterra.insert_import(
    campaign_id uuid, source text, source_file oid, mapping jsonb, repair boolean)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_insert_import';

COMMENT ON FUNCTION leadterra.insert_import(uuid, text, oid, jsonb, boolean) IS
    'Note that an import begins.';

CREATE FUNCTION leadterra.count_import(import_id uuid, rows bigint)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_import';

COMMENT ON FUNCTION leadterra.count_import(uuid, bigint) IS
'Note how many rows an import still has, and that this session is at them.';

-- Another session may be at the same import: under the lock of its row the chunk
-- is what is left of it.  The campaign is locked first, as by who deletes it.
CREATE FUNCTION leadterra.lock_import(workspace uuid, campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    PERFORM leadterra.keep_campaign(workspace, lock_import.campaign_id);
    SELECT x.* INTO i
    FROM leadterra.imports x
    WHERE x.workspace_id = workspace AND x.import_id = lock_import.import_id
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the import was removed while it ran'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_import(uuid, uuid, uuid) IS
    'Lock the row of an import and return it.';

CREATE FUNCTION leadterra.lock_import(campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_lock_import';

COMMENT ON FUNCTION leadterra.lock_import(uuid, uuid) IS 'Do the same in the current workspace.';

-- rejects is an array of objects with row_number, reason, code and, unless these are null,
-- field and lead.
CREATE FUNCTION leadterra.advance_import(
    import_id uuid, chunk_end tid, last_xmin xid, enrolled bigint, updated bigint, rejects jsonb)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_advance_import';

COMMENT ON FUNCTION leadterra.advance_import(uuid, tid, xid, bigint, bigint, jsonb) IS
'Note what became of a chunk of an import.';

CREATE FUNCTION leadterra.finish_import(workspace uuid, campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports;
BEGIN
    -- As by who deletes the campaign, who then takes the import along.
    BEGIN
        PERFORM leadterra.keep_campaign(workspace, finish_import.campaign_id);
    EXCEPTION WHEN SQLSTATE 'PT404' THEN
        RETURN i;
    END;
    UPDATE leadterra.imports x
    SET rows_total = x.rows_done, finished_at = leadterra.clock(), updated_at = leadterra.clock()
    WHERE x.workspace_id = workspace AND x.import_id = finish_import.import_id
    RETURNING x.* INTO i;
    RETURN i;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_import(uuid, uuid, uuid) IS 'Note that an import is complete.';

CREATE FUNCTION leadterra.finish_import(campaign_id uuid, import_id uuid)
RETURNS leadterra.imports
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_import';

COMMENT ON FUNCTION leadterra.finish_import(uuid, uuid) IS 'Do the same in the current workspace.';

CREATE FUNCTION leadterra.source_problem(source regclass)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    s record;
BEGIN
    SELECT n.nspname, c.relname, c.relkind,
        EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) AS has_children
    INTO s
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = source;
    IF NOT FOUND THEN
        RETURN 'argument "source" must be a table';
    ELSIF s.relkind IN ('r', 'm') AND NOT s.has_children THEN
        RETURN NULL;
    END IF;
    RETURN format('argument "source" must be a table or materialized view, and "%I.%I" is %s',
        s.nspname, s.relname,
        CASE s.relkind
            WHEN 'v' THEN 'a view'
            WHEN 'f' THEN 'a foreign table'
            WHEN 'p' THEN 'a partitioned table'
            WHEN 'S' THEN 'a sequence'
            WHEN 'c' THEN 'a type'
            WHEN 'r' THEN 'a table with children'
            WHEN 't' THEN 'a TOAST table'
            ELSE 'an index'
        END);
END;
$$;

COMMENT ON FUNCTION leadterra.source_problem(regclass) IS
'Say why the rows of something cannot be imported; null: they can.';

-- The ends of chunks are found in one pass, so that a chunk reads its own rows
-- and no others, and in order without relying on that of a scan.
CREATE FUNCTION leadterra.start_import(
    campaign_id uuid, source regclass, mapping jsonb, chunk integer, repair boolean,
    OUT import_id uuid, OUT object text, OUT chunk_ends tid[])
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    problem text;
    name text;
    i leadterra.imports;
    rows_left bigint;
BEGIN
    PERFORM leadterra.enter_campaign('leads:create', campaign_id);
    PERFORM leadterra.require_read_committed('importing');
    problem := CASE
        WHEN chunk IS NULL OR chunk NOT BETWEEN 1 AND 100000
            THEN 'argument "chunk" must be from 1 to 100000'
        WHEN repair IS NULL THEN 'argument "repair" must not be null'
        ELSE coalesce(leadterra.source_problem(source), leadterra.mapping_problem(source, mapping))
    END;
    IF problem IS NOT NULL THEN
        PERFORM leadterra.raise_error('invalid_request', problem);
    END IF;
    IF leadterra.import_goes_by_names(mapping) THEN
        PERFORM leadterra.tell_columns(source, mapping);
    END IF;

    SELECT format('%I.%I', n.nspname, c.relname) INTO name
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.oid = source;
    i := leadterra.lock_open_import(campaign_id, name, pg_relation_filenode(source), mapping,
        repair);
    IF i.import_id IS NULL OR NOT leadterra.import_goes_on(i, source) THEN
        i := leadterra.insert_import(campaign_id, name, pg_relation_filenode(source), mapping,
            repair);
    END IF;

    EXECUTE format(
        'SELECT coalesce(sum(c.rows), 0), coalesce(array_agg(c.last ORDER BY c.last), ''{}'')'
        ' FROM (SELECT count(*) AS rows, max(r.ctid) AS last'
        '       FROM (SELECT t.ctid, (row_number() OVER (ORDER BY t.ctid) - 1) / $2 AS chunk'
        '             FROM ONLY %s t WHERE t.ctid > $1) r'
        '       GROUP BY r.chunk) c', source)
    INTO rows_left, chunk_ends USING i.position, chunk;
    i := leadterra.count_import(i.import_id, rows_left);
    IF i.rows_done > 0 THEN
        RAISE NOTICE 'an unfinished import goes on: %', leadterra.import_progress(i);
    END IF;
    import_id := i.import_id;
    object := leadterra.import_object(source, mapping);
END;
$$;

COMMENT ON FUNCTION leadterra.start_import(uuid, regclass, jsonb, integer, boolean) IS
'Begin an import, or find the unfinished one, and return where its chunks end

object is the SQL expression that makes a lead object of a row.';

-- It runs as the caller, who may as well run what is in object himself.
CREATE FUNCTION leadterra.import_chunk(
    campaign_id uuid, source regclass, import_id uuid, object text, chunk_end tid)
RETURNS leadterra.imports
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    i leadterra.imports := leadterra.lock_import(campaign_id, import_id);
    leads jsonb;
    last_xmin xid;
    done record;
BEGIN
    IF i.position >= chunk_end THEN
        RETURN i;
    END IF;

    EXECUTE format(
        'SELECT coalesce(jsonb_agg(r.lead ORDER BY r.place), ''[]''),'
        ' (SELECT t.xmin FROM ONLY %2$s t WHERE t.ctid = $2)'
        ' FROM (SELECT t.ctid AS place, %1$s AS lead FROM ONLY %2$s t'
        ' WHERE t.ctid > $1 AND t.ctid <= $2) r',
        object, source)
    INTO leads, last_xmin USING i.position, chunk_end;
    -- Reading has locked the table, so it stays as it is now.
    IF pg_relation_filenode(source) IS DISTINCT FROM i.source_file THEN
        RAISE EXCEPTION 'table "%" was rewritten while it was imported', source
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Call lt_import_table again, which starts from the beginning.';
    END IF;

    done := leadterra.import_leads(campaign_id, leads, i.repair, i.rows_done);
    RETURN leadterra.advance_import(i.import_id, chunk_end, last_xmin, done.enrolled, done.updated,
        done.rejects);
END;
$$;

COMMENT ON FUNCTION leadterra.import_chunk(uuid, regclass, uuid, text, tid) IS
'Enroll the rows of an import up to a place, unless that is done, and return how far it is.';

CREATE FUNCTION leadterra.end_import(campaign_id uuid, import_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    i constant leadterra.imports := leadterra.finish_import(campaign_id, import_id);
BEGIN
    IF i.rejected > 0 THEN
        RAISE NOTICE '%', leadterra.import_progress(i)
            USING HINT = 'lt_import_reject_counts says why rows were left out, and '
                'lt_import_rejects has them.';
    ELSIF i.import_id IS NOT NULL THEN
        RAISE NOTICE '%', leadterra.import_progress(i);
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.end_import(uuid, uuid) IS
'Note that an import is complete, and say what it did.';

-- A procedure that commits cannot have a search_path of its own.  So it does
-- nothing itself: it names functions that have one, and types, with their schemas.
-- It assigns what they return: that has less to say of an error than a statement.
CREATE PROCEDURE @extschema@.lt_import_table(
    campaign_id uuid,
    source regclass,
    mapping jsonb DEFAULT NULL,
    chunk integer DEFAULT 1000,
    repair boolean DEFAULT false
)
LANGUAGE plpgsql
AS $$
DECLARE
    told_at pg_catalog.timestamptz;
    work pg_catalog.record;
    chunk_end pg_catalog.tid;
    done leadterra.imports;
BEGIN
    told_at := leadterra.require_commit('importing');
    COMMIT;
    work := leadterra.start_import(campaign_id, source, mapping, chunk, repair);
    COMMIT;
    FOREACH chunk_end IN ARRAY work.chunk_ends LOOP
        done := leadterra.import_chunk(campaign_id, source, work.import_id, work.object, chunk_end);
        COMMIT;
        told_at := leadterra.tell_import(done, told_at);
    END LOOP;
    PERFORM leadterra.end_import(campaign_id, work.import_id);
    COMMIT;
END;
$$;

COMMENT ON PROCEDURE @extschema@.lt_import_table(uuid, regclass, jsonb, integer, boolean) IS
'Enroll the rows of a table in a campaign, and commit each chunk of them

Rows are taken in the order in which they stand. A null column is left out and keeps what
is known. A standard field takes what it can be made of: numbers as texts, texts of digits
as numbers, without white space around them. Rows that are invalid or suppressed are left
out: lt_import_rejects has them with their reasons, lt_imports the counts, and how far it is.

What was done stays. After an error or a lost connection the same call goes on there,
unless the table was changed meanwhile. Once it has finished, it begins anew. Do not change
the table while it is imported.

A column goes by its name: it is a standard field in any letter case, with underscores or
without, or as lt_leads shows it, and else a custom field. Serial and identity columns,
lead_id, created_at and updated_at are passed over.

Parameters:
- campaign_id: the campaign
- source: a table or materialized view that the caller may read
- mapping: an object of lead keys and names of columns. With "email" among them no other
  columns are taken; without, the others go by their names, and null leaves one out
- chunk: rows a transaction, 1 to 100,000
- repair: take an address out of a link, from behind a name, or from before a full stop
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation, 2D000 in a
transaction block or a function, 55000 if the table is rewritten meanwhile.';

-- An import that was given up is never finished; one that runs has a day.
CREATE FUNCTION leadterra.maintain_imports(
    workspace uuid, campaign uuid, before timestamptz, slice integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    old uuid;
    gone bigint;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT i.import_id
        FROM leadterra.imports i
        WHERE i.workspace_id = workspace AND i.campaign_id = campaign
          AND coalesce(i.finished_at, i.updated_at + interval '1 day') < before
        ORDER BY i.import_id
        LIMIT slice
        FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM leadterra.import_rejects r
        WHERE r.workspace_id = workspace AND r.import_id = old
          AND r.row_number <= (
              SELECT max(f.row_number)
              FROM (
                  SELECT f.row_number
                  FROM leadterra.import_rejects f
                  WHERE f.workspace_id = workspace AND f.import_id = old
                  ORDER BY f.row_number
                  LIMIT slice - removed
              ) f);
        GET DIAGNOSTICS gone = ROW_COUNT;
        removed := removed + gone;
        EXIT WHEN removed >= slice;
        DELETE FROM leadterra.imports i
        WHERE i.workspace_id = workspace AND i.import_id = old;
        removed := removed + 1;
        EXIT WHEN removed >= slice;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_imports(uuid, uuid, timestamptz, integer) IS
'Remove imports of a campaign that ended before a time, a slice of them

Returns how many rows, with those that they left out.';

CREATE FUNCTION leadterra.forget_rejects(workspace uuid, address text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    DELETE FROM leadterra.import_rejects r
    WHERE r.workspace_id = forget_rejects.workspace
      AND leadterra.read_address(r.lead ->> 'email') = forget_rejects.address;
END;

COMMENT ON FUNCTION leadterra.forget_rejects(uuid, text) IS
'Remove the rows with an address in normal form that imports left out.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_6_imports()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.import_rejects r USING leadterra.imports i, deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id
      AND r.workspace_id = i.workspace_id AND r.import_id = i.import_id;
    DELETE FROM leadterra.imports i USING deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_6_imports() IS
'Delete the imports of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_6_imports AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_6_imports();
-- enroll: leads that are there already: enrolling and moving them.

CREATE FUNCTION @extschema@.lt_enroll_list(list_id uuid, campaign_id uuid)
RETURNS @extschema@.lt_enroll_list_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enroll_list';

COMMENT ON FUNCTION @extschema@.lt_enroll_list(uuid, uuid) IS
'Enroll the leads of a list in a campaign

All in one transaction. The leads stay on the list, and their records are not changed. A
lead that was taken out of the campaign is active again where it stood.

Parameters:
- list_id: the list
- campaign_id: the campaign
Returns: counts; leads without an address and suppressed ones are left out.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found, PT409
wrong_isolation.';

CREATE FUNCTION leadterra.enroll_leads(workspace uuid, campaign_id uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_enroll_leads';

COMMENT ON FUNCTION leadterra.enroll_leads(uuid, uuid, uuid[]) IS
'Enroll leads in a campaign and return those that are in it now

Those without an address, suppressed or deleted are not.';

-- Which leads of an array are in a list, or in a campaign and not removed from it.
CREATE FUNCTION leadterra.find_members(
    workspace uuid, campaign_id uuid, list_id uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT coalesce(array_agg(u.lead_id ORDER BY u.lead_id), '{}')
    FROM (SELECT DISTINCT lead_id FROM unnest(find_members.lead_ids) AS u (lead_id)) u
    CROSS JOIN LATERAL (
        SELECT
        FROM leadterra.list_members m
        WHERE m.workspace_id = find_members.workspace AND m.list_id = find_members.list_id
          AND m.lead_id = u.lead_id
        UNION ALL
        SELECT
        FROM leadterra.enrollments e
        WHERE e.workspace_id = find_members.workspace AND e.campaign_id = find_members.campaign_id
          AND e.lead_id = u.lead_id AND e.status <> 'removed'
        OFFSET 0
    ) x;
END;

COMMENT ON FUNCTION leadterra.find_members(uuid, uuid, uuid, uuid[]) IS
'List which leads are in a campaign, and not removed from it, or in a list.';

CREATE FUNCTION leadterra.move_leads(
    workspace uuid,
    lead_ids uuid[],
    from_campaign_id uuid,
    from_list_id uuid,
    to_campaign_id uuid,
    to_list_id uuid
)
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    moved uuid[];
BEGIN
    PERFORM leadterra.require_read_committed('moving leads');
    IF lead_ids IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lead_ids" must not be null');
    END IF;
    PERFORM leadterra.limit_entries('lead_ids', cardinality(lead_ids));
    IF num_nonnulls(from_campaign_id, from_list_id) <> 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'either from_campaign_id or from_list_id must be given, and not both');
    ELSIF num_nonnulls(to_campaign_id, to_list_id) <> 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'either to_campaign_id or to_list_id must be given, and not both');
    ELSIF from_campaign_id = to_campaign_id OR from_list_id = to_list_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'leads cannot be moved to where they are');
    END IF;

    -- Neither is deleted before this commits.
    PERFORM leadterra.keep_list(workspace, l.list_id)
    FROM (
        SELECT l.list_id
        FROM unnest(ARRAY[from_list_id, to_list_id]) AS l (list_id)
        WHERE l.list_id IS NOT NULL
        ORDER BY l.list_id
    ) l;
    PERFORM leadterra.keep_campaign(workspace, c.campaign_id)
    FROM (
        SELECT c.campaign_id
        FROM unnest(ARRAY[from_campaign_id, to_campaign_id]) AS c (campaign_id)
        WHERE c.campaign_id IS NOT NULL
        ORDER BY c.campaign_id
    ) c;

    moved := leadterra.find_members(workspace, from_campaign_id, from_list_id, lead_ids);
    IF to_campaign_id IS NOT NULL THEN
        moved := leadterra.enroll_leads(workspace, to_campaign_id, moved);
    ELSE
        moved := leadterra.keep_leads(workspace, moved);
        PERFORM leadterra.add_to_list(workspace, to_list_id, moved);
    END IF;
    IF from_list_id IS NOT NULL THEN
        PERFORM leadterra.remove_from_list(workspace, from_list_id, moved);
    ELSE
        PERFORM leadterra.remove_enrollments(workspace, from_campaign_id, moved);
    END IF;
    RETURN cardinality(moved);
END;
$$;

COMMENT ON FUNCTION leadterra.move_leads(uuid, uuid[], uuid, uuid, uuid, uuid) IS
'Do what lt_move_leads says, in a workspace.';

CREATE FUNCTION @extschema@.lt_move_leads(
    lead_ids uuid[],
    from_campaign_id uuid DEFAULT NULL,
    from_list_id uuid DEFAULT NULL,
    to_campaign_id uuid DEFAULT NULL,
    to_list_id uuid DEFAULT NULL
)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_move_leads';

COMMENT ON FUNCTION @extschema@.lt_move_leads(uuid[], uuid, uuid, uuid, uuid) IS
'Move leads from a campaign or a list to another campaign or list

Leads that are not in the first are passed over. On the way to a campaign, so are those
without an address and suppressed ones, which stay where they were. A lead that is in both
leaves the first. Leaving a campaign is as by lt_remove_leads. In another campaign a lead
begins at step one.

Parameters:
- lead_ids: at most a million leads
- from_campaign_id: the campaign that they leave; either this or from_list_id
- from_list_id: the list that they leave
- to_campaign_id: the campaign that they come to; either this or to_list_id
- to_list_id: the list that they come to
Returns: how many were moved.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found, PT409
wrong_isolation, PT413 too_many_entries.';
-- enroll: two records of one person become one.

-- Batches are never changed, so the message that a lead stands at is made anew; the
-- old one is passed over once its lead is deleted.
CREATE FUNCTION leadterra.hand_over_message(workspace uuid, campaign uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    m record;
    due timestamptz;
    batch uuid;
BEGIN
    SELECT x.step, x.state, x.waiting_since, x.batch_id, x."position",
        coalesce(x.sender_id, leadterra.nobody()) AS sender_id INTO m
    FROM leadterra.messages x
    WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source
      AND x.state <> 'sent';
    IF m.state = 'leased' THEN
        PERFORM leadterra.raise_error('lead_leased',
            format('a message to lead "%s" is with a worker', source));
    END IF;
    IF m.state IN ('queued', 'retry') THEN
        -- A claim may just have taken it.
        due := leadterra.lock_waiting(
            workspace, campaign, m.sender_id, m.step, m.waiting_since, m.batch_id, m."position");
        PERFORM FROM leadterra.messages x
        WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source
          AND x.batch_id = m.batch_id AND x."position" = m."position" AND x.state = m.state;
        IF NOT FOUND THEN
            PERFORM leadterra.raise_error('lead_leased',
                format('a message to lead "%s" is with a worker', source));
        END IF;
    END IF;

    IF m.step IS NOT NULL THEN
        batch := leadterra.enqueue(
            workspace, campaign, m.step, m.waiting_since, heir, m.sender_id,
            coalesce(due, m.waiting_since));
    END IF;
    IF m.state IN ('failed', 'skipped') THEN
        PERFORM leadterra.hand_over_exception(
            workspace, campaign, m.step, m.waiting_since, batch, source, heir);
    END IF;
    -- Who was enrolled is known from batches of step one.
    IF m.step IS DISTINCT FROM 1 THEN
        PERFORM leadterra.add_to_totals(
            workspace, campaign, leadterra.zone_day(
                leadterra.campaign_zone(workspace, campaign), leadterra.clock()),
            1, enrolled => 1);
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_message(uuid, uuid, uuid, uuid) IS
'Let a lead in a campaign stand at the step of another, which is about to be deleted.';

CREATE FUNCTION leadterra.merge_leads(workspace uuid, lead_id uuid, destination_lead_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    source leadterra.leads;
    heir leadterra.leads;
    source_entry text;
    given_up text[];
    campaign uuid;
    e record;
BEGIN
    PERFORM leadterra.require_read_committed('merging leads');
    IF merge_leads.lead_id IS NULL OR merge_leads.destination_lead_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null',
                CASE WHEN merge_leads.lead_id IS NULL THEN 'lead_id'
                ELSE 'destination_lead_id' END));
    ELSIF merge_leads.lead_id = merge_leads.destination_lead_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'a lead cannot be merged with itself');
    END IF;
    -- Whoever forgets a lead makes the key of hashes before it has the lead, too.
    PERFORM leadterra.hash_address(workspace, '');
    -- In one order, so that two calls with the same leads do not deadlock: see
    -- leadterra.begin_again().
    LOOP
        BEGIN
            FOR e IN
                SELECT l.lead_id, l.email
                FROM leadterra.leads l
                WHERE l.workspace_id = workspace
                  AND l.lead_id IN (merge_leads.lead_id, merge_leads.destination_lead_id)
                ORDER BY l.email NULLS FIRST, l.lead_id
            LOOP
                source := leadterra.lock_lead(workspace, e.lead_id);
                IF source.email IS DISTINCT FROM e.email THEN
                    PERFORM leadterra.begin_again();
                END IF;
            END LOOP;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
    source := leadterra.lock_lead(workspace, merge_leads.lead_id);
    heir := leadterra.lock_lead(workspace, merge_leads.destination_lead_id);

    FOR campaign IN
        SELECT c.campaign_id
        FROM leadterra.lock_enrollments(workspace, source.lead_id) AS c (campaign_id)
    LOOP
        IF leadterra.hand_over_enrollment(workspace, campaign, source.lead_id, heir.lead_id) THEN
            PERFORM leadterra.hand_over_message(workspace, campaign, source.lead_id, heir.lead_id);
        END IF;
        PERFORM leadterra.hand_over_events(workspace, campaign, source.lead_id, heir.lead_id);
    END LOOP;
    PERFORM leadterra.hand_over_lists(workspace, source.lead_id, heir.lead_id);
    source_entry := leadterra.hash_address(workspace, source.email);
    given_up := ARRAY(
        SELECT m.entry FROM leadterra.merged_leads(workspace, source.lead_id) m
        WHERE m.entry IS NOT NULL
        UNION ALL
        SELECT m.entry FROM leadterra.merged_leads(workspace, heir.lead_id) m
        WHERE m.entry IS NOT NULL);
    PERFORM leadterra.hand_over_suppression(
        workspace, source.email, source_entry, heir.email,
        leadterra.hash_address(workspace, heir.email), given_up);
    PERFORM leadterra.hand_over_heirs(
        workspace, source.lead_id, heir.lead_id,
        CASE WHEN heir.email IS NOT NULL THEN source_entry END);
    PERFORM leadterra.absorb_lead(workspace, source.lead_id, heir.lead_id);
END;
$$;

COMMENT ON FUNCTION leadterra.merge_leads(uuid, uuid, uuid) IS
'Do what lt_merge_leads says, in a workspace.';

CREATE FUNCTION @extschema@.lt_merge_leads(lead_id uuid, destination_lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_merge_leads';

COMMENT ON FUNCTION @extschema@.lt_merge_leads(uuid, uuid) IS
'Merge a lead into another one, and delete it

The destination keeps its fields. Those without a value come from the lead, its address
too, and so do its lists. Where both are in a campaign, the destination stays where it
stands, and has replied or unsubscribed if either has. Where only the lead is, the
destination takes its place and is sent nothing twice. Who has opted out at one of the
addresses has at both. Events go over, and later ones of messages to the lead, such as the
use of a link, are about the destination; for that a hash of the address that is given up
is kept.

lt_forget does not find the address that is given up: forget the destination.

Parameters:
- lead_id: the lead that goes
- destination_lead_id: the lead that stays
Errors: PT400 invalid_request, PT404 lead_not_found, PT409 lead_leased (a message to the
lead is with a worker: try again once it is settled), PT409 wrong_isolation.';
-- message: handing messages to workers, and what becomes of them.

CREATE FUNCTION @extschema@.lt_claim_messages(
    max_messages integer DEFAULT 100,
    lease_for interval DEFAULT '5 minutes',
    campaign_id uuid DEFAULT NULL,
    worker text DEFAULT NULL,
    transports text[] DEFAULT NULL
)
RETURNS SETOF @extschema@.lt_message
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claim_messages';

COMMENT ON FUNCTION @extschema@.lt_claim_messages(integer, interval, uuid, text, text[]) IS
'Claim due messages of one campaign to send them

Commit, send them, then call lt_complete_messages, lt_fail_messages, lt_bounce_messages or
lt_defer_messages, and lt_release_lease where a worker has to stop. Without a campaign
it takes the running one that was served longest ago, among those with due messages.
Messages to leads that are suppressed, or not active in the campaign any more, are skipped.

A lease that runs out says nothing of what its worker did not report on: that waits again,
and no attempt is counted. A message may be what kills its workers. So what was lost is
handed out in leases of its own, after the second time of at most 100 messages, after the
third of 10, after the fourth of one. A message that was lost alone twice has failed, if a
lease of the workspace was completed in between. Otherwise it waits for an hour.

It waits for other claims at most a second, and stops once it has skipped a few thousand
messages, which it keeps.

Parameters:
- max_messages: how many at most, 1 to 10,000
- lease_for: how long the worker has, at most a week
- campaign_id: the campaign; null: any
- worker: a name for people, at most 1,000 bytes
- transports: names of those that the worker has; null: all. Senders with another are not for it
Returns: rendered messages, oldest first. No row means: nothing more for this call. Where
lt_next_due is in the past, call again after a moment.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation.';

CREATE FUNCTION leadterra.message_variant(
    lead_id uuid, campaign_id uuid, step integer, variants jsonb)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_variant';

COMMENT ON FUNCTION leadterra.message_variant(uuid, uuid, integer, jsonb) IS
'Return the variant, from 1, that a lead gets of a step that has these; null: they are none

It follows from lead, campaign, step and weights, so it is the same in every attempt, and
that of one step says nothing of that of another.';

CREATE FUNCTION @extschema@.lt_complete_messages(lease_id uuid, message_ids uuid[] DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_complete_messages';

COMMENT ON FUNCTION @extschema@.lt_complete_messages(uuid, uuid[]) IS
'Say that messages of a lease were sent

When all of a lease is settled, the next step is queued for those that were completed.
Repeating a call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million; null: all that are open
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409 lease_lost
(it has run out, or does not exist; nothing is changed), PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_fail_messages(
    lease_id uuid, message_ids uuid[], error text, permanent boolean DEFAULT false)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_fail_messages';

COMMENT ON FUNCTION @extschema@.lt_fail_messages(uuid, uuid[], text, boolean) IS
'Say that messages of a lease could not be sent

They are tried again after 1, 4, 16 and 64 minutes. After the fifth attempt, or at once if
permanent, they have failed, and the sequence of the lead ends.

A permanent error whose first enhanced status code says that there is no such address
(5.1.1, 5.1.2, 5.1.3, 5.1.6, 5.1.10 or 5.2.1; RFC 3463, RFC 7505) is a bounce: this does
what lt_bounce_messages does.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- error: why; the first 1,000 characters are kept
- permanent: do not try again
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_bounce_messages(lease_id uuid, message_ids uuid[], reason text)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bounce_messages';

COMMENT ON FUNCTION @extschema@.lt_bounce_messages(uuid, uuid[], text) IS
'Say that messages of a lease were refused for good: their addresses take no mail

They have failed. They count as bounced, and not as sent. Their addresses are suppressed,
and the sequences of their leads end. Repeating a call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- reason: what the server said; the first 1,000 characters are kept
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_defer_messages(
    lease_id uuid, message_ids uuid[], wait interval, error text)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_defer_messages';

COMMENT ON FUNCTION @extschema@.lt_defer_messages(uuid, uuid[], interval, text) IS
'Say that messages of a lease cannot be sent yet: a quota is used up, a server asks to wait

They are due again after that time, and no attempt is counted. They can be put off for five
days after they were first tried; one that is deferred once more has failed. Repeating a
call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- wait: how long, at most five days
- error: why; the first 1,000 characters are kept
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_release_lease(lease_id uuid)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_release_lease';

COMMENT ON FUNCTION @extschema@.lt_release_lease(uuid) IS
'Give back the messages of a lease that are not settled, as they were

For a worker that stops. They are due at once and keep their place; no attempt is counted.
The lease is closed: what was completed in it goes on. Repeating a call is harmless.

Parameters:
- lease_id: the lease
Returns: how many were given back.
Errors: PT400 invalid_request, PT409 lease_lost.';

CREATE FUNCTION @extschema@.lt_extend_lease(lease_id uuid, lease_for interval)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_extend_lease';

COMMENT ON FUNCTION @extschema@.lt_extend_lease(uuid, interval) IS
'Give a worker more time for an open lease

Parameters:
- lease_id: the lease
- lease_for: how long it lasts from now, at most a week
Returns: when the lease runs out.
Errors: PT400 invalid_request, PT409 lease_lost.';

CREATE FUNCTION @extschema@.lt_record_event(message_id uuid, type text, data jsonb DEFAULT '{}')
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_record_event';

COMMENT ON FUNCTION @extschema@.lt_record_event(uuid, text, jsonb) IS
'Record what became of a message

A reply that is not out_of_office, a hard bounce, an unsubscribe and a complaint end the
sequence of the lead. The last three suppress its address, as does a reply classified
unsubscribe. They do so as often as they are reported; otherwise an event that is reported
again changes nothing. Five soft bounces within 30 days, with no delivery and no such reply
between them, suppress the address too: see lt_set_soft_bounce_limit.

Where a lead was merged into another, its events are about that one. Who unsubscribed has
done so at all addresses; what bounced is the address that was given up alone.

Where message or lead are not known any more, what suppresses takes the address from
data.email, which is not kept. It is trusted: give it only where the return path of the
report proves that the mail was yours. A report itself may be forged.

Parameters:
- message_id: the message
- type: delivered, opened, clicked, bounced, replied, unsubscribed or complained
- data: an object of at most 16 MB; for clicked: url; for bounced: bounceType (hard or soft)
  and bounceReason; for replied: classification (interested, not_interested, out_of_office,
  bounce, unsubscribe) and threadSnippet; for what suppresses: email, the address that the
  message went to; other members are kept
Returns: whether anything was new.
Errors: PT400 invalid_event, PT400 invalid_request, PT404 message_not_found, PT404
lead_not_found (the lead was deleted, its address has to be suppressed, and data has none).';

CREATE FUNCTION @extschema@.lt_unsubscribe(token text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unsubscribe';

COMMENT ON FUNCTION @extschema@.lt_unsubscribe(text) IS
'Unsubscribe the recipient of a message, by the token of its link {{unsubscribeUrl}}

Works in the workspace of the message, whatever the current one is. The address is
suppressed then, whatever became of message, lead and campaign, and however often the token
was used: by itself where it is known, else by its hash. Where the message is known, the
sequence of its lead ends. Where the lead was merged into another, so does that one''s, and
all addresses are suppressed.

Parameters:
- token: what the link ends in, 90 characters
Returns: whether anything was new; false: the address was suppressed before, and is.
Errors: PT400 invalid_request, PT400 invalid_token (unknown or altered).';

CREATE FUNCTION @extschema@.lt_set_unsubscribe_url(base_url text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_unsubscribe_url';

COMMENT ON FUNCTION @extschema@.lt_set_unsubscribe_url(text) IS
'Set what the links {{unsubscribeUrl}} of the workspace begin with

The token of a message is put behind it: 90 letters, digits, "-" and "_", of which the first
26 are the workspace.

Parameters:
- base_url: such as https://example.com/u/ or https://example.com/u?token=, at most 1,000
  bytes; null: messages have no links, and the token {{unsubscribeUrl}} has no value
Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.waiting_state(attempt smallint, tried_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN waiting_state.attempt = 1 AND waiting_state.tried_at IS NULL THEN 'queued'
        ELSE 'retry' END;
END;

COMMENT ON FUNCTION leadterra.waiting_state(smallint, timestamptz) IS
'Return the state of messages that wait: queued until they have failed or were deferred.';

-- Messages of all workspaces with their states, each once: what waits, what
-- workers hold or have sent, and what was not sent.  The lateral look-ups keep the
-- planner from joining tables of which it has no statistics as a whole.
CREATE VIEW leadterra.message_states WITH (security_invoker = true) AS
SELECT
    w.workspace_id, w.campaign_id, w.step, u.lead_id, w.batch_id,
    w.unused + u.number - 1 AS "position", w.waiting_since,
    leadterra.waiting_state(w.attempt, w.tried_at) AS state,
    w.error AS reason, w.attempt, NULL::uuid AS lease_id, NULL::timestamptz AS settled_at,
    nullif(w.sender_id, leadterra.nobody()) AS sender_id
FROM leadterra.waiting_ranges w
CROSS JOIN LATERAL (
    SELECT b.lead_ids
    FROM leadterra.batches b
    WHERE b.workspace_id = w.workspace_id AND b.batch_id = w.batch_id
    OFFSET 0
) b
CROSS JOIN LATERAL unnest(b.lead_ids[w.unused:w.last]) WITH ORDINALITY AS u (lead_id, number)
UNION ALL
SELECT
    l.workspace_id, l.campaign_id, b.step, p.lead_id, r.batch_id, r.first + p.number - 1,
    b.waiting_since,
    CASE WHEN n.completed THEN 'sent' ELSE 'leased' END,
    NULL, r.attempt, l.lease_id, CASE WHEN n.completed THEN l.closed_at END, l.sender_id
FROM leadterra.leases l
CROSS JOIN LATERAL (
    SELECT u.batch_id, u.first, u.last, u.attempt,
        sum(u.last - u.first + 1) OVER (ORDER BY u.number) - (u.last - u.first + 1) AS start
    FROM unnest(l.batch_ids, l.firsts, l.lasts, l.attempts)
        WITH ORDINALITY AS u (batch_id, first, last, attempt, number)
) r
CROSS JOIN LATERAL (
    SELECT b.step, b.lead_ids, b.waiting_since
    FROM leadterra.batches b
    WHERE b.workspace_id = l.workspace_id AND b.batch_id = r.batch_id
    OFFSET 0
) b
CROSS JOIN LATERAL unnest(b.lead_ids[r.first:r.last]) WITH ORDINALITY AS p (lead_id, number)
CROSS JOIN LATERAL (
    SELECT
        coalesce(get_bit(l.completed, r.start + p.number - 1) = 1, l.state = 'closed') AS completed,
        coalesce(get_bit(l.settled, r.start + p.number - 1) = 1, l.state = 'closed') AS settled
) n
WHERE n.completed OR l.state = 'open' AND NOT n.settled
UNION ALL
SELECT
    x.workspace_id, x.campaign_id, x.step, x.lead_id, x.batch_id, x."position", b.waiting_since,
    x.state, x.reason, x.attempt, NULL, x.created_at, NULL
FROM leadterra.exceptions x
CROSS JOIN LATERAL (
    SELECT b.waiting_since
    FROM leadterra.batches b
    WHERE b.workspace_id = x.workspace_id AND b.batch_id = x.batch_id
    OFFSET 0
) b;
COMMENT ON VIEW leadterra.message_states IS
'Messages of all workspaces and campaigns, started or not, with their states

When they are due is not found out.';
COMMENT ON COLUMN leadterra.message_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.message_states.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.message_states.step IS 'Number of the step.';
COMMENT ON COLUMN leadterra.message_states.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.message_states.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.message_states."position" IS 'The position in it, from 1.';
COMMENT ON COLUMN leadterra.message_states.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.message_states.state IS
    'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN leadterra.message_states.reason IS 'Why it is retry, failed or skipped.';
COMMENT ON COLUMN leadterra.message_states.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN leadterra.message_states.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN leadterra.message_states.settled_at IS 'When it was settled.';
COMMENT ON COLUMN leadterra.message_states.sender_id IS
    'The sender that goes on with it, has it, or sent it; null: none, or it ended unsent.';

CREATE VIEW leadterra.messages WITH (security_invoker = true) AS
SELECT
    m.*,
    c.status AS campaign_status,
    leadterra.window_opens(
        c.schedule, leadterra.due_at(m.waiting_since, c.started_at, s.delay_minutes)) AS due_at
FROM leadterra.message_states m
CROSS JOIN LATERAL (
    SELECT c.status, c.started_at, c.schedule
    FROM leadterra.campaigns c
    WHERE c.workspace_id = m.workspace_id AND c.campaign_id = m.campaign_id
    OFFSET 0
) c
CROSS JOIN LATERAL (
    SELECT s.delay_minutes
    FROM leadterra.steps s
    WHERE s.workspace_id = m.workspace_id AND s.campaign_id = m.campaign_id AND s.step = m.step
    OFFSET 0
) s;
COMMENT ON VIEW leadterra.messages IS
    'Messages of all workspaces and campaigns, started or not, with their states.';
COMMENT ON COLUMN leadterra.messages.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.messages.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.messages.step IS 'Number of the step.';
COMMENT ON COLUMN leadterra.messages.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.messages.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.messages."position" IS 'The position in it, from 1.';
COMMENT ON COLUMN leadterra.messages.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.messages.state IS 'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN leadterra.messages.reason IS 
    'Why it failed, was skipped or waits again: lease expired where a worker told nothing.';
COMMENT ON COLUMN leadterra.messages.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN leadterra.messages.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN leadterra.messages.settled_at IS 'When it was settled.';
COMMENT ON COLUMN leadterra.messages.sender_id IS
    'The sender that goes on with it, has it, or sent it; null: none, or it ended unsent.';
COMMENT ON COLUMN leadterra.messages.campaign_status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.messages.due_at IS 'When it is due.';

-- A lead came to its first step in a batch that waits since it was enrolled, and to a
-- later one in a batch that waits since the lease of the step before was closed: so its
-- batches are found by index.  Where that leads to no end, as for a lead that was merged
-- or came back, all batches of the campaign are gone through.
CREATE FUNCTION leadterra.lead_messages(campaign_id uuid, lead_id uuid)
RETURNS SETOF leadterra.messages
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    messages leadterra.messages[];
    m leadterra.messages;
    next leadterra.messages;
    status text;
    since timestamptz;
    last_step integer;
BEGIN
    SELECT e.status, e.enrolled_at INTO status, since
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = lead_messages.campaign_id
      AND e.lead_id = lead_messages.lead_id;
    SELECT count(*) INTO last_step
    FROM leadterra.steps s
    WHERE s.workspace_id = workspace AND s.campaign_id = lead_messages.campaign_id;

    FOR number IN 1 .. last_step LOOP
        SELECT m.* INTO next
        FROM leadterra.batches b
        CROSS JOIN LATERAL (
            SELECT m.*
            FROM leadterra.messages m
            WHERE m.workspace_id = workspace AND m.campaign_id = lead_messages.campaign_id
              AND m.step = number
              AND m.batch_id = b.batch_id AND m.lead_id = lead_messages.lead_id
            OFFSET 0
        ) m
        WHERE b.workspace_id = workspace AND b.campaign_id = lead_messages.campaign_id
          AND b.step = number
          AND b.waiting_since = since
          AND lead_messages.lead_id BETWEEN b.least_lead_id AND b.greatest_lead_id
          AND b.lead_ids @> ARRAY[lead_messages.lead_id]
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        m := next;
        messages := messages || m;
        SELECT l.closed_at INTO since
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.lease_id = m.lease_id AND m.state = 'sent';
        EXIT WHEN since IS NULL;
    END LOOP;

    IF messages IS NULL OR m.state = 'sent' AND since IS NOT NULL AND status = 'active'
        AND m.step < last_step THEN
        RETURN QUERY
        SELECT m.*
        FROM leadterra.batches b
        CROSS JOIN LATERAL (
            SELECT m.*
            FROM leadterra.messages m
            WHERE m.workspace_id = workspace AND m.campaign_id = lead_messages.campaign_id
              AND m.step = b.step
              AND m.batch_id = b.batch_id AND m.lead_id = lead_messages.lead_id
            OFFSET 0
        ) m
        WHERE b.workspace_id = workspace AND b.campaign_id = lead_messages.campaign_id
          AND lead_messages.lead_id BETWEEN b.least_lead_id AND b.greatest_lead_id
          AND b.lead_ids @> ARRAY[lead_messages.lead_id];
    ELSE
        RETURN QUERY SELECT u.* FROM unnest(messages) u;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.lead_messages(uuid, uuid) IS
'List the messages of a lead in a campaign of the current workspace.';

-- What waits for a lead whose sequence has ended, or whose address is known to be invalid,
-- is skipped when a worker comes to it, and shown as skipped before.
CREATE FUNCTION leadterra.shown_state(
    state text, enrollment_status text, verification_status integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN shown_state.state IN ('queued', 'retry')
          AND (shown_state.enrollment_status <> 'active' OR shown_state.verification_status = -1)
              THEN 'skipped'
        ELSE shown_state.state
    END;
END;

COMMENT ON FUNCTION leadterra.shown_state(text, text, integer) IS
'Return the state of a message as people see it.';

CREATE FUNCTION leadterra.shown_reason(
    state text, reason text, enrollment_status text, verification_status integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN shown_reason.state IN ('queued', 'retry')
            AND shown_reason.enrollment_status <> 'active'
            THEN shown_reason.enrollment_status
        WHEN shown_reason.state IN ('queued', 'retry') AND shown_reason.verification_status = -1
            THEN 'invalid_email'
        ELSE shown_reason.reason
    END;
END;

COMMENT ON FUNCTION leadterra.shown_reason(text, text, text, integer) IS
'Return the reason for the state of a message as people see it.';

CREATE FUNCTION @extschema@.lt_explain_lead(campaign_id uuid, email text)
RETURNS TABLE (step integer, message_id uuid, state text, reason text, attempt integer,
    due_at timestamptz, settled_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        s.step::integer,
        leadterra.message_id(m.batch_id, m."position"),
        CASE
            WHEN m.state IS NULL THEN 'not_reached'
            WHEN c.status = 'draft' THEN 'enrolled'
            ELSE leadterra.shown_state(m.state, e.status, l.verification_status)
        END,
        CASE
            WHEN m.state IS NULL THEN nullif(e.status, 'active')
            ELSE coalesce(
                leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status),
                CASE WHEN m.state IN ('queued', 'retry') THEN nullif(c.status, 'running') END)
        END,
        m.attempt::integer,
        m.due_at,
        m.settled_at
    FROM leadterra.enter_lead('campaigns:read', lt_explain_lead.campaign_id,
        lt_explain_lead.email) AS r (lead_id)
    CROSS JOIN LATERAL (
        SELECT c.workspace_id, c.campaign_id, c.status
        FROM leadterra.campaigns c
        WHERE c.workspace_id = leadterra.current_workspace()
          AND c.campaign_id = lt_explain_lead.campaign_id
          AND r.lead_id IS NOT NULL
        OFFSET 0
    ) c
    JOIN leadterra.enrollments e ON e.workspace_id = c.workspace_id
        AND e.campaign_id = c.campaign_id AND e.lead_id = r.lead_id
    CROSS JOIN LATERAL (
        SELECT l.verification_status
        FROM leadterra.leads l
        WHERE l.workspace_id = c.workspace_id AND l.lead_id = r.lead_id
        OFFSET 0
    ) l
    JOIN leadterra.steps s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
    LEFT JOIN leadterra.lead_messages(c.campaign_id, r.lead_id) m ON m.step = s.step
    ORDER BY s.step;
END;

COMMENT ON FUNCTION @extschema@.lt_explain_lead(uuid, text) IS
'Say for each step of a campaign what became of the message of a lead, and why

Parameters:
- campaign_id: the campaign
- email: the address of the lead
Returns: one row a step. state is one of lt_messages, enrolled (in a draft) or not_reached.
reason is why a message is not sent, or what holds it (paused). It is why a message
waits again where its last attempt failed, or its worker told nothing (lease expired).
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 lead_not_found (not in the
campaign).';
-- message_page: one message, and the messages of a campaign in pages.

CREATE FUNCTION @extschema@.lt_get_message(message_id uuid)
RETURNS TABLE (
    campaign_id uuid,
    step integer,
    lead_id uuid,
    email text,
    due_at timestamptz,
    state text,
    reason text,
    attempt integer,
    lease_id uuid,
    settled_at timestamptz
)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        m.campaign_id, m.step::integer, m.lead_id, l.email, m.due_at,
        leadterra.shown_state(m.state, e.status, l.verification_status),
        leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status),
        m.attempt::integer, m.lease_id, m.settled_at
    FROM leadterra.enter_message('messages:read', lt_get_message.message_id) r
    CROSS JOIN LATERAL (
        SELECT m.*
        FROM leadterra.messages m
        WHERE m.workspace_id = leadterra.current_workspace() AND m.campaign_id = r.campaign_id
          AND m.step = r.step AND m.lead_id = r.lead_id
          AND m.batch_id = r.batch_id AND m."position" = r."position"
          AND m.campaign_status <> 'draft'
        OFFSET 0
    ) m
    CROSS JOIN LATERAL (
        SELECT e.status
        FROM leadterra.enrollments e
        WHERE e.workspace_id = leadterra.current_workspace() AND e.campaign_id = r.campaign_id
          AND e.lead_id = r.lead_id
        OFFSET 0
    ) e
    CROSS JOIN LATERAL (
        SELECT l.email, l.verification_status
        FROM leadterra.leads l
        WHERE l.workspace_id = leadterra.current_workspace() AND l.lead_id = r.lead_id
        OFFSET 0
    ) l;
END;

COMMENT ON FUNCTION @extschema@.lt_get_message(uuid) IS
'Show a message with its state, by its id

Parameters:
- message_id: the message
Returns: one row, with the columns of lt_messages; none where the lead was deleted or the
campaign is a draft.
Errors: PT400 invalid_request, PT404 message_not_found.';

-- Pages go through what waits, then through leases, then through exceptions, each in the
-- order of an index.  Each of the three stops after so many rows as are looked at here
-- where they are of other states; then its last row is null but for next_after.

CREATE FUNCTION leadterra.page_end(next_after text)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT NULL::uuid, NULL::uuid, NULL::integer, NULL::uuid, NULL::text,
        NULL::timestamptz, NULL::text, NULL::text, NULL::integer,
        NULL::uuid, NULL::timestamptz, page_end.next_after;
END;

COMMENT ON FUNCTION leadterra.page_end(text) IS
'Return the last row of a page that stopped early: where to go on, and nothing else.';

CREATE FUNCTION leadterra.waiting_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_sender CONSTANT uuid := coalesce(place[2]::uuid, leadterra.nobody());
    start_step CONSTANT integer := coalesce(place[3]::integer, 0);
    start_time CONSTANT timestamptz := coalesce(
        timestamptz 'epoch' + place[4]::bigint * interval '1 microsecond', '-infinity');
    start_range CONSTANT uuid := coalesce(place[5]::uuid, leadterra.nobody());
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    started timestamptz;
    windows jsonb;
    start integer;
    lead_ids uuid[];
    delay integer;
    since text;
    w record;
BEGIN
    SELECT c.started_at, c.schedule INTO started, windows
    FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = waiting_page.campaign_id;
    FOR w IN
        SELECT w.*, leadterra.waiting_state(w.attempt, w.tried_at) AS state
        FROM leadterra.waiting w
        WHERE w.workspace_id = workspace AND w.campaign_id = waiting_page.campaign_id
          AND (w.sender_id, w.step, w.waiting_since, w.range_id)
              >= (start_sender, start_step, start_time, start_range)
        ORDER BY w.sender_id, w.step, w.waiting_since, w.range_id
        LIMIT look_at
    LOOP
        looked := looked + 1;
        since := (extract(epoch FROM w.waiting_since) * 1000000)::bigint;
        CONTINUE WHEN w.state <> waiting_page.state;
        SELECT greatest(
            max(l.partial_last) + 1,
            w.first,
            CASE WHEN w.range_id = start_range THEN place[6]::integer + 1 END)
        INTO start
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.partial_range_id = w.range_id AND w.first < w.last;
        SELECT b.lead_ids[start:w.last], s.delay_minutes INTO lead_ids, delay
        FROM leadterra.batches b, leadterra.steps s
        WHERE b.workspace_id = workspace AND b.batch_id = w.batch_id
          AND s.workspace_id = workspace AND s.campaign_id = waiting_page.campaign_id
          AND s.step = w.step;
        -- In the order of the positions, and no further than the page goes: leads may be gone.
        RETURN QUERY
        SELECT leadterra.message_id(w.batch_id, start + u.number - 1), w.campaign_id,
            w.step::integer, u.lead_id, l.email,
            leadterra.window_opens(windows, leadterra.due_at(w.waiting_since, started, delay)),
            w.state, w.error, w.attempt::integer,
            NULL::uuid, NULL::timestamptz,
            concat_ws(
                ':', 'waiting', w.sender_id, w.step, since, w.range_id, start + u.number - 1)
        FROM (
            SELECT u.lead_id, u.number
            FROM unnest(lead_ids) WITH ORDINALITY AS u (lead_id, number)
            ORDER BY u.number
            OFFSET 0
        ) u
        CROSS JOIN LATERAL (
            SELECT l.email
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
            OFFSET 0
        ) l
        ORDER BY u.number
        LIMIT more;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'waiting', w.sender_id, w.step, since, w.range_id, 1000));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.waiting_page(uuid, text, text, integer) IS
'List messages of a campaign that wait

Those with which no sender has begun come first, by step and time, then the rest by sender.';

CREATE FUNCTION leadterra.lease_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_lease CONSTANT uuid := coalesce(place[2]::uuid, '00000000-0000-0000-0000-000000000000');
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    started timestamptz;
    windows jsonb;
    h record;
BEGIN
    SELECT c.started_at, c.schedule INTO started, windows
    FROM leadterra.campaigns c
    WHERE c.workspace_id = workspace AND c.campaign_id = lease_page.campaign_id;
    FOR h IN
        SELECT l.lease_id, l.state,
            CASE WHEN l.lease_id = start_lease THEN place[3]::uuid END AS start
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.campaign_id = lease_page.campaign_id
          AND l.lease_id >= start_lease
        ORDER BY l.lease_id
        LIMIT look_at
    LOOP
        looked := looked + 1;
        CONTINUE WHEN lease_page.state = 'leased' AND h.state <> 'open';
        RETURN QUERY
        SELECT m.message_id, m.campaign_id, m.step::integer, m.lead_id, l.email,
            leadterra.window_opens(
                windows, leadterra.due_at(m.waiting_since, started, s.delay_minutes)),
            m.state, m.reason,
            m.attempt::integer, m.lease_id, m.settled_at,
            concat_ws(':', 'lease', h.lease_id, m.message_id)
        FROM (
            SELECT m.*
            FROM (
                SELECT m.*, leadterra.message_id(m.batch_id, m."position") AS message_id
                FROM leadterra.message_states m
                WHERE m.workspace_id = workspace AND m.campaign_id = lease_page.campaign_id
                  AND m.lease_id = h.lease_id
                  AND (lease_page.state IS NULL OR m.state = lease_page.state)
            ) m
            WHERE h.start IS NULL OR m.message_id > h.start
            ORDER BY m.message_id
            OFFSET 0
        ) m
        -- In the order of the messages, and no further than the page goes.
        CROSS JOIN LATERAL (
            SELECT l.email
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace AND l.lead_id = m.lead_id
            OFFSET 0
        ) l
        CROSS JOIN LATERAL (
            SELECT s.delay_minutes
            FROM leadterra.steps s
            WHERE s.workspace_id = workspace AND s.campaign_id = lease_page.campaign_id
              AND s.step = m.step
            OFFSET 0
        ) s
        ORDER BY m.message_id
        LIMIT more;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'lease', h.lease_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.lease_page(uuid, text, text, integer) IS
'List messages of a campaign that workers hold or have sent, in the order of their leases.';

CREATE FUNCTION leadterra.exception_page(campaign_id uuid, state text, after text, wanted integer)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    place CONSTANT text[] := string_to_array(after, ':');
    start_lead CONSTANT uuid := coalesce(place[2]::uuid, '00000000-0000-0000-0000-000000000000');
    start_step CONSTANT integer := coalesce(place[3]::integer, 0);
    look_at CONSTANT integer := greatest(wanted, 1000);
    more integer := wanted;
    looked integer := 0;
    found integer;
    x record;
BEGIN
    FOR x IN
        SELECT x.*
        FROM leadterra.exceptions x
        WHERE x.workspace_id = workspace AND x.campaign_id = exception_page.campaign_id
          AND (x.lead_id, x.step) > (start_lead, start_step)
        ORDER BY x.lead_id, x.step
        LIMIT look_at
    LOOP
        looked := looked + 1;
        CONTINUE WHEN x.state <> exception_page.state;
        RETURN QUERY
        SELECT leadterra.message_id(x.batch_id, x."position"), x.campaign_id,
            x.step::integer, x.lead_id, l.email,
            leadterra.window_opens(
                c.schedule, leadterra.due_at(b.waiting_since, c.started_at, s.delay_minutes)),
            x.state, x.reason,
            x.attempt::integer, NULL::uuid, x.created_at,
            concat_ws(':', 'exception', x.lead_id, x.step)
        FROM leadterra.leads l, leadterra.batches b, leadterra.campaigns c, leadterra.steps s
        WHERE l.workspace_id = workspace AND l.lead_id = x.lead_id
          AND b.workspace_id = workspace AND b.batch_id = x.batch_id
          AND c.workspace_id = workspace AND c.campaign_id = exception_page.campaign_id
          AND s.workspace_id = workspace AND s.campaign_id = exception_page.campaign_id
          AND s.step = x.step;
        GET DIAGNOSTICS found = ROW_COUNT;
        more := more - found;
        EXIT WHEN more <= 0;
    END LOOP;
    IF more > 0 AND looked = look_at THEN
        RETURN QUERY
        SELECT * FROM leadterra.page_end(
            concat_ws(':', 'exception', x.lead_id, x.step));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.exception_page(uuid, text, text, integer) IS
'List messages of a campaign that failed or were skipped, in the order of their leads.';

CREATE FUNCTION @extschema@.lt_campaign_messages(
    campaign_id uuid,
    state text DEFAULT NULL,
    after text DEFAULT NULL,
    max_messages integer DEFAULT 100
)
RETURNS SETOF @extschema@.lt_message_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    campaign CONSTANT uuid := leadterra.enter_campaign('messages:read', campaign_id);
    more integer := leadterra.row_limit('max_messages', max_messages);
    parts CONSTANT text[] := CASE
        WHEN state IS NULL THEN '{waiting, lease, exception}'
        WHEN state IN ('queued', 'retry') THEN '{waiting}'
        WHEN state IN ('leased', 'sent') THEN '{lease}'
        WHEN state IN ('failed', 'skipped') THEN '{exception}'
    END;
    uuid CONSTANT text := '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}';
    first integer;
    part text;
    m record;
BEGIN
    IF parts IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('state "%s" is not one of a message', state));
    END IF;
    first := CASE WHEN after IS NULL THEN 1
        ELSE array_position(parts, split_part(after, ':', 1)) END;
    IF first IS NULL OR after !~ format(
        '^(waiting:%1$s:\d{1,3}:-?\d{1,18}:%1$s:\d{1,4}|lease:%1$s:%1$s|exception:%1$s:\d{1,3})$',
        uuid) THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "after" is not from a page of such messages');
    END IF;
    PERFORM FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = campaign
      AND c.status <> 'draft';
    IF NOT FOUND THEN
        RETURN;
    END IF;
    FOREACH part IN ARRAY parts[first:] LOOP
        FOR m IN
            SELECT * FROM leadterra.waiting_page(campaign, state, after, more)
            WHERE part = 'waiting'
            UNION ALL
            SELECT * FROM leadterra.lease_page(campaign, state, after, more)
            WHERE part = 'lease'
            UNION ALL
            SELECT * FROM leadterra.exception_page(campaign, state, after, more)
            WHERE part = 'exception'
        LOOP
            RETURN NEXT m;
            IF m.message_id IS NULL THEN
                RETURN;
            END IF;
            more := more - 1;
        END LOOP;
        EXIT WHEN more = 0;
        after := NULL;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_campaign_messages(uuid, text, text, integer) IS
'List the messages of a campaign by their states, a page at a time

First those that wait, then those that workers hold or have sent, then those that failed or
were skipped. A page reads little, however large the campaign is: it stops after a bounded
number of messages in other states. Then it is shorter than asked, and its last row is null
but for next_after. A message that changes its state between two pages may come twice, or
not at all.

Parameters:
- campaign_id: the campaign
- state: queued, retry, leased, sent, failed or skipped, as it is stored: a message that waits
  for a lead whose sequence has ended is skipped when a worker comes to it; null: all
- after: next_after of the last row of the page before; null: from the first message
- max_messages: how many at most, 1 to 10,000
Returns: messages; none of a draft. No row means that there are no more.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
-- message: counting and removing what is past its keep.

-- Removes leases, batches and imports of one campaign that are past their keep,
-- a slice of each.  A batch is needed while a message of it waits, is leased, or may
-- be brought back.
CREATE FUNCTION leadterra.maintain_campaign(
    workspace uuid, campaign uuid, before timestamptz, slice integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone CONSTANT text := leadterra.campaign_zone(workspace, campaign);
    leases uuid[];
    batches uuid[];
    ended bigint;
BEGIN
    -- One that is just being deleted needs nothing.
    IF NOT leadterra.keep_free_campaign(workspace, campaign) THEN
        RETURN 0;
    END IF;
    leases := leadterra.lock_old_leases(workspace, campaign, before, slice);
    PERFORM leadterra.add_to_totals(
        workspace, campaign, n.day, n.step, n.variant, n.sender_id, n.enrolled, n.sent,
        n.skipped, n.failed, n.delivered, n.opened, n.bounced, n.replied, n.unsubscribed,
        n.clicked, n.complained)
    FROM leadterra.count_leases(workspace, campaign, zone, leases) n;
    PERFORM leadterra.delete_leases(workspace, leases);

    -- The events of their messages go with them: so many messages are a slice, too.
    SELECT
        f.batch_ids,
        (SELECT count(*)
         FROM leadterra.exceptions x
         WHERE x.workspace_id = workspace AND x.campaign_id = campaign
           AND x.batch_id = ANY (f.batch_ids))
    INTO batches, ended
    FROM (
        SELECT ARRAY(
            SELECT b.batch_id
            FROM (
                SELECT
                    b.batch_id,
                    sum(b.size) OVER (ORDER BY b.step, b.waiting_since, b.batch_id) - b.size
                        AS messages_before
                FROM (
                    SELECT b.batch_id
                    FROM leadterra.batches b
                    WHERE b.workspace_id = workspace AND b.campaign_id = campaign
                      AND b.waiting_since < before
                    EXCEPT
                    (SELECT w.batch_id FROM leadterra.waiting w
                     WHERE w.workspace_id = workspace AND w.campaign_id = campaign
                     UNION ALL
                     SELECT unnest(l.batch_ids) FROM leadterra.leases l
                     WHERE l.workspace_id = workspace AND l.campaign_id = campaign
                     UNION ALL
                     SELECT x.batch_id FROM leadterra.exceptions x
                     WHERE x.workspace_id = workspace AND x.campaign_id = campaign
                       AND (x.created_at >= before OR x.reason = 'removed'))
                ) f
                JOIN leadterra.batches b
                    ON b.workspace_id = workspace AND b.batch_id = f.batch_id
                WHERE NOT EXISTS (
                    SELECT FROM leadterra.events v
                    WHERE v.workspace_id = workspace AND v.campaign_id = campaign
                      AND v.type = ANY (leadterra.event_types())
                      AND v.message_id
                          BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000)
                      AND v.created_at >= before)
            ) b
            WHERE b.messages_before < slice * 100
            LIMIT slice) AS batch_ids
    ) f;
    batches := leadterra.lock_finished_batches(workspace, campaign, batches, before, ended);
    PERFORM leadterra.add_to_totals(
        workspace, campaign, n.day, n.step, n.variant, n.sender_id, n.enrolled, n.sent,
        n.skipped, n.failed, n.delivered, n.opened, n.bounced, n.replied, n.unsubscribed,
        n.clicked, n.complained)
    FROM leadterra.count_batches(workspace, campaign, zone, batches) n;
    PERFORM leadterra.delete_events(workspace, campaign, batches);
    PERFORM leadterra.delete_batches(workspace, campaign, batches);
    RETURN cardinality(leases) + cardinality(batches)
        + leadterra.maintain_imports(workspace, campaign, before, slice);
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_campaign(uuid, uuid, timestamptz, integer) IS
'Count and remove what was finished of a campaign before a time

These are leases, batches and imports. Returns how many.';

CREATE FUNCTION @extschema@.lt_maintain(keep interval DEFAULT '90 days')
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- Whoever holds a row of one workspace keeps it from that one: see below.
SET lock_timeout = '100ms'
AS $$
DECLARE
    slice constant integer := 1000;
    before timestamptz;
    w record;
    c record;
    held uuid;
    removed bigint := 0;
BEGIN
    -- No older message can have been sent, and no time is as old.
    IF keep IS NULL OR keep < interval '0' OR keep > interval '1000 years' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "keep" must be from nothing to 1000 years');
    END IF;
    before := leadterra.clock() - keep;
    PERFORM leadterra.require_read_committed('maintenance');
    -- One at a time; the others have nothing to do.  A lock that the owner alone may
    -- take, and that no call waits for.
    BEGIN
        LOCK TABLE leadterra.api_keys IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    EXCEPTION WHEN lock_not_available THEN
        RETURN 0;
    END;
    -- What one workspace has written by hand, or holds, is not to keep the others from it.
    FOR w IN
        SELECT x.workspace_id
        FROM leadterra.workspaces x
        ORDER BY x.workspace_id
    LOOP
        EXIT WHEN removed >= slice;
        BEGIN
            PERFORM leadterra.maintain_answers(w.workspace_id);
            PERFORM leadterra.maintain_pools(w.workspace_id);
            removed := removed + leadterra.maintain_jobs(w.workspace_id, before, slice - removed);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR lock_not_available
            OR SQLSTATE 'PT500' THEN
            RAISE WARNING 'maintenance of workspace "%" failed: %', w.workspace_id, SQLERRM;
        END;
    END LOOP;
    FOR c IN
        SELECT x.workspace_id, x.campaign_id
        FROM leadterra.campaigns x
        ORDER BY x.workspace_id, x.campaign_id
    LOOP
        EXIT WHEN removed >= slice;
        -- Once is enough: what was removed of others is locked meanwhile.
        CONTINUE WHEN c.workspace_id = held;
        BEGIN
            removed := removed
                + leadterra.maintain_campaign(c.workspace_id, c.campaign_id, before, slice);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR lock_not_available
            OR SQLSTATE 'PT500' THEN
            held := CASE WHEN SQLSTATE = '55P03' THEN c.workspace_id ELSE held END;
            RAISE WARNING 'maintenance of campaign "%" of workspace "%" failed: %',
                c.campaign_id, c.workspace_id, SQLERRM;
        END;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_maintain(interval) IS
'Remove what was finished long ago, a slice of it

Finished batches with their exceptions and events, closed leases and finished jobs go once
they are older than keep. The statistics keep their counts. Imports go with the rows that
they left out. Answers to requests with an Idempotency-Key go after a day, uncounted.

Call it until it returns 0, or from time to time. It works on all workspaces, as the owner
of the extension. What a transaction holds stays for the next time. An event of a message
past its keep answers PT404; the link in it goes on working.

Parameters:
- keep: how old, from nothing to 1,000 years
Returns: how much was removed; 0 also while another session is at it.
Errors: PT400 invalid_request, PT409 wrong_isolation.';
-- forget: taking a person out of everything, for good.

CREATE FUNCTION leadterra.forget(workspace uuid, address text, entry text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgotten uuid;
    known_as uuid;
    campaign uuid;
BEGIN
    PERFORM leadterra.forget_rejects(workspace, address);
    PERFORM leadterra.forget_answers(workspace, address);
    -- The lead before what suppresses its address, as a merge has them.
    forgotten := leadterra.lock_lead(workspace, address);
    PERFORM leadterra.forget_address(workspace, address, entry);
    IF forgotten IS NULL THEN
        RETURN false;
    END IF;
    FOR campaign IN
        SELECT c.campaign_id
        FROM leadterra.lock_enrollments(workspace, forgotten) AS c (campaign_id)
    LOOP
        FOR known_as IN
            SELECT forgotten
            UNION ALL
            SELECT m.lead_id FROM leadterra.merged_leads(workspace, forgotten) m
        LOOP
            PERFORM leadterra.forget_events(workspace, campaign, known_as);
            PERFORM leadterra.forget_errors(workspace, campaign, known_as);
        END LOOP;
    END LOOP;
    -- What leads to it goes with it.
    PERFORM leadterra.delete_lead(workspace, forgotten);
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.forget(uuid, text, text) IS
'Do what lt_forget says, in a workspace

The address is in normal form; entry is what stands for it on the suppression list.';

CREATE FUNCTION @extschema@.lt_forget(email text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_forget';

COMMENT ON FUNCTION @extschema@.lt_forget(text) IS
'Delete a person by address, and keep no more of the address than a keyed hash

The lead leaves every list and campaign, and its queued messages are skipped. What people
and servers wrote goes from its events and errors. So do rows that imports left out, and
answers that are kept for an Idempotency-Key. The hash is on the suppression list: the
address is not enrolled and not mailed, until lt_unsuppress is called with it. Kept are ids
without a name, times and counts.

A call that is enrolling the address at this moment may still make a record, which is never
mailed: call again.

Parameters:
- email: the address
Returns: whether there was a lead.
Errors: PT400 invalid_email, PT400 invalid_request, PT409 wrong_isolation.';
-- forget: all that is kept of a person, for who asks before being forgotten.

-- Rows are shown with all their columns, so that what is added to a table is shown too.
-- What is about others as well, such as the leads of a job, is left out.
CREATE FUNCTION leadterra.export_person(workspace uuid, address text, entry text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    person leadterra.leads;
    known_as uuid[];
    campaigns uuid[];
    result jsonb;
BEGIN
    SELECT l.* INTO person
    FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.email = address;
    known_as := ARRAY(
        SELECT person.lead_id WHERE person.lead_id IS NOT NULL
        UNION ALL
        SELECT m.lead_id FROM leadterra.merged_leads(workspace, person.lead_id) m);
    campaigns := ARRAY(
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = workspace AND EXISTS (
            SELECT FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = c.campaign_id
              AND e.lead_id = person.lead_id)
        ORDER BY c.campaign_id);

    result := jsonb_build_object('email', address,
        'lead', CASE WHEN person.lead_id IS NOT NULL THEN to_jsonb(person) - 'workspace_id' END);
    result := result || jsonb_build_object('merged_leads',
        coalesce(jsonb_agg(to_jsonb(h) - 'workspace_id' ORDER BY h.lead_id), '[]'))
    FROM leadterra.lead_heirs h
    WHERE h.workspace_id = workspace
      AND (h.heir_id = person.lead_id OR h.entry = export_person.entry);

    result := result || jsonb_build_object('lists', coalesce(jsonb_agg(
        to_jsonb(m) - '{workspace_id, lead_id}'::text[] || jsonb_build_object('name', l.name)
            ORDER BY m.list_id), '[]'))
    FROM leadterra.list_members m
    JOIN leadterra.lists l ON l.workspace_id = workspace AND l.list_id = m.list_id
    WHERE m.workspace_id = workspace AND m.lead_id = person.lead_id;

    result := result || jsonb_build_object('enrollments', coalesce(jsonb_agg(
        to_jsonb(e) - '{workspace_id, lead_id}'::text[] || jsonb_build_object('name', c.name)
            ORDER BY e.campaign_id), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    JOIN leadterra.campaigns c ON c.workspace_id = workspace AND c.campaign_id = k.campaign_id
    JOIN leadterra.enrollments e ON e.workspace_id = workspace AND e.campaign_id = k.campaign_id
        AND e.lead_id = person.lead_id;

    -- Of batches with the person alone, as in leadterra.lead_messages().
    result := result || jsonb_build_object('messages', coalesce(jsonb_agg(
        to_jsonb(m) - '{workspace_id, batch_id, position, campaign_status}'::text[]
        || jsonb_build_object('message_id', leadterra.message_id(m.batch_id, m."position"))
            ORDER BY m.campaign_id, m.step), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(b.batch_id) AS batch_ids
        FROM leadterra.batches b
        WHERE b.workspace_id = workspace AND b.campaign_id = k.campaign_id
          AND b.lead_ids && known_as
    ) b
    CROSS JOIN LATERAL (
        SELECT m.*
        FROM leadterra.messages m
        WHERE m.workspace_id = workspace AND m.campaign_id = k.campaign_id
          AND m.batch_id = ANY (b.batch_ids) AND m.lead_id = ANY (known_as)
        OFFSET 0
    ) m
    WHERE m.campaign_status <> 'draft';

    result := result || jsonb_build_object('events',
        coalesce(jsonb_agg(to_jsonb(v) - 'workspace_id' ORDER BY v.event_id), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    JOIN leadterra.events v ON v.workspace_id = workspace AND v.campaign_id = k.campaign_id
        AND v.lead_id = ANY (known_as);

    result := result || jsonb_build_object('soft_bounces', (
        SELECT to_jsonb(b) - '{workspace_id, lead_id}'::text[]
        FROM leadterra.soft_bounces b
        WHERE b.workspace_id = workspace AND b.lead_id = person.lead_id));

    result := result || jsonb_build_object(
        'suppressions', coalesce(jsonb_agg(to_jsonb(s) - '{workspace_id, domain_hash}'::text[]
            || jsonb_build_object('name', b.name) ORDER BY s.blocklist_id, s.entry), '[]'),
        'hashed', coalesce(bool_or(s.entry = export_person.entry), false))
    FROM (
        SELECT b.blocklist_id, b.name FROM leadterra.blocklists b WHERE b.workspace_id = workspace
        UNION ALL
        SELECT workspace, 'suppression list'
    ) b
    CROSS JOIN unnest(leadterra.suppression_keys(address) || export_person.entry) AS k (entry)
    JOIN leadterra.suppressions s ON s.workspace_id = workspace AND s.blocklist_id = b.blocklist_id
        AND s.entry = k.entry;

    result := result || jsonb_build_object('import_rejects', coalesce(jsonb_agg(
        to_jsonb(r) - 'workspace_id' ORDER BY r.import_id, r.row_number), '[]'))
    FROM leadterra.import_rejects r
    WHERE r.workspace_id = workspace AND leadterra.read_address(r.lead ->> 'email') = address;

    result := result || jsonb_build_object('jobs', coalesce(jsonb_agg(
        to_jsonb(j) - '{workspace_id, lead_ids}'::text[] ORDER BY j.job_id), '[]'))
    FROM leadterra.jobs j
    WHERE j.workspace_id = workspace AND j.lead_ids && known_as;

    result := result || jsonb_build_object('answers', coalesce(jsonb_agg(jsonb_build_object(
        'idempotency_key', a.idempotency_key,
        'created_at', a.created_at,
        'parts', jsonb_path_query_array(a.answer, 'strict $.** ? (@.email == $email)',
            jsonb_build_object('email', address)))
        ORDER BY a.created_at, a.idempotency_key), '[]'))
    FROM leadterra.answers a
    WHERE a.workspace_id = workspace AND leadterra.answer_names(a.answer, address);
    RETURN result;
END;
$$;

COMMENT ON FUNCTION leadterra.export_person(uuid, text, text) IS
'Do what lt_export_person says, in a workspace

The address is in normal form; entry is what stands for its hash.';

CREATE FUNCTION @extschema@.lt_export_person(email text)
RETURNS jsonb
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_export_person';

COMMENT ON FUNCTION @extschema@.lt_export_person(text) IS
'Return all that is kept of a person, by address

It is what somebody may ask for who is to be told (GDPR, article 15), and what lt_forget
takes away or leaves: that of others is left out. It changes nothing.

Parameters:
- email: the address
Returns: an object: email; lead (its fields, null: there is none); merged_leads (ids of
leads that became part of it); lists; enrollments (campaigns, with their states); messages
(with times and states, of campaigns that were started); events (with their data, replies
too); soft_bounces (when its address bounced, null: it did not); suppressions (entries of
block lists that match, with reasons and times); hashed (whether one of these is a hash of
the address); import_rejects; jobs; answers (to requests with an Idempotency-Key, the parts
that name the person). Members are named as columns of tables.
Errors: PT400 invalid_email, PT400 invalid_request.';
-- monitor: how all workspaces are, for whoever watches them.

-- A few look-ups by index for each workspace, and for each step of its running
-- campaigns; neither leads nor messages are counted.  An order is asked for, and sorting
-- is off, where another index looks as good to the planner.  A lease that holds a part of
-- a range tells nothing of lt_maintain, which needs it for as long as the range waits.
CREATE FUNCTION leadterra.health()
RETURNS TABLE (
    workspaces bigint,
    campaigns_running bigint,
    campaigns_due bigint,
    oldest_due_seconds double precision,
    leases_open bigint,
    leases_expired bigint,
    jobs_pending bigint,
    jobs_in_progress bigint,
    jobs_expired bigint,
    jobs_failed bigint,
    oldest_finished_seconds double precision
)
LANGUAGE sql VOLATILE PARALLEL SAFE
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
BEGIN ATOMIC
    SELECT
        count(*),
        coalesce(sum(c.running), 0)::bigint,
        coalesce(sum(d.campaigns), 0)::bigint,
        coalesce(date_part('epoch', max(k.now)) - date_part('epoch', min(d.due_at)), 0),
        coalesce(sum(l.open), 0)::bigint,
        coalesce(sum(l.expired), 0)::bigint,
        coalesce(sum(j.pending), 0)::bigint,
        coalesce(sum(j.in_progress), 0)::bigint,
        coalesce(sum(j.expired), 0)::bigint,
        coalesce(sum(f.failed), 0)::bigint,
        greatest(date_part('epoch', max(k.now)) - date_part('epoch', min(o.finished_at)), 0)
    FROM leadterra.clock() AS k (now)
    CROSS JOIN leadterra.workspaces w
    CROSS JOIN LATERAL (
        SELECT count(*) AS running
        FROM leadterra.campaigns c
        WHERE c.workspace_id = w.workspace_id AND c.status = 'running'
    ) c
    CROSS JOIN LATERAL (
        SELECT
            count(DISTINCT h.campaign_id) AS campaigns,
            min(h.due_at) FILTER (WHERE isfinite(h.due_at)) AS due_at
        FROM leadterra.queue_heads(w.workspace_id) h
        WHERE h.due_at <= k.now
    ) d
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE l.expires_at > k.now) AS open,
            count(*) FILTER (WHERE l.expires_at <= k.now) AS expired
        FROM leadterra.leases l
        WHERE l.workspace_id = w.workspace_id AND l.state = 'open'
    ) l
    CROSS JOIN LATERAL (
        SELECT
            count(*) FILTER (WHERE j.status = 'pending') AS pending,
            count(*) FILTER (WHERE j.expires_at > k.now) AS in_progress,
            count(*) FILTER (WHERE j.expires_at <= k.now) AS expired
        FROM leadterra.jobs j
        WHERE j.workspace_id = w.workspace_id AND j.status IN ('pending', 'in-progress')
    ) j
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE j.status = 'failed') AS failed
        FROM (
            SELECT j.status
            FROM leadterra.jobs j
            WHERE j.workspace_id = w.workspace_id AND j.finished_at > k.now - interval '1 day'
            ORDER BY j.finished_at
        ) j
    ) f
    CROSS JOIN LATERAL (
        SELECT least(
            (SELECT j.finished_at
             FROM leadterra.jobs j
             WHERE j.workspace_id = w.workspace_id AND j.finished_at > '-infinity'
             ORDER BY j.finished_at
             LIMIT 1),
            (SELECT l.closed_at
             FROM leadterra.leases l
             WHERE l.workspace_id = w.workspace_id AND l.state <> 'open'
               AND l.partial_range_id IS NULL AND l.closed_at > '-infinity'
             ORDER BY l.lease_id
             LIMIT 1)) AS finished_at
    ) o;
END;

COMMENT ON FUNCTION leadterra.health() IS 'Do what lt_health says.';

CREATE FUNCTION @extschema@.lt_health()
RETURNS TABLE (
    workspaces bigint,
    campaigns_running bigint,
    campaigns_due bigint,
    oldest_due_seconds double precision,
    leases_open bigint,
    leases_expired bigint,
    jobs_pending bigint,
    jobs_in_progress bigint,
    jobs_expired bigint,
    jobs_failed bigint,
    oldest_finished_seconds double precision
)
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_health';

COMMENT ON FUNCTION @extschema@.lt_health() IS
'Return in one row how all workspaces together are, for monitoring

It is cheap: it counts neither leads nor messages. It shows no address, no text and no key.
For the owner of the extension and roles of lt_grant_monitor.

Returns: workspaces: how many there are; campaigns_running; campaigns_due: how many of these
have due messages; oldest_due_seconds: how long the first of these has been due, 0 if none
is; leases_open: leases that workers hold; leases_expired: leases that ran out and are not
given back yet; jobs_pending, jobs_in_progress; jobs_expired: jobs whose lease ran out;
jobs_failed: those of the last 24 hours; oldest_finished_seconds: how long ago the first job or
lease ended that is kept, 0 if there is none. lt_maintain keeps a lease while messages that
follow from it wait.';
-- view: what people and PostgREST read.  Views span the domains, show the
-- current workspace alone, and run with the rights of whoever reads them.

CREATE VIEW @extschema@.lt_campaigns WITH (security_invoker = true) AS
SELECT
    campaign_id, name, status, steps, leads_enrolled, queued_messages,
    created_at, started_at, paused_at, owner, variables,
    pool_id, schedule, daily_limit, daily_new_leads, new_leads_first, bounce_limit,
    stop_on_auto_reply, pause_reason
FROM leadterra.campaign_states
WHERE workspace_id = leadterra.see('campaigns:read');
COMMENT ON VIEW @extschema@.lt_campaigns IS 'Campaigns with their states and counts';
COMMENT ON COLUMN @extschema@.lt_campaigns.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN @extschema@.lt_campaigns.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_campaigns.status IS 'draft, running or paused.';
COMMENT ON COLUMN @extschema@.lt_campaigns.steps IS 'How many steps it has.';
COMMENT ON COLUMN @extschema@.lt_campaigns.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_campaigns.queued_messages IS
    'Messages that wait for a worker, less those that will be skipped; 0 for a draft.';
COMMENT ON COLUMN @extschema@.lt_campaigns.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_campaigns.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaigns.paused_at IS 'Since when it is paused; null: it is not.';
COMMENT ON COLUMN @extschema@.lt_campaigns.owner IS
    'Whom lt_add_leads assigns leads to that have nobody.';
COMMENT ON COLUMN @extschema@.lt_campaigns.variables IS
    'Names of custom fields that lt_add_leads has met.';
COMMENT ON COLUMN @extschema@.lt_campaigns.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN @extschema@.lt_campaigns.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN @extschema@.lt_campaigns.daily_limit IS
    'Messages a day at most; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_campaigns.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_campaigns.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN @extschema@.lt_campaigns.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaigns.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN @extschema@.lt_campaigns.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';

CREATE VIEW @extschema@.lt_senders WITH (security_invoker = true) AS
SELECT
    s.sender_id, s.email, s.name, s.reply_to, s.status, s.daily_limit, s.ramp_from, s.ramp_step,
    s.ramp_since, s.gap_seconds, s.gap_jitter_seconds, s.time_zone, s.transport,
    s.today, s.capacity_today, s.used_today, s.remaining_today, s.free_at,
    ARRAY(
        SELECT p.pool_id
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = s.workspace_id AND p.sender_id = s.sender_id AND NOT p.has_left
        ORDER BY p.pool_id
    ) AS pool_ids,
    s.created_at
FROM leadterra.sender_states s
WHERE s.workspace_id = leadterra.see('senders:read');
COMMENT ON VIEW @extschema@.lt_senders IS
'Senders with their settings, and with what they may hand out today

Each has days of its own zone. Those that were deleted are left out.';
COMMENT ON COLUMN @extschema@.lt_senders.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN @extschema@.lt_senders.email IS 'Its address in normal form.';
COMMENT ON COLUMN @extschema@.lt_senders.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN @extschema@.lt_senders.reply_to IS 'Where replies go; null: to the sender.';
COMMENT ON COLUMN @extschema@.lt_senders.status IS 'active, warming or paused.';
COMMENT ON COLUMN @extschema@.lt_senders.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_from IS
    'Messages on the first day of warming; null: it has none.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_step IS
    'How many more on each later day of warming.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_since IS
    'The first day of warming, a local day; null: it never was.';
COMMENT ON COLUMN @extschema@.lt_senders.gap_seconds IS 'Seconds between two messages at least.';
COMMENT ON COLUMN @extschema@.lt_senders.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN @extschema@.lt_senders.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN @extschema@.lt_senders.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN @extschema@.lt_senders.today IS 'The local day that it is.';
COMMENT ON COLUMN @extschema@.lt_senders.capacity_today IS
    'Messages that it may hand out on that day; 0 while it is paused; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.used_today IS
    'Messages that were handed out on it, less those that were given back.';
COMMENT ON COLUMN @extschema@.lt_senders.remaining_today IS
    'Messages that it may still hand out on it; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused.';
COMMENT ON COLUMN @extschema@.lt_senders.pool_ids IS 'The pools that it is in.';
COMMENT ON COLUMN @extschema@.lt_senders.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_pools WITH (security_invoker = true) AS
SELECT
    p.pool_id, p.name, s.senders,
    CASE WHEN s.is_limited THEN s.capacity END AS capacity_today,
    s.used AS used_today,
    CASE WHEN s.is_limited THEN s.remaining END AS remaining_today,
    p.created_at
FROM leadterra.pools p
CROSS JOIN LATERAL (
    SELECT
        count(*) AS senders,
        coalesce(bool_and(s.capacity_today IS NOT NULL), true) AS is_limited,
        coalesce(sum(s.capacity_today), 0)::bigint AS capacity,
        coalesce(sum(s.used_today), 0)::bigint AS used,
        coalesce(sum(s.remaining_today), 0)::bigint AS remaining
    FROM leadterra.pool_senders m
    CROSS JOIN LATERAL (
        SELECT s.capacity_today, s.used_today, s.remaining_today
        FROM leadterra.sender_states s
        WHERE s.workspace_id = m.workspace_id AND s.sender_id = m.sender_id
        OFFSET 0
    ) s
    WHERE m.workspace_id = p.workspace_id AND m.pool_id = p.pool_id AND NOT m.has_left
) s
WHERE p.workspace_id = leadterra.see('senders:read');
COMMENT ON VIEW @extschema@.lt_pools IS
'Pools of senders, and what these together may hand out today

Each sender has days of its own zone.';
COMMENT ON COLUMN @extschema@.lt_pools.pool_id IS 'Id of the pool.';
COMMENT ON COLUMN @extschema@.lt_pools.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_pools.senders IS
    'How many senders are in it, without those that have left and only go on.';
COMMENT ON COLUMN @extschema@.lt_pools.capacity_today IS
    'Messages that these may hand out today; null: one of them has no limit.';
COMMENT ON COLUMN @extschema@.lt_pools.used_today IS
    'Messages of these that were handed out today, for whatever pool.';
COMMENT ON COLUMN @extschema@.lt_pools.remaining_today IS
    'Messages that these may still hand out today; null: one of them has no limit.';
COMMENT ON COLUMN @extschema@.lt_pools.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_api_keys WITH (security_invoker = true) AS
SELECT key_id, label, scopes, created_at, revoked_at
FROM leadterra.api_keys
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_api_keys IS
'API keys, without what opens them

For the owner of the extension.';
COMMENT ON COLUMN @extschema@.lt_api_keys.key_id IS 'Id of the key, for lt_revoke_api_key.';
COMMENT ON COLUMN @extschema@.lt_api_keys.label IS 'A name for people.';
COMMENT ON COLUMN @extschema@.lt_api_keys.scopes IS 'What the key may do.';
COMMENT ON COLUMN @extschema@.lt_api_keys.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_api_keys.revoked_at IS
    'When it was revoked; null: it opens its workspace.';

CREATE VIEW @extschema@.lt_leads WITH (security_invoker = true) AS
SELECT
    lead_id, email, first_name, last_name, company, job_title, phone, website,
    personalization, lead_value, interest_status, assigned_to, verification_status,
    custom, created_at, updated_at
FROM leadterra.leads
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_leads IS
'Leads with their fields

The newest come first by ORDER BY lead_id DESC, for which there is an index, as there is for
lead_id and email.';
COMMENT ON COLUMN @extschema@.lt_leads.lead_id IS 'Id of the lead.';
COMMENT ON COLUMN @extschema@.lt_leads.email IS
    'Address in normal form, its domain in A-labels; null: the person has none.';
COMMENT ON COLUMN @extschema@.lt_leads.first_name IS 'First name.';
COMMENT ON COLUMN @extschema@.lt_leads.last_name IS 'Last name.';
COMMENT ON COLUMN @extschema@.lt_leads.company IS 'Company.';
COMMENT ON COLUMN @extschema@.lt_leads.job_title IS 'Job title.';
COMMENT ON COLUMN @extschema@.lt_leads.phone IS 'Phone number, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.website IS 'Website, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.personalization IS 'A text for this person.';
COMMENT ON COLUMN @extschema@.lt_leads.lead_value IS 'Value of the lead, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.interest_status IS
    'Interest: 1 interested, 2 to 4 on the way, negative not; null: unknown.';
COMMENT ON COLUMN @extschema@.lt_leads.assigned_to IS 'Who owns the lead: an id of the caller.';
COMMENT ON COLUMN @extschema@.lt_leads.verification_status IS
    'Verdict: 1 valid, 11 and 12 pending, -1 invalid, -2 risky, -3 catch-all, -4 job change.';
COMMENT ON COLUMN @extschema@.lt_leads.custom IS 'Fields that are not standard ones, an object.';
COMMENT ON COLUMN @extschema@.lt_leads.created_at IS 'When the lead was made.';
COMMENT ON COLUMN @extschema@.lt_leads.updated_at IS 'When a field last changed.';

CREATE VIEW @extschema@.lt_lists WITH (security_invoker = true) AS
SELECT
    l.list_id,
    l.name,
    (
        SELECT count(*)
        FROM leadterra.list_members m
        WHERE m.workspace_id = l.workspace_id AND m.list_id = l.list_id
    ) AS leads,
    l.created_at
FROM leadterra.lists l
WHERE l.workspace_id = leadterra.see('lists:read');
COMMENT ON VIEW @extschema@.lt_lists IS 'Lists with the numbers of their leads';
COMMENT ON COLUMN @extschema@.lt_lists.list_id IS 'Id of the list.';
COMMENT ON COLUMN @extschema@.lt_lists.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_lists.leads IS 'How many leads are on it.';
COMMENT ON COLUMN @extschema@.lt_lists.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_suppressions WITH (security_invoker = true) AS
SELECT entry, reason, created_at
FROM leadterra.suppressions
WHERE workspace_id = leadterra.see('blocklists:read')
  AND blocklist_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_suppressions IS
'Addresses, domains and wildcards that are never mailed';
COMMENT ON COLUMN @extschema@.lt_suppressions.entry IS
    'An address, a domain, a wildcard, or hmac: and a keyed hash.';
COMMENT ON COLUMN @extschema@.lt_suppressions.reason IS 'Why it was added.';
COMMENT ON COLUMN @extschema@.lt_suppressions.created_at IS 'When it was added.';

CREATE VIEW @extschema@.lt_blocklists WITH (security_invoker = true) AS
SELECT workspace_id AS blocklist_id, 'suppression list' AS name, true AS is_default, created_at
FROM leadterra.workspaces
WHERE workspace_id = leadterra.see('blocklists:read')
UNION ALL
SELECT blocklist_id, name, false, created_at
FROM leadterra.blocklists
WHERE workspace_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_blocklists IS
'Block lists

The default one is the suppression list; its id is that of the workspace.';
COMMENT ON COLUMN @extschema@.lt_blocklists.blocklist_id IS 'Id of the list.';
COMMENT ON COLUMN @extschema@.lt_blocklists.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_blocklists.is_default IS 'Whether it is the suppression list.';
COMMENT ON COLUMN @extschema@.lt_blocklists.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_blocklist_entries WITH (security_invoker = true) AS
SELECT
    blocklist_id,
    entry,
    CASE
        WHEN entry LIKE 'hmac:%' THEN 'hash'
        WHEN strpos(entry, '@') > 0 THEN 'address'
        WHEN starts_with(entry, '*') THEN 'wildcard'
        ELSE 'domain'
    END AS kind,
    reason,
    created_at
FROM leadterra.suppressions
WHERE workspace_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_blocklist_entries IS
'Entries of block lists

kind is address, domain, wildcard, or hash: the keyed hash of an address.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.blocklist_id IS 'The list.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.entry IS
    'An address, a domain, a wildcard, or hmac: and a keyed hash.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.kind IS
    'address, domain, wildcard, or hash.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.reason IS 'Why it was added.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.created_at IS 'When it was added.';

CREATE VIEW @extschema@.lt_jobs WITH (security_invoker = true) AS
SELECT
    job_id, type, status, progress::integer AS progress, cardinality(lead_ids) AS leads,
    campaign_id, list_id, attempt::integer AS attempt, worker, error,
    created_at, updated_at, expires_at, finished_at
FROM leadterra.jobs
WHERE workspace_id = leadterra.see('jobs:read');
COMMENT ON VIEW @extschema@.lt_jobs IS
'Background jobs with their states

A job in progress is its worker''s until expires_at. Then it waits for the next claim.';
COMMENT ON COLUMN @extschema@.lt_jobs.job_id IS 'Id of the job.';
COMMENT ON COLUMN @extschema@.lt_jobs.type IS 'What is to be done: verify_leads.';
COMMENT ON COLUMN @extschema@.lt_jobs.status IS 'pending, in-progress, success or failed.';
COMMENT ON COLUMN @extschema@.lt_jobs.progress IS 'Percent, 0 to 100.';
COMMENT ON COLUMN @extschema@.lt_jobs.leads IS 'How many leads it has.';
COMMENT ON COLUMN @extschema@.lt_jobs.campaign_id IS
    'The campaign that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_jobs.list_id IS 'The list that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_jobs.attempt IS 'The last attempt.';
COMMENT ON COLUMN @extschema@.lt_jobs.worker IS 'Who has it, or had it last.';
COMMENT ON COLUMN @extschema@.lt_jobs.error IS 'Why the last attempt failed.';
COMMENT ON COLUMN @extschema@.lt_jobs.created_at IS 'When it was made.';
COMMENT ON COLUMN @extschema@.lt_jobs.updated_at IS 'When anything last changed.';
COMMENT ON COLUMN @extschema@.lt_jobs.expires_at IS
    'When its worker has to be done; null unless it is in progress.';
COMMENT ON COLUMN @extschema@.lt_jobs.finished_at IS 'When it ended.';

CREATE VIEW @extschema@.lt_imports WITH (security_invoker = true) AS
SELECT
    i.import_id, i.campaign_id, i.source, i.mapping, i.rows_total, i.rows_done,
    i.enrolled, i.updated, i.rejected, i.started_at, i.updated_at, i.finished_at, i.repair,
    CASE
        WHEN i.finished_at IS NOT NULL THEN 'finished'
        WHEN leadterra.import_runs(i.import_id) THEN 'running'
        ELSE 'interrupted'
    END AS state,
    round(r.rate, 1) AS rows_per_second,
    CASE WHEN i.finished_at IS NULL THEN
        leadterra.import_time_left(i.rows_total - i.rows_done, r.rate)
    END AS time_left
FROM leadterra.imports i
CROSS JOIN LATERAL leadterra.import_rate(i.rows_done - i.run_rows, i.run_at, i.updated_at)
    AS r (rate)
WHERE i.workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_imports IS
'Imports by lt_import_table with their progress

Others see it as it goes on, after each chunk.';
COMMENT ON COLUMN @extschema@.lt_imports.import_id IS 'Id of the import.';
COMMENT ON COLUMN @extschema@.lt_imports.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_imports.source IS 'The table, by name.';
COMMENT ON COLUMN @extschema@.lt_imports.mapping IS 'Keys of leads and names of columns.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_total IS 'Rows of the table when it began.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_done IS
    'Rows that are done: enrolled, updated and rejected together.';
COMMENT ON COLUMN @extschema@.lt_imports.enrolled IS 'Rows that enrolled a lead.';
COMMENT ON COLUMN @extschema@.lt_imports.updated IS 'Rows that updated a lead.';
COMMENT ON COLUMN @extschema@.lt_imports.rejected IS 'Rows that were left out.';
COMMENT ON COLUMN @extschema@.lt_imports.started_at IS 'When it began.';
COMMENT ON COLUMN @extschema@.lt_imports.updated_at IS 'When the last chunk was committed.';
COMMENT ON COLUMN @extschema@.lt_imports.finished_at IS
    'When it ended; null: it runs, or was interrupted.';
COMMENT ON COLUMN @extschema@.lt_imports.repair IS
    'Whether the address is taken out of a text around it.';
COMMENT ON COLUMN @extschema@.lt_imports.state IS
    'running, finished, or interrupted: the same call goes on with it.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_per_second IS
    'How fast it is, or was, since it was last called.';
COMMENT ON COLUMN @extschema@.lt_imports.time_left IS
    'How long it takes from its last chunk on at that rate; null: it has finished.';

CREATE VIEW @extschema@.lt_import_rejects WITH (security_invoker = true) AS
SELECT import_id, row_number, reason, field, code, lead
FROM leadterra.import_rejects
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_import_rejects IS
'Rows that imports left out, and why

Nothing is kept of a suppressed lead.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.import_id IS 'The import.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.row_number IS 'Number of the row, from 1.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.reason IS 'Why it was left out.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.code IS
    'What is invalid about it, as in the errors of PT422; the reason where nothing is.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.lead IS
    'The lead object; null where the address is suppressed.';

CREATE VIEW @extschema@.lt_import_reject_counts WITH (security_invoker = true) AS
SELECT import_id, code, field, count(*) AS rows, min(row_number) AS example_row
FROM leadterra.import_rejects
WHERE workspace_id = leadterra.see('leads:read')
GROUP BY import_id, code, field;
COMMENT ON VIEW @extschema@.lt_import_reject_counts IS
'Why imports left rows out, and how many

lt_import_rejects has the rows.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.import_id IS 'The import.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.code IS
    'What is invalid, as in the errors of PT422, or suppressed.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.rows IS 'How many rows were left out for it.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.example_row IS
    'Number of the first of them, from 1.';

-- The lateral look-ups keep it from comparing each message with each lead of
-- the workspace, which is what the planner chooses where it has no statistics.
CREATE VIEW @extschema@.lt_messages WITH (security_invoker = true) AS
SELECT
    leadterra.message_id(m.batch_id, m."position") AS message_id,
    m.campaign_id,
    m.step::integer AS step,
    m.lead_id,
    l.email,
    m.due_at,
    leadterra.shown_state(m.state, e.status, l.verification_status) AS state,
    leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status) AS reason,
    m.attempt::integer AS attempt,
    m.lease_id,
    m.settled_at
FROM leadterra.messages m
CROSS JOIN LATERAL (
    SELECT e.status
    FROM leadterra.enrollments e
    WHERE e.workspace_id = m.workspace_id AND e.campaign_id = m.campaign_id
      AND e.lead_id = m.lead_id
    OFFSET 0
) e
CROSS JOIN LATERAL (
    SELECT l.email, l.verification_status
    FROM leadterra.leads l
    WHERE l.workspace_id = m.workspace_id AND l.lead_id = m.lead_id
    OFFSET 0
) l
WHERE m.workspace_id = leadterra.see('messages:read')
  AND m.campaign_status <> 'draft';
COMMENT ON VIEW @extschema@.lt_messages IS
'Messages of started campaigns with their states

leased means that a worker has it. A paused campaign holds its queued messages. Each query
makes all messages of a campaign, or of all: for one message call lt_get_message, for a
page of them lt_campaign_messages, for those of a lead lt_explain_lead, for leases read
lt_leases.';
COMMENT ON COLUMN @extschema@.lt_messages.message_id IS 'Id of the message.';
COMMENT ON COLUMN @extschema@.lt_messages.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_messages.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_messages.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_messages.email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_messages.due_at IS 'When it is, or was, due.';
COMMENT ON COLUMN @extschema@.lt_messages.state IS
    'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN @extschema@.lt_messages.reason IS
    'Why it failed, was skipped or waits again: lease expired where a worker told nothing.';
COMMENT ON COLUMN @extschema@.lt_messages.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN @extschema@.lt_messages.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN @extschema@.lt_messages.settled_at IS
    'When its lease was closed, or it was skipped or failed.';

CREATE VIEW @extschema@.lt_leases WITH (security_invoker = true) AS
SELECT
    l.lease_id,
    l.campaign_id,
    l.worker,
    l.state,
    r.messages,
    CASE l.state
        WHEN 'open' THEN r.messages - coalesce(bit_count(l.settled), 0)::integer
        ELSE 0
    END AS unsettled,
    l.sent,
    l.expires_at,
    l.closed_at
FROM leadterra.leases l
CROSS JOIN LATERAL (
    SELECT sum(u.last - u.first + 1)::integer AS messages
    FROM unnest(l.firsts, l.lasts) AS u (first, last)
) r
WHERE l.workspace_id = leadterra.see('messages:read');
COMMENT ON VIEW @extschema@.lt_leases IS
'Leases: what workers hold, and held

Those that are closed are kept as long as lt_maintain keeps what was sent.';
COMMENT ON COLUMN @extschema@.lt_leases.lease_id IS 'Id of the lease.';
COMMENT ON COLUMN @extschema@.lt_leases.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_leases.worker IS 'Who claimed it, by name.';
COMMENT ON COLUMN @extschema@.lt_leases.state IS
    'open, closed (all is settled) or lost (it ran out and was given back).';
COMMENT ON COLUMN @extschema@.lt_leases.messages IS 'How many messages were handed out.';
COMMENT ON COLUMN @extschema@.lt_leases.unsettled IS 'How many its worker has not reported on yet.';
COMMENT ON COLUMN @extschema@.lt_leases.sent IS 'How many were completed.';
COMMENT ON COLUMN @extschema@.lt_leases.expires_at IS 'When it runs out.';
COMMENT ON COLUMN @extschema@.lt_leases.closed_at IS
    'When it was closed or lost; null: it is open.';

CREATE VIEW @extschema@.lt_replies WITH (security_invoker = true) AS
SELECT
    v.event_id AS reply_id,
    l.email,
    v.campaign_id,
    v.data ->> 'classification' AS classification,
    v.created_at AS received_at,
    v.data ->> 'threadSnippet' AS thread_snippet,
    v.message_id,
    v.lead_id
FROM leadterra.events v
LEFT JOIN leadterra.leads l ON l.workspace_id = v.workspace_id AND l.lead_id = v.lead_id
WHERE v.workspace_id = leadterra.see('replies:read') AND v.type = 'replied';
COMMENT ON VIEW @extschema@.lt_replies IS
'Replies to messages

email is null where the lead was deleted, classification where nobody has told it.';
COMMENT ON COLUMN @extschema@.lt_replies.reply_id IS 'Id of the reply.';
COMMENT ON COLUMN @extschema@.lt_replies.email IS
    'Address of the lead; null: the lead was deleted.';
COMMENT ON COLUMN @extschema@.lt_replies.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_replies.classification IS
    'interested, not_interested, out_of_office, bounce or unsubscribe; null: nobody has told it.';
COMMENT ON COLUMN @extschema@.lt_replies.received_at IS 'When it was recorded.';
COMMENT ON COLUMN @extschema@.lt_replies.thread_snippet IS 'Some of its text.';
COMMENT ON COLUMN @extschema@.lt_replies.message_id IS 'The message that it answers.';
COMMENT ON COLUMN @extschema@.lt_replies.lead_id IS 'The lead.';

-- A lead stands at the step whose message waits or is with a worker.  The two
-- are put together by grouping, because where the planner has no statistics it
-- would compare each enrollment with each message.
CREATE VIEW @extschema@.lt_enrollments WITH (security_invoker = true) AS
SELECT
    e.campaign_id,
    e.lead_id,
    l.email,
    e.status,
    CASE WHEN n.goes_on THEN e.step END AS next_step,
    CASE WHEN n.goes_on THEN e.due_at END AS next_due_at,
    e.enrolled_at
FROM (
    SELECT
        u.workspace_id, u.campaign_id, u.lead_id,
        min(u.status) AS status, min(u.enrolled_at) AS enrolled_at,
        min(u.step) AS step, min(u.due_at) AS due_at
    FROM (
        SELECT
            e.workspace_id, e.campaign_id, e.lead_id, e.status, e.enrolled_at,
            NULL::integer AS step, NULL::timestamptz AS due_at
        FROM leadterra.enrollments e
        UNION ALL
        SELECT m.workspace_id, m.campaign_id, m.lead_id, NULL, NULL, m.step, m.due_at
        FROM leadterra.messages m
        WHERE m.state IN ('queued', 'retry', 'leased')
    ) u
    GROUP BY u.workspace_id, u.campaign_id, u.lead_id
    HAVING min(u.status) IS NOT NULL
) e
CROSS JOIN LATERAL (
    SELECT l.email, l.verification_status
    FROM leadterra.leads l
    WHERE l.workspace_id = e.workspace_id AND l.lead_id = e.lead_id
    OFFSET 0
) l
CROSS JOIN LATERAL (
    SELECT c.status
    FROM leadterra.campaigns c
    WHERE c.workspace_id = e.workspace_id AND c.campaign_id = e.campaign_id
    OFFSET 0
) c
CROSS JOIN LATERAL (
    SELECT e.status = 'active' AND c.status <> 'draft'
        AND l.verification_status IS DISTINCT FROM -1 AS goes_on
) n
WHERE e.workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_enrollments IS
'Leads in campaigns with their states

A draft has no next step, and neither has a lead whose sequence has ended, or whose address
is invalid. Each query makes
all messages of a campaign, or of all: for a page of leads call lt_campaign_leads, for the
campaigns of a lead lt_lead_campaigns.';
COMMENT ON COLUMN @extschema@.lt_enrollments.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_enrollments.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_enrollments.email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_enrollments.status IS
    'active, replied, bounced, unsubscribed or removed.';
COMMENT ON COLUMN @extschema@.lt_enrollments.next_step IS
    'The step whose message waits or is with a worker; null: none.';
COMMENT ON COLUMN @extschema@.lt_enrollments.next_due_at IS 'When that message is due.';
COMMENT ON COLUMN @extschema@.lt_enrollments.enrolled_at IS 'When it came to the campaign.';
-- http: keeping answers, for requests that are sent again.

-- Whoever sends a request again waits for one that is under way with its key.
CREATE FUNCTION leadterra.open_answer(workspace uuid, idempotency_key text, request_hash bytea)
RETURNS leadterra.answers
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    earlier leadterra.answers;
BEGIN
    LOOP
        DELETE FROM leadterra.answers a
        WHERE a.workspace_id = workspace AND a.idempotency_key = open_answer.idempotency_key
          AND a.created_at < leadterra.clock() - interval '24 hours';
        INSERT INTO leadterra.answers (workspace_id, idempotency_key, request_hash, created_at)
        VALUES (workspace, open_answer.idempotency_key, open_answer.request_hash, leadterra.clock())
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            RETURN NULL;
        END IF;
        SELECT a.* INTO earlier
        FROM leadterra.answers a
        WHERE a.workspace_id = workspace AND a.idempotency_key = open_answer.idempotency_key;
        -- Another session may have removed it in between.
        IF FOUND THEN
            RETURN earlier;
        END IF;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.open_answer(uuid, text, bytea) IS
'Return what is kept for an Idempotency-Key, or make room for the answer to come and return null.';

CREATE FUNCTION leadterra.open_answer(idempotency_key text, request_hash bytea)
RETURNS leadterra.answers
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_open_answer';

COMMENT ON FUNCTION leadterra.open_answer(text, bytea) IS 'Do the same in the current workspace.';

CREATE FUNCTION leadterra.store_answer(idempotency_key text, answer jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_store_answer';

COMMENT ON FUNCTION leadterra.store_answer(text, jsonb) IS
'Keep the answer to a request with an Idempotency-Key.';

CREATE FUNCTION leadterra.answer_names(answer jsonb, address text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT strpos(lower(answer_names.answer::text COLLATE "C"), answer_names.address) > 0;
END;

COMMENT ON FUNCTION leadterra.answer_names(jsonb, text) IS
'Say whether an answer names an address in normal form.';

CREATE FUNCTION leadterra.forget_answers(workspace uuid, address text)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    DELETE FROM leadterra.answers a
    WHERE a.workspace_id = forget_answers.workspace
      AND leadterra.answer_names(a.answer, forget_answers.address);
END;

COMMENT ON FUNCTION leadterra.forget_answers(uuid, text) IS
'Remove answers that name an address in normal form.';

CREATE FUNCTION leadterra.maintain_answers(workspace uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    DELETE FROM leadterra.answers a
    WHERE a.workspace_id = workspace AND a.ctid = ANY (ARRAY(
        SELECT o.ctid
        FROM leadterra.answers o
        WHERE o.workspace_id = workspace AND o.created_at < leadterra.clock() - interval '24 hours'
        FOR UPDATE SKIP LOCKED));
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_answers(uuid) IS
'Remove answers that are older than a day.';
-- http: reading what a request gives as text or as JSON, and showing times.

CREATE FUNCTION leadterra.read_id(id text)
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_from_typeid(read_id.id);
END;

COMMENT ON FUNCTION leadterra.read_id(text) IS
'Return the UUID of a TypeID or UUID: lt_from_typeid for PL/pgSQL.';

CREATE FUNCTION leadterra.url_decode(encoded text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_url_decode';

COMMENT ON FUNCTION leadterra.url_decode(text) IS
'Decode a part of a query, as forms encode it, or raise PT400 invalid_request.';

CREATE FUNCTION leadterra.http_query(query text, name text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    parameter text;
    found text;
BEGIN
    FOREACH parameter IN ARRAY string_to_array(query, '&') LOOP
        CONTINUE WHEN leadterra.url_decode(split_part(parameter, '=', 1)) <> name;
        -- Which of two is meant nobody knows.
        IF found IS NOT NULL THEN
            PERFORM leadterra.raise_error('invalid_request',
                format('parameter "%s" is given twice', name));
        END IF;
        found := leadterra.url_decode(CASE WHEN strpos(parameter, '=') > 0
            THEN substr(parameter, strpos(parameter, '=') + 1) ELSE '' END);
    END LOOP;
    RETURN found;
END;
$$;

COMMENT ON FUNCTION leadterra.http_query(text, text) IS
'Return a parameter of a query

Parameters:
  query  what stands behind the "?" of a URL
  name   of the parameter

Returns: its value, the empty string if it has none, null if it is not there.

Errors: PT400 invalid_request, also where it is given twice.';

-- STABLE, as http_number() is, so that arguments are read in their order, and none when
-- the call is planned.
CREATE FUNCTION leadterra.http_flag(name text, given text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given NOT IN ('true', 'false') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be "true" or "false", not "%s"', name, given));
    END IF;
    RETURN given = 'true';
END;
$$;

COMMENT ON FUNCTION leadterra.http_flag(text, text) IS
'Read a parameter that is true or false

Parameters:
  name   of the parameter, for an error
  given  its value

Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.http_number(name text, given text)
RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given !~ '^[1-9][0-9]{0,6}$' THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('parameter "%s" must be a number from 1, not "%s"', name, given));
    END IF;
    RETURN given::integer;
END;
$$;

COMMENT ON FUNCTION leadterra.http_number(text, text) IS
'Read a parameter that is a number from 1 to 9,999,999

Parameters:
  name   of the parameter, for an error
  given  its value

Errors: PT400 invalid_request.';

-- The body comes as bytes: what the encoding or the type's input refuses is an error
-- of the request like any other, and has to be caught.
CREATE FUNCTION leadterra.http_body(given bytea)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN convert_from(given, 'UTF8')::jsonb;
-- Not UTF-8, not JSON, characters that are none, numbers and strings too large, nesting too deep.
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    PERFORM leadterra.raise_error('invalid_request', 'the body of the request is not valid JSON');
END;
$$;

COMMENT ON FUNCTION leadterra.http_body(bytea) IS 'Return the body of a request.';

-- Members of a request's body: a body that is no object has none.
CREATE FUNCTION leadterra.http_member(body jsonb, name text, type text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(body) IS DISTINCT FROM 'object' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'the body of the request must be a JSON object');
    ELSIF coalesce(jsonb_typeof(body -> name), 'missing') NOT IN ('missing', type) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"%s" must be of type %s', name, type));
    END IF;
    RETURN body -> name;
END;
$$;

COMMENT ON FUNCTION leadterra.http_member(jsonb, text, text) IS
'Return a member of the body of a request, null if it has none

Errors: PT400 invalid_request if it is of another type.';

CREATE FUNCTION leadterra.http_id(body jsonb, name text)
RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := leadterra.http_member(
        CASE WHEN body -> name = 'null' THEN body - name ELSE body END, name, 'string');
BEGIN
    RETURN leadterra.read_id(given #>> '{}');
END;
$$;

COMMENT ON FUNCTION leadterra.http_id(jsonb, text) IS
'Return a member of the body of a request that is an id; null if it has none.';

CREATE FUNCTION leadterra.http_boolean(body jsonb, name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(
        leadterra.http_member(http_boolean.body, http_boolean.name, 'boolean')::boolean,
        false);
END;

COMMENT ON FUNCTION leadterra.http_boolean(jsonb, text) IS
'Return a member of the body of a request that is true or false; false if it has none.';

CREATE FUNCTION leadterra.camel_case(name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT left(camel_case.name, 1)
        || substr(replace(initcap(camel_case.name COLLATE "C"), '_', ''), 2);
END;

COMMENT ON FUNCTION leadterra.camel_case(text) IS
'Return a name with capital letters in place of "_": campaignId for campaign_id.';

CREATE FUNCTION leadterra.http_time(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(http_time.moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
END;

COMMENT ON FUNCTION leadterra.http_time(timestamptz) IS 'Return a time as ISO 8601 in UTC.';
-- http: published calls on campaigns.

CREATE FUNCTION leadterra.http_campaign_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.enter_campaign(scope, leadterra.read_id(given));
EXCEPTION WHEN SQLSTATE 'PT400' OR SQLSTATE 'PT404' THEN
    PERFORM leadterra.raise_error('campaign_not_found',
        format('campaign "%s" does not exist', given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_campaign_id(text, text) IS
'Read a parameter that names a campaign

The campaign is looked up, so that an error shows the id as it was sent.

Parameters:
  scope  that the call needs
  given  a TypeID or UUID

Errors: PT403 insufficient_scope, PT404 campaign_not_found.';

-- VOLATILE, so that it sees what the statement that it is in has written.
CREATE FUNCTION leadterra.http_show_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', c.campaign_id),
        'name', c.name,
        'status', c.status,
        'sequenceSteps', (
            SELECT coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(jsonb_build_object(
                        'subject', s.subject, 'bodyHtml', s.body_html, 'bodyText', s.body_text,
                        'preheader', s.preheader, 'headers', s.headers, 'variants', s.variants))
                    || CASE WHEN s.delay_minutes % 1440 = 0
                    THEN jsonb_build_object('delayDays', s.delay_minutes / 1440)
                    ELSE jsonb_build_object('delay', s.delay_minutes, 'delayUnit', 'minutes') END
                    ORDER BY s.step),
                '[]')
            FROM leadterra.steps s
            WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id),
        'createdAt', leadterra.http_time(c.created_at))
    FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace()
      AND c.campaign_id = http_show_campaign.campaign_id;
END;

COMMENT ON FUNCTION leadterra.http_show_campaign(uuid) IS
'Return a campaign as the published pages show it.';

CREATE FUNCTION leadterra.http_create_campaign(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.campaign || jsonb_build_object('campaign', a.campaign)
    FROM @extschema@.lt_create_campaign(
        leadterra.http_member(http_create_campaign.body, 'name', 'string') #>> '{}',
        coalesce(
            leadterra.http_member(http_create_campaign.body, 'sequenceSteps', 'array'),
            '[]')) AS n (id)
    CROSS JOIN LATERAL (SELECT leadterra.http_show_campaign(n.id) OFFSET 0) AS a (campaign);
END;

COMMENT ON FUNCTION leadterra.http_create_campaign(jsonb) IS
'Answer POST /v1/campaigns

Parameters:
  body  has name and sequenceSteps, an array of steps as in lt_create_campaign

Returns: the campaign, and all of it again under campaign.

Errors: those of lt_create_campaign.';

CREATE FUNCTION leadterra.http_start_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
        'campaign', jsonb_build_object(
            'id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
            'leadsEnrolled', s.leads_enrolled, 'queuedMessages', s.queued_messages))
    FROM @extschema@.lt_start_campaign(http_start_campaign.campaign_id) s
    CROSS JOIN LATERAL @extschema@.lt_typeid('camp', s.id) AS a (id);
END;

COMMENT ON FUNCTION leadterra.http_start_campaign(uuid) IS
'Answer POST /v1/campaigns/:id/start

Returns: id, status and startedAt, and under campaign also leadsEnrolled and queuedMessages.

Errors: those of lt_start_campaign.';

CREATE FUNCTION leadterra.http_pause_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', s.id), 'status', s.status,
        'pausedAt', leadterra.http_time(s.paused_at))
    FROM @extschema@.lt_pause_campaign(http_pause_campaign.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_pause_campaign(uuid) IS
'Answer POST /v1/campaigns/:id/pause

Returns: id, status and pausedAt.

Errors: those of lt_pause_campaign.';

CREATE FUNCTION leadterra.http_campaign_stats(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'campaignId', @extschema@.lt_typeid('camp', s.campaign_id),
        'totalEnrolled', s.total_enrolled, 'sent', s.sent,
        'delivered', s.delivered, 'bounced', s.bounced, 'replied', s.replied, 'queued', s.queued,
        'openRate', s.open_rate, 'replyRate', s.reply_rate)
    FROM @extschema@.lt_campaign_stats(http_campaign_stats.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_campaign_stats(uuid) IS
'Answer GET /v1/campaigns/:id/stats

Returns: the counts of lt_campaign_stats.';
-- http: published calls on leads.

-- VOLATILE, so that it sees what the call that it is in has written.
CREATE FUNCTION leadterra.count_enrolled(campaign_id uuid)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT s.leads_enrolled
        FROM leadterra.campaign_states s
        WHERE s.workspace_id = leadterra.current_workspace()
          AND s.campaign_id = count_enrolled.campaign_id);
END;
$$;

COMMENT ON FUNCTION leadterra.count_enrolled(uuid) IS
'Return how many leads are enrolled in a campaign.';

CREATE FUNCTION leadterra.http_bulk_leads(
    campaign_id uuid,
    body jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH report AS MATERIALIZED (
        SELECT r.index, r.outcome, r.reason, r.field, r.code
        FROM @extschema@.lt_bulk_upsert_report(
            http_bulk_leads.campaign_id,
            jsonb_build_object('leads',
                leadterra.http_member(http_bulk_leads.body, 'leads', 'array')),
            http_bulk_leads.on_invalid,
            http_bulk_leads.dry_run) r
    ), counts AS MATERIALIZED (
        SELECT
            count(*) FILTER (WHERE r.outcome = 'enrolled') AS enrolled,
            count(*) FILTER (WHERE r.outcome = 'updated') AS updated,
            count(*) FILTER (WHERE r.outcome = 'skipped') AS skipped,
            count(*) FILTER (WHERE r.outcome <> 'skipped') AS total,
            coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(
                        jsonb_build_object('index', r.index, 'field', r.field, 'code', r.code))
                    ORDER BY r.index)
                FILTER (WHERE r.outcome = 'skipped' AND r.reason <> 'suppressed'), '[]') AS errors
        FROM report r
    )
    SELECT jsonb_build_object(
        'enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped, 'total', c.total,
        'data', jsonb_build_object(
            'created', c.enrolled, 'updated', c.updated, 'enrolled', c.total, 'errors', c.errors),
        'result', jsonb_build_object(
            'enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped,
            'totalInCampaign', leadterra.count_enrolled(http_bulk_leads.campaign_id)))
    FROM counts c;
END;

COMMENT ON FUNCTION leadterra.http_bulk_leads(uuid, jsonb, text, boolean) IS
'Answer POST /v1/campaigns/:id/leads/bulk

The answer has the three published shapes at once.

Parameters:
  body        has leads, an array of lead objects
  on_invalid  skip leaves invalid entries out; error refuses them all
  dry_run     writes nothing

Errors: those of lt_bulk_upsert.';

CREATE FUNCTION leadterra.http_add_leads(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_add_leads(
        leads => leadterra.http_member(http_add_leads.body, 'leads', 'array'),
        campaign_id => leadterra.http_id(http_add_leads.body, 'campaign_id'),
        list_id => leadterra.http_id(http_add_leads.body, 'list_id'),
        blocklist_id => leadterra.http_id(http_add_leads.body, 'blocklist_id'),
        assigned_to => leadterra.http_id(http_add_leads.body, 'assigned_to'),
        verify_leads_on_import =>
            leadterra.http_boolean(http_add_leads.body, 'verify_leads_on_import'),
        skip_if_in_workspace => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_workspace'),
        skip_if_in_campaign => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_campaign'),
        skip_if_in_list => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_list'));
END;

COMMENT ON FUNCTION leadterra.http_add_leads(jsonb) IS
'Answer POST /api/v2/leads/add

Parameters:
  body  has the arguments of lt_add_leads; ids may be TypeIDs

Returns: the answer of lt_add_leads.

Errors: those of lt_add_leads.';
-- http: published calls on suppressions.

CREATE FUNCTION leadterra.http_emails(body jsonb)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    emails constant jsonb := leadterra.http_member(body, 'emails', 'array');
BEGIN
    IF emails IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" is missing');
    ELSIF jsonb_array_length(emails) > 1000 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('%s emails are more than 1000', jsonb_array_length(emails)));
    ELSIF jsonb_path_exists(emails, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" must hold strings');
    END IF;
    RETURN ARRAY(
        SELECT e.email
        FROM jsonb_array_elements_text(emails) WITH ORDINALITY AS e (email, place)
        ORDER BY e.place);
END;
$$;

COMMENT ON FUNCTION leadterra.http_emails(jsonb) IS
'Return the array of addresses, at most 1,000, in the body of a request.';

CREATE FUNCTION leadterra.http_suppress(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.counts || jsonb_build_object('result', a.counts)
    FROM @extschema@.lt_suppress(leadterra.http_emails(http_suppress.body)) s
    CROSS JOIN LATERAL jsonb_build_object(
        'suppressed', s.suppressed, 'alreadySuppressed', s.already_suppressed,
        'total', s.total) AS a (counts);
END;

COMMENT ON FUNCTION leadterra.http_suppress(jsonb) IS
'Answer POST /v1/suppression-list

Parameters:
  body  has emails, at most 1,000

Returns: suppressed, alreadySuppressed and total, and all of it again under result.

Errors: those of lt_suppress.';
-- http: published calls on replies.

CREATE FUNCTION leadterra.http_replies(
    campaign_id uuid DEFAULT NULL,
    classification text DEFAULT NULL,
    page integer DEFAULT 1)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', @extschema@.lt_typeid('rpl', r.reply_id), 'email', r.email,
        'campaignId', @extschema@.lt_typeid('camp', r.campaign_id),
        'classification', r.classification, 'receivedAt', leadterra.http_time(r.received_at),
        'threadSnippet', r.thread_snippet)
        ORDER BY r.received_at DESC, r.reply_id DESC), '[]')
    FROM (
        SELECT r.*
        FROM @extschema@.lt_replies r
        WHERE (http_replies.campaign_id IS NULL OR r.campaign_id = http_replies.campaign_id)
          AND (http_replies.classification IS NULL
            OR r.classification = http_replies.classification)
        ORDER BY r.received_at DESC, r.reply_id DESC
        OFFSET (http_replies.page - 1) * 50
        LIMIT 50
    ) r;
END;

COMMENT ON FUNCTION leadterra.http_replies(uuid, text, integer) IS
'Answer GET /v1/replies

Parameters:
  campaign_id     of one campaign alone
  classification  of one kind alone
  page            of 50, from 1, newest first

Returns: an array.';
-- http: the table of routes, and how the function of one is called.
--
-- A published call is one line of leadterra.routes() and one function, in the file of its
-- domain.  The function is called by the names of its arguments, as PostgREST calls one:
--
--   body jsonb        the body of the request; a function without it takes none
--   {name} of a path  the argument of that name
--   any other         a parameter of the query, by its name below /api/v2/, and in camel
--                     case below /v1/; what is not given has the argument's default
--
-- The type of an argument says how it is read: text as it is, boolean by http_flag(),
-- integer by http_number(), and a uuid by the function of its name, as http_campaign_id()
-- reads campaign_id.  All of them are read before the call begins.
--
-- deploy/nginx.conf has the paths and methods too, by scripts/routes --write, and
-- deploy/openapi.yaml describes them; scripts/check compares.

CREATE FUNCTION leadterra.routes()
RETURNS TABLE (method text, path text, call text, scope text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    VALUES
    ('POST', '/v1/campaigns',                          'http_create_campaign', 'campaigns:create'),
    ('POST', '/v1/campaigns/{campaign_id}/leads/bulk', 'http_bulk_leads',      'leads:create'),
    ('POST', '/v1/campaigns/{campaign_id}/start',      'http_start_campaign',  'campaigns:update'),
    ('POST', '/v1/campaigns/{campaign_id}/pause',      'http_pause_campaign',  'campaigns:update'),
    ('GET',  '/v1/campaigns/{campaign_id}/stats',      'http_campaign_stats',  'campaigns:read'),
    ('POST', '/v1/suppression-list',                   'http_suppress',        'blocklists:create'),
    ('GET',  '/v1/replies',                            'http_replies',         'replies:read'),
    ('POST', '/api/v2/leads/add',                      'http_add_leads',       'leads:create');
END;

COMMENT ON FUNCTION leadterra.routes() IS
'List the published calls

GET answers HEAD as well. A segment of a path in braces is a parameter. A segment that is
spelled out goes before one that is a parameter, in whatever order they stand here.

Returns: method and path, the function in the schema leadterra that answers, and the scope
that a key needs.';

CREATE FUNCTION leadterra.path_matches(pattern text, path text)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_path_matches';

COMMENT ON FUNCTION leadterra.path_matches(text, text) IS
'Say whether a path is one of a pattern

Parameters:
  pattern  a path in which {name} stands for a segment that is not empty
  path     of a request, as it was sent, without its query';

CREATE FUNCTION leadterra.find_route(method text, path text)
RETURNS SETOF leadterra.route
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        r.path, r.call, r.scope,
        CASE WHEN r.method <> find_route.method THEN (
            SELECT string_agg(replace(o.method, 'GET', 'GET, HEAD'), ', '
                ORDER BY o.method COLLATE "C")
            FROM leadterra.routes() o
            WHERE o.path = r.path) END,
        p.proargnames, p.proargtypes, p.pronargs - p.pronargdefaults
    FROM leadterra.routes() r
    LEFT JOIN pg_proc p ON p.oid = to_regproc('leadterra.' || r.call)
    WHERE leadterra.path_matches(r.path, find_route.path)
    -- "{" sorts behind all that a segment may have.
    ORDER BY r.path COLLATE "C", r.method <> find_route.method
    LIMIT 1;
END;

COMMENT ON FUNCTION leadterra.find_route(text, text) IS
'Find the route of a request

Parameters:
  method  of the request
  path    as it was sent, without its query

Returns: the route, or no row where nothing is at the path.';

CREATE FUNCTION leadterra.call_route(route leadterra.route, uri text, body jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query constant text := split_part(uri, '?', 2);
    name text;
    published text;
    segment integer;
    given text;
    texts text[] := '{}';
    arguments text := '';
    answer jsonb;
BEGIN
    FOR place IN 1 .. coalesce(cardinality(route.names), 0) LOOP
        name := route.names[place];
        IF name = 'body' THEN
            arguments := arguments || ', body => $3';
            CONTINUE;
        END IF;
        published := CASE WHEN starts_with(route.path, '/api/v2/') THEN name
            ELSE leadterra.camel_case(name) END;
        segment := array_position(string_to_array(route.path, '/'), format('{%s}', name));
        -- A "+" is itself in a path.
        given := CASE WHEN segment IS NULL THEN leadterra.http_query(query, published)
            ELSE leadterra.url_decode(replace(
                split_part(split_part(uri, '?', 1), '/', segment), '+', '%2B')) END;
        IF given IS NOT NULL THEN
            texts := texts || given;
            arguments := arguments || format(', %I => ', name) || format(
                CASE route.types[place - 1]
                    WHEN 'uuid'::regtype THEN 'leadterra.%I($1, $2[%s])'
                    WHEN 'boolean'::regtype THEN 'leadterra.http_flag(%3$L, $2[%2$s])'
                    WHEN 'integer'::regtype THEN 'leadterra.http_number(%3$L, $2[%2$s])'
                    ELSE '$2[%2$s]'
                END, 'http_' || name, cardinality(texts), published);
        ELSIF place <= route.needed THEN
            PERFORM leadterra.raise_error('invalid_request',
                format('parameter "%s" is missing', published));
        END IF;
    END LOOP;
    EXECUTE format('SELECT leadterra.%I(%s)', route.call, substr(arguments, 3))
        INTO answer USING route.scope, texts, body;
    RETURN answer;
END;
$$;

COMMENT ON FUNCTION leadterra.call_route(leadterra.route, text, jsonb) IS
'Call the function of a route with what a request gives

Parameters:
  uri   path and query of the request, as they were sent
  body  of the request

Returns: its answer.

Errors: PT400 invalid_request, those of what reads the arguments (PT404), and those of
the function.';
-- http: the edge, where headers become arguments, and answers have a status.
--
-- The gateway calls lt_http_read() for GET and HEAD, and lt_http_write() for the other
-- methods.  It hands on path and query in the header X-Original-Uri, the method in
-- X-Original-Method and the API key in X-Api-Key; what a client sends under these names
-- it replaces.  Nothing but the functions of this file reads a header.

CREATE FUNCTION leadterra.http_header(name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT nullif(current_setting('request.headers', true), '')::json ->> http_header.name;
END;

COMMENT ON FUNCTION leadterra.http_header(text) IS
'Return a header of the request, by its name in lower case; null outside of one.';

CREATE FUNCTION @extschema@.lt_pre_request()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_authenticate(leadterra.http_header('x-api-key'))
    WHERE current_setting('request.path', true) IS DISTINCT FROM '/rpc/lt_unsubscribe';
END;

COMMENT ON FUNCTION @extschema@.lt_pre_request() IS
'Open the workspace of a request to PostgREST, which calls it as db-pre-request

The API key is in the header X-Api-Key. lt_unsubscribe needs none: its token opens a
workspace.

Errors: PT401 authentication_failed.';

CREATE FUNCTION leadterra.http_error(uri text, status integer, message text, detail jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', status::text, true);
    RETURN CASE
        WHEN starts_with(uri, '/api/v2/') THEN
            jsonb_build_object('statusCode', status, 'error', CASE status
                WHEN 400 THEN 'Bad Request'
                WHEN 401 THEN 'Unauthorized'
                WHEN 402 THEN 'Payment Required'
                WHEN 403 THEN 'Forbidden'
                WHEN 404 THEN 'Not Found'
                WHEN 405 THEN 'Method Not Allowed'
                WHEN 409 THEN 'Conflict'
                WHEN 413 THEN 'Content Too Large'
                ELSE 'Unprocessable Content'
            END)
        ELSE '{}'
    END || jsonb_build_object('message', message) || detail;
END;
$$;

COMMENT ON FUNCTION leadterra.http_error(text, integer, text, jsonb) IS
'Answer a request with an error

Parameters:
  uri      path and query of the request, which tell whose pages it is of
  status   of the answer
  message  one line
  detail   an object with the stable code, and errors where entries failed

Returns: the body, with statusCode and error too for the second service.';

-- What a call that failed did is rolled back with the block.  Other errors go on to PostgREST.
CREATE FUNCTION leadterra.http_answer(
    method text,
    uri text,
    idempotency_key text,
    given bytea)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Without a workspace there is no answer: PostgREST has to say that a key is missing.
    workspace constant uuid := leadterra.current_workspace();
    route leadterra.route;
    body jsonb;
    hash bytea;
    earlier leadterra.answers;
    answer jsonb;
    detail text;
BEGIN
    SELECT r.* INTO route FROM leadterra.find_route(method, split_part(uri, '?', 1)) r;
    IF NOT FOUND THEN
        RETURN leadterra.http_error(uri, 404, 'there is nothing at this path',
            '{"code": "not_found"}');
    ELSIF route.allow IS NOT NULL THEN
        PERFORM set_config('response.headers',
            jsonb_build_array(jsonb_build_object('Allow', route.allow))::text, true);
        RETURN leadterra.http_error(uri, 405, 'this path takes other methods',
            '{"code": "method_not_allowed"}');
    END IF;
    -- First, so that a key without it learns nothing, of an earlier answer either.
    PERFORM leadterra.enter(route.scope);
    IF 'body' = ANY (route.names) IS NOT TRUE THEN
        given := NULL;
    ELSIF given IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'the request has no body');
    ELSE
        body := leadterra.http_body(given);
    END IF;
    IF length(idempotency_key) > 255 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'header Idempotency-Key must have at most 255 characters');
    ELSIF idempotency_key <> '' THEN
        hash := sha256(convert_to(concat(method, ' ', uri, E'\n'), 'UTF8') || coalesce(given, ''));
        earlier := leadterra.open_answer(idempotency_key, hash);
        IF earlier.request_hash <> hash THEN
            PERFORM leadterra.raise_error('idempotency_key_reused',
                'header Idempotency-Key was sent with another request');
        ELSIF earlier.request_hash IS NOT NULL THEN
            RETURN earlier.answer;
        END IF;
    END IF;

    answer := leadterra.call_route(route, uri, body);
    IF idempotency_key <> '' THEN
        PERFORM leadterra.store_answer(idempotency_key, answer);
    END IF;
    RETURN answer;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = '54001' THEN
        -- What the parser just stood is too deep for the call.
        RETURN leadterra.http_error(uri, 400, 'the body of the request is nested too deeply',
            '{"code": "invalid_request"}');
    ELSIF SQLSTATE !~ '^PT4[0-9][0-9]$' THEN
        RAISE;
    END IF;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN leadterra.http_error(uri, substr(SQLSTATE, 3)::integer, SQLERRM,
        coalesce(nullif(detail, ''), '{}')::jsonb);
END;
$$;

COMMENT ON FUNCTION leadterra.http_answer(text, text, text, bytea) IS
'Answer a request, once for an Idempotency-Key

Parameters:
  method           of the request
  uri              its path and query, as they were sent
  idempotency_key  null or empty: it is done again when it is sent again
  given            its body; null: it has none

Returns: the body of the answer, also of an error; the settings response.status and
response.headers have the rest.

Errors: PT401 authentication_failed, and faults.';

CREATE FUNCTION @extschema@.lt_http_read()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_answer('GET', leadterra.http_header('x-original-uri'), NULL, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_read() IS
'Answer a published call that reads, for PostgREST

The header X-Original-Uri has the path and the query of the call, whose method is GET or HEAD.

Returns: what deploy/openapi.yaml says. An error is an answer with its status, a message
and a code.

Errors: PT401 authentication_failed.';

CREATE FUNCTION @extschema@.lt_http_write(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_answer(
        coalesce(leadterra.http_header('x-original-method'), 'POST'),
        leadterra.http_header('x-original-uri'), leadterra.http_header('idempotency-key'), $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_write(bytea) IS
'Answer a published call that writes, for PostgREST

The header X-Original-Uri has the path and the query of the call, X-Original-Method its
method, POST where there is none. With an Idempotency-Key of at most 255 characters, a call
that is made again within 24 hours gets the first answer and does nothing.

The one argument is the body, as it was sent. It has no name, as PostgREST wants it.

Returns: what deploy/openapi.yaml says. An error is an answer with its status, a message
and a code.

Errors: PT401 authentication_failed.';
-- privilege: who may do and see what.

-- Each function, table and view of the extension has a line, and what has none is for
-- nobody but the owner.  In parentheses are the columns that may be read or, where two
-- functions share a name, the types of the arguments.
--
-- api            makes the calls of the API
-- reader         reads views, and makes calls that only read
-- worker         sends messages and does jobs
-- worker_of_all  is a worker that is bound to no workspace, and serves all of them
-- monitor        sees how all workspaces together are
-- owner          is the owner of the extension alone
--
-- Calls in C write, and read keys, as the owner.  What is in SQL or PL/pgSQL runs as
-- whoever calls, and so do views: what these name needs a line for the same group.
CREATE FUNCTION leadterra.privileges()
RETURNS TABLE (member text, groups text[], privilege text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT p.member, p.groups::text[], p.privilege
    FROM (VALUES
        -- Schemas; extschema is that of the calls.
        ('leadterra',                       '{api, reader, worker}',  'USAGE'),
        ('extschema',                       '{api, reader, worker, monitor}', 'USAGE'),

        -- Workspaces, their keys, and what calls begin with.
        ('workspaces',                      '{api, reader}',          'SELECT'),
        ('api_keys',                        '{owner}',                'SELECT'),
        ('lt_api_keys',                     '{owner}',                'SELECT'),
        ('lt_authenticate',                 '{api, reader}',          'EXECUTE'),
        ('lt_current_workspace',            '{api, reader, worker}',  'EXECUTE'),
        ('lt_use_workspace',                '{worker_of_all}',        'EXECUTE'),
        ('lock_workspace',                  '{owner}',                'EXECUTE'),
        ('lt_create_workspace',             '{owner}',                'EXECUTE'),
        ('lt_set_postal_address',           '{api}',                  'EXECUTE'),
        ('lt_workspace_slot',               '{api, reader}',          'EXECUTE'),
        ('lt_set_lead_limit',               '{owner}',                'EXECUTE'),
        ('lt_create_api_key',               '{owner}',                'EXECUTE'),
        ('lt_revoke_api_key',               '{owner}',                'EXECUTE'),
        ('current_workspace',               '{api, reader}',          'EXECUTE'),
        ('enter',                           '{api, reader, worker}',  'EXECUTE'),
        ('see',                             '{api, reader, worker}',  'EXECUTE'),
        ('clock',                           '{api, reader}',          'EXECUTE'),
        ('require_read_committed',          '{api}',                  'EXECUTE'),
        ('require_commit',                  '{api}',                  'EXECUTE'),
        ('lease_end',                       '{owner}',                'EXECUTE'),
        ('lease_error',                     '{owner}',                'EXECUTE'),
        ('is_attempt',                      '{owner}',                'EXECUTE'),
        ('lease_lose',                      '{owner}',                'EXECUTE'),
        ('lease_loss',                      '{owner}',                'EXECUTE'),
        ('lease_retry_at',                  '{owner}',                'EXECUTE'),
        ('require_lease',                   '{owner}',                'EXECUTE'),
        ('random_key',                      '{owner}',                'EXECUTE'),
        ('random_api_key',                  '{owner}',                'EXECUTE'),

        -- Errors, limits and ids.
        ('raise_error',                     '{api, reader}',          'EXECUTE'),
        ('row_limit',                       '{api, reader}',          'EXECUTE'),
        ('limit_entries',                   '{owner}',                'EXECUTE'),
        ('lt_typeid',                       '{api, reader}',          'EXECUTE'),
        ('lt_from_typeid',                  '{api, reader}',          'EXECUTE'),
        ('lt_uuidv7',                       '{api}',                  'EXECUTE'),
        ('uuidv7',                          '{owner}',                'EXECUTE'),
        ('uuid7_time',                      '{owner}',                'EXECUTE'),
        ('require_version',                 '{owner}',                'EXECUTE'),

        -- Suppression and block lists.
        ('suppressions',                    '{api, reader}',          'SELECT'),
        ('blocklists',                      '{api, reader}',          'SELECT'),
        ('address_keys',                    '{owner}',                'SELECT'),
        ('lt_suppressions',                 '{api, reader}',          'SELECT'),
        ('lt_blocklists',                   '{api, reader}',          'SELECT'),
        ('lt_blocklist_entries',            '{api, reader}',          'SELECT'),
        ('lt_is_suppressed',                '{api, reader}',          'EXECUTE'),
        ('lt_suppress',                     '{api}',                  'EXECUTE'),
        ('lt_unsuppress',                   '{api}',                  'EXECUTE'),
        ('lt_block',                        '{api}',                  'EXECUTE'),
        ('lt_unblock',                      '{api}',                  'EXECUTE'),
        ('lt_create_blocklist',             '{api}',                  'EXECUTE'),
        ('lt_delete_blocklist',             '{api}',                  'EXECUTE'),
        ('suppression_keys',                '{api, reader}',          'EXECUTE'),
        ('hashed_entry',                    '{api, reader}',          'EXECUTE'),
        ('hash_address',                    '{owner}',                'EXECUTE'),
        ('blocklists_deleted',              '{owner}',                'EXECUTE'),
        ('hand_over_suppression',           '{owner}',                'EXECUTE'),
        ('forget_address',                  '{owner}',                'EXECUTE'),

        -- Leads.
        ('leads',                           '{api, reader, worker}',  'SELECT'),
        ('lead_limits',                     '{owner}',                'SELECT'),
        ('lt_leads',                        '{api, reader, worker}',  'SELECT'),
        ('lt_update_lead',                  '{api}',                  'EXECUTE'),
        ('lt_set_verification',             '{api,         worker}',  'EXECUTE'),
        ('lt_delete_lead',                  '{api}',                  'EXECUTE'),
        ('lt_delete_leads',                 '{api}',                  'EXECUTE'),
        ('lt_merge_leads',                  '{api}',                  'EXECUTE'),
        ('lt_forget',                       '{api}',                  'EXECUTE'),
        ('lt_export_person',                '{api}',                  'EXECUTE'),
        ('set_verification',                '{owner}',                'EXECUTE'),
        ('merge_leads',                     '{owner}',                'EXECUTE'),
        ('forget',                          '{owner}',                'EXECUTE'),
        ('export_person',                   '{owner}',                'EXECUTE'),
        ('lock_lead',                       '{owner}',                'EXECUTE (uuid, uuid)'),
        ('lock_lead',                       '{owner}',                'EXECUTE (uuid, text)'),
        ('keep_leads',                      '{owner}',                'EXECUTE'),
        ('delete_lead',                     '{owner}',                'EXECUTE'),
        ('absorb_lead',                     '{owner}',                'EXECUTE'),
        ('begin_again',                     '{owner}',                'EXECUTE'),
        ('merge_custom',                    '{owner}',                'EXECUTE'),
        ('not_blank',                       '{owner}',                'EXECUTE'),
        ('lead_fields',                     '{api}',                  'EXECUTE'),
        ('is_verification_status',          '{owner}',                'EXECUTE'),
        ('lead_limit_set',                  '{owner}',                'EXECUTE'),
        ('lead_heirs',                      '{owner}',                'SELECT'),
        ('hand_over_heirs',                 '{owner}',                'EXECUTE'),
        ('merged_leads',                    '{owner}',                'EXECUTE'),
        ('leads_deleted_4_lead_count',      '{owner}',                'EXECUTE'),
        ('leads_deleted_3_heirs',           '{owner}',                'EXECUTE'),
        ('leads_deleted_2_soft_bounces',    '{owner}',                'EXECUTE'),
        ('leads_deleted_2_list_members',    '{owner}',                'EXECUTE'),
        ('leads_deleted_1_enrollments',     '{owner}',                'EXECUTE'),

        -- Lists.
        ('lists',                           '{api, reader}',          'SELECT'),
        ('list_members',                    '{api, reader}',          'SELECT'),
        ('lt_lists',                        '{api, reader}',          'SELECT'),
        ('lt_list_leads',                   '{api, reader}',          'EXECUTE'),
        ('lt_create_list',                  '{api}',                  'EXECUTE'),
        ('lt_delete_list',                  '{api}',                  'EXECUTE'),
        ('lt_remove_from_list',             '{api}',                  'EXECUTE'),
        ('enter_list',                      '{api, reader}',          'EXECUTE'),
        ('keep_list',                       '{owner}',                'EXECUTE'),
        ('lists_deleted',                   '{owner}',                'EXECUTE'),
        ('remove_from_list',                '{owner}',                'EXECUTE'),
        ('hand_over_lists',                 '{owner}',                'EXECUTE'),
        ('add_to_list',                     '{owner}',                'EXECUTE'),

        -- Senders and pools.
        ('senders',                         '{api, reader}',          'SELECT'),
        ('pools',                           '{api, reader}',          'SELECT'),
        ('pool_senders',                    '{api, reader}',          'SELECT'),
        ('sender_states',                   '{api, reader}',          'SELECT'),
        ('lt_senders',                      '{api, reader}',          'SELECT'),
        ('lt_pools',                        '{api, reader}',          'SELECT'),
        ('sender_limit',                    '{api, reader}',          'EXECUTE'),
        ('lt_create_sender',                '{api}',                  'EXECUTE'),
        ('lt_update_sender',                '{api}',                  'EXECUTE'),
        ('lt_delete_sender',                '{api}',                  'EXECUTE'),
        ('lt_create_pool',                  '{api}',                  'EXECUTE'),
        ('lt_rename_pool',                  '{api}',                  'EXECUTE'),
        ('lt_set_pool_senders',             '{api}',                  'EXECUTE'),
        ('lt_delete_pool',                  '{api}',                  'EXECUTE'),
        ('sender_heir',                     '{owner}',                'EXECUTE'),
        ('free_in_pool',                    '{owner}',                'EXECUTE'),
        ('require_sender',                  '{owner}',                'EXECUTE'),
        ('require_pool',                    '{owner}',                'EXECUTE'),
        ('lock_senders',                    '{owner}',                'EXECUTE'),
        ('is_at_work',                      '{owner}',                'EXECUTE'),
        ('is_at_work_in_pool',              '{owner}',                'EXECUTE'),
        ('set_pool_senders',                '{owner}',                'EXECUTE'),
        ('change_pool',                     '{owner}',                'EXECUTE'),
        ('delete_pool',                     '{owner}',                'EXECUTE'),
        ('delete_sender',                   '{owner}',                'EXECUTE'),
        ('maintain_pools',                  '{owner}',                'EXECUTE'),
        ('pools_deleted',                   '{owner}',                'EXECUTE'),
        ('senders_deleted',                 '{owner}',                'EXECUTE'),

        -- Campaigns.
        ('campaigns',                       '{api, reader}',          'SELECT'),
        ('campaigns',                       '{             worker}',
            'SELECT (workspace_id, campaign_id, status, started_at, pool_id, schedule, '
            'daily_limit, daily_new_leads)'),
        ('steps',                           '{api, reader}',          'SELECT'),
        ('steps',                           '{             worker}',
            'SELECT (workspace_id, campaign_id, step, delay_minutes)'),
        ('totals',                          '{api, reader}',          'SELECT'),
        ('add_to_totals',                   '{owner}',                'EXECUTE'),
        ('campaign_states',                 '{api, reader}',          'SELECT'),
        ('lt_campaigns',                    '{api, reader}',          'SELECT'),
        ('count_leases',                    '{owner}',                'EXECUTE'),
        ('count_batches',                   '{owner}',                'EXECUTE'),
        ('count_campaign',                  '{api, reader}',          'EXECUTE'),
        ('lt_campaign_stats',               '{api, reader}',          'EXECUTE'),
        ('lt_step_stats',                   '{api, reader}',          'EXECUTE'),
        ('lt_daily_stats',                  '{api, reader}',          'EXECUTE'),
        ('lt_sending_status',               '{api, reader}',          'EXECUTE'),
        ('lt_forecast',                     '{api, reader}',          'EXECUTE'),
        ('forecast_waiting',                '{owner}',                'EXECUTE'),
        ('forecast_leased',                 '{owner}',                'EXECUTE'),
        ('forecast_senders',                '{owner}',                'EXECUTE'),
        ('time_text',                       '{api, reader}',          'EXECUTE'),
        ('waiting_again',                   '{api, reader}',          'EXECUTE'),
        ('lt_preflight',                    '{api, reader}',          'EXECUTE'),
        ('lt_create_campaign',              '{api}',                  'EXECUTE'),
        ('lt_copy_campaign',                '{api}',                  'EXECUTE'),
        ('lt_continue_campaign',            '{api}',                  'EXECUTE'),
        ('lt_rename_campaign',              '{api}',                  'EXECUTE'),
        ('lt_set_sending',                  '{api}',                  'EXECUTE'),
        ('count_usage',                     '{owner}',                'EXECUTE'),
        ('lt_set_campaign_owner',           '{api}',                  'EXECUTE'),
        ('lt_set_steps',                    '{api}',                  'EXECUTE'),
        ('lt_start_campaign',               '{api}',                  'EXECUTE'),
        ('lt_pause_campaign',               '{api}',                  'EXECUTE'),
        ('lt_delete_campaign',              '{api}',                  'EXECUTE'),
        ('enter_campaign',                  '{api, reader}',          'EXECUTE'),
        ('campaign_zone',                   '{owner}',                'EXECUTE'),
        ('keep_campaign',                   '{owner}',                'EXECUTE'),
        ('keep_free_campaign',              '{owner}',                'EXECUTE'),
        ('campaign_usage',                  '{api, reader}',          'SELECT'),
        ('campaigns_deleted_7_usage',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_6_imports',     '{owner}',                'EXECUTE'),
        ('campaigns_deleted_5_steps',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_4_totals',      '{owner}',                'EXECUTE'),
        ('campaigns_deleted_3_events',      '{owner}',                'EXECUTE'),
        ('campaigns_deleted_2_queue',       '{owner}',                'EXECUTE'),
        ('campaigns_deleted_1_enrollments', '{owner}',                'EXECUTE'),

        -- Enrollments.
        ('enrollments',                     '{api, reader}',          'SELECT'),
        ('deletions',                       '{api, reader}',          'SELECT'),
        ('lt_enrollments',                  '{api, reader}',          'SELECT'),
        ('lt_campaign_leads',               '{api, reader}',          'EXECUTE'),
        ('lt_lead_campaigns',               '{api, reader}',          'EXECUTE'),
        ('lt_explain_lead',                 '{api, reader}',          'EXECUTE'),
        ('lt_bulk_upsert',                  '{api}',                  'EXECUTE'),
        ('lt_bulk_upsert_report',           '{api}',                  'EXECUTE'),
        ('lt_add_leads',                    '{api}',                  'EXECUTE'),
        ('lt_enroll_list',                  '{api}',                  'EXECUTE'),
        ('lt_move_leads',                   '{api}',                  'EXECUTE'),
        ('lt_remove_leads',                 '{api}',                  'EXECUTE'),
        ('lt_restart_leads',                '{api}',                  'EXECUTE'),
        ('enter_lead',                      '{api, reader}',          'EXECUTE'),
        ('enroll_leads',                    '{owner}',                'EXECUTE'),
        ('remove_enrollments',              '{owner}',                'EXECUTE'),
        ('lock_enrollments',                '{owner}',                'EXECUTE'),
        ('hand_over_enrollment',            '{owner}',                'EXECUTE'),
        ('find_members',                    '{owner}',                'EXECUTE'),
        ('move_leads',                      '{owner}',                'EXECUTE'),

        -- Imports.  What runs as the caller, who reads his own table, is for api.
        ('imports',                         '{api, reader}',          'SELECT'),
        ('import_rejects',                  '{api, reader}',          'SELECT'),
        ('lt_imports',                      '{api, reader}',          'SELECT'),
        ('lt_import_rejects',               '{api, reader}',          'SELECT'),
        ('lt_import_reject_counts',         '{api, reader}',          'SELECT'),
        ('import_runs',                     '{api, reader}',          'EXECUTE'),
        ('import_rate',                     '{api, reader}',          'EXECUTE'),
        ('import_time_left',                '{api, reader}',          'EXECUTE'),
        ('lt_import_table',                 '{api}',                  'EXECUTE'),
        ('start_import',                    '{api}',                  'EXECUTE'),
        ('import_chunk',                    '{api}',                  'EXECUTE'),
        ('end_import',                      '{api}',                  'EXECUTE'),
        ('source_problem',                  '{api}',                  'EXECUTE'),
        ('mapping_problem',                 '{api}',                  'EXECUTE'),
        ('import_names',                    '{api}',                  'EXECUTE'),
        ('fold_name',                       '{api}',                  'EXECUTE'),
        ('import_goes_by_names',            '{api}',                  'EXECUTE'),
        ('import_passes_over',              '{api}',                  'EXECUTE'),
        ('import_columns',                  '{api}',                  'EXECUTE'),
        ('tell_columns',                    '{api}',                  'EXECUTE'),
        ('import_object',                   '{api}',                  'EXECUTE'),
        ('import_row',                      '{api}',                  'EXECUTE'),
        ('read_custom',                     '{api}',                  'EXECUTE'),
        ('import_leads',                    '{api}',                  'EXECUTE'),
        ('import_report',                   '{api}',                  'EXECUTE'),
        ('import_progress',                 '{api}',                  'EXECUTE'),
        ('tell_import',                     '{api}',                  'EXECUTE'),
        ('import_goes_on',                  '{api}',                  'EXECUTE'),
        ('lock_open_import',                '{api}',
            'EXECUTE (uuid, text, oid, jsonb, boolean)'),
        ('lock_open_import',                '{owner}',
            'EXECUTE (uuid, uuid, text, oid, jsonb, boolean)'),
        ('insert_import',                   '{api}',                  'EXECUTE'),
        ('count_import',                    '{api}',                  'EXECUTE'),
        ('lock_import',                     '{api}',                  'EXECUTE (uuid, uuid)'),
        ('lock_import',                     '{owner}',                'EXECUTE (uuid, uuid, uuid)'),
        ('advance_import',                  '{api}',                  'EXECUTE'),
        ('finish_import',                   '{api}',                  'EXECUTE (uuid, uuid)'),
        ('finish_import',                   '{owner}',                'EXECUTE (uuid, uuid, uuid)'),
        ('lock_start_of_imports',           '{owner}',                'EXECUTE'),
        ('read_address',                    '{owner}',                'EXECUTE'),
        ('forget_rejects',                  '{owner}',                'EXECUTE'),

        -- The queue.
        ('batches',                         '{api, reader}',          'SELECT'),
        ('waiting',                         '{api, reader}',          'SELECT'),
        ('waiting_ranges',                  '{api, reader}',          'SELECT'),
        ('waiting',                         '{             worker}',
            'SELECT (workspace_id, campaign_id, sender_id, step, waiting_since)'),
        ('leases',                          '{api, reader}',          'SELECT'),
        ('leases',                          '{             worker}',
            'SELECT (workspace_id, expires_at, state)'),
        ('exceptions',                      '{api, reader}',          'SELECT'),
        ('lt_next_due',                     '{api, reader, worker}',  'EXECUTE'),
        ('lt_due_workspaces',               '{worker_of_all}',        'EXECUTE'),
        ('claimable_at',                    '{api, reader, worker}',  'EXECUTE'),
        ('queue_heads',                     '{api, reader, worker}',  'EXECUTE'),
        ('campaign_due',                    '{api, reader}',          'EXECUTE'),
        ('held_by',                         '{api, reader}',          'EXECUTE'),
        ('campaign_heads',                  '{api, reader}',          'EXECUTE'),
        ('next_due',                        '{api, reader, worker}',  'EXECUTE'),
        ('due_at',                          '{api, reader, worker}',  'EXECUTE'),
        ('window_opens',                    '{api, reader}',          'EXECUTE'),
        ('window_closes',                   '{owner}',                'EXECUTE'),
        ('schedule_zone',                   '{api, reader}',          'EXECUTE'),
        ('zone_day',                        '{api, reader}',          'EXECUTE'),
        ('zone_day_start',                  '{api, reader}',          'EXECUTE'),
        ('is_zone',                         '{owner}',                'EXECUTE'),
        ('due_workspaces',                  '{owner}',                'EXECUTE'),
        ('message_id',                      '{api, reader}',          'EXECUTE'),
        ('count_members',                   '{api, reader}',          'EXECUTE'),
        ('count_held_back',                 '{api, reader}',          'EXECUTE'),
        ('enqueue',                         '{owner}',                'EXECUTE'),
        ('lock_old_leases',                 '{owner}',                'EXECUTE'),
        ('delete_leases',                   '{owner}',                'EXECUTE'),
        ('lock_waiting',                    '{owner}',                'EXECUTE'),
        ('move_waiting',                    '{owner}',                'EXECUTE'),
        ('lock_finished_batches',           '{owner}',                'EXECUTE'),
        ('hand_over_message',               '{owner}',                'EXECUTE'),
        ('hand_over_exception',             '{owner}',                'EXECUTE'),
        ('forget_errors',                   '{owner}',                'EXECUTE'),
        ('delete_batches',                  '{owner}',                'EXECUTE'),
        ('batch_is_valid',                  '{owner}',                'EXECUTE'),
        ('least_id',                        '{owner}',                'EXECUTE'),
        ('greatest_id',                     '{owner}',                'EXECUTE'),
        ('nobody',                          '{api, reader, worker}',  'EXECUTE'),
        ('step_is_valid',                   '{owner}',                'EXECUTE'),
        ('range_is_valid',                  '{owner}',                'EXECUTE'),
        ('lease_is_valid',                  '{owner}',                'EXECUTE'),

        -- Messages and events.
        ('events',                          '{api, reader}',          'SELECT'),
        ('soft_bounces',                    '{owner}',                'SELECT'),
        ('bounce_limits',                   '{owner}',                'SELECT'),
        ('messages',                        '{api, reader}',          'SELECT'),
        ('message_states',                  '{api, reader}',          'SELECT'),
        ('links',                           '{owner}',                'SELECT'),
        ('lt_messages',                     '{api, reader}',          'SELECT'),
        ('lt_leases',                       '{api, reader}',          'SELECT'),
        ('lt_get_message',                  '{api, reader}',          'EXECUTE'),
        ('lt_campaign_messages',            '{api, reader}',          'EXECUTE'),
        ('lead_messages',                   '{api, reader}',          'EXECUTE'),
        ('page_end',                        '{api, reader}',          'EXECUTE'),
        ('waiting_page',                    '{api, reader}',          'EXECUTE'),
        ('lease_page',                      '{api, reader}',          'EXECUTE'),
        ('exception_page',                  '{api, reader}',          'EXECUTE'),
        ('enter_message',                   '{api, reader}',          'EXECUTE'),
        ('waiting_state',                   '{api, reader}',          'EXECUTE'),
        ('shown_state',                     '{api, reader}',          'EXECUTE'),
        ('shown_reason',                    '{api, reader}',          'EXECUTE'),
        ('lt_replies',                      '{api, reader}',          'SELECT'),
        ('message_variant',                 '{owner}',                'EXECUTE'),
        ('lt_claim_messages',               '{api,         worker}',  'EXECUTE'),
        ('lt_complete_messages',            '{api,         worker}',  'EXECUTE'),
        ('lt_fail_messages',                '{api,         worker}',  'EXECUTE'),
        ('lt_bounce_messages',              '{api,         worker}',  'EXECUTE'),
        ('lt_defer_messages',               '{api,         worker}',  'EXECUTE'),
        ('lt_release_lease',                '{api,         worker}',  'EXECUTE'),
        ('lt_extend_lease',                 '{api,         worker}',  'EXECUTE'),
        ('lt_record_event',                 '{api,         worker}',  'EXECUTE'),
        ('lt_unsubscribe',                  '{api,         worker}',  'EXECUTE'),
        ('lt_set_unsubscribe_url',          '{api}',                  'EXECUTE'),
        ('lt_set_soft_bounce_limit',        '{api}',                  'EXECUTE'),
        ('event_types',                     '{owner}',                'EXECUTE'),
        ('hand_over_events',                '{owner}',                'EXECUTE'),
        ('forget_events',                   '{owner}',                'EXECUTE'),
        ('delete_events',                   '{owner}',                'EXECUTE'),

        -- Jobs.
        ('jobs',                            '{api, reader}',          'SELECT'),
        ('lt_jobs',                         '{api, reader}',          'SELECT'),
        ('lt_claim_job',                    '{api,         worker}',  'EXECUTE'),
        ('lt_job_progress',                 '{api,         worker}',  'EXECUTE'),
        ('lt_finish_job',                   '{api,         worker}',  'EXECUTE'),
        ('claim_job',                       '{owner}',                'EXECUTE'),
        ('job_progress',                    '{owner}',                'EXECUTE'),
        ('finish_job',                      '{owner}',                'EXECUTE'),
        ('lock_job',                        '{owner}',                'EXECUTE'),
        ('job_retry_at',                    '{owner}',                'EXECUTE'),

        -- Calls over HTTP, for the gateway; see below for the routes.
        ('answers',                         '{owner}',                'SELECT'),
        ('lt_pre_request',                  '{api}',                  'EXECUTE'),
        ('lt_http_read',                    '{api}',                  'EXECUTE'),
        ('lt_http_write',                   '{api}',                  'EXECUTE'),
        ('call_route',                      '{api}',                  'EXECUTE'),
        ('camel_case',                      '{api}',                  'EXECUTE'),
        ('find_route',                      '{api}',                  'EXECUTE'),
        ('http_answer',                     '{api}',                  'EXECUTE'),
        ('http_campaign_id',                '{api}',                  'EXECUTE'),
        ('http_number',                     '{api}',                  'EXECUTE'),
        ('path_matches',                    '{api}',                  'EXECUTE'),
        ('routes',                          '{api}',                  'EXECUTE'),
        ('http_show_campaign',              '{api}',                  'EXECUTE'),
        ('http_header',                     '{api}',                  'EXECUTE'),
        ('http_query',                      '{api}',                  'EXECUTE'),
        ('http_flag',                       '{api}',                  'EXECUTE'),
        ('http_body',                       '{api}',                  'EXECUTE'),
        ('http_member',                     '{api}',                  'EXECUTE'),
        ('http_boolean',                    '{api}',                  'EXECUTE'),
        ('http_id',                         '{api}',                  'EXECUTE'),
        ('http_emails',                     '{api}',                  'EXECUTE'),
        ('http_time',                       '{api}',                  'EXECUTE'),
        ('http_error',                      '{api}',                  'EXECUTE'),
        ('url_decode',                      '{api}',                  'EXECUTE'),
        ('read_id',                         '{api}',                  'EXECUTE'),
        ('count_enrolled',                  '{api}',                  'EXECUTE'),
        ('open_answer',                     '{api}',                  'EXECUTE (text, bytea)'),
        ('open_answer',                     '{owner}',
            'EXECUTE (uuid, text, bytea)'),
        ('store_answer',                    '{api}',                  'EXECUTE'),
        ('maintain_answers',                '{owner}',                'EXECUTE'),
        ('forget_answers',                  '{owner}',                'EXECUTE'),
        ('answer_names',                    '{owner}',                'EXECUTE'),

        -- Housekeeping and monitoring.
        ('lt_maintain',                     '{owner}',                'EXECUTE'),
        ('maintain_campaign',               '{owner}',                'EXECUTE'),
        ('maintain_imports',                '{owner}',                'EXECUTE'),
        ('maintain_jobs',                   '{owner}',                'EXECUTE'),
        ('lt_health',                       '{monitor}',              'EXECUTE'),
        ('health',                          '{owner}',                'EXECUTE'),

        -- What the install script and triggers need.
        ('add_table',                       '{owner}',                'EXECUTE'),
        ('refuse_truncate',                 '{owner}',                'EXECUTE'),

        -- Privileges.
        ('privileges',                      '{owner}',                'EXECUTE'),
        ('grant_to',                        '{owner}',                'EXECUTE'),
        ('lt_grant_api',                    '{owner}',                'EXECUTE'),
        ('lt_grant_reader',                 '{owner}',                'EXECUTE'),
        ('lt_grant_worker',                 '{owner}',                'EXECUTE'),
        ('lt_grant_monitor',                '{owner}',                'EXECUTE')
    ) AS p (member, groups, privilege)
    UNION ALL
    -- The functions of the published calls.
    SELECT DISTINCT r.call, '{api}'::text[], 'EXECUTE'
    FROM leadterra.routes() r;
END;

COMMENT ON FUNCTION leadterra.privileges() IS
'List which groups of roles may do what with which member of the extension.';
-- privilege: what gives roles what their groups may do.

-- A role that is bound to a workspace serves that one.
CREATE FUNCTION leadterra.grant_to(role name, workspace_id uuid, group_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
    is_bound boolean;
    what text;
BEGIN
    SELECT r.oid INTO grantee FROM pg_roles r WHERE r.rolname = grant_to.role;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('role "%s" does not exist', grant_to.role));
    END IF;
    IF grant_to.workspace_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM leadterra.workspaces w WHERE w.workspace_id = grant_to.workspace_id
        ) THEN
            PERFORM leadterra.raise_error('workspace_not_found',
                format('workspace "%s" does not exist', grant_to.workspace_id));
        END IF;
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET leadterra.workspace_id = %L',
            grant_to.role, current_database(), grant_to.workspace_id);
    END IF;
    is_bound := EXISTS (
        SELECT
        FROM pg_db_role_setting s
        CROSS JOIN unnest(s.setconfig) AS c (setting)
        WHERE s.setrole = grantee
          AND s.setdatabase IN (0, (
              SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
          AND c.setting LIKE 'leadterra.workspace\_id=_%');

    FOR what IN
        WITH lines AS (
            SELECT p.member, p.privilege
            FROM leadterra.privileges() p
            WHERE grant_to.group_name = ANY (p.groups)
               OR grant_to.group_name || '_of_all' = ANY (p.groups) AND NOT is_bound
        ), members AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
            JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        )
        SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
        FROM members m
        JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
        JOIN lines l ON l.member = p.proname
            AND l.privilege IN ('EXECUTE', format('EXECUTE (%s)', oidvectortypes(p.proargtypes)))
        UNION ALL
        SELECT format('%s ON TABLE %s', l.privilege, c.oid::regclass)
        FROM members m
        JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        JOIN lines l ON l.member = c.relname AND starts_with(l.privilege, 'SELECT')
        UNION ALL
        SELECT format('%s ON SCHEMA %I', l.privilege, n.nspname)
        FROM lines l
        CROSS JOIN pg_namespace n
        JOIN pg_extension x ON x.extname = 'leadterra'
        WHERE l.privilege = 'USAGE'
          AND l.member = CASE n.oid WHEN x.extnamespace THEN 'extschema' ELSE n.nspname END
    LOOP
        EXECUTE format('GRANT %s TO %I', what, grant_to.role);
    END LOOP;

    IF EXISTS (
        SELECT
        FROM pg_roles r
        JOIN pg_namespace n ON n.nspname = 'leadterra'
        WHERE r.oid = grantee AND (r.rolbypassrls OR pg_has_role(r.oid, n.nspowner, 'USAGE'))
    ) THEN
        RAISE WARNING 'row-level security does not bind role "%", which sees every workspace',
            grant_to.role
        USING DETAIL = 'Such a role has BYPASSRLS, is a superuser, or is a member of the owner.';
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.grant_to(name, uuid, text) IS
'Bind a role to a workspace, if one is given, and grant it what leadterra.privileges lists.';

CREATE FUNCTION @extschema@.lt_grant_api(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_api.role, lt_grant_api.workspace_id, 'api');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_api(name, uuid) IS
'Let a role make the calls of the API, and read its views

Calls write as the owner of the extension. The role may execute them, and read tables under
row-level security, and no more. It reads no key. Privileges are granted and never revoked;
call it again after an upgrade.

It warns of a role that row-level security does not bind: one with BYPASSRLS, a superuser,
or one that has the rights of the owner sees every workspace. For the owner of the
extension, who must be a superuser to name a workspace.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role works in, wherever it logs in to this database
  or is set by a pool; null: an API key has to open one (lt_authenticate), unless the role
  is bound already (ALTER ROLE ... IN DATABASE ... RESET leadterra.workspace_id undoes that)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_reader(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_reader.role, lt_grant_reader.workspace_id, 'reader');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_reader(name, uuid) IS
'Let a role read the views, and make the calls that only read

These are lt_campaign_stats, lt_sending_status, lt_explain_lead, lt_preflight,
lt_list_leads, lt_campaign_leads, lt_lead_campaigns, lt_campaign_messages, lt_get_message,
lt_is_suppressed and lt_next_due. The role writes nothing and reads no key.
Privileges are granted and never revoked; call it again after an upgrade. It warns as
lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role reads; null: an API key has to open one
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_worker(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_worker.role, lt_grant_worker.workspace_id, 'worker');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_worker(name, uuid) IS
'Let a role send messages and do background jobs

The role claims, completes and fails messages, extends leases, records events,
unsubscribes, asks when the next message is due, claims and finishes jobs, and says which
addresses are valid. For jobs it reads lt_leads. Privileges are granted and never revoked;
call it again after an upgrade. It warns as lt_grant_api does. For the owner of the
extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role serves; null: all, unless it is bound already:
  lt_due_workspaces lists those with due messages, and lt_use_workspace opens one for a
  transaction (a role that served all keeps these two where it is bound later: revoke them)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_monitor(role name)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_monitor.role, NULL, 'monitor');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_monitor(name) IS
'Let a role see how all workspaces together are, by lt_health, and nothing else

For an exporter of metrics. Privileges are granted and never revoked; call it again after
an upgrade. It warns as lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
Errors: PT400 invalid_request.';
-- public: what this script made belongs to the owner of the tables, and nobody else may
-- execute it.  An upgrade ends with it too, so it touches nothing that was there before:
-- an object whose ACL a script changes has all of that ACL taken for the initial one, and
-- then no dump has what customers granted.

-- Another superuser may upgrade the extension than the one who made it.
DO $$
DECLARE
    owner constant name := (
        SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'leadterra');
    member text;
BEGIN
    FOR member IN
        SELECT
            CASE
                WHEN p.oid IS NOT NULL THEN format('ROUTINE %s', p.oid::regprocedure)
                WHEN c.oid IS NOT NULL THEN format('TABLE %s', c.oid::regclass)
                ELSE format('TYPE %s', t.oid::regtype)
            END
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND pg_get_userbyid(coalesce(p.proowner, c.relowner, t.typowner)) = current_user
          AND current_user <> owner
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', member, owner);
    END LOOP;
END;
$$;

-- A function has an initial ACL once a script has been here, whatever was granted since
-- and whatever the default privileges are.
DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT p.oid::regprocedure AS name,
            string_agg(DISTINCT quote_ident(pg_get_userbyid(a.grantee)), ', ') AS grantees
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        JOIN pg_proc p ON p.oid = d.objid
        LEFT JOIN aclexplode(p.proacl) a ON a.grantee NOT IN (0, p.proowner)
        WHERE d.classid = 'pg_proc'::regclass
          AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND NOT EXISTS (
              SELECT FROM pg_init_privs i WHERE i.classoid = d.classid AND i.objoid = d.objid)
        GROUP BY p.oid
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s',
            member.name, concat_ws(', ', 'PUBLIC', member.grantees));
    END LOOP;
END;
$$;
