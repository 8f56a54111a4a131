-- email: each refusal of an address has its own code; everything else is accepted and
-- stored in its normal form.
BEGIN;

-- What shows nothing: space goes from both sides of an address, and the rest never.
CREATE TEMP TABLE invisible AS
SELECT chr(('x' || lpad(hex, 8, '0'))::bit(32)::integer) AS mark, is_space
FROM (VALUES (true, '85,a0,ad,61c,115f,1680,17b4,180e,2000,2009,200b,200c,200d,200e,200f,2028,202a,202e,202f,205f,2060,2063,2066,2069,206f,2800,3000,3164,feff,fff9,ffa0'),
    (false, '80,9f,180b,fe00,fe0f,34f,fffc,fffd,e000,e0001,e0041,e0100,f0000')) m (is_space, hexes), unnest(string_to_array(hexes, ',')) hex;

CREATE TEMP TABLE refused (address text, code text);
INSERT INTO refused VALUES
    ('', 'email_empty'),
    (E' \t\r\n', 'email_empty'),
    (E'\u00A0\u200B\uFEFF', 'email_empty'),
    ('plain', 'email_no_at'),
    ('a@b@example.com', 'email_many_at'),
    ('@example.com', 'email_local_empty'),
    ('"a b"@example.com', 'email_quoted_local'),
    ('a(comment)@example.com', 'email_comment'),
    ('a@(comment)example.com', 'email_comment'),
    ('.a@example.com', 'email_local_dot'),
    ('a.@example.com', 'email_local_dot'),
    ('a..b@example.com', 'email_local_dot'),
    ('a b@example.com', 'email_local_character'),
    ('a,b@example.com', 'email_local_character'),
    ('a\b@example.com', 'email_local_character'),
    ('a<b>@example.com', 'email_local_character'),
    (E'a\nb@example.com', 'email_local_character'),
    (E'a\u007Fb@example.com', 'email_local_character'),
    (E'a\u00A0b@example.com', 'email_local_character'),
    (E'a\u200Bb@example.com', 'email_local_character'),
    (E'a\u202Eb@example.com', 'email_local_character'),
    ('*@example.com', 'email_local_wildcard'),
    -- A question mark of Greek is a semicolon by NFC.
    (E'a\u037Eb@example.com', 'email_local_character'),
    (repeat('a', 65) || '@example.com', 'email_local_too_long'),
    (repeat('é', 33) || '@example.com', 'email_local_too_long'),
    (repeat(E'e\u0301', 33) || '@example.com', 'email_local_too_long'),
    ('a@', 'email_domain_empty'),
    ('a@localhost', 'email_domain_one_label'),
    ('a@example.123', 'email_domain_numeric'),
    ('a@192.0.2.1', 'email_domain_numeric'),
    ('a@[192.0.2.1]', 'email_address_literal'),
    ('a@.example.com', 'email_label_empty'),
    ('a@example..com', 'email_label_empty'),
    ('a@example.com.', 'email_label_empty'),
    ('a@-example.com', 'email_label_hyphen'),
    ('a@example-.com', 'email_label_hyphen'),
    ('a@ex_ample.com', 'email_label_character'),
    ('a@ example.com', 'email_label_character'),
    ('a@example.com>', 'email_label_character'),
    (E'a@example.com\u3002', 'email_label_empty'),
    -- These stand for letters in UTS #46.
    ('a@acme™.com', 'email_label_character'),
    ('a@①.com', 'email_label_character'),
    -- Each of these is none by a rule of IDNA2008 about the whole label.
    (E'a@ex\u200Dample.com', 'email_label_idna'),
    (E'a@\u0301example.com', 'email_label_idna'),
    ('a@l·x.com', 'email_label_idna'),
    ('a@・.com', 'email_label_idna'),
    ('a@ab--ü.com', 'email_label_idna'),
    ('a@-ü.com', 'email_label_idna'),
    ('a@אa.com', 'email_label_idna'),
    ('a@ü_b.com', 'email_label_character'),
    ('a@' || repeat('ü', 60) || '.com', 'email_label_idna'),
    (repeat('a', 64) || '@' || repeat(repeat('ü', 52) || '.', 4) || 'com', 'email_too_long'),
    (E'a@ex\u00ADample.com', 'email_label_character'),
    ('a@' || repeat('b', 64) || '.com', 'email_label_too_long'),
    ('a@' || repeat(repeat('b', 60) || '.', 5) || 'com', 'email_too_long'),
    (repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'info', 'email_too_long');
