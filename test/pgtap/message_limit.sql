-- message: windows and limits of a day decide what a claim hands out, and when.
BEGIN;
SELECT plan(54);
\ir ../call.sql
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0161';

CREATE FUNCTION pg_temp.campaign(leads integer, settings jsonb, start boolean DEFAULT true) RETURNS uuid LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('limit', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 1}]');
BEGIN
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('lead-%s@example.com', n))) FROM generate_series(1, leads) n));
    PERFORM lt_set_sending(campaign, settings);
    IF start THEN
        PERFORM lt_start_campaign(campaign);
    END IF;
    RETURN campaign;
END;
$$;
-- How many of each step a claim hands out; completed at once where that is asked.
CREATE FUNCTION pg_temp.claim(campaign uuid, complete boolean DEFAULT false, most integer DEFAULT 1000) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    result text;
    lease uuid;
BEGIN
    WITH c AS MATERIALIZED (SELECT * FROM lt_claim_messages(most, '1 hour', campaign))
    SELECT (SELECT string_agg(format('%s of step %s', n, step), ', ' ORDER BY step) FROM (SELECT step, count(*) AS n FROM c GROUP BY step) s), (SELECT lease_id FROM c LIMIT 1) INTO result, lease;
    IF complete AND lease IS NOT NULL THEN
        PERFORM lt_complete_messages(lease);
    END IF;
    RETURN result;
END;
$$;

-- Windows.
SELECT pg_temp.at('10 hours');
SELECT pg_temp.campaign(5, '{"schedule": {"schedules": [{"timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true, "2": true, "3": true, "4": true, "5": true}, "timezone": "America/New_York"}]}}') AS c \gset
SELECT is(pg_temp.claim(:'c'), NULL, 'before its window opens a campaign hands out nothing');
SELECT is(lt_next_due(), timestamptz '2030-01-01 14:00+00', 'it is due when the window opens');
SELECT is((SELECT array_agg(DISTINCT due_at) FROM lt_messages WHERE campaign_id = :'c'), ARRAY[timestamptz '2030-01-01 14:00+00'], 'as its messages say');
SELECT is((SELECT min(due_at) FROM lt_campaign_messages(:'c')), timestamptz '2030-01-01 14:00+00', 'on their pages, too');
SELECT is((SELECT min(due_at) FROM lt_explain_lead(:'c', 'lead-1@example.com')), timestamptz '2030-01-01 14:00+00', 'and for a lead');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), '(outside_window,"2030-01-01 14:00:00+00")', 'its status is the reason');
SELECT is((SELECT count(*) FROM lt_due_workspaces() WHERE workspace_id = lt_current_workspace()), 0::bigint, 'the workspace is not due');
SELECT pg_temp.at('14 hours');
SELECT is((SELECT count(*) FROM lt_due_workspaces() WHERE workspace_id = lt_current_workspace()), 1::bigint, 'it is due then');
SELECT is((SELECT array_agg(DISTINCT send_until) FROM lt_claim_messages(2, '7 days', :'c')), ARRAY[timestamptz '2030-01-01 22:00+00'], 'a message says until when it may be sent');
SELECT pg_temp.at('21 hours 59 minutes 59 seconds');
SELECT is(pg_temp.claim(:'c', most => 1), '1 of step 1', 'up to the last second');
SELECT pg_temp.at('22 hours');
SELECT is(pg_temp.claim(:'c'), NULL, 'and not at the end');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'outside_window', 'what has been due for long waits for the next window');
SELECT is(lt_next_due(), least(timestamptz '2030-01-02 14:00+00', (SELECT min(expires_at) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND state = 'open')), 'or a lease that runs out');
SELECT lt_set_sending(:'c', '{"schedule": {"endDate": "2029-12-31", "schedules": [{"timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true}, "timezone": "UTC"}]}}');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), format('(outside_window,"%s")', (SELECT min(expires_at) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND state = 'open')), 'a schedule that has ended opens no more');
SELECT lt_set_sending(:'c', '{"schedule": null}');
SELECT is(pg_temp.claim(:'c'), '2 of step 1', 'without a schedule the rest goes out');
SELECT lt_pause_campaign(:'c');

