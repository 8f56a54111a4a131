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
            WHERE e.workspace_id = k.workspace_id AND e.campaign_id = k.campaign_id AND e.lead_id = k.lead_id
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
        WHERE e.workspace_id = lock_enrollments.workspace AND e.campaign_id = c.campaign_id AND e.lead_id = lock_enrollments.lead_id
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

CREATE FUNCTION leadterra.hand_over_enrollment(workspace uuid, campaign_id uuid, source uuid, heir uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, status, enrolled_at)
    SELECT workspace, e.campaign_id, heir, e.status, e.enrolled_at
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id AND e.lead_id = source
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- It is the person who did that.
    UPDATE leadterra.enrollments e SET status = s.status
    FROM leadterra.enrollments s
    WHERE s.workspace_id = workspace AND s.campaign_id = hand_over_enrollment.campaign_id AND s.lead_id = source
      AND s.status IN ('replied', 'unsubscribed')
      AND e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id AND e.lead_id = heir
      AND e.status = 'active';
    RETURN false;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_enrollment(uuid, uuid, uuid, uuid) IS
'Enroll a lead in the state of another, which is about to be deleted

Returns true; false where it was enrolled: then it has replied or unsubscribed if the other
has.';
