-- view: what people and PostgREST read.  Views span the domains, show the
-- current workspace alone, and run with the rights of whoever reads them.

-- The counts come from batches, from the ranges that wait, and from the few
-- enrollments that ended, so that they cost little for a million leads.  The
-- messages of leads that ended, or are deleted, wait until a claim skips them;
-- they are found among those that wait by the ids of these leads.
CREATE VIEW leadterra.campaign_states WITH (security_invoker = true) AS
SELECT
    c.workspace_id,
    c.campaign_id,
    c.name,
    c.status,
    c.created_at,
    c.started_at,
    c.paused_at,
    c.owner,
    c.variables,
    s.steps,
    b.leads + coalesce(t.enrolled, 0) - d.leads - e.removed AS leads_enrolled,
    CASE WHEN c.status = 'draft' THEN 0 ELSE w.messages END AS queued_messages
FROM leadterra.campaigns c
LEFT JOIN leadterra.totals t ON t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
CROSS JOIN LATERAL (
    SELECT count(*) AS steps
    FROM leadterra.steps s
    WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
) s
CROSS JOIN LATERAL (
    SELECT coalesce(sum(b.size), 0) AS leads
    FROM leadterra.batches b
    WHERE b.workspace_id = c.workspace_id AND b.campaign_id = c.campaign_id AND b.step = 1
) b
CROSS JOIN LATERAL (
    SELECT coalesce(sum(cardinality(d.lead_ids)), 0) AS leads
    FROM leadterra.deletions d
    WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
) d
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE e.status = 'removed') AS removed, array_agg(e.lead_id) AS lead_ids
    FROM leadterra.enrollments e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.status <> 'active'
) e
CROSS JOIN LATERAL (
    SELECT array_agg(g.lead_id ORDER BY g.lead_id) FILTER (WHERE g.lead_id IS NOT NULL) AS lead_ids
    FROM (
        SELECT unnest(e.lead_ids) AS lead_id
        UNION ALL
        SELECT unnest(x.lead_ids)
        FROM leadterra.deletions x
        WHERE x.workspace_id = c.workspace_id AND x.campaign_id = c.campaign_id
    ) g
) g
CROSS JOIN LATERAL (
    SELECT coalesce(sum(w.last - x.first + 1 - CASE WHEN g.lead_ids IS NULL THEN 0 ELSE (
        SELECT leadterra.count_members(b.lead_ids, x.first, w.last, g.lead_ids)
        FROM leadterra.batches b
        WHERE b.workspace_id = w.workspace_id AND b.batch_id = w.batch_id
    ) END), 0) AS messages
    FROM leadterra.waiting w
    CROSS JOIN LATERAL (
        SELECT coalesce(max(l.partial_last) + 1, w.first) AS first
        FROM leadterra.leases l
        WHERE l.workspace_id = w.workspace_id AND l.partial_range_id = w.range_id AND w.first < w.last
    ) x
    WHERE w.workspace_id = c.workspace_id AND w.campaign_id = c.campaign_id
) w;
COMMENT ON VIEW leadterra.campaign_states IS 'Campaigns of all workspaces with their counts.';

CREATE VIEW @extschema@.lt_campaigns WITH (security_invoker = true) AS
SELECT
    campaign_id AS id, name, status, steps, leads_enrolled, queued_messages,
    created_at, started_at, paused_at, owner, variables
FROM leadterra.campaign_states
WHERE workspace_id = leadterra.see('campaigns:read');
COMMENT ON VIEW @extschema@.lt_campaigns IS 'Campaigns with their states and counts';

CREATE VIEW @extschema@.lt_api_keys WITH (security_invoker = true) AS
SELECT key_id AS id, label, scopes, created_at, revoked_at
FROM leadterra.api_keys
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_api_keys IS
'API keys, without what opens them

For the owner of the extension.';

CREATE VIEW @extschema@.lt_leads WITH (security_invoker = true) AS
SELECT
    lead_id AS id, email, first_name, last_name, company, job_title, phone, website,
    personalization, lead_value, interest_status, assigned_to, verification_status, custom, created_at, updated_at
FROM leadterra.leads
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_leads IS 'Leads with their fields; what is not a standard field is in custom';

