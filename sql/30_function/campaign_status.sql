-- campaign: why a campaign is sending nothing.

CREATE FUNCTION leadterra.time_text(at timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(time_text.at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"');
END;

COMMENT ON FUNCTION leadterra.time_text(timestamptz) IS 'Return a time as sentences have it.';

-- What waits again in a campaign: after a lease that ran out, or to be tried again.  The
-- messages of leads that get no more are left out.
CREATE FUNCTION leadterra.waiting_again(
    workspace_id uuid, campaign_id uuid, started_at timestamptz,
    ended_lead_ids uuid[], invalid_lead_ids uuid[], deleted_lead_ids uuid[])
RETURNS TABLE (is_lost boolean, messages bigint, due_at timestamptz, reason text)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        w.is_lost,
        sum(w.messages)::bigint,
        min(w.due_at),
        (array_agg(w.error ORDER BY w.due_at))[1]
    FROM (
        SELECT
            w.losses > 0 AS is_lost,
            w.error,
            (SELECT leadterra.due_at(w.waiting_since, waiting_again.started_at, s.delay_minutes)
             FROM leadterra.steps s
             WHERE s.workspace_id = waiting_again.workspace_id
               AND s.campaign_id = waiting_again.campaign_id AND s.step = w.step) AS due_at,
            w.last - w.unused + 1 - coalesce(n.skipped + n.deleted, 0) AS messages
        FROM leadterra.waiting_ranges w
        LEFT JOIN LATERAL leadterra.count_held_back(
            w.workspace_id, w.batch_id, w.unused, w.last,
            waiting_again.ended_lead_ids, waiting_again.invalid_lead_ids,
            waiting_again.deleted_lead_ids) n ON true
        WHERE w.workspace_id = waiting_again.workspace_id
          AND w.campaign_id = waiting_again.campaign_id
          AND (w.losses > 0 OR w.tried_at IS NOT NULL)
    ) w
    WHERE w.messages > 0
    GROUP BY w.is_lost;
END;

COMMENT ON FUNCTION leadterra.waiting_again(uuid, uuid, timestamptz, uuid[], uuid[], uuid[]) IS
'Count the messages of a campaign that wait again

Returns: a row for those whose lease ran out, and one for those that are tried again; when
the first of them is due, and why that waits.';

CREATE FUNCTION leadterra.held_by(
    workspace_id uuid, campaign_id uuid, step integer, now timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN leadterra.window_opens(c.schedule, held_by.now) > held_by.now THEN 'outside_window'
        WHEN u.handed >= c.daily_limit OR held_by.step = 1 AND u.new_leads >= c.daily_new_leads
            THEN 'campaign_limit'
        -- Who has used up its day is free tomorrow.
        WHEN (
            SELECT bool_and(s.free_at >= leadterra.zone_day_start(
                s.time_zone, leadterra.zone_day(s.time_zone, held_by.now) + 1))
            FROM leadterra.pool_senders p
            JOIN leadterra.senders s
                ON s.workspace_id = p.workspace_id AND s.sender_id = p.sender_id
            WHERE p.workspace_id = c.workspace_id AND p.pool_id = c.pool_id
              AND s.status <> 'paused'
        ) THEN 'senders_full'
        ELSE 'no_free_sender'
    END
    FROM leadterra.campaigns c
    LEFT JOIN leadterra.campaign_usage u
        ON u.workspace_id = c.workspace_id AND u.campaign_id = c.campaign_id
        AND u.used_on >= leadterra.zone_day(leadterra.schedule_zone(c.schedule), held_by.now)
    WHERE c.workspace_id = held_by.workspace_id AND c.campaign_id = held_by.campaign_id;
END;

COMMENT ON FUNCTION leadterra.held_by(uuid, uuid, integer, timestamptz) IS
'Say what keeps messages of a campaign that are due from being handed out.';

-- What a worker would say of a campaign if it could be asked.
CREATE FUNCTION leadterra.sending_state(campaign leadterra.campaigns, leads_enrolled bigint)
RETURNS TABLE (status text, message text, next_due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        x.status,
        concat_ws(' ',
            CASE x.status
                WHEN 'draft' THEN 'The campaign has not been started.'
                WHEN 'paused' THEN
                    concat(
                        format('The campaign is paused since %s.',
                            leadterra.time_text(c.paused_at)),
                        CASE WHEN c.pause_reason = 'bounce_limit'
                            THEN ' It paused by itself: too many of its messages bounced.' END)
                WHEN 'no_leads' THEN 'Nobody is enrolled in the campaign.'
                WHEN 'due' THEN 'Messages are due and wait for a worker to claim them.'
                WHEN 'outside_window' THEN
                    concat(
                        'Messages are due, and the campaign sends at other times',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(': the next are handed out at %s.',
                                leadterra.time_text(h.claimable_at))
                        ELSE '; there are none to come.' END)
                WHEN 'campaign_limit' THEN
                    format('Messages are due, and the limit of the campaign for today is used up. '
                        'The next are handed out at %s.', leadterra.time_text(h.claimable_at))
                WHEN 'senders_full' THEN
                    concat(
                        'Messages are due, and no sender may send more today.',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(' The next are handed out at %s.',
                                leadterra.time_text(h.claimable_at)) END)
                WHEN 'no_free_sender' THEN
                    concat(
                        'Messages are due, and no sender that may have them is free.',
                        CASE WHEN isfinite(h.claimable_at)
                            THEN format(' The next is at %s.',
                                leadterra.time_text(h.claimable_at)) END)
                WHEN 'lease_expired' THEN
                    'A worker let its lease run out; the next claim gives its messages back.'
                WHEN 'all_leased' THEN 'All messages that are due are with workers.'
                WHEN 'nothing_due' THEN
                    format('The next message is due at %s.', leadterra.time_text(h.claimable_at))
                ELSE 'Every lead has reached the end of its sequence.'
            END,
            a.message,
            CASE WHEN f.messages > 0 THEN format('Messages that failed: %s.', f.messages) END),
        CASE WHEN c.status = 'running' THEN least(h.claimable_at, l.expires_at) END
    FROM (SELECT (sending_state.campaign).*) AS c
    CROSS JOIN leadterra.clock() AS k (now)
    CROSS JOIN LATERAL (
        SELECT
            min(h.due_at) AS due_at,
            min(h.claimable_at) AS claimable_at,
            min(h.step) FILTER (WHERE h.due_at <= k.now) AS step
        FROM leadterra.campaign_due(
            c.workspace_id, c.campaign_id, c.started_at,
            num_nonnulls(c.pool_id, c.schedule, c.daily_limit, c.daily_new_leads) > 0) h
        WHERE c.status = 'running'
    ) h
    CROSS JOIN LATERAL (
        SELECT min(l.expires_at) AS expires_at
        FROM leadterra.leases l
        WHERE l.workspace_id = c.workspace_id AND l.campaign_id = c.campaign_id AND l.state = 'open'
    ) l
    CROSS JOIN LATERAL (
        SELECT string_agg(
            format(
                CASE WHEN w.is_lost THEN
                    'Messages that wait because a lease ran out with nothing reported: '
                    '%s, the next from %s.'
                ELSE
                    'Messages that wait to be tried again: %s, the next from %s, because of: %s'
                END,
                w.messages,
                leadterra.time_text(w.due_at),
                coalesce(
                    regexp_replace(left(w.reason, 200), '\s+', ' ', 'g'),
                    'a worker gave it back')),
            ' ' ORDER BY w.is_lost DESC) AS message
        FROM leadterra.campaign_states s
        CROSS JOIN LATERAL leadterra.waiting_again(
            c.workspace_id, c.campaign_id, c.started_at,
            s.ended_lead_ids, s.invalid_lead_ids, s.deleted_lead_ids) w
        WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
          -- Leads that get no more are many to look up, and few campaigns have such messages.
          AND c.status <> 'draft' AND (
            SELECT bool_or(w.losses > 0 OR w.tried_at IS NOT NULL)
            FROM leadterra.waiting_ranges w
            WHERE w.workspace_id = c.workspace_id AND w.campaign_id = c.campaign_id)
    ) a
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN c.status <> 'running' THEN c.status
            WHEN sending_state.leads_enrolled = 0 THEN 'no_leads'
            WHEN h.claimable_at <= k.now THEN 'due'
            WHEN h.due_at <= k.now THEN leadterra.held_by(
                c.workspace_id, c.campaign_id, h.step, k.now)
            WHEN l.expires_at <= k.now THEN 'lease_expired'
            WHEN l.expires_at IS NOT NULL THEN 'all_leased'
            WHEN h.due_at IS NOT NULL THEN 'nothing_due'
            ELSE 'finished'
        END AS status
    ) x
    CROSS JOIN LATERAL (
        SELECT CASE WHEN x.status = 'finished' THEN (
            SELECT count(*)
            FROM leadterra.exceptions e
            WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id
              AND e.state = 'failed'
        ) + (
            SELECT coalesce(sum(t.failed), 0)
            FROM leadterra.totals t
            WHERE t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
              AND t.sender_id = leadterra.nobody() AND t.variant = 0
        ) END AS messages
    ) f;
END;

COMMENT ON FUNCTION leadterra.sending_state(leadterra.campaigns, bigint) IS
'Do what lt_sending_status says, of a campaign with so many leads.';

CREATE FUNCTION @extschema@.lt_sending_status(campaign_id uuid)
RETURNS TABLE (status text, message text, next_due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT s.status, s.message, s.next_due_at
    FROM leadterra.enter_campaign('campaigns:read', lt_sending_status.campaign_id)
        AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT c AS campaign, s.leads_enrolled
        FROM leadterra.campaigns c, leadterra.campaign_states s
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
          AND s.workspace_id = leadterra.current_workspace() AND s.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN LATERAL leadterra.sending_state(c.campaign, c.leads_enrolled) s;
END;

COMMENT ON FUNCTION @extschema@.lt_sending_status(uuid) IS
'Say in a word and a sentence why a campaign is sending nothing, or that it could

Of a campaign that is finished it says how many messages failed. Of any other it says what
waits again, from when on and why: a lease ran out with nothing reported, an attempt failed,
or a worker deferred it.

Parameters:
- campaign_id: the campaign
Returns: status: draft, paused, no_leads, due (messages wait for a worker), outside_window,
campaign_limit, senders_full, no_free_sender, lease_expired, all_leased, nothing_due or
finished; sentences; and when something is due next.
Errors: PT400 invalid_request, PT404 campaign_not_found.';
