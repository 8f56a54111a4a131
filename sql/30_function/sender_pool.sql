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
