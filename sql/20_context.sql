-- context: workspaces, and the one that the current call works in.

CREATE FUNCTION leadterra.random_key()
RETURNS bytea
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_random_key';

COMMENT ON FUNCTION leadterra.random_key() IS 'Return 32 random bytes.';

CREATE TABLE leadterra.workspaces (
    workspace_id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    link_key bytea NOT NULL DEFAULT leadterra.random_key(),
    address_key bytea NOT NULL DEFAULT leadterra.random_key(),
    unsubscribe_url text,
    lead_limit bigint CHECK (lead_limit >= 0),
    lead_count bigint,
    count_mark xid8
);
SELECT pg_extension_config_dump('leadterra.workspaces', '');
COMMENT ON TABLE leadterra.workspaces IS 'One row a workspace; the first call that writes makes the default one. link_key signs the links in messages, address_key hashes addresses that were forgotten. lead_limit is how many leads there may be (null: any number), lead_count how many there are, where that is known.';

CREATE FUNCTION @extschema@.lt_current_workspace()
RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_current_workspace';

COMMENT ON FUNCTION @extschema@.lt_current_workspace() IS
'Return the workspace that calls and views work in

It is the setting leadterra.workspace_id, which superusers alone may change, or the default workspace 00000000-0000-7000-8000-000000000000 where that is empty.';

CREATE FUNCTION leadterra.current_workspace()
RETURNS uuid
LANGUAGE C STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_current_workspace';

COMMENT ON FUNCTION leadterra.current_workspace() IS 'Return the workspace that calls work in: lt_current_workspace for PL/pgSQL.';

CREATE FUNCTION leadterra.require_read_committed(action text)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'lt_require_read_committed';

COMMENT ON FUNCTION leadterra.require_read_committed(text) IS
'Raise PT409 wrong_isolation unless the transaction is READ COMMITTED.';


CREATE FUNCTION leadterra.clock()
RETURNS timestamptz
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_clock';

COMMENT ON FUNCTION leadterra.clock() IS
'Return the present: that of the machine, or the setting leadterra.now, which superusers alone may change.';
