-- Makes pg_temp.rows(condition, version): all rows of the extension that meet a condition,
-- with their places and versions.  One that is written has others; by xmax also one that is locked.
CREATE FUNCTION pg_temp.rows(condition text DEFAULT 'true', version text DEFAULT 'xmin, xmax') RETURNS text[] LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    name text;
    found text[];
    result text[] := '{}';
BEGIN
    FOR name IN SELECT relname FROM pg_class WHERE relnamespace = 'leadterra'::regnamespace AND relkind = 'r' ORDER BY relname LOOP
        EXECUTE format('SELECT array_agg(concat_ws('' '', %1$L, ctid, %3$s, t) ORDER BY ctid) FROM leadterra.%1$I t WHERE %2$s', name, condition, version) INTO found;
        result := result || found;
    END LOOP;
    RETURN result;
END;
$$;
