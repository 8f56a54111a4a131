-- enroll: the table of rules of the bulk call, row by row.
BEGIN;
SELECT plan(72);

SELECT lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]') AS draft \gset
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset

CREATE FUNCTION pg_temp.upsert(campaign uuid, leads jsonb, VARIADIC more text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$ SELECT lt_bulk_upsert(campaign, leads, coalesce(more[1], 'error'), coalesce(more[2], 'false')::boolean)::text $$;
CREATE FUNCTION pg_temp.lead(address text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_object_agg(f.key, f.value)
   FROM lt_leads l, jsonb_each(to_jsonb(l) - '{id,email,created_at,updated_at}'::text[]) f
   WHERE l.email = address AND f.value <> 'null' $$;
CREATE FUNCTION pg_temp.state(campaign uuid, address text) RETURNS text LANGUAGE sql AS
$$ SELECT status FROM lt_enrollments e WHERE e.campaign_id = campaign AND e.email = address $$;
CREATE FUNCTION pg_temp.codes(campaign uuid, leads jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM lt_bulk_upsert(campaign, leads);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN ARRAY(SELECT concat_ws(' ', e ->> 'index', e ->> 'field', e ->> 'code') FROM jsonb_array_elements(detail::jsonb -> 'errors') e);
END;
$$;

-- Counts.
SELECT is(pg_temp.upsert(:'draft', '[]'), '(0,0,0,0)', 'an empty array is zeros');
SELECT is(pg_temp.upsert(:'draft', '{"leads": []}'), '(0,0,0,0)', 'so is an empty array in an object');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a@x.example"}, {"email": "b@x.example"}]'), '(2,0,0,2)', 'leads new to the campaign count as enrolled');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a@x.example"}, {"email": "c@x.example"}]'), '(1,1,0,2)', 'those in it count as updated');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "d@x.example"}, {"email": " D@X.example\n"}, {"email": "d@X.EXAMPLE"}]'), '(1,2,0,3)', 'an address that comes again counts as updated');
SELECT is(pg_temp.upsert(:'other', '[{"email": "a@x.example", "company": "A"}]'), '(1,0,0,1)', 'a lead known to the workspace, new to the campaign, counts as enrolled');
SELECT is(pg_temp.lead('a@x.example') ->> 'company', 'A', 'and its record is updated');
SELECT is((SELECT count(*) FROM lt_leads WHERE email = 'a@x.example'), 1::bigint, 'there is one record of it');
SELECT isnt((SELECT id FROM lt_leads WHERE email = 'a@x.example'), (SELECT id FROM lt_leads WHERE email = 'b@x.example'), 'two addresses are two leads');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a.b@x.example"}, {"email": "ab@x.example"}, {"email": "ab+1@x.example"}]'), '(3,0,0,3)', 'dots and plus parts are not folded');

-- Fields.
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "firstName": "F", "lastName": "L", "company": "C", "jobTitle": "J", "phone": "P", "website": "W", "personalization": "Z", "leadValue": "V", "interestStatus": 4, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14"}]');
SELECT is(pg_temp.lead('f@x.example'), '{"first_name": "F", "last_name": "L", "company": "C", "job_title": "J", "phone": "P", "website": "W", "personalization": "Z", "lead_value": "V", "interest_status": 4, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "custom": {}}',
    'every standard field has its column');
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "firstName": "G"}]');
SELECT is(pg_temp.lead('f@x.example') ->> 'last_name', 'L', 'an omitted field keeps its value');
SELECT is(pg_temp.lead('f@x.example') ->> 'first_name', 'G', 'a given one is overwritten');
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "lastName": null, "interestStatus": null, "assignedTo": null, "company": " "}]');
SELECT is(pg_temp.lead('f@x.example') - '{job_title,phone,website,personalization,lead_value}'::text[], '{"first_name": "G", "company": " ", "custom": {}}', 'null clears; a blank string is stored as given');
SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "first_name": "F", "last_name": "L", "company_name": "C", "job_title": "J"}]');
SELECT is(pg_temp.lead('g@x.example'), '{"first_name": "F", "last_name": "L", "company": "C", "job_title": "J", "custom": {}}', 'aliases are the same fields');
SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "first_name": "snake", "firstName": "camel", "company": null, "company_name": "alias"}]');
SELECT is(pg_temp.lead('g@x.example'), '{"first_name": "camel", "last_name": "L", "job_title": "J", "custom": {}}', 'camelCase wins over an alias, null too');

