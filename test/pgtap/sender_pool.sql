-- sender_pool: who is in which pool, who goes on with what, and what deleting does.
BEGIN;
SELECT plan(63);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0011';
SET leadterra.now = '2026-03-01 12:00+00';

CREATE FUNCTION pg_temp.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail jsonb;
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, detail ->> 'code');
END;
$$;
-- Who is in a pool, by first letter: capitals have left.
CREATE FUNCTION pg_temp.members(pool uuid) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(CASE WHEN p.has_left THEN upper(left(s.email, 1)) ELSE left(s.email, 1) END, '' ORDER BY s.email), '')
    FROM leadterra.pool_senders p JOIN leadterra.senders s USING (workspace_id, sender_id)
    WHERE p.workspace_id = lt_current_workspace() AND p.pool_id = pool AND p.free_at >= s.free_at;
$$;

SELECT lt_create_sender('a@example.com', '{"dailyLimit": 10, "timeZone": "Pacific/Auckland"}') AS a \gset
SELECT lt_create_sender('b@example.com', '{"dailyLimit": 20, "status": "paused"}') AS b \gset
SELECT lt_create_sender('c@example.com', '{"dailyLimit": 30, "status": "warming", "rampFrom": 4}') AS c \gset
SELECT lt_create_sender('d@example.com') AS d \gset
SELECT lt_create_pool('one') AS one \gset
SELECT lt_create_pool('one') AS two \gset
SELECT isnt(:'one'::uuid, :'two'::uuid, 'a name may be used twice');
SELECT throws_ok($$SELECT lt_create_pool(' ')$$, 'PT400', 'name of a pool must not be null or blank');
SELECT is((SELECT string_agg(to_jsonb(p) - '{pool_id,created_at}'::text[] #>> '{}', ', ') FROM lt_pools p WHERE pool_id = :'one'),
    '{"name": "one", "senders": 0, "used_today": 0, "capacity_today": 0, "remaining_today": 0}', 'a pool is empty');
SELECT is(lt_rename_pool(:'two', 'two')::text, '', 'a pool gets another name');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM lt_pools), 'one two', 'as is shown');
SELECT is(pg_temp.fails($$SELECT lt_rename_pool('ffffffff-ffff-ffff-ffff-ffffffffffff', 'x')$$), 'PT404 pool_not_found', 'a pool that is not there has no name');
SELECT is(pg_temp.fails($$SELECT lt_rename_pool(NULL, 'x')$$), 'PT400 invalid_request', 'nor one that is not named');

-- Setting who is in.
SELECT is(lt_set_pool_senders(:'one', ARRAY[:'c', :'a', :'b']::uuid[])::text, '', 'senders are put into a pool');
SELECT is(pg_temp.members(:'one'), 'abc', 'all of them, with the times at which they are free');
SELECT lt_set_pool_senders(:'two', ARRAY[:'a', :'d']::uuid[]);
SELECT is((SELECT pool_ids FROM lt_senders WHERE sender_id = :'a'), ARRAY[:'one', :'two']::uuid[], 'a sender may be in two');
UPDATE leadterra.senders SET used_on = '2026-03-02', used = 3 WHERE sender_id = :'a';
UPDATE leadterra.senders SET used_on = '2026-02-28', used = 9 WHERE sender_id = :'c';
UPDATE leadterra.senders SET used_on = '2026-03-01', used = 5 WHERE sender_id = :'d';
SELECT is((SELECT concat_ws(' ', senders, capacity_today, used_today, remaining_today) FROM lt_pools WHERE name = 'one'), '3 14 3 11', 'a pool adds up what its senders may hand out on their days');
UPDATE leadterra.senders SET used = 12 WHERE sender_id = :'a';
SELECT is((SELECT concat_ws(' ', capacity_today, used_today, remaining_today) FROM lt_pools WHERE name = 'one'), '14 12 4', 'more than its limit takes nothing from the others');
SELECT is((SELECT concat_ws(' ', senders, coalesce(capacity_today, -1), used_today, coalesce(remaining_today, -1)) FROM lt_pools WHERE name = 'two'), '2 -1 17 -1', 'with one that has no limit it has none');
SELECT is(pg_temp.fails(format('SELECT lt_set_pool_senders(%L, %L)', p.pool, p.senders)), p.failure, p.what)
FROM (VALUES
    (NULL, '{}', 'PT400 invalid_request', 'a pool is named'), (:'one', NULL, 'PT400 invalid_request', 'and so are senders'),
    (:'one', format('{%s,NULL}', :'a'), 'PT400 invalid_request', 'without nulls'), (:'one', format('{%s,%s,%1$s}', :'a', :'b'), 'PT400 invalid_request', 'each once'),
    (:'one', format('{%s,%s}', :'a', :'one'), 'PT404 sender_not_found', 'that there are'), ('ffffffff-ffff-ffff-ffff-ffffffffffff', '{}', 'PT404 pool_not_found', 'in a pool that there is'),
    (:'one', (SELECT array_agg(lt_uuidv7())::text FROM generate_series(1, 10001)), 'PT413 too_many_entries', 'not too many')) p (pool, senders, failure, what);
