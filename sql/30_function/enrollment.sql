-- enrollment: which lead is in which campaign, and what goes with leads and campaigns.

-- Triggers stand in for foreign keys.  From enrollments and batches, those would
-- nearly double the cost of enrolling; and pg_restore in parallel loads the tables of
-- an extension in any order.  Each domain has a trigger for its own tables, and the
-- triggers of one table run, and lock, in the order of the numbers in their names.
-- Those of enrollments are the first.  They look for enrollments that were committed
-- after the statement's snapshot, hence READ COMMITTED, and lock them by campaign and
-- lead, so that two deletions do not deadlock.  Enrollments are found by campaign and
-- lead too, one look-up for each pair: an index by lead would cost every enrollment,
-- and deletions are few.
CREATE FUNCTION leadterra.leads_deleted_1_enrollments()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting leads');
    WITH doomed AS (
        SELECT e.*
        FROM (
            SELECT d.workspace_id, c.campaign_id, d.lead_id
            FROM deleted d
            JOIN leadterra.campaigns c ON c.workspace_id = d.workspace_id
            ORDER BY c.campaign_id, d.lead_id
        ) k
        CROSS JOIN LATERAL (
            SELECT e.workspace_id, e.campaign_id, e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = k.workspace_id AND e.campaign_id = k.campaign_id
              AND e.lead_id = k.lead_id
            FOR UPDATE
        ) e
    ), gone AS (
        DELETE FROM leadterra.enrollments e
        USING doomed d
        WHERE e.workspace_id = d.workspace_id
          AND e.campaign_id = d.campaign_id
          AND e.lead_id = d.lead_id
        RETURNING e.workspace_id, e.campaign_id, e.lead_id
    )
    INSERT INTO leadterra.deletions (workspace_id, campaign_id, lead_ids)
    SELECT workspace_id, campaign_id, array_agg(lead_id)
    FROM gone
    GROUP BY workspace_id, campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_1_enrollments() IS
'Delete the enrollments of leads that are deleted, and note which they were.';

CREATE TRIGGER leads_deleted_1_enrollments AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_1_enrollments();

CREATE FUNCTION leadterra.campaigns_deleted_1_enrollments()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM leadterra.require_read_committed('deleting campaigns');
    PERFORM FROM leadterra.enrollments e
    JOIN deleted d ON d.workspace_id = e.workspace_id AND d.campaign_id = e.campaign_id
    ORDER BY e.campaign_id, e.lead_id
    FOR UPDATE OF e;
    DELETE FROM leadterra.enrollments e USING deleted d
    WHERE e.workspace_id = d.workspace_id AND e.campaign_id = d.campaign_id;
    -- Whoever was deleting leads of it has ended.
    DELETE FROM leadterra.deletions x USING deleted d
    WHERE x.workspace_id = d.workspace_id AND x.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_1_enrollments() IS
'Delete the enrollments of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_1_enrollments AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_1_enrollments();

CREATE FUNCTION leadterra.lock_enrollments(workspace uuid, lead_id uuid)
RETURNS SETOF uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
BEGIN ATOMIC
    SELECT c.campaign_id
    FROM (
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = lock_enrollments.workspace
        ORDER BY c.campaign_id
        OFFSET 0
    ) c
    CROSS JOIN LATERAL (
        SELECT
        FROM leadterra.enrollments e
        WHERE e.workspace_id = lock_enrollments.workspace AND e.campaign_id = c.campaign_id
          AND e.lead_id = lock_enrollments.lead_id
        FOR UPDATE
    ) e;
END;

COMMENT ON FUNCTION leadterra.lock_enrollments(uuid, uuid) IS
'Lock the enrollments of a lead, by campaign, and return the campaigns.';

