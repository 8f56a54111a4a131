-- campaign_sending: when, how much and by whom campaigns send: the settings.
BEGIN;
SELECT plan(58);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0021';

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
CREATE FUNCTION pg_temp.settings(campaign uuid) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(to_jsonb(s)) FROM (SELECT pool_id, schedule -> 'schedules' -> 0 ->> 'timezone' AS zone, daily_limit, daily_new_leads, new_leads_first, bounce_limit, stop_on_auto_reply, pause_reason FROM lt_campaigns WHERE campaign_id = campaign) s;
$$;
CREATE FUNCTION pg_temp.schedule(zone text) RETURNS text LANGUAGE sql AS $$
    SELECT format('{"schedules": [{"name": "x", "timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true}, "timezone": "%s"}]}', zone);
$$;

SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS c \gset
SELECT lt_create_pool('p') AS pool \gset
SELECT lt_create_pool('q') AS other_pool \gset
SELECT is(pg_temp.settings(:'c'), '{"new_leads_first": false, "stop_on_auto_reply": false}', 'a campaign has no settings');
SELECT is((SELECT count(*) FROM leadterra.campaign_usage), 0::bigint, 'and counts nothing');

-- Setting: what is left out stays, null takes away.
SELECT is(lt_set_sending(:'c', format('{"poolId": "%s", "schedule": %s, "dailyLimit": 100, "dailyNewLeads": 30, "newLeadsFirst": true, "bounceLimit": 0.05, "stopOnAutoReply": true}', :'pool', pg_temp.schedule('Europe/Berlin'))::jsonb)::text, '', 'settings are set');
SELECT is(pg_temp.settings(:'c'), format('{"zone": "Europe/Berlin", "pool_id": "%s", "daily_limit": 100, "daily_new_leads": 30, "bounce_limit": 0.05, "new_leads_first": true, "stop_on_auto_reply": true}', :'pool')::jsonb, 'all of them');
SELECT lt_set_sending(:'c', '{}');
SELECT is(pg_temp.settings(:'c') ->> 'daily_limit', '100', 'what is left out stays');
SELECT lt_set_sending(:'c', '{"poolId": null, "schedule": null, "dailyLimit": 0, "dailyNewLeads": null, "newLeadsFirst": null, "bounceLimit": 1, "stopOnAutoReply": null}');
SELECT is(pg_temp.settings(:'c'), '{"daily_limit": 0, "bounce_limit": 1, "new_leads_first": false, "stop_on_auto_reply": false}', 'null takes a setting away');
-- The names of the second service.
SELECT lt_set_sending(:'c', format('{"campaign_schedule": %s, "daily_limit": 7, "daily_max_leads": 6, "prioritize_new_leads": true, "stop_on_auto_reply": true}', pg_temp.schedule('Asia/Tokyo'))::jsonb);
SELECT is(pg_temp.settings(:'c'), '{"zone": "Asia/Tokyo", "daily_limit": 7, "daily_new_leads": 6, "bounce_limit": 1, "new_leads_first": true, "stop_on_auto_reply": true}', 'other names mean the same');
SELECT lt_set_sending(:'c', '{"dailyLimit": 1, "daily_limit": 2, "dailyNewLeads": null, "daily_max_leads": 3, "stop_on_auto_reply": "x", "stopOnAutoReply": false, "newLeadsFirst": false, "prioritize_new_leads": true, "schedule": null, "campaign_schedule": 1}');
SELECT is(pg_temp.settings(:'c'), '{"daily_limit": 1, "bounce_limit": 1, "new_leads_first": false, "stop_on_auto_reply": false}', 'and are not looked at beside the others');

