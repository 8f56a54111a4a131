-- view: what people and PostgREST read.  Views span the domains, show the
-- current workspace alone, and run with the rights of whoever reads them.

CREATE VIEW @extschema@.lt_campaigns WITH (security_invoker = true) AS
SELECT
    campaign_id, name, status, steps, leads_enrolled, queued_messages,
    created_at, started_at, paused_at, owner, variables,
    pool_id, schedule, daily_limit, daily_new_leads, new_leads_first, bounce_limit,
    stop_on_auto_reply, pause_reason
FROM leadterra.campaign_states
WHERE workspace_id = leadterra.see('campaigns:read');
COMMENT ON VIEW @extschema@.lt_campaigns IS 'Campaigns with their states and counts';
COMMENT ON COLUMN @extschema@.lt_campaigns.campaign_id IS 'Id of the campaign.';
COMMENT ON COLUMN @extschema@.lt_campaigns.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_campaigns.status IS 'draft, running or paused.';
COMMENT ON COLUMN @extschema@.lt_campaigns.steps IS 'How many steps it has.';
COMMENT ON COLUMN @extschema@.lt_campaigns.leads_enrolled IS
    'Leads in it, less those removed and deleted.';
COMMENT ON COLUMN @extschema@.lt_campaigns.queued_messages IS
    'Messages that wait for a worker, less those that will be skipped; 0 for a draft.';
COMMENT ON COLUMN @extschema@.lt_campaigns.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_campaigns.started_at IS 'When it was first started; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaigns.paused_at IS 'Since when it is paused; null: it is not.';
COMMENT ON COLUMN @extschema@.lt_campaigns.owner IS
    'Whom lt_add_leads assigns leads to that have nobody.';
COMMENT ON COLUMN @extschema@.lt_campaigns.variables IS
    'Names of custom fields that lt_add_leads has met.';
COMMENT ON COLUMN @extschema@.lt_campaigns.pool_id IS
    'The pool whose senders mail its messages; null: the worker chooses.';
COMMENT ON COLUMN @extschema@.lt_campaigns.schedule IS
    'When messages may be handed out, as in lt_set_sending; null: always.';
COMMENT ON COLUMN @extschema@.lt_campaigns.daily_limit IS
    'Messages a day at most; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_campaigns.daily_new_leads IS
    'Leads a day at most that get their first message; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_campaigns.new_leads_first IS
    'Whether first messages come before those of later steps.';
COMMENT ON COLUMN @extschema@.lt_campaigns.bounce_limit IS
    'The share of bounces past which it pauses by itself; null: never.';
COMMENT ON COLUMN @extschema@.lt_campaigns.stop_on_auto_reply IS
    'Whether an automatic reply ends a sequence as a reply does.';
COMMENT ON COLUMN @extschema@.lt_campaigns.pause_reason IS
    'bounce_limit where it paused by itself; null: somebody paused it, or it is not paused.';

CREATE VIEW @extschema@.lt_senders WITH (security_invoker = true) AS
SELECT
    s.sender_id, s.email, s.name, s.reply_to, s.status, s.daily_limit, s.ramp_from, s.ramp_step,
    s.ramp_since, s.gap_seconds, s.gap_jitter_seconds, s.time_zone, s.transport,
    s.today, s.capacity_today, s.used_today, s.remaining_today, s.free_at,
    ARRAY(
        SELECT p.pool_id
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = s.workspace_id AND p.sender_id = s.sender_id AND NOT p.has_left
        ORDER BY p.pool_id
    ) AS pool_ids,
    s.created_at
FROM leadterra.sender_states s
WHERE s.workspace_id = leadterra.see('senders:read');
COMMENT ON VIEW @extschema@.lt_senders IS
'Senders with their settings, and with what they may hand out today

Each has days of its own zone. Those that were deleted are left out.';
COMMENT ON COLUMN @extschema@.lt_senders.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN @extschema@.lt_senders.email IS 'Its address in normal form.';
COMMENT ON COLUMN @extschema@.lt_senders.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN @extschema@.lt_senders.reply_to IS 'Where replies go; null: to the sender.';
COMMENT ON COLUMN @extschema@.lt_senders.status IS 'active, warming or paused.';
COMMENT ON COLUMN @extschema@.lt_senders.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_from IS
    'Messages on the first day of warming; null: it has none.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_step IS
    'How many more on each later day of warming.';
