-- privilege: what a key opens and what it does not: every function and view.
BEGIN;

-- Two workspaces that hold something of everything.
\set schema public
\ir ../workspace.sql
CREATE TEMP TABLE ids AS SELECT pg_temp.fill('A') AS a, pg_temp.fill('B') AS b;
SELECT a ->> 'key' AS key_a, a ->> 'workspace' AS a, b ->> 'workspace' AS b FROM ids \gset

CREATE ROLE lt_test_api;
SELECT lt_grant_api('lt_test_api');
GRANT SELECT ON ids TO lt_test_api;

-- What belongs to the extension.
CREATE TEMP TABLE members AS
SELECT coalesce(p.proname, c.relname)::text AS name, coalesce(p.oid::regprocedure::text, c.oid::regclass::text) AS identity,
    CASE WHEN p.oid IS NOT NULL THEN 'function' WHEN c.relkind = 'v' THEN 'view' ELSE 'table' END AS kind,
    coalesce(p.pronamespace, c.relnamespace) = 'leadterra'::regnamespace AS internal, p.oid AS function_oid, c.oid AS relation_oid
FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v')
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND coalesce(p.oid, c.oid) IS NOT NULL;

-- Every call and view, from A, with the ids of B: what comes of it, and the scope
-- that it needs.  $x stands for the id of B that has that name.
-- Whether an answer has an id of B in one of its forms.
CREATE FUNCTION pg_temp.names_b(answer jsonb) RETURNS boolean LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT answer::text ~ (SELECT string_agg(value, '|') || '|' || string_agg(right(lt_typeid('x', value::uuid), 26), '|') FILTER (WHERE value ~ '^[0-9a-f-]{36}$') FROM ids, jsonb_each_text(b))
$$;
CREATE TEMP TABLE lines (name text, scope text, call text, outcome text);
INSERT INTO lines VALUES
('lt_add_leads', 'leads:create', 'lt_add_leads(''[{"email": "x@example.com"}]'', campaign_id => $campaign)', 'PT404'),
('lt_add_leads', 'leads:create', 'lt_add_leads(''[{"email": "x@example.com"}]'', list_id => $list)', 'PT404'),
('lt_add_leads', 'leads:create', 'lt_add_leads(''[{"email": "x@example.com"}]'', list_id => (SELECT list_id FROM lt_lists LIMIT 1), blocklist_id => $blocklist)', 'PT404'),
('lt_block', 'blocklists:create', 'lt_block(''{x.example}'', $blocklist)', 'PT404'),
('lt_block', 'blocklists:create', 'lt_block(''{x.example}'', $workspace)', 'PT404'),
('lt_bounce_messages', 'messages:update', 'lt_bounce_messages($lease, ARRAY[$message]::uuid[], ''no'')', 'PT409'),
('lt_bulk_upsert', 'leads:create', 'lt_bulk_upsert($campaign, ''[{"email": "a@example.com"}]'')', 'PT404'),
('lt_bulk_upsert_report', 'leads:create', 'lt_bulk_upsert_report($campaign, ''[{"email": "a@example.com"}]'', dry_run => true)', 'PT404'),
('lt_campaign_stats', 'campaigns:read', 'lt_campaign_stats($campaign)', 'PT404'),
('lt_step_stats', 'campaigns:read', 'lt_step_stats($campaign)', 'PT404'),
('lt_daily_stats', 'campaigns:read', 'lt_daily_stats($campaign)', 'PT404'),
('lt_claim_job', 'jobs:update', '(SELECT count(*) FROM lt_claim_job())', '0'),
('lt_claim_messages', 'messages:update', 'lt_claim_messages(1, ''1 minute'', $campaign)', 'PT404'),
('lt_claim_messages', 'messages:update', '(SELECT bool_and(campaign_id = $own_campaign) FROM lt_claim_messages(10))', 'true'),
('lt_complete_messages', 'messages:update', 'lt_complete_messages($lease)', 'PT409'),
('lt_copy_campaign', 'campaigns:create', 'lt_copy_campaign($campaign)', 'PT404'),
('lt_create_blocklist', 'blocklists:create', 'lt_create_blocklist(''x'') <> $blocklist', 'true'),
('lt_create_campaign', 'campaigns:create', 'lt_create_campaign(''x'') <> $campaign', 'true'),
('lt_create_list', 'lists:create', 'lt_create_list(''x'') <> $list', 'true'),
('lt_create_pool', 'senders:create', 'lt_create_pool(''x'') <> $pool', 'true'),
('lt_create_sender', 'senders:create', 'lt_create_sender(''b@sender.example'') <> $sender', 'true'),
('lt_defer_messages', 'messages:update', 'lt_defer_messages($lease, ARRAY[$message]::uuid[], ''1 hour'', ''no'')', 'PT409'),
('lt_delete_blocklist', 'blocklists:delete', 'lt_delete_blocklist($blocklist)', 'PT404'),
('lt_delete_campaign', 'campaigns:delete', 'lt_delete_campaign($draft)', 'PT404'),
('lt_find_leads', 'leads:read', '(SELECT count(*) FROM lt_find_leads($campaign))', 'PT404'),
('lt_find_leads', 'leads:read', '(SELECT count(*) FROM lt_find_leads(list_id => $list))', 'PT404'),
('lt_find_leads', 'leads:read', '(SELECT count(*) FROM lt_find_leads(lead_ids => ARRAY[$lead]::uuid[]))', '0'),
('lt_find_leads', 'leads:read', '(SELECT string_agg(f::text, '''') ~ (SELECT string_agg(value, ''|'') FROM jsonb_each_text((SELECT b FROM ids))) FROM lt_find_leads() f)', 'false'),
('lt_change_lead', 'leads:update', 'lt_change_lead($lead, ''{"phone": "1"}'')', 'PT404'),
('lt_delete_lead', 'leads:delete', 'lt_delete_lead($lead)', 'PT404'),
('lt_delete_leads', 'leads:delete', 'lt_delete_leads(''{a@example.com}'')', '1'),
('lt_delete_list', 'lists:delete', 'lt_delete_list($list)', 'PT404'),
('lt_rename_list', 'lists:update', 'lt_rename_list($list, ''x'')', 'PT404'),
('lt_draft_campaign', 'campaigns:create', 'lt_draft_campaign(''x'', ''[]'', jsonb_build_object(''poolId'', $pool))', 'PT404'),
('lt_delete_pool', 'senders:delete', 'lt_delete_pool($other_pool)', 'PT404'),
('lt_delete_sender', 'senders:delete', 'lt_delete_sender($sender)', 'PT404'),
('lt_delete_sender', 'senders:delete', 'lt_delete_sender((SELECT sender_id FROM lt_senders LIMIT 1), $sender)', 'PT404'),
('lt_enroll_list', 'leads:create', 'lt_enroll_list($list, (SELECT campaign_id FROM lt_campaigns LIMIT 1))', 'PT404'),
('lt_enroll_list', 'leads:create', 'lt_enroll_list((SELECT list_id FROM lt_lists LIMIT 1), $campaign)', 'PT404'),
('lt_campaign_leads', 'leads:read', 'lt_campaign_leads($campaign)', 'PT404'),
('lt_campaign_messages', 'messages:read', 'lt_campaign_messages($campaign)', 'PT404'),
('lt_get_message', 'messages:read', 'lt_get_message($message)', 'PT404'),
('lt_lead_campaigns', 'leads:read', 'lt_lead_campaigns($lead)', 'PT404'),
('lt_preview_message', 'campaigns:read', 'lt_preview_message($campaign, 1, $lead)', 'PT404'),
('lt_preview_message', 'campaigns:read', 'lt_preview_message($own_campaign, 1, $lead)', 'PT404'),
('lt_explain_lead', 'campaigns:read', 'lt_explain_lead($campaign, ''a@example.com'')', 'PT404'),
('lt_extend_lease', 'messages:update', 'lt_extend_lease($lease, ''1 hour'')', 'PT409'),
('lt_fail_messages', 'messages:update', 'lt_fail_messages($lease, ARRAY[$message]::uuid[], ''no'')', 'PT409'),
('lt_fail_messages', 'messages:update', 'lt_fail_messages($lease, ARRAY[$message]::uuid[], ''550 5.1.1 no'', true)', 'PT409'),
('lt_finish_job', 'jobs:update', 'lt_finish_job($job)', 'PT409'),
('lt_forget', 'leads:delete', 'lt_forget(''b@example.com'')', 'true'),
('lt_export_person', 'leads:delete', '(lt_export_person(''a@example.com'')::text ~ (SELECT string_agg(value, ''|'') FROM jsonb_each_text((SELECT b FROM ids))))', 'false'),
('lt_import_table', 'leads:create', NULL, NULL),
('lt_forecast', 'campaigns:read', '(SELECT count(*) FROM lt_forecast($campaign))', 'PT404'),
('lt_forecast', 'campaigns:read', '(SELECT count(*) FROM lt_forecast($own_campaign, jsonb_build_object(''poolId'', $pool)))', 'PT404'),
('lt_is_suppressed', 'blocklists:read', '(SELECT count(*) FROM lt_is_suppressed(''no@example.com''))', '1'),
('lt_list_suppressions', 'blocklists:read', '(SELECT count(*) FROM lt_list_suppressions() WHERE entry LIKE ''%b.example%'')', '0'),
('lt_job_progress', 'jobs:update', 'lt_job_progress($job, 50)', 'PT409'),
('lt_list_leads', 'leads:read', 'lt_list_leads($list)', 'PT404'),
('lt_merge_leads', 'leads:update', 'lt_merge_leads($lead, (SELECT lead_id FROM lt_leads LIMIT 1))', 'PT404'),
('lt_move_leads', 'leads:update', 'lt_move_leads(ARRAY[$lead]::uuid[], from_list_id => $list, to_list_id => $other_list)', 'PT404'),
('lt_move_leads_noted', 'leads:update', 'lt_move_leads_noted(ARRAY[$lead]::uuid[], from_list_id => $list, to_list_id => $other_list)', 'PT404'),
('lt_next_due', 'messages:read', 'lt_next_due() IS NOT NULL', 'true'),
('lt_pause_campaign', 'campaigns:update', 'lt_pause_campaign($campaign)', 'PT404'),
('lt_preflight', 'campaigns:read', 'lt_preflight($campaign)', 'PT404'),
('lt_record_event', 'messages:update', 'lt_record_event($message, ''opened'')', 'PT404'),
('lt_release_lease', 'messages:update', 'lt_release_lease($lease)', 'PT409'),
('lt_remove_from_list', 'lists:update', 'lt_remove_from_list($list, ARRAY[$lead]::uuid[])', 'PT404'),
('lt_remove_leads', 'leads:update', 'lt_remove_leads($campaign, ''{a@example.com}'')', 'PT404'),
('lt_rename_campaign', 'campaigns:update', 'lt_rename_campaign($campaign, ''x'')', 'PT404'),
('lt_rename_pool', 'senders:update', 'lt_rename_pool($pool, ''x'')', 'PT404'),
('lt_restart_leads', 'leads:update', 'lt_restart_leads($campaign, ''{a@example.com}'')', 'PT404'),
('lt_sending_status', 'campaigns:read', 'lt_sending_status($campaign)', 'PT404'),
('lt_set_campaign_owner', 'campaigns:update', 'lt_set_campaign_owner($campaign, NULL)', 'PT404'),
('lt_set_pool_senders', 'senders:update', 'lt_set_pool_senders($pool, ''{}'')', 'PT404'),
('lt_set_pool_senders', 'senders:update', 'lt_set_pool_senders((SELECT pool_id FROM lt_pools LIMIT 1), ARRAY[$sender]::uuid[])', 'PT404'),
('lt_set_sending', 'campaigns:update', 'lt_set_sending($draft, ''{}'')', 'PT404'),
('lt_set_sending', 'campaigns:update', 'lt_set_sending($own_campaign, jsonb_build_object(''poolId'', $pool))', 'PT404'),
('lt_set_soft_bounce_limit', 'workspaces:update', 'lt_set_soft_bounce_limit(3)', ''),
('lt_create_webhook', 'webhooks:create', 'lt_create_webhook(''https://x.example/'', ''{message.sent}'', $campaign)', 'PT404'),
('lt_update_webhook', 'webhooks:update', 'lt_update_webhook($webhook, ''https://x.example/'')', 'PT404'),
('lt_delete_webhook', 'webhooks:delete', 'lt_delete_webhook($webhook)', 'PT404'),
('lt_resume_webhook', 'webhooks:update', 'lt_resume_webhook($webhook)', 'PT404'),
('lt_classify_reply', 'replies:update', 'lt_classify_reply($reply, ''interested'')', 'PT404'),
('lt_redeliver', 'webhooks:update', 'lt_redeliver($delivery)', 'PT404'),
('lt_claim_deliveries', 'messages:update', '(SELECT bool_and(url = ''https://a.example/'') FROM lt_claim_deliveries())', 'true'),
('lt_finish_delivery', 'messages:update', 'lt_finish_delivery($delivery_lease, $leased_delivery, 200)', 'PT409'),
('lt_next_delivery', 'messages:read', 'lt_next_delivery() IS NOT NULL', 'true'),
('lt_continue_campaign', 'campaigns:update', 'lt_continue_campaign($draft)', 'PT404'),
('lt_set_steps', 'campaigns:update', 'lt_set_steps($draft, ''[]'')', 'PT404'),
('lt_set_unsubscribe_url', 'workspaces:update', 'lt_set_unsubscribe_url(''https://example.net/'')', ''),
('lt_set_postal_address', 'workspaces:update', 'lt_set_postal_address(''1 Main Street'')', ''),
('lt_set_verification', 'leads:update', 'lt_set_verification(ARRAY[$lead]::uuid[], ''{-1}'')', '0'),
('lt_start_campaign', 'campaigns:update', 'lt_start_campaign($campaign)', 'PT404'),
('lt_suppress', 'blocklists:create', 'lt_suppress(''{x.example}'')', '(1,0,1)'),
('lt_unblock', 'blocklists:delete', 'lt_unblock(''{no@example.com}'', $blocklist)', 'PT404'),
('lt_unsuppress', 'blocklists:delete', 'lt_unsuppress(''{no@example.com}'')', '1'),
('lt_update_lead', 'leads:update', 'lt_update_lead(''a@example.com'', ''{"phone": "1"}'')', ''),
('lt_update_sender', 'senders:update', 'lt_update_sender($sender, ''{}'')', 'PT404'),
-- The routes over HTTP answer with the error.
('POST /v1/campaigns', 'campaigns:create', 'pg_temp.http(''POST'', ''/v1/campaigns'', ''{"name": "x"}'') ->> ''status''', 'draft'),
('GET /v1/campaigns', 'campaigns:read', 'pg_temp.names_b(pg_temp.http(''GET'', ''/v1/campaigns''))', 'false'),
('GET /v1/campaigns/{campaign_id}', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign) ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/leads', 'leads:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/leads'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/stats/steps', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/stats/steps'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/stats/days', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/stats/days'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/forecast', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/forecast'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/preflight', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/preflight'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/messages', 'messages:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/messages'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/leads/{lead_id}', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $own_campaign || ''/leads/'' || $lead) ->> ''code''', 'lead_not_found'),
('GET /v1/campaigns/{campaign_id}/leads/{lead_id}', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/leads/'' || $lead) ->> ''code''', 'campaign_not_found'),
('GET /v1/leads', 'leads:read', 'pg_temp.names_b(pg_temp.http(''GET'', ''/v1/leads''))', 'false'),
('GET /v1/leads/{lead_id}', 'leads:read', 'pg_temp.http(''GET'', ''/v1/leads/'' || $lead) ->> ''code''', 'lead_not_found'),
('PATCH /v1/leads/{lead_id}', 'leads:update', 'pg_temp.http(''PATCH'', ''/v1/leads/'' || $lead, ''{"phone": "1"}'') ->> ''code''', 'lead_not_found'),
('DELETE /v1/leads/{lead_id}', 'leads:delete', 'pg_temp.http(''DELETE'', ''/v1/leads/'' || $lead) ->> ''code''', 'lead_not_found'),
('GET /v1/leads/{lead_id}/campaigns', 'leads:read', 'pg_temp.http(''GET'', ''/v1/leads/'' || $lead || ''/campaigns'') ->> ''code''', 'lead_not_found'),
('POST /v1/campaigns/{campaign_id}/leads/bulk', 'leads:create', 'pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/leads/bulk'', ''{"leads": [{"email": "x@example.com"}]}'') ->> ''code''', 'campaign_not_found'),
('POST /v1/campaigns/{campaign_id}/start', 'campaigns:update', 'pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/start'') ->> ''code''', 'campaign_not_found'),
('POST /v1/campaigns/{campaign_id}/pause', 'campaigns:update', 'pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/pause'') ->> ''code''', 'campaign_not_found'),
('GET /v1/campaigns/{campaign_id}/stats', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/stats'') ->> ''code''', 'campaign_not_found'),
('PATCH /v1/campaigns/{campaign_id}', 'campaigns:update', 'pg_temp.http(''PATCH'', ''/v1/campaigns/'' || $campaign, ''{"name": "x"}'') ->> ''code''', 'campaign_not_found'),
('PATCH /v1/campaigns/{campaign_id}', 'campaigns:update', 'pg_temp.http(''PATCH'', ''/v1/campaigns/'' || $own_campaign, format(''{"settings": {"poolId": "%s"}}'', $pool)) ->> ''code''', 'pool_not_found'),
('DELETE /v1/campaigns/{campaign_id}', 'campaigns:delete', 'pg_temp.http(''DELETE'', ''/v1/campaigns/'' || $draft) ->> ''code''', 'campaign_not_found'),
('GET /v1/webhooks', 'webhooks:read', 'pg_temp.names_b(pg_temp.http(''GET'', ''/v1/webhooks''))', 'false'),
('POST /v1/webhooks', 'webhooks:create', 'pg_temp.http(''POST'', ''/v1/webhooks'', format(''{"url": "https://x.example/", "events": ["message.sent"], "campaignId": "%s"}'', $campaign)) ->> ''code''', 'campaign_not_found'),
('GET /v1/webhooks/{webhook_id}', 'webhooks:read', 'pg_temp.http(''GET'', ''/v1/webhooks/'' || $webhook || '''') ->> ''code''', 'webhook_not_found'),
('DELETE /v1/webhooks/{webhook_id}', 'webhooks:delete', 'pg_temp.http(''DELETE'', ''/v1/webhooks/'' || $webhook || '''') ->> ''code''', 'webhook_not_found'),
('POST /v1/webhooks/{webhook_id}/resume', 'webhooks:update', 'pg_temp.http(''POST'', ''/v1/webhooks/'' || $webhook || ''/resume'') ->> ''code''', 'webhook_not_found'),
('GET /v1/webhooks/{webhook_id}/deliveries', 'webhooks:read', 'pg_temp.http(''GET'', ''/v1/webhooks/'' || $webhook || ''/deliveries'') ->> ''code''', 'webhook_not_found'),
('POST /v1/deliveries/{delivery_id}/redeliver', 'webhooks:update', 'pg_temp.http(''POST'', ''/v1/deliveries/'' || $delivery || ''/redeliver'') ->> ''code''', 'delivery_not_found'),
('GET /v1/campaigns/{campaign_id}/preview', 'campaigns:read', 'pg_temp.http(''GET'', ''/v1/campaigns/'' || $own_campaign || ''/preview?leadId='' || $lead) ->> ''code''', 'lead_not_found'),
('GET /v1/suppression-list', 'blocklists:read', 'pg_temp.http(''GET'', ''/v1/suppression-list?search=no@'') #>> ''{data,0,entry}''', 'no@example.com'),
('DELETE /v1/suppression-list', 'blocklists:delete', 'pg_temp.http(''DELETE'', ''/v1/suppression-list'', ''{"emails": ["no@example.com"]}'') ->> ''removed''', '1'),
('GET /v1/sender-pools', 'senders:read', 'pg_temp.names_b(pg_temp.http(''GET'', ''/v1/sender-pools''))', 'false'),
('GET /v1/sender-accounts', 'senders:read', 'pg_temp.names_b(pg_temp.http(''GET'', ''/v1/sender-accounts''))', 'false'),
('POST /v1/suppression-list', 'blocklists:create', 'pg_temp.http(''POST'', ''/v1/suppression-list'', ''{"emails": ["x@example.com"]}'') ->> ''suppressed''', '1'),
('PATCH /v1/replies/{reply_id}', 'replies:update', 'pg_temp.http(''PATCH'', ''/v1/replies/'' || $reply, ''{"classification": "interested"}'') ->> ''code''', 'reply_not_found'),
('GET /v1/replies', 'replies:read', 'pg_temp.http(''GET'', ''/v1/replies?campaignId='' || $campaign) ->> ''code''', 'campaign_not_found'),
('POST /api/v2/leads/add', 'leads:create', 'pg_temp.http(''POST'', ''/api/v2/leads/add'', format(''{"campaign_id": "%s", "leads": [{"email": "x@example.com"}]}'', $campaign)) ->> ''code''', 'campaign_not_found'),
('POST /api/v2/leads/add', 'leads:create', 'pg_temp.http(''POST'', ''/api/v2/leads/add'', format(''{"list_id": "%s", "leads": [{"email": "x@example.com"}]}'', $list)) ->> ''code''', 'list_not_found'),
('GET /api/v2/campaigns', 'campaigns:read', 'pg_temp.http(''GET'', ''/api/v2/campaigns'') ->> ''next_starting_after''', 'null'),
('POST /api/v2/campaigns', 'campaigns:create', 'pg_temp.http(''POST'', ''/api/v2/campaigns'', ''{"name": "x", "campaign_schedule": {"schedules": [{"name": "x", "timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true}, "timezone": "UTC"}]}}'') ->> ''status''', '0'),
('GET /api/v2/campaigns/analytics', 'campaigns:read', 'pg_temp.http(''GET'', ''/api/v2/campaigns/analytics?ids='' || $campaign) ->> ''code''', 'campaign_not_found'),
('GET /api/v2/campaigns/analytics/daily', 'campaigns:read', 'pg_temp.http(''GET'', ''/api/v2/campaigns/analytics/daily?campaign_id='' || $campaign) ->> ''code''', 'campaign_not_found'),
('GET /api/v2/campaigns/{campaign_id}', 'campaigns:read', 'pg_temp.http(''GET'', ''/api/v2/campaigns/'' || $campaign) ->> ''code''', 'campaign_not_found'),
('PATCH /api/v2/campaigns/{campaign_id}', 'campaigns:update', 'pg_temp.http(''PATCH'', ''/api/v2/campaigns/'' || $campaign, ''{"name": "x"}'') ->> ''code''', 'campaign_not_found'),
('DELETE /api/v2/campaigns/{campaign_id}', 'campaigns:delete', 'pg_temp.http(''DELETE'', ''/api/v2/campaigns/'' || $campaign) ->> ''code''', 'campaign_not_found'),
('POST /api/v2/campaigns/{campaign_id}/activate', 'campaigns:update', 'pg_temp.http(''POST'', ''/api/v2/campaigns/'' || $campaign || ''/activate'') ->> ''code''', 'campaign_not_found'),
('POST /api/v2/campaigns/{campaign_id}/pause', 'campaigns:update', 'pg_temp.http(''POST'', ''/api/v2/campaigns/'' || $campaign || ''/pause'') ->> ''code''', 'campaign_not_found'),
('GET /api/v2/campaigns/{campaign_id}/sending-status', 'campaigns:read', 'pg_temp.http(''GET'', ''/api/v2/campaigns/'' || $campaign || ''/sending-status'') ->> ''code''', 'campaign_not_found'),
('GET /api/v2/lead-lists', 'lists:read', 'pg_temp.http(''GET'', ''/api/v2/lead-lists'') ->> ''next_starting_after''', 'null'),
('POST /api/v2/lead-lists', 'lists:create', 'pg_temp.http(''POST'', ''/api/v2/lead-lists'', ''{"name": "x"}'') ->> ''name''', 'x'),
('GET /api/v2/lead-lists/{list_id}', 'lists:read', 'pg_temp.http(''GET'', ''/api/v2/lead-lists/'' || $list) ->> ''code''', 'list_not_found'),
('PATCH /api/v2/lead-lists/{list_id}', 'lists:update', 'pg_temp.http(''PATCH'', ''/api/v2/lead-lists/'' || $list, ''{"name": "x"}'') ->> ''code''', 'list_not_found'),
('DELETE /api/v2/lead-lists/{list_id}', 'lists:delete', 'pg_temp.http(''DELETE'', ''/api/v2/lead-lists/'' || $list) ->> ''code''', 'list_not_found'),
('GET /api/v2/block-lists-entries', 'blocklists:read', 'pg_temp.http(''GET'', ''/api/v2/block-lists-entries?starting_after='' || $entry) ->> ''code''', 'entry_not_found'),
('POST /api/v2/block-lists-entries', 'blocklists:create', 'pg_temp.http(''POST'', ''/api/v2/block-lists-entries'', ''{"bl_value": "x.example"}'') ->> ''bl_value''', 'x.example'),
('POST /api/v2/block-lists-entries/bulk-create', 'blocklists:create', 'pg_temp.http(''POST'', ''/api/v2/block-lists-entries/bulk-create'', ''{"bl_values": ["x.example"]}'') ->> ''valid_count''', '1'),
('GET /api/v2/block-lists-entries/{entry_id}', 'blocklists:read', 'pg_temp.http(''GET'', ''/api/v2/block-lists-entries/'' || $entry) ->> ''code''', 'entry_not_found'),
('DELETE /api/v2/block-lists-entries/{entry_id}', 'blocklists:delete', 'pg_temp.http(''DELETE'', ''/api/v2/block-lists-entries/'' || $entry) ->> ''code''', 'entry_not_found'),
('GET /api/v2/background-jobs/{job_id}', 'jobs:read', 'pg_temp.http(''GET'', ''/api/v2/background-jobs/'' || $job_id) ->> ''code''', 'job_not_found'),
('POST /api/v2/leads', 'leads:create', 'pg_temp.http(''POST'', ''/api/v2/leads'', format(''{"campaign": "%s", "email": "x@example.com"}'', $campaign)) ->> ''code''', 'campaign_not_found'),
('POST /api/v2/leads/list', 'leads:read', 'pg_temp.http(''POST'', ''/api/v2/leads/list'', format(''{"list_id": "%s"}'', $list)) ->> ''code''', 'list_not_found'),
('POST /api/v2/leads/list', 'leads:read', 'pg_temp.http(''POST'', ''/api/v2/leads/list'', format(''{"ids": ["%s"]}'', $lead)) ->> ''items''', '[]'),
('POST /api/v2/leads/move', 'leads:update', 'pg_temp.http(''POST'', ''/api/v2/leads/move'', format(''{"list_id": "%s", "to_list_id": "%s"}'', $list, $other_list)) ->> ''code''', 'list_not_found'),
('POST /api/v2/leads/merge', 'leads:update', 'pg_temp.http(''POST'', ''/api/v2/leads/merge'', format(''{"lead_id": "%s", "destination_lead_id": "%s"}'', $lead, lt_uuidv7())) ->> ''code''', 'lead_not_found'),
('GET /api/v2/leads/{lead_id}', 'leads:read', 'pg_temp.http(''GET'', ''/api/v2/leads/'' || $lead) ->> ''code''', 'lead_not_found'),
('PATCH /api/v2/leads/{lead_id}', 'leads:update', 'pg_temp.http(''PATCH'', ''/api/v2/leads/'' || $lead, ''{"phone": "1"}'') ->> ''code''', 'lead_not_found'),
('DELETE /api/v2/leads/{lead_id}', 'leads:delete', 'pg_temp.http(''DELETE'', ''/api/v2/leads/'' || $lead) ->> ''code''', 'lead_not_found'),
-- Without a scope: they do not look into a workspace, or know it by themselves.
('lt_authenticate', NULL, 'lt_authenticate(''sk_live_'' || repeat(''0'', 69))', 'PT401'),
('lt_current_workspace', NULL, 'lt_current_workspace() <> $workspace', 'true'),
('lt_from_typeid', NULL, 'lt_from_typeid(''00000000000000000000000000'')', '00000000-0000-0000-0000-000000000000'),
('lt_workspace_slot', NULL, 'lt_workspace_slot(''ffffffff-ffff-ffff-ffff-ffffffffffff'')', '1023'),
('lt_typeid', NULL, 'lt_typeid(''x'', ''00000000-0000-0000-0000-000000000000'')', 'x_00000000000000000000000000'),
('lt_uuidv7', NULL, 'lt_uuidv7() <> $lead', 'true'),
('lt_http_read', NULL, 'lt_http_read() ->> ''code''', 'not_found'),
('lt_http_write', NULL, 'lt_http_write(''{}'') ->> ''code''', 'not_found'),
('lt_pre_request', NULL, 'lt_pre_request()', 'PT401'),
('lt_unsubscribe', NULL, 'lt_unsubscribe(overlay($token placing ''0000'' from 76))', 'PT400');
-- A view shows no id of B.
INSERT INTO lines SELECT v.name, v.scope, format('(SELECT string_agg(v::text, '''') ~ (SELECT string_agg(value, ''|'') FROM jsonb_each_text((SELECT b FROM ids))) FROM %I v)', v.name), 'false'
FROM (VALUES ('lt_campaigns', 'campaigns:read'), ('lt_leads', 'leads:read'), ('lt_lists', 'lists:read'), ('lt_enrollments', 'leads:read'), ('lt_messages', 'messages:read'), ('lt_leases', 'messages:read'), ('lt_suppressions', 'blocklists:read'),
    ('lt_blocklists', 'blocklists:read'), ('lt_blocklist_entries', 'blocklists:read'), ('lt_jobs', 'jobs:read'), ('lt_replies', 'replies:read'), ('lt_webhooks', 'webhooks:read'), ('lt_deliveries', 'webhooks:read'), ('lt_senders', 'senders:read'), ('lt_pools', 'senders:read'), ('lt_imports', 'leads:read'), ('lt_import_rejects', 'leads:read'), ('lt_import_reject_counts', 'leads:read')) v (name, scope);
UPDATE lines SET call = replace(regexp_replace(call, '\$(?!own)(\w+)', '(SELECT (b ->> ''\1'')' || CASE WHEN name = 'lt_unsubscribe' THEN '' ELSE '::uuid' END || ' FROM ids)', 'g'), '$own_campaign', '(SELECT (a ->> ''campaign'')::uuid FROM ids)');

-- What a route answers is looked at for the code of an error, too.
ALTER TABLE lines ADD asked text;
UPDATE lines SET asked = CASE WHEN name LIKE '% %' THEN substring(regexp_replace(call, '^pg_temp\.names_b\((.*)\)$', '\1') FROM '^pg_temp\.http\(.*\)') || ' ->> ''code''' ELSE call END;
-- Each line is three tests or one, and then there are the others.
SELECT plan((SELECT 109 + count(call) + 2 * count(scope) FILTER (WHERE call IS NOT NULL) FROM lines)::integer);

-- Who may do what is in privilege_matrix.sql; what is seen of it, and as whom it runs.
SELECT is((SELECT string_agg(name || '.' || attname, ' ' ORDER BY name, attname) FROM members JOIN pg_attribute ON attrelid = relation_oid AND attnum > 0
    WHERE kind IN ('table', 'view') AND attname ~ 'key|secret' AND attname NOT IN ('idempotency_key', 'key_id')), 'address_keys.address_key api_keys.key_hash links.link_key webhooks.secret', 'keys stand in these columns alone');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM members WHERE kind = 'table' AND NOT (SELECT relrowsecurity FROM pg_class WHERE oid = relation_oid)), NULL, 'every table has row-level security');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM members m WHERE kind = 'table'
    AND (SELECT array_agg(replace(pg_get_expr(polqual, polrelid), 'OPERATOR(pg_catalog.=)', '=') || polcmd::text) FROM pg_policy WHERE polrelid = relation_oid) IS DISTINCT FROM '{(workspace_id = lt_current_workspace())*}'), NULL, 'with the one policy');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM members m JOIN pg_class c ON c.oid = relation_oid WHERE kind = 'view' AND NOT coalesce(reloptions @> '{security_invoker=true}', false)), NULL, 'every view reads as who reads it');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM members m JOIN pg_proc p ON p.oid = function_oid WHERE prosecdef), NULL, 'no function is a definer''s: who calls would not be found out');
