-- enroll: two records of one person become one.

-- The state of a lead in a campaign goes over to another lead that is not in it.
-- Batches are never changed, so the message that the lead stands at is made anew;
-- the old one is passed over once its lead is deleted.
CREATE FUNCTION leadterra.hand_over(workspace uuid, campaign uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    m record;
    batch uuid;
BEGIN
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, status, enrolled_at)
    SELECT workspace, campaign, heir, e.status, e.enrolled_at
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id = source;

    SELECT x.step, x.state, x.waiting_since, x.reason, x.attempt, x.batch_id, x."position" INTO m
    FROM leadterra.messages x
    WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source AND x.state <> 'sent';
    IF m.state = 'leased' THEN
        PERFORM leadterra.raise_error('lead_leased', format('a message to lead "%s" is with a worker', source));
    END IF;
    IF m.state IN ('queued', 'retry') THEN
        -- Claims step over the range from here on; one may just have taken it.
        PERFORM FROM leadterra.waiting w
        WHERE w.workspace_id = workspace AND w.campaign_id = campaign AND w.step = m.step
          AND w.waiting_since = m.waiting_since AND w.batch_id = m.batch_id AND m."position" BETWEEN w.first AND w.last
        FOR UPDATE;
        PERFORM FROM leadterra.messages x
        WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source
          AND x.batch_id = m.batch_id AND x."position" = m."position" AND x.state = m.state;
        IF NOT FOUND THEN
            PERFORM leadterra.raise_error('lead_leased', format('a message to lead "%s" is with a worker', source));
        END IF;
    END IF;

    IF m.step IS NOT NULL THEN
        batch := leadterra.enqueue(workspace, campaign, m.step, m.waiting_since, heir);
    END IF;
    IF m.state IN ('failed', 'skipped') THEN
        DELETE FROM leadterra.waiting w
        WHERE w.workspace_id = workspace AND w.campaign_id = campaign AND w.step = m.step
          AND w.waiting_since = m.waiting_since AND w.range_id = batch;
        INSERT INTO leadterra.exceptions (workspace_id, campaign_id, lead_id, step, batch_id, "position", state, reason, attempt, created_at)
        VALUES (workspace, campaign, heir, m.step, batch, 1, m.state, m.reason, m.attempt, leadterra.clock());
        DELETE FROM leadterra.exceptions x
        WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source;
    END IF;
    -- Who was enrolled is known from batches of step one.
    IF m.step IS DISTINCT FROM 1 THEN
        INSERT INTO leadterra.totals AS t (workspace_id, campaign_id, enrolled)
        VALUES (workspace, campaign, 1)
        ON CONFLICT (workspace_id, campaign_id) DO UPDATE SET enrolled = t.enrolled + 1;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over(uuid, uuid, uuid, uuid) IS
'Enroll a lead in a campaign in the state and at the step of another, which is about to be deleted.';

