-- webhook: what is delivered, and how that ends.

CREATE FUNCTION leadterra.hmac_sha256(key bytea, data bytea)
RETURNS bytea
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_hmac_sha256';

COMMENT ON FUNCTION leadterra.hmac_sha256(bytea, bytea) IS
'Return the HMAC-SHA256 of data under a key (RFC 2104).';

CREATE FUNCTION leadterra.delivery_id(outbox_id uuid, number integer)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_delivery_id';

COMMENT ON FUNCTION leadterra.delivery_id(uuid, integer) IS
'Return the id of the delivery of a row of the outbox that has a number, from 0.';

CREATE FUNCTION leadterra.delivery_outbox(delivery_id uuid)
RETURNS uuid
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_delivery_outbox';

COMMENT ON FUNCTION leadterra.delivery_outbox(uuid) IS
'Return the row of the outbox that a delivery is of; of any UUID, one that may be that of a row.';

CREATE FUNCTION leadterra.delivery_number(delivery_id uuid)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_delivery_number';

COMMENT ON FUNCTION leadterra.delivery_number(uuid) IS
'Return the number of a delivery in the row of the outbox that it is of.';

CREATE FUNCTION leadterra.shown_id(prefix text, id uuid)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_typeid(shown_id.prefix, shown_id.id);
END;

COMMENT ON FUNCTION leadterra.shown_id(text, uuid) IS
'Return an id as people see it: lt_typeid for PL/pgSQL.';

-- Messages of a lease are numbered as its bits are.
CREATE FUNCTION leadterra.lease_message(workspace uuid, lease_id uuid, number integer)
RETURNS TABLE (message_id uuid, variant integer)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    SELECT
        leadterra.message_id(
            r.batch_id, greatest(least(r.first + lease_message.number - r.start, 1000), 1)),
        CASE WHEN lease_message.number < length(l.variants)
            THEN nullif(get_byte(l.variants, lease_message.number), 0) END
    FROM leadterra.leases l
    CROSS JOIN LATERAL (
        SELECT
            u.batch_id, u.first, u.last,
            sum(u.last::integer - u.first + 1) OVER (ORDER BY u.number)
                - (u.last::integer - u.first + 1) AS start
        FROM unnest(l.batch_ids, l.firsts, l.lasts)
            WITH ORDINALITY AS u (batch_id, first, last, number)
    ) r
    WHERE l.workspace_id = lease_message.workspace AND l.lease_id = lease_message.lease_id
      AND lease_message.number BETWEEN r.start AND r.start + r.last - r.first;
END;

COMMENT ON FUNCTION leadterra.lease_message(uuid, uuid, integer) IS
'Return the message of a lease that has a number, from 0, and its variant.';

-- Texts that people or servers wrote are cut off, as nobody needs all of them here.
CREATE FUNCTION leadterra.event_members(event text, event_id uuid, data jsonb, at timestamptz)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE event_members.event
        WHEN 'message.bounced' THEN jsonb_build_object(
            'bounceType', data ->> 'bounceType',
            'bounceReason', left(data ->> 'bounceReason', 1000))
        WHEN 'message.clicked' THEN jsonb_build_object('url', left(data ->> 'url', 2048))
        WHEN 'reply.received' THEN jsonb_build_object(
            'replyId', leadterra.shown_id('rpl', event_members.event_id),
            'classification', data ->> 'classification',
            'receivedAt', leadterra.http_time(event_members.at),
            'threadSnippet', left(data ->> 'threadSnippet', 10000))
        ELSE '{}'
    END;
END;
$$;

COMMENT ON FUNCTION leadterra.event_members(text, uuid, jsonb, timestamptz) IS
'Return what a delivery has of a row of leadterra.events beside the message.';

