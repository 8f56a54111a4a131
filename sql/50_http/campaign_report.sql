-- http: calls that tell what a campaign does, did, and will do.

CREATE FUNCTION leadterra.http_step_stats(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'step', s.step, 'variant', s.variant,
            'senderId', @extschema@.lt_typeid('sa', s.sender_id), 'senderEmail', s.sender_email,
            'sent', s.sent, 'delivered', s.delivered, 'opened', s.opened, 'clicked', s.clicked,
            'replied', s.replied, 'bounced', s.bounced, 'complained', s.complained,
            'unsubscribed', s.unsubscribed)
            ORDER BY s.place),
        NULL)
    FROM @extschema@.lt_step_stats(http_step_stats.campaign_id) WITH ORDINALITY AS s (
        step, variant, sender_id, sender_email, sent, delivered, opened, clicked, replied,
        bounced, complained, unsubscribed, place);
END;

COMMENT ON FUNCTION leadterra.http_step_stats(uuid) IS
'Answer GET /v1/campaigns/:id/stats/steps

Returns: the rows of lt_step_stats.';

CREATE FUNCTION leadterra.http_daily_stats(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'day', s.day, 'sent', s.sent, 'contacted', s.contacted, 'delivered', s.delivered,
            'opened', s.opened, 'clicked', s.clicked, 'replied', s.replied,
            'bounced', s.bounced, 'complained', s.complained, 'unsubscribed', s.unsubscribed,
            'failed', s.failed, 'skipped', s.skipped)
            ORDER BY s.day),
        NULL)
    FROM @extschema@.lt_daily_stats(http_daily_stats.campaign_id) s;
END;

COMMENT ON FUNCTION leadterra.http_daily_stats(uuid) IS
'Answer GET /v1/campaigns/:id/stats/days

Returns: the rows of lt_daily_stats.';

CREATE FUNCTION leadterra.http_forecast(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'day', f.day, 'step', f.step, 'messages', f.messages, 'backlog', f.backlog)
            ORDER BY f.day, f.step),
        NULL)
    FROM @extschema@.lt_forecast(http_forecast.campaign_id) f;
END;

COMMENT ON FUNCTION leadterra.http_forecast(uuid) IS
'Answer GET /v1/campaigns/:id/forecast

Returns: the rows of lt_forecast.';

CREATE FUNCTION leadterra.http_preflight(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'step', p.step, 'place', p.place, 'severity', p.severity, 'code', p.code,
            'token', p.token, 'hasFallback', p.has_fallback,
            'leadsWithoutValue', p.leads_without_value, 'message', p.message)
            ORDER BY p.number),
        NULL)
    FROM @extschema@.lt_preflight(http_preflight.campaign_id) WITH ORDINALITY AS p (
        step, place, severity, code, token, has_fallback, leads_without_value, message, number);
END;

COMMENT ON FUNCTION leadterra.http_preflight(uuid) IS
'Answer GET /v1/campaigns/:id/preflight

Returns: the rows of lt_preflight.';
