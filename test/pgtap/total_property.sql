-- total: statistics are what a simple model counts, whatever was removed in between.
--
-- Random histories of campaigns, with and without senders and variants, in zones of their
-- own.  The model notes what is sent and what happens at the moment when it does, and never
-- forgets anything; history is removed by random keeps in random slices.
BEGIN;
SELECT plan(7);
\ir ../random.sql
\ir ../call.sql
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0171';
SET LOCAL client_min_messages = error;
SELECT CASE WHEN :'long' THEN 60 ELSE 8 END AS histories \gset

CREATE TEMP TABLE history (number integer, campaign uuid, zone text, now timestamptz);
-- What a lease had: what was handed out, and what it skipped, for which it tells no variant.
CREATE TEMP TABLE claimed (message_id uuid, lease_id uuid, step integer, variant integer, sender_id uuid, is_handed boolean, PRIMARY KEY (message_id, lease_id));
-- When what was completed in a lease counts as sent.
CREATE TEMP TABLE leases (lease_id uuid PRIMARY KEY, at timestamptz, is_claimed boolean);
CREATE TEMP TABLE sent (message_id uuid PRIMARY KEY, lease_id uuid);
CREATE TEMP TABLE happened (message_id uuid, kind text, step integer, variant integer, sender_id uuid, at timestamptz, PRIMARY KEY (message_id, kind));
CREATE TEMP TABLE unsent (batch_id uuid, "position" integer, state text, at timestamptz, PRIMARY KEY (batch_id, "position"));
CREATE TEMP TABLE seen (thing text PRIMARY KEY, times integer DEFAULT 1);
CREATE TEMP TABLE wrong (number integer, what text);

