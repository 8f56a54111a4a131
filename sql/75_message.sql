-- message: handing messages to workers, and what becomes of them.

-- An event is known by what it says: reported again it changes nothing.  A
-- message may have several replies, which differ in their digest.
CREATE TABLE leadterra.events (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('delivered', 'opened', 'bounced', 'replied', 'unsubscribed')),
    message_id uuid NOT NULL,
    digest text NOT NULL,
    event_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    data jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, campaign_id, type, message_id, digest)
);
-- Replies are few among what is reported, and read newest first.
CREATE INDEX events_replied ON leadterra.events (workspace_id, created_at DESC, event_id DESC) WHERE type = 'replied';
SELECT pg_extension_config_dump('leadterra.events', '');
COMMENT ON TABLE leadterra.events IS 'What became of messages that were sent.';

CREATE TYPE @extschema@.lt_message AS (
    lease_id uuid,
    message_id uuid,
    campaign_id uuid,
    lead_id uuid,
    step integer,
    attempt integer,
    email text,
    subject text,
    body_html text
);
COMMENT ON TYPE @extschema@.lt_message IS 'A message to send: message_id is the same in every attempt, subject and body_html are rendered.';

-- The first range of each step that waits in a workspace, found by one search
-- of the index a step, and when it is due.  Not read are batches that are not
-- due, and more than one of a campaign that does not run.
CREATE FUNCTION leadterra.queue_heads(workspace_id uuid)
RETURNS TABLE (campaign_id uuid, step smallint, due_at timestamptz)
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE heads AS (
        (SELECT w.campaign_id, w.step, w.waiting_since
         FROM leadterra.waiting w
         WHERE w.workspace_id = queue_heads.workspace_id
         ORDER BY w.campaign_id, w.step, w.waiting_since
         LIMIT 1)
        UNION ALL
        SELECT n.campaign_id, n.step, n.waiting_since
        FROM heads h
        CROSS JOIN LATERAL (
            SELECT w.campaign_id, w.step, w.waiting_since
            FROM leadterra.waiting w
            WHERE w.workspace_id = queue_heads.workspace_id AND (w.campaign_id, w.step) > (h.campaign_id, h.step)
            ORDER BY w.campaign_id, w.step, w.waiting_since
            LIMIT 1
        ) n
    )
    SELECT h.campaign_id, h.step, leadterra.due_at(h.waiting_since, c.started_at, s.delay_days)
    FROM heads h
    CROSS JOIN LATERAL (
        SELECT c.started_at
        FROM leadterra.campaigns c
        WHERE c.workspace_id = queue_heads.workspace_id AND c.campaign_id = h.campaign_id AND c.status = 'running'
        OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT s.delay_days
        FROM leadterra.steps s
        WHERE s.workspace_id = queue_heads.workspace_id AND s.campaign_id = h.campaign_id AND s.step = h.step
        OFFSET 0
    ) s;
END;

COMMENT ON FUNCTION leadterra.queue_heads(uuid) IS
'List, for each step of running campaigns with messages that wait, when the first is due.';

CREATE FUNCTION @extschema@.lt_claim_messages(
    max_messages integer DEFAULT 100,
    lease_for interval DEFAULT '5 minutes',
    campaign_id uuid DEFAULT NULL,
    worker text DEFAULT NULL
)
RETURNS SETOF @extschema@.lt_message
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_claim_messages';

COMMENT ON FUNCTION @extschema@.lt_claim_messages(integer, interval, uuid, text) IS
'Claim due messages of one campaign to send them

