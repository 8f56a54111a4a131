-- enroll: two records of one person become one.
BEGIN;
SELECT plan(48);
-- A workspace of its own, for there may be leads in the default one.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0004';

SELECT set_config('leadterra.now', '2030-01-01 00:00+00', true);
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS c \gset
SELECT lt_create_list('l') AS l \gset
SELECT lt_create_list('m') AS m \gset

CREATE FUNCTION pg_temp.id(address text) RETURNS uuid LANGUAGE sql SET search_path = public AS $$ SELECT lead_id FROM lt_leads WHERE email = address || '@example.com' $$;
-- What a campaign holds of one address: the enrollment and the messages.
CREATE FUNCTION pg_temp.stands(campaign uuid, address text) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT concat_ws(' ', e.status, m.messages)
    FROM lt_enrollments e
    CROSS JOIN LATERAL (SELECT string_agg(concat_ws(':', step, state, reason), ' ' ORDER BY step) AS messages FROM lt_messages m WHERE m.campaign_id = campaign AND m.email = e.email) m
    WHERE e.campaign_id = campaign AND e.email = address || '@example.com'
$$;
CREATE FUNCTION pg_temp.merge(source text, heir text) RETURNS void LANGUAGE sql SET search_path = public AS $$ SELECT lt_merge_leads(pg_temp.id(source), pg_temp.id(heir)) $$;
CREATE FUNCTION pg_temp.add(campaign uuid, VARIADIC names text[]) RETURNS lt_bulk_result LANGUAGE sql SET search_path = public AS $$
    SELECT lt_bulk_upsert(campaign, jsonb_agg(jsonb_build_object('email', n || '@example.com'))) FROM unnest(names) n
$$;
-- Sends what is due to one address, and gives the others back.
CREATE FUNCTION pg_temp.send(campaign uuid, address text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    m record;
    lease uuid;
    sent text := '';
BEGIN
    FOR m IN SELECT * FROM lt_claim_messages(1000, '1 minute', campaign) ORDER BY step LOOP
        lease := m.lease_id;
        IF m.email = address || '@example.com' THEN
            PERFORM lt_complete_messages(m.lease_id, ARRAY[m.message_id]);
            sent := sent || m.step;
        END IF;
    END LOOP;
    PERFORM lt_fail_messages(lease, array_agg(message_id), 'later') FROM lt_messages WHERE lease_id = lease AND state = 'leased' HAVING count(*) > 0;
    PERFORM set_config('leadterra.now', (current_setting('leadterra.now')::timestamptz + interval '1 day')::text, true);
    RETURN sent;
END;
$$;

-- Fields.
SELECT lt_bulk_upsert(:'c', '[{"email": "a@example.com", "firstName": "A", "lastName": "La", "company": "Ca", "jobTitle": "Ja", "phone": "1", "website": "wa", "personalization": "pa", "leadValue": "va", "interestStatus": 1, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14", "verificationStatus": 1, "size": 1, "city": "Ulm", "tier": "gold", "seen": 3}, {"email": "b@example.com", "firstName": "B", "lastName": " ", "company": "", "verificationStatus": -2, "size": 2, "tag": "t", "tier": " ", "seen": 0}]');
SELECT pg_temp.id('b') AS b, (SELECT created_at FROM lt_leads WHERE email = 'b@example.com') AS created \gset
SELECT lt_merge_leads(pg_temp.id('a'), :'b');
SELECT is((SELECT jsonb_strip_nulls(to_jsonb(l) - '{lead_id,created_at,updated_at}'::text[]) FROM lt_leads l WHERE lead_id = :'b'),
    '{"email": "b@example.com", "first_name": "B", "last_name": "La", "company": "Ca", "job_title": "Ja", "phone": "1", "website": "wa", "personalization": "pa", "lead_value": "va", "interest_status": 1, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "verification_status": -2, "custom": {"size": 2, "city": "Ulm", "tag": "t", "tier": "gold", "seen": 0}}',
    'the destination keeps its fields and gets those that it has not');
SELECT is(pg_temp.id('a'), NULL, 'the lead is gone');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 1::bigint, 'one is enrolled where both were');

-- A destination without an address.
SELECT lt_add_leads('[{"first_name": "Nan"}, {"email": "list@example.com"}]', list_id => :'l');
SELECT lt_add_leads('[{"email": "list@example.com"}]', list_id => :'m');
SELECT pg_temp.add(:'c', 'd');
SELECT lt_update_lead('d@example.com', '{"verificationStatus": 1}');
SELECT lead_id AS nan FROM lt_leads WHERE first_name = 'Nan' \gset
SELECT lt_merge_leads(pg_temp.id('d'), :'nan');
SELECT is((SELECT concat_ws(' ', email, first_name, verification_status) FROM lt_leads WHERE lead_id = :'nan'), 'd@example.com Nan 1', 'gets that of the lead, and its verdict');
SELECT is(pg_temp.stands(:'c', 'd'), 'active', 'and its place in campaigns');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 2::bigint, 'which is counted once');
SELECT lt_merge_leads(pg_temp.id('list'), :'nan');
SELECT is((SELECT array_agg(list_id ORDER BY list_id) FROM leadterra.list_members WHERE lead_id = :'nan'), ARRAY(SELECT unnest(ARRAY[:'l', :'m']::uuid[]) ORDER BY 1), 'lists go over, once each');
SELECT is((SELECT array_agg(leads) FROM lt_lists), '{1,1}', 'and count it once');

