-- campaign: what a step may be, what of it changes once its campaign has started, and that
-- rows that were written by hand are held to it.
BEGIN;
SELECT plan(86);
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1c01';
\ir ../call.sql
SELECT pg_temp.at('0');

-- What is stored of a step, and what is wrong with one.
CREATE FUNCTION pg_temp.stored(steps jsonb) RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign('c', steps);
BEGIN
    RETURN (SELECT string_agg(concat_ws(' ', step, delay_minutes, quote_nullable(subject), quote_nullable(body_html), body_text, preheader, headers, variants), E'\n' ORDER BY step) FROM leadterra.steps WHERE campaign_id = c);
END;
$$;
CREATE FUNCTION pg_temp.errors(step jsonb) RETURNS text LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    detail text;
BEGIN
    PERFORM lt_create_campaign('c', jsonb_build_array(step));
    RETURN 'none';
EXCEPTION WHEN SQLSTATE 'PT400' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN (SELECT string_agg(concat_ws(' ', e ->> 'field', e ->> 'code'), ', ' ORDER BY n) FROM jsonb_array_elements(detail::jsonb -> 'errors') WITH ORDINALITY a (e, n));
END;
$$;
-- A step that has all it needs, and more.
CREATE FUNCTION pg_temp.step(more jsonb DEFAULT '{}') RETURNS jsonb LANGUAGE sql AS $$ SELECT '{"subject": "s", "bodyHtml": "b"}'::jsonb || more $$;

CREATE FUNCTION pg_temp.delays(VARIADIC more jsonb[]) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid := lt_create_campaign('c', (SELECT jsonb_agg(pg_temp.step(m) ORDER BY n) FROM unnest(more) WITH ORDINALITY u (m, n)));
BEGIN
    RETURN (SELECT string_agg(delay_minutes::text, ' ' ORDER BY step) FROM leadterra.steps WHERE campaign_id = c);
END;
$$;
SELECT is(pg_temp.delays('{}', '{}', '{"delayDays": null, "delay": null, "delayUnit": null}'), '0 1440 1440', 'delays that are left out, or null');
SELECT is(pg_temp.delays('{"delayDays": 2}', '{"delay": 2}', '{"delay": 2, "delayUnit": "days"}', '{"delay": 3, "delayUnit": "hours"}', '{"delay": 5, "delayUnit": "minutes"}', '{"delay": 0, "delayUnit": "hours"}'), '2880 2880 2880 180 5 0', 'delays in days, hours and minutes');
SELECT is(pg_temp.delays('{"delayDays": 3650}', '{"delay": 3650}', '{"delay": 87600, "delayUnit": "hours"}', '{"delay": 5256000, "delayUnit": "minutes"}'), '5256000 5256000 5256000 5256000', 'the longest');
SELECT is(pg_temp.delays('{"delay": 1, "delay_unit": "hours"}', '{"delay": 1, "delay_unit": "hours", "delayUnit": "minutes"}', '{"delay": 1, "delay_unit": "hours", "delayUnit": null}'), '60 1 1440', 'the other name of the unit, and which of them counts');
SELECT is(pg_temp.errors(pg_temp.step(more)), errors, more::text)
FROM (VALUES
    ('{"delayDays": 3651}'::jsonb, 'delayDays invalid_value'), ('{"delayDays": -1}', 'delayDays invalid_value'), ('{"delayDays": "1"}', 'delayDays wrong_type'), ('{"delayDays": 0.5}', 'delayDays wrong_type'),
    ('{"delay": 3651}', 'delay invalid_value'), ('{"delay": 87601, "delayUnit": "hours"}', 'delay invalid_value'), ('{"delay": 5256001, "delayUnit": "minutes"}', 'delay invalid_value'),
    ('{"delay": 99999999999, "delayUnit": "minutes"}', 'delay invalid_value'), ('{"delay": -1, "delayUnit": "minutes"}', 'delay invalid_value'),
    ('{"delay": true}', 'delay wrong_type'), ('{"delay": 1, "delayUnit": "weeks"}', 'delayUnit invalid_value'), ('{"delay": 1, "delay_unit": 1}', 'delayUnit wrong_type'),
    ('{"delayUnit": "hours"}', 'delayUnit invalid_value'), ('{"delayDays": 1, "delay": 1}', 'delay invalid_value'), ('{"delayDays": 0, "delay": 0, "delayUnit": "hours"}', 'delay invalid_value'),
    ('{"delayDays": 1, "delayUnit": "hours"}', 'delayUnit invalid_value')) v (more, errors);

