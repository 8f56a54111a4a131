-- message: an opt-out is never lost: whatever has become of message, lead and campaign by
-- then, in every order of two, whoever says so.
--
-- Each case begins with a message that was sent, and is rolled back; whom its lead has
-- become part of is told by the case itself.  The transactions of the cases are short, for
-- dead rows of a long one would make them slow, so what they begin with is committed, and
-- taken away at the end.
SET client_min_messages = warning;
SET search_path = public;
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0003';
\ir ../random.sql
SELECT plan(12);

SELECT lt_set_unsubscribe_url('https://example.com/u/');
SELECT lt_create_campaign('first', '[{"subject": "s", "bodyHtml": "{{unsubscribeUrl}}"}, {"subject": "s", "bodyHtml": "b", "delayDays": 0}]') AS first,
    lt_create_campaign('second', '[{"subject": "s", "bodyHtml": "b"}]') AS second, lt_create_list('list') AS list \gset
SELECT lt_bulk_upsert(:'first', '[{"email": "ann@example.com", "company": "A"}, {"email": "in@example.com"}, {"email": "other@example.com"}]');
SELECT lt_bulk_upsert(:'second', '[{"email": "out@example.com"}, {"email": "twin@example.com"}]');
SELECT lt_add_leads('[{"first_name": "Nameless"}, {"email": "out@example.com"}]', list_id => :'list');
SELECT lt_start_campaign(:'first'), lt_start_campaign(:'second');
CREATE TEMP TABLE sent AS SELECT * FROM lt_claim_messages(10, '1 hour', :'first');
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM sent) s;
CREATE TEMP TABLE ids AS SELECT :'first'::uuid AS first, :'second'::uuid AS second, :'list'::uuid AS list, message_id, lead_id, split_part(body_html, '/u/', 2) AS token,
    (SELECT lead_id FROM lt_leads WHERE first_name = 'Nameless') AS nameless
FROM sent WHERE email = 'ann@example.com';

CREATE FUNCTION pg_temp.lead(address text) RETURNS uuid LANGUAGE sql AS $$ SELECT lead_id FROM public.lt_leads WHERE email = address $$;

-- What can happen, by the calls and by hand.  Acts on the lead that has the address now.
CREATE TEMP TABLE acts (act text PRIMARY KEY, sql text, source text, heir text);
INSERT INTO acts (act, sql) VALUES
('campaign paused', 'lt_pause_campaign(first)'),
('campaign paused and started', 'lt_pause_campaign(first), lt_start_campaign(first)'),
('campaign copied', 'lt_copy_campaign(first)'),
('campaign deleted', 'lt_pause_campaign(first), lt_delete_campaign(first)'),
('campaign deleted by hand', NULL),
('history removed', NULL),
('lead deleted', 'lt_delete_lead(pg_temp.lead(''ann@example.com''))'),
('leads deleted', 'lt_delete_leads(''{ann@example.com, in@example.com, out@example.com}'')'),
('lead deleted by hand', NULL),
('lead imported', 'lt_bulk_upsert(first, ''[{"email": "ann@example.com"}]'')'),
('lead imported elsewhere', 'lt_bulk_upsert(second, ''[{"email": "ANN@example.com"}]'')'),
('lead added to a list', 'lt_add_leads(''[{"email": "ann@example.com"}]'', list_id => list)'),
('list enrolled', 'lt_enroll_list(list, first)'),
('lead moved', 'lt_move_leads(ARRAY[pg_temp.lead(''ann@example.com'')], from_campaign_id => first, to_campaign_id => second)'),
('lead moved to a list', 'lt_move_leads(ARRAY[pg_temp.lead(''ann@example.com'')], from_campaign_id => first, to_list_id => list)'),
('lead removed', 'lt_remove_leads(first, ''{ann@example.com}'')'),
('lead restarted', 'lt_restart_leads(first, ''{ann@example.com, in@example.com, out@example.com}'')'),
('lead changed', 'lt_update_lead(''ann@example.com'', ''{"company": "B"}'')'),
('lead forgotten', 'lt_forget(''ann@example.com'')'),
('heir deleted', 'lt_delete_leads(''{in@example.com, out@example.com}'')'),
('heir forgotten', 'lt_forget(''in@example.com''), lt_forget(''out@example.com'')'),
('heir imported', 'lt_bulk_upsert(first, ''[{"email": "in@example.com"}, {"email": "out@example.com"}]'')'),
('address suppressed', 'lt_suppress(''{ann@example.com}'')'),
('domain suppressed', 'lt_suppress(''{example.com}'')'),
('address unsuppressed', 'lt_unsuppress(''{ann@example.com, in@example.com, out@example.com, example.com}'')'),
('link used', 'lt_unsubscribe(token)'),
('event reported', 'lt_record_event(message_id, ''unsubscribed'')'),
('bounce reported', 'lt_record_event(message_id, ''bounced'', ''{"bounceType": "hard"}'')'),
('reply reported', 'lt_record_event(message_id, ''replied'')'),
('other address for links', 'lt_set_unsubscribe_url(''https://example.net/'')'),
('no address for links', 'lt_set_unsubscribe_url(NULL)');
INSERT INTO acts (act, source, heir) VALUES
('merged into one in the campaign', 'ann@example.com', 'in@example.com'),
('merged into one outside', 'ann@example.com', 'out@example.com'),
('merged into one without an address', 'ann@example.com', NULL),
('another merged into it', 'twin@example.com', 'ann@example.com'),
('heir merged into another', 'in@example.com', 'out@example.com'),
('heir merged into it', 'out@example.com', 'ann@example.com');

