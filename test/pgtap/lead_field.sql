-- lead: the standard fields are one list, and whatever knows fields knows them all.
BEGIN;
SELECT plan(27);
-- A workspace of its own, for there may be leads in the default one.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0007';

-- Two values for each, as lead objects have them.
CREATE TEMP TABLE fields AS
SELECT f.*, v.one, v.two
FROM leadterra.lead_fields() f
LEFT JOIN LATERAL (VALUES
    ('text'::regtype, to_jsonb('one ' || f.column_name), to_jsonb('two ' || f.column_name)),
    ('integer', '1', '-2'),
    ('uuid', '"019cc043-e39c-7d91-a325-6615db0e1b14"', '"019cc043-e39c-7d91-a325-6615db0e1b15"')
) v (type, one, two) ON v.type = f.type;
-- Both names of each, once where they are the same.
CREATE TEMP TABLE names AS
SELECT name, one, two FROM fields UNION SELECT alias, one, two FROM fields;

CREATE FUNCTION pg_temp.lead(address text) RETURNS jsonb LANGUAGE sql SET search_path = public AS $$
    SELECT to_jsonb(l) - '{lead_id,email,created_at,updated_at}'::text[] FROM lt_leads l WHERE email = address || '@example.com'
$$;
CREATE FUNCTION pg_temp.id(address text) RETURNS uuid LANGUAGE sql SET search_path = public AS $$ SELECT lead_id FROM lt_leads WHERE email = address || '@example.com' $$;
SELECT jsonb_object_agg(column_name, one) || '{"custom": {}}' AS one, jsonb_object_agg(column_name, two) || '{"custom": {}}' AS two,
    jsonb_object_agg(column_name, 'null'::jsonb) || '{"custom": {}}' AS nothing,
    jsonb_object_agg(name, one) AS by_name, jsonb_object_agg(alias, one) AS by_alias,
    jsonb_object_agg(name, two) AS two_by_name, jsonb_object_agg(alias, 'null'::jsonb) AS clears
FROM fields \gset

SELECT is_empty($$ SELECT name FROM (SELECT name FROM fields UNION ALL SELECT alias FROM fields WHERE alias <> name UNION ALL VALUES ('email'), ('customFields'), ('custom_variables'), ('unsubscribeUrl'), ('postalAddress'), ('random')) n
    GROUP BY name HAVING count(*) > 1 $$, 'a name is that of one field');

-- Where SQL has a list of its own.
SELECT set_eq($$ SELECT attname::text, atttypid::regtype FROM pg_attribute WHERE attrelid = 'leadterra.leads'::regclass AND attnum > 0 AND NOT attisdropped
    AND attname <> ALL ('{workspace_id,lead_id,email,custom,created_at,updated_at}') $$,
    'SELECT column_name, type FROM fields', 'the table has a column for each');
SELECT set_eq($$ SELECT attname::text, atttypid::regtype FROM pg_attribute WHERE attrelid = 'lt_leads'::regclass AND attnum > 0 AND NOT attisdropped
    AND attname <> ALL ('{lead_id,email,custom,created_at,updated_at}') $$,
    'SELECT column_name, type FROM fields', 'and so has the view');
SELECT set_eq($$ SELECT name, type::regtype FROM pg_proc, unnest(proargnames, proallargtypes, proargmodes) a (name, type, mode)
    WHERE oid = 'lt_list_leads'::regproc AND mode = 't' AND name <> ALL ('{lead_id,email,custom,added_at}') $$,
    'SELECT column_name, type FROM fields', 'and the result of lt_list_leads');