SELECT is((SELECT string_agg(identity, ' ' ORDER BY identity) FROM members m JOIN pg_proc p ON p.oid = function_oid JOIN pg_language l ON l.oid = prolang
    WHERE (lanname = 'plpgsql' OR lanname = 'c' AND proparallel = 'u') AND prokind = 'f' AND NOT coalesce(proconfig @> '{"search_path=pg_catalog, pg_temp"}', false)), 'leadterra.require_commit(text) leadterra.require_read_committed(text)', 'every function that runs statements has a path of its own; these run none');

SELECT is((SELECT string_agg(DISTINCT name, ' ') FROM members WHERE NOT internal AND kind IN ('function', 'view')
    AND name NOT IN (SELECT name FROM lines) AND name IN (SELECT member FROM leadterra.privileges() WHERE 'api' = ANY (groups))),
    NULL, 'every call and view of the API has a line');

CREATE TEMP VIEW route_lines AS SELECT name, scope FROM lines WHERE name LIKE '% %';
CREATE TEMP VIEW route_scopes AS SELECT method || ' ' || path AS name, scope FROM leadterra.routes();
SELECT is((SELECT string_agg(x.name, ', ') FROM ((TABLE route_scopes EXCEPT TABLE route_lines) UNION ALL (TABLE route_lines EXCEPT TABLE route_scopes)) x), NULL, 'so has every route, with its scope');

