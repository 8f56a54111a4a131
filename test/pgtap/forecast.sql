-- forecast: who gets how many mails on which day.
BEGIN;
SELECT plan(111);
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000f0ca0002';
SET LOCAL client_min_messages = error;

-- A forecast in a line: day/step:messages+backlog.
CREATE FUNCTION pg_temp.days(campaign uuid, assume jsonb DEFAULT '{}') RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s:%s+%s', to_char(f.day, 'MM-DD'), f.step, f.messages, f.backlog), ' ' ORDER BY f.day, f.step) FROM lt_forecast(campaign, assume) f
$$;
-- A campaign whose steps follow each other after so many hours, with some leads.
CREATE FUNCTION pg_temp.make(leads integer, VARIADIC hours integer[]) RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    made uuid := lt_create_campaign('c', (SELECT jsonb_agg(jsonb_build_object('subject', 's', 'bodyHtml', 'b', 'delay', h, 'delayUnit', 'hours') ORDER BY n) FROM unnest(hours) WITH ORDINALITY u (h, n)));
BEGIN
    PERFORM lt_bulk_upsert(made, (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', n))) FROM generate_series(1, leads) n));
    RETURN made;
END;
$$;
CREATE FUNCTION pg_temp.windows(start_time text, end_time text, days text DEFAULT '12345', zone text DEFAULT 'UTC', more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$
    SELECT more || jsonb_build_object('schedules', jsonb_build_array(jsonb_build_object('timing', jsonb_build_object('from', start_time, 'to', end_time), 'timezone', zone,
        'days', (SELECT jsonb_object_agg(d, true) FROM regexp_split_to_table(days, '') d))))
$$;
-- Claims all that may be had, sends it, and goes on so until nothing is due; returns how much that was.
CREATE FUNCTION pg_temp.send(campaign uuid, most integer DEFAULT 10000) RETURNS integer LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    total integer := 0;
    n integer;
    l uuid;
BEGIN
    LOOP
        SELECT count(*), (array_agg(lease_id))[1] INTO n, l FROM lt_claim_messages(most - total, '1 hour', campaign);
        EXIT WHEN n = 0;
        PERFORM lt_complete_messages(l);
        total := total + n;
        EXIT WHEN total = most;
    END LOOP;
    RETURN total;
END;
$$;
-- The code of an error, and what it lists.
CREATE FUNCTION pg_temp.fails(campaign uuid, assume jsonb) RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    detail jsonb;
BEGIN
    PERFORM count(*) FROM lt_forecast(campaign, assume);
    RETURN 'none';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(': ', SQLSTATE, detail ->> 'code', (SELECT string_agg(concat_ws(' ', e ->> 'field', e ->> 'code'), ', ' ORDER BY e ->> 'field') FROM jsonb_array_elements(detail -> 'errors') e));
END;
$$;

-- Monday, the 7th of January 2030, 10:00.
SET LOCAL leadterra.now = '2030-01-07 10:00+00';

-- What waits is sent at once, and what follows after its delay.
SELECT lt_create_campaign('empty', '[{"subject": "s", "bodyHtml": "b"}]') AS empty \gset
SELECT is(pg_temp.days(:'empty'), NULL, 'a campaign without leads sends nothing');
SELECT is(pg_temp.days(lt_create_campaign('none'), '{"newLeads": 5}'), NULL, 'nor does one without steps');
SELECT pg_temp.make(7, 0, 24, 47) AS c \gset
SELECT is(pg_temp.days(:'c'), '01-07/1:7+0 01-08/2:7+0 01-10/3:7+0', 'a draft is as if it started now');
SELECT is((SELECT count(*) FROM leadterra.campaigns WHERE campaign_id = :'c' AND status = 'draft' AND started_at IS NULL), 1::bigint, 'and stays a draft');
SELECT is((SELECT array_agg(f ORDER BY f.day) FROM lt_forecast(:'c') f)::text, '{"(2030-01-07,1,7,0)","(2030-01-08,2,7,0)","(2030-01-10,3,7,0)"}', 'the columns are day, step, messages and backlog');
SELECT is(pg_temp.days(:'c', '{"newLeads": 3}'), '01-07/1:10+0 01-08/2:10+0 01-10/3:10+0', 'so many more may be assumed');
SELECT is(pg_temp.days(:'c', '{"startAt": "2030-01-09T23:00:00+02:00"}'), '01-09/1:7+0 01-10/2:7+0 01-12/3:7+0', 'and a time to start');
SELECT is(pg_temp.days(:'c', '{"startAt": "2029-12-31T00:00:00Z"}'), pg_temp.days(:'c'), 'one that has passed is now');
SELECT is(pg_temp.days(pg_temp.make(2, 30)), '01-08/1:2+0', 'the first step may have a delay, from the start on');

-- Limits of a day.
SELECT is(pg_temp.days(:'c', '{"dailyLimit": 5}'), '01-07/1:5+2 01-08/1:2+0 01-08/2:3+2 01-09/2:4+0 01-10/3:5+2 01-11/3:2+0', 'what does not go today is the backlog, and later steps come before new leads');
SELECT is(pg_temp.days(:'c', '{"dailyNewLeads": 3}'), '01-07/1:3+4 01-08/1:3+1 01-08/2:3+0 01-09/1:1+0 01-09/2:3+0 01-10/2:1+0 01-10/3:6+0 01-11/3:1+0', 'a limit of new leads is of the first step alone');
SELECT is(pg_temp.days(:'c', '{"dailyLimit": 3, "newLeadsFirst": true}'), '01-07/1:3+4 01-08/1:3+1 01-08/2:0+3 01-09/1:1+0 01-09/2:2+4 01-10/2:3+2 01-10/3:0+2 01-11/2:2+0 01-11/3:1+4 01-12/3:3+3 01-13/3:3+0', 'new leads first');

-- Windows, and the days of their first zone.
SELECT pg_temp.make(4, 0, 24) AS w \gset
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('12:00', '13:00'))), '01-07/1:4+0 01-08/2:4+0', 'a window opens later today');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('08:00', '09:00', '15'))), '01-07/1:0+4 01-08/1:0+4 01-09/1:0+4 01-10/1:0+4 01-11/1:4+0 01-12/2:0+4 01-13/2:0+4 01-14/2:4+0', 'it has passed, and so much waits for the next');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('23:00', '01:00', '0123456'))), '01-07/1:4+0 01-08/2:4+0', 'a night');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('23:00', '01:00', '0123456', 'Asia/Tokyo'), 'dailyLimit', 2)), '01-07/1:2+2 01-08/1:2+0 01-08/2:0+2 01-09/2:2+2 01-10/2:2+0', 'it is two days, each with its limit');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('00:00', '24:00', '0123456', 'Pacific/Kiritimati'))), '01-08/1:4+0 01-09/2:4+0', 'days are those of the first zone');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', jsonb_set(pg_temp.windows('09:00', '09:30', '3'), '{schedules,1}', pg_temp.windows('11:00', '11:01', '2', 'Europe/Berlin') #> '{schedules,0}'))), '01-07/1:0+4 01-08/1:4+0 01-09/2:0+4 01-10/2:0+4 01-11/2:0+4 01-12/2:0+4 01-13/2:0+4 01-14/2:0+4 01-15/2:4+0', 'several windows');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('09:00', '12:00', '0123456', 'UTC', '{"startDate": "2030-01-09", "endDate": "2030-01-09"}'))), '01-07/1:0+4 01-08/1:0+4 01-09/1:4+0 01-10/2:0+4', 'what a schedule leaves is the backlog of the day on which it is due');
SELECT is(pg_temp.days(:'w', jsonb_build_object('schedule', pg_temp.windows('09:00', '12:00', '0123456', 'UTC', '{"endDate": "2030-01-06"}'))), '01-07/1:0+4', 'one that is over sends nothing');