-- Custom fields.
SELECT lt_bulk_upsert(:'draft', '[{"email": "h@x.example", "size": 1.50, "customFields": {"city": "Ulm", "size": 2, "gone": null}, "tags": ["a", {"b": null}], "ok": true, "none": null}]');
SELECT is(pg_temp.lead('h@x.example') -> 'custom', '{"size": 1.50, "city": "Ulm", "tags": ["a", {"b": null}], "ok": true}', 'extra keys and customFields are custom fields; the top-level key wins');
SELECT is(pg_temp.lead('h@x.example') -> 'custom' ->> 'size', '1.50', 'a number is kept as written');
SELECT lt_bulk_upsert(:'draft', '[{"email": "h@x.example", "customFields": {"ok": null, "city": "Bonn"}, "tags": {"c": 1}}]');
SELECT is(pg_temp.lead('h@x.example') -> 'custom', '{"size": 1.50, "city": "Bonn", "tags": {"c": 1}}', 'they merge at the top level; null removes one');
SELECT lt_bulk_upsert(:'draft', '[{"email": "h@x.example", "customFields": null}]');
SELECT is(pg_temp.lead('h@x.example') -> 'custom' ->> 'city', 'Bonn', 'customFields that is null is as if absent');
SELECT lt_bulk_upsert(:'draft', '[{"email": "h@x.example", "customFields": {"a": 1}, "a": null}]');
SELECT is(pg_temp.lead('h@x.example') -> 'custom' -> 'a', NULL, 'a top-level null wins over customFields');
SELECT lt_bulk_upsert(:'draft', '[{"email": "h@x.example", "": 1, "size": 2, "size": 3, "__proto__": "x"}]');
SELECT is(pg_temp.lead('h@x.example') -> 'custom', '{"": 1, "size": 3, "city": "Bonn", "tags": {"c": 1}, "__proto__": "x"}', 'of two keys of one name the last counts; an empty name is a name');
SELECT lt_bulk_upsert(:'draft', '[{"email": "i@x.example", "a": 1, "firstName": "1", "b": {"c": 1}}, {"email": "i@x.example", "a": null, "firstName": null, "lastName": "2"}, {"email": "i@x.example", "b": {"d": 1}, "e": 2}]');
SELECT is(pg_temp.lead('i@x.example'), '{"last_name": "2", "custom": {"b": {"d": 1}, "e": 2}}', 'entries of one address apply in order');
SELECT lt_bulk_upsert(:'draft', (SELECT jsonb_build_array(jsonb_build_object('email', 'j@x.example') || jsonb_object_agg('key' || n, n)) FROM generate_series(1, 10000) n));
SELECT is((SELECT count(*) FROM jsonb_object_keys(pg_temp.lead('j@x.example') -> 'custom')), 10000::bigint, '10,000 custom keys are kept');
SELECT lt_bulk_upsert(:'draft', (SELECT jsonb_build_array(jsonb_build_object('email', 'j@x.example') || jsonb_object_agg('key' || n, NULL)) FROM generate_series(2, 10000) n));
SELECT is(pg_temp.lead('j@x.example') -> 'custom', '{"key1": 1}', 'and removed');
SELECT lives_ok(format('SELECT lt_bulk_upsert(%L, (''[{"email": "k@x.example", "deep": '' || repeat(''['', 1000) || repeat('']'', 1000) || ''}]'')::jsonb)', :'draft'), 'a value may be nested 1,000 deep');
SELECT is((SELECT custom::text FROM lt_leads WHERE email = 'k@x.example'), '{"deep": ' || repeat('[', 1000) || repeat(']', 1000) || '}', 'and is kept as it is');

-- What is invalid.
SELECT is(pg_temp.codes(:'draft', leads::jsonb), codes::text[], leads || ' is told') FROM (VALUES
    ('[1]', '{0 not_an_object}'),
    ('[null]', '{0 not_an_object}'),
    ('[[]]', '{0 not_an_object}'),
    ('["a@x.example"]', '{0 not_an_object}'),
    ('[{}]', '{0 email email_missing}'),
    ('[{"email": null}]', '{0 email email_missing}'),
    ('[{"email": 1}]', '{0 email wrong_type}'),
    ('[{"email": ["a@x.example"]}]', '{0 email wrong_type}'),
    ('[{"email": "z@x.example", "firstName": 1}]', '{0 firstName wrong_type}'),
    ('[{"email": "z@x.example", "last_name": {}}]', '{0 lastName wrong_type}'),
    ('[{"email": "z@x.example", "leadValue": 5}]', '{0 leadValue wrong_type}'),
    ('[{"email": "z@x.example", "phone": true}]', '{0 phone wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": "1"}]', '{0 interestStatus wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": 1.5}]', '{0 interestStatus wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": 2147483648}]', '{0 interestStatus invalid_value}'),
    ('[{"email": "z@x.example", "interestStatus": 1e300}]', '{0 interestStatus invalid_value}'),
    ('[{"email": "z@x.example", "assignedTo": 1}]', '{0 assignedTo wrong_type}'),
    ('[{"email": "z@x.example", "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b1"}]', '{0 assignedTo invalid_value}'),
    ('[{"email": "z@x.example", "assignedTo": "019cc043ae39ca7d91aa325a6615db0e1b14"}]', '{0 assignedTo invalid_value}'),
    ('[{"email": "z@x.example", "customFields": []}]', '{0 customFields wrong_type}'),
    ('[{"email": "z@x.example", "customFields": "x"}]', '{0 customFields wrong_type}'),
    ('[{"email": "z@x.example", "customFields": {"email": 1, "jobTitle": 1, "job_title": 1, "customFields": {}, "fine": 1}}]',
     '{0 customFields.email reserved_field,0 customFields.jobTitle reserved_field,0 customFields.job_title reserved_field,0 customFields.customFields reserved_field}'),
    ('[{"email": "z@x.example"}, {"email": "no", "phone": 1}, {"email": "y@x.example"}, 2]', '{1 email email_no_at,1 phone wrong_type,3 not_an_object}')
) AS invalid (leads, codes);
SELECT is((SELECT count(*) FROM lt_leads WHERE email ~ '^[yz]@x.example'), 0::bigint, 'nothing of a failed call is written');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "l@x.example"}, 1, {"email": "no"}]', 'skip'), '(1,0,2,1)', 'with skip the rest is enrolled');
SELECT is((SELECT lt_bulk_upsert(:'draft', '[{"email": "z@x.example", "interestStatus": 2.0}]')::text || (pg_temp.lead('z@x.example') ->> 'interest_status')), '(1,0,0,1)2', 'a whole number may be written with a fraction of zero');

