-- sender: accounts that mails leave from.

CREATE FUNCTION leadterra.sender_limit(
    status text,
    daily_limit integer,
    ramp_from integer,
    ramp_step integer,
    ramp_since date,
    day date)
RETURNS integer
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_sender_limit';

COMMENT ON FUNCTION leadterra.sender_limit(text, integer, integer, integer, date, date) IS
'Return how many messages a sender may hand out on a local day; null: there is no limit

While it is warming it begins with ramp_from on the first day, and goes up by ramp_step on
each later one, to its limit. While it is paused it may hand out none.';

-- One that was deleted is not responsible for anything. Each is met once, whatever the rows
-- say of heirs.
CREATE FUNCTION leadterra.sender_heir(workspace uuid, sender_id uuid)
RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    WITH RECURSIVE heirs AS (
        SELECT s.sender_id, s.deleted_at, s.heir_id
        FROM leadterra.senders s
        WHERE s.workspace_id = sender_heir.workspace AND s.sender_id = sender_heir.sender_id
        UNION
        SELECT s.sender_id, s.deleted_at, s.heir_id
        FROM heirs h
        CROSS JOIN LATERAL (
            SELECT s.sender_id, s.deleted_at, s.heir_id
            FROM leadterra.senders s
            WHERE s.workspace_id = sender_heir.workspace AND s.sender_id = h.heir_id
            OFFSET 0
        ) s
        WHERE h.deleted_at IS NOT NULL
    )
    SELECT h.sender_id FROM heirs h WHERE h.deleted_at IS NULL;
END;

COMMENT ON FUNCTION leadterra.sender_heir(uuid, uuid) IS
'Return who goes on with what a sender began: itself, or who took over when it was deleted

Null: nobody in particular, any of the pool.';

CREATE FUNCTION leadterra.require_sender(workspace uuid, sender_id uuid)
RETURNS leadterra.senders
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    result leadterra.senders;
BEGIN
    SELECT s.* INTO result
    FROM leadterra.senders s
    WHERE s.workspace_id = workspace AND s.sender_id = require_sender.sender_id
      AND s.deleted_at IS NULL;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('sender_not_found',
            format('sender "%s" does not exist', require_sender.sender_id));
    END IF;
    RETURN result;
END;
$$;

COMMENT ON FUNCTION leadterra.require_sender(uuid, uuid) IS
'Return the row of a sender, or raise PT404 sender_not_found.';

-- In the order of their ids.  Claims step over a sender that is locked.
CREATE FUNCTION leadterra.lock_senders(workspace uuid, sender_ids uuid[])
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    SELECT
    FROM leadterra.senders s
    WHERE s.workspace_id = lock_senders.workspace AND s.sender_id = ANY (lock_senders.sender_ids)
    ORDER BY s.sender_id
    FOR UPDATE;
END;

COMMENT ON FUNCTION leadterra.lock_senders(uuid, uuid[]) IS
'Lock senders against claims, changes, and the ends of their leases.';