-- The place in a campaign: at step one, not claimed.
SELECT lt_start_campaign(:'c');
SELECT pg_temp.add(:'c', 'one');
SELECT lt_create_campaign('elsewhere') AS elsewhere \gset
SELECT pg_temp.add(:'elsewhere', 'heir1', 'heir2', 'heir3', 'heir4', 'heir5', 'heir6', 'heir7', 'heir8');
SELECT pg_temp.merge('one', 'heir1');
SELECT is(pg_temp.stands(:'c', 'heir1'), 'active 1:queued', 'a lead that waits for step one');
SELECT is(pg_temp.stands(:'elsewhere', 'heir1'), 'active', 'stays where it was');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 3::bigint, 'counted once');
SELECT is(pg_temp.send(:'c', 'heir1'), '1', 'it is sent step one');
SELECT is(pg_temp.send(:'c', 'heir1'), '2', 'then step two');

-- At step two.
SELECT pg_temp.add(:'c', 'two');
SELECT is(pg_temp.send(:'c', 'two'), '1', 'a lead that was sent step one');
SELECT pg_temp.merge('two', 'heir2');
SELECT is(pg_temp.stands(:'c', 'heir2'), 'active 2:queued', 'goes on with step two');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 4::bigint, 'counted once');
SELECT is((SELECT (lt_campaign_stats(:'c')).sent), 3::bigint, 'what was sent is counted');
SELECT is(pg_temp.send(:'c', 'heir2'), '2', 'and sent nothing twice');

-- At the end of its sequence.
SELECT pg_temp.add(:'c', 'end');
SELECT pg_temp.send(:'c', 'end');
SELECT pg_temp.send(:'c', 'end');
SELECT pg_temp.merge('end', 'heir3');
SELECT is(pg_temp.stands(:'c', 'heir3'), 'active', 'a lead that has got all');
SELECT is(pg_temp.send(:'c', 'heir3'), '', 'gets no more');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 5::bigint, 'counted once');

-- Failed, and skipped.
SELECT pg_temp.add(:'c', 'fails', 'skips');
SELECT lt_suppress('{skips@example.com}');
SELECT lt_fail_messages(lease_id, ARRAY[message_id], '550 no', true) FROM lt_claim_messages(1000, '1 minute', :'c') WHERE email = 'fails@example.com';
SELECT is(pg_temp.stands(:'c', 'fails') || ' ' || pg_temp.stands(:'c', 'skips'), 'active 1:failed:550 no active 1:skipped:suppressed', 'leads whose sequence ended');
SELECT concat_ws(' ', (s).failed, (s).skipped, (s).total_enrolled - 2) AS before FROM (SELECT lt_campaign_stats(:'c') AS s) x \gset
SELECT pg_temp.merge('fails', 'heir4'), pg_temp.merge('skips', 'heir5');
SELECT is(pg_temp.stands(:'c', 'heir4') || ' ' || pg_temp.stands(:'c', 'heir5'), 'active 1:failed:550 no active 1:skipped:suppressed', 'leave it ended');
SELECT is((SELECT concat_ws(' ', (s).failed, (s).skipped, (s).total_enrolled - 2) FROM (SELECT lt_campaign_stats(:'c') AS s) x), :'before', 'and counted once');
SELECT is((SELECT array_agg(state ORDER BY step) FROM lt_explain_lead(:'c', 'heir4@example.com')), '{failed,not_reached}', 'and explained');
SELECT is(lt_restart_leads(:'c', '{heir4@example.com, heir5@example.com}'), 2, 'until they are restarted');
SELECT set_config('leadterra.now', '2030-03-01 00:00+00', true);
SELECT is((SELECT string_agg(DISTINCT email, ' ' ORDER BY email) FROM lt_claim_messages(1000, '1 minute', :'c') WHERE email LIKE 'heir4%' OR email LIKE 'heir5%'), 'heir4@example.com heir5@example.com', 'then they are mailed, under the address that is not suppressed');
SELECT lt_complete_messages(lease_id) FROM leadterra.leases WHERE state = 'open';

