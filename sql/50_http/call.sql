-- http: the published calls, for PostgREST behind a gateway.
--
-- The gateway calls one function for each published path.  It hands the path on
-- in the header X-Original-Uri and the API key in X-Api-Key; what a client sends
-- under these names it replaces.

CREATE FUNCTION leadterra.http_header(name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT nullif(current_setting('request.headers', true), '')::json ->> http_header.name;
END;

COMMENT ON FUNCTION leadterra.http_header(text) IS 'Return a header of the request, by its name in lower case; null outside of one.';

CREATE FUNCTION @extschema@.lt_pre_request()
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_authenticate(leadterra.http_header('x-api-key'))
    WHERE current_setting('request.path', true) IS DISTINCT FROM '/rpc/lt_unsubscribe';
END;

COMMENT ON FUNCTION @extschema@.lt_pre_request() IS
'Open the workspace of a request to PostgREST, which calls it as db-pre-request

The API key is in the header X-Api-Key. lt_unsubscribe needs none: its token opens a
workspace.

Errors: PT401 authentication_failed.';

CREATE FUNCTION leadterra.read_id(id text)
RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_from_typeid(read_id.id);
END;

COMMENT ON FUNCTION leadterra.read_id(text) IS 'Return the UUID of a TypeID or UUID: lt_from_typeid for PL/pgSQL.';

CREATE FUNCTION leadterra.url_decode(encoded text)
RETURNS text
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_url_decode';

COMMENT ON FUNCTION leadterra.url_decode(text) IS 'Decode a part of a query, as forms encode it, or raise PT400 invalid_request.';

-- The campaign is looked up, so that an error shows the id as it was sent.
CREATE FUNCTION leadterra.http_campaign(scope text, given text)
RETURNS uuid
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN CASE WHEN given IS NOT NULL THEN leadterra.enter_campaign(scope, leadterra.read_id(given)) END;
EXCEPTION WHEN SQLSTATE 'PT400' OR SQLSTATE 'PT404' THEN
    PERFORM leadterra.raise_error('campaign_not_found', format('campaign "%s" does not exist', given));
END;
$$;

COMMENT ON FUNCTION leadterra.http_campaign(text, text) IS 'Begin a call on a campaign, and return its id from its TypeID or UUID; null for null.';

CREATE FUNCTION leadterra.http_path_campaign(scope text)
RETURNS uuid
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    -- A "+" is itself in a path.
    SELECT leadterra.http_campaign(http_path_campaign.scope, leadterra.url_decode(replace(
        split_part(split_part(leadterra.http_header('x-original-uri'), '?', 1), '/', 4), '+', '%2B')));
END;

COMMENT ON FUNCTION leadterra.http_path_campaign(text) IS 'Begin a call on the campaign in the path of the request, /v1/campaigns/:id/..., and return its id.';

CREATE FUNCTION leadterra.http_query(name text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    uri constant text := coalesce(leadterra.http_header('x-original-uri'), '');
    parameter text;
    found text;
BEGIN
    FOREACH parameter IN ARRAY string_to_array(split_part(uri, '?', 2), '&') LOOP
        CONTINUE WHEN leadterra.url_decode(split_part(parameter, '=', 1)) <> name;
        -- Which of two is meant nobody knows.
        IF found IS NOT NULL THEN
            PERFORM leadterra.raise_error('invalid_request', format('parameter "%s" is given twice', name));
        END IF;
        found := leadterra.url_decode(CASE WHEN strpos(parameter, '=') > 0 THEN substr(parameter, strpos(parameter, '=') + 1) ELSE '' END);
    END LOOP;
    RETURN found;
END;
$$;

COMMENT ON FUNCTION leadterra.http_query(text) IS 'Return a parameter of the query of the request, the empty string if it has no value, null if it is not there.';

CREATE FUNCTION leadterra.http_flag(name text)
RETURNS boolean
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant text := leadterra.http_query(name);
BEGIN
    IF given NOT IN ('true', 'false') THEN
        PERFORM leadterra.raise_error('invalid_request', format('parameter "%s" must be "true" or "false", not "%s"', name, given));
    END IF;
    RETURN coalesce(given = 'true', false);
END;
$$;

COMMENT ON FUNCTION leadterra.http_flag(text) IS 'Return a parameter of the query that is true or false; false if it has none.';

CREATE FUNCTION leadterra.http_time(moment timestamptz)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT to_char(http_time.moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
END;

COMMENT ON FUNCTION leadterra.http_time(timestamptz) IS 'Return a time as ISO 8601 in UTC.';

-- Members of a request's body: a body that is no object has none.
CREATE FUNCTION leadterra.http_member(body jsonb, name text, type text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF jsonb_typeof(body) IS DISTINCT FROM 'object' THEN
        PERFORM leadterra.raise_error('invalid_request', 'the body of the request must be a JSON object');
    ELSIF coalesce(jsonb_typeof(body -> name), 'missing') NOT IN ('missing', type) THEN
        PERFORM leadterra.raise_error('invalid_request', format('"%s" must be of type %s', name, type));
    END IF;
    RETURN body -> name;
END;
$$;

COMMENT ON FUNCTION leadterra.http_member(jsonb, text, text) IS 'Return a member of the body of a request, null if it has none, or raise PT400 invalid_request if it is of another type.';

-- Each call: from what the request says to the answer.  This one is VOLATILE, so
-- that it sees what the statement that it is in has written.
CREATE FUNCTION leadterra.http_show_campaign(campaign_id uuid)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'id', @extschema@.lt_typeid('camp', c.campaign_id),
        'name', c.name,
        'status', c.status,
        'sequenceSteps', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('subject', s.subject, 'bodyHtml', s.body_html, 'delayDays', s.delay_days) ORDER BY s.step), '[]')
            FROM leadterra.steps s
            WHERE s.workspace_id = c.workspace_id AND s.campaign_id = c.campaign_id),
        'createdAt', leadterra.http_time(c.created_at))
    FROM leadterra.campaigns c
    WHERE c.workspace_id = leadterra.current_workspace() AND c.campaign_id = http_show_campaign.campaign_id;
