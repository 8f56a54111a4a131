-- template: what a message looks like when it is claimed.
BEGIN;
SET LOCAL client_min_messages = error;
SELECT plan(118);

-- Renders a text as subject and as body for one lead, by a claim.
CREATE TEMP TABLE rendered (subject text, body text);
CREATE FUNCTION pg_temp.render(template text, lead jsonb DEFAULT '{}') RETURNS rendered LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    campaign uuid := lt_create_campaign('render', jsonb_build_array(jsonb_build_object('subject', template, 'bodyHtml', template)));
    result rendered;
BEGIN
    PERFORM lt_delete_leads('{ann@example.com}');
    PERFORM lt_bulk_upsert(campaign, jsonb_build_array('{"email": "ann@example.com"}' || lead));
    PERFORM lt_start_campaign(campaign);
    SELECT subject, body_html INTO result FROM lt_claim_messages(1, '1 minute', campaign);
    RETURN result;
END;
$$;

CREATE TEMP TABLE cases (template text, lead jsonb, subject text, body text);
INSERT INTO cases VALUES
('no token', '{}', 'no token', NULL),
('', '{}', '', NULL),
('Hi {{firstName}}!', '{"firstName": "Ann"}', 'Hi Ann!', NULL),
('{{firstName}}{{lastName}}', '{"firstName": "Ann", "lastName": "Lee"}', 'AnnLee', NULL),
('{{ firstName }}', '{"firstName": "Ann"}', 'Ann', NULL),
('{{first_name}} {{company_name}} {{last_name}} {{job_title}}', '{"firstName": "Ann", "company": "C", "lastName": "L", "jobTitle": "J"}', 'Ann C L J', NULL),
('{{phone}},{{website}},{{personalization}},{{leadValue}}', '{"phone": "1", "website": "w", "personalization": "p", "leadValue": "v"}', '1,w,p,v', NULL),
('{{email}}', '{}', 'ann@example.com', NULL),
('{{pl_value_lead}},{{lt_interest_status}},{{verificationStatus}},{{verification_status}}', '{"leadValue": "v", "interestStatus": 2, "verificationStatus": -3}', 'v,2,-3,-3', NULL),
('{{assigned_to}}', '{"assignedTo": "0197c043-e39c-7d91-a325-6615db0e1b15"}', '0197c043-e39c-7d91-a325-6615db0e1b15', NULL),
('{{interestStatus}} {{assignedTo}}', '{"interestStatus": -3, "assignedTo": "0197C043-e39c-7d91-a325-6615db0e1b15"}', '-3 0197c043-e39c-7d91-a325-6615db0e1b15', NULL),
('{{city}}', '{"city": "Ulm"}', 'Ulm', NULL),
('{{City}}{{firstname}}', '{"city": "Ulm", "firstName": "Ann"}', '', NULL),
('{{a b}} {{ü}}', '{"a b": "1", "ü": "ö"}', '1 ö', NULL),
-- No value: nothing, or the fallback.
('[{{firstName}}]', '{}', '[]', NULL),
('[{{nothing}}]', '{}', '[]', NULL),
('{{firstName|there}}', '{}', 'there', NULL),
('{{firstName | my friend }}', '{}', 'my friend', NULL),
('{{firstName|there}}', '{"firstName": null}', 'there', NULL),
('{{firstName|there}}', '{"firstName": " \t\n "}', 'there', NULL),
('{{city|there}}', '{"city": ""}', 'there', NULL),
('{{city|there}}', '{"city": null}', 'there', NULL),
('{{firstName|there}}', '{"firstName": "Ann"}', 'Ann', NULL),
('{{firstName|}}.', '{}', '.', NULL),
('{{firstName|a|b}}', '{}', 'a|b', NULL),
('{{city|<b>x</b>}}', '{}', '<b>x</b>', '<b>x</b>'),
-- White space of every kind around a name, and what has no width; in HTML written out too.
(E'{{\tfirstName\n}}', '{"firstName": "Ann"}', 'Ann', NULL),
(E'{{\r\n  firstName\r\n}}', '{"firstName": "Ann"}', 'Ann', NULL),
(U&'{{\00A0firstName\00A0}}', '{"firstName": "Ann"}', 'Ann', NULL),
(U&'{{\200B\FEFF firstName\2009\200D\3000}}', '{"firstName": "Ann"}', 'Ann', NULL),
(U&'{{firstName\00AD|\00A0there\2028}}', '{}', 'there', NULL),
('{{&nbsp;firstName&nbsp;}}', '{"firstName": "Ann"}', '', 'Ann'),
('{{ &#160;firstName &#xa0; &#XA0;&thinsp;&ZeroWidthSpace;}}', '{"firstName": "Ann"}', '', 'Ann'),
('{{firstName&nbsp;|&nbsp;there}}', '{}', '&nbsp;there', 'there'),
('{{company|&nbsp;}}', '{}', '&nbsp;', '&nbsp;'),
('{{&nbsp;}}', '{"&nbsp;": "x"}', 'x', '{{&nbsp;}}'),
-- Within a name it is one space, where it is more than plain ones.
(E'{{use\n    case}}', '{"use case": "x"}', 'x', NULL),
('{{use&nbsp;case}}', '{"use case": "x"}', '', 'x'),
('{{use  case}}', '{"use  case": "x", "use case": "y"}', 'x', NULL),
-- References in names, as editors write them.
('{{R&amp;D}} {{pr&eacute;nom}} {{a&lt;b}} {{gr&#xF6;&#223;e}}', '{"R&D": "1", "prénom": "2", "a<b": "3", "größe": "4"}', '   ', '1 2 3 4'),
('{{first&shy;Name}}{{x&unknown;}}{{x&#0;}}{{x&#xd800;}}', '{"firstName": "Ann", "x&unknown;": "1", "x&#0;": "2", "x&#xd800;": "3"}', '123', 'Ann123'),
(E'{{\u0001firstName}}', '{"firstName": "Ann"}', 'Ann', NULL),
-- Values of nothing but invisible characters are blank.
('{{firstName|there}}', '{"firstName": "\u00a0\u200b\ufeff\u2003\u00ad\u3164\u2800\u0085\u0001"}', 'there', NULL),
('{{city|there}}', '{"city": "\ufe0f\u115f\u2060"}', 'there', NULL),
('{{city|there}}', '{"city": "\u00a0x"}', U&'\00A0x', NULL),
-- Fallbacks as other systems write them.
('Hi {{ first_name | default: ''there'' }},', '{}', 'Hi there,', NULL),
('Hi {{ first_name | default: ''there'' }},', '{"firstName": "Ann"}', 'Hi Ann,', NULL),
('{{x|default:"there"}} {{x|DEFAULT : "there"}} {{x | default "there"}} {{x|default("there")}} {{x | default ( ''there'' ) }}', '{}', 'there there there there there', NULL),
('{{x || "there"}} {{x||there}} {{x|| }}.', '{}', 'there there .', NULL),
('{{x|"there"}} {{x|''}}', '{}', '"there" ''', NULL),
(U&'{{x|default: \2018there\2019}} {{x|default: \201Cthere\201D}} {{x|default: \201Ethere\201C}} {{x|default: \00ABthere\00BB}} {{x|default: \2019there\2019}}', '{}', 'there there there there there', NULL),
('{{x|default: &#39;there&#39;}} {{x|default:&nbsp;&quot;there&quot;}} {{x|default: &#x27;there&rsquo;}} {{x|default: &ldquo;there&#8221;}}', '{}',
    'default: &#39;there&#39; default:&nbsp;&quot;there&quot; default: &#x27;there&rsquo; default: &ldquo;there&#8221;', 'there there there there'),