-- Texts.
SELECT is(pg_temp.stored(jsonb_build_array(pg_temp.step('{"bodyText": "t", "preheader": "p", "headers": {"X-B": "1", "X-A": "{{x}}"}}'), pg_temp.step('{"bodyText": null, "preheader": null, "headers": null, "variants": null}'), pg_temp.step('{"headers": {}}'), pg_temp.step('{"headers": {"X-A": null}}'))),
    E'1 0 \'s\' \'b\' t p {"X-A": "{{x}}", "X-B": "1"}\n2 1440 \'s\' \'b\'\n3 1440 \'s\' \'b\'\n4 1440 \'s\' \'b\'', 'texts and headers; what is null is left out, and so are no headers');
SELECT is(pg_temp.errors(step), errors, step::text)
FROM (VALUES
    ('{}'::jsonb, 'subject missing, bodyHtml missing'), ('{"subject": null, "bodyHtml": "b"}', 'subject missing'), ('{"subject": 1, "bodyHtml": []}', 'subject wrong_type, bodyHtml wrong_type'),
    ('{"subject": "", "bodyHtml": ""}', 'none'), (pg_temp.step('{"bodyText": 1, "preheader": {}}'), 'bodyText wrong_type, preheader wrong_type'),
    (pg_temp.step('{"body": "b", "body_text": "b", "type": "email", "weight": 1}'), 'body unknown_field, type unknown_field, weight unknown_field, body_text unknown_field')) v (step, errors);

-- Headers.
SELECT is(pg_temp.errors(pg_temp.step(jsonb_build_object('headers', headers))), errors, headers::text)
FROM (VALUES
    ('[]'::jsonb, 'headers wrong_type'), ('"X-A: 1"', 'headers wrong_type'), ('{"X-A": 1}', 'headers.X-A wrong_type'), ('{"X-A": "1", "x-a": "2"}', 'headers invalid_value'),
    ('{"": "1"}', 'headers. invalid_value'), ('{"X A": "1"}', 'headers.X A invalid_value'), ('{"X:A": "1"}', 'headers.X:A invalid_value'), ('{"Ä": "1"}', 'headers.Ä invalid_value'), ('{"X-A\n": "1"}', E'headers.X-A\n invalid_value'),
    ('{"X-A": "a\r\nb", "!": "1", "Precedence": "bulk", "Feedback-ID": "{{id}}", "Organization": "o", "Tox": "1", "Contents": "1"}', 'none')) v (headers, errors);
SELECT is((SELECT string_agg(name, ' ') FROM unnest('{From,To,Cc,BCC,reply-to,Sender,SUBJECT,Date,Message-ID,message-id,In-Reply-To,References,Return-Path,MIME-Version,Content-Type,content-transfer-encoding,Content-,List-Unsubscribe,List-Unsubscribe-Post,DKIM-Signature,Received,Auto-Submitted,Resent-To,ARC-Seal,Delivered-To,Authentication-Results}'::text[]) name
    WHERE pg_temp.errors(pg_temp.step(jsonb_build_object('headers', jsonb_build_object(name, '1')))) <> format('headers.%s invalid_value', name)), NULL, 'what delivery sets, in any letter case, is no header of a step');
SELECT is((SELECT array_agg(pg_temp.errors(pg_temp.step(jsonb_build_object('headers', (SELECT jsonb_object_agg('X-' || i, 'v') FROM generate_series(1, n) i)))) ORDER BY n) FROM unnest('{50,51}'::integer[]) n), '{none,"headers invalid_value"}', 'fifty headers, and no more');
SELECT is((SELECT array_agg(pg_temp.errors(pg_temp.step(jsonb_build_object('headers', jsonb_build_object(repeat('X', n), 'v')))) ~ '^none' ORDER BY n) FROM unnest('{76,77}'::integer[]) n), '{t,f}', 'a name has at most 76 characters');

-- Variants.
SELECT is(pg_temp.stored('[{"subject": "s", "bodyHtml": "b", "variants": [{"subject": "1"}, {"bodyHtml": "2", "bodyText": "3", "weight": 0}, {"weight": 1000, "disabled": true}, {"subject": null, "weight": null, "disabled": null}]}]'),
    '1 0 ''s'' ''b'' [{"subject": "1"}, {"weight": 0, "bodyHtml": "2", "bodyText": "3"}, {"weight": 1000, "disabled": true}, {}]', 'variants are stored as they are given');
