-- message: what is rendered of the texts of a step, and which variant of it a lead gets.
--
-- Which one that is follows from ids alone: shares are counted over ids that are the same in
-- every run, so no test here fails by chance but where it says how seldom.
BEGIN;
SELECT plan(74);
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1c02';
\ir ../call.sql
SELECT pg_temp.at('0');
CREATE FUNCTION pg_temp.campaign(steps jsonb, leads jsonb) RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign('c', steps);
BEGIN
    PERFORM lt_bulk_upsert(c, leads), lt_start_campaign(c);
    RETURN c;
END;
$$;
CREATE FUNCTION pg_temp.leads(count integer) RETURNS jsonb LANGUAGE sql AS $$ SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i), 'n', i)) FROM generate_series(1, count) i $$;
-- What a lead gets of a step.
CREATE FUNCTION pg_temp.message(step jsonb, lead jsonb DEFAULT '{}') RETURNS SETOF lt_message LANGUAGE sql SET search_path = public, pg_temp AS $$
    SELECT m.* FROM pg_temp.campaign(jsonb_build_array('{"subject": "s", "bodyHtml": "b"}'::jsonb || step), jsonb_build_array('{"email": "one@example.com", "company": null, "n": null}'::jsonb || lead)) c, lt_claim_messages(1, '5 minutes', c) m
$$;
SET LOCAL client_min_messages = error;

-- A body as text.
SELECT is((SELECT (body_text, variant, headers)::text FROM pg_temp.message('{}')), '(,,)', 'a step may have none of all this');
SELECT is((SELECT body_text FROM pg_temp.message('{"bodyText": "a < b & {{company}}\n{{x|y\"z}} {{postalAddress}}&amp;"}', '{"company": "<C & D>\r\nE"}')), E'a < b & <C & D>\r\nE\ny"z &amp;', 'a text has values as they are, and its own line breaks');
SELECT lt_set_postal_address(E'A & B\n1 Main Street');
SELECT is((SELECT body_text || '|' || body_html FROM pg_temp.message('{"bodyText": "{{postalAddress}}", "bodyHtml": "{{postalAddress}}"}')), E'A & B\n1 Main Street|A &amp; B<br>1 Main Street', 'where the workspace is, line by line');
SELECT is((SELECT body_text FROM pg_temp.message('{"bodyText": ""}')), '', 'an empty text is one');

-- A preheader.
CREATE FUNCTION pg_temp.shown(body text) RETURNS text LANGUAGE sql AS $$ SELECT regexp_replace(replace(body, '&#847;&zwnj;&nbsp;', ''), '<div style="display:none;[^"]*;overflow:hidden;mso-hide:all">(.*?)</div>', '[\1]') $$;
SELECT is((SELECT pg_temp.shown(body_html) FROM pg_temp.message(jsonb_build_object('bodyHtml', body, 'preheader', 'p'))), shown, body)
FROM (VALUES
    ('b', '[p]b'), ('', '[p]'), ('<p>b</p>', '[p]<p>b</p>'), ('<html><body><p>b</p></body></html>', '<html><body>[p]<p>b</p></body></html>'), (E'<!DOCTYPE html><HTML>\n<BODY\nclass="a>b" title=''>"''>b', E'<!DOCTYPE html><HTML>\n<BODY\nclass="a>b" title=''>"''>[p]b'),
    ('<!-- <body> --><body>b', '<!-- <body> --><body>[p]b'), ('<!-- <body>b', '[p]<!-- <body>b'), ('<bodyguard>b', '[p]<bodyguard>b'), ('<body', '[p]<body'), ('<body class="b', '[p]<body class="b'), ('<body/>b', '<body/>[p]b'), ('<body>a<body>b', '<body>[p]a<body>b'),
    ('<!--><body>b', '<!--><body>[p]b'), ('<body title="{{company}}">{{company}}', '<body title="">[p]')) v (body, shown);
SELECT is((SELECT pg_temp.shown(body_html) FROM pg_temp.message('{"preheader": "<i> & {{company}}\n{{n}}", "bodyHtml": "<body>b"}', '{"company": "<C>\r\n\"D\"", "n": 1}')), '<body>[&lt;i&gt; &amp; &lt;C&gt; &quot;D&quot; 1]b', 'a preheader is one line, and text');
SELECT is((SELECT body_html FROM pg_temp.message('{"preheader": " {{company}} ", "bodyHtml": "<body>{{n}}"}', '{"n": 5}')), '<body>5', 'one that is blank is left out');
SELECT is((SELECT (length(body_html) - length(replace(body_html, '&nbsp;', ''))) / 6 FROM pg_temp.message(jsonb_build_object('preheader', repeat('ä', 100)))), 50, 'a mailbox shows no more than that: 150 characters');
SELECT is((SELECT strpos(body_html, '&nbsp;') FROM pg_temp.message(jsonb_build_object('preheader', repeat('ä', 200)))), 0, 'a long one needs nothing behind it');

