-- context: workspaces that are closed, opened and deleted; test/isolation has who waits for whom.
BEGIN;
SELECT plan(46);

\set schema public
\ir ../workspace.sql
\ir ../rows.sql
CREATE FUNCTION pg_temp.rows_of(workspace text) RETURNS text[] LANGUAGE sql SET search_path = pg_catalog AS $$ SELECT pg_temp.rows(format('workspace_id = %L', workspace)) $$;
SELECT pg_temp.fill('A') AS a, pg_temp.fill('B') AS b \gset
SELECT :'a'::jsonb ->> 'workspace' AS a_id, :'a'::jsonb ->> 'key' AS a_key, :'a'::jsonb ->> 'token' AS a_token, :'b'::jsonb ->> 'workspace' AS b_id \gset
SET LOCAL leadterra.now = '2100-01-01';

-- What all workspaces are asked for.
SELECT bag_eq('SELECT workspace_id::text FROM lt_due_workspaces()', ARRAY[:'a_id', :'b_id'], 'two workspaces have due messages');
SELECT bag_eq('SELECT workspace_id::text FROM lt_due_deliveries()', ARRAY[:'a_id', :'b_id'], 'and deliveries');
SELECT leadterra.start_closing(:'a_id', '0');
SELECT results_eq('SELECT workspace_id::text FROM lt_due_workspaces()', ARRAY[:'b_id'], 'one that is going to be closed has none for workers');
SELECT results_eq('SELECT workspace_id::text FROM lt_due_deliveries()', ARRAY[:'b_id'], 'nor deliveries');
SELECT lives_ok(format('SELECT lt_unsubscribe(%L)', :'a_token'), 'its links are good as long as workers hold something');
SELECT leadterra.finish_closing(:'a_id');
SELECT results_eq('SELECT workspace_id::text FROM lt_due_workspaces()', ARRAY[:'b_id'], 'one that is closed has none either');
SELECT pg_temp.rows_of(:'a_id') AS before \gset
SELECT pg_temp.rows_of(:'b_id') AS b_before \gset
SELECT cmp_ok(sum(lt_maintain('0')), '>', 0::numeric, 'maintenance has work') FROM generate_series(1, 10);
SELECT is(pg_temp.rows_of(:'a_id'), :'before'::text[], 'and does none where it is closed');
SELECT isnt(pg_temp.rows_of(:'b_id'), :'b_before'::text[], 'but elsewhere');
SELECT throws_ok(format('SELECT lt_unsubscribe(%L)', :'a_token'), 'PT503', 'the workspace is moving', 'its links are to be followed later');

-- What workers hold: a lease, a job and a delivery.
SELECT set_config('leadterra.now', now()::text, true);
SELECT is(leadterra.count_held(:'a_id'), 3::bigint, 'workers hold work of it');
SELECT is(leadterra.wait_for_workers(:'a_id', clock_timestamp() + '1 day'), false, 'which is waited for');
SELECT is(leadterra.wait_for_workers(:'a_id', clock_timestamp()), true, 'for a while');
SET LOCAL leadterra.now = '2100-01-01';
SELECT is(leadterra.count_held(:'a_id'), 0::bigint, 'what has run out is not held');

-- What administrators do in it.
SELECT set_config('leadterra.workspace_id', :'a_id', true);
SELECT throws_ok(call, 'PT503', 'the workspace is moving', call) FROM unnest(ARRAY['SELECT lt_create_api_key(''late'')', 'SELECT lt_set_lead_limit(5)', 'SELECT lt_revoke_api_key(key_id) FROM lt_api_keys']) call;
SELECT set_config('leadterra.workspace_id', '', true);

