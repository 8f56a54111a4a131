-- enroll: lt_add_leads, rule by rule.
BEGIN;
SELECT plan(566);

-- What another workspace has.
SELECT lt_create_campaign('elsewhere', '[{"subject": "s", "bodyHtml": "b"}]') AS foreign_campaign, lt_create_list('elsewhere') AS foreign_list, lt_create_blocklist('elsewhere') AS foreign_blocklist \gset

SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b17';
SELECT lt_create_campaign('target', '[{"subject": "s", "bodyHtml": "b"}]') AS campaign, lt_create_campaign('other', '[{"subject": "s", "bodyHtml": "b"}]') AS other_campaign,
    lt_create_list('target') AS list, lt_create_list('other') AS other_list, lt_create_blocklist('named') AS blocklist \gset

-- Every kind of known lead in a product: its state in the target campaign and in
-- the other one, whether it is in the target list and the other one, and how its
-- address is blocked, on the default list, the named one, or both.  "new" is no
-- lead.  The words of a kind are in its address, to be read when a test fails.
CREATE TEMP TABLE people AS
SELECT k.*, b.domain, b.by_default, b.by_name, format('%s@%s', k.name, b.domain) AS address
FROM (
    SELECT concat_ws('.', 'k', c.state, 'o-' || o.state, CASE WHEN l.member THEN 'list' END, CASE WHEN ol.member THEN 'o-list' END) AS name, true AS known,
        c.state AS campaign, o.state AS other_campaign, l.member AS list, ol.member AS other_list
    FROM (VALUES (NULL), ('active'), ('removed'), ('replied')) c (state), (VALUES (NULL), ('active'), ('removed'), ('bounced')) o (state),
        (VALUES (false), (true)) l (member), (VALUES (false), (true)) ol (member)
    UNION ALL SELECT 'new', false, NULL, NULL, false, false
) k, (VALUES ('free.example', false, false), ('address.example', true, false), ('domain.example', true, false), ('deep.wild.example', true, false), ('named.example', false, true), ('deep.named.example', false, true), ('both.example', true, true)) b (domain, by_default, by_name);

CREATE FUNCTION pg_temp.leads(addresses text[]) RETURNS jsonb LANGUAGE sql AS
$$ SELECT jsonb_agg(jsonb_build_object('email', a, 'firstName', 'old', 'lastName', 'kept', 'phone', 'p', 'at', 'old', 'size', 1)) FROM unnest(addresses) a $$;
CREATE FUNCTION pg_temp.set_up(campaign uuid, other_campaign uuid, list uuid, other_list uuid, blocklist uuid) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    base uuid := lt_create_campaign('base');
BEGIN
    -- Whoever is known alone was in a campaign that is gone.
    PERFORM lt_bulk_upsert(base, pg_temp.leads(ARRAY(SELECT address FROM people WHERE known)));
    PERFORM lt_delete_campaign(base);
    PERFORM lt_bulk_upsert(set_up.campaign, pg_temp.leads(ARRAY(SELECT address FROM people p WHERE p.campaign IS NOT NULL)));
    PERFORM lt_bulk_upsert(set_up.other_campaign, pg_temp.leads(ARRAY(SELECT address FROM people p WHERE p.other_campaign IS NOT NULL)));
    PERFORM lt_start_campaign(set_up.campaign);
    PERFORM lt_remove_leads(set_up.campaign, ARRAY(SELECT address FROM people p WHERE p.campaign = 'removed')),
        lt_remove_leads(set_up.other_campaign, ARRAY(SELECT address FROM people p WHERE p.other_campaign = 'removed'));
    UPDATE leadterra.enrollments e SET status = p.campaign FROM people p JOIN lt_leads l ON l.email = p.address
    WHERE e.campaign_id = set_up.campaign AND e.lead_id = l.lead_id AND p.campaign = 'replied';
    UPDATE leadterra.enrollments e SET status = p.other_campaign FROM people p JOIN lt_leads l ON l.email = p.address
    WHERE e.campaign_id = set_up.other_campaign AND e.lead_id = l.lead_id AND p.other_campaign = 'bounced';
    INSERT INTO leadterra.list_members (workspace_id, list_id, lead_id)
    SELECT lt_current_workspace(), set_up.list, l.lead_id FROM people p JOIN lt_leads l ON l.email = p.address WHERE p.list
    UNION ALL SELECT lt_current_workspace(), set_up.other_list, l.lead_id FROM people p JOIN lt_leads l ON l.email = p.address WHERE p.other_list;
    PERFORM lt_suppress(ARRAY(SELECT address FROM people p WHERE p.domain = 'address.example') || '{domain.example, *.wild.example, both.example}'::text[]);
    PERFORM lt_block('{named.example, *.named.example, both.example}', set_up.blocklist);
END;
$$;
SELECT pg_temp.set_up(:'campaign', :'other_campaign', :'list', :'other_list', :'blocklist');

-- The entries, in an order that has nothing of theirs: each person, some of them
-- twice or three times by letter case and spaces, and those without an address.
-- Fields are given, null or omitted by turns.
CREATE TEMP TABLE entries AS
SELECT (row_number() OVER (ORDER BY md5(concat_ws(' ', e.given, e.turn))) - 1)::integer AS index, e.*
FROM (
    SELECT to_jsonb(p.address) AS given, p.address, true AS valid, false AS named, 0 AS turn FROM people p
    UNION ALL SELECT to_jsonb(upper(p.address)), p.address, true, false, 1 FROM people p WHERE p.name IN ('new', 'k', 'k.active', 'k.removed', 'k.o-active', 'k.list', 'k.o-list')
    UNION ALL SELECT to_jsonb(format(E' \t%s\n', initcap(p.address))), p.address, true, false, 2 FROM people p WHERE p.name IN ('new', 'k', 'k.active.o-active.list.o-list', 'k.removed.o-removed')
    UNION ALL SELECT to_jsonb(g), NULL, false, named, 3 + named::integer FROM unnest('{nobody,@,a@b,two words@free.example,a@b@free.example}'::text[]) g, (VALUES (false), (true)) n (named)
    UNION ALL SELECT g, NULL, NULL, named, 5 + named::integer + 2 * n FROM unnest('{"\"\"","\" \\t\"","null",NULL}'::jsonb[]) g, (VALUES (false), (true)) v (named), generate_series(0, 1) n
) e;
-- Names are what makes an entry without an address a person; they are in either field.
CREATE FUNCTION pg_temp.first_name(e entries) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN e.address IS NULL THEN CASE WHEN e.named AND e.index % 2 = 0 THEN 'n' || e.index WHEN NOT e.named AND e.index % 2 = 1 THEN ' ' END WHEN e.index % 2 = 1 THEN 'n' || e.index END $$;
CREATE FUNCTION pg_temp.last_name(e entries) RETURNS text LANGUAGE sql AS
$$ SELECT CASE WHEN e.address IS NULL AND e.named AND e.index % 2 = 1 THEN 'n' || e.index END $$;
CREATE FUNCTION pg_temp.payload() RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT jsonb_agg(
        CASE WHEN e.given IS NULL THEN '{}' ELSE jsonb_build_object('email', e.given) END
        || CASE WHEN pg_temp.first_name(e) IS NULL THEN '{}' ELSE jsonb_build_object('first_name', pg_temp.first_name(e)) END
        || CASE WHEN pg_temp.last_name(e) IS NULL THEN '{}' ELSE jsonb_build_object('last_name', pg_temp.last_name(e)) END
        || CASE e.index % 3 WHEN 0 THEN '{"phone": null}' WHEN 1 THEN '{"phone": "q"}' ELSE '{}' END::jsonb
        || jsonb_build_object('custom_variables', jsonb_build_object('at', e.index)) ORDER BY e.index)
    FROM entries e
