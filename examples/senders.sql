-- Three accounts in two time zones send a campaign of two steps on working days.  It is
-- forecast, then sent as time goes by, and both are compared.
--
--     psql -d DATABASE -f examples/senders.sql
--
-- Time is a setting here, which superusers alone may change.  Nothing of it stays.
\set ON_ERROR_STOP on
BEGIN;
-- A workspace of its own shares nothing with what is there.
SELECT lt_use_workspace(lt_create_workspace('Example')) \g /dev/null
-- A Monday.
SET LOCAL leadterra.now = '2030-01-07 08:00+00';

\echo 'Two accounts in New York, and one in Berlin that is warming up:'
SELECT lt_create_sender('ann@acmecorp.com', '{
    "name": "Ann", "dailyLimit": 30, "timeZone": "America/New_York"
}') AS ann, lt_create_sender('bo@acmecorp.com', '{
    "name": "Bo", "dailyLimit": 20, "timeZone": "America/New_York"
}') AS bo, lt_create_sender('cai@acmecorp.com', '{
    "name": "Cai", "status": "warming", "rampFrom": 5, "rampStep": 5, "dailyLimit": 25,
    "timeZone": "Europe/Berlin"
}') AS cai, lt_create_pool('Sales') AS pool \gset
SELECT lt_set_pool_senders(:'pool', ARRAY[:'ann', :'bo', :'cai']::uuid[]) \g /dev/null
SELECT email, status, time_zone, capacity_today FROM lt_senders ORDER BY email;

SELECT lt_create_campaign('Spring launch', '[
    {"subject": "{{firstName|Hello}}, a question",
     "bodyHtml": "<p>Who looks after outbound at {{company}}?</p>"},
    {"delay": 2, "delayUnit": "days", "subject": "",
     "bodyHtml": "<p>Shall I send an example?</p>"}
]') AS campaign \gset
SELECT * FROM lt_bulk_upsert(:'campaign', (
    SELECT jsonb_agg(jsonb_build_object(
        'email', format('lead-%s@example.com', n), 'company', 'Company ' || n))
    FROM generate_series(1, 150) n));
SELECT lt_set_sending(:'campaign', jsonb_build_object(
    'poolId', :'pool',
    'schedule', '{"schedules": [{
        "name": "Working days", "timezone": "America/New_York",
        "timing": {"from": "09:00", "to": "17:00"},
        "days": {"1": true, "2": true, "3": true, "4": true, "5": true}
    }]}'::jsonb)) \g /dev/null
SELECT lt_start_campaign(:'campaign') \g /dev/null

\echo 'Before the window opens:'
SELECT status, next_due_at FROM lt_sending_status(:'campaign');

-- Sends what may be sent, and goes on to when something is due next, until nothing waits.
CREATE TEMP TABLE forecast AS SELECT * FROM lt_forecast(:'campaign');
CREATE TEMP TABLE handed_out (at timestamptz, step integer, sender_email text, subject text);
DO $$
DECLARE
    lease uuid;
BEGIN
    LOOP
        WITH claimed AS (
            SELECT * FROM lt_claim_messages(1000)
        ), noted AS (
            INSERT INTO handed_out
            SELECT current_setting('leadterra.now')::timestamptz, step, sender_email, subject
            FROM claimed
        )
        SELECT lease_id INTO lease FROM claimed LIMIT 1;
        IF lease IS NOT NULL THEN
            PERFORM lt_complete_messages(lease);
        ELSE
            EXIT WHEN lt_next_due() IS NULL;
            PERFORM set_config('leadterra.now', lt_next_due()::text, true);
        END IF;
    END LOOP;
END;
$$;

\echo 'Day by day, as it was forecast and as it was:'
SELECT to_char(coalesce(f.day, s.day), 'Dy DD') AS day, coalesce(f.step, s.step) AS step,
    f.messages AS forecast, s.messages AS sent, f.backlog
FROM (SELECT * FROM forecast WHERE messages > 0) f
FULL JOIN (
    SELECT (at AT TIME ZONE 'America/New_York')::date AS day, step, count(*) AS messages
    FROM handed_out
    GROUP BY 1, 2
) s ON s.day = f.day AND s.step = f.step
ORDER BY coalesce(f.day, s.day), 2;

\echo 'Each lead had one sender:'
SELECT step, sender_email, sent FROM lt_step_stats(:'campaign');
\echo 'The second step continues the thread of the first:'
SELECT step, min(subject) AS subject FROM handed_out GROUP BY step ORDER BY step;
\echo 'At the end:'
SELECT status, message FROM lt_sending_status(:'campaign');
ROLLBACK;