-- Senders.
SELECT is(pg_temp.days(:'w', '{"senders": [{"dailyLimit": 1}, {"dailyLimit": 2}]}'), '01-07/1:3+1 01-08/1:1+0 01-08/2:2+1 01-09/2:1+1 01-10/2:1+0', 'what was begun comes first, and is of the sender that began it');
SELECT is(pg_temp.days(:'w', '{"senders": [{"dailyLimit": 1, "count": 3}]}'), '01-07/1:3+1 01-08/1:1+0 01-08/2:2+1 01-09/2:1+1 01-10/2:1+0', 'so many senders');
SELECT is(pg_temp.days(:'w', '{"senders": [{"dailyLimit": 1, "timeZone": "Asia/Tokyo"}]}'), '01-07/1:2+2 01-08/1:0+2 01-08/2:1+1 01-09/1:0+2 01-09/2:1+0 01-10/1:1+1 01-11/1:0+1 01-11/2:1+0 01-12/1:1+0 01-13/2:1+0', 'the day of a sender is that of its zone');
SELECT is(pg_temp.days(pg_temp.make(20, 0), jsonb_build_object('senders', '[{"gapSeconds": 3600}]'::jsonb, 'schedule', pg_temp.windows('09:00', '17:00', '0123456'))), '01-07/1:7+13 01-08/1:8+5 01-09/1:5+0', 'a gap of an hour, from 10 to 16, and from 9');
SELECT is(pg_temp.days(pg_temp.make(20, 0), jsonb_build_object('senders', '[{"gapSeconds": 3601, "count": 2}]'::jsonb, 'schedule', pg_temp.windows('09:00', '17:00', '0123456'))), '01-07/1:14+6 01-08/1:6+0', 'a gap of two senders');
SELECT is(pg_temp.days(pg_temp.make(1, 0), jsonb_build_object('newLeads', 1000000, 'senders', '[{"gapSeconds": 60, "count": 500}]'::jsonb, 'schedule', pg_temp.windows('09:00', '16:59', '0123456'))),
    '01-07/1:209500+790501 01-08/1:239500+551001 01-09/1:239500+311501 01-10/1:239500+72001 01-11/1:72001+0', 'a gap in a large campaign, of which several mails are counted together');
