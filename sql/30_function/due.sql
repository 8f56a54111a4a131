-- due: when messages are due.
--
-- due_at() is the rule; campaign_heads() and queue_heads() apply it to what waits.
-- Claims, views and calls ask these, and C that has a range in hand asks src/due.c.

CREATE FUNCTION leadterra.due_at(
    waiting_since timestamptz, started_at timestamptz, delay_minutes integer)
RETURNS timestamptz
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_due_at';

COMMENT ON FUNCTION leadterra.due_at(timestamptz, timestamptz, integer) IS
'Return when a message is due

So many minutes after it began to wait or its campaign was started (null: not yet), whichever
is later; infinity where no time is as late.';

-- The first range of each step of a campaign is found by one search of the index.
CREATE FUNCTION leadterra.campaign_heads(
    workspace_id uuid, campaign_id uuid, started_at timestamptz)
RETURNS TABLE (
    step smallint,
    delay_minutes integer,
    due_at timestamptz,
    subject text,
    body_html text,
    body_text text,
    preheader text,
    headers jsonb,
    variants jsonb
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        s.step,
        s.delay_minutes,
        leadterra.due_at(w.waiting_since, campaign_heads.started_at, s.delay_minutes),
        s.subject,
        s.body_html,
        s.body_text,
        s.preheader,
        s.headers,
        s.variants
    FROM (
        SELECT s.*
        FROM leadterra.steps s
        WHERE s.workspace_id = campaign_heads.workspace_id
          AND s.campaign_id = campaign_heads.campaign_id
        OFFSET 0
    ) s
    CROSS JOIN LATERAL (
        SELECT w.waiting_since
        FROM leadterra.waiting w
        WHERE w.workspace_id = campaign_heads.workspace_id
          AND w.campaign_id = campaign_heads.campaign_id AND w.sender_id = leadterra.nobody()
          AND w.step = s.step
        ORDER BY w.waiting_since
        LIMIT 1
    ) w;
END;

COMMENT ON FUNCTION leadterra.campaign_heads(uuid, uuid, timestamptz) IS
'List the steps of a campaign with messages that wait, and when the first of each is due.';

CREATE FUNCTION leadterra.claimable_at(
    workspace_id uuid, campaign_id uuid, step integer, due_at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claimable_at';

COMMENT ON FUNCTION leadterra.claimable_at(uuid, uuid, integer, timestamptz) IS
'Return when a message may be handed out that is due at a time

The window of its campaign is open then, no limit of a day is used up, and a sender is free.
Step 0 stands for what senders go on with, the first of which is looked for.';

CREATE FUNCTION leadterra.least_claimable_at(
    workspace_id uuid, campaign_id uuid, pool_id uuid, schedule jsonb, daily_limit integer,
    daily_new_leads integer, step integer, due_at timestamptz)
RETURNS timestamptz
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_least_claimable_at';

COMMENT ON FUNCTION leadterra.least_claimable_at(
    uuid, uuid, uuid, jsonb, integer, integer, integer, timestamptz) IS
'Return the same as claimable_at, of a row of campaigns, to a query that looks for the least

A time that has passed is exact, and so is the least that a query gets. Another one may be too
early, but is no earlier than that: so a pool whose senders are all busy is looked at once, and
not for each of its campaigns. Step 0 has no time at which it is due.';

-- Two indexes are gone through together, in the order of campaigns: that of what
-- waits, and that of the campaigns that run.  Where one has nothing of a campaign,
-- the other skips it.  So neither the drafts nor the campaigns that have sent
-- everything are read, however many there are.  What senders go on with is behind the
-- rest of its campaign, and stepped over as a whole.  A row is a step of a campaign whose
-- first range was found; or, with step 0, what senders go on with, or the campaign to go
-- on from.
CREATE FUNCTION leadterra.queue_heads(workspace_id uuid)
RETURNS TABLE (campaign_id uuid, step smallint, due_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH RECURSIVE heads AS (
        SELECT
            leadterra.nobody() AS campaign_id,
            leadterra.nobody() AS sender_id,
            0::smallint AS step,
            NULL::timestamptz AS waiting_since,
            NULL::leadterra.campaigns AS campaign
        UNION ALL
        SELECT
            CASE WHEN (w.campaign).started_at IS NOT NULL THEN w.campaign_id
            ELSE (
                SELECT c.campaign_id
                FROM leadterra.campaigns c
                WHERE c.workspace_id = queue_heads.workspace_id
                  AND c.campaign_id > w.campaign_id AND c.status = 'running'
                ORDER BY c.campaign_id
                LIMIT 1
            ) END,
            CASE WHEN (w.campaign).started_at IS NULL OR w.sender_id = leadterra.nobody()
                THEN leadterra.nobody()
            ELSE 'ffffffff-ffff-ffff-ffff-ffffffffffff' END,
            CASE WHEN (w.campaign).started_at IS NOT NULL AND w.sender_id = leadterra.nobody()
                THEN w.step
            ELSE 0::smallint END,
            w.waiting_since,
            w.campaign
        FROM heads h
        CROSS JOIN LATERAL (
            SELECT
                w.campaign_id,
                w.sender_id,
                w.step,
                w.waiting_since,
                (SELECT c
                 FROM leadterra.campaigns c
                 WHERE c.workspace_id = queue_heads.workspace_id
                   AND c.campaign_id = w.campaign_id AND c.status = 'running') AS campaign
            FROM leadterra.waiting w
            WHERE w.workspace_id = queue_heads.workspace_id
              AND (w.campaign_id, w.sender_id, w.step) > (h.campaign_id, h.sender_id, h.step)
            ORDER BY w.campaign_id, w.sender_id, w.step, w.waiting_since
            LIMIT 1
        ) w
    )
    SELECT
        h.campaign_id,
        h.step,
        CASE WHEN num_nonnulls(
                (h.campaign).pool_id, (h.campaign).schedule, (h.campaign).daily_limit,
                (h.campaign).daily_new_leads) > 0
            THEN leadterra.least_claimable_at(
                queue_heads.workspace_id, h.campaign_id, (h.campaign).pool_id,
                (h.campaign).schedule, (h.campaign).daily_limit, (h.campaign).daily_new_leads,
                h.step,
                leadterra.due_at(h.waiting_since, (h.campaign).started_at, s.delay_minutes))
            ELSE leadterra.due_at(h.waiting_since, (h.campaign).started_at, s.delay_minutes) END
    FROM heads h
    LEFT JOIN LATERAL (
        SELECT s.delay_minutes
        FROM leadterra.steps s
        WHERE s.workspace_id = queue_heads.workspace_id
          AND s.campaign_id = h.campaign_id AND s.step = h.step
        OFFSET 0
    ) s ON true
    WHERE (h.campaign).started_at IS NOT NULL;
END;

COMMENT ON FUNCTION leadterra.queue_heads(uuid) IS
'List, for each step of running campaigns with messages that wait, when the first is due

Step 0 stands for what senders go on with. Times that have passed are exact, and so is the
least; of the others see least_claimable_at. What has no step, or no sender that it needs, is
due at null.';

-- What a campaign without windows, limits and senders says is due, is.
CREATE FUNCTION leadterra.campaign_due(
    workspace_id uuid, campaign_id uuid, started_at timestamptz, is_limited boolean)
RETURNS TABLE (step smallint, due_at timestamptz, claimable_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        h.step,
        h.due_at,
        CASE WHEN campaign_due.is_limited
            THEN leadterra.claimable_at(
                campaign_due.workspace_id, campaign_due.campaign_id, h.step, h.due_at)
            ELSE h.due_at END
    FROM (
        SELECT h.step, h.due_at
        FROM leadterra.campaign_heads(
            campaign_due.workspace_id, campaign_due.campaign_id, campaign_due.started_at) h
        UNION ALL
        (SELECT 0, w.due_at
         FROM leadterra.waiting w
         WHERE w.workspace_id = campaign_due.workspace_id
           AND w.campaign_id = campaign_due.campaign_id AND w.due_at IS NOT NULL
           AND w.sender_id <> leadterra.nobody() AND campaign_due.is_limited
         ORDER BY w.due_at
         LIMIT 1)
    ) h;
END;

COMMENT ON FUNCTION leadterra.campaign_due(uuid, uuid, timestamptz, boolean) IS
'List what waits in a campaign: when the first of each step is due, and may be handed out

Step 0 stands for what senders go on with.';

CREATE FUNCTION leadterra.next_due(workspace_id uuid)
RETURNS TABLE (due_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT least(
        (SELECT min(h.due_at) FROM leadterra.queue_heads(next_due.workspace_id) h),
        (SELECT min(l.expires_at) FROM leadterra.leases l
         WHERE l.workspace_id = next_due.workspace_id AND l.state = 'open'));
END;

COMMENT ON FUNCTION leadterra.next_due(uuid) IS
'Return when the next message of a workspace is due, or the next lease runs out

Null if nothing waits.';

CREATE FUNCTION @extschema@.lt_next_due()
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_next_due';

COMMENT ON FUNCTION @extschema@.lt_next_due() IS
'Return when the next message is due, or the next lease runs out

Returns: a time; one that has passed means that there is work now; null: nothing waits.';

CREATE FUNCTION leadterra.due_workspaces(max integer)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT w.workspace_id, n.due_at
    FROM leadterra.workspaces w
    CROSS JOIN LATERAL leadterra.next_due(w.workspace_id) n
    WHERE n.due_at <= leadterra.clock() AND leadterra.is_open(w.workspace_id)
    ORDER BY n.due_at, w.workspace_id
    LIMIT leadterra.row_limit('max', due_workspaces.max);
END;

COMMENT ON FUNCTION leadterra.due_workspaces(integer) IS 'Do what lt_due_workspaces says.';

CREATE FUNCTION @extschema@.lt_due_workspaces(max integer DEFAULT 100)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_due_workspaces';

COMMENT ON FUNCTION @extschema@.lt_due_workspaces(integer) IS
'List workspaces with due messages or leases that ran out

For workers that serve all workspaces, as a role of lt_grant_worker without a workspace.

Parameters:
- max: how many at most, 1 to 10,000
Returns: workspaces and since when something is due, the longest due first.
Errors: PT400 invalid_request.';
