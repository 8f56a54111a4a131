-- Prints the reference of functions, views and types as Markdown: see scripts/reference.
CREATE TEMP TABLE members (file_order integer, domain text, name text);
INSERT INTO members VALUES :members;

-- A line of a comment that begins with "Parameters:" and the like is shown as such.
CREATE FUNCTION pg_temp.text_of(comment text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(comment, '^(Parameters|Returns|Errors):', '**\1:**', 'gn')
$$;

CREATE FUNCTION pg_temp.columns_of(relation oid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(
        format('| `%s` | %s | %s |',
            a.attname,
            format_type(a.atttypid, a.atttypmod),
            coalesce(replace(col_description(a.attrelid, a.attnum), E'\n', ' '), '')),
        E'\n' ORDER BY a.attnum)
    FROM pg_attribute a
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
$$;

WITH shown AS (
    SELECT DISTINCT ON (m.domain, p.oid, c.oid)
        min(m.file_order) OVER (PARTITION BY m.domain) AS place, m.domain, m.name,
        CASE p.prokind WHEN 'p' THEN 2 WHEN 'f' THEN 2 ELSE 3 END AS kind,
        CASE
            WHEN p.oid IS NOT NULL THEN format(
                E'### %s\n\n```\n%s(%s)%s\n```\n\n%s\n',
                m.name,
                m.name,
                replace(pg_get_function_arguments(p.oid), ', ', E',\n    '),
                E'\n    RETURNS ' || replace(pg_get_function_result(p.oid), ', ', E',\n    '),
                pg_temp.text_of(obj_description(p.oid, 'pg_proc')))
            ELSE format(
                E'### %s\n\n%s %s\n\n| column | type | meaning |\n| --- | --- | --- |\n%s\n',
                m.name,
                CASE c.relkind WHEN 'v' THEN '**View.**' ELSE '**Type.**' END,
                pg_temp.text_of(coalesce(
                    obj_description(c.oid, 'pg_class'), obj_description(c.reltype, 'pg_type'))),
                pg_temp.columns_of(c.oid))
        END AS text
    FROM members m
    JOIN pg_extension x ON x.extname = 'leadterra'
    LEFT JOIN pg_proc p ON p.pronamespace = x.extnamespace AND p.proname = m.name
    LEFT JOIN pg_class c ON c.relnamespace = x.extnamespace AND c.relname = m.name
)
SELECT CASE WHEN row_number() OVER (PARTITION BY domain ORDER BY kind, name) = 1
    THEN format(E'## %s\n\n', initcap(replace(domain, '_', ' '))) ELSE '' END || text
FROM shown
ORDER BY place, kind, name;