SELECT is(pg_temp.days(:'w', '{"senders": []}'), '01-07/1:0+4', 'without a sender nothing is sent');
SELECT is(pg_temp.days(:'w', '{"senders": [{"dailyLimit": 0, "count": 2}, {"count": 0}]}'), '01-07/1:0+4', 'nor by one that may not');
SELECT is(pg_temp.days(:'w', '{"dailyLimit": 0}'), '01-07/1:0+4', 'nor under a limit of 0');
SELECT is(pg_temp.days(:'w', '{"dailyNewLeads": 0}'), '01-07/1:0+4', 'nor without new leads');

-- Those of a pool.
SELECT lt_create_pool('p') AS p \gset
SELECT lt_create_sender('a@example.com', '{"dailyLimit": 10, "status": "warming", "rampFrom": 1, "rampStep": 2}') AS a \gset
SELECT lt_create_sender('b@example.com', '{"dailyLimit": 10, "status": "paused"}') AS b \gset
SELECT lt_set_pool_senders(:'p', ARRAY[:'a', :'b']::uuid[]);
SELECT pg_temp.make(30, 0) AS s \gset
SELECT is(pg_temp.days(:'s', jsonb_build_object('poolId', :'p')), '01-07/1:1+29 01-08/1:3+26 01-09/1:5+21 01-10/1:7+14 01-11/1:9+5 01-12/1:5+0', 'one warms up, one is paused');
SELECT lt_set_sending(:'s', jsonb_build_object('poolId', :'p'));
SELECT is(pg_temp.days(:'s'), '01-07/1:1+29 01-08/1:3+26 01-09/1:5+21 01-10/1:7+14 01-11/1:9+5 01-12/1:5+0', 'the pool of the campaign');
SELECT is(pg_temp.days(:'s', '{"senders": [{}]}'), '01-07/1:30+0', 'others in place of it');
SELECT is(pg_temp.days(:'s', '{"poolId": null}'), '01-07/1:30+0', 'or none');
SELECT lt_update_sender(:'a', '{"status": null, "gapSeconds": 0, "gapJitterSeconds": 7200}');
SELECT is(pg_temp.days(:'s', jsonb_build_object('dailyLimit', 8, 'schedule', pg_temp.windows('00:00', '16:00', '0123456'))), '01-07/1:6+24 01-08/1:8+16 01-09/1:8+8 01-10/1:8+0', 'a gap at random counts by half of what it may be');
SELECT is(pg_temp.days(:'s', jsonb_build_object('schedule', pg_temp.windows('00:00', '06:00', '0123456'))), '01-07/1:0+30 01-08/1:6+24 01-09/1:6+18 01-10/1:6+12 01-11/1:6+6 01-12/1:6+0', 'that is one in an hour');

