-- sender: accounts that mails leave from: their settings, limits of a day, and heirs.
BEGIN;
SELECT plan(55);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0001';
SET leadterra.now = '2026-03-01 12:00+00';

-- Runs a statement and returns what its error says: the code, and each failure.
CREATE FUNCTION pg_temp.fails(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail jsonb;
BEGIN
    EXECUTE statement;
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(': ', SQLSTATE, detail ->> 'code',
        (SELECT string_agg(concat_ws(' ', e ->> 'field', e ->> 'code'), ', ' ORDER BY e ->> 'field') FROM jsonb_array_elements(detail -> 'errors') e));
END;
$$;

-- Creating.
SELECT lt_create_sender('plain@example.com') AS plain \gset
SELECT is((SELECT to_jsonb(s) - '{sender_id,created_at,free_at}'::text[] FROM lt_senders s),
    '{"email": "plain@example.com", "name": null, "reply_to": null, "status": "active", "daily_limit": null, "ramp_from": null, "ramp_step": 0, "ramp_since": null, "gap_seconds": 0, "gap_jitter_seconds": 0, "time_zone": "UTC", "transport": null, "today": "2026-03-01", "capacity_today": null, "used_today": 0, "remaining_today": null, "pool_ids": []}',
    'a sender without settings is active, without limits, in UTC');
SELECT is((SELECT free_at FROM lt_senders), leadterra.clock(), 'and free since now');
SELECT lt_create_sender(E' Ann@B\u00fccher.Example\n', '{"name": "Ann \u00c4", "replyTo": " Team@Example.com", "status": "warming", "dailyLimit": 40, "rampFrom": 5, "rampStep": 3, "gapSeconds": 60, "gapJitterSeconds": 30, "timeZone": "america/NEW_york", "transport": "smtp-1"}') AS ann \gset
SELECT is((SELECT to_jsonb(s) - '{sender_id,created_at,free_at}'::text[] FROM lt_senders s WHERE sender_id = :'ann'),
    '{"email": "ann@xn--bcher-kva.example", "name": "Ann Ä", "reply_to": "team@example.com", "status": "warming", "daily_limit": 40, "ramp_from": 5, "ramp_step": 3, "ramp_since": "2026-03-01", "gap_seconds": 60, "gap_jitter_seconds": 30, "time_zone": "America/New_York", "transport": "smtp-1", "today": "2026-03-01", "capacity_today": 5, "used_today": 0, "remaining_today": 5, "pool_ids": []}',
    'settings are kept, addresses in normal form, the zone by its name');
SELECT lt_create_sender('held@example.com', '{"status": "paused"}') AS held \gset
SELECT is((SELECT concat_ws(' ', free_at, capacity_today, remaining_today) FROM lt_senders WHERE sender_id = :'held'), 'infinity 0 0', 'one that is paused is never free');
SELECT throws_ok($$SELECT lt_create_sender(NULL)$$, 'PT400', 'argument "email" must not be null');
SELECT is(pg_temp.fails($$SELECT lt_create_sender('nobody')$$), 'PT400: invalid_email', 'an address is needed');
SELECT is(pg_temp.fails($$SELECT lt_create_sender('PLAIN@example.com')$$), 'PT409: sender_exists', 'which no other sender has');
SELECT is(pg_temp.fails($$SELECT lt_create_sender('x@example.com', NULL)$$), 'PT400: invalid_request', 'settings are not null');
SELECT is(pg_temp.fails($$SELECT lt_create_sender('x@example.com', '[]')$$), 'PT400: invalid_request', 'but an object');
SELECT throws_ok($$SELECT lt_create_sender('x@example.com', '{"status": "busy"}')$$, 'PT400', 'settings are invalid: field "status": status must be one of active, warming, paused');

-- All that is wrong is listed, by field.
SELECT is(pg_temp.fails(format('SELECT lt_create_sender(%L, %L)', 'x@example.com', s.settings)), 'PT400: invalid_request: ' || s.failures, s.settings)
FROM (VALUES
    ('{"name": 1, "replyTo": 1, "status": 1, "dailyLimit": "1", "rampFrom": true, "rampStep": [], "gapSeconds": {}, "gapJitterSeconds": 1.5, "timeZone": 1, "transport": 1}',
     'dailyLimit wrong_type, gapJitterSeconds wrong_type, gapSeconds wrong_type, name wrong_type, rampFrom wrong_type, rampStep wrong_type, replyTo wrong_type, status wrong_type, timeZone wrong_type, transport wrong_type'),
    ('{"name": " ", "replyTo": "x@", "status": "Active", "dailyLimit": -1, "rampFrom": 1000000001, "rampStep": -1, "gapSeconds": 86401, "gapJitterSeconds": -1, "timeZone": "UTC+3", "transport": ""}',
     'dailyLimit invalid_value, gapJitterSeconds invalid_value, gapSeconds invalid_value, name invalid_value, rampFrom invalid_value, rampStep invalid_value, replyTo email_domain_empty, status invalid_value, timeZone invalid_value, transport invalid_value'),
    ('{"daily_limit": 1, "email": "y@example.com", "": 1, "warming": true}', ' unknown_field, daily_limit unknown_field, email unknown_field, warming unknown_field'),
    ('{"name": "Ann\r\nBcc: x@example.com"}', 'name invalid_value'),
    ('{"dailyLimit": 99999999999999999999}', 'dailyLimit invalid_value'),
    ('{"status": "warming", "name": 1}', 'name wrong_type, rampFrom missing'),
    (format('{"name": "%s"}', repeat('x', 1001)), 'name invalid_value')) s (settings, failures);
SELECT is((SELECT count(*) FROM lt_senders), 3::bigint, 'nothing is written then');

-- Changing: what is left out stays, null goes back.
SET leadterra.now = '2026-03-02 12:00+00';
SELECT is(lt_update_sender(:'ann', '{"name": null, "replyTo": null, "gapSeconds": null, "transport": null}')::text, '', 'settings are changed');
SELECT is((SELECT concat_ws(' ', name, reply_to, gap_seconds, gap_jitter_seconds, transport, status, daily_limit, time_zone, ramp_since) FROM lt_senders WHERE sender_id = :'ann'), '0 30 warming 40 America/New_York 2026-03-01', 'null goes back to the default, the rest stays');
SELECT is((SELECT capacity_today FROM lt_senders WHERE sender_id = :'ann'), 8, 'warming goes up by a step a day');
SELECT lt_update_sender(:'ann', '{"dailyLimit": null, "rampStep": null, "timeZone": null}');
SELECT is((SELECT concat_ws(' ', daily_limit, ramp_step, time_zone) FROM lt_senders WHERE sender_id = :'ann'), '0 UTC', 'also of limits and the zone');
SELECT is(pg_temp.fails(format($$SELECT lt_update_sender(%L, '{"rampFrom": null, "x": 1}')$$, :'ann')), 'PT400: invalid_request: rampFrom missing, x unknown_field', 'what does not fit the rest is listed with what is wrong');
SELECT is(lt_update_sender(:'ann', '{"rampFrom": null, "status": null}')::text, '', 'the status goes back to active');
SELECT is((SELECT concat_ws(' ', status, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), 'active', 'without a limit then');
SELECT is(pg_temp.fails($$SELECT lt_update_sender(NULL, '{}')$$), 'PT400: invalid_request', 'a sender is named');
SELECT is(pg_temp.fails($$SELECT lt_update_sender('ffffffff-ffff-ffff-ffff-ffffffffffff', '{}')$$), 'PT404: sender_not_found', 'that there is');
SELECT throws_ok($$SELECT lt_update_sender('ffffffff-ffff-ffff-ffff-ffffffffffff', '{"name": 1}')$$, 'PT404', 'sender "ffffffff-ffff-ffff-ffff-ffffffffffff" does not exist', 'whatever else is wrong');

-- Warming: from the local day on which it is set, and again when it is set again.
SET leadterra.now = '2026-03-03 02:00+00';
SELECT lt_update_sender(:'ann', '{"status": "warming", "rampFrom": 10, "rampStep": 20, "dailyLimit": 45, "timeZone": "America/New_York"}');
SELECT is((SELECT concat_ws(' ', ramp_since, today, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), '2026-03-02 2026-03-02 10', 'warming begins on the local day');
SET leadterra.now = '2026-03-03 12:00+00';
SELECT lt_update_sender(:'ann', '{"status": "warming", "rampStep": 15}');
SELECT is((SELECT concat_ws(' ', ramp_since, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), '2026-03-02 25', 'it goes on where it is set again, and by other steps');
SET leadterra.now = '2026-03-09 12:00+00';
SELECT is((SELECT concat_ws(' ', status, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), 'warming 45', 'up to the limit, and does not end by itself');
SELECT lt_update_sender(:'ann', '{"rampFrom": 11}');
SELECT is((SELECT concat_ws(' ', ramp_since, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), '2026-03-09 11', 'it begins anew from another number');
SET leadterra.now = '2026-03-11 12:00+00';
SELECT lt_update_sender(:'ann', '{"status": "paused"}');
SELECT lt_update_sender(:'ann', '{"status": "warming"}');
SELECT is((SELECT concat_ws(' ', ramp_since, capacity_today) FROM lt_senders WHERE sender_id = :'ann'), '2026-03-11 11', 'and after a pause');

-- The limit of a day, as the function says it.
SELECT is((SELECT string_agg(coalesce(leadterra.sender_limit(l.status, l.daily_limit, l.ramp_from, l.ramp_step, l.since, l.day)::text, '-'), ' ' ORDER BY l.n)
    FROM (VALUES
        (1, 'active', NULL, 5, 1, '2026-01-01'::date, '2026-01-05'::date), (2, 'active', 0, 5, 1, '2026-01-01', '2026-01-05'), (3, 'active', 7, 5, 1, '2026-01-01', '2026-01-05'),
        (4, 'warming', NULL, 5, 3, '2026-01-01', '2026-01-01'), (5, 'warming', NULL, 5, 3, '2026-01-01', '2026-01-05'), (6, 'warming', 16, 5, 3, '2026-01-01', '2026-01-05'),
        (7, 'warming', NULL, 5, 3, '2026-01-01', '2025-12-31'), (8, 'warming', NULL, 0, 1000000000, '2000-01-01', '2026-01-01'), (9, 'warming', 3, 5, 0, '2026-01-01', '2026-01-01'),
        (10, 'paused', 7, 5, 1, '2026-01-01', '2026-01-05'), (11, 'active', 7, NULL, NULL, NULL, NULL)) l (n, status, daily_limit, ramp_from, ramp_step, since, day)),
    '- 0 7 5 17 16 5 2147483647 3 0 -', 'limits of a day');

-- When it is free: a change of what decides that sets it free, no other one does.
CREATE FUNCTION pg_temp.free_after(sender uuid, settings jsonb) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    UPDATE leadterra.senders SET free_at = '2026-03-11 18:00+00' WHERE sender_id = sender;
    UPDATE leadterra.pool_senders SET free_at = '2026-03-11 18:00+00' WHERE sender_id = sender;
    PERFORM lt_update_sender(sender, settings);
    IF EXISTS (SELECT FROM leadterra.senders s JOIN leadterra.pool_senders p USING (workspace_id, sender_id) WHERE s.sender_id = sender AND p.free_at <> s.free_at) THEN
        RAISE 'a pool has another time';
    END IF;
    RETURN (SELECT s.free_at FROM leadterra.senders s WHERE s.sender_id = sender);
END;
$$;
SELECT lt_create_pool('one') AS one \gset
SELECT lt_create_pool('two') AS two \gset
SELECT lt_set_pool_senders(:'one', ARRAY[:'ann', :'plain']::uuid[]), lt_set_pool_senders(:'two', ARRAY[:'ann']::uuid[]);
SELECT is(pg_temp.free_after(:'ann', s), f, s::text) FROM (VALUES
    ('{"name": "x", "replyTo": "r@example.com", "transport": "x"}'::jsonb, '2026-03-11 18:00+00'::timestamptz),
    ('{"status": "warming", "dailyLimit": 45, "rampFrom": 11, "rampStep": 15, "timeZone": "America/New_York", "gapSeconds": 0, "gapJitterSeconds": 30}', '2026-03-11 18:00+00'),
    ('{"gapSeconds": 10}', '2026-03-11 12:00+00'), ('{"gapJitterSeconds": 0}', '2026-03-11 12:00+00'),
    ('{"dailyLimit": 46}', '2026-03-11 12:00+00'), ('{"rampFrom": 12}', '2026-03-11 12:00+00'), ('{"rampStep": 16}', '2026-03-11 12:00+00'),
    ('{"timeZone": "UTC"}', '2026-03-11 12:00+00'), ('{"status": "paused"}', 'infinity'), ('{"dailyLimit": 9}', 'infinity'), ('{"status": "active"}', '2026-03-11 12:00+00')) v (s, f);

-- Another zone: what was used of the day that it was counts for the day that it is.
CREATE FUNCTION pg_temp.used_after(used_on date, used integer, zone text) RETURNS text LANGUAGE sql AS $$
    UPDATE leadterra.senders s SET used_on = used_after.used_on, used = used_after.used, time_zone = 'UTC' WHERE s.workspace_id = lt_current_workspace() AND s.email LIKE 'ann@%';
    SELECT lt_update_sender(sender_id, jsonb_build_object('timeZone', zone)) FROM lt_senders WHERE email LIKE 'ann@%';
    SELECT concat_ws(' ', s.used_on, s.used) FROM leadterra.senders s WHERE s.workspace_id = lt_current_workspace() AND s.email LIKE 'ann@%';
$$;
SET leadterra.now = '2026-03-12 01:00+00';
SELECT is(pg_temp.used_after('2026-03-12', 7, 'America/New_York'), '2026-03-11 7', 'a day that is not over there');
SELECT is(pg_temp.used_after('2026-03-12', 7, 'Asia/Tokyo'), '2026-03-12 7', 'a day that began before');
SELECT is(pg_temp.used_after('2026-03-11', 7, 'Asia/Tokyo'), '2026-03-12 0', 'what was used yesterday is not');
SELECT is(pg_temp.used_after(NULL, 0, 'Asia/Tokyo'), '2026-03-12 0', 'nor what never was');
-- Of a day that had begun before the other one, leases say more.
INSERT INTO leadterra.leases (workspace_id, lease_id, campaign_id, state, expires_at, batch_ids, firsts, lasts, attempts, sender_id, claimed_at)
SELECT lt_current_workspace(), lt_uuidv7(), lt_uuidv7(), 'open', l.at, ARRAY[lt_uuidv7(), lt_uuidv7()], '{1,5}', '{4,10}', '{1,1}', l.sender::uuid, l.at
FROM (VALUES (:'ann', '2026-03-11 05:30+00'::timestamptz), (:'ann', '2026-03-11 03:30+00'), (:'plain', '2026-03-11 05:30+00')) l (sender, at);
SELECT is(pg_temp.used_after('2026-03-12', 7, 'America/New_York'), '2026-03-11 10', 'what was handed out since that day began there counts');
SELECT is(pg_temp.used_after('2026-03-12', 12, 'America/New_York'), '2026-03-11 12', 'and at least what was used');
UPDATE leadterra.senders SET time_zone = 'Nowhere' WHERE sender_id = :'ann';
SELECT is(lt_update_sender(:'ann', '{"timeZone": "UTC"}')::text, '', 'a zone that a row has and nobody knows is replaced');

-- Of another workspace nothing is seen or changed.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0002';
SELECT is((SELECT count(*) FROM lt_senders), 0::bigint, 'another workspace has no senders');
SELECT is(pg_temp.fails(format($$SELECT lt_update_sender(%L, '{}')$$, :'ann')), 'PT404: sender_not_found', 'and changes none');
SELECT isnt(lt_create_sender('plain@example.com'), NULL, 'it may have the same address');

SELECT * FROM finish();
ROLLBACK;
