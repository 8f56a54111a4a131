-- monitor: what is seen of all workspaces together.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(27);

\ir ../call.sql
CREATE FUNCTION pg_temp.use(workspace uuid) RETURNS text LANGUAGE sql AS $$ SELECT set_config('leadterra.workspace_id', workspace::text, true) $$;
-- Makes a running campaign with so many leads, whose second step is a day later.
CREATE FUNCTION pg_temp.campaign(name text, leads integer) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    campaign constant uuid := lt_create_campaign(name, '[{"subject": "s", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b"}]');
BEGIN
    PERFORM lt_bulk_upsert(campaign, (SELECT jsonb_agg(jsonb_build_object('email', format('%s%s@example.com', name, i))) FROM generate_series(1, leads) i));
    PERFORM lt_start_campaign(campaign);
    RETURN campaign;
END;
$$;
-- What lt_health says, without what is 0.
CREATE FUNCTION pg_temp.health() RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT string_agg(concat_ws(' ', h.key, h.value), ', ' ORDER BY h.number)
    FROM (SELECT row_to_json(x) AS row FROM lt_health() x) r CROSS JOIN json_each_text(r.row) WITH ORDINALITY AS h (key, value, number)
    WHERE h.value <> '0'
$$;

-- What other tests left behind.
DELETE FROM leadterra.campaigns;
DELETE FROM leadterra.jobs;
DELETE FROM leadterra.workspaces;
-- Plans do not read what there may be much of, even those from before there was any.
CREATE FUNCTION pg_temp.plan() RETURNS SETOF text LANGUAGE plpgsql SET search_path = pg_catalog SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
BEGIN
    RETURN QUERY EXECUTE 'EXPLAIN (COSTS OFF) ' || btrim(regexp_replace(pg_get_function_sqlbody('leadterra.health()'::regprocedure), '^BEGIN ATOMIC|END$', '', 'g'), E' \n;');
END;
$$;
SELECT is((SELECT string_agg(p, E'\n') FROM pg_temp.plan() p WHERE p ~ 'Seq Scan|Sort Key'), NULL, 'every table is read by an index');
SELECT is((SELECT string_agg(i, ' ' ORDER BY i) FROM (SELECT DISTINCT substring(p FROM 'using ((?:leases|jobs)\w+)') AS i FROM pg_temp.plan() p) p),
    'jobs_finished jobs_open leases_open leases_pkey', 'leases and jobs by one of those that are open, or in the order in which they ended');

SELECT pg_temp.at('0');
SELECT is((SELECT h::text FROM lt_health() h), '(0,0,0,0,0,0,0,0,0,0,0)', 'nothing is there');
SELECT lt_create_workspace('A') AS a, lt_create_workspace('B') AS b \gset
SELECT is(pg_temp.health(), 'workspaces 2', 'workspaces');

-- Messages: what is due, and for how long, of campaigns that run.
SELECT pg_temp.use(:'a');
SELECT pg_temp.campaign('a', 3) AS campaign_a \gset
SELECT pg_temp.campaign('paused', 1) AS paused \gset
SELECT lt_pause_campaign(:'paused');
SELECT lt_bulk_upsert(lt_create_campaign('draft', '[{"subject": "s", "bodyHtml": "b"}]'), '[{"email": "draft@example.com"}]');
SELECT pg_temp.at('1 minute');
SELECT pg_temp.use(:'b');
SELECT pg_temp.campaign('b', 3) AS campaign_b \gset
SELECT pg_temp.at('2 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 2, oldest_due_seconds 120', 'campaigns that run and have messages that are due, and since when the first is');
SELECT pg_temp.use(:'a');
SELECT lease_id AS lease FROM lt_claim_messages(1, '10 minutes') \gset
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 2, oldest_due_seconds 120, leases_open 1', 'a lease');
SELECT lease_id AS short FROM lt_claim_messages(10, '1 minute') LIMIT 1 \gset
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 1, oldest_due_seconds 60, leases_open 2', 'what workers hold is not due');
SELECT pg_temp.use(:'b');
SELECT lease_id AS lease_b FROM lt_claim_messages(10, '1 minute') LIMIT 1 \gset
SELECT pg_temp.at('4 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, leases_open 1, leases_expired 2', 'leases run out');
SELECT is((SELECT count(*) FROM lt_claim_messages(1, '1 day', lt_create_campaign('empty'))), 0::bigint, 'a claim gives back what they held');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 1, oldest_due_seconds 180, leases_open 1, leases_expired 1', 'which ends them; what was in them is due as before');

