-- job: claims of jobs, and how they end.

-- Whoever could not do a job leaves it to the next worker: nothing is waited for.
CREATE FUNCTION leadterra.job_retry_at(attempts integer, now timestamptz)
RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT leadterra.lease_retry_at('{0, 0, 0, 0}', job_retry_at.attempts, job_retry_at.now);
END;

COMMENT ON FUNCTION leadterra.job_retry_at(integer, timestamptz) IS
'Return when a job is tried again after so many attempts: at once, and null after the fifth.';

CREATE FUNCTION leadterra.insert_done_job(
    workspace uuid, type text, campaign_id uuid, list_id uuid, lead_ids uuid[])
RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO leadterra.jobs (
        workspace_id, job_id, type, status, progress, campaign_id, list_id, lead_ids,
        created_at, updated_at, finished_at)
    VALUES (
        insert_done_job.workspace, leadterra.uuidv7(), insert_done_job.type, 'success', 100,
        insert_done_job.campaign_id, insert_done_job.list_id, insert_done_job.lead_ids,
        leadterra.clock(), leadterra.clock(), leadterra.clock())
    RETURNING job_id;
END;

COMMENT ON FUNCTION leadterra.insert_done_job(uuid, text, uuid, uuid, uuid[]) IS
'Note a job on leads, which came to a campaign or a list, that is done; return its id.';

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
    times_lost smallint;
BEGIN
    PERFORM leadterra.require_read_committed('claiming a job');
    IF claim_job.type <> 'verify_leads' THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('job type "%s" is unknown', claim_job.type));
    END IF;

    LOOP
        SELECT j.job_id, j.status, j.attempt, j.losses, j.lost_at INTO found_job
        FROM leadterra.jobs j
        WHERE j.workspace_id = workspace
          AND j.status IN ('pending', 'in-progress')
          AND (j.status = 'pending' OR j.expires_at <= at)
          AND (claim_job.type IS NULL OR j.type = claim_job.type)
        ORDER BY j.workspace_id, j.created_at, j.job_id
        LIMIT 1
        FOR UPDATE SKIP LOCKED;
        EXIT WHEN NOT FOUND;

        -- A lease that ran out costs no attempt.  A job is alone in its lease, and is not
        -- kept waiting: that lasts as long as its worker asked for.
        times_lost := CASE found_job.status
            WHEN 'pending' THEN 0
            ELSE leadterra.lease_lose(found_job.losses, EXISTS (
                SELECT FROM leadterra.jobs j
                WHERE j.workspace_id = workspace AND j.finished_at >= found_job.lost_at
                  AND j.status = 'success'))
        END;
        IF times_lost > 0
            OR times_lost = 0 AND leadterra.job_retry_at(found_job.attempt, at) IS NOT NULL THEN
            RETURN QUERY
            UPDATE leadterra.jobs j SET
                status = 'in-progress',
                attempt = j.attempt + (j.status = 'pending')::integer,
                worker = claim_job.worker,
                lease_id = leadterra.uuidv7(),
                expires_at = until,
                error = CASE WHEN times_lost > 0 THEN leadterra.lease_loss(false) ELSE j.error END,
                updated_at = at,
                losses = times_lost,
                lost_at = CASE WHEN times_lost > 0 THEN j.expires_at END
            WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id
            RETURNING
                j.lease_id, j.job_id, j.type, j.campaign_id, j.list_id,
                j.attempt::integer, j.progress::integer, j.lead_ids;
            RETURN;
        END IF;

        -- Nobody has said how that lease ended, and nobody may any more.
        UPDATE leadterra.jobs j SET
            status = 'failed', lease_id = NULL, expires_at = NULL,
            error = CASE WHEN times_lost IS NULL THEN leadterra.lease_loss(true) ELSE j.error END,
            updated_at = at, finished_at = at
        WHERE j.workspace_id = workspace AND j.job_id = found_job.job_id;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.claim_job(uuid, interval, text, text) IS
'Do what lt_claim_job says, in a workspace.';

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

Commit, do the work, call lt_job_progress from time to time, and lt_finish_job in the end.
A job whose lease ran out is handed out again, under a new lease, and no attempt is
counted. After six times in a row it has failed, if another job was done since the time
before. It has failed too after five attempts that ended in an error. The channel
leadterra_jobs tells of new jobs and of those given back, but not of leases that ran out.

