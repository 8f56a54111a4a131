-- suppression: a bulk call finds the entries that match, whether the list is
-- short and read as a whole, or long and searched for each address.
BEGIN;
SELECT plan(13);

SELECT lt_create_campaign('c') AS campaign \gset
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b15';
SELECT lt_suppress('{"30@plain.example", "other.example", "*.example"}');
SET leadterra.workspace_id = '';

-- Addresses at three domains, and one whose domain is an entry's subdomain.
CREATE FUNCTION pg_temp.skipped(campaign uuid, leads integer) RETURNS text LANGUAGE sql SET search_path = public AS $$
    SELECT string_agg(email, ' ' ORDER BY index) FROM lt_bulk_upsert_report(campaign,
        (SELECT jsonb_agg(jsonb_build_object('email', i || CASE i % 10 WHEN 7 THEN '@sup.example' WHEN 8 THEN '@a.b.sup-wild.example' WHEN 9 THEN '@sup-wild.example' ELSE '@plain.example' END) ORDER BY i)
         FROM generate_series(1, leads) i), dry_run => true)
    WHERE reason = 'suppressed'
$$;
CREATE FUNCTION pg_temp.expected(leads integer) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(i || CASE i % 10 WHEN 7 THEN '@sup.example' WHEN 8 THEN '@a.b.sup-wild.example' ELSE '@plain.example' END, ' ' ORDER BY i)
    FROM generate_series(1, leads) i WHERE i % 10 IN (7, 8) OR i = 25
$$;

SELECT is(pg_temp.skipped(:'campaign', 200), NULL, 'nothing is suppressed by the list of another workspace');
SELECT lt_suppress('{25@plain.example, sup.example, *.sup-wild.example, unknown.example, *.unknown.example}');
SELECT is(pg_temp.skipped(:'campaign', n), pg_temp.expected(n), format('a short list, %s leads', n)) FROM unnest('{9, 30, 200, 1500}'::integer[]) n;
SELECT lt_suppress(array_agg(format('entry-%s@plain.example', i))) FROM generate_series(1, 5000) i;
SELECT is(pg_temp.skipped(:'campaign', n), pg_temp.expected(n), format('a long list, %s leads', n)) FROM unnest('{9, 30, 200, 1500}'::integer[]) n;

-- An address may begin with a star; that is no wildcard.
SELECT lt_suppress('{*26@plain.example, *.1@plain.example}');
SELECT is(pg_temp.skipped(:'campaign', 30), pg_temp.expected(30), 'a suppressed address that begins with a star, a long list');
SELECT is((SELECT string_agg(email, ' ' ORDER BY index) FROM lt_bulk_upsert_report(:'campaign', '[{"email": "*25@plain.example"}, {"email": "*26@plain.example"}, {"email": "1@plain.example"}]', dry_run => true) WHERE reason = 'suppressed'),
    '*26@plain.example', 'is skipped, and no other is for it');
DELETE FROM leadterra.suppressions WHERE entry LIKE 'entry-%';
SELECT is(pg_temp.skipped(:'campaign', 200), pg_temp.expected(200), 'and none on a short list');
SELECT is((SELECT count(*) FROM lt_bulk_upsert_report(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('*%s@plain.example', i))) FROM generate_series(1, 200) i), dry_run => true) WHERE reason = 'suppressed'),
    1::bigint, 'while it is found there itself');

SELECT * FROM finish();
ROLLBACK;
