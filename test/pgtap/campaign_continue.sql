-- campaign: steps that are added to one that was started, and leads that go on with them.
BEGIN;
SELECT plan(34);
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1c06';
\ir ../call.sql
SET LOCAL client_min_messages = error;
SELECT pg_temp.at('0');
CREATE FUNCTION pg_temp.steps(VARIADIC subjects text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('subject', s, 'bodyHtml', 'b', 'delayDays', CASE n WHEN 1 THEN 0 ELSE 2 END) ORDER BY n) FROM unnest(subjects) WITH ORDINALITY u (s, n)
$$;
CREATE FUNCTION pg_temp.campaign(steps jsonb, leads integer) RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign('c', steps);
BEGIN
    PERFORM lt_bulk_upsert(c, (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i))) FROM generate_series(1, leads) i)), lt_start_campaign(c);
    RETURN c;
END;
$$;
CREATE FUNCTION pg_temp.claim(c uuid, most integer DEFAULT 10000) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s', split_part(email, '@', 1), subject), ' ' ORDER BY email, step) FROM lt_claim_messages(most, '5 minutes', c)
$$;
CREATE FUNCTION pg_temp.lease(c uuid) RETURNS uuid LANGUAGE sql AS $$ SELECT lease_id FROM leadterra.leases WHERE campaign_id = c ORDER BY lease_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.ids(c uuid, VARIADIC names text[]) RETURNS uuid[] LANGUAGE sql SET search_path = public AS $$
    SELECT array_agg(message_id) FROM lt_messages WHERE campaign_id = c AND split_part(email, '@', 1) = ANY (names) AND state = 'leased'
$$;
CREATE FUNCTION pg_temp.add(c uuid, VARIADIC subjects text[]) RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT lt_pause_campaign(c), lt_set_steps(c, pg_temp.steps(VARIADIC subjects)), lt_start_campaign(c)
$$;
CREATE FUNCTION pg_temp.waiting(c uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(format('%s/%s %s', split_part(email, '@', 1), step, extract(epoch FROM due_at - '2030-01-01 00:00+00') / 3600), ' ' ORDER BY email, step) FROM lt_messages WHERE campaign_id = c AND state IN ('queued', 'retry')
$$;

-- Of seven leads, three have finished: l1 and l2 in a lease that closed, l5 in one that was lost.
SELECT pg_temp.campaign(pg_temp.steps('one', 'two'), 7) AS c \gset
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'nobody has finished');
SELECT pg_temp.claim(:'c'), lt_complete_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l1', 'l2', 'l3', 'l4', 'l5', 'l6'));
SELECT lt_fail_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l7'), 'no', true);
SELECT pg_temp.at('48 hours');
SELECT pg_temp.claim(:'c', 4);
SELECT lt_complete_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l1', 'l2')), lt_fail_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l3'), 'no', true);
SELECT pg_temp.at('48 hours 4 minutes');
SELECT lt_complete_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l4'));
SELECT pg_temp.at('49 hours');
SELECT pg_temp.claim(:'c', 2), lt_complete_messages(pg_temp.lease(:'c'), pg_temp.ids(:'c', 'l5'));
SELECT pg_temp.at('50 hours');
SELECT is(pg_temp.claim(:'c'), 'l6/two', 'what was lost is handed out again');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'where there are no more steps nobody goes on');
SELECT is(pg_temp.waiting(:'c'), NULL, 'nothing waits');
-- l6 is with a worker while the step is added.
SELECT pg_temp.add(:'c', 'one', 'two', '');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'all_leased', 'an added step alone queues nobody');
SELECT lt_pause_campaign(:'c');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'they go on, also of a campaign that is paused');
SELECT is(pg_temp.waiting(:'c'), 'l1/3 96.0666666666666667 l2/3 96.0666666666666667 l4/3 96.0666666666666667 l5/3 98.0000000000000000', 'whoever finished, from when that was; who failed, or has not finished, does not');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'once');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'c' AND step = 3), 4::bigint, 'nobody is queued twice');
SELECT lt_start_campaign(:'c'), lt_complete_messages(pg_temp.lease(:'c'));
SELECT is(pg_temp.waiting(:'c'), 'l1/3 96.0666666666666667 l2/3 96.0666666666666667 l4/3 96.0666666666666667 l5/3 98.0000000000000000 l6/3 98.0000000000000000', 'whoever completes it later goes on by himself');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'and is not found');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'c' AND step = 3), 5::bigint, 'nor queued');
SELECT pg_temp.at('99 hours');
SELECT lt_remove_leads(:'c', '{l2@example.com}');
CREATE TEMP TABLE third AS SELECT * FROM lt_claim_messages(100, '5 minutes', :'c');
SELECT is((SELECT string_agg(format('%s: %s %s', email, subject, cardinality(message_references)), ', ' ORDER BY email) FROM third), 'l1@example.com: Re: two 1, l4@example.com: Re: two 1, l5@example.com: Re: two 1, l6@example.com: Re: two 1', 'threads go on; who was taken out does not');
SELECT lt_complete_messages(lease_id) FROM third LIMIT 1;

