-- enroll: how far an import is.

CREATE FUNCTION leadterra.import_rate(rows bigint, since timestamptz, until timestamptz)
RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT import_rate.rows / nullif(extract(epoch FROM import_rate.until - import_rate.since), 0);
END;

COMMENT ON FUNCTION leadterra.import_rate(bigint, timestamptz, timestamptz) IS
'Return how many rows a second were done between two times; null: no time has passed.';

CREATE FUNCTION leadterra.import_time_left(rows bigint, rate numeric)
RETURNS interval
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT make_interval(secs =>
        ceil(import_time_left.rows / nullif(import_time_left.rate, 0))::double precision);
END;

COMMENT ON FUNCTION leadterra.import_time_left(bigint, numeric) IS
'Return how long so many rows take at a rate; null: there is none.';

CREATE FUNCTION leadterra.import_progress(i leadterra.imports)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT format(
        'imported %s of %s rows: %s enrolled, %s updated, %s left out',
        to_char(i.rows_done, 'FM999,999,999,999'),
        to_char(greatest(i.rows_total, i.rows_done), 'FM999,999,999,999'),
        to_char(i.enrolled, 'FM999,999,999,999'),
        to_char(i.updated, 'FM999,999,999,999'),
        to_char(i.rejected, 'FM999,999,999,999'));
END;

COMMENT ON FUNCTION leadterra.import_progress(leadterra.imports) IS
'Say how far an import is.';

CREATE FUNCTION leadterra.tell_import(i leadterra.imports, told_at timestamptz)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    rate constant numeric :=
        leadterra.import_rate(i.rows_done - i.run_rows, i.run_at, i.updated_at);
BEGIN
    IF coalesce(rate, 0) = 0 OR i.rows_done >= i.rows_total
        OR leadterra.clock() < told_at + interval '1 second' THEN
        RETURN told_at;
    END IF;
    RAISE NOTICE '%; % a second, % left',
        leadterra.import_progress(i),
        to_char(rate, 'FM999,999,999,999'),
        to_char(leadterra.import_time_left(i.rows_total - i.rows_done, rate), 'FMHH24:MI:SS');
    RETURN leadterra.clock();
END;
$$;

COMMENT ON FUNCTION leadterra.tell_import(leadterra.imports, timestamptz) IS
'Say how far an import is, unless that was said in the last second

Returns when it was said last.';

CREATE FUNCTION leadterra.import_runs(import_id uuid)
RETURNS boolean
LANGUAGE C STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'lt_import_runs';

COMMENT ON FUNCTION leadterra.import_runs(uuid) IS
'Say whether a session is at an import: whether the last call for it has not ended.';
