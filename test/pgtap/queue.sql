-- queue: batches, the ids of messages, due times, and counts that agree with
-- what is there.
BEGIN;
SELECT plan(23);

SELECT lt_create_campaign('queue', '[{"subject": "s", "bodyHtml": "b", "delayDays": 2}, {"subject": "t", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('queue-%s@example.com', n)) ORDER BY md5(n::text)) FROM generate_series(1, 2500) n));
-- Autovacuum counts no row of an open transaction: it would take the tables for
-- empty, and the planner then takes any index for as good as another.  This
-- counts them, and keeps autovacuum from it until the end.
ANALYZE leadterra.leads, leadterra.enrollments, leadterra.batches;

SELECT results_eq(
    format('SELECT size::integer, cardinality(lead_ids), step::integer FROM leadterra.batches WHERE campaign_id = %L ORDER BY batch_id', :'campaign'),
    'VALUES (1000, 1000, 1), (1000, 1000, 1), (500, 500, 1)', 'a batch has at most 1,000 leads');
SELECT is((SELECT count(*) FROM leadterra.batches WHERE campaign_id = :'campaign' AND ('x' || right(batch_id::text, 3))::bit(12) & x'3ff' <> x'000'), 0::bigint,
    'the low ten bits of a batch id are zero');
SELECT is((SELECT count(*) FROM leadterra.batches WHERE substr(batch_id::text, 15, 1) <> '7' OR substr(batch_id::text, 20, 1) NOT IN ('8', '9', 'a', 'b')), 0::bigint,
    'and it is a UUID of version 7');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'campaign'), 0::bigint, 'a draft has no messages');
SELECT is((SELECT (next_step, next_due_at) FROM lt_enrollments WHERE email = 'queue-1@example.com'), (NULL::integer, NULL::timestamptz), 'nor a next step');

SELECT lt_start_campaign(:'campaign');
SELECT is((SELECT (count(*), count(DISTINCT message_id), count(DISTINCT lead_id)) FROM lt_messages WHERE campaign_id = :'campaign'), (2500::bigint, 2500::bigint, 2500::bigint),
    'once started, each lead has one message with an id of its own');
SELECT is((SELECT array_agg(email ORDER BY message_id) FROM lt_messages WHERE campaign_id = :'campaign'),
    (SELECT array_agg(format('queue-%s@example.com', n) ORDER BY md5(n::text)) FROM generate_series(1, 2500) n), 'messages come in the order of entries');
SELECT is((SELECT array_agg((('x' || right(message_id::text, 3))::bit(12) & x'3ff')::integer ORDER BY message_id) FROM (SELECT message_id FROM lt_messages WHERE campaign_id = :'campaign' ORDER BY message_id LIMIT 1000) m),
    ARRAY(SELECT generate_series(0, 999)), 'the low ten bits of a message id are its position, 0 to 999');
SELECT throws_ok('SELECT leadterra.message_id(''00000000-0000-7000-8000-000000000000'', 1001)', 'PT400', NULL, 'a batch has no position 1001');
SELECT is(leadterra.message_id('00000000-0000-7000-8000-000000000000', 1000), '00000000-0000-7000-8000-0000000003e7', 'nor does a position spill over');

-- Delays run from enrollment or from start, whichever is later.
SELECT is((SELECT array_agg(DISTINCT due_at) FROM lt_messages WHERE campaign_id = :'campaign'), ARRAY[now() + interval '2 days'], 'step one is due after its delay');
UPDATE leadterra.campaigns SET started_at = now() + interval '1 hour' WHERE campaign_id = :'campaign';
SELECT is((SELECT array_agg(DISTINCT due_at) FROM lt_messages WHERE campaign_id = :'campaign'), ARRAY[now() + interval '2 days 1 hour'], 'which runs from the start if that is later');
UPDATE leadterra.campaigns SET started_at = now() - interval '1 hour' WHERE campaign_id = :'campaign';
SELECT is((SELECT array_agg(DISTINCT due_at) FROM lt_messages WHERE campaign_id = :'campaign'), ARRAY[now() + interval '2 days'], 'and from enrollment otherwise');
SELECT is((SELECT (next_step, next_due_at) FROM lt_enrollments WHERE email = 'queue-1@example.com'), (1, now() + interval '2 days'), 'enrollments show it');

