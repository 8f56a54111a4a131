-- forget: taking a person out of everything, for good.

CREATE FUNCTION leadterra.forget(workspace uuid, address text, entry text)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    forgotten uuid;
    known_as uuid;
    campaign uuid;
BEGIN
    PERFORM leadterra.forget_rejects(workspace, address);
    PERFORM leadterra.forget_answers(workspace, address);
    -- The lead before what suppresses its address, as a merge has them.
    forgotten := leadterra.lock_lead(workspace, address);
    PERFORM leadterra.forget_address(workspace, address, entry);
    IF forgotten IS NULL THEN
        RETURN false;
    END IF;
    FOR campaign IN
        SELECT c.campaign_id
        FROM leadterra.lock_enrollments(workspace, forgotten) AS c (campaign_id)
    LOOP
        FOR known_as IN
            SELECT forgotten
            UNION ALL
            SELECT m.lead_id FROM leadterra.merged_leads(workspace, forgotten) m
        LOOP
            PERFORM leadterra.forget_events(workspace, campaign, known_as);
            PERFORM leadterra.forget_errors(workspace, campaign, known_as);
        END LOOP;
    END LOOP;
    -- What leads to it goes with it.
    PERFORM leadterra.delete_lead(workspace, forgotten);
    RETURN true;
END;
$$;

COMMENT ON FUNCTION leadterra.forget(uuid, text, text) IS
'Do what lt_forget says, in a workspace

The address is in normal form; entry is what stands for it on the suppression list.';

CREATE FUNCTION @extschema@.lt_forget(email text)
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_forget';

COMMENT ON FUNCTION @extschema@.lt_forget(text) IS
'Delete a person by address, and keep no more of the address than a keyed hash

The lead leaves every list and campaign, and its queued messages are skipped. What people
and servers wrote goes from its events and errors. So do rows that imports left out, and
answers that are kept for an Idempotency-Key. The hash is on the suppression list: the
address is not enrolled and not mailed, until lt_unsuppress is called with it. Kept are ids
without a name, times and counts.

A call that is enrolling the address at this moment may still make a record, which is never
mailed: call again.

Parameters:
- email: the address
Returns: whether there was a lead.
Errors: PT400 invalid_email, PT400 invalid_request, PT409 wrong_isolation.';
