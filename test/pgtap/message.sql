-- message: claims, settling, follow-ups, events, links, and what is said of them.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(211);

CREATE FUNCTION pg_temp.leads(VARIADIC emails text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('email', e || '@example.com') ORDER BY n) FROM unnest(emails) WITH ORDINALITY u (e, n)
$$;
\ir ../call.sql
-- A running campaign of so many steps, two days apart.
CREATE FUNCTION pg_temp.campaign(steps integer, leads jsonb) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    id uuid := lt_create_campaign('c', (SELECT jsonb_agg(jsonb_build_object('subject', 's' || i, 'bodyHtml', 'b', 'delayDays', CASE i WHEN 1 THEN 0 ELSE 2 END)) FROM generate_series(1, steps) i));
BEGIN
    PERFORM lt_bulk_upsert(id, leads);
    PERFORM lt_start_campaign(id);
    RETURN id;
END;
$$;
-- Claims, and returns what was handed out; the lease is the last one.
CREATE FUNCTION pg_temp.claim(most integer, campaign uuid DEFAULT NULL, lease_for interval DEFAULT '5 minutes') RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s/%s', split_part(email, '@', 1), step, attempt), ' ') FROM lt_claim_messages(most, lease_for, campaign)
$$;
CREATE FUNCTION pg_temp.lease() RETURNS uuid LANGUAGE sql AS $$ SELECT lease_id FROM leadterra.leases ORDER BY lease_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.ids(VARIADIC names text[]) RETURNS uuid[] LANGUAGE sql SET search_path = public AS $$
    SELECT array_agg(message_id ORDER BY message_id) FROM lt_messages WHERE split_part(email, '@', 1) = ANY (names) AND state = 'leased'
$$;
CREATE FUNCTION pg_temp.states(campaign uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(concat_ws(':', split_part(email, '@', 1) || step, state, reason, nullif(attempt, 1)), ' ' ORDER BY email, step) FROM lt_messages WHERE campaign_id = campaign
$$;

-- A workspace without campaigns of others.
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b16';
SELECT pg_temp.at('0');

-- Claims.
SELECT is(pg_temp.claim(10), NULL, 'no row where there is nothing');
SELECT lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]') AS draft \gset
SELECT lt_bulk_upsert(:'draft', pg_temp.leads('x'));
SELECT is(pg_temp.claim(10), NULL, 'nor in a draft');
SELECT is(pg_temp.claim(10, :'draft'), NULL, 'also if it is asked for');
SELECT pg_temp.campaign(2, pg_temp.leads('a', 'b', 'c', 'd')) AS c \gset
SELECT is(pg_temp.claim(1), 'a/1/1', 'one message, the first');
SELECT is(pg_temp.claim(2), 'b/1/1 c/1/1', 'then the next');
SELECT is(pg_temp.claim(10), 'd/1/1', 'then the rest');
SELECT is(pg_temp.claim(10), NULL, 'then nothing');
SELECT is((SELECT count(DISTINCT lease_id) FROM lt_messages WHERE campaign_id = :'c'), 3::bigint, 'three leases');
SELECT is(pg_temp.states(:'c'), 'a1:leased b1:leased c1:leased d1:leased', 'all are leased');
SELECT is((SELECT queued_messages FROM lt_campaigns WHERE campaign_id = :'c'), 0::bigint, 'and none is queued');
SELECT is((SELECT (worker, expires_at)::text FROM leadterra.leases WHERE lease_id = pg_temp.lease()),
    (NULL::text, timestamptz '2030-01-01 00:05+00')::text, 'a lease says until when');
SELECT lt_bulk_upsert(:'c', pg_temp.leads('e'));
SELECT is((SELECT (campaign_id, lead_id, step, attempt, email, subject, body_html)::text FROM lt_claim_messages(5, '1 hour', :'c', 'worker 7')),
    (SELECT (:'c'::uuid, lead_id, 1, 1, 'e@example.com', 's1', 'b')::text FROM lt_leads WHERE email = 'e@example.com'), 'what a claim returns');
SELECT is((SELECT worker FROM leadterra.leases WHERE lease_id = pg_temp.lease()), 'worker 7', 'the lease knows the worker');

SELECT is(pg_temp.detail(format('SELECT lt_claim_messages(%s)', arguments)), code, format('a claim with %s', arguments))
FROM (VALUES ('0', 'PT400 invalid_request'), ('-1', 'PT400 invalid_request'), ('10001', 'PT400 invalid_request'), ('NULL', 'PT400 invalid_request'),
    ('1, ''0''', 'PT400 invalid_request'), ('1, ''-1 minute''', 'PT400 invalid_request'), ('1, ''8 days''', 'PT400 invalid_request'), ('1, ''200000 years''', 'PT400 invalid_request'), ('1, NULL', 'PT400 invalid_request'),
    ('1, ''1 minute'', ''00000000-0000-7000-8000-000000000001''', 'PT404 campaign_not_found')) v (arguments, code);

