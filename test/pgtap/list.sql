-- list: lists, their pages, and what deleting takes along.
BEGIN;
SELECT plan(40);
-- A workspace of its own, for there may be leads in the default one.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0001';

SELECT lt_create_list('first') AS list \gset
SELECT lt_create_list('first') AS other \gset
SELECT isnt(:'list'::uuid, :'other'::uuid, 'a name may be used twice');
SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', lpad(i::text, 2, '0')), 'firstName', 'F' || i, 'size', i)) FROM generate_series(1, 25) i));
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'list', lead_id FROM lt_leads;
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'other', lead_id FROM lt_leads WHERE email < 'l06';
SELECT is((SELECT string_agg(concat_ws(' ', name, leads), ', ' ORDER BY leads) FROM lt_lists), 'first 5, first 25', 'lists have names and numbers of leads');

-- Pages.
CREATE FUNCTION pg_temp.pages(list uuid, size integer) RETURNS integer[] LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    sizes integer[] := '{}';
    ids uuid[] := '{}';
    page uuid[];
BEGIN
    LOOP
        page := ARRAY(SELECT lead_id FROM lt_list_leads(list, ids[cardinality(ids)], size));
        sizes := sizes || cardinality(page);
        ids := ids || page;
        EXIT WHEN cardinality(page) < size;
    END LOOP;
    IF ids IS DISTINCT FROM ARRAY(SELECT lead_id FROM leadterra.list_members WHERE list_id = list ORDER BY lead_id) THEN
        RETURN NULL;
    END IF;
    RETURN sizes;
END;
$$;
SELECT is(pg_temp.pages(:'list', 10), '{10,10,5}', 'pages show each lead once, in order');
SELECT is(pg_temp.pages(:'list', 5), '{5,5,5,5,5,0}', 'behind a last page that is full is an empty one');
SELECT is(pg_temp.pages(:'list', 1), array_fill(1, '{25}') || 0, 'a page may be one lead');
SELECT is(pg_temp.pages(:'list', 10000), '{25}', 'or all');
SELECT is((SELECT count(*) FROM lt_list_leads(:'list')), 25::bigint, 'a page is a hundred where nothing is said');
SELECT is((SELECT jsonb_strip_nulls(to_jsonb(l) - '{lead_id,added_at}'::text[]) FROM lt_list_leads(:'list') l ORDER BY email LIMIT 1),
    '{"email": "l01@example.com", "first_name": "F1", "custom": {"size": 1}}', 'it has the fields of the leads');
SELECT is((SELECT array_agg(added_at = now()) FROM lt_list_leads(:'list', max_leads => 1)), '{t}', 'and when they were added');

-- Taking leads off.
SELECT is(lt_remove_from_list(:'list', ARRAY(SELECT lead_id FROM lt_leads WHERE email IN ('l01@example.com', 'l02@example.com')) || ARRAY(SELECT lead_id FROM lt_leads WHERE email = 'l01@example.com') || lt_uuidv7() || NULL::uuid),
    2, 'leads are taken off; one that is repeated counts once, one that is not there not at all');
SELECT is((SELECT array_agg(leads ORDER BY leads) FROM lt_lists), '{5,23}', 'no other list changes');
SELECT is((SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'campaign' AND status = 'active'), 25::bigint, 'nor does a campaign');
SELECT is(lt_remove_from_list(:'list', '{}'), 0, 'nobody is nobody');

-- Deleting.
SELECT lt_delete_leads('{l03@example.com, l04@example.com}');
SELECT is((SELECT array_agg(leads ORDER BY leads) FROM lt_lists), '{3,21}', 'a lead that is deleted leaves its lists');
DELETE FROM leadterra.leads WHERE workspace_id = lt_current_workspace() AND email = 'l05@example.com';
SELECT is((SELECT array_agg(leads ORDER BY leads) FROM lt_lists), '{2,20}', 'also by hand');
SELECT is(lt_delete_list(:'other')::text, '', 'a list is deleted');
SELECT is((SELECT count(*) FROM leadterra.list_members WHERE workspace_id = lt_current_workspace()), 20::bigint, 'with its members');
SELECT is((SELECT count(*) FROM lt_leads), 22::bigint, 'whose leads stay');
DELETE FROM leadterra.lists WHERE workspace_id = lt_current_workspace();
SELECT is((SELECT count(*) FROM leadterra.list_members WHERE workspace_id = lt_current_workspace()), 0::bigint, 'also by hand');

SELECT lt_create_list('theirs') AS list \gset
SELECT throws_ok(sql, code, message, sql) FROM (VALUES
    ($$SELECT lt_create_list(NULL)$$, 'PT400', 'name of a list must not be null or blank'),
    ($$SELECT lt_create_list(' ')$$, 'PT400', 'name of a list must not be null or blank'),
    ($$SELECT lt_delete_list(NULL)$$, 'PT400', 'argument "list_id" must not be null'),
    ($$SELECT lt_delete_list('0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT lt_remove_from_list('0197c043-e39c-7d91-a325-6615db0e1b99', '{}')$$, 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT lt_remove_from_list(NULL, '{}')$$, 'PT400', 'argument "list_id" must not be null'),
    ($$SELECT lt_remove_from_list(lt_uuidv7(), NULL)$$, 'PT400', 'argument "lead_ids" must not be null'),
    ($$SELECT lt_remove_from_list(lt_uuidv7(), array_fill(lt_uuidv7(), '{1000001}'))$$, 'PT413', 'argument "lead_ids" has 1000001 entries, more than 1000000'),
    ($$SELECT * FROM lt_list_leads('0197c043-e39c-7d91-a325-6615db0e1b99')$$, 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    ($$SELECT * FROM lt_list_leads(NULL)$$, 'PT400', 'argument "list_id" must not be null')
) AS bad (sql, code, message);
SELECT throws_ok(format('SELECT * FROM lt_list_leads(%L, NULL, %s)', :'list', n), 'PT400', format('argument "max_leads" must be from 1 to 10000, not %s', n)) FROM unnest('{0,-1,10001}'::integer[]) n;
SELECT throws_ok(format('SELECT * FROM lt_list_leads(%L, NULL, NULL)', :'list'), 'PT400', 'argument "max_leads" must not be null');
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT throws_ok(format('SELECT * FROM lt_list_leads(%L)', :'list'), 'PT404', NULL, 'a list of another workspace is none');
SELECT is((SELECT count(*) FROM lt_lists), 0::bigint, 'nor is it listed');

SELECT throws_ok('TRUNCATE leadterra.lists', '0A000', 'cannot truncate table "lists" of extension "leadterra"', 'lists are not deleted all at once');
SELECT lt_create_list('before') AS renamed \gset
SELECT lt_rename_list(:'renamed', 'after');
SELECT is((SELECT array_agg(name) FROM lt_lists WHERE list_id = :'renamed'), '{after}', 'a list is renamed');
SELECT throws_ok($$SELECT lt_rename_list('0197c043-0000-7000-8000-000000000000', 'x')$$, 'PT404', 'list "0197c043-0000-7000-8000-000000000000" does not exist');
SELECT throws_ok(format('SELECT lt_rename_list(%L, '' '')', :'renamed'), 'PT400', 'name of a list must not be null or blank');
SELECT throws_ok($$SELECT lt_rename_list(NULL, 'x')$$, 'PT400', 'argument "list_id" must not be null');

SELECT * FROM finish();
ROLLBACK;
