-- enroll: one call with N entries leaves what N calls with one entry each
-- leave: the same leads, enrollments, messages and summed counts.
--
-- Two workspaces get the same random payloads, one in bulk and one entry by
-- entry, and are compared after each: many small payloads on few addresses,
-- then a few of 2,500 entries, which the engine works on in parts.
BEGIN;
SELECT plan(13);

\ir ../random.sql
SELECT CASE WHEN :'long' THEN 600 ELSE 150 END AS payloads \gset

CREATE TEMP TABLE workspaces (name text, id uuid, campaigns uuid[] DEFAULT '{}');
INSERT INTO workspaces VALUES ('bulk', '0197c043-0000-7000-8000-00000000000a'), ('single', '0197c043-0000-7000-8000-00000000000b');
CREATE TEMP TABLE tally (entries integer, enrolled integer, created integer, updated integer, skipped integer, repeated integer, difference text);

CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql AS
$$ SELECT choices[1 + floor(random() * cardinality(choices))::integer] $$;

-- A value of a field that is now and then null, blank or of another type.
CREATE FUNCTION pg_temp.value() RETURNS jsonb LANGUAGE sql AS
$$ SELECT pg_temp.pick('{null,"\"\"","\"x\"","\"y\"","\"Zoë\"","\"x\""}')::jsonb $$;