-- Settling.
SELECT pg_temp.campaign(2, pg_temp.leads('a', 'b', 'c', 'd', 'e')) AS c \gset
SELECT is(pg_temp.claim(5, :'c'), 'a/1/1 b/1/1 c/1/1 d/1/1 e/1/1', 'five messages');
SELECT pg_temp.lease() AS lease, (pg_temp.ids('a'))[1] AS other, (SELECT array_agg(message_id ORDER BY message_id) FROM lt_messages WHERE campaign_id = :'c') AS ids \gset
SELECT is(lt_complete_messages(:'lease', '{}'), 0, 'none is completed');
SELECT is(lt_complete_messages(:'lease', (:'ids'::uuid[])[1:1] || (:'ids'::uuid[])[1:1]), 1, 'one that is named twice counts once');
SELECT is(lt_complete_messages(:'lease', (:'ids'::uuid[])[1:2]), 1, 'one that is completed counts no more');
SELECT is(pg_temp.states(:'c'), 'a1:sent b1:sent c1:leased d1:leased e1:leased', 'two were sent');
SELECT is((SELECT (sent, queued) FROM lt_campaign_stats(:'c')), (2::bigint, 0::bigint), 'the statistics say so');
SELECT is(lt_fail_messages(:'lease', (:'ids'::uuid[])[2:3], E'451 try\nlater'), 1, 'of one that was sent and one that was not, one fails');
SELECT is(lt_fail_messages(:'lease', (:'ids'::uuid[])[3:3], 'again'), 0, 'which is settled then');
SELECT is(lt_complete_messages(:'lease', (:'ids'::uuid[])[3:3]), 0, 'for a completion too');
SELECT is(lt_fail_messages(:'lease', (:'ids'::uuid[])[4:4] || (:'ids'::uuid[])[4:4], '550 unknown', true), 1, 'one fails for good');
SELECT is(pg_temp.states(:'c'), E'a1:sent b1:sent c1:retry:451 try\nlater:2 d1:failed:550 unknown e1:leased', 'it is not tried again');
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%s)', arguments)), code, format('completing %s', why))
FROM (VALUES (format('%L, ARRAY[%L]::uuid[]', :'lease', :'other'), 'PT404 message_not_found', 'a message of another lease'),
    (format('%L, ARRAY[%L, %L]::uuid[]', :'lease', (:'ids'::uuid[])[5], lt_uuidv7()), 'PT404 message_not_found', 'one that is and one that is not'),
    (format('%L, ARRAY[%L, NULL]::uuid[]', :'lease', (:'ids'::uuid[])[5]), 'PT400 invalid_request', 'a null'),
    (format('%L', lt_uuidv7()), 'PT409 lease_lost', 'an unknown lease'),
    ('NULL', 'PT400 invalid_request', 'no lease')) v (arguments, code, why);
SELECT is(pg_temp.detail(format('SELECT lt_fail_messages(%s)', arguments)), code, format('failing %s', why))
FROM (VALUES (format('%L, ARRAY[%L]::uuid[], ''e''', :'lease', :'other'), 'PT404 message_not_found', 'a message of another lease'),
    (format('%L, NULL, ''e''', :'lease'), 'PT400 invalid_request', 'no messages'),
    (format('%L, ''{NULL}'', ''e''', :'lease'), 'PT400 invalid_request', 'a null'),
    (format('%L, ''{}'', NULL', :'lease'), 'PT400 invalid_request', 'without an error'),
    (format('%L, ''{}'', ''e'', NULL', :'lease'), 'PT400 invalid_request', 'without saying for how long'),
    (format('%L, ''{}'', ''e''', lt_uuidv7()), 'PT409 lease_lost', 'in an unknown lease')) v (arguments, code, why);
SELECT is(lt_fail_messages(:'lease', '{}', 'e'), 0, 'none fails');
SELECT is(pg_temp.states(:'c'), E'a1:sent b1:sent c1:retry:451 try\nlater:2 d1:failed:550 unknown e1:leased', 'none of these did anything');
SELECT is(lt_complete_messages(:'lease'), 1, 'the one that is left is completed');
SELECT is(pg_temp.states(:'c'), E'a1:sent a2:queued b1:sent b2:queued c1:retry:451 try\nlater:2 d1:failed:550 unknown e1:sent e2:queued', 'which closes the lease and queues step two for what was sent');
SELECT is(lt_complete_messages(:'lease'), 0, 'again it is no error');
SELECT is(lt_complete_messages(:'lease', :'ids'), 0, 'nor by their ids');
SELECT is(lt_fail_messages(:'lease', :'ids', 'e'), 0, 'and failing them does nothing');
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%L, ARRAY[lt_uuidv7()])', :'lease')), 'PT404 message_not_found', 'a message that was not in it is still an error');
SELECT is(pg_temp.detail(format('SELECT lt_extend_lease(%L, ''1 hour'')', :'lease')), 'PT409 lease_lost', 'a closed lease is not extended');

