-- message: which sender has what a claim hands out.
BEGIN;
SELECT plan(69);
\ir ../call.sql
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0162';

CREATE FUNCTION pg_temp.campaign(leads integer, pool uuid, settings jsonb DEFAULT '{}') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('sender', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 1}, {"subject": "s", "bodyHtml": "b", "delayDays": 1}]');
BEGIN
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s@example.com', n))) FROM generate_series(1, leads) n));
    PERFORM lt_set_sending(campaign, jsonb_build_object('poolId', pool) || settings);
    PERFORM lt_start_campaign(campaign);
    RETURN campaign;
END;
$$;
CREATE FUNCTION pg_temp.pool(senders uuid[]) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    pool uuid := lt_create_pool('pool');
BEGIN
    PERFORM lt_set_pool_senders(pool, senders);
    RETURN pool;
END;
$$;
-- What was handed out, and what a claim hands out of it: "2 of step 1 by a".
CREATE TEMP TABLE handed (at timestamptz, lease_id uuid, message_id uuid, lead_id uuid, step integer, sender text);
CREATE FUNCTION pg_temp.claim(campaign uuid, most integer DEFAULT 1000, complete boolean DEFAULT false, transports text[] DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    lease uuid;
BEGIN
    WITH c AS MATERIALIZED (
        SELECT * FROM lt_claim_messages(most, '1 hour', campaign, transports => transports)
    ), noted AS (
        INSERT INTO handed SELECT leadterra.clock(), lease_id, message_id, lead_id, step, split_part(sender_email, '@', 1) FROM c
    )
    SELECT (SELECT string_agg(format('%s of step %s by %s', n, step, sender), ', ' ORDER BY step, sender) FROM (SELECT step, split_part(sender_email, '@', 1) AS sender, count(*) AS n FROM c GROUP BY step, sender_email) s), (SELECT lease_id FROM c LIMIT 1) INTO result, lease;
    IF complete AND lease IS NOT NULL THEN
        PERFORM lt_complete_messages(lease);
    END IF;
    RETURN result;
END;
$$;

-- What a message says of its sender.
SELECT pg_temp.at('10 hours');
SELECT lt_create_sender('A@Example.com', '{"name": "Ann", "replyTo": "ann@reply.example", "transport": "first", "dailyLimit": 10, "timeZone": "Asia/Kathmandu"}') AS a,
    lt_create_sender('b@example.com', '{"dailyLimit": 20}') AS b \gset
SELECT pg_temp.pool(ARRAY[:'a', :'b']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(40, :'pool') AS c \gset
SELECT pg_temp.at('10 hours 1 second');
SELECT is((SELECT array_agg(DISTINCT (sender_id, sender_email, sender_name, reply_to, transport, send_until)::text) FROM lt_claim_messages(1, '1 minute', :'c')), ARRAY[format('(%s,a@example.com,Ann,ann@reply.example,first,"2030-01-01 18:15:00+00")', :'a')], 'a message has its sender, until the end of that one''s day');
SELECT pg_temp.at('10 hours 2 seconds');
SELECT is(pg_temp.claim(:'c'), '20 of step 1 by b', 'the next claim has the one that was free for longer');
SELECT is(pg_temp.claim(:'c'), '9 of step 1 by a', 'then what is left of the first');
SELECT is(pg_temp.claim(:'c'), NULL, 'no sender has more than its limit');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), '(senders_full,"2030-01-01 10:01:01+00")', 'which the status says');
SELECT is((SELECT array_agg(remaining_today ORDER BY email) FROM lt_senders WHERE email IN ('a@example.com', 'b@example.com')), ARRAY[0, 0], 'as do the views');