COMMENT ON COLUMN @extschema@.lt_senders.ramp_since IS
    'The first day of warming, a local day; null: it never was.';
COMMENT ON COLUMN @extschema@.lt_senders.gap_seconds IS 'Seconds between two messages at least.';
COMMENT ON COLUMN @extschema@.lt_senders.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN @extschema@.lt_senders.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN @extschema@.lt_senders.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN @extschema@.lt_senders.today IS 'The local day that it is.';
COMMENT ON COLUMN @extschema@.lt_senders.capacity_today IS
    'Messages that it may hand out on that day; 0 while it is paused; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.used_today IS
    'Messages that were handed out on it, less those that were given back.';
COMMENT ON COLUMN @extschema@.lt_senders.remaining_today IS
    'Messages that it may still hand out on it; null: no limit.';
COMMENT ON COLUMN @extschema@.lt_senders.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused.';
COMMENT ON COLUMN @extschema@.lt_senders.pool_ids IS 'The pools that it is in.';
COMMENT ON COLUMN @extschema@.lt_senders.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_pools WITH (security_invoker = true) AS
SELECT
    p.pool_id, p.name, s.senders,
    CASE WHEN s.is_limited THEN s.capacity END AS capacity_today,
    s.used AS used_today,
    CASE WHEN s.is_limited THEN s.remaining END AS remaining_today,
    p.created_at
FROM leadterra.pools p
CROSS JOIN LATERAL (
    SELECT
        count(*) AS senders,
        coalesce(bool_and(s.capacity_today IS NOT NULL), true) AS is_limited,
        coalesce(sum(s.capacity_today), 0)::bigint AS capacity,
        coalesce(sum(s.used_today), 0)::bigint AS used,
        coalesce(sum(s.remaining_today), 0)::bigint AS remaining
    FROM leadterra.pool_senders m
    CROSS JOIN LATERAL (
        SELECT s.capacity_today, s.used_today, s.remaining_today
        FROM leadterra.sender_states s
        WHERE s.workspace_id = m.workspace_id AND s.sender_id = m.sender_id
        OFFSET 0
    ) s
    WHERE m.workspace_id = p.workspace_id AND m.pool_id = p.pool_id AND NOT m.has_left
) s
WHERE p.workspace_id = leadterra.see('senders:read');
COMMENT ON VIEW @extschema@.lt_pools IS
'Pools of senders, and what these together may hand out today

Each sender has days of its own zone.';
COMMENT ON COLUMN @extschema@.lt_pools.pool_id IS 'Id of the pool.';
COMMENT ON COLUMN @extschema@.lt_pools.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_pools.senders IS
    'How many senders are in it, without those that have left and only go on.';
COMMENT ON COLUMN @extschema@.lt_pools.capacity_today IS
    'Messages that these may hand out today; null: one of them has no limit.';
COMMENT ON COLUMN @extschema@.lt_pools.used_today IS
    'Messages of these that were handed out today, for whatever pool.';
COMMENT ON COLUMN @extschema@.lt_pools.remaining_today IS
    'Messages that these may still hand out today; null: one of them has no limit.';
COMMENT ON COLUMN @extschema@.lt_pools.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_api_keys WITH (security_invoker = true) AS
SELECT key_id, label, scopes, created_at, revoked_at
FROM leadterra.api_keys
WHERE workspace_id = @extschema@.lt_current_workspace();
COMMENT ON VIEW @extschema@.lt_api_keys IS
'API keys, without what opens them

For the owner of the extension.';
COMMENT ON COLUMN @extschema@.lt_api_keys.key_id IS 'Id of the key, for lt_revoke_api_key.';
COMMENT ON COLUMN @extschema@.lt_api_keys.label IS 'A name for people.';
COMMENT ON COLUMN @extschema@.lt_api_keys.scopes IS 'What the key may do.';
COMMENT ON COLUMN @extschema@.lt_api_keys.created_at IS 'When it was created.';
COMMENT ON COLUMN @extschema@.lt_api_keys.revoked_at IS
    'When it was revoked; null: it opens its workspace.';

