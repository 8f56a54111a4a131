-- context: closing a workspace while it moves, opening it where it is, and deleting it.

CREATE FUNCTION leadterra.is_open(workspace uuid)
RETURNS boolean
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_open';

COMMENT ON FUNCTION leadterra.is_open(uuid) IS 'Say whether a workspace is open to every call.';

CREATE FUNCTION leadterra.require_open(workspace uuid)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_require_open';

COMMENT ON FUNCTION leadterra.require_open(uuid) IS
'Raise PT503 workspace_moving or PT410 workspace_deleted unless calls may write in a workspace.';

CREATE FUNCTION leadterra.wait_for_transactions(lock regclass)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_wait_for_transactions';

COMMENT ON FUNCTION leadterra.wait_for_transactions(regclass) IS
'Wait until every other transaction of the database that runs now has ended

Those that wait in here for the same lock are not waited for.';

CREATE FUNCTION leadterra.start_closing(workspace uuid, drain interval)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF workspace IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "workspace_id" must not be null');
    ELSIF workspace IN ('00000000-0000-0000-0000-000000000000',
        '00000000-0000-7000-8000-000000000000') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('workspace "%s" cannot be closed', workspace));
    ELSIF drain IS NULL OR drain < interval '0' OR drain > interval '7 days' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "drain" must be from nothing to 7 days');
    END IF;
    INSERT INTO leadterra.closed_workspaces AS c (workspace_id, state, since)
    SELECT workspace, CASE WHEN EXISTS (
        SELECT FROM leadterra.workspaces w WHERE w.workspace_id = workspace)
        THEN 'draining' ELSE 'coming' END, now()
    -- One that comes back to where it was deleted.
    ON CONFLICT (workspace_id) DO UPDATE
    SET state = excluded.state, since = excluded.since
    WHERE c.state = 'deleted';
    RETURN clock_timestamp() + drain;
END;
$$;

COMMENT ON FUNCTION leadterra.start_closing(uuid, interval) IS
'Note that nothing is to be claimed in a workspace, and return until when to wait for workers

Where it is not here yet, it is noted that it is going to come.';

CREATE FUNCTION leadterra.count_held(workspace uuid)
RETURNS bigint
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT
        (SELECT count(*)
         FROM leadterra.leases l
         WHERE l.workspace_id = count_held.workspace AND l.state = 'open'
           AND l.expires_at > leadterra.clock())
        + (SELECT count(*)
           FROM leadterra.jobs j
           WHERE j.workspace_id = count_held.workspace AND j.status = 'in-progress'
             AND j.expires_at > leadterra.clock())
        + (SELECT count(*)
           FROM leadterra.webhooks w
           CROSS JOIN LATERAL (
               SELECT d.delivery_id
               FROM leadterra.webhook_deliveries d
               WHERE d.workspace_id = count_held.workspace AND d.webhook_id = w.webhook_id
                 AND d.lease_id IS NOT NULL AND d.due_at > leadterra.clock()
               OFFSET 0
           ) d
           WHERE w.workspace_id = count_held.workspace);
END;

COMMENT ON FUNCTION leadterra.count_held(uuid) IS
'Count the leases, jobs and deliveries of a workspace that workers hold.';

CREATE FUNCTION leadterra.wait_for_workers(workspace uuid, until timestamptz)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF leadterra.count_held(workspace) = 0 OR clock_timestamp() >= until THEN
        RETURN true;
    END IF;
    PERFORM pg_sleep(0.05);
    RETURN false;
END;
$$;

COMMENT ON FUNCTION leadterra.wait_for_workers(uuid, timestamptz) IS
'Say whether workers hold nothing of a workspace, or a time has come; wait a moment if not.';

