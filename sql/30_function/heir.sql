-- heir: what becomes of merged leads.

CREATE FUNCTION leadterra.hand_over_heirs(workspace uuid, source uuid, heir uuid, entry text)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
    -- Where the source had the address of one that it is the heir of, that is given up now.
    UPDATE leadterra.lead_heirs h
    SET heir_id = heir, entry = coalesce(h.entry, hand_over_heirs.entry)
    WHERE h.workspace_id = workspace AND h.heir_id = source;
    INSERT INTO leadterra.lead_heirs (workspace_id, lead_id, heir_id, entry)
    VALUES (workspace, source, heir, hand_over_heirs.entry)
    ON CONFLICT (workspace_id, lead_id) DO UPDATE
    SET heir_id = excluded.heir_id, entry = excluded.entry;
END;
$$;

COMMENT ON FUNCTION leadterra.hand_over_heirs(uuid, uuid, uuid, text) IS
'Let a lead be the heir of another, which is about to be deleted, and of those it is the heir of

The entry stands for the address that is given up; null: none is.';

CREATE FUNCTION leadterra.merged_leads(workspace uuid, heir uuid)
RETURNS TABLE (lead_id uuid, entry text)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
BEGIN ATOMIC
    SELECT h.lead_id, h.entry
    FROM leadterra.lead_heirs h
    WHERE h.workspace_id = merged_leads.workspace
      AND h.heir_id BETWEEN merged_leads.heir AND merged_leads.heir
    ORDER BY h.heir_id;
END;

COMMENT ON FUNCTION leadterra.merged_leads(uuid, uuid) IS
'List the leads that became part of a lead.';

-- See leadterra.leads_deleted_1_enrollments().
CREATE FUNCTION leadterra.leads_deleted_3_heirs()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    DELETE FROM leadterra.lead_heirs h USING deleted d
    WHERE h.workspace_id = d.workspace_id AND h.heir_id = d.lead_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_3_heirs() IS
'Delete what leads to leads that are deleted.';

CREATE TRIGGER leads_deleted_3_heirs AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_3_heirs();
