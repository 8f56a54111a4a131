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
