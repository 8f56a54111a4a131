-- The bulk call as users make it: the payloads of the published pages, and
-- what comes back when something is wrong.
\set SHOW_CONTEXT never

SELECT lt_create_campaign('Spring', '[
    {"subject": "Hi {{firstName}}", "bodyHtml": "<p>How is {{company}}?</p>"},
    {"subject": "Again", "bodyHtml": "<p>One more thing</p>", "delayDays": 3}
]') AS campaign \gset

-- The endpoint reference: four leads, one of them in this campaign already.
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "dan@example.com", "firstName": "Daniel"}]');
SELECT * FROM lt_bulk_upsert(:'campaign', '{
    "leads": [
        {"email": "ava@example.com", "firstName": "Ava", "company": "ExampleCo", "jobTitle": "VP Sales"},
        {"email": "ben@example.com", "firstName": "Ben", "company": "AcmeCorp", "jobTitle": "Head of Growth"},
        {"email": "cara@example.com", "firstName": "Cara", "company": "StartupHQ", "jobTitle": "Founder"},
        {"email": "dan@example.com", "firstName": "Dan", "company": "ScaleUp Inc", "jobTitle": "Director of Sales"}
    ]
}');
SELECT email, first_name, company, job_title FROM lt_leads WHERE email ~ '^(ava|ben|cara|dan)@example.com$' ORDER BY email;

-- The guide: three leads, then the campaign starts.
SELECT lt_create_campaign('Guide', '[{"subject": "Hi", "bodyHtml": "<p>Hi</p>"}]') AS guide \gset
SELECT * FROM lt_bulk_upsert(:'guide', '{
    "leads": [
        {"email": "ava@acmecorp.com", "firstName": "Ava", "lastName": "Chen", "company": "Acme Corp", "jobTitle": "VP Sales"},
        {"email": "marcus@buildfast.io", "firstName": "Marcus", "lastName": "Webb", "company": "BuildFast", "jobTitle": "Head of Growth"},
        {"email": "priya@nexusai.com", "firstName": "Priya", "lastName": "Sharma", "company": "Nexus AI", "jobTitle": "Director of Revenue"}
    ]
}');
SELECT status, leads_enrolled, queued_messages FROM lt_start_campaign(:'guide');
SELECT step, email, state FROM lt_messages WHERE campaign_id = :'guide' ORDER BY message_id;

-- The concept page: one known, one new, and an extra key.
SELECT lt_create_campaign('Concept') AS concept \gset
SELECT * FROM lt_bulk_upsert(:'concept', '[{"email": "priya.sharma@voltmetrics.io"}]');
SELECT * FROM lt_bulk_upsert(:'concept', '{
    "leads": [
        {"email": "priya.sharma@voltmetrics.io", "firstName": "Priya", "company": "Voltmetrics", "jobTitle": "VP of Sales"},
        {"email": "dan.foster@loopcraft.com", "firstName": "Dan", "company": "Loopcraft", "jobTitle": "Head of Growth",
         "useCase": "outbound pipeline generation"}
    ]
}');
SELECT first_name, custom FROM lt_leads WHERE email = 'dan.foster@loopcraft.com';

-- A report, an entry a row.
SELECT lt_suppress('{no@example.com}');
SELECT index, email, lead_id IS NOT NULL AS has_lead, outcome, new_to_workspace, reason
FROM lt_bulk_upsert_report(:'campaign', '[
    {"email": " Ava@Example.com "},
    {"email": "eve@example.com"},
    {"email": "EVE@example.com", "phone": "1"},
    {"email": "marcus@buildfast.io"},
    {"email": "no@example.com"},
    {"email": "nobody"},
    {"firstName": "Nobody"},
    {"email": "x@example.com", "firstName": 1},
    7
]', on_invalid => 'skip');

-- Invalid entries fail the whole call.
SELECT lt_bulk_upsert(:'campaign', '[
    {"email": "new@example.com"},
    {"email": "nobody", "interestStatus": 1.5, "assignedTo": "me"},
    {"email": 5},
    {"firstName": "Nobody"},
    {"email": "x@example.com", "customFields": {"firstName": "X", "a": 1}},
    {"email": "y@example.com", "customFields": []},
    "z@example.com"
]');
SELECT count(*) FROM lt_leads WHERE email = 'new@example.com';

-- A dry run writes nothing.
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "new@example.com"}, {"email": "ava@example.com"}]', dry_run => true);
SELECT email, lead_id IS NULL AS no_lead, outcome, new_to_workspace
FROM lt_bulk_upsert_report(:'campaign', '[{"email": "new@example.com"}]', dry_run => true);
SELECT count(*) FROM lt_leads WHERE email = 'new@example.com';

-- Malformed calls.
SELECT lt_bulk_upsert(:'campaign', '7');
SELECT lt_bulk_upsert(:'campaign', '{"lead": []}');
SELECT lt_bulk_upsert(:'campaign', '{"leads": {"email": "x@example.com"}}');
SELECT lt_bulk_upsert(:'campaign', NULL);
SELECT lt_bulk_upsert(NULL, '[]');
SELECT lt_bulk_upsert(:'campaign', '[]', on_invalid => 'ignore');
SELECT lt_bulk_upsert(:'campaign', '[]', on_invalid => NULL);
SELECT lt_bulk_upsert(:'campaign', '[]', dry_run => NULL);
SELECT lt_bulk_upsert('00000000-0000-7000-8000-00000000beef', '[]');
SELECT lt_bulk_upsert(:'campaign', '[]', on_invalid => E'x\r\nInjected: header');
SELECT * FROM lt_bulk_upsert(:'campaign', '[]');

-- What the parser of jsonb refuses keeps the server's own error.
SELECT lt_bulk_upsert('00000000-0000-7000-8000-00000000beef', '[{"email": "x@example.com", "firstName": "\u0000"}]');

SELECT lt_unsuppress('{no@example.com}');

-- Removing and enrolling again.
SELECT lt_remove_leads(:'guide', '{AVA@acmecorp.com, nobody@example.com, NULL}');
SELECT leads_enrolled, queued_messages FROM lt_campaigns WHERE campaign_id = :'guide';
SELECT email, state, reason FROM lt_messages WHERE campaign_id = :'guide' ORDER BY message_id;
SELECT * FROM lt_bulk_upsert(:'guide', '[{"email": "ava@acmecorp.com"}]');
SELECT leads_enrolled, queued_messages FROM lt_campaigns WHERE campaign_id = :'guide';
SELECT email, status, next_step FROM lt_enrollments WHERE campaign_id = :'guide' ORDER BY email;
SELECT lt_remove_leads(:'guide', NULL);
SELECT lt_remove_leads(NULL, '{}');
SELECT lt_remove_leads('00000000-0000-7000-8000-00000000beef', '{}');

-- Isolation levels that cannot see what was just committed.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT lt_bulk_upsert(:'campaign', '[]');
ROLLBACK;