-- What runs: what was used today, what follows, and what workers hold.
SELECT pg_temp.make(6, 0, 24) AS r \gset
SELECT lt_set_sending(:'r', '{"dailyLimit": 3}'), lt_start_campaign(:'r') IS NOT NULL;
SELECT is(pg_temp.send(:'r', 2), 2, 'a campaign has sent a part');
SELECT is(pg_temp.days(:'r'), '01-07/1:1+3 01-08/1:3+0 01-08/2:0+3 01-09/2:3+3 01-10/2:3+0', 'what was handed out today is used');
SELECT is(pg_temp.days(:'r', '{"dailyLimit": 5}'), '01-07/1:3+1 01-08/1:1+0 01-08/2:4+1 01-09/2:2+0', 'under another limit too');
SELECT is(pg_temp.days(:'r', '{"dailyLimit": null, "dailyNewLeads": 3}'), '01-07/1:1+3 01-08/1:3+0 01-08/2:3+0 01-09/2:3+0', 'and under one of new leads');
SELECT is(pg_temp.days(:'r', jsonb_build_object('schedule', pg_temp.windows('00:00', '24:00', '0123456', 'America/New_York'))), '01-07/1:1+3 01-08/1:3+0 01-08/2:0+3 01-09/2:3+3 01-10/2:3+0', 'and on a day of another zone');
SELECT is(pg_temp.days(:'r', '{"startAt": "2030-01-08T00:00:00Z"}'), '01-07/1:0+4 01-08/1:3+1 01-08/2:0+2 01-09/1:0+1 01-09/2:3+2 01-10/1:1+0 01-10/2:2+0 01-11/2:1+0', 'not on a later day');
CREATE TEMP TABLE held AS SELECT * FROM lt_claim_messages(10, '1 hour', :'r');
SELECT is((SELECT count(*) FROM held), 1::bigint, 'a worker has one');
SELECT is(pg_temp.days(:'r'), '01-07/1:1+3 01-08/1:3+0 01-08/2:0+3 01-09/2:3+3 01-10/2:3+0', 'it is sent now, and was counted');
SELECT lt_pause_campaign(:'r') IS NOT NULL;
SELECT is(pg_temp.days(:'r'), '01-07/1:1+3 01-08/1:3+0 01-08/2:0+3 01-09/2:3+3 01-10/2:3+0', 'a campaign that is paused is as if it goes on now');
SET LOCAL leadterra.now = '2030-01-07 11:00+00';
SELECT is(pg_temp.days(:'r'), '01-07/1:0+4 01-08/1:3+1 01-08/2:0+2 01-09/1:0+1 01-09/2:3+2 01-10/1:1+0 01-10/2:2+0 01-11/2:1+0', 'what a worker let run out waits again, and stays counted');
SELECT lt_start_campaign(:'r') IS NOT NULL;
SELECT is(pg_temp.send(:'r'), 0, 'as the engine has it');
SELECT is(pg_temp.days(:'r'), '01-07/1:0+4 01-08/1:3+1 01-08/2:0+2 01-09/1:0+1 01-09/2:3+2 01-10/1:1+0 01-10/2:2+0 01-11/2:1+0', 'before and after it was given back');
SELECT is(pg_temp.days(:'r', jsonb_build_object('schedule', pg_temp.windows('00:00', '24:00', '0123456', 'Pacific/Pago_Pago'))), '01-07/1:3+1 01-07/2:0+2 01-08/1:0+1 01-08/2:3+2 01-09/1:1+0 01-09/2:2+0 01-10/2:1+0', 'in a zone where a day has just begun nothing is used of it');