SELECT throws_ok(format($$SELECT lt_set_pool_senders(%L, ARRAY[%L, %L]::uuid[])$$, :'one', :'a', :'two'), 'PT404', format('sender "%s" does not exist', :'two'), 'the error names the sender');
SELECT is(pg_temp.members(:'one'), 'abc', 'nothing has changed then');
SELECT is(lt_set_pool_senders(:'one', ARRAY[[:'a', :'d'], [:'c', :'b']]::uuid[])::text, '', 'an array may have any form');
SELECT lt_set_pool_senders(:'one', ARRAY[:'d', :'a']::uuid[]);
SELECT is(pg_temp.members(:'one'), 'ad', 'who has begun with nothing leaves at once');

-- Who has begun goes on: what waits for it, and what a worker holds of it.
SELECT lt_create_campaign('campaign', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_set_sending(:'campaign', format('{"poolId": "%s"}', :'one')::jsonb);
CREATE FUNCTION pg_temp.wait(campaign uuid, sender uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO leadterra.waiting (workspace_id, campaign_id, sender_id, step, waiting_since, range_id, batch_id, first, last, due_at)
    VALUES (lt_current_workspace(), campaign, sender, 2, leadterra.clock(), lt_uuidv7(), lt_uuidv7(), 1, 1, leadterra.clock());
$$;
CREATE FUNCTION pg_temp.lease(campaign uuid, sender uuid, state text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO leadterra.leases (workspace_id, lease_id, campaign_id, state, expires_at, closed_at, batch_ids, firsts, lasts, attempts, sender_id, claimed_at)
    VALUES (lt_current_workspace(), lt_uuidv7(), campaign, state, leadterra.clock(), CASE WHEN state = 'open' THEN NULL ELSE leadterra.clock() END, ARRAY[lt_uuidv7()], '{1}', '{1}', '{1}', sender, leadterra.clock());
$$;
SELECT lt_set_pool_senders(:'one', ARRAY[:'a', :'b', :'c', :'d']::uuid[]);
SELECT pg_temp.wait(:'campaign', :'a'), pg_temp.lease(:'campaign', :'b', 'open'), pg_temp.lease(:'campaign', :'c', 'closed');
SELECT lt_set_pool_senders(:'one', ARRAY[:'d']::uuid[]);
SELECT is(pg_temp.members(:'one'), 'ABd', 'who has begun with something stays for that');
SELECT is((SELECT senders FROM lt_pools WHERE pool_id = :'one'), 1::bigint, 'and is not counted');
SELECT is((SELECT pool_ids FROM lt_senders WHERE sender_id = :'b'), '{}', 'nor shown');
SELECT lt_set_pool_senders(:'one', ARRAY[:'a', :'d']::uuid[]);
SELECT is(pg_temp.members(:'one'), 'aBd', 'it may come back');
SELECT lt_maintain();
SELECT is(pg_temp.members(:'one'), 'aBd', 'maintenance leaves who is at work');
UPDATE leadterra.leases SET state = 'lost', closed_at = leadterra.clock() WHERE sender_id = :'b';
SELECT lt_maintain();
SELECT is(pg_temp.members(:'one'), 'ad', 'and takes out who has finished');

-- A campaign that draws on another pool takes those along that have begun with its leads.
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset
SELECT pg_temp.wait(:'other', :'d');
SELECT lt_set_pool_senders(:'two', ARRAY[:'c']::uuid[]);
SELECT lt_set_sending(:'campaign', format('{"poolId": "%s"}', :'two')::jsonb);
SELECT is(pg_temp.members(:'two'), 'Ac', 'senders that are at work join a pool');
SELECT lt_set_pool_senders(:'two', ARRAY[:'a', :'c']::uuid[]);
SELECT lt_set_sending(:'campaign', format('{"poolId": "%s"}', :'one')::jsonb), lt_set_sending(:'campaign', format('{"poolId": "%s"}', :'two')::jsonb);
SELECT is(pg_temp.members(:'two') || pg_temp.members(:'one'), 'acad', 'as they are in it, if they are');

-- Deleting a pool.
SELECT is(pg_temp.fails(format('SELECT lt_delete_pool(%L)', :'two')), 'PT409 pool_in_use', 'a pool that a campaign draws on is not deleted');
SELECT is(lt_delete_pool(:'one')::text, '', 'another one is');
SELECT is((SELECT string_agg(name, ' ') FROM lt_pools) || (SELECT count(*) FROM leadterra.pool_senders WHERE pool_id = :'one'), 'two0', 'with its members');
SELECT is(pg_temp.fails(format('SELECT lt_delete_pool(%L)', :'one')), 'PT404 pool_not_found', 'once');
SELECT is(pg_temp.fails('SELECT lt_delete_pool(NULL)'), 'PT400 invalid_request', 'and by its name');

-- Deleting a sender: who goes on.
SELECT lt_create_pool('three') AS three \gset
SELECT lt_set_pool_senders(:'three', ARRAY[:'a']::uuid[]);
SELECT is(pg_temp.fails(format('SELECT lt_delete_sender(%L, %L)', s.sender, s.heir)), s.failure, s.what)
FROM (VALUES (NULL, NULL, 'PT400 invalid_request', 'a sender is named'), (:'a', :'a', 'PT400 invalid_request', 'nobody takes over from itself'), (:'three', NULL, 'PT404 sender_not_found', 'a sender is there'),
    (:'a', :'three', 'PT404 sender_not_found', 'and so is who takes over'), (:'a', :'b', 'PT409 sender_not_active', 'who is not paused'), (:'a', :'c', 'PT409 sender_not_active', 'nor warming')) s (sender, heir, failure, what);
SELECT is(lt_delete_sender(:'a', :'d')::text, '', 'a sender is deleted');
SELECT is(pg_temp.members(:'two') || ' ' || pg_temp.members(:'three'), 'cD ', 'who takes over is where it was at work');
SELECT is((SELECT concat_ws(' ', heir_id = :'d', deleted_at, free_at) FROM leadterra.senders WHERE sender_id = :'a'), 't 2026-03-01 12:00:00+00 infinity', 'its row says who');
SELECT is((SELECT string_agg(email, ' ' ORDER BY email) FROM lt_senders), 'b@example.com c@example.com d@example.com', 'it is not shown any more');
SELECT is((SELECT sender_id FROM leadterra.waiting WHERE campaign_id = :'campaign'), :'d', 'what waited for it waits for its heir');
SELECT is(pg_temp.fails(format('SELECT lt_delete_sender(%L)', :'a')), 'PT404 sender_not_found', 'it is deleted once');
SELECT is(pg_temp.fails(format('SELECT lt_update_sender(%L, ''{}'')', :'a')), 'PT404 sender_not_found', 'and not changed');
SELECT is(pg_temp.fails(format('SELECT lt_set_pool_senders(%L, ARRAY[%L]::uuid[])', :'three', :'a')), 'PT404 sender_not_found', 'nor in a pool again');
SELECT lt_create_sender('a@example.com') AS e \gset
SELECT is(leadterra.sender_heir(lt_current_workspace(), :'a'), :'d', 'its heir goes on for it');
SELECT lt_delete_sender(:'d', :'e');
SELECT is(leadterra.sender_heir(lt_current_workspace(), :'a'), :'e', 'and the heir of that one, who has its address');
SELECT is(leadterra.sender_heir(lt_current_workspace(), :'e'), :'e', 'one that is there for itself');
SELECT lt_delete_sender(:'e');
SELECT is(leadterra.sender_heir(lt_current_workspace(), :'a'), NULL, 'until there is none');
SELECT is((SELECT concat_ws(' ', sender_id, due_at) FROM leadterra.waiting WHERE campaign_id = :'campaign'), leadterra.nobody()::text, 'then what waits is for any of the pool');
UPDATE leadterra.senders SET heir_id = :'a' WHERE sender_id = :'e';
SELECT is(leadterra.sender_heir(lt_current_workspace(), :'a'), NULL, 'heirs that lead in a circle lead to nobody');

-- By hand.
SELECT pg_temp.wait(:'campaign', :'c');
DELETE FROM leadterra.senders WHERE workspace_id = lt_current_workspace() AND sender_id = :'c';
SELECT is(pg_temp.members(:'two') || (SELECT count(*) FROM leadterra.pool_senders WHERE pool_id = :'two') || (SELECT count(*) FROM leadterra.waiting WHERE sender_id = :'c'), '00', 'a row that is deleted takes along what is about the sender');
SELECT lt_set_pool_senders(:'three', ARRAY[:'b']::uuid[]);
DELETE FROM leadterra.pools WHERE workspace_id = lt_current_workspace();
SELECT is((SELECT count(*) FROM leadterra.pool_senders WHERE workspace_id = lt_current_workspace()), 0::bigint, 'so does that of a pool');
SELECT throws_ok('TRUNCATE leadterra.senders', '0A000', NULL, 'but not all at once');

-- Of another workspace nothing is seen or changed.
SELECT lt_create_pool('mine') AS mine \gset
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0012';
SELECT lt_create_pool('theirs') AS theirs \gset
SELECT is((SELECT string_agg(name, ' ') FROM lt_pools), 'theirs', 'another workspace has its own pools');
SELECT is(pg_temp.fails(format('SELECT lt_set_pool_senders(%L, ARRAY[%L]::uuid[])', :'theirs', :'b')), 'PT404 sender_not_found', 'with its own senders');
SELECT is(pg_temp.fails(format('SELECT lt_delete_pool(%L)', :'mine')), 'PT404 pool_not_found', 'and deletes no others');

SELECT * FROM finish();
ROLLBACK;