\ir ../rows.sql
-- Those of a workspace.
CREATE FUNCTION pg_temp.rows_of(workspace text) RETURNS text[] LANGUAGE sql SET search_path = pg_catalog AS $$ SELECT pg_temp.rows(format('workspace_id = %L', workspace)) $$;
-- Makes a call as the role and rolls it back; returns its result or SQLSTATE, and
-- whether anything of another workspace has changed.
CREATE FUNCTION pg_temp.outcome(key text, call text, other text DEFAULT NULL) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    before text[] := pg_temp.rows_of(other);
    result text;
BEGIN
    SET LOCAL ROLE lt_test_api;
    IF key IS NOT NULL THEN
        PERFORM lt_authenticate(key);
    END IF;
    EXECUTE 'SELECT (' || call || ')::text' INTO result;
    RESET ROLE;
    IF pg_temp.rows_of(other) IS DISTINCT FROM before THEN
        result := concat(result, ' and the other workspace has changed');
    END IF;
    RAISE EXCEPTION 'result' USING ERRCODE = 'LTOUT', DETAIL = coalesce(result, 'null');
EXCEPTION
    WHEN SQLSTATE 'LTOUT' THEN
        GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
        RETURN result;
    WHEN others THEN
        RETURN SQLSTATE;
END;
$$;
SELECT cmp_ok(cardinality(pg_temp.rows_of(:'b')), '>', 20, 'there is something to reach');
SELECT is(pg_temp.outcome(:'key_a', call, :'b'), outcome, 'from another workspace: ' || left(call, 100)) FROM lines WHERE call IS NOT NULL;
SELECT is(pg_temp.outcome(NULL, call), CASE WHEN name IN (SELECT name FROM members WHERE kind = 'view') THEN 'null' ELSE 'PT401' END, 'without a key: ' || left(call, 100)) FROM lines WHERE call IS NOT NULL AND scope IS NOT NULL;

