-- message: what workers say of messages that are not sent: bounces, deferrals, and giving back.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(79);

\ir ../call.sql
-- A running campaign of two steps, a day apart.
CREATE FUNCTION pg_temp.campaign(VARIADIC names text[]) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    id uuid := lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "t", "bodyHtml": "b"}]');
BEGIN
    PERFORM lt_bulk_upsert(id, (SELECT jsonb_agg(jsonb_build_object('email', n || '@example.com') ORDER BY i) FROM unnest(names) WITH ORDINALITY u (n, i))), lt_start_campaign(id);
    RETURN id;
END;
$$;
CREATE FUNCTION pg_temp.claim(most integer, campaign uuid, lease_for interval DEFAULT '1 day') RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s/%s', split_part(email, '@', 1), step, attempt), ' ') FROM lt_claim_messages(most, lease_for, campaign)
$$;
CREATE FUNCTION pg_temp.lease() RETURNS uuid LANGUAGE sql AS $$ SELECT lease_id FROM leadterra.leases ORDER BY lease_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.ids(campaign uuid, VARIADIC names text[]) RETURNS uuid[] LANGUAGE sql SET search_path = public AS $$
    SELECT array_agg(message_id ORDER BY message_id) FROM lt_messages WHERE campaign_id = campaign AND split_part(email, '@', 1) = ANY (names) AND step = 1