CREATE FUNCTION leadterra.remove_enrollments(workspace uuid, campaign_id uuid, lead_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- Locked in one order, so that two calls do not deadlock.
    PERFORM FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = remove_enrollments.campaign_id
      AND e.lead_id = ANY (lead_ids) AND e.status = 'active'
    ORDER BY e.lead_id
    FOR NO KEY UPDATE;
    UPDATE leadterra.enrollments e SET status = 'removed'
    WHERE e.workspace_id = workspace AND e.campaign_id = remove_enrollments.campaign_id
      AND e.lead_id = ANY (lead_ids) AND e.status = 'active';
END;
$$;

COMMENT ON FUNCTION leadterra.remove_enrollments(uuid, uuid, uuid[]) IS
'Take leads that are active in a campaign out of it.';

CREATE FUNCTION leadterra.hand_over_enrollment(
    workspace uuid, campaign_id uuid, source uuid, heir uuid)
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    INSERT INTO leadterra.enrollments (workspace_id, campaign_id, lead_id, status, enrolled_at)
    SELECT workspace, e.campaign_id, heir, e.status, e.enrolled_at
    FROM leadterra.enrollments e
    WHERE e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id
      AND e.lead_id = source
    ON CONFLICT DO NOTHING;
    IF FOUND THEN
        RETURN true;
    END IF;
    -- It is the person who did that.
    UPDATE leadterra.enrollments e SET status = s.status
    FROM leadterra.enrollments s
    WHERE s.workspace_id = workspace AND s.campaign_id = hand_over_enrollment.campaign_id
      AND s.lead_id = source AND s.status IN ('replied', 'unsubscribed')
      AND e.workspace_id = workspace AND e.campaign_id = hand_over_enrollment.campaign_id
      AND e.lead_id = heir AND e.status = 'active';
    RETURN false;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_enrollment(uuid, uuid, uuid, uuid) IS
'Enroll a lead in the state of another, which is about to be deleted

Returns true; false where it was enrolled: then it has replied or unsubscribed if the other
has.';

-- Of a status that few have, most of what is looked at is passed over: the last row says
-- how far the page looked.  An index has those that ended.
CREATE FUNCTION @extschema@.lt_campaign_leads(
    campaign_id uuid,
    status text DEFAULT NULL,
    after uuid DEFAULT NULL,
    max_leads integer DEFAULT 100
)
RETURNS SETOF @extschema@.lt_lead_page
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    campaign CONSTANT uuid := leadterra.enter_campaign('leads:read', lt_campaign_leads.campaign_id);
    workspace CONSTANT uuid := leadterra.current_workspace();
    wanted CONSTANT integer := leadterra.row_limit('max_leads', lt_campaign_leads.max_leads);
    start CONSTANT uuid :=
        coalesce(lt_campaign_leads.after, '00000000-0000-0000-0000-000000000000');
    only_status CONSTANT text := lt_campaign_leads.status;
    look_at CONSTANT integer :=
        CASE WHEN only_status = 'active' THEN greatest(wanted, 1000) ELSE wanted END;
    seen uuid[];
    found bigint;
BEGIN
    IF only_status NOT IN ('active', 'replied', 'bounced', 'unsubscribed', 'removed') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('status "%s" is not one of an enrollment', only_status));
    END IF;
    IF only_status <> 'active' THEN
        SELECT array_agg(e.lead_id) INTO seen
        FROM (
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign
              AND e.status = only_status AND e.status <> 'active' AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at
        ) e;
    ELSE
        SELECT array_agg(e.lead_id) INTO seen
        FROM (
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at
        ) e;
    END IF;
    RETURN QUERY
    SELECT e.lead_id, l.email, l.first_name, l.last_name, l.company,
        e.status, e.enrolled_at, e.lead_id
    FROM unnest(seen) WITH ORDINALITY AS u (lead_id, number)
    CROSS JOIN LATERAL (
        SELECT e.lead_id, e.status, e.enrolled_at
        FROM leadterra.enrollments e
        WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id = u.lead_id
          AND (only_status IS NULL OR e.status = only_status)
        OFFSET 0
    ) e
    CROSS JOIN LATERAL (
        SELECT l.email, l.first_name, l.last_name, l.company
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
        OFFSET 0
    ) l
    ORDER BY u.number
    LIMIT wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found < wanted AND cardinality(seen) = look_at THEN
        RETURN QUERY
        SELECT NULL::uuid, NULL, NULL, NULL, NULL, NULL, NULL::timestamptz, seen[look_at];
    END IF;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_campaign_leads(uuid, text, uuid, integer) IS
'List the leads of a campaign, a page at a time

A page reads little, however large the campaign is: it stops after a bounded number of
leads with another status. Then it is shorter than asked, and its last row is null but for
next_after.

Parameters:
- campaign_id: the campaign
- status: active, replied, bounced, unsubscribed or removed; null: all
- after: next_after of the last row of the page before; null: from the first lead
- max_leads: how many at most, 1 to 10,000
Returns: leads in the order of their ids. No row means that there are no more.
Errors: PT400 invalid_request, PT404 campaign_not_found.';

CREATE FUNCTION @extschema@.lt_lead_campaigns(lead_id uuid)
RETURNS TABLE (
    campaign_id uuid,
    name text,
    campaign_status text,
    status text,
    enrolled_at timestamptz
)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
    workspace uuid;
BEGIN
    PERFORM leadterra.enter('leads:read');
    workspace := leadterra.current_workspace();
    PERFORM FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id = lt_lead_campaigns.lead_id;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('lead_not_found',
            format('lead "%s" does not exist', lt_lead_campaigns.lead_id));
    END IF;
    RETURN QUERY
    SELECT c.campaign_id, c.name, c.status, e.status, e.enrolled_at
    FROM leadterra.campaigns c
    CROSS JOIN LATERAL (
        SELECT e.status, e.enrolled_at
        FROM leadterra.enrollments e
        WHERE e.workspace_id = workspace AND e.campaign_id = c.campaign_id
          AND e.lead_id = lt_lead_campaigns.lead_id
        OFFSET 0
    ) e
    WHERE c.workspace_id = workspace
    ORDER BY e.enrolled_at DESC, c.campaign_id DESC;
END;
$$;

COMMENT ON FUNCTION @extschema@.lt_lead_campaigns(uuid) IS
'List the campaigns that a lead is or was in, the latest first

lt_explain_lead tells of the messages of one of them.

Parameters:
- lead_id: the lead
Returns: a row a campaign.
Errors: PT400 invalid_request, PT404 lead_not_found.';