-- What is wrong.
SELECT is(pg_temp.fails(format('SELECT lt_set_sending(%L, %L)', :'c', s.settings)), 'PT400: invalid_request' || s.failures, left(s.settings, 60))
FROM (VALUES
    (NULL, ''), ('[]', ''), ('"x"', ''),
    ('{"poolId": 1, "schedule": 1, "dailyLimit": "1", "dailyNewLeads": true, "newLeadsFirst": 1, "bounceLimit": "0.1", "stopOnAutoReply": "true"}',
     ': bounceLimit wrong_type, dailyLimit wrong_type, dailyNewLeads wrong_type, newLeadsFirst wrong_type, poolId wrong_type, schedule not_an_object, stopOnAutoReply wrong_type'),
    ('{"poolId": "x", "dailyLimit": -1, "dailyNewLeads": 1.5, "bounceLimit": 0}', ': bounceLimit invalid_value, dailyLimit invalid_value, dailyNewLeads wrong_type, poolId invalid_value'),
    ('{"bounceLimit": 1.0001}', ': bounceLimit invalid_value'), ('{"bounceLimit": -1e300}', ': bounceLimit invalid_value'), ('{"bounceLimit": 1e100000}', ': bounceLimit invalid_value'),
    ('{"daily_max_leads": -1, "pool_id": null, "bounce_limit": 1}', ': bounce_limit unknown_field, daily_max_leads invalid_value, pool_id unknown_field'),
    ('{"schedule": {"schedules": [{"timing": {"from": "9:00", "to": "17:00"}, "days": {"7": true}, "timezone": "UTC+1"}]}, "x": 1}',
     ': schedule.schedules[0].days invalid_value, schedule.schedules[0].days.7 unknown_field, schedule.schedules[0].timezone invalid_value, schedule.schedules[0].timing.from invalid_value, x unknown_field')) s (settings, failures);
SELECT throws_ok(format($$SELECT lt_set_sending(%L, '{"dailyLimit": -1}')$$, :'c'), 'PT400', 'settings are invalid: field "dailyLimit": dailyLimit must be a whole number from 0 to 1000000000');
SELECT is(pg_temp.fails($$SELECT lt_set_sending(NULL, '{}')$$), 'PT400: invalid_request', 'a campaign is named');
SELECT is(pg_temp.fails($$SELECT lt_set_sending('ffffffff-ffff-ffff-ffff-ffffffffffff', '{}')$$), 'PT404: campaign_not_found', 'that there is');
SELECT is(pg_temp.fails(format($$SELECT lt_set_sending(%L, '{"poolId": "%s", "dailyLimit": 9}')$$, :'c', :'c')), 'PT404: pool_not_found', 'and so is a pool');
SELECT is(pg_temp.settings(:'c') ->> 'daily_limit', '1', 'nothing is written then');

-- A pool, once there was one, as long as the campaign has been started.
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i))) FROM generate_series(1, 8) i));
SELECT lt_set_sending(:'c', format('{"poolId": "%s"}', :'pool')::jsonb), lt_set_sending(:'c', '{"poolId": null}');
SELECT ok(NOT pg_temp.settings(:'c') ? 'pool_id', 'a draft gives a pool up');
SELECT lt_start_campaign(:'c'), lt_pause_campaign(:'c'), lt_set_sending(:'c', format('{"poolId": "%s"}', :'pool')::jsonb);
SELECT is(pg_temp.settings(:'c') ->> 'pool_id', :'pool', 'one that has been started gets one');
SELECT is(pg_temp.fails(format($$SELECT lt_set_sending(%L, '{"poolId": null}')$$, :'c')), 'PT409: pool_needed', 'and does not give it up');
SELECT lt_set_sending(:'c', format('{"poolId": "%s"}', :'other_pool')::jsonb);
SELECT is(pg_temp.settings(:'c') ->> 'pool_id', :'other_pool', 'but takes another one');

-- What a copy has, and what it has not.
SELECT lt_set_sending(:'c', format('{"schedule": %s, "dailyNewLeads": 2, "newLeadsFirst": true, "bounceLimit": 0.5, "stopOnAutoReply": true}', pg_temp.schedule('Asia/Tokyo'))::jsonb);
SELECT lt_copy_campaign(:'c') AS copy \gset
SELECT is(pg_temp.settings(:'copy'), pg_temp.settings(:'c'), 'a copy has the same settings');
SELECT is((SELECT count(*) FROM leadterra.campaign_usage WHERE campaign_id = :'copy'), 0::bigint, 'and has used nothing');
SELECT lt_set_sending(:'copy', '{"poolId": null}');
SELECT is((SELECT count(*) FROM leadterra.campaign_usage WHERE campaign_id = :'c'), 1::bigint, 'the other one has a row');
SELECT lt_delete_campaign(:'c');
SELECT is((SELECT count(*) FROM leadterra.campaign_usage), 0::bigint, 'which goes with it');

