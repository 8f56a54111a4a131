-- window: windows and days against a walk by the minute, which knows AT TIME ZONE alone, and
-- checks of random schedules against what a schedule must be, in SQL.
--
-- The walk keeps the latest that the clock of a zone has shown so far.  A window is open while
-- that lies in it, on a day of the week that it has.  scripts/test --long walks whole years.
BEGIN;
\ir ../random.sql
SELECT plan(13);
SET LOCAL timezone = 'UTC';
SET LOCAL work_mem = '256MB';

CREATE FUNCTION pg_temp.pick(VARIADIC choices anyarray) RETURNS anyelement LANGUAGE plpgsql AS $$
BEGIN
    RETURN choices[1 + floor(random() * cardinality(choices))::integer];
END;
$$;

-- Pairs of a zone and its windows, in a year, most of them one in which the clock changes.
CREATE TEMP TABLE pairs (pair serial, zone text, year integer, start_date date, end_date date, schedule jsonb);
CREATE TEMP TABLE parts (pair integer, n integer, zone text, from_time time, to_time time, days boolean[]);
INSERT INTO pairs (zone, year)
SELECT split_part(z, ' ', 1), y::integer
FROM unnest('{America/New_York 2024 2030 2100,Europe/Berlin 2024 2030 1980,Australia/Lord_Howe 2024 1985,Asia/Kathmandu 1986 2024,America/Sao_Paulo 2017 2018,Africa/Casablanca 2012 2024,Africa/El_Aaiun 2026,
    Pacific/Apia 2011 2010,Pacific/Kwajalein 1993 1969,Pacific/Kiritimati 1994 1995,America/St_Johns 2008 1988,America/Caracas 2007 2016,Asia/Pyongyang 2015 2018,Europe/Moscow 2011 2014,Europe/Istanbul 2016,
    Asia/Tehran 2021,Asia/Amman 2022,Asia/Gaza 2023,Africa/Cairo 2010 2024,Asia/Beirut 2022,America/Asuncion 2020,America/Santiago 2022,America/Havana 2024,America/Nuuk 2023,America/Scoresbysund 2024,Antarctica/Troll 2024,
    Antarctica/Casey 2020,Asia/Colombo 1996,Asia/Dhaka 2009,Asia/Kolkata 2024,Asia/Manila 1978,Asia/Tokyo 2024,Atlantic/Azores 2024,Australia/Adelaide 2024,Australia/Eucla 2024,Pacific/Auckland 2024,Pacific/Chatham 2024,
    Pacific/Norfolk 2015,Pacific/Fiji 2014,Pacific/Tongatapu 2016,Pacific/Easter 2024,Pacific/Marquesas 2024,America/Argentina/San_Luis 2008,America/Metlakatla 2015,Europe/Dublin 2024,Europe/Volgograd 2018,Africa/Juba 2021,
    Africa/Sao_Tome 2018,Etc/GMT+12 2024,Europe/London 2050,UTC 2024}'::text[]) AS z, unnest((string_to_array(z, ' '))[2:]) AS y;
SELECT count(*) AS drawn FROM pairs \gset

-- Windows of every sort, near the times at which clocks change, in zones of several.
CREATE FUNCTION pg_temp.random_time() RETURNS time LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN random() < 0.3 THEN time '00:00' + floor(random() * 1440) * interval '1 minute'
        ELSE pg_temp.pick('00:00'::time, '00:01', '00:15', '00:30', '00:45', '01:00', '01:30', '01:45', '02:00', '02:15', '02:30', '03:00', '03:30', '09:00', '12:00', '17:00', '22:00', '23:00', '23:30', '23:59') END;
END;
$$;
INSERT INTO parts
SELECT p.pair, n, CASE WHEN n = 1 OR random() < 0.4 THEN p.zone ELSE (SELECT q.zone FROM pairs q WHERE q.pair + n > 0 ORDER BY random() LIMIT 1) END,
    t.from_time, CASE WHEN t.from_time = t.to_time OR random() < 0.1 THEN '24:00' ELSE t.to_time END, ARRAY(SELECT random() < 0.7 OR d = w.day FROM generate_series(0, 6) d ORDER BY d)
