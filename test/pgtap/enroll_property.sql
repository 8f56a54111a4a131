-- enroll: one call with N entries leaves what N calls with one entry each
-- leave: the same leads, enrollments, messages and summed counts.
--
-- Two workspaces get the same random payloads, one in bulk and one entry by
-- entry, and are compared after each.  The seed is printed; the setting
-- leadterra_test.seed (0 to 1) repeats a run:
--   PGOPTIONS='-c leadterra_test.seed=0.5' pg_prove test/pgtap/enroll_property.sql
BEGIN;
SELECT plan(6);

SELECT coalesce(nullif(current_setting('leadterra_test.seed', true), '')::float8, random()) AS seed \gset
SELECT diag('seed: ' || :'seed');
SELECT setseed(:'seed');

CREATE TEMP TABLE workspaces (name text, id uuid, campaigns uuid[] DEFAULT '{}');
INSERT INTO workspaces VALUES ('bulk', '0197c043-0000-7000-8000-00000000000a'), ('single', '0197c043-0000-7000-8000-00000000000b');
CREATE TEMP TABLE tally (payloads integer DEFAULT 0, entries integer DEFAULT 0, enrolled integer DEFAULT 0, updated integer DEFAULT 0, skipped integer DEFAULT 0, difference text);
INSERT INTO tally DEFAULT VALUES;

CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql AS
$$ SELECT choices[1 + floor(random() * cardinality(choices))::integer] $$;

-- A value of a field that is now and then null, blank or of another type.
CREATE FUNCTION pg_temp.value() RETURNS jsonb LANGUAGE sql AS
$$ SELECT pg_temp.pick('{null,"\"\"","\"x\"","\"y\"","\"Zoë\"","\"x\""}')::jsonb $$;

CREATE FUNCTION pg_temp.entry() RETURNS jsonb LANGUAGE plpgsql AS $$
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
            ELSE pg_temp.pick('{"", " "}') || pg_temp.pick('{a,A,b,B,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t}') || pg_temp.pick('{@x.example,@X.Example,@sub.x.example,@blocked.example,@a.wild.example}')
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
CREATE FUNCTION pg_temp.held() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_build_object(
        'leads', (SELECT jsonb_agg(to_jsonb(l) - '{id,created_at,updated_at}'::text[] ORDER BY email) FROM lt_leads l),
        'enrollments', (SELECT jsonb_agg(jsonb_build_array(c.name, e.email, e.status, e.next_step) ORDER BY c.name, e.email) FROM lt_enrollments e JOIN lt_campaigns c ON c.id = e.campaign_id),
        'messages', (SELECT jsonb_agg(jsonb_build_array(c.name, m.step, m.email, m.state, m.reason) ORDER BY c.name, m.step, m.email, m.state) FROM lt_messages m JOIN lt_campaigns c ON c.id = m.campaign_id),
        'campaigns', (SELECT jsonb_agg(jsonb_build_array(name, status, leads_enrolled, queued_messages) ORDER BY name) FROM lt_campaigns))
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
        WHEN 0 THEN 'SELECT lt_start_campaign(id) FROM lt_campaigns WHERE id = $1 AND leads_enrolled > 0'
        WHEN 1 THEN 'SELECT lt_pause_campaign($1)'
        WHEN 2 THEN 'SELECT lt_suppress(ARRAY[' || address || '])'
        WHEN 3 THEN 'SELECT lt_unsuppress(ARRAY[' || address || '])'
        WHEN 4 THEN 'SELECT lt_delete_leads(ARRAY[' || address || '])'
        WHEN 5 THEN 'UPDATE leadterra.enrollments e SET status = ''replied'' FROM lt_leads l WHERE e.lead_id = l.id AND e.campaign_id = $1 AND l.email = ' || address
        ELSE 'SELECT lt_remove_leads($1, ARRAY[' || address || '])'
    END);
END;
$$;

