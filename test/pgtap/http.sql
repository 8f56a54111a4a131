-- http: what requests from outside cannot bring about.
BEGIN;
SELECT plan(7);
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

SELECT * FROM finish();
ROLLBACK;
