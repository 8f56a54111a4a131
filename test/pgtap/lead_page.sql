-- lead_page: leads by what is asked for, in pages that read little.
BEGIN;
SELECT plan(61);
SET leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0061';

SELECT lt_create_campaign('c', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign \gset
SELECT lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other \gset
SELECT lt_create_list('l') AS list \gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', lpad(i::text, 2, '0')))) FROM generate_series(1, 25) i));
SELECT lt_add_leads('[{"email": "l05@example.com"}, {"email": "m_1@example.com"}, {"email": "m%1@example.com"}, {"email": "möller@bücher.example"}, {"first_name": "No address"}]', list_id => :'list');
SELECT lt_bulk_upsert(:'other', '[{"email": "l05@example.com"}, {"email": "m_1@example.com"}]');
SELECT lt_remove_leads(:'campaign', '{l01@example.com, l02@example.com}');
UPDATE leadterra.enrollments SET status = 'replied' WHERE campaign_id = :'campaign' AND lead_id IN (SELECT lead_id FROM lt_leads WHERE email IN ('l03@example.com', 'l05@example.com'));

-- Whom a call finds, by their addresses.
CREATE FUNCTION pg_temp.found(arguments text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    answer text;
BEGIN
    EXECUTE format('SELECT coalesce(string_agg(coalesce(split_part(l.email, ''@'', 1), ''-''), '' '' ORDER BY l.email), ''nobody'') FROM lt_find_leads(%s) f LEFT JOIN lt_leads l USING (lead_id)', arguments) INTO answer;
    RETURN answer;
END;
$$;
CREATE FUNCTION pg_temp.count_found(arguments text) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    answer integer;
BEGIN
    EXECUTE format('SELECT count(lead_id) FROM lt_find_leads(%s) f', arguments) INTO answer;
    RETURN answer;
END;
$$;
SELECT is(pg_temp.count_found(arguments), expected, coalesce(nullif(arguments, ''), 'all of the workspace')) FROM (VALUES
    ('', 29), (format('%L', :'campaign'), 23), (format('%L, status => ''active''', :'campaign'), 21), (format('list_id => %L', :'list'), 5), ('search => ''''', 29), ('search => ''''', 29)) v (arguments, expected);
SELECT is(pg_temp.found(format(arguments, :'campaign', :'list', :'other')), expected, arguments) FROM (VALUES
    ('%1$L, status => ''removed''', 'l01 l02'), ('%1$L, status => ''replied''', 'l03 l05'), ('%1$L, status => ''bounced''', 'nobody'), ('%1$L, status => ''unsubscribed''', 'nobody'),
    ('%1$L, %2$L', 'l05'), ('%3$L, %2$L', 'l05 m_1'), ('%1$L, %2$L, ''active''', 'nobody'), ('%1$L, %2$L, ''replied''', 'l05'),
    ('list_id => %2$L', 'l05 m%1 m_1 möller -'), ('list_id => %2$L, search => ''m''', 'm%1 m_1 möller'),
    ('search => ''M''', 'm%1 m_1 möller'), ('search => ''m_''', 'm_1'), ('search => ''m%%''', 'm%1'), ('search => ''möller@xn--''', 'möller'), ('search => ''L05@example.com''', 'l05'), ('search => ''05''', 'nobody'),
    ('search => ''l05@example.comx''', 'nobody'), ('%1$L, search => ''l0''', 'l03 l04 l05 l06 l07 l08 l09'), ('%1$L, search => ''l0'', status => ''removed''', 'l01 l02'),
    ('emails => ''{m_1@example.com, l05@example.com, l05@example.com, x@example.com, NULL}''', 'l05 m_1'), ('emails => ''{}''', 'nobody'), ('emails => ''{L05@example.com}''', 'nobody'),
    ('%1$L, emails => ''{m_1@example.com, l05@example.com}''', 'l05'), ('emails => ''{m_1@example.com, l05@example.com}'', search => ''l''', 'l05'),
    ('lead_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^m'')', 'm%1 m_1 möller'), ('lead_ids => ''{}''', 'nobody'),
    ('lead_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^m'') || NULL || lt_uuidv7(), search => ''m_''', 'm_1'),
    ('lead_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^m''), emails => ''{m_1@example.com, l05@example.com}''', 'm_1'),
    ('%3$L, excluded_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^m'')', 'l05'), ('search => ''m'', excluded_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^m_'')', 'm%1 möller')) v (arguments, expected);
SELECT throws_ok(format('SELECT * FROM lt_find_leads(%s)', arguments), 'PT400', message, message) FROM (VALUES
    (format('%L, status => ''x''', :'campaign'), 'status "x" is not one of an enrollment'), ('status => ''active''', 'a status is one in a campaign'), ('after => ''x''', 'argument "after" is not from such a page'),
    ('max_leads => 0', 'argument "max_leads" must be from 1 to 10000, not 0'), ('lead_ids => array_fill(lt_uuidv7(), ARRAY[10001])', 'argument "lead_ids" must be from 1 to 10000, not 10001'),
    ('excluded_ids => array_fill(lt_uuidv7(), ARRAY[10001])', 'argument "excluded_ids" must be from 1 to 10000, not 10001'), ('emails => array_fill(''x''::text, ARRAY[10001])', 'argument "emails" must be from 1 to 10000, not 10001')) v (arguments, message);
SELECT throws_ok('SELECT * FROM lt_find_leads(lt_uuidv7())', 'PT404', NULL, 'a campaign that there is not');
SELECT throws_ok('SELECT * FROM lt_find_leads(list_id => lt_uuidv7())', 'PT404', NULL, 'a list that there is not');

-- Pages show each once, also where a page looked at many and found few.
SELECT lt_create_list('large') AS large \gset
INSERT INTO leadterra.leads (workspace_id, lead_id, email) SELECT lt_current_workspace(), lt_uuidv7(), format('p%s@example.com', lpad(i::text, 4, '0')) FROM generate_series(1, 3500) i;
INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id) SELECT lt_current_workspace(), :'large', lead_id FROM lt_leads WHERE email ~ '^p';
SELECT lt_bulk_upsert(:'other', (SELECT jsonb_agg(jsonb_build_object('email', email)) FROM lt_leads WHERE email ~ '^p.*[37]00@'));
CREATE FUNCTION pg_temp.pages(arguments text, size integer, wanted uuid[]) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ids uuid[] := '{}';
    page uuid[];
    last text;
    pages integer := 0;
BEGIN
    LOOP
        EXECUTE format('SELECT array_agg(lead_id ORDER BY n) FILTER (WHERE lead_id IS NOT NULL), (array_agg(next_after ORDER BY n DESC))[1] FROM lt_find_leads(%s, after => %L, max_leads => %s) WITH ORDINALITY f (lead_id, next_after, n)', arguments, last, size) INTO page, last;
        EXIT WHEN last IS NULL;
        pages := pages + 1;
        ids := ids || page;
    END LOOP;
    RETURN CASE WHEN ids = wanted THEN pages::text ELSE format('%s of %s', cardinality(ids), cardinality(wanted)) END;
END;
$$;
SELECT is(pg_temp.pages(format('list_id => %L', :'large'), 1000, ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ '^p' ORDER BY lead_id)), '4', 'of a list');
SELECT is(pg_temp.pages('search => ''P''', 900, ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ '^p' ORDER BY email)), '4', 'of a search');
SELECT is(pg_temp.pages(format('%L, %L', :'other', :'large'), 3, ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ '^p.*[37]00@' ORDER BY lead_id)), '4', 'of few that are on a list');
SELECT is(pg_temp.pages(format('%L, search => ''p''', :'other'), 3, ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ '^p.*[37]00@' ORDER BY email)), '4', 'of few that a search finds');
SELECT is(pg_temp.pages(format('%L, excluded_ids => ARRAY(SELECT lead_id FROM lt_leads WHERE email ~ ''^p.*300@'')', :'other'), 2, ARRAY(SELECT lead_id FROM lt_enrollments WHERE campaign_id = :'other' AND email !~ '^p.*300@' ORDER BY lead_id)), '3', 'without some');
SELECT is((SELECT count(*) FROM lt_find_leads(search => 'p0', after => 'p0998@example.com')), 1::bigint, 'the address where a page ended need not be there any more');
SELECT lt_delete_lead((SELECT lead_id FROM lt_leads WHERE email = 'p0998@example.com'));
SELECT is((SELECT count(*) FROM lt_find_leads(search => 'p0', after => 'p0998@example.com')), 1::bigint, 'for the next to begin behind it');

