-- What the benchmark of the queue needs in a database: leads that are enrolled,
-- a queue that can be filled again, and peers.
--
-- The peers are PgQ, and the queue that most people write: a table whose rows are
-- leased by UPDATE ... SKIP LOCKED and archived by DELETE and INSERT, with the
-- statements and indexes of pgmq 1.x and without its dynamic SQL.
CREATE EXTENSION leadterra;
CREATE EXTENSION pg_stat_statements;
CREATE SCHEMA bench;
SET search_path TO bench, public;

CREATE TABLE campaigns (name text PRIMARY KEY, id uuid);

-- Makes a running campaign of one step, with the text given, and enrolls leads.
CREATE FUNCTION make_campaign(campaign text, body text, leads integer) RETURNS void LANGUAGE plpgsql SET search_path = bench, public AS $$
DECLARE
    made uuid := lt_create_campaign(campaign, jsonb_build_array(jsonb_build_object('subject', 'Hello', 'bodyHtml', body)));
BEGIN
    INSERT INTO campaigns VALUES (campaign, made);
    FOR start IN 0..leads - 1 BY 1000 LOOP
        PERFORM lt_bulk_upsert(made, (SELECT jsonb_agg(jsonb_build_object(
            'email', format('%s-%s@%s.example', left(md5(i::text), 6), i, left(md5((i % 500)::text), 8)),
            'firstName', 'First ' || i, 'lastName', 'Last ' || i, 'company', 'Company ' || i % 20000, 'jobTitle', 'Founder'))
            FROM generate_series(start + 1, least(start + 1000, leads)) i));
    END LOOP;
    PERFORM lt_start_campaign(made);
    PERFORM lt_pause_campaign(made);
END;
$$;

-- Queues messages of one campaign, and of no other, in batches of a size.
CREATE FUNCTION fill_queue(campaign text, messages integer, size integer) RETURNS void LANGUAGE plpgsql SET search_path = bench, public AS $$
DECLARE
    chosen uuid := (SELECT id FROM campaigns WHERE name = campaign);
BEGIN
    DELETE FROM leadterra.waiting WHERE campaign_id IN (SELECT id FROM campaigns);
    DELETE FROM leadterra.leases WHERE campaign_id IN (SELECT id FROM campaigns);
    DELETE FROM leadterra.batches WHERE campaign_id IN (SELECT id FROM campaigns);
    CREATE TEMP TABLE filled ON COMMIT DROP AS
    SELECT uuid_send(lt_uuidv7()) AS raw, array_agg(lead_id) AS lead_ids
    FROM (SELECT lead_id, row_number() OVER () - 1 AS n FROM leadterra.enrollments WHERE campaign_id = chosen LIMIT messages) e
    GROUP BY n / size ORDER BY n / size;
    INSERT INTO leadterra.batches (workspace_id, batch_id, campaign_id, step, size, waiting_since, lead_ids)
    SELECT lt_current_workspace(), encode(set_byte(set_byte(raw, 15, 0), 14, get_byte(raw, 14) & 252), 'hex')::uuid, chosen, 1, cardinality(lead_ids), now() - interval '1 hour', lead_ids
    FROM filled;
    INSERT INTO leadterra.waiting (workspace_id, campaign_id, step, waiting_since, range_id, batch_id, first, last)
    SELECT b.workspace_id, b.campaign_id, b.step, b.waiting_since, b.batch_id, b.batch_id, 1, b.size FROM leadterra.batches b WHERE campaign_id = chosen AND step = 1;
    UPDATE leadterra.campaigns SET status = CASE campaign_id WHEN chosen THEN 'running' ELSE 'paused' END, started_at = now() - interval '1 hour'
    WHERE campaign_id IN (SELECT id FROM campaigns);
END;
$$;

-- Ten million messages that are not due, or that were sent: batches of 1,000 of
-- a campaign of their own.
CREATE FUNCTION add_mass(kind text, batches integer) RETURNS void LANGUAGE plpgsql SET search_path = bench, public AS $$
DECLARE
    mass uuid := lt_create_campaign('mass ' || kind, '[{"subject": "s", "bodyHtml": "b"}]');
    first bigint := (random() * 1000000000)::bigint;
BEGIN
    UPDATE leadterra.campaigns SET status = 'running', started_at = now() - interval '1 hour' WHERE campaign_id = mass;
    INSERT INTO leadterra.batches (workspace_id, batch_id, campaign_id, step, size, waiting_since, lead_ids)
    SELECT lt_current_workspace(), ('0190' || lpad(to_hex((first + i) * 1024), 12, '0') || '7000800000000000')::uuid, mass, 1, 1000,
        now() + CASE kind WHEN 'future' THEN interval '1 day' ELSE interval '-1 day' END, a.ids
    FROM generate_series(1, batches) i
    CROSS JOIN (SELECT array_agg(gen_random_uuid()) AS ids FROM generate_series(1, 1000)) a;
    IF kind = 'future' THEN
        INSERT INTO leadterra.waiting (workspace_id, campaign_id, step, waiting_since, range_id, batch_id, first, last)
        SELECT workspace_id, campaign_id, step, waiting_since, batch_id, batch_id, 1, 1000 FROM leadterra.batches WHERE campaign_id = mass;
    ELSE
        INSERT INTO leadterra.leases (workspace_id, lease_id, campaign_id, state, expires_at, closed_at, sent, batch_ids, firsts, lasts, attempts)
        SELECT workspace_id, batch_id, campaign_id, 'closed', now() - interval '1 day', now() - interval '1 day', 1000,
            ARRAY[batch_id], '{1}', '{1000}', '{1}'
        FROM leadterra.batches WHERE campaign_id = mass;
    END IF;