CREATE FUNCTION pg_temp.run(payloads integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    campaign integer;
    payload jsonb;
    bulk lt_bulk_result;
    single lt_bulk_result;
    bulk_report text[];
    single_report text[];
    bulk_held jsonb;
    single_held jsonb;
    workspace record;
BEGIN
    FOR i IN 1 .. payloads LOOP
        IF random() < 0.5 THEN
            PERFORM pg_temp.disturb();
        END IF;
        campaign := 1 + floor(random() * 2)::integer;
        payload := coalesce((SELECT jsonb_agg(pg_temp.entry()) FROM generate_series(1, floor(random() * 16)::integer)), '[]');

        SELECT * INTO workspace FROM workspaces WHERE name = 'bulk';
        PERFORM set_config('leadterra.workspace_id', workspace.id::text, true);
        bulk_report := ARRAY(SELECT format('%s %s %s', r.email, r.outcome, r.new_to_workspace) FROM lt_bulk_upsert_report(workspace.campaigns[campaign], payload, 'skip', true) r ORDER BY index);
        bulk := lt_bulk_upsert(workspace.campaigns[campaign], payload, 'skip');
        bulk_held := pg_temp.held();

        SELECT * INTO workspace FROM workspaces WHERE name = 'single';
        PERFORM set_config('leadterra.workspace_id', workspace.id::text, true);
        single_report := ARRAY(
            SELECT format('%s %s %s', r.email, r.outcome, r.new_to_workspace)
            FROM jsonb_array_elements(payload) WITH ORDINALITY e (entry, n),
                LATERAL lt_bulk_upsert_report(workspace.campaigns[campaign], jsonb_build_array(entry), 'skip') r ORDER BY n);
        SELECT count(*) FILTER (WHERE o ~ ' enrolled '), count(*) FILTER (WHERE o ~ ' updated '), count(*) FILTER (WHERE o ~ ' skipped ')
        INTO single.enrolled, single.updated, single.skipped FROM unnest(single_report) o;
        single.total := single.enrolled + single.updated;
        single_held := pg_temp.held();

        UPDATE tally t SET payloads = t.payloads + 1, entries = t.entries + jsonb_array_length(payload),
            enrolled = t.enrolled + bulk.enrolled, updated = t.updated + bulk.updated, skipped = t.skipped + bulk.skipped;
        IF bulk IS DISTINCT FROM single OR bulk_report IS DISTINCT FROM single_report OR bulk_held IS DISTINCT FROM single_held
           OR bulk_held::text IS DISTINCT FROM single_held::text THEN
            UPDATE tally SET difference = format(E'payload %s: %s\nbulk: %s %s %s\nsingle: %s %s %s', i, payload, bulk, bulk_report, bulk_held, single, single_report, single_held);
            RETURN;
        END IF;
    END LOOP;
END;
$$;

SELECT pg_temp.in_both(1, 'SELECT lt_suppress(''{blocked.example, *.wild.example}'')');
SELECT pg_temp.in_both(1, format('UPDATE workspaces SET campaigns = campaigns || lt_create_campaign(%L, ''[{"subject": "s", "bodyHtml": "b"}]'') WHERE id = lt_current_workspace()', name))
FROM unnest('{one,two}'::text[]) name;
SELECT pg_temp.run(600);

SELECT is((SELECT difference FROM tally), NULL, 'bulk and single calls leave the same');
SELECT is((SELECT payloads FROM tally), 600, '600 payloads were compared');
SELECT cmp_ok((SELECT enrolled FROM tally), '>', 100, 'leads were enrolled');
SELECT cmp_ok((SELECT updated FROM tally), '>', 1000, 'and updated');
SELECT cmp_ok((SELECT skipped FROM tally), '>', 500, 'and skipped');

-- The same call twice: the second leaves every row as it is.
SELECT lt_create_campaign('twice', '[{"subject": "s", "bodyHtml": "b"}]') AS twice \gset
SELECT coalesce(jsonb_agg(pg_temp.entry()), '[]') AS payload FROM generate_series(1, 300) \gset
SELECT lt_bulk_upsert(:'twice', :'payload', 'skip');
CREATE TEMP VIEW versions AS
SELECT 'lead' AS kind, ctid AS place, xmin AS made_by, xmax AS locked_by FROM leadterra.leads
UNION ALL SELECT 'enrollment', ctid, xmin, xmax FROM leadterra.enrollments
UNION ALL SELECT 'batch', ctid, xmin, xmax FROM leadterra.batches;
CREATE TEMP TABLE first_versions AS SELECT * FROM versions;
SELECT lt_bulk_upsert(:'twice', :'payload', 'skip');
SELECT results_eq('SELECT * FROM versions ORDER BY kind, place', 'SELECT * FROM first_versions ORDER BY kind, place',
    'a call that is repeated writes no row version and locks no row');

SELECT * FROM finish();
ROLLBACK;