$$;
CREATE FUNCTION pg_temp.states(campaign uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(concat_ws(':', split_part(email, '@', 1) || step, state, reason, nullif(attempt, 1)), ' ' ORDER BY email, step) FROM lt_messages WHERE campaign_id = campaign
$$;
CREATE FUNCTION pg_temp.enrolled(campaign uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(split_part(email, '@', 1) || ':' || status, ' ' ORDER BY email) FROM lt_enrollments WHERE campaign_id = campaign AND status <> 'active'
$$;
CREATE FUNCTION pg_temp.suppressed() RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(split_part(entry, '@', 1) || ':' || reason, ' ' ORDER BY entry) FROM lt_suppressions
$$;
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b22';
SELECT pg_temp.at('0');

-- Bounces: refused for good while the message was sent.
SELECT pg_temp.campaign('a', 'b', 'c', 'd') AS c \gset
SELECT pg_temp.claim(4, :'c');
SELECT pg_temp.lease() AS lease, pg_temp.ids(:'c', 'a') AS a, pg_temp.ids(:'c', 'b', 'c') AS bc, pg_temp.ids(:'c', 'd') AS d \gset
SELECT lt_complete_messages(:'lease', :'a');
SELECT is(lt_bounce_messages(:'lease', :'a', 'too late'), 0, 'a message that was sent does not bounce any more');
SELECT is(pg_temp.suppressed(), NULL, 'and nobody is suppressed for it');
SELECT is(lt_bounce_messages(:'lease', :'bc'::uuid[] || :'bc'::uuid[], '550 5.1.1 no such user'), 2, 'two bounce');
SELECT is(pg_temp.states(:'c'), 'a1:sent b1:failed:550 5.1.1 no such user c1:failed:550 5.1.1 no such user d1:leased', 'they have failed');
SELECT is(pg_temp.enrolled(:'c'), 'b:bounced c:bounced', 'their sequences end');
SELECT is(pg_temp.suppressed(), 'b:hard_bounce c:hard_bounce', 'their addresses are suppressed');
SELECT is((SELECT (sent, bounced, failed)::text FROM lt_campaign_stats(:'c')), '(1,2,2)', 'they count as bounced, and not as sent');
SELECT is((SELECT array_agg(DISTINCT v.data) FROM leadterra.events v WHERE v.campaign_id = :'c' AND v.type = 'bounced'), ARRAY['{"bounceType": "hard", "bounceReason": "550 5.1.1 no such user"}'::jsonb], 'an event is kept of each');
SELECT is(lt_bounce_messages(:'lease', :'bc', 'again'), 0, 'said again it is not new');
SELECT is(lt_complete_messages(:'lease', :'bc'), 0, 'nor are they sent after that');
SELECT is(lt_record_event((:'bc'::uuid[])[1], 'bounced', '{"bounceType": "hard"}'), false, 'nor do they bounce twice');
SELECT is(lt_bounce_messages(:'lease', :'d', repeat('ä', 1001)), 1, 'the last one bounces');
SELECT is((SELECT (x.reason, v.data ->> 'bounceReason')::text FROM leadterra.exceptions x JOIN leadterra.events v ON v.lead_id = x.lead_id WHERE v.message_id = (:'d'::uuid[])[1]), (repeat('ä', 1000), repeat('ä', 1000))::text, 'of a reason the first 1,000 characters are kept');
SELECT is((SELECT state FROM leadterra.leases WHERE lease_id = :'lease'), 'closed', 'which closes the lease');
SELECT is(pg_temp.states(:'c'), 'a1:sent a2:queued b1:failed:550 5.1.1 no such user c1:failed:550 5.1.1 no such user d1:failed:' || repeat('ä', 1000), 'and queues step two for what was sent');
SELECT is(lt_bounce_messages(:'lease', :'d', 'again'), 0, 'a closed lease has nothing that could bounce');
SELECT is((SELECT reason FROM lt_bulk_upsert_report(:'c', '[{"email": "b@example.com"}]', 'skip')), 'suppressed', 'who bounced is not enrolled again');
SELECT is(pg_temp.detail(format('SELECT lt_bounce_messages(%s)', arguments)), code, format('a bounce with %s', why))
FROM (VALUES ('NULL, ''{}'', ''e''', 'PT400 invalid_request', 'no lease'), (format('%L, NULL, ''e''', :'lease'), 'PT400 invalid_request', 'no messages'), (format('%L, ''{}'', NULL', :'lease'), 'PT400 invalid_request', 'no reason'),
    (format('%L, ''{NULL}'', ''e''', :'lease'), 'PT400 invalid_request', 'a null'), (format('%L, ARRAY[lt_uuidv7()], ''e''', :'lease'), 'PT404 message_not_found', 'a message that is not in the lease'),
    (format('%L, ''{}'', ''e''', lt_uuidv7()), 'PT409 lease_lost', 'an unknown lease')) v (arguments, code, why);

-- A lead that left the campaign, or is gone, and an address that is suppressed already.
SELECT pg_temp.campaign('e', 'f', 'g', 'h') AS c \gset
SELECT pg_temp.claim(4, :'c', '1 hour');
SELECT pg_temp.ids(:'c', 'e', 'f', 'g', 'h') AS all \gset
SELECT lt_remove_leads(:'c', '{e@example.com}'), lt_delete_leads('{f@example.com}'), lt_suppress('{g@example.com}');
SELECT is(lt_bounce_messages(pg_temp.lease(), :'all', 'no'), 4, 'whatever became of the leads meanwhile');
SELECT is(pg_temp.enrolled(:'c'), 'e:bounced g:bounced h:bounced', 'the sequences of those who are there end');
SELECT is((SELECT string_agg(split_part(entry, '@', 1) || ':' || reason, ' ' ORDER BY entry) FROM lt_suppressions WHERE entry ~ '^[efgh]'), 'e:hard_bounce g:manual h:hard_bounce', 'and their addresses are suppressed');
SELECT is((SELECT (bounced, failed)::text FROM lt_campaign_stats(:'c')), '(4,4)', 'all are counted');
SELECT pg_temp.campaign('h2') AS c \gset
SELECT pg_temp.claim(1, :'c', '1 hour');
SELECT pg_temp.at('1 hour');
SELECT is(pg_temp.detail(format('SELECT lt_bounce_messages(%L, ''{}'', ''e'')', pg_temp.lease())), 'PT409 lease_lost', 'a lease that ran out');
SELECT pg_temp.at('0');

-- A permanent failure is a bounce if its first enhanced status says so.
CREATE TEMP TABLE answers (number integer GENERATED ALWAYS AS IDENTITY, answer text, bounces boolean);
INSERT INTO answers (answer, bounces) VALUES
('550 5.1.1 user unknown', true), ('550 5.1.2 bad destination system', true), ('550-5.1.3 bad address', true), ('550 5.1.6 moved', true), ('556 5.1.10 null MX', true), ('550 5.2.1 disabled', true),
('5.1.1', true), ('smtp; 550 5.1.1 <a@b.example>... User unknown', true), ('550 <a@b.example>: 5.1.1.', true), ('(5.1.1)', true), ('#5.1.1 smtp;550', true), ('10.5.1.1 said: 550 5.1.1 gone', true),
('550 user unknown', false), ('550 5.1.0 rejected', false), ('552 5.2.2 mailbox full', false), ('554 5.7.1 spam; see 5.1.1', false), ('550 5.1.11 x', false), ('550 5.1.100', false), ('550 15.1.1', false), ('5.1.1.7 refused it', false),
('450 4.1.1 later', false), ('550 5.1.1x', false), ('550 5.1', false), ('550 5.1.', false), ('550 v5.1.1', false), ('', false), ('5', false), ('x.5.1.1', false), ('550 5.1.4 ambiguous, not 5.1.1', false), ('2.0.0 5.1.1', false);
SELECT lt_create_campaign('answers', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', format('answer%s@example.com', number))) FROM answers)), lt_start_campaign(:'c');
SELECT lt_fail_messages(m.lease_id, ARRAY[m.message_id], a.answer, true) FROM lt_claim_messages(100, '1 hour', :'c') m JOIN answers a ON m.email = format('answer%s@example.com', a.number);
SELECT results_eq($$SELECT a.answer, (SELECT count(*) > 0 FROM lt_is_suppressed(format('answer%s@example.com', a.number))) FROM answers a ORDER BY a.number$$,
    'SELECT answer, bounces FROM answers ORDER BY number', 'what a server said suppresses the address, or not');
SELECT is((SELECT (bounced, failed, sent)::text FROM lt_campaign_stats(:'c')), (SELECT (count(*) FILTER (WHERE bounces), count(*), 0)::text FROM answers), 'and is counted so');
SELECT pg_temp.campaign('i') AS c \gset
SELECT pg_temp.claim(1, :'c');
SELECT lt_fail_messages(pg_temp.lease(), pg_temp.ids(:'c', 'i'), '550 5.1.1 user unknown');
SELECT is(pg_temp.states(:'c'), 'i1:retry:550 5.1.1 user unknown:2', 'one that is not permanent is tried again, whatever it says');
SELECT is(pg_temp.detail(format('SELECT lt_fail_messages(%L, ''{}'', ''5.1.1'', true)', lt_uuidv7())), 'PT409 lease_lost', 'an unknown lease does not fail so');

-- Deferrals.
SELECT pg_temp.campaign('j', 'k', 'l') AS c \gset
SELECT pg_temp.claim(3, :'c');
SELECT pg_temp.lease() AS lease, pg_temp.ids(:'c', 'j', 'k') AS jk \gset
SELECT is(lt_defer_messages(:'lease', :'jk', '3 hours', '452 daily quota exhausted'), 2, 'two are deferred');
SELECT is(lt_defer_messages(:'lease', :'jk', '4 hours', 'again'), 0, 'said again it is not new');
SELECT is(lt_complete_messages(:'lease'), 1, 'the third is sent');
SELECT is(pg_temp.states(:'c'), 'j1:retry:452 daily quota exhausted k1:retry:452 daily quota exhausted l1:sent l2:queued', 'no attempt is counted');
SELECT is((SELECT DISTINCT due_at FROM lt_messages WHERE message_id = ANY (:'jk')), timestamptz '2030-01-01 03:00+00', 'they are due after that time');
SELECT is((SELECT (status, message)::text FROM lt_sending_status(:'c')),
    '(nothing_due,"The next message is due at 2030-01-01 03:00 UTC. Messages that wait to be tried again: 2, the next from 2030-01-01 03:00 UTC, because of: 452 daily quota exhausted")', 'the status says what waits, until when and why');
SELECT is((SELECT (state, reason, attempt, due_at)::text FROM lt_explain_lead(:'c', 'j@example.com') WHERE step = 1), ('retry', '452 daily quota exhausted', 1, timestamptz '2030-01-01 03:00+00')::text, 'and so it is explained');
SELECT pg_temp.at('2 hours 59 minutes');
SELECT is(pg_temp.claim(3, :'c'), NULL, 'not before');
SELECT pg_temp.at('3 hours');
SELECT is(pg_temp.claim(3, :'c'), 'j/1/1 k/1/1', 'then both');
SELECT lt_fail_messages(pg_temp.lease(), (:'jk'::uuid[])[1:1], 'no');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[2:2], '4 days 20 hours', 'still');
SELECT is(pg_temp.states(:'c'), 'j1:retry:no:2 k1:retry:still l1:sent l2:queued', 'a failure counts, a deferral does not');
SELECT pg_temp.at('3 hours 1 minute');
SELECT is(pg_temp.claim(3, :'c'), 'j/1/2', 'attempt two');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[1:1], '5 days', E'421 come\nback');
SELECT is((SELECT due_at FROM lt_messages WHERE message_id = (:'jk'::uuid[])[1]), timestamptz '2030-01-06 00:00+00', 'none waits longer than until five days after it was first tried');
SELECT pg_temp.at('4 days 23 hours');
SELECT is(pg_temp.claim(3, :'c'), 'l/2/1 k/1/1', 'the other may be deferred once more');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[2:2], '5 days', 'still');
SELECT pg_temp.at('5 days');
SELECT is(pg_temp.claim(3, :'c'), 'j/1/2 k/1/1', 'a last attempt');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[1:1], '1 second', E'421 come\nback');
SELECT is((SELECT (state, reason, attempt)::text FROM lt_messages WHERE message_id = (:'jk'::uuid[])[1]), ('failed', E'deferred for 5 days: 421 come\nback', 2)::text, 'then it has failed');
SELECT lt_fail_messages(pg_temp.lease(), (:'jk'::uuid[])[2:2], 'no');
SELECT is((SELECT (state, reason, attempt)::text FROM lt_messages WHERE message_id = (:'jk'::uuid[])[2]), '(retry,no,2)', 'a failure is none of that');
SELECT pg_temp.at('5 days 1 minute');
SELECT pg_temp.claim(3, :'c');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[2:2], '1 minute', repeat('x', 1000));
SELECT is((SELECT reason FROM lt_messages WHERE message_id = (:'jk'::uuid[])[2]), left('deferred for 5 days: ' || repeat('x', 1000), 1000), 'nor can it be deferred after that');
SELECT is(lt_restart_leads(:'c', '{j@example.com}'), 1, 'a restart');
SELECT is(pg_temp.claim(1, :'c'), 'j/1/1', 'begins anew');
SELECT lt_defer_messages(pg_temp.lease(), (:'jk'::uuid[])[1:1], '1 minute', 'no');
SELECT is((SELECT state FROM lt_messages WHERE message_id = (:'jk'::uuid[])[1]), 'retry', 'with five days more');
SELECT is(pg_temp.detail(format('SELECT lt_defer_messages(%s)', arguments)), code, format('a deferral with %s', why))
FROM (VALUES ('NULL, ''{}'', ''1 hour'', ''e''', 'PT400 invalid_request', 'no lease'), (format('%L, NULL, ''1 hour'', ''e''', :'lease'), 'PT400 invalid_request', 'no messages'),
    (format('%L, ''{}'', NULL, ''e''', :'lease'), 'PT400 invalid_request', 'no time'), (format('%L, ''{}'', ''1 hour'', NULL', :'lease'), 'PT400 invalid_request', 'no error'),
    (format('%L, ''{}'', ''0'', ''e''', :'lease'), 'PT400 invalid_request', 'a wait for nothing'), (format('%L, ''{}'', ''-1 hour'', ''e''', :'lease'), 'PT400 invalid_request', 'less than nothing'),
    (format('%L, ''{}'', ''5 days 1 second'', ''e''', :'lease'), 'PT400 invalid_request', 'more than five days'), (format('%L, ''{}'', ''200000 years'', ''e''', :'lease'), 'PT400 invalid_request', 'more than there is'),
    (format('%L, ARRAY[lt_uuidv7()], ''1 hour'', ''e''', :'lease'), 'PT404 message_not_found', 'a message that is not in the lease'),
    (format('%L, ''{}'', ''1 hour'', ''e''', lt_uuidv7()), 'PT409 lease_lost', 'an unknown lease')) v (arguments, code, why);

