-- lead: changing and deleting leads.

-- Where a limit is changed the next calls count the leads: see src/lead_limit.c.
CREATE FUNCTION leadterra.lead_limit_set()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.lead_count := NULL;
    NEW.count_mark := NULL;
    RETURN NEW;
END;
$$;

COMMENT ON FUNCTION leadterra.lead_limit_set() IS
'Forget how many leads there are: the next call counts them under the new limit.';

CREATE TRIGGER lead_limit_set BEFORE UPDATE OF lead_limit ON leadterra.lead_limits
FOR EACH ROW EXECUTE FUNCTION leadterra.lead_limit_set();

CREATE FUNCTION @extschema@.lt_set_lead_limit(lead_limit bigint)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_lead_limit';

COMMENT ON FUNCTION @extschema@.lt_set_lead_limit(bigint) IS
'Set how many leads the current workspace may have

A call that would make more fails with PT402 plan_limit_reached. Leads that are there stay,
also where they are more. For the owner of the extension.

Parameters:
- lead_limit: the number of leads, from 0; null: any number
Errors: PT400 invalid_request.';

-- Last, for those that make leads wait here too.  Where the number is unknown, this
-- keeps it from being counted meanwhile.
CREATE FUNCTION leadterra.leads_deleted_4_lead_count()
RETURNS trigger
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
    UPDATE leadterra.lead_limits m SET lead_count = m.lead_count - k.leads
    FROM (SELECT d.workspace_id, count(*) AS leads FROM deleted d GROUP BY d.workspace_id) k
    WHERE m.workspace_id = k.workspace_id;
    RETURN NULL;
END;
$$;

COMMENT ON FUNCTION leadterra.leads_deleted_4_lead_count() IS
'Take leads that are deleted off the counter of a workspace with a limit.';

CREATE TRIGGER leads_deleted_4_lead_count AFTER DELETE ON leadterra.leads
REFERENCING OLD TABLE AS deleted
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.leads_deleted_4_lead_count();

CREATE FUNCTION leadterra.merge_custom(custom jsonb, patch jsonb)
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_merge_custom';

COMMENT ON FUNCTION leadterra.merge_custom(jsonb, jsonb) IS
'Merge a patch into custom fields at the top level: null removes a field (RFC 7396).';

CREATE FUNCTION leadterra.is_verification_status(status integer)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_is_verification_status';

COMMENT ON FUNCTION leadterra.is_verification_status(integer) IS
'Say whether a number is a verdict on an address, or that one is being waited for.';

CREATE FUNCTION leadterra.lead_fields()
RETURNS TABLE (column_name text, type regtype, name text, alias text)
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_lead_fields';

COMMENT ON FUNCTION leadterra.lead_fields() IS
'List the standard fields of leads

These are their columns, and their names in lead objects and tokens.';

-- Who locks several leads begins with those that have no address, by id, and goes
-- on in the order of addresses.  A merge gives an address to a lead that had none:
-- who has waited for that one holds it out of its place, lets go of all by the end
-- of a block, and begins again.
CREATE FUNCTION leadterra.begin_again()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a lead was given an address' USING ERRCODE = 'LT001';
END;
$$;

COMMENT ON FUNCTION leadterra.begin_again() IS
'Raise LT001, for a block of locks on leads to begin again

One of them has another place in their order by now.';

