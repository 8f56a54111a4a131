-- forget: what goes, what stays, and that the address stays out.
BEGIN;
SELECT plan(48);
-- A workspace of its own, for there may be leads in the default one.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0002';

SELECT lt_create_campaign('running', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS running \gset
SELECT lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]') AS draft \gset
SELECT lt_create_list('list') AS list \gset
SELECT lt_create_blocklist('partners') AS partners \gset
SELECT lt_bulk_upsert(c, '[{"email": "Ann.Secret@example.com", "firstName": "Annsecret", "customFields": {"note": "annsecret"}}, {"email": "bob@example.com"}, {"email": "cid@example.com"}]')
FROM unnest(ARRAY[:'running', :'draft']::uuid[]) c;
SELECT lt_add_leads('[{"email": "ann.secret@example.com"}]', list_id => :'list');
SELECT lead_id AS ann FROM lt_leads WHERE first_name = 'Annsecret' \gset
SELECT lt_start_campaign(:'running');
SELECT lease_id AS lease FROM lt_claim_messages(10, '1 hour', :'running') LIMIT 1 \gset
SELECT lt_complete_messages(:'lease');
SELECT lt_record_event(message_id, 'replied', '{"classification": "out_of_office", "threadSnippet": "Ann Secret is away", "from": "annsecret"}'),
    lt_record_event(message_id, 'bounced', '{"bounceType": "soft", "bounceReason": "450 ann.secret@example.com is busy"}')
FROM lt_messages WHERE email LIKE 'ann%' AND step = 1;
SELECT lease_id AS lease FROM lt_claim_messages(10, '1 hour', :'running') LIMIT 1 \gset
SELECT lt_fail_messages(:'lease', array_agg(message_id), '450 ann.secret@example.com is busy') FROM lt_messages WHERE state = 'leased';
SELECT lt_block('{ann.secret@example.com, bob@example.com}', :'partners');
SELECT lt_suppress('{ann.secret@example.com}', 'asked');

-- Every place where the person is named, in all tables.
CREATE FUNCTION pg_temp.traces() RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    name text;
    found boolean;
    traces text[] := '{}';
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'leadterra'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM leadterra.%I t WHERE t::text ~* ''ann\.?\s?secret'')', name) INTO found;
        IF found THEN
            traces := traces || name;
        END IF;
    END LOOP;
    RETURN traces;
END;
$$;
SELECT is(pg_temp.traces(), '{events,leads,suppressions,waiting}', 'a person leaves traces');
SELECT lt_campaign_stats(:'running') AS before \gset
SELECT is(lt_forget(E' ANN.secret@Example.com\n'), true, 'a person is forgotten');
SELECT is(pg_temp.traces(), '{}', 'and nothing names them');
SELECT is((SELECT count(*) FROM leadterra.leads WHERE lead_id = :'ann'), 0::bigint, 'the lead is gone');
SELECT is((SELECT count(*) FROM leadterra.enrollments WHERE lead_id = :'ann'), 0::bigint, 'from campaigns');
SELECT is((SELECT count(*) FROM leadterra.list_members WHERE lead_id = :'ann'), 0::bigint, 'and lists');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'running'), 2::bigint, 'campaigns count one less');
SELECT is((SELECT array_agg(data ORDER BY type) FROM leadterra.events WHERE lead_id = :'ann'), ARRAY['{"bounceType": "soft"}', '{"classification": "out_of_office"}']::jsonb[], 'events keep what is counted');
SELECT is((SELECT (s).bounced + (s).sent FROM (SELECT lt_campaign_stats(:'running') AS s) x), (:'before'::lt_stats).bounced + (:'before'::lt_stats).sent, 'and are counted');
SELECT is((SELECT array_agg(entry || ' ' || kind) FROM lt_blocklist_entries WHERE blocklist_id = :'partners'), '{bob@example.com address}', 'block lists do not name them');
SELECT is((SELECT count(*) FROM lt_suppressions WHERE entry ~ '^hmac:[0-9a-f]{32}$' AND reason = 'forgotten'), 1::bigint, 'the suppression list has a hash');

