-- message: handing messages to workers, and what becomes of them.

CREATE FUNCTION @extschema@.lt_claim_messages(
    max_messages integer DEFAULT 100,
    lease_for interval DEFAULT '5 minutes',
    campaign_id uuid DEFAULT NULL,
    worker text DEFAULT NULL,
    transports text[] DEFAULT NULL
)
RETURNS SETOF @extschema@.lt_message
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claim_messages';

COMMENT ON FUNCTION @extschema@.lt_claim_messages(integer, interval, uuid, text, text[]) IS
'Claim due messages of one campaign to send them

Commit, send them, then call lt_complete_messages, lt_fail_messages, lt_bounce_messages or
lt_defer_messages, and lt_release_lease where a worker has to stop. Without a campaign
it takes the running one that was served longest ago, among those with due messages.
Messages to leads that are suppressed, or not active in the campaign any more, are skipped.

A lease that runs out says nothing of what its worker did not report on: that waits again,
and no attempt is counted. A message may be what kills its workers. So what was lost is
handed out in leases of its own, after the second time of at most 100 messages, after the
third of 10, after the fourth of one. A message that was lost alone twice has failed, if a
lease of the workspace was completed in between. Otherwise it waits for an hour.

It waits for other claims at most a second, and stops once it has skipped a few thousand
messages, which it keeps.

Parameters:
- max_messages: how many at most, 1 to 10,000
- lease_for: how long the worker has, at most a week
- campaign_id: the campaign; null: any
- worker: a name for people, at most 1,000 bytes
- transports: names of those that the worker has; null: all. Senders with another are not for
  it. Those without one, and campaigns without senders, are for who has one named default
Returns: rendered messages, oldest first. No row means: nothing more for this call. Where
lt_next_due is in the past, call again after a moment.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT409 wrong_isolation.';

CREATE FUNCTION leadterra.message_variant(
    lead_id uuid, campaign_id uuid, step integer, variants jsonb)
RETURNS integer
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_message_variant';

COMMENT ON FUNCTION leadterra.message_variant(uuid, uuid, integer, jsonb) IS
'Return the variant, from 1, that a lead gets of a step that has these; null: they are none

It follows from lead, campaign, step and weights, so it is the same in every attempt, and
that of one step says nothing of that of another.';

CREATE FUNCTION @extschema@.lt_complete_messages(lease_id uuid, message_ids uuid[] DEFAULT NULL)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_complete_messages';

COMMENT ON FUNCTION @extschema@.lt_complete_messages(uuid, uuid[]) IS
'Say that messages of a lease were sent

When all of a lease is settled, the next step is queued for those that were completed.
Repeating a call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million; null: all that are open
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409 lease_lost
(it has run out, or does not exist; nothing is changed), PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_fail_messages(
    lease_id uuid, message_ids uuid[], error text, permanent boolean DEFAULT false)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_fail_messages';

COMMENT ON FUNCTION @extschema@.lt_fail_messages(uuid, uuid[], text, boolean) IS
'Say that messages of a lease could not be sent

They are tried again after 1, 4, 16 and 64 minutes. After the fifth attempt, or at once if
permanent, they have failed, and the sequence of the lead ends.

A permanent error whose first enhanced status code says that there is no such address
(5.1.1, 5.1.2, 5.1.3, 5.1.6, 5.1.10 or 5.2.1; RFC 3463, RFC 7505) is a bounce: this does
what lt_bounce_messages does.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- error: why; the first 1,000 characters are kept
- permanent: do not try again
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_bounce_messages(lease_id uuid, message_ids uuid[], reason text)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_bounce_messages';

COMMENT ON FUNCTION @extschema@.lt_bounce_messages(uuid, uuid[], text) IS
'Say that messages of a lease were refused for good: their addresses take no mail

They have failed. They count as bounced, and not as sent. Their addresses are suppressed,
and the sequences of their leads end. Repeating a call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- reason: what the server said; the first 1,000 characters are kept
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_defer_messages(
    lease_id uuid, message_ids uuid[], wait interval, error text)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_defer_messages';

COMMENT ON FUNCTION @extschema@.lt_defer_messages(uuid, uuid[], interval, text) IS
'Say that messages of a lease cannot be sent yet: a quota is used up, a server asks to wait

They are due again after that time, and no attempt is counted. They can be put off for five
days after they were first tried; one that is deferred once more has failed. Repeating a
call is harmless.

