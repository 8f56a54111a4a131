-- suppression: what a list takes matches an address that may be enrolled, and what it
-- refuses matches none; and all spellings of an address are one lead and one entry.
BEGIN;
SELECT plan(16);
-- A workspace of its own: the suppression list of the default one may have entries.
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0015';

\ir ../random.sql
SELECT CASE WHEN :'long' THEN 20000 ELSE 3000 END AS times \gset

CREATE FUNCTION pg_temp.pick(choices text[]) RETURNS text LANGUAGE sql AS
$$ SELECT choices[1 + floor(random() * cardinality(choices))::integer] $$;

-- Texts that are an entry, nearly one, or what people write for one.
CREATE FUNCTION pg_temp.entry(i integer) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    entry text := pg_temp.pick(ARRAY['', '', '', '*.', '*.', '@', 'a@', 'é@', '*@', '*@*.', '*', '.', 'http://', 'mailto:', '%', '[', ' ', '*.*.', '"a b"@', 'a.*@', 'hmac:', E'\u201C', '/', 'a@b@', '＊.', '＠']);
BEGIN
    FOR i IN 1 .. floor(random() * 4)::integer LOOP
        entry := entry || pg_temp.pick(ARRAY['a', 'X-1', 'xn--i-7iq', 'Bücher', E'bu\u0308cher', '例子', '3', '-a', 'b_', '*', 'c d', 'acme’', 'ü' || repeat('x', 58), repeat('b', 63), repeat('b', 61), repeat('b', 64), repeat('c', 57), 'אa', '', '٣', E'a\u200D', '192'])
            || pg_temp.pick('{.,.,.,.,.,..,。,．,/}');
    END LOOP;
    RETURN entry || pg_temp.pick('{com,test,a,7,"",公司,com.," com",com/x,com”,localhost,xn--55qx5d}');
END;
$$;

CREATE TEMP TABLE candidates AS
SELECT entry, CASE WHEN entry LIKE '%@%' THEN entry WHEN translate(btrim(entry), '。．', '..') LIKE '*.%' THEN 'a@b' || substr(btrim(entry), 2) ELSE 'a@' || btrim(entry) END AS address
FROM (
    SELECT DISTINCT entry FROM generate_series(1, :times) i, pg_temp.entry(i) entry
    UNION
    -- As long as an entry may be, and an octet longer.
    SELECT prefix || repeat(repeat('b', 61) || '.', 3) || repeat('c', n) || suffix
    FROM unnest('{"",*.,a@,*@}'::text[]) prefix, generate_series(50, 64) n, unnest('{"",.com}'::text[]) suffix
) e;

SELECT lt_create_campaign('property') AS campaign \gset
CREATE TEMP TABLE enrollable AS
SELECT c.entry, r.email, r.reason IS DISTINCT FROM 'invalid_email' AS valid
FROM (SELECT jsonb_agg(jsonb_build_object('email', address)) AS leads, array_agg(entry) AS entries FROM candidates) l,
    LATERAL lt_bulk_upsert_report(:'campaign', l.leads, 'skip', true) r,
    LATERAL (SELECT l.entries[r.index + 1] AS entry) c;