CREATE FUNCTION leadterra.finish_closing(workspace uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE leadterra.closed_workspaces c
    SET state = 'closed', since = now()
    WHERE c.workspace_id = workspace AND c.state = 'draining';
    IF NOT FOUND THEN
        PERFORM
        FROM leadterra.closed_workspaces c
        WHERE c.workspace_id = workspace AND c.state IN ('closed', 'coming');
        IF NOT FOUND THEN
            RAISE EXCEPTION 'workspace "%" was opened meanwhile', workspace
                USING ERRCODE = 'object_not_in_prerequisite_state';
        END IF;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_closing(uuid) IS
'Note that nothing is to be written in a workspace.';

CREATE FUNCTION leadterra.tell_held(workspace uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    held constant bigint := leadterra.count_held(workspace);
BEGIN
    IF held > 0 THEN
        RAISE WARNING 'workspace "%" was closed while workers held work of it: % in all',
            workspace, held
            USING HINT = 'What they do not settle is done again where the workspace is opened.';
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.tell_held(uuid) IS 'Warn of what workers hold in a closed workspace.';

-- A procedure that commits cannot have a search_path of its own, so it does nothing itself.
CREATE PROCEDURE @extschema@.lt_close_workspace(
    workspace_id uuid, drain interval DEFAULT '5 minutes')
LANGUAGE plpgsql
AS $$
DECLARE
    called_at pg_catalog.timestamptz;
    until pg_catalog.timestamptz;
BEGIN
    called_at := leadterra.require_commit('closing a workspace');
    until := leadterra.start_closing(workspace_id, drain);
    COMMIT;
    PERFORM leadterra.wait_for_transactions('leadterra.closed_workspaces');
    COMMIT;
    WHILE NOT leadterra.wait_for_workers(workspace_id, until) LOOP
        COMMIT;
    END LOOP;
    PERFORM leadterra.finish_closing(workspace_id);
    COMMIT;
    PERFORM leadterra.wait_for_transactions('leadterra.closed_workspaces');
    PERFORM leadterra.tell_held(workspace_id);
END;
$$;

COMMENT ON PROCEDURE @extschema@.lt_close_workspace(uuid, interval) IS
'Close a workspace, so that it may be moved to another database or deleted

First nothing of it is claimed any more, while everything else goes on: workers settle what
they hold. Once they hold nothing, or drain is over, calls that write fail with PT503
workspace_moving. Calls that read go on. Workers for all workspaces are handed nothing of it,
and lt_maintain passes it over. One that is not in this database yet is closed to calls that
read, too, when it comes. lt_open_workspace opens it.

It commits, and then waits until each transaction of the database has ended that may have
begun before: so nothing is written in the workspace once it returns. Where a wait is
cancelled the workspace stays as it is by then: call it again, or open it. It warns of what
workers still hold, which may be sent twice. For the owner of the extension.

Parameters:
- workspace_id: any but the default workspace, which is in one database only
- drain: how long to wait for workers, from nothing to 7 days
Errors: PT400 invalid_request, 2D000 in a transaction block, 55000 (opened meanwhile).';

CREATE FUNCTION @extschema@.lt_open_workspace(workspace_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF lt_open_workspace.workspace_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "workspace_id" must not be null');
    END IF;
    PERFORM FROM leadterra.workspaces w WHERE w.workspace_id = lt_open_workspace.workspace_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('workspace_not_found',
            format('workspace "%s" does not exist', lt_open_workspace.workspace_id));
    END IF;
    DELETE FROM leadterra.closed_workspaces c
    WHERE c.workspace_id = lt_open_workspace.workspace_id;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_open_workspace(uuid) IS
'Open a workspace that was closed

Opening one that is open is harmless. For the owner of the extension.

Parameters:
- workspace_id: a workspace of this database
Errors: PT400 invalid_request, PT404 workspace_not_found.';

-- Rows of all domains: those first that a trigger would look for, when what they belong to
-- is deleted.  A table that has such a trigger so finds nothing left.
CREATE FUNCTION leadterra.delete_workspace(workspace uuid, slice integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    name regclass;
    deleted bigint;
BEGIN
    -- Nobody is to open it meanwhile.
    PERFORM
    FROM leadterra.closed_workspaces c
    WHERE c.workspace_id = workspace AND c.state <> 'draining'
    FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM FROM leadterra.workspaces w WHERE w.workspace_id = workspace;
        PERFORM leadterra.raise_error(
            CASE WHEN FOUND THEN 'workspace_open' ELSE 'workspace_not_found' END,
            format(CASE WHEN FOUND THEN 'workspace "%s" is open' ELSE
                'workspace "%s" does not exist' END, workspace));
    END IF;
    FOR name IN
        SELECT c.oid
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'workspace_id'
        WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r'
          AND c.relname <> 'closed_workspaces'
        ORDER BY c.relname = 'workspaces', c.relhastriggers, c.relname
    LOOP
        EXECUTE format(
            'DELETE FROM %1$s WHERE ctid = ANY (ARRAY('
            ' SELECT t.ctid FROM %1$s t WHERE t.workspace_id = $1 LIMIT $2))', name)
        USING workspace, slice;
        GET DIAGNOSTICS deleted = ROW_COUNT;
        IF deleted > 0 THEN
            RETURN deleted;
        END IF;
    END LOOP;
    -- One that has not come yet has no links.
    DELETE FROM leadterra.closed_workspaces c
    WHERE c.workspace_id = workspace AND c.state = 'coming';
    UPDATE leadterra.closed_workspaces c
    SET state = 'deleted', since = now()
    WHERE c.workspace_id = workspace AND c.state = 'closed';
    RETURN 0;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_workspace(uuid, integer) IS
'Delete up to a slice of the rows of a closed workspace, and return how many

Once there is none, it is noted that the workspace was deleted, unless it never was here, and 0
is returned.';

CREATE PROCEDURE @extschema@.lt_delete_workspace(workspace_id uuid)
LANGUAGE plpgsql
AS $$
DECLARE
    called_at pg_catalog.timestamptz;
BEGIN
    called_at := leadterra.require_commit('deleting a workspace');
    WHILE leadterra.delete_workspace(workspace_id, 10000) OPERATOR(pg_catalog.>) 0 LOOP
        COMMIT;
    END LOOP;
END;
$$;

COMMENT ON PROCEDURE @extschema@.lt_delete_workspace(uuid) IS
'Delete a closed workspace with everything in it

It commits each 10,000 rows. Where it is cancelled the rest stays closed: call it again. What
is kept is the id, so that the links in mails of the workspace answer PT410 workspace_deleted
and not that they are forged; nothing is kept of one that was on its way here. A workspace may
be created, or moved here, under the id again. For the owner of the extension.

Parameters:
- workspace_id: a workspace that lt_close_workspace closed
Errors: PT404 workspace_not_found, PT409 workspace_open, 2D000 in a transaction block.';