-- Headers.
SELECT is((SELECT headers FROM pg_temp.message('{"headers": {"X-A": "a\r\nBcc: x@example.com {{company}}", "X-Blank": " {{none}}\u200b", "X-B": "{{company|x}} <{{email}}>"}}', '{"company": "C\nD"}')), '{"X-A": "a Bcc: x@example.com C D", "X-B": "C D <one@example.com>"}'::jsonb, 'headers are single lines, and none is blank');
SELECT is((SELECT headers FROM pg_temp.message('{"headers": {"X-A": "{{none}}"}}')), NULL, 'where none is left, there are none');
SELECT is((SELECT count(*) FROM pg_temp.message('{"headers": {"X-A": "{{n}}"}}', jsonb_build_object('n', repeat('n', 10001)))), 0::bigint, 'a header that gets too long');
SELECT is((SELECT string_agg(state || ' ' || reason, ',') FROM lt_messages WHERE email = 'one@example.com' AND state = 'failed'), 'failed message too large', 'fails its message');
SELECT is((SELECT length(headers ->> 'X-A') FROM pg_temp.message('{"headers": {"X-A": "{{n}}"}}', jsonb_build_object('n', repeat('n', 10000)))), 10000, 'and the longest does not');

-- A variant has what is its own, and the rest of its step; the message has all of one variant.
SELECT pg_temp.campaign('[{"subject": "s0 {{n}}", "bodyHtml": "h0", "bodyText": "t0", "preheader": "p0", "headers": {"X-V": "{{n}}"}, "variants": [{"subject": "s1 {{n}}", "bodyText": "t1"}, {"bodyHtml": "h2"}, {"subject": "s3 {{n}}", "bodyHtml": "h3", "bodyText": "t3"}, {"subject": "s4", "disabled": true}, {"subject": "s5", "weight": 0}]}]', pg_temp.leads(300)) AS c \gset
CREATE TEMP TABLE got AS SELECT * FROM lt_claim_messages(1000, '5 minutes', :'c');
SELECT is((SELECT string_agg(DISTINCT concat_ws('/', variant, split_part(subject, ' ', 1), pg_temp.shown(body_html), body_text), ' ' ORDER BY concat_ws('/', variant, split_part(subject, ' ', 1), pg_temp.shown(body_html), body_text)) FROM got), '1/s1/[p0]h0/t1 2/s0/[p0]h2/t0 3/s3/[p0]h3/t3', 'variants');
SELECT is((SELECT count(*) FROM got WHERE split_part(subject, ' ', 2) = (headers ->> 'X-V')), 300::bigint, 'each lead has its own values');
SELECT is((SELECT string_agg(DISTINCT (variant = leadterra.message_variant(lead_id, campaign_id, step, s.variants))::text, ' ') FROM got JOIN leadterra.steps s USING (campaign_id, step)), 'true', 'which variant it is, SQL can say');
SELECT is((SELECT array_agg(get_byte(l.variants, n - 1) ORDER BY n) FROM leadterra.leases l, generate_series(1, 300) n WHERE l.campaign_id = :'c'),
    (SELECT array_agg(variant ORDER BY message_id) FROM got), 'the lease keeps it, in the order of its messages');
SELECT is((SELECT count(*) FROM leadterra.leases l WHERE l.variants IS NOT NULL AND l.campaign_id <> :'c'), 0::bigint, 'and a lease whose step has none does not');

-- The same text in every attempt, whatever becomes of other steps, other leads, and the lease.
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no') FROM got GROUP BY lease_id;
SELECT lt_pause_campaign(:'c');
SELECT lt_set_steps(:'c', '[{"subject": "s0 {{n}}", "bodyHtml": "h0", "bodyText": "t0", "preheader": "p0", "headers": {"X-V": "{{n}}"}, "variants": [{"subject": "s1 {{n}}", "bodyText": "t1"}, {"bodyHtml": "h2"}, {"subject": "s3 {{n}}", "bodyHtml": "h3", "bodyText": "t3"}, {"subject": "s4", "disabled": true}, {"subject": "s5", "weight": 0}]}, {"subject": "2", "bodyHtml": "2", "variants": [{}, {}]}]');
SELECT lt_bulk_upsert(:'c', '[{"email": "new@example.com"}]'), lt_start_campaign(:'c');
SELECT pg_temp.at('1 hour');
CREATE TEMP TABLE again AS SELECT * FROM lt_claim_messages(1000, '5 minutes', :'c');
SELECT is((SELECT count(*) FROM got g JOIN again a USING (message_id) WHERE a.attempt = 2 AND row(a.variant, a.subject, a.body_html, a.body_text, a.headers)::text = row(g.variant, g.subject, g.body_html, g.body_text, g.headers)::text), 300::bigint, 'a second attempt says what the first did');
SELECT lt_release_lease(lease_id) FROM (SELECT DISTINCT lease_id FROM again) l;
CREATE TEMP TABLE thrice AS SELECT * FROM lt_claim_messages(100, '5 minutes', :'c') UNION ALL SELECT * FROM lt_claim_messages(1000, '5 minutes', :'c');
SELECT is((SELECT count(*) FROM got g JOIN thrice a USING (message_id) WHERE row(a.variant, a.subject, a.body_html, a.body_text, a.headers)::text = row(g.variant, g.subject, g.body_html, g.body_text, g.headers)::text), 300::bigint, 'and so after a lease that was given back, in other leases');

