-- message: a random sequence of calls does what a simple model of messages does.
--
-- The model has one row a message.  After each call the states of all messages,
-- the enrollments and the counts are compared.
--
-- It commits as it goes, for dead rows of one long transaction would make it slow,
-- and takes away what it made at the end.
SET client_min_messages = warning;
-- The model's own operators, thousands of times; other tests have the callers'.
SET search_path = public;
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b17';
SELECT plan(3);

-- The clock is the test's own, and each call happens at a time of its own.
CREATE TEMP TABLE clock AS SELECT timestamptz '2030-01-01 00:00+00' AS now;
CREATE TEMP TABLE campaigns (campaign uuid, name text, status text, started_at timestamptz);
CREATE TEMP TABLE leads (email text PRIMARY KEY, lead_id uuid);
CREATE TEMP TABLE suppressed (email text PRIMARY KEY);
CREATE TEMP TABLE invalid (email text PRIMARY KEY);
CREATE TEMP TABLE enrolled (campaign uuid, lead_id uuid, email text, status text, PRIMARY KEY (campaign, lead_id));
CREATE TEMP TABLE soft_bounces (lead_id uuid PRIMARY KEY, bounced_at timestamptz[]);
-- Those of a lease were lost equally often, and lost_at is the last of these times.
CREATE TEMP TABLE leases (lease uuid PRIMARY KEY, campaign uuid, expires_at timestamptz, state text, lost_at timestamptz, completed_at timestamptz);
-- first_since is that of the batch, place where it stands in the queue among those of
-- the same time, number where in its lease.
CREATE TEMP TABLE messages (
    campaign uuid, lead_id uuid, email text, step integer, state text, attempt integer, reason text,
    since timestamptz, first_since timestamptz, place bigint, lease uuid, number bigint,
    tried_at timestamptz, losses integer DEFAULT 0, lost_at timestamptz, bounced boolean DEFAULT false,
    PRIMARY KEY (campaign, lead_id, step));
CREATE TEMP SEQUENCE places;
CREATE TEMP TABLE calls (number integer, call text, answer text);
CREATE TEMP TABLE difference (number integer, what text);
CREATE TEMP TABLE seen (what text PRIMARY KEY);

CREATE FUNCTION pg_temp.pick(n integer) RETURNS integer LANGUAGE sql AS $$ SELECT floor(random() * n)::integer $$;
CREATE FUNCTION pg_temp.delay(step integer) RETURNS interval LANGUAGE sql AS $$ SELECT (step - 1) * interval '48 hours' $$;
CREATE FUNCTION pg_temp.some_emails() RETURNS text[] LANGUAGE sql AS $$
    SELECT array_agg(e ORDER BY random()) FROM (SELECT format('m%s@example.com', i) AS e FROM generate_series(1, 12) i ORDER BY random() LIMIT 1 + pg_temp.pick(5)) s
$$;