-- A lead that is taken out and comes back stands where it stood.  Times are set
-- by hand: those of this transaction are all the same.
UPDATE leadterra.enrollments SET enrolled_at = now() - interval '3 days' WHERE campaign_id = :'campaign';
UPDATE leadterra.batches SET waiting_since = now() - interval '3 days' WHERE campaign_id = :'campaign';
UPDATE leadterra.waiting SET waiting_since = now() - interval '3 days' WHERE campaign_id = :'campaign';
UPDATE leadterra.campaigns SET started_at = now() - interval '4 days' WHERE campaign_id = :'campaign';
CREATE TEMP VIEW positions AS
SELECT email, 'message' AS kind, message_id, step, state, due_at, NULL::timestamptz AS enrolled_at FROM lt_messages WHERE campaign_id = :'campaign' AND email ~ '^queue-[789]@'
UNION ALL SELECT email, 'enrollment', lead_id, next_step, status, next_due_at, enrolled_at FROM lt_enrollments WHERE campaign_id = :'campaign' AND email ~ '^queue-[789]@';
CREATE TEMP TABLE first_positions AS SELECT * FROM positions;
SELECT results_eq('SELECT DISTINCT kind, step, state, due_at, enrolled_at FROM first_positions ORDER BY kind',
    'VALUES (''enrollment'', 1, ''active'', now() - interval ''3 days'' + interval ''2 days'', now() - interval ''3 days''), (''message'', 1, ''queued'', now() - interval ''3 days'' + interval ''2 days'', NULL)', 'leads wait at a position');
SELECT is(lt_remove_leads(:'campaign', '{queue-7@example.com, queue-8@example.com}'), 2, 'two are taken out');
SELECT results_eq('SELECT email, kind, step, state FROM positions WHERE email <> ''queue-9@example.com'' ORDER BY email, kind',
    'VALUES (''queue-7@example.com'' COLLATE "C", ''enrollment'', NULL, ''removed''), (''queue-7@example.com'', ''message'', 1, ''skipped''), (''queue-8@example.com'', ''enrollment'', NULL, ''removed''), (''queue-8@example.com'', ''message'', 1, ''skipped'')', 'their messages are skipped');
SELECT is(lt_bulk_upsert(:'campaign', '[{"email": "queue-8@example.com"}, {"email": "queue-7@example.com", "phone": "1"}]')::text, '(2,0,0,2)', 'they are enrolled again');
SELECT results_eq('SELECT * FROM positions ORDER BY email, kind', 'SELECT * FROM first_positions ORDER BY email, kind', 'with the same messages, due times and times of enrollment');
SELECT is((SELECT (count(*), sum(size)) FROM leadterra.batches WHERE campaign_id = :'campaign'), (3::bigint, 2500::bigint), 'nothing is queued again');

-- Counts that are derived agree with what can be counted.
SELECT lt_remove_leads(:'campaign', '{queue-1@example.com, queue-2@example.com, queue-3@example.com}');
SELECT lt_delete_leads('{queue-3@example.com, queue-4@example.com}');
SELECT lt_bulk_upsert(:'campaign', '[{"email": "queue-1@example.com"}, {"email": "queue-4@example.com"}, {"email": "queue-2501@example.com"}]');
SELECT is((SELECT (leads_enrolled, queued_messages) FROM lt_campaigns WHERE campaign_id = :'campaign'), (2499::bigint, 2499::bigint), 'counts follow removals, deletions and returns');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'campaign'), (SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'campaign' AND status <> 'removed'), 'leads_enrolled is the number of enrollments not removed');
SELECT is((SELECT queued_messages FROM lt_campaigns WHERE campaign_id = :'campaign'), (SELECT count(*) FROM lt_messages WHERE campaign_id = :'campaign' AND state = 'queued'), 'queued_messages is the number of queued messages');

SELECT * FROM finish();
ROLLBACK;
