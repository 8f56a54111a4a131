-- job: work on leads that is done outside of the database, by workers.

-- A job is leased like messages are, but as a whole: its row says who has it.
-- The lease stays in the row after its end, until the next claim, so that a
-- worker may say again how it ended.
CREATE TABLE leadterra.jobs (
    workspace_id uuid NOT NULL,
    job_id uuid NOT NULL,
    type text NOT NULL CHECK (type IN ('verify_leads', 'move_leads')),
    status text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'in-progress', 'success', 'failed')),
    progress smallint NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    campaign_id uuid,
    list_id uuid,
    attempt smallint NOT NULL DEFAULT 0 CHECK (attempt = 0 OR leadterra.is_attempt(attempt)),
    worker text,
    lease_id uuid,
    expires_at timestamptz,
    error text,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    lead_ids uuid[] NOT NULL,
    losses smallint NOT NULL DEFAULT 0 CHECK (losses >= 0),
    lost_at timestamptz,
    PRIMARY KEY (workspace_id, job_id),
    CHECK ((status = 'in-progress') = (expires_at IS NOT NULL)
        AND (expires_at IS NULL OR lease_id IS NOT NULL)),
    CHECK ((status IN ('success', 'failed')) = (finished_at IS NOT NULL))
) WITH (fillfactor = 70);
-- Random bits do not compress.
ALTER TABLE leadterra.jobs ALTER COLUMN lead_ids SET STORAGE EXTERNAL;
CREATE INDEX jobs_open ON leadterra.jobs (workspace_id, created_at, job_id)
    WHERE status IN ('pending', 'in-progress');
CREATE INDEX jobs_finished ON leadterra.jobs (workspace_id, finished_at)
    WHERE finished_at IS NOT NULL;
CREATE UNIQUE INDEX jobs_by_lease ON leadterra.jobs (workspace_id, lease_id)
    WHERE lease_id IS NOT NULL;
SELECT leadterra.add_table('leadterra.jobs');
COMMENT ON TABLE leadterra.jobs IS 'Background jobs on leads.';
COMMENT ON COLUMN leadterra.jobs.job_id IS 'Id of the job.';
COMMENT ON COLUMN leadterra.jobs.type IS
    'What is to be done: verify_leads; move_leads was done when it was made.';
COMMENT ON COLUMN leadterra.jobs.status IS 'pending, in-progress, success or failed.';
COMMENT ON COLUMN leadterra.jobs.progress IS 'Percent, 0 to 100.';
COMMENT ON COLUMN leadterra.jobs.campaign_id IS 'The campaign that the leads came to.';
COMMENT ON COLUMN leadterra.jobs.list_id IS 'The list that the leads came to.';
COMMENT ON COLUMN leadterra.jobs.attempt IS 'The last attempt, 0 to 5.';
COMMENT ON COLUMN leadterra.jobs.worker IS 'Who has it, or had it last; a name for people.';
COMMENT ON COLUMN leadterra.jobs.lease_id IS 'The last lease.';
COMMENT ON COLUMN leadterra.jobs.expires_at IS
    'When the lease runs out; null unless it is in progress.';
COMMENT ON COLUMN leadterra.jobs.error IS 'Why the last attempt failed.';
COMMENT ON COLUMN leadterra.jobs.created_at IS 'When it was made.';
COMMENT ON COLUMN leadterra.jobs.updated_at IS 'When anything last changed.';
COMMENT ON COLUMN leadterra.jobs.finished_at IS 'When it ended.';
COMMENT ON COLUMN leadterra.jobs.lead_ids IS 'The leads.';
COMMENT ON COLUMN leadterra.jobs.losses IS
    'Leases in a row that ran out with nothing said of its end.';
COMMENT ON COLUMN leadterra.jobs.lost_at IS 'When the last of these ran out.';

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
COMMENT ON TYPE @extschema@.lt_job IS 'A job for a worker.';
COMMENT ON COLUMN @extschema@.lt_job.lease_id IS 'What progress and end are reported under.';
COMMENT ON COLUMN @extschema@.lt_job.job_id IS 'Id of the job.';
COMMENT ON COLUMN @extschema@.lt_job.type IS 'What to do: verify_leads.';
COMMENT ON COLUMN @extschema@.lt_job.campaign_id IS
    'The campaign that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_job.list_id IS 'The list that the leads were imported into.';
COMMENT ON COLUMN @extschema@.lt_job.attempt IS 'Which attempt this is, 1 to 5.';
COMMENT ON COLUMN @extschema@.lt_job.progress IS 'How far an earlier attempt got, in percent.';
COMMENT ON COLUMN @extschema@.lt_job.lead_ids IS 'The leads; some may have been deleted.';
