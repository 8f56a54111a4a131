-- statement: triggers that users put on the tables may call the extension
-- while one of its statements runs, and may keep rows out.  They have the settings
-- of the session, and not those that statements are planned under.
BEGIN;
SELECT plan(14);

SELECT lt_create_campaign('c') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "a@example.com"}, {"email": "b@example.com"}]');

-- The table outgrows the plan of the UPDATE that the trigger runs in.
CREATE FUNCTION pg_temp.call_again() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    IF NEW.email = 'a@example.com' THEN
        INSERT INTO leadterra.leads (workspace_id, lead_id, email)
        SELECT NEW.workspace_id, lt_uuidv7(), format('grown-%s@example.com', i) FROM generate_series(1, 2000) i;
        PERFORM lt_update_lead('b@example.com', '{"firstName": "B"}');
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER call_again AFTER UPDATE ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION pg_temp.call_again();
SELECT lives_ok($$SELECT lt_update_lead('a@example.com', '{"firstName": "A"}')$$, 'a trigger calls the function that it runs in');
SELECT is((SELECT string_agg(email || ' ' || first_name, ', ' ORDER BY email) FROM lt_leads WHERE email IN ('a@example.com', 'b@example.com')),
    'a@example.com A, b@example.com B', 'both calls did their work');
SELECT lives_ok($$SELECT lt_update_lead('b@example.com', '{"firstName": "C"}')$$, 'and so does the next');
DROP TRIGGER call_again ON leadterra.leads;

-- An error in a trigger ends the statement, and the next call works.
CREATE FUNCTION pg_temp.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END; $$;
CREATE TRIGGER refuse BEFORE UPDATE ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION pg_temp.refuse();
SELECT throws_ok($$SELECT lt_update_lead('a@example.com', '{"firstName": "D"}')$$, 'P0001', 'no', 'a trigger raises an error');
DROP TRIGGER refuse ON leadterra.leads;
SELECT lives_ok($$SELECT lt_update_lead('a@example.com', '{"firstName": "D"}')$$, 'the next call works');

CREATE FUNCTION pg_temp.keep_out() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END; $$;
CREATE TRIGGER keep_out BEFORE INSERT ON leadterra.leads FOR EACH ROW WHEN (NEW.email LIKE 'out%') EXECUTE FUNCTION pg_temp.keep_out();
SELECT throws_ok(format($$SELECT lt_bulk_upsert(%L, '[{"email": "in@example.com"}, {"email": "out@example.com"}]')$$, :'campaign'),
    '55000', 'leads cannot be written to table "leadterra.leads"', 'a trigger that keeps a lead out');
SELECT is((SELECT count(*) FROM lt_leads WHERE email = 'in@example.com'), 0::bigint, 'nothing was written');
DROP TRIGGER keep_out ON leadterra.leads;

CREATE TRIGGER keep_out BEFORE UPDATE ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION pg_temp.keep_out();
SELECT lives_ok($$SELECT lt_update_lead('a@example.com', '{"firstName": "E"}')$$, 'a trigger that keeps a change out is obeyed');
SELECT is(lt_bulk_upsert(:'campaign', '[{"email": "a@example.com", "firstName": "E"}, {"email": "b@example.com", "firstName": "E"}, {"email": "new@example.com"}]')::text,
    '(1,2,0,3)', 'by a bulk call too');
SELECT is((SELECT string_agg(first_name, ' ' ORDER BY email) FROM lt_leads WHERE email IN ('a@example.com', 'b@example.com')), 'D C', 'which changed nothing');

DROP TRIGGER keep_out ON leadterra.leads;

-- A table with an index that a session would not use for a row, unless it may not read the table.
CREATE TEMP TABLE few AS SELECT 1 AS id;
CREATE INDEX ON few (id);
CREATE TEMP TABLE seen (place text, settings jsonb, plan text);
CREATE FUNCTION pg_temp.see(place text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    plan json;
BEGIN
    EXPLAIN (FORMAT json) SELECT FROM pg_temp.few WHERE id = 1 INTO plan;
    INSERT INTO pg_temp.seen SELECT see.place, jsonb_object_agg(name, setting), plan -> 0 -> 'Plan' ->> 'Node Type'
    FROM pg_settings WHERE name <> 'search_path' AND 'EXPLAIN' = ANY (pg_settings_get_flags(name));
END;
$$;
CREATE FUNCTION pg_temp.see_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_temp.see('trigger'), lt_create_list('made by a trigger'), pg_temp.see('trigger, after a call');
    RETURN NULL;
END;
$$;
ALTER FUNCTION pg_temp.see_row() SET search_path = public, pg_temp;
CREATE TRIGGER see_row AFTER UPDATE ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION pg_temp.see_row();
SET enable_sort = off;
SELECT pg_temp.see('before');
-- Columns make new plans.
ALTER TABLE leadterra.leads ADD note text;
SELECT lt_update_lead('a@example.com', '{"firstName": "F"}');
SELECT throws_ok($$SELECT lt_update_lead('nobody@example.com', '{}')$$, 'PT404', 'lead "nobody@example.com" does not exist', 'a call with an error');
SELECT pg_temp.see('after');
SELECT is((SELECT string_agg(place, ', ' ORDER BY place) FROM seen), 'after, before, trigger, trigger, after a call', 'a trigger sees');
SELECT is((SELECT count(DISTINCT settings) FROM seen), 1::bigint, 'the settings of the session, which are as they were in the end');
SELECT is((SELECT string_agg(DISTINCT plan, ' ') FROM seen), 'Seq Scan', 'and has its plans');
DROP TRIGGER see_row ON leadterra.leads;

SELECT * FROM finish();
ROLLBACK;