-- Retries: after 1, 4, 16 and 64 minutes, then failed.
SELECT pg_temp.campaign(2, pg_temp.leads('r')) AS c \gset
SELECT is(pg_temp.claim(1, :'c'), 'r/1/1', 'attempt 1');
SELECT message_id AS message FROM lt_messages WHERE campaign_id = :'c' \gset
SELECT lt_fail_messages(pg_temp.lease(), ARRAY[:'message'::uuid], repeat('ä', 1001));
SELECT is((SELECT reason FROM lt_messages WHERE message_id = :'message'), repeat('ä', 1000), 'of an error the first 1,000 characters are kept');
SELECT is((SELECT due_at FROM lt_messages WHERE message_id = :'message'), timestamptz '2030-01-01 00:01+00', 'after a minute');
SELECT pg_temp.at('59 seconds');
SELECT is(pg_temp.claim(1, :'c'), NULL, 'not before');
SELECT pg_temp.at('1 minute');
SELECT is(pg_temp.claim(1, :'c'), 'r/1/2', 'attempt 2');
SELECT is((SELECT message_id FROM (SELECT (lt_explain_lead(:'c', 'r@example.com')).*) e WHERE step = 1), :'message'::uuid, 'with the same id');
SELECT lt_fail_messages(pg_temp.lease(), ARRAY[:'message'::uuid], 'e');
SELECT is((SELECT due_at FROM lt_messages WHERE message_id = :'message'), timestamptz '2030-01-01 00:05+00', 'after four');
SELECT pg_temp.at('5 minutes');
SELECT is(pg_temp.claim(1, :'c'), 'r/1/3', 'attempt 3');
SELECT lt_fail_messages(pg_temp.lease(), ARRAY[:'message'::uuid], 'e');
SELECT is((SELECT due_at FROM lt_messages WHERE message_id = :'message'), timestamptz '2030-01-01 00:21+00', 'after sixteen');
SELECT pg_temp.at('21 minutes');
SELECT is(pg_temp.claim(1, :'c', '2 minutes'), 'r/1/4', 'attempt 4');
SELECT pg_temp.at('23 minutes');
SELECT is(pg_temp.claim(1, :'c'), 'r/1/4', 'whose lease runs out is handed out again');
SELECT lt_fail_messages(pg_temp.lease(), ARRAY[:'message'::uuid], 'four');
SELECT is((SELECT (state, reason, attempt, due_at)::text FROM lt_messages WHERE message_id = :'message'), ('retry', 'four', 5, timestamptz '2030-01-01 01:27+00')::text, 'and tried after sixty-four');
SELECT is((SELECT message FROM lt_sending_status(:'c')), 'The next message is due at 2030-01-01 01:27 UTC. Messages that wait to be tried again: 1, the next from 2030-01-01 01:27 UTC, because of: four', 'the status says so, and why');
SELECT pg_temp.at('87 minutes');
SELECT is(pg_temp.claim(1, :'c'), 'r/1/5', 'attempt 5');
SELECT lt_fail_messages(pg_temp.lease(), ARRAY[:'message'::uuid], 'the last');
SELECT is(pg_temp.states(:'c'), 'r1:failed:the last:5', 'then it has failed');
SELECT is((SELECT (status, message)::text FROM lt_sending_status(:'c')), '(finished,"Every lead has reached the end of its sequence. Messages that failed: 1.")', 'and the sequence ends');
SELECT is(lt_restart_leads(:'c', '{R@example.com, nobody@example.com}'), 1, 'until it is restarted');
SELECT is(pg_temp.claim(1, :'c'), 'r/1/1', 'from its first attempt');
SELECT is(lt_complete_messages(pg_temp.lease()), 1, 'it may be sent');
SELECT is(lt_restart_leads(:'c', '{r@example.com}'), 0, 'a lead that goes on is not restarted');

-- Leases.
SELECT pg_temp.at('0');
SELECT pg_temp.campaign(2, pg_temp.leads('l', 'm')) AS c \gset
SELECT is(pg_temp.claim(2, :'c'), 'l/1/1 m/1/1', 'two are leased');
SELECT pg_temp.lease() AS lease \gset
SELECT is(lt_extend_lease(:'lease', '10 minutes'), timestamptz '2030-01-01 00:10+00', 'a lease is extended');
SELECT is(pg_temp.detail(format('SELECT lt_extend_lease(%s)', arguments)), code, format('extending with %s', arguments))
FROM (VALUES (format('%L, ''0''', :'lease'), 'PT400 invalid_request'), (format('%L, ''1 year''', :'lease'), 'PT400 invalid_request'), (format('%L, NULL', :'lease'), 'PT400 invalid_request'),
    ('NULL, ''1 hour''', 'PT400 invalid_request'), ('''00000000-0000-7000-8000-000000000001'', ''1 hour''', 'PT409 lease_lost')) v (arguments, code);
