-- forecast: what is forecast is what the engine then does, where nothing is random.
--
-- Random campaigns are forecast.  Then a worker claims all that it may as soon as it may,
-- by lt_next_due, and sends it at once.  What it got is counted by day and step, and what
-- is due and was not handed out at the end of each day.
--
-- Which of two senders comes first that are free since the same moment is nowhere said.  From
-- the day on which there are such, the two may differ.
BEGIN;
SELECT plan(4);

\ir ../random.sql
SELECT CASE WHEN :'long' THEN 100 ELSE 20 END AS rounds \gset
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000f0ca0001';
SET LOCAL client_min_messages = error;

CREATE FUNCTION pg_temp.pick(VARIADIC given anyarray) RETURNS anyelement LANGUAGE sql VOLATILE AS $$ SELECT given[1 + trunc(random() * cardinality(given))::integer] $$;
CREATE FUNCTION pg_temp.set_time(at timestamptz) RETURNS void LANGUAGE sql AS $$ SELECT set_config('leadterra.now', at::text, true) $$;

CREATE TEMP TABLE cases (round integer PRIMARY KEY, campaign uuid, about text, forecast_at timestamptz, ends date, turns integer, assumed boolean);
CREATE TEMP TABLE expected (round integer, day date, step integer, messages bigint, backlog bigint);
CREATE TEMP TABLE sent (round integer, day date, step integer, messages bigint);
CREATE TEMP TABLE due (round integer, day date, step integer, backlog bigint);

CREATE FUNCTION pg_temp.zone() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT pg_temp.pick('UTC'::text, 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'Pacific/Apia', 'America/Los_Angeles', 'Asia/Tokyo')
$$;

-- Windows on some days, now and then of a night, or with a first and a last day.
CREATE FUNCTION pg_temp.schedule(at timestamptz) RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'startDate', CASE WHEN random() < 0.2 THEN (at + pg_temp.pick(-5, 0, 3) * interval '1 day')::date END,
        'endDate', CASE WHEN random() < 0.2 THEN (at + pg_temp.pick(5, 9, 20) * interval '1 day')::date END,
        'schedules', (SELECT jsonb_agg(jsonb_build_object(
            'name', 'w',
            'timing', pg_temp.pick('{"from": "09:00", "to": "17:00"}'::jsonb, '{"from": "01:30", "to": "03:10"}', '{"from": "00:00", "to": "24:00"}', '{"from": "22:00", "to": "04:00"}', '{"from": "12:00", "to": "12:05"}', '{"from": "23:59", "to": "00:01"}'),
            'days', pg_temp.pick('{"1": true, "2": true, "3": true, "4": true, "5": true}'::jsonb, '{"0": true, "6": true, "3": true}', '{"0": true, "1": true, "2": true, "3": true, "4": true, "5": true, "6": true}'),
            'timezone', pg_temp.zone()))
            FROM generate_series(1, pg_temp.pick(1, 1, 2, 3)))))
$$;

CREATE FUNCTION pg_temp.sender() RETURNS jsonb LANGUAGE sql VOLATILE AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'dailyLimit', pg_temp.pick(NULL, 0, 1, 2, 3, 4, 5, 7, 10, 25),
        'gapSeconds', pg_temp.pick(0, 0, 0, 1, 20, 90, 600, 3600, 10000),
        'timeZone', pg_temp.zone()))
        || pg_temp.pick('{}'::jsonb, '{}', '{}', '{}', '{"status": "warming", "rampFrom": 1, "rampStep": 2}', '{"status": "warming", "rampFrom": 0, "rampStep": 1}', '{"status": "warming", "rampFrom": 2}', '{"status": "paused"}')
$$;

-- Enrolls some leads, of which a few get nothing.  A claim of a sender ends with the last new
-- lead of the day, also if that is skipped, and the next one may be of another sender.  By how
-- many leads are skipped that cannot be told, so there are none where that could be.
CREATE FUNCTION pg_temp.enroll(campaign uuid, r integer, part integer, count integer) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    address constant text := format('l%s-%s-1@example.com', r, part);
    fate constant integer := pg_temp.pick(1, 2, 3, 4, 5) FROM lt_campaigns c WHERE c.campaign_id = campaign AND (c.pool_id IS NULL OR c.daily_new_leads IS NULL);
