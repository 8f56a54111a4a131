-- due: when messages are due.

CREATE FUNCTION leadterra.due_at(waiting_since timestamptz, started_at timestamptz, delay_days integer)
RETURNS timestamptz
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_due_at';

COMMENT ON FUNCTION leadterra.due_at(timestamptz, timestamptz, integer) IS
'Return when a message is due: so many days, of 24 hours, after it began to wait or its campaign was started, whichever is later; infinity where no time is as late.';

-- The first range of each step that waits in a workspace, found by one search
-- of the index a step, and when it is due.  Not read are batches that are not
-- due, and more than one of a campaign that does not run.
CREATE FUNCTION leadterra.queue_heads(workspace_id uuid)
RETURNS TABLE (campaign_id uuid, step smallint, due_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE heads AS (
        (SELECT w.campaign_id, w.step, w.waiting_since
         FROM leadterra.waiting w
         WHERE w.workspace_id = queue_heads.workspace_id
         ORDER BY w.campaign_id, w.step, w.waiting_since
         LIMIT 1)
        UNION ALL
        SELECT n.campaign_id, n.step, n.waiting_since
        FROM heads h
        CROSS JOIN LATERAL (
            SELECT w.campaign_id, w.step, w.waiting_since
            FROM leadterra.waiting w
            WHERE w.workspace_id = queue_heads.workspace_id AND (w.campaign_id, w.step) > (h.campaign_id, h.step)
            ORDER BY w.campaign_id, w.step, w.waiting_since
            LIMIT 1
        ) n
    )
    SELECT h.campaign_id, h.step, leadterra.due_at(h.waiting_since, c.started_at, s.delay_days)
    FROM heads h
    CROSS JOIN LATERAL (
        SELECT c.started_at
        FROM leadterra.campaigns c
        WHERE c.workspace_id = queue_heads.workspace_id AND c.campaign_id = h.campaign_id AND c.status = 'running'
        OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT s.delay_days
        FROM leadterra.steps s
        WHERE s.workspace_id = queue_heads.workspace_id AND s.campaign_id = h.campaign_id AND s.step = h.step
        OFFSET 0
    ) s;
END;

COMMENT ON FUNCTION leadterra.queue_heads(uuid) IS
'List, for each step of running campaigns with messages that wait, when the first is due.';

CREATE FUNCTION @extschema@.lt_next_due()
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
BEGIN ATOMIC
    SELECT least(
        (SELECT min(h.due_at) FROM leadterra.queue_heads(leadterra.enter('messages:read')) h),
        (SELECT min(l.expires_at) FROM leadterra.leases l
         WHERE l.workspace_id = leadterra.current_workspace() AND l.state = 'open'));
END;

COMMENT ON FUNCTION @extschema@.lt_next_due() IS
'Return when the next message is due, or the next lease runs out; null if nothing waits

A time that has passed means that there is work now.';

CREATE FUNCTION leadterra.due_workspaces(max integer)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL SAFE
BEGIN ATOMIC
    SELECT w.workspace_id, d.due_at
    FROM leadterra.workspaces w
    CROSS JOIN LATERAL (
        SELECT least(
            (SELECT min(h.due_at) FROM leadterra.queue_heads(w.workspace_id) h),
            (SELECT min(l.expires_at) FROM leadterra.leases l WHERE l.workspace_id = w.workspace_id AND l.state = 'open')) AS due_at
    ) d
    WHERE d.due_at <= leadterra.clock()
    ORDER BY d.due_at, w.workspace_id
    LIMIT leadterra.row_limit('max', due_workspaces.max);
END;

COMMENT ON FUNCTION leadterra.due_workspaces(integer) IS 'Do what lt_due_workspaces says.';

CREATE FUNCTION @extschema@.lt_due_workspaces(max integer DEFAULT 100)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_due_workspaces';

COMMENT ON FUNCTION @extschema@.lt_due_workspaces(integer) IS
'List workspaces with due messages or leases that ran out, the longest due first

At most so many (1 to 10,000), those due for longest first. For workers that serve all workspaces: the owner of the extension, and roles of lt_grant_worker that are bound to no workspace. Errors: PT400 invalid_request.';