-- Lead objects.
SELECT lt_create_campaign('fields') AS c \gset
SELECT lt_bulk_upsert(:'c', jsonb_build_array('{"email": "a@example.com"}' || :'by_name'::jsonb, '{"email": "b@example.com"}' || :'by_alias'::jsonb, '{"email": "c@example.com"}'::jsonb));
SELECT is(pg_temp.lead('a'), :'one'::jsonb, 'a lead object has each by its name');
SELECT is(pg_temp.lead('b'), :'one'::jsonb, 'or by the second service''s name');
SELECT is(pg_temp.lead('c'), :'nothing'::jsonb, 'or not at all');
SELECT lt_create_list('fields') AS l \gset
SELECT lt_add_leads('[{"email": "a@example.com"}]', list_id => :'l');
SELECT is((SELECT to_jsonb(l) - '{lead_id,email,added_at}'::text[] FROM lt_list_leads(:'l') l), :'one'::jsonb, 'lt_list_leads shows each');
SELECT lt_update_lead('b@example.com', :'clears');
SELECT is(pg_temp.lead('b'), :'nothing'::jsonb, 'null clears each');
SELECT lt_update_lead('b@example.com', :'two_by_name');
SELECT is(pg_temp.lead('b'), :'two'::jsonb, 'a patch sets each');
SELECT ctid AS place FROM leadterra.leads WHERE email = 'b@example.com' \gset
SELECT lt_bulk_upsert(:'c', jsonb_build_array('{"email": "b@example.com"}' || :'two_by_name'::jsonb));
SELECT is((SELECT ctid FROM leadterra.leads WHERE email = 'b@example.com'), :'place'::tid, 'the same values write nothing');
SELECT lt_bulk_upsert(:'c', jsonb_agg(jsonb_build_object('email', 'b@example.com', name, one))) FROM fields;
SELECT is(pg_temp.lead('b'), :'one'::jsonb, 'entries for one address are combined');
SELECT is_empty(format($$ SELECT n.name FROM names n, lt_bulk_upsert_report(%L, jsonb_build_array(jsonb_build_object('email', 'x@example.com', n.name, '[]'::jsonb)), 'skip', true) r
    WHERE r.reason IS DISTINCT FROM 'wrong_type' $$, :'c'), 'each wants its type');
SELECT is_empty(format($$ SELECT n.name FROM names n, lt_bulk_upsert_report(%L, jsonb_build_array(jsonb_build_object('email', 'x@example.com', 'customFields', jsonb_build_object(n.name, n.one))), 'skip', true) r
    WHERE r.reason IS DISTINCT FROM 'reserved_field' $$, :'c'), 'and is no custom field');

-- What lt_add_leads takes, and its comment says that it takes.
CREATE FUNCTION pg_temp.is_added(name text, value jsonb) RETURNS boolean LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    RETURN lt_add_leads(jsonb_build_array(jsonb_build_object('email', 'x@example.com', name, value)), campaign_id => lt_create_campaign('x')) ->> 'total_sent' = '1';
EXCEPTION WHEN SQLSTATE 'PT400' THEN
    RETURN false;
END;
$$;
SELECT set_eq('SELECT name FROM names WHERE pg_temp.is_added(name, one)', $$ SELECT alias FROM fields WHERE alias <> 'verification_status' $$,
    'lt_add_leads takes each by one name, but the verdict on the address');
SELECT set_eq($$ SELECT m[1] FROM regexp_matches(obj_description('lt_add_leads'::regproc), 'A lead object has ([a-z_,\s]+)\s+and\s+custom_variables') l, regexp_matches(l[1], '[a-z_]+', 'g') m WHERE m[1] <> 'email' $$,
    $$ SELECT alias FROM fields WHERE alias <> 'verification_status' $$, 'as its comment says');