('{{x|default: ''it''s a|b''}}', '{}', 'it''s a|b', NULL),
('{{x|default: '' there ''}}', '{}', ' there ', NULL),
('[{{x|default: ''''}}]', '{}', '[]', NULL),
('{{x|default: ''<b>you</b>''}}', '{}', '<b>you</b>', '<b>you</b>'),
('{{x | default: ''a'' | upper}} {{x | upper | default: ''a''}} {{x|default: ''a''|default: ''b''}}', '{}', 'a a a', NULL),
('{{x|default:there}} {{x|default: "there}} {{x|default: "there''}} {{x|defaults: "there"}} {{x|default}}', '{}', 'default:there default: "there default: "there'' defaults: "there" default', NULL),
('{{default}}{{urlencode}}', '{"default": "1", "urlencode": "2"}', '12', NULL),
-- Values in links.
('?e={{email | urlencode}}', '{}', '?e=ann%40example.com', NULL),
('{{x|urlencode}} {{x | URLENCODE }} {{x|url_encode}}', '{"x": "a+b &\"''<ü~-._A9"}', 'a%2Bb%20%26%22%27%3C%C3%BC~-._A9 a%2Bb%20%26%22%27%3C%C3%BC~-._A9 a%2Bb%20%26%22%27%3C%C3%BC~-._A9', NULL),
('[{{x|urlencode}}]', '{}', '[]', NULL),
('{{x | default: ''a b'' | urlencode}} {{x | urlencode | default: ''a b''}} {{x|a b|urlencode}} {{x|urlencode|a b}}', '{}', 'a%20b a b a%20b a b', NULL),
('{{x | default: ''a b'' | urlencode}} {{x | urlencode | default: ''a b''}} {{x|a b|urlencode}} {{x|urlencode|a b}}', '{"x": "&"}', '%26 %26 %26 %26', NULL),
('{{x|default: ''R &amp; D&#252;'' | urlencode}}', '{}', 'R%20%26amp%3B%20D%26%23252%3B', 'R%20%26%20D%C3%BC'),
('{{x|a|urlencode|b}}', '{"x": "&"}', '&', '&amp;'),
('{{x|a|urlencode|b}}', '{}', 'a|urlencode|b', NULL),
('{{n|urlencode}} {{o|urlencode}}', '{"n": 1.5, "o": [1]}', '1.5 %5B1%5D', NULL),
-- One of some texts: here of one.
('{{random|a}} {{RANDOM | a }} {{Random|a b}} {{random| <b> }} {{random|a b|urlencode}} {{random|urlencode}}', '{"random": "x"}', 'a a a b <b> a%20b urlencode', NULL),
('[{{random}}{{random|}}{{random||}}]', '{"random": "x"}', '[]', NULL),
('[{{ &nbsp;random&#32;|&nbsp;a&nbsp;}}]', '{}', '[&nbsp;a&nbsp;]', '[a]'),
-- Numbers and booleans as JSON writes them.
('{{n}} {{b}} {{c}}', '{"n": 1.50, "b": true, "c": false}', '1.50 true false', NULL),
('{{n}}', '{"n": 123456789012345678901234567890.000001}', '123456789012345678901234567890.000001', NULL),
('{{n}}', '{"n": 1e3}', '1000', NULL),
('{{o}}', '{"o": {"a": [1, "x"]}}', '{"a": [1, "x"]}', '{&quot;a&quot;: [1, &quot;x&quot;]}'),
-- Values are escaped in the body.
('{{company}}', '{"company": "A & B <i>\"x\"</i> ''y''"}', 'A & B <i>"x"</i> ''y''', 'A &amp; B &lt;i&gt;&quot;x&quot;&lt;/i&gt; &#39;y&#39;'),
('<p class="x">{{firstName}} & co</p>', '{"firstName": "<"}', '<p class="x">< & co</p>', '<p class="x">&lt; & co</p>'),
('{{city}}', '{"city": "{{firstName}}", "firstName": "Ann"}', '{{firstName}}', NULL),
-- A subject is one line, whatever the value and the template.
('a {{firstName}} z', '{"firstName": "Ann\r\nBcc: all@example.com"}', 'a Ann Bcc: all@example.com z', E'a Ann\r\nBcc: all@example.com z'),
(E'a\r\n\tb\u2028c\u0085d', '{}', 'a b c d', E'a\r\n\tb\u2028c\u0085d'),
('{{firstName}}', '{"firstName": "ä\u2027ö"}', E'ä\u2027ö', NULL),
-- Braces that are not well formed stay.
('{{', '{}', '{{', NULL),
('{{}}', '{}', '{{}}', NULL),
('{{ }}', '{}', '{{ }}', NULL),
('{{|x}}', '{}', '{{|x}}', NULL),
('{{firstName', '{}', '{{firstName', NULL),
('{{firstName}', '{"firstName": "Ann"}', '{{firstName}', NULL),
('{firstName}}', '{"firstName": "Ann"}', '{firstName}}', NULL),
('{{{firstName}}}', '{"firstName": "Ann"}', '{Ann}', NULL),
('{{{{firstName}}}}', '{"firstName": "Ann"}', '{{Ann}}', NULL),
('{{first{Name}}', '{"firstName": "Ann"}', '{{first{Name}}', NULL),
('{{a}b}} {{firstName}}', '{"firstName": "Ann"}', '{{a}b}} Ann', NULL),
('{ {firstName} }', '{}', '{ {firstName} }', NULL),
('{% if x %}$1 %s \1', '{}', '{% if x %}$1 %s \1', NULL);
SELECT is(pg_temp.render(template, lead), (subject, coalesce(body, subject))::rendered, format('%L with %s', template, lead)) FROM cases;

