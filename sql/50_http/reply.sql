-- http: published calls on replies.

CREATE FUNCTION leadterra.http_reply_link(rel text, query text, page bigint)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT format('</v1/replies?%spage=%s>; rel="%s"',
        http_reply_link.query, http_reply_link.page, http_reply_link.rel);
END;

COMMENT ON FUNCTION leadterra.http_reply_link(text, text, bigint) IS
'Return one of the links to other pages (RFC 8288)

query has the other parameters, each with "&" behind it.';

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
'Return a page of replies, as GET /v1/replies shows them

Parameters:
  campaign_id     of one campaign alone
  classification  of one kind alone
  page            of 50, from 1, newest first

Returns: an array.';

CREATE FUNCTION leadterra.http_list_replies(
    campaign_id uuid DEFAULT NULL,
    classification text DEFAULT NULL,
    page integer DEFAULT 1,
    "view" text DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        leadterra.http_choice('classification', http_list_replies.classification,
            '{interested, not_interested, out_of_office, bounce, unsubscribe}'),
        leadterra.http_choice('view', http_list_replies."view", '{page}');
    WITH counted AS MATERIALIZED (
        SELECT count(*) AS total
        FROM @extschema@.lt_replies r
        WHERE (http_list_replies.campaign_id IS NULL
            OR r.campaign_id = http_list_replies.campaign_id)
          AND (http_list_replies.classification IS NULL
            OR r.classification = http_list_replies.classification)
    ), told AS MATERIALIZED (
        SELECT
            c.total,
            leadterra.http_set_header('X-Total-Count', c.total::text),
            leadterra.http_set_header('Link', concat_ws(', ',
                leadterra.http_reply_link('first', q.query, 1),
                CASE WHEN http_list_replies.page > 1 THEN
                    leadterra.http_reply_link('prev', q.query, http_list_replies.page - 1) END,
                CASE WHEN http_list_replies.page * 50::bigint < c.total THEN
                    leadterra.http_reply_link('next', q.query, http_list_replies.page + 1) END,
                leadterra.http_reply_link('last', q.query, greatest((c.total + 49) / 50, 1))))
        FROM counted c
        CROSS JOIN LATERAL concat(
            'campaignId=' || @extschema@.lt_typeid('camp', http_list_replies.campaign_id) || '&',
            'classification=' || http_list_replies.classification || '&',
            'view=' || http_list_replies."view" || '&') AS q (query)
    ), replies AS MATERIALIZED (
        SELECT leadterra.http_replies(
            http_list_replies.campaign_id, http_list_replies.classification,
            http_list_replies.page) AS replies
    )
    SELECT CASE WHEN http_list_replies."view" IS NULL THEN r.replies
        ELSE jsonb_build_object(
            'replies', r.replies,
            'pagination', jsonb_build_object(
                'total', t.total, 'page', http_list_replies.page, 'perPage', 50)) END
    FROM replies r
    CROSS JOIN told t;
END;

COMMENT ON FUNCTION leadterra.http_list_replies(uuid, text, integer, text) IS
'Answer GET /v1/replies

Parameters:
  campaign_id     of one campaign alone
  classification  of one kind alone
  page            of 50, from 1, newest first
  view            page: the shape of the guide

Returns: an array, or an object with replies and pagination. The headers X-Total-Count and Link
tell how many there are, and where other pages are.';

CREATE FUNCTION leadterra.http_reply_id(scope text, given text)
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
    PERFORM FROM leadterra.events v
    WHERE v.workspace_id = workspace AND v.type = 'replied' AND v.event_id = found_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('reply_not_found',
            format('reply "%s" does not exist', given));
    END IF;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.http_reply_id(text, text) IS
'Read a parameter that names a reply, as http_campaign_id reads one that names a campaign.';

CREATE FUNCTION leadterra.http_classify_reply(reply_id uuid, body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_v2_members(http_classify_reply.body, '{classification}');
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('rpl', http_classify_reply.reply_id),
        'classification', c.classification,
        'changed', @extschema@.lt_classify_reply(http_classify_reply.reply_id, c.classification))
    FROM CAST(leadterra.http_member(http_classify_reply.body, 'classification', 'string') #>> '{}'
        AS text) AS c (classification);
END;

COMMENT ON FUNCTION leadterra.http_classify_reply(uuid, jsonb) IS
'Answer PATCH /v1/replies/:id

Parameters:
  body  has classification

Returns: its id, what it is now, and whether anything changed.

Errors: those of lt_classify_reply.';