-- Typography, what shows nothing, and what turns the text around it: at the start and
-- the end of an address, and inside of both parts.
INSERT INTO refused
SELECT address, code
FROM regexp_split_to_table('‘ ’ ‚ ‛ “ ” „ « » ‹ › ′ ″ ´ ¨ – — ‐ − … • · ‣ § ¶ © ® ™ ° ✉ 📧 → 😀 ＠ ， ； 、 」 ・ ، ؟ ।', ' ') mark,
    LATERAL (VALUES (mark || 'ava@acme.com', 'email_local_character'), ('a' || mark || 'va@acme.com', 'email_local_character'), ('ava@acme.com' || mark, 'email_label_character'), ('ava@a' || mark || 'cme.com', 'email_label_character')) v (address, code)
WHERE NOT (mark IN ('·', '・') AND code = 'email_label_character')
UNION ALL
SELECT format('ava@acme.com%s', mark), 'email_label_idna' FROM unnest(ARRAY['·', '・']) mark
UNION ALL
SELECT address, code
FROM invisible,
    LATERAL (VALUES (true, mark || 'ava@acme.com', 'email_local_character'), (false, 'a' || mark || 'va@acme.com', 'email_local_character'), (true, 'ava@acme.com' || mark, 'email_label_character'), (false, 'ava@a' || mark || 'cme.com', 'email_label_character')) v (is_around, address, code)
-- Some scripts join letters by two of these, which a domain may have there.
WHERE NOT (is_space AND is_around) AND (mark NOT IN (E'\u200C', E'\u200D') OR code = 'email_local_character');

CREATE TEMP TABLE accepted (address text, stored text);
INSERT INTO accepted VALUES
    ('a@b.co', 'a@b.co'),
    (E' \tA.B+Tag@Example.COM\r\n', 'a.b+tag@example.com'),
    (E'\u200B\u3000 \u00A0many@example.com \u2028\u200D\u00AD', 'many@example.com'),
    ('!#$%&''*+-/=?^_`{|}~@example.com', '!#$%&''*+-/=?^_`{|}~@example.com'),
    ('first.last@sub.sub-domain.example.com', 'first.last@sub.sub-domain.example.com'),
    ('1@1.1a', '1@1.1a'),
    ('a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'),
    -- Only ASCII is folded: the case of other letters is the mailbox's own.
    ('ÄRGER@Ärger.Example', 'Ärger@xn--rger-koa.example'),
    (normalize('ÄRGER@café.Example', NFD), 'Ärger@xn--caf-dma.example'),
    -- Capital H has no composition with this mark, and the small one has.
    (E'H\u0331@example.com', 'ẖ@example.com'),
    (E'\u212Aelvin@e\u212A.com', 'kelvin@ek.com'),
    ('用户@例子.公司', '用户@xn--fsqu00a.xn--55qx5d'),
    ('a@例子。公司', 'a@xn--fsqu00a.xn--55qx5d'),
    ('wide@ＥＸＡＭＰＬＥ．ＣＯＭ', 'wide@example.com'),
    ('a@straße.example', 'a@xn--strae-oqa.example'),
    ('a@strasse.example', 'a@strasse.example'),
    ('a@l·l.example', 'a@xn--ll-0ea.example'),
    ('a@カ・カ.example', 'a@xn--lcka3v.example'),
    (E'a@\u0DC1\u0DCA\u200D\u0DBB\u0DD3.lk', 'a@xn--10cl1a0b660p.lk'),
    -- IDNA2008 has no such domain, and there it is.
    ('a@XN--i-7iq.ws', 'a@xn--i-7iq.ws'),
    ('a@xn--i-7iq.Bücher.example', 'a@xn--i-7iq.xn--bcher-kva.example'),
    ('a@xn--zzzzzz.example', 'a@xn--zzzzzz.example'),
    ('a@' || repeat('ü', 50) || '.example', 'a@xn--tda' || repeat('a', 49) || '.example'),
    ('γιώργος@example.com', 'γιώργος@example.com'),
    ('юрий@example.com', 'юрий@example.com'),
    ('דוד@example.com', 'דוד@example.com'),
    ('محمد٣@example.com', 'محمد٣@example.com'),
    ('हिन्दी@example.com', 'हिन्दी@example.com'),
    ('สมชาย@example.com', 'สมชาย@example.com'),
    ('さくら〇々@example.com', 'さくら〇々@example.com'),
    ('홍길동@example.com', '홍길동@example.com'),
    (repeat('a', 64) || '@example.com', repeat('a', 64) || '@example.com'),
    ('a@' || repeat('b', 63) || '.com', 'a@' || repeat('b', 63) || '.com'),
    (repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'com', repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'com');

INSERT INTO accepted
SELECT address, 'ava@acme.com' FROM invisible, unnest(ARRAY[mark || 'ava@acme.com', 'ava@acme.com' || mark]) address WHERE is_space;

SELECT plan((SELECT count(*)::integer + 14 FROM refused) + (SELECT 2 * count(*)::integer FROM accepted));

SELECT lt_create_campaign('email') AS campaign \gset