END;
$$;

-- Enrolls known leads in a new campaign, and so queues a batch so many times.
CREATE FUNCTION enroll_batches(times integer) RETURNS void LANGUAGE plpgsql SET search_path = bench, public AS $$
DECLARE
    made uuid := lt_create_campaign('enqueue');
BEGIN
    FOR i IN 0..times - 1 LOOP
        PERFORM lt_bulk_upsert(made, (SELECT jsonb_agg(jsonb_build_object('email', email))
            FROM (SELECT email FROM leadterra.leads ORDER BY lead_id OFFSET i * 1000 LIMIT 1000) l));
    END LOOP;
    PERFORM lt_delete_campaign(made);
END;
$$;

-- The peer: a queue and its archive.
CREATE TABLE queue (
    msg_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, read_ct integer NOT NULL DEFAULT 0,
    enqueued_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb);
CREATE INDEX ON queue (vt);
CREATE TABLE archive (
    msg_id bigint PRIMARY KEY, read_ct integer NOT NULL, enqueued_at timestamptz NOT NULL,
    archived_at timestamptz NOT NULL DEFAULT now(), vt timestamptz NOT NULL, message jsonb);
CREATE INDEX ON archive (archived_at);

CREATE FUNCTION send_batches(times integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    messages jsonb[] := (SELECT p.messages FROM bench.payload p);
BEGIN
    FOR i IN 1..times LOOP
        INSERT INTO bench.queue (vt, message) SELECT clock_timestamp(), unnest(messages);
    END LOOP;
END;
$$;

CREATE FUNCTION fill_peer(campaign text, messages integer) RETURNS void LANGUAGE plpgsql SET search_path = bench, public AS $$
BEGIN
    TRUNCATE queue, archive;
    INSERT INTO queue (vt, message)
    SELECT now() - interval '1 hour', jsonb_build_object('campaign', campaign_id, 'lead', lead_id, 'step', 1)
    FROM leadterra.enrollments WHERE campaign_id = (SELECT id FROM campaigns WHERE name = campaign) LIMIT messages;
END;
$$;

CREATE FUNCTION read_peer(most integer) RETURNS SETOF queue LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    WITH next AS (
        SELECT q.msg_id FROM bench.queue q WHERE q.vt <= clock_timestamp() ORDER BY q.msg_id LIMIT most FOR UPDATE SKIP LOCKED)
    UPDATE bench.queue q SET vt = clock_timestamp() + interval '5 minutes', read_ct = q.read_ct + 1
    FROM next WHERE q.msg_id = next.msg_id
    RETURNING q.*;
END;
$$;

-- The messages of a batch, ready to be sent.
CREATE TABLE payload (messages jsonb[]);

-- The same, with what a sender has to know of each lead.
CREATE FUNCTION read_peer_leads(most integer) RETURNS TABLE (msg_id bigint, lead_id uuid, email text, first_name text) LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY
    SELECT r.msg_id, l.lead_id, l.email, l.first_name
    FROM bench.read_peer(most) r
    CROSS JOIN LATERAL (
        SELECT e.lead_id FROM leadterra.enrollments e
        WHERE e.workspace_id = lt_current_workspace() AND e.campaign_id = (r.message ->> 'campaign')::uuid
          AND e.lead_id = (r.message ->> 'lead')::uuid AND e.status = 'active'
        LIMIT 1) e
    CROSS JOIN LATERAL (
        SELECT l.lead_id, l.email, l.first_name FROM leadterra.leads l
        WHERE l.workspace_id = lt_current_workspace() AND l.lead_id = e.lead_id
        LIMIT 1) l
    WHERE NOT EXISTS (
        SELECT FROM leadterra.suppressions s
        WHERE s.workspace_id = lt_current_workspace() AND s.blocklist_id = lt_current_workspace() AND s.entry = ANY (ARRAY[l.email, split_part(l.email, '@', 2)])
        LIMIT 1);
END;
$$;

CREATE FUNCTION archive_peer(ids bigint[]) RETURNS bigint LANGUAGE sql AS $$
    WITH done AS (DELETE FROM bench.queue WHERE msg_id = ANY (ids) RETURNING msg_id, vt, read_ct, enqueued_at, message),
        kept AS (INSERT INTO bench.archive (msg_id, vt, read_ct, enqueued_at, message) SELECT * FROM done RETURNING 1)
    SELECT count(*) FROM kept
$$;
