-- enrollment: what goes with the leads of a campaign.

-- These triggers stand in for foreign keys.  From enrollments and batches, those
-- would nearly double the cost of enrolling; and pg_restore in parallel loads
-- the tables of an extension in any order.  They look for enrollments that
-- were committed after the statement's snapshot, hence READ COMMITTED, and lock
-- them by campaign and lead, so that two deletions do not deadlock.  Enrollments
-- are found by campaign and lead too, one look-up for each pair: an index by
-- lead would cost every enrollment, and deletions are few.
CREATE FUNCTION leadterra.leads_deleted()
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
    -- Last, for those that make leads wait here too.  Where the number is unknown,
    -- this keeps it from being counted meanwhile.
    UPDATE leadterra.workspaces w SET lead_count = w.lead_count - k.leads
    FROM (SELECT d.workspace_id, count(*) AS leads FROM deleted d GROUP BY d.workspace_id) k
    WHERE w.workspace_id = k.workspace_id AND w.lead_limit IS NOT NULL;
    RETURN NULL;
END;
$$;

CREATE TRIGGER leads_deleted AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted();
