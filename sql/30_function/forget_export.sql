-- forget: all that is kept of a person, for who asks before being forgotten.

-- Rows are shown with all their columns, so that what is added to a table is shown too.
-- What is about others as well, such as the leads of a job, is left out.
CREATE FUNCTION leadterra.export_person(workspace uuid, address text, entry text)
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
    person leadterra.leads;
    known_as uuid[];
    campaigns uuid[];
    result jsonb;
BEGIN
    SELECT l.* INTO person
    FROM leadterra.leads l
    WHERE l.workspace_id = workspace AND l.email = address;
    known_as := ARRAY(
        SELECT person.lead_id WHERE person.lead_id IS NOT NULL
        UNION ALL
        SELECT m.lead_id FROM leadterra.merged_leads(workspace, person.lead_id) m);
    campaigns := ARRAY(
        SELECT c.campaign_id
        FROM leadterra.campaigns c
        WHERE c.workspace_id = workspace AND EXISTS (
            SELECT FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = c.campaign_id
              AND e.lead_id = person.lead_id)
        ORDER BY c.campaign_id);

    result := jsonb_build_object('email', address,
        'lead', CASE WHEN person.lead_id IS NOT NULL THEN to_jsonb(person) - 'workspace_id' END);
    result := result || jsonb_build_object('merged_leads',
        coalesce(jsonb_agg(to_jsonb(h) - 'workspace_id' ORDER BY h.lead_id), '[]'))
    FROM leadterra.lead_heirs h
    WHERE h.workspace_id = workspace
      AND (h.heir_id = person.lead_id OR h.entry = export_person.entry);

    result := result || jsonb_build_object('lists', coalesce(jsonb_agg(
        to_jsonb(m) - '{workspace_id, lead_id}'::text[] || jsonb_build_object('name', l.name)
            ORDER BY m.list_id), '[]'))
    FROM leadterra.list_members m
    JOIN leadterra.lists l ON l.workspace_id = workspace AND l.list_id = m.list_id
    WHERE m.workspace_id = workspace AND m.lead_id = person.lead_id;

    result := result || jsonb_build_object('enrollments', coalesce(jsonb_agg(
        to_jsonb(e) - '{workspace_id, lead_id}'::text[] || jsonb_build_object('name', c.name)
            ORDER BY e.campaign_id), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    JOIN leadterra.campaigns c ON c.workspace_id = workspace AND c.campaign_id = k.campaign_id
    JOIN leadterra.enrollments e ON e.workspace_id = workspace AND e.campaign_id = k.campaign_id
        AND e.lead_id = person.lead_id;

    -- Of batches with the person alone, as in leadterra.lead_messages().
    result := result || jsonb_build_object('messages', coalesce(jsonb_agg(
        to_jsonb(m) - '{workspace_id, batch_id, position, campaign_status}'::text[]
        || jsonb_build_object('message_id', leadterra.message_id(m.batch_id, m."position"))
            ORDER BY m.campaign_id, m.step), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    CROSS JOIN LATERAL (
        SELECT array_agg(b.batch_id) AS batch_ids
        FROM leadterra.batches b
        WHERE b.workspace_id = workspace AND b.campaign_id = k.campaign_id
          AND b.lead_ids && known_as
    ) b
    CROSS JOIN LATERAL (
        SELECT m.*
        FROM leadterra.messages m
        WHERE m.workspace_id = workspace AND m.campaign_id = k.campaign_id
          AND m.batch_id = ANY (b.batch_ids) AND m.lead_id = ANY (known_as)
        OFFSET 0
    ) m
    WHERE m.campaign_status <> 'draft';

    result := result || jsonb_build_object('events',
        coalesce(jsonb_agg(to_jsonb(v) - 'workspace_id' ORDER BY v.event_id), '[]'))
    FROM unnest(campaigns) AS k (campaign_id)
    JOIN leadterra.events v ON v.workspace_id = workspace AND v.campaign_id = k.campaign_id
        AND v.lead_id = ANY (known_as);

    result := result || jsonb_build_object('soft_bounces', (
        SELECT to_jsonb(b) - '{workspace_id, lead_id}'::text[]
        FROM leadterra.soft_bounces b
        WHERE b.workspace_id = workspace AND b.lead_id = person.lead_id));

    result := result || jsonb_build_object(
        'suppressions', coalesce(jsonb_agg(to_jsonb(s) - '{workspace_id, domain_hash}'::text[]
            || jsonb_build_object('name', b.name) ORDER BY s.blocklist_id, s.entry), '[]'),
        'hashed', coalesce(bool_or(s.entry = export_person.entry), false))
    FROM (
        SELECT b.blocklist_id, b.name FROM leadterra.blocklists b WHERE b.workspace_id = workspace
        UNION ALL
        SELECT workspace, 'suppression list'
    ) b
    CROSS JOIN unnest(leadterra.suppression_keys(address) || export_person.entry) AS k (entry)
    JOIN leadterra.suppressions s ON s.workspace_id = workspace AND s.blocklist_id = b.blocklist_id
        AND s.entry = k.entry;

    result := result || jsonb_build_object('import_rejects', coalesce(jsonb_agg(
        to_jsonb(r) - 'workspace_id' ORDER BY r.import_id, r.row_number), '[]'))
    FROM leadterra.import_rejects r
    WHERE r.workspace_id = workspace AND leadterra.read_address(r.lead ->> 'email') = address;

    result := result || jsonb_build_object('jobs', coalesce(jsonb_agg(
        to_jsonb(j) - '{workspace_id, lead_ids}'::text[] ORDER BY j.job_id), '[]'))
    FROM leadterra.jobs j
    WHERE j.workspace_id = workspace AND j.lead_ids && known_as;

    result := result || jsonb_build_object('answers', coalesce(jsonb_agg(jsonb_build_object(
        'idempotency_key', a.idempotency_key,
        'created_at', a.created_at,
        'parts', jsonb_path_query_array(a.answer, 'strict $.** ? (@.email == $email)',
            jsonb_build_object('email', address)))
        ORDER BY a.created_at, a.idempotency_key), '[]'))
    FROM leadterra.answers a
    WHERE a.workspace_id = workspace AND leadterra.answer_names(a.answer, address);
    RETURN result;
END;
$$;

COMMENT ON FUNCTION leadterra.export_person(uuid, text, text) IS
'Do what lt_export_person says, in a workspace

The address is in normal form; entry is what stands for its hash.';

CREATE FUNCTION @extschema@.lt_export_person(email text)
RETURNS jsonb
LANGUAGE C STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_export_person';

COMMENT ON FUNCTION @extschema@.lt_export_person(text) IS
'Return all that is kept of a person, by address

It is what somebody may ask for who is to be told (GDPR, article 15), and what lt_forget
takes away or leaves: that of others is left out. It changes nothing.

Parameters:
- email: the address
Returns: an object: email; lead (its fields, null: there is none); merged_leads (ids of
leads that became part of it); lists; enrollments (campaigns, with their states); messages
(with times and states, of campaigns that were started); events (with their data, replies
too); soft_bounces (when its address bounced, null: it did not); suppressions (entries of
block lists that match, with reasons and times); hashed (whether one of these is a hash of
the address); import_rejects; jobs; answers (to requests with an Idempotency-Key, the parts
that name the person). Members are named as columns of tables.
Errors: PT400 invalid_email, PT400 invalid_request.';