-- What was used before the first limit.
SELECT lt_create_campaign('used', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS used \gset
SELECT lt_bulk_upsert(:'used', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i))) FROM generate_series(1, 8) i));
CREATE FUNCTION pg_temp.usage(campaign uuid) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', handed, new_leads, sent, refused, bounced) FROM leadterra.campaign_usage WHERE campaign_id = campaign;
$$;
SELECT lt_set_sending(:'used', '{"bounceLimit": 0.3}');
SELECT is(pg_temp.usage(:'used'), '0 0 0 0 0', 'a draft has used nothing');
SELECT lt_start_campaign(:'used');
SELECT is((SELECT concat_ws(' ', resumed_at = started_at, pause_reason) FROM leadterra.campaigns WHERE campaign_id = :'used'), 't', 'a start is noted');
SELECT lt_set_sending(:'used', '{"bounceLimit": null}');
SELECT is(pg_temp.usage(:'used'), NULL, 'without a limit nothing is counted');
SELECT lease_id AS lease FROM lt_claim_messages(3, '1 hour', :'used') LIMIT 1 \gset
SELECT lt_complete_messages(:'lease', ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = :'lease' ORDER BY 1 LIMIT 2));
SELECT lt_bounce_messages(:'lease', ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = :'lease' AND state = 'leased'), 'no');
SELECT lease_id AS lease FROM lt_claim_messages(3, '1 hour', :'used') LIMIT 1 \gset
SELECT lt_complete_messages(:'lease');
SELECT lease_id AS lease FROM lt_claim_messages(5, '1 hour', :'used') LIMIT 1 \gset
SELECT lt_complete_messages(:'lease', ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = :'lease' ORDER BY 1 LIMIT 1));
SELECT message_id AS message FROM lt_messages WHERE campaign_id = :'used' AND state = 'sent' ORDER BY 1 LIMIT 1 \gset
SELECT lt_record_event(:'message', 'bounced', '{"bounceType": "hard"}'), lt_record_event(:'message', 'bounced', '{"bounceType": "hard", "bounceReason": "again"}');
SELECT lt_set_sending(:'used', '{"dailyLimit": 50}');
SELECT is(pg_temp.usage(:'used'), format('11 %s 6 1 2', (SELECT count(*) FROM lt_messages WHERE campaign_id = :'used' AND step = 1 AND state <> 'queued')), 'the first limit counts what was handed out, sent, refused and bounced');
UPDATE leadterra.campaign_usage SET handed = 3;
SELECT lt_set_sending(:'used', '{"dailyLimit": 60, "dailyNewLeads": 4}');
SELECT is(pg_temp.usage(:'used') LIKE '3 %', true, 'another one counts on');
SELECT lt_set_sending(:'used', format('{"schedule": %s}', pg_temp.schedule('Etc/UTC'))::jsonb);
SELECT lt_set_sending(:'used', format('{"schedule": %s}', pg_temp.schedule('Etc/UTC'))::jsonb);
SELECT is(pg_temp.usage(:'used') LIKE '11 %', true, 'days of another zone are counted anew');
UPDATE leadterra.campaign_usage SET handed = 3;
UPDATE leadterra.campaigns SET schedule = jsonb_set(schedule, '{schedules,0,timing}', '1') WHERE campaign_id = :'used';
SELECT lt_set_sending(:'used', format('{"schedule": %s}', pg_temp.schedule('Etc/UTC'))::jsonb);
SELECT is(pg_temp.usage(:'used') LIKE '3 %', true, 'those of the same one are not, and a schedule that is broken is replaced');
-- What was claimed yesterday is of another day; where a claim was counted the lease says when.
UPDATE leadterra.leases SET claimed_at = leadterra.clock() - interval '3 days' WHERE lease_id = :'lease';
SELECT lt_set_sending(:'used', '{"dailyLimit": null, "dailyNewLeads": null}'), lt_set_sending(:'used', '{"dailyNewLeads": 4}');
SELECT is(pg_temp.usage(:'used') LIKE '6 %', true, 'what was handed out on another day is left out');