-- Messages a day.
SELECT pg_temp.at('10 days');
SELECT pg_temp.campaign(30, '{"dailyLimit": 10}') AS c \gset
SELECT is(pg_temp.claim(:'c', true, 7), '7 of step 1', 'a limit of a day lets through what is below it');
SELECT is(pg_temp.claim(:'c', true), '3 of step 1', 'and no more than is left');
SELECT is(pg_temp.claim(:'c'), NULL, 'nothing after that');
SELECT is((SELECT (status, next_due_at)::text FROM lt_sending_status(:'c')), '(campaign_limit,"2030-01-12 00:00:00+00")', 'which the status says, with the next day');
SELECT is(lt_next_due(), timestamptz '2030-01-12', 'then the campaign is due');
SELECT pg_temp.at('11 days');
SELECT is(pg_temp.claim(:'c', true), '10 of step 2', 'on the next day those who have begun come first');
SELECT is(pg_temp.claim(:'c'), NULL, 'and use up the day');
SELECT pg_temp.at('12 days');
SELECT lt_set_sending(:'c', '{"newLeadsFirst": true}');
SELECT is(pg_temp.claim(:'c', true, 4), '4 of step 1', 'unless the campaign says that new leads do');
SELECT lt_set_sending(:'c', '{"dailyLimit": 5}');
SELECT is(pg_temp.claim(:'c', true), '1 of step 1', 'a limit that is lowered holds for the day that has begun');
SELECT lt_set_sending(:'c', '{"dailyLimit": 0}');
SELECT pg_temp.at('13 days');
SELECT is(pg_temp.claim(:'c'), NULL, 'with a limit of nothing there is nothing');
SELECT lt_set_sending(:'c', '{"dailyLimit": null}');
SELECT isnt(pg_temp.claim(:'c', true), NULL, 'and without one there is all');
SELECT lt_pause_campaign(:'c');

-- What is given back was not used; what ran out may have been sent.
SELECT pg_temp.at('20 days');
SELECT pg_temp.campaign(30, '{"dailyLimit": 10, "dailyNewLeads": 8}') AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(6, '1 hour', :'c') LIMIT 1 \gset
SELECT is(lt_release_lease(:'lease'), 6, 'what is released');
SELECT is((SELECT (handed, new_leads)::text FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), '(0,0)', 'counts for nothing');
SELECT lease_id AS lease FROM lt_claim_messages(6, '1 hour', :'c') LIMIT 1 \gset
SELECT lt_complete_messages(:'lease', ARRAY[(SELECT message_id FROM lt_messages WHERE lease_id = :'lease' LIMIT 1)]);
SELECT lt_release_lease(:'lease');
SELECT is((SELECT (handed, new_leads)::text FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), '(1,1)', 'but for what was sent before');
SELECT is(pg_temp.claim(:'c'), '7 of step 1', 'new leads have a limit of their own');
SELECT pg_temp.at('20 days 2 hours');
SELECT is(lt_next_due() <= leadterra.clock(), true, 'what ran out is due');
SELECT is(pg_temp.claim(:'c'), '2 of step 1', 'it is no new lead when it is handed out again, and counts twice for the other limit');
SELECT is(pg_temp.claim(:'c'), NULL, 'which is used up then');
SELECT is((SELECT (handed, new_leads)::text FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), '(10,8)', 'as is the other');
SELECT pg_temp.at('21 days');
SELECT is(pg_temp.claim(:'c'), '5 of step 1', 'on the next day what ran out comes first');
SELECT is(pg_temp.claim(:'c'), '2 of step 1', 'what did so twice by itself');
SELECT is(pg_temp.claim(:'c'), '2 of step 1, 1 of step 2', 'then the rest, and as many new leads as there may be');
SELECT lease_id AS lease FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' AND state = 'open' ORDER BY lease_id DESC LIMIT 1 \gset
SELECT lt_extend_lease(:'lease', '7 days');
SELECT pg_temp.at('22 days');
SELECT pg_temp.claim(:'c');
SELECT handed FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c' \gset
SELECT is(lt_release_lease(:'lease'), 3, 'what was claimed yesterday and is released');
SELECT is((SELECT handed FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), :handed, 'takes nothing off the day');
SELECT lt_pause_campaign(:'c');

-- Who reads the clock before midnight may come after who read it later.
SELECT pg_temp.at('25 days');
SELECT pg_temp.campaign(60, '{"dailyLimit": 10}') AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(3, '7 days', :'c') LIMIT 1 \gset
SELECT pg_temp.at('26 days');
SELECT pg_temp.claim(:'c', most => 4);
SELECT pg_temp.at('25 days 23 hours 59 minutes 59.9 seconds');
SELECT is(pg_temp.claim(:'c', most => 2), '2 of step 1', 'a claim from before midnight that comes late');
SELECT lt_release_lease(:'lease');
SELECT pg_temp.at('26 days 1 second');
SELECT is(pg_temp.claim(:'c'), '4 of step 1', 'takes its part of the new day, and what was released then takes nothing off it');
SELECT lt_pause_campaign(:'c');

