-- email: each refusal of an address has its own code; everything else is
-- accepted and stored trimmed and in ASCII lower case.
BEGIN;

CREATE TEMP TABLE refused (address text, code text);
INSERT INTO refused VALUES
    ('', 'email_empty'),
    (E' \t\r\n', 'email_empty'),
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
    (repeat('a', 65) || '@example.com', 'email_local_too_long'),
    (repeat('é', 33) || '@example.com', 'email_local_too_long'),
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
    (E'a@example\u3002com', 'email_label_character'),
    (E'a@ex\u00ADample.com', 'email_label_character'),
    ('a@' || repeat('b', 64) || '.com', 'email_label_too_long'),
    ('a@' || repeat(repeat('b', 60) || '.', 5) || 'com', 'email_too_long'),
    (repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'info', 'email_too_long');

CREATE TEMP TABLE accepted (address text, stored text);
INSERT INTO accepted VALUES
    ('a@b.co', 'a@b.co'),
    (E' \tA.B+Tag@Example.COM\r\n', 'a.b+tag@example.com'),
    ('!#$%&''*+-/=?^_`{|}~@example.com', '!#$%&''*+-/=?^_`{|}~@example.com'),
    ('first.last@sub.sub-domain.example.com', 'first.last@sub.sub-domain.example.com'),
    ('1@1.1a', '1@1.1a'),
    ('a@xn--bcher-kva.example', 'a@xn--bcher-kva.example'),
    -- Only ASCII is folded: the case of other letters is the mailbox's own.
    ('ÄRGER@Bücher.Example', 'Ärger@bücher.example'),
    ('用户@例子.公司', '用户@例子.公司'),
    (repeat('a', 64) || '@example.com', repeat('a', 64) || '@example.com'),
    ('a@' || repeat('b', 63) || '.com', 'a@' || repeat('b', 63) || '.com'),
    (repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'com', repeat('a', 64) || '@' || repeat(repeat('b', 61) || '.', 3) || 'com');

SELECT plan((SELECT count(*)::integer + 3 FROM refused) + (SELECT 2 * count(*)::integer FROM accepted));

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

SELECT is((SELECT count(DISTINCT code) FROM refused), 18::bigint, 'every code of a refusal is shown here');
SELECT is((SELECT length(stored) FROM accepted ORDER BY 1 DESC LIMIT 1), 254, 'the longest address has 254 octets');
SELECT is(
    (SELECT array_agg(DISTINCT reason) FROM lt_bulk_upsert_report(:'campaign', (SELECT jsonb_agg(jsonb_build_object('email', address)) FROM refused), 'skip')),
    '{invalid_email}', 'a report calls all of them invalid_email');

SELECT * FROM finish();
ROLLBACK;
