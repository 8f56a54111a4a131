-- job: claims, progress, ends, housekeeping, and the verdicts that jobs bring.
--
-- The clock is set by hand; it begins at 2030-01-01 00:00.
BEGIN;
SELECT plan(129);

\ir ../call.sql
-- Inserts a job as the engine does.  Its name is that of the list.
CREATE FUNCTION pg_temp.job(number integer, lead_ids uuid[] DEFAULT '{}', campaign uuid DEFAULT NULL) RETURNS uuid LANGUAGE sql SET search_path = public, pg_temp AS $$
    INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, campaign_id, list_id, created_at, updated_at)
    SELECT lt_current_workspace(), lt_uuidv7(), 'verify_leads', lead_ids, campaign, format('00000000-0000-4000-8000-%s', lpad(number::text, 12, '0'))::uuid, leadterra.clock(), leadterra.clock()
    RETURNING job_id
$$;
CREATE FUNCTION pg_temp.number(list_id uuid) RETURNS integer LANGUAGE sql AS $$ SELECT right(list_id::text, 12)::integer $$;
-- Claims, and returns job/attempt/progress of what was handed out.
CREATE FUNCTION pg_temp.claim(lease_for interval DEFAULT '5 minutes', worker text DEFAULT NULL) RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT string_agg(format('%s/%s/%s', pg_temp.number(list_id), attempt, progress), ' ') FROM lt_claim_job(lease_for, worker)
$$;
CREATE FUNCTION pg_temp.lease(number integer) RETURNS uuid LANGUAGE sql AS $$
    SELECT lease_id FROM leadterra.jobs WHERE list_id::text LIKE '00000000%' AND pg_temp.number(list_id) = number
$$;
CREATE FUNCTION pg_temp.state(number integer) RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT concat_ws(' ', status, progress, attempt, error) FROM lt_jobs j WHERE pg_temp.number(j.list_id) = number
$$;
CREATE FUNCTION pg_temp.all_jobs() RETURNS text LANGUAGE sql AS $$ SELECT string_agg(j::text, ' ' ORDER BY job_id) FROM leadterra.jobs j $$;

SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';
SELECT pg_temp.at('0');

-- Claims.
SELECT is(pg_temp.claim(), NULL, 'no row where there is no job');
SELECT pg_temp.job(1, ARRAY['0197c043-e39c-7d91-a325-000000000001', '0197c043-e39c-7d91-a325-000000000002']::uuid[], '0197c043-e39c-7d91-a325-00000000000c') AS first \gset
SELECT pg_temp.at('-1 minute');
SELECT pg_temp.job(2);
SELECT pg_temp.at('1 minute');
SELECT is(pg_temp.state(1), 'pending 0 0', 'a new job waits');
SELECT is(pg_temp.claim(), '2/1/0', 'the oldest is handed out first');
SELECT results_eq(format('SELECT lease_id IS NOT NULL AS leased, job_id, type, campaign_id, list_id, attempt, progress, lead_ids FROM lt_claim_job(''1 hour'', ''worker 7'')'),
    format('SELECT true, %L::uuid, ''verify_leads'', ''0197c043-e39c-7d91-a325-00000000000c''::uuid, ''00000000-0000-4000-8000-000000000001''::uuid, 1, 0, ARRAY[''0197c043-e39c-7d91-a325-000000000001'', ''0197c043-e39c-7d91-a325-000000000002'']::uuid[]', :'first'),
    'then the next; what a claim returns');
SELECT is(pg_temp.claim(), NULL, 'then none');
SELECT isnt(pg_temp.lease(1), pg_temp.lease(2), 'each has its lease');
SELECT is((SELECT (status, progress, leads, campaign_id, attempt, worker, error, created_at, updated_at, expires_at, finished_at)::text FROM lt_jobs WHERE job_id = :'first'),
    ('in-progress'::text, 0, 2, '0197c043-e39c-7d91-a325-00000000000c'::uuid, 1, 'worker 7'::text, NULL::text,
        timestamptz '2030-01-01 00:00+00', timestamptz '2030-01-01 00:01+00', timestamptz '2030-01-01 01:01+00', NULL::timestamptz)::text, 'what the view says of it');