-- What ran out may have been sent: it counts, and waits for its sender.
SELECT pg_temp.at('12 hours');
SELECT is(pg_temp.claim(:'c'), NULL, 'what ran out gives nothing back');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'senders_full', 'its messages wait for a sender that is full');
SELECT is(lt_next_due(), timestamptz '2030-01-01 18:15+00', 'until the next day where that one is');
SELECT pg_temp.at('18 hours 15 minutes');
SELECT is(pg_temp.claim(:'c', complete => true), '10 of step 1 by a', 'then it has a day more');
SELECT is((SELECT count(*) FROM (SELECT lead_id FROM handed GROUP BY lead_id HAVING count(DISTINCT sender) > 1) x), 0::bigint, 'no lead has two senders');
SELECT is(lt_next_due(), timestamptz '2030-01-02', 'the other one''s day begins later');
SELECT pg_temp.at('24 hours');
SELECT is(pg_temp.claim(:'c', complete => true), '20 of step 1 by b', 'and so its messages come then');
SELECT is(pg_temp.claim(:'c'), NULL, 'the follow-ups of the first are not due yet');
SELECT pg_temp.at('42 hours 15 minutes');
SELECT is(pg_temp.claim(:'c', complete => true), '10 of step 2 by a', 'follow-ups have the sender of the step before, and come before new leads');
SELECT pg_temp.at('48 hours');
SELECT is(pg_temp.claim(:'c', complete => true), '20 of step 2 by b', 'those of the other one, too');
SELECT pg_temp.at('66 hours 15 minutes');
SELECT lt_set_sending(:'c', '{"newLeadsFirst": true}');
SELECT is(pg_temp.claim(:'c', 3, true), '3 of step 1 by a', 'unless the campaign says that new leads do');
SELECT is(pg_temp.claim(:'c', complete => true), '7 of step 1 by a', 'in each claim');
SELECT lt_set_sending(:'c', '{"newLeadsFirst": false}');

-- A sender that is paused keeps what it began.
SELECT lt_update_sender(:'b', '{"status": "paused"}');
SELECT pg_temp.at('96 hours');
SELECT is(pg_temp.claim(:'c', complete => true), '10 of step 3 by a', 'a sender that is paused has nothing');
SELECT is(pg_temp.claim(:'c'), NULL, 'and nobody else has its messages');
SELECT lt_update_sender(:'b', '{"status": "active"}');
SELECT is(pg_temp.claim(:'c', complete => true), '20 of step 3 by b', 'once it goes on it has them');
SELECT lt_update_sender(:'a', '{"dailyLimit": 15}');
SELECT is(pg_temp.claim(:'c', complete => true), '5 of step 2 by a', 'a limit that is raised holds at once');
SELECT lt_update_sender(:'a', '{"dailyLimit": 5}');
SELECT is(pg_temp.claim(:'c'), NULL, 'as does one that is lowered');
SELECT lt_pause_campaign(:'c');

-- Gaps.
SELECT pg_temp.at('200 hours');
SELECT lt_create_sender('gap@example.com', '{"gapSeconds": 60}') AS gap \gset
SELECT pg_temp.campaign(5, pg_temp.pool(ARRAY[:'gap']::uuid[])) AS c \gset
SELECT is(pg_temp.claim(:'c', complete => true), '1 of step 1 by gap', 'a gap means one message a claim');
SELECT is(pg_temp.claim(:'c'), NULL, 'and none until it is over');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), '(no_free_sender,"2030-01-09 08:01:00+00")', 'as the status says');
SELECT is(lt_next_due(), timestamptz '2030-01-09 08:01+00', 'and what is due next');
SELECT pg_temp.at('200 hours 1 minute');
SELECT is(pg_temp.claim(:'c'), '1 of step 1 by gap', 'then the next');
SELECT lt_pause_campaign(:'c');

-- Evenness.
SELECT pg_temp.at('300 hours');
SELECT array_agg(lt_create_sender(format('even-%s@example.com', n))) AS even FROM generate_series(1, 5) n \gset
SELECT pg_temp.campaign(50, pg_temp.pool(:'even'::uuid[])) AS c \gset
DO $$
DECLARE
    campaign uuid := (SELECT campaign_id FROM lt_campaigns WHERE status = 'running');
BEGIN
    FOR n IN 1..25 LOOP
        PERFORM set_config('leadterra.now', (timestamptz '2030-01-13 12:00+00' + n * interval '1 second')::text, true);
        PERFORM pg_temp.claim(campaign, 2);
    END LOOP;
END;
$$;
SELECT is((SELECT array_agg(DISTINCT n) FROM (SELECT count(*) AS n FROM handed WHERE sender LIKE 'even%' GROUP BY sender) x), ARRAY[10::bigint], 'senders are used evenly');
SELECT lt_pause_campaign(:'c');

