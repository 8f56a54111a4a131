-- http: the second service's calls, by requests as its clients send them.
BEGIN;
SELECT plan(229);
\set schema public
\ir ../workspace.sql
SELECT set_config('leadterra.workspace_id', lt_create_workspace('v2')::text, true) AS workspace \gset
-- An answer that is an error is its status and code; of another, some members.
CREATE FUNCTION pg_temp.asked(method text, uri text, body jsonb DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('response.status', '', true);
    RETURN pg_temp.http(method, '/api/v2/' || uri, coalesce(body::text, ''));
END;
$$;
CREATE FUNCTION pg_temp.refused(method text, uri text, body jsonb DEFAULT NULL) RETURNS text LANGUAGE sql AS $$
    SELECT concat_ws(' ', a ->> 'statusCode', a ->> 'code', a ->> 'message') FROM pg_temp.asked(method, uri, body) a
$$;
CREATE FUNCTION pg_temp.picked(answer jsonb, VARIADIC names text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_object_agg(n, answer -> n) FROM unnest(names) n
$$;

-- A campaign as the service's clients make one: the first mail at once, and waits behind each.
\set first '{"name": "My First Campaign", "campaign_schedule": {"start_date": "2030-01-01", "end_date": "", "schedules": [{"name": "My Schedule", "timing": {"from": "09:00", "to": "17:00"}, "days": {"1": true, "5": true}, "timezone": "America/Detroit"}]}, "sequences": [{"steps": [{"type": "email", "delay": 0, "variants": [{"subject": "Hello {{firstName}}", "body": "<p>1</p>"}]}, {"type": "email", "delay": 3, "variants": [{"subject": "", "body": "<p>2</p>"}, {"subject": "Other", "body": "<p>3</p>", "v_disabled": true}]}, {"type": "email", "delay": 36, "delay_unit": "hours", "variants": [{"subject": "", "body": "<p>4</p>"}]}, {"type": "email", "delay": 7, "variants": [{"subject": "", "body": "<p>5</p>"}]}]}], "daily_limit": 100, "daily_max_leads": null, "prioritize_new_leads": true, "stop_on_auto_reply": true, "stop_on_reply": true, "open_tracking": false, "email_list": [], "disable_bounce_protect": false, "owned_by": "019e0e3e-599d-7e0a-961f-546be24be171"}'
SELECT pg_temp.asked('POST', 'campaigns', :'first') AS made \gset
SELECT :'made'::jsonb ->> 'id' AS id \gset
SELECT is((SELECT array_agg(delay_minutes ORDER BY step) FROM leadterra.steps WHERE campaign_id = :'id'), '{0,0,4320,2160}', 'a wait is that before the next step');
SELECT is((SELECT array_agg(coalesce(jsonb_array_length(variants), 0) ORDER BY step) FROM leadterra.steps WHERE campaign_id = :'id'), '{0,2,0,0}', 'a single text is the step''s own');
SELECT is((SELECT jsonb_agg(s - 'delay_unit') FROM jsonb_array_elements(:'made'::jsonb #> '{sequences, 0, steps}') s), (SELECT jsonb_agg(s - 'delay_unit') FROM jsonb_array_elements(jsonb_set(:'first'::jsonb #> '{sequences, 0, steps}', '{3, delay}', '0')) s), 'steps come back, but for the wait behind the last');
SELECT is((SELECT array_agg(s ->> 'delay_unit') FROM jsonb_array_elements(:'made'::jsonb #> '{sequences, 0, steps}') s), '{days,days,hours,days}', 'in units that fit');
SELECT is(:'made'::jsonb #> '{campaign_schedule}', '{"start_date": "2030-01-01", "schedules": [{"name": "My Schedule", "timing": {"from": "09:00", "to": "17:00"}, "days": {"0": false, "1": true, "2": false, "3": false, "4": false, "5": true, "6": false}, "timezone": "America/Detroit"}]}', 'so does the schedule, with all days');
SELECT is(:'made'::jsonb - '{id,sequences,campaign_schedule,timestamp_created,timestamp_updated}'::text[], jsonb_build_object('name', 'My First Campaign', 'status', 0, 'organization', :'workspace', 'owned_by', '019e0e3e-599d-7e0a-961f-546be24be171', 'email_list', '[]'::jsonb, 'daily_limit', 100, 'daily_max_leads', NULL,
    'prioritize_new_leads', true, 'stop_on_auto_reply', true, 'disable_bounce_protect', false) || leadterra.http_v2_fixed_campaign(), 'and all else');
SELECT is((SELECT row(daily_limit, daily_new_leads, new_leads_first, bounce_limit, stop_on_auto_reply, owner)::text FROM lt_campaigns), '(100,,t,0.05,t,019e0e3e-599d-7e0a-961f-546be24be171)', 'which is what the campaign has');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id'), :'made'::jsonb || '{"not_sending_status": null}', 'it is shown');
SELECT is(pg_temp.asked('GET', 'campaigns/' || lt_typeid('camp', :'id')) ->> 'id', :'id', 'by its TypeID, too');
-- What it can be told of is told again.
SELECT :'made'::jsonb - '{id,status,organization,timestamp_created,timestamp_updated}'::text[] AS again \gset
SELECT is(pg_temp.asked('PATCH', 'campaigns/' || :'id', :'again'), :'made'::jsonb, 'what is shown can be sent back');
SELECT is(pg_temp.asked('PATCH', 'campaigns/' || :'id', '{}'), :'made'::jsonb, 'nothing changes nothing');
SELECT is(pg_temp.picked(pg_temp.asked('PATCH', 'campaigns/' || :'id', '{"name": "Second", "daily_limit": null, "daily_max_leads": 5, "disable_bounce_protect": true, "owned_by": null}'), 'name', 'daily_limit', 'daily_max_leads', 'disable_bounce_protect', 'owned_by', 'prioritize_new_leads'),
    '{"name": "Second", "daily_limit": null, "daily_max_leads": 5, "disable_bounce_protect": true, "owned_by": null, "prioritize_new_leads": true}', 'some of it is changed');
SELECT is((SELECT row(daily_limit, daily_new_leads, bounce_limit, owner)::text FROM lt_campaigns), '(,5,,)', 'and no more');
SELECT lt_set_sending(:'id', '{"bounceLimit": 0.2}');
SELECT is(pg_temp.asked('PATCH', 'campaigns/' || :'id', '{"disable_bounce_protect": false}') ->> 'disable_bounce_protect', 'false', 'a limit of bounces');
SELECT is((SELECT bounce_limit FROM lt_campaigns), 0.2::float8, 'that is there stays');

-- What a campaign cannot be told.
SELECT is(pg_temp.refused('POST', 'campaigns', body), '400 invalid_request ' || message, message) FROM (VALUES
    ('{}'::jsonb, '"campaign_schedule" is missing'), ('{"campaign_schedule": {}}', '"name" is missing'), (:'first'::jsonb - 'name', '"name" is missing'), (:'first'::jsonb || '{"name": null}', '"name" must be of type string'),
    (:'first'::jsonb || '{"campaign_schedule": null}', '"campaign_schedule" must be of type object'), (:'first'::jsonb || '{"x": 1}', '"x" is unknown here'), (:'first'::jsonb || '{"sequence": []}', '"sequence" is unknown here'), (:'first'::jsonb || '{"status": 1}', '"status" is unknown here'),
    (:'first'::jsonb || '{"open_tracking": true}', '"open_tracking" can only be false here'), (:'first'::jsonb || '{"stop_on_reply": false}', '"stop_on_reply" can only be true here'), (:'first'::jsonb || '{"email_list": ["a@example.com"]}', '"email_list" can only be [] here'),
    (:'first'::jsonb || '{"email_gap": 10}', '"email_gap" can only be null here'), (:'first'::jsonb || '{"cc_list": ["a@example.com"]}', '"cc_list" can only be [] here'), (:'first'::jsonb || '{"is_evergreen": true}', '"is_evergreen" can only be false here'),
    (:'first'::jsonb || '{"disable_bounce_protect": 1}', '"disable_bounce_protect" must be of type boolean'), (:'first'::jsonb || '{"daily_limit": -1}', 'settings are invalid: field "daily_limit": daily_limit must be a whole number from 0 to 1000000000'),
    (:'first'::jsonb || '{"sequences": {}}', '"sequences" must be of type array'), (:'first'::jsonb || '{"sequences": [{}, {}]}', '"sequences" must have one entry, since nobody is ever sent the others'), (:'first'::jsonb || '{"sequences": [1]}', '"sequences[0]" must be a JSON object'),
    (:'first'::jsonb || '{"sequences": [{}]}', '"steps" is missing'), (:'first'::jsonb || '{"sequences": [{"steps": [], "x": 1}]}', '"sequences[0].x" is unknown here'), (:'first'::jsonb || '{"sequences": [{"steps": [{}]}]}', '"type" is missing'),
    (:'first'::jsonb || '{"sequences": [{"steps": [1]}]}', '"sequences[0].steps[0]" must be a JSON object'), (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "linkedin", "delay": 0, "variants": []}]}]}', '"sequences[0].steps[0].type" can only be email'),
    (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "variants": [{"subject": "", "body": ""}]}]}]}', '"delay" is missing'), (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1.5, "variants": [{"subject": "", "body": ""}]}]}]}', '"sequences[0].steps[0].delay" must be a whole number of up to 3650 days'),
    (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1e9, "delay_unit": "minutes", "variants": [{"subject": "", "body": ""}]}]}]}', '"sequences[0].steps[0].delay" must be a whole number of up to 3650 days'), (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": -1, "variants": [{"subject": "", "body": ""}]}]}]}', '"sequences[0].steps[0].delay" must be a whole number of up to 3650 days'),
    (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1, "delay_unit": "weeks", "variants": [{"subject": "", "body": ""}]}]}]}', '"sequences[0].steps[0].delay_unit" must be minutes, hours or days'), (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1, "pre_delay": 1, "variants": []}]}]}', '"sequences[0].steps[0].pre_delay" is of subsequences, which there are none of'),
    (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1, "variants": [{"subject": "", "body": "", "weight": 2}]}]}]}', '"sequences[0].steps[0].variants[0].weight" is unknown here'), (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1, "variants": [{"subject": ""}]}]}]}', 'steps are invalid'),
    (:'first'::jsonb || '{"sequences": [{"steps": [{"type": "email", "delay": 1, "variants": []}]}]}', 'steps are invalid'), (:'first'::jsonb || '{"owned_by": "x"}', '"x" is neither a TypeID nor a UUID')) v (body, message);
