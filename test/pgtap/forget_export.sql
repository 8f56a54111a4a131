-- forget: what is shown of a person is all that is kept, and that is what is forgotten.
BEGIN;
SELECT plan(28);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0004';

-- A person with something in every place, each text of which says where it stands.
SELECT lt_set_unsubscribe_url('https://example.com/u/');
SELECT lt_create_campaign('one', '[{"subject": "s", "bodyHtml": "{{unsubscribeUrl}}"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS one,
    lt_create_campaign('two', '[{"subject": "s", "bodyHtml": "b"}]') AS two, lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]') AS draft,
    lt_create_list('list') AS list, lt_create_blocklist('partners') AS partners \gset
SELECT lt_bulk_upsert(c, '[{"email": "ann@example.com", "city": "secret-custom"}, {"email": "bob@example.com", "firstName": "Bobby"}]') FROM unnest(ARRAY[:'one', :'two', :'draft']::uuid[]) c;
SELECT lt_bulk_upsert(:'one', '[{"email": "old@example.com"}]');
SELECT lt_add_leads('[{"email": "ann@example.com"}, {"email": "bob@example.com"}]', list_id => :'list', verify_leads_on_import => true);
SELECT format('UPDATE leadterra.leads SET %s WHERE email = ''ann@example.com'' AND workspace_id = lt_current_workspace()', string_agg(format('%I = %L', attname, 'secret-' || replace(attname, '_', '-')), ', '))
FROM pg_attribute WHERE attrelid = 'leadterra.leads'::regclass AND atttypid = 'text'::regtype AND attname <> 'email' \gexec
SELECT lt_start_campaign(:'one'), lt_start_campaign(:'two');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(10, '1 hour', :'one')) l;
SELECT lt_record_event(message_id, 'replied', '{"classification": "interested", "threadSnippet": "secret-reply"}'), lt_record_event(message_id, 'bounced', '{"bounceType": "soft", "bounceReason": "secret-bounce"}')
FROM lt_messages WHERE email = 'ann@example.com' AND campaign_id = :'one' AND step = 1;
SELECT lt_restart_leads(:'one', '{ann@example.com}');
SELECT lt_fail_messages(lease_id, array_agg(message_id), '450 secret-waiting') FROM lt_claim_messages(10, '1 hour', :'one') GROUP BY lease_id;
SELECT lt_fail_messages(lease_id, ARRAY[message_id], '550 secret-exception', true) FROM lt_claim_messages(10, '1 hour', :'two') WHERE email = 'ann@example.com';
SELECT lt_merge_leads(o.lead_id, a.lead_id) FROM lt_leads o, lt_leads a WHERE o.email = 'old@example.com' AND a.email = 'ann@example.com';
SELECT lt_suppress('{ann@example.com}', 'secret-suppression'), lt_suppress('{example.com}', 'all of it'), lt_suppress('{other.example, zed@example.com}'), lt_block('{ann@example.com}', :'partners', 'secret-blocklist'), lt_block('{bob@example.com}', :'partners');
INSERT INTO leadterra.imports (workspace_id, import_id, campaign_id, source, source_file) VALUES (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000d', :'one', 'x', 0);
INSERT INTO leadterra.import_rejects (workspace_id, import_id, row_number, reason, field, code, lead) VALUES
    (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000d', 1, 'secret-reject-reason', 'secret-reject-field', 'secret-reject-code', '{"email": " ANN@Example.com", "phone": "secret-reject"}'),
    (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000d', 2, 'wrong_type', 'phone', 'wrong_type', '{"email": "bob@example.com", "phone": "Bobby"}');
INSERT INTO leadterra.answers (workspace_id, idempotency_key, request_hash, answer, created_at) VALUES
    (lt_current_workspace(), 'secret-key', '\x', '{"created_leads": [{"email": "ann@example.com", "note": "secret-answer"}, {"email": "bob@example.com", "note": "Bobby"}]}', now()),
    (lt_current_workspace(), 'other', '\x', '{"created_leads": [{"email": "bob@example.com"}]}', now());

-- Marks of the person in all tables, with where they stand.
CREATE FUNCTION pg_temp.marks() RETURNS TABLE (place text, mark text) LANGUAGE plpgsql AS $$
DECLARE
    c record;
BEGIN
    FOR c IN SELECT r.relname, a.attname FROM pg_class r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
        WHERE r.relnamespace = 'leadterra'::regnamespace AND r.relkind = 'r' AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype) ORDER BY 1, 2
    LOOP
        RETURN QUERY EXECUTE format('SELECT %L::text, m[1] FROM leadterra.%I t, regexp_matches(t.%I::text, ''secret-[a-z-]+|ann@example.com|^hmac:.*'', ''gi'') m', c.relname || '.' || c.attname, c.relname, c.attname);
    END LOOP;
END;
$$;
CREATE TEMP TABLE marks AS SELECT * FROM pg_temp.marks();
SELECT is((SELECT string_agg(DISTINCT c.relname || '.' || a.attname, ' ' ORDER BY c.relname || '.' || a.attname)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r' AND a.atttypid IN ('text'::regtype, 'jsonb'::regtype) AND c.relname || '.' || a.attname NOT IN (SELECT place FROM marks)),
    'api_keys.label blocklists.name campaigns.name campaigns.pause_reason campaigns.schedule campaigns.status closed_workspaces.state enrollments.status events.digest events.type exceptions.state imports.mapping imports.source jobs.error jobs.status jobs.type jobs.worker '
    'leases.state leases.worker links.unsubscribe_url lists.name pools.name senders.email senders.name senders.reply_to senders.status senders.time_zone senders.transport steps.body_html steps.body_text steps.headers steps.preheader steps.subject steps.variants webhook_log.error webhook_log.event webhook_outbox.event webhook_outbox.reason webhooks.disabled_reason webhooks.secret webhooks.status webhooks.url workspaces.name workspaces.postal_address', 'these texts name nobody, by themselves; all others have something of the person');

-- What a statement reads and changes in this transaction, by table.
CREATE FUNCTION pg_temp.counts() RETURNS TABLE (name text, read bigint, changed bigint) LANGUAGE sql AS $$
    SELECT relname::text, coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0), n_tup_upd + n_tup_del FROM pg_stat_xact_user_tables WHERE schemaname = 'leadterra'
$$;
CREATE TEMP TABLE before AS SELECT * FROM pg_temp.counts();
CREATE TEMP TABLE exported AS SELECT lt_export_person(' ANN@example.com') AS e;
CREATE TEMP TABLE read AS SELECT c.name FROM pg_temp.counts() c LEFT JOIN before b USING (name) WHERE c.read > coalesce(b.read, 0);
SELECT is((SELECT string_agg(DISTINCT place || ' ' || mark, ', ') FROM marks m, exported WHERE strpos(lower(e::text), lower(mark)) = 0), NULL, 'all of it is shown');
SELECT is((SELECT count(*) FROM exported WHERE e::text ~ 'Bobby|bob@|zed@|other.example'), 0::bigint, 'and nothing of others');

-- What it looks like.
SELECT is((SELECT string_agg(key, ' ' ORDER BY key) FROM exported, jsonb_object_keys(e) key), 'answers email enrollments events hashed import_rejects jobs lead lists merged_leads messages soft_bounces suppressions', 'its members');
SELECT is(e ->> 'email', 'ann@example.com', 'the address') FROM exported;
SELECT is(e -> 'lead', (SELECT to_jsonb(l) - 'workspace_id' FROM leadterra.leads l WHERE l.email = 'ann@example.com' AND l.workspace_id = lt_current_workspace()), 'the lead') FROM exported;
SELECT is((SELECT jsonb_agg(m -> 'entry') FROM jsonb_array_elements(e -> 'merged_leads') m), jsonb_build_array(leadterra.hashed_entry('old@example.com')), 'a lead that became part of it') FROM exported;
SELECT is(e -> 'lists' -> 0 ->> 'name', 'list', 'lists') FROM exported;
SELECT is((SELECT string_agg((c ->> 'name') || ' ' || (c ->> 'status'), ', ' ORDER BY c ->> 'name') FROM jsonb_array_elements(e -> 'enrollments') c), 'draft active, one active, two active', 'campaigns with their states') FROM exported;
SELECT is((SELECT string_agg(concat_ws(' ', m ->> 'step', m ->> 'state', m ->> 'reason'), ', ' ORDER BY m ->> 'campaign_id', m ->> 'step', m ->> 'state') FROM jsonb_array_elements(e -> 'messages') m),
    '1 sent, 1 sent, 2 retry 450 secret-waiting, 2 retry 450 secret-waiting, 1 failed 550 secret-exception', 'messages, also those to the lead that became part of it; of a draft there are none') FROM exported;
SELECT is((SELECT count(*) FROM jsonb_array_elements(e -> 'messages') m JOIN lt_messages l ON l.message_id = (m ->> 'message_id')::uuid AND l.due_at = (m ->> 'due_at')::timestamptz AND l.state = m ->> 'state'), 3::bigint, 'by their ids, with their times') FROM exported;
SELECT is((SELECT string_agg(v ->> 'type', ' ' ORDER BY v ->> 'type') FROM jsonb_array_elements(e -> 'events') v), 'bounced replied', 'events') FROM exported;
SELECT is((SELECT string_agg(concat_ws(' ', s ->> 'name', s ->> 'entry', s ->> 'reason'), ', ' ORDER BY s ->> 'name', s ->> 'entry') FROM jsonb_array_elements(e -> 'suppressions') s),
    'partners ann@example.com secret-blocklist, suppression list ann@example.com secret-suppression, suppression list example.com all of it', 'entries that match') FROM exported;
SELECT is(e -> 'hashed', 'false', 'of which none is a hash') FROM exported;
SELECT is(jsonb_array_length(e -> 'import_rejects'), 1, 'a row that was left out') FROM exported;
SELECT is(e -> 'jobs' -> 0 ->> 'type', 'verify_leads', 'jobs') FROM exported;
SELECT is((e -> 'jobs' -> 0) ? 'lead_ids', false, 'without the others') FROM exported;
SELECT is((SELECT jsonb_agg(a - 'created_at') FROM jsonb_array_elements(e -> 'answers') a), '[{"idempotency_key": "secret-key", "parts": [{"email": "ann@example.com", "note": "secret-answer"}]}]', 'the part of an answer') FROM exported;

-- What is forgotten.
TRUNCATE before;
INSERT INTO before SELECT * FROM pg_temp.counts();
SELECT lt_forget('ann@example.com');
CREATE TEMP TABLE changed AS SELECT c.name FROM pg_temp.counts() c LEFT JOIN before b USING (name) WHERE c.changed > coalesce(b.changed, 0);
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM changed), 'answers enrollments events exceptions import_rejects lead_heirs leads list_members soft_bounces suppressions waiting', 'tables that forgetting changes');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM (TABLE changed EXCEPT TABLE read) x), NULL, 'are shown');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM (TABLE read EXCEPT TABLE changed) x), 'address_keys batches blocklists campaigns jobs leases lists steps', 'and those that are shown beside have ids, counts and times of a person');
SELECT is((SELECT string_agg(DISTINCT place || ' ' || mark, ', ') FROM pg_temp.marks() WHERE mark <> leadterra.hashed_entry('ann@example.com')), NULL, 'nothing but a hash is left');
SELECT is((SELECT string_agg(key || ': ' || value, ', ' ORDER BY key) FROM jsonb_each_text(lt_export_person('ann@example.com')) WHERE value <> '[]'), (
    SELECT format('email: ann@example.com, hashed: true, suppressions: %s', jsonb_agg(jsonb_build_object('blocklist_id', lt_current_workspace(), 'name', 'suppression list', 'entry', entry, 'reason', reason, 'created_at', created_at) ORDER BY entry))
    FROM lt_suppressions WHERE entry IN ('example.com', leadterra.hashed_entry('ann@example.com'))), 'as is shown');

