-- Campaigns as users keep them.
\set SHOW_CONTEXT never

SELECT lt_create_campaign('Life of a campaign', '[
    {"subject": "One", "bodyHtml": "<p>{{firstName}}</p>", "delayDays": 0},
    {"subject": "Two", "bodyHtml": "<p>2</p>"},
    {"subject": "Three", "bodyHtml": "<p>3</p>", "delayDays": 7}
]') AS campaign \gset
SELECT step, subject, delay_minutes FROM leadterra.steps WHERE campaign_id = :'campaign' ORDER BY step;

-- A draft cannot be started without leads, nor without steps.
SELECT lt_start_campaign(:'campaign');
SELECT lt_create_campaign('No steps') AS empty \gset
SELECT * FROM lt_bulk_upsert(:'empty', '[{"email": "campaign-a@example.com"}]');
SELECT lt_start_campaign(:'empty');
SELECT status, leads_enrolled, queued_messages, paused_at FROM lt_pause_campaign(:'empty');

-- Draft, running, paused, running; starting and pausing twice changes nothing.
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "campaign-a@example.com"}, {"email": "campaign-b@example.com"}]');
SELECT status, leads_enrolled, queued_messages, started_at IS NULL AS not_started FROM lt_campaigns WHERE campaign_id = :'campaign';
SELECT count(*) FROM lt_messages WHERE campaign_id = :'campaign';
SELECT name, status, started_at = now() AS started_now, paused_at, leads_enrolled, queued_messages FROM lt_start_campaign(:'campaign');
SELECT status, started_at < now() AS started_before, leads_enrolled, queued_messages FROM lt_start_campaign(:'campaign');
SELECT status, paused_at = now() AS paused_now, leads_enrolled, queued_messages FROM lt_pause_campaign(:'campaign');
SELECT status, paused_at < now() AS paused_before FROM lt_pause_campaign(:'campaign');
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "campaign-c@example.com"}]');
SELECT count(*) FROM lt_messages WHERE campaign_id = :'campaign' AND state = 'queued';
SELECT status, started_at < now() AS started_before, paused_at, leads_enrolled, queued_messages FROM lt_start_campaign(:'campaign');

-- Steps: anything in a draft, texts alone once started, nothing while running.
SELECT lt_set_steps(:'empty', '[{"subject": "A", "bodyHtml": "a"}, {"subject": "B", "bodyHtml": "b"}]');
SELECT lt_set_steps(:'empty', '[{"subject": "C", "bodyHtml": "c", "delayDays": 2}]');
SELECT step, subject, delay_minutes FROM leadterra.steps WHERE campaign_id = :'empty';
SELECT lt_set_steps(:'campaign', '[]');
SELECT status FROM lt_pause_campaign(:'campaign');
SELECT lt_set_steps(:'campaign', '[{"subject": "1", "bodyHtml": "1"}]');
SELECT lt_set_steps(:'campaign', '[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2"}, {"subject": "3", "bodyHtml": "3", "delayDays": 8}]');
SELECT lt_set_steps(:'campaign', '[{"subject": "1", "bodyHtml": "1"}, {"subject": "2", "bodyHtml": "2"}, {"subject": "3", "bodyHtml": "3", "delayDays": 7}]');
SELECT step, subject, body_html, delay_minutes FROM leadterra.steps WHERE campaign_id = :'campaign' ORDER BY step;

-- Steps that are wrong, all of it told at once.
SELECT lt_create_campaign('Wrong', '{}');
SELECT lt_create_campaign('Wrong', NULL);
SELECT lt_create_campaign('Wrong', '[1, {}, {"subject": 1, "bodyHtml": null, "delaydays": 3}, {"subject": "s", "bodyHtml": "b", "delayDays": -1}, {"subject": "s", "bodyHtml": "b", "delayDays": 0.5}, {"subject": "s", "bodyHtml": "b", "delayDays": 3651}]');
SELECT lt_create_campaign('Wrong', (SELECT jsonb_agg('{"subject": "s", "bodyHtml": "b"}'::jsonb) FROM generate_series(1, 101)));
SELECT lt_create_campaign(NULL);
SELECT lt_create_campaign(E' \t');
SELECT count(*) FROM lt_campaigns WHERE name = 'Wrong';