CREATE VIEW @extschema@.lt_leads WITH (security_invoker = true) AS
SELECT
    lead_id, email, first_name, last_name, company, job_title, phone, website,
    personalization, lead_value, interest_status, assigned_to, verification_status,
    custom, created_at, updated_at
FROM leadterra.leads
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_leads IS
'Leads with their fields

The newest come first by ORDER BY lead_id DESC, for which there is an index, as there is for
lead_id and email.';
COMMENT ON COLUMN @extschema@.lt_leads.lead_id IS 'Id of the lead.';
COMMENT ON COLUMN @extschema@.lt_leads.email IS
    'Address in normal form, its domain in A-labels; null: the person has none.';
COMMENT ON COLUMN @extschema@.lt_leads.first_name IS 'First name.';
COMMENT ON COLUMN @extschema@.lt_leads.last_name IS 'Last name.';
COMMENT ON COLUMN @extschema@.lt_leads.company IS 'Company.';
COMMENT ON COLUMN @extschema@.lt_leads.job_title IS 'Job title.';
COMMENT ON COLUMN @extschema@.lt_leads.phone IS 'Phone number, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.website IS 'Website, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.personalization IS 'A text for this person.';
COMMENT ON COLUMN @extschema@.lt_leads.lead_value IS 'Value of the lead, as given.';
COMMENT ON COLUMN @extschema@.lt_leads.interest_status IS
    'Interest: 1 interested, 2 to 4 on the way, negative not; null: unknown.';
COMMENT ON COLUMN @extschema@.lt_leads.assigned_to IS 'Who owns the lead: an id of the caller.';
COMMENT ON COLUMN @extschema@.lt_leads.verification_status IS
    'Verdict: 1 valid, 11 and 12 pending, -1 invalid, -2 risky, -3 catch-all, -4 job change.';
COMMENT ON COLUMN @extschema@.lt_leads.custom IS 'Fields that are not standard ones, an object.';
COMMENT ON COLUMN @extschema@.lt_leads.created_at IS 'When the lead was made.';
COMMENT ON COLUMN @extschema@.lt_leads.updated_at IS 'When a field last changed.';

CREATE VIEW @extschema@.lt_lists WITH (security_invoker = true) AS
SELECT
    l.list_id,
    l.name,
    (
        SELECT count(*)
        FROM leadterra.list_members m
        WHERE m.workspace_id = l.workspace_id AND m.list_id = l.list_id
    ) AS leads,
    l.created_at
FROM leadterra.lists l
WHERE l.workspace_id = leadterra.see('lists:read');
COMMENT ON VIEW @extschema@.lt_lists IS 'Lists with the numbers of their leads';
COMMENT ON COLUMN @extschema@.lt_lists.list_id IS 'Id of the list.';
COMMENT ON COLUMN @extschema@.lt_lists.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_lists.leads IS 'How many leads are on it.';
COMMENT ON COLUMN @extschema@.lt_lists.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_suppressions WITH (security_invoker = true) AS
SELECT entry, reason, created_at
FROM leadterra.suppressions
WHERE workspace_id = leadterra.see('blocklists:read')
  AND blocklist_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_suppressions IS
'Addresses, domains and wildcards that are never mailed';
COMMENT ON COLUMN @extschema@.lt_suppressions.entry IS
    'An address, a domain, a wildcard, or hmac: and a keyed hash.';
COMMENT ON COLUMN @extschema@.lt_suppressions.reason IS 'Why it was added.';
COMMENT ON COLUMN @extschema@.lt_suppressions.created_at IS 'When it was added.';

CREATE VIEW @extschema@.lt_blocklists WITH (security_invoker = true) AS
SELECT workspace_id AS blocklist_id, 'suppression list' AS name, true AS is_default, created_at
FROM leadterra.workspaces
WHERE workspace_id = leadterra.see('blocklists:read')
UNION ALL
SELECT blocklist_id, name, false, created_at
FROM leadterra.blocklists
WHERE workspace_id = leadterra.see('blocklists:read');
COMMENT ON VIEW @extschema@.lt_blocklists IS
'Block lists