-- What will be skipped is left out.
SELECT pg_temp.make(9, 0, 24) AS k \gset
SELECT lt_start_campaign(:'k') IS NOT NULL, pg_temp.send(:'k', 3);
SELECT is(pg_temp.days(:'k'), '01-07/1:6+0 01-08/2:9+0', 'all are left');
SELECT lt_remove_leads(:'k', '{l1@example.com, l4@example.com}'), lt_delete_leads('{l2@example.com, l5@example.com}');
UPDATE leadterra.leads SET verification_status = -1 WHERE email = 'l6@example.com';
SELECT is(pg_temp.days(:'k'), '01-07/1:3+0 01-08/2:4+0', 'who was taken out, deleted, or has no address gets nothing');
CREATE TEMP TABLE held_too AS SELECT * FROM lt_claim_messages(10, '1 hour', :'k');
SELECT lt_fail_messages(lease_id, ARRAY[message_id], 'no', true) FROM held_too WHERE email = 'l7@example.com';
SELECT lt_remove_leads(:'k', '{l8@example.com}');
SELECT is(pg_temp.days(:'k'), '01-07/1:2+0 01-08/2:2+0', 'what a worker has is sent, and nothing follows where it failed or the lead was taken out');
SELECT lt_complete_messages((SELECT lease_id FROM held_too LIMIT 1), (SELECT array_agg(message_id) FROM held_too WHERE email = 'l9@example.com'));
SELECT is(pg_temp.days(:'k'), '01-07/1:1+0 01-08/2:2+0', 'what it has sent is not sent again');

