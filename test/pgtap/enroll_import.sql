-- enroll: importing a table, row by row of its rules.
--
-- The procedure commits, so this works in a workspace of its own and takes away
-- what it made.  Errors of a CALL are told by psql's SQLSTATE: inside a function,
-- as throws_ok() would have it, there is one error only.
SET client_min_messages = warning;
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';
SELECT plan(99);

SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset
CREATE SCHEMA import_test;
CREATE TABLE import_test.list (email text, first_name text, company text);

-- The last import as a text: rows, counts, whether it has finished.
CREATE FUNCTION import_test.last() RETURNS text LANGUAGE sql AS $$
    SELECT format('%s/%s %s %s %s %s', rows_done, rows_total, enrolled, updated, rejected, CASE WHEN finished_at IS NULL THEN 'open' ELSE 'finished' END)
    FROM lt_imports ORDER BY import_id DESC LIMIT 1
$$;
CREATE FUNCTION import_test.rejects() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', row_number, reason, field, code, lead), ', ' ORDER BY row_number)
    FROM lt_import_rejects WHERE import_id = (SELECT import_id FROM lt_imports ORDER BY import_id DESC LIMIT 1)
$$;
CREATE FUNCTION import_test.lead(address text) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg(f.key, f.value)
    FROM lt_leads l, jsonb_each(to_jsonb(l) - '{lead_id,email,created_at,updated_at}'::text[]) f
    WHERE l.email = address AND f.value <> 'null'
$$;
CREATE FUNCTION import_test.rows(prefix text, first integer, last integer) RETURNS SETOF import_test.list LANGUAGE sql AS $$
    SELECT format('%s-%s@example.com', prefix, i), prefix || i, NULL FROM generate_series(first, last) i
$$;

-- Types of the caller's that refuse everything; a procedure is compiled once a
-- session, so this comes first.  The operators are those of hostile.sql.
CREATE SCHEMA import_trap;
CREATE DOMAIN import_trap.uuid AS pg_catalog.uuid CHECK (value IS NULL);
CREATE DOMAIN import_trap.text AS pg_catalog.text CHECK (value IS NULL);
CREATE DOMAIN import_trap.tid AS pg_catalog.tid CHECK (value IS NULL);
INSERT INTO import_test.list SELECT * FROM import_test.rows('first', 1, 10);
SELECT current_setting('search_path') AS path \gset
SET search_path = import_trap, public, pg_catalog;
CALL lt_import_table(:'c', 'import_test.list', NULL, 3);
SELECT current_setting('search_path') = 'import_trap, public, pg_catalog' AS same \gset
SELECT set_config('search_path', :'path', false) \g /dev/null
SELECT ok(:'same', 'the path of the caller stays');
SELECT is(import_test.last(), '10/10 10 0 0 finished', 'all rows are enrolled under a hostile path');
SELECT is((SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'c'), 10::bigint, 'and are in the campaign');
SELECT is((SELECT array_agg(n ORDER BY x) FROM (SELECT min(lead_id::text) AS x, count(*) AS n FROM leadterra.enrollments WHERE campaign_id = :'c' GROUP BY xmin::text) t),
    '{3,3,3,1}'::bigint[], 'each chunk in a transaction of its own, in the order of rows');
SELECT is((SELECT source FROM lt_imports), 'import_test.list', 'the name of the table is kept');