CREATE FUNCTION leadterra.merge_leads(workspace uuid, lead_id uuid, destination_lead_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    source leadterra.leads;
    heir leadterra.leads;
    e record;
BEGIN
    PERFORM leadterra.require_read_committed('merging leads');
    IF merge_leads.lead_id IS NULL OR merge_leads.destination_lead_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null', CASE WHEN merge_leads.lead_id IS NULL THEN 'lead_id' ELSE 'destination_lead_id' END));
    ELSIF merge_leads.lead_id = merge_leads.destination_lead_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'a lead cannot be merged with itself');
    END IF;
    -- In one order, so that two calls with the same leads do not deadlock: see
    -- leadterra.lock_again().
    LOOP
        BEGIN
            FOR e IN
                SELECT l.lead_id, l.email
                FROM leadterra.leads l
                WHERE l.workspace_id = workspace AND l.lead_id IN (merge_leads.lead_id, merge_leads.destination_lead_id)
                ORDER BY l.email NULLS FIRST, l.lead_id
            LOOP
                source := leadterra.lock_lead(workspace, e.lead_id);
                IF source.email IS DISTINCT FROM e.email THEN
                    PERFORM leadterra.lock_again();
                END IF;
            END LOOP;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
    source := leadterra.lock_lead(workspace, merge_leads.lead_id);
    heir := leadterra.lock_lead(workspace, merge_leads.destination_lead_id);

    FOR e IN
        SELECT c.campaign_id, s.status AS source_status, h.status AS heir_status
        FROM (SELECT c.campaign_id FROM leadterra.campaigns c WHERE c.workspace_id = workspace ORDER BY c.campaign_id OFFSET 0) c
        CROSS JOIN LATERAL (
            SELECT x.status
            FROM leadterra.enrollments x
            WHERE x.workspace_id = workspace AND x.campaign_id = c.campaign_id AND x.lead_id = source.lead_id
            FOR UPDATE
        ) s
        LEFT JOIN LATERAL (
            SELECT x.status
            FROM leadterra.enrollments x
            WHERE x.workspace_id = workspace AND x.campaign_id = c.campaign_id AND x.lead_id = heir.lead_id
            OFFSET 0
        ) h ON true
    LOOP
        IF e.heir_status IS NULL THEN
            PERFORM leadterra.hand_over(workspace, e.campaign_id, source.lead_id, heir.lead_id);
        ELSIF e.heir_status = 'active' AND e.source_status IN ('replied', 'unsubscribed') THEN
            -- It is the person who did that.
            UPDATE leadterra.enrollments x SET status = e.source_status
            WHERE x.workspace_id = workspace AND x.campaign_id = e.campaign_id AND x.lead_id = heir.lead_id;
        END IF;
        UPDATE leadterra.events v SET lead_id = heir.lead_id
        WHERE v.workspace_id = workspace AND v.campaign_id = e.campaign_id AND v.lead_id = source.lead_id;
    END LOOP;

    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id, added_at)
    SELECT workspace, m.list_id, heir.lead_id, m.added_at
    FROM leadterra.list_members m
    WHERE m.workspace_id = workspace AND m.lead_id = source.lead_id
    ORDER BY m.list_id
    ON CONFLICT DO NOTHING;

    -- It is the person who did that, too: an address that is given up takes it along.
    INSERT INTO leadterra.suppressions (workspace_id, blocklist_id, entry, reason)
    SELECT workspace, workspace, heir.email, s.reason
    FROM leadterra.suppressions s
    WHERE s.workspace_id = workspace AND s.blocklist_id = workspace AND s.entry = source.email AND s.reason = 'unsubscribed'
      AND heir.email IS NOT NULL
    ON CONFLICT DO NOTHING;

    -- First, for the address is unique.
    DELETE FROM leadterra.leads l WHERE l.workspace_id = workspace AND l.lead_id = source.lead_id;
    UPDATE leadterra.leads l SET
        email = coalesce(heir.email, source.email),
        first_name = leadterra.not_blank(heir.first_name, source.first_name),
        last_name = leadterra.not_blank(heir.last_name, source.last_name),
        company = leadterra.not_blank(heir.company, source.company),
        job_title = leadterra.not_blank(heir.job_title, source.job_title),
        phone = leadterra.not_blank(heir.phone, source.phone),
        website = leadterra.not_blank(heir.website, source.website),
        personalization = leadterra.not_blank(heir.personalization, source.personalization),
        lead_value = leadterra.not_blank(heir.lead_value, source.lead_value),
        interest_status = coalesce(heir.interest_status, source.interest_status),
        assigned_to = coalesce(heir.assigned_to, source.assigned_to),
        verification_status = CASE WHEN heir.email IS NULL THEN source.verification_status ELSE heir.verification_status END,
        custom = leadterra.merge_custom(source.custom, (
            SELECT coalesce(jsonb_object_agg(h.key, h.value), '{}')
            FROM jsonb_each(heir.custom) AS h (key, value)
            WHERE NOT source.custom ? h.key OR btrim(coalesce(h.value #>> '{}', ''), E' \t\n\v\f\r') <> '')),
        updated_at = now()
    WHERE l.workspace_id = workspace AND l.lead_id = heir.lead_id;
END;
$$;

COMMENT ON FUNCTION leadterra.merge_leads(uuid, uuid, uuid) IS 'Do what lt_merge_leads says, in a workspace.';

CREATE FUNCTION @extschema@.lt_merge_leads(lead_id uuid, destination_lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_merge_leads';

COMMENT ON FUNCTION @extschema@.lt_merge_leads(uuid, uuid) IS
'Merge a lead into another one, and delete it

The destination keeps its fields; those without a value, its address too, come from the lead, and so do its lists. Where both are in a campaign, the destination stays where it stands, and has replied or unsubscribed if either has; an address that unsubscribed suppresses that of the destination. Where only the lead is, the destination takes its place: it goes on at the same step, and is sent nothing twice. Events go over; messages that were sent stay listed under neither. lt_forget does not find the address that is given up: forget the destination. Errors: PT400 invalid_request, PT404 lead_not_found, PT409 lead_leased (a message to the lead is with a worker: try again once it is settled), PT409 wrong_isolation.';