-- The address stays out.
SELECT is((SELECT reason FROM lt_is_suppressed('Ann.Secret@example.com')), 'forgotten', 'the address is suppressed');
SELECT is((SELECT count(*) FROM lt_is_suppressed('annsecret@example.com')), 0::bigint, 'and no other is');
SELECT is((SELECT reason FROM lt_bulk_upsert_report(:'draft', '[{"email": "ANN.SECRET@example.com"}]')), 'suppressed', 'it is not enrolled');
SELECT is(lt_add_leads('[{"email": "ann.secret@example.com"}]', list_id => :'list') ->> 'in_blocklist', '1', 'nor added to a list');
SELECT is(lt_add_leads('[{"email": "ann.secret@example.com"}, {"email": "dee@example.com"}]', list_id => :'list', blocklist_id => :'partners') ->> 'in_blocklist', '1', 'whatever block list is asked');
SELECT is((SELECT count(*) FROM lt_bulk_upsert_report(:'draft', (SELECT jsonb_agg(jsonb_build_object('email', format('n%s@example.com', i))) || '[{"email": "ann.secret@example.com"}]' FROM generate_series(1, 1500) i), dry_run => true) WHERE reason = 'suppressed'),
    1::bigint, 'nor as one of many');
SELECT lt_suppress(array_agg(format('entry-%s@plain.example', i))) FROM generate_series(1, 3000) i;
SELECT is((SELECT count(*) FROM lt_bulk_upsert_report(:'draft', (SELECT jsonb_agg(jsonb_build_object('email', format('n%s@example.com', i))) || '[{"email": "ann.secret@example.com"}]' FROM generate_series(1, n) i), dry_run => true) WHERE reason = 'suppressed'),
    1::bigint, format('nor where the suppression list is long, among %s', n)) FROM unnest('{5,500}'::integer[]) n;
INSERT INTO leadterra.leads (workspace_id, lead_id, email) VALUES (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000a', 'ann.secret@example.com');
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) VALUES (lt_current_workspace(), :'list', '0197c043-e39c-7d91-a325-00000000000a');
SELECT is((SELECT suppressed FROM lt_enroll_list(:'list', :'draft')), 1, 'one that was put into the table by hand is not enrolled from a list');
INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id) VALUES (lt_current_workspace(), :'draft', '0197c043-e39c-7d91-a325-00000000000a');
SELECT leadterra.enqueue(lt_current_workspace(), :'draft', 1, now(), '0197c043-e39c-7d91-a325-00000000000a');
SELECT lt_start_campaign(:'draft');
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 hour', :'draft') WHERE email LIKE 'ann%'), 0::bigint, 'nor mailed');
SELECT is((SELECT reason FROM lt_messages WHERE campaign_id = :'draft' AND email LIKE 'ann%'), 'suppressed', 'its message is skipped');
SELECT is(lt_forget('ann.secret@example.com'), true, 'and may be forgotten again');
SELECT is(lt_forget('ann.secret@example.com'), false, 'a third time there is nobody');
SELECT is((SELECT count(*) FROM lt_suppressions WHERE reason = 'forgotten'), 1::bigint, 'there is one hash');
SELECT is(lt_forget('never@example.com'), false, 'nor is there of an address that was never there');
SELECT is((SELECT reason FROM lt_is_suppressed('never@example.com')), 'forgotten', 'which is kept out all the same');

-- Failed messages name the person in their errors.
SELECT lt_create_campaign('failed', '[{"subject": "s", "bodyHtml": "b"}]') AS failed \gset
SELECT lt_bulk_upsert(:'failed', '[{"email": "eve.secret@example.com"}]');
SELECT lt_start_campaign(:'failed');
SELECT lt_fail_messages(lease_id, ARRAY[message_id], '550 eve.secret@example.com is unknown', true) FROM lt_claim_messages(1, '1 hour', :'failed');
SELECT lt_forget('eve.secret@example.com');
SELECT is((SELECT array_agg(state || ' ' || reason) FROM leadterra.exceptions WHERE campaign_id = :'failed'), '{failed forgotten}', 'an error is not kept');
SELECT is((SELECT (lt_campaign_stats(:'failed')).failed), 1::bigint, 'and counted');