CREATE VIEW @extschema@.lt_lists WITH (security_invoker = true) AS
SELECT
    l.list_id AS id,
    l.name,
    (SELECT count(*) FROM leadterra.list_members m WHERE m.workspace_id = l.workspace_id AND m.list_id = l.list_id) AS leads,
    l.created_at
FROM leadterra.lists l
WHERE l.workspace_id = leadterra.see('lists:read');
COMMENT ON VIEW @extschema@.lt_lists IS 'Lists with the numbers of their leads';

CREATE VIEW @extschema@.lt_suppressions WITH (security_invoker = true) AS
SELECT entry, reason, created_at
FROM leadterra.suppressions
WHERE workspace_id = leadterra.see('blocklists:read') AND blocklist_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_suppressions IS 'Addresses, domains and wildcards that are never mailed';

CREATE VIEW @extschema@.lt_blocklists WITH (security_invoker = true) AS
SELECT workspace_id AS id, 'suppression list' AS name, true AS is_default, created_at
FROM leadterra.workspaces
WHERE workspace_id = leadterra.see('blocklists:read')
UNION ALL
SELECT blocklist_id, name, false, created_at
FROM leadterra.blocklists
WHERE workspace_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_blocklists IS
'Block lists

The default one is the suppression list; its id is that of the workspace.';

CREATE VIEW @extschema@.lt_blocklist_entries WITH (security_invoker = true) AS
SELECT
    blocklist_id,
    entry,
    CASE
        WHEN entry LIKE 'hmac:%' THEN 'forgotten'
        WHEN strpos(entry, '@') > 0 THEN 'address'
        WHEN starts_with(entry, '*') THEN 'wildcard'
        ELSE 'domain'
    END AS kind,
    reason,
    created_at
FROM leadterra.suppressions
WHERE workspace_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_blocklist_entries IS
'Entries of block lists

kind is address, domain, wildcard, or forgotten: the keyed hash of an address.';

CREATE VIEW @extschema@.lt_jobs WITH (security_invoker = true) AS
SELECT
    job_id AS id, type, status, progress::integer AS progress, cardinality(lead_ids) AS leads, campaign_id, list_id,
    attempt::integer AS attempt, worker, error, created_at, updated_at, expires_at, finished_at
FROM leadterra.jobs
WHERE workspace_id = leadterra.see('jobs:read');
COMMENT ON VIEW @extschema@.lt_jobs IS
'Background jobs with their states

status is pending, in-progress, success or failed; progress is from 0 to 100, leads how many there are. A job in progress is its worker''s until expires_at; then it waits for the next claim. attempt and worker are the last, error is why the last attempt that failed did.';

CREATE VIEW @extschema@.lt_imports WITH (security_invoker = true) AS
SELECT
    import_id AS id, campaign_id, source, mapping, rows_total, rows_done, enrolled, updated, rejected,
    started_at, updated_at, finished_at
FROM leadterra.imports
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_imports IS
'Imports by lt_import_table with their progress

rows_done is enrolled, updated and rejected together. finished_at is null while an import runs and where it was interrupted.';

CREATE VIEW @extschema@.lt_import_rejects WITH (security_invoker = true) AS
SELECT import_id, row_number, reason, lead
FROM leadterra.import_rejects
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_import_rejects IS
'Rows that imports left out, and why

row_number counts the rows of an import from 1. lead is null where the address is suppressed: nothing of it is kept.';

-- The lateral look-ups keep it from comparing each message with each lead of
-- the workspace, which is what the planner chooses where it has no statistics.
CREATE VIEW @extschema@.lt_messages WITH (security_invoker = true) AS
SELECT
    leadterra.message_id(m.batch_id, m."position") AS id,
    m.campaign_id,
    m.step::integer AS step,
    m.lead_id,
    l.email,
    m.due_at,
    CASE WHEN m.state IN ('queued', 'retry') AND (e.status <> 'active' OR l.verification_status = -1) THEN 'skipped' ELSE m.state END AS state,
    CASE
        WHEN m.state IN ('queued', 'retry') AND e.status <> 'active' THEN e.status
        WHEN m.state IN ('queued', 'retry') AND l.verification_status = -1 THEN 'invalid_email'
        ELSE m.reason
    END AS reason,
    m.attempt::integer AS attempt,
    m.lease_id,
    m.settled_at