The default one is the suppression list; its id is that of the workspace.';
COMMENT ON COLUMN @extschema@.lt_blocklists.blocklist_id IS 'Id of the list.';
COMMENT ON COLUMN @extschema@.lt_blocklists.name IS 'Its name.';
COMMENT ON COLUMN @extschema@.lt_blocklists.is_default IS 'Whether it is the suppression list.';
COMMENT ON COLUMN @extschema@.lt_blocklists.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_blocklist_entries WITH (security_invoker = true) AS
SELECT
    blocklist_id,
    entry,
    CASE
        WHEN entry LIKE 'hmac:%' THEN 'hash'
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

kind is address, domain, wildcard, or hash: the keyed hash of an address.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.blocklist_id IS 'The list.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.entry IS
    'An address, a domain, a wildcard, or hmac: and a keyed hash.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.kind IS
    'address, domain, wildcard, or hash.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.reason IS 'Why it was added.';
COMMENT ON COLUMN @extschema@.lt_blocklist_entries.created_at IS 'When it was added.';

CREATE VIEW @extschema@.lt_jobs WITH (security_invoker = true) AS
SELECT
    job_id, type, status, progress::integer AS progress, cardinality(lead_ids) AS leads,
    campaign_id, list_id, attempt::integer AS attempt, worker, error,
    created_at, updated_at, expires_at, finished_at
FROM leadterra.jobs
WHERE workspace_id = leadterra.see('jobs:read');
COMMENT ON VIEW @extschema@.lt_jobs IS
'Background jobs with their states

A job in progress is its worker''s until expires_at. Then it waits for the next claim.';
COMMENT ON COLUMN @extschema@.lt_jobs.job_id IS 'Id of the job.';
COMMENT ON COLUMN @extschema@.lt_jobs.type IS
    'What is to be done: verify_leads; move_leads was done when it was made.';
COMMENT ON COLUMN @extschema@.lt_jobs.status IS 'pending, in-progress, success or failed.';
COMMENT ON COLUMN @extschema@.lt_jobs.progress IS 'Percent, 0 to 100.';
COMMENT ON COLUMN @extschema@.lt_jobs.leads IS 'How many leads it has.';
COMMENT ON COLUMN @extschema@.lt_jobs.campaign_id IS 'The campaign that the leads came to.';
COMMENT ON COLUMN @extschema@.lt_jobs.list_id IS 'The list that the leads came to.';
COMMENT ON COLUMN @extschema@.lt_jobs.attempt IS 'The last attempt.';
COMMENT ON COLUMN @extschema@.lt_jobs.worker IS 'Who has it, or had it last.';
COMMENT ON COLUMN @extschema@.lt_jobs.error IS 'Why the last attempt failed.';
COMMENT ON COLUMN @extschema@.lt_jobs.created_at IS 'When it was made.';
COMMENT ON COLUMN @extschema@.lt_jobs.updated_at IS 'When anything last changed.';
COMMENT ON COLUMN @extschema@.lt_jobs.expires_at IS
    'When its worker has to be done; null unless it is in progress.';
COMMENT ON COLUMN @extschema@.lt_jobs.finished_at IS 'When it ended.';

CREATE VIEW @extschema@.lt_webhooks WITH (security_invoker = true) AS
SELECT
    webhook_id, url, events, campaign_id, status, disabled_reason, disabled_at, created_at
FROM leadterra.webhooks
WHERE workspace_id = leadterra.see('webhooks:read');
COMMENT ON VIEW @extschema@.lt_webhooks IS
'Webhooks with their states; nobody can read a secret

One that is disabled is told of nothing until lt_resume_webhook is called.';
COMMENT ON COLUMN @extschema@.lt_webhooks.webhook_id IS 'Id of the webhook.';
COMMENT ON COLUMN @extschema@.lt_webhooks.url IS 'Where deliveries go.';
COMMENT ON COLUMN @extschema@.lt_webhooks.events IS 'What it is told of.';
COMMENT ON COLUMN @extschema@.lt_webhooks.campaign_id IS
    'The campaign that it is told of; null: all of the workspace.';
COMMENT ON COLUMN @extschema@.lt_webhooks.status IS 'active or disabled.';
COMMENT ON COLUMN @extschema@.lt_webhooks.disabled_reason IS
    'gone (it answered 410) or given_up (five deliveries in a row failed for good).';
COMMENT ON COLUMN @extschema@.lt_webhooks.disabled_at IS
    'Since when it is disabled; null: it is not.';
COMMENT ON COLUMN @extschema@.lt_webhooks.created_at IS 'When it was created.';