Parameters:
- lease_id: the lease
- message_ids: which, at most a million
- wait: how long, at most five days
- error: why; the first 1,000 characters are kept
Returns: how many were not settled before.
Errors: PT400 invalid_request, PT404 message_not_found (not in the lease), PT409
lease_lost, PT413 too_many_entries.';

CREATE FUNCTION @extschema@.lt_release_lease(lease_id uuid)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_release_lease';

COMMENT ON FUNCTION @extschema@.lt_release_lease(uuid) IS
'Give back the messages of a lease that are not settled, as they were

For a worker that stops. They are due at once and keep their place; no attempt is counted.
The lease is closed: what was completed in it goes on. Repeating a call is harmless.

Parameters:
- lease_id: the lease
Returns: how many were given back.
Errors: PT400 invalid_request, PT409 lease_lost.';

CREATE FUNCTION @extschema@.lt_extend_lease(lease_id uuid, lease_for interval)
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_extend_lease';

COMMENT ON FUNCTION @extschema@.lt_extend_lease(uuid, interval) IS
'Give a worker more time for an open lease

Parameters:
- lease_id: the lease
- lease_for: how long it lasts from now, at most a week
Returns: when the lease runs out.
Errors: PT400 invalid_request, PT409 lease_lost.';

CREATE FUNCTION @extschema@.lt_record_event(message_id uuid, type text, data jsonb DEFAULT '{}')
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_record_event';

COMMENT ON FUNCTION @extschema@.lt_record_event(uuid, text, jsonb) IS
'Record what became of a message

A reply that is not out_of_office, a hard bounce, an unsubscribe and a complaint end the
sequence of the lead. The last three suppress its address, as does a reply classified
unsubscribe. They do so as often as they are reported; otherwise an event that is reported
again changes nothing. Five soft bounces within 30 days, with no delivery and no such reply
between them, suppress the address too: see lt_set_soft_bounce_limit.

Where a lead was merged into another, its events are about that one. Who unsubscribed has
done so at all addresses; what bounced is the address that was given up alone.

Where message or lead are not known any more, what suppresses takes the address from
data.email, which is not kept. It is trusted: give it only where the return path of the
report proves that the mail was yours. A report itself may be forged.

Parameters:
- message_id: the message
- type: delivered, opened, clicked, bounced, replied, unsubscribed or complained
- data: an object of at most 16 MB; for clicked: url; for bounced: bounceType (hard or soft)
  and bounceReason; for replied: classification (interested, not_interested, out_of_office,
  bounce, unsubscribe) and threadSnippet; for what suppresses: email, the address that the
  message went to; other members are kept
Returns: whether anything was new.
Errors: PT400 invalid_event, PT400 invalid_request, PT404 message_not_found, PT404
lead_not_found (the lead was deleted, its address has to be suppressed, and data has none).';

