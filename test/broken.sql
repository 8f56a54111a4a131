-- Rows that were written by hand: breaks a few columns of a row at a time, and makes
-- every call over that, and reads every view, as the owner and as a tenant.  Then it
-- calls every function with arguments of every sort.  psql variables: seed, from -1 to 1;
-- wanted, how many combinations of a broken row, a call and a role; times, how often each
-- function is called; checks, whether the
-- checks of tables stay.  Says in warnings what went wrong, and how much it tried.
\set ON_ERROR_STOP 1
\set VERBOSITY terse
\set schema public
SET client_min_messages = error;
SELECT setseed(:seed) \g /dev/null
\ir workspace.sql

-- A workspace has more than one of everything: batches of several steps, leases that
-- are open, done, lost, and have a part of a range; retries, exceptions, deletions.
CREATE FUNCTION pg_temp.more(ids jsonb) RETURNS jsonb LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    campaign uuid;
    lease uuid;
BEGIN
    PERFORM set_config('leadterra.workspace_id', ids ->> 'workspace', true);
    campaign := lt_create_campaign('Steps', '[{"subject": "{{firstName}} {{n}}", "bodyHtml": "{{x}} {{unsubscribeUrl}} {{postalAddress}} {{random|a|b}}"}, {"subject": "", "bodyHtml": "<body>2", "bodyText": "{{x}}", "preheader": "{{n}}", "headers": {"X-N": "{{n}}"}, "delayDays": 0, "variants": [{}, {"subject": "v {{n}}", "bodyText": "v"}]}, {"subject": "", "bodyHtml": "3", "delayDays": 0}]');
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i), 'n', i)) FROM generate_series(1, 12) i));
    PERFORM lt_set_sending(campaign, jsonb_build_object('poolId', ids -> 'pool', 'dailyLimit', 1000, 'dailyNewLeads', 900, 'bounceLimit', 0.9, 'stopOnAutoReply', true));
    PERFORM lt_bulk_upsert(campaign, '[{"email": "l13@example.com"}]'), lt_start_campaign(campaign);
    SELECT lease_id INTO lease FROM lt_claim_messages(5, '1 hour', campaign) LIMIT 1;
    PERFORM lt_fail_messages(lease, ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = lease ORDER BY message_id LIMIT 1), 'no', true);
    PERFORM lt_fail_messages(lease, ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = lease ORDER BY message_id LIMIT 1), 'later');
    PERFORM lt_complete_messages(lease);
    SELECT lease_id INTO lease FROM lt_claim_messages(2, '1 minute', campaign) LIMIT 1;
    PERFORM lt_complete_messages(lease, ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = lease ORDER BY message_id LIMIT 1));
    PERFORM lt_delete_leads('{l6@example.com}'), lt_remove_leads(campaign, '{l7@example.com}'), lt_forget('l8@example.com');
    PERFORM lt_suppress('{*.blocked.example, l9@example.com}'), lt_set_postal_address('1 Main Street');
    PERFORM lt_merge_leads(min(lead_id::text) FILTER (WHERE email = 'l11@example.com')::uuid, min(lead_id::text) FILTER (WHERE email = 'l12@example.com')::uuid) FROM lt_leads;
    PERFORM set_config('leadterra.workspace_id', '', true);
    RETURN ids || jsonb_build_object('steps', campaign, 'open', lease);
END;
$$;
CREATE TEMP TABLE ids AS SELECT pg_temp.more(pg_temp.fill('A')) AS a, pg_temp.more(pg_temp.fill('B')) AS b;
INSERT INTO leadterra.lead_limits (workspace_id, lead_limit) SELECT (a ->> 'workspace')::uuid, 1000 FROM ids;
-- What is of B says so.
SELECT format('UPDATE leadterra.%I SET %s WHERE workspace_id = %L', v.tab, v.change, b ->> 'workspace') FROM ids, (VALUES
    ('leads', $$first_name = 'walrus', custom = '{"n": "walrus", "x": "walrus"}'$$), ('campaigns', $$name = 'walrus'$$), ('steps', $$subject = 'walrus'$$), ('lists', $$name = 'walrus'$$),
    ('blocklists', $$name = 'walrus'$$), ('suppressions', $$reason = 'walrus'$$), ('leases', $$worker = 'walrus'$$), ('jobs', $$worker = 'walrus', error = 'walrus'$$), ('events', $$data = '{"threadSnippet": "walrus"}'$$),
    ('exceptions', $$reason = 'walrus'$$), ('waiting', $$error = 'walrus'$$), ('imports', $$source = 'walrus'$$), ('links', $$unsubscribe_url = 'https://walrus.example/'$$), ('workspaces', $$postal_address = 'walrus'$$),
    ('webhooks', $$url = 'https://walrus.example/'$$), ('webhook_log', $$error = 'walrus'$$), ('senders', $$name = 'walrus', transport = 'walrus'$$), ('pools', $$name = 'walrus'$$)) v (tab, change) \gexec
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tenant') AS no_tenant \gset
\if :no_tenant
CREATE ROLE tenant;
\endif
SELECT lt_grant_api('tenant') \g /dev/null

