-- The suppression list as users keep it.
\set SHOW_CONTEXT never

SELECT * FROM lt_suppress('{" Kim@Example.ORG ", blocked.example, *.deep.example, *.example.net}', 'complaint');
SELECT * FROM lt_suppress('{kim@example.org, lee@example.org, LEE@example.org}');
SELECT entry, reason FROM lt_suppressions ORDER BY entry;
SELECT * FROM lt_suppress('{}');

SELECT entry, reason FROM lt_is_suppressed('KIM@example.org');
SELECT entry FROM lt_is_suppressed('anyone@blocked.example');
SELECT entry FROM lt_is_suppressed('anyone@sub.blocked.example');
SELECT entry FROM lt_is_suppressed('anyone@deep.example');
SELECT entry FROM lt_is_suppressed('anyone@a.b.c.deep.example');
SELECT entry FROM lt_is_suppressed('anyone@x.example.net');
SELECT entry FROM lt_is_suppressed('anyone@example.net');

-- Of several the most specific.
SELECT lt_suppress('{*.b.deep.example, x@a.b.deep.example}');
SELECT entry FROM lt_is_suppressed('x@a.b.deep.example');
SELECT entry FROM lt_is_suppressed('y@a.b.deep.example');

-- A domain is one however it is spelled, and shown as mail servers have it.
SELECT * FROM lt_suppress('{bücher.example, BÜCHER.example, xn--bcher-kva.example, *.bücher.example, josé@例子.example, xn--i-7iq.ws}');
SELECT entry FROM lt_suppressions WHERE entry ~ 'xn--' ORDER BY entry;
SELECT entry FROM lt_is_suppressed('a@BÜCHER.example');
SELECT entry FROM lt_is_suppressed('a@shop.bücher.example');
SELECT entry FROM lt_is_suppressed(normalize('josé@例子.example', NFD));
SELECT lt_unsuppress('{BÜCHER.example, *.xn--bcher-kva.example}');

-- What is suppressed is left out of a campaign.
SELECT lt_create_campaign('Suppression') AS campaign \gset
SELECT index, outcome, reason FROM lt_bulk_upsert_report(:'campaign', '[
    {"email": "kim@example.org"}, {"email": "x@blocked.example"}, {"email": "x@a.deep.example"}, {"email": "ok@deep.example"}
]');
SELECT lt_unsuppress('{KIM@example.org, kim@example.org, *.DEEP.example, never@example.com, NULL, "not an entry"}');
SELECT * FROM lt_bulk_upsert(:'campaign', '[{"email": "kim@example.org"}, {"email": "x@a.deep.example"}]');

-- Errors.
SELECT lt_suppress(NULL);
SELECT lt_suppress('{a@example.com}', NULL);
SELECT lt_suppress('{ok@example.com, nodomain, "", NULL, "*.", "*", "*.a..b", "a@b", "x@[1.2.3.4]", "@example.com"}');
SELECT count(*) FROM lt_suppressions WHERE entry = 'ok@example.com';
-- Nobody has an address that one of these would match.
SELECT lt_suppress('{*@example.com, a@*.example.com, a.*.example.com, *.*, http://example.com, 192.0.2.1, example.com., "example.com or example.org", example.com’, ‘ava@example.com, büch_er.example, *.123}');
SELECT * FROM lt_block('{*@example.com, ok@example.com, a@example.org’}');
SELECT lt_is_suppressed('ava@example.com…');
SELECT lt_unsuppress(NULL);
SELECT lt_is_suppressed(NULL);
SELECT lt_is_suppressed('nobody');
SELECT lt_is_suppressed('example.com');