-- Somebody of whom nothing is known, an address that was given up, and what is none.
SELECT is((SELECT string_agg(key, ' ' ORDER BY key) FROM jsonb_each_text(lt_export_person('zoe@else.example')) WHERE value <> '[]'), 'email hashed', 'nothing is known of others');
SELECT lt_bulk_upsert(:'two', '[{"email": "eve@else.example"}, {"email": "new@else.example"}]');
SELECT lt_merge_leads(o.lead_id, n.lead_id) FROM lt_leads o, lt_leads n WHERE o.email = 'eve@else.example' AND n.email = 'new@else.example';
SELECT is((SELECT lt_export_person('eve@else.example') #>> '{merged_leads,0,heir_id}'), (SELECT lead_id::text FROM lt_leads WHERE email = 'new@else.example'), 'who gave up an address finds whose it is');
SELECT throws_ok($$SELECT lt_export_person(NULL)$$, 'PT400', 'argument "email" must not be null');
SELECT throws_ok($$SELECT lt_export_person('nobody')$$, 'PT400', 'invalid e-mail address: address has no @');

-- As a standby has it, too.
SET TRANSACTION READ ONLY;
SELECT is(lt_export_person('eve@else.example') ->> 'email', 'eve@else.example', 'it changes nothing');

SELECT * FROM finish();
ROLLBACK;