SELECT is(lt_complete_messages(:'lease', pg_temp.ids('l')), 1, 'one is completed');
SELECT pg_temp.at('9 minutes 59 seconds');
SELECT is(pg_temp.claim(2, :'c'), NULL, 'the other stays with its worker');
SELECT pg_temp.at('10 minutes');
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%L)', :'lease')), 'PT409 lease_lost', 'until the lease has run out');
SELECT is(pg_temp.detail(format('SELECT lt_fail_messages(%L, ''{}'', ''e'')', :'lease')), 'PT409 lease_lost', 'when it cannot fail either');
SELECT is(pg_temp.detail(format('SELECT lt_extend_lease(%L, ''1 hour'')', :'lease')), 'PT409 lease_lost', 'nor be extended');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'lease_expired', 'which the status says');
SELECT is(pg_temp.claim(2, lt_create_campaign('empty')), NULL, 'a claim sweeps it');
SELECT is(pg_temp.states(:'c'), 'l1:sent l2:queued m1:queued:lease expired', 'what was sent goes on, the rest is given back');
SELECT is((SELECT message FROM lt_sending_status(:'c')), 'Messages are due and wait for a worker to claim them. Messages that wait because a lease ran out with nothing reported: 1, the next from 2030-01-01 00:00 UTC.', 'the status says that it was');
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%L)', :'lease')), 'PT409 lease_lost', 'the worker has lost it');
SELECT is((SELECT state FROM leadterra.leases WHERE lease_id = :'lease'), 'lost', 'and so it stays');

-- Follow-ups run from completion; a lead that ended gets none.
SELECT pg_temp.at('0');
SELECT pg_temp.campaign(3, pg_temp.leads('f', 'g', 'h', 'i', 'j', 'k')) AS c \gset
SELECT pg_temp.claim(6, :'c');
SELECT pg_temp.at('3 minutes');
SELECT lt_record_event((pg_temp.ids('g'))[1], 'replied', '{"classification": "interested", "threadSnippet": "Yes"}');
SELECT lt_complete_messages(pg_temp.lease());
SELECT is((SELECT array_agg(DISTINCT due_at) FROM lt_messages WHERE campaign_id = :'c' AND step = 2), ARRAY[timestamptz '2030-01-03 00:03+00'], 'step two is due two days after step one was completed');
SELECT pg_temp.at('2 days 2 minutes');
SELECT is(pg_temp.claim(5, :'c'), NULL, 'not before');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), ('nothing_due', timestamptz '2030-01-03 00:03+00')::text, 'the status says when');
SELECT lt_suppress('{h@example.com}');
SELECT lt_remove_leads(:'c', '{i@example.com}');
SELECT lt_delete_leads('{j@example.com}');
SELECT lt_update_lead('k@example.com', '{"verificationStatus": -1}');
SELECT is((SELECT concat_ws(' ', state, reason) FROM lt_messages WHERE campaign_id = :'c' AND email = 'k@example.com' AND step = 2), 'skipped invalid_email', 'an address found invalid is skipped');
SELECT is((SELECT concat_ws(' ', state, reason) FROM lt_explain_lead(:'c', 'k@example.com') WHERE step = 2), 'skipped invalid_email', 'and that is explained');
SELECT is((SELECT queued_messages FROM lt_campaigns WHERE campaign_id = :'c'), 2::bigint, 'queued is what may be sent, so far as it is known');
SELECT pg_temp.at('2 days 3 minutes');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'due', 'then they are due');
SELECT is(pg_temp.claim(5, :'c'), 'f/2/1', 'who replied, is suppressed, removed, deleted or invalid gets none');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'all_leased', 'then a worker has it');
SELECT is(pg_temp.states(:'c'), 'f1:sent f2:leased g1:sent g2:skipped:replied h1:sent h2:skipped:suppressed i1:sent i2:skipped:removed k1:sent k2:skipped:invalid_email', 'and each has its reason');
SELECT is((SELECT (total_enrolled, sent, skipped, queued) FROM lt_campaign_stats(:'c')), (4::bigint, 6::bigint, 4::bigint, 0::bigint), 'the statistics count them');
SELECT lt_complete_messages(pg_temp.lease());
SELECT pg_temp.at('5 days');
SELECT is(pg_temp.claim(5, :'c'), 'f/3/1', 'step three');
SELECT lt_complete_messages(pg_temp.lease());
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'finished', 'is the last');
SELECT lt_unsuppress('{h@example.com}');
SELECT is(pg_temp.claim(5, :'c'), NULL, 'one that is taken off the suppression list is not resumed');
SELECT is(lt_restart_leads(:'c', '{f@example.com, g@example.com, h@example.com, i@example.com}'), 2, 'but by a restart; who is removed or finished is not');
SELECT is((SELECT enrolled FROM lt_bulk_upsert(:'c', pg_temp.leads('i'))), 1, 'who is removed is enrolled again');
SELECT is(pg_temp.claim(5, :'c'), 'g/2/1 h/2/1 i/2/1', 'each where it stood');
SELECT results_eq(format('SELECT step, state, reason FROM lt_explain_lead(%L, '' G@Example.com'')', :'c'),
    'VALUES (1, ''sent'', NULL), (2, ''leased'', NULL), (3, ''not_reached'', NULL)', 'it is explained step by step');
