-- message: later steps that continue a thread: under which subject, and what they refer to.
BEGIN;
SELECT plan(40);
SET LOCAL leadterra.workspace_id = '0197c043-e39c-7d91-a325-6615db0e1c05';
\ir ../call.sql
SELECT pg_temp.at('0');
SET LOCAL client_min_messages = error;
-- Steps by their subjects, each due at once.
CREATE FUNCTION pg_temp.steps(VARIADIC subjects text[]) RETURNS jsonb LANGUAGE sql AS $$
    SELECT jsonb_agg(jsonb_build_object('subject', s, 'bodyHtml', 'b', 'delayDays', 0) ORDER BY n) FROM unnest(subjects) WITH ORDINALITY u (s, n)
$$;
CREATE FUNCTION pg_temp.campaign(steps jsonb, leads jsonb DEFAULT '[{"email": "ann@example.com", "firstName": "Ann"}, {"email": "bob@example.com", "firstName": "Bob"}]') RETURNS uuid LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    c uuid := lt_create_campaign('c', steps);
BEGIN
    PERFORM lt_bulk_upsert(c, leads), lt_start_campaign(c);
    RETURN c;
END;
$$;
CREATE TEMP TABLE sent AS SELECT NULL::bigint AS n, m.* FROM lt_claim_messages(1) m;
CREATE INDEX ON sent (n);
CREATE INDEX ON sent (campaign_id, lead_id, step);
-- Claims and completes, a lease a call, and says what was sent: subjects, and the steps that each refers to.
CREATE FUNCTION pg_temp.send(c uuid, most integer DEFAULT 1000, complete boolean DEFAULT true) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    turn bigint := (SELECT coalesce(max(n), 0) + 1 FROM sent);
BEGIN
    INSERT INTO sent SELECT turn, m.* FROM lt_claim_messages(most, '5 minutes', c) m;
    PERFORM lt_complete_messages(l.lease_id) FROM (SELECT DISTINCT lease_id FROM sent WHERE n = turn) l WHERE complete;
    -- Of many nobody reads it.
    IF (SELECT count(*) > 10 FROM sent s WHERE s.n = turn) THEN
        RETURN 'many';
    END IF;
    RETURN (SELECT string_agg(format('%s: %s (%s)', split_part(s.email, '@', 1), s.subject, (
        SELECT coalesce(string_agg(CASE WHEN e.lead_id = s.lead_id THEN e.step::text ELSE 'another' END, ' ' ORDER BY r.number), CASE WHEN s.message_references IS NOT NULL THEN 'empty' END)
        FROM unnest(s.message_references) WITH ORDINALITY r (id, number) LEFT JOIN (SELECT DISTINCT message_id, lead_id, step FROM sent) e ON e.message_id::text = r.id)), ', ' ORDER BY s.email, s.step) FROM sent s WHERE s.n = turn);
END;
$$;

-- The first subject, with what is in front of it.
SELECT pg_temp.campaign(pg_temp.steps('Hello {{firstName}}', '', E' \u200b')) AS c \gset
SELECT is(pg_temp.send(:'c'), 'ann: Hello Ann (), bob: Hello Bob ()', 'a thread begins');
SELECT is(pg_temp.send(:'c'), 'ann: Re: Hello Ann (1), bob: Re: Hello Bob (1)', 'and goes on');
UPDATE leadterra.leads SET first_name = 'Anna' WHERE email = 'ann@example.com';
SELECT is(pg_temp.send(:'c'), 'ann: Re: Hello Anna (1 2), bob: Re: Hello Bob (1 2)', 'a blank subject is none; it is rendered from the present record, and refers to all before, oldest first');