CREATE FUNCTION @extschema@.lt_classify_reply(reply_id uuid, classification text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_classify_reply';

COMMENT ON FUNCTION @extschema@.lt_classify_reply(uuid, text) IS
'Say what a reply is

It does what lt_record_event does with a reply of that kind: it may end the sequence of the lead,
and suppress addresses. What the reply did before, as another kind, stays. Counts are of what it
is now.

Parameters:
- reply_id: the reply
- classification: interested, not_interested, out_of_office, bounce or unsubscribe
Returns: whether anything was new.
Errors: PT400 invalid_event, PT400 invalid_request, PT404 reply_not_found, PT404 lead_not_found
(the lead was deleted, and its address has to be suppressed).';

CREATE FUNCTION @extschema@.lt_unsubscribe(token text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_unsubscribe';

COMMENT ON FUNCTION @extschema@.lt_unsubscribe(text) IS
'Unsubscribe the recipient of a message, by the token of its link {{unsubscribeUrl}}

Works in the workspace of the message, whatever the current one is. The address is
suppressed then, whatever became of message, lead and campaign, and however often the token
was used: by itself where it is known, else by its hash. Where the message is known, the
sequence of its lead ends. Where the lead was merged into another, so does that one''s, and
all addresses are suppressed.

Parameters:
- token: what the link ends in, 90 characters
Returns: whether anything was new; false: the address was suppressed before, and is.
Errors: PT400 invalid_request, PT400 invalid_token (unknown or altered).';

CREATE FUNCTION @extschema@.lt_set_unsubscribe_url(base_url text)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_unsubscribe_url';

COMMENT ON FUNCTION @extschema@.lt_set_unsubscribe_url(text) IS
'Set what the links {{unsubscribeUrl}} of the workspace begin with

The token of a message is put behind it: 90 letters, digits, "-" and "_", of which the first
26 are the workspace.

Parameters:
- base_url: such as https://example.com/u/ or https://example.com/u?token=, at most 1,000
  bytes; null: messages have no links, and the token {{unsubscribeUrl}} has no value
Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.waiting_state(attempt smallint, tried_at timestamptz)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN waiting_state.attempt = 1 AND waiting_state.tried_at IS NULL THEN 'queued'
        ELSE 'retry' END;
END;

COMMENT ON FUNCTION leadterra.waiting_state(smallint, timestamptz) IS
'Return the state of messages that wait: queued until they have failed or were deferred.';

-- Messages of all workspaces with their states, each once: what waits, what
-- workers hold or have sent, and what was not sent.  The lateral look-ups keep the
-- planner from joining tables of which it has no statistics as a whole.
CREATE VIEW leadterra.message_states WITH (security_invoker = true) AS
SELECT
    w.workspace_id, w.campaign_id, w.step, u.lead_id, w.batch_id,
    w.unused + u.number - 1 AS "position", w.waiting_since,
    leadterra.waiting_state(w.attempt, w.tried_at) AS state,
    w.error AS reason, w.attempt, NULL::uuid AS lease_id, NULL::timestamptz AS settled_at,
    nullif(w.sender_id, leadterra.nobody()) AS sender_id
FROM leadterra.waiting_ranges w
CROSS JOIN LATERAL (
    SELECT b.lead_ids
    FROM leadterra.batches b
    WHERE b.workspace_id = w.workspace_id AND b.batch_id = w.batch_id
    OFFSET 0
) b
CROSS JOIN LATERAL unnest(b.lead_ids[w.unused:w.last]) WITH ORDINALITY AS u (lead_id, number)
UNION ALL
SELECT
    l.workspace_id, l.campaign_id, b.step, p.lead_id, r.batch_id, r.first + p.number - 1,
    b.waiting_since,
    CASE WHEN n.completed THEN 'sent' ELSE 'leased' END,
    NULL, r.attempt, l.lease_id, CASE WHEN n.completed THEN l.closed_at END, l.sender_id
FROM leadterra.leases l
CROSS JOIN LATERAL (
    SELECT u.batch_id, u.first, u.last, u.attempt,
        sum(u.last - u.first + 1) OVER (ORDER BY u.number) - (u.last - u.first + 1) AS start
    FROM unnest(l.batch_ids, l.firsts, l.lasts, l.attempts)
        WITH ORDINALITY AS u (batch_id, first, last, attempt, number)
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
    x.state, x.reason, x.attempt, NULL, x.created_at, NULL
FROM leadterra.exceptions x
CROSS JOIN LATERAL (
    SELECT b.waiting_since
    FROM leadterra.batches b
    WHERE b.workspace_id = x.workspace_id AND b.batch_id = x.batch_id
    OFFSET 0
) b;
COMMENT ON VIEW leadterra.message_states IS
'Messages of all workspaces and campaigns, started or not, with their states

When they are due is not found out.';
COMMENT ON COLUMN leadterra.message_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.message_states.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.message_states.step IS 'Number of the step.';
COMMENT ON COLUMN leadterra.message_states.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.message_states.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.message_states."position" IS 'The position in it, from 1.';
COMMENT ON COLUMN leadterra.message_states.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.message_states.state IS
    'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN leadterra.message_states.reason IS 'Why it is retry, failed or skipped.';
COMMENT ON COLUMN leadterra.message_states.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN leadterra.message_states.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN leadterra.message_states.settled_at IS 'When it was settled.';
COMMENT ON COLUMN leadterra.message_states.sender_id IS
    'The sender that goes on with it, has it, or sent it; null: none, or it ended unsent.';

CREATE VIEW leadterra.messages WITH (security_invoker = true) AS
SELECT
    m.*,
    c.status AS campaign_status,
    leadterra.window_opens(
        c.schedule, leadterra.due_at(m.waiting_since, c.started_at, s.delay_minutes)) AS due_at
FROM leadterra.message_states m
CROSS JOIN LATERAL (
    SELECT c.status, c.started_at, c.schedule
    FROM leadterra.campaigns c
    WHERE c.workspace_id = m.workspace_id AND c.campaign_id = m.campaign_id
    OFFSET 0
) c
CROSS JOIN LATERAL (
    SELECT s.delay_minutes
    FROM leadterra.steps s
    WHERE s.workspace_id = m.workspace_id AND s.campaign_id = m.campaign_id AND s.step = m.step
    OFFSET 0
) s;
COMMENT ON VIEW leadterra.messages IS
    'Messages of all workspaces and campaigns, started or not, with their states.';
COMMENT ON COLUMN leadterra.messages.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.messages.campaign_id IS 'The campaign.';
COMMENT ON COLUMN leadterra.messages.step IS 'Number of the step.';
COMMENT ON COLUMN leadterra.messages.lead_id IS 'The lead.';
COMMENT ON COLUMN leadterra.messages.batch_id IS 'The batch.';
COMMENT ON COLUMN leadterra.messages."position" IS 'The position in it, from 1.';
COMMENT ON COLUMN leadterra.messages.waiting_since IS 'Delays run from here.';
COMMENT ON COLUMN leadterra.messages.state IS 'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN leadterra.messages.reason IS 
    'Why it failed, was skipped or waits again: lease expired where a worker told nothing.';
COMMENT ON COLUMN leadterra.messages.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN leadterra.messages.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN leadterra.messages.settled_at IS 'When it was settled.';
COMMENT ON COLUMN leadterra.messages.sender_id IS
    'The sender that goes on with it, has it, or sent it; null: none, or it ended unsent.';
COMMENT ON COLUMN leadterra.messages.campaign_status IS 'draft, running or paused.';
COMMENT ON COLUMN leadterra.messages.due_at IS 'When it is due.';

-- A lead came to its first step in a batch that waits since it was enrolled, and to a
-- later one in a batch that waits since the lease of the step before was closed: so its
-- batches are found by index.  Where that leads to no end, as for a lead that was merged
-- or came back, all batches of the campaign are gone through.
CREATE FUNCTION leadterra.lead_messages(campaign_id uuid, lead_id uuid)
RETURNS SETOF leadterra.messages
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.current_workspace();
    messages leadterra.messages[];
    m leadterra.messages;
    next leadterra.messages;
    status text;
    since timestamptz;
    last_step integer;
BEGIN
    SELECT e.status, e.enrolled_at INTO status, since
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = lead_messages.campaign_id
      AND e.lead_id = lead_messages.lead_id;
    SELECT count(*) INTO last_step
    FROM leadterra.steps s
    WHERE s.workspace_id = workspace AND s.campaign_id = lead_messages.campaign_id;

    FOR number IN 1 .. last_step LOOP
        SELECT m.* INTO next
        FROM leadterra.batches b
        CROSS JOIN LATERAL (
            SELECT m.*
            FROM leadterra.messages m
            WHERE m.workspace_id = workspace AND m.campaign_id = lead_messages.campaign_id
              AND m.step = number
              AND m.batch_id = b.batch_id AND m.lead_id = lead_messages.lead_id
            OFFSET 0
        ) m
        WHERE b.workspace_id = workspace AND b.campaign_id = lead_messages.campaign_id
          AND b.step = number
          AND b.waiting_since = since
          AND lead_messages.lead_id BETWEEN b.least_lead_id AND b.greatest_lead_id
          AND b.lead_ids @> ARRAY[lead_messages.lead_id]
        LIMIT 1;
        EXIT WHEN NOT FOUND;
        m := next;
        messages := messages || m;
        SELECT l.closed_at INTO since
        FROM leadterra.leases l
        WHERE l.workspace_id = workspace AND l.lease_id = m.lease_id AND m.state = 'sent';
        EXIT WHEN since IS NULL;
    END LOOP;

    IF messages IS NULL OR m.state = 'sent' AND since IS NOT NULL AND status = 'active'
        AND m.step < last_step THEN
        RETURN QUERY
        SELECT m.*
        FROM leadterra.batches b
        CROSS JOIN LATERAL (
            SELECT m.*
            FROM leadterra.messages m
            WHERE m.workspace_id = workspace AND m.campaign_id = lead_messages.campaign_id
              AND m.step = b.step
              AND m.batch_id = b.batch_id AND m.lead_id = lead_messages.lead_id
            OFFSET 0
        ) m
        WHERE b.workspace_id = workspace AND b.campaign_id = lead_messages.campaign_id
          AND lead_messages.lead_id BETWEEN b.least_lead_id AND b.greatest_lead_id
          AND b.lead_ids @> ARRAY[lead_messages.lead_id];
    ELSE
        RETURN QUERY SELECT u.* FROM unnest(messages) u;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.lead_messages(uuid, uuid) IS
'List the messages of a lead in a campaign of the current workspace.';

-- What waits for a lead whose sequence has ended, or whose address is known to be invalid,
-- is skipped when a worker comes to it, and shown as skipped before.
CREATE FUNCTION leadterra.shown_state(
    state text, enrollment_status text, verification_status integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN shown_state.state IN ('queued', 'retry')
          AND (shown_state.enrollment_status <> 'active' OR shown_state.verification_status = -1)
              THEN 'skipped'
        ELSE shown_state.state
    END;
END;

COMMENT ON FUNCTION leadterra.shown_state(text, text, integer) IS
'Return the state of a message as people see it.';

CREATE FUNCTION leadterra.shown_reason(
    state text, reason text, enrollment_status text, verification_status integer)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN shown_reason.state IN ('queued', 'retry')
            AND shown_reason.enrollment_status <> 'active'
            THEN shown_reason.enrollment_status
        WHEN shown_reason.state IN ('queued', 'retry') AND shown_reason.verification_status = -1
            THEN 'invalid_email'
        ELSE shown_reason.reason
    END;
END;

COMMENT ON FUNCTION leadterra.shown_reason(text, text, text, integer) IS
'Return the reason for the state of a message as people see it.';

CREATE FUNCTION @extschema@.lt_explain_lead(campaign_id uuid, email text)
RETURNS TABLE (step integer, message_id uuid, state text, reason text, attempt integer,
    due_at timestamptz, settled_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        s.step::integer,
        leadterra.message_id(m.batch_id, m."position"),
        CASE
            WHEN m.state IS NULL THEN 'not_reached'
            WHEN c.status = 'draft' THEN 'enrolled'
            ELSE leadterra.shown_state(m.state, e.status, l.verification_status)
        END,
        CASE
            WHEN m.state IS NULL THEN nullif(e.status, 'active')
            ELSE coalesce(
                leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status),
                CASE WHEN m.state IN ('queued', 'retry') THEN nullif(c.status, 'running') END)
        END,
        m.attempt::integer,
        m.due_at,
        m.settled_at
    FROM leadterra.enter_lead('campaigns:read', lt_explain_lead.campaign_id,
        lt_explain_lead.email) AS r (lead_id)
    CROSS JOIN LATERAL (
        SELECT c.workspace_id, c.campaign_id, c.status
        FROM leadterra.campaigns c
        WHERE c.workspace_id = leadterra.current_workspace()
          AND c.campaign_id = lt_explain_lead.campaign_id
          AND r.lead_id IS NOT NULL
        OFFSET 0
    ) c
    JOIN leadterra.enrollments e ON e.workspace_id = c.workspace_id
        AND e.campaign_id = c.campaign_id AND e.lead_id = r.lead_id
    CROSS JOIN LATERAL (
        SELECT l.verification_status
        FROM leadterra.leads l
        WHERE l.workspace_id = c.workspace_id AND l.lead_id = r.lead_id
        OFFSET 0
    ) l
    JOIN leadterra.steps s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
    LEFT JOIN leadterra.lead_messages(c.campaign_id, r.lead_id) m ON m.step = s.step
    ORDER BY s.step;
END;

COMMENT ON FUNCTION @extschema@.lt_explain_lead(uuid, text) IS
'Say for each step of a campaign what became of the message of a lead, and why

Parameters:
- campaign_id: the campaign
- email: the address of the lead
Returns: one row a step. state is one of lt_messages, enrolled (in a draft) or not_reached.
reason is why a message is not sent, or what holds it (paused). It is why a message
waits again where its last attempt failed, or its worker told nothing (lease expired).
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 lead_not_found (not in the
campaign).';

CREATE FUNCTION @extschema@.lt_preview_message(campaign_id uuid, step integer, lead_id uuid)
RETURNS TABLE (
    subject text,
    body_html text,
    body_text text,
    headers jsonb,
    variant integer
)
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_preview_message';

COMMENT ON FUNCTION @extschema@.lt_preview_message(uuid, integer, uuid) IS
'Show what a step of a campaign says to a lead, as the lead and the step are now

The lead need not be in the campaign. Links to unsubscribe are left out: whoever looked at a
preview would follow them.

Parameters:
- campaign_id: the campaign
- step: number of the step, from 1
- lead_id: the lead, which has an address
Returns: one row. body_text is null unless the step has one, headers where none is left, variant
where the step has none.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 lead_not_found.';
