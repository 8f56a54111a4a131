-- http: published calls on campaigns.

CREATE FUNCTION leadterra.http_campaign_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.enter_campaign(scope, leadterra.read_id(given));
EXCEPTION WHEN SQLSTATE 'PT400' OR SQLSTATE 'PT404' THEN
    PERFORM leadterra.raise_error('campaign_not_found',
        format('campaign "%s" does not exist', given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_campaign_id(text, text) IS
'Read a parameter that names a campaign

The campaign is looked up, so that an error shows the id as it was sent.

Parameters:
  scope  that the call needs
  given  a TypeID or UUID

Errors: PT403 insufficient_scope, PT404 campaign_not_found.';

-- VOLATILE, so that it sees what the statement that it is in has written.
CREATE FUNCTION leadterra.http_show_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', c.campaign_id),
        'name', c.name,
        'status', c.status,
        'sequenceSteps', (
            SELECT coalesce(
                jsonb_agg(
                    jsonb_strip_nulls(jsonb_build_object(
                        'subject', s.subject, 'bodyHtml', s.body_html, 'bodyText', s.body_text,
                        'preheader', s.preheader, 'headers', s.headers, 'variants', s.variants))
                    || CASE WHEN s.delay_minutes % 1440 = 0
                    THEN jsonb_build_object('delayDays', s.delay_minutes / 1440)
                    ELSE jsonb_build_object('delay', s.delay_minutes, 'delayUnit', 'minutes') END
                    ORDER BY s.step),
                '[]')
            FROM leadterra.steps s
            WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id),
        'createdAt', leadterra.http_time(c.created_at))
    FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace()
      AND c.campaign_id = http_show_campaign.campaign_id;
END;

COMMENT ON FUNCTION leadterra.http_show_campaign(uuid) IS
'Return a campaign as the published pages show it.';

CREATE FUNCTION leadterra.http_create_campaign(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.campaign || jsonb_build_object('campaign', a.campaign)
    FROM @extschema@.lt_create_campaign(
        leadterra.http_member(http_create_campaign.body, 'name', 'string') #>> '{}',
        coalesce(
            leadterra.http_member(http_create_campaign.body, 'sequenceSteps', 'array'),
            '[]')) AS n (id)
    CROSS JOIN LATERAL (SELECT leadterra.http_show_campaign(n.id) OFFSET 0) AS a (campaign);
END;

COMMENT ON FUNCTION leadterra.http_create_campaign(jsonb) IS
'Answer POST /v1/campaigns

Parameters:
  body  has name and sequenceSteps, an array of steps as in lt_create_campaign

Returns: the campaign, and all of it again under campaign.

Errors: those of lt_create_campaign.';

CREATE VIEW leadterra.http_campaigns WITH (security_invoker = true) AS
SELECT
    c.workspace_id, c.campaign_id,
    jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', c.campaign_id), 'name', c.name, 'status', c.status,
        'createdAt', leadterra.http_time(c.created_at),
        'startedAt', leadterra.http_time(c.started_at),
        'pausedAt', leadterra.http_time(c.paused_at), 'pauseReason', c.pause_reason,
        'steps', c.steps, 'leadsEnrolled', c.leads_enrolled, 'queuedMessages', c.queued_messages,
        'sent', n.sent, 'delivered', n.delivered, 'replied', n.replied, 'bounced', n.bounced,
        'unsubscribed', n.unsubscribed, 'failed', n.failed,
        'sending', jsonb_build_object(
            'status', s.status, 'message', s.message,
            'nextDueAt', leadterra.http_time(s.next_due_at)),
        'settings', jsonb_build_object(
            'poolId', @extschema@.lt_typeid('pool', c.pool_id), 'schedule', c.schedule,
            'dailyLimit', c.daily_limit, 'dailyNewLeads', c.daily_new_leads,
            'newLeadsFirst', c.new_leads_first, 'bounceLimit', c.bounce_limit,
            'stopOnAutoReply', c.stop_on_auto_reply)) AS overview
FROM leadterra.campaign_states c
JOIN leadterra.campaigns k ON k.workspace_id = c.workspace_id AND k.campaign_id = c.campaign_id
CROSS JOIN LATERAL leadterra.count_campaign(c.campaign_id) n
CROSS JOIN LATERAL leadterra.sending_state(k, c.leads_enrolled) s;
COMMENT ON VIEW leadterra.http_campaigns IS 'Campaigns as the first service shows them in a list.';
COMMENT ON COLUMN leadterra.http_campaigns.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.http_campaigns.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.http_campaigns.overview IS
    'Its counts, its settings, and why it sends nothing.';

CREATE FUNCTION leadterra.http_list_campaigns(
    status text DEFAULT NULL,
    search text DEFAULT NULL,
    after text DEFAULT NULL,
    "limit" integer DEFAULT 50)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        leadterra.http_choice(
            'status', http_list_campaigns.status, '{draft, running, paused}'),
        leadterra.http_cursor(http_list_campaigns.after),
        leadterra.http_limit(http_list_campaigns."limit", 100);
    WITH page AS MATERIALIZED (
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = leadterra.current_workspace()
          AND (http_list_campaigns.status IS NULL OR c.status = http_list_campaigns.status)
          AND (http_list_campaigns.search IS NULL
            OR strpos(lower(c.name), lower(http_list_campaigns.search)) > 0)
          AND c.campaign_id < coalesce(
              leadterra.http_cursor(http_list_campaigns.after),
              'ffffffff-ffff-ffff-ffff-ffffffffffff')
        ORDER BY c.campaign_id DESC
        LIMIT http_list_campaigns."limit"
    )
    SELECT leadterra.http_page(
        jsonb_agg(c.overview ORDER BY c.campaign_id DESC),
        CASE WHEN count(*) = http_list_campaigns."limit" THEN @extschema@.lt_typeid(
            'camp', (array_agg(c.campaign_id ORDER BY c.campaign_id))[1]) END)
    FROM leadterra.http_campaigns c
    WHERE c.workspace_id = leadterra.current_workspace()
      AND c.campaign_id = ANY (ARRAY(SELECT p.campaign_id FROM page p));
END;

COMMENT ON FUNCTION leadterra.http_list_campaigns(text, text, text, integer) IS
'Answer GET /v1/campaigns

Parameters:
  status  draft, running or paused ones alone
  search  those with this in their names, in any letter case
  after   next of the page before
  limit   of the page, up to 100

Returns: a page of campaigns without their steps, the newest first.';

CREATE FUNCTION leadterra.http_get_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_show_campaign(c.campaign_id) || c.overview
    FROM leadterra.http_campaigns c
    WHERE c.workspace_id = leadterra.current_workspace()
      AND c.campaign_id = http_get_campaign.campaign_id;
END;

COMMENT ON FUNCTION leadterra.http_get_campaign(uuid) IS
'Answer GET /v1/campaigns/:id

Returns: the campaign with its steps, counts and settings, and why it sends nothing.';

CREATE FUNCTION leadterra.http_settings(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    settings constant jsonb := leadterra.http_member(body, 'settings', 'object');
BEGIN
    IF jsonb_typeof(settings -> 'poolId') = 'string' THEN
        RETURN jsonb_set(settings, '{poolId}', to_jsonb(leadterra.http_id(settings, 'poolId')));
    END IF;
    RETURN settings;
END;
$$;

COMMENT ON FUNCTION leadterra.http_settings(jsonb) IS
'Return the settings in the body of a request, with the id of the pool as a UUID.';

CREATE FUNCTION leadterra.http_change_campaign(campaign_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_members(
        http_change_campaign.body, '{name, sequenceSteps, settings}');
    SELECT @extschema@.lt_rename_campaign(
        http_change_campaign.campaign_id,
        leadterra.http_member(http_change_campaign.body, 'name', 'string') #>> '{}')
    WHERE http_change_campaign.body ? 'name';
    SELECT @extschema@.lt_set_steps(
        http_change_campaign.campaign_id,
        leadterra.http_member(http_change_campaign.body, 'sequenceSteps', 'array'))
    WHERE http_change_campaign.body ? 'sequenceSteps';
    SELECT @extschema@.lt_set_sending(
        http_change_campaign.campaign_id, leadterra.http_settings(http_change_campaign.body))
    WHERE http_change_campaign.body ? 'settings';
    SELECT leadterra.http_get_campaign(http_change_campaign.campaign_id);
END;

COMMENT ON FUNCTION leadterra.http_change_campaign(uuid, jsonb) IS
'Answer PATCH /v1/campaigns/:id

Parameters:
  body  may have name, sequenceSteps, which replaces the steps as lt_set_steps does, and
        settings, of which what is left out stays as it is

Returns: the campaign, as GET does.

Errors: those of lt_rename_campaign, lt_set_steps and lt_set_sending.';

CREATE FUNCTION leadterra.http_delete_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_delete_campaign(http_delete_campaign.campaign_id);
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', http_delete_campaign.campaign_id), 'deleted', true);
END;

COMMENT ON FUNCTION leadterra.http_delete_campaign(uuid) IS
'Answer DELETE /v1/campaigns/:id

Returns: its id, and that it is deleted.

Errors: those of lt_delete_campaign.';

CREATE FUNCTION leadterra.http_start_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
        'campaign', jsonb_build_object(
            'id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
            'leadsEnrolled', s.leads_enrolled, 'queuedMessages', s.queued_messages))
    FROM @extschema@.lt_start_campaign(http_start_campaign.campaign_id) s
    CROSS JOIN LATERAL @extschema@.lt_typeid('camp', s.id) AS a (id);
END;

COMMENT ON FUNCTION leadterra.http_start_campaign(uuid) IS
'Answer POST /v1/campaigns/:id/start

Returns: id, status and startedAt, and under campaign also leadsEnrolled and queuedMessages.

Errors: those of lt_start_campaign.';

CREATE FUNCTION leadterra.http_pause_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', s.id), 'status', s.status,
        'pausedAt', leadterra.http_time(s.paused_at))
    FROM @extschema@.lt_pause_campaign(http_pause_campaign.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_pause_campaign(uuid) IS
'Answer POST /v1/campaigns/:id/pause

Returns: id, status and pausedAt.

Errors: those of lt_pause_campaign.';

CREATE FUNCTION leadterra.http_campaign_stats(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'campaignId', @extschema@.lt_typeid('camp', s.campaign_id),
        'totalEnrolled', s.total_enrolled, 'sent', s.sent,
        'delivered', s.delivered, 'bounced', s.bounced, 'replied', s.replied, 'queued', s.queued,
        'openRate', s.open_rate, 'replyRate', s.reply_rate)
    FROM @extschema@.lt_campaign_stats(http_campaign_stats.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_campaign_stats(uuid) IS
'Answer GET /v1/campaigns/:id/stats

Returns: the counts of lt_campaign_stats.';
