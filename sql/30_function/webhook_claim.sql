-- webhook: claims of deliveries, and how these end.

-- A campaign is finished where nobody waits and no worker holds anything: both are seen in the
-- snapshot that shows the row.  Whoever takes away what is left of the work writes a
-- row in the same transaction, so the last of them is seen with nothing left.
CREATE FUNCTION leadterra.find_told(
    workspace uuid, webhook_id uuid, most integer,
    OUT outbox_id uuid, OUT numbers integer[], OUT is_used_up boolean)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
BEGIN ATOMIC
    SELECT o.outbox_id, n.numbers, cardinality(n.numbers) < find_told.most
    FROM (
        SELECT *
        FROM leadterra.webhook_outbox o
        WHERE o.workspace_id = find_told.workspace AND o.webhook_id = find_told.webhook_id
          AND o.handed < o.size
        ORDER BY o.outbox_id
        LIMIT 1
    ) o
    CROSS JOIN LATERAL (
        SELECT CASE
            WHEN o.lease_id IS NOT NULL THEN ARRAY(
                SELECT u.number
                FROM leadterra.leases l
                CROSS JOIN generate_series(o.handed, o.size - 1) AS u (number)
                WHERE l.workspace_id = o.workspace_id AND l.lease_id = o.lease_id
                  AND CASE WHEN l.completed IS NULL THEN l.state = 'closed'
                      WHEN u.number < 8 * length(l.completed)
                      THEN get_bit(l.completed, u.number) = 1 END
                LIMIT find_told.most)
            WHEN o.event <> 'campaign.finished' THEN ARRAY(
                SELECT generate_series(o.handed, least(o.size, o.handed + find_told.most) - 1))
            WHEN EXISTS (
                    SELECT
                    FROM leadterra.waiting q
                    WHERE q.workspace_id = o.workspace_id AND q.campaign_id = o.campaign_id)
                OR EXISTS (
                    SELECT
                    FROM leadterra.leases l
                    WHERE l.workspace_id = o.workspace_id AND l.state = 'open'
                      AND l.campaign_id = o.campaign_id
                    ORDER BY l.expires_at
                    LIMIT 1)
                OR EXISTS (
                    SELECT
                    FROM leadterra.webhook_outbox x
                    WHERE x.workspace_id = o.workspace_id AND x.webhook_id = o.webhook_id
                      AND x.handed < x.size AND x.outbox_id > o.outbox_id
                      AND x.event = o.event AND x.campaign_id = o.campaign_id)
                THEN '{}'
            ELSE '{0}'
        END::integer[] AS numbers
    ) n;
END;

COMMENT ON FUNCTION leadterra.find_told(uuid, uuid, integer) IS
'Find the first row of the outbox that a webhook is to be told of, and what of it comes next

Returns: its id, the numbers of the next deliveries, at most so many, and whether these are all.';

CREATE FUNCTION leadterra.others_completed(workspace uuid, since timestamptz)
RETURNS boolean
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT
        FROM leadterra.webhooks w
        CROSS JOIN LATERAL (
            SELECT
            FROM leadterra.webhook_log g
            WHERE g.workspace_id = w.workspace_id AND g.webhook_id = w.webhook_id
              AND g.finished_at >= others_completed.since AND g.status_code IS NOT NULL
            LIMIT 1
        ) g
        WHERE w.workspace_id = others_completed.workspace);
END;

COMMENT ON FUNCTION leadterra.others_completed(uuid, timestamptz) IS
'Say whether a delivery of the workspace had an answer since a time.';