-- {{random}} in all texts: the same in every attempt, and in HTML and text what stands there alike.
SELECT pg_temp.campaign('[{"subject": "{{random|a|b}}", "bodyHtml": "<body>{{random|a|b}}", "bodyText": "{{random|a|b}}", "preheader": "{{random|a|b}}", "headers": {"X-A": "{{random|a|b}}", "X-B": "{{random|a|b}}"}, "variants": [{}, {}]}]', pg_temp.leads(1000)) AS c \gset
CREATE TEMP TABLE random AS SELECT message_id, variant, subject, right(body_html, 1) AS html, body_text, substring(pg_temp.shown(body_html) FROM '\[(.)\]') AS preheader, headers ->> 'X-A' AS a, headers ->> 'X-B' AS b, lease_id FROM lt_claim_messages(1000, '5 minutes', :'c');
SELECT is((SELECT count(*) FROM random WHERE html = body_text), 1000::bigint, 'both bodies say the same');
SELECT lt_release_lease(lease_id) FROM random LIMIT 1;
SELECT is((SELECT count(*) FROM random r JOIN lt_claim_messages(1000, '5 minutes', :'c') m USING (message_id) WHERE row(r.subject, r.body_text, r.a, r.b)::text = row(m.subject, m.body_text, m.headers ->> 'X-A', m.headers ->> 'X-B')::text AND pg_temp.shown(m.body_html) = format('<body>[%s]%s', r.preheader, r.html)), 1000::bigint, 'and say it again');
-- By chance one of a million runs has more than this, for a table of two by two.
CREATE FUNCTION pg_temp.chi(xs text[], ys text[]) RETURNS numeric LANGUAGE sql AS $$
    WITH pairs AS MATERIALIZED (SELECT x, y, count(*) AS n FROM unnest(xs, ys) u (x, y) GROUP BY 1, 2)
    SELECT round(sum((coalesce(p.n, 0) - e.n) ^ 2 / e.n), 2)
    FROM (SELECT a.x, b.y, a.n * b.n / cardinality(xs) AS n FROM (SELECT x, sum(n) AS n FROM pairs GROUP BY 1) a, (SELECT y, sum(n) AS n FROM pairs GROUP BY 1) b) e
    LEFT JOIN pairs p USING (x, y)
$$;
SELECT is((SELECT count(*) FROM (SELECT DISTINCT variant, subject, html, preheader, a, b FROM random) d), 64::bigint, 'each says nothing of the others: all of them come together');
SELECT cmp_ok(chi, '<', 24::numeric, format('variant and %s are independent', place))
FROM (SELECT place, pg_temp.chi(array_agg(variant::text), array_agg(said)) AS chi FROM random CROSS JOIN LATERAL (VALUES ('subject', subject), ('body', html), ('preheader', preheader), ('header', a), ('the other header', b)) v (place, said) GROUP BY place) c ORDER BY place;
SELECT cmp_ok((SELECT pg_temp.chi(array_agg(subject), array_agg(html)) FROM random), '<', 24::numeric, 'subject and body too');
SELECT cmp_ok((SELECT pg_temp.chi(array_agg(a), array_agg(b)) FROM random), '<', 24::numeric, 'and two headers');

-- Shares, of 100,000 leads.
CREATE TEMP TABLE people AS SELECT md5(i::text)::uuid AS lead_id FROM generate_series(1, 100000) i;
CREATE TEMP TABLE weights AS SELECT w.n, w.weights, jsonb_agg(jsonb_build_object('weight', u.weight) ORDER BY u.k) AS variants
FROM (VALUES (1, '{1,1}'::integer[]), (2, '{3,1}'), (3, '{1,1,1,1,1}'), (4, '{1000,1,500}'), (5, '{0,7,0,3}'), (6, '{1}'), (7, array_fill(1, '{26}'))) w (n, weights) CROSS JOIN LATERAL unnest(w.weights) WITH ORDINALITY u (weight, k) GROUP BY 1, 2;
SELECT cmp_ok((SELECT max(abs(100.0 * coalesce(s.share, 0) - 100.0 * u.weight / (SELECT sum(x) FROM unnest(w.weights) x))) FROM unnest(w.weights) WITH ORDINALITY u (weight, k)
    LEFT JOIN (SELECT leadterra.message_variant(lead_id, '0197c043-e39c-7d91-a325-6615db0e1c03', w.n, w.variants) AS k, count(*) / 100000.0 AS share FROM people GROUP BY 1) s USING (k)), '<=', 0.5, 'shares by weights ' || w.weights::text) FROM weights w ORDER BY w.n;
