-- http: published calls on suppressions.

CREATE FUNCTION leadterra.http_suppress(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT a.counts || jsonb_build_object('result', a.counts)
    FROM @extschema@.lt_suppress(leadterra.http_emails(http_suppress.body)) s
    CROSS JOIN LATERAL jsonb_build_object(
        'suppressed', s.suppressed, 'alreadySuppressed', s.already_suppressed,
        'total', s.total) AS a (counts);
END;

COMMENT ON FUNCTION leadterra.http_suppress(jsonb) IS
'Answer POST /v1/suppression-list

Parameters:
  body  has emails, at most 1,000

Returns: suppressed, alreadySuppressed and total, and all of it again under result.

Errors: those of lt_suppress.';

CREATE FUNCTION leadterra.http_suppressions(
    email text DEFAULT NULL,
    search text DEFAULT NULL,
    after text DEFAULT NULL,
    "limit" integer DEFAULT 100)
RETURNS jsonb
LANGUAGE sql STABLE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT leadterra.http_limit(http_suppressions."limit", 1000);
    WITH page AS MATERIALIZED (
        SELECT s.entry, s.reason, s.created_at
        FROM @extschema@.lt_is_suppressed(http_suppressions.email) s
        WHERE http_suppressions.email IS NOT NULL
        UNION ALL
        SELECT s.entry, s.reason, s.created_at
        FROM @extschema@.lt_list_suppressions(
            http_suppressions.search, http_suppressions.after, http_suppressions."limit") s
        WHERE http_suppressions.email IS NULL
    )
    SELECT leadterra.http_page(
        jsonb_agg(jsonb_build_object(
            'entry', p.entry, 'reason', p.reason, 'createdAt', leadterra.http_time(p.created_at))
            ORDER BY p.entry),
        CASE WHEN count(*) = http_suppressions."limit" AND http_suppressions.email IS NULL
            THEN max(p.entry) END)
    FROM page p;
END;

COMMENT ON FUNCTION leadterra.http_suppressions(text, text, text, integer) IS
'Answer GET /v1/suppression-list

Parameters:
  email   the entry that keeps this address from being mailed alone
  search  entries that begin so
  after   next of the page before
  limit   of the page, up to 1,000

Returns: a page of entries.';

CREATE FUNCTION leadterra.http_unsuppress(body jsonb)
RETURNS jsonb
LANGUAGE sql VOLATILE PARALLEL UNSAFE
BEGIN ATOMIC
    SELECT jsonb_build_object(
        'removed', @extschema@.lt_unsuppress(
            leadterra.http_emails(http_unsuppress.body)));
END;

COMMENT ON FUNCTION leadterra.http_unsuppress(jsonb) IS
'Answer DELETE /v1/suppression-list

Parameters:
  body  has emails, at most 1,000 entries as they are on the list

Returns: how many were on it.

Errors: those of lt_unsuppress.';