-- Giving back.
SELECT pg_temp.at('10 days');
SELECT pg_temp.campaign('m', 'n', 'o', 'p') AS c \gset
SELECT pg_temp.claim(3, :'c');
SELECT pg_temp.lease() AS lease, pg_temp.ids(:'c', 'm') AS m, pg_temp.ids(:'c', 'n') AS n \gset
SELECT lt_complete_messages(:'lease', :'m');
SELECT is(lt_release_lease(:'lease'), 2, 'two are given back');
SELECT is(pg_temp.states(:'c'), 'm1:sent m2:queued n1:queued o1:queued p1:queued', 'as they were; what was sent goes on');
SELECT is((SELECT state FROM leadterra.leases WHERE lease_id = :'lease'), 'closed', 'the lease is closed');
SELECT is(lt_release_lease(:'lease'), 0, 'said again it is not new');
SELECT is(lt_complete_messages(:'lease', :'n'), 0, 'and its worker has no say in them any more');
SELECT is(pg_temp.detail(format('SELECT lt_extend_lease(%L, ''1 hour'')', :'lease')), 'PT409 lease_lost', 'nor more time');
SELECT pg_temp.at('10 days 1 minute');
SELECT lt_bulk_upsert(:'c', '[{"email": "q@example.com"}]');
SELECT pg_temp.at('10 days 1 hour');
SELECT is(pg_temp.claim(4, :'c'), 'p/1/1 n/1/1 o/1/1 q/1/1', 'they stand before what came later');
SELECT lt_fail_messages(pg_temp.lease(), :'n', 'no'), lt_defer_messages(pg_temp.lease(), pg_temp.ids(:'c', 'o'), '1 minute', 'later'), lt_complete_messages(pg_temp.lease());
SELECT pg_temp.at('10 days 2 hours');
SELECT pg_temp.claim(4, :'c');
SELECT is(lt_release_lease(pg_temp.lease()), 2, 'a second attempt and one that was deferred are given back');
SELECT is(pg_temp.states(:'c'), 'm1:sent m2:queued n1:retry:2 o1:retry p1:sent p2:queued q1:sent q2:queued', 'none of them has an attempt more');
SELECT is((SELECT (status, message)::text FROM lt_sending_status(:'c')),
    '(due,"Messages are due and wait for a worker to claim them. Messages that wait to be tried again: 2, the next from 2030-01-11 02:00 UTC, because of: a worker gave it back")', 'which the status says');