-- Every call, with ids of A, and every view.  $x is the id that has that name.
CREATE TEMP TABLE calls (call text);
INSERT INTO calls VALUES
('lt_add_leads(''[{"email": "a@example.com", "custom_variables": {"x": 1}}, {"email": "new@example.com"}]'', campaign_id => $steps)'),
('lt_add_leads(''[{"email": "a@example.com"}, {"first_name": "N"}]'', list_id => $list, blocklist_id => $blocklist, skip_if_in_campaign => true, verify_leads_on_import => true)'),
('lt_block(''{x.example}'', $blocklist)'),
('lt_bulk_upsert($campaign, ''[{"email": "a@example.com", "n": 2}, {"email": "l1@example.com", "firstName": "N"}, {"email": "new@example.com"}]'')'),
('lt_bulk_upsert($steps, (SELECT jsonb_agg(jsonb_build_object(''email'', format(''l%s@example.com'', i), ''m'', i)) FROM generate_series(1, 40) i))'),
('(SELECT string_agg(r::text, '''') FROM lt_bulk_upsert_report($campaign, ''[{"email": "a@example.com", "n": 2}, {"email": "l1@example.com"}, {"email": "x"}]'', ''skip'', true) r)'),
('lt_campaign_stats($campaign)'), ('lt_step_stats($campaign)'), ('lt_daily_stats($campaign)'), ('lt_campaign_stats($steps)'),
('(SELECT string_agg(j::text, '''') FROM lt_claim_job() j)'),
('(SELECT string_agg(m::text, '''') FROM lt_claim_messages(10) m)'),
('(SELECT string_agg(m::text, '''') FROM lt_claim_messages(1, ''1 minute'', $campaign) m)'),
('(SELECT string_agg(m::text, '''') FROM lt_claim_messages(10000, ''1 minute'', $steps) m)'),
('(SELECT string_agg(lt_complete_messages(lease_id)::text, '''') FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100)) l)'),
('(SELECT string_agg(lt_fail_messages(lease_id, ids, ''no'')::text, '''') FROM (SELECT lease_id, array_agg(message_id) AS ids FROM lt_claim_messages(100, ''1 minute'', $steps) GROUP BY 1) l)'),
('(SELECT string_agg(lt_defer_messages(lease_id, ids, ''1 hour'', ''later'')::text, '''') FROM (SELECT lease_id, array_agg(message_id) AS ids FROM lt_claim_messages(100, ''1 minute'', $steps) GROUP BY 1) l)'),
('(SELECT string_agg(lt_bounce_messages(lease_id, ids, ''no'')::text, '''') FROM (SELECT lease_id, array_agg(message_id) AS ids FROM lt_claim_messages(100, ''1 minute'', $steps) GROUP BY 1) l)'),
('(SELECT string_agg(lt_release_lease(lease_id)::text, '''') FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100)) l)'),
('lt_release_lease($lease)'), ('lt_release_lease($open)'), ('lt_bounce_messages($lease, ARRAY[$message]::uuid[], ''no'')'), ('lt_defer_messages($lease, ARRAY[$message]::uuid[], ''1 hour'', ''no'')'),
('lt_complete_messages($lease)'), ('lt_complete_messages($open)'), ('lt_complete_messages($lease, ARRAY[$message]::uuid[])'),
('lt_copy_campaign($steps)'), ('lt_create_blocklist(''x'')'), ('lt_create_campaign(''x'', ''[{"subject": "s", "bodyHtml": "b"}]'')'), ('lt_create_list(''x'')'),
('lt_delete_blocklist($blocklist)'), ('lt_delete_campaign($draft)'), ('(SELECT lt_pause_campaign($steps), lt_delete_campaign($steps))::text'), ('lt_delete_lead($lead)'), ('lt_delete_leads(''{a@example.com, l1@example.com, l2@example.com}'')'), ('lt_delete_list($list)'),
('lt_enroll_list($list, $steps)'),
('(SELECT string_agg(e::text, '''') FROM lt_explain_lead($campaign, ''a@example.com'') e)'), ('(SELECT string_agg(e::text, '''') FROM lt_explain_lead($steps, ''l1@example.com'') e)'),
('lt_extend_lease($lease, ''1 hour'')'), ('lt_extend_lease($open, ''1 hour'')'),
('lt_fail_messages($lease, ARRAY[$message]::uuid[], ''no'')'), ('lt_fail_messages($lease, ARRAY[$message]::uuid[], ''no'', true)'), ('lt_fail_messages($lease, ARRAY[$message]::uuid[], ''550 5.1.1 no'', true)'),
('lt_finish_job($job)'), ('lt_finish_job($job, ''no'')'), ('(SELECT string_agg(f::text, '''') FROM lt_forecast($campaign) f)'), ('(SELECT string_agg(f::text, '''') FROM lt_forecast($steps, ''{"dailyLimit": 3, "newLeads": 5}'') f)'), ('lt_forget(''a@example.com'')'), ('lt_forget(''l1@example.com'')'), ('lt_export_person(''a@example.com'')'), ('lt_export_person(''l8@example.com'')'), ('lt_export_person(''l12@example.com'')'),
('(SELECT string_agg(s::text, '''') FROM unnest(''{a@example.com, l9@example.com, l8@example.com, x@y.blocked.example}''::text[]) u, lt_is_suppressed(u) s)'),
('(SELECT string_agg(p::text, '''') FROM lt_campaign_leads($campaign) p)'), ('(SELECT string_agg(p::text, '''') FROM lt_campaign_leads($steps, ''active'', NULL, 3) p)'),
('(SELECT string_agg(p::text, '''') FROM lt_campaign_messages($campaign) p)'), ('(SELECT string_agg(p::text, '''') FROM lt_campaign_messages($steps, ''sent'', NULL, 3) p)'),
('(SELECT string_agg(p::text, '''') FROM lt_get_message($message) p)'), ('(SELECT string_agg(p::text, '''') FROM lt_lead_campaigns($lead) p)'), ('(SELECT string_agg(p::text, '''') FROM lt_leases p)'),
('(SELECT string_agg(f::text, '''') FROM lt_find_leads() f)'), ('(SELECT string_agg(f::text, '''') FROM lt_find_leads($steps, NULL, ''active'', max_leads => 3) f)'), ('(SELECT string_agg(f::text, '''') FROM lt_find_leads($steps, $list, search => ''L1'') f)'),
('(SELECT string_agg(f::text, '''') FROM lt_find_leads(emails => ''{a@example.com}'', excluded_ids => ARRAY[$lead]::uuid[]) f)'), ('(SELECT string_agg(f::text, '''') FROM lt_find_leads($campaign, status => ''replied'') f)'),
('(SELECT string_agg(p::text, '''') FROM lt_preview_message($campaign, 1, $lead) p)'), ('(SELECT string_agg(p::text, '''') FROM lt_preview_message($steps, 2, $lead) p)'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/preview?leadId='' || $lead)'),
('lt_change_lead($lead, ''{"phone": "1", "x": null}'')'),
('lt_job_progress($job, 50)'), ('(SELECT string_agg(l::text, '''') FROM lt_list_leads($list) l)'),
('lt_merge_leads($lead, (SELECT min(lead_id::text) FROM lt_leads WHERE lead_id <> $lead)::uuid)'), ('lt_merge_leads((SELECT min(lead_id::text) FROM lt_leads WHERE lead_id <> $lead)::uuid, $lead)'),
('lt_move_leads(ARRAY(SELECT lead_id FROM lt_leads), from_campaign_id => $steps, to_campaign_id => $campaign)'), ('lt_move_leads(ARRAY(SELECT lead_id FROM lt_leads), from_list_id => $list, to_list_id => $other_list)'),
('lt_next_due()'), ('lt_workspace_slot(lt_current_workspace())'), ('lt_pause_campaign($campaign)'), ('(SELECT string_agg(p::text, '''') FROM lt_preflight($steps) p)'),
('lt_record_event($message, ''opened'')'), ('lt_record_event($message, ''bounced'', ''{"bounceType": "hard"}'')'), ('lt_record_event($message, ''bounced'', ''{"bounceType": "soft"}'')'), ('lt_record_event($message, ''complained'')'), ('lt_record_event($message, ''clicked'', ''{"url": "x"}'')'), ('lt_record_event($message, ''delivered'')'), ('lt_record_event($message, ''replied'', ''{"classification": "unsubscribe"}'')'), ('lt_record_event($message, ''replied'', ''{"classification": "out_of_office", "x": 1}'')'), ('lt_record_event($lead, ''unsubscribed'', ''{"email": "x@example.com"}'')'),
('lt_remove_from_list($list, ARRAY[$lead]::uuid[])'), ('lt_remove_leads($steps, ''{l1@example.com, l2@example.com}'')'), ('lt_rename_campaign($campaign, ''x'')'),
('lt_restart_leads($steps, (SELECT array_agg(email) FROM lt_leads))'), ('(SELECT string_agg(s::text, '''') FROM lt_sending_status($campaign) s)'), ('(SELECT string_agg(s::text, '''') FROM lt_sending_status($steps) s)'),
('lt_create_sender(''x@sender.example'', ''{"status": "warming", "rampFrom": 1}'')'), ('lt_update_sender($sender, ''{"status": "paused"}'')'), ('lt_update_sender($sender, ''{"timeZone": "Asia/Tokyo", "dailyLimit": 9}'')'), ('lt_delete_sender($sender)'), ('lt_delete_sender($sender, $other_sender)'), ('lt_delete_sender($other_sender, $sender)'),
('lt_create_pool(''x'')'), ('lt_rename_pool($pool, ''x'')'), ('lt_set_pool_senders($pool, ARRAY[$sender]::uuid[])'), ('lt_set_pool_senders($other_pool, ARRAY[$other_sender, $sender]::uuid[])'), ('lt_delete_pool($pool)'), ('lt_delete_pool($other_pool)'),
('lt_set_sending($draft, ''{"poolId": null, "dailyLimit": null}'')'), ('lt_set_sending($steps, jsonb_build_object(''poolId'', $other_pool))'), ('lt_set_sending($steps, ''{"schedule": {"schedules": [{"timing": {"from": "00:00", "to": "24:00"}, "days": {"0": true, "1": true}, "timezone": "Asia/Tokyo"}]}, "dailyNewLeads": 5}'')'),
('lt_set_sending($campaign, ''{"dailyLimit": 9, "bounceLimit": 0.1, "stopOnAutoReply": true}'')'),
('lt_set_campaign_owner($campaign, NULL)'), ('(SELECT lt_pause_campaign($steps)::text || lt_set_steps($steps, ''[{"subject": "1", "bodyHtml": "1"}, {"subject": "", "bodyHtml": "2", "variants": [{}, {}]}, {"subject": "", "bodyHtml": "3"}, {"subject": "", "bodyHtml": "4", "variants": [{}, {}]}]'')::text || lt_continue_campaign($steps)::text)'), ('lt_set_steps($draft, ''[{"subject": "s", "bodyHtml": "b"}]'')'), ('lt_set_lead_limit(1000)'), ('lt_set_lead_limit(NULL)'), ('lt_set_soft_bounce_limit(2)'), ('lt_set_soft_bounce_limit(NULL)'), ('lt_set_unsubscribe_url(''https://example.net/'')'), ('lt_set_unsubscribe_url(NULL)'), ('lt_set_postal_address(''1 Main Street'')'), ('lt_set_postal_address(NULL)'),
('lt_set_verification(ARRAY(SELECT lead_id FROM lt_leads), ARRAY(SELECT -1 FROM lt_leads))'), ('(SELECT lt_pause_campaign($steps)::text || lt_start_campaign($steps)::text)'), ('lt_start_campaign($draft)'),
('lt_suppress(''{x.example}'')'), ('lt_unblock(''{no@example.com}'', $blocklist)'), ('lt_unsuppress(''{no@example.com, l8@example.com}'')'), ('lt_update_lead(''a@example.com'', ''{"phone": "1", "x": null}'')'),
('lt_unsubscribe($token)'), ('lt_classify_reply($reply, ''interested'')'), ('lt_classify_reply($reply, ''unsubscribe'')'), ('lt_classify_reply($reply, ''bounce'')'), ('pg_temp.http(''PATCH'', ''/v1/replies/'' || $reply, ''{"classification": "not_interested"}'')'),
('lt_create_webhook(''https://x.example/'', ''{message.sent, campaign.finished}'')'), ('lt_create_webhook(''https://x.example/'', ''{message.sent}'', $campaign)'), ('lt_update_webhook($webhook, ''https://y.example/'', ''{message.failed}'')'), ('lt_resume_webhook($webhook)'), ('lt_delete_webhook($webhook)'), ('lt_redeliver($delivery)'), ('lt_redeliver($leased_delivery)'), ('lt_next_delivery()'),
('(SELECT string_agg(d::text, '''') FROM lt_claim_deliveries() d)'), ('(SELECT string_agg(d::text, '''') FROM lt_claim_deliveries(3, ''1 minute'') d)'), ('(SELECT string_agg(lt_finish_delivery(lease_id, delivery_id, 200 + 10 * (row_number() OVER () % 30)::integer, ''e'', 5)::text, '''') FROM lt_claim_deliveries())'), ('(SELECT string_agg(d::text, '''') FROM lt_due_deliveries() d)'),
('lt_finish_delivery($delivery_lease, $leased_delivery, 200)'), ('lt_finish_delivery($delivery_lease, $leased_delivery, 410, ''gone'')'), ('lt_finish_delivery($delivery_lease, $leased_delivery, NULL)'),
('lt_current_workspace()'), ('lt_pre_request()'), ('lt_typeid(''camp'', $campaign)'), ('lt_from_typeid(''00000000000000000000000000'')'), ('lt_uuidv7()'),
('pg_temp.http(''GET'', ''/v1/campaigns'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps)'),
('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/leads'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/stats/steps'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/stats/days'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/forecast'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/preflight'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $steps || ''/messages'')'), 
('pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/leads/'' || $lead)'), ('pg_temp.http(''GET'', ''/v1/leads'')'), ('pg_temp.http(''GET'', ''/v1/leads?search=A'')'), ('pg_temp.http(''GET'', ''/v1/leads/'' || $lead)'), ('pg_temp.http(''GET'', ''/v1/leads/'' || $lead || ''/campaigns'')'),
('pg_temp.http(''PATCH'', ''/v1/leads/'' || $lead, ''{"phone": "1"}'')'), ('pg_temp.http(''DELETE'', ''/v1/leads/'' || $lead)'),
('pg_temp.http(''POST'', ''/v1/campaigns'', ''{"name": "x"}'')'), ('pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/leads/bulk'', ''{"leads": [{"email": "x@example.com"}]}'')'),
('pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/start'')'), ('pg_temp.http(''POST'', ''/v1/campaigns/'' || $campaign || ''/pause'')'), ('pg_temp.http(''GET'', ''/v1/campaigns/'' || $campaign || ''/stats'')'),
('pg_temp.http(''PATCH'', ''/v1/campaigns/'' || $steps, ''{"name": "x", "settings": {"dailyLimit": 5}}'')'), ('pg_temp.http(''DELETE'', ''/v1/campaigns/'' || $draft)'), ('pg_temp.http(''GET'', ''/v1/webhooks'')'), ('pg_temp.http(''POST'', ''/v1/webhooks'', ''{"url": "https://x.example/", "events": ["message.sent"]}'')'), ('pg_temp.http(''GET'', ''/v1/replies?view=page'')'), ('pg_temp.http(''GET'', ''/v1/webhooks/'' || $webhook)'), ('pg_temp.http(''DELETE'', ''/v1/webhooks/'' || $webhook)'), ('pg_temp.http(''POST'', ''/v1/webhooks/'' || $webhook || ''/resume'')'), ('pg_temp.http(''GET'', ''/v1/webhooks/'' || $webhook || ''/deliveries'')'), ('pg_temp.http(''POST'', ''/v1/deliveries/'' || $delivery || ''/redeliver'')'),
('pg_temp.http(''GET'', ''/v1/suppression-list'')'), ('pg_temp.http(''GET'', ''/v1/suppression-list?email=a@example.com'')'), ('pg_temp.http(''DELETE'', ''/v1/suppression-list'', ''{"emails": ["x@example.com"]}'')'),
('pg_temp.http(''GET'', ''/v1/sender-pools'')'), ('pg_temp.http(''GET'', ''/v1/sender-accounts'')'), ('(SELECT string_agg(s::text, '''') FROM lt_list_suppressions() s)'), ('(SELECT string_agg(s::text, '''') FROM lt_list_suppressions(''L'', ''k'') s)'),
('pg_temp.http(''POST'', ''/v1/suppression-list'', ''{"emails": ["x@example.com"]}'')'), ('pg_temp.http(''GET'', ''/v1/replies?campaignId='' || $campaign)'),
('pg_temp.http(''POST'', ''/api/v2/leads/add'', format(''{"campaign_id": "%s", "leads": [{"email": "x@example.com"}]}'', $campaign))'),
('lt_rename_list($list, ''x'')'), ('lt_draft_campaign(''x'', ''[]'', jsonb_build_object(''poolId'', $pool, ''dailyLimit'', 5))'),
('pg_temp.http(''GET'', ''/api/v2/campaigns'')'), ('pg_temp.http(''POST'', ''/api/v2/campaigns'', ''{"name": "x", "campaign_schedule": {"schedules": [{"name": "x", "timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true}, "timezone": "UTC"}]}}'')'), ('pg_temp.http(''GET'', ''/api/v2/campaigns/analytics?ids='' || $campaign)'),
('pg_temp.http(''GET'', ''/api/v2/campaigns/analytics/daily?campaign_id='' || $campaign)'), ('pg_temp.http(''GET'', ''/api/v2/campaigns/'' || $campaign)'), ('pg_temp.http(''PATCH'', ''/api/v2/campaigns/'' || $campaign, ''{"name": "x"}'')'),
('pg_temp.http(''DELETE'', ''/api/v2/campaigns/'' || $campaign)'), ('pg_temp.http(''POST'', ''/api/v2/campaigns/'' || $campaign || ''/activate'')'), ('pg_temp.http(''POST'', ''/api/v2/campaigns/'' || $campaign || ''/pause'')'),
('pg_temp.http(''GET'', ''/api/v2/campaigns/'' || $campaign || ''/sending-status'')'), ('pg_temp.http(''GET'', ''/api/v2/lead-lists'')'), ('pg_temp.http(''POST'', ''/api/v2/lead-lists'', ''{"name": "x"}'')'),
('pg_temp.http(''GET'', ''/api/v2/lead-lists/'' || $list)'), ('pg_temp.http(''PATCH'', ''/api/v2/lead-lists/'' || $list, ''{"name": "x"}'')'), ('pg_temp.http(''DELETE'', ''/api/v2/lead-lists/'' || $list)'),
('pg_temp.http(''GET'', ''/api/v2/block-lists-entries?starting_after='' || $entry)'), ('pg_temp.http(''POST'', ''/api/v2/block-lists-entries'', ''{"bl_value": "x.example"}'')'), ('pg_temp.http(''POST'', ''/api/v2/block-lists-entries/bulk-create'', ''{"bl_values": ["x.example"]}'')'),
('pg_temp.http(''GET'', ''/api/v2/block-lists-entries/'' || $entry)'), ('pg_temp.http(''DELETE'', ''/api/v2/block-lists-entries/'' || $entry)'), ('pg_temp.http(''GET'', ''/api/v2/background-jobs/'' || $job_id)'),
('pg_temp.http(''GET'', ''/api/v2/campaigns/analytics'')'), ('pg_temp.http(''GET'', ''/api/v2/campaigns/analytics/daily'')'), ('pg_temp.http(''GET'', ''/api/v2/campaigns/'' || $steps || ''/sending-status'')'),
('pg_temp.http(''PATCH'', ''/api/v2/campaigns/'' || $draft, ''{"sequences": [{"steps": [{"type": "email", "delay": 1, "variants": [{"subject": "s", "body": "b"}]}]}], "disable_bounce_protect": false}'')'),
('lt_move_leads_noted(ARRAY(SELECT lead_id FROM lt_leads), from_campaign_id => $steps, to_campaign_id => $campaign)'),
('pg_temp.http(''POST'', ''/api/v2/leads'', format(''{"campaign": "%s", "email": "x@example.com"}'', $campaign))'), ('pg_temp.http(''POST'', ''/api/v2/leads/list'', ''{}'')'), ('pg_temp.http(''POST'', ''/api/v2/leads/list'', format(''{"campaign": "%s"}'', $steps))'),
('pg_temp.http(''POST'', ''/api/v2/leads/move'', format(''{"list_id": "%s", "to_list_id": "%s"}'', $list, $other_list))'), ('pg_temp.http(''POST'', ''/api/v2/leads/merge'', format(''{"lead_id": "%s", "destination_lead_id": "%s"}'', $lead, (SELECT min(lead_id::text) FROM lt_leads WHERE lead_id <> $lead)))'),
('pg_temp.http(''GET'', ''/api/v2/leads/'' || $lead)'), ('pg_temp.http(''PATCH'', ''/api/v2/leads/'' || $lead, ''{"phone": "1"}'')'), ('pg_temp.http(''DELETE'', ''/api/v2/leads/'' || $lead)'),
('lt_maintain()'), ('lt_maintain(''0'')'), ('(SELECT string_agg(h::text, '''') FROM lt_health() h)'), ('(SELECT string_agg(d::text, '''') FROM lt_due_workspaces() d)'), ('(SELECT string_agg(k::text, '''') FROM lt_api_keys k)'), ('lt_create_api_key(''x'')'), ('lt_revoke_api_key($key_id)'), ('lt_authenticate($key)');
INSERT INTO calls SELECT format('(SELECT string_agg(v::text, '''') FROM %I v)', relname) FROM pg_class WHERE relkind = 'v' AND relname LIKE 'lt\_%' AND relname <> 'lt_api_keys';
-- What a call asks for, with the path as that of a route.
CREATE TEMP TABLE called AS
SELECT substring(regexp_replace(call, ''' \|\| \$\w+( \|\| '')?', '{}', 'g') FROM '^pg_temp\.http\(''(\w+'', ''[^?'',)]*)') AS name FROM calls
UNION
SELECT m[1] FROM calls, regexp_matches(call, '\m(lt_\w+)\(', 'g') m;
DO $$
DECLARE
    missing constant text := string_agg(w.name, ', ') FROM (
        SELECT r.method || ' ' || r.path, r.method || ''', ''' || regexp_replace(r.path, '\{\w+\}', '{}', 'g') FROM leadterra.routes() r
        UNION
        -- Requests make the calls over HTTP; an import commits.
        SELECT p.member, p.member FROM leadterra.privileges() p WHERE starts_with(p.member, 'lt_') AND starts_with(p.privilege, 'EXECUTE') AND 'api' = ANY (p.groups)
            AND p.member NOT IN ('lt_http_read', 'lt_http_write', 'lt_import_table')) w (name, called)
        WHERE w.called NOT IN (SELECT c.name FROM called c WHERE c.name IS NOT NULL);
BEGIN
    ASSERT missing IS NULL, 'without a call: ' || missing;
END;
$$;
UPDATE calls SET call = regexp_replace(call, '\$(\w+)', '(SELECT (a ->> ''\1'') FROM ids)::uuid', 'g');
UPDATE calls SET call = replace(call, 'ids)::uuid', 'ids)') WHERE call ~ 'lt_(unsubscribe|authenticate)\(\(SELECT';
GRANT SELECT ON ids TO tenant;

-- What a column of a type may have that it should not, as texts.
CREATE TEMP TABLE bad (type regtype, value text);
INSERT INTO bad SELECT 'text', v FROM unnest(ARRAY['', 'a@', '@', '@a.test', '.', '*', '*.', 'A@B.TEST', 'a@b@c.test', '.com', 'x@.com', 'x@a..com', 'hmac:', 'nobody', E'a\r\nBcc: b@c.test@d.test', U&'\FEFFa@example.com', U&'\+01F600@\00FC.test', U&'\00E9e\0301@example.com', U&'a@bu\0308cher.test', U&'*.\00FC', U&'a@acme.com\2019',
    'removed', 'running', 'lost', 'closed', 'open', 'failed', 'success', 'a', '{{a}}{{', '{{unsubscribeUrl}}{{n}}', '{{random|a|b|urlencode}}{{n||"x"|urlencode}}{% x %}&#123;{', '{"a": 1}', '''; DROP TABLE x; --', E'\\', repeat('x', 100000), repeat('{{n|' || repeat('y', 1000) || '}}', 100), repeat('a.', 300) || '@' || repeat('b.', 300)]) v;
INSERT INTO bad SELECT 'smallint', v FROM unnest('{-32768,-9000,-60,-2,-1,0,1,2,3,5,6,100,101,255,999,1000,1001,1024,9000,30000,32767}'::text[]) v;
INSERT INTO bad SELECT 'integer', v FROM unnest('{-2147483648,-1,0,1,12,3650,3651,2147483647}'::text[]) v;
INSERT INTO bad SELECT 'bigint', v FROM unnest('{-9223372036854775808,-1,0,1,4294967296,9223372036854775807}'::text[]) v;
INSERT INTO bad SELECT 'timestamptz', v FROM unnest('{-infinity,infinity,4714-11-24 00:00:00+00 BC,294276-12-31 23:59:59.999999+00,1970-01-01 00:00:00+00,2000-01-01 00:00:00+00,2200-01-01 00:00:00+00}'::text[]) v;
INSERT INTO bad SELECT 'date', v FROM unnest('{-infinity,infinity,4713-01-01 BC,5874897-12-31,1970-01-01,2000-01-01,2200-01-01}'::text[]) v;
INSERT INTO bad SELECT 'double precision', v FROM unnest('{NaN,-Infinity,Infinity,-1,0,1e-300,0.5,1,1e300}'::text[]) v;
INSERT INTO bad SELECT 'uuid', v FROM ids, unnest(ARRAY['00000000-0000-0000-0000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff', b ->> 'campaign', b ->> 'lead', b ->> 'lease', b ->> 'list', a ->> 'campaign', a ->> 'steps', a ->> 'lead', a ->> 'workspace', a ->> 'draft']) v;
INSERT INTO bad SELECT 'bytea', v FROM unnest(ARRAY['\x', '\x00', '\xff', '\xffff', '\x0f', '\x' || repeat('ff', 1000), '\x' || repeat('a5', 100000)]) v;
INSERT INTO bad SELECT 'uuid[]', v FROM ids, unnest(ARRAY['{}', '{NULL}', format('{NULL,%s}', a ->> 'lead'), format('{%s}', a ->> 'lead'), format('{%s,%s}', b ->> 'lead', a ->> 'lead'), format('{{%s},{%s}}', a ->> 'lead', a ->> 'lead'),
    format('[0:1]={%s,%s}', a ->> 'lead', a ->> 'lead'), format('[5:5]={%s}', a ->> 'lead'), array_fill(a ->> 'lead', ARRAY[500, 2])::text,
    array_fill(a ->> 'lead', ARRAY[1000])::text, array_fill(a ->> 'lead', ARRAY[20000])::text]) v;
INSERT INTO bad SELECT 'smallint[]', v FROM unnest(ARRAY['{}', '{NULL}', '{1,NULL}', '{-9000}', '{9000}', '{0}', '{1}', '{2}', '{12}', '{1,30000}', '{30000,3}', '{32767,32767}', '{-32768}', '{{1,2},{3,4}}', '[0:0]={1}', '{5}', '{6}', (SELECT array_agg(1000)::text FROM generate_series(1, 5000))]) v;
INSERT INTO bad SELECT 'timestamptz[]', v FROM unnest(ARRAY['{}', '{NULL}', '{-infinity}', '{infinity,2000-01-01}', '{2000-01-01 00:00+00,2000-01-01 00:00+00}', '{{2000-01-01,2000-01-02},{2000-01-03,2000-01-04}}', '[0:1]={2000-01-01,2000-01-02}',
    (SELECT array_agg(now())::text FROM generate_series(1, 5000))]) v;
INSERT INTO bad SELECT 'text[]', v FROM unnest(ARRAY['{}', '{NULL}', '{""}', '{"all:all,x"}', '{{a,b},{c,d}}', '[0:1]={a,b}', (SELECT array_agg('name' || i)::text FROM generate_series(1, 12000) i)]) v;
INSERT INTO bad SELECT 'jsonb', v FROM unnest(ARRAY['{}', '[]', 'null', '1', '"x"', 'true', '{"n": 1e131071}', '{"n": [1e100000, 1e100000]}', '{"email": "a@", "classification": 1, "n": {"n": null}}', '[1, [2, {"a": 3}]]', repeat('[', 500) || repeat(']', 500),
    '{"n": "' || repeat('x', 100000) || '"}', (SELECT jsonb_object_agg('k' || i, i)::text FROM generate_series(1, 5000) i)]) v;
INSERT INTO bad VALUES ('text', 'Europe/Berlin'), ('text', 'UTC'), ('jsonb', '{"schedules": [{"timing": {"from": "22:00", "to": "06:00"}, "days": {"0": true, "1": true, "2": true, "3": true}, "timezone": "Europe/Berlin"}]}'),
    ('jsonb', '{"endDate": "2030-01-01", "schedules": [{"timing": {"from": "09:00", "to": "17:00"}, "days": {"3": true}, "timezone": "America/New_York"}]}'), ('jsonb', '{"schedules": [{"timing": {"from": "9", "to": "25:00"}, "days": {"7": 1}, "timezone": "UTC+3"}, 1]}');
INSERT INTO bad SELECT 'interval', v FROM unnest('{-1 day,0,1 second,7 days,178000000 years,-178000000 years,1 mon -30 days}'::text[]) v;
INSERT INTO bad SELECT 'integer[]', v FROM unnest(ARRAY['{}', '{NULL}', '{-1}', '{1,11,12}', '{{1,2},{3,4}}', '{2147483647}']) v;
INSERT INTO bad SELECT 'name', v FROM unnest('{tenant,nobody,"",public}'::text[]) v;
INSERT INTO bad SELECT 'regclass', v FROM unnest('{pg_class,leadterra.leads,lt_leads,0,pg_class_oid_index}'::text[]) v;
INSERT INTO bad SELECT 'leadterra.imports', v FROM unnest(ARRAY['(,,,,,,,,,,,,,,,,,,,,)', (SELECT min(i::text) FROM leadterra.imports i)]) v;
INSERT INTO bad SELECT 'leadterra.route', v FROM unnest(ARRAY['(,,,,,,)', '(/v1/replies,http_replies,x,,"{campaign_id,classification,page}",2950 25 23,0)', '(/{body}/{a},current_workspace,"",,"{body,NULL,a}",,9)', '(/a,"a(); --",x:y,GET,"{{a,b},{c,d}}",1 2,-1)']) v;
INSERT INTO bad SELECT 'boolean', v FROM unnest('{true,false}'::text[]) v;
INSERT INTO bad SELECT 'oid', v FROM unnest('{0,1,4294967295}'::text[]) v;
INSERT INTO bad SELECT 'xid', v FROM unnest('{0,1,4294967295}'::text[]) v;
INSERT INTO bad SELECT 'xid8', v FROM unnest('{0,18446744073709551615}'::text[]) v;
INSERT INTO bad SELECT 'tid', v FROM unnest(ARRAY['(0,0)', '(0,1)', '(4294967295,65535)']) v;
CREATE TEMP TABLE columns AS SELECT c.relname AS tab, a.attname AS col, a.atttypid::regtype AS type, a.attnotnull AS filled
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r' AND a.attname <> 'workspace_id';
DO $$
DECLARE
    missing constant text := string_agg(DISTINCT type::text, ', ') FROM columns WHERE type NOT IN (SELECT type FROM bad);
BEGIN
    ASSERT missing IS NULL, 'types without bad values: ' || missing;
END;
$$;

-- What may show of ids: those that were there, and new ones.
CREATE TEMP TABLE known AS SELECT lead_id FROM leadterra.leads UNION SELECT unnest(lead_ids) FROM leadterra.batches UNION SELECT unnest(lead_ids) FROM leadterra.deletions
    UNION SELECT value::uuid FROM bad WHERE type = 'uuid'::regtype;
SELECT lt_uuidv7() AS start \gset
SELECT 'walrus|' || string_agg(value, '|') AS theirs FROM ids, jsonb_each_text(b) WHERE value NOT IN (SELECT value FROM bad) AND key <> 'email' \gset
SELECT b ->> 'workspace' AS b FROM ids \gset
\ir rows.sql

CREATE FUNCTION pg_temp.pick(VARIADIC given anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$ SELECT given[1 + trunc(random() * cardinality(given))::integer] $$;

-- A lease that has run out or has not, as a claim makes it but for one thing.
CREATE FUNCTION pg_temp.break_lease() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    workspace constant uuid := a ->> 'workspace' FROM ids;
    flaw constant text := pg_temp.pick('first'::text, 'last', 'attempt', 'bits', 'length', 'null', 'bound');
    n constant integer := pg_temp.pick(1, 1, 2);
    new_batches uuid[];
    new_firsts smallint[];
    new_lasts smallint[];
    new_attempts smallint[];
    bits bytea;
BEGIN
    FOR i IN 1..n LOOP
        new_batches := new_batches || (SELECT b.batch_id FROM leadterra.batches b WHERE b.workspace_id = workspace ORDER BY random() LIMIT 1);
        new_firsts := new_firsts || CASE WHEN flaw = 'first' THEN pg_temp.pick(-9000, -30, -1, 0, 30000) ELSE 1 END::smallint;
        new_lasts := new_lasts || CASE WHEN flaw = 'last' THEN pg_temp.pick(-1, 0, 4, 20, 1000, 1001, 30000) ELSE pg_temp.pick(1, 2) END::smallint;
        new_attempts := new_attempts || CASE WHEN flaw = 'attempt' THEN pg_temp.pick(-32768, -60, -1, 0, 6, 32767) ELSE pg_temp.pick(1, 5, 5) END::smallint;
    END LOOP;
    bits := CASE WHEN flaw = 'bits' THEN pg_temp.pick('\x'::text, '\x0000', '\xffff', '\x' || repeat('ff', 2000)) WHEN random() < 0.5 THEN NULL ELSE pg_temp.pick('\x00'::text, '\x01', '\x03', '\x0f') END;
    CASE flaw
        WHEN 'length' THEN new_lasts := new_lasts || new_lasts; new_attempts := pg_temp.pick('{}'::text, '{5}', '{5,5}');
        WHEN 'null' THEN new_firsts[1] := NULL; new_batches[n] := NULL;
        WHEN 'bound' THEN new_firsts := '[0:0]={1}'; new_lasts := '{{1},{2}}';
        ELSE NULL;
    END CASE;
    UPDATE leadterra.leases l SET
        state = 'open', closed_at = NULL, expires_at = leadterra.clock() + pg_temp.pick('-1 second'::interval, '-1 second', '1 hour'),
        batch_ids = new_batches, firsts = new_firsts, lasts = new_lasts, attempts = new_attempts,
        settled = bits, completed = CASE WHEN random() < 0.7 THEN bits END,
        tried_at = CASE WHEN random() < 0.3 THEN array_fill(pg_temp.pick('-infinity'::timestamptz, 'infinity', '2000-01-01', leadterra.clock()), ARRAY[pg_temp.pick(n, n, n, 3)]) END,
        losses = pg_temp.pick(0, 0, 1, 3, 5, 32767), lost_at = pg_temp.pick(NULL::timestamptz, '-infinity', 'infinity', '2000-01-01')
    WHERE l.workspace_id = workspace AND l.lease_id = (SELECT (a ->> pg_temp.pick('lease'::text, 'open'))::uuid FROM ids);
    RETURN format('leases firsts %s lasts %s attempts %s bits %s', new_firsts, new_lasts, new_attempts, left(bits::text, 20));
END;
$$;

-- Breaks one to three columns of a row of A; says which, or null if that was refused.
CREATE FUNCTION pg_temp.break() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    t text;
    place tid;
    c record;
    said text := '';
BEGIN
    IF random() < 0.4 THEN
        said := pg_temp.break_lease();
        RETURN said;
    END IF;
    SELECT tab INTO t FROM (SELECT DISTINCT tab FROM columns WHERE tab <> 'workspaces' OR random() < 0.3) d
    -- The queue is what C reads most of.
    ORDER BY random() * CASE WHEN tab IN ('leases', 'batches', 'waiting', 'leads', 'steps', 'exceptions') THEN 0.4 ELSE 1 END LIMIT 1;
    EXECUTE format('SELECT ctid FROM leadterra.%I WHERE workspace_id = (SELECT (a ->> ''workspace'')::uuid FROM pg_temp.ids) ORDER BY random() LIMIT 1', t) INTO place;
    IF place IS NULL THEN
        RETURN NULL;
    END IF;
    FOR c IN
        SELECT d.col, d.type, CASE WHEN NOT d.filled AND random() < 0.1 THEN NULL ELSE (SELECT b.value FROM bad b WHERE b.type = d.type ORDER BY random() LIMIT 1) END AS value
        FROM columns d WHERE d.tab = t ORDER BY random() LIMIT 1 + trunc(random() * 3)::integer
    LOOP
        EXECUTE format('UPDATE leadterra.%I SET %I = %L::%s WHERE ctid = %L RETURNING ctid', t, c.col, c.value, c.type, place) INTO place;
        said := said || format('%s.%s = %L ', t, c.col, left(c.value, 60));
    END LOOP;
    RETURN said;
EXCEPTION WHEN integrity_constraint_violation OR program_limit_exceeded THEN
    RETURN NULL;
END;
$$;

-- Says what is wrong with what there is after a call.
CREATE FUNCTION pg_temp.wrong(known_since uuid) RETURNS text LANGUAGE sql SET search_path = pg_catalog AS $$
    SELECT string_agg(w, ', ') FROM (
        SELECT 'a lead from nowhere in a batch: ' || u.lead_id FROM leadterra.batches b, unnest(b.lead_ids) u (lead_id)
        WHERE b.batch_id > known_since AND b.batch_id NOT IN (SELECT k.lead_id FROM pg_temp.known k) AND u.lead_id < known_since AND u.lead_id NOT IN (SELECT k.lead_id FROM pg_temp.known k)
        UNION ALL
        SELECT 'an exception from nowhere: ' || x.lead_id FROM leadterra.exceptions x
        WHERE x.lead_id < known_since AND x.lead_id NOT IN (SELECT k.lead_id FROM pg_temp.known k)
        UNION ALL
        SELECT 'a range that waits since ' || w.waiting_since FROM leadterra.waiting w
        WHERE w.range_id > known_since AND w.range_id NOT IN (SELECT k.lead_id FROM pg_temp.known k) AND w.waiting_since NOT IN (SELECT b.waiting_since FROM leadterra.batches b) AND w.waiting_since NOT BETWEEN leadterra.clock() - interval '3660 days' AND leadterra.clock() + interval '1 day'
    ) p (w);
$$;

-- Makes a call and rolls it back; returns what is wrong, null if nothing, and its SQLSTATE.
CREATE FUNCTION pg_temp.make_call(call text, tenant boolean, theirs text, known_since uuid, OUT wrong text, OUT code text) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    result text;
    key constant text := a ->> 'key' FROM ids;
    workspace constant text := a ->> 'workspace' FROM ids;
BEGIN
    IF tenant THEN
        SET LOCAL ROLE tenant;
        PERFORM lt_authenticate(key);
    ELSE
        PERFORM set_config('leadterra.workspace_id', workspace, true);
    END IF;
    EXECUTE 'SELECT (' || call || ')::text' INTO result;
    RESET ROLE;
    IF result ~ theirs AND call !~ 'due_workspaces|due_deliveries|lt_unsubscribe' THEN
        wrong := 'shows what is of another workspace: ' || left(result, 300);
    ELSIF call ~ 'claim' OR random() < 0.2 THEN
        wrong := pg_temp.wrong(known_since);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'LTOUT';
EXCEPTION WHEN OTHERS THEN
    code := SQLSTATE;
    IF SQLSTATE LIKE 'XX%' OR SQLERRM ~ theirs THEN
        wrong := left(SQLERRM, 300);
    END IF;
END;
$$;

-- One broken row at a time, at one of several times, until there were enough combinations.
CREATE PROCEDURE pg_temp.run(wanted integer, theirs text, known_since uuid, other text) LANGUAGE plpgsql AS $$
DECLARE
    before constant text[] := pg_temp.rows(format('workspace_id = %L', other), '0');
    calls constant text[] := ARRAY(SELECT call FROM calls);
    broken text;
    call text;
    tenant boolean;
    outcome record;
    made integer := 0;
    answered integer := 0;
    refused integer := 0;
    problems integer := 0;
    at timestamptz := clock_timestamp();
BEGIN
    WHILE made < wanted AND problems < 20 LOOP
        BEGIN
            -- Later each time: what has run out since the time before is looked for first.
            at := at + pg_temp.pick('1 minute'::interval, '2 hours'::interval, '10 days'::interval);
            PERFORM set_config('leadterra.now', at::text, true);
            broken := pg_temp.break();
            FOREACH call IN ARRAY CASE WHEN broken IS NOT NULL THEN calls ELSE '{}' END LOOP
                FOREACH tenant IN ARRAY '{false,true}'::boolean[] LOOP
                    outcome := pg_temp.make_call(call, tenant, theirs, known_since);
                    made := made + 1;
                    answered := answered + (outcome.code = 'LTOUT')::integer;
                    IF outcome.wrong IS NOT NULL THEN
                        problems := problems + 1;
                        RAISE WARNING 'PROBLEM %: % as %: % %', broken, call, CASE WHEN tenant THEN 'tenant' ELSE 'owner' END, outcome.code, outcome.wrong;
                    END IF;
                END LOOP;
            END LOOP;
            IF pg_temp.rows(format('workspace_id = %L', other), '0') IS DISTINCT FROM before THEN
                problems := problems + 1;
                RAISE WARNING 'PROBLEM %: another workspace has changed', broken;
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'LTOUT';
        EXCEPTION WHEN SQLSTATE 'LTOUT' THEN
            refused := refused + (broken IS NULL)::integer;
        END;
        COMMIT;
    END LOOP;
    RAISE WARNING 'combinations % answered % refused % problems %', made, answered, refused, problems;
END;
$$;

-- Calls every function with arguments of every sort, so many times each.
CREATE PROCEDURE pg_temp.run_arguments(times integer, theirs text, known_since uuid) LANGUAGE plpgsql AS $$
DECLARE
    f record;
    call text;
    outcome record;
    made integer := 0;
    answered integer := 0;
BEGIN
    FOR f IN
        SELECT p.oid::regprocedure AS name, p.pronamespace::regnamespace AS schema, p.proname, p.proargtypes, has_function_privilege('tenant', p.oid, 'EXECUTE') AS for_tenants
        FROM pg_proc p
        JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        CROSS JOIN generate_series(1, times)
        WHERE p.prokind = 'f' AND p.prorettype <> 'trigger'::regtype AND NOT coalesce(p.proargnames[1] = 'workspace', false)
    LOOP
        SELECT format('%s.%I(%s)', f.schema, f.proname, string_agg(CASE WHEN random() < 0.15 THEN 'NULL' ELSE quote_literal((SELECT b.value FROM bad b WHERE b.type = t.type ORDER BY random() LIMIT 1)) END || '::' || t.type::regtype, ', ' ORDER BY t.place))
        INTO call FROM unnest(f.proargtypes) WITH ORDINALITY AS t (type, place);
        outcome := pg_temp.make_call(format('(SELECT string_agg(x::text, '''') FROM %s x)', call), f.for_tenants AND random() < 0.5, theirs, known_since);
        made := made + 1;
        answered := answered + (outcome.code = 'LTOUT')::integer;
        IF outcome.wrong IS NOT NULL THEN
            RAISE WARNING 'PROBLEM %: % %', left(call, 500), outcome.code, outcome.wrong;
        END IF;
    END LOOP;
    RAISE WARNING 'arguments % answered %', made, answered;
END;
$$;
\if :checks
\else
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) FROM pg_constraint WHERE contype = 'c' AND connamespace = 'leadterra'::regnamespace \gexec
\endif
SET client_min_messages = warning;
CALL pg_temp.run_arguments(:times, :'theirs', :'start');
CALL pg_temp.run(:wanted, :'theirs', :'start', :'b');
