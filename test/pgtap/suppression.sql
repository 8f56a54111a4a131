-- suppression: a bulk call finds the entries that match, whether the list is
-- short and read as a whole, or long and searched for each address.
BEGIN;
SELECT plan(68);

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

-- Block lists beside the default one.
SELECT lt_create_blocklist('partners') AS partners \gset
SELECT lt_create_blocklist('partners') AS again \gset
SELECT isnt(:'again'::uuid, :'partners'::uuid, 'a name may be used twice');
SELECT is(concat_ws(' ', b.added, b.valid, b.invalid, (SELECT string_agg(concat_ws(' ', e ->> 'index', e ->> 'code'), ' ') FROM jsonb_array_elements(b.errors) e)),
    '3 4 4 4 email_label_character 5 email_empty 6 email_label_character 7 email_label_character', 'values that are no entries are counted and left out')
FROM lt_block('{" Kim@Partner.example ", partner.example, *.partner.example, kim@partner.example, "no entry", NULL, "hmac:00", "*."}', :'partners') b;
SELECT is(lt_block('{KIM@partner.example, lee@partner.example}', :'partners', 'asked')::text, '(1,2,0,)', 'those that are there are not added');
SELECT is(lt_block('{}', :'partners')::text, '(0,0,0,)', 'nothing is nothing');
SELECT is((SELECT string_agg(concat_ws(' ', entry, kind, reason), ', ' ORDER BY entry) FROM lt_blocklist_entries WHERE blocklist_id = :'partners'),
    '*.partner.example wildcard manual, kim@partner.example address manual, lee@partner.example address asked, partner.example domain manual', 'the view lists them');
SELECT is((SELECT count(*) FROM lt_blocklist_entries WHERE blocklist_id = :'again'), 0::bigint, 'and nothing of another list');
SELECT is((SELECT count(*) FROM lt_is_suppressed('kim@partner.example')), 0::bigint, 'none of it is suppressed');
SELECT is((SELECT outcome FROM lt_bulk_upsert_report(:'campaign', '[{"email": "kim@partner.example"}]')), 'enrolled', 'nor kept out of a campaign');
SELECT is((SELECT count(*) FROM lt_suppressions WHERE entry LIKE '%partner%'), 0::bigint, 'nor on the suppression list');