SELECT is(pg_temp.outcome(NULL, 'lt_unsubscribe((SELECT b ->> ''token'' FROM ids))'), 'true', 'the token of a link opens what it is for');

-- What is closed reads and does not write; what is going to come does neither.
CREATE TEMP VIEW outcomes AS SELECT name, call, scope LIKE '%:read' AS reads, outcome, pg_temp.outcome((SELECT a ->> 'key' FROM ids), call) AS now, CASE WHEN name LIKE '% %' THEN 'workspace_moving' ELSE 'PT503' END AS refused, pg_temp.outcome((SELECT a ->> 'key' FROM ids), asked) AS asked_now FROM lines WHERE scope IS NOT NULL AND call IS NOT NULL;
SELECT leadterra.start_closing(:'a', '0');
SELECT is((SELECT string_agg(concat_ws(': ', call, now), ', ') FROM outcomes WHERE now <> CASE WHEN name LIKE 'lt\_claim\_%' THEN 'PT503' ELSE outcome END), NULL, 'in a workspace that is going to be closed nothing is claimed, and other calls go on');
SELECT leadterra.finish_closing(:'a');
SELECT is((SELECT string_agg(concat_ws(': ', call, now), ', ') FROM outcomes WHERE CASE WHEN reads THEN now <> outcome ELSE asked_now <> refused END), NULL, 'in a closed workspace calls and views that read go on, and others do not');
SELECT is((SELECT count(DISTINCT reads) FROM outcomes), 2::bigint, 'there are both');
UPDATE leadterra.closed_workspaces SET state = 'coming';
SELECT is((SELECT string_agg(concat_ws(': ', call, now), ', ') FROM outcomes WHERE asked_now <> refused), NULL, 'in one that was closed before it came, nothing goes on');
SELECT lt_open_workspace(:'a');
SELECT is((SELECT string_agg(concat_ws(': ', call, now), ', ') FROM outcomes WHERE now <> outcome), NULL, 'in one that was opened again everything does');