SELECT is((SELECT array_agg(DISTINCT leadterra.message_variant(lead_id, '0197c043-e39c-7d91-a325-6615db0e1c03', 1, '[{}, {"disabled": true}, {"weight": 0}, {"weight": 5}]')) FROM people), '{1,4}', 'who is disabled, or has no weight, gets nobody') ;

-- Steps, and campaigns, say nothing of each other: ids are given, so this is no matter of chance.
SELECT cmp_ok((SELECT pg_temp.chi(array_agg(leadterra.message_variant(lead_id, '0197c043-e39c-7d91-a325-6615db0e1c03', a, w.variants)::text), array_agg(leadterra.message_variant(lead_id, c, b, w.variants)::text)) FROM people), '<', 40::numeric, format('steps %s and %s of %s', a, b, CASE WHEN c = '0197c043-e39c-7d91-a325-6615db0e1c03' THEN 'a campaign' ELSE 'two campaigns' END))
FROM (VALUES (1, 2, '0197c043-e39c-7d91-a325-6615db0e1c03'::uuid), (1, 3, '0197c043-e39c-7d91-a325-6615db0e1c03'), (2, 3, '0197c043-e39c-7d91-a325-6615db0e1c03'), (2, 100, '0197c043-e39c-7d91-a325-6615db0e1c03'), (1, 1, '0197c043-e39c-7d91-a325-6615db0e1c04')) v (a, b, c), weights w WHERE w.n = 3;
SELECT is(leadterra.message_variant('0197c043-e39c-7d91-a325-6615db0e1c03', '0197c043-e39c-7d91-a325-6615db0e1c03', 1, broken::jsonb), NULL, 'no variants: ' || broken) FROM unnest('{"[]","{}","[1]","[{\"weight\": 0}]","[{\"weight\": 1001}]"}'::text[]) broken;

-- Rows by hand: a lease, and a step where nothing checks it.
SELECT pg_temp.campaign('[{"subject": "s", "bodyHtml": "b", "variants": [{}, {}]}]', pg_temp.leads(3)) AS c \gset
SELECT lease_id AS lease FROM lt_claim_messages(2, '5 minutes', :'c') LIMIT 1 \gset
SELECT throws_ok(format('UPDATE leadterra.leases SET variants = %L WHERE lease_id = %L', bytes, :'lease'), '23514', NULL, format('refused: variants %s', bytes)) FROM unnest('{"\\x","\\x01","\\x010203","\\x011b"}'::text[]) bytes;
SELECT lives_ok(format('UPDATE leadterra.leases SET variants = %L WHERE lease_id = %L', bytes, :'lease'), format('taken: variants %s', bytes)) FROM unnest('{"\\x001a",NULL}'::text[]) bytes;
ALTER TABLE leadterra.leases DROP CONSTRAINT leases_valid;
UPDATE leadterra.leases SET variants = '\x1b1b' WHERE lease_id = :'lease';
SELECT is(pg_temp.detail(format('SELECT lt_complete_messages(%L)', :'lease')), 'PT500 broken_row', 'a lease with other variants is broken');
ALTER TABLE leadterra.steps DROP CONSTRAINT steps_valid;
CREATE FUNCTION pg_temp.broken(c uuid, change text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    EXECUTE format('UPDATE leadterra.steps SET subject = ''s'', body_html = ''b'', headers = NULL, variants = NULL WHERE campaign_id = %L', c);
    EXECUTE format('UPDATE leadterra.steps SET %s WHERE campaign_id = %L', change, c);
    RETURN pg_temp.detail(format('SELECT lt_claim_messages(1, ''5 minutes'', %L)', c)) || ', ' || pg_temp.detail(format('SELECT lt_preflight(%L)', c));
END;
$$;
SELECT is(pg_temp.broken(:'c', change), 'PT500 broken_row, PT500 broken_row', 'a step that is broken: ' || change)
FROM unnest(ARRAY['variants = ''[]''', 'variants = ''[{"weight": 0}]''', 'headers = ''{"To": "x"}''', 'subject = NULL', 'body_html = NULL, variants = ''[{}]''']) change;

SELECT * FROM finish();
ROLLBACK;