-- Types of somebody's own, whose casts would run as who imports.
CREATE TYPE import_trap.name AS ENUM ('Ann', 'Bob');
CREATE DOMAIN import_test.number AS integer;
CREATE DOMAIN import_test.small_number AS import_test.number;
CREATE FUNCTION import_trap.json(import_trap.name) RETURNS json LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran a cast of the table''s owner'; END $$;
CREATE FUNCTION import_trap.text(import_trap.name) RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'ran a cast of the table''s owner'; END $$;
CREATE CAST (import_trap.name AS json) WITH FUNCTION import_trap.json(import_trap.name);
CREATE CAST (import_trap.name AS text) WITH FUNCTION import_trap.text(import_trap.name) AS IMPLICIT;
CREATE TABLE import_test.typed (email text, first_name import_trap.name, "interestStatus" import_test.small_number, "verificationStatus" import_trap.name, tags import_trap.name[]);
INSERT INTO import_test.typed VALUES ('typed@example.com', 'Ann', 5, NULL, '{Ann,Bob}');
CALL lt_import_table(:'c', 'import_test.typed');
SELECT is(import_test.last(), '1/1 1 0 0 finished', 'columns of such types are imported');
SELECT is(import_test.lead('typed@example.com'), '{"first_name": "Ann", "interest_status": 5, "custom": {"tags": "{Ann,Bob}"}}', 'as they print, and domains as what they are of');

-- What becomes of cells.
TRUNCATE import_test.list;
INSERT INTO import_test.list VALUES ('first-1@example.com', NULL, 'Acme'), ('first-2@example.com', '', NULL), (' FIRST-3@Example.com', 'Third', NULL);
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '3/3 0 3 0 finished', 'known leads are updated');
SELECT is(import_test.lead('first-1@example.com'), '{"first_name": "first1", "company": "Acme", "custom": {}}', 'a null keeps what is known');
SELECT is(import_test.lead('first-2@example.com') ->> 'first_name', '', 'a blank string is stored as given');
SELECT is(import_test.lead('first-3@example.com') ->> 'first_name', 'Third', 'addresses match as in the call');

CREATE TABLE import_test.wide (
    "E-mail" varchar(40), "we""ird \name" text, gone text, status text, verdict char(4), number integer, nested jsonb, list text[], unused text);
ALTER TABLE import_test.wide DROP COLUMN gone;
INSERT INTO import_test.wide VALUES
    ('wide-1@example.com', 'one', '1', '11', 7, '{"a": null}', '{a,NULL}', 'no'),
    ('wide-2@example.com', NULL, ' -2 ', '-1', NULL, 'null', NULL, 'no'),
    ('wide-3@example.com', NULL, '+003', NULL, NULL, NULL, NULL, 'no'),
    ('wide-4@example.com', NULL, '1.0', NULL, NULL, NULL, NULL, 'no'),
    ('wide-5@example.com', NULL, '', NULL, NULL, NULL, NULL, 'no'),
    ('wide-6@example.com', NULL, '3000000000', NULL, NULL, NULL, NULL, 'no'),
    ('wide-7@example.com', NULL, repeat('9', 200000), NULL, NULL, NULL, NULL, 'no'),
    ('wide-8@example.com', NULL, NULL, '5', NULL, NULL, NULL, 'no'),
    ('wide-9@example.com', NULL, 'yes', NULL, NULL, NULL, NULL, 'no'),
    (NULL, 'ten', NULL, NULL, NULL, NULL, NULL, 'no');
CALL lt_import_table(:'c', 'import_test.wide',
    '{"email": "E-mail", "a\\b \"c''": "we\"ird \\name", "lt_interest_status": "status", "verificationStatus": "verdict", "n": "number", "nested": "nested", "list": "list", "again": "number"}', 4);
SELECT is(import_test.last(), '10/10 3 0 7 finished', 'rows with wrong values are left out');
SELECT is(import_test.lead('wide-1@example.com'), '{"interest_status": 1, "verification_status": 11, "custom": {"a\\b \"c''": "one", "n": 7, "again": 7, "nested": {"a": null}, "list": ["a", null]}}',
    'columns go to keys, with their types, and nulls inside of values stay');
