-- http: what requests from outside cannot bring about.
BEGIN;
SELECT plan(26);
SELECT set_config('leadterra.workspace_id', lt_create_workspace('http')::text, true);

-- An answer that is removed between the look that finds it and the reading: a
-- trigger does it, where otherwise another session would.
SELECT set_config('request.headers', '{"x-original-uri": "/v1/campaigns", "idempotency-key": "k"}', true);
SELECT lt_http_create_campaign('{"name": "Once"}') AS first \gset
SELECT is(lt_http_create_campaign('{"name": "Once"}')::text, :'first', 'the first answer comes again');
CREATE FUNCTION pg_temp.remove() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    DELETE FROM leadterra.answers a WHERE a.answer IS NOT NULL;
    RETURN NULL;
END;
$$;
CREATE TRIGGER remove AFTER INSERT ON leadterra.answers FOR EACH STATEMENT EXECUTE FUNCTION pg_temp.remove();
SELECT lt_http_create_campaign('{"name": "Once"}') AS second \gset
DROP TRIGGER remove ON leadterra.answers;
SELECT is(:'second'::jsonb ->> 'name', 'Once', 'where it is gone, the call is made');
SELECT isnt(:'second'::jsonb ->> 'id', :'first'::jsonb ->> 'id', 'again');
SELECT is((SELECT count(*) FROM lt_campaigns), 2::bigint, 'and does what it does');
SELECT is(lt_http_create_campaign('{"name": "Once"}')::text, :'second', 'its answer is kept');

-- Without the gateway there is no path.
SELECT set_config('request.headers', '{"idempotency-key": "no path"}', true);
SELECT is(lt_http_suppress('{"emails": ["a@example.com"]}') ->> 'suppressed', '1', 'without a path');
SELECT is(lt_http_suppress('{"emails": ["a@example.com"]}') ->> 'suppressed', '1', 'an answer is kept all the same');

-- What is missing is an error of the request, whoever calls and how.
SELECT set_config('request.headers', '', true);
SELECT is(call || ' ' || concat_ws(' ', answer ->> 'code', current_setting('response.status')), call || ' invalid_request 400', 'without a body: ' || call)
FROM (VALUES ('lt_http_create_campaign', lt_http_create_campaign(NULL)), ('lt_http_bulk_leads', lt_http_bulk_leads(NULL)), ('lt_http_suppress', lt_http_suppress(NULL)), ('lt_http_add_leads', lt_http_add_leads(NULL))) v (call, answer);
SELECT is(lt_http_replies(), '[]', 'without headers');
SELECT is(leadterra.http_run(call, 'campaigns:read', false, NULL) ->> 'message', format('call "%s" is unknown', call), 'a call that there is not') FROM unnest('{nope,count_members}'::text[]) call;

-- Parts of a URL, in time that goes with their length.
SET LOCAL statement_timeout = '10s';
SELECT is(length(leadterra.url_decode(repeat('%C3%BC', 1000000))), 1000000, 'a long one');
SET LOCAL statement_timeout = 0;
SELECT is(leadterra.url_decode(encoded), decoded, 'decoded: ' || encoded) FROM (VALUES ('', ''), ('a+b%2Bc', 'a b+c'), ('%41%c3%bc', 'Aü'), ('ü', 'ü')) v (encoded, decoded);
SELECT throws_ok(format('SELECT leadterra.url_decode(%L)', encoded), 'PT400', 'the path or query of the request is malformed', 'malformed: ' || encoded) FROM unnest('{%,%4,%zz,a%,%ff,%00,%c3}'::text[]) encoded;

SELECT * FROM finish();
ROLLBACK;
