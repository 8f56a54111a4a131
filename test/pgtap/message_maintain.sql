-- message: what is past its keep is counted and removed, and nothing else.
BEGIN;
SELECT plan(39);

SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b18';
SET LOCAL leadterra.now = '2030-01-01 00:00+00';
CREATE FUNCTION pg_temp.leads(prefix text, count integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('email', format('%s-%s@example.com', prefix, i)) ORDER BY i) FROM generate_series(1, count) i
$$;
CREATE FUNCTION pg_temp.lease() RETURNS uuid LANGUAGE sql AS $$ SELECT lease_id FROM leadterra.leases ORDER BY lease_id DESC LIMIT 1 $$;
CREATE FUNCTION pg_temp.maintain(keep interval DEFAULT '90 days') RETURNS bigint LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    removed bigint := 0;
    slice bigint;
BEGIN
    -- What waits keeps the lease that it follows from: test/pgtap/message_thread.sql has that.
    UPDATE leadterra.batches SET after_lease_id = NULL;
    LOOP
        slice := lt_maintain(keep);
        EXIT WHEN slice = 0;
        removed := removed + slice;
    END LOOP;
    RETURN removed;
END;
$$;

SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "t", "bodyHtml": "b", "delayDays": 200}]') AS c \gset
SELECT lt_bulk_upsert(:'c', pg_temp.leads('whole', 1000));
SELECT lt_start_campaign(:'c');
-- A batch that is sent as a whole, but for a failure and skips, with events.
SELECT lt_suppress('{whole-3@example.com}');
SELECT lt_remove_leads(:'c', '{whole-4@example.com}');
CREATE TEMP TABLE claimed AS SELECT * FROM lt_claim_messages(998, '1 hour', :'c');
SELECT is((SELECT count(*) FROM claimed), 998::bigint, 'a whole batch is claimed');
SELECT lt_fail_messages(lease_id, ARRAY[message_id], 'no', true) FROM claimed WHERE email = 'whole-1@example.com';
SELECT lt_complete_messages(lease_id) FROM claimed LIMIT 1;
SELECT lt_record_event(message_id, 'delivered'), lt_record_event(message_id, 'opened') FROM claimed WHERE email < 'whole-5';
SELECT lt_record_event(message_id, 'replied', '{"threadSnippet": "1"}'), lt_record_event(message_id, 'replied', '{"threadSnippet": "2"}') FROM claimed WHERE email = 'whole-5@example.com';
SELECT lt_record_event(message_id, 'replied', '{"classification": "out_of_office"}') FROM claimed WHERE email = 'whole-6@example.com';
SELECT message_id AS old FROM claimed WHERE email = 'whole-7@example.com' \gset
-- One of which a part is sent, and one of which a message is leased.
SELECT lt_bulk_upsert(:'c', pg_temp.leads('part', 10));
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(4, '1 hour', :'c')) l;
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset
SELECT lt_bulk_upsert(:'other', pg_temp.leads('whole', 5));
SELECT lt_start_campaign(:'other');

SELECT throws_ok('SELECT lt_maintain(NULL)', 'PT400', NULL, 'no keep');
SELECT throws_ok('SELECT lt_maintain(''-1 day'')', 'PT400', NULL, 'a negative keep');
CREATE TEMP TABLE stats AS SELECT 'c' AS name, s.* FROM lt_campaign_stats(:'c') s UNION ALL SELECT 'other', s.* FROM lt_campaign_stats(:'other') s;
CREATE TEMP TABLE counts AS SELECT campaign_id, leads_enrolled, queued_messages FROM lt_campaigns;
SELECT is((SELECT (sent, skipped, failed, delivered, replied)::text FROM stats WHERE name = 'c'), '(1001,3,1,443,1)', 'the statistics before');

SET LOCAL leadterra.now = '2030-03-31 23:59+00';
SELECT is(pg_temp.maintain(), 0::bigint, 'nothing is older than 90 days');
SET LOCAL leadterra.now = '2030-04-02 00:00+00';
SELECT cmp_ok(pg_temp.maintain(), '>', 0::bigint, 'something is');
SELECT is((SELECT array_agg(lead_ids[1] IS NOT NULL) FROM leadterra.batches WHERE campaign_id = :'c' AND step = 1), ARRAY[true, true], 'the batch with a lead that may come back stays');
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'c'), 1::bigint, 'and the lease that says how far a range is used');
SELECT results_eq('SELECT * FROM stats ORDER BY name', format('SELECT ''c'' AS name, s.* FROM lt_campaign_stats(%L) s UNION ALL SELECT ''other'', s.* FROM lt_campaign_stats(%L) s ORDER BY 1', :'c', :'other'), 'the statistics are as before');
SELECT results_eq('SELECT campaign_id, leads_enrolled, queued_messages FROM lt_campaigns ORDER BY campaign_id', 'SELECT * FROM counts ORDER BY campaign_id', 'and so are the counts of campaigns');
SELECT is((SELECT enrolled FROM lt_bulk_upsert(:'c', '[{"email": "whole-4@example.com"}]')), 1, 'the lead comes back');
SELECT is((SELECT string_agg(email, ' ' ORDER BY email) FROM lt_claim_messages(100, '1 hour', :'c')), 'part-10@example.com part-5@example.com part-6@example.com part-7@example.com part-8@example.com part-9@example.com whole-4@example.com',
    'claims go on where they were');