-- By whom follow-ups are sent.
SELECT lt_create_pool('q') AS q \gset
SELECT lt_create_sender('c@example.com', '{"dailyLimit": 4}') AS c2 \gset
SELECT lt_create_sender('d@example.com') AS d \gset
SELECT lt_set_pool_senders(:'q', ARRAY[:'c2', :'d']::uuid[]);
SELECT pg_temp.make(5, 0, 24) AS f \gset
SELECT lt_set_sending(:'f', jsonb_build_object('poolId', :'q')), lt_start_campaign(:'f') IS NOT NULL;
SELECT is(pg_temp.send(:'f', 4), 4, 'the first sender of a pool has what it may');
SELECT is(pg_temp.days(:'f'), '01-07/1:1+0 01-08/2:5+0', 'the other one has the rest, and each goes on');
SELECT is(pg_temp.days(:'f', '{"dailyLimit": 6, "newLeads": 5}'), '01-07/1:2+4 01-08/1:4+0 01-08/2:2+4 01-09/2:6+2 01-10/2:2+0', 'what was handed out before there was a limit counts');
SELECT is(pg_temp.days(:'f', '{"dailyNewLeads": 6, "newLeads": 5}'), '01-07/1:2+4 01-08/1:4+0 01-08/2:6+0 01-09/2:4+0', 'as do its new leads');
SELECT lt_update_sender(:'c2', '{"dailyLimit": 1}');
SELECT is(pg_temp.days(:'f'), '01-07/1:1+0 01-08/2:2+3 01-09/2:1+2 01-10/2:1+1 01-11/2:1+0', 'each goes on with its own alone');
SELECT lt_update_sender(:'c2', '{"status": "paused"}');
SELECT is(pg_temp.days(:'f'), '01-07/1:1+0 01-08/2:1+4', 'what one has begun that is paused waits, and the last day tells so');
SELECT lt_set_pool_senders(:'q', ARRAY[:'d']::uuid[]), lt_update_sender(:'c2', '{"status": "active", "dailyLimit": 3}');
SELECT is(pg_temp.days(:'f', '{"newLeads": 10}'), '01-07/1:11+0 01-08/2:14+1 01-09/2:1+0', 'who has left the pool goes on with what it began');
SELECT lt_update_sender(:'d', '{"dailyLimit": 3}');
SELECT is(pg_temp.days(:'f', '{"newLeads": 10}'), '01-07/1:3+8 01-08/1:3+5 01-08/2:3+4 01-09/1:0+5 01-09/2:4+3 01-10/1:0+5 01-10/2:3+0 01-11/1:3+2 01-12/1:0+2 01-12/2:3+0 01-13/1:2+0 01-14/2:2+0', 'and gets no new leads');
SELECT lt_update_sender(:'d', '{"dailyLimit": null}');
SELECT is(pg_temp.days(:'f', jsonb_build_object('poolId', :'p')), '01-07/1:1+0 01-08/2:4+1 01-09/2:1+0', 'under another pool too');
SELECT is(pg_temp.days(:'f', '{"senders": [{"dailyLimit": 5}]}'), '01-07/1:1+0 01-08/2:5+0', 'senders that are assumed have what others began');
SELECT lt_delete_sender(:'c2', :'d');
SELECT is(pg_temp.days(:'f'), '01-07/1:1+0 01-08/2:5+0', 'and so has who took over from one that is deleted');
-- Its row stays, and says who goes on with what workers hold.
SELECT lt_create_sender('e@example.com', '{"dailyLimit": 1}') AS e \gset
SELECT lt_set_pool_senders(:'q', ARRAY[:'e']::uuid[]);
CREATE TEMP TABLE held_last AS SELECT * FROM lt_claim_messages(10, '1 hour', :'f');
SELECT is((SELECT sender_email FROM held_last), 'e@example.com', 'a worker has the last one');
SELECT lt_delete_sender(:'e', :'d');
SELECT is(pg_temp.days(:'f'), '01-07/1:1+0 01-08/2:5+0', 'of a sender that was deleted since');

-- A forecast ends.
SELECT is((SELECT (count(DISTINCT day), min(day), max(day), sum(messages))::text FROM lt_forecast(:'w', '{"dailyLimit": 1, "newLeads": 100000}')), '(3660,2030-01-07,2040-01-14,3660)', 'after ten years');
SELECT is((SELECT (count(DISTINCT day), sum(messages))::text FROM lt_forecast(:'w', '{"newLeads": 9999996, "senders": [{"dailyLimit": 1, "count": 10000}]}')), '(199,1990000)', 'and where there is too much to do, with a day that is complete');
CREATE TEMP TABLE many AS SELECT pg_temp.make(1, VARIADIC array_fill(0, ARRAY[30])) AS campaign;
SELECT count(leadterra.enqueue(lt_current_workspace(), campaign, step, leadterra.clock() - interval '1 day', lead_id)) FROM many, generate_series(2, 30) step, leadterra.leads l WHERE l.email = 'l1@example.com';
SELECT is((SELECT (count(*), min(step), max(step))::text FROM many, lt_forecast(campaign, '{"dailyLimit": 1, "newLeadsFirst": true, "newLeads": 10000}')), '(99990,1,30)', 'it has not more than 100,000 rows, of whole days');

