-- enroll: which lead is in which campaign, and the bulk call.

CREATE TABLE leadterra.enrollments (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    status text NOT NULL DEFAULT 'active'
        CHECK (status IN ('active', 'replied', 'bounced', 'unsubscribed', 'removed')),
    enrolled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, campaign_id, lead_id)
);
CREATE INDEX enrollments_ended ON leadterra.enrollments (workspace_id, campaign_id, status) WHERE status <> 'active';
SELECT pg_extension_config_dump('leadterra.enrollments', '');
COMMENT ON TABLE leadterra.enrollments IS 'One row a lead and campaign.';

-- Deleting a lead leaves its id in the batches, which are never updated.  One
-- row a DELETE and campaign says which ids in batches count no more; a counter
-- in the campaign's row would make a pause wait for a delete.
CREATE TABLE leadterra.deletions (
    workspace_id uuid NOT NULL,
    campaign_id uuid NOT NULL,
    deletion_id uuid NOT NULL DEFAULT @extschema@.lt_uuidv7(),
    lead_ids uuid[] NOT NULL CHECK (CASE WHEN array_ndims(lead_ids) = 1 THEN array_position(lead_ids, NULL) IS NULL ELSE false END),
    PRIMARY KEY (workspace_id, campaign_id, deletion_id)
);
SELECT pg_extension_config_dump('leadterra.deletions', '');
COMMENT ON TABLE leadterra.deletions IS 'Which enrolled leads a DELETE took out of a campaign.';

-- These triggers stand in for foreign keys.  From enrollments and batches, those
-- would nearly double the cost of enrolling; and pg_restore in parallel loads
-- the tables of an extension in any order.  They look for enrollments that
-- were committed after the statement's snapshot, hence READ COMMITTED, and lock
-- them by campaign and lead, so that two deletions do not deadlock.  Enrollments
-- are found by campaign and lead too, one look-up for each pair: an index by
-- lead would cost every enrollment, and deletions are few.
CREATE FUNCTION leadterra.leads_deleted()
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
            WHERE e.workspace_id = k.workspace_id AND e.campaign_id = k.campaign_id AND e.lead_id = k.lead_id
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
    WITH doomed AS (
        SELECT m.*
        FROM (SELECT d.workspace_id, d.lead_id FROM deleted d ORDER BY d.workspace_id, d.lead_id) k
        CROSS JOIN LATERAL (
            SELECT m.workspace_id, m.list_id, m.lead_id
            FROM leadterra.list_members m
            WHERE m.workspace_id = k.workspace_id AND m.lead_id = k.lead_id
            ORDER BY m.list_id
            FOR UPDATE
        ) m
    )
    DELETE FROM leadterra.list_members m
    USING doomed d
    WHERE m.workspace_id = d.workspace_id AND m.list_id = d.list_id AND m.lead_id = d.lead_id;
    -- Last, for those that make leads wait here too.  Where the number is unknown,
    -- this keeps it from being counted meanwhile.
    UPDATE leadterra.workspaces w SET lead_count = w.lead_count - k.leads
    FROM (SELECT d.workspace_id, count(*) AS leads FROM deleted d GROUP BY d.workspace_id) k
    WHERE w.workspace_id = k.workspace_id AND w.lead_limit IS NOT NULL;
    RETURN NULL;
END;
$$;

CREATE TRIGGER leads_deleted AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted();

CREATE FUNCTION leadterra.campaigns_deleted()
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
    -- Leases first: whoever settles one may just be making a batch.
    DELETE FROM leadterra.leases l USING deleted d
    WHERE l.workspace_id = d.workspace_id AND l.campaign_id = d.campaign_id;
    DELETE FROM leadterra.waiting w USING deleted d
    WHERE w.workspace_id = d.workspace_id AND w.campaign_id = d.campaign_id;
    DELETE FROM leadterra.exceptions x USING deleted d
    WHERE x.workspace_id = d.workspace_id AND x.campaign_id = d.campaign_id;
    DELETE FROM leadterra.events v USING deleted d
    WHERE v.workspace_id = d.workspace_id AND v.campaign_id = d.campaign_id;
    DELETE FROM leadterra.totals t USING deleted d
    WHERE t.workspace_id = d.workspace_id AND t.campaign_id = d.campaign_id;
    DELETE FROM leadterra.batches b USING deleted d
    WHERE b.workspace_id = d.workspace_id AND b.campaign_id = d.campaign_id;
    DELETE FROM leadterra.steps s USING deleted d
    WHERE s.workspace_id = d.workspace_id AND s.campaign_id = d.campaign_id;
    DELETE FROM leadterra.deletions x USING deleted d
    WHERE x.workspace_id = d.workspace_id AND x.campaign_id = d.campaign_id;
    DELETE FROM leadterra.import_rejects r USING leadterra.imports i, deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id
      AND r.workspace_id = i.workspace_id AND r.import_id = i.import_id;
    DELETE FROM leadterra.imports i USING deleted d
    WHERE i.workspace_id = d.workspace_id AND i.campaign_id = d.campaign_id;
    RETURN NULL;