SELECT is((SELECT worker FROM lt_jobs WHERE job_id <> :'first'), NULL, 'a worker need not have a name');
SELECT is((SELECT count(*) FROM lt_claim_job(type => 'verify_leads')), 0::bigint, 'none of a type either');

SELECT is(pg_temp.detail(format('SELECT lt_claim_job(%s)', arguments)), code, format('a claim with %s', arguments))
FROM (VALUES ('NULL', 'PT400 invalid_request'), ('''0''', 'PT400 invalid_request'), ('''-1 minute''', 'PT400 invalid_request'), ('''7 days 1 second''', 'PT400 invalid_request'),
    ('''200000 years''', 'PT400 invalid_request'), ('''1 minute'', NULL, ''verify''', 'PT400 invalid_request'), ('''7 days''', 'no error'), ('''1 microsecond''', 'no error')) v (arguments, code);

-- Progress.
SELECT pg_temp.at('3 minutes');
SELECT is(lt_job_progress(pg_temp.lease(2), 40), timestamptz '2030-01-01 00:08+00', 'progress gives five minutes more');
SELECT is(pg_temp.state(2), 'in-progress 40 1', 'and is shown');
SELECT is((SELECT (updated_at, expires_at)::text FROM lt_jobs WHERE job_id <> :'first'), (timestamptz '2030-01-01 00:03+00', timestamptz '2030-01-01 00:08+00')::text, 'with its time');
SELECT is(lt_job_progress(pg_temp.lease(2), 30, '1 minute'), timestamptz '2030-01-01 00:04+00', 'or as long as is asked for, from now');
SELECT is(pg_temp.state(2), 'in-progress 30 1', 'it may be less than before');
SELECT is(lt_job_progress(pg_temp.lease(2), p, '7 days'), timestamptz '2030-01-08 00:03+00', format('%s percent', p)) FROM unnest('{0, 100}'::integer[]) p;
SELECT is(pg_temp.state(2), 'in-progress 100 1', 'which is no end');
SELECT lt_job_progress(pg_temp.lease(2), 60, '1 minute');
SELECT pg_temp.all_jobs() AS before \gset
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%s)', arguments)), code, format('progress with %s', why))
FROM (VALUES ('NULL, 1', 'PT400 invalid_request', 'no lease'),
    (format('%L, NULL', pg_temp.lease(2)), 'PT400 invalid_request', 'no progress'),
    (format('%L, -1', pg_temp.lease(2)), 'PT400 invalid_request', 'less than nothing'),
    (format('%L, 101', pg_temp.lease(2)), 'PT400 invalid_request', 'more than all'),
    (format('%L, 1, NULL', pg_temp.lease(2)), 'PT400 invalid_request', 'no time'),
    (format('%L, 1, ''0''', pg_temp.lease(2)), 'PT400 invalid_request', 'no time at all'),
    (format('%L, 1, ''8 days''', pg_temp.lease(2)), 'PT400 invalid_request', 'more than a week'),
    (format('%L, 1, ''200000 years''', pg_temp.lease(2)), 'PT400 invalid_request', 'more than there is'),
    (format('%L, 1', lt_uuidv7()), 'PT409 lease_lost', 'an unknown lease'),
    (format('%L, 1', :'first'), 'PT409 lease_lost', 'a job for its lease')) v (arguments, code, why);
SELECT is(pg_temp.all_jobs(), :'before', 'none of these did anything');

-- Success.
SELECT is(lt_finish_job(pg_temp.lease(1)), true, 'a job is finished');
SELECT is(pg_temp.state(1), 'success 100 1', 'as a success');
SELECT is((SELECT (updated_at, expires_at, finished_at)::text FROM lt_jobs WHERE job_id = :'first'), (timestamptz '2030-01-01 00:03+00', NULL::timestamptz, timestamptz '2030-01-01 00:03+00')::text, 'with its time');
SELECT pg_temp.at('2 days');
SELECT pg_temp.all_jobs() AS before \gset
SELECT is(lt_finish_job(pg_temp.lease(1)), false, 'said again, it is not new');
SELECT is(lt_finish_job(pg_temp.lease(1), 'no'), false, 'also if it is said otherwise');
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%L, 1)', pg_temp.lease(1))), 'PT409 lease_lost', 'it goes no further');