-- What may be what kills its workers is in a lease with nothing else, as in src/lease.c.
CREATE FUNCTION leadterra.lease_again(
    workspace uuid, webhook_id uuid, lease_id uuid, now timestamptz, until timestamptz,
    wanted integer, has_others boolean,
    OUT delivery_ids uuid[], OUT is_alone boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    due record;
    times_lost smallint;
    first_lost smallint;
    most integer := wanted;
BEGIN
    delivery_ids := '{}';
    is_alone := false;
    FOR due IN
        SELECT d.delivery_id, d.attempt, d.lease_id, d.losses, d.lost_at, d.due_at
        FROM leadterra.webhook_deliveries d
        WHERE d.workspace_id = workspace AND d.webhook_id = lease_again.webhook_id
          AND d.due_at <= now
        ORDER BY d.due_at
        LIMIT wanted
        FOR UPDATE SKIP LOCKED
    LOOP
        times_lost := CASE WHEN due.lease_id IS NULL THEN 0 ELSE leadterra.lease_lose(
            due.losses, leadterra.others_completed(workspace, due.lost_at)) END;
        IF times_lost IS NULL THEN
            -- The webhook is not to blame.
            PERFORM leadterra.end_attempt(workspace, due.delivery_id, due.lease_id,
                lease_again.webhook_id, due.attempt, NULL, leadterra.lease_loss(true), NULL,
                now, NULL);
            CONTINUE;
        END IF;
        IF first_lost IS NULL THEN
            first_lost := times_lost;
            is_alone := leadterra.lease_most(times_lost, 2147483647) < 2147483647;
            EXIT WHEN is_alone AND has_others;
            most := leadterra.lease_most(times_lost, wanted);
        END IF;
        EXIT WHEN cardinality(delivery_ids) = most;
        CONTINUE WHEN times_lost <> first_lost
            AND (is_alone OR leadterra.lease_most(times_lost, 2147483647) < 2147483647);
        UPDATE leadterra.webhook_deliveries d
        SET lease_id = lease_again.lease_id, due_at = until, losses = times_lost,
            attempt = d.attempt + (d.lease_id IS NULL)::integer,
            lost_at = CASE WHEN d.lease_id IS NOT NULL THEN d.due_at END
        WHERE d.workspace_id = workspace AND d.delivery_id = due.delivery_id;
        delivery_ids := delivery_ids || due.delivery_id;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.lease_again(
    uuid, uuid, uuid, timestamptz, timestamptz, integer, boolean) IS
'Hand out deliveries of a locked webhook that are due again

Returns: them, and whether nothing else may stand in the lease; if that has others, none then.';

-- What happened is made deliveries, in its order.
CREATE FUNCTION leadterra.lease_new(
    workspace uuid, webhook_id uuid, lease_id uuid, until timestamptz, wanted integer)
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    told record;
    ids uuid[];
    delivery_ids uuid[] := '{}';
BEGIN
    -- What turns out to be nothing costs time, too.
    FOR i IN 1..1000 LOOP
        EXIT WHEN cardinality(delivery_ids) >= wanted;
        SELECT t.* INTO told
        FROM leadterra.find_told(
            workspace, lease_new.webhook_id, wanted - cardinality(delivery_ids)) t;
        EXIT WHEN told.outbox_id IS NULL;
        UPDATE leadterra.webhook_outbox o
        SET handed = CASE WHEN told.is_used_up THEN o.size
            ELSE least(told.numbers[cardinality(told.numbers)] + 1, o.size) END
        WHERE o.workspace_id = workspace AND o.outbox_id = told.outbox_id;
        WITH made AS (
            INSERT INTO leadterra.webhook_deliveries AS d (
                workspace_id, delivery_id, webhook_id, due_at, attempt, lease_id)
            SELECT workspace, leadterra.delivery_id(told.outbox_id, u.number),
                lease_new.webhook_id, until, 1, lease_new.lease_id
            FROM unnest(told.numbers) AS u (number)
            ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO NOTHING
            RETURNING d.delivery_id
        )
        SELECT array_agg(m.delivery_id ORDER BY m.delivery_id) INTO ids FROM made m;
        delivery_ids := delivery_ids || ids;
    END LOOP;
    RETURN delivery_ids;
END;
$$;

COMMENT ON FUNCTION leadterra.lease_new(uuid, uuid, uuid, timestamptz, integer) IS
'Hand out deliveries of a locked webhook that nobody has had yet; return them.';

-- The row of a webhook is locked while something is handed out of what it has: another claim
-- passes it over.
CREATE FUNCTION leadterra.lease_deliveries(
    workspace uuid, webhook_id uuid, lease_id uuid, now timestamptz, until timestamptz,
    wanted integer, has_others boolean,
    OUT url text, OUT secret text, OUT delivery_ids uuid[], OUT is_alone boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    locked record;
BEGIN
    delivery_ids := '{}';
    is_alone := false;
    SELECT w.url, w.secret, w.resting_until INTO locked
    FROM leadterra.webhooks w
    WHERE w.workspace_id = workspace AND w.webhook_id = lease_deliveries.webhook_id
      AND w.status = 'active'
    FOR NO KEY UPDATE SKIP LOCKED;
    IF NOT FOUND OR locked.resting_until > now THEN
        RETURN;
    END IF;
    IF locked.resting_until IS NOT NULL THEN
        wanted := 1;
        IF EXISTS (
            SELECT
            FROM leadterra.webhook_deliveries d
            WHERE d.workspace_id = workspace AND d.webhook_id = lease_deliveries.webhook_id
              AND d.lease_id IS NOT NULL AND d.due_at > now
        ) THEN
            RETURN;
        END IF;
    END IF;
    url := locked.url;
    secret := locked.secret;
    SELECT a.delivery_ids, a.is_alone INTO delivery_ids, is_alone
    FROM leadterra.lease_again(
        workspace, lease_deliveries.webhook_id, lease_deliveries.lease_id, now, until, wanted,
        has_others) a;
    IF NOT is_alone AND cardinality(delivery_ids) < wanted THEN
        delivery_ids := delivery_ids || leadterra.lease_new(
            workspace, lease_deliveries.webhook_id, lease_deliveries.lease_id, until,
            wanted - cardinality(delivery_ids));
    END IF;
    IF cardinality(delivery_ids) > 0 THEN
        UPDATE leadterra.webhooks w SET last_lease_id = lease_deliveries.lease_id
        WHERE w.workspace_id = workspace AND w.webhook_id = lease_deliveries.webhook_id;
    END IF;
    DELETE FROM leadterra.webhook_log g
    WHERE g.workspace_id = workspace AND g.webhook_id = lease_deliveries.webhook_id AND g.succeeded
      AND g.finished_at < (
          SELECT x.finished_at
          FROM leadterra.webhook_log x
          WHERE x.workspace_id = workspace AND x.webhook_id = lease_deliveries.webhook_id
            AND x.succeeded
          ORDER BY x.finished_at DESC
          OFFSET 99
          LIMIT 1);
END;
$$;

COMMENT ON FUNCTION leadterra.lease_deliveries(
    uuid, uuid, uuid, timestamptz, timestamptz, integer, boolean) IS
'Hand out what a webhook has, at most so much, and remove old successes from its log

Returns: the deliveries, what they are sent and signed by, and whether nothing else may stand in
the lease.';

CREATE FUNCTION leadterra.claim_deliveries(
    workspace uuid, max_deliveries integer, lease_for interval)
RETURNS SETOF @extschema@.lt_delivery
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at constant timestamptz := leadterra.clock();
    until constant timestamptz := leadterra.lease_end(at, claim_deliveries.lease_for);
    lease constant uuid := leadterra.uuidv7();
    wanted integer := leadterra.row_limit('max_deliveries', claim_deliveries.max_deliveries);
    webhook record;
    taken record;
    id uuid;
    body text;
    has_others boolean := false;
BEGIN
    PERFORM leadterra.require_read_committed('claiming deliveries');
    -- Whoever was served longest ago comes first, and has no more than an even share.
    FOR webhook IN
        SELECT d.webhook_id, row_number() OVER (
            ORDER BY d.last_lease_id DESC NULLS LAST, d.webhook_id DESC) AS shares
        FROM leadterra.webhooks_due(workspace) d
        WHERE d.due_at <= at
        ORDER BY shares DESC
    LOOP
        EXIT WHEN wanted = 0;
        SELECT t.* INTO taken
        FROM leadterra.lease_deliveries(workspace, webhook.webhook_id, lease, at, until,
            ceil(wanted / webhook.shares::double precision)::integer, has_others) t;
        FOREACH id IN ARRAY taken.delivery_ids LOOP
            body := leadterra.delivery_body(workspace, id);
            IF body IS NULL THEN
                -- What it was to tell of was deleted.
                DELETE FROM leadterra.webhook_deliveries d
                WHERE d.workspace_id = workspace AND d.delivery_id = id;
                CONTINUE;
            END IF;
            RETURN NEXT (lease, id, taken.url, leadterra.delivery_headers(
                taken.secret, leadterra.shown_id('evt', id), at, body), body);
            wanted := wanted - 1;
            has_others := true;
        END LOOP;
        EXIT WHEN taken.is_alone AND has_others;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.claim_deliveries(uuid, integer, interval) IS
'Do what lt_claim_deliveries says, in a workspace.';

CREATE FUNCTION @extschema@.lt_claim_deliveries(
    max_deliveries integer DEFAULT 100, lease_for interval DEFAULT '1 minute')
RETURNS SETOF @extschema@.lt_delivery
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_claim_deliveries';

COMMENT ON FUNCTION @extschema@.lt_claim_deliveries(integer, interval) IS
'Claim deliveries of webhooks that are due

Commit, post each body with its headers to its URL, and call lt_finish_delivery with what came.
Webhooks take turns. One whose last delivery failed rests for ten seconds, and then has one
delivery at a time until one succeeds.

A lease that ran out costs no attempt: its deliveries are handed out again, in smaller leases of
their own after the second time. One that was lost alone twice is given up, if others had an
answer in between; that does not count against its webhook.

Parameters:
- max_deliveries: how many at most, 1 to 10,000: no more than can be posted until the lease ends
- lease_for: how long the worker has, at most a week
Returns: signed deliveries. No row means: nothing more for this call. Where lt_next_delivery is
in the past, call again after a moment.
Errors: PT400 invalid_request, PT409 wrong_isolation.';

-- A failure is kept as it was reported, and what was said of others is not changed by it.
CREATE FUNCTION leadterra.end_attempt(
    workspace uuid, delivery_id uuid, lease_id uuid, webhook_id uuid, attempt smallint,
    status_code integer, error text, milliseconds integer, now timestamptz, retry_at timestamptz)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO leadterra.webhook_log (
        workspace_id, delivery_id, lease_id, webhook_id, event, attempt, succeeded, status_code,
        error, milliseconds, finished_at, retry_at)
    SELECT
        workspace, end_attempt.delivery_id, end_attempt.lease_id, end_attempt.webhook_id,
        coalesce(o.event, 'unknown'), end_attempt.attempt,
        coalesce(end_attempt.status_code BETWEEN 200 AND 299, false), end_attempt.status_code,
        leadterra.lease_error(end_attempt.error), end_attempt.milliseconds, now,
        end_attempt.retry_at
    FROM (SELECT) x
    LEFT JOIN leadterra.webhook_outbox o ON o.workspace_id = workspace
        AND o.outbox_id = leadterra.delivery_outbox(end_attempt.delivery_id);
    IF end_attempt.retry_at IS NULL THEN
        DELETE FROM leadterra.webhook_deliveries d
        WHERE d.workspace_id = workspace AND d.delivery_id = end_attempt.delivery_id;
    ELSE
        UPDATE leadterra.webhook_deliveries d
        SET lease_id = NULL, due_at = end_attempt.retry_at, losses = 0, lost_at = NULL
        WHERE d.workspace_id = workspace AND d.delivery_id = end_attempt.delivery_id;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.end_attempt(
    uuid, uuid, uuid, uuid, smallint, integer, text, integer, timestamptz, timestamptz) IS
'Log an attempt at a locked delivery, which ends unless it is to be tried again.';

CREATE FUNCTION leadterra.finish_delivery(
    workspace uuid, lease_id uuid, delivery_id uuid, status_code integer, error text,
    milliseconds integer)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    succeeded constant boolean := coalesce(
        finish_delivery.status_code BETWEEN 200 AND 299, false);
    webhook record;
    delivery record;
    at timestamptz;
    retry_at timestamptz;
BEGIN
    IF finish_delivery.delivery_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "delivery_id" must not be null');
    ELSIF finish_delivery.status_code NOT BETWEEN 100 AND 999 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "status_code" must be from 100 to 999, not %s',
                finish_delivery.status_code));
    ELSIF finish_delivery.milliseconds < 0 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "milliseconds" must not be negative');
    END IF;
    -- Whoever deletes the webhook takes the delivery along, and so has to wait before that.
    SELECT w.webhook_id, w.given_up, w.resting_until INTO webhook
    FROM leadterra.webhook_deliveries d
    JOIN leadterra.webhooks w ON w.workspace_id = workspace AND w.webhook_id = d.webhook_id
    WHERE d.workspace_id = workspace AND d.delivery_id = finish_delivery.delivery_id
    FOR KEY SHARE OF w;
    SELECT d.lease_id, d.due_at, d.attempt INTO delivery
    FROM leadterra.webhook_deliveries d
    WHERE d.workspace_id = workspace AND d.delivery_id = finish_delivery.delivery_id
    FOR UPDATE;
    IF (delivery.lease_id = finish_delivery.lease_id) IS NOT TRUE AND EXISTS (
        SELECT
        FROM leadterra.webhook_log g
        WHERE g.workspace_id = workspace AND g.delivery_id = finish_delivery.delivery_id
          AND g.lease_id = finish_delivery.lease_id
    ) THEN
        RETURN false;
    END IF;
    PERFORM leadterra.require_lease(finish_delivery.lease_id,
        delivery.lease_id = finish_delivery.lease_id, delivery.due_at);
    at := leadterra.clock();

    IF finish_delivery.status_code IS NULL AND finish_delivery.error IS NULL THEN
        UPDATE leadterra.webhook_deliveries d
        SET lease_id = NULL, due_at = at, attempt = d.attempt - 1, losses = 0, lost_at = NULL
        WHERE d.workspace_id = workspace AND d.delivery_id = finish_delivery.delivery_id;
        PERFORM pg_notify('leadterra_deliveries', '');
        RETURN true;
    END IF;

    IF NOT succeeded AND finish_delivery.status_code IS DISTINCT FROM 410 THEN
        retry_at := leadterra.lease_retry_at('{1, 5, 30, 120, 480}', delivery.attempt, at);
    END IF;
    PERFORM leadterra.end_attempt(workspace, finish_delivery.delivery_id, finish_delivery.lease_id,
        webhook.webhook_id, delivery.attempt, finish_delivery.status_code, finish_delivery.error,
        finish_delivery.milliseconds, at, retry_at);
    IF NOT succeeded THEN
        PERFORM leadterra.webhook_failed(workspace, webhook.webhook_id, at,
            finish_delivery.status_code IS NOT DISTINCT FROM 410, retry_at IS NULL);
    ELSIF webhook.given_up > 0 OR webhook.resting_until IS NOT NULL THEN
        UPDATE leadterra.webhooks w SET given_up = 0, resting_until = NULL
        WHERE w.workspace_id = workspace AND w.webhook_id = webhook.webhook_id;
        -- The rest need not wait for it any more.
        PERFORM pg_notify('leadterra_deliveries', '');
    END IF;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.finish_delivery(uuid, uuid, uuid, integer, text, integer) IS
