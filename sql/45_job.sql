-- job: work on leads that is done outside of the database, by workers.

-- A job is leased like messages are, but as a whole: its row says who has it.
-- The lease stays in the row after its end, until the next claim, so that a
-- worker may say again how it ended.
CREATE TABLE leadterra.jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('verify_leads')),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'in-progress', 'success', 'failed')),
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    campaign_id uuid,
    list_id uuid,
    attempt smallint NOT NULL DEFAULT 0 CHECK (attempt BETWEEN 0 AND 5),
    worker text,
    lease_id uuid,
    expires_at timestamptz,
    error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    lead_ids uuid[] NOT NULL,
    PRIMARY KEY (workspace_id, job_id),
    CHECK ((status = 'in-progress') = (expires_at IS NOT NULL) AND (expires_at IS NULL OR lease_id IS NOT NULL)),
    CHECK ((status IN ('success', 'failed')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);
-- Random bits do not compress.
ALTER TABLE leadterra.jobs ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX jobs_open ON leadterra.jobs (workspace_id, created_at, job_id) WHERE status IN ('pending', 'in-progress');
CREATE INDEX jobs_finished ON leadterra.jobs (workspace_id, finished_at) WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_lease ON leadterra.jobs (workspace_id, lease_id) WHERE lease_id IS NOT NULL;
SELECT pg_extension_config_dump('leadterra.jobs', '');
COMMENT ON TABLE leadterra.jobs IS
'Background jobs on leads; campaign_id or list_id is what these were imported into, attempt the last one, error why it failed.';

CREATE TYPE @extschema@.lt_job AS (
    lease_id uuid,
    job_id uuid,
    type text,
    campaign_id uuid,
    list_id uuid,
    attempt integer,
    progress integer,
    lead_ids uuid[]
);
COMMENT ON TYPE @extschema@.lt_job IS
'A job for a worker: the leads are those that were imported into a campaign or a list, progress is how far an earlier attempt got.';

-- Sorting is off for the index of open jobs to be used, whatever the planner
-- thinks of the table.
CREATE FUNCTION leadterra.claim_job(workspace uuid, lease_for interval, worker text, type text)
RETURNS SETOF @extschema@.lt_job
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    at constant timestamptz := leadterra.clock();
    until constant timestamptz := leadterra.lease_end(at, claim_job.lease_for);
    found_job record;
BEGIN
    PERFORM leadterra.require_read_committed('claiming a job');
    IF claim_job.type <> 'verify_leads' THEN
        PERFORM leadterra.raise_error('invalid_request', format('job type "%s" is unknown', claim_job.type));
    END IF;

    LOOP
        SELECT j.job_id, j.status, j.attempt INTO found_job
        FROM leadterra.jobs j
        WHERE j.workspace_id = workspace
          AND j.status IN ('pending', 'in-progress')
          AND (j.status = 'pending' OR j.expires_at <= at)
          AND (claim_job.type IS NULL OR j.type = claim_job.type)
        ORDER BY j.workspace_id, j.created_at, j.job_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;

        IF found_job.attempt < 5 THEN
            RETURN QUERY
            UPDATE leadterra.jobs j SET
                status = 'in-progress',
                attempt = j.attempt + 1,
                worker = claim_job.worker,
                lease_id = leadterra.uuidv7(),
                expires_at = until,
                error = CASE found_job.status WHEN 'in-progress' THEN 'lease expired' ELSE j.error END,
                updated_at = at
            WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id
            RETURNING j.lease_id, j.job_id, j.type, j.campaign_id, j.list_id, j.attempt::integer, j.progress::integer, j.lead_ids;
            RETURN;
        END IF;

        -- Nobody has said how that lease ended, and nobody may any more.
        UPDATE leadterra.jobs j SET
            status = 'failed', lease_id = NULL, expires_at = NULL,
            error = 'gave up after 5 attempts', updated_at = at, finished_at = at
        WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.claim_job(uuid, interval, text, text) IS 'Do what lt_claim_job says, in a workspace.';

CREATE FUNCTION @extschema@.lt_claim_job(
    lease_for interval DEFAULT '5 minutes',
    worker text DEFAULT NULL,
    type text DEFAULT NULL
)
RETURNS SETOF @extschema@.lt_job
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claim_job';

COMMENT ON FUNCTION @extschema@.lt_claim_job(interval, text, text) IS
'Claim the oldest background job that waits

Returns one row, or none if nothing waits that no other session is just claiming. The job is the worker''s for lease_for (at most a week): commit, work, call lt_job_progress from time to time and lt_finish_job in the end. A job whose lease ran out is handed out again under a new lease; after five attempts it has failed. lead_ids may name leads that were deleted since. worker is a name for people; type is verify_leads, or null for any: look at the leads and call lt_set_verification. The channel leadterra_jobs tells of new jobs and of those given back, but not of leases that ran out. Errors: PT400 invalid_request, PT409 wrong_isolation.';

-- Whether a lease has run out is decided after its row is locked, which may
-- take a while.  It is asked for in the order of leases for their index to be
-- used: see lt_set_verification.
CREATE FUNCTION leadterra.lock_job(workspace uuid, lease_id uuid, accepted text[], OUT job_id uuid, OUT status text, OUT attempt smallint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    expires_at timestamptz;
BEGIN
    IF lock_job.lease_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lease_id" must not be null');
    END IF;
    SELECT j.job_id, j.status, j.attempt, j.expires_at
    INTO lock_job.job_id, lock_job.status, lock_job.attempt, expires_at
    FROM leadterra.jobs j
    WHERE j.workspace_id = workspace AND j.lease_id BETWEEN lock_job.lease_id AND lock_job.lease_id
    ORDER BY j.lease_id
    LIMIT 1
    FOR UPDATE;
    IF NOT FOUND OR lock_job.status <> ALL (lock_job.accepted) OR expires_at <= leadterra.clock() THEN
        PERFORM leadterra.raise_error('lease_lost', format('lease "%s" has run out or does not exist', lock_job.lease_id));
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_job(uuid, uuid, text[]) IS
'Lock the job of a lease, or raise PT409 lease_lost: the lease has run out, or the status of the job is not one that is accepted.';

CREATE FUNCTION leadterra.job_progress(workspace uuid, lease_id uuid, progress integer, lease_for interval)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    job record;
    at timestamptz;
    until timestamptz;
BEGIN
    IF job_progress.progress IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "progress" must not be null');
    ELSIF job_progress.progress NOT BETWEEN 0 AND 100 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "progress" must be from 0 to 100, not %s', job_progress.progress));
    END IF;
    job := leadterra.lock_job(workspace, job_progress.lease_id, '{in-progress}');
    at := leadterra.clock();
    until := leadterra.lease_end(at, job_progress.lease_for);
    UPDATE leadterra.jobs j SET progress = job_progress.progress, expires_at = until, updated_at = at
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    RETURN until;
END;
$$;

COMMENT ON FUNCTION leadterra.job_progress(uuid, uuid, integer, interval) IS 'Do what lt_job_progress says, in a workspace.';

CREATE FUNCTION @extschema@.lt_job_progress(lease_id uuid, progress integer, lease_for interval DEFAULT '5 minutes')
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_job_progress';

COMMENT ON FUNCTION @extschema@.lt_job_progress(uuid, integer, interval) IS
'Say how far a job is, and let its lease end lease_for from now; return that time

progress is from 0 to 100 percent; it may be less than before, for an attempt may begin again. lease_for is at most a week. Errors: PT400 invalid_request, PT409 lease_lost (it has run out, is finished, or does not exist; nothing is changed).';

CREATE FUNCTION leadterra.finish_job(workspace uuid, lease_id uuid, error text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
DECLARE
    job record;
    at timestamptz;
    outcome text;
BEGIN
    job := leadterra.lock_job(workspace, finish_job.lease_id,
        CASE WHEN finish_job.error IS NULL THEN '{in-progress, success}' ELSE '{in-progress, success, pending, failed}' END::text[]);
    IF job.status <> 'in-progress' THEN
        RETURN false;
    END IF;

    at := leadterra.clock();
    outcome := CASE WHEN finish_job.error IS NULL THEN 'success' WHEN job.attempt < 5 THEN 'pending' ELSE 'failed' END;
    UPDATE leadterra.jobs j SET
        status = outcome,
        progress = CASE outcome WHEN 'success' THEN 100 ELSE j.progress END,
        expires_at = NULL,
        error = left(finish_job.error, 1000),
        updated_at = at,
        finished_at = CASE WHEN outcome <> 'pending' THEN at END
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    IF outcome = 'pending' THEN
        PERFORM pg_notify('leadterra_jobs', '');
    END IF;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_job(uuid, uuid, text) IS 'Do what lt_finish_job says, in a workspace.';

CREATE FUNCTION @extschema@.lt_finish_job(lease_id uuid, error text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_job';

COMMENT ON FUNCTION @extschema@.lt_finish_job(uuid, text) IS
'Say that a job is done, or why it could not be, and return whether that was new

Without error it is a success. With one, of which the first 1,000 characters are kept, it waits for another attempt; after the fifth it has failed. Repeating a call is harmless, until the job is claimed again: it returns false. Errors: PT400 invalid_request, PT409 lease_lost (it has run out, or does not exist; nothing is changed).';

CREATE FUNCTION leadterra.maintain_jobs(workspace uuid, before timestamptz, slice bigint)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    old uuid;
    removed bigint := 0;
BEGIN
    FOR old IN
        SELECT j.job_id
        FROM leadterra.jobs j
        WHERE j.workspace_id = workspace AND j.finished_at < before
        ORDER BY j.finished_at
        LIMIT slice
        FOR UPDATE SKIP LOCKED
    LOOP
        DELETE FROM leadterra.jobs j WHERE j.workspace_id = workspace AND j.job_id = old;
        removed := removed + 1;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_jobs(uuid, timestamptz, bigint) IS
'Remove jobs of a workspace that were finished before a time, at most a slice, and return how many.';

-- Leads are locked in the order in which lt_bulk_upsert locks them, that of
-- addresses, so that the two wait for each other and do not deadlock: see
-- leadterra.lock_again().
CREATE FUNCTION leadterra.set_verification(workspace uuid, lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
DECLARE
    unknown integer;
    verdict record;
    changed integer;
BEGIN
    IF lead_ids IS NULL OR statuses IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null', CASE WHEN lead_ids IS NULL THEN 'lead_ids' ELSE 'statuses' END));
    END IF;
    PERFORM leadterra.limit_entries('lead_ids', cardinality(lead_ids)), leadterra.limit_entries('statuses', cardinality(statuses));
    IF cardinality(lead_ids) <> cardinality(statuses) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('arguments "lead_ids" and "statuses" must be of one length, not %s and %s',
                cardinality(lead_ids), cardinality(statuses)));
    END IF;
    PERFORM FROM unnest(lead_ids) AS u (lead_id) WHERE u.lead_id IS NULL;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lead_ids" must not have nulls');
    END IF;
    SELECT u.status INTO unknown FROM unnest(statuses) AS u (status) WHERE NOT leadterra.is_verification_status(u.status) LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', format('verification status "%s" is unknown', unknown));
    END IF;

    -- One row may be asked for in the order of ids, and sorting is off, because a
    -- plan from when the table was small may find a lead by "=" through the index
    -- of addresses, reading all leads of the workspace.
    LOOP
        BEGIN
            changed := 0;
            FOR verdict IN
                SELECT l.tid, v.status
                FROM (
                    SELECT u.lead_id, u.status, l.email
                    FROM (
                        SELECT DISTINCT ON (u.lead_id) u.lead_id, u.status
                        FROM unnest(lead_ids, statuses) WITH ORDINALITY AS u (lead_id, status, number)
                        ORDER BY u.lead_id, u.number DESC
                    ) u
                    CROSS JOIN LATERAL (
                        SELECT l.email, l.verification_status
                        FROM leadterra.leads l
                        WHERE l.workspace_id = workspace AND l.lead_id BETWEEN u.lead_id AND u.lead_id
                        ORDER BY l.lead_id
                        LIMIT 1
                    ) l
                    WHERE l.verification_status IS DISTINCT FROM u.status
                    ORDER BY l.email NULLS FIRST, u.lead_id
                    OFFSET 0
                ) v
                CROSS JOIN LATERAL (
                    SELECT l.ctid AS tid, l.email, l.verification_status
                    FROM leadterra.leads l
                    WHERE l.workspace_id = workspace AND l.lead_id BETWEEN v.lead_id AND v.lead_id
                    ORDER BY l.lead_id
                    LIMIT 1
                    FOR NO KEY UPDATE
                ) l
                WHERE CASE WHEN l.email IS DISTINCT FROM v.email THEN leadterra.lock_again()
                    ELSE l.verification_status IS DISTINCT FROM v.status END
            LOOP
                UPDATE leadterra.leads l SET verification_status = verdict.status, updated_at = now()
                WHERE l.workspace_id = workspace AND l.ctid = verdict.tid;
                changed := changed + 1;
            END LOOP;
            RETURN changed;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.set_verification(uuid, uuid[], integer[]) IS 'Do what lt_set_verification says, in a workspace.';

CREATE FUNCTION @extschema@.lt_set_verification(lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_verification';

COMMENT ON FUNCTION @extschema@.lt_set_verification(uuid[], integer[]) IS
'Set the verification statuses of leads, and return how many were changed

Both arrays have one entry a lead, at most a million; of an id that is repeated the last counts. A status is 1 (verified), 11 (pending), 12 (pending job), -1 (invalid), -2 (risky), -3 (catch-all), -4 (job change) or null (unknown). Ids without a lead are passed over. A claim skips messages to invalid addresses; the other statuses hold nothing back. Errors: PT400 invalid_request, PT413 too_many_entries.';