-- Scopes: a key that has all but the one that is needed, and one that has it alone.
CREATE TEMP TABLE scopes AS
SELECT DISTINCT split_part(l.scope, ':', 1) || ':' || a AS scope FROM lines l, unnest('{create,read,update,delete}'::text[]) a WHERE l.scope IS NOT NULL;
CREATE TEMP TABLE keys (scope text, without text, alone text);
SELECT set_config('leadterra.workspace_id', :'a', true);
INSERT INTO keys SELECT s.scope, lt_create_api_key('without ' || s.scope, (SELECT array_agg(o.scope) FROM scopes o WHERE o.scope <> s.scope)), lt_create_api_key(s.scope, ARRAY[s.scope]) FROM scopes s;
SELECT lt_create_api_key('resource', '{leads:all}') AS leads_all, lt_create_api_key('action', '{all:create}') AS all_create \gset
SELECT set_config('leadterra.workspace_id', '', true);
SELECT is(pg_temp.outcome(k.without, l.asked), CASE WHEN l.name LIKE '% %' THEN 'insufficient_scope' ELSE 'PT403' END, 'a key without ' || l.scope || ': ' || left(l.call, 100)) FROM lines l JOIN keys k USING (scope) WHERE l.call IS NOT NULL;
SELECT is((SELECT string_agg(l.name, ' ') FROM lines l JOIN keys k USING (scope) WHERE l.call !~ 'SELECT \w+_id FROM' AND pg_temp.outcome(k.alone, l.asked) IN ('PT403', 'insufficient_scope', '42501')), NULL, 'a key with it alone does');
SELECT is((SELECT string_agg(l.name, ' ') FROM lines l WHERE l.scope LIKE 'leads:%' AND l.call !~ 'SELECT \w+_id FROM' AND pg_temp.outcome(:'leads_all', l.asked) IN ('PT403', 'insufficient_scope')), NULL, 'so does one for all of leads');
SELECT is((SELECT string_agg(l.name, ' ') FROM lines l WHERE l.scope LIKE '%:create' AND l.call !~ 'SELECT \w+_id FROM' AND pg_temp.outcome(:'all_create', l.asked) IN ('PT403', 'insufficient_scope')), NULL, 'and one that creates anything');
SELECT is(pg_temp.outcome(:'leads_all', 'lt_create_campaign(''x'')'), 'PT403', 'and no more than that');
SELECT is(pg_temp.outcome(:'all_create', 'lt_delete_leads(''{}'')'), 'PT403', 'either');