'Do what lt_finish_delivery says, in a workspace.';

CREATE FUNCTION leadterra.webhook_failed(
    workspace uuid, webhook_id uuid, now timestamptz, is_gone boolean, is_given_up boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    UPDATE leadterra.webhooks w
    SET resting_until = now + interval '10 seconds',
        given_up = least(w.given_up + is_given_up::integer, 32767)
    WHERE w.workspace_id = workspace AND w.webhook_id = webhook_failed.webhook_id;
    UPDATE leadterra.webhooks w
    SET status = 'disabled', disabled_at = now,
        disabled_reason = CASE WHEN is_gone THEN 'gone' ELSE 'given_up' END
    WHERE w.workspace_id = workspace AND w.webhook_id = webhook_failed.webhook_id
      AND w.status = 'active' AND (is_gone OR w.given_up >= 5);
END;
$$;

COMMENT ON FUNCTION leadterra.webhook_failed(uuid, uuid, timestamptz, boolean, boolean) IS
'Let a webhook rest that failed, and disable it where it is gone, or gave up too often.';

CREATE FUNCTION @extschema@.lt_finish_delivery(
    lease_id uuid, delivery_id uuid, status_code integer, error text DEFAULT NULL,
    milliseconds integer DEFAULT NULL)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_finish_delivery';

COMMENT ON FUNCTION @extschema@.lt_finish_delivery(uuid, uuid, integer, text, integer) IS
'Say how a delivery ended

A status of 2xx is a success. Anything else is tried again after 1 minute, 5 minutes, 30
minutes, 2 hours and 8 hours, and then given up. 410 gives it up at once and disables the
webhook, and so do five deliveries in a row that are given up. Repeating a call is harmless.

Parameters:
- lease_id: the lease
- delivery_id: the delivery
- status_code: the HTTP status of the answer; null: none came
- error: what went wrong; the first 1,000 characters are kept. Where status_code is null too, it
  was not tried: it is given back, at no cost to it
- milliseconds: how long it took; null: unknown
Returns: whether that was new.
Errors: PT400 invalid_request, PT409 lease_lost (it has run out, is finished, or does not
exist; nothing is changed).';

CREATE FUNCTION leadterra.redeliver(workspace uuid, delivery_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    told record;
BEGIN
    IF redeliver.delivery_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "delivery_id" must not be null');
    END IF;
    SELECT w.webhook_id, o.handed INTO told
    FROM leadterra.webhook_outbox o
    JOIN leadterra.webhooks w ON w.workspace_id = workspace AND w.webhook_id = o.webhook_id
    WHERE o.workspace_id = workspace
      AND o.outbox_id = leadterra.delivery_outbox(redeliver.delivery_id)
    FOR KEY SHARE OF w;
    IF NOT FOUND OR leadterra.delivery_body(workspace, redeliver.delivery_id) IS NULL THEN
        PERFORM leadterra.raise_error('delivery_not_found',
            format('delivery "%s" does not exist, or what it tells of does not',
                redeliver.delivery_id));
    END IF;
    -- One that was not begun yet comes anyway.
    IF leadterra.delivery_number(redeliver.delivery_id) < told.handed THEN
        INSERT INTO leadterra.webhook_deliveries AS d (
            workspace_id, delivery_id, webhook_id, due_at, attempt)
        VALUES (workspace, redeliver.delivery_id, told.webhook_id, leadterra.clock(), 0)
        ON CONFLICT ON CONSTRAINT webhook_deliveries_pkey DO UPDATE
        SET due_at = excluded.due_at, attempt = 0
        WHERE d.lease_id IS NULL;
        PERFORM pg_notify('leadterra_deliveries', '');
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.redeliver(uuid, uuid) IS
'Do what lt_redeliver says, in a workspace.';

CREATE FUNCTION @extschema@.lt_redeliver(delivery_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_redeliver';

COMMENT ON FUNCTION @extschema@.lt_redeliver(uuid) IS
'Deliver something again, with all attempts, whether it failed or succeeded

Its id is the same; what it says of a lead is what is known now. Where its webhook is disabled
it waits until that is resumed. One that a worker has is left to it.

Parameters:
- delivery_id: the delivery, from lt_deliveries
Errors: PT400 invalid_request, PT404 delivery_not_found (also where what it tells of was
deleted, or is past its keep).';