-- The refusal of each entry by itself, null where the list takes it.
CREATE FUNCTION pg_temp.refusal(entry text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM lt_suppress(ARRAY[entry], 'suppress ' || entry);
    RETURN NULL;
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN coalesce(detail::jsonb #>> '{errors,0,code}', 'none');
END;
$$;
CREATE TEMP TABLE answers AS SELECT e.*, pg_temp.refusal(e.entry) AS refusal FROM enrollable e;
SELECT cmp_ok((SELECT count(*) FROM answers WHERE refusal IS NULL), '>', 100::bigint, 'many entries are taken');
SELECT cmp_ok((SELECT count(DISTINCT refusal) FROM answers), '>=', 14::bigint, 'and refused for many reasons');
SELECT is((SELECT array_agg(entry) FROM answers WHERE refusal IS NULL AND NOT valid), NULL, 'no entry is taken that matches nobody');
SELECT is((SELECT array_agg(entry) FROM answers WHERE refusal IS NOT NULL AND valid), NULL, 'and none is refused that matches an address');
SELECT is((SELECT array_agg(a.entry) FROM answers a WHERE a.valid AND NOT EXISTS (SELECT FROM lt_is_suppressed(a.email))), NULL, 'each one taken is found by that address');
SELECT is((SELECT count(*) FROM answers a, lt_bulk_upsert_report(:'campaign', jsonb_build_array(jsonb_build_object('email', a.email)), 'skip', true) r WHERE a.valid AND r.reason IS DISTINCT FROM 'suppressed'), 0::bigint, 'and by a bulk call');
SELECT is((SELECT array_agg(a.entry) FROM answers a, lt_block(ARRAY[a.entry]) b WHERE b.valid <> a.valid::integer OR b.invalid = a.valid::integer OR b.added <> 0 OR b.errors #>> '{0,code}' IS DISTINCT FROM a.refusal), NULL, 'lt_block counts the same as valid');
SELECT is((SELECT array_agg(entry) FROM lt_suppressions WHERE octet_length(substr(entry, strpos(entry, '@') + 1)) <> length(substr(entry, strpos(entry, '@') + 1))), NULL, 'no domain on the list has a letter beyond ASCII');
SELECT count(*) AS entries FROM lt_suppressions \gset
SELECT is(lt_unsuppress((SELECT array_agg(entry) FROM answers)), :'entries'::integer, 'all are taken off as they were given');
SELECT is((SELECT count(*) FROM lt_suppressions), 0::bigint, 'and nothing stays');

-- Parts of addresses in their spellings; the first is what is stored.
CREATE TEMP TABLE parts (number serial, kind text, spellings text[]);
INSERT INTO parts (kind, spellings) VALUES
    ('local', '{ava,AVA,aVa}'), ('local', ARRAY['josé', E'jose\u0301', 'JOSé', E'JOSe\u0301']), ('local', ARRAY['ẖ', E'h\u0331', E'H\u0331']), ('local', ARRAY['k', 'K', E'\u212A']),
    ('local', ARRAY['한', E'\u1112\u1161\u11AB']), ('local', ARRAY['ǖ', E'u\u0308\u0304', E'\u00FC\u0304']), ('local', '{É}'), ('local', ARRAY['o.na', 'O.NA']),
    ('label', '{acme,ACME,ａｃｍｅ,𝐚𝐜𝐦𝐞}'), ('label', ARRAY['xn--bcher-kva', 'bücher', 'BÜCHER', E'bu\u0308cher', E'BU\u0308CHER', 'XN--BCHER-KVA', 'ｂücher']),
    ('label', ARRAY['xn--caf-dma', 'café', 'CAFÉ', E'cafe\u0301']), ('label', '{xn--strae-oqa,straße,Straße,STRAßE}'), ('label', '{xn--fsqu00a,例子,XN--FSQU00A}'),
    ('label', '{xn--i-7iq,XN--I-7IQ}'), ('label', '{xn--80adxhks,москва,МОСКВА,Москва}'), ('label', '{office,oﬃce,OFFICE}');
CREATE FUNCTION pg_temp.spell(part integer) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.pick(spellings) FROM parts WHERE number = part $$;
CREATE FUNCTION pg_temp.stop() RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.pick('{.,.,.,。,．,｡}') $$;

-- Every local part at domains of two and of three labels, four times spelled at random.
CREATE TEMP TABLE spelled AS
SELECT format('%s@%s.%s%s', l.spellings[1], d.spellings[1], t.spellings[1], '.test') AS stored, n.number,
    pg_temp.pick(ARRAY['', ' ', E'\t']) || pg_temp.spell(l.number) || '@' || pg_temp.spell(d.number) || pg_temp.stop() || pg_temp.spell(t.number) || pg_temp.stop() || pg_temp.pick('{test,TEST,ｔｅｓｔ}') || pg_temp.pick(ARRAY['', E'\n']) AS given
FROM parts l, parts d, parts t, generate_series(1, 4) AS n (number)
WHERE l.kind = 'local' AND d.kind = 'label' AND t.kind = 'label';
SELECT is((SELECT array_agg(DISTINCT format('%s: %s', s.given, r.email)) FROM (SELECT jsonb_agg(jsonb_build_object('email', given)) AS leads, array_agg(given) AS givens, array_agg(stored) AS stored FROM spelled) l,
    LATERAL lt_bulk_upsert_report(:'campaign', l.leads, 'skip') r, LATERAL (SELECT l.givens[r.index + 1] AS given, l.stored[r.index + 1] AS stored) s
    WHERE r.email IS DISTINCT FROM s.stored), NULL, 'each spelling is enrolled as what is stored');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'campaign'), (SELECT count(DISTINCT stored) FROM spelled), 'all spellings of an address are one lead');
SELECT is(s.suppressed, (SELECT count(DISTINCT stored)::integer FROM spelled), 'and one entry') FROM lt_suppress((SELECT array_agg(given) FROM spelled WHERE number < 4)) s;
SELECT is((SELECT array_agg(given) FROM spelled WHERE number = 4 AND (SELECT entry FROM lt_is_suppressed(given)) IS DISTINCT FROM stored), NULL, 'which another spelling finds');
CREATE TEMP TABLE forgotten AS
SELECT s.stored, lt_forget(s.given) AS known FROM (SELECT DISTINCT ON (stored) stored, given FROM spelled ORDER BY stored, random() LIMIT 40) s;
SELECT is((SELECT count(*) FROM forgotten WHERE known), 40::bigint, 'by any spelling a person is forgotten');
SELECT is((SELECT array_agg(s.given) FROM spelled s JOIN forgotten f ON f.stored = s.stored WHERE (SELECT reason FROM lt_is_suppressed(s.given)) IS DISTINCT FROM 'forgotten'),
    NULL, 'and any other finds the hash');

SELECT * FROM finish();
ROLLBACK;
