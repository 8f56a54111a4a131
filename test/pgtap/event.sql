-- event: complaints, clicks, and soft bounces that are too many.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(41);

\ir ../call.sql
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b23';
SELECT pg_temp.at('0');

-- A campaign of many steps, so that a lead has many messages.
CREATE FUNCTION pg_temp.campaign(VARIADIC names text[]) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    id uuid := lt_create_campaign('c', (SELECT jsonb_agg(jsonb_build_object('subject', 's', 'bodyHtml', 'b', 'delayDays', 0)) FROM generate_series(1, 20)));
BEGIN
    PERFORM lt_bulk_upsert(id, (SELECT jsonb_agg(jsonb_build_object('email', n || '@example.com')) FROM unnest(names) n)), lt_start_campaign(id);
    FOR i IN 1..20 LOOP
        PERFORM lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(100, '1 hour', id)) l;
    END LOOP;
    RETURN id;
END;
$$;
CREATE FUNCTION pg_temp.event(name text, at_step integer, type text, data jsonb DEFAULT '{}') RETURNS boolean LANGUAGE sql SET search_path = public AS $$
    SELECT lt_record_event(message_id, type, data) FROM lt_messages WHERE email = name || '@example.com' AND step = at_step
$$;
-- A soft bounce a minute, of the messages of a lead from one step on.
CREATE FUNCTION pg_temp.soft(name text, first integer, times integer) RETURNS boolean LANGUAGE sql AS $$
    SELECT bool_and(pg_temp.event(name, first + i, 'bounced', '{"bounceType": "soft", "bounceReason": "full"}')) FROM generate_series(0, times - 1) i
$$;
CREATE FUNCTION pg_temp.suppressed(name text) RETURNS text LANGUAGE sql SET search_path = public AS $$ SELECT reason FROM lt_is_suppressed(name || '@example.com') $$;
CREATE FUNCTION pg_temp.counted(name text) RETURNS integer LANGUAGE sql AS $$
    SELECT cardinality(b.bounced_at) FROM leadterra.soft_bounces b JOIN leadterra.leads l ON l.workspace_id = b.workspace_id AND l.lead_id = b.lead_id WHERE l.email = name || '@example.com'
$$;

-- Complaints and clicks.
SELECT pg_temp.campaign('angry', 'keen') AS c \gset
SELECT is(pg_temp.event('angry', 1, 'complained', '{"feedbackType": "abuse"}'), true, 'a complaint');
SELECT is(pg_temp.suppressed('angry'), 'complained', 'suppresses the address');
SELECT is((SELECT status FROM lt_enrollments WHERE email = 'angry@example.com'), 'unsubscribed', 'and ends the sequence');
SELECT is(pg_temp.event('angry', 1, 'complained'), false, 'once');
SELECT is(pg_temp.event('keen', 1, 'clicked', '{"url": "https://example.com/a"}'), true, 'a click');
SELECT is(pg_temp.event('keen', 1, 'clicked', '{"url": "https://example.com/a", "at": 2}'), false, 'on the same link again is not new');
SELECT is(pg_temp.event('keen', 1, 'clicked', '{"url": "https://example.com/b"}'), true, 'on another it is');
SELECT is(pg_temp.event('keen', 2, 'clicked'), true, 'nobody may know the link');
SELECT is((SELECT status FROM lt_enrollments WHERE email = 'keen@example.com'), 'active', 'who clicks goes on');
SELECT is((SELECT (sum(clicked), sum(complained), sum(unsubscribed))::text FROM lt_step_stats(:'c')), '(2,1,0)', 'messages are counted');
SELECT is(pg_temp.detail($$SELECT pg_temp.event('keen', 1, 'clicked', '{"url": 1}')$$), 'PT400 invalid_event', 'a link is a string');
SELECT bool_and(leadterra.event_types() @> ARRAY[type]) AS all_types, count(*) AS types FROM unnest(leadterra.event_types()) type \gset
SELECT is((SELECT array_agg(DISTINCT substring(t FROM '\w+') ORDER BY substring(t FROM '\w+')) FROM regexp_matches((SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'events_type_check'), '''\w+''', 'g') m (t0), unnest(m.t0) t),
    (SELECT array_agg(t ORDER BY t) FROM unnest(leadterra.event_types()) t), 'the table takes these types');

-- Five soft bounces.
SELECT pg_temp.campaign('five', 'four', 'mixed', 'slow', 'gone', 'office') AS c \gset
SELECT is(pg_temp.soft('five', 1, 4), true, 'four soft bounces');
SELECT is(pg_temp.suppressed('five'), NULL, 'are not enough');
SELECT is(pg_temp.event('five', 4, 'bounced', '{"bounceType": "soft"}'), false, 'one that is told twice');
SELECT is(pg_temp.suppressed('five'), NULL, 'is one');
SELECT is(pg_temp.soft('five', 5, 1), true, 'the fifth');
SELECT is(pg_temp.suppressed('five'), 'soft_bounces', 'suppresses the address');
SELECT is((SELECT status FROM lt_enrollments WHERE email = 'five@example.com'), 'active', 'messages are skipped for that alone');
SELECT is(pg_temp.counted('five'), NULL, 'and nothing is kept for the next time');
SELECT lt_unsuppress('{five@example.com}');
SELECT pg_temp.soft('five', 6, 4);
SELECT is(pg_temp.suppressed('five'), NULL, 'whoever is taken off the list begins anew');

