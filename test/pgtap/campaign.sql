-- campaign: which values of leads lt_preflight takes for none.
BEGIN;
SELECT plan(31);

SELECT lt_create_campaign('blank', '[{"subject": "{{firstName}} {{first_name}} {{note}}", "bodyHtml": "{{company}} {{email}} {{interestStatus}} {{assignedTo}}"}]') AS campaign \gset

-- How many leads, of the one with these fields, have no value for each token.
CREATE FUNCTION pg_temp.missing(campaign uuid, fields jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM lt_delete_leads('{p@example.com}');
    PERFORM lt_bulk_upsert(campaign, jsonb_build_array('{"email": "p@example.com"}' || fields));
    RETURN (SELECT string_agg(token, ' ' ORDER BY token COLLATE "C") FROM (SELECT DISTINCT token FROM lt_preflight(campaign) WHERE leads_without_value = 1) t);
END;
$$;

SELECT is(pg_temp.missing(:'campaign', '{}'), 'assignedTo company firstName first_name interestStatus note', 'a lead without fields has no value but its address');
SELECT is(pg_temp.missing(:'campaign', '{"firstName": "A", "company": "B", "interestStatus": 0, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14", "note": "x"}'), NULL, 'one with all fields has all');
SELECT is(pg_temp.missing(:'campaign', '{"interestStatus": 0, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14"}' || jsonb_build_object('firstName', value, 'company', value, 'note', value)),
    'company firstName first_name note', to_json(value)::text || ' is no value')
FROM unnest(ARRAY['', ' ', E'\t', E'\n', E'\r', E'\f', E'\x0b', E' \t\n\r\f\x0b ']) value;
SELECT is(pg_temp.missing(:'campaign', '{"interestStatus": 0, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14"}' || jsonb_build_object('firstName', value, 'company', value, 'note', value)),
    NULL, to_json(value)::text || ' is a value')
FROM unnest(ARRAY['v', 'vv', ' v ', 't', 'n', 'r', 'f', '\', '0', '-', 'x0b', E'\t.']) value;
SELECT is(pg_temp.missing(:'campaign', jsonb_build_object('firstName', 'A', 'company', 'B', 'interestStatus', 0, 'assignedTo', '019cc043-e39c-7d91-a325-6615db0e1b14', 'note', value)), NULL, value::text || ' is a value of a custom field')
FROM unnest('{0,false,[],"{}"}'::jsonb[]) value;

-- Steps and leads that count.
SELECT lt_create_campaign('several', '[{"subject": "{{b}}", "bodyHtml": "{{a|x}} {{b}} {{a}}"}, {"subject": "no token", "bodyHtml": ""}, {"subject": "{{a|x}}", "bodyHtml": "{{a|y}}"}]') AS several \gset
SELECT lt_bulk_upsert(:'several', '[{"email": "q1@example.com", "a": "1"}, {"email": "q2@example.com", "b": "1"}, {"email": "q3@example.com"}, {"email": "q4@example.com"}]');
UPDATE leadterra.enrollments SET status = 'replied' WHERE lead_id = (SELECT lead_id FROM lt_leads WHERE email = 'q4@example.com');
SELECT results_eq(format('SELECT step, place, token, has_fallback, leads_without_value FROM lt_preflight(%L) WHERE has_fallback IS NOT NULL', :'several'),
    $$VALUES (1, 'subject', 'b', false, 2::bigint), (1, 'body', 'a', false, 2::bigint), (1, 'body', 'b', false, 2::bigint), (3, 'subject', 'a', true, 2::bigint), (3, 'body', 'a', true, 2::bigint)$$,
    'tokens come in the order of steps and texts; a fallback counts if every use has one; leads that ended do not count');
SELECT lt_create_campaign('without steps') AS empty \gset
SELECT is((SELECT count(*) FROM lt_preflight(:'empty') WHERE step IS NOT NULL), 0::bigint, 'a campaign without steps has no texts');

SELECT throws_ok(format('SELECT %s(repeat(''x'', 1001))', f), 'PT400', format('name of a %s must have at most 1000 bytes', thing), f || ' with a long name')
FROM (VALUES ('lt_create_campaign', 'campaign'), ('lt_create_list', 'list'), ('lt_create_blocklist', 'block list')) v (f, thing);

SELECT * FROM finish();
ROLLBACK;