SELECT is(lt_block('{both.example}')::text, '(1,1,0,)', 'without a list it is the suppression list');
SELECT is((SELECT entry FROM lt_is_suppressed('a@both.example')), 'both.example', 'which suppresses');
SELECT is(lt_suppress('{both.example}')::text, '(0,1,1)', 'to which lt_suppress adds');
SELECT is(lt_block('{both.example}', lt_current_workspace())::text, '(0,1,0,)', 'it has the id of the workspace');
SELECT is((SELECT string_agg(concat_ws(' ', name, is_default), ', ' ORDER BY name) FROM lt_blocklists), 'partners f, partners f, suppression list t', 'all are listed');
SELECT is(lt_block('{both.example}', :'partners')::text, '(1,1,0,)', 'an entry may be on several lists');
SELECT is(lt_unblock('{both.example, kim@PARTNER.example, never.example, NULL}', :'partners'), 2, 'and is taken off one');
SELECT is((SELECT count(*) FROM lt_is_suppressed('a@both.example')), 1::bigint, 'which leaves the others');
SELECT is(lt_unblock('{both.example}'), 1, 'without a list it is taken off the suppression list');
SELECT is((SELECT count(*) FROM lt_is_suppressed('a@both.example')), 0::bigint, 'which suppresses it no more');
SELECT is(lt_delete_blocklist(:'partners')::text, '', 'a list is deleted');
SELECT is((SELECT count(*) FROM leadterra.suppressions WHERE blocklist_id = :'partners'), 0::bigint, 'with its entries');
SELECT lt_create_blocklist('by hand') AS by_hand \gset
SELECT lt_block('{a.example, b.example}', :'by_hand');
DELETE FROM leadterra.blocklists WHERE blocklist_id = :'by_hand';
SELECT is((SELECT count(*) FROM leadterra.suppressions WHERE blocklist_id = :'by_hand'), 0::bigint, 'also by hand');
SELECT throws_ok('TRUNCATE leadterra.blocklists', '0A000', 'cannot truncate table "blocklists" of extension "leadterra"', 'but not all at once');
SELECT throws_ok(sql, code, message, sql) FROM (VALUES
    ($$SELECT lt_block('{a.example}', '0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'block list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT lt_unblock('{a.example}', '0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'block list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT lt_delete_blocklist('0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'block list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT lt_delete_blocklist(lt_current_workspace())$$, 'PT400', 'the default block list cannot be deleted'),
    ($$SELECT lt_delete_blocklist(NULL)$$, 'PT400', 'argument "blocklist_id" must not be null'),
    ($$SELECT lt_block(NULL)$$, 'PT400', 'argument "entries" must not be null'),
    ($$SELECT lt_block('{a.example}', NULL, NULL)$$, 'PT400', 'argument "reason" must not be null'),
    ($$SELECT lt_unblock(NULL)$$, 'PT400', 'argument "entries" must not be null'),
    ($$SELECT lt_create_blocklist(NULL)$$, 'PT400', 'name of a block list must not be null or blank'),
    ($$SELECT lt_create_blocklist(E' \t')$$, 'PT400', 'name of a block list must not be null or blank'),
    ($$SELECT lt_block(array_fill('a.example'::text, '{1000001}'))$$, 'PT413', 'argument "entries" has 1000001 entries, more than 1000000')
) AS bad (sql, code, message);


-- A long list, of which a call looks up what it needs, says what the list says of each address.
SELECT lt_create_campaign('long') AS long \gset
SELECT lt_suppress(array_agg(format((ARRAY['u%s@d%s.example', 'd%2$s.test', '*.w%2$s.example', 'D%2$s.org'])[1 + i % 4], i % 701, i % 307))) FROM generate_series(1, 9000) i \gset
SELECT cmp_ok((SELECT count(*) FROM lt_suppressions), '>', 2500::bigint, 'there is a long list');
CREATE TEMP TABLE asked AS
SELECT format((ARRAY['u%s@d%s.example', 'u%s@d%s.test', 'u%s@a.b.w%s.example', 'u%s@w%s.example', 'u%s@sub.d%s.test', 'u%s@d%s.org'])[1 + i % 6], i % 701, i % 307) AS email
FROM generate_series(1, 9000, 11) i;
SELECT is(calls.suppressed, each.suppressed, format('in calls of %s', n))
FROM unnest('{20,900}'::integer[]) n,
    LATERAL (SELECT array_agg(DISTINCT a.email) AS suppressed FROM asked a WHERE EXISTS (SELECT FROM lt_is_suppressed(a.email))) each,
    LATERAL (
        SELECT array_agg(DISTINCT part.emails ->> r.index) AS suppressed
        FROM (SELECT jsonb_agg(email) AS emails, jsonb_agg(jsonb_build_object('email', email)) AS leads FROM (SELECT email, row_number() OVER () / n AS call FROM asked) a GROUP BY call) part,
            LATERAL lt_bulk_upsert_report(:'long', part.leads, dry_run => true) r
        WHERE r.reason = 'suppressed') calls;
-- Which by its first @ is at another domain; no call would take it.
INSERT INTO leadterra.leads (workspace_id, lead_id, email)
SELECT lt_current_workspace(), lt_uuidv7(), email FROM unnest('{a@b@unheard.test, a@d1.test}'::text[]) email;
SELECT lt_create_list('by hand') AS list \gset
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'list', lead_id FROM lt_leads WHERE email LIKE 'a@%.test';
SELECT is(lt_enroll_list(:'list', :'long')::text, '(1,0,1,0,1)', 'an address with two @, written by hand, is looked up like others');

-- A reason stands with every entry.
SELECT throws_ok(call, 'PT400', 'argument "reason" must have at most 1000 bytes', 'too long: ' || call) FROM unnest(ARRAY[
    $$SELECT lt_suppress('{a@reason.example}', repeat('x', 1001))$$, $$SELECT lt_block('{a@reason.example}', NULL, repeat('x', 1001))$$]) call;
SELECT is((SELECT added FROM lt_block('{a@reason.example, a@reason.example}', NULL, repeat('x', 1000))), 1, 'and a long one');

-- The list in pages.
SELECT set_config('leadterra.workspace_id', lt_create_workspace('pages')::text, true);
SELECT lt_suppress('{a@example.com, a_b@example.com, ab@example.com, b@example.com, *.a.example, a.example, bücher.example}'), lt_block('{az@example.com}', lt_create_blocklist('other'));
SELECT is((SELECT string_agg(entry, ' ') FROM lt_list_suppressions(search)), expected, 'entries that begin with ' || coalesce(search, 'anything')) FROM (VALUES
    (NULL, '*.a.example a.example a@example.com a_b@example.com ab@example.com b@example.com xn--bcher-kva.example'), ('', '*.a.example a.example a@example.com a_b@example.com ab@example.com b@example.com xn--bcher-kva.example'),
    ('A', 'a.example a@example.com a_b@example.com ab@example.com'), ('a_', 'a_b@example.com'), ('*', '*.a.example'), ('b@example.com', 'b@example.com'), ('%', NULL), ('z', NULL)) v (search, expected);
SELECT is((SELECT string_agg(entry, ' ') FROM lt_list_suppressions('a', after, 2)), expected, 'after ' || after) FROM (VALUES
    ('', 'a.example a@example.com'), ('a@example.com', 'a_b@example.com ab@example.com'), ('ab@example.com', NULL), ('aa', 'ab@example.com'), ('z', NULL)) v (after, expected);
SELECT throws_ok('SELECT * FROM lt_list_suppressions(max_entries => 0)', 'PT400', NULL, 'a page has an entry at least');

SELECT * FROM finish();
ROLLBACK;