-- What lt_maintain is to remove first.
SELECT pg_temp.at('5 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 1, oldest_due_seconds 240, leases_open 1, leases_expired 1, oldest_finished_seconds 60', 'since when the first lease has ended');
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages() LIMIT 1;
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, leases_open 1, leases_expired 1, oldest_finished_seconds 60', 'another one has ended later');
SELECT pg_temp.at('1 day 5 minutes 1 second');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 1, oldest_due_seconds 1, leases_expired 2, oldest_finished_seconds 86461', 'follow-ups are due');
SELECT pg_temp.use(:'b');
SELECT lt_pause_campaign(:'campaign_b');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 1, leases_expired 2, oldest_finished_seconds 86461', 'those of a campaign that is paused are not');
SELECT lt_maintain('0');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 1, leases_expired 2, oldest_finished_seconds 86401', 'lt_maintain keeps what messages that wait follow from');
DELETE FROM leadterra.campaigns;
SELECT is(pg_temp.health(), 'workspaces 2', 'campaigns are gone');

-- Jobs.
CREATE FUNCTION pg_temp.job() RETURNS uuid LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, created_at, updated_at)
    VALUES (lt_current_workspace(), lt_uuidv7(), 'verify_leads', '{}', leadterra.clock(), leadterra.clock())
    RETURNING job_id
$$;
SELECT pg_temp.at('0');
SELECT pg_temp.job(), pg_temp.job(), pg_temp.use(:'a'), pg_temp.job();
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 3', 'jobs wait');
SELECT pg_temp.use(:'b');
SELECT lease_id AS job FROM lt_claim_job('1 minute') \gset
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 2, jobs_in_progress 1', 'a worker has one');
SELECT pg_temp.at('1 minute');
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 2, jobs_expired 1', 'whose lease runs out');
SELECT lease_id AS job FROM lt_claim_job() \gset
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 2, jobs_in_progress 1', 'which is claimed again');
SELECT lt_finish_job(:'job');
SELECT pg_temp.at('2 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 2, oldest_finished_seconds 60', 'and done');
UPDATE leadterra.jobs SET attempt = 4 WHERE status = 'pending' AND workspace_id = :'b';
SELECT lt_finish_job(lease_id, 'no') FROM lt_claim_job();
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 1, jobs_failed 1, oldest_finished_seconds 60', 'one has failed');
SELECT pg_temp.at('1 day 2 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, jobs_pending 1, oldest_finished_seconds 86460', 'which is told for a day');

-- Rows that were written by hand do not keep the rest from being seen.
UPDATE leadterra.jobs SET finished_at = '-infinity' WHERE finished_at IS NOT NULL;
SELECT pg_temp.use(:'a');
SELECT pg_temp.campaign('c', 1) AS campaign_c \gset
UPDATE leadterra.waiting SET waiting_since = '-infinity';
UPDATE leadterra.campaigns SET started_at = '-infinity';
SELECT pg_temp.campaign('d', 1) AS campaign_d \gset
SELECT pg_temp.at('1 day 3 minutes');
SELECT is(pg_temp.health(), 'workspaces 2, campaigns_running 2, campaigns_due 2, oldest_due_seconds 60, jobs_pending 1', 'times without an end');
UPDATE leadterra.waiting SET waiting_since = '4714-11-24 00:00+00 BC';
SELECT matches(pg_temp.health(), '^workspaces 2, campaigns_running 2, campaigns_due 2, oldest_due_seconds \d{9}', 'and those of long ago');

-- Nobody but who may call it sees it.
CREATE ROLE lt_test_monitor;
SELECT lt_grant_monitor('lt_test_monitor');
SET LOCAL leadterra.workspace_id = '';
SET LOCAL ROLE lt_test_monitor;
SELECT is((SELECT workspaces FROM lt_health()), 2::bigint, 'a role that monitors sees all workspaces');
SELECT throws_ok('SELECT FROM leadterra.workspaces', '42501', NULL, 'and none of them');
RESET ROLE;

SELECT * FROM finish();
ROLLBACK;
