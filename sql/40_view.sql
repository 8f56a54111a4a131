-- view: what people and PostgREST read.  Views span the domains, show the
-- current workspace alone, and run with the rights of whoever reads them.

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
