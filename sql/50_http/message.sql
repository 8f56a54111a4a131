-- http: published calls on messages.

CREATE FUNCTION leadterra.http_campaign_messages(
    campaign_id uuid,
    state text DEFAULT NULL,
    after text DEFAULT NULL,
    "limit" integer DEFAULT 100)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'id', @extschema@.lt_typeid('msg', m.message_id), 'step', m.step,
            'leadId', @extschema@.lt_typeid('lead', m.lead_id), 'email', m.email,
            'dueAt', leadterra.http_time(m.due_at), 'state', m.state, 'reason', m.reason,
            'attempt', m.attempt, 'settledAt', leadterra.http_time(m.settled_at))
            ORDER BY m.place) FILTER (WHERE m.message_id IS NOT NULL),
        -- It ends with a full page, or with a row that says how far it looked.
        (array_agg(m.next_after)
            FILTER (WHERE m.place = http_campaign_messages."limit" OR m.message_id IS NULL))[1])
    FROM @extschema@.lt_campaign_messages(
        http_campaign_messages.campaign_id, http_campaign_messages.state,
        http_campaign_messages.after,
        leadterra.http_limit(http_campaign_messages."limit", 1000))
        WITH ORDINALITY AS m (
            message_id, campaign_id, step, lead_id, email, due_at, state, reason, attempt,
            lease_id, settled_at, next_after, place);
END;

COMMENT ON FUNCTION leadterra.http_campaign_messages(uuid, text, text, integer) IS
'Answer GET /v1/campaigns/:id/messages

Parameters:
  state  queued, retry, leased, sent, failed or skipped alone
  after  next of the page before
  limit  of the page, up to 1,000

Returns: a page of messages, which may be short and not the last.';

CREATE FUNCTION leadterra.http_preview(campaign_id uuid, lead_id uuid, step integer DEFAULT 1)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'step', http_preview.step, 'variant', p.variant, 'subject', p.subject,
        'bodyHtml', p.body_html, 'bodyText', p.body_text, 'headers', p.headers)
    FROM @extschema@.lt_preview_message(
        http_preview.campaign_id, http_preview.step, http_preview.lead_id) p;
END;

COMMENT ON FUNCTION leadterra.http_preview(uuid, uuid, integer) IS
'Answer GET /v1/campaigns/:id/preview

Parameters:
  lead_id  for whom
  step     which step, from 1

Returns: the message as the lead would get it, without a link to unsubscribe.

Errors: those of lt_preview_message.';
