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
