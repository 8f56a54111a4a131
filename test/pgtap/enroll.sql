-- enroll: the table of rules of the bulk call, row by row.
BEGIN;
SELECT plan(143);

SELECT lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]') AS draft \gset
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset

CREATE FUNCTION pg_temp.upsert(campaign uuid, leads jsonb, VARIADIC more text[] DEFAULT '{}') RETURNS text LANGUAGE sql AS
$$ SELECT lt_bulk_upsert(campaign, leads, coalesce(more[1], 'error'), coalesce(more[2], 'false')::boolean)::text $$;
CREATE FUNCTION pg_temp.lead(address text) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_object_agg(f.key, f.value)
   FROM lt_leads l, jsonb_each(to_jsonb(l) - '{lead_id,email,created_at,updated_at}'::text[]) f
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

-- The place and version of a lead's row: one that is written has others.
CREATE FUNCTION pg_temp.version(address text) RETURNS text LANGUAGE sql AS
$$ SELECT concat_ws(' ', l.ctid, l.xmin) FROM leadterra.leads l JOIN lt_leads v ON v.lead_id = l.lead_id WHERE v.email = address $$;
\ir ../rows.sql

-- Counts.
SELECT is(pg_temp.upsert(:'draft', '[]'), '(0,0,0,0)', 'an empty array is zeros');
SELECT is(pg_temp.upsert(:'draft', '{"leads": []}'), '(0,0,0,0)', 'so is an empty array in an object');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a@x.example"}, {"email": "b@x.example"}]'), '(2,0,0,2)', 'leads new to the campaign count as enrolled');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a@x.example"}, {"email": "c@x.example"}]'), '(1,1,0,2)', 'those in it count as updated');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "d@x.example"}, {"email": " D@X.example\n"}, {"email": "d@X.EXAMPLE"}]'), '(1,2,0,3)', 'an address that comes again counts as updated');
SELECT is(pg_temp.upsert(:'other', '[{"email": "a@x.example", "company": "A"}]'), '(1,0,0,1)', 'a lead known to the workspace, new to the campaign, counts as enrolled');
SELECT is(pg_temp.lead('a@x.example') ->> 'company', 'A', 'and its record is updated');
SELECT pg_temp.version('b@x.example') AS version \gset
SELECT is(pg_temp.upsert(:'other', '[{"email": "b@x.example"}]'), '(1,0,0,1)', 'also when nothing in its record changes');
SELECT is(pg_temp.state(:'other', 'b@x.example'), 'active', 'it is enrolled');
SELECT is(pg_temp.version('b@x.example'), :'version', 'and its record is not written');
SELECT is((SELECT count(*) FROM lt_leads WHERE email = 'a@x.example'), 1::bigint, 'there is one record of it');
SELECT isnt((SELECT lead_id FROM lt_leads WHERE email = 'a@x.example'), (SELECT lead_id FROM lt_leads WHERE email = 'b@x.example'), 'two addresses are two leads');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "a.b@x.example"}, {"email": "ab@x.example"}, {"email": "ab+1@x.example"}]'), '(3,0,0,3)', 'dots and plus parts are not folded');

-- Fields.
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "firstName": "F", "lastName": "L", "company": "C", "jobTitle": "J", "phone": "P", "website": "W", "personalization": "Z", "leadValue": "V", "interestStatus": 4, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14", "verificationStatus": 11}]');
SELECT is(pg_temp.lead('f@x.example'), '{"first_name": "F", "last_name": "L", "company": "C", "job_title": "J", "phone": "P", "website": "W", "personalization": "Z", "lead_value": "V", "interest_status": 4, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "verification_status": 11, "custom": {}}',
    'every standard field has its column');
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "firstName": "G"}]');
SELECT is(pg_temp.lead('f@x.example') ->> 'last_name', 'L', 'an omitted field keeps its value');
SELECT is(pg_temp.lead('f@x.example') ->> 'first_name', 'G', 'a given one is overwritten');
SELECT lt_bulk_upsert(:'draft', '[{"email": "f@x.example", "lastName": null, "interestStatus": null, "assignedTo": null, "verificationStatus": null, "company": " "}]');
SELECT is(pg_temp.lead('f@x.example') - '{job_title,phone,website,personalization,lead_value}'::text[], '{"first_name": "G", "company": " ", "custom": {}}', 'null clears; a blank string is stored as given');
-- null, field by field: what a full record has lost after a patch.
CREATE FUNCTION pg_temp.lost(campaign uuid, patch jsonb) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    before jsonb;
    after jsonb;