BEGIN
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('l%s-%s-%s@example.com', r, part, n))) FROM generate_series(1, count) n));
    CASE fate
        WHEN 1 THEN PERFORM lt_remove_leads(campaign, ARRAY[address]);
        WHEN 2 THEN PERFORM lt_delete_leads(ARRAY[address]);
        WHEN 3 THEN UPDATE leadterra.leads SET verification_status = -1 WHERE email = address;
        ELSE NULL;
    END CASE;
END;
$$;

-- Claims once for a worker that sends at once, and counts what it got on which day.
CREATE FUNCTION pg_temp.work(r integer, most integer, completes boolean) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    which uuid := campaign FROM cases WHERE round = r;
    today date := leadterra.zone_day(leadterra.schedule_zone((SELECT c.schedule FROM leadterra.campaigns c WHERE c.campaign_id = which)), leadterra.clock());
    got uuid;
    steps integer[];
BEGIN
    SELECT (array_agg(m.lease_id))[1], array_agg(m.step) INTO got, steps FROM lt_claim_messages(most, '1 hour', which) m;
    INSERT INTO sent SELECT r, today, step, count(*) FROM unnest(steps) u (step) GROUP BY step;
    IF completes AND got IS NOT NULL THEN
        PERFORM lt_complete_messages(got);
    END IF;
    RETURN coalesce(cardinality(steps), 0);
END;
$$;