FROM (SELECT q.*, pg_temp.pick(1, 1, 1, 2, 3) AS windows FROM pairs q) p CROSS JOIN LATERAL generate_series(1, p.windows) n
CROSS JOIN LATERAL (SELECT pg_temp.random_time() AS from_time, pg_temp.random_time() AS to_time, n + p.pair) t
CROSS JOIN LATERAL (SELECT floor(random() * 7) AS day, n + p.pair) w;

-- And windows around the hours that are skipped and repeated, on every day.
WITH fixed AS (
    INSERT INTO pairs (zone, year)
    SELECT z, 2024 FROM unnest('{America/New_York,Europe/Berlin}'::text[]) z, generate_series(1, 4)
    UNION ALL VALUES ('Australia/Lord_Howe', 2024), ('Pacific/Apia', 2011), ('America/Sao_Paulo', 2017), ('Africa/Casablanca', 2024), ('America/St_Johns', 2008)
    RETURNING pair
)
INSERT INTO parts
SELECT p.pair, 1, q.zone, t.from_time, t.to_time, array_fill(true, ARRAY[7])
FROM (SELECT pair, row_number() OVER (ORDER BY pair) AS n FROM fixed) p
JOIN (VALUES (1, '02:15'::time, '02:45'::time), (2, '02:00', '03:00'), (3, '01:30', '02:30'), (4, '22:00', '02:30'), (5, '02:15', '02:45'), (6, '02:00', '03:00'), (7, '02:30', '01:30'), (8, '00:00', '24:00'),
    (9, '01:45', '02:15'), (10, '22:00', '06:00'), (11, '23:15', '00:45'), (12, '02:15', '03:15'), (13, '00:00', '00:30')) t (n, from_time, to_time) ON t.n = p.n
CROSS JOIN LATERAL (SELECT CASE WHEN p.n <= 4 THEN 'America/New_York' WHEN p.n <= 8 THEN 'Europe/Berlin' ELSE (ARRAY['Australia/Lord_Howe', 'Pacific/Apia', 'America/Sao_Paulo', 'Africa/Casablanca', 'America/St_Johns'])[p.n - 8] END AS zone) q;
UPDATE pairs p SET zone = q.zone FROM parts q WHERE q.pair = p.pair AND q.n = 1 AND p.pair > :drawn;

-- When clocks change, to three hours.
CREATE TEMP TABLE changes AS
SELECT z.zone, z.year, t, t AT TIME ZONE z.zone - (t - interval '3 hours') AT TIME ZONE z.zone < interval '3 hours' AS back
FROM (SELECT DISTINCT q.zone, p.year FROM parts q JOIN pairs p USING (pair)) z
CROSS JOIN LATERAL generate_series(make_timestamptz(z.year, 1, 1, 0, 0, 0) - interval '3 days', make_timestamptz(z.year + 1, 1, 1, 0, 0, 0) + interval '3 days', '3 hours') t
WHERE t AT TIME ZONE z.zone - (t - interval '3 hours') AT TIME ZONE z.zone <> interval '3 hours';

-- Some have a first or a last day, which may be that of a change.
UPDATE pairs p SET start_date = CASE WHEN random() < 0.3 THEN d.day - pg_temp.pick(0, 0, 1, 30) END, end_date = CASE WHEN random() < 0.3 THEN d.day + pg_temp.pick(0, 0, 1, 60) END
FROM (SELECT q.pair, coalesce((SELECT c.t::date FROM changes c WHERE c.zone = q.zone AND c.year = q.year ORDER BY random() LIMIT 1), make_date(q.year, 6, 15)) AS day FROM pairs q) d
WHERE d.pair = p.pair AND p.pair <= :drawn;
UPDATE pairs p SET schedule = jsonb_strip_nulls(jsonb_build_object('startDate', p.start_date, 'end_date', p.end_date)) || (
    SELECT jsonb_build_object('schedules', jsonb_agg(jsonb_build_object('timing', jsonb_build_object('from', left(q.from_time::text, 5), 'to', left(q.to_time::text, 5)), 'timezone', pg_temp.pick(q.zone, lower(q.zone)),
        'days', (SELECT jsonb_object_agg(d - 1, q.days[d]) FROM generate_series(1, 7) d)) ORDER BY q.n))
    FROM parts q WHERE q.pair = p.pair);