BEGIN
    PERFORM lt_bulk_upsert(campaign, '[{"email": "null@x.example", "firstName": "F", "lastName": "L", "company": "C", "jobTitle": "J", "phone": "P", "website": "W", "personalization": "Z", "leadValue": "V", "interestStatus": 4, "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b14", "verificationStatus": 1, "size": 1, "city": "Ulm"}]');
    before := pg_temp.lead('null@x.example');
    PERFORM lt_bulk_upsert(campaign, jsonb_build_array('{"email": "null@x.example"}' || patch));
    after := pg_temp.lead('null@x.example');
    RETURN ARRAY(SELECT key FROM jsonb_each((before - 'custom') || (before -> 'custom')) f WHERE ((after - 'custom') || (after -> 'custom')) -> key IS DISTINCT FROM value ORDER BY key);
END;
$$;
SELECT is(pg_temp.lost(:'draft', jsonb_build_object(key, NULL)), ARRAY[field], format('null clears %s by the name %s and nothing else', field, key)) FROM (VALUES
    ('firstName', 'first_name'), ('lastName', 'last_name'), ('company', 'company'), ('jobTitle', 'job_title'), ('phone', 'phone'), ('website', 'website'),
    ('personalization', 'personalization'), ('leadValue', 'lead_value'), ('interestStatus', 'interest_status'), ('assignedTo', 'assigned_to'), ('verificationStatus', 'verification_status'),
    ('first_name', 'first_name'), ('last_name', 'last_name'), ('company_name', 'company'), ('job_title', 'job_title'),
    ('pl_value_lead', 'lead_value'), ('lt_interest_status', 'interest_status'), ('assigned_to', 'assigned_to'), ('verification_status', 'verification_status'), ('size', 'size')
) AS field (key, field);
SELECT is(pg_temp.lost(:'draft', '{"customFields": {"city": null}}'), '{city}', 'null in customFields removes a custom field');
SELECT isnt(pg_temp.lost(:'draft', '{"firstName": null, "lastName": null, "company": null, "jobTitle": null, "phone": null, "website": null, "personalization": null, "leadValue": null, "interestStatus": null, "assignedTo": null, "verificationStatus": null, "size": null, "city": null}'), '{}', 'and all at once');
SELECT is(pg_temp.lead('null@x.example'), '{"custom": {}}', 'nothing is left');
SELECT pg_temp.version('null@x.example') AS version \gset
SELECT is(pg_temp.upsert(:'draft', '[{"email": "null@x.example", "firstName": null, "last_name": null, "interestStatus": null, "assignedTo": null, "size": null, "customFields": {"city": null, "never": null}}]'), '(0,1,0,1)', 'null for what is not there counts as updated');
SELECT is(pg_temp.version('null@x.example'), :'version', 'and writes nothing');

SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "first_name": "F", "last_name": "L", "company_name": "C", "job_title": "J", "pl_value_lead": "V", "lt_interest_status": -3, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "verification_status": -2}]');
SELECT is(pg_temp.lead('g@x.example'), '{"first_name": "F", "last_name": "L", "company": "C", "job_title": "J", "lead_value": "V", "interest_status": -3, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "verification_status": -2, "custom": {}}', 'aliases are the same fields');
SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "leadValue": null, "interestStatus": null, "assignedTo": null, "verificationStatus": null}]');
SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "first_name": "snake", "firstName": "camel", "company": null, "company_name": "alias"}]');
SELECT is(pg_temp.lead('g@x.example'), '{"first_name": "camel", "last_name": "L", "job_title": "J", "custom": {}}', 'camelCase wins over an alias, null too');
SELECT lt_bulk_upsert(:'draft', '[{"email": "g@x.example", "firstName": "A", "first_name": 7, "jobTitle": null, "job_title": []}]');
SELECT is(pg_temp.lead('g@x.example'), '{"first_name": "A", "last_name": "L", "custom": {}}', 'an alias that loses may be of any type');

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
SELECT lt_bulk_upsert(:'draft', jsonb_build_array(jsonb_build_object('email', 'long@x.example', repeat('k', 100000), 1)));
SELECT is((SELECT length(key) FROM jsonb_object_keys(pg_temp.lead('long@x.example') -> 'custom') key), 100000, 'a name may have 100,000 characters');
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
    ('[{"email": "z@x.example", "first_name": 7}]', '{0 firstName wrong_type}'),
    ('[{"email": "z@x.example", "firstName": 7, "first_name": "A"}]', '{0 firstName wrong_type}'),
    ('[{"email": "z@x.example", "company_name": true}]', '{0 company wrong_type}'),
    ('[{"email": "z@x.example", "job_title": 1.5}]', '{0 jobTitle wrong_type}'),
    ('[{"email": "z@x.example", "leadValue": 5}]', '{0 leadValue wrong_type}'),
    ('[{"email": "z@x.example", "phone": true}]', '{0 phone wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": "1"}]', '{0 interestStatus wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": 1.5}]', '{0 interestStatus wrong_type}'),
    ('[{"email": "z@x.example", "interestStatus": 2147483648}]', '{0 interestStatus invalid_value}'),
    ('[{"email": "z@x.example", "interestStatus": 1e300}]', '{0 interestStatus invalid_value}'),
    ('[{"email": "z@x.example", "verificationStatus": true}]', '{0 verificationStatus wrong_type}'),
    ('[{"email": "z@x.example", "verificationStatus": 2}]', '{0 verificationStatus invalid_value}'),
    ('[{"email": "z@x.example", "assignedTo": 1}]', '{0 assignedTo wrong_type}'),
    ('[{"email": "z@x.example", "assignedTo": "019cc043-e39c-7d91-a325-6615db0e1b1"}]', '{0 assignedTo invalid_value}'),
    ('[{"email": "z@x.example", "assignedTo": "019cc043ae39ca7d91aa325a6615db0e1b14"}]', '{0 assignedTo invalid_value}'),
    ('[{"email": "z@x.example", "customFields": []}]', '{0 customFields wrong_type}'),
    ('[{"email": "z@x.example", "customFields": "x"}]', '{0 customFields wrong_type}'),
    ('[{"email": "z@x.example", "customFields": {"email": 1, "jobTitle": 1, "job_title": 1, "customFields": {}, "fine": 1}}]',
     '{0 customFields.email reserved_field,0 customFields.jobTitle reserved_field,0 customFields.job_title reserved_field,0 customFields.customFields reserved_field}'),
    ('[{"email": "z@x.example", "x": 1e308, "y": 9.99e307, "z": -1e308}]', '{0 x number_out_of_range,0 z number_out_of_range}'),
    ('[{"email": "z@x.example", "x": 1e-401, "y": 1e-400, "z": [{"a": [1, 1e131071]}], "customFields": {"w": 1e131071}}]',
     '{0 customFields.w number_out_of_range,0 x number_out_of_range,0 z number_out_of_range}'),
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

CREATE FUNCTION pg_temp.outcomes(campaign uuid, leads jsonb, dry_run boolean DEFAULT false) RETURNS text[] LANGUAGE sql AS
$$ SELECT array_agg(concat_ws(' ', r.index, r.email, r.outcome, CASE WHEN r.new_to_workspace THEN 'new' END, r.reason) ORDER BY r.index)
   FROM lt_bulk_upsert_report(campaign, leads, 'skip', dry_run) r $$;