SELECT is(pg_temp.stored('[{"variants": [{"subject": "1", "body": "2", "v_disabled": false}, {"subject": "1", "body": "2", "bodyHtml": "3", "v_disabled": false, "disabled": true}]}]'),
    '1 0 NULL NULL [{"subject": "1", "bodyHtml": "2", "disabled": false}, {"subject": "1", "bodyHtml": "3", "disabled": true}]', 'the names of the second service, which ours go before; the step needs no texts where all variants have');
SELECT is(pg_temp.errors(step), errors, step::text)
FROM (VALUES
    (pg_temp.step('{"variants": []}'), 'variants invalid_value'), (pg_temp.step('{"variants": {}}'), 'variants wrong_type'), (pg_temp.step('{"variants": [1, {}]}'), 'variants[0] not_an_object'),
    ('{"variants": [{"subject": "s", "body": "b"}, {"subject": "s"}, {"body": "b"}]}', 'variants[1].bodyHtml missing, variants[2].subject missing'),
    ('{"subject": "s", "variants": [{"body": "b"}, {}]}', 'variants[1].bodyHtml missing'), ('{"bodyHtml": "b", "variants": [{"subject": "s"}, {"disabled": true}]}', 'variants[1].subject missing'),
    (pg_temp.step('{"variants": [{"subject": 1, "body": 2, "bodyText": 3, "weight": "1", "v_disabled": 1}]}'), 'variants[0].subject wrong_type, variants[0].bodyHtml wrong_type, variants[0].bodyText wrong_type, variants[0].weight wrong_type, variants[0].disabled wrong_type'),
    (pg_temp.step('{"variants": [{"weight": 1001}, {"weight": -1}, {"weight": 0.5}]}'), 'variants[0].weight invalid_value, variants[1].weight invalid_value, variants[2].weight wrong_type'),
    (pg_temp.step('{"variants": [{"delay": 1}, {"preheader": "p", "headers": {}}]}'), 'variants[0].delay unknown_field, variants[1].headers unknown_field, variants[1].preheader unknown_field'),
    (pg_temp.step('{"variants": [{"weight": 0}, {"disabled": true}, {"weight": 5, "v_disabled": true}]}'), 'variants invalid_value')) v (step, errors);
SELECT is((SELECT array_agg(pg_temp.errors(pg_temp.step(jsonb_build_object('variants', (SELECT jsonb_agg('{}'::jsonb) FROM generate_series(1, n))))) ORDER BY n) FROM unnest('{26,27}'::integer[]) n), '{none,"variants invalid_value"}', '26 variants, and no more');

-- Once a campaign has started.
SELECT lt_create_campaign('started', '[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2", "delay": 90, "delayUnit": "minutes", "variants": [{"subject": "A"}, {"subject": "B", "weight": 3}]}]') AS c \gset
CREATE FUNCTION pg_temp.set(c uuid, steps jsonb) RETURNS text LANGUAGE sql SET search_path = public, pg_temp AS $$ SELECT pg_temp.detail(format('SELECT lt_set_steps(%L, %L)', c, steps)) $$;
CREATE FUNCTION pg_temp.steps(c uuid) RETURNS text LANGUAGE sql AS $$
    SELECT string_agg(concat_ws(' ', step, delay_minutes, subject, variants), ', ' ORDER BY step) FROM leadterra.steps WHERE campaign_id = c
$$;
SELECT lt_bulk_upsert(:'c', '[{"email": "a@example.com"}]');
SELECT lt_start_campaign(:'c');
SELECT is(pg_temp.set(:'c', '[]'), 'PT409 campaign_running', 'a running campaign keeps its steps');
SELECT lt_pause_campaign(:'c');
SELECT is(pg_temp.set(:'c', steps), 'PT409 sequence_fixed', 'fixed: ' || why)
FROM (VALUES
    ('[]'::jsonb, 'that there are steps'), ('[{"subject": "1", "bodyHtml": "1"}]', 'that there is a second'),
    ('[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2"}]', 'that it has variants'), ('[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2", "variants": [{}]}]', 'how many'),
    ('[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2", "delayDays": 1, "variants": [{}, {}]}]', 'a delay'), ('[{"subject": "1", "bodyHtml": "1", "delay": 1}, {"subject": "2", "bodyHtml": "2", "variants": [{}, {}]}]', 'the first one')) v (steps, why);