-- Does an act; false if it cannot be done now.  Where it merges a lead, says with which.
CREATE FUNCTION pg_temp.act(a acts, OUT done boolean, OUT source uuid, OUT heir uuid) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF a.source IS NOT NULL THEN
        source := pg_temp.lead(a.source);
        heir := CASE WHEN a.heir IS NULL THEN (SELECT nameless FROM ids) ELSE pg_temp.lead(a.heir) END;
        PERFORM lt_merge_leads(source, heir);
    ELSIF a.act = 'campaign deleted by hand' THEN
        DELETE FROM leadterra.campaigns USING ids WHERE campaign_id = ids.first;
    ELSIF a.act = 'lead deleted by hand' THEN
        DELETE FROM leadterra.leads WHERE workspace_id = lt_current_workspace() AND email = 'ann@example.com';
    ELSIF a.act = 'history removed' THEN
        PERFORM set_config('leadterra.now', (leadterra.clock() + interval '1 day')::text, true);
        WHILE lt_maintain('1 minute') > 0 LOOP END LOOP;
    ELSE
        EXECUTE format('SELECT %s FROM ids', a.sql);
    END IF;
    done := true;
EXCEPTION WHEN SQLSTATE 'PT400' OR SQLSTATE 'PT404' OR SQLSTATE 'PT409' THEN
    done := false;
END;
$$;

-- Who says it, and whether as a person: then all addresses are suppressed.
CREATE TEMP TABLE reports (report text PRIMARY KEY, type text, data jsonb, of_person boolean);
INSERT INTO reports VALUES
('link', NULL, NULL, true),
('unsubscribed', 'unsubscribed', '{}', true),
('reply', 'replied', '{"classification": "unsubscribe", "threadSnippet": "no more"}', true),
('hard bounce', 'bounced', '{"bounceType": "hard"}', false);

CREATE FUNCTION pg_temp.report(r reports) RETURNS boolean LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF r.type IS NULL THEN
        RETURN (SELECT lt_unsubscribe(token) FROM ids);
    END IF;
    BEGIN
        RETURN (SELECT lt_record_event(message_id, r.type, r.data) FROM ids);
    EXCEPTION WHEN SQLSTATE 'PT404' THEN
        -- The worker has it from the return path.
        RETURN (SELECT lt_record_event(message_id, r.type, r.data || '{"email": "ann@example.com"}') FROM ids);
    END;
END;
$$;

CREATE FUNCTION pg_temp.is_suppressed(address text) RETURNS boolean LANGUAGE sql STRICT AS $$ SELECT count(*) > 0 FROM public.lt_is_suppressed(address) $$;

-- Whether any of some addresses is mailed, if it is imported again, everything runs and time goes by.
CREATE FUNCTION pg_temp.is_mailed(addresses text[]) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c record;
    mailed text;
BEGIN
    FOR c IN SELECT campaign_id, status, leads_enrolled FROM lt_campaigns LOOP
        PERFORM lt_bulk_upsert(c.campaign_id, (SELECT jsonb_agg(jsonb_build_object('email', a)) FROM unnest(addresses) a));
        IF c.status <> 'running' AND c.leads_enrolled > 0 THEN
            PERFORM lt_start_campaign(c.campaign_id);
        END IF;
    END LOOP;
    FOR i IN 1 .. 3 LOOP
        PERFORM set_config('leadterra.now', (leadterra.clock() + interval '1 day')::text, true);
        FOR c IN SELECT campaign_id FROM lt_campaigns LOOP
            SELECT string_agg(email, ' ') INTO mailed FROM lt_claim_messages(100, '1 hour', c.campaign_id) WHERE email = ANY (addresses);
            IF mailed IS NOT NULL THEN
                RETURN mailed;
            END IF;
        END LOOP;
    END LOOP;
    RETURN NULL;
