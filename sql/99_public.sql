-- public: what this script made belongs to the owner of the tables, and nobody else may
-- execute it.  An upgrade ends with it too, so it touches nothing that was there before:
-- an object whose ACL a script changes has all of that ACL taken for the initial one, and
-- then no dump has what customers granted.

-- Another superuser may upgrade the extension than the one who made it.
DO $$
DECLARE
    owner constant name := (
        SELECT pg_get_userbyid(n.nspowner) FROM pg_namespace n WHERE n.nspname = 'leadterra');
    member text;
BEGIN
    FOR member IN
        SELECT
            CASE
                WHEN p.oid IS NOT NULL THEN format('ROUTINE %s', p.oid::regprocedure)
                WHEN c.oid IS NOT NULL THEN format('TABLE %s', c.oid::regclass)
                ELSE format('TYPE %s', t.oid::regtype)
            END
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND pg_get_userbyid(coalesce(p.proowner, c.relowner, t.typowner)) = current_user
          AND current_user <> owner
    LOOP
        EXECUTE format('ALTER %s OWNER TO %I', member, owner);
    END LOOP;
END;
$$;

-- A function has an initial ACL once a script has been here, whatever was granted since
-- and whatever the default privileges are.
DO $$
DECLARE
    member record;
BEGIN
    FOR member IN
        SELECT p.oid::regprocedure AS name,
            string_agg(DISTINCT quote_ident(pg_get_userbyid(a.grantee)), ', ') AS grantees
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        JOIN pg_proc p ON p.oid = d.objid
        LEFT JOIN aclexplode(p.proacl) a ON a.grantee NOT IN (0, p.proowner)
        WHERE d.classid = 'pg_proc'::regclass
          AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND NOT EXISTS (
              SELECT FROM pg_init_privs i WHERE i.classoid = d.classid AND i.objoid = d.objid)
        GROUP BY p.oid
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM %s',
            member.name, concat_ws(', ', 'PUBLIC', member.grantees));
    END LOOP;
END;
$$;