SELECT is(pg_temp.upsert(:'draft', '[{"email": "s@x.example"}, {"email": "s1@x.example"}, {"email": " S@x.example"}, {"email": "s@X.example", "phone": "1"}]'), '(1,0,3,1)', 'every entry of a suppressed address that is repeated is skipped');
SELECT is(pg_temp.outcomes(:'draft', '[{"email": "s@x.example"}, {"email": "s2@x.example"}, {"email": " S@x.example"}, {"email": "s2@x.example"}]'),
    '{0 s@x.example skipped suppressed,1 s2@x.example enrolled new,2 s@x.example skipped suppressed,3 s2@x.example updated duplicate_in_payload}', 'for being suppressed, not for being repeated');

-- Position in the sequence and states of leads.
SELECT lt_bulk_upsert(:'other', '[{"email": "r1@x.example"}, {"email": "r2@x.example"}, {"email": "r3@x.example"}, {"email": "r4@x.example"}]');
UPDATE leadterra.enrollments e SET status = s.status
FROM leadterra.leads l JOIN (VALUES ('r1@x.example', 'replied'), ('r2@x.example', 'bounced'), ('r3@x.example', 'unsubscribed'), ('r4@x.example', 'removed')) s (email, status) ON s.email = l.email
WHERE e.lead_id = l.lead_id AND e.campaign_id = :'other';
SELECT is(pg_temp.upsert(:'other', '[{"email": "r1@x.example", "phone": "1"}, {"email": "r2@x.example", "phone": "1"}, {"email": "r3@x.example", "phone": "1"}, {"email": "r4@x.example", "phone": "1"}]'),
    '(1,3,0,4)', 'a removed lead counts as enrolled again, others that ended do not');
SELECT is(ARRAY(SELECT pg_temp.state(:'other', 'r' || n || '@x.example') FROM generate_series(1, 4) n), '{replied,bounced,unsubscribed,active}', 'they are not restarted');
SELECT is((SELECT count(*) FROM lt_leads WHERE email ~ '^r.@x' AND phone = '1'), 4::bigint, 'and their records are updated');
SELECT is((SELECT sum(size) FROM leadterra.batches WHERE campaign_id = :'other'), 6::bigint, 'the one that is back is queued once');

-- The same in entries that repeat an address; and a campaign that holds its queue.
SELECT lt_start_campaign(:'other');
SELECT lt_pause_campaign(:'other');
SELECT is(lt_remove_leads(:'other', '{r4@x.example, b@x.example}'), 2, 'two leads are taken out');
SELECT is(pg_temp.outcomes(:'other', '[{"email": "r4@x.example"}, {"email": "R4@x.example"}, {"email": "r1@x.example"}, {"email": "r1@x.example"}, {"email": "r4@x.example", "phone": "2"}]'),
    '{0 r4@x.example enrolled,1 r4@x.example updated duplicate_in_payload,2 r1@x.example updated,3 r1@x.example updated duplicate_in_payload,4 r4@x.example updated duplicate_in_payload}',
    'a removed lead that is repeated is enrolled once');
SELECT is(pg_temp.state(:'other', 'r4@x.example') || ' ' || (pg_temp.lead('r4@x.example') ->> 'phone'), 'active 2', 'it is active, with what the last entry says');
SELECT lt_remove_leads(:'other', '{r4@x.example}');
SELECT is(pg_temp.upsert(:'other', '[{"email": "r4@x.example"}, {"email": "r4@x.example"}, {"email": "b@x.example"}]'), '(2,1,0,3)', 'and counts so');
SELECT is((SELECT sum(size) FROM leadterra.batches WHERE campaign_id = :'other'), 6::bigint, 'nothing was queued again');
SELECT pg_temp.version('d@x.example') AS version \gset
SELECT is(pg_temp.upsert(:'other', '[{"email": "d@x.example"}]'), '(1,0,0,1)', 'a known lead that nothing changes in is enrolled in a paused campaign');
SELECT is((SELECT array_agg(state) FROM lt_messages WHERE campaign_id = :'other' AND email = 'd@x.example'), '{queued}', 'and queued');
SELECT is((SELECT (next_step, next_due_at) FROM lt_enrollments WHERE campaign_id = :'other' AND email = 'd@x.example'), (1, now()), 'held until start');
SELECT is((SELECT (status, queued_messages) FROM lt_campaigns WHERE campaign_id = :'other'), ('paused'::text, 4::bigint), 'the campaign counts it');
SELECT is(pg_temp.version('d@x.example'), :'version', 'and its record is not written');
SELECT lt_create_campaign('later', '[{"subject": "s", "bodyHtml": "b"}]') AS later \gset
SELECT is(pg_temp.upsert(:'later', '[{"email": "d@x.example"}]'), '(1,0,0,1)', 'it is enrolled in a draft');
SELECT is((SELECT count(*) FROM lt_messages WHERE campaign_id = :'later'), 0::bigint, 'which shows no message');
SELECT lt_start_campaign(:'later');
SELECT is((SELECT array_agg(email || ' ' || state) FROM lt_messages WHERE campaign_id = :'later'), '{d@x.example queued}', 'until it is started');
SELECT is(pg_temp.version('d@x.example'), :'version', 'and its record is not written');

