-- http: the second service's calls on leads that are found by filters.

CREATE FUNCTION leadterra.http_v2_ids(body jsonb, name text)
RETURNS uuid[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant jsonb := leadterra.http_v2_given(body, name, 'array');
BEGIN
    IF jsonb_path_exists(given, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', format('"%s" must hold strings', name));
    END IF;
    RETURN (
        SELECT array_agg(leadterra.read_id(i.id))
        FROM jsonb_array_elements_text(given) AS i (id)
    ) || CASE WHEN given IS NOT NULL THEN '{}'::uuid[] END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_ids(jsonb, text) IS
'Return a member of the body of a request that is an array of ids; null: it has none.';

CREATE FUNCTION leadterra.http_v2_contacts(body jsonb)
RETURNS text[]
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant jsonb := leadterra.http_v2_given(body, 'contacts', 'array');
BEGIN
    IF jsonb_path_exists(given, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', '"contacts" must hold strings');
    END IF;
    RETURN (
        SELECT array_agg(leadterra.read_entry(c.email))
        FROM jsonb_array_elements_text(given) AS c (email)
    ) || CASE WHEN given IS NOT NULL THEN '{}'::text[] END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_contacts(jsonb) IS
'Return the addresses that a request asks for, in normal form; null: any.';

CREATE FUNCTION leadterra.http_v2_filter_state(body jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant text := leadterra.http_v2_given(body, 'filter', 'string') #>> '{}';
BEGIN
    IF given NOT IN ('FILTER_VAL_ACTIVE', 'FILTER_VAL_REPLIED', 'FILTER_VAL_BOUNCED',
            'FILTER_VAL_UNSUBSCRIBED') THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('"filter" cannot be "%s" here', given));
    END IF;
    RETURN lower(replace(given, 'FILTER_VAL_', ''));
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_filter_state(jsonb) IS
'Return the state in a campaign that a request asks for; null: any.';

-- What is passed over in silence would find, and move, all leads.
CREATE FUNCTION leadterra.http_v2_filters(body jsonb, others text[])
RETURNS jsonb
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN leadterra.http_v2_members(
        body, others || '{search, filter, campaign, list_id, ids, excluded_ids, contacts}');
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_filters(jsonb, text[]) IS
'Return the body of a request that has filters of leads, and some other members, and no more.';

CREATE FUNCTION leadterra.http_v2_find_leads(
    scope text, body jsonb, after text, max_leads integer)
RETURNS TABLE (lead_id uuid, next_after text)
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT f.lead_id, f.next_after
    FROM leadterra.find_leads(
        scope => http_v2_find_leads.scope,
        campaign_id => leadterra.http_id(http_v2_find_leads.body, 'campaign'),
        list_id => leadterra.http_id(http_v2_find_leads.body, 'list_id'),
        status => leadterra.http_v2_filter_state(http_v2_find_leads.body),
        search => leadterra.http_v2_given(http_v2_find_leads.body, 'search', 'string') #>> '{}',
        emails => leadterra.http_v2_contacts(http_v2_find_leads.body),
        lead_ids => leadterra.http_v2_ids(http_v2_find_leads.body, 'ids'),
        excluded_ids => leadterra.http_v2_ids(http_v2_find_leads.body, 'excluded_ids'),
        after => http_v2_find_leads.after,
        max_leads => http_v2_find_leads.max_leads) f;
END;

COMMENT ON FUNCTION leadterra.http_v2_find_leads(text, jsonb, text, integer) IS
'Find leads by the filters of a request, as lt_find_leads does.';

CREATE FUNCTION leadterra.http_v2_list_leads(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    wanted integer;
    after text;
    found uuid[];
    campaign uuid;
    list uuid;
BEGIN
    PERFORM leadterra.http_v2_filters(body, '{limit, starting_after}');
    wanted := coalesce(leadterra.http_limit(leadterra.http_number('limit',
        leadterra.http_v2_given(body, 'limit', 'number') #>> '{}'), 100), 10);
    after := leadterra.http_v2_given(body, 'starting_after', 'string') #>> '{}';
    campaign := leadterra.http_id(body, 'campaign');
    list := leadterra.http_id(body, 'list_id');
    -- Ids are not in the order of addresses.
    IF leadterra.http_v2_given(body, 'search', 'string') <> '""' AND strpos(after, '@') = 0 THEN
        PERFORM leadterra.raise_error('invalid_request',
            '"starting_after" must be next_starting_after of the page before');
    END IF;
    -- An empty page means that there are no more.
    LOOP
        SELECT
            coalesce(array_agg(f.lead_id ORDER BY f.place) FILTER (WHERE f.lead_id IS NOT NULL),
                '{}'),
            (array_agg(f.next_after ORDER BY f.place DESC))
                [CASE WHEN count(f.lead_id) = wanted OR count(f.lead_id) < count(*) THEN 1 END]
        INTO found, after
        FROM leadterra.http_v2_find_leads('leads:read', body, after, wanted)
            WITH ORDINALITY AS f (lead_id, next_after, place);
        EXIT WHEN after IS NULL OR cardinality(found) > 0;
    END LOOP;
    RETURN leadterra.http_v2_page(
        (SELECT jsonb_agg(leadterra.http_v2_show_lead(f.lead_id, campaign, list) ORDER BY f.place)
         FROM unnest(found) WITH ORDINALITY AS f (lead_id, place)),
        after);
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_list_leads(jsonb) IS
'Answer POST /api/v2/leads/list

Parameters:
  body  has filters of leads, limit up to 100, and starting_after, which is next_starting_after
        of the page before

Returns: a page of leads, which may be short and not the last, but not empty.

Errors: those of lt_find_leads, PT400 invalid_request for an unknown filter.';

CREATE FUNCTION leadterra.http_v2_move(lead_ids uuid[], body jsonb)
RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_move_leads_noted(
        lead_ids => http_v2_move.lead_ids,
        from_campaign_id => leadterra.http_id(http_v2_move.body, 'campaign'),
        from_list_id => leadterra.http_id(http_v2_move.body, 'list_id'),
        to_campaign_id => leadterra.http_id(http_v2_move.body, 'to_campaign_id'),
        to_list_id => leadterra.http_id(http_v2_move.body, 'to_list_id'));
END;

COMMENT ON FUNCTION leadterra.http_v2_move(uuid[], jsonb) IS
'Move leads from where a request says to where it says: lt_move_leads_noted for PL/pgSQL.';

CREATE FUNCTION leadterra.http_v2_move_leads(body jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    most constant integer := 10000;
    wanted integer;
    after text;
    found uuid[] := '{}';
    page_ids uuid[];
BEGIN
    PERFORM leadterra.http_v2_filters(body, '{to_campaign_id, to_list_id, copy_leads,
        check_duplicates, check_duplicates_in_campaigns, skip_leads_in_verification,
        reset_interest_status, limit, assigned_to}');
    PERFORM
        leadterra.http_v2_fixed(body, '{"copy_leads": false, "assigned_to": null,
            "check_duplicates_in_campaigns": false, "skip_leads_in_verification": false,
            "reset_interest_status": false}'),
        -- Nobody can be in one twice, so that either is true.
        leadterra.http_v2_given(body, 'check_duplicates', 'boolean');
    IF num_nonnulls(body ->> 'campaign', body ->> 'list_id') <> 1 THEN
        PERFORM leadterra.raise_error('invalid_request',
            'either "campaign" or "list_id" must be given, and not both: what leads leave');
    END IF;
    wanted := leadterra.http_limit(leadterra.http_number('limit',
        leadterra.http_v2_given(body, 'limit', 'number') #>> '{}'), most);
    LOOP
        SELECT
            coalesce(array_agg(f.lead_id ORDER BY f.place) FILTER (WHERE f.lead_id IS NOT NULL),
                '{}'),
            (array_agg(f.next_after ORDER BY f.place DESC))[1]
        INTO page_ids, after
        FROM leadterra.http_v2_find_leads('leads:update', body, after, coalesce(wanted, most))
            WITH ORDINALITY AS f (lead_id, next_after, place);
        found := found || page_ids;
        EXIT WHEN after IS NULL OR cardinality(found) >= wanted OR cardinality(found) > most;
    END LOOP;
    IF wanted IS NULL AND cardinality(found) > most THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('more than %s leads match: send "limit"', most));
    END IF;
    RETURN leadterra.http_v2_show_job(leadterra.http_v2_move(
        found[:coalesce(wanted, most)], body));
END;
$$;

COMMENT ON FUNCTION leadterra.http_v2_move_leads(jsonb) IS
'Answer POST /api/v2/leads/move

Parameters:
  body  has filters of leads, of which one is campaign or list_id, to_campaign_id or to_list_id,
        and may have limit, up to 10,000

Returns: a background job, which is done.

Errors: those of lt_find_leads and lt_move_leads.';