SELECT is(import_test.lead('wide-2@example.com'), '{"interest_status": -2, "verification_status": -1, "custom": {}}', 'texts of the integer fields become numbers');
SELECT is(import_test.lead('wide-3@example.com'), '{"interest_status": 3, "custom": {}}', 'with sign and zeros');
SELECT is((SELECT array_agg(concat_ws(' ', row_number, reason, field, code) ORDER BY row_number) FROM lt_import_rejects WHERE import_id = (SELECT max(import_id::text)::uuid FROM lt_imports)),
    '{4 wrong_type interestStatus wrong_type,5 wrong_type interestStatus wrong_type,6 invalid_value interestStatus invalid_value,7 wrong_type interestStatus wrong_type,8 invalid_value verificationStatus invalid_value,9 wrong_type interestStatus wrong_type,10 invalid_email email email_missing}'::text[],
    'what is no integer is rejected with the reason, the field and the code');
SELECT results_eq($$ SELECT code, field, rows, example_row FROM lt_import_reject_counts WHERE import_id = (SELECT max(import_id::text)::uuid FROM lt_imports) ORDER BY example_row $$,
    $$ VALUES ('wrong_type', 'interestStatus', 4::bigint, 4::bigint), ('invalid_value', 'interestStatus', 1, 6), ('invalid_value', 'verificationStatus', 1, 8), ('email_missing', 'email', 1, 10) $$,
    'which are counted, with an example');
SELECT is((SELECT lead FROM lt_import_rejects WHERE row_number = 9), '{"email": "wide-9@example.com", "lt_interest_status": "yes"}', 'with the lead as it was given');
SELECT is((SELECT lead FROM lt_import_rejects WHERE row_number = 10), '{"a\\b \"c''": "ten"}', 'also without an address');
SELECT is((SELECT count(*) FROM lt_leads WHERE email ~ '^wide-'), 3::bigint, 'and is not in the workspace');
CALL lt_import_table(:'c', 'import_test.wide', '{"email": "E-mail", "interestStatus": "number", "verification_status": "verdict"}');
SELECT is(import_test.lead('wide-1@example.com') ->> 'interest_status', '7', 'integers are what they are');

-- Rejects: across chunks, without the data of suppressed people.
SELECT lt_suppress('{no@example.com, blocked.example}') \g /dev/null
TRUNCATE import_test.list;
INSERT INTO import_test.list VALUES ('a@x.example', 'A', NULL), ('no@example.com', 'No', 'Secret'), ('b(at)x.example', 'B', NULL), ('a@x.example', 'AA', NULL), ('b@blocked.example', NULL, NULL), ('c', NULL, NULL);
CALL lt_import_table(:'c', 'import_test.list', '{"email": "email", "firstName": "first_name"}', 4);
SELECT is(import_test.last(), '6/6 1 1 4 finished', 'repeated, suppressed and invalid rows');
SELECT is(import_test.rejects(), '2 suppressed suppressed, 3 invalid_email email email_comment {"email": "b(at)x.example", "firstName": "B"}, 5 suppressed suppressed, 6 invalid_email email email_no_at {"email": "c"}', 'are told with the numbers of rows');
SELECT is((SELECT count(*) FROM leadterra.import_rejects WHERE lead::text ~ 'no@|Secret|blocked'), 0::bigint, 'nothing of suppressed people is kept');
SELECT is((SELECT lead FROM leadterra.import_rejects WHERE reason = 'suppressed' LIMIT 1), NULL, 'not even an object');

TRUNCATE import_test.list;
INSERT INTO import_test.list VALUES ('No@Example.com', 'No', 'x'), ('c@blocked.example', 'No', 'x'), ('a@x.example', 'A', 'x'), ('No <no@example.com>', 'No', '1');
CALL lt_import_table(:'c', 'import_test.list', '{"email": "email", "firstName": "first_name", "interestStatus": "company"}');
SELECT is(import_test.rejects(), '1 wrong_type interestStatus wrong_type, 2 wrong_type interestStatus wrong_type, 3 wrong_type interestStatus wrong_type {"email": "a@x.example", "firstName": "A", "interestStatus": "x"}, 4 invalid_email email email_local_character',
    'also where their rows are invalid, or the address has a text around it');
TRUNCATE import_test.list;
INSERT INTO import_test.list VALUES ('a@x.example', 'A', NULL), ('b@x.example', 'B', NULL), ('no address', NULL, NULL);

