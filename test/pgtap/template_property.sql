-- template: random texts, filled in for random leads, are what a slow and simple reading
-- of the rules makes of them.
BEGIN;
SET LOCAL client_min_messages = error;
-- The model's own operators, thousands of times; other tests have the callers'.
SET LOCAL search_path = public;
SELECT plan(3);
\ir ../random.sql

-- In HTML a reference is one character.
CREATE FUNCTION pg_temp.characters(string text, html boolean) RETURNS text[] LANGUAGE sql AS $$
    SELECT coalesce(array_agg(m[1] ORDER BY n), '{}')
    FROM regexp_matches(string, CASE WHEN html THEN '&(?:nbsp|amp|lt|quot|shy|#39|#3|#9|#xa0|#xa);|.' ELSE '.' END, 'g') WITH ORDINALITY r (m, n)
$$;
CREATE FUNCTION pg_temp.decode(c text, html boolean) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN html AND length(c) > 1 THEN ('{"&nbsp;": "\u00a0", "&amp;": "&", "&lt;": "<", "&quot;": "\"", "&shy;": "\u00ad", "&#39;": "''", "&#xa0;": "\u00a0", "&#xa;": "\n", "&#9;": "\t", "&#3;": "\u0003"}'::jsonb) ->> c ELSE c END
$$;
CREATE FUNCTION pg_temp.is_space(c text, html boolean) RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_temp.decode(c, html) = ANY (ARRAY[' ', E'\t', E'\n', U&'\00A0', U&'\2003'])
$$;
CREATE FUNCTION pg_temp.is_unseen(c text, html boolean) RETURNS boolean LANGUAGE sql AS $$
    SELECT pg_temp.is_space(c, html) OR pg_temp.decode(c, html) = ANY (ARRAY[U&'\200B', U&'\00AD', U&'\FEFF', chr(3)])
