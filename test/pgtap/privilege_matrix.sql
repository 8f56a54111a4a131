-- privilege: which group may do what: leadterra.privileges() against what roles may do.
BEGIN;
SELECT plan(90);

-- Two workspaces that hold something of everything.
\set schema public
\ir ../workspace.sql
CREATE TEMP TABLE ids AS SELECT pg_temp.fill('A') AS a, pg_temp.fill('B') AS b;
SELECT a ->> 'workspace' AS a, b ->> 'workspace' AS b FROM ids \gset

-- The catalog is read with operators that the planner knows, wherever this test runs.
SET LOCAL search_path = public;

CREATE ROLE lt_test_nobody;
CREATE ROLE lt_test_api;
CREATE ROLE lt_test_reader;
CREATE ROLE lt_test_worker;
CREATE ROLE lt_test_worker_of_all;
CREATE ROLE lt_test_monitor;
SELECT lt_grant_api('lt_test_api', :'a'), lt_grant_reader('lt_test_reader', :'a'), lt_grant_worker('lt_test_worker', :'a'),
    lt_grant_worker('lt_test_worker_of_all'), lt_grant_monitor('lt_test_monitor');
CREATE TEMP TABLE roles AS
SELECT r.name::name, r.groups::text[]
FROM (VALUES ('lt_test_nobody', '{}'), ('lt_test_api', '{api}'), ('lt_test_reader', '{reader}'), ('lt_test_worker', '{worker}'),
    ('lt_test_worker_of_all', '{worker, worker_of_all}'), ('lt_test_monitor', '{monitor}')) AS r (name, groups);

-- What belongs to the extension, as lines name it.
CREATE TEMP TABLE members AS
SELECT d.classid, d.objid AS oid, coalesce(p.proname, c.relname, n.nspname)::text AS name, pg_describe_object(d.classid, d.objid, 0) AS identity,
    CASE WHEN p.oid IS NOT NULL THEN 'EXECUTE' WHEN c.oid IS NOT NULL THEN 'SELECT' ELSE 'USAGE' END AS privilege,
    format('(%s)', oidvectortypes(p.proargtypes)) AS arguments, p.prokind, l.lanname, c.relkind,
    coalesce(p.pronamespace, c.relnamespace, n.oid) = 'leadterra'::regnamespace AS internal
FROM pg_depend d JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_language l ON l.oid = p.prolang
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v')
LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND coalesce(p.oid, c.oid, n.oid) IS NOT NULL;
CREATE TEMP TABLE lines AS
SELECT p.member, p.groups, split_part(p.privilege, ' ', 1) AS privilege, substring(p.privilege FROM '\(.*\)') AS details, p::text AS line
FROM leadterra.privileges() p;
CREATE TEMP TABLE matches AS
SELECT l.line, l.groups, l.details, m.*
FROM lines l JOIN members m ON m.name = l.member AND m.privilege = l.privilege AND (l.details IS NULL OR m.privilege = 'SELECT' OR m.arguments = l.details);

-- Each decision is a line.
SELECT cmp_ok((SELECT count(*) FROM matches), '>', 200::bigint, 'there are lines');
SELECT is((SELECT string_agg(identity, ', ' ORDER BY identity) FROM members WHERE oid NOT IN (SELECT oid FROM matches)), NULL, 'each member has a line: add one to sql/90_privilege.sql, for the owner alone too');
SELECT is((SELECT string_agg(line, ', ' ORDER BY line) FROM lines WHERE line NOT IN (SELECT line FROM matches) AND member <> 'extschema'), NULL, 'each line has a member');
SELECT is((SELECT string_agg(line, ', ' ORDER BY line) FROM (SELECT line FROM matches GROUP BY line HAVING count(*) > 1) m), NULL, 'and one alone: of functions that share a name it has the types of the arguments');
SELECT is((SELECT string_agg(identity, ', ' ORDER BY identity) FROM (SELECT identity FROM matches WHERE privilege <> 'SELECT' GROUP BY identity HAVING count(*) > 1) m), NULL, 'each function has one line');
SELECT is((SELECT string_agg(format('%s for %s', identity, group_name), ', ') FROM (SELECT identity, group_name FROM matches, unnest(groups) AS group_name GROUP BY identity, group_name HAVING count(*) > 1) m), NULL,
    'each table and view has one for a group');
