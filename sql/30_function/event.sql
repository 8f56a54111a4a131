-- event: what becomes of events.

-- Named where events of a range of messages are looked for: the type stands before the
-- message in their key.
CREATE FUNCTION leadterra.event_types()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT '{delivered, opened, clicked, bounced, replied, unsubscribed, complained}'::text[];
END;

COMMENT ON FUNCTION leadterra.event_types() IS 'List the types of events.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_3_events()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.events v USING deleted d
    WHERE v.workspace_id = d.workspace_id AND v.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_3_events() IS
'Delete the events of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_3_events AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_3_events();

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_2_soft_bounces()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.soft_bounces b USING deleted d
    WHERE b.workspace_id = d.workspace_id AND b.lead_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_2_soft_bounces() IS
'Delete the soft bounces of leads that are deleted.';

CREATE TRIGGER leads_deleted_2_soft_bounces AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_2_soft_bounces();

CREATE FUNCTION @extschema@.lt_set_soft_bounce_limit(soft_bounces integer)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_soft_bounce_limit';

COMMENT ON FUNCTION @extschema@.lt_set_soft_bounce_limit(integer) IS
'Set how many soft bounces suppress an address of the workspace

They are counted that were recorded within 30 days, with no delivery and no reply between
them. Five suppress an address where this was never called.

Parameters:
- soft_bounces: from 1 to 1,000; null: no number suppresses an address, and none is counted
Errors: PT400 invalid_request.';

CREATE FUNCTION leadterra.hand_over_events(workspace uuid, campaign_id uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    UPDATE leadterra.events v SET lead_id = hand_over_events.heir
    WHERE v.workspace_id = hand_over_events.workspace
      AND v.campaign_id = hand_over_events.campaign_id
      AND v.lead_id = hand_over_events.source;
END;

COMMENT ON FUNCTION leadterra.hand_over_events(uuid, uuid, uuid, uuid) IS
'Let another lead have the events of a lead in a campaign.';

-- What is counted stays, what people or servers wrote goes; the digest is of that.
CREATE FUNCTION leadterra.forget_events(workspace uuid, campaign_id uuid, lead_id uuid)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
BEGIN ATOMIC
    UPDATE leadterra.events v SET
        data = jsonb_strip_nulls(jsonb_build_object('classification', v.data -> 'classification',
            'bounceType', v.data -> 'bounceType')),
        digest = v.event_id::text
    WHERE v.workspace_id = forget_events.workspace AND v.campaign_id = forget_events.campaign_id
      AND v.lead_id = forget_events.lead_id;
END;

COMMENT ON FUNCTION leadterra.forget_events(uuid, uuid, uuid) IS
'Take what people or servers wrote out of the events of a lead in a campaign.';

CREATE FUNCTION leadterra.delete_events(workspace uuid, campaign_id uuid, batch_ids uuid[])
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.events v
    USING unnest(batch_ids) AS b (batch_id)
    WHERE v.workspace_id = workspace AND v.campaign_id = delete_events.campaign_id
      AND v.type = ANY (leadterra.event_types())
      AND v.message_id BETWEEN b.batch_id AND leadterra.message_id(b.batch_id, 1000);
END;
$$;

COMMENT ON FUNCTION leadterra.delete_events(uuid, uuid, uuid[]) IS
'Remove the events of messages of batches of a campaign.';
