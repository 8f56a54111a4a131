-- Importing a table: what users see while it runs, when it is interrupted, and
-- when something is wrong.
\set SHOW_CONTEXT never
-- Time stands still, and what is said once a second is said when a test lets it go on.
SET leadterra.now = '2027-01-01 12:00+00';

SELECT lt_create_campaign('Import', '[{"subject": "Hi {{firstName}}", "bodyHtml": "<p>Hi</p>"}]') AS campaign \gset
CREATE TABLE public.list ("E-mail" text, "first name" text, "company size" text);
INSERT INTO public.list SELECT format('import-%s@example.com', i), format('Lead %s', i), i * 10 FROM generate_series(1, 1200) i;
INSERT INTO public.list VALUES ('not an address', 'Nobody', NULL), ('import-1@example.com', NULL, '11');
INSERT INTO public.list SELECT format('import-%s@example.com', i), format('Lead %s', i), i * 10 FROM generate_series(1201, 2300) i;

-- The columns have other names than a lead's fields.
CALL lt_import_table(:'campaign', 'public.list');
CALL lt_import_table(:'campaign', 'public.list', '{"email": "Email"}');

-- Someone does not want to be in the table of leads: the chunks before stay.
CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.email = 'import-2100@example.com' THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER refuse BEFORE INSERT ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION public.refuse();
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail", "firstName": "first name", "size": "company size"}');
SELECT source, mapping, rows_total, rows_done, enrolled, updated, rejected, finished_at IS NULL AS interrupted FROM lt_imports;
DROP TRIGGER refuse ON leadterra.leads;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail", "firstName": "first name", "size": "company size"}', chunk => 100);
SELECT source, rows_total, rows_done, enrolled, updated, rejected, finished_at IS NULL AS interrupted FROM lt_imports;
SELECT row_number, reason, field, code, lead FROM lt_import_rejects;
SELECT code, field, rows, example_row FROM lt_import_reject_counts;
SELECT email, first_name, custom FROM lt_leads WHERE email IN ('import-1@example.com', 'import-2300@example.com') ORDER BY email;
SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'campaign';

-- What columns are taken for, and how to have it otherwise.
CREATE TABLE public.crm (line serial, email text, firstName text, company_name text, "useCase" text, size integer);
INSERT INTO public.crm (email, firstName, company_name, "useCase", size) VALUES ('mailto:crm-1@example.com', ' Ann ', 'Acme', 'events', 7);
CALL lt_import_table(:'campaign', 'public.crm', repair => true);
CALL lt_import_table(:'campaign', 'public.crm', '{"size": null}', repair => true);
CALL lt_import_table(:'campaign', 'public.crm', '{"line": "line"}', repair => true);
CALL lt_import_table(:'campaign', 'public.crm', '{"colour": null}');
SELECT first_name, company, custom FROM lt_leads WHERE email = 'crm-1@example.com';

-- Nothing left out, and nothing to do.
DELETE FROM public.list WHERE "E-mail" !~ '@';
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}', chunk => 2000);
TRUNCATE public.list;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}');

-- How far it is is told at most once a second: here each chunk takes 400 milliseconds.
CREATE FUNCTION tick() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('leadterra.now', (current_setting('leadterra.now')::timestamptz + interval '400 milliseconds')::text, false);
    NEW.updated_at := leadterra.clock();
    RETURN NEW;
END;
$$;
INSERT INTO public.list SELECT format('tick-%s@example.com', i) FROM generate_series(1, 100) i;
CREATE TRIGGER tick BEFORE UPDATE ON leadterra.imports FOR EACH ROW WHEN (NEW.rows_done > OLD.rows_done) EXECUTE FUNCTION tick();
CREATE TRIGGER refuse BEFORE INSERT ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION public.refuse();
UPDATE public.list SET "E-mail" = 'import-2100@example.com' WHERE "E-mail" = 'tick-95@example.com';
DELETE FROM leadterra.leads WHERE email = 'import-2100@example.com';
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}', chunk => 10);
SELECT state, rows_done, rows_total, rows_per_second, time_left FROM lt_imports ORDER BY import_id DESC LIMIT 1;
DROP TRIGGER tick ON leadterra.imports;

-- What an error shows of the way to it: of the caller's own all, of this extension's little.
\set SHOW_CONTEXT errors
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}', chunk => 10);
CALL lt_import_table(:'campaign', 'public.list', '{"email": "Email"}');
DO $$ BEGIN CALL lt_import_table('00000000-0000-7000-8000-00000000beef', 'public.list', '{"email": "E-mail"}'); END $$;
\set SHOW_CONTEXT never
DROP TRIGGER refuse ON leadterra.leads;

-- Where it cannot work.
BEGIN;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}');
ROLLBACK;
CALL lt_import_table(:'campaign', 'lt_leads');
CALL lt_import_table('00000000-0000-7000-8000-00000000beef', 'public.list');

DO $$ BEGIN PERFORM 1; CALL lt_import_table('00000000-0000-7000-8000-00000000beef', 'public.list'); EXCEPTION WHEN SQLSTATE '2D000' THEN RAISE NOTICE '%', SQLERRM; END $$;

DROP TABLE public.list, public.crm;
DROP FUNCTION public.refuse, tick;
SELECT lt_delete_campaign(:'campaign');
SELECT count(*) FROM lt_imports;
