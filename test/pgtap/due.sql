-- due: the rule that says when a message is due, and that everybody asks it: what
-- views and calls say is due is what a claim hands out, in that order.
--
-- On a failure run it again with the seed: PGOPTIONS='-c test.seed=0.123' psql -f test/pgtap/due.sql
BEGIN;
SELECT plan(35);

CREATE FUNCTION pg_temp.seed() RETURNS double precision LANGUAGE sql AS $$
    SELECT coalesce(nullif(current_setting('test.seed', true), '')::double precision, trunc((random() * 2 - 1)::numeric, 6)::double precision)
$$;
CREATE FUNCTION pg_temp.pick(VARIADIC choices anyarray) RETURNS anyelement LANGUAGE sql AS $$
    SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;

-- The rule.
SELECT is(leadterra.due_at(since, started, minutes), due, why)
FROM (VALUES
    (timestamptz '2030-01-01 00:00+00', timestamptz '2029-01-01 00:00+00', 0, timestamptz '2030-01-01 00:00+00', 'at once'),
    ('2030-01-01 00:00+00', '2029-01-01 00:00+00', 2880, '2030-01-03 00:00+00', 'after a delay'),
    ('2030-01-01 00:00+00', '2031-01-01 00:00+00', 2880, '2031-01-03 00:00+00', 'which runs from the start if that is later'),
    ('2030-01-01 00:00+00', NULL, 2880, '2030-01-03 00:00+00', 'and from enrollment where there was none'),
    ('2030-03-30 12:00 Europe/Berlin', NULL, 1440, '2030-03-31 13:00 Europe/Berlin', 'a day has 24 hours'),
    ('2030-01-01 00:00+00', NULL, 90, '2030-01-01 01:30+00', 'an hour and a half later'),
    ('-infinity', NULL, 5256000, '-infinity', 'what waits for ever is due'),
    ('-infinity', '-infinity', 5256000, '-infinity', 'for ever'),
    ('-infinity', '2030-01-01 00:00+00', 1440, '2030-01-02 00:00+00', 'or from the start on'),
    ('infinity', '2030-01-01 00:00+00', 0, 'infinity', 'what waits since never is never due'),
    ('2030-01-01 00:00+00', 'infinity', 0, 'infinity', 'nor is what is never started'),
    ('294276-12-31 00:00+00', NULL, 0, '294276-12-31 00:00+00', 'the last day'),
    ('294276-12-31 00:00+00', NULL, 1440, 'infinity', 'no day comes after it'),
    ('4714-11-24 00:00+00 BC', NULL, 1440, '4714-11-25 00:00+00 BC', 'the first day'),
    ('2030-01-01 00:00+00', NULL, -5, '2030-01-01 00:00+00', 'no delay is less than none'),
    ('2030-01-01 00:00+00', NULL, 2147483647, '2039-12-30 00:00+00', 'nor more than 3,650 days'),
    (NULL, '2030-01-01 00:00+00', 1440, NULL, 'what does not wait is not due'),
    ('2030-01-01 00:00+00', '2030-01-01 00:00+00', NULL, NULL, 'nor is what has no step')) v (since, started, minutes, due, why);

-- What runs, waits and is due is found wherever it stands among what does not.
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b1f';
SET LOCAL leadterra.now = '2030-01-01 00:00+00';
INSERT INTO leadterra.workspaces (workspace_id) VALUES (lt_current_workspace());
CREATE FUNCTION pg_temp.add(campaign uuid, to_step integer, since timestamptz, VARIADIC leads uuid[] DEFAULT ARRAY['0197c043-e39c-7d91-a325-000000000001'::uuid]) RETURNS void LANGUAGE sql SET search_path = public AS $$
    SELECT leadterra.enqueue(lt_current_workspace(), campaign, to_step, since, l) FROM unnest(leads) l
$$;
CREATE FUNCTION pg_temp.heads() RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s', c.name, h.step), ' ' ORDER BY h.campaign_id, h.step)
    FROM leadterra.queue_heads(lt_current_workspace()) h JOIN lt_campaigns c ON c.campaign_id = h.campaign_id
