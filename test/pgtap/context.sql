-- context: a workspace sees and changes nothing of another.
BEGIN;
SELECT plan(149);

SELECT is(lt_current_workspace(), '00000000-0000-7000-8000-000000000000', 'the default workspace is a constant');
SELECT lt_create_campaign('of the default workspace', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com", "firstName": "A"}]');
SELECT lt_suppress('{no@example.com}');
SELECT lead_id AS lead FROM lt_leads WHERE email = 'a@example.com' \gset
SELECT lt_create_blocklist('of the default workspace') AS blocklist \gset
SELECT lt_block('{no@example.com}', :'blocklist');
SELECT lt_create_list('of the default workspace') AS list \gset
SELECT lt_add_leads('[{"email": "a@example.com"}]', list_id => :'list');
SELECT lt_start_campaign(:'campaign');
SELECT lease_id AS lease, message_id AS message FROM lt_claim_messages(1, '1 hour', :'campaign') \gset
SELECT count(*) AS leads FROM leadterra.leads \gset

SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT is(lt_current_workspace(), '0197c043-e39c-7d91-a325-6615db0e1b14', 'the setting chooses another');
SELECT is((SELECT count(*) FROM lt_campaigns), 0::bigint, 'it shows no campaigns');
SELECT is((SELECT count(*) FROM lt_leads), 0::bigint, 'nor leads');
SELECT is((SELECT count(*) FROM lt_enrollments), 0::bigint, 'nor enrollments');
SELECT is((SELECT count(*) FROM lt_suppressions), 0::bigint, 'nor suppressions');
SELECT is((SELECT count(*) FROM lt_messages), 0::bigint, 'nor messages');
SELECT is((SELECT count(*) FROM lt_blocklists), 0::bigint, 'nor block lists');
SELECT is((SELECT count(*) FROM lt_blocklist_entries), 0::bigint, 'nor what is on them');
SELECT is((SELECT count(*) FROM lt_is_suppressed('no@example.com')), 0::bigint, 'nor what is suppressed');
SELECT is((SELECT count(*) FROM lt_lists), 0::bigint, 'nor lists');

SELECT throws_ok(format('SELECT %s', call), 'PT404', NULL, call || ' finds nothing of it')
FROM unnest(ARRAY[
    format('lt_bulk_upsert(%L, ''[{"email": "b@example.com"}]'')', :'campaign'),
    format('lt_bulk_upsert_report(%L, ''[]'', dry_run => true)', :'campaign'),
    format('lt_start_campaign(%L)', :'campaign'),
    format('lt_pause_campaign(%L)', :'campaign'),
    format('lt_set_steps(%L, ''[]'')', :'campaign'),
    format('lt_rename_campaign(%L, ''x'')', :'campaign'),
    format('lt_copy_campaign(%L)', :'campaign'),
    format('lt_delete_campaign(%L)', :'campaign'),
    format('lt_preflight(%L)', :'campaign'),
    format('lt_remove_leads(%L, ''{a@example.com}'')', :'campaign'),
    format('lt_claim_messages(1, ''1 minute'', %L)', :'campaign'),
    format('lt_campaign_stats(%L)', :'campaign'),
    format('lt_sending_status(%L)', :'campaign'),
    format('lt_explain_lead(%L, ''a@example.com'')', :'campaign'),
    format('lt_restart_leads(%L, ''{a@example.com}'')', :'campaign'),
    format('lt_record_event(%L, ''opened'')', :'message'),
    format('lt_delete_lead(%L)', :'lead'),
    format('lt_block(''{no@example.com}'', %L)', :'blocklist'),
    format('lt_unblock(''{no@example.com}'', %L)', :'blocklist'),
    format('lt_delete_blocklist(%L)', :'blocklist'),
    format('lt_set_campaign_owner(%L, NULL)', :'campaign'),
    format('lt_add_leads(''[{"email": "b@example.com"}]'', %L)', :'campaign'),
    format('lt_add_leads(''[{"email": "b@example.com"}]'', list_id => %L)', :'list'),
    format('lt_add_leads(''[{"email": "b@example.com"}]'', lt_create_campaign(''own''), blocklist_id => %L)', :'blocklist'),
    'lt_add_leads(''[{"email": "b@example.com"}]'', list_id => lt_create_list(''own''), blocklist_id => ''00000000-0000-7000-8000-000000000000'')',
    format('lt_remove_from_list(%L, ARRAY[%L]::uuid[])', :'list', :'lead'),
    format('lt_delete_list(%L)', :'list'),
    format('lt_list_leads(%L)', :'list'),
    'lt_block(''{no@example.com}'', ''00000000-0000-7000-8000-000000000000'')',
    'lt_update_lead(''a@example.com'', ''{}'')']) AS call;
SELECT throws_ok(format('SELECT %s', call), 'PT409', NULL, call || ' finds no lease of it')
FROM unnest(ARRAY[
    format('lt_complete_messages(%L)', :'lease'),
    format('lt_fail_messages(%L, ARRAY[%L]::uuid[], ''no'')', :'lease', :'message'),
    format('lt_bounce_messages(%L, ARRAY[%L]::uuid[], ''no'')', :'lease', :'message'),
    format('lt_defer_messages(%L, ARRAY[%L]::uuid[], ''1 hour'', ''no'')', :'lease', :'message'),
    format('lt_release_lease(%L)', :'lease'),
    format('lt_extend_lease(%L, ''1 hour'')', :'lease')]) AS call;
SELECT is((SELECT count(*) FROM lt_claim_messages(1)), 0::bigint, 'nothing is due in it');
SELECT is(lt_next_due(), NULL, 'nor will be');
SELECT is(lt_delete_leads('{a@example.com}') + lt_unsuppress('{no@example.com}'), 0, 'calls that count find nothing of it');

SELECT lt_create_campaign('of another workspace') AS other \gset
SELECT lt_bulk_upsert(:'other', '[{"email": "a@example.com", "firstName": "B"}, {"email": "no@example.com"}]');
RESET leadterra.workspace_id;
SELECT results_eq(
    'SELECT first_name FROM lt_leads WHERE email IN (''a@example.com'', ''no@example.com'')', ARRAY['A'],
    'the same address in another workspace is another lead');
SELECT is((SELECT count(*) FROM leadterra.leads), :leads + 2::bigint, 'which is there');

-- A twin: a workspace that holds the same rows with the same ids.  What a call
-- does there depends on nothing of the first, and touches no row of it.
SELECT lt_create_campaign('first', '[{"subject": "{{company}}", "bodyHtml": "b"}]') AS campaign,
    lt_create_campaign('second', '[{"subject": "s", "bodyHtml": "b"}]') AS draft \gset
SELECT lt_bulk_upsert(id, '[{"email": "t1@example.com", "company": "C"}, {"email": "t2@example.com"}, {"email": "t3@example.com"}, {"email": "t4@example.com"}, {"email": "t7@example.com"}]')
FROM unnest(ARRAY[:'campaign', :'draft']::uuid[]) id;
SELECT lt_start_campaign(:'campaign');
SELECT lt_remove_leads(:'campaign', '{t4@example.com}');
SELECT lt_delete_leads('{t7@example.com}');
SELECT lt_suppress('{t9@example.com, *.t9.example.com}', 'asked');
INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, created_at, updated_at)
SELECT lt_current_workspace(), lt_uuidv7(), 'verify_leads', '{}', now(), now() FROM generate_series(1, 2);
SELECT count(*) FROM lt_claim_job();
SELECT lt_block('{t9@example.com}', :'blocklist');
SELECT lt_add_leads('[{"email": "t1@example.com"}, {"email": "t2@example.com"}]', list_id => :'list');
CREATE TEMP TABLE twin AS SELECT :'campaign'::uuid AS campaign, :'draft'::uuid AS draft, :'blocklist'::uuid AS blocklist, :'list'::uuid AS list, lead_id AS lead FROM lt_leads WHERE email = 't3@example.com';
DO $$
DECLARE
    name text;
    columns text;
