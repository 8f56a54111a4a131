-- catalog: what the database says of itself, which people, psql and PostgREST read.
BEGIN;
SELECT plan(9);

CREATE TEMP TABLE members AS
SELECT p.oid AS function_oid, c.oid AS relation_oid, p.oid IS NOT NULL AND p.pronamespace <> 'leadterra'::regnamespace AS is_call,
    coalesce(p.oid::regprocedure::text, c.oid::regclass::text, t.oid::regtype::text) AS name,
    coalesce(obj_description(p.oid, 'pg_proc'), obj_description(c.oid, 'pg_class'), obj_description(t.oid, 'pg_type')) AS comment
FROM pg_depend d
JOIN pg_extension x ON x.oid = d.refobjid AND x.extname = 'leadterra'
LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
LEFT JOIN pg_type t ON d.classid = 'pg_type'::regclass AND t.oid = d.objid AND t.typtype = 'c'
LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind IN ('r', 'v') OR c.oid = t.typrelid AND c.relkind = 'c'
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND coalesce(p.oid, c.oid, t.oid) IS NOT NULL
  AND (t.oid IS NULL OR c.oid IS NOT NULL);

SELECT cmp_ok((SELECT count(*) FROM members), '>=', 200::bigint, 'the extension has members');
SELECT is((SELECT string_agg(name, ' ' ORDER BY name) FROM members WHERE comment IS NULL), NULL, 'each has a comment');
SELECT is((SELECT string_agg(format('%s.%s', m.name, a.attname), ' ' ORDER BY m.name, a.attnum) FROM members m
    JOIN pg_attribute a ON a.attrelid = m.relation_oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE col_description(a.attrelid, a.attnum) IS NULL), NULL, 'and so has each column of a table, view or type');
SELECT is((SELECT string_agg(DISTINCT name, ' ') FROM members, regexp_split_to_table(comment, E'\n') AS l (line) WHERE length(line) > 100), NULL, 'lines of comments are short');
SELECT is((SELECT string_agg(name, ' ') FROM members WHERE split_part(comment, E'\n', 2) <> ''), NULL, 'the first line of a comment is a summary, and stands alone');

-- Names of arguments, in order, that a call has and that its comment tells of.
SELECT is((SELECT string_agg(format('%s: %s, not %s', m.name, told.names, args.names), E'\n' ORDER BY m.name)
    FROM members m
    JOIN pg_proc p ON p.oid = m.function_oid
    CROSS JOIN LATERAL (
        SELECT coalesce(string_agg(n.name, ' ' ORDER BY n.number), '') AS names
        FROM unnest(p.proargnames) WITH ORDINALITY AS n (name, number)
        WHERE coalesce(p.proargmodes[n.number] IN ('i', 'b', 'v'), true)
    ) args
    CROSS JOIN LATERAL (
        SELECT coalesce(string_agg(l.parts[1], ' '), '') AS names
        FROM regexp_matches(substring(m.comment FROM E'\nParameters:\n(.*)'), E'^- ([a-z_]+): ', 'gn') AS l (parts)
    ) told
    WHERE m.is_call AND args.names <> told.names), NULL, 'comments of calls tell of each argument');
SELECT is((SELECT string_agg(m.name, ' ' ORDER BY m.name) FROM members m JOIN pg_proc p ON p.oid = m.function_oid
    WHERE m.is_call AND (p.prorettype <> 'void'::regtype AND p.prokind = 'f') <> (m.comment ~ E'\nReturns: ')), NULL, 'and of what they return, if anything');

-- Codes that comments name, with the statuses that they say, raised one by one.
CREATE TEMP TABLE codes AS
SELECT DISTINCT c.parts[1] AS status, c.parts[2] AS code
FROM members m, regexp_matches(substring(m.comment FROM E'\nErrors: (.*)'), '(PT[0-9]{3})\s+([a-z_]+)', 'g') AS c (parts);
CREATE FUNCTION pg_temp.status_of(code text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    PERFORM leadterra.raise_error(code, 'message');
EXCEPTION WHEN OTHERS THEN
    RETURN SQLSTATE;
END;
$$;
SELECT cmp_ok((SELECT count(*) FROM codes), '>=', 20::bigint, 'comments name errors');
SELECT is((SELECT string_agg(format('%s %s', status, code), ', ') FROM codes WHERE pg_temp.status_of(code) <> status), NULL, 'which have the statuses that they say');

SELECT * FROM finish();
ROLLBACK;