-- What is released is given back, once.
SELECT pg_temp.at('400 hours');
SELECT lt_create_sender('back@example.com', '{"dailyLimit": 5}') AS back \gset
SELECT pg_temp.campaign(20, pg_temp.pool(ARRAY[:'back']::uuid[])) AS c \gset
SELECT is(pg_temp.claim(:'c'), '5 of step 1 by back', 'a sender that is full');
SELECT lease_id AS lease FROM handed WHERE sender = 'back' LIMIT 1 \gset
SELECT lt_complete_messages(:'lease', ARRAY[(SELECT message_id FROM handed WHERE lease_id = :'lease' LIMIT 1)]);
SELECT is(lt_release_lease(:'lease'), 4, 'and is given back');
SELECT lt_release_lease(:'lease');
SELECT is(pg_temp.claim(:'c'), '4 of step 1 by back', 'has as many more');
SELECT is((SELECT count(*) FROM (SELECT message_id FROM handed WHERE sender = 'back' GROUP BY message_id HAVING count(*) = 2) x), 4::bigint, 'the same ones');
SELECT is(pg_temp.claim(:'c'), NULL, 'and no others');
SELECT lease_id AS lease FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND state = 'open' \gset
SELECT lt_extend_lease(:'lease', '7 days');
SELECT pg_temp.at('424 hours');
SELECT is(lt_release_lease(:'lease'), 4, 'what was claimed on another day');
SELECT is(pg_temp.claim(:'c'), '4 of step 1 by back, 1 of step 2 by back', 'gives this one nothing');
SELECT lease_id AS lease FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND state = 'open' \gset
SELECT lt_fail_messages(:'lease', (SELECT array_agg(message_id) FROM lt_messages WHERE lease_id = :'lease'), 'no route');
SELECT pg_temp.at('425 hours');
SELECT is(pg_temp.claim(:'c'), NULL, 'an attempt that failed was one');
SELECT lt_pause_campaign(:'c');

-- Transports.
SELECT pg_temp.at('500 hours');
SELECT lt_create_sender('t-one@example.com', '{"transport": "one"}') AS one, lt_create_sender('t-two@example.com', '{"transport": "two"}') AS two, lt_create_sender('t-none@example.com') AS none \gset
SELECT pg_temp.campaign(20, pg_temp.pool(ARRAY[:'one', :'two', :'none']::uuid[])) AS c \gset
SELECT is(pg_temp.claim(:'c', 2, transports => '{two}'), '2 of step 1 by t-two', 'a worker gets senders with its transports');
SELECT is(pg_temp.claim(:'c', 2, transports => '{three}'), NULL, 'and none without');
SELECT is(pg_temp.claim(:'c', 2, transports => '{}'), NULL, 'none at all with no transport');
SELECT is(pg_temp.claim(:'c', 2, transports => '{NULL, default}'), '2 of step 1 by t-none', 'one without is for who has the default');
SELECT lt_pause_campaign(:'c');
SELECT pg_temp.campaign(3, NULL) AS c \gset
SELECT is(pg_temp.claim(:'c', 2, transports => '{two, NULL}'), NULL, 'a campaign without senders is not for who has another');
SELECT is((SELECT count(*)::integer FROM lt_claim_messages(2, '1 hour', :'c', transports => '{two, default}')), 2, 'but for who has the default');
SELECT lt_pause_campaign(:'c');