Parameters:
- lease_for: how long the worker has, at most a week
- worker: a name for people, at most 1,000 bytes
- type: verify_leads: look at the leads and call lt_set_verification; null: any
Returns: one row; none if nothing waits that no other session is just claiming.
Errors: PT400 invalid_request, PT409 wrong_isolation.';

-- Whether a lease has run out is decided after its row is locked, which may
-- take a while.  It is asked for in the order of leases for their index to be
-- used: see lt_set_verification.
CREATE FUNCTION leadterra.lock_job(
    workspace uuid,
    lease_id uuid,
    accepted text[],
    OUT job_id uuid,
    OUT status text,
    OUT attempt smallint)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    expires_at timestamptz;
BEGIN
    SELECT j.job_id, j.status, j.attempt, j.expires_at
    INTO lock_job.job_id, lock_job.status, lock_job.attempt, expires_at
    FROM leadterra.jobs j
    WHERE j.workspace_id = workspace AND j.lease_id BETWEEN lock_job.lease_id AND lock_job.lease_id
    ORDER BY j.lease_id
    LIMIT 1
    FOR UPDATE;
    PERFORM leadterra.require_lease(
        lock_job.lease_id, lock_job.status = ANY (lock_job.accepted), expires_at);
END;
$$;

COMMENT ON FUNCTION leadterra.lock_job(uuid, uuid, text[]) IS
'Lock the job of a lease

Errors: PT409 lease_lost: the lease has run out, or the status of the job is not accepted.';

CREATE FUNCTION leadterra.job_progress(
    workspace uuid, lease_id uuid, progress integer, lease_for interval)
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
    UPDATE leadterra.jobs j
    SET progress = job_progress.progress, expires_at = until, updated_at = at
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    RETURN until;
END;
$$;

COMMENT ON FUNCTION leadterra.job_progress(uuid, uuid, integer, interval) IS
'Do what lt_job_progress says, in a workspace.';

CREATE FUNCTION @extschema@.lt_job_progress(
    lease_id uuid,
    progress integer,
    lease_for interval DEFAULT '5 minutes')
RETURNS timestamptz
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_job_progress';

COMMENT ON FUNCTION @extschema@.lt_job_progress(uuid, integer, interval) IS
'Say how far a job is, and give its worker more time

Parameters:
- lease_id: the lease
- progress: percent, 0 to 100; it may be less than before
- lease_for: how long the lease lasts from now, at most a week
Returns: when the lease runs out.
Errors: PT400 invalid_request, PT409 lease_lost (it has run out, is finished, or does not
exist; nothing is changed).';

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
        CASE WHEN finish_job.error IS NULL THEN '{in-progress, success}'
        ELSE '{in-progress, success, pending, failed}' END::text[]);
    IF job.status <> 'in-progress' THEN
        RETURN false;
    END IF;

    at := leadterra.clock();
    outcome := CASE
        WHEN finish_job.error IS NULL THEN 'success'
        WHEN leadterra.job_retry_at(job.attempt, at) IS NOT NULL THEN 'pending'
        ELSE 'failed'
    END;
    UPDATE leadterra.jobs j SET
        status = outcome,
        progress = CASE outcome WHEN 'success' THEN 100 ELSE j.progress END,
        expires_at = NULL,
        error = leadterra.lease_error(finish_job.error),
        updated_at = at,
        finished_at = CASE WHEN outcome <> 'pending' THEN at END
    WHERE j.workspace_id = workspace AND j.job_id = job.job_id;
    IF outcome = 'pending' THEN
        PERFORM pg_notify('leadterra_jobs', '');
    END IF;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_job(uuid, uuid, text) IS
'Do what lt_finish_job says, in a workspace.';

CREATE FUNCTION @extschema@.lt_finish_job(lease_id uuid, error text DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_job';

COMMENT ON FUNCTION @extschema@.lt_finish_job(uuid, text) IS
'Say that a job is done, or why it could not be

Without an error it is a success. With one it waits for another attempt; after the fifth
it has failed. Repeating a call is harmless, until the job is claimed again.

Parameters:
- lease_id: the lease
- error: why; the first 1,000 characters are kept; null: it is done
Returns: whether that was new.
Errors: PT400 invalid_request, PT409 lease_lost (it has run out, or does not exist; nothing
is changed).';

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
'Remove jobs of a workspace that were finished before a time, at most a slice; return how many.';