-- Suppression.
SELECT lt_suppress('{s@x.example, *.wild.example, dom.example}');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "S@x.example"}, {"email": "a@b.c.wild.example"}, {"email": "q@dom.example"}, {"email": "s@x.example"}]'), '(0,0,4,0)', 'suppressed addresses are skipped');
SELECT is((SELECT count(*) FROM lt_leads WHERE email IN ('s@x.example', 'a@b.c.wild.example', 'q@dom.example')), 0::bigint, 'nothing about them is written');
SELECT is(pg_temp.codes(:'draft', '[{"email": "s@x.example", "phone": 1}]'), '{0 phone wrong_type}', 'an entry is checked before it is found suppressed');
SELECT lt_suppress('{a@x.example}');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a@x.example", "company": "changed"}]'), '(0,0,1,0)', 'a suppressed address is skipped though its lead is enrolled');
SELECT is(pg_temp.lead('a@x.example') ->> 'company', 'A', 'and its record is not changed');

-- Position in the sequence and states of leads.
SELECT lt_bulk_upsert(:'other', '[{"email": "r1@x.example"}, {"email": "r2@x.example"}, {"email": "r3@x.example"}, {"email": "r4@x.example"}]');
UPDATE leadterra.enrollments e SET status = s.status
FROM leadterra.leads l JOIN (VALUES ('r1@x.example', 'replied'), ('r2@x.example', 'bounced'), ('r3@x.example', 'unsubscribed'), ('r4@x.example', 'removed')) s (email, status) ON s.email = l.email
WHERE e.lead_id = l.lead_id AND e.campaign_id = :'other';
SELECT is(pg_temp.upsert(:'other', '[{"email": "r1@x.example", "phone": "1"}, {"email": "r2@x.example", "phone": "1"}, {"email": "r3@x.example", "phone": "1"}, {"email": "r4@x.example", "phone": "1"}]'),
    '(1,3,0,4)', 'a removed lead counts as enrolled again, others that ended do not');
SELECT is(ARRAY(SELECT pg_temp.state(:'other', 'r' || n || '@x.example') FROM generate_series(1, 4) n), '{replied,bounced,unsubscribed,active}', 'they are not restarted');
SELECT is((SELECT count(*) FROM lt_leads WHERE email ~ '^r.@x' AND phone = '1'), 4::bigint, 'and their records are updated');
SELECT is((SELECT sum(size) FROM leadterra.batches WHERE campaign_id = :'other'), 5::bigint, 'the one that is back is queued once');

-- Dry run.
CREATE TEMP TABLE before AS SELECT (SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM lt_leads l) AS leads, (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.lead_id) FROM lt_enrollments e) AS enrollments, (SELECT count(*) FROM leadterra.batches) AS batches;
SELECT is(pg_temp.upsert(:'draft', '[{"email": "n@x.example"}, {"email": "b@x.example", "phone": "9"}, {"email": "N@x.example"}, {"email": "s@x.example"}, 1]', 'skip', 'true'), '(1,2,2,3)', 'a dry run says what would happen');
SELECT is(pg_temp.upsert(:'other', '[{"email": "b@x.example"}]', 'error', 'true'), '(1,0,0,1)', 'also of a lead new to the campaign');
SELECT is(
    (SELECT ROW((SELECT jsonb_agg(to_jsonb(l) ORDER BY l.id) FROM lt_leads l), (SELECT jsonb_agg(to_jsonb(e) ORDER BY e.lead_id) FROM lt_enrollments e), (SELECT count(*) FROM leadterra.batches))::text),
    (SELECT b::text FROM before b), 'and writes nothing');
SELECT throws_ok(format('SELECT lt_bulk_upsert(%L, ''[1]'', dry_run => true)', :'draft'), 'PT422', NULL, 'a dry run fails as the call would');

-- Malformed calls.
SELECT throws_ok(format('SELECT lt_bulk_upsert(%L, %s)', :'draft', leads), 'PT400', NULL, 'leads that are ' || leads || ' fail the call')
FROM unnest(ARRAY['NULL', '''1''', '''"x"''', '''null''', '''{}''', '''{"leads": null}''']) leads;

SELECT * FROM finish();
ROLLBACK;