-- What was given back is new again, and due when new leads are.
SELECT pg_temp.at('27 days');
SELECT pg_temp.campaign(30, '{"dailyNewLeads": 4}') AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(2, '7 days', :'c') LIMIT 1 \gset
SELECT pg_temp.claim(:'c', most => 2), lt_release_lease(:'lease');
SELECT pg_temp.claim(:'c', most => 2);
SELECT is(pg_temp.claim(:'c'), NULL, 'new leads that were given back wait where others took their place');
SELECT is(lt_next_due() >= timestamptz '2030-01-28 01:00+00', true, 'and are not due before');
SELECT lt_pause_campaign(:'c');

-- Limits of one kind are counted from what was handed out before, also where there are others.
SELECT pg_temp.at('28 days');
SELECT pg_temp.campaign(60, '{"bounceLimit": 0.5}') AS c \gset
SELECT lt_complete_messages(lease_id) FROM (SELECT lease_id FROM lt_claim_messages(10, '7 days', :'c') LIMIT 1) l;
SELECT lt_set_sending(:'c', '{"dailyLimit": 10}');
SELECT is(pg_temp.claim(:'c'), NULL, 'a limit of a day counts what was handed out under one of bounces');
SELECT lt_set_sending(:'c', '{"dailyLimit": null}');
SELECT pg_temp.claim(:'c', most => 5);
SELECT lt_set_sending(:'c', '{"dailyLimit": 16}');
SELECT is(pg_temp.claim(:'c'), '1 of step 1', 'also what was handed out since it was taken away');
SELECT lt_set_sending(:'c', '{"bounceLimit": null}'), lt_set_sending(:'c', '{"bounceLimit": 0.5}');
SELECT is((SELECT (sent, handed)::text FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), '(10,16)', 'one of bounces counts what was sent before, and leaves the other alone');
SELECT lt_pause_campaign(:'c');

-- Messages that are skipped use up nothing.
SELECT pg_temp.at('30 days');
SELECT pg_temp.campaign(12, '{"dailyLimit": 5}') AS c \gset
SELECT lt_suppress('{lead-1@example.com, lead-2@example.com, lead-3@example.com}');
SELECT is(pg_temp.claim(:'c'), '5 of step 1', 'suppressed leads use up nothing of a limit');
SELECT lt_pause_campaign(:'c');
SELECT lt_unsuppress('{lead-1@example.com, lead-2@example.com, lead-3@example.com}');

-- Bounces.
SELECT pg_temp.at('40 days');
SELECT pg_temp.campaign(100, '{"bounceLimit": 0.1}') AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(100, '1 hour', :'c') LIMIT 1 \gset
SELECT array_agg(message_id) AS ids FROM lt_messages WHERE lease_id = :'lease' \gset
SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[1:15]), lt_bounce_messages(:'lease', (:'ids'::uuid[])[16:19], 'no such user');
SELECT is((SELECT status FROM lt_campaigns WHERE campaign_id = :'c'), 'running', 'of 19 messages any number may bounce');
SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[20:59]), lt_bounce_messages(:'lease', (:'ids'::uuid[])[60:60], 'no such user');
SELECT is((SELECT status FROM lt_campaigns WHERE campaign_id = :'c'), 'running', 'five of sixty are not too many');
SELECT lt_record_event((:'ids'::uuid[])[1], 'bounced', '{"bounceType": "soft"}'), lt_record_event((:'ids'::uuid[])[1], 'bounced', '{"bounceType": "hard"}'), lt_record_event((:'ids'::uuid[])[1], 'bounced', '{"bounceType": "hard"}');
SELECT is((SELECT status FROM lt_campaigns WHERE campaign_id = :'c'), 'running', 'nor is a tenth');
SELECT lt_record_event((:'ids'::uuid[])[2], 'bounced', '{"bounceType": "hard"}');
SELECT is((SELECT (status, pause_reason, paused_at)::text FROM lt_campaigns WHERE campaign_id = :'c'), '(paused,bounce_limit,"2030-02-10 00:00:00+00")', 'more than that pauses the campaign');
SELECT matches((SELECT message FROM lt_sending_status(:'c')), 'paused by itself: too many of its messages bounced', 'as its status says');
SELECT lt_complete_messages(:'lease');
SELECT lt_start_campaign(:'c');
SELECT is((SELECT (sent, refused, bounced)::text FROM leadterra.campaign_usage WHERE workspace_id = lt_current_workspace() AND campaign_id = :'c'), '(0,0,0)', 'a start counts from the beginning');
SELECT is((SELECT pause_reason FROM lt_campaigns WHERE campaign_id = :'c'), NULL, 'and takes the reason away');

SELECT * FROM finish();
ROLLBACK;
