-- lead: finding leads, a page at a time.

-- By scalar subqueries, which the planner does not turn into a look at all members.
CREATE FUNCTION leadterra.is_member(
    workspace_id uuid, campaign_id uuid, status text, list_id uuid, lead_id uuid)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        (is_member.campaign_id IS NULL OR coalesce((
            SELECT CASE WHEN is_member.status IS NULL THEN e.status <> 'removed'
                ELSE e.status = is_member.status END
            FROM leadterra.enrollments e
            WHERE e.workspace_id = is_member.workspace_id
              AND e.campaign_id = is_member.campaign_id AND e.lead_id = is_member.lead_id), false))
        AND (is_member.list_id IS NULL OR coalesce((
            SELECT true
            FROM leadterra.list_members m
            WHERE m.workspace_id = is_member.workspace_id AND m.list_id = is_member.list_id
              AND m.lead_id = is_member.lead_id), false));
END;

COMMENT ON FUNCTION leadterra.is_member(uuid, uuid, text, uuid, uuid) IS
'Say whether a lead is in a campaign and on a list

A campaign or a list that is null does not matter. status is as in lt_find_leads.';

CREATE FUNCTION leadterra.page_start(after text)
RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN coalesce(page_start.after::uuid, '00000000-0000-0000-0000-000000000000');
EXCEPTION WHEN invalid_text_representation THEN
    PERFORM leadterra.raise_error('invalid_request', 'argument "after" is not from such a page');
END;
$$;

COMMENT ON FUNCTION leadterra.page_start(text) IS
'Return the id behind which a page of leads in the order of ids begins.';

-- Each way to begin goes along one index.  Where what it comes by may be passed over, a
-- page looks at so many rows and no more; then its last row says how far it looked.
CREATE FUNCTION leadterra.find_leads(
    scope text,
    campaign_id uuid,
    list_id uuid,
    status text,
    search text,
    emails text[],
    lead_ids uuid[],
    excluded_ids uuid[],
    after text,
    max_leads integer
)
RETURNS TABLE (lead_id uuid, next_after text)
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_sort = off
AS $$
#variable_conflict use_column
DECLARE
    workspace CONSTANT uuid := leadterra.enter(find_leads.scope);
    campaign CONSTANT uuid := CASE WHEN find_leads.campaign_id IS NOT NULL THEN
        leadterra.enter_campaign(find_leads.scope, find_leads.campaign_id) END;
    list CONSTANT uuid := CASE WHEN find_leads.list_id IS NOT NULL THEN
        leadterra.enter_list(find_leads.scope, find_leads.list_id) END;
    wanted CONSTANT integer := leadterra.row_limit('max_leads', find_leads.max_leads);
    look_at CONSTANT integer := greatest(wanted, 1000);
    excluded CONSTANT uuid[] := coalesce(find_leads.excluded_ids, '{}');
    only_status CONSTANT text := find_leads.status;
    prefix CONSTANT text := nullif(lower(find_leads.search COLLATE "C"), '');
    given CONSTANT boolean := num_nonnulls(find_leads.emails, find_leads.lead_ids) > 0;
    by_address CONSTANT boolean := prefix IS NOT NULL AND NOT given;
    start CONSTANT uuid := CASE WHEN NOT by_address
        THEN leadterra.page_start(find_leads.after) END;
    seen uuid[];
    found bigint;