SELECT is(pg_temp.detail(format('SELECT lt_explain_lead(%L, ''nobody@example.com'')', :'c')), 'PT404 lead_not_found', 'but for nobody');
SELECT is(pg_temp.detail('SELECT lt_explain_lead(''00000000-0000-7000-8000-000000000001'', ''g@example.com'')'), 'PT404 campaign_not_found', 'nor in no campaign');
SELECT is(pg_temp.detail('SELECT lt_campaign_stats(''00000000-0000-7000-8000-000000000001'')'), 'PT404 campaign_not_found', 'which has no statistics');
SELECT is(pg_temp.detail('SELECT lt_sending_status(NULL)'), 'PT400 invalid_request', 'null has no status');

-- Due times decide, and campaigns take turns.
SELECT pg_temp.at('10 days');
DELETE FROM leadterra.campaigns WHERE workspace_id = lt_current_workspace();
SELECT pg_temp.campaign(2, (SELECT jsonb_agg(jsonb_build_object('email', format('big%s@example.com', i))) FROM generate_series(1, 2500) i)) AS big \gset
SELECT is(pg_temp.claim(1), 'big1/1/1', 'a large campaign begins');
SELECT pg_temp.at('10 days 1 minute');
SELECT pg_temp.campaign(2, pg_temp.leads('s', 't')) AS small \gset
SELECT is(pg_temp.claim(10), 's/1/1 t/1/1', 'a small one that starts later is served next');
SELECT is((SELECT count(*) FROM lt_claim_messages(1500)), 1500::bigint, 'then the large one');
SELECT lt_bulk_upsert(:'small', pg_temp.leads('u'));
SELECT is(pg_temp.claim(10), 'u/1/1', 'and so on');
SELECT is((SELECT count(*) FROM lt_claim_messages(10000)), 999::bigint, 'a claim goes over several batches');
SELECT is(lt_complete_messages(pg_temp.lease()), 999, 'and so does its lease');
SELECT is((SELECT array_agg(size::integer ORDER BY batch_id) FROM leadterra.batches WHERE campaign_id = :'big' AND step = 2), ARRAY[999], 'one batch follows');
SELECT is((SELECT status FROM lt_pause_campaign(:'small')), 'paused', 'a paused campaign');
SELECT lt_bulk_upsert(:'small', pg_temp.leads('v'));
SELECT is(pg_temp.claim(10), NULL, 'is not served');
SELECT is(pg_temp.claim(10, :'small'), NULL, 'also if it is asked for');
SELECT is((SELECT reason FROM lt_explain_lead(:'small', 'v@example.com') WHERE step = 1), 'paused', 'which explains it');
SELECT is((SELECT status FROM lt_sending_status(:'small')), 'paused', 'as the status does');
SELECT is((SELECT message FROM lt_sending_status(:'small')), 'The campaign is paused since 2030-01-11 00:01 UTC.', 'in a sentence');

-- What workers wait by.
DELETE FROM leadterra.campaigns WHERE workspace_id = lt_current_workspace();
SELECT is(lt_next_due(), NULL, 'nothing will be due');
SELECT pg_temp.campaign(2, pg_temp.leads('n')) AS c \gset
SELECT is(lt_next_due(), timestamptz '2030-01-11 00:01+00', 'a message is due');
SELECT ok(lt_current_workspace() IN (SELECT workspace_id FROM lt_due_workspaces()), 'in this workspace');
SELECT pg_temp.claim(1);
SELECT is(lt_next_due(), timestamptz '2030-01-11 00:06+00', 'a lease may run out');
SELECT ok(lt_current_workspace() NOT IN (SELECT workspace_id FROM lt_due_workspaces()), 'which is not yet');
SELECT lt_complete_messages(pg_temp.lease());
SELECT is(lt_next_due(), timestamptz '2030-01-13 00:01+00', 'a follow-up will be due');

