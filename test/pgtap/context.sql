-- context: a workspace sees and changes nothing of another.
BEGIN;
SELECT plan(25);

SELECT is(lt_current_workspace(), '00000000-0000-7000-8000-000000000000', 'the default workspace is a constant');
SELECT lt_create_campaign('of the default workspace', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com", "firstName": "A"}]');
SELECT lt_suppress('{no@example.com}');
SELECT id AS lead FROM lt_leads WHERE email = 'a@example.com' \gset
SELECT count(*) AS leads FROM leadterra.leads \gset

SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT is(lt_current_workspace(), '0197c043-e39c-7d91-a325-6615db0e1b14', 'the setting chooses another');
SELECT is((SELECT count(*) FROM lt_campaigns), 0::bigint, 'it shows no campaigns');
SELECT is((SELECT count(*) FROM lt_leads), 0::bigint, 'nor leads');
SELECT is((SELECT count(*) FROM lt_enrollments), 0::bigint, 'nor enrollments');
SELECT is((SELECT count(*) FROM lt_suppressions), 0::bigint, 'nor suppressions');
SELECT is((SELECT count(*) FROM lt_messages), 0::bigint, 'nor messages');
SELECT is((SELECT count(*) FROM lt_is_suppressed('no@example.com')), 0::bigint, 'nor what is suppressed');

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
    format('lt_delete_lead(%L)', :'lead'),
    'lt_update_lead(''a@example.com'', ''{}'')']) AS call;
SELECT is(lt_delete_leads('{a@example.com}') + lt_unsuppress('{no@example.com}'), 0, 'calls that count find nothing of it');

SELECT lt_create_campaign('of another workspace') AS other \gset
SELECT lt_bulk_upsert(:'other', '[{"email": "a@example.com", "firstName": "B"}, {"email": "no@example.com"}]');
RESET leadterra.workspace_id;
SELECT results_eq(
    'SELECT first_name FROM lt_leads WHERE email IN (''a@example.com'', ''no@example.com'')', ARRAY['A'],
    'the same address in another workspace is another lead');
SELECT is((SELECT count(*) FROM leadterra.leads), :leads + 2::bigint, 'which is there');

SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
RESET ALL;
SELECT is(lt_current_workspace(), '0197c043-e39c-7d91-a325-6615db0e1b14', 'RESET ALL leaves the workspace alone');
RESET leadterra.workspace_id;
SELECT throws_ok('SET leadterra.workspace_id = ''me''', '22023', NULL, 'a workspace is a UUID');

SELECT * FROM finish();
ROLLBACK;
