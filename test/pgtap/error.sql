-- error: what SQL and PL/pgSQL raise by its stable code.
BEGIN;
SELECT plan(6);

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
SELECT throws_ok($$SELECT leadterra.raise_error('no_such_code', 'x')$$, 'PT400', 'error code "no_such_code" is unknown', 'there is no other code');

-- Each public function, called with nulls: it works, or the error is one that its comment names.
CREATE FUNCTION pg_temp.error_of_nulls(function regprocedure) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    detail text;
BEGIN
    EXECUTE format('SELECT %s(%s)', (SELECT proname FROM pg_proc WHERE oid = function),
        (SELECT string_agg(format('NULL::%s', type::regtype), ', ') FROM pg_proc, unnest(proargtypes) type WHERE pg_proc.oid = function));
    RETURN '';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN SQLSTATE || CASE WHEN SQLSTATE LIKE 'PT%' THEN ' ' || (detail::jsonb ->> 'code') END;
END;
$$;
CREATE TEMP TABLE nulls AS
SELECT p.oid::regprocedure AS function, pg_temp.error_of_nulls(p.oid) AS error, obj_description(p.oid) AS comment
FROM pg_proc p
JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
WHERE p.pronamespace <> 'leadterra'::regnamespace AND p.prokind = 'f' AND p.pronargs > 0 AND p.proname NOT LIKE 'lt\_http%';
SELECT cmp_ok((SELECT count(*) FROM nulls WHERE error LIKE 'PT%'), '>', 40::bigint, 'most functions refuse nulls');
SELECT is((SELECT string_agg(function || ': ' || error, ', ' ORDER BY function::text) FROM nulls WHERE error <> '' AND position(error IN comment) = 0), NULL, 'by errors that their comments name');

SELECT * FROM finish();
ROLLBACK;
