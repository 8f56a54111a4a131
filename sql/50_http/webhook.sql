-- http: published calls on webhooks.

CREATE FUNCTION leadterra.http_webhook_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.enter(scope);
    found_id uuid;
BEGIN
    BEGIN
        found_id := leadterra.read_id(given);
    EXCEPTION WHEN SQLSTATE 'PT400' THEN
        found_id := NULL;
    END;
    PERFORM FROM leadterra.webhooks w WHERE w.workspace_id = workspace AND w.webhook_id = found_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('webhook_not_found',
            format('webhook "%s" does not exist', given));
    END IF;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_webhook_id(text, text) IS
'Read a parameter that names a webhook, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_delivery_id(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    workspace constant uuid := leadterra.enter(scope);
    found_id uuid;
BEGIN
    BEGIN
        found_id := leadterra.read_id(given);
    EXCEPTION WHEN SQLSTATE 'PT400' THEN
        found_id := NULL;
    END;
    PERFORM FROM leadterra.webhook_log g
    WHERE g.workspace_id = workspace AND g.delivery_id = found_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('delivery_not_found',
            format('delivery "%s" does not exist', given));
    END IF;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_delivery_id(text, text) IS
'Read a parameter that names a delivery, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_create_webhook(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_members(http_create_webhook.body, '{url, events, campaignId}');
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('wh', w.webhook_id), 'url', w.url, 'events', w.events,
        'campaignId', @extschema@.lt_typeid('camp', w.campaign_id), 'status', w.status,
        'createdAt', leadterra.http_time(w.created_at), 'secret', w.secret)
    FROM @extschema@.lt_create_webhook(
        leadterra.http_member(http_create_webhook.body, 'url', 'string') #>> '{}',
        leadterra.http_strings(http_create_webhook.body, 'events'),
        leadterra.http_id(http_create_webhook.body, 'campaignId')) w;
END;

COMMENT ON FUNCTION leadterra.http_create_webhook(jsonb) IS
'Answer POST /v1/webhooks

Parameters:
  body  has url and events, and may have campaignId: the campaign that it is told of alone

Returns: the webhook, with the secret that deliveries are signed with. It is shown this once.

Errors: those of lt_create_webhook.';

CREATE FUNCTION leadterra.http_webhooks(webhook_id uuid)
RETURNS TABLE (created_at timestamptz, webhook jsonb)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT w.created_at, jsonb_build_object(
        'id', @extschema@.lt_typeid('wh', w.webhook_id), 'url', w.url, 'events', w.events,
        'campaignId', @extschema@.lt_typeid('camp', w.campaign_id), 'status', w.status,
        'createdAt', leadterra.http_time(w.created_at), 'disabledReason', w.disabled_reason,
        'disabledAt', leadterra.http_time(w.disabled_at))
    FROM @extschema@.lt_webhooks w
    WHERE http_webhooks.webhook_id IS NULL OR w.webhook_id = http_webhooks.webhook_id;
END;

COMMENT ON FUNCTION leadterra.http_webhooks(uuid) IS
'Return a webhook as the first service shows it; null: all of them.';

CREATE FUNCTION leadterra.http_list_webhooks()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(jsonb_agg(w.webhook ORDER BY w.created_at, w.webhook ->> 'id'), NULL)
    FROM leadterra.http_webhooks(NULL) w;
END;

COMMENT ON FUNCTION leadterra.http_list_webhooks() IS
'Answer GET /v1/webhooks

Returns: all webhooks, without their secrets.';

CREATE FUNCTION leadterra.http_get_webhook(webhook_id uuid)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT w.webhook FROM leadterra.http_webhooks(http_get_webhook.webhook_id) w;
END;

COMMENT ON FUNCTION leadterra.http_get_webhook(uuid) IS
'Answer GET /v1/webhooks/:id

Returns: the webhook, without its secret.';

CREATE FUNCTION leadterra.http_delete_webhook(webhook_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_delete_webhook(http_delete_webhook.webhook_id);
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('wh', http_delete_webhook.webhook_id), 'deleted', true);
END;

COMMENT ON FUNCTION leadterra.http_delete_webhook(uuid) IS
'Answer DELETE /v1/webhooks/:id

Returns: its id, and that it is deleted.

Errors: those of lt_delete_webhook.';

CREATE FUNCTION leadterra.http_resume_webhook(webhook_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_resume_webhook(http_resume_webhook.webhook_id);
    SELECT leadterra.http_get_webhook(http_resume_webhook.webhook_id);
END;

COMMENT ON FUNCTION leadterra.http_resume_webhook(uuid) IS
'Answer POST /v1/webhooks/:id/resume

Returns: the webhook.

Errors: those of lt_resume_webhook.';

CREATE FUNCTION leadterra.http_deliveries(webhook_id uuid, "limit" integer DEFAULT 100)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'id', @extschema@.lt_typeid('evt', d.delivery_id), 'event', d.event,
            'attempt', d.attempt, 'succeeded', d.succeeded, 'statusCode', d.status_code,
            'error', d.error, 'milliseconds', d.milliseconds,
            'finishedAt', leadterra.http_time(d.finished_at),
            'retryAt', leadterra.http_time(d.retry_at))
            ORDER BY d.finished_at DESC, d.delivery_id DESC),
        NULL)
    FROM (
        SELECT d.*
        FROM @extschema@.lt_deliveries d
        WHERE d.webhook_id = http_deliveries.webhook_id
        ORDER BY d.finished_at DESC, d.delivery_id DESC
        LIMIT leadterra.http_limit(http_deliveries."limit", 200)
    ) d;
END;

COMMENT ON FUNCTION leadterra.http_deliveries(uuid, integer) IS
'Answer GET /v1/webhooks/:id/deliveries

Parameters:
  limit  how many, up to 200

Returns: the last attempts at deliveries, the latest first.';

CREATE FUNCTION leadterra.http_redeliver(delivery_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_redeliver(http_redeliver.delivery_id);
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('evt', http_redeliver.delivery_id), 'queued', true);
END;

COMMENT ON FUNCTION leadterra.http_redeliver(uuid) IS
'Answer POST /v1/deliveries/:id/redeliver

Returns: its id, and that it is queued again.

Errors: those of lt_redeliver.';
