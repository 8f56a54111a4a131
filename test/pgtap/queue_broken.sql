-- queue: rows that were written by hand cost an error, or themselves, and nothing else.
BEGIN;
SELECT plan(53);
SET LOCAL client_min_messages = error;

CREATE FUNCTION pg_temp.campaign(steps integer, leads integer, label text) RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign(label, (SELECT jsonb_agg(jsonb_build_object('subject', 's' || i, 'bodyHtml', 'b', 'delayDays', 0)) FROM generate_series(1, steps) i));
BEGIN
    PERFORM lt_bulk_upsert(c, (SELECT jsonb_agg(jsonb_build_object('email', format('%s%s@example.com', label, i))) FROM generate_series(1, leads) i)), lt_start_campaign(c);
    RETURN c;
END;
$$;
CREATE FUNCTION pg_temp.claimed(c uuid DEFAULT NULL) RETURNS text LANGUAGE sql SET search_path = public AS $$ SELECT string_agg(email, ' ' ORDER BY email) FROM lt_claim_messages(100, '5 minutes', c) $$;

-- Addresses of every sort.
SELECT pg_temp.campaign(1, 12, 'a') AS c \gset
SELECT lt_create_list('l') AS l \gset
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT workspace_id, :'l', lead_id FROM leadterra.enrollments WHERE campaign_id = :'c';
UPDATE leadterra.leads l SET email = b.email
FROM (VALUES (1, 'a@'), (2, ''), (3, '@'), (4, '.'), (5, 'a@.b.example'), (6, '.b.example'), (7, 'A1@example.com'), (8, E'a@b.example\r\nBcc: c@d.example'), (9, repeat('a@', 50000)), (10, 'a@b@c.example')) b (i, email)
WHERE l.email = format('a%s@example.com', b.i);
SELECT lt_suppress('{*.example, b.example, a11@example.com}');
SELECT is((SELECT total FROM lt_enroll_list(:'l', lt_create_campaign('listed'))), 8, 'a list is enrolled, whatever its addresses are');
SELECT is(pg_temp.claimed(:'c'), 'a12@example.com', 'who has an address, and is not suppressed, is mailed');
SELECT is((SELECT string_agg(reason || ' ' || n, ', ' ORDER BY reason) FROM (SELECT reason, count(*) AS n FROM leadterra.exceptions WHERE campaign_id = :'c' GROUP BY 1) r), 'invalid_email 10, suppressed 1', 'the others are not');

-- What the tables check.
SELECT pg_temp.campaign(2, 4, 'b') AS c \gset
SELECT lease_id AS lease, min(message_id::text) AS message FROM lt_claim_messages(3, '5 minutes', :'c') GROUP BY 1 \gset
SELECT throws_ok(format('UPDATE leadterra.leases SET %s WHERE lease_id = %L', change, :'lease'), '23514', NULL, 'refused: ' || change)
FROM unnest(ARRAY['firsts = ''{-9000}'', lasts = ''{9000}''', 'firsts = ''{1,30000}'', lasts = ''{30000,3}''', 'firsts = ''{}''', 'lasts = ''{NULL}''', 'attempts = ''{1,1}''', 'attempts = ''{9}''', 'batch_ids = ARRAY[batch_ids, batch_ids]', 'firsts = ''[0:0]={1}''',
    'settled = ''''', 'completed = ''\xff'', settled = ''\x00''', 'partial_last = NULL', 'partial_last = 1000', 'closed_at = now()', 'state = ''closed''']) change;
SELECT throws_ok(format('UPDATE leadterra.batches SET %s WHERE campaign_id = %L', change, :'c'), '23514', NULL, 'refused: ' || change)
FROM unnest(ARRAY['size = 3', 'lead_ids = ''{}''', 'lead_ids[2] = NULL', 'lead_ids = ARRAY[lead_ids, lead_ids]', 'lead_ids = lead_ids[2:3] || lead_ids', 'batch_id = ''ffffffff-ffff-ffff-ffff-ffffffffffff''', 'step = 0', 'step = 101']) change;
SELECT throws_ok(format('UPDATE leadterra.waiting SET %s WHERE campaign_id = %L', change, :'c'), '23514', NULL, 'refused: ' || change)
FROM unnest('{"first = 0","last = 1001","last = -1","attempt = 6","step = -1"}'::text[]) change;

-- The same where nothing checks it, as before an upgrade.
ALTER TABLE leadterra.leases DROP CONSTRAINT leases_valid;
ALTER TABLE leadterra.batches DROP CONSTRAINT batches_valid;
UPDATE leadterra.leases SET firsts = '{-9000}', lasts = '{9000}' WHERE lease_id = :'lease';
SELECT throws_ok(format(call, :'lease', :'message'), 'PT500', NULL, 'a broken lease: ' || call)
FROM unnest('{SELECT lt_complete_messages(%L),"SELECT lt_fail_messages(%L, ARRAY[%L]::uuid[], ''no'')","SELECT lt_extend_lease(%L, ''1 hour'')"}'::text[]) call;
SET LOCAL leadterra.now = '2100-01-01';
SELECT is(pg_temp.claimed(:'c'), 'b4@example.com', 'where it has run out, the others are handed out');
SELECT is((SELECT count(*) FROM leadterra.batches WHERE campaign_id = :'c'), 1::bigint, 'and nothing comes of it');
SELECT pg_temp.campaign(2, 2, 'c') AS c \gset
SELECT message_id AS second FROM lt_messages WHERE campaign_id = :'c' ORDER BY message_id OFFSET 1 LIMIT 1 \gset
SELECT lease_id AS lease FROM lt_claim_messages(1, '5 minutes', :'c') \gset
UPDATE leadterra.batches SET lead_ids = ARRAY[lead_ids[1], NULL] WHERE campaign_id = :'c';
SELECT throws_ok(format('SELECT lt_record_event(%L, ''opened'')', :'second'), 'PT404', NULL, 'an event of nobody');
SELECT is(pg_temp.claimed(:'c'), NULL, 'who is nobody gets nothing');
SELECT lives_ok(format('SELECT lt_complete_messages(%L)', :'lease'), 'what was claimed before is completed');
SELECT is(pg_temp.claimed(:'c'), NULL, 'but a batch that is broken leads nobody on');

