-- lease: how long work is a worker's, how often it is tried, and what is kept of an
-- error; the same for every kind of work.
BEGIN;
SELECT plan(81);

CREATE FUNCTION pg_temp.detail(sql text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found text;
    code text;
    message text;
BEGIN
    EXECUTE sql;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    RETURN concat_ws(' ', code, found::jsonb ->> 'code', message);
END;
$$;

-- The end.
SELECT is(leadterra.lease_end('2030-01-01 00:00+00', i), timestamptz '2030-01-01 00:00+00' + i, format('a lease for %s', i))
FROM unnest('{1 microsecond, 5 minutes, 168 hours, 7 days}'::interval[]) i;
SELECT is(pg_temp.detail(format('SELECT leadterra.lease_end(now(), %L)', i)), 'PT400 invalid_request argument "lease_for" must be more than nothing and at most a week', format('no lease for %s', i))
FROM unnest('{0, -1 microsecond, 7 days 1 microsecond, -200000 years, 200000 years}'::interval[]) i;
SELECT is(pg_temp.detail('SELECT leadterra.lease_end(now(), NULL)'), 'PT400 invalid_request argument "lease_for" must not be null', 'nor for no time');

-- A week has an hour more where summer time ends.
SET LOCAL timezone = 'Europe/Berlin';
SELECT is(leadterra.lease_end('2030-10-24 12:00', '7 days'), '2030-10-31 12:00'::timestamptz, 'a lease may last a week by the calendar');

-- Whose it is.
SET LOCAL leadterra.now = '2030-01-01 00:00+00';
SELECT lives_ok(format('SELECT leadterra.require_lease(%L, true, %L)', '0197c043-e39c-7d91-a325-000000000001', e), 'a lease is its worker''s ' || why)
FROM (VALUES ('2030-01-01 00:00:00.000001+00', 'for a microsecond'), ('infinity', 'for ever'), (NULL, 'where it has ended and says so')) v (e, why);
SELECT is(pg_temp.detail(format('SELECT leadterra.require_lease(%L, %L, %L)', '0197c043-e39c-7d91-a325-000000000001', held, e)),
    'PT409 lease_lost lease "0197c043-e39c-7d91-a325-000000000001" has run out or does not exist', 'it is lost ' || why)
FROM (VALUES (true, '2030-01-01 00:00+00', 'at its time'), (true, '-infinity', 'long after it'), (false, '2031-01-01 00:00+00', 'if the row says so'),
    (false, NULL, 'also without an end'), (NULL, '2031-01-01 00:00+00', 'if there is no row')) v (held, e, why);
SELECT is(pg_temp.detail(format('SELECT leadterra.require_lease(NULL, %L, NULL)', held)), 'PT400 invalid_request argument "lease_id" must not be null', 'none is no lease')
FROM unnest('{true, false}'::boolean[]) held;

-- Attempts: a wait between two of them, whichever schedule it is.
CREATE FUNCTION pg_temp.waits(minutes integer[]) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(coalesce((leadterra.lease_retry_at(minutes, n, '2030-01-01 00:00+00') - timestamptz '2030-01-01 00:00+00')::text, 'none'), ' ' ORDER BY n)
    FROM generate_series(0, cardinality(minutes) + 2) n
$$;
SELECT is(pg_temp.waits(minutes), expected, format('waits of %s minutes', minutes))
FROM (VALUES ('{}'::integer[], '00:00:00 none none'),
    ('{0, 0, 0, 0}', '00:00:00 00:00:00 00:00:00 00:00:00 00:00:00 none none'),
    ('{1, 4, 16, 64}', '00:00:00 00:01:00 00:04:00 00:16:00 01:04:00 none none'),
    ('{1, 5, 30, 120, 480}', '00:00:00 00:01:00 00:05:00 00:30:00 02:00:00 08:00:00 none none')) v (minutes, expected);
SELECT is(leadterra.lease_retry_at('{1}', n, '2030-01-01 00:00+00'), expected, format('after %s attempts', n))
FROM (VALUES (-2147483648, timestamptz '2030-01-01 00:00+00'), (-1, '2030-01-01 00:00+00'), (2147483647, NULL)) v (n, expected);
SELECT is(leadterra.lease_retry_at(ARRAY[minutes], 1, at), expected, format('%s minutes after %s', minutes, at))
FROM (VALUES (2147483647, timestamptz '294276-12-31 23:59+00', timestamptz 'infinity'), (1, 'infinity', 'infinity'), (1, '-infinity', '-infinity')) v (minutes, at, expected);
SELECT throws_ok(format('SELECT leadterra.lease_retry_at(%L, 1, now())', waits), 'PT400', 'argument "wait_minutes" must be a plain list without nulls', format('waits %s', waits))
FROM unnest(ARRAY['{NULL}', '{{1,2},{3,4}}', '[0:1]={1,2}']) waits;
SELECT is(string_agg((leadterra.job_retry_at(n, '2030-01-01 00:00+00') = timestamptz '2030-01-01 00:00+00')::text, ' ' ORDER BY n), 'true true true true true', 'jobs are tried five times, without a wait')
FROM generate_series(0, 5) n;
SELECT is((SELECT string_agg(a::text, ' ' ORDER BY a) FROM unnest('{-32768, -1, 0, 1, 2, 3, 4, 5, 6, 32767}'::smallint[]) a WHERE leadterra.is_attempt(a)), '1 2 3 4 5', 'attempts');

-- Losses: they cost no attempt, and end where others could do their work.
SELECT is(leadterra.lease_lose(n::smallint, others), expected::smallint, format('lost %s times, and once more%s', n, CASE WHEN others THEN ' while others were completed' ELSE '' END))
FROM (VALUES (-32768, false, 1), (-1, true, 1), (0, false, 1), (0, true, 1), (3, true, 4), (4, true, 5), (4, false, 5), (5, false, 5), (5, true, NULL), (6, true, NULL), (6, false, 5), (32767, true, NULL), (32767, false, 5)) v (n, others, expected);
SELECT is(leadterra.lease_loss(has_failed), expected, 'what is said of it')
FROM (VALUES (false, 'lease expired'), (true, 'its workers died: its lease ran out again with nothing else in it')) v (has_failed, expected);

-- Errors: characters, and not bytes.
SELECT is(leadterra.lease_error(repeat(c, n)), repeat(c, least(n, 1000)), format('%s times %L', n, c))
FROM unnest('{a, ä, €, 𝄞}'::text[]) c, unnest('{1, 999, 1000, 1001, 100000}'::integer[]) n;
SELECT is(leadterra.lease_error(error), error, format('an error of %s characters', length(error)))
FROM unnest(ARRAY['', repeat('aä€𝄞', 250)]) error;
SELECT is(leadterra.lease_error(repeat('aä€𝄞', 250) || '𝄞'), repeat('aä€𝄞', 250), 'none is cut in two');
SELECT is(leadterra.lease_error(NULL), NULL, 'no error is none');

-- Both kinds of work say the same, in a workspace without work of others.
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b1e';
SELECT lt_create_campaign('lease', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[{"email": "lease-1@example.com"}]');
SELECT lt_start_campaign(:'campaign');
INSERT INTO leadterra.jobs (workspace_id, job_id, type, lead_ids, created_at, updated_at)
VALUES (lt_current_workspace(), lt_uuidv7(), 'verify_leads', '{}', leadterra.clock(), leadterra.clock()) RETURNING job_id AS job \gset
SELECT lease_id AS message_lease, message_id FROM lt_claim_messages(1, '1 minute', :'campaign') \gset
SELECT lease_id AS job_lease FROM lt_claim_job('1 minute') \gset
SELECT lt_fail_messages(:'message_lease', ARRAY[:'message_id'::uuid], repeat('€', 1001)), lt_finish_job(:'job_lease', repeat('€', 1001));
SELECT is((SELECT reason FROM lt_messages WHERE message_id = :'message_id'), (SELECT error FROM lt_jobs WHERE job_id = :'job'), 'as much is kept of the error of a message and of a job');
SELECT is((SELECT length(error) FROM lt_jobs WHERE job_id = :'job'), 1000, 'a thousand characters');
SET LOCAL leadterra.now = '2030-01-01 00:01+00';
SELECT lease_id AS message_lease FROM lt_claim_messages(1, '1 minute', :'campaign') \gset
SELECT lease_id AS job_lease FROM lt_claim_job('1 minute') \gset
SET LOCAL leadterra.now = '2030-01-01 00:02+00';
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%L)', :'message_lease')), format('PT409 lease_lost lease "%s" has run out or does not exist', :'message_lease'), 'a lease on messages runs out');
SELECT is(pg_temp.detail(format('SELECT lt_finish_job(%L)', :'job_lease')), format('PT409 lease_lost lease "%s" has run out or does not exist', :'job_lease'), 'as one on a job does');
SELECT lt_claim_messages(1, '1 minute', lt_create_campaign('empty')), lt_claim_job('1 minute');
SELECT is((SELECT reason FROM lt_messages WHERE message_id = :'message_id'), 'lease expired', 'the message says why it waits again');
SELECT is((SELECT error FROM lt_jobs WHERE job_id = :'job'), 'lease expired', 'and so does the job');

SELECT * FROM finish();
ROLLBACK;