-- Which messages it may still get: what waits for it, and what comes back of its leases, and
-- of those of whom it took over from.
CREATE FUNCTION leadterra.is_at_work(workspace uuid, campaign_id uuid, sender_id uuid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        EXISTS (
            SELECT FROM leadterra.waiting w
            WHERE w.workspace_id = is_at_work.workspace
              AND w.campaign_id = is_at_work.campaign_id AND w.sender_id = is_at_work.sender_id)
        OR EXISTS (
            SELECT FROM leadterra.leases l
            WHERE l.workspace_id = is_at_work.workspace AND l.state = 'open'
              AND l.campaign_id = is_at_work.campaign_id
              AND leadterra.sender_heir(l.workspace_id, l.sender_id) = is_at_work.sender_id);
END;

COMMENT ON FUNCTION leadterra.is_at_work(uuid, uuid, uuid) IS
'Say whether a sender has begun with leads of a campaign, and messages to them are to come.';

CREATE FUNCTION leadterra.delete_sender(workspace uuid, sender_id uuid, move_to uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    heir leadterra.senders;
BEGIN
    IF sender_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "sender_id" must not be null');
    ELSIF move_to = sender_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'a sender cannot take over from itself');
    END IF;
    PERFORM leadterra.require_read_committed('deleting senders');
    PERFORM leadterra.lock_workspace(workspace);
    PERFORM leadterra.lock_senders(workspace, ARRAY[delete_sender.sender_id, move_to]);
    PERFORM leadterra.require_sender(workspace, delete_sender.sender_id);
    IF move_to IS NOT NULL THEN
        heir := leadterra.require_sender(workspace, move_to);
        IF heir.status <> 'active' THEN
            PERFORM leadterra.raise_error('sender_not_active',
                format('sender "%s" is %s', move_to, heir.status));
        END IF;
        INSERT INTO leadterra.pool_senders (workspace_id, pool_id, sender_id, free_at, has_left)
        SELECT workspace, p.pool_id, move_to, leadterra.free_in_pool(heir.free_at), true
        FROM leadterra.pool_senders p
        WHERE p.workspace_id = workspace AND p.sender_id = delete_sender.sender_id
          AND leadterra.is_at_work_in_pool(workspace, p.pool_id, p.sender_id)
        ON CONFLICT ON CONSTRAINT pool_senders_pkey DO NOTHING;
    END IF;
    DELETE FROM leadterra.pool_senders p
    WHERE p.workspace_id = workspace AND p.sender_id = delete_sender.sender_id;
    UPDATE leadterra.senders s
    SET deleted_at = leadterra.clock(), heir_id = move_to, free_at = 'infinity'
    WHERE s.workspace_id = workspace AND s.sender_id = delete_sender.sender_id;
    PERFORM leadterra.move_waiting(workspace, delete_sender.sender_id, move_to);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_sender(uuid, uuid, uuid) IS
'Do what lt_delete_sender says, in a workspace.';

-- Calls delete no row of a sender: this is for who does it by hand.
CREATE FUNCTION leadterra.senders_deleted()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.pool_senders p USING deleted d
    WHERE p.workspace_id = d.workspace_id AND p.sender_id = d.sender_id;
    PERFORM leadterra.move_waiting(d.workspace_id, d.sender_id, NULL) FROM deleted d;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.senders_deleted() IS
'Take senders whose rows are deleted out of all pools, and let others go on for them.';

CREATE TRIGGER senders_deleted AFTER DELETE ON leadterra.senders
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.senders_deleted();

CREATE TRIGGER senders_truncated BEFORE TRUNCATE ON leadterra.senders
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

-- Senders with what they hand out today, on the days of their own zones.
CREATE VIEW leadterra.sender_states WITH (security_invoker = true) AS
SELECT
    s.workspace_id, s.sender_id, s.email, s.name, s.reply_to, s.status, s.daily_limit,
    s.ramp_from, s.ramp_step, s.ramp_since, s.gap_seconds, s.gap_jitter_seconds, s.time_zone,
    s.transport, s.created_at, s.free_at,
    d.day AS today,
    d.capacity AS capacity_today,
    d.used AS used_today,
    CASE WHEN d.capacity IS NOT NULL THEN greatest(d.capacity - d.used, 0) END AS remaining_today
FROM leadterra.senders s
CROSS JOIN LATERAL (
    SELECT
        z.day,
        leadterra.sender_limit(
            s.status, s.daily_limit, s.ramp_from, s.ramp_step, s.ramp_since, z.day) AS capacity,
        CASE WHEN s.used_on >= z.day THEN s.used ELSE 0 END AS used
    FROM leadterra.zone_day(s.time_zone, leadterra.clock()) AS z (day)
) d
WHERE s.deleted_at IS NULL;
COMMENT ON VIEW leadterra.sender_states IS
'Senders of all workspaces that are not deleted, with what they may hand out today.';
COMMENT ON COLUMN leadterra.sender_states.workspace_id IS 'The workspace.';
COMMENT ON COLUMN leadterra.sender_states.sender_id IS 'Id of the sender.';
COMMENT ON COLUMN leadterra.sender_states.email IS 'Its address in normal form.';
COMMENT ON COLUMN leadterra.sender_states.name IS 'The name that mails show; null: none.';
COMMENT ON COLUMN leadterra.sender_states.reply_to IS 'Where replies go; null: to the sender.';
COMMENT ON COLUMN leadterra.sender_states.status IS 'active, warming or paused.';
COMMENT ON COLUMN leadterra.sender_states.daily_limit IS
    'Messages on a local day at most; null: no limit.';
COMMENT ON COLUMN leadterra.sender_states.ramp_from IS 'Messages on the first day of warming.';
COMMENT ON COLUMN leadterra.sender_states.ramp_step IS
    'How many more on each later day of warming.';
COMMENT ON COLUMN leadterra.sender_states.ramp_since IS 'The first day of warming, a local day.';
COMMENT ON COLUMN leadterra.sender_states.gap_seconds IS
    'Seconds between two messages at least.';
COMMENT ON COLUMN leadterra.sender_states.gap_jitter_seconds IS
    'Up to so many seconds more between two messages, at random.';
COMMENT ON COLUMN leadterra.sender_states.time_zone IS 'The zone of its days.';
COMMENT ON COLUMN leadterra.sender_states.transport IS
    'Name of an entry in the configuration of workers; null: the worker chooses.';
COMMENT ON COLUMN leadterra.sender_states.created_at IS 'When it was created.';
COMMENT ON COLUMN leadterra.sender_states.free_at IS
    'Since when, or from when on, it may send; infinity while it is paused.';
COMMENT ON COLUMN leadterra.sender_states.today IS 'The local day that it is.';
COMMENT ON COLUMN leadterra.sender_states.capacity_today IS
    'Messages that it may hand out on that day; null: no limit.';
COMMENT ON COLUMN leadterra.sender_states.used_today IS
    'Messages that were handed out on it, less those that were given back.';
COMMENT ON COLUMN leadterra.sender_states.remaining_today IS
    'Messages that it may still hand out on it; null: no limit.';

CREATE FUNCTION @extschema@.lt_create_sender(email text, settings jsonb DEFAULT '{}')
RETURNS uuid
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_create_sender';

COMMENT ON FUNCTION @extschema@.lt_create_sender(text, jsonb) IS
'Create a sender: an account that mails leave from

It sends for the campaigns whose pools it is in. How a worker gets into the account stands in
its own configuration; no secret is in the database.

Parameters:
- email: its address, which no other sender of the workspace has
- settings: an object of name (what mails show), replyTo (an address), status (active,
  warming or paused), dailyLimit (messages on a local day), rampFrom and rampStep (while it is
  warming: so many on the local day on which that was set, so many more on each later one, up
  to dailyLimit), gapSeconds and gapJitterSeconds (between two messages at least, and up to so
  many more at random; 0 to 86400), timeZone (a name such as Europe/Berlin, whose days these
  are), transport (the name of an entry in the configuration of workers); without them it is
  active, without a limit or a gap, and its zone is UTC
Returns: the id of the sender.
Errors: PT400 invalid_email, PT400 invalid_request (DETAIL lists what is wrong with settings),
PT409 sender_exists.';

CREATE FUNCTION @extschema@.lt_update_sender(sender_id uuid, settings jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_update_sender';

COMMENT ON FUNCTION @extschema@.lt_update_sender(uuid, jsonb) IS
'Change settings of a sender

A change of anything that decides when it may send lets it send at once, whatever gap was
running, as far as its limit goes. While it is paused, the messages that it began wait.
Warming begins anew when that is set, also after a pause, and when rampFrom changes. In
another zone, what it has sent on the day that it was counts for the day that it is; and so
does what it sent before, as far as leases since that day began are kept.

Parameters:
- sender_id: the sender
- settings: an object as in lt_create_sender; what it leaves out stays as it is, and null
  goes back to what a sender has without any
Errors: PT400 invalid_request (DETAIL lists what is wrong with settings), PT404
sender_not_found.';

CREATE FUNCTION @extschema@.lt_delete_sender(sender_id uuid, move_to uuid DEFAULT NULL)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_sender';

COMMENT ON FUNCTION @extschema@.lt_delete_sender(uuid, uuid) IS
'Delete a sender

It leaves all pools. Who goes on with the leads that it began is said here; messages that a
worker holds may still be sent by it. What it sent stays known. A new sender may have its
address.

Parameters:
- sender_id: the sender
- move_to: an active sender that goes on with its leads; null: any of the pool
Errors: PT400 invalid_request, PT404 sender_not_found, PT409 sender_not_active, PT409
wrong_isolation.';