-- A start begins to count bounces again, and forgets why the campaign was paused.
UPDATE leadterra.campaigns SET status = 'paused', paused_at = now(), pause_reason = 'bounce_limit', resumed_at = '2000-01-01' WHERE campaign_id = :'used';
SELECT is(pg_temp.settings(:'used') ->> 'pause_reason', 'bounce_limit', 'why a campaign paused by itself is shown');
SELECT lt_start_campaign(:'used');
SELECT is(pg_temp.usage(:'used') LIKE '6 % 0 0 0', true, 'bounces are counted from the last start on');
SELECT is((SELECT concat_ws(' ', resumed_at = now(), pause_reason) FROM leadterra.campaigns WHERE campaign_id = :'used'), 't', 'which is noted');
UPDATE leadterra.campaigns SET resumed_at = '2000-01-01' WHERE campaign_id = :'used';
SELECT lt_start_campaign(:'used');
SELECT is((SELECT resumed_at FROM leadterra.campaigns WHERE campaign_id = :'used'), '2000-01-01'::timestamptz, 'starting one that runs is none');
SELECT lt_pause_campaign(:'used');
SELECT ok(NOT pg_temp.settings(:'used') ? 'pause_reason', 'who pauses it gives no reason');

-- An automatic reply ends the sequence where the campaign says so.
SELECT lt_create_campaign('reply', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b"}]') AS reply \gset
SELECT lt_bulk_upsert(:'reply', '[{"email": "x1@example.com"}, {"email": "x2@example.com"}]');
SELECT lt_start_campaign(:'reply');
SELECT min(message_id::text) AS first, max(message_id::text) AS second, min(lease_id::text) AS lease FROM lt_claim_messages(2, '1 hour', :'reply') \gset
SELECT lt_complete_messages(:'lease');
CREATE FUNCTION pg_temp.ended(message uuid) RETURNS text LANGUAGE sql AS $$
    SELECT e.status FROM lt_messages m JOIN lt_enrollments e USING (campaign_id, lead_id) WHERE m.message_id = message;
$$;
SELECT is(lt_record_event(:'first', 'replied', '{"classification": "out_of_office"}'), true, 'an automatic reply is recorded');
SELECT is(pg_temp.ended(:'first'), 'active', 'and ends nothing');
SELECT lt_set_sending(:'reply', '{"stopOnAutoReply": true}');
SELECT is(lt_record_event(:'second', 'replied', '{"classification": "out_of_office"}'), true, 'here it is recorded, too');
SELECT is(pg_temp.ended(:'second') || ' ' || pg_temp.ended(:'first'), 'replied active', 'and ends the sequence');
SELECT is((SELECT replied FROM lt_campaign_stats(:'reply')), 0::bigint, 'it is counted as no reply');
SELECT is(lt_record_event(:'first', 'replied', '{"classification": "out_of_office"}'), false, 'what was known before changes nothing');

-- A campaign that is created with them.
SELECT lt_draft_campaign('made', '[{"subject": "s", "bodyHtml": "b"}]', format('{"poolId": "%s", "dailyLimit": 9, "bounceLimit": 0.5}', :'pool')::jsonb, :'pool') AS made \gset
SELECT is(pg_temp.settings(:'made'), format('{"pool_id": "%s", "daily_limit": 9, "bounce_limit": 0.5, "new_leads_first": false, "stop_on_auto_reply": false}', :'pool')::jsonb, 'a campaign is created with settings');
SELECT is((SELECT row(name, status, steps, owner)::text FROM lt_campaigns WHERE campaign_id = :'made'), format('(made,draft,1,%s)', :'pool'), 'name, steps and owner');
SELECT is((SELECT count(*) FROM leadterra.campaign_usage WHERE campaign_id = :'made'), 1::bigint, 'what it uses of its limits is counted');
SELECT is(pg_temp.fails('SELECT lt_draft_campaign(''x'', ''[]'', ''{"dailyLimit": -1, "x": 1}'')'), 'PT400: invalid_request: dailyLimit invalid_value, x unknown_field', 'all that is wrong is listed');
SELECT is(pg_temp.fails('SELECT lt_draft_campaign(''x'', ''[]'', ''{"poolId": "0197c043-0000-7000-8000-000000000000"}'')'), 'PT404: pool_not_found', 'of a pool that there is not');
SELECT is((SELECT count(*) FROM lt_campaigns WHERE name = 'x'), 0::bigint, 'none is made');

-- Of another workspace nothing is used.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000005e0022';
SELECT lt_create_campaign('c') AS theirs \gset
SELECT is(pg_temp.fails(format($$SELECT lt_set_sending(%L, '{"poolId": "%s"}')$$, :'theirs', :'pool')), 'PT404: pool_not_found', 'a pool of another workspace is none');
SELECT is(pg_temp.fails(format($$SELECT lt_set_sending(%L, '{}')$$, :'copy')), 'PT404: campaign_not_found', 'nor is a campaign');

SELECT * FROM finish();
ROLLBACK;