-- Subjects.
SELECT pg_temp.campaign(pg_temp.steps('One', 'Two', '', '', 'Five', '')) AS c \gset
SELECT pg_temp.send(:'c'), pg_temp.send(:'c');
SELECT is(pg_temp.send(:'c'), 'ann: Re: Two (2), bob: Re: Two (2)', 'a step with a subject begins a thread');
SELECT is(pg_temp.send(:'c'), 'ann: Re: Two (2 3), bob: Re: Two (2 3)', 'that goes on from there');
SELECT is(pg_temp.send(:'c'), 'ann: Five (), bob: Five ()', 'one that begins refers to nothing');
SELECT is(pg_temp.send(:'c'), 'ann: Re: Five (5), bob: Re: Five (5)', 'and has its own');
CREATE FUNCTION pg_temp.reply(subject text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid := pg_temp.campaign(pg_temp.steps(subject, ''), '[{"email": "ann@example.com"}]');
BEGIN
    PERFORM pg_temp.send(c);
    RETURN pg_temp.send(c);
END;
$$;
SELECT is(pg_temp.reply(subject), format('ann: %s (1)', reply), format('a reply to "%s"', subject))
FROM (VALUES ('RE: x', 'RE: x'), ('re:x', 're:x'), ('Regards', 'Re: Regards'), ('Re', 'Re: Re'), ('{{none}}', ''), ('', ''), ('Re: {{none|y}}', 'Re: y')) v (subject, reply);
SELECT pg_temp.campaign(pg_temp.steps('{{random|a|b|c|d|e|f|g|h}}', '', ''), (SELECT jsonb_agg(jsonb_build_object('email', format('r%s@example.com', i))) FROM generate_series(1, 100) i)) AS c \gset
SELECT count(pg_temp.send(:'c')) FROM generate_series(1, 3);
SELECT is((SELECT count(*) FROM sent a JOIN sent b USING (campaign_id, lead_id) WHERE campaign_id = :'c' AND a.step = 1 AND b.step > 1 AND b.subject = 'Re: ' || a.subject), 200::bigint, 'a random text is the one that was sent');

-- Attempts, and leases of other sizes.
SELECT pg_temp.campaign(pg_temp.steps('One', '', ''), '[{"email": "ann@example.com"}, {"email": "bob@example.com"}, {"email": "cy@example.com"}]') AS c \gset
SELECT pg_temp.send(:'c', 2), pg_temp.send(:'c', 1);
SELECT is(pg_temp.send(:'c', 3, false), 'ann: Re: One (1), bob: Re: One (1), cy: Re: One (1)', 'a lease on what came from several');
SELECT lt_fail_messages(lease_id, array_agg(message_id), 'no') FROM sent WHERE n = (SELECT max(n) FROM sent) GROUP BY lease_id;
SELECT pg_temp.at('1 hour');
SELECT is(pg_temp.send(:'c', 3), 'ann: Re: One (1), bob: Re: One (1), cy: Re: One (1)', 'a second attempt says the same');
SELECT is(pg_temp.send(:'c', 1) || ', ' || pg_temp.send(:'c', 1) || ', ' || pg_temp.send(:'c', 1), 'ann: Re: One (1 2), bob: Re: One (1 2), cy: Re: One (1 2)', 'as do leases of one');
SELECT pg_temp.campaign(pg_temp.steps('{{n}}', '', ''), (SELECT jsonb_agg(jsonb_build_object('email', format('m%s@example.com', i), 'n', i)) FROM generate_series(1, 2500) i)) AS c \gset
SELECT count(pg_temp.send(:'c', 10000)) FROM generate_series(1, 3);
SELECT is((SELECT count(*) FROM sent a JOIN sent b USING (campaign_id, lead_id) JOIN sent c USING (campaign_id, lead_id)
    WHERE campaign_id = :'c' AND a.step = 1 AND b.step = 2 AND c.step = 3 AND b.subject = 'Re: ' || a.subject AND c.subject = b.subject AND b.message_references = ARRAY[a.message_id::text] AND c.message_references = ARRAY[a.message_id::text, b.message_id::text]), 2500::bigint, 'a lease from which several batches follow');
SELECT is((SELECT count(*) FROM leadterra.batches b JOIN leadterra.leases l ON l.lease_id = b.after_lease_id AND l.campaign_id = b.campaign_id WHERE b.campaign_id = :'c' AND b.step > 1), 6::bigint, 'which name it');

-- Variants: those that were sent, whatever the weights have become.
SELECT pg_temp.campaign('[{"bodyHtml": "b", "variants": [{"subject": "A"}, {"subject": "B"}, {"subject": ""}]}, {"bodyHtml": "b", "delayDays": 0, "variants": [{"subject": "X"}, {"subject": ""}, {"subject": ""}]}, {"subject": "", "bodyHtml": "b", "delayDays": 0}]',
    (SELECT jsonb_agg(jsonb_build_object('email', format('v%s@example.com', i))) FROM generate_series(1, 300) i)) AS c \gset
SELECT count(pg_temp.send(:'c'));
SELECT lt_pause_campaign(:'c'), lt_set_steps(:'c', '[{"bodyHtml": "b", "variants": [{"subject": "A", "disabled": true}, {"subject": "B", "disabled": true}, {"subject": "", "disabled": true}, {"subject": "D"}]}, {"bodyHtml": "b", "delayDays": 0, "variants": [{"subject": "X"}, {"subject": ""}, {"subject": ""}]}, {"subject": "", "bodyHtml": "b"}]'), lt_start_campaign(:'c');
SELECT count(pg_temp.send(:'c')), count(pg_temp.send(:'c'));
SELECT is((SELECT string_agg(DISTINCT format('%s/%s: %s (%s)', a.variant, b.variant, b.subject, b.message_references = ARRAY[a.message_id::text]), ', ' ORDER BY format('%s/%s: %s (%s)', a.variant, b.variant, b.subject, b.message_references = ARRAY[a.message_id::text]))
    FROM sent a JOIN sent b USING (campaign_id, lead_id) WHERE campaign_id = :'c' AND a.step = 1 AND b.step = 2),
    '1/1: X (), 1/2: Re: A (t), 1/3: Re: A (t), 2/1: X (), 2/2: Re: B (t), 2/3: Re: B (t), 3/1: X (), 3/2:  (t), 3/3:  (t)', 'the subject is that of the variant that was sent, though no more is; a variant with a subject begins a thread');
SELECT is((SELECT count(*) FROM sent a JOIN sent b USING (campaign_id, lead_id) JOIN sent c USING (campaign_id, lead_id) WHERE campaign_id = :'c' AND a.step = 1 AND b.step = 2 AND c.step = 3
    AND c.subject = CASE WHEN b.variant = 1 THEN 'Re: X' WHEN a.variant = 3 THEN '' ELSE 'Re: ' || a.subject END
    AND c.message_references = CASE WHEN b.variant = 1 THEN '{}' ELSE ARRAY[a.message_id::text] END || b.message_id::text), 300::bigint, 'and so on in the third');

-- Where the way back is gone.
CREATE FUNCTION pg_temp.after(change text) RETURNS text LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    c uuid := pg_temp.campaign(pg_temp.steps('One', '', ''), '[{"email": "ann@example.com"}]');
BEGIN
    PERFORM pg_temp.send(c), pg_temp.send(c);
    EXECUTE replace(change, '$c', quote_literal(c));
    RETURN pg_temp.send(c);
END;
$$;
ALTER TABLE leadterra.leases DROP CONSTRAINT leases_valid;
ALTER TABLE leadterra.batches DROP CONSTRAINT batches_valid;
SELECT is(pg_temp.after(change), format('ann: Re: One (%s)', refers), change)
FROM (VALUES
    ('SELECT 1', '1 2'), ('DELETE FROM leadterra.leases WHERE campaign_id = $c', ''),
    ('DELETE FROM leadterra.leases WHERE lease_id = (SELECT min(lease_id::text)::uuid FROM leadterra.leases WHERE campaign_id = $c)', '2'),
    ('UPDATE leadterra.batches SET after_lease_id = NULL WHERE campaign_id = $c AND step = 3', ''), ('UPDATE leadterra.batches SET after_lease_id = lt_uuidv7() WHERE campaign_id = $c', ''),
    ('DELETE FROM leadterra.batches WHERE campaign_id = $c AND step = 1', '2'), ('UPDATE leadterra.batches SET step = 7 WHERE campaign_id = $c AND step = 2', ''),
    ('UPDATE leadterra.leases SET variants = ''\xff'' WHERE campaign_id = $c', '1 2'), ('UPDATE leadterra.leases SET variants = ''\x'' WHERE campaign_id = $c', '1 2'),
    ('UPDATE leadterra.leases SET firsts = ''{-9000}'', lasts = ''{30000}'' WHERE campaign_id = $c', ''), ('UPDATE leadterra.leases SET batch_ids = ''{NULL}'' WHERE campaign_id = $c', ''),
    ('UPDATE leadterra.leases SET batch_ids = ''{}'', firsts = ''{}'' WHERE campaign_id = $c', ''), ('UPDATE leadterra.batches SET lead_ids = ARRAY[lead_ids, lead_ids] WHERE campaign_id = $c AND step = 2', '')) v (change, refers);

-- lt_maintain keeps what may be referred to, and nothing else.
SELECT pg_temp.campaign('[{"subject": "One", "bodyHtml": "b"}, {"subject": "", "bodyHtml": "b", "delayDays": 200}, {"subject": "", "bodyHtml": "b", "delayDays": 200}]', '[{"email": "ann@example.com"}]') AS c \gset
SELECT pg_temp.send(:'c');
SELECT pg_temp.at('201 days');
SELECT count(lt_maintain()) FROM generate_series(1, 5);
SELECT is(pg_temp.send(:'c', complete => false), 'ann: Re: One (1)', 'what a message that waits refers to is kept');
SELECT count(lt_maintain('0')) FROM generate_series(1, 5);
SELECT lt_release_lease(lease_id) FROM sent ORDER BY n DESC LIMIT 1;
SELECT count(lt_maintain('0')) FROM generate_series(1, 5);
SELECT is(pg_temp.send(:'c'), 'ann: Re: One (1)', 'and of one that was leased');
SELECT pg_temp.at('202 days');
SELECT count(lt_maintain('0')) FROM generate_series(1, 5);
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'c'), 1::bigint, 'the one before is kept no longer');
SELECT pg_temp.at('403 days');
SELECT is(pg_temp.send(:'c'), 'ann: Re: One (2)', 'the last is referred to, as far as there is a way back');
SELECT pg_temp.at('404 days');
SELECT count(lt_maintain('0')) FROM generate_series(1, 5);
SELECT is((SELECT count(*) FROM leadterra.leases WHERE campaign_id = :'c'), 0::bigint, 'a finished campaign keeps none');

SELECT * FROM finish();
ROLLBACK;