SELECT is((SELECT count(DISTINCT tried_at) FROM leadterra.waiting WHERE campaign_id = :'c' AND tried_at = '2030-01-11 01:00+00'), 1::bigint, 'when they were first tried is kept');
SELECT is(pg_temp.claim(4, :'c', '1 minute'), 'n/1/2 o/1/1', 'they are due at once');
SELECT pg_temp.at('10 days 3 hours');
SELECT is(pg_temp.detail(format('SELECT lt_release_lease(%L)', pg_temp.lease())), 'PT409 lease_lost', 'a lease that ran out is not given back');
SELECT is(pg_temp.detail(format('SELECT lt_release_lease(%s)', arguments)), code, 'giving back ' || arguments) FROM (VALUES ('NULL', 'PT400 invalid_request'), ('lt_uuidv7()', 'PT409 lease_lost')) v (arguments, code);
SELECT pg_temp.claim(4, :'c', '1 hour');
SELECT lt_complete_messages(pg_temp.lease());

-- While a campaign is paused, and where its steps are of another time.
SELECT pg_temp.campaign('r') AS c \gset
SELECT pg_temp.claim(1, :'c');
SELECT lt_pause_campaign(:'c');
SELECT is(lt_release_lease(pg_temp.lease()), 1, 'a paused campaign takes messages back');
SELECT is((SELECT concat_ws(' ', state, reason) FROM lt_explain_lead(:'c', 'r@example.com') WHERE step = 1), 'queued paused', 'and holds them');

SELECT * FROM finish();
ROLLBACK;