-- Large ones.
SELECT is((SELECT md5((pg_temp.render(repeat('x', 1000000))).body)), md5(repeat('x', 1000000)), 'a text of a million bytes');
SELECT is((SELECT (pg_temp.render(repeat('{{firstName}},{{nothing|none}};', 5000), '{"firstName": "<A>"}')).body), repeat('&lt;A&gt;,none;', 5000), 'ten thousand tokens');
SELECT is((SELECT md5((pg_temp.render('{{long}}', jsonb_build_object('long', repeat('ab<', 100000)))).body)), md5(repeat('ab&lt;', 100000)), 'a long value');
SELECT is((SELECT md5((pg_temp.render('{{long}}', jsonb_build_object('long', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 20000) i)))).body)),
    (SELECT md5(string_agg(md5(i::text), '')) FROM generate_series(1, 20000) i), 'one that is stored out of line');

-- A message that is made too large fails, and does not hold up the others.
SELECT lt_create_campaign('large', jsonb_build_array(jsonb_build_object('subject', 's', 'bodyHtml', repeat('{{long}}', 100)))) AS large \gset
SELECT lt_bulk_upsert(:'large', jsonb_build_array(jsonb_build_object('email', 'large@example.com', 'long', repeat('x', 200000)), jsonb_build_object('email', 'small@example.com', 'long', 'y')));
SELECT lt_start_campaign(:'large');
SELECT results_eq(format('SELECT email, length(body_html) FROM lt_claim_messages(10, ''1 minute'', %L)', :'large'), 'VALUES (''small@example.com'', 100)', 'a message of 20 MB is not handed out');
SELECT results_eq(format('SELECT email, state, reason FROM lt_messages WHERE campaign_id = %L ORDER BY email', :'large'),
    'VALUES (''large@example.com'' COLLATE "C", ''failed'', ''message too large''), (''small@example.com'', ''leased'', NULL)', 'but has failed');