$$;
CREATE TEMP TABLE made AS
SELECT n, lt_create_campaign(n::text, (SELECT jsonb_agg('{"subject": "s", "bodyHtml": "b", "delayDays": 1}'::jsonb) FROM generate_series(1, 3))) AS id
FROM generate_series(1, 12) n;
SELECT is(pg_temp.heads(), NULL, 'nothing waits');
SELECT pg_temp.add(id, 1, now()), pg_temp.add(id, 1, now() - interval '1 hour'), pg_temp.add(id, 3, now()) FROM made WHERE n NOT IN (3, 4, 9, 12);
SELECT is(pg_temp.heads(), NULL, 'drafts do not run');
UPDATE leadterra.campaigns SET started_at = now(), status = 'paused', paused_at = now() WHERE campaign_id IN (SELECT id FROM made);
SELECT is(pg_temp.heads(), NULL, 'nor do campaigns that are paused');
CREATE FUNCTION pg_temp.run(VARIADIC which integer[]) RETURNS void LANGUAGE sql AS $$
    UPDATE leadterra.campaigns SET status = CASE WHEN n = ANY (which) THEN 'running' ELSE 'paused' END FROM made WHERE campaign_id = id
$$;
SELECT pg_temp.run(3, 4, 9, 12);
SELECT is(pg_temp.heads(), NULL, 'nothing waits in those that do');
SELECT is(pg_temp.heads(), expected, format('campaigns %s run', which))
FROM (VALUES ('{1}'::integer[], '1/1 1/3'), ('{2}', '2/1 2/3'), ('{11}', '11/1 11/3'), ('{12,11,10}', '10/1 10/3 11/1 11/3'), ('{1,3,5,7}', '1/1 1/3 5/1 5/3 7/1 7/3'),
    ('{3,4,5,9,10,12}', '5/1 5/3 10/1 10/3'), ('{1,2,3,4,5,6,7,8,9,10,11,12}', '1/1 1/3 2/1 2/3 5/1 5/3 6/1 6/3 7/1 7/3 8/1 8/3 10/1 10/3 11/1 11/3')) v (which, expected)
CROSS JOIN LATERAL pg_temp.run(VARIADIC which);
SELECT is((SELECT array_agg(DISTINCT h.due_at ORDER BY h.due_at) FROM leadterra.queue_heads(lt_current_workspace()) h), ARRAY[now() + interval '1 day'], 'the first of a step decides, from the start on');
SELECT is((SELECT string_agg(s.next_due_at::text, ' ') FROM made CROSS JOIN LATERAL lt_sending_status(id) s WHERE n = 10), (now() + interval '1 day')::text, 'of one campaign too');
DELETE FROM leadterra.campaigns WHERE campaign_id IN (SELECT id FROM made);

-- Generated times: a campaign of a hundred steps with a message each.
SELECT setseed(s), diag('seed ' || s) FROM pg_temp.seed() s;
CREATE TEMP TABLE cases (round integer, step integer, delay integer, since timestamptz, started timestamptz, due timestamptz, now timestamptz);
CREATE TEMP TABLE differences (round integer, what text, engine text, model text);

-- The rule in plain SQL.
CREATE FUNCTION pg_temp.due(since timestamptz, started timestamptz, minutes integer) RETURNS timestamptz LANGUAGE plpgsql AS $$
BEGIN
    RETURN greatest(since, started) + minutes * interval '1 minute';
EXCEPTION WHEN datetime_field_overflow THEN
    RETURN 'infinity';
END;
$$;
-- A time at which something changes, or a little more or less.
CREATE FUNCTION pg_temp.around(at timestamptz) RETURNS timestamptz LANGUAGE sql AS $$
    SELECT at + pg_temp.pick(-1, 0, 0, 1) * pg_temp.pick(interval '1 microsecond', '1 microsecond', '1 day', '100 days')