-- Walks from one time to another; what is open beyond them is not known.
CREATE TEMP TABLE differences (pair integer, t timestamptz, what text, engine text, model text);
CREATE TEMP TABLE walked (pair integer, minutes bigint, open bigint);
CREATE FUNCTION pg_temp.walk(p pairs, lo timestamptz, hi timestamptz) RETURNS void LANGUAGE sql AS $$
    WITH clock AS (
        SELECT q.*, k.t, k.local, k.local::time AS minute, k.local::date AS day, date_part('dow', k.local)::integer AS dow
        FROM parts q
        CROSS JOIN LATERAL (
            SELECT t, max(t AT TIME ZONE q.zone) OVER (ORDER BY t) AS local
            FROM generate_series(lo - CASE WHEN EXISTS (SELECT FROM changes h WHERE h.zone = q.zone AND h.t BETWEEN lo - interval '32 hours' AND lo + interval '3 hours') THEN interval '26 hours' ELSE '0' END, hi, interval '1 minute') t
        ) k
        WHERE q.pair = p.pair AND k.t >= lo
        OFFSET 0
    ), state AS (
        SELECT c.t, max(c.day) FILTER (WHERE c.n = 1) AS day,
            bool_or(CASE
                WHEN c.to_time > c.from_time THEN c.minute >= c.from_time AND c.minute < c.to_time AND c.days[c.dow + 1]
                ELSE c.minute >= c.from_time AND c.days[c.dow + 1] OR c.minute < c.to_time AND c.days[(c.dow + 6) % 7 + 1]
            END) AND bool_and(c.n > 1 OR c.day BETWEEN coalesce(p.start_date, '-infinity') AND coalesce(p.end_date, 'infinity')) AS open
        FROM clock c GROUP BY c.t
    ), runs AS (
        SELECT s.*, min(s.t) FILTER (WHERE s.open) OVER w AS opens, min(s.t) FILTER (WHERE NOT s.open) OVER w AS closes, s.open AND NOT coalesce(lead(s.open) OVER w, false) AS starts, s.day <> lead(s.day) OVER w AS is_first
        FROM state s WINDOW w AS (ORDER BY s.t DESC)
    ), model AS (
        SELECT r.t, r.open, r.day, r.is_first, coalesce(r.opens, hi) AS opens, least(r.opens + interval '8 days', coalesce(CASE WHEN r.open THEN r.closes ELSE min(r.closes) FILTER (WHERE r.starts) OVER w END, hi), hi) AS closes
        FROM runs r WINDOW w AS (ORDER BY r.t DESC)
    ), compared AS (
        SELECT m.*, least(leadterra.window_opens(p.schedule, m.t), hi) AS engine_opens, least(leadterra.window_closes(p.schedule, m.t), hi) AS engine_closes, leadterra.zone_day(p.zone, m.t) AS engine_day,
            CASE WHEN m.is_first THEN leadterra.zone_day_start(p.zone, m.day) END AS engine_start
        FROM model m
    ), counted AS (
        INSERT INTO walked SELECT p.pair, count(*), count(*) FILTER (WHERE c.open) FROM compared c
    )
    INSERT INTO differences
    SELECT p.pair, c.t, d.what, d.engine, d.model
    FROM compared c
    CROSS JOIN LATERAL (VALUES ('opens', c.engine_opens::text, c.opens::text), ('closes', c.engine_closes::text, c.closes::text), ('day', c.engine_day::text, c.day::text), ('begins', c.engine_start::text, c.t::text)) d (what, engine, model)
    WHERE (c.engine_opens, c.engine_closes, c.engine_day, c.engine_start) IS DISTINCT FROM (c.opens, c.closes, c.day, CASE WHEN c.is_first THEN c.t END)
      AND d.engine IS DISTINCT FROM d.model AND (d.what <> 'begins' OR c.is_first)
    ORDER BY c.t LIMIT 10
$$;

