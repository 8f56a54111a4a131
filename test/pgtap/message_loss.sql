-- message: leases that run out cost nobody an attempt, and a message that kills its workers
-- is found.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(44);

\ir ../call.sql
-- A running campaign of one step.
CREATE FUNCTION pg_temp.campaign(label text, leads integer) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    id uuid := lt_create_campaign(label, '[{"subject": "s", "bodyHtml": "b"}]');
BEGIN
    PERFORM lt_bulk_upsert(id, (SELECT jsonb_agg(jsonb_build_object('email', format('%s%s@example.com', label, i)) ORDER BY i) FROM generate_series(1, leads) i)), lt_start_campaign(id);
    RETURN id;
END;
$$;
-- Claims for so many minutes, and returns how many and the first.
CREATE FUNCTION pg_temp.claim(most integer, campaign uuid, minutes integer DEFAULT 5) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT count(*) || coalesce(' ' || (array_agg(split_part(email, '@', 1) || '/' || attempt))[1], '') FROM lt_claim_messages(most, minutes * interval '1 minute', campaign)
$$;
CREATE FUNCTION pg_temp.lease() RETURNS uuid LANGUAGE sql AS $$ SELECT lease_id FROM leadterra.leases ORDER BY lease_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.states(campaign uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(concat_ws(' ', n, state, reason, nullif(attempt, 1)), ', ' ORDER BY state, reason, attempt)
    FROM (SELECT state, reason, attempt, count(*) AS n FROM lt_messages WHERE campaign_id = campaign GROUP BY 1, 2, 3) s
$$;
-- Gives back what has run out, and takes nothing.
CREATE FUNCTION pg_temp.sweep() RETURNS bigint LANGUAGE sql SET search_path = public AS $$
    SELECT count(*) FROM lt_claim_messages(1, '1 minute', (SELECT campaign_id FROM lt_campaigns WHERE name = 'empty'))
$$;
-- Another worker sends something.
CREATE FUNCTION pg_temp.complete_another() RETURNS integer LANGUAGE sql SET search_path = public AS $$
    SELECT lt_complete_messages(lease_id) FROM lt_claim_messages(1, '1 minute', (SELECT campaign_id FROM lt_campaigns WHERE name = 'other'))
$$;
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b21';
SELECT pg_temp.at('0');
SELECT lt_create_campaign('empty');
SELECT pg_temp.campaign('other', 300) AS other \gset

-- Workers that die whatever they have: nobody fails, however often.
SELECT pg_temp.campaign('pair', 2) AS c \gset
CREATE TEMP TABLE claims (number integer, claimed text);
DO $$
BEGIN
    FOR n IN 0..11 LOOP
        PERFORM pg_temp.at(n * interval '70 minutes');
        INSERT INTO claims SELECT n, pg_temp.claim(2, (SELECT campaign_id FROM public.lt_campaigns WHERE name = 'pair'));
    END LOOP;
END;
$$;
SELECT pg_temp.at('20 hours'), pg_temp.sweep();
SELECT is(pg_temp.states(:'c'), '2 queued lease expired', 'two leads, and twelve leases that run out: both wait for their first attempt');
SELECT is((SELECT (status, message)::text FROM lt_sending_status(:'c')),
    '(due,"Messages are due and wait for a worker to claim them. Messages that wait because a lease ran out with nothing reported: 2, the next from 2030-01-01 13:50 UTC.")', 'and the status says why');
SELECT is((SELECT string_agg(left(claimed, 1), '' ORDER BY number) FROM claims), '222211111111', 'after four times each is alone');
SELECT pg_temp.at('22 hours'), pg_temp.claim(2, :'c'), pg_temp.claim(2, :'c');
SELECT is((SELECT string_agg(lt_complete_messages(lease_id)::text, ' ') FROM (SELECT DISTINCT lease_id FROM lt_messages WHERE campaign_id = :'c') l), '1 1', 'workers that live send them');
SELECT is(pg_temp.states(:'c'), '2 sent', 'and that is all');

-- How many are handed out, and which.
SELECT pg_temp.at('1 day');
SELECT pg_temp.campaign('many', 2500) AS c \gset
SELECT is(pg_temp.claim(1200, :'c'), '1200 many1/1', 'a lease of many');
SELECT pg_temp.at('1 day 5 minutes'), pg_temp.sweep();
SELECT is(pg_temp.states(:'c'), '1200 queued lease expired, 1300 queued', 'is lost');
SELECT is(pg_temp.claim(300, :'c', 60), '300 many1201/1', 'what was never lost goes first where it waits as long');
SELECT is(pg_temp.claim(5000, :'c', 60), '1000 many1501/1', 'and it goes alone');
SELECT is((SELECT max(losses) FROM leadterra.leases WHERE campaign_id = :'c' AND state = 'open'), 0::smallint, 'under leases that lost nothing');
SELECT is(pg_temp.claim(5000, :'c'), '1200 many1/1', 'once is no reason to hand out less');
SELECT pg_temp.at('1 day 10 minutes');
SELECT is(pg_temp.claim(5000, :'c'), '100 many1/1', 'twice is: a hundred');
SELECT is(pg_temp.claim(20, :'c'), '20 many101/1', 'or less, if less is asked for');
SELECT pg_temp.at('1 day 15 minutes');
SELECT is(pg_temp.claim(5000, :'c'), '100 many121/1', 'those that were lost with them');
SELECT is((SELECT string_agg(DISTINCT n, ' ') FROM (SELECT pg_temp.claim(5000, :'c') AS n FROM generate_series(1, 9)) x WHERE n NOT LIKE '100 %'), NULL, 'in hundreds');
SELECT is(pg_temp.claim(5000, :'c'), '80 many1121/1', 'to the last');
SELECT is(pg_temp.claim(5000, :'c'), '10 many1/1', 'three times: ten');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_messages WHERE campaign_id = :'c' AND state = 'leased') l;
SELECT pg_temp.claim(5000, :'c') FROM generate_series(1, 11);
SELECT is(pg_temp.states(:'c'), '110 leased, 2390 sent', 'so are the eleven leases on the rest');
SELECT pg_temp.at('1 day 20 minutes');
SELECT is(pg_temp.claim(5000, :'c'), '1 many11/1', 'four times: one');
SELECT is((SELECT (losses, lost_at)::text FROM leadterra.leases WHERE lease_id = pg_temp.lease()), (4::smallint, timestamptz '2030-01-02 00:20+00')::text, 'the lease says so');
SELECT is((SELECT DISTINCT (losses, lost_at, tried_at)::text FROM leadterra.waiting WHERE campaign_id = :'c'), (4::smallint, timestamptz '2030-01-02 00:20+00', NULL::timestamptz)::text, 'and so does what waits');