BEGIN
    FOR name, columns IN
        SELECT c.relname, string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
        FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
        WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r'
        GROUP BY c.relname
        ORDER BY c.relname
    LOOP
        EXECUTE format('INSERT INTO leadterra.%1$I (%3$s) SELECT %3$s FROM (SELECT (jsonb_populate_record(t, ''{"workspace_id": "0197c043-e39c-7d91-a325-6615db0e1b15"}'')).* FROM leadterra.%1$I t WHERE workspace_id = %2$L) t',
            name, lt_current_workspace(), columns);
    END LOOP;
END;
$$;
-- The default block list has the id of its workspace.
UPDATE leadterra.suppressions SET blocklist_id = workspace_id WHERE workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b15' AND blocklist_id <> :'blocklist';
-- But there t3 has another address, and a is not in the second campaign.
UPDATE leadterra.leads SET email = 't6@example.com' WHERE workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b15' AND email = 't3@example.com';
SELECT lt_bulk_upsert(:'draft', '[{"email": "a@example.com"}]');
-- And there may be more leads there, ten more than there are.
INSERT INTO leadterra.lead_limits (workspace_id, lead_limit)
SELECT w.workspace_id, CASE w.workspace_id WHEN lt_current_workspace() THEN 1
    ELSE 10 + (SELECT count(*) FROM leadterra.leads l WHERE l.workspace_id = w.workspace_id) END