-- Two steps at once, and added again: from where each stopped.
SELECT pg_temp.add(:'c', 'one', 'two', '', 'four', 'five');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'two steps are added');
SELECT is(pg_temp.waiting(:'c'), 'l1/4 147.0000000000000000 l4/4 147.0000000000000000 l5/4 147.0000000000000000 l6/4 147.0000000000000000', 'the first of them is queued');
SELECT pg_temp.at('150 hours');
SELECT pg_temp.claim(:'c'), lt_complete_messages(pg_temp.lease(:'c'));
SELECT is(pg_temp.waiting(:'c'), 'l1/5 198.0000000000000000 l4/5 198.0000000000000000 l5/5 198.0000000000000000 l6/5 198.0000000000000000', 'and then the next, by itself');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'nobody has finished that');

-- Added while some wait, before some have finished.
SELECT pg_temp.campaign(pg_temp.steps('one'), 3) AS c \gset
SELECT pg_temp.claim(:'c', 2), lt_complete_messages(pg_temp.lease(:'c'));
SELECT pg_temp.add(:'c', 'one', 'two');
SELECT pg_temp.claim(:'c'), lt_complete_messages(pg_temp.lease(:'c'));
SELECT is((SELECT string_agg(email, ' ' ORDER BY email) FROM lt_messages WHERE campaign_id = :'c' AND step = 2), 'l3@example.com', 'the third goes on by itself');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'the others by the call');
SELECT is((SELECT string_agg(email, ' ' ORDER BY email) FROM lt_messages WHERE campaign_id = :'c' AND step = 2), 'l1@example.com l2@example.com l3@example.com', 'each once');
SELECT pg_temp.add(:'c', 'one', 'two', 'three');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'who waits for the second step');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'c' AND step = 3), 0::bigint, 'has not finished');

-- A slice a call.
SELECT pg_temp.campaign(pg_temp.steps('one'), 12500) AS c \gset
DO $$
DECLARE
    c uuid := (SELECT campaign_id FROM leadterra.campaigns ORDER BY campaign_id DESC LIMIT 1);
BEGIN
    FOR i IN 1 .. 5 LOOP
        PERFORM pg_temp.claim(c, 2500);
        PERFORM public.lt_complete_messages(pg_temp.lease(c));
    END LOOP;
END;
$$;
SELECT pg_temp.add(:'c', 'one', 'two');
SELECT is(lt_continue_campaign(:'c'), 2500::bigint, 'ten thousand go on, and so many are left');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'until none is');
SELECT is((SELECT count(*) || ' ' || count(DISTINCT lead_id) FROM lt_messages WHERE campaign_id = :'c' AND step = 2), '12500 12500', 'each once');

-- As far as history is kept; and what is not.
SELECT pg_temp.at('200 days');
SELECT pg_temp.campaign(pg_temp.steps('one'), 2) AS c \gset
SELECT pg_temp.claim(:'c', 1), lt_complete_messages(pg_temp.lease(:'c'));
SELECT pg_temp.at('300 days');
SELECT pg_temp.claim(:'c', 1), lt_complete_messages(pg_temp.lease(:'c'));
SELECT count(lt_maintain()) FROM generate_series(1, 100);
SELECT pg_temp.add(:'c', 'one', 'two');
SELECT is(lt_continue_campaign(:'c'), 0::bigint, 'history is short');
SELECT is((SELECT string_agg(email, ' ') FROM lt_messages WHERE campaign_id = :'c' AND step = 2), 'l2@example.com', 'whoever is remembered goes on');
SELECT is(lt_continue_campaign(lt_create_campaign('draft', pg_temp.steps('one'))), 0::bigint, 'in a draft nobody has finished');
SELECT is(pg_temp.detail(call), detail, call) FROM (VALUES ('SELECT lt_continue_campaign(NULL)', 'PT400 invalid_request'), ('SELECT lt_continue_campaign(lt_uuidv7())', 'PT404 campaign_not_found')) v (call, detail);

-- Rows by hand end, too.
ALTER TABLE leadterra.leases DROP CONSTRAINT leases_valid;
CREATE FUNCTION pg_temp.broken(change text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid := pg_temp.campaign(pg_temp.steps('one'), 2);
BEGIN
    PERFORM pg_temp.claim(c), lt_complete_messages(pg_temp.lease(c), (pg_temp.ids(c, 'l1', 'l2')));
    PERFORM pg_temp.add(c, 'one', 'two');
    EXECUTE format('UPDATE leadterra.leases SET %s WHERE campaign_id = %L', change, c);
    PERFORM lt_continue_campaign(c);
    RETURN lt_continue_campaign(c);
END;
$$;
SELECT is(pg_temp.broken(change), '0', change) FROM unnest('{"completed = ''\\x''","lasts = ''{1000}''","variants = ''\\x01''","settled = ''\\x00''"}'::text[]) change;

SELECT * FROM finish();
ROLLBACK;
