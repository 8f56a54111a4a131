-- enroll: whole lists, and leads that move between campaigns and lists.
BEGIN;
SELECT plan(53);
-- A workspace of its own, for there may be leads in the default one.
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0003';

SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS c \gset
SELECT lt_create_campaign('d', '[{"subject": "s", "bodyHtml": "b"}]') AS d \gset
SELECT lt_create_list('l') AS l \gset
SELECT lt_create_list('m') AS m \gset
SELECT lt_add_leads('[{"email": "a@example.com", "first_name": "A"}, {"email": "b@example.com"}, {"first_name": "N"}, {"last_name": "O"}, {"email": "s@example.com"}, {"email": "t@blocked.example.com"}, {"email": "r@example.com"}, {"email": "y@example.com"}, {"email": "z@example.com"}]', list_id => :'l');
SELECT lt_suppress('{s@example.com, *.example.com}');
SELECT lt_bulk_upsert(:'c', '[{"email": "b@example.com"}, {"email": "r@example.com"}, {"email": "y@example.com"}, {"email": "x@example.com"}]');
SELECT lt_remove_leads(:'c', '{r@example.com}');
UPDATE leadterra.enrollments e SET status = 'replied' FROM lt_leads l WHERE e.lead_id = l.lead_id AND l.email = 'y@example.com';

-- The names in a campaign or a list, read at one go: there may be no statistics yet.
CREATE FUNCTION pg_temp.members(target uuid) RETURNS text LANGUAGE sql SET search_path = public SET enable_nestloop = off AS $$
    SELECT coalesce(string_agg(concat(coalesce(split_part(l.email, '@', 1), concat(l.first_name, l.last_name)), ':' || nullif(t.status, 'active')), ' ' ORDER BY l.email, l.first_name), '')
    FROM (
        SELECT e.lead_id, e.status FROM leadterra.enrollments e WHERE e.campaign_id = target
        UNION ALL SELECT m.lead_id, 'active' FROM leadterra.list_members m WHERE m.list_id = target) t
    JOIN lt_leads l ON l.lead_id = t.lead_id
$$;
CREATE FUNCTION pg_temp.ids(VARIADIC names text[]) RETURNS uuid[] LANGUAGE sql SET search_path = public AS $$
    SELECT coalesce(array_agg(lead_id), '{}') FROM lt_leads WHERE coalesce(split_part(email, '@', 1), concat(first_name, last_name)) = ANY (names)
$$;
CREATE FUNCTION pg_temp.versions() RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', ctid, xmin), ',' ORDER BY ctid) FROM leadterra.leads
$$;

-- A list.
SELECT pg_temp.versions() AS versions \gset
SELECT is(lt_enroll_list(:'l', :'c')::text, '(3,2,2,2,5)', 'leads are enrolled, again or already, suppressed, without an address');
SELECT is(pg_temp.members(:'c'), 'a b r x y:replied z', 'those with an address that is not suppressed are in the campaign; one that replied stays so');
SELECT is(pg_temp.members(:'l'), 'a b r s t y z N O', 'and still on the list');
SELECT is(pg_temp.versions(), :'versions', 'no record is written');
SELECT is(lt_enroll_list(:'l', :'c')::text, '(0,5,2,2,5)', 'a second time nobody is new');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 6::bigint, 'the campaign counts them once');
SELECT is(lt_enroll_list(:'m', :'c')::text, '(0,0,0,0,0)', 'an empty list is nobody');
SELECT lt_start_campaign(:'d') FROM lt_bulk_upsert(:'d', '[{"email": "first@example.com"}]');
SELECT lt_enroll_list(:'l', :'d');
SELECT is((SELECT string_agg(split_part(email, '@', 1), ' ' ORDER BY email) FROM lt_messages WHERE campaign_id = :'d' AND state = 'queued'), 'a b first r y z', 'in a running campaign step one is queued');
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 hour', :'d')), 6::bigint, 'and handed out');