-- The scope comes before anything else: whatever the arguments are.
SELECT is((SELECT string_agg(format('%s: %s', n.name, n.outcome), ', ' ORDER BY n.name) FROM (
    SELECT m.name, pg_temp.outcome(k.without, format('%I(%s)', m.name, (SELECT string_agg(format('NULL::%s', t::regtype), ', ') FROM unnest(p.proargtypes) t))) AS outcome
    FROM members m JOIN pg_proc p ON p.oid = function_oid AND prokind = 'f'
    JOIN (SELECT DISTINCT l.name, l.scope FROM lines l) l ON l.name = m.name JOIN keys k USING (scope)) n WHERE n.outcome <> 'PT403'), NULL, 'calls with nulls are refused for the scope');
-- The same with a plan that was made for a key that has the scope, and kept.
CREATE FUNCTION pg_temp.kept_outcome(key text, without text, call text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    result text;
BEGIN
    EXECUTE 'PREPARE kept AS SELECT string_agg(x::text, '''') FROM ' || call || ' x';
    SET LOCAL ROLE lt_test_api;
    PERFORM lt_authenticate(key);
    BEGIN
        EXECUTE 'EXECUTE kept' INTO result;
    EXCEPTION WHEN OTHERS THEN
        result := SQLSTATE;
    END;
    PERFORM lt_authenticate(without);
    BEGIN
        EXECUTE 'EXECUTE kept' INTO result;
    EXCEPTION WHEN OTHERS THEN
        result := SQLSTATE;
    END;
    RESET ROLE;
    RAISE EXCEPTION 'result' USING ERRCODE = 'LTOUT', DETAIL = coalesce(result, 'null');
EXCEPTION WHEN SQLSTATE 'LTOUT' THEN
    DEALLOCATE kept;
    GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
    RETURN result;
END;
$$;
SELECT is((SELECT string_agg(call || ': ' || outcome, ', ') FROM (
    SELECT l.call, pg_temp.kept_outcome(:'key_a', k.without, l.call) AS outcome FROM lines l JOIN keys k USING (scope)
    WHERE l.call LIKE l.name || '(%)' AND l.call !~ '\) (->>|<>|IS)') n WHERE n.outcome <> 'PT403'), NULL, 'plans that are kept look for nothing before the scope');
SELECT is((SELECT string_agg(name || ': ' || outcome, ', ') FROM (
    SELECT l.name, pg_temp.kept_outcome(:'key_a', k.without, l.name) AS outcome FROM lines l JOIN keys k USING (scope) JOIN members m ON m.name = l.name AND m.kind = 'view') n WHERE n.outcome <> 'PT403'), NULL, 'nor do views');

-- Keys.
SELECT set_config('leadterra.workspace_id', :'a', true);
SELECT lt_create_api_key('mine') AS mine \gset
SELECT matches(:'mine'::text, '^sk_live_[0-9a-hjkmnp-tv-z]{26}[0-9A-Za-z]{43}$', 'a key looks like one');
SELECT is(lt_from_typeid(substr(:'mine', 9, 26))::text, :'a', 'and begins with its workspace');
SELECT is((SELECT count(DISTINCT lt_create_api_key('many')) FROM generate_series(1, 100)), 100::bigint, 'no two are the same');
SELECT is((SELECT count(*) FROM leadterra.api_keys k WHERE k::text LIKE '%' || substr(:'mine', 9) || '%'), 0::bigint, 'it is not stored');
SELECT is((SELECT k.key_hash FROM leadterra.api_keys k WHERE label = 'mine'), sha256(:'mine'::bytea), 'but a hash of it');
SELECT set_config('leadterra.workspace_id', '', true);
SELECT is(pg_temp.outcome(:'mine', 'lt_current_workspace()'), :'a', 'it opens its workspace');
SELECT is(pg_temp.outcome(:'mine', 'lt_authenticate(' || quote_literal(:'key_a') || ')'), :'a', 'another one may be used after it');
SELECT is(pg_temp.outcome(bad, '1'), 'PT401', 'no key: ' || bad) FROM unnest(ARRAY['', 'x', 'sk_live_', upper(:'mine'), :'mine' || '0', ' ' || :'mine', substr(:'mine', 1, 76), 'sk_test_' || substr(:'mine', 9), 'sk_live_' || substr(:'mine', 35), replace(:'mine', substr(:'mine', 9, 26), substr(lt_typeid('', :'b'), 1)), replace(:'mine', substr(:'mine', 9, 26), upper(substr(:'mine', 9, 26))), 'sk_live_8' || substr(:'mine', 10), 'sk_live_' || repeat('ü', 69)]) bad;
SELECT is(pg_temp.outcome(NULL, 'lt_authenticate(NULL)'), 'PT401', 'nor is null');
SELECT set_config('leadterra.workspace_id', :'a', true);
SELECT is((SELECT array_agg(label ORDER BY label) FROM lt_api_keys WHERE revoked_at IS NULL AND label = 'mine'), '{mine}', 'keys are listed');
SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'mine';
SELECT is((SELECT revoked_at FROM lt_api_keys WHERE label = 'mine'), now(), 'and revoked');
SELECT lives_ok($$SELECT lt_revoke_api_key(key_id) FROM lt_api_keys WHERE label = 'mine'$$, 'twice too');
SELECT is(pg_temp.outcome(:'mine', '1'), 'PT401', 'a revoked one opens nothing');
SELECT throws_ok(format('SELECT lt_revoke_api_key(%L)', (SELECT b ->> 'key_id' FROM ids)), 'PT404', NULL, 'a key of another workspace is not found');
SELECT throws_ok(format('SELECT lt_create_api_key(%s)', arguments), 'PT400', message, arguments) FROM (VALUES
    ('NULL', 'label of an API key must not be null or blank'), (''' ''', 'label of an API key must not be null or blank'),
    ('''x'', NULL', 'an API key must have a scope'), ('''x'', ''{}''', 'an API key must have a scope'), ('''x'', ''{NULL}''', 'scope "null" is unknown'),
    ('''x'', ''{leads:create, leads}''', 'scope "leads" is unknown'), ('''x'', ''{"leads:create,all:all"}''', 'scope "leads:create,all:all" is unknown'),
    ('''x'', ''{leads:write}''', 'scope "leads:write" is unknown'), ('''x'', ''{tables:all}''', 'scope "tables:all" is unknown')) AS bad (arguments, message);
SELECT set_config('leadterra.workspace_id', '', true);

-- A role that is bound to a workspace, as a pool sets it; and trusted roles.
CREATE ROLE lt_test_bound;
SELECT lt_grant_api('lt_test_bound', :'a');
SET LOCAL ROLE lt_test_bound;
SELECT is(lt_current_workspace()::text, :'a', 'a role that is bound to a workspace works there');
SELECT is((SELECT count(*) FROM lt_campaigns), 2::bigint, 'and sees it');
SELECT is((SELECT count(*) FROM leadterra.leads WHERE workspace_id = :'b'), 0::bigint, 'and no other');
SELECT lives_ok($$SELECT lt_create_list('bound')$$, 'and writes there');
SELECT throws_ok(format('INSERT INTO leadterra.lists (workspace_id, list_id, name) VALUES (%L, lt_uuidv7(), ''x'')', lt_current_workspace()), '42501', NULL, 'by calls alone');
SELECT throws_ok($$LOCK TABLE leadterra.leads IN SHARE MODE$$, '42501', NULL, 'it locks no table');
SELECT throws_ok($$SELECT FROM leadterra.waiting FOR UPDATE$$, '42501', NULL, 'nor rows');
RESET ROLE;
CREATE ROLE lt_test_trusted;
SELECT lt_grant_api('lt_test_trusted');
GRANT EXECUTE ON FUNCTION lt_use_workspace(uuid) TO lt_test_trusted;
SET LOCAL ROLE lt_test_trusted;
SELECT is(lt_current_workspace(), NULL, 'a trusted role has no workspace');
SELECT lt_use_workspace(:'b');
SELECT is(lt_current_workspace()::text, :'b', 'until it uses one');
SELECT is((SELECT count(*) FROM lt_campaigns), 2::bigint, 'of which it sees all');
SELECT throws_ok($$SELECT lt_use_workspace('0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'workspace "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist');
SELECT throws_ok($$SELECT lt_use_workspace(NULL)$$, 'PT400', 'argument "workspace_id" must not be null');
RESET ROLE;
SELECT throws_ok($$SELECT lt_grant_api('lt_test_unknown')$$, 'PT400', 'role "lt_test_unknown" does not exist');
SELECT throws_ok($$SELECT lt_grant_api('lt_test_api', '0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'workspace "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist');

-- What a caller might try to get out of its workspace.
SELECT set_config('leadterra.workspace_id', '', true);
SET LOCAL ROLE lt_test_api;
SELECT lt_authenticate(:'key_a');
SELECT throws_ok(sql, '42501', NULL, sql) FROM unnest(ARRAY[
    format('SET leadterra.workspace_id = %L', :'b'), format('SET LOCAL leadterra.workspace_id = %L', :'b'), format('SELECT set_config(''leadterra.workspace_id'', %L, true)', :'b'),
    'RESET leadterra.workspace_id', 'SET leadterra.scopes = ''''', 'RESET leadterra.scopes', 'SET leadterra.now = ''2030-01-01''', format('ALTER ROLE lt_test_api SET leadterra.workspace_id = %L', :'b'),
    'SET row_security = off; SELECT count(*) FROM leadterra.leads', 'SELECT leadterra.random_api_key(lt_uuidv7())', 'SELECT leadterra.hash_address(lt_uuidv7(), ''x'')', 'SELECT * FROM leadterra.lead_heirs', 'SELECT leadterra.export_person(lt_uuidv7(), ''x@example.com'', ''x'')', format('SELECT lt_use_workspace(%L)', :'b'), 'SELECT * FROM leadterra.api_keys', 'SELECT * FROM lt_api_keys', 'TRUNCATE leadterra.leads',
    'SELECT lt_set_lead_limit(NULL)', 'UPDATE leadterra.lead_limits SET lead_limit = 9', 'SELECT * FROM leadterra.lead_limits', 'SELECT * FROM leadterra.links', 'SELECT * FROM leadterra.address_keys', 'ALTER TABLE leadterra.leads DISABLE ROW LEVEL SECURITY', 'DROP POLICY workspace ON leadterra.leads', 'SELECT lt_maintain()', 'SELECT * FROM lt_due_workspaces()', 'SELECT * FROM lt_due_deliveries()', 'SELECT secret FROM leadterra.webhooks', 'SELECT * FROM leadterra.webhook_outbox', 'SELECT * FROM leadterra.webhook_deliveries', 'SELECT leadterra.delivery_body(lt_uuidv7(), lt_uuidv7())']) sql;