END;

COMMENT ON FUNCTION leadterra.http_show_campaign(uuid) IS 'Return a campaign as the published pages show it.';

CREATE FUNCTION leadterra.http_create_campaign(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.campaign || jsonb_build_object('campaign', a.campaign)
    FROM @extschema@.lt_create_campaign(
        leadterra.http_member(http_create_campaign.body, 'name', 'string') #>> '{}',
        coalesce(leadterra.http_member(http_create_campaign.body, 'sequenceSteps', 'array'), '[]')) AS n (id)
    CROSS JOIN LATERAL (SELECT leadterra.http_show_campaign(n.id) OFFSET 0) AS a (campaign);
END;

COMMENT ON FUNCTION leadterra.http_create_campaign(jsonb) IS 'Answer POST /v1/campaigns.';

-- VOLATILE, so that it sees what the call that it is in has written.
CREATE FUNCTION leadterra.count_enrolled(campaign_id uuid)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN (
        SELECT s.leads_enrolled
        FROM leadterra.campaign_states s
        WHERE s.workspace_id = leadterra.current_workspace() AND s.campaign_id = count_enrolled.campaign_id);
END;
$$;

COMMENT ON FUNCTION leadterra.count_enrolled(uuid) IS 'Return how many leads are enrolled in a campaign.';

CREATE FUNCTION leadterra.http_bulk_leads(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    WITH target AS MATERIALIZED (
        SELECT leadterra.http_path_campaign('leads:create') AS campaign_id
    ), report AS MATERIALIZED (
        SELECT r.index, r.outcome, r.reason
        FROM target t
        CROSS JOIN LATERAL @extschema@.lt_bulk_upsert_report(
            t.campaign_id,
            jsonb_build_object('leads', leadterra.http_member(http_bulk_leads.body, 'leads', 'array')),
            coalesce(leadterra.http_query('onInvalid'), 'error'),
            leadterra.http_flag('dryRun')) r
    ), counts AS MATERIALIZED (
        SELECT
            count(*) FILTER (WHERE r.outcome = 'enrolled') AS enrolled,
            count(*) FILTER (WHERE r.outcome = 'updated') AS updated,
            count(*) FILTER (WHERE r.outcome = 'skipped') AS skipped,
            count(*) FILTER (WHERE r.outcome <> 'skipped') AS total,
            coalesce(jsonb_agg(jsonb_build_object('index', r.index, 'code', r.reason) ORDER BY r.index)
                FILTER (WHERE r.outcome = 'skipped' AND r.reason <> 'suppressed'), '[]') AS errors
        FROM report r
    )
    SELECT jsonb_build_object(
        'enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped, 'total', c.total,
        'data', jsonb_build_object('created', c.enrolled, 'updated', c.updated, 'enrolled', c.total, 'errors', c.errors),
        'result', jsonb_build_object('enrolled', c.enrolled, 'updated', c.updated, 'skipped', c.skipped,
            'totalInCampaign', leadterra.count_enrolled(t.campaign_id)))
    FROM counts c
    CROSS JOIN target t;
END;

COMMENT ON FUNCTION leadterra.http_bulk_leads(jsonb) IS 'Answer POST /v1/campaigns/:id/leads/bulk.';

CREATE FUNCTION leadterra.http_start()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object('id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
        'campaign', jsonb_build_object('id', a.id, 'status', s.status, 'startedAt', leadterra.http_time(s.started_at),
            'leadsEnrolled', s.leads_enrolled, 'queuedMessages', s.queued_messages))
    FROM @extschema@.lt_start_campaign(leadterra.http_path_campaign('campaigns:update')) s
    CROSS JOIN LATERAL @extschema@.lt_typeid('camp', s.id) AS a (id);
END;

COMMENT ON FUNCTION leadterra.http_start() IS 'Answer POST /v1/campaigns/:id/start.';

CREATE FUNCTION leadterra.http_pause()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object('id', @extschema@.lt_typeid('camp', s.id), 'status', s.status, 'pausedAt', leadterra.http_time(s.paused_at))
    FROM @extschema@.lt_pause_campaign(leadterra.http_path_campaign('campaigns:update')) s;
END;

COMMENT ON FUNCTION leadterra.http_pause() IS 'Answer POST /v1/campaigns/:id/pause.';

CREATE FUNCTION leadterra.http_stats()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'campaignId', @extschema@.lt_typeid('camp', s.campaign_id), 'totalEnrolled', s.total_enrolled, 'sent', s.sent,
        'delivered', s.delivered, 'bounced', s.bounced, 'replied', s.replied, 'queued', s.queued,
        'openRate', s.open_rate, 'replyRate', s.reply_rate)
    FROM @extschema@.lt_campaign_stats(leadterra.http_path_campaign('campaigns:read')) s;
END;

COMMENT ON FUNCTION leadterra.http_stats() IS 'Answer GET /v1/campaigns/:id/stats.';

CREATE FUNCTION leadterra.http_emails(body jsonb)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    emails constant jsonb := leadterra.http_member(body, 'emails', 'array');
BEGIN
    IF emails IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" is missing');
    ELSIF jsonb_array_length(emails) > 1000 THEN
        PERFORM leadterra.raise_error('invalid_request', format('%s emails are more than 1000', jsonb_array_length(emails)));
    ELSIF jsonb_path_exists(emails, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" must hold strings');
    END IF;
    RETURN ARRAY(SELECT e.email FROM jsonb_array_elements_text(emails) WITH ORDINALITY AS e (email, place) ORDER BY e.place);
END;
$$;

COMMENT ON FUNCTION leadterra.http_emails(jsonb) IS 'Return the array of addresses, at most 1,000, in the body of a request.';

CREATE FUNCTION leadterra.http_suppress(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.counts || jsonb_build_object('result', a.counts)
    FROM @extschema@.lt_suppress(leadterra.http_emails(http_suppress.body)) s
    CROSS JOIN LATERAL jsonb_build_object('suppressed', s.suppressed, 'alreadySuppressed', s.already_suppressed, 'total', s.total) AS a (counts);
END;

COMMENT ON FUNCTION leadterra.http_suppress(jsonb) IS 'Answer POST /v1/suppression-list.';

CREATE FUNCTION leadterra.http_page()
RETURNS integer
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given constant text := coalesce(leadterra.http_query('page'), '1');
BEGIN
    IF given !~ '^[1-9][0-9]{0,6}$' THEN
        PERFORM leadterra.raise_error('invalid_request', format('parameter "page" must be a number from 1, not "%s"', given));
    END IF;
    RETURN given::integer;
END;
$$;

COMMENT ON FUNCTION leadterra.http_page() IS 'Return the page, from 1, that the query of the request asks for.';

CREATE FUNCTION leadterra.http_replies()
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT coalesce(jsonb_agg(jsonb_build_object(
        'id', @extschema@.lt_typeid('rpl', r.id), 'email', r.email, 'campaignId', @extschema@.lt_typeid('camp', r.campaign_id),
        'classification', r.classification, 'receivedAt', leadterra.http_time(r.received_at), 'threadSnippet', r.thread_snippet)
        ORDER BY r.received_at DESC, r.id DESC), '[]')
    FROM (
        SELECT r.*
        FROM (SELECT
                leadterra.http_campaign('replies:read', leadterra.http_query('campaignId')) AS campaign_id,
                leadterra.http_query('classification') AS classification
            OFFSET 0) q
        JOIN @extschema@.lt_replies r ON (q.campaign_id IS NULL OR r.campaign_id = q.campaign_id)
            AND (q.classification IS NULL OR r.classification = q.classification)
        ORDER BY r.received_at DESC, r.id DESC
        OFFSET (leadterra.http_page() - 1) * 50
        LIMIT 50
    ) r;
END;

COMMENT ON FUNCTION leadterra.http_replies() IS 'Answer GET /v1/replies, a page of 50, newest first.';

CREATE FUNCTION leadterra.http_id(body jsonb, name text)
RETURNS uuid
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    given jsonb := leadterra.http_member(CASE WHEN body -> name = 'null' THEN body - name ELSE body END, name, 'string');
BEGIN
    RETURN leadterra.read_id(given #>> '{}');
END;
$$;

COMMENT ON FUNCTION leadterra.http_id(jsonb, text) IS 'Return a member of the body of a request that is an id; null if it has none.';

CREATE FUNCTION leadterra.http_boolean(body jsonb, name text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT coalesce(leadterra.http_member(http_boolean.body, http_boolean.name, 'boolean')::boolean, false);
END;

COMMENT ON FUNCTION leadterra.http_boolean(jsonb, text) IS 'Return a member of the body of a request that is true or false; false if it has none.';

CREATE FUNCTION leadterra.http_add_leads(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT @extschema@.lt_add_leads(
        leads => leadterra.http_member(http_add_leads.body, 'leads', 'array'),
        campaign_id => leadterra.http_id(http_add_leads.body, 'campaign_id'),
        list_id => leadterra.http_id(http_add_leads.body, 'list_id'),
        blocklist_id => leadterra.http_id(http_add_leads.body, 'blocklist_id'),
        assigned_to => leadterra.http_id(http_add_leads.body, 'assigned_to'),
        verify_leads_on_import => leadterra.http_boolean(http_add_leads.body, 'verify_leads_on_import'),
        skip_if_in_workspace => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_workspace'),
        skip_if_in_campaign => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_campaign'),
        skip_if_in_list => leadterra.http_boolean(http_add_leads.body, 'skip_if_in_list'));
END;

COMMENT ON FUNCTION leadterra.http_add_leads(jsonb) IS 'Answer POST /api/v2/leads/add.';

-- The body of an error, as the pages of either service have it.
CREATE FUNCTION leadterra.http_error(status integer, message text, detail jsonb)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN starts_with(leadterra.http_header('x-original-uri'), '/api/v2/') THEN
            jsonb_build_object('statusCode', http_error.status, 'error', CASE http_error.status
                WHEN 400 THEN 'Bad Request' WHEN 401 THEN 'Unauthorized' WHEN 402 THEN 'Payment Required' WHEN 403 THEN 'Forbidden' WHEN 404 THEN 'Not Found'
                WHEN 409 THEN 'Conflict' WHEN 413 THEN 'Content Too Large' ELSE 'Unprocessable Content' END, 'message', http_error.message)
            || http_error.detail
        ELSE jsonb_build_object('message', http_error.message) || http_error.detail
    END;
END;

COMMENT ON FUNCTION leadterra.http_error(integer, text, jsonb) IS 'Return the body of an error: message and stable code, statusCode and error for the second service, errors where entries failed.';

-- The body comes as bytes: what the encoding or the type's input refuses is an error
-- of the request like any other, and has to be caught.
CREATE FUNCTION leadterra.http_body(given bytea)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN convert_from(given, 'UTF8')::jsonb;
-- Not UTF-8, not JSON, characters that are none, numbers and strings too large, nesting too deep.
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    PERFORM leadterra.raise_error('invalid_request', 'the body of the request is not valid JSON');
END;
$$;

COMMENT ON FUNCTION leadterra.http_body(bytea) IS 'Return the body of a request.';

-- Runs a call and returns its answer, or the body of its error: what the call did
-- is rolled back with the block.  Other errors go on to PostgREST.
CREATE FUNCTION leadterra.http_run(call text, scope text, has_body boolean, given bytea)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Without a workspace there is no answer: PostgREST has to say that a key is missing.
    workspace constant uuid := leadterra.current_workspace();
    -- A GET may not write, and does the same again anyway.
    key constant text := CASE WHEN current_setting('transaction_read_only') = 'off' THEN leadterra.http_header('idempotency-key') END;
    body jsonb;
    hash bytea;
    earlier leadterra.answers;
    result jsonb;
    detail text;
BEGIN
    -- First, so that a key without it learns nothing, of an earlier answer either.
    PERFORM leadterra.enter(scope);
    IF to_regprocedure(format('leadterra.%I(%s)', call, CASE WHEN has_body THEN 'jsonb' END)) IS NULL OR NOT starts_with(call, 'http_') THEN
        PERFORM leadterra.raise_error('invalid_request', format('call "%s" is unknown', call));
    END IF;
    IF has_body AND given IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', 'the request has no body');
    ELSIF has_body THEN
        body := leadterra.http_body(given);
    END IF;
    IF length(key) > 255 THEN
        PERFORM leadterra.raise_error('invalid_request', 'header Idempotency-Key must have at most 255 characters');
    ELSIF key <> '' THEN
        hash := sha256(convert_to(concat(leadterra.http_header('x-original-uri'), E'\n'), 'UTF8') || coalesce(given, ''));
        earlier := leadterra.open_answer(key, hash);
        IF earlier.request_hash <> hash THEN
            PERFORM leadterra.raise_error('idempotency_key_reused', 'header Idempotency-Key was sent with another request');
        ELSIF earlier.request_hash IS NOT NULL THEN
            RETURN earlier.answer;
        END IF;
    END IF;

    EXECUTE format('SELECT leadterra.%I(%s)', call, CASE WHEN has_body THEN '$1' END) INTO result USING body;
    IF key <> '' THEN
        PERFORM leadterra.keep_answer(key, result);
    END IF;
    RETURN result;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE = '54001' THEN
        -- What the parser just stood is too deep for the call.
        PERFORM set_config('response.status', '400', true);
        RETURN leadterra.http_error(400, 'the body of the request is nested too deeply', '{"code": "invalid_request"}');
    ELSIF SQLSTATE !~ '^PT4[0-9][0-9]$' THEN
        RAISE;
    END IF;
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    PERFORM set_config('response.status', substr(SQLSTATE, 3), true);
    RETURN leadterra.http_error(substr(SQLSTATE, 3)::integer, SQLERRM, coalesce(nullif(detail, ''), '{}')::jsonb);
END;
$$;

COMMENT ON FUNCTION leadterra.http_run(text, text, boolean, bytea) IS 'Run a call over HTTP that needs a scope, once for an Idempotency-Key, and return its answer or the body of its error.';

CREATE FUNCTION @extschema@.lt_http_create_campaign(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_create_campaign', 'campaigns:create', true, $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_create_campaign(bytea) IS
'Create a campaign: POST /v1/campaigns

The body has name and sequenceSteps, an array of objects with subject, bodyHtml and delayDays. The answer has id, name, status, sequenceSteps and createdAt, and all of it under campaign. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_bulk_leads(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_bulk_leads', 'leads:create', true, $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_bulk_leads(bytea) IS
'Enroll leads in bulk: POST /v1/campaigns/:id/leads/bulk

The body has leads, an array of lead objects. ?onInvalid=skip leaves invalid entries out, ?dryRun=true writes nothing. The answer has the three published shapes at once. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_start()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_start', 'campaigns:update', false, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_start() IS
'Start a campaign: POST /v1/campaigns/:id/start

The answer has id, status and startedAt, and under campaign also leadsEnrolled and queuedMessages. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_pause()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_pause', 'campaigns:update', false, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_pause() IS
'Pause a campaign: POST /v1/campaigns/:id/pause

The answer has id, status and pausedAt. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_stats()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_stats', 'campaigns:read', false, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_stats() IS
'Count what became of a campaign: GET /v1/campaigns/:id/stats

The answer has campaignId, totalEnrolled, sent, delivered, bounced, replied, queued, openRate and replyRate. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_suppress(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_suppress', 'blocklists:create', true, $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_suppress(bytea) IS
'Suppress addresses: POST /v1/suppression-list

The body has emails, up to 1,000. The answer has suppressed, alreadySuppressed and total, and all of it under result. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_replies()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_replies', 'replies:read', false, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_replies() IS
'List replies: GET /v1/replies

?campaignId= and ?classification= filter, ?page= asks for pages of 50, newest first. The answer is an array. Errors are answers with their status, a message and a code.';

CREATE FUNCTION @extschema@.lt_http_add_leads(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_run('http_add_leads', 'leads:create', true, $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_add_leads(bytea) IS
'Add leads in bulk to a campaign or list: POST /api/v2/leads/add

The body and answer are those of lt_add_leads; ids may be TypeIDs. An error has statusCode, error and message. Errors are answers with their status, a message and a code.';
