-- total: what became of messages, by step, variant, sender and day.
BEGIN;
SELECT plan(37);
\ir ../call.sql
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0170';
CREATE FUNCTION pg_temp.campaign(leads integer, steps jsonb, settings jsonb DEFAULT '{}') RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('c', steps);
BEGIN
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('t%s@example.com', n))) FROM generate_series(1, leads) n));
    PERFORM lt_set_sending(campaign, settings);
    PERFORM lt_start_campaign(campaign);
    RETURN campaign;
END;
$$;
CREATE TEMP TABLE claimed AS SELECT NULL::uuid AS campaign, * FROM lt_claim_messages(1) LIMIT 0;
-- Claims, and returns the lease.
CREATE FUNCTION pg_temp.claim(c uuid, most integer, lease_for interval DEFAULT '1 hour') RETURNS uuid LANGUAGE sql AS $$
    INSERT INTO claimed SELECT c, * FROM lt_claim_messages(most, lease_for, c);
    SELECT lease_id FROM claimed WHERE campaign = c ORDER BY lease_id DESC LIMIT 1
$$;
CREATE FUNCTION pg_temp.ids(c uuid, lease uuid, VARIADIC leads integer[]) RETURNS uuid[] LANGUAGE sql AS $$
    SELECT array_agg(message_id) FROM claimed WHERE campaign = c AND lease_id = lease AND email = ANY (SELECT format('t%s@example.com', n) FROM unnest(leads) n)
$$;
-- What is not 0: "step variant sender: sent 1 opened 2".
CREATE FUNCTION pg_temp.shown(counts jsonb) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(key || ' ' || value, ' ' ORDER BY key) FROM jsonb_each_text(counts - '{step,variant,sender_id,sender_email,day}'::text[]) WHERE value <> '0'
$$;
CREATE FUNCTION pg_temp.steps(c uuid) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s %s %s: %s', step, coalesce(variant::text, '-'), coalesce(split_part(sender_email, '@', 1), '-'), pg_temp.shown(to_jsonb(s))) FROM lt_step_stats(c) s
$$;
CREATE FUNCTION pg_temp.days(c uuid) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s: %s', to_char(day, 'MM-DD'), pg_temp.shown(to_jsonb(d))) FROM lt_daily_stats(c) d
$$;
CREATE FUNCTION pg_temp.all_steps(c uuid) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg(s) FROM pg_temp.steps(c) s $$;
CREATE FUNCTION pg_temp.all_days(c uuid) RETURNS text[] LANGUAGE sql AS $$ SELECT array_agg(s) FROM pg_temp.days(c) s $$;
CREATE FUNCTION pg_temp.maintain() RETURNS void LANGUAGE plpgsql AS $$ BEGIN FOR i IN 1..20 LOOP EXIT WHEN lt_maintain('0') = 0; END LOOP; END; $$;