-- Rows that each look right, and do not fit each other.
SELECT pg_temp.campaign(2, 2, 'h') AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(1, '5 minutes', :'c') \gset
UPDATE leadterra.leases SET lasts = '{1000}', attempts = '{5}', settled = NULL, expires_at = leadterra.clock() - interval '1 minute' WHERE lease_id = :'lease';
SET LOCAL leadterra.now = '2100-02-01';
SELECT is(pg_temp.claimed(:'c'), 'h2@example.com', 'a lease on positions that its batch has not runs out');
SELECT is((SELECT string_agg(state || ' ' || (lead_id IN (SELECT lead_id FROM lt_leads))::text, ', ') FROM leadterra.exceptions WHERE campaign_id = :'c'), NULL, 'and nobody is told to have failed');
SELECT pg_temp.campaign(2, 3, 'd') AS c, pg_temp.campaign(1, 2, 'e') AS other \gset
INSERT INTO leadterra.waiting (workspace_id, campaign_id, step, waiting_since, range_id, batch_id, first, last)
SELECT b.workspace_id, :'c', s.step, now() - interval '1 day', lt_uuidv7(), b.batch_id, s.first, s.last
FROM leadterra.batches b
JOIN (VALUES (:'c'::uuid, 1, 900, 1000), (:'c', 2, 1, 3), (:'other', 1, 1, 2)) s (campaign_id, step, first, last) ON s.campaign_id = b.campaign_id;
INSERT INTO leadterra.exceptions (workspace_id, campaign_id, lead_id, step, batch_id, "position", state, reason, attempt, created_at)
SELECT b.workspace_id, :'c', b.lead_ids[3], 1, b.batch_id, 3, 'skipped', 'by hand', 1, now() FROM leadterra.batches b WHERE b.campaign_id = :'c';
UPDATE leadterra.enrollments SET status = 'replied' WHERE campaign_id = :'c' AND lead_id = (SELECT lead_id FROM lt_leads WHERE email = 'd3@example.com');
SELECT is(pg_temp.claimed(:'c'), 'd1@example.com d2@example.com', 'ranges of nothing, of another step and of another campaign hand out nothing');
SELECT is((SELECT count(*) FROM leadterra.waiting WHERE campaign_id = :'c'), 0::bigint, 'and are gone');

-- One workspace does not stop the others.
SELECT lt_create_workspace('W') AS w \gset
SET LOCAL leadterra.workspace_id = :'w';
SELECT pg_temp.campaign(1, 1, 'f') AS broken \gset
UPDATE leadterra.campaigns SET started_at = '294276-12-31 23:59:59+00' WHERE campaign_id = :'broken';
UPDATE leadterra.steps SET delay_minutes = 5256000 WHERE campaign_id = :'broken';
SELECT is(lt_next_due(), 'infinity', 'what is due later than any time is due never');
SELECT is((SELECT due_at FROM lt_messages WHERE campaign_id = :'broken'), 'infinity', 'in views too');
SELECT is(pg_temp.claimed(), NULL, 'and is not handed out');
SET LOCAL leadterra.workspace_id = '';
SELECT is((SELECT array_agg(workspace_id) FROM lt_due_workspaces()), ARRAY[lt_current_workspace()], 'another workspace is found');

-- A claim that skips a lot stops, and the next goes on.
SELECT pg_temp.campaign(1, 6001, 'g') AS c \gset
SELECT lt_suppress(array_agg(format('g%s@example.com', i))) FROM generate_series(1, 6000) i;
CREATE TEMP TABLE claims (emails text, skipped bigint, more boolean);
DO $$
BEGIN
    FOR i IN 1..100 LOOP
        INSERT INTO claims SELECT pg_temp.claimed((SELECT campaign_id FROM lt_campaigns WHERE name = 'g')), 0, false;
        UPDATE claims SET skipped = (SELECT count(*) FROM leadterra.exceptions x JOIN leadterra.campaigns c USING (workspace_id, campaign_id) WHERE c.name = 'g'), more = lt_next_due() <= leadterra.clock() WHERE skipped = 0;
        EXIT WHEN (SELECT count(emails) FROM claims) > 0;
    END LOOP;
END;
$$;
SELECT is((SELECT string_agg(emails, ' ') FROM claims), 'g6001@example.com', 'whoever is behind many that are suppressed has a turn');
SELECT cmp_ok((SELECT count(*) FROM claims), '>=', 3::bigint, 'not in one claim');
SELECT is((SELECT bool_and(more) FROM claims WHERE emails IS NULL), true, 'whose end says that there is more');
SELECT cmp_ok((SELECT min(skipped) FROM claims), '>=', 2000::bigint, 'each keeps what it did');

-- The name of a worker stands in every lease.
SELECT throws_ok(call, 'PT400', 'argument "worker" must have at most 1000 bytes', 'too long: ' || call) FROM unnest(ARRAY[
    $$SELECT lt_claim_messages(worker => repeat('x', 1001))$$, $$SELECT lt_claim_job(worker => repeat('x', 1001))$$]) call;

SELECT * FROM finish();
ROLLBACK;