-- Events.
CREATE TEMP TABLE events (name text, type text, data jsonb, status text, suppressed boolean);
INSERT INTO events VALUES
('delivered', 'delivered', '{"at": 1}', 'active', false),
('opened', 'opened', '{}', 'active', false),
('soft', 'bounced', '{"bounceType": "soft", "bounceReason": "full"}', 'active', false),
('hard', 'bounced', '{"bounceType": "hard"}', 'bounced', true),
('reply', 'replied', '{}', 'replied', false),
('interested', 'replied', '{"classification": "interested", "threadSnippet": "Yes"}', 'replied', false),
('not', 'replied', '{"classification": "not_interested"}', 'replied', false),
('office', 'replied', '{"classification": "out_of_office"}', 'active', false),
('mailer', 'replied', '{"classification": "bounce"}', 'bounced', false),
('please', 'replied', '{"classification": "unsubscribe"}', 'unsubscribed', true),
('link', 'unsubscribed', '{}', 'unsubscribed', true);
SELECT pg_temp.campaign(2, (SELECT pg_temp.leads(VARIADIC array_agg(name)) FROM events)) AS c \gset
SELECT pg_temp.claim(20, :'c');
SELECT lt_complete_messages(pg_temp.lease());
SELECT is((SELECT array_agg(lt_record_event(m.message_id, e.type, e.data) ORDER BY name) FROM events e JOIN lt_messages m ON m.campaign_id = :'c' AND m.step = 1 AND m.email = name || '@example.com'),
    array_fill(true, ARRAY[11]), 'events are recorded');
SELECT results_eq(format('SELECT split_part(e.email, ''@'', 1) COLLATE "C", e.status, (SELECT count(*) > 0 FROM lt_is_suppressed(e.email)) FROM lt_enrollments e WHERE campaign_id = %L ORDER BY 1', :'c'),
    'SELECT name COLLATE "C", status, suppressed FROM events ORDER BY 1', 'and do what they have to');
SELECT is((SELECT array_agg(lt_record_event(m.message_id, e.type, e.data) ORDER BY name) FROM events e JOIN lt_messages m ON m.campaign_id = :'c' AND m.step = 1 AND m.email = name || '@example.com'),
    array_fill(false, ARRAY[11]), 'each once');
SELECT lt_record_event(message_id, 'delivered') FROM lt_messages WHERE campaign_id = :'c' AND step = 1 AND email < 'm';
SELECT is((SELECT (delivered, bounced, replied, unsubscribed, open_rate * delivered, reply_rate * delivered)::text FROM lt_campaign_stats(:'c')), '(4,3,4,2,1,4)', 'the statistics count messages');
SELECT lt_record_event(message_id, 'replied', '{"threadSnippet": "And more"}') FROM lt_messages WHERE campaign_id = :'c' AND step = 1 AND email = 'reply@example.com';
SELECT is((SELECT (replied, (SELECT count(*) FROM leadterra.events WHERE campaign_id = :'c' AND type = 'replied')) FROM lt_campaign_stats(:'c')), (4::bigint, 7::bigint), 'a second reply is kept and counts no more');
SELECT message_id AS message FROM lt_messages WHERE campaign_id = :'c' AND step = 1 AND email = 'hard@example.com' \gset
SELECT lt_record_event(:'message', 'replied');
SELECT is((SELECT status FROM lt_enrollments WHERE campaign_id = :'c' AND email = 'hard@example.com'), 'bounced', 'a reply does not undo a bounce');
SELECT is(pg_temp.detail(format('SELECT lt_record_event(%s)', arguments)), code, format('an event of %s', arguments))
FROM (VALUES (format('%L, ''seen''', :'message'), 'PT400 invalid_event'), (format('%L, NULL', :'message'), 'PT400 invalid_request'), (format('%L, ''opened'', NULL', :'message'), 'PT400 invalid_request'),
    (format('%L, ''opened'', ''[]''', :'message'), 'PT400 invalid_event'), (format('%L, ''bounced''', :'message'), 'PT400 invalid_event'), (format('%L, ''bounced'', ''{"bounceType": "x"}''', :'message'), 'PT400 invalid_event'),
    (format('%L, ''bounced'', ''{"bounceType": 1}''', :'message'), 'PT400 invalid_event'), (format('%L, ''replied'', ''{"classification": "maybe"}''', :'message'), 'PT400 invalid_event'),
    (format('%L, ''replied'', ''{"threadSnippet": {}}''', :'message'), 'PT400 invalid_event'), (format('%L, ''opened'', ''{"x": [1e131071]}''', :'message'), 'PT400 invalid_event'), (format('%L, ''opened'', jsonb_build_object(''x'', repeat(''x'', 16777216))', :'message'), 'PT400 invalid_event'), ('NULL, ''opened''', 'PT400 invalid_request'),
    ('''00000000-0000-7000-8000-000000000000'', ''opened''', 'PT404 message_not_found'), (format('%L, ''opened''', (SELECT leadterra.message_id(batch_id, 12) FROM leadterra.batches WHERE campaign_id = :'c' AND step = 1)), 'PT404 message_not_found')) v (arguments, code);