-- Tokens.
SELECT lt_create_campaign('tokens', (SELECT jsonb_build_array(jsonb_build_object('subject', string_agg(format('{{%s}}', name), ', ' ORDER BY name), 'bodyHtml', '')) FROM names)) AS t \gset
SELECT lt_bulk_upsert(:'t', '[{"email": "c@example.com"}]');
SELECT results_eq(format('SELECT token, leads_without_value FROM lt_preflight(%L) WHERE has_fallback IS NOT NULL ORDER BY token', :'t'), 'SELECT name, 1::bigint FROM names ORDER BY name', 'lt_preflight finds a lead without each');
SELECT lt_update_lead('c@example.com', :'by_name');
SELECT results_eq(format('SELECT token, leads_without_value FROM lt_preflight(%L) WHERE has_fallback IS NOT NULL ORDER BY token', :'t'), 'SELECT name, 0::bigint FROM names ORDER BY name', 'and none without, where it has all');
SELECT lt_start_campaign(:'t');
SELECT subject, lease_id FROM lt_claim_messages(1, '1 minute', :'t') \gset
SELECT lt_complete_messages(:'lease_id');
SELECT is(:'subject', (SELECT string_agg(one #>> '{}', ', ' ORDER BY name) FROM names), 'a token shows each, by either name');

-- A table of texts.
SELECT format('CREATE TEMP TABLE loaded AS SELECT %s', string_agg(format('%L::text AS %I', one #>> '{}', name), ', ')) FROM (SELECT name, one FROM names UNION ALL VALUES ('email', '"l@example.com"'::jsonb)) n \gexec
CREATE FUNCTION pg_temp.load(campaign uuid, source regclass) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    EXECUTE format('SELECT leadterra.import_leads(%L, jsonb_agg(%s), false, 0) FROM %s t', campaign, leadterra.import_object(source, NULL), source);
END;
$$;
SELECT pg_temp.load(:'c', 'loaded');
SELECT is(pg_temp.lead('l'), :'one'::jsonb, 'an import takes each from a text, by either name');
SELECT format('CREATE TEMP TABLE folded AS SELECT %L::text AS email, %s', n.name || '@example.com', format('%L::text AS %s', n.one #>> '{}', lower(n.name))) AS sql, format('SELECT pg_temp.load(%L, ''folded'')', :'c'), 'DROP TABLE folded' FROM names n \gexec
SELECT is_empty(format('SELECT f.column_name FROM fields f, names n WHERE n.name IN (f.name, f.alias) AND pg_temp.lead(lower(n.name)) -> f.column_name IS DISTINCT FROM f.one'), 'and by that as the server folds it');
SELECT set_eq($$ SELECT attname::text FROM pg_attribute WHERE attrelid = 'lt_leads'::regclass AND attnum > 0 $$,
    $$ SELECT column_name FROM fields UNION VALUES ('lead_id'), ('email'), ('custom'), ('created_at'), ('updated_at') $$, 'lt_leads shows nothing else');
CREATE TEMP TABLE exported AS SELECT * FROM lt_leads WHERE email = 'l@example.com';
UPDATE exported SET email = 'back@example.com', custom = '{"a": [1, null]}';
SELECT pg_temp.load(:'c', 'exported');
SELECT is(pg_temp.lead('back'), :'one'::jsonb || '{"custom": {"a": [1, null]}}', 'and what that shows comes back as it was');
CREATE TEMP TABLE reloaded AS SELECT * FROM exported;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT a.attname FROM pg_attribute a WHERE a.attrelid = 'reloaded'::regclass AND a.attnum > 0 LOOP
        EXECUTE format('ALTER TABLE reloaded ALTER %I TYPE text', name);
    END LOOP;
END;
$$;
UPDATE reloaded SET email = 'text@example.com';
SELECT pg_temp.load(:'c', 'reloaded');
SELECT is(pg_temp.lead('text'), pg_temp.lead('back'), 'also from texts');

-- A merge.  The verdict goes with the address.
SELECT lt_update_lead('b@example.com', :'clears'), lt_update_lead('a@example.com', :'two_by_name'), lt_update_lead('c@example.com', :'by_name');
SELECT lt_merge_leads(pg_temp.id('a'), pg_temp.id('b'));
SELECT is(pg_temp.lead('b'), :'two'::jsonb || '{"verification_status": null}', 'a lead that has nothing gets all of one that is merged into it');
SELECT lt_merge_leads(pg_temp.id('b'), pg_temp.id('c'));
SELECT is(pg_temp.lead('c'), :'one'::jsonb, 'one that has all keeps it');
SELECT lt_add_leads('[{"first_name": "Nan"}]', list_id => lt_create_list('l'));
SELECT lt_merge_leads(pg_temp.id('c'), lead_id) FROM lt_leads WHERE email IS NULL;
SELECT is(pg_temp.lead('c'), :'one'::jsonb || '{"first_name": "Nan"}', 'one without an address gets that too, and the verdict on it');

SELECT * FROM finish();
ROLLBACK;
