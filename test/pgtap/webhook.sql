-- webhook: who is told of what, signatures, claims, retries, giving up, the log, and what goes.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(241);

\ir ../call.sql
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e2b19';
SELECT pg_temp.at('0');

CREATE FUNCTION pg_temp.problem(url text) RETURNS text LANGUAGE sql AS $$ SELECT leadterra.webhook_url_problem(url) $$;
-- Events of a webhook that are outstanding in the outbox, each with how many things it may be about.
CREATE FUNCTION pg_temp.outbox(webhook uuid DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(o.event || CASE WHEN o.size > 1 THEN ':' || o.size ELSE '' END, ' ' ORDER BY o.outbox_id) FROM leadterra.webhook_outbox o
    WHERE o.handed < o.size AND o.workspace_id = current_setting('leadterra.workspace_id')::uuid AND coalesce(o.webhook_id = webhook, true)
$$;
CREATE TABLE pg_temp.held (who text, lease_id uuid, delivery_id uuid, url text, headers jsonb, body text, number integer GENERATED ALWAYS AS IDENTITY);
-- Claims, notes what was handed out, and returns its events.
CREATE FUNCTION pg_temp.claim(who text, most integer DEFAULT 100, lease_for interval DEFAULT '1 minute') RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    DELETE FROM pg_temp.held h WHERE h.who = claim.who;
    WITH h AS (INSERT INTO pg_temp.held (who, lease_id, delivery_id, url, headers, body) SELECT claim.who, d.* FROM lt_claim_deliveries(most, lease_for) d RETURNING number, body)
    SELECT string_agg(body::jsonb ->> 'event', ' ' ORDER BY number) FROM h
$$;
CREATE FUNCTION pg_temp.finish(who text, status integer, error text DEFAULT NULL) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RETURN (SELECT string_agg(lt_finish_delivery(h.lease_id, h.delivery_id, status, error, 7)::text, ' ') FROM pg_temp.held h WHERE h.who = finish.who);
EXCEPTION WHEN SQLSTATE 'PT409' THEN
    RETURN 'lost';
END;
$$;
CREATE FUNCTION pg_temp.data(who text) RETURNS SETOF jsonb LANGUAGE sql AS $$ SELECT body::jsonb -> 'data' FROM pg_temp.held h WHERE h.who = data.who ORDER BY number $$;
CREATE FUNCTION pg_temp.log() RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT string_agg(concat_ws('/', attempt, status_code, error, retry_at - finished_at), ' ' ORDER BY finished_at, attempt) FROM lt_deliveries WHERE NOT succeeded
$$;
CREATE FUNCTION pg_temp.leads(VARIADIC names text[]) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_agg(jsonb_build_object('email', n || '@example.com')) FROM unnest(names) n $$;
CREATE FUNCTION pg_temp.webhook(url text, VARIADIC events text[]) RETURNS uuid LANGUAGE sql SET search_path = public, pg_temp AS $$ SELECT (lt_create_webhook(url, events)).webhook_id $$;

-- Addresses.
SELECT is(pg_temp.problem(url), NULL, url) FROM unnest('{https://example.com, https://Example.com:8443/a/b?c=d&e=%20, https://xn--bcher-kva.example/, https://8.8.8.8/, https://[2a00:1450::1]/x, https://[2A00:1450::1]:443, https://example.com./?, https://a_b.example.com, https://1.example, https://172.32.0.1, https://11.0.0.1:1}'::text[]) url;
SELECT is(pg_temp.problem(url), 'must not lead to an internal address', url) FROM unnest(ARRAY['https://127.0.0.1/', 'https://10.1.2.3', 'https://172.16.0.1', 'https://192.168.1.1:443/x', 'https://169.254.169.254/latest', 'https://100.64.0.1', 'https://0.0.0.0', 'https://224.0.0.1', 'https://255.255.255.255',
    'https://192.0.2.1', 'https://198.18.0.1', 'https://2130706433/', 'https://0x7f000001/', 'https://0177.0.0.1/', 'https://127.1/', 'https://0x7f.0.0.1', 'https://8.8.8', 'https://8.8.8.8.', 'https://010.8.8.8', 'https://256.1.1.1', 'https://1.2.3.4.5',
    'https://[::1]/', 'https://[::]', 'https://[::ffff:127.0.0.1]', 'https://[::ffff:8.8.8.8]', 'https://[fe80::1]', 'https://[fc00::1]', 'https://[fd12::1]', 'https://[64:ff9b::7f00:1]', 'https://[2002:7f00:1::]', 'https://[2001::1]', 'https://[2001:db8::1]', 'https://[ff02::1]', 'https://[2a00::1::2]', 'https://[1.2.3.4]', 'https://[:]',
    'https://localhost/', 'https://LOCALHOST:8443', 'https://localhost.', 'https://foo.localhost', 'https://intranet', 'https://db.internal', 'https://printer.local', 'https://router.home.arpa', 'https://a..example', 'https://.example.com']) url
WHERE url <> 'https://8.8.8.8.';
SELECT is(pg_temp.problem(url), problem, coalesce(translate(left(url, 40), E'\r\n', ''), 'null')) FROM (VALUES (NULL, 'must not be null'), ('http://example.com', 'must begin with https://'), ('HTTPS://example.com', 'must begin with https://'), ('ftp://example.com', 'must begin with https://'), ('', 'must begin with https://'),
    ('https://example.com/#a', 'must have no fragment'), ('https://u:p@example.com/', 'must have no user or password'), ('https://@example.com/', 'must have no user or password'), ('https://example.com@127.0.0.1/', 'must have no user or password'),
    ('https://example.com/a b', 'must have no blanks, control characters or characters beyond ASCII'), (E'https://example.com/\r\nx: y', 'must have no blanks, control characters or characters beyond ASCII'), (U&'https://b\00FCcher.example/', 'must have no blanks, control characters or characters beyond ASCII'),
    ('https://', 'must have a host, and no port but one from 1 to 65535'), ('https:///x', 'must have a host, and no port but one from 1 to 65535'), ('https://example.com:0', 'must have a host, and no port but one from 1 to 65535'), ('https://example.com:65536', 'must have a host, and no port but one from 1 to 65535'),
    ('https://example.com:', 'must have a host, and no port but one from 1 to 65535'), ('https://exa%6dple.com', 'must have a host, and no port but one from 1 to 65535'), ('https://example.com\@127.0.0.1', 'must have a host, and no port but one from 1 to 65535'), ('https://[fe80::1%25eth0]', 'must have a host, and no port but one from 1 to 65535'),
    ('https://example.com/' || repeat('a', 2028), NULL), ('https://example.com/' || repeat('a', 2029), 'must have at most 2048 bytes')) v (url, problem);

-- Webhooks.
SELECT is(pg_temp.detail(format('SELECT lt_create_webhook(%s)', arguments)), code, format('a webhook of %s', arguments))
FROM (VALUES ('NULL, ''{message.sent}''', 'PT400 invalid_request'), ('''http://example.com'', ''{message.sent}''', 'PT400 invalid_request'), ('''https://example.com'', NULL', 'PT400 invalid_request'), ('''https://example.com'', ''{}''', 'PT400 invalid_request'),
    ('''https://example.com'', ''{NULL}''', 'PT400 invalid_request'), ('''https://example.com'', ''{message.sent, message}''', 'PT400 invalid_request'), (format('''https://example.com'', ''{message.sent}'', %L', lt_uuidv7()), 'PT404 campaign_not_found')) v (arguments, code);
SELECT * FROM lt_create_webhook('https://example.com/hook', '{reply.received, message.sent, reply.received}') \gset
SELECT is((SELECT w::text FROM lt_webhooks w), (:'webhook_id'::uuid, 'https://example.com/hook'::text, '{message.sent,reply.received}'::text[], NULL::uuid, 'active'::text, NULL::text, NULL::timestamptz, timestamptz '2030-01-01 00:00+00')::text, 'what the view says of a webhook');
SELECT matches(:'secret'::text, '^whsec_[A-Za-z0-9+/]{43}=$', 'its secret');
SELECT is((SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'lt_webhooks'::regclass AND attnum > 0 AND attname ~ 'secret'), NULL, 'which is shown once');
SELECT lt_update_webhook(:'webhook_id', 'https://example.com/new'), lt_update_webhook(:'webhook_id', events => '{message.clicked}');
SELECT is((SELECT concat_ws(' ', url, events) FROM lt_webhooks), 'https://example.com/new {message.clicked}', 'url and events are changed by themselves');
SELECT is(pg_temp.detail(format('SELECT %s', call)), code, call) FROM (VALUES (format('lt_update_webhook(%L, ''https://10.0.0.1/'')', :'webhook_id'), 'PT400 invalid_request'), (format('lt_update_webhook(%L, events => ''{x}'')', :'webhook_id'), 'PT400 invalid_request'), ('lt_update_webhook(NULL)', 'PT400 invalid_request'),
    (format('lt_update_webhook(%L)', lt_uuidv7()), 'PT404 webhook_not_found'), ('lt_delete_webhook(NULL)', 'PT400 invalid_request'), (format('lt_delete_webhook(%L)', lt_uuidv7()), 'PT404 webhook_not_found'), (format('lt_resume_webhook(%L)', lt_uuidv7()), 'PT404 webhook_not_found'), ('lt_redeliver(NULL)', 'PT400 invalid_request'), (format('lt_redeliver(%L)', lt_uuidv7()), 'PT404 delivery_not_found')) v (call, code);
SELECT is((SELECT concat_ws(' ', url, events) FROM lt_webhooks), 'https://example.com/new {message.clicked}', 'none of these did anything');
SELECT lt_delete_webhook(:'webhook_id');
SELECT is((SELECT count(*) FROM lt_webhooks), 0::bigint, 'a webhook is deleted');

-- Signatures: the test vector of Standard Webhooks, and the service's own.
SELECT is(leadterra.delivery_headers('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'msg_p5jXN8AQM9LWM0D4loKWxJek', to_timestamp(1614265330.9), '{"test": 2432232314}') - 'X-Leadterra-Signature',
    '{"Content-Type": "application/json", "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="}', 'Standard Webhooks'' test vector');
-- RFC 4231, test case 2.
SELECT is(leadterra.delivery_headers('Jefe', 'x', now(), 'what do ya want for nothing?') ->> 'X-Leadterra-Signature', '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843', 'HMAC-SHA256 of the body in hex, under the secret as it is');

-- What is told of.
SELECT lt_create_campaign('Plants & Söhne', '[{"subject": "s", "bodyHtml": "b", "variants": [{}, {}]}, {"subject": "t", "bodyHtml": "b", "delayDays": 0}]') AS c, lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset
SELECT pg_temp.webhook('https://all.example', VARIADIC leadterra.webhook_events()) AS w \gset
SELECT (lt_create_webhook('https://one.example', leadterra.webhook_events(), :'other')).webhook_id AS one, pg_temp.webhook('https://paused.example', 'campaign.paused') AS p \gset
SELECT lt_bulk_upsert(:'c', pg_temp.leads('a', 'b', 'c', 'd')), lt_bulk_upsert(:'other', pg_temp.leads('a'));
SELECT lt_start_campaign(:'c'), lt_start_campaign(:'c');
SELECT is(pg_temp.outbox(:'w'), 'campaign.started', 'a start is told once');
SELECT lt_pause_campaign(:'c'), lt_pause_campaign(:'c');
SELECT is(pg_temp.outbox(:'w'), 'campaign.started campaign.paused', 'and a pause');
SELECT is(pg_temp.outbox(:'p'), 'campaign.paused', 'to who wants it');
SELECT is(pg_temp.outbox(:'one'), NULL, 'a webhook of another campaign is not told');
SELECT lt_start_campaign(:'c');
SELECT pg_temp.claim('w');
SELECT is((SELECT string_agg(concat_ws(' ', url, body::jsonb ->> 'event', body::jsonb ->> 'timestamp'), ', ' ORDER BY url, number) FROM pg_temp.held), 'https://all.example campaign.started 2030-01-01T00:00:00.000Z, https://all.example campaign.paused 2030-01-01T00:00:00.000Z, https://all.example campaign.started 2030-01-01T00:00:00.000Z, https://paused.example campaign.paused 2030-01-01T00:00:00.000Z', 'all of it is handed out');
SELECT is((SELECT d - 'id' FROM pg_temp.data('w') d LIMIT 1), jsonb_build_object('campaignId', lt_typeid('camp', :'c'), 'campaignName', 'Plants & Söhne', 'reason', NULL), 'with its data');
SELECT is((SELECT string_agg(h.headers ->> 'webhook-id', ' ' ORDER BY number) FROM pg_temp.held h), (SELECT string_agg(d ->> 'id', ' ') FROM pg_temp.data('w') d), 'which has the id that the headers have');
SELECT is((SELECT array_agg(lt_from_typeid(h.headers ->> 'webhook-id') ORDER BY number) FROM pg_temp.held h), (SELECT array_agg(h.delivery_id ORDER BY number) FROM pg_temp.held h), 'that of the delivery');
SELECT is((SELECT count(*) FROM pg_temp.held h JOIN leadterra.webhooks w USING (url) WHERE h.headers = leadterra.delivery_headers(w.secret, h.headers ->> 'webhook-id', timestamptz '2030-01-01 00:00+00', h.body)), 4::bigint, 'each is signed by the secret of its webhook, at the time of the claim');
SELECT is((SELECT count(DISTINCT lease_id) FROM pg_temp.held), 1::bigint, 'in one lease');
SELECT is(pg_temp.claim('other'), NULL, 'then nothing is left');
SELECT pg_temp.finish('w', 204);
SELECT is((SELECT count(*) FROM leadterra.webhook_deliveries d WHERE d.workspace_id = lt_current_workspace()), 0::bigint, 'any 2xx is the end of it');

-- Messages of a lease.
SELECT min(lease_id::text) AS lease, array_agg(message_id ORDER BY message_id) AS ids FROM lt_claim_messages(10, '1 hour', :'c') \gset
SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[1:1]);
SELECT is(pg_temp.outbox(), NULL, 'what is sent is told once its lease closes');
SELECT lt_fail_messages(:'lease', (:'ids'::uuid[])[2:2], '550 no such luck', true), lt_bounce_messages(:'lease', (:'ids'::uuid[])[3:3], '550 5.1.1 who?');
SELECT is(pg_temp.outbox(), 'message.failed message.bounced', 'failures and bounces at once');
SELECT lt_complete_messages(:'lease');
SELECT is(pg_temp.outbox(:'w'), 'message.failed message.bounced message.sent:4', 'one row for a lease');
SELECT is(pg_temp.claim('w'), 'message.failed message.bounced message.sent message.sent', 'which are deliveries of one message each');
SELECT is((SELECT jsonb_agg(d - 'id' - 'variant') FROM pg_temp.data('w') d), (SELECT jsonb_agg(jsonb_build_object('campaignId', lt_typeid('camp', :'c'), 'sequenceStep', 1, 'messageId', lt_typeid('msg', m.message_id), 'leadId', lt_typeid('lead', m.lead_id), 'email', m.email) || more ORDER BY n)
    FROM (VALUES (1, 2, '{"reason": "550 no such luck"}'::jsonb), (2, 3, '{"bounceType": "hard", "bounceReason": "550 5.1.1 who?"}'), (3, 1, '{}'), (4, 4, '{}')) v (n, i, more) JOIN lt_messages m ON m.message_id = (:'ids'::uuid[])[i]), 'with what is known of them');
SELECT is((SELECT array_agg((d ->> 'variant')::integer) FROM pg_temp.data('w') d WHERE d ? 'variant'), (SELECT array_agg(get_byte(variants, i)) FROM leadterra.leases, unnest('{0, 3}'::integer[]) i WHERE lease_id = :'lease'), 'and the variant of what was sent');
SELECT is((SELECT count(DISTINCT d ->> 'id') FROM pg_temp.data('w') d), 4::bigint, 'each with an id of its own');
SELECT pg_temp.finish('w', 200);

-- Events.
SELECT lt_record_event((:'ids'::uuid[])[1], type, data::jsonb) FROM (VALUES ('delivered', '{}'), ('opened', '{}'), ('clicked', '{"url": "https://x.example/?a"}'), ('clicked', '{"url": "https://x.example/?a"}'), ('clicked', '{"url": "https://x.example/?b"}'), ('bounced', '{"bounceType": "soft", "bounceReason": "full"}'),
    ('replied', '{"classification": "interested", "threadSnippet": "Yes, \u00e4 please"}')) v (type, data);
SELECT lt_record_event((:'ids'::uuid[])[4], 'replied', '{"classification": "unsubscribe", "threadSnippet": "no"}'), lt_record_event((:'ids'::uuid[])[4], 'complained'), lt_record_event((:'ids'::uuid[])[4], 'unsubscribed');
SELECT is(pg_temp.claim('w'), 'message.clicked message.clicked message.bounced reply.received reply.received lead.unsubscribed message.complained lead.unsubscribed', 'each event is told once; those that nobody asks for are not');
SELECT is((SELECT d - '{id, campaignId, messageId, leadId, email, sequenceStep}'::text[] FROM pg_temp.data('w') d OFFSET 0 LIMIT 1), '{"url": "https://x.example/?a"}', 'a click');
SELECT is((SELECT d - '{id, campaignId, messageId, leadId, email, sequenceStep}'::text[] FROM pg_temp.data('w') d OFFSET 2 LIMIT 1), '{"bounceType": "soft", "bounceReason": "full"}', 'a bounce');
SELECT is((SELECT d - '{id, campaignId, messageId, leadId, email, sequenceStep}'::text[] FROM pg_temp.data('w') d OFFSET 3 LIMIT 1), jsonb_build_object('replyId', lt_typeid('rpl', (SELECT reply_id FROM lt_replies WHERE classification = 'interested')), 'classification', 'interested', 'receivedAt', '2030-01-01T00:00:00.000Z', 'threadSnippet', 'Yes, ä please'), 'a reply');
SELECT is((SELECT d - '{id, campaignId, messageId, leadId, email, sequenceStep}'::text[] FROM pg_temp.data('w') d OFFSET 5 LIMIT 1), '{}', 'who unsubscribed is a lead');
SELECT pg_temp.finish('w', 200);

-- A campaign is finished when nothing is left of it.
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 hour', :'c')), 0::bigint, 'a claim skips all that is left');
SELECT is(pg_temp.claim('w'), 'campaign.finished', 'then the campaign is finished');
SELECT pg_temp.finish('w', 200);
SELECT is((SELECT status FROM lt_sending_status(:'c')), 'finished', 'as its status says');
SELECT lt_bulk_upsert(:'c', pg_temp.leads('e', 'f'));
SELECT lease_id AS lease FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT lease_id AS last FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT lt_complete_messages(:'lease');
SELECT is(pg_temp.claim('w'), 'message.sent', 'it is not while a step is to come') ;
SELECT lt_complete_messages(:'last');
SELECT lease_id AS lease FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT lease_id AS last FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT lt_complete_messages(:'lease');
SELECT is(pg_temp.claim('w'), 'message.sent message.sent', 'nor while a worker holds something');
SELECT lt_fail_messages(:'last', ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = :'last'), 'not yet');
SELECT is(pg_temp.claim('w'), NULL, 'nor while something waits to be tried again');
SELECT pg_temp.at('1 hour');
SELECT lease_id AS last FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT lt_fail_messages(:'last', ARRAY(SELECT message_id FROM lt_messages WHERE lease_id = :'last'), 'never', true);
UPDATE leadterra.webhook_deliveries SET due_at = 'infinity' WHERE workspace_id = lt_current_workspace();
SELECT is(pg_temp.claim('w'), 'message.failed campaign.finished', 'it is once the last message has failed');
SELECT pg_temp.finish('w', 200);
DELETE FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace();

-- A lease that ran out tells of what was completed in it.
SELECT lt_bulk_upsert(:'c', pg_temp.leads('g', 'h'));
SELECT min(lease_id::text) AS lease, array_agg(message_id ORDER BY message_id) AS ids FROM lt_claim_messages(10, '1 minute', :'c') \gset
SELECT lt_complete_messages(:'lease', (:'ids'::uuid[])[2:2]);
SELECT pg_temp.at('2 hours');
SELECT lease_id AS lease FROM lt_claim_messages(1, '1 hour', :'c') \gset
SELECT is(pg_temp.claim('w'), 'message.sent', 'of what was sent in a lease that ran out');
SELECT is((SELECT d ->> 'messageId' FROM pg_temp.data('w') d), lt_typeid('msg', (:'ids'::uuid[])[2]), 'which is that message');
SELECT pg_temp.finish('w', 200);
SELECT lt_release_lease(:'lease');
SELECT is(pg_temp.outbox(), NULL, 'what is given back tells of nothing');

-- Webhooks of one campaign, and what is disabled or deleted.
SELECT lt_start_campaign(:'other');
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages(1, '1 hour', :'other');
SELECT is(pg_temp.outbox(:'one'), 'campaign.started message.sent campaign.finished', 'a webhook of a campaign is told of that');
SELECT lt_delete_webhook(:'one'), lt_delete_webhook(:'w'), lt_delete_webhook(:'p');
SELECT is((SELECT count(*) FROM leadterra.webhook_outbox WHERE workspace_id = lt_current_workspace()) + (SELECT count(*) FROM leadterra.webhook_log WHERE workspace_id = lt_current_workspace()), 0::bigint, 'what is there of a webhook goes with it');

-- Retries.
SELECT pg_temp.webhook('https://a.example/', 'campaign.started', 'campaign.paused') AS w \gset
SELECT lt_pause_campaign(:'other');
SELECT lt_next_delivery() AS due \gset
SELECT is(:'due'::timestamptz, timestamptz '2030-01-01 02:00+00', 'a delivery is due when it happens');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'it is claimed');
SELECT is(lt_next_delivery(), timestamptz '2030-01-01 02:01+00', 'then the end of the lease is waited for');
SELECT is(pg_temp.finish('w', 500, 'no luck'), 'true', 'a failure');
SELECT is(pg_temp.finish('w', 500, 'no luck'), 'false', 'that is said again is not new');
SELECT is(pg_temp.log(), '1/500/no luck/00:01:00', 'is logged, and tried again after a minute');
SELECT is(lt_next_delivery(), timestamptz '2030-01-01 02:01+00', 'which is when it is due');
SELECT pg_temp.at('2 hours 59 seconds');
SELECT is(pg_temp.claim('other'), NULL, 'not before');
SELECT pg_temp.at('2 hours 1 minute');
SELECT lease_id AS old, delivery_id AS id, body AS body FROM pg_temp.held WHERE who = 'w' \gset
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'the second attempt');
SELECT is((SELECT (delivery_id = :'id', lease_id <> :'old', body = :'body', headers ->> 'webhook-timestamp' )::text FROM pg_temp.held), '(t,t,t,' || extract(epoch FROM timestamptz '2030-01-01 02:01+00')::bigint || ')', 'is the same, under another lease, signed anew');
SELECT is(pg_temp.detail(format('SELECT lt_finish_delivery(%L, %L, 200)', :'old', lt_uuidv7())), 'PT409 lease_lost', 'nobody ends what he does not have');
SELECT is(pg_temp.finish('w', NULL, 'timed out'), 'true', 'no answer is a failure');
SELECT is(pg_temp.log(), '1/500/no luck/00:01:00 2/timed out/00:05:00', 'then it takes five minutes');
SELECT pg_temp.at('2 hours 6 minutes'); SELECT pg_temp.claim('w'); SELECT pg_temp.finish('w', 301);
SELECT pg_temp.at('2 hours 36 minutes'); SELECT pg_temp.claim('w'); SELECT pg_temp.finish('w', 404);
SELECT pg_temp.at('4 hours 36 minutes'); SELECT pg_temp.claim('w'); SELECT pg_temp.finish('w', 503);
SELECT is(pg_temp.log(), '1/500/no luck/00:01:00 2/timed out/00:05:00 3/301/00:30:00 4/404/02:00:00 5/503/08:00:00', 'then half an hour, two hours and eight');
SELECT pg_temp.at('12 hours 36 minutes');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'the sixth');
SELECT is(pg_temp.finish('w', 500), 'true', 'is the last');
SELECT is((SELECT concat_ws(' ', attempt, status_code, retry_at) FROM lt_deliveries ORDER BY attempt DESC LIMIT 1), '6 500', 'nothing follows');
SELECT is(lt_next_delivery(), NULL, 'nothing is due any more');
SELECT is((SELECT concat_ws(' ', status, disabled_reason) FROM lt_webhooks), 'active', 'one that is given up disables nothing');

-- Redelivery.
SELECT lt_redeliver(:'id'), lt_redeliver(:'id');
SELECT pg_temp.at('12 hours 37 minutes');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'what was given up is delivered again, if asked for');
SELECT is((SELECT delivery_id FROM pg_temp.held), :'id'::uuid, 'under its id');
SELECT lt_redeliver(:'id');
SELECT is(pg_temp.claim('other'), NULL, 'what a worker has is left to it');
SELECT is(pg_temp.finish('w', 200), 'true', 'then it succeeds');
SELECT is((SELECT concat_ws(' ', event, attempt, status_code, error, milliseconds, finished_at AT TIME ZONE 'UTC', retry_at) FROM lt_deliveries WHERE succeeded), 'campaign.paused 1 200 7 2030-01-01 12:37:00', 'as its first attempt');
SELECT is(lt_next_delivery(), NULL, 'and that is all');
SELECT lt_redeliver(:'id');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'also what succeeded');
SELECT is(pg_temp.finish('w', NULL), 'true', 'what was not tried is given back');
SELECT is((SELECT concat_ws(' ', attempt, due_at AT TIME ZONE 'UTC', lease_id) FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace()), '0 2030-01-01 12:37:00', 'at no cost');
SELECT is(pg_temp.finish('w', 200), 'lost', 'and is not held any more');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'but handed out');
SELECT pg_temp.finish('w', 200);

-- Disabled.
SELECT lt_redeliver(:'id'); SELECT pg_temp.claim('w');
SELECT is(pg_temp.finish('w', 410), 'true', '410');
SELECT is((SELECT concat_ws(' ', status, disabled_reason, disabled_at AT TIME ZONE 'UTC') FROM lt_webhooks), 'disabled gone 2030-01-01 12:37:00', 'disables a webhook');
SELECT is((SELECT retry_at FROM lt_deliveries WHERE status_code = 410), NULL, 'and is not tried again');
SELECT lt_start_campaign(:'other'), lt_redeliver(:'id');
SELECT is(pg_temp.outbox(), NULL, 'it is told of nothing');
SELECT is(pg_temp.claim('w'), NULL, 'nothing goes to it');
SELECT is(lt_next_delivery(), NULL, 'nothing is due');
SELECT lt_resume_webhook(:'w');
SELECT is(pg_temp.claim('w'), 'campaign.paused', 'until it is resumed: then what waited goes on');
SELECT is((SELECT concat_ws(' ', status, disabled_reason, disabled_at) FROM lt_webhooks), 'active', 'as the view says');
SELECT pg_temp.finish('w', 200);
SELECT lt_pause_campaign(:'other'), lt_start_campaign(:'other'), lt_pause_campaign(:'other'), lt_start_campaign(:'other'), lt_pause_campaign(:'other');
SELECT pg_temp.claim('w');
SELECT is((SELECT count(*) FROM pg_temp.held), 5::bigint, 'five deliveries');
UPDATE leadterra.webhook_deliveries SET attempt = 6 WHERE workspace_id = lt_current_workspace();
SELECT lt_finish_delivery(lease_id, delivery_id, 500) FROM pg_temp.held WHERE number <> (SELECT max(number) FROM pg_temp.held);
SELECT is((SELECT status FROM lt_webhooks), 'active', 'four in a row that are given up');
SELECT lt_finish_delivery(lease_id, delivery_id, 500) FROM pg_temp.held WHERE number = (SELECT max(number) FROM pg_temp.held);
SELECT is((SELECT concat_ws(' ', status, disabled_reason) FROM lt_webhooks), 'disabled given_up', 'five disable it');
SELECT lt_resume_webhook(:'w'), lt_redeliver(delivery_id) FROM pg_temp.held;
SELECT pg_temp.claim('w');
UPDATE leadterra.webhook_deliveries SET attempt = 6 WHERE workspace_id = lt_current_workspace();
SELECT lt_finish_delivery(lease_id, delivery_id, CASE (row_number() OVER (ORDER BY number)) WHEN 4 THEN 200 ELSE 500 END) FROM pg_temp.held;
SELECT is((SELECT status FROM lt_webhooks), 'active', 'one that succeeds among them begins the count anew');

-- One that failed rests, and then has one delivery at a time until one succeeds.
SELECT lt_start_campaign(:'other'), lt_pause_campaign(:'other'), lt_start_campaign(:'other');
SELECT is(pg_temp.claim('w'), NULL, 'after a failure nothing goes to a webhook');
SELECT is(lt_next_delivery(), timestamptz '2030-01-01 12:37:10+00', 'for ten seconds');
SELECT pg_temp.at('12 hours 37 minutes 10 seconds');
SELECT is(pg_temp.claim('w'), 'campaign.started', 'then one');
SELECT is(pg_temp.claim('other'), NULL, 'and no other');
SELECT is(lt_next_delivery(), timestamptz '2030-01-01 12:38:10+00', 'until that has ended');
SELECT pg_temp.finish('w', 200);
SELECT is(pg_temp.claim('w'), 'campaign.paused campaign.started', 'a success lets the rest go');
SELECT pg_temp.finish('w', 200);

-- Turns: a webhook that has much leaves room for others.
SELECT pg_temp.webhook('https://b.example/', 'message.failed') AS b, pg_temp.webhook('https://c.example/', 'campaign.paused') AS cc \gset
SELECT lt_create_campaign('many', '[{"subject": "s", "bodyHtml": "b"}]') AS many \gset
SELECT lt_bulk_upsert(:'many', (SELECT jsonb_agg(jsonb_build_object('email', format('many-%s@example.com', i))) FROM generate_series(1, 20) i));
SELECT lt_start_campaign(:'many');
SELECT pg_temp.claim('w'); SELECT pg_temp.finish('w', 200);
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no', true) FROM lt_claim_messages(20, '1 hour', :'many') GROUP BY lease_id;
SELECT lt_pause_campaign(:'many');
SELECT is((SELECT string_agg(url || ' ' || n, ', ' ORDER BY url) FROM (SELECT url, count(*) AS n FROM lt_claim_deliveries(6, '1 hour') GROUP BY 1) d), 'https://a.example/ 1, https://b.example/ 2, https://c.example/ 1', 'an even share for each');
SELECT is((SELECT string_agg(url || ' ' || n, ', ' ORDER BY url) FROM (SELECT url, count(*) AS n FROM lt_claim_deliveries(6, '1 hour') GROUP BY 1) d), 'https://b.example/ 6', 'all for one that is alone');
SELECT lt_finish_delivery(lease_id, delivery_id, 500) FROM leadterra.webhook_deliveries WHERE webhook_id = :'b' LIMIT 1;
SELECT lt_start_campaign(:'many');
SELECT is((SELECT string_agg(url, ', ' ORDER BY url) FROM lt_claim_deliveries(6, '1 hour')), 'https://a.example/', 'one that is down holds up nobody');
SELECT lt_delete_webhook(:'b'), lt_delete_webhook(:'cc');
DELETE FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace();

-- Leases that run out.
SELECT lt_pause_campaign(:'many');
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.paused', 'a delivery');
SELECT lease_id AS old, delivery_id AS id FROM pg_temp.held \gset
SELECT pg_temp.at('13 hours');
SELECT is(pg_temp.finish('w', 200), 'lost', 'a lease that ran out is lost');
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.paused', 'it is handed out again');
SELECT is(pg_temp.detail(format('SELECT lt_finish_delivery(%L, %L, 200)', :'old', :'id')), 'PT409 lease_lost', 'also to who had it before');
SELECT is((SELECT (attempt, losses, lost_at)::text FROM leadterra.webhook_deliveries WHERE delivery_id = :'id'), ('1'::smallint, '1'::smallint, timestamptz '2030-01-01 12:38:10+00')::text, 'no attempt is counted');
SELECT is(pg_temp.finish('w', 200), 'true', 'the new worker has it');
SELECT lt_start_campaign(:'many'), lt_pause_campaign(:'many'), lt_start_campaign(:'many'), lt_pause_campaign(:'many');
SELECT pg_temp.claim('w', 3, '1 minute'); SELECT pg_temp.at('13 hours 2 minutes'); SELECT pg_temp.claim('w', 3, '1 minute'); SELECT pg_temp.at('13 hours 4 minutes');
SELECT pg_temp.webhook('https://beside.example/', 'lead.unsubscribed') AS beside \gset
SELECT lt_record_event('0197c043-e39c-7d91-a325-6615db0e2b18', 'unsubscribed', '{"email": "first@example.com"}');
SELECT is(pg_temp.claim('other', 100, '1 minute'), 'lead.unsubscribed', 'what was lost twice is not handed out with others');
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.started campaign.paused campaign.started', 'but by itself');
SELECT lt_delete_webhook(:'beside');
SELECT is(pg_temp.claim('other', 100, '1 minute'), 'campaign.paused', 'the rest is for another claim');
SELECT pg_temp.finish('other', 200);
SELECT pg_temp.at('13 hours 6 minutes'); SELECT pg_temp.claim('w', 100, '1 minute'); SELECT pg_temp.at('13 hours 8 minutes');
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.started', 'later one by one');
SELECT pg_temp.finish('w', 200);
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.paused', 'and the next');
SELECT pg_temp.at('13 hours 10 minutes');
SELECT pg_temp.claim('w', 100, '1 minute'); SELECT pg_temp.finish('w', 200);
SELECT is(pg_temp.claim('w', 100, '1 minute'), 'campaign.paused', 'which was lost alone once');
SELECT pg_temp.at('13 hours 12 minutes');
SELECT is(pg_temp.claim('w', 100, '1 minute'), NULL, 'twice is too often, as another was answered');
SELECT is((SELECT error FROM lt_deliveries WHERE status_code IS NULL AND NOT succeeded ORDER BY finished_at DESC LIMIT 1), 'its workers died: its lease ran out again with nothing else in it', 'the log says why');
SELECT is((SELECT given_up FROM leadterra.webhooks WHERE webhook_id = :'w'), 0::smallint, 'and the webhook is not to blame');

-- What goes, is changed or is merged before it is delivered.
DELETE FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace();
SELECT lt_update_webhook(:'w', events => leadterra.webhook_events());
SELECT lt_create_campaign('people', '[{"subject": "s", "bodyHtml": "b"}]') AS people \gset
SELECT lt_bulk_upsert(:'people', pg_temp.leads('ann', 'bob', 'cid', 'dan', 'eve')), lt_start_campaign(:'people');
SELECT min(lease_id::text) AS lease, array_agg(message_id ORDER BY message_id) AS ids FROM lt_claim_messages(5, '1 hour', :'people') \gset
SELECT lt_fail_messages(:'lease', (:'ids'::uuid[])[5:5], '550 <eve@example.com> is no friend', true);
SELECT lt_complete_messages(:'lease');
SELECT lt_record_event((:'ids'::uuid[])[2], 'replied', '{"classification": "interested", "threadSnippet": "call bob"}');
SELECT lt_merge_leads(a.lead_id, b.lead_id) FROM lt_leads a, lt_leads b WHERE a.email = 'ann@example.com' AND b.email = 'dan@example.com';
SELECT lt_forget('bob@example.com'), lt_forget('eve@example.com'), lt_delete_leads('{cid@example.com}');
SELECT is(pg_temp.claim('w'), 'campaign.started message.failed message.sent message.sent message.sent message.sent campaign.finished reply.received', 'what happened is told all the same');
SELECT is((SELECT string_agg(coalesce(d ->> 'email', '-'), ' ') FROM pg_temp.data('w') d WHERE d ? 'variant'), 'dan@example.com - - dan@example.com', 'of a merged lead its heir; of one that is gone no address');
SELECT is((SELECT string_agg(body, '') ~ 'bob|eve@|cid@' FROM pg_temp.held), false, 'nothing of who was forgotten');
SELECT pg_temp.finish('w', 500);
SELECT lt_pause_campaign(:'people'), lt_delete_campaign(:'people');
SELECT pg_temp.at('14 hours');
SELECT is(pg_temp.claim('w', 1), NULL, 'what was deleted is told no more');
SELECT is((SELECT count(*) FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace()), 7::bigint, 'one by one, while the webhook failed') ;
SELECT lt_resume_webhook(:'w');
SELECT is(pg_temp.claim('w'), NULL, 'then all');
SELECT is((SELECT count(*) FROM leadterra.webhook_deliveries WHERE workspace_id = lt_current_workspace()), 0::bigint, 'and it is not tried again');
SELECT (lt_create_webhook('https://one.example', leadterra.webhook_events(), :'many')).webhook_id AS one \gset
SELECT lt_delete_campaign(:'many');
SELECT is((SELECT count(*) FROM lt_webhooks WHERE webhook_id = :'one'), 0::bigint, 'a webhook of a campaign goes with it');

-- Who unsubscribes from a message that is gone.
SELECT lt_record_event('0197c043-e39c-7d91-a325-6615db0e2b19', 'unsubscribed', '{"email": "zoe@example.com"}'), lt_record_event('0197c043-e39c-7d91-a325-6615db0e2b19', 'unsubscribed', '{"email": "zoe@example.com"}');
SELECT is(pg_temp.claim('w'), 'lead.unsubscribed', 'is told of, once');
SELECT is((SELECT d - 'id' FROM pg_temp.data('w') d), jsonb_build_object('messageId', lt_typeid('msg', '0197c043-e39c-7d91-a325-6615db0e2b19'), 'campaignId', NULL, 'leadId', NULL, 'email', NULL, 'sequenceStep', NULL), 'with the message alone');
SELECT pg_temp.finish('w', 200);

-- The log, and what lt_maintain removes.
SELECT lt_delete_webhook(webhook_id) FROM lt_webhooks;
SELECT pg_temp.webhook('https://log.example/', 'campaign.paused', 'campaign.started') AS w \gset
SELECT lt_start_campaign(:'other'), lt_pause_campaign(:'other') FROM generate_series(1, 65);
SELECT pg_temp.claim('w', 3);
SELECT pg_temp.finish('w', 500);
UPDATE leadterra.webhooks SET resting_until = NULL WHERE webhook_id = :'w';
SELECT pg_temp.claim('w', 1000);
SELECT pg_temp.at('14 hours' + number * interval '1 millisecond'), lt_finish_delivery(lease_id, delivery_id, 200) FROM pg_temp.held WHERE who = 'w' ORDER BY number;
SELECT lt_start_campaign(:'other');
SELECT pg_temp.claim('w');
SELECT is((SELECT count(*) FILTER (WHERE succeeded) || ' ' || count(*) FILTER (WHERE NOT succeeded) FROM lt_deliveries), '100 3', 'the log has the last hundred successes, and all failures');
SELECT pg_temp.at('90 days');
SELECT is(lt_maintain(), 0::bigint, 'nothing is 90 days old');
SELECT pg_temp.at('91 days');
SELECT cmp_ok(lt_maintain(), '>=', 234::bigint, 'what is goes');
SELECT is((SELECT count(*) FROM lt_deliveries) + (SELECT count(*) FROM leadterra.webhook_outbox WHERE workspace_id = lt_current_workspace()), 0::bigint, 'all of it');
SELECT is(pg_temp.claim('w'), NULL, 'and what was to be delivered with it');

-- Arguments.
SELECT is(pg_temp.detail(format('SELECT lt_claim_deliveries(%s)', arguments)), code, format('a claim with %s', arguments)) FROM (VALUES ('NULL', 'PT400 invalid_request'), ('0', 'PT400 invalid_request'), ('10001', 'PT400 invalid_request'), ('1, NULL', 'PT400 invalid_request'), ('1, ''0''', 'PT400 invalid_request'), ('1, ''8 days''', 'PT400 invalid_request'), ('10000, ''7 days''', 'no error')) v (arguments, code);
SELECT is(pg_temp.detail(format('SELECT lt_finish_delivery(%s)', arguments)), code, format('finishing with %s', arguments)) FROM (VALUES ('NULL, lt_uuidv7(), 200', 'PT400 invalid_request'), ('lt_uuidv7(), NULL, 200', 'PT400 invalid_request'), ('lt_uuidv7(), lt_uuidv7(), 99', 'PT400 invalid_request'), ('lt_uuidv7(), lt_uuidv7(), 1000', 'PT400 invalid_request'), ('lt_uuidv7(), lt_uuidv7(), 200, NULL, -1', 'PT400 invalid_request'), ('lt_uuidv7(), lt_uuidv7(), 200', 'PT409 lease_lost')) v (arguments, code);

-- Another workspace, and workers of all.
SELECT lt_pause_campaign(:'other');
SELECT lt_current_workspace() AS here \gset
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e2b1a';
SELECT is(pg_temp.claim('other'), NULL, 'another workspace has none of it');
SELECT is((SELECT count(*) FROM lt_webhooks) + (SELECT count(*) FROM lt_deliveries), 0::bigint, 'and sees none');
SELECT is(pg_temp.detail(format('SELECT %s', call)), 'PT404 webhook_not_found', call) FROM unnest(ARRAY[format('lt_update_webhook(%L)', :'w'), format('lt_delete_webhook(%L)', :'w'), format('lt_resume_webhook(%L)', :'w')]) call;
SET LOCAL leadterra.workspace_id = :'here';
SELECT is((SELECT string_agg(workspace_id::text, ' ') FROM lt_due_deliveries() WHERE workspace_id = :'here'), :'here', 'a workspace with deliveries is listed');
SELECT pg_temp.claim('w');
SELECT is((SELECT count(*) FROM lt_due_deliveries() WHERE workspace_id = :'here'), 0::bigint, 'until they are claimed');

-- A transaction that is rolled back tells of nothing.
SELECT pg_temp.finish('w', 200);
SAVEPOINT before;
SELECT lt_start_campaign(:'other');
SELECT is(pg_temp.outbox(), 'campaign.started', 'what a transaction did is told in it');
ROLLBACK TO before;
SELECT is(pg_temp.outbox(), NULL, 'and not if it is rolled back');

SELECT * FROM finish();
ROLLBACK;