SELECT is(pg_temp.maintain('0'), 1::bigint, 'the first lease is not needed any more');
SELECT is(pg_temp.maintain('0'), 0::bigint, 'what is leased stays');
SELECT lt_complete_messages(pg_temp.lease());
SELECT lt_record_event(:'old', 'opened');
CREATE TEMP TABLE later AS SELECT * FROM lt_campaign_stats(:'c');

-- An event that is not past its keep keeps the batch.
SET LOCAL leadterra.now = '2030-06-25 00:00+00';
SELECT lt_record_event(:'old', 'delivered');
SET LOCAL leadterra.now = '2030-07-05 00:00+00';
SELECT is(pg_temp.maintain(), 2::bigint, 'the other batch and its lease go');
SELECT is((SELECT count(*) FROM leadterra.events WHERE campaign_id = :'c' AND type = 'replied'), 3::bigint, 'events stay');
SELECT is(pg_temp.maintain(), 0::bigint, 'with a batch of which one is young');
SET LOCAL leadterra.now = '2030-10-15 00:00+00';
SELECT cmp_ok(pg_temp.maintain(), '>', 0::bigint, 'later it goes');
SELECT is((SELECT count(*) FROM leadterra.batches WHERE campaign_id = :'c' AND step = 1), 0::bigint, 'all of step one');
SELECT is((SELECT count(*) FROM leadterra.events WHERE campaign_id = :'c'), 0::bigint, 'with its events');
SELECT is((SELECT count(*) FROM leadterra.exceptions WHERE campaign_id = :'c'), 0::bigint, 'and its exceptions');
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'c'), 0::bigint, 'and leases');
SELECT throws_ok(format('SELECT lt_record_event(%L, ''opened'')', :'old'), 'PT404', NULL, 'a message past its keep is not found');
SELECT is((SELECT (total_enrolled, sent, delivered, bounced, replied, unsubscribed, skipped, failed, queued, open_rate)::text FROM lt_campaign_stats(:'c')),
    (SELECT (total_enrolled, sent, delivered + 1, bounced, replied, unsubscribed, skipped, failed, queued, 1::double precision)::text FROM later), 'the statistics have it all');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 1010::bigint, 'everybody is enrolled');
SELECT is((SELECT (enrolled, updated)::text FROM lt_bulk_upsert(:'c', pg_temp.leads('whole', 10))), '(0,9)', 'nobody begins again');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'c' AND step = 2), 1008::bigint, 'follow-ups still wait');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'other'), 4::bigint, 'as does the other campaign');
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'due', 'and are due');

SELECT is(lt_restart_leads(:'c', '{whole-1@example.com}'), 0, 'what failed that long ago is not restarted');
SELECT is((SELECT sum(enrolled) FROM leadterra.totals WHERE campaign_id = :'c'), 1010::numeric, 'the totals hold the batches');

-- What somebody restarts between two looks is not removed.
SELECT lt_create_campaign('again', '[{"subject": "s", "bodyHtml": "b"}]') AS again \gset
SELECT lt_bulk_upsert(:'again', pg_temp.leads('again', 2));
SELECT lt_start_campaign(:'again');
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no', true) FROM lt_claim_messages(2, '1 hour', :'again') GROUP BY lease_id;
SELECT array_agg(batch_id) AS batches FROM leadterra.batches WHERE campaign_id = :'again' \gset
SELECT is(leadterra.lock_finished_batches(lt_current_workspace(), :'again', :'batches', leadterra.clock() + interval '1 second', 2), :'batches', 'a batch with as many exceptions as before');
SELECT is(leadterra.lock_finished_batches(lt_current_workspace(), :'again', :'batches', leadterra.clock() + interval '1 second', 3), '{}', 'one that has lost some');
SELECT is(leadterra.lock_finished_batches(lt_current_workspace(), :'again', :'batches', leadterra.clock(), 2), '{}', 'or has them since');

-- Counts that somebody wrote by hand and that cannot be added to: the other campaigns are maintained all the same.
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(5, '1 hour', :'other')) l;
UPDATE leadterra.totals SET sent = 9223372036854775807 WHERE campaign_id = :'c';
INSERT INTO leadterra.totals (workspace_id, campaign_id, sent)
SELECT lt_current_workspace(), :'c', 9223372036854775807 WHERE NOT EXISTS (SELECT FROM leadterra.totals WHERE campaign_id = :'c');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages(10000, '1 hour', :'c')) l;
SET LOCAL leadterra.now = '2040-01-01 00:00+00';
SET LOCAL client_min_messages = error;
SELECT cmp_ok(pg_temp.maintain(), '>', 0::bigint, 'a campaign that cannot be maintained does not stop the others');
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'other' AND state = 'closed'), 0::bigint, 'of which what is past its keep is gone');

SELECT throws_ok(format('SELECT lt_maintain(%L)', keep), 'PT400', 'argument "keep" must be from nothing to 1000 years', coalesce(keep, 'null')) FROM unnest('{178000000 years,-1 day,NULL}'::text[]) keep;

SELECT * FROM finish();
ROLLBACK;
