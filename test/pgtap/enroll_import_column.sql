-- enroll: which columns an import takes for what, and what it makes of their cells.
BEGIN;
SELECT plan(40);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0031';
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset

-- What lt_import_table does with a chunk, without the commits.
CREATE FUNCTION pg_temp.load(campaign uuid, source regclass, mapping jsonb DEFAULT NULL, repair boolean DEFAULT false) RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    done record;
BEGIN
    EXECUTE format('SELECT * FROM leadterra.import_leads(%L, (SELECT jsonb_agg(%s ORDER BY t.ctid) FROM %s t), %L, 0)', campaign, leadterra.import_object(source, mapping), source, repair)
    INTO done;
    RETURN concat_ws(' ', done.enrolled, done.updated,
        (SELECT string_agg(concat_ws(' ', r ->> 'row_number', r ->> 'field', r ->> 'code'), ', ' ORDER BY r -> 'row_number') FROM jsonb_array_elements(done.rejects) r));
END;
$$;
CREATE FUNCTION pg_temp.lead(address text) RETURNS jsonb LANGUAGE sql SET search_path = public AS $$
    SELECT jsonb_object_agg(f.key, f.value)
    FROM lt_leads l, jsonb_each(to_jsonb(l) - '{lead_id,email,created_at,updated_at}'::text[]) f
    WHERE l.email = address AND f.value NOT IN ('null', '{}')
$$;
CREATE FUNCTION pg_temp.columns(source regclass, mapping jsonb DEFAULT NULL) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(CASE WHEN key IS NULL THEN '-' WHEN is_field THEN key ELSE quote_literal(key) END, ' ' ORDER BY place, key)
    FROM leadterra.import_columns(source, mapping)
$$;

-- Names.
CREATE TEMP TABLE folded (email text, firstName text, lastName text, companyName text, jobTitle text, leadValue text, interestStatus integer, assignedTo uuid, verificationStatus integer, useCase text);
SELECT is(pg_temp.columns('folded'), 'email firstName lastName company jobTitle leadValue interestStatus assignedTo verificationStatus ''usecase''', 'names that the server has folded');
INSERT INTO folded VALUES ('ann@d2.example', 'Ann', 'Lee', 'Acme', 'CEO', 'high', 2, '019cc043-e39c-7d91-a325-6615db0e1b14', 1, 'events');
SELECT is(pg_temp.load(:'c', 'folded'), '1 0', 'are taken for the standard fields');
SELECT is(pg_temp.lead('ann@d2.example'), '{"first_name": "Ann", "last_name": "Lee", "company": "Acme", "job_title": "CEO", "lead_value": "high", "interest_status": 2, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "verification_status": 1, "custom": {"usecase": "events"}}', 'and are none of the custom ones');

CREATE TEMP TABLE shouting ("EMAIL" text, "FIRST_NAME" text, "Phone" text, "e mail" text);
SELECT is(pg_temp.columns('shouting'), 'email firstName phone ''e mail''', 'in any letter case, and nothing else is guessed');