CREATE FUNCTION @extschema@.lt_update_lead(email text, patch jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_update_lead';

COMMENT ON FUNCTION @extschema@.lt_update_lead(text, jsonb) IS
'Change fields of one lead

Parameters:
- email: its address, which cannot be changed
- patch: a lead object as in lt_bulk_upsert: an omitted field keeps its value, null clears it
Errors: PT400 invalid_request, PT404 lead_not_found, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_change_lead(lead_id uuid, patch jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_change_lead';

COMMENT ON FUNCTION @extschema@.lt_change_lead(uuid, jsonb) IS
'Change fields of one lead, which may have no address

Parameters:
- lead_id: the lead
- patch: a lead object as in lt_update_lead
Errors: PT400 invalid_request, PT404 lead_not_found, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_delete_lead(lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_lead';

COMMENT ON FUNCTION @extschema@.lt_delete_lead(uuid) IS
'Delete one lead and take it out of every campaign

The suppression list is not touched.

Parameters:
- lead_id: the lead
Errors: PT400 invalid_request, PT404 lead_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_delete_leads(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_delete_leads';

COMMENT ON FUNCTION @extschema@.lt_delete_leads(text[]) IS
'Delete the leads with these addresses

They leave every campaign. The suppression list is not touched.

Parameters:
- emails: at most a million addresses; those without a lead are passed over
Returns: how many leads there were.
Errors: PT400 invalid_request, PT409 wrong_isolation, PT413 too_many_entries.';

-- Leads are locked in the order in which lt_bulk_upsert locks them, that of
-- addresses, so that the two wait for each other and do not deadlock: see
-- leadterra.begin_again().
CREATE FUNCTION leadterra.set_verification(workspace uuid, lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
DECLARE
    unknown integer;
    verdict record;
    changed integer;
BEGIN
    IF lead_ids IS NULL OR statuses IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('argument "%s" must not be null',
                CASE WHEN lead_ids IS NULL THEN 'lead_ids' ELSE 'statuses' END));
    END IF;
    PERFORM
        leadterra.limit_entries('lead_ids', cardinality(lead_ids)),
        leadterra.limit_entries('statuses', cardinality(statuses));
    IF cardinality(lead_ids) <> cardinality(statuses) THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('arguments "lead_ids" and "statuses" must be of one length, not %s and %s',
                cardinality(lead_ids), cardinality(statuses)));
    END IF;
    PERFORM FROM unnest(lead_ids) AS u (lead_id) WHERE u.lead_id IS NULL;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request', 'argument "lead_ids" must not have nulls');
    END IF;
    SELECT u.status INTO unknown
    FROM unnest(statuses) AS u (status)
    WHERE NOT leadterra.is_verification_status(u.status)
    LIMIT 1;
    IF FOUND THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('verification status "%s" is unknown', unknown));
    END IF;

    -- One row may be asked for in the order of ids, and sorting is off, because a
    -- plan from when the table was small may find a lead by "=" through the index
    -- of addresses, reading all leads of the workspace.
    LOOP
        BEGIN
            changed := 0;
            FOR verdict IN
                SELECT l.tid, v.status
                FROM (
                    SELECT u.lead_id, u.status, l.email
                    FROM (
                        SELECT DISTINCT ON (u.lead_id) u.lead_id, u.status
                        FROM unnest(lead_ids, statuses) WITH ORDINALITY
                            AS u (lead_id, status, number)
                        ORDER BY u.lead_id, u.number DESC
                    ) u
                    CROSS JOIN LATERAL (
                        SELECT l.email, l.verification_status
                        FROM leadterra.leads l
                        WHERE l.workspace_id = workspace
                          AND l.lead_id BETWEEN u.lead_id AND u.lead_id
                        ORDER BY l.lead_id
                        LIMIT 1
                    ) l
                    WHERE l.verification_status IS DISTINCT FROM u.status
                    ORDER BY l.email NULLS FIRST, u.lead_id
                    OFFSET 0
                ) v
                CROSS JOIN LATERAL (
                    SELECT l.ctid AS tid, l.email, l.verification_status
                    FROM leadterra.leads l
                    WHERE l.workspace_id = workspace AND l.lead_id BETWEEN v.lead_id AND v.lead_id
                    ORDER BY l.lead_id
                    LIMIT 1
                    FOR NO KEY UPDATE
                ) l
                WHERE CASE WHEN l.email IS DISTINCT FROM v.email THEN leadterra.begin_again()
                    ELSE l.verification_status IS DISTINCT FROM v.status END
            LOOP
                UPDATE leadterra.leads l
                SET verification_status = verdict.status, updated_at = now()
                WHERE l.workspace_id = workspace AND l.ctid = verdict.tid;
                changed := changed + 1;
            END LOOP;
            RETURN changed;
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.set_verification(uuid, uuid[], integer[]) IS
'Do what lt_set_verification says, in a workspace.';

CREATE FUNCTION @extschema@.lt_set_verification(lead_ids uuid[], statuses integer[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_set_verification';

COMMENT ON FUNCTION @extschema@.lt_set_verification(uuid[], integer[]) IS
'Set the verification statuses of leads

A claim skips messages to invalid addresses. The other statuses hold nothing back.

Parameters:
- lead_ids: at most a million leads; of an id that is repeated the last counts, and ids
  without a lead are passed over
- statuses: one for each: 1 (verified), 11 (pending), 12 (pending job), -1 (invalid), -2
  (risky), -3 (catch-all), -4 (job change) or null (unknown)
Returns: how many were changed.
Errors: PT400 invalid_request, PT413 too_many_entries.';

CREATE TRIGGER leads_truncated BEFORE TRUNCATE ON leadterra.leads
FOR EACH STATEMENT EXECUTE FUNCTION leadterra.refuse_truncate();

CREATE FUNCTION leadterra.lock_lead(workspace uuid, lead_id uuid)
RETURNS leadterra.leads
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_sort = off
AS $$
DECLARE
    found_lead leadterra.leads;
BEGIN
    -- In the order of ids for their index to be used: see lt_set_verification.
    SELECT l.* INTO found_lead
    FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id BETWEEN lock_lead.lead_id AND lock_lead.lead_id
    ORDER BY l.lead_id
    LIMIT 1
    FOR UPDATE;
    IF NOT FOUND THEN
        PERFORM leadterra.raise_error('lead_not_found',
            format('lead "%s" does not exist', lock_lead.lead_id));
    END IF;
    RETURN found_lead;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_lead(uuid, uuid) IS
'Lock a lead to delete it and return it, or raise PT404 lead_not_found.';

CREATE FUNCTION leadterra.lock_lead(workspace uuid, email text)
RETURNS uuid
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
    found_id uuid;
BEGIN
    -- One that is gone may have given its address to another.
    LOOP
        SELECT l.lead_id INTO found_id
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.email = lock_lead.email
        FOR UPDATE;
        EXIT WHEN FOUND;
        PERFORM FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.email = lock_lead.email;
        EXIT WHEN NOT FOUND;
    END LOOP;
    RETURN found_id;
END;
$$;

COMMENT ON FUNCTION leadterra.lock_lead(uuid, text) IS
'Lock the lead with an address to delete it and return its id; null if there is none.';

-- Planned for each call: a plan that was kept from small tables may take the other
-- index of leads, and read all of them for each.
CREATE FUNCTION leadterra.keep_leads(workspace uuid, lead_ids uuid[])
RETURNS uuid[]
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
    -- In the order in which calls lock leads: see leadterra.begin_again().
    LOOP
        BEGIN
            RETURN ARRAY(
                SELECT k.lead_id
                FROM (
                    SELECT u.lead_id, l.email
                    FROM unnest(lead_ids) AS u (lead_id)
                    CROSS JOIN LATERAL (
                        SELECT l.email
                        FROM leadterra.leads l
                        WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
                        OFFSET 0
                    ) l
                    ORDER BY l.email NULLS FIRST, u.lead_id
                    OFFSET 0
                ) o
                CROSS JOIN LATERAL (
                    SELECT l.lead_id, l.email
                    FROM leadterra.leads l
                    WHERE l.workspace_id = workspace AND l.lead_id = o.lead_id
                    FOR KEY SHARE
                ) k
                WHERE CASE WHEN k.email IS DISTINCT FROM o.email THEN leadterra.begin_again()
                    ELSE true END);
        EXCEPTION WHEN SQLSTATE 'LT001' THEN
            CONTINUE;
        END;
    END LOOP;
END;
$$;

COMMENT ON FUNCTION leadterra.keep_leads(uuid, uuid[]) IS
'Keep leads from being deleted until commit, and return those that there are.';

CREATE FUNCTION leadterra.not_blank(given text, fallback text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE WHEN btrim(not_blank.given, E' \t\n\v\f\r') <> '' THEN not_blank.given
        ELSE coalesce(not_blank.fallback, not_blank.given) END;
END;

COMMENT ON FUNCTION leadterra.not_blank(text, text) IS
'Return a text, or another one where it has nothing to read.';

CREATE FUNCTION leadterra.absorb_lead(workspace uuid, source uuid, heir uuid)
RETURNS void
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_absorb_lead';

COMMENT ON FUNCTION leadterra.absorb_lead(uuid, uuid, uuid) IS
'Give what a lead has to another where that has nothing, and delete it; both are locked.';

CREATE FUNCTION leadterra.delete_lead(workspace uuid, lead_id uuid)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
BEGIN
    DELETE FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.lead_id = delete_lead.lead_id;
END;
$$;

COMMENT ON FUNCTION leadterra.delete_lead(uuid, uuid) IS 'Delete a lead of a workspace.';