-- Rows that an import left out.
INSERT INTO leadterra.imports (workspace_id, import_id, campaign_id, source, source_file) VALUES (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000c', :'failed', 'x', 0);
INSERT INTO leadterra.import_rejects (workspace_id, import_id, row_number, reason, code, lead)
SELECT lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000c', r.*
FROM (VALUES
    (1, 'wrong_type', 'wrong_type', '{"email": " Fay@Example.com ", "phone": 1}'::jsonb),
    (2, 'wrong_type', 'wrong_type', '{"email": "gus@example.com", "phone": 1}'),
    (3, 'suppressed', 'suppressed', NULL),
    (4, 'invalid_email', 'email_local_character', '{"email": "Fay <mailto:FAY@example.com>\u00a0"}'),
    (5, 'invalid_email', 'email_label_empty', '{"email": "fay@example.com."}'),
    (6, 'wrong_type', 'wrong_type', '{"email": "HÀ@Bücher.example", "phone": 1}')) r;
SELECT is(lt_forget('fay@example.com'), false, 'somebody whom an import left out');
SELECT is(lt_forget(normalize('hÀ@xn--bcher-kva.example', NFD)), false, 'by any spelling');
SELECT is((SELECT array_agg(row_number ORDER BY row_number) FROM leadterra.import_rejects WHERE import_id = '0197c043-e39c-7d91-a325-00000000000c'), '{2,3}', 'is not kept there');

-- Taking it back.
SELECT is(lt_unsuppress('{Ann.Secret@example.com}'), 1, 'who comes back is taken off the list by address');
SELECT is((SELECT count(*) FROM lt_is_suppressed('ann.secret@example.com')), 0::bigint, 'and is suppressed no more');
SELECT is((SELECT outcome FROM lt_bulk_upsert_report(:'draft', '[{"email": "ann.secret@example.com"}]')), 'enrolled', 'and enrolled as anybody');
SELECT is(lt_unblock('{never@example.com}'), 1, 'lt_unblock does it too');
SELECT is(lt_unblock('{eve.secret@example.com}', :'partners'), 0, 'but not from another list');
SELECT is((SELECT reason FROM lt_is_suppressed('eve.secret@example.com')), 'forgotten', 'which has no say in it');

-- Another workspace.
SELECT lt_forget('bob@example.com');
SELECT entry AS hash FROM lt_suppressions WHERE entry = leadterra.hashed_entry('bob@example.com') \gset
SELECT is(length(:'hash'), 37, 'the hash of an address');
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT is(leadterra.hashed_entry('bob@example.com'), NULL, 'a workspace without a row has none');
SELECT is((SELECT count(*) FROM lt_is_suppressed('bob@example.com')), 0::bigint, 'nor does it know of the other');
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset
SELECT is((lt_bulk_upsert(:'other', '[{"email": "bob@example.com"}]')).enrolled, 1, 'which keeps nobody out of it');
SELECT is(lt_forget('cid@example.com'), false, 'a lead of another workspace is not found');
SELECT is(lt_forget('bob@example.com'), true, 'its own is');
SELECT isnt((SELECT entry FROM lt_suppressions WHERE entry = leadterra.hashed_entry('bob@example.com')), :'hash', 'and has another hash');
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0002';
SELECT is((SELECT count(*) FROM lt_leads WHERE email = 'cid@example.com'), 1::bigint, 'the lead is there');

SELECT throws_ok($$SELECT lt_forget(NULL)$$, 'PT400', 'argument "email" must not be null');
SELECT throws_ok($$SELECT lt_forget('nobody')$$, 'PT400', 'invalid e-mail address: address has no @');

SELECT * FROM finish();
ROLLBACK;