-- One that was merged into another is that one; one that was deleted has no address any more.
CREATE FUNCTION leadterra.message_members(workspace uuid, campaign_id uuid, message_id uuid)
RETURNS TABLE (lead_id uuid, step integer, members jsonb)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT
        l.lead_id,
        b.step,
        jsonb_build_object(
            'messageId', leadterra.shown_id('msg', message_members.message_id),
            'leadId', leadterra.shown_id('lead', l.lead_id),
            'email', (
                SELECT x.email
                FROM leadterra.leads x
                WHERE x.workspace_id = message_members.workspace AND x.lead_id = l.lead_id),
            'sequenceStep', b.step)
    FROM (
        SELECT b.step::integer, b.lead_ids[leadterra.message_position(message_members.message_id)]
            AS lead_id
        FROM leadterra.batches b
        WHERE b.workspace_id = message_members.workspace
          AND b.batch_id = leadterra.message_batch(message_members.message_id)
          AND b.campaign_id = message_members.campaign_id
    ) b
    CROSS JOIN LATERAL (
        SELECT coalesce(
            (SELECT h.heir_id
             FROM leadterra.lead_heirs h
             WHERE h.workspace_id = message_members.workspace AND h.lead_id = b.lead_id),
            b.lead_id) AS lead_id
    ) l
    WHERE b.lead_id IS NOT NULL;
END;

COMMENT ON FUNCTION leadterra.message_members(uuid, uuid, uuid) IS
'Return what a delivery says of a message; no row where that is not known any more.';

CREATE FUNCTION leadterra.delivery_body(workspace uuid, delivery_id uuid)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    number constant integer := leadterra.delivery_number(delivery_body.delivery_id);
    told leadterra.webhook_outbox;
    about uuid;
    message record;
    variant integer;
    members jsonb;
    more jsonb;
BEGIN
    SELECT o.* INTO told
    FROM leadterra.webhook_outbox o
    WHERE o.workspace_id = workspace
      AND o.outbox_id = leadterra.delivery_outbox(delivery_body.delivery_id);
    IF NOT FOUND OR number >= told.size THEN
        RETURN NULL;
    END IF;
    members := jsonb_build_object(
        'id', leadterra.shown_id('evt', delivery_body.delivery_id),
        'campaignId', leadterra.shown_id('camp', told.campaign_id));

    IF told.lease_id IS NOT NULL THEN
        SELECT l.message_id, l.variant INTO about, variant
        FROM leadterra.lease_message(workspace, told.lease_id, number) l;
    ELSE
        about := told.message_ids[number + 1];
    END IF;
    IF num_nonnulls(told.lease_id, told.message_ids) > 0 THEN
        SELECT m.* INTO message
        FROM leadterra.message_members(workspace, told.campaign_id, about) m;
        IF message.lead_id IS NOT NULL THEN
            members := members || message.members;
        -- Who unsubscribes is told of, whatever became of the message.
        ELSIF told.event = 'lead.unsubscribed' THEN
            members := members || jsonb_build_object(
                'messageId', leadterra.shown_id('msg', about),
                'leadId', NULL, 'email', NULL, 'sequenceStep', NULL);
        ELSE
            RETURN NULL;
        END IF;
    ELSE
        SELECT jsonb_build_object('campaignName', c.name, 'reason', told.reason) INTO more
        FROM leadterra.campaigns c
        WHERE c.workspace_id = workspace AND c.campaign_id = told.campaign_id;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        members := members || more;
    END IF;

    IF told.event_id IS NOT NULL THEN
        SELECT leadterra.event_members(told.event, v.event_id, v.data, v.created_at) INTO more
        FROM leadterra.events v
        WHERE v.workspace_id = workspace AND v.campaign_id = told.campaign_id
          AND v.type = ANY (leadterra.event_types())
          AND v.message_id = about AND v.event_id = told.event_id;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
        members := members || more;
    ELSIF told.event = 'message.failed' THEN
        members := members || jsonb_build_object('reason', (
            SELECT x.reason
            FROM leadterra.exceptions x
            WHERE x.workspace_id = workspace AND x.campaign_id = told.campaign_id
              AND x.lead_id = message.lead_id AND x.step = message.step AND x.state = 'failed'));
    ELSIF told.event = 'message.sent' THEN
        members := members || jsonb_build_object('variant', variant);
    END IF;
    RETURN jsonb_build_object(
        'event', told.event, 'timestamp', leadterra.http_time(told.created_at), 'data', members);
END;
$$;

COMMENT ON FUNCTION leadterra.delivery_body(uuid, uuid) IS
'Return the body of a delivery; null: what it is about is not known any more.';

