-- http: the edge, where headers become arguments, and answers have a status.
--
-- The gateway calls lt_http_read() for GET and HEAD, and lt_http_write() for the other
-- methods.  It hands on path and query in the header X-Original-Uri, the method in
-- X-Original-Method and the API key in X-Api-Key; what a client sends under these names
-- it replaces.  Nothing but the functions of this file reads a header.

CREATE FUNCTION leadterra.http_header(name text)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT nullif(current_setting('request.headers', true), '')::json ->> http_header.name;
END;

COMMENT ON FUNCTION leadterra.http_header(text) IS
'Return a header of the request, by its name in lower case; null outside of one.';

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

CREATE FUNCTION leadterra.http_error(uri text, status integer, message text, detail jsonb)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM set_config('response.status', status::text, true);
    RETURN CASE
        WHEN starts_with(uri, '/api/v2/') THEN
            jsonb_build_object('statusCode', status, 'error', CASE status
                WHEN 400 THEN 'Bad Request'
                WHEN 401 THEN 'Unauthorized'
                WHEN 402 THEN 'Payment Required'
                WHEN 403 THEN 'Forbidden'
                WHEN 404 THEN 'Not Found'
                WHEN 405 THEN 'Method Not Allowed'
                WHEN 409 THEN 'Conflict'
                WHEN 410 THEN 'Gone'
                WHEN 413 THEN 'Content Too Large'
                WHEN 503 THEN 'Service Unavailable'
                ELSE 'Unprocessable Content'
            END)
        ELSE '{}'
    END || jsonb_build_object('message', message) || detail;
END;
$$;

COMMENT ON FUNCTION leadterra.http_error(text, integer, text, jsonb) IS
'Answer a request with an error

Parameters:
  uri      path and query of the request, which tell whose pages it is of
  status   of the answer
  message  one line
  detail   an object with the stable code, and errors where entries failed

Returns: the body, with statusCode and error too for the second service.';

-- What a call that failed did is rolled back with the block.  Other errors go on to PostgREST.
CREATE FUNCTION leadterra.http_answer(
    method text,
    uri text,
    idempotency_key text,
    given bytea)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- Without a workspace there is no answer: PostgREST has to say that a key is missing.
    workspace constant uuid := leadterra.current_workspace();
    route leadterra.route;
    body jsonb;
    hash bytea;
    earlier leadterra.answers;
    answer jsonb;
    detail text;
BEGIN
    -- The gateway takes an answer without it for a fault of PostgREST or the server.
    PERFORM leadterra.http_set_header('X-Answered', 'yes');
    BEGIN
        SELECT r.* INTO route FROM leadterra.find_route(method, split_part(uri, '?', 1)) r;
        IF NOT FOUND THEN
            RETURN leadterra.http_error(uri, 404, 'there is nothing at this path',
                '{"code": "not_found"}');
        ELSIF route.allow IS NOT NULL THEN
            PERFORM leadterra.http_set_header('Allow', route.allow);
            RETURN leadterra.http_error(uri, 405, 'this path takes other methods',
                '{"code": "method_not_allowed"}');
        END IF;
        -- First, so that a key without it learns nothing, of an earlier answer either.
        PERFORM leadterra.enter(route.scope);
        IF method = 'DELETE' AND starts_with(route.path, '/api/v2/') AND given <> '' THEN
            -- As there: what it says might be meant to choose what is deleted.
            PERFORM leadterra.raise_error('invalid_request', 'a DELETE takes no body');
        ELSIF 'body' = ANY (route.names) IS NOT TRUE THEN
            given := NULL;
        ELSIF given IS NULL THEN
            PERFORM leadterra.raise_error('invalid_request', 'the request has no body');
        ELSE
            body := leadterra.http_body(given);
        END IF;
        IF length(idempotency_key) > 255 THEN
            PERFORM leadterra.raise_error('invalid_request',
                'header Idempotency-Key must have at most 255 characters');
        ELSIF idempotency_key <> '' THEN
            hash := sha256(
                convert_to(concat(method, ' ', uri, E'\n'), 'UTF8') || coalesce(given, ''));
            earlier := leadterra.open_answer(idempotency_key, hash);
            IF earlier.request_hash <> hash THEN
                PERFORM leadterra.raise_error('idempotency_key_reused',
                    'header Idempotency-Key was sent with another request');
            ELSIF earlier.request_hash IS NOT NULL THEN
                RETURN earlier.answer;
            END IF;
        END IF;

        answer := leadterra.call_route(route, uri, body);
        IF idempotency_key <> '' THEN
            PERFORM leadterra.store_answer(idempotency_key, answer);
        END IF;
        RETURN answer;
    EXCEPTION WHEN OTHERS THEN
        IF SQLSTATE = '54001' THEN
            -- What the parser just stood is too deep for the call.
            RETURN leadterra.http_error(uri, 400, 'the body of the request is nested too deeply',
                '{"code": "invalid_request"}');
        ELSIF SQLSTATE !~ '^PT(4[0-9][0-9]|503)$' THEN
            RAISE;
        END IF;
        GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
        RETURN leadterra.http_error(uri, substr(SQLSTATE, 3)::integer, SQLERRM,
            coalesce(nullif(detail, ''), '{}')::jsonb);
    END;
END;
$$;

COMMENT ON FUNCTION leadterra.http_answer(text, text, text, bytea) IS
'Answer a request, once for an Idempotency-Key

Parameters:
  method           of the request
  uri              its path and query, as they were sent
  idempotency_key  null or empty: it is done again when it is sent again
  given            its body; null: it has none

Returns: the body of the answer, also of an error; the settings response.status and
response.headers have the rest.

Errors: PT401 authentication_failed, and faults.';

CREATE FUNCTION @extschema@.lt_http_read()
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_answer('GET', leadterra.http_header('x-original-uri'), NULL, NULL);
END;

COMMENT ON FUNCTION @extschema@.lt_http_read() IS
'Answer a published call that reads, for PostgREST

The header X-Original-Uri has the path and the query of the call, whose method is GET or HEAD.

Returns: what deploy/openapi.yaml says. An error is an answer with its status, a message
and a code.

Errors: PT401 authentication_failed.';

CREATE FUNCTION @extschema@.lt_http_write(bytea)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_answer(
        coalesce(leadterra.http_header('x-original-method'), 'POST'),
        leadterra.http_header('x-original-uri'), leadterra.http_header('idempotency-key'), $1);
END;

COMMENT ON FUNCTION @extschema@.lt_http_write(bytea) IS
'Answer a published call that writes, for PostgREST

The header X-Original-Uri has the path and the query of the call, X-Original-Method its
method, POST where there is none. With an Idempotency-Key of at most 255 characters, a call
that is made again within 24 hours gets the first answer and does nothing.

The one argument is the body, as it was sent. It has no name, as PostgREST wants it.

Returns: what deploy/openapi.yaml says. An error is an answer with its status, a message
and a code.

Errors: PT401 authentication_failed.';