CREATE FUNCTION pg_temp.enqueue(c uuid, lead uuid, mail text, to_step integer, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO messages (campaign, lead_id, email, step, state, attempt, reason, since, first_since, place) VALUES (c, lead, mail, to_step, 'queued', 1, NULL, at, at, nextval('places'))
$$;

-- What becomes of a message that is not sent: failed (again, for good), deferred, given back, or lost.
CREATE FUNCTION pg_temp.give_back(m messages, fate text, error text, at timestamptz, again_at timestamptz DEFAULT NULL) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    l leases;
    due timestamptz := at;
    failure text;
BEGIN
    SELECT * INTO l FROM leases WHERE lease = m.lease;
    IF fate IN ('once', 'defer') THEN
        m.tried_at := coalesce(m.tried_at, at);
    END IF;
    IF fate NOT IN ('release', 'lose') THEN
        m.losses := 0;
    END IF;
    CASE fate
        WHEN 'for ever' THEN failure := error;
        WHEN 'once' THEN
            failure := CASE WHEN m.attempt = 5 THEN error END;
            due := at + interval '1 minute' * 4 ^ (m.attempt - 1);
            m.attempt := least(m.attempt + 1, 5);
        WHEN 'defer' THEN
            failure := CASE WHEN at >= m.tried_at + interval '5 days' THEN 'deferred for 5 days: ' || error END;
            due := least(again_at, m.tried_at + interval '5 days');
        WHEN 'release' THEN NULL;
        WHEN 'lose' THEN
            m.losses := m.losses + 1;
            m.lost_at := l.expires_at;
            IF m.losses = 6 AND EXISTS (SELECT FROM leases x WHERE x.completed_at >= l.lost_at) THEN
                failure := 'its workers died: its lease ran out again with nothing else in it';
            ELSIF m.losses = 6 THEN
                m.losses := 5;
                due := at + interval '1 hour';
            END IF;
    END CASE;
    UPDATE messages x SET
        state = CASE WHEN failure IS NOT NULL THEN 'failed' WHEN m.attempt = 1 AND m.tried_at IS NULL THEN 'queued' ELSE 'retry' END,
        attempt = m.attempt, reason = coalesce(failure, error), tried_at = m.tried_at, losses = m.losses, lost_at = m.lost_at,
        since = CASE WHEN m.attempt = 1 AND m.tried_at IS NULL AND due = at THEN m.first_since ELSE due - pg_temp.delay(m.step) END,
        place = nextval('places'), lease = NULL
    WHERE x.campaign = m.campaign AND x.lead_id = m.lead_id AND x.step = m.step;
END;
$$;

-- Queues messages again that ended, in the order of leads; returns the leads.
CREATE FUNCTION pg_temp.requeue(c uuid, leads uuid[], why text) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    lead uuid;
    again uuid[] := '{}';
BEGIN
    FOR lead IN SELECT unnest(leads) ORDER BY 1 LOOP
        UPDATE messages SET state = 'queued', attempt = 1, reason = NULL, since = first_since, place = nextval('places'), lease = NULL, tried_at = NULL, losses = 0, lost_at = NULL
        WHERE campaign = c AND lead_id = lead AND state IN ('failed', 'skipped') AND (why IS NULL OR reason = why);
        IF FOUND THEN
            again := again || lead;
        END IF;
    END LOOP;
    RETURN again;
END;
$$;

-- Closes a lease: the next step for what was sent in it.
CREATE FUNCTION pg_temp.close_lease(l uuid, to_state text, at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    m messages;
BEGIN
    UPDATE leases SET state = to_state,
        completed_at = CASE WHEN to_state = 'closed' AND EXISTS (SELECT FROM messages q WHERE q.lease = l AND q.state = 'sent') THEN at END
    WHERE lease = l;
    FOR m IN SELECT * FROM messages WHERE lease = l AND state = 'leased' ORDER BY number LOOP
        PERFORM pg_temp.give_back(m, 'lose', 'lease expired', at);
    END LOOP;
    FOR m IN SELECT * FROM messages WHERE lease = l AND state = 'sent' AND step < 3 ORDER BY step, number LOOP
        PERFORM pg_temp.enqueue(m.campaign, m.lead_id, m.email, m.step + 1, at);
    END LOOP;
END;
$$;

CREATE FUNCTION pg_temp.upsert(c uuid, emails text[], at timestamptz) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    answer text := lt_bulk_upsert(c, (SELECT jsonb_agg(jsonb_build_object('email', e) ORDER BY n) FROM unnest(emails) WITH ORDINALITY u (e, n)))::text;
    mail text;
    lead uuid;
    old text;
    back uuid[];
BEGIN
    FOREACH mail IN ARRAY emails LOOP
        CONTINUE WHEN mail IN (SELECT s.email FROM suppressed s);
        INSERT INTO leads SELECT l.email, l.lead_id FROM lt_leads l WHERE l.email = mail ON CONFLICT DO NOTHING;
        SELECT l.lead_id INTO lead FROM leads l WHERE l.email = mail;
        SELECT e.status INTO old FROM enrolled e WHERE e.campaign = c AND e.lead_id = lead;
        IF old IS NULL THEN
            INSERT INTO enrolled VALUES (c, lead, mail, 'active');
            PERFORM pg_temp.enqueue(c, lead, mail, 1, at);
        ELSIF old = 'removed' THEN
            UPDATE enrolled SET status = 'active' WHERE campaign = c AND lead_id = lead;
            back := back || lead;
        END IF;
    END LOOP;
    PERFORM pg_temp.requeue(c, back, 'removed');
    RETURN answer;
END;
$$;

-- What a claim of a campaign takes, in order: until enough is handed out.
CREATE FUNCTION pg_temp.claim(most integer, c uuid, at timestamptz) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    l uuid;
    from_campaign uuid;
    answer text;
    expected text;
    m record;
    why text;
    handed integer := 0;
    level messages;
BEGIN
    FOR l IN SELECT lease FROM leases WHERE state = 'open' AND expires_at <= at ORDER BY expires_at LOOP
        PERFORM pg_temp.close_lease(l, 'lost', at);
    END LOOP;
    CREATE TEMP TABLE IF NOT EXISTS claimed (place bigserial, lease uuid, campaign uuid, lead_id uuid, step integer, attempt integer);
    TRUNCATE claimed RESTART IDENTITY;
    INSERT INTO claimed (lease, campaign, lead_id, step, attempt)
    SELECT lease_id, campaign_id, lead_id, step, attempt FROM lt_claim_messages(most, '10 minutes', c);
    SELECT string_agg(format('%s/%s/%s', lead_id, step, attempt), ' ' ORDER BY place), min(lease::text)::uuid, min(campaign::text)::uuid
    INTO answer, l, from_campaign FROM claimed;

    -- Campaigns from which nothing can be handed out are gone through first.
    FOR m IN
        SELECT x.campaign, count(*) FILTER (WHERE x.ok) AS ok FROM (
            SELECT q.campaign, e.status = 'active' AND s.email IS NULL AND q.email NOT IN (SELECT i.email FROM invalid i) AS ok
            FROM messages q JOIN campaigns k USING (campaign)
            LEFT JOIN enrolled e ON e.campaign = q.campaign AND e.lead_id = q.lead_id
            LEFT JOIN suppressed s ON s.email = q.email
            WHERE q.state IN ('queued', 'retry') AND k.status = 'running' AND greatest(q.since, k.started_at) + pg_temp.delay(q.step) <= at) x
        GROUP BY x.campaign
    LOOP
        IF from_campaign IS NULL AND m.ok > 0 AND (c IS NULL OR c = m.campaign) THEN
            RETURN 'nothing was handed out though something is due';
        END IF;
    END LOOP;
    FOR m IN
        SELECT q.*, k.started_at, e.status, s.email IS NOT NULL AS is_suppressed, q.email IN (SELECT i.email FROM invalid i) AS is_invalid
        FROM messages q JOIN campaigns k USING (campaign)
        LEFT JOIN enrolled e ON e.campaign = q.campaign AND e.lead_id = q.lead_id
        LEFT JOIN suppressed s ON s.email = q.email
        WHERE q.state IN ('queued', 'retry') AND k.status = 'running' AND greatest(q.since, k.started_at) + pg_temp.delay(q.step) <= at
          AND (q.campaign = from_campaign OR c IS NULL AND pg_temp.was_passed(q.campaign, from_campaign) OR from_campaign IS NULL AND q.campaign = c)
        ORDER BY q.campaign = from_campaign, q.campaign, greatest(q.since, k.started_at) + pg_temp.delay(q.step), q.step, q.since, q.place
    LOOP
        -- A lease has what was lost equally often, and less of it if that was more than once.
        IF (level.campaign, level.losses) IS DISTINCT FROM (m.campaign, m.losses) THEN
            EXIT WHEN handed > 0;
            level.campaign := m.campaign;
            level.losses := m.losses;
            level.lost_at := NULL;
        END IF;
        EXIT WHEN handed = CASE WHEN m.losses < 2 THEN most WHEN m.losses = 2 THEN least(most, 100) WHEN m.losses = 3 THEN least(most, 10) ELSE 1 END;
        level.lost_at := greatest(level.lost_at, m.lost_at);
        why := CASE WHEN m.status IS NULL THEN 'deleted' WHEN m.status <> 'active' THEN m.status WHEN m.is_invalid THEN 'invalid_email' WHEN m.is_suppressed THEN 'suppressed' END;
        UPDATE messages x SET state = CASE WHEN why IS NULL THEN 'leased' ELSE 'skipped' END, reason = why,
            lease = CASE WHEN why IS NULL THEN l END, number = handed
        WHERE x.campaign = m.campaign AND x.lead_id = m.lead_id AND x.step = m.step;
        IF why IS NULL THEN
            handed := handed + 1;
            expected := concat_ws(' ', expected, format('%s/%s/%s', m.lead_id, m.step, m.attempt));
        END IF;
    END LOOP;
    IF handed > 0 THEN
        INSERT INTO leases VALUES (l, from_campaign, at + interval '10 minutes', 'open', level.lost_at);
    END IF;
    IF answer IS DISTINCT FROM expected THEN
        RETURN format('claimed %s instead of %s', answer, expected);
    END IF;
    RETURN format('%s of %s', handed, most);
END;
$$;

-- Whether a claim has gone through a campaign before it came to another: all that
-- is due in it is skipped now.
CREATE FUNCTION pg_temp.was_passed(c uuid, other uuid) RETURNS boolean LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT c IS DISTINCT FROM other AND NOT EXISTS (
        SELECT FROM messages q JOIN enrolled e ON e.campaign = q.campaign AND e.lead_id = q.lead_id
        JOIN campaigns k ON k.campaign = q.campaign
        JOIN lt_messages v ON v.campaign_id = q.campaign AND v.lead_id = q.lead_id AND v.step = q.step
        WHERE q.campaign = c AND q.state IN ('queued', 'retry') AND v.settled_at IS NULL
          AND greatest(q.since, k.started_at) + pg_temp.delay(q.step) <= (SELECT now FROM clock))
$$;

-- Ends the sequence of the lead of a message, unless it has ended for a stronger reason;
-- returns whether that, or the suppression of its address, is new.
CREATE FUNCTION pg_temp.end_sequence(m messages, to_status text, suppresses boolean) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    is_new boolean;
BEGIN
    UPDATE enrolled e SET status = to_status WHERE e.campaign = m.campaign AND e.lead_id = m.lead_id
        AND array_position('{active,removed,replied,bounced,unsubscribed}', e.status) < array_position('{active,removed,replied,bounced,unsubscribed}', to_status);
    is_new := FOUND;
    INSERT INTO suppressed SELECT m.email WHERE suppresses AND EXISTS (SELECT FROM leads WHERE lead_id = m.lead_id) ON CONFLICT DO NOTHING;
    is_new := is_new OR FOUND;
    UPDATE messages x SET bounced = true WHERE to_status IN ('bounced', 'soft') AND x.campaign = m.campaign AND x.lead_id = m.lead_id AND x.step = m.step;
    RETURN is_new;
END;
$$;

-- Makes one random call, and does the same to the model.
CREATE FUNCTION pg_temp.call(number integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    at timestamptz;
    c campaigns;
    l leases;
    m messages;
    emails text[] := pg_temp.some_emails();
    ids uuid[];
    kind integer := pg_temp.pick(100);
    what text;
    answer text;
    expected text;
    word text;
    waits interval;
    deadly boolean := false;
    n integer;
BEGIN
    -- Now and then workers die again and again, and few of them complete anything.
    IF number % 150 BETWEEN 60 AND 90 THEN
        kind := CASE pg_temp.pick(5) WHEN 0 THEN 50 ELSE 24 END;
        deadly := kind = 24;
    END IF;
    UPDATE clock SET now = now + CASE WHEN deadly THEN interval '11 minutes' ELSE CASE pg_temp.pick(8) WHEN 0 THEN interval '7 minutes' WHEN 1 THEN interval '90 minutes' WHEN 2 THEN interval '49 hours' * pg_temp.pick(2) ELSE interval '0' END END
        + interval '1 second'
    RETURNING now INTO at;
    PERFORM set_config('leadterra.now', at::text, false);
    SELECT * INTO c FROM campaigns ORDER BY random() LIMIT 1;
    SELECT * INTO l FROM leases ORDER BY state = 'open' DESC, random() LIMIT 1;

    IF kind < 15 THEN
        what := format('upsert %s %s', c.name, emails);
        answer := pg_temp.upsert(c.campaign, emails, at);
    ELSIF kind < 21 THEN
        what := 'start ' || c.name;
        IF c.status <> 'running' AND NOT EXISTS (SELECT FROM enrolled WHERE campaign = c.campaign AND status <> 'removed') THEN
            expected := 'PT400';
        ELSE
            UPDATE campaigns SET status = 'running', started_at = coalesce(started_at, at) WHERE campaign = c.campaign;
            expected := 'running';
        END IF;
        BEGIN
            answer := (lt_start_campaign(c.campaign)).status;
        EXCEPTION WHEN SQLSTATE 'PT400' THEN answer := 'PT400';
        END;
    ELSIF kind < 24 THEN
        what := 'pause ' || c.name;
        UPDATE campaigns SET status = 'paused' WHERE campaign = c.campaign AND status = 'running';
        answer := (lt_pause_campaign(c.campaign)).status;
        SELECT status INTO expected FROM campaigns WHERE campaign = c.campaign;
    ELSIF kind < 50 THEN
        what := 'claim';
        answer := pg_temp.claim(1 + pg_temp.pick(6), CASE pg_temp.pick(3) WHEN 0 THEN c.campaign END, at);
        IF answer !~ '^\d+ of' THEN
            expected := 'what is due';
        END IF;
    ELSIF kind < 73 AND l.lease IS NOT NULL THEN
        -- Settled are messages of the lease, some of them twice or before.
        SELECT array_agg(leadterra.message_id(v.batch_id, v."position")) INTO ids
        FROM (SELECT * FROM messages q WHERE q.lease = l.lease AND q.state IN ('leased', 'sent') ORDER BY random() LIMIT 1 + pg_temp.pick(6)) q
        JOIN leadterra.messages v ON v.campaign_id = q.campaign AND v.lead_id = q.lead_id AND v.step = q.step;
        ids := coalesce(ids || ids[1:1], '{}');
        word := (ARRAY['once', 'once', 'for ever', 'defer', 'defer', 'defer', 'release', 'bounce', 'refuse'])[1 + pg_temp.pick(9)];
        -- Few get to the end of five days.
        IF pg_temp.pick(2) = 0 AND EXISTS (SELECT FROM messages q WHERE q.lease = l.lease AND q.state = 'leased' AND q.tried_at < at - interval '5 days') THEN
            word := 'defer';
        ELSIF kind < 62 THEN
            word := 'complete';
            IF pg_temp.pick(2) = 0 THEN
                ids := NULL;
            END IF;
        ELSIF word = 'release' THEN
            ids := NULL;
        END IF;
        waits := (ARRAY['1 hour', '5 days'])[1 + pg_temp.pick(2)]::interval;
        what := format('%s %s %s', word, l.lease, ids);
        BEGIN
            answer := CASE word WHEN 'complete' THEN lt_complete_messages(l.lease, ids) WHEN 'release' THEN lt_release_lease(l.lease)
                WHEN 'defer' THEN lt_defer_messages(l.lease, ids, waits, 'later') WHEN 'bounce' THEN lt_bounce_messages(l.lease, ids, '550 5.1.1 no')
                WHEN 'refuse' THEN lt_fail_messages(l.lease, ids, '550 5.1.1 no', true) ELSE lt_fail_messages(l.lease, ids, 'no', word = 'for ever') END::text;
        EXCEPTION WHEN SQLSTATE 'PT409' THEN answer := 'PT409';
        END;
        IF l.state = 'lost' OR l.state = 'open' AND l.expires_at <= at THEN
            expected := 'PT409';
        ELSIF l.state = 'closed' THEN
            expected := '0';
        ELSE
            n := 0;
            FOR m IN
                SELECT q.* FROM messages q
                JOIN leadterra.batches b ON b.campaign_id = q.campaign AND b.step = q.step AND q.lead_id = ANY (b.lead_ids)
                WHERE q.lease = l.lease AND q.state = 'leased'
                  AND (ids IS NULL OR leadterra.message_id(b.batch_id, array_position(b.lead_ids, q.lead_id)) = ANY (ids))
                ORDER BY q.number
            LOOP
                n := n + 1;
                IF word = 'complete' THEN
                    UPDATE messages SET state = 'sent' WHERE campaign = m.campaign AND lead_id = m.lead_id AND step = m.step;
                ELSIF word IN ('bounce', 'refuse') THEN
                    PERFORM pg_temp.give_back(m, 'for ever', '550 5.1.1 no', at), pg_temp.end_sequence(m, 'bounced', true);
                ELSE
                    PERFORM pg_temp.give_back(m, word, CASE word WHEN 'defer' THEN 'later' WHEN 'release' THEN NULL ELSE 'no' END, at, at + waits);
                END IF;
            END LOOP;
            expected := n::text;
            IF NOT EXISTS (SELECT FROM messages WHERE lease = l.lease AND state = 'leased') THEN
                PERFORM pg_temp.close_lease(l.lease, 'closed', at);
            END IF;
        END IF;
    ELSIF kind < 74 THEN
        word := CASE pg_temp.pick(3) WHEN 0 THEN 'invalid' ELSE 'valid' END;
        what := format('verify %s %s', word, emails[1]);
        answer := lt_set_verification(ARRAY(SELECT lead_id FROM lt_leads WHERE email = emails[1]), ARRAY(SELECT CASE word WHEN 'invalid' THEN -1 ELSE 1 END FROM lt_leads WHERE email = emails[1]));
        DELETE FROM invalid WHERE email = emails[1];
        INSERT INTO invalid SELECT email FROM leads WHERE word = 'invalid' AND email = emails[1];
    ELSIF kind < 75 THEN
        what := format('suppress %s', emails[1]);
        INSERT INTO suppressed VALUES (emails[1]) ON CONFLICT DO NOTHING;
        answer := lt_suppress(emails[1:1])::text;
    ELSIF kind < 79 THEN
        what := format('unsuppress %s', emails);
        DELETE FROM suppressed WHERE email = ANY (emails);
        answer := lt_unsuppress(emails);
    ELSIF kind < 87 THEN
        SELECT * INTO m FROM messages WHERE state IN ('sent', 'leased') ORDER BY random() LIMIT 1;
        word := (ARRAY['replied', 'replied', 'bounced', 'bounced', 'bounced', 'unsubscribed', 'complained', 'soft', 'soft', 'delivered'])[1 + pg_temp.pick(10)];
        what := format('event %s %s %s', word, m.email, m.step);
        BEGIN
            SELECT lt_record_event(leadterra.message_id(v.batch_id, v."position"), CASE word WHEN 'soft' THEN 'bounced' ELSE word END,
                CASE word WHEN 'bounced' THEN '{"bounceType": "hard"}' WHEN 'soft' THEN '{"bounceType": "soft"}' ELSE '{}' END::jsonb)::text INTO answer
            FROM leadterra.messages v WHERE v.campaign_id = m.campaign AND v.lead_id = m.lead_id AND v.step = m.step;
        EXCEPTION WHEN SQLSTATE 'PT404' THEN answer := 'PT404';
        END;
        -- An address that is gone cannot be suppressed; one that is there is as often as it is said.
        expected := CASE WHEN word IN ('bounced', 'unsubscribed', 'complained') AND answer IS NOT NULL AND NOT EXISTS (SELECT FROM leads WHERE lead_id = m.lead_id) THEN 'PT404' ELSE nullif(answer, 'PT404') END;
        IF answer = 'PT404' AND expected IS NULL THEN
            expected := 'an event';
        END IF;
        IF answer = 'true' OR answer = 'false' AND word IN ('bounced', 'unsubscribed', 'complained') THEN
            IF pg_temp.end_sequence(m, CASE word WHEN 'complained' THEN 'unsubscribed' ELSE word END, word IN ('bounced', 'unsubscribed', 'complained')) THEN
                expected := 'true';
            END IF;
        END IF;
        IF answer = 'true' THEN
            IF word IN ('delivered', 'replied') THEN
                DELETE FROM soft_bounces WHERE lead_id = m.lead_id;
            ELSIF word = 'soft' AND EXISTS (SELECT FROM leads WHERE lead_id = m.lead_id) THEN
                INSERT INTO soft_bounces AS b VALUES (m.lead_id, ARRAY[at])
                ON CONFLICT (lead_id) DO UPDATE SET bounced_at = ARRAY(SELECT t FROM unnest(b.bounced_at) t WHERE t > at - interval '30 days') || at;
                WITH over AS (DELETE FROM soft_bounces WHERE lead_id = m.lead_id AND cardinality(bounced_at) >= 2 RETURNING 1)
                INSERT INTO suppressed SELECT m.email FROM over ON CONFLICT DO NOTHING;
            END IF;
        END IF;
    ELSIF kind < 90 THEN
        what := format('remove %s %s', c.name, emails);
        answer := lt_remove_leads(c.campaign, emails);
        WITH changed AS (UPDATE enrolled SET status = 'removed' WHERE campaign = c.campaign AND email = ANY (emails) AND status = 'active' RETURNING 1)
        SELECT count(*)::text INTO expected FROM changed;
    ELSIF kind < 92 THEN
        what := format('delete %s', emails[1]);
        answer := lt_delete_leads(emails[1:1]);
        DELETE FROM enrolled WHERE lead_id IN (SELECT lead_id FROM leads WHERE email = emails[1]);
        DELETE FROM soft_bounces WHERE lead_id IN (SELECT lead_id FROM leads WHERE email = emails[1]);
        DELETE FROM leads WHERE email = emails[1];
        DELETE FROM invalid WHERE email = emails[1];
    ELSE
        what := format('restart %s %s', c.name, emails);
        answer := lt_restart_leads(c.campaign, emails);
        ids := pg_temp.requeue(c.campaign, (SELECT array_agg(lead_id) FROM enrolled WHERE campaign = c.campaign AND email = ANY (emails) AND status <> 'removed'), NULL);
        WITH active AS (
            UPDATE enrolled SET status = 'active'
            WHERE campaign = c.campaign AND email = ANY (emails) AND status NOT IN ('active', 'removed')
            RETURNING lead_id
        )
        SELECT count(*)::text INTO expected FROM (SELECT unnest(ids) UNION SELECT lead_id FROM active) x;
    END IF;
    INSERT INTO calls VALUES (number, what, answer);
    IF expected IS DISTINCT FROM answer AND expected IS NOT NULL THEN
        INSERT INTO difference VALUES (number, format('%s: %s instead of %s', what, answer, expected));
    END IF;
END;
$$;

-- What waits and will be skipped when a worker comes to it; what has no lead any more is not.
CREATE FUNCTION pg_temp.is_held_back(q messages, status text) RETURNS boolean LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT q.state IN ('queued', 'retry') AND status IS NOT NULL AND (status <> 'active' OR q.email IN (SELECT i.email FROM invalid i))
$$;

-- What the model says, and what the views say.
CREATE VIEW pg_temp.model AS
SELECT 'message' AS kind, q.campaign, q.email, q.step::text AS a,
    CASE WHEN pg_temp.is_held_back(q, e.status) THEN 'skipped' ELSE q.state END AS b,
    q.attempt::text AS c,
    CASE WHEN pg_temp.is_held_back(q, e.status) THEN coalesce(nullif(e.status, 'active'), 'invalid_email') ELSE q.reason END AS d,
    CASE WHEN q.state IN ('queued', 'retry') THEN greatest(q.since, k.started_at) + pg_temp.delay(q.step) END::text AS e
FROM messages q JOIN enrolled e USING (campaign, lead_id) JOIN campaigns k USING (campaign)
WHERE k.status <> 'draft'
UNION ALL
SELECT 'enrollment', e.campaign, e.email, e.status, q.step::text, NULL, NULL, NULL
FROM enrolled e JOIN campaigns k USING (campaign)
LEFT JOIN messages q ON q.campaign = e.campaign AND q.lead_id = e.lead_id AND q.state IN ('queued', 'retry', 'leased') AND e.status = 'active' AND k.status <> 'draft'
    AND e.email NOT IN (SELECT i.email FROM invalid i)
UNION ALL
SELECT 'campaign', k.campaign, k.name, k.status,
    (SELECT count(*) FROM enrolled e WHERE e.campaign = k.campaign AND e.status <> 'removed')::text,
    (SELECT count(*) FROM messages q JOIN enrolled e USING (campaign, lead_id) WHERE q.campaign = k.campaign AND q.state IN ('queued', 'retry') AND NOT pg_temp.is_held_back(q, e.status) AND k.status <> 'draft')::text,
    (SELECT concat_ws(' ', count(*) FILTER (WHERE q.state = 'sent'), count(*) FILTER (WHERE q.state = 'skipped' AND q.reason <> 'deleted' OR k.status <> 'draft' AND pg_temp.is_held_back(q, (SELECT e.status FROM enrolled e WHERE e.campaign = q.campaign AND e.lead_id = q.lead_id))), count(*) FILTER (WHERE q.state = 'failed'), count(*) FILTER (WHERE q.bounced))
     FROM messages q WHERE q.campaign = k.campaign),
    NULL
FROM campaigns k;

CREATE VIEW pg_temp.engine AS
SELECT 'message' AS kind, campaign_id, email, step::text, state, attempt::text, reason, CASE WHEN state IN ('queued', 'retry') OR settled_at IS NULL AND state = 'skipped' THEN due_at END::text
FROM lt_messages
UNION ALL
SELECT 'enrollment', campaign_id, email, status, next_step::text, NULL, NULL, NULL FROM lt_enrollments
UNION ALL
SELECT 'campaign', c.campaign_id, c.name, c.status, c.leads_enrolled::text, c.queued_messages::text, concat_ws(' ', s.sent, s.skipped, s.failed, s.bounced), NULL
FROM lt_campaigns c CROSS JOIN LATERAL lt_campaign_stats(c.campaign_id) s;

-- Goes through the pages of a call, some rows at a time, and returns the ids on them;
-- the call has %s for where a page begins.
CREATE FUNCTION pg_temp.pages(call text, key text) RETURNS text[] LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ids text[] := '{}';
    after text;
    page text[];
    last text;
BEGIN
    LOOP
        EXECUTE format('SELECT array_agg(%s::text ORDER BY n) FILTER (WHERE %1$s IS NOT NULL), (array_agg(next_after::text ORDER BY n DESC))[1] FROM %s WITH ORDINALITY x ('
            || CASE key WHEN 'lead_id' THEN 'lead_id, email, first_name, last_name, company, status, enrolled_at, next_after, n)'
                ELSE 'message_id, campaign_id, step, lead_id, email, due_at, state, reason, attempt, lease_id, settled_at, next_after, n)' END,
            key, format(call, coalesce(quote_literal(after), 'NULL'))) INTO page, last;
        EXIT WHEN last IS NULL;
        ids := ids || page;
        after := last;
    END LOOP;
    RETURN ids;
END;
$$;

-- What calls that show one thing, or a page, say otherwise than the views.
CREATE FUNCTION pg_temp.contradictions() RETURNS SETOF text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c lt_campaigns;
    word text;
    found text[];
    wanted text[];
BEGIN
    FOR c IN SELECT * FROM lt_campaigns LOOP
        FOREACH word IN ARRAY '{queued,retry,leased,sent,failed,skipped,NULL}'::text[] LOOP
            found := pg_temp.pages(format('lt_campaign_messages(%L, %L, %%s, 2)', c.campaign_id, word), 'message_id');
            wanted := ARRAY(SELECT leadterra.message_id(m.batch_id, m."position")::text
                FROM leadterra.messages m JOIN lt_leads l USING (lead_id)
                WHERE m.campaign_id = c.campaign_id AND m.campaign_status <> 'draft' AND (word IS NULL OR m.state = word));
            IF ARRAY(SELECT unnest(found) ORDER BY 1) IS DISTINCT FROM ARRAY(SELECT unnest(wanted) ORDER BY 1) THEN
                RETURN NEXT format('pages of %L messages of %s: %s too many, %s too few, %s', word, c.name,
                    ARRAY(SELECT unnest(found) EXCEPT ALL SELECT unnest(wanted)), ARRAY(SELECT unnest(wanted) EXCEPT ALL SELECT unnest(found)),
                    (SELECT string_agg(m::text, ' ') FROM leadterra.messages m
                     WHERE leadterra.message_id(m.batch_id, m."position")::text IN (SELECT unnest(wanted) EXCEPT ALL SELECT unnest(found))));
            END IF;
        END LOOP;
        FOREACH word IN ARRAY '{active,replied,bounced,unsubscribed,removed,NULL}'::text[] LOOP
            found := pg_temp.pages(format('lt_campaign_leads(%L, %L, %%s, 2)', c.campaign_id, word), 'lead_id');
            wanted := ARRAY(SELECT e.lead_id::text FROM lt_enrollments e WHERE e.campaign_id = c.campaign_id AND (word IS NULL OR e.status = word) ORDER BY e.lead_id);
            IF found IS DISTINCT FROM wanted THEN
                RETURN NEXT format('pages of %L leads of %s: %s, not %s', word, c.name, found, wanted);
            END IF;
        END LOOP;
        -- The counts, of leads that are there, say what the list of messages does.
        RETURN QUERY
        SELECT format('%s: %s for lt_campaigns, %s for lt_campaign_stats and %s for lt_messages', c.name, c.queued_messages, s, m)
        FROM lt_campaign_stats(c.campaign_id) s, (
            SELECT count(*) FILTER (WHERE m.state IN ('queued', 'retry')) AS queued, count(*) FILTER (WHERE m.state = 'skipped') AS skipped,
                count(*) FILTER (WHERE m.state = 'failed') AS failed, count(*) FILTER (WHERE m.state = 'sent') AS sent
            FROM lt_messages m WHERE m.campaign_id = c.campaign_id
        ) m, (
            SELECT count(*) FILTER (WHERE m.state = 'skipped') AS skipped, count(*) FILTER (WHERE m.state = 'failed') AS failed, count(*) FILTER (WHERE m.state = 'sent') AS sent
            FROM leadterra.messages m WHERE m.campaign_id = c.campaign_id AND NOT EXISTS (SELECT FROM lt_leads l WHERE l.lead_id = m.lead_id)
        ) d
        WHERE (c.queued_messages, s.queued, s.skipped, s.failed, s.sent) IS DISTINCT FROM (m.queued, m.queued, m.skipped + d.skipped, m.failed + d.failed, m.sent + d.sent);
        -- Statistics of steps and days are those of the campaign, told apart.
        RETURN QUERY
        SELECT format('%s: %s for lt_campaign_stats, %s for lt_step_stats and %s for lt_daily_stats', c.name, s, x, d)
        FROM lt_campaign_stats(c.campaign_id) s, (
            SELECT coalesce(sum(sent), 0) AS sent, coalesce(sum(delivered), 0) AS delivered, coalesce(sum(replied), 0) AS replied, coalesce(sum(bounced), 0) AS bounced, coalesce(sum(unsubscribed), 0) AS unsubscribed FROM lt_step_stats(c.campaign_id)
        ) x, (
            SELECT coalesce(sum(sent), 0) AS sent, coalesce(sum(delivered), 0) AS delivered, coalesce(sum(replied), 0) AS replied, coalesce(sum(bounced), 0) AS bounced, coalesce(sum(unsubscribed), 0) AS unsubscribed, coalesce(sum(failed), 0) AS failed FROM lt_daily_stats(c.campaign_id)
        ) d
        WHERE (s.sent, s.delivered, s.replied, s.bounced, s.unsubscribed, s.failed)::text <> (x.sent, x.delivered, x.replied, x.bounced, x.unsubscribed, d.failed)::text
           OR (s.sent, s.delivered, s.replied, s.bounced, s.unsubscribed)::text <> (d.sent, d.delivered, d.replied, d.bounced, d.unsubscribed)::text;
        RETURN QUERY
        SELECT format('step %s of %s: %s sent for lt_step_stats, %s for the messages', step, c.name, x.sent, m.sent)
        FROM (SELECT x.step, x.sent FROM lt_step_stats(c.campaign_id) x WHERE x.sent > 0) x
        FULL JOIN (SELECT m.step::integer, count(*) AS sent FROM leadterra.messages m WHERE m.campaign_id = c.campaign_id AND m.state = 'sent' GROUP BY m.step) m USING (step)
        WHERE x.sent IS DISTINCT FROM m.sent;
        RETURN QUERY
        SELECT format('%s is %s for lt_messages, and %s for lt_get_message', m.message_id, m, g)
        FROM lt_messages m LEFT JOIN LATERAL lt_get_message(m.message_id) g ON true
        WHERE m.campaign_id = c.campaign_id
          AND (m.step, m.lead_id, m.state, m.reason, m.attempt, m.due_at, m.lease_id, m.settled_at)
              IS DISTINCT FROM (g.step, g.lead_id, g.state, g.reason, g.attempt, g.due_at, g.lease_id, g.settled_at);
        RETURN QUERY
        SELECT format('%s: %s for lt_messages, and %s for lt_explain_lead', l.email, m.row, x.row)
        FROM lt_enrollments l
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(' ', m.step, m.message_id, m.state, m.attempt, m.due_at, m.settled_at), ', ' ORDER BY m.step) AS row
            FROM lt_messages m WHERE m.campaign_id = c.campaign_id AND m.lead_id = l.lead_id
        ) m
        CROSS JOIN LATERAL (
            SELECT string_agg(concat_ws(' ', x.step, x.message_id, x.state, x.attempt, x.due_at, x.settled_at), ', ' ORDER BY x.step) AS row
            FROM lt_explain_lead(c.campaign_id, l.email) x WHERE x.state <> 'not_reached'
        ) x
        WHERE l.campaign_id = c.campaign_id AND c.status <> 'draft' AND m.row IS DISTINCT FROM x.row;
    END LOOP;
    RETURN QUERY
    SELECT format('%s: %s for lt_enrollments, and %s for lt_lead_campaigns', l.email, e.row, x.row)
    FROM lt_leads l
    CROSS JOIN LATERAL (
        SELECT string_agg(concat_ws(' ', e.campaign_id, e.status), ', ' ORDER BY e.campaign_id) AS row FROM lt_enrollments e WHERE e.lead_id = l.lead_id
    ) e
    CROSS JOIN LATERAL (
        SELECT string_agg(concat_ws(' ', x.campaign_id, x.status), ', ' ORDER BY x.campaign_id) AS row FROM lt_lead_campaigns(l.lead_id) x
    ) x
    WHERE e.row IS DISTINCT FROM x.row;
    RETURN QUERY
    SELECT format('lease %s: %s', l.lease_id, l)
    FROM lt_leases l
    WHERE (l.unsettled, l.sent) IS DISTINCT FROM (
        SELECT (count(*) FILTER (WHERE m.state = 'leased')::integer, count(*) FILTER (WHERE m.state = 'sent')::integer) FROM leadterra.messages m WHERE m.lease_id = l.lease_id);
END;
$$;

-- Begins anew, the model too.
CREATE FUNCTION pg_temp.start() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    TRUNCATE campaigns, leads, suppressed, invalid, enrolled, soft_bounces, leases, messages;
    DELETE FROM leadterra.campaigns WHERE workspace_id = lt_current_workspace();
    PERFORM lt_set_soft_bounce_limit(2);
    PERFORM lt_delete_leads(array_agg(email)), lt_unsuppress(array_agg(email)) FROM (SELECT format('m%s@example.com', i) AS email FROM generate_series(1, 12) i) e;
    INSERT INTO campaigns
    SELECT lt_create_campaign(n, '[{"subject": "{{email}}", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2", "delayDays": 2}, {"subject": "3", "bodyHtml": "3", "delayDays": 4}]'), n, 'draft', NULL
    FROM unnest('{one,two}'::text[]) n;
END;
$$;

-- Makes calls until there were enough, and messages came to every state.
CREATE PROCEDURE pg_temp.run(fewest integer, most integer) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..most LOOP
        PERFORM pg_temp.call(n);
        INSERT INTO difference
        SELECT n, min(side) || ': ' || row
        FROM (SELECT 'model' AS side, m::text AS row FROM pg_temp.model m UNION ALL SELECT 'engine', e::text FROM pg_temp.engine e) x
        GROUP BY row
        HAVING count(*) FILTER (WHERE side = 'model') <> count(*) FILTER (WHERE side = 'engine');
        IF n % 20 = 0 THEN
            INSERT INTO difference SELECT n, c FROM pg_temp.contradictions() c;
        END IF;
        INSERT INTO seen SELECT DISTINCT concat_ws(' ', state, reason) FROM messages ON CONFLICT DO NOTHING;
        EXIT WHEN EXISTS (SELECT FROM difference) OR n >= fewest AND NOT EXISTS (SELECT FROM pg_temp.unseen);
        -- In the end nobody is left who gets anything.
        IF n % 1000 = 0 THEN
            PERFORM pg_temp.start();
        END IF;
        -- Statistics of no rows, or of few, stand in for those of any moment.
        IF n % 500 = 20 THEN
            ANALYZE leadterra.batches, leadterra.waiting, leadterra.leases, leadterra.exceptions, leadterra.leads, leadterra.enrollments;
        END IF;
        COMMIT;
    END LOOP;
END;
$$;

-- States that messages have not come to yet.
CREATE VIEW pg_temp.unseen AS
SELECT e AS what
FROM unnest('{queued, queued lease expired, retry no, retry lease expired, retry later, leased, sent, failed no, failed 550 5.1.1 no, failed deferred for 5 days: later, failed its workers died: its lease ran out again with nothing else in it, skipped suppressed, skipped replied, skipped bounced, skipped unsubscribed, skipped removed, skipped deleted, skipped invalid_email}'::text[]) e
WHERE e NOT IN (SELECT s.what FROM seen s);

\ir ../random.sql
SELECT CASE WHEN :'long' THEN 2000 ELSE 400 END AS fewest \gset
SELECT pg_temp.start();
CALL pg_temp.run(:fewest, 4000);
SELECT cmp_ok((SELECT count(*) FROM calls), '>=', :fewest::bigint, 'as many calls');
SELECT is((SELECT string_agg(format('%s %s', number, what), E'\n' ORDER BY what) FROM difference), NULL,
    'nothing differs from the model' || coalesce((SELECT E'\n' || string_agg(format('# %s %s: %s', number, call, answer), E'\n' ORDER BY number) FROM calls WHERE EXISTS (SELECT FROM difference)
        AND number > (SELECT max(number) - 6 FROM calls)), ''));
SELECT is((SELECT string_agg(what, ', ') FROM pg_temp.unseen), NULL, 'messages came to every state');

SELECT * FROM finish();
RESET leadterra.now;
DELETE FROM leadterra.campaigns WHERE workspace_id = lt_current_workspace();
SELECT lt_delete_leads(array_agg(format('m%s@example.com', i))), lt_unsuppress(array_agg(format('m%s@example.com', i))) FROM generate_series(1, 12) i;
