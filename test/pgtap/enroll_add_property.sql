-- enroll: lt_add_leads does what a model does that goes through the entries one
-- by one.
--
-- Random payloads, targets, flags and block lists, between which leads, lists and
-- limits change: many small payloads on few addresses, then some of 1,000 entries
-- on many.
BEGIN;
SELECT plan(12);

\ir ../random.sql
SELECT CASE WHEN :'long' THEN 200 ELSE 60 END AS payloads \gset
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';

-- What is there, by number: campaigns 1 (running, with an owner) and 2 (a draft of
-- nobody), lists 3 and 4; block lists 0 (the default one) and 1.
CREATE TEMP TABLE targets (target integer, id uuid, owner uuid, variables text[] DEFAULT '{}');
CREATE TEMP TABLE blocklists (blocklist integer, id uuid);
CREATE TEMP TABLE people (person serial PRIMARY KEY, email text UNIQUE, first_name text, phone text, assigned_to uuid, verification_status integer, custom jsonb);
CREATE TEMP TABLE members (target integer, person integer, state text, PRIMARY KEY (person, target));
CREATE TEMP TABLE blocked (blocklist integer, entry text, PRIMARY KEY (entry, blocklist));
CREATE TEMP TABLE state (lead_limit bigint, to_verify bigint);
CREATE TEMP TABLE tally (outcome text, entries integer, difference text);
INSERT INTO targets VALUES (1, lt_create_campaign('1', '[{"subject": "s", "bodyHtml": "b"}]'), '00000000-0000-0000-0000-0000000000ff'), (2, lt_create_campaign('2', '[{"subject": "s", "bodyHtml": "b"}]'), NULL), (3, lt_create_list('3'), NULL), (4, lt_create_list('4'), NULL);
INSERT INTO blocklists VALUES (0, lt_current_workspace()), (1, lt_create_blocklist('1'));
INSERT INTO state VALUES (NULL, 0);

CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql AS
$$ SELECT choices[1 + floor(random() * cardinality(choices))::integer] $$;