-- Counts what is due and was not handed out at the end of each day from now until a time.
CREATE FUNCTION pg_temp.count_due(r integer, zone text, until timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO due
    SELECT r, d.day, w.step, count(*)
    FROM cases x
    JOIN leadterra.campaigns c ON c.campaign_id = x.campaign
    CROSS JOIN LATERAL (
        SELECT leadterra.zone_day(zone, leadterra.clock()) + n AS day
        FROM generate_series(0, leadterra.zone_day(zone, until) - leadterra.zone_day(zone, leadterra.clock()) - 1) n) d
    JOIN leadterra.waiting_ranges w ON w.campaign_id = c.campaign_id
    JOIN leadterra.steps s ON s.campaign_id = c.campaign_id AND s.step = w.step
    JOIN leadterra.batches b ON b.batch_id = w.batch_id
    CROSS JOIN LATERAL unnest(b.lead_ids[w.unused:w.last]) u (lead_id)
    JOIN leadterra.enrollments e ON e.campaign_id = c.campaign_id AND e.lead_id = u.lead_id AND e.status = 'active'
    JOIN leadterra.leads l ON l.lead_id = u.lead_id AND l.verification_status IS DISTINCT FROM -1
    WHERE x.round = r AND coalesce(w.due_at, leadterra.due_at(w.waiting_since, c.started_at, s.delay_minutes)) < leadterra.zone_day_start(zone, d.day + 1)
    GROUP BY d.day, w.step
$$;

-- Works until nothing waits, or for so long; returns how often it claimed.
CREATE FUNCTION pg_temp.work_until(r integer, ends timestamptz) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    turns integer := 0;
    next timestamptz;
    zone constant text := leadterra.schedule_zone(c.schedule) FROM leadterra.campaigns c, cases x WHERE x.round = r AND c.campaign_id = x.campaign;
BEGIN
    LOOP
        WHILE pg_temp.work(r, 10000, true) > 0 LOOP
            turns := turns + 1;
        END LOOP;
        next := lt_next_due();
        turns := turns + 1;
        IF next <= leadterra.clock() OR turns > 20000 THEN
            RAISE EXCEPTION 'round %: at % nothing was claimed, and the next is due at % (turn %)', r, leadterra.clock(), next, turns;
        END IF;
        IF leadterra.zone_day(zone, least(next, ends)) > leadterra.zone_day(zone, leadterra.clock()) THEN
            PERFORM pg_temp.count_due(r, zone, least(next, ends));
        END IF;
        EXIT WHEN next IS NULL OR next > ends;
        PERFORM pg_temp.set_time(next);
    END LOOP;
    RETURN turns;
END;
$$;

CREATE FUNCTION pg_temp.run_round(r integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    at timestamptz := pg_temp.pick('2030-01-07 00:00+00'::timestamptz, '2030-03-08 03:00+00', '2030-03-29 12:00+00', '2030-10-25 20:00+00', '2030-11-01 07:00+00') + trunc(random() * 2000) * interval '1 minute';
    which uuid := lt_create_campaign('generated', (SELECT jsonb_agg(jsonb_build_object('subject', 's', 'bodyHtml', 'b') || pg_temp.pick('{"delay": 0, "delayUnit": "hours"}'::jsonb, '{"delay": 1, "delayUnit": "hours"}', '{"delay": 7, "delayUnit": "hours"}', '{"delayDays": 1}', '{"delayDays": 2}', '{"delayDays": 3}'))
        FROM generate_series(1, pg_temp.pick(1, 2, 3, 4))));
    pool uuid;
    settings jsonb := '{}';
    nsenders constant integer := pg_temp.pick(0, 0, 1, 2, 3, 4, 5);
    state constant text := pg_temp.pick('draft'::text, 'running', 'running', 'paused');
    n integer;
    open uuid;
BEGIN
    INSERT INTO cases (round, campaign) VALUES (r, which);
    PERFORM pg_temp.set_time(at);
    IF nsenders > 0 OR random() < 0.1 THEN
        pool := lt_create_pool('p');
        FOR i IN 1..nsenders LOOP
            PERFORM pg_temp.set_time(leadterra.clock() + interval '1 second');
            PERFORM lt_create_sender(format('s%s-%s@example.com', r, i), pg_temp.sender());
        END LOOP;
        PERFORM lt_set_pool_senders(pool, ARRAY(SELECT sender_id FROM leadterra.senders WHERE email LIKE format('s%s-%%', r)));
        settings := jsonb_build_object('poolId', pool);
    END IF;
    settings := settings || jsonb_strip_nulls(jsonb_build_object(
        'schedule', CASE WHEN random() < 0.6 THEN pg_temp.schedule(at) END,
        'dailyLimit', pg_temp.pick(NULL, NULL, 5, 11, 20, 50),
        'dailyNewLeads', pg_temp.pick(NULL, NULL, 3, 8, 20),
        'newLeadsFirst', pg_temp.pick(NULL, true)));
    PERFORM lt_set_sending(which, settings);
    FOR i IN 1..pg_temp.pick(1, 2, 3) LOOP
        PERFORM pg_temp.enroll(which, r, i, pg_temp.pick(2, 5, 20, 60));
        PERFORM pg_temp.set_time(leadterra.clock() + pg_temp.pick(interval '1 minute', '5 hours', '1 day'));
    END LOOP;

    -- A campaign that was started has sent something, and a worker may still hold a part.
    IF state <> 'draft' THEN
        PERFORM lt_start_campaign(which);
        PERFORM pg_temp.work_until(r, leadterra.clock() + pg_temp.pick(interval '1 minute', '5 hours', '4 days'));
        n := pg_temp.pick(0, 0, 1, 2, 3);
        IF n > 0 AND pg_temp.work(r, n, true) > 0 THEN
            PERFORM pg_temp.enroll(which, r, 4, 10);
            PERFORM pg_temp.work(r, n, false);
        END IF;
        IF random() < 0.5 THEN
            PERFORM pg_temp.enroll(which, r, 5, pg_temp.pick(1, 20));
        END IF;
    END IF;
    -- Who leaves the pool goes on with what it began, or another does.
    IF pool IS NOT NULL THEN
        CASE pg_temp.pick(1, 2, 3, 4, 5, 6)
            WHEN 1 THEN
                PERFORM lt_set_pool_senders(pool, ARRAY(SELECT sender_id FROM lt_senders WHERE email LIKE format('s%s-%%', r) AND random() < 0.5));
            WHEN 2 THEN
                PERFORM lt_delete_sender((SELECT sender_id FROM lt_senders WHERE email = format('s%s-1@example.com', r)), (SELECT sender_id FROM lt_senders WHERE email = format('s%s-2@example.com', r) AND status = 'active'))
                WHERE nsenders > 0;
            WHEN 3 THEN
                PERFORM lt_update_sender(sender_id, '{"status": "paused"}') FROM lt_senders WHERE email = format('s%s-2@example.com', r);
            ELSE NULL;
        END CASE;
    END IF;
    IF state = 'paused' THEN
        PERFORM lt_pause_campaign(which);
        PERFORM pg_temp.set_time(leadterra.clock() + pg_temp.pick(interval '1 minute', '3 hours', '2 days'));
    END IF;
    DELETE FROM sent WHERE round = r;
    DELETE FROM due WHERE round = r;
    at := leadterra.clock();
    UPDATE cases SET forecast_at = at, about = format('%s, %s senders, %s', state, nsenders, settings) WHERE round = r;
    INSERT INTO expected SELECT r, f.day, f.step, f.messages, f.backlog FROM lt_forecast(which) f;
    IF state = 'draft' THEN
        PERFORM lt_set_sending(which, '{"poolId": null, "schedule": null, "dailyLimit": 1, "dailyNewLeads": null, "newLeadsFirst": null}');
        UPDATE cases SET assumed = NOT EXISTS (
            (SELECT f.day, f.step, f.messages, f.backlog FROM lt_forecast(which, '{"dailyLimit": null}' || settings) f EXCEPT SELECT day, step, messages, backlog FROM expected WHERE round = r)
            UNION ALL (SELECT day, step, messages, backlog FROM expected WHERE round = r EXCEPT SELECT f.day, f.step, f.messages, f.backlog FROM lt_forecast(which, '{"dailyLimit": null}' || settings) f))
        WHERE round = r;
        PERFORM lt_set_sending(which, '{"dailyLimit": null}' || settings);
    END IF;

    INSERT INTO sent SELECT r, leadterra.zone_day(leadterra.schedule_zone(settings -> 'schedule'), at), m.step, count(*)
    FROM leadterra.message_states m JOIN leadterra.leases l ON l.lease_id = m.lease_id
    WHERE m.campaign_id = which AND m.state = 'leased' AND l.expires_at > at GROUP BY m.step;
    PERFORM lt_complete_messages(l.lease_id) FROM leadterra.leases l WHERE l.campaign_id = which AND l.state = 'open' AND l.expires_at > at;
    PERFORM lt_start_campaign(which);
    n := pg_temp.work_until(r, at + interval '60 days');
    UPDATE cases SET turns = n, ends = leadterra.zone_day(leadterra.schedule_zone(settings -> 'schedule'), at + interval '60 days') WHERE round = r;
    PERFORM lt_pause_campaign(which), lt_delete_campaign(which);
END;
$$;
SELECT count(pg_temp.run_round(r)) FROM generate_series(1, :rounds) r;

-- Rows in which the two differ, on days that were gone through.  After its last day a forecast
-- says nothing of what stays.
CREATE TEMP TABLE differences AS
SELECT round, day, step, coalesce(e.messages, 0) AS messages, coalesce(s.messages, 0) AS really, coalesce(e.backlog, 0) AS backlog, coalesce(d.backlog, 0) AS really_due
FROM expected e
FULL JOIN (SELECT round, day, step, sum(messages) AS messages FROM sent GROUP BY 1, 2, 3) s USING (round, day, step)
FULL JOIN (SELECT round, day, step, max(backlog) AS backlog FROM due GROUP BY 1, 2, 3) d USING (round, day, step)
JOIN cases c USING (round)
WHERE day < c.ends AND (coalesce(e.messages, 0) <> coalesce(s.messages, 0)
    OR day <= (SELECT max(x.day) FROM expected x WHERE x.round = c.round) AND coalesce(e.backlog, 0) <> coalesce(d.backlog, 0));
SELECT is((SELECT count(*) FROM cases WHERE ends IS NOT NULL), :rounds::bigint, 'as many cases');
SELECT is((SELECT string_agg(format(E'\nround %s, at %s: %s\n%s', c.round, c.forecast_at, c.about, d.text), '' ORDER BY c.round)
    FROM cases c CROSS JOIN LATERAL (
        SELECT string_agg(format('    %s step %s: %s instead of %s, backlog %s instead of %s', d.day, d.step, d.messages, d.really, d.backlog, d.really_due), E'\n' ORDER BY d.day, d.step) AS text
        FROM (SELECT * FROM differences d WHERE d.round = c.round ORDER BY d.day, d.step LIMIT 5) d) d
    WHERE d.text IS NOT NULL), NULL, 'no day differs');
SELECT is((SELECT bool_and(assumed) FROM cases), true, 'settings that are assumed do what they do once they are set');
SELECT cmp_ok((SELECT count(DISTINCT (round, day)) FROM sent JOIN cases c USING (round) WHERE day < c.ends), '>', :rounds * 3::bigint, 'days are compared');
SELECT diag(format('%s messages on %s days in %s turns', sum(s.messages), count(DISTINCT (round, day)), (SELECT sum(turns) FROM cases)))
FROM sent s JOIN cases c USING (round);
SELECT * FROM finish();
ROLLBACK;