-- Sources.
CREATE TEMP TABLE "Temp List" AS SELECT * FROM import_test.rows('temp', 1, 5);
CREATE UNLOGGED TABLE import_test.unlogged AS SELECT * FROM import_test.rows('unlogged', 1, 5);
CREATE MATERIALIZED VIEW import_test.materialized AS SELECT * FROM import_test.rows('materialized', 1, 5);
CREATE TABLE import_test.partitioned (LIKE import_test.list) PARTITION BY LIST (company);
CREATE TABLE import_test.partition PARTITION OF import_test.partitioned DEFAULT;
CREATE TABLE import_test.parent (LIKE import_test.list);
CREATE TABLE import_test.child () INHERITS (import_test.parent);
CREATE TABLE import_test.empty (LIKE import_test.list);
CREATE VIEW import_test.view AS SELECT * FROM import_test.list;
CREATE SEQUENCE import_test.sequence;
CREATE INDEX index ON import_test.list (email);
CREATE TYPE import_test.composite AS (email text);
CALL lt_import_table(:'c', '"Temp List"', NULL, 2);
SELECT is(import_test.last(), '5/5 5 0 0 finished', 'a temporary table');
CALL lt_import_table(:'c', 'import_test.unlogged', NULL, 5);
SELECT is(import_test.last(), '5/5 5 0 0 finished', 'an unlogged table');
CALL lt_import_table(:'c', 'import_test.materialized', NULL, 1);
SELECT is(import_test.last(), '5/5 5 0 0 finished', 'a materialized view');
CALL lt_import_table(:'c', 'import_test.partition');
SELECT is(import_test.last(), '0/0 0 0 0 finished', 'a partition');
CALL lt_import_table(:'c', 'import_test.empty');
SELECT is(import_test.last(), '0/0 0 0 0 finished', 'an empty table');
CREATE TABLE import_test.holes AS SELECT * FROM import_test.rows('holes', 1, 3000);
DELETE FROM import_test.holes WHERE right(first_name, 1) <> '7';
CALL lt_import_table(:'c', 'import_test.holes', NULL, 7);
SELECT is(import_test.last(), '300/300 300 0 0 finished', 'a table with holes');