FROM leadterra.workspaces w;

\ir ../rows.sql
-- Those of other workspaces than the current one.
CREATE FUNCTION pg_temp.elsewhere() RETURNS text[] LANGUAGE sql AS $$ SELECT pg_temp.rows(format('workspace_id <> %L', lt_current_workspace())) $$;
CREATE FUNCTION last_lease() RETURNS uuid LANGUAGE sql SET search_path = public AS $$
    SELECT lease_id FROM leadterra.leases WHERE workspace_id = lt_current_workspace() ORDER BY lease_id DESC LIMIT 1
$$;
CREATE FUNCTION last_job_lease() RETURNS uuid LANGUAGE sql SET search_path = public AS $$
    SELECT lease_id FROM leadterra.jobs WHERE workspace_id = lt_current_workspace() ORDER BY lease_id DESC NULLS LAST LIMIT 1
$$;
CREATE FUNCTION added(answer jsonb) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT format('%s uploaded (%s), %s duplicated, %s skipped, %s blocked, %s left', answer -> 'leads_uploaded',
        (SELECT string_agg(coalesce(split_part(c ->> 'email', '@', 1), 'nobody'), ', ' ORDER BY c ->> 'email' DESC) FROM jsonb_array_elements(answer -> 'created_leads') c),
        answer -> 'duplicated_leads', answer -> 'skipped_count', answer -> 'in_blocklist', answer -> 'remaining_in_plan')