SELECT is((SELECT count(*) FROM lt_campaigns), 1::bigint, 'none of these made one');

-- Lists of campaigns, in pages.
SELECT pg_temp.asked('POST', 'campaigns', jsonb_build_object('name', 'Campaign ' || n, 'campaign_schedule', :'first'::jsonb -> 'campaign_schedule')) FROM generate_series(1, 4) n \g /dev/null
CREATE FUNCTION pg_temp.names(uri text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(i ->> 'name', ', ') FROM pg_temp.asked('GET', uri) a, jsonb_array_elements(a -> 'items') i $$;
SELECT is(pg_temp.names('campaigns'), 'Campaign 4, Campaign 3, Campaign 2, Campaign 1, Second', 'campaigns, the newest first');
SELECT pg_temp.asked('GET', 'campaigns?limit=2') ->> 'next_starting_after' AS next \gset
SELECT is(pg_temp.names('campaigns?limit=2'), 'Campaign 4, Campaign 3', 'a page of them');
SELECT is(pg_temp.names('campaigns?limit=3&starting_after=' || :'next'), 'Campaign 2, Campaign 1, Second', 'the next one');
SELECT is(pg_temp.asked('GET', 'campaigns?limit=4&starting_after=' || :'next') ? 'next_starting_after', false, 'and no more');
SELECT is(pg_temp.names('campaigns?search=CAMPAIGN+3'), 'Campaign 3', 'by name');
SELECT is(pg_temp.asked('GET', 'campaigns?search=none'), '{"items": []}', 'none');
SELECT is(pg_temp.refused('GET', 'campaigns?' || query), '400 invalid_request ' || message, query) FROM (VALUES ('limit=101', 'parameter "limit" must be at most 100, not 101'), ('limit=0', 'parameter "limit" must be a number from 1, not "0"'), ('starting_after=x', '"x" is not where a page goes on'), ('tag_ids=x', 'campaigns have no tags to look for'),
    ('status=draft', 'parameter "status" must be the number of a state, not "draft"'), ('exclude_status=7', 'parameter "exclude_status" must be the number of a state, not "7"')) v (query, message);

-- Its states.
SELECT is(pg_temp.refused('POST', 'campaigns/' || :'id' || '/activate'), '400 no_leads_enrolled campaign "Second" has no leads', 'without leads');
SELECT pg_temp.asked('POST', 'leads/add', format('{"campaign_id": "%s", "leads": [{"email": "a@example.com"}, {"email": "b@example.com"}]}', :'id')::jsonb) \g /dev/null
SELECT set_config('leadterra.now', '2030-01-05 00:00+00', true) \g /dev/null
SELECT is(pg_temp.picked(pg_temp.asked('POST', 'campaigns/' || :'id' || '/activate'), 'status', 'timestamp_updated'), '{"status": 1, "timestamp_updated": "2030-01-05T00:00:00.000Z"}', 'active');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id') ->> 'not_sending_status', '1', 'which is out of schedule');
SELECT is(pg_temp.refused('PATCH', 'campaigns/' || :'id', jsonb_build_object('sequences', :'again'::jsonb -> 'sequences')), '409 campaign_running steps of a running campaign cannot be changed', 'its steps stay');
SELECT is(pg_temp.refused('DELETE', 'campaigns/' || :'id'), '409 campaign_running a running campaign cannot be deleted', 'and so does it');
SELECT is(pg_temp.names('campaigns?status=1'), 'Second', 'by state');
SELECT is(pg_temp.names('campaigns?exclude_status=0'), 'Second', 'and by what it is not in');
SELECT is(pg_temp.picked(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'summary', 'status', 'last_healthy_send_at'), '{"status": "out_of_schedule", "last_healthy_send_at": null}', 'why it sends nothing');
SELECT is(pg_temp.picked(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status?with_ai_summary=true') -> 'diagnostics', 'status', 'schedule_status', 'follow_ups_waiting', 'last_updated'), '{"status": "out_of_schedule", "schedule_status": "out_of_schedule", "follow_ups_waiting": {"count": 0, "earliest_wait_time_seconds": 223200}, "last_updated": "2030-01-05T00:00:00.000Z"}', 'and for how long');
SELECT pg_temp.asked('PATCH', 'campaigns/' || :'id', '{"daily_limit": 3, "daily_max_leads": 1}') \g /dev/null
-- A Monday.
SELECT set_config('leadterra.now', '2030-01-07 15:00+00', true) \g /dev/null
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages() \g /dev/null
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'summary' ->> 'last_healthy_send_at', '2030-01-07T15:00:00.000Z', 'when it last sent');
SELECT lt_set_sending(:'id', '{"newLeadsFirst": false}') \g /dev/null
SELECT lt_complete_messages(lease_id) FROM lt_claim_messages() \g /dev/null
SELECT is(pg_temp.picked(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'diagnostics', 'status', 'campaign_daily_limit', 'follow_ups_waiting'), '{"status": "new_lead_limit_met", "campaign_daily_limit": {"limit": 3, "sent": 2, "limit_hit": false}, "follow_ups_waiting": {"count": 1, "earliest_wait_time_seconds": 342000}}', 'new leads wait for tomorrow');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id') ->> 'not_sending_status', '3', 'by a number');
SELECT lt_set_sending(:'id', '{"dailyLimit": 2}') \g /dev/null
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'summary' ->> 'status', 'daily_limit_met', 'all do');
SELECT is(pg_temp.asked('POST', 'campaigns/' || :'id' || '/pause') ->> 'status', '2', 'paused');
SELECT is((SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status')) k), '{summary}', 'of which there is a summary alone');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'summary' ->> 'status', 'campaign_paused', 'that says so');
-- Texts of a paused one may change, waits may not, and steps may be added.
SELECT is(pg_temp.asked('PATCH', 'campaigns/' || :'id', jsonb_build_object('sequences', jsonb_set(:'again'::jsonb -> 'sequences', '{0, steps, 0, variants, 0, body}', '"new"'))) #>> '{sequences, 0, steps, 0, variants, 0, body}', 'new', 'texts change');
SELECT is(pg_temp.refused('PATCH', 'campaigns/' || :'id', jsonb_build_object('sequences', jsonb_set(:'again'::jsonb -> 'sequences', '{0, steps, 0, delay}', '1'))), '409 sequence_fixed ' || message, 'waits do not') FROM (SELECT pg_temp.asked('PATCH', 'campaigns/' || :'id', jsonb_build_object('sequences', jsonb_set(:'again'::jsonb -> 'sequences', '{0, steps, 0, delay}', '1'))) ->> 'message' AS message) m;
SELECT is(jsonb_array_length(pg_temp.asked('PATCH', 'campaigns/' || :'id', jsonb_build_object('sequences', jsonb_set(:'again'::jsonb -> 'sequences', '{0, steps}', (:'again'::jsonb #> '{sequences, 0, steps}') || '{"type": "email", "delay": 0, "variants": [{"subject": "", "body": "6"}]}'))) #> '{sequences, 0, steps}'), 5, 'steps come behind');
UPDATE leadterra.campaigns SET pause_reason = 'bounce_limit' WHERE campaign_id = :'id';
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id') ->> 'status', '-2', 'paused by itself');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'id' || '/sending-status') -> 'summary' ->> 'status', 'campaign_bounce_protect', 'which the summary tells, too');

-- A campaign of the first service: what it has, and the second does not, stays.
SELECT lt_draft_campaign('Ours', '[{"subject": "s", "bodyHtml": "b", "delayDays": 2}, {"subject": "", "bodyHtml": "c", "variants": [{"weight": 3}, {"bodyHtml": "d", "weight": 0}]}]', '{}') AS ours \gset
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'ours') #> '{sequences, 0, steps}', '[{"type": "email", "delay": 1, "delay_unit": "days", "variants": [{"subject": "s", "body": "b"}]}, {"type": "email", "delay": 0, "delay_unit": "days", "variants": [{"subject": "", "body": "c"}, {"subject": "", "body": "d", "v_disabled": true}]}]', 'its texts');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'ours') #> '{campaign_schedule, schedules, 0, timing}', '{"from": "00:00", "to": "24:00"}', 'it always sends');
SELECT pg_temp.asked('PATCH', 'campaigns/' || :'ours', jsonb_build_object('sequences', pg_temp.asked('GET', 'campaigns/' || :'ours') -> 'sequences', 'campaign_schedule', pg_temp.asked('GET', 'campaigns/' || :'ours') -> 'campaign_schedule')) \g /dev/null
SELECT is((SELECT array_agg(delay_minutes ORDER BY step) FROM leadterra.steps WHERE campaign_id = :'ours'), '{2880,1440}', 'what the first step waits for stays');
SELECT lt_create_sender('zoe@sender.example') AS sender, lt_create_pool('p') AS pool \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'sender'::uuid]), lt_set_sending(:'ours', jsonb_build_object('poolId', :'pool')) \g /dev/null
SELECT is(pg_temp.asked('PATCH', 'campaigns/' || :'ours', '{"email_list": ["zoe@sender.example"]}') -> 'email_list', '["zoe@sender.example"]', 'senders of its pool are shown, and may be told again');
SELECT is(pg_temp.refused('PATCH', 'campaigns/' || :'ours', '{"email_list": []}'), '400 invalid_request "email_list" can only be ["zoe@sender.example"] here', 'and not changed');
SELECT is(pg_temp.asked('DELETE', 'campaigns/' || :'ours') ->> 'name', 'Ours', 'it is deleted');
SELECT is(pg_temp.refused('GET', 'campaigns/' || :'ours'), format('404 campaign_not_found campaign "%s" does not exist', :'ours'), 'and gone');

-- What became of them.
SELECT lt_record_event(m.message_id, 'opened'), lt_record_event(m.message_id, 'clicked', '{"url": "x"}'), lt_record_event(m.message_id, 'replied') FROM (SELECT message_id FROM lt_messages WHERE state = 'sent' AND step = 2) m \g /dev/null
SELECT is(pg_temp.asked('GET', 'campaigns/analytics'), jsonb_build_array(jsonb_build_object('campaign_id', :'id', 'campaign_name', 'Second', 'campaign_status', -2, 'campaign_is_evergreen', false, 'leads_count', 2, 'contacted_count', 1, 'completed_count', 0, 'emails_sent_count', 2, 'new_leads_contacted_count', 1,
    'bounced_count', 0, 'unsubscribed_count', 0, 'open_count', 1, 'open_count_unique_by_step', 1, 'reply_count', 1, 'reply_count_unique_by_step', 1, 'link_click_count', 1, 'link_click_count_unique_by_step', 1)), 'counts of all but drafts');
SELECT is((SELECT count(*) FROM jsonb_array_elements(pg_temp.asked('GET', format('campaigns/analytics?ids=%s&ids=%s&id=%s', :'id', c.campaign_id, c.campaign_id)))), 2::bigint, 'of some, each once') FROM lt_campaigns c WHERE name = 'Campaign 1';
SELECT is(pg_temp.asked('GET', 'campaigns/analytics?exclude_total_leads_count=true&start_date=' || d) -> 0, pg_temp.asked('GET', 'campaigns/analytics') -> 0 #- '{leads_count}' #- '{contacted_count}' #- '{completed_count}', 'since ' || d) FROM unnest('{2030-01-07,2030-01-07T15:00:00Z,2030-01-07T05:00:00.123%2b00:00}'::text[]) d;
SELECT is(pg_temp.asked('GET', 'campaigns/analytics?' || q) -> 0 ->> 'emails_sent_count', '0', 'outside of ' || q) FROM unnest('{start_date=2030-01-08,end_date=2030-01-06,end_date=2030-01-07T04:59:59Z}'::text[]) q;
SELECT is(pg_temp.asked('GET', 'campaigns/analytics/daily?' || q), '[{"date": "2030-01-07", "sent": 2, "new_leads_contacted": 1, "opened": 1, "replies": 1, "clicks": 1}]', 'day by day: ' || q) FROM unnest(ARRAY['', 'campaign_id=' || :'id', 'campaign_status=-2', 'start_date=2030-01-07&end_date=2030-01-07']) q;
SELECT is(pg_temp.asked('GET', 'campaigns/analytics/daily?' || q), '[]', 'none: ' || q) FROM unnest('{campaign_status=1,end_date=2030-01-06}'::text[]) q;
SELECT is(pg_temp.refused('GET', p || '?' || d), format('400 invalid_request parameter "%s" must be a date or a time in ISO 8601, not "%s"', split_part(d, '=', 1), split_part(d, '=', 2)), p || d) FROM unnest('{campaigns/analytics,campaigns/analytics/daily}'::text[]) p, unnest('{start_date=x,end_date=2030-02-30,end_date=,start_date=now}'::text[]) d;
SELECT is(pg_temp.refused('GET', 'campaigns/analytics?ids=x'), '404 campaign_not_found campaign "x" does not exist', 'of what there is not');

-- Whoever is through has completed.
SELECT pg_temp.asked('POST', 'campaigns', :'first'::jsonb || '{"name": "Through", "campaign_schedule": {"schedules": [{"name": "x", "timing": {"from": "00:00", "to": "24:00"}, "days": {"1": true}, "timezone": "UTC"}]}, "sequences": [{"steps": [{"type": "email", "delay": 5, "variants": [{"subject": "s", "body": "b"}]}]}]}') ->> 'id' AS through \gset
SELECT pg_temp.asked('POST', 'leads/add', format('{"campaign_id": "%s", "leads": [{"email": "c@example.com"}]}', :'through')::jsonb), pg_temp.asked('POST', 'campaigns/' || :'through' || '/activate') \g /dev/null
SELECT lease_id AS lease FROM lt_claim_messages(campaign_id => :'through') \gset
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'through') ->> 'status', '1', 'with a worker');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'through' || '/sending-status') -> 'summary' ->> 'status', 'healthy', 'which is well');
SELECT lt_complete_messages(:'lease') \g /dev/null
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'through') ->> 'status', '3', 'completed');
SELECT is(pg_temp.asked('GET', 'campaigns/' || :'through' || '/sending-status') -> 'summary' ->> 'status', 'campaign_completed', 'says the summary');
SELECT is(pg_temp.asked('GET', 'campaigns/analytics?id=' || :'through') -> 0 ->> 'completed_count', '1', 'and by how many');

-- Lists.
SELECT pg_temp.asked('POST', 'lead-lists', jsonb_build_object('name', 'List ' || n)) FROM generate_series(1, 2) n \g /dev/null
SELECT pg_temp.asked('POST', 'lead-lists', '{"name": "List 3"}') ->> 'id' AS list \gset
SELECT is(pg_temp.asked('GET', 'lead-lists/' || :'list') - 'timestamp_created', jsonb_build_object('id', :'list', 'organization_id', :'workspace', 'name', 'List 3', 'has_enrichment_task', false, 'owned_by', NULL), 'a list');
SELECT is(pg_temp.names('lead-lists?limit=2'), 'List 3, List 2', 'a page of lists');
SELECT is(pg_temp.names('lead-lists?limit=2&starting_after=' || (pg_temp.asked('GET', 'lead-lists?limit=2') ->> 'next_starting_after')), 'List 1', 'the next');
UPDATE leadterra.lists SET created_at = created_at - interval '1 hour' WHERE name = 'List 1';
SELECT is(pg_temp.names('lead-lists?starting_after=' || (pg_temp.asked('GET', 'lead-lists?limit=2') -> 'items' -> 1 ->> 'timestamp_created')), 'List 1', 'also by the time of the last one');
SELECT is(pg_temp.names('lead-lists?search=LIST+2&has_enrichment_task=false'), 'List 2', 'by name');
SELECT is(pg_temp.names('lead-lists?has_enrichment_task=true'), NULL, 'none has such a task');
SELECT is(pg_temp.asked('PATCH', 'lead-lists/' || :'list', '{"name": "Renamed", "owned_by": null}') ->> 'name', 'Renamed', 'renamed');
SELECT is(pg_temp.refused('PATCH', 'lead-lists/' || :'list', body), '400 invalid_request ' || message, message) FROM (VALUES ('{"name": " "}'::jsonb, 'name of a list must not be null or blank'), ('{"x": 1}', '"x" is unknown here'), ('{"has_enrichment_task": true}', '"has_enrichment_task" can only be false here')) v (body, message);
SELECT is(pg_temp.refused('POST', 'lead-lists', '{}'), '400 invalid_request "name" is missing', 'without a name');
SELECT is(pg_temp.asked('DELETE', 'lead-lists/' || :'list') ->> 'name', 'Renamed', 'deleted');
SELECT is(pg_temp.refused('DELETE', 'lead-lists/' || :'list'), format('404 list_not_found list "%s" does not exist', :'list'), 'once');

-- The block list.
SELECT pg_temp.asked('POST', 'block-lists-entries', '{"bl_value": " Bad@Example.com"}') AS entry \gset
SELECT is(:'entry'::jsonb - '{id,timestamp_created}'::text[], jsonb_build_object('organization_id', :'workspace', 'bl_value', 'bad@example.com', 'is_domain', false), 'an entry');
SELECT is(pg_temp.asked('POST', 'block-lists-entries', '{"bl_value": "bad@EXAMPLE.com"}'), :'entry'::jsonb, 'that is there already');
SELECT is(pg_temp.asked('GET', 'block-lists-entries/' || (:'entry'::jsonb ->> 'id')), :'entry'::jsonb, 'by its id');
SELECT is((SELECT count(*) FROM lt_is_suppressed('bad@example.com')), 1::bigint, 'it is suppressed');
SELECT is(pg_temp.picked(a, 'valid_count', 'invalid_count') || jsonb_build_object('values', (SELECT jsonb_agg(i -> 'bl_value') FROM jsonb_array_elements(a -> 'items') i)), '{"valid_count": 5, "invalid_count": 2, "values": ["example.com", "jon@doe.com", "*.example.net", "bad@example.com"]}', 'many')
FROM pg_temp.asked('POST', 'block-lists-entries/bulk-create', '{"bl_values": ["example.com", "jon@doe.com", "no one", "JON@doe.com", "", "*.example.net", "bad@example.com"]}') a;
SELECT lt_forget('gone@example.org') \g /dev/null
CREATE FUNCTION pg_temp.blocked(uri text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(i ->> 'bl_value', ', ') FROM pg_temp.asked('GET', uri) a, jsonb_array_elements(a -> 'items') i $$;
SELECT is(pg_temp.blocked('block-lists-entries'), '*.example.net, bad@example.com, example.com, jon@doe.com', 'all but hashes');
SELECT is(pg_temp.blocked('block-lists-entries?domains_only=true'), '*.example.net, example.com', 'domains');
SELECT is(pg_temp.blocked('block-lists-entries?search=JON'), 'jon@doe.com', 'by what it begins with');
SELECT is(pg_temp.blocked('block-lists-entries?limit=2&starting_after=' || (pg_temp.asked('GET', 'block-lists-entries?limit=2') ->> 'next_starting_after')), 'example.com, jon@doe.com', 'pages');
SELECT is(pg_temp.blocked('block-lists-entries?limit=2&starting_after=' || (:'entry'::jsonb ->> 'id')), 'example.com, jon@doe.com', 'by the id of the last, too');
SELECT is(pg_temp.refused('DELETE', 'block-lists-entries/' || (:'entry'::jsonb ->> 'id'), '{}'), '400 invalid_request a DELETE takes no body', 'a body with a DELETE might mean something');
SELECT is(pg_temp.asked('DELETE', 'block-lists-entries/' || (:'entry'::jsonb ->> 'id')), :'entry'::jsonb, 'it is taken off');
SELECT is((SELECT count(*) FROM lt_suppressions WHERE entry = 'bad@example.com'), 0::bigint, 'and gone');
SELECT is(pg_temp.refused('GET', 'block-lists-entries/' || (:'entry'::jsonb ->> 'id')), format('404 entry_not_found entry "%s" does not exist', :'entry'::jsonb ->> 'id'), 'for who asks');
SELECT is(pg_temp.refused('POST', uri, body), '400 invalid_request ' || message, message) FROM (VALUES ('block-lists-entries', '{"bl_value": "x"}'::jsonb, '"bl_value" must be an address or a domain, not "x"'), ('block-lists-entries', '{}', '"bl_value" is missing'), ('block-lists-entries', '{"bl_value": "x.example", "x": 1}', '"x" is unknown here'),
    ('block-lists-entries/bulk-create', '{"bl_values": []}', '"bl_values" must have 1 to 1000 values'), ('block-lists-entries/bulk-create', jsonb_build_object('bl_values', (SELECT jsonb_agg('x.example'::text) FROM generate_series(1, 1001))), '"bl_values" must have 1 to 1000 values'), ('block-lists-entries/bulk-create', '{"bl_values": [1]}', '"bl_values" must hold strings')) v (uri, body, message);
-- Entries have ids that lead back, whatever they hash to.
SELECT is((SELECT count(*) FROM generate_series(1, 1000) n, LATERAL (SELECT hashtextextended(n::text, 7) AS h OFFSET 0) d WHERE leadterra.http_v2_entry_domain(leadterra.http_v2_entry_key('e' || n, d.h)) = d.h), 1000::bigint, 'an id has the whole hash of the domain');

-- Jobs.
SELECT pg_temp.asked('POST', 'leads/add', format('{"campaign_id": "%s", "verify_leads_on_import": true, "leads": [{"email": "d@job.example"}]}', :'id')::jsonb) \g /dev/null
SELECT job_id AS job FROM lt_jobs \gset
SELECT is(pg_temp.asked('GET', 'background-jobs/' || :'job') - '{created_at,updated_at}'::text[], jsonb_build_object('id', :'job', 'workspace_id', :'workspace', 'user_id', NULL, 'type', 'verify-leads', 'entity_id', :'id', 'entity_type', 'campaign', 'data', '{"leads_count": 1}'::jsonb, 'progress', 0, 'status', 'pending'), 'a job');
SELECT lt_finish_job(lease_id) FROM lt_claim_job() \g /dev/null
SELECT is(pg_temp.picked(pg_temp.asked('GET', 'background-jobs/' || :'job'), 'status', 'progress'), '{"status": "success", "progress": 100}', 'that is done');
SELECT is(pg_temp.refused('GET', 'background-jobs/0123456789abcdef01234567'), '404 job_not_found job "0123456789abcdef01234567" does not exist', 'and one that there is not');

-- Leads: one at a time.
SELECT lt_create_campaign('Leads', '[{"subject": "s", "bodyHtml": "b"}]') AS c, lt_create_campaign('Others', '[{"subject": "s", "bodyHtml": "b"}]') AS d, lt_create_list('People') AS l, lt_create_list('More') AS m \gset
SELECT pg_temp.asked('POST', 'leads', jsonb_build_object('campaign', :'c', 'email', 'Jo@Job.example', 'first_name', 'Jo', 'last_name', 'Doe', 'company_name', 'X', 'job_title', 'CEO', 'phone', '+1', 'website', 'https://x.example', 'personalization', 'Hi', 'pl_value_lead', 'High', 'lt_interest_status', 1, 'assigned_to', '019e0e3e-599d-7e0a-961f-546be24be171',
    'custom_variables', '{"past_customer": true, "seats": 3}'::jsonb)) AS jo \gset
SELECT :'jo'::jsonb ->> 'id' AS jo_id \gset
SELECT is(:'jo'::jsonb - '{id,timestamp_created,timestamp_updated}'::text[], jsonb_build_object('organization', :'workspace', 'status', 1, 'campaign', :'c', 'list_id', NULL, 'email', 'jo@job.example', 'first_name', 'Jo', 'last_name', 'Doe', 'company_name', 'X', 'job_title', 'CEO', 'phone', '+1', 'website', 'https://x.example', 'personalization', 'Hi',
    'pl_value_lead', 'High', 'lt_interest_status', 1, 'assigned_to', '019e0e3e-599d-7e0a-961f-546be24be171', 'verification_status', NULL, 'company_domain', 'job.example', 'payload', '{"past_customer": true, "seats": 3, "firstName": "Jo", "lastName": "Doe", "companyName": "X"}'::jsonb), 'a lead');
SELECT is(pg_temp.asked('GET', 'leads/' || :'jo_id'), :'jo'::jsonb, 'is shown');
SELECT is(pg_temp.asked('POST', 'leads', jsonb_build_object('campaign', :'c', 'email', 'jo@JOB.example', 'first_name', 'Joe')), :'jo'::jsonb, 'one that is there is not changed');
SELECT is(pg_temp.picked(pg_temp.asked('POST', 'leads', jsonb_build_object('campaign', :'d', 'email', 'jo@job.example', 'skip_if_in_campaign', true)), 'id', 'campaign'), jsonb_build_object('id', :'jo_id', 'campaign', :'c'), 'nor one that is skipped');
SELECT is(pg_temp.picked(pg_temp.asked('POST', 'leads', jsonb_build_object('list_id', :'l', 'first_name', 'Ned', 'verify_leads_on_import', false)), 'email', 'campaign', 'list_id', 'company_domain'), jsonb_build_object('email', NULL, 'campaign', NULL, 'list_id', :'l', 'company_domain', NULL), 'a name is enough for a list');
SELECT is(pg_temp.refused('POST', 'leads', jsonb_build_object('campaign', :'c') || body), '400 invalid_request ' || message, message) FROM (VALUES ('{}'::jsonb, 'a lead needs an address'), ('{"email": "x"}', '"x" is no address'), ('{"email": "jon@doe.com"}', 'the address is on the block list'), ('{"email": "e@job.example", "firstName": "E"}', '"firstName" is unknown here'),
    ('{"email": "e@job.example", "campaign_id": "x"}', '"campaign_id" is unknown here'), ('{"email": "e@job.example", "campaign": 7}', '"campaign" must be of type string'), ('{"email": "e@job.example", "list_id": "0197c043-0000-7000-8000-000000000000"}', 'either campaign_id or list_id must be given, and not both')) v (body, message);
SELECT is(pg_temp.picked(pg_temp.asked('PATCH', 'leads/' || :'jo_id', '{"first_name": null, "phone": "+2", "lt_interest_status": -1, "custom_variables": {"seats": null, "plan": "x"}}'), 'first_name', 'phone', 'lt_interest_status', 'last_name', 'payload'),
    '{"first_name": null, "phone": "+2", "lt_interest_status": -1, "last_name": "Doe", "payload": {"past_customer": true, "plan": "x", "lastName": "Doe", "companyName": "X"}}', 'fields change, and variables by name');
SELECT is(pg_temp.asked('PATCH', 'leads/' || :'jo_id', '{}') ->> 'phone', '+2', 'nothing changes nothing');
SELECT is(pg_temp.refused('PATCH', 'leads/' || :'jo_id', body), message, message) FROM (VALUES ('{"email": "e@job.example"}'::jsonb, '400 invalid_request "email" is unknown here'), ('{"campaign": "x"}', '400 invalid_request "campaign" is unknown here'), ('{"custom_variables": {"a": []}}', '400 invalid_request "custom_variables.a" must be a string, a number, true, false or null'),
    ('{"custom_variables": []}', '400 invalid_request "custom_variables" must be of type object'), ('{"phone": 1}', '422 invalid_leads patch of lead is invalid')) v (body, message);

-- Leads that are found.
SELECT lt_bulk_upsert(:'c', (SELECT jsonb_agg(jsonb_build_object('email', format('p%s@job.example', n))) FROM generate_series(1, 5) n)) \g /dev/null
SELECT lt_add_leads('[{"email": "p1@job.example"}, {"email": "p2@job.example"}]', list_id => :'l') \g /dev/null
UPDATE leadterra.enrollments e SET status = CASE l.email WHEN 'p3@job.example' THEN 'replied' WHEN 'p4@job.example' THEN 'bounced' ELSE 'unsubscribed' END FROM leadterra.leads l WHERE l.lead_id = e.lead_id AND l.email IN ('p3@job.example', 'p4@job.example', 'p5@job.example') AND e.campaign_id = :'c';
SELECT lt_set_verification(array_agg(lead_id), '{-1}') FROM lt_leads WHERE email = 'p2@job.example' \g /dev/null
CREATE FUNCTION pg_temp.leads(body jsonb) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(coalesce(i ->> 'email', i ->> 'first_name'), ' ') FROM pg_temp.asked('POST', 'leads/list', body) a, jsonb_array_elements(a -> 'items') i $$;
SELECT is(pg_temp.leads(jsonb_build_object('campaign', :'c') || body), expected, body::text) FROM (VALUES ('{}'::jsonb, 'jo@job.example p1@job.example p2@job.example p3@job.example p4@job.example p5@job.example'), ('{"filter": "FILTER_VAL_REPLIED"}', 'p3@job.example'), ('{"filter": "FILTER_VAL_BOUNCED"}', 'p4@job.example'), ('{"filter": "FILTER_VAL_UNSUBSCRIBED"}', 'p5@job.example'),
    ('{"filter": "FILTER_VAL_ACTIVE"}', 'jo@job.example p1@job.example p2@job.example'), ('{"search": "P4"}', 'p4@job.example'), ('{"contacts": ["P1@job.example", "q@job.example", "x"]}', 'p1@job.example'), ('{"contacts": []}', NULL), ('{"ids": []}', NULL), (jsonb_build_object('ids', ARRAY[:'jo_id']), 'jo@job.example'),
    (jsonb_build_object('excluded_ids', ARRAY[:'jo_id'], 'search', NULL), 'p1@job.example p2@job.example p3@job.example p4@job.example p5@job.example'), (jsonb_build_object('list_id', :'l'), 'p1@job.example p2@job.example')) v (body, expected);
SELECT is((SELECT array_agg(i ->> 'status') FROM jsonb_array_elements(pg_temp.asked('POST', 'leads/list', jsonb_build_object('campaign', :'c')) -> 'items') i), '{1,1,-3,3,-1,-2}', 'with their states');
SELECT is(pg_temp.leads(jsonb_build_object('list_id', :'l')), 'Ned p1@job.example p2@job.example', 'on a list');
SELECT is((SELECT jsonb_agg(DISTINCT pg_temp.picked(i, 'campaign', 'list_id')) FROM jsonb_array_elements(pg_temp.asked('POST', 'leads/list', jsonb_build_object('list_id', :'l', 'search', 'p')) -> 'items') i), jsonb_build_array(jsonb_build_object('campaign', :'c', 'list_id', :'l')), 'where they are');
-- Pages, to the end.
CREATE FUNCTION pg_temp.pages(body jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    answer jsonb;
    result text := '';
BEGIN
    LOOP
        answer := pg_temp.asked('POST', 'leads/list', body);
        result := result || '[' || (SELECT coalesce(string_agg(i ->> 'email', ' '), '') FROM jsonb_array_elements(answer -> 'items') i) || ']';
        EXIT WHEN NOT answer ? 'next_starting_after';
        body := body || jsonb_build_object('starting_after', answer -> 'next_starting_after');
    END LOOP;
    RETURN replace(result, '@job.example', '');
END;
$$;
SELECT is(pg_temp.pages(jsonb_build_object('campaign', :'c', 'limit', 4)), '[jo p1 p2 p3][p4 p5]', 'pages');
SELECT is(pg_temp.pages(jsonb_build_object('campaign', :'c', 'limit', 2, 'search', 'p')), '[p1 p2][p3 p4][p5]', 'of a search');
SELECT is(pg_temp.pages(jsonb_build_object('campaign', :'c', 'limit', 3)), '[jo p1 p2][p3 p4 p5][]', 'an empty one is the last');
-- A page that found nothing in what it looked at goes on by itself.
SELECT lt_bulk_upsert(:'d', (SELECT jsonb_agg(jsonb_build_object('email', format('many%s@job.example', n))) FROM generate_series(1, 2500) n)) \g /dev/null
SELECT lt_add_leads('[{"email": "zz@job.example"}]', campaign_id => :'d') \g /dev/null
UPDATE leadterra.enrollments e SET status = 'replied' FROM leadterra.leads l WHERE l.lead_id = e.lead_id AND l.email <> 'zz@job.example' AND e.campaign_id = :'d';
SELECT is(pg_temp.leads(jsonb_build_object('campaign', :'d', 'filter', 'FILTER_VAL_ACTIVE')), 'zz@job.example', 'one of many');
SELECT is(pg_temp.refused('POST', 'leads/list', body), message, message) FROM (VALUES ('{"campaign_ids": []}'::jsonb, '400 invalid_request "campaign_ids" is unknown here'), ('{"status": 1}', '400 invalid_request "status" is unknown here'), ('{"distinct_contacts": true}', '400 invalid_request "distinct_contacts" is unknown here'), ('{"limit": 101}', '400 invalid_request parameter "limit" must be at most 100, not 101'),
    ('{"limit": 0}', '400 invalid_request parameter "limit" must be a number from 1, not "0"'), ('{"limit": "5"}', '400 invalid_request "limit" must be of type number'), ('{"filter": "FILTER_VAL_OPENED_NO_REPLY"}', '400 invalid_request "filter" cannot be "FILTER_VAL_OPENED_NO_REPLY" here'), ('{"filter": "FILTER_VAL_REPLIED"}', '400 invalid_request a status is one in a campaign'),
    ('{"ids": [1]}', '400 invalid_request "ids" must hold strings'), ('{"ids": ["x"]}', '400 invalid_request "x" is neither a TypeID nor a UUID'), ('{"contacts": "x"}', '400 invalid_request "contacts" must be of type array'), ('{"starting_after": "x"}', '400 invalid_request argument "after" is not from such a page'),
    ('{"search": "p", "starting_after": "0197c043-0000-7000-8000-000000000000"}', '400 invalid_request "starting_after" must be next_starting_after of the page before'), ('{"campaign": "0197c043-0000-7000-8000-000000000000"}', '404 campaign_not_found campaign "0197c043-0000-7000-8000-000000000000" does not exist')) v (body, message);

-- Moving and merging.
SELECT is(pg_temp.picked(pg_temp.asked('POST', 'leads/move', jsonb_build_object('campaign', :'c', 'filter', 'FILTER_VAL_ACTIVE', 'search', 'p', 'limit', 1, 'to_list_id', :'m', 'check_duplicates', true)), 'type', 'status', 'progress', 'entity_type', 'entity_id', 'data'),
    jsonb_build_object('type', 'move-leads', 'status', 'success', 'progress', 100, 'entity_type', 'list', 'entity_id', :'m', 'data', '{"leads_count": 1}'::jsonb), 'moving is a job that is done');
SELECT is(pg_temp.leads(jsonb_build_object('list_id', :'m')), 'p1@job.example', 'it is where it was to go');
SELECT is(pg_temp.leads(jsonb_build_object('campaign', :'c', 'filter', 'FILTER_VAL_ACTIVE')), 'jo@job.example p2@job.example', 'and not where it was');
SELECT is(pg_temp.asked('POST', 'leads/move', jsonb_build_object('list_id', :'l', 'to_campaign_id', :'c')) -> 'data', '{"leads_count": 2}', 'to a campaign, who has an address');
SELECT is(pg_temp.leads(jsonb_build_object('list_id', :'l')), 'Ned', 'the others stay');
SELECT is(pg_temp.refused('POST', 'leads/move', body), '400 invalid_request ' || message, message) FROM (VALUES (jsonb_build_object('ids', ARRAY[:'jo_id'], 'to_list_id', :'m'), 'either "campaign" or "list_id" must be given, and not both: what leads leave'), (jsonb_build_object('campaign', :'c', 'list_id', :'l', 'to_list_id', :'m'), 'either "campaign" or "list_id" must be given, and not both: what leads leave'),
    (jsonb_build_object('campaign', :'c'), 'either to_campaign_id or to_list_id must be given, and not both'), (jsonb_build_object('campaign', :'c', 'to_campaign_id', :'c'), 'leads cannot be moved to where they are'), (jsonb_build_object('campaign', :'c', 'to_list_id', :'m', 'copy_leads', true), '"copy_leads" can only be false here'), (jsonb_build_object('campaign', :'c', 'to_list_id', :'m', 'lead_ids', '[]'::jsonb), '"lead_ids" is unknown here'),
    (jsonb_build_object('campaign', :'c', 'to_list_id', :'m', 'limit', 10001), 'parameter "limit" must be at most 10000, not 10001')) v (body, message);
SELECT lt_bulk_upsert(:'d', (SELECT jsonb_agg(jsonb_build_object('email', format('more%s@job.example', n))) FROM generate_series(1, 7500) n)) \g /dev/null
SELECT is(pg_temp.refused('POST', 'leads/move', jsonb_build_object('campaign', :'d', 'to_list_id', :'m')), '400 invalid_request more than 10000 leads match: send "limit"', 'so many are not moved at once');
SELECT is(pg_temp.asked('POST', 'leads/move', jsonb_build_object('campaign', :'d', 'to_list_id', :'m', 'limit', 10000)) -> 'data', '{"leads_count": 10000}', 'but in parts');
SELECT pg_temp.asked('POST', 'leads', jsonb_build_object('list_id', :'l', 'first_name', 'J', 'personalization', 'Hello')) ->> 'id' AS twin \gset
SELECT is(pg_temp.picked(pg_temp.asked('POST', 'leads/merge', jsonb_build_object('lead_id', :'twin', 'destination_lead_id', :'jo_id')), 'id', 'first_name', 'personalization', 'list_id'), jsonb_build_object('id', :'jo_id', 'first_name', 'J', 'personalization', 'Hi', 'list_id', :'l'), 'who stays gets what is missing');
SELECT is(pg_temp.refused('GET', 'leads/' || :'twin'), format('404 lead_not_found lead "%s" does not exist', :'twin'), 'the other is gone');
SELECT is(pg_temp.refused('POST', 'leads/merge', body), '400 invalid_request ' || message, message) FROM (VALUES (jsonb_build_object('lead_id', :'jo_id'), '"destination_lead_id" is missing'), (jsonb_build_object('lead_id', :'jo_id', 'destination_lead_id', :'jo_id'), 'a lead cannot be merged with itself'), (jsonb_build_object('lead_id', :'jo_id', 'destination_lead_id', NULL), '"destination_lead_id" must be of type string'), (jsonb_build_object('lead_id', :'jo_id', 'into', 'x'), '"into" is unknown here')) v (body, message);
SELECT is(pg_temp.asked('DELETE', 'leads/' || :'jo_id') ->> 'email', 'jo@job.example', 'a lead is deleted');
SELECT is(pg_temp.refused('DELETE', 'leads/' || :'jo_id'), format('404 lead_not_found lead "%s" does not exist', :'jo_id'), 'once');

SELECT * FROM finish();
ROLLBACK;