-- A lead that is restarted, or comes back.
SELECT pg_temp.at('550 hours');
SELECT lt_create_sender('again@example.com') AS again, lt_create_sender('other@example.com') AS other \gset
SELECT pg_temp.pool(ARRAY[:'again']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(3, :'pool') AS c \gset
SELECT is(pg_temp.claim(:'c', complete => true), '3 of step 1 by again', 'the first sender of leads');
SELECT lt_set_pool_senders(:'pool', ARRAY[:'again', :'other']::uuid[]);
SELECT pg_temp.at('574 hours');
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no such user', true) FROM lt_claim_messages(1000, '1 hour', :'c') GROUP BY lease_id;
SELECT is(lt_restart_leads(:'c', '{lead-1@example.com, lead-2@example.com, lead-3@example.com}'), 3, 'after a failure');
SELECT pg_temp.at('575 hours');
SELECT lt_bulk_upsert(:'c', '[{"email": "another@example.com"}]');
SELECT is(pg_temp.claim(:'c', 1), '1 of step 2 by again', 'goes on with them when they are restarted');
SELECT is(pg_temp.claim(:'c', 1000), '1 of step 1 by again, 2 of step 2 by again', 'with all of them');
SELECT lt_pause_campaign(:'c');

-- A sender that has left a pool, or is deleted.
SELECT pg_temp.at('600 hours');
SELECT lt_create_sender('stays@example.com') AS stays, lt_create_sender('leaves@example.com') AS leaves \gset
SELECT pg_temp.pool(ARRAY[:'leaves']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(10, :'pool') AS c \gset
SELECT is(pg_temp.claim(:'c', 4, true), '4 of step 1 by leaves', 'before a sender leaves its pool');
SELECT lt_set_pool_senders(:'pool', ARRAY[:'stays']::uuid[]);
SELECT is(pg_temp.claim(:'c', 3, true), '3 of step 1 by stays', 'another one has the new leads');
SELECT is(pg_temp.claim(:'c', complete => true), '3 of step 1 by stays', 'all of them');
SELECT pg_temp.at('623 hours');
SELECT lt_update_sender(:'stays', '{"dailyLimit": 100}');
SELECT pg_temp.at('624 hours');
SELECT is(pg_temp.claim(:'c', 2, true), '2 of step 2 by leaves', 'what it began it goes on with');
SELECT lt_delete_sender(:'leaves', :'stays');
SELECT is(pg_temp.claim(:'c', 1), '1 of step 2 by stays', 'until it is deleted: then its heir does');
SELECT pg_temp.at('624 hours 30 minutes');
SELECT lt_complete_messages(lease_id) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND state = 'open' AND expires_at > leadterra.clock();
SELECT lt_delete_sender(:'stays');
SELECT lt_create_sender('new@example.com') AS new \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'new']::uuid[]);
SELECT pg_temp.at('900 hours');
SELECT matches(pg_temp.claim(:'c'), '^[0-9]+ of step [12] by new', 'without an heir anyone of the pool does');
SELECT is((SELECT sum(n) FROM (SELECT last - unused + 1 AS n FROM leadterra.waiting_ranges WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c') x), NULL, 'and nothing is left behind');

-- One that has left a pool takes no new leads, whatever room there is in a claim.
SELECT pg_temp.at('1000 hours');
SELECT lt_create_sender('left@example.com') AS gone, lt_create_sender('last@example.com', '{"status": "paused"}') AS last \gset
SELECT pg_temp.pool(ARRAY[:'gone']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(10, :'pool') AS c \gset
SELECT pg_temp.claim(:'c', 3, true);
SELECT lt_set_pool_senders(:'pool', ARRAY[:'last']::uuid[]);
SELECT pg_temp.at('1025 hours');
SELECT is(pg_temp.claim(:'c', complete => true), '3 of step 2 by left', 'a sender that has left goes on, and takes nothing beside that');
SELECT is(pg_temp.claim(:'c'), NULL, 'new leads wait for those who are there');
SELECT lt_pause_campaign(:'c');

-- A gap runs on when an older message is given back.
SELECT pg_temp.at('1100 hours');
SELECT lt_create_sender('slow@example.com', '{"gapSeconds": 60}') AS slow \gset
SELECT pg_temp.campaign(5, pg_temp.pool(ARRAY[:'slow']::uuid[])) AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT pg_temp.at('1100 hours 1 minute');
SELECT is(pg_temp.claim(:'c', complete => true), '1 of step 1 by slow', 'a sender with a gap, which sends its second message');
SELECT pg_temp.at('1100 hours 62 seconds');
SELECT lt_release_lease(:'lease');
SELECT is(pg_temp.claim(:'c'), NULL, 'and is not free when it gives the first one back');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), '(no_free_sender,"2030-02-15 20:02:00+00")', 'but after the gap');
SELECT lt_pause_campaign(:'c');

-- Who reads the clock before midnight may come after who read it later.
SELECT pg_temp.at('1200 hours');
SELECT lt_create_sender('midnight@example.com', '{"dailyLimit": 10}') AS midnight \gset
SELECT pg_temp.campaign(50, pg_temp.pool(ARRAY[:'midnight']::uuid[])) AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(3, '7 days', :'c') LIMIT 1 \gset
SELECT pg_temp.at('1224 hours');
SELECT is(pg_temp.claim(:'c', 6), '6 of step 1 by midnight', 'a sender has messages of a new day');
SELECT pg_temp.at('1223 hours 59 minutes 59.9 seconds');
SELECT is(lt_release_lease(:'lease'), 3, 'when those of the day before are given back');
SELECT pg_temp.at('1224 hours 1 second');
SELECT is(pg_temp.claim(:'c'), '4 of step 1 by midnight', 'and still has no more than its limit');
SELECT lt_pause_campaign(:'c');

-- Whom the heir of a sender has to go on for may still be with workers.
SELECT pg_temp.at('1300 hours');
SELECT lt_create_sender('testator@example.com') AS first, lt_create_sender('heir@example.com') AS heir, lt_create_sender('bystander@example.com') AS other \gset
SELECT pg_temp.pool(ARRAY[:'first']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(12, :'pool') AS c \gset
SELECT pg_temp.claim(:'c', 1) FROM generate_series(1, 12);
SELECT lt_delete_sender(:'first', :'heir');
SELECT lt_set_pool_senders(:'pool', ARRAY[:'other']::uuid[]);
SELECT is((SELECT has_left FROM leadterra.pool_senders WHERE workspace_id = lt_current_workspace() AND pool_id = :'pool' AND sender_id = :'heir'), true, 'an heir stays in the pool while leases are open of whom it took over from');
SELECT count(lt_complete_messages(lease_id)) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND state = 'open';
SELECT pg_temp.at('1325 hours');
SELECT is((SELECT string_agg(DISTINCT pg_temp.claim(:'c', n / n), '; ') FROM generate_series(1, 12) n), '1 of step 2 by heir', 'and goes on with what they leave');
SELECT lt_pause_campaign(:'c');

-- What was given back is new again, and held where no more new leads may be begun.
SELECT pg_temp.at('1426 hours');
SELECT lt_create_sender('x@example.com', '{"status": "paused"}') AS x, lt_create_sender('y@example.com') AS y \gset
SELECT pg_temp.campaign(20, pg_temp.pool(ARRAY[:'x', :'y']::uuid[]), '{"dailyNewLeads": 4}') AS c \gset
SELECT pg_temp.claim(:'c', 2, true);
SELECT pg_temp.at('1441 hours');
SELECT lt_update_sender(:'y', '{"status": "paused"}'), lt_update_sender(:'x', '{"status": "active"}');
SELECT lease_id AS lease FROM lt_claim_messages(2, '7 days', :'c') LIMIT 1 \gset
SELECT pg_temp.claim(:'c', 2, true), lt_release_lease(:'lease');
SELECT lt_update_sender(:'x', '{"status": "paused"}'), lt_update_sender(:'y', '{"status": "active"}');
SELECT pg_temp.claim(:'c', 2, true);
SELECT lt_update_sender(:'x', '{"status": "active"}');
SELECT pg_temp.at('1450 hours');
SELECT lt_update_sender(:'y', '{"dailyLimit": 100}');
SELECT is(pg_temp.claim(:'c', complete => true), '2 of step 2 by y', 'a sender that may only have new leads is passed over for one that has others');
SELECT is(pg_temp.claim(:'c'), NULL, 'then there is nothing');
SELECT is(leadterra.claimable_at(lt_current_workspace(), :'c', 0, '2030-01-01'), timestamptz '2030-03-03', 'until the next day, when it may have them');

SELECT lt_pause_campaign(:'c');

-- Who comes into a pool is found there at once, however long it has been free.
SELECT pg_temp.at('1500 hours');
SELECT lt_create_sender('idle@example.com') AS idle, lt_create_sender('idle-too@example.com') AS idle2 \gset
SELECT pg_temp.at('1510 hours');
SELECT lt_create_sender('busy@example.com') AS busy \gset
SELECT pg_temp.pool(ARRAY[:'busy']::uuid[]) AS pool \gset
SELECT pg_temp.campaign(10, :'pool') AS c \gset
SELECT pg_temp.at('1511 hours');
SELECT pg_temp.claim(:'c', 1);
SELECT lt_update_sender(:'busy', '{"status": "paused"}'), lt_set_pool_senders(:'pool', ARRAY[:'busy', :'idle']::uuid[]);
SELECT is(pg_temp.claim(:'c', 1), '1 of step 1 by idle', 'a sender that comes into a pool has new leads');
SELECT lt_delete_sender(:'idle', :'idle2');
SELECT lt_release_lease(lease_id) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND sender_id = :'idle';
SELECT is(pg_temp.claim(:'c', 1), '1 of step 1 by idle-too', 'as has an heir that comes into it');

SELECT * FROM finish();
ROLLBACK;
