-- http: what requests from outside cannot bring about.
BEGIN;
SELECT plan(67);
SELECT set_config('leadterra.workspace_id', lt_create_workspace('http')::text, true);

-- An answer that is removed between the look that finds it and the reading: a
-- trigger does it, where otherwise another session would.
SELECT set_config('request.headers', '{"x-original-uri": "/v1/campaigns", "idempotency-key": "k"}', true);
SELECT lt_http_write('{"name": "Once"}') AS first \gset
SELECT is(lt_http_write('{"name": "Once"}')::text, :'first', 'the first answer comes again');
CREATE FUNCTION pg_temp.remove() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM leadterra.answers a WHERE a.answer IS NOT NULL;
    RETURN NULL;
END;
$$;
CREATE TRIGGER remove AFTER INSERT ON leadterra.answers FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.remove();
SELECT lt_http_write('{"name": "Once"}') AS second \gset
DROP TRIGGER remove ON leadterra.answers;
SELECT is(:'second'::jsonb ->> 'name', 'Once', 'where it is gone, the call is made');
SELECT isnt(:'second'::jsonb ->> 'id', :'first'::jsonb ->> 'id', 'again');
SELECT is((SELECT count(*) FROM lt_campaigns), 2::bigint, 'and does what it does');
SELECT is(lt_http_write('{"name": "Once"}')::text, :'second', 'its answer is kept');

-- Without the gateway there is no path, and nothing at it.
SELECT set_config('request.headers', '', true);
SELECT is(concat_ws(' ', answer ->> 'code', current_setting('response.status')), 'not_found 404', 'without headers') FROM (VALUES (lt_http_read()), (lt_http_write('{}'))) v (answer);

-- What is missing is an error of the request, whoever calls and how.
SELECT is((SELECT string_agg(DISTINCT coalesce(leadterra.http_answer(r.method, r.path, NULL, NULL) ->> 'message', r.path), ', ') FROM leadterra.routes() r, leadterra.find_route(r.method, r.path) f WHERE 'body' = ANY (f.names)),
    'the request has no body', 'without a body');
SELECT is(leadterra.http_answer('GET', '/v1/replies', NULL, NULL), '[]', 'without a query');

-- Parts of a URL, in time that goes with their length.
SET LOCAL statement_timeout = '10s';
SELECT is(length(leadterra.url_decode(repeat('%C3%BC', 1000000))), 1000000, 'a long one');
SET LOCAL statement_timeout = 0;
SELECT is(leadterra.url_decode(encoded), decoded, 'decoded: ' || encoded) FROM (VALUES ('', ''), ('a+b%2Bc', 'a b+c'), ('%41%c3%bc', 'Aü'), ('ü', 'ü')) v (encoded, decoded);
SELECT throws_ok(format('SELECT leadterra.url_decode(%L)', encoded), 'PT400', 'the path or query of the request is malformed', 'malformed: ' || encoded) FROM unnest('{%,%4,%zz,a%,%ff,%00,%c3}'::text[]) encoded;