$$;
SELECT cmp_ok(count(*), '>', 500::bigint, 'there are entries of all kinds') FROM entries;

-- What becomes of each: of all that applies, what stands first.
CREATE FUNCTION pg_temp.expected(is_list boolean, is_named boolean, in_workspace boolean, in_campaign boolean, in_list boolean)
RETURNS TABLE (index integer, address text, outcome text) LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT e.index, e.address, (
        SELECT o.outcome
        FROM (VALUES
            (7, 'leads_uploaded', true),
            (6, 'skipped_count', CASE WHEN in_workspace THEN p.known
                ELSE in_campaign AND (p.campaign <> 'removed' OR p.other_campaign <> 'removed') OR in_list AND (p.list OR p.other_list) END),
            (5, 'duplicated_leads', CASE WHEN is_list THEN p.list ELSE p.campaign <> 'removed' END),
            (4, 'in_blocklist', CASE WHEN is_named THEN p.by_name ELSE p.by_default END),
            (3, 'duplicate_email_count', EXISTS (SELECT FROM entries before WHERE before.address = e.address AND before.index < e.index)),
            (2, 'invalid_email_count', CASE WHEN is_list THEN NOT e.valid ELSE e.valid IS NOT TRUE END),
            (1, 'incomplete_count', is_list AND e.valid IS NULL AND NOT e.named)
        ) o (place, outcome, applies)
        WHERE o.applies ORDER BY o.place LIMIT 1)
    FROM entries e LEFT JOIN people p ON p.address = e.address
$$;

-- What a workspace holds: records, memberships and messages.
CREATE FUNCTION pg_temp.records() RETURNS TABLE (id uuid, address text, place tid, record jsonb) LANGUAGE sql SET search_path = public, pg_temp AS
$$ SELECT l.lead_id, l.email, l.ctid, to_jsonb(l) FROM leadterra.leads l WHERE l.workspace_id = lt_current_workspace() $$;
CREATE FUNCTION pg_temp.memberships() RETURNS TABLE (target uuid, lead uuid, state text) LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT e.campaign_id, e.lead_id, e.status FROM leadterra.enrollments e WHERE e.workspace_id = lt_current_workspace()
    UNION ALL SELECT m.list_id, m.lead_id, 'member' FROM leadterra.list_members m WHERE m.workspace_id = lt_current_workspace()
