-- privilege: who may do and see what.

-- What is for the owner alone, or for trusted roles that it grants this to.  A function
-- whose first argument is "workspace" takes the word of whoever calls it for that:
-- the calls run it once they know.
CREATE FUNCTION leadterra.is_administrative(name text, first_argument text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(is_administrative.first_argument = 'workspace', false)
        OR is_administrative.name = ANY ('{add_table, answers, api_keys, is_administrative, lock_again, lt_api_keys, lt_create_api_key, lt_create_workspace, lt_due_workspaces, lt_grant_api, lt_maintain, lt_revoke_api_key, lt_use_workspace, random_api_key, workspaces}'::text[]);
END;

COMMENT ON FUNCTION leadterra.is_administrative(text, text) IS
'Say whether a function, table or view of the extension is not for API callers.';

CREATE FUNCTION @extschema@.lt_grant_api(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    member record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles r WHERE r.rolname = lt_grant_api.role) THEN
        PERFORM leadterra.raise_error('invalid_request', format('role "%s" does not exist', lt_grant_api.role));
    END IF;
    IF lt_grant_api.workspace_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM leadterra.workspaces w WHERE w.workspace_id = lt_grant_api.workspace_id
    ) THEN
        PERFORM leadterra.raise_error('workspace_not_found', format('workspace "%s" does not exist', lt_grant_api.workspace_id));
    END IF;

    FOR member IN
        SELECT
            CASE
                WHEN p.oid IS NOT NULL THEN format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
                WHEN c.oid IS NOT NULL THEN format('SELECT ON %s', c.oid::regclass)
                ELSE format('USAGE ON SCHEMA %I', n.nspname)
            END AS what
        FROM pg_depend d
        JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
        LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
        LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
        LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND (p.prorettype <> 'trigger'::regtype OR c.relkind IN ('r', 'v') OR n.oid IS NOT NULL)
          AND NOT leadterra.is_administrative(coalesce(p.proname, c.relname, ''), p.proargnames[1])
        UNION ALL
        SELECT format('USAGE ON SCHEMA %I', n.nspname)
        FROM pg_extension x
        JOIN pg_namespace n ON n.oid = x.extnamespace
        WHERE x.extname = 'leadterra'
        UNION ALL
        -- What a view shows of a workspace: neither its keys nor its limit.
        VALUES ('SELECT (workspace_id, name, created_at) ON leadterra.workspaces')
    LOOP
        EXECUTE format('GRANT %s TO %I', member.what, lt_grant_api.role);
    END LOOP;
    IF lt_grant_api.workspace_id IS NOT NULL THEN
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET leadterra.workspace_id = %L',
            lt_grant_api.role, current_database(), lt_grant_api.workspace_id);
    END IF;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_grant_api(name, uuid) IS
'Let a role make the calls of the API, and read its views

Calls write as the owner of the extension: the role may execute them, and read tables under row-level security, and no more. With a workspace, the role works in that one wherever it logs in to this database or is set by a pool; without, an API key has to open one (lt_authenticate), unless the role is bound already: ALTER ROLE ... IN DATABASE ... RESET leadterra.workspace_id undoes that. It does not grant lt_create_workspace, lt_create_api_key, lt_revoke_api_key, lt_use_workspace, lt_due_workspaces and lt_maintain. Call it again after an upgrade. For the owner of the extension, who must be a superuser to name a workspace. Errors: PT400 invalid_request, PT404 workspace_not_found.';

-- Nothing is executable by PUBLIC.
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