FROM leadterra.messages m
CROSS JOIN LATERAL (
    SELECT e.status
    FROM leadterra.enrollments e
    WHERE e.workspace_id = m.workspace_id AND e.campaign_id = m.campaign_id AND e.lead_id = m.lead_id
    OFFSET 0
) e
CROSS JOIN LATERAL (
    SELECT l.email, l.verification_status
    FROM leadterra.leads l
    WHERE l.workspace_id = m.workspace_id AND l.lead_id = m.lead_id
    OFFSET 0
) l
WHERE m.workspace_id = leadterra.see('messages:read')
  AND m.campaign_status <> 'draft';
COMMENT ON VIEW @extschema@.lt_messages IS
'Messages of started campaigns with their states

state is queued, leased (a worker has it), sent, retry, failed or skipped; reason says why it is one of the last three. attempt is the one to come, at hand, or the last; settled_at is when its lease was closed, or it was skipped or failed. A paused campaign holds its queued messages.';

CREATE VIEW @extschema@.lt_replies WITH (security_invoker = true) AS
SELECT
    v.event_id AS id,
    l.email,
    v.campaign_id,
    v.data ->> 'classification' AS classification,
    v.created_at AS received_at,
    v.data ->> 'threadSnippet' AS thread_snippet,
    v.message_id,
    v.lead_id
FROM leadterra.events v
LEFT JOIN leadterra.leads l ON l.workspace_id = v.workspace_id AND l.lead_id = v.lead_id
WHERE v.workspace_id = leadterra.see('replies:read') AND v.type = 'replied';
COMMENT ON VIEW @extschema@.lt_replies IS
'Replies to messages

email is null where the lead was deleted, classification where nobody has told it.';

-- A lead stands at the step whose message waits or is with a worker.  The two
-- are put together by grouping, because where the planner has no statistics it
-- would compare each enrollment with each message.
CREATE VIEW @extschema@.lt_enrollments WITH (security_invoker = true) AS
SELECT
    e.campaign_id,
    e.lead_id,
    l.email,
    e.status,
    CASE WHEN e.status = 'active' AND c.status <> 'draft' THEN e.step END AS next_step,
    CASE WHEN e.status = 'active' AND c.status <> 'draft' THEN e.due_at END AS next_due_at,
    e.enrolled_at
FROM (
    SELECT
        u.workspace_id, u.campaign_id, u.lead_id,
        min(u.status) AS status, min(u.enrolled_at) AS enrolled_at, min(u.step) AS step, min(u.due_at) AS due_at
    FROM (
        SELECT
            e.workspace_id, e.campaign_id, e.lead_id, e.status, e.enrolled_at,
            NULL::integer AS step, NULL::timestamptz AS due_at
        FROM leadterra.enrollments e
        UNION ALL
        SELECT m.workspace_id, m.campaign_id, m.lead_id, NULL, NULL, m.step, m.due_at
        FROM leadterra.messages m
        WHERE m.state IN ('queued', 'retry', 'leased')
    ) u
    GROUP BY u.workspace_id, u.campaign_id, u.lead_id
    HAVING min(u.status) IS NOT NULL
) e
CROSS JOIN LATERAL (
    SELECT l.email
    FROM leadterra.leads l
    WHERE l.workspace_id = e.workspace_id AND l.lead_id = e.lead_id
    OFFSET 0
) l
CROSS JOIN LATERAL (
    SELECT c.status
    FROM leadterra.campaigns c
    WHERE c.workspace_id = e.workspace_id AND c.campaign_id = e.campaign_id
    OFFSET 0
) c
WHERE e.workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_enrollments IS
'Leads in campaigns with their states

next_step and next_due_at are those of the message that waits or is with a worker, null for a draft and for a lead whose sequence has ended.';

CREATE TYPE @extschema@.lt_stats AS (
    campaign_id uuid,
    total_enrolled bigint,
    sent bigint,
    delivered bigint,
    bounced bigint,
    replied bigint,
    unsubscribed bigint,
    skipped bigint,
    failed bigint,
    queued bigint,
    open_rate double precision,
    reply_rate double precision
);
COMMENT ON TYPE @extschema@.lt_stats IS 'Counts of a campaign; the rates are shares of delivered, from 0 to 1.';

