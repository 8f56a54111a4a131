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

CREATE FUNCTION leadterra.webhook_events()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '{campaign.started, campaign.paused, campaign.finished, message.sent, message.bounced,
        message.failed, message.complained, message.clicked, reply.received,
        lead.unsubscribed}'::text[];
END;

COMMENT ON FUNCTION leadterra.webhook_events() IS 'List what webhooks may be told of.';

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