-- A custom field of the token's name does not stand in for the link.
SELECT is((pg_temp.render('[{{unsubscribeUrl}}]', '{"unsubscribeUrl": "x"}')).subject, '[]', 'a link is no field');
SELECT is((pg_temp.render('[{{unsubscribeUrl|none}}]')).subject, '[none]', 'and has no value where the workspace has no address for it');


-- Where the workspace is: lines in HTML, one line in a subject.
SELECT is((pg_temp.render('[{{postalAddress}}]', '{"postalAddress": "x"}')), ('[]', '[]')::rendered, 'a postal address is no field');
SELECT lt_set_postal_address(E'Acme & Söhne\r\n1 Main Street\n  Springfield \n');
SELECT is(pg_temp.render('{{ postalAddress }}'), ('Acme & Söhne 1 Main Street   Springfield', 'Acme &amp; Söhne<br>1 Main Street<br>  Springfield')::rendered, 'a body has its lines');
SELECT is((pg_temp.render('{{postalAddress|urlencode}}')).body, 'Acme%20%26%20S%C3%B6hne%0A1%20Main%20Street%0A%20%20Springfield', 'a link has it encoded');
SELECT is((SELECT postal_address FROM leadterra.workspaces WHERE workspace_id = lt_current_workspace()), E'Acme & Söhne\n1 Main Street\n  Springfield', 'it is kept with one sort of line breaks');
SELECT throws_ok(format('SELECT lt_set_postal_address(%L)', address), 'PT400', NULL, format('address %L', left(address, 10)))
FROM unnest(ARRAY['', E' \n', U&'\00A0', E'a\tb', E'a\x1bb', repeat('x', 1001)]) address;
SELECT lives_ok(format('SELECT lt_set_postal_address(%L)', repeat('x', 1000)), 'an address of 1,000 bytes');
SELECT lt_set_postal_address(NULL);
SELECT is((pg_temp.render('[{{postalAddress|none}}]')).subject, '[none]', 'null takes it away');