-- Rename, copy, delete.
SELECT lt_rename_campaign(:'campaign', 'Renamed');
SELECT lt_rename_campaign(:'campaign', '');
SELECT lt_copy_campaign(:'campaign') AS copy \gset
SELECT name, status, steps, leads_enrolled FROM lt_campaigns WHERE campaign_id = :'copy';
SELECT lt_copy_campaign(:'campaign', 'Named') AS named \gset
SELECT name FROM lt_campaigns WHERE campaign_id = :'named';
SELECT lt_copy_campaign(:'campaign', ' ');
SELECT status FROM lt_start_campaign(:'campaign');
SELECT lt_delete_campaign(:'campaign');
SELECT status FROM lt_pause_campaign(:'campaign');
SELECT lt_delete_campaign(:'campaign');
SELECT count(*) FROM lt_campaigns WHERE campaign_id = :'campaign';
SELECT count(*) FROM lt_enrollments WHERE campaign_id = :'campaign';
SELECT count(*) FROM lt_leads WHERE email LIKE 'campaign-%';

-- What lacks a value.
SELECT lt_create_campaign('Preflight', '[
    {"subject": "{{ firstName | there }} {{company}}", "bodyHtml": "{{firstName}} {{ use case }} {{email}} {{}} {{broken} {{{phone}}}"},
    {"subject": "plain", "bodyHtml": "{{company_name|}} {{useCase}}"}
]') AS preflight \gset
SELECT * FROM lt_bulk_upsert(:'preflight', '[
    {"email": "campaign-d@example.com", "firstName": "Dee", "company": " ", "use case": 1},
    {"email": "campaign-e@example.com", "company": "Co", "useCase": null, "phone": ""},
    {"email": "campaign-f@example.com"}
]');
SELECT lt_remove_leads(:'preflight', '{campaign-f@example.com}');
SELECT * FROM lt_preflight(:'preflight');

-- A start warns of errors, once and in a line, whenever it starts anything.
SELECT status FROM lt_start_campaign(:'preflight');
SELECT status FROM lt_start_campaign(:'preflight');
SELECT status FROM lt_pause_campaign(:'preflight');
SELECT status FROM lt_start_campaign(:'preflight');
SELECT lt_pause_campaign(:'preflight') IS NOT NULL AS paused;
SELECT lt_rename_campaign(:'preflight', repeat('long', 250)),
    lt_set_steps(:'preflight', jsonb_build_array(jsonb_build_object('subject', E'{{\x1b\r\n', 'bodyHtml', repeat('{{ ', 500)), '{"subject": "", "bodyHtml": ""}'::jsonb));
SELECT status FROM lt_start_campaign(:'preflight');
-- Not of what may be meant, nor of values.
SELECT lt_pause_campaign(:'preflight') IS NOT NULL AS paused;
SELECT lt_set_steps(:'preflight', '[{"subject": "{Hi|Hello} {{nobody}} {{x|\"y\"}}", "bodyHtml": "{{unsubscribeUrl|}}"}, {"subject": "", "bodyHtml": "b"}]');
SELECT status FROM lt_start_campaign(:'preflight');
SELECT lt_pause_campaign(:'preflight') IS NOT NULL AS paused;
SELECT lt_set_steps(:'preflight', '[{"subject": "s", "bodyHtml": "{{ unsubscribeUrl }}"}, {"subject": "", "bodyHtml": "{{postalAddress}}"}]');
SELECT status FROM lt_start_campaign(:'preflight');

-- A campaign that does not exist.
SELECT lt_start_campaign('00000000-0000-7000-8000-00000000beef');
SELECT lt_pause_campaign('00000000-0000-7000-8000-00000000beef');
SELECT lt_set_steps('00000000-0000-7000-8000-00000000beef', '[]');
SELECT lt_rename_campaign('00000000-0000-7000-8000-00000000beef', 'x');
SELECT lt_copy_campaign('00000000-0000-7000-8000-00000000beef');
SELECT lt_delete_campaign('00000000-0000-7000-8000-00000000beef');
SELECT lt_preflight('00000000-0000-7000-8000-00000000beef');
SELECT lt_start_campaign(NULL);
SELECT lt_pause_campaign(NULL);
SELECT lt_set_steps(NULL, '[]');
SELECT lt_rename_campaign(NULL, 'x');
SELECT lt_copy_campaign(NULL);
SELECT lt_delete_campaign(NULL);
SELECT lt_preflight(NULL);