-- Leases that run out.
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%L, 1)', pg_temp.lease(2))), 'PT409 lease_lost', 'a lease that ran out is not extended');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', pg_temp.lease(2))), 'PT409 lease_lost', 'nor finished');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L, ''no'')', pg_temp.lease(2))), 'PT409 lease_lost', 'nor given back');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%s)', arguments)), code, format('finishing %s', arguments))
FROM (VALUES ('NULL', 'PT400 invalid_request'), ('NULL, ''no''', 'PT400 invalid_request'), (format('%L', '0197c043-e39c-7d91-a325-000000000001'), 'PT409 lease_lost')) v (arguments, code);
SELECT is(pg_temp.all_jobs(), :'before', 'none of these did anything');
SELECT pg_temp.lease(2) AS old \gset
SELECT pg_temp.at('4 minutes' - interval '1 microsecond');
SELECT is(pg_temp.claim(), NULL, 'what has a microsecond left is not handed out');
SELECT pg_temp.at('4 minutes');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'old')), 'PT409 lease_lost', 'it ends at its time');
SELECT is(pg_temp.claim('1 minute'), '2/1/60', 'and the job is handed out once more, with how far it was, which is no other attempt');
SELECT isnt(pg_temp.lease(2), :'old'::uuid, 'under another lease');
SELECT is(pg_temp.state(2), 'in-progress 60 1 lease expired', 'the view says why');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'old')), 'PT409 lease_lost', 'the first worker has lost it');
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%L, 1)', :'old')), 'PT409 lease_lost', 'whatever it says');

-- Errors, and giving up.
SELECT pg_temp.lease(2) AS old \gset
SELECT is(lt_finish_job(:'old', repeat('ä', 1001)), true, 'a job could not be done');
SELECT is(pg_temp.state(2), 'pending 60 1 ' || repeat('ä', 1000), 'it waits, with what is kept of the error');
SELECT is(lt_finish_job(:'old', 'again'), false, 'said again, it is not new');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'old')), 'PT409 lease_lost', 'but it is no success after that');
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%L, 1)', :'old')), 'PT409 lease_lost', 'and goes no further');
SELECT is(pg_temp.claim(), '2/2/60', 'it is handed out at once');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L, ''again'')', :'old')), 'PT409 lease_lost', 'then the worker before has lost it');
SELECT lt_finish_job(pg_temp.lease(2), 'two');
SELECT is(pg_temp.claim(), '2/3/60', 'attempt three');
SELECT lt_finish_job(pg_temp.lease(2), '');
SELECT is((SELECT (status, error)::text FROM lt_jobs WHERE job_id <> :'first'), '(pending,"")', 'an empty error is one');
SELECT is(pg_temp.claim(), '2/4/60', 'attempt four');
SELECT lt_finish_job(pg_temp.lease(2), 'four');
SELECT is(pg_temp.claim(), '2/5/60', 'attempt five');
SELECT is(lt_finish_job(pg_temp.lease(2), 'five'), true, 'fails');
SELECT is(pg_temp.state(2), 'failed 60 5 five', 'for good');
SELECT is((SELECT (expires_at, finished_at)::text FROM lt_jobs WHERE job_id <> :'first'), (NULL::timestamptz, timestamptz '2030-01-01 00:04+00')::text, 'with its time');
SELECT is(lt_finish_job(pg_temp.lease(2), 'five'), false, 'said again, it is not new');
SELECT is(pg_temp.claim(), NULL, 'it is not handed out again');

