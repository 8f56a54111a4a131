-- forget: taking a person out of everything, for good.

CREATE FUNCTION leadterra.forget(workspace uuid, address text, entry text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    forgotten uuid;
    c record;
BEGIN
    DELETE FROM leadterra.import_rejects r
    WHERE r.workspace_id = workspace AND lower(btrim(r.lead ->> 'email', E' \t\n\v\f\r') COLLATE "C") = address;
    DELETE FROM leadterra.answers a
    WHERE a.workspace_id = workspace AND strpos(lower(a.answer::text COLLATE "C"), address) > 0;
    -- The lead before what suppresses its address, as a merge has them.  One that is
    -- gone may have given its address to another.
    LOOP
        SELECT l.lead_id INTO forgotten
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.email = address
        FOR UPDATE;
        EXIT WHEN FOUND;
        PERFORM FROM leadterra.leads l WHERE l.workspace_id = workspace AND l.email = address;
        EXIT WHEN NOT FOUND;
    END LOOP;

    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    VALUES (workspace, workspace, forget.entry, 'forgotten')
    ON CONFLICT DO NOTHING;
    DELETE FROM leadterra.suppressions s
    USING (
        SELECT b.blocklist_id FROM leadterra.blocklists b WHERE b.workspace_id = workspace
        UNION ALL
        SELECT workspace
    ) b
    WHERE s.workspace_id = workspace AND s.blocklist_id = b.blocklist_id AND s.entry = address;
    IF forgotten IS NULL THEN
        RETURN false;
    END IF;

    FOR c IN
        SELECT x.campaign_id
        FROM (SELECT x.campaign_id FROM leadterra.campaigns x WHERE x.workspace_id = workspace ORDER BY x.campaign_id OFFSET 0) x
        CROSS JOIN LATERAL (
            SELECT
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = x.campaign_id AND e.lead_id = forgotten
            FOR UPDATE
        ) e
    LOOP
        -- What is counted stays, what people or servers wrote goes; the digest is of that.
        UPDATE leadterra.events v SET
            data = jsonb_strip_nulls(jsonb_build_object('classification', v.data -> 'classification', 'bounceType', v.data -> 'bounceType')),
            digest = v.event_id::text
        WHERE v.workspace_id = workspace AND v.campaign_id = c.campaign_id AND v.lead_id = forgotten;
        UPDATE leadterra.exceptions x SET reason = 'forgotten'
        WHERE x.workspace_id = workspace AND x.campaign_id = c.campaign_id AND x.lead_id = forgotten AND x.state = 'failed';
        UPDATE leadterra.waiting w SET error = NULL
        WHERE w.workspace_id = workspace AND w.campaign_id = c.campaign_id AND w.error IS NOT NULL
          AND EXISTS (
              SELECT FROM leadterra.batches b
              WHERE b.workspace_id = workspace AND b.batch_id = w.batch_id AND forgotten = ANY (b.lead_ids[w.first:w.last]));
    END LOOP;
    DELETE FROM leadterra.leads l WHERE l.workspace_id = workspace AND l.lead_id = forgotten;
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.forget(uuid, text, text) IS
'Do what lt_forget says, in a workspace, with an address in normal form and its entry on the suppression list.';

CREATE FUNCTION @extschema@.lt_forget(email text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_forget';

COMMENT ON FUNCTION @extschema@.lt_forget(text) IS
'Delete a person by address and keep no more of the address than a keyed hash; return whether there was a lead

The lead leaves every list and campaign, its queued messages are skipped, and what people or servers wrote goes from its events and errors, as do rows that imports left out and answers that are kept for an Idempotency-Key. The hash is on the suppression list: the address is not enrolled and not mailed again until lt_unsuppress is called with it. Kept are ids without a name, times, and counts. A call that is enrolling the address at this moment may still make a record, which is never mailed: call again. Errors: PT400 invalid_email, PT400 invalid_request, PT409 wrong_isolation.';