CREATE FUNCTION pg_temp.refusal(campaign uuid, address text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    detail text;
BEGIN
    PERFORM lt_bulk_upsert(campaign, jsonb_build_array(jsonb_build_object('email', address)));
    RETURN 'none';
EXCEPTION WHEN SQLSTATE 'PT422' THEN
    GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
    RETURN detail::jsonb #>> '{errors,0,code}';
END;
$$;

SELECT is(pg_temp.refusal(:'campaign', address), code, format('%s is refused', to_json(left(address, 40)))) FROM refused;
SELECT is(pg_temp.refusal(:'campaign', address), 'none', format('%s is accepted', to_json(left(address, 40)))) FROM accepted;
SELECT is((SELECT count(*) FROM lt_leads WHERE email = stored), 1::bigint, format('%s is stored as it should be', to_json(left(address, 40)))) FROM accepted;

SELECT is((SELECT count(DISTINCT code) FROM refused), 20::bigint, 'every code of a refusal is shown here');
SELECT is((SELECT length(stored) FROM accepted ORDER BY 1 DESC LIMIT 1), 254, 'the longest address has 254 octets');
SELECT is(
    (SELECT array_agg(DISTINCT reason) FROM lt_bulk_upsert_report(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', address)) FROM refused), 'skip')),
    '{invalid_email}', 'a report calls all of them invalid_email');

-- A row in another form was written by hand: entries of block lists would miss it, so it is not mailed.
SELECT lt_create_campaign('by hand', '[{"subject": "s", "bodyHtml": "b"}]') AS by_hand \gset
SELECT lt_bulk_upsert(:'by_hand', (SELECT jsonb_agg(jsonb_build_object('email', format('é%s@hand.example', i))) FROM generate_series(1, 5) i));
UPDATE leadterra.leads SET email = CASE left(email, 2)
    WHEN 'é1' THEN 'a1@bücher.example' WHEN 'é2' THEN normalize(email, NFD) WHEN 'é3' THEN 'É3@Hand.example' WHEN 'é4' THEN 'ava@acme.com’' ELSE email END
WHERE email LIKE 'é_@hand.example';
SELECT lt_start_campaign(:'by_hand');
SELECT is((SELECT array_agg(email) FROM lt_claim_messages(10, '5 minutes', :'by_hand')), '{é5@hand.example}', 'an address that is not in normal form is not mailed');
SELECT is((SELECT array_agg(DISTINCT reason) FROM lt_messages WHERE campaign_id = :'by_hand' AND state = 'skipped'), '{invalid_email}', 'and is said to be invalid');

-- All spellings of an address are one lead for every call that names it.
CREATE TEMP TABLE spellings (email text);
INSERT INTO spellings VALUES ('josé@bücher.test'), (' JOSé@BÜCHER.test '), (normalize('josé@bücher.test', NFD)), ('josé@xn--bcher-kva.test'), (normalize('josé', NFD) || '@XN--BCHER-KVA.test'), ('josé@bücher。test');
SELECT lt_create_campaign('one') AS one \gset
SELECT is(lt_bulk_upsert(:'one', (SELECT jsonb_agg(jsonb_build_object('email', email)) FROM spellings))::text, '(1,5,0,6)', 'all spellings are one lead');
SELECT is((SELECT array_agg(l.email) FROM lt_leads l JOIN lt_enrollments e ON e.lead_id = l.lead_id WHERE e.campaign_id = :'one'), '{josé@xn--bcher-kva.test}', 'shown in A-labels');
SELECT is((SELECT array_agg(DISTINCT c.found) FROM spellings, LATERAL (SELECT count(*) AS found FROM lt_explain_lead(:'one', email)) c), '{0}', 'which is found, and has no steps');
SELECT lives_ok(format('SELECT lt_update_lead(%L, %L)', email, '{"firstName": "J"}'), format('is updated as %s', email)) FROM (SELECT email FROM spellings ORDER BY email COLLATE "C" LIMIT 1) s;
SELECT is(lt_remove_leads(:'one', (SELECT array_agg(email) FROM spellings)), 1, 'and taken out');
SELECT is(lt_delete_leads((SELECT array_agg(email) FROM spellings WHERE email !~ 'ü')), 1, 'and deleted');

-- Every call takes an address so.
SELECT lt_suppress(ARRAY[E'\u00A0kept@example.com\uFEFF', E'\u00A0kept.example\u200B']) \g /dev/null
SELECT is((SELECT array_agg(entry ORDER BY entry) FROM lt_suppressions WHERE entry ~ '^kept'), '{kept.example,kept@example.com}', 'an entry of the suppression list');
SELECT is((SELECT count(*) FROM lt_is_suppressed(E'\u2003kept@example.com')), 1::bigint, 'what is asked of it');
SELECT lt_update_lead(E'many@example.com\u00A0', '{"firstName": "Ann"}');
SELECT is((SELECT first_name FROM lt_leads WHERE email = 'many@example.com'), 'Ann', 'and the lead of a call');

SELECT * FROM finish();
ROLLBACK;