CREATE TEMP TABLE shown AS SELECT * FROM lt_leads;
SELECT is(pg_temp.columns('shown'), '- email first_name last_name company job_title phone website personalization leadValue interestStatus assigned_to verification_status customFields - -', 'what lt_leads shows, but its id and its times');
CREATE TEMP TABLE one (lead_id text, email text);
SELECT is(pg_temp.columns('one', '{"email": "email", "lead_id": "lead_id"}'), '''lead_id'' email', 'which a mapping takes');

CREATE TEMP TABLE twice (firstname text, first_name text, email text, "Email" text, "FirstName" text, "firstName" text);
SELECT is(pg_temp.columns('twice'), '''firstname'' first_name email ''Email'' ''FirstName'' firstName', 'of several names those of lead objects come first');
CREATE TEMP TABLE unsure ("FIRSTNAME" text, firstname text, email text);
SELECT is(pg_temp.columns('unsure'), 'firstName ''firstname'' email', 'then those that stand first');
INSERT INTO twice VALUES ('a', 'b', 'twice@d2.example', 'c', 'd', NULL);
SELECT is(pg_temp.load(:'c', 'twice'), '1 0', 'a table with several');
SELECT is(pg_temp.lead('twice@d2.example'), '{"first_name": "b", "custom": {"firstname": "a", "Email": "c", "FirstName": "d"}}', 'loses none of them');
ALTER TABLE one ADD first_name text, ADD notes text;
SELECT is(pg_temp.columns('one', '{"email": "email", "firstname": "first_name", "note": "notes"}'), 'email firstName ''note''', 'keys of a mapping are read in the same way');

-- Serial columns, and how to leave others out.
CREATE TEMP TABLE line (line bigint GENERATED ALWAYS AS IDENTITY, email text, n serial, phone serial, m bigserial, owned integer, size integer);
CREATE SEQUENCE pg_temp.free;
ALTER TABLE line ALTER owned SET DEFAULT nextval('pg_temp.free');
SELECT is(pg_temp.columns('line'), '- email - phone - ''owned'' ''size''', 'serial and identity columns are no custom fields');
SELECT is(pg_temp.columns('line', '{"email": "email", "line": "line"}'), '''line'' email', 'unless a mapping says so');
SELECT is(pg_temp.columns('line', '{"line": "line"}'), '''line'' email - phone - ''owned'' ''size''', 'one without an address adds to the names');
SELECT is(pg_temp.columns('line', '{"size": null, "owned": null}'), '- email - phone - - -', 'null leaves a column out');
SELECT is(pg_temp.columns('line', '{"company": "size", "phone": null}'), '- email - - - ''owned'' company', 'and others are named anew');
SELECT is(pg_temp.columns('folded', '{"firstName": null}'), 'email - lastName company jobTitle leadValue interestStatus assignedTo verificationStatus ''usecase''', 'null leaves out by the key too');
SELECT is(pg_temp.columns('one', '{"firstName": "notes"}'), '- email - firstName', 'a mapping comes before the names');
SELECT is(pg_temp.columns('one', '{"notes": "first_name"}'), '- email ''notes'' -', 'for custom fields too');
SELECT is(pg_temp.columns('one', '{"a": "notes", "b": "notes"}'), '- email first_name ''a'' ''b''', 'a column may be two fields');
SELECT is(leadterra.mapping_problem('folded', '{"firstName": null}'), NULL, 'a key stands for the column that is taken for it');
SELECT is(leadterra.mapping_problem('one', '{"first": null}'), 'key "first" of argument "mapping": table "one" has no column "first"', 'another is not');
SELECT is(leadterra.mapping_problem('one', '{"email": null}'), 'key "email" of argument "mapping" must be the name of a column', 'the address is not left out');

-- Cells.
CREATE TEMP TABLE typed (email text, first_name integer, last_name boolean, company date, job_title timestamptz, phone bigint, website inet, personalization numeric(9, 2), lead_value double precision, assigned_to char(40), interest_status jsonb, n integer, b boolean);
INSERT INTO typed VALUES ('typed@d2.example', 7, true, '2026-11-30', '2026-11-30 12:00+00', 4917012345678, '10.0.0.1', 12.50, 0.1, '019cc043-e39c-7d91-a325-6615db0e1b14', '3', 7, false),
    ('nothing@d2.example', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'NaN', NULL, 'null', NULL, NULL);
SET TIME ZONE 'UTC';
SELECT is(pg_temp.load(:'c', 'typed'), '2 0', 'numbers, booleans and dates in fields of texts');
SELECT is(pg_temp.lead('typed@d2.example'), '{"first_name": "7", "last_name": "true", "company": "2026-11-30", "job_title": "2026-11-30T12:00:00+00:00", "phone": "4917012345678", "website": "10.0.0.1", "personalization": "12.50", "lead_value": "0.1", "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "interest_status": 3, "custom": {"n": 7, "b": false}}',
    'become texts, and custom fields keep their types');
SELECT is(pg_temp.lead('nothing@d2.example'), '{"lead_value": "NaN"}', 'what is null is left out');
CREATE TEMP TABLE wrong (email jsonb, first_name jsonb, interest_status text, custom text);
INSERT INTO wrong VALUES ('"ok@d2.example"', '"Ann"', E'\u00A0+2 ', ' {"a": 1}'), ('"a@d2.example"', '{}', NULL, NULL), ('"b@d2.example"', '[1]', NULL, NULL), ('7', NULL, NULL, NULL), ('{}', NULL, NULL, NULL),
    ('"c@d2.example"', NULL, '1.5', NULL), ('"d@d2.example"', NULL, 'true', NULL), ('"e@d2.example"', NULL, NULL, '[]'), ('"f@d2.example"', NULL, NULL, '{"a": 1'), ('"g@d2.example"', NULL, NULL, '{"a": "\u0000"}'),
    ('"h@d2.example"', NULL, NULL, '{"a": 1e999999}'), ('"i@d2.example"', NULL, NULL, '  '), ('"j@d2.example"', NULL, NULL, '{"phone": 1}');
SELECT is(pg_temp.load(:'c', 'wrong'), '2 0 2 firstName wrong_type, 3 firstName wrong_type, 4 email email_no_at, 5 email wrong_type, 6 interestStatus wrong_type, 7 interestStatus wrong_type, 8 customFields wrong_type, 9 customFields wrong_type, 10 customFields wrong_type, 11 customFields wrong_type, 13 customFields.phone reserved_field',
    'what cannot be made of a cell is told with its field');
SELECT is(pg_temp.lead('ok@d2.example'), '{"first_name": "Ann", "interest_status": 2, "custom": {"a": 1}}', 'an object in a text is one');
SELECT throws_ok(format($$ SELECT lt_bulk_upsert(%L, '[{"email": "x@d2.example", "phone": 7}]') $$, :'c'), 'PT422', NULL, 'calls take nothing of that kind');

-- White space.
CREATE TEMP TABLE spaced (email text, first_name text, last_name text, company text, note text, custom jsonb);
INSERT INTO spaced VALUES (E'\uFEFFspaced@d2.example\u00A0', E' \tAnn\u00A0', E'\u200Bvan der\u00A0Berg\u3000', E'\u00A0', E' as given ', '{"key": " as given "}');
SELECT is(pg_temp.load(:'c', 'spaced'), '1 0', 'white space around cells');
SELECT is(pg_temp.lead('spaced@d2.example'), jsonb_build_object('first_name', 'Ann', 'last_name', E'van der\u00A0Berg', 'company', '', 'custom', '{"note": " as given ", "key": " as given "}'::jsonb), 'goes from standard fields');
SELECT lt_bulk_upsert(:'c', jsonb_build_array(jsonb_build_object('email', E'given@d2.example\u00A0', 'firstName', E' Ann\u00A0'))) \g /dev/null
SELECT is(pg_temp.lead('given@d2.example'), jsonb_build_object('first_name', E' Ann\u00A0'), 'calls take fields as they are given');

-- Addresses with a text around them.
CREATE TEMP TABLE repaired (email text, wanted text);
INSERT INTO repaired VALUES
    ('mailto:link@r.example', 'link@r.example'), ('MailTo: Link2@R.example', 'link2@r.example'), ('mailto:link3@r.example?subject=Hi%20there', 'link3@r.example'),
    ('Ann Lee <name@r.example>', 'name@r.example'), ('"Lee, Ann" <name2@r.example>', 'name2@r.example'), ('<name3@r.example>', 'name3@r.example'), (E'Ann\u00A0< name4@r.example\u200B >', 'name4@r.example'),
    ('stop@r.example.', 'stop@r.example'), ('Ann <mailto:all@r.example.>. ', 'all@r.example'), ('in?side@r.example', 'in?side@r.example'),
    ('two@r.example, three@r.example', NULL), ('<two@r.example>, <three@r.example>', NULL), ('two@r.example <three@r.example>', NULL), ('dots@r.example..', NULL), ('mailto:', NULL), ('<>', NULL), ('>', NULL), ('.', NULL), ('Ann <ann', NULL), ('<a@r.example> Ann', NULL), ('', NULL);
SELECT is(pg_temp.load(:'c', 'repaired', '{"email": "email"}'), '1 0 1 email email_local_character, 2 email email_local_character, 3 email email_local_character, 4 email email_local_character, 5 email email_quoted_local, 6 email email_local_character, 7 email email_local_character, 8 email email_label_empty, 9 email email_local_character, 11 email email_many_at, 12 email email_many_at, 13 email email_many_at, 14 email email_label_empty, 15 email email_no_at, 16 email email_no_at, 17 email email_no_at, 18 email email_no_at, 19 email email_no_at, 20 email email_local_character, 21 email email_empty',
    'addresses with a text around them are invalid');
SELECT is(pg_temp.load(:'c', 'repaired', '{"email": "email"}', true), '9 1 11 email email_many_at, 12 email email_many_at, 13 email email_many_at, 14 email email_label_empty, 15 email email_no_at, 16 email email_no_at, 17 email email_no_at, 18 email email_no_at, 19 email email_no_at, 20 email email_local_character, 21 email email_empty',
    'repair takes those that are beyond doubt');
SELECT set_eq($$ SELECT email FROM lt_leads WHERE email ~ '@r.example$' $$, $$ SELECT wanted FROM repaired WHERE wanted IS NOT NULL $$, 'as they should be');
SELECT is((SELECT array_agg(r.email) FROM repaired r WHERE leadterra.read_address(r.email) IS DISTINCT FROM r.wanted), NULL, 'one reader finds them all');
SELECT lt_suppress('{no@r.example}') \g /dev/null
CREATE TEMP TABLE refused AS VALUES ('No <no@r.example>'), ('yes@r.example.');
SELECT is(pg_temp.load(:'c', 'refused', '{"email": "column1"}', true), '1 0 1 suppressed', 'who is suppressed is left out in any form');
SELECT is(r.lead, l.lead, 'and what the row has is not kept, where the address is invalid')
FROM (VALUES (0, NULL), (1, '{"email": "yes@r.example."}'::jsonb)) l (index, lead)
JOIN leadterra.import_report(:'c', '[{"email": "No <no@r.example>"}, {"email": "yes@r.example."}]', false) r USING (index);

-- The report of a call has the same codes.
SELECT results_eq(format($$ SELECT index, reason, field, code FROM lt_bulk_upsert_report(%L, '[{"email": "a(b)@d2.example", "phone": 1}, {"email": "a@d2.example", "phone": 1}, 7, {"email": "no@r.example"}, {"email": "ann@d2.example"}, {"email": "ann@d2.example"}, {"email": null}]', 'skip') $$, :'c'),
    $$ VALUES (0, 'invalid_email', 'email', 'email_comment'), (1, 'wrong_type', 'phone', 'wrong_type'), (2, 'not_an_object', NULL, 'not_an_object'), (3, 'suppressed', NULL, 'suppressed'), (4, NULL, NULL, NULL), (5, 'duplicate_in_payload', NULL, 'duplicate_in_payload'), (6, 'invalid_email', 'email', 'email_missing') $$,
    'the report of a call has field and code');
SELECT * FROM finish();
ROLLBACK;