END;
$$;

-- Says what is wrong after some acts and a report; null: nothing.
CREATE FUNCTION pg_temp.check_report(r reports, lead uuid) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    known constant boolean := EXISTS (SELECT FROM leadterra.batches b, ids WHERE b.workspace_id = lt_current_workspace()
        AND ids.message_id BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000));
    heir constant text := (SELECT l.email FROM lt_leads l WHERE l.lead_id = lead AND known);
    heir_was constant boolean := CASE WHEN heir <> 'ann@example.com' THEN pg_temp.is_suppressed(heir) END;
    was constant boolean := pg_temp.is_suppressed('ann@example.com');
    is_new constant boolean := pg_temp.report(r);
    mailed text;
BEGIN
    IF is_new IS NULL OR NOT was AND NOT is_new THEN
        RETURN format('answer %s', is_new);
    ELSIF NOT pg_temp.is_suppressed('ann@example.com') THEN
        RETURN 'not suppressed';
    ELSIF heir = 'ann@example.com' AND NOT EXISTS (SELECT FROM lt_suppressions WHERE entry = heir) THEN
        RETURN 'not suppressed by itself';
    ELSIF heir <> 'ann@example.com' AND pg_temp.is_suppressed(heir) <> (r.of_person OR heir_was) THEN
        RETURN format('its heir is %ssuppressed', CASE WHEN r.of_person THEN 'not ' END);
    ELSIF r.of_person AND EXISTS (SELECT FROM lt_enrollments e, ids WHERE e.campaign_id = ids.first AND e.lead_id = lead AND e.status = 'active' AND known) THEN
        RETURN 'its sequence goes on';
    ELSIF pg_temp.report(r) THEN
        RETURN 'new twice';
    END IF;
    mailed := pg_temp.is_mailed(array_remove(ARRAY['ann@example.com', CASE WHEN r.of_person AND heir <> 'ann@example.com' THEN heir END], NULL));
    IF mailed IS NOT NULL THEN
        RETURN 'mails to ' || mailed;
    END IF;
    PERFORM lt_unsuppress('{ann@example.com, example.com}');
    IF pg_temp.is_suppressed('ann@example.com') OR NOT pg_temp.report(r) OR NOT pg_temp.is_suppressed('ann@example.com') THEN
        RETURN 'not suppressed after it was unsuppressed';
    END IF;
    RETURN NULL;
END;
$$;

-- Does the same after acts.
CREATE FUNCTION pg_temp.optout(names text[], of_report text, OUT done boolean[], OUT failure text) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    lead uuid := (SELECT lead_id FROM ids);
    name text;
    a record;
    r reports;
BEGIN
    done := '{}';
    SELECT x.* INTO r FROM reports x WHERE x.report = of_report;
    FOREACH name IN ARRAY names LOOP
        SELECT y.* INTO a FROM acts x CROSS JOIN LATERAL pg_temp.act(x) y WHERE x.act = name;
        done := done || a.done;
        IF a.done AND a.source = lead THEN
            lead := a.heir;
        END IF;
    END LOOP;
    failure := pg_temp.check_report(r, lead);
EXCEPTION WHEN OTHERS THEN
    failure := SQLSTATE || ' ' || SQLERRM;
END;
$$;

CREATE TEMP TABLE cases (names text[], report text);
CREATE TEMP TABLE outcomes (names text[], report text, done boolean[], failure text);
CREATE PROCEDURE pg_temp.run() LANGUAGE plpgsql AS $$
DECLARE
    c cases;
    o record;
BEGIN
    FOR c IN SELECT * FROM cases LOOP
        SELECT * INTO o FROM pg_temp.optout(c.names, c.report);
        ROLLBACK;
        INSERT INTO outcomes VALUES (c.names, c.report, o.done, o.failure);
        COMMIT;
    END LOOP;
END;
$$;

