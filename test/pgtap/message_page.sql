-- message_page: pages that look at much and find little stop, and say where to go on.
BEGIN;
SELECT plan(17);
-- A workspace of its own, for there may be messages in the default one.
SET LOCAL leadterra.workspace_id = '0197c043-0000-7000-8000-0000000f0016';

-- What the pages of a call have: how many rows each, and which ids in all.  The call has %s
-- for where a page begins.
CREATE FUNCTION pg_temp.pages(call text, key text, OUT sizes integer[], OUT ids text[]) LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    after text;
    page jsonb;
BEGIN
    sizes := '{}';
    ids := '{}';
    LOOP
        EXECUTE format('SELECT jsonb_agg(x) FROM %s x', format(call, coalesce(quote_literal(after), 'NULL'))) INTO page;
        EXIT WHEN page IS NULL;
        sizes := sizes || jsonb_array_length(page);
        ids := ids || ARRAY(SELECT r ->> key FROM jsonb_array_elements(page) WITH ORDINALITY p (r, n) WHERE r ->> key IS NOT NULL ORDER BY n);
        after := page -> -1 ->> 'next_after';
    END LOOP;
END;
$$;
-- Enrolls so many leads, each by a call of its own: a range for each.
CREATE FUNCTION pg_temp.campaign(label text, leads integer) RETURNS uuid LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    id uuid := lt_create_campaign(label, '[{"subject": "s", "bodyHtml": "b"}]');
BEGIN
    FOR i IN 1 .. leads LOOP
        PERFORM lt_bulk_upsert(id, jsonb_build_array(jsonb_build_object('email', format('%s%s@example.com', label, i))));
    END LOOP;
    PERFORM lt_start_campaign(id);
    RETURN id;
END;
$$;

-- What waits.
SELECT pg_temp.campaign('wait', 1001) AS c \gset
SELECT is((SELECT array_agg(m::text) FROM (SELECT message_id, state FROM lt_campaign_messages(:'c', 'retry')) m), '{"(,)"}', 'a page that finds nothing is a row of nulls');
SELECT matches((SELECT next_after FROM lt_campaign_messages(:'c', 'retry')), '^waiting:', 'with where to go on');
SELECT is((SELECT sizes FROM pg_temp.pages(format('lt_campaign_messages(%L, ''retry'', %%s)', :'c'), 'message_id')), '{1}', 'from where there is nothing');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_messages(%L, ''queued'', %%s, 300)', :'c'), 'message_id')), 1001, 'what is asked for is found');
SELECT is((SELECT count(*) FROM lt_campaign_messages(:'c', max_messages => 2000)), 1001::bigint, 'a page may be all');
-- The last one is tried again.
SELECT lease_id AS lease, message_id AS tried FROM lt_claim_messages(1001, '1 hour', :'c') ORDER BY email = 'wait1001@example.com' DESC LIMIT 1 \gset
SELECT lt_fail_messages(:'lease', ARRAY[:'tried'::uuid], 'later');
SELECT lt_release_lease(:'lease');
SELECT is((SELECT ids FROM pg_temp.pages(format('lt_campaign_messages(%L, ''retry'', %%s)', :'c'), 'message_id')), ARRAY[:'tried'::text], 'one behind many others is found');

-- What workers hold, and have sent.
DO $$
DECLARE
    c uuid := (SELECT campaign_id FROM public.lt_campaigns WHERE name = 'wait');
BEGIN
    FOR i IN 1 .. 1000 LOOP
        PERFORM public.lt_complete_messages(lease_id) FROM public.lt_claim_messages(1, '1 hour', c);
    END LOOP;
END;
$$;
SELECT is((SELECT array_agg(m::text) FROM (SELECT message_id, state FROM lt_campaign_messages(:'c', 'leased')) m), '{"(,)"}', 'so it is with leases that are closed');
SELECT matches((SELECT next_after FROM lt_campaign_messages(:'c', 'leased')), '^lease:', 'which say where to go on');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_messages(%L, ''sent'', %%s, 300)', :'c'), 'message_id')), 1000, 'what was sent is found');
SELECT pg_temp.campaign('held', 1) AS held \gset
UPDATE leadterra.leases SET campaign_id = :'held' WHERE campaign_id = :'c' AND workspace_id = lt_current_workspace();
SELECT message_id AS held_message FROM lt_claim_messages(1, '1 hour', :'held') \gset
SELECT is((SELECT ids FROM pg_temp.pages(format('lt_campaign_messages(%L, ''leased'', %%s)', :'held'), 'message_id')), ARRAY[:'held_message'::text], 'a lease behind many others is found');

-- What failed or was skipped.
SELECT pg_temp.campaign('fail', 1001) AS failed \gset
SELECT lt_suppress('{fail1001@example.com}');
SELECT lease_id AS lease FROM lt_claim_messages(1001, '1 hour', :'failed') LIMIT 1 \gset
SELECT lt_fail_messages(:'lease', (SELECT array_agg(message_id) FROM lt_campaign_messages(:'failed', 'leased', max_messages => 1001)), 'no', true);
SELECT is((SELECT sizes FROM pg_temp.pages(format('lt_campaign_messages(%L, ''skipped'', %%s)', :'failed'), 'message_id')), '{1,1}', 'one that was skipped is behind many that failed');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_messages(%L, ''skipped'', %%s)', :'failed'), 'message_id')), 1, 'and is found');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_messages(%L, NULL, %%s, 400)', :'failed'), 'message_id')), 1001, 'all are found where no state is asked for');

-- Leads.
SELECT lt_remove_leads(:'failed', ARRAY(SELECT format('fail%s@example.com', i) FROM generate_series(1, 1000) i));
SELECT is((SELECT sizes FROM pg_temp.pages(format('lt_campaign_leads(%L, ''active'', %%s)', :'failed'), 'lead_id')), '{1,1}', 'an active lead is behind many that were removed');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_leads(%L, ''active'', %%s)', :'failed'), 'lead_id')), 1, 'and is found');
SELECT is((SELECT cardinality(ids) FROM pg_temp.pages(format('lt_campaign_leads(%L, ''removed'', %%s, 300)', :'failed'), 'lead_id')), 1000, 'those are found by their status');

-- A place is one of a page of such messages.
SELECT throws_ok(format('SELECT * FROM lt_campaign_messages(%L, %s)', :'c', given), 'PT400', message, given)
FROM (VALUES ('''queued'', ''exception:x''', 'argument "after" is not from a page of such messages')) v (given, message);

SELECT * FROM finish();
ROLLBACK;