BEGIN
    IF only_status NOT IN ('active', 'replied', 'bounced', 'unsubscribed', 'removed') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('status "%s" is not one of an enrollment', only_status));
    ELSIF only_status IS NOT NULL AND campaign IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'a status is one in a campaign');
    END IF;
    PERFORM
        leadterra.row_limit('emails', greatest(cardinality(find_leads.emails), 1)),
        leadterra.row_limit('lead_ids', greatest(cardinality(find_leads.lead_ids), 1)),
        leadterra.row_limit('excluded_ids', greatest(cardinality(excluded), 1));

    IF find_leads.emails IS NOT NULL THEN
        seen := ARRAY(
            SELECT DISTINCT l.lead_id
            FROM unnest(find_leads.emails) AS u (email)
            CROSS JOIN LATERAL (
                SELECT l.lead_id
                FROM leadterra.leads l
                WHERE l.workspace_id = workspace AND l.email = u.email
                OFFSET 0
            ) l
            WHERE l.lead_id > start
              AND (find_leads.lead_ids IS NULL OR l.lead_id = ANY (find_leads.lead_ids))
            ORDER BY l.lead_id);
    ELSIF given THEN
        seen := ARRAY(
            SELECT DISTINCT u.lead_id
            FROM unnest(find_leads.lead_ids) AS u (lead_id)
            WHERE u.lead_id > start
            ORDER BY u.lead_id);
    ELSIF by_address THEN
        seen := ARRAY(
            SELECT l.lead_id
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace
              AND l.email >= prefix AND l.email > coalesce(find_leads.after, '')
              -- No character of an address is behind this one.
              AND l.email < prefix || chr(1114111)
              AND starts_with(l.email, prefix)
            ORDER BY l.email
            LIMIT look_at);
    ELSIF campaign IS NOT NULL AND only_status <> 'active' THEN
        seen := ARRAY(
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign
              AND e.status = only_status AND e.status <> 'active' AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at);
    ELSIF list IS NOT NULL THEN
        seen := ARRAY(
            SELECT m.lead_id
            FROM leadterra.list_members m
            WHERE m.workspace_id = workspace AND m.list_id = list AND m.lead_id > start
            ORDER BY m.lead_id
            LIMIT look_at);
    ELSIF campaign IS NOT NULL THEN
        seen := ARRAY(
            SELECT e.lead_id
            FROM leadterra.enrollments e
            WHERE e.workspace_id = workspace AND e.campaign_id = campaign AND e.lead_id > start
            ORDER BY e.lead_id
            LIMIT look_at);
    ELSE
        seen := ARRAY(
            SELECT l.lead_id
            FROM leadterra.leads l
            WHERE l.workspace_id = workspace AND l.lead_id > start
            ORDER BY l.lead_id
            LIMIT look_at);
    END IF;

    RETURN QUERY
    SELECT u.lead_id, CASE WHEN by_address THEN l.email ELSE u.lead_id::text END
    FROM unnest(seen) WITH ORDINALITY AS u (lead_id, number)
    CROSS JOIN LATERAL (
        SELECT l.email
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.lead_id = u.lead_id
        OFFSET 0
    ) l
    WHERE u.lead_id <> ALL (excluded)
      AND (prefix IS NULL OR starts_with(l.email, prefix))
      AND leadterra.is_member(workspace, campaign, only_status, list, u.lead_id)
    ORDER BY u.number
    LIMIT wanted;
    GET DIAGNOSTICS found = ROW_COUNT;
    IF found < wanted AND cardinality(seen) = look_at AND NOT given THEN
        RETURN QUERY
        SELECT NULL::uuid, CASE WHEN by_address THEN l.email ELSE l.lead_id::text END
        FROM leadterra.leads l
        WHERE l.workspace_id = workspace AND l.lead_id = seen[look_at];
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.find_leads(
    text, uuid, uuid, text, text, text[], uuid[], uuid[], text, integer) IS
'Do what lt_find_leads says, for a call that needs a scope.';

CREATE FUNCTION @extschema@.lt_find_leads(
    campaign_id uuid DEFAULT NULL,
    list_id uuid DEFAULT NULL,
    status text DEFAULT NULL,
    search text DEFAULT NULL,
    emails text[] DEFAULT NULL,
    lead_ids uuid[] DEFAULT NULL,
    excluded_ids uuid[] DEFAULT NULL,
    after text DEFAULT NULL,
    max_leads integer DEFAULT 100
)
RETURNS TABLE (lead_id uuid, next_after text)
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT f.lead_id, f.next_after
    FROM leadterra.find_leads(
        'leads:read', lt_find_leads.campaign_id, lt_find_leads.list_id, lt_find_leads.status,
        lt_find_leads.search, lt_find_leads.emails, lt_find_leads.lead_ids,
        lt_find_leads.excluded_ids, lt_find_leads.after, lt_find_leads.max_leads) f;
END;

COMMENT ON FUNCTION @extschema@.lt_find_leads(
    uuid, uuid, text, text, text[], uuid[], uuid[], text, integer) IS
'Find leads by what is asked for, a page at a time

All that is given has to hold. A page reads little, however many leads there are: it stops
after a bounded number that it passed over. Then it is shorter than asked, and its last row
is null but for next_after.

Parameters:
- campaign_id: of this campaign; null: of any or none
- list_id: on this list; null: on any or none
- status: active, replied, bounced, unsubscribed or removed, in the campaign; null: all of
  these but removed
- search: what their addresses begin with, in any letter case; domains have their A-labels
- emails: with these addresses, in normal form, at most 10,000; null: with any
- lead_ids: these leads, at most 10,000; null: any
- excluded_ids: without these leads, at most 10,000
- after: next_after of the last row of the page before; null: from the first lead
- max_leads: how many at most, 1 to 10,000
Returns: ids of leads, in their order; where there is a search, and neither emails nor
lead_ids, in that of their addresses. No row means that there are no more.
Errors: PT400 invalid_request, PT404 campaign_not_found, PT404 list_not_found.';
