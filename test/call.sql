-- For tests of calls: sets the clock, which begins at 2030-01-01 00:00, and tells the error
-- that a statement raises.
CREATE FUNCTION pg_temp.at(after interval) RETURNS text LANGUAGE sql AS $$
    SELECT set_config('leadterra.now', (timestamptz '2030-01-01 00:00+00' + after)::text, true)
$$;
CREATE FUNCTION pg_temp.detail(sql text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    found text;
    code text;
BEGIN
    EXECUTE sql;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS found = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE;
    RETURN concat_ws(' ', code, found::jsonb ->> 'code');
END;
$$;