SELECT pg_temp.at('1 hour');
SELECT pg_temp.job(3);
SELECT pg_temp.at('1 hour 1 second');
SELECT pg_temp.job(4);
SELECT is(pg_temp.claim('1 hour'), '3/1/0', 'of two jobs');
SELECT is(pg_temp.claim('9 hours'), '4/1/0', 'one is worked on for long');
SELECT pg_temp.at(make_interval(hours => n)), pg_temp.claim('59 minutes') FROM generate_series(3, 8) n;
SELECT is(pg_temp.state(3), 'in-progress 0 1 lease expired', 'of the other each lease runs out, and no attempt is counted');
SELECT pg_temp.job(5);
SELECT pg_temp.at('8 hours 30 minutes');
SELECT is(pg_temp.claim('1 minute'), '5/1/0', 'meanwhile the next is handed out');
SELECT lt_finish_job(pg_temp.lease(5), 'no');
SELECT pg_temp.claim();
SELECT is(pg_temp.state(5), 'in-progress 0 2 no', 'an error is shown during the next attempt');
SELECT lt_finish_job(pg_temp.lease(5));
SELECT is(pg_temp.state(5), 'success 100 2', 'and forgotten by success');
SELECT pg_temp.lease(3) AS old \gset
SELECT pg_temp.at('9 hours');
SELECT is(pg_temp.claim(), NULL, 'of the first no more leases are given');
SELECT is(pg_temp.state(3), 'failed 0 1 its workers died: its lease ran out again with nothing else in it', 'for another was done while it killed its workers');
SELECT is((SELECT finished_at FROM lt_jobs j WHERE pg_temp.number(j.list_id) = 3), timestamptz '2030-01-01 09:00+00', 'so that it has failed, at that time');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'old')) || pg_temp.detail(format('SELECT lt_finish_job(%L, ''no'')', :'old')), 'PT409 lease_lostPT409 lease_lost', 'which its worker cannot mend');
SELECT pg_temp.job(10);
SELECT is(pg_temp.claim('1 minute'), '10/1/0', 'one more');
SELECT pg_temp.at('9 hours' + n * interval '1 minute'), pg_temp.claim('1 minute') FROM generate_series(1, 3) n;
SELECT lt_finish_job(pg_temp.lease(10), 'no'), pg_temp.claim('1 minute');
SELECT is((SELECT (losses, lost_at)::text FROM leadterra.jobs WHERE lease_id = pg_temp.lease(10)), '(0,)', 'whose worker says something begins anew');
SELECT lt_finish_job(pg_temp.lease(10));
DELETE FROM leadterra.jobs WHERE pg_temp.number(list_id) = 10;

-- Another workspace.
SELECT pg_temp.job(6);
SELECT pg_temp.lease(4) AS foreign, pg_temp.all_jobs() AS before \gset
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b1a';
SELECT is(pg_temp.claim(), NULL, 'jobs of another workspace are not handed out');
SELECT is((SELECT count(*) FROM lt_jobs), 0::bigint, 'nor shown');
SELECT is(pg_temp.detail(format('SELECT lt_job_progress(%L, 1)', :'foreign')), 'PT409 lease_lost', 'a lease of another workspace is unknown');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'foreign')), 'PT409 lease_lost', 'to every call');
SELECT is(pg_temp.all_jobs(), :'before', 'nothing was done to them');
SELECT pg_temp.job(7);
SELECT is(pg_temp.claim(), '7/1/0', 'its own are');
SELECT lt_finish_job(pg_temp.lease(7));
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';

-- Housekeeping: jobs are removed in every workspace, a slice at a time.
INSERT INTO leadterra.workspaces (workspace_id) VALUES ('0197c043-e39c-7d91-a325-6615db0e1b19'), ('0197c043-e39c-7d91-a325-6615db0e1b1a') ON CONFLICT DO NOTHING;
SELECT is((SELECT string_agg(j::text, ' ' ORDER BY j) FROM (SELECT pg_temp.number(list_id) FROM leadterra.jobs WHERE finished_at IS NOT NULL) n (j)), '1 2 3 5 7', 'five jobs are finished');
SELECT pg_temp.at('90 days 4 minutes');
SELECT is(lt_maintain(), 1::bigint, 'one is older than 90 days');
SELECT is((SELECT string_agg(j::text, ' ' ORDER BY j) FROM (SELECT pg_temp.number(list_id) FROM leadterra.jobs) n (j)), '2 3 4 5 6 7', 'and goes');
SELECT lt_finish_job(lease_id) FROM lt_claim_job();
SELECT pg_temp.job(8) FROM generate_series(1, 1100);
UPDATE leadterra.jobs SET status = 'failed', finished_at = leadterra.clock() - interval '1 year' WHERE pg_temp.number(list_id) = 8;
SELECT is(lt_maintain('1 day'), 1000::bigint, 'a slice is a thousand');
SELECT is(lt_maintain('1 day'), 104::bigint, 'then the rest that is older than a day');
SELECT is(lt_maintain('0'), 0::bigint, 'what is finished this moment stays');
SELECT is((SELECT string_agg(j::text, ' ' ORDER BY j) FROM (SELECT pg_temp.number(list_id) FROM leadterra.jobs) n (j)), '4 6', 'as does what is not');