-- Without senders and variants.
SELECT pg_temp.at('23 hours');
SELECT pg_temp.campaign(10, '[{"subject": "s", "bodyHtml": "b"}, {"subject": "t", "bodyHtml": "b", "delayDays": 1}]') AS c \gset
SELECT is(pg_temp.all_steps(:'c'), NULL, 'nothing has happened');
SELECT is(pg_temp.all_days(:'c'), NULL, 'on no day');
SELECT pg_temp.claim(:'c', 4, '2 hours') AS first \gset
SELECT lt_complete_messages(:'first', pg_temp.ids(:'c', :'first', 1, 2));
SELECT is(pg_temp.all_steps(:'c'), '{"1 - -: sent 2"}', 'messages are sent while their lease is open');
SELECT is(pg_temp.all_days(:'c'), '{"01-01: contacted 2 sent 2"}', 'today');
SELECT pg_temp.at('24 hours');
SELECT is(pg_temp.all_days(:'c'), '{"01-02: contacted 2 sent 2"}', 'until the lease is closed');
SELECT lt_complete_messages(:'first', pg_temp.ids(:'c', :'first', 3)), lt_fail_messages(:'first', pg_temp.ids(:'c', :'first', 4), 'no', true);
SELECT pg_temp.at('5 days');
SELECT is(pg_temp.all_days(:'c'), '{"01-02: contacted 3 failed 1 sent 3"}', 'which is when they count as sent');
SELECT pg_temp.claim(:'c', 6, '1 hour') AS lost \gset
SELECT lt_complete_messages(:'lost', pg_temp.ids(:'c', :'lost', 5));
SELECT pg_temp.at('8 days');
SELECT is(pg_temp.all_days(:'c'), '{"01-02: contacted 3 failed 1 sent 3","01-06: contacted 1 sent 1"}', 'under a lease that ran out nothing was sent later');
SELECT pg_temp.claim(:'c', 10) AS again \gset
SELECT is(pg_temp.all_days(:'c'), '{"01-02: contacted 3 failed 1 sent 3","01-06: contacted 1 sent 1"}', 'whenever that is found');
SELECT lt_complete_messages(:'again');
SELECT pg_temp.at('8 days 1 second');
SELECT pg_temp.claim(:'c', 10) AS late \gset
SELECT lt_complete_messages(:'late');
SELECT is((SELECT string_agg(email || ' ' || step, ', ' ORDER BY email) FROM claimed WHERE lease_id = :'late'), 't1@example.com 2, t2@example.com 2, t3@example.com 2', 'three have a second message');
SELECT is(pg_temp.all_steps(:'c'), '{"1 - -: sent 9","2 - -: sent 3"}', 'steps have their own');
SELECT is(pg_temp.all_days(:'c'), '{"01-02: contacted 3 failed 1 sent 3","01-06: contacted 1 sent 1","01-09: contacted 5 sent 8"}', 'who has a second message was contacted before');

-- What happened to a message counts once, on the day of its first event.
SELECT lt_record_event(m, 'opened'), lt_record_event(m, 'clicked', '{"url": "a"}') FROM unnest(pg_temp.ids(:'c', :'first', 1)) m;
SELECT pg_temp.at('9 days');
SELECT lt_record_event(m, 'clicked', '{"url": "b"}'), lt_record_event(m, 'replied', '{"classification": "out_of_office"}'), lt_record_event(m, 'complained') FROM unnest(pg_temp.ids(:'c', :'first', 1)) m;
SELECT lt_record_event(m, 'replied', '{"classification": "unsubscribe"}'), lt_record_event(m, 'unsubscribed') FROM unnest(pg_temp.ids(:'c', :'first', 2)) m;
SELECT lt_record_event(m, 'replied', '{"classification": "bounce"}'), lt_record_event(m, 'bounced', '{"bounceType": "soft"}'), lt_record_event(m, 'bounced', '{"bounceType": "hard"}') FROM unnest(pg_temp.ids(:'c', :'first', 3)) m;
SELECT is((pg_temp.all_steps(:'c'))[1], '1 - -: bounced 1 clicked 1 complained 1 opened 1 replied 1 sent 9 unsubscribed 1', 'each thing once');
SELECT is((pg_temp.all_days(:'c'))[3:], '{"01-09: clicked 1 contacted 5 opened 1 sent 8","01-10: bounced 1 complained 1 replied 1 unsubscribed 1"}', 'on the day on which it first was');
CREATE TEMP TABLE wanted AS SELECT 1 AS n, s FROM pg_temp.steps(:'c') s UNION ALL SELECT 2, s FROM pg_temp.days(:'c') s;