-- What is between them.
SELECT pg_temp.soft('mixed', 1, 4), pg_temp.event('mixed', 5, 'delivered'), pg_temp.soft('mixed', 6, 4);
SELECT is(pg_temp.suppressed('mixed'), NULL, 'a delivery between them makes up for them');
SELECT pg_temp.event('mixed', 1, 'replied', '{"classification": "interested"}'), pg_temp.soft('mixed', 10, 4);
SELECT is(pg_temp.suppressed('mixed'), NULL, 'so does a reply');
SELECT pg_temp.soft('mixed', 14, 1);
SELECT is(pg_temp.suppressed('mixed'), 'soft_bounces', 'then five');
SELECT pg_temp.soft('office', 1, 4), pg_temp.event('office', 5, 'opened'), pg_temp.event('office', 5, 'clicked'), pg_temp.event('office', 5, 'replied', '{"classification": "out_of_office"}'), pg_temp.soft('office', 6, 1);
SELECT is(pg_temp.suppressed('office'), 'soft_bounces', 'nothing else does');

-- Thirty days.
SELECT pg_temp.at(n * interval '7 days'), pg_temp.soft('slow', n, 1) FROM generate_series(1, 12) n;
SELECT is(pg_temp.suppressed('slow'), 'soft_bounces', 'five in 28 days are too many');
SELECT lt_unsuppress('{slow@example.com}');
DELETE FROM leadterra.soft_bounces;
SELECT pg_temp.at(interval '1 year' + n * interval '7 days 12 hours'), pg_temp.soft('slow', 12 + n, 1) FROM generate_series(1, 6) n;
SELECT is(pg_temp.suppressed('slow'), NULL, 'in 30 days they are not');
SELECT is(pg_temp.counted('slow'), 4, 'and those before are forgotten');

-- The limit of a workspace.
SELECT lt_set_soft_bounce_limit(2);
SELECT pg_temp.soft('four', 1, 1);
SELECT is(pg_temp.suppressed('four'), NULL, 'of two, one is not enough');
SELECT pg_temp.soft('four', 2, 1);
SELECT is(pg_temp.suppressed('four'), 'soft_bounces', 'two are');
SELECT lt_set_soft_bounce_limit(NULL);
SELECT is(pg_temp.soft('gone', 1, 6), true, 'without a limit');
SELECT is(pg_temp.suppressed('gone'), NULL, 'no number suppresses an address');
SELECT is(pg_temp.counted('gone'), NULL, 'and none is counted');
SELECT is(pg_temp.detail(format('SELECT lt_set_soft_bounce_limit(%s)', n)), 'PT400 invalid_request', 'a limit of ' || n) FROM unnest('{0,-1,1001}'::integer[]) n;
SELECT lt_set_soft_bounce_limit(1000);

-- Leads that go.
SELECT pg_temp.soft('gone', 7, 2);
SELECT is(pg_temp.counted('gone'), 2, 'soft bounces of a lead');
SELECT lt_delete_leads('{gone@example.com}');
SELECT is((SELECT count(*) FROM leadterra.soft_bounces WHERE lead_id NOT IN (SELECT lead_id FROM leadterra.leads)), 0::bigint, 'go with it');
SELECT is(lt_record_event(m.message_id, 'bounced', '{"bounceType": "soft"}'), true, 'one of a lead that is gone is kept') FROM (
    SELECT leadterra.message_id(b.batch_id, o.number) AS message_id FROM leadterra.batches b CROSS JOIN LATERAL unnest(b.lead_ids) WITH ORDINALITY AS o (lead_id, number)
    WHERE b.campaign_id = :'c' AND b.step = 20 AND o.lead_id NOT IN (SELECT lead_id FROM leadterra.leads)) m;
SELECT is((SELECT count(*) FROM leadterra.soft_bounces WHERE lead_id NOT IN (SELECT lead_id FROM leadterra.leads)), 0::bigint, 'and counted for nobody');

-- What is removed is counted.
SELECT sum(s.complained) AS complained, sum(s.clicked) AS clicked FROM lt_campaigns c CROSS JOIN LATERAL lt_step_stats(c.campaign_id) s \gset
SELECT pg_temp.at('20 years'), lt_maintain('1 day'), lt_maintain('1 day'), lt_maintain('1 day');
SELECT is((SELECT concat_ws(' ', sum(complained), sum(clicked)) FROM leadterra.totals WHERE workspace_id = lt_current_workspace()), concat_ws(' ', :'complained', :'clicked'), 'totals keep complaints and clicks');

SELECT * FROM finish();
ROLLBACK;