-- Hard after soft, a lead that is gone, and one that begins like a domain.
SELECT pg_temp.campaign(1, pg_temp.leads('twice', 'gone')) AS c \gset
SELECT pg_temp.claim(2, :'c');
SELECT message_id AS twice FROM lt_messages WHERE campaign_id = :'c' AND email = 'twice@example.com' \gset
SELECT message_id AS gone FROM lt_messages WHERE campaign_id = :'c' AND email = 'gone@example.com' \gset
SELECT is(lt_record_event(:'twice', 'bounced', '{"bounceType": "soft"}'), true, 'a soft bounce');
SELECT is(lt_record_event(:'twice', 'bounced', '{"bounceType": "hard"}'), true, 'and then a hard one');
SELECT is((SELECT reason FROM lt_is_suppressed('twice@example.com')), 'hard_bounce', 'suppresses');
SELECT is((SELECT bounced FROM lt_campaign_stats(:'c')), 1::bigint, 'and is one message');
SELECT lt_delete_leads('{gone@example.com}');
SELECT is(lt_record_event(:'gone', 'delivered'), true, 'an event of a lead that was deleted');
SELECT is(pg_temp.detail(format('SELECT lt_record_event(%L, ''unsubscribed'')', :'gone')), 'PT404 lead_not_found', 'but nobody is left to suppress');
SELECT is(pg_temp.detail(format('SELECT lt_record_event(%L, ''unsubscribed'', %L)', :'gone', jsonb_build_object('email', email))), 'PT400 invalid_event', format('an address %s', email)) FROM unnest('{"\"a@\"", 1, "\"a.example\""}'::jsonb[]) email;
SELECT is(lt_record_event(:'gone', type, data || '{"email": " GONE@example.com "}'), true, 'unless the address is given') FROM (VALUES ('bounced', '{"bounceType": "hard"}'::jsonb), ('replied', '{"classification": "unsubscribe"}'), ('unsubscribed', '{}')) v (type, data);
SELECT is((SELECT string_agg(entry || ' ' || reason, ', ') FROM lt_suppressions WHERE entry ~ 'gone@'), 'gone@example.com hard_bounce', 'which is suppressed');
SELECT is((SELECT count(*) FROM leadterra.events WHERE message_id = :'gone' AND data::text ~* 'gone@'), 0::bigint, 'and not kept with the event');
SELECT is(lt_record_event(leadterra.message_id('0197c043-e39c-7d91-a325-6615db0e1000', 7), 'unsubscribed', '{"email": "unknown@example.com"}'), true, 'where the message is not known too');
SELECT is((SELECT count(*) FROM lt_is_suppressed('unknown@example.com')), 1::bigint, 'it is suppressed');
SELECT is(lt_record_event(leadterra.message_id('0197c043-e39c-7d91-a325-6615db0e1000', 7), 'unsubscribed', '{"email": "unknown@example.com"}'), false, 'once');
SELECT is(pg_temp.detail(format('SELECT lt_record_event(leadterra.message_id(''0197c043-e39c-7d91-a325-6615db0e1000'', 7), %L, %L)', type, '{"email": "unknown@example.com", "bounceType": "soft"}')), 'PT404 message_not_found', type || ' suppresses nobody') FROM unnest('{opened,replied,bounced}'::text[]) type;
SELECT lt_record_event(:'twice', 'bounced', '{"bounceType": "hard", "email": "other@example.com"}');
SELECT is((SELECT count(*) FROM lt_is_suppressed('other@example.com')), 0::bigint, 'where the lead is known, no other address is');
SELECT pg_temp.campaign(1, pg_temp.leads('plain', 'odd', 'more', 'last')) AS c \gset
UPDATE leadterra.leads SET email = CASE email WHEN 'odd@example.com' THEN 'hand.example' WHEN 'more@example.com' THEN 'x@y@hand.example' ELSE 'a@hand.example' END
WHERE workspace_id = lt_current_workspace() AND email IN ('odd@example.com', 'more@example.com', 'last@example.com');
SELECT lt_suppress('{*.example}');
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 minute', :'c')), 1::bigint, 'addresses that were written by hand do no harm');
SELECT is((SELECT array_agg(reason ORDER BY reason) FROM lt_messages WHERE campaign_id = :'c' AND state = 'skipped'), '{invalid_email,invalid_email,suppressed}', 'what is none is not mailed');
SELECT lt_unsuppress('{*.example}');