-- Whose leads go.
SELECT lt_merge_leads((SELECT lead_id FROM lt_leads WHERE email = 't1@example.com'), (SELECT lead_id FROM lt_leads WHERE email = 't10@example.com')), lt_delete_leads('{t2@example.com}'), lt_forget('t3@example.com');
SELECT is((SELECT array_agg(s ORDER BY n, s) FROM (SELECT 1 AS n, s FROM pg_temp.steps(:'c') s UNION ALL SELECT 2, s FROM pg_temp.days(:'c') s) x), (SELECT array_agg(s ORDER BY n, s) FROM wanted), 'counts stay when leads are merged, deleted or forgotten');
SELECT lt_remove_leads(:'c', '{t6@example.com,t7@example.com,t8@example.com,t9@example.com,t10@example.com,t5@example.com}');
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 hour', :'c')), 0::bigint, 'nobody is left');
SELECT pg_temp.at('9 days 1 second');
SELECT pg_temp.all_steps(:'c') AS steps, pg_temp.all_days(:'c') AS days \gset
SELECT pg_temp.maintain();
SELECT is(pg_temp.all_steps(:'c'), :'steps'::text[], 'what is removed counts on');
SELECT is(pg_temp.all_days(:'c'), :'days'::text[], 'on its day');
SELECT is((SELECT count(*) FROM leadterra.totals WHERE campaign_id = :'c' AND (variant <> 0 OR sender_id <> leadterra.nobody())), 0::bigint, 'totals tell no more apart than there is');

-- With senders, in variants, in the zone of the campaign: claims count, as for limits.
SELECT pg_temp.at('100 days 10 hours');
SELECT lt_unsuppress('{t1@example.com,t2@example.com,t3@example.com}'), lt_create_pool('p') AS pool, lt_create_sender('a@example.com') AS a \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'a'::uuid]);
SELECT pg_temp.campaign(8, '[{"subject": "s", "bodyHtml": "b", "variants": [{"subject": "a", "weight": 0}, {"subject": "b"}]}, {"subject": "t", "bodyHtml": "b", "delay": 1, "delayUnit": "minutes"}]',
    jsonb_build_object('poolId', :'pool', 'schedule', '{"schedules": [{"timing": {"from": "00:00", "to": "23:59"}, "days": {"0": true, "1": true, "2": true, "3": true, "4": true, "5": true, "6": true}, "timezone": "Pacific/Kiritimati"}]}'::jsonb)) AS c \gset
SELECT pg_temp.at('100 days 11 hours');
SELECT pg_temp.claim(:'c', 4, '1 day') AS first \gset
SELECT pg_temp.at('101 days 10 hours');
SELECT lt_complete_messages(:'first', pg_temp.ids(:'c', :'first', 1, 2)), lt_bounce_messages(:'first', pg_temp.ids(:'c', :'first', 3), '550 5.1.1 no'), lt_fail_messages(:'first', pg_temp.ids(:'c', :'first', 4), 'no');
SELECT is(pg_temp.all_days(:'c'), '{"04-12: contacted 2 sent 2","04-13: bounced 1 failed 1"}', 'what is claimed at one in the morning, and settled at midnight');
SELECT is(pg_temp.all_steps(:'c'), '{"1 2 a: bounced 1 sent 2"}', 'refused is bounced, and not sent, for who had it');
SELECT lt_set_steps(:'c', '[{"subject": "s", "bodyHtml": "b", "variants": [{"subject": "c"}, {"subject": "d", "disabled": true}]}, {"subject": "t", "bodyHtml": "b"}]') FROM lt_pause_campaign(:'c');
SELECT lt_start_campaign(:'c');
SELECT lt_create_sender('b@example.com') AS b \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'b'::uuid]), lt_delete_sender(:'a', :'b');
SELECT pg_temp.at('101 days 11 hours');
SELECT pg_temp.claim(:'c', 3) AS second \gset
SELECT lt_complete_messages(:'second');
SELECT is(pg_temp.all_steps(:'c'), '{"1 1 b: sent 1","1 2 a: bounced 1 sent 2","2 - b: sent 2"}', 'others go on, and nothing that was counted changes');