CREATE FUNCTION leadterra.delivery_headers(secret text, id text, at timestamptz, body text)
RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'Content-Type', 'application/json',
        'X-Leadterra-Signature', encode(leadterra.hmac_sha256(
            convert_to(delivery_headers.secret, 'UTF8'), convert_to(delivery_headers.body, 'UTF8')),
            'hex'),
        'webhook-id', delivery_headers.id,
        'webhook-timestamp', s.seconds,
        'webhook-signature', 'v1,' || encode(leadterra.hmac_sha256(
            decode(substr(delivery_headers.secret, length('whsec_') + 1), 'base64'),
            convert_to(
                concat_ws('.', delivery_headers.id, s.seconds, delivery_headers.body), 'UTF8')),
            'base64'))
    FROM (SELECT floor(date_part('epoch', delivery_headers.at))::bigint::text) AS s (seconds);
END;

COMMENT ON FUNCTION leadterra.delivery_headers(text, text, timestamptz, text) IS
'Return the headers of a delivery, which sign it at a time

X-Leadterra-Signature is of the body, under the secret as it is shown. The others are those of
Standard Webhooks, whose key is what stands behind whsec_, in base 64.';

-- A webhook that failed rests for a while, and then has one delivery at a time.
CREATE FUNCTION leadterra.webhooks_due(workspace uuid)
RETURNS TABLE (webhook_id uuid, last_lease_id uuid, due_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
BEGIN ATOMIC
    SELECT
        w.webhook_id,
        w.last_lease_id,
        greatest(least(o.created_at, d.due_at), w.resting_until, l.due_at)
    FROM leadterra.webhooks w
    LEFT JOIN LATERAL (
        SELECT o.created_at
        FROM leadterra.webhook_outbox o
        WHERE o.workspace_id = w.workspace_id AND o.webhook_id = w.webhook_id AND o.handed < o.size
        ORDER BY o.outbox_id
        LIMIT 1
    ) o ON true
    LEFT JOIN LATERAL (
        SELECT d.due_at
        FROM leadterra.webhook_deliveries d
        WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.webhook_id
        ORDER BY d.due_at
        LIMIT 1
    ) d ON true
    LEFT JOIN LATERAL (
        SELECT d.due_at
        FROM leadterra.webhook_deliveries d
        WHERE d.workspace_id = w.workspace_id AND d.webhook_id = w.webhook_id
          AND d.lease_id IS NOT NULL AND w.resting_until IS NOT NULL
        ORDER BY d.due_at DESC
        LIMIT 1
    ) l ON true
    WHERE w.workspace_id = webhooks_due.workspace AND w.status = 'active'
      AND (o.created_at IS NOT NULL OR d.due_at IS NOT NULL);
END;

COMMENT ON FUNCTION leadterra.webhooks_due(uuid) IS
'List the webhooks of a workspace that have something to deliver, and since or from when on.';

CREATE FUNCTION leadterra.next_delivery(workspace uuid)
RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT min(d.due_at) FROM leadterra.webhooks_due(next_delivery.workspace) d;
END;

COMMENT ON FUNCTION leadterra.next_delivery(uuid) IS
'Do what lt_next_delivery says, in a workspace.';

CREATE FUNCTION @extschema@.lt_next_delivery()
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_next_delivery';

COMMENT ON FUNCTION @extschema@.lt_next_delivery() IS
'Return when the next delivery of a webhook is due

The channel leadterra_deliveries tells of what is due at once.

Returns: a time; one that has passed means that there is work now; null: nothing waits.';

CREATE FUNCTION leadterra.due_deliveries(max integer)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT w.workspace_id, n.due_at
    FROM (
        SELECT DISTINCT w.workspace_id
        FROM leadterra.webhooks w
        WHERE w.status = 'active'
    ) w
    CROSS JOIN LATERAL leadterra.next_delivery(w.workspace_id) AS n (due_at)
    WHERE n.due_at <= leadterra.clock() AND leadterra.is_open(w.workspace_id)
    ORDER BY n.due_at, w.workspace_id
    LIMIT leadterra.row_limit('max', due_deliveries.max);
END;

COMMENT ON FUNCTION leadterra.due_deliveries(integer) IS 'Do what lt_due_deliveries says.';

CREATE FUNCTION @extschema@.lt_due_deliveries(max integer DEFAULT 100)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_due_deliveries';

COMMENT ON FUNCTION @extschema@.lt_due_deliveries(integer) IS
'List workspaces with deliveries of webhooks that are due

For workers that serve all workspaces, as lt_due_workspaces is for those that send.

Parameters:
- max: how many at most, 1 to 10,000
Returns: workspaces and since when something is due, the longest due first.
Errors: PT400 invalid_request.';
