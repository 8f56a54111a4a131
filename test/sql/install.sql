-- What CREATE EXTENSION makes, and that it can be made again.
\set SHOW_CONTEXT never

-- Nothing is executable by PUBLIC, and everything a user sees has a comment.
SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
WHERE has_function_privilege('public', p.oid, 'EXECUTE');
SELECT pg_describe_object(d.classid, d.objid, 0) AS without_comment
FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
LEFT JOIN pg_proc p ON p.oid = d.objid AND d.classid = 'pg_proc'::regclass
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
  AND d.classid IN ('pg_proc'::regclass, 'pg_class'::regclass, 'pg_namespace'::regclass)
  AND p.prorettype IS DISTINCT FROM 'trigger'::regtype
  AND obj_description(d.objid, d.classid::regclass::name) IS NULL
ORDER BY 1;

-- A C or PL function has its own search_path, unless it runs no SQL.  The procedure
-- must not have one, as it commits; it only calls functions that do, and a test
-- runs it under a hostile path.
SELECT p.oid::regprocedure AS without_search_path
FROM pg_proc p
JOIN pg_depend d ON d.objid = p.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
WHERE p.prosqlbody IS NULL AND p.proconfig IS NULL
ORDER BY p.proname;

-- Every table has its rows dumped, and the workspace in front of its keys.
SELECT c.relname AS not_dumped
FROM pg_class c CROSS JOIN pg_extension x
WHERE c.relnamespace = 'leadterra'::regnamespace AND c.relkind = 'r' AND x.extname = 'leadterra' AND NOT c.oid = ANY (x.extconfig);
SELECT i.indexrelid::regclass AS key_without_workspace
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
WHERE c.relnamespace = 'leadterra'::regnamespace AND a.attname <> 'workspace_id';
SELECT conname AS foreign_key FROM pg_constraint WHERE connamespace = 'leadterra'::regnamespace AND contype = 'f';

-- A table whose rows take others along refuses TRUNCATE, which has no rows to follow.
SELECT tgrelid::regclass AS truncated FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'leadterra'::regnamespace GROUP BY 1 HAVING bool_or(tgname ~ '_deleted_') AND NOT bool_or(tgfoid = 'leadterra.refuse_truncate'::regproc);

-- Dropped and made again in a session that has used it, in another schema.
SELECT lt_create_campaign('Before') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "install@example.com"}]');
DROP EXTENSION leadterra;
CREATE SCHEMA "api v1";
CREATE EXTENSION leadterra SCHEMA "api v1";
SELECT "api v1".lt_create_campaign('After', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT * FROM "api v1".lt_bulk_upsert(:'campaign', '[{"email": "install@example.com"}]');
SELECT status, leads_enrolled, queued_messages FROM "api v1".lt_start_campaign(:'campaign');
SELECT email, state FROM "api v1".lt_messages;
SELECT DISTINCT pronamespace::regnamespace AS schema_of_calls FROM pg_proc WHERE proname LIKE 'lt\_%';
-- What a body in PL/pgSQL names is looked up when it runs, maybe after a renaming.
SELECT oid::regprocedure AS names_schema FROM pg_proc WHERE prosqlbody IS NULL AND prosrc ~ 'api v1';
ALTER EXTENSION leadterra SET SCHEMA public;
DROP EXTENSION leadterra;
DROP SCHEMA "api v1";
-- What the database grants by default is not granted on what is ours.
CREATE ROLE regress_leadterra_stranger;
ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO regress_leadterra_stranger;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_leadterra_stranger, PUBLIC;
CREATE EXTENSION leadterra;
SELECT count(*) AS functions_of_a_stranger FROM pg_proc
WHERE (proname LIKE 'lt\_%' OR pronamespace = 'leadterra'::regnamespace) AND has_function_privilege('regress_leadterra_stranger', oid, 'EXECUTE');
SELECT count(*) AS tables_of_a_stranger FROM pg_class
WHERE relnamespace = 'leadterra'::regnamespace AND relkind = 'r' AND has_any_column_privilege('regress_leadterra_stranger', oid, 'SELECT, INSERT, UPDATE');
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM regress_leadterra_stranger;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_leadterra_stranger, PUBLIC;
DROP OWNED BY regress_leadterra_stranger;
DROP ROLE regress_leadterra_stranger;
SELECT lt_create_campaign('Again') IS NOT NULL AS created;
SELECT lt_start_campaign(campaign_id) FROM lt_campaigns;
