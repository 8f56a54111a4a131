-- enroll: which columns of a table an import takes for what.

-- The server folds names that are not quoted, and lt_leads has names of its own: what
-- was exported comes back as it was.
CREATE FUNCTION leadterra.import_names()
RETURNS TABLE (name text, key text, is_key boolean)
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT n.name, f.name, n.name IN (f.name, f.alias)
    FROM leadterra.lead_fields() f
    CROSS JOIN LATERAL unnest(ARRAY[f.name, f.alias, f.column_name]) AS n (name)
    UNION
    VALUES
        ('email', 'email', true),
        ('customFields', 'customFields', true),
        ('custom', 'customFields', false);
END;

COMMENT ON FUNCTION leadterra.import_names() IS
'List the names that columns for the keys of a lead object may have

is_key says whether a lead object may have that name too.';

CREATE FUNCTION leadterra.fold_name(name text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT lower(replace(fold_name.name, '_', '') COLLATE "C");
END;

COMMENT ON FUNCTION leadterra.fold_name(text) IS
'Return a name without underscores, in ASCII lower case.';

CREATE FUNCTION leadterra.import_goes_by_names(mapping jsonb)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT NOT EXISTS (
        SELECT FROM jsonb_object_keys(import_goes_by_names.mapping) AS m (key)
        WHERE leadterra.fold_name(m.key) = 'email');
END;

COMMENT ON FUNCTION leadterra.import_goes_by_names(jsonb) IS
'Say whether columns that a mapping does not name go by their names

They do where it says nothing of the address.';

CREATE FUNCTION leadterra.import_passes_over(source regclass, place smallint)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT EXISTS (
        SELECT FROM pg_attribute a
        WHERE a.attrelid = import_passes_over.source AND a.attnum = import_passes_over.place
          AND a.attname IN ('lead_id', 'created_at', 'updated_at'))
    OR EXISTS (
        SELECT FROM pg_depend d
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = import_passes_over.source
          AND d.refobjsubid = import_passes_over.place
          AND d.classid = 'pg_class'::regclass AND d.deptype IN ('a', 'i'));
END;

COMMENT ON FUNCTION leadterra.import_passes_over(regclass, smallint) IS
'Say whether a column is no custom field unless a mapping says so

Such are serial and identity columns, and the id and the times that lt_leads shows.';

-- Of two columns for one field the first is it that lead objects may have so, and the other
-- is a custom field.  What the mapping says comes before all.
CREATE FUNCTION leadterra.import_columns(source regclass, mapping jsonb)
RETURNS TABLE (place smallint, name text, key text, is_field boolean)
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH mapped AS (
        SELECT m.key, m.value AS name
        FROM jsonb_each_text(import_columns.mapping) m
    ), columns AS (
        SELECT a.attnum AS place, a.attname::text AS name
        FROM pg_attribute a
        WHERE a.attrelid = import_columns.source AND a.attnum > 0 AND NOT a.attisdropped
    ), given AS (
        SELECT c.place, c.name, m.key AS given, true AS is_mapped
        FROM mapped m
        JOIN columns c ON c.name = m.name
        UNION ALL
        SELECT c.place, c.name, c.name, false
        FROM columns c
        WHERE leadterra.import_goes_by_names(import_columns.mapping)
          AND NOT EXISTS (SELECT FROM mapped m WHERE m.name = c.name)
    ), known AS (
        SELECT g.place, g.name, g.given, g.is_mapped, n.key AS field,
            coalesce(n.is_given, false) AS is_key
        FROM given g
        LEFT JOIN LATERAL (
            SELECT n.key, n.is_key AND n.name = g.given AS is_given
            FROM leadterra.import_names() n
            WHERE leadterra.fold_name(n.name) = leadterra.fold_name(g.given)
            ORDER BY 2 DESC
            LIMIT 1
        ) n ON true
    ), ranked AS (
        SELECT k.*,
            row_number() OVER (
                PARTITION BY coalesce(k.field, k.given)
                ORDER BY k.is_mapped DESC, k.is_key DESC, k.place) = 1 AS is_first,
            bool_or(k.is_mapped) OVER (PARTITION BY coalesce(k.field, k.given)) AS is_said
        FROM known k
    ), named AS (
        SELECT r.place, r.name, r.is_mapped,
            CASE
                WHEN NOT r.is_mapped AND (r.is_said OR r.field IS NULL
                    AND leadterra.import_passes_over(import_columns.source, r.place)) THEN NULL
                WHEN r.field IS NOT NULL AND r.is_first AND NOT r.is_key THEN r.field
                ELSE r.given
            END AS key,
            r.is_key OR r.field IS NOT NULL AND r.is_first AS is_field
        FROM ranked r
    )
    SELECT n.place, n.name,
        CASE WHEN n.is_mapped OR NOT EXISTS (
            SELECT FROM mapped m WHERE m.name IS NULL AND m.key IN (n.name, n.key)
        ) THEN n.key END,
        n.is_field
    FROM named n;
END;

COMMENT ON FUNCTION leadterra.import_columns(regclass, jsonb) IS
'List the columns of a table that an import looks at, with their keys in lead objects

A column without a key is left out. Those that are no field are custom fields.';

CREATE FUNCTION leadterra.tell_columns(source regclass, mapping jsonb)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    taken record;
    said text;
    hint text;
BEGIN
    SELECT
        string_agg(c.label, ', ' ORDER BY c.place) FILTER (WHERE c.is_field) AS fields,
        string_agg(c.label, ', ' ORDER BY c.place) FILTER (WHERE NOT c.is_field) AS custom,
        string_agg(c.name, ', ' ORDER BY c.place) FILTER (WHERE c.is_field IS NULL) AS passed_over,
        min(jsonb_build_object(c.name, NULL)::text) FILTER (WHERE NOT c.is_field) AS without,
        min(jsonb_build_object(c.name, c.name)::text)
            FILTER (WHERE c.is_field IS NULL AND NOT coalesce(mapping, '{}') ? c.name) AS along
    INTO taken
    FROM (
        SELECT x.place, x.name,
            CASE WHEN x.key = x.name THEN x.name
            ELSE format('%s as %s', x.name, x.key) END AS label,
            CASE WHEN x.key IS NOT NULL THEN x.is_field END AS is_field
        FROM leadterra.import_columns(source, mapping) x
    ) c;
    said := format('columns of table "%s": %s', source,
        concat_ws('; ', taken.fields,
            'custom fields: ' || taken.custom, 'passed over: ' || taken.passed_over));
    hint := concat_ws(' ',
        'The mapping ' || taken.without || ' leaves a column out.',
        'The mapping ' || taken.along || ' takes one that is passed over.');
    IF hint = '' THEN
        RAISE NOTICE '%', said;
    ELSE
        RAISE NOTICE '%', said USING HINT = hint;
    END IF;
END;
$$;

COMMENT ON FUNCTION leadterra.tell_columns(regclass, jsonb) IS
'Say in a NOTICE what the columns of a table are taken for.';

-- A file loaded into a table of texts has what lt_leads shows as a text.
CREATE FUNCTION leadterra.read_custom(given text)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF given ~ '^\s*\{' THEN
        RETURN given::jsonb;
    END IF;
    RETURN CASE WHEN given ~ '\S' THEN to_jsonb(given) END;
EXCEPTION WHEN data_exception OR program_limit_exceeded THEN
    RETURN to_jsonb(given);
END;
$$;

COMMENT ON FUNCTION leadterra.read_custom(text) IS
'Return the object in a text, or the text where it is none; null where it is blank.';

CREATE FUNCTION leadterra.import_row(keys text[], cells jsonb[])
RETURNS jsonb
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'lt_import_row';

COMMENT ON FUNCTION leadterra.import_row(text[], jsonb[]) IS
'Make a lead object of the cells of a row, without those that are null.';

CREATE FUNCTION leadterra.mapping_problem(source regclass, mapping jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    problem text;
BEGIN
    IF jsonb_typeof(mapping) <> 'object' THEN
        RETURN 'argument "mapping" must be an object of lead keys and names of columns';
    END IF;
    SELECT CASE
        WHEN m.is_name THEN format(
            'key "%s" of argument "mapping": table "%s" has no column "%s"', m.key, source, m.name)
        ELSE format('key "%s" of argument "mapping" must be the name of a column', m.key) END
    INTO problem
    FROM (
        SELECT x.key, coalesce(x.value #>> '{}', x.key) AS name,
            x.value = 'null' AS leaves_out,
            jsonb_typeof(x.value) = 'string'
                OR x.value = 'null' AND leadterra.import_goes_by_names(mapping) AS is_name
        FROM jsonb_each(mapping) x
    ) m
    WHERE NOT m.is_name
       OR NOT EXISTS (
           SELECT FROM leadterra.import_columns(source, NULL) c
           WHERE c.name = m.name OR c.key = m.name AND m.leaves_out)
    LIMIT 1;
    IF problem IS NULL AND NOT EXISTS (
        SELECT FROM leadterra.import_columns(source, mapping) c WHERE c.key = 'email') THEN
        problem := format('table "%s" has no column "email"', source)
            || CASE WHEN mapping IS NULL THEN ''
                ELSE ', and argument "mapping" has no such key' END;
    END IF;
    RETURN problem;
END;
$$;

COMMENT ON FUNCTION leadterra.mapping_problem(regclass, jsonb) IS
'Say why a mapping does not fit a table; null: it does.';

CREATE FUNCTION leadterra.import_object(source regclass, mapping jsonb)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT format('leadterra.import_row(%L::text[], ARRAY[%s]::jsonb[])',
        array_agg(c.key ORDER BY c.place, c.key),
        -- A type of somebody's own may have a cast to JSON, or to text, that runs code of
        -- his: what such a column has is taken as its type prints it.
        string_agg(
            CASE WHEN t.typnamespace <> 'pg_catalog'::regnamespace
                THEN format(
                    'CASE WHEN num_nonnulls(t.%1$I) = 1 THEN to_jsonb(format(''%%s'', t.%1$I)) END',
                    c.name)
                WHEN t.typcategory = 'S' AND c.key = 'customFields'
                THEN format('leadterra.read_custom(t.%I::text)', c.name)
                ELSE format('to_jsonb(t.%I)', c.name)
            END, ', ' ORDER BY c.place, c.key))
    FROM leadterra.import_columns(import_object.source, import_object.mapping) c
    JOIN pg_attribute a ON a.attrelid = import_object.source AND a.attnum = c.place
    CROSS JOIN LATERAL (
        WITH RECURSIVE base AS (
            SELECT b.oid, b.typtype, b.typbasetype, b.typnamespace, b.typcategory
            FROM pg_type b
            WHERE b.oid = a.atttypid
            UNION ALL
            SELECT b.oid, b.typtype, b.typbasetype, b.typnamespace, b.typcategory
            FROM base d
            JOIN pg_type b ON b.oid = d.typbasetype
            WHERE d.typtype = 'd'
        )
        SELECT b.typnamespace, b.typcategory FROM base b WHERE b.typtype <> 'd'
    ) t
    WHERE c.key IS NOT NULL;
END;

COMMENT ON FUNCTION leadterra.import_object(regclass, jsonb) IS
'Return the SQL expression that makes a lead object of the row t of a table.';