Returns up to max_messages (1 to 10,000) rendered messages, oldest first, of the campaign given or of the running one that was served longest ago. No row means: nothing more for this call. It waits for other claims at most a second, and stops once it has skipped a few thousand messages, which it keeps; where lt_next_due is in the past, call again after a moment. They are the worker''s for lease_for (at most a week): commit, send them, then call lt_complete_messages or lt_fail_messages. Messages to leads that are suppressed, or no longer active in the campaign, are skipped. worker is a name for people. Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_complete_messages(lease_id uuid, message_ids uuid[] DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_complete_messages';

COMMENT ON FUNCTION @extschema@.lt_complete_messages(uuid, uuid[]) IS
'Say that messages of a lease were sent, and return how many were not settled before

Without message_ids, all that are open. When all of a lease is settled, the next step is queued for those that were completed. Repeating a call is harmless: it returns 0. Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409 lease_lost (it has run out, or does not exist; nothing is changed), PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_fail_messages(lease_id uuid, message_ids uuid[], error text, permanent boolean DEFAULT false)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_fail_messages';

COMMENT ON FUNCTION @extschema@.lt_fail_messages(uuid, uuid[], text, boolean) IS
'Say that messages of a lease could not be sent, and return how many were not settled before

They are tried again after 1, 4, 16 and 64 minutes; after the fifth attempt, or at once if permanent, they have failed and the sequence of the lead ends. Of error the first 1,000 bytes are kept. Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409 lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_extend_lease(lease_id uuid, lease_for interval)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_extend_lease';

COMMENT ON FUNCTION @extschema@.lt_extend_lease(uuid, interval) IS
'Let an open lease end lease_for (at most a week) from now, and return that time

Errors: PT400 invalid_request, PT409 lease_lost.';

CREATE FUNCTION @extschema@.lt_record_event(message_id uuid, type text, data jsonb DEFAULT '{}')
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_record_event';

COMMENT ON FUNCTION @extschema@.lt_record_event(uuid, text, jsonb) IS
'Record what became of a message, and return whether that was new

type is delivered; opened; bounced, with data of bounceType (hard or soft) and bounceReason; replied, with classification (interested, not_interested, out_of_office, bounce, unsubscribe) and threadSnippet; or unsubscribed. A reply that is not out_of_office, a hard bounce and an unsubscribe end the sequence of the lead; the last two suppress its address. Other members of data are kept. Errors: PT400 invalid_event, PT400 invalid_request, PT404 message_not_found, PT404 lead_not_found (an address that was deleted cannot be suppressed).';

CREATE FUNCTION @extschema@.lt_unsubscribe(token text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_unsubscribe';

COMMENT ON FUNCTION @extschema@.lt_unsubscribe(text) IS
'Unsubscribe the recipient of a message by the token that its link {{unsubscribeUrl}} ends in

Works in the workspace of the message, whatever the current one is. Returns whether that was new: a link may be opened twice. Errors: PT400 invalid_request, PT400 invalid_token (unknown or altered), PT404 message_not_found (past its keep), PT404 lead_not_found (the lead was deleted).';

CREATE FUNCTION @extschema@.lt_set_unsubscribe_url(base_url text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_set_unsubscribe_url';

COMMENT ON FUNCTION @extschema@.lt_set_unsubscribe_url(text) IS
'Set what the links {{unsubscribeUrl}} of the workspace begin with

The token of a message, 64 letters, digits, "-" and "_", is put behind it: https://example.com/u/ or https://example.com/u?token=. Null takes it away, and the token is then without a value. Errors: PT400 invalid_request.';

CREATE FUNCTION @extschema@.lt_next_due()
RETURNS timestamptz
LANGUAGE sql VOLATILE PARALLEL SAFE
BEGIN ATOMIC
    SELECT least(
        (SELECT min(h.due_at) FROM leadterra.queue_heads(leadterra.enter('messages:read')) h),
        (SELECT min(l.expires_at) FROM leadterra.leases l
         WHERE l.workspace_id = leadterra.current_workspace() AND l.state = 'open'));
END;

COMMENT ON FUNCTION @extschema@.lt_next_due() IS
'Return when the next message is due, or the next lease runs out; null if nothing waits

A time that has passed means that there is work now.';

CREATE FUNCTION @extschema@.lt_due_workspaces(max integer DEFAULT 100)
RETURNS TABLE (workspace_id uuid, due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL SAFE
BEGIN ATOMIC
    SELECT w.workspace_id, d.due_at
    FROM leadterra.workspaces w
    CROSS JOIN LATERAL (
        SELECT least(
            (SELECT min(h.due_at) FROM leadterra.queue_heads(w.workspace_id) h),
            (SELECT min(l.expires_at) FROM leadterra.leases l WHERE l.workspace_id = w.workspace_id AND l.state = 'open')) AS due_at
    ) d
    WHERE d.due_at <= leadterra.clock()
    ORDER BY d.due_at, w.workspace_id
    LIMIT leadterra.row_limit('max', lt_due_workspaces.max);
END;

COMMENT ON FUNCTION @extschema@.lt_due_workspaces(integer) IS
'List workspaces with due messages or leases that ran out, the longest due first

At most so many (1 to 10,000), those due for longest first. For workers that serve all workspaces, as the owner of the extension. Errors: PT400 invalid_request.';

-- Messages of all workspaces with their states, each once: what waits, what
-- workers hold or have sent, and what was not sent.  The lateral look-ups keep the
-- planner from joining tables of which it has no statistics as a whole.
CREATE VIEW leadterra.messages WITH (security_invoker = true) AS
SELECT
    m.*,
    c.status AS campaign_status,
    -- In a draft it runs from enrollment.
    leadterra.due_at(m.waiting_since, coalesce(c.started_at, m.waiting_since), s.delay_days) AS due_at
FROM (
    SELECT
        w.workspace_id, w.campaign_id, w.step, u.lead_id, w.batch_id, x.first + u.number - 1 AS "position", w.waiting_since,
        CASE WHEN w.attempt = 1 THEN 'queued' ELSE 'retry' END AS state,
        w.error AS reason, w.attempt, NULL::uuid AS lease_id, NULL::timestamptz AS settled_at
    FROM leadterra.waiting w
    CROSS JOIN LATERAL (
        SELECT coalesce(max(l.partial_last) + 1, w.first) AS first
        FROM leadterra.leases l
        WHERE l.workspace_id = w.workspace_id AND l.partial_range_id = w.range_id AND w.first < w.last
    ) x
    CROSS JOIN LATERAL (
        SELECT b.lead_ids
        FROM leadterra.batches b
        WHERE b.workspace_id = w.workspace_id AND b.batch_id = w.batch_id
        OFFSET 0
    ) b
    CROSS JOIN LATERAL unnest(b.lead_ids[x.first:w.last]) WITH ORDINALITY AS u (lead_id, number)
    UNION ALL
    SELECT
        l.workspace_id, l.campaign_id, b.step, p.lead_id, r.batch_id, r.first + p.number - 1, b.waiting_since,
        CASE WHEN n.completed THEN 'sent' ELSE 'leased' END,
        NULL, r.attempt, l.lease_id, CASE WHEN n.completed THEN l.closed_at END
    FROM leadterra.leases l
    CROSS JOIN LATERAL (
        SELECT u.batch_id, u.first, u.last, u.attempt, sum(u.last - u.first + 1) OVER (ORDER BY u.number) - (u.last - u.first + 1) AS start
        FROM unnest(l.batch_ids, l.firsts, l.lasts, l.attempts) WITH ORDINALITY AS u (batch_id, first, last, attempt, number)
    ) r
    CROSS JOIN LATERAL (
        SELECT b.step, b.lead_ids, b.waiting_since
        FROM leadterra.batches b
        WHERE b.workspace_id = l.workspace_id AND b.batch_id = r.batch_id
        OFFSET 0
    ) b
    CROSS JOIN LATERAL unnest(b.lead_ids[r.first:r.last]) WITH ORDINALITY AS p (lead_id, number)
    CROSS JOIN LATERAL (
        SELECT
            coalesce(get_bit(l.completed, r.start + p.number - 1) = 1, l.state = 'closed') AS completed,
            coalesce(get_bit(l.settled, r.start + p.number - 1) = 1, l.state = 'closed') AS settled
    ) n
    WHERE n.completed OR l.state = 'open' AND NOT n.settled
    UNION ALL
    SELECT
        x.workspace_id, x.campaign_id, x.step, x.lead_id, x.batch_id, x."position", b.waiting_since,
        x.state, x.reason, x.attempt, NULL, x.created_at
    FROM leadterra.exceptions x
    CROSS JOIN LATERAL (
        SELECT b.waiting_since
        FROM leadterra.batches b
        WHERE b.workspace_id = x.workspace_id AND b.batch_id = x.batch_id
        OFFSET 0
    ) b
) m
CROSS JOIN LATERAL (
    SELECT c.status, c.started_at
    FROM leadterra.campaigns c
    WHERE c.workspace_id = m.workspace_id AND c.campaign_id = m.campaign_id
    OFFSET 0
) c
CROSS JOIN LATERAL (
    SELECT s.delay_days
    FROM leadterra.steps s
    WHERE s.workspace_id = m.workspace_id AND s.campaign_id = m.campaign_id AND s.step = m.step
    OFFSET 0
) s;
COMMENT ON VIEW leadterra.messages IS 'Messages of all workspaces and campaigns, started or not, with their states.';