SELECT is(pg_temp.steps(:'c'), '1 0 1, 2 90 2 [{"subject": "A"}, {"weight": 3, "subject": "B"}]', 'nothing has changed');
SELECT is(pg_temp.set(:'c', '[{"subject": "one", "bodyHtml": "1", "delayDays": 0}, {"subject": "two", "bodyHtml": "2", "variants": [{"subject": "AA", "weight": 7}, {"disabled": true}, {"subject": "C"}]}, {"subject": "three", "bodyHtml": "3"}, {"subject": "four", "bodyHtml": "4", "delay": 5, "delayUnit": "hours"}]'), 'no error',
    'texts change, variants get other weights, are disabled and added, steps are added');
SELECT is(pg_temp.steps(:'c'), '1 0 one, 2 90 two [{"weight": 7, "subject": "AA"}, {"disabled": true}, {"subject": "C"}], 3 1440 three, 4 300 four', 'which is stored; delays that were left out stay');
SELECT is(pg_temp.set(:'c', '[{"subject": "one", "bodyHtml": "1", "variants": [{}, {"subject": "X"}]}, {"subject": "two", "bodyHtml": "2", "delay": 90, "delayUnit": "minutes", "variants": [{}, {"disabled": false}, {}]}, {"subject": "three", "bodyHtml": "3"}, {"subject": "four", "bodyHtml": "4"}]'), 'no error',
    'a step without variants gets some, and one that was disabled comes back');
SELECT is(pg_temp.set(:'c', '[{"subject": "one", "bodyHtml": "1", "variants": [{}]}, {"subject": "two", "bodyHtml": "2", "variants": [{}, {}, {}]}, {"subject": "three", "bodyHtml": "3"}, {"subject": "four", "bodyHtml": "4"}]'), 'PT409 sequence_fixed', 'which it keeps from then on');

-- A copy has everything.
SELECT lt_create_campaign('whole', jsonb_build_array(pg_temp.step('{"bodyText": "t", "preheader": "p", "headers": {"X-A": "1"}, "delay": 7, "delayUnit": "minutes", "variants": [{"weight": 2}, {"subject": "x", "disabled": true}]}'))) AS whole \gset
SELECT lt_copy_campaign(:'whole') AS copy \gset
SELECT results_eq(format('SELECT to_jsonb(s) - ''campaign_id'' FROM leadterra.steps s WHERE campaign_id = %L', :'copy'), format('SELECT to_jsonb(s) - ''campaign_id'' FROM leadterra.steps s WHERE campaign_id = %L', :'whole'), 'a copy has all of a step');
SELECT is((SELECT body_text || preheader || headers::text || variants::text || delay_minutes FROM leadterra.steps WHERE campaign_id = :'copy'), 'tp{"X-A": "1"}[{"weight": 2}, {"subject": "x", "disabled": true}]7', 'that is not nothing');
SELECT is(leadterra.http_show_campaign(:'whole') -> 'sequenceSteps', jsonb_build_array(pg_temp.step('{"bodyText": "t", "preheader": "p", "headers": {"X-A": "1"}, "delay": 7, "delayUnit": "minutes", "variants": [{"weight": 2}, {"subject": "x", "disabled": true}]}')), 'a published step is as it was given');
SELECT is(leadterra.http_show_campaign(lt_create_campaign('days', jsonb_build_array(pg_temp.step('{"delay": 48, "delayUnit": "hours"}')))) -> 'sequenceSteps', jsonb_build_array(pg_temp.step('{"delayDays": 2}')), 'and in days where it is as many');

-- Rows by hand.
SELECT throws_ok(format('UPDATE leadterra.steps SET %s WHERE campaign_id = %L', change, :'whole'), '23514', NULL, 'refused: ' || change)
FROM unnest(ARRAY['delay_minutes = 5256001', 'delay_minutes = -1', 'headers = ''[]''', 'headers = ''{"From": "x"}''', 'headers = ''{"X-A": 1}''', 'headers = ''"x"''', 'variants = ''[]''', 'variants = ''{}''', 'variants = ''[1]''',
    'variants = ''[{"weight": 0}]''', 'variants = ''[{"weight": -1}, {}]''', 'variants = ''[{"weight": "1"}]''', 'variants = ''[{"disabled": 1}]''', 'variants = ''[{"subject": 1}]''', 'subject = NULL', 'body_html = NULL', 'variants = NULL, subject = NULL']) change;

SELECT * FROM finish();
ROLLBACK;
