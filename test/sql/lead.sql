-- Leads outside of campaigns.
\set SHOW_CONTEXT never

SELECT lt_create_campaign('Leads', '[{"subject": "Hi", "bodyHtml": "Hi"}]') AS campaign \gset
SELECT * FROM lt_bulk_upsert(:'campaign', '[
    {"email": "lead-a@example.com", "firstName": "A", "phone": "1", "customFields": {"size": 10, "city": "Ulm"}},
    {"email": "lead-b@example.com"}, {"email": "lead-c@example.com"}, {"email": "lead-d@example.com"}
]');

-- A patch sets, clears and keeps.
SELECT lt_update_lead(' LEAD-A@example.com', '{
    "first_name": "Ann", "phone": null, "interestStatus": -2, "assignedTo": "019CC043-e39c-7d91-a325-6615db0e1b14",
    "size": 11, "city": null, "customFields": {"tags": ["x"]}, "leadValue": ""}');
SELECT first_name, phone, interest_status, assigned_to, lead_value = '' AS blank_value, custom
FROM lt_leads WHERE email = 'lead-a@example.com';
SELECT lt_update_lead('lead-a@example.com', '{}');

SELECT lt_update_lead('lead-a@example.com', '{"email": "other@example.com", "firstName": []}');
SELECT lt_update_lead('lead-a@example.com', '[]');
SELECT lt_update_lead('nobody@example.com', '{}');
SELECT lt_update_lead(NULL, '{}');
SELECT lt_update_lead('lead-a@example.com', NULL);

-- Deleting takes a lead out of its campaigns, by whatever way.
SELECT status, leads_enrolled, queued_messages FROM lt_start_campaign(:'campaign');
SELECT lead_id AS lead FROM lt_leads WHERE email = 'lead-a@example.com' \gset
SELECT lt_delete_lead(:'lead');
SELECT lt_delete_lead('00000000-0000-7000-8000-00000000beef');
SELECT lt_delete_lead(NULL);
SELECT leads_enrolled, queued_messages FROM lt_campaigns WHERE campaign_id = :'campaign';
SELECT lt_delete_leads('{ LEAD-B@example.com , nobody@example.com, NULL}');
SELECT lt_delete_leads('{}');
SELECT lt_delete_leads(NULL);
DELETE FROM leadterra.leads WHERE email = 'lead-c@example.com';
SELECT leads_enrolled, queued_messages FROM lt_campaigns WHERE campaign_id = :'campaign';
SELECT email, state FROM lt_messages WHERE campaign_id = :'campaign';
SELECT count(*) FROM leadterra.enrollments e WHERE NOT EXISTS (SELECT FROM leadterra.leads l WHERE l.lead_id = e.lead_id);

-- One that comes back is a new lead.
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "lead-c@example.com"}]');
SELECT leads_enrolled, queued_messages FROM lt_campaigns WHERE campaign_id = :'campaign';

TRUNCATE leadterra.leads;
TRUNCATE leadterra.campaigns CASCADE;
BEGIN ISOLATION LEVEL REPEATABLE READ;
DELETE FROM leadterra.leads WHERE email = 'lead-d@example.com';
ROLLBACK;
