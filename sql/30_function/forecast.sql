-- forecast: what a campaign will send on which day.
--
-- What there is, is read here, and src/forecast_run.c goes on from it.

CREATE FUNCTION leadterra.forecast_waiting(workspace_id uuid, campaign_id uuid)
RETURNS TABLE (
    sender_id uuid,
    step smallint,
    waiting_since timestamptz,
    due_at timestamptz,
    is_new boolean,
    messages bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        w.sender_id,
        w.step,
        w.waiting_since,
        w.due_at,
        w.step = 1 AND w.attempt = 1 AND w.losses = 0 AND w.tried_at IS NULL,
        (w.last - w.unused + 1 - coalesce(n.skipped + n.deleted, 0))::bigint
    FROM (
        SELECT c.ended_lead_ids, c.invalid_lead_ids, c.deleted_lead_ids
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = forecast_waiting.workspace_id
          AND c.campaign_id = forecast_waiting.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN leadterra.waiting_ranges w
    LEFT JOIN LATERAL leadterra.count_held_back(
        w.workspace_id, w.batch_id, w.unused, w.last,
        c.ended_lead_ids, c.invalid_lead_ids, c.deleted_lead_ids) n ON true
    WHERE w.workspace_id = forecast_waiting.workspace_id
      AND w.campaign_id = forecast_waiting.campaign_id
    ORDER BY w.range_id;
END;

COMMENT ON FUNCTION leadterra.forecast_waiting(uuid, uuid) IS
'List what waits in a campaign, but for what will be skipped, in the order it was queued in

is_new says that nobody has had the first messages of these leads.';

-- A message of an open lease is with a worker, one of a lease that ran out waits again.
CREATE FUNCTION leadterra.forecast_leased(workspace_id uuid, campaign_id uuid, now timestamptz)
RETURNS TABLE (
    sender_id uuid,
    step smallint,
    waiting_since timestamptz,
    is_lost boolean,
    open bigint,
    active bigint,
    completed bigint
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        leadterra.sender_heir(l.workspace_id, l.sender_id),
        b.step,
        b.waiting_since,
        l.expires_at <= forecast_leased.now,
        count(*) FILTER (WHERE NOT p.settled),
        count(*) FILTER (WHERE NOT p.settled AND p.active),
        count(*) FILTER (WHERE p.completed AND p.active)
    FROM leadterra.leases l
    CROSS JOIN LATERAL (
        SELECT u.batch_id, u.first, u.last,
            sum(u.last - u.first + 1) OVER (ORDER BY u.number) - (u.last - u.first + 1) AS start
        FROM unnest(l.batch_ids, l.firsts, l.lasts)
            WITH ORDINALITY AS u (batch_id, first, last, number)
    ) r
    CROSS JOIN LATERAL (
        SELECT b.step, b.lead_ids, b.waiting_since
        FROM leadterra.batches b
        WHERE b.workspace_id = l.workspace_id AND b.batch_id = r.batch_id
        OFFSET 0
    ) b
    CROSS JOIN LATERAL (
        SELECT
            coalesce(get_bit(l.completed, r.start + u.number - 1) = 1, false) AS completed,
            coalesce(get_bit(l.settled, r.start + u.number - 1) = 1, false) AS settled,
            coalesce((
                SELECT e.status = 'active'
                FROM leadterra.enrollments e
                WHERE e.workspace_id = l.workspace_id AND e.campaign_id = l.campaign_id
                  AND e.lead_id = u.lead_id
            ), false)
            AND coalesce((
                SELECT d.verification_status IS DISTINCT FROM -1
                FROM leadterra.leads d
                WHERE d.workspace_id = l.workspace_id AND d.lead_id = u.lead_id
            ), false) AS active
        FROM unnest(b.lead_ids[r.first:r.last]) WITH ORDINALITY AS u (lead_id, number)
    ) p
    WHERE l.workspace_id = forecast_leased.workspace_id
      AND l.campaign_id = forecast_leased.campaign_id AND l.state = 'open'
    GROUP BY l.workspace_id, l.lease_id, l.sender_id, b.step, b.waiting_since, l.expires_at
    ORDER BY l.lease_id, b.step, b.waiting_since;
END;

COMMENT ON FUNCTION leadterra.forecast_leased(uuid, uuid, timestamptz) IS
'Count what workers hold of a campaign, by lease and step

Returns: what they have not reported on, how much of that is of leads that get more, and what
was completed of such leads.';

-- Those of a pool, and those that go on with what they began.
CREATE FUNCTION leadterra.forecast_senders(workspace_id uuid, campaign_id uuid, pool_id uuid)
RETURNS TABLE (
    sender_id uuid,
    takes_new boolean,
    can_send boolean,
    is_warming boolean,
    daily_limit integer,
    ramp_from integer,
    ramp_step integer,
    ramp_since date,
    gap_seconds integer,
    gap_jitter_seconds integer,
    time_zone text,
    used_on date,
    used integer,
    free_at timestamptz
)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        s.sender_id, m.takes_new, s.deleted_at IS NULL AND s.status <> 'paused',
        s.status = 'warming', s.daily_limit, s.ramp_from, s.ramp_step, s.ramp_since,
        s.gap_seconds, s.gap_jitter_seconds, s.time_zone, s.used_on, s.used, s.free_at
    FROM (
        SELECT m.sender_id, bool_or(m.takes_new) AS takes_new
        FROM (
            SELECT p.sender_id, NOT p.has_left AS takes_new
            FROM leadterra.pool_senders p
            WHERE p.workspace_id = forecast_senders.workspace_id
              AND p.pool_id = forecast_senders.pool_id
            UNION
            SELECT w.sender_id, false
            FROM leadterra.waiting w
            WHERE w.workspace_id = forecast_senders.workspace_id
              AND w.campaign_id = forecast_senders.campaign_id AND w.due_at IS NOT NULL
            UNION
            SELECT leadterra.sender_heir(l.workspace_id, l.sender_id), false
            FROM leadterra.leases l
            WHERE l.workspace_id = forecast_senders.workspace_id
              AND l.campaign_id = forecast_senders.campaign_id AND l.state = 'open'
        ) m
        GROUP BY m.sender_id
    ) m
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.senders s
        WHERE s.workspace_id = forecast_senders.workspace_id AND s.sender_id = m.sender_id
        OFFSET 0
    ) s
    ORDER BY s.free_at, s.sender_id;
END;

COMMENT ON FUNCTION leadterra.forecast_senders(uuid, uuid, uuid) IS
'List the senders that a campaign may have, those that are free for longest first

takes_new says that they are in the pool, and do not only go on with what they began.';

CREATE FUNCTION @extschema@.lt_forecast(campaign_id uuid, assume jsonb DEFAULT '{}')
RETURNS TABLE (day date, step integer, messages bigint, backlog bigint)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_forecast';

COMMENT ON FUNCTION @extschema@.lt_forecast(uuid, jsonb) IS
'Forecast who gets how many mails on which day, by step

It goes through what is to come as if workers claimed all they may as soon as they may, in
claims of 10,000, and sent it at once; as if nobody replied, nothing bounced or failed, and no
other campaign had the same senders. A draft starts now, a campaign that is paused goes on now.
It counts batches and not leads, and writes nothing.

- Windows, limits of a day and order are those of the campaign, senders those of its pool: with
  limits, warming, time zones and gaps, what they have used today, and what each has begun. A gap
  at random counts by its mean.
- What workers hold is sent now, and was counted for limits before. Once their lease has run out
  it waits again.
- Left out is what will be skipped as far as that is known without a look at each lead: of leads
  that have ended in the campaign or were deleted, and whose address was found invalid.
  Suppressed addresses are not known.
- Where more than a million messages are to come, a sender with a gap sends a few in a row at a
  time.
- It ends with the last day on which something is sent or becomes due. So the last day has as its
  backlog what can never be sent. It ends before that after 3,660 days, 100,000 rows or two
  million claims.

Parameters:
- campaign_id: the campaign
- assume: an object, what to go by in place of what there is: the settings poolId, schedule,
  dailyLimit, dailyNewLeads and newLeadsFirst as in lt_set_sending, where null takes one away;
  newLeads (so many more are enrolled now, at most 10,000,000), senders (in place of those of
  the pool, and of all that were begun with: an array of objects with dailyLimit, gapSeconds,
  timeZone and count, 1 if omitted; at most 10,000 in all), startAt (the time from which it
  runs, such as 2030-01-31T09:00:00Z; one that has passed is now)
Returns: rows for the days and steps that have any: day (of the zone of the first window, or of
UTC), step, messages (sent on that day), backlog (due by the end of that day, and not sent).
Errors: PT400 invalid_request (DETAIL lists what is wrong with assume), PT404
campaign_not_found, PT404 pool_not_found.';
