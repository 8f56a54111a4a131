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
    DELETE FROM leadterra.closed_workspaces c
    WHERE c.workspace_id = made AND c.state = 'deleted';
    PERFORM leadterra.require_open(made);
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
workspace_exists, PT503 workspace_moving (it is closed here, and going to come).';

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
        '|webhooks|workspaces):(all|create|read|update|delete)$')) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', format('scope "%s" is unknown', wrong));
    END IF;
    PERFORM leadterra.require_open(workspace);
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
  webhooks, workspaces or all), ":", and an action (create, read, update, delete or all)
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
    PERFORM leadterra.require_open(leadterra.current_workspace());
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