$$;
CREATE FUNCTION pg_temp.trimmed(string text, html boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c text[] := pg_temp.characters(string, html);
BEGIN
    WHILE cardinality(c) > 0 AND pg_temp.is_unseen(c[1], html) LOOP c := c[2:]; END LOOP;
    WHILE cardinality(c) > 0 AND pg_temp.is_unseen(c[cardinality(c)], html) LOOP c := c[:cardinality(c) - 1]; END LOOP;
    RETURN array_to_string(c, '');
END;
$$;
CREATE FUNCTION pg_temp.name_of(string text, html boolean) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN bool_or(length(c) > 1 OR (c <> ' ' AND pg_temp.is_space(c, html)))
        THEN regexp_replace(string_agg(CASE WHEN c IN ('&shy;', '&#3;') THEN '' WHEN pg_temp.is_space(c, html) THEN ' ' ELSE pg_temp.decode(c, html) END, '' ORDER BY n), ' +', ' ', 'g')
        ELSE string END
    FROM unnest(pg_temp.characters(string, html)) WITH ORDINALITY u (c, n)
$$;
CREATE FUNCTION pg_temp.quote_of(c text, html boolean) RETURNS text LANGUAGE sql AS $$
    SELECT CASE WHEN pg_temp.decode(c, html) = ANY (ARRAY['''', U&'\2018', U&'\2019']) THEN '''' WHEN pg_temp.decode(c, html) = ANY (ARRAY['"', U&'\201C', U&'\201D']) THEN '"' END
$$;
CREATE FUNCTION pg_temp.urlencoded(string text) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(CASE WHEN b BETWEEN 48 AND 57 OR b BETWEEN 65 AND 90 OR b BETWEEN 97 AND 122 OR b = ANY ('{45,46,95,126}') THEN chr(b) ELSE '%' || upper(lpad(to_hex(b), 2, '0')) END, '' ORDER BY i), '')
    FROM (SELECT i, get_byte(convert_to(string, 'UTF8'), i) AS b FROM generate_series(0, octet_length(string) - 1) i) x
$$;
CREATE FUNCTION pg_temp.decoded(string text, html boolean) RETURNS text LANGUAGE sql AS $$
    SELECT coalesce(string_agg(CASE WHEN c IN ('&shy;', '&#3;') AND html THEN '' ELSE pg_temp.decode(c, html) END, '' ORDER BY n), '') FROM unnest(pg_temp.characters(string, html)) WITH ORDINALITY u (c, n)
$$;

-- How far a default with its fallback goes from the first of some characters, and the fallback; null where there is none.
CREATE FUNCTION pg_temp.default_of(c text[], need_word boolean, html boolean, OUT length integer, OUT fallback text) LANGUAGE plpgsql AS $$
DECLARE
    i integer := 1;
    first integer;
    rest text;
    in_parentheses boolean := false;
BEGIN
    WHILE pg_temp.is_unseen(c[i], html) LOOP i := i + 1; END LOOP;
    IF need_word THEN
        IF lower(array_to_string(c[i:i + 6], '')) <> 'default' OR cardinality(c[i:i + 6]) < 7 THEN RETURN; END IF;
        i := i + 7;
        WHILE pg_temp.is_unseen(c[i], html) LOOP i := i + 1; END LOOP;
        in_parentheses := coalesce(c[i] = '(', false);
        IF c[i] IN (':', '(') THEN i := i + 1; END IF;
        WHILE pg_temp.is_unseen(c[i], html) LOOP i := i + 1; END LOOP;
    END IF;
    IF pg_temp.quote_of(c[i], html) IS NULL THEN RETURN; END IF;
    first := i;
    FOR i IN first + 1 .. cardinality(c) LOOP
        CONTINUE WHEN pg_temp.quote_of(c[i], html) IS DISTINCT FROM pg_temp.quote_of(c[first], html);
        length := i;
        WHILE pg_temp.is_unseen(c[length + 1], html) LOOP length := length + 1; END LOOP;
        IF in_parentheses AND c[length + 1] = ')' THEN
            length := length + 1;
            WHILE pg_temp.is_unseen(c[length + 1], html) LOOP length := length + 1; END LOOP;
        END IF;
        IF length = cardinality(c) OR c[length + 1] = '|' THEN
            fallback := array_to_string(c[first + 1:i - 1], '');
            RETURN;
        END IF;
    END LOOP;
    length := NULL;
END;
$$;

-- What a token shows; null where that is left to chance.
CREATE FUNCTION pg_temp.shown(inner_text text, lead jsonb, html boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    name text := pg_temp.name_of(pg_temp.trimmed(split_part(inner_text, '|', 1), html), html);
    has_bar boolean := inner_text LIKE '%|%';
    rest text := substr(inner_text, strpos(inner_text, '|') + 1);
    is_doubled boolean := has_bar AND rest LIKE '|%';
    c text[];
    segments text[] := '{}';
    segment_kinds text[] := '{}';
    found record;
    first integer := 1;
    last integer;
    fallback text;
    encodes boolean := false;
    encodes_fallback boolean := false;
    value text;
BEGIN
    IF lower(name) = 'random' THEN
        segments := CASE WHEN has_bar THEN string_to_array(rest, '|') ELSE '{}' END;
        IF cardinality(segments) > 1 AND lower(pg_temp.trimmed(segments[cardinality(segments)], html)) IN ('urlencode', 'url_encode') THEN
            encodes := true;
            segments := segments[:cardinality(segments) - 1];
        END IF;
        RETURN CASE WHEN cardinality(segments) = 0 THEN '' WHEN cardinality(segments) = 1 THEN
            CASE WHEN encodes THEN pg_temp.urlencoded(pg_temp.decoded(pg_temp.trimmed(segments[1], html), html)) ELSE pg_temp.trimmed(segments[1], html) END END;
    END IF;
    IF has_bar THEN
        c := pg_temp.characters(CASE WHEN is_doubled THEN substr(rest, 2) ELSE rest END, html);
        LOOP
            SELECT * INTO found FROM pg_temp.default_of(c, true, html);
            IF found.length IS NULL AND is_doubled AND segments = '{}' THEN
                SELECT * INTO found FROM pg_temp.default_of(c, false, html);
            END IF;
            IF found.length IS NOT NULL THEN
                segments := segments || found.fallback;
                segment_kinds := segment_kinds || 'default'::text;
            ELSE
                found.length := coalesce(array_position(c, '|') - 1, cardinality(c));
                segments := segments || array_to_string(c[:found.length], '');
                segment_kinds := segment_kinds || CASE WHEN lower(pg_temp.trimmed(array_to_string(c[:found.length], ''), html)) IN ('urlencode', 'url_encode') THEN 'encode' ELSE 'text' END;
            END IF;
            EXIT WHEN found.length = cardinality(c);
            c := c[found.length + 2:];
        END LOOP;
        last := cardinality(segments);
        IF 'default' = ANY (segment_kinds) THEN
            fallback := segments[array_position(segment_kinds, 'default')];
            encodes := 'encode' = ANY (segment_kinds);
            encodes_fallback := 'encode' = ANY (segment_kinds[array_position(segment_kinds, 'default'):]);
        ELSE
            WHILE first <= last AND segment_kinds[first] = 'encode' LOOP first := first + 1; END LOOP;
            WHILE last >= first AND segment_kinds[last] = 'encode' LOOP last := last - 1; END LOOP;
            encodes := last - first + 1 < cardinality(segments);
            encodes_fallback := last < cardinality(segments);
            fallback := array_to_string(segments[first:last], '|');
            IF pg_temp.trimmed(fallback, html) <> '' OR fallback NOT LIKE '%&%' THEN
                fallback := pg_temp.trimmed(fallback, html);
            END IF;
        END IF;
        IF encodes_fallback THEN
            fallback := pg_temp.urlencoded(pg_temp.decoded(fallback, html));
        END IF;
    END IF;
    value := lead ->> CASE name WHEN 'first_name' THEN 'firstName' ELSE name END;
    IF value IS NULL OR NOT EXISTS (SELECT FROM regexp_split_to_table(value, '') v WHERE v <> '' AND NOT pg_temp.is_unseen(v, false)) THEN
        RETURN coalesce(fallback, '');
    END IF;
    RETURN CASE WHEN encodes THEN pg_temp.urlencoded(value) WHEN html THEN
        replace(replace(replace(replace(replace(value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;'), '"', '&quot;'), '''', '&#39;') ELSE value END;
END;
$$;

CREATE FUNCTION pg_temp.model(template text, lead jsonb, html boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    at integer := 1;
    m text;
    result text := '';
BEGIN
    WHILE at <= length(template) LOOP
        m := substring(substr(template, at) FROM '^\{\{([^{}]*)\}\}');
        IF m IS NULL OR pg_temp.trimmed(split_part(m, '|', 1), html) = '' THEN
            result := result || substr(template, at, 1);
            at := at + 1;
        ELSE
            result := result || pg_temp.shown(m, lead, html);
            at := at + length(m) + 4;
        END IF;
    END LOOP;
    RETURN CASE WHEN html THEN result ELSE regexp_replace(result, '[\n\t]+', ' ', 'g') END;
END;
$$;

CREATE FUNCTION pg_temp.one_of(strings text[]) RETURNS text LANGUAGE sql AS $$ SELECT strings[1 + floor(random() * cardinality(strings))::integer] $$;
CREATE FUNCTION pg_temp.some_space() RETURNS text LANGUAGE sql AS $$
    SELECT pg_temp.one_of(ARRAY['', '', '', ' ', ' ', '  ', E'\n ', E'\t', U&'\00A0', '&nbsp;', '&#xa0;', U&'\200B', '&shy;', U&'\2003 '])
$$;
CREATE FUNCTION pg_temp.some_token() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    token text := '{{' || pg_temp.some_space() || pg_temp.one_of(ARRAY['firstName', 'firstName', 'first_name', 'city', 'a b', 'a&nbsp;b', E'a\n  b', 'a  b', 'x&amp;y', 'email', 'nope', '', 'random', 'RANDOM', 'x&shy;y', U&'x\200By', 'default']) || pg_temp.some_space();
BEGIN
    WHILE random() < 0.5 LOOP
        token := token || '|' || pg_temp.some_space() || pg_temp.one_of(ARRAY['default: ''a b''', 'default:"x"', U&'default(\2018y\2019)', 'Default "<i>"', 'default: ''it''s''', 'default:&#39;z|z&#39;', 'default: &quot;R&amp;D&quot;', 'default:there', 'default: "a''',
            'urlencode', 'urlencode', 'URLENCODE', 'url_encode', 'there', 'it''s', '', '', '"q"', '''q''', U&'\201Cq\201D', 'upper', 'a&amp;b', '&nbsp;', '|', 'default']) || pg_temp.some_space();
    END LOOP;
    RETURN token || '}}';
END;
$$;
CREATE FUNCTION pg_temp.some_text() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    string text := '';
    place integer;
BEGIN
    LOOP
        string := string || CASE WHEN random() < 0.7 THEN pg_temp.some_token() ELSE pg_temp.one_of(ARRAY['Hi ', '{', '}', '{{', '}}', '|', '&', E'\n', '<p>', '']) END;
        EXIT WHEN random() < 0.4;
    END LOOP;
    IF random() < 0.3 THEN
        place := 1 + floor(random() * length(string));
        string := left(string, place - 1) || pg_temp.one_of(ARRAY['', '{', '}', '|', '''', ' ', '&', ';', '"', ')']) || substr(string, place + 1);
    END IF;
    RETURN string;
END;
$$;
CREATE FUNCTION pg_temp.some_lead() RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_strip_nulls(jsonb_object_agg(name, pg_temp.one_of(ARRAY[NULL, NULL, 'Ann', ' ', U&'\00A0\200B', '', '<b>&"''', 'a b+c/ü', '{{city}}', U&'\00ADx'] || left(name, 0)))) || '{"email": "model@example.com"}'
    FROM unnest(ARRAY['firstName', 'city', 'a b', 'a  b', 'x&y', 'xy', U&'x\200By', 'default', 'random']) name
$$;

CREATE TEMP TABLE cases AS SELECT i, pg_temp.some_text() AS template, pg_temp.some_lead() AS lead, NULL::text AS subject, NULL::text AS body
FROM generate_series(1, CASE WHEN :'long' THEN 2000 ELSE 400 END) i;
DO $$
DECLARE
    c record;
    campaign uuid := lt_create_campaign('model');
BEGIN
    FOR c IN SELECT * FROM cases LOOP
        campaign := lt_create_campaign('model', jsonb_build_array(jsonb_build_object('subject', c.template, 'bodyHtml', c.template)));
        PERFORM lt_delete_leads('{model@example.com}'), lt_bulk_upsert(campaign, jsonb_build_array(c.lead)), lt_start_campaign(campaign);
        UPDATE cases SET subject = m.subject, body = m.body_html FROM lt_claim_messages(1, '1 minute', campaign) m WHERE i = c.i;
    END LOOP;
END;
$$;
CREATE TEMP TABLE models AS SELECT i, pg_temp.model(template, lead, false) AS subject, pg_temp.model(template, lead, true) AS body FROM cases;
SELECT cmp_ok((SELECT count(*) FROM models WHERE body IS NOT NULL), '>', (SELECT count(*) * 3 / 4 FROM models), 'few texts are left to chance');
SELECT is((SELECT format('%L for %s: %L, not %L', c.template, c.lead, c.subject, m.subject) FROM cases c JOIN models m USING (i) WHERE c.subject <> m.subject OR c.subject IS NULL ORDER BY length(c.template) LIMIT 1), NULL, 'subjects are those of the model');
SELECT is((SELECT format('%L for %s: %L, not %L', c.template, c.lead, c.body, m.body) FROM cases c JOIN models m USING (i) WHERE c.body <> m.body OR c.body IS NULL ORDER BY length(c.template) LIMIT 1), NULL, 'and so are bodies');

SELECT * FROM finish();
ROLLBACK;