$$;
CREATE FUNCTION pg_temp.messages() RETURNS TABLE (campaign uuid, lead uuid, state text) LANGUAGE sql SET search_path = public, pg_temp AS
$$ SELECT m.campaign_id, m.lead_id, m.state FROM lt_messages m $$;
-- The rows in which two queries differ, null where there are none.
CREATE FUNCTION pg_temp.differ(is_query text, should_query text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    difference text;
BEGIN
    EXECUTE format('SELECT string_agg(d, E''\n'') FROM (
        SELECT ''is '' || i::text FROM ((%1$s) EXCEPT ALL (%2$s)) i UNION ALL SELECT ''should be '' || s::text FROM ((%2$s) EXCEPT ALL (%1$s)) s LIMIT 10) r (d)', is_query, should_query)
    INTO difference;
    RETURN difference;
END;
$$;

-- Makes a call, compares what it did with what it should do, and takes it back.
CREATE FUNCTION pg_temp.try(campaign uuid, list uuid, blocklist uuid, in_workspace boolean, in_campaign boolean, in_list boolean)
RETURNS TABLE (aspect text, difference text) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    target uuid := coalesce(campaign, list);
    answer jsonb;
    differences jsonb := '{}';
BEGIN
    CREATE TEMP TABLE outcome AS SELECT * FROM pg_temp.expected(campaign IS NULL, blocklist IS NOT NULL, in_workspace, in_campaign, in_list);
    CREATE TEMP TABLE record_before AS SELECT * FROM pg_temp.records();
    CREATE TEMP TABLE membership_before AS SELECT * FROM pg_temp.memberships();
    CREATE TEMP TABLE message_before AS SELECT * FROM pg_temp.messages();
    BEGIN
        answer := lt_add_leads(pg_temp.payload(), campaign, list, blocklist, skip_if_in_workspace => in_workspace, skip_if_in_campaign => in_campaign, skip_if_in_list => in_list);
        CREATE TEMP TABLE created AS
        SELECT (c ->> 'index')::integer AS index, (c ->> 'id')::uuid AS id, c ->> 'email' AS email, c ->> 'first_name' AS first_name, c ->> 'last_name' AS last_name, c ->> 'phone' AS phone, n
        FROM jsonb_array_elements(answer -> 'created_leads') WITH ORDINALITY a (c, n);
        CREATE TEMP TABLE record_after AS SELECT * FROM pg_temp.records();

        differences := jsonb_build_object(
            'counters', pg_temp.differ(
                format('SELECT key, value::integer FROM jsonb_each_text(%L) WHERE key <> ALL (''{status,total_sent,blocklist_used,remaining_in_plan,created_leads}'')', answer),
                'SELECT name, (SELECT count(*)::integer FROM outcome WHERE outcome = name) FROM unnest(''{leads_uploaded,in_blocklist,duplicated_leads,skipped_count,invalid_email_count,incomplete_count,duplicate_email_count}''::text[]) name'),
            'sum', pg_temp.differ(
                format('SELECT sum(value::integer)::integer, (SELECT count(*)::integer FROM entries) FROM jsonb_each_text(%L) WHERE key LIKE ''%%\_count'' OR key IN (''leads_uploaded'', ''in_blocklist'', ''duplicated_leads'')', answer),
                format('SELECT %s, %1$s', answer ->> 'total_sent')),
            'rest', pg_temp.differ(
                format('SELECT %L::jsonb', answer - '{total_sent,leads_uploaded,in_blocklist,duplicated_leads,skipped_count,invalid_email_count,incomplete_count,duplicate_email_count,created_leads}'::text[]),
                format('SELECT %L::jsonb', jsonb_build_object('status', 'success', 'blocklist_used', coalesce(blocklist, lt_current_workspace()), 'remaining_in_plan', NULL))),
            'created leads', pg_temp.differ(
                'SELECT n, index, email, first_name, last_name, phone FROM created',
                'SELECT row_number() OVER (ORDER BY o.index), o.index, o.address, coalesce(pg_temp.first_name(e), b.record ->> ''first_name''), coalesce(pg_temp.last_name(e), b.record ->> ''last_name''),
                    CASE e.index % 3 WHEN 1 THEN ''q'' WHEN 2 THEN b.record ->> ''phone'' END
                 FROM outcome o JOIN entries e USING (index) LEFT JOIN record_before b ON b.address = o.address WHERE o.outcome = ''leads_uploaded'''),
            'ids', pg_temp.differ(
                'SELECT index, id FROM created',
                'SELECT o.index, a.id FROM outcome o LEFT JOIN record_before b ON b.address = o.address JOIN record_after a
                 ON a.id = b.id OR b.id IS NULL AND (a.address = o.address OR a.address IS NULL AND o.address IS NULL AND a.record -> ''custom'' = jsonb_build_object(''at'', o.index))
                 WHERE o.outcome = ''leads_uploaded'''),
            'members', pg_temp.differ(
                'SELECT * FROM pg_temp.memberships()',
                format('SELECT * FROM membership_before WHERE target <> %1$L OR lead NOT IN (SELECT id FROM created) UNION ALL SELECT %1$L::uuid, id, %2$L FROM created', target, CASE WHEN list IS NULL THEN 'active' ELSE 'member' END)),
            'messages', pg_temp.differ(
                'SELECT * FROM pg_temp.messages()',
                format('SELECT * FROM message_before WHERE campaign <> %1$L OR lead NOT IN (SELECT id FROM created WHERE %2$L) UNION ALL SELECT %1$L::uuid, id, ''queued'' FROM created WHERE %2$L', target, list IS NULL)),
            'others kept', pg_temp.differ(
                'SELECT id, place, record FROM record_after WHERE id NOT IN (SELECT id FROM created)',
                'SELECT id, place, record FROM record_before WHERE id NOT IN (SELECT id FROM created)'),
            'merged', pg_temp.differ(
                'SELECT a.address, jsonb_strip_nulls(a.record - ''{workspace_id,lead_id,created_at,updated_at}''::text[]) FROM record_after a JOIN created USING (id)',
                'SELECT c.email, jsonb_strip_nulls(jsonb_build_object(''email'', c.email, ''first_name'', c.first_name, ''last_name'', c.last_name, ''phone'', c.phone,
                    ''custom'', jsonb_build_object(''at'', c.index) || CASE WHEN b.id IS NULL THEN ''{}'' ELSE ''{"size": 1}''::jsonb END))
                 FROM created c LEFT JOIN record_before b USING (id)'));
        RAISE EXCEPTION 'taken back';
    EXCEPTION WHEN raise_exception THEN
        NULL;
    END;
    DROP TABLE outcome, record_before, membership_before, message_before;
    RETURN QUERY SELECT d.key, d.value FROM jsonb_each_text(differences) d;
END;
$$;

SELECT is(t.difference, NULL, concat_ws(', ', c.kind, b.kind || ' block list', 'skip if in ' || nullif(concat_ws('/', CASE WHEN w THEN 'workspace' END, CASE WHEN ic THEN 'campaign' END, CASE WHEN il THEN 'list' END), ''), t.aspect))
FROM (VALUES ('campaign', :'campaign'::uuid, NULL::uuid), ('list', NULL, :'list')) c (kind, campaign, list), (VALUES ('default', NULL::uuid), ('named', :'blocklist')) b (kind, blocklist),
    (VALUES (false), (true)) a1 (w), (VALUES (false), (true)) a2 (ic), (VALUES (false), (true)) a3 (il),
    LATERAL pg_temp.try(c.campaign, c.list, b.blocklist, w, ic, il) t
ORDER BY c.kind, b.kind, w, ic, il, t.aspect;


-- A call with options by name, and how one fails: SQLSTATE, code and message,
-- then index, field and code of each failure.
CREATE FUNCTION pg_temp.add(leads jsonb, options jsonb) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT lt_add_leads(leads, (options ->> 'campaign_id')::uuid, (options ->> 'list_id')::uuid, (options ->> 'blocklist_id')::uuid, (options ->> 'assigned_to')::uuid,
        coalesce((options ->> 'verify_leads_on_import')::boolean, false), coalesce((options ->> 'skip_if_in_workspace')::boolean, false),
        coalesce((options ->> 'skip_if_in_campaign')::boolean, false), coalesce((options ->> 'skip_if_in_list')::boolean, false))
$$;
CREATE FUNCTION pg_temp.failure(call text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    detail text;
    code text;
    message text;
BEGIN
    EXECUTE format('SELECT %s', call);
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
    IF code NOT LIKE 'PT%' THEN
        RETURN concat_ws(' ', code, message, detail);
    END IF;
    RETURN concat_ws(' ', code, detail::jsonb ->> 'code', detail::jsonb ->> 'remaining', message)
        || (SELECT coalesce(string_agg(format(E'\n%s %s %s', e ->> 'index', e ->> 'field', e ->> 'code'), '' ORDER BY n), '') FROM jsonb_array_elements(detail::jsonb -> 'errors') WITH ORDINALITY a (e, n));
END;
$$;
\ir ../rows.sql
CREATE FUNCTION pg_temp.lead(address text) RETURNS jsonb LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT jsonb_object_agg(f.key, f.value) FROM lt_leads l, jsonb_each(to_jsonb(l) - '{lead_id,email,created_at,updated_at}'::text[]) f
    WHERE l.email = address AND f.value NOT IN ('null', '{}')
$$;

-- The answer against the page's own schema, without its texts.
CREATE TEMP TABLE page AS SELECT '{
    "type": "object",
    "properties": {
        "status": {"type": "string"},
        "total_sent": {"type": "integer"},
        "leads_uploaded": {"type": "integer"},
        "in_blocklist": {"type": "integer"},
        "blocklist_used": {"type": ["null", "string"]},
        "duplicated_leads": {"type": "integer"},
        "skipped_count": {"type": "integer"},
        "invalid_email_count": {"type": "integer"},
        "incomplete_count": {"type": "integer"},
        "duplicate_email_count": {"type": "integer"},
        "remaining_in_plan": {"type": ["null", "integer"]},
        "created_leads": {"type": "array", "items": {
            "type": "object",
            "properties": {
                "index": {"type": "integer"},
                "id": {"type": "string", "format": "uuid"},
                "email": {"type": ["null", "string"]},
                "first_name": {"type": ["null", "string"]},
                "last_name": {"type": ["null", "string"]},
                "phone": {"type": ["null", "string"]}
            },
            "required": ["id", "index"]
        }}
    },
    "required": ["status", "total_sent", "leads_uploaded", "in_blocklist", "blocklist_used", "duplicated_leads", "skipped_count", "invalid_email_count",
        "incomplete_count", "duplicate_email_count", "remaining_in_plan", "created_leads"]
}'::jsonb AS answer;
-- What a value has that its schema has not, or lacks; keys beside the schema's are refused.
CREATE FUNCTION pg_temp.violations(value jsonb, schema jsonb, path text) RETURNS text[] LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    found text := CASE WHEN jsonb_typeof(value) = 'number' AND value::numeric % 1 = 0 THEN 'integer' ELSE jsonb_typeof(value) END;
    violations text[] := '{}';
    part record;
BEGIN
    IF NOT to_jsonb(found) <@ (schema -> 'type') THEN
        violations := violations || format('%s is %s', path, found);
    END IF;
    IF schema ->> 'format' = 'uuid' AND value #>> '{}' !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN
        violations := violations || format('%s is no UUID', path);
    END IF;
    IF found = 'object' THEN
        violations := violations || ARRAY(SELECT format('%s lacks %s', path, r) FROM jsonb_array_elements_text(schema -> 'required') u (r) WHERE NOT violations.value ? r);
        FOR part IN SELECT * FROM jsonb_each(value) LOOP
            violations := violations || CASE WHEN schema -> 'properties' ? part.key THEN pg_temp.violations(part.value, schema #> ARRAY['properties', part.key], path || '.' || part.key)
                ELSE ARRAY[format('%s has %s', path, part.key)] END;
        END LOOP;
    ELSIF found = 'array' THEN
        FOR part IN SELECT * FROM jsonb_array_elements(value) WITH ORDINALITY a (element, n) LOOP
            violations := violations || pg_temp.violations(part.element, schema -> 'items', format('%s[%s]', path, part.n - 1));
        END LOOP;
    END IF;
    RETURN violations;
END;
$$;
SELECT is(pg_temp.violations('{"status": 1, "total_sent": 1.5, "created_leads": [{"id": "x", "index": 0}, {"email": null, "more": 1}]}', answer #- '{required}', 'answer'),
    ARRAY['answer.status is integer', 'answer.total_sent is number', 'answer.created_leads[0].id is no UUID', 'answer.created_leads[1] lacks id', 'answer.created_leads[1] lacks index', 'answer.created_leads[1] has more'],
    'the validator finds what is wrong') FROM page;
SELECT lt_create_campaign('shown', '[{"subject": "s", "bodyHtml": "b"}]') AS shown, lt_create_list('shown') AS shown_list \gset
SELECT is(pg_temp.violations(a.answer, p.answer, 'answer'), '{}', concat_ws(' ', 'the answer has the page''s form:', a.what))
FROM page p, (VALUES
    ('nothing uploaded', lt_add_leads('[{"email": "no"}]', :'shown')),
    ('a campaign', lt_add_leads('[{"email": "shown@free.example", "first_name": "S", "last_name": "L", "phone": "1"}, {"email": "shown2@free.example"}, {}]', :'shown')),
    ('again', lt_add_leads('[{"email": "shown@free.example"}, {"email": "shown3@free.example", "phone": null}]', :'shown', verify_leads_on_import => true)),
    ('a list', lt_add_leads('[{"first_name": "N"}, {"email": "shown@free.example"}, {}]', list_id => :'shown_list', blocklist_id => :'blocklist'))
) a (what, answer);
SELECT is(lt_add_leads('[{"email": "shown4@free.example"}, {"email": "no"}, {"first_name": "N", "phone": "5"}, {"email": "Shown4@free.example"}, {}]', list_id => :'shown_list') #- '{created_leads,0,id}' #- '{created_leads,1,id}',
    jsonb_build_object('status', 'success', 'total_sent', 5, 'leads_uploaded', 2, 'in_blocklist', 0, 'blocklist_used', lt_current_workspace(), 'duplicated_leads', 0, 'skipped_count', 0,
        'invalid_email_count', 1, 'incomplete_count', 1, 'duplicate_email_count', 1, 'remaining_in_plan', NULL, 'created_leads', '[{"index": 0, "email": "shown4@free.example", "first_name": null, "last_name": null, "phone": null},
        {"index": 2, "email": null, "first_name": "N", "last_name": null, "phone": "5"}]'::jsonb), 'and this is a whole one');

-- Every key of the page, once.
SELECT lt_add_leads('[{"email": "full@free.example", "personalization": "Z", "website": "W", "last_name": "L", "first_name": "F", "company_name": "C", "job_title": "J", "phone": "P", "lt_interest_status": -3,
    "pl_value_lead": "V", "assigned_to": "019CC043-e39c-7d91-a325-6615db0e1b14", "custom_variables": {"text": "t", "number": 1.50, "yes": true, "no": false, "none": null, "": "empty", "{{x}}": "b"}}]', :'shown');
SELECT is(pg_temp.lead('full@free.example'), '{"personalization": "Z", "website": "W", "last_name": "L", "first_name": "F", "company": "C", "job_title": "J", "phone": "P", "interest_status": -3, "lead_value": "V",
    "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "custom": {"text": "t", "number": 1.50, "yes": true, "no": false, "": "empty", "{{x}}": "b"}}', 'every field of the page has its column');
SELECT is(pg_temp.lead('full@free.example') -> 'custom' ->> 'number', '1.50', 'a number is kept as written');
SELECT lt_add_leads(format('[{"email": "status%s@free.example", "lt_interest_status": %s}]', n, s)::jsonb, :'shown') FROM unnest('{1,2,3,4,0,-1,-2,-3,-4,77,5.0}'::numeric[]) WITH ORDINALITY u (s, n);
SELECT is((SELECT array_agg(interest_status ORDER BY substring(email FROM '\d+')::integer) FROM lt_leads WHERE email LIKE 'status%'), '{1,2,3,4,0,-1,-2,-3,-4,77,5}', 'a status is one of the page''s, or a custom one');
SELECT lt_add_leads('[{"email": "full@free.example", "personalization": null, "website": null, "last_name": null, "company_name": null, "pl_value_lead": null, "custom_variables": {"text": null, "number": 2, "none": null}}]', list_id => :'shown_list');
SELECT is(pg_temp.lead('full@free.example'), '{"first_name": "F", "job_title": "J", "phone": "P", "interest_status": -3, "assigned_to": "019cc043-e39c-7d91-a325-6615db0e1b14", "custom": {"number": 2, "yes": true, "no": false, "": "empty", "{{x}}": "b"}}',
    'null clears, and what is omitted keeps its value');
SELECT is(lt_add_leads('{"leads": [{"email": "inobject@free.example"}]}', :'shown') -> 'leads_uploaded', '1', 'leads may be the member of an object, as the HTTP call sends them');

-- What fails a call.
CREATE TEMP TABLE versions_before AS SELECT pg_temp.rows(version => 'xmin') AS versions;
SELECT is(pg_temp.failure(format('lt_add_leads(%L, %L)', format('[{"email": "new@free.example"}, {"email": "new2@free.example", %s}]', member), :'campaign')),
    format(E'PT400 invalid_request lead 1, field "%1$s": %2$s\n1 %1$s %3$s', field, message, code), member || ' fails the call')
FROM (
    SELECT format('"%s": %s', field, value), field, field || ' must be a string or null', 'wrong_type'
    FROM unnest('{first_name,last_name,company_name,job_title,phone,website,personalization,pl_value_lead}'::text[]) field, unnest('{1,true,[],"{\"a\": 1}"}'::text[]) value
    UNION ALL SELECT format('"email": %s', value), 'email', 'email must be a string', 'wrong_type' FROM unnest('{1,false,[],"{}"}'::text[]) value
    UNION ALL SELECT format('"lt_interest_status": %s', value), 'lt_interest_status', 'lt_interest_status must be an integer of 32 bits', code
    FROM (VALUES ('null', 'wrong_type'), ('"1"', 'wrong_type'), ('1.5', 'wrong_type'), ('true', 'wrong_type'), ('[1]', 'wrong_type'), ('2147483648', 'invalid_value'), ('-1e300', 'invalid_value')) v (value, code)
    UNION ALL SELECT format('"assigned_to": %s', value), 'assigned_to', 'assigned_to must be a UUID or null', code
    FROM (VALUES ('1', 'wrong_type'), ('{}', 'wrong_type'), ('""', 'invalid_value'), ('"me"', 'invalid_value'), ('"{019cc043-e39c-7d91-a325-6615db0e1b14}"', 'invalid_value')) v (value, code)
    UNION ALL SELECT format('"custom_variables": %s', value), 'custom_variables', 'custom_variables must be an object', 'wrong_type' FROM unnest('{"null",1,[],"\"x\""}'::text[]) value
    UNION ALL SELECT format('"custom_variables": {"fine": 1, "deep": %s}', value), 'custom_variables.deep', 'custom_variables must hold strings, numbers, booleans or nulls', 'wrong_type' FROM unnest('{[],"{}",[1],"{\"a\": 1}"}'::text[]) value
    UNION ALL SELECT format('"custom_variables": {"%s": 1}', name), 'custom_variables.' || name, 'custom_variables must not have the name of a standard field', 'reserved_field'
    FROM unnest('{email,first_name,firstName,last_name,company,company_name,job_title,phone,website,personalization,pl_value_lead,leadValue,lt_interest_status,assigned_to,assignedTo,verification_status,custom_variables}'::text[]) name
    UNION ALL SELECT format('"%s": %s', name, value), name, 'a lead has no such field', 'unknown_field'
    FROM unnest('{firstName,lastName,company,jobTitle,leadValue,interestStatus,assignedTo,verification_status,verificationStatus,customFields,id,campaign,Email,EMAIL,"email ",size,""}'::text[]) name, unnest('{"null","\"x\""}'::text[]) value
) bad (member, field, message, code);
SELECT is(pg_temp.failure(format('lt_add_leads(%L, %L)', format('[{"email": "new@free.example"}, %s]', entry), :'campaign')), E'PT400 invalid_request lead 1: a lead must be an object\n1  not_an_object', entry || ' is no lead')
FROM unnest('{"null",1,"\"new2@free.example\"",[],true}'::text[]) entry;
SELECT is(pg_temp.failure(format('lt_add_leads(%L, list_id => %L)', '[{"x": 1, "phone": 5}, {"first_name": "N"}, 7, {"email": "no", "custom_variables": {"a": [], "email": 1}}]', :'list')),
    E'PT400 invalid_request lead 0, field "x": a lead has no such field\n0 x unknown_field\n0 phone wrong_type\n2  not_an_object\n3 custom_variables.a wrong_type\n3 custom_variables.email reserved_field', 'all that is wrong is listed, also of entries that are left out');

-- Keys as nobody would have them.
CREATE FUNCTION pg_temp.refused(key text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    message text;
    detail text;
BEGIN
    PERFORM lt_add_leads(jsonb_build_array(jsonb_build_object('email', 'new@free.example', key, 1)), campaign_id) FROM lt_campaigns WHERE name = 'target';
    RETURN 'no error';
EXCEPTION WHEN SQLSTATE 'PT400' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT;
    RETURN concat_ws(' ', CASE WHEN message ~ '[\x01-\x1f\x7f\u0080-\u009f]' THEN 'message of several lines' END, CASE WHEN octet_length(message) > 310 THEN 'long message' END, detail::jsonb -> 'errors' -> 0 ->> 'code', message);
END;
$$;
SELECT is(pg_temp.refused(key), format('unknown_field lead 0, field "%s": a lead has no such field', shown), format('a key with %s is refused and shown', what)) FROM (VALUES
    ('control characters', E'a\nb\r\t\x01\x7f', 'a\nb\r\t\x01\x7f'), ('C1 controls', U&'a\0085b', 'a\x85b'), ('braces', '{"x": [1]}', '{"x": [1]}'), ('formats', '%s%n%1$s', '%s%n%1$s'),
    ('a quote', '"', '"'), ('100,000 characters', repeat('k', 100000), repeat('k', 64) || '...'), ('characters of several bytes at the limit', repeat('k', 63) || repeat('ü', 9), repeat('k', 63) || '...'),
    ('an apostrophe', $$'; --$$, $$'; --$$)) hostile (what, key, shown);
SELECT results_eq('SELECT unnest(pg_temp.rows(version => ''xmin''))', 'SELECT unnest(versions) FROM versions_before', 'a call that fails writes nothing');

-- Targets, block lists, flags and numbers.
SELECT '[{"email": "new@free.example"}]' AS one, '0197c043-e39c-7d91-a325-6615db0e1b99' AS nobody \gset
SELECT is(pg_temp.failure(format('lt_add_leads(%s)', arguments)), failure, arguments || ' fails') FROM (VALUES
    (format('%L', :'one'), 'PT400 invalid_request either campaign_id or list_id must be given, and not both'),
    (format('%L, %L, %L', :'one', :'campaign', :'list'), 'PT400 invalid_request either campaign_id or list_id must be given, and not both'),
    (format('%L, %L', :'one', :'nobody'), format('PT404 campaign_not_found campaign "%s" does not exist', :'nobody')),
    (format('%L, %L', :'one', :'list'), format('PT404 campaign_not_found campaign "%s" does not exist', :'list')),
    (format('%L, %L', :'one', :'foreign_campaign'), format('PT404 campaign_not_found campaign "%s" does not exist', :'foreign_campaign')),
    (format('%L, NULL, %L', :'one', :'nobody'), format('PT404 list_not_found list "%s" does not exist', :'nobody')),
    (format('%L, NULL, %L', :'one', :'campaign'), format('PT404 list_not_found list "%s" does not exist', :'campaign')),
    (format('%L, NULL, %L', :'one', :'foreign_list'), format('PT404 list_not_found list "%s" does not exist', :'foreign_list')),
    (format('%L, %L, blocklist_id => %L', :'one', :'campaign', :'nobody'), format('PT404 blocklist_not_found block list "%s" does not exist', :'nobody')),
    (format('%L, %L, blocklist_id => %L', :'one', :'campaign', :'foreign_blocklist'), format('PT404 blocklist_not_found block list "%s" does not exist', :'foreign_blocklist')),
    (format('%L, %L, blocklist_id => %L', :'one', :'campaign', '00000000-0000-7000-8000-000000000000'), 'PT404 blocklist_not_found block list "00000000-0000-7000-8000-000000000000" does not exist'),
    (format('NULL, %L', :'campaign'), 'PT400 invalid_request argument "leads" must not be null'),
    (format('%L, %L', '[]', :'campaign'), 'PT400 invalid_request leads must not be empty'),
    (format('%L, %L', '{"leads": []}', :'campaign'), 'PT400 invalid_request leads must not be empty'),
    (format('jsonb_build_array(%L::jsonb -> 0) || (SELECT jsonb_agg(1) FROM generate_series(1, 1000)), %L', :'one', :'campaign'), 'PT400 too_many_leads 1001 leads are more than 1000'),
    (format('(SELECT jsonb_agg(1) FROM generate_series(1, 1000001)), %L', :'campaign'), 'PT400 too_many_leads 1000001 leads are more than 1000'),
    (format('%L, %L, verify_leads_on_import => NULL', :'one', :'campaign'), 'PT400 invalid_request argument "verify_leads_on_import" must not be null'),
    (format('%L, %L, skip_if_in_workspace => NULL', :'one', :'campaign'), 'PT400 invalid_request argument "skip_if_in_workspace" must not be null'),
    (format('%L, %L, skip_if_in_campaign => NULL', :'one', :'campaign'), 'PT400 invalid_request argument "skip_if_in_campaign" must not be null'),
    (format('%L, %L, skip_if_in_list => NULL', :'one', :'campaign'), 'PT400 invalid_request argument "skip_if_in_list" must not be null')
) bad (arguments, failure);
SELECT is(pg_temp.failure(format('lt_add_leads(%L, %L)', leads, :'campaign')), 'PT400 invalid_request leads must be an array, or an object with an array "leads"', leads || ' is no array of leads')
FROM unnest('{1,"\"x\"","null",true,"{}","{\"leads\": null}","{\"leads\": {}}","{\"email\": \"new@free.example\"}"}'::text[]) leads;
SELECT results_eq('SELECT unnest(pg_temp.rows(version => ''xmin''))', 'SELECT unnest(versions) FROM versions_before', 'nor do these');
SELECT is(lt_add_leads((SELECT jsonb_agg(jsonb_build_object('email', format('m%s@free.example', i))) FROM generate_series(1, 1000) i), :'shown') -> 'leads_uploaded', '1000', 'a thousand leads are not too many');
SELECT is(lt_add_leads(:'one', :'shown', blocklist_id => lt_current_workspace()) -> 'leads_uploaded', '1', 'the default block list may be named');
SELECT is(pg_temp.add('[{"email": "x@named.example"}]', jsonb_build_object('campaign_id', :'shown', 'blocklist_id', :'blocklist')) - '{created_leads,remaining_in_plan}'::text[] @> format('{"in_blocklist": 1, "leads_uploaded": 0, "blocklist_used": "%s"}', :'blocklist')::jsonb,
    true, 'and another one is the one that was used');

-- Who a lead is assigned to.  a and b: people; the owner is o.
SELECT '00000000-0000-0000-0000-00000000000a' AS a, '00000000-0000-0000-0000-00000000000b' AS b, '00000000-0000-0000-0000-0000000000ff' AS o \gset
SELECT lt_create_campaign('owned') AS owned, lt_create_campaign('of nobody') AS unowned, lt_create_list('owned') AS owned_list, lt_create_campaign('anywhere') AS anywhere \gset
SELECT lt_set_campaign_owner(:'owned', :'o');
-- Adds a lead that is new, or known with or without an assignee; of whom the entry says nothing, null, or b; and says who has it then.
CREATE FUNCTION pg_temp.assigned(known text, given text, options jsonb) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    address text := format('assigned%s@free.example', (SELECT count(*) FROM lt_leads));
    patch jsonb := CASE given WHEN 'nothing' THEN '{}' WHEN 'null' THEN '{"assigned_to": null}' ELSE jsonb_build_object('assigned_to', '00000000-0000-0000-0000-00000000000' || given) END;
BEGIN
    IF known <> 'new' THEN
        PERFORM lt_bulk_upsert(campaign_id, jsonb_build_array(jsonb_build_object('email', address, 'assignedTo', '00000000-0000-0000-0000-00000000000' || nullif(known, 'nobody')))) FROM lt_campaigns WHERE name = 'anywhere';
    END IF;
    IF pg_temp.add(jsonb_build_array(jsonb_build_object('email', address) || patch), options) -> 'leads_uploaded' <> '1' THEN
        RETURN 'not uploaded';
    END IF;
    RETURN (SELECT CASE assigned_to WHEN '00000000-0000-0000-0000-0000000000ff' THEN 'o' ELSE coalesce(right(assigned_to::text, 1), 'nobody') END FROM lt_leads WHERE email = address);
END;
$$;
SELECT is(pg_temp.assigned(known, given, options), CASE
        WHEN given = 'b' THEN 'b'
        WHEN options ? 'assigned_to' THEN 'c'
        WHEN given = 'null' THEN CASE WHEN what = 'owned campaign' THEN 'o' ELSE 'nobody' END
        WHEN known = 'a' THEN 'a'
        WHEN what = 'owned campaign' THEN 'o'
        ELSE 'nobody' END,
    format('%s, %s, known as of %s, given %s', what, CASE WHEN options ? 'assigned_to' THEN 'with' ELSE 'without' END || ' an assignee', known, given))
FROM (VALUES ('owned campaign', jsonb_build_object('campaign_id', :'owned')), ('campaign of nobody', jsonb_build_object('campaign_id', :'unowned')), ('list', jsonb_build_object('list_id', :'owned_list'))) t (what, target),
    (VALUES ('{}'::jsonb), ('{"assigned_to": "00000000-0000-0000-0000-00000000000c"}')) s (set), LATERAL (SELECT target || set) o (options),
    unnest('{new,nobody,a}'::text[]) known, unnest('{nothing,"null",b}'::text[]) given;
SELECT lt_add_leads('[{"email": "assigned@free.example", "assigned_to": "00000000-0000-0000-0000-00000000000a"}]', :'owned');
SELECT lt_add_leads('[{"email": "assigned@free.example"}]', :'owned', assigned_to => :'b');
SELECT is(pg_temp.lead('assigned@free.example') ->> 'assigned_to', :'a', 'who was in it already is left to whom it was assigned');

-- Variables.
CREATE FUNCTION pg_temp.variables(campaign uuid) RETURNS text LANGUAGE sql SET search_path = public AS $$ SELECT variables::text FROM lt_campaigns c WHERE c.campaign_id = campaign $$;
SELECT is(pg_temp.variables(:'owned'), '{}', 'a campaign knows no variable');
SELECT lt_add_leads('[{"email": "v1@free.example", "custom_variables": {"size": 1, "city": null}}, {"email": "v2@free.example", "custom_variables": {"city": "Ulm", "a": true}}, {"email": "v3@free.example"}]', :'owned');
SELECT is(pg_temp.variables(:'owned'), '{a,city,size}', 'it then knows those of its leads, once, also those that are null');
SELECT ctid AS place FROM leadterra.campaigns WHERE campaign_id = :'owned' \gset
SELECT lt_add_leads('[{"email": "v4@free.example", "custom_variables": {"size": 2, "a": 1}}, {"email": "v5@free.example", "custom_variables": {}}]', :'owned');
SELECT is((SELECT ctid FROM leadterra.campaigns WHERE campaign_id = :'owned'), :'place', 'known ones write nothing');
SELECT lt_add_leads('[{"email": "v1@free.example", "custom_variables": {"in": 1}}, {"email": "x@domain.example", "custom_variables": {"blocked": 1}}, {"email": "no", "custom_variables": {"invalid": 1}},
    {"email": "v6@free.example", "custom_variables": {"first": 1}}, {"email": "V6@free.example", "custom_variables": {"repeated": 1}}, {"email": "v7@free.example", "custom_variables": {"Zoë": 1, "": 2, "a,b": 3, "\"": 4}}]', :'owned');
SELECT is((SELECT variables FROM lt_campaigns WHERE campaign_id = :'owned'), ARRAY(SELECT v FROM unnest('{a,city,size,first,Zoë,"","a,b","\""}'::text[]) v ORDER BY v), 'what was not uploaded adds none; any text is a name');
SELECT is(pg_temp.variables(:'unowned'), '{}', 'no other campaign learns them');
SELECT lt_add_leads('[{"email": "v1@free.example", "custom_variables": {"listed": 1}}]', list_id => :'owned_list');
SELECT is((SELECT count(*) FROM lt_campaigns WHERE variables @> '{listed}'), 0::bigint, 'nor does any from a list');
SELECT lt_bulk_upsert(:'unowned', '[{"email": "v1@free.example", "upserted": 1}]');
SELECT is(pg_temp.variables(:'unowned'), '{}', 'nor from lt_bulk_upsert');

-- Verification.
DELETE FROM leadterra.jobs;
CREATE FUNCTION pg_temp.job() RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    job text;
BEGIN
    SELECT string_agg(format('%s %s %s %s: %s', j.type, j.status, (SELECT name FROM lt_campaigns c WHERE c.campaign_id = j.campaign_id), (SELECT name FROM lt_lists c WHERE c.list_id = j.list_id),
        (SELECT string_agg(coalesce(split_part(l.email, '@', 1), 'nobody'), ' ' ORDER BY n) FROM unnest(j.lead_ids) WITH ORDINALITY u (lead_id, n) LEFT JOIN lt_leads l USING (lead_id))), ', ') INTO job
    FROM leadterra.jobs j WHERE j.workspace_id = lt_current_workspace();
    DELETE FROM leadterra.jobs;
    RETURN job;
END;
$$;
CREATE FUNCTION pg_temp.statuses(names text[]) RETURNS text LANGUAGE sql SET search_path = public AS
$$ SELECT string_agg(coalesce(l.verification_status::text, '-'), ' ' ORDER BY n) FROM unnest(names) WITH ORDINALITY u (name, n) LEFT JOIN lt_leads l ON l.email = name || '@free.example' $$;
SELECT lt_bulk_upsert(:'anywhere', '[{"email": "j1@free.example", "verificationStatus": 1}, {"email": "j2@free.example"}, {"email": "j3@free.example", "verificationStatus": -1}, {"email": "j4@free.example"}]');
SELECT lt_add_leads('[{"email": "j4@free.example"}]', :'owned');
SELECT is(pg_temp.job(), NULL, 'without the flag there is no job');
SELECT is(pg_temp.statuses('{j1,j2,j3,j4}'), '1 - -1 -', 'nor a status');
SELECT lt_add_leads('[{"email": "j5@free.example"}, {"email": "j3@free.example"}, {"email": "no"}, {"email": "j2@free.example"}, {"email": "j4@free.example"}, {"email": "J2@free.example"}, {"email": "x@domain.example"}, {"email": "j1@free.example"}]',
    :'owned', verify_leads_on_import => true);
SELECT is(pg_temp.job(), 'verify_leads pending owned : j5 j3 j2 j1', 'with it, one for what was uploaded, in the order of the call');
SELECT is(pg_temp.statuses('{j1,j2,j3,j4,j5}'), '1 12 -1 - 12', 'which waits for a verdict where there is none');
SELECT lt_add_leads('[{"first_name": "N"}, {"email": "j6@free.example", "first_name": "J"}, {"email": "j1@free.example"}, {"email": " ", "last_name": "M"}]', list_id => :'owned_list', verify_leads_on_import => true);
SELECT is(pg_temp.job(), 'verify_leads pending  owned: j6 j1', 'of a list, for those with an address');
SELECT is(pg_temp.statuses('{j1,j6}'), '1 12', 'who wait for a verdict too');
SELECT is((SELECT count(*) FROM lt_leads WHERE email IS NULL AND verification_status IS NOT NULL), 0::bigint, 'unlike those without one');
SELECT lt_add_leads('[{"first_name": "N"}]', list_id => :'owned_list', verify_leads_on_import => true), lt_add_leads('[{"email": "j6@free.example"}]', list_id => :'owned_list', verify_leads_on_import => true);
SELECT is(pg_temp.job(), NULL, 'no job for nobody');
SELECT lt_add_leads('[{"email": "j7@free.example"}]', :'owned', verify_leads_on_import => true);
SELECT is((SELECT lead_ids FROM lt_claim_job()), ARRAY(SELECT lead_id FROM lt_leads WHERE email = 'j7@free.example'), 'a worker gets the job');

-- The limit of a workspace, one that holds nothing else.
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b18';
SELECT lt_create_campaign('limited') AS limited, lt_create_list('limited') AS limited_list \gset
CREATE FUNCTION pg_temp.some(VARIADIC names text[]) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_agg(jsonb_build_object('email', n || '@free.example')) FROM unnest(names) n $$;
-- What a call answers: uploaded leads and how many more there may be, or how it fails.
CREATE FUNCTION pg_temp.left(leads jsonb, options jsonb) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    answer jsonb;
    detail text;
    message text;
BEGIN
    answer := pg_temp.add(leads, options);
    RETURN format('%s, %s left', answer -> 'leads_uploaded', answer -> 'remaining_in_plan')
        || coalesce((SELECT format(' of %s, and the counter says %s', l.leads, m.lead_count) FROM leadterra.lead_limits m, (SELECT count(*) AS leads FROM lt_leads) l
            WHERE m.workspace_id = lt_current_workspace() AND m.lead_count IS NOT NULL AND m.lead_count <> l.leads), '');
EXCEPTION WHEN SQLSTATE 'PT402' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, message = MESSAGE_TEXT;
    RETURN concat_ws(' ', detail, message);
END;
$$;
-- In the transaction that sets a limit each call counts; a counter, which later
-- ones rely on, is here made by hand.
CREATE FUNCTION pg_temp.limit_to(leads bigint, counted boolean DEFAULT true) RETURNS void LANGUAGE plpgsql SET search_path = public AS $$
BEGIN
    PERFORM lt_set_lead_limit(leads);
    UPDATE leadterra.lead_limits SET lead_count = (SELECT count(*) FROM lt_leads) WHERE workspace_id = lt_current_workspace() AND counted;
END;
$$;
SELECT jsonb_build_object('campaign_id', :'limited') AS c, jsonb_build_object('list_id', :'limited_list') AS l \gset
SELECT is(pg_temp.left(pg_temp.some('a', 'b'), :'c'), '2, null left', 'without a limit nobody is told what is left');
SELECT pg_temp.limit_to(5, false);
SELECT is(pg_temp.left(pg_temp.some('a'), :'c'), '0, 3 left', 'what was there before the limit counts');
SELECT is(pg_temp.left(pg_temp.some('c'), :'c'), '1, 2 left', 'so does what is new');
SELECT is(pg_temp.left(pg_temp.some('c', 'd', 'd'), :'c'), '1, 1 left', 'but not what is known, or repeated');
SELECT is(pg_temp.left('[{"first_name": "N"}]', :'l'), '1, null left', 'a list counts too, with those without an address, and is not told');
SELECT is(pg_temp.left(pg_temp.some('a', 'd'), :'l'), '2, null left', 'who is known fits a list when nothing is left');
SELECT is(pg_temp.left(pg_temp.some('e'), :'l'), '{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 1', 'one more does not');
SELECT is(pg_temp.left('[{"first_name": "M"}, {"last_name": "M"}]', :'l'), '{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 2', 'nor do two without an address');
SELECT is(pg_temp.left(pg_temp.some('e', 'a', 'f'), :'c'), '{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 2', 'nor into a campaign');
SELECT is((SELECT count(*) FROM lt_leads), 5::bigint, 'and the limit is held');
SELECT is(pg_temp.left(pg_temp.some('a'), :'c'), '0, 0 left', 'a call that makes nobody succeeds');
SELECT pg_temp.limit_to(7);
SELECT is(pg_temp.left(pg_temp.some('e', 'f', 'g'), :'c'), '{"code": "plan_limit_reached", "remaining": 2} the plan has room for 2 more leads, not for 3', 'a call fits as a whole or not at all');
SELECT is(pg_temp.left(pg_temp.some('e', 'f'), :'c'), '2, 0 left', 'it may fit exactly');
SELECT pg_temp.limit_to(4);
SELECT is(pg_temp.left(pg_temp.some('a'), :'c'), '0, 0 left', 'a limit may be set below what there is');
SELECT is(pg_temp.left(pg_temp.some('g'), :'c'), '{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 1', 'which then only keeps new ones out');
SELECT lt_delete_leads('{a@free.example, b@free.example, e@free.example, none@free.example}');
SELECT is(pg_temp.left(pg_temp.some('f'), :'c'), '0, 0 left', 'deleting makes room');
DELETE FROM leadterra.leads WHERE email = 'f@free.example';
SELECT is(pg_temp.left(pg_temp.some('c'), :'c'), '0, 1 left', 'also by hand');
SELECT lt_delete_lead(lead_id) FROM lt_leads WHERE email IS NULL;
SELECT is(pg_temp.left(pg_temp.some('c'), :'c'), '0, 2 left', 'also of one without an address');
SELECT lt_delete_list(:'limited_list'), lt_remove_leads(:'limited', '{c@free.example}');
SELECT is(pg_temp.left(pg_temp.some('c'), :'c'), '1, 2 left', 'who is taken off a list or out of a campaign still counts, once');

-- lt_bulk_upsert is held to it too, and says nothing of what is left.
SELECT is(lt_bulk_upsert(:'limited', pg_temp.some('h', 'c'))::text, '(1,1,0,2)', 'an upsert counts');
SELECT is(pg_temp.failure(format('lt_bulk_upsert(%L, %L)', :'limited', pg_temp.some('i', 'j'))), 'PT402 plan_limit_reached 1 the plan has room for 1 more leads, not for 2', 'and fails where there is no room');
SELECT is(pg_temp.failure(format('lt_bulk_upsert(%L, %L, dry_run => true)', :'limited', pg_temp.some('i', 'j'))), 'PT402 plan_limit_reached 1 the plan has room for 1 more leads, not for 2', 'as its dry run says');
SELECT is(lt_bulk_upsert(:'limited', pg_temp.some('i'), dry_run => true)::text, '(1,0,0,1)', 'a dry run that fits');
SELECT is(lt_bulk_upsert(:'limited', pg_temp.some('i'), dry_run => true)::text, '(1,0,0,1)', 'counts nobody');
SELECT lt_suppress('{x@free.example}');
SELECT is(lt_bulk_upsert(:'limited', pg_temp.some('i', 'x', 'i'), 'skip', true)::text, '(1,1,1,2)', 'nor one with who is suppressed or repeated');
SELECT is(lt_bulk_upsert(:'limited', pg_temp.some('i', 'x', 'i'), 'skip')::text, '(1,1,1,2)', 'nor do who is suppressed or repeated count');
SELECT is(pg_temp.failure(format('(SELECT count(*) FROM lt_bulk_upsert_report(%L, %L))', :'limited', pg_temp.some('j'))), 'PT402 plan_limit_reached 0 the plan has room for 0 more leads, not for 1', 'the report fails too');
SELECT is((SELECT count(*) FROM lt_leads), 4::bigint, 'and the limit is held');
SELECT is((SELECT lead_count FROM leadterra.lead_limits WHERE workspace_id = lt_current_workspace()), 4::bigint, 'the counter says so');
SELECT pg_temp.limit_to(NULL, false);
SELECT is((SELECT count(*) FROM leadterra.lead_limits WHERE workspace_id = lt_current_workspace()), 0::bigint, 'without a limit there is no row');
SELECT is(pg_temp.left(pg_temp.some('j', 'k'), :'c'), '2, null left', 'a limit may be taken away');
SELECT pg_temp.limit_to(6, false);
SELECT is((SELECT lead_count FROM leadterra.lead_limits WHERE workspace_id = lt_current_workspace()), NULL, 'a limit that is set has no count');
SELECT is(pg_temp.failure('lt_set_lead_limit(-1)'), 'PT400 invalid_request argument "lead_limit" must be from 0, not -1', 'less than none is no limit');
UPDATE leadterra.lead_limits SET lead_count = 5, count_mark = '1' WHERE workspace_id = lt_current_workspace();
SELECT pg_temp.limit_to(6, false);
SELECT is((SELECT m::text FROM leadterra.lead_limits m WHERE workspace_id = lt_current_workspace()), format('(%s,6,,)', lt_current_workspace()), 'nor has one that is set again');
SELECT is(pg_temp.left(pg_temp.some('l'), :'c'), '{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 1', 'and set again, when what was made meanwhile counts');
SELECT pg_temp.limit_to(0);
SELECT is(pg_temp.left(pg_temp.some('c'), :'c') || pg_temp.left(pg_temp.some('l'), :'c'), '0, 0 left{"code": "plan_limit_reached", "remaining": 0} the plan has room for 0 more leads, not for 1', 'none at all is a limit');
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1b17';
SELECT is(pg_temp.left(pg_temp.some('elsewhere'), jsonb_build_object('campaign_id', :'owned')), '1, null left', 'the limit of one workspace is none of another');

-- Names of custom fields: as many as anybody has, and in time that goes with their number.
SELECT lt_create_campaign('named') AS named \gset
CREATE FUNCTION pg_temp.named(first integer, leads integer, names integer) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('email', format('n%s@named.example', i), 'custom_variables', (SELECT jsonb_object_agg(format('n%s', (i - 1) * names + j), 1) FROM generate_series(1, names) j)))
    FROM generate_series(first, first + leads - 1) i
$$;
SELECT is(lt_add_leads(pg_temp.named(1, 100, 100), :'named') ->> 'leads_uploaded', '100', 'ten thousand names');
SELECT is((SELECT cardinality(variables) FROM lt_campaigns WHERE campaign_id = :'named'), 10000, 'are known');
SELECT throws_ok(format('SELECT lt_add_leads(pg_temp.named(20000, 1, 1), %L)', :'named'), 'PT400', 'the campaign would have 10001 custom fields, more than 10000 or of more than 1048576 bytes', 'and not one more');
SELECT is(pg_temp.failure(format('lt_add_leads(%L, %L)', jsonb_build_array(jsonb_build_object('email', 'long@named.example', 'custom_variables', jsonb_build_object(repeat('x', 1048577), 1))), lt_create_campaign('long'))), 'PT400 too_many_variables the campaign would have 1 custom fields, more than 10000 or of more than 1048576 bytes', 'nor longer ones');

SELECT * FROM finish();
ROLLBACK;