SELECT is((SELECT string_agg(line, ', ') FROM lines WHERE NOT groups <@ '{api, reader, worker, worker_of_all, monitor}' AND groups <> '{owner}' OR groups = '{}'), NULL, 'each line names groups, or the owner alone');
SELECT is((SELECT string_agg(line, ', ') FROM lines WHERE groups = '{owner}' AND details IS NOT NULL AND privilege = 'SELECT'), NULL, 'who has all columns');

-- Roles may do what their groups have a line for, and nothing else.
CREATE TEMP VIEW expected AS
SELECT r.name AS role, m.identity, 'EXECUTE' AS privilege FROM roles r JOIN matches m ON m.groups && r.groups AND m.privilege = 'EXECUTE'
UNION ALL
SELECT r.name, format('%s, column %s', m.identity, a.attname), 'SELECT'
FROM roles r JOIN matches m ON m.groups && r.groups AND m.privilege = 'SELECT'
JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped AND (m.details IS NULL OR a.attname = ANY (string_to_array(btrim(m.details, '()'), ', ')))
UNION ALL
SELECT r.name, CASE l.member WHEN 'extschema' THEN 'public' ELSE l.member END, l.privilege FROM roles r JOIN lines l ON l.groups && r.groups AND l.privilege = 'USAGE';
-- PUBLIC may have USAGE of the schema of the calls: counted is what a role was granted.
CREATE TEMP VIEW effective AS
SELECT r.name AS role, m.identity, 'EXECUTE' AS privilege FROM roles r, members m WHERE m.privilege = 'EXECUTE' AND has_function_privilege(r.name, m.oid, 'EXECUTE')
UNION ALL
SELECT r.name, format('%s, column %s', m.identity, a.attname), p.privilege
FROM roles r, members m, pg_attribute a, unnest('{SELECT, INSERT, UPDATE, REFERENCES}'::text[]) AS p (privilege)
WHERE m.privilege = 'SELECT' AND a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped AND has_column_privilege(r.name, m.oid, a.attnum, p.privilege)
UNION ALL
SELECT r.name, m.identity, p.privilege FROM roles r, members m, unnest('{DELETE, TRUNCATE, TRIGGER}'::text[]) AS p (privilege) WHERE m.privilege = 'SELECT' AND has_table_privilege(r.name, m.oid, p.privilege)
UNION ALL
SELECT r.name, n.nspname, g.privilege_type FROM roles r JOIN pg_roles o ON o.rolname = r.name, pg_namespace n, aclexplode(n.nspacl) g WHERE n.nspname IN ('leadterra', 'public') AND g.grantee = o.oid;
SELECT is((SELECT string_agg(x::text, ' ' ORDER BY x) FROM ((SELECT identity, privilege FROM expected WHERE role = r.name) EXCEPT (SELECT identity, privilege FROM effective WHERE role = r.name)) x), NULL, r.name || ' may do what has a line') FROM roles r;
SELECT is((SELECT string_agg(x::text, ' ' ORDER BY x) FROM ((SELECT identity, privilege FROM effective WHERE role = r.name) EXCEPT (SELECT identity, privilege FROM expected WHERE role = r.name)) x), NULL, r.name || ' may do nothing else') FROM roles r;
SELECT is((SELECT count(*) FROM effective WHERE role = 'lt_test_nobody'), 0::bigint, 'without a line nobody may do anything');
SELECT is((SELECT string_agg(identity || ' ' || privilege, ', ' ORDER BY identity) FROM effective WHERE role = 'lt_test_monitor'), 'function lt_health() EXECUTE, public USAGE', 'who monitors has one call');
SELECT is((SELECT string_agg(m.identity, ', ') FROM members m JOIN pg_proc p ON p.oid = m.oid WHERE p.proargnames[1] = 'workspace' AND m.identity IN (SELECT identity FROM effective)), NULL,
    'no role takes its own word for the workspace');

SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM matches WHERE 'worker' = ANY (groups) AND NOT internal),
    'lt_bounce_messages lt_claim_deliveries lt_claim_job lt_claim_messages lt_complete_messages lt_current_workspace lt_defer_messages lt_extend_lease lt_fail_messages lt_finish_delivery lt_finish_job lt_job_progress lt_leads lt_next_delivery lt_next_due lt_record_event lt_release_lease lt_set_verification lt_unsubscribe', 'workers have these calls and this view');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM matches WHERE 'worker_of_all' = ANY (groups)), 'lt_due_deliveries lt_due_workspaces lt_use_workspace', 'and these, who serve all workspaces');

