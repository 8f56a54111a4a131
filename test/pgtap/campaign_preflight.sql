-- campaign: what lt_preflight says of texts, and of settings of the workspace.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(81);

-- What is said of a text, as one string; tokens whose leads have values aside.
CREATE FUNCTION pg_temp.findings(subject text, body text, lead jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('preflight', jsonb_build_array(jsonb_build_object('subject', subject, 'bodyHtml', body)));
BEGIN
    PERFORM lt_bulk_upsert(campaign, jsonb_build_array('{"email": "p@example.com", "x": "1"}' || lead));
    RETURN (SELECT string_agg(format('%s %s %s', severity, code, token), E'\n' ORDER BY n)
        FROM lt_preflight(campaign) WITH ORDINALITY p (step, place, severity, code, token, has_fallback, leads_without_value, message, n)
        WHERE severity <> 'info' AND token IS NOT NULL);
END;
$$;

CREATE TEMP TABLE cases (body text, findings text);
INSERT INTO cases VALUES
-- Texts that say what they mean.
('', NULL),
('Hi {{x}}, {{ x | default: ''you'' }} {{x|a|b}} {{x|urlencode}} {{random|a|b}} 100% {50%} a{b c} $5 [x] [[1]] 5*3|2*4 %20%C3%BC%', NULL),
('<style>@media print{#a{color:red}}</style><script>{"a":{"b":[["c"]]}}</script><!--[if mso]><style>td{a:b}p{c:d}</style><![endif]-->', NULL),
('<STYLE type="text/css">a{b:c}@media x{d{e:f}}</STYLE>', NULL),
-- Braces that are no token.
('{{', 'error braces {{'),
('{{}} {{ }} {{|x}}', E'error braces {{}}\nerror braces {{ }}\nerror braces {{|x}}'),
('{{&nbsp;}}', 'error braces {{&nbsp;}}'),
('{{x', 'error braces {{x'),
('{{x}', 'error braces {{x}'),
('{x}}', 'error braces {x}}'),
('{{{x}}}', 'error braces {{{x}}}'),
('{{a{x}}', E'error braces {{a\nerror braces {x}}'),
('x}}', 'error braces }}'),
('<style>{{</style>', 'error braces {{'),
('<style>a{b{c:d}}</style>}}', 'error braces }}'),
('{{x', 'error braces {{x'),
-- Encoded ones.
('&#123;&#123;x&#125;&#125;', 'error encoded_braces &#123;&#123;x&#125;&#125;'),
('&#x7b;&#X7B;x', 'error encoded_braces &#x7b;&#X7B;x'),
('{&lcub;x', 'error encoded_braces {&lcub;x'),
('<a href="?e=%7B%7Bemail%7D%7D">', 'error encoded_braces %7B%7Bemail%7D%7D'),
('%7b%7bx', 'error encoded_braces %7b%7bx'),
('&#123;x} %7Bx%7D', NULL),
-- Single ones, where they look like a token or choices.
('{firstName} {contactfield=firstname} {Hi|Hello there}', E'warning single_braces {firstName}\nwarning single_braces {contactfield=firstname}\nwarning single_braces {Hi|Hello there}'),
('<style>{x}</style>', NULL),
-- Other languages.
('{% if x %}a{% endif %}', E'error other_language {% if x %}\nerror other_language {% endif %}'),
('{% if {{x}} %}', 'error other_language {% if {{x}} %}'),
('{# note #}', 'error other_language {# note #}'),
('<%= x %>', 'error other_language <%= x %>'),
('%%FIRSTNAME%% %%[ set @a ]%%', E'error other_language %%FIRSTNAME%%\nerror other_language %%[ set @a ]%%'),
('*|FNAME|*', 'error other_language *|FNAME|*'),
('[[data:firstname:"x"]]', 'error other_language [[data:firstname:"x"]]'),
('[%first_name | Customer%]', 'error other_language [%first_name | Customer%]'),
('${x}', 'error other_language ${x}'),
('%FIRSTNAME%', 'error other_language %FIRSTNAME%'),
('{{#if x}}a{{/if}}', E'error other_language {{#if x}}\nerror other_language {{/if}}'),
('<style>%FIRSTNAME% ${x} [[a]]</style>', NULL),
-- Tokens.
('{{<b>x</b>}}', 'error token_markup {{<b>x</b>}}'),
('{{y}}', 'error token_unknown y'),
('{{y|z}}', 'warning token_unknown y'),
('{{random}}', 'error random_empty {{random}}'),
('{{x|upper}} {{x|Capitalize}}', E'error fallback_filter {{x|upper}}\nerror fallback_filter {{x|Capitalize}}'),
('{{x|default:there}} {{x|default}} {{x|default there}} {{x | date: "%d"}} {{x|replace("a", "b")}}',
    E'error fallback_filter {{x|default:there}}\nerror fallback_filter {{x|default}}\nerror fallback_filter {{x|default there}}\nerror fallback_filter {{x | date: "%d"}}\nerror fallback_filter {{x|replace("a", "b")}}'),
('{{x|uppercase letters}} {{x|first}} {{x|Date}} {{x|upper case}}', NULL),
('{{x|"there"}} {{x|&quot;there&quot;}} {{x|it''s}} {{x|"}}', E'warning fallback_quoted {{x|"there"}}\nwarning fallback_quoted {{x|&quot;there&quot;}}'),
('{{x | default: ''a'' | upper}} {{x|upper|default: ''a''}} {{x|default: ''a''||urlencode}}', E'error filter_unknown {{x | default: ''a'' | upper}}\nerror filter_unknown {{x|upper|default: ''a''}}');
SELECT is(pg_temp.findings('', body), findings, format('body %L', body)) FROM cases;
-- A subject has no style sheets and no references.
SELECT is(pg_temp.findings('<style>{x}', ''), 'warning single_braces {x}', 'a subject has no style sheets');
SELECT is(pg_temp.findings('{{&nbsp;x}} {{<b>}}', ''), E'error token_unknown &nbsp;x\nerror token_unknown <b>', 'and no references');
SELECT is(pg_temp.findings('{{z}}', '{{z}}'), E'error token_unknown z\nerror token_unknown z', 'each text has its rows');
SELECT is(pg_temp.findings('{{z}} {{ z }} {{z|a}} {{ {{ ', ''), E'error token_unknown z\nerror braces {{ ', 'each once');
SELECT is((SELECT count(*) FROM regexp_matches(pg_temp.findings('', (SELECT string_agg(format('${x%s}', i), '') FROM generate_series(1, 300) i)), 'other_language', 'g')), 100::bigint, 'at most 100 a text');
SELECT is(pg_temp.findings('', left('x', i) || '{{' || left('x', i) || repeat('ä', 100)), 'error braces {{' || left('x', i) || repeat('ä', 29 - i) || '...', 'excerpts are short') FROM generate_series(0, 1) i;

-- Values: what decides is what a message would show.
SELECT is(pg_temp.findings('{{x|a}} {{y}}', '', '{"x": "\u00a0\u200b", "y": "\ufeff"}'), E'warning token_unknown x\nerror token_unknown y', 'invisible characters are no value');
SELECT is(pg_temp.findings('', E'{{&nbsp;x\n}} {{a&amp;b}} {{a\nc}}', '{"a&b": 1, "a c": false}'), NULL, 'names are those that messages have');
SELECT lt_create_campaign('similar', '[{"subject": "{{FirstName}} {{first name}} {{EMAIL}} {{job-title}} {{Unsubscribe_URL}} {{firstNames}} {{first}}", "bodyHtml": ""}]') AS similar \gset
SELECT lt_bulk_upsert(:'similar', '[{"email": "p@example.com"}]');
SELECT results_eq(format('SELECT token, substring(message FROM ''The field is called (.*)\.'') FROM lt_preflight(%L) WHERE place = ''subject''', :'similar'),
    $$VALUES ('FirstName', 'firstName'), ('first name', 'firstName'), ('EMAIL', 'email'), ('job-title', 'jobTitle'), ('Unsubscribe_URL', 'unsubscribeUrl'), ('firstNames', NULL), ('first', NULL)$$, 'names that are nearly right');

-- Counts, for leads that lie close together, and for leads among many others.
SELECT lt_create_campaign('dense', '[{"subject": "{{firstName}} {{n|x}} {{email}}", "bodyHtml": "{{company}} {{unsubscribeUrl|x}}"}]') AS dense \gset
SELECT lt_copy_campaign(:'dense') AS sparse \gset
SELECT lt_bulk_upsert(:'dense', (SELECT jsonb_agg(jsonb_build_object('email', format('c%s@example.com', i), 'firstName', CASE WHEN i % 3 = 0 THEN 'Ann' END, 'n', CASE WHEN i % 5 = 0 THEN 0 END)) FROM generate_series(1, 3000) i));
SELECT lt_bulk_upsert(:'sparse', (SELECT jsonb_agg(jsonb_build_object('email', format('c%s@example.com', i))) FROM generate_series(30, 3000, 30) i));
SELECT results_eq(format('SELECT place, code, token, has_fallback, leads_without_value, message FROM lt_preflight(%L) WHERE has_fallback IS NOT NULL', :'dense'), $$VALUES
    ('subject', 'token_without_value', 'firstName', false, 2000::bigint, '2000 of 3000 leads have no value, and there is no fallback.'),
    ('subject', 'token', 'n', true, 2400, '2400 of 3000 leads get the fallback.'),
    ('subject', 'token', 'email', false, 0, 'All leads have a value.'),
    ('body', 'token_unknown', 'company', false, 3000, 'No lead has a value, and there is no fallback.'),
    ('body', 'unsubscribe_url_unset', 'unsubscribeUrl', true, 3000, 'The workspace has no address for links: see lt_set_unsubscribe_url.')$$, 'all leads of a list');
SELECT results_eq(format('SELECT token, leads_without_value FROM lt_preflight(%L) WHERE has_fallback IS NOT NULL', :'sparse'),
    $$VALUES ('firstName', 0::bigint), ('n', 0), ('email', 0), ('company', 100), ('unsubscribeUrl', 100)$$, 'some of it');
DELETE FROM leadterra.leads WHERE email IN ('c30@example.com', 'c1500@example.com', 'c3000@example.com');
SELECT results_eq(format('SELECT token, leads_without_value FROM lt_preflight(%L) WHERE code = ''token_unknown''', campaign), format('VALUES (''company'', %s::bigint)', leads), 'without those that are gone')
FROM (VALUES (:'dense', 2997), (:'sparse', 97)) v (campaign, leads);
SELECT is(pg_temp.findings('{{q}}', ''), 'error token_unknown q', 'one lead lacks what no lead has');
SELECT results_eq(format('SELECT severity, code, message FROM lt_preflight(%L) WHERE token = ''company''', lt_copy_campaign(:'dense')), $$VALUES ('info', 'token', 'The campaign has no active leads.')$$, 'without leads none lacks anything');

-- Link and address: of each body, and of the workspace.
CREATE FUNCTION pg_temp.settings(body text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('settings', jsonb_build_array(jsonb_build_object('subject', '{{unsubscribeUrl|x}}', 'bodyHtml', body)));
BEGIN
    RETURN (SELECT string_agg(format('%s %s %s %s', coalesce(step::text, '-'), place, severity, code), ', ') FROM lt_preflight(campaign) WHERE code ~ 'url|link|address' AND place <> 'subject');
END;
$$;
SELECT is(pg_temp.settings('b'), '1 body warning unsubscribe_link_missing, 1 body warning postal_address_missing, - workspace warning postal_address_unset', 'nothing there');
SELECT is(pg_temp.settings('{{unsubscribeUrl}} {{postalAddress}}'), '1 body error unsubscribe_url_unset, 1 body error postal_address_unset', 'tokens without settings');
SELECT is(pg_temp.settings('{{ unsubscribeUrl | x }} {{postalAddress|x}}'), '1 body warning unsubscribe_url_unset, 1 body warning postal_address_unset', 'but with fallbacks');
SELECT lt_set_unsubscribe_url('https://example.com/u/'), lt_set_postal_address('1 Main Street');
SELECT is(pg_temp.settings('b'), '1 body warning unsubscribe_link_missing, 1 body warning postal_address_missing', 'settings without tokens');
SELECT is(pg_temp.settings('{{unsubscribeUrl|urlencode}} {{postalAddress}}'), NULL, 'both');

-- All texts that are mailed, and no other.
CREATE FUNCTION pg_temp.places(steps jsonb, pattern text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    campaign uuid := lt_create_campaign('places', steps);
BEGIN
    PERFORM lt_bulk_upsert(campaign, '[{"email": "places-1@example.com", "x": "1"}, {"email": "places-2@example.com"}]');
    RETURN (SELECT string_agg(concat_ws(' ', p.step, p.place, p.code, p.token, p.leads_without_value), ', ' ORDER BY n) FROM lt_preflight(campaign) WITH ORDINALITY p (step, place, severity, code, token, has_fallback, leads_without_value, message, n) WHERE p.code ~ pattern);
END;
$$;
CREATE FUNCTION pg_temp.step(more jsonb) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_build_array('{"subject": "s", "bodyHtml": "b"}'::jsonb || more) $$;
SELECT is(pg_temp.places(pg_temp.step('{"bodyText": "{{x}} {y}", "preheader": "{{y}}", "headers": {"X-A": "{{x}}", "X-B": "{% x %}"}, "variants": [{"subject": "{{x}}"}, {"subject": "2", "bodyHtml": "{{y|z}}", "bodyText": "{{ x"}]}'), 'token|brace|other'),
    '1 text token_without_value x 1, 1 text single_braces {y}, 1 preheader token_unknown y 2, 1 header X-A token_without_value x 1, 1 header X-B other_language {% x %}, 1 variant 1 subject token_without_value x 1, 1 variant 2 body token_unknown y 2, 1 variant 2 text braces {{ x', 'every text, in order, with values');
SELECT is(pg_temp.places(pg_temp.step('{"subject": "{{a}}", "bodyHtml": "{{b}}", "bodyText": "{{c}}", "variants": [{"subject": "s", "bodyHtml": "b", "bodyText": "t"}, {"disabled": true, "subject": "{{d}}"}, {"weight": 0, "bodyHtml": "{{e}}"}]}'), 'token'), NULL, 'what is never mailed is left out');
SELECT is(pg_temp.places(pg_temp.step('{"bodyText": "<style>{x}</style> &#123;{y}}"}'), 'brace'), '1 text single_braces {x}, 1 text encoded_braces &#123;{y}}', 'a text has no style sheets');
SELECT is(pg_temp.places(pg_temp.step(step), 'missing'), missing, step::text)
FROM (VALUES
    ('{"bodyText": "{{unsubscribeUrl}}"}'::jsonb, '1 body postal_address_missing'), ('{"preheader": "{{postalAddress}}"}', '1 body unsubscribe_link_missing'), ('{"headers": {"X-A": "{{unsubscribeUrl}}"}}', '1 body unsubscribe_link_missing, 1 body postal_address_missing'),
    ('{"bodyHtml": "{{unsubscribeUrl}} {{postalAddress}}", "variants": [{}, {"subject": "2"}, {"bodyHtml": "{{postalAddress}}"}, {"bodyText": "t"}]}', '1 variant 3 body unsubscribe_link_missing'),
    ('{"bodyText": "{{unsubscribeUrl}} {{postalAddress}}", "variants": [{}, {"bodyText": "t"}, {"disabled": true, "bodyText": "t"}]}', '1 variant 2 body unsubscribe_link_missing, 1 variant 2 body postal_address_missing'),
    ('{"variants": [{}, {"subject": "2"}]}', '1 body unsubscribe_link_missing, 1 body postal_address_missing')) v (step, missing);

-- Subjects of threads.
SELECT is(pg_temp.places(steps, 'subject_missing'), missing, steps::text)
FROM (VALUES
    ('[{"subject": "", "bodyHtml": "b"}]'::jsonb, '1 subject subject_missing'), ('[{"subject": " \u200b", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "b"}, {"subject": "s", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "b"}]', '1 subject subject_missing, 2 subject subject_missing'),
    ('[{"subject": "s", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "b"}, {"subject": " ", "bodyHtml": "b"}]', NULL), ('[{"subject": "{{x}}", "bodyHtml": "b"}]', NULL),
    ('[{"subject": "", "bodyHtml": "b", "variants": [{"subject": "s"}, {}]}, {"subject": "", "bodyHtml": "b"}]', '1 subject subject_missing, 2 subject subject_missing'),
    ('[{"bodyHtml": "b", "variants": [{"subject": "s"}, {"subject": "", "disabled": true}]}, {"bodyHtml": "b", "variants": [{"subject": ""}, {"subject": "s"}]}]', NULL)) v (steps, missing);

SELECT * FROM finish();
ROLLBACK;
