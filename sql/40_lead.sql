-- lead: the people of a workspace, one row an address.

-- The fill factor leaves room for one more version of every fourth row in its
-- page, so that a changed field needs no new index entries (HOT).
CREATE TABLE leadterra.leads (
    workspace_id uuid NOT NULL,
    lead_id uuid NOT NULL,
    email text COLLATE "C",
    first_name text,
    last_name text,
    company text,
    job_title text,
    phone text,
    website text,
    personalization text,
    lead_value text,
    interest_status integer,
    assigned_to uuid,
    verification_status integer,
    custom jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(custom) = 'object'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (workspace_id, lead_id),
    UNIQUE (workspace_id, email)
) WITH (fillfactor = 80);
SELECT pg_extension_config_dump('leadterra.leads', '');
COMMENT ON TABLE leadterra.leads IS 'People, one row an address; email is normalized, fields that are not standard are in custom.';

-- A limit is set by hand, and the next calls count the leads: see src/lead_limit.c.
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

CREATE TRIGGER lead_limit_set BEFORE UPDATE OF lead_limit ON leadterra.workspaces
FOR EACH ROW EXECUTE FUNCTION leadterra.lead_limit_set();

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

-- Who locks several leads begins with those that have no address, by id, and goes
-- on in the order of addresses.  A merge gives an address to a lead that had none:
-- who has waited for that one holds it out of its place, lets go of all by the end
-- of a block, and begins again.
CREATE FUNCTION leadterra.lock_again()
RETURNS boolean
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION 'a lead was given an address' USING ERRCODE = 'LT001';
END;
$$;

COMMENT ON FUNCTION leadterra.lock_again() IS
'Raise LT001, for a block of locks on leads to begin again: one has another place in their order by now.';

-- The settings are those of lt_bulk_upsert, with which it shares kept plans.
CREATE FUNCTION @extschema@.lt_update_lead(email text, patch jsonb)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS 'MODULE_PATHNAME', 'lt_update_lead';

COMMENT ON FUNCTION @extschema@.lt_update_lead(text, jsonb) IS
'Change fields of one lead

The patch is a lead object as in lt_bulk_upsert: an omitted field keeps its value, null clears it. The address itself cannot be changed. Errors: PT400 invalid_request, PT404 lead_not_found, PT422 invalid_leads.';

CREATE FUNCTION @extschema@.lt_delete_lead(lead_id uuid)
RETURNS void
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_delete_lead';

COMMENT ON FUNCTION @extschema@.lt_delete_lead(uuid) IS
'Delete one lead and take it out of every campaign

The suppression list is not touched. Errors: PT400 invalid_request, PT404 lead_not_found, PT409 wrong_isolation.';

CREATE FUNCTION @extschema@.lt_delete_leads(emails text[])
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS 'MODULE_PATHNAME', 'lt_delete_leads';

COMMENT ON FUNCTION @extschema@.lt_delete_leads(text[]) IS
'Delete the leads with these addresses and return how many there were

They leave every campaign; addresses without a lead are passed over. The suppression list is not touched. Errors: PT400 invalid_request, PT409 wrong_isolation, PT413 too_many_entries (more than a million).';