CREATE VIEW @extschema@.lt_deliveries WITH (security_invoker = true) AS
SELECT
    delivery_id, webhook_id, event, attempt::integer AS attempt, succeeded, status_code, error,
    milliseconds, finished_at, retry_at
FROM leadterra.webhook_log
WHERE workspace_id = leadterra.see('webhooks:read');
COMMENT ON VIEW @extschema@.lt_deliveries IS
'Attempts to deliver what webhooks are told

All that failed, and at least the last hundred of each webhook that succeeded. lt_redeliver
takes the id of one.';
COMMENT ON COLUMN @extschema@.lt_deliveries.delivery_id IS
    'Id of the delivery, the same in every attempt.';
COMMENT ON COLUMN @extschema@.lt_deliveries.webhook_id IS 'The webhook.';
COMMENT ON COLUMN @extschema@.lt_deliveries.event IS 'What happened.';
COMMENT ON COLUMN @extschema@.lt_deliveries.attempt IS 'Which attempt it was, from 1.';
COMMENT ON COLUMN @extschema@.lt_deliveries.succeeded IS 'Whether the answer was 2xx.';
COMMENT ON COLUMN @extschema@.lt_deliveries.status_code IS
    'The HTTP status of the answer; null: none came.';
COMMENT ON COLUMN @extschema@.lt_deliveries.error IS 'What went wrong.';
COMMENT ON COLUMN @extschema@.lt_deliveries.milliseconds IS 'How long it took; null: unknown.';
COMMENT ON COLUMN @extschema@.lt_deliveries.finished_at IS 'When it ended.';
COMMENT ON COLUMN @extschema@.lt_deliveries.retry_at IS
    'When it is tried again; null: it succeeded, or was given up.';

CREATE VIEW @extschema@.lt_imports WITH (security_invoker = true) AS
SELECT
    i.import_id, i.campaign_id, i.source, i.mapping, i.rows_total, i.rows_done,
    i.enrolled, i.updated, i.rejected, i.started_at, i.updated_at, i.finished_at, i.repair,
    CASE
        WHEN i.finished_at IS NOT NULL THEN 'finished'
        WHEN leadterra.import_runs(i.import_id) THEN 'running'
        ELSE 'interrupted'
    END AS state,
    round(r.rate, 1) AS rows_per_second,
    CASE WHEN i.finished_at IS NULL THEN
        leadterra.import_time_left(i.rows_total - i.rows_done, r.rate)
    END AS time_left
FROM leadterra.imports i
CROSS JOIN LATERAL leadterra.import_rate(i.rows_done - i.run_rows, i.run_at, i.updated_at)
    AS r (rate)
WHERE i.workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_imports IS
'Imports by lt_import_table with their progress

Others see it as it goes on, after each chunk.';
COMMENT ON COLUMN @extschema@.lt_imports.import_id IS 'Id of the import.';
COMMENT ON COLUMN @extschema@.lt_imports.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_imports.source IS 'The table, by name.';
COMMENT ON COLUMN @extschema@.lt_imports.mapping IS 'Keys of leads and names of columns.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_total IS 'Rows of the table when it began.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_done IS
    'Rows that are done: enrolled, updated and rejected together.';
COMMENT ON COLUMN @extschema@.lt_imports.enrolled IS 'Rows that enrolled a lead.';
COMMENT ON COLUMN @extschema@.lt_imports.updated IS 'Rows that updated a lead.';
COMMENT ON COLUMN @extschema@.lt_imports.rejected IS 'Rows that were left out.';
COMMENT ON COLUMN @extschema@.lt_imports.started_at IS 'When it began.';
COMMENT ON COLUMN @extschema@.lt_imports.updated_at IS 'When the last chunk was committed.';
COMMENT ON COLUMN @extschema@.lt_imports.finished_at IS
    'When it ended; null: it runs, or was interrupted.';
COMMENT ON COLUMN @extschema@.lt_imports.repair IS
    'Whether the address is taken out of a text around it.';
COMMENT ON COLUMN @extschema@.lt_imports.state IS
    'running, finished, or interrupted: the same call goes on with it.';
COMMENT ON COLUMN @extschema@.lt_imports.rows_per_second IS
    'How fast it is, or was, since it was last called.';
