-- A schema in front of all others with operators, functions, aggregates and
-- tables of the names that leadterra's statements use.  They do what the
-- originals do for the tests' own queries, and fail the call when a statement
-- of leadterra runs them: those are told by their text.
CREATE SCHEMA hostile;

CREATE FUNCTION hostile.trap() RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    context text;
BEGIN
    GET DIAGNOSTICS context = PG_CONTEXT;
    IF context ~ 'function (leadterra\.|lt_import_table\()' OR (context ~ 'leadterra\.' AND context ~ 'workspace_id' AND context ~ '\$1') THEN
        RAISE EXCEPTION 'a statement of leadterra ran an object of a hostile schema' USING DETAIL = context;
    END IF;
END;
$$;

DO $$
DECLARE
    op record;
    fn record;
BEGIN
    FOR op IN
        SELECT o.oid, o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS result
        FROM pg_operator o
        WHERE o.oprnamespace = 'pg_catalog'::regnamespace AND o.oprleft <> 0
          AND (o.oprname, o.oprleft::regtype::text, o.oprright::regtype::text) IN (
              ('=', 'uuid', 'uuid'), ('<>', 'uuid', 'uuid'), ('<', 'uuid', 'uuid'),
              ('=', 'text', 'text'), ('<>', 'text', 'text'), ('||', 'text', 'text'), ('~', 'text', 'text'),
              ('=', 'smallint', 'smallint'), ('=', 'smallint', 'bigint'), ('=', 'smallint', 'integer'), ('=', 'integer', 'integer'), ('=', 'bigint', 'integer'),
              ('->>', 'jsonb', 'text'), ('+', 'timestamp with time zone', 'interval'))
    LOOP
        EXECUTE format('CREATE FUNCTION hostile.%I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L',
            'op' || op.oid, op.l, op.r, op.result,
            format('BEGIN PERFORM hostile.trap(); RETURN $1 OPERATOR(pg_catalog.%s) $2; END', op.oprname));
        EXECUTE format('CREATE OPERATOR hostile.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = hostile.%I)', op.oprname, op.l, op.r, 'op' || op.oid);
    END LOOP;

    FOR fn IN
        SELECT p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS result
        FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace
          AND p.oid IN ('now()'::regprocedure, 'btrim(text, text)'::regprocedure, 'make_interval(integer, integer, integer, integer, integer, integer, double precision)'::regprocedure)
    LOOP
        EXECUTE format('CREATE FUNCTION hostile.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', fn.proname, fn.arguments, fn.result,
            format('BEGIN PERFORM hostile.trap(); RETURN pg_catalog.%I(%s); END', fn.proname,
                (SELECT string_agg('$' || n, ', ') FROM generate_series(1, CASE fn.proname WHEN 'now' THEN 0 WHEN 'btrim' THEN 2 ELSE 7 END) n)));
    END LOOP;
END;
$$;

CREATE FUNCTION hostile.unnest(uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql AS
$$ BEGIN PERFORM hostile.trap(); RETURN QUERY SELECT pg_catalog.unnest($1); END $$;
CREATE FUNCTION hostile.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS
$$ BEGIN PERFORM hostile.trap(); RETURN QUERY SELECT pg_catalog.unnest($1); END $$;
CREATE FUNCTION hostile.count_one(bigint) RETURNS bigint LANGUAGE plpgsql AS
$$ BEGIN PERFORM hostile.trap(); RETURN $1 OPERATOR(pg_catalog.+) 1; END $$;
CREATE AGGREGATE hostile.count(*) (SFUNC = hostile.count_one, STYPE = bigint, INITCOND = '0');

-- The tables and views in the schema leadterra, and what triggers call deleted rows.
\set tables `sed -n 's/^CREATE \(TABLE\|VIEW\) leadterra\.\([a-z_]*\).*/\2/p; $a deleted' sql/*/*.sql`
SELECT set_config('hostile.tables', :'tables', false) \g /dev/null
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY string_to_array(current_setting('hostile.tables'), E'\n') LOOP
        EXECUTE format('CREATE TABLE hostile.%I (workspace_id uuid, campaign_id uuid, lead_id uuid, email text)', name);
    END LOOP;
    EXECUTE format('ALTER DATABASE %I SET search_path = hostile, public, pg_catalog', current_database());
END;
$$;