-- What is not understood.
SELECT is(pg_temp.fails(:'w', a.assume), a.failures, left(coalesce(a.assume::text, 'null'), 60))
FROM (VALUES
    (NULL::jsonb, 'PT400: invalid_request'), ('[]', 'PT400: invalid_request'), ('"x"', 'PT400: invalid_request'),
    ('{"x": 1, "bounceLimit": 0.5, "stopOnAutoReply": true, "status": "paused"}', 'PT400: invalid_request: bounceLimit unknown_field, status unknown_field, stopOnAutoReply unknown_field, x unknown_field'),
    ('{"poolId": 1, "schedule": 1, "dailyLimit": "1", "dailyNewLeads": -1, "newLeadsFirst": 1, "newLeads": true, "senders": {}, "startAt": 1}',
     'PT400: invalid_request: dailyLimit wrong_type, dailyNewLeads invalid_value, newLeads wrong_type, newLeadsFirst wrong_type, poolId wrong_type, schedule not_an_object, senders wrong_type, startAt wrong_type'),
    ('{"newLeads": 10000001, "senders": "x"}', 'PT400: invalid_request: newLeads invalid_value, senders wrong_type'),
    ('{"senders": [1, {"x": 1, "dailyLimit": -1, "gapSeconds": 86401, "timeZone": "UTC+1", "count": 1.5}, {"dailyLimit": 5}]}',
     'PT400: invalid_request: senders[0] not_an_object, senders[1].count wrong_type, senders[1].dailyLimit invalid_value, senders[1].gapSeconds invalid_value, senders[1].timeZone invalid_value, senders[1].x unknown_field'),
    ('{"senders": [{"count": 6000}, {"count": 4001}]}', 'PT400: invalid_request: senders invalid_value'),
    ('{"poolId": "ffffffff-ffff-ffff-ffff-ffffffffffff"}', 'PT404: pool_not_found'),
    ('{"newLeads": null, "senders": null, "startAt": null, "poolId": null, "schedule": null, "dailyLimit": null, "dailyNewLeads": null, "newLeadsFirst": null}', 'none'),
    ('{"daily_limit": 1, "daily_max_leads": 1, "prioritize_new_leads": true, "campaign_schedule": null}', 'none'),
    ('{"senders": [{"count": null, "dailyLimit": null, "gapSeconds": null, "timeZone": null}, {"count": 9999}]}', 'none')) a (assume, failures);
SELECT is(pg_temp.fails(:'w', jsonb_build_object('startAt', t.at)), t.failures, t.at)
FROM (VALUES ('2030-01-07T10:00:00Z', 'none'), ('2030-01-07T10:00:00.123456789-00:00', 'none'), ('2028-02-29T23:59:59.9+23:59', 'none'), ('0001-01-01T00:00:00Z', 'none'), ('9999-12-31T23:59:59Z', 'none')) t (at, failures);
SELECT is(pg_temp.fails(:'w', jsonb_build_object('startAt', t.at)), 'PT400: invalid_request: startAt invalid_value', format('"%s" is no time', t.at))
FROM unnest(ARRAY['', 'now', 'infinity', '2030-01-07', '2030-01-07T10:00:00', '2030-01-07 10:00:00Z', '2030-01-07T10:00Z', '2030-01-07T10:00:00z', '2030-01-07T10:00:00.Z', '2030-01-07T10:00:00.5', '2030-01-07T24:00:00Z', '2030-01-07T10:60:00Z', '2030-01-07T10:00:60Z',
    '2030-02-29T10:00:00Z', '2030-13-01T10:00:00Z', '0000-01-01T00:00:00Z', '2030-01-07T10:00:00+24:00', '2030-01-07T10:00:00+01:60', '2030-01-07T10:00:00+01', '2030-01-07T10:00:00Z ', '12030-01-07T10:00:00Z']) t (at);
SELECT is(pg_temp.fails(NULL, '{}'), 'PT400: invalid_request', 'a campaign is named');
SELECT is(pg_temp.fails('ffffffff-ffff-ffff-ffff-ffffffffffff', '{}'), 'PT404: campaign_not_found', 'that there is');
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000f0ca0003';
SELECT is(pg_temp.fails(:'w', '{}'), 'PT404: campaign_not_found', 'in the workspace');
SELECT is(pg_temp.fails(lt_create_campaign('x'), jsonb_build_object('poolId', :'p')), 'PT404: pool_not_found', 'as its pool');
SELECT * FROM finish();
ROLLBACK;