-- Lists of more than a fetch and a part.
SELECT lt_create_list('large') AS large \gset
SELECT lt_create_campaign('large', '[{"subject": "s", "bodyHtml": "b"}]') AS wide \gset
INSERT INTO leadterra.leads (workspace_id, lead_id, email, first_name)
SELECT lt_current_workspace(), lt_uuidv7(), CASE WHEN i % 10 > 0 THEN format('large-%s@%s', i, CASE i % 10 WHEN 1 THEN 'sub.example.com' ELSE 'example.org' END) END, 'large' FROM generate_series(1, 11500) i;
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'large', lead_id FROM lt_leads WHERE first_name = 'large';
SELECT lt_bulk_upsert(:'wide', (SELECT jsonb_agg(jsonb_build_object('email', format('large-%s@example.org', i))) FROM generate_series(2, 11492, 10) i));
SELECT is(lt_enroll_list(:'large', :'wide')::text, '(8050,1150,1150,1150,9200)', 'a list of 11,500');
SELECT is((SELECT (leads_enrolled, queued_messages) FROM (SELECT (lt_start_campaign(:'wide')).*) s), (9200::bigint, 9200::bigint), 'all of it is queued');

-- Moving.
SELECT is(lt_move_leads(pg_temp.ids('a', 'b', 'N', 'x'), from_list_id => :'l', to_list_id => :'m'), 3, 'from list to list: who is not on the first is passed over');
SELECT is(pg_temp.members(:'l') || ' | ' || pg_temp.members(:'m'), 'r s t y z O | a b N', 'the others change lists');
SELECT is(lt_move_leads(pg_temp.ids('a', 'b', 'N'), from_list_id => :'l', to_list_id => :'m'), 0, 'again there is nobody');
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'l', unnest(pg_temp.ids('a'));
SELECT is(lt_move_leads(pg_temp.ids('a', 'a'), from_list_id => :'l', to_list_id => :'m'), 1, 'a lead on both leaves the first');
SELECT is(pg_temp.members(:'l') || ' | ' || pg_temp.members(:'m'), 'r s t y z O | a b N', 'and is on the second once');
SELECT lt_create_campaign('e', '[{"subject": "s", "bodyHtml": "b"}]') AS e \gset
SELECT is(lt_move_leads(pg_temp.ids('r', 's', 't', 'O', 'a'), from_list_id => :'l', to_campaign_id => :'e'), 1, 'from list to campaign');
SELECT is(pg_temp.members(:'l') || ' | ' || pg_temp.members(:'e'), 's t y z O | r', 'who is suppressed or has no address stays');
SELECT is(lt_move_leads(pg_temp.ids('b', 'y', 'x', 'r', 's') || NULL::uuid || lt_uuidv7(), from_campaign_id => :'c', to_campaign_id => :'e'), 4, 'from campaign to campaign');
SELECT is(pg_temp.members(:'c') || ' | ' || pg_temp.members(:'e'), 'a b:removed r:removed x:removed y:replied z | b r x y', 'they are removed from the first; one that replied keeps that');
SELECT is(lt_move_leads(pg_temp.ids('b'), from_campaign_id => :'c', to_campaign_id => :'e'), 0, 'who was removed is not there');
SELECT is(lt_move_leads(pg_temp.ids('b', 'z'), from_campaign_id => :'e', to_list_id => :'l'), 1, 'from campaign to list');
SELECT is(pg_temp.members(:'e') || ' | ' || pg_temp.members(:'l'), 'b:removed r x y | b s t y z O', 'likewise');
SELECT is(lt_move_leads(pg_temp.ids('b'), from_list_id => :'l', to_campaign_id => :'c'), 1, 'back to where it was removed');
SELECT is(pg_temp.members(:'c'), 'a b r:removed x:removed y:replied z', 'it is active again');
SELECT is(lt_move_leads('{}', from_list_id => :'l', to_campaign_id => :'c'), 0, 'nobody is nobody');
SELECT lt_start_campaign(:'c');
SELECT is((SELECT string_agg(split_part(email, '@', 1), ' ' ORDER BY email) FROM lt_claim_messages(10, '1 hour', :'c')), 'a b z', 'who has left is not mailed');
SELECT is((SELECT leads_enrolled FROM lt_campaigns WHERE campaign_id = :'c'), 4::bigint, 'nor counted');