-- A lead whose id is nil is known like any other.
INSERT INTO leadterra.leads (workspace_id, lead_id, email) VALUES (lt_current_workspace(), '00000000-0000-0000-0000-000000000000', 'nil@x.example');
SELECT is(pg_temp.outcomes(:'draft', '[{"email": "nil@x.example", "phone": "1"}]', true), '{0 nil@x.example enrolled}', 'a lead with the nil UUID is known to a dry run');
SELECT is((SELECT (lead_id, outcome, new_to_workspace) FROM lt_bulk_upsert_report(:'draft', '[{"email": "nil@x.example", "phone": "1"}]')),
    ('00000000-0000-0000-0000-000000000000'::uuid, 'enrolled'::text, false), 'and to the call');
SELECT is(pg_temp.lead('nil@x.example') ->> 'phone', '1', 'its record is updated');
SELECT is(pg_temp.upsert(:'draft', '[{"email": "nil@x.example", "phone": "2"}, {"email": "nil2@x.example"}]'), '(1,1,0,2)', 'also once it is enrolled');
SELECT is(pg_temp.lead('nil@x.example') ->> 'phone', '2', 'each time');

-- Dry run.
SELECT '[{"email": "n@x.example", "phone": "9"}, {"email": "r4@x.example"}, {"email": "N@x.example"}, {"email": "s@x.example"}, 1, {"email": "no"}, {"email": "c@x.example"},
    {"email": "r1@x.example", "phone": "9"}, {"email": "R4@x.example", "phone": "9"}, {"email": "S@x.example"}, {"email": "b@x.example"}, {"email": "c@x.example", "phone": "9"}, {"email": "n2@x.example", "phone": 1}, {"email": "g@x.example", "x": null}]' AS every_kind \gset
SELECT lt_remove_leads(:'other', '{r4@x.example}');
SELECT lt_create_campaign('that no call has locked') AS fresh \gset
CREATE TEMP TABLE before AS SELECT pg_temp.rows() AS versions;
SELECT is(pg_temp.upsert(:'other', :'every_kind', 'skip', 'true'), '(4,5,5,9)', 'a dry run counts what would happen');
CREATE TEMP TABLE predicted AS SELECT * FROM lt_bulk_upsert_report(:'other', :'every_kind', 'skip', true);
SELECT is((SELECT array_agg(concat_ws(' ', index, outcome, CASE WHEN new_to_workspace THEN 'new' END, reason) ORDER BY index) FROM predicted),
    '{0 enrolled new,1 enrolled,2 updated duplicate_in_payload,3 skipped suppressed,4 skipped not_an_object,5 skipped invalid_email,6 enrolled,7 updated,8 updated duplicate_in_payload,9 skipped suppressed,10 updated,11 updated duplicate_in_payload,12 skipped wrong_type,13 enrolled}',
    'and reports it');
