-- http: the table of routes, and how the function of one is called.
--
-- A published call is one line of leadterra.routes() and one function, in the file of its
-- domain.  The function is called by the names of its arguments, as PostgREST calls one:
--
--   body jsonb        the body of the request; a function without it takes none
--   {name} of a path  the argument of that name
--   any other         a parameter of the query, by its name below /api/v2/, and in camel
--                     case below /v1/; what is not given has the argument's default, and
--                     an array of text has all that are given
--
-- The type of an argument says how it is read: text as it is, boolean by http_flag(),
-- integer by http_number(), and a uuid by the function of its name, as http_campaign_id()
-- reads campaign_id.  Each is read by itself before the function is called, whether or not
-- that ever looks at it: the planner may leave out what an inlined function does not need.
--
-- deploy/nginx.conf has the paths and methods too, by scripts/routes --write, and
-- deploy/openapi.yaml describes them; scripts/check compares.

CREATE FUNCTION leadterra.routes()
RETURNS TABLE (method text, path text, call text, scope text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    VALUES
    ('GET',  '/v1/campaigns',                          'http_list_campaigns',  'campaigns:read'),
    ('POST', '/v1/campaigns',                          'http_create_campaign', 'campaigns:create'),
    ('GET',  '/v1/campaigns/{campaign_id}',            'http_get_campaign',    'campaigns:read'),
    ('PATCH', '/v1/campaigns/{campaign_id}',           'http_change_campaign', 'campaigns:update'),
    ('DELETE', '/v1/campaigns/{campaign_id}',          'http_delete_campaign', 'campaigns:delete'),
    ('GET',  '/v1/campaigns/{campaign_id}/leads',      'http_campaign_leads',  'leads:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/leads/{lead_id}', 'http_campaign_lead', 'campaigns:read'),
    ('POST', '/v1/campaigns/{campaign_id}/leads/bulk', 'http_bulk_leads',      'leads:create'),
    ('POST', '/v1/campaigns/{campaign_id}/start',      'http_start_campaign',  'campaigns:update'),
    ('POST', '/v1/campaigns/{campaign_id}/pause',      'http_pause_campaign',  'campaigns:update'),
    ('GET',  '/v1/campaigns/{campaign_id}/stats',      'http_campaign_stats',  'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/stats/steps', 'http_step_stats',     'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/stats/days', 'http_daily_stats',     'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/forecast',   'http_forecast',        'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/preflight',  'http_preflight',       'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/preview',    'http_preview',         'campaigns:read'),
    ('GET',  '/v1/campaigns/{campaign_id}/messages',   'http_campaign_messages', 'messages:read'),
    ('GET',  '/v1/leads',                              'http_list_leads',      'leads:read'),
    ('GET',  '/v1/leads/{lead_id}',                    'http_get_lead',        'leads:read'),
    ('PATCH', '/v1/leads/{lead_id}',                   'http_change_lead',     'leads:update'),
    ('DELETE', '/v1/leads/{lead_id}',                  'http_delete_lead',     'leads:delete'),
    ('GET',  '/v1/leads/{lead_id}/campaigns',          'http_lead_campaigns',  'leads:read'),
    ('GET',  '/v1/suppression-list',                   'http_suppressions',    'blocklists:read'),
    ('POST', '/v1/suppression-list',                   'http_suppress',        'blocklists:create'),
    ('DELETE', '/v1/suppression-list',                 'http_unsuppress',      'blocklists:delete'),
    ('GET',  '/v1/sender-pools',                       'http_sender_pools',    'senders:read'),
    ('GET',  '/v1/sender-accounts',                    'http_sender_accounts', 'senders:read'),
    ('GET',  '/v1/webhooks',                           'http_list_webhooks',   'webhooks:read'),
    ('POST', '/v1/webhooks',                           'http_create_webhook',  'webhooks:create'),
    ('GET',  '/v1/webhooks/{webhook_id}',              'http_get_webhook',     'webhooks:read'),
    ('DELETE', '/v1/webhooks/{webhook_id}',            'http_delete_webhook',  'webhooks:delete'),
    ('POST', '/v1/webhooks/{webhook_id}/resume',       'http_resume_webhook',  'webhooks:update'),
    ('GET',  '/v1/webhooks/{webhook_id}/deliveries',   'http_deliveries',      'webhooks:read'),
    ('POST', '/v1/deliveries/{delivery_id}/redeliver', 'http_redeliver',       'webhooks:update'),
    ('PATCH', '/v1/replies/{reply_id}',                'http_classify_reply',  'replies:update'),
    ('GET',  '/v1/replies',                            'http_list_replies',    'replies:read'),
    ('POST', '/api/v2/leads/add',                      'http_add_leads',       'leads:create'),
    ('POST', '/api/v2/leads', 'http_v2_create_lead', 'leads:create'),
    ('POST', '/api/v2/leads/list', 'http_v2_list_leads', 'leads:read'),
    ('POST', '/api/v2/leads/move', 'http_v2_move_leads', 'leads:update'),
    ('POST', '/api/v2/leads/merge', 'http_v2_merge_leads', 'leads:update'),
    ('GET', '/api/v2/leads/{lead_id}', 'http_v2_lead', 'leads:read'),
    ('PATCH', '/api/v2/leads/{lead_id}', 'http_v2_change_lead', 'leads:update'),
    ('DELETE', '/api/v2/leads/{lead_id}', 'http_v2_delete_lead', 'leads:delete'),
    ('GET', '/api/v2/campaigns', 'http_v2_campaigns', 'campaigns:read'),
    ('POST', '/api/v2/campaigns', 'http_v2_create_campaign', 'campaigns:create'),
    ('GET', '/api/v2/campaigns/analytics', 'http_v2_analytics', 'campaigns:read'),
    ('GET', '/api/v2/campaigns/analytics/daily', 'http_v2_daily_analytics', 'campaigns:read'),
    ('GET', '/api/v2/campaigns/{campaign_id}', 'http_v2_campaign', 'campaigns:read'),
    ('PATCH', '/api/v2/campaigns/{campaign_id}', 'http_v2_change_campaign', 'campaigns:update'),
    ('DELETE', '/api/v2/campaigns/{campaign_id}', 'http_v2_delete_campaign', 'campaigns:delete'),
    ('POST', '/api/v2/campaigns/{campaign_id}/activate', 'http_v2_activate', 'campaigns:update'),
    ('POST', '/api/v2/campaigns/{campaign_id}/pause', 'http_v2_pause', 'campaigns:update'),
    ('GET', '/api/v2/campaigns/{campaign_id}/sending-status', 'http_v2_sending', 'campaigns:read'),
    ('GET', '/api/v2/lead-lists', 'http_v2_lists', 'lists:read'),
    ('POST', '/api/v2/lead-lists', 'http_v2_create_list', 'lists:create'),
    ('GET', '/api/v2/lead-lists/{list_id}', 'http_v2_list', 'lists:read'),
    ('PATCH', '/api/v2/lead-lists/{list_id}', 'http_v2_change_list', 'lists:update'),
    ('DELETE', '/api/v2/lead-lists/{list_id}', 'http_v2_delete_list', 'lists:delete'),
    ('GET', '/api/v2/block-lists-entries', 'http_v2_entries', 'blocklists:read'),
    ('POST', '/api/v2/block-lists-entries', 'http_v2_add_entry', 'blocklists:create'),
    ('POST', '/api/v2/block-lists-entries/bulk-create', 'http_v2_add_entries', 'blocklists:create'),
    ('GET', '/api/v2/block-lists-entries/{entry_id}', 'http_v2_entry', 'blocklists:read'),
    ('DELETE', '/api/v2/block-lists-entries/{entry_id}', 'http_v2_drop_entry', 'blocklists:delete'),
    ('GET', '/api/v2/background-jobs/{job_id}', 'http_v2_job', 'jobs:read');
END;

COMMENT ON FUNCTION leadterra.routes() IS
'List the published calls

GET answers HEAD as well. A segment of a path in braces is a parameter. A segment that is
spelled out goes before one that is a parameter, in whatever order they stand here.

Returns: method and path, the function in the schema leadterra that answers, and the scope
that a key needs.';

CREATE FUNCTION leadterra.path_matches(pattern text, path text)
RETURNS boolean
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_path_matches';

COMMENT ON FUNCTION leadterra.path_matches(text, text) IS
'Say whether a path is one of a pattern

Parameters:
  pattern  a path in which {name} stands for a segment that is not empty
  path     of a request, as it was sent, without its query';

CREATE FUNCTION leadterra.find_route(method text, path text)
RETURNS SETOF leadterra.route
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        r.path, r.call, r.scope,
        CASE WHEN r.method <> find_route.method THEN (
            SELECT string_agg(replace(o.method, 'GET', 'GET, HEAD'), ', '
                ORDER BY o.method COLLATE "C")
            FROM leadterra.routes() o
            WHERE o.path = r.path) END,
        p.proargnames, p.proargtypes, p.pronargs - p.pronargdefaults
    FROM leadterra.routes() r
    LEFT JOIN pg_proc p ON p.oid = to_regproc('leadterra.' || r.call)
    WHERE leadterra.path_matches(r.path, find_route.path)
    -- "{" sorts behind all that a segment may have.
    ORDER BY r.path COLLATE "C", r.method <> find_route.method
    LIMIT 1;
END;

COMMENT ON FUNCTION leadterra.find_route(text, text) IS
'Find the route of a request

Parameters:
  method  of the request
  path    as it was sent, without its query

Returns: the route, or no row where nothing is at the path.';

CREATE FUNCTION leadterra.call_route(route leadterra.route, uri text, body jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    query constant text := split_part(uri, '?', 2);
    name text;
    published text;
    segment integer;
    given text;
    id uuid;
    texts text[] := '{}';
    arguments text := '';
    answer jsonb;
BEGIN
    FOR place IN 1 .. coalesce(cardinality(route.names), 0) LOOP
        name := route.names[place];
        IF name = 'body' THEN
            arguments := arguments || ', body => $2';
            CONTINUE;
        END IF;
        published := CASE WHEN starts_with(route.path, '/api/v2/') THEN name
            ELSE leadterra.camel_case(name) END;
        segment := array_position(string_to_array(route.path, '/'), format('{%s}', name));
        -- A "+" is itself in a path.
        given := CASE
            WHEN segment IS NULL AND route.types[place - 1] = 'text[]'::regtype
                THEN leadterra.http_query_all(query, published)::text
            WHEN segment IS NULL THEN leadterra.http_query(query, published)
            ELSE leadterra.url_decode(replace(
                split_part(split_part(uri, '?', 1), '/', segment), '+', '%2B')) END;
        IF given IS NOT NULL THEN
            CASE route.types[place - 1]
                WHEN 'uuid'::regtype THEN
                    EXECUTE format('SELECT leadterra.%I($1, $2)', 'http_' || name)
                        INTO id USING route.scope, given;
                    given := id;
                WHEN 'boolean'::regtype THEN
                    given := leadterra.http_flag(published, given);
                WHEN 'integer'::regtype THEN
                    given := leadterra.http_number(published, given);
                ELSE NULL;
            END CASE;
            texts := texts || given;
            arguments := arguments || format(', %I => $1[%s]::%s', name, cardinality(texts),
                route.types[place - 1]::regtype);
        ELSIF place <= route.needed THEN
            PERFORM leadterra.raise_error('invalid_request',
                format('parameter "%s" is missing', published));
        END IF;
    END LOOP;
    EXECUTE format('SELECT leadterra.%I(%s)', route.call, substr(arguments, 3))
        INTO answer USING texts, body;
    RETURN answer;
END;
$$;

COMMENT ON FUNCTION leadterra.call_route(leadterra.route, text, jsonb) IS
'Call the function of a route with what a request gives

Parameters:
  uri   path and query of the request, as they were sent
  body  of the request

Returns: its answer.

Errors: PT400 invalid_request, those of what reads the arguments (PT404), and those of
the function.';
