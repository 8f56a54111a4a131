-- privilege: what gives roles what their groups may do.

-- A role that is bound to a workspace serves that one.
CREATE FUNCTION leadterra.grant_to(role name, workspace_id uuid, group_name text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    grantee oid;
    is_bound boolean;
    what text;
BEGIN
    SELECT r.oid INTO grantee FROM pg_roles r WHERE r.rolname = grant_to.role;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('role "%s" does not exist', grant_to.role));
    END IF;
    IF grant_to.workspace_id IS NOT NULL THEN
        IF NOT EXISTS (
            SELECT FROM leadterra.workspaces w WHERE w.workspace_id = grant_to.workspace_id
        ) THEN
            PERFORM leadterra.raise_error('workspace_not_found',
                format('workspace "%s" does not exist', grant_to.workspace_id));
        END IF;
        EXECUTE format('ALTER ROLE %I IN DATABASE %I SET leadterra.workspace_id = %L',
            grant_to.role, current_database(), grant_to.workspace_id);
    END IF;
    is_bound := EXISTS (
        SELECT
        FROM pg_db_role_setting s
        CROSS JOIN unnest(s.setconfig) AS c (setting)
        WHERE s.setrole = grantee
          AND s.setdatabase IN (0, (
              SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
          AND c.setting LIKE 'leadterra.workspace\_id=_%');

    FOR what IN
        WITH lines AS (
            SELECT p.member, p.privilege
            FROM leadterra.privileges() p
            WHERE grant_to.group_name = ANY (p.groups)
               OR grant_to.group_name || '_of_all' = ANY (p.groups) AND NOT is_bound
        ), members AS (
            SELECT d.classid, d.objid
            FROM pg_depend d
            JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
            WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
        )
        SELECT format('EXECUTE ON ROUTINE %s', p.oid::regprocedure)
        FROM members m
        JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid
        JOIN lines l ON l.member = p.proname
            AND l.privilege IN ('EXECUTE', format('EXECUTE (%s)', oidvectortypes(p.proargtypes)))
        UNION ALL
        SELECT format('%s ON TABLE %s', l.privilege, c.oid::regclass)
        FROM members m
        JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
        JOIN lines l ON l.member = c.relname AND starts_with(l.privilege, 'SELECT')
        UNION ALL
        SELECT format('%s ON SCHEMA %I', l.privilege, n.nspname)
        FROM lines l
        CROSS JOIN pg_namespace n
        JOIN pg_extension x ON x.extname = 'leadterra'
        WHERE l.privilege = 'USAGE'
          AND l.member = CASE n.oid WHEN x.extnamespace THEN 'extschema' ELSE n.nspname END
    LOOP
        EXECUTE format('GRANT %s TO %I', what, grant_to.role);
    END LOOP;

    IF EXISTS (
        SELECT
        FROM pg_roles r
        JOIN pg_namespace n ON n.nspname = 'leadterra'
        WHERE r.oid = grantee AND (r.rolbypassrls OR pg_has_role(r.oid, n.nspowner, 'USAGE'))
    ) THEN
        RAISE WARNING 'row-level security does not bind role "%", which sees every workspace',
            grant_to.role
        USING DETAIL = 'Such a role has BYPASSRLS, is a superuser, or is a member of the owner.';
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.grant_to(name, uuid, text) IS
'Bind a role to a workspace, if one is given, and grant it what leadterra.privileges lists.';

CREATE FUNCTION @extschema@.lt_grant_api(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_api.role, lt_grant_api.workspace_id, 'api');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_api(name, uuid) IS
'Let a role make the calls of the API, and read its views

Calls write as the owner of the extension. The role may execute them, and read tables under
row-level security, and no more. It reads no key. Privileges are granted and never revoked;
call it again after an upgrade.

It warns of a role that row-level security does not bind: one with BYPASSRLS, a superuser,
or one that has the rights of the owner sees every workspace. For the owner of the
extension, who must be a superuser to name a workspace.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role works in, wherever it logs in to this database
  or is set by a pool; null: an API key has to open one (lt_authenticate), unless the role
  is bound already (ALTER ROLE ... IN DATABASE ... RESET leadterra.workspace_id undoes that)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_reader(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_reader.role, lt_grant_reader.workspace_id, 'reader');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_reader(name, uuid) IS
'Let a role read the views, and make the calls that only read

These are lt_campaign_stats, lt_sending_status, lt_explain_lead, lt_preflight,
lt_list_leads, lt_campaign_leads, lt_lead_campaigns, lt_campaign_messages, lt_get_message,
lt_is_suppressed and lt_next_due. The role writes nothing and reads no key.
Privileges are granted and never revoked; call it again after an upgrade. It warns as
lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role reads; null: an API key has to open one
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_worker(role name, workspace_id uuid DEFAULT NULL)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_worker.role, lt_grant_worker.workspace_id, 'worker');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_worker(name, uuid) IS
'Let a role send messages, do background jobs and deliver what webhooks are told

The role claims, completes and fails messages, extends leases, records events,
unsubscribes, asks when the next message is due, claims and finishes jobs and deliveries
of webhooks, and says which addresses are valid. For jobs it reads lt_leads. It reads no secret
of a webhook. Privileges are granted and never revoked; call it again after an upgrade. It warns
as lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
- workspace_id: the workspace that the role serves; null: all, unless it is bound already:
  lt_due_workspaces lists those with due messages, lt_due_deliveries those with due deliveries,
  and lt_use_workspace opens one for a transaction (a role that served all keeps these where it
  is bound later: revoke them)
Errors: PT400 invalid_request, PT404 workspace_not_found.';

CREATE FUNCTION @extschema@.lt_grant_monitor(role name)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.grant_to(lt_grant_monitor.role, NULL, 'monitor');
END;

COMMENT ON FUNCTION @extschema@.lt_grant_monitor(name) IS
'Let a role see how all workspaces together are, by lt_health, and nothing else

For an exporter of metrics. Privileges are granted and never revoked; call it again after
an upgrade. It warns as lt_grant_api does. For the owner of the extension.

Parameters:
- role: the name of a role that exists
Errors: PT400 invalid_request.';
