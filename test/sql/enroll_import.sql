-- Importing a table: what users see while it runs, when it is interrupted, and
-- when something is wrong.
\set SHOW_CONTEXT never

SELECT lt_create_campaign('Import', '[{"subject": "Hi {{firstName}}", "bodyHtml": "<p>Hi</p>"}]') AS campaign \gset
CREATE TABLE public.list ("E-mail" text, "first name" text, "company size" text);
INSERT INTO public.list SELECT format('import-%s@example.com', i), format('Lead %s', i), i * 10 FROM generate_series(1, 1200) i;
INSERT INTO public.list VALUES ('not an address', 'Nobody', NULL), ('import-1@example.com', NULL, '11');
INSERT INTO public.list SELECT format('import-%s@example.com', i), format('Lead %s', i), i * 10 FROM generate_series(1201, 2300) i;

-- The columns have other names than a lead's fields.
CALL lt_import_table(:'campaign', 'public.list');
CALL lt_import_table(:'campaign', 'public.list', '{"email": "Email"}');

-- Someone does not want to be in the table of leads: the chunks before stay.
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.email = 'import-2100@example.com' THEN
        RAISE EXCEPTION 'not this one';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER refuse BEFORE INSERT ON leadterra.leads FOR EACH ROW EXECUTE FUNCTION refuse();
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail", "firstName": "first name", "size": "company size"}');
SELECT source, mapping, rows_total, rows_done, enrolled, updated, rejected, finished_at IS NULL AS interrupted FROM lt_imports;
DROP TRIGGER refuse ON leadterra.leads;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail", "firstName": "first name", "size": "company size"}', chunk => 100);
SELECT source, rows_total, rows_done, enrolled, updated, rejected, finished_at IS NULL AS interrupted FROM lt_imports;
SELECT row_number, reason, lead FROM lt_import_rejects;
SELECT email, first_name, custom FROM lt_leads WHERE email IN ('import-1@example.com', 'import-2300@example.com') ORDER BY email;
SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'campaign';

-- Nothing left out, and nothing to do.
DELETE FROM public.list WHERE "E-mail" !~ '@';
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}', chunk => 2000);
TRUNCATE public.list;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}');

-- Where it cannot work.
BEGIN;
CALL lt_import_table(:'campaign', 'public.list', '{"email": "E-mail"}');
ROLLBACK;
CALL lt_import_table(:'campaign', 'lt_leads');
CALL lt_import_table('00000000-0000-7000-8000-00000000beef', 'public.list');

DROP TABLE public.list;
DROP FUNCTION refuse;
SELECT lt_delete_campaign(:'campaign');
SELECT count(*) FROM lt_imports;