-- Errors.
SELECT throws_ok(format('SELECT lt_enroll_list(%L, %L)', list, campaign), code, message, coalesce(message, '')) FROM (VALUES
    (NULL, :'c', 'PT400', 'argument "list_id" must not be null'),
    (:'l', NULL, 'PT400', 'argument "campaign_id" must not be null'),
    ('0197c043-e39c-7d91-a325-6615db0e1b99', :'c', 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (:'l', '0197c043-e39c-7d91-a325-6615db0e1b99', 'PT404', 'campaign "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (:'c', :'l', 'PT404', NULL)
) AS bad (list, campaign, code, message);
SELECT throws_ok(format('SELECT lt_move_leads(%s)', arguments), code, message, arguments) FROM (VALUES
    ('NULL, from_list_id => lt_uuidv7(), to_list_id => lt_uuidv7()', 'PT400', 'argument "lead_ids" must not be null'),
    ('''{}''', 'PT400', 'either from_campaign_id or from_list_id must be given, and not both'),
    ('''{}'', from_list_id => lt_uuidv7(), from_campaign_id => lt_uuidv7(), to_list_id => lt_uuidv7()', 'PT400', 'either from_campaign_id or from_list_id must be given, and not both'),
    ('''{}'', from_list_id => lt_uuidv7()', 'PT400', 'either to_campaign_id or to_list_id must be given, and not both'),
    ('''{}'', from_list_id => lt_uuidv7(), to_campaign_id => lt_uuidv7(), to_list_id => lt_uuidv7()', 'PT400', 'either to_campaign_id or to_list_id must be given, and not both'),
    (format('''{}'', from_list_id => %1$L, to_list_id => %1$L', :'l'), 'PT400', 'leads cannot be moved to where they are'),
    (format('''{}'', from_campaign_id => %1$L, to_campaign_id => %1$L', :'c'), 'PT400', 'leads cannot be moved to where they are'),
    (format('''{}'', from_list_id => %L, to_list_id => ''0197c043-e39c-7d91-a325-6615db0e1b99''', :'l'), 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (format('''{}'', from_list_id => ''0197c043-e39c-7d91-a325-6615db0e1b99'', to_list_id => %L', :'l'), 'PT404', 'list "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (format('''{}'', from_list_id => %L, to_campaign_id => ''0197c043-e39c-7d91-a325-6615db0e1b99''', :'l'), 'PT404', 'campaign "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (format('''{}'', from_campaign_id => ''0197c043-e39c-7d91-a325-6615db0e1b99'', to_list_id => %L', :'l'), 'PT404', 'campaign "0197c043-e39c-7d91-a325-6615db0e1b99" does not exist'),
    (format('array_fill(lt_uuidv7(), ''{1000001}''), from_list_id => %L, to_list_id => %L', :'l', :'m'), 'PT413', 'argument "lead_ids" has 1000001 entries, more than 1000000')
) AS bad (arguments, code, message);

-- Another workspace.
SET leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b14';
SELECT lt_create_campaign('theirs', '[{"subject": "s", "bodyHtml": "b"}]') AS theirs \gset
SELECT lt_create_list('theirs') AS their_list \gset
SELECT throws_ok(format('SELECT lt_enroll_list(%L, %L)', :'l', :'theirs'), 'PT404', NULL, 'a list of another workspace is none');
SELECT throws_ok(format('SELECT lt_enroll_list(%L, %L)', :'their_list', :'c'), 'PT404', NULL, 'nor is a campaign');
SELECT throws_ok(format('SELECT lt_move_leads(%L, %s => %L, %s => %L)', ids, f, i, t, j), 'PT404', NULL, 'nothing is moved from one to another') FROM
    (SELECT array_agg(lead_id) AS ids FROM leadterra.leads WHERE workspace_id = '0197c043-0000-7000-8000-0000000f0003' AND email IN ('a@example.com', 'b@example.com')) x, (VALUES
    ('from_list_id', :'l', 'to_list_id', :'their_list'), ('from_list_id', :'their_list', 'to_list_id', :'l'),
    ('from_campaign_id', :'c', 'to_list_id', :'their_list'), ('from_list_id', :'their_list', 'to_campaign_id', :'c')) v (f, i, t, j);
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'their_list', lead_id FROM leadterra.leads WHERE workspace_id = '0197c043-0000-7000-8000-0000000f0003' AND email = 'a@example.com';
SELECT is(lt_enroll_list(:'their_list', :'theirs')::text, '(0,0,0,0,0)', 'a lead of another workspace is none, whoever put it on the list');
SELECT is(lt_move_leads(ARRAY(SELECT lead_id FROM leadterra.leads WHERE workspace_id = '0197c043-0000-7000-8000-0000000f0003' AND email = 'a@example.com'), from_list_id => :'their_list', to_campaign_id => :'theirs'), 0, 'and is not moved');

SELECT * FROM finish();
ROLLBACK;
