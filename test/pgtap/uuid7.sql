-- uuid7: lt_uuidv7() per RFC 9562, section 5.7, monotonic within a backend.
BEGIN;
SELECT plan(6);

CREATE TEMP TABLE made AS
SELECT n, lt_uuidv7() AS id FROM generate_series(1, 100000) AS n;

SELECT is((SELECT count(*) FROM made WHERE substr(id::text, 15, 1) <> '7'), 0::bigint, 'the version is 7');
SELECT is((SELECT count(*) FROM made WHERE substr(id::text, 20, 1) NOT IN ('8', '9', 'a', 'b')), 0::bigint, 'the variant is 10');
SELECT is((SELECT count(*) FROM (SELECT id > lag(id) OVER (ORDER BY n) AS rises FROM made) x WHERE NOT rises), 0::bigint,
          'each value is greater than the one before');
SELECT ok(
    abs(extract(epoch FROM clock_timestamp()) * 1000
        - ('x' || left(replace(lt_uuidv7()::text, '-', ''), 12))::bit(48)::bigint) < 60000,
    'the first 48 bits are milliseconds since 1970');
-- 62 random bits each: two equal ones among 100,000 would be a fault.
SELECT is((SELECT count(DISTINCT substr(id::text, 20)) FROM made), 100000::bigint, 'the random bits differ');
-- A bit that never changes would show in the least or greatest of 100,000.
SELECT ok((SELECT min(substr(id::text, 25)) < '001' AND max(substr(id::text, 25)) > 'ffe' FROM made), 'the random bits span their range');

SELECT * FROM finish();
ROLLBACK;