-- The whole year, or the time around each change, and days at random.
CREATE TEMP TABLE ranges AS
SELECT p.pair, make_timestamptz(p.year, 1, 1, 0, 0, 0) - interval '1 day' AS lo, make_timestamptz(p.year + 1, 1, 1, 0, 0, 0) + interval '1 day' AS hi FROM pairs p WHERE :'long'
UNION ALL
SELECT DISTINCT p.pair, c.t - interval '5 hours', c.t + interval '25 hours' FROM pairs p JOIN parts q USING (pair) JOIN changes c ON c.zone = q.zone AND c.year = p.year WHERE NOT :'long'
UNION ALL
SELECT p.pair, r.lo, r.lo + pg_temp.pick(1, 1, 1, 1, 1, 9) * interval '1 day' FROM pairs p CROSS JOIN LATERAL (SELECT make_timestamptz(p.year, 1, 1, 0, 0, 0) + floor(random() * 365 * 1440) * interval '1 minute' AS lo, p.pair) r WHERE NOT :'long';
SELECT pg_temp.walk(p, r.lo, r.hi) FROM ranges r JOIN pairs p USING (pair) \g /dev/null

SELECT is((SELECT string_agg(format('%s in %s at %s: %s is %s instead of %s', p.schedule, p.zone, d.t, d.what, d.engine, d.model), E'\n') FROM (SELECT * FROM differences ORDER BY pair, t LIMIT 10) d JOIN pairs p USING (pair)), NULL, 'no minute differs from a walk');
SELECT cmp_ok((SELECT count(DISTINCT pair) FROM walked WHERE minutes > 0), '>=', 50::bigint, 'of pairs of zone and windows');
SELECT cmp_ok((SELECT sum(open) / sum(minutes) FROM walked), '>', 0.1, 'some minutes are open');
SELECT cmp_ok((SELECT sum(open) / sum(minutes) FROM walked), '<', 0.9, 'some are not');
SELECT is((SELECT string_agg(z, ' ') FROM unnest('{America/New_York,Europe/Berlin,Australia/Lord_Howe,Asia/Kathmandu,America/Sao_Paulo,Africa/Casablanca,Pacific/Apia}'::text[]) z WHERE z NOT IN (
    SELECT c.zone FROM changes c JOIN ranges r ON c.t > r.lo AND c.t < r.hi JOIN pairs p ON p.pair = r.pair AND p.zone = c.zone)), NULL, 'clocks change meanwhile');
SELECT is((SELECT count(DISTINCT c.back) FROM changes c WHERE c.zone = z AND c.year = 2024), 2::bigint, format('there and back in %s', z)) FROM unnest('{America/New_York,Europe/Berlin}'::text[]) z;
SELECT cmp_ok((SELECT count(DISTINCT (c.zone, c.year)) FROM changes c WHERE NOT c.back), '>', 40::bigint, 'many clocks skip a time');
SELECT cmp_ok((SELECT count(DISTINCT (c.zone, c.year)) FROM changes c WHERE c.back), '>', 40::bigint, 'many show one twice');

-- Random schedules: all of what one must be, in SQL.
CREATE FUNCTION pg_temp.keys(j jsonb) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT * FROM jsonb_object_keys(CASE WHEN jsonb_typeof(j) = 'object' THEN j ELSE '{}' END)
$$;
CREATE FUNCTION pg_temp.day_of(j jsonb) RETURNS date LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN coalesce(j, 'null') IN ('null', '""') THEN NULL WHEN jsonb_typeof(j) = 'string' AND j #>> '{}' ~ '^\d{4}-\d\d-\d\d$' THEN (j #>> '{}')::date ELSE 'infinity' END;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format THEN
    RETURN 'infinity';
