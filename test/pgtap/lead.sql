-- lead: changes take their locks in the order of addresses, as two calls with
-- the same leads need it, whatever the planner makes of the size of the table.
BEGIN;
SELECT plan(13);

-- The first to change a lead is another function: plans that are kept are shared.
SELECT lt_create_campaign('c') AS campaign \gset
INSERT INTO leadterra.leads (workspace_id, lead_id, email) VALUES (lt_current_workspace(), lt_uuidv7(), 'first@example.com');
SELECT lt_update_lead('first@example.com', '{"phone": "1"}');
CREATE TEMP SEQUENCE places;
CREATE TEMP TABLE changes (place bigint DEFAULT nextval('pg_temp.places'), email text COLLATE "C");
CREATE FUNCTION pg_temp.note_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO pg_temp.changes (email) VALUES (NEW.email);
    RETURN NEW;
END;
$$;
CREATE TRIGGER note_change BEFORE UPDATE ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION pg_temp.note_change();

-- Enrolls so many leads, changes them all, in another order, and returns how
-- many changes there were and how many out of order.
CREATE FUNCTION pg_temp.change(campaign uuid, leads integer) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    input text := 'SELECT jsonb_agg(jsonb_build_object(''email'', md5(i::text) || ''@example.com'', ''firstName'', $1) ORDER BY i) FROM generate_series(1, $2) i';
    payload jsonb;
BEGIN
    EXECUTE input INTO payload USING 'before ' || leads, leads;
    PERFORM lt_bulk_upsert(campaign, payload);
    TRUNCATE changes;
    EXECUTE input INTO payload USING 'after ' || leads, leads;
    PERFORM lt_bulk_upsert(campaign, payload);
    RETURN (SELECT format('%s changes, %s out of order', count(*), count(*) FILTER (WHERE email < before))
            FROM (SELECT email, lag(email) OVER (ORDER BY place) AS before FROM changes) c);
END;
$$;

-- A hash join would go through its batches one by one.
SET LOCAL work_mem = '64kB';
SELECT is(pg_temp.change(:'campaign', n), format('%s changes, 0 out of order', n), format('%s leads', n))
FROM unnest('{1, 5, 20, 100, 500, 900}'::integer[]) n;
ANALYZE leadterra.leads;
SELECT is(pg_temp.change(:'campaign', n), format('%s changes, 0 out of order', n), format('%s leads, table analyzed', n))
FROM unnest('{10, 900}'::integer[]) n;

-- Where the table is all but empty, and its index of addresses larger than that of
-- ids, the planner goes through leads by id.
DELETE FROM leadterra.leads;
INSERT INTO leadterra.leads (workspace_id, lead_id, email)
SELECT '0197c043-0000-7000-8000-0000000f0005', lt_uuidv7(), repeat(md5(i::text), 6) || '@example.com' FROM generate_series(1, 3000) i;
DELETE FROM leadterra.leads;
INSERT INTO leadterra.leads (workspace_id, lead_id, email) VALUES (lt_current_workspace(), lt_uuidv7(), 'first@example.com');
ANALYZE leadterra.leads;
SELECT is(pg_temp.change(:'campaign', n), format('%s changes, 0 out of order', n), format('%s leads, indexes of deleted ones', n))
FROM unnest('{1, 5, 20}'::integer[]) n;

-- A lead that a call neither changes nor has to enroll is not locked.
SELECT lt_bulk_upsert(:'campaign', '[{"email": "kept@example.com", "firstName": "K"}]');
SELECT ctid AS place, xmin AS version FROM leadterra.leads WHERE email = 'kept@example.com' \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "kept@example.com", "firstName": "K"}]');
SELECT is((SELECT (ctid, xmin, xmax)::text FROM leadterra.leads WHERE email = 'kept@example.com'),
    (:'place'::tid, :'version'::xid, '0'::xid)::text, 'an unchanged lead is not touched');

-- Merging custom fields keeps what the patch does not name.
SELECT is(leadterra.merge_custom('{"a": 1, "b": 2, "ccc": [1]}', '{"b": null, "a": {"x": null}, "dd": 1.0, "zz": null}'),
    '{"a": {"x": null}, "dd": 1.0, "ccc": [1]}', 'a patch of custom fields');

SELECT * FROM finish();
ROLLBACK;