END;
$$;

CREATE TRIGGER campaigns_deleted AFTER DELETE ON leadterra.campaigns
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.campaigns_deleted();

-- A TRUNCATE has no rows to follow, so it is refused, as for a table that a
-- foreign key references.
CREATE FUNCTION leadterra.refuse_truncate()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'cannot truncate table "%" of extension "leadterra"', TG_TABLE_NAME
        USING ERRCODE = 'feature_not_supported',
              HINT = 'Use DELETE, which takes along what belongs to its rows.';
END;
$$;

CREATE TRIGGER leads_truncated BEFORE TRUNCATE ON leadterra.leads
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE TRIGGER campaigns_truncated BEFORE TRUNCATE ON leadterra.campaigns
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE TRIGGER lists_truncated BEFORE TRUNCATE ON leadterra.lists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE TRIGGER blocklists_truncated BEFORE TRUNCATE ON leadterra.blocklists
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE TYPE @extschema@.lt_bulk_result AS (
    enrolled integer,
    updated integer,
    skipped integer,
    total integer
);
COMMENT ON TYPE @extschema@.lt_bulk_result IS 'Counts of lt_bulk_upsert: entries new to the campaign, entries in it already, entries left out, and enrolled plus updated.';

-- Kept plans must be plans by index at every table size; here and elsewhere
-- enable_seqscan keeps small tables from being read whole.  Bitmaps, hash and
-- merge joins would change leads, and lock them, in other orders than by address.
CREATE FUNCTION @extschema@.lt_bulk_upsert(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS @extschema@.lt_bulk_result
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_bulk_upsert';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert(uuid, jsonb, text, boolean) IS
'Enroll leads in a campaign and update the leads that are known

leads is an array of lead objects, or an object with such an array as "leads". Addresses match trimmed and in lower case; an omitted field keeps its value, null clears it, keys that are not standard fields become custom fields. Suppressed addresses are skipped. An invalid entry fails the call with PT422 invalid_leads, or is skipped with on_invalid => ''skip''. With dry_run nothing is written. Errors: PT400 invalid_request, PT402 plan_limit_reached, PT404 campaign_not_found, PT409 wrong_isolation, PT413 too_many_entries (more than a million), PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_bulk_upsert_report(
    campaign_id uuid,
    leads jsonb,
    on_invalid text DEFAULT 'error',
    dry_run boolean DEFAULT false
)
RETURNS TABLE (
    index integer,
    email text,
    lead_id uuid,
    outcome text,
    new_to_workspace boolean,
    reason text
)
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_bulk_upsert_report';

COMMENT ON FUNCTION @extschema@.lt_bulk_upsert_report(uuid, jsonb, text, boolean) IS
'Do what lt_bulk_upsert does and return one row an entry

index counts from 0. outcome is enrolled, updated or skipped; reason says why an entry was skipped (suppressed, invalid_email, wrong_type, ...) or that it repeats an address of the call (duplicate_in_payload). With dry_run the id of a lead that does not exist yet is null. Errors: those of lt_bulk_upsert, PT400 invalid_request and so on.';

CREATE FUNCTION @extschema@.lt_remove_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_remove_leads';

COMMENT ON FUNCTION @extschema@.lt_remove_leads(uuid, text[]) IS
'Take active leads out of a campaign and return how many

Their queued messages are skipped; the leads stay in the workspace and may be enrolled again, at the position they had. Leads that replied, bounced or unsubscribed keep that state and are not counted. Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries (more than a million).';


CREATE FUNCTION @extschema@.lt_restart_leads(campaign_id uuid, emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_restart_leads';

COMMENT ON FUNCTION @extschema@.lt_restart_leads(uuid, text[]) IS
'Let leads go on whose sequence ended before its last step, and return how many

A lead that replied, bounced or unsubscribed is active again, and a message that failed or was skipped is queued again, as its first attempt. Leads that were removed, and active ones of which nothing failed or was skipped, are not counted. An address that is suppressed is skipped again: see lt_unsuppress. Errors: PT400 invalid_request, PT404 campaign_not_found, PT413 too_many_entries (more than a million).';

CREATE FUNCTION leadterra.enter_lead(scope text, campaign_id uuid, email text)
RETURNS uuid
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_enter_lead';

COMMENT ON FUNCTION leadterra.enter_lead(text, uuid, text) IS
'Begin a call on a lead of a campaign that needs a scope, and return the lead with an address, or raise what leadterra.enter does, or PT404 campaign_not_found or lead_not_found.';