END;
$$;
CREATE TEMP TABLE zones (name text PRIMARY KEY);
INSERT INTO zones SELECT lower(name) FROM pg_timezone_names WHERE name !~ '^(posix|right)/|^(localtime|posixrules)$';
CREATE FUNCTION pg_temp.is_window(w jsonb) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    RETURN coalesce(jsonb_typeof(w) = 'object' AND ARRAY(SELECT pg_temp.keys(w)) <@ '{name,timing,days,timezone}'
        AND (coalesce(w -> 'name', 'null') = 'null' OR jsonb_typeof(w -> 'name') = 'string' AND octet_length(w ->> 'name') <= 1000)
        AND ARRAY(SELECT pg_temp.keys(w -> 'timing')) @> '{from,to}' AND ARRAY(SELECT pg_temp.keys(w -> 'timing')) <@ '{from,to}'
        AND jsonb_typeof(w -> 'timing' -> 'from') = 'string' AND w -> 'timing' ->> 'from' ~ '^([01]\d|2[0-3]):[0-5]\d$' AND w -> 'timing' ->> 'from' <> w -> 'timing' ->> 'to'
        AND jsonb_typeof(w -> 'timing' -> 'to') = 'string' AND w -> 'timing' ->> 'to' ~ '^(([01]\d|2[0-3]):[0-5]\d|24:00)$'
        AND ARRAY(SELECT pg_temp.keys(w -> 'days')) <@ '{0,1,2,3,4,5,6}' AND (SELECT bool_or(w -> 'days' -> k = 'true') AND bool_and(jsonb_typeof(w -> 'days' -> k) = 'boolean') FROM pg_temp.keys(w -> 'days') k)
        AND jsonb_typeof(w -> 'timezone') = 'string' AND EXISTS (SELECT FROM zones z WHERE z.name = lower(w ->> 'timezone')), false);
END;
$$;
CREATE FUNCTION pg_temp.is_schedule(s jsonb) RETURNS boolean LANGUAGE sql AS $$
    SELECT jsonb_typeof(s) = 'object' AND ARRAY(SELECT pg_temp.keys(s)) <@ '{startDate,endDate,start_date,end_date,schedules}'
        AND d.first IS DISTINCT FROM 'infinity' AND d.last IS DISTINCT FROM 'infinity' AND coalesce(d.first <= d.last, true)
        AND coalesce(jsonb_typeof(s -> 'schedules') = 'array', false) AND w.n BETWEEN 1 AND 100 AND w.are_valid
    FROM (SELECT pg_temp.day_of(CASE WHEN s ? 'startDate' THEN s -> 'startDate' ELSE s -> 'start_date' END) AS first, pg_temp.day_of(CASE WHEN s ? 'endDate' THEN s -> 'endDate' ELSE s -> 'end_date' END) AS last) d
    CROSS JOIN (SELECT count(*) AS n, coalesce(bool_and(pg_temp.is_window(e)), false) AS are_valid FROM jsonb_array_elements(CASE WHEN jsonb_typeof(s -> 'schedules') = 'array' THEN s -> 'schedules' ELSE '[]' END) e) w
$$;

-- One value, or none, of a sort: nearly always one that is right.
CREATE FUNCTION pg_temp.some(VARIADIC good text[]) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN random() < 0.97 THEN pg_temp.pick(VARIADIC good)
        ELSE pg_temp.pick('null'::text, 'true', 'false', '0', '-1', '1e400', '""', '"09:00"', '"9:00"', '"25:00"', '"24:00"', '"2030-02-30"', '"2030-02-28"', '"1900-02-29"', '"0000-01-01"', '"12345-01-01"', '"UTC+3"', '"localtime"', '"Europe/Nowhere"', '"x"', '{}', '[]',
            '[null]', '{"0": true}', '{"7": true}', '{"from": "09:00"}', '[[[]]]', '"\ud83d\ude00"', to_json(repeat('x', 1001))::text, to_json(repeat('é', 500))::text) END::jsonb;
