-- Six campaigns in a fortnight of their lives, for the page to show: senders, replies, bounces,
-- a list of the suppressed, and webhooks.
--
--     psql -d DATABASE -v workspace=ID -f examples/page.sql
--
-- As a superuser, who alone may set the time.  The functions are on the search path.
\set ON_ERROR_STOP on
\set QUIET on
SET leadterra.workspace_id = :'workspace';
CREATE TEMP TABLE real (now) AS SELECT now();
SELECT set_config('leadterra.now', (now - '13 days'::interval)::text, false) FROM real \g /dev/null

SELECT
    lt_create_sender('ann@acmecorp.com', '{
        "name": "Ann Rivers", "dailyLimit": 160, "timeZone": "America/New_York"}') AS ann,
    lt_create_sender('bo@acmecorp.com', '{
        "name": "Bo Lindqvist", "dailyLimit": 160, "timeZone": "Europe/Stockholm"}') AS bo,
    lt_create_sender('cai@acmecorp.com', '{
        "name": "Cai Moreau", "status": "warming", "rampFrom": 10, "rampStep": 8, "dailyLimit": 120,
        "timeZone": "Europe/Paris"}') AS cai,
    lt_create_sender('dee@acmecorp.com', '{
        "name": "Dee Okafor", "status": "paused", "dailyLimit": 80}') AS dee,
    lt_create_pool('Sales') AS sales, lt_create_pool('Partners') AS partners \gset
SELECT
    lt_set_pool_senders(:'sales', ARRAY[:'ann', :'bo', :'cai']::uuid[]),
    lt_set_pool_senders(:'partners', ARRAY[:'bo', :'dee']::uuid[]) \g /dev/null

SELECT
    lt_create_campaign('Spring launch', '[
        {"subject": "{{firstName|Hello}}, a question", "bodyHtml":
         "<p>Hi {{firstName|there}},</p><p>who looks after outbound at <b>{{company}}</b>?</p>",
         "variants": [
             {"weight": 2},
             {"subject": "Outbound at {{company|your company}}",
              "bodyHtml": "<p>{{firstName|Hello}}, is it you who looks after outbound?</p>"}]},
        {"delayDays": 3, "subject": "", "bodyHtml": "<p>Shall I send an example?</p>"},
        {"delayDays": 5, "subject": "", "bodyHtml": "<p>I will not write again.</p>"}]') AS spring,
    lt_create_campaign('Partners in the north', '[
        {"subject": "Working together", "bodyHtml": "<p>{{firstName}}, shall we talk?</p>"},
        {"delayDays": 4, "subject": "", "bodyHtml": "<p>Did my mail reach you?</p>"}]') AS partner,
    lt_create_campaign('Customers who left', '[
        {"subject": "We miss you", "bodyHtml": "<p>What would bring {{company}} back?</p>"}
    ]') AS gone,
    lt_create_campaign('Fair in Hanover', '[
        {"subject": "See you in hall 5", "bodyHtml": "<p>We are at stand C12.</p>"}]') AS fair,
    lt_create_campaign('Webinar in May', '[
        {"subject": "An invitation", "bodyHtml": "<p>Dear {{firstName}}, join us at {{time}}.</p>"}
    ]') AS webinar,
    lt_create_campaign('Autumn', '[]') AS autumn \gset
SELECT lt_suppress('{competitor.com, *.competitor.com, ceo@example.org}', 'asked by telephone')
\g /dev/null
SELECT lt_bulk_upsert(i.campaign, (
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
        'email', format('%s.%s%s@%s', lower(f), lower(l), n, d),
        'firstName', CASE WHEN n % 9 > 0 THEN f END, 'lastName', l, 'company', c,
        'jobTitle', (ARRAY['Head of Sales', 'Founder', 'VP Marketing', 'Buyer'])[1 + n % 4],
        'website', 'https://' || d, 'useCase', 'case ' || n % 3)))
    FROM generate_series(i.first, i.last) AS n
    CROSS JOIN LATERAL (SELECT
        (ARRAY['Ava', 'Marcus', 'Priya', 'Jonas', 'Mei', 'Omar', 'Lena', 'Tomás'])[1 + n % 8],
        (ARRAY['Chen', 'Webb', 'Sharma', 'Berg', 'Lin', 'Haddad', 'Vogel'])[1 + n % 7],
        (ARRAY['Northwind', 'Buildfast', 'Nexus', 'Loopcraft', 'Brightside'])[1 + n % 5],
        (ARRAY['northwind.example', 'buildfast.example', 'nexus.example', 'loopcraft.example',
            'brightside.example'])[1 + n % 5]) AS x (f, l, c, d)))