-- Errors; the function takes the arguments of the procedure.
CREATE FUNCTION import_test.start(arguments text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('SELECT leadterra.start_import(%s, false)', arguments);
    RETURN NULL;
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN concat_ws(' ', SQLSTATE, detail::jsonb ->> 'code', SQLERRM);
END;
$$;
SELECT is(import_test.start(format('%L, %s', :'c', a.arguments)), 'PT400 invalid_request ' || a.message, a.message)
FROM (VALUES
    ($$NULL, NULL, 1$$, 'argument "source" must be a table'),
    ($$1::regclass, NULL, 1$$, 'argument "source" must be a table'),
    ($$'import_test.view', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.view" is a view'),
    ($$'import_test.partitioned', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.partitioned" is a partitioned table'),
    ($$'import_test.parent', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.parent" is a table with children'),
    ($$'import_test.sequence', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.sequence" is a sequence'),
    ($$'import_test.index', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.index" is an index'),
    ($$'import_test.composite', NULL, 1$$, 'argument "source" must be a table or materialized view, and "import_test.composite" is a type'),
    ($$'import_test.list', '[]', 1$$, 'argument "mapping" must be an object of lead keys and names of columns'),
    ($$'import_test.list', 'null', 1$$, 'argument "mapping" must be an object of lead keys and names of columns'),
    ($$'import_test.list', '{"mail": "email"}', 1$$, 'table "import_test.list" has no column "email", and argument "mapping" has no such key'),
    ($$'import_test.wide', '{}', 1$$, 'table "import_test.wide" has no column "email", and argument "mapping" has no such key'),
    ($$'import_test.wide', NULL, 1$$, 'table "import_test.wide" has no column "email"'),
    ($$'import_test.list', '{"size": null}', 1$$, 'key "size" of argument "mapping": table "import_test.list" has no column "size"'),
    ($$'import_test.list', '{"email": "email", "first_name": null}', 1$$, 'key "first_name" of argument "mapping" must be the name of a column'),
    ($$'import_test.list', '{"email": "email", "size": "Size"}', 1$$, 'key "size" of argument "mapping": table "import_test.list" has no column "Size"'),
    ($$'import_test.list', '{"email": "email", "place": "ctid"}', 1$$, 'key "place" of argument "mapping": table "import_test.list" has no column "ctid"'),
    ($$'import_test.wide', '{"email": "E-mail", "gone": "gone"}', 1$$, 'key "gone" of argument "mapping": table "import_test.wide" has no column "gone"'),
    ($$'import_test.list', '{"email": "email", "size": 7}', 1$$, 'key "size" of argument "mapping" must be the name of a column'),
    ($$'import_test.list', '{"email": null}', 1$$, 'key "email" of argument "mapping" must be the name of a column'),
    ($$'import_test.list', NULL, NULL$$, 'argument "chunk" must be from 1 to 100000'),
    ($$'import_test.list', NULL, 0$$, 'argument "chunk" must be from 1 to 100000'),
    ($$'import_test.list', NULL, 100001$$, 'argument "chunk" must be from 1 to 100000')
) a (arguments, message);
SELECT is(import_test.start($$NULL, 'import_test.list', NULL, 1$$), 'PT400 invalid_request argument "campaign_id" must not be null', 'no campaign');
SELECT is(import_test.start($$'00000000-0000-7000-8000-00000000beef', 'import_test.list', NULL, 1$$),
    'PT404 campaign_not_found campaign "00000000-0000-7000-8000-00000000beef" does not exist', 'an unknown campaign');
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b1a';
SELECT matches(import_test.start(format($$%L, 'import_test.list', NULL, 1$$, :'c')), '^PT404 campaign_not_found', 'one of another workspace');
SELECT is((SELECT count(*) FROM lt_imports) + (SELECT count(*) FROM lt_import_rejects), 0::bigint, 'whose imports nobody else sees');
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';
SELECT count(*) AS imports FROM lt_imports \gset
SELECT throws_ok('CALL lt_import_table(NULL, NULL)', '2D000', NULL, 'it cannot run inside of a function, and says so first');
\set ON_ERROR_STOP off
BEGIN;
SAVEPOINT s;
CALL lt_import_table(:'c', 'import_test.list');
\set blocked :SQLSTATE
ROLLBACK TO s;
COMMIT;
SET default_transaction_isolation = 'repeatable read';
CALL lt_import_table(:'c', 'import_test.list');
\set isolated :SQLSTATE
RESET default_transaction_isolation;
CREATE ROLE leadterra_import_test;
GRANT USAGE ON SCHEMA leadterra, import_test TO leadterra_import_test;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA leadterra TO leadterra_import_test;
GRANT EXECUTE ON PROCEDURE lt_import_table TO leadterra_import_test;
GRANT EXECUTE ON FUNCTION lt_current_workspace, lt_uuidv7 TO leadterra_import_test;
GRANT ALL ON ALL TABLES IN SCHEMA leadterra TO leadterra_import_test;
SET ROLE leadterra_import_test;
CALL lt_import_table(:'c', 'import_test.list');
\set denied :SQLSTATE
RESET ROLE;
\set ON_ERROR_STOP on
SELECT is(:'blocked'::text, '2D000', 'nor inside of a transaction block');
SELECT is(:'isolated'::text, 'PT409', 'nor under a fixed snapshot');
SELECT is(:'denied'::text, '42501', 'nor without the right to read the table');
SELECT is((SELECT count(*) FROM lt_imports), :'imports'::bigint, 'and nothing of that stays');
GRANT SELECT ON import_test.list TO leadterra_import_test;
SET ROLE leadterra_import_test;
CALL lt_import_table(:'c', 'import_test.list');
RESET ROLE;
SELECT is(import_test.last(), '3/3 1 1 1 finished', 'with that right it runs as its caller');
DROP OWNED BY leadterra_import_test;
DROP ROLE leadterra_import_test;

-- A chunk reads its own rows alone.
CREATE TABLE import_test.large AS SELECT * FROM import_test.rows('large', 1, 2000);
BEGIN;
SELECT import_id, object, chunk_ends FROM leadterra.start_import(:'c', 'import_test.large', NULL, 100, false) \gset
SELECT pg_stat_get_xact_tuples_returned('import_test.large'::regclass) AS before, pg_stat_get_xact_numscans('import_test.large'::regclass) AS scans \gset
SELECT count(leadterra.import_chunk(:'c', 'import_test.large', :'import_id', :'object', e)) FROM unnest(:'chunk_ends'::tid[]) e \g /dev/null
SELECT pg_stat_get_xact_tuples_returned('import_test.large'::regclass) - :before AS tuples, pg_stat_get_xact_numscans('import_test.large'::regclass) - :scans AS scans \gset
ROLLBACK;
SELECT is(array_length(:'chunk_ends'::tid[], 1), 20, 'there are twenty chunks');
SELECT is(:tuples, 2000, 'which read each row once');
SELECT is(:scans, 0, 'and never the whole table');

-- Another session may have gone further, with chunks of another size.
BEGIN;
SELECT import_id, object, chunk_ends FROM leadterra.start_import(:'c', 'import_test.large', NULL, 100, false) \gset
SELECT leadterra.import_progress(leadterra.import_chunk(:'c', 'import_test.large', :'import_id', :'object', (:'chunk_ends'::tid[])[7])) AS further,
    leadterra.import_progress(leadterra.import_chunk(:'c', 'import_test.large', :'import_id', :'object', (:'chunk_ends'::tid[])[4])) AS passed,
    leadterra.import_progress(leadterra.import_chunk(:'c', 'import_test.large', :'import_id', :'object', (:'chunk_ends'::tid[])[8])) AS next \gset
ROLLBACK;
SELECT is(:'further'::text, 'imported 700 of 2,000 rows: 700 enrolled, 0 updated, 0 left out', 'what is left before the end of a chunk');
SELECT is(:'passed'::text, :'further', 'is nothing where another has been');
SELECT is(:'next'::text, 'imported 800 of 2,000 rows: 800 enrolled, 0 updated, 0 left out', 'and nothing is done again');

-- An error in the middle: what was done stays, the rest comes with the next call.
CREATE FUNCTION import_test.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.email = 'resume-25@example.com' THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER refuse BEFORE INSERT ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION import_test.refuse();
TRUNCATE import_test.list;
INSERT INTO import_test.list SELECT * FROM import_test.rows('resume', 1, 5);
INSERT INTO import_test.list VALUES ('no address', NULL, NULL);
INSERT INTO import_test.list SELECT * FROM import_test.rows('resume', 6, 39);
SELECT lt_create_campaign('resume') AS resume \gset
\set ON_ERROR_STOP off
CALL lt_import_table(:'resume', 'import_test.list', NULL, 10);
\set refused :SQLSTATE
SELECT import_test.last() AS stopped, max(import_id::text) AS open FROM lt_imports \gset
-- Another mapping or campaign is another import.
CALL lt_import_table(:'resume', 'import_test.list', '{"email": "email"}', 7);
SELECT import_test.last() AS mapped \gset
CALL lt_import_table(:'resume', 'import_test.list', NULL, 7, true);
SELECT import_test.last() AS repaired \gset
CALL lt_import_table(:'c', 'import_test.list', NULL, 12);
SELECT import_test.last() AS other \gset
\set ON_ERROR_STOP on
DROP TRIGGER refuse ON leadterra.leads;
SELECT is(:'refused'::text, 'P0001', 'an error of the table of leads ends the call');
SELECT is(:'stopped'::text, '20/40 19 0 1 open', 'the chunks before it stay');
SELECT is(:'mapped'::text, '21/40 1 19 1 open', 'another mapping begins anew');
SELECT is(:'repaired'::text, '21/40 0 20 1 open', 'so does one that repairs addresses');
SELECT is(:'other'::text, '24/40 23 0 1 open', 'and so does another campaign');
SELECT is((SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'resume'), 20::bigint, 'nobody of the chunk that failed is enrolled');
CALL lt_import_table(:'resume', 'import_test.list', NULL, 6);
SELECT is((SELECT concat_ws(' ', rows_done, rows_total, enrolled, updated, rejected, finished_at IS NOT NULL) FROM lt_imports WHERE import_id = :'open'), '40 40 38 1 1 t', 'it goes on, with chunks of another size');
SELECT is((SELECT count(*) FROM lt_import_rejects WHERE import_id = :'open'), 1::bigint, 'rejects are there once');
SELECT is((SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'resume'), 39::bigint, 'everybody is enrolled');
CALL lt_import_table(:'resume', 'import_test.list', NULL, 6);
SELECT is(import_test.last(), '40/40 0 39 1 finished', 'a finished import begins anew');

-- A table that is not what it was begins anew.
CREATE PROCEDURE import_test.interrupt(campaign uuid) LANGUAGE plpgsql AS $$
DECLARE
    s record;
BEGIN
    TRUNCATE import_test.list;
    INSERT INTO import_test.list SELECT * FROM import_test.rows('old', 1, 30);
    COMMIT;
    SELECT * INTO s FROM leadterra.start_import(campaign, 'import_test.list', NULL, 10, false);
    PERFORM leadterra.import_chunk(campaign, 'import_test.list', s.import_id, s.object, s.chunk_ends[2]);
END;
$$;
CALL import_test.interrupt(:'c');
SELECT is(import_test.last(), '20/30 20 0 0 open', 'an import is interrupted');
INSERT INTO import_test.list SELECT * FROM import_test.rows('new', 1, 5);
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '35/35 35 0 0 finished', 'rows that were added at the end are imported with the rest');
CALL import_test.interrupt(:'c');
TRUNCATE import_test.list;
INSERT INTO import_test.list SELECT * FROM import_test.rows('truncated', 1, 30);
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '30/30 30 0 0 finished', 'a table that was truncated and filled begins anew');
CALL import_test.interrupt(:'c');
CLUSTER import_test.list USING index;
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '30/30 0 30 0 finished', 'so does one whose rows were put in another order');
CALL import_test.interrupt(:'c');
DELETE FROM import_test.list WHERE email = 'old-3@example.com';
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '29/29 0 29 0 finished', 'and one of which rows were deleted');
CALL import_test.interrupt(:'c');
DELETE FROM import_test.list;
VACUUM import_test.list;
INSERT INTO import_test.list SELECT * FROM import_test.rows('reused', 1, 30);
SELECT is((SELECT count(*) FROM import_test.list WHERE ctid <= (SELECT position FROM leadterra.imports ORDER BY import_id DESC LIMIT 1)), 20::bigint, 'as many other rows in the same places');
CALL lt_import_table(:'c', 'import_test.list');
SELECT is(import_test.last(), '30/30 30 0 0 finished', 'begin anew');

-- What happens to the table, the import or the campaign while an import runs.
CREATE FUNCTION import_test.meddle() RETURNS trigger LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    IF NEW.rows_done = 10 THEN
        EXECUTE current_setting('import_test.meddle');
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER meddle AFTER UPDATE ON leadterra.imports FOR EACH ROW EXECUTE FUNCTION import_test.meddle();
\set ON_ERROR_STOP off
SET import_test.meddle = 'ALTER TABLE import_test.list SET UNLOGGED';
CALL lt_import_table(:'c', 'import_test.list', '{"email": "email"}', 10);
\set rewritten :SQLSTATE
SELECT import_test.last() AS rewritten_import \gset
SET import_test.meddle = 'DELETE FROM leadterra.imports WHERE rows_done = 10 AND finished_at IS NULL';
CALL lt_import_table(:'c', 'import_test.list', '{"email": "email"}', 10);
\set removed :SQLSTATE
SELECT lt_create_campaign('gone') AS gone \gset
SELECT set_config('import_test.meddle', format('SELECT lt_delete_campaign(%L)', :'gone'), false) \g /dev/null
CALL lt_import_table(:'gone', 'import_test.list', '{"email": "email"}', 10);
\set deleted :SQLSTATE
\set ON_ERROR_STOP on
DROP TRIGGER meddle ON leadterra.imports;
SELECT is(:'rewritten'::text, '55000', 'a table that is rewritten ends the call');
SELECT is(:'rewritten_import'::text, '10/30 0 10 0 open', 'before rows are missed');
SELECT is(:'removed'::text, '55000', 'so does an import that was removed');
SELECT is(:'deleted'::text, 'PT404', 'and a campaign that was deleted');

-- Deleting a campaign, and maintenance.
SELECT count(*) AS imports FROM lt_imports WHERE campaign_id <> :'resume' \gset
SELECT count(*) AS rejects FROM lt_import_rejects JOIN lt_imports USING (import_id) WHERE campaign_id <> :'resume' \gset
SELECT lt_delete_campaign(:'resume') \g /dev/null
SELECT is((SELECT count(*) FROM lt_imports), :'imports'::bigint, 'the imports of a deleted campaign go');
SELECT is((SELECT count(*) FROM lt_import_rejects), :'rejects'::bigint, 'with their rejects');
SELECT lt_delete_campaign(:'c') \g /dev/null
SELECT is((SELECT count(*) FROM leadterra.imports WHERE workspace_id = lt_current_workspace()) + (SELECT count(*) FROM leadterra.import_rejects WHERE workspace_id = lt_current_workspace()), 0::bigint, 'none is left');

BEGIN;
SELECT lt_create_campaign('maintain') AS m \gset
SET LOCAL leadterra.now = '2030-01-01 00:00+00';
INSERT INTO leadterra.imports (workspace_id, campaign_id, source, source_file, finished_at)
SELECT lt_current_workspace(), :'m', source, 0, '2030-01-01 00:00+00' FROM unnest('{old,large}'::text[]) source;
INSERT INTO leadterra.imports (workspace_id, campaign_id, source, source_file) VALUES (lt_current_workspace(), :'m', 'open', 0);
INSERT INTO leadterra.import_rejects (workspace_id, import_id, row_number, reason, code)
SELECT lt_current_workspace(), import_id, n, 'suppressed', 'suppressed' FROM lt_imports, generate_series(1, CASE source WHEN 'large' THEN 2500 ELSE 3 END) n;
SET LOCAL leadterra.now = '2030-03-31 23:59+00';
SELECT is(lt_maintain(), 0::bigint, 'an import is kept');
SET LOCAL leadterra.now = '2030-04-01 00:01+00';
SELECT is(ARRAY(SELECT lt_maintain() FROM generate_series(1, 4)), '{1000,1000,505,0}'::bigint[], 'then it is removed, a slice a call');
SELECT is(ARRAY(SELECT concat_ws(' ', source, (SELECT count(*) FROM lt_import_rejects r WHERE r.import_id = i.import_id)) FROM lt_imports i), '{open 3}'::text[], 'one that was given up a day later');
SET LOCAL leadterra.now = '2030-04-02 00:01+00';
SELECT is(lt_maintain(), 4::bigint, 'is removed too');
SELECT * FROM finish();
ROLLBACK;

SELECT lt_delete_leads(array_agg(email)) FROM lt_leads \g /dev/null
SELECT lt_unsuppress('{no@example.com, blocked.example}') \g /dev/null
DROP SCHEMA import_test, import_trap CASCADE;