-- A message that somebody else has later.
SELECT lt_record_event(m, 'opened') FROM unnest(pg_temp.ids(:'c', :'first', 4)) m;
SELECT is(pg_temp.all_steps(:'c'), '{"1 1 b: opened 1 sent 1","1 2 a: bounced 1 sent 2","2 - b: sent 2"}', 'counts for who had it last');
SELECT lt_unsuppress('{t3@example.com}'), lt_restart_leads(:'c', '{t3@example.com}');
SELECT pg_temp.at('101 days 12 hours');
SELECT pg_temp.claim(:'c', 10) AS third \gset
SELECT is((SELECT count(*) FROM claimed WHERE lease_id = :'third' AND email = 't3@example.com'), 1::bigint, 'a message that was refused is sent again');
SELECT lt_complete_messages(:'third');
SELECT lt_record_event(m, 'delivered') FROM unnest(pg_temp.ids(:'c', :'third', 3)) m;
SELECT is((SELECT array_agg(s) FROM pg_temp.steps(:'c') s WHERE s ~ 'bounced|delivered'), '{"1 1 b: delivered 1 opened 1 sent 6","1 2 a: bounced 1 sent 2"}', 'for whom it was refused, it stays so');

-- Leases go first.
SELECT pg_temp.at('101 days 13 hours');
SELECT pg_temp.claim(:'c', 10) AS fourth \gset
SELECT lt_complete_messages(:'fourth');
SELECT pg_temp.at('101 days 14 hours');
SELECT pg_temp.all_steps(:'c') AS steps, pg_temp.all_days(:'c') AS days \gset
SELECT leadterra.maintain_campaign(lt_current_workspace(), :'c', leadterra.clock() - interval '1 minute', 1);
SELECT is(pg_temp.all_steps(:'c'), :'steps'::text[], 'when a lease is removed nothing changes');
SELECT is(pg_temp.all_days(:'c'), :'days'::text[], 'on no day');
SELECT is((SELECT count(*) FROM leadterra.batches WHERE campaign_id = :'c' AND step = 1), 1::bigint, 'its batch is there');
SELECT isnt((SELECT min(bounced) FROM leadterra.totals WHERE campaign_id = :'c'), NULL, 'totals have it');
SELECT is((SELECT array_agg(format('%s %s %s', variant, sender_id = leadterra.nobody(), bounced) ORDER BY bounced DESC) FROM leadterra.totals WHERE campaign_id = :'c' AND bounced <> 0), '{"2 f 1","0 t -1"}', 'what happened is taken from nobody''s');
SELECT lt_record_event(m, 'clicked') FROM unnest(pg_temp.ids(:'c', :'first', 1)) m;
SELECT is((pg_temp.all_steps(:'c'))[1], '1 - -: clicked 1', 'what happens later counts for the step');
SELECT pg_temp.at('101 days 15 hours');
SELECT pg_temp.all_steps(:'c') AS steps, pg_temp.all_days(:'c') AS days \gset
SELECT pg_temp.maintain();
SELECT is((SELECT count(*) FROM leadterra.batches WHERE campaign_id = :'c') + (SELECT count(*) FROM leadterra.events WHERE campaign_id = :'c'), 0::bigint, 'all is removed');
SELECT is(pg_temp.all_steps(:'c'), :'steps'::text[], 'and counted');
SELECT is(pg_temp.all_days(:'c'), :'days'::text[], 'day by day');

-- Who may not ask, and for what.
SELECT throws_ok(format('SELECT * FROM %s(lt_uuidv7())', call), 'PT404', NULL, call || ' of no campaign') FROM unnest('{lt_step_stats,lt_daily_stats}'::text[]) call;
SELECT throws_ok('SELECT * FROM lt_daily_stats(NULL)', 'PT400', NULL, 'a campaign is needed');
SELECT lt_pause_campaign(:'c'), lt_delete_campaign(:'c');
SELECT is((SELECT count(*) FROM leadterra.totals WHERE campaign_id = :'c'), 0::bigint, 'totals go with their campaign');

SELECT * FROM finish();
ROLLBACK;