-- The table of routes: what it names is there, and can be called with what a request has.
CREATE TEMP TABLE named AS
SELECT r.*, p.oid AS function_oid, p.provolatile AS volatility, p.prorettype AS type, a.name, a.type::regtype AS argument_type
FROM leadterra.routes() r
LEFT JOIN pg_proc p ON p.oid = to_regproc('leadterra.' || r.call)
LEFT JOIN LATERAL unnest(p.proargnames, p.proargtypes::oid[]) AS a (name, type) ON true;
SELECT is((SELECT string_agg(method || ' ' || path, ', ') FROM (SELECT method, path FROM leadterra.routes() GROUP BY 1, 2 HAVING count(*) > 1) r), NULL, 'a route stands there once');
SELECT is((SELECT string_agg(path, ', ') FROM leadterra.routes() WHERE path !~ '^/(v1|api/v2)(/[a-z0-9-]+|/\{[a-z_]+\})+$' OR method NOT IN ('GET', 'POST', 'PATCH', 'DELETE')), NULL, 'below the path of either service');
SELECT is((SELECT string_agg(DISTINCT call, ', ') FROM named WHERE type IS DISTINCT FROM 'jsonb'::regtype), NULL, 'each has a function, which answers with JSON');
SELECT is((SELECT string_agg(DISTINCT call, ', ') FROM named WHERE (method = 'GET') <> (volatility <> 'v')), NULL, 'what GET calls does not write');
SELECT is((SELECT string_agg(r.path, ', ') FROM leadterra.routes() r, regexp_matches(r.path, '\{(\w+)\}', 'g') AS m WHERE NOT EXISTS (SELECT FROM named n WHERE n.call = r.call AND n.name = m[1])), NULL, 'parameters of a path are arguments');
SELECT is((SELECT string_agg(call || ' ' || name, ', ') FROM named WHERE argument_type NOT IN ('text', 'boolean', 'integer') AND (name = 'body') <> (argument_type = 'jsonb'::regtype)
    AND NOT (argument_type = 'uuid'::regtype AND to_regprocedure(format('leadterra.%I(text, text)', 'http_' || name)) IS NOT NULL)), NULL, 'and arguments have a reader');
SELECT is((SELECT string_agg(call || ' ' || name, ', ') FROM named WHERE method = 'GET' AND name = 'body'), NULL, 'a GET has no body');
SELECT lives_ok(format('SELECT lt_create_api_key(''x'', %L)', array_agg(DISTINCT scope)), 'keys may have the scopes') FROM leadterra.routes();

-- A published call is a line and a function.
CREATE OR REPLACE FUNCTION leadterra.routes() RETURNS TABLE (method text, path text, call text, scope text) LANGUAGE sql IMMUTABLE AS $$
VALUES
    ('GET', '/v1/things/{thing}', 'http_thing', 'leads:read'),
    ('PATCH', '/v1/things/{thing}', 'http_change_thing', 'leads:update'),
    ('DELETE', '/v1/things/{thing}', 'http_thing', 'leads:delete'),
    ('POST', '/v1/things/all', 'http_change_thing', 'leads:update'),
    ('GET', '/v1/{campaign_id}/{thing}/x', 'http_things', 'campaigns:read'),
    ('GET', '/api/v2/things', 'http_things', 'leads:read')