-- Whoever reports on a message has outlived it.
SELECT pg_temp.campaign('report', 4) AS c \gset
DO $$
BEGIN
    FOR n IN 0..2 LOOP
        PERFORM pg_temp.at(interval '2 days' + n * interval '5 minutes'), pg_temp.claim(4, (SELECT campaign_id FROM public.lt_campaigns WHERE name = 'report'));
    END LOOP;
END;
$$;
SELECT pg_temp.at('2 days 15 minutes');
SELECT is(pg_temp.claim(4, :'c'), '4 report1/1', 'after three times');
SELECT array_agg(message_id ORDER BY message_id) AS ids FROM lt_messages WHERE campaign_id = :'c' \gset
SELECT lt_fail_messages(pg_temp.lease(), (:'ids'::uuid[])[1:1], 'no'), lt_defer_messages(pg_temp.lease(), (:'ids'::uuid[])[2:2], '1 minute', 'later'), lt_release_lease(pg_temp.lease());
SELECT is((SELECT string_agg(concat_ws(' ', first || '-' || last, attempt, losses, tried_at IS NULL, error), ', ' ORDER BY first) FROM leadterra.waiting WHERE campaign_id = :'c'),
    '1-1 2 0 f no, 2-2 1 0 f later, 3-4 1 3 t', 'what failed or was deferred begins anew, what was given back is as it was');
SELECT pg_temp.at('2 days 20 minutes');
SELECT is(pg_temp.claim(4, :'c'), '2 report3/1', 'that is handed out in a lease of its own');
SELECT is(pg_temp.claim(4, :'c'), '2 report1/2', 'and so is the rest');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_messages WHERE campaign_id = :'c' AND state = 'leased') l;