-- All orders of two; with --long each with every report, and orders of three at random.
INSERT INTO cases
SELECT ARRAY[]::text[], r.report FROM reports r
UNION ALL SELECT ARRAY[a.act], r.report FROM acts a, reports r
UNION ALL SELECT ARRAY[a.act, b.act], r.report FROM acts a, acts b, reports r WHERE :'long' OR r.report = 'link'
UNION ALL SELECT ARRAY[a.act, b.act, c.act], r.report FROM acts a, acts b, acts c, reports r WHERE :'long' AND random() < 0.01;
CALL pg_temp.run();
SELECT is((SELECT count(*) FROM outcomes), (SELECT count(*) FROM cases), 'each case has an outcome');
SELECT is((SELECT string_agg(format('%s, %s: %s', array_to_string(names, ', '), report, failure), E'\n') FROM (SELECT * FROM outcomes WHERE failure IS NOT NULL ORDER BY cardinality(names), names, report LIMIT 20) o),
    NULL, 'no opt-out is lost');
SELECT is((SELECT string_agg(a.act, ', ') FROM acts a WHERE NOT EXISTS (SELECT FROM outcomes o WHERE cardinality(o.names) = 2 AND o.names[1] = a.act AND o.done[1])
    AND a.act NOT IN ('heir imported', 'list enrolled')), NULL, 'every act can come first');
SELECT is((SELECT string_agg(a.act, ', ') FROM acts a WHERE NOT EXISTS (SELECT FROM outcomes o WHERE cardinality(o.names) = 2 AND o.names[2] = a.act AND o.done[2])), NULL, 'and second');

BEGIN;
-- Heirs: a row leads straight to who is there.
CREATE FUNCTION pg_temp.heirs() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce(l.email, 'nobody') || CASE WHEN h.entry IS NOT NULL THEN ' gave up ' || coalesce((
        SELECT a FROM unnest('{ann,in,out,twin,other}'::text[]) a WHERE leadterra.hashed_entry(a || '@example.com') = h.entry), 'something') ELSE '' END, ', ' ORDER BY h.lead_id)
    FROM leadterra.lead_heirs h LEFT JOIN leadterra.leads l ON l.workspace_id = h.workspace_id AND l.lead_id = h.heir_id
    WHERE h.workspace_id = public.lt_current_workspace()
$$;
SELECT lt_merge_leads(lead_id, nameless) FROM ids;
SELECT is(pg_temp.heirs(), 'ann@example.com', 'where the address goes over, it is not given up');
SELECT lt_merge_leads(pg_temp.lead('ann@example.com'), pg_temp.lead('in@example.com'));
SELECT is(pg_temp.heirs(), 'in@example.com gave up ann, in@example.com gave up ann', 'until the next merge');
SELECT lt_merge_leads(pg_temp.lead('in@example.com'), pg_temp.lead('out@example.com'));
SELECT is(pg_temp.heirs(), 'out@example.com gave up ann, out@example.com gave up in, out@example.com gave up ann', 'all have the last heir');
SELECT lt_record_event(message_id, 'opened'), lt_record_event(message_id, 'replied', '{"threadSnippet": "Out writes"}') FROM ids;
SELECT is((SELECT array_agg(type ORDER BY type) FROM leadterra.events WHERE workspace_id = lt_current_workspace() AND lead_id = pg_temp.lead('out@example.com')), '{opened,replied}', 'events reach it');
SELECT lt_unsubscribe(token) FROM ids;
SELECT is((SELECT array_agg(a ORDER BY a) FROM unnest('{ann,in,out,twin,other}'::text[]) a WHERE pg_temp.is_suppressed(a || '@example.com')), '{ann,in,out}', 'an opt-out is of all addresses');
SELECT lt_merge_leads(pg_temp.lead('twin@example.com'), pg_temp.lead('out@example.com'));
SELECT is((SELECT array_agg(entry || ' ' || reason ORDER BY entry) FROM lt_suppressions WHERE entry IN (leadterra.hashed_entry('twin@example.com'), 'twin@example.com')),
    ARRAY[leadterra.hashed_entry('twin@example.com') || ' unsubscribed'], 'also of one that is given up later');
SELECT lt_forget('out@example.com');
SELECT is(pg_temp.heirs(), NULL, 'who is forgotten is nobody''s heir');
SELECT is((SELECT count(*) FROM leadterra.events WHERE workspace_id = lt_current_workspace() AND data::text ~ 'Out writes'), 0::bigint, 'nor is what was written to a lead that was merged');

SELECT * FROM finish();
ROLLBACK;
DELETE FROM leadterra.campaigns WHERE workspace_id = lt_current_workspace();
SELECT lt_delete_list(list_id) FROM lt_lists;
DELETE FROM leadterra.leads WHERE workspace_id = lt_current_workspace();
DELETE FROM leadterra.links WHERE workspace_id = lt_current_workspace();
DELETE FROM leadterra.address_keys WHERE workspace_id = lt_current_workspace();
DELETE FROM leadterra.workspaces WHERE workspace_id = lt_current_workspace();
