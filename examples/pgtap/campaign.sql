-- A test of a campaign, with pgTAP and a clock of its own:
--
--     pg_prove -d DATABASE examples/pgtap/campaign.sql
--
-- Setting the clock takes a superuser.  Everything is rolled back.
BEGIN;
SELECT plan(7);

SELECT lt_create_campaign('Trial', '[
    {"subject": "Hello {{firstName|there}}", "bodyHtml": "<p>How is {{company}}?</p>"},
    {"subject": "Still there?", "bodyHtml": "<p>Two days later</p>", "delayDays": 2}
]') AS campaign \gset
SELECT lt_bulk_upsert(:'campaign', '[
    {"email": "ann@example.com", "firstName": "Ann", "company": "A & B"},
    {"email": "bob@example.com", "company": "B"}
]');

-- Monday morning.
SET LOCAL leadterra.now = '2030-01-07 09:00+00';
SELECT lt_start_campaign(:'campaign');
CREATE TEMP TABLE sent AS SELECT * FROM lt_claim_messages(10, '1 hour', :'campaign');
SELECT is((SELECT string_agg(subject, ', ' ORDER BY email) FROM sent),
    'Hello Ann, Hello there', 'subjects');
SELECT is((SELECT body_html FROM sent WHERE email = 'ann@example.com'),
    '<p>How is A &amp; B?</p>', 'values are escaped');
SELECT is(lt_complete_messages(lease_id), 2, 'both are sent') FROM sent LIMIT 1;

-- Ann replies; nothing is due before Wednesday, and then for Bob alone.
SELECT lt_record_event(message_id, 'replied') FROM sent WHERE email = 'ann@example.com';
SET LOCAL leadterra.now = '2030-01-09 08:59:59+00';
SELECT is((SELECT count(*) FROM lt_claim_messages(10, '1 hour', :'campaign')),
    0::bigint, 'nothing is due yet');
SET LOCAL leadterra.now = '2030-01-09 09:00+00';
SELECT is((SELECT string_agg(email, ', ') FROM lt_claim_messages(10, '1 hour', :'campaign')),
    'bob@example.com', 'the follow-up');
SELECT is((SELECT reason FROM lt_explain_lead(:'campaign', 'ann@example.com') WHERE step = 2),
    'replied', 'Ann gets none');

-- A worker that does not come back.
SET LOCAL leadterra.now = '2030-01-09 10:00+00';
SELECT is((SELECT status FROM lt_sending_status(:'campaign')), 'lease_expired', 'a lease runs out');

SELECT * FROM finish();
ROLLBACK;