-- An entry, of the given address or one of a hundred or so.
CREATE FUNCTION pg_temp.entry(address text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    entry jsonb := '{}';
BEGIN
    address := coalesce(address, pg_temp.pick('{a,A,b,B,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t}') || pg_temp.pick('{@x.example,@X.Example,@sub.x.example,@domain.example,@a.wild.example,@Named.example}'));
    IF random() < 0.95 THEN
        entry := jsonb_build_object('email', CASE WHEN random() < 0.08 THEN pg_temp.pick('{nobody,@,a@b,"a b@x.example",""," ",NULL}') ELSE pg_temp.pick('{""," "}') || address || pg_temp.pick('{"","\t"}') END);
    END IF;
    IF random() < 0.5 THEN
        entry := entry || jsonb_build_object('first_name', pg_temp.pick('{F,G," ",NULL}'));
    END IF;
    IF random() < 0.3 THEN
        entry := entry || jsonb_build_object('phone', pg_temp.pick('{1,2,NULL}'));
    END IF;
    IF random() < 0.2 THEN
        entry := entry || jsonb_build_object('assigned_to', pg_temp.pick('{00000000-0000-0000-0000-00000000000a,00000000-0000-0000-0000-00000000000b,NULL}'));
    END IF;
    IF random() < 0.4 THEN
        entry := entry || jsonb_build_object('custom_variables', jsonb_strip_nulls(jsonb_build_object(
            pg_temp.pick('{size,city,"use case"}'), pg_temp.pick('{1,1.0,true,"\"s\"",NULL}')::jsonb)) || jsonb_build_object(pg_temp.pick('{n,size,k}'), pg_temp.pick('{null,2,"\"t\""}')::jsonb));
    END IF;
    RETURN entry;
END;
$$;

CREATE FUNCTION pg_temp.is_blocked(list integer, address text) RETURNS boolean LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    domain text := split_part(address, '@', 2);
    entries text[] := ARRAY[address, domain];
BEGIN
    WHILE position('.' IN domain) > 0 LOOP
        domain := substr(domain, position('.' IN domain) + 1);
        entries := entries || ('*.' || domain);
    END LOOP;
    RETURN EXISTS (SELECT FROM blocked b WHERE b.entry = ANY (entries) AND b.blocklist = list);
END;
$$;

-- The model: what becomes of one entry, written down.
CREATE FUNCTION pg_temp.take(into_target integer, entry jsonb, list integer, in_workspace boolean, in_campaign boolean, in_list boolean, assignee uuid, verify boolean) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    address text := lower(btrim(entry ->> 'email', E' \t'));
    found people;
    t targets;
    assigned uuid := coalesce((entry ->> 'assigned_to')::uuid, assignee);
BEGIN
    IF coalesce(address, '') = '' THEN
        IF into_target < 3 THEN
            RETURN 'invalid_email_count';
        ELSIF btrim(coalesce(entry ->> 'first_name', '')) = '' THEN
            RETURN 'incomplete_count';
        END IF;
        address := NULL;
    ELSIF address !~ '^[a-z0-9]+@([a-z0-9]+\.)+[a-z]+$' THEN
        RETURN 'invalid_email_count';
    END IF;
    IF address IS NOT NULL THEN
        BEGIN
            INSERT INTO seen VALUES (address);
        EXCEPTION WHEN unique_violation THEN
            RETURN 'duplicate_email_count';
        END;
    END IF;
    IF pg_temp.is_blocked(list, address) THEN
        RETURN 'in_blocklist';
    END IF;
    SELECT * INTO found FROM people WHERE email = address;
    IF EXISTS (SELECT FROM members WHERE person = found.person AND target = into_target AND state <> 'removed') THEN
        RETURN 'duplicated_leads';
    ELSIF in_workspace AND found.person IS NOT NULL
        OR NOT in_workspace AND in_campaign AND EXISTS (SELECT FROM members WHERE person = found.person AND target < 3 AND state <> 'removed')
        OR NOT in_workspace AND in_list AND EXISTS (SELECT FROM members WHERE person = found.person AND target > 2) THEN
        RETURN 'skipped_count';
    END IF;

    SELECT * INTO t FROM targets WHERE target = into_target;
    IF found.person IS NULL THEN
        INSERT INTO people (email, custom) VALUES (address, '{}') RETURNING * INTO found;
    END IF;
    found.first_name := CASE WHEN entry ? 'first_name' THEN entry ->> 'first_name' ELSE found.first_name END;
    found.phone := CASE WHEN entry ? 'phone' THEN entry ->> 'phone' ELSE found.phone END;
    IF assigned IS NOT NULL OR entry ? 'assigned_to' THEN
        found.assigned_to := coalesce(assigned, t.owner);
    ELSIF found.assigned_to IS NULL THEN
        found.assigned_to := t.owner;
    END IF;
    found.custom := jsonb_strip_nulls(found.custom || coalesce(entry -> 'custom_variables', '{}'));
    IF verify AND address IS NOT NULL THEN
        found.verification_status := coalesce(found.verification_status, 12);
        UPDATE state SET to_verify = to_verify + 1;
    END IF;
    UPDATE people p SET first_name = found.first_name, phone = found.phone, assigned_to = found.assigned_to, custom = found.custom, verification_status = found.verification_status WHERE p.person = found.person;
    INSERT INTO members VALUES (into_target, found.person, 'active') ON CONFLICT (person, target) DO UPDATE SET state = 'active';
    UPDATE targets SET variables = ARRAY(SELECT unnest(variables) UNION SELECT jsonb_object_keys(entry -> 'custom_variables') ORDER BY 1) WHERE target = into_target AND target < 3 AND entry ? 'custom_variables';
    RETURN 'leads_uploaded';
END;
$$;
-- What becomes of a call: the outcomes of its entries and what is left, or that there is no room.
CREATE FUNCTION pg_temp.model(into_target integer, payload jsonb, list integer, in_workspace boolean, in_campaign boolean, in_list boolean, assignee uuid, verify boolean) RETURNS text[] LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    outcomes text[] := '{}';
    before bigint := (SELECT count(*) FROM people);
    after bigint;
    most bigint := (SELECT lead_limit FROM state);
    entry jsonb;
BEGIN
    CREATE TEMP TABLE seen (email text PRIMARY KEY) ON COMMIT DROP;
    FOR entry IN SELECT * FROM jsonb_array_elements(payload) LOOP
        outcomes := outcomes || pg_temp.take(into_target, entry, list, in_workspace, in_campaign, in_list, assignee, verify);
    END LOOP;
    SELECT count(*) INTO after FROM people;
    IF after > most AND after > before THEN
        RAISE EXCEPTION 'room for %', greatest(most - before, 0);
    END IF;
    DROP TABLE seen;
    RETURN outcomes || CASE WHEN into_target > 2 OR most IS NULL THEN 'null' ELSE greatest(most - after, 0)::text END;
EXCEPTION WHEN raise_exception THEN
    RETURN ARRAY[SQLERRM];
END;
$$;

-- The call, and what it says in the model's words.
CREATE FUNCTION pg_temp.call(into_target integer, payload jsonb, list integer, in_workspace boolean, in_campaign boolean, in_list boolean, assignee uuid, verify boolean, OUT counted text, OUT uploaded integer[]) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    answer jsonb;
    detail text;
BEGIN
    answer := lt_add_leads(payload, (SELECT id FROM targets WHERE target = into_target AND target < 3), (SELECT id FROM targets WHERE target = into_target AND target > 2),
        (SELECT id FROM blocklists b WHERE b.blocklist = list), assignee, verify, in_workspace, in_campaign, in_list);
    counted := (SELECT string_agg(concat_ws(' ', key, value), ', ' ORDER BY key COLLATE "C") FROM jsonb_each(answer - '{status,total_sent,blocklist_used,created_leads,remaining_in_plan}'::text[]) WHERE value <> '0')
        || format(', %s left', answer -> 'remaining_in_plan');
    uploaded := ARRAY(SELECT (c ->> 'index')::integer FROM jsonb_array_elements(answer -> 'created_leads') WITH ORDINALITY a (c, n) ORDER BY n);
EXCEPTION WHEN SQLSTATE 'PT402' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    counted := format('room for %s', detail::jsonb -> 'remaining');
END;
$$;

-- What there is, in the workspace and in the model.
CREATE FUNCTION pg_temp.held() RETURNS text[] LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT ARRAY(SELECT format('person %s', (email, first_name, phone, assigned_to, verification_status, custom)) FROM lt_leads ORDER BY 1)
        || ARRAY(SELECT format('member %s', (t.target, m.state, l.email, l.first_name)) FROM lt_leads l
            JOIN (SELECT campaign_id AS id, lead_id, status AS state FROM leadterra.enrollments UNION ALL SELECT list_id, lead_id, 'active' FROM leadterra.list_members) m ON m.lead_id = l.lead_id
            JOIN targets t ON t.id = m.id ORDER BY 1)
        || ARRAY(SELECT format('queued %s', m.email) FROM lt_messages m WHERE m.state = 'queued' ORDER BY 1)
        || ARRAY(SELECT format('variables %s %s', name, variables) FROM lt_campaigns ORDER BY 1)
        || format('to verify: %s', (SELECT coalesce(sum(cardinality(lead_ids)), 0) FROM leadterra.jobs WHERE workspace_id = lt_current_workspace()))
$$;
CREATE FUNCTION pg_temp.modelled() RETURNS text[] LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT ARRAY(SELECT format('person %s', (email, first_name, phone, assigned_to, verification_status, custom)) FROM people ORDER BY 1)
        || ARRAY(SELECT format('member %s', (m.target, m.state, p.email, p.first_name)) FROM members m JOIN people p USING (person) ORDER BY 1)
        || ARRAY(SELECT format('queued %s', p.email) FROM members m JOIN people p USING (person) WHERE m.target = 1 AND m.state = 'active' ORDER BY 1)
        || ARRAY(SELECT format('variables %s %s', target, variables) FROM targets WHERE target < 3 ORDER BY 1)
        || format('to verify: %s', to_verify) FROM state
$$;

-- Makes a call, and the model's; tallies outcomes, and how they differ.
CREATE FUNCTION pg_temp.compare(into_target integer, payload jsonb) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    list integer := floor(random() * 2);
    in_workspace boolean := random() < 0.2;
    in_campaign boolean := random() < 0.3;
    in_list boolean := random() < 0.3;
    assignee uuid := CASE WHEN random() < 0.2 THEN '00000000-0000-0000-0000-00000000000c' END;
    verify boolean := random() < 0.3;
    outcomes text[];
    found text[];
    should text[];
    difference text;
    rest text[];
BEGIN
    outcomes := pg_temp.model(into_target, payload, list, in_workspace, in_campaign, in_list, assignee, verify);
    should := CASE WHEN outcomes[1] LIKE 'room%' THEN ARRAY[outcomes[1], '']
        ELSE ARRAY[(SELECT string_agg(concat_ws(' ', o, c), ', ' ORDER BY o COLLATE "C") FROM (SELECT o, count(*) AS c FROM unnest(outcomes[:cardinality(outcomes) - 1]) o GROUP BY o) n) || format(', %s left', outcomes[cardinality(outcomes)]),
            ARRAY(SELECT n - 1 FROM unnest(outcomes) WITH ORDINALITY u (o, n) WHERE o = 'leads_uploaded' ORDER BY n)::text] END;
    -- Planned anew each time: the tables grow from nothing.
    EXECUTE 'SELECT pg_temp.modelled()' INTO rest;
    should := should || rest;
    SELECT ARRAY[counted, coalesce(uploaded::text, '')] INTO found FROM pg_temp.call(into_target, payload, list, in_workspace, in_campaign, in_list, assignee, verify);
    EXECUTE 'SELECT pg_temp.held()' INTO rest;
    found := found || rest;
    SELECT string_agg(format(E'\nis %s\nshould be %s', i, s), '') INTO difference FROM (SELECT i, s FROM unnest(found, should) u (i, s) WHERE i IS DISTINCT FROM s LIMIT 5) d;
    INSERT INTO tally
    SELECT o, count(*), NULL FROM unnest(outcomes) o WHERE o ~ '_' GROUP BY o
    UNION ALL SELECT 'call', cardinality(outcomes) - 1, CASE WHEN difference IS NOT NULL THEN
        format('target %s, block list %s, flags %s, assignee %s, verify %s, payload %s%s', into_target, list, (in_workspace, in_campaign, in_list), assignee, verify, left(payload::text, 20000), difference) END
    UNION ALL SELECT 'no room', 1, NULL WHERE outcomes[1] LIKE 'room%';
END;
$$;

CREATE FUNCTION pg_temp.disturb(address text, what integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    list integer := floor(random() * 2);
    number integer := 1 + floor(random() * 4);
    t targets;
BEGIN
    SELECT * INTO t FROM targets WHERE target = number;
    CASE what
    WHEN 0 THEN
        PERFORM lt_block(ARRAY[address], id) FROM blocklists b WHERE b.blocklist = list;
        INSERT INTO blocked VALUES (list, address) ON CONFLICT DO NOTHING;
    WHEN 1 THEN
        PERFORM lt_unblock(ARRAY[address], id) FROM blocklists b WHERE b.blocklist = list;
        DELETE FROM blocked b WHERE b.blocklist = list AND b.entry = address;
    WHEN 2 THEN
        PERFORM lt_delete_leads(ARRAY[address]);
        DELETE FROM members USING people p WHERE members.person = p.person AND p.email = address;
        DELETE FROM people WHERE email = address;
    WHEN 3 THEN
        IF t.target < 3 THEN
            PERFORM lt_remove_leads(t.id, ARRAY[address]);
            UPDATE members m SET state = 'removed' FROM people p WHERE m.person = p.person AND p.email = address AND m.target = t.target;
        ELSE
            PERFORM lt_remove_from_list(t.id, ARRAY(SELECT lead_id FROM lt_leads WHERE email = address));
            DELETE FROM members m USING people p WHERE m.person = p.person AND p.email = address AND m.target = t.target;
        END IF;
    WHEN 4 THEN
        UPDATE state SET lead_limit = CASE WHEN random() < 0.4 THEN greatest((SELECT count(*) FROM people) + floor(random() * 8) - 2, 0) END;
        PERFORM lt_set_lead_limit(s.lead_limit) FROM state s;
        -- As if a call had counted them, in another transaction.
        UPDATE leadterra.lead_limits m SET lead_count = (SELECT count(*) FROM people) WHERE m.workspace_id = lt_current_workspace() AND random() < 0.5;
    END CASE;
END;
$$;

SELECT lt_block('{domain.example, *.wild.example}', id) FROM blocklists WHERE blocklist = 0;
SELECT lt_block('{named.example, *.wild.example}', id) FROM blocklists WHERE blocklist = 1;
INSERT INTO blocked VALUES (0, 'domain.example'), (0, '*.wild.example'), (1, 'named.example'), (1, '*.wild.example');
SELECT lt_set_campaign_owner(id, owner) FROM targets WHERE target = 1;
SELECT lt_add_leads('[{"email": "first@x.example"}]', id), lt_start_campaign(id) FROM targets WHERE target = 1;
INSERT INTO people (email, assigned_to, custom) VALUES ('first@x.example', '00000000-0000-0000-0000-0000000000ff', '{}');
INSERT INTO members VALUES (1, 1, 'active');

CREATE FUNCTION pg_temp.run(payloads integer) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    FOR i IN 1 .. payloads LOOP
        FOR j IN 1 .. floor(random() * 3)::integer LOOP
            PERFORM pg_temp.disturb(pg_temp.pick('{a,b,c,d,e,f,g,h,i,j,k}') || pg_temp.pick('{@x.example,@sub.x.example,@named.example,@domain.example}'), CASE WHEN random() < 0.3 THEN 4 ELSE floor(random() * 4)::integer END);
        END LOOP;
        PERFORM pg_temp.compare(1 + floor(random() * 4)::integer, (SELECT jsonb_agg(pg_temp.entry()) FROM generate_series(0, floor(random() * 16)::integer)));
        EXIT WHEN EXISTS (SELECT FROM tally WHERE difference IS NOT NULL);
    END LOOP;
END;
$$;
SELECT pg_temp.run(:payloads);
SELECT is((SELECT difference FROM tally WHERE difference IS NOT NULL), NULL, 'small payloads leave what the model says');
SELECT is((SELECT count(*) FROM tally WHERE outcome = 'call'), :payloads::bigint, 'all were compared');
SELECT cmp_ok((SELECT sum(entries) FROM tally t WHERE t.outcome = o), '>', 0::bigint, 'they met ' || o)
FROM unnest('{leads_uploaded,in_blocklist,duplicated_leads,skipped_count,invalid_email_count,incomplete_count,duplicate_email_count,no room}'::text[]) o;

-- Payloads of 1,000 entries, of which none, few, or many are known, so that the
-- engine looks for samples; in addresses of 2,500, some of them repeated.
ANALYZE leadterra.leads, leadterra.enrollments, leadterra.list_members, leadterra.batches;
CREATE FUNCTION pg_temp.address(n integer) RETURNS text LANGUAGE sql AS
$$ SELECT format('n%s@%s', n, ('{x.example,sub.x.example,domain.example,y.example,x.example,a.wild.example,y.example,named.example}'::text[])[1 + n % 8]) $$;
CREATE FUNCTION pg_temp.large(base integer, range integer) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp AS
$$ SELECT jsonb_agg(pg_temp.entry(CASE WHEN random() < 0.2 THEN upper(a) ELSE a END)) FROM (SELECT pg_temp.address(base + floor(random() * range)::integer) AS a FROM generate_series(1, 1000)) r $$;
TRUNCATE tally;
UPDATE state SET lead_limit = NULL;
SELECT lt_set_lead_limit(NULL);
SELECT pg_temp.compare(target, pg_temp.large(base, range)) FROM (VALUES (1, 0, 1500), (2, 1000, 1500), (3, 0, 2500), (4, 2400, 100000), (3, 0, 2000), (1, 0, 2500), (2, 100, 500)) p (target, base, range);
SELECT pg_temp.disturb(pg_temp.address(n), floor(random() * 4)::integer) FROM generate_series(0, 2499, 7) n;
SELECT pg_temp.compare(target, pg_temp.large(0, 2500)) FROM generate_series(1, 4) target;
SELECT is((SELECT string_agg(difference, E'\n') FROM tally), NULL, 'so do payloads of 1,000 entries');
SELECT is((SELECT array_agg(entries) FROM tally WHERE outcome = 'call'), array_fill(1000, '{11}'), 'eleven were compared');

SELECT * FROM finish();
ROLLBACK;
