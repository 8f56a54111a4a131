-- event: what a reply is, told after it came.
BEGIN;
SELECT plan(30);

\ir ../call.sql
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b23';
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "c"}]') AS c \gset
SELECT lt_bulk_upsert(:'c', '[{"email": "away@example.com"}, {"email": "keen@example.com"}, {"email": "no@example.com"}, {"email": "gone@example.com"}]');
SELECT webhook_id AS w FROM lt_create_webhook('https://a.example/', '{reply.received, lead.unsubscribed}') \gset
SELECT lt_start_campaign(:'c');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_claim_messages()) l;
SELECT is(lt_record_event(message_id, 'replied', '{"classification": "out_of_office", "threadSnippet": "away"}'), true, 'a reply') FROM lt_messages WHERE state = 'sent' AND email IN ('away@example.com', 'no@example.com');
SELECT is(lt_record_event(message_id, 'replied', '{"threadSnippet": "hm"}'), true, 'one that nobody has classified') FROM lt_messages WHERE state = 'sent' AND email IN ('keen@example.com', 'gone@example.com');
CREATE FUNCTION pg_temp.reply(name text) RETURNS uuid LANGUAGE sql SET search_path = public AS $$ SELECT reply_id FROM lt_replies WHERE email = name || '@example.com' $$;
CREATE FUNCTION pg_temp.status(name text) RETURNS text LANGUAGE sql SET search_path = public AS $$ SELECT status FROM lt_enrollments WHERE email = name || '@example.com' $$;
SELECT is((SELECT replied FROM lt_campaign_stats(:'c')), 2::bigint, 'what is out of office is no reply');

SELECT is(pg_temp.status('away'), 'active', 'nor does it end a sequence');
SELECT is(lt_classify_reply(pg_temp.reply('away'), 'interested'), true, 'it is classified');
SELECT is((SELECT classification || ' ' || thread_snippet FROM lt_replies WHERE email = 'away@example.com'), 'interested away', 'which is kept');
SELECT is(pg_temp.status('away'), 'replied', 'it ends the sequence');
SELECT is((SELECT replied FROM lt_campaign_stats(:'c')), 3::bigint, 'and is counted');
SELECT is(lt_classify_reply(pg_temp.reply('away'), 'interested'), false, 'again it changes nothing');
SELECT is(lt_record_event(message_id, 'replied', '{"classification": "out_of_office", "threadSnippet": "away"}'), false, 'nor does the reply, reported again') FROM lt_replies WHERE email = 'away@example.com';
SELECT is((SELECT count(*) FROM lt_replies), 4::bigint, 'there are as many replies');
SELECT is(lt_classify_reply(pg_temp.reply('away'), 'out_of_office'), true, 'it may be another kind');
SELECT is(pg_temp.status('away'), 'replied', 'what it has done stays');
SELECT is((SELECT replied FROM lt_campaign_stats(:'c')), 2::bigint, 'but it is counted as what it is');

SELECT is(lt_classify_reply(pg_temp.reply('no'), 'unsubscribe'), true, 'one who wants no more');
SELECT is((SELECT reason FROM lt_is_suppressed('no@example.com')), 'unsubscribed', 'is suppressed');
SELECT is(pg_temp.status('no'), 'unsubscribed', 'and is out');
SELECT is((SELECT count(*) FROM leadterra.webhook_outbox WHERE event = 'lead.unsubscribed'), 1::bigint, 'which webhooks are told');
SELECT is((SELECT count(*) FROM leadterra.webhook_outbox WHERE event = 'reply.received'), 4::bigint, 'of a reply they are told once');
SELECT lt_unsuppress('{no@example.com}');
SELECT is(lt_classify_reply(pg_temp.reply('no'), 'unsubscribe'), true, 'as often as it is said');
SELECT is((SELECT reason FROM lt_is_suppressed('no@example.com')), 'unsubscribed', 'the address is suppressed');

SELECT is(lt_classify_reply(pg_temp.reply('keen'), 'not_interested'), true, 'one that nobody had classified');
SELECT pg_temp.reply('gone') AS gone \gset
SELECT lt_delete_leads('{gone@example.com}');
SELECT is(lt_classify_reply(:'gone', 'interested'), true, 'one of a lead that is gone');
SELECT is(pg_temp.detail(format('SELECT lt_classify_reply(%L, ''unsubscribe'')', :'gone')), 'PT404 lead_not_found', 'nobody should believe that its address is suppressed');
SELECT is(pg_temp.detail(call), code, call) FROM (VALUES
    (format('SELECT lt_classify_reply(%L, ''interested'')', lt_uuidv7()), 'PT404 reply_not_found'), (format('SELECT lt_classify_reply(%L, ''x'')', pg_temp.reply('keen')), 'PT400 invalid_event'),
    ('SELECT lt_classify_reply(NULL, ''interested'')', 'PT400 invalid_request'), (format('SELECT lt_classify_reply(%L, NULL)', pg_temp.reply('keen')), 'PT400 invalid_request')) v (call, code);

SELECT * FROM finish();
ROLLBACK;