-- Verdicts.
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', e || '@example.com')) FROM unnest('{a,b,c,d,e}'::text[]) e));
SELECT lt_start_campaign(:'c');
INSERT INTO leadterra.leads (workspace_id, lead_id) VALUES (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000a'), (lt_current_workspace(), '0197c043-e39c-7d91-a325-00000000000b');
SELECT jsonb_object_agg(coalesce(left(email, 1), right(lead_id::text, 1) || '?'), lead_id) AS ids FROM lt_leads \gset
CREATE FUNCTION pg_temp.ids(ids jsonb, VARIADIC names text[]) RETURNS uuid[] LANGUAGE sql AS $$
    SELECT array_agg((ids ->> n)::uuid ORDER BY i) FROM unnest(names) WITH ORDINALITY u (n, i)
$$;
CREATE FUNCTION pg_temp.verdicts() RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT string_agg(coalesce(left(email, 1), right(lead_id::text, 1) || '?') || verification_status, ' ' ORDER BY email, lead_id) FROM lt_leads WHERE verification_status IS NOT NULL
$$;
UPDATE leadterra.leads SET updated_at = '2000-01-01';
SELECT is(lt_set_verification('{}', '{}'), 0, 'no verdicts');
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'e', 'b?', 'a', 'a?', 'c'), '{1, -2, -1, -3, NULL}'), 4, 'verdicts on five, of which one is unknown as before');
SELECT is(pg_temp.verdicts(), 'a-1 e1 a?-3 b?-2', 'each has its own, with an address or without');
SELECT is((SELECT string_agg(left(email, 1), '' ORDER BY email) FROM lt_leads WHERE updated_at <> now()), 'bcd', 'nothing was written of others');
CREATE TEMP TABLE versions AS SELECT lead_id, ctid AS tid, xmax::text AS locked FROM leadterra.leads;
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'e', 'b?', 'a', 'a?', 'c'), '{1, -2, -1, -3, NULL}'), 0, 'the same again');
SELECT is((SELECT count(*) FROM (SELECT lead_id, ctid AS tid, xmax::text AS locked FROM leadterra.leads EXCEPT TABLE versions) x), 0::bigint, 'writes and locks nothing');
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'b', 'c', 'b', 'c', 'b'), '{1, 1, -1, NULL, 12}'), 1, 'of an id that is repeated the last counts');
SELECT is(pg_temp.verdicts(), 'a-1 b12 e1 a?-3 b?-2', 'as if it stood alone');
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'b', 'b?'), '{NULL, NULL}'), 2, 'a lead is unknown again');
SELECT is(lt_set_verification(ARRAY[lt_uuidv7(), '00000000-0000-0000-0000-000000000000'] || pg_temp.ids(:'ids', 'd'), '{1, 1, 11}'), 1, 'unknown ids are passed over');
SELECT lt_delete_leads('{d@example.com}');
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'd'), '{1}'), 0, 'as are deleted leads');
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b1a';
SELECT is(lt_set_verification(pg_temp.ids(:'ids', 'a', 'b', 'a?'), '{1, 1, 1}'), 0, 'and those of another workspace');
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b19';
SELECT is(pg_temp.verdicts(), 'a-1 e1 a?-3', 'which keep what they had');

