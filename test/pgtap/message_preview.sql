-- message_preview: what a step says to a lead is what a worker gets later.
BEGIN;
SELECT plan(16);
SELECT set_config('leadterra.workspace_id', lt_create_workspace('preview')::text, true);

SELECT lt_set_postal_address('1 Main Street'), lt_set_unsubscribe_url('https://example.com/u/');
SELECT lt_create_campaign('c', '[{"subject": "Hi {{firstName}} {{random|a|b|c}}", "bodyHtml": "<body>{{n}} {{postalAddress}}", "bodyText": "{{n}}", "preheader": "P {{n}}", "headers": {"X-N": "{{n}}", "X-M": "{{m}}"}, "variants": [{}, {"subject": "V {{firstName}}"}, {"bodyHtml": "<b>{{random|d|e|f}}</b>"}]},
    {"subject": "", "bodyHtml": "2", "delayDays": 0}]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', format('l%s@example.com', i), 'firstName', 'F' || i, 'n', i)) FROM generate_series(1, 40) i));
CREATE TEMP TABLE previews AS SELECT l.email, s.step, p.* FROM lt_leads l, generate_series(1, 2) s (step), lt_preview_message(:'campaign', s.step, l.lead_id) p;
SELECT is((SELECT count(*) FROM previews), 80::bigint, 'a draft has previews of each step');
SELECT is((SELECT count(DISTINCT variant) FROM previews), 3::bigint, 'of each variant');
SELECT is((SELECT count(*) FROM previews WHERE body_html LIKE '%1 Main Street%'), (SELECT count(*) FROM previews WHERE step = 1 AND variant <> 3), 'with the postal address');
SELECT is((SELECT headers::text FROM previews WHERE email = 'l7@example.com' AND step = 1), '{"X-N": "7"}', 'without headers that are blank');
SELECT lt_start_campaign(:'campaign');
CREATE TEMP TABLE sent AS SELECT email, step, subject, body_html, body_text, headers, variant FROM lt_claim_messages(100);
SELECT is((SELECT count(*) FROM sent), 40::bigint, 'all are handed out');
SELECT is((SELECT string_agg(s.email, ' ') FROM sent s JOIN previews p USING (email, step) WHERE (s.subject, s.body_html, s.body_text, s.headers, s.variant) IS DISTINCT FROM (p.subject, p.body_html, p.body_text, p.headers, p.variant)), NULL, 'as they were shown');
SELECT lt_complete_messages(lease_id) FROM lt_leases;
SELECT is((SELECT string_agg(s.email, ' ') FROM lt_claim_messages(100) s JOIN previews p USING (email, step) WHERE s.subject IS DISTINCT FROM p.subject), NULL, 'so are those that continue');
SELECT is((SELECT count(*) FROM previews WHERE step = 2 AND subject LIKE 'Re: %'), 40::bigint, 'with the subject of the first');

-- No link that somebody might follow.
SELECT lt_create_campaign('link', '[{"subject": "s", "bodyHtml": "<a href=\"{{unsubscribeUrl}}\">x</a>"}]') AS link \gset
SELECT lead_id AS lead FROM lt_leads WHERE email = 'l7@example.com' \gset
SELECT is((SELECT body_html FROM lt_preview_message(:'link', 1, :'lead')), '<a href="">x</a>', 'a link to unsubscribe is left out');

SELECT throws_ok(format('SELECT lt_preview_message(%s)', arguments), code, NULL, name) FROM (VALUES
    (format('%L, 3, %L', :'campaign', :'lead'), 'PT400', 'a step that there is not'), (format('%L, 0, %L', :'campaign', :'lead'), 'PT400', 'step 0'), (format('%L, 2147483647, %L', :'campaign', :'lead'), 'PT400', 'nor any number'),
    (format('%L, NULL, %L', :'campaign', :'lead'), 'PT400', 'no step'), (format('%L, 1, NULL', :'campaign'), 'PT400', 'no lead'), (format('NULL, 1, %L', :'lead'), 'PT400', 'no campaign'), (format('%L, 1, lt_uuidv7()', :'campaign'), 'PT404', 'a lead that there is not')) v (arguments, code, name);

SELECT * FROM finish();
ROLLBACK;
