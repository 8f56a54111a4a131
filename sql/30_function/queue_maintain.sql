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
    DELETE FROM leadterra.enrolled_counts n USING deleted d
    WHERE n.workspace_id = d.workspace_id AND n.campaign_id = d.campaign_id;
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
    WITH gone AS (
        DELETE FROM leadterra.batches b
        WHERE b.workspace_id = workspace AND b.batch_id = ANY (delete_batches.batch_ids)
        RETURNING b.step, b.size)
    INSERT INTO leadterra.enrolled_counts (workspace_id, campaign_id, leads)
    SELECT workspace, delete_batches.campaign_id, -sum(g.size)
    FROM gone g
    WHERE g.step = 1
    HAVING count(*) > 0;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_batches(uuid, uuid, uuid[]) IS
'Remove batches of a campaign with their exceptions.';

CREATE FUNCTION leadterra.fold_counts(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    -- What another session just folds is left to it.
    locked constant tid[] := ARRAY(
        SELECT n.ctid
        FROM leadterra.enrolled_counts n
        WHERE n.workspace_id = workspace AND n.campaign_id = fold_counts.campaign_id
        FOR UPDATE SKIP LOCKED);
BEGIN
    IF cardinality(locked) < 2 THEN
        RETURN;
    END IF;
    WITH folded AS (
        DELETE FROM leadterra.enrolled_counts n
        WHERE n.workspace_id = workspace AND n.campaign_id = fold_counts.campaign_id
          AND n.ctid = ANY (locked)
        RETURNING n.leads)
    INSERT INTO leadterra.enrolled_counts (workspace_id, campaign_id, leads)
    SELECT workspace, fold_counts.campaign_id, sum(f.leads)
    FROM folded f;
END;
$$;

COMMENT ON FUNCTION leadterra.fold_counts(uuid, uuid) IS
'Make one row of the counts of a campaign, which nobody waits for.';

CREATE FUNCTION leadterra.count_anew(workspace uuid, campaign_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.enrolled_counts n
    WHERE n.workspace_id = workspace AND n.campaign_id = count_anew.campaign_id;
    INSERT INTO leadterra.enrolled_counts (workspace_id, campaign_id, leads)
    SELECT workspace, count_anew.campaign_id, sum(b.size)
    FROM leadterra.batches b
    WHERE b.workspace_id = workspace AND b.campaign_id = count_anew.campaign_id AND b.step = 1
    HAVING count(*) > 0;
END;
$$;

COMMENT ON FUNCTION leadterra.count_anew(uuid, uuid) IS
'Count the leads in the batches of the first step of a campaign that nobody adds to meanwhile.';