-- Links.
SELECT lt_set_unsubscribe_url('https://example.com/u?t=');
SELECT lt_create_campaign('links', '[{"subject": "s", "bodyHtml": "<a href=\"{{unsubscribeUrl}}\">{{ unsubscribeUrl | x }}</a>"}]') AS c \gset
SELECT lt_bulk_upsert(:'c', pg_temp.leads('y', 'z'));
SELECT is((SELECT array_agg(leads_without_value) FROM lt_preflight(:'c') WHERE has_fallback IS NOT NULL), ARRAY[0::bigint], 'preflight finds no lead without a link');
SELECT lt_start_campaign(:'c');
CREATE TEMP TABLE links AS SELECT email, substring(body_html FROM '\?t=([^"]*)"') AS token, body_html, unsubscribe_url FROM lt_claim_messages(2, '1 hour', :'c');
SELECT is((SELECT count(*) FROM links WHERE unsubscribe_url = 'https://example.com/u?t=' || token), 2::bigint, 'a message says its link');
SELECT pg_temp.campaign(1, pg_temp.leads('linked')) AS linked \gset
SELECT matches((SELECT unsubscribe_url FROM lt_claim_messages(1, '1 hour', :'linked')), '^https://example.com/u\?t=[-_A-Za-z0-9]{90}$', 'also where its texts do not show it');
SELECT ok(body_html ~ '^<a href="https://example.com/u\?t=[0-9a-z]{26}[-_A-Za-z0-9]{64}">https://example.com/u\?t=[-_A-Za-z0-9]{90}</a>$', 'a link') FROM links WHERE email = 'y@example.com';
SELECT is((SELECT count(DISTINCT token) FROM links), 2::bigint, 'of its own for each message');
SELECT token FROM links WHERE email = 'y@example.com' \gset
SELECT is((SELECT count(*) FROM generate_series(1, 90) i CROSS JOIN unnest('{A,Q,-,0,1,z}'::text[]) c
    WHERE substr(:'token', i, 1) <> c AND pg_temp.detail(format('SELECT lt_unsubscribe(%L)', overlay(:'token' PLACING c FROM i))) <> 'PT400 invalid_token'), 0::bigint, 'an altered one is refused');
SELECT is(pg_temp.detail(format('SELECT lt_unsubscribe(%L)', t)), 'PT400 invalid_token', format('token %L', t)) FROM unnest(ARRAY['', 'x', :'token' || 'A', repeat('0', 26) || repeat('A', 64), repeat('0', 90), substr(:'token', 27), upper(substr(:'token', 1, 26)) || substr(:'token', 27), '8' || substr(:'token', 2), translate(:'token', '-_', '+/') || '=', repeat('ä', 45)]) t;
SELECT is(lt_from_typeid(substr(:'token', 1, 26)), lt_current_workspace(), 'it begins with the workspace');
SELECT is(pg_temp.detail('SELECT lt_unsubscribe(NULL)'), 'PT400 invalid_request', 'null is no token');
SELECT is((SELECT count(*) FROM lt_suppressions WHERE entry ~ '^[yz]@'), 0::bigint, 'nobody is unsubscribed yet');
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b15';
SELECT ok(lt_unsubscribe(:'token'), 'it unsubscribes, whatever the workspace of the session is');
SELECT ok(NOT lt_unsubscribe(:'token'), 'and may be opened again');
SELECT is((SELECT count(*) FROM lt_suppressions), 0::bigint, 'in the other workspace nothing happens');
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b16';
SELECT is((SELECT string_agg(entry || ' ' || reason, ',') FROM lt_suppressions WHERE entry ~ '^[yz]@'), 'y@example.com unsubscribed', 'the address is suppressed');
SELECT is((SELECT string_agg(status, ',' ORDER BY email) FROM lt_enrollments WHERE campaign_id = :'c'), 'unsubscribed,active', 'and its sequence ends');
SELECT is(pg_temp.detail(format('SELECT lt_set_unsubscribe_url(%L)', url)), 'PT400 invalid_request', format('address %L', url))
FROM unnest(ARRAY['', 'example.com', 'javascript:x', 'https://a b', 'https://a"b', E'https://a\nb', 'https://' || repeat('a', 1000)]) url;
SELECT lt_set_unsubscribe_url(NULL);
SELECT pg_temp.campaign(1, pg_temp.leads('unlinked')) AS linked \gset
SELECT is((SELECT array_agg(unsubscribe_url) FROM lt_claim_messages(1, '1 hour', :'linked')), '{NULL}', 'no address, no link');
SELECT is((SELECT array_agg(leads_without_value) FROM lt_preflight(:'c') WHERE has_fallback IS NOT NULL), ARRAY[1::bigint], 'without an address, preflight finds every active lead without a link');

-- Rates, where deliveries are reported, and where they never are.
SELECT pg_temp.campaign(1, pg_temp.leads('r1', 'r2', 'r3', 'r4')) AS rated \gset
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages(10, '5 minutes', :'rated') LIMIT 1;
SELECT lt_record_event(message_id, 'opened') FROM lt_messages WHERE campaign_id = :'rated' AND email IN ('r1@example.com', 'r2@example.com');
SELECT lt_record_event(message_id, 'replied') FROM lt_messages WHERE campaign_id = :'rated' AND email = 'r1@example.com';
SELECT is((SELECT (delivered, open_rate, reply_rate)::text FROM lt_campaign_stats(:'rated')), '(0,0.5,0.25)', 'rates are over what was sent where nothing is reported as delivered');
SELECT lt_record_event(message_id, 'delivered') FROM lt_messages WHERE campaign_id = :'rated' AND email < 'r3';
SELECT is((SELECT (delivered, open_rate, reply_rate)::text FROM lt_campaign_stats(:'rated')), '(2,1,0.5)', 'and over what was delivered where that is reported');

SELECT * FROM finish();
ROLLBACK;
