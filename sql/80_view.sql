-- view: what people and PostgREST read.  Views span the domains, show the
-- current workspace alone, and run with the rights of whoever reads them.

-- The counts come from batches and from the few enrollments that ended, so
-- that they cost the same for ten leads and for a million.
CREATE VIEW leadterra.campaign_states WITH (security_invoker = true) AS
SELECT
    c.workspace_id,
    c.campaign_id,
    c.name,
    c.status,
    c.created_at,
    c.started_at,
    c.paused_at,
    s.steps,
    b.leads - d.leads - e.removed AS leads_enrolled,
    CASE WHEN c.status = 'draft' THEN 0 ELSE b.leads - d.leads - e.ended END AS queued_messages
FROM leadterra.campaigns c
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
    SELECT coalesce(sum(d.leads), 0)::bigint AS leads
    FROM leadterra.deletions d
    WHERE d.workspace_id = c.workspace_id AND d.campaign_id = c.campaign_id
) d
CROSS JOIN LATERAL (
    SELECT count(*) AS ended, count(*) FILTER (WHERE e.status = 'removed') AS removed
    FROM leadterra.enrollments e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.status <> 'active'
) e;
COMMENT ON VIEW leadterra.campaign_states IS 'Campaigns of all workspaces with their counts.';

CREATE VIEW @extschema@.lt_campaigns WITH (security_invoker = true) AS
SELECT
    campaign_id AS id, name, status, steps, leads_enrolled, queued_messages,
    created_at, started_at, paused_at
FROM leadterra.campaign_states
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_campaigns IS 'Campaigns with their states and counts';

CREATE VIEW @extschema@.lt_leads WITH (security_invoker = true) AS
SELECT
    lead_id AS id, email, first_name, last_name, company, job_title, phone, website,
    personalization, lead_value, interest_status, assigned_to, custom, created_at, updated_at
FROM leadterra.leads
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_leads IS 'Leads with their fields; what is not a standard field is in custom';

CREATE VIEW @extschema@.lt_suppressions WITH (security_invoker = true) AS
SELECT entry, reason, created_at
FROM leadterra.suppressions
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_suppressions IS 'Addresses, domains and wildcards that are never mailed';

-- The lateral look-ups keep it from comparing each message with each lead of
-- the workspace, which is what the planner chooses where it has no statistics.
CREATE VIEW @extschema@.lt_messages WITH (security_invoker = true) AS
SELECT
    leadterra.message_id(b.batch_id, u."position") AS id,
    b.campaign_id,
    b.step::integer AS step,
    u.lead_id,
    l.email,
    greatest(b.waiting_since, c.started_at) + make_interval(days => s.delay_days) AS due_at,
    CASE WHEN e.status = 'active' THEN 'queued' ELSE 'skipped' END AS state,
    nullif(e.status, 'active') AS reason
FROM leadterra.campaigns c
JOIN leadterra.batches b ON b.workspace_id = c.workspace_id AND b.campaign_id = c.campaign_id
JOIN leadterra.steps s ON s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id AND s.step = b.step
CROSS JOIN LATERAL unnest(b.lead_ids) WITH ORDINALITY AS u (lead_id, "position")
CROSS JOIN LATERAL (
    SELECT e.status
    FROM leadterra.enrollments e
    WHERE e.workspace_id = c.workspace_id AND e.campaign_id = c.campaign_id AND e.lead_id = u.lead_id
    OFFSET 0
) e
CROSS JOIN LATERAL (
    SELECT l.email
    FROM leadterra.leads l
    WHERE l.workspace_id = c.workspace_id AND l.lead_id = u.lead_id
    OFFSET 0
) l
WHERE c.workspace_id = @extschema@.lt_current_workspace()
  AND c.status <> 'draft';
COMMENT ON VIEW @extschema@.lt_messages IS
'Messages of started campaigns with their states

state is queued or skipped; reason says why a message is skipped. A paused campaign holds its queued messages.';

-- An active lead of a started campaign waits for step one since it was
-- enrolled, as its batch does.
CREATE VIEW @extschema@.lt_enrollments WITH (security_invoker = true) AS
SELECT
    e.campaign_id,
    e.lead_id,
    l.email,
    e.status,
    s.step::integer AS next_step,
    greatest(e.enrolled_at, c.started_at) + make_interval(days => s.delay_days) AS next_due_at,
    e.enrolled_at
FROM leadterra.enrollments e
CROSS JOIN LATERAL (
    SELECT l.email
    FROM leadterra.leads l
    WHERE l.workspace_id = e.workspace_id AND l.lead_id = e.lead_id
    OFFSET 0
) l
JOIN leadterra.campaigns c ON c.workspace_id = e.workspace_id AND c.campaign_id = e.campaign_id
LEFT JOIN leadterra.steps s
    ON s.workspace_id = e.workspace_id AND s.campaign_id = e.campaign_id AND s.step = 1
    AND e.status = 'active' AND c.status <> 'draft'
WHERE e.workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_enrollments IS
'Leads in campaigns with their states

next_step and next_due_at are those of the queued message, null for a draft and for a lead whose sequence has ended.';

