-- message: counting and removing what is past its keep.

-- Removes leases, batches and imports of one campaign that are past their keep,
-- a slice of each.  A batch is needed while a message of it waits, is leased, or may
-- be brought back.
CREATE FUNCTION leadterra.maintain_campaign(
    workspace uuid, campaign uuid, before timestamptz, slice integer)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    zone CONSTANT text := leadterra.campaign_zone(workspace, campaign);
    leases uuid[];
    batches uuid[];
    ended bigint;
BEGIN
    -- One that is just being deleted needs nothing.
    IF NOT leadterra.keep_free_campaign(workspace, campaign) THEN
        RETURN 0;
    END IF;
    IF leadterra.begin_to_count(workspace, campaign) THEN
        PERFORM leadterra.count_anew(workspace, campaign);
    ELSE
        PERFORM leadterra.fold_counts(workspace, campaign);
    END IF;
    leases := leadterra.lock_old_leases(workspace, campaign, before, slice);
    PERFORM leadterra.add_to_totals(
        workspace, campaign, n.day, n.step, n.variant, n.sender_id, n.enrolled, n.sent,
        n.skipped, n.failed, n.delivered, n.opened, n.bounced, n.replied, n.unsubscribed,
        n.clicked, n.complained)
    FROM leadterra.count_leases(workspace, campaign, zone, leases) n;
    PERFORM leadterra.delete_leases(workspace, leases);

    -- The events of their messages go with them: so many messages are a slice, too.
    SELECT
        f.batch_ids,
        (SELECT count(*)
         FROM leadterra.exceptions x
         WHERE x.workspace_id = workspace AND x.campaign_id = campaign
           AND x.batch_id = ANY (f.batch_ids))
    INTO batches, ended
    FROM (
        SELECT ARRAY(
            SELECT b.batch_id
            FROM (
                SELECT
                    b.batch_id,
                    sum(b.size) OVER (ORDER BY b.step, b.waiting_since, b.batch_id) - b.size
                        AS messages_before
                FROM (
                    SELECT b.batch_id
                    FROM leadterra.batches b
                    WHERE b.workspace_id = workspace AND b.campaign_id = campaign
                      AND b.waiting_since < before
                    EXCEPT
                    (SELECT w.batch_id FROM leadterra.waiting w
                     WHERE w.workspace_id = workspace AND w.campaign_id = campaign
                     UNION ALL
                     SELECT unnest(l.batch_ids) FROM leadterra.leases l
                     WHERE l.workspace_id = workspace AND l.campaign_id = campaign
                     UNION ALL
                     SELECT x.batch_id FROM leadterra.exceptions x
                     WHERE x.workspace_id = workspace AND x.campaign_id = campaign
                       AND (x.created_at >= before OR x.reason = 'removed'))
                ) f
                JOIN leadterra.batches b
                    ON b.workspace_id = workspace AND b.batch_id = f.batch_id
                WHERE NOT EXISTS (
                    SELECT FROM leadterra.events v
                    WHERE v.workspace_id = workspace AND v.campaign_id = campaign
                      AND v.type = ANY (leadterra.event_types())
                      AND v.message_id
                          BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000)
                      AND v.created_at >= before)
            ) b
            WHERE b.messages_before < slice * 100
            LIMIT slice) AS batch_ids
    ) f;
    batches := leadterra.lock_finished_batches(workspace, campaign, batches, before, ended);
    PERFORM leadterra.add_to_totals(
        workspace, campaign, n.day, n.step, n.variant, n.sender_id, n.enrolled, n.sent,
        n.skipped, n.failed, n.delivered, n.opened, n.bounced, n.replied, n.unsubscribed,
        n.clicked, n.complained)
    FROM leadterra.count_batches(workspace, campaign, zone, batches) n;
    PERFORM leadterra.delete_events(workspace, campaign, batches);
    PERFORM leadterra.delete_batches(workspace, campaign, batches);
    RETURN cardinality(leases) + cardinality(batches)
        + leadterra.maintain_imports(workspace, campaign, before, slice);