$$;
CREATE FUNCTION pg_temp.call(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before text[] := pg_temp.elsewhere();
    result text;
BEGIN
    EXECUTE format('SELECT (%s)::text FROM twin', call) INTO result;
    RETURN concat(result, CASE WHEN before IS DISTINCT FROM pg_temp.elsewhere() THEN ' and another workspace is touched' END);
END;
$$;

SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b15';
SELECT cmp_ok(cardinality(pg_temp.elsewhere()), '>', 20, 'the rows of other workspaces are watched');
SELECT is(pg_temp.call(call), result, 'in a twin ' || call) FROM (VALUES
    ('(SELECT string_agg(format(''%s %s %s'', name, leads_enrolled, queued_messages), '', '' ORDER BY name) FROM lt_campaigns WHERE campaign_id IN (campaign, draft))', 'first 3 3, second 4 0'),
    ('(SELECT steps FROM lt_campaigns WHERE campaign_id = campaign)', '1'),
    ('(SELECT count(*) FROM lt_leads WHERE email LIKE ''t_@%'')', '4'),
    ('(SELECT count(*) FROM lt_enrollments WHERE campaign_id = campaign)', '4'),
    ('(SELECT string_agg(state, '', '' ORDER BY message_id) FROM lt_messages WHERE campaign_id = campaign)', 'queued, queued, queued, skipped'),
    ('(SELECT max(leads_without_value) FROM lt_preflight(campaign))', '2'),
    ('lt_copy_campaign(campaign, ''copied'') <> campaign', 'true'),
    ('(SELECT steps FROM lt_campaigns WHERE name = ''copied'')', '1'),
    ('(SELECT string_agg(concat_ws('' '', email, outcome, new_to_workspace, reason), '', '' ORDER BY index) FROM lt_bulk_upsert_report(campaign, ''[{"email": "t1@example.com"}, {"email": "t4@example.com"}, {"email": "t9@example.com"}]'', dry_run => true))',
     't1@example.com updated f, t4@example.com enrolled f, t9@example.com skipped f suppressed'),
    ('lt_bulk_upsert(campaign, ''[{"email": "t1@example.com"}, {"email": "T2@example.com", "phone": "1"}, {"email": "t4@example.com"}, {"email": "t5@example.com"}, {"email": "t9@example.com"}, {"email": "a@b.t9.example.com"}]'')', '(2,2,2,4)'),
    ('lt_bulk_upsert(draft, ''[{"email": "t1@example.com", "phone": "1"}, {"email": "t5@example.com"}]'')', '(1,1,0,2)'),
    ('lt_bulk_upsert(draft, ''[{"email": "a@example.com"}]'')', '(1,0,0,1)'),
    ('lt_remove_leads(campaign, ''{t3@example.com}'')', '0'),
    ('lt_delete_leads(''{t3@example.com}'')', '0'),
    ('(SELECT string_agg(concat_ws('' '', email, outcome, new_to_workspace), '', '' ORDER BY index) FROM lt_bulk_upsert_report(campaign, ''[{"email": "t3@example.com"}, {"email": "t6@example.com"}]''))', 't3@example.com enrolled t, t6@example.com updated f'),
    ('lt_delete_leads(''{t3@example.com}'')', '1'),
    ('lt_update_lead(''t1@example.com'', ''{"company": null, "x": 1}'')', ''),
    ('(SELECT max(leads_without_value) FROM lt_preflight(campaign))', '5'),
    ('lt_job_progress(last_job_lease(), 40) > now()', 'true'),
    ('lt_finish_job(last_job_lease())', 'true'),
    ('(SELECT count(*) FROM lt_claim_job())', '1'),
    ('lt_finish_job(last_job_lease(), ''no'')', 'true'),
    ('(SELECT string_agg(concat_ws('' '', status, progress, error), '', '' ORDER BY job_id) FROM lt_jobs)', 'success 100, pending 0 no'),
    ('lt_set_verification(ARRAY[lead], ''{1}'')', '1'),
    ('(SELECT string_agg(email, '' '') FROM lt_leads WHERE verification_status = 1)', 't6@example.com'),
    ('lt_remove_leads(campaign, ''{t1@example.com, T2@example.com}'')', '2'),
    ('lt_remove_leads(campaign, ''{t1@example.com}'')', '0'),
    ('lt_suppress(''{t9@example.com, t8@example.com}'', ''other'')', '(1,1,2)'),
    ('(SELECT reason FROM lt_is_suppressed(''t8@example.com''))', 'other'),
    ('lt_block(''{t9@example.com, t8@example.com}'', blocklist)', '(1,2,0,)'),
    ('lt_unblock(''{t9@example.com}'', blocklist)', '1'),
    ('(SELECT string_agg(entry, '' '') FROM lt_blocklist_entries WHERE blocklist_id = blocklist)', 'no@example.com t8@example.com'),
    ('lt_delete_blocklist(blocklist)', ''),
    ('(SELECT string_agg(name, '' '') FROM lt_blocklists)', 'suppression list'),
    ('lt_unsuppress(''{t9@example.com, *.t9.example.com}'')', '2'),
    ('(SELECT count(*) FROM lt_is_suppressed(''t9@example.com''))', '0'),
    ('(SELECT count(*) FROM lt_is_suppressed(''a@b.t9.example.com''))', '0'),
    ('(lt_pause_campaign(campaign)).queued_messages', '3'),
    ('lt_set_steps(campaign, ''[{"subject": "changed", "bodyHtml": "b"}]'')', ''),
    ('(SELECT count(*) FROM lt_preflight(campaign) WHERE has_fallback IS NOT NULL)', '0'),
    ('lt_set_steps(draft, ''[]'')', ''),
    ('lt_rename_campaign(campaign, ''renamed'')', ''),
    ('(lt_start_campaign(campaign)).queued_messages', '3'),
    ('(SELECT status FROM lt_sending_status(campaign))', 'due'),
    ('(SELECT string_agg(email, '' '') FROM lt_claim_messages(1, ''1 hour'', campaign))', 't6@example.com'),
    ('lt_extend_lease(last_lease(), ''2 hours'') > now()', 'true'),
    ('lt_fail_messages(last_lease(), (SELECT array_agg(message_id) FROM lt_messages WHERE lease_id = last_lease()), ''no'')', '1'),
    ('(SELECT string_agg(email, '' '') FROM lt_claim_messages(1, ''1 hour'', campaign))', 't4@example.com'),
    ('lt_complete_messages(last_lease())', '1'),
    ('(SELECT string_agg(email, '' '') FROM lt_claim_messages(1, ''1 hour'', campaign))', 't5@example.com'),
    ('lt_release_lease(last_lease())', '1'),
    ('lt_record_event((SELECT message_id FROM lt_messages WHERE state = ''sent''), ''bounced'', ''{"bounceType": "hard"}'')', 'true'),
    ('(SELECT concat_ws('' '', total_enrolled, sent, bounced, skipped, queued) FROM lt_campaign_stats(campaign))', '3 1 1 2 2'),
    ('(SELECT string_agg(concat_ws('' '', state, reason), '','') FROM lt_explain_lead(campaign, ''t6@example.com''))', 'retry no'),
    ('lt_restart_leads(campaign, ''{t4@example.com}'')', '1'),
    ('lt_set_unsubscribe_url(''https://t.example/'')', ''),
    ('lt_set_postal_address(''1 Main Street'')', ''),
    ('(SELECT count(*) FROM lt_preflight(campaign) WHERE step IS NULL)', '0'),
    ('lt_set_soft_bounce_limit(3)', ''),
    ('(SELECT string_agg(format(''%s %s'', name, leads), '', '') FROM lt_lists)', 'of the default workspace 3'),
    ('(SELECT string_agg(email, '' '') FROM lt_list_leads(list))', 'a@example.com t1@example.com t2@example.com'),
    ('lt_set_campaign_owner(campaign, ''019cc043-e39c-7d91-a325-6615db0e1b14'')', ''),
    ('added(lt_add_leads(''[{"email": "a@example.com"}, {"email": "new@example.com", "custom_variables": {"x": 1}}, {"email": "t8@example.com"}, {"email": "t4@example.com"}]'', campaign, verify_leads_on_import => true))',
     '2 uploaded (new, a), 0 duplicated, 0 skipped, 2 blocked, 8 left'),
    ('added(lt_add_leads(''[{"email": "a@example.com", "phone": "1"}, {"email": "new@example.com", "phone": "2"}, {"email": "t1@example.com"}]'', list_id => list))', '1 uploaded (new), 2 duplicated, 0 skipped, 0 blocked, null left'),
    ('added(lt_add_leads(''[{"email": "t2@example.com"}, {"email": "new@example.com"}]'', draft, skip_if_in_campaign => true))', '0 uploaded (), 1 duplicated, 1 skipped, 0 blocked, 8 left'),
    ('added(lt_add_leads(''[{"email": "t2@example.com"}, {"email": "new@example.com"}, {"first_name": "N"}]'', list_id => list, skip_if_in_list => true))', '1 uploaded (nobody), 2 duplicated, 0 skipped, 0 blocked, null left'),
    ('(SELECT concat_ws('' '', assigned_to, verification_status, phone) FROM lt_leads WHERE email = ''new@example.com'')', '019cc043-e39c-7d91-a325-6615db0e1b14 12 2'),
    ('(SELECT variables FROM lt_campaigns WHERE campaign_id = campaign)', '{x}'),
    ('lt_remove_from_list(list, ARRAY(SELECT lead_id FROM lt_leads WHERE email IN (''t1@example.com'', ''t2@example.com'')))', '2'),
    ('added(lt_add_leads(''[{"email": "t1@example.com"}, {"email": "a@example.com"}]'', list_id => lt_create_list(''own''), skip_if_in_list => true))', '1 uploaded (t1), 0 duplicated, 1 skipped, 0 blocked, null left'),
    ('lt_delete_list(list)', ''),
    ('lt_delete_leads(''{new@example.com}'')', '1'),
    ('lt_next_due() <= now() + interval ''1 minute''', 'true'),
    ('lt_delete_lead(lead)', ''),
    ('lt_delete_leads(''{t2@example.com, T4@example.com}'')', '2'),
    ('(SELECT string_agg(format(''%s %s %s'', name, leads_enrolled, queued_messages), '', '' ORDER BY name) FROM lt_campaigns WHERE campaign_id IN (campaign, draft))', 'renamed 2 2, second 3 0'),
    ('lt_delete_campaign(draft)', ''),
    ('(lt_pause_campaign(campaign)).status', 'paused'),
    ('lt_delete_campaign(campaign)', ''),
    ('(SELECT count(*) FROM lt_enrollments WHERE campaign_id IN (campaign, draft))', '0')
) AS calls (call, result);
RESET leadterra.workspace_id;
SELECT is((SELECT (status, leads_enrolled, queued_messages) FROM lt_campaigns WHERE campaign_id = :'campaign'), ('running'::text, 3::bigint, 3::bigint), 'the first workspace is what it was');
SELECT is((SELECT string_agg(reason, ',') FROM lt_is_suppressed('t9@example.com')), 'asked', 'with what it suppresses');

SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
RESET ALL;
SELECT is(lt_current_workspace(), '0197c043-e39c-7d91-a325-6615db0e1b14', 'RESET ALL leaves the workspace alone');
RESET leadterra.workspace_id;
SELECT throws_ok('SET leadterra.workspace_id = ''me''', '22023', NULL, 'a workspace is a UUID');


-- Workspaces with ids that their creator chooses.
SELECT is(lt_create_workspace('mine', '0197c043-e39c-7d91-a325-6615db0e1b77'), '0197c043-e39c-7d91-a325-6615db0e1b77', 'a workspace has the id that is asked for');
SELECT is((SELECT name FROM leadterra.workspaces WHERE workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b77'), 'mine', 'and its name');
SELECT throws_ok($$SELECT lt_create_workspace('yours', '0197c043-e39c-7d91-a325-6615db0e1b77')$$, 'PT409', 'workspace "0197c043-e39c-7d91-a325-6615db0e1b77" exists', 'once');
SELECT is((SELECT name FROM leadterra.workspaces WHERE workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b77'), 'mine', 'and keeps it');
SELECT throws_ok(format('SELECT lt_create_workspace(NULL, %L)', id), 'PT400', format('workspace "%s" cannot be created', id), 'some are not for that')
FROM unnest('{00000000-0000-0000-0000-000000000000,00000000-0000-7000-8000-000000000000}'::text[]) id;
SELECT matches(lt_create_workspace(workspace_id => NULL)::text, '^........-....-7', 'null asks for a new id');
SELECT isnt(lt_create_workspace(), lt_create_workspace(), 'of its own');

-- Slots.
SELECT is(lt_workspace_slot('0197c043-e39c-7d91-a325-6615db0e1b77'), 887, 'a slot is the low ten bits of an id');
SELECT is(lt_workspace_slot(NULL), NULL, 'null has none');
SELECT is((SELECT count(*) FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 2000)) u
    WHERE lt_workspace_slot(id) <> 32 * (strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(lt_typeid('', id), 25, 1)) - 1) + strpos('0123456789abcdefghjkmnpqrstvwxyz', substr(lt_typeid('', id), 26, 1)) - 1), 0::bigint, 'which are the last two of its digits');
SELECT cmp_ok((SELECT count(DISTINCT lt_workspace_slot(lt_uuidv7())) FROM generate_series(1, 10000)), '>', 1000::bigint, 'workspaces are spread over them');

SELECT * FROM finish();
ROLLBACK;