CREATE FUNCTION leadterra.enter_campaign(scope text, campaign_id uuid)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_enter_campaign';

COMMENT ON FUNCTION leadterra.enter_campaign(text, uuid) IS
'Begin a call on a campaign that needs a scope, and return the campaign, or raise what leadterra.enter does, or PT404 campaign_not_found.';

-- The functions below ask for the campaign first, whatever the planner thinks:
-- that is where an unknown one is an error.  What lt_maintain has counted before
-- it was removed is added.
CREATE FUNCTION @extschema@.lt_campaign_stats(campaign_id uuid)
RETURNS @extschema@.lt_stats
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        c.campaign_id,
        c.leads_enrolled::bigint,
        (coalesce(t.sent, 0) + l.sent)::bigint,
        n.delivered,
        n.bounced,
        n.replied,
        n.unsubscribed,
        coalesce(t.skipped, 0) + x.skipped,
        coalesce(t.failed, 0) + x.failed,
        c.queued_messages::bigint,
        least(coalesce(n.opened / nullif(n.delivered, 0)::double precision, 0), 1),
        least(coalesce(n.replied / nullif(n.delivered, 0)::double precision, 0), 1)
    FROM leadterra.enter_campaign('campaigns:read', lt_campaign_stats.campaign_id) AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    LEFT JOIN leadterra.totals t ON t.workspace_id = c.workspace_id AND t.campaign_id = c.campaign_id
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(l.sent), 0) AS sent
        FROM leadterra.leases l
        WHERE l.workspace_id = c.workspace_id AND l.campaign_id = c.campaign_id
    ) l
    CROSS JOIN LATERAL (
        SELECT count(*) FILTER (WHERE x.state = 'skipped') AS skipped, count(*) FILTER (WHERE x.state = 'failed') AS failed
        FROM leadterra.exceptions x
        WHERE x.workspace_id = c.workspace_id AND x.campaign_id = c.campaign_id
    ) x
    CROSS JOIN LATERAL leadterra.count_events(c.workspace_id, c.campaign_id) v
    CROSS JOIN LATERAL (
        SELECT
            coalesce(t.delivered, 0) + v.delivered AS delivered,
            coalesce(t.opened, 0) + v.opened AS opened,
            coalesce(t.bounced, 0) + v.bounced AS bounced,
            coalesce(t.replied, 0) + v.replied AS replied,
            coalesce(t.unsubscribed, 0) + v.unsubscribed AS unsubscribed
    ) n;
END;

COMMENT ON FUNCTION @extschema@.lt_campaign_stats(uuid) IS
'Return the counts of a campaign

total_enrolled leaves out removed and deleted leads; sent counts messages that workers completed; delivered, bounced, replied and unsubscribed count messages with such an event (a reply out of office is none); queued is what waits, retries too. Errors: PT400 invalid_request, PT404 campaign_not_found.';

