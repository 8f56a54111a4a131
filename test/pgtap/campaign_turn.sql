-- campaign_turn: what a query for the least of all times says, which leaves out what cannot
-- matter, against what each campaign says by itself.  Pools, windows, limits, senders that are
-- busy and what they go on with are random.
BEGIN;
SELECT plan(4);
\ir ../random.sql

SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b2e';
SET LOCAL leadterra.now = '2030-01-07 12:00+00';
INSERT INTO leadterra.workspaces (workspace_id) VALUES (lt_current_workspace());
CREATE FUNCTION pg_temp.pick(VARIADIC choices anyarray) RETURNS anyelement LANGUAGE sql AS $$
    SELECT choices[1 + floor(random() * cardinality(choices))::integer]
$$;
CREATE FUNCTION pg_temp.hours(most integer) RETURNS interval LANGUAGE sql AS $$
    SELECT (floor(random() * (2 * most + 1)) - most) * interval '1 hour'
$$;

CREATE TEMP TABLE pools AS SELECT lt_create_pool('p' || n) AS id FROM generate_series(1, 3) n;
CREATE TEMP TABLE senders AS SELECT lt_create_sender(format('turn-%s@example.com', n)) AS id FROM generate_series(1, 8) n;
SELECT lt_set_pool_senders(p.id, (SELECT array_agg(s.id) FROM (SELECT s.id FROM senders s ORDER BY md5(s.id::text || p.id) LIMIT 5) s)) FROM pools p;
CREATE TEMP TABLE campaigns AS
SELECT n, lt_create_campaign('c' || n, '[{"subject": "a", "bodyHtml": "b"}, {"subject": "c", "bodyHtml": "d", "delayDays": 0}]') AS id FROM generate_series(1, 6) n;
SELECT lt_bulk_upsert(id, (SELECT jsonb_agg(jsonb_build_object('email', format('turn-lead-%s@example.com', i))) FROM generate_series(1, 12) i)) FROM campaigns;
SELECT lt_start_campaign(id) FROM campaigns;
CREATE TEMP TABLE batches AS
SELECT b.campaign_id, b.batch_id FROM leadterra.batches b WHERE b.workspace_id = lt_current_workspace();

CREATE TEMP TABLE outcomes (round integer, next timestamptz, least timestamptz, due text, due_alone text);
CREATE FUNCTION pg_temp.run_round(r integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    now constant timestamptz := leadterra.clock();
    busy constant boolean := random() < 0.5;
BEGIN
    UPDATE leadterra.senders SET free_at = CASE WHEN random() < 0.1 THEN 'infinity' WHEN busy THEN now + '7 hours' + pg_temp.hours(6) ELSE now + pg_temp.hours(6) END
    WHERE workspace_id = lt_current_workspace();
    UPDATE leadterra.pool_senders p SET free_at = s.free_at, has_left = random() < 0.3 FROM leadterra.senders s
    WHERE p.workspace_id = lt_current_workspace() AND s.workspace_id = p.workspace_id AND s.sender_id = p.sender_id;
    UPDATE leadterra.campaigns c SET
        status = CASE WHEN random() < 0.9 THEN 'running' ELSE 'paused' END, paused_at = now,
        pool_id = CASE WHEN random() < 0.8 THEN (SELECT p.id FROM pools p ORDER BY md5(p.id::text || random()) LIMIT 1) END,
        daily_limit = pg_temp.pick(NULL, NULL, 0, 5), daily_new_leads = pg_temp.pick(NULL, NULL, 0, 5),
        schedule = CASE WHEN random() < 0.3 THEN jsonb_build_object('schedules', jsonb_build_array(jsonb_build_object('name', 'w',
            'timing', jsonb_build_object('from', pg_temp.pick('08:00'::text, '14:00'), 'to', '18:00'),
            'days', jsonb_build_object('1', random() < 0.5, '3', true), 'timezone', pg_temp.pick('UTC'::text, 'Asia/Tokyo')))) END
    WHERE c.workspace_id = lt_current_workspace();
    DELETE FROM leadterra.waiting WHERE workspace_id = lt_current_workspace();
    INSERT INTO leadterra.waiting (workspace_id, campaign_id, sender_id, step, waiting_since, range_id, batch_id, first, last, attempt, tried_at, due_at)
    SELECT lt_current_workspace(), b.campaign_id, CASE WHEN w.begun THEN w.sender ELSE leadterra.nobody() END, w.step, now + w.since, lt_uuidv7(), b.batch_id, w.n, w.n,
        w.attempt, CASE WHEN w.attempt > 1 THEN now END, CASE WHEN w.begun THEN now + w.since END
    FROM batches b JOIN leadterra.campaigns c ON c.workspace_id = lt_current_workspace() AND c.campaign_id = b.campaign_id
    CROSS JOIN LATERAL (
        SELECT n, c.pool_id IS NOT NULL AND random() < 0.8 AS begun, pg_temp.pick(1, 2) AS step, pg_temp.pick(1, 2) AS attempt, pg_temp.hours(4) AS since,
            (SELECT p.sender_id FROM leadterra.pool_senders p WHERE p.workspace_id = lt_current_workspace() AND p.pool_id = c.pool_id
                ORDER BY md5(p.sender_id::text || random() || n) LIMIT 1) AS sender
        FROM generate_series(1, pg_temp.pick(0, 1, 3, 12)) n) w;
    INSERT INTO outcomes
    SELECT r, lt_next_due(), min(s.next_due_at),
        (SELECT string_agg(DISTINCT c.n::text, ' ') FROM leadterra.queue_heads(lt_current_workspace()) h JOIN campaigns c ON c.id = h.campaign_id WHERE h.due_at <= now),
        string_agg(DISTINCT c.n::text, ' ') FILTER (WHERE s.status = 'due')
    FROM campaigns c CROSS JOIN LATERAL lt_sending_status(c.id) s;
END;
$$;
SELECT count(pg_temp.run_round(r)) FROM generate_series(1, CASE WHEN :'long' THEN 600 ELSE 150 END) r;

SELECT is((SELECT string_agg(format('round %s: %s instead of %s', round, next, least), E'\n') FROM outcomes WHERE next IS DISTINCT FROM least), NULL, 'the next time is the least of those of all campaigns');
SELECT is((SELECT string_agg(format('round %s: %s instead of %s', round, due, due_alone), E'\n') FROM outcomes WHERE due IS DISTINCT FROM due_alone), NULL, 'what is due is what campaigns say that it is');
SELECT cmp_ok((SELECT count(*) FROM outcomes WHERE due IS NULL AND next > leadterra.clock()), '>', 20::bigint, 'in some rounds nothing is due');
SELECT cmp_ok((SELECT count(*) FROM outcomes WHERE due ~ ' '), '>', 20::bigint, 'in some more than one campaign is');

SELECT * FROM finish();
ROLLBACK;