-- A state that ended it.
SELECT pg_temp.add(:'c', 'replies', 'unsubscribes', 'bounces', 'is_replied', 'is_unsubscribed', 'is_bounced', 'goes', 'is_removed');
UPDATE leadterra.enrollments e SET status = CASE l.email WHEN 'replies@example.com' THEN 'replied' WHEN 'unsubscribes@example.com' THEN 'unsubscribed' WHEN 'bounces@example.com' THEN 'bounced' ELSE 'removed' END
FROM leadterra.leads l WHERE l.lead_id = e.lead_id AND e.campaign_id = :'c' AND l.email IN ('replies@example.com', 'unsubscribes@example.com', 'bounces@example.com', 'goes@example.com');
SELECT pg_temp.merge('replies', 'is_replied'), pg_temp.merge('unsubscribes', 'is_unsubscribed'), pg_temp.merge('bounces', 'is_bounced'), pg_temp.merge('goes', 'is_removed');
SELECT is(pg_temp.stands(:'c', 'is_replied'), 'replied 1:skipped:replied', 'who has replied under one address has replied');
SELECT is(pg_temp.stands(:'c', 'is_unsubscribed'), 'unsubscribed 1:skipped:unsubscribed', 'and who has unsubscribed, unsubscribed');
SELECT is(pg_temp.stands(:'c', 'is_bounced'), 'active 1:queued', 'but the other address has not bounced');
SELECT is(pg_temp.stands(:'c', 'is_removed'), 'active 1:queued', 'nor was it removed');
SELECT pg_temp.add(:'c', 'replied');
UPDATE leadterra.enrollments e SET status = 'replied' FROM leadterra.leads l WHERE l.lead_id = e.lead_id AND e.campaign_id = :'c' AND l.email = 'replied@example.com';
SELECT pg_temp.merge('replied', 'heir6');
SELECT is(pg_temp.stands(:'c', 'heir6'), 'replied 1:skipped:replied', 'who takes the place of one that replied has replied');

-- Events.
SELECT pg_temp.add(:'c', 'speaks');
SELECT pg_temp.send(:'c', 'speaks');
SELECT lt_record_event(message_id, 'opened') FROM lt_messages WHERE email = 'speaks@example.com' AND step = 1;
SELECT pg_temp.merge('speaks', 'heir7');
SELECT is((SELECT count(*) FROM leadterra.events WHERE lead_id = pg_temp.id('heir7')), 1::bigint, 'events go over');

-- With a worker.
SELECT pg_temp.add(:'c', 'leased');
SELECT count(*) AS claimed FROM lt_claim_messages(1000, '1 minute', :'c') \gset
SELECT throws_ok($$SELECT pg_temp.merge('leased', 'heir8')$$, 'PT409', format('a message to lead "%s" is with a worker', pg_temp.id('leased')), 'a lead whose message is with a worker');
SELECT is(pg_temp.stands(:'c', 'leased') || pg_temp.stands(:'c', 'heir8'), NULL, 'is not merged');
SELECT lt_complete_messages(lease_id) FROM leadterra.leases WHERE state = 'open';
SELECT lives_ok($$SELECT pg_temp.merge('leased', 'heir8')$$, 'until it is settled');
SELECT is(pg_temp.stands(:'c', 'heir8'), 'active 2:queued', 'then it goes on');

-- A limit.
SELECT lt_set_lead_limit(1000);
SELECT count(*) AS leads FROM lt_leads \gset
SELECT pg_temp.add(:'c', 'counted');
SELECT pg_temp.merge('counted', 'heir8');
SELECT is((SELECT lt_add_leads('[{"email": "counts@example.com"}]', :'c') -> 'remaining_in_plan'), to_jsonb(999 - :leads), 'a lead that was merged counts no more');

-- Whoever unsubscribed has done so at every address; that an address bounces says nothing of another.
SELECT pg_temp.add(:'c', 'left', 'stays', 'broken', 'works');
SELECT lt_suppress('{left@example.com}', 'unsubscribed'), lt_suppress('{broken@example.com}', 'hard_bounce');
SELECT pg_temp.merge('left', 'stays'), pg_temp.merge('broken', 'works');
SELECT is((SELECT string_agg(reason, ' ') FROM lt_is_suppressed('stays@example.com')), 'unsubscribed', 'an address that unsubscribed suppresses the other');
SELECT is((SELECT string_agg(reason, ' ') FROM lt_is_suppressed('works@example.com')), NULL, 'one that bounced does not');

-- Errors.
SELECT throws_ok(format('SELECT lt_merge_leads(%L, %L)', source, heir), code, message, coalesce(message, '')) FROM (VALUES
    (NULL, :'b', 'PT400', 'argument "lead_id" must not be null'),
    (:'b', NULL, 'PT400', 'argument "destination_lead_id" must not be null'),
    (:'b', :'b', 'PT400', 'a lead cannot be merged with itself'),
    (:'b', '0197c043-e39c-7d91-a325-6615db0e1b99', 'PT404', 'lead "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ('0197c043-e39c-7d91-a325-6615db0e1b99', :'b', 'PT404', 'lead "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist')
) AS bad (source, heir, code, message);
SELECT pg_temp.id('heir1') AS heir1 \gset
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT lt_add_leads('[{"first_name": "Theirs"}]', list_id => lt_create_list('theirs'));
SELECT lead_id AS theirs FROM lt_leads \gset
SELECT throws_ok(format('SELECT lt_merge_leads(%L, %L)', source, heir), 'PT404', NULL, 'leads of two workspaces are not merged') FROM (VALUES
    (:'heir1', :'theirs'), (:'theirs', :'heir1'), (:'heir1', :'b')) AS bad (source, heir);

SELECT * FROM finish();
ROLLBACK;