$$;
CREATE FUNCTION leadterra.http_thing(thing text) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('thing', thing) $$;
CREATE FUNCTION leadterra.http_change_thing(body jsonb, thing text DEFAULT 'none') RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_object('thing', thing, 'body', body) $$;
CREATE FUNCTION leadterra.http_things(thing text, campaign_id uuid DEFAULT NULL, is_new boolean DEFAULT NULL, "limit" integer DEFAULT 10) RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_build_object('thing', thing, 'campaign', campaign_id, 'is_new', is_new, 'limit', "limit") $$;
SELECT lt_create_campaign('c') AS campaign \gset
CREATE FUNCTION pg_temp.answer(method text, uri text, body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
    headers jsonb;
BEGIN
    PERFORM set_config('response.status', '', true), set_config('response.headers', '', true);
    PERFORM set_config('request.headers', json_build_object('x-original-uri', uri, 'x-original-method', method)::text, true);
    answer := CASE method WHEN 'GET' THEN lt_http_read() ELSE lt_http_write(body::bytea) END;
    headers := current_setting('response.headers');
    RETURN btrim(concat_ws(' ', CASE WHEN headers -> 0 <> '{"X-Answered": "yes"}' THEN 'unmarked' END, current_setting('response.status'), nullif((headers - 0)::text, '[]'), coalesce(answer ->> 'code', answer::text), answer ->> 'message'));
END;
$$;
SELECT is(pg_temp.answer(method, replace(uri, 'CAMPAIGN', :'campaign'), body), replace(expected, 'CAMPAIGN', :'campaign'), method || ' ' || left(uri, 60)) FROM (VALUES
    ('GET', '/v1/things/a%2fb+c?x=%', NULL, '{"thing": "a/b+c"}'),
    ('DELETE', '/v1/things/a', 'no JSON', '{"thing": "a"}'),
    ('PATCH', '/v1/things/a?thing=b', '{"n": 1}', '{"body": {"n": 1}, "thing": "a"}'),
    ('PATCH', '/v1/things/a', '', '400 invalid_request the body of the request is not valid JSON'),
    ('POST', '/v1/things/a', '{}', '405 [{"Allow": "DELETE, GET, HEAD, PATCH"}] method_not_allowed this path takes other methods'),
    ('post', '/v1/things/all', '{}', '405 [{"Allow": "POST"}] method_not_allowed this path takes other methods'),
    ('POST', '/v1/things/all', '{}', '{"body": {}, "thing": "none"}'),
    ('POST', '/v1/things/all?thing=&x', '{}', '{"body": {}, "thing": ""}'),
    ('GET', '/v1/things/all', NULL, '405 [{"Allow": "POST"}] method_not_allowed this path takes other methods'),
    ('GET', '/v1/CAMPAIGN/a/x?isNew=true&is_new=false&limit=3', NULL, '{"limit": 3, "thing": "a", "is_new": true, "campaign": "CAMPAIGN"}'),
    ('GET', '/v1/CAMPAIGN/a/x?%69sNew=false&campaignId=x', NULL, '{"limit": 10, "thing": "a", "is_new": false, "campaign": "CAMPAIGN"}'),
    ('GET', '/v1/CAMPAIGN/a/x?isNew=1', NULL, '400 invalid_request parameter "isNew" must be "true" or "false", not "1"'),
    ('GET', '/v1/CAMPAIGN/a/x?limit=0', NULL, '400 invalid_request parameter "limit" must be a number from 1, not "0"'),
    ('GET', '/v1/x/a/x?limit=0', NULL, '404 campaign_not_found campaign "x" does not exist'),
    ('GET', '/v1/CAMPAIGN//x', NULL, '404 not_found there is nothing at this path'),
    ('GET', '/api/v2/things?thing=a&is_new=true&campaign_id=CAMPAIGN', NULL, '{"limit": 10, "thing": "a", "is_new": true, "campaign": "CAMPAIGN"}'),
    ('GET', '/api/v2/things?thing=a&isNew=true', NULL, '{"limit": 10, "thing": "a", "is_new": null, "campaign": null}'),
    ('GET', '/api/v2/things?thing=a&limit=1&limit=1', NULL, '400 invalid_request parameter "limit" is given twice'),
    ('GET', '/api/v2/things', NULL, '400 invalid_request parameter "thing" is missing')) v (method, uri, body, expected);
SELECT is((SELECT string_agg(method || ' ' || r.path || ' ' || f.path, ', ') FROM leadterra.routes() r, leadterra.find_route(r.method, r.path) f WHERE (f.path, f.call, f.scope) IS DISTINCT FROM (r.path, r.call, r.scope) OR f.allow IS NOT NULL), NULL, 'a path finds itself');
SELECT is(leadterra.path_matches(pattern, path), matches, format('%s for %s', path, pattern)) FROM (VALUES
    ('', '', true), ('', '/', false), ('/a', '/a', true), ('/a', '/ab', false), ('/ab', '/a', false), ('/a', '/A', false), ('/{a}', '/', false), ('/{a}', '/x', true), ('/{a}', '/x/', false),
    ('/{a}/b', '/x/b', true), ('/{a}/b', '/b', false), ('/{a}/b', '/x/y/b', false), ('/{a}/{b}', '/{a}/{b}', true), ('/{a}/{b}', '/ü/ß', true), ('{a}', '', false), ('{a', 'x', true), ('{', '', false), ('/_%', '/ab', false)) v (pattern, path, matches);

SELECT * FROM finish();
ROLLBACK;
