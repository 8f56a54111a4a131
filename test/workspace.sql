-- For tests that call everything; the variable schema says where the calls are.

-- Creates a workspace that holds something of everything, and returns ids of it all.
CREATE FUNCTION pg_temp.fill(label text) RETURNS jsonb LANGUAGE plpgsql SET search_path = :schema, pg_temp AS $$
DECLARE
    ids jsonb := jsonb_build_object('workspace', lt_create_workspace(label), 'email', lower(label) || '.only@example.com');
    claimed record;
BEGIN
    PERFORM set_config('leadterra.workspace_id', ids ->> 'workspace', true);
    ids := ids || jsonb_build_object(
        'campaign', lt_create_campaign(label, '[{"subject": "s", "bodyHtml": "{{unsubscribeUrl}}"}]'), 'draft', lt_create_campaign(label),
        'list', lt_create_list(label), 'other_list', lt_create_list(label), 'blocklist', lt_create_blocklist(label), 'key', lt_create_api_key(label),
        'webhook', (lt_create_webhook('https://' || lower(label) || '.example/', leadterra.webhook_events())).webhook_id,
        'sender', lt_create_sender(lower(label) || '@sender.example', '{"dailyLimit": 100}'), 'other_sender', lt_create_sender(lower(label) || '.other@sender.example'), 'pool', lt_create_pool(label), 'other_pool', lt_create_pool(label));
    PERFORM lt_set_pool_senders((ids ->> 'pool')::uuid, ARRAY[ids ->> 'sender', ids ->> 'other_sender']::uuid[]), lt_set_sending((ids ->> 'draft')::uuid, jsonb_build_object('poolId', ids -> 'pool', 'dailyLimit', 100));
    PERFORM lt_set_unsubscribe_url('https://example.com/u/');
    PERFORM lt_bulk_upsert((ids ->> 'campaign')::uuid, format('[{"email": "a@example.com"}, {"email": "b@example.com"}, {"email": "%s.only@example.com"}]', lower(label))::jsonb);
    PERFORM lt_add_leads('[{"email": "a@example.com"}, {"first_name": "N"}]', list_id => (ids ->> 'list')::uuid, verify_leads_on_import => true);
    PERFORM lt_suppress('{no@example.com}'), lt_block('{no@example.com}', (ids ->> 'blocklist')::uuid), lt_start_campaign((ids ->> 'campaign')::uuid);
    SELECT * INTO claimed FROM lt_claim_messages(1, '1 hour');
    INSERT INTO leadterra.imports (workspace_id, import_id, campaign_id, source, source_file) VALUES (lt_current_workspace(), lt_uuidv7(), (ids ->> 'campaign')::uuid, 'x', 0);
    INSERT INTO leadterra.import_rejects (workspace_id, import_id, row_number, reason, code) SELECT lt_current_workspace(), import_id, 1, 'x', 'x' FROM lt_imports;
    ids := ids || jsonb_build_object('lease', claimed.lease_id, 'message', claimed.message_id, 'token', substr(claimed.body_html, 23),
        'lead', claimed.lead_id, 'job', (SELECT lease_id FROM lt_claim_job()), 'key_id', (SELECT key_id FROM lt_api_keys), 'job_id', (SELECT job_id FROM lt_jobs),
        'entry', (SELECT leadterra.http_v2_entry_key(entry, domain_hash) FROM leadterra.suppressions WHERE blocklist_id = lt_current_workspace()));
    PERFORM lt_record_event(claimed.message_id, 'opened'), lt_record_event(claimed.message_id, 'replied', '{"classification": "out_of_office"}'),
        lt_record_event(claimed.message_id, 'bounced', '{"bounceType": "soft"}'), lt_set_soft_bounce_limit(4);
    -- One delivery succeeded, one is with a worker, and others wait.
    SELECT * INTO claimed FROM lt_claim_deliveries(1, '1 hour');
    PERFORM lt_finish_delivery(claimed.lease_id, claimed.delivery_id, 200);
    ids := ids || jsonb_build_object('delivery', claimed.delivery_id, 'reply', (SELECT min(reply_id::text) FROM lt_replies));
    SELECT * INTO claimed FROM lt_claim_deliveries(1, '1 hour');
    ids := ids || jsonb_build_object('delivery_lease', claimed.lease_id, 'leased_delivery', claimed.delivery_id);
    PERFORM set_config('leadterra.workspace_id', '', true);
    RETURN ids;
END;
$$;

-- Makes a request, as PostgREST passes it on, and returns its answer.
CREATE FUNCTION pg_temp.http(method text, uri text, body text DEFAULT '') RETURNS jsonb LANGUAGE plpgsql SET search_path = :schema, pg_temp AS $$
BEGIN
    PERFORM set_config('request.headers', json_build_object('x-original-uri', uri, 'x-original-method', method)::text, true);
    RETURN CASE method WHEN 'GET' THEN lt_http_read() ELSE lt_http_write(convert_to(body, 'UTF8')) END;
END;
$$;
