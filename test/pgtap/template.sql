-- template: what a message looks like when it is claimed.
BEGIN;
SELECT plan(58);

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
(E'{{first\nName}}', '{}', '{{first Name}}', E'{{first\nName}}'),
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

SELECT * FROM finish();
ROLLBACK;