-- Alone twice, while others sent something: it has failed.
SELECT pg_temp.campaign('killer', 1) AS c \gset
CREATE FUNCTION pg_temp.lose(campaign uuid, times integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..times LOOP
        PERFORM set_config('leadterra.now', (leadterra.clock() + interval '61 minutes')::text, true), pg_temp.claim(1, campaign);
    END LOOP;
    PERFORM set_config('leadterra.now', (leadterra.clock() + interval '5 minutes')::text, true);
END;
$$;
SELECT pg_temp.at('3 days'), pg_temp.lose(:'c', 5);
SELECT is(pg_temp.sweep(), 0::bigint, 'a lease on one message runs out a fifth time');
SELECT is(pg_temp.states(:'c'), '1 queued lease expired', 'once alone is no reason to give up');
SELECT is((SELECT due_at <= leadterra.clock() FROM lt_messages WHERE campaign_id = :'c'), true, 'nor to wait');
SELECT pg_temp.lose(:'c', 1), pg_temp.sweep();
SELECT is(pg_temp.states(:'c'), '1 queued lease expired', 'nor is twice, where no other lease was completed');
SELECT is((SELECT due_at - leadterra.clock() FROM lt_messages WHERE campaign_id = :'c'), interval '1 hour', 'then it waits for an hour');
SELECT is((SELECT (status, next_due_at - leadterra.clock())::text FROM lt_sending_status(:'c')), '(nothing_due,01:00:00)', 'which the status says');
SELECT is(pg_temp.claim(1, :'c'), '0', 'and nobody has it');
SELECT pg_temp.lose(:'c', 1), pg_temp.sweep();
SELECT is((SELECT (losses, lost_at - leadterra.clock())::text FROM leadterra.waiting WHERE campaign_id = :'c'), '(5,00:00:00)', 'as often as it takes');
SELECT is(pg_temp.complete_another(), 1, 'another lease is completed');
SELECT pg_temp.lose(:'c', 1);
SELECT is(pg_temp.sweep(), 0::bigint, 'the next time');
SELECT is(pg_temp.states(:'c'), '1 failed its workers died: its lease ran out again with nothing else in it', 'it has failed');
SELECT is((SELECT (state, reason, attempt)::text FROM lt_explain_lead(:'c', 'killer1@example.com')), '(failed,"its workers died: its lease ran out again with nothing else in it",1)', 'which is explained');
SELECT is((SELECT message FROM lt_sending_status(:'c')), 'Every lead has reached the end of its sequence. Messages that failed: 1.', 'as the status does');
SELECT lt_restart_leads(:'c', '{killer1@example.com}');
SELECT is((SELECT (losses, lost_at, tried_at, attempt)::text FROM leadterra.waiting WHERE campaign_id = :'c'), '(0,,,1)', 'a restart begins anew');
SELECT lt_remove_leads(:'c', '{killer1@example.com}');

-- Where all that was in a small lease is skipped, the claim goes on with others.
SELECT pg_temp.campaign('skip', 2) AS c \gset
SELECT pg_temp.claim(1, :'c');
SELECT set_config('leadterra.now', (leadterra.clock() + interval '5 minutes')::text, true), pg_temp.sweep();
SELECT pg_temp.claim(1, :'c', 1);
SELECT lt_release_lease(pg_temp.lease()), lt_remove_leads(:'c', '{skip1@example.com}');
SELECT is((SELECT string_agg(split_part(email, '@', 1), ' ') FROM lt_claim_messages(5, '5 minutes', :'c')), 'skip2', 'a claim goes on where it skipped all that may stand in a lease');
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'c' AND state = 'closed' AND closed_at = leadterra.clock()), 2::bigint, 'which has a lease of its own, as what was given back');
SELECT lt_complete_messages(pg_temp.lease());

-- Messages that kill, among others that do not, and workers that die of nothing at times.
CREATE FUNCTION pg_temp.work(label text, leads integer, killers integer, bad_luck float) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid := pg_temp.campaign(label, leads);
    kill text[] := ARRAY(SELECT format('%s%s@example.com', label, i) FROM generate_series(1, leads) i ORDER BY random() LIMIT killers);
    m record;
    claims integer := 0;
BEGIN
    LOOP
        claims := claims + 1;
        PERFORM set_config('leadterra.now', greatest(leadterra.clock() + interval '1 second', lt_next_due())::text, true);
        SELECT min(lease_id::text)::uuid AS lease, count(*) AS n, bool_or(email = ANY (kill)) AS dies INTO m FROM lt_claim_messages(1 + (random() * 199)::integer, '1 minute', c);
        IF m.n > 0 AND NOT m.dies AND random() >= bad_luck THEN
            PERFORM lt_complete_messages(m.lease);
        END IF;
        IF m.dies THEN
            PERFORM pg_temp.complete_another();
        END IF;
        EXIT WHEN m.n = 0 AND (SELECT status FROM lt_sending_status(c)) = 'finished' OR claims > 500;
    END LOOP;
    RETURN (SELECT concat_ws(' ', count(*) FILTER (WHERE state = 'sent'), count(*) FILTER (WHERE state = 'failed'),
        count(*) FILTER (WHERE state = 'failed' AND NOT email = ANY (kill)), max(attempt)) FROM lt_messages WHERE campaign_id = c);
END;
$$;
\ir ../random.sql
SELECT is(pg_temp.work('one', 150, 1, 0), '149 1 0 1', 'of many messages the one that kills its workers fails');
SELECT is(pg_temp.work('two', 150, 2, 0), '148 2 0 1', 'so do two');
SELECT is(pg_temp.work('none', 200, 0, 0.1), '200 0 0 1', 'and nobody does where workers die of something else now and then');

SELECT * FROM finish();
ROLLBACK;