-- What runs as the caller needs lines of its own: functions that a member names, and
-- the columns that it reads.  Of a body in PL/pgSQL the catalog does not know them.
CREATE TEMP TABLE needs AS
SELECT m.oid, m.identity, n.classid, n.oid AS needed, n.identity AS needed_identity, d.refobjsubid AS attnum
FROM pg_depend d LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
JOIN members m ON m.oid = coalesce(w.ev_class, d.objid) AND m.classid = CASE WHEN w.oid IS NULL THEN d.classid ELSE 'pg_class'::regclass END
JOIN members n ON n.classid = d.refclassid AND n.oid = d.refobjid AND n.privilege <> 'USAGE'
WHERE n.oid <> m.oid
UNION
SELECT m.oid, m.identity, n.classid, n.oid, n.identity, 0
FROM members m JOIN pg_proc p ON p.oid = m.oid AND m.lanname = 'plpgsql'
CROSS JOIN regexp_matches(p.prosrc, '(FROM |JOIN )?leadterra\.(\w+)', 'g') AS f
JOIN members n ON n.name = f[2] AND n.internal AND CASE n.privilege WHEN 'SELECT' THEN f[1] IS NOT NULL WHEN 'EXECUTE' THEN p.prosrc ~ format('leadterra\.%s\(', n.name) END
WHERE n.oid <> m.oid
UNION
-- By its name in a string, of which it is the beginning.
SELECT m.oid, m.identity, n.classid, n.oid, n.identity, 0
FROM members m CROSS JOIN regexp_matches(pg_get_function_sqlbody(m.oid), '''(?:leadterra\.)?(\w+)[''(]', 'g') AS f JOIN members n ON n.name = f[1] AND n.internal
WHERE m.lanname = 'sql'
UNION
-- An argument of a published call is read by the function that has its name.
SELECT m.oid, m.identity, n.classid, n.oid, n.identity, 0
FROM members m JOIN leadterra.routes() r ON r.call = m.name JOIN pg_proc p ON p.oid = m.oid
CROSS JOIN unnest(p.proargnames) AS a (name) JOIN members n ON n.name = 'http_' || a.name;
CREATE TEMP VIEW granted_needs AS
SELECT r.name AS role, n.* FROM roles r JOIN matches m ON m.groups && r.groups AND (m.lanname IN ('sql', 'plpgsql') OR m.relkind = 'v') JOIN needs n ON n.oid = m.oid;
-- Of functions that share a name one is meant.
SELECT is((SELECT string_agg(DISTINCT format('%s needs %s', n.identity, n.needed_identity || coalesce(' ' || a.attname, '')), ', ')
    FROM granted_needs n LEFT JOIN pg_attribute a ON n.classid = 'pg_class'::regclass AND a.attrelid = n.needed AND a.attnum = n.attnum AND n.attnum > 0
    WHERE n.role = r.name AND NOT CASE
        WHEN n.classid = 'pg_proc'::regclass THEN EXISTS (SELECT FROM members x JOIN members y ON y.name = x.name AND y.privilege = 'EXECUTE' WHERE x.oid = n.needed AND has_function_privilege(r.name, y.oid, 'EXECUTE'))
        WHEN n.attnum > 0 THEN has_column_privilege(r.name, n.needed, n.attnum::smallint, 'SELECT')
        ELSE has_any_column_privilege(r.name, n.needed, 'SELECT') END), NULL, r.name || ' has what its calls and views need') FROM roles r;
SELECT is((SELECT string_agg(m.identity, ', ' ORDER BY m.identity) FROM matches m WHERE m.groups && r.groups AND m.internal AND m.privilege <> 'USAGE'
    AND NOT EXISTS (SELECT FROM granted_needs n WHERE n.role = r.name AND n.needed = m.oid)), NULL, r.name || ' has no helper or table that these do not need') FROM roles r;
SELECT cmp_ok((SELECT count(*) FROM granted_needs WHERE role = 'lt_test_worker'), '>', 10::bigint, 'there is something that is needed');

-- Keys.
CREATE TEMP TABLE secrets AS
SELECT m.oid, m.name, a.attnum, a.attname FROM members m JOIN pg_attribute a ON a.attrelid = m.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE m.privilege = 'SELECT' AND (a.attname ~ 'key|secret|token|password' OR a.atttypid = 'bytea'::regtype) AND format('%s.%s', m.name, a.attname) <> ALL ('{leases.settled, leases.completed, leases.variants}'::text[]);
SELECT cmp_ok((SELECT count(*) FROM secrets), '>', 3::bigint, 'there are keys');
SELECT is((SELECT string_agg(format('%s: %s.%s', r.name, s.name, s.attname), ', ') FROM roles r, secrets s WHERE has_column_privilege(r.name, s.oid, s.attnum, 'SELECT')), NULL, 'no group reads a key');

-- What a role may not do it cannot do.  Calls get nulls, which the planner must not
-- know: it leaves out a strict function then.
CREATE FUNCTION pg_temp.code(role name, sql text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE sql;
    RAISE EXCEPTION 'done' USING ERRCODE = 'LTOUT';
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END;
$$;
CREATE TEMP TABLE attempts AS
SELECT m.oid, m.identity, m.privilege, format(CASE m.prokind WHEN 'p' THEN 'CALL %s(%s)' ELSE 'SELECT %s(%s)' END, p.oid::regproc, 
        (SELECT string_agg(format(CASE m.prokind WHEN 'p' THEN 'NULL::%s' ELSE '(SELECT NULL::%s)' END, t::regtype), ', ') FROM unnest(p.proargtypes) t)) AS sql
FROM members m JOIN pg_proc p ON p.oid = m.oid AND m.privilege = 'EXECUTE'
UNION ALL
SELECT m.oid, m.identity, m.privilege, format('SELECT * FROM %s', m.oid::regclass) FROM members m WHERE m.privilege = 'SELECT'
UNION ALL
SELECT m.oid, m.identity, 'write', format(f.sql, m.oid::regclass) FROM members m,
    unnest('{INSERT INTO %s DEFAULT VALUES, UPDATE %s SET workspace_id = NULL, DELETE FROM %s, TRUNCATE %s, SELECT FROM %s FOR UPDATE, LOCK TABLE %s IN SHARE MODE}'::text[]) AS f (sql) WHERE m.relkind = 'r';
SELECT is((SELECT string_agg(format('%s: %s', a.sql, pg_temp.code(r.name, a.sql)), ', ') FROM attempts a
    WHERE NOT EXISTS (SELECT FROM matches m WHERE m.oid = a.oid AND m.privilege = a.privilege AND m.groups && r.groups AND (m.details IS NULL OR m.privilege = 'EXECUTE')) AND pg_temp.code(r.name, a.sql) <> '42501'),
    NULL, r.name || ' is refused all else') FROM roles r;

-- Whoever reads sees what there is in the workspace, and writes nothing.
CREATE TEMP TABLE readings (sql text);
INSERT INTO readings SELECT format('SELECT array_agg(v::text ORDER BY v::text) FROM %I v', name) FROM matches WHERE relkind = 'v' AND NOT internal AND 'reader' = ANY (groups);
INSERT INTO readings SELECT format('SELECT array_agg(v::text ORDER BY v::text) FROM %s v', regexp_replace(call, '\$(\w+)', '(SELECT (a ->> ''\1'')::uuid FROM ids)', 'g')) FROM unnest(ARRAY[
    'lt_campaign_stats($campaign)', 'lt_step_stats($campaign)', 'lt_daily_stats($campaign)', 'lt_sending_status($campaign)', 'lt_explain_lead($campaign, ''a@example.com'')', 'lt_preflight($campaign)', 'lt_forecast($campaign)', 'lt_list_leads($list)',
    'lt_find_leads($campaign, search => ''a'')', 'lt_list_suppressions()', 'lt_preview_message($campaign, 1, $lead)', 'lt_campaign_leads($campaign)', 'lt_campaign_messages($campaign)', 'lt_get_message($message)', 'lt_lead_campaigns($lead)', 'lt_is_suppressed(''no@example.com'')',
    'lt_next_due()', 'lt_current_workspace()', 'lt_typeid(''camp'', $campaign)', 'lt_workspace_slot($campaign)', 'lt_from_typeid(''01h455vb4pex5vsknk084sn02q'')']) AS c (call);
GRANT SELECT ON ids TO lt_test_reader;
CREATE FUNCTION pg_temp.reading(role name, sql text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    result text;
BEGIN
    EXECUTE format('SET LOCAL ROLE %I', role);
    SET LOCAL transaction_read_only = on;
    EXECUTE sql INTO result;
    RAISE EXCEPTION 'result' USING ERRCODE = 'LTOUT', DETAIL = coalesce(result, 'nothing');
EXCEPTION
    WHEN SQLSTATE 'LTOUT' THEN
        GET STACKED DIAGNOSTICS result = PG_EXCEPTION_DETAIL;
        RETURN result;
    WHEN OTHERS THEN
        RETURN SQLSTATE || ' ' || SQLERRM;
END;
$$;
SELECT is((SELECT string_agg(identity, ', ') FROM matches m WHERE 'reader' = ANY (groups) AND NOT internal AND name <> 'lt_authenticate' AND NOT EXISTS (SELECT FROM readings r WHERE r.sql ~ format('FROM %s\M', m.name))), NULL, 'all that is for readers is read');
CREATE TEMP TABLE read AS SELECT sql, pg_temp.reading('lt_test_reader', sql) AS reader FROM readings;
SELECT set_config('leadterra.workspace_id', :'a', true);
SELECT is((SELECT string_agg(format('%s: %s', sql, left(reader, 200)), ', ') FROM read WHERE reader IS DISTINCT FROM pg_temp.reading(current_user, sql)), NULL, 'a reader sees what the owner sees in a workspace');
SELECT set_config('leadterra.workspace_id', '', true);
SELECT is((SELECT string_agg(sql, ', ') FROM read WHERE reader = 'nothing'), NULL, 'which is something of everything');

RESET search_path;

-- A worker of one workspace, from claim to completion.
SELECT set_config('leadterra.workspace_id', :'a', true);
SELECT lt_add_leads('[{"email": "job@example.com"}]', list_id => (SELECT (a ->> 'list')::uuid FROM ids), verify_leads_on_import => true);
SELECT set_config('leadterra.workspace_id', :'b', true);
SELECT lt_add_leads('[{"email": "job@example.com"}]', list_id => (SELECT (b ->> 'list')::uuid FROM ids), verify_leads_on_import => true);
SELECT set_config('leadterra.workspace_id', '', true);
SET LOCAL ROLE lt_test_worker;
SELECT cmp_ok(lt_next_due(), '<=', clock_timestamp(), 'a worker asks when something is due');
SELECT array_agg(message_id ORDER BY email) AS messages, min(lease_id::text) AS lease, min(substr(body_html, 23)) FILTER (WHERE email LIKE 'a.only%') AS token, string_agg(email, ' ' ORDER BY email) AS emails FROM lt_claim_messages(10, '1 minute', worker => 'test') \gset
SELECT is(:'emails'::text, 'a.only@example.com b@example.com', 'claims messages');
SELECT cmp_ok(lt_extend_lease(:'lease', '1 hour'), '>', clock_timestamp() + interval '50 minutes', 'extends the lease');
SELECT is(lt_fail_messages(:'lease', (:'messages'::uuid[])[2:2], 'no route'), 1, 'says what failed');
SELECT is(lt_complete_messages(:'lease'), 1, 'and what was sent');
SELECT is(lt_record_event((:'messages'::uuid[])[1], 'delivered'), true, 'and what became of it');
SELECT is(lt_unsubscribe(:'token'), true, 'unsubscribes');
SELECT lease_id AS job, lead_ids FROM lt_claim_job() \gset
SELECT is((SELECT array_agg(email) FROM lt_leads WHERE lead_id = ANY (:'lead_ids'::uuid[])), '{job@example.com}'::text[], 'claims a job, and reads its leads');
SELECT cmp_ok(lt_job_progress(:'job', 50), '>', clock_timestamp(), 'says how far it is');
SELECT is(lt_set_verification(:'lead_ids'::uuid[], ARRAY[-1]), 1, 'sets what it found');
SELECT is(lt_finish_job(:'job'), true, 'and finishes it');
SELECT cmp_ok(lt_next_delivery(), '<=', clock_timestamp(), 'asks when a delivery is due');
SELECT is((SELECT bool_and(url = 'https://a.example/' AND lt_finish_delivery(lease_id, delivery_id, 200)) FROM lt_claim_deliveries()), true, 'claims and finishes deliveries');
SELECT throws_ok(sql, '42501', NULL, sql) FROM unnest('{SELECT secret FROM leadterra.webhooks, SELECT * FROM leadterra.webhook_outbox, SELECT * FROM lt_webhooks, SELECT * FROM lt_deliveries, SELECT * FROM lt_due_deliveries()}'::text[]) sql;
RESET ROLE;
SELECT set_config('leadterra.workspace_id', :'a', true);
SELECT is((SELECT string_agg(concat_ws(' ', email, state, reason), ', ' ORDER BY email, state) FROM lt_messages WHERE email LIKE 'a.only%' OR email = 'b@example.com'), 'a.only@example.com sent, b@example.com retry no route', 'all of which is so');
SELECT is((SELECT status FROM lt_jobs ORDER BY created_at DESC, job_id DESC LIMIT 1), 'success', 'of the job too');
SELECT set_config('leadterra.workspace_id', '', true);

-- One that serves all: it finds what is due, and opens a workspace for a transaction.
SET LOCAL ROLE lt_test_worker_of_all;
SELECT throws_ok('SELECT * FROM lt_claim_messages()', 'PT401', NULL, 'a worker of all workspaces is in none');
SELECT is((SELECT array_agg(workspace_id::text ORDER BY workspace_id) FROM lt_due_workspaces() WHERE workspace_id IN (:'a', :'b')), ARRAY[:'b']::text[], 'it finds where messages are due');
SELECT lt_use_workspace(:'b');
SELECT cmp_ok(lt_next_due(), '<=', clock_timestamp(), 'works there');
SELECT is((SELECT sum(lt_complete_messages(c.lease_id, ARRAY[c.message_id])) FROM lt_claim_messages() c), 2::bigint, 'claims and completes');
SELECT is((SELECT lt_finish_job(j.lease_id) FROM lt_claim_job() j), true, 'does jobs');
SELECT is((SELECT count(*) FROM lt_due_workspaces() WHERE workspace_id IN (:'a', :'b')), 0::bigint, 'until nothing is due');
SELECT is((SELECT array_agg(workspace_id::text) FROM lt_due_deliveries() WHERE workspace_id IN (:'a', :'b')), ARRAY[:'b']::text[], 'it finds where deliveries are due');
SELECT is((SELECT bool_and(url = 'https://b.example/' AND lt_finish_delivery(lease_id, delivery_id, 200)) FROM lt_claim_deliveries()), true, 'and does these');
RESET ROLE;
SELECT set_config('leadterra.workspace_id', '', true);

-- A role that is bound stays bound when it is granted again, as after an upgrade.
SELECT lt_grant_worker('lt_test_worker');
SELECT is(has_function_privilege('lt_test_worker', 'lt_use_workspace(uuid)', 'EXECUTE'), false, 'a worker of one workspace does not come to serve all');
SET LOCAL ROLE lt_test_worker;
SELECT is(lt_current_workspace()::text, :'a', 'it is where it was');
RESET ROLE;
ALTER ROLE lt_test_worker SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';
SELECT format('ALTER ROLE lt_test_worker IN DATABASE %I RESET leadterra.workspace_id', current_database()) AS unbind \gset
:unbind;
SELECT lt_grant_worker('lt_test_worker');
SELECT is(has_function_privilege('lt_test_worker', 'lt_use_workspace(uuid)', 'EXECUTE'), false, 'nor where it is bound in all databases');
ALTER ROLE lt_test_worker RESET leadterra.workspace_id;
SELECT lt_grant_worker('lt_test_worker');
SELECT is(has_function_privilege('lt_test_worker', 'lt_use_workspace(uuid)', 'EXECUTE'), true, 'it does once it is bound no more');

-- A function of somebody's with the name of a call is not granted.
CREATE FUNCTION public.lt_uuidv7(integer) RETURNS integer LANGUAGE sql AS 'SELECT $1';
REVOKE ALL ON FUNCTION public.lt_uuidv7(integer) FROM PUBLIC;
SELECT lives_ok($$SELECT lt_grant_api('lt_test_api')$$, 'a name that somebody else uses too');
SELECT is(has_function_privilege('lt_test_api', 'lt_uuidv7(integer)', 'EXECUTE'), false, 'is granted for the extension alone');

SELECT throws_ok(format('SELECT %s(%L)', f, 'lt_test_unknown'), 'PT400', 'role "lt_test_unknown" does not exist', f) FROM unnest('{lt_grant_api, lt_grant_reader, lt_grant_worker, lt_grant_monitor}'::text[]) AS f;
SELECT throws_ok(format('SELECT %s(%L, %L)', f, 'lt_test_api', '0197c043-e39c-7d91-a325-6615db0e1b99'), 'PT404', 'workspace "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist', f) FROM unnest('{lt_grant_api, lt_grant_reader, lt_grant_worker}'::text[]) AS f;

SELECT * FROM finish();
ROLLBACK;
