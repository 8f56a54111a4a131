-- http: published calls on replies.

CREATE FUNCTION leadterra.http_replies(
    campaign_id uuid DEFAULT NULL,
    classification text DEFAULT NULL,
    page integer DEFAULT 1)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', @extschema@.lt_typeid('rpl', r.reply_id), 'email', r.email,
        'campaignId', @extschema@.lt_typeid('camp', r.campaign_id),
        'classification', r.classification, 'receivedAt', leadterra.http_time(r.received_at),
        'threadSnippet', r.thread_snippet)
        ORDER BY r.received_at DESC, r.reply_id DESC), '[]')
    FROM (
        SELECT r.*
        FROM @extschema@.lt_replies r
        WHERE (http_replies.campaign_id IS NULL OR r.campaign_id = http_replies.campaign_id)
          AND (http_replies.classification IS NULL
            OR r.classification = http_replies.classification)
        ORDER BY r.received_at DESC, r.reply_id DESC
        OFFSET (http_replies.page - 1) * 50
        LIMIT 50
    ) r;
END;

COMMENT ON FUNCTION leadterra.http_replies(uuid, text, integer) IS
'Answer GET /v1/replies

Parameters:
  campaign_id     of one campaign alone
  classification  of one kind alone
  page            of 50, from 1, newest first

Returns: an array.';