COMMENT ON COLUMN @extschema@.lt_imports.time_left IS
    'How long it takes from its last chunk on at that rate; null: it has finished.';

CREATE VIEW @extschema@.lt_import_rejects WITH (security_invoker = true) AS
SELECT import_id, row_number, reason, field, code, lead
FROM leadterra.import_rejects
WHERE workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_import_rejects IS
'Rows that imports left out, and why

Nothing is kept of a suppressed lead.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.import_id IS 'The import.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.row_number IS 'Number of the row, from 1.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.reason IS 'Why it was left out.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.code IS
    'What is invalid about it, as in the errors of PT422; the reason where nothing is.';
COMMENT ON COLUMN @extschema@.lt_import_rejects.lead IS
    'The lead object; null where the address is suppressed.';

CREATE VIEW @extschema@.lt_import_reject_counts WITH (security_invoker = true) AS
SELECT import_id, code, field, count(*) AS rows, min(row_number) AS example_row
FROM leadterra.import_rejects
WHERE workspace_id = leadterra.see('leads:read')
GROUP BY import_id, code, field;
COMMENT ON VIEW @extschema@.lt_import_reject_counts IS
'Why imports left rows out, and how many

lt_import_rejects has the rows.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.import_id IS 'The import.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.code IS
    'What is invalid, as in the errors of PT422, or suppressed.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.field IS
    'The field that is invalid; null: none is.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.rows IS 'How many rows were left out for it.';
COMMENT ON COLUMN @extschema@.lt_import_reject_counts.example_row IS
    'Number of the first of them, from 1.';

-- The lateral look-ups keep it from comparing each message with each lead of
-- the workspace, which is what the planner chooses where it has no statistics.
CREATE VIEW @extschema@.lt_messages WITH (security_invoker = true) AS
SELECT
    leadterra.message_id(m.batch_id, m."position") AS message_id,
    m.campaign_id,
    m.step::integer AS step,
    m.lead_id,
    l.email,
    m.due_at,
    leadterra.shown_state(m.state, e.status, l.verification_status) AS state,
    leadterra.shown_reason(m.state, m.reason, e.status, l.verification_status) AS reason,
    m.attempt::integer AS attempt,
    m.lease_id,
    m.settled_at