FROM (VALUES (:'spring'::uuid, 1, 2600), (:'partner', 2001, 2900), (:'gone', 4001, 4500),
    (:'fair', 5001, 5320), (:'webinar', 6001, 6240)) AS i (campaign, first, last) \g /dev/null
SELECT
    lt_set_sending(:'spring', jsonb_build_object('poolId', :'sales', 'bounceLimit', 0.05)),
    lt_set_sending(:'partner', '{"dailyLimit": 120, "dailyNewLeads": 90, "bounceLimit": 0.05}'),
    lt_set_sending(:'gone', '{"dailyLimit": 60, "bounceLimit": 0.01}') \g /dev/null
SELECT webhook_id AS hook FROM lt_create_webhook('https://crm.example/hooks/leadterra',
    '{reply.received, message.bounced, lead.unsubscribed, campaign.finished}') \gset
SELECT webhook_id AS old FROM lt_create_webhook('https://old.example/hook', '{campaign.paused}')
\g /dev/null
SELECT lt_start_campaign(c) FROM unnest(ARRAY[:'spring', :'partner', :'gone', :'fair']::uuid[]) c
\g /dev/null

-- Four times a day all is sent that may be, and recipients do what people do, each as a digest
-- of the message has it.
CREATE TEMP TABLE sent (message_id uuid, step integer, kind integer);
CREATE FUNCTION pg_temp.live() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    claimed uuid[];
    refused uuid[];
    lease uuid;
BEGIN
    FOR turn IN 0 .. 51 LOOP
        PERFORM set_config('leadterra.now', (r.now - make_interval(hours => 6 * (51 - turn)))::text,
            false)
        FROM real r;
        LOOP
            WITH claimed AS (
                SELECT m.lease_id, m.message_id, m.step,
                    abs(hashtext(m.email || m.step)) % 1000 AS kind
                FROM lt_claim_messages(2000, worker => 'office') m
            ), kept AS (
                INSERT INTO sent
                SELECT c.message_id, c.step, c.kind FROM claimed c WHERE c.kind >= 12
            )
            SELECT c.lease_id, array_agg(c.message_id) FILTER (WHERE c.kind < 12)
            INTO lease, refused
            FROM claimed c GROUP BY 1;
            EXIT WHEN lease IS NULL;
            IF refused IS NOT NULL THEN
                PERFORM lt_bounce_messages(lease, refused, '550 5.1.1 no such user');
            END IF;
            PERFORM lt_complete_messages(lease);
        END LOOP;
        -- What is sent now is answered later.
        IF turn % 4 = 3 THEN
            PERFORM lt_record_event(s.message_id, e.type, e.data)
            FROM sent s
            JOIN (VALUES
                (400, 1000, 'opened', '{}'::jsonb),
                (900, 1000, 'clicked', '{"url": "https://acmecorp.com/demo"}'),
                (935, 952, 'replied', '{"classification": "interested",
                    "threadSnippet": "That sounds good. Could you call me on Thursday?"}'),
                (952, 966, 'replied', '{"classification": "not_interested",
                    "threadSnippet": "Thank you, but we have just chosen somebody else."}'),
                (966, 975, 'replied', '{"threadSnippet": "Who gave you my address?"}'),
                (975, 985, 'replied', '{"classification": "out_of_office",
                    "threadSnippet": "I am away until Monday. In urgent cases ask Lena Vogel."}'),
                (985, 992, 'unsubscribed', '{}'),
                (12, 20, 'bounced', '{"bounceType": "hard",
                    "bounceReason": "550 mailbox unavailable"}')
            ) AS e (low, high, type, data) ON s.kind >= e.low AND s.kind < e.high;
            TRUNCATE sent;
        END IF;
    END LOOP;
END;
$$;
SELECT pg_temp.live() \g /dev/null

-- The receiver of webhooks takes most of what it is told.
SELECT lt_finish_delivery(d.lease_id, d.delivery_id,
    CASE WHEN d.n % 7 = 0 THEN 503 ELSE 204 END,
    CASE WHEN d.n % 7 = 0 THEN 'HTTP 503' END, (40 + d.n * 37 % 200)::integer)
FROM (SELECT c.*, row_number() OVER () AS n FROM lt_claim_deliveries(40) c) d \g /dev/null
RESET leadterra.now;
