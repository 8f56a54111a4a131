-- http: the second service's calls that tell how campaigns are doing.

CREATE FUNCTION leadterra.http_v2_cause(campaign_id uuid, cause text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.current_workspace();
BEGIN
    RETURN CASE cause
        WHEN 'draft' THEN 'campaign_draft'
        WHEN 'paused' THEN (
            SELECT CASE c.pause_reason WHEN 'bounce_limit' THEN 'campaign_bounce_protect'
                ELSE 'campaign_paused' END
            FROM leadterra.campaigns c
            WHERE c.workspace_id = workspace AND c.campaign_id = http_v2_cause.campaign_id)
        WHEN 'finished' THEN 'campaign_completed'
        WHEN 'outside_window' THEN 'out_of_schedule'
        WHEN 'senders_full' THEN 'account_daily_limit_met'
        WHEN 'no_free_sender' THEN 'no_accounts_available'
        WHEN 'no_leads' THEN 'waiting_for_leads'
        WHEN 'nothing_due' THEN 'follow_up_delay_not_met'
        WHEN 'campaign_limit' THEN (
            SELECT CASE WHEN u.handed >= c.daily_limit THEN 'daily_limit_met'
                ELSE 'new_lead_limit_met' END
            FROM leadterra.campaigns c
            LEFT JOIN leadterra.campaign_usage u
                ON u.workspace_id = c.workspace_id AND u.campaign_id = c.campaign_id
            WHERE c.workspace_id = workspace AND c.campaign_id = http_v2_cause.campaign_id)
        ELSE 'healthy'
    END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_cause(uuid, text) IS
'Return the second service''s word for what lt_sending_status says.';

CREATE FUNCTION leadterra.http_v2_last_sent(campaign_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
BEGIN
    RETURN (
        SELECT leadterra.http_time(coalesce(l.closed_at, l.claimed_at))
        FROM leadterra.leases l
        WHERE l.workspace_id = leadterra.current_workspace()
          AND l.campaign_id = http_v2_last_sent.campaign_id AND l.sent > 0
        ORDER BY l.workspace_id DESC, l.campaign_id DESC, l.lease_id DESC
        LIMIT 1);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_last_sent(uuid) IS
'Return when the latest lease of a campaign that sent anything was closed; null: none is kept.';

CREATE FUNCTION leadterra.http_v2_daily_limit(campaign_id uuid)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT jsonb_build_object('campaign_daily_limit', jsonb_build_object(
            'limit', c.daily_limit, 'sent', coalesce(u.handed, 0),
            'limit_hit', coalesce(u.handed >= c.daily_limit, false)))
        FROM leadterra.campaigns c
        LEFT JOIN leadterra.campaign_usage u
            ON u.workspace_id = c.workspace_id AND u.campaign_id = c.campaign_id
            AND u.used_on
                >= leadterra.zone_day(leadterra.schedule_zone(c.schedule), leadterra.clock())
        WHERE c.workspace_id = leadterra.current_workspace()
          AND c.campaign_id = http_v2_daily_limit.campaign_id AND c.daily_limit IS NOT NULL);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_daily_limit(uuid) IS
'Return what a campaign has used of its limit of the day; null: it has none.';

CREATE FUNCTION leadterra.http_v2_follow_ups(campaign_id uuid)
RETURNS bigint
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    RETURN (
        SELECT coalesce(sum(w.last - w.unused + 1), 0)
        FROM leadterra.waiting_ranges w
        WHERE w.workspace_id = leadterra.current_workspace()
          AND w.campaign_id = http_v2_follow_ups.campaign_id AND w.step > 1);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_follow_ups(uuid) IS
'Count the messages of later steps that wait.';

CREATE FUNCTION leadterra.http_v2_sending(
    campaign_id uuid, with_ai_summary boolean DEFAULT false)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object('summary', jsonb_build_object(
            'status', k.status, 'status_message', s.message,
            'issue_started_at', NULL, 'last_healthy_send_at', t.sent_at, 'ai_summary', NULL))
        || CASE WHEN s.status IN ('draft', 'paused') THEN '{}' ELSE
            jsonb_build_object('diagnostics', jsonb_build_object(
                'campaign_id', http_v2_sending.campaign_id,
                'last_updated', leadterra.http_time(leadterra.clock()),
                'status', k.status,
                'schedule_status',
                CASE s.status WHEN 'outside_window' THEN 'out_of_schedule' ELSE 'in_schedule' END,
                'issue_tracking', jsonb_build_object(
                    'issue_started_at', NULL, 'last_healthy_send_at', t.sent_at),
                'follow_ups_waiting', jsonb_build_object(
                    'count', leadterra.http_v2_follow_ups(http_v2_sending.campaign_id),
                    'earliest_wait_time_seconds', greatest(0, ceil(extract(
                        epoch FROM s.next_due_at - leadterra.clock())))))
                || coalesce(
                    leadterra.http_v2_daily_limit(http_v2_sending.campaign_id), '{}'))
            END
    FROM @extschema@.lt_sending_status(http_v2_sending.campaign_id) s
    CROSS JOIN LATERAL leadterra.http_v2_cause(
        http_v2_sending.campaign_id, s.status) AS k (status)
    CROSS JOIN leadterra.http_v2_last_sent(http_v2_sending.campaign_id) AS t (sent_at);
END;

COMMENT ON FUNCTION leadterra.http_v2_sending(uuid, boolean) IS
'Answer GET /api/v2/campaigns/:id/sending-status

Parameters:
  with_ai_summary  changes nothing: ai_summary is null

Returns: summary, and diagnostics unless the campaign is a draft or paused.';

CREATE FUNCTION leadterra.http_v2_days(campaign_id uuid)
RETURNS TABLE (
    day date, sent bigint, contacted bigint, opened bigint, clicked bigint, replied bigint,
    bounced bigint, unsubscribed bigint)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT s.day, s.sent, s.contacted, s.opened, s.clicked, s.replied, s.bounced, s.unsubscribed
    FROM @extschema@.lt_daily_stats(http_v2_days.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_v2_days(uuid) IS
'Return what became of the messages of a campaign by days: lt_daily_stats for PL/pgSQL.';

CREATE FUNCTION leadterra.http_v2_completed(campaign_id uuid)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(sum(s.sent), 0)
    FROM @extschema@.lt_step_stats(http_v2_completed.campaign_id) s
    WHERE s.step = (
        SELECT max(t.step)
        FROM leadterra.steps t
        WHERE t.workspace_id = leadterra.current_workspace()
          AND t.campaign_id = http_v2_completed.campaign_id);
END;

COMMENT ON FUNCTION leadterra.http_v2_completed(uuid) IS
'Count the leads that were sent the last step of a campaign.';

CREATE FUNCTION leadterra.http_v2_day(given text, schedule jsonb, fallback date)
RETURNS date
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE
        WHEN given IS NULL THEN fallback
        WHEN given ~ 'T' THEN leadterra.zone_day(
            leadterra.schedule_zone(schedule), leadterra.http_v2_time('', given))
        ELSE given::date
    END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_day(text, jsonb, date) IS
'Return a day of a campaign: the one that is given, or in which a time that is given lies

Parameters:
  given     what http_v2_time reads; null: nothing
  schedule  of the campaign, whose days are those of its zone
  fallback  what there is where nothing is given';

CREATE FUNCTION leadterra.http_v2_analytics(
    id text DEFAULT NULL,
    ids text[] DEFAULT NULL,
    start_date text DEFAULT NULL,
    end_date text DEFAULT NULL,
    exclude_total_leads_count boolean DEFAULT false)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    is_whole constant boolean := num_nonnulls(
        leadterra.http_v2_time('start_date', start_date),
        leadterra.http_v2_time('end_date', end_date)) = 0;
    wanted constant uuid[] := ARRAY(
        SELECT leadterra.http_campaign_id('campaigns:read', g.id)
        FROM unnest(array_remove(ids || http_v2_analytics.id, NULL)) AS g (id));
BEGIN
    RETURN coalesce((
        SELECT jsonb_agg(
            jsonb_build_object(
                'campaign_id', c.campaign_id, 'campaign_name', c.name,
                'campaign_status',
                leadterra.http_v2_status(c.campaign_id, c.status, c.pause_reason),
                'campaign_is_evergreen', false,
                'emails_sent_count', n.sent, 'new_leads_contacted_count', n.contacted,
                'bounced_count', n.bounced, 'unsubscribed_count', n.unsubscribed,
                'open_count', n.opened, 'open_count_unique_by_step', n.opened,
                'reply_count', n.replied, 'reply_count_unique_by_step', n.replied,
                'link_click_count', n.clicked, 'link_click_count_unique_by_step', n.clicked)
            || CASE WHEN is_whole THEN jsonb_build_object(
                'contacted_count', n.contacted,
                'completed_count', leadterra.http_v2_completed(c.campaign_id)) ELSE '{}' END
            || CASE WHEN exclude_total_leads_count THEN '{}' ELSE jsonb_build_object(
                'leads_count', leadterra.count_enrolled(c.campaign_id)) END
            ORDER BY c.campaign_id DESC)
        FROM leadterra.campaigns c
        CROSS JOIN LATERAL (
            SELECT
                coalesce(sum(d.sent), 0) AS sent, coalesce(sum(d.contacted), 0) AS contacted,
                coalesce(sum(d.opened), 0) AS opened, coalesce(sum(d.clicked), 0) AS clicked,
                coalesce(sum(d.replied), 0) AS replied, coalesce(sum(d.bounced), 0) AS bounced,
                coalesce(sum(d.unsubscribed), 0) AS unsubscribed
            FROM leadterra.http_v2_days(c.campaign_id) d
            WHERE d.day BETWEEN leadterra.http_v2_day(start_date, c.schedule, '-infinity')
                AND leadterra.http_v2_day(end_date, c.schedule, 'infinity')
        ) n
        WHERE c.workspace_id = leadterra.current_workspace()
          AND CASE WHEN wanted = '{}' THEN c.status <> 'draft'
            ELSE c.campaign_id = ANY (wanted) END), '[]');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_analytics(text, text[], text, text, boolean) IS
'Answer GET /api/v2/campaigns/analytics

Parameters:
  id, ids                    of these campaigns; neither: of all but drafts
  start_date, end_date       what was counted on these days of a campaign, and between them
  exclude_total_leads_count  without leads_count

Returns: an array of counts, the newest campaign first.';

CREATE FUNCTION leadterra.http_v2_daily_analytics(
    campaign_id uuid DEFAULT NULL,
    campaign_status text DEFAULT NULL,
    start_date text DEFAULT NULL,
    end_date text DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    asked constant integer := leadterra.http_v2_state('campaign_status', campaign_status);
BEGIN
    PERFORM
        leadterra.http_v2_time('start_date', start_date),
        leadterra.http_v2_time('end_date', end_date);
    RETURN coalesce((
        SELECT jsonb_agg(jsonb_build_object(
            'date', n.day, 'sent', n.sent, 'new_leads_contacted', n.contacted,
            'opened', n.opened, 'replies', n.replied, 'clicks', n.clicked)
            ORDER BY n.day)
        FROM (
            SELECT
                d.day, sum(d.sent) AS sent, sum(d.contacted) AS contacted,
                sum(d.opened) AS opened, sum(d.replied) AS replied, sum(d.clicked) AS clicked
            FROM leadterra.campaigns c
            CROSS JOIN LATERAL leadterra.http_v2_days(c.campaign_id) d
            WHERE c.workspace_id = leadterra.current_workspace()
              AND c.campaign_id
                = coalesce(http_v2_daily_analytics.campaign_id, c.campaign_id)
              AND (asked IS NULL OR asked
                = leadterra.http_v2_status(c.campaign_id, c.status, c.pause_reason))
              AND d.day BETWEEN leadterra.http_v2_day(start_date, c.schedule, '-infinity')
                AND leadterra.http_v2_day(end_date, c.schedule, 'infinity')
            GROUP BY d.day
        ) n), '[]');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_daily_analytics(uuid, text, text, text) IS
'Answer GET /api/v2/campaigns/analytics/daily

Parameters:
  campaign_id           of one campaign alone
  campaign_status       of campaigns in the state with this number alone
  start_date, end_date  on these days of a campaign, and between them

Returns: an array of counts, day by day.';