END;
$$;
CREATE FUNCTION pg_temp.some_object(pairs jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN CASE WHEN random() < 0.02 THEN pg_temp.some('null') ELSE (SELECT coalesce(jsonb_object_agg(CASE WHEN random() < 0.005 THEN pg_temp.pick(upper(k), k || ' ', '', 'é', left(k, 2)) ELSE k END, v), '{}') FROM jsonb_each(pairs) AS p (k, v) WHERE random() > 0.005) END;
END;
$$;
CREATE FUNCTION pg_temp.some_time(last text) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.some('"' || left(pg_temp.random_time()::text, 5) || '"', '"12:30"', last);
END;
$$;
CREATE FUNCTION pg_temp.some_window(n bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.some_object(jsonb_build_object('timing', pg_temp.some_object(jsonb_build_object('from', pg_temp.some_time('"09:00"'), 'to', pg_temp.some_time('"24:00"'))), 'timezone', pg_temp.some('"Europe/Berlin"', '"utc"', '"Etc/GMT-14"', '"EST5EDT"', '"America/Indiana/Knox"'),
        'days', pg_temp.some_object((SELECT jsonb_object_agg(d, pg_temp.some('true', 'false')) FROM generate_series(0, 6) d)))
        || CASE WHEN random() < 0.3 THEN jsonb_build_object('name', pg_temp.some('"Mornings"', 'null', '""')) ELSE '{}' END);
END;
$$;
CREATE FUNCTION pg_temp.some_schedule(n bigint) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    RETURN pg_temp.some_object(CASE WHEN random() < 0.03 THEN '{}' ELSE jsonb_build_object('schedules', (SELECT jsonb_agg(pg_temp.some_window(i)) FROM generate_series(1, pg_temp.pick(0, 1, 1, 1, 1, 2, 2, 3)) i)) END
        || CASE WHEN random() < 0.3 THEN jsonb_build_object('startDate', pg_temp.some('"2030-01-01"', '"2032-02-29"', 'null', '""')) ELSE '{}' END || CASE WHEN random() < 0.3 THEN jsonb_build_object('endDate', pg_temp.some('"2031-06-30"', '"2032-02-29"', '"9999-12-31"', 'null')) ELSE '{}' END
        || CASE WHEN random() < 0.2 THEN jsonb_build_object('start_date', pg_temp.some('"2030-01-01"', '""')) ELSE '{}' END || CASE WHEN random() < 0.2 THEN jsonb_build_object('end_date', pg_temp.some('"2030-01-01"', '"0001-01-01"')) ELSE '{}' END);
END;
$$;

-- What comes of asking: 'yes', or what was wrong with the schedule; null, and that is wrong, for anything else.
CREATE FUNCTION pg_temp.ask(s jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    opens timestamptz;
    closes timestamptz;
    detail jsonb;
BEGIN
    opens := leadterra.window_opens(s, '2031-05-05 05:05:05+00');
    closes := leadterra.window_closes(s, '2031-05-05 05:05:05+00');
    RETURN CASE WHEN leadterra.schedule_zone(s) IS NOT NULL AND opens >= '2031-05-05 05:05:05+00' AND (closes > opens AND closes - opens <= interval '8 days' OR opens = 'infinity' AND closes = opens) THEN 'yes' END;
EXCEPTION WHEN SQLSTATE 'PT500' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN CASE WHEN detail ->> 'code' = 'broken_row' AND (detail ->> 'total')::integer = jsonb_array_length(detail -> 'errors') THEN (SELECT string_agg(DISTINCT e ->> 'code', ' ') FROM jsonb_array_elements(detail -> 'errors') e WHERE e ->> 'field' LIKE 'schedule%' AND e ->> 'message' <> '') END;
END;
$$;
CREATE TEMP TABLE asked AS
SELECT s.*, pg_temp.ask(s.schedule) AS answer, pg_temp.is_schedule(s.schedule) AS is_right
FROM (SELECT n, pg_temp.some_schedule(n) AS schedule FROM generate_series(1, CASE WHEN :'long' THEN 50000 ELSE 2000 END) n OFFSET 0) s;
SELECT is((SELECT string_agg(format('%s: %s', left(schedule::text, 500), coalesce(answer, 'no answer')), E'\n') FROM (SELECT * FROM asked WHERE (answer = 'yes') IS DISTINCT FROM is_right LIMIT 5) a), NULL, 'what is refused is wrong, and nothing else');
SELECT cmp_ok((SELECT count(*) FROM asked WHERE is_right), '>', (SELECT count(*) / 10 FROM asked), 'some random schedules are right');
SELECT cmp_ok((SELECT count(*) FROM asked WHERE NOT is_right), '>', (SELECT count(*) / 10 FROM asked), 'some are wrong');
SELECT is((SELECT string_agg(DISTINCT c, ' ' ORDER BY c) FROM asked, regexp_split_to_table(answer, ' ') c), 'invalid_value missing not_an_object unknown_field wrong_type yes', 'in every way');

SELECT * FROM finish();
ROLLBACK;