-- One lead by its id.
SELECT lead_id AS lead FROM lt_leads WHERE email IS NULL \gset
SELECT lt_change_lead(:'lead', '{"company": "C", "plan": "gold", "firstName": null}');
SELECT is((SELECT (first_name, company, custom)::text FROM lt_leads WHERE lead_id = :'lead'), '(,C,"{""plan"": ""gold""}")', 'a lead without an address is changed');
SELECT xmin AS version FROM leadterra.leads WHERE lead_id = :'lead' \gset
SELECT lt_change_lead(:'lead', '{"company": "C", "plan": "gold"}');
SELECT is((SELECT xmin FROM leadterra.leads WHERE lead_id = :'lead'), :'version'::xid, 'a patch of what it has writes nothing');
SELECT lt_change_lead(:'lead', '{"plan": null}');
SELECT is((SELECT (company, custom)::text FROM lt_leads WHERE lead_id = :'lead'), '(C,{})', 'null removes a field');
SELECT is((SELECT count(*) FROM lt_leads WHERE company = 'C'), 1::bigint, 'and no other lead is');
SELECT throws_ok(format('SELECT lt_change_lead(%s)', arguments), code, NULL, name) FROM (VALUES
    (format('%L, ''{"email": "x@example.com"}''', :'lead'), 'PT422', 'an address cannot be changed'), (format('%L, ''[]''', :'lead'), 'PT422', 'a patch is an object'),
    ('lt_uuidv7(), ''{}''', 'PT404', 'a lead that there is not'), ('NULL, ''{}''', 'PT400', 'no lead'), (format('%L, NULL', :'lead'), 'PT400', 'no patch')) v (arguments, code, name);

SELECT * FROM finish();
ROLLBACK;
