-- privilege: nothing is executable by PUBLIC.

DO $$
DECLARE
    member regprocedure;
BEGIN
    FOR member IN
        SELECT d.objid
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid
        WHERE d.classid = 'pg_proc'::regclass
          AND d.refclassid = 'pg_extension'::regclass
          AND d.deptype = 'e'
          AND x.extname = 'leadterra'
    LOOP
        EXECUTE format('REVOKE ALL ON ROUTINE %s FROM PUBLIC', member);
    END LOOP;
END;
$$;