-- Random texts: each lead has its own, the same in every attempt; two of a text are independent.
SELECT lt_create_campaign('random', '[{"subject": "{{random|a|b|c|d}}", "bodyHtml": "{{random|a|b|c|d}}{{firstName}}{{random|a|b|c|d}}"}]') AS random \gset
SELECT lt_bulk_upsert(:'random', (SELECT jsonb_agg(jsonb_build_object('email', format('r%s@example.com', i))) FROM generate_series(1, 400) i));
SELECT lt_start_campaign(:'random');
CREATE TEMP TABLE chosen AS SELECT 1 AS round, * FROM lt_claim_messages(400, '1 minute', :'random');
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no') FROM chosen GROUP BY lease_id;
SET leadterra.now = '2040-01-01';
INSERT INTO chosen SELECT 2, * FROM lt_claim_messages(400, '1 minute', :'random');
RESET leadterra.now;
SELECT is((SELECT count(*) FROM chosen a JOIN chosen b USING (message_id, subject, body_html) WHERE a.round = 1 AND b.round = 2), 400::bigint, 'a second attempt has the same texts');
SELECT is((SELECT count(*) FROM (SELECT subject, count(*) FROM chosen WHERE round = 1 GROUP BY 1) c WHERE count BETWEEN 60 AND 140), 4::bigint, 'choices are even');
SELECT cmp_ok((SELECT count(DISTINCT subject || body_html) FROM chosen WHERE round = 1), '>', 55::bigint, 'and independent of each other');
SELECT lt_copy_campaign(:'random') AS other \gset
SELECT lt_bulk_upsert(:'other', (SELECT jsonb_agg(jsonb_build_object('email', format('r%s@example.com', i))) FROM generate_series(1, 400) i));
SELECT lt_start_campaign(:'other');
SELECT cmp_ok((SELECT count(*) FROM lt_claim_messages(400, '1 minute', :'other') o JOIN chosen c ON c.round = 1 AND c.lead_id = o.lead_id AND c.subject = o.subject), '<', 200::bigint, 'another campaign chooses anew');

SELECT * FROM finish();
ROLLBACK;
