-- error: what SQL and PL/pgSQL raise by its stable code.
BEGIN;
SELECT plan(4);

SELECT throws_ok($$SELECT leadterra.raise_error('plan_limit_reached', 'no more')$$, 'PT402', 'no more', 'a code has its SQLSTATE');
SELECT throws_ok($$SELECT leadterra.raise_error('lease_lost', E'line\r\nbreak')$$, 'PT409', 'line\r\nbreak', 'a message is one line');
CREATE FUNCTION pg_temp.detail() RETURNS jsonb LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM leadterra.raise_error('list_not_found', 'gone');
EXCEPTION WHEN SQLSTATE 'PT404' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail;
END;
$$;
SELECT is(pg_temp.detail(), '{"code": "list_not_found"}', 'and the code is its DETAIL');
SELECT throws_ok($$SELECT leadterra.raise_error('no_such_code', 'x')$$, 'XX000', 'unknown error code "no_such_code"', 'another code is a bug');

SELECT * FROM finish();
ROLLBACK;
