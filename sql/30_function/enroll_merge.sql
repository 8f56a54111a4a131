-- enroll: two records of one person become one.

-- Batches are never changed, so the message that a lead stands at is made anew; the
-- old one is passed over once its lead is deleted.
CREATE FUNCTION leadterra.hand_over_message(workspace uuid, campaign uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
    m record;
    due timestamptz;
    batch uuid;
BEGIN
    SELECT x.step, x.state, x.waiting_since, x.batch_id, x."position",
        coalesce(x.sender_id, leadterra.nobody()) AS sender_id INTO m
    FROM leadterra.messages x
    WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source
      AND x.state <> 'sent';
    IF m.state = 'leased' THEN
        PERFORM leadterra.raise_error('lead_leased',
            format('a message to lead "%s" is with a worker', source));
    END IF;
    IF m.state IN ('queued', 'retry') THEN
        -- A claim may just have taken it.
        due := leadterra.lock_waiting(
            workspace, campaign, m.sender_id, m.step, m.waiting_since, m.batch_id, m."position");
        PERFORM FROM leadterra.messages x
        WHERE x.workspace_id = workspace AND x.campaign_id = campaign AND x.lead_id = source
          AND x.batch_id = m.batch_id AND x."position" = m."position" AND x.state = m.state;
        IF NOT FOUND THEN
            PERFORM leadterra.raise_error('lead_leased',
                format('a message to lead "%s" is with a worker', source));
        END IF;
    END IF;

    IF m.step IS NOT NULL THEN
        batch := leadterra.enqueue(
            workspace, campaign, m.step, m.waiting_since, heir, m.sender_id,
            coalesce(due, m.waiting_since));
    END IF;
    IF m.state IN ('failed', 'skipped') THEN
        PERFORM leadterra.hand_over_exception(
            workspace, campaign, m.step, m.waiting_since, batch, source, heir);
    END IF;
    -- Who was enrolled is known from batches of step one.
    IF m.step IS DISTINCT FROM 1 THEN
        PERFORM leadterra.add_to_totals(
            workspace, campaign, leadterra.zone_day(
                leadterra.campaign_zone(workspace, campaign), leadterra.clock()),
            1, enrolled => 1);
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_message(uuid, uuid, uuid, uuid) IS
'Let a lead in a campaign stand at the step of another, which is about to be deleted.';

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
    source_entry text;
    given_up text[];
    campaign uuid;
    e record;
BEGIN
    PERFORM leadterra.require_read_committed('merging leads');
    IF merge_leads.lead_id IS NULL OR merge_leads.destination_lead_id IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null',
                CASE WHEN merge_leads.lead_id IS NULL THEN 'lead_id'
                ELSE 'destination_lead_id' END));
    ELSIF merge_leads.lead_id = merge_leads.destination_lead_id THEN
        PERFORM leadterra.raise_error('invalid_request', 'a lead cannot be merged with itself');
    END IF;
    -- Whoever forgets a lead makes the key of hashes before it has the lead, too.
    PERFORM leadterra.hash_address(workspace, '');
    -- In one order, so that two calls with the same leads do not deadlock: see
    -- leadterra.begin_again().
    LOOP
        BEGIN
            FOR e IN
                SELECT l.lead_id, l.email
                FROM leadterra.leads l
                WHERE l.workspace_id = workspace
                  AND l.lead_id IN (merge_leads.lead_id, merge_leads.destination_lead_id)
                ORDER BY l.email NULLS FIRST, l.lead_id
            LOOP
                source := leadterra.lock_lead(workspace, e.lead_id);
                IF source.email IS DISTINCT FROM e.email THEN
                    PERFORM leadterra.begin_again();
                END IF;
            END LOOP;
            EXIT;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
    source := leadterra.lock_lead(workspace, merge_leads.lead_id);
    heir := leadterra.lock_lead(workspace, merge_leads.destination_lead_id);

    FOR campaign IN
        SELECT c.campaign_id
        FROM leadterra.lock_enrollments(workspace, source.lead_id) AS c (campaign_id)
    LOOP
        IF leadterra.hand_over_enrollment(workspace, campaign, source.lead_id, heir.lead_id) THEN
            PERFORM leadterra.hand_over_message(workspace, campaign, source.lead_id, heir.lead_id);
        END IF;
        PERFORM leadterra.hand_over_events(workspace, campaign, source.lead_id, heir.lead_id);
    END LOOP;
    PERFORM leadterra.hand_over_lists(workspace, source.lead_id, heir.lead_id);
    source_entry := leadterra.hash_address(workspace, source.email);
    given_up := ARRAY(
        SELECT m.entry FROM leadterra.merged_leads(workspace, source.lead_id) m
        WHERE m.entry IS NOT NULL
        UNION ALL
        SELECT m.entry FROM leadterra.merged_leads(workspace, heir.lead_id) m
        WHERE m.entry IS NOT NULL);
    PERFORM leadterra.hand_over_suppression(
        workspace, source.email, source_entry, heir.email,
        leadterra.hash_address(workspace, heir.email), given_up);
    PERFORM leadterra.hand_over_heirs(
        workspace, source.lead_id, heir.lead_id,
        CASE WHEN heir.email IS NOT NULL THEN source_entry END);
    PERFORM leadterra.absorb_lead(workspace, source.lead_id, heir.lead_id);
END;
$$;

COMMENT ON FUNCTION leadterra.merge_leads(uuid, uuid, uuid) IS
'Do what lt_merge_leads says, in a workspace.';

CREATE FUNCTION @extschema@.lt_merge_leads(lead_id uuid, destination_lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_merge_leads';

COMMENT ON FUNCTION @extschema@.lt_merge_leads(uuid, uuid) IS
'Merge a lead into another one, and delete it

The destination keeps its fields. Those without a value come from the lead, its address
too, and so do its lists. Where both are in a campaign, the destination stays where it
stands, and has replied or unsubscribed if either has. Where only the lead is, the
destination takes its place and is sent nothing twice. Who has opted out at one of the
addresses has at both. Events go over, and later ones of messages to the lead, such as the
use of a link, are about the destination; for that a hash of the address that is given up
is kept.

lt_forget does not find the address that is given up: forget the destination.

Parameters:
- lead_id: the lead that goes
- destination_lead_id: the lead that stays
Errors: PT400 invalid_request, PT404 lead_not_found, PT409 lead_leased (a message to the
lead is with a worker: try again once it is settled), PT409 wrong_isolation.';