FROM leadterra.messages m
CROSS JOIN LATERAL (
    SELECT e.status
    FROM leadterra.enrollments e
    WHERE e.workspace_id = m.workspace_id AND e.campaign_id = m.campaign_id
      AND e.lead_id = m.lead_id
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

leased means that a worker has it. A paused campaign holds its queued messages. Each query
makes all messages of a campaign, or of all: for one message call lt_get_message, for a
page of them lt_campaign_messages, for those of a lead lt_explain_lead, for leases read
lt_leases.';
COMMENT ON COLUMN @extschema@.lt_messages.message_id IS 'Id of the message.';
COMMENT ON COLUMN @extschema@.lt_messages.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_messages.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @extschema@.lt_messages.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_messages.email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_messages.due_at IS 'When it is, or was, due.';
COMMENT ON COLUMN @extschema@.lt_messages.state IS
    'queued, leased, sent, retry, failed or skipped.';
COMMENT ON COLUMN @extschema@.lt_messages.reason IS
    'Why it failed, was skipped or waits again: lease expired where a worker told nothing.';
COMMENT ON COLUMN @extschema@.lt_messages.attempt IS 'The attempt to come, at hand, or the last.';
COMMENT ON COLUMN @extschema@.lt_messages.lease_id IS 'The lease that holds or sent it.';
COMMENT ON COLUMN @extschema@.lt_messages.settled_at IS
    'When its lease was closed, or it was skipped or failed.';

CREATE VIEW @extschema@.lt_leases WITH (security_invoker = true) AS
SELECT
    l.lease_id,
    l.campaign_id,
    l.worker,
    l.state,
    r.messages,
    CASE l.state
        WHEN 'open' THEN r.messages - coalesce(bit_count(l.settled), 0)::integer
        ELSE 0
    END AS unsettled,
    l.sent,
    l.expires_at,
    l.closed_at
FROM leadterra.leases l
CROSS JOIN LATERAL (
    SELECT sum(u.last - u.first + 1)::integer AS messages
    FROM unnest(l.firsts, l.lasts) AS u (first, last)
) r
WHERE l.workspace_id = leadterra.see('messages:read');
COMMENT ON VIEW @extschema@.lt_leases IS
'Leases: what workers hold, and held

Those that are closed are kept as long as lt_maintain keeps what was sent.';
COMMENT ON COLUMN @extschema@.lt_leases.lease_id IS 'Id of the lease.';
COMMENT ON COLUMN @extschema@.lt_leases.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_leases.worker IS 'Who claimed it, by name.';
COMMENT ON COLUMN @extschema@.lt_leases.state IS
    'open, closed (all is settled) or lost (it ran out and was given back).';
COMMENT ON COLUMN @extschema@.lt_leases.messages IS 'How many messages were handed out.';
COMMENT ON COLUMN @extschema@.lt_leases.unsettled IS 'How many its worker has not reported on yet.';
COMMENT ON COLUMN @extschema@.lt_leases.sent IS 'How many were completed.';
COMMENT ON COLUMN @extschema@.lt_leases.expires_at IS 'When it runs out.';
COMMENT ON COLUMN @extschema@.lt_leases.closed_at IS
    'When it was closed or lost; null: it is open.';

CREATE VIEW @extschema@.lt_replies WITH (security_invoker = true) AS
SELECT
    v.event_id AS reply_id,
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
COMMENT ON COLUMN @extschema@.lt_replies.reply_id IS 'Id of the reply.';
COMMENT ON COLUMN @extschema@.lt_replies.email IS
    'Address of the lead; null: the lead was deleted.';
COMMENT ON COLUMN @extschema@.lt_replies.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_replies.classification IS
    'interested, not_interested, out_of_office, bounce or unsubscribe; null: nobody has told it.';
COMMENT ON COLUMN @extschema@.lt_replies.received_at IS 'When it was recorded.';
COMMENT ON COLUMN @extschema@.lt_replies.thread_snippet IS 'Some of its text.';
COMMENT ON COLUMN @extschema@.lt_replies.message_id IS 'The message that it answers.';
COMMENT ON COLUMN @extschema@.lt_replies.lead_id IS 'The lead.';

-- A lead stands at the step whose message waits or is with a worker.  The two
-- are put together by grouping, because where the planner has no statistics it
-- would compare each enrollment with each message.
CREATE VIEW @extschema@.lt_enrollments WITH (security_invoker = true) AS
SELECT
    e.campaign_id,
    e.lead_id,
    l.email,
    e.status,
    CASE WHEN n.goes_on THEN e.step END AS next_step,
    CASE WHEN n.goes_on THEN e.due_at END AS next_due_at,
    e.enrolled_at
FROM (
    SELECT
        u.workspace_id, u.campaign_id, u.lead_id,
        min(u.status) AS status, min(u.enrolled_at) AS enrolled_at,
        min(u.step) AS step, min(u.due_at) AS due_at
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
    SELECT l.email, l.verification_status
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
CROSS JOIN LATERAL (
    SELECT e.status = 'active' AND c.status <> 'draft'
        AND l.verification_status IS DISTINCT FROM -1 AS goes_on
) n
WHERE e.workspace_id = leadterra.see('leads:read');
COMMENT ON VIEW @extschema@.lt_enrollments IS
'Leads in campaigns with their states

A draft has no next step, and neither has a lead whose sequence has ended, or whose address
is invalid. Each query makes
all messages of a campaign, or of all: for a page of leads call lt_campaign_leads, for the
campaigns of a lead lt_lead_campaigns.';
COMMENT ON COLUMN @extschema@.lt_enrollments.campaign_id IS 'The campaign.';
COMMENT ON COLUMN @extschema@.lt_enrollments.lead_id IS 'The lead.';
COMMENT ON COLUMN @extschema@.lt_enrollments.email IS 'Its address.';
COMMENT ON COLUMN @extschema@.lt_enrollments.status IS
    'active, replied, bounced, unsubscribed or removed.';
COMMENT ON COLUMN @extschema@.lt_enrollments.next_step IS
    'The step whose message waits or is with a worker; null: none.';
COMMENT ON COLUMN @extschema@.lt_enrollments.next_due_at IS 'When that message is due.';
COMMENT ON COLUMN @extschema@.lt_enrollments.enrolled_at IS 'When it came to the campaign.';