END;
$$;

COMMENT ON FUNCTION leadterra.maintain_campaign(uuid, uuid, timestamptz, integer) IS
'Count and remove what was finished of a campaign before a time

These are leases, batches and imports. Returns how many.';

CREATE FUNCTION @extschema@.lt_maintain(keep interval DEFAULT '90 days')
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
-- Whoever holds a row of one workspace keeps it from that one: see below.
SET lock_timeout = '100ms'
AS $$
DECLARE
    slice constant integer := 1000;
    before timestamptz;
    w record;
    c record;
    held uuid;
    removed bigint := 0;
BEGIN
    -- No older message can have been sent, and no time is as old.
    IF keep IS NULL OR keep < interval '0' OR keep > interval '1000 years' THEN
        PERFORM leadterra.raise_error('invalid_request',
            'argument "keep" must be from nothing to 1000 years');
    END IF;
    before := leadterra.clock() - keep;
    PERFORM leadterra.require_read_committed('maintenance');
    -- One at a time; the others have nothing to do.  A lock that the owner alone may
    -- take, and that no call waits for.
    BEGIN
        LOCK TABLE leadterra.api_keys IN SHARE UPDATE EXCLUSIVE MODE NOWAIT;
    EXCEPTION WHEN lock_not_available THEN
        RETURN 0;
    END;
    -- What one workspace has written by hand, or holds, is not to keep the others from it.
    FOR w IN
        SELECT x.workspace_id
        FROM leadterra.workspaces x
        WHERE leadterra.is_open(x.workspace_id)
        ORDER BY x.workspace_id
    LOOP
        EXIT WHEN removed >= slice;
        BEGIN
            PERFORM leadterra.maintain_answers(w.workspace_id);
            PERFORM leadterra.maintain_pools(w.workspace_id);
            removed := removed + leadterra.maintain_jobs(w.workspace_id, before, slice - removed);
            removed := removed
                + leadterra.maintain_webhooks(w.workspace_id, before, slice - removed);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR lock_not_available
            OR SQLSTATE 'PT500' THEN
            RAISE WARNING 'maintenance of workspace "%" failed: %', w.workspace_id, SQLERRM;
        END;
    END LOOP;
    FOR c IN
        SELECT x.workspace_id, x.campaign_id
        FROM leadterra.campaigns x
        WHERE leadterra.is_open(x.workspace_id)
        ORDER BY x.workspace_id, x.campaign_id
    LOOP
        EXIT WHEN removed >= slice;
        -- Once is enough: what was removed of others is locked meanwhile.
        CONTINUE WHEN c.workspace_id = held;
        BEGIN
            removed := removed
                + leadterra.maintain_campaign(c.workspace_id, c.campaign_id, before, slice);
        EXCEPTION WHEN data_exception OR integrity_constraint_violation OR lock_not_available
            OR SQLSTATE 'PT500' THEN
            held := CASE WHEN SQLSTATE = '55P03' THEN c.workspace_id ELSE held END;
            RAISE WARNING 'maintenance of campaign "%" of workspace "%" failed: %',
                c.campaign_id, c.workspace_id, SQLERRM;
        END;
    END LOOP;
    RETURN removed;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_maintain(interval) IS
'Remove what was finished long ago, a slice of it

Finished batches with their exceptions and events, closed leases and finished jobs go once
they are older than keep. The statistics keep their counts. Imports go with the rows that
they left out. What webhooks were told, or still have to be, goes with its log. Answers to
requests with an Idempotency-Key go after a day, uncounted.

Call it until it returns 0, or from time to time. It works on all workspaces, as the owner
of the extension. What a transaction holds stays for the next time. An event of a message
past its keep answers PT404; the link in it goes on working.

Parameters:
- keep: how old, from nothing to 1,000 years
Returns: how much was removed; 0 also while another session is at it.
Errors: PT400 invalid_request, PT409 wrong_isolation.';