RESET ALL;
SELECT is(lt_current_workspace()::text, :'a', 'RESET ALL leaves the workspace');
CREATE FUNCTION pg_temp.peek(value text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE EXCEPTION 'seen %', value; END $$;
SELECT lives_ok(format('SELECT count(*) FROM leadterra.leads WHERE workspace_id = %L AND pg_temp.peek(email)', :'b'), 'a cheap function sees no row of another workspace');
RESET ROLE;

-- A key without a scope, as nobody can make one.
ALTER TABLE leadterra.api_keys DROP CONSTRAINT api_keys_scopes_check;
CREATE TEMP TABLE without AS SELECT s AS scopes, leadterra.random_api_key(:'a') AS key FROM unnest('{"{}","{NULL}"}'::text[]) s;
INSERT INTO leadterra.api_keys (workspace_id, key_id, label, key_hash, scopes) SELECT :'a', lt_uuidv7(), scopes, sha256(key::bytea), scopes::text[] FROM without;
SELECT is(pg_temp.outcome(key, 'lt_create_campaign(''x'')'), 'PT403', 'a key with scopes ' || scopes || ' allows nothing') FROM without;

-- What somebody put on the tables runs as the owner, and works for who calls.
CREATE TABLE pg_temp.calls (who text, workspace uuid, list uuid);
CREATE FUNCTION pg_temp.note() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO calls VALUES (current_user, lt_current_workspace(), lt_create_list('by a trigger'));
    RETURN NULL;
END;
$$;
CREATE TRIGGER note AFTER INSERT ON leadterra.campaigns FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.note();
-- As a pool sets it: the workspace follows from the role alone.
SELECT set_config('leadterra.workspace_id', '', true);
SET LOCAL ROLE lt_test_bound;
SELECT lt_create_campaign('triggers');
RESET ROLE;
SELECT is((SELECT array_agg(c.workspace::text || ' ' || l.workspace_id) FROM calls c JOIN leadterra.lists l ON l.list_id = c.list), ARRAY[:'a' || ' ' || :'a'], 'a trigger finds the workspace of who calls');
SELECT is((SELECT array_agg(who) FROM calls), ARRAY[current_user::text], 'and is the owner');
DROP TRIGGER note ON leadterra.campaigns;

SELECT * FROM finish();
ROLLBACK;
