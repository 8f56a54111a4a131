-- total: counts that outlive what was counted.

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.campaigns_deleted_4_totals()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.totals t USING deleted d
    WHERE t.workspace_id = d.workspace_id AND t.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.campaigns_deleted_4_totals() IS
'Delete the totals of campaigns that are deleted.';

CREATE TRIGGER campaigns_deleted_4_totals AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted_4_totals();

CREATE FUNCTION leadterra.add_to_totals(
    workspace uuid,
    campaign_id uuid,
    day date,
    step integer,
    variant integer DEFAULT 0,
    sender_id uuid DEFAULT leadterra.nobody(),
    enrolled bigint DEFAULT 0,
    sent bigint DEFAULT 0,
    skipped bigint DEFAULT 0,
    failed bigint DEFAULT 0,
    delivered bigint DEFAULT 0,
    opened bigint DEFAULT 0,
    bounced bigint DEFAULT 0,
    replied bigint DEFAULT 0,
    unsubscribed bigint DEFAULT 0,
    clicked bigint DEFAULT 0,
    complained bigint DEFAULT 0)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    INSERT INTO leadterra.totals AS t (
        workspace_id, campaign_id, day, step, variant, sender_id, enrolled, sent, skipped, failed,
        delivered, opened, bounced, replied, unsubscribed, clicked, complained)
    VALUES (
        workspace, add_to_totals.campaign_id, add_to_totals.day, add_to_totals.step,
        add_to_totals.variant, add_to_totals.sender_id,
        add_to_totals.enrolled, add_to_totals.sent, add_to_totals.skipped, add_to_totals.failed,
        add_to_totals.delivered, add_to_totals.opened, add_to_totals.bounced,
        add_to_totals.replied, add_to_totals.unsubscribed, add_to_totals.clicked,
        add_to_totals.complained)
    ON CONFLICT ON CONSTRAINT totals_pkey DO UPDATE SET
        enrolled = t.enrolled + excluded.enrolled,
        sent = t.sent + excluded.sent,
        skipped = t.skipped + excluded.skipped,
        failed = t.failed + excluded.failed,
        delivered = t.delivered + excluded.delivered,
        opened = t.opened + excluded.opened,
        bounced = t.bounced + excluded.bounced,
        replied = t.replied + excluded.replied,
        unsubscribed = t.unsubscribed + excluded.unsubscribed,
        clicked = t.clicked + excluded.clicked,
        complained = t.complained + excluded.complained;
END;
$$;

COMMENT ON FUNCTION leadterra.add_to_totals(
    uuid, uuid, date, integer, integer, uuid, bigint, bigint, bigint, bigint, bigint, bigint,
    bigint, bigint, bigint, bigint, bigint) IS
'Add to the counts of a campaign, of a day, a step, a variant and a sender.';

-- Both of these are asked before anything is removed, and what they return is added.
CREATE FUNCTION leadterra.count_leases(
    workspace uuid, campaign_id uuid, zone text, lease_ids uuid[])
RETURNS TABLE (
    day date, step smallint, variant smallint, sender_id uuid, enrolled bigint, sent bigint,
    skipped bigint, failed bigint, delivered bigint, opened bigint, bounced bigint,
    replied bigint, unsubscribed bigint, clicked bigint, complained bigint)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_leases';

COMMENT ON FUNCTION leadterra.count_leases(uuid, uuid, text, uuid[]) IS
'Count what was sent in leases of a campaign that are to be removed, by days of a zone

What happened to their messages so far goes from those of no variant and no sender, which
count for them later, to those that count for them now.';

CREATE FUNCTION leadterra.count_batches(
    workspace uuid, campaign_id uuid, zone text, batch_ids uuid[])
RETURNS TABLE (
    day date, step smallint, variant smallint, sender_id uuid, enrolled bigint, sent bigint,
    skipped bigint, failed bigint, delivered bigint, opened bigint, bounced bigint,
    replied bigint, unsubscribed bigint, clicked bigint, complained bigint)
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_count_batches';

COMMENT ON FUNCTION leadterra.count_batches(uuid, uuid, text, uuid[]) IS
'Count what is known of batches of a campaign that are to be removed, by days of a zone

Of their leases none is left.';
