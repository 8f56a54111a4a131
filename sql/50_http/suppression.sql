-- http: published calls on suppressions.

CREATE FUNCTION leadterra.http_emails(body jsonb)
RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    emails constant jsonb := leadterra.http_member(body, 'emails', 'array');
BEGIN
    IF emails IS NULL THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" is missing');
    ELSIF jsonb_array_length(emails) > 1000 THEN
        PERFORM leadterra.raise_error('invalid_request',
            format('%s emails are more than 1000', jsonb_array_length(emails)));
    ELSIF jsonb_path_exists(emails, '$[*] ? (@.type() != "string")') THEN
        PERFORM leadterra.raise_error('invalid_request', '"emails" must hold strings');
    END IF;
    RETURN ARRAY(
        SELECT e.email
        FROM jsonb_array_elements_text(emails) WITH ORDINALITY AS e (email, place)
        ORDER BY e.place);
END;
$$;

COMMENT ON FUNCTION leadterra.http_emails(jsonb) IS
'Return the array of addresses, at most 1,000, in the body of a request.';

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
