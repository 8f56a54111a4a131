-- All that the catalog says of the extension leadterra, one fact a row: of what kind,
-- about what, and what it says.  Two databases that differ in nothing of the extension
-- print the same; so do a version that was installed and one that was upgraded to.
SET search_path TO pg_catalog, pg_temp;

WITH RECURSIVE extension AS (
    SELECT * FROM pg_extension WHERE extname = 'leadterra'
),
-- Members, whatever else stands in the schema of the tables, and what belongs to those:
-- columns' defaults, constraints, indexes, triggers, policies, rules, row types.
object AS (
    SELECT d.classid, d.objid
    FROM pg_depend d
    JOIN extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid AND d.deptype = 'e'
    UNION
    SELECT 'pg_class'::regclass, c.oid FROM pg_class c WHERE c.relnamespace = 'leadterra'::regnamespace
    UNION
    SELECT 'pg_proc'::regclass, p.oid FROM pg_proc p WHERE p.pronamespace = 'leadterra'::regnamespace
    UNION
    SELECT d.classid, d.objid
    FROM object o
    JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid AND d.deptype IN ('a', 'i')
    WHERE d.classid <> 'pg_class'::regclass OR d.objid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relkind = 't')
),
relation AS (
    SELECT c.*, c.oid::regclass::text AS name
    FROM pg_class c
    JOIN object o ON o.classid = 'pg_class'::regclass AND o.objid = c.oid
),
-- ACLs of objects and columns, and those that a dump takes for what the install script made.
acl AS (
    SELECT 'privilege' AS kind, c.tableoid AS classid, c.oid AS objid, 0 AS objsubid, c.relacl AS acl FROM pg_class c
    UNION ALL
    SELECT 'privilege', 'pg_class'::regclass, a.attrelid, a.attnum, a.attacl FROM pg_attribute a
    UNION ALL
    SELECT 'privilege', p.tableoid, p.oid, 0, p.proacl FROM pg_proc p
    UNION ALL
    SELECT 'privilege', t.tableoid, t.oid, 0, t.typacl FROM pg_type t
    UNION ALL
    SELECT 'privilege', n.tableoid, n.oid, 0, n.nspacl FROM pg_namespace n
    UNION ALL
    SELECT 'initial privilege', i.classoid, i.objoid, i.objsubid, i.initprivs FROM pg_init_privs i
),
fact (kind, about, says) AS (
    SELECT 'extension', x.extname::text, jsonb_build_array(x.extversion, x.extnamespace::regnamespace, pg_get_userbyid(x.extowner))
    FROM extension x
    UNION ALL
    SELECT 'dump mark', m.marked::regclass::text, to_jsonb(m.condition)
    FROM extension x
    CROSS JOIN unnest(x.extconfig, x.extcondition) AS m (marked, condition)
    UNION ALL
    SELECT 'object', concat_ws(' ', i.type, i.identity), to_jsonb(d.deptype = 'e')
    FROM object o
    CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) i
    LEFT JOIN (pg_depend d JOIN extension x ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = x.oid)
        ON d.classid = o.classid AND d.objid = o.objid AND d.deptype = 'e'
    UNION ALL
    SELECT 'relation', r.name, jsonb_build_array(r.relkind, r.relpersistence, a.amname, r.reloptions, r.relrowsecurity,
        r.relforcerowsecurity, r.relreplident, pg_get_userbyid(r.relowner))
    FROM relation r
    LEFT JOIN pg_am a ON a.oid = r.relam
    UNION ALL
    SELECT 'column', format('%s.%I', r.name, a.attname), jsonb_build_array(
        row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation,
        a.attnotnull, pg_get_expr(d.adbin, d.adrelid), a.attgenerated, a.attidentity, a.attstorage, a.attcompression,
        a.attstattarget, ARRAY(SELECT o FROM unnest(a.attoptions) o WHERE o LIKE 'n_distinct%' ORDER BY o))
    FROM relation r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint', format('%I on %s', c.conname, r.name), jsonb_build_array(pg_get_constraintdef(c.oid), c.convalidated)
    FROM relation r
    JOIN pg_constraint c ON c.conrelid = r.oid
    UNION ALL
    SELECT 'index', r.name, jsonb_build_array(pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisclustered, i.indisreplident)
    FROM relation r
    JOIN pg_index i ON i.indexrelid = r.oid
    UNION ALL
    SELECT 'policy', format('%I on %s', p.polname, r.name), jsonb_build_array(p.polcmd, p.polpermissive, p.polroles::regrole[],
        pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    FROM relation r
    JOIN pg_policy p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'trigger', format('%I on %s', t.tgname, r.name), jsonb_build_array(pg_get_triggerdef(t.oid), t.tgenabled)
    FROM relation r
    JOIN pg_trigger t ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'rule', format('%I on %s', w.rulename, r.name), jsonb_build_array(pg_get_ruledef(w.oid), w.ev_enabled)
    FROM relation r
    JOIN pg_rewrite w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'function', p.oid::regprocedure::text, jsonb_build_array(pg_get_functiondef(p.oid), pg_get_userbyid(p.proowner))
    FROM pg_proc p
    JOIN object o ON o.classid = p.tableoid AND o.objid = p.oid
    UNION ALL
    SELECT 'comment', pg_describe_object(c.classoid, c.objoid, c.objsubid), to_jsonb(c.description)
    FROM pg_description c
    JOIN object o ON o.classid = c.classoid AND o.objid = c.objoid
    UNION ALL
    SELECT a.kind, pg_describe_object(a.classid, a.objid, a.objsubid), (
        SELECT jsonb_agg(format('%s to %s by %s%s', e.privilege_type, e.grantee::regrole, e.grantor::regrole,
            CASE WHEN e.is_grantable THEN ' with grant option' END) ORDER BY e.privilege_type, e.grantee::regrole::text)
        FROM aclexplode(a.acl) e)
    FROM acl a
    JOIN object o ON o.classid = a.classid AND o.objid = a.objid
    WHERE a.acl IS NOT NULL
)
SELECT f.kind, f.about, f.says FROM fact f ORDER BY f.kind, f.about COLLATE "C", f.says;
