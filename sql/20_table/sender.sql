-- sender: accounts that mails leave from, and the pools that campaigns draw on.

-- A claim changes what a sender has used and when it is free again, so a version of a row
-- that is no longer seen should be reused in its page.
CREATE TABLE leadterra.senders (
    workspace_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    email text COLLATE "C" NOT NULL,
    name text,
    reply_to text COLLATE "C",
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'warming', 'paused')),
    daily_limit integer CHECK (daily_limit >= 0),
    ramp_from integer CHECK (ramp_from >= 0),
    ramp_step integer NOT NULL DEFAULT 0 CHECK (ramp_step >= 0),
    ramp_since date,
    gap_seconds integer NOT NULL DEFAULT 0 CHECK (gap_seconds BETWEEN 0 AND 86400),
    gap_jitter_seconds integer NOT NULL DEFAULT 0 CHECK (gap_jitter_seconds BETWEEN 0 AND 86400),
    time_zone text NOT NULL DEFAULT 'UTC',
    transport text,
    created_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    heir_id uuid,
    used_on date,
    used integer NOT NULL DEFAULT 0 CHECK (used >= 0),
    free_at timestamptz NOT NULL,
    PRIMARY KEY (workspace_id, sender_id),
    CONSTRAINT senders_warming CHECK (
        status <> 'warming' OR ramp_from IS NOT NULL AND ramp_since IS NOT NULL),
    CONSTRAINT senders_heir CHECK (
        heir_id IS NULL OR deleted_at IS NOT NULL AND heir_id <> sender_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX senders_by_email ON leadterra.senders (workspace_id, email)
    WHERE deleted_at IS NULL;
SELECT leadterra.add_table('leadterra.senders');
COMMENT ON TABLE leadterra.senders IS
'Accounts that mails leave from; one that was deleted stays, for what it sent.';
COMMENT ON COLUMN leadterra.senders.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN leadterra.senders.email IS 'Its address in normal form.';
COMMENT ON COLUMN leadterra.senders.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN leadterra.senders.reply_to IS
    'Where replies go, an address in normal form; null: to the sender.';
COMMENT ON COLUMN leadterra.senders.status IS 'active, warming or paused.';
COMMENT ON COLUMN leadterra.senders.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN leadterra.senders.ramp_from IS
    'Messages on the first day of warming; null: it has none.';
COMMENT ON COLUMN leadterra.senders.ramp_step IS 'How many more on each later day of warming.';
COMMENT ON COLUMN leadterra.senders.ramp_since IS 'The first day of warming, a local day.';
COMMENT ON COLUMN leadterra.senders.gap_seconds IS 'Seconds between two messages at least.';
COMMENT ON COLUMN leadterra.senders.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN leadterra.senders.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN leadterra.senders.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN leadterra.senders.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.senders.deleted_at IS 'When it was deleted; null: it was not.';
COMMENT ON COLUMN leadterra.senders.heir_id IS
    'Who took over what it had begun when it was deleted; null: any of the pool.';
COMMENT ON COLUMN leadterra.senders.used_on IS
    'The last local day on which messages of it were handed out; null: none were.';
COMMENT ON COLUMN leadterra.senders.used IS
    'Messages that were handed out on that day, less those that were given back.';
COMMENT ON COLUMN leadterra.senders.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused or deleted.';

CREATE TABLE leadterra.pools (
    workspace_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, pool_id)
);
SELECT leadterra.add_table('leadterra.pools');
COMMENT ON TABLE leadterra.pools IS 'Sets of senders that campaigns draw on.';
COMMENT ON COLUMN leadterra.pools.pool_id IS 'Id of the pool.';
COMMENT ON COLUMN leadterra.pools.name IS 'A name for people.';
COMMENT ON COLUMN leadterra.pools.created_at IS 'When it was created.';

-- A claim walks along free_at, which is that of the sender, or when it came into the pool:
-- whoever changes it holds the lock of the sender's row.
CREATE TABLE leadterra.pool_senders (
    workspace_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    sender_id uuid NOT NULL,
    free_at timestamptz NOT NULL,
    has_left boolean NOT NULL DEFAULT false,
    PRIMARY KEY (workspace_id, pool_id, sender_id)
) WITH (fillfactor = 70);
CREATE INDEX pool_senders_free
    ON leadterra.pool_senders (workspace_id, pool_id, free_at, sender_id);
CREATE INDEX pool_senders_by_sender ON leadterra.pool_senders (workspace_id, sender_id);
SELECT leadterra.add_table('leadterra.pool_senders');
COMMENT ON TABLE leadterra.pool_senders IS 'One row a pool and sender.';
COMMENT ON COLUMN leadterra.pool_senders.pool_id IS 'The pool.';
COMMENT ON COLUMN leadterra.pool_senders.sender_id IS 'The sender.';
COMMENT ON COLUMN leadterra.pool_senders.free_at IS
    'As in leadterra.senders; but no time before it came into the pool.';
COMMENT ON COLUMN leadterra.pool_senders.has_left IS
    'Whether it takes no new leads of the pool, and only goes on with those it began.';