SELECT is(pg_temp.upsert(:'fresh', '[{"email": "b@x.example"}, {"email": "n@x.example"}]', 'error', 'true'), '(2,0,0,2)', 'also of a campaign that nobody is in');
SELECT results_eq('SELECT unnest(pg_temp.rows())', 'SELECT unnest(versions) FROM before', 'it writes nothing and locks no row');
SAVEPOINT before_the_call;
SELECT pg_temp.upsert(:'other', :'every_kind', 'skip') AS counted \gset
ROLLBACK TO before_the_call;
SELECT is(:'counted'::text, '(4,5,5,9)', 'the call then counts the same');
CREATE TEMP TABLE reported AS SELECT * FROM lt_bulk_upsert_report(:'other', :'every_kind', 'skip');
SELECT results_eq('SELECT index, email, outcome, new_to_workspace, reason FROM reported ORDER BY index', 'SELECT index, email, outcome, new_to_workspace, reason FROM predicted ORDER BY index', 'and reports the same');
SELECT results_eq('SELECT index, CASE WHEN email <> ''n@x.example'' THEN lead_id END FROM reported ORDER BY index', 'SELECT index, lead_id FROM predicted ORDER BY index', 'with the ids of leads that are known');
SELECT is((SELECT count(lead_id) FROM reported WHERE email = 'n@x.example'), 2::bigint, 'which new leads have once they are made');
SELECT lives_ok($$SELECT lt_bulk_upsert(lt_create_campaign('made in the call'), '[{"email": "a1@x.example"}]', dry_run => true)$$, 'a campaign made in the statement of a dry run is there');
SELECT is(lt_bulk_upsert(lt_create_campaign('made in the call'), '[{"email": "a1@x.example"}, {"email": "b@x.example"}]', dry_run => true)::text, '(2,0,0,2)', 'and its leads are counted');
SELECT results_eq($$SELECT email, outcome, new_to_workspace FROM lt_bulk_upsert_report(lt_create_campaign('made in the call'), '[{"email": "a1@x.example"}, {"email": "b@x.example"}]', dry_run => true)$$,
    $$VALUES ('a1@x.example', 'enrolled', true), ('b@x.example', 'enrolled', false)$$, 'and reported');
SELECT throws_ok(format('SELECT lt_bulk_upsert(%L, ''[1]'', dry_run => true)', :'draft'), 'PT422', NULL, 'a dry run fails as the call would');

-- A few known leads among many new ones, one of which is enrolled and differs:
-- they are found however the look-up goes about it.
SELECT lt_create_campaign('few known') AS few \gset
SELECT lt_bulk_upsert(:'few', '[{"email": "few-0123@x.example", "firstName": "old"}]');
SELECT lt_bulk_upsert(:'other', '[{"email": "few-0777@x.example", "firstName": "kept"}]');
CREATE TEMP TABLE few AS
SELECT * FROM lt_bulk_upsert_report(:'few', (SELECT jsonb_agg(jsonb_build_object('email', format('few-%s@x.example', lpad(i::text, 4, '0')), 'lastName', 'new')) FROM generate_series(1, 900) i));
SELECT is((SELECT count(*) FROM few WHERE new_to_workspace AND outcome = 'enrolled'), 898::bigint, 'many new leads');
SELECT results_eq($$SELECT email, outcome FROM few WHERE NOT new_to_workspace ORDER BY index$$,
    $$VALUES ('few-0123@x.example', 'updated'), ('few-0777@x.example', 'enrolled')$$, 'and a few known ones');
SELECT is((SELECT count(*) FROM few f JOIN lt_leads l ON l.lead_id OPERATOR(pg_catalog.=) f.lead_id AND l.email = f.email AND l.last_name = 'new'
    JOIN lt_enrollments e ON e.campaign_id = :'few' AND e.lead_id OPERATOR(pg_catalog.=) l.lead_id), 900::bigint, 'all are changed and enrolled, under the ids reported');
SELECT is((SELECT string_agg(first_name, ' ' ORDER BY email) FROM lt_leads WHERE email LIKE 'few-%'), 'old kept', 'and keep what the call does not give');

-- Malformed calls.
SELECT throws_ok(format('SELECT lt_bulk_upsert(%L, %s)', :'draft', leads), 'PT400', NULL, 'leads that are ' || leads || ' fail the call')
FROM unnest(ARRAY['NULL', '''1''', '''"x"''', '''null''', '''{}''', '''{"leads": null}''']) leads;

SELECT * FROM finish();
ROLLBACK;