-- An entry, mostly with an address: the given one or one of a hundred.
CREATE FUNCTION pg_temp.entry(address text DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    entry jsonb := '{}';
    custom jsonb := '{}';
BEGIN
    IF random() < 0.02 THEN
        RETURN pg_temp.pick('{1,null,[],"\"a\""}')::jsonb;
    END IF;
    IF random() < 0.97 THEN
        entry := jsonb_build_object('email', CASE
            WHEN random() < 0.05 THEN pg_temp.pick('{nobody,@,a@b,"a b@x.example",""}')
            ELSE pg_temp.pick('{"", " "}') || coalesce(address, pg_temp.pick('{a,A,b,B,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t}') || pg_temp.pick('{@x.example,@X.Example,@sub.x.example,@blocked.example,@a.wild.example}'))
        END);
    END IF;
    FOR i IN 0 .. floor(random() * 5)::integer LOOP
        entry := entry || jsonb_build_object(
            pg_temp.pick('{firstName,first_name,lastName,company,company_name,jobTitle,job_title,phone,leadValue,size,city,"use case"}'), pg_temp.value());
    END LOOP;
    IF random() < 0.2 THEN
        entry := entry || jsonb_build_object('interestStatus', pg_temp.pick('{1,-2,null,3.0}')::jsonb);
    END IF;
    IF random() < 0.1 THEN
        entry := entry || jsonb_build_object('assignedTo', pg_temp.pick('{null,"\"019cc043-e39c-7d91-a325-6615db0e1b14\""}')::jsonb);
    END IF;
    IF random() < 0.3 THEN
        FOR i IN 0 .. floor(random() * 3)::integer LOOP
            custom := custom || jsonb_build_object(pg_temp.pick('{size,city,n,deep}'), pg_temp.pick('{null,1,1.0,"\"s\"",true,[1],"{\"k\": null}"}')::jsonb);
        END LOOP;
        entry := entry || jsonb_build_object('customFields', custom);
    ELSIF random() < 0.03 THEN
        entry := entry || jsonb_build_object('customFields', pg_temp.pick('{null,1,"{\"email\": 1}"}')::jsonb);
    END IF;
    IF random() < 0.02 THEN
        entry := entry || '{"phone": 5}';
    END IF;
    RETURN entry;
END;
$$;

-- What a workspace holds, without ids, times and the boundaries of batches.
CREATE FUNCTION pg_temp.held() RETURNS text[] LANGUAGE sql AS $$
    SELECT ARRAY(SELECT format('lead %s', to_jsonb(l) - '{lead_id,created_at,updated_at}'::text[]) FROM lt_leads l ORDER BY email)
        || ARRAY(SELECT format('enrollment %s', (c.name, e.email, e.status, e.next_step)) FROM lt_enrollments e JOIN leadterra.campaigns c ON c.campaign_id = e.campaign_id ORDER BY c.name, e.email)
        || ARRAY(SELECT format('message %s', (c.name, m.step, m.email, m.state, m.reason)) FROM lt_messages m JOIN leadterra.campaigns c ON c.campaign_id = m.campaign_id ORDER BY c.name, m.step, m.email, m.state)
        || ARRAY(SELECT format('campaign %s', (name, status, leads_enrolled, queued_messages)) FROM lt_campaigns ORDER BY name)
$$;

-- The first elements in which two arrays differ, null if they are the same.
CREATE FUNCTION pg_temp.difference(bulk text[], single text[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(format(E'\n%s\n    bulk: %s\n    single: %s', n, b, s), '' ORDER BY n)
    FROM (SELECT n, b, s FROM unnest(bulk, single) WITH ORDINALITY u (b, s, n) WHERE b IS DISTINCT FROM s ORDER BY n LIMIT 10) u
$$;

-- Runs a statement in both workspaces; $1 is the campaign there.
CREATE FUNCTION pg_temp.in_both(campaign integer, statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    w workspaces;
BEGIN
    FOR w IN SELECT * FROM workspaces LOOP
        PERFORM set_config('leadterra.workspace_id', w.id::text, true);
        EXECUTE statement USING w.campaigns[campaign];
    END LOOP;
END;
$$;

CREATE FUNCTION pg_temp.disturb() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    address text := quote_literal(pg_temp.pick('{a,b,c,d,e,f,g,h,i,j,k}') || '@x.example');
BEGIN
    PERFORM pg_temp.in_both(1 + floor(random() * 2)::integer, CASE floor(random() * 8)::integer
        WHEN 0 THEN 'SELECT lt_start_campaign(campaign_id) FROM lt_campaigns WHERE campaign_id = $1 AND leads_enrolled > 0'
        WHEN 1 THEN 'SELECT lt_pause_campaign($1)'
        WHEN 2 THEN 'SELECT lt_suppress(ARRAY[' || address || '])'
        WHEN 3 THEN 'SELECT lt_unsuppress(ARRAY[' || address || '])'
        WHEN 4 THEN 'SELECT lt_delete_leads(ARRAY[' || address || '])'
        WHEN 5 THEN 'UPDATE leadterra.enrollments e SET status = ''replied'' FROM lt_leads l WHERE e.lead_id = l.lead_id AND e.campaign_id = $1 AND l.email = ' || address
        ELSE 'SELECT lt_remove_leads($1, ARRAY[' || address || '])'
    END);
END;
$$;

-- Sends a payload to both workspaces, and tallies it and how they differ.
CREATE FUNCTION pg_temp.compare(campaign integer, payload jsonb) RETURNS tally LANGUAGE plpgsql AS $$
DECLARE
    -- Planned anew each time: the tables grow from nothing.
    held CONSTANT text := 'SELECT pg_temp.held()';
    bulk lt_bulk_result;
    single lt_bulk_result;
    bulk_report text[];
    single_report text[];
    bulk_held text[];
    single_held text[];
    difference text;
    workspace record;
    result tally;
BEGIN
    SELECT * INTO workspace FROM workspaces WHERE name = 'bulk';
    PERFORM set_config('leadterra.workspace_id', workspace.id::text, true);
    bulk_report := ARRAY(SELECT format('%s %s %s', r.email, r.outcome, r.new_to_workspace) FROM lt_bulk_upsert_report(workspace.campaigns[campaign], payload, 'skip', true) r ORDER BY index);
    bulk := lt_bulk_upsert(workspace.campaigns[campaign], payload, 'skip');
    EXECUTE held INTO bulk_held;

    SELECT * INTO workspace FROM workspaces WHERE name = 'single';
    PERFORM set_config('leadterra.workspace_id', workspace.id::text, true);
    single_report := ARRAY(
        SELECT format('%s %s %s', r.email, r.outcome, r.new_to_workspace)
        FROM jsonb_array_elements(payload) WITH ORDINALITY e (entry, n),
            LATERAL lt_bulk_upsert_report(workspace.campaigns[campaign], jsonb_build_array(entry), 'skip') r ORDER BY n);
    SELECT count(*) FILTER (WHERE o ~ ' enrolled '), count(*) FILTER (WHERE o ~ ' updated '), count(*) FILTER (WHERE o ~ ' skipped ')
    INTO single.enrolled, single.updated, single.skipped FROM unnest(single_report) o;
    single.total := single.enrolled + single.updated;
    EXECUTE held INTO single_held;

    difference := concat(pg_temp.difference(ARRAY[bulk::text], ARRAY[single::text]), pg_temp.difference(bulk_report, single_report), pg_temp.difference(bulk_held, single_held));
    INSERT INTO tally
    SELECT jsonb_array_length(payload), bulk.enrolled, count(*) FILTER (WHERE o ~ ' enrolled t$'), bulk.updated, bulk.skipped,
        count(*) FILTER (WHERE o !~ ' skipped ') - count(DISTINCT split_part(o, ' ', 1)) FILTER (WHERE o !~ ' skipped '),
        CASE WHEN difference <> '' THEN format(E'campaign %s, payload %s%s', campaign, left(payload::text, 20000), difference) END
    FROM unnest(bulk_report) o
    RETURNING * INTO result;
    RETURN result;
END;
$$;

-- Compares payloads of a few entries until two differ.
CREATE FUNCTION pg_temp.run(payloads integer) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. payloads LOOP
        IF random() < 0.5 THEN
            PERFORM pg_temp.disturb();
        END IF;
        PERFORM pg_temp.compare(1 + floor(random() * 2)::integer,
            coalesce((SELECT jsonb_agg(pg_temp.entry()) FROM generate_series(1, floor(random() * 16)::integer)), '[]'));
        EXIT WHEN EXISTS (SELECT FROM tally WHERE difference IS NOT NULL);
    END LOOP;
END;
$$;

SELECT pg_temp.in_both(1, 'SELECT lt_suppress(''{blocked.example, *.wild.example}'')');
SELECT pg_temp.in_both(1, format('UPDATE workspaces SET campaigns = campaigns || lt_create_campaign(%L, ''[{"subject": "s", "bodyHtml": "b"}]'') WHERE id = lt_current_workspace()', name))
FROM unnest('{one,two}'::text[]) name;
SELECT pg_temp.run(50);
-- Autovacuum counts no row of an open transaction: it would take the tables for
-- empty, and the planner then takes any index for as good as another.  This
-- counts them, and keeps autovacuum from it until the end.
ANALYZE leadterra.leads, leadterra.enrollments, leadterra.batches;
SELECT pg_temp.run(:payloads - 50);

SELECT is((SELECT difference FROM tally WHERE difference IS NOT NULL), NULL, 'bulk and single calls leave the same');
SELECT is((SELECT count(*) FROM tally), :payloads::bigint, 'all payloads were compared');
SELECT cmp_ok((SELECT sum(enrolled) FROM tally), '>', :payloads::bigint / 6, 'leads were enrolled');
SELECT cmp_ok((SELECT sum(updated) FROM tally), '>', :payloads::bigint * 5 / 3, 'and updated');
SELECT cmp_ok((SELECT sum(skipped) FROM tally), '>', :payloads::bigint * 5 / 6, 'and skipped');

-- Payloads of more than one part of 1,000: 2,100 addresses in random order, 400
-- of them twice, a quarter suppressed.
CREATE FUNCTION pg_temp.address(n integer) RETURNS text LANGUAGE sql AS
$$ SELECT format('n%s@%s', n % 2100, ('{x.example,sub.x.example,blocked.example,y.example,x.example,a.wild.example,y.example,z.example}'::text[])[1 + n % 2100 % 8]) $$;
CREATE FUNCTION pg_temp.addresses(every integer) RETURNS text LANGUAGE sql AS
$$ SELECT quote_literal(array_agg(pg_temp.address(n))) FROM generate_series(0, 2099, every) n $$;
CREATE FUNCTION pg_temp.large_payload() RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_agg(pg_temp.entry(CASE WHEN random() < 0.2 THEN upper(pg_temp.address(n)) ELSE pg_temp.address(n) END) ORDER BY random()) FROM generate_series(1, 2500) n $$;

TRUNCATE tally;
SELECT * FROM pg_temp.compare(1, pg_temp.large_payload()) \gset new_
ANALYZE leadterra.leads, leadterra.enrollments, leadterra.batches;
SELECT pg_temp.in_both(2, 'SELECT lt_pause_campaign(id) FROM lt_start_campaign($1)');
SELECT * FROM pg_temp.compare(2, pg_temp.large_payload()) \gset known_
SELECT pg_temp.in_both(1, 'UPDATE leadterra.enrollments e SET status = ''replied'' FROM lt_leads l WHERE e.lead_id OPERATOR(pg_catalog.=) l.lead_id AND e.campaign_id = $1 AND l.email OPERATOR(pg_catalog.=) ANY (' || pg_temp.addresses(9) || ')');
SELECT pg_temp.in_both(1, 'SELECT lt_remove_leads($1, ' || pg_temp.addresses(5) || '), lt_suppress(' || pg_temp.addresses(11) || '), lt_delete_leads(' || pg_temp.addresses(13) || ')');
SELECT * FROM pg_temp.compare(1, pg_temp.large_payload()) \gset again_
SELECT pg_temp.in_both(2, 'SELECT lt_remove_leads($1, ' || pg_temp.addresses(1) || ')');
SELECT * FROM pg_temp.compare(2, pg_temp.large_payload()) \gset back_
SELECT is((SELECT string_agg(difference, E'\n') FROM tally), NULL, 'bulk and single calls leave the same, in payloads of several parts');
SELECT is((SELECT array_agg(entries) FROM tally), '{2500,2500,2500,2500}', 'four of 2,500 entries were compared');
SELECT cmp_ok(:new_created, '>', 1000, 'one made more leads than a part has');
SELECT cmp_ok(:known_enrolled - :known_created, '>', 1000, 'one enrolled more known leads than a part has');
SELECT cmp_ok(:again_updated - :again_repeated, '>', 500, 'one had many leads that were enrolled');
SELECT cmp_ok(:back_enrolled - :back_created, '>', 1000, 'one enrolled more leads again than a part has');
SELECT cmp_ok((SELECT min(least(repeated, skipped)) FROM tally), '>', 100, 'all repeated addresses and had entries to skip');

-- The same call twice: the second leaves every row as it is.
SELECT lt_create_campaign('twice', '[{"subject": "s", "bodyHtml": "b"}]') AS twice \gset
CREATE TEMP TABLE payload AS SELECT jsonb_agg(pg_temp.entry()) || pg_temp.large_payload() AS entries FROM generate_series(1, 300);
SELECT lt_bulk_upsert(:'twice', entries, 'skip') FROM payload;
CREATE TEMP VIEW versions AS
SELECT 'lead' AS kind, ctid AS place, xmin AS made_by, xmax AS locked_by FROM leadterra.leads
UNION ALL SELECT 'enrollment', ctid, xmin, xmax FROM leadterra.enrollments
UNION ALL SELECT 'batch', ctid, xmin, xmax FROM leadterra.batches;
CREATE TEMP TABLE first_versions AS SELECT * FROM versions;
SELECT lt_bulk_upsert(:'twice', entries, 'skip') FROM payload;
SELECT results_eq('SELECT * FROM versions ORDER BY kind, place', 'SELECT * FROM first_versions ORDER BY kind, place',
    'a call that is repeated writes no row version and locks no row');

SELECT * FROM finish();
ROLLBACK;