SELECT is(pg_temp.detail(format('SELECT lt_set_verification(%s)', arguments)), code, format('verdicts with %s', why))
FROM (VALUES ('NULL, ''{}''', 'PT400 invalid_request', 'no ids'), ('''{}'', NULL', 'PT400 invalid_request', 'no statuses'),
    (format('%L, ''{1}''', pg_temp.ids(:'ids', 'a', 'b')), 'PT400 invalid_request', 'too few statuses'),
    (format('%L, ''{1, 1}''', pg_temp.ids(:'ids', 'a')), 'PT400 invalid_request', 'too many statuses'),
    (format('%L::uuid[] || NULL::uuid, ''{1, 1}''', pg_temp.ids(:'ids', 'a')), 'PT400 invalid_request', 'a null id'),
    (format('ARRAY[[%L, NULL]]::uuid[], ''{{1}, {1}}''', :'ids'::jsonb ->> 'a'), 'PT400 invalid_request', 'a null id in two dimensions'),
    (format('%L, ''{1, 2}''', pg_temp.ids(:'ids', 'a', 'b')), 'PT400 invalid_request', 'an unknown status'),
    ('(SELECT array_agg(lt_uuidv7()) FROM generate_series(1, 1000001)), ''{}''', 'PT413 too_many_entries', 'too many ids'),
    ('''{}'', array_fill(1, ''{1000001}'')', 'PT413 too_many_entries', 'too many statuses at all')) v (arguments, code, why);
SELECT is(pg_temp.verdicts(), 'a-1 e1 a?-3', 'none of these did anything');
-- One list of statuses in C, one in SQL.
SELECT is(string_agg(s::text, ' ') FILTER (WHERE pg_temp.detail(format('SELECT lt_set_verification(''{%s}'', ''{%s}'')', lt_uuidv7(), s)) = 'no error'),
    string_agg(s::text, ' ') FILTER (WHERE pg_temp.detail(format('SELECT lt_bulk_upsert(%L, ''[{"email": "s@example.com", "verificationStatus": %s}]'', dry_run => true)', :'c', s)) = 'no error'),
    'statuses are those of leads') FROM generate_series(-20, 20) s;

-- What they do to messages.
SELECT lt_set_verification(pg_temp.ids(:'ids', 'a', 'b', 'c', 'e'), '{1, -1, -2, -1}');
SELECT is((SELECT string_agg(concat_ws(':', left(email, 1), state, reason), ' ' ORDER BY email) FROM lt_messages), 'a:queued b:skipped:invalid_email c:queued e:skipped:invalid_email', 'messages to invalid addresses will be skipped');
SELECT lt_set_verification(pg_temp.ids(:'ids', 'e'), '{1}');
SELECT is((SELECT string_agg(left(email, 1), ' ' ORDER BY email) FROM lt_claim_messages()), 'a c e', 'and are, unless the address is valid before the claim');
SELECT lt_set_verification(pg_temp.ids(:'ids', 'b'), '{1}');
SELECT is((SELECT count(*) FROM lt_claim_messages()), 0::bigint, 'after it that is too late');
SELECT is((SELECT concat_ws(' ', state, reason) FROM lt_messages WHERE email = 'b@example.com'), 'skipped invalid_email', 'the message has been skipped');
SELECT is(lt_restart_leads(:'c', '{b@example.com}'), 1, 'until the lead is restarted');
SELECT is((SELECT email FROM lt_claim_messages()), 'b@example.com', 'and then is sent');

-- Jobs come first in a slice of housekeeping, then campaigns.
SELECT lt_complete_messages(lease_id) FROM (SELECT DISTINCT lease_id FROM lt_messages WHERE state = 'leased') l;
SELECT pg_temp.job(9) FROM generate_series(1, 1000);
UPDATE leadterra.jobs SET status = 'failed', finished_at = leadterra.clock() WHERE pg_temp.number(list_id) = 9;
SELECT pg_temp.at('200 days');
SELECT is(lt_maintain(), 1000::bigint, 'jobs that fill a slice');
SELECT is((SELECT count(*) FROM leadterra.leases WHERE workspace_id = lt_current_workspace() AND state = 'closed'), 2::bigint, 'leave campaigns for the next');

SELECT * FROM finish();
ROLLBACK;