-- Closing: what may be closed, and when a call reads.
SELECT throws_ok(format('SELECT leadterra.start_closing(%L, %L)', id, drain), 'PT400', NULL, concat_ws(' ', 'no workspace to close:', id, drain)) FROM (VALUES (NULL, '0'), ('00000000-0000-0000-0000-000000000000', '0'), ('00000000-0000-7000-8000-000000000000', '0'), (:'b_id', NULL), (:'b_id', '-1 s'), (:'b_id', '8 days')) v (id, drain);
SELECT leadterra.start_closing('0197c043-e39c-7d91-a325-6615db0e1b14', '0');
SELECT throws_ok('SELECT lt_create_workspace(''early'', ''0197c043-e39c-7d91-a325-6615db0e1b14'')', 'PT503', NULL, 'one that is going to come is not created');
INSERT INTO leadterra.workspaces (workspace_id) VALUES ('0197c043-e39c-7d91-a325-6615db0e1b14');
SELECT leadterra.start_closing(id::uuid, '0'), leadterra.finish_closing(id::uuid) FROM unnest(ARRAY['0197c043-e39c-7d91-a325-6615db0e1b14', :'a_id']) id;
SELECT is(state, 'coming', 'closing it again, while it comes, does not let calls read') FROM leadterra.closed_workspaces WHERE workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT is(state, 'closed', 'nor does it let calls write where it is closed') FROM leadterra.closed_workspaces WHERE workspace_id = :'a_id';
SELECT throws_ok(format('SELECT leadterra.finish_closing(%L)', :'b_id'), '55000', NULL, 'one that was opened meanwhile is not closed');

-- Opening.
SELECT throws_ok(format('SELECT lt_open_workspace(%L)', id), state, NULL, concat('no workspace to open: ', id)) FROM (VALUES (NULL, 'PT400'), ('0197c043-e39c-7d91-a325-000000000000', 'PT404')) v (id, state);
SELECT lives_ok(format('SELECT lt_open_workspace(%L), lt_open_workspace(%1$L)', :'b_id'), 'one that is open may be opened');

-- Deleting.
SELECT throws_ok(format('SELECT leadterra.delete_workspace(%L, 10)', id), state, NULL, concat('no workspace to delete: ', id)) FROM (VALUES (NULL, 'PT404'), ('0197c043-e39c-7d91-a325-000000000000', 'PT404'), (:'b_id', 'PT409')) v (id, state);
SELECT pg_temp.rows_of(:'b_id') AS b_before \gset
CREATE TEMP TABLE slices (deleted bigint);
DO $$
DECLARE
    a uuid := (SELECT workspace_id FROM leadterra.workspaces WHERE name = 'A');
    deleted bigint;
BEGIN
    LOOP
        deleted := leadterra.delete_workspace(a, 3);
        INSERT INTO slices VALUES (deleted);
        EXIT WHEN deleted = 0;
    END LOOP;
END;
$$;
SELECT cmp_ok((SELECT max(deleted) FROM slices), '=', 3::bigint, 'a slice has as many rows as it may');
SELECT cmp_ok((SELECT count(*) FROM slices), '>', 20::bigint, 'there are many');
SELECT is((SELECT array_agg(r) FROM unnest(pg_temp.rows_of(:'a_id')) r WHERE r NOT LIKE '%closed_workspaces%'), NULL, 'nothing is left of it');
SELECT is(state, 'deleted', 'but that it was there') FROM leadterra.closed_workspaces WHERE workspace_id = :'a_id';
SELECT is(pg_temp.rows_of(:'b_id'), :'b_before'::text[], 'another has lost nothing');
SELECT throws_ok(format('SELECT lt_unsubscribe(%L)', :'a_token'), 'PT410', 'the workspace was deleted', 'its links say so');
SELECT throws_ok(format('SELECT lt_authenticate(%L)', :'a_key'), 'PT401', NULL, 'its keys open nothing');
SELECT throws_ok(format('SELECT lt_use_workspace(%L)', :'a_id'), 'PT404', NULL, 'nor do workers');
SELECT throws_ok(format('SELECT lt_open_workspace(%L)', :'a_id'), 'PT404', NULL, 'it cannot be opened');
SELECT is(leadterra.delete_workspace(:'a_id', 3), 0::bigint, 'deleting it again is harmless');
SELECT leadterra.start_closing(:'a_id', '0');
SELECT is(state, 'coming', 'it may come back') FROM leadterra.closed_workspaces WHERE workspace_id = :'a_id';
SELECT leadterra.delete_workspace(:'a_id', 3);
SELECT is(lt_create_workspace('A', :'a_id')::text, :'a_id', 'or be created anew');
SELECT is((SELECT count(*) FROM leadterra.closed_workspaces WHERE workspace_id = :'a_id'), 0::bigint, 'and is open then');

SELECT * FROM finish();
ROLLBACK;