$$;
CREATE FUNCTION pg_temp.compare(round integer, what text, engine text, model text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO differences SELECT round, what, engine, model WHERE engine IS DISTINCT FROM model
$$;

CREATE FUNCTION pg_temp.run_round(r integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    at constant timestamptz := pg_temp.pick('2030-01-01 00:00+00'::timestamptz, '1000-06-01 12:00+00', '9999-12-31 23:59:59.999999+00');
    started constant timestamptz := pg_temp.pick('-infinity', at - interval '20 years', pg_temp.around(at), pg_temp.around(at - interval '24 hours'), pg_temp.around(at - 3650 * interval '24 hours'),
        '4714-11-24 00:00+00 BC', 'infinity', '294276-12-31 23:59:59.999999+00');
    campaign uuid := lt_create_campaign('generated', (SELECT jsonb_agg(jsonb_build_object('subject', 's', 'bodyHtml', 'b', 'delay', pg_temp.pick(0, 0, 1, 59, 1440, 2880, 525600, 5254560, 5256000), 'delayUnit', 'minutes')) FROM generate_series(1, 100)));
    leads constant uuid[] := (SELECT array_agg(lead_id ORDER BY email) FROM lt_leads);
    claimed text;
    l uuid;
    ids uuid[];
BEGIN
    PERFORM set_config('leadterra.now', at::text, true);
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', email)) FROM lt_leads));
    DELETE FROM leadterra.waiting w WHERE w.campaign_id = campaign;
    DELETE FROM leadterra.batches b WHERE b.campaign_id = campaign;
    INSERT INTO cases
    SELECT r, s.step, s.delay_minutes, x.since, started, pg_temp.due(x.since, started, s.delay_minutes), at
    FROM leadterra.steps s
    CROSS JOIN LATERAL (SELECT pg_temp.pick('-infinity', 'infinity', pg_temp.around(at), pg_temp.around(at - s.delay_minutes * interval '1 minute'), pg_temp.around(at - s.delay_minutes * interval '1 minute'),
        '4714-11-24 00:00+00 BC', '294276-12-31 23:59:59.999999+00', at + interval '1 year', at - interval '30 years') AS since) x
    WHERE s.campaign_id = campaign;
    PERFORM pg_temp.add(campaign, c.step, c.since, leads[c.step]) FROM cases c WHERE c.round = r;
    UPDATE leadterra.campaigns c SET status = 'running', started_at = started WHERE c.campaign_id = campaign;

    PERFORM pg_temp.compare(r, 'lt_messages, step ' || c.step, (SELECT m.due_at::text FROM lt_messages m WHERE m.campaign_id = campaign AND m.step = c.step), c.due::text) FROM cases c WHERE c.round = r;
    PERFORM pg_temp.compare(r, 'lt_next_due', lt_next_due()::text, (SELECT min(c.due)::text FROM cases c WHERE c.round = r));
    PERFORM pg_temp.compare(r, 'lt_sending_status', (SELECT concat_ws(' ', s.status, s.next_due_at) FROM lt_sending_status(campaign) s),
        (SELECT concat_ws(' ', CASE WHEN min(c.due) <= at THEN 'due' ELSE 'nothing_due' END, min(c.due)) FROM cases c WHERE c.round = r));
    PERFORM pg_temp.compare(r, 'lt_due_workspaces', (SELECT w.due_at::text FROM lt_due_workspaces() w WHERE w.workspace_id = lt_current_workspace()),
        (SELECT min(c.due)::text FROM cases c WHERE c.round = r AND c.due <= at));

    -- By any of the two ways to claim, of as many as there are or of some.
    CREATE TEMP TABLE got AS SELECT m.*, row_number() OVER () AS n FROM lt_claim_messages(pg_temp.pick(1000, 10), '5 minutes', pg_temp.pick(campaign, NULL)) m;
    SELECT string_agg(g.step::text, ' ' ORDER BY g.n), (array_agg(g.lease_id))[1], array_agg(g.message_id) INTO claimed, l, ids FROM got g;
    PERFORM pg_temp.compare(r, 'lt_claim_messages', claimed, (SELECT string_agg(c.step::text, ' ' ORDER BY c.due, c.step) FROM (
        SELECT c.step, c.due FROM cases c WHERE c.round = r AND c.due <= at ORDER BY c.due, c.step LIMIT CASE WHEN cardinality(ids) <= 10 THEN 10 END) c));

    -- What fails is due again after a minute, whatever the delay of its step.
    IF l IS NOT NULL THEN
        PERFORM lt_fail_messages(l, ids, 'no');
        PERFORM pg_temp.compare(r, 'a retry, step ' || g.step, m.due_at::text, (at + interval '1 minute')::text) FROM got g JOIN lt_messages m ON m.message_id = g.message_id;
    END IF;
    DROP TABLE got;
    DELETE FROM leadterra.campaigns c WHERE c.campaign_id = campaign;
END;
$$;
SELECT lt_add_leads((SELECT jsonb_agg(jsonb_build_object('email', format('due-%s@example.com', n))) FROM generate_series(1, 100) n), list_id => lt_create_list('due')) IS NOT NULL AS added;
SELECT count(pg_temp.run_round(r)) FROM generate_series(1, 40) r;
SELECT is((SELECT count(*) FROM cases), 4000::bigint, 'as many cases');
SELECT is((SELECT string_agg(format('round %s, %s: %s instead of %s (%s)', d.round, what, engine, model, (SELECT format('now %s, started %s', now, started) FROM cases c WHERE c.round = d.round LIMIT 1)), E'\n')
    FROM (SELECT * FROM differences LIMIT 10) d), NULL, 'nothing differs from the rule');
SELECT cmp_ok((SELECT count(*) FROM cases WHERE due <= now), '>', 200::bigint, 'some are due');
SELECT cmp_ok((SELECT count(*) FROM cases WHERE due > now), '>', 200::bigint, 'some are not');

SELECT * FROM finish();
ROLLBACK;