CREATE FUNCTION pg_temp.pick(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT floor(random() * n)::integer $$;
CREATE FUNCTION pg_temp.see(this text) RETURNS void LANGUAGE sql AS $$ INSERT INTO seen AS s VALUES (this) ON CONFLICT (thing) DO UPDATE SET times = s.times + 1 $$;
CREATE FUNCTION pg_temp.emails() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(e ORDER BY random()) FROM (SELECT format('t%s@example.com', i) AS e FROM generate_series(1, 40) i ORDER BY random() LIMIT 1 + pg_temp.pick(12)) s
$$;

-- Takes over what the tables say now of leases and of what was not sent.
CREATE FUNCTION pg_temp.note(c uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO claimed
    SELECT leadterra.message_id(u.batch_id, n), l.lease_id, b.step, NULL, l.sender_id, false
    FROM leadterra.leases l, unnest(l.batch_ids, l.firsts, l.lasts) u (batch_id, first, last), generate_series(u.first::integer, u.last::integer) n, leadterra.batches b
    WHERE l.campaign_id = c AND b.batch_id = u.batch_id AND l.lease_id NOT IN (SELECT x.lease_id FROM leases x)
    ON CONFLICT DO NOTHING;
    INSERT INTO leases SELECT l.lease_id, coalesce(l.claimed_at, least(l.closed_at, leadterra.clock(), l.expires_at)), l.claimed_at IS NOT NULL FROM leadterra.leases l WHERE l.campaign_id = c
    ON CONFLICT (lease_id) DO UPDATE SET at = excluded.at;
    INSERT INTO unsent SELECT x.batch_id, x.position, x.state, x.created_at FROM leadterra.exceptions x WHERE x.campaign_id = c
    ON CONFLICT (batch_id, "position") DO UPDATE SET state = excluded.state, at = excluded.at;
$$;

-- That something happened to a message counts for who had it last, and once.
CREATE FUNCTION pg_temp.happen(message uuid, what text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO happened
    SELECT message, what, c.step, CASE WHEN l.lease_id IS NOT NULL THEN c.variant END, CASE WHEN l.lease_id IS NOT NULL THEN c.sender_id END, leadterra.clock()
    FROM claimed c LEFT JOIN leadterra.leases l ON l.lease_id = c.lease_id
    WHERE c.message_id = message
    ORDER BY l.lease_id IS NULL, c.variant IS NULL, l.lease_id DESC
    LIMIT 1
    ON CONFLICT DO NOTHING
$$;

-- Makes a campaign, and what it has.
CREATE FUNCTION pg_temp.start(number integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    variants constant jsonb := '[{"subject": "a"}, {"subject": "b", "weight": 2}, {"subject": "c"}]';
    zone constant text := (ARRAY['UTC', 'Pacific/Apia', 'America/New_York', 'Asia/Kathmandu'])[1 + pg_temp.pick(4)];
    c uuid;
    pool uuid;
BEGIN
    PERFORM pg_temp.at(number * interval '1000 days');
    c := lt_create_campaign('c', (
        SELECT jsonb_agg(jsonb_build_object('subject', 's', 'bodyHtml', 'b', 'delayDays', CASE n WHEN 1 THEN 0 ELSE 1 END)
            || CASE WHEN number % 2 = 0 AND (n = 1 OR pg_temp.pick(2) = 0) THEN jsonb_build_object('variants', variants) ELSE '{}' END)
        FROM generate_series(1, 3) n));
    IF number % 4 < 2 THEN
        pool := lt_create_pool('p');
        PERFORM lt_set_pool_senders(pool, (SELECT array_agg(lt_create_sender(format('s%s-%s@example.com', number, i), '{"dailyLimit": 9}')) FROM generate_series(1, 3) i));
    END IF;
    PERFORM lt_set_sending(c, jsonb_build_object('poolId', pool, 'dailyLimit', CASE WHEN number % 8 = 3 THEN 20 END, 'schedule', CASE WHEN zone <> 'UTC' THEN jsonb_build_object('schedules', (
        SELECT jsonb_agg(jsonb_build_object('timing', jsonb_build_object('from', f, 'to', t), 'days', '{"0": true, "1": true, "2": true, "3": true, "4": true, "5": true, "6": true}'::jsonb, 'timezone', zone))
        FROM (VALUES ('00:00', '12:00'), ('12:00', '00:00')) w (f, t))) END));
    PERFORM lt_unsuppress(array_agg(format('t%s@example.com', i))), lt_delete_leads(array_agg(format('t%s@example.com', i))) FROM generate_series(1, 40) i;
    PERFORM lt_bulk_upsert(c, jsonb_agg(jsonb_build_object('email', format('t%s@example.com', i)))) FROM generate_series(1, 20) i;
    PERFORM lt_start_campaign(c);
    TRUNCATE history, claimed, leases, sent, happened, unsent;
    INSERT INTO history VALUES (number, c, zone, leadterra.clock());
END;
$$;

-- Does one thing at random.
CREATE FUNCTION pg_temp.call(c uuid) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    kind constant integer := pg_temp.pick(100);
    l leadterra.leases;
    ids uuid[];
    m uuid;
    what text;
    types constant text[] := ARRAY['delivered', 'delivered', 'delivered', 'opened', 'opened', 'opened', 'clicked', 'clicked', 'auto', 'auto', 'replied', 'bounced', 'complained', 'unsubscribed', 'returned', 'asked'];
BEGIN
    UPDATE history SET now = now + CASE pg_temp.pick(6) WHEN 0 THEN interval '25 hours' WHEN 1 THEN interval '3 hours' ELSE interval '7 minutes' END;
    PERFORM set_config('leadterra.now', now::text, true) FROM history;
    SELECT * INTO l FROM leadterra.leases x WHERE x.campaign_id = c AND x.state = 'open' AND x.expires_at > leadterra.clock() ORDER BY random() LIMIT 1;
    SELECT array_agg(x.message_id) INTO ids FROM (SELECT message_id FROM claimed WHERE lease_id = l.lease_id AND is_handed ORDER BY random() LIMIT 1 + pg_temp.pick(16)) x;
    IF kind < 28 THEN
        WITH got AS MATERIALIZED (SELECT * FROM lt_claim_messages(1 + pg_temp.pick(12), '2 hours', c))
        INSERT INTO claimed SELECT message_id, lease_id, step, variant, sender_id, true FROM got;
    ELSIF kind < 60 AND l.lease_id IS NOT NULL THEN
        what := (ARRAY['complete', 'complete', 'complete', 'complete', 'complete', 'fail', 'give up', 'refuse', 'defer', 'release'])[1 + pg_temp.pick(10)];
        -- What is settled already stays so.
        ids := ARRAY(
            SELECT x.id FROM unnest(ids) x (id) WHERE NOT EXISTS (
                SELECT FROM leadterra.exceptions e WHERE e.campaign_id = c AND leadterra.message_id(e.batch_id, e.position) = x.id)
              AND NOT EXISTS (SELECT FROM leadterra.waiting w WHERE w.campaign_id = c AND x.id BETWEEN leadterra.message_id(w.batch_id, w.first) AND leadterra.message_id(w.batch_id, w.last)));
        CASE what
            WHEN 'complete' THEN
                PERFORM lt_complete_messages(l.lease_id, ids);
                INSERT INTO sent SELECT unnest(ids), l.lease_id ON CONFLICT DO NOTHING;
            WHEN 'fail' THEN PERFORM lt_fail_messages(l.lease_id, ids, 'no');
            WHEN 'give up' THEN PERFORM lt_fail_messages(l.lease_id, ids, 'no', true);
            WHEN 'refuse' THEN
                PERFORM pg_temp.happen(id, 'bounced') FROM unnest(ids) id WHERE id NOT IN (SELECT message_id FROM sent);
                PERFORM lt_bounce_messages(l.lease_id, ids, '550 5.1.1 no');
            WHEN 'defer' THEN PERFORM lt_defer_messages(l.lease_id, ids, '1 hour', 'later');
            WHEN 'release' THEN PERFORM lt_release_lease(l.lease_id);
        END CASE;
        PERFORM pg_temp.see(what);
    ELSIF kind < 85 THEN
        SELECT x.message_id INTO m FROM claimed x WHERE EXISTS (SELECT FROM leadterra.batches b WHERE b.batch_id = (leadterra.message_id(b.batch_id, 1)) AND x.message_id BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, b.size)) ORDER BY kind > 70 AND x.message_id IN (SELECT s.message_id FROM sent s) DESC, random() LIMIT 1;
        what := types[1 + pg_temp.pick(cardinality(types))];
        IF m IS NOT NULL THEN
            BEGIN
                PERFORM lt_record_event(m, CASE WHEN what IN ('auto', 'returned', 'asked') THEN 'replied' ELSE what END, CASE what
                    WHEN 'bounced' THEN jsonb_build_object('bounceType', (ARRAY['hard', 'soft'])[1 + pg_temp.pick(2)]) WHEN 'auto' THEN '{"classification": "out_of_office"}'
                    WHEN 'returned' THEN '{"classification": "bounce"}' WHEN 'asked' THEN '{"classification": "unsubscribe"}' WHEN 'clicked' THEN jsonb_build_object('url', pg_temp.pick(3)::text) ELSE '{}' END::jsonb);
                PERFORM pg_temp.happen(m, k) FROM unnest(CASE what WHEN 'auto' THEN '{}' WHEN 'returned' THEN '{bounced}' WHEN 'asked' THEN '{replied, unsubscribed}' ELSE ARRAY[what] END) k;
                PERFORM pg_temp.see(CASE WHEN m IN (SELECT message_id FROM sent) THEN 'event' ELSE 'event before it is sent' END);
                PERFORM pg_temp.see('event without a lease') WHERE NOT EXISTS (SELECT FROM claimed x JOIN leadterra.leases USING (lease_id) WHERE x.message_id = m);
            EXCEPTION WHEN SQLSTATE 'PT404' THEN
                PERFORM pg_temp.see('event of a lead that is gone');
            END;
        END IF;
    ELSIF kind < 88 THEN
        PERFORM lt_unsuppress(pg_temp.emails());
    ELSIF kind < 90 THEN
        PERFORM lt_remove_leads(c, (pg_temp.emails())[1:2]);
    ELSIF kind < 93 THEN
        PERFORM lt_bulk_upsert(c, (SELECT jsonb_agg(jsonb_build_object('email', e)) FROM unnest(pg_temp.emails()) e));
        DELETE FROM unsent u WHERE u.state = 'skipped' AND NOT EXISTS (SELECT FROM leadterra.exceptions x WHERE x.batch_id = u.batch_id AND x.position = u.position) AND EXISTS (SELECT FROM leadterra.batches b WHERE b.batch_id = u.batch_id);
    ELSIF kind < 96 THEN
        PERFORM pg_temp.note(c);
        PERFORM lt_restart_leads(c, pg_temp.emails());
        DELETE FROM unsent u WHERE NOT EXISTS (SELECT FROM leadterra.exceptions x WHERE x.batch_id = u.batch_id AND x.position = u.position) AND EXISTS (SELECT FROM leadterra.batches b WHERE b.batch_id = u.batch_id);
    ELSIF kind < 98 THEN
        PERFORM pg_temp.note(c);
        BEGIN
            PERFORM lt_merge_leads(a.lead_id, b.lead_id) FROM (SELECT lead_id FROM lt_leads ORDER BY random() LIMIT 1) a, (SELECT lead_id FROM lt_leads ORDER BY lead_id DESC LIMIT 1) b WHERE a.lead_id <> b.lead_id;
            PERFORM pg_temp.see('merge');
        EXCEPTION WHEN SQLSTATE 'PT409' THEN NULL;
        END;
        DELETE FROM unsent u WHERE NOT EXISTS (SELECT FROM leadterra.exceptions x WHERE x.batch_id = u.batch_id AND x.position = u.position) AND EXISTS (SELECT FROM leadterra.batches b WHERE b.batch_id = u.batch_id);
    ELSE
        PERFORM lt_delete_leads((pg_temp.emails())[1:1]);
    END IF;
    PERFORM pg_temp.note(c);
END;
$$;

-- What the calls say, and what the model does.
CREATE FUNCTION pg_temp.stats(c uuid) RETURNS TABLE (what text, counts jsonb) LANGUAGE sql SET search_path = public AS $$
    SELECT 'campaign', to_jsonb(s) FROM lt_campaign_stats(c) s
    UNION ALL SELECT 'step', to_jsonb(s) FROM lt_step_stats(c) s
    UNION ALL SELECT 'day', to_jsonb(d) FROM lt_daily_stats(c) d
$$;
CREATE VIEW pg_temp.model_events AS
SELECT h.*, (h.at AT TIME ZONE z.zone)::date AS day FROM happened h, history z;
CREATE VIEW pg_temp.model_sent AS
SELECT c.step, c.variant, c.sender_id, (l.at AT TIME ZONE z.zone)::date AS day FROM sent s JOIN claimed c USING (message_id, lease_id) JOIN leases l USING (lease_id), history z;
CREATE FUNCTION pg_temp.model() RETURNS TABLE (what text, counts jsonb) LANGUAGE sql AS $$
    SELECT 'step', jsonb_build_object('step', step, 'variant', variant, 'sender_id', sender_id, 'sender_email', (SELECT email FROM leadterra.senders e WHERE e.sender_id = x.sender_id),
        'sent', count(*) FILTER (WHERE kind = 'sent'), 'delivered', count(*) FILTER (WHERE kind = 'delivered'), 'opened', count(*) FILTER (WHERE kind = 'opened'), 'clicked', count(*) FILTER (WHERE kind = 'clicked'),
        'replied', count(*) FILTER (WHERE kind = 'replied'), 'bounced', count(*) FILTER (WHERE kind = 'bounced'), 'complained', count(*) FILTER (WHERE kind = 'complained'), 'unsubscribed', count(*) FILTER (WHERE kind = 'unsubscribed'))
    FROM (SELECT step, variant, sender_id, kind FROM pg_temp.model_events UNION ALL SELECT step, variant, sender_id, 'sent' FROM pg_temp.model_sent) x
    GROUP BY step, variant, sender_id
    UNION ALL
    SELECT 'day', jsonb_build_object('day', day, 'sent', count(*) FILTER (WHERE kind IN ('sent', 'contacted')), 'contacted', count(*) FILTER (WHERE kind = 'contacted'),
        'delivered', count(*) FILTER (WHERE kind = 'delivered'), 'opened', count(*) FILTER (WHERE kind = 'opened'), 'clicked', count(*) FILTER (WHERE kind = 'clicked'),
        'replied', count(*) FILTER (WHERE kind = 'replied'), 'bounced', count(*) FILTER (WHERE kind = 'bounced'), 'complained', count(*) FILTER (WHERE kind = 'complained'), 'unsubscribed', count(*) FILTER (WHERE kind = 'unsubscribed'),
        'failed', count(*) FILTER (WHERE kind = 'failed'), 'skipped', count(*) FILTER (WHERE kind = 'skipped'))
    FROM (SELECT day, kind FROM pg_temp.model_events UNION ALL SELECT day, CASE step WHEN 1 THEN 'contacted' ELSE 'sent' END FROM pg_temp.model_sent UNION ALL SELECT (u.at AT TIME ZONE z.zone)::date, u.state FROM unsent u, history z) x
    GROUP BY day
$$;
CREATE FUNCTION pg_temp.difference(a text, b text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found text;
BEGIN
    EXECUTE format('SELECT string_agg(x, E''\n'') FROM (SELECT ''- '' || r::text FROM (%1$s EXCEPT ALL %2$s) r UNION ALL SELECT ''+ '' || r::text FROM (%2$s EXCEPT ALL %1$s) r) x (x)', a, b) INTO found;
    RETURN found;
END;
$$;

-- Removes something of the history, and says what that changed.
CREATE FUNCTION pg_temp.maintain(c uuid) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    removed bigint;
BEGIN
    CREATE TEMP TABLE before_it AS SELECT * FROM pg_temp.stats(c);
    IF pg_temp.pick(4) = 0 THEN
        removed := lt_maintain(pg_temp.pick(30) * interval '1 day');
    ELSE
        removed := leadterra.maintain_campaign(lt_current_workspace(), c, leadterra.clock() - pg_temp.pick(12) * interval '1 day', 1 + pg_temp.pick(6));
    END IF;
    PERFORM pg_temp.see('removed') WHERE removed > 0;
    CREATE TEMP TABLE after_it AS SELECT * FROM pg_temp.stats(c);
    RETURN pg_temp.difference('SELECT * FROM before_it', 'SELECT * FROM after_it');
END;
$$;
CREATE FUNCTION pg_temp.run(number integer, calls integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid;
    what text;
BEGIN
    PERFORM pg_temp.start(number);
    c := campaign FROM history;
    FOR n IN 1..calls LOOP
        PERFORM pg_temp.call(c);
        IF n > calls / 4 AND pg_temp.pick(5) = 0 THEN
            what := 'removing changed: ' || pg_temp.maintain(c);
            DROP TABLE before_it, after_it;
            INSERT INTO wrong SELECT n, what WHERE what IS NOT NULL;
        END IF;
        IF n % 10 = 0 THEN
            what := 'the model differs: ' || pg_temp.difference(format('SELECT * FROM pg_temp.stats(%L) WHERE what <> ''campaign''', c), 'SELECT * FROM pg_temp.model()');
            INSERT INTO wrong SELECT n, what WHERE what IS NOT NULL;
            INSERT INTO wrong SELECT n, format('sums differ: %s', to_jsonb(x))
            FROM (SELECT sum(sent) AS sent, sum(delivered) AS delivered, sum(bounced) AS bounced, sum(replied) AS replied, sum(unsubscribed) AS unsubscribed, min(least(sent, delivered, opened, clicked, replied, bounced, complained, unsubscribed)) AS least FROM lt_step_stats(c)) x,
                lt_campaign_stats(c) s
            WHERE (s.sent, s.delivered, s.bounced, s.replied, s.unsubscribed) IS DISTINCT FROM (coalesce(x.sent, 0)::bigint, coalesce(x.delivered, 0)::bigint, coalesce(x.bounced, 0)::bigint, coalesce(x.replied, 0)::bigint, coalesce(x.unsubscribed, 0)::bigint) OR x.least < 0;
        END IF;
        EXIT WHEN EXISTS (SELECT FROM wrong);
    END LOOP;
    -- In the end all is gone but what may come back.
    PERFORM pg_temp.note(c);
    FOR n IN 1..60 LOOP
        UPDATE history SET now = now + interval '49 hours';
        PERFORM set_config('leadterra.now', now::text, true) FROM history;
        PERFORM lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100, '1 minute', c)) l;
        EXIT WHEN NOT EXISTS (SELECT FROM leadterra.waiting w WHERE w.campaign_id = c);
    END LOOP;
    PERFORM pg_temp.note(c);
    CREATE TEMP TABLE before_it AS SELECT * FROM pg_temp.stats(c);
    FOR n IN 1..100 LOOP
        EXIT WHEN lt_maintain('0') = 0;
    END LOOP;
    what := 'removing all changed: ' || pg_temp.difference('SELECT * FROM before_it', format('SELECT * FROM pg_temp.stats(%L)', c));
    INSERT INTO wrong SELECT -1, what WHERE what IS NOT NULL;
    DROP TABLE before_it;
    INSERT INTO seen AS s SELECT k, count(*) FROM (
        SELECT CASE WHEN variant <> 0 THEN 'totals of a variant' END AS k FROM leadterra.totals WHERE campaign_id = c
        UNION ALL SELECT CASE WHEN sender_id <> leadterra.nobody() THEN 'totals of a sender' END FROM leadterra.totals WHERE campaign_id = c
        UNION ALL SELECT CASE WHEN delivered < 0 OR bounced < 0 OR opened < 0 THEN 'totals less than 0' END FROM leadterra.totals WHERE campaign_id = c
        UNION ALL SELECT 'a batch goes' WHERE EXISTS (SELECT FROM claimed x WHERE NOT EXISTS (SELECT FROM leadterra.batches b WHERE x.message_id BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000)))) k (k)
    WHERE k IS NOT NULL GROUP BY k ON CONFLICT (thing) DO UPDATE SET times = s.times + excluded.times;
    PERFORM lt_pause_campaign(c);
END;
$$;

SELECT count(pg_temp.run(n, 80)) FROM generate_series(1, :histories) n WHERE NOT EXISTS (SELECT FROM wrong);
SELECT diag(string_agg(format('%s: %s', thing, times), ', ' ORDER BY thing)) FROM seen;
SELECT is((SELECT string_agg(format('%s %s', number, what), E'\n') FROM wrong), NULL, 'statistics are what the model counts, before and after something is removed');
SELECT ok(EXISTS (SELECT FROM seen WHERE thing = w), w)
FROM unnest('{removed, a batch goes, totals of a variant, totals of a sender, totals less than 0, event without a lease}'::text[]) w;

SELECT * FROM finish();
ROLLBACK;