-- What a worker would say of a campaign if it could be asked.
CREATE FUNCTION @extschema@.lt_sending_status(campaign_id uuid)
RETURNS TABLE (status text, message text, next_due_at timestamptz)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        x.status,
        CASE x.status
            WHEN 'draft' THEN 'The campaign has not been started.'
            WHEN 'paused' THEN format('The campaign is paused since %s.', to_char(c.paused_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
            WHEN 'no_leads' THEN 'Nobody is enrolled in the campaign.'
            WHEN 'due' THEN 'Messages are due and wait for a worker to claim them.'
            WHEN 'lease_expired' THEN 'A worker let its lease run out; the next claim gives its messages back.'
            WHEN 'all_leased' THEN 'All messages that are due are with workers.'
            WHEN 'nothing_due' THEN format('The next message is due at %s.', to_char(h.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"'))
            ELSE 'Every lead has reached the end of its sequence.'
        END,
        CASE WHEN c.status = 'running' THEN least(h.due_at, l.expires_at) END
    FROM leadterra.enter_campaign('campaigns:read', lt_sending_status.campaign_id) AS r (campaign_id)
    CROSS JOIN LATERAL (
        SELECT *
        FROM leadterra.campaign_states c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = r.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN leadterra.clock() AS k (now)
    CROSS JOIN LATERAL (
        SELECT min(h.due_at) AS due_at
        FROM leadterra.queue_heads(c.workspace_id) h
        WHERE h.campaign_id = c.campaign_id
    ) h
    CROSS JOIN LATERAL (
        SELECT min(l.expires_at) AS expires_at
        FROM leadterra.leases l
        WHERE l.workspace_id = c.workspace_id AND l.campaign_id = c.campaign_id AND l.state = 'open'
    ) l
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN c.status <> 'running' THEN c.status
            WHEN c.leads_enrolled = 0 THEN 'no_leads'
            WHEN h.due_at <= k.now THEN 'due'
            WHEN l.expires_at <= k.now THEN 'lease_expired'
            WHEN l.expires_at IS NOT NULL THEN 'all_leased'
            WHEN h.due_at IS NOT NULL THEN 'nothing_due'
            ELSE 'finished'
        END AS status
    ) x;
END;

COMMENT ON FUNCTION @extschema@.lt_sending_status(uuid) IS
'Say in a word and a sentence why a campaign is sending nothing, or that it could

status is draft, paused, no_leads, due (messages wait for a worker), lease_expired, all_leased, nothing_due, or finished. Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_explain_lead(campaign_id uuid, email text)
RETURNS TABLE (step integer, message_id uuid, state text, reason text, attempt integer, due_at timestamptz, settled_at timestamptz)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT
        s.step::integer,
        leadterra.message_id(m.batch_id, m."position"),
        CASE
            WHEN m.state IS NULL THEN 'not_reached'
            WHEN c.status = 'draft' THEN 'enrolled'
            WHEN m.state IN ('queued', 'retry') AND (e.status <> 'active' OR l.verification_status = -1) THEN 'skipped'
            ELSE m.state
        END,
        CASE
            WHEN m.state IS NULL THEN nullif(e.status, 'active')
            WHEN m.state IN ('queued', 'retry') AND e.status <> 'active' THEN e.status
            WHEN m.state IN ('queued', 'retry') AND l.verification_status = -1 THEN 'invalid_email'
            ELSE coalesce(m.reason, CASE WHEN m.state IN ('queued', 'retry') AND c.status <> 'running' THEN c.status END)
        END,
        m.attempt::integer,
        m.due_at,
        m.settled_at
    FROM leadterra.enter_lead('campaigns:read', lt_explain_lead.campaign_id, lt_explain_lead.email) AS r (lead_id)
    CROSS JOIN LATERAL (
        SELECT c.workspace_id, c.campaign_id, c.status
        FROM leadterra.campaigns c
        WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = lt_explain_lead.campaign_id
          AND r.lead_id IS NOT NULL
        OFFSET 0
    ) c
    JOIN leadterra.enrollments e ON e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.lead_id = r.lead_id
    CROSS JOIN LATERAL (
        SELECT l.verification_status
        FROM leadterra.leads l
        WHERE l.workspace_id = c.workspace_id AND l.lead_id = r.lead_id
        OFFSET 0
    ) l
    CROSS JOIN LATERAL (
        SELECT array_agg(b.batch_id) AS batch_ids
        FROM leadterra.batches b
        WHERE b.workspace_id = c.workspace_id AND b.campaign_id = c.campaign_id AND b.lead_ids @> ARRAY[r.lead_id]
    ) b
    JOIN leadterra.steps s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id
    -- Of its batches alone: otherwise every message of the campaign would be made.
    LEFT JOIN LATERAL (
        SELECT m.batch_id, m."position", m.state, m.reason, m.attempt, m.due_at, m.settled_at
        FROM leadterra.messages m
        WHERE m.workspace_id = c.workspace_id AND m.campaign_id = c.campaign_id AND m.step = s.step
          AND m.batch_id = ANY (b.batch_ids) AND m.lead_id = r.lead_id
        OFFSET 0
    ) m ON true
    ORDER BY s.step;
END;

COMMENT ON FUNCTION @extschema@.lt_explain_lead(uuid, text) IS
'Say for each step of a campaign what became of the message of a lead, and why

state is one of lt_messages, enrolled (in a draft), or not_reached. reason is why a message is not sent, or what holds it (paused). Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 lead_not_found (not in the campaign).';
