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
SELECT leadterra.add_table('leadterra.jobs');
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
